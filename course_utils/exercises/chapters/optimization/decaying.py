"""What decays: exercise decaying and its mistakes."""

from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import tensor

_SHAPES = {
    "wte.weight": (7, 4),
    "wpe.weight": (5, 4),
    "h.0.ln_1.weight": (4,),
    "h.0.ln_1.bias": (4,),
    "h.0.attn.c_attn.weight": (4, 12),
    "h.0.attn.c_attn.bias": (12,),
    "h.0.mlp.c_fc.weight": (4, 16),
    "h.0.mlp.c_fc.bias": (16,),
    "ln_f.weight": (4,),
    "ln_f.bias": (4,),
}


def _parameter_cases(rng):
    yield ({"weight": tensor(rng, 2, 3), "bias": tensor(rng, 3)},)
    yield ({name: tensor(rng, *shape) for name, shape in _SHAPES.items()},)
    own = {"gain": (3,), "project": (3, 3), "token_embedding": (6, 3)}  # other names
    yield ({name: tensor(rng, *shape) for name, shape in own.items()},)


def decaying(parameters):
    return [name for name, parameter in parameters.items() if parameter.ndim >= 2]


def _names_where(parameters, keep):
    return [name for name, parameter in parameters.items() if keep(name, parameter)]


decaying = Exercise(
    name="optimization.decaying",
    task="dict parameters, name -> tensor, -> list of the names that get weight decay, "
    "in their order: all matrices, embeddings too; no biases and no gains. Names "
    "differ from model to model: GPT-2 calls LayerNorm's gain ln_1.weight.",
    reference=decaying,
    cases=_parameter_cases,
    hints=(
        "What do biases and gains have in common that no name can hide?",
        "A bias has the shape (C,), a matrix (C, D). How many dimensions has each?",
        "go through parameters.items() and keep the names of tensors with ndim >= 2",
    ),
    proves="Shapes tell matrices from biases and gains; names do not.",
)


@decaying.wrong
def everything_decays(parameters):
    """All parameters decay, biases and gains too. A gain pulled to 0 switches its
    channel off."""
    return list(parameters)


@decaying.wrong
def whatever_is_called_weight(parameters):
    """You go by the name. GPT-2's LayerNorm gains are called weight too, and other
    models use other names: look at the shape."""
    return _names_where(parameters, lambda name, p: name.endswith("weight"))


@decaying.wrong
def all_but_biases(parameters):
    """You leave out the biases by their name, but the gains of LayerNorm decay."""
    return _names_where(parameters, lambda name, p: not name.endswith("bias"))


@decaying.wrong
def biases_and_gains_decay(parameters):
    """It is the other way round: yours are those that must not decay."""
    return _names_where(parameters, lambda name, p: p.ndim < 2)


@decaying.wrong
def embeddings_left_out(parameters):
    """The embeddings are missing. Some recipes spare them; GPT-2's tied table is the
    head's matrix too, and here it decays."""
    tables = ("wte", "wpe", "embedding")
    return _names_where(
        parameters, lambda name, p: p.ndim >= 2 and not any(t in name for t in tables)
    )


@decaying.wrong
def tensors_in_place_of_names(parameters):
    """You return the tensors. Their names are asked for."""
    return [parameter for parameter in parameters.values() if parameter.ndim >= 2]


@decaying.wrong
def by_the_names_of_one_model(parameters):
    """You leave out what is called ln or bias: right for GPT-2, wrong where a gain is
    called gain. Look at the shape."""
    return _names_where(
        parameters, lambda name, p: "ln" not in name and "bias" not in name
    )


@decaying.wrong
def what_ends_in_e_weight_left_out(parameters):
    """You leave the embeddings out by their names, wte and wpe. Some recipes spare
    them; GPT-2's tied table is the head's matrix too, and here it decays. And names
    differ from model to model: look at the shape."""
    return _names_where(parameters, lambda n, p: p.ndim >= 2 and "e.weight" not in n)
