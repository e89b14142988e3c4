"""Special tokens: exercise encode_special and its mistakes."""

import regex

from course_utils.exercises.engine.definition import Exercise

END = "<|endoftext|>"


SPECIAL = {END: 256, "<|user|>": 257, "<|user|>!": 258}


def _special_cases(rng):
    word = "".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=4))
    yield word, SPECIAL, {END}
    yield f"{word}{END}a", SPECIAL, {END}
    yield f"{word}{END}a", SPECIAL, set()
    yield f"{END}{END} end of text | {word}", SPECIAL, {END}
    yield f"<|user|>{word}{END}", SPECIAL, {END}
    yield f"<|user|>{word}{END}", SPECIAL, {END, "<|user|>"}
    yield f"é <|user|>! {word}", SPECIAL, set(SPECIAL)
    yield "", SPECIAL, {END}
    # One that is not allowed begins with one that is.
    yield f"{word}{END}!a", {END: 500, f"{END}!": 501}, {END}
    # A set has no order to rely on: with this many pairs of names, one of which begins
    # with the other, whoever does not sort them is found out.
    for n in range(8):
        short = "<|" + "".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=5)) + "|>"
        names = {short: 1000 + n, f"{short}!": 2000 + n}
        yield f"{word}{short}! {short}{word}", names, set(names)


def encode_special(text, special, allowed):
    names = sorted(allowed, key=len, reverse=True)
    if not names:
        return list(text.encode("utf-8"))
    ids = []
    for piece in regex.split("(" + "|".join(map(regex.escape, names)) + ")", text):
        if piece in allowed:
            ids.append(special[piece])
        else:
            ids += piece.encode("utf-8")
    return ids


def _by_names(text, special, names):
    """Encode, recognising the special tokens of these names, tried in this order."""
    if not names:
        return list(text.encode("utf-8"))
    ids = []
    for piece in regex.split("(" + "|".join(map(regex.escape, names)) + ")", text):
        ids += [special[piece]] if piece in names else piece.encode("utf-8")
    return ids


encode_special = Exercise(
    name="tokenization.encode_special",
    task="(str, dict special token -> id, set of those allowed) -> list of ids. An "
    "allowed special token gives its id (the longest that fits); all other text gives "
    "its UTF-8 bytes, special tokens that are not allowed too.",
    reference=encode_special,
    cases=_special_cases,
    hints=(
        "A user types <|endoftext|> into a chat. Should that end the conversation?",
        "With nothing allowed the result is the list of the text's bytes, whatever the "
        "text says.",
        "split the text at the allowed names, the longest first, and keep them:\n"
        "  regex.split('(' + '|'.join(regex.escape(name) ...) + ')', text)\n"
        "for each piece: its id if it is an allowed name, else its bytes",
    ),
    proves="Nobody can smuggle a control token in through text.",
)


@encode_special.wrong
def special_tokens_always_recognised(text, special, allowed):
    """Whoever writes <|endoftext|> into a text gets the control token, allowed or not:
    so a prompt can pretend to be the end of a document. Only allowed ones count."""
    return _by_names(text, special, sorted(special, key=len, reverse=True))


@encode_special.wrong
def special_tokens_never_recognised(text, special, allowed):
    """Allowed special tokens must give their one id. Yours are spelt out in bytes, so
    the model never sees the end of a document. (If you look for them with a pattern:
    | means "or" there; regex.escape makes it an ordinary character.)"""
    return list(text.encode("utf-8"))


@encode_special.wrong
def one_allowed_means_all_allowed(text, special, allowed):
    """As soon as one special token is allowed you recognise them all. Look for the
    names in ``allowed`` only."""
    names = sorted(special, key=len, reverse=True) if allowed else []
    return _by_names(text, special, names)


@encode_special.wrong
def shortest_name_first(text, special, allowed):
    """<|user|>! begins with <|user|>, and the shorter one is taken. Among the names
    that fit, the longest counts: put it first."""
    return _by_names(text, special, sorted(allowed, key=len))


@encode_special.wrong
def forbidden_tokens_removed(text, special, allowed):
    """You cut special tokens that are not allowed out of the text. They are ordinary
    text then: encode their bytes, so that nothing is lost."""
    for name in sorted(special, key=len, reverse=True):
        if name not in allowed:
            text = text.replace(name, "")
    return _by_names(text, special, sorted(allowed, key=len, reverse=True))


@encode_special.wrong
def characters_in_place_of_bytes(text, special, allowed):
    """Special tokens are right; the other text became the numbers of its characters. é
    is two bytes in UTF-8."""
    ids, i = [], 0
    names = sorted(allowed, key=len, reverse=True)
    while i < len(text):
        name = next((name for name in names if text.startswith(name, i)), "")
        ids.append(special[name] if name else ord(text[i]))
        i += len(name) or 1
    return ids


@encode_special.wrong
def only_the_first_one_recognised(text, special, allowed):
    """You find one special token; those that come after it stay text. Go on with the
    rest of the text."""
    for name in sorted(allowed, key=len, reverse=True):
        before, found, after = text.partition(name)
        if found:
            return [*before.encode("utf-8"), special[name], *after.encode("utf-8")]
    return list(text.encode("utf-8"))


@encode_special.wrong
def the_longest_of_all_hides_an_allowed_one(text, special, allowed):
    """You take the longest special token that fits and then ask whether it is allowed.
    If it is not, a shorter one may be: look among the allowed ones only."""
    ids, i = [], 0
    names = sorted(special, key=len, reverse=True)
    while i < len(text):
        name = next((name for name in names if text.startswith(name, i)), "")
        found = name in allowed
        ids += [special[name]] if found else text[i].encode("utf-8")
        i += len(name) if found else 1
    return ids
