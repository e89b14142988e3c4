"""Sampling: the model scores every possible next token; here one of them is chosen.

Floors: stands on ``model`` and ``tokenization``. From the pieces to the whole: one
function for each knob on the scores, one that turns them in order, the loop that
appends token after token, beam search, and last text and whole words. With the same
weights and seed, ``generate`` and ``beam_search`` choose the same tokens as
transformers' ``generate``. Sources: Fan et al. 2018 (top-k), Holtzman et al. 2020
(top-p), Keskar et al. 2019 (repetition), Wu et al. 2016 (beams, length penalty).
"""

import heapq
import math
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

import regex
import torch
import torch.nn.functional as F
from torch.nn.utils.rnn import pad_sequence

from course_utils.attention import KVCache
from course_utils.model import GPT
from course_utils.tokenization import SPLIT_PATTERN, Tokenizer


def _require(allowed: bool, name: str, what: str, got) -> None:
    if not allowed:
        raise ValueError(f"{name} must be {what}, got {got}")


# --- The knobs: pure functions from logits to logits ---


def penalize_repetition(logits, ids, penalty: float, padding=None) -> torch.Tensor:
    """Make tokens that occurred before less likely. (B, V), ids (B, T) -> (B, V).

    A positive score is divided by ``penalty``; a negative one is multiplied, since
    division would reward it. 1 changes nothing. Where ``padding`` is False, the token
    does not count. Source: Keskar et al. 2019, section 4.1.
    """
    _require(0 < penalty < math.inf, "repetition_penalty", "positive", penalty)
    real = torch.ones_like(ids) if padding is None else padding
    counts = torch.zeros_like(logits).scatter_add_(1, ids, real.to(logits.dtype))
    penalized = torch.where(logits < 0, logits * penalty, logits / penalty)
    return torch.where(counts > 0, penalized, logits)  # (B, V)


def apply_temperature(logits, temperature: float) -> torch.Tensor:
    """Sharpen (below 1) or flatten (above 1) the distribution. (..., V) -> (..., V)."""
    what = "positive, or 0 in generate (greedy)"
    _require(0 < temperature < math.inf, "temperature", what, temperature)
    return logits / temperature


def filter_top_k(logits, k: int) -> torch.Tensor:
    """Keep the k highest scores, set the others to -inf. (..., V) -> (..., V).

    What ties with the k-th stays too, as in transformers: then more than k are left.
    """
    whole = isinstance(k, int) and not isinstance(k, bool)
    _require(whole and k >= 1, "top_k", "a whole number of at least 1, or None", k)
    kth = logits.topk(min(k, logits.shape[-1])).values[..., -1:]  # (..., 1)
    return logits.masked_fill(logits < kth, -torch.inf)


def filter_top_p(logits, p: float) -> torch.Tensor:
    """Keep the fewest likeliest tokens that together reach probability p.

    (..., V) -> (..., V), -inf for the others. Seen from the other end: a token goes if
    it and all less likely ones together have at most 1 - p. The likeliest always stays.
    """
    _require(0 < p <= 1, "top_p", "in (0, 1]", p)
    ascending, order = logits.sort(dim=-1)
    goes = ascending.softmax(dim=-1).cumsum(dim=-1) <= 1 - p
    goes[..., -1] = False
    return logits.masked_fill(goes.scatter(-1, order, goes), -torch.inf)


def adjust_logits(
    logits,
    ids,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    repetition_penalty: float = 1.0,
    padding=None,
) -> torch.Tensor:
    """Turn all knobs, in transformers' order. (B, V), ids so far (B, T) -> (B, V).

    Temperature 0 changes nothing here: ``choose`` then takes the highest score.
    """
    if repetition_penalty != 1:
        logits = penalize_repetition(logits, ids, repetition_penalty, padding)
    if temperature not in (0, 1):
        logits = apply_temperature(logits, temperature)
    if top_k is not None:
        logits = filter_top_k(logits, top_k)
    if top_p is not None:
        logits = filter_top_p(logits, top_p)
    return logits


def choose(logits, greedy: bool, generator=None) -> torch.Tensor:
    """Take the likeliest token if ``greedy``, else draw one. (B, V) -> (B,)."""
    if greedy:
        return logits.argmax(dim=-1)
    return torch.multinomial(logits.softmax(dim=-1), 1, generator=generator)[:, 0]


# --- The loop: choose, append, repeat ---


def pad_left(prompts, fill: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Bring lists of ids to one length: (B, T) ids, and padding, False where filled.

    On the left, because new tokens are appended to the prompt's last one.
    """
    T = max(map(len, prompts), default=0)
    ids = [[fill] * (T - len(prompt)) + list(prompt) for prompt in prompts]
    real = [[t >= T - len(prompt) for t in range(T)] for prompt in prompts]
    shape = len(prompts), T  # so that no prompts at all are still (0, 0)
    return (
        torch.tensor(ids, dtype=torch.int64).view(shape),
        torch.tensor(real, dtype=torch.bool).view(shape),
    )


def generate(
    model: GPT,
    ids,
    max_new_tokens: int,
    *,
    end_of_text: int | None = None,
    seed: int | None = None,
    padding=None,
    **knobs,
) -> torch.Tensor:
    """Continue each prompt: (B, T) -> (B, T + n), n at most ``max_new_tokens``.

    ``ids`` is a tensor (B, T), a list of ids, or a list of such lists, which are padded
    on the left; of a tensor, ``padding`` (bool, (B, T)) tells the real tokens. The
    knobs are those of ``adjust_logits``; ``temperature=0`` is greedy. A row that wrote
    ``end_of_text`` is filled up with it, and all stops when every row has. Without a
    ``seed``, torch's global generator draws. Raises ValueError for a knob out of range,
    an empty prompt, or more than ``n_positions`` tokens.
    """
    ids, padding = _check(model, ids, max_new_tokens, end_of_text, padding, knobs)
    tokens = _steps(model, ids, padding, max_new_tokens, end_of_text, seed, **knobs)
    return torch.cat([ids, *(token[:, None] for token in tokens)], dim=1)


def stream(
    model: GPT,
    ids,
    max_new_tokens: int,
    *,
    end_of_text: int | None = None,
    seed: int | None = None,
    **knobs,
) -> Iterator[int]:
    """Yield the new tokens of one prompt as each is chosen: those of ``generate``.

    The last one may be ``end_of_text``.
    """
    ids, _ = _check(model, ids, max_new_tokens, end_of_text, None, knobs)
    _require(len(ids) == 1, "ids", "a single prompt", f"{len(ids)} prompts")
    tokens = _steps(model, ids, None, max_new_tokens, end_of_text, seed, **knobs)
    return (int(token) for token in tokens)


@torch.inference_mode()
def _steps(
    model, ids, padding, max_new_tokens, end_of_text, seed, temperature=1.0, **knobs
):
    """Yield the tokens (B,) of each step; a step costs one pass over one new token."""
    generator = None
    if seed is not None:
        generator = torch.Generator(ids.device).manual_seed(seed)
    finished = torch.zeros(len(ids), dtype=torch.bool, device=ids.device)
    cache, new = model.new_cache(), ids
    with _evaluating(model):
        for _ in range(max_new_tokens):
            logits = _last_logits(model, new, cache, padding)  # (B, V)
            logits = adjust_logits(logits, ids, temperature, padding=padding, **knobs)
            token = choose(logits, temperature == 0, generator)  # (B,)
            if end_of_text is not None:
                token = token.masked_fill(finished, end_of_text)
                finished |= token == end_of_text
            yield token
            if end_of_text is not None and finished.all():
                return
            new = token[:, None]  # (B, 1): the cache holds what came before
            ids = torch.cat([ids, new], dim=1)
            padding = _with_new(padding)


def _last_logits(model: GPT, new, cache, padding=None) -> torch.Tensor:
    """Scores for what follows the last of the new tokens. (B, T) -> (B, V).

    The head is the dearest layer of a small model: it works on that position alone.
    """
    return model.head(model.hidden(new, cache, padding)[:, -1])


@contextmanager
def _evaluating(model: GPT):
    """Switch dropout off, and afterwards on again if it was on."""
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)


def _with_new(padding):
    """One more token, a real one: (B, T) -> (B, T + 1); None stays None."""
    return None if padding is None else F.pad(padding, (0, 1), value=True)


def _check(model: GPT, ids, max_new_tokens: int, end_of_text, padding, knobs=None):
    """Return ids (B, T) and padding (None where all are real), or say what is wrong."""
    # A try on a vocabulary of one token: a knob out of range raises before any work.
    adjust_logits(torch.zeros(1, 1), torch.zeros(1, 1).long(), **(knobs or {}))
    V, n_positions = model.config.vocab_size, model.config.n_positions
    if end_of_text is not None:
        _require(0 <= end_of_text < V, "end_of_text", f"in 0..{V - 1}", end_of_text)
    if not isinstance(ids, torch.Tensor):
        prompts = ids if len(ids) and hasattr(ids[0], "__len__") else [ids]
        device = model.token_embedding.weight.device
        ids, padding = (x.to(device) for x in pad_left(prompts, end_of_text or 0))
    if padding is not None:
        _require(padding.shape == ids.shape, "padding", "as ids", tuple(padding.shape))
        left = (padding[:, 1:] >= padding[:, :-1]).all()
        _require(bool(left), "padding", "on the left of the prompt", "False after True")
    if ids.numel() == 0 or (padding is not None and not padding[:, -1].all()):
        raise ValueError(
            "ids must hold at least one token of each prompt, got an empty prompt; "
            "a text from its beginning starts with end_of_text"
        )
    _require(max_new_tokens >= 1, "max_new_tokens", "at least 1", max_new_tokens)
    T, room = ids.shape[-1], n_positions - max_new_tokens
    if room < T:
        raise ValueError(
            f"prompt and new tokens must fit into n_positions={n_positions}, got "
            f"{T} + {max_new_tokens}; ask for fewer new tokens"
            + (f" or give only the last {room}: ids[:, -{room}:]" if room > 0 else "")
        )
    return ids, None if padding is None or padding.all() else padding


# --- Beam search: keep the n best beginnings ---

NEVER = -1e9  # a log-probability that loses against every other


@torch.no_grad()
def beam_search(
    model: GPT,
    ids,
    n_beams: int,
    max_new_tokens: int,
    *,
    length_penalty: float = 1.0,
    early_stopping: bool = False,
    end_of_text: int | None = None,
    padding=None,
) -> torch.Tensor:
    """Return for each prompt the best continuation found: (B, T) -> (B, T + n).

    Each step extends the ``n_beams`` likeliest beginnings by every token and keeps the
    likeliest. What ends is scored by log-probability / length**``length_penalty``, with
    the length in new tokens: above 0, longer texts gain. A prompt is done when it has
    ``n_beams`` ended texts and no running one scores better as it stands, or at once
    with ``early_stopping``. Arguments and errors otherwise as in ``generate``.
    """
    ids, padding = _check(model, ids, max_new_tokens, end_of_text, padding)
    _require(n_beams >= 1, "n_beams", "at least 1", n_beams)
    (B, T), V = ids.shape, model.config.vocab_size
    row = torch.arange(B, device=ids.device)[:, None]  # (B, 1), to index with
    new = ids.repeat_interleave(n_beams, dim=0)  # (B * n_beams, T)
    if padding is not None:
        padding = padding.repeat_interleave(n_beams, dim=0)
    texts = new.view(B, n_beams, T)
    totals = torch.full((B, n_beams), NEVER, device=ids.device)
    totals[:, 0] = 0.0  # at first all beams are the same: go on from one of them
    ended: list[list] = [[] for _ in range(B)]  # per prompt: (score, text), best first
    running, cache = set(range(B)), model.new_cache()
    with _evaluating(model):
        for length in range(1, max_new_tokens + 1):
            logits = _last_logits(model, new, cache, padding).view(B, n_beams, V)
            totals = totals[..., None] + logits.log_softmax(dim=-1)  # (B, n_beams, V)
            # Twice as many as needed: up to n_beams of them may end here.
            totals, best = totals.flatten(1).topk(2 * n_beams)  # (B, 2 * n_beams)
            parent, token = best // V, best % V
            texts = torch.cat([texts[row, parent], token[..., None]], dim=2)
            ends = token == (-1 if end_of_text is None else end_of_text)
            ends |= length == max_new_tokens
            scores = totals / length**length_penalty
            totals, going = (totals + NEVER * ends).topk(n_beams)  # (B, n_beams)
            for b in list(running):
                for j in ends[b, :n_beams].nonzero()[:, 0]:
                    ended[b].append((float(scores[b, j]), texts[b, j]))
                ended[b] = sorted(ended[b], key=lambda pair: -pair[0])[:n_beams]
                hope = float(totals[b, 0] / length**length_penalty)
                if len(ended[b]) == n_beams and (
                    early_stopping or hope <= ended[b][-1][0]
                ):
                    running.remove(b)
            if not running:
                break
            texts = texts[row, going]  # (B, n_beams, T + length)
            for memory in cache:
                memory.reorder((row * n_beams + parent[row, going]).flatten())
            new, padding = token[row, going].view(-1, 1), _with_new(padding)
    best_texts = [pairs[0][1] for pairs in ended]
    return pad_sequence(best_texts, batch_first=True, padding_value=end_of_text or 0)


# --- Text ---


def encode_prompt(model: GPT, tokenizer: Tokenizer, prompt: str) -> list[int]:
    """Return end-of-text, with which every document begins, and the prompt's tokens.

    Spaces at the prompt's end are left out: a space belongs to the word after it, so
    the model has hardly ever seen a text end in one. Raises ValueError if the tokenizer
    is not the model's.
    """
    got, V = tokenizer.vocab_size, model.config.vocab_size
    _require(got == V, "tokenizer.vocab_size", f"the model's vocab_size={V}", got)
    return [tokenizer.end_of_text, *tokenizer.encode(prompt.rstrip(" "))]


def decode_rows(tokenizer: Tokenizer, rows) -> list[str]:
    """(B, T) int64, as ``generate`` returns -> B texts, without end-of-text tokens."""
    end = tokenizer.end_of_text
    return [tokenizer.decode([i for i in row if i != end]) for row in rows.tolist()]


def stream_text(
    model: GPT, tokenizer: Tokenizer, prompt: str, max_new_tokens: int = 100, **options
) -> Iterator[str]:
    """Yield the continuation of ``prompt`` as it is written, never half a character.

    Stops at end-of-text. Options and errors are those of ``stream``.
    """
    ids, end = encode_prompt(model, tokenizer, prompt), tokenizer.end_of_text
    tokens = stream(model, ids, max_new_tokens, end_of_text=end, **options)
    return tokenizer.decode_iterable(token for token in tokens if token != end)


def generate_text(
    model: GPT, tokenizer: Tokenizer, prompt: str, max_new_tokens: int = 100, **options
) -> str:
    """Return ``prompt``, without spaces at its end, and what the model adds to it.

    An empty prompt starts a new document. Otherwise as ``stream_text``.
    """
    pieces = stream_text(model, tokenizer, prompt, max_new_tokens, **options)
    return prompt.rstrip(" ") + "".join(pieces)


# --- The next word ---

AT_ONCE = 32  # how many beginnings of words one pass of the model takes further

# Words after which the same tokens go on, and one that stands for them all. A word of
# no such kind (a lone space or apostrophe, half of "'ll") stands for itself.
ALIKE = {
    r" ?\p{L}+": "a",
    r" ?\p{N}+": "1",
    r"(?!'$) ?[^\s\p{L}\p{N}]+": "!",
    r"(?! $)\s+": "\n",
}


def _text(some_bytes: bytes) -> str:
    """Decode; half a character, as long as it is alone, counts as a letter."""
    return some_bytes.decode("utf-8", errors="replace").replace("\ufffd", "x")


def goes_on(tokenizer: Tokenizer, word: bytes) -> torch.Tensor:
    """Return bool (V,): which tokens go on with ``word``; the others end it.

    A token goes on if GPT-2's pattern leaves the word and the token in one piece. Every
    token but end-of-text goes on with the empty word. A run of white space is kept
    whole here; the pattern would look ahead and leave its last sign to the next word.
    """
    text = _text(word)
    alike = (a for pattern, a in ALIKE.items() if regex.fullmatch(pattern, text))
    return _goes_on(tokenizer, next(alike, text))


@lru_cache(maxsize=64)
def _goes_on(tokenizer: Tokenizer, text: str) -> torch.Tensor:
    in_one_piece = SPLIT_PATTERN.fullmatch if text else bool
    tokens = (_text(tokenizer.token_bytes(i)) for i in range(tokenizer.vocab_size))
    result = torch.tensor([bool(in_one_piece(text + token)) for token in tokens])
    result[tokenizer.end_of_text] = False
    return result


class _Branches:
    """A KVCache of many texts that begin with the one text in ``memory``.

    They share its keys and values; ``KVCache.reorder`` would copy them several times.
    """

    def __init__(self, memory: KVCache):
        self.length = memory.length
        self.shared = [x[:, :, : self.length] for x in (memory.keys, memory.values)]

    def append(self, *new: torch.Tensor) -> list[torch.Tensor]:
        """Return all keys and values after adding new ones (N, H, T, D)."""
        N = len(new[0])
        past = (x.expand(N, -1, -1, -1) for x in self.shared)  # (N, H, length, D)
        return [torch.cat(pair, dim=2) for pair in zip(past, new, strict=True)]


def _after(model: GPT, cache: list[KVCache], begun: list[list[int]]) -> torch.Tensor:
    """Return what follows the cached prompt and each of N beginnings: (N, V)."""
    ends = torch.tensor([len(tokens) - 1 for tokens in begun])
    # Filled up on the right, which the causal mask hides from what is read off.
    rows = pad_sequence([torch.tensor(tokens) for tokens in begun], batch_first=True)
    logits = model(rows, [_Branches(memory) for memory in cache])
    return logits[torch.arange(len(begun)), ends].double().softmax(dim=-1)


@torch.no_grad()
def next_words(
    model: GPT, tokenizer: Tokenizer, prompt: str, n: int = 10, min_mass: float = 1e-4
) -> dict[str, float]:
    """Return the model's ``n`` likeliest next words and their probabilities.

    A word is what GPT-2's pattern splits off: letters, digits or punctuation with the
    space before them, "'s", or white space; "" is the end of the text. It is one token
    or several, and over only when the next one starts another word: so its probability
    is that of its tokens, times that of any such token after them, summed over all ways
    to write it. A word without its space may go on with the prompt's last one. After a
    prompt that ends in a space, words are those with a space before, given without it.

    The likeliest beginnings are followed first, until none is likelier than the n-th
    word found, or than ``min_mass``. So each probability is a lower bound; together
    they are at most 1.
    """
    ids = encode_prompt(model, tokenizer, prompt)
    prompt_ids, _ = _check(model, ids, 1, tokenizer.end_of_text, None)
    room = model.config.n_positions - len(ids)
    words: defaultdict[str, float] = defaultdict(float)
    begun: list[tuple[float, list[int]]] = []  # a heap of (-probability, tokens)
    batch, floor, cache = [(-1.0, [])], min_mass, model.new_cache()
    with _evaluating(model):
        rows = _last_logits(model, prompt_ids, cache).double().softmax(dim=-1)  # (1, V)
        spaced = bool(prompt.strip(" ")) and prompt.endswith(" ")
        if spaced:
            pieces = map(tokenizer.token_bytes, range(tokenizer.vocab_size))
            rows = rows * torch.tensor([piece[:1] == b" " for piece in pieces])
            rows = rows / rows.sum()
        while batch:
            texts = [tokenizer.decode_bytes(tokens) for _, tokens in batch]
            on = torch.stack([goes_on(tokenizer, text) for text in texts])  # (N, V)
            masses = rows * -torch.tensor([[m] for m, _ in batch], dtype=rows.dtype)
            for text, mass in zip(texts, (masses * ~on).sum(dim=-1), strict=True):
                words[text.decode("utf-8", errors="replace")] += float(mass)
            if len(words) >= n:
                floor = max(min_mass, heapq.nlargest(n, words.values())[-1])
            for i, token in (on & (masses > floor)).nonzero().tolist():
                tokens = [*batch[i][1], token]
                if len(tokens) <= room:
                    heapq.heappush(begun, (-float(masses[i, token]), tokens))
            batch = []
            while begun and -begun[0][0] > floor and len(batch) < AT_ONCE:
                batch.append(heapq.heappop(begun))
            if batch:
                rows = _after(model, cache, [tokens for _, tokens in batch])
    likeliest = heapq.nlargest(n, words.items(), key=lambda pair: pair[1])
    return {word[1:] if spaced else word: mass for word, mass in likeliest}
