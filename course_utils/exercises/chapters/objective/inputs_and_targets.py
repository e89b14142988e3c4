"""Inputs, targets, and what does not count: inputs_and_targets and its mistakes."""

import torch

from course_utils.exercises.engine.definition import Exercise


def _shift_cases(rng):
    for lengths in ((5,), (4, 6), (3, 7, 5)):
        T = max(lengths)
        ids = [[rng.randrange(1, 90) for _ in range(n)] for n in lengths]
        rows = [row + [0] * (T - len(row)) for row in ids]
        prompts = [rng.randint(1, n - 2) for n in lengths]
        yield torch.tensor(rows), torch.tensor(prompts), torch.tensor(lengths)
    # Here 0 is a token of the text too: what fills up is known by its place alone.
    rows = [[7, 0, 5, 0, 0, 0], [0, 3, 0, 8, 0, 4]]
    yield torch.tensor(rows), torch.tensor([1, 2]), torch.tensor([4, 6])


def _numbers_of(ids):
    return torch.arange(1, ids.shape[1])  # of the tokens that are targets


def inputs_and_targets(ids, n_prompt, n_tokens):
    inputs, targets = ids[:, :-1], ids[:, 1:].clone()
    number = torch.arange(1, ids.shape[1])  # which token of the text a target is
    in_prompt = number < n_prompt[:, None]  # (B, T)
    padding = number >= n_tokens[:, None]
    targets[in_prompt | padding] = -100
    return inputs, targets


def _masked(ids, prompt, n_tokens, ignored=-100):
    """Return the right inputs, and targets with these borders."""
    inputs, targets = ids[:, :-1].clone(), ids[:, 1:].clone()
    number = _numbers_of(ids)
    targets[(number < prompt[:, None]) | (number >= n_tokens[:, None])] = ignored
    return inputs, targets


inputs_and_targets = Exercise(
    name="objective.inputs_and_targets",
    task="(ids (B, T+1), n_prompt (B,), n_tokens (B,)) -> (inputs (B, T), targets (B, "
    "T)): each input's target is the token after it. A target that belongs to the "
    "prompt (a text's first n_prompt tokens) or to the padding (all after its first "
    "n_tokens) is -100.",
    reference=inputs_and_targets,
    cases=_shift_cases,
    hints=(
        "Target t of a row is which of its tokens? And which is the first to count?",
        "Target t is token t + 1: it is prompt if t + 1 < n_prompt, padding if t + 1 "
        ">= n_tokens. n_prompt[:, None] is (B, 1).",
        "inputs = ids[:, :-1]\n"
        "targets = a copy of ids[:, 1:]\n"
        "number = 1, 2, … T\n"
        "targets[(number < n_prompt[:, None]) | (number >= n_tokens[:, None])] = -100",
    ),
    proves="One formula for both: with a prompt, only the answer's tokens count.",
)


@inputs_and_targets.wrong
def targets_not_shifted(ids, n_prompt, n_tokens):
    """Each target is its own input: the model learns to repeat what it is given. The
    loss falls to 0, and nothing has been learnt."""
    number = torch.arange(ids.shape[1] - 1)
    targets = ids[:, :-1].clone()
    targets[(number < n_prompt[:, None]) | (number >= n_tokens[:, None])] = -100
    return ids[:, :-1], targets


@inputs_and_targets.wrong
def shifted_the_wrong_way(ids, n_prompt, n_tokens):
    """Your targets are the tokens *before* the inputs: causal attention has seen them
    already. Input ids[:, :-1], target ids[:, 1:]."""
    inputs, targets = _masked(ids, n_prompt, n_tokens)
    return targets, inputs


@inputs_and_targets.wrong
def shifted_the_wrong_way_with_its_mask(ids, n_prompt, n_tokens):
    """Your inputs are the later tokens, your targets the earlier ones. Turn them round:
    the target comes after the input."""
    number = torch.arange(ids.shape[1] - 1)
    targets = ids[:, :-1].clone()
    targets[(number < n_prompt[:, None]) | (number >= n_tokens[:, None])] = -100
    return ids[:, 1:], targets


@inputs_and_targets.wrong
def shifted_twice(ids, n_prompt, n_tokens):
    """Your targets are two tokens ahead. That happens where you shift, and the loss
    shifts again: transformers' labels=… does."""
    inputs, targets = _masked(ids, n_prompt, n_tokens)
    last = torch.full_like(targets[:, :1], -100)
    return inputs, torch.cat([targets[:, 1:], last], dim=1)


@inputs_and_targets.wrong
def first_token_of_the_answer_not_counted(ids, n_prompt, n_tokens):
    """Your mask is one token too long: the answer's first token is not learnt. It is
    predicted at the last token of the prompt, and it counts."""
    return _masked(ids, n_prompt + 1, n_tokens)


@inputs_and_targets.wrong
def last_token_of_the_prompt_counted(ids, n_prompt, n_tokens):
    """Your mask is one token too short: the prompt's last token counts. Target t is
    token t + 1, so compare t + 1 with n_prompt."""
    return _masked(ids, n_prompt - 1, n_tokens)


@inputs_and_targets.wrong
def nothing_masked(ids, n_prompt, n_tokens):
    """You shift, and mask nothing: prompt and padding count. What is not to be learnt
    must be -100."""
    return ids[:, :-1], ids[:, 1:]


@inputs_and_targets.wrong
def prompt_counted(ids, n_prompt, n_tokens):
    """The prompt is not masked: the model is trained to write questions too."""
    return _masked(ids, torch.zeros_like(n_prompt), n_tokens)


@inputs_and_targets.wrong
def answer_masked_in_place_of_the_prompt(ids, n_prompt, n_tokens):
    """You mask the answer and train on the prompt. It is the other way round."""
    inputs, targets = ids[:, :-1].clone(), ids[:, 1:].clone()
    targets[_numbers_of(ids) >= n_prompt[:, None]] = -100
    return inputs, targets


@inputs_and_targets.wrong
def padding_counted(ids, n_prompt, n_tokens):
    """The padding counts: the model learns that after every answer comes padding, and
    again padding, and the easy wins make the loss look good."""
    return _masked(ids, n_prompt, torch.full_like(n_tokens, ids.shape[1]))


@inputs_and_targets.wrong
def last_real_token_not_counted(ids, n_prompt, n_tokens):
    """The last real token of each text does not count: your mask of the padding is one
    too long. Target t is token t + 1."""
    return _masked(ids, n_prompt, n_tokens - 1)


@inputs_and_targets.wrong
def first_padding_counted(ids, n_prompt, n_tokens):
    """The first token of the padding still counts. The last real token is number
    n_tokens - 1, counted from 0."""
    return _masked(ids, n_prompt, n_tokens + 1)


@inputs_and_targets.wrong
def ignored_with_0(ids, n_prompt, n_tokens):
    """You mark with 0. That is a token like any other, and the model would learn to
    write it. -100 is no token: so it can say "does not count"."""
    return _masked(ids, n_prompt, n_tokens, ignored=0)


@inputs_and_targets.wrong
def inputs_masked_too(ids, n_prompt, n_tokens):
    """You mask the inputs as well. The model must read the prompt; only the loss leaves
    it out. (And -100 has no row in the table of tokens.)"""
    inputs, targets = _masked(ids, n_prompt, n_tokens)
    return inputs.masked_fill(targets == -100, -100), targets


@inputs_and_targets.wrong
def inputs_numbered_in_place_of_targets(ids, n_prompt, n_tokens):
    """Both borders are one too late: you compare the number of the input, t. A target
    is token t + 1: compare that."""
    return _masked(ids, n_prompt + 1, n_tokens + 1)


@inputs_and_targets.wrong
def lengths_of_the_first_text_for_all(ids, n_prompt, n_tokens):
    """You use the first text's lengths in every row. Each text has its own:
    n_prompt[:, None] compares row by row."""
    rows = torch.zeros_like(n_prompt)  # the first, as often as there are texts
    return _masked(ids, n_prompt[rows], n_tokens[rows])
