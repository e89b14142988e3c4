"""A picture of something that goes on, drawn again while it does."""

import time

from IPython import get_ipython
from IPython.display import display


class Live:
    """The picture of a run while it goes on, at its end as a still picture::

        with SomeLive() as live:
            SomeTrainer(..., on_step=live).run()

    In a notebook the picture is drawn again at most twice a second, and only so often
    that drawing takes a twentieth of the time. In a plain script nothing is shown.
    ``picture`` holds the last one. A subclass says in ``_draw`` how to draw
    ``_history``, the trainer's.
    """

    def __init__(self):
        self.picture = None
        self._history = self._handle = None
        self._next_drawing = 0.0

    def __enter__(self):
        return self

    def __call__(self, trainer) -> None:
        """Draw ``trainer.history`` if it is time to."""
        self._history = trainer.history
        if _in_notebook() and time.monotonic() >= self._next_drawing:
            self._show()

    def __exit__(self, *error) -> None:
        if self._history is not None:
            self._show()

    def _show(self) -> None:
        start = time.monotonic()
        self.picture = self._draw()
        if self._handle is not None:
            self._handle.update(self.picture)
        elif _in_notebook():
            self._handle = display(self.picture, display_id=True)
        took = time.monotonic() - start
        self._next_drawing = time.monotonic() + max(0.5, 19 * took)

    def _draw(self):
        raise NotImplementedError


def _in_notebook() -> bool:
    return hasattr(get_ipython(), "kernel")
