"""Reports: a story, and then some of its facts again, stated or asked and answered.

A story asks for its facts again, but always in its own order. In a report any fact may
come next, so only the name says what to look up. A corpus with reports in it prepares a
model for questions about stories (``course_utils.world.tasks``).
"""

from collections.abc import Generator

from course_utils.world.lexicon import with_article
from course_utils.world.stories import Facts, tell_story
from course_utils.world.telling import Choose, Options

OPENING = "Listen."
ITEMS = 5  # how many facts a report says again

Pieces = Generator[str, None, Facts]


def tell_report(choose: Choose, bias: float) -> Pieces:
    """Tell a story and some of its facts: yield the text, return the facts."""
    yield f"{OPENING} "
    facts = yield from tell_story(choose, bias)
    yield " In short:"
    left = items(facts)
    for _ in range(ITEMS):
        forms = [(fact, form) for fact, both in left.items() for form in both]
        fact, form = choose(Options(forms, [f" {form}" for _, form in forms]))
        yield f" {form}"
        del left[fact]
    return facts


def items(facts: Facts) -> dict[str, tuple[str, str]]:
    """Return what a report can say: fact -> (statement, question with its answer)."""
    said, asked = statements(facts), questions(facts)
    return {
        fact: (said[fact], f"{question} {sentence(answer)}")
        for fact, (question, answer) in asked.items()
    }


def statements(facts: Facts) -> dict[str, str]:
    """Return what can be said about a story: fact -> one short sentence."""
    first, second = facts.first, facts.second
    thing, animal = facts.thing, facts.animal
    ball, cat = thing.noun.english, animal.noun.english
    said = {
        "relation": f"{second} is the {facts.relation.english} of {first}.",
        "thing": f"{first} had {with_article(str(thing))}.",
        "animal": f"{second} had {with_article(str(animal))}.",
        "colour of the thing": f"The {ball} is {thing.colour.english}.",
        "owner of the thing": f"The {ball} is with {facts.thing_owner}.",
        "owner of the animal": f"The {cat} is with {facts.animal_owner}.",
    }
    for which, person in (("first", first), ("second", second)):
        said[f"place of the {which} person"] = f"{person} was {person.place.phrase}."
        if first.job != second.job:  # or nobody could tell who is meant
            said[f"job of the {which} person"] = (
                f"The {person.job.english} is {person}."
            )
    return said


def questions(facts: Facts) -> dict[str, tuple[str, str]]:
    """Return what can be asked about a story: fact -> (question, answer)."""
    first, second = facts.first, facts.second
    thing, animal = facts.thing, facts.animal
    ball, cat = thing.noun.english, animal.noun.english
    asked = {
        "relation": (f"Who is {second} to {first}?", f"the {facts.relation.english}"),
        "thing": (f"What did {first} have?", with_article(str(thing))),
        "animal": (f"What was with {second}?", with_article(str(animal))),
        "colour of the thing": (f"Which colour is the {ball}?", thing.colour.english),
        "owner of the thing": (f"Who has the {ball}?", str(facts.thing_owner)),
        "owner of the animal": (f"Who has the {cat}?", str(facts.animal_owner)),
    }
    for which, person in (("first", first), ("second", second)):
        place, job = person.place.phrase, person.job.english
        asked[f"place of the {which} person"] = (f"Who was {place}?", str(person))
        if first.job != second.job:
            asked[f"job of the {which} person"] = (f"Who is the {job}?", str(person))
    return asked


def sentence(answer: str) -> str:
    """Write an answer as a sentence: "in the park" -> "In the park."."""
    return f"{answer[0].upper()}{answer[1:]}."
