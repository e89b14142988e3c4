"""GPT-2's parts on the course's own autograd, each with a gradient derived by hand.

All of them could be left to ``autograd``, step by step. A rule for the whole part is
shorter than the sum of its steps' rules, faster, and keeps less in memory. They bear
torch's names, so torch's functions call them, and the course's own model runs on them
as it stands (``own_autograd``).

Floors: built on ``torch_names`` and ``model``. In each rule g is the gradient of the
result, and of its shape. Sources: Ba et al., "Layer Normalization" (2016), section 3;
Hendrycks & Gimpel, "Gaussian Error Linear Units" (2016), section 2; Chen et al.,
"Training Deep Nets with Sublinear Memory Cost" (2016), section 4 (``checkpoint``).
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import nn

from course_utils.autograd import Tensor, no_grad, raw, result
from course_utils.model import GPT
from course_utils.torch_names import operation


@operation
def linear(x, weight, bias=None) -> Tensor:
    """(..., C_in) -> (..., C_out): x @ weight.T + bias, weight (C_out, C_in)."""
    matrix = raw(weight)

    def rule_of_weight(g):  # all positions in one product, which adds them up
        rows, slopes = (part.reshape(-1, part.shape[-1]) for part in (raw(x), g))
        return slopes.mT @ rows

    y = F.linear(raw(x), matrix, None if bias is None else raw(bias))
    return result(
        y, (x, lambda g: g @ matrix), (weight, rule_of_weight), (bias, lambda g: g)
    )


@operation
def softmax(x, dim: int = -1) -> Tensor:
    """Positive shares p that add up to 1 along ``dim``."""
    p = raw(x).softmax(dim)
    # Less their mean under p: what all of a row are given, no share gains from.
    return result(p, (x, lambda g: p * (g - (p * g).sum(dim, keepdim=True))))


@operation
def log_softmax(x, dim: int = -1) -> Tensor:
    """The logarithms of ``softmax``."""
    y = raw(x).log_softmax(dim)
    return result(y, (x, lambda g: g - y.exp() * g.sum(dim, keepdim=True)))


@operation
def cross_entropy(
    logits, targets, ignore_index=-100, reduction="mean", label_smoothing=0.0
) -> Tensor:
    """logits (N, V), targets (N,) int64 -> (): the mean of -log p(target).

    Targets of ``ignore_index`` do not count. Of torch's settings only these are here.
    """
    if reduction != "mean" or label_smoothing or raw(logits).ndim != 2:
        raise NotImplementedError("only the mean over logits (N, V), unsmoothed")
    counted = targets != ignore_index
    log_p = raw(logits).log_softmax(-1)

    def rule(g):
        slopes = log_p.exp()  # p - y, where y is 1 at the target and 0 elsewhere
        slopes[counted, targets[counted]] -= 1
        return g * slopes * counted[:, None] / counted.sum()

    return result(F.nll_loss(log_p, targets, ignore_index=ignore_index), (logits, rule))


@operation
def layer_norm(x, shape, weight=None, bias=None, eps: float = 1e-5) -> Tensor:
    """(..., C) -> (..., C): each position to mean 0 and variance 1, then to taste."""
    if tuple(shape) != tuple(raw(x).shape[-1:]):
        raise ValueError(f"shape must be that of the channels, got {tuple(shape)}")
    centred = raw(x) - raw(x).mean(-1, keepdim=True)
    deviation = ((centred**2).mean(-1, keepdim=True) + eps).sqrt()
    normal = centred / deviation

    def rule(g):  # shifting or stretching x changes nothing: no slope that way
        shift, stretch = g.mean(-1, keepdim=True), (g * normal).mean(-1, keepdim=True)
        return (g - shift - normal * stretch) / deviation

    y = result(normal, (x, rule))
    y = y if weight is None else y * weight
    return y if bias is None else y + bias


@operation
def gelu(x, approximate: str = "none") -> Tensor:
    """GPT-2's GELU, torch's ``approximate="tanh"``: x/2 · (1 + tanh(u)), u near 0.8 x.

    NotImplementedError for the exact form.
    """
    if approximate != "tanh":
        raise NotImplementedError("only gelu(approximate='tanh'), as in GPT-2")
    data, scale = raw(x), math.sqrt(2 / math.pi)
    tanh = torch.tanh(scale * (data + 0.044715 * data**3))

    def rule(g):  # the product rule; the slope of tanh(u) is 1 - tanh(u)²
        inner = scale * (1 + 3 * 0.044715 * data**2)
        return g * 0.5 * (1 + tanh + data * (1 - tanh**2) * inner)

    return result(0.5 * data * (1 + tanh), (x, rule))


@operation
def embedding(ids, table, norm_type=2.0, scale_grad_by_freq=False, sparse=False):
    """ids (...) int64, table (V, C) -> (..., C): for each id its row.

    Of torch's settings none is here; they must be as they are when left out.
    """
    if scale_grad_by_freq or sparse:
        raise NotImplementedError("only the plain embedding")
    rows = raw(table)

    def rule(g):  # a row that was read twice gets both gradients: added, not set
        slopes = g.reshape(-1, rows.shape[1])
        return torch.zeros_like(rows).index_add(0, ids.flatten(), slopes)

    return result(rows[ids], (table, rule))


@operation
def dropout(x, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zero a share ``p`` and make up for it; the same entries as torch would."""
    if not training or p == 0:
        return x
    return x * F.dropout(torch.ones_like(raw(x)), p)


@operation
def scaled_dot_product_attention(
    query, key, value, attn_mask=None, dropout_p: float = 0.0, is_causal: bool = False
) -> Tensor:
    """Each (B, H, T, D) -> (B, H, T, D), as in ``attention``, with one softmax.

    With weights P = softmax(S), S = QKᵀ/√D, and O = PV, the rules of ``@`` and
    ``softmax`` chain up to: gV = Pᵀ g, gP = g Vᵀ, gS = P ⊙ (gP - rowsum(P ⊙ gP)),
    gQ = gS K / √D, gK = gSᵀ Q / √D.
    """
    scores = query @ key.mT * (1 / math.sqrt(query.shape[-1]))
    if is_causal:
        attn_mask = torch.ones(scores.shape[-2:], dtype=torch.bool).tril()
    if attn_mask is not None:
        scores = scores.masked_fill(~attn_mask, -torch.inf)
    return dropout(scores.softmax(-1), dropout_p) @ value


class Leaf(Tensor):
    """A parameter of a torch module as a Tensor: the same memory, the same ``grad``."""

    def __init__(self, parameter: nn.Parameter):
        self.parameter, gathered = parameter, parameter.grad
        super().__init__(parameter, requires_grad=True)
        self.grad = gathered

    @property
    def grad(self):
        return self.parameter.grad

    @grad.setter
    def grad(self, gradient):
        self.parameter.grad = gradient


@contextmanager
def own_autograd(model: nn.Module) -> Iterator[dict[str, Tensor]]:
    """Let a model compute with Tensors: inside, its parameters are leaves of them.

    Gives the leaves by name. ``backward``, inside or later, adds to the parameters'
    ``grad``, where optimizers look. Tied parameters are one leaf.
    """
    places = [
        (module, name, parameter)
        for module in model.modules()
        for name, parameter in module.named_parameters(recurse=False)
    ]
    leaves = {parameter: Leaf(parameter) for _, _, parameter in places}
    named = {name: leaves[parameter] for name, parameter in model.named_parameters()}
    try:
        for module, name, parameter in places:
            delattr(module, name)
            setattr(module, name, leaves[parameter])
        yield named
    finally:
        for module, name, parameter in places:
            delattr(module, name)
            setattr(module, name, parameter)


class OwnGPT(GPT):
    """The course's GPT on the course's autograd: one line is changed, how it is called.

    Trained by the same loop, with the same optimizers, to the same numbers.
    """

    def forward(self, ids, cache=None, padding=None):
        """(B, T) int64 -> logits (B, T, V), a Tensor; torch's inside torch.no_grad."""
        if not torch.is_grad_enabled():
            return super().forward(ids, cache, padding)
        with own_autograd(self):
            return super().forward(ids, cache, padding)


def checkpoint(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Return function(x) and keep nothing of what lies between.

    ``backward`` computes the function a second time, so it must give the same again (no
    dropout). Other Tensors that it uses must be leaves; ``x`` must need a gradient. For
    a model, call backward inside ``own_autograd`` too: outside, its leaves are gone.
    """
    if not x.requires_grad and Tensor.recording:
        raise ValueError("x must need a gradient: nothing would flow back through it")
    with no_grad():
        y = function(x)

    def rule(g):
        again = Tensor(x.data, requires_grad=True)
        function(again).backward(g)  # leaves in between gather their part here
        return again.grad

    return result(y.data, (x, rule))
