"""How likely is a text, or a word after a text? Exactly, from all of its tokens."""

import torch
from torch.nn.utils.rnn import pad_sequence

from course_utils.sampling.next_word import goes_on
from course_utils.sampling.writing import encode_prompt


@torch.no_grad()
def next_word_log_probs(
    model, tokenizer, prompts, words, temperature: float = 1.0
) -> torch.Tensor:
    """Return log P(word comes next | prompt), each word whole: (N, W), float64.

    A word is its tokens, and then a token that does not go on with it. ``temperature``
    divides the scores of every token.
    """
    starts = [encode_prompt(model, tokenizer, prompt) for prompt in prompts]
    ends = [tokenizer.encode(word) for word in words]
    rows = [torch.tensor(start + end) for start in starts for end in ends]
    logits = model(pad_sequence(rows, batch_first=True)) / temperature  # (N * W, T, V)
    log_probs = logits.double().log_softmax(dim=-1)
    stops = [~goes_on(tokenizer, word.encode()) for word in words]  # (V,) each
    result = torch.empty(len(starts), len(ends), dtype=torch.float64)
    for i, row in enumerate(log_probs):
        n, w = divmod(i, len(ends))
        first = len(starts[n]) - 1  # the scores there are about the word's first token
        last = first + len(ends[w])
        of_tokens = row[range(first, last), ends[w]].sum()
        result[n, w] = of_tokens + row[last, stops[w]].logsumexp(dim=0)
    return result


@torch.no_grad()
def sentence_log_prob(model, tokenizer, text: str) -> float:
    """Return log P(text), in nats: of all its tokens after end-of-text."""
    ids = torch.tensor([encode_prompt(model, tokenizer, text)])
    log_probs = model(ids[:, :-1]).double().log_softmax(dim=-1)
    return log_probs.gather(-1, ids[:, 1:, None]).sum().item()
