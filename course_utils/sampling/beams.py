"""Beam search: keep the n best beginnings."""

import torch
from torch.nn.utils.rnn import pad_sequence

from course_utils.model import GPT
from course_utils.sampling.knobs import require, whole
from course_utils.sampling.one_token import last_logits
from course_utils.sampling.writing import check, evaluating, with_new

NEVER = -1e9  # a log-probability that loses against every other


@torch.no_grad()
def beam_search(
    model: GPT,
    ids,
    n_beams: int,
    max_new_tokens: int,
    *,
    length_penalty: float = 1.0,
    early_stopping: bool = False,
    end_of_text: int | None = None,
    padding=None,
) -> torch.Tensor:
    """Return for each prompt the best continuation found: (B, T) -> (B, T + n).

    Each step extends the ``n_beams`` likeliest beginnings by every token and keeps the
    likeliest. What ends is scored by log-probability / length**``length_penalty``, with
    the length in new tokens: above 0, longer texts gain. A prompt is done when it has
    ``n_beams`` ended texts and no running one scores better as it stands, or at once
    with ``early_stopping``. Arguments and errors otherwise as in ``generate``.
    """
    ids, padding = check(model, ids, max_new_tokens, end_of_text, padding)
    n_beams, max_new_tokens = whole("n_beams", n_beams), int(max_new_tokens)
    require(n_beams >= 1, "n_beams", "at least 1", n_beams)
    (B, T), V = ids.shape, model.config.vocab_size
    row = torch.arange(B, device=ids.device)[:, None]  # (B, 1), to index with
    new = ids.repeat_interleave(n_beams, dim=0)  # (B * n_beams, T)
    if padding is not None:
        padding = padding.repeat_interleave(n_beams, dim=0)
    texts = new.view(B, n_beams, T)
    totals = torch.full((B, n_beams), NEVER, device=ids.device)
    totals[:, 0] = 0.0  # at first all beams are the same: go on from one of them
    ended: list[list] = [[] for _ in range(B)]  # per prompt: (score, text), best first
    running, cache = set(range(B)), model.new_cache()
    next_logits = last_logits(model)
    with evaluating(model):
        for length in range(1, max_new_tokens + 1):
            logits = next_logits(new, cache, padding).view(B, n_beams, V)
            totals = totals[..., None] + logits.log_softmax(dim=-1)  # (B, n_beams, V)
            # Twice as many as needed: up to n_beams of them may end here.
            totals, best = totals.flatten(1).topk(2 * n_beams)  # (B, 2 * n_beams)
            parent, token = best // V, best % V
            texts = torch.cat([texts[row, parent], token[..., None]], dim=2)
            ends = token == (-1 if end_of_text is None else int(end_of_text))
            ends |= length == max_new_tokens
            scores = totals / length**length_penalty
            totals, going = (totals + NEVER * ends).topk(n_beams)  # (B, n_beams)
            for b in list(running):
                for j in ends[b, :n_beams].nonzero()[:, 0]:
                    ended[b].append((float(scores[b, j]), texts[b, j]))
                ended[b] = sorted(ended[b], key=lambda pair: -pair[0])[:n_beams]
                hope = float(totals[b, 0] / length**length_penalty)
                if len(ended[b]) == n_beams and (
                    early_stopping or hope <= ended[b][-1][0]
                ):
                    running.remove(b)
            if not running:
                break
            texts = texts[row, going]  # (B, n_beams, T + length)
            for memory in cache:
                memory.reorder((row * n_beams + parent[row, going]).flatten())
            new, padding = token[row, going].view(-1, 1), with_new(padding)
    best_texts = [pairs[0][1] for pairs in ended]
    return pad_sequence(best_texts, batch_first=True, padding_value=end_of_text or 0)
