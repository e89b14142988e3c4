"""Wrong answers to the exercises on training."""

import random

import torch
import torch.nn.functional as F

from .collection import to


def _cut(tokens, T, starts, shift=1):
    inputs = [tokens[s : s + T] for s in starts]
    targets = [tokens[s + shift : s + shift + T] for s in starts]
    return torch.tensor(inputs), torch.tensor(targets)


@to("training.windows", "last window left out")
def _(tokens, T, stride):
    """The last window that fits is left out."""
    return _cut(tokens, T, range(0, len(tokens) - T - 1, stride))


@to("training.windows", "targets not shifted")
def _(tokens, T, stride):
    """Nothing is shifted: targets are the inputs."""
    return _cut(tokens, T, range(0, len(tokens) - T, stride), shift=0)


@to("training.windows", "stride not used")
def _(tokens, T, stride):
    """One window after the other: stride is overlooked."""
    return _cut(tokens, T, range(0, len(tokens) - T, T))


@to("training.windows", "a stride of 1")
def _(tokens, T, stride):
    """At every place: stride is 1."""
    return _cut(tokens, T, range(0, len(tokens) - T))


@to("training.windows", "a window too many")
def _(tokens, T, stride):
    """A window needs no token after it: the last target is short (an error)."""
    return _cut(tokens, T, range(0, len(tokens) - T + 1, stride))


@to("training.windows", "type")
def _(tokens, T, stride):
    """Lists, no tensors."""
    starts = range(0, len(tokens) - T, stride)
    return [tokens[s : s + T] for s in starts], [
        tokens[s + 1 : s + T + 1] for s in starts
    ]


@to("training.windows", "only the token after the window")
def _(tokens, T, stride):
    """The target is the one token after the window."""
    starts = range(0, len(tokens) - T, stride)
    inputs = torch.tensor([tokens[s : s + T] for s in starts])
    return inputs, torch.tensor([tokens[s + T] for s in starts])


@to("training.windows", "targets shifted by two")
def _(tokens, T, stride):
    """Targets two ahead."""
    return _cut(tokens, T, range(0, len(tokens) - T - 1, stride), shift=2)


def _padded(rows, fill):
    T = max(map(len, rows))
    return torch.tensor([row + [fill] * (T - len(row)) for row in rows])


@to("training.pad_documents", "padding counted")
def _(documents, end_of_text):
    """Padding's targets are end_of_text: they count."""
    rows = [[end_of_text, *d, end_of_text] for d in documents]
    inputs = _padded([row[:-1] for row in rows], end_of_text)
    return inputs, _padded([row[1:] for row in rows], end_of_text)


@to("training.pad_documents", "the end never learnt")
def _(documents, end_of_text):
    """Every end_of_text of the targets is hidden: the end is never learnt."""
    rows = [[end_of_text, *d, end_of_text] for d in documents]
    inputs = _padded([row[:-1] for row in rows], end_of_text)
    targets = _padded([row[1:] for row in rows], end_of_text)
    targets[targets == end_of_text] = -100
    return inputs, targets


@to("training.pad_documents", "begins without end of text")
def _(documents, end_of_text):
    """No end_of_text in front."""
    rows = [[*d, end_of_text] for d in documents]
    inputs = _padded([row[:-1] for row in rows], end_of_text)
    return inputs, _padded([row[1:] for row in rows], -100)


@to("training.pad_documents", "ends without end of text")
def _(documents, end_of_text):
    """No end_of_text behind."""
    rows = [[end_of_text, *d] for d in documents]
    inputs = _padded([row[:-1] for row in rows], end_of_text)
    return inputs, _padded([row[1:] for row in rows], -100)


@to("training.pad_documents", "padded on the left")
def _(documents, end_of_text):
    """Padded on the left."""
    rows = [[end_of_text, *d, end_of_text] for d in documents]
    T = max(map(len, rows)) - 1
    inputs = [[end_of_text] * (T - len(r) + 1) + r[:-1] for r in rows]
    targets = [[-100] * (T - len(r) + 1) + r[1:] for r in rows]
    return torch.tensor(inputs), torch.tensor(targets)


@to("training.pad_documents", "filled up with 0")
def _(documents, end_of_text):
    """Padded with 0."""
    rows = [[end_of_text, *d, end_of_text] for d in documents]
    inputs = _padded([row[:-1] for row in rows], 0)
    return inputs, _padded([row[1:] for row in rows], -100)


@to("training.pad_documents", "cut to the shortest")
def _(documents, end_of_text):
    """Cut to the shortest."""
    rows = [[end_of_text, *d, end_of_text] for d in documents]
    T = min(map(len, rows)) - 1
    inputs = torch.tensor([row[:T] for row in rows])
    return inputs, torch.tensor([row[1 : T + 1] for row in rows])


@to("training.pad_documents", "ignore put into the inputs")
def _(documents, end_of_text):
    """-100 in the inputs as well."""
    rows = [[end_of_text, *d, end_of_text] for d in documents]
    inputs = _padded([row[:-1] for row in rows], -100)
    return inputs, _padded([row[1:] for row in rows], -100)


@to("training.packed_mask", "documents see each other")
def _(ids, end_of_text):
    """Causal alone: documents see each other."""
    T = len(ids)
    return torch.ones(T, T).tril().bool()


@to("training.packed_mask", "the future is visible")
def _(ids, end_of_text):
    """The same document, but the future too."""
    document = (ids == end_of_text).cumsum(0)
    return document[:, None] == document[None]


@to("training.packed_mask", "end of text counted to the document before")
def _(ids, end_of_text):
    """end_of_text belongs to the document before it."""
    is_end = (ids == end_of_text).long()
    document = is_end.cumsum(0) - is_end
    T = len(ids)
    return (document[:, None] == document[None]) & torch.ones(T, T).tril().bool()


@to("training.packed_mask", "separators see nothing and are not seen")
def _(ids, end_of_text):
    """end_of_text sees nothing and nobody sees it."""
    own = ids != end_of_text
    document = (ids == end_of_text).cumsum(0)
    same = (document[:, None] == document[None]) & own[:, None] & own[None]
    return same & torch.ones(len(ids), len(ids)).tril().bool()


@to("training.packed_mask", "rows and columns swapped")
def _(ids, end_of_text):
    """Transposed."""
    document = (ids == end_of_text).cumsum(0)
    T = len(ids)
    return (document[:, None] == document[None]) & torch.ones(T, T).triu().bool()


@to("training.packed_mask", "the token itself hidden")
def _(ids, end_of_text):
    """The diagonal is hidden."""
    document = (ids == end_of_text).cumsum(0)
    T = len(ids)
    return (document[:, None] == document[None]) & torch.ones(T, T).tril(-1).bool()


@to("training.packed_mask", "documents see each other")
def _(ids, end_of_text):
    """Earlier documents may be seen (>=)."""
    document = (ids == end_of_text).cumsum(0)
    T = len(ids)
    return (document[:, None] >= document[None]) & torch.ones(T, T).tril().bool()


@to("training.packed_mask", "only the first border")
def _(ids, end_of_text):
    """Only the first border is seen."""
    T = len(ids)
    mask = torch.ones(T, T).tril().bool()
    ends = [i for i in range(1, T) if ids[i] == end_of_text]
    if ends:
        mask[ends[0] :, : ends[0]] = False
    return mask


@to("training.hold_out", "cut by place")
def _(documents, n):
    """The first n as they come: copies stay in training."""
    return documents[n:], documents[:n]


@to("training.hold_out", "drawn at random", "depends on chance")
def _(documents, n):
    """At random."""
    held = random.sample(sorted(set(documents)), n)
    return [d for d in documents if d not in held], held


@to("training.hold_out", "the last different ones")
def _(documents, n):
    """The last n different ones."""
    held = list(dict.fromkeys(reversed(documents)))[:n]
    return [d for d in documents if d not in held], held


@to("training.hold_out", "the first in the alphabet")
def _(documents, n):
    """The first n of the sorted texts."""
    held = sorted(set(documents))[:n]
    return [d for d in documents if d not in held], held


@to("training.hold_out", "repeats lost from the training")
def _(documents, n):
    """Training without its repeats."""
    different = list(dict.fromkeys(documents))
    return different[n:], different[:n]


@to("training.hold_out", "the two lists swapped")
def _(documents, n):
    """(validation, training): the other order."""
    held = list(dict.fromkeys(documents))[:n]
    return held, [d for d in documents if d not in held]


@to("training.hold_out", "copies in the validation")
def _(documents, n):
    """Validation with its repeats."""
    held = list(dict.fromkeys(documents))[:n]
    return [d for d in documents if d not in held], [d for d in documents if d in held]


@to("training.hold_out", "changes its input")
def _(documents, n):
    """Takes the held-out ones from the list itself."""
    held = []
    while len(held) < n:
        first = documents[0]
        held.append(first)
        while first in documents:
            documents.remove(first)
    return documents, held


def _loss(model, inputs, targets, **more):
    logits = model(inputs)
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), **more)


@to("training.evaluate", "mean of the batches means")
def _(model, batches):
    """The mean of the batches' means."""
    was = model.training
    model.eval()
    with torch.no_grad():
        losses = [_loss(model, x, y).item() for x, y in batches]
    model.train(was)
    return sum(losses) / len(losses)


@to("training.evaluate", "dropout left on")
def _(model, batches):
    """Dropout stays on."""
    total = sum(_loss(model, x, y, reduction="sum").item() for x, y in batches)
    return total / sum((y != -100).sum().item() for _, y in batches)


@to("training.evaluate", "always left in training mode")
def _(model, batches):
    """Ends in training mode whatever it was."""
    model.eval()
    total = sum(_loss(model, x, y, reduction="sum").item() for x, y in batches)
    model.train()
    return total / sum((y != -100).sum().item() for _, y in batches)


@to("training.evaluate", "left in evaluation mode")
def _(model, batches):
    """Leaves the model in eval()."""
    model.eval()
    total = sum(_loss(model, x, y, reduction="sum").item() for x, y in batches)
    return total / sum((y != -100).sum().item() for _, y in batches)


@to("training.evaluate", "padding in the denominator")
def _(model, batches):
    """Divides by all positions, -100 included."""
    was = model.training
    model.eval()
    total = sum(_loss(model, x, y, reduction="sum").item() for x, y in batches)
    model.train(was)
    return total / sum(y.numel() for _, y in batches)


@to("training.evaluate", "not divided")
def _(model, batches):
    """The sum."""
    was = model.training
    model.eval()
    total = sum(_loss(model, x, y, reduction="sum").item() for x, y in batches)
    model.train(was)
    return total


@to("training.evaluate", "only the last batch")
def _(model, batches):
    """The last batch alone."""
    was = model.training
    model.eval()
    for x, y in batches:
        loss = _loss(model, x, y).item()
    model.train(was)
    return loss


@to("training.evaluate", "only the first batch")
def _(model, batches):
    """Returns after the first batch."""
    was = model.training
    model.eval()
    for x, y in batches:
        loss = _loss(model, x, y).item()
        model.train(was)
        return loss


def _train(model, batches, rates, clip, optimizer, **change):
    losses = []
    for (x, y), rate in zip(batches, rates, strict=True):
        for group in optimizer.param_groups[: change.get("groups")]:
            group["lr"] = rate
        loss = _loss(model, x, y)
        if change.get("zero", True):
            optimizer.zero_grad()
        loss.backward()
        if change.get("clipped", True):
            torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
        losses.append(loss.item())
    return losses


@to("training.train", "gradients not zeroed")
def _(model, batches, rates, clip, optimizer):
    """Gradients are never set to zero."""
    return _train(model, batches, rates, clip, optimizer, zero=False)


@to("training.train", "not clipped in time")
def _(model, batches, rates, clip, optimizer):
    """No clipping."""
    return _train(model, batches, rates, clip, optimizer, clipped=False)


@to("training.train", "rates not used")
def _(model, batches, rates, clip, optimizer):
    """The rates are never set."""
    return _train(model, batches, rates, clip, optimizer, groups=0)


@to("training.train")
def _(model, batches, rates, clip, optimizer):
    """Only the first group's rate is set."""
    return _train(model, batches, rates, clip, optimizer, groups=1)


@to("training.train", "not clipped in time")
def _(model, batches, rates, clip, optimizer):
    """Clips after the step."""
    losses = []
    for (x, y), rate in zip(batches, rates, strict=True):
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.zero_grad()
        loss = _loss(model, x, y)
        loss.backward()
        optimizer.step()
        torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
        losses.append(loss.item())
    return losses


@to("training.train", "each number clipped")
def _(model, batches, rates, clip, optimizer):
    """Clips each number (clip_grad_value_)."""
    losses = []
    for (x, y), rate in zip(batches, rates, strict=True):
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.zero_grad()
        loss = _loss(model, x, y)
        loss.backward()
        torch.nn.utils.clip_grad_value_(model.parameters(), clip)
        optimizer.step()
        losses.append(loss.item())
    return losses


@to("training.train", "loss after the step returned")
def _(model, batches, rates, clip, optimizer):
    """The loss after the step."""
    losses = []
    for (x, y), rate in zip(batches, rates, strict=True):
        _train(model, [(x, y)], [rate], clip, optimizer)
        losses.append(_loss(model, x, y).item())
    return losses


@to("training.train")
def _(model, batches, rates, clip, optimizer):
    """Leaves the model in eval() mode and trains so."""
    model.eval()
    return _train(model, batches, rates, clip, optimizer)


@to("training.train", "the weights never move")
def _(model, batches, rates, clip, optimizer):
    """zero_grad between backward and step: nothing moves."""
    losses = []
    for (x, y), rate in zip(batches, rates, strict=True):
        for group in optimizer.param_groups:
            group["lr"] = rate
        loss = _loss(model, x, y)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.zero_grad()
        optimizer.step()
        losses.append(loss.item())
    return losses


@to("training.train", "rate set after the step")
def _(model, batches, rates, clip, optimizer):
    """The rate of the step before: set after the step."""
    losses = []
    for (x, y), rate in zip(batches, rates, strict=True):
        optimizer.zero_grad()
        loss = _loss(model, x, y)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
        for group in optimizer.param_groups:
            group["lr"] = rate
        losses.append(loss.item())
    return losses
