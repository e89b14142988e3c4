"""What is preferred: exercise preference_loss and its mistakes."""

import torch.nn.functional as F

from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import tensor


def _preference_cases(rng):
    for n in (1, 3, 4):
        yield (*(tensor(rng, n, scale=3.0) - 6 for _ in range(4)), 0.5)
    flat = tensor(rng, 2)
    yield flat - 900, flat + 100, flat, flat - 3, 0.3  # one pair far on the wrong side


def preference_loss(chosen, rejected, chosen_before, rejected_before, beta):
    margin = (chosen - chosen_before) - (rejected - rejected_before)  # (B,)
    return -F.logsigmoid(beta * margin).mean()


def _loss_of(margin, beta):
    return -F.logsigmoid(beta * margin).mean()


preference_loss = Exercise(
    name="rewards.preference_loss",
    task="(chosen, rejected, chosen_before, rejected_before: (B,) each, float beta) -> "
    "(): log-probabilities of B preferred and B rejected answers, now and before this "
    "training. The mean of -log sigmoid(beta · margin), where margin is by how much "
    "more the chosen one has risen than the rejected one.",
    reference=preference_loss,
    cases=_preference_cases,
    hints=(
        "Nothing has been trained yet: what is every margin, and so the loss?",
        "All four are (B,); so is the margin. log sigmoid in one step: a sigmoid may "
        "round to 0, and log 0 is -inf.",
        "gain of chosen   = chosen - chosen_before\n"
        "gain of rejected = rejected - rejected_before\n"
        "minus the mean of logsigmoid(beta * (gain of chosen - gain of rejected))",
    ),
    proves="Which of two answers people prefer is enough to train on: a loss again.",
)


@preference_loss.wrong
def the_model_before_is_forgotten(
    chosen, rejected, chosen_before, rejected_before, beta
):
    """You compare the answers as they are now. A short answer is likelier than a long
    one from the start: what counts is how much each has risen since before."""
    return _loss_of(chosen - rejected, beta)


@preference_loss.wrong
def the_rejected_is_preferred(chosen, rejected, chosen_before, rejected_before, beta):
    """Your margin has the wrong sign: the loss falls when the rejected answer rises."""
    return _loss_of((rejected - rejected_before) - (chosen - chosen_before), beta)


@preference_loss.wrong
def the_model_before_is_added(chosen, rejected, chosen_before, rejected_before, beta):
    """You add what the answers had before. A gain is a difference: now minus before."""
    return _loss_of((chosen + chosen_before) - (rejected + rejected_before), beta)


@preference_loss.wrong
def beta_left_out(chosen, rejected, chosen_before, rejected_before, beta):
    """beta is missing. It says how far the model may move for a preference: a small one
    asks for a large margin."""
    return _loss_of((chosen - chosen_before) - (rejected - rejected_before), 1.0)


@preference_loss.wrong
def beta_outside_of_the_sigmoid(chosen, rejected, chosen_before, rejected_before, beta):
    """You multiply the loss by beta: that only scales its gradient. beta belongs to the
    margin, inside of the sigmoid."""
    margin = (chosen - chosen_before) - (rejected - rejected_before)
    return beta * _loss_of(margin, 1.0)


@preference_loss.wrong
def a_probability_without_its_log(
    chosen, rejected, chosen_before, rejected_before, beta
):
    """You return minus a mean probability. As in cross-entropy it is the log that
    counts: it never lets a pair be quite wrong."""
    margin = (chosen - chosen_before) - (rejected - rejected_before)
    return -(beta * margin).sigmoid().mean()


@preference_loss.wrong
def log_of_a_rounded_sigmoid(chosen, rejected, chosen_before, rejected_before, beta):
    """Right as a formula, but far on the wrong side sigmoid rounds to 0 and its log is
    -inf. logsigmoid computes both in one step."""
    margin = (chosen - chosen_before) - (rejected - rejected_before)
    return -(beta * margin).sigmoid().log().mean()


@preference_loss.wrong
def logs_of_logs(chosen, rejected, chosen_before, rejected_before, beta):
    """You take the log of a quotient. What comes in are logs already: the formula's
    log(π / π₀) is a difference of them."""
    gain = (chosen / chosen_before).log() - (rejected / rejected_before).log()
    return _loss_of(gain, beta)


@preference_loss.wrong
def the_minus_left_out(chosen, rejected, chosen_before, rejected_before, beta):
    """The minus is missing: yours is largest, 0, where the model prefers as people do.
    A loss is what falls."""
    margin = (chosen - chosen_before) - (rejected - rejected_before)
    return F.logsigmoid(beta * margin).mean()


@preference_loss.wrong
def the_mean_margin_first(chosen, rejected, chosen_before, rejected_before, beta):
    """You average the margins, then take the loss. One pair with a huge margin would
    hide all that are wrong: each pair has a loss of its own."""
    margin = (chosen - chosen_before) - (rejected - rejected_before)
    return _loss_of(margin.mean(), beta)


@preference_loss.wrong
def only_the_chosen_counts(chosen, rejected, chosen_before, rejected_before, beta):
    """You never look at the rejected answer. A preference is between two: raise one
    over the other."""
    return _loss_of(chosen - chosen_before, beta)


@preference_loss.wrong
def a_sum_over_the_pairs(chosen, rejected, chosen_before, rejected_before, beta):
    """You add the pairs up. The mean is asked for: it does not grow with the batch."""
    margin = (chosen - chosen_before) - (rejected - rejected_before)
    return -F.logsigmoid(beta * margin).sum()


@preference_loss.wrong
def ratios_in_place_of_differences(
    chosen, rejected, chosen_before, rejected_before, beta
):
    """You divide log-probabilities. A ratio of probabilities is a difference of their
    logarithms: subtract."""
    return _loss_of(chosen / chosen_before - rejected / rejected_before, beta)


@preference_loss.wrong
def one_for_each_pair(chosen, rejected, chosen_before, rejected_before, beta):
    """You return a loss for each pair. Their mean is asked for: one number."""
    margin = (chosen - chosen_before) - (rejected - rejected_before)
    return -F.logsigmoid(beta * margin)


@preference_loss.wrong
def only_the_rejected_ones_past_left_out(
    chosen, rejected, chosen_before, rejected_before, beta
):
    """You take off what the chosen answer had before, but not what the rejected one
    had. Both rises are measured from the model before."""
    return _loss_of((chosen - chosen_before) - rejected, beta)


@preference_loss.wrong
def the_rises_added(chosen, rejected, chosen_before, rejected_before, beta):
    """You add the two rises. The rejected answer is to fall: subtract its rise."""
    rises = (chosen - chosen_before) + (rejected - rejected_before)
    return _loss_of(rises, beta)


@preference_loss.wrong
def divided_by_beta(chosen, rejected, chosen_before, rejected_before, beta):
    """You divide by beta. It multiplies the margin: a small one asks for a large
    margin."""
    margin = (chosen - chosen_before) - (rejected - rejected_before)
    return _loss_of(margin / beta, 1.0)
