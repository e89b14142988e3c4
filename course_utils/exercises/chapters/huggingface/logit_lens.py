"""A lens into the layers: exercise logit_lens and its mistakes."""

import itertools

import torch
import torch.nn.functional as F

from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import tensor


def _state_cases(rng):
    for n_layer, T, C, V in ((1, 2, 3, 4), (2, 3, 4, 6), (3, 4, 5, 7)):
        states = [tensor(rng, T, C, scale=2.0) for _ in range(n_layer + 1)]
        gain, bias = 1 + tensor(rng, C, scale=0.3), tensor(rng, C, scale=0.3)
        yield states, gain, bias, tensor(rng, V, C)
    yield states, -gain, bias, tensor(rng, V, C)  # a learnt gain may be negative


def logit_lens(states, gain, bias, table):
    *early, last = states
    normed = [F.layer_norm(x, gain.shape, gain, bias) for x in early]
    return torch.stack([*normed, last]) @ table.T


def _through(states, table):
    return torch.stack(states) @ table.T


logit_lens = Exercise(
    name="huggingface.logit_lens",
    task="(list states, gain (C,), bias (C,), table (V, C)) -> logits (n_layer+1, T, "
    "V): each of the n_layer+1 states (T, C) through the final LayerNorm and the tied "
    "head. The last one, as transformers gives it, has been through the norm already.",
    reference=logit_lens,
    cases=_state_cases,
    hints=(
        "What happens to the last block's output before the head? Why would the head "
        "not understand an earlier state as it is?",
        "F.layer_norm(x, (C,), gain, bias) keeps (T, C); (L + 1, T, C) @ (C, V).",
        "norm all states but the last\nstack them: (n_layer + 1, T, C)\n"
        "return the stack @ table.T",
    ),
    proves="You can read what a GPT would say if it ended after any of its layers.",
)


@logit_lens.wrong
def final_norm_missing(states, gain, bias, table):
    """The states are not normalised: the head has only ever read what comes out of
    ln_f, and the scale of the stream grows from layer to layer."""
    return _through(states, table)


@logit_lens.wrong
def the_last_one_normalised_twice(states, gain, bias, table):
    """You normalise the last state too. In transformers, hidden_states[-1] has been
    through ln_f already; a second time changes it."""
    return _through([F.layer_norm(x, gain.shape, gain, bias) for x in states], table)


@logit_lens.wrong
def normalised_without_gain_and_bias(states, gain, bias, table):
    """You normalise without gain and bias. They are part of the final LayerNorm: the
    head was trained on what they make of it."""
    *early, last = states
    return _through([*(F.layer_norm(x, gain.shape) for x in early), last], table)


@logit_lens.wrong
def probabilities_in_place_of_logits(states, gain, bias, table):
    """These are probabilities. Logits are asked for."""
    return logit_lens.reference(states, gain, bias, table).softmax(dim=-1)


@logit_lens.wrong
def the_embedding_left_out(states, gain, bias, table):
    """The first state is missing. It is the embedding, before any block: n_layer + 1
    states in all."""
    return logit_lens.reference(states, gain, bias, table)[1:]


@logit_lens.wrong
def only_the_last_position(states, gain, bias, table):
    """You return the last position alone. Every position has a next token."""
    return logit_lens.reference(states, gain, bias, table)[:, -1]


@logit_lens.wrong
def what_each_layer_adds(states, gain, bias, table):
    """You look at what each layer adds. Asked is what the stream holds after it: the
    sum of all so far."""
    added = [states[0], *(b - a for a, b in itertools.pairwise(states))]
    return logit_lens.reference(added, gain, bias, table)


@logit_lens.wrong
def the_embedding_not_normalised(states, gain, bias, table):
    """You leave the first state as it is. Only the last one has been through the norm;
    the embedding needs it like all others."""
    C = states[0].shape[-1]
    middle = [F.layer_norm(state, (C,), gain, bias) for state in states[1:-1]]
    return _through([states[0], *middle, states[-1]], table)


@logit_lens.wrong
def only_the_last_one_normalised(states, gain, bias, table):
    """You normalise the last state and no other. It is the other way round: the last
    one has been through the norm already, the ones before have not."""
    C = states[0].shape[-1]
    last = F.layer_norm(states[-1], (C,), gain, bias)
    return _through([*states[:-1], last], table)


@logit_lens.wrong
def the_last_state_left_out(states, gain, bias, table):
    """Your logits are one layer short: the last state is missing. It has been through
    the norm already, but it needs the head like all others."""
    return logit_lens.reference(states, gain, bias, table)[:-1]


@logit_lens.wrong
def variance_of_a_sample(states, gain, bias, table):
    """Your norm divides the variance by C - 1, as var() does unless it is told not to.
    LayerNorm divides by C: var(unbiased=False)."""

    def norm(x):
        spread = (x.var(dim=-1, keepdim=True) + 1e-5).sqrt()
        return (x - x.mean(dim=-1, keepdim=True)) / spread * gain + bias

    *early, last = states
    return _through([*map(norm, early), last], table)
