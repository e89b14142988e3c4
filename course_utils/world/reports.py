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
    said, asked = statements(facts), questions(facts)
    return {
        fact: (said[fact], f"{question} {sentence(answer)}")
        for fact, (question, answer) in asked.items()
    }


def statements(facts: Facts) -> dict[str, str]:
    """Return what can be said about a story: fact -> one short sentence."""
    first, second = facts.first, facts.second
    ball, cat = facts.thing.noun.english, facts.animal.noun.english
    said = {
        "relation": f"{second} is the {facts.relation.english} of {first}",
        "colour of the thing": f"The {ball} is {facts.thing.colour.english}",
        "owner of the thing": f"The {ball} is now with {facts.thing_owner}",
        "owner of the animal": f"The {cat} is now with {facts.animal_owner}",
    }
    for which, who, had, person in _people(facts):
        said[f"place of the {which} person"] = f"{who} was {person.place.phrase}"
        said[f"what the {which} person had"] = f"{who} had {with_article(str(had))}"
    return {fact: sentence(words) for fact, words in said.items()}


def questions(facts: Facts) -> dict[str, tuple[str, str]]:
    """Return what can be asked about a story: fact -> (question, answer)."""
    ball, cat = facts.thing.noun.english, facts.animal.noun.english
    asked = {
        "relation": (
            f"Who is {facts.second} to {facts.first}?",
            f"the {facts.relation.english}",
        ),
        "colour of the thing": (
            f"Which colour is the {ball}?",
            facts.thing.colour.english,
        ),
        "owner of the thing": (f"Who has the {ball}?", str(facts.thing_owner)),
        "owner of the animal": (f"Who has the {cat}?", str(facts.animal_owner)),
    }
    for which, who, had, person in _people(facts):
        place = person.place.phrase
        asked[f"place of the {which} person"] = (f"Where was {who}?", place)
        asked[f"what the {which} person had"] = (
            f"What did {who} have?",
            with_article(str(had)),
        )
    return asked


def _people(facts: Facts):
    """Yield which person, as a story calls them, what they had, and who they are."""
    yield "first", str(facts.first), facts.thing, facts.first
    yield "second", relative(facts), facts.animal, facts.second


def sentence(words: str) -> str:
    """Write words as a sentence: "in the park" -> "In the park."."""
    return f"{words[0].upper()}{words[1:]}."
