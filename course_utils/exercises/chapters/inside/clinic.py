"""The bug clinic inside.light_everywhere: patient, healthy twin, suspects."""

import torch

from course_utils.exercises.engine.clinics import Clinic


def _healthy(clean, corrupted, places):
    rows = torch.arange(len(places))
    patched = corrupted.clone()
    patched[rows, places] = clean[rows, places]
    return patched


def _patient(clean, corrupted, places):
    """Write every place into every row."""
    patched = corrupted.clone()
    patched[:, places] = clean[:, places]
    return patched


light_everywhere = Clinic(
    name="inside.light_everywhere",
    complaint="A colleague patches one position in each copy of a story, the whole "
    "grid in one batch. With one copy the effect is right. In a batch, the answer "
    "comes back wherever the patch is.",
    patient=_patient,
    healthy=_healthy,
    suspects={
        "the patch outlives its run": "then a run without a patch would be wrong too, "
        "and one copy alone would not be right.",
        "the state of the wrong position is copied": "one copy alone would show it.",
        "every row gets the states of all places": "with one row there is one place, "
        "and nothing to see; with two rows each shows two changed positions.",
        "the clean states are changed": "the input `clean` is the same before and "
        "after.",
        "the last row's patch is lost": "every row shows at least one changed "
        "position.",
    },
    fault="every row gets the states of all places",
    evidence="Give two rows with different places and count the positions that changed "
    "in each: two in the patient, one in its twin. x[:, places] takes all rows at all "
    "places, x[rows, places] one place of each row. In a grid the fact's own position "
    "is among the places, so each row gets the fact.",
)
