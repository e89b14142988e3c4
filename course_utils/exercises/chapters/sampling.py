"""Exercises on writing with a model: the loop, the knobs, beams, padding, drafts.

Notebook 07. Distributions are never sorted and never alike in two rows of a batch: what
works on sorted or on single rows only is seen. No probability lies on an edge.
"""

import torch

from course_utils import sampling as component
from course_utils import speculative
from course_utils.exercises.engine.clinics import Clinic
from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import tensor
from course_utils.exercises.engine.questions import Question

# --- the loop -------------------------------------------------------------------------


def _model(table):
    """Return a made-up model: its scores depend on all tokens so far."""

    def model(ids):
        return torch.cos(5 * table[ids].cumsum(dim=1))  # (B, T) -> (B, T, V)

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


def greedy(model, ids, n, end):
    ids = list(ids)
    new = []
    while len(new) < n and end not in new:
        logits = model(torch.tensor([ids + new]))  # (1, T, V)
        new.append(logits[0, -1].argmax().item())
    return new


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


def _loop(model, ids, n, end, read=-1, pick=torch.argmax, context=None):
    """Write in one of the wrong ways that the misconceptions below name."""
    text = list(ids)
    for _ in range(n):
        given = context(text, ids) if context else text
        text.append(pick(model(torch.tensor([given]))[0, read]).item())
        if text[-1] == end:
            break
    return text[len(ids) :]


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


# --- temperature ----------------------------------------------------------------------


def _temperature_cases(rng):
    yield tensor(rng, 2, 3), 0.5
    yield tensor(rng, 3, 4), 2.0
    yield tensor(rng, 4, 6, scale=3.0), 0.7
    yield tensor(rng, 2, 9, scale=20.0) + 100, 1.4


def temperature(logits, temperature):
    return (logits / temperature).softmax(dim=-1)


temperature = Exercise(
    name="sampling.temperature",
    task="(logits (B, V), float temperature) -> probabilities (B, V) at this "
    "temperature: below 1 the likely tokens gain, above 1 the unlikely ones do.",
    reference=temperature,
    cases=_temperature_cases,
    hints=(
        "Two tokens score 2 and 1. At temperature 0.1, how far apart should they be?",
        "(B, V) in, (B, V) out; each row sums to 1. Scale the scores, not the result.",
        "divide the logits by the temperature\nsoftmax over the last dimension",
    ),
    proves="One number between always the likeliest token and any token at all.",
)


@temperature.wrong
def multiplied_by_the_temperature(logits, temperature):
    """You multiply. Then a high temperature sharpens, the wrong way round: divide."""
    return (logits * temperature).softmax(dim=-1)


@temperature.wrong
def probabilities_divided(logits, temperature):
    """You divide after softmax: the rows no longer sum to 1. Divide the logits."""
    return logits.softmax(dim=-1) / temperature


@temperature.wrong
def temperature_without_effect(logits, temperature):
    """Your result is the same at any temperature: a division after softmax is undone
    when the rows are scaled to 1 again, and softmax does not see what is added to all
    scores. Divide the logits, before softmax."""
    return logits.softmax(dim=-1)


@temperature.wrong
def softmax_over_the_batch(logits, temperature):
    """Your columns sum to 1, not your rows: softmax runs over the V tokens (dim=-1)."""
    return (logits / temperature).softmax(dim=0)


@temperature.wrong
def still_scores(logits, temperature):
    """You return scores. Probabilities are asked for: a softmax is missing."""
    return logits / temperature


@temperature.wrong
def log_probabilities(logits, temperature):
    """You return log-probabilities. They are all negative; probabilities sum to 1."""
    return (logits / temperature).log_softmax(dim=-1)


@temperature.wrong
def probabilities_raised_to_a_power(logits, temperature):
    """You raise the probabilities to the power of the temperature: a high one then
    sharpens, and the rows no longer sum to 1. Divide the logits before softmax."""
    return logits.softmax(dim=-1) ** temperature


@temperature.wrong
def scaled_by_the_sum_of_the_batch(logits, temperature):
    """All your rows together sum to 1. Each row is a distribution of its own: sum over
    the last dimension only."""
    return (logits / temperature).flatten().softmax(dim=0).view(logits.shape)


# --- top-k ----------------------------------------------------------------------------


def _top_k_cases(rng):
    for B, V, k in ((1, 5, 2), (2, 6, 3), (3, 9, 4), (2, 7, 2)):
        yield tensor(rng, B, V, scale=2.0), k


def top_k(logits, k):
    kth = logits.topk(k).values[:, -1:]  # (B, 1)
    return logits.masked_fill(logits < kth, -torch.inf).softmax(dim=-1)


top_k = Exercise(
    name="sampling.top_k",
    task="(logits (B, V), int k) -> probabilities (B, V): in each row the k highest "
    "scores share all probability among them, as softmax says; the others get 0.",
    reference=top_k,
    cases=_top_k_cases,
    hints=(
        "Which score gets probability 0 from softmax? Not the score 0.",
        "topk(k).values is (B, k), best first; its last column is each row's bar.",
        "bar = k-th highest score of each row, (B, 1)\n"
        "scores below the bar become -inf\n"
        "softmax over the last dimension",
    ),
    proves="The long tail is cut off, and what is left is a distribution again.",
)


def _keep(logits, mask, fill=-torch.inf):
    return logits.masked_fill(~mask, fill).softmax(dim=-1)


def _at_least(logits, k):
    return logits >= logits.topk(k).values[:, -1:]


@top_k.wrong
def one_token_too_many_kept(logits, k):
    """You keep k + 1 tokens: an index that starts at 0 is one further than it looks."""
    return _keep(logits, _at_least(logits, k + 1))


@top_k.wrong
def one_token_too_few_kept(logits, k):
    """You keep k - 1 tokens: the k-th itself stays. Compare with >=, not with >."""
    return _keep(logits, logits > logits.topk(k).values[:, -1:])


@top_k.wrong
def the_lowest_kept(logits, k):
    """You keep the k lowest scores. sort() puts the lowest first."""
    return _keep(logits, _at_least(-logits, k))


@top_k.wrong
def cut_scores_set_to_0(logits, k):
    """You set the cut scores to 0. A score of 0 is quite likely: softmax gives it
    exp(0) = 1 before scaling. Only -inf becomes 0."""
    return _keep(logits, _at_least(logits, k), 0.0)


@top_k.wrong
def not_scaled_again(logits, k):
    """Your rows sum to less than 1: what was cut is missing. Cut the scores before
    softmax, or divide by the sum of what is left."""
    return logits.softmax(dim=-1) * _at_least(logits, k)


@top_k.wrong
def one_bar_for_all_rows(logits, k):
    """You look for the k highest scores of the whole batch. Each row has its own k."""
    return _keep(logits, logits >= logits.flatten().topk(k).values[-1])


@top_k.wrong
def an_equal_share_for_each(logits, k):
    """All that are kept get the same probability, 1/k. The likelier of them stays
    likelier."""
    return _at_least(logits, k) / k


@top_k.wrong
def only_the_kept_returned(logits, k):
    """You return the k probabilities alone, (B, k): then nobody knows whose they are.
    Return one for each token, 0 for the cut ones."""
    return logits.topk(k).values.softmax(dim=-1)


@top_k.wrong
def scores_divided_by_their_sum(logits, k):
    """You divide the scores by their sum. Scores may be negative; softmax makes
    probabilities of them."""
    kept = logits.masked_fill(~_at_least(logits, k), 0.0)
    return kept / kept.sum(dim=-1, keepdim=True)


# --- top-p ----------------------------------------------------------------------------


def _top_p_cases(rng):
    yield torch.tensor([[0.15, 0.5, 0.05, 0.3]]), 0.6
    yield torch.tensor([[0.15, 0.5, 0.05, 0.3]]), 0.9
    yield torch.tensor([[0.02, 0.31, 0.4, 0.27], [0.85, 0.04, 0.06, 0.05]]), 0.8
    for V in (7, 9):
        while True:
            p, rows = rng.uniform(0.5, 0.9), tensor(rng, 3, V, scale=1.5).softmax(-1)
            sums = rows.sort(dim=-1, descending=True).values.cumsum(dim=-1)
            if (sums - p).abs().min() > 0.01:
                break
        yield rows, p


def top_p(probabilities, p):
    ordered, order = probabilities.sort(dim=-1, descending=True)
    before = ordered.cumsum(dim=-1) - ordered  # what the likelier ones have together
    kept = torch.where(before < p, ordered, 0.0)
    kept = torch.zeros_like(kept).scatter(-1, order, kept)  # back to their places
    return kept / kept.sum(dim=-1, keepdim=True)


top_p = Exercise(
    name="sampling.top_p",
    task="(probabilities (B, V), float p) -> (B, V): in each row keep the fewest "
    "likeliest tokens that together have at least p. The others get 0, and what is "
    "left is scaled to sum to 1.",
    reference=top_p,
    cases=_top_p_cases,
    hints=(
        "Probabilities .5, .3, .15, .05 and p = .6: does the token with .3 stay?",
        "sort(descending=True) gives (B, V) values and their places; cumsum adds up.",
        "sort, likeliest first\n"
        "a token stays if the likelier ones together have less than p\n"
        "put the kept ones back to their places (scatter)\n"
        "divide by the row's sum",
    ),
    proves="Few tokens where the model is sure, many where it is not.",
)


def _nucleus(probabilities, p, stays):
    """Keep by a rule on (values, sums up to and with each), sorted, and scale."""
    ordered, order = probabilities.sort(dim=-1, descending=True)
    kept = torch.where(stays(ordered, ordered.cumsum(dim=-1)), ordered, 0.0)
    kept = torch.zeros_like(kept).scatter(-1, order, kept)
    return kept / kept.sum(dim=-1, keepdim=True)


@top_p.wrong
def the_token_that_crosses_p_is_dropped(probabilities, p):
    """You drop the token with which the sum passes p, so what is left has less than p,
    and nothing at all where the first token alone has more. It stays: compare with the
    sum of the tokens *before*."""
    return _nucleus(probabilities, p, lambda ordered, sums: sums <= p)


@top_p.wrong
def the_crossing_token_dropped_and_nothing_scaled(probabilities, p):
    """Two things: the token with which the sum passes p has to stay, and what is left
    has to be divided by its sum."""
    ordered, order = probabilities.sort(dim=-1, descending=True)
    kept = torch.where(ordered.cumsum(dim=-1) <= p, ordered, 0.0)
    return torch.zeros_like(kept).scatter(-1, order, kept)


@top_p.wrong
def not_sorted(probabilities, p):
    """You add up in the order of the vocabulary. Sort first: the likeliest are to be
    kept, not those with small ids."""
    before = probabilities.cumsum(dim=-1) - probabilities
    kept = torch.where(before < p, probabilities, 0.0)
    return kept / kept.sum(dim=-1, keepdim=True)


@top_p.wrong
def kept_but_not_scaled(probabilities, p):
    """Your rows sum to p or a little more. Divide by the sum of what is left."""
    ordered, order = probabilities.sort(dim=-1, descending=True)
    before = ordered.cumsum(dim=-1) - ordered
    kept = torch.where(before < p, ordered, 0.0)
    return torch.zeros_like(kept).scatter(-1, order, kept)


@top_p.wrong
def left_in_sorted_order(probabilities, p):
    """Your result is sorted, likeliest first: token 0 would get the probability of the
    likeliest. Put each one back to its place."""
    ordered = probabilities.sort(dim=-1, descending=True).values
    kept = torch.where(ordered.cumsum(dim=-1) - ordered < p, ordered, 0.0)
    return kept / kept.sum(dim=-1, keepdim=True)


@top_p.wrong
def the_mask_left_in_sorted_order(probabilities, p):
    """You compute the mask on sorted values and lay it on unsorted ones: it keeps the
    first places of the vocabulary. Carry it back with the order."""
    ordered = probabilities.sort(dim=-1, descending=True).values
    kept = torch.where(ordered.cumsum(dim=-1) - ordered < p, probabilities, 0.0)
    return kept / kept.sum(dim=-1, keepdim=True)


@top_p.wrong
def the_unlikely_kept(probabilities, p):
    """You add up from the unlikely end. sort() is ascending; ask for descending."""
    ordered, order = probabilities.sort(dim=-1)
    kept = torch.where(ordered.cumsum(dim=-1) - ordered < p, ordered, 0.0)
    kept = torch.zeros_like(kept).scatter(-1, order, kept)
    return kept / kept.sum(dim=-1, keepdim=True)


@top_p.wrong
def p_as_a_bar_for_each_token(probabilities, p):
    """You compare each probability by itself with 1 - p. Top-p looks at the sum of the
    likeliest."""
    return _nucleus(probabilities, p, lambda ordered, sums: ordered >= 1 - p)


@top_p.wrong
def the_crossing_token_stays_only_if_it_is_the_first(probabilities, p):
    """You drop the token with which the sum passes p, except where it is the likeliest.
    It always stays: compare with the sum of the tokens *before*."""
    first = probabilities.max(dim=-1, keepdim=True).values
    return _nucleus(
        probabilities, p, lambda ordered, sums: (sums <= p) | (ordered == first)
    )


@top_p.wrong
def scaled_by_the_batch(probabilities, p):
    """All your rows together sum to 1. Divide each row by its own sum:
    sum(dim=-1, keepdim=True)."""
    kept = kept_but_not_scaled(probabilities, p)
    return kept / kept.sum()


@top_p.wrong
def softmax_once_more(probabilities, p):
    """You apply softmax to probabilities: what was cut is back, since exp(0) is 1.
    Dividing by the sum is enough."""
    return kept_but_not_scaled(probabilities, p).softmax(dim=-1)


# --- the repetition penalty -----------------------------------------------------------


def _penalty_cases(rng):
    for B, V, T, penalty in ((2, 5, 3, 2.0), (2, 8, 4, 1.3), (3, 9, 6, 1.7)):
        ids = torch.tensor([[rng.randrange(V - 1) for _ in range(T)] for _ in range(B)])
        ids[0, :3] = torch.tensor([1, 1, 2])  # twice in its row, in no other
        ids[1:] = torch.where(ids[1:] == 1, 0, ids[1:])
        logits = tensor(rng, B, V, scale=2.0).abs() + 0.5
        sign = torch.tensor([-1.0, 1.0])[torch.arange(V) % 2]  # 1 up, 2 down
        yield logits * sign, ids, penalty


penalize_repetition = Exercise(
    name="sampling.penalize_repetition",
    task="(logits (B, V), ids (B, T), float penalty above 1) -> (B, V): what already "
    "stands in a row's ids becomes less likely there, once however often it stands: "
    "its score is divided by penalty where positive and multiplied where negative.",
    reference=component.penalize_repetition,
    cases=_penalty_cases,
    hints=(
        "A score of -4, divided by 2, is -2. Is the token now likelier or less likely?",
        "logits (B, V), ids (B, T): gather and scatter along dim 1 fit them together.",
        "seen = logits.gather(1, ids)\n"
        "seen: times penalty where negative, else divided by it\n"
        "return logits.scatter(1, ids, seen)",
    ),
    proves="A loop feeds on itself; this makes each repetition dearer.",
)


def _penalized(logits, ids, change):
    seen = logits.gather(1, ids)
    return logits.scatter(1, ids, change(seen))


@penalize_repetition.wrong
def negative_scores_divided(logits, ids, penalty):
    """You divide negative scores too: -4 becomes -2, and a repetition is rewarded.
    Multiply those."""
    return _penalized(logits, ids, lambda seen: seen / penalty)


@penalize_repetition.wrong
def repetition_rewarded(logits, ids, penalty):
    """Your repeated tokens get likelier: divide positive scores, multiply negative
    ones, not the other way round."""
    return _penalized(
        logits, ids, lambda seen: torch.where(seen < 0, seen / penalty, seen * penalty)
    )


@penalize_repetition.wrong
def penalty_subtracted(logits, ids, penalty):
    """You subtract the penalty. That works too (it is called a presence penalty), but
    here it is a factor."""
    return _penalized(logits, ids, lambda seen: seen - penalty)


@penalize_repetition.wrong
def every_token_penalized(logits, ids, penalty):
    """You change all scores, whether their token occurred or not."""
    return torch.where(logits < 0, logits * penalty, logits / penalty)


@penalize_repetition.wrong
def penalized_once_for_each_occurrence(logits, ids, penalty):
    """A token that stands twice is penalized twice. Once is asked for."""
    counts = torch.zeros_like(logits).scatter_add(1, ids, torch.ones(ids.shape))
    factor = penalty**counts
    return torch.where(logits < 0, logits * factor, logits / factor)


@penalize_repetition.wrong
def tokens_of_other_rows_penalized(logits, ids, penalty):
    """A token is penalized in all rows as soon as it stands in one. Each row of a batch
    is a text of its own."""
    return _penalized(
        logits,
        ids.flatten().expand(len(ids), -1),
        lambda seen: torch.where(seen < 0, seen * penalty, seen / penalty),
    )


@penalize_repetition.wrong
def only_the_last_token_penalized(logits, ids, penalty):
    """You penalize the last token alone. A loop of two tokens would go on."""
    return _penalized(
        logits,
        ids[:, -1:],
        lambda seen: torch.where(seen < 0, seen * penalty, seen / penalty),
    )


@penalize_repetition.wrong
def positive_scores_multiplied(logits, ids, penalty):
    """You multiply positive scores too: 4 becomes 8, and a repetition is rewarded.
    Divide those."""
    return _penalized(logits, ids, lambda seen: seen * penalty)


@penalize_repetition.wrong
def forbidden_altogether(logits, ids, penalty):
    """What occurred can never come again: no second *the*, no second comma. It is to
    become less likely, not impossible."""
    return logits.scatter(1, ids, -torch.inf)


# --- beam search ----------------------------------------------------------------------


def _beam_cases(rng):
    for n, V in ((2, 3), (2, 4), (3, 5), (3, 7)):
        while True:  # so that one beam dies and one parts in two
            log_probs = tensor(rng, n, V, scale=1.5).log_softmax(dim=-1)
            totals = tensor(rng, n).sub(3).sort(descending=True).values
            parents = beam_step.reference(totals, log_probs)[0]
            if len(set(parents.tolist())) in range(2, n) or (
                n == 2 and parents[0] != 0
            ):
                break
        yield totals, log_probs


def beam_step(totals, log_probs):
    n, V = log_probs.shape
    scores = totals[:, None] + log_probs  # (n, V): of each text with each token
    totals, best = scores.flatten().topk(n)
    return best // V, best % V, totals


beam_step = Exercise(
    name="sampling.beam_step",
    task="(totals (n,), log_probs (n, V)) -> (parents (n,), tokens (n,), totals (n,)): "
    "row i belongs to a text of log-probability totals[i]. Among all texts with one "
    "token more, return the n likeliest, best first: what each extends, by what.",
    reference=beam_step,
    cases=_beam_cases,
    hints=(
        "May two of the n texts that go on have the same beginning?",
        "totals[:, None] + log_probs is (n, V); flattened, place i * V + token.",
        "scores = totals[:, None] + log_probs\n"
        "totals, place = the n highest of scores.flatten()\n"
        "parents = place // V, tokens = place % V",
    ),
    proves="All extensions of all beginnings compete. Some beginnings die, some part.",
)


@beam_step.wrong
def each_beam_keeps_its_own_best(totals, log_probs):
    """Each of your texts goes on with its own likeliest token: that is n greedy
    searches side by side. All n · V extensions compete."""
    best, tokens = log_probs.max(dim=-1)
    totals, order = (totals + best).sort(descending=True)
    return order, tokens[order], totals


@beam_step.wrong
def the_past_is_forgotten(totals, log_probs):
    """You rank by the last token alone. A text's log-probability is that of all its
    tokens: add totals."""
    n, V = log_probs.shape
    totals, best = log_probs.flatten().topk(n)
    return best // V, best % V, totals


@beam_step.wrong
def multiplied_in_place_of_added(totals, log_probs):
    """You multiply logarithms. Probabilities are multiplied, so their logarithms are
    added."""
    n, V = log_probs.shape
    totals, best = (totals[:, None] * log_probs).flatten().topk(n)
    return best // V, best % V, totals


@beam_step.wrong
def probabilities_added(totals, log_probs):
    """You add probabilities (exp) to logarithms. Add the log-probabilities as they
    are."""
    n, V = log_probs.shape
    totals, best = (totals[:, None] + log_probs.exp()).flatten().topk(n)
    return best // V, best % V, totals


@beam_step.wrong
def only_the_best_beam_goes_on(totals, log_probs):
    """You extend the first text only. With that, one wrong first token is final, as in
    greedy search."""
    totals, tokens = (totals[0] + log_probs[0]).topk(len(totals))
    return torch.zeros_like(tokens), tokens, totals


@beam_step.wrong
def divided_by_n_in_place_of_V(totals, log_probs):
    """You take the flat place apart with n. A row has V places: parent = place // V,
    token = place % V."""
    n = len(totals)
    totals, best = (totals[:, None] + log_probs).flatten().topk(n)
    return best // n, best % n, totals


@beam_step.wrong
def parents_and_tokens_swapped(totals, log_probs):
    """Parents and tokens have changed places: place // V is the row, which text is
    extended."""
    n, V = log_probs.shape
    totals, best = (totals[:, None] + log_probs).flatten().topk(n)
    return best % V, best // V, totals


@beam_step.wrong
def the_worst_of_the_best_first(totals, log_probs):
    """Your n texts are right, their order is not: the likeliest comes first. sort() is
    ascending."""
    return tuple(part.flip(0) for part in beam_step.reference(totals, log_probs))


# --- padding --------------------------------------------------------------------------


def _padding_cases(rng):
    def padded(lengths):
        T = max(lengths)
        return torch.tensor([[t >= T - n for t in range(T)] for n in lengths])

    yield (padded([4, 2, 1]),)
    yield (padded([3, 5]),)
    for B in (3, 4, 5):
        yield (padded([rng.randint(1, 9) for _ in range(B)] + [10, 1]),)


def positions(padding):
    return (padding.cumsum(dim=1) - 1).clamp(min=0)  # (B, T)


positions = Exercise(
    name="sampling.positions",
    task="(padding bool (B, T)) -> int64 (B, T): where each token stands in its own "
    "text. padding is False where a row was filled up, on the left. The first real "
    "token stands at 0; what fills up gets 0 too.",
    reference=positions,
    cases=_padding_cases,
    hints=(
        "A text of three tokens in a row of five: where does its first token stand?",
        "padding.cumsum(dim=1) is (B, T) and counts the real tokens up to each place.",
        "count the real tokens up to and with each place\ntake 1 off, at least 0",
    ),
    proves="A text in a batch gets the positions that it would have alone.",
)


@positions.wrong
def what_fills_up_counts(padding):
    """You count from the left edge, so a short text begins at a late position. It would
    not write what it writes alone."""
    return torch.arange(padding.shape[1]).expand(padding.shape).clone()


@positions.wrong
def positions_start_at_1(padding):
    """Your first real token stands at 1. GPT-2's first row of positions is row 0."""
    return padding.cumsum(dim=1)


@positions.wrong
def what_fills_up_gets_minus_1(padding):
    """What fills up stands at -1, and the table of positions has no such row (torch
    raises an error). Any row will do, since nobody looks there: take 0."""
    return padding.cumsum(dim=1) - 1


@positions.wrong
def counted_from_the_end(padding):
    """You count backwards. With each new token all positions would change."""
    T = padding.shape[1]
    return torch.arange(T - 1, -1, -1).expand(padding.shape) * padding


@positions.wrong
def the_gap_taken_off_the_wrong_way(padding):
    """You treat the rows as if they were filled up on the right: 0, 1, 2 from the left
    edge, as many as there are real tokens."""
    n = padding.sum(dim=1, keepdim=True)
    places = torch.arange(padding.shape[1])
    return torch.where(places < n, places, 0)


@positions.wrong
def what_fills_up_counts_and_gets_0(padding):
    """What fills up has 0, as asked for, but your real tokens still count it: a short
    text begins at a late position."""
    return torch.arange(padding.shape[1]) * padding


@positions.wrong
def what_fills_up_is_negative(padding):
    """Your real tokens are right, but what fills up stands at negative positions. The
    table has no such rows: take 0 (clamp)."""
    gap = (~padding).sum(dim=1, keepdim=True)
    return torch.arange(padding.shape[1]) - gap


# --- the clinic: a cache --------------------------------------------------------------


def _step_by_step(gpt, ids, n, places):
    """(1, T) ids, the first n read at once -> (T - n + 1, V): scores after each.

    ``places`` holds the positions of the tokens that are read one by one.
    """
    cache = gpt.new_cache()
    with torch.no_grad():
        rows = [gpt.head(gpt.hidden(ids[:, :n], cache)[:, -1])]
        for token, place in zip(ids[0, n:], places, strict=True):
            x = gpt.token_embedding(token) + gpt.position_embedding.weight[place]
            x = x[None, None]  # (B, T, C)
            for block, memory in zip(gpt.blocks, cache, strict=True):
                x = block(x, memory)
            rows.append(gpt.head(gpt.final_norm(x)[:, -1]))
    return torch.cat(rows)


def _restarting(gpt, ids, n):
    return _step_by_step(gpt, ids, n, range(ids.shape[1] - n))


def _going_on(gpt, ids, n):
    return _step_by_step(gpt, ids, n, range(n, ids.shape[1]))


restart = Clinic(
    name="sampling.restart",
    complaint="With this cache writing is fast, the first new token is always right, "
    "and the text looks like language. But it is not what the model writes without a "
    "cache.",
    patient=_restarting,
    healthy=_going_on,
    suspects={
        "the prompt is not kept": "the new tokens would not see it, and without "
        "positions the scores would be wrong as well.",
        "each new token is put into the cache twice": "without positions, the scores "
        "would still be wrong: attention would count it twice.",
        "scores are read at the wrong place": "the scores after the prompt would "
        "already be wrong.",
        "the prompt is computed anew for each token": "no score would differ. It would "
        "be slow, nothing more.",
        "positions of new tokens start again at 0": "the scores after the prompt would "
        "be right, the later ones wrong, and all right in a model without positions.",
    },
    fault="positions of new tokens start again at 0",
    evidence="The scores after the prompt are right, so the model and the place where "
    "they are read are. All later ones are wrong, but in the model without positions "
    "none is: the right keys and values are there, each once. What is left is where "
    "the new tokens stand. A cache must know how many tokens it holds.",
)

# --- speculative decoding -------------------------------------------------------------


def _draft_cases(rng):
    for B, V in ((1, 4), (2, 5), (3, 7), (4, 6)):
        yield (
            tensor(rng, B, V, scale=1.5).softmax(dim=-1),
            tensor(rng, B, V, scale=1.5).softmax(dim=-1),
        )


acceptance = Exercise(
    name="sampling.acceptance",
    task="(p (B, V), q (B, V)) -> (keep (B, V), rest (B, V)): a draft proposes a token "
    "with probabilities q. How likely is it kept, and from which distribution is drawn "
    "where it is not, so that tokens come out with the probabilities p?",
    reference=speculative.acceptance,
    cases=_draft_cases,
    hints=(
        "The draft proposes a token twice as often as the model would. How often may "
        "it be kept? And one that it proposes too rarely?",
        "keep (B, V) in [0, 1]; rest (B, V), each row sums to 1.",
        "keep = p / q, at most 1\n"
        "rest = p - q where positive, else 0\n"
        "rest divided by its row's sum",
    ),
    proves="q · keep is the smaller of p and q; rest brings exactly what is missing.",
)


def _rest(p, q):
    return speculative.acceptance(p, q)[1]


def _kept(p, q):
    return speculative.acceptance(p, q)[0]


@acceptance.wrong
def q_over_p(p, q):
    """You divide the wrong way round: what the draft proposes too often would be kept
    always. It is p / q."""
    return (q / p).clamp(max=1), _rest(p, q)


@acceptance.wrong
def kept_with_probability_p(p, q):
    """You keep a token with the model's probability. It was already drawn with q: then
    it comes out with q · p."""
    return p.clone(), _rest(p, q)


@acceptance.wrong
def not_capped_at_1(p, q):
    """Some of your chances are over 1. A chance is at most 1; what is missing there is
    brought by the rest."""
    return p / q, _rest(p, q)


@acceptance.wrong
def replaced_from_p(p, q):
    """You draw the replacement from p itself. Then what the draft already brings comes
    too often: only what is missing, p - q, may be added."""
    return _kept(p, q), p.clone()


@acceptance.wrong
def the_rest_not_scaled(p, q):
    """Your rest does not sum to 1. Divide each row by its sum."""
    return _kept(p, q), (p - q).clamp(min=0)


@acceptance.wrong
def the_distance_in_place_of_what_is_missing(p, q):
    """You take |p - q|. Where the draft proposes too often, nothing is missing: 0."""
    rest = (p - q).abs()
    return _kept(p, q), rest / rest.sum(dim=-1, keepdim=True)


@acceptance.wrong
def what_the_draft_has_too_much_of(p, q):
    """Your rest is q - p: you add what there is too much of. It is p - q."""
    return _kept(p, q), _rest(q, p)


@acceptance.wrong
def kept_always_or_never(p, q):
    """You keep a token always (p at least q) or never. Where the draft proposes it
    twice as often as the model would, every second one is right: p / q."""
    return (p >= q).float(), _rest(p, q)


# --- recall ---------------------------------------------------------------------------

QUESTIONS = (
    Question(
        "Temperature 0.5: what is divided by 0.5, and what happens to likely tokens?",
        "The logits, before softmax. Their distances double: likely tokens gain.",
        (
            "sampling.temperature: multiplied by the temperature",
            "sampling.temperature: probabilities divided",
            "sampling.temperature: temperature without effect",
        ),
    ),
    Question(
        "Top-p 0.6 on the probabilities .5, .3, .15, .05: which tokens stay?",
        "The first two. The one with which the sum passes p stays.",
        (
            "sampling.top_p: the token that crosses p is dropped",
            "sampling.top_p: not sorted",
        ),
    ),
    Question(
        "Why are prompts of a batch filled up on the left?",
        "New tokens are appended to the last one, which must be a real one. Positions "
        "count real tokens only, so each text gets what it would get alone.",
        (
            "sampling.positions: what fills up counts",
            "sampling.positions: the gap taken off the wrong way",
        ),
    ),
    Question(
        "Beam search finds likelier texts than sampling does. Are they better?",
        "Not as texts: they are short, or they repeat themselves. Real text is not "
        "made of the likeliest words.",
        ("sampling.beam_step: each beam keeps its own best",),
    ),
)
