"""The bug clinic backward.used_twice: patient, healthy twin, suspects."""

import torch

from course_utils.autograd import Tensor, sum_to, topological_order
from course_utils.exercises.engine.clinics import Clinic


def _as_reached(last):
    """Return all behind ``last`` as they are reached from it, nearest first."""
    reached, seen = [last], {last}
    for tensor in reached:
        for parent, _ in tensor.parents:
            if parent not in seen:
                seen.add(parent)
                reached.append(parent)
    return reached


def _gradient(function, x, order):
    """Return the gradient of function(x).sum(), handed on in an order."""
    start = Tensor(x, requires_grad=True)
    last = function(start).sum()
    gradients = {last: torch.ones_like(last.data)}
    for tensor in order(last):
        g = gradients[tensor]
        for parent, rule in tensor.parents:
            share = sum_to(rule(g), parent.shape)
            gradients[parent] = gradients.get(parent, 0) + share
    return gradients[start]


def _patient(function, x):
    return _gradient(function, x, _as_reached)


def _healthy(function, x):
    return _gradient(function, x, lambda last: reversed(topological_order(last)))


used_twice = Clinic(
    name="backward.used_twice",
    complaint="This autograd agrees with torch on every single operation, on sums, on "
    "x · x. Models trained with it learn. But their gradients are not torch's.",
    patient=_patient,
    healthy=_healthy,
    suspects={
        "a gradient is overwritten where it should be added": "x · x would come out "
        "half as large, and x + x too.",
        "broadcasting is not summed back": "a (3, 1) that meets a (3, 4) would get a "
        "gradient of the wrong shape.",
        "the transposes in the rule of @ are exchanged": "x @ w would be wrong, or "
        "raise an error, with nothing used twice.",
        "exp's rule lacks the factor exp(x)": "exp(x) would be wrong by itself.",
        "a gradient is handed on before all of it has come": "two uses at the same "
        "distance from the end would come out right, two at different distances not.",
    },
    fault="a gradient is handed on before all of it has come",
    evidence="h · h is right: both shares come in one step. h · exp(h) is wrong where "
    "h was itself computed: h has handed its gradient on when the share through exp "
    "arrives, so x behind it gets a part. In a GPT the residual stream is such an h: "
    "used at once, and again at the end of every block.",
)
