"""The bug clinic modern.foreign_weights: patient, healthy twin, suspects."""

import torch

from course_utils.exercises.engine.clinics import Clinic
from course_utils.modern.parts import rotary_angles, rotate


def _healthy(x, positions):
    return rotate(x, *rotary_angles(positions, x.shape[-1]))


def _patient(x, positions):
    """Pair neighbours, as the paper does."""
    cos, sin = rotary_angles(positions, x.shape[-1])
    a, b = x[..., 0::2], x[..., 1::2]
    return torch.stack([a * cos - b * sin, b * cos + a * sin], dim=-1).flatten(-2)


foreign_weights = Clinic(
    name="modern.foreign_weights",
    complaint="A colleague's model with rotary positions trains as well as ours. "
    "Lengths stay, and products depend on the distance alone. With the weights of a "
    "Llama it writes nonsense.",
    patient=_patient,
    healthy=_healthy,
    suspects={
        "positions are counted from 1": "turning all by one position more changes no "
        "product: Llama's weights would work.",
        "the slowest pair comes first": "channel 0 would hardly move from one position "
        "to the next; in the patient it turns by a radian.",
        "everything is turned the other way": "channel 0 would go to the same places, "
        "with the other sign.",
        "neighbours make a pair": "a 1 in channel 0 would show in channel 1 after the "
        "turn, not in channel D/2.",
        "the base is not Llama's": "channel 0, which turns by one radian with any "
        "base, would agree with the twin's.",
    },
    fault="neighbours make a pair",
    evidence="Put a 1 into channel 0 and look where it goes: into channel 1 in the "
    "patient, into channel D/2 in its twin. Either is a sound choice for a model that "
    "is trained with it. Weights that were trained with the other want their rows "
    "re-ordered, as the tool does that converts Meta's files for transformers.",
)
