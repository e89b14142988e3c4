"""A batch for generate: exercise batch and its mistakes."""

import torch

from course_utils.exercises.engine.definition import Exercise


def _prompt_cases(rng):
    for lengths in ((2, 3), (4, 1, 3), (3, 5), (2, 6, 4, 5)):
        end = rng.randint(50, 99)
        # Each prompt begins with end-of-text: a real token with the id that fills up.
        yield [[end, *(rng.randrange(1, 50) for _ in range(n))] for n in lengths], end
    yield [[0, 5], [7, 0, 3]], 0  # the end of text may be any id, 0 too


def batch(prompts, end):
    T = max(map(len, prompts))
    ids = [[end] * (T - len(prompt)) + prompt for prompt in prompts]
    mask = [[0] * (T - len(prompt)) + [1] * len(prompt) for prompt in prompts]
    return torch.tensor(ids), torch.tensor(mask)


def _filled(prompts, end, side="left", fill=None, mask_side=None):
    """Return ids and mask, filled up on these sides."""
    T = max(map(len, prompts))
    ids, mask = [], []
    for prompt in prompts:
        n = T - len(prompt)
        more, zeros, ones = (
            [end if fill is None else fill] * n,
            [0] * n,
            [1] * len(prompt),
        )
        ids.append(more + prompt if side == "left" else prompt + more)
        left = (mask_side or side) == "left"
        mask.append(zeros + ones if left else ones + zeros)
    return torch.tensor(ids), torch.tensor(mask)


batch = Exercise(
    name="huggingface.batch",
    task="(list prompts, int end) -> (ids (B, T), attention_mask (B, T)), both int64, "
    "as generate needs them: lists of ids of unequal length are filled up with end; "
    "the mask is 1 at a prompt's own tokens, else 0. A prompt may hold end itself.",
    reference=batch,
    cases=_prompt_cases,
    hints=(
        "To which token does generate append? On which side may you fill up, then?",
        "T is the longest prompt's length; both results are (B, T).",
        "T = the longest length\n"
        "for each prompt, n = T - its length\n"
        "    ids:  n times end, then the prompt\n"
        "    mask: n times 0, then as many 1 as the prompt has tokens",
    ),
    proves="Every prompt is continued at its own last token, whatever its length.",
)


@batch.wrong
def filled_up_on_the_right(prompts, end):
    """You fill up on the right. generate appends after the last column: a short prompt
    would be continued after the filling, not after its own last token."""
    return _filled(prompts, end, "right")


@batch.wrong
def mask_made_from_the_ids(prompts, end):
    """Your mask is 0 wherever the id is end. A prompt may begin with end-of-text; it is
    a real token there and must be seen. Only the lengths tell what was filled up."""
    ids, _ = _filled(prompts, end)
    return ids, (ids != end).long()


@batch.wrong
def filled_up_on_the_right_and_mask_from_the_ids(prompts, end):
    """You fill up on the right, and your mask is 0 wherever the id is end. Fill up on
    the left, and let the lengths say what is real: a prompt may hold end itself."""
    ids, _ = _filled(prompts, end, "right")
    return ids, (ids != end).long()


@batch.wrong
def everything_seen(prompts, end):
    """Your mask is 1 everywhere: what fills up is read as if it were text, and a short
    prompt gets another continuation than it would get alone."""
    ids, mask = _filled(prompts, end)
    return ids, torch.ones_like(mask)


@batch.wrong
def mask_turned_round(prompts, end):
    """Your mask is the wrong way round: 1 means "look at this", 0 "filled up"."""
    ids, mask = _filled(prompts, end)
    return ids, 1 - mask


@batch.wrong
def mask_on_the_other_side(prompts, end):
    """The ids are filled up on the left, the mask on the right. They must fit."""
    return _filled(prompts, end, "left", mask_side="right")


@batch.wrong
def cut_to_the_shortest(prompts, end):
    """You cut all prompts to the length of the shortest. Nothing of them may be lost:
    fill the short ones up."""
    n = min(map(len, prompts))
    ids = torch.tensor([prompt[:n] for prompt in prompts])
    return ids, torch.ones_like(ids)


@batch.wrong
def filled_up_with_0(prompts, end):
    """You fill up with 0. The mask hides it, but the library warns where it cannot
    know; GPT-2 has no padding token, and by agreement end-of-text serves."""
    return _filled(prompts, end, fill=0)


@batch.wrong
def cut_to_the_shortest_from_the_left(prompts, end):
    """You keep of each prompt's end as much as the shortest has. Nothing of them may be
    lost: fill the short ones up."""
    n = min(map(len, prompts))
    ids = torch.tensor([prompt[len(prompt) - n :] for prompt in prompts])
    return ids, torch.ones_like(ids)
