"""Wrong answers to the exercises on applications."""

from .collection import to


@to("applications.report_prompt", "a space at the end")
def _(story, question):
    """A space at the end: it belongs to the answer."""
    return f"Listen. {story} In short: {question} "


@to("applications.report_prompt", "a new line between")
def _(story, question):
    """Line breaks in the place of spaces."""
    return f"Listen. {story}\nIn short: {question}"


@to("applications.report_prompt", "the opening left out")
def _(story, question):
    """Without "Listen."."""
    return f"{story} In short: {question}"


@to("applications.report_prompt", "the turn to the facts left out")
def _(story, question):
    """Without "In short:"."""
    return f"Listen. {story} {question}"


@to("applications.report_prompt", "question and answer as labels")
def _(story, question):
    """Question: and Answer:, as in many prompts."""
    return f"Listen. {story}\nQuestion: {question}\nAnswer:"


@to("applications.report_prompt", "story and question exchanged")
def _(story, question):
    """The question first."""
    return f"Listen. {question} In short: {story}"


@to("applications.report_prompt", "no space between")
def _(story, question):
    """No space between the parts."""
    return "Listen." + story + "In short:" + question


@to("applications.exact_match", "spaces and capitals forgiven")
def _(right, given):
    """Without regard to case and spaces."""
    same = [
        a.strip().lower() == b.strip().lower()
        for a, b in zip(right, given, strict=True)
    ]
    return sum(same) / len(same)


@to("applications.exact_match", "a number in place of a share")
def _(right, given):
    """The number, not the share."""
    return sum(a == b for a, b in zip(right, given, strict=True))


@to("applications.exact_match", "right if it is found inside")
def _(right, given):
    """The given one begins with the right one."""
    same = [b.startswith(a) for a, b in zip(right, given, strict=True)]
    return sum(same) / len(same)


@to("applications.exact_match", "right if it is found inside")
def _(right, given):
    """The right one stands anywhere in the given one."""
    return sum(a in b for a, b in zip(right, given, strict=True)) / len(right)


@to("applications.exact_match", "right for another task")
def _(right, given):
    """Any right answer will do."""
    return sum(b in right for b in given) / len(given)


@to("applications.exact_match", "a percentage")
def _(right, given):
    """Per cent."""
    same = sum(a == b for a, b in zip(right, given, strict=True))
    return 100 * same / len(right)


@to("applications.exact_match", "letters compared place by place")
def _(right, given):
    """The share of letters that agree."""
    same = [
        a == b
        for x, y in zip(right, given, strict=False)
        for a, b in zip(x, y, strict=False)
    ]
    return sum(same) / len(same)


@to("applications.exact_match", "all or nothing")
def _(right, given):
    """1.0 only when all are right."""
    return float(right == given)


def _row(turns, end):
    ids, counts = [], []
    for role, tokens in turns:
        ids += [*tokens, end]
        counts += [role == "assistant"] * (len(tokens) + 1)
    return ids, counts


@to("applications.chat_targets", "the user is learnt too")
def _(turns, end):
    """Everything counts."""
    ids, _ = _row(turns, end)
    return ids[:-1], ids[1:]


@to("applications.chat_targets", "the roles are swapped")
def _(turns, end):
    """The user's turns count."""
    ids, counts = _row(turns, end)
    targets = [-100 if c else t for t, c in zip(ids, counts, strict=True)]
    return ids[:-1], targets[1:]


@to("applications.chat_targets", "the end is not learnt")
def _(turns, end):
    """The assistant's end does not count."""
    ids, counts = _row(turns, end)
    targets = [t if c and t != end else -100 for t, c in zip(ids, counts, strict=True)]
    return ids[:-1], targets[1:]


@to("applications.chat_targets", "targets not shifted")
def _(turns, end):
    """Not shifted."""
    ids, counts = _row(turns, end)
    targets = [t if c else -100 for t, c in zip(ids, counts, strict=True)]
    return ids[:-1], targets[:-1]


@to("applications.chat_targets", "masked by the input")
def _(turns, end):
    """Masked by the input's role, not the target's."""
    ids, counts = _row(turns, end)
    targets = [t if c else -100 for t, c in zip(ids[1:], counts[:-1], strict=True)]
    return ids[:-1], targets


@to("applications.chat_targets", "no end after the users turn")
def _(turns, end):
    """No end after a user's turn."""
    ids, targets = [], []
    for role, tokens in turns:
        own = [*tokens, end] if role == "assistant" else list(tokens)
        ids += own
        targets += own if role == "assistant" else [-100] * len(own)
    return ids[:-1], targets[1:]


@to("applications.chat_targets", "only the last answer is learnt")
def _(turns, end):
    """The last turn alone counts."""
    ids, targets = [], []
    for i, (_, tokens) in enumerate(turns):
        own = [*tokens, end]
        ids += own
        targets += own if i == len(turns) - 1 else [-100] * len(own)
    return ids[:-1], targets[1:]


@to("applications.chat_targets", "the last input has no target")
def _(turns, end):
    """Neither is cut: as long as all ids, the last target is -100."""
    ids, counts = _row(turns, end)
    targets = [t if c else -100 for t, c in zip(ids, counts, strict=True)]
    return ids, [*targets[1:], -100]


@to("applications.low_rank", "alpha not divided by the rank")
def _(x, weight, down, up, alpha):
    """Times alpha, not alpha / rank."""
    return x @ weight.T + alpha * (x @ down.T @ up.T)


@to("applications.low_rank", "the frozen layer left out")
def _(x, weight, down, up, alpha):
    """The layer itself is forgotten."""
    return alpha / len(down) * (x @ down.T @ up.T)


@to("applications.low_rank", "the change not scaled")
def _(x, weight, down, up, alpha):
    """Not scaled."""
    return x @ weight.T + x @ down.T @ up.T


@to("applications.low_rank", "the scale upside down")
def _(x, weight, down, up, alpha):
    """Times rank / alpha."""
    return x @ weight.T + len(down) / alpha * (x @ down.T @ up.T)


@to("applications.low_rank", "the change left out")
def _(x, weight, down, up, alpha):
    """The layer alone."""
    return x @ weight.T


@to("applications.low_rank", "divided by the width")
def _(x, weight, down, up, alpha):
    """The rank is read from the wrong side: the width of x."""
    return x @ weight.T + alpha / down.shape[1] * (x @ down.T @ up.T)


@to("applications.low_rank")
def _(x, weight, down, up, alpha):
    """weight not transposed: shapes do not fit."""
    return x @ weight + alpha / len(down) * (x @ down.T @ up.T)


@to("applications.low_rank", "the layer scaled too")
def _(x, weight, down, up, alpha):
    """The scale is put on the whole."""
    return alpha / len(down) * (x @ weight.T + x @ down.T @ up.T)
