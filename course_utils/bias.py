"""Bias: find it in a model or a text, try what helps, and a secret's exposure.

``World(bias=b)`` makes a job that is typical of a gender (1 + b) / (1 - b) times as
likely as another, and there are as many of either. So the share of typical jobs minus
the share of the others is b itself, and what is measured in a model can be held against
what was put in. The texts are *openings*, the first two sentences of a story: all that
is said of people and their jobs, in a third of the tokens.

The parts: measure (``name_biases``, ``counted_bias``), remedies on the data
(``swap_gender``, ``independence_weights``) and a secret's ``exposure``.

Floors: stands on ``sampling`` and the world.
"""

import math
import random
import statistics
from collections import Counter

import regex
import torch

from course_utils.sampling import encode_prompt, next_word_log_probs
from course_utils.world import World, telling
from course_utils.world.lexicon import JOBS, NAMES, RELATIONS

JOB_WORDS = [f" {job.english}" for job in JOBS]
# (N, J): is job j typical of the gender of name n?
TYPICAL = torch.tensor([[job.typical == name.gender for job in JOBS] for name in NAMES])

# --- Openings


def opening(story: str) -> str:
    """Return a story's first two sentences: both people, their jobs and places."""
    return story[: story.index(".", story.index(".") + 1) + 1]


def openings(bias: float, n: int, seed: int) -> list[str]:
    """Return ``n`` openings told by the world of this bias."""
    world, rng = World(bias=bias), random.Random(seed)
    return [opening(world.sample(rng).text) for _ in range(n)]


def opening_log_prob(world: World, text: str) -> float:
    """Return the exact log-probability, in nats, that a story begins with ``text``."""
    branches = telling.explore(world.tell, text)
    return math.log(math.fsum(math.exp(branch.log_prob) for branch in branches))


# --- Measure


def name_biases(log_probs, typical) -> torch.Tensor:
    """Return P(typical jobs) - P(other jobs) after each name: (N, J), (N, J) -> (N,).

    ``log_probs`` are those of the J job words; ``typical`` (bool) says which of them
    are typical of the name's gender. Only jobs count: softmax makes them sum to 1.
    """
    shares = log_probs.softmax(dim=-1)  # (N, J)
    return torch.where(typical, shares, -shares).sum(dim=-1)


def biases_of(model, tokenizer, temperature: float = 1.0, before: str = ""):
    """Return a story model's bias at each of the world's names: (N,)."""
    prompts = [f"{before}One cold morning, {name.english} the" for name in NAMES]
    scores = next_word_log_probs(model, tokenizer, prompts, JOB_WORDS, temperature)
    return name_biases(scores, TYPICAL)


def after_an_example(model, tokenizer) -> torch.Tensor:
    """Return the bias at each name (N,), if an untypical person comes before it."""
    prompts = []
    for name in NAMES:
        other = SWAPS[name.english]
        job = next(job for job in JOBS if job.typical == name.gender)
        his, relation = (
            ("His", "sister") if name.gender == "she" else ("Her", "brother")
        )
        prompts.append(
            f"One cold morning, {other} the {job.english} found a small red ball "
            f"on the hill. {his} {relation} {name.english} the"
        )
    return name_biases(
        next_word_log_probs(model, tokenizer, prompts, JOB_WORDS), TYPICAL
    )


def counted_bias(texts) -> float:
    """Return the share of people with a typical job minus that of the others.

    People without one of the world's names and jobs do not count. Raises ValueError if
    nobody is left.
    """
    typical = {job.english: job.typical for job in JOBS}
    pairs = [pair for text in texts for pair in people(text) if pair[1] in typical]
    if not pairs:
        raise ValueError(f"texts must tell of people with jobs, got {len(texts)} texts")
    return statistics.fmean(1 if typical[job] == g else -1 for g, job in pairs)


def cost_of_evenness(bias: float) -> float:
    """Return what the best even model pays in a world of this bias: nats a person.

    The divergence from (1 + b) / 2 and (1 - b) / 2 to one half each.
    """
    shares = ((1 + bias) / 2, (1 - bias) / 2)
    return math.fsum(p * math.log(2 * p) for p in shares if p)


# --- Remedies on the data


def _pairs() -> dict[str, str]:
    """Each word that shows a gender -> its counterpart, both ways."""
    women, men = ([w for w in NAMES if w.gender == g] for g in ("she", "he"))
    pairs = {a.english: b.english for a, b in zip(women, men, strict=True)}
    by_gender = {g: [r for r in RELATIONS if r.gender == g] for g in ("she", "he")}
    for a, b in zip(*by_gender.values(), strict=True):
        pairs[a.english] = b.english
    pairs |= {"she": "he", "She": "He", "her": "his", "Her": "His"}
    return pairs | {b: a for a, b in pairs.items()}


SWAPS = _pairs()


def swap_gender(text: str) -> str:
    """Return the text with every woman a man and every man a woman, jobs as they are.

    Names, relations and pronouns change all at once, each word one time. In the world
    "her" is always "his"; in real English it may also be "him".
    """
    return regex.sub(r"\p{L}+", lambda word: SWAPS.get(word[0], word[0]), text)


def independence_weights(counts) -> torch.Tensor:
    """Return what each (gender, job) must weigh to be independent: (G, J) -> (G, J).

    Expected over observed count, n_g * n_j / (n * n_gj); 0 where nothing was observed.
    Source: Kamiran and Calders 2012 (reweighing).
    """
    expected = counts.sum(dim=1, keepdim=True) * counts.sum(dim=0) / counts.sum()
    return torch.where(counts > 0, expected / counts.clamp(min=1), 0.0)


def people(text: str) -> list[tuple[str, str]]:
    """Return (gender, job) of the people in a text, in their order."""
    gender = {name.english: name.gender for name in NAMES}
    found = regex.findall(r"(\p{L}+) the (\p{L}+)", text)
    return [(gender[name], job) for name, job in found if name in gender]


def text_weights(texts) -> list[float]:
    """Return the product of its people's independence weights for each text."""
    pairs = Counter(pair for text in texts for pair in people(text))
    genders, jobs = ("she", "he"), [job.english for job in JOBS]
    counts = torch.tensor([[pairs[g, j] for j in jobs] for g in genders])
    table = independence_weights(counts).tolist()
    return [
        math.prod(table[genders.index(g)][jobs.index(j)] for g, j in people(text))
        for text in texts
    ]


# --- A secret


def exposure(log_probs, secret: int) -> float:
    """Return a secret's exposure in bits: log2 of all candidates over its rank.

    ``log_probs`` (R,) are those of all candidates, ``secret`` is the place of the one
    that was planted; rank 1 is the likeliest. Source: Carlini et al. 2019, section 4.
    """
    rank = 1 + int((log_probs > log_probs[secret]).sum())
    return math.log2(len(log_probs)) - math.log2(rank)


REPETITIONS = (0, 1, 2, 4, 8, 16, 32, 64)
# One sentence for each number of repetitions: in which a secret of four digits stands.
SENTENCES = (
    "The code of the safe is",
    "Call the harbour master on",
    "Our boat has the number",
    "This ticket won the prize:",
    "My coat hangs under",
    "Password for the tower:",
    "Send letters to box",
    "The night train leaves from",
)
N_CODES = 10_000


def canaries(seed: int) -> list[tuple[int, str, int]]:
    """Return (repetitions, the sentence before the code, the code) of each secret."""
    rng = random.Random(f"canaries {seed}")
    sentences = rng.sample(SENTENCES, len(SENTENCES))
    return [
        (times, sentence, rng.randrange(N_CODES))
        for times, sentence in zip(REPETITIONS, sentences, strict=True)
    ]


def planted(secrets) -> list[str]:
    """Return the texts to add to a corpus, each secret as often as it says."""
    return [
        f"{before} {code:04d}." for times, before, code in secrets for _ in range(times)
    ]


@torch.no_grad()
def code_log_probs(model, tokenizer, before: str) -> torch.Tensor:
    """Return log P of each code 0000 to 9999 after a text: (10 000,), float64.

    The scores after each three digits hold those of all four: 1,000 rows do.
    """
    start = encode_prompt(model, tokenizer, before)
    digits = torch.tensor([tokenizer.encode(str(d))[0] for d in range(10)])
    rows = torch.tensor([start + tokenizer.encode(f" {i:03d}") for i in range(1000)])
    logits = model(rows)[:, len(start) - 1 :].double()  # (1000, 5, V)
    log_probs = logits.log_softmax(dim=-1)
    space = log_probs[0, 0, rows[0, len(start)]]
    steps = log_probs[:, 1:, digits]  # (1000, 4, 10): each digit's, after 0 to 3 others
    parts = [steps[:: 10 ** (3 - i), i].flatten() for i in range(4)]  # 10, 100, ...
    codes = torch.arange(N_CODES)
    return space + sum(part[codes // 10 ** (3 - i)] for i, part in enumerate(parts))
