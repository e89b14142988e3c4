"""How fast is the course's tokenizer beside Hugging Face's, which is written in Rust?

    python tests/benchmarks/bench_tokenization.py --data FILE --gpt2 FOLDER

FILE is any UTF-8 text of a megabyte or more (default: COURSE_TEST_TEXT), FOLDER holds
GPT-2's vocab.json and merges.txt (default: COURSE_TEST_GPT2). Both sides do the same
work in turn, results are checked to be equal, and ratios are of medians in one run,
with the lowest and the highest. Measured: training and cold encoding on the text, and
encoding of texts without a border, which are one word of a megabyte; on one of those
our training is timed alone, as theirs takes minutes.

Why Python keeps up: words repeat, so most are one look-up in a dictionary, without a
line of Python for each (``WordCache``); text of ASCII is cut by ``re``; training and
very long words take all places of a pair at once in numpy (``fast_tokenization``).
"""

import argparse
import gc
import os
import random
import statistics
import time
from pathlib import Path

from tokenizers import Tokenizer as RustTokenizer
from tokenizers import models, pre_tokenizers, trainers
from tqdm import tqdm
from transformers import GPT2Tokenizer

from course_utils.tokenization import END_OF_TEXT, Tokenizer

VOCAB_SIZE = 1024
MEGABYTE = 1_000_000
# Goals: our time over theirs in training, their time over ours in encoding.
GOALS = {"train": "at most 0.4", "encode": "at least 5"}


def one_word(letters: str) -> str:
    """Return a megabyte of these letters, in which the pattern finds no border."""
    n = MEGABYTE * len(letters) // len(letters.encode())
    return "".join(random.Random(0).choices(letters, k=n))


WORDS = {
    "one letter": one_word("a"),
    "letters": one_word("etaoinshrdlu"),
    "digits": one_word("0123456789"),
    "Chinese": one_word("".join(map(chr, range(0x4E00, 0x9FA5)))),
    "emoji": one_word("😀🎈🦊🌍"),
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
    start = time.perf_counter()
    result = function(*arguments)
    return time.perf_counter() - start, result


def compare_training(text):
    """Return our time and theirs; both must have learnt the same."""
    ours, tokenizer = seconds(train_ours, text)
    theirs, other = seconds(train_theirs, text)
    assert tokenizer.vocab_size == other.get_vocab_size()
    # Their special token comes first, so all other ids are one higher.
    part = text[:MEGABYTE]
    assert [i + 1 for i in tokenizer.encode(part)] == other.encode(part).ids
    return ours, theirs


def compare_encoding(text, gpt2):
    """Return our time and theirs, both with an empty cache; the ids must be equal."""
    tokenizer = Tokenizer.from_pretrained(gpt2)
    other = GPT2Tokenizer(str(gpt2 / "vocab.json"), str(gpt2 / "merges.txt"))
    ours, ids = seconds(tokenizer.encode, text)
    theirs, their_ids = seconds(other.encode, text)
    assert ids == their_ids
    return ours, theirs


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
    print(f"{cores} cores, load {load:.1f}")

    works = {
        ("train", "text"): lambda: compare_training(text),
        ("encode", "text"): lambda: compare_encoding(text, gpt2),
    }
    for name, word in WORDS.items():
        works["encode", f"one word: {name}"] = lambda word=word: compare_encoding(
            word, gpt2
        )

    times = {work: [] for work in works}
    for _ in tqdm(range(options.repeats), desc="repeats", leave=False):
        for work, run in works.items():
            times[work].append(run())
    alone, _ = seconds(train_ours, WORDS["digits"])
    print(f"train   one word: digits      ours {alone:5.2f} s")
    for (what, name), pairs in times.items():
        ours, theirs = (
            statistics.median(column) for column in zip(*pairs, strict=True)
        )
        ratios = [a / b if what == "train" else b / a for a, b in pairs]
        ratio = ours / theirs if what == "train" else theirs / ours
        goal = f" (goal: {GOALS[what]})" if name == "text" else ""
        print(
            f"{what:6}  {name:20}  ours {ours:5.2f} s  theirs {theirs:5.2f} s  "
            f"{'time' if what == 'train' else 'speed'} ratio {ratio:.2f} "
            f"[{min(ratios):.2f} to {max(ratios):.2f}]{goal}"
        )


if __name__ == "__main__":
    main()
