"""Weights come back as they were, or an error names the file and what is wrong."""

import doctest
import struct

import pytest
import torch
from safetensors.torch import save_file

from course_utils import weights
from course_utils.weights import read_weights, write_weights

PARTS = {
    "head": torch.arange(6.0).view(2, 3),
    "bias": torch.zeros(3),
    "half": torch.ones(2, dtype=torch.float16),
    "scalar": torch.tensor(2.0),
}
SHAPES = {name: part.shape for name, part in PARTS.items()}


def test_the_examples_in_the_docstrings_are_true():
    failed, tried = doctest.testmod(weights)
    assert tried > 0
    assert failed == 0


def test_weights_come_back_as_float32(tmp_path):
    write_weights(tmp_path / "w", PARTS)
    for name, part in read_weights(tmp_path / "w", SHAPES).items():
        torch.testing.assert_close(part, PARTS[name].float(), rtol=0, atol=0)


def test_a_file_with_any_number_changed_is_refused(tmp_path):
    path = tmp_path / "w"
    write_weights(path, PARTS)
    content = path.read_bytes()
    (header,) = struct.unpack("<Q", content[:8])
    for place in range(8 + header, len(content)):
        changed = bytearray(content)
        changed[place] ^= 1
        path.write_bytes(changed)
        with pytest.raises(ValueError, match="w is damaged: its checksum is wrong"):
            read_weights(path, SHAPES)
    path.write_bytes(content[: 8 + header] + bytes(len(content) - 8 - header))
    with pytest.raises(ValueError, match="checksum is wrong"):
        read_weights(path, SHAPES)


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_numbers_that_are_none_are_named_with_their_tensor(tmp_path, wrong):
    broken = {**PARTS, "head": PARTS["head"].index_fill(1, torch.tensor(2), wrong)}
    for write in (write_weights, lambda path, parts: save_file(parts, path)):
        write(tmp_path / "w", broken)
        with pytest.raises(ValueError, match="w is damaged: head holds NaN or inf"):
            read_weights(tmp_path / "w", SHAPES)


def test_a_file_from_elsewhere_has_no_checksum_but_not_only_zeros(tmp_path):
    save_file(PARTS, tmp_path / "w")
    assert read_weights(tmp_path / "w", SHAPES).keys() == PARTS.keys()
    save_file({n: torch.zeros_like(t) for n, t in PARTS.items()}, tmp_path / "w")
    with pytest.raises(ValueError, match="w is damaged: it holds nothing but zeros"):
        read_weights(tmp_path / "w", SHAPES)
