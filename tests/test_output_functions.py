"""The logistic and its symmetric version: values and slopes by hand, derivatives, and networks made of either."""

import math

import pytest
import torch
from torch import Tensor
from torch.autograd.gradcheck import GradcheckError

from repro.networks import Network
from repro.output_functions import LOGISTIC, SYMMETRIC, OutputFunction, Symmetric, symmetric
from tests import reference
from tests.gradients import assert_first_derivative, assert_second_derivative, wrong
from tests.plans import PLANS, Plan, cases_of, largest_gap, random_task, random_weights, to_reference

each_function = pytest.mark.parametrize("function", [LOGISTIC, SYMMETRIC], ids=["logistic", "symmetric"])


def total_inputs() -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return 2 * torch.randn(3, 4, 5, generator=generator, dtype=torch.float64)


def column(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64).reshape(1, -1, 1)


# By hand -------------------------------------------------------------------------------------------------

X = column(0, math.log(3), -math.log(3), math.log(9))


@pytest.mark.parametrize(
    ("function", "y", "slope"),
    [
        (LOGISTIC, [1 / 2, 3 / 4, 1 / 4, 9 / 10], [1 / 4, 3 / 16, 3 / 16, 9 / 100]),
        (SYMMETRIC, [0, 1 / 2, -1 / 2, 4 / 5], [1 / 2, 3 / 8, 3 / 8, 9 / 50]),
    ],
    ids=["logistic", "symmetric"],
)
def test_by_hand(function, y, slope):
    """exp(x) is 1, 3, 1/3 and 9; the slope is found from y alone."""
    assert function.y(X).flatten().tolist() == pytest.approx(y, abs=1e-15)
    assert function.apply(X).flatten().tolist() == pytest.approx(y, abs=1e-15)
    assert function.dE_dx(torch.ones_like(X), column(*y)).flatten().tolist() == pytest.approx(slope, abs=1e-15)
    twice = function.dE_dx(torch.full_like(X, -2.0), column(*y))
    assert twice.flatten().tolist() == pytest.approx([-2 * s for s in slope], abs=1e-15)


def test_symmetric_is_the_logistic_stretched():
    x = total_inputs()
    torch.testing.assert_close(symmetric(x), 2 * LOGISTIC.y(x) - 1, rtol=0, atol=1e-15)
    assert symmetric(-x).equal(-symmetric(x))


@each_function
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_extreme_total_inputs(function, dtype):
    x = torch.tensor([-1000.0, 1000.0], dtype=dtype).reshape(1, 2, 1).requires_grad_()
    y = function.apply(x)
    y.sum().backward()
    assert y.flatten().tolist() == [0 if function is LOGISTIC else -1, 1]
    assert y.dtype == x.grad.dtype == dtype
    assert not x.grad.any()


# Derivatives ---------------------------------------------------------------------------------------------


@each_function
def test_first_derivative(function):
    assert_first_derivative(function.apply, total_inputs().requires_grad_())


@each_function
def test_second_derivative(function):
    assert_second_derivative(function.apply, total_inputs().requires_grad_())


@each_function
def test_the_slope_is_that_of_the_value(function):
    """Written out, by finite differences of y: error of the order of the step squared."""
    x, step = total_inputs(), 1e-5
    rise = (function.y(x + step) - function.y(x - step)) / (2 * step)
    torch.testing.assert_close(function.dE_dx(torch.ones_like(x), function.y(x)), rise, rtol=0, atol=1e-10)


@pytest.mark.parametrize("factor", [1.0005, 0.9995, -1.0])
def test_a_wrong_derivative_is_rejected(factor):
    with pytest.raises(GradcheckError):
        assert_first_derivative(wrong(Symmetric, factor).apply, total_inputs().requires_grad_())


def test_a_wrong_second_derivative_is_rejected():
    """A slope that autograd takes for a constant: right once, wrong twice."""

    class Constant(Symmetric):
        @staticmethod
        def backward(ctx, grad):
            (y,) = ctx.saved_tensors
            return grad * (1 - y.detach() ** 2) / 2

    x = total_inputs().requires_grad_()
    torch.testing.assert_close(
        torch.autograd.grad(Constant.apply(x).sum(), x), torch.autograd.grad(Symmetric.apply(x).sum(), x)
    )
    with pytest.raises(GradcheckError):
        assert_second_derivative(Constant.apply, x)


# Networks ------------------------------------------------------------------------------------------------

SYMMETRIC_UNITS = PLANS["symmetric hidden units"]


def test_only_the_named_groups_are_symmetric():
    architecture = SYMMETRIC_UNITS.architecture
    assert [architecture.function(group) for group in ("low", "high", "output")] == [SYMMETRIC, SYMMETRIC, LOGISTIC]
    task = random_task(architecture)
    activity = Network(architecture, random_weights(architecture, 20)).activity(task.inputs)
    assert activity["low"].min() < -0.5
    assert activity["output"].min() > 0


def in_logistic_units(w: dict, net: reference.Net, symmetric_groups: tuple[str, ...]) -> dict:
    """The weights of the logistic network that does the same: y = 2 σ(x) - 1, so w y = 2 w σ(x) - w."""
    same = dict(w)
    for (target, j), (source, _), weight in net.connections:
        if source in symmetric_groups:
            same[weight] = 2 * w[weight]
            same[f"bias->{target}", j, 0] -= w[weight]
    return same


def test_a_network_of_symmetric_units_is_a_logistic_one_with_other_weights():
    """Outputs, and derivatives by the chain rule of those other weights: 2 ∂E/∂w - ∂E/∂b in place of ∂E/∂w."""
    plan = SYMMETRIC_UNITS
    net = Plan(plan.groups, plan.links).net
    weights, task = random_weights(plan.architecture, 3), random_task(plan.architecture)
    cases, d = cases_of(task)
    y, dE_dw = Network(plan.architecture, weights).derivatives(task.inputs, task.desired.unsqueeze(2))
    for r in range(3):
        w = in_logistic_units(to_reference(weights, r), net, ("low", "high"))
        expected = torch.tensor(reference.outputs(net, w, cases), dtype=torch.float64)
        torch.testing.assert_close(y[..., r], expected, rtol=0, atol=1e-14)
        other = reference.derivatives(net, w, cases, d)
        found = dict(other)
        for (target, j), (source, _), weight in net.connections:
            if source in ("low", "high"):
                found[weight] = 2 * other[weight] - other[f"bias->{target}", j, 0]
        assert largest_gap(to_reference(dE_dw, r), found) < 1e-13


def test_another_function_needs_three_lines():
    """N p.534: any function with a bounded derivative will do. Here y = x / (1 + |x|), whose slope is (1 - |y|)²."""

    def y(x: Tensor) -> Tensor:
        return x / (1 + x.abs())

    softsign = OutputFunction(y, lambda dE_dy, y: dE_dy * (1 - y.abs()) ** 2, y)
    plan = PLANS["symmetry 6-2-1"].architecture
    architecture = type(plan)(plan.groups, plan.links, functions={"hidden": softsign})
    network, task = Network(architecture, random_weights(architecture, 3)), random_task(architecture)
    _, dE_dw = network.derivatives(task.inputs, task.desired.unsqueeze(2))
    ((network(task.inputs) - task.desired.unsqueeze(2)) ** 2 / 2).sum().backward()
    for key, w in network.weights.items():
        torch.testing.assert_close(dE_dw[key], w.grad, rtol=0, atol=1e-14)
