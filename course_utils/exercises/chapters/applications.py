"""Exercises on putting a model to work: prompts, marks, chats, preferences, adapters.

Notebook 09. Rows of a conversation differ in length, margins of preferences in sign,
and no matrix is square: what works by luck on even shapes is seen.
"""

import torch.nn.functional as F

from course_utils.exercises.engine.clinics import Clinic
from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import tensor
from course_utils.exercises.engine.questions import Question

# --- a task as the beginning of a document --------------------------------------------

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


# --- marks ----------------------------------------------------------------------------


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


def _share(right, given, same):
    pairs = list(zip(right, given, strict=True))
    return sum(float(same(known, answer)) for known, answer in pairs) / len(pairs)


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


# --- what a conversation teaches ------------------------------------------------------


def _conversation_cases(rng):
    for n_turns in (2, 4, 3, 6):
        end = rng.randint(90, 99)
        roles = ["user", "assistant"] * 3
        first = 1 if n_turns == 3 else 0  # an assistant may also speak first
        turns = [
            (role, [rng.randrange(1, 90) for _ in range(rng.randint(2, 4))])
            for role in roles[first : first + n_turns]
        ]
        yield turns, end


def chat_targets(turns, end):
    ids, learnt = [], []
    for role, tokens in turns:
        ids += [*tokens, end]
        learnt += [role == "assistant"] * (len(tokens) + 1)
    pairs = zip(ids[1:], learnt[1:], strict=True)
    return ids[:-1], [token if counts else -100 for token, counts in pairs]


chat_targets = Exercise(
    name="applications.chat_targets",
    task="(list turns, int end) -> (list inputs, list targets): a conversation as one "
    "row of ids. A turn is (role, ids), the role 'user' or 'assistant'; end follows "
    "each turn. A target is the next token; it counts if it belongs to an assistant's "
    "turn, its end included. The others are -100.",
    reference=chat_targets,
    cases=_conversation_cases,
    hints=(
        "Who should learn what the user says next? And who must learn to stop?",
        "n tokens in all, ends included: inputs and targets have n - 1 each; target t "
        "is token t + 1, and whether it counts depends on whose token t + 1 is.",
        "for each turn: append its ids and end; note for each whether it is learnt\n"
        "inputs  = all tokens but the last\n"
        "targets = all tokens but the first, -100 where not learnt",
    ),
    proves="A chat is the old loss with a mask: speak like the assistant, and stop.",
)


def _row(turns, end, learns=lambda role, i: role == "assistant"):
    """Return a conversation's ids, and which of them are learnt."""
    ids, learnt = [], []
    for i, (role, tokens) in enumerate(turns):
        ids += [*tokens, end]
        learnt += [learns(role, i)] * (len(tokens) + 1)
    return ids, learnt


def _masked(ids, learnt):
    return [
        token if counts else -100 for token, counts in zip(ids, learnt, strict=True)
    ]


@chat_targets.wrong
def the_user_is_learnt_too(turns, end):
    """All tokens count. The model then learns to write the user's turns as well, and
    may go on with a question of its own."""
    ids, _ = _row(turns, end)
    return ids[:-1], ids[1:]


@chat_targets.wrong
def only_the_last_answer_is_learnt(turns, end):
    """Only the last turn counts. Each of the assistant's turns is an answer to what
    stands before it: one row teaches them all."""
    ids, learnt = _row(
        turns, end, lambda role, i: role == "assistant" and i >= len(turns) - 2
    )
    return ids[:-1], _masked(ids[1:], learnt[1:])


@chat_targets.wrong
def the_end_is_not_learnt(turns, end):
    """The end after an assistant's turn does not count. A model that never learns to
    stop will speak for the user next."""
    ids, learnt = _row(turns, end)
    learnt = [x and token != end for x, token in zip(learnt, ids, strict=True)]
    return ids[:-1], _masked(ids[1:], learnt[1:])


@chat_targets.wrong
def masked_by_the_input(turns, end):
    """You ask whose token the input is. A target counts if the *target* is the
    assistant's: the first word of an answer is predicted from the user's end."""
    ids, learnt = _row(turns, end)
    return ids[:-1], _masked(ids[1:], learnt[:-1])


@chat_targets.wrong
def targets_not_shifted(turns, end):
    """Your targets are the inputs themselves. The target at t is the token at t + 1."""
    ids, learnt = _row(turns, end)
    return ids[:-1], _masked(ids[:-1], learnt[:-1])


@chat_targets.wrong
def labels_as_transformers_takes_them(turns, end):
    """Your two lists have all n tokens, and are not shifted. That is what transformers'
    labels are (page 08); here you shift: n - 1 inputs, and for each the next token."""
    ids, learnt = _row(turns, end)
    return ids, _masked(ids, learnt)


@chat_targets.wrong
def every_end_is_learnt(turns, end):
    """The end of the user's turns counts too. The assistant would learn to stop for
    somebody else; only its own end is its business."""
    ids, learnt = _row(turns, end)
    learnt = [x or token == end for x, token in zip(learnt, ids, strict=True)]
    return ids[:-1], _masked(ids[1:], learnt[1:])


@chat_targets.wrong
def an_end_before_the_first_turn(turns, end):
    """You begin with end. Documents do; here end follows each turn, and nothing stands
    before the first."""
    ids, learnt = _row(turns, end)
    return [end, *ids[:-1]], _masked(ids, learnt)


@chat_targets.wrong
def the_roles_are_swapped(turns, end):
    """You keep the user's turns and mask the assistant's. That would be a model that
    asks."""
    ids, learnt = _row(turns, end, lambda role, i: role == "user")
    return ids[:-1], _masked(ids[1:], learnt[1:])


@chat_targets.wrong
def turns_without_an_end(turns, end):
    """Nothing stands between your turns. end follows each of them: so the model sees
    where one stops and the other's begins."""
    ids, learnt = [], []
    for role, tokens in turns:
        ids += tokens
        learnt += [role == "assistant"] * len(tokens)
    return ids[:-1], _masked(ids[1:], learnt[1:])


# --- what is preferred ----------------------------------------------------------------


def _preference_cases(rng):
    for n in (1, 3, 4):
        yield (*(tensor(rng, n, scale=3.0) - 6 for _ in range(4)), 0.5)
    flat = tensor(rng, 2)
    yield flat - 900, flat + 100, flat, flat - 3, 0.3  # one pair far on the wrong side


def preference_loss(chosen, rejected, chosen_before, rejected_before, beta):
    margin = (chosen - chosen_before) - (rejected - rejected_before)  # (B,)
    return -F.logsigmoid(beta * margin).mean()


preference_loss = Exercise(
    name="applications.preference_loss",
    task="(chosen, rejected, chosen_before, rejected_before: (B,) each, float beta) -> "
    "(): log-probabilities of B preferred and B rejected answers, now and before this "
    "training. The mean of -log sigmoid(beta · margin), where margin is by how much "
    "more the chosen one has risen than the rejected one.",
    reference=preference_loss,
    cases=_preference_cases,
    hints=(
        "Nothing has been trained yet: what is every margin, and so the loss?",
        "All four are (B,); so is the margin. log sigmoid in one step: a sigmoid may "
        "round to 0, and log 0 is -inf.",
        "gain of chosen   = chosen - chosen_before\n"
        "gain of rejected = rejected - rejected_before\n"
        "minus the mean of logsigmoid(beta * (gain of chosen - gain of rejected))",
    ),
    proves="Which of two answers people prefer is enough to train on: a loss again.",
)


def _loss_of(margin, beta):
    return -F.logsigmoid(beta * margin).mean()


@preference_loss.wrong
def the_model_before_is_forgotten(
    chosen, rejected, chosen_before, rejected_before, beta
):
    """You compare the answers as they are now. A short answer is likelier than a long
    one from the start: what counts is how much each has risen since before."""
    return _loss_of(chosen - rejected, beta)


@preference_loss.wrong
def the_rejected_is_preferred(chosen, rejected, chosen_before, rejected_before, beta):
    """Your margin has the wrong sign: the loss falls when the rejected answer rises."""
    return _loss_of((rejected - rejected_before) - (chosen - chosen_before), beta)


@preference_loss.wrong
def the_model_before_is_added(chosen, rejected, chosen_before, rejected_before, beta):
    """You add what the answers had before. A gain is a difference: now minus before."""
    return _loss_of((chosen + chosen_before) - (rejected + rejected_before), beta)


@preference_loss.wrong
def beta_left_out(chosen, rejected, chosen_before, rejected_before, beta):
    """beta is missing. It says how far the model may move for a preference: a small one
    asks for a large margin."""
    return _loss_of((chosen - chosen_before) - (rejected - rejected_before), 1.0)


@preference_loss.wrong
def beta_outside_of_the_sigmoid(chosen, rejected, chosen_before, rejected_before, beta):
    """You multiply the loss by beta: that only scales its gradient. beta belongs to the
    margin, inside of the sigmoid."""
    margin = (chosen - chosen_before) - (rejected - rejected_before)
    return beta * _loss_of(margin, 1.0)


@preference_loss.wrong
def a_probability_without_its_log(
    chosen, rejected, chosen_before, rejected_before, beta
):
    """You return minus a mean probability. As in cross-entropy it is the log that
    counts: it never lets a pair be quite wrong."""
    margin = (chosen - chosen_before) - (rejected - rejected_before)
    return -(beta * margin).sigmoid().mean()


@preference_loss.wrong
def log_of_a_rounded_sigmoid(chosen, rejected, chosen_before, rejected_before, beta):
    """Right as a formula, but far on the wrong side sigmoid rounds to 0 and its log is
    -inf. logsigmoid computes both in one step."""
    margin = (chosen - chosen_before) - (rejected - rejected_before)
    return -(beta * margin).sigmoid().log().mean()


@preference_loss.wrong
def logs_of_logs(chosen, rejected, chosen_before, rejected_before, beta):
    """You take the log of a quotient. What comes in are logs already: the formula's
    log(π / π₀) is a difference of them."""
    gain = (chosen / chosen_before).log() - (rejected / rejected_before).log()
    return _loss_of(gain, beta)


@preference_loss.wrong
def the_minus_left_out(chosen, rejected, chosen_before, rejected_before, beta):
    """The minus is missing: yours is largest, 0, where the model prefers as people do.
    A loss is what falls."""
    margin = (chosen - chosen_before) - (rejected - rejected_before)
    return F.logsigmoid(beta * margin).mean()


@preference_loss.wrong
def the_mean_margin_first(chosen, rejected, chosen_before, rejected_before, beta):
    """You average the margins, then take the loss. One pair with a huge margin would
    hide all that are wrong: each pair has a loss of its own."""
    margin = (chosen - chosen_before) - (rejected - rejected_before)
    return _loss_of(margin.mean(), beta)


@preference_loss.wrong
def only_the_chosen_counts(chosen, rejected, chosen_before, rejected_before, beta):
    """You never look at the rejected answer. A preference is between two: raise one
    over the other."""
    return _loss_of(chosen - chosen_before, beta)


@preference_loss.wrong
def a_sum_over_the_pairs(chosen, rejected, chosen_before, rejected_before, beta):
    """You add the pairs up. The mean is asked for: it does not grow with the batch."""
    margin = (chosen - chosen_before) - (rejected - rejected_before)
    return -F.logsigmoid(beta * margin).sum()


# --- a low-rank change ----------------------------------------------------------------


def _low_rank_cases(rng):
    for T, n_in, n_out, rank in ((1, 3, 5, 2), (2, 4, 3, 1), (4, 6, 7, 3)):
        x, weight = tensor(rng, T, n_in), tensor(rng, n_out, n_in)
        yield x, weight, tensor(rng, rank, n_in), tensor(rng, n_out, rank), 5.0


def low_rank(x, weight, down, up, alpha):
    rank = len(down)
    return x @ weight.T + alpha / rank * (x @ down.T) @ up.T


low_rank = Exercise(
    name="applications.low_rank",
    task="(x (T, in), weight (out, in), down (rank, in), up (out, rank), float alpha) "
    "-> (T, out): what the layer gives for x, plus alpha / rank times what x becomes "
    "through down and then up.",
    reference=low_rank,
    cases=_low_rank_cases,
    hints=(
        "Which of the two thin matrices can take x? What shape comes out of it?",
        "x @ down.T is (T, rank); that @ up.T is (T, out).",
        "rank = rows of down\nx @ weight.T + alpha / rank * (x @ down.T @ up.T)",
    ),
    proves="rank · (in + out) numbers are trained in the place of in · out.",
)


@low_rank.wrong
def alpha_not_divided_by_the_rank(x, weight, down, up, alpha):
    """You scale by alpha alone. Divided by the rank, the change keeps its size when the
    rank is raised, and the learning rate can stay."""
    return x @ weight.T + alpha * (x @ down.T) @ up.T


@low_rank.wrong
def the_change_not_scaled(x, weight, down, up, alpha):
    """alpha does nothing in yours: scale the change by alpha / rank."""
    return x @ weight.T + (x @ down.T) @ up.T


@low_rank.wrong
def the_frozen_layer_left_out(x, weight, down, up, alpha):
    """You return the change alone. What the layer knew already is missing: at the
    start up is 0, and the model must be what it was."""
    return alpha / len(down) * (x @ down.T) @ up.T


@low_rank.wrong
def the_layer_scaled_too(x, weight, down, up, alpha):
    """You scale both. Only the change is scaled; the frozen layer stays as it was."""
    return alpha / len(down) * (x @ weight.T + (x @ down.T) @ up.T)


@low_rank.wrong
def divided_by_the_width(x, weight, down, up, alpha):
    """You divide by the layer's width. The rank is the number of rows of down."""
    return x @ weight.T + alpha / down.shape[1] * (x @ down.T) @ up.T


@low_rank.wrong
def divided_by_the_output_width(x, weight, down, up, alpha):
    """You divide by the rows of up, the layer's outputs. The rank is what the two thin
    matrices share: rows of down, columns of up."""
    return x @ weight.T + alpha / len(up) * (x @ down.T) @ up.T


@low_rank.wrong
def divided_by_the_root_of_the_rank(x, weight, down, up, alpha):
    """You divide by the root of the rank. The paper divides by the rank (Hu et al.
    2021, section 4.1); the root is a later proposal (Kalajdzievski 2023)."""
    return x @ weight.T + alpha / len(down) ** 0.5 * (x @ down.T) @ up.T


# --- bug clinic -----------------------------------------------------------------------


def _question_ids(tokenizer, prompt):
    return [tokenizer.end_of_text, *tokenizer.encode(prompt)]


def _question_ids_with_a_space(tokenizer, prompt):
    return [tokenizer.end_of_text, *tokenizer.encode(prompt + " ")]


invisible = Clinic(
    name="applications.invisible",
    complaint="On the test bench the assistant answers most questions. On the web "
    "page, with the same weights and, as far as anybody can see, the same questions, "
    "it answers far fewer.",
    patient=_question_ids_with_a_space,
    healthy=_question_ids,
    suspects={
        "end-of-text is missing at the start": "the first id would not be the "
        "tokenizer's end_of_text.",
        "the story is cut off": "the first ids would differ, and the decoded prompt "
        "would begin in the middle of the story.",
        "a space at the end": "one id more at the very end, and it decodes to a space.",
        "another tokenizer": "most ids would differ, not only their number.",
        "capitals are lost": "the decoded prompt would be written small.",
    },
    fault="a space at the end",
    evidence="The ids are the healthy ones and one more, a space alone. In every "
    "training text the space is part of the next word's token, so after a space alone "
    "the model has never seen an answer begin. Nothing on a screen shows it: strip a "
    "prompt's end before you encode it, and look at ids when a text looks right.",
)

# --- recall ---------------------------------------------------------------------------

QUESTIONS = (
    Question(
        "A prompt that you understand at once gets nonsense from a base model. Why?",
        "A base model continues documents. Unless the prompt looks like the beginning "
        "of one that it knows, the likeliest continuation is no answer.",
        (
            "applications.report_prompt: words that people understand",
            "applications.report_prompt: the question before the story",
        ),
    ),
    Question(
        "Fine-tuning on conversations: which tokens count in the loss?",
        "The assistant's, and the end after each of its turns; never the user's.",
        (
            "applications.chat_targets: the user is learnt too",
            "applications.chat_targets: the end is not learnt",
        ),
    ),
    Question(
        "What is the preference loss before the first step of training, and why?",
        "ln 2: nothing has risen yet, every margin is 0, and sigmoid(0) is one half.",
        ("applications.preference_loss: the model before is forgotten",),
    ),
    Question(
        "Which tells more about a model that answers questions: its loss or exact "
        "match?",
        "It depends on the use: a low loss may still put the wrong name first. Measure "
        "what will be used, and look at which answers are wrong.",
        ("applications.exact_match: right if it is found inside",),
    ),
)
