"""The output functions: values and slopes by hand, derivatives and their bounds, and networks made of each."""

import dataclasses
import math

import pytest
import torch
from torch import Tensor
from torch.autograd.gradcheck import GradcheckError
from torch.nn.functional import softsign

from repro.learning import Phase
from repro.networks import ALWAYS_ON, Architecture, Network, error
from repro.output_functions import (
    ARCTAN,
    GAUSSIAN,
    LOGISTIC,
    SOFTSIGN,
    SYMMETRIC,
    TANH,
    THRESHOLD,
    OutputFunction,
    differentiable,
    symmetric,
)
from repro.population import Population
from repro.tasks.xor import xor
from repro.training_setup import Criterion, Learning
from tests import reference
from tests.gradients import assert_first_derivative, assert_second_derivative
from tests.plans import PLANS, Plan, cases_of, largest_gap, random_task, random_weights, to_reference
from tests.repro.test_training import assert_same
from tests.repro.test_transforms import HUNDRED, assert_times, loss, modes
from tests.setups import train

PLAIN = {  # the same formulas in other torch operations, for torch's own autograd to differentiate
    LOGISTIC: lambda x: 1 / (1 + torch.exp(-x)),
    SYMMETRIC: lambda x: (1 - torch.exp(-x)) / (1 + torch.exp(-x)),
    TANH: lambda x: (torch.exp(x) - torch.exp(-x)) / (torch.exp(x) + torch.exp(-x)),
    SOFTSIGN: softsign,
    ARCTAN: lambda x: torch.atan2(x, torch.full_like(x, 2 / math.pi)) / (math.pi / 2),
    GAUSSIAN: lambda x: 1 / torch.exp(x.square()),
    THRESHOLD: lambda x: torch.sign(x).clamp_min(0),  # torch takes the sign to be flat
}
NAMES = ["logistic", "symmetric", "tanh", "softsign", "arctan", "gaussian", "threshold"]
SMOOTH = list(PLAIN)[:-1]

each_function = pytest.mark.parametrize("function", PLAIN, ids=NAMES)
each_smooth = pytest.mark.parametrize("function", SMOOTH, ids=NAMES[:-1])


def total_inputs() -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return 2 * torch.randn(3, 4, 5, generator=generator, dtype=torch.float64)


def column(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64).reshape(1, -1, 1)


def with_slope(function: OutputFunction, factor: float = 1.0, more: float = 0.0) -> OutputFunction:
    """The same values, with a slope ``factor`` times as large and then ``more`` larger."""
    return differentiable(function.y, lambda dE_dy, x, y: factor * function.dE_dx(dE_dy, x, y) + more * dE_dy)


# By hand -------------------------------------------------------------------------------------------------

LN_3 = math.log(3)
ROOT_LN_2, ROOT_LN_3 = math.sqrt(math.log(2)), math.sqrt(LN_3)

BY_HAND = {
    LOGISTIC: ([0, LN_3, -LN_3, 2 * LN_3], [1 / 2, 3 / 4, 1 / 4, 9 / 10], [1 / 4, 3 / 16, 3 / 16, 9 / 100]),
    SYMMETRIC: ([0, LN_3, -LN_3, 2 * LN_3], [0, 1 / 2, -1 / 2, 4 / 5], [1 / 2, 3 / 8, 3 / 8, 9 / 50]),
    TANH: ([0, LN_3, -LN_3, 2 * LN_3], [0, 4 / 5, -4 / 5, 40 / 41], [1, 9 / 25, 9 / 25, 81 / 1681]),
    SOFTSIGN: ([0, 1, -3, 9], [0, 1 / 2, -3 / 4, 9 / 10], [1, 1 / 4, 1 / 16, 1 / 100]),
    ARCTAN: ([0, 2 / math.pi, -2 * math.sqrt(3) / math.pi], [0, 1 / 2, -2 / 3], [1, 1 / 2, 1 / 4]),
    GAUSSIAN: ([0, ROOT_LN_2, -ROOT_LN_3], [1, 1 / 2, 1 / 3], [0, -ROOT_LN_2, 2 / 3 * ROOT_LN_3]),
    THRESHOLD: ([-2, -1e-300, 0, 1e-300, 2], [0, 0, 0, 1, 1], [0, 0, 0, 0, 0]),
}


@pytest.mark.parametrize(("function", "case"), BY_HAND.items(), ids=NAMES)
def test_by_hand(function, case):
    """exp(x) is 1, 3, 1/3 and 9; the tangent of half π y is 1 and -√3; exp(-x²) is 1, 1/2 and 1/3."""
    x, y, slope = case
    assert function.y(column(*x)).flatten().tolist() == pytest.approx(y, abs=1e-15)
    assert function.apply(column(*x)).flatten().tolist() == pytest.approx(y, abs=1e-15)
    for grad in (1.0, -2.0):
        found = function.dE_dx(torch.full_like(column(*x), grad), column(*x), column(*y))
        assert found.flatten().tolist() == pytest.approx([grad * s for s in slope], abs=1e-15)


def test_symmetric_is_the_logistic_stretched():
    x = total_inputs()
    torch.testing.assert_close(symmetric(x), 2 * LOGISTIC.y(x) - 1, rtol=0, atol=1e-15)
    assert symmetric(-x).equal(-symmetric(x))


@pytest.mark.parametrize("function", [TANH, SOFTSIGN, ARCTAN], ids=["tanh", "softsign", "arctan"])
def test_three_are_odd_and_as_steep_as_each_other_at_0(function):
    x = total_inputs()
    assert function.y(-x).equal(-function.y(x))
    assert function.dE_dx(column(1), column(0), column(0)).item() == 1


def test_a_slope_that_no_function_of_y_gives():
    """Why ``dE_dx`` is told x: the Gaussian is 1/2 twice, and rises once."""
    x = column(-ROOT_LN_2, ROOT_LN_2)
    y = GAUSSIAN.y(x)
    assert y[0, 0] == y[0, 1]
    assert GAUSSIAN.dE_dx(torch.ones_like(x), x, y).sign().flatten().tolist() == [1, -1]


SHORT_OF_1 = math.atan(1 / (500 * math.pi)) * 2 / math.pi  # for x = 1000, by the angle that is left to a right one


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize(
    ("function", "ends", "slope"),
    [
        (LOGISTIC, [0, 1], 0),
        (SYMMETRIC, [-1, 1], 0),
        (TANH, [-1, 1], 0),
        (SOFTSIGN, [-1000 / 1001, 1000 / 1001], 1001**-2),
        (ARCTAN, [SHORT_OF_1 - 1, 1 - SHORT_OF_1], 1 / (1 + (500 * math.pi) ** 2)),
        (GAUSSIAN, [0, 0], 0),
        (THRESHOLD, [0, 1], 0),
    ],
    ids=NAMES,
)
def test_extreme_total_inputs(function, ends, slope, dtype):
    x = torch.tensor([-1000.0, 1000.0], dtype=dtype).reshape(1, 2, 1).requires_grad_()
    y = function.apply(x)
    y.sum().backward()
    within = 1e-6 if dtype is torch.float32 else 1e-11
    assert y.flatten().tolist() == pytest.approx(ends, rel=within)
    assert y.dtype == x.grad.dtype == dtype
    assert x.grad.flatten().tolist() == pytest.approx([slope, slope], rel=within)


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
    torch.testing.assert_close(function.dE_dx(torch.ones_like(x), x, function.y(x)), rise, rtol=0, atol=1e-9)


@each_function
def test_the_formula_and_its_derivatives_are_those_of_torch(function):
    x, weights = total_inputs().requires_grad_(), torch.linspace(-1, 2, 5, dtype=torch.float64)
    found = []
    for y_of in (function.apply, PLAIN[function]):
        y = y_of(x)
        (first,) = torch.autograd.grad((weights * y).sum(), x, create_graph=True)
        second = torch.autograd.grad(first.square().sum(), x)[0] if first.requires_grad else torch.zeros_like(x)
        found.append((y, first, second))
    for ours, its in zip(*found, strict=True):
        torch.testing.assert_close(ours, its, rtol=1e-12, atol=1e-14)


@each_smooth
@pytest.mark.parametrize("factor", [1.0005, 0.9995, -1.0])
def test_a_wrong_derivative_is_rejected(function, factor):
    with pytest.raises(GradcheckError):
        assert_first_derivative(with_slope(function, factor).apply, total_inputs().requires_grad_())


def test_a_slope_of_the_threshold_is_rejected():
    """A small one, and the whole one of those who pass the derivative straight through."""
    for more in (0.0005, 1.0):
        with pytest.raises(GradcheckError):
            assert_first_derivative(with_slope(THRESHOLD, more=more).apply, total_inputs().requires_grad_())


@each_smooth
def test_a_wrong_second_derivative_is_rejected(function):
    """0.05 % of a slope that autograd takes for a constant: right once, wrong twice."""

    def leaky(dE_dy, x, y):
        return 0.9995 * function.dE_dx(dE_dy, x, y) + 0.0005 * dE_dy * function.dE_dx(torch.ones_like(x), x, y).detach()

    x, bad = total_inputs().requires_grad_(), differentiable(function.y, leaky)
    torch.testing.assert_close(
        torch.autograd.grad(bad.apply(x).sum(), x), torch.autograd.grad(function.apply(x).sum(), x)
    )
    with pytest.raises(GradcheckError):
        assert_second_derivative(bad.apply, x)


@modes
@each_smooth
def test_func_grad_and_vmap_run_the_hand_written_backward(function, mode):
    x = total_inputs()
    right = torch.autograd.grad(loss(PLAIN[function])(x.requires_grad_()), x)
    assert_times(mode(function, (x,)), right, 1)
    assert_times(mode(with_slope(function, HUNDRED), (x,)), right, HUNDRED)


@modes
def test_func_grad_and_vmap_of_the_threshold(mode):
    x = total_inputs().requires_grad_()
    assert not mode(THRESHOLD, (x,))[0].any()
    torch.testing.assert_close(mode(with_slope(THRESHOLD, more=HUNDRED), (x,))[0], 2 * HUNDRED * THRESHOLD.y(x))


@each_function
def test_func_vmap_and_jvp(function):
    x = total_inputs()
    assert torch.func.vmap(function.apply)(x).equal(function.apply(x))
    value, change = torch.func.jvp(function.apply, (x,), (torch.ones_like(x),))
    expected, expected_change = torch.func.jvp(PLAIN[function], (x,), (torch.ones_like(x),))
    torch.testing.assert_close(value, expected, rtol=0, atol=1e-14)
    torch.testing.assert_close(change, expected_change, rtol=0, atol=1e-14)


# A bounded derivative (N p.534) ----------------------------------------------------------------------------

STEEPEST = {  # the largest size of the slope, and where it is reached
    LOGISTIC: (1 / 4, 0.0),
    SYMMETRIC: (1 / 2, 0.0),
    TANH: (1.0, 0.0),
    SOFTSIGN: (1.0, 0.0),
    ARCTAN: (1.0, 0.0),
    GAUSSIAN: (math.sqrt(2 / math.e), math.sqrt(1 / 2)),
}


def far_and_near() -> Tensor:
    """Total inputs of both signs, from 1e-12 to 1e12, and densely from -10 to 10."""
    sizes = torch.logspace(-12, 12, 4001, dtype=torch.float64)
    return torch.cat([sizes, -sizes, torch.linspace(-10, 10, 20001, dtype=torch.float64)])


@pytest.mark.parametrize(("function", "steepest"), STEEPEST.items(), ids=NAMES[:-1])
def test_the_derivative_is_bounded(function, steepest):
    bound, where = steepest
    x = far_and_near()
    assert function.dE_dx(torch.ones_like(x), x, function.y(x)).abs().max() <= bound * (1 + 1e-15)
    there = column(where)
    assert function.dE_dx(column(1), there, function.y(there)).abs().item() == pytest.approx(bound, rel=1e-14)


@pytest.mark.parametrize(("function", "steepest"), STEEPEST.items(), ids=NAMES[:-1])
def test_no_two_outputs_are_farther_apart_than_the_bound_allows(function, steepest):
    """The bound once more, without the slope: by the values at neighbouring total inputs, up to their rounding."""
    x = far_and_near().sort().values
    assert (function.y(x).diff().abs() <= steepest[0] * x.diff() + 1e-15).all()


def test_no_bound_holds_for_the_threshold():
    for step in (1e-3, 1e-6, 1e-9):
        rise = THRESHOLD.y(column(step)) - THRESHOLD.y(column(-step))
        assert rise.item() / (2 * step) == pytest.approx(0.5 / step)


# Networks ------------------------------------------------------------------------------------------------

SYMMETRIC_UNITS = PLANS["symmetric hidden units"]


def of(function: OutputFunction, plan: Plan = SYMMETRIC_UNITS) -> Architecture:
    """The plan with this function in every hidden group."""
    hidden = plan.architecture.receiving[:-1]
    return Architecture(plan.groups, plan.links, functions=dict.fromkeys(hidden, function))


def plain_gradients(network: Network, task) -> dict[str, Tensor]:
    """∂E/∂w by torch's own autograd of the formulas in other operations."""
    plan, some = network.architecture, next(iter(task.inputs.values()))
    y = {name: values.unsqueeze(2).expand(-1, -1, network.replicas) for name, values in task.inputs.items()}
    y[ALWAYS_ON] = torch.ones(len(some), 1, network.replicas, dtype=some.dtype)
    for group in plan.receiving:
        x = sum(torch.einsum("cir,jir->cjr", y[link.source], network.weights[link.key]) for link in plan.into(group))
        y[group] = PLAIN[plan.function(group)](x)
    E = ((y[plan.output] - task.desired.unsqueeze(2)) ** 2 / 2).sum()
    return dict(zip(network.weights, torch.autograd.grad(E, list(network.weights.values())), strict=True))


@each_function
def test_derivatives_three_ways(function):
    """By the formulas, by backward() through the Functions, and by torch's own autograd."""
    network, task = Network(of(function), random_weights(of(function), 3)), random_task(of(function))
    y, dE_dw = network.derivatives(task.inputs, task.desired.unsqueeze(2))
    output = network(task.inputs)
    error(output, task.desired).sum().backward()
    expected = plain_gradients(network, task)
    torch.testing.assert_close(y, output.detach(), rtol=0, atol=1e-14)
    for key, w in network.weights.items():
        torch.testing.assert_close(dE_dw[key], expected[key], rtol=0, atol=1e-12)
        torch.testing.assert_close(w.grad, expected[key], rtol=0, atol=1e-12)


@each_smooth
def test_a_wrong_slope_in_one_group_is_seen(function):
    architecture = of(function)
    bad = dataclasses.replace(architecture, functions={**architecture.functions, "low": with_slope(function, 1.0005)})
    task = random_task(architecture)
    right, wrong = (
        Network(a, random_weights(a, 3)).derivatives(task.inputs, task.desired.unsqueeze(2))[1]
        for a in (architecture, bad)
    )
    assert {key for key in right if not right[key].equal(wrong[key])} == {"left->low", "right->low", "bias->low"}
    torch.testing.assert_close(wrong["left->low"], 1.0005 * right["left->low"], rtol=1e-12, atol=0)


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


def test_another_function_needs_one_line():
    """N p.534: any function with a bounded derivative will do. Here the sine, whose slope is the cosine."""
    sine = differentiable(torch.sin, lambda dE_dy, x, y: dE_dy * torch.cos(x))
    network, task = Network(of(sine), random_weights(of(sine), 3)), random_task(of(sine))
    _, dE_dw = network.derivatives(task.inputs, task.desired.unsqueeze(2))
    error(network(task.inputs), task.desired).sum().backward()
    for key, w in network.weights.items():
        torch.testing.assert_close(dE_dw[key], w.grad, rtol=0, atol=1e-14)
    assert_first_derivative(sine.apply, total_inputs().requires_grad_())


# Training ------------------------------------------------------------------------------------------------

XOR_2_2_1 = Plan({"input": 2, "hidden": 2, "output": 1}, {"hidden": ["input"], "output": ["hidden"]})


def after(architecture: Architecture, sweeps: int, replicas: int = 20, **options) -> Population:
    """Networks after so many sweeps of XOR in float64, at ε = 0.25 and α = 0.9."""
    population = Population.start(architecture, range(replicas), 0.5, torch.float64)
    learning = Learning((Phase(0.25, 0.9),), sweeps)
    *_, _ = train(population, xor(), learning, Criterion(0.0, stop=False), every=sweeps, **options)
    return population


@pytest.mark.parametrize("backward_pass", ["explicit", "autograd"])
def test_a_hidden_layer_of_thresholds_never_learns(backward_pass):
    """Its derivatives are exactly 0 and its weights stay where they were; the weights above it learn."""
    architecture = of(THRESHOLD, XOR_2_2_1)
    begun, ended = (after(architecture, sweeps, backward_pass=backward_pass) for sweeps in (1, 300))
    network = Network(architecture, ended.weights)
    _, dE_dw = network.derivatives(xor().inputs, xor().desired.unsqueeze(2))
    start = Population.start(architecture, range(20), 0.5, torch.float64).weights
    for key in ("input->hidden", "bias->hidden"):
        assert not dE_dw[key].any()
        assert ended.weights[key].equal(start[key])
        assert not ended.delta_w[key].any()
    assert (ended.weights["bias->output"] - start["bias->output"]).abs().min() > 1e-3
    assert ended.E.mean() < 0.8 * begun.E.mean()


def test_decay_is_all_that_moves_a_hidden_layer_of_thresholds():
    architecture = of(THRESHOLD, XOR_2_2_1)
    population = Population.start(architecture, range(5), 0.5, torch.float64)
    expected = population.weights["input->hidden"] * 0.99**10
    *_, _ = train(population, xor(), Learning((Phase(0.25, 0.9),), 10, decay=0.01), Criterion(0.0, stop=False))
    torch.testing.assert_close(population.weights["input->hidden"], expected, rtol=1e-13, atol=0)


@pytest.mark.slow
@each_smooth
def test_a_hidden_layer_of_any_other_function_learns_xor(function):
    """N p.534: after 2,000 sweeps at least half of 20 networks have every output within 0.1."""
    population = after(of(function, XOR_2_2_1), 2000)
    y = Network(of(function, XOR_2_2_1), population.weights)(xor().inputs)
    right = (y - xor().desired.unsqueeze(2)).abs().amax(dim=(0, 1)) < 0.1
    assert right.sum() >= 10


def test_machine_code_of_every_function():
    """A hidden group of each, side by side."""
    groups = {"input": 2, **dict.fromkeys(NAMES, 2), "output": 1}
    links = {**{name: ["input"] for name in NAMES}, "output": NAMES}
    architecture = Architecture(groups, links, functions=dict(zip(NAMES, PLAIN, strict=True)))
    assert_same(*(after(architecture, 50, compile=compile) for compile in (True, False)), 1e-12)
