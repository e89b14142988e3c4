"""Texts, token files and batches: whole, in order, resumable, and clear when wrong."""

import ast
import hashlib
import inspect
import json
import random
import textwrap

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course_utils import data
from course_utils.cross_entropy import IGNORE
from course_utils.data import (
    DocumentBatches,
    StreamBatches,
    evaluation_documents,
    evaluation_windows,
    python_docstrings,
    read_text,
    split_documents,
    text_chunks,
)

END = 99


def make_documents(n, seed=0, longest=20):
    """Documents of random lengths; no token occurs in two of them, none is END."""
    rng = random.Random(seed)
    fresh = iter(range(100, 100_000))
    return [[next(fresh) for _ in range(rng.randint(0, longest))] for _ in range(n)]


def same(a, b):
    return all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


# ---------------------------------------------------------------------------- texts


@given(text=st.text(min_size=1), chunk_bytes=st.integers(1, 7))
def test_text_survives_being_read_in_pieces_that_cut_characters(
    tmp_path_factory, text, chunk_bytes
):
    path = tmp_path_factory.getbasetemp() / "text.txt"
    path.write_bytes(text.encode())
    assert "".join(text_chunks(path, chunk_bytes)) == text
    assert read_text(path) == text  # line ends as they are: \r stays


@given(
    before=st.text(max_size=9), wrong=st.sampled_from([b"\xff", b"\xe4\xbd", b"\xc0"])
)
def test_invalid_utf8_is_named_with_its_byte_and_offset(
    tmp_path_factory, before, wrong
):
    path = tmp_path_factory.getbasetemp() / "broken.txt"
    for after in (b"", b"and more"):
        path.write_bytes(before.encode() + wrong + after)
        message = (
            rf"broken.txt must be valid UTF-8, got byte 0x{wrong[0]:02x} "
            rf"at byte offset {len(before.encode())}$"
        )
        for chunk_bytes in (1, 3, 1000):
            with pytest.raises(ValueError, match=message):
                list(text_chunks(path, chunk_bytes))


def test_an_empty_file_is_an_error(tmp_path):
    (tmp_path / "empty.txt").touch()
    with pytest.raises(ValueError, match=r"empty\.txt must hold some text"):
        read_text(tmp_path / "empty.txt")


def test_python_docstrings_are_many_clean_and_the_librarys_own():
    texts = python_docstrings()  # reads some 700 files: once in this module
    assert len(texts) > 5000
    assert sum(map(len, texts)) > 1_000_000
    assert len(set(texts)) == len(texts)
    # From modules, classes and functions, without their indentation ...
    for thing in (json, json.JSONEncoder, json.dumps, textwrap.dedent):
        assert inspect.getdoc(thing) in texts
    # ... and not from what is installed beside the library.
    for other in (torch, np):
        assert data.docstrings(other.__file__)[0] not in texts


@pytest.mark.parametrize("folder", ["test", "idlelib/idle_test", "site-packages/pip"])
def test_only_the_library_itself_is_read(tmp_path, monkeypatch, folder):
    for name, text in [(folder, "no"), ("email", "third"), ("json/tool", "fourth")]:
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "a.py").write_text(f'"""{text}"""')
    (tmp_path / "abc.py").write_text('"""first"""\ndef f():\n    """second"""')
    (tmp_path / "broken.py").write_text('"""broken"""\ndef f(:')
    (tmp_path / "latin.py").write_bytes(b'"""\xe4"""')
    (tmp_path / "zero.py").write_bytes(b"\0")
    (tmp_path / "zoo.py").write_text('"""first"""\nclass Z:\n    "fifth"')
    (tmp_path / "text.txt").write_text('"""text"""')
    monkeypatch.setattr("sysconfig.get_path", lambda name: str(tmp_path))
    expected = ["first", "second", "third", "fourth", "fifth"]
    assert python_docstrings() == expected


def test_docstrings_are_those_of_a_walk_over_the_whole_tree(tmp_path):
    source = '''"""module"""
try:
    def in_try(): "in try"
except E:
    def in_except(): "in except"
else:
    async def in_else(): "in else"
finally:
    class InFinally: "in finally"
for x in y:
    if x:
        with z:
            def deep():
                "deep"
                class Inner:
                    """inner

                      indented
                    more
                    """
match x:
    case 1:
        def in_case(): "in case"
def without(): pass
def empty(): ""
'''
    path = tmp_path / "source.py"
    path.write_text(source)
    nodes = ast.walk(ast.parse(source))
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    found = [ast.get_docstring(n) for n in nodes if isinstance(n, kinds)]
    assert sorted(data.docstrings(path)) == sorted(text for text in found if text)
    assert "inner\n\n  indented\nmore" in data.docstrings(path)


def test_split_documents_is_a_partition_and_depends_on_the_seed_only():
    documents = list(range(103))
    training, validation = split_documents(documents, 0.1, seed=3)
    assert len(validation) == 10
    assert sorted(training + validation) == documents
    assert (training, validation) == split_documents(documents, 0.1, seed=3)
    assert validation != split_documents(documents, 0.1, seed=4)[1]


@pytest.mark.parametrize("fraction", [0.0, 1.0, 0.01, -1.0])
def test_split_documents_refuses_to_leave_a_side_empty(fraction):
    with pytest.raises(ValueError, match=f"on both sides, got {fraction} of 10 doc"):
        split_documents(list(range(10)), fraction)


def test_download_checks_the_content_and_writes_only_the_right_one(
    tmp_path, monkeypatch
):
    source, target = tmp_path / "source.txt", tmp_path / "text.txt"
    source.write_bytes(b"First Citizen:\n")
    with pytest.raises(ValueError, match=r"must have SHA-256 86c4e6aa.*\(15 bytes\)"):
        data.download_tiny_shakespeare(target, source.as_uri())
    assert not target.exists()

    right = hashlib.sha256(b"First Citizen:\n").hexdigest()
    monkeypatch.setattr(data, "TINY_SHAKESPEARE_SHA256", right)
    assert data.download_tiny_shakespeare(target, source.as_uri()) == target
    assert target.read_bytes() == b"First Citizen:\n"

    source.unlink()  # what is there is not fetched again ...
    data.download_tiny_shakespeare(target, source.as_uri())
    target.write_bytes(b"damaged")  # ... unless it is not what it should be
    with pytest.raises(OSError, match=r"source\.txt"):
        data.download_tiny_shakespeare(target, source.as_uri())
    assert {p.name for p in tmp_path.iterdir()} == {"text.txt"}


def test_the_known_hash_is_that_of_tiny_shakespeare(shakespeare, tmp_path):
    path = data.download_tiny_shakespeare(tmp_path / "text.txt", shakespeare.as_uri())
    assert path.stat().st_size == 1_115_394


# -------------------------------------------------------------------------- batches


def document_batches(**changes):
    settings = {"batch_size": 8, "end_of_text": END, "seed": 5, "n_positions": 64}
    return DocumentBatches(make_documents(100), **(settings | changes))


def stream_batches(**changes):
    settings = {"batch_size": 8, "T": 16, "seed": 5}
    return StreamBatches(np.arange(1000), **(settings | changes))


BOTH = pytest.mark.parametrize("make", [document_batches, stream_batches])


@BOTH
def test_a_resumed_position_gives_the_same_batches(make):
    batches = make()
    seen = [batches.next_batch() for _ in range(40)]  # past three epochs of documents
    for stop in (0, 1, 12, 37):
        before, after = make(), make()
        for _ in range(stop):
            before.next_batch()
        after.load_state_dict(before.state_dict())
        for batch in seen[stop:]:
            assert same(after.next_batch(), batch)


@BOTH
def test_the_state_is_plain_numbers_and_of_no_other_batches(make):
    state = make().state_dict()
    assert all(type(value) in (int, str) for value in state.values())
    for changes in ({"seed": 6}, {"batch_size": 4}):
        (name,) = changes
        with pytest.raises(ValueError, match=f"state must be of batches with {name}"):
            make(**changes).load_state_dict(state)


OTHERS = {  # the same seed and batch size, and yet other batches
    "kind": (stream_batches, document_batches),
    "T": (stream_batches, lambda: stream_batches(T=8)),
    "checksum of tokens": (
        stream_batches,
        lambda: StreamBatches(np.arange(1000)[::-1], 8, 16, 5),
    ),
    "checksum of tokens .*": (
        document_batches,
        lambda: document_batches(loss_starts=[0] * 99 + [1]),
    ),
}


@pytest.mark.parametrize("name", OTHERS)
def test_the_state_fits_no_batches_of_another_text_length_or_kind(name):
    first, second = (make() for make in OTHERS[name])
    with pytest.raises(ValueError, match=f"state must be of batches with {name}"):
        second.load_state_dict(first.state_dict())
    assert second.n_drawn == 0


@given(st.lists(st.integers(0, 60_000), min_size=3, max_size=99), st.data())
def test_the_state_is_of_the_tokens_and_not_of_how_they_are_stored(tokens, data):
    place = data.draw(st.integers(0, len(tokens) - 1))
    changed = [token + (i == place) for i, token in enumerate(tokens)]
    state = StreamBatches(tokens, 2, 1).state_dict()
    for stored in (np.array(tokens, np.uint16), torch.tensor(tokens)):
        StreamBatches(stored, 2, 1).load_state_dict(state)
    for other in (changed, tokens[:-1], [*tokens, 0]):
        with pytest.raises(ValueError, match="checksum of tokens"):
            StreamBatches(other, 2, 1).load_state_dict(state)


@BOTH
def test_batches_differ_from_each_other_and_between_seeds(make):
    batches, others = make(), make(seed=6)
    first, second = batches.next_batch(), batches.next_batch()
    assert not torch.equal(first[0][0], second[0][0])
    assert not torch.equal(first[0][0], others.next_batch()[0][0])


@BOTH
def test_batches_do_not_touch_the_global_random_numbers(make):
    torch.manual_seed(0)
    random.seed(0)
    expected = torch.rand(1), random.random()
    torch.manual_seed(0)
    random.seed(0)
    make().next_batch()
    assert (torch.rand(1), random.random()) == expected


@BOTH
def test_inputs_and_targets_are_of_one_shape_and_shifted_by_one(make):
    for _ in range(20):
        inputs, targets = make().next_batch()
        assert inputs.shape == targets.shape
        assert inputs.dtype == targets.dtype == torch.int64
        counted = targets[:, :-1] != IGNORE
        assert torch.equal(targets[:, :-1][counted], inputs[:, 1:][counted])


def test_documents_are_framed_by_end_of_text_and_padding_does_not_count():
    batches = DocumentBatches([[1, 2, 3], [4], []], 3, END, n_positions=8)
    inputs, targets = batches.next_batch()
    assert {tuple(row) for row in inputs.tolist()} == {
        (END, 1, 2, 3),
        (END, 4, END, END),
        (END, END, END, END),
    }
    assert {tuple(row) for row in targets.tolist()} == {
        (1, 2, 3, END),
        (4, END, IGNORE, IGNORE),
        (END, IGNORE, IGNORE, IGNORE),
    }


def test_the_loss_of_a_prompt_and_answer_is_on_the_answer_only():
    documents, starts = [[1, 2, 3, 4], [5, 6], [7]], [2, 2, 0]
    expected = {
        (END, 1, 2, 3, 4): [IGNORE, IGNORE, 3, 4, END],
        (END, 5, 6, END, END): [IGNORE, IGNORE, END, IGNORE, IGNORE],
        (END, 7, END, END, END): [7, END, IGNORE, IGNORE, IGNORE],
    }
    batches = DocumentBatches(documents, 3, END, loss_starts=starts)
    (evaluated,) = evaluation_documents(documents, 3, END, loss_starts=starts)
    for inputs, targets in (batches.next_batch(), evaluated):
        rows = map(tuple, inputs.tolist())
        assert dict(zip(rows, targets.tolist(), strict=True)) == expected


def test_an_epoch_shows_each_document_once_and_leaves_out_others_each_time():
    documents = make_documents(100)
    batches = DocumentBatches(documents, batch_size=8, end_of_text=END, seed=1)
    frames = {(END, *d, END) for d in documents}
    left_out = []
    for _ in range(3):
        seen = []
        for _ in range(12):
            inputs, targets = batches.next_batch()
            for row, target in zip(inputs.tolist(), targets.tolist(), strict=True):
                n = sum(t != IGNORE for t in target)
                seen.append((*row[:n], target[n - 1]))
        assert len(seen) == 96
        distinct = [d for d in seen if d != (END, END)]  # several documents are empty
        assert len(distinct) == len(set(distinct))
        assert set(seen) <= frames
        left_out.append(frames - set(seen))
    assert left_out[0] != left_out[1] != left_out[2]


def test_documents_of_similar_length_share_a_batch():
    batches = DocumentBatches(make_documents(640, longest=40), 16, END)
    counted = positions = 0
    for _ in range(40):
        _, targets = batches.next_batch()
        counted += int((targets != IGNORE).sum())
        positions += targets.numel()
    assert counted / positions > 0.9  # about a half without the grouping


def test_lengths_are_mixed_over_the_course_of_an_epoch():
    batches = DocumentBatches(make_documents(640, longest=40), 16, END)
    lengths = [batches.next_batch()[0].shape[1] for _ in range(40)]
    assert lengths != sorted(lengths)
    assert lengths != sorted(lengths, reverse=True)


def test_stream_windows_reach_every_place_in_the_text_and_never_past_it():
    batches = StreamBatches(np.arange(12, dtype=np.uint16), batch_size=10, T=4)
    starts = set()
    for _ in range(20):
        inputs, targets = batches.next_batch()
        assert torch.equal(targets, inputs + 1)
        assert torch.equal(inputs - inputs[:, :1], torch.arange(4).expand(10, 4))
        starts |= set(inputs[:, 0].tolist())
    assert starts == set(range(8))


@pytest.mark.parametrize("kind", [list, np.array, torch.tensor])
def test_streams_take_lists_arrays_and_tensors(kind):
    inputs, _ = StreamBatches(kind([1, 2, 3]), batch_size=1, T=2).next_batch()
    assert inputs.tolist() == [[1, 2]]


@given(n=st.integers(2, 60), T=st.integers(1, 12), batch_size=st.integers(1, 5))
def test_evaluation_windows_predict_every_token_but_the_first_once(n, T, batch_size):
    batches = evaluation_windows(np.arange(n), batch_size, T)
    for inputs, targets in batches:
        assert torch.equal(targets, inputs + 1)
        assert 1 <= inputs.shape[0] <= batch_size
        assert 1 <= inputs.shape[1] <= T
    predicted = [t for _, targets in batches for t in targets.flatten().tolist()]
    assert predicted == list(range(1, n))


@given(n=st.integers(1, 30), batch_size=st.integers(1, 7))
def test_evaluation_documents_hold_every_document_once(n, batch_size):
    documents = make_documents(n)
    batches = evaluation_documents(documents, batch_size, END, n_positions=64)
    targets = [t[t != IGNORE].tolist() for _, rows in batches for t in rows]
    assert sorted(targets) == sorted([*d, END] for d in documents)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: document_batches(batch_size=0), "batch_size must be at least 1, got"),
        (
            lambda: document_batches(batch_size=101),
            "at least batch_size = 101, got 100",
        ),
        (lambda: document_batches(n_positions=20), r"n_positions - 1 = 19 tok.*got 20"),
        (lambda: document_batches(loss_starts=[0]), "each of 100 documents, got 1"),
        (lambda: document_batches(loss_starts=[30] * 100), r"for document 0, got 30"),
        (lambda: document_batches(loss_starts=[-1] * 100), r"for document 0, got -1"),
        (lambda: DocumentBatches([], 1, END), "at least one document, got none"),
        (lambda: evaluation_documents([], 1, END), "at least one document, got none"),
        (lambda: stream_batches(T=1000), r"at least T \+ 1 = 1001 .*, got 1000"),
        (lambda: stream_batches(T=0), "T must be at least 1, got 0"),
        (lambda: stream_batches(batch_size=-1), "batch_size must be at least 1, got"),
        (
            lambda: StreamBatches([], 1, 1),
            "tokens must hold at least one token, got none",
        ),
        (lambda: StreamBatches([0.5, 1.5], 1, 1), "row of whole numbers, got shape"),
        (lambda: StreamBatches([[1, 2]], 1, 1), r"got shape \(1, 2\)"),
        (lambda: evaluation_windows([1, 2], 0, 4), "batch_size must be at least 1"),
        (lambda: evaluation_windows([1, 2], 1, 0), "T must be at least 1, got 0"),
        (lambda: evaluation_documents([[1]], 0, END), "batch_size must be at least 1"),
        (lambda: evaluation_windows([1], 1, 4), "tokens must be at least 2, got 1"),
    ],
)
def test_wrong_arguments_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_numbers_of_numpy_are_numbers_and_broken_ones_are_refused():
    one, three = np.int64(1), np.int32(3)
    batches = StreamBatches(list(range(20)), three, T=one, seed=one)
    plain = StreamBatches(list(range(20)), 3, T=1, seed=1)
    assert same(batches.next_batch(), plain.next_batch())
    assert json.dumps(batches.state_dict()) == json.dumps(plain.state_dict())
    for wrong in ({"batch_size": 2.5}, {"batch_size": 2, "T": 1.5}):
        with pytest.raises(ValueError, match="must be a whole number, got"):
            StreamBatches(list(range(20)), **{"T": 1, **wrong})
