"""The bug clinic choosing_models.curved_line: patient, healthy twin, suspects."""

from course_utils.exercises.engine.clinics import Clinic

from .fit_power_law import fit_power_law


def _healthy_law(x, losses, floor):
    return fit_power_law.reference(x, losses, floor)


def _floor_from_the_lowest_loss(x, losses, floor):
    """The patient: takes for the floor what lies just under its own lowest loss."""
    return fit_power_law.reference(x, losses, 0.98 * losses.min().item())


curved_line = Clinic(
    name="choosing_models.curved_line",
    complaint="A colleague's fit of a power law follows the measured points. But when "
    "larger models are measured, they are always better than it said, and the more "
    "points it gets, the more its exponent changes. It gets x, losses and the floor.",
    patient=_floor_from_the_lowest_loss,
    healthy=_healthy_law,
    suspects={
        "the floor is not subtracted": "with a floor of 0 it would be right, and it "
        "would matter which floor you give it.",
        "the sign of the exponent is turned": "its exponent would be negative where "
        "its twin's is positive.",
        "the logarithm of x is missing": "its exponent would change when x is counted "
        "in thousands.",
        "it makes up a floor of its own": "it would be wrong with a floor of 0 too, "
        "and it would not matter which floor you give it.",
        "the two axes are swapped": "on points that lie on a law exactly, it would be "
        "right.",
    },
    fault="it makes up a floor of its own",
    evidence="The floor that it is given changes nothing, and on an exact law without "
    "any floor it is wrong. It takes its floor from the lowest loss it has seen, so it "
    "says that hardly anything is left to gain just beyond the largest model measured. "
    "A floor that nobody knows can be fitted, but its uncertainty belongs beside it.",
)
