"""Induction: a text of random tokens that repeats itself, and the heads that notice.

Nothing in such a text can be predicted but by looking: where did this token stand
before, and what came after it? A head that looks there is an **induction head**. It
needs a head below it that tells each token what stands before it (Olsson et al. 2022,
"In-context Learning and Induction Heads"). ``train_on_repeats`` makes a small model
that has both, and ``stripes`` finds them in any model.

Stands on ``model`` and ``optimizers``.
"""

from collections.abc import Callable

import torch

from course_utils.config import GPTConfig
from course_utils.cross_entropy import IGNORE, cross_entropy
from course_utils.model import GPT
from course_utils.optimizers import build_optimizer

VOCABULARY, LENGTH = 32, 48  # tokens to draw from, and the length of a text
SHORTEST = 6  # tokens before a text repeats itself
BATCH, RATE, WARM_UP = 32, 0.01, 20


def repeats(n: int, generator: torch.Generator | None = None):
    """Draw n texts of random tokens, each repeating itself after a number of its own.

    Return ids (n, LENGTH) and periods (n, 1), from SHORTEST to half the length. The
    periods differ, so a place tells nothing: only the tokens themselves do.
    """
    longest = LENGTH // 2
    periods = torch.randint(SHORTEST, longest + 1, (n, 1), generator=generator)
    drawn = torch.randint(VOCABULARY, (n, LENGTH), generator=generator)
    return drawn.gather(1, torch.arange(LENGTH) % periods), periods


def targets_of(ids: torch.Tensor, periods: torch.Tensor) -> torch.Tensor:
    """(n, T) -> (n, T - 1): the next tokens, IGNORE where none can be known yet."""
    place = torch.arange(1, ids.shape[1])
    return ids[:, 1:].where(place >= periods, IGNORE)


def train_on_repeats(
    steps: int = 400, seed: int = 0, on_step: Callable[[int, float], None] | None = None
) -> GPT:
    """Return a model of two layers that has learnt to continue repeated texts.

    ``on_step(step, loss)`` is told the loss in nats per token that can be known.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        config = GPTConfig(VOCABULARY, 64, n_layer=2, n_head=4, n_embd=64, dropout=0.0)
        model = GPT(config).train()
    optimizers = build_optimizer("muon", model, RATE, weight_decay=0.0)
    for step in range(1, steps + 1):
        rate = RATE * min(step / WARM_UP, 1.0) * (1 - 0.9 * step / steps)
        for optimizer in optimizers:
            optimizer.zero_grad()
            for group in optimizer.param_groups:
                group["lr"] = rate
        ids, periods = repeats(BATCH, generator)
        loss = cross_entropy(model(ids[:, :-1]), targets_of(ids, periods))
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
        if on_step:
            on_step(step, loss.item())
    return model.eval()


def twice(n: int, length: int, vocab_size: int, seed: int = 0) -> torch.Tensor:
    """Return (n, 2 · length): random tokens, and the same once more."""
    generator = torch.Generator().manual_seed(seed)
    once = torch.randint(vocab_size, (n, length), generator=generator)
    return torch.cat([once, once], dim=1)


def stripes(model: GPT, ids: torch.Tensor) -> dict[str, torch.Tensor]:
    """Return how much of its attention each head spends on two stripes: (L, H) each.

    ``ids`` (B, 2n) is one text of n tokens twice. "the token before" is the diagonal
    one below the main one; "what followed" is, for a token of the second half, the
    place after its first occurrence: what an induction head looks at.
    """
    weights = torch.stack(model.attention_weights(ids))  # (L, B, H, T, T)
    half = ids.shape[1] // 2
    before = weights.diagonal(offset=-1, dim1=-2, dim2=-1)  # key t - 1 of query t
    followed = weights.diagonal(offset=1 - half, dim1=-2, dim2=-1)[..., 1:]
    return {
        "the token before": before.mean(dim=(1, 3)),
        "what followed": followed.mean(dim=(1, 3)),
    }


@torch.no_grad()
def loss_of_halves(model: GPT, ids: torch.Tensor) -> tuple[float, float]:
    """Return the loss (nats per token) on the first half of ``twice`` and the second.

    The second half's first token comes as unexpected as the first half's, so it counts
    in neither.
    """
    half, logits = ids.shape[1] // 2, model(ids[:, :-1])
    first = cross_entropy(logits[:, : half - 1], ids[:, 1:half])
    return first.item(), cross_entropy(logits[:, half:], ids[:, half + 1 :]).item()
