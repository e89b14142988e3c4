"""What does each part since GPT-2 buy? One change at a time, and all together.

Every model learns the same texts in the same order for the same number of steps, and
has as many parameters as GPT-2's parts have (within 1%): what a change saves or costs
is given to its MLPs or taken from them. A mixture of experts has as many that work on a
token. Stories give a gap to the floor, Python's docstrings a loss on unseen text. A
seed draws the texts, their order and the first weights.

The learning rate is the one that suits GPT-2's parts; another might suit a change more.

Floor 6: stands on ``modern``, ``training`` and the world.
"""

import random
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F

from course_utils import records
from course_utils.cross_entropy import cross_entropy
from course_utils.data import (
    Batches,
    DocumentBatches,
    StreamBatches,
    evaluation_windows,
    python_docstrings,
)
from course_utils.experiments.running import new_model
from course_utils.modern import ModernConfig, ModernGPT, future_loss, recipe
from course_utils.modern.experts import balance_loss, noted_scores
from course_utils.optimizers import build_optimizer, take_step
from course_utils.records import Record
from course_utils.tokenization import Tokenizer
from course_utils.training import TrainingConfig, evaluate, measure_gap
from course_utils.world import World

BALANCE = 0.01  # weight of the balance among experts in the loss (Switch Transformers')

# Name of a change -> the fields that are not GPT-2's.
CHANGES = {
    "GPT-2": {},
    "RMSNorm": dict(norm="rms"),
    "no biases": dict(bias=False),
    "rotary positions": dict(positions="rotary"),
    "SwiGLU": dict(mlp="swiglu"),
    "squared ReLU": dict(mlp="relu2"),
    "half the keys": dict(n_kv_head=2),
    "one key": dict(n_kv_head=1),
    "normalised queries and keys": dict(qk_norm=True),
    "a head of its own": dict(tie_word_embeddings=False),
    "a window of 32": dict(window=32),
    "two tokens ahead": dict(n_future=2),
    "experts": dict(n_experts=8, n_active=2),
    "experts without balance": dict(n_experts=8, n_active=2),
    "the recipe of 2025": {},
}


@dataclass(frozen=True)
class Settings:
    """The models' shape, how long they learn, and on what they are measured."""

    changes: tuple[str, ...] = tuple(CHANGES)
    n_layer: int = 2
    n_head: int = 4
    n_embd: int = 64
    vocab_size: int = 512
    window: int = 128  # tokens of docstrings that are read at once
    steps: int = 300
    batch: int = 16
    learning_rate: float = 0.02
    held_out: int = 200  # stories
    held_out_tokens: int = 16_000  # of docstrings


QUICK = Settings(
    changes=("GPT-2", "rotary positions", "experts"),
    steps=6,
    held_out=10,
    held_out_tokens=1000,
)


# --- Models of equal size


def build_config(change: str, settings: Settings, vocab_size: int) -> ModernConfig:
    """Return a configuration with one change, as large as GPT-2's parts are."""
    shape = dict(
        vocab_size=vocab_size,
        n_positions=256,
        n_layer=settings.n_layer,
        n_head=settings.n_head,
        n_embd=settings.n_embd,
    )
    goal = count(ModernConfig(**shape))
    if change == "the recipe of 2025":
        config = recipe(**shape)
    else:
        config = ModernConfig(**{**shape, **CHANGES[change]})
    if config.n_experts:  # those that work on a token are together one MLP
        config = replace(config, mlp_size=config.mlp_size // config.n_active)
    wider = replace(config, mlp_size=config.mlp_size + 1)
    by_one = count(wider) - count(config)
    return replace(config, mlp_size=config.mlp_size + (goal - count(config)) // by_one)


def count(config: ModernConfig) -> int:
    """Return the number of parameters that work on a token when the model writes."""
    with torch.device("meta"):
        model = ModernGPT(replace(config, n_future=1))
    return model.count_parameters(active=True)


# --- Training


def train(
    model: ModernGPT, batches: Batches, settings: Settings, balance: float
) -> None:
    """Train a model as ``Trainer`` does, with the losses of experts and of the future.

    ``balance`` is the weight of the experts' balance in the loss.
    """
    schedule = TrainingConfig(
        steps=settings.steps,
        learning_rate=settings.learning_rate,
        schedule="linear",
        final_fraction=0.0,
    )
    optimizers = build_optimizer("muon", model, settings.learning_rate)
    for step in range(settings.steps):
        inputs, targets = batches.next_batch()
        with noted_scores(model) as scores:
            if model.config.n_future > 1:
                loss = future_loss(model, inputs, targets)
            else:
                loss = cross_entropy(model(inputs), targets)
        for each in scores:
            loss = loss + balance / len(scores) * balance_loss(
                each, model.config.n_active
            )
        rate = schedule.learning_rate_at(step)
        take_step(model, optimizers, loss, rate, schedule.clip)
    model.eval()


@torch.no_grad()
def busiest_share(model: ModernGPT, batches) -> float:
    """Return the share of tokens that the busiest expert gets, mean over blocks.

    With E experts of which k work it is k / E if all are used alike.
    """
    with noted_scores(model) as scores:
        for inputs, _ in batches:
            model(inputs)
    n_layer, k = model.config.n_layer, model.config.n_active
    shares = []
    for layer in range(n_layer):
        chosen = torch.cat(scores[layer::n_layer]).topk(k).indices
        sent = F.one_hot(chosen, model.config.n_experts).sum(1).float().mean(0)
        shares.append(sent.max().item())
    return sum(shares) / n_layer


# --- The measurement


def stories(settings: Settings, seed: int):
    """Return the stories of a seed: tokens to learn, held-out texts, the tokenizer."""
    world, rng = World(), random.Random(seed)
    n = settings.held_out + settings.steps * settings.batch
    texts = [world.sample(rng).text for _ in range(n)]
    held_out, texts = texts[: settings.held_out], texts[settings.held_out :]
    drawn = random.Random(2**20)  # the same vocabulary for all seeds
    tokenizer = Tokenizer.train(
        [world.sample(drawn).text for _ in range(2000)], settings.vocab_size
    )
    return [tokenizer.encode(text) for text in texts], held_out, tokenizer


def docstring_tokens(settings: Settings, seed: int):
    """Return docstrings' tokens: a training row, batches held out, the tokenizer."""
    texts = python_docstrings()
    random.Random(seed).shuffle(texts)
    tokenizer = Tokenizer.train(sorted(texts)[::3], settings.vocab_size)
    end = tokenizer.end_of_text
    row = [i for text in texts for i in [*tokenizer.encode(text), end]]
    held_out, row = row[: settings.held_out_tokens], row[settings.held_out_tokens :]
    return row, evaluation_windows(held_out, 32, settings.window), tokenizer


def run(settings: Settings, seed: int, on_model=None) -> dict:
    """Measure all changes with a seed: gap on stories, loss on docstrings, both nats.

    ``on_model(name, of, model)`` is called after each training. Raises ValueError for
    an unknown change.
    """
    if unknown := [name for name in settings.changes if name not in CHANGES]:
        raise ValueError(f"changes must be among {list(CHANGES)}, got {unknown}")
    found = {"gaps": {}, "losses": {}, "parameters": {}, "busiest": {}}
    documents, held_out, of_stories = stories(settings, seed)
    row, unseen, of_docstrings = docstring_tokens(settings, seed)
    for name in settings.changes:
        balance = BALANCE if name == "experts" else 0.0
        config = build_config(name, settings, of_stories.vocab_size)
        model = new_model(ModernGPT, config, seed)
        found["parameters"][name] = model.count_parameters(active=True)
        end = of_stories.end_of_text
        batches = DocumentBatches(documents, settings.batch, end, seed)
        train(model, batches, settings, balance)
        gap, _ = measure_gap(model, of_stories, World(), held_out)
        found["gaps"][name] = round(gap, 4)

        config = replace(config, vocab_size=of_docstrings.vocab_size)
        model = new_model(ModernGPT, config, seed)
        stream = StreamBatches(row, settings.batch, settings.window, seed)
        train(model, stream, settings, balance)
        found["losses"][name] = round(evaluate(model, unseen), 4)
        if config.n_experts:
            found["busiest"][name] = round(busiest_share(model, unseen), 3)
        if on_model:
            on_model(name, model)
    return found


def recorded() -> Record:
    """Return the measurement that ships, all changes with each seed."""
    return records.read("since_gpt2")
