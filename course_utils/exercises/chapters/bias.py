"""Exercises on bias: measure it, sharpen it, swap it, weigh it; a secret's exposure.

Notebook 10. Groups of jobs are of unequal size, so that a sum of shares and a mean of
shares differ; texts hold every trap of a swap, and the letters of "he" inside words.
"""

import math
import re

import torch

from course_utils import bias as component
from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import tensor
from course_utils.exercises.engine.questions import Question

# --- the bias at each name ------------------------------------------------------------


def _typical(rng, N, J):
    """Return bool (N, J): from 2 to J - 2 typical jobs in each row, never half."""
    rows = []
    for _ in range(N):
        n = rng.choice([n for n in range(2, J - 1) if 2 * n != J])
        row = [True] * n + [False] * (J - n)
        rng.shuffle(row)
        rows.append(row)
    return torch.tensor(rows)


def _log_probs(rng, N, J, scale=1.0):
    """Return log P of J words that are not all words: they sum to less than 1."""
    return (tensor(rng, N, J + 3) * scale).log_softmax(dim=-1)[:, :J]


def _name_cases(rng):
    for N, J in ((2, 5), (3, 6), (4, 9)):
        yield _log_probs(rng, N, J), _typical(rng, N, J)


name_biases = Exercise(
    name="bias.name_biases",
    task="(log_probs (N, J), typical bool (N, J)) -> (N,): of J job words after each "
    "of N names, the share of the typical ones minus the share of the others. Shares "
    "are of the J words alone: whatever else could come next is left out.",
    reference=component.name_biases,
    cases=_name_cases,
    hints=(
        "The J probabilities sum to 0.6, say. To what must the shares sum?",
        "(N, J) log-probabilities -> (N, J) shares, each row sums to 1 -> (N,).",
        "shares = softmax of the log-probabilities over the jobs\n"
        "count shares of typical jobs as plus, the others as minus\n"
        "sum over the jobs",
    ),
    proves="A model's bias is a number now, on the scale of the world's own dial.",
)


def _signed(shares, typical):
    return torch.where(typical, shares, -shares).sum(dim=-1)


@name_biases.wrong
def all_other_words_count_too(log_probs, typical):
    """Your shares do not sum to 1: part of the probability is on words that are no
    jobs. Scale over the J words, as softmax over log-probabilities does."""
    return _signed(log_probs.exp(), typical)


@name_biases.wrong
def softmax_over_the_names(log_probs, typical):
    """Your columns sum to 1, not your rows. A name has its own distribution over jobs:
    softmax runs over the last dimension."""
    return _signed(log_probs.softmax(dim=0), typical)


@name_biases.wrong
def the_share_of_typical_jobs_alone(log_probs, typical):
    """You return the share of typical jobs. In an even world that is one half, not 0:
    take the share of the others off."""
    return torch.where(typical, log_probs.softmax(dim=-1), 0.0).sum(dim=-1)


@name_biases.wrong
def the_other_way_round(log_probs, typical):
    """Your sign is the other way round: typical jobs count as plus."""
    return -_signed(log_probs.softmax(dim=-1), typical)


@name_biases.wrong
def a_mean_over_each_group(log_probs, typical):
    """You compare the average typical job with the average other one. Shares are sums:
    a group of more jobs may well have more of the probability."""
    shares = log_probs.softmax(dim=-1)
    plus = torch.where(typical, shares, 0.0).sum(dim=-1) / typical.sum(dim=-1)
    return plus - torch.where(typical, 0.0, shares).sum(dim=-1) / (~typical).sum(dim=-1)


@name_biases.wrong
def a_ratio_in_place_of_a_difference(log_probs, typical):
    """You divide the two shares. Then an even name gives 1, and one with typical jobs
    only gives infinity. The dial is a difference."""
    shares = log_probs.softmax(dim=-1)
    plus = torch.where(typical, shares, 0.0).sum(dim=-1)
    return plus / (1 - plus)


@name_biases.wrong
def the_likeliest_job_decides(log_probs, typical):
    """You look at the likeliest job only: plus or minus 1. That is the bias of greedy
    writing. Here every job counts with its share."""
    best = log_probs.argmax(dim=-1, keepdim=True)
    return 2.0 * typical.gather(1, best)[:, 0] - 1


@name_biases.wrong
def log_probabilities_added(log_probs, typical):
    """You add log-probabilities. Their sum is the probability that all happen; for one
    *or* the other, add probabilities."""
    return _signed(log_probs, typical)


@name_biases.wrong
def one_number_for_all_names(log_probs, typical):
    """You return the mean over the names. Keep one number for each: a mean can hide
    that half of them lean one way and half the other."""
    return _signed(log_probs.softmax(dim=-1), typical).mean()


# --- temperature ----------------------------------------------------------------------


def _temperature_cases(rng):
    for N, J, temperature in ((2, 5, 0.5), (3, 6, 2.0), (4, 9, 0.3)):
        yield tensor(rng, N, J).softmax(dim=-1), _typical(rng, N, J), temperature


def at_temperature(probabilities, typical, temperature):
    powers = probabilities ** (1 / temperature)
    shares = powers / powers.sum(dim=-1, keepdim=True)
    return torch.where(typical, shares, -shares).sum(dim=-1)


at_temperature = Exercise(
    name="bias.at_temperature",
    task="(probabilities (N, J), typical bool (N, J), float temperature) -> (N,): the "
    "bias at each name if the next word is drawn at this temperature. The rows are "
    "probabilities at temperature 1; the temperature acts on each word.",
    reference=at_temperature,
    cases=_temperature_cases,
    hints=(
        "Logits are log-probabilities, but for a constant. What is exp(log(p) / T)?",
        "(N, J) probabilities -> (N, J) shares at T, each row sums to 1 -> (N,).",
        "raise each probability to the power of 1 / T\n"
        "divide each row by its sum\n"
        "typical jobs plus, the others minus, summed over the jobs",
    ),
    proves="Low temperature makes more of a bias than the data has, by a known amount.",
)


@at_temperature.wrong
def the_power_is_the_temperature(probabilities, typical, temperature):
    """You raise to the power of the temperature: a low one then flattens. Dividing the
    logits by T raises the probabilities to 1 / T."""
    return at_temperature.reference(probabilities, typical, 1 / temperature)


@at_temperature.wrong
def sharpened_but_not_scaled(probabilities, typical, temperature):
    """Your rows no longer sum to 1. Divide each by its sum after the power."""
    return _signed(probabilities ** (1 / temperature), typical)


@at_temperature.wrong
def the_temperature_has_no_effect(probabilities, typical, temperature):
    """Your result is the same at any temperature: what divides all probabilities alike
    is undone when the rows are scaled to 1. It must act as a power."""
    return _signed(probabilities, typical)


@at_temperature.wrong
def the_groups_are_sharpened(probabilities, typical, temperature):
    """You add the words up first and sharpen the two sums. The temperature acts on each
    word by itself: five words of 0.1 are not one of 0.5."""
    plus = torch.where(typical, probabilities, 0.0).sum(dim=-1)
    powers = torch.stack([plus, 1 - plus]) ** (1 / temperature)
    return (powers[0] - powers[1]) / powers.sum(dim=0)


@at_temperature.wrong
def the_bias_divided_by_the_temperature(probabilities, typical, temperature):
    """You divide the bias itself: then it may pass 1, which no share can. The words'
    probabilities are what changes."""
    return _signed(probabilities, typical) / temperature


@at_temperature.wrong
def softmax_of_probabilities(probabilities, typical, temperature):
    """You put probabilities through softmax. Softmax wants logits: take their logarithm
    first, or raise them to the power of 1 / T."""
    return _signed((probabilities / temperature).softmax(dim=-1), typical)


# --- counterfactual texts -------------------------------------------------------------

_PEOPLE = (("Mia", "Max"), ("Anna", "Tom"), ("Ruth", "Hugo"), ("Nora", "Paul"))
_TEXTS = (
    "{she} gave the ball to {him}, so he thanked her.",
    "Her brother {him} lost his key, but she found it there.",
    "{him} met {she} in the theatre. She told him where her ball was.",
    "He is here with her brother. His sister {she} likes him and herbs.",
    "There {him} saw her, then she saw him. Her key is his now.",
)
_NOUNS = ("ball", "key", "brother", "sister")


def _swap_cases(rng):
    relations = [("she", "he"), ("sister", "brother")]
    for text in _TEXTS:
        she, him = rng.choice(_PEOPLE)
        filled = text.format(she=she, him=him)
        yield filled, [*relations, (she, him)], list(_NOUNS)
    both = rng.sample(_PEOPLE, 2)
    names = [
        text.format(she=a, him=b) for text, (a, b) in zip(_TEXTS, both, strict=False)
    ]
    yield " ".join(names), [*relations, *both], list(_NOUNS)


def swap(text, pairs, nouns):
    table = {"his": "her", "him": "her"}
    for woman, man in pairs:
        table |= {woman: man, man: woman}
    pieces = re.findall(r"\w+|\W+", text)  # words, and what is between them
    swapped = []
    for i, word in enumerate(pieces):
        new = table.get(word) or table.get(word.lower())
        if word.lower() == "her":
            new = "his" if pieces[i + 2 : i + 3] and pieces[i + 2] in nouns else "him"
        if new and word[0].isupper():
            new = new[0].upper() + new[1:]
        swapped.append(new or word)
    return "".join(swapped)


swap = Exercise(
    name="bias.swap",
    task="(str text, list pairs, list nouns) -> str: women and men swapped. pairs "
    "holds whole words such as (she, he), (Mia, Max), exchanged both ways; his and him "
    'become "her", and her becomes "his" before one of the nouns, else "him". A word '
    "with a capital becomes one with a capital.",
    reference=swap,
    cases=_swap_cases,
    hints=(
        "Replace she by he everywhere, then he by she. How many men are left?",
        r'Words and gaps: re.findall(r"\w+|\W+", text). One look-up for each word.',
        "table = both directions of every pair, his -> her, him -> her\n"
        "for each word, once: look it up, or its lower-case form\n"
        "    her: look whether the next word is one of the nouns\n"
        "    give the new word a capital if the old one had one\n"
        "join words and gaps again",
    ),
    proves="For each text its mirror image: what was said of her is said of him too.",
)


def _swapped(text, table, her=None, capitals=True, lower=True):
    """Swap in one of the wrong ways that the misconceptions below name."""
    pieces = re.findall(r"\w+|\W+", text)
    result = []
    for i, word in enumerate(pieces):
        new = table.get(word) or (table.get(word.lower()) if lower else None)
        is_her = word == "her" or (lower and word == "Her")
        if is_her and her:
            new = her(pieces[i + 2] if i + 2 < len(pieces) else "")
        if new and capitals and word[0].isupper():
            new = new[0].upper() + new[1:]
        result.append(new or word)
    return "".join(result)


def _both_ways(pairs):
    table = {"his": "her", "him": "her"}
    for woman, man in pairs:
        table |= {woman: man, man: woman}
    return table


def _his_or_him(nouns):
    return lambda word: "his" if word in nouns else "him"


@swap.wrong
def one_replacement_after_the_other(text, pairs, nouns):
    """All are women in the end: she becomes he, then that he becomes she again. Decide
    for each word once, from the text as it was."""
    her = _his_or_him(nouns)
    text = _swapped(text, dict(pairs), her)
    return _swapped(text, {m: w for w, m in pairs} | {"his": "her", "him": "her"})


@swap.wrong
def letters_inside_words_replaced(text, pairs, nouns):
    r"""You replace letters inside other words: "the" holds a "he", "there" a "her".
    Compare whole words, for instance those of re.findall(r"\w+|\W+", text)."""
    table, her = _both_ways(pairs), _his_or_him(nouns)

    def new(match):
        old = match[0]
        rest = re.match(r" (\w+)", text[match.end() :])
        found = table.get(old) or table.get(old.lower())
        if old.lower() == "her":
            found = her(rest[1] if rest else "")
        return found[0].upper() + found[1:] if old[0].isupper() else found

    known = sorted({*table, "her"}, key=len, reverse=True)
    return re.sub("|".join(known), new, text, flags=re.IGNORECASE)


@swap.wrong
def her_is_always_his(text, pairs, nouns):
    """You make "his" of every "her". He thanked *her* becomes: she thanked *him*. Only
    before a noun it is "his"."""
    return _swapped(text, _both_ways(pairs), lambda word: "his")


@swap.wrong
def her_is_always_him(text, pairs, nouns):
    """You make "him" of every "her". *Her* brother becomes *his* sister: before a noun
    it is "his"."""
    return _swapped(text, _both_ways(pairs), lambda word: "him")


@swap.wrong
def capitals_are_lost(text, pairs, nouns):
    """You write "his" where "Her" began a sentence. Give the new word a capital if the
    old one had one."""
    return _swapped(text, _both_ways(pairs), _his_or_him(nouns), capitals=False)


@swap.wrong
def words_with_a_capital_are_missed(text, pairs, nouns):
    """You leave "She" and "Her" at the head of a sentence as they are: look the word up
    in lower case too."""
    return _swapped(text, _both_ways(pairs), _his_or_him(nouns), lower=False)


@swap.wrong
def the_names_stay(text, pairs, nouns):
    """You swap pronouns and leave the names. "Mia lost his key" says nothing new of
    Mia, who is still a woman to the model: the names belong to it."""
    words = [pair for pair in pairs if pair[0].islower()]
    return _swapped(text, _both_ways(words), _his_or_him(nouns))


@swap.wrong
def the_pronouns_stay(text, pairs, nouns):
    """You swap what is in the pairs and forget her, his and him."""
    table = {a: b for pair in pairs for a, b in (pair, pair[::-1])}
    return _swapped(text, table)


@swap.wrong
def only_women_become_men(text, pairs, nouns):
    """You swap one way: women become men, and the men stay. Each pair goes both ways,
    else the new texts know no women at all."""
    return _swapped(text, dict(pairs), _his_or_him(nouns))


# --- weights --------------------------------------------------------------------------


def _count_cases(rng):
    for G, J in ((2, 2), (2, 3), (3, 4)):
        counts = torch.tensor(
            [[rng.randint(2, 40) for _ in range(J)] for _ in range(G)]
        )
        counts[0, 0] += 30  # never even already
        if J > 2:
            counts[1, 2] = 0
        yield (counts.float(),)


independence_weights = Exercise(
    name="bias.independence_weights",
    task="(counts (G, J)) -> (G, J): what a person of gender g with job j must weigh, "
    "so that gender and job are independent in the weighted counts, and each row and "
    "column has the sum that it had. A pair that never occurs weighs 0, and changes no "
    "other pair's weight.",
    reference=component.independence_weights,
    cases=_count_cases,
    hints=(
        "If gender and job were independent, how often would each pair occur?",
        "Row sums (G, 1), column sums (J,), and the sum of all: expected is (G, J).",
        "expected = row sum * column sum / sum of all\n"
        "weight = expected / counts\n"
        "where counts is 0: weight 0, not infinity",
    ),
    proves="Rare pairs speak louder, common ones softer, and no text is rewritten.",
)


def _divided(expected, counts):
    return torch.where(counts > 0, expected / counts.clamp(min=1), 0.0)


def _expected(counts):
    return counts.sum(dim=1, keepdim=True) * counts.sum(dim=0) / counts.sum()


@independence_weights.wrong
def upside_down(counts):
    """Your weights are upside down: pairs that are too frequent get more. It is
    expected over observed."""
    return counts / _expected(counts)


@independence_weights.wrong
def infinite_for_what_never_occurs(counts):
    """You divide by 0 where a pair never occurs, and get infinity. No weight can bring
    texts that are not there: give 0."""
    return _expected(counts) / counts


@independence_weights.wrong
def every_pair_as_frequent_as_any_other(counts):
    """You make all pairs equally frequent. Then a rare job becomes as common as any.
    Only the tie of gender and job is to go: expected is row sum times column sum over
    the sum of all."""
    return _divided(counts.sum() / counts.numel(), counts)


@independence_weights.wrong
def one_over_the_count(counts):
    """You take one over the count. Then the weighted counts are all 1, whatever the
    jobs' own frequencies were, and large corpora weigh nothing."""
    return _divided(torch.ones_like(counts), counts)


@independence_weights.wrong
def not_divided_by_the_sum_of_all(counts):
    """You multiply row sum and column sum and forget to divide by the sum of all
    counts: your weights are about as large as the corpus."""
    return _divided(_expected(counts) * counts.sum(), counts)


@independence_weights.wrong
def the_genders_share_of_the_job(counts):
    """You return 1 over P(job | gender). That evens out the jobs as well; the job's own
    share, column sum over the sum of all, is missing."""
    return _divided(counts.sum(dim=1, keepdim=True).expand_as(counts), counts)


@independence_weights.wrong
def the_weighted_counts_returned(counts):
    """You return how frequent each pair should be, the expected counts. The weight is
    that over the count observed."""
    return _expected(counts)


# --- exposure -------------------------------------------------------------------------


def _exposure_cases(rng):
    for R in (8, 100, 1000):
        for _ in range(2):
            scores = _log_probs(rng, 1, R, scale=3.0)[0]
            yield scores, rng.randrange(R)
        yield scores, int(scores.argmax())


exposure = Exercise(
    name="bias.exposure",
    task="(log_probs (R,), int secret) -> float: the exposure in bits of the candidate "
    "number secret among all R: log2 of R minus log2 of its rank. The likeliest "
    "candidate has rank 1. No two are alike.",
    reference=component.exposure,
    cases=_exposure_cases,
    hints=(
        "You try the candidates, likeliest first. When is the secret's turn?",
        "log_probs (R,), a count of those above log_probs[secret], one float.",
        "rank = 1 + how many candidates are likelier than the secret\n"
        "log2(R) - log2(rank)",
    ),
    proves="How many bits of guessing a model spares whoever wants its secret.",
)


def _rank(log_probs, secret):
    return 1 + int((log_probs > log_probs[secret]).sum())


@exposure.wrong
def the_likeliest_has_rank_0(log_probs, secret):
    """You count from 0: the likeliest candidate then has a logarithm of minus infinity
    or an error. The first guess is guess number 1."""
    return math.log2(len(log_probs)) - math.log2(_rank(log_probs, secret) - 1)


@exposure.wrong
def the_rank_is_one_too_high(log_probs, secret):
    """Your rank is one too high: the secret counts twice. Count those strictly likelier
    and add 1."""
    return math.log2(len(log_probs)) - math.log2(_rank(log_probs, secret) + 1)


@exposure.wrong
def ranked_from_the_unlikely_end(log_probs, secret):
    """You rank from the unlikely end. sort() is ascending: rank 1 is the likeliest."""
    rank = 1 + int((log_probs < log_probs[secret]).sum())
    return math.log2(len(log_probs)) - math.log2(rank)


@exposure.wrong
def natural_logarithms(log_probs, secret):
    """You take natural logarithms: those are nats. Bits are log2."""
    return math.log(len(log_probs)) - math.log(_rank(log_probs, secret))


@exposure.wrong
def the_surprise_of_the_secret(log_probs, secret):
    """You return how surprising the secret is by itself. A sentence may be rare and its
    code still the first one guessed: exposure is about the rank among candidates."""
    return -log_probs[secret].item() / math.log(2)


@exposure.wrong
def the_logarithm_of_the_rank(log_probs, secret):
    """You return log2 of the rank: it is 0 for a secret that is wholly exposed. Take it
    off the log2 of all candidates."""
    return math.log2(_rank(log_probs, secret))


@exposure.wrong
def how_much_likelier_than_by_chance(log_probs, secret):
    """You compare the secret's probability with 1 / R. Exposure compares ranks: it asks
    how many guesses come before."""
    return math.log2(len(log_probs)) + log_probs[secret].item() / math.log(2)


# --- recall ---------------------------------------------------------------------------

QUESTIONS = (
    Question(
        "A model near the floor, a world with bias 0.6: which bias has the model? And "
        "at temperature 0.5?",
        "0.6: such a model gives back what its data say. At temperature 0.5 it is "
        "larger, about 0.88, for the temperature sharpens every choice.",
        (
            "bias.at_temperature: the power is the temperature",
            "bias.at_temperature: the temperature has no effect",
        ),
    ),
    Question(
        "You replace she by he in a text, then he by she. What is wrong?",
        "All are women now. Each word must be decided once, from the text as it was.",
        (
            "bias.swap: one replacement after the other",
            "bias.swap: only women become men",
        ),
    ),
    Question(
        "A secret of four digits has an exposure of 13.3 bits. What does that mean?",
        "log2 of 10,000 is 13.3: the secret is the model's very first guess.",
        ("bias.exposure: the surprise of the secret",),
    ),
)
