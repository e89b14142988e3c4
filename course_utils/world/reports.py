"""Reports: a story, and then some of its facts again, stated or asked and answered.

A story asks for its facts again, but always in its own order. In a report any fact may
come next, so only its own words say what to look up. People are called as the story
calls them: the first by name, the second by what they are to the first ("her uncle").
A corpus with reports in it prepares a model for questions about stories
(``course_utils.world.tasks``).
"""

from collections.abc import Generator

from course_utils.world.lexicon import with_article
from course_utils.world.stories import Facts, relative, tell_story
from course_utils.world.telling import Choose, Options

OPENING, AGAIN = "Listen.", "In short:"  # how a report and its second part begin
ITEMS = 5  # how many facts a report says again

Pieces = Generator[str, None, Facts]


def tell_report(choose: Choose, bias: float) -> Pieces:
    """Tell a story and some of its facts: yield the text, return the facts."""
    yield f"{OPENING} "
    facts = yield from tell_story(choose, bias)
    yield f" {AGAIN}"
    left = items(facts)
    for _ in range(ITEMS):
        forms = [(fact, form) for fact, both in left.items() for form in both]
        fact, form = choose(Options(forms, [f" {form}" for _, form in forms]))
        yield f" {form}"
        del left[fact]
    return facts


def items(facts: Facts) -> dict[str, tuple[str, str]]:
    """Return what a report can say: fact -> (statement, question with its answer)."""
    return {
        fact: (sentence(said), f"{question} {sentence(answer)}")
        for fact, (said, question, answer) in _ways_to_say(facts).items()
    }


def questions(facts: Facts) -> dict[str, tuple[str, str]]:
    """Return what can be asked about a story: fact -> (question, answer)."""
    return {
        fact: (question, answer)
        for fact, (_, question, answer) in _ways_to_say(facts).items()
    }


def _ways_to_say(facts: Facts) -> dict[str, tuple[str, str, str]]:
    """Return each fact of a story as statement, question and answer."""
    first, second, relation = facts.first, facts.second, facts.relation.english
    thing, animal = facts.thing, facts.animal
    ball, cat, colour = thing.noun.english, animal.noun.english, thing.colour.english
    has_ball, has_cat = str(facts.thing_owner), str(facts.animal_owner)
    ways = {
        "relation": (
            f"{second} is the {relation} of {first}",
            f"Who is {second} to {first}?",
            f"the {relation}",
        ),
        "colour of the thing": (
            f"The {ball} is {colour}",
            f"Which colour is the {ball}?",
            colour,
        ),
        "owner of the thing": (
            f"The {ball} is now with {has_ball}",
            f"Who has the {ball}?",
            has_ball,
        ),
        "owner of the animal": (
            f"The {cat} is now with {has_cat}",
            f"Who has the {cat}?",
            has_cat,
        ),
    }
    # As the story calls them: the first by name, the second as "her uncle".
    people = {
        "first": (str(first), first.place.phrase, thing),
        "second": (relative(facts), second.place.phrase, animal),
    }
    for which, (who, place, had) in people.items():
        ways[f"place of the {which} person"] = (
            f"{who} was {place}",
            f"Where was {who}?",
            place,
        )
        ways[f"what the {which} person had"] = (
            f"{who} had {with_article(str(had))}",
            f"What did {who} have?",
            with_article(str(had)),
        )
    return ways


def sentence(words: str) -> str:
    """Write words as a sentence: "in the park" -> "In the park."."""
    return f"{words[0].upper()}{words[1:]}."
