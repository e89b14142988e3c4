"""The items: a question, the right result, and what known mistakes give in its place.

An item names an exercise, one of its inputs and three of its mistakes. The options are
not written down: the right one is what the exercise's solution gives for the input, the
wrong ones what the mistakes give. So whoever chooses one shows which mistake they make.
"""

import functools
import math
import random
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import tensor

from ..course import CATALOGUE
from ..engine.outcomes import run

LETTERS = "ABCD"


@dataclass(frozen=True)
class Option:
    """What may be chosen; ``mistake`` is the catalogue's title, "" if it is right."""

    text: str
    mistake: str
    why: str


@dataclass(frozen=True)
class Item:
    """One question about ``concept``; ``case`` makes the input that it is about."""

    concept: str
    exercise: str
    question: str
    case: Callable[[], tuple]
    mistakes: tuple[str, str, str]

    @functools.cached_property
    def options(self) -> tuple[Option, ...]:
        """The four options, in an order that is always the same."""
        task = CATALOGUE.find(self.exercise)
        by_title = {wrong.title: wrong for wrong in task.misconceptions}
        options = [self._option(task, task.reference, "", task.proves)]
        for title in self.mistakes:
            wrong = by_title[title]
            options.append(self._option(task, wrong.function, title, wrong.explanation))
        random.Random(self.concept).shuffle(options)
        return tuple(options)

    @property
    def right(self) -> str:
        """The letter of the right option."""
        return LETTERS[[option.mistake for option in self.options].index("")]

    def _option(self, task, function, mistake: str, why: str) -> Option:
        outcome = run(task.observe, function, self.case(), 1)
        return Option(shown(outcome.value), mistake, why)


def shown(value) -> str:
    """Return a value on one line, numbers in three digits, booleans as T and F."""
    if isinstance(value, torch.Tensor):
        return shown(value.tolist())
    if isinstance(value, bool):
        return "T" if value else "F"
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, dict):
        pairs = (f"{shown(key)}: {shown(item)}" for key, item in value.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, list | tuple):
        inside = ", ".join(map(shown, value))
        return f"[{inside}]" if isinstance(value, list) else f"({inside})"
    return repr(value)


def _log(*numbers: float) -> torch.Tensor:
    return tensor([math.log(number) for number in numbers])


ITEMS = (
    Item(
        "bytes",
        "tokenization.byte_ids",
        "A byte-level tokenizer begins with the bytes of a text in UTF-8. The "
        "character 中 has the number (code point) 20013. Which ids does it become?",
        lambda: ("中",),
        (
            "characters instead of bytes",
            "code points cut to a byte",
            "only ASCII survives",
        ),
    ),
    Item(
        "merging a pair",
        "tokenization.merge_pair",
        "The pair (7, 7) becomes the new id 256. What becomes of the ids [7, 7, 7]?",
        lambda: ([7, 7, 7], (7, 7), 256),
        (
            "one id used in two merges",
            "from right to left",
            "on by one after a merge",
        ),
    ),
    Item(
        "counting pairs",
        "tokenization.count_pairs",
        "A corpus has the word (1, 2) three times and the word (1, 1, 1) twice. How "
        "often does each pair of neighbours occur?",
        lambda: ({(1, 2): 3, (1, 1, 1): 2},),
        (
            "frequency of the word ignored",
            "once per word",
            "pairs across word borders",
        ),
    ),
    Item(
        "special tokens",
        "tokenization.encode_special",
        "Special tokens are <|a|> (256), <|a|>b (257) and <|c|> (258); all but <|c|> "
        "are allowed in a text. Which ids does <|a|>b<|c|> become? (The byte of < is "
        "60, of | 124, of c 99, of > 62.)",
        lambda: (
            "<|a|>b<|c|>",
            {"<|a|>": 256, "<|a|>b": 257, "<|c|>": 258},
            {"<|a|>", "<|a|>b"},
        ),
        (
            "special tokens always recognised",
            "forbidden tokens removed",
            "shortest name first",
        ),
    ),
    Item(
        "causal mask",
        "attention.causal_mask",
        "Rows are queries, columns are keys. T says that a query may look at a key. "
        "Which is the mask of a GPT for three tokens?",
        lambda: (3,),
        ("mask transposed", "diagonal hidden", "everything visible"),
    ),
    Item(
        "masking before softmax",
        "attention.masked_softmax",
        "The scores of two tokens are [[0, ln 3], [0, 0]]. Which are the weights of "
        "causal attention?",
        lambda: (tensor([[0.0, math.log(3)], [0.0, 0.0]]), torch.ones(2, 2).tril() > 0),
        (
            "mask after softmax",
            "zero in place of minus infinity",
            "softmax over the queries",
        ),
    ),
    Item(
        "heads",
        "attention.split_heads",
        "Two tokens with four channels, [0, 1, 2, 3] and [4, 5, 6, 7], are split into"
        " two heads: (batch, heads, positions, channels). What does each head get?",
        lambda: (torch.arange(8).view(1, 2, 4), 2),
        (
            "viewed as B H T D at once",
            "channels dealt out in turn",
            "positions and channels swapped",
        ),
    ),
    Item(
        "mask with a cache",
        "attention.mask_with_past",
        "The keys of one old token are in the cache; two new tokens come. Which is "
        "the mask, new tokens in rows, old and new keys in columns?",
        lambda: (2, 1),
        ("the past forgotten", "triangle at the left", "future open beside the past"),
    ),
    Item(
        "positions",
        "block.embed",
        "Token 1 has the vector [10]; the positions have the vectors [1], [2], [3]. "
        "What does the model read for the ids [1, 1]?",
        lambda: (
            tensor([[1, 1]]),
            tensor([[0.0], [10.0]]),
            tensor([[1.0], [2.0], [3.0]]),
        ),
        (
            "positions start at 1",
            "positions left out",
            "the id used as the position",
        ),
    ),
    Item(
        "LayerNorm",
        "block.layer_norm",
        "A position's channels are [0, 4]. What does GPT-2's LayerNorm make of them, "
        "with gain 1 and bias 0?",
        lambda: (tensor([[[0.0, 4.0]]]), torch.ones(2), torch.zeros(2)),
        (
            "variance divided by C minus 1",
            "mean not taken off",
            "divided by the variance",
        ),
    ),
    Item(
        "number of parameters",
        "block.count_parameters",
        "A GPT-2 has 10 tokens, 4 positions, 1 block and 2 channels; its head is "
        "tied. How many numbers does it learn?",
        lambda: (10, 4, 1, 2),
        (
            "tied head counted again",
            "biases not counted",
            "final norm not counted",
        ),
    ),
    Item(
        "targets",
        "objective.inputs_and_targets",
        "A text is [5, 6, 7, 8]; its first two tokens are the prompt, which is not to"
        " be learnt (-100). Which are the inputs and the targets?",
        lambda: (tensor([[5, 6, 7, 8]]), tensor([2]), tensor([4])),
        (
            "targets not shifted",
            "first token of the answer not counted",
            "prompt counted",
        ),
    ),
    Item(
        "mean loss",
        "objective.cross_entropy",
        "Two positions have the logits [0, 0] and [0, ln 3], the targets -100 (does "
        "not count) and 0. What is the loss, in nats?",
        lambda: (
            tensor([[[0.0, 0.0], [0.0, math.log(3)]]]),
            tensor([[-100, 0]]),
        ),
        (
            "divided by all positions",
            "ignored positions counted as token 0",
            "softmax twice",
        ),
    ),
    Item(
        "perplexity",
        "objective.text_perplexity",
        "Two tokens have the losses ln 2 and ln 8 nats. What is the perplexity?",
        lambda: (_log(2, 8),),
        (
            "mean of the exponentials",
            "exponential of the sum",
            "the mean loss itself",
        ),
    ),
    Item(
        "slope of the loss",
        "objective.loss_gradient",
        "The logits of one position are [0, ln 3], so the probabilities are [1/4, "
        "3/4]. The target is token 0. Which is the gradient of the loss along the "
        "logits?",
        lambda: (tensor([[0.0, math.log(3)]]), tensor([0])),
        (
            "direction turned round",
            "softmax alone",
            "only the targets logit moves",
        ),
    ),
    Item(
        "gradients add up",
        "backward.slopes",
        "b = 2·a and c = 3·a + 5·b. What is the gradient of c for each?",
        lambda: (
            {"a": [], "b": [("a", 2.0)], "c": [("a", 3.0), ("b", 5.0)]},
            "c",
        ),
        (
            "overwritten in place of added",
            "gradient of the user left out",
            "slopes added along a path",
        ),
    ),
    Item(
        "gradient of an embedding",
        "backward.embedding_backward",
        "Token 1 stands at both positions of a text, and their gradients are [2] and "
        "[3]. What is the gradient of the table of three tokens?",
        lambda: (tensor([[1, 1]]), tensor([[[2.0], [3.0]]]), 3),
        (
            "set in place of added",
            "averaged over the uses",
            "rows of the positions",
        ),
    ),
    Item(
        "momentum",
        "optimization.momentum_step",
        "Weight 1, gradient 2, velocity 4, learning rate 0.1, momentum 0.5. What are "
        "weight and velocity after the step, velocity ← momentum · velocity + "
        "gradient?",
        lambda: (tensor([1.0]), tensor([2.0]), tensor([4.0]), 0.1, 0.5),
        (
            "velocity forgotten",
            "learning rate inside the velocity",
            "the velocity keeps everything",
        ),
    ),
    Item(
        "clipping",
        "optimization.clip_gradients",
        "Two tensors have the gradients [3] and [4]. Gradients are clipped to norm 1."
        " What is left?",
        lambda: ([tensor([3.0]), tensor([4.0])], 1.0),
        ("each tensor on its own", "lengths added up", "long ones thrown away"),
    ),
    Item(
        "training and test text",
        "training.hold_out",
        "Of the documents a, b, a, c the first is held out for validation. Which "
        "lists, (training, validation), say honestly how well a model does?",
        lambda: (["a", "b", "a", "c"], 1),
        (
            "copies stay in the training",
            "trained on everything",
            "taken from the end",
        ),
    ),
    Item(
        "temperature",
        "sampling.temperature",
        "The logits are [0, ln 4]: at temperature 1 the probabilities are [0.2, 0.8]."
        " Which are they at temperature 2?",
        lambda: (_log(1, 4)[None], 2.0),
        (
            "multiplied by the temperature",
            "probabilities divided",
            "temperature without effect",
        ),
    ),
    Item(
        "top-p",
        "sampling.top_p",
        "The probabilities are [0.1, 0.5, 0.1, 0.3]. From which distribution does "
        "top-p with p = 0.6 draw?",
        lambda: (tensor([[0.1, 0.5, 0.1, 0.3]]), 0.6),
        (
            "the token that crosses p is dropped",
            "not sorted",
            "kept but not scaled",
        ),
    ),
    Item(
        "repetition penalty",
        "sampling.penalize_repetition",
        "The logits of two tokens are [-2, 4]. Token 0 came twice already; the "
        "repetition penalty is 3. Which are the new logits?",
        lambda: (tensor([[-2.0, 4.0]]), tensor([[0, 0]]), 3.0),
        (
            "negative scores divided",
            "penalized once for each occurrence",
            "every token penalized",
        ),
    ),
    Item(
        "padding and the end",
        "huggingface.labels",
        "The ids are [5, 6, 0, 0] and the attention mask is [1, 1, 1, 0]: the id 0 "
        "ends each text and fills up as well. Which labels does transformers' GPT-2 "
        "need?",
        lambda: (tensor([[5, 6, 0, 0]]), tensor([[1, 1, 1, 0]]), 0),
        (
            "every pad id left out",
            "padding counted",
            "shifted by hand and filled up",
        ),
    ),
    Item(
        "learning to answer",
        "applications.chat_targets",
        "A user says [5], the assistant [6, 7]; 0 ends each turn. Only the assistant "
        "is to be learnt. Which are the inputs and the targets?",
        lambda: ([("user", [5]), ("assistant", [6, 7])], 0),
        ("the user is learnt too", "the end is not learnt", "masked by the input"),
    ),
    Item(
        "memory of training",
        "speed.training_memory",
        "A model has 1,000 parameters in float32 and is trained with AdamW. How many "
        "bytes do (weights, gradients, optimizer, no activations) take?",
        lambda: (1000, 0),
        ("one average only", "numbers not bytes", "as if it only read"),
    ),
)
