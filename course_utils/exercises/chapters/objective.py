"""Exercises on the objective: what is predicted, what it costs, what that teaches.

Notebook 04. Lengths differ within a batch and some positions never count: only so are
the mean over tokens, the mean of means and the mean over padding three things.
"""

import itertools
import math

import torch
import torch.nn.functional as F

from course_utils import cross_entropy as component
from course_utils.exercises.engine.clinics import Clinic
from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import tensor, text
from course_utils.exercises.engine.questions import Question

# --- a whole text has one probability -------------------------------------------------


def _text_cases(rng):
    for T, V in ((2, 3), (1, 4), (5, 4), (7, 3), (400, 5)):
        table = tensor(rng, T, V, scale=2.0).log_softmax(dim=-1)
        yield table, torch.tensor([rng.randrange(V) for _ in range(T)])


def text_log_prob(log_probs, ids):
    T = len(ids)
    return log_probs[torch.arange(T), ids].sum()


text_log_prob = Exercise(
    name="objective.text_log_prob",
    task="(log_probs (T, V), ids (T,)) -> (): the log-probability of a whole text, in "
    "nats. Row t of log_probs was predicted before token ids[t] was seen; all rows "
    "are logarithms already.",
    reference=text_log_prob,
    cases=_text_cases,
    hints=(
        "The text's probability is a product, one factor a token. Its logarithm is …?",
        "From each row take one number: that of the token that came. That is (T,).",
        "picked = log_probs[arange(T), ids]\nadd them up",
    ),
    proves="A product of 400 probabilities is 0 to a computer; its logarithm is not.",
)


@text_log_prob.wrong
def product_of_the_logarithms(log_probs, ids):
    """You multiply the logarithms. Probabilities are multiplied; their logarithms are
    added."""
    return log_probs[torch.arange(len(ids)), ids].prod()


@text_log_prob.wrong
def multiplied_first_and_logarithm_last(log_probs, ids):
    """You multiply the probabilities and take the logarithm at the end. A long text's
    product is smaller than any number that the computer has: 0, and log 0 is -inf."""
    return log_probs[torch.arange(len(ids)), ids].exp().prod().log()


@text_log_prob.wrong
def probability_in_place_of_its_logarithm(log_probs, ids):
    """You return the probability. Its logarithm is asked for: a long text's probability
    is smaller than any number that the computer has."""
    return log_probs[torch.arange(len(ids)), ids].exp().prod()


@text_log_prob.wrong
def probabilities_added(log_probs, ids):
    """You add the probabilities of the tokens. Both this *and* that happened: multiply
    probabilities, add logarithms."""
    return log_probs[torch.arange(len(ids)), ids].exp().sum()


@text_log_prob.wrong
def mean_over_the_tokens(log_probs, ids):
    """You return the mean. That is minus the loss per token; the text's log-probability
    is the sum."""
    return log_probs[torch.arange(len(ids)), ids].mean()


@text_log_prob.wrong
def sign_turned(log_probs, ids):
    """You return -log p, the surprise. The log-probability itself is asked for, and it
    is never positive."""
    return -log_probs[torch.arange(len(ids)), ids].sum()


@text_log_prob.wrong
def the_likeliest_token_in_place_of_the_one_that_came(log_probs, ids):
    """You take each row's maximum: the text that the model would have liked best. Take
    the number of the token that came."""
    return log_probs.amax(dim=-1).sum()


@text_log_prob.wrong
def all_tokens_of_a_row_added(log_probs, ids):
    """You add up the whole table. From each row only one number counts: that of the
    token that came."""
    return log_probs.sum()


@text_log_prob.wrong
def rows_picked_by_their_tokens(log_probs, ids):
    """log_probs[ids] picks whole *rows*. Row t stays row t; the token says which column
    of it counts."""
    return log_probs[ids].sum()


@text_log_prob.wrong
def every_token_in_every_row(log_probs, ids):
    """log_probs[:, ids] takes every token from every row, T·T numbers. From row t only
    the number of token t counts: index both, [arange(T), ids]."""
    return log_probs[:, ids].sum()


@text_log_prob.wrong
def shifted_by_one(log_probs, ids):
    """You pair row t with token t + 1. Here the rows are shifted already: row t was
    predicted before ids[t] was seen."""
    return log_probs[torch.arange(len(ids) - 1), ids[1:]].sum()


# --- inputs, targets, and what does not count -----------------------------------------


def _shift_cases(rng):
    for lengths in ((5,), (4, 6), (3, 7, 5)):
        T = max(lengths)
        ids = [[rng.randrange(1, 90) for _ in range(n)] for n in lengths]
        rows = [row + [0] * (T - len(row)) for row in ids]
        prompts = [rng.randint(1, n - 2) for n in lengths]
        yield torch.tensor(rows), torch.tensor(prompts), torch.tensor(lengths)


def _numbers_of(ids):
    return torch.arange(1, ids.shape[1])  # of the tokens that are targets


def inputs_and_targets(ids, n_prompt, n_tokens):
    inputs, targets = ids[:, :-1], ids[:, 1:].clone()
    number = torch.arange(1, ids.shape[1])  # which token of the text a target is
    in_prompt = number < n_prompt[:, None]  # (B, T)
    padding = number >= n_tokens[:, None]
    targets[in_prompt | padding] = -100
    return inputs, targets


inputs_and_targets = Exercise(
    name="objective.inputs_and_targets",
    task="(ids (B, T+1), n_prompt (B,), n_tokens (B,)) -> (inputs (B, T), targets (B, "
    "T)): each input's target is the token after it. A target that belongs to the "
    "prompt (a text's first n_prompt tokens) or to the padding (all after its first "
    "n_tokens) is -100.",
    reference=inputs_and_targets,
    cases=_shift_cases,
    hints=(
        "Target t of a row is which of its tokens? And which is the first to count?",
        "Target t is token t + 1: it is prompt if t + 1 < n_prompt, padding if t + 1 "
        ">= n_tokens. n_prompt[:, None] is (B, 1).",
        "inputs = ids[:, :-1]\n"
        "targets = a copy of ids[:, 1:]\n"
        "number = 1, 2, … T\n"
        "targets[(number < n_prompt[:, None]) | (number >= n_tokens[:, None])] = -100",
    ),
    proves="One formula for both: with a prompt, only the answer's tokens count.",
)


def _masked(ids, prompt, n_tokens, ignored=-100):
    """Return the right inputs, and targets with these borders."""
    inputs, targets = ids[:, :-1].clone(), ids[:, 1:].clone()
    number = _numbers_of(ids)
    targets[(number < prompt[:, None]) | (number >= n_tokens[:, None])] = ignored
    return inputs, targets


@inputs_and_targets.wrong
def targets_not_shifted(ids, n_prompt, n_tokens):
    """Each target is its own input: the model learns to repeat what it is given. The
    loss falls to 0, and nothing has been learnt."""
    number = torch.arange(ids.shape[1] - 1)
    targets = ids[:, :-1].clone()
    targets[(number < n_prompt[:, None]) | (number >= n_tokens[:, None])] = -100
    return ids[:, :-1], targets


@inputs_and_targets.wrong
def shifted_the_wrong_way(ids, n_prompt, n_tokens):
    """Your targets are the tokens *before* the inputs: causal attention has seen them
    already. Input ids[:, :-1], target ids[:, 1:]."""
    inputs, targets = _masked(ids, n_prompt, n_tokens)
    return targets, inputs


@inputs_and_targets.wrong
def shifted_the_wrong_way_with_its_mask(ids, n_prompt, n_tokens):
    """Your inputs are the later tokens, your targets the earlier ones. Turn them round:
    the target comes after the input."""
    number = torch.arange(ids.shape[1] - 1)
    targets = ids[:, :-1].clone()
    targets[(number < n_prompt[:, None]) | (number >= n_tokens[:, None])] = -100
    return ids[:, 1:], targets


@inputs_and_targets.wrong
def shifted_twice(ids, n_prompt, n_tokens):
    """Your targets are two tokens ahead. That happens where you shift, and the loss
    shifts again: transformers' labels=… does."""
    inputs, targets = _masked(ids, n_prompt, n_tokens)
    last = torch.full_like(targets[:, :1], -100)
    return inputs, torch.cat([targets[:, 1:], last], dim=1)


@inputs_and_targets.wrong
def first_token_of_the_answer_not_counted(ids, n_prompt, n_tokens):
    """Your mask is one token too long: the answer's first token is not learnt. It is
    predicted at the last token of the prompt, and it counts."""
    return _masked(ids, n_prompt + 1, n_tokens)


@inputs_and_targets.wrong
def last_token_of_the_prompt_counted(ids, n_prompt, n_tokens):
    """Your mask is one token too short: the prompt's last token counts. Target t is
    token t + 1, so compare t + 1 with n_prompt."""
    return _masked(ids, n_prompt - 1, n_tokens)


@inputs_and_targets.wrong
def nothing_masked(ids, n_prompt, n_tokens):
    """You shift, and mask nothing: prompt and padding count. What is not to be learnt
    must be -100."""
    return ids[:, :-1], ids[:, 1:]


@inputs_and_targets.wrong
def prompt_counted(ids, n_prompt, n_tokens):
    """The prompt is not masked: the model is trained to write questions too."""
    return _masked(ids, torch.zeros_like(n_prompt), n_tokens)


@inputs_and_targets.wrong
def answer_masked_in_place_of_the_prompt(ids, n_prompt, n_tokens):
    """You mask the answer and train on the prompt. It is the other way round."""
    inputs, targets = ids[:, :-1].clone(), ids[:, 1:].clone()
    targets[_numbers_of(ids) >= n_prompt[:, None]] = -100
    return inputs, targets


@inputs_and_targets.wrong
def padding_counted(ids, n_prompt, n_tokens):
    """The padding counts: the model learns that after every answer comes padding, and
    again padding, and the easy wins make the loss look good."""
    return _masked(ids, n_prompt, torch.full_like(n_tokens, ids.shape[1]))


@inputs_and_targets.wrong
def last_real_token_not_counted(ids, n_prompt, n_tokens):
    """The last real token of each text does not count: your mask of the padding is one
    too long. Target t is token t + 1."""
    return _masked(ids, n_prompt, n_tokens - 1)


@inputs_and_targets.wrong
def first_padding_counted(ids, n_prompt, n_tokens):
    """The first token of the padding still counts. The last real token is number
    n_tokens - 1, counted from 0."""
    return _masked(ids, n_prompt, n_tokens + 1)


@inputs_and_targets.wrong
def ignored_with_0(ids, n_prompt, n_tokens):
    """You mark with 0. That is a token like any other, and the model would learn to
    write it. -100 is no token: so it can say "does not count"."""
    return _masked(ids, n_prompt, n_tokens, ignored=0)


@inputs_and_targets.wrong
def inputs_masked_too(ids, n_prompt, n_tokens):
    """You mask the inputs as well. The model must read the prompt; only the loss leaves
    it out. (And -100 has no row in the table of tokens.)"""
    inputs, targets = _masked(ids, n_prompt, n_tokens)
    return inputs.masked_fill(targets == -100, -100), targets


@inputs_and_targets.wrong
def inputs_numbered_in_place_of_targets(ids, n_prompt, n_tokens):
    """Both borders are one too late: you compare the number of the input, t. A target
    is token t + 1: compare that."""
    return _masked(ids, n_prompt + 1, n_tokens + 1)


@inputs_and_targets.wrong
def lengths_of_the_first_text_for_all(ids, n_prompt, n_tokens):
    """You use the first text's lengths in every row. Each text has its own:
    n_prompt[:, None] compares row by row."""
    rows = torch.zeros_like(n_prompt)  # the first, as often as there are texts
    return _masked(ids, n_prompt[rows], n_tokens[rows])


# --- log-softmax ----------------------------------------------------------------------


def _logit_cases(rng):
    yield (torch.tensor([1.0, 2.0, 3.0]),)
    yield (tensor(rng, 3, 5, scale=2.0),)
    yield (tensor(rng, 4, 4, scale=3.0),)
    yield (tensor(rng, 2, 3, 5) + 1000.0,)  # exp overflows
    yield (tensor(rng, 2, 4) - torch.tensor([[0.0], [500.0]]),)  # rows far apart
    yield (torch.tensor([[0.0, -300.0, -1.0], [2.0, 200.0, 0.0]]),)  # exp is 0


log_softmax = Exercise(
    name="objective.log_softmax",
    task="(logits (..., V)) -> (..., V): log-probabilities, logit minus log(sum of "
    "exp(logits)) over the last dimension. It must hold for logits of any size: 1000, "
    "or 300 apart.",
    reference=component.log_softmax,
    cases=_logit_cases,
    hints=(
        "What is exp(1000) on a computer? Which number may you take off all logits of "
        "a row without changing any probability?",
        "The maximum of each row is (..., 1): keepdim=True.",
        "shifted = logits - each row's maximum\n"
        "return shifted - log(sum of exp(shifted))",
    ),
    proves="No size of logits breaks it: no overflow, and no log of 0.",
    tolerance=3e-4,  # of logits near 1000 only the fourth decimal is exact
)


def _naive_log_softmax(logits, dim=-1):
    return logits - logits.exp().sum(dim=dim, keepdim=True).log()


@log_softmax.wrong
def exponentials_of_large_logits(logits):
    """exp(1000) is infinite, and your result with it. Take each row's maximum off
    first: it changes no probability."""
    return _naive_log_softmax(logits)


@log_softmax.wrong
def logarithm_of_the_overflowing_softmax(logits):
    """You divide exponentials and take the logarithm after. exp(1000) is infinite, and
    infinite over infinite is NaN. Take each row's maximum off first."""
    powers = logits.exp()
    return (powers / powers.sum(dim=-1, keepdim=True)).log()


@log_softmax.wrong
def logarithm_of_the_finished_softmax(logits):
    """log(softmax(x)): a probability below 1e-45 is rounded to 0, and its logarithm is
    -inf: an infinite loss. Stay with logarithms: logit - log(sum of exp)."""
    return logits.softmax(dim=-1).log()


@log_softmax.wrong
def softmax_without_logarithm(logits):
    """These are probabilities. Their logarithms are asked for."""
    return logits.softmax(dim=-1)


@log_softmax.wrong
def the_wrong_dimension(logits):
    """You normalise over the first dimension, texts or positions. Each row shares out
    its probability over the V tokens: dim=-1."""
    return logits.log_softmax(dim=0)


@log_softmax.wrong
def one_maximum_for_all_rows(logits):
    """You take the maximum of the whole tensor off. A row far below it is rounded to 0,
    and its logarithm is -inf. Each row needs its own maximum."""
    shifted = logits - logits.max()
    return _naive_log_softmax(shifted)


@log_softmax.wrong
def only_the_maximum_taken_off(logits):
    """The maximum is off, but nothing is normalised: the probabilities of a row must
    sum to 1."""
    return logits - logits.amax(dim=-1, keepdim=True)


@log_softmax.wrong
def sum_of_logits_in_place_of_exponentials(logits):
    """You sum the shifted logits, not their exponentials."""
    shifted = logits - logits.amax(dim=-1, keepdim=True)
    return shifted - shifted.sum(dim=-1, keepdim=True)


@log_softmax.wrong
def exponentials_not_logged(logits):
    """The logarithm of the sum is missing: you take the sum of exponentials off."""
    shifted = logits - logits.amax(dim=-1, keepdim=True)
    return shifted - shifted.exp().sum(dim=-1, keepdim=True)


@log_softmax.wrong
def maximum_not_put_back(logits):
    """You take the maximum off inside the sum only: logit - log(sum of exp(shifted)).
    What comes off must come off both, or be added again."""
    shifted = logits - logits.amax(dim=-1, keepdim=True)
    return logits - shifted.exp().sum(dim=-1, keepdim=True).log()


@log_softmax.wrong
def logarithm_of_base_2(logits):
    """These are bits: base 2. The course, and PyTorch, count in nats: base e."""
    return logits.log_softmax(dim=-1) / math.log(2)


@log_softmax.wrong
def a_small_number_added_before_the_logarithm(logits):
    """You add a small number, so that the logarithm finds no 0. Then -200 becomes -21:
    finite, and wrong. Stay with logarithms: logit - log(sum of exp)."""
    return (logits.softmax(dim=-1) + 1e-9).log()


@log_softmax.wrong
def the_mean_taken_off(logits):
    """You take the mean off. Any number may be taken off, but only the maximum makes
    sure that no exponential overflows."""
    return _naive_log_softmax(logits - logits.mean(dim=-1, keepdim=True))


@log_softmax.wrong
def sign_turned_to_surprise(logits):
    """Yours are the surprises, -log p. Log-probabilities are never positive."""
    return -logits.log_softmax(dim=-1)


@log_softmax.wrong
def sums_lined_up_with_the_columns(logits):
    """Without keepdim=True the sums are (...), and broadcasting lines them up with the
    columns: each row gets another row's sum, or an error."""
    shifted = logits - logits.amax(dim=-1, keepdim=True)
    return shifted - shifted.exp().sum(dim=-1).log()


# --- cross-entropy --------------------------------------------------------------------


def _loss_cases(rng):
    for lengths, V in (((3,), 4), ((2, 5), 3), ((1, 6, 3), 5), ((4, 1), 6)):
        B, T = len(lengths), max(lengths) + 1
        targets = torch.full((B, T), -100)
        for row, n in enumerate(lengths):
            start = rng.randint(0, T - n)
            # Class 0 is never a target: where a -100 is read as 0, it shows.
            ids = [rng.randrange(1, V) for _ in range(n)]
            targets[row, start : start + n] = torch.tensor(ids)
        yield tensor(rng, B, T, V, scale=1.5), targets


def cross_entropy(logits, targets):
    counted = targets != -100
    log_probs = logits[counted].log_softmax(dim=-1)  # (N, V)
    return -log_probs.gather(-1, targets[counted][:, None]).mean()


cross_entropy = Exercise(
    name="objective.cross_entropy",
    task="(logits (B, T, V), targets (B, T)) -> (): the mean of -log p(target) over "
    "all positions that count, in nats. A position whose target is -100 does not "
    "count. torch's log_softmax may be used.",
    reference=cross_entropy,
    cases=_loss_cases,
    hints=(
        "How many positions count? By which number do you divide, then?",
        "counted = targets != -100 is (B, T); logits[counted] is (N, V), "
        "targets[counted] is (N,).",
        "log_probs = log_softmax of logits[counted]\n"
        "pick each row's target\n"
        "return minus their mean",
    ),
    proves="Every token that counts weighs the same, in a long text or a short one.",
)


def _surprises(logits, targets):
    """Return -log p of each target (B, T); 0 where it does not count."""
    return F.cross_entropy(logits.transpose(1, 2), targets, reduction="none")


def _loss_of(log_probs, targets):
    """Return minus the mean of the targets' entries over the counted positions."""
    counted = targets != -100
    picked = log_probs[counted].gather(-1, targets[counted][:, None])
    return -picked.mean()


@cross_entropy.wrong
def softmax_twice(logits, targets):
    """You feed probabilities to a loss that takes the softmax itself. Such a loss can
    hardly fall: the best that it can say of V tokens is near ln V - 1."""
    return component.cross_entropy(logits.softmax(dim=-1), targets)


@cross_entropy.wrong
def probability_without_logarithm(logits, targets):
    """You average -p, not -log p. That is bounded: to be sure and wrong would cost no
    more than 1."""
    return _loss_of(logits.softmax(dim=-1), targets)


@cross_entropy.wrong
def logits_in_place_of_log_probabilities(logits, targets):
    """You average minus the target's logit. Nothing is normalised: all logits could
    grow for ever, and the loss fall for ever."""
    return _loss_of(logits, targets)


@cross_entropy.wrong
def sign_forgotten(logits, targets):
    """You return the mean of log p. The loss is minus that: it falls when the model
    gets better."""
    return -component.cross_entropy(logits, targets)


@cross_entropy.wrong
def sum_in_place_of_the_mean(logits, targets):
    """You return the sum. It grows with the size of the batch; the mean does not."""
    return _surprises(logits, targets).sum()


@cross_entropy.wrong
def divided_by_all_positions(logits, targets):
    """You divide by all positions, counted or not. The more padding, the better the
    loss would look."""
    return _surprises(logits, targets).mean()


@cross_entropy.wrong
def mean_of_the_texts_means(logits, targets):
    """You average each text, and then the texts. A short text's tokens would weigh more
    than a long one's: divide once, by the number of all that count."""
    counts = (targets != -100).sum(dim=1)
    return (_surprises(logits, targets).sum(dim=1) / counts).mean()


@cross_entropy.wrong
def divided_by_the_number_of_texts(logits, targets):
    """You divide by the number of texts, B. Long texts then have large losses: divide
    by the number of tokens that count."""
    return _surprises(logits, targets).sum() / len(targets)


@cross_entropy.wrong
def ignored_positions_counted_as_token_0(logits, targets):
    """You read -100 as token 0 (clamped, perhaps), and it counts."""
    return component.cross_entropy(logits, targets.clamp(min=0))


@cross_entropy.wrong
def loss_in_bits(logits, targets):
    """These are bits: base 2. Nats are asked for: base e."""
    return component.cross_entropy(logits, targets) / math.log(2)


@cross_entropy.wrong
def the_whole_entropy_added(logits, targets):
    """You sum over all tokens, weighed by the model's own probability: that is the
    entropy of the prediction. What came does not show in it."""
    log_probs = logits[targets != -100].log_softmax(dim=-1)
    return -(log_probs.exp() * log_probs).sum(dim=-1).mean()


@cross_entropy.wrong
def second_dimension_read_as_tokens(logits, targets):
    """F.cross_entropy looks for the V tokens in dimension 1, and yours are in the last.
    Flatten both, or hand it logits of the shape (B, V, T)."""
    return F.cross_entropy(logits, targets)


@cross_entropy.wrong
def softmax_down_the_positions(logits, targets):
    """Your softmax runs over the T positions. Each position shares out its probability
    over the V tokens: dim=-1."""
    return _loss_of(logits.log_softmax(dim=1), targets)


@cross_entropy.wrong
def targets_shifted_once_more(logits, targets):
    """You shift. The targets are shifted already: position t is judged by target t."""
    return component.cross_entropy(logits[:, :-1], targets[:, 1:])


@cross_entropy.wrong
def every_position_with_every_target(logits, targets):
    """log_probs[:, targets] takes every target at every position, N·N numbers. Position
    n is judged by target n only: gather, or [arange(N), targets]."""
    counted = targets != -100
    return -logits[counted].log_softmax(dim=-1)[:, targets[counted]].mean()


# --- its gradient ---------------------------------------------------------------------


def _gradient_cases(rng):
    for N, V in ((1, 3), (2, 4), (5, 3), (4, 4)):
        ids = torch.tensor([rng.randrange(V) for _ in range(N)])
        yield tensor(rng, N, V, scale=1.5), ids


def loss_gradient(logits, targets):
    N, V = logits.shape
    probabilities = logits.softmax(dim=-1)
    one_hot = torch.eye(V)[targets]  # (N, V)
    return (probabilities - one_hot) / N


loss_gradient = Exercise(
    name="objective.loss_gradient",
    task="(logits (N, V), targets (N,)) -> (N, V): the slope of the mean cross-entropy "
    "along each logit, by formula, without autograd. Every position counts.",
    reference=loss_gradient,
    cases=_gradient_cases,
    hints=(
        "Loss of one position: log(sum of exp(z)) - z[target]. What is the slope of "
        "each of the two parts?",
        "The first part's slopes are a row you know, (V,); the second's are 0 but for "
        "one. And the mean over N positions?",
        "p = softmax(logits)\none_hot = 1 at each row's target, else 0\n"
        "return (p - one_hot) / N",
    ),
    proves="The slope is what the model said minus what came. No autograd needed.",
)


def _one_hot(logits, targets):
    return F.one_hot(targets, logits.shape[-1]).to(logits.dtype)


@loss_gradient.wrong
def direction_turned_round(logits, targets):
    """This is one-hot minus softmax: the way downhill. The gradient points uphill; the
    optimiser turns it round."""
    return (_one_hot(logits, targets) - logits.softmax(dim=-1)) / len(targets)


@loss_gradient.wrong
def number_of_positions_forgotten(logits, targets):
    """This is the gradient of the sum. The loss is the mean: divide by N."""
    return logits.softmax(dim=-1) - _one_hot(logits, targets)


@loss_gradient.wrong
def divided_by_all_numbers(logits, targets):
    """You divide by N·V. The mean is over N positions; each has V logits."""
    return (logits.softmax(dim=-1) - _one_hot(logits, targets)) / logits.numel()


@loss_gradient.wrong
def only_the_targets_logit_moves(logits, targets):
    """Only the target's logit has a slope in your answer. All logits do: each one feeds
    the sum under the logarithm, so every other token is pushed down by its p."""
    one_hot = _one_hot(logits, targets)
    return (logits.softmax(dim=-1) - one_hot) * one_hot / len(targets)


@loss_gradient.wrong
def softmax_over_the_positions(logits, targets):
    """Your softmax runs down the columns, over the N positions. Each position shares
    out its probability over the V tokens: dim=-1."""
    return (logits.softmax(dim=0) - _one_hot(logits, targets)) / len(targets)


@loss_gradient.wrong
def softmax_alone(logits, targets):
    """The target is missing: softmax alone is the slope of log(sum of exp). Take 1 off
    at the token that came."""
    return logits.softmax(dim=-1) / len(targets)


@loss_gradient.wrong
def slope_along_the_probability(logits, targets):
    """-1/p is the slope along the target's *probability*. Along the logits it must
    still be followed through the softmax."""
    one_hot = _one_hot(logits, targets)
    return -one_hot / logits.softmax(dim=-1) / len(targets)


@loss_gradient.wrong
def logits_minus_one_hot(logits, targets):
    """The softmax is missing: you take the one-hot row off the logits."""
    return (logits - _one_hot(logits, targets)) / len(targets)


@loss_gradient.wrong
def slope_of_the_square(logits, targets):
    """This is the slope of ½(p - one-hot)² through the softmax: another loss. It goes
    flat where the model is sure and wrong; cross-entropy does not."""
    p = logits.softmax(dim=-1)
    error = p - _one_hot(logits, targets)
    return p * (error - (error * p).sum(dim=-1, keepdim=True)) / len(targets)


@loss_gradient.wrong
def one_taken_off_in_every_row(logits, targets):
    """p[:, targets] -= 1 takes 1 off in every row at every target. Row n has one target
    only: index both, [arange(N), targets]."""
    p = logits.softmax(dim=-1)
    p[:, targets] -= 1
    return p / len(targets)


@loss_gradient.wrong
def divided_by_the_vocabulary(logits, targets):
    """You divide by V. The loss is a mean over the N positions."""
    return (logits.softmax(dim=-1) - _one_hot(logits, targets)) / logits.shape[-1]


@loss_gradient.wrong
def log_softmax_minus_one_hot(logits, targets):
    """You take one-hot off the *log*-probabilities. The slope of log(sum of exp) is the
    softmax itself."""
    return (logits.log_softmax(dim=-1) - _one_hot(logits, targets)) / len(targets)


# --- a number for people, and one for comparing ---------------------------------------


def _perplexity_cases(rng):
    yield (torch.tensor([math.log(4), math.log(4)]),)
    for n in (1, 3, 40):
        yield (tensor(rng, n, scale=2.0).abs() + 0.1,)


def text_perplexity(losses):
    return math.exp(losses.mean())


text_perplexity = Exercise(
    name="objective.text_perplexity",
    task="(losses (N,)) -> float: the perplexity of N tokens whose surprises, in nats, "
    "are given.",
    reference=text_perplexity,
    cases=_perplexity_cases,
    hints=(
        "A model that hesitates between 4 equal tokens has a loss of ln 4 at each of "
        "them. Its perplexity is 4. Which function undoes ln?",
        "One number: the mean comes first, or the exponential?",
        "exp of the mean of the losses",
    ),
    proves="Among how many equal tokens the model hesitates, on average.",
)


@text_perplexity.wrong
def mean_of_the_exponentials(losses):
    """You average exp(loss). One surprise of 10 nats would outweigh 20,000 tokens
    without any: average first."""
    return losses.exp().mean().item()


@text_perplexity.wrong
def two_in_place_of_e(losses):
    """You raise 2, but the losses are in nats. 2 belongs to bits, e to nats."""
    return 2.0 ** losses.mean().item()


@text_perplexity.wrong
def exponential_of_the_sum(losses):
    """You take the exponential of the sum: 1 over the probability of the whole text.
    Per token: of the mean."""
    return losses.sum().exp().item()


@text_perplexity.wrong
def the_mean_loss_itself(losses):
    """This is the loss. Perplexity is its exponential."""
    return losses.mean().item()


@text_perplexity.wrong
def one_over_the_perplexity(losses):
    """exp(-loss) is the (geometric) mean probability of a token; perplexity is 1 over
    it."""
    return (-losses.mean()).exp().item()


def _bytes_cases(rng):
    yield 2.0, 3, "hello"
    for n_words in (1, 4, 12):
        yield rng.uniform(0.5, 4.0), rng.randint(2, 30), text(rng, n_words)
    yield rng.uniform(0.5, 4.0), 7, "中文分词 naïve"


def text_bits_per_byte(loss, n_tokens, text):
    n_bytes = len(text.encode("utf-8"))
    return loss * n_tokens / math.log(2) / n_bytes


text_bits_per_byte = Exercise(
    name="objective.text_bits_per_byte",
    task="(float loss, int n_tokens, str text) -> float: bits per byte of a text's "
    "UTF-8 form. loss is in nats per token, and the text has n_tokens of them.",
    reference=text_bits_per_byte,
    cases=_bytes_cases,
    hints=(
        "How many nats does the whole text cost? How many bits is one nat?",
        "Three numbers: nats of the whole text, ln 2 nats a bit, and "
        "len(text.encode('utf-8')) bytes.",
        "nats = loss * n_tokens\nbits = nats / ln 2\nreturn bits / number of bytes",
    ),
    proves="However a text is cut into tokens, its bytes are the same.",
)


def _bits_per_byte(loss, n_tokens, n_bytes):
    return loss * n_tokens / math.log(2) / n_bytes


@text_bits_per_byte.wrong
def characters_counted(loss, n_tokens, text):
    """You divide by characters. é has two bytes, 中 three, an emoji four: text.encode()
    gives the bytes."""
    return _bits_per_byte(loss, n_tokens, len(text))


@text_bits_per_byte.wrong
def nats_per_byte(loss, n_tokens, text):
    """These are nats per byte. A bit is ln 2 nats: divide by ln 2."""
    return loss * n_tokens / len(text.encode())


@text_bits_per_byte.wrong
def times_ln_2(loss, n_tokens, text):
    """You multiply by ln 2. A nat is more than a bit (1.44 of them): divide."""
    return loss * n_tokens * math.log(2) / len(text.encode())


@text_bits_per_byte.wrong
def bits_per_token(loss, n_tokens, text):
    """These are bits per token: another tokenizer, another number. Divide the whole
    text's bits by its bytes."""
    return loss / math.log(2)


@text_bits_per_byte.wrong
def number_of_tokens_forgotten(loss, n_tokens, text):
    """You divide one token's loss by all bytes. The whole text costs loss · n_tokens
    nats."""
    return loss / math.log(2) / len(text.encode())


@text_bits_per_byte.wrong
def divided_by_the_tokens(loss, n_tokens, text):
    """You divide by the number of tokens. Tokens times nats per token are the text's
    nats: multiply."""
    return loss / n_tokens / math.log(2) / len(text.encode())


@text_bits_per_byte.wrong
def logarithm_of_the_loss(loss, n_tokens, text):
    """You take log2 of the loss. The loss is a logarithm already; only its unit
    changes."""
    return math.log2(loss) * n_tokens / len(text.encode())


@text_bits_per_byte.wrong
def bits_of_the_whole_text(loss, n_tokens, text):
    """These are the bits of the whole text. Share them out over its bytes."""
    return loss * n_tokens / math.log(2)


@text_bits_per_byte.wrong
def divided_by_eight_bits_a_byte(loss, n_tokens, text):
    """You divide by the bits that the text takes on the disk, 8 a byte. That is a rate
    of compression; bits per byte divides by bytes."""
    return _bits_per_byte(loss, n_tokens, 8 * len(text.encode()))


# --- counting as a model --------------------------------------------------------------


def _count_cases(rng):
    for n, V, alpha in ((6, 3, 1.0), (9, 4, 0.5), (25, 4, 0.1), (30, 6, 2.0)):
        # The last token never comes, so that one row has no counts at all.
        ids = [rng.randrange(V - 1) for _ in range(n)]
        yield torch.tensor(ids), V, alpha


def bigram_table(ids, vocab_size, alpha):
    counts = torch.zeros(vocab_size, vocab_size)
    for before, after in itertools.pairwise(ids):
        counts[before, after] += 1
    smoothed = counts + alpha
    return smoothed / smoothed.sum(dim=1, keepdim=True)


bigram_table = Exercise(
    name="objective.bigram_table",
    task="(ids (N,), int vocab_size, float alpha) -> (V, V): row a, column b is the "
    "probability that b comes right after a: how often it did, with alpha added to "
    "every count, so that none is 0. Each row sums to 1.",
    reference=bigram_table,
    cases=_count_cases,
    hints=(
        "Which pairs of neighbours does a text of N tokens have? How many are there?",
        "counts is (V, V); each row is divided by its own sum, (V, 1).",
        "counts = zeros(V, V)\n"
        "for each pair (a, b) of neighbours: counts[a, b] += 1\n"
        "counts += alpha\ndivide each row by its sum",
    ),
    proves="Counting gives a language model. What may happen has no probability of 0.",
)


def _pair_counts(ids, V):
    pairs = ids[:-1] * V + ids[1:]
    return torch.bincount(pairs, minlength=V * V).reshape(V, V).float()


@bigram_table.wrong
def smoothing_left_out(ids, vocab_size, alpha):
    """Nothing is added: a pair that you have not seen has probability 0. One such pair
    in a new text, and its loss is infinite."""
    counts = _pair_counts(ids, vocab_size)
    return counts / counts.sum(dim=1, keepdim=True).clamp(min=1)


@bigram_table.wrong
def a_row_without_counts_divided_by_0(ids, vocab_size, alpha):
    """Nothing is added, and a token that never came gives 0/0: NaN. With alpha in every
    place, its row is even."""
    counts = _pair_counts(ids, vocab_size)
    return counts / counts.sum(dim=1, keepdim=True)


@bigram_table.wrong
def alpha_not_in_the_sum(ids, vocab_size, alpha):
    """You add alpha to the counts but divide by the sum without it: rows sum to more
    than 1. Every alpha must be paid for by the others."""
    counts = _pair_counts(ids, vocab_size)
    return (counts + alpha) / counts.sum(dim=1, keepdim=True).clamp(min=1)


@bigram_table.wrong
def alpha_once_in_the_sum(ids, vocab_size, alpha):
    """You divide by count + alpha. Each of the V places got alpha: count + V·alpha."""
    counts = _pair_counts(ids, vocab_size)
    return (counts + alpha) / (counts.sum(dim=1, keepdim=True) + alpha)


@bigram_table.wrong
def columns_in_place_of_rows(ids, vocab_size, alpha):
    """Your columns sum to 1: what came *before* b. Rows must: what comes after a."""
    smoothed = _pair_counts(ids, vocab_size) + alpha
    return smoothed / smoothed.sum(dim=0, keepdim=True)


@bigram_table.wrong
def rows_and_columns_exchanged(ids, vocab_size, alpha):
    """You count the pair backwards: row after, column before."""
    smoothed = _pair_counts(ids, vocab_size).T + alpha
    return smoothed / smoothed.sum(dim=1, keepdim=True)


@bigram_table.wrong
def the_whole_table_sums_to_1(ids, vocab_size, alpha):
    """Your whole table sums to 1: how likely is the pair (a, b)? Asked is how likely b
    is once a has come. Divide each row by its own sum."""
    smoothed = _pair_counts(ids, vocab_size) + alpha
    return smoothed / smoothed.sum()


@bigram_table.wrong
def end_joined_to_the_beginning(ids, vocab_size, alpha):
    """You count the last token with the first as a pair: N tokens have N - 1 pairs of
    neighbours."""
    ring = torch.cat([ids, ids[:1]])
    smoothed = _pair_counts(ring, vocab_size) + alpha
    return smoothed / smoothed.sum(dim=1, keepdim=True)


@bigram_table.wrong
def single_tokens_counted(ids, vocab_size, alpha):
    """All your rows are equal: you count single tokens. A bigram looks at the token
    before."""
    counts = torch.bincount(ids[1:], minlength=vocab_size).float() + alpha
    return (counts / counts.sum()).expand(vocab_size, -1).clone()


@bigram_table.wrong
def alpha_added_to_the_probabilities(ids, vocab_size, alpha):
    """You divide first and add alpha to the probabilities. A row seen a thousand times
    would be smoothed as hard as one seen once: add to the counts."""
    counts = _pair_counts(ids, vocab_size)
    shares = counts / counts.sum(dim=1, keepdim=True).clamp(min=1) + alpha
    return shares / shares.sum(dim=1, keepdim=True)


@bigram_table.wrong
def each_pair_counted_once(ids, vocab_size, alpha):
    """counts[before, after] += 1 with whole tensors adds 1 once, however often a pair
    comes: all go to the same place at the same time. Loop, or use bincount."""
    smoothed = _pair_counts(ids, vocab_size).clamp(max=1) + alpha
    return smoothed / smoothed.sum(dim=1, keepdim=True)


@bigram_table.wrong
def only_unseen_pairs_smoothed(ids, vocab_size, alpha):
    """Only pairs with a count of 0 get alpha in your table. It is added to every
    count."""
    counts = _pair_counts(ids, vocab_size)
    smoothed = counts.where(counts > 0, torch.tensor(alpha))
    return smoothed / smoothed.sum(dim=1, keepdim=True)


@bigram_table.wrong
def sums_lined_up_with_columns(ids, vocab_size, alpha):
    """Without keepdim=True the sums are (V,), and broadcasting divides column b by the
    sum of row b. keepdim=True makes them (V, 1)."""
    smoothed = _pair_counts(ids, vocab_size) + alpha
    return smoothed / smoothed.sum(dim=1)


@bigram_table.wrong
def counts_not_divided(ids, vocab_size, alpha):
    """These are counts. Divided by the sum of their row they become probabilities."""
    return _pair_counts(ids, vocab_size) + alpha


# --- how far from the truth -----------------------------------------------------------


def _distribution_cases(rng):
    for V in (2, 4, 7):
        p, q = tensor(rng, 2, V, scale=1.5).softmax(dim=-1)
        yield p, q
    p = torch.tensor([0.5, 0.5, 0.0, 0.0])
    yield p, tensor(rng, 4).softmax(dim=-1)


def divergence(p, q):
    possible = p > 0
    return (p[possible] * (p[possible] / q[possible]).log()).sum()


divergence = Exercise(
    name="objective.divergence",
    task="(p (V,), q (V,)) -> (): the Kullback-Leibler divergence from the truth p to "
    "the model q, in nats: the model's mean surprise minus the truth's own, when "
    "tokens come with the probabilities p. p may hold zeros.",
    reference=divergence,
    cases=_distribution_cases,
    hints=(
        "Which distribution decides how often a token comes? Over which one do you "
        "average, then?",
        "Surprises are -log q and -log p; the weights of both means are p.",
        "where p > 0: add up p * (log p - log q)",
    ),
    proves="0 only where the model is the truth; otherwise what its errors cost.",
)


@divergence.wrong
def directions_exchanged(p, q):
    """This is the divergence from q to p: averaged over what the model would write.
    Tokens come from the truth, so p weighs."""
    return (q * (q / p).log()).sum()


@divergence.wrong
def zeros_not_left_out(p, q):
    """0 · log 0 is NaN to the computer. What never comes costs nothing: leave out where
    p is 0."""
    return (p * (p / q).log()).sum()


@divergence.wrong
def the_entropy_not_taken_off(p, q):
    """This is the cross-entropy. The truth's own entropy, which no model can avoid, is
    still in it."""
    return -(p * q.log()).sum()


@divergence.wrong
def the_model_forgotten(p, q):
    """This is the entropy of p: the floor itself. The model does not show in it."""
    inside = p[p > 0]
    return -(inside * inside.log()).sum()


@divergence.wrong
def sign_turned_round(p, q):
    """Your divergence is negative, and it can never be: no model is less surprised than
    the truth. log p minus log q, weighed by p."""
    inside = p > 0
    return (p[inside] * (q[inside] / p[inside]).log()).sum()


@divergence.wrong
def bits_in_place_of_nats(p, q):
    """These are bits: base 2. Nats are asked for."""
    inside = p > 0
    return (p[inside] * (p[inside] / q[inside]).log2()).sum()


@divergence.wrong
def difference_of_two_entropies(p, q):
    """You take the entropy of q minus the entropy of p. Two distributions can be as
    broad and still name other tokens: the model's surprise is weighed by p too."""
    inside = p[p > 0]
    return (inside * inside.log()).sum() - (q * q.log()).sum()


@divergence.wrong
def not_weighed_at_all(p, q):
    """Every token weighs the same in your sum. Those that come often must weigh more:
    by p."""
    inside = p > 0
    return (p[inside] / q[inside]).log().sum()


@divergence.wrong
def directions_exchanged_and_zeros_left_out(p, q):
    """This is the divergence from q to p, without the zeros. Tokens come from the
    truth, so p weighs, not q."""
    inside = p > 0
    return (q[inside] * (q[inside] / p[inside]).log()).sum()


@divergence.wrong
def mean_over_the_vocabulary(p, q):
    """You divide by V. The weights p sum to 1: their sum *is* the mean."""
    inside = p > 0
    return (p[inside] * (p[inside] / q[inside]).log()).sum() / len(p)


# --- bug clinic -----------------------------------------------------------------------


def _honest_loss(logits, targets):
    return F.cross_entropy(logits, targets)


def _thrifty_loss(logits, targets):
    seen = targets.unique()  # "the other columns would only cost memory"
    return F.cross_entropy(logits[:, seen], torch.searchsorted(seen, targets))


below_the_floor = Clinic(
    name="objective.below_the_floor",
    complaint="This evaluation needs little memory, and its loss falls as a model "
    "learns. But it says that the story model is below the floor.",
    patient=_thrifty_loss,
    healthy=_honest_loss,
    suspects={
        "the targets are not shifted": "a trained model would hardly ever expect the "
        "token that it has just read: the loss would be far above the floor.",
        "the loss is in bits": "every loss would be larger by the same factor, 1.44, "
        "also on a text of a single token.",
        "the softmax runs only over the tokens that come in the text": "a text of one "
        "token has one candidate: it would cost nothing, whatever the logits say.",
        "it takes the mean over padding too": "without padding, patient and twin would "
        "agree.",
        "it leaves out the largest losses": "on a text of a single token there is "
        "nothing to leave out: patient and twin would agree.",
    },
    fault="the softmax runs only over the tokens that come in the text",
    evidence="Give it one token at a time: the loss is 0, for every token of the "
    "vocabulary. So each of them has probability 1, and together they have V: that is "
    "no prediction. The text itself has told which tokens may come. An honest "
    "evaluation fixes all V probabilities before it sees the answer.",
)

# --- recall ---------------------------------------------------------------------------

QUESTIONS = (
    Question(
        "A batch holds a text of 8 tokens and one of 3. By which number do you divide "
        "the summed loss?",
        "By 11: every token that counts weighs the same. Means of means favour the "
        "short text, and padding must not count.",
        (
            "objective.cross_entropy: mean of the texts means",
            "objective.cross_entropy: divided by all positions",
            "objective.inputs_and_targets: padding counted",
        ),
    ),
    Question(
        "A model's loss is clearly below the entropy of its source. What do you do?",
        "Look for the bug: in the loss, the entropy or the split. No model gets there.",
        ("objective.divergence: sign turned round",),
    ),
    Question(
        "The loss is pulled down by which slope along the logits?",
        "By softmax minus one-hot, over the number of positions: what the model said "
        "minus what came.",
        (
            "objective.loss_gradient: number of positions forgotten",
            "objective.loss_gradient: only the targets logit moves",
        ),
    ),
    Question(
        "One model has 1.9 nats per token, another 2.4. Which is better?",
        "Nobody can say before both have the same tokens. Bits per byte compare them.",
        ("objective.text_bits_per_byte: bits per token",),
    ),
)
