"""Training compute: exercise training_flops and its mistakes."""

from course_utils.exercises.engine.definition import Exercise


def _flops_cases(rng):
    yield 1, 2, 7, 1, 3
    yield 2, 8, 50, 3, 10
    for _ in range(3):
        C = 8 * rng.randint(2, 12)
        yield rng.randint(3, 12), C, rng.randint(500, 2000), rng.randint(20, 90), 64


def training_flops(n_layer, n_embd, vocab_size, n_texts, T):
    N = 12 * n_layer * n_embd**2 + vocab_size * n_embd
    return 6.0 * N * n_texts * T


def _flops(n_layer, n_embd, vocab_size, tokens, factor=6, per_block=12, heads=1):
    N = per_block * n_layer * n_embd**2 + heads * vocab_size * n_embd
    return factor * N * tokens


training_flops = Exercise(
    name="choosing_models.training_flops",
    task="(n_layer, n_embd, vocab_size, n_texts, T) -> float, the FLOPs of training a "
    "GPT-2 once on n_texts of T tokens, as 6·N·D. N: the numbers in the matrices that "
    "tokens are multiplied by: four in each block, and the head. D: tokens.",
    reference=training_flops,
    cases=_flops_cases,
    hints=(
        "A block has (C, 3C), (C, C), (C, 4C) and (4C, C). How many numbers is that?",
        "N = n_layer · 12 C² + V · C. D = n_texts · T. The result is a plain number.",
        "N = 12 * n_layer * n_embd**2 + vocab_size * n_embd\n"
        "return 6 * N * n_texts * T",
    ),
    proves="Two numbers, size and tokens, say what a training costs.",
)


@training_flops.wrong
def the_forward_pass_only(n_layer, n_embd, vocab_size, n_texts, T):
    """You count 2·N·D: that is the forward pass. Training has a backward pass too,
    which costs twice as much again."""
    return _flops(n_layer, n_embd, vocab_size, n_texts * T, factor=2)


@training_flops.wrong
def the_backward_pass_only(n_layer, n_embd, vocab_size, n_texts, T):
    """You count 4·N·D, the backward pass. Before it comes the forward pass, 2·N·D."""
    return _flops(n_layer, n_embd, vocab_size, n_texts * T, factor=4)


@training_flops.wrong
def additions_forgotten(n_layer, n_embd, vocab_size, n_texts, T):
    """You count 3·N·D: a multiplication for each number. Each product is also added to
    a sum, so it is 2 operations."""
    return _flops(n_layer, n_embd, vocab_size, n_texts * T, factor=3)


@training_flops.wrong
def texts_taken_for_tokens(n_layer, n_embd, vocab_size, n_texts, T):
    """You count each text once. Every one of its T tokens goes through all matrices."""
    return _flops(n_layer, n_embd, vocab_size, n_texts)


@training_flops.wrong
def the_look_up_counted(n_layer, n_embd, vocab_size, n_texts, T):
    """You count the vocabulary twice. The table of tokens at the entrance is looked up:
    one row is copied, nothing is multiplied. The head multiplies."""
    return _flops(n_layer, n_embd, vocab_size, n_texts * T, heads=2)


@training_flops.wrong
def the_head_forgotten(n_layer, n_embd, vocab_size, n_texts, T):
    """The head is missing: V·C. In a large model it hardly counts; in ours it is the
    larger part."""
    return _flops(n_layer, n_embd, vocab_size, n_texts * T, heads=0)


@training_flops.wrong
def the_mlp_forgotten(n_layer, n_embd, vocab_size, n_texts, T):
    """You count 4 C² a block: attention alone, or four matrices as if each were square.
    The MLP's two have 4 C² each."""
    return _flops(n_layer, n_embd, vocab_size, n_texts * T, per_block=4)


@training_flops.wrong
def attention_forgotten(n_layer, n_embd, vocab_size, n_texts, T):
    """You count 8 C² a block: the MLP alone. Attention's matrices have 4 C²."""
    return _flops(n_layer, n_embd, vocab_size, n_texts * T, per_block=8)


@training_flops.wrong
def attention_as_one_matrix_of_queries(n_layer, n_embd, vocab_size, n_texts, T):
    """You count 10 C² a block. Attention has queries, keys, values and what joins the
    heads: 4 C², not 2."""
    return _flops(n_layer, n_embd, vocab_size, n_texts * T, per_block=10)


@training_flops.wrong
def a_single_block(n_layer, n_embd, vocab_size, n_texts, T):
    """You count one block. There are n_layer of them."""
    return _flops(1, n_embd, vocab_size, n_texts * T)


@training_flops.wrong
def positions_counted_too(n_layer, n_embd, vocab_size, n_texts, T):
    """You count the table of positions. It is looked up, a row for each position, and
    nothing is multiplied by it."""
    return _flops(n_layer, n_embd, vocab_size + T, n_texts * T)


@training_flops.wrong
def biases_and_gains_counted(n_layer, n_embd, vocab_size, n_texts, T):
    """You count all of a block's numbers, 12 C² + 13 C. Biases and gains are no
    matrices: they are added, or multiply one number each."""
    N = n_layer * (12 * n_embd**2 + 13 * n_embd) + vocab_size * n_embd
    return 6 * N * n_texts * T


@training_flops.wrong
def the_6_forgotten(n_layer, n_embd, vocab_size, n_texts, T):
    """You count N · D. Each number is used six times for a token: 2 operations in the
    forward pass, 4 in the backward pass."""
    return _flops(n_layer, n_embd, vocab_size, n_texts * T, factor=1)


@training_flops.wrong
def one_token_fewer_in_each_text(n_layer, n_embd, vocab_size, n_texts, T):
    """You count T - 1 tokens a text. The last one's prediction may not count in the
    loss, but all T go through the model."""
    return _flops(n_layer, n_embd, vocab_size, n_texts * (T - 1))
