"""Iterative nets: against slow loops that carry derivatives forward, against layered nets, and in training."""

import math

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck
from torch.autograd.gradcheck import GradcheckError

from repro import equations, iterative_training, networks
from repro.errors import AS_PRINTED, ErrorMeasure
from repro.iterative import (
    Course,
    IterativeNet,
    Lesson,
    Run,
    backward_pass,
    combined,
    derivatives,
    error,
    error_slopes,
    forward_pass,
)
from repro.learning import Phase
from repro.networks import Network
from repro.population import NEVER, Population
from repro.tasks import Task
from repro.training_setup import Criterion, Learning
from tests.gradients import TIGHT, wrong
from tests.setups import train as train_layered

BEYOND = ErrorMeasure(satisfied="unit", measured_from="bound")
CHAIN = torch.tensor([[0, 1, 0, 1], [1, 0, 1, 1], [0, 1, 0, 1]]).bool()
"""The three units of N Fig. 5, with biases."""


def random_of(seed: int, *shape: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def last_step(steps: int, units: int, cases: int = 3, seed: int = 1) -> Course:
    """Something is wanted of every unit at the last step, nothing is held after step 0."""
    held, wanted = (torch.zeros(steps + 1, units, dtype=torch.bool) for _ in range(2))
    held[0], wanted[-1] = True, True
    return Course(random_of(seed, steps + 1, cases, units), held, random_of(seed + 1, steps + 1, cases, units), wanted)


def busy(steps: int = 4, units: int = 4) -> Course:
    """One unit is held for two more steps, another for all; errors at three steps, of one unit and of several."""
    held, wanted = (torch.zeros(steps + 1, units, dtype=torch.bool) for _ in range(2))
    held[0], held[1:3, 0], held[:, 1] = True, True, True
    wanted[2, 2], wanted[3, [0, 2, 3]], wanted[4, 3] = True, True, True
    return Course(random_of(5, steps + 1, 3, units), held, random_of(6, steps + 1, 3, units).round(), wanted)


def some_links(units: int, seed: int) -> Tensor:
    return random_of(seed, units, units + 1) < 0.7


def some_weights(net: IterativeNet, replicas: int = 2, seed: int = 3) -> Tensor:
    """Uniform in ±2, also where there is no link: these must not matter."""
    return 4 * random_of(seed, net.units, net.units + 1, replicas) - 2


# Slow loops: each copy of each weight by itself, its effect carried forward --------------------------------


def slow_run(net: IterativeNet, w: list, course: Course, case: int) -> list[list[float]]:
    """w: a table [to][from] for each step from 1 on."""
    y = [course.given[0, case].tolist()]
    for step in range(1, course.steps + 1):
        now = []
        for j in range(net.units):
            x = 0.0
            for i, below in enumerate([*y[-1], 1.0]):
                if net.links[j, i]:
                    x += w[step - 1][j][i] * below
            now.append(course.given[step, case, j].item() if course.held[step, j] else 1 / (1 + math.exp(-x)))
        y.append(now)
    return y


def slow_slope(y: float, d: float, measure: ErrorMeasure) -> float:
    if measure == AS_PRINTED:
        return y - d
    return min(0.0, y - 0.8) if d > 0.5 else max(0.0, y - 0.2)


def slow_copies(net: IterativeNet, w: Tensor, course: Course, measure: ErrorMeasure = AS_PRINTED) -> Tensor:
    """∂E/∂w of each copy, ``[steps, to, from, replicas]``, by carrying ∂y/∂w forward: no backward pass at all."""
    found = torch.zeros(course.steps, *w.shape, dtype=torch.float64)
    for r in range(w.shape[2]):
        table = w[..., r].tolist()
        for case in range(course.given.shape[1]):
            y = slow_run(net, [table] * course.steps, course, case)
            for copy in range(1, course.steps + 1):
                for to, source in net.links.nonzero().tolist():
                    dy = [0.0] * net.units
                    for step in range(copy, course.steps + 1):
                        new = []
                        for j in range(net.units):
                            dx = sum(table[j][i] * dy[i] for i in range(net.units) if net.links[j, i])
                            if step == copy and j == to:
                                dx += [*y[step - 1], 1.0][source]
                            new.append(0.0 if course.held[step, j] else dx * y[step][j] * (1 - y[step][j]))
                        dy = new
                        for j in range(net.units):
                            if course.wanted[step, j]:
                                slope = slow_slope(y[step][j], course.desired[step, case, j].item(), measure)
                                found[copy - 1, to, source, r] += slope * dy[j]
    return found


def copies_of(net: IterativeNet, w: Tensor, course: Course, measure: ErrorMeasure = AS_PRINTED) -> Tensor:
    y = forward_pass(net, w, course)
    return torch.stack(list(backward_pass(net, w, course, y, error_slopes(course, y, measure)))[::-1])


def assert_right(found: Tensor, expected: Tensor) -> None:
    """To 10 digits of the largest derivative, and of each that is no smaller than a millionth of it."""
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-16 + 1e-13 * expected.abs().max().item())


NETS = {
    "N Fig. 5": (IterativeNet(CHAIN), last_step(3, 3)),
    "one step": (IterativeNet(some_links(3, 0)), last_step(1, 3)),
    "every link": (IterativeNet(torch.ones(3, 4, dtype=torch.bool)), last_step(5, 3)),
    "held, and errors on the way": (IterativeNet(some_links(4, 2)), busy()),
    "no biases": (IterativeNet(torch.cat([torch.ones(4, 4), torch.zeros(4, 1)], dim=1).bool()), busy()),
}
each_net = pytest.mark.parametrize(("net", "course"), NETS.values(), ids=NETS.keys())


@each_net
def test_forward_against_loops(net, course):
    w = some_weights(net)
    y = forward_pass(net, w, course)
    assert len(y) == course.steps + 1
    for r in range(2):
        for case in range(3):
            slow = slow_run(net, [w[..., r].tolist()] * course.steps, course, case)
            for fast, right in zip(y, slow, strict=True):
                assert fast[case, :, min(r, fast.shape[2] - 1)].tolist() == pytest.approx(right, abs=1e-14)


@each_net
@pytest.mark.parametrize("measure", [AS_PRINTED, BEYOND], ids=["as printed", "beyond 0.8 and 0.2"])
def test_each_copys_derivative_against_loops(net, course, measure):
    w = some_weights(net)
    expected = slow_copies(net, w, course, measure)
    assert expected.abs().max() > 1e-3
    assert_right(copies_of(net, w, course, measure), expected)
    y, total = derivatives(net, w, course, "sum", measure)
    assert_right(total, expected.sum(dim=0))
    _, average = derivatives(net, w, course, "average", measure)
    assert_right(average, expected.sum(dim=0) / course.steps)
    assert all(torch.equal(a, b) for a, b in zip(y, forward_pass(net, w, course), strict=True))


@pytest.mark.parametrize("equation", ["dE_dy_output", "dE_dx", "dE_dw", "dE_dy"])
def test_a_backward_pass_wrong_by_a_twentieth_of_a_percent_is_rejected(monkeypatch, equation):
    net, course = NETS["held, and errors on the way"]
    w = some_weights(net)
    expected, right = slow_copies(net, w, course), getattr(equations, equation)
    assert_right(copies_of(net, w, course), expected)
    monkeypatch.setattr(equations, equation, lambda *arguments: 1.0005 * right(*arguments))
    with pytest.raises(AssertionError):
        assert_right(copies_of(net, w, course), expected)


def test_by_hand():
    """Two units, each the other's copy through a weight, two steps: (5), (6), (7), (5), (6)."""
    net = IterativeNet(torch.tensor([[0, 1, 0], [1, 0, 0]]).bool())
    w = torch.tensor([[0, 2, 0], [-3, 0, 0]], dtype=torch.float64).unsqueeze(2)
    held, wanted = (torch.zeros(3, 2, dtype=torch.bool) for _ in range(2))
    held[0], wanted[2, 0] = True, True
    given, desired = torch.zeros(3, 1, 2).double(), torch.zeros(3, 1, 2).double()
    given[0, 0], desired[2, 0, 0] = torch.tensor([1.0, 0.0]), 1.0
    between = 1 / (1 + math.exp(3))  # of unit 1, from unit 0
    end = 1 / (1 + math.exp(-2 * between))
    last = (end - 1) * end * (1 - end)
    course = Course(given, held, desired, wanted)
    first, second = copies_of(net, w, course)[..., 0].tolist()
    assert second == [[0, pytest.approx(last * between, abs=1e-15), 0], [0, 0, 0]]
    assert first == [[0, 0, 0], [pytest.approx(last * 2 * between * (1 - between), abs=1e-15), 0, 0]]
    y = forward_pass(net, w, course)
    assert error(course, y).item() == pytest.approx((end - 1) ** 2 / 2, abs=1e-15)


def test_errors_add_over_the_steps():
    net, course = NETS["held, and errors on the way"]
    y = forward_pass(net, some_weights(net), course)
    total = torch.zeros(2, dtype=torch.float64)
    for step, unit in course.wanted.nonzero().tolist():
        total += ((y[step][:, unit] - course.desired[step, :, unit, None]) ** 2).sum(dim=0) / 2
    torch.testing.assert_close(error(course, y), total, rtol=0, atol=1e-14)


def test_the_history_is_needed():
    """N's first proviso: from the last outputs alone the derivatives are wrong. They would not be in a net at rest."""
    net, course = NETS["held, and errors on the way"]
    w = some_weights(net)
    y = forward_pass(net, w, course)
    forgetful = combined(backward_pass(net, w, course, [y[-1]] * len(y), error_slopes(course, y)), "sum")
    right = slow_copies(net, w, course).sum(dim=0)
    assert (forgetful - right).abs().max() > 0.1 * right.abs().max()


# The layered equivalent -------------------------------------------------------------------------------------


def test_figure_5():
    """Three units run for three steps: four rows of units, and one set of weights for all three layers of links."""
    architecture = IterativeNet(CHAIN).layered_equivalent(3)
    assert dict(architecture.groups) == {f"step {step}": 3 for step in range(4)}
    assert architecture.weight_shapes == {"step 0->step 1": (3, 3), "bias->step 1": (3, 1)}
    assert len(architecture.all_links) == 6


@pytest.mark.parametrize("name", ["N Fig. 5", "one step", "every link"])
def test_the_layered_net_does_the_same(name):
    net, course = NETS[name]
    w = some_weights(net)
    architecture, weights = net.layered_equivalent(course.steps), net.layered_weights(w)
    inputs = {"step 0": course.given[0]}
    activity = architecture.activity(weights, inputs)
    y, total = derivatives(net, w, course, "sum")
    for step in range(course.steps + 1):
        torch.testing.assert_close(activity[f"step {step}"], y[step], rtol=0, atol=1e-15)
    _, dE_dw = networks.derivatives(architecture, weights, inputs, course.desired[-1].unsqueeze(2))
    joined = torch.cat([dE_dw["step 0->step 1"], dE_dw["bias->step 1"]], dim=1)
    assert_right(total, net.existing(joined))
    network = Network(architecture, weights)
    networks.error(network(inputs), course.desired[-1]).sum().backward()
    assert_right(total[:, :-1], net.existing(torch.cat([network.weights[k].grad for k in weights], dim=1))[:, :-1])


def test_it_learns_as_the_layered_net_does():
    """40 sweeps of the sum, by (9): weight for weight those of ``training.train`` on the shared links."""
    net = IterativeNet(torch.ones(3, 4, dtype=torch.bool))
    course, seeds, phase, criterion = last_step(3, 3, cases=5), (4, 7, 9), Phase(0.3, 0.9), Criterion(0.0)
    found = train(net, net.start(seeds, 1.0, torch.float64), course, phase, 40, criterion, "sum", every=7)
    architecture = net.layered_equivalent(3)
    population = Population.start(architecture, seeds, 1.0, torch.float64)
    task = Task("last step", {"step 0": course.given[0]}, course.desired[-1], ("",) * 5)
    for _ in train_layered(population, task, Learning((phase,), 40), criterion, every=40):
        pass
    torch.testing.assert_close(found.w, torch.cat(list(population.weights.values()), dim=1), rtol=0, atol=1e-12)
    torch.testing.assert_close(found.E, population.E, rtol=0, atol=1e-12)


# As a torch.autograd.Function -------------------------------------------------------------------------------


@each_net
def test_run_passes_gradcheck(net, course):
    w = some_weights(net).requires_grad_()
    assert gradcheck(lambda w: Run.apply(w, net, course), (w,), **TIGHT)


def test_run_passes_gradgradcheck():
    net, course = NETS["held, and errors on the way"]
    assert gradgradcheck(lambda w: Run.apply(w, net, course), (some_weights(net, 1).requires_grad_(),), **TIGHT)


def test_a_run_wrong_by_a_twentieth_of_a_percent_fails_gradcheck():
    net, course = NETS["N Fig. 5"]
    w = some_weights(net).requires_grad_()
    with pytest.raises(GradcheckError):
        gradcheck(lambda w: wrong(Run, 1.0005).apply(w, net, course), (w,), **TIGHT)


@each_net
def test_backward_through_run_is_the_written_out_sum(net, course):
    w = some_weights(net).requires_grad_()
    error(course, list(Run.apply(w, net, course))).sum().backward()
    assert_right(w.grad, derivatives(net, w.detach(), course, "sum")[1])


def test_run_takes_a_gradient_without_strides():
    net, course = NETS["held, and errors on the way"]
    w = some_weights(net).requires_grad_()
    (expanded,) = torch.autograd.grad(Run.apply(w, net, course).sum(), w)
    y = Run.apply(w, net, course)
    (full,) = torch.autograd.grad(y, w, torch.ones_like(y))
    torch.testing.assert_close(expanded, full, rtol=0, atol=1e-14)


# Training ---------------------------------------------------------------------------------------------------


def test_the_average_is_the_sum_at_so_many_times_less_epsilon():
    net, course = NETS["held, and errors on the way"]
    w, criterion = net.start(range(3), 0.5, torch.float64), Criterion(0.0)
    total = train(net, w, course, Phase(0.25, 0.9), 30, criterion, "sum")
    average = train(net, w, course, Phase(0.25 * course.steps, 0.9), 30, criterion, "average")
    slower = train(net, w, course, Phase(0.25, 0.9), 30, criterion, "average")
    torch.testing.assert_close(total.w, average.w, rtol=0, atol=1e-11)
    assert (total.w - slower.w).abs().max() > 0.1


def test_the_first_changes_are_by_9():
    net, course = NETS["every link"]
    w = net.start(range(2), 0.5, torch.float64)
    first = w - 0.2 * derivatives(net, w, course)[1]
    second = first - 0.2 * derivatives(net, first, course)[1] + 0.9 * (first - w)
    found = train(net, w, course, Phase(0.2, 0.9), 2, Criterion(0.0))
    torch.testing.assert_close(found.w, second, rtol=0, atol=1e-14)
    assert w.equal(net.start(range(2), 0.5, torch.float64))  # what was given stays


def train(net, w, course, phase, sweeps, criterion, combine="average", measure=AS_PRINTED, highest=None, **options):
    lesson = Lesson(net, course, criterion, combine, measure, highest)
    return iterative_training.train(lesson, w, phase, sweeps, **options)


EASY = last_step(2, 3, cases=1)
ALL = IterativeNet(torch.ones(3, 4, dtype=torch.bool))


def learn(seeds, sweeps, **options):
    options = {"criterion": Criterion(0.05), **options}
    return train(ALL, ALL.start(seeds, 0.5, torch.float64), EASY, Phase(0.5, 0.9), sweeps, **options)


def test_a_net_stops_where_it_first_meets_the_criterion():
    found = learn(range(6), 300)
    assert (found.learned_at > 0).all()
    assert len(set(found.learned_at.tolist())) > 1
    for seed, learned_at in enumerate(found.learned_at.tolist()):
        alone, before = learn((seed,), learned_at, every=1), learn((seed,), learned_at - 1)
        torch.testing.assert_close(found.w[..., seed], alone.w[..., 0], rtol=0, atol=1e-12)
        assert alone.learned_at.tolist() == [learned_at]
        assert before.learned_at.tolist() == [NEVER]
        y = forward_pass(ALL, found.w[..., seed : seed + 1], EASY)
        assert (y[-1][..., 0] - EASY.desired[-1]).abs().max() <= 0.05


def test_without_stop_it_goes_on_from_there():
    stopped, further = learn(range(3), 300), learn(range(3), 300, criterion=Criterion(0.05, stop=False))
    assert further.learned_at.equal(stopped.learned_at)
    assert (further.E < stopped.E).all()


def test_the_criterion_is_for_every_step_at_which_something_is_wanted():
    """Each step has its own largest gap: a tolerance between them is not met."""
    net, course = NETS["held, and errors on the way"]
    w = net.start((0,), 0.5, torch.float64)
    gaps = sorted((y - d).abs().max().item() for _, y, d in course.pairs(forward_pass(net, w, course)))
    assert gaps[0] < gaps[-1] - 0.01
    for tolerance, learned_at in ((gaps[-1] + 0.005, 0), (gaps[-1] - 0.005, NEVER)):
        assert train(net, w, course, Phase(0.0), 1, Criterion(tolerance)).learned_at.tolist() == [learned_at]


def test_chunks_and_looks_change_nothing(monkeypatch):
    whole = learn(range(5), 60)
    monkeypatch.setattr(iterative_training, "CHUNK_BYTES", 1)
    apart = learn(range(5), 60, every=7)
    torch.testing.assert_close(apart.w, whole.w, rtol=0, atol=1e-12)
    assert apart.learned_at.equal(whole.learned_at)


def test_no_weight_is_above_the_highest():
    highest = torch.full((3, 4), torch.inf)
    highest[:, -1] = -0.4
    free, bound = learn(range(3), 40), learn(range(3), 40, highest=highest)
    assert (free.w[:, -1] > -0.4).any()
    assert (bound.w[:, -1] <= -0.4).all()
    assert (bound.w[:, :-1] > 0).any()


def test_links_that_do_not_exist_stay_0():
    net, course = NETS["N Fig. 5"]
    w = train(net, net.start(range(2), 0.5, torch.float64), course, Phase(0.5, 0.9), 10, Criterion(0.0)).w
    assert (w[~CHAIN] == 0).all()
    assert (w[CHAIN] != 0).all()


def test_the_start_is_the_seeds_own():
    net = IterativeNet(CHAIN)
    w = net.start((5, 3), 0.3, torch.float64)
    assert w.shape == (3, 4, 2)
    assert w[..., 1:].equal(net.start((3,), 0.3, torch.float64))
    assert not w[..., 0].equal(w[..., 1])
    assert (w[~CHAIN] == 0).all()
    assert 0.2 < w.abs().max() <= 0.3
    every = IterativeNet(torch.ones(3, 4, dtype=torch.bool)).start((5, 3), 0.3, torch.float64)
    assert net.existing(every).equal(w)


# As machine code ---------------------------------------------------------------------------------------------

COMPILED = {
    "errors on the way, some held": ("held, and errors on the way", {}),
    "added": ("N Fig. 5", {"combine": "sum"}),
    "another measure": (
        "held, and errors on the way",
        {"measure": BEYOND},
    ),
    "none stops": ("N Fig. 5", {"criterion": Criterion(0.3, stop=False)}),
}


@pytest.mark.parametrize("name", [n if n == "added" else pytest.param(n, marks=pytest.mark.slow) for n in COMPILED])
def test_as_machine_code_it_learns_the_same(name):
    """Weights, E and when each learned, in float64 to 1e-11, with limits that some weights are held down to."""
    where, options = COMPILED[name]
    net, course = NETS[where]
    w = net.start(range(5), 1.0, torch.float64)
    highest = torch.full(net.links.shape, torch.inf, dtype=torch.float64)
    highest[:, -1] = -0.4
    rest = {"criterion": Criterion(0.3), "highest": highest, **options}
    one, other = (train(net, w, course, Phase(0.4, 0.9), 25, **rest, compile=compile) for compile in (False, True))
    torch.testing.assert_close(other.w, one.w, rtol=0, atol=1e-11)
    torch.testing.assert_close(other.E, one.E, rtol=0, atol=1e-11)
    assert other.learned_at.equal(one.learned_at)
    assert (one.w[:, -1] == -0.4).any()
    assert not torch.allclose(one.w, net.existing(w), atol=1e-3)


# Refusals ---------------------------------------------------------------------------------------------------


def course_with(**changes) -> Course:
    right = last_step(2, 3)
    parts = {name: getattr(right, name).clone() for name in ("given", "held", "desired", "wanted")}
    return Course(**{**parts, **changes})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"given": torch.zeros(1, 3, 3)}, "given has shape"),
        ({"given": torch.zeros(3, 3)}, "given has shape"),
        ({"desired": torch.zeros(3, 2, 3)}, "desired has shape"),
        ({"held": torch.ones(3, 2).bool()}, "held has shape"),
        ({"wanted": torch.ones(2, 3).bool()}, "wanted has shape"),
        ({"held": torch.zeros(3, 3).bool()}, "held: at step 0"),
        ({"wanted": torch.zeros(3, 3).bool()}, "wanted: no output"),
        ({"held": torch.ones(3, 3).bool()}, "wanted: an output is wanted of a unit that is held"),
    ],
)
def test_courses_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        course_with(**changes)


@pytest.mark.parametrize(
    "links", [torch.ones(3, 3).bool(), torch.ones(3, 4), torch.ones(4).bool(), torch.zeros(3, 4).bool()]
)
def test_links_refused(links):
    with pytest.raises(ValueError, match="links"):
        IterativeNet(links)


def test_training_refused():
    w = ALL.start((0,), 0.3)
    for wrong_w in (w[:, :-1], w[..., 0]):
        with pytest.raises(ValueError, match="w has shape"):
            train(ALL, wrong_w, EASY, Phase(0.1), 1, Criterion(0.1))
    with pytest.raises(ValueError, match="the course is for 4 units, the net has 3"):
        train(ALL, w, last_step(2, 4), Phase(0.1), 1, Criterion(0.1))
    for option in ({"sweeps": 0}, {"sweeps": 1, "every": 0}):
        with pytest.raises(ValueError, match="must be at least 1"):
            train(ALL, w, EASY, Phase(0.1), criterion=Criterion(0.1), **option)
    with pytest.raises(ValueError, match="combine='mean'"):
        train(ALL, w, EASY, Phase(0.1), 1, Criterion(0.1), combine="mean")
    with pytest.raises(ValueError, match="steps=0"):
        ALL.layered_equivalent(0)
