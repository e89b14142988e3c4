"""Memory: exercise training_memory and its mistakes."""

from course_utils.exercises.engine.definition import Exercise


def _memory_cases(rng):
    for _ in range(4):
        yield rng.randint(10**5, 10**9), rng.randint(10**5, 10**9)


def training_memory(n_parameters, n_activations):
    weights = gradients = 4 * n_parameters
    return weights, gradients, 8 * n_parameters, 4 * n_activations


training_memory = Exercise(
    name="speed.training_memory",
    task="(int n_parameters, int n_activations) -> (weights, gradients, optimizer, "
    "activations): the bytes of each while AdamW trains, everything in float32. "
    "n_activations: how many numbers the forward pass keeps for the backward.",
    reference=training_memory,
    cases=_memory_cases,
    hints=(
        "What does AdamW remember of each weight's past gradients?",
        "A float32 number takes 4 bytes.",
        "weights: 4 for each parameter; gradients as many\n"
        "optimizer: a mean and a mean square, 4 + 4 for each parameter\n"
        "activations: 4 for each number kept",
    ),
    proves="16 bytes a parameter before anything is read, and activations on top.",
)


@training_memory.wrong
def one_average_only(n_parameters, n_activations):
    """Your optimizer keeps one number for each parameter. AdamW keeps two: the mean of
    the gradients and the mean of their squares."""
    n = 4 * n_parameters
    return n, n, n, 4 * n_activations


@training_memory.wrong
def numbers_not_bytes(n_parameters, n_activations):
    """You count numbers. Each float32 takes 4 bytes."""
    return n_parameters, n_parameters, 2 * n_parameters, n_activations


@training_memory.wrong
def everything_in_16_bits(n_parameters, n_activations):
    """You give each number 2 bytes. That is float16 or bfloat16; here all is float32,
    with 4."""
    n = 2 * n_parameters
    return n, n, 2 * n, 2 * n_activations


@training_memory.wrong
def as_if_it_only_read(n_parameters, n_activations):
    """You keep neither gradients nor averages: that is a model in use, not in
    training."""
    return 4 * n_parameters, 0, 0, 4 * n_activations


@training_memory.wrong
def activations_take_no_room(n_parameters, n_activations):
    """Your activations take no bytes. The backward pass needs what each layer read, so
    the forward pass keeps it; with long batches it is the largest part of all."""
    n = 4 * n_parameters
    return n, n, 2 * n, 0


@training_memory.wrong
def the_optimizer_copies_the_weights(n_parameters, n_activations):
    """Your optimizer keeps three numbers for each parameter. A copy of the weights is
    needed only where the weights themselves are in 16 bits."""
    n = 4 * n_parameters
    return n, n, 3 * n, 4 * n_activations


@training_memory.wrong
def a_gradient_for_each_activation(n_parameters, n_activations):
    """You count activations twice. Their gradients do exist, but each is dropped as
    soon as the layer below has used it."""
    n = 4 * n_parameters
    return n, n, 2 * n, 8 * n_activations


@training_memory.wrong
def the_averages_forgotten(n_parameters, n_activations):
    """Your optimizer takes no bytes. AdamW keeps two numbers for each parameter, the
    mean of the gradients and the mean of their squares."""
    n = 4 * n_parameters
    return n, n, 0, 4 * n_activations


@training_memory.wrong
def the_gradients_forgotten(n_parameters, n_activations):
    """Your gradients take no bytes. Each parameter has one, until the step is made."""
    n = 4 * n_parameters
    return n, 0, 2 * n, 4 * n_activations


@training_memory.wrong
def activations_in_numbers(n_parameters, n_activations):
    """Your last result counts numbers, the others bytes. Each activation takes 4 bytes
    too."""
    n = 4 * n_parameters
    return n, n, 2 * n, n_activations


@training_memory.wrong
def in_mebibytes(n_parameters, n_activations):
    """You divide by 2**20: mebibytes. Bytes are asked for."""
    n = 4 * n_parameters
    return tuple(x / 2**20 for x in (n, n, 2 * n, 4 * n_activations))


@training_memory.wrong
def in_gigabytes(n_parameters, n_activations):
    """You divide by 10**9: gigabytes. Bytes are asked for."""
    n = 4 * n_parameters
    return tuple(x / 10**9 for x in (n, n, 2 * n, 4 * n_activations))


@training_memory.wrong
def everything_in_64_bits(n_parameters, n_activations):
    """You give each number 8 bytes. float32 has 32 bits: 4 bytes."""
    n = 8 * n_parameters
    return n, n, 2 * n, 8 * n_activations


@training_memory.wrong
def in_bits(n_parameters, n_activations):
    """You count bits. A byte has 8 of them, and float32 is 4 bytes."""
    n = 32 * n_parameters
    return n, n, 2 * n, 32 * n_activations


@training_memory.wrong
def all_added_up(n_parameters, n_activations):
    """You return the sum. The four parts are asked for, each by itself."""
    return 16 * n_parameters + 4 * n_activations


@training_memory.wrong
def gradients_and_averages_exchanged(n_parameters, n_activations):
    """Your second and third result are exchanged: one gradient for each parameter, and
    two averages."""
    n = 4 * n_parameters
    return n, 2 * n, n, 4 * n_activations


@training_memory.wrong
def weights_and_gradients_in_16_bits(n_parameters, n_activations):
    """You keep weights and gradients in 16 bits, as mixed precision does. Here
    everything is in float32: 4 bytes."""
    n = 2 * n_parameters
    return n, n, 4 * n, 4 * n_activations
