"""Output functions other than (2): N p.534 says that any with a bounded derivative will do.

Each has its formula, its part of (5) in terms of the output y, and a ``torch.autograd.Function`` with both.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from repro import equations
from repro.equations import Logistic


def symmetric(x: Tensor) -> Tensor:
    """y = tanh(x / 2) = 2 / (1 + exp(-x)) - 1: the logistic stretched from (0, 1) to (-1, 1)."""
    return torch.tanh(x / 2)


def symmetric_dE_dx(dE_dy: Tensor, y: Tensor) -> Tensor:
    """∂E/∂x = ∂E/∂y · ½ (1 - y²): for the logistic at y = ½ the slope is ¼, here at y = 0 it is ½."""
    return dE_dy * (1 - y * y) / 2


class Symmetric(Function):
    """y = Symmetric.apply(x), with its hand-written backward pass."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return symmetric(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        ctx.save_for_backward(output)
        ctx.save_for_forward(output)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (y,) = ctx.saved_tensors
        return symmetric_dE_dx(grad, y)

    @staticmethod
    def jvp(ctx: Any, x_change: Tensor) -> Tensor:
        (y,) = ctx.saved_tensors
        return symmetric_dE_dx(x_change, y)


@dataclass(frozen=True)
class OutputFunction:
    """y of x, ∂E/∂x from ∂E/∂y and y, and the same as a differentiable function."""

    y: Callable[[Tensor], Tensor]
    dE_dx: Callable[[Tensor, Tensor], Tensor]
    apply: Callable[[Tensor], Tensor]


LOGISTIC = OutputFunction(equations.logistic, equations.dE_dx, Logistic.apply)
"""Equations (2) and (5)."""

SYMMETRIC = OutputFunction(symmetric, symmetric_dE_dx, Symmetric.apply)
"""tanh(x / 2)."""
