"""The gated MLP: exercise swiglu and its mistakes."""

import torch
import torch.nn.functional as F

from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import tensor


def _cases(rng):
    for B, T, C, inner in ((1, 1, 2, 2), (1, 2, 3, 4), (2, 3, 4, 4)):
        x, gate = 2 * tensor(rng, B, T, C), tensor(rng, C, inner)
        yield x, gate, tensor(rng, C, inner), tensor(rng, inner, C)


def swiglu(x, gate_weight, expand_weight, contract_weight):
    gate = x @ gate_weight
    return (gate * torch.sigmoid(gate) * (x @ expand_weight)) @ contract_weight


swiglu = Exercise(
    name="modern.swiglu",
    task="(x (B, T, C), gate_weight (C, F), expand_weight (C, F), contract_weight "
    "(F, C)) -> (B, T, C): (silu(x @ gate_weight) · (x @ expand_weight)) @ "
    "contract_weight, where silu(z) = z · sigmoid(z). No biases.",
    reference=swiglu,
    tolerance=1e-4,
    cases=_cases,
    hints=(
        "Two projections of x meet, entry by entry. Which of them goes through silu?",
        "Both projections are (B, T, F), so is their product; contract makes it (B, T, "
        "C).",
        "gate = x @ gate_weight\n"
        "inner = gate * sigmoid(gate) * (x @ expand_weight)\n"
        "inner @ contract_weight",
    ),
    proves="One projection says what, the other how much of it goes through.",
)


@swiglu.wrong
def gate_and_expand_exchanged(x, gate_weight, expand_weight, contract_weight):
    """You put the other projection through silu. silu belongs to the gate."""
    return (F.silu(x @ expand_weight) * (x @ gate_weight)) @ contract_weight


@swiglu.wrong
def sigmoid_alone(x, gate_weight, expand_weight, contract_weight):
    """Your gate is sigmoid(z): that is GLU (Dauphin et al. 2016). silu(z) is
    z · sigmoid(z)."""
    gate = torch.sigmoid(x @ gate_weight)
    return (gate * (x @ expand_weight)) @ contract_weight


@swiglu.wrong
def gelu_gate(x, gate_weight, expand_weight, contract_weight):
    """Your gate is GELU: that is GEGLU. SwiGLU's is silu."""
    return (F.gelu(x @ gate_weight) * (x @ expand_weight)) @ contract_weight


@swiglu.wrong
def gelu_tanh_gate(x, gate_weight, expand_weight, contract_weight):
    """Your gate is GPT-2's GELU. SwiGLU's is silu."""
    gate = F.gelu(x @ gate_weight, approximate="tanh")
    return (gate * (x @ expand_weight)) @ contract_weight


@swiglu.wrong
def relu_gate(x, gate_weight, expand_weight, contract_weight):
    """Your gate is ReLU: that is ReGLU. SwiGLU's is silu."""
    return (F.relu(x @ gate_weight) * (x @ expand_weight)) @ contract_weight


@swiglu.wrong
def added(x, gate_weight, expand_weight, contract_weight):
    """You add gate and projection. A gate multiplies."""
    return (F.silu(x @ gate_weight) + x @ expand_weight) @ contract_weight


@swiglu.wrong
def gate_left_out(x, gate_weight, expand_weight, contract_weight):
    """Yours is an MLP without a gate: silu of the one projection."""
    return F.silu(x @ expand_weight) @ contract_weight


@swiglu.wrong
def silu_left_out(x, gate_weight, expand_weight, contract_weight):
    """Your gate is linear: the product of two projections, without silu."""
    return ((x @ gate_weight) * (x @ expand_weight)) @ contract_weight


@swiglu.wrong
def silu_of_the_product(x, gate_weight, expand_weight, contract_weight):
    """You put the product through silu. Only the gate goes through silu."""
    return F.silu((x @ gate_weight) * (x @ expand_weight)) @ contract_weight


@swiglu.wrong
def silu_of_both(x, gate_weight, expand_weight, contract_weight):
    """You put both projections through silu. Only the gate goes through silu."""
    inner = F.silu(x @ gate_weight) * F.silu(x @ expand_weight)
    return inner @ contract_weight


@swiglu.wrong
def not_contracted(x, gate_weight, expand_weight, contract_weight):
    """You return the F inner channels. contract_weight leads back to C."""
    return F.silu(x @ gate_weight) * (x @ expand_weight)


@swiglu.wrong
def input_added(x, gate_weight, expand_weight, contract_weight):
    """You add x. The block does that, around the MLP."""
    inner = F.silu(x @ gate_weight) * (x @ expand_weight)
    return x + inner @ contract_weight


@swiglu.wrong
def silu_of_the_input(x, gate_weight, expand_weight, contract_weight):
    """You put x through silu before the gate's projection. silu comes after it."""
    return ((F.silu(x) @ gate_weight) * (x @ expand_weight)) @ contract_weight
