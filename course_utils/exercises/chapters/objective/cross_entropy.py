"""Cross-entropy: exercise cross_entropy and its mistakes."""

import math

import torch
import torch.nn.functional as F

from course_utils import cross_entropy as component
from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.forbidden import READY_MADE_CROSS_ENTROPY
from course_utils.exercises.engine.inputs import tensor


def _loss_cases(rng):
    for lengths, V in (((3,), 4), ((2, 5), 3), ((1, 6, 3), 5), ((4, 1), 6)):
        B, T = len(lengths), max(lengths) + 1
        targets = torch.full((B, T), -100)
        for row, n in enumerate(lengths):
            start = rng.randint(0, T - n)
            # Class 0 is no target here: where a -100 is read as 0, it shows.
            ids = [rng.randrange(1, V) for _ in range(n)]
            targets[row, start : start + n] = torch.tensor(ids)
        yield tensor(rng, B, T, V, scale=1.5), targets
    targets = torch.tensor([[0, 2, -100], [1, 0, 0]])  # class 0 counts as any other
    yield tensor(rng, 2, 3, 3, scale=1.5), targets


def cross_entropy(logits, targets):
    counted = targets != -100
    log_probs = logits[counted].log_softmax(dim=-1)  # (N, V)
    return -log_probs.gather(-1, targets[counted][:, None]).mean()


def _surprises(logits, targets):
    """Return -log p of each target (B, T); 0 where it does not count."""
    return F.cross_entropy(logits.transpose(1, 2), targets, reduction="none")


def _loss_of(log_probs, targets):
    """Return minus the mean of the targets' entries over the counted positions."""
    counted = targets != -100
    picked = log_probs[counted].gather(-1, targets[counted][:, None])
    return -picked.mean()


cross_entropy = Exercise(
    name="objective.cross_entropy",
    task="(logits (B, T, V), targets (B, T)) -> (): the mean of -log p(target) over "
    "all positions that count, in nats. A position whose target is -100 does not "
    "count. torch's log_softmax may be used, its cross_entropy not.",
    reference=cross_entropy,
    without=(READY_MADE_CROSS_ENTROPY,),
    cases=_loss_cases,
    hints=(
        "How many positions count? By which number do you divide, then?",
        "A bool mask of what counts is (B, T); the logits under it are (N, V), the "
        "targets under it (N,).",
        "log_probs = log_softmax of logits[counted]\n"
        "pick each row's target\n"
        "return minus their mean",
    ),
    proves="Every token that counts weighs the same, in a long text or a short one.",
)


@cross_entropy.wrong
def softmax_twice(logits, targets):
    """You feed probabilities to a loss that takes the softmax itself. Such a loss can
    hardly fall: the best that it can say of V tokens is near ln V - 1."""
    return component.cross_entropy(logits.softmax(dim=-1), targets)


@cross_entropy.wrong
def probability_without_logarithm(logits, targets):
    """You average -p, not -log p. That is bounded: to be sure and wrong would cost no
    more than 1."""
    return _loss_of(logits.softmax(dim=-1), targets)


@cross_entropy.wrong
def logits_in_place_of_log_probabilities(logits, targets):
    """You average minus the target's logit. Nothing is normalised: all logits could
    grow for ever, and the loss fall for ever."""
    return _loss_of(logits, targets)


@cross_entropy.wrong
def sign_forgotten(logits, targets):
    """You return the mean of log p. The loss is minus that: it falls when the model
    gets better."""
    return -component.cross_entropy(logits, targets)


@cross_entropy.wrong
def sum_in_place_of_the_mean(logits, targets):
    """You return the sum. It grows with the size of the batch; the mean does not."""
    return _surprises(logits, targets).sum()


@cross_entropy.wrong
def divided_by_all_positions(logits, targets):
    """You divide by all positions, counted or not. The more padding, the better the
    loss would look."""
    return _surprises(logits, targets).mean()


@cross_entropy.wrong
def mean_of_the_texts_means(logits, targets):
    """You average each text, and then the texts. A short text's tokens would weigh more
    than a long one's: divide once, by the number of all that count."""
    counts = (targets != -100).sum(dim=1)
    return (_surprises(logits, targets).sum(dim=1) / counts).mean()


@cross_entropy.wrong
def divided_by_the_number_of_texts(logits, targets):
    """You divide by the number of texts, B. Long texts then have large losses: divide
    by the number of tokens that count."""
    return _surprises(logits, targets).sum() / len(targets)


@cross_entropy.wrong
def ignored_positions_counted_as_token_0(logits, targets):
    """You read -100 as token 0 (clamped, perhaps), and it counts."""
    return component.cross_entropy(logits, targets.clamp(min=0))


@cross_entropy.wrong
def loss_in_bits(logits, targets):
    """These are bits: base 2. Nats are asked for: base e."""
    return component.cross_entropy(logits, targets) / math.log(2)


@cross_entropy.wrong
def the_whole_entropy_added(logits, targets):
    """You sum over all tokens, weighed by the model's own probability: that is the
    entropy of the prediction. What came does not show in it."""
    log_probs = logits[targets != -100].log_softmax(dim=-1)
    return -(log_probs.exp() * log_probs).sum(dim=-1).mean()


@cross_entropy.wrong
def second_dimension_read_as_tokens(logits, targets):
    """F.cross_entropy looks for the V tokens in dimension 1, and yours are in the last.
    Flatten both, or hand it logits of the shape (B, V, T)."""
    return F.cross_entropy(logits, targets)


@cross_entropy.wrong
def softmax_down_the_positions(logits, targets):
    """Your softmax runs over the T positions. Each position shares out its probability
    over the V tokens: dim=-1."""
    return _loss_of(logits.log_softmax(dim=1), targets)


@cross_entropy.wrong
def targets_shifted_once_more(logits, targets):
    """You shift. The targets are shifted already: position t is judged by target t."""
    return component.cross_entropy(logits[:, :-1], targets[:, 1:])


@cross_entropy.wrong
def every_position_with_every_target(logits, targets):
    """log_probs[:, targets] takes every target at every position, N·N numbers. Position
    n is judged by target n only: gather, or [arange(N), targets]."""
    counted = targets != -100
    return -logits[counted].log_softmax(dim=-1)[:, targets[counted]].mean()


@cross_entropy.wrong
def one_for_each_position(logits, targets):
    """You return a loss for each position. Their mean is asked for: one number."""
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none")
