"""Predict, then run: commit to a guess, then see it beside the truth.

    guess = predict("How often does the pair (a, a) stand in aaa?", ["once", "twice"])
    guess
    ...                                   # the next cells compute it
    guess.reveal("twice", "It stands at two positions, which overlap.")

The widget takes the guess. Without widgets the cell is filled in instead:
``predict(..., guess="once")``.
"""

from collections.abc import Sequence

from .cards import Card, Part
from .live import Live


class Prediction(Live):
    """A question, and the guess once it is made (None until then)."""

    def __init__(self, question: str, choices: Sequence[str] = (), guess=...):
        self.question, self.choices = question, [str(choice) for choice in choices]
        self.guess = None
        if guess is not ...:
            self.commit(guess)
        options = f" ({' / '.join(self.choices)})" if self.choices else ""
        fill_in = "Commit to a guess before you run on: predict(..., guess=...)."
        card = Card("predict", question + options, (Part("", fill_in),))
        super().__init__(self._form, card.text, card.html)

    def commit(self, guess) -> None:
        """Take the guess. ``ValueError`` if it is none of the choices."""
        if self.choices and str(guess) not in self.choices:
            raise ValueError(f"guess must be one of {self.choices}, got {guess!r}")
        self.guess = str(guess)

    def reveal(self, truth, because: str = "") -> Card:
        """Return a card with the guess and the truth together.

        Without a guess the truth is folded: whoever only reads can still make one.
        """
        truth = str(truth)
        if self.choices and truth not in self.choices:
            raise ValueError(f"truth must be one of {self.choices}, got {truth!r}")
        if self.guess is None:
            words = " ".join(filter(None, [truth.removesuffix(".") + ".", because]))
            parts = (
                Part("Your guess", "none was made"),
                Part("Truth", words, folded=True),
            )
            return Card("guess and truth", self.question, parts)
        verdict = ""
        if self.choices:
            verdict = "You saw it coming." if self.guess == truth else "Not so."
        words = " ".join(filter(None, [verdict, because]))
        parts = [Part("Your guess", self.guess), Part("Truth", truth)]
        parts += [Part("", words)] if words else []
        return Card("guess and truth", self.question, tuple(parts))

    def _form(self):
        import ipywidgets as widgets

        entries = self._choice() or [widgets.Text(description="Your guess")]
        button = widgets.Button(description="This is my guess")
        answer = widgets.HTML()

        def committed(_):
            guess = next((entry.value for entry in entries if entry.value), None)
            if guess:
                self.commit(guess)
                answer.value = "<p>Kept. Run on and see.</p>"
                for done in (*entries, button):
                    done.disabled = True

        button.on_click(committed)
        question = widgets.HTMLMath(self.question)
        return widgets.VBox([question, *entries, button, answer])

    def _choice(self) -> list:
        """Return a radio button for each choice; choosing one clears the others.

        Each is a group of its own, so that Tab reaches it: within a group one moves
        with the arrow keys, which JupyterLab takes for moving between cells.
        """
        from ipywidgets import RadioButtons

        entries = [
            RadioButtons(options=[choice], value=None, layout={"width": "auto"})
            for choice in self.choices
        ]

        def chosen(change):
            if change["new"] is None:
                return  # cleared, not chosen
            for entry in entries:
                if entry is not change["owner"]:
                    entry.value = None

        for entry in entries:
            entry.observe(chosen, "value")
        return entries


def predict(question: str, choices: Sequence[str] = (), guess=...) -> Prediction:
    """Return a question that takes a guess; end the cell with it to show it."""
    return Prediction(question, choices, guess)
