"""Reports: a story, and then some of its facts again, each said of a person by name.

A story asks for its facts again, but always in its own order. In a report any fact may
come next, so only the name says what to look up. A corpus with reports in it prepares a
model for questions about stories (``course_utils.world.tasks``).
"""

from collections.abc import Generator

from course_utils.world.lexicon import with_article
from course_utils.world.stories import Facts, tell_story
from course_utils.world.telling import Choose, Options

OPENING = "Listen."
STATEMENTS = 5  # how many facts a report says again

Pieces = Generator[str, None, Facts]


def tell_report(choose: Choose, bias: float) -> Pieces:
    """Tell a story and some of its facts: yield the text, return the facts."""
    yield f"{OPENING} "
    facts = yield from tell_story(choose, bias)
    yield " In short:"
    left = statements(facts)
    for _ in range(STATEMENTS):
        statement = choose(Options(left, [f" {text}" for text in left]))
        yield f" {statement}"
        left = [text for text in left if text != statement]
    return facts


def statements(facts: Facts) -> list[str]:
    """Return what a report can say about a story, one short sentence each."""
    first, second = facts.first, facts.second
    thing, animal = facts.thing, facts.animal
    ball, cat = thing.noun.english, animal.noun.english
    said = [
        f"{second} is the {facts.relation.english} of {first}.",
        f"{first} had {with_article(str(thing))}.",
        f"{second} had {with_article(str(animal))}.",
        f"The {ball} is {thing.colour.english}.",
        f"The {ball} is with {facts.thing_owner}.",
        f"The {cat} is with {facts.animal_owner}.",
    ]
    for person in (first, second):
        said.append(f"{person} was {person.place.phrase}.")
        said.append(f"{person} is {with_article(person.job.english)}.")
    return said
