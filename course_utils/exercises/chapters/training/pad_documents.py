"""Padding: exercise pad_documents and its mistakes."""

import torch

from course_utils.exercises.engine.definition import Exercise


def _document_cases(rng):
    for lengths in ((2, 4), (3,), (1, 5, 3), (4, 2, 6, 2)):
        documents = [[rng.randrange(1, 50) for _ in range(n)] for n in lengths]
        yield documents, rng.randrange(90, 99)
    yield [[5, 2], [1, 3, 4]], 0  # the end of text may be any id, 0 too


def pad_documents(documents, end_of_text):
    frames = [[end_of_text, *tokens, end_of_text] for tokens in documents]
    T = max(len(frame) for frame in frames) - 1
    inputs = torch.full((len(frames), T), end_of_text)
    targets = torch.full((len(frames), T), -100)
    for row, frame in enumerate(frames):
        inputs[row, : len(frame) - 1] = torch.tensor(frame[:-1])
        targets[row, : len(frame) - 1] = torch.tensor(frame[1:])
    return inputs, targets


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
