"""How fast is the course's GPT beside transformers' GPT-2, on the CPU in float32?

    python tests/benchmarks/bench_model.py [--repeats 5] [--size gpt2]

Both models hold the same weights and do the same work in turn, results are checked to
be equal, and ratios are of medians in one run (above 1: ours is faster). transformers
runs with its default, torch's fused attention. Where ours gains:
- the MLP: transformers computes GELU from its formula, ours with torch's fused one;
- generation: less Python between the layers, keys and values written into room that is
  there already, and for a single new token no mask.
"""

import argparse
import gc
import statistics
import time

import torch
from tqdm import tqdm

from course_utils.comparison import difference
from course_utils.config import PRESETS
from course_utils.huggingface import stand_in_gpt2, to_huggingface
from course_utils.sampling import generate

# size -> (batch, tokens) of one forward pass, tokens to generate after a prompt of 16
WORK = {"course": ((8, 256), 128), "gpt2": ((1, 128), 16)}


def forward_passes(ours, theirs, shape):
    ids = torch.randint(0, ours.config.vocab_size, shape)
    with torch.inference_mode():
        return (lambda: ours(ids)), (lambda: theirs(ids).logits)


def generations(ours, theirs, n_tokens):
    ids = torch.randint(0, ours.config.vocab_size, (1, 16))
    options = {"max_new_tokens": n_tokens, "min_new_tokens": n_tokens}
    if theirs.generation_config.pad_token_id is None:
        options["pad_token_id"] = 0
    return (
        lambda: generate(ours, ids, n_tokens, temperature=0),
        lambda: theirs.generate(
            ids, attention_mask=torch.ones_like(ids), do_sample=False, **options
        ),
    )


def seconds(function):
    gc.collect()
    start = time.perf_counter()
    with torch.inference_mode():
        result = function()
    return time.perf_counter() - start, result


def measure(name, ours, theirs, repeats, progress):
    times = {"ours": [], "theirs": []}
    for _ in range(repeats + 1):  # the first, cold, does not count
        our_time, our_result = seconds(ours)
        their_time, their_result = seconds(theirs)
        times["ours"].append(our_time)
        times["theirs"].append(their_time)
        progress.update()
    assert difference(our_result, their_result) <= 1e-4
    median = {side: statistics.median(values[1:]) for side, values in times.items()}
    return (
        f"{name:36s} ours {1000 * median['ours']:8.1f} ms   "
        f"theirs {1000 * median['theirs']:8.1f} ms   "
        f"ratio {median['theirs'] / median['ours']:.2f}"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--size", choices=WORK, action="append")
    arguments = parser.parse_args()
    sizes = arguments.size or list(WORK)
    torch.manual_seed(0)
    print(f"{torch.get_num_threads()} threads, torch {torch.__version__}")
    with tqdm(total=2 * len(sizes) * (arguments.repeats + 1)) as progress:
        for size in sizes:
            ours = stand_in_gpt2(0, PRESETS[size])
            theirs = to_huggingface(ours)
            shape, n_tokens = WORK[size]
            for name, work in (
                (f"forward {shape}", forward_passes(ours, theirs, shape)),
                (f"generate {n_tokens} tokens", generations(ours, theirs, n_tokens)),
            ):
                line = measure(f"{size}: {name}", *work, arguments.repeats, progress)
                progress.write(line)


if __name__ == "__main__":
    main()
