"""What does learning from rewards change: how often right, how near the truth?

The ``beginner`` learns in several ways from equally many texts that it writes itself,
and each result is measured on both sides: the share of its stories that are possible,
and its gap to the floor. Rewards come from the world (``course_utils.rewards.checks``).

- ``policy``: the policy gradient, once for each weight of the distance to the start;
- ``filtered``: supervised training on those texts of the start that are possible;
- ``preferred``: DPO on pairs of the start's texts, one possible, one not;
- ``hacked``: the policy gradient on the wrong reward, step by step.

Stands on ``rewards``, ``models`` and ``training``.
"""

import random
from dataclasses import dataclass, replace
from statistics import fmean

import torch

from course_utils import models, records
from course_utils.data import DocumentBatches
from course_utils.experiments.decoding import variety
from course_utils.model import GPT
from course_utils.optimizers import build_optimizer, take_step
from course_utils.records import Record
from course_utils.rewards import (
    RewardConfig,
    RewardTrainer,
    answer_log_probs,
    count_endings,
    first_sentences,
    is_possible,
    preference_loss,
    read,
    write_groups,
)
from course_utils.tokenization import Tokenizer
from course_utils.training import Trainer, TrainingConfig
from course_utils.world import World

HELD_OUT = 2**31  # seeds from here on: none of training


@dataclass(frozen=True)
class Settings:
    """How long to learn, from how many texts, and on how many it is measured."""

    steps: int = 40
    prompts: int = 16  # a step
    group: int = 8  # texts for each prompt
    learning_rate: float = 1e-3
    kl_weights: tuple[float, ...] = (0.0, 0.03, 0.3)  # rewards a nat
    filtered_steps: int = 80
    preferred_steps: int = 80
    preferred_rate: float = 3e-4
    pairs: int = 32  # a step of DPO
    beta: float = 1.0  # of DPO
    hacked_steps: int = 80
    stories: int = 400  # to measure the share that is possible
    gap_stories: int = 200
    asked: int = 48  # prompts, for pass@k
    tries: int = 16  # texts for each of them


QUICK = Settings(
    steps=1,
    prompts=2,
    group=2,
    kl_weights=(0.1,),
    filtered_steps=1,
    preferred_steps=1,
    pairs=2,
    hacked_steps=1,
    stories=4,
    gap_stories=4,
    asked=2,
    tries=2,
)


def run(settings: Settings, seed: int) -> dict:
    """Let the beginner learn in every way; measure each result on both sides."""
    model, tokenizer = models.load("beginner")
    found = {"start": measure(model, tokenizer, settings, seed), "policy": {}}
    for weight in settings.kl_weights:
        model, tokenizer = models.load("beginner")
        trainer = RewardTrainer(
            model,
            tokenizer,
            first_sentences,
            is_possible,
            reward_config(settings, kl_weight=weight),
            seed,
        )
        trainer.run()
        found["policy"][str(weight)] = measure(model, tokenizer, settings, seed) | {
            "learning": [round(row["reward"], 4) for row in trainer.history]
        }
    groups = own_texts(settings, seed)
    for name, learn in {"filtered": learn_filtered, "preferred": prefer}.items():
        model, tokenizer = models.load("beginner")
        learn(model, tokenizer, groups, settings, seed)
        found[name] = measure(model, tokenizer, settings, seed)
    found["hacked"] = hack(settings, seed)
    return found


def reward_config(settings: Settings, **others) -> RewardConfig:
    """Return how to learn from rewards, as the settings say."""
    names = ("steps", "prompts", "group", "learning_rate")
    return RewardConfig(**{name: getattr(settings, name) for name in names}, **others)


def measure(model: GPT, tokenizer: Tokenizer, settings: Settings, seed: int) -> dict:
    """Return what a model can do now, on stories and prompts of its own seed.

    ``possible``: the share of its stories; ``gap``: nats per token above the floor on
    the world's; ``variety``: different runs of four words, 1 being the world's share;
    ``passed``: k -> the share of prompts for which one of k texts is possible.
    """
    seed += HELD_OUT
    texts = models.sample_stories(model, tokenizer, settings.stories, seed)
    chance = random.Random(seed)
    worlds = [World().sample(chance).text for _ in range(settings.stories)]
    gap, _ = models.gap_on_new_stories(model, tokenizer, settings.gap_stories, seed)
    return {
        "possible": fmean(map(is_possible, texts)),
        "gap": round(gap, 5),
        "variety": round(variety(texts) / variety(worlds), 4),
        "passed": passed(model, tokenizer, settings, seed),
    }


def passed(model: GPT, tokenizer: Tokenizer, settings: Settings, seed: int) -> dict:
    """Return k -> pass@k on new first sentences, for k = 1, 2, 4, ... tries.

    Every run of k of a prompt's texts is tried: fewer repeats than one run would have.
    """
    chance, n = random.Random(seed), settings.tries
    asked = [first_sentences(chance) for _ in range(settings.asked)]
    longest = RewardConfig.max_new_tokens
    written = write_groups(model, tokenizer, asked, n, longest, seed)
    right = torch.tensor([is_possible(text) for text in read(tokenizer, written)])
    right = right.view(settings.asked, n)
    ks = [2**i for i in range(n.bit_length())]
    return {
        str(k): round(right.view(-1, n // k, k).amax(dim=2).mean().item(), 4)
        for k in ks
    }


# --- Other ways to learn from the same number of texts


def own_texts(settings: Settings, seed: int) -> list[tuple[str, list[str]]]:
    """Return (prompt, its group of texts) for as many texts as ``policy`` draws."""
    model, tokenizer = models.load("beginner")
    chance, n, groups = random.Random(seed), settings.group, []
    for _ in range(settings.steps):
        asked = [first_sentences(chance) for _ in range(settings.prompts)]
        longest, drawn = RewardConfig.max_new_tokens, chance.getrandbits(32)
        written = write_groups(model, tokenizer, asked, n, longest, drawn)
        texts = read(tokenizer, written)
        groups += [(p, texts[i * n : i * n + n]) for i, p in enumerate(asked)]
    return groups


def learn_filtered(model, tokenizer, groups, settings: Settings, seed: int) -> None:
    """Train on those of the model's own texts that are possible; no reward counts."""
    kept = [
        (len(tokenizer.encode(prompt)), tokenizer.encode(text))
        for prompt, texts in groups
        for text in texts
        if is_possible(text)
    ]
    if not kept:  # nothing to learn from
        return
    batches = DocumentBatches(
        [ids for _, ids in kept],
        min(64, len(kept)),
        tokenizer.end_of_text,
        seed,
        model.config.n_positions,
        loss_starts=[start for start, _ in kept],
    )
    config = TrainingConfig(
        steps=settings.filtered_steps,
        learning_rate=settings.learning_rate,
        optimizer="adamw",
        schedule="linear",
        final_fraction=0.0,
        weight_decay=0.0,
    )
    Trainer(model, batches, config).run(show_progress=False)
    model.eval()


def preference_pairs(groups, rng: random.Random) -> list[tuple[str, str, str]]:
    """Return (prompt, possible continuation, impossible one), two texts of a group."""
    pairs = []
    for prompt, texts in groups:
        right = [text for text in texts if is_possible(text)]
        wrong = [text for text in texts if not is_possible(text)]
        rng.shuffle(right)
        for good, bad in zip(right, wrong, strict=False):
            pairs.append((prompt, good[len(prompt) :], bad[len(prompt) :]))
    return pairs


def prefer(model, tokenizer, groups, settings: Settings, seed: int) -> None:
    """Learn which of two of the model's own texts is possible (DPO)."""
    rng = random.Random(seed)
    pairs = preference_pairs(groups, rng)
    if not pairs:  # nothing to learn from
        return
    start, _ = models.load("beginner")
    optimizers = build_optimizer("adamw", model, settings.preferred_rate, 0.0)
    for _ in range(settings.preferred_steps):
        prompts, right, wrong = zip(*rng.choices(pairs, k=settings.pairs), strict=True)
        both = prompts * 2, right + wrong
        now = answer_log_probs(model, tokenizer, *both).chunk(2)
        with torch.no_grad():
            before = answer_log_probs(start, tokenizer, *both).chunk(2)
        loss = preference_loss(*now, *before, settings.beta)
        take_step(model, optimizers, loss)


def hack(settings: Settings, seed: int) -> dict:
    """Learn from the wrong reward; return, step by step, it and what was wanted.

    ``written`` has a text of every tenth step, beginning with the first.
    """
    model, tokenizer = models.load("beginner")
    possible: list[float] = []
    written: list[str] = []

    def look(trainer: RewardTrainer) -> None:
        possible.append(round(fmean(map(is_possible, trainer.texts)), 4))
        if len(trainer.history) % 10 == 1:
            written.append(trainer.texts[0])

    trainer = RewardTrainer(
        model,
        tokenizer,
        first_sentences,
        count_endings,
        replace(reward_config(settings), steps=settings.hacked_steps),
        seed,
        on_step=look,
    )
    trainer.run()
    rewards = [round(row["reward"], 4) for row in trainer.history]
    return {"reward": rewards, "possible": possible, "written": written}


def recorded() -> Record:
    """Return the measurement that ships."""
    return records.read("rewards")
