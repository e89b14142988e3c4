"""The bug clinic: something that seems to work and is still wrong.

A patient's loss falls, its pictures look right, nothing raises. The learner examines it
with the tools of the chapter, beside its healthy twin, and names the fault:

    case = clinic("attention.leak")
    sick, healthy = case.examine(lambda attention: prefix_test(attention, q, k, v))
    case.diagnose("the mask comes after the softmax")
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .cards import Card, Part, show


@dataclass(frozen=True)
class Clinic:
    """``patient`` and ``healthy`` are two functions (or classes) of one signature.

    ``suspects`` are the faults to choose from, each with what one would see if it were
    that one: the answer to a wrong diagnosis. ``fault`` is the right one, ``evidence``
    the measurement that proves it.
    """

    name: str
    complaint: str
    patient: Callable
    healthy: Callable
    suspects: Mapping[str, str]
    fault: str
    evidence: str

    def examine(self, probe: Callable):
        """Return (what the probe gives for the patient, what for its healthy twin)."""
        return probe(self.patient), probe(self.healthy)

    def card(self) -> Card:
        """Return the card that presents the case."""
        suspects = "\n".join(f"- {suspect}" for suspect in self.suspects)
        parts = (
            Part("Complaint", self.complaint),
            Part("Suspects", suspects, code=True),
            Part("", "Examine the patient, then name the fault: .diagnose(...)"),
        )
        return Card("bug clinic", self.name, parts)

    def diagnose(self, suspect=...) -> Card:
        """Return a card that confirms a diagnosis, or says what speaks against it."""
        if suspect is ...:
            parts = [Part("Task", "name the fault, one of the suspects above.")]
            return Card("not started", self.name, tuple(parts))
        if suspect not in self.suspects:
            known = ", ".join(map(repr, self.suspects))
            raise ValueError(f"suspect must be one of {known}, got {suspect!r}")
        if suspect == self.fault:
            parts = (Part("Diagnosis", f"{suspect}. {self.evidence}"),)
            return Card("solved", self.name, parts)
        against = Part("", f"If it were that: {self.suspects[suspect]}")
        return Card("not yet", self.name, (Part("Your diagnosis", suspect), against))


def present(case: Clinic) -> Clinic:
    """Show the card of a case and return the case."""
    show(case.card())
    return case
