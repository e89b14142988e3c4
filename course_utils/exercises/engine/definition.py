"""What an exercise is: a solution, inputs to try it on, and wrong solutions by name.

How an author adds one, in a module of its name (``chapters/attention/causal_mask.py``),
which the chapter then names among its ``SECTIONS``:

    causal_mask = Exercise(
        name="attention.causal_mask",            # chapter.exercise
        task="(T,) -> bool (T, T): True where a query (row) may look at a key.",
        reference=attention.causal_mask,         # the course's own, or written here
        cases=mask_cases,                        # random.Random -> the inputs to try
        hints=("A question?", "A shape.", "Pseudocode."),
        proves="Your mask lets every token see itself and the past, nothing else.",
    )

    @causal_mask.wrong
    def mask_transposed(T):
        \"\"\"Your row 0 sees the future: rows are queries, columns are keys.\"\"\"
        return torch.ones(T, T).triu().bool()

A misconception's title is its function's name with spaces, its explanation the
docstring. Three or more belong to each exercise. The tests take up every exercise by
themselves: the solution must be solved, and every misconception recognised as itself
and as no other, so the inputs must tell all of them apart. In the notebook:

    @exercise("attention.causal_mask")
    def causal_mask(T):
        \"\"\"(T,) -> bool (T, T): True where a query (row) may look at a key.\"\"\"
        ...  # your turn

Inputs go from small to large, since the first that fails is shown. They are drawn anew
from the generator given: a teacher grades with inputs that no learner has seen.
"""

import inspect
import random
import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from .answers import excerpt
from .forbidden import Forbidden


@dataclass(frozen=True)
class Misconception:
    """A wrong solution, written out: what it does is how it is recognised."""

    title: str
    explanation: str
    function: Callable


def call(function: Callable, *case):
    """Return what the function gives for one case: how most exercises are observed."""
    return function(*case)


@dataclass
class Exercise:
    """One exercise.

    ``cases(rng)`` yields tuples of arguments. ``hints`` go from a question over a shape
    to pseudocode. ``observe(function, *case)`` returns what is compared, where that is
    not the returned value itself (a generator's items, a class's instance at work).
    Numbers agree when they differ by at most ``tolerance`` (absolute, and relative to
    the expected one). A check may take ``seconds``. ``few`` says, in a sentence, why an
    exercise has fewer than three misconceptions. ``without`` is what the task forbids:
    a right result that is made with it is not yet an answer. ``asked`` is False where
    no page asks it: it can be done, and what counts to the end of a chapter leaves it
    out.
    """

    name: str
    task: str
    reference: Callable
    cases: Callable[[random.Random], Iterable[tuple]]
    hints: Sequence[str]
    proves: str
    observe: Callable = call
    tolerance: float = 1e-5
    seconds: float = 3.0
    few: str = ""
    without: Sequence[Forbidden] = ()
    asked: bool = True
    misconceptions: list[Misconception] = field(default_factory=list)

    @property
    def chapter(self) -> str:
        return self.name.partition(".")[0]

    @property
    def mistakes(self) -> list[Misconception | Forbidden]:
        """All that a wrong answer can be called, by title and explanation."""
        return [*self.misconceptions, *self.without]

    def wrong(self, function: Callable) -> Callable:
        """Add a wrong solution: its name is the title, its docstring says why."""
        title = function.__name__.replace("_", " ")
        explanation = " ".join(inspect.getdoc(function).split())
        self.misconceptions.append(Misconception(title, explanation, function))
        return function

    def solution(self) -> str:
        """Return the reference's source, after the imports that it needs."""
        return "\n\n\n".join(filter(None, self._source())) + "\n"

    def solution_cell(self) -> str:
        """Return the source of a notebook cell that solves the exercise."""
        needed, answer = self._source()
        decorated = f'@exercise("{self.name}")\n{answer}'
        return "\n\n\n".join(filter(None, [needed, decorated]))

    def _source(self) -> tuple[str, str]:
        line = inspect.getsourcelines(self.reference)[1]
        return excerpt(inspect.getsource(inspect.getmodule(self.reference)), line)

    def stub_cell(self) -> str:
        """Return the source of a notebook cell that leaves the exercise to do."""
        name = self.name.rpartition(".")[2]
        parameters = inspect.signature(self.reference).parameters.values()
        arguments = ", ".join(p.name for p in parameters if p.default is p.empty)
        docstring = "\n    ".join(textwrap.wrap(self.task, 78))
        raw = "r" if "\\" in docstring else ""  # \p in a plain string is a warning
        return (
            f'@exercise("{self.name}")\n'
            f"def {name}({arguments}):\n"
            f'    {raw}"""{docstring}"""\n'
            "    ...  # your turn"
        )
