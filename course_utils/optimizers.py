"""Optimizers: from gradients to better weights.

Two of them, written out. AdamW divides every gradient by its usual size, so that each
weight moves at its own pace. Muon treats a weight matrix as a whole: it moves equally
far in all directions in which the gradient points. Around them: a learning rate that
rises and then falls, and a limit on the length of the gradient.

Uses nothing of the course; ``training`` calls all of it.
Sources: Kingma & Ba 2015 (Adam); Loshchilov & Hutter 2019 (AdamW); Jordan 2024,
"Muon: An optimizer for hidden layers in neural networks"; Liu et al. 2025, "Muon is
scalable for LLM training", section 2.2 (the step size used here).
"""

import math
from collections.abc import Iterable, Sequence

import torch
from torch import nn


def cosine_schedule(
    step: int, peak: float, warmup: int, total: int, final: float = 0.0
) -> float:
    """Return the learning rate of update ``step`` (0..total-1): up, then half a cosine.

    It rises in equal steps from peak/warmup at step 0 to peak at step warmup-1, then
    falls and ends at exactly ``final`` at step total-1, where it stays. This is
    transformers' get_cosine_schedule_with_warmup one step on (theirs wastes the first
    update on a rate of 0). Raises ValueError unless 0 <= warmup < total and step >= 0.
    """
    if step + 1 < warmup:
        return linear_schedule(step, peak, warmup, total, final)
    progress = share_done(step, warmup, total)
    return final + (peak - final) * 0.5 * (1 + math.cos(math.pi * progress))


def linear_schedule(
    step: int, peak: float, warmup: int, total: int, final: float = 0.0
) -> float:
    """Return the learning rate as cosine_schedule does, but down in a line."""
    progress = share_done(step, warmup, total)
    if step + 1 < warmup:
        return peak * (step + 1) / warmup
    return final + (peak - final) * (1 - progress)


def share_done(step: int, warmup: int, total: int) -> float:
    """Return the share of the way from peak to final that is done after ``step``."""
    if not 0 <= warmup < total:
        raise ValueError(f"warmup must be in 0..total-1 = {total - 1}, got {warmup}")
    if step < 0:
        raise ValueError(f"step must be at least 0, got {step}")
    return min(1.0, (step + 1 - warmup) / (total - warmup))


@torch.no_grad()
def clip_gradient_norm(
    parameters: nn.Parameter | Iterable[nn.Parameter], max_norm: float
) -> torch.Tensor:
    """Shorten all gradients by one factor so that their joint length is <= max_norm.

    Returns the length before. Equals ``torch.nn.utils.clip_grad_norm_``.
    """
    if not max_norm > 0:
        raise ValueError(f"max_norm must be positive, got {max_norm}")
    if isinstance(parameters, torch.Tensor):
        parameters = [parameters]  # a single one; its rows would have no gradient
    gradients = [p.grad for p in parameters if p.grad is not None]
    if not gradients:
        return torch.tensor(0.0)
    norm = torch.stack([gradient.norm() for gradient in gradients]).norm()
    factor = (max_norm / (norm + 1e-6)).clamp(max=1.0)
    for gradient in gradients:
        gradient.mul_(factor)
    return norm


def parameter_groups(model: nn.Module, weight_decay: float) -> list[dict]:
    """Split a model's parameters in two: matrices decay, biases and norm gains do not.

    Decay keeps matrices from growing without need; a bias or a gain has nothing to be
    kept from. A tensor used twice (tied weights) appears once.
    """
    trained = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for p in trained if p.ndim < 2], "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]


def adamw_update(parameter, gradient, state: dict, group: dict) -> None:
    """Move ``parameter`` by one step of AdamW, in place.

    ``state`` is the parameter's own, empty before its first step. ``group`` holds lr,
    betas, eps and weight_decay.
    """
    if not state:
        state["step"] = 0
        state["mean"] = torch.zeros_like(parameter)
        state["mean_square"] = torch.zeros_like(parameter)
    state["step"] += 1
    beta_1, beta_2 = group["betas"]
    mean, mean_square = state["mean"], state["mean_square"]

    mean.lerp_(gradient, 1 - beta_1)  # the gradient, averaged over recent steps
    mean_square.mul_(beta_2).addcmul_(gradient, gradient, value=1 - beta_2)
    # Both started at zero and after t steps hold only 1 - beta^t of an average.
    correction_1 = 1 - beta_1 ** state["step"]
    correction_2 = 1 - beta_2 ** state["step"]
    usual_size = (mean_square.sqrt() / math.sqrt(correction_2)).add_(group["eps"])

    # Decoupled: the decay is not divided by the usual size of the gradient.
    parameter.mul_(1 - group["lr"] * group["weight_decay"])
    parameter.addcdiv_(mean, usual_size, value=-group["lr"] / correction_1)


class AdamW(torch.optim.Optimizer):
    """Adam with decoupled weight decay; equals ``torch.optim.AdamW``."""

    def __init__(
        self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01
    ):
        check_at_least_zero(lr=lr, eps=eps, weight_decay=weight_decay)
        if not all(0 <= beta < 1 for beta in betas):
            raise ValueError(f"betas must be in [0, 1), got {betas}")
        settings = dict(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)
        super().__init__(params, settings)

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    state = self.state[parameter]
                    adamw_update(parameter, parameter.grad, state, group)


def orthogonalise(matrices: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Bring all singular values of matrices (N, rows, columns) near 1 (Newton-Schulz).

    Each of five steps applies the polynomial a s + b s^3 + c s^5 to every singular
    value s, with matrix products only. Jordan chose a, b, c to lift small values fast:
    they end between about 0.7 and 1.2, which is near enough.
    """
    a, b, c = 3.4445, -4.7750, 2.0315
    tall = matrices.shape[-2] > matrices.shape[-1]
    x = matrices.to(dtype)
    if tall:
        x = x.mT  # keeps the square matrix below small
    # Divided by its length, a matrix has no singular value above 1.
    x = x / x.norm(dim=(-2, -1), keepdim=True).clamp(min=1e-7)
    for _ in range(5):
        square = x @ x.mT
        polynomial = torch.baddbmm(square, square, square, beta=b, alpha=c)
        x = torch.baddbmm(x, polynomial, x, beta=a)
    return x.mT if tall else x


class Muon(torch.optim.Optimizer):
    """Momentum, orthogonalised, for weight matrices; equals ``torch.optim.Muon``.

    adjust_lr_fn: "original" (Jordan) multiplies lr by sqrt(max(1, rows / columns));
    "match_rms_adamw" (Liu et al.) by 0.2 sqrt(max(rows, columns)), which makes steps as
    large as AdamW's, so that both share one lr and one weight decay.
    dtype: of the Newton-Schulz products. bfloat16, as in torch, is fastest on GPUs; a
    CPU without bfloat16 instructions is about 20 times faster in float32.
    """

    def __init__(
        self,
        params,
        lr=1e-3,
        weight_decay=0.1,
        momentum=0.95,
        adjust_lr_fn="original",
        dtype=torch.bfloat16,
    ):
        check_at_least_zero(lr=lr, weight_decay=weight_decay)
        if not 0 <= momentum < 1:
            raise ValueError(f"momentum must be in [0, 1), got {momentum}")
        if adjust_lr_fn not in ("original", "match_rms_adamw"):
            raise ValueError(
                "adjust_lr_fn must be 'original' or 'match_rms_adamw', "
                f"got {adjust_lr_fn!r}"
            )
        settings = dict(lr=lr, weight_decay=weight_decay, momentum=momentum)
        settings |= dict(adjust_lr_fn=adjust_lr_fn, dtype=dtype)
        super().__init__(params, settings)
        for group in self.param_groups:
            for shape in (tuple(parameter.shape) for parameter in group["params"]):
                if len(shape) != 2:
                    raise ValueError(f"params must be 2-D (matrices), got {shape}")

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            same_shape = {}
            for parameter in group["params"]:
                if parameter.grad is not None:
                    same_shape.setdefault(parameter.shape, []).append(parameter)
            for parameters in same_shape.values():
                self.update(parameters, group)

    def update(self, parameters, group):
        directions = []
        for parameter in parameters:
            state = self.state[parameter]
            if not state:
                state["momentum"] = torch.zeros_like(parameter)
            momentum = state["momentum"].lerp_(parameter.grad, 1 - group["momentum"])
            # Nesterov: look ahead by counting the newest gradient once more.
            directions.append(parameter.grad.lerp(momentum, group["momentum"]))
        # All matrices of one shape in one product: many small products are slow.
        updates = orthogonalise(torch.stack(directions), group["dtype"])

        rows, columns = parameters[0].shape
        factor = math.sqrt(max(1, rows / columns))
        if group["adjust_lr_fn"] == "match_rms_adamw":
            factor = 0.2 * math.sqrt(max(rows, columns))
        for parameter, update in zip(parameters, updates, strict=True):
            parameter.mul_(1 - group["lr"] * group["weight_decay"])
            parameter.add_(update, alpha=-group["lr"] * factor)


def check_at_least_zero(**arguments: float) -> None:
    """Raise ValueError unless every argument is at least 0."""
    for name, value in arguments.items():
        if not value >= 0:
            raise ValueError(f"{name} must be at least 0, got {value}")


def build_optimizer(
    name: str, model: nn.Module, learning_rate: float, weight_decay: float = 0.1
) -> list[torch.optim.Optimizer]:
    """Return the optimizers that together train all of ``model``: "adamw" or "muon".

    "muon" gives the matrices inside ``model.blocks`` to Muon, and embeddings, biases
    and norm gains to AdamW. All groups share one learning rate.
    """
    if name not in ("adamw", "muon"):
        raise ValueError(f"name must be 'adamw' or 'muon', got {name!r}")
    groups = parameter_groups(model, weight_decay)
    optimizers = []
    if name == "muon" and (matrices := hidden_matrices(model)):
        on_cpu = matrices[0].device.type == "cpu"
        settings = dict(lr=learning_rate, weight_decay=weight_decay)
        settings |= dict(dtype=torch.float32 if on_cpu else torch.bfloat16)
        optimizers.append(Muon(matrices, adjust_lr_fn="match_rms_adamw", **settings))
        taken = set(matrices)
        for group in groups:
            group["params"] = [p for p in group["params"] if p not in taken]
    if any(group["params"] for group in groups):
        optimizers.append(AdamW(groups, lr=learning_rate, betas=(0.9, 0.95)))
    return optimizers


def take_step(
    model: nn.Module,
    optimizers: Sequence[torch.optim.Optimizer],
    loss: torch.Tensor,
    learning_rate: float | None = None,
    clip: float = 1.0,
) -> None:
    """Take one step against the gradient of ``loss`` (a scalar), clipped to ``clip``.

    ``learning_rate`` is for all groups; None leaves what they have.
    """
    model.zero_grad()
    loss.backward()
    clip_gradient_norm(model.parameters(), clip)
    for optimizer in optimizers:
        if learning_rate is not None:
            for group in optimizer.param_groups:
                group["lr"] = learning_rate
        optimizer.step()


def hidden_matrices(model: nn.Module) -> list[nn.Parameter]:
    """Return the weight matrices inside ``model.blocks`` (none if there are none)."""
    blocks = getattr(model, "blocks", nn.ModuleList())
    return [p for p in blocks.parameters() if p.ndim == 2 and p.requires_grad]
