"""Learning from rewards: its losses and checks are right, and the loop learns."""

import random

import pytest
import torch

from course_utils import models
from course_utils.confidence import interval
from course_utils.config import GPTConfig
from course_utils.experiments.running import new_model
from course_utils.huggingface import randomize, to_huggingface
from course_utils.model import GPT
from course_utils.rewards import (
    RewardConfig,
    RewardTrainer,
    Written,
    answer_log_probs,
    clipped_loss,
    count_endings,
    first_sentences,
    group_advantages,
    is_possible,
    is_right_answer,
    kl_estimates,
    preference_loss,
    read,
    story_questions,
    token_log_probs,
    write,
)
from course_utils.world import World

P = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
START = torch.tensor([0.2, 0.2, 0.6], dtype=torch.float64)


def test_the_groups_gradient_is_the_exact_one_but_for_the_text_itself():
    """Summed over all groups of 3 texts of 3: (1 - 1/G) of the exact gradient."""
    rewards = torch.tensor([1.0, 0.0, 2.0], dtype=torch.float64)
    exact = P * (rewards - (P * rewards).sum())
    scores = P.log().requires_grad_()
    expected = torch.zeros(3, dtype=torch.float64)
    for group in torch.cartesian_prod(*[torch.arange(3)] * 3):
        log_p = scores.log_softmax(0)[group][:, None]
        advantages = group_advantages(rewards[group][None])[0]
        chosen = torch.ones_like(log_p, dtype=torch.bool)
        loss = clipped_loss(log_p, log_p.detach(), advantages, chosen)
        (slope,) = torch.autograd.grad(loss, scores)
        expected -= P[group].prod() * slope
    torch.testing.assert_close(expected, exact * 2 / 3, rtol=0, atol=1e-12)


def test_on_draws_of_a_gpt_the_gradient_is_within_its_interval_of_the_exact_one():
    """All 64 texts of three letters, summed over; then 300 groups of 8, drawn."""
    model = new_model(GPT, GPTConfig(4, 4, n_layer=1, n_head=2, n_embd=8), seed=0)
    model = randomize(model, seed=0).double().eval()
    texts = torch.cartesian_prod(*[torch.arange(4)] * 3)
    ids = torch.cat([torch.zeros(64, 1, dtype=torch.long), texts], dim=1)
    everything = Written(ids, ids >= 0, ids[:, 1:] >= 0)
    rewards = torch.tensor([float(len(set(t)) == 3) for t in texts.tolist()])

    def gradient(loss):
        found = torch.autograd.grad(loss, list(model.parameters()), retain_graph=True)
        return torch.cat([part.flatten() for part in found])

    log_p = token_log_probs(model, everything)  # (64, 3)
    p = log_p.sum(dim=1).exp()
    torch.testing.assert_close(p.sum().item(), 1.0)
    exact = gradient((p * rewards).sum())
    chance, along = torch.Generator().manual_seed(0), []
    for _ in range(300):
        drawn = torch.multinomial(p.detach(), 8, replacement=True, generator=chance)
        advantages = group_advantages(rewards[drawn][None])[0]
        now, chosen = log_p[drawn], everything.chosen[drawn]
        loss = clipped_loss(now, now.detach(), advantages, chosen, length=3)
        along.append((-3 * gradient(loss) @ exact / exact.norm() ** 2).item())
    mean, half = interval(along)
    assert abs(mean - 7 / 8) < half < 0.2


def test_a_group_that_is_always_right_teaches_nothing_with_and_without_its_spread():
    rewards = torch.tensor([[1.0, 1.0], [0.0, 1.0]])
    for by_spread in (False, True):
        advantages = group_advantages(rewards, by_spread)
        assert advantages[0].tolist() == [0, 0] and advantages[1, 1] > 0


def test_the_clip_takes_the_gradient_only_where_a_token_has_gone_far_enough():
    ratios = torch.tensor([[1.5, 0.5, 1.1], [1.5, 0.5, 1.1]])
    log_p = ratios.log().requires_grad_()
    chosen = torch.ones(2, 3, dtype=torch.bool)
    clipped_loss(log_p, torch.zeros(2, 3), torch.tensor([1.0, -1.0]), chosen).backward()
    assert (log_p.grad != 0).tolist() == [[False, True, True], [True, False, True]]


def test_k1_and_k3_have_the_distance_as_their_mean_and_k3_is_never_negative():
    distance = (P * (P / START).log()).sum()
    found = kl_estimates(P.log(), START.log())
    for name in ("k1", "k3"):
        torch.testing.assert_close((P * found[name]).sum(), distance)
    assert (found["k3"] >= 0).all() and (found["k1"] < 0).any()


def test_preferences_begin_at_ln_2_and_raise_the_chosen_over_the_rejected():
    now = torch.tensor([-3.0], requires_grad=True), torch.tensor([-4.0])
    loss = preference_loss(*now, now[0].detach(), now[1], beta=0.5)
    loss.backward()
    assert loss.item() == pytest.approx(0.693147, abs=1e-5)
    assert now[0].grad.item() == pytest.approx(-0.25)


def test_checks_read_stories_as_the_world_does_and_the_wrong_one_can_be_fooled():
    story = World().sample(random.Random(0)).text
    assert is_possible(story) == is_right_answer(story) == count_endings(story) == 1
    last = story[story.index(" Now the") :]
    assert count_endings(story + last) == 2 and is_possible(story + last) == 0
    begun, quoted, _ = story.partition(' said: "')
    assert is_right_answer(begun + quoted + 'On the moon."') == 0
    assert is_right_answer(begun) == 0
    assert story_questions(random.Random(1)).endswith(' said: "')
    assert first_sentences(random.Random(1)).endswith(".")


def test_log_probabilities_of_what_was_written_are_transformers():
    model, tokenizer = models.load("beginner")
    end = tokenizer.end_of_text
    prompts = [[end, *tokenizer.encode(text)] for text in ("One cold", "One icy day,")]
    written = write(model, prompts, 12, end, seed=0)
    theirs = to_huggingface(model).eval()
    with torch.no_grad():
        ours = token_log_probs(model, written)
        for row, text in enumerate(read(tokenizer, written)):
            ids = written.ids[row][written.real[row]]
            log_p = theirs(ids[None, :-1]).logits[0].log_softmax(-1)
            of_next = log_p.gather(-1, ids[1:, None])[:, 0]
            new = written.chosen[row][-len(of_next) :]
            found = ours[row, -len(of_next) :][new]
            torch.testing.assert_close(found, of_next[new], rtol=0, atol=1e-5)
            assert text.startswith("One")
        asked = (["One cold"], [" morning,"])
        whole = answer_log_probs(model, tokenizer, *asked)
        ids = torch.tensor([[*prompts[0], *tokenizer.encode(" morning,"), end]])
        log_p = theirs(ids[:, :-1]).logits.log_softmax(-1)
        of_next = log_p.gather(-1, ids[:, 1:, None])[0, len(prompts[0]) - 1 :]
    torch.testing.assert_close(whole[0], of_next.sum(), rtol=0, atol=1e-4)


def test_the_loop_raises_an_easy_reward_and_repeats_itself():
    def run():
        model, tokenizer = models.load("beginner")
        config = RewardConfig(steps=8, prompts=4, group=4, max_new_tokens=3)
        trainer = RewardTrainer(
            model,
            tokenizer,
            lambda rng: "One",
            lambda text: float(text.startswith("One cold")),
            config,
        )
        trainer.run()
        return [row["reward"] for row in trainer.history]

    rewards = run()
    assert sum(rewards[-3:]) > sum(rewards[:3]) and rewards == run()


@pytest.mark.parametrize(
    ("name", "value"), [("group", 1), ("steps", 0), ("clip", 1.0), ("kl_weight", -1.0)]
)
def test_settings_that_cannot_work_are_named(name, value):
    with pytest.raises(ValueError, match=f"{name} must be"):
        RewardConfig(**{name: value})
