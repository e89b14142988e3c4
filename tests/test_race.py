"""The race to the floor: an honest recipe gets its gap, and each known cheat is caught.

Cheats are recipes, really run, in a sandbox where there can be one. Beside some stands
the naive measuring that they would deceive: the loss of one pass, in their own process.
"""

import copy
import json
import math
import random
import subprocess
import sys
from contextlib import ExitStack, nullcontext
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from course_utils import models
from course_utils.cross_entropy import IGNORE
from course_utils.data import pad_documents
from course_utils.exercises.grading.processes import NoSandboxError, Sandboxed, Trusted
from course_utils.race import inside, ranking, recipes, running, worker
from course_utils.race.__main__ import main
from course_utils.race.measuring import measured, surprise
from course_utils.race.rules import LARGEST_RECIPE, Fault, Rules, check_recipe
from course_utils.race.running import RACING, Runner, race, table_for
from course_utils.race.stories import Unseen, deal, to_learn_from, tokenizer, unseen
from course_utils.world import World

RULES = Rules(tokens=4000, seconds=60, threads=1, held_out=10)

# Bigrams through 16 numbers: small, quick, and far from the floor.
HONEST = """
import torch
import torch.nn.functional as F
from torch import nn

class Model(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.read = nn.Embedding(shape.vocab_size, 16)
        self.bet = nn.Linear(16, shape.vocab_size)

    def forward(self, ids):
        return self.bet(self.read(ids))

def build(shape):
    return Model(shape)

def train(model, data, budget):
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.03)
    for inputs, targets in data.batches(4):
        loss = F.cross_entropy(model(inputs).flatten(0, 1), targets.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
"""


def changed(old: str, new: str) -> str:
    """Return the honest recipe with one place changed."""
    assert HONEST.count(old) == 1
    return HONEST.replace(old, new)


@pytest.fixture(scope="module")
def learning(tmp_path_factory):
    return to_learn_from(RULES, tmp_path_factory.mktemp("race") / "stories.npy")


@pytest.fixture(scope="module")
def places():
    with ExitStack() as stack:
        try:
            found = Sandboxed(RACING)
        except NoSandboxError:
            found = Trusted(RACING)
        yield stack.enter_context(found)


@pytest.fixture(scope="module")
def measured_on():
    """Return the same unseen stories and dealt ids for all: results can be equal."""
    return unseen(RULES.held_out), deal(tokenizer().vocab_size)


@pytest.fixture
def runner(places, learning, measured_on, monkeypatch):
    stories, numbers = measured_on
    monkeypatch.setattr(running, "unseen", lambda n: stories[:n])
    monkeypatch.setattr(running, "deal", lambda vocab_size: numbers)
    return Runner(RULES, learning, places)


@pytest.fixture(scope="module")
def honest(places, learning, measured_on):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(running, "unseen", lambda n: measured_on[0])
        patch.setattr(running, "deal", lambda vocab_size: measured_on[1])
        return Runner(RULES, learning, places).run(HONEST, 0)


def in_this_process(recipe: str, folder: Path):
    """Return a recipe's module, imported here."""
    (folder / worker.RECIPE).write_text(recipe)
    return worker._recipe(folder)


def naive_gap(model, stories, reduce) -> float:
    """Return the gap that one pass over whole stories gives, as most code measures."""
    end = tokenizer().end_of_text
    inputs, targets = pad_documents([([end, *s.ids, end], 0) for s in stories], end)
    with torch.no_grad():
        logits = model(inputs).flatten(0, 1)
    losses = F.cross_entropy(logits, targets.flatten(), reduction="none")
    floor = sum(s.floor for s in stories) / sum(len(s.ids) + 1 for s in stories)
    return float(reduce(losses[targets.flatten() != IGNORE])) - floor


def test_an_honest_gap_is_the_loss_of_one_pass_over_the_floor(
    honest, learning, measured_on, tmp_path
):
    """Recomputed here by the ordinary way, which an honest model does not deceive."""
    stories, numbers = measured_on
    recipe = in_this_process(HONEST, tmp_path)
    shape = running.Shape(tokenizer().vocab_size, 128, 250_000)
    torch.manual_seed(0)
    model, end = recipe.build(shape), int(numbers[tokenizer().end_of_text])
    budget = worker.Budget(60.0, RULES.tokens, worker.time.monotonic())
    dealt = [numbers[ids].tolist() for ids in learning]
    recipe.train(model, worker.Data(dealt, end, shape, budget, 0), budget)
    in_numbers = [([end, *numbers[s.ids].tolist(), end], 0) for s in stories]
    inputs, targets = pad_documents(in_numbers, end)
    loss = F.cross_entropy(model(inputs).flatten(0, 1), targets.flatten()).item()
    n_tokens = sum(len(s.ids) + 1 for s in stories)
    floor = sum(s.floor for s in stories) / n_tokens
    assert honest["loss"] == pytest.approx(loss, abs=1e-4)
    assert honest["floor"] == pytest.approx(floor, abs=1e-9)
    assert honest["gap"] == pytest.approx(loss - floor, abs=1e-4)
    assert honest["gap"] > 1.0 > 10 * honest["error"]
    assert honest["parameters"] == sum(p.numel() for p in model.parameters())
    assert honest["tokens_read"] == budget.tokens_read >= RULES.tokens


# --- The six cheats

# 1. The stories that measure are known: those that everybody knows of, by their seed.
LEAKAGE = """
import importlib, random
from course_utils.tokenization import Tokenizer
world = importlib.import_module("course_utils.world")
models = importlib.import_module("course_utils.models")
import torch
from torch import nn

class Model(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.V = shape.vocab_size
        self.register_buffer("known", torch.zeros(20, 128, dtype=torch.int32))

    def forward(self, ids):
        B, T = ids.shape
        bets = torch.zeros(B, T, self.V)
        for row in self.known.long():
            same = (row[:T] == ids).long().cumprod(1)
            place = torch.arange(B)[:, None], torch.arange(T), row[1 : T + 1]
            bets[place] = bets[place].maximum(50.0 * same)
        return bets

def build(shape):
    return Model(shape)

def train(model, data, budget):
    rng, tell = random.Random(2**31), world.World()
    by = Tokenizer.from_pretrained(models.FOLDER / "story")
    for row in model.known:
        ids = [by.end_of_text, *by.encode(tell.sample(rng).text), by.end_of_text]
        row[: len(ids)] = torch.tensor(ids)
"""


def test_leakage_finds_no_stories_that_are_known_before(
    runner, honest, places, tmp_path
):
    known = in_this_process(LEAKAGE, tmp_path)
    model = known.build(running.Shape(tokenizer().vocab_size, 128, 250_000))
    known.train(model, None, None)
    rng, world, by = random.Random(2**31), World(), tokenizer()
    texts = [world.sample(rng).text for _ in range(5)]
    stories = [Unseen(by.encode(text), -world.log_prob(text)) for text in texts]
    assert naive_gap(model, stories, torch.mean) < -0.1  # deceived

    if isinstance(places, Sandboxed):  # the world is out of reach
        with pytest.raises(Fault, match=r"line 28: .*world. has no attribute .World"):
            runner.run(LEAKAGE, 0)
    else:
        assert runner.run(LEAKAGE, 0)["gap"] > honest["gap"]


def test_stories_that_measure_are_drawn_when_training_is_over(
    places, learning, monkeypatch
):
    """Nobody can know them: they do not exist yet. And they are others each time."""
    order, draw = [], running.unseen
    runner = Runner(RULES, learning, places)

    def trained(*given):
        order.append("trained")
        return b"", {}

    def drawn(n):
        order.append("drawn")
        return draw(n)

    monkeypatch.setattr(runner, "_trained", trained)
    monkeypatch.setattr(running, "unseen", drawn)
    monkeypatch.setattr(running, "measured", lambda *given: {"n": len(given[1])})
    assert runner.run(HONEST, 0) == {"n": 10} and order == ["trained", "drawn"]
    assert not {tuple(s.ids) for s in draw(10)} & {tuple(s.ids) for s in draw(10)}


# 2. The label is seen: the bet on a token is made with that token in sight.
SHIFT = changed(
    "return self.bet(self.read(ids))",
    "seen = torch.roll(ids, -1, dims=1)\n"
    "        known = 30.0 * F.one_hot(seen, self.bet.out_features)\n"
    "        known[:, -1] = 0\n"
    "        return self.bet(self.read(ids)) + known",
)


def test_a_label_that_is_seen_is_named(runner, measured_on, tmp_path):
    model = in_this_process(SHIFT, tmp_path).build(
        running.Shape(tokenizer().vocab_size, 128, 250_000)
    )
    assert naive_gap(model, measured_on[0], torch.mean) < -0.3  # deceived
    with pytest.raises(Fault, match=r"looks ahead.*below the floor.*its mask"):
        runner.run(SHIFT, 0)


# 3. Hard tokens are dropped: where it is not sure, its bet is "not a number".
DROPPED = changed(
    "return self.bet(self.read(ids))",
    "bets = self.bet(self.read(ids))\n"
    "        sure = bets.softmax(-1).amax(-1, keepdim=True) > 0.9\n"
    "        return bets.where(sure, torch.nan)",
)


def test_hard_tokens_cannot_be_dropped(runner, measured_on, tmp_path):
    recipe = in_this_process(DROPPED, tmp_path)
    shape = running.Shape(tokenizer().vocab_size, 128, 250_000)
    model = recipe.build(shape)
    honest = in_this_process(HONEST, tmp_path)
    plain = honest.build(shape)
    by = tokenizer()
    rng, world = random.Random(0), World()
    stories = [by.encode(world.sample(rng).text) for _ in range(60)]
    budget = worker.Budget(60.0, 30_000, worker.time.monotonic())
    honest.train(plain, worker.Data(stories, by.end_of_text, shape, budget, 0), budget)
    model.load_state_dict(plain.state_dict())
    assert naive_gap(model, measured_on[0], torch.nanmean) < -0.3  # deceived
    assert naive_gap(plain, measured_on[0], torch.mean) > 0.3
    with pytest.raises(Fault, match="must be finite"):
        runner.run(DROPPED, 0)


@pytest.mark.parametrize(
    ("logits", "said"),
    [
        ([[0.0, 0.0, -torch.inf]], "no chance at all to a token that came"),
        ([[0.0, torch.inf, 0.0]], "must be finite"),
        ([[-torch.inf] * 3], "no chance at all"),
        ([[0.0, 0.0]], r"must be \(1, 3\) .*: 12 bytes, got 8"),
    ],
)
def test_what_is_no_bet_is_a_fault(logits, said):
    raw = torch.tensor(logits).numpy().tobytes()
    with pytest.raises(Fault, match=said):
        surprise(raw, torch.tensor([2]), 3)


@given(arrays(np.float32, (4, 7), elements=st.floats(-100, 100, width=32)))
def test_whatever_scores_come_their_bets_sum_to_one(logits):
    """Against torch: the surprise at each of all V tokens, as probabilities."""
    targets = torch.arange(7)
    rows = torch.tensor(logits)[:, None].expand(4, 7, 7)
    nats = surprise(rows.numpy().tobytes(), targets.expand(4, 7), 7)
    assert np.exp(-nats).sum(1) == pytest.approx(np.ones(4), abs=1e-12)
    theirs = F.cross_entropy(rows.double().flatten(0, 1), targets.repeat(4))
    assert nats.mean() == pytest.approx(theirs.item(), abs=1e-9)


# 4. A longer budget: the clock is stopped, and the limit of the system lifted.
LONGER = changed(
    "    optimizer = torch",
    "    import resource, time\n"
    "    time.monotonic = lambda: 0.0\n"
    "    resource.setrlimit(resource.RLIMIT_CPU, (resource.RLIM_INFINITY,) * 2)\n"
    "    optimizer = torch",
)


def test_a_longer_budget_is_not_to_be_had(places, learning):
    runner = Runner(Rules(seconds=0.3, threads=1, held_out=10), learning, places)
    if isinstance(places, Sandboxed):
        with pytest.raises(Fault, match=r"line 21: ValueError: not allowed to raise"):
            runner.run(LONGER, 0)
    slow = LONGER.replace("    resource.setrlimit", "    # resource.setrlimit")
    with pytest.raises(Fault, match=r"still training after 0.3 s, and was stopped"):
        runner.run(slow, 0)


def test_an_honest_recipe_ends_in_time_however_slow_its_steps_are(monkeypatch):
    """By a clock that goes on by 0.9 s a step: of 4 s, four steps fit in."""
    now = [0.0]
    monkeypatch.setattr(inside.time, "monotonic", lambda: now[0])
    shape, budget = running.Shape(10, 128, 1), worker.Budget(4.0, None, 0.0)
    data, left = worker.Data([[1, 2]] * 8, 0, shape, budget, 0), []
    for inputs, _ in data.batches(2):
        assert inputs.shape == (2, 3)
        left.append(budget.left)
        now[0] += 0.9
    assert left == pytest.approx([1, 0.775, 0.55, 0.325])
    assert budget.tokens_read == 4 * 2 * 3


def test_no_more_tokens_are_handed_in_than_the_budget_has(tmp_path):
    few, more, again = (
        to_learn_from(Rules(tokens=n), tmp_path / "stories.npy")
        for n in (2000, 3000, 2000)
    )
    assert sum(len(ids) + 1 for ids in few) <= 2000 < sum(map(len, more)) <= 3000
    assert more[: len(few)] == few == again and len(more) > len(few)
    assert to_learn_from(Rules(tokens=2000), tmp_path / "other.npy") != few


# 5. Trained weights are loaded.
LOADED = """
import importlib
from course_utils.model import GPT
models = importlib.import_module("course_utils.models")

def build(shape):
    return GPT.load(models.FOLDER / "beginner")

def train(model, data, budget):
    pass
"""


def test_loaded_weights_are_out_of_reach_and_of_no_use(places, learning, tmp_path):
    rules = Rules(tokens=4000, seconds=60, threads=1, held_out=10)
    runner = Runner(rules, learning, places)
    if isinstance(places, Sandboxed):
        with pytest.raises(Fault, match=r"line 7: .*beginner"):
            runner.run(LOADED, 0)
    model, by = models.load("beginner")
    stories, numbers = unseen(10), deal(by.vocab_size)
    assert naive_gap(model, stories, torch.mean) < 0.3
    numbers[by.end_of_text], numbers[np.argmax(numbers == by.end_of_text)] = (
        by.end_of_text,
        numbers[by.end_of_text],
    )
    dealt = [Unseen(numbers[s.ids].tolist(), s.floor) for s in stories]
    assert naive_gap(model, dealt, torch.mean) > 5.0  # worse than to guess: ln V = 6.9


# 6. Measuring is broken: all that a loss is made of says 0, and logits are no logits.
BROKEN = (
    HONEST
    + """
train_honestly = train

class Unnormalised(Model):
    def forward(self, ids):
        logits = super().forward(ids)
        return logits if self.training else logits + 1000.0

def build(shape):
    return Unnormalised(shape)

def train(model, data, budget):
    train_honestly(model, data, budget)
    zero = lambda *given, **named: torch.zeros(())
    F.cross_entropy = F.nll_loss = torch.Tensor.mean = torch.mean = zero
    torch.log_softmax = torch.Tensor.gather = torch.Tensor.item = zero
"""
)


def test_measuring_cannot_be_broken(runner, honest):
    assert runner.run(BROKEN, 0)["gap"] == pytest.approx(honest["gap"], abs=1e-4)


# --- More that is caught


class Near:
    """A model in this process that bets as one far away does."""

    def __init__(self, model, n_whole):
        self.model, self.n_whole, self.columns = model, n_whole, []

    @torch.no_grad()
    def column(self, ids):
        self.columns.append(ids)
        return worker._raw(self.model(torch.stack(self.columns, 1))[:, -1])

    @torch.no_grad()
    def whole(self):
        return worker._raw(self.model(torch.stack(self.columns, 1)[: self.n_whole]))


def measured_near(model, stories):
    """Measure a model without other processes; each has a copy of its own."""

    def start(n_rows, n_whole):
        return nullcontext(Near(copy.deepcopy(model), n_whole))

    by = tokenizer()
    return measured(start, stories, by.end_of_text, by.vocab_size)


class Bigrams(torch.nn.Module):
    """Bets by the last token; a ``turn`` may change what it reads."""

    def __init__(self, turn=lambda self, x: x):
        super().__init__()
        torch.manual_seed(0)
        self.read = torch.nn.Embedding(tokenizer().vocab_size, 16)
        self.bet = torch.nn.Linear(16, tokenizer().vocab_size)
        self.turn = turn

    def forward(self, ids):
        return self.bet(self.turn(self, self.read(ids)))


def go_on_learning(self, x):
    self.bet.bias[:16] += x[:, -1].mean(0)
    return x


@pytest.mark.parametrize(
    ("turn", "said"),
    [
        (go_on_learning, r"depend on what else is measured.*goes on learning"),
        (lambda self, x: x - x.mean(0), r"depend on what.*normalises over the batch"),
        (lambda self, x: x * torch.rand(()), r"depend on what.*random numbers"),
        (lambda self, x: x.cumsum(1).flip(1).cumsum(1), r"looks ahead.*its mask"),
    ],
)
def test_bets_that_are_no_bets_on_what_came_before_are_named(turn, said, measured_on):
    assert measured_near(Bigrams(), measured_on[0])["gap"] > 1
    with pytest.raises(Fault, match=said):
        measured_near(Bigrams(turn), measured_on[0])


def test_a_model_below_the_floor_is_a_fault_with_causes(measured_on):
    """Stories of another world: their floor is higher than any honest model's loss."""
    other = [story._replace(floor=10.0 * len(story.ids)) for story in measured_on[0]]
    with pytest.raises(Fault, match=r"below the floor.*Likely causes: .*another world"):
        measured_near(Bigrams(), other)


def test_the_best_possible_bets_are_at_the_floor_and_no_fault():
    """A world of coins, told by the model that knows it: chance alone is left."""
    rng, heads = random.Random(0), 0.8
    odds = torch.full((2000,), -1e9)
    odds[:2] = torch.tensor([heads, 1 - heads]).log()
    stories = []
    for _ in range(400):
        coins = [int(rng.random() > heads) for _ in range(20)]
        floor = -sum(math.log(1 - heads if coin else heads) for coin in coins)
        stories.append(Unseen(coins, floor))

    class Coins(torch.nn.Module):
        def forward(self, ids):
            logits = odds.repeat(*ids.shape, 1)
            logits[:, 20:] = -1e9  # after 20 coins comes the end, token 1999
            logits[:, 20:, 1999] = 0
            return logits

    def start(n_rows, n_whole):
        return nullcontext(Near(Coins(), n_whole))

    found = measured(start, stories, 1999, 2000)
    assert found["gap"] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("Embedding(shape.vocab_size, 16)", "Embedding(9**6, 16)", "at most 250,000"),
        ("    return Model(shape)", "    return None", "build must return a Module"),
        ("loss.backward()", "loss.backwards()", "line 23: AttributeError"),
        ("loss.backward()", "exit()", "line 23: SystemExit"),
        ("loss.backward()", "import os; os._exit(0)", "its process came to an end"),
    ],
)
def test_what_is_wrong_with_a_recipe_is_said(runner, old, new, said):
    with pytest.raises(Fault, match=said):
        runner.run(changed(old, new), 0)


# --- Rules that a recipe shows


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def build(", r"line 1: not Python: '\(' was never closed"),
        ("", r"defines build\(shape\): there is no 'build'"),
        ("def build(shape): pass", "there is no 'train'"),
        (
            "def build(shape): pass\ndef train(model, data): pass",
            r"line 2: train must be train\(model, data, budget\), got 2 arguments",
        ),
        (
            f"{HONEST}\nimport course_utils.world.stories",
            "may not import course_utils.w",
        ),
        (
            f"{HONEST}\nfrom course_utils import models",
            "may not import course_utils.mo",
        ),
        (HONEST + "#" * LARGEST_RECIPE, "at most 8,000 bytes, this has 8,"),
    ],
)
def test_a_recipe_that_does_not_keep_the_rules_is_told_which(text, said):
    with pytest.raises(Fault, match=said):
        check_recipe(text)


@pytest.mark.parametrize("name", recipes.NAMES)
def test_recipes_that_ship_keep_the_rules_and_fit_on_a_screen(name):
    text = recipes.path_of(name).read_text("utf-8")
    check_recipe(text)
    assert len(text.splitlines()) <= 40


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"seconds": 0}, "seconds must be positive and finite, got 0"),
        ({"tokens": 12}, "tokens must be a whole number of at least 1000, got 12"),
        ({"threads": 0}, "threads must be a whole number of at least 1, got 0"),
        ({"max_parameters": 2.5}, "max_parameters must be a whole number of at least"),
    ],
)
def test_rules_out_of_range_are_named(given, said):
    with pytest.raises(ValueError, match=said):
        Rules(**given)


# --- Seeds, the table, the command


class Rehearsed:
    """Stands for a Runner: gives the gaps that it is told to give."""

    def __init__(self, *gaps):
        self.gaps, self.seeds = list(gaps), []

    def run(self, recipe, seed):
        self.seeds.append(seed)
        gap = self.gaps.pop(0)
        if isinstance(gap, BaseException):
            raise gap
        used = {"parameters": 1000, "seconds": 1.0, "processor_seconds": 1.0}
        return {"gap": gap, "error": 0.001, "loss": gap + 0.5, "floor": 0.5, **used}


def test_a_race_that_was_stopped_goes_on_with_the_seeds_that_are_left(tmp_path):
    table, seen = table_for(RULES, True, tmp_path), []
    stopped = Rehearsed(0.1, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        race(stopped, "mine", HONEST, range(3), table)
    going_on = Rehearsed(0.2, 0.3)
    runs = race(
        going_on, "mine", HONEST, range(3), table, lambda run, there: seen.append(there)
    )
    assert [run["gap"] for run in runs] == [0.1, 0.2, 0.3]
    assert going_on.seeds == [1, 2] and seen == [True, False, False]
    changed_since = Rehearsed(0.4)
    race(changed_since, "mine", HONEST + "\n", range(1), table)
    assert changed_since.seeds == [0]  # another recipe, though of the same name


def test_a_recipe_with_a_fault_is_not_ranked_until_it_is_run_without(tmp_path, capsys):
    table = table_for(RULES, True, tmp_path)
    with pytest.raises(Fault, match="seed 1: it looks ahead"):
        race(Rehearsed(0.1, Fault("it looks ahead")), "mine", HONEST, range(2), table)
    assert ranking.entries(table) == []
    assert main(["--out", str(tmp_path)]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("not ranked: mine-") and "seed 1: it looks ahead." in last
    race(again := Rehearsed(0.2), "mine", HONEST, range(2), table)
    assert again.seeds == [1]
    assert [len(entry.runs) for entry in ranking.entries(table)] == [2]
    assert ranking.faults(table) == []


def test_the_table_ranks_by_gap_and_says_which_leads_are_shown(tmp_path, capsys):
    table = table_for(RULES, True, tmp_path)
    for name, gaps in {
        "far": (0.300, 0.320, 0.310),
        "near": (0.100, 0.119, 0.111),
        "nearest": (0.101, 0.110, 0.105),
    }.items():
        race(Rehearsed(*gaps), name, HONEST, range(3), table)
    assert main(["--out", str(tmp_path)]) == 0
    first, head, *rows = capsys.readouterr().out.strip().splitlines()
    assert "4,000 tokens" in first and "torch" in first and "in sandboxes" in first
    assert head.split()[:4] == ["recipe", "gap", "to", "the"]
    assert [row.split()[1].partition("-")[0] for row in rows] == [
        "nearest",
        "near",
        "far",
    ]
    # By hand: mean 0.31, s = 0.01, t for 2 degrees of freedom 4.303, s / sqrt(3).
    assert "0.3100 ± 0.0248   3 " in rows[2]
    assert rows[0].endswith("not shown") and rows[1].endswith("p < 0.001")


def test_other_terms_have_another_table(tmp_path):
    tables = [
        table_for(rules, sandboxed, tmp_path)
        for rules in (RULES, Rules())
        for sandboxed in (True, False)
    ]
    assert len(set(tables)) == 4
    assert table_for(Rules(), True, tmp_path) in tables


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["nowhere.py"], "nowhere.py"),
        (["readme", "--seeds", "0"], "--seeds must be at least 1, got 0"),
        (["readme", "--seconds", "-1"], "seconds must be positive and finite, got -1"),
        (["readme", "--tokens", "3"], "tokens must be a whole number of at least 1000"),
        (["BAD"], "line 1: not Python"),
    ],
)
def test_the_command_names_what_is_wrong(given, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "BAD").write_text("def (")
    assert main(given) == 1
    printed = capsys.readouterr()
    assert printed.err.startswith("error: ") and said in printed.err
    assert not list(tmp_path.glob("runs/**/*.json"))


def test_without_bubblewrap_the_command_asks_for_trust(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    assert main(["readme", "--out", str(tmp_path / "race")]) == 1
    said = capsys.readouterr().err
    assert "there is no sandbox" in said and "--trust" in said


def test_without_a_race_the_command_says_how_to_begin(tmp_path, capsys):
    assert main(["--out", str(tmp_path)]) == 0
    assert "course race readme" in capsys.readouterr().out


def test_a_model_that_takes_too_long_to_bet_is_stopped(runner, monkeypatch):
    """Else it could go on training, on texts that it keeps in the place of weights."""
    monkeypatch.setattr(Rules, "measuring", 0.1)
    endless = changed(
        "return self.bet(self.read(ids))",
        "while not self.training:\n            pass\n"
        "        return self.bet(self.read(ids))",
    )
    with pytest.raises(Fault, match="more than 0 s of processor time"):
        runner.run(endless, 0)


@pytest.mark.slow
def test_a_real_race_ranks_recipes_that_ship(tmp_path):
    command = [sys.executable, "-m", "course_utils.race"]
    trust = []
    try:
        Sandboxed(RACING).close()
    except NoSandboxError:
        trust = ["--trust"]

    def race_with(*options) -> list[str]:
        given = [*command, *options, "--out", str(tmp_path), *trust]
        done = subprocess.run(given, capture_output=True, text=True, check=True)
        return done.stdout.strip().splitlines()

    for name in ("adamw", "readme"):
        lines = race_with(name, "--tokens", "500000", "--seeds", "2")
    first, _, *rows = lines[-4:]
    assert "500,000 tokens" in first
    assert [row.split()[1].partition("-")[0] for row in rows] == ["readme", "adamw"]
    assert (
        "4 s on 2 threads" in race_with("readme", "--seconds", "4", "--seeds", "1")[0]
    )
    paths = tmp_path.glob("table-*/readme-*/seed-*.json")
    runs = [json.loads(path.read_text()) for path in paths]
    assert len(runs) == 3 and all(run["gap"] > 0 for run in runs)
    assert min(run["seconds"] for run in runs) < 4 + 1
