"""The loop: exercise greedy and its mistakes."""

import torch

from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import tensor


def _model(table):
    """Return a made-up model: its scores depend on all tokens so far, and on where."""

    def model(ids):
        places = torch.arange(1, ids.shape[1] + 1)[:, None]  # (T, 1)
        return torch.cos(5 * (places * table[ids]).cumsum(dim=1))  # (B, T, V)

    return model


def _loop_cases(rng):
    for T, n, ends in ((2, 3, False), (1, 1, False), (3, 9, True), (4, 7, True)):
        while True:
            V = rng.randint(7, 9)
            table, ids = tensor(rng, V, V), [rng.randrange(V) for _ in range(T)]
            written = greedy.reference(_model(table), ids, n, -1)
            # Ends in the middle: at a token that has not come before.
            middle = [t for t in written[2:-2] if written.index(t) in range(2, n - 2)]
            if len(set(written)) > n // 2 and (middle or not ends):
                break
        others = [t for t in range(V) if t not in written]
        yield table, ids, n, middle[0] if ends else (others or [V])[0]
    yield table, ids, 0, V


def greedy(model, ids, n, end):
    ids = list(ids)
    new = []
    while len(new) < n and end not in new:
        logits = model(torch.tensor([ids + new]))  # (1, T, V)
        new.append(logits[0, -1].argmax().item())
    return new


def _loop(model, ids, n, end, read=-1, pick=torch.argmax, context=None):
    """Write in one of the wrong ways that the misconceptions below name."""
    text = list(ids)
    for _ in range(n):
        given = context(text, ids) if context else text
        text.append(pick(model(torch.tensor([given]))[0, read]).item())
        if text[-1] == end:
            break
    return text[len(ids) :]


greedy = Exercise(
    name="sampling.greedy",
    task="(model, list ids, int n, int end) -> list: the at most n tokens that model "
    "writes after ids, each the highest score; end, if it comes, is the last. "
    "model(ids (1, T)) gives logits (1, T, V): a row for what follows each token.",
    reference=greedy,
    cases=_loop_cases,
    observe=lambda function, table, *rest: function(_model(table), *rest),
    hints=(
        "The model gives T rows of scores. Which one is about the end of the text?",
        "logits (1, T, V); logits[0, -1] (V,); its argmax is one new token.",
        "new = []\n"
        "n times: logits = model of ids and new together\n"
        "    append the argmax of the last row\n"
        "    stop if that was end",
    ),
    proves="Predict one token, append it, ask again: writing is nothing more.",
)


@greedy.wrong
def the_text_is_never_extended(model, ids, n, end):
    """You ask about the same text every time, so you get the same token every time.
    What was written belongs to the next question."""
    return _loop(model, ids, n, end, context=lambda text, ids: ids)


@greedy.wrong
def only_the_last_token_is_given(model, ids, n, end):
    """You give the model its last token alone. Without a cache it has then forgotten
    the rest: give it the whole text."""
    return _loop(model, ids, n, end, context=lambda text, ids: text[-1:])


@greedy.wrong
def the_prompt_is_forgotten(model, ids, n, end):
    """After the first token you give the model only what is new. The prompt stays at
    the head of the text."""
    return _loop(model, ids, n, end, context=lambda text, ids: text[len(ids) :] or ids)


@greedy.wrong
def scores_read_at_the_first_position(model, ids, n, end):
    """You read row 0: what follows the first token. The last row, logits[0, -1], is
    about the end of the text."""
    return _loop(model, ids, n, end, read=0)


@greedy.wrong
def the_lowest_score_taken(model, ids, n, end):
    """You take the token that scores lowest."""
    return _loop(model, ids, n, end, pick=torch.argmin)


@greedy.wrong
def the_end_does_not_stop_it(model, ids, n, end):
    """You write on after the end of text. The model has met new documents there, so it
    begins another one."""
    return _loop(model, ids, n, -1)


@greedy.wrong
def the_end_is_left_out(model, ids, n, end):
    """The end of text is missing from your list. It was written too: keep it as the
    last token, so that whoever reads the list knows why it stops."""
    return [token for token in _loop(model, ids, n, end) if token != end]


@greedy.wrong
def one_token_too_many(model, ids, n, end):
    """You write n + 1 tokens. Stop as soon as there are n."""
    return _loop(model, ids, n + 1, end)


@greedy.wrong
def the_prompt_is_returned_too(model, ids, n, end):
    """Your list begins with the prompt. Here only the new tokens are asked for."""
    return [*ids, *_loop(model, ids, n, end)]


@greedy.wrong
def drawn_in_place_of_the_highest(model, ids, n, end):
    """You draw a token at random, in proportion to its probability. Greedy writing
    takes the highest score: argmax."""
    return _loop(model, ids, n, end, pick=lambda z: z.softmax(-1).multinomial(1))


@greedy.wrong
def the_prompt_counted(model, ids, n, end):
    """You stop at n tokens with the prompt counted. n is how many new ones there may
    be."""
    return _loop(model, ids, max(0, n - len(ids)), end)
