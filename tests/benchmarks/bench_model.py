"""How fast is the course's GPT beside transformers' GPT-2, on the CPU in float32?

    python tests/benchmarks/bench_model.py [--repeats 5] [--size gpt2]

Both models hold the same weights and do the same work in turn, results are checked to
be equal, and ratios are of medians in one run (above 1: ours is faster), of the time
that passes and of the processor's. transformers runs with its default, torch's fused
attention. Where ours gains:
- the MLP: transformers computes GELU from its formula, ours with torch's fused one;
- generation: less Python between the layers, keys and values written into room that is
  there already, and for a single new token no mask;
- packed weights: read in the order in which they lie, or as one byte in place of four
  (then the tokens may differ; a test holds the loss).
"""

import argparse
import gc
import math
import statistics
import time

import torch
from tqdm import tqdm

from course_utils.comparison import difference
from course_utils.config import PRESETS
from course_utils.huggingface import stand_in_gpt2, to_huggingface
from course_utils.packed_weights import PackedInt8Linear, packed
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
    start = time.perf_counter(), time.process_time()
    with torch.inference_mode():
        result = function()
    passed = time.perf_counter() - start[0], time.process_time() - start[1]
    return passed, result


def measure(name, ours, theirs, repeats, progress, tolerance=1e-4):
    times = {"ours": [], "theirs": []}
    for _ in range(repeats + 1):  # the first, cold, does not count
        our_time, our_result = seconds(ours)
        their_time, their_result = seconds(theirs)
        times["ours"].append(our_time)
        times["theirs"].append(their_time)
        progress.update()
    assert difference(our_result, their_result) <= tolerance
    passed, processor = (
        {side: statistics.median(t[kind] for t in times[side][1:]) for side in times}
        for kind in (0, 1)
    )
    return (
        f"{name:36s} ours {1000 * passed['ours']:8.1f} ms   "
        f"theirs {1000 * passed['theirs']:8.1f} ms   "
        f"ratio {passed['theirs'] / passed['ours']:.2f}, "
        f"processor {processor['theirs'] / processor['ours']:.2f}"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--size", choices=WORK, action="append")
    arguments = parser.parse_args()
    sizes = arguments.size or list(WORK)
    torch.manual_seed(0)
    print(f"{torch.get_num_threads()} threads, torch {torch.__version__}")
    with tqdm(total=4 * len(sizes) * (arguments.repeats + 1)) as progress:
        for size in sizes:
            ours = stand_in_gpt2(0, PRESETS[size])
            theirs = to_huggingface(ours)
            shape, n_tokens = WORK[size]
            int8 = packed(ours, PackedInt8Linear)
            for name, model, tolerance in (
                ("", ours, 1e-4),
                (", packed", packed(ours), 1e-4),
                (", int8", int8, math.inf),
            ):
                work = generations(model, theirs, n_tokens)
                name = f"{size}: generate {n_tokens} tokens{name}"
                with_tolerance = arguments.repeats, progress, tolerance
                progress.write(measure(name, *work, *with_tolerance))
            name, work = f"{size}: forward {shape}", forward_passes(ours, theirs, shape)
            progress.write(measure(name, *work, arguments.repeats, progress))


if __name__ == "__main__":
    main()
