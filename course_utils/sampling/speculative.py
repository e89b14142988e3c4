"""Speculative decoding: a cheap draft guesses several tokens, one pass checks them all.

A model that writes alone needs one pass for each token, and most of a small pass is
not arithmetic. Scoring five known tokens at once costs hardly more than scoring one.
So a draft proposes them, the model scores all of them in one pass, and a rule keeps
or replaces them such that the result has the model's own distribution, whatever the
draft. A bad draft costs time, never quality.

Stands on ``model``. Sources: Leviathan et al. 2023 (the rule is their algorithm 1),
Chen et al. 2023.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch

from course_utils.model import GPT

Draft = Callable[[list[int]], torch.Tensor]  # the ids so far -> probabilities (V,)


def acceptance(p, q) -> tuple[torch.Tensor, torch.Tensor]:
    """The model's p and the draft's q, each (..., V) -> (keep, rest), each (..., V).

    ``keep``: how likely a proposed token is kept, min(1, p / q). ``rest``: from what to
    draw in its place, p - q where positive, scaled to sum to 1 (p itself if p = q).
    """
    keep = torch.where(q > 0, p / q, 1.0).clamp(max=1)
    rest = (p - q).clamp(min=0)
    total = rest.sum(dim=-1, keepdim=True)
    return keep, torch.where(total > 0, rest / total, p)


def judge(p, q, guesses: list[int], generator=None) -> list[int]:
    """Keep guesses up to the first refused one, then add one token of the model's own.

    p (n + 1, V): the model's probabilities before each of the n guesses and after the
    last; q (n, V): the draft's. Returns 1 to n + 1 tokens.
    """
    keep, rest = acceptance(p[:-1], q)
    chances = torch.rand(len(guesses), generator=generator).tolist()
    for i, (guess, chance) in enumerate(zip(guesses, chances, strict=True)):
        if chance >= keep[i, guess]:
            return [*guesses[:i], draw(rest[i], generator)]
    return [*guesses, draw(p[-1], generator)]


def draw(probabilities, generator=None) -> int:
    """Draw one token. (V,) -> int."""
    return int(torch.multinomial(probabilities, 1, generator=generator))


class Remembering:
    """A model that is asked about a text again and again; it computes a token once.

    Called with ids, it returns the probabilities (n, V) of what follows the whole text
    (the last row) and its n - 1 next shorter beginnings. The text may also have lost
    tokens since the last call. With n = 1 (squeezed) it serves as a draft.
    """

    def __init__(self, model: GPT):
        self.model, self.cache, self.held = model, model.new_cache(), []

    def __call__(self, ids: list[int], n: int | None = None) -> torch.Tensor:
        same = 0
        for ours, theirs in zip(self.held, ids[: len(ids) - (n or 1)], strict=False):
            if ours != theirs:
                break
            same += 1
        for memory in self.cache:
            memory.length = same  # what lies beyond will be written over
        hidden = self.model.hidden(torch.tensor([ids[same:]]), self.cache)
        self.held = list(ids)
        rows = self.model.head(hidden[0, -(n or 1) :]).softmax(dim=-1)  # (n, V)
        return rows if n else rows[0]


class NGramDraft:
    """A draft that only counts: what followed these last tokens in a corpus?

    Looks at the last ``order - 1`` tokens, at fewer where the corpus never had them.
    """

    def __init__(self, documents: Iterable[list[int]], vocab_size: int, order: int = 2):
        self.order, self.vocab_size = order, vocab_size
        self.counts = defaultdict(Counter)
        self.rows: dict[tuple, torch.Tensor] = {}
        for ids in documents:
            for i, token in enumerate(ids):
                for back in range(min(order - 1, i) + 1):
                    self.counts[tuple(ids[i - back : i])][token] += 1
        if not self.counts:
            raise ValueError("documents must hold at least one token, got none")

    def __call__(self, ids: list[int]) -> torch.Tensor:
        start = max(len(ids) - self.order + 1, 0)
        context = tuple(ids[start:])
        while context not in self.counts:
            context = context[1:]
        if context not in self.rows:
            tokens, counts = zip(*self.counts[context].items(), strict=True)
            row = torch.zeros(self.vocab_size)
            row[list(tokens)] = torch.tensor(counts, dtype=torch.float32)
            self.rows[context] = row / row.sum()
        return self.rows[context]


@dataclass(frozen=True)
class Speculation:
    """What was written, and what it took. ``ids`` begins with the prompt.

    Guesses after a refused one are thrown away unjudged; what was kept counts as kept,
    even if ``ids`` ends before it with end-of-text.
    """

    ids: list[int]
    judged: int
    kept: int
    passes: int  # of the large model


@torch.inference_mode()
def speculate(
    model: GPT,
    draft: Draft,
    ids: list[int],
    max_new_tokens: int,
    n_draft: int = 4,
    end_of_text: int | None = None,
    seed: int = 0,
) -> Speculation:
    """Continue one prompt by plain sampling, with ``n_draft`` guesses a pass.

    Stops after ``max_new_tokens`` or with ``end_of_text``. The tokens have the same
    distribution as those of ``sampling.generate``; they are not the same tokens.
    """
    if n_draft < 0:
        raise ValueError(f"n_draft must be at least 0, got {n_draft}")
    generator = torch.Generator().manual_seed(seed)
    remembering, text = Remembering(model), list(ids)
    end = len(text) + max_new_tokens
    judged = kept = passes = 0
    while len(text) < end and (len(text) == len(ids) or text[-1] != end_of_text):
        # An empty first row: no guesses concatenate too.
        guesses, rows = [], [torch.empty(0, model.config.vocab_size)]
        for _ in range(min(n_draft, end - len(text) - 1)):
            rows.append(draft([*text, *guesses])[None])
            guesses.append(draw(rows[-1][0], generator))
        p = remembering([*text, *guesses], len(guesses) + 1)
        new = judge(p, torch.cat(rows), guesses, generator)
        passes += 1
        judged += min(len(new), len(guesses))
        kept += len(new) - 1
        if end_of_text in new:
            new = new[: new.index(end_of_text) + 1]
        text += new
    return Speculation(text, judged, kept, passes)
