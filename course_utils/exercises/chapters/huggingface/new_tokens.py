"""How many tokens are written: exercise new_tokens and its mistakes."""

from course_utils.exercises.engine.definition import Exercise


def _length_cases(rng):
    yield [3], 10, 20
    yield [2, 5, 3], 9, 20
    yield [4, 6], 30, 16
    yield [7, 9], 8, 20
    for _ in range(3):
        lengths = [rng.randint(2, 9) for _ in range(rng.randint(2, 4))]
        yield lengths, rng.randint(12, 30), rng.randint(30, 99)
    yield (
        [rng.randint(5, 9), rng.randint(5, 9)],
        rng.randint(70, 99),
        rng.randint(20, 50),
    )


def new_tokens(lengths, max_length, n_positions):
    room = min(max_length, n_positions) - max(lengths)
    return max(room, 0)


new_tokens = Exercise(
    name="huggingface.new_tokens",
    task="(list lengths, int max_length, int n_positions) -> int: prompts of these "
    "lengths are filled up to one batch. How many new tokens fit at most into each "
    "row, with generate(max_length=…) and a model of n_positions? 0 if none fits.",
    reference=new_tokens,
    cases=_length_cases,
    hints=(
        "max_length is the length of what: of the new text, or of the whole row?",
        "One number for all rows: each row is as long as the longest prompt.",
        "room = the smaller of max_length and n_positions\n"
        "room -= the longest prompt\nreturn room, at least 0",
    ),
    proves="max_length holds prompt and padding too; max_new_tokens would not.",
)


@new_tokens.wrong
def max_length_taken_for_the_new_tokens(lengths, max_length, n_positions):
    """You give all of max_length to the new tokens. It is the length of the whole row,
    the prompt included. (max_new_tokens is what you have in mind.)"""
    return max(0, min(max_length, n_positions - max(lengths)))


@new_tokens.wrong
def the_prompt_not_taken_off(lengths, max_length, n_positions):
    """You return the length of the whole row. The prompt is part of it: take it off."""
    return min(max_length, n_positions)


@new_tokens.wrong
def the_positions_forgotten(lengths, max_length, n_positions):
    """You let the row grow to max_length, past the model's last position. There is no
    row n_positions in the table of positions."""
    return max(0, max_length - max(lengths))


@new_tokens.wrong
def the_shortest_prompt_taken(lengths, max_length, n_positions):
    """You take the shortest prompt off. It was filled up to the longest: padding counts
    in the length of the row."""
    return max(0, min(max_length, n_positions) - min(lengths))


@new_tokens.wrong
def the_prompts_added_up(lengths, max_length, n_positions):
    """You take all prompts off together. Each stands in a row of its own."""
    return max(0, min(max_length, n_positions) - sum(lengths))


@new_tokens.wrong
def one_too_few(lengths, max_length, n_positions):
    """You leave one place free. The last position may be written to as well."""
    return max(0, min(max_length, n_positions) - max(lengths) - 1)


@new_tokens.wrong
def less_than_nothing(lengths, max_length, n_positions):
    """Your number can be negative: where the prompt alone is too long, nothing fits."""
    return min(max_length, n_positions) - max(lengths)


@new_tokens.wrong
def max_length_itself(lengths, max_length, n_positions):
    """You return max_length. It counts the prompt as well: what is left after the
    filled-up prompts is new."""
    return max_length


@new_tokens.wrong
def one_number_for_each_prompt(lengths, max_length, n_positions):
    """You measure each prompt by itself. In one batch all rows are as long as the
    longest: filled-up places count too."""
    return [max(0, min(max_length, n_positions) - n) for n in lengths]


@new_tokens.wrong
def max_length_forgotten(lengths, max_length, n_positions):
    """You fill the model's positions up. generate stops at max_length, if
    that is less."""
    return max(0, n_positions - max(lengths))


@new_tokens.wrong
def the_first_prompt_taken(lengths, max_length, n_positions):
    """You take the first prompt's length. All are filled up to the longest."""
    return max(0, min(max_length, n_positions) - lengths[0])


@new_tokens.wrong
def the_mean_prompt_taken(lengths, max_length, n_positions):
    """You take the prompts' mean length. All are filled up to the longest."""
    return max(0, min(max_length, n_positions) - sum(lengths) // len(lengths))
