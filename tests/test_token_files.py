"""Token files: what comes back is what was written, or an error says what is wrong."""

import tracemalloc

import numpy as np
import pytest

from course_utils.data import StreamBatches
from course_utils.token_files import open_tokens, write_tokens


@pytest.mark.parametrize(
    ("vocab_size", "dtype"),
    [(300, np.uint16), (65536, np.uint16), (65537, np.uint32), (200_000, np.uint32)],
)
def test_token_files_give_back_what_was_written(tmp_path, vocab_size, dtype):
    ids = [0, 1, vocab_size - 1] * 50_000  # more than one piece
    assert write_tokens(tmp_path / "ids.npy", iter(ids), vocab_size) == len(ids)
    tokens = open_tokens(tmp_path / "ids.npy")
    np.testing.assert_array_equal(tokens, np.load(tmp_path / "ids.npy"))
    assert isinstance(tokens, np.memmap)
    assert tokens.dtype == dtype
    assert tokens.tolist() == ids


@pytest.mark.parametrize("wrong", [300, -1, 65536 + 5, 1 << 40])
def test_a_wrong_id_is_named_and_the_old_file_stays(tmp_path, wrong):
    path = tmp_path / "ids.npy"
    write_tokens(path, [1, 2, 3], 300)
    with pytest.raises(ValueError, match=rf"ids must be in 0\.\.299, got {wrong}$"):
        write_tokens(path, [4, 5, wrong], 300)
    assert open_tokens(path).tolist() == [1, 2, 3]
    assert [p.name for p in tmp_path.iterdir()] == ["ids.npy"]


def test_no_tokens_at_all_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="at least one token, got none"):
        write_tokens(tmp_path / "ids.npy", [], 300)
    assert not list(tmp_path.iterdir())


def test_writing_and_sampling_a_long_file_takes_constant_memory(tmp_path):
    path, n = tmp_path / "ids.npy", 500_000  # 1 MB as a file, 20 MB as a list
    tracemalloc.start()
    try:
        write_tokens(path, (i % 50257 for i in range(n)), 50257)
        batches = StreamBatches(open_tokens(path), batch_size=2, T=8)
        batches.next_batch()
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()
    assert isinstance(batches.tokens, np.memmap)


def test_a_damaged_or_foreign_token_file_is_an_error(tmp_path):
    path = tmp_path / "ids.npy"
    write_tokens(path, range(100), 300)
    whole = path.read_bytes()
    for damaged in (b"", whole[:50], whole[:-1], b"First Citizen: " * 20):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"ids\.npy must be a whole token file"):
            open_tokens(path)
    header = len(whole) - 2 * 100 - 4
    zeros, flipped = bytearray(whole), bytearray(whole)
    zeros[header:] = bytes(len(whole) - header)  # as a disk leaves them after a crash
    flipped[header + 77] ^= 4
    for damaged in (zeros, flipped, whole[:-4], whole + b"1"):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"damaged one \(it.* checksum"):
            open_tokens(path)
    for array in (np.zeros((2, 3), np.uint16), np.zeros(5)):
        np.save(path, array)
        with pytest.raises(ValueError, match=r"ids\.npy must hold a row of token ids"):
            open_tokens(path)
