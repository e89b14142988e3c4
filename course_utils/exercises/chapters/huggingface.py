"""Exercises on Hugging Face's GPT-2: its weights, its batches, its labels, its layers.

Notebook 08. Nothing here loads transformers before a learner asks for the clinic: the
weights are made up, under the library's names and in its layout.
"""

import itertools

import torch
import torch.nn.functional as F
from torch import nn

from course_utils.exercises.engine.clinics import Clinic
from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import tensor
from course_utils.exercises.engine.questions import Question

# --- how many tokens are written ------------------------------------------------------


def _length_cases(rng):
    yield [3], 10, 20
    yield [2, 5, 3], 9, 20
    yield [4, 6], 30, 16
    yield [7, 9], 8, 20
    for _ in range(3):
        lengths = [rng.randint(2, 9) for _ in range(rng.randint(2, 4))]
        yield lengths, rng.randint(12, 30), rng.randint(30, 99)
    yield (
        [rng.randint(5, 9), rng.randint(5, 9)],
        rng.randint(70, 99),
        rng.randint(20, 50),
    )


def new_tokens(lengths, max_length, n_positions):
    room = min(max_length, n_positions) - max(lengths)
    return max(room, 0)


new_tokens = Exercise(
    name="huggingface.new_tokens",
    task="(list lengths, int max_length, int n_positions) -> int: prompts of these "
    "lengths are filled up to one batch. How many new tokens fit at most into each "
    "row, with generate(max_length=…) and a model of n_positions? 0 if none fits.",
    reference=new_tokens,
    cases=_length_cases,
    hints=(
        "max_length is the length of what: of the new text, or of the whole row?",
        "One number for all rows: each row is as long as the longest prompt.",
        "room = the smaller of max_length and n_positions\n"
        "room -= the longest prompt\nreturn room, at least 0",
    ),
    proves="max_length holds prompt and padding too; max_new_tokens would not.",
)


@new_tokens.wrong
def max_length_taken_for_the_new_tokens(lengths, max_length, n_positions):
    """You give all of max_length to the new tokens. It is the length of the whole row,
    the prompt included. (max_new_tokens is what you have in mind.)"""
    return max(0, min(max_length, n_positions - max(lengths)))


@new_tokens.wrong
def the_prompt_not_taken_off(lengths, max_length, n_positions):
    """You return the length of the whole row. The prompt is part of it: take it off."""
    return min(max_length, n_positions)


@new_tokens.wrong
def the_positions_forgotten(lengths, max_length, n_positions):
    """You let the row grow to max_length, past the model's last position. There is no
    row n_positions in the table of positions."""
    return max(0, max_length - max(lengths))


@new_tokens.wrong
def the_shortest_prompt_taken(lengths, max_length, n_positions):
    """You take the shortest prompt off. It was filled up to the longest: padding counts
    in the length of the row."""
    return max(0, min(max_length, n_positions) - min(lengths))


@new_tokens.wrong
def the_prompts_added_up(lengths, max_length, n_positions):
    """You take all prompts off together. Each stands in a row of its own."""
    return max(0, min(max_length, n_positions) - sum(lengths))


@new_tokens.wrong
def one_too_few(lengths, max_length, n_positions):
    """You leave one place free. The last position may be written to as well."""
    return max(0, min(max_length, n_positions) - max(lengths) - 1)


@new_tokens.wrong
def less_than_nothing(lengths, max_length, n_positions):
    """Your number can be negative: where the prompt alone is too long, nothing fits."""
    return min(max_length, n_positions) - max(lengths)


# --- weights of one in the other ------------------------------------------------------

# Our name of a block's weight -> GPT-2's.
_IN_A_BLOCK = {
    "norm_1.gain": "ln_1.weight",
    "norm_1.bias": "ln_1.bias",
    "attention.query_key_value.weight": "attn.c_attn.weight",
    "attention.query_key_value.bias": "attn.c_attn.bias",
    "attention.project.weight": "attn.c_proj.weight",
    "attention.project.bias": "attn.c_proj.bias",
    "norm_2.gain": "ln_2.weight",
    "norm_2.bias": "ln_2.bias",
    "mlp.expand.weight": "mlp.c_fc.weight",
    "mlp.expand.bias": "mlp.c_fc.bias",
    "mlp.contract.weight": "mlp.c_proj.weight",
    "mlp.contract.bias": "mlp.c_proj.bias",
}
_OUTSIDE = {
    "token_embedding.weight": "wte.weight",
    "position_embedding.weight": "wpe.weight",
    "final_norm.gain": "ln_f.weight",
    "final_norm.bias": "ln_f.bias",
}


def _names(n_layer):
    """Return our name -> transformers' for a whole model."""
    blocks = {
        f"blocks.{i}.{ours}": f"h.{i}.{theirs}"
        for i in range(n_layer)
        for ours, theirs in _IN_A_BLOCK.items()
    }
    return {ours: f"transformer.{name}" for ours, name in (_OUTSIDE | blocks).items()}


def _their_weights(rng, V, n_positions, n_layer, C):
    """Return stirred weights under transformers' names, in its layout."""
    shapes = {
        "c_attn.weight": (C, 3 * C), "c_attn.bias": (3 * C,),
        "c_fc.weight": (C, 4 * C), "c_fc.bias": (4 * C,),
        "attn.c_proj.weight": (C, C), "mlp.c_proj.weight": (4 * C, C),
        "wte.weight": (V, C), "wpe.weight": (n_positions, C),
    }  # fmt: skip
    weights = {}
    for name in _names(n_layer).values():
        shape = next((s for end, s in shapes.items() if name.endswith(end)), (C,))
        weights[name] = tensor(rng, *shape)
    weights["lm_head.weight"] = weights["transformer.wte.weight"]  # tied
    return weights


def _weight_cases(rng):
    # V = C and n_positions = C: tables may be square too.
    for V, n_positions, n_layer, C in ((5, 3, 1, 2), (4, 4, 1, 4), (7, 5, 2, 3)):
        yield _their_weights(rng, V, n_positions, n_layer, C), _names(n_layer)


def convert(weights, names):
    ours = {}
    for our_name, name in names.items():
        part, kind = name.split(".")[-2:]
        is_conv1d = part in ("c_attn", "c_proj", "c_fc") and kind == "weight"
        ours[our_name] = weights[name].T if is_conv1d else weights[name]
    return ours


convert = Exercise(
    name="huggingface.convert",
    task="(dict weights, dict names) -> dict: the weights of transformers' GPT-2 for "
    "our model. names maps each of our names to theirs. Their c_attn, c_proj and c_fc "
    "store a matrix as (in, out), our nn.Linear as (out, in).",
    reference=convert,
    cases=_weight_cases,
    hints=(
        "How many of the twelve weights of a block are matrices? Which tables outside "
        "the blocks must stay as they are?",
        "c_attn.weight (C, 3C) -> (3C, C); c_proj.weight (C, C) -> (C, C), and yet "
        "transposed; biases and wte, wpe unchanged.",
        "for each our_name, name in names:\n"
        "    weight = weights[name]\n"
        "    if name ends in c_attn.weight, c_proj.weight or c_fc.weight:\n"
        "        weight = weight.T\n    store it under our_name",
    ),
    proves="A GPT-2 of Hugging Face's becomes one of ours, number for number.",
)


def _converted(weights, names, is_transposed, turn=torch.t):
    """Return weights under our names, those that ``is_transposed`` names turned."""
    return {
        ours: turn(weights[name]) if is_transposed(name) else weights[name]
        for ours, name in names.items()
    }


def _is_conv1d(name):
    return name.endswith(("c_attn.weight", "c_proj.weight", "c_fc.weight"))


@convert.wrong
def nothing_transposed(weights, names):
    """You only change the names. Conv1D stores (in, out), Linear (out, in): transpose
    the four matrices of each block."""
    return _converted(weights, names, lambda name: False)


@convert.wrong
def square_matrices_not_transposed(weights, names):
    """You transpose only where the shape does not fit. attn.c_proj is square: it fits
    either way, loads without a word, and is wrong."""
    return _converted(
        weights, names, lambda name: _is_conv1d(name) and "attn.c_proj" not in name
    )


@convert.wrong
def every_matrix_transposed(weights, names):
    """You transpose the tables of tokens and positions too. An embedding is (rows, C)
    in both: only Conv1D is the other way round."""
    return _converted(weights, names, lambda name: weights[name].dim() == 2)


@convert.wrong
def MLP_not_transposed(weights, names):
    """You transpose attention's two matrices and leave the MLP's. c_fc and mlp.c_proj
    are Conv1D as well."""
    return _converted(weights, names, lambda n: _is_conv1d(n) and ".attn." in n)


@convert.wrong
def attention_not_transposed(weights, names):
    """You transpose the MLP's two matrices and leave attention's. c_attn and
    attn.c_proj are Conv1D as well."""
    return _converted(weights, names, lambda n: _is_conv1d(n) and ".mlp." in n)


@convert.wrong
def reshaped_in_place_of_transposed(weights, names):
    """You reshape to (out, in). The shape is right, and the numbers stand in the wrong
    places: .T turns rows into columns, .reshape only cuts the rows anew."""
    return _converted(
        weights, names, _is_conv1d, lambda weight: weight.reshape(weight.shape[::-1])
    )


@convert.wrong
def query_and_key_exchanged(weights, names):
    """c_attn holds query, key and value in this order, side by side. You put the keys
    first."""
    result = _converted(weights, names, _is_conv1d)
    for name in result:
        if "query_key_value" in name:
            query, key, value = result[name].chunk(3)
            result[name] = torch.cat([key, query, value])
    return result


@convert.wrong
def their_names_kept(weights, names):
    """The weights are right and stand under transformers' names: our model would not
    find them. The new dictionary has the keys of names."""
    return {
        names[ours]: weight
        for ours, weight in convert.reference(weights, names).items()
    }


@convert.wrong
def a_head_of_its_own(weights, names):
    """You add the head. It is tied: our head is the table of tokens and has no weights
    of its own. A copy would part from the table in the first step of training."""
    head = {"head.weight": weights["lm_head.weight"]}
    return convert.reference(weights, names) | head


@convert.wrong
def biases_left_out(weights, names):
    """The biases are missing. In GPT-2 every product and every LayerNorm has one."""
    result = convert.reference(weights, names)
    return {name: w for name, w in result.items() if not name.endswith("bias")}


@convert.wrong
def final_norm_left_out(weights, names):
    """The final LayerNorm is missing: ln_f stands outside the blocks."""
    result = convert.reference(weights, names)
    return {name: w for name, w in result.items() if not name.startswith("final")}


# --- what a model learns --------------------------------------------------------------


def _tied_cases(rng):
    for V, C, as_view in ((5, 2, True), (7, 3, False), (rng.randint(9, 20), 4, True)):
        table = tensor(rng, V, C)
        mask = torch.ones(1, 1, V, V).tril().bool()
        yield (
            {
                "transformer.wte.weight": table,
                "transformer.h.0.ln_1.bias": torch.zeros(C),
                "transformer.h.0.ln_2.bias": torch.zeros(C),
                "transformer.h.0.attn.bias": mask,
                "transformer.h.0.attn.c_proj.weight": tensor(rng, C, C),
                "transformer.h.0.attn.c_proj.bias": tensor(rng, C),
                # The same numbers once more: a view of them, or the tensor itself.
                "lm_head.weight": table.detach() if as_view else table,
            },
        )
    V, C = rng.randint(5, 20), 3  # and one whose head is a table of its own
    yield ({"wte.weight": tensor(rng, V, C), "lm_head.weight": tensor(rng, V, C)},)


def learnt_numbers(weights):
    sizes = {}
    for weight in weights.values():
        if weight.is_floating_point():  # a mask is True and False
            sizes[weight.data_ptr()] = weight.numel()
    return sum(sizes.values())


learnt_numbers = Exercise(
    name="huggingface.learnt_numbers",
    task="(dict weights) -> int: how many numbers a model learns, given its "
    "state_dict(). What lies in memory once and is listed under two names counts once; "
    "a mask (bool) is not learnt.",
    reference=learnt_numbers,
    cases=_tied_cases,
    hints=(
        "Which two names of GPT-2 stand for the same numbers? Is that so in every "
        "model, or must you look?",
        "weight.data_ptr() says where a tensor's numbers lie; weight.numel() how many "
        "there are.",
        "sizes = {}\nfor each weight that is_floating_point():\n"
        "    sizes[its data_ptr()] = its numel()\nadd up the sizes",
    ),
    proves="124,439,808 for the smallest GPT-2, though its state_dict lists more.",
)


def _counted(weights, key):
    """Count the learnt numbers, one tensor for each value of ``key``."""
    floats = [w for w in weights.values() if w.is_floating_point()]
    return sum({key(w): w.numel() for w in floats}.values())


@learnt_numbers.wrong
def tied_table_counted_twice(weights):
    """You count the tied table twice, as wte and as lm_head. The smallest GPT-2 would
    have 163 million parameters; it has 124 million."""
    return sum(w.numel() for w in weights.values() if w.is_floating_point())


@learnt_numbers.wrong
def masks_counted(weights):
    """You count the causal mask. It is stored, but not learnt."""
    return sum({w.data_ptr(): w.numel() for w in weights.values()}.values())


@learnt_numbers.wrong
def all_that_is_listed(weights):
    """You count all that is listed: the tied table twice, and the mask too."""
    return sum(weight.numel() for weight in weights.values())


@learnt_numbers.wrong
def equal_numbers_counted_once(weights):
    """You take equal numbers for the same ones. Two biases of a new model are both 0
    and still two: each learns something else. Ask where the numbers lie."""
    return _counted(weights, lambda w: (w.shape, tuple(w.flatten().tolist())))


@learnt_numbers.wrong
def equal_shapes_counted_once(weights):
    """You count each shape once. Two weights of one shape are two weights."""
    return _counted(weights, lambda w: w.shape)


@learnt_numbers.wrong
def compared_as_objects(weights):
    """You ask whether two entries are one Python object. state_dict() makes a new
    tensor for each name; the numbers behind them are the same: data_ptr() says so."""
    return _counted(weights, id)


@learnt_numbers.wrong
def the_head_never_counted(weights):
    """You leave lm_head out by its name. Where it is not tied it is a table of its own,
    with numbers of its own."""
    return _counted(
        {n: w for n, w in weights.items() if n != "lm_head.weight"},
        torch.Tensor.data_ptr,
    )


@learnt_numbers.wrong
def tensors_in_place_of_numbers(weights):
    """You count tensors. Each holds many numbers: numel()."""
    pointers = {w.data_ptr() for w in weights.values() if w.is_floating_point()}
    return len(pointers)


@learnt_numbers.wrong
def bytes_in_place_of_numbers(weights):
    """These are bytes. A number in float32 takes four of them."""
    return 4 * learnt_numbers.reference(weights)


# --- a batch for generate -------------------------------------------------------------


def _prompt_cases(rng):
    for lengths in ((2, 3), (4, 1, 3), (3, 5), (2, 6, 4, 5)):
        end = rng.randint(50, 99)
        # Each prompt begins with end-of-text: a real token with the id that fills up.
        yield [[end, *(rng.randrange(1, 50) for _ in range(n))] for n in lengths], end


def batch(prompts, end):
    T = max(map(len, prompts))
    ids = [[end] * (T - len(prompt)) + prompt for prompt in prompts]
    mask = [[0] * (T - len(prompt)) + [1] * len(prompt) for prompt in prompts]
    return torch.tensor(ids), torch.tensor(mask)


batch = Exercise(
    name="huggingface.batch",
    task="(list prompts, int end) -> (ids (B, T), attention_mask (B, T)), both int64, "
    "as generate needs them: lists of ids of unequal length are filled up with end; "
    "the mask is 1 at a prompt's own tokens, else 0. A prompt may hold end itself.",
    reference=batch,
    cases=_prompt_cases,
    hints=(
        "To which token does generate append? On which side may you fill up, then?",
        "T is the longest prompt's length; both results are (B, T).",
        "T = the longest length\n"
        "for each prompt, n = T - its length\n"
        "    ids:  n times end, then the prompt\n"
        "    mask: n times 0, then as many 1 as the prompt has tokens",
    ),
    proves="Every prompt is continued at its own last token, whatever its length.",
)


def _filled(prompts, end, side="left", fill=None, mask_side=None):
    """Return ids and mask, filled up on these sides."""
    T = max(map(len, prompts))
    ids, mask = [], []
    for prompt in prompts:
        n = T - len(prompt)
        more, zeros, ones = (
            [end if fill is None else fill] * n,
            [0] * n,
            [1] * len(prompt),
        )
        ids.append(more + prompt if side == "left" else prompt + more)
        left = (mask_side or side) == "left"
        mask.append(zeros + ones if left else ones + zeros)
    return torch.tensor(ids), torch.tensor(mask)


@batch.wrong
def filled_up_on_the_right(prompts, end):
    """You fill up on the right. generate appends after the last column: a short prompt
    would be continued after the filling, not after its own last token."""
    return _filled(prompts, end, "right")


@batch.wrong
def mask_made_from_the_ids(prompts, end):
    """Your mask is 0 wherever the id is end. A prompt may begin with end-of-text; it is
    a real token there and must be seen. Only the lengths tell what was filled up."""
    ids, _ = _filled(prompts, end)
    return ids, (ids != end).long()


@batch.wrong
def filled_up_on_the_right_and_mask_from_the_ids(prompts, end):
    """You fill up on the right, and your mask is 0 wherever the id is end. Fill up on
    the left, and let the lengths say what is real: a prompt may hold end itself."""
    ids, _ = _filled(prompts, end, "right")
    return ids, (ids != end).long()


@batch.wrong
def everything_seen(prompts, end):
    """Your mask is 1 everywhere: what fills up is read as if it were text, and a short
    prompt gets another continuation than it would get alone."""
    ids, mask = _filled(prompts, end)
    return ids, torch.ones_like(mask)


@batch.wrong
def mask_turned_round(prompts, end):
    """Your mask is the wrong way round: 1 means "look at this", 0 "filled up"."""
    ids, mask = _filled(prompts, end)
    return ids, 1 - mask


@batch.wrong
def mask_on_the_other_side(prompts, end):
    """The ids are filled up on the left, the mask on the right. They must fit."""
    return _filled(prompts, end, "left", mask_side="right")


@batch.wrong
def cut_to_the_shortest(prompts, end):
    """You cut all prompts to the length of the shortest. Nothing of them may be lost:
    fill the short ones up."""
    n = min(map(len, prompts))
    ids = torch.tensor([prompt[:n] for prompt in prompts])
    return ids, torch.ones_like(ids)


@batch.wrong
def filled_up_with_0(prompts, end):
    """You fill up with 0. The mask hides it, but the library warns where it cannot
    know; GPT-2 has no padding token, and by agreement end-of-text serves."""
    return _filled(prompts, end, fill=0)


# --- labels ---------------------------------------------------------------------------


def _label_cases(rng):
    for lengths in ((3,), (4, 2), (3, 6, 5)):
        pad, T = rng.randint(50, 99), max(lengths) + 1
        ids = torch.full((len(lengths), T), pad)
        mask = torch.zeros(len(lengths), T).long()
        for row, n in enumerate(lengths):
            text = [rng.randrange(1, 50) for _ in range(n - 1)] + [pad]  # its real end
            start = rng.choice((0, T - n))
            ids[row, start : start + n] = torch.tensor(text)
            mask[row, start : start + n] = 1
        yield ids, mask, pad


def labels(ids, attention_mask, pad):
    return ids.where(attention_mask.bool(), -100)


labels = Exercise(
    name="huggingface.labels",
    task="(ids (B, T), attention_mask (B, T), int pad) -> (B, T): what transformers' "
    "GPT-2 takes as labels=. It shifts by itself. Padding must not count (-100). pad "
    "is the id that fills up; it also ends each text, and that must be learnt.",
    reference=labels,
    cases=_label_cases,
    hints=(
        "The last real token of each text and the padding after it have one id. What "
        "else tells them apart?",
        "labels has the shape of ids; attention_mask, of that shape too, is 0 at "
        "padding.",
        "take a copy of ids\nwhere attention_mask is 0: -100",
    ),
    proves="The model learns to stop, though pad and end-of-text are one token.",
)


@labels.wrong
def every_pad_id_left_out(ids, attention_mask, pad):
    """You leave out every token with the id pad. One of them is the real end of the
    text: it would never be learnt, and the model would never stop."""
    return ids.masked_fill(ids == pad, -100)


@labels.wrong
def padding_counted(ids, attention_mask, pad):
    """The labels are the ids: padding counts, and the easy wins make the loss look
    good."""
    return ids.clone()


@labels.wrong
def shifted_by_hand(ids, attention_mask, pad):
    """You shift, and transformers shifts again: each token would be taught to foretell
    the one after the next."""
    return ids.masked_fill(attention_mask == 0, -100)[:, 1:]


@labels.wrong
def shifted_by_hand_and_filled_up(ids, attention_mask, pad):
    """You shift, and transformers shifts again: each token would be taught to foretell
    the one after the next. Leave the labels where the ids stand."""
    right = ids.masked_fill(attention_mask == 0, -100)
    return torch.cat([right[:, 1:], torch.full_like(right[:, :1], -100)], dim=1)


@labels.wrong
def ignored_with_0(ids, attention_mask, pad):
    """You mark with 0. That is a token like any other, and the model would learn to
    write it. -100 is no token."""
    return ids * attention_mask


@labels.wrong
def mask_read_the_wrong_way_round(ids, attention_mask, pad):
    """You keep the padding and leave out the text: 1 in the mask means a real token."""
    return ids.masked_fill(attention_mask == 1, -100)


@labels.wrong
def the_mask_itself(ids, attention_mask, pad):
    """You return the mask with -100 in it. The labels are token ids."""
    return attention_mask.masked_fill(attention_mask == 0, -100)


# --- a lens into the layers -----------------------------------------------------------


def _state_cases(rng):
    for n_layer, T, C, V in ((1, 2, 3, 4), (2, 3, 4, 6), (3, 4, 5, 7)):
        states = [tensor(rng, T, C, scale=2.0) for _ in range(n_layer + 1)]
        gain, bias = 1 + tensor(rng, C, scale=0.3), tensor(rng, C, scale=0.3)
        yield states, gain, bias, tensor(rng, V, C)


def logit_lens(states, gain, bias, table):
    *early, last = states
    normed = [F.layer_norm(x, gain.shape, gain, bias) for x in early]
    return torch.stack([*normed, last]) @ table.T


logit_lens = Exercise(
    name="huggingface.logit_lens",
    task="(list states, gain (C,), bias (C,), table (V, C)) -> logits (n_layer+1, T, "
    "V): each of the n_layer+1 states (T, C) through the final LayerNorm and the tied "
    "head. The last one, as transformers gives it, has been through the norm already.",
    reference=logit_lens,
    cases=_state_cases,
    hints=(
        "What happens to the last block's output before the head? Why would the head "
        "not understand an earlier state as it is?",
        "F.layer_norm(x, (C,), gain, bias) keeps (T, C); (L + 1, T, C) @ (C, V).",
        "norm all states but the last\nstack them: (n_layer + 1, T, C)\n"
        "return the stack @ table.T",
    ),
    proves="You can read what a GPT would say if it ended after any of its layers.",
)


def _through(states, table):
    return torch.stack(states) @ table.T


@logit_lens.wrong
def final_norm_missing(states, gain, bias, table):
    """The states are not normalised: the head has only ever read what comes out of
    ln_f, and the scale of the stream grows from layer to layer."""
    return _through(states, table)


@logit_lens.wrong
def the_last_one_normalised_twice(states, gain, bias, table):
    """You normalise the last state too. In transformers, hidden_states[-1] has been
    through ln_f already; a second time changes it."""
    return _through([F.layer_norm(x, gain.shape, gain, bias) for x in states], table)


@logit_lens.wrong
def normalised_without_gain_and_bias(states, gain, bias, table):
    """You normalise without gain and bias. They are part of the final LayerNorm: the
    head was trained on what they make of it."""
    *early, last = states
    return _through([*(F.layer_norm(x, gain.shape) for x in early), last], table)


@logit_lens.wrong
def probabilities_in_place_of_logits(states, gain, bias, table):
    """These are probabilities. Logits are asked for."""
    return logit_lens.reference(states, gain, bias, table).softmax(dim=-1)


@logit_lens.wrong
def the_embedding_left_out(states, gain, bias, table):
    """The first state is missing. It is the embedding, before any block: n_layer + 1
    states in all."""
    return logit_lens.reference(states, gain, bias, table)[1:]


@logit_lens.wrong
def only_the_last_position(states, gain, bias, table):
    """You return the last position alone. Every position has a next token."""
    return logit_lens.reference(states, gain, bias, table)[:, -1]


@logit_lens.wrong
def what_each_layer_adds(states, gain, bias, table):
    """You look at what each layer adds. Asked is what the stream holds after it: the
    sum of all so far."""
    added = [states[0], *(b - a for a, b in itertools.pairwise(states))]
    return logit_lens.reference(added, gain, bias, table)


# --- bug clinic -----------------------------------------------------------------------


def _to_huggingface(model):
    from course_utils.huggingface import to_huggingface

    return to_huggingface(model)


def _with_a_copied_head(model):
    theirs = _to_huggingface(model)
    copy = theirs.transformer.wte.weight.detach().clone()
    theirs.lm_head.weight = nn.Parameter(copy)
    return theirs


head_apart = Clinic(
    name="huggingface.head_apart",
    complaint="This conversion to transformers gives our very logits, on stirred "
    "weights too, and the loss falls as the model trains there. But brought back into "
    "our GPT, the trained model is worse than it was there.",
    patient=_with_a_copied_head,
    healthy=_to_huggingface,
    suspects={
        "a square matrix is not transposed": "the logits would differ at once, and "
        "trace() would name an attention.project.",
        "the head is a copy of the token table": "the model would have more "
        "parameters than its healthy twin: V · C more.",
        "the final LayerNorm is left out": "the logits would differ at once; trace() "
        "would name final_norm.",
        "dropout is still on": "two runs of one model on the same ids would differ.",
        "it shares its memory with our model": "our own model would change while "
        "theirs is trained, with nothing brought back.",
    },
    fault="the head is a copy of the token table",
    evidence="It has V · C parameters more than its healthy twin, and lm_head.weight "
    "and wte.weight are two parameters. Equal at first, each gets its own half of the "
    "gradient and goes its own way. Our GPT has one table: the trained head is lost on "
    "the way back. Equal logits prove a conversion for reading, not for training: "
    "compare gradients too.",
)

# --- recall ---------------------------------------------------------------------------

QUESTIONS = (
    Question(
        "generate(max_length=50) on a prompt of 12 tokens: how many are new?",
        "At most 38: max_length counts the prompt, and padding too.",
        (
            "huggingface.new_tokens: max length taken for the new tokens",
            "huggingface.new_tokens: the prompt not taken off",
        ),
    ),
    Question(
        "All shapes fit, the weights load without a word, and the text is nonsense. "
        "What do you suspect?",
        "A square Conv1D matrix, attn.c_proj, that was not transposed: it fits either "
        "way. Compare logits.",
        (
            "huggingface.convert: square matrices not transposed",
            "huggingface.convert: nothing transposed",
        ),
    ),
    Question(
        "Padding and end-of-text have one id. How does a loss leave out the one and "
        "keep the other?",
        "By the attention mask, which knows the lengths, never by the id.",
        (
            "huggingface.labels: every pad id left out",
            "huggingface.batch: mask made from the ids",
        ),
    ),
    Question(
        "Two models give equal logits. May they still train differently?",
        "Yes: where one has tied its head and the other has copied it, the gradients "
        "part. Compare gradients, and count parameters.",
        ("huggingface.learnt_numbers: tied table counted twice",),
    ),
)
