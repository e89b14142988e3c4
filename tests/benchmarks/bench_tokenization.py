"""How fast is the course's tokenizer beside Hugging Face's, which is written in Rust?

    python tests/benchmarks/bench_tokenization.py --data FILE --gpt2 FOLDER

FILE is any UTF-8 text of a megabyte or more (default: COURSE_TEST_TEXT), FOLDER holds
GPT-2's vocab.json and merges.txt (default: COURSE_TEST_GPT2). Both sides do the same
work in turn, results are checked to be equal, and ratios are of medians in one run,
with the lowest and the highest, of the time that passes and of the processor's.
Measured: training and cold encoding on the text; encoding of a megabyte that is hard,
one word without a border or words that never repeat, against the ``tokenizers``
library itself; how the cost of encoding grows with the text. On one hard text our
training is timed alone, as theirs takes minutes.

Why Python keeps up: words repeat, so most are one look-up in a dictionary, without a
line of Python for each (``WordCache``); text of ASCII is cut by ``re``; training takes
all places of a pair at once in numpy, and encoding all new words and a whole stretch of
merges (``fast_tokenization``).
"""

import argparse
import gc
import math
import os
import random
import statistics
import time
from pathlib import Path

from tokenizers import ByteLevelBPETokenizer, models, pre_tokenizers, trainers
from tokenizers import Tokenizer as RustTokenizer
from tqdm import tqdm
from transformers import GPT2Tokenizer

from course_utils.tokenization import END_OF_TEXT, Tokenizer

VOCAB_SIZE = 1024
MEGABYTE = 1_000_000
# Goals: our time over theirs in training, their time over ours in encoding.
GOALS = {"train": "at most 0.4", "encode": "at least 5"}
SIZES = (1, 4, 16, 64)  # times a 64th of the text


def one_word(letters: str) -> str:
    """Return a megabyte of these letters, in which the pattern finds no border."""
    n = MEGABYTE * len(letters) // len(letters.encode())
    return "".join(random.Random(0).choices(letters, k=n))


def never_again(letters: str, length: int) -> str:
    """Return a megabyte of words of so many letters, none of which comes again."""
    word = one_word(letters)
    return " ".join(word[i : i + length] for i in range(0, len(word), length))


HAN = "".join(map(chr, range(0x4E00, 0x9FA5)))
HARD = {
    "one letter": one_word("a"),
    "letters": one_word("etaoinshrdlu"),
    "digits": one_word("0123456789"),
    "Chinese": one_word(HAN),
    "emoji": one_word("😀🎈🦊🌍"),
    "words of 10": never_again("etaoinshrdlu", 10),
    "words of 100": never_again("etaoinshrdlu", 100),
    "words of 2,000": never_again("etaoinshrdlu", 2_000),
    "Chinese clauses": never_again(HAN, 12),
}


def train_ours(text):
    return Tokenizer.train(text, VOCAB_SIZE)


def train_theirs(text):
    tokenizer = RustTokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=VOCAB_SIZE,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=[END_OF_TEXT],
        show_progress=False,
    )
    tokenizer.train_from_iterator([text], trainer)
    return tokenizer


def seconds(function, *arguments):
    gc.collect()
    start = time.perf_counter(), time.process_time()
    result = function(*arguments)
    passed = time.perf_counter() - start[0], time.process_time() - start[1]
    return passed, result


def compare_training(text):
    """Return our time and theirs; both must have learnt the same."""
    ours, tokenizer = seconds(train_ours, text)
    theirs, other = seconds(train_theirs, text)
    assert tokenizer.vocab_size == other.get_vocab_size()
    # Their special token comes first, so all other ids are one higher.
    part = text[:MEGABYTE]
    assert [i + 1 for i in tokenizer.encode(part)] == other.encode(part).ids
    return ours, theirs


def compare_encoding(text, gpt2, theirs=GPT2Tokenizer):
    """Return our time and theirs, both with an empty cache; the ids must be equal."""
    tokenizer = Tokenizer.from_pretrained(gpt2)
    other = theirs(str(gpt2 / "vocab.json"), str(gpt2 / "merges.txt"))
    ours, ids = seconds(tokenizer.encode, text)
    their_time, their_ids = seconds(other.encode, text)
    assert ids == getattr(their_ids, "ids", their_ids)
    return ours, their_time


def exponent(text, gpt2, repeats):
    """Return k where the time of cold encoding grows as (length of the text)^k."""
    times = []
    for n in SIZES:
        part = text[: len(text) * n // SIZES[-1]]
        tokenizers = [Tokenizer.from_pretrained(gpt2) for _ in range(repeats)]
        times.append(min(seconds(t.encode, part)[0][1] for t in tokenizers))
    x, y = ([math.log(value) for value in row] for row in (SIZES, times))
    return statistics.linear_regression(x, y).slope


def tell(what, name, pairs):
    """Print medians and the ratio of time that passes, and of processor time."""
    line = f"{what:6}  {name:16}"
    for kind, label in enumerate(("passed", "processor")):
        both = [(ours[kind], theirs[kind]) for ours, theirs in pairs]
        ours, theirs = map(statistics.median, zip(*both, strict=True))
        ratios = [a / b if what == "train" else b / a for a, b in both]
        ratio = ours / theirs if what == "train" else theirs / ours
        line += (
            f"  {label}: ours {ours:5.2f} s theirs {theirs:5.2f} s ratio {ratio:5.2f} "
            f"[{min(ratios):.2f} to {max(ratios):.2f}]"
        )
    print(line + (f" (goal: {GOALS[what]})" if name == "text" else ""))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--data", default=os.environ.get("COURSE_TEST_TEXT"))
    parser.add_argument("--gpt2", default=os.environ.get("COURSE_TEST_GPT2"))
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    if not options.data or not options.gpt2:
        parser.error("--data and --gpt2 (or the two variables) must be given")
    gpt2 = Path(options.gpt2)
    text = Path(options.data).read_bytes()[:MEGABYTE].decode("utf-8", errors="ignore")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else "?"
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    print(f"{len(text.encode()):,} bytes; {options.repeats} repeats, in turn; medians")
    print(f"{cores} cores, load {load:.1f}; train: ratio of times, encode: of speeds")

    works = {
        ("train", "text"): lambda: compare_training(text),
        ("encode", "text"): lambda: compare_encoding(text, gpt2),
    }
    for name, hard in HARD.items():
        works["encode", name] = lambda hard=hard: compare_encoding(
            hard, gpt2, ByteLevelBPETokenizer
        )

    times = {work: [] for work in works}
    for _ in tqdm(range(options.repeats), desc="repeats", leave=False):
        for work, run in works.items():
            times[work].append(run())
    for (what, name), pairs in times.items():
        tell(what, name, pairs)
    (alone, _), _ = seconds(train_ours, HARD["digits"])
    print(f"train   digits            ours {alone:5.2f} s")
    for name, whole in {"text": text, "digits": HARD["digits"]}.items():
        k = exponent(whole, gpt2, options.repeats)
        print(f"encode  {name:16}  grows with the length to the power {k:.2f}")


if __name__ == "__main__":
    main()
