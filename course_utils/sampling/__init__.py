"""Sampling: the model scores every possible next token; here one of them is chosen.

The parts, bottom-up: ``knobs`` (a function for each knob on the scores, and one that
turns them in order), ``one_token`` (scores for one token after the other, fast),
``writing`` (the loop that appends token after token, and texts), ``beams``,
``next_word`` (whole words), ``scoring`` (how likely a word or a text is) and
``speculative`` (a draft that guesses ahead). With the same weights and seed,
``generate`` and ``beam_search`` choose the same tokens as transformers' ``generate``.

Floors: stands on ``model`` and ``tokenization``. Sources: Fan et al. 2018 (top-k),
Holtzman et al. 2020 (top-p), Keskar et al. 2019 (repetition), Wu et al. 2016 (beams,
length penalty).
"""

from course_utils.sampling.beams import beam_search
from course_utils.sampling.knobs import (
    adjust_logits,
    apply_temperature,
    choose,
    filter_top_k,
    filter_top_p,
    penalize_repetition,
)
from course_utils.sampling.next_word import goes_on, next_words
from course_utils.sampling.scoring import next_word_log_probs, sentence_log_prob
from course_utils.sampling.writing import (
    decode_rows,
    encode_prompt,
    generate,
    generate_text,
    pad_left,
    stream,
    stream_text,
)

__all__ = [
    "adjust_logits",
    "apply_temperature",
    "beam_search",
    "choose",
    "decode_rows",
    "encode_prompt",
    "filter_top_k",
    "filter_top_p",
    "generate",
    "generate_text",
    "goes_on",
    "next_word_log_probs",
    "next_words",
    "pad_left",
    "penalize_repetition",
    "sentence_log_prob",
    "stream",
    "stream_text",
]
