"""The next word: what the model's tokens say of whole words."""

import heapq
from collections import defaultdict
from functools import lru_cache

import regex
import torch
from torch.nn.utils.rnn import pad_sequence

from course_utils.attention import KVCache
from course_utils.model import GPT
from course_utils.sampling.one_token import last_logits
from course_utils.sampling.writing import check, encode_prompt, evaluating
from course_utils.tokenization import SPLIT_PATTERN, Tokenizer

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
    token but end-of-text goes on with the empty word. A run of white space is whole
    here; the pattern would look ahead and leave its last character to the next word.
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
    prompt_ids, _ = check(model, ids, 1, tokenizer.end_of_text, None)
    room = model.config.n_positions - len(ids)
    words: defaultdict[str, float] = defaultdict(float)
    begun: list[tuple[float, list[int]]] = []  # a heap of (-probability, tokens)
    batch, floor, cache = [(-1.0, [])], min_mass, model.new_cache()
    with evaluating(model):
        logits = last_logits(model)(prompt_ids, cache)  # (1, V)
        rows = logits.double().softmax(dim=-1)
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
