"""The numbers that fix the shape of a GPT: one small, unchangeable record.

The field names are GPT-2's own, as in its published ``hparams.json`` and in
transformers' ``GPT2Config``, so a configuration reads the same here and there. Sizes of
the four models: Radford et al., "Language Models are Unsupervised Multitask Learners"
(2019), table 2 (its parameter counts are too low, as GPT-2's README says).
"""

import operator
from dataclasses import asdict, dataclass, fields, replace


def whole_number(value) -> int | None:
    """Return a whole number, Python's or numpy's, as an int; None for anything else."""
    try:
        return None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        return None


@dataclass(frozen=True)
class GPTConfig:
    """The shape of a GPT; the defaults are GPT-2 with 124M parameters.

    Raises ValueError if a size is not a positive integer, if ``n_embd`` is not
    divisible by ``n_head``, or if another field is out of its range.
    """

    vocab_size: int = 50257  # V: entries of the vocabulary
    n_positions: int = 1024  # the longest text, in tokens
    n_layer: int = 12  # blocks
    n_head: int = 12  # H: attention heads in each block
    n_embd: int = 768  # C: channels of the stream between the blocks
    dropout: float = 0.1  # share of values zeroed while training
    layer_norm_epsilon: float = 1e-5  # keeps LayerNorm from dividing by zero
    tie_word_embeddings: bool = True  # the head is the table of tokens, not its own

    def __post_init__(self):
        for name in ("vocab_size", "n_positions", "n_layer", "n_head", "n_embd"):
            size = whole_number(getattr(self, name))
            if size is None or size < 1:
                got = repr(getattr(self, name))
                raise ValueError(f"{name} must be a positive integer, got {got}")
            object.__setattr__(self, name, size)
        if not isinstance(self.tie_word_embeddings, bool):
            got = repr(self.tie_word_embeddings)
            raise ValueError(f"tie_word_embeddings must be True or False, got {got}")
        if self.n_embd % self.n_head:
            raise ValueError(
                f"n_embd must be divisible by n_head, got n_embd={self.n_embd} "
                f"and n_head={self.n_head}"
            )
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be in [0, 1), got {self.dropout}")
        if not self.layer_norm_epsilon > 0:
            raise ValueError(
                f"layer_norm_epsilon must be positive, got {self.layer_norm_epsilon}"
            )

    @property
    def head_size(self) -> int:
        """D: channels per head."""
        return self.n_embd // self.n_head

    @classmethod
    def preset(cls, name: str, **changes) -> "GPTConfig":
        """Return the preset called ``name``, with some fields changed.

        >>> GPTConfig.preset("course", n_layer=2).n_layer
        2
        """
        if name not in PRESETS:
            raise ValueError(
                f"preset must be one of {', '.join(PRESETS)}, got {name!r}"
            )
        return replace(PRESETS[name], **changes)

    def to_dict(self) -> dict[str, int | float | bool]:
        """Return the fields as a dictionary that JSON can store."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, int | float | bool]) -> "GPTConfig":
        """Inverse of ``to_dict``; a missing or an unknown field is a ValueError.

        Only ``tie_word_embeddings`` may be missing, as in files from before it existed.
        """
        known = {field.name for field in fields(cls)}
        if not isinstance(values, dict):
            raise ValueError(f"a configuration must be a dictionary, got {values!r}")
        values = {"tie_word_embeddings": True, **values}
        if set(values) != known:
            raise ValueError(
                f"a configuration has the fields {sorted(known)}, "
                f"missing: {sorted(known - set(values))}, "
                f"unknown: {sorted(set(values) - known)}"
            )
        return cls(**values)


PRESETS = {
    "gpt2": GPTConfig(),  # 124M parameters
    "gpt2-medium": GPTConfig(n_layer=24, n_head=16, n_embd=1024),  # 355M
    "gpt2-large": GPTConfig(n_layer=36, n_head=20, n_embd=1280),  # 774M
    "gpt2-xl": GPTConfig(n_layer=48, n_head=25, n_embd=1600),  # 1,558M
    # Small enough to train on a laptop in a minute and a half, deep enough to need
    # every part of GPT-2.
    "course": GPTConfig(
        vocab_size=1024, n_positions=256, n_layer=4, n_head=4, n_embd=128, dropout=0.0
    ),
}
