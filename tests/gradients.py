"""Gradient checks tight enough to reject a backward pass that is wrong by 0.05 %, and the wrong ones to try them on.

PyTorch's default tolerances (atol 1e-5, rtol 1e-3) pass a backward pass that is wrong by 0.1 %.
"""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.autograd import Function, gradcheck, gradgradcheck

from repro.equations import Logistic, SquaredError, TotalInput

FUNCTIONS = (TotalInput, Logistic, SquaredError)
each_function = pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.__name__)

TIGHT = {"eps": 1e-6, "atol": 1e-8, "rtol": 1e-6}


def assert_first_derivative(function: Callable[..., Tensor], *inputs: Tensor) -> None:
    """Backward and forward mode agree with finite differences, also for a batch of gradients."""
    assert all(t.dtype == torch.float64 for t in inputs), "finite differences need float64"
    assert gradcheck(
        function,
        inputs,
        check_forward_ad=True,
        check_batched_grad=True,
        check_batched_forward_grad=True,
        **TIGHT,
    )


def assert_second_derivative(function: Callable[..., Tensor], *inputs: Tensor) -> None:
    """The derivative of the backward pass agrees with finite differences of it, by backward and forward mode."""
    assert gradgradcheck(function, inputs, check_fwd_over_rev=True, check_rev_over_rev=True, **TIGHT)


def inputs_of(function: type[Function], dtype: torch.dtype = torch.float64, seed: int = 0) -> tuple[Tensor, ...]:
    """Arguments that fit: 3 cases, 2 units from, 4 units to, 5 replicas. They require gradients."""
    generator = torch.Generator().manual_seed(seed)

    def some(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype).requires_grad_()

    if function is Logistic or issubclass(function, Logistic):
        return (some(3, 4, 5),)
    if issubclass(function, SquaredError):
        return (some(3, 4, 5), some(3, 4, 5))
    return (some(3, 2, 5), some(4, 2, 5))


def plain(function: type[Function]) -> Callable[..., Tensor]:
    """The same formula in ordinary torch operations, for torch's own autograd to differentiate."""
    if issubclass(function, Logistic):
        return lambda x: 1 / (1 + torch.exp(-x))
    if issubclass(function, SquaredError):
        return lambda y, d: ((y - d).square() / 2).sum((0, 1))
    return lambda y, w: torch.einsum("cir,jir->cjr", y.expand(-1, -1, w.shape[2]), w)


def wrong(function: type[Function], factor: float, argument: int | None = None) -> type[Function]:
    """The same Function with a backward pass, and a forward-mode one, that are ``factor`` times too large.

    ``argument``: for that argument only. The value it computes stays right: only a derivative can tell.
    """

    def backward(ctx, grad):  # type: ignore[no-untyped-def]
        right = function.backward(ctx, grad)
        many = right if isinstance(right, tuple) else (right,)
        made = tuple(
            g if g is None or argument not in (None, position) else factor * g for position, g in enumerate(many)
        )
        return made if isinstance(right, tuple) else made[0]

    def jvp(ctx, *changes):  # type: ignore[no-untyped-def]
        scaled = (c if argument not in (None, position) else factor * c for position, c in enumerate(changes))
        return function.jvp(ctx, *scaled)

    methods = {"backward": staticmethod(backward)}
    if function.jvp is not Function.jvp:  # torch.compile stops at a Function that offers forward mode
        methods["jvp"] = staticmethod(jvp)
    return type(function)(f"Wrong{function.__name__}", (function,), methods)
