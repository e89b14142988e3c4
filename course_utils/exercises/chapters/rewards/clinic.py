"""The bug clinic rewards.held_by_nothing: patient, healthy twin, suspects."""

from course_utils.exercises.engine.clinics import Clinic


def _patient(log_probs, start_log_probs):
    return (log_probs - start_log_probs).mean()


def _healthy(log_probs, start_log_probs):
    distance = (log_probs - start_log_probs).detach()
    return (distance * (1 + log_probs - log_probs.detach())).mean()


held_by_nothing = Clinic(
    name="rewards.held_by_nothing",
    complaint="This penalty is added to the loss, to hold a model near its start. Its "
    "value is right: in the mean the exact KL. But however large its weight, the model "
    "drifts away as if there was none.",
    patient=_patient,
    healthy=_healthy,
    suspects={
        "the ratio is upside down": "the value would be below 0 in the mean.",
        "the penalty has the wrong sign": "the model would be driven away: the "
        "gradient would be the healthy one's, reversed.",
        "the start learns too": "the start's log-probabilities would be pulled along, "
        "and the distance would stay small.",
        "tokens of the prompt are counted": "they would add the same number whatever "
        "the model draws, and the value would be off.",
        "the gradient leaves out that the draws change": "its mean would be 0, "
        "whatever the distance.",
    },
    fault="the gradient leaves out that the draws change",
    evidence="The value is the mean of -ln r over draws. Differentiated as it stands, "
    "only ln p moves, and the mean of its gradient over the model's own draws is 0. "
    "What has to move is how often each is drawn: the distance belongs into the reward "
    "(the healthy twin's gradient is that), or k2 into the loss.",
)
