"""How fast is the course's tokenizer beside Hugging Face's, which is written in Rust?

    python tests/benchmarks/bench_tokenization.py --data FILE --gpt2 FOLDER

FILE is any UTF-8 text of a megabyte or more (default: COURSE_TEST_TEXT), FOLDER holds
GPT-2's vocab.json and merges.txt (default: COURSE_TEST_GPT2). Both sides do the same
work in turn, results are checked to be equal, and ratios are of medians in one run.
Why pure Python keeps up:
- training: each distinct word is kept once with its count; a merge recounts only the
  words that hold the pair, and a queue finds the next pair (``learn_merges``);
- encoding: words repeat, so most are one look-up in a dictionary, without a line of
  Python for each (``WordCache``); new words are merged by a queue (``encode_word``).
"""

import argparse
import gc
import os
import statistics
import time
from pathlib import Path

from tokenizers import Tokenizer as RustTokenizer
from tokenizers import models, pre_tokenizers, trainers
from tqdm import tqdm
from transformers import GPT2Tokenizer

from course_utils.tokenization import END_OF_TEXT, Tokenizer

VOCAB_SIZE = 1024


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


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--data", default=os.environ.get("COURSE_TEST_TEXT"))
    parser.add_argument("--gpt2", default=os.environ.get("COURSE_TEST_GPT2"))
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    if not options.data or not options.gpt2:
        parser.error("--data and --gpt2 (or the two variables) must be given")
    gpt2 = Path(options.gpt2)
    text = Path(options.data).read_bytes()[:1_000_000].decode("utf-8", errors="ignore")
    print(f"{len(text.encode()):,} bytes; {options.repeats} repeats, in turn; medians")

    times = {"train": ([], []), "encode": ([], [])}
    for _ in tqdm(range(options.repeats), desc="repeats", leave=False):
        time_ours, ours = seconds(train_ours, text)
        time_theirs, theirs = seconds(train_theirs, text)
        assert ours.decode(ours.encode(text)) == text
        assert ours.vocab_size == theirs.get_vocab_size() == VOCAB_SIZE
        # Their special token comes first, so all other ids are one higher.
        assert [i + 1 for i in ours.encode(text)] == theirs.encode(text).ids
        times["train"][0].append(time_ours)
        times["train"][1].append(time_theirs)

        # New objects each time: both start with an empty cache.
        ours = Tokenizer.from_pretrained(gpt2)
        theirs = GPT2Tokenizer(str(gpt2 / "vocab.json"), str(gpt2 / "merges.txt"))
        time_ours, our_ids = seconds(ours.encode, text)
        time_theirs, their_ids = seconds(theirs.encode, text)
        assert our_ids == their_ids
        times["encode"][0].append(time_ours)
        times["encode"][1].append(time_theirs)

    ours, theirs = map(statistics.median, times["train"])
    print(
        f"training to {VOCAB_SIZE:,} entries: ours {ours:.2f} s, theirs {theirs:.2f} s"
    )
    print(f"  time ratio ours / theirs: {ours / theirs:.2f} (target: at most 1.5)")
    ours, theirs = map(statistics.median, times["encode"])
    print(f"encoding, cold cache: ours {ours:.2f} s, theirs {theirs:.2f} s")
    print(f"  speed ratio ours : theirs: {theirs / ours:.2f} (target: at least 2)")


if __name__ == "__main__":
    main()
