"""Rotary positions: exercise rotate and its mistakes."""

import torch

from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import tensor


def _cases(rng):
    yield tensor(rng, 1, 1, 2), torch.tensor([1]), 100.0
    yield tensor(rng, 2, 4), torch.tensor([0, 3]), 100.0
    yield tensor(rng, 1, 3, 6), torch.tensor([2, 5, 1]), 50.0
    yield tensor(rng, 2, 3, 3, 8), torch.arange(4, 7), 10_000.0


def rotate(x, positions, base):
    D = x.shape[-1]
    speeds = base ** (-torch.arange(0, D, 2) / D)
    angles = positions[:, None] * speeds
    cos, sin = angles.cos(), angles.sin()
    first, second = x.chunk(2, dim=-1)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)


rotate = Exercise(
    name="modern.rotate",
    task="(x (..., T, D), positions (T,), base) -> (..., T, D): turn each pair of "
    "channels (i, i + D/2) by the angle position · base^(−2i/D): "
    "(a, b) becomes (a cos − b sin, b cos + a sin).",
    reference=rotate,
    tolerance=1e-4,
    cases=_cases,
    hints=(
        "Which channels make a pair? For D = 4 they are (0, 2) and (1, 3).",
        "There are D/2 speeds, and (T, D/2) angles: positions[:, None] * speeds. x is "
        "cut into two halves of D/2 channels.",
        "speeds = base ** (-(0, 2, 4, ...) / D)\n"
        "angles = positions[:, None] * speeds\n"
        "a, b = the two halves of x's channels\n"
        "put a cos − b sin and b cos + a sin one after the other",
    ),
    proves="Each pair turns at its own speed; a product of two depends on how far "
    "apart they stand, not on where.",
)


def _turned(x, angles, order=1):
    cos, sin = angles.cos(), order * angles.sin()
    first, second = x.chunk(2, dim=-1)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)


def _angles(x, positions, base):
    D = x.shape[-1]
    return positions[:, None] * base ** (-torch.arange(0, D, 2) / D)


@rotate.wrong
def neighbours_paired(x, positions, base):
    """You pair neighbours, (0, 1), (2, 3). So does the paper; Llama's weights are laid
    out for (i, i + D/2)."""
    angles = _angles(x, positions, base)
    cos, sin = angles.cos(), angles.sin()
    a, b = x[..., 0::2], x[..., 1::2]
    return torch.stack([a * cos - b * sin, b * cos + a * sin], dim=-1).flatten(-2)


@rotate.wrong
def turned_the_other_way(x, positions, base):
    """You turn by the negative angle: the signs of the two sines are exchanged."""
    return _turned(x, _angles(x, positions, base), -1)


@rotate.wrong
def one_speed_for_all_pairs(x, positions, base):
    """All your pairs turn by one radian a position. Then distance 1 and distance 7 look
    nearly alike; pair i turns at base^(−2i/D)."""
    return _turned(x, positions[:, None] * torch.ones(x.shape[-1] // 2))


@rotate.wrong
def exponent_halved(x, positions, base):
    """Your exponent is −i/D. It is −2i/D, so that the speeds reach down to 1/base."""
    D = x.shape[-1]
    return _turned(x, positions[:, None] * base ** (-torch.arange(D // 2) / D))


@rotate.wrong
def ever_faster(x, positions, base):
    """Your speeds grow with i: the exponent's minus is missing."""
    D = x.shape[-1]
    return _turned(x, positions[:, None] * base ** (torch.arange(0, D, 2) / D))


@rotate.wrong
def slowest_first(x, positions, base):
    """Your slowest pair comes first. Pair 0 turns fastest, by one radian a position."""
    return _turned(x, _angles(x, positions, base).flip(-1))


@rotate.wrong
def positions_from_1(x, positions, base):
    """You turn by one position too many. Position 0 is not turned at all."""
    return _turned(x, _angles(x, positions + 1, base))


@rotate.wrong
def places_in_place_of_positions(x, positions, base):
    """You count 0, 1, 2, ... and do not use the positions that are given. With a cache
    the first new token is not at position 0."""
    return _turned(x, _angles(x, torch.arange(len(positions)), base))


@rotate.wrong
def sine_added_in_both(x, positions, base):
    """You add the sine in both halves. A turn takes it off in one of them; so lengths
    stay."""
    angles = _angles(x, positions, base)
    cos, sin = angles.cos(), angles.sin()
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * cos + b * sin, b * cos + a * sin], dim=-1)


@rotate.wrong
def halves_exchanged(x, positions, base):
    """Your two halves are in the wrong order: a's comes first."""
    first, second = _turned(x, _angles(x, positions, base)).chunk(2, dim=-1)
    return torch.cat([second, first], dim=-1)


@rotate.wrong
def angle_added(x, positions, base):
    """You add the angles to the channels, as learnt positions are added. Here channels
    are turned."""
    angles = _angles(x, positions, base)
    return x + torch.cat([angles, angles], dim=-1)


@rotate.wrong
def degrees(x, positions, base):
    """You take the angle for degrees. cos and sin want radians, and the angle is in
    radians already."""
    return _turned(x, _angles(x, positions, base) * torch.pi / 180)


@rotate.wrong
def only_the_first_half(x, positions, base):
    """Your second half is as it was. Both channels of a pair move."""
    first = _turned(x, _angles(x, positions, base)).chunk(2, dim=-1)[0]
    return torch.cat([first, x.chunk(2, dim=-1)[1]], dim=-1)


@rotate.wrong
def sine_and_cosine_exchanged(x, positions, base):
    """You exchange sine and cosine. At position 0 the angle is 0, its cosine 1: nothing
    is turned."""
    return _turned(x, torch.pi / 2 - _angles(x, positions, base))
