"""Edits: what in a model is not as its configuration says.

A learner may take a bias away, set another epsilon, replace a method. The model then
computes something else, and ``model(ids)`` always tells what. But whatever goes by the
configuration (a file, the conversion to GPT-2, the fast path of ``sampling``) would
compute the usual thing without a word. So each of them asks here first.

Needs nothing of the course: it compares a model with one that was built afresh.
"""

from torch import Tensor, nn

ONLY_IN_TRAINING = {"training", "p", "dropout"}


def first_edit(model: nn.Module, usual: nn.Module) -> str | None:
    """Name the first thing in ``model`` that changes what it computes, or None.

    ``usual`` is a model of the same configuration, untouched; the meta device will do.
    Looked at are the kinds of all parts, their settings, methods that were replaced,
    and the names and shapes of all tensors; not the tensors' values.
    """
    parts, usual_parts = dict(model.named_modules()), dict(usual.named_modules())
    for name in [*usual_parts, *(n for n in parts if n not in usual_parts)]:
        part, as_built = parts.get(name), usual_parts.get(name)
        name = name or "the model"
        if part is None or as_built is None:
            return f"{name} is {'missing' if part is None else 'new'}"
        if type(part) is not type(as_built):
            return f"{name} is a {type(part).__name__}"
        edit = _edited_setting(part, as_built) or _edited_tensor(part, as_built)
        if edit:
            return f"{name}.{edit}"
    return None


def _edited_setting(part: nn.Module, usual: nn.Module) -> str | None:
    found, expected = vars(part), vars(usual)
    for name, value in found.items():
        if name.startswith("_") or name in ONLY_IN_TRAINING:
            continue
        if name not in expected:
            if hasattr(type(part), name):
                return f"{name} was replaced"
        elif value != expected[name]:
            return f"{name} is {value!r}"
    return None


def _edited_tensor(part: nn.Module, usual: nn.Module) -> str | None:
    tensors, expected = _tensors(part), _tensors(usual)
    for name in [*expected, *(n for n in tensors if n not in expected)]:
        tensor, as_built = tensors.get(name), expected.get(name)
        if tensor is None or as_built is None:
            if tensor is not as_built:
                return f"{name} is {'missing' if tensor is None else 'new'}"
        elif tensor.shape != as_built.shape:
            return f"{name} is {tuple(tensor.shape)}"
        elif type(tensor) not in (Tensor, nn.Parameter):
            return f"{name} is a {type(tensor).__name__}"
    return None


def _tensors(part: nn.Module) -> dict[str, Tensor | None]:
    return part._parameters | part._buffers
