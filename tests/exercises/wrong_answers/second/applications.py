"""A second set of wrong answers: applications."""

from ..collection import to_second as to


@to("applications.exact_match", "a number in place of a share")
def _(right, given):
    """Counts and does not divide."""
    return float(sum(r == g for r, g in zip(right, given)))


@to("applications.exact_match", "spaces and capitals forgiven")
def _(right, given):
    """Forgives capitals and outer spaces."""
    hits = 0
    for r, g in zip(right, given):
        if r.strip().lower() == g.strip().lower():
            hits += 1
    return hits / len(right)


@to("applications.exact_match", "right for another task")
def _(right, given):
    """An answer that occurs anywhere in the right ones counts."""
    return sum(g in right for g in given) / len(given)


@to(
    "applications.report_prompt",
    "as one asks a person",
    "question and answer as labels",
)
def _(story, question):
    """Asks as one would ask a person."""
    return f"{story}\nQuestion: {question}\nAnswer:"


@to("applications.report_prompt", "the opening left out")
def _(story, question):
    """Leaves out 'Listen.' at the beginning."""
    return story + " In short: " + question


@to("applications.report_prompt", "a space at the end")
def _(story, question):
    """A space at the end, which belongs to the answer's first token."""
    return "Listen. " + story + " In short: " + question + " "


@to("applications.chat_targets", "the end is not learnt")
def _(turns, end):
    """The assistant's end is not learnt."""
    row, own = [], []
    for role, ids in turns:
        row += ids + [end]
        own += [role == "assistant"] * len(ids) + [False]
    targets = [t if o else -100 for t, o in zip(row[1:], own[1:])]
    return row[:-1], targets


@to("applications.chat_targets", "masked by the input")
def _(turns, end):
    """Masks by the input's turn, not the target's: off by one."""
    row, own = [], []
    for role, ids in turns:
        row.extend([*ids, end])
        own.extend([role == "assistant"] * (len(ids) + 1))
    targets = []
    for t in range(len(row) - 1):
        targets.append(row[t + 1] if own[t] else -100)
    return row[:-1], targets


@to("applications.chat_targets", "the user is learnt too")
def _(turns, end):
    """Learns everything, the user's turns too."""
    row = []
    for role, ids in turns:
        row = row + list(ids) + [end]
    return row[:-1], row[1:]


@to("applications.low_rank", "alpha not divided by the rank")
def _(x, weight, down, up, alpha):
    """No alpha / rank, only alpha."""
    return x @ weight.T + alpha * (x @ down.T @ up.T)


@to("applications.low_rank", "divided by the width")
def _(x, weight, down, up, alpha):
    """Rank taken from the wrong side of down."""
    rank = down.shape[1]
    return x @ weight.T + (alpha / rank) * (x @ down.T) @ up.T


@to("applications.low_rank", "the layer scaled too")
def _(x, weight, down, up, alpha):
    """Scales the frozen layer too."""
    rank = down.shape[0]
    merged = weight + up @ down
    return alpha / rank * (x @ merged.T)
