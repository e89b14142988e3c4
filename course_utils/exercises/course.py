"""The course's own exercises: their catalogue, and what a page calls by name."""

from .engine import clinics, questions
from .engine.catalogue import Catalogue
from .engine.clinics import Clinic
from .engine.learner import Learner
from .engine.live import Live

CATALOGUE = Catalogue(
    f"{__package__}.chapters",
    (
        "primer",
        "tokenization",
        "attention",
        "block",
        "objective",
        "backward",
        "optimization",
        "training",
        "sampling",
        "huggingface",
        "applications",
        "rewards",
        "bias",
        "choosing_models",
        "speed",
        "modern",
        "inside",
    ),
)
LEARNER = Learner(CATALOGUE)

exercise = LEARNER.exercise
hint = LEARNER.hint
solution = LEARNER.solution
mine = LEARNER.mine
whose = LEARNER.whose


def recall(chapter: str, n_questions: int = 3) -> Live:
    """Return recall questions on the chapters before this one, answers folded.

    End a notebook's cell with it: ``recall("attention")``.
    """
    return questions.recall(CATALOGUE.questions_before(chapter), n_questions)


def clinic(name: str) -> Clinic:
    """Present the bug clinic of this name and return it."""
    return clinics.present(CATALOGUE.find(name, Clinic))
