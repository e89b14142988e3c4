"""Counting: exercise count_parameters and its mistakes."""

from course_utils.exercises.engine.definition import Exercise


def _size_cases(rng):
    yield 10, 4, 1, 2
    yield 11, 5, 3, 4
    for _ in range(3):
        sizes = rng.randint(20, 999), rng.randint(8, 99), rng.randint(2, 9)
        yield *sizes, 4 * rng.randint(2, 30)
    yield 50257, 1024, 12, 768


def count_parameters(vocab_size, n_positions, n_layer, n_embd):
    C = n_embd
    norm = 2 * C  # gain and bias
    attention = (C * 3 * C + 3 * C) + (C * C + C)  # in, out: weight and bias
    mlp = (C * 4 * C + 4 * C) + (4 * C * C + C)
    block = norm + attention + norm + mlp  # 12 C² + 13 C
    return vocab_size * C + n_positions * C + n_layer * block + norm


def _count(V, n_positions, n_layer, C, block=None):
    block = 12 * C * C + 13 * C if block is None else block
    return V * C + n_positions * C + n_layer * block + 2 * C


count_parameters = Exercise(
    name="block.count_parameters",
    task="(int vocab_size, int n_positions, int n_layer, int n_embd) -> int: how many "
    "numbers a GPT-2 of this size learns. The head is tied; every product has a bias.",
    reference=count_parameters,
    cases=_size_cases,
    hints=(
        "Go through the shapes. Do more attention heads need more numbers? Does the "
        "tied head at the end need any of its own?",
        "C = n_embd. A block: two norms of 2C; C × 3C and C × C; C × 4C and 4C × C; "
        "and the biases 3C, C, 4C, C.",
        "a block: 12 * C * C + 13 * C\n"
        "all: both tables + n_layer blocks + the final norm, 2 * C",
    ),
    proves="124,439,808 for the smallest GPT-2: the number that its code gives, too.",
)


@count_parameters.wrong
def tied_head_counted_again(vocab_size, n_positions, n_layer, n_embd):
    """You count V · C twice. The head is tied: it is the table of tokens again. Counted
    twice, the smallest GPT-2 would have 163 million."""
    extra = vocab_size * n_embd
    return _count(vocab_size, n_positions, n_layer, n_embd) + extra


@count_parameters.wrong
def biases_not_counted(vocab_size, n_positions, n_layer, n_embd):
    """The biases of the four products are missing: 3C + C + 4C + C in each block."""
    C = n_embd
    return _count(vocab_size, n_positions, n_layer, C, 12 * C * C + 4 * C)


@count_parameters.wrong
def norms_not_counted(vocab_size, n_positions, n_layer, n_embd):
    """No LayerNorm is counted: 2C each, two in a block and one at the end."""
    C = n_embd
    block = 12 * C * C + 9 * C
    return _count(vocab_size, n_positions, n_layer, C, block) - 2 * C


@count_parameters.wrong
def final_norm_not_counted(vocab_size, n_positions, n_layer, n_embd):
    """The LayerNorm after the last block is missing: 2C."""
    return _count(vocab_size, n_positions, n_layer, n_embd) - 2 * n_embd


@count_parameters.wrong
def one_norm_in_a_block(vocab_size, n_positions, n_layer, n_embd):
    """You count one LayerNorm in a block. There are two, one before each half."""
    C = n_embd
    return _count(vocab_size, n_positions, n_layer, C, 12 * C * C + 11 * C)


@count_parameters.wrong
def positions_not_counted(vocab_size, n_positions, n_layer, n_embd):
    """The table of positions is missing: in GPT-2 it is learnt, n_positions · C."""
    return _count(vocab_size, 0, n_layer, n_embd)


@count_parameters.wrong
def output_projection_not_counted(vocab_size, n_positions, n_layer, n_embd):
    """Attention's output projection is missing: C · C + C in each block."""
    C = n_embd
    return _count(vocab_size, n_positions, n_layer, C, 11 * C * C + 12 * C)


@count_parameters.wrong
def only_one_block(vocab_size, n_positions, n_layer, n_embd):
    """You count one block. There are n_layer of them, each with weights of its own."""
    return _count(vocab_size, n_positions, 1, n_embd)


@count_parameters.wrong
def MLP_not_widened(vocab_size, n_positions, n_layer, n_embd):
    """Your MLP has C channels inside. GPT-2's has 4C, which makes it two thirds of the
    block."""
    C = n_embd
    return _count(vocab_size, n_positions, n_layer, C, 6 * C * C + 10 * C)


@count_parameters.wrong
def norms_without_a_bias(vocab_size, n_positions, n_layer, n_embd):
    """You count a gain for each LayerNorm and no bias. GPT-2's has both, 2 C."""
    C = n_embd
    return _count(vocab_size, n_positions, n_layer, C, 12 * C * C + 11 * C) - C


@count_parameters.wrong
def matrices_and_tables_alone(vocab_size, n_positions, n_layer, n_embd):
    """You count matrices and tables. Biases and LayerNorms are learnt too: 13 C in each
    block, 2 C at the end."""
    C = n_embd
    return _count(vocab_size, n_positions, n_layer, C, 12 * C * C) - 2 * C
