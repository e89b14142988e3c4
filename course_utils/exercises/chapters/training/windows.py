"""Windows of a stream: exercise windows and its mistakes."""

import torch

from course_utils.exercises.engine.definition import Exercise


def _stream_cases(rng):
    for N, T, stride in ((7, 3, 3), (9, 4, 2), (14, 3, 5), (16, 5, 2), (4, 3, 1)):
        yield [rng.randrange(100) for _ in range(N)], T, stride
    yield [0, 5, 0, 0, 1, 3], 2, 2


def windows(tokens, T, stride):
    starts = range(0, len(tokens) - T, stride)
    inputs = [tokens[start : start + T] for start in starts]
    targets = [tokens[start + 1 : start + T + 1] for start in starts]
    return torch.tensor(inputs), torch.tensor(targets)


def _windows(tokens, starts, T, shift=1):
    """Return windows at these starts, with targets ``shift`` tokens on."""
    inputs = [tokens[start : start + T] for start in starts]
    targets = [tokens[start + shift : start + shift + T] for start in starts]
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


@windows.wrong
def only_the_token_after_the_window(tokens, T, stride):
    """You have one target for each window, the token after it. Every position has one:
    from T tokens a model learns T times."""
    starts = range(0, len(tokens) - T, stride)
    inputs, targets = _windows(tokens, starts, T)
    return inputs, targets[:, -1]


@windows.wrong
def a_stride_of_1(tokens, T, stride):
    """You begin a window at every token. They begin at 0, stride, 2 · stride, ..."""
    return _windows(tokens, range(len(tokens) - T), T)


@windows.wrong
def a_window_too_many(tokens, T, stride):
    """Your last window ends with the last token: nothing stands after it, so a target
    is missing. Leave that window out: a start must be below len(tokens) - T."""
    return _windows(tokens, range(0, len(tokens) - T + 1, stride), T)


@windows.wrong
def a_window_too_many_filled_up(tokens, T, stride):
    """Your last window ends with the last token, and you fill up the target that is
    missing. Leave that window out: a start must be below len(tokens) - T."""
    return _windows([*tokens, -100], range(0, len(tokens) - T + 1, stride), T)
