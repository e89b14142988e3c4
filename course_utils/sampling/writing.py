"""The loop that writes: choose, append, repeat. Rows of tokens, a stream, and text."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F

from course_utils.model import GPT
from course_utils.sampling.knobs import adjust_logits, choose, require, whole
from course_utils.sampling.one_token import last_logits
from course_utils.tokenization import Tokenizer


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
    ids, padding = check(model, ids, max_new_tokens, end_of_text, padding, knobs)
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
    ids, _ = check(model, ids, max_new_tokens, end_of_text, None, knobs)
    require(len(ids) == 1, "ids", "a single prompt", f"{len(ids)} prompts")
    tokens = _steps(model, ids, None, max_new_tokens, end_of_text, seed, **knobs)
    return (int(token) for token in tokens)


@torch.inference_mode()
def _steps(
    model, ids, padding, max_new_tokens, end_of_text, seed, temperature=1.0, **knobs
):
    """Yield the tokens (B,) of each step; a step costs one pass over one new token."""
    generator = None
    if seed is not None:
        generator = torch.Generator(ids.device).manual_seed(whole("seed", seed))
    finished = torch.zeros(len(ids), dtype=torch.bool, device=ids.device)
    next_logits, cache, new = last_logits(model), model.new_cache(), ids
    with evaluating(model):
        for _ in range(max_new_tokens):
            logits = next_logits(new, cache, padding)  # (B, V)
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
            padding = with_new(padding)


@contextmanager
def evaluating(model: GPT):
    """Switch dropout off, and afterwards on again in the parts where it was on."""
    were_training = [part for part in model.modules() if part.training]
    model.eval()
    try:
        yield
    finally:
        for part in were_training:
            part.training = True


def with_new(padding):
    """One more token, a real one: (B, T) -> (B, T + 1); None stays None."""
    return None if padding is None else F.pad(padding, (0, 1), value=True)


def check(model: GPT, ids, max_new_tokens: int, end_of_text, padding, knobs=None):
    """Return ids (B, T) and padding (None where all are real), or say what is wrong."""
    # A try on a vocabulary of one token: a knob out of range raises before any work.
    adjust_logits(torch.zeros(1, 1), torch.zeros(1, 1).long(), **(knobs or {}))
    V, n_positions = model.config.vocab_size, model.config.n_positions
    if end_of_text is not None:
        end_of_text = whole("end_of_text", end_of_text)
        require(0 <= end_of_text < V, "end_of_text", f"in 0..{V - 1}", end_of_text)
    if not isinstance(ids, torch.Tensor):
        if isinstance(ids, str) or not hasattr(ids, "__len__"):
            got = type(ids).__name__
            raise TypeError(f"ids must be token ids, got {got} (see generate_text)")
        require(padding is None, "padding", "None where ids is no tensor", "one")
        prompts = ids if len(ids) and hasattr(ids[0], "__len__") else [ids]
        prompts = [[whole("each of the ids", i) for i in row] for row in prompts]
        device = model.token_embedding.weight.device
        ids, padding = (x.to(device) for x in pad_left(prompts, end_of_text or 0))
    if padding is not None:
        if not isinstance(padding, torch.Tensor):
            got = type(padding).__name__
            raise TypeError(f"padding must be a tensor, got {got}")
        require(padding.shape == ids.shape, "padding", "as ids", tuple(padding.shape))
        left = (padding[:, 1:] >= padding[:, :-1]).all()
        require(bool(left), "padding", "on the left of the prompt", "False after True")
    if ids.numel() == 0 or (padding is not None and not padding[:, -1].all()):
        raise ValueError(
            "ids must hold at least one token of each prompt, got an empty prompt; "
            "a text from its beginning starts with end_of_text"
        )
    max_new_tokens = whole("max_new_tokens", max_new_tokens)
    require(max_new_tokens >= 1, "max_new_tokens", "at least 1", max_new_tokens)
    T, room = ids.shape[-1], n_positions - max_new_tokens
    if room < T:
        raise ValueError(
            f"prompt and new tokens must fit into n_positions={n_positions}, got "
            f"{T} + {max_new_tokens}; ask for fewer new tokens"
            + (f" or give only the last {room}: ids[:, -{room}:]" if room > 0 else "")
        )
    return ids, None if padding is None or padding.all() else padding


# --- Text ---


def encode_prompt(model: GPT, tokenizer: Tokenizer, prompt: str) -> list[int]:
    """Return end-of-text, with which every document begins, and the prompt's tokens.

    Spaces at the prompt's end are left out: a space belongs to the word after it, so
    the model has hardly ever seen a text end in one. Raises ValueError if the tokenizer
    is not the model's.
    """
    got, V = tokenizer.vocab_size, model.config.vocab_size
    require(got == V, "tokenizer.vocab_size", f"the model's vocab_size={V}", got)
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
