"""Weights on disk: named tensors in a safetensors file, checked before they are used.

Uses ``files``; ``model`` stands on it. A safetensors file holds names, shapes and
numbers and no code, so a file from elsewhere cannot run anything here.
"""

import os

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from course_utils.files import atomic_path


def write_weights(path: str | os.PathLike, weights: dict[str, torch.Tensor]) -> None:
    """Write the named tensors to ``path``, whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(save(weights))


def read_weights(
    path: str | os.PathLike, shapes: dict[str, torch.Size]
) -> dict[str, torch.Tensor]:
    """Return the tensors in ``path`` as float32; they must have these names and shapes.

    Raises FileNotFoundError if there is no such file, and ValueError naming the file
    and what is wrong with it: cut short, or a tensor missing, unknown or misshapen.
    """
    if not os.path.isfile(path):
        raise FileNotFoundError(f"there is no file {path}")
    try:
        weights = load_file(path)
    except SafetensorError as error:
        raise ValueError(f"{path} is damaged or cut short: {error}") from None
    for name in sorted(shapes.keys() | weights.keys()):
        want = tuple(shapes[name]) if name in shapes else "absent"
        got = tuple(weights[name].shape) if name in weights else "absent"
        if want != got:
            raise ValueError(
                f"{path} is of another model: {name} must be {want}, got {got}"
            )
    return {name: tensor.float() for name, tensor in weights.items()}
