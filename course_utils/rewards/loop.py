"""The loop: write, check, learn. Then again, with what was learnt."""

import copy
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F

from course_utils.model import GPT
from course_utils.optimizers import build_optimizer, take_step
from course_utils.rewards.losses import clipped_loss, group_advantages
from course_utils.sampling import generate
from course_utils.tokenization import Tokenizer


class Written(NamedTuple):
    """Texts that a model wrote: the tokens, and which of them it chose itself."""

    ids: torch.Tensor  # (B, T) int64, prompts filled up on the left
    real: torch.Tensor  # (B, T) bool, False for what fills up
    chosen: torch.Tensor  # (B, T - 1) bool: token t + 1, drawn by the model


def write(
    model: GPT,
    prompts: Sequence[Sequence[int]],
    max_new_tokens: int,
    end: int,
    seed: int | None = None,
) -> Written:
    """Draw a continuation of each prompt, up to its first ``end``, which counts too.

    At temperature 1 with no knob turned: from the model's own probabilities.
    """
    ids = generate(model, list(prompts), max_new_tokens, end_of_text=end, seed=seed)
    longest = max(map(len, prompts))
    starts = torch.tensor([longest - len(prompt) for prompt in prompts])
    real = torch.arange(ids.shape[1]) >= starts[:, None]
    new = ids[:, longest:]
    ended = (new == end).cumsum(dim=1) - (new == end).long()  # ends before this one
    chosen = torch.cat([torch.zeros_like(ids[:, :longest]), ended == 0], dim=1).bool()
    return Written(ids, real, chosen[:, 1:])


def write_groups(
    model: GPT,
    tokenizer: Tokenizer,
    asked: Sequence[str],
    group: int,
    max_new_tokens: int,
    seed: int,
    end: int | None = None,
) -> Written:
    """Draw ``group`` continuations of each prompt, those of one prompt in a row.

    ``end`` is the token that ends a text; end-of-text if None.
    """
    end_of_text = tokenizer.end_of_text
    begun = [[end_of_text, *tokenizer.encode(prompt)] for prompt in asked]
    prompts = [prompt for prompt in begun for _ in range(group)]
    end = end_of_text if end is None else end
    return write(model, prompts, max_new_tokens, end, seed)


def read(tokenizer: Tokenizer, written: Written) -> list[str]:
    """Return B texts, prompt and continuation, without end-of-text tokens."""
    # A row's tokens: its prompt, then what was chosen; then it is filled up.
    after = F.pad(written.chosen, (1, 0)).long().cumsum(dim=1)
    filled = (after == after[:, -1:]) & ~F.pad(written.chosen, (1, 0))
    kept = written.real & ~filled
    rows = [row[keep].tolist() for row, keep in zip(written.ids, kept, strict=True)]
    end = tokenizer.end_of_text
    return [tokenizer.decode([i for i in row if i != end]) for row in rows]


def token_log_probs(model: GPT, written: Written) -> torch.Tensor:
    """Return log p of each token after those before: (B, T - 1), 0 if not chosen."""
    ids, real = written.ids, written.real
    padding = None if real.all() else real[:, :-1]
    log_p = model(ids[:, :-1], padding=padding).log_softmax(dim=-1)  # (B, T - 1, V)
    of_next = log_p.gather(-1, ids[:, 1:, None])[..., 0]
    return of_next.masked_fill(~written.chosen, 0.0)


def answer_log_probs(
    model: GPT, tokenizer: Tokenizer, prompts: Sequence[str], answers: Sequence[str]
) -> torch.Tensor:
    """Return log P(answer and its end | prompt) of each pair in nats: (B,)."""
    end = tokenizer.end_of_text
    read = [[end, *tokenizer.encode(prompt)] for prompt in prompts]
    given = [[*tokenizer.encode(answer), end] for answer in answers]
    T = max(len(a) + len(b) for a, b in zip(read, given, strict=True))
    ids = torch.full((len(read), T), end)
    chosen = torch.zeros(len(read), T, dtype=torch.bool)
    for row, (a, b) in enumerate(zip(read, given, strict=True)):
        ids[row, : len(a) + len(b)] = torch.tensor([*a, *b])
        chosen[row, len(a) : len(a) + len(b)] = True
    # Filled up on the right: no real token looks there.
    written = Written(ids, torch.ones_like(chosen), chosen[:, 1:])
    return token_log_probs(model, written).sum(dim=1)


@dataclass(frozen=True)
class RewardConfig:
    """How to learn from rewards. A step draws ``prompts`` x ``group`` texts.

    ``kl_weight``: what a nat of distance to the start costs, in rewards. ``updates``:
    how often a step learns from the texts it has drawn; ``clip`` limits how far.
    ``end``: the token that ends a text; end-of-text if None.
    """

    steps: int = 40
    prompts: int = 16
    group: int = 8
    max_new_tokens: int = 112
    learning_rate: float = 1e-3
    kl_weight: float = 0.0
    updates: int = 1
    clip: float = 0.2
    end: int | None = None

    def __post_init__(self):
        for name in ("steps", "prompts", "max_new_tokens", "updates"):
            if getattr(self, name) < 1:
                raise ValueError(
                    f"{name} must be at least 1, got {getattr(self, name)}"
                )
        if self.group < 2:
            raise ValueError(
                f"group must be at least 2, got {self.group}: alone, a "
                "text has nobody to be better than"
            )
        if not self.kl_weight >= 0:
            raise ValueError(f"kl_weight must be at least 0, got {self.kl_weight}")
        if not 0 < self.clip < 1:
            raise ValueError(f"clip must be in (0, 1), got {self.clip}")


class RewardTrainer:
    """Let a model learn from the rewards of what it writes.

    ``ask(rng)`` returns a prompt, ``reward(text)`` a number for prompt and
    continuation. ``history`` has a row for each step: mean ``reward``, mean ``kl`` to
    the start (nats a text), mean ``length`` (tokens), share of tokens ``clipped``.
    """

    def __init__(
        self,
        model: GPT,
        tokenizer: Tokenizer,
        ask: Callable[[random.Random], str],
        reward: Callable[[str], float],
        config: RewardConfig,
        seed: int = 0,
        on_step: Callable[["RewardTrainer"], None] | None = None,
    ):
        self.model, self.tokenizer, self.config = model, tokenizer, config
        self.ask, self.reward, self.on_step = ask, reward, on_step
        self.start = copy.deepcopy(model).requires_grad_(False).eval()
        self.seed, self.history, self.texts = seed, [], []
        self.optimizers = build_optimizer("adamw", model, config.learning_rate, 0.0)

    def step(self) -> None:
        """Write, check, learn."""
        config, number = self.config, len(self.history)
        chance = random.Random(f"{self.seed} {number}")
        asked = [self.ask(chance) for _ in range(config.prompts)]
        written = write_groups(
            self.model,
            self.tokenizer,
            asked,
            config.group,
            config.max_new_tokens,
            chance.getrandbits(32),
            config.end,
        )

        self.texts = read(self.tokenizer, written)
        rewards = torch.tensor([self.reward(text) for text in self.texts])  # (B,)
        with torch.no_grad():
            old = token_log_probs(self.model, written)  # (B, T - 1)
            kl = (old - token_log_probs(self.start, written)).sum(dim=1)  # k1, (B,)
        paid = rewards - config.kl_weight * kl
        advantages = group_advantages(paid.view(config.prompts, config.group)).flatten()
        clipped = [self.learn(written, old, advantages) for _ in range(config.updates)]

        self.history.append(
            {
                "reward": rewards.mean().item(),
                "kl": kl.mean().item(),
                "length": written.chosen.sum(dim=1).float().mean().item(),
                "clipped": clipped[-1],
            }
        )
        if self.on_step:
            self.on_step(self)

    def learn(self, written: Written, old, advantages) -> float:
        """Take one optimization step; return the share of tokens outside the clip."""
        config, chosen = self.config, written.chosen
        now = token_log_probs(self.model, written)
        longest = config.max_new_tokens
        loss = clipped_loss(now, old, advantages, chosen, config.clip, longest)
        take_step(self.model, self.optimizers, loss)
        ratio = (now.detach() - old).exp()[chosen]
        return ((ratio - 1).abs() > config.clip).float().mean().item()

    def run(self) -> None:
        """Take all steps that are left."""
        while len(self.history) < self.config.steps:
            self.step()
        self.model.eval()
