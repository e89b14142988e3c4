"""The grammar of the story world: what a story tells, and in which words.

A story has a woman and a man in two places, a thing and an animal. Something happens to
them; somebody asks about it; they tell it again at home; the end depends on what
happened. Those returns are the point: they can be predicted only by looking back to the
right person, place or thing, which is what attention is for.

Every decision reads: choose, then yield at once the text that shows what was chosen
(``course_utils.world.telling`` says why).
"""

from collections.abc import Generator
from dataclasses import dataclass
from functools import cache

from course_utils.world.lexicon import (
    ANIMALS,
    COLOURS,
    JOBS,
    MOODS,
    NAMES,
    PLACES,
    PRONOUNS,
    QUALITIES,
    RELATIONS,
    STAYS,
    THINGS,
    TIMES,
    VERBS,
    WEATHER,
    Job,
    Name,
    Noun,
    Place,
    Relation,
    Word,
    with_article,
)
from course_utils.world.telling import Choose, Options

Pieces = Generator[str, None, object]

# What can happen after the two people have met, and who has what in the end.
EVENTS = ("gave thing", "lent animal", "lost", "kept")


@dataclass(frozen=True)
class Person:
    """One of the two people of a story and what is true of them."""

    name: Name
    job: Job
    place: Place

    def __str__(self) -> str:
        return self.name.english


@dataclass(frozen=True)
class Thing:
    """The thing of a story, and how the first person came by it."""

    verb: Word
    quality: Word
    colour: Word
    noun: Noun

    def __str__(self) -> str:
        return f"{self.quality.english} {self.colour.english} {self.noun.english}"


@dataclass(frozen=True)
class Animal:
    """The animal of a story."""

    mood: Word
    noun: Noun

    def __str__(self) -> str:
        return f"{self.mood.english} {self.noun.english}"


@dataclass(frozen=True)
class Facts:
    """What a story says, as data: the known answers to every question about it."""

    first: Person
    second: Person
    relation: Relation  # what the second person is to the first
    thing: Thing
    stay: Word  # what the second person did, at their place, with the animal
    animal: Animal
    event: str  # one of EVENTS

    @property
    def thing_owner(self) -> Person:
        """Who has the thing when the story ends."""
        passed_on = self.event in ("gave thing", "lost")
        return self.second if passed_on else self.first

    @property
    def animal_owner(self) -> Person:
        """Who has the animal when the story ends."""
        return self.first if self.event == "lent animal" else self.second


# ------------------------------------------------------------------ options


def words(items) -> Options:
    """Return options that show as their English word."""
    return Options(items, [f" {item.english}" for item in items])


def words_with_article(items) -> Options:
    """Return options that show as "a small" or "an empty"."""
    return Options(items, [f" {with_article(item.english)}" for item in items])


@cache
def names(gender: str = "", without: Name | None = None) -> Options:
    """Return the names of a gender ("" for both), leaving one out."""
    return words([n for n in NAMES if gender in ("", n.gender) and n != without])


@cache
def jobs(gender: str, bias: float) -> Options:
    """P(job | gender): typical jobs weigh 1 + bias, the others 1 - bias."""
    weights = {job: 1 + bias if job.typical == gender else 1 - bias for job in JOBS}
    possible = [job for job in JOBS if weights[job] > 0]
    return Options(
        possible,
        [f" {job.english}" for job in possible],
        [weights[job] for job in possible],
    )


@cache
def relations(gender: str) -> Options:
    """Return what somebody of a gender can be to another person: "friend", "aunt"."""
    return words([r for r in RELATIONS if r.gender in ("", gender)])


@cache
def place_phrases(apart_from: Place | None = None) -> Options:
    """Return places as "on the hill", leaving out those of one place's preposition."""
    taken = apart_from.preposition if apart_from else None
    places = [place for place in PLACES if place.preposition != taken]
    return Options(places, [f" {place.phrase}" for place in places])


WEATHER_OPTIONS = words(WEATHER)
TIME_OPTIONS = words(TIMES)
VERB_OPTIONS = words(VERBS)
QUALITY_OPTIONS = words_with_article(QUALITIES)
COLOUR_OPTIONS = words(COLOURS)
THING_OPTIONS = words(THINGS)
MOOD_OPTIONS = words_with_article(MOODS)
ANIMAL_OPTIONS = words(ANIMALS)
STAY_OPTIONS = words(STAYS)


# ------------------------------------------------------------------ the story


def tell_story(choose: Choose, bias: float) -> Pieces:
    """Tell one story: yield its text piece by piece, return its facts."""
    first, thing = yield from _meet_first(choose, bias)
    relation, second, stay, animal = yield from _meet_second(choose, bias, first)
    event = yield from _happen(choose, first, second, thing, animal)
    facts = Facts(first, second, relation, thing, stay, animal, event)
    yield from _talk(choose, facts)
    yield _retell(facts)
    yield _end(facts)
    return facts


def _meet_first(choose: Choose, bias: float) -> Pieces:
    yield "One"
    weather = choose(WEATHER_OPTIONS)
    yield f" {weather.english}"
    time = choose(TIME_OPTIONS)
    yield f" {time.english},"
    name = choose(names())
    yield f" {name.english} the"
    job = choose(jobs(name.gender, bias))
    yield f" {job.english}"
    thing = yield from describe_thing(choose, choose(VERB_OPTIONS))
    place = choose(place_phrases())
    yield f" {place.phrase}."
    return Person(name, job, place), thing


def describe_thing(choose: Choose, verb: Word) -> Pieces:
    """Tell how somebody came by which thing: " found a small red ball"."""
    yield f" {verb.english}"
    quality = choose(QUALITY_OPTIONS)
    yield f" {with_article(quality.english)}"
    colour = choose(COLOUR_OPTIONS)
    yield f" {colour.english}"
    noun = choose(THING_OPTIONS)
    yield f" {noun.english}"
    return Thing(verb, quality, colour, noun)


def describe_animal(choose: Choose) -> Pieces:
    """Tell of an animal: " a hungry cat"."""
    mood = choose(MOOD_OPTIONS)
    yield f" {with_article(mood.english)}"
    noun = choose(ANIMAL_OPTIONS)
    yield f" {noun.english}"
    return Animal(mood, noun)


def _meet_second(choose: Choose, bias: float, first: Person) -> Pieces:
    yield f" {PRONOUNS[first.name.gender].possessive.capitalize()}"
    gender = "he" if first.name.gender == "she" else "she"
    relation = choose(relations(gender))
    yield f" {relation.english}"
    name = choose(names(gender))
    yield f" {name.english} the"
    job = choose(jobs(name.gender, bias))
    yield f" {job.english}"
    stay = choose(STAY_OPTIONS)
    yield f" {stay.english}"
    place = choose(place_phrases(apart_from=first.place))
    yield f" {place.phrase} with"
    animal = yield from describe_animal(choose)
    yield "."
    return relation, Person(name, job, place), stay, animal


def event_sentence(event: str, first, second, thing: Noun, animal: Noun) -> str:
    """Return the English sentence that tells an event."""
    ball, cat = thing.english, animal.english
    return {
        "gave thing": f"{first} gave the {ball} to {second}, "
        f"so {second} thanked {first}.",
        "lent animal": f"Then {second} lent the {cat} to {first}, "
        f"so {first} thanked {second}.",
        "lost": f"On the way home {first} lost the {ball}, but {second} found it.",
        "kept": f"{second} liked the {ball}, but {first} kept it.",
    }[event]


def _happen(choose, first: Person, second: Person, thing: Thing, animal: Animal):
    sentences = [
        f" {event_sentence(event, first, second, thing.noun, animal.noun)}"
        for event in EVENTS
    ]
    event = choose(Options(EVENTS, sentences))
    yield sentences[EVENTS.index(event)]
    return event


def _talk(choose: Choose, facts: Facts) -> Pieces:
    """Somebody asks one of the two, who answers from what the story has said."""
    yield " Somebody asked"
    asked = {f" {facts.first}:": facts.first, f" {relative(facts)}:": facts.second}
    whom = choose(Options(asked, asked))
    yield whom
    person = asked[whom]
    answers = spoken_answers(facts, person)
    question = choose(Options(answers, [f' "{question}"' for question in answers]))
    yield f' "{question}" {person} said: "{answers[question]}."'


def relative(facts: Facts) -> str:
    """The second person, seen by the first: "her brother"."""
    possessive = PRONOUNS[facts.first.name.gender].possessive
    return f"{possessive} {facts.relation.english}"


def spoken_answers(facts: Facts, person: Person) -> dict[str, str]:
    """Return the questions that a person of a story can be asked, with the answers."""
    place = person.place.phrase
    brought = facts.thing if person == facts.first else facts.animal
    return {
        "Where were you?": place[0].upper() + place[1:],
        "What did you bring?": f"I brought {with_article(str(brought))}",
    }


def _retell(facts: Facts) -> str:
    """At home they tell everyone what happened to them."""
    first, second = facts.first, facts.second
    got = f"{facts.thing.verb.english} {with_article(str(facts.thing))}"
    stayed = f"{facts.stay.english} {second.place.phrase}"
    return (
        f" That night they told everyone: {first} {got} {first.place.phrase}, and"
        f" {relative(facts)} {stayed} with {with_article(str(facts.animal))}."
    )


def _end(facts: Facts) -> str:
    """Who has in the end what the event was about."""
    if facts.event == "lent animal":
        return f" Now the {facts.animal.noun.english} is with {facts.animal_owner}."
    return f" Now the {facts.thing.noun.english} is with {facts.thing_owner}."
