"""The bug clinic sampling.restart: patient, healthy twin, suspects."""

import torch

from course_utils.exercises.engine.clinics import Clinic


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
