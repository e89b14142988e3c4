"""How surprised is a bigram model? Exercise mean_surprise and its mistakes."""

import torch

from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import tensor


def _text_cases(rng):
    for V, T in ((3, 3), (2, 2), (4, 6), (5, 9), (6, 40)):
        ids = torch.tensor([rng.randrange(V) for _ in range(T)])
        yield tensor(rng, V, V, scale=1.5).softmax(dim=1), ids


def mean_surprise(probabilities, ids):
    before, after = ids[:-1], ids[1:]
    return -probabilities[before, after].log().mean()


mean_surprise = Exercise(
    name="primer.mean_surprise",
    task="(probabilities (V, V), ids (T,)) -> tensor (): the mean over all T − 1 pairs "
    "of neighbours of −log p, the natural logarithm, where p = probabilities[a, b] for "
    "a followed by b.",
    reference=mean_surprise,
    cases=_text_cases,
    hints=(
        "The text a b c has two pairs, a b and b c. Which ids come first in a pair, "
        "and which second?",
        "ids[:-1] and ids[1:] have T − 1 entries each. A table takes both at once: "
        "table[rows, columns] picks T − 1 numbers.",
        "p = probabilities[ids[:-1], ids[1:]]\nreturn minus the mean of log p",
    ),
    proves="A GPT is trained on this loss too. Its probabilities come from all tokens "
    "before, not from the last one alone.",
)


@mean_surprise.wrong
def divided_by_the_tokens(probabilities, ids):
    """You divide by the T tokens, but T tokens make T − 1 pairs of neighbours."""
    return -probabilities[ids[:-1], ids[1:]].log().sum() / len(ids)


@mean_surprise.wrong
def pairs_turned_round(probabilities, ids):
    """You look up what came before, given what came after. The row is the token before,
    the column the token after."""
    return -probabilities[ids[1:], ids[:-1]].log().mean()


@mean_surprise.wrong
def every_token_with_itself(probabilities, ids):
    """You look up how likely each token follows itself. The second index has to be one
    place further on in the text."""
    return -probabilities[ids, ids].log().mean()


@mean_surprise.wrong
def minus_forgotten(probabilities, ids):
    """The logarithm of a probability is negative. Surprise is minus that: the rarer,
    the larger."""
    return probabilities[ids[:-1], ids[1:]].log().mean()


@mean_surprise.wrong
def sum_of_all_pairs(probabilities, ids):
    """This is the sum over the pairs, so a longer text looks worse. Take the mean."""
    return -probabilities[ids[:-1], ids[1:]].log().sum()


@mean_surprise.wrong
def logarithm_to_base_2(probabilities, ids):
    """This is in bits, to base 2. The course counts in nats: the natural logarithm."""
    return -probabilities[ids[:-1], ids[1:]].log2().mean()


@mean_surprise.wrong
def logarithm_of_the_mean(probabilities, ids):
    """You average the probabilities and then take the logarithm. Take the logarithm of
    each first: one impossible word must cost the model much."""
    return -probabilities[ids[:-1], ids[1:]].mean().log()


@mean_surprise.wrong
def every_row_with_every_column(probabilities, ids):
    """Indexed one after the other, each first token meets each second one: a table of
    (T − 1)². Give both indices in one bracket, table[rows, columns]."""
    return -probabilities[ids[:-1]][:, ids[1:]].log().mean()


@mean_surprise.wrong
def one_for_each_pair(probabilities, ids):
    """You return a surprise for each pair. Their mean is asked for: one number."""
    return -probabilities[ids[:-1], ids[1:]].log()


@mean_surprise.wrong
def logarithm_to_base_10(probabilities, ids):
    """You take the logarithm to base 10. Nats are natural logarithms: torch.log."""
    return -probabilities[ids[:-1], ids[1:]].log10().mean()
