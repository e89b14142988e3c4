"""Weights on disk: named tensors in a safetensors file, checked before they are used.

Uses ``files``; ``model`` stands on it. A safetensors file holds names, shapes and
numbers and no code, so a file from elsewhere cannot run anything here. The format has
no checksum, so ours stands among the file's own remarks (its metadata).
"""

import os
import zlib

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save

from course_utils.files import atomic_path


def write_weights(path: str | os.PathLike, weights: dict[str, torch.Tensor]) -> None:
    """Write the named tensors to ``path``, whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(save(weights, {"crc32": checksum(weights)}))


def checksum(weights: dict[str, torch.Tensor]) -> str:
    """Return the CRC-32 of all names, types and numbers, as eight hexadecimal digits.

    >>> checksum({"weight": torch.zeros(2)}) == checksum({"weight": torch.zeros(3)})
    False
    """
    crc = 0
    for name in sorted(weights):
        tensor = weights[name].detach().cpu().contiguous()
        crc = zlib.crc32(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode(), crc)
        crc = zlib.crc32(tensor.flatten().view(torch.uint8).numpy(), crc)
    return f"{crc:08x}"


def read_weights(
    path: str | os.PathLike, shapes: dict[str, torch.Size]
) -> dict[str, torch.Tensor]:
    """Return the tensors in ``path`` as float32; they must have these names and shapes.

    Raises FileNotFoundError if there is no such file, and ValueError naming the file
    and what is wrong with it: cut short, a tensor missing, unknown or misshapen, a
    wrong checksum (files from elsewhere have none), NaN or infinity, or only zeros.
    """
    if not os.path.isfile(path):
        raise FileNotFoundError(f"there is no file {path}")
    try:
        weights = load_file(path)
        with safe_open(path, "pt") as file:
            stored = (file.metadata() or {}).get("crc32")
    except SafetensorError as error:
        raise ValueError(f"{path} is damaged or cut short: {error}") from None
    for name in sorted(shapes.keys() | weights.keys()):
        want = tuple(shapes[name]) if name in shapes else "absent"
        got = tuple(weights[name].shape) if name in weights else "absent"
        if want != got:
            raise ValueError(
                f"{path} is of another model: {name} must be {want}, got {got}"
            )
    if stored is not None and stored != checksum(weights):
        raise ValueError(f"{path} is damaged: its checksum is wrong")
    for name, tensor in weights.items():
        if not tensor.isfinite().all():
            raise ValueError(f"{path} is damaged: {name} holds NaN or infinity")
    if not any(tensor.any() for tensor in weights.values()):
        raise ValueError(f"{path} is damaged: it holds nothing but zeros")
    return {name: tensor.float() for name, tensor in weights.items()}
