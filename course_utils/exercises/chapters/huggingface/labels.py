"""Labels: exercise labels and its mistakes."""

import torch

from course_utils.exercises.engine.definition import Exercise


def _label_cases(rng):
    for lengths in ((3,), (4, 2), (3, 6, 5)):
        pad, T = rng.randint(50, 99), max(lengths) + 1
        ids = torch.full((len(lengths), T), pad)
        mask = torch.zeros(len(lengths), T).long()
        for row, n in enumerate(lengths):
            text = [rng.randrange(1, 50) for _ in range(n - 1)] + [pad]  # its real end
            start = rng.choice((0, T - n))
            ids[row, start : start + n] = torch.tensor(text)
            mask[row, start : start + n] = 1
        yield ids, mask, pad
    ids = torch.tensor([[0, 5, 9, 9], [3, 0, 0, 9]])  # 0 is a token like any other
    yield ids, torch.tensor([[1, 1, 1, 0], [1, 1, 1, 1]]), 9


def labels(ids, attention_mask, pad):
    return ids.where(attention_mask.bool(), -100)


labels = Exercise(
    name="huggingface.labels",
    task="(ids (B, T), attention_mask (B, T), int pad) -> (B, T): what transformers' "
    "GPT-2 takes as labels=. It shifts by itself. Padding must not count (-100). pad "
    "is the id that fills up; it also ends each text, and that must be learnt.",
    reference=labels,
    cases=_label_cases,
    hints=(
        "The last real token of each text and the padding after it have one id. What "
        "else tells them apart?",
        "labels has the shape of ids; attention_mask, of that shape too, is 0 at "
        "padding.",
        "take a copy of ids\nwhere attention_mask is 0: -100",
    ),
    proves="The model learns to stop, though pad and end-of-text are one token.",
)


@labels.wrong
def every_pad_id_left_out(ids, attention_mask, pad):
    """You leave out every token with the id pad. One of them is the real end of the
    text: it would never be learnt, and the model would never stop."""
    return ids.masked_fill(ids == pad, -100)


@labels.wrong
def padding_counted(ids, attention_mask, pad):
    """The labels are the ids: padding counts, and the easy wins make the loss look
    good."""
    return ids.clone()


@labels.wrong
def shifted_by_hand(ids, attention_mask, pad):
    """You shift, and transformers shifts again: each token would be taught to foretell
    the one after the next."""
    return ids.masked_fill(attention_mask == 0, -100)[:, 1:]


@labels.wrong
def shifted_by_hand_and_filled_up(ids, attention_mask, pad):
    """You shift, and transformers shifts again: each token would be taught to foretell
    the one after the next. Leave the labels where the ids stand."""
    right = ids.masked_fill(attention_mask == 0, -100)
    return torch.cat([right[:, 1:], torch.full_like(right[:, :1], -100)], dim=1)


@labels.wrong
def ignored_with_0(ids, attention_mask, pad):
    """You mark with 0. That is a token like any other, and the model would learn to
    write it. -100 is no token."""
    return ids * attention_mask


@labels.wrong
def mask_read_the_wrong_way_round(ids, attention_mask, pad):
    """You keep the padding and leave out the text: 1 in the mask means a real token."""
    return ids.masked_fill(attention_mask == 1, -100)


@labels.wrong
def the_mask_itself(ids, attention_mask, pad):
    """You return the mask with -100 in it. The labels are token ids."""
    return attention_mask.masked_fill(attention_mask == 0, -100)
