"""Which parts a model has: GPT-2's by default, each of them exchangeable alone."""

from dataclasses import asdict, dataclass

from course_utils.config import whole_number

MLPS = ("gelu", "relu2", "swiglu")
NORMS = ("layer", "rms")
POSITIONS = ("learnt", "rotary")
SIZES = ("vocab_size", "n_positions", "n_layer", "n_head", "n_embd")
SIZES += ("n_kv_head", "head_size", "mlp_size", "n_future")


@dataclass(frozen=True)
class ModernConfig:
    """The shape of a model and its parts; the defaults are GPT-2's parts.

    Raises ValueError naming a field that is out of its range or does not fit another.
    """

    vocab_size: int = 1024  # V
    n_positions: int = 256  # the longest text, in tokens
    n_layer: int = 4
    n_head: int = 4  # H: heads that ask
    n_embd: int = 128  # C
    n_kv_head: int | None = None  # G: heads that are asked; None: as many as ask
    head_size: int | None = None  # D; None: C / H
    norm: str = "layer"  # or "rms"
    norm_epsilon: float = 1e-5
    bias: bool = True  # in all linear layers
    positions: str = "learnt"  # or "rotary"
    rotary_base: float = 10_000.0  # how much slower each pair of channels turns
    rotary_scale: float = 1.0  # positions are divided by it: interpolation
    qk_norm: bool = False  # queries and keys are normalised
    window: int | None = None  # how many tokens a query sees, itself included
    mlp: str = "gelu"  # or "relu2", "swiglu"
    mlp_size: int | None = None  # None: 4 C, or 8/3 C for the three of "swiglu"
    n_experts: int = 0  # 0: one MLP
    n_active: int = 2  # experts that work on a token
    n_future: int = 1  # tokens predicted at each position
    tie_word_embeddings: bool = True

    def __post_init__(self):
        choices = {"norm": NORMS, "positions": POSITIONS, "mlp": MLPS}
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                got = repr(getattr(self, name))
                raise ValueError(f"{name} must be one of {allowed}, got {got}")
        wider = 8 / 3 if self.mlp == "swiglu" else 4  # as many numbers in 3 as in 2
        given = {
            "n_kv_head": self.n_head,
            "head_size": self.n_embd // self.n_head if self.n_head else 0,
            "mlp_size": round(wider * self.n_embd),
        }
        for name, usual in given.items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, usual)
        for name in SIZES:
            size = whole_number(getattr(self, name))
            if size is None or size < 1:
                got = repr(getattr(self, name))
                raise ValueError(f"{name} must be a positive integer, got {got}")
        self._check_fit()

    def _check_fit(self) -> None:
        """Raise ValueError where two fields do not fit each other."""
        if self.n_head % self.n_kv_head:
            raise ValueError(
                f"n_head must be divisible by n_kv_head, got n_head={self.n_head} and "
                f"n_kv_head={self.n_kv_head}"
            )
        if self.positions == "rotary" and self.head_size % 2:
            raise ValueError(
                f"head_size must be even for rotary positions, got {self.head_size}"
            )
        if self.window is not None and self.window < 1:
            raise ValueError(f"window must be at least 1 or None, got {self.window}")
        if self.n_experts and not 1 <= self.n_active <= self.n_experts:
            raise ValueError(
                f"n_active must be in 1..n_experts={self.n_experts}, got "
                f"{self.n_active}"
            )
        for name in ("norm_epsilon", "rotary_base", "rotary_scale"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")

    def to_dict(self) -> dict:
        """Return the fields as a dictionary that JSON can store."""
        return asdict(self)


def recipe(**shape) -> ModernConfig:
    """Return a configuration as small models of 2025 have it (Qwen3's, without MoE).

    RMSNorm, no biases, rotary positions, normalised queries and keys, half as many
    keys and values as queries, SwiGLU.
    """
    n_head = shape.get("n_head", ModernConfig.n_head)
    parts = dict(
        norm="rms",
        norm_epsilon=1e-6,
        bias=False,
        positions="rotary",
        qk_norm=True,
        n_kv_head=max(1, n_head // 2),
        mlp="swiglu",
    )
    return ModernConfig(**{**parts, **shape})
