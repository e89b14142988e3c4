"""One step of GRPO and one of DPO: loss and gradient are trl's on the same batch.

Needs trl (tried with 1.16.0), which the course itself does not: left out without it.
"""

import copy
import random

import pytest
import torch

from course_utils import models
from course_utils.huggingface import from_huggingface, to_huggingface
from course_utils.rewards import (
    answer_log_probs,
    clipped_loss,
    first_sentences,
    group_advantages,
    preference_loss,
    token_log_probs,
    write_groups,
)

trl = pytest.importorskip("trl", minversion="1.16")
datasets = pytest.importorskip("datasets")
transformers = pytest.importorskip("transformers")

GROUP = 4


@pytest.fixture
def begun():
    """A model that has moved a little, its start, its tokenizer, and texts."""
    start, tokenizer = models.load("beginner")
    model = copy.deepcopy(start)
    chance = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in model.parameters():
            weight += 0.02 * torch.randn(weight.shape, generator=chance)
    rng, asked = random.Random(0), []
    while (
        len(asked) < 2
    ):  # of one length: with a mask alone GPT-2 counts positions from what fills up
        prompt = first_sentences(rng)
        if not asked or len(tokenizer.encode(prompt)) == len(
            tokenizer.encode(asked[0])
        ):
            asked.append(prompt)
    written = write_groups(start, tokenizer, asked, GROUP, 112, seed=0)
    return model, start, tokenizer, asked, written


def their_tokenizer():
    tokenizer = transformers.GPT2Tokenizer.from_pretrained(models.folder_of("beginner"))
    tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def assert_same_step(model, loss, trainer, inputs, *rest):
    """Compare a loss of ours with their trainer's, and the gradients along all."""
    loss.backward()
    theirs = trainer.model.eval()
    their_loss = trainer._compute_loss(theirs, inputs, *rest)
    their_loss.backward()
    torch.testing.assert_close(loss, their_loss, rtol=0, atol=1e-5)
    with torch.no_grad():  # their gradients, in our layout
        for weight in theirs.parameters():
            weight.copy_(weight.grad)
    gradients = dict(from_huggingface(theirs).named_parameters())
    largest = max(weight.grad.abs().max() for weight in model.parameters()).item()
    assert largest > 1e-3
    for name, weight in model.named_parameters():
        torch.testing.assert_close(
            weight.grad, gradients[name], rtol=0, atol=1e-5 * max(1.0, largest)
        )


def test_a_step_of_grpo_is_trls(begun, tmp_path):
    model, start, tokenizer, asked, written = begun
    rewards = torch.tensor([[1.0, 0, 0, 1], [0, 1, 0, 0]])
    advantages = group_advantages(rewards, by_spread=True).flatten()
    with torch.no_grad():
        old = token_log_probs(start, written)
    now = token_log_probs(model, written)
    ratio = (now - old).exp()[written.chosen]
    assert ((ratio - 1).abs() > 0.2).any()  # some tokens are clipped
    loss = clipped_loss(now, old, advantages, written.chosen)

    trainer = trl.GRPOTrainer(
        to_huggingface(model, tokenizer),
        reward_funcs=lambda completions, **others: [0.0] * len(completions),
        args=trl.GRPOConfig(
            output_dir=tmp_path,
            report_to=[],
            use_cpu=True,
            bf16=False,
            per_device_train_batch_size=2 * GROUP,
            num_generations=GROUP,
            loss_type="grpo",
            epsilon=0.2,
            beta=0.0,
        ),
        train_dataset=datasets.Dataset.from_list([{"prompt": text} for text in asked]),
        processing_class=their_tokenizer(),
    )
    T = 1 + len(tokenizer.encode(asked[0]))
    chosen = written.chosen[:, T - 1 :]
    inputs = {
        "prompt_ids": written.ids[:, :T],
        "prompt_mask": torch.ones_like(written.ids[:, :T]),
        "completion_ids": written.ids[:, T:],
        "completion_mask": chosen.long(),
        "advantages": advantages,
        "old_per_token_logps": old[:, T - 1 :],
        "num_items_in_batch": chosen.sum(),
    }
    assert_same_step(model, loss, trainer, inputs)


def test_a_step_of_dpo_is_trls(begun, tmp_path):
    model, start, tokenizer, asked, _ = begun
    right = [" His friend slept at home.", " Now the ball is with Mia."]
    wrong = [" Somebody asked Mia.", " The end, and no more of it."]
    pairs = [asked * 2, right + wrong]
    now = answer_log_probs(model, tokenizer, *pairs).chunk(2)
    with torch.no_grad():
        before = answer_log_probs(start, tokenizer, *pairs).chunk(2)
    loss = preference_loss(*now, *before, beta=0.5)

    end = tokenizer.end_of_text
    examples = [
        {
            "prompt_ids": [end, *tokenizer.encode(prompt)],
            "chosen_ids": [*tokenizer.encode(one), end],
            "rejected_ids": [*tokenizer.encode(other), end],
        }
        for prompt, one, other in zip(asked, right, wrong, strict=True)
    ]
    trainer = trl.DPOTrainer(
        to_huggingface(model, tokenizer),
        ref_model=to_huggingface(start, tokenizer),
        args=trl.DPOConfig(
            output_dir=tmp_path, report_to=[], use_cpu=True, bf16=False, beta=0.5
        ),
        train_dataset=datasets.Dataset.from_list(
            [{"prompt": "One", "chosen": " cold", "rejected": " icy"}]
        ),
        processing_class=their_tokenizer(),
    )
    inputs = trainer.data_collator(examples)
    assert_same_step(model, loss, trainer, inputs, False)
