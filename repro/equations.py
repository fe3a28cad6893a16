"""Equations (1)-(9) of Rumelhart, Hinton & Williams, Nature 323:533-536 (1986), in the paper's order.

First the nine formulas as plain functions, then three ``torch.autograd.Function`` classes that put each
forward formula beside its hand-written backward pass. All training runs these. They stand once more only where another
program is the point: the explorer's page (web/equations.js) and the contenders of experiments/speed.

Shapes, here and everywhere: activity is ``[cases, units, replicas]`` and weights are ``[to, from, replicas]``.
A *replica* is one network of the population; replicas never touch each other. Activity that is the same in
every replica (an input, the unit that is always 1, a desired output) may have a last axis of 1.
In the names, ``dE_dx`` is the paper's ∂E/∂x; subscripts i and j are a lower and a higher unit, c a case.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

# The formulas ---------------------------------------------------------------------------------------------


def total_input(y: Tensor, w: Tensor) -> Tensor:
    """Equation (1): x_j = Σ_i y_i w_ji, over the units i at the lower end of one link.

    ``y [cases, from, replicas or 1]``, ``w [to, from, replicas]``; returns x ``[cases, to, replicas]``.
    A unit fed by several links adds their sums; its bias is a link from a unit that is always 1 (N p.533).
    """
    return (y.unsqueeze(1) * w).sum(dim=2)


def logistic(x: Tensor) -> Tensor:
    """Equation (2): y_j = 1 / (1 + exp(-x_j)), unit by unit; x and y of any one shape."""
    return torch.sigmoid(x)


def error(y: Tensor, d: Tensor) -> Tensor:
    """Equation (3): E = ½ Σ_c Σ_j (y_jc - d_jc)², a sum, not a mean.

    ``y [cases, units, replicas]``, ``d [cases, units, replicas or 1]``; returns E ``[replicas]``.
    """
    return 0.5 * ((y - d) ** 2).sum(dim=(0, 1))


def dE_dy_output(y: Tensor, d: Tensor) -> Tensor:
    """Equation (4), for an output unit: ∂E/∂y_j = y_j - d_j. Shapes as in (3); returns that of y."""
    return y - d


def dE_dx(dE_dy: Tensor, y: Tensor) -> Tensor:
    """Equation (5): ∂E/∂x_j = ∂E/∂y_j · y_j (1 - y_j). Needs the output y only, not the total input x."""
    return dE_dy * y * (1 - y)


def dE_dw(dE_dx: Tensor, y: Tensor) -> Tensor:
    """Equation (6): ∂E/∂w_ji = ∂E/∂x_j · y_i, summed over the cases.

    ``dE_dx [cases, to, replicas]``, ``y [cases, from, replicas or 1]``; returns ``[to, from, replicas]``.
    """
    return (dE_dx.unsqueeze(2) * y.unsqueeze(1)).sum(dim=0)


def dE_dy(dE_dx: Tensor, w: Tensor) -> Tensor:
    """Equation (7), for a unit below: ∂E/∂y_i = Σ_j ∂E/∂x_j · w_ji, over the units j of one link.

    ``dE_dx [cases, to, replicas]``, ``w [to, from, replicas]``; returns ``[cases, from, replicas]``.
    A unit that feeds several links adds their sums.
    """
    return (dE_dx.unsqueeze(2) * w).sum(dim=1)


def steepest_descent(dE_dw: Tensor, epsilon: float | Tensor) -> Tensor:
    """Equation (8): Δw = -ε ∂E/∂w. Returns the change, not the new weight."""
    return -epsilon * dE_dw


def momentum(dE_dw: Tensor, previous: Tensor, epsilon: float | Tensor, alpha: float | Tensor) -> Tensor:
    """Equation (9): Δw(t) = -ε ∂E/∂w(t) + α Δw(t-1). Returns the change Δw(t); ``previous`` is Δw(t-1).

    Not the rule of ``torch.optim.SGD``, which carries the accumulated gradient from one step to the next and
    multiplies it by the current ε: the two part where ε changes in mid-run.
    """
    return steepest_descent(dE_dw, epsilon) + alpha * previous


# The same formulas as differentiable functions -------------------------------------------------------------
#
# ``backward`` receives the derivative of whatever came later with respect to this function's result and
# returns one with respect to each argument; ``jvp`` carries a small change of the arguments forward (zeros for
# an argument that does not change). Both are made of differentiable operations on saved tensors, so second
# derivatives are right too. ``sum_to_size`` folds a derivative back onto what all replicas shared.


class TotalInput(Function):
    """x = TotalInput.apply(y, w): (1) forward, (6) and (7) backward. Shapes as in ``total_input``."""

    generate_vmap_rule = True

    @staticmethod
    def forward(y: Tensor, w: Tensor) -> Tensor:
        return total_input(y, w)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        y, w = ctx.saved_tensors
        for_y = dE_dy(grad, w).sum_to_size(y.shape) if ctx.needs_input_grad[0] else None
        for_w = dE_dw(grad, y) if ctx.needs_input_grad[1] else None
        return for_y, for_w

    @staticmethod
    def jvp(ctx: Any, y_change: Tensor, w_change: Tensor) -> Tensor:
        y, w = ctx.saved_tensors
        return total_input(y_change, w) + total_input(y, w_change)


class Logistic(Function):
    """y = Logistic.apply(x): (2) forward, (5) backward."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return logistic(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        ctx.save_for_backward(output)
        ctx.save_for_forward(output)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (y,) = ctx.saved_tensors
        return dE_dx(grad, y)

    @staticmethod
    def jvp(ctx: Any, x_change: Tensor) -> Tensor:
        (y,) = ctx.saved_tensors
        return dE_dx(x_change, y)


class SquaredError(Function):
    """E = SquaredError.apply(y, d): (3) forward, (4) backward. E has one element per replica."""

    generate_vmap_rule = True

    @staticmethod
    def forward(y: Tensor, d: Tensor) -> Tensor:
        return error(y, d)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        y, d = ctx.saved_tensors
        for_y = grad * dE_dy_output(y, d)
        for_d = (-for_y).sum_to_size(d.shape) if ctx.needs_input_grad[1] else None
        return for_y.sum_to_size(y.shape), for_d

    @staticmethod
    def jvp(ctx: Any, y_change: Tensor, d_change: Tensor) -> Tensor:
        y, d = ctx.saved_tensors
        return (dE_dy_output(y, d) * (y_change - d_change)).sum(dim=(0, 1))
