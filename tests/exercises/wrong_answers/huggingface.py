"""Wrong answers to the exercises on Hugging Face's GPT-2."""

import torch
import torch.nn.functional as F

from .collection import to


@to("huggingface.new_tokens", "max length taken for the new tokens")
def _(lengths, max_length, n_positions):
    """max_length is taken for the number of new tokens."""
    return min(max_length, n_positions - max(lengths))


@to("huggingface.new_tokens", "the shortest prompt taken")
def _(lengths, max_length, n_positions):
    """Measured from the shortest prompt."""
    return max(0, min(max_length, n_positions) - min(lengths))


@to("huggingface.new_tokens", "the positions forgotten")
def _(lengths, max_length, n_positions):
    """n_positions is overlooked."""
    return max(0, max_length - max(lengths))


@to("huggingface.new_tokens", "less than nothing")
def _(lengths, max_length, n_positions):
    """Negative where nothing fits."""
    return min(max_length, n_positions) - max(lengths)


@to("huggingface.new_tokens", "one number for each prompt")
def _(lengths, max_length, n_positions):
    """A list, one for each prompt, without the padding."""
    return [max(0, min(max_length, n_positions) - n) for n in lengths]


@to("huggingface.new_tokens", "max length itself")
def _(lengths, max_length, n_positions):
    """max_length itself."""
    return max_length


@to("huggingface.new_tokens", "the prompts added up")
def _(lengths, max_length, n_positions):
    """The sum of the prompts."""
    return max(0, min(max_length, n_positions) - sum(lengths))


CONV1D = ("c_attn.weight", "c_proj.weight", "c_fc.weight")


@to("huggingface.convert", "nothing transposed")
def _(weights, names):
    """Nothing is transposed."""
    return {ours: weights[theirs] for ours, theirs in names.items()}


@to("huggingface.convert", "square matrices not transposed")
def _(weights, names):
    """Transposed where it is not square only."""
    return {
        ours: weights[theirs].T
        if theirs.endswith(CONV1D) and len(set(weights[theirs].shape)) > 1
        else weights[theirs]
        for ours, theirs in names.items()
    }


@to("huggingface.convert", "every matrix transposed")
def _(weights, names):
    """All matrices, the tables too."""
    return {
        ours: weights[theirs].T if weights[theirs].ndim == 2 else weights[theirs]
        for ours, theirs in names.items()
    }


@to("huggingface.convert", "their names kept")
def _(weights, names):
    """Their names are the keys."""
    return {
        theirs: weights[theirs].T if theirs.endswith(CONV1D) else weights[theirs]
        for theirs in names.values()
    }


@to("huggingface.convert", "projections not transposed")
def _(weights, names):
    """c_proj is forgotten."""
    one = ("c_attn.weight", "c_fc.weight")
    return {
        ours: weights[theirs].T if theirs.endswith(one) else weights[theirs]
        for ours, theirs in names.items()
    }


@to("huggingface.convert")
def _(weights, names):
    """names read the wrong way round."""
    return {names[theirs]: tensor for theirs, tensor in weights.items()}


@to("huggingface.convert", "reshaped in place of transposed")
def _(weights, names):
    """reshape in the place of a transpose."""
    return {
        ours: weights[theirs].reshape(weights[theirs].shape[::-1])
        if theirs.endswith(CONV1D)
        else weights[theirs]
        for ours, theirs in names.items()
    }


@to("huggingface.learnt_numbers", "all that is listed")
def _(weights):
    """Everything, the tied head twice and the mask too."""
    return sum(tensor.numel() for tensor in weights.values())


@to("huggingface.learnt_numbers", "tied table counted twice")
def _(weights):
    """The mask is left out, the tied head counts twice."""
    return sum(t.numel() for t in weights.values() if t.dtype != torch.bool)


@to("huggingface.learnt_numbers", "masks counted")
def _(weights):
    """The mask counts."""
    return sum({t.data_ptr(): t.numel() for t in weights.values()}.values())


@to("huggingface.learnt_numbers", "the head never counted")
def _(weights):
    """lm_head is left out by name, tied or not."""
    return sum(
        t.numel()
        for name, t in weights.items()
        if "lm_head" not in name and t.dtype != torch.bool
    )


@to("huggingface.learnt_numbers", "compared as objects")
def _(weights):
    """id() of the tensors: the state_dict makes new ones."""
    different = {id(t): t for t in weights.values()}
    return sum(t.numel() for t in different.values() if t.dtype != torch.bool)


@to("huggingface.learnt_numbers", "tensors in place of numbers")
def _(weights):
    """The number of tensors."""
    return len({t.data_ptr() for t in weights.values() if t.dtype != torch.bool})


@to("huggingface.learnt_numbers", "equal shapes counted once")
def _(weights):
    """Tensors of equal shape count once."""
    shapes = {t.shape: t for t in weights.values() if t.dtype != torch.bool}
    return sum(t.numel() for t in shapes.values())


@to("huggingface.learnt_numbers", "biases taken for masks")
def _(weights):
    """ "bias" in the name is taken for the mask."""
    different = {t.data_ptr(): t for n, t in weights.items() if "bias" not in n}
    return sum(t.numel() for t in different.values())


@to("huggingface.batch", "filled up on the right")
def _(prompts, end):
    """On the right."""
    T = max(map(len, prompts))
    ids = [p + [end] * (T - len(p)) for p in prompts]
    mask = [[1] * len(p) + [0] * (T - len(p)) for p in prompts]
    return torch.tensor(ids), torch.tensor(mask)


@to("huggingface.batch", "mask made from the ids")
def _(prompts, end):
    """The mask is ids != end: a prompt's own end is hidden."""
    T = max(map(len, prompts))
    ids = torch.tensor([[end] * (T - len(p)) + p for p in prompts])
    return ids, (ids != end).long()


@to("huggingface.batch", "mask turned round")
def _(prompts, end):
    """The mask is the wrong way round."""
    T = max(map(len, prompts))
    ids = torch.tensor([[end] * (T - len(p)) + p for p in prompts])
    mask = [[1] * (T - len(p)) + [0] * len(p) for p in prompts]
    return ids, torch.tensor(mask)


@to("huggingface.batch", "filled up with 0")
def _(prompts, end):
    """Filled with 0."""
    T = max(map(len, prompts))
    ids = torch.tensor([[0] * (T - len(p)) + p for p in prompts])
    mask = [[0] * (T - len(p)) + [1] * len(p) for p in prompts]
    return ids, torch.tensor(mask)


@to("huggingface.batch", "dtype")
def _(prompts, end):
    """A mask of booleans."""
    T = max(map(len, prompts))
    ids = torch.tensor([[end] * (T - len(p)) + p for p in prompts])
    mask = [[False] * (T - len(p)) + [True] * len(p) for p in prompts]
    return ids, torch.tensor(mask)


@to("huggingface.batch", "cut to the shortest from the left")
def _(prompts, end):
    """Cut to the shortest."""
    T = min(map(len, prompts))
    ids = torch.tensor([p[-T:] for p in prompts])
    return ids, torch.ones_like(ids)


@to("huggingface.batch", "everything seen")
def _(prompts, end):
    """The mask is 1 everywhere."""
    T = max(map(len, prompts))
    ids = torch.tensor([[end] * (T - len(p)) + p for p in prompts])
    return ids, torch.ones_like(ids)


@to("huggingface.labels", "shifted by hand and filled up")
def _(ids, attention_mask, pad):
    """Shifts, as GPT-2 does by itself."""
    labels = ids.masked_fill(attention_mask == 0, -100)
    last = torch.full_like(ids[:, :1], -100)
    return torch.cat([labels[:, 1:], last], dim=1)


@to("huggingface.labels", "every pad id left out")
def _(ids, attention_mask, pad):
    """Hides every pad: the end is never learnt."""
    return ids.masked_fill(ids == pad, -100)


@to("huggingface.labels", "padding counted")
def _(ids, attention_mask, pad):
    """The ids: padding counts."""
    return ids.clone()


@to("huggingface.labels", "mask read the wrong way round")
def _(ids, attention_mask, pad):
    """Where the mask is 1 it is hidden."""
    return ids.masked_fill(attention_mask == 1, -100)


@to("huggingface.labels", "ignored with 0")
def _(ids, attention_mask, pad):
    """0 in the place of -100."""
    return ids * attention_mask


@to("huggingface.labels", "changes its input")
def _(ids, attention_mask, pad):
    """Changes the ids that were given."""
    ids[attention_mask == 0] = -100
    return ids


@to("huggingface.labels", "shifted by hand")
def _(ids, attention_mask, pad):
    """Cuts the first column off."""
    return ids.masked_fill(attention_mask == 0, -100)[:, 1:]


def _lens(states, gain, bias, table, normed):
    C = len(gain)
    out = []
    for i, state in enumerate(states):
        if normed(i, len(states)):
            state = F.layer_norm(state, (C,), gain, bias)
        out.append(state @ table.T)
    return torch.stack(out)


@to("huggingface.logit_lens", "the last one normalised twice")
def _(states, gain, bias, table):
    """The last is normalised a second time."""
    return _lens(states, gain, bias, table, lambda i, n: True)


@to("huggingface.logit_lens", "final norm missing")
def _(states, gain, bias, table):
    """Nothing is normalised."""
    return _lens(states, gain, bias, table, lambda i, n: False)


@to("huggingface.logit_lens", "only the last one normalised")
def _(states, gain, bias, table):
    """The last alone is normalised."""
    return _lens(states, gain, bias, table, lambda i, n: i == n - 1)


@to(
    "huggingface.logit_lens",
    "the last one normalised twice",
    "the embedding not normalised",
)
def _(states, gain, bias, table):
    """The first (embedding) is left as it is, all others normalised."""
    return _lens(states, gain, bias, table, lambda i, n: i > 0)


@to("huggingface.logit_lens", "normalised without gain and bias")
def _(states, gain, bias, table):
    """Without gain and bias."""
    C = len(gain)
    out = [F.layer_norm(s, (C,)) @ table.T for s in states[:-1]]
    return torch.stack([*out, states[-1] @ table.T])


@to("huggingface.logit_lens", "the embedding left out")
def _(states, gain, bias, table):
    """The embedding is left out: n_layer rows."""
    return _lens(states, gain, bias, table, lambda i, n: i < n - 1)[1:]


@to("huggingface.logit_lens", "probabilities in place of logits")
def _(states, gain, bias, table):
    """Probabilities."""
    return _lens(states, gain, bias, table, lambda i, n: i < n - 1).softmax(-1)


@to("huggingface.logit_lens", "type")
def _(states, gain, bias, table):
    """A list."""
    return list(_lens(states, gain, bias, table, lambda i, n: i < n - 1))
