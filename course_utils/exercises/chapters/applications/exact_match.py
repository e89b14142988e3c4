"""Marks: exercise exact_match and its mistakes."""

from course_utils.exercises.engine.definition import Exercise

from .report_prompt import _NAMES


def _answer_cases(rng):
    one, other = rng.sample(_NAMES, 2)
    yield [f" {one}.", f" {other}."], [f" {one}.", f" {one}."]
    # Each way to forgive forgives another number of these.
    small, bare, more = f" {one.lower()}.", f"{one}.", f" {one}. {other}."
    yield [f" {one}."] * 7, [small, *[bare] * 2, *[more] * 4]
    yield [f" {one}.", f" {other}.", " A cat."], [f" {other}.", f" {one}.", " A cat."]
    yield [" A big cat."] * 2 + [" A dog."], [" A bad cat.", " A big cat.", " A dog"]
    yield [" In the park.", " A red ball."], [" In the park.", " A red ball."]


def exact_match(right, given):
    same = [answer == known for known, answer in zip(right, given, strict=True)]
    return sum(same) / len(same)


def _share(right, given, same):
    pairs = list(zip(right, given, strict=True))
    return sum(float(same(known, answer)) for known, answer in pairs) / len(pairs)


exact_match = Exercise(
    name="applications.exact_match",
    task="(list right, list given) -> float: the share of tasks whose given answer is "
    "the right one, letter for letter. right[i] belongs to given[i].",
    reference=exact_match,
    cases=_answer_cases,
    hints=(
        "Is ' Tom' the answer ' Tom.'? And ' tom.'? What does letter for letter say?",
        "Two lists of n texts in, one number from 0 to 1 out.",
        "count the pairs (right, given) that are equal\ndivide by how many there are",
    ),
    proves="The strictest mark there is: almost right is wrong, and cheap to count.",
)


@exact_match.wrong
def spaces_and_capitals_forgiven(right, given):
    """You forgive spaces and capitals. Many benchmarks do and say so; letter for letter
    does not: the model was asked for the text as it stands."""
    return _share(right, given, lambda a, b: a.strip().lower() == b.strip().lower())


@exact_match.wrong
def spaces_forgiven(right, given):
    """You strip the spaces. Letter for letter, the space before the answer's first word
    is part of it: it is part of the token."""
    return _share(right, given, lambda a, b: a.strip() == b.strip())


@exact_match.wrong
def capitals_forgiven(right, given):
    """You forgive capitals. Some benchmarks do and say so; letter for letter does not:
    "mia" is not the name."""
    return _share(right, given, lambda a, b: a.lower() == b.lower())


@exact_match.wrong
def a_percentage(right, given):
    """You return a percentage. A share is a number from 0 to 1."""
    return 100 * _share(right, given, lambda a, b: a == b)


@exact_match.wrong
def right_if_it_is_found_inside(right, given):
    """You look for the right answer inside of what was given. Then a model that names
    everybody is always right, and one that never stops too."""
    return _share(right, given, lambda a, b: a in b)


@exact_match.wrong
def letters_counted_in_place_of_answers(right, given):
    """You give part of a mark for each letter in its place. Half of "in the park" may
    be right in "in the cellar": as an answer it is wrong."""

    def letters(a, b):
        return sum(x == y for x, y in zip(a, b, strict=False)) / max(len(a), len(b))

    return _share(right, given, letters)


@exact_match.wrong
def words_counted_in_any_order(right, given):
    """You compare the sets of words and give part of a mark. That is a softer measure;
    here an answer is right or it is not."""

    def words(a, b):
        a, b = set(a.split()), set(b.split())
        return len(a & b) / len(a | b)

    return _share(right, given, words)


@exact_match.wrong
def right_for_another_task(right, given):
    """You ask whether an answer is right for any task. given[i] answers task i: the
    right name for another question is wrong."""
    return sum(answer in right for answer in given) / len(given)


@exact_match.wrong
def a_number_in_place_of_a_share(right, given):
    """You count, and do not divide: 3 of 4 and 3 of 300 would be the same."""
    return sum(a == b for a, b in zip(right, given, strict=True))


@exact_match.wrong
def letters_compared_place_by_place(right, given):
    """You count letters. "in the park" has many letters in their place with "in the
    cellar", and as an answer it is wrong: compare whole answers."""
    pairs = list(zip(right, given, strict=True))
    same = [x == y for a, b in pairs for x, y in zip(a, b, strict=False)]
    return sum(same) / len(same)


@exact_match.wrong
def all_or_nothing(right, given):
    """You give 1 if all answers are right, else 0. The share of right ones is asked
    for."""
    return float(right == given)
