"""What a conversation teaches: exercise chat_targets and its mistakes."""

from course_utils.exercises.engine.definition import Exercise


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
    yield [("user", [4, 2]), ("assistant", [3, 1])], 0  # the end may be any id


def chat_targets(turns, end):
    ids, learnt = [], []
    for role, tokens in turns:
        ids += [*tokens, end]
        learnt += [role == "assistant"] * (len(tokens) + 1)
    pairs = zip(ids[1:], learnt[1:], strict=True)
    return ids[:-1], [token if counts else -100 for token, counts in pairs]


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
    labels are (page 09); here you shift: n - 1 inputs, and for each the next token."""
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


@chat_targets.wrong
def no_end_after_the_users_turn(turns, end):
    """end is missing after the user's turns. It follows each turn: it tells the model
    that it is the assistant's turn now."""
    ids, learnt = [], []
    for role, tokens in turns:
        own = [*tokens, end] if role == "assistant" else [*tokens]
        ids += own
        learnt += [role == "assistant"] * len(own)
    return ids[:-1], _masked(ids[1:], learnt[1:])


@chat_targets.wrong
def the_last_input_has_no_target(turns, end):
    """Your rows hold all ids, and the last one's target is -100. What follows it is not
    known, so it asks for nothing: leave the last id out of the inputs."""
    ids, learnt = _row(turns, end)
    return ids, [*_masked(ids, learnt)[1:], -100]


@chat_targets.wrong
def the_end_in_place_of_minus_100(turns, end):
    """You put the end where -100 belongs. The end is a token: the model would learn to
    stop after each of the user's tokens."""
    inputs, targets = chat_targets.reference(turns, end)
    return inputs, [end if target == -100 else target for target in targets]
