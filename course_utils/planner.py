"""A planner for training runs: operations, days, memory and money, before the run.

Three rules of thumb carry it. A weight costs 6 operations for each token it is trained
on: a multiplication and an addition forward, twice as many backward. A device delivers
a share of what its data sheet says. And AdamW needs 16 bytes for each parameter before
anything is read.

Floors: counts what ``config`` describes; ``figures.speed`` draws it.
Sources: Kaplan et al. 2020, "Scaling Laws for Neural Language Models", section 2.1 (6
operations); Rajbhandari et al. 2020, "ZeRO", sections 3.1 and 5 (16 bytes, and how they
are divided); Korthikanti et al. 2022, "Reducing Activation Recomputation in Large
Transformer Models", section 4 (what is kept for the backward pass).
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch

from course_utils.config import GPTConfig
from course_utils.model import GPT

FILLED = 0.9  # of a device's memory at most; the rest is for activations


class Device(NamedTuple):
    """16-bit operations a second, without sparsity, and ``memory`` in bytes.

    Both as the maker's data sheet says.
    """

    name: str
    flops_per_second: float
    memory: float


DEVICES = {
    device.name: device
    for device in (
        Device("V100 32 GB", 125e12, 32e9),
        Device("A100 80 GB", 312e12, 80e9),
        Device("H100 80 GB", 989e12, 80e9),
        Device("H200 141 GB", 989e12, 141e9),
    )
}


class Published(NamedTuple):
    """A training run as it was published, ``flops`` in operations in all."""

    name: str
    n_parameters: float
    n_tokens: float
    flops: float
    source: str


PUBLISHED = (
    Published("GPT-3 Small", 125e6, 300e9, 2.25e20, "Brown et al. 2020, table D.1"),
    Published("GPT-3 XL", 1.32e9, 300e9, 2.38e21, "Brown et al. 2020, table D.1"),
    Published("GPT-3 175B", 174.6e9, 300e9, 3.14e23, "Brown et al. 2020, table D.1"),
    # OpenAI never said how often WebText was read. Epoch AI estimates the total; with
    # 40 GB of text, 200 million words a GB and 4 tokens for 3 words, it is 20 times.
    Published("GPT-2 XL", 1.558e9, 213e9, 1.92e21, "Epoch AI's estimate"),
    Published(
        "Chinchilla",
        70e9,
        1.4e12,
        5.76e23,
        "Hoffmann et al. 2022, figure 2: Gopher's",
    ),
    Published("Llama 3", 405e9, 15.6e12, 3.8e25, "Grattafiori et al. 2024, section 1"),
)


def count_parameters(config: GPTConfig) -> int:
    """Return how many parameters a GPT of this shape has: as the model counts them."""
    with torch.device("meta"):  # shapes without numbers: no memory, however large
        return GPT(config).count_parameters()


def matrix_parameters(config: GPTConfig) -> int:
    """Return N: the parameters of the matrices that every token is multiplied by.

    12·C² in each block, and V·C in the head. The tables of tokens and positions are
    looked up, not multiplied; the head shares the table of tokens and counts once.
    """
    C = config.n_embd
    return 12 * config.n_layer * C**2 + config.vocab_size * C


def training_flops(n_parameters: float, n_tokens: float, passes: int = 3) -> float:
    """Return the operations of a training run: 2 a parameter, token and pass.

    ``passes``: one forward, and a backward that counts as two; a fourth where the
    forward is repeated because its activations were not kept.
    """
    check_positive(n_parameters=n_parameters, n_tokens=n_tokens, passes=passes)
    return 2 * passes * n_parameters * n_tokens


def state_bytes(n_parameters: float, n_devices: int = 1, stage: int = 0) -> dict:
    """Return the bytes on each device: {"weights", "gradients", "optimizer"}.

    For AdamW in mixed precision: weights and gradients in 16 bits; a copy of the
    weights and two averages in 32. ZeRO's ``stage`` 1 divides the optimizer's part
    among the devices, 2 the gradients too, 3 the weights too; 0 nothing.
    """
    check_positive(n_parameters=n_parameters, n_devices=n_devices)
    if stage not in (0, 1, 2, 3):
        raise ValueError(f"stage must be 0, 1, 2 or 3, got {stage}")
    parts = (("weights", 2, 3), ("gradients", 2, 2), ("optimizer", 12, 1))
    return {
        name: n_bytes * n_parameters / (n_devices if stage >= since else 1)
        for name, n_bytes, since in parts
    }


def activation_numbers(config: GPTConfig, B: int, T: int) -> int:
    """Return how many numbers a GPT keeps for the backward pass of (B, T) tokens.

    For each token and block, in channels: the inputs of two norms and two normed
    streams 4, query, key and value 3, what attention gives 1, the MLP's middle before
    and after its GELU 8. At the end the last norm's input and output, and a
    probability for each token of the vocabulary. Without dropout, and with attention
    that keeps no (T, T) weights, as ours does.
    """
    per_token = 16 * config.n_layer * config.n_embd + 2 * config.n_embd
    return B * T * (per_token + config.vocab_size)


@dataclass(frozen=True)
class Plan:
    """A training run to be planned, and what it takes.

    ``utilisation``: the share of the device's operations that are of use, 0 to 1.
    ``price``: of a device, in dollars an hour. Raises ValueError for a number that is
    not positive, a utilisation above 1 or an unknown device or stage.
    """

    n_parameters: float
    n_tokens: float
    device: str = "A100 80 GB"
    n_devices: int = 1
    utilisation: float = 0.4
    price: float = 2.0
    stage: int = 0
    passes: int = 3

    def __post_init__(self):
        check_positive(utilisation=self.utilisation, price=self.price)
        if self.utilisation > 1:
            raise ValueError(f"utilisation must be at most 1, got {self.utilisation}")
        if self.device not in DEVICES:
            known = ", ".join(DEVICES)
            raise ValueError(f"device must be one of {known}, got {self.device!r}")
        _ = self.flops, self.memory  # wrong numbers raise here

    @property
    def flops(self) -> float:
        """Operations in all."""
        return training_flops(self.n_parameters, self.n_tokens, self.passes)

    @property
    def device_hours(self) -> float:
        """Hours times devices: what is paid for."""
        speed = DEVICES[self.device].flops_per_second * self.utilisation
        return self.flops / speed / 3600

    @property
    def days(self) -> float:
        """Days from the first step to the last."""
        return self.device_hours / self.n_devices / 24

    @property
    def dollars(self) -> float:
        """What the devices cost."""
        return self.device_hours * self.price

    @property
    def memory(self) -> dict[str, float]:
        """Bytes on each device, before any activation (see ``state_bytes``)."""
        return state_bytes(self.n_parameters, self.n_devices, self.stage)

    @property
    def fits(self) -> bool:
        """Whether a device has room for it, and for some activations beside it."""
        return sum(self.memory.values()) <= FILLED * DEVICES[self.device].memory


def check_positive(**numbers: float) -> None:
    """Raise ValueError unless every number is positive and finite."""
    for name, number in numbers.items():
        if not 0 < number < math.inf:
            raise ValueError(f"{name} must be positive and finite, got {number}")
