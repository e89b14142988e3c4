"""A task as the beginning of a document: exercise report_prompt and its mistakes."""

from course_utils.exercises.engine.definition import Exercise

_NAMES = ("Mia", "Tom", "Helen", "Sam")


_NOUNS = ("ball", "cat", "lamp", "goat", "key")


def _report_cases(rng):
    for _ in range(4):
        name, noun = rng.choice(_NAMES), rng.choice(_NOUNS)
        story = f"One day {name} found a {noun}. {name} kept the {noun}."
        yield story, rng.choice([f"Who has the {noun}?", f"What did {name} have?"])


def report_prompt(story, question):
    return f"Listen. {story} In short: {question}"


report_prompt = Exercise(
    name="applications.report_prompt",
    task="(str story, str question) -> str: the beginning of a report (they look like "
    "the one above), up to the place where the answer to this question must follow.",
    reference=report_prompt,
    cases=_report_cases,
    hints=(
        "Which words stand before every story in a report, and which after it?",
        "One str: opening word, story, two words and a colon, question; single spaces.",
        'join with one space: "Listen.", the story, "In short:", the question\n'
        "nothing after the question",
    ),
    proves="A prompt is the beginning of a document that the model has learnt to end.",
)


@report_prompt.wrong
def a_space_at_the_end(story, question):
    """Your prompt ends with a space. The answer's first token carries its own space
    (" Tom" is one token): a space alone is a token that the model hardly ever read."""
    return f"Listen. {story} In short: {question} "


@report_prompt.wrong
def the_opening_left_out(story, question):
    """Your document does not begin with "Listen.": only reports ask, and that word is
    how the model knows that it reads one."""
    return f"{story} In short: {question}"


@report_prompt.wrong
def the_turn_to_the_facts_left_out(story, question):
    """Between story and question, "In short:" is missing. In the corpus it is what
    leads from the one to the other."""
    return f"Listen. {story} {question}"


@report_prompt.wrong
def the_question_before_the_story(story, question):
    """You ask first. A causal model could do with that, but this one has never seen a
    question before the story."""
    return f"Listen. {question} {story} In short:"


@report_prompt.wrong
def words_that_people_understand(story, question):
    """ "Question:" and "Answer:" say to you what is wanted. The model has never read
    them; a report goes on from question to answer without a word."""
    return f"Listen. {story} In short: Question: {question} Answer:"


@report_prompt.wrong
def as_one_asks_a_person(story, question):
    """That is how one asks a person, as the page did at first. No document of the
    corpus goes on so: begin one of those that ask."""
    return f"{story}\nQuestion: {question}\nAnswer:"


@report_prompt.wrong
def a_new_line_between(story, question):
    """You begin a new line after the story. A report is one paragraph: the parts are
    joined with one space."""
    return f"Listen. {story}\nIn short: {question}"


@report_prompt.wrong
def story_and_question_exchanged(story, question):
    """The question stands where the story belongs, and the story after "In short:". The
    story is read first, then it is asked."""
    return f"Listen. {question} In short: {story}"


@report_prompt.wrong
def no_space_between(story, question):
    """Nothing stands between your parts: "Listen.One day". The reports have a space
    there, and the tokens are others without it."""
    return f"Listen.{story}In short:{question}"


@report_prompt.wrong
def question_and_answer_as_labels(story, question):
    """You write Question: and Answer:. This model has read reports, which know neither:
    "In short:" is what it knows."""
    return f"Listen. {story}\nQuestion: {question}\nAnswer:"
