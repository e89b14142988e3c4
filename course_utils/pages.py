"""The course's pages in reading order: the one place where a page's place is said.

A page is known by its name, which never changes. Its number is its place here, and its
file is named after both: ``notebooks/02_attention.ipynb``. To put a page in the middle,
write its line here, then let ``python -m course_utils.notebooks renumber`` rename the
files and rewrite every mention of a number.

Floor 0: imports nothing of the package.
"""

import re
from typing import NamedTuple


class Page(NamedTuple):
    """One page, and about how long it takes on two cores and at a desk."""

    name: str
    title: str
    seconds_to_run: int
    minutes_to_study: int

    @property
    def number(self) -> str:
        """Two digits, such as "02"; the primer is optional and has none: ""."""
        place = _NAMES.index(self.name)
        return f"{place - 1:02}" if place else ""

    @property
    def file_name(self) -> str:
        """Return "02_attention.ipynb"."""
        return "_".join(filter(None, [self.number, self.name])) + ".ipynb"

    @property
    def label(self) -> str:
        """What a table of contents says: "02 Attention"."""
        return f"{self.number} {self.title}" if self.number else self.title


PAGES = (
    Page("primer", "Primer (optional)", 10, 75),
    Page("start_here", "Start here", 50, 45),
    Page("tokenization", "Tokenization", 20, 90),
    Page("attention", "Attention", 60, 120),
    Page("gpt_block", "The GPT block", 50, 100),
    Page("cross_entropy", "Cross-entropy", 30, 120),
    Page("backward", "The backward pass", 40, 150),
    Page("optimization", "Optimization", 40, 180),
    Page("training", "Training", 90, 120),
    Page("sampling", "Sampling", 45, 120),
    Page("hugging_face_gpt2", "Hugging Face's GPT-2", 30, 120),
    Page("applications", "Applications", 70, 90),
    Page("rewards", "Rewards", 60, 120),
    Page("bias", "Bias", 40, 120),
    Page("choosing_models", "Choosing a model", 35, 120),
    Page("speed_and_scale", "Speed and scale", 60, 150),
    Page("since_gpt2", "Since GPT-2", 40, 100),
    Page("inside", "Inside a model", 60, 110),
)
_NAMES = [page.name for page in PAGES]


def page_name(stem: str) -> str:
    """Return the name in a file's stem: "02_attention", "02b_attention" -> "attention".

    A number before the name counts for nothing: the place is said in ``PAGES``.
    """
    return re.sub(r"^\d+[a-z]?_", "", stem)


def place(stem: str) -> tuple[int, str]:
    """Return what to sort files by: the page's place, and last those of no page."""
    name = page_name(stem)
    return (_NAMES.index(name) if name in _NAMES else len(_NAMES), stem)
