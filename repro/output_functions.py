"""The output functions of units: (2), and others, since N p.534 says that any with a bounded derivative will do.

Each has its formula, y of x, and beside it its part of (5), written by hand: ∂E/∂x from ∂E/∂y, x and y. Most slopes
could be found from y alone, as in (5), but not all: the Gaussian has the same y on both sides of 0. ``OutputFunction``
holds the two, and a ``torch.autograd.Function`` made of them. x, y and their derivatives are of any one shape.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from repro import equations
from repro.choices import UnitFunction
from repro.equations import Logistic

# The formulas ---------------------------------------------------------------------------------------------


def logistic_dE_dx(dE_dy: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Equation (5). The slope is at most ¼."""
    return equations.dE_dx(dE_dy, y)


def symmetric(x: Tensor) -> Tensor:
    """y = tanh(x / 2) = 2 / (1 + exp(-x)) - 1: the logistic stretched from (0, 1) to (-1, 1)."""
    return torch.tanh(x / 2)


def symmetric_dE_dx(dE_dy: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """∂E/∂x = ∂E/∂y · ½ (1 - y²): for the logistic the slope is at most ¼, here at most ½."""
    return dE_dy * (1 - y * y) / 2


def tanh(x: Tensor) -> Tensor:
    """y = (exp(x) - exp(-x)) / (exp(x) + exp(-x)), from -1 to 1."""
    return torch.tanh(x)


def tanh_dE_dx(dE_dy: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """∂E/∂x = ∂E/∂y · (1 - y²). The slope is at most 1."""
    return dE_dy * (1 - y * y)


def softsign(x: Tensor) -> Tensor:
    """y = x / (1 + |x|), from -1 to 1. As steep as tanh at 0; far from 0 it nears ±1 as slowly as 1/|x| falls."""
    return x / (1 + x.abs())


def softsign_dE_dx(dE_dy: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """∂E/∂x = ∂E/∂y / (1 + |x|)². The slope is at most 1."""
    return dE_dy / (1 + x.abs()) ** 2


def arctan(x: Tensor) -> Tensor:
    """y = 2/π · arctan(π/2 · x): the one scale at which it goes from -1 to 1 and is as steep as tanh at 0."""
    return torch.atan(x * (math.pi / 2)) * (2 / math.pi)


def arctan_dE_dx(dE_dy: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """∂E/∂x = ∂E/∂y / (1 + (π/2 · x)²). The slope is at most 1."""
    return dE_dy / (1 + (x * (math.pi / 2)) ** 2)


def gaussian(x: Tensor) -> Tensor:
    """y = exp(-x²): 1 at 0, and falling to 0 on both sides."""
    return torch.exp(-x * x)


def gaussian_dE_dx(dE_dy: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """∂E/∂x = ∂E/∂y · (-2 x y). The slope is at most √(2/e), about 0.86, at x = ±√½."""
    return dE_dy * (-2 * x * y)


def threshold(x: Tensor) -> Tensor:
    """y = 1 where x > 0, and 0 elsewhere: a hard step."""
    return (x > 0).to(x)


def threshold_dE_dx(dE_dy: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """∂E/∂x = 0, the slope of the step wherever it has one; at x = 0, where y jumps, no bound holds.

    So by (6) and (7) ∂E/∂w is 0 for every weight that reaches the output through such units only: (8) leaves it where
    it started, whatever E is. The weights above them still learn.
    """
    return torch.zeros_like(dE_dy)


# The same as differentiable functions ----------------------------------------------------------------------


@dataclass(frozen=True)
class OutputFunction:
    """y of x; ∂E/∂x from ∂E/∂y, x and y; and y of x once more, differentiable, with the second as its backward pass."""

    y: Callable[[Tensor], Tensor]
    dE_dx: Callable[[Tensor, Tensor, Tensor], Tensor]
    apply: Callable[[Tensor], Tensor]


def differentiable(
    y_of: Callable[[Tensor], Tensor], dE_dx: Callable[[Tensor, Tensor, Tensor], Tensor]
) -> OutputFunction:
    """The two formulas, and the Function that runs the first forward and the second backward."""

    class Output(Function):
        """y = Output.apply(x)."""

        generate_vmap_rule = True

        @staticmethod
        def forward(x: Tensor) -> Tensor:
            return y_of(x)

        @staticmethod
        def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
            ctx.save_for_backward(*inputs, output)
            ctx.save_for_forward(*inputs, output)

        @staticmethod
        def backward(ctx: Any, grad: Tensor) -> Tensor:
            x, y = ctx.saved_tensors
            return dE_dx(grad, x, y)

        @staticmethod
        def jvp(ctx: Any, x_change: Tensor) -> Tensor:
            x, y = ctx.saved_tensors
            return dE_dx(x_change, x, y)

    return OutputFunction(y_of, dE_dx, Output.apply)


LOGISTIC = OutputFunction(equations.logistic, logistic_dE_dx, Logistic.apply)
"""Equations (2) and (5)."""

SYMMETRIC = differentiable(symmetric, symmetric_dE_dx)
TANH = differentiable(tanh, tanh_dE_dx)
SOFTSIGN = differentiable(softsign, softsign_dE_dx)
ARCTAN = differentiable(arctan, arctan_dE_dx)
GAUSSIAN = differentiable(gaussian, gaussian_dE_dx)
THRESHOLD = differentiable(threshold, threshold_dE_dx)

BY_NAME = {
    UnitFunction.logistic: LOGISTIC,
    UnitFunction.symmetric: SYMMETRIC,
    UnitFunction.tanh: TANH,
    UnitFunction.softsign: SOFTSIGN,
    UnitFunction.arctan: ARCTAN,
    UnitFunction.gaussian: GAUSSIAN,
    UnitFunction.threshold: THRESHOLD,
}
"""Each by the name that an experiment's options have for it."""
