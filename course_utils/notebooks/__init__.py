"""Keep the notebooks true: run them, stamp what they repeat, copy them for a learner.

    python -m course_utils.notebooks refresh [NAMES...]  run and save with the outputs
    python -m course_utils.notebooks stamp [NAMES...]    only the derived cells
    python -m course_utils.notebooks check               would stamping change anything?
    python -m course_utils.notebooks renumber            files and mentions, as in pages
    python -m course_utils.notebooks copy [DIR]          a copy of your own to work in

``places`` says where the notebooks are, ``set_up`` and ``stamping`` what stands in the
cells that nobody edits, ``running`` runs them, ``renumbering`` gives each page its
number, ``copying`` makes the learner's copy, ``command`` is the command line.

Floors: stands on ``files`` and ``pages``; needs what JupyterLab brings (nbformat,
nbclient).
"""

from course_utils.notebooks.copying import COPY_RECORD, copy_course
from course_utils.notebooks.places import FOLDER, ROOT, reading_order
from course_utils.notebooks.running import refresh
from course_utils.notebooks.set_up import SETUP
from course_utils.notebooks.stamping import WIDGET_VIEW

__all__ = [
    "COPY_RECORD",
    "FOLDER",
    "ROOT",
    "SETUP",
    "WIDGET_VIEW",
    "copy_course",
    "reading_order",
    "refresh",
]
