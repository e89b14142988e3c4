"""Exercises on a whole training run: from documents to batches, the loop, evaluation.

Notebook 06. The models here are a table of logits with a dropout: all that an exercise
on training needs of a model is that it maps ids (B, T) to logits (B, T, V).
"""

import copy
import random

import torch
import torch.nn.functional as F
from torch import nn

from course_utils.config import GPTConfig
from course_utils.data import StreamBatches
from course_utils.exercises.engine.clinics import Clinic
from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import tensor
from course_utils.exercises.engine.questions import Question
from course_utils.model import GPT
from course_utils.training import Trainer, TrainingConfig

# --- windows of a stream --------------------------------------------------------------


def _stream_cases(rng):
    for N, T, stride in ((7, 3, 3), (9, 4, 2), (14, 3, 5), (16, 5, 2), (4, 3, 1)):
        yield [rng.randrange(100) for _ in range(N)], T, stride


def windows(tokens, T, stride):
    starts = range(0, len(tokens) - T, stride)
    inputs = [tokens[start : start + T] for start in starts]
    targets = [tokens[start + 1 : start + T + 1] for start in starts]
    return torch.tensor(inputs), torch.tensor(targets)


windows = Exercise(
    name="training.windows",
    task="(list tokens, int T, int stride) -> (inputs, targets), both (n, T) int64: "
    "windows that begin at 0, stride, 2 · stride, ... as long as a window and the "
    "token after it fit. The target of a position is the token after it.",
    reference=windows,
    cases=_stream_cases,
    hints=(
        "With T = 3 and tokens 0 to 6: where may the last window begin, so that its "
        "last position still has a target?",
        "n rows of T tokens each; the targets are the same rows, begun one later.",
        "for start in range(0, len(tokens) - T, stride):\n"
        "    inputs: tokens[start : start + T]\n"
        "    targets: tokens[start + 1 : start + T + 1]",
    ),
    proves="A stream of any length becomes rows of one length, each with its answers.",
)


def _windows(tokens, starts, T, shift=1):
    """Return windows at these starts, with targets ``shift`` tokens on."""
    inputs = [tokens[start : start + T] for start in starts]
    targets = [tokens[start + shift : start + shift + T] for start in starts]
    return torch.tensor(inputs), torch.tensor(targets)


@windows.wrong
def targets_not_shifted(tokens, T, stride):
    """Your targets are the inputs. A model would learn to repeat what it reads, and its
    loss would fall to 0."""
    return _windows(tokens, range(0, len(tokens) - T, stride), T, shift=0)


@windows.wrong
def targets_shifted_by_two(tokens, T, stride):
    """Your targets are two tokens on. The next token is one on."""
    starts = [s for s in range(0, len(tokens) - T, stride) if s + T + 2 <= len(tokens)]
    return _windows(tokens, starts or [0], T, shift=2)


@windows.wrong
def last_window_left_out(tokens, T, stride):
    """Your windows end one too early: the last one whose target still exists is
    missing. The last start is len(tokens) - T - 1, and range excludes its end."""
    starts = range(0, len(tokens) - T - 1, stride)
    return _windows(tokens, starts, T)


@windows.wrong
def stride_not_used(tokens, T, stride):
    """Your windows follow each other without overlap, whatever the stride."""
    return _windows(tokens, range(0, len(tokens) - T, T), T)


@windows.wrong
def border_tokens_never_predicted(tokens, T, stride):
    """You cut pieces of T + 1 tokens and begin the next piece after them: the first
    token of each piece is nobody's target. Neighbours share one token."""
    return _windows(tokens, range(0, len(tokens) - T, stride + 1), T)


@windows.wrong
def a_window_holds_its_targets(tokens, T, stride):
    """Your windows of T tokens give T - 1 inputs: the last target was taken from the
    window itself. Take T + 1 tokens."""
    starts = range(0, len(tokens) - T, stride)
    inputs, targets = _windows(tokens, starts, T)
    return inputs[:, :-1], targets[:, :-1]


@windows.wrong
def inputs_and_targets_swapped(tokens, T, stride):
    """Inputs and targets have changed places: the model would read a token and predict
    the one before it."""
    inputs, targets = windows.reference(tokens, T, stride)
    return targets, inputs


# --- padding --------------------------------------------------------------------------


def _document_cases(rng):
    for lengths in ((2, 4), (3,), (1, 5, 3), (4, 2, 6, 2)):
        documents = [[rng.randrange(1, 50) for _ in range(n)] for n in lengths]
        yield documents, rng.randrange(90, 99)


def pad_documents(documents, end_of_text):
    frames = [[end_of_text, *tokens, end_of_text] for tokens in documents]
    T = max(len(frame) for frame in frames) - 1
    inputs = torch.full((len(frames), T), end_of_text)
    targets = torch.full((len(frames), T), -100)
    for row, frame in enumerate(frames):
        inputs[row, : len(frame) - 1] = torch.tensor(frame[:-1])
        targets[row, : len(frame) - 1] = torch.tensor(frame[1:])
    return inputs, targets


pad_documents = Exercise(
    name="training.pad_documents",
    task="(list of lists documents, int end_of_text) -> (inputs, targets), both (B, T) "
    "int64: each document between two end_of_text, shifted; shorter rows are padded on "
    "the right, inputs with end_of_text, targets with -100. T: as the longest needs.",
    reference=pad_documents,
    cases=_document_cases,
    hints=(
        "The document's own end is to be learnt, the padding is not. Both are "
        "end_of_text in the inputs: what tells them apart in the targets?",
        "A document of n tokens has n + 2 in its frame, so n + 1 inputs and n + 1 "
        "targets. T = longest n + 1.",
        "inputs full of end_of_text, targets full of -100, both (B, T)\n"
        "for each row: frame = [end_of_text, *tokens, end_of_text]\n"
        "    inputs[row, : len(frame) - 1] = frame without its last\n"
        "    targets[row, : len(frame) - 1] = frame without its first",
    ),
    proves="Documents of any length in one batch, and only true tokens are learnt.",
)


def _padded(documents, end, frame=None, target=-100, shift=1, longest=True, left=False):
    """Pad in one of the wrong ways that the misconceptions below name."""
    frame = frame or (lambda tokens: [end, *tokens, end])
    frames = [frame(tokens) for tokens in documents]
    rows = [(f[: len(f) - 1], f[shift : len(f) - 1 + shift]) for f in frames]
    T = (max if longest else min)(len(inputs) for inputs, _ in rows)
    inputs = torch.full((len(rows), T), end)
    targets = torch.full((len(rows), T), target)
    for row, (given, wanted) in enumerate(rows):
        n = min(len(given), T)
        place = slice(T - n, T) if left else slice(0, n)
        inputs[row, place] = torch.tensor(given[:n], dtype=torch.long)
        targets[row, place] = torch.tensor(wanted[:n], dtype=torch.long)
    return inputs, targets


@pad_documents.wrong
def padding_counted(documents, end_of_text):
    """Your padding has end_of_text as its target: the model is paid for predicting end
    after end after end. Its loss looks low, and means nothing."""
    return _padded(documents, end_of_text, target=end_of_text)


@pad_documents.wrong
def the_end_never_learnt(documents, end_of_text):
    """Your targets ignore every end_of_text, the document's own end too. Such a model
    never stops writing. Mask by place, not by the token's id."""
    inputs, targets = _padded(documents, end_of_text)
    return inputs, targets.masked_fill(targets == end_of_text, -100)


@pad_documents.wrong
def begins_without_end_of_text(documents, end_of_text):
    """Your inputs begin with the document's first token: nobody learns to predict it,
    and a model that starts from end_of_text has never seen that start."""
    return _padded(documents, end_of_text, lambda tokens: [*tokens, end_of_text])


@pad_documents.wrong
def ends_without_end_of_text(documents, end_of_text):
    """No end_of_text follows your documents: their end is never a target."""
    return _padded(documents, end_of_text, lambda tokens: [end_of_text, *tokens])


@pad_documents.wrong
def inputs_given_as_targets(documents, end_of_text):
    """Your targets are the inputs themselves. Shift: the target is the token after."""
    return _padded(documents, end_of_text, shift=0)


@pad_documents.wrong
def padded_on_the_left(documents, end_of_text):
    """You pad on the left. Then a document begins at another position in each batch,
    and its tokens look back at the padding."""
    return _padded(documents, end_of_text, left=True)


@pad_documents.wrong
def cut_to_the_shortest(documents, end_of_text):
    """You cut all documents to the length of the shortest. Pad up to the longest."""
    return _padded(documents, end_of_text, longest=False)


@pad_documents.wrong
def ignore_put_into_the_inputs(documents, end_of_text):
    """-100 stands in your inputs. No row of the embedding table has that number; it
    belongs into the targets alone."""
    inputs, targets = _padded(documents, end_of_text)
    return inputs.masked_fill(targets == -100, -100), targets


@pad_documents.wrong
def filled_up_with_0(documents, end_of_text):
    """You fill the inputs up with 0, which is the id of some real token. Nothing learns
    from these places, but end_of_text is what is asked for."""
    inputs, targets = _padded(documents, end_of_text)
    return inputs.masked_fill(targets == -100, 0), targets


@pad_documents.wrong
def one_column_too_many(documents, end_of_text):
    """Your rows are one place too long: the end_of_text after a document is a target
    and nobody's input. The longest document needs n + 1 places, not n + 2."""
    inputs, targets = _padded(documents, end_of_text)
    more = torch.full((len(documents), 1), end_of_text)
    return torch.cat([inputs, more], 1), torch.cat([targets, 0 * more - 100], 1)


# --- packing --------------------------------------------------------------------------


def _packed_cases(rng):
    for lengths in ((2, 1), (1, 3, 2), (4,), (3, 1, 1, 4)):
        end, row = rng.randrange(50, 60), []
        for length in lengths:
            row += [end, *(rng.randrange(50) for _ in range(length))]
        yield torch.tensor(row), end


def packed_mask(ids, end_of_text):
    number = (ids == end_of_text).cumsum(0)  # (T,): which document each token is in
    same = number[:, None] == number[None, :]  # (T, T)
    return same & torch.ones_like(same).tril()


packed_mask = Exercise(
    name="training.packed_mask",
    task="(ids (T,), int end_of_text) -> bool (T, T): True where a query (row) may see "
    "a key (column): not later, and in the same document. Each document begins with an "
    "end_of_text, which belongs to it.",
    reference=packed_mask,
    cases=_packed_cases,
    hints=(
        "Can you give each token the number of its document, without a loop?",
        "A (T,) row of numbers; compared with itself as a column it is (T, T).",
        "number = how many end_of_text stand up to here (cumsum)\n"
        "same = number as a column == number as a row\n"
        "return same, and not later (tril)",
    ),
    proves="Several documents share a row, and none of them knows of the others.",
)


def _numbers(ids, end_of_text):
    return (ids == end_of_text).cumsum(0)


@packed_mask.wrong
def documents_see_each_other(ids, end_of_text):
    """This is the plain causal mask: each document reads all that stand before it in
    the row, though they have nothing to do with it."""
    return torch.ones(len(ids), len(ids)).tril().bool()


@packed_mask.wrong
def the_future_is_visible(ids, end_of_text):
    """Documents are apart, but within one a token sees what comes later."""
    number = _numbers(ids, end_of_text)
    return number[:, None] == number[None, :]


@packed_mask.wrong
def rows_and_columns_swapped(ids, end_of_text):
    """Your mask is transposed: queries are rows, keys are columns."""
    return packed_mask.reference(ids, end_of_text).T


@packed_mask.wrong
def end_of_text_counted_to_the_document_before(ids, end_of_text):
    """Your end_of_text belongs to the document before it. Here it begins the next one:
    without it, a document's first token has nothing to be predicted from."""
    is_end = ids == end_of_text
    number = is_end.cumsum(0) - is_end.long()
    number[0] = 0
    return (number[:, None] == number[None, :]).tril()


@packed_mask.wrong
def only_the_separator_hidden(ids, end_of_text):
    """You hide the end_of_text and nothing else: what stands before it is still
    seen."""
    causal = torch.ones(len(ids), len(ids)).tril().bool()
    return causal & ((ids != end_of_text)[None, :] | torch.eye(len(ids)).bool())


@packed_mask.wrong
def the_token_itself_hidden(ids, end_of_text):
    """A token does not see itself: use tril(), not tril(-1). The first row would be
    empty, and its softmax NaN."""
    return packed_mask.reference(ids, end_of_text).tril(-1)


@packed_mask.wrong
def the_document_before_visible_too(ids, end_of_text):
    """A document sees the one before it. Only its own tokens are wanted."""
    number = _numbers(ids, end_of_text)
    distance = number[:, None] - number[None, :]
    return (distance <= 1).tril()


@packed_mask.wrong
def true_where_nothing_may_be_seen(ids, end_of_text):
    """Your mask is the other way round: True where a key is hidden. Here True means
    that it may be seen."""
    return ~packed_mask.reference(ids, end_of_text)


# --- what is held out -----------------------------------------------------------------


def _corpus_cases(rng):
    for n_different, n_copies, n in ((4, 2, 2), (3, 0, 1), (6, 5, 3), (9, 6, 4)):
        pool = [f"{rng.choice('abcdefgh')}{rng.randrange(1000)}" for _ in range(99)]
        different = list(dict.fromkeys(pool))[:n_different]
        corpus = different + rng.choices(different, k=n_copies)
        if n_copies:  # a copy of what is held out, one early and one late
            corpus = [corpus[0], *corpus]
            corpus.append(corpus[0])
            corpus += 2 * [different[-1]]
        yield corpus, n


def hold_out(documents, n):
    held_out = list(dict.fromkeys(documents))[:n]
    return [text for text in documents if text not in held_out], held_out


hold_out = Exercise(
    name="training.hold_out",
    task="(list of str documents, int n) -> (training, validation), two lists: "
    "validation holds the first n different documents, each once; training all others "
    "in their order, repeats too, but no copy of a held-out one.",
    reference=hold_out,
    cases=_corpus_cases,
    hints=(
        "The same docstring stands in three files, and you hold one of them out. Is it "
        "then new to the model?",
        "Two lists. list(dict.fromkeys(documents)) keeps each document once, in order.",
        "validation = the first n of the different documents\n"
        "training = all documents that are not in validation",
    ),
    proves="What you validate on, the model has never seen in any copy.",
)


@hold_out.wrong
def copies_stay_in_the_training(documents, n):
    """Copies of held-out documents are still in your training text: the model is
    examined on what it has read."""
    held_out = list(dict.fromkeys(documents))[:n]
    rest = list(documents)
    for text in held_out:
        rest.remove(text)
    return rest, held_out


@hold_out.wrong
def cut_by_place(documents, n):
    """You cut the list after n entries. Copies of one document then stand on both
    sides."""
    return documents[n:], documents[:n]


@hold_out.wrong
def trained_on_everything(documents, n):
    """Your training list is the whole corpus, the held-out documents included. The
    validation loss would measure memory."""
    return list(documents), list(dict.fromkeys(documents))[:n]


@hold_out.wrong
def taken_from_the_end(documents, n):
    """You hold out the last documents. The first n different ones are asked for."""
    held_out = list(dict.fromkeys(documents))[-n:]
    return [text for text in documents if text not in held_out], held_out


@hold_out.wrong
def repeats_lost_from_the_training(documents, n):
    """Repeats are gone from your training list too. That can be a good idea, but then
    it is another corpus: here only what is held out goes."""
    different = list(dict.fromkeys(documents))
    return different[n:], different[:n]


@hold_out.wrong
def the_two_lists_swapped(documents, n):
    """You give (validation, training): first what is trained on."""
    return hold_out.reference(documents, n)[::-1]


@hold_out.wrong
def first_n_entries_each_once(documents, n):
    """You look for different documents among the first n entries only: with a repeat
    there, you hold out fewer than n."""
    held_out = list(dict.fromkeys(documents[:n]))
    return [text for text in documents if text not in held_out], held_out


@hold_out.wrong
def copies_in_the_validation(documents, n):
    """Your validation list holds every copy. Each document once, or those that repeat
    weigh more."""
    held_out = set(list(dict.fromkeys(documents))[:n])
    return (
        [text for text in documents if text not in held_out],
        [text for text in documents if text in held_out],
    )


# --- a small model for the rest -------------------------------------------------------


class Table(nn.Module):
    """A bigram with dropout: ids (B, T) -> logits (B, T, V)."""

    def __init__(self, table, bias, dropout=0.0):
        super().__init__()
        self.table, self.bias = nn.Parameter(table), nn.Parameter(bias)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids):
        return self.dropout(self.table[ids]) + self.bias


def _batch(rng, B, T, V, ignored=0):
    ids = torch.tensor([[rng.randrange(V) for _ in range(T + 1)] for _ in range(B)])
    targets = ids[:, 1:].clone()
    if ignored:
        targets[-1, -ignored:] = -100
    return ids[:, :-1].clone(), targets


# --- evaluation -----------------------------------------------------------------------


def _evaluation_cases(rng):
    V = 6
    for dropout, training, sizes in (
        (0.0, False, [(1, 3, 0)]),
        (0.5, True, [(2, 4, 2)]),
        (0.5, False, [(3, 6, 2), (1, 2, 1)]),
        (0.5, True, [(1, 5, 3), (4, 3, 0), (2, 6, 4)]),
    ):
        model = Table(tensor(rng, V, V, scale=2.0), tensor(rng, V), dropout)
        yield model.train(training), [_batch(rng, *s[:2], V, s[2]) for s in sizes]


def evaluate(model, batches):
    was_training = model.training
    model.eval()
    nats, n_counted = 0.0, 0
    with torch.no_grad():
        for inputs, targets in batches:
            logits = model(inputs).flatten(0, 1)  # (B * T, V)
            loss = F.cross_entropy(logits, targets.flatten(), reduction="sum")
            nats += loss.item()
            n_counted += int((targets != -100).sum())
    model.train(was_training)
    return nats / n_counted


def _value_and_mode(function, model, batches):
    """Return what the function gives, and in which mode it leaves the model."""
    return function(model, batches), model.training


evaluate = Exercise(
    name="training.evaluate",
    task="(nn.Module model, list of (inputs, targets) batches) -> float: the mean loss "
    "in nats over all targets of all batches, those of -100 left out. Without dropout; "
    "afterwards the model is in the mode (training or not) that it came in.",
    reference=evaluate,
    cases=_evaluation_cases,
    observe=_value_and_mode,
    hints=(
        "A batch of 3 targets and one of 300: what should each of them weigh?",
        "model(inputs) is (B, T, V), targets (B, T); model.training is True or False.",
        "remember model.training; model.eval()\n"
        "for each batch: nats += sum of the losses, n += targets that are not -100\n"
        "model.train(what it was); return nats / n",
    ),
    proves="One number that any two models may be compared by: no dice, no padding.",
)


def _mean_loss(model, batches, by="sum"):
    """Return the loss with a total of another kind, in evaluation mode."""
    was_training = model.training
    model.eval()
    losses, counts, sizes = [], [], []
    with torch.no_grad():
        for inputs, targets in batches:
            logits = model(inputs).flatten(0, 1)
            loss = F.cross_entropy(logits, targets.flatten(), reduction="sum")
            losses.append(loss.item())
            counts.append(int((targets != -100).sum()))
            sizes.append(targets.numel())
    model.train(was_training)
    return losses, counts, sizes


@evaluate.wrong
def dropout_left_on(model, batches):
    """Dropout is still on: call model.eval() first. Your number is too high, and
    another one each time."""
    nats, n_counted = 0.0, 0
    for inputs, targets in batches:
        logits = model(inputs).flatten(0, 1)
        loss = F.cross_entropy(logits, targets.flatten(), reduction="sum")
        nats += loss.item()
        n_counted += int((targets != -100).sum())
    return nats / n_counted


@evaluate.wrong
def left_in_evaluation_mode(model, batches):
    """Your model comes back in evaluation mode: from here on it would train without
    dropout, and nobody would be told."""
    losses, counts, _ = _mean_loss(model, batches)
    model.eval()
    return sum(losses) / sum(counts)


@evaluate.wrong
def always_left_in_training_mode(model, batches):
    """Your model comes back in training mode even where it was in evaluation mode. Give
    it back as it came."""
    losses, counts, _ = _mean_loss(model, batches)
    model.train()
    return sum(losses) / sum(counts)


@evaluate.wrong
def mean_of_the_batches_means(model, batches):
    """You average the batches' means: a batch of few targets weighs as much as a long
    one. Divide once, at the end."""
    losses, counts, _ = _mean_loss(model, batches)
    means = [loss / n for loss, n in zip(losses, counts, strict=True)]
    return sum(means) / len(means)


@evaluate.wrong
def mean_of_means_and_left_in_evaluation_mode(model, batches):
    """Two things. You average the batches' means, so a short batch weighs as much as a
    long one. And your model comes back in evaluation mode, whatever it was in."""
    mean = mean_of_the_batches_means(model, batches)
    model.eval()
    return mean


@evaluate.wrong
def padding_in_the_denominator(model, batches):
    """You divide by all places, the ignored ones too: the more padding, the lower your
    loss."""
    losses, _, sizes = _mean_loss(model, batches)
    return sum(losses) / sum(sizes)


@evaluate.wrong
def not_divided(model, batches):
    """This is the sum over all targets. Divide by how many counted."""
    return sum(_mean_loss(model, batches)[0])


@evaluate.wrong
def only_the_last_batch(model, batches):
    """Your number is that of the last batch alone: sum over all of them."""
    losses, counts, _ = _mean_loss(model, batches)
    return losses[-1] / counts[-1]


@evaluate.wrong
def perplexity_in_place_of_nats(model, batches):
    """You return the perplexity, e to the mean loss. Nats are asked for."""
    losses, counts, _ = _mean_loss(model, batches)
    return float(torch.tensor(sum(losses) / sum(counts), dtype=torch.float64).exp())


# --- the loop -------------------------------------------------------------------------


def _loop_cases(rng):
    V = 5
    for steps in (1, 3, 5):
        model = Table(tensor(rng, V, V), tensor(rng, V))
        batches = [_batch(rng, 2, 4, V) for _ in range(steps)]
        rates = [rng.uniform(0.2, 0.9) for _ in range(steps)]
        yield model, batches, rates, rng.uniform(0.15, 0.25)


def train(model, batches, rates, clip, optimizer):
    losses = []
    for (inputs, targets), rate in zip(batches, rates, strict=True):
        loss = F.cross_entropy(model(inputs).flatten(0, 1), targets.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), clip)
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.step()
        losses.append(loss.item())
    return losses


def _at_work(function, model, batches, rates, clip):
    """Return the losses, and the weights after training a copy of the model."""
    model = copy.deepcopy(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    losses = function(model, batches, rates, clip, optimizer)
    if isinstance(losses, list | tuple):
        losses = torch.tensor([float(loss) for loss in losses])
    return losses, model.table.detach(), model.bias.detach()


train = Exercise(
    name="training.train",
    task="(nn.Module model, list of (inputs, targets) batches, list of float rates, "
    "float clip, optimizer) -> list of float losses. One step per batch: the loss "
    "before the step, gradients limited to the joint length clip, a step at this "
    "batch's rate (each group's 'lr').",
    reference=train,
    cases=_loop_cases,
    observe=_at_work,
    seconds=15.0,  # torch's optimizers load a lot when the first one steps
    hints=(
        "backward() adds to .grad. What stands there when a step begins?",
        "model(inputs) is (B, T, V); F.cross_entropy wants (B * T, V) and (B * T,). "
        "torch.nn.utils.clip_grad_norm_ limits the joint length.",
        "for each batch and rate:\n"
        "    loss; zero_grad; backward; clip\n"
        "    group['lr'] = rate for each group of optimizer.param_groups\n"
        "    step; append loss.item()",
    ),
    proves="This loop trains every GPT there is. All the rest is care around it.",
)


def _loop(model, batches, rates, clip, optimizer, **parts):
    """Train with some parts of the loop replaced; return the losses."""
    clipped = parts.get("clipped", nn.utils.clip_grad_norm_)
    losses = []
    for step, ((inputs, targets), rate) in enumerate(zip(batches, rates, strict=True)):
        if parts.get("zero", True):
            optimizer.zero_grad()
        if "batch" in parts:
            inputs, targets = parts["batch"]
        for group in optimizer.param_groups:
            group["lr"] = parts["rate"](step) if "rate" in parts else rate
        loss = F.cross_entropy(model(inputs).flatten(0, 1), targets.flatten())
        loss.backward()
        if parts.get("zero_late"):
            optimizer.zero_grad(set_to_none=False)
        clipped(list(model.parameters()), clip)
        optimizer.step()
        if parts.get("after"):
            with torch.no_grad():
                logits = model(inputs).flatten(0, 1)
                loss = F.cross_entropy(logits, targets.flatten())
        losses.append(loss.item())
    return losses


@train.wrong
def gradients_not_zeroed(model, batches, rates, clip, optimizer):
    """Gradients of earlier batches are still there: backward() adds to them. Call
    optimizer.zero_grad() before each backward()."""
    return _loop(model, batches, rates, clip, optimizer, zero=False)


@train.wrong
def the_weights_never_move(model, batches, rates, clip, optimizer):
    """Your weights stay as they were. Either step() is missing, or zero_grad() comes
    between backward() and step(), and the step finds nothing to do."""
    return _loop(model, batches, rates, clip, optimizer, zero_late=True)


@train.wrong
def not_clipped_in_time(model, batches, rates, clip, optimizer):
    """The gradients are not limited when step() uses them: clip after backward() and
    before step()."""
    return _loop(
        model, batches, rates, clip, optimizer, clipped=lambda parameters, clip: None
    )


@train.wrong
def each_parameter_clipped_on_its_own(model, batches, rates, clip, optimizer):
    """Each parameter's gradient is limited by itself, which turns the direction of the
    whole. One length, of all gradients together."""

    def clipped(parameters, clip):
        for parameter in parameters:
            nn.utils.clip_grad_norm_([parameter], clip)

    return _loop(model, batches, rates, clip, optimizer, clipped=clipped)


@train.wrong
def each_number_clipped(model, batches, rates, clip, optimizer):
    """You cut every number off at clip (clip_grad_value_). The joint length is meant:
    clip_grad_norm_."""
    clipped = nn.utils.clip_grad_value_
    return _loop(model, batches, rates, clip, optimizer, clipped=clipped)


@train.wrong
def rate_set_after_the_step(model, batches, rates, clip, optimizer):
    """The rate is set when the step is done: each step runs at the rate of the one
    before."""
    first = optimizer.param_groups[0]["lr"]
    late = [first, *rates]
    return _loop(model, batches, rates, clip, optimizer, rate=lambda step: late[step])


@train.wrong
def rates_not_used(model, batches, rates, clip, optimizer):
    """The optimizer keeps the rate that it was made with. Put this step's rate into
    group["lr"] of each of its groups."""
    first = optimizer.param_groups[0]["lr"]
    return _loop(model, batches, rates, clip, optimizer, rate=lambda step: first)


@train.wrong
def the_first_rate_in_every_step(model, batches, rates, clip, optimizer):
    """Every step runs at the first rate: take the one of its own batch."""
    return _loop(model, batches, rates, clip, optimizer, rate=lambda step: rates[0])


@train.wrong
def the_first_batch_in_every_step(model, batches, rates, clip, optimizer):
    """Every step uses the first batch. That is a good test, but no training."""
    return _loop(model, batches, rates, clip, optimizer, batch=batches[0])


@train.wrong
def loss_after_the_step_returned(model, batches, rates, clip, optimizer):
    """You return the loss on a batch that the model has just been trained on. Return
    the one before the step: it costs nothing more, and those tokens were still new."""
    return _loop(model, batches, rates, clip, optimizer, after=True)


# --- the clinic: a run that goes on ---------------------------------------------------


def _small_trainer():
    rng = random.Random(5)
    tokens = [rng.choice((0, 3, 7)) + i % 13 for i in range(400)]
    with torch.random.fork_rng([]):
        torch.manual_seed(5)
        model = GPT(GPTConfig(24, 12, n_layer=1, n_head=2, n_embd=16, dropout=0.0))
    batches = StreamBatches(tokens, batch_size=4, T=12, seed=5)
    config = TrainingConfig(steps=20, learning_rate=0.02)
    trainer = Trainer(model, batches, config, on_step=_note_what_was_read)
    trainer.read = []
    return trainer


def _note_what_was_read(trainer):
    inputs, _ = trainer.batches.batch(trainer.batches.n_drawn - 1)
    trainer.read.append(inputs[0, :4].tolist())


def _stopped_and_gone_on(stop_after, steps, with_averages):
    first = _small_trainer()
    first.run(stop_after, show_progress=False)
    second = _small_trainer()
    second.model.load_state_dict(first.model.state_dict())
    second.batches.load_state_dict(first.batches.state_dict())
    second.steps_done = first.steps_done
    if with_averages:
        for new, old in zip(second.optimizers, first.optimizers, strict=True):
            new.load_state_dict(old.state_dict())
    second.run(steps - stop_after, show_progress=False)
    parts = first.history, second.history
    return {
        "learning rate": [x for part in parts for x in part.learning_rates],
        "first tokens": first.read + second.read,
        "loss": [x for part in parts for x in part.losses],
        "gradient norm": [x for part in parts for x in part.gradient_norms],
    }


def _forgetful(stop_after, steps):
    return _stopped_and_gone_on(stop_after, steps, with_averages=False)


def _faithful(stop_after, steps):
    return _stopped_and_gone_on(stop_after, steps, with_averages=True)


forgetful = Clinic(
    name="training.forgetful",
    complaint="After a power cut, training went on from this run's checkpoint. Nothing "
    "is reported, the loss falls on. But it does not end where the run ends that was "
    "never stopped.",
    patient=_forgetful,
    healthy=_faithful,
    suspects={
        "the weights were not restored": "the first loss after the stop would be that "
        "of a new model, near ln V.",
        "the position in the data was not restored": "the first tokens after the stop "
        "would be those of step 1 again, and the loss would differ at once.",
        "the number of the step was not restored": "the learning rate would warm up "
        "again after the stop.",
        "the optimizer's averages were not restored": "rate, tokens and loss of the "
        "first step after the stop would be right, and the second loss wrong.",
        "the gradients were not restored": "nothing would differ: each step zeroes "
        "them before it computes its own.",
    },
    fault="the optimizer's averages were not restored",
    evidence="Learning rates and tokens agree in all steps, and so does the first loss "
    "after the stop: weights, data and step are right. The second one differs, so that "
    "first step moved the weights elsewhere. What else makes a step? The averages that "
    "Muon and AdamW keep, up to twice as many numbers as there are weights: the first "
    "thing that is left out to save space.",
)

# --- recall ---------------------------------------------------------------------------

QUESTIONS = (
    Question(
        "Your loss on held-out text falls together with the training loss, to nearly "
        "0. Good news?",
        "No. No model gets below the entropy of its source. Look for held-out text in "
        "the training text, or for targets that are not shifted.",
        (
            "training.hold_out: copies stay in the training",
            "training.hold_out: trained on everything",
            "training.windows: targets not shifted",
        ),
    ),
    Question(
        "A batch is padded with end_of_text. Which end_of_text is a target?",
        "The one right after the document. All after it are -100.",
        (
            "training.pad_documents: padding counted",
            "training.pad_documents: the end never learnt",
        ),
    ),
    Question(
        "What must a checkpoint hold besides the weights, so that nobody can tell that "
        "the run was stopped?",
        "The optimizer's averages, the number of the step (for the learning rate), the "
        "position in the data, and the state of chance (for dropout).",
        (),
    ),
    Question(
        "Why is model.eval() called before the validation loss is measured, and what "
        "after it?",
        "Dropout would make the loss higher and random. After it the model goes back "
        "to training mode, or it would train without dropout.",
        (
            "training.evaluate: dropout left on",
            "training.evaluate: left in evaluation mode",
        ),
    ),
)
