"""How fast does the course's model write, beside transformers' ``generate``?

    python tests/benchmarks/bench_sampling.py [--tokens 200] [--repeats 7]

The course's model size (4 layers, 128 channels, 1,024 tokens) with the same weights on
both sides, one prompt, the same tokens chosen (checked), in turn; ratios of medians in
one run. Why ours is faster: at this size a token costs less arithmetic than the Python
around it, and ours has little. transformers prepares inputs, masks and a list of
stopping criteria for every token, and serves dozens of options; our step is one pass of
the model, the knobs that were asked for, and one draw. And that pass looks up the
model's weights once for a text, not for every token (``sampling.one_token``).

Also shown: how long ``next_words`` takes on a trained model or, if none is named with
--model, on an untrained one. That is its worst case: all words are about as likely.
"""

import argparse
import random
import statistics
import time

import torch
from tqdm import tqdm

from course_utils import models
from course_utils.config import PRESETS
from course_utils.huggingface import stand_in_gpt2, to_huggingface
from course_utils.sampling import beam_search, encode_prompt, generate, next_words
from course_utils.world import World

SAMPLED = dict(temperature=0.8, top_k=50, top_p=0.95)


def pairs(ours, theirs, n):
    """Return {what: (our function, their function)}; both return the same ids."""
    ids = torch.randint(ours.config.vocab_size, (1, 16))
    fixed = dict(max_new_tokens=n, attention_mask=torch.ones_like(ids), pad_token_id=0)

    def their_sampled():
        torch.manual_seed(0)
        return theirs.generate(ids, do_sample=True, **SAMPLED, **fixed)

    return {
        "greedy": (
            lambda: generate(ours, ids, n, temperature=0),
            lambda: theirs.generate(ids, do_sample=False, **fixed),
        ),
        "sampled": (lambda: generate(ours, ids, n, seed=0, **SAMPLED), their_sampled),
        "4 beams": (
            lambda: beam_search(ours, ids, 4, n),
            lambda: theirs.generate(ids, do_sample=False, num_beams=4, **fixed),
        ),
    }


def seconds(function):
    start = time.perf_counter()
    result = function()
    return time.perf_counter() - start, result


def compare_speed(n, repeats):
    ours = stand_in_gpt2(config=PRESETS["course"])
    work = pairs(ours, to_huggingface(ours), n)
    times = {what: ([], []) for what in work}
    for repeat in tqdm(range(repeats + 1), desc="repeats", leave=False):
        for what, (our_function, their_function) in work.items():
            our_time, our_ids = seconds(our_function)
            their_time, their_ids = seconds(their_function)
            assert torch.equal(our_ids, their_ids), what
            if repeat:  # the first, cold, does not count
                times[what][0].append(our_time)
                times[what][1].append(their_time)
    for what, both in times.items():
        our_time, their_time = map(statistics.median, both)
        print(
            f"{what}: ours {n / our_time:.0f} tokens/s, "
            f"theirs {n / their_time:.0f} tokens/s, ratio {their_time / our_time:.2f}"
            + ("" if "beams" in what else " (target: at least 3)")
        )


def time_next_words(repeats):
    story = World().sample(random.Random(0)).text
    model, tokenizer = models.load("story")
    prompt = story[: story.index(" ", len(story) // 2)]
    length = len(encode_prompt(model, tokenizer, prompt))
    for n in (10, 100):
        times = [
            seconds(lambda n=n: next_words(model, tokenizer, prompt, n))[0]
            for _ in range(repeats + 1)
        ]
        print(
            f"next_words, n={n}, after {length} tokens: "
            f"{1000 * statistics.median(times[1:]):.0f} ms (target: under 50)"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--tokens", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    torch.manual_seed(0)
    print(f"{torch.get_num_threads()} threads, {options.repeats} repeats in turn")
    compare_speed(options.tokens, options.repeats)
    time_next_words(options.repeats)


if __name__ == "__main__":
    main()
