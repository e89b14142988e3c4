"""A state as few of many directions: exercise sparse_features and its mistakes."""

import torch

from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import tensor


def _cases(rng):
    for N, C, F, k in ((1, 3, 5, 2), (2, 2, 6, 3), (4, 3, 7, 2), (3, 4, 9, 4)):
        yield (
            tensor(rng, N, C, scale=2.0),
            tensor(rng, F, C),
            tensor(rng, F, scale=0.5),
            tensor(rng, C),
            k,
        )
    yield tensor(rng, 4, 3), tensor(rng, 5, 3), tensor(rng, 5) - 2.5, tensor(rng, 3), 3


def _kept(activations, k):
    largest, which = activations.topk(k, dim=-1)
    return torch.zeros_like(activations).scatter(-1, which, largest)


def sparse_features(x, directions, bias, centre, k):
    activations = ((x - centre) @ directions.T + bias).relu()
    largest, which = activations.topk(k, dim=-1)
    return torch.zeros_like(activations).scatter(-1, which, largest)


sparse_features = Exercise(
    name="inside.sparse_features",
    task="(x (N, C), directions (F, C), bias (F,), centre (C,), int k) -> (N, F): take "
    "the centre off each state, multiply it with each direction, add the bias, and set "
    "to 0 what is below 0. Of each state keep the k largest; all others are 0.",
    reference=sparse_features,
    cases=_cases,
    hints=(
        "In which order: centre, product, bias, relu, choice?",
        "(N, C) @ (C, F) is (N, F); topk over the last dimension gives values and "
        "indices, (N, k) both. scatter puts values at indices.",
        "a = relu((x - centre) @ directionsᵀ + bias)\n"
        "values, which = the k largest of each row of a\n"
        "zeros like a, with values at which",
    ),
    proves="You take a state apart into a few of many directions.",
)


def _activations(x, directions, bias, centre):
    return (x - centre) @ directions.T + bias


@sparse_features.wrong
def centre_left_in(x, directions, bias, centre, k):
    """You do not take the centre off. What all states have in common would use up
    features at every token."""
    return _kept((x @ directions.T + bias).relu(), k)


@sparse_features.wrong
def centre_added(x, directions, bias, centre, k):
    """You add the centre. It is taken off before, and added after the way back."""
    return _kept(_activations(x, directions, bias, -centre).relu(), k)


@sparse_features.wrong
def bias_left_out(x, directions, bias, centre, k):
    """The bias is missing: it sets how strong a direction must be to count."""
    return _kept(((x - centre) @ directions.T).relu(), k)


@sparse_features.wrong
def bias_after_the_relu(x, directions, bias, centre, k):
    """You add the bias after the relu: features below 0, and none at rest."""
    return _kept(((x - centre) @ directions.T).relu() + bias, k)


@sparse_features.wrong
def relu_left_out(x, directions, bias, centre, k):
    """Some of your features are below 0: where fewer than k are above, topk takes
    negative ones. relu first."""
    return _kept(_activations(x, directions, bias, centre), k)


@sparse_features.wrong
def the_largest_without_sign(x, directions, bias, centre, k):
    """You choose by absolute value: directions that the state points away from."""
    activations = _activations(x, directions, bias, centre)
    which = activations.abs().topk(k, dim=-1).indices
    chosen = activations.gather(-1, which)
    return torch.zeros_like(activations).scatter(-1, which, chosen)


@sparse_features.wrong
def one_too_many(x, directions, bias, centre, k):
    """You keep k + 1: a threshold must be above the (k + 1)-th, not at it."""
    return _kept(_activations(x, directions, bias, centre).relu(), k + 1)


@sparse_features.wrong
def all_kept(x, directions, bias, centre, k):
    """You keep all that is above 0. Only the k largest of each state stay."""
    return _activations(x, directions, bias, centre).relu()


@sparse_features.wrong
def chosen_over_the_whole_batch(x, directions, bias, centre, k):
    """You keep N · k over all states together. Each state keeps its own k."""
    activations = _activations(x, directions, bias, centre).relu()
    return _kept(activations.flatten(), k * len(x)).view_as(activations)


@sparse_features.wrong
def chosen_over_the_states(x, directions, bias, centre, k):
    """Your choice runs over the states (dim 0): each feature keeps its strongest
    states. Each state keeps its strongest features."""
    activations = _activations(x, directions, bias, centre).relu()
    return _kept(activations.T, min(k, len(x))).T


@sparse_features.wrong
def ones_in_place_of_values(x, directions, bias, centre, k):
    """You return which features are at work, as 1. How strong each is matters for the
    way back."""
    return (sparse_features.reference(x, directions, bias, centre, k) > 0).float()


@sparse_features.wrong
def only_the_k_values(x, directions, bias, centre, k):
    """You return the k values alone, (N, k): which features they are is lost. Put them
    at their places among F."""
    return _activations(x, directions, bias, centre).relu().topk(k, dim=-1).values


@sparse_features.wrong
def the_k_smallest(x, directions, bias, centre, k):
    """You keep the k smallest. The k largest stay."""
    activations = _activations(x, directions, bias, centre).relu()
    which = activations.topk(k, dim=-1, largest=False).indices
    chosen = activations.gather(-1, which)
    return torch.zeros_like(activations).scatter(-1, which, chosen)


@sparse_features.wrong
def scaled_to_shares(x, directions, bias, centre, k):
    """You scale a state's features to sum to 1: how strong they are is lost."""
    found = sparse_features.reference(x, directions, bias, centre, k)
    return found / found.sum(dim=-1, keepdim=True).clamp(min=1e-9)
