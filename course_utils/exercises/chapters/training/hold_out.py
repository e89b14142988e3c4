"""What is held out: exercise hold_out and its mistakes."""

import random

from course_utils.exercises.engine.definition import Exercise


def _corpus_cases(rng):
    for n_different, n_copies, n in ((4, 2, 2), (3, 0, 1), (6, 5, 3), (9, 6, 4)):
        pool = [f"{rng.choice('abcdefgh')}{rng.randrange(1000)}" for _ in range(99)]
        different = list(dict.fromkeys(pool))[:n_different]
        corpus = different + rng.choices(different, k=n_copies)
        if n_copies:  # a copy of what is held out, one early and one late
            corpus = [corpus[0], *corpus]
            corpus.append(corpus[0])
            corpus += 2 * [different[-1]]
        yield corpus, n
    yield ["a1", "b2", "a1"], 0


def hold_out(documents, n):
    held_out = list(dict.fromkeys(documents))[:n]
    return [text for text in documents if text not in held_out], held_out


hold_out = Exercise(
    name="training.hold_out",
    task="(list of str documents, int n) -> (training, validation), two lists: "
    "validation holds the first n different documents, each once; training all others "
    "in their order, repeats too, but no copy of a held-out one.",
    reference=hold_out,
    cases=_corpus_cases,
    hints=(
        "The same docstring stands in three files, and you hold one of them out. Is it "
        "then new to the model?",
        "Two lists. list(dict.fromkeys(documents)) keeps each document once, in order.",
        "validation = the first n of the different documents\n"
        "training = all documents that are not in validation",
    ),
    proves="What you validate on, the model has never seen in any copy.",
)


@hold_out.wrong
def copies_stay_in_the_training(documents, n):
    """Copies of held-out documents are still in your training text: the model is
    examined on what it has read."""
    held_out = list(dict.fromkeys(documents))[:n]
    rest = list(documents)
    for text in held_out:
        rest.remove(text)
    return rest, held_out


@hold_out.wrong
def cut_by_place(documents, n):
    """You cut the list after n entries. Copies of one document then stand on both
    sides."""
    return documents[n:], documents[:n]


@hold_out.wrong
def trained_on_everything(documents, n):
    """Your training list is the whole corpus, the held-out documents included. The
    validation loss would measure memory."""
    return list(documents), list(dict.fromkeys(documents))[:n]


@hold_out.wrong
def taken_from_the_end(documents, n):
    """You hold out the last documents. The first n different ones are asked for."""
    held_out = list(dict.fromkeys(documents))[-n:]
    return [text for text in documents if text not in held_out], held_out


@hold_out.wrong
def repeats_lost_from_the_training(documents, n):
    """Repeats are gone from your training list too. That can be a good idea, but then
    it is another corpus: here only what is held out goes."""
    different = list(dict.fromkeys(documents))
    return different[n:], different[:n]


@hold_out.wrong
def the_two_lists_swapped(documents, n):
    """You give (validation, training): first what is trained on."""
    return hold_out.reference(documents, n)[::-1]


@hold_out.wrong
def first_n_entries_each_once(documents, n):
    """You look for different documents among the first n entries only: with a repeat
    there, you hold out fewer than n."""
    held_out = list(dict.fromkeys(documents[:n]))
    return [text for text in documents if text not in held_out], held_out


@hold_out.wrong
def copies_in_the_validation(documents, n):
    """Your validation list holds every copy. Each document once, or those that repeat
    weigh more."""
    held_out = set(list(dict.fromkeys(documents))[:n])
    return (
        [text for text in documents if text not in held_out],
        [text for text in documents if text in held_out],
    )


@hold_out.wrong
def the_last_different_ones(documents, n):
    """You hold out the last n different documents. The first n are asked for."""
    held = list(dict.fromkeys(reversed(documents)))[:n]
    return [d for d in documents if d not in held], held


@hold_out.wrong
def the_first_in_the_alphabet(documents, n):
    """You sort before you choose. The first n different documents in their own order
    are asked for."""
    held = sorted(set(documents))[:n]
    return [d for d in documents if d not in held], held


@hold_out.wrong
def drawn_at_random(documents, n):
    """You draw the documents at random. The first n different ones are asked for: who
    runs it again must get the same."""
    held = random.sample(sorted(set(documents)), n)
    return [d for d in documents if d not in held], held
