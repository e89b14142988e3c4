"""Counterfactual texts: exercise swap and its mistakes."""

import re

from course_utils.exercises.engine.definition import Exercise

_PEOPLE = (("Mia", "Max"), ("Anna", "Tom"), ("Ruth", "Hugo"), ("Nora", "Paul"))


_TEXTS = (
    "{she} gave the ball to {him}, so he thanked her.",
    "Her brother {him} lost his key, but she found it there.",
    "{him} met {she} in the theatre. She told him where her ball was.",
    "He is here with her brother. His sister {she} likes him and herbs.",
    "There {him} saw her, then she saw him. Her key is his now.",
    "{him} and her sister {she} found her  key.",  # two spaces are a gap too
)


_NOUNS = ("ball", "key", "brother", "sister")


def _swap_cases(rng):
    relations = [("she", "he"), ("sister", "brother")]
    for text in _TEXTS:
        she, him = rng.choice(_PEOPLE)
        filled = text.format(she=she, him=him)
        yield filled, [*relations, (she, him)], list(_NOUNS)
    both = rng.sample(_PEOPLE, 2)
    names = [
        text.format(she=a, him=b) for text, (a, b) in zip(_TEXTS, both, strict=False)
    ]
    yield " ".join(names), [*relations, *both], list(_NOUNS)


def swap(text, pairs, nouns):
    table = {"his": "her", "him": "her"}
    for woman, man in pairs:
        table |= {woman: man, man: woman}
    pieces = re.findall(r"\w+|\W+", text)  # words, and what is between them
    swapped = []
    for i, word in enumerate(pieces):
        new = table.get(word) or table.get(word.lower())
        if word.lower() == "her":
            new = "his" if pieces[i + 2 : i + 3] and pieces[i + 2] in nouns else "him"
        if new and word[0].isupper():
            new = new[0].upper() + new[1:]
        swapped.append(new or word)
    return "".join(swapped)


def _swapped(text, table, her=None, capitals=True, lower=True):
    """Swap in one of the wrong ways that the misconceptions below name."""
    pieces = re.findall(r"\w+|\W+", text)
    result = []
    for i, word in enumerate(pieces):
        new = table.get(word) or (table.get(word.lower()) if lower else None)
        is_her = word == "her" or (lower and word == "Her")
        if is_her and her:
            new = her(pieces[i + 2] if i + 2 < len(pieces) else "")
        if new and capitals and word[0].isupper():
            new = new[0].upper() + new[1:]
        result.append(new or word)
    return "".join(result)


def _both_ways(pairs):
    table = {"his": "her", "him": "her"}
    for woman, man in pairs:
        table |= {woman: man, man: woman}
    return table


def _his_or_him(nouns):
    return lambda word: "his" if word in nouns else "him"


swap = Exercise(
    name="bias.swap",
    task="(str text, list pairs, list nouns) -> str: women and men swapped. pairs "
    "holds whole words such as (she, he), (Mia, Max), exchanged both ways; his and him "
    'become "her", and her becomes "his" before one of the nouns, else "him". A word '
    "with a capital becomes one with a capital.",
    reference=swap,
    cases=_swap_cases,
    hints=(
        "Replace she by he everywhere, then he by she. How many men are left?",
        r'Words and gaps: re.findall(r"\w+|\W+", text). One look-up for each word.',
        "table = both directions of every pair, his -> her, him -> her\n"
        "for each word, once: look it up, or its lower-case form\n"
        "    her: look whether the next word is one of the nouns\n"
        "    give the new word a capital if the old one had one\n"
        "join words and gaps again",
    ),
    proves="For each text its mirror image: what was said of her is said of him too.",
)


@swap.wrong
def one_replacement_after_the_other(text, pairs, nouns):
    """All are women in the end: she becomes he, then that he becomes she again. Decide
    for each word once, from the text as it was."""
    her = _his_or_him(nouns)
    text = _swapped(text, dict(pairs), her)
    return _swapped(text, {m: w for w, m in pairs} | {"his": "her", "him": "her"})


@swap.wrong
def letters_inside_words_replaced(text, pairs, nouns):
    r"""You replace letters inside other words: "the" holds a "he", "there" a "her".
    Compare whole words, for instance those of re.findall(r"\w+|\W+", text)."""
    table, her = _both_ways(pairs), _his_or_him(nouns)

    def new(match):
        old = match[0]
        rest = re.match(r" (\w+)", text[match.end() :])
        found = table.get(old) or table.get(old.lower())
        if old.lower() == "her":
            found = her(rest[1] if rest else "")
        return found[0].upper() + found[1:] if old[0].isupper() else found

    known = sorted({*table, "her"}, key=len, reverse=True)
    return re.sub("|".join(known), new, text, flags=re.IGNORECASE)


@swap.wrong
def her_is_always_his(text, pairs, nouns):
    """You make "his" of every "her". He thanked *her* becomes: she thanked *him*. Only
    before a noun it is "his"."""
    return _swapped(text, _both_ways(pairs), lambda word: "his")


@swap.wrong
def her_is_always_him(text, pairs, nouns):
    """You make "him" of every "her". *Her* brother becomes *his* sister: before a noun
    it is "his"."""
    return _swapped(text, _both_ways(pairs), lambda word: "him")


@swap.wrong
def capitals_are_lost(text, pairs, nouns):
    """You write "his" where "Her" began a sentence. Give the new word a capital if the
    old one had one."""
    return _swapped(text, _both_ways(pairs), _his_or_him(nouns), capitals=False)


@swap.wrong
def words_with_a_capital_are_missed(text, pairs, nouns):
    """You leave "She" and "Her" at the head of a sentence as they are: look the word up
    in lower case too."""
    return _swapped(text, _both_ways(pairs), _his_or_him(nouns), lower=False)


@swap.wrong
def the_names_stay(text, pairs, nouns):
    """You swap pronouns and leave the names. "Mia lost his key" says nothing new of
    Mia, who is still a woman to the model: the names belong to it."""
    words = [pair for pair in pairs if pair[0].islower()]
    return _swapped(text, _both_ways(words), _his_or_him(nouns))


@swap.wrong
def the_pronouns_stay(text, pairs, nouns):
    """You swap what is in the pairs and forget her, his and him."""
    table = {a: b for pair in pairs for a, b in (pair, pair[::-1])}
    return _swapped(text, table)


@swap.wrong
def only_women_become_men(text, pairs, nouns):
    """You swap one way: women become men, and the men stay. Each pair goes both ways,
    else the new texts know no women at all."""
    return _swapped(text, dict(pairs), _his_or_him(nouns))


@swap.wrong
def everything_in_small_letters(text, pairs, nouns):
    """All you put in is small, names too: "paul". A word with a capital becomes one
    with a capital."""
    table = {a.lower(): b.lower() for a, b in _both_ways(pairs).items()}
    return _swapped(text, table, _his_or_him(nouns), capitals=False)


@swap.wrong
def only_the_pairs_and_inside_words(text, pairs, nouns):
    r"""You replace what is in the pairs wherever the letters stand: "the" holds a "he".
    Compare whole words, for instance those of re.findall(r"\w+|\W+", text), whatever
    their capitals, and do not forget her, his and him."""
    table = {a: b for pair in pairs for a, b in (pair, pair[::-1])}
    return re.sub("|".join(map(re.escape, table)), lambda m: table[m[0]], text)


@swap.wrong
def words_beside_punctuation_are_missed(text, pairs, nouns):
    r"""You cut at spaces alone: "Paul," and "her." are no words of the table, so they
    stay. Take the punctuation off first: re.findall(r"\w+|\W+", text)."""
    table, her = _both_ways(pairs), _his_or_him(nouns)
    words = text.split(" ")
    result = []
    for word, following in zip(words, [*words[1:], ""], strict=True):
        new = table.get(word) or table.get(word.lower())
        new = her(following) if word.lower() == "her" else new
        capital = new and word[0].isupper()
        result.append(new[0].upper() + new[1:] if capital else new or word)
    return " ".join(result)


@swap.wrong
def each_pair_there_and_back(text, pairs, nouns):
    """You replace she by he and then every he by she: what was changed is changed back,
    and all are women. Decide for each word once, from the text as it was; his, him and
    her are missing too."""
    for woman, man in pairs:
        text = re.sub(rf"\b{woman}\b", man, text)
        text = re.sub(rf"\b{man}\b", woman, text)
    return text


@swap.wrong
def each_pair_there_and_back_inside_words(text, pairs, nouns):
    """You replace she by he and then every he by she: what was changed is changed back,
    inside of other words too: "the" holds a "he". Decide for each whole word once, from
    the text as it was; his, him and her are missing too."""
    for woman, man in pairs:
        text = text.replace(woman, man).replace(man, woman)
    return text
