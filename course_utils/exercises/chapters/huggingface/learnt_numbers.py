"""What a model learns: exercise learnt_numbers and its mistakes."""

import torch

from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import tensor


def _tied_cases(rng):
    for V, C, as_view in ((5, 2, True), (7, 3, False), (rng.randint(9, 20), 4, True)):
        table = tensor(rng, V, C)
        mask = torch.ones(1, 1, V, V).tril().bool()
        yield (
            {
                "transformer.wte.weight": table,
                "transformer.h.0.ln_1.bias": torch.zeros(C),
                "transformer.h.0.ln_2.bias": torch.zeros(C),
                "transformer.h.0.attn.bias": mask,
                "transformer.h.0.attn.c_proj.weight": tensor(rng, C, C),
                "transformer.h.0.attn.c_proj.bias": tensor(rng, C),
                # The same numbers once more: a view of them, or the tensor itself.
                "lm_head.weight": table.detach() if as_view else table,
            },
        )
    V, C = rng.randint(5, 20), 3  # and one whose head is a table of its own
    yield ({"wte.weight": tensor(rng, V, C), "lm_head.weight": tensor(rng, V, C)},)


def learnt_numbers(weights):
    sizes = {}
    for weight in weights.values():
        if weight.is_floating_point():  # a mask is True and False
            sizes[weight.data_ptr()] = weight.numel()
    return sum(sizes.values())


def _counted(weights, key):
    """Count the learnt numbers, one tensor for each value of ``key``."""
    floats = [w for w in weights.values() if w.is_floating_point()]
    return sum({key(w): w.numel() for w in floats}.values())


learnt_numbers = Exercise(
    name="huggingface.learnt_numbers",
    task="(dict weights) -> int: how many numbers a model learns, given its "
    "state_dict(). What lies in memory once and is listed under two names counts once; "
    "a mask (bool) is not learnt.",
    reference=learnt_numbers,
    cases=_tied_cases,
    hints=(
        "Which two names of GPT-2 stand for the same numbers? Is that so in every "
        "model, or must you look?",
        "weight.data_ptr() says where a tensor's numbers lie; weight.numel() how many "
        "there are.",
        "sizes = {}\nfor each weight that is_floating_point():\n"
        "    sizes[its data_ptr()] = its numel()\nadd up the sizes",
    ),
    proves="124,439,808 for the smallest GPT-2, though its state_dict lists more.",
)


@learnt_numbers.wrong
def tied_table_counted_twice(weights):
    """You count the tied table twice, as wte and as lm_head. The smallest GPT-2 would
    have 163 million parameters; it has 124 million."""
    return sum(w.numel() for w in weights.values() if w.is_floating_point())


@learnt_numbers.wrong
def masks_counted(weights):
    """You count the causal mask. It is stored, but not learnt."""
    return sum({w.data_ptr(): w.numel() for w in weights.values()}.values())


@learnt_numbers.wrong
def all_that_is_listed(weights):
    """You count all that is listed: the tied table twice, and the mask too."""
    return sum(weight.numel() for weight in weights.values())


@learnt_numbers.wrong
def equal_numbers_counted_once(weights):
    """You take equal numbers for the same ones. Two biases of a new model are both 0
    and still two: each learns something else. Ask where the numbers lie."""
    return _counted(weights, lambda w: (w.shape, tuple(w.flatten().tolist())))


@learnt_numbers.wrong
def equal_shapes_counted_once(weights):
    """You count each shape once. Two weights of one shape are two weights."""
    return _counted(weights, lambda w: w.shape)


@learnt_numbers.wrong
def compared_as_objects(weights):
    """You ask whether two entries are one Python object. state_dict() makes a new
    tensor for each name; the numbers behind them are the same: data_ptr() says so."""
    return _counted(weights, id)


@learnt_numbers.wrong
def the_head_never_counted(weights):
    """You leave lm_head out by its name. Where it is not tied it is a table of its own,
    with numbers of its own."""
    return _counted(
        {n: w for n, w in weights.items() if n != "lm_head.weight"},
        torch.Tensor.data_ptr,
    )


@learnt_numbers.wrong
def tensors_in_place_of_numbers(weights):
    """You count tensors. Each holds many numbers: numel()."""
    pointers = {w.data_ptr() for w in weights.values() if w.is_floating_point()}
    return len(pointers)


@learnt_numbers.wrong
def bytes_in_place_of_numbers(weights):
    """These are bytes. A number in float32 takes four of them."""
    return 4 * learnt_numbers.reference(weights)


@learnt_numbers.wrong
def biases_taken_for_masks(weights):
    """You leave out whatever is called bias. GPT-2's mask is called attn.bias, but so
    do real biases end: tell them by their dtype, torch.bool."""
    different = {t.data_ptr(): t for name, t in weights.items() if "bias" not in name}
    return sum(tensor.numel() for tensor in different.values())
