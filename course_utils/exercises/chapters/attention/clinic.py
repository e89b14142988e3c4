"""The bug clinic attention.leak: patient, healthy twin, suspects."""

import math

import torch.nn.functional as F

from course_utils.exercises.engine.clinics import Clinic

from .scaled_dot_product_attention import scaled_dot_product_attention


def _leaking(query, key, value, mask):
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    weights = F.softmax(scores, dim=-1).masked_fill(~mask, 0.0)
    return weights @ value, weights


leak = Clinic(
    name="attention.leak",
    complaint="A model trains with this attention function; its loss falls. The "
    "picture of its weights is triangular: above the diagonal every weight is exactly "
    "0. But when a late token is changed, early outputs move.",
    patient=_leaking,
    healthy=scaled_dot_product_attention.reference,
    suspects={
        "the mask is transposed": "the picture would be the upper triangle.",
        "the mask hides the diagonal": "row 0 would have no weight at all, and the "
        "diagonal of the picture would be 0.",
        "the mask comes after the softmax": "the rows would not sum to 1.",
        "the scores are not scaled": "early outputs would not move when a late token "
        "is changed, for what is masked stays masked.",
        "keys are used as values": "the weights would be right, their rows would sum "
        "to 1, and the future would stay hidden.",
    },
    fault="the mask comes after the softmax",
    evidence="The rows of its weights do not sum to 1: all but the last sum to less. "
    "The hidden scores are in softmax's denominator, and through it the future leaks "
    "into every weight. A picture of weights cannot show that; the prefix test does.",
)
