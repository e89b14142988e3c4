"""Sampling chooses what transformers chooses, and next words are exact."""

import copy
import itertools
import logging
from collections import Counter, defaultdict
from functools import lru_cache

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers.generation.logits_process import (
    LogitsProcessorList,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from course_utils.block import MLP
from course_utils.comparison import difference
from course_utils.config import GPTConfig
from course_utils.huggingface import to_huggingface
from course_utils.model import GPT
from course_utils.sampling import (
    adjust_logits,
    apply_temperature,
    beam_search,
    choose,
    decode_rows,
    encode_prompt,
    filter_top_k,
    filter_top_p,
    generate,
    generate_text,
    goes_on,
    next_words,
    pad_left,
    penalize_repetition,
    stream,
    stream_text,
)
from course_utils.sampling.one_token import is_plain, last_logits
from course_utils.tokenization import SPLIT_PATTERN, Tokenizer

logging.getLogger("transformers").setLevel(logging.ERROR)

PROMPTS = [[1, 2, 3, 4, 5], [6, 7], [8], [9, 3, 10]]


def random_model(seed=0, spread=0.3, **changes):
    """A small GPT whose every parameter is random, so that nothing hides."""
    sizes = dict(vocab_size=41, n_positions=48, n_layer=2, n_head=3, n_embd=12)
    model = GPT(GPTConfig(**{**sizes, **changes})).eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            mean = 1.0 if name.endswith("gain") else 0.0
            parameter.normal_(mean, spread, generator=generator)
    return model


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """These models are so small that a second thread only gets in the way."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def pair():
    model = random_model()
    return model, to_huggingface(model)


def their_generate(theirs, ids, n, padding=None, end_of_text=None, seed=0, **options):
    torch.manual_seed(seed)
    mask = torch.ones_like(ids) if padding is None else padding.long()
    sampled = options.get("do_sample", False)
    return theirs.generate(
        ids,
        attention_mask=mask,
        max_new_tokens=n,
        eos_token_id=end_of_text,
        pad_token_id=0 if end_of_text is None else end_of_text,
        **({"top_k": 0} if sampled else {}) | options,
    )


@torch.no_grad()
def greedy_without_cache(model, ids, n):
    """Read the whole text anew for each of n tokens."""
    for _ in range(n):
        token = model(ids)[:, -1].argmax(dim=-1, keepdim=True)
        ids = torch.cat([ids, token], dim=1)
    return ids


def usual_token(model, n):
    """A token that the model writes often, to serve as the end of text."""
    written = generate(model, PROMPTS, n, seed=0)[:, len(PROMPTS[0]) :]
    return int(written.flatten().mode().values)


# --- The knobs ---


def logits_and_ids(seed, B=3, V=23, T=7):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(B, V, generator=generator) * 3
    return logits, torch.randint(V, (B, T), generator=generator)


SEEDS = st.integers(0, 10**9)


@given(SEEDS, st.floats(0.05, 20))
def test_temperature_is_that_of_transformers(seed, temperature):
    logits, ids = logits_and_ids(seed)
    theirs = TemperatureLogitsWarper(temperature)(ids, logits)
    assert torch.equal(apply_temperature(logits, temperature), theirs)


@given(SEEDS, st.integers(1, 30), st.booleans())
def test_top_k_is_that_of_transformers_also_with_ties_and_k_above_v(seed, k, tie):
    logits, ids = logits_and_ids(seed)
    logits = logits.round() if tie else logits
    assert torch.equal(filter_top_k(logits, k), TopKLogitsWarper(k)(ids, logits))


@given(SEEDS, st.floats(0.001, 1), st.booleans())
def test_top_p_is_that_of_transformers_also_with_ties(seed, p, tie):
    logits, ids = logits_and_ids(seed)
    logits = logits.round() if tie else logits
    assert torch.equal(filter_top_p(logits, p), TopPLogitsWarper(p)(ids, logits))


@given(SEEDS, st.floats(0.3, 3), st.booleans())
def test_repetition_penalty_is_that_of_transformers_and_skips_padding(seed, q, pad):
    logits, ids = logits_and_ids(seed)
    padding, ignored = None, None
    if pad:
        ignored = torch.tensor([0, 2, 6])
        padding = torch.arange(7) >= ignored[:, None]
    theirs = RepetitionPenaltyLogitsProcessor(q, prompt_ignore_length=ignored)
    ours = penalize_repetition(logits, ids, q, padding)
    assert torch.equal(ours, theirs(ids, logits))


@given(SEEDS)
def test_knobs_are_turned_in_the_order_of_transformers(seed):
    logits, ids = logits_and_ids(seed)
    theirs = LogitsProcessorList(
        [
            RepetitionPenaltyLogitsProcessor(1.7),
            TemperatureLogitsWarper(0.6),
            TopKLogitsWarper(9),
            TopPLogitsWarper(0.8),
        ]
    )
    before = logits.clone()
    ours = adjust_logits(logits, ids, 0.6, top_k=9, top_p=0.8, repetition_penalty=1.7)
    assert torch.equal(ours, theirs(ids, logits))
    assert torch.equal(logits, before)  # pure: the input is as it was


def test_top_k_keeps_everything_that_ties_with_the_kth():
    kept = filter_top_k(torch.tensor([1.0, 3.0, 2.0, 2.0, 0.0]), 2)
    assert kept.isfinite().tolist() == [False, True, True, True, False]


@pytest.mark.parametrize(("p", "kept"), [(0.4, [3]), (0.6, [3, 0]), (0.9, [3, 0, 2])])
def test_top_p_keeps_the_token_that_crosses_p(p, kept):
    logits = torch.tensor([0.3, 0.05, 0.15, 0.5]).log()
    assert set(filter_top_p(logits, p).isfinite().nonzero()[:, 0].tolist()) == set(kept)


def test_filters_work_along_the_last_of_any_number_of_dimensions():
    logits = torch.randn(2, 3, 4, 11, generator=torch.Generator().manual_seed(0))
    flat = logits.view(-1, 11)
    for knob in (lambda x: filter_top_k(x, 3), lambda x: filter_top_p(x, 0.7)):
        assert torch.equal(knob(logits).view(-1, 11), knob(flat))
        assert torch.equal(knob(logits)[1, 2, 3], knob(logits[1, 2, 3]))


def test_draws_follow_the_distribution():
    logits = torch.tensor([[0.1, 0.2, 0.3, 0.4]]).log().expand(40_000, 4)
    drawn = choose(logits, greedy=False, generator=torch.Generator().manual_seed(0))
    shares = drawn.bincount(minlength=4) / len(drawn)
    torch.testing.assert_close(shares, torch.arange(1, 5) / 10, rtol=0, atol=0.01)


# --- generate and stream ---

KNOBS = [
    {"temperature": 1.3},
    {"temperature": 0.7, "top_k": 5},
    {"temperature": 0.9, "top_p": 0.8},
    {"temperature": 1.5, "top_k": 12, "top_p": 0.9},
    {"temperature": 1.2, "top_k": 9, "top_p": 0.95, "repetition_penalty": 1.3},
]


@pytest.mark.parametrize("penalty", [1.0, 1.4])
def test_greedy_tokens_are_those_of_transformers(pair, penalty):
    ours, theirs = pair
    ids, padding = pad_left(PROMPTS)
    expected = their_generate(theirs, ids, 20, padding, repetition_penalty=penalty)
    got = generate(
        ours, ids, 20, temperature=0, repetition_penalty=penalty, padding=padding
    )
    assert torch.equal(got, expected)


@pytest.mark.parametrize("knobs", KNOBS, ids=str)
def test_sampled_tokens_are_those_of_transformers_for_the_same_seed(pair, knobs):
    ours, theirs = pair
    ids, padding = pad_left(PROMPTS)
    options = dict(do_sample=True, **knobs)
    for seed in range(2):
        expected = their_generate(theirs, ids, 15, padding, seed=seed, **options)
        assert torch.equal(generate(ours, PROMPTS, 15, seed=seed, **knobs), expected)


@pytest.mark.parametrize("sizes", [(1, 1, 8), (3, 2, 10), (2, 5, 35)])
def test_other_shapes_agree_with_transformers_too(sizes):
    n_layer, n_head, n_embd = sizes
    ours = random_model(7, n_layer=n_layer, n_head=n_head, n_embd=n_embd)
    theirs = to_huggingface(ours)
    ids = torch.tensor([[5, 6, 7]])
    assert torch.equal(
        generate(ours, ids, 45, temperature=0), their_generate(theirs, ids, 45)
    )
    options = dict(temperature=0.8, top_k=20, top_p=0.9)
    expected = their_generate(theirs, ids, 45, seed=3, do_sample=True, **options)
    assert torch.equal(generate(ours, ids, 45, seed=3, **options), expected)


def test_rows_stop_and_are_filled_up_at_end_of_text_as_in_transformers(pair):
    ours, theirs = pair
    ids, padding = pad_left(PROMPTS)
    end, lengths = usual_token(ours, 20), set()
    for seed in range(3):
        options = dict(temperature=1.5)
        expected = their_generate(
            theirs, ids, 25, padding, end, seed, do_sample=True, **options
        )
        got = generate(
            ours, ids, 25, end_of_text=end, seed=seed, padding=padding, **options
        )
        assert torch.equal(got, expected)
        lengths.add(got.shape[1])
    assert min(lengths) < 30  # some run stopped early, with its rows filled up


@pytest.mark.parametrize("penalty", [1.0, 1.3])
def test_a_row_of_a_padded_batch_is_what_it_would_be_alone(pair, penalty):
    knobs = dict(temperature=0, repetition_penalty=penalty)
    batch = generate(pair[0], PROMPTS, 20, **knobs)
    for row, prompt in zip(batch, PROMPTS, strict=True):
        alone = generate(pair[0], prompt, 20, **knobs)
        assert row[5 - len(prompt) :].tolist() == alone[0].tolist()


def test_tokens_with_the_cache_are_those_without(pair):
    ids = torch.tensor([PROMPTS[0], PROMPTS[0][::-1]])
    expected = greedy_without_cache(pair[0], ids, 30)
    assert torch.equal(generate(pair[0], ids, 30, temperature=0), expected)


@given(
    st.integers(1, 3),
    st.integers(1, 3),
    st.lists(st.integers(1, 4), min_size=1, max_size=4),
    st.integers(0, 999),
)
def test_scores_of_one_token_at_a_time_are_those_of_the_model(B, layers, parts, seed):
    model = random_model(seed, n_layer=layers)
    ids = torch.randint(41, (B, sum(parts) + 3), generator=torch.manual_seed(seed))
    assert is_plain(model)
    with torch.no_grad():
        next_logits, cache, read = last_logits(model), model.new_cache(), 0
        for n in [*parts, 1, 1, 1]:  # several tokens go through the model itself
            got = next_logits(ids[:, read : read + n], cache)
            read += n
            expected = model(ids[:, :read])[:, -1]
            torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-5)
            assert cache[0].length == read


def exchange_a_layer(model):
    class Doubled(torch.nn.Linear):
        def forward(self, x):
            return 2 * super().forward(x)

    old = model.blocks[0].mlp.expand
    model.blocks[0].mlp.expand = Doubled(old.in_features, old.out_features)


def hang_a_hook(model):
    model.blocks[1].attention.register_forward_hook(lambda part, x, y: 2 * y)


def hang_a_hook_before(model):
    model.blocks[0].mlp.register_forward_pre_hook(lambda part, x: (x[0] + 1,))


def replace_a_method(model):
    norm = model.blocks[0].norm_1
    usual = norm.forward
    norm.forward = lambda x: 2 * usual(x)


def take_the_biases_away(model):
    for block in model.blocks:
        block.attention.project.bias = block.mlp.expand.bias = None


def set_another_epsilon(model):
    for block in model.blocks:
        block.norm_1.epsilon = 1.0


def replace_the_head(model):
    usual = model.head
    model.head = lambda x: -usual(x)


def replace_the_embedding(model):
    usual = model.embed
    model.embed = lambda ids, past=0, padding=None: 3 * usual(ids, past, padding)


def replace_the_models_own_forward(model):
    usual = model.forward
    model.forward = lambda *arguments: usual(*arguments).flip(-1)


def hang_a_hook_on_the_model(model):
    model.register_forward_hook(lambda part, x, logits: logits.flip(-1))


@pytest.mark.parametrize(
    "change",
    [
        exchange_a_layer,
        hang_a_hook,
        hang_a_hook_before,
        hang_a_hook_on_the_model,
        replace_a_method,
        replace_the_embedding,
        replace_the_head,
        replace_the_models_own_forward,
        set_another_epsilon,
        take_the_biases_away,
    ],
)
def test_what_somebody_changed_in_a_model_is_used_for_each_token(change):
    model, ids = random_model(), torch.tensor([PROMPTS[0]])
    as_built = generate(model, ids, 30, temperature=0)
    change(model)
    assert not is_plain(model)
    expected = greedy_without_cache(model, ids, 30)
    assert torch.equal(generate(model, ids, 30, temperature=0), expected)
    assert not torch.equal(as_built, expected)


def test_what_somebody_changed_in_a_class_is_used_for_each_token(monkeypatch):
    model, ids = random_model(), torch.tensor([PROMPTS[0]])
    as_built = generate(model, ids, 30, temperature=0)
    usual = MLP.forward
    monkeypatch.setattr(MLP, "forward", lambda mlp, x: -usual(mlp, x))
    assert not is_plain(model)
    expected = greedy_without_cache(model, ids, 30)
    assert torch.equal(generate(model, ids, 30, temperature=0), expected)
    assert not torch.equal(as_built, expected)


def test_a_hook_on_all_modules_is_called_for_each_token():
    model, seen = random_model(), []
    handle = torch.nn.modules.module.register_module_forward_hook(
        lambda part, x, y: seen.append(part)
    )
    try:
        assert not is_plain(model)
        generate(model, PROMPTS[0], 4)
    finally:
        handle.remove()
    assert seen.count(model.final_norm) == 4 and is_plain(model)


def test_a_head_of_its_own_chooses_the_tokens():
    model, ids = random_model(tie_word_embeddings=False), torch.tensor([PROMPTS[0]])
    assert is_plain(model)
    expected = greedy_without_cache(model, ids, 30)
    assert torch.equal(generate(model, ids, 30, temperature=0), expected)
    theirs = to_huggingface(model)
    theirs.generation_config.eos_token_id = None
    with torch.no_grad():
        assert difference(model(ids), theirs(ids).logits) < 1e-4
    again = theirs.generate(ids, max_new_tokens=30, do_sample=False)
    assert torch.equal(again, expected)


def test_parts_that_were_evaluating_stay_so():
    model = random_model().train()
    model.blocks[0].eval()
    generate(model, PROMPTS[0], 2)
    assert model.training and model.blocks[1].mlp.training
    assert not model.blocks[0].training and not model.blocks[0].mlp.training


def test_numpys_whole_numbers_are_as_good_as_pythons(pair):
    ids = [np.int64(i) for i in PROMPTS[0]]
    numbers = dict(end_of_text=3, seed=5, top_k=9)
    theirs = {name: np.int64(number) for name, number in numbers.items()}
    expected = generate(pair[0], PROMPTS[0], 9, **numbers)
    assert torch.equal(generate(pair[0], ids, np.int32(9), **theirs), expected)
    expected = beam_search(pair[0], PROMPTS[0], 3, 9, end_of_text=3)
    got = beam_search(pair[0], ids, np.int64(3), np.int64(9), end_of_text=np.int64(3))
    assert torch.equal(got, expected)


@pytest.mark.parametrize(
    ("ids", "error", "message"),
    [
        ("text", TypeError, r"ids must be token ids, got str \(see generate_text\)"),
        (5, TypeError, "ids must be token ids, got int"),
        (["a", "b"], ValueError, "each of the ids must be a whole number, got 'a'"),
        ([1.5], ValueError, "each of the ids must be a whole number, got 1.5"),
    ],
)
def test_what_are_no_ids_is_named(pair, ids, error, message):
    with pytest.raises(error, match=message):
        generate(pair[0], ids, 3)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"max_new_tokens": 2.5}, "max_new_tokens must be a whole number, got 2.5"),
        ({"seed": 0.5}, "seed must be a whole number, got 0.5"),
        ({"end_of_text": "x"}, "end_of_text must be a whole number, got 'x'"),
    ],
)
def test_what_is_no_whole_number_is_named(pair, given, message):
    with pytest.raises(ValueError, match=message):
        generate(pair[0], PROMPTS[0], **{"max_new_tokens": 3, **given})


def test_padding_goes_with_a_tensor_and_is_one(pair):
    with pytest.raises(ValueError, match="padding must be None where ids is no tensor"):
        generate(pair[0], [1, 2], 3, padding=torch.ones(1, 2, dtype=torch.bool))
    with pytest.raises(TypeError, match="padding must be a tensor, got list"):
        generate(pair[0], torch.tensor([[1, 2]]), 3, padding=[[True, True]])


def test_stream_yields_the_tokens_of_generate_one_by_one(pair):
    end = usual_token(pair[0], 20)
    options = dict(temperature=2.0, top_k=30, seed=1, end_of_text=end)
    whole = generate(pair[0], PROMPTS[0], 40, **options)[0, 5:].tolist()
    tokens = stream(pair[0], PROMPTS[0], 40, **options)
    assert next(tokens) == whole[0]
    assert [whole[0], *tokens] == whole
    assert whole[-1] == end and len(whole) < 40  # the end is yielded too


def test_stream_computes_no_token_before_it_is_asked_for(pair):
    passes = []
    hook = pair[0].final_norm.register_forward_hook(lambda *_: passes.append(1))
    tokens = stream(pair[0], [1, 2], 5, temperature=0)
    counts = [len(passes)]
    for _ in tokens:
        counts.append(len(passes))
    hook.remove()
    assert counts == [0, 1, 2, 3, 4, 5]


def test_a_seed_leaves_the_global_generator_alone_and_no_seed_uses_it(pair):
    torch.manual_seed(5)
    state = torch.get_rng_state()
    first = generate(pair[0], [1], 30, temperature=2, seed=5)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(generate(pair[0], [1], 30, temperature=2), first)
    assert not torch.equal(generate(pair[0], [1], 30, temperature=2), first)


def test_dropout_is_off_while_generating_and_on_again_afterwards():
    model = random_model(dropout=0.5)
    expected = generate(model, [1, 2], 20, temperature=0)
    words = beam_search(model, [1, 2], 2, 8)
    model.train()
    assert torch.equal(generate(model, [1, 2], 20, temperature=0), expected)
    assert torch.equal(beam_search(model, [1, 2], 2, 8), words)
    next(stream(model, [1, 2], 20))  # given up after one token
    assert model.training and model.blocks[0].dropout.training


def test_what_was_generated_can_be_trained_on(pair):
    for ids in (generate(pair[0], [1, 2], 4), beam_search(pair[0], [1, 2], 2, 4)):
        pair[0](ids).sum().backward()
    pair[0].zero_grad()


# --- Beam search ---

BEAMS = [(1, 1.0), (2, 1.0), (4, 1.0), (3, 0.0), (3, 2.0), (5, -0.7)]


@pytest.mark.parametrize("early", [False, True])
@pytest.mark.parametrize(("n_beams", "penalty"), BEAMS)
def test_beam_search_finds_the_tokens_of_transformers(n_beams, penalty, early):
    ids, padding = pad_left(PROMPTS)
    ended = 0
    for seed in (2, 3):
        ours = random_model(seed, spread=0.2)
        theirs = to_huggingface(ours)
        written = beam_search(ours, PROMPTS, n_beams, 9)[:, 5:]
        for end in (None, int(written.flatten().mode().values)):
            options = dict(length_penalty=penalty, early_stopping=early)
            got = beam_search(ours, PROMPTS, n_beams, 9, end_of_text=end, **options)
            expected = their_generate(
                theirs, ids, 9, padding, end, num_beams=n_beams, **options
            )
            # Without the prompts: their padding is filled with 0 or with the end.
            assert torch.equal(got[:, 5:], expected[:, 5:])
        ended += int((got[:, 5:] == end).sum())
    assert ended > 0  # some of the texts found are short


def test_one_beam_is_greedy(pair):
    greedy = generate(pair[0], PROMPTS, 20, temperature=0)
    assert torch.equal(beam_search(pair[0], PROMPTS, 1, 20), greedy)


def test_beams_as_many_as_beginnings_find_the_likeliest_text():
    model = random_model(3, vocab_size=5, spread=0.2)

    @torch.no_grad()
    def log_prob(tokens):
        log_probs = model(torch.tensor([[1, *tokens]])).log_softmax(dim=-1)[0]
        return sum(float(log_probs[t, token]) for t, token in enumerate(tokens))

    best = max(itertools.product(range(5), repeat=3), key=log_prob)
    assert beam_search(model, [1], 25, 3).tolist() == [[1, *best]]


# --- Text ---


@pytest.fixture(scope="module")
def tokenizer():
    text = "The dog ran. The dog's cat didn't run, but 42 cats sang: 'la la'!\n\n" * 3
    return Tokenizer.train(text + "Ein Café, 中文 und 😀 … “so”.", 330)


@pytest.fixture(scope="module")
def writer(tokenizer):
    return random_model(1, vocab_size=tokenizer.vocab_size, n_positions=64)


def test_generated_text_is_the_prompt_and_the_decoded_tokens(writer, tokenizer):
    for seed in range(4):
        options = dict(temperature=1.5, seed=seed)
        ids = encode_prompt(writer, tokenizer, "The dog")
        end = tokenizer.end_of_text
        assert ids[0] == end and tokenizer.decode(ids[1:]) == "The dog"
        row = generate(writer, ids, 40, end_of_text=end, **options)[0]
        tokens = [token for token in row.tolist() if token != end]
        text = generate_text(writer, tokenizer, "The dog", 40, **options)
        assert text == tokenizer.decode(tokens)
        pieces = list(stream_text(writer, tokenizer, "The dog", 40, **options))
        assert "The dog" + "".join(pieces) == text


def test_text_stops_before_end_of_text(writer, tokenizer):
    ids = encode_prompt(writer, tokenizer, "")
    # Some token that this model likes takes the part of end-of-text.
    end = int(generate(writer, ids, 5, temperature=0)[0, 3])
    assert end != tokenizer.end_of_text
    swapped = copy.copy(tokenizer)
    swapped.special_tokens = {"<|endoftext|>": end}
    text = generate_text(writer, swapped, "", 40, temperature=0)
    assert "<|endoftext|>" not in text


@given(st.lists(st.text(max_size=20), min_size=1, max_size=4))
def test_rows_of_tokens_are_texts_again_wherever_they_end(tokenizer, texts):
    end, ids = tokenizer.end_of_text, [tokenizer.encode(text) for text in texts]
    longest = max(map(len, ids))
    rows = [[end, *row] + [end] * (longest - len(row)) for row in ids]
    assert decode_rows(tokenizer, torch.tensor(rows)) == texts


def test_spaces_at_the_end_of_a_prompt_make_no_difference(writer, tokenizer):
    texts = {
        generate_text(writer, tokenizer, prompt, 20, seed=0)
        for prompt in ("The dog", "The dog ", "The dog   ")
    }
    assert len(texts) == 1


# --- The next word ---


class HandMade:
    """A tokenizer of the given tokens; token 0 is end-of-text."""

    end_of_text = 0

    def __init__(self, *tokens: str):
        self.tokens = ["<|endoftext|>", *tokens]
        self.vocab_size = len(self.tokens)

    def token_bytes(self, i):
        return self.tokens[i].encode()

    def decode_bytes(self, ids):
        return b"".join(map(self.token_bytes, ids))

    def encode(self, text):
        return [self.tokens.index(character) for character in text]


PARTS = [
    "a",
    "b",
    " a",
    "é",
    ".",
    "..",
    "'",
    "s",
    "l",
    "'s",
    "'l",
    " ",
    "\n",
    "1",
    " .",
]
EVERY_KIND = HandMade(*PARTS)


@given(st.lists(st.sampled_from(PARTS), min_size=1, max_size=4))
def test_a_token_goes_on_with_a_word_if_the_pattern_keeps_both_in_one_piece(parts):
    word = SPLIT_PATTERN.match("".join(parts)).group()
    on = goes_on(EVERY_KIND, word.encode()).tolist()
    assert not on[0]
    for token, piece in enumerate(PARTS, start=1):
        assert on[token] == (SPLIT_PATTERN.findall(word + piece) == [word + piece])


def words_by_enumeration(model, tokenizer, prompt, n):
    """Cut every text of n tokens into words; add up the chances of each first word.

    Texts whose first word may not be over are left out.
    """
    end, words = tokenizer.end_of_text, defaultdict(float)
    start = [end, *tokenizer.encode(prompt)]
    texts = list(itertools.product(range(tokenizer.vocab_size), repeat=n))
    with torch.no_grad():
        logits = model(torch.tensor([[*start, *text[:-1]] for text in texts]))
    rows = logits[:, len(start) - 1 :].double().softmax(dim=-1)
    chances = rows.gather(2, torch.tensor(texts)[..., None])[..., 0].prod(dim=1)
    for text, chance in zip(texts, chances.tolist(), strict=True):
        ended = end in text
        written = text[: text.index(end)] if ended else text
        pieces = SPLIT_PATTERN.findall("".join(tokenizer.tokens[i] for i in written))
        if ended or len(pieces) > 1:
            words[pieces[0] if pieces else ""] += chance
    return words


@pytest.mark.parametrize("tokens", ["a| b|.|b", "'|s|a| a", "..|.| .|1"])
def test_next_words_are_the_first_words_of_all_texts(tokens):
    tokenizer = HandMade(*tokens.split("|"))
    for seed in range(2):
        # Room for the prompt's 3 tokens and 5 more; a sixth may follow the last.
        model = random_model(seed, vocab_size=5, n_positions=8)
        single = [token for token in tokenizer.tokens if len(token) == 1]
        prompt = "".join(single[:2])
        got = next_words(model, tokenizer, prompt, n=10**6, min_mass=0)
        assert list(got.values()) == sorted(got.values(), reverse=True)
        expected = words_by_enumeration(model, tokenizer, prompt, 6)
        assert got.keys() >= expected.keys()
        for word, chance in got.items():
            assert chance == pytest.approx(expected[word], abs=1e-6), word


def test_followed_to_the_end_all_words_together_have_probability_1():
    tokenizer = HandMade("a", " a", ".", "1")
    model = random_model(spread=0.1, vocab_size=5)
    words = next_words(model, tokenizer, "a.", n=10**6, min_mass=1e-9)
    assert sum(words.values()) == pytest.approx(1, abs=1e-5)
    assert len(words) > 20  # also " aaaa", "...", "111"


@lru_cache
def model_and_all_its_words(seed):
    tokenizer = HandMade("a", " a", ".", "1", "b")
    model = random_model(seed, spread=0.15, vocab_size=6)
    return model, tokenizer, next_words(model, tokenizer, "a", 10**6, min_mass=1e-5)


@given(st.integers(0, 3), st.integers(1, 12), st.sampled_from([0.1, 1e-2, 1e-4]))
def test_the_likeliest_words_are_lower_bounds_and_at_most_1_together(seed, n, least):
    model, tokenizer, every = model_and_all_its_words(seed)
    words = next_words(model, tokenizer, "a", n, min_mass=least)
    assert len(words) <= n and sum(words.values()) <= 1 + 1e-9
    assert all(0 <= chance <= every[word] + 1e-6 for word, chance in words.items())
    # No word that is clearly likelier than all that were given was overlooked.
    floor = max(least, min(words.values())) if len(words) == n else least
    assert all(every[word] <= floor + 0.05 for word in every.keys() - words.keys())


def test_next_words_are_as_frequent_as_in_sampled_texts(writer, tokenizer):
    words = next_words(writer, tokenizer, "The dog", n=200, min_mass=1e-4)
    ids = [encode_prompt(writer, tokenizer, "The dog")] * 2000
    end = tokenizer.end_of_text
    rows = generate(writer, ids, 12, seed=0, end_of_text=end)[:, len(ids[0]) :]
    counts = Counter()
    for row in rows.tolist():
        text = tokenizer.decode(row[: row.index(end)] if end in row else row)
        counts[(SPLIT_PATTERN.findall(text.replace("\ufffd", "x")) or [""])[0]] += 1
    plain = {w: chance for w, chance in words.items() if w.isascii()}
    for word in list(plain)[:8]:
        assert counts[word] / 2000 == pytest.approx(plain[word], abs=0.03), word


def test_after_a_space_come_the_words_that_begin_with_one():
    tokenizer = HandMade("a", " a", " .", "1", "b")
    model = random_model(spread=0.15, vocab_size=6)
    options = dict(n=10**6, min_mass=1e-6)
    words = next_words(model, tokenizer, "ab", **options)
    spaced = {w[1:]: chance for w, chance in words.items() if w[:1] == " "}
    total = sum(spaced.values())
    got = next_words(model, tokenizer, "ab ", **options)
    for word in spaced.keys() | got.keys() - {""}:
        expected = spaced.get(word, 0) / total
        assert got.get(word, 0) == pytest.approx(expected, abs=1e-3)
    assert got.get("", 0) == 0  # a text does not end in a space
    # At the very beginning there is nothing before the space that it could follow.
    assert next_words(model, tokenizer, " ") == next_words(model, tokenizer, "")


# --- Bad input ---


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"temperature": -1}, "temperature must be positive, or 0 .*, got -1"),
        ({"temperature": float("nan")}, "temperature must be positive.*, got nan"),
        ({"top_k": 0}, "top_k must be at least 1, or None, got 0"),
        ({"top_k": 2.5}, "top_k must be a whole number, got 2.5"),
        ({"top_p": 0}, r"top_p must be in \(0, 1\], got 0"),
        ({"top_p": 1.7}, r"top_p must be in \(0, 1\], got 1.7"),
        ({"repetition_penalty": 0}, "repetition_penalty must be positive, got 0"),
        ({"end_of_text": 41}, r"end_of_text must be in 0..40, got 41"),
    ],
)
@pytest.mark.parametrize("function", [generate, stream])
@pytest.mark.parametrize("greedy", [{}, {"temperature": 0}])
def test_a_knob_out_of_range_is_named_before_any_work(
    pair, function, greedy, knobs, message
):
    with pytest.raises(ValueError, match=message):
        function(pair[0], [1, 2], 3, **{**greedy, **knobs})


@pytest.mark.parametrize("empty", [[], [[1], []], torch.zeros(1, 0).long()])
@pytest.mark.parametrize(
    "function",
    [lambda m, ids: generate(m, ids, 3), lambda m, i: beam_search(m, i, 2, 3)],
)
def test_an_empty_prompt_is_refused_with_advice(pair, function, empty):
    with pytest.raises(ValueError, match=r"ids must hold .* starts with end_of_text"):
        function(pair[0], empty)


def test_more_tokens_than_positions_are_refused_with_advice(pair, writer, tokenizer):
    message = "n_positions=48, got 40 [+] 9; .* last 39: ids"
    for function in (generate, stream, lambda *a: beam_search(*a[:2], 2, a[2])):
        with pytest.raises(ValueError, match=message):
            function(pair[0], torch.ones(1, 40).long(), 9)
    with pytest.raises(ValueError, match=r"n_positions=48, got 1 [+] 60; .* tokens$"):
        generate(pair[0], [1], 60)
    assert generate(pair[0], torch.ones(1, 39).long(), 9).shape == (1, 48)
    for function in (next_words, generate_text):
        with pytest.raises(ValueError, match="n_positions=64, got"):
            function(writer, tokenizer, "cat " * 64)


def test_other_wrong_arguments_are_named(pair, tokenizer):
    model, two = pair[0], torch.tensor([[1, 2]])
    for call, message in [
        (lambda: generate(model, two, 0), "max_new_tokens must be at least 1, got 0"),
        (lambda: stream(model, [[1], [2]], 3), "ids must be a single prompt, got 2"),
        (lambda: beam_search(model, two, 0, 3), "n_beams must be at least 1, got 0"),
        (lambda: generate(model, [41], 3), r"ids must be in 0..40 .*got 41"),
        (
            lambda: generate(model, two, 3, padding=torch.tensor([[True, False]])),
            "padding must be on the left",
        ),
        (
            lambda: generate(model, two, 3, padding=torch.tensor([[True]])),
            "padding must be as ids",
        ),
        (lambda: next_words(model, tokenizer, "a"), "tokenizer.vocab_size must be the"),
    ]:
        with pytest.raises(ValueError, match=message):
            call()
    with pytest.raises(TypeError, match="topk"):
        generate(model, two, 3, topk=5)
