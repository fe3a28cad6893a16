"""Kinds of places: by hand where that can be done, against finite differences of the reference, and by training."""

import math

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from torch import Tensor

from repro import trust_region
from repro.critical_points import CLEARLY, STILL, classify, clear_curvature
from repro.errors import AS_PRINTED
from repro.learning import Phase
from repro.measures.xor import stuck_as_printed
from repro.networks import Architecture, Network, error
from repro.output_functions import LOGISTIC, differentiable
from repro.plateau import settle_output_biases
from repro.population import Population
from repro.printed_networks import XOR, XOR_LOCAL_MINIMUM
from repro.tasks import Task
from repro.tasks.xor import xor
from repro.training_setup import Criterion, Learning
from repro.trust_region import LONGEST_STEP, trust_region_newton, trust_region_step
from tests import reference
from tests.plans import PLANS, Plan, cases_of, random_task, random_weights, to_reference
from tests.setups import train

PHASE = Phase(epsilon=0.25, alpha=0.9)
SOFT_XOR = xor().with_targets(0.1, 0.9)
TWO_UNITS = XOR_LOCAL_MINIMUM.architecture


def zeros(architecture: Architecture) -> dict[str, Tensor]:
    return {key: torch.zeros(*shape, 1).double() for key, shape in architecture.weight_shapes.items()}


def E_of(network: Network, task: Task) -> Tensor:
    return error(network(task.inputs), task.desired).detach()


# Known places ----------------------------------------------------------------------------------------------


def test_all_weights_0_by_hand():
    """Exclusive-or, 2-2-1: every output is ½, the mean of what is wanted, and the gradient is 0.

    With y = ½ everywhere y' = ¼ and y'' = 0, so the second derivatives by the output's bias and its two weights from
    units at ½ are 4 (¼)² = ¼ times the products of (1, ½, ½): one eigenvalue ¼ (1 + ¼ + ¼). Those by a weight v and one
    below it are ¼ · ¼ Σ_c (½ - d_c) x_c = 0, as are those by two weights below, for v = 0.
    """
    found = classify(Network(TWO_UNITS, zeros(TWO_UNITS)), SOFT_XOR, PHASE, 10_000)
    assert found.E.item() == pytest.approx(4 * 0.4**2 / 2, rel=1e-15)
    assert found.gradient.item() == pytest.approx(0, abs=1e-16)
    assert found.highest.item() == pytest.approx(3 / 8, rel=1e-14)
    assert found.lowest.item() == pytest.approx(0, abs=1e-16)
    assert (found.negative.item(), found.flat.item(), found.size.item()) == (0, 8, 0)
    assert found.kind == ("flat",)


def test_what_second_derivatives_cannot_leave():
    """From all weights 0 E does fall, by the fourth power of the distance: two units that differ by their bend."""
    start = Network(TWO_UNITS, zeros(TWO_UNITS))
    way = trust_region_newton(start, SOFT_XOR, 0.1)
    assert (way.end, way.steps.item()) == (("stuck",), 0)
    fallen = []
    for t in (0.05, 0.1):
        network = Network(TWO_UNITS, zeros(TWO_UNITS))
        with torch.no_grad():
            network.weights["input->hidden"].fill_(t)
            network.weights["bias->hidden"].copy_(torch.tensor([[[t]], [[-t]]]))
            network.weights["hidden->output"].copy_(torch.tensor([[[t], [-t]]]))
        settle_output_biases(network, SOFT_XOR, AS_PRINTED)
        fallen.append(0.32 - E_of(network, SOFT_XOR).item())
    assert fallen[0] > 1e-9
    assert math.log2(fallen[1] / fallen[0]) == pytest.approx(4, abs=0.05)


AND = Task("and", xor().inputs, torch.tensor([[0.0], [0.0], [0.0], [1.0]], dtype=torch.float64), xor().cases)
ONE_UNIT = Plan(
    {"input": 2, "hidden": 1, "output": 1}, {"hidden": ["input"], "output": ["hidden"]}, symmetric=["hidden"]
).architecture
LEAVING = math.sqrt(1 / 2) * 3 / 32
"""-λ at all weights 0 with the output at the mean answer: worked out in ``test_plateau``; biases add nothing to it."""


def and_saddle() -> Network:
    network = Network(ONE_UNIT, zeros(ONE_UNIT))
    settle_output_biases(network, AND, AS_PRINTED)
    return network


def test_a_saddle_by_hand_and_the_way_from_it():
    """Its gradient is 0 but for rounding, so that only negative curvature leads away."""
    found = classify(and_saddle(), AND, PHASE, 1_000)
    assert found.gradient.item() < 1e-14
    assert found.lowest.item() == pytest.approx(-LEAVING, rel=1e-12)
    assert found.escape_rate.item() == pytest.approx(LEAVING * 2.5, rel=1e-12)
    assert found.negative.item() == 1
    assert found.kind == ("saddle",)
    way = trust_region_newton(and_saddle(), AND, 0.2)
    assert way.end == ("solved",)
    assert (Network(ONE_UNIT, way.weights)(AND.inputs) > 0.5)[:, 0, 0].tolist() == [False, False, False, True]


@pytest.mark.parametrize(("factor", "kind"), [(0.99, "flat"), (1.01, "saddle")])
def test_a_curvature_is_clear_where_training_would_have_grown_it(factor, kind):
    """One sweep of e^(λ ε / (1 - α)), so often that it comes to a little less, or more, than e^CLEARLY."""
    slow = Phase(1e-4, 0.9)
    sweeps = round(factor * CLEARLY / (LEAVING * 1e-3))
    assert classify(and_saddle(), AND, slow, sweeps).kind == (kind,)
    assert clear_curvature(slow, sweeps) == pytest.approx(LEAVING / factor, rel=1e-4)


def test_each_place_is_looked_at_by_the_epsilon_of_its_own_training():
    three = Network(ONE_UNIT, {key: w.detach().expand(-1, -1, 3).clone() for key, w in and_saddle().weights.items()})
    epsilons, sweeps = (1e-4, 9e-5, 2.0), round(CLEARLY / (LEAVING * 1e-3))
    found = classify(three, AND, Phase(torch.tensor(epsilons, dtype=torch.float64), 0.9), sweeps)
    alone = [classify(and_saddle(), AND, Phase(epsilon, 0.9), sweeps) for epsilon in epsilons]
    assert found.kind == tuple(one.kind[0] for one in alone)
    assert len(set(found.kind)) > 1
    assert found.escape_rate.tolist() == [one.escape_rate.item() for one in alone]
    with pytest.raises(ValueError, match="changes no weight"):
        clear_curvature(Phase(torch.tensor([0.5, 0.0])), 1)


@pytest.mark.parametrize(("factor", "moves"), [(0.99, False), (1.01, True)])
def test_moving_is_what_training_would_take_off(factor, moves):
    """E of random weights falls, by (8) with a step small enough, as the module foretells."""
    network, slow = Network(TWO_UNITS, random_weights(TWO_UNITS, 1)), Phase(1e-8)
    found = classify(network, SOFT_XOR, slow, 1)
    sweeps = round(factor * STILL * found.E.item() / (1e-8 * found.gradient.item() ** 2))
    assert (classify(network, SOFT_XOR, slow, sweeps).kind == ("moving",)) == moves
    _, dE_dw = network.derivatives(SOFT_XOR.inputs, SOFT_XOR.desired.unsqueeze(2))
    step = 1e-4
    after = Network(TWO_UNITS, {key: w.detach() - step * dE_dw[key] for key, w in network.weights.items()})
    fallen = (found.E - E_of(after, SOFT_XOR)).item()
    assert fallen == pytest.approx(step * found.gradient.item() ** 2, rel=1e-3)


def test_a_minimum():
    """A network without hidden units that has its own outputs to give: E = 0, and every other weight gives others."""
    architecture = PLANS["no hidden"].architecture
    network, cases = Network(architecture, random_weights(architecture, 1)), random_task(architecture)
    task = Task("its own", cases.inputs, network(cases.inputs)[..., 0].detach(), cases.cases)
    found = classify(network, task, PHASE, 10_000)
    assert found.kind == ("minimum",)
    assert (found.E.item(), found.gradient.item(), found.negative.item(), found.flat.item()) == (0, 0, 0, 0)
    away = Network(architecture, {key: w.detach() + 0.5 for key, w in network.weights.items()})
    way = trust_region_newton(away, task, 1e-6)
    assert way.end == ("solved",)
    for key, w in network.weights.items():
        torch.testing.assert_close(way.weights[key], w.detach(), rtol=0, atol=1e-4)


def test_solved_exclusive_or_has_flat_directions():
    """The printed network of P Fig. 3, made exact: 4 cases can hold at most 4 of its 7 weights.

    "moving", since what is left of E is still being lost: its kind is a matter of E as it is, however small.
    """
    printed = Network(XOR.architecture, XOR.replica())
    already = trust_region_newton(printed, SOFT_XOR, 0.1)
    assert (already.end, already.steps.item()) == (("solved",), 0)
    exact = trust_region_newton(printed, SOFT_XOR, 1e-9)
    found = classify(Network(XOR.architecture, exact.weights), SOFT_XOR, PHASE, 10_000)
    assert exact.end == ("solved",)
    assert found.E.item() < 1e-17
    assert found.gradient.item() < 1e-9
    assert (found.negative.item(), found.flat.item()) == (0, 3)
    assert found.kind == ("moving",)


def test_the_printed_local_minimum_lies_at_infinity():
    """P Fig. 5: E nears 0.16, two outputs at 0.5, and what is done further only makes the weights larger (P p.333)."""
    printed = Network(TWO_UNITS, XOR_LOCAL_MINIMUM.replica())
    there = printed(SOFT_XOR.inputs)[:, 0, 0].detach()
    way = trust_region_newton(printed, SOFT_XOR, 0.1)
    end = Network(TWO_UNITS, way.weights)
    found, before = (classify(network, SOFT_XOR, PHASE, 10_000) for network in (end, printed))
    assert way.end == ("stuck",)
    assert found.E.item() == pytest.approx(2 * 0.4**2 / 2, abs=1e-8)
    assert stuck_as_printed(end(SOFT_XOR.inputs)[:, 0].detach(), there).all()
    assert found.size > 2 * before.size
    assert found.kind == ("flat",)
    assert found.negative.item() == 0
    assert found.lowest.abs() < 1e-6


def test_training_at_a_minimum_at_infinity():
    """One weight, no bias, input 1 to give 1 and input 0 to give 0: E nears 1/8 + exp(-2w) / 2.

    After t sweeps that weight's curvature is (1 - α) / (ε t), a tenth of what is clear: flat.
    """
    architecture = Architecture({"input": 1, "output": 1}, {"output": ["input"]}, biases=[])
    both = torch.tensor([[0.0], [1.0]], dtype=torch.float64)
    task, phase, sweeps = Task("copy", {"input": both}, both, ("0", "1")), Phase(0.5, 0.9), 10_000
    population = Population.start(architecture, (0,), 0.3, torch.float64)
    for _ in train(population, task, Learning((phase,), sweeps), Criterion(0.0), every=sweeps):
        pass
    found = classify(Network(architecture, population.weights), task, phase, sweeps)
    assert found.E.item() == pytest.approx(1 / 8, rel=1e-3)
    assert found.lowest.item() == pytest.approx(0.1 / (0.5 * sweeps), rel=0.1)
    assert (found.kind, found.flat.item()) == (("flat",), 1)


# Against the reference -------------------------------------------------------------------------------------


def by_differences(plan: Plan, task: Task, weights: dict[str, Tensor], r: int) -> tuple[float, np.ndarray]:
    """The length of the gradient by the reference's loops, and the eigenvalues of the differences of it."""
    w, (cases, d), step = to_reference(weights, r), cases_of(task), 1e-5

    def slopes(weight: reference.Weight, by: float) -> np.ndarray:
        found = reference.derivatives(plan.net, {**w, weight: w[weight] + by}, cases, d)
        return np.array([found[key] for key in w])

    rows = [(slopes(weight, step) - slopes(weight, -step)) / (2 * step) for weight in w]
    second = np.array(rows)
    return float(np.linalg.norm(slopes(next(iter(w)), 0.0))), np.linalg.eigvalsh((second + second.T) / 2)


def assert_as_reference(plan: Plan, architecture: Architecture) -> None:
    task, weights = random_task(architecture), random_weights(architecture, 2)
    found = classify(Network(architecture, weights), task, PHASE, 1_000)
    clear = clear_curvature(PHASE, 1_000)
    for r in range(2):
        gradient, eigenvalues = by_differences(plan, task, weights, r)
        assert found.gradient[r].item() == pytest.approx(gradient, rel=1e-12)
        assert found.lowest[r].item() == pytest.approx(eigenvalues[0], rel=1e-6, abs=1e-9)
        assert found.highest[r].item() == pytest.approx(eigenvalues[-1], rel=1e-7)
        assert found.negative[r] == (eigenvalues < -clear).sum()
        assert found.flat[r] == (abs(eigenvalues) <= clear).sum()
        squares = sum(w * w for w in to_reference(weights, r).values())
        assert found.size[r].item() == pytest.approx(math.sqrt(squares), rel=1e-13)


@pytest.mark.parametrize("name", ["xor 2-1-1", "symmetry 6-2-1", "two inputs, every link", "shared", "no biases"])
def test_places_against_finite_differences(name):
    assert_as_reference(PLANS[name], PLANS[name].architecture)


def test_a_slope_wrong_by_a_twentieth_of_a_percent_is_seen():
    wrong = differentiable(LOGISTIC.y, lambda dE_dy, x, y: 1.0005 * LOGISTIC.dE_dx(dE_dy, x, y))
    plan = PLANS["symmetry 6-2-1"]
    architecture = Architecture(plan.groups, plan.links, functions={"hidden": wrong})
    with pytest.raises(AssertionError):
        assert_as_reference(plan, architecture)


def test_the_lowest_error_against_scipy():
    """Without hidden units: BFGS on the reference's E and derivatives ends at the same weights."""
    plan = PLANS["no hidden"]
    task, weights = random_task(plan.architecture), random_weights(plan.architecture, 3)
    way, (cases, d) = trust_region_newton(Network(plan.architecture, weights), task, 0.0), cases_of(task)
    assert way.end == ("stuck",) * 3
    for r in range(3):
        names = list(to_reference(weights, r))

        def both(values, names=names):
            w = dict(zip(names, values, strict=True))
            dE_dw = reference.derivatives(plan.net, w, cases, d)
            E = reference.error(reference.outputs(plan.net, w, cases), d)
            return E, np.array([dE_dw[name] for name in names])

        there = minimize(both, list(to_reference(weights, r).values()), jac=True, method="BFGS", options={"gtol": 1e-9})
        ended = to_reference(way.weights, r)
        assert [ended[name] for name in names] == pytest.approx(there.x.tolist(), abs=1e-5)
        assert E_of(Network(plan.architecture, way.weights), task)[r].item() == pytest.approx(there.fun, rel=1e-12)


# The way down ----------------------------------------------------------------------------------------------


def models() -> tuple[Tensor, Tensor, Tensor]:
    """Slopes and curvatures of 4 weights: all signs, no slope, none along the lowest curvature, no curvature."""
    generator = torch.Generator().manual_seed(5)
    g = torch.randn(4, 40, generator=generator, dtype=torch.float64)
    turn = torch.linalg.qr(torch.randn(40, 4, 4, generator=generator, dtype=torch.float64)).Q
    curvatures = torch.randn(40, 4, generator=generator, dtype=torch.float64)
    curvatures[:10] = curvatures[:10].abs() + 0.1
    curvatures[10:20, 0] = -0.5
    curvatures[10:20, 1:] = curvatures[10:20, 1:].abs()
    g[:, 10:15] = 0
    g[:, 15:20] = (turn[15:20, :, 1:] @ torch.ones(5, 3, 1).double())[..., 0].T * 0.1
    curvatures[20] = 0
    H = (turn @ curvatures.diag_embed() @ turn.mT).permute(1, 2, 0)
    radius = torch.linspace(0.1, 3, 40, dtype=torch.float64)
    radius[:5] = 100
    return g, H, radius


def test_the_step_is_the_lowest_point_within_the_radius():
    """p is that exactly where, for some μ of at least 0, (H + μ) p = -g, no curvature of H + μ is negative, and either
    μ is 0 or p reaches the radius (Moré & Sorensen)."""
    g, H, radius = models()
    p, fall = trust_region_step(g, H, radius)
    Hp = torch.einsum("jir,ir->jr", H, p)
    torch.testing.assert_close(fall, -(g * p).sum(dim=0) - (p * Hp).sum(dim=0) / 2, rtol=1e-12, atol=1e-14)
    mu = -(p * (Hp + g)).sum(dim=0) / (p * p).sum(dim=0)
    torch.testing.assert_close(Hp + mu * p, -g, rtol=0, atol=1e-9)
    lowest = torch.linalg.eigvalsh(H.permute(2, 0, 1))[:, 0]
    assert (lowest + mu > -1e-9).all()
    assert (mu > -1e-12).all()
    length = p.norm(dim=0)
    assert (length <= radius * (1 + 1e-12)).all()
    inside = length < radius * (1 - 1e-9)
    assert mu[inside].abs().max() < 1e-12
    assert inside.nonzero()[:, 0].tolist() == [0, 1, 2, 3, 4]


def test_no_slope_and_no_curvature_is_no_step():
    p, fall = trust_region_step(torch.zeros(3, 2).double(), torch.zeros(3, 3, 2).double(), torch.ones(2).double())
    assert p.abs().max() == 0
    assert fall.abs().max() == 0


def test_down_and_never_up(monkeypatch):
    """Step by step, for 8 networks: no step is longer than LONGEST_STEP, and E is lower all along it."""
    network, longest = Network(TWO_UNITS, random_weights(TWO_UNITS, 8, seed=3)), 0.0
    monkeypatch.setattr(trust_region, "MOST_STEPS", 1)
    w = {key: value.detach() for key, value in network.weights.items()}
    for _ in range(25):
        way = trust_region_newton(Network(TWO_UNITS, w), SOFT_XOR, 0.1)
        assert set(way.end) <= {"falling", "solved", "stuck"}
        here = [w]
        for n in range(1, 21):
            here.append({key: w[key] + (way.weights[key] - w[key]) * n / 20 for key in w})
        E = torch.stack([E_of(Network(TWO_UNITS, each), SOFT_XOR) for each in here])
        assert (E.diff(dim=0) <= 1e-14).all()
        gone = torch.cat([(way.weights[key] - w[key]).flatten(0, 1) for key in w]).norm(dim=0)
        longest = max(longest, gone.max().item())
        assert ((gone > 0) == (way.steps == 1)).all()
        w = way.weights
    assert 0 < longest <= LONGEST_STEP
    assert (E[-1] < E_of(network, SOFT_XOR)).all()


def test_what_is_left_falling(monkeypatch):
    start = Network(TWO_UNITS, XOR_LOCAL_MINIMUM.replica())
    monkeypatch.setattr(trust_region, "MOST_STEPS", 3)
    way = trust_region_newton(start, SOFT_XOR, 0.1)
    assert way.end == ("falling",)
    assert way.steps.item() <= 3


def test_replicas_by_themselves():
    weights = random_weights(TWO_UNITS, 4, seed=7)
    together = trust_region_newton(Network(TWO_UNITS, weights), SOFT_XOR, 0.1)
    places = classify(Network(TWO_UNITS, weights), SOFT_XOR, PHASE, 1_000)
    for r in range(4):
        alone = Network(TWO_UNITS, {key: w[..., r : r + 1] for key, w in weights.items()})
        one, there = trust_region_newton(alone, SOFT_XOR, 0.1), classify(alone, SOFT_XOR, PHASE, 1_000)
        assert one.end[0] == together.end[r]
        assert there.kind[0] == places.kind[r]
        assert there.lowest.item() == pytest.approx(places.lowest[r].item(), rel=1e-10)
        E, E_alone = (E_of(Network(TWO_UNITS, way.weights), SOFT_XOR) for way in (together, one))
        assert E_alone.item() == pytest.approx(E[r].item(), rel=1e-6)


def test_the_networks_stay_where_they_are():
    weights = random_weights(TWO_UNITS, 2)
    network = Network(TWO_UNITS, {key: w.clone() for key, w in weights.items()})
    trust_region_newton(network, SOFT_XOR, 0.1)
    for key, w in weights.items():
        assert network.weights[key].equal(w)
        assert network.weights[key].grad is None


# Refused ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "ask", [lambda n: classify(n, SOFT_XOR, PHASE, 10), lambda n: trust_region_newton(n, SOFT_XOR, 0.1)]
)
def test_weights_that_are_refused(ask):
    weights = random_weights(TWO_UNITS, 2)
    with pytest.raises(ValueError, match=r"weights of .*hidden are torch\.float32: second derivatives need float"):
        ask(Network(TWO_UNITS, {key: w.float() for key, w in weights.items()}))
    weights["bias->output"][0, 0, 1] = math.nan
    with pytest.raises(ValueError, match="weights of bias->output are not all finite"):
        ask(Network(TWO_UNITS, weights))


@pytest.mark.parametrize(("epsilon", "sweeps"), [(0.0, 10), (0.1, 0)])
def test_training_that_changes_nothing_is_refused(epsilon, sweeps):
    with pytest.raises(ValueError, match=rf"epsilon={epsilon}, sweeps={sweeps}: training that changes no weight"):
        clear_curvature(Phase(epsilon), sweeps)
