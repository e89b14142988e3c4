"""How far is a model above the floor? Measured without believing it anything.

The model runs in a process of its own, far from the stories. Column by column it is
sent the next token of every story and answers with scores for the token after it; only
then that token is sent. So there is nothing to peek at, whatever the model's code does.
The scores are made probabilities here, and every token counts.

Half of the stories go to one process and half to another, and some go to both. What a
model bets on a story must depend on that story alone, so on those both must agree. And
in one pass over whole stories it must bet what it has bet column by column: otherwise
it looks ahead where it can, as one does that forgets the mask.
"""

import random
from collections.abc import Callable, Sequence

import numpy as np
import torch

from course_utils.cross_entropy import IGNORE
from course_utils.data import pad_documents
from course_utils.race.rules import Fault
from course_utils.race.stories import Unseen
from course_utils.training import gap_and_error

AGREEMENT = 0.005  # nats per token by which two bets on the same may differ on average
CHANCE = 4.0  # standard errors below the floor that chance allows: 1 in 30,000

BELOW = (
    "it is {below:.4f} ± {error:.4f} nats per token below the floor, which no model is "
    "on average. Likely causes: it knew these stories; it was told a token before its "
    "bet; tokens are left out of the loss and not of the floor; the floor is of "
    "another world"
)
AHEAD = (
    "it looks ahead: in one pass over whole stories it bets otherwise than token by "
    "token, by {by:.3f} nats per token{below}. Likely causes: attention without its "
    "mask; targets that are not shifted by one; state that is kept between calls"
)
COMPANY = (
    "its bets on a story depend on what else is measured: they differ by {by:.3f} nats "
    "per token. Likely causes: it goes on learning while it is measured; it "
    "normalises over the batch; it draws random numbers"
)


def surprise(raw: bytes, targets: torch.Tensor, vocab_size: int) -> np.ndarray:
    """Return -log p of targets (...) in nats, 0 where they are IGNORE.

    raw: the logits, float32 (..., V), as they came. ``Fault`` if they are none.
    """
    shape = (*targets.shape, vocab_size)
    if len(raw) != 4 * targets.numel() * vocab_size:
        raise Fault(
            f"its logits must be {shape} in these places, (B, T, V) in all: "
            f"{4 * targets.numel() * vocab_size:,} bytes, got {len(raw):,}"
        )
    logits = torch.frombuffer(bytearray(raw), dtype=torch.float32).view(shape).double()
    counted = targets != IGNORE
    if logits.isnan().any() or logits.isposinf().any():
        raise Fault("its logits must be finite, got nan or infinity: no bet is refused")
    log_p = torch.log_softmax(logits, dim=-1)
    places = targets.where(counted, 0).unsqueeze(-1)
    nats = -log_p.gather(-1, places).squeeze(-1).where(counted, 0.0)
    if not nats.isfinite().all():  # nan where no token at all had a chance
        raise Fault(
            "it gave no chance at all to a token that came: its loss is infinite"
        )
    return nats.numpy()


def bets(
    process, stories: Sequence[Unseen], end_of_text: int, vocab_size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the nats of all bets (B, T), and those of one pass over the first rows.

    ``process`` has ``column(ids) -> raw`` and ``whole() -> raw``.
    """
    frames = [([end_of_text, *story.ids, end_of_text], 0) for story in stories]
    inputs, targets = pad_documents(frames, end_of_text)
    columns = []
    for t in range(inputs.shape[1]):
        raw = process.column(inputs[:, t])
        columns.append(surprise(raw, targets[:, t], vocab_size))
    raw = process.whole()
    return np.stack(columns, 1), surprise(raw, targets[: process.n_whole], vocab_size)


def measured(
    start: Callable, stories: Sequence[Unseen], end_of_text: int, vocab_size: int
) -> dict:
    """Return what a model is worth: gap, error, loss and floor, in nats per token.

    ``start(n_rows, n_whole)`` starts a process with the model, as ``bets`` needs it;
    used in a ``with`` statement. ``Fault`` if its bets do not keep the rules.
    """
    n_both = max(2, len(stories) // 10)
    both, rest = list(stories[:n_both]), stories[n_both:]
    found, passes = {}, []
    for part in (rest[::2], rest[1::2]):
        shown = [*both, *part]
        random.SystemRandom().shuffle(shown)  # none knows which are measured twice
        with start(len(shown), n_both) as process:
            nats, whole = bets(process, shown, end_of_text, vocab_size)
        for story, row in zip(shown, nats, strict=True):
            found.setdefault(id(story), []).append(row)
        passes.append((shown[:n_both], nats[:n_both], whole))
    _check_company([found[id(story)] for story in both], both)
    for shown, nats, whole in passes:
        _check_one_pass(shown, nats, whole)
    nats = [float(found[id(story)][0].sum()) for story in stories]
    floors, counts = [s.floor for s in stories], [s.n_tokens for s in stories]
    gap, error = gap_and_error(nats, floors, counts)
    if gap < -CHANCE * error:
        raise Fault(BELOW.format(below=-gap, error=error))
    loss, floor = sum(nats) / sum(counts), sum(floors) / sum(counts)
    return {"gap": gap, "error": error, "loss": loss, "floor": floor}


def _check_one_pass(
    stories: Sequence[Unseen], nats: np.ndarray, whole: np.ndarray
) -> None:
    """Raise ``Fault`` unless one pass gives the bets (B, T) that were placed."""
    counts = [story.n_tokens for story in stories]
    by = float(np.abs(whole - nats).sum()) / sum(counts)
    if by > AGREEMENT:
        floors = [story.floor for story in stories]
        gap, _ = gap_and_error(whole.sum(1), floors, counts)
        below = f", which comes to {-gap:.3f} below the floor" if gap < 0 else ""
        raise Fault(AHEAD.format(by=by, below=below))


def _check_company(
    rows: Sequence[tuple[np.ndarray, np.ndarray]], stories: Sequence[Unseen]
) -> None:
    """Raise ``Fault`` unless both processes bet the same on the same stories."""
    counts = [story.n_tokens for story in stories]
    total = sum(
        float(np.abs(one[:n] - other[:n]).sum())
        for (one, other), n in zip(rows, counts, strict=True)
    )
    by = total / sum(counts)
    if by > AGREEMENT:
        raise Fault(COMPANY.format(by=by))
