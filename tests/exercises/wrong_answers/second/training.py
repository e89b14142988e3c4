"""A second set of wrong answers: training."""

import torch
import torch.nn.functional as F
from torch import nn

from ..collection import to_second as to


@to("training.windows", "a window too many filled up", "a window too many")
def _(tokens, T, stride):
    """Counts a window whose target is missing: the last one is too many, or too
    short."""
    inputs, targets = [], []
    for i in range(0, len(tokens) - T + 1, stride):
        inputs.append(tokens[i : i + T])
        targets.append((tokens[i + 1 : i + T + 1] + [-100])[:T])
    return torch.tensor(inputs), torch.tensor(targets)


@to("training.windows", "stride not used")
def _(tokens, T, stride):
    """Steps by T and ignores the stride."""
    starts = range(0, len(tokens) - T, T)
    inputs = torch.tensor([tokens[s : s + T] for s in starts])
    targets = torch.tensor([tokens[s + 1 : s + T + 1] for s in starts])
    return inputs, targets


@to("training.windows", "last window left out")
def _(tokens, T, stride):
    """Stops one window too early."""
    ids = torch.tensor(tokens)
    starts = list(range(0, len(tokens) - T - 1, stride))
    x = torch.stack([ids[s : s + T] for s in starts])
    y = torch.stack([ids[s + 1 : s + 1 + T] for s in starts])
    return x, y


@to("training.pad_documents", "the end never learnt")
def _(documents, end_of_text):
    """The end of a document does not count: also its target is -100."""
    T = max(len(d) for d in documents) + 1
    inputs = torch.full((len(documents), T), end_of_text)
    targets = torch.full((len(documents), T), -100)
    for row, d in enumerate(documents):
        inputs[row, 1 : len(d) + 1] = torch.tensor(d)
        targets[row, : len(d)] = torch.tensor(d)
    return inputs, targets


@to("training.pad_documents", "padded on the left")
def _(documents, end_of_text):
    """Pads on the left."""
    rows = [[end_of_text, *d, end_of_text] for d in documents]
    n = max(map(len, rows)) - 1
    inputs = [[end_of_text] * (n - len(r) + 1) + r[:-1] for r in rows]
    targets = [[-100] * (n - len(r) + 1) + r[1:] for r in rows]
    return torch.tensor(inputs), torch.tensor(targets)


@to("training.pad_documents", "padding counted")
def _(documents, end_of_text):
    """Targets padded with end of text and not -100."""
    longest = max(len(d) for d in documents) + 2
    rows = []
    for d in documents:
        row = [end_of_text] + list(d) + [end_of_text]
        rows.append(row + [end_of_text] * (longest - len(row)))
    rows = torch.tensor(rows)
    return rows[:, :-1], rows[:, 1:]


@to("training.packed_mask", "the future is visible")
def _(ids, end_of_text):
    """Same document, but not causal."""
    document = (ids == end_of_text).cumsum(0)
    return document[:, None] == document[None, :]


@to("training.packed_mask", "end of text counted to the document before")
def _(ids, end_of_text):
    """The end of text belongs to the document before it."""
    is_end = (ids == end_of_text).long()
    document = is_end.cumsum(0) - is_end
    same = document[:, None] == document
    return same & torch.ones_like(same).tril()


@to("training.packed_mask", "documents see each other")
def _(ids, end_of_text):
    """Later documents see earlier ones (<= in place of ==): plain causal mask."""
    T = len(ids)
    doc = torch.cumsum(ids == end_of_text, dim=0)
    mask = torch.zeros(T, T, dtype=torch.bool)
    for q in range(T):
        for k in range(q + 1):
            mask[q, k] = doc[k] <= doc[q]
    return mask


@to("training.train", "gradients not zeroed")
def _(model, batches, rates, clip, optimizer):
    """Never clears the gradients."""
    losses = []
    for (inputs, targets), rate in zip(batches, rates):
        for group in optimizer.param_groups:
            group["lr"] = rate
        logits = model(inputs)
        loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten())
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
        losses.append(loss.item())
    return losses


@to("training.train", "not clipped in time")
def _(model, batches, rates, clip, optimizer):
    """Clips after the step."""
    losses = []
    for (inputs, targets), rate in zip(batches, rates):
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.zero_grad()
        logits = model(inputs)
        loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten())
        loss.backward()
        optimizer.step()
        nn.utils.clip_grad_norm_(model.parameters(), clip)
        losses.append(loss.item())
    return losses


@to("training.train", "the first rate in every step")
def _(model, batches, rates, clip, optimizer):
    """Sets the rate only once, to the first."""
    losses = []
    for group in optimizer.param_groups:
        group["lr"] = rates[0]
    for inputs, targets in batches:
        optimizer.zero_grad()
        logits = model(inputs)
        loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten())
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
        losses.append(loss.item())
    return losses


@to("training.hold_out", "copies stay in the training")
def _(documents, n):
    """Copies of held-out documents stay in training."""
    validation = []
    training = []
    for d in documents:
        if len(validation) < n and d not in validation:
            validation.append(d)
        else:
            training.append(d)
    return training, validation


@to("training.hold_out", "repeats lost from the training")
def _(documents, n):
    """Takes the repeats out of training."""
    different = list(dict.fromkeys(documents))
    return different[n:], different[:n]


@to("training.hold_out", "first n entries each once")
def _(documents, n):
    """The first n, repeats counted."""
    validation = documents[:n]
    held = set(validation)
    training = [d for d in documents if d not in held]
    return training, validation


@to("training.evaluate", "mean of the batches means")
def _(model, batches):
    """Mean of the batches' means."""
    was = model.training
    model.eval()
    losses = []
    with torch.no_grad():
        for inputs, targets in batches:
            logits = model(inputs)
            losses.append(
                F.cross_entropy(logits.flatten(0, 1), targets.flatten()).item()
            )
    model.train(was)
    return sum(losses) / len(losses)


@to("training.evaluate", "always left in training mode")
@torch.no_grad()
def _(model, batches):
    """Leaves the model in training mode whatever it was."""
    model.eval()
    total, count = 0.0, 0
    for x, y in batches:
        logits = model(x)
        total += F.cross_entropy(
            logits.flatten(0, 1), y.flatten(), reduction="sum"
        ).item()
        count += (y != -100).sum().item()
    model.train()
    return total / count


@to("training.evaluate", "padding in the denominator")
def _(model, batches):
    """Divides by all positions, -100 too."""
    mode = model.training
    model.eval()
    total, n = 0.0, 0
    with torch.no_grad():
        for inputs, targets in batches:
            loss = F.cross_entropy(
                model(inputs).transpose(1, 2),
                targets,
                ignore_index=-100,
                reduction="sum",
            )
            total += loss.item()
            n += targets.numel()
    model.train(mode)
    return total / n
