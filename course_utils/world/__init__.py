"""A small world that tells stories, and knows the exact probability of every text.

The course's corpus is sampled from it. Because the probabilities are known, so is the
lowest loss that any model can reach (the entropy of the source), and so is the best
possible prediction of the next word. The parts, bottom-up: ``lexicon`` (the words),
``telling`` (run one storytelling function in three ways), ``source`` (what can then be
asked of it), ``stories``, ``notes`` and ``reports`` (the grammars), and the ``World``
below. ``tasks`` asks about stories; ``riddles`` is a world of its own.
"""

from course_utils.world import notes as bilingual
from course_utils.world import reports as reported
from course_utils.world import telling
from course_utils.world.notes import Note
from course_utils.world.riddles import Riddles
from course_utils.world.source import WORD, Source, Story
from course_utils.world.stories import Facts, tell_story
from course_utils.world.telling import Choose, Options

__all__ = ["WORD", "Facts", "Note", "Riddles", "Story", "World"]


class World(Source):
    """A source of texts whose probabilities are exactly known.

    ``bias`` in [0, 1] says how strongly a job goes with a gender: a typical job is
    (1 + bias) / (1 - bias) times as likely as an untypical one. ``notes`` and
    ``reports``, each in [0, 1) and below 1 together, are the shares of bilingual notes
    and of reports among the stories. Raises ValueError outside these.
    """

    def __init__(self, bias: float = 0.0, notes: float = 0.0, reports: float = 0.0):
        if not 0 <= bias <= 1:
            raise ValueError(f"bias must be in [0, 1], got {bias}")
        for name, share in {"notes": notes, "reports": reports}.items():
            if not 0 <= share < 1:
                raise ValueError(f"{name} must be in [0, 1), got {share}")
        if not notes + reports < 1:
            raise ValueError(
                f"notes + reports must be below 1, got {notes} + {reports}"
            )
        self.bias, self.notes, self.reports = bias, notes, reports
        shares = {
            (tell_story, "One"): 1 - notes - reports,
            (bilingual.tell_note, bilingual.OPENING): notes,
            (reported.tell_report, reported.OPENING): reports,
        }
        kinds = {kind: share for kind, share in shares.items() if share}
        self._kinds = Options(
            [tell for tell, _ in kinds], [text for _, text in kinds], kinds.values()
        )

    def tell(self, choose: Choose):
        """Tell a story or a note (see ``course_utils.world.telling``)."""
        tell = choose(self._kinds)
        return (yield from tell(choose, self.bias))

    def read(self, branch: telling.Branch) -> Facts | Note:
        """Return what a branch says: a story's facts, or a note."""
        told = branch.told
        return told if isinstance(told, Facts) else Note.from_text(branch.text)
