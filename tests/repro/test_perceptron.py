"""The rules from before back-propagation, against slow loops over cases, units and weights that share no code."""

import itertools

import numpy as np
import pytest
import torch
from torch import Tensor

from repro.perceptron import (
    cases_right,
    delta_rule,
    even_epsilon,
    inputs_of,
    integer_weights,
    least_error,
    perceptron,
    separable,
    weight_change,
)
from repro.population import NEVER
from repro.tasks import Task
from repro.tasks.at_least import at_least
from repro.tasks.parity import parity
from repro.tasks.symmetry import symmetry
from repro.tasks.xor import xor


def two_groups_and_outputs() -> Task:
    """Two input groups; of the two outputs one is exclusive-or, which keeps the whole from being learned."""
    bits = parity(3).inputs["input"]
    desired = torch.cat([at_least(2, 3).desired, (bits[:, :1] != bits[:, 1:2]).double()], dim=1)
    return Task("both", {"left": bits[:, :1], "right": bits[:, 1:]}, desired, parity(3).cases)


TASKS = {
    "xor": xor(),
    "symmetry of 4": symmetry(4),
    "parity of 3": parity(3),
    "and": at_least(2, 2),
    "or": at_least(1, 2),
    "majority of 5": at_least(3, 5),
    "two groups and outputs": two_groups_and_outputs(),
}
SOLVABLE = {"and", "or", "majority of 5"}
each_task = pytest.mark.parametrize("name", TASKS)


def floats(task: Task, replicas: int) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    shape = (task.desired.shape[1], inputs_of(task).shape[1], replicas)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def lists(task: Task) -> tuple[list[list[int]], list[list[int]]]:
    """Inputs with the unit that is always 1, and desired outputs, as whole numbers in lists."""
    cases = [[int(v) for group in task.inputs.values() for v in group[c]] + [1] for c in range(len(task.cases))]
    return cases, [[int(v) for v in d] for d in task.desired]


# The perceptron convergence procedure --------------------------------------------------------------------


def slow_perceptron(task: Task, w: list[list[int]], sweeps: int) -> tuple:
    """(weights, most right, solved at, enters, period) of one network, with every earlier state compared."""
    cases, d = lists(task)
    w, states, most = [list(row) for row in w], [], 0

    def on(j: int, case: list[int]) -> int:
        return 1 if sum(weight * value for weight, value in zip(w[j], case, strict=True)) > 0 else 0

    for sweep in range(sweeps + 1):
        right = sum(all(on(j, case) == d[c][j] for j in range(len(w))) for c, case in enumerate(cases))
        most = max(most, right)
        if right == len(cases):
            return w, most, sweep, NEVER, NEVER
        for before, state in enumerate(states):
            if state == w:
                return w, most, NEVER, before, sweep - before
        if sweep == sweeps:
            return w, most, NEVER, NEVER, NEVER
        states.append([list(row) for row in w])
        for c, case in enumerate(cases):
            for j, y in enumerate([on(j, case) for j in range(len(w))]):
                for i, value in enumerate(case):
                    w[j][i] += (d[c][j] - y) * value
    raise AssertionError("not reached")


@each_task
@pytest.mark.parametrize("sweeps", [1, 4, 200])
def test_perceptron_is_the_slow_one(name, sweeps):
    task, replicas = TASKS[name], 24
    start = integer_weights(task, range(replicas), 4)
    untouched = start.clone()
    found = perceptron(task, start, sweeps)
    assert start.equal(untouched)
    for r in range(replicas):
        w, *expected = slow_perceptron(task, start[..., r].tolist(), sweeps)
        assert found.weights[..., r].tolist() == w
        columns = (found.most_right, found.learned_at, found.enters, found.period)
        assert [column[r].item() for column in columns] == expected


@each_task
def test_perceptrons_solve_the_task_or_go_round(name):
    """The two theorems, for every replica: never both, and never neither."""
    found = perceptron(TASKS[name], integer_weights(TASKS[name], range(100), 3), 1_000)
    solved, cycles = found.learned_at != NEVER, found.period != NEVER
    assert solved.all() if name in SOLVABLE else cycles.all()
    assert not (solved & cycles).any()
    assert (cycles == (found.enters != NEVER)).all()
    assert ((found.most_right == len(TASKS[name].cases)) == solved).all()


def test_perceptron_by_hand():
    """Exclusive-or from zeros: (-1, 0, 0) after a sweep, (-1, 0, 1) after two and ever after; two cases right."""
    found = perceptron(xor(), torch.zeros(1, 3, 1, dtype=torch.int64), 50)
    assert found.weights.flatten().tolist() == [-1, 0, 1]
    assert (found.enters.item(), found.period.item(), found.most_right.item()) == (2, 1, 2)
    assert found.learned_at.item() == NEVER
    one = perceptron(xor(), torch.zeros(1, 3, 1, dtype=torch.int64), 1)
    assert one.weights.flatten().tolist() == [-1, 0, 0]
    assert one.period.item() == NEVER


def test_what_has_come_back_goes_on_coming_back():
    """From the weights at which a replica stopped, the same number of sweeps leads to them again."""
    found = perceptron(symmetry(), integer_weights(symmetry(), range(40), 3), 1_000)
    assert found.period.max() > 1
    again = perceptron(symmetry(), found.weights, 1_000)
    assert again.enters.tolist() == [0] * 40
    assert again.period.equal(found.period)
    assert again.weights.equal(found.weights)


def test_what_is_right_already_stays():
    """Weights of 1 and a bias that calls for 3 of 5."""
    start = torch.tensor([2, 2, 2, 2, 2, -5]).reshape(1, 6, 1)
    found = perceptron(at_least(3, 5), start, 10)
    assert found.learned_at.item() == 0
    assert found.weights.equal(start)


def test_replicas_go_by_themselves():
    start = integer_weights(symmetry(4), range(10), 3)
    together = perceptron(symmetry(4), start, 100)
    for r in range(10):
        alone = perceptron(symmetry(4), start[..., r : r + 1], 100)
        assert alone.weights[..., 0].equal(together.weights[..., r])
        assert alone.period.item() == together.period[r].item()


def test_first_weights():
    task = two_groups_and_outputs()
    drawn = integer_weights(task, range(400), 3)
    assert drawn.shape == (2, 4, 400)
    assert drawn.dtype == torch.int64
    counts = torch.bincount(drawn.flatten() + 3)
    assert len(counts) == 7
    assert counts.min() > 0.8 * counts.max()
    assert integer_weights(task, [7, 3], 3).equal(drawn[..., [7, 3]])


# The delta rule ------------------------------------------------------------------------------------------


def slow_change(task: Task, w: list[list[float]], epsilon: float) -> list[list[float]]:
    cases, d = lists(task)
    change = [[0.0] * len(row) for row in w]
    for c, case in enumerate(cases):
        for j in range(len(w)):
            y = sum(weight * value for weight, value in zip(w[j], case, strict=True))
            for i, value in enumerate(case):
                change[j][i] += epsilon * (d[c][j] - y) * value
    return change


@each_task
def test_delta_rule_is_the_slow_one(name):
    task = TASKS[name]
    cases, d = lists(task)
    start, epsilon, sweeps = floats(task, 3), 0.7 * even_epsilon(task), 6
    found = delta_rule(task, start, epsilon, sweeps)
    for r in range(3):
        w, learned_at = start[..., r].tolist(), NEVER
        for sweep in range(sweeps + 1):
            y = [[sum(a * b for a, b in zip(row, case, strict=True)) for row in w] for case in cases]
            sides = [all((y[c][j] > 0.5) == (d[c][j] == 1) for j in range(len(w))) for c in range(len(cases))]
            learned_at = sweep if all(sides) and learned_at == NEVER else learned_at
            if sweep < sweeps:
                change = slow_change(task, w, epsilon)
                w = [[a + b for a, b in zip(*two, strict=True)] for two in zip(w, change, strict=True)]
        E = sum((y[c][j] - d[c][j]) ** 2 / 2 for c in range(len(cases)) for j in range(len(w)))
        np.testing.assert_allclose(found.weights[..., r], w, rtol=1e-12, atol=1e-13)
        assert found.E[r].item() == pytest.approx(E, rel=1e-12)
        assert (found.right[r].item(), found.learned_at[r].item()) == (sum(sides), learned_at)


def slope_is_right(task: Task, w: Tensor, change: Tensor) -> bool:
    """Whether a change at ε = 1 is minus the derivative of (3), with y = x, by torch's own autograd."""
    leaf = w.clone().requires_grad_()
    y = torch.einsum("ci,jir->cjr", inputs_of(task).squeeze(2), leaf)
    (slope,) = torch.autograd.grad(((y - task.desired.unsqueeze(2)) ** 2).sum() / 2, leaf)
    return bool(torch.allclose(change, -slope, rtol=1e-10, atol=1e-12))


@each_task
def test_delta_rule_descends_E(name):
    """With a control: a change wrong by 0.05 % is not taken for the derivative."""
    task = TASKS[name]
    w, inputs, d = floats(task, 3), inputs_of(task), task.desired.unsqueeze(2)
    change = weight_change((inputs.unsqueeze(1) * w).sum(2), d, inputs, 1.0)
    assert slope_is_right(task, w, change)
    assert not slope_is_right(task, w, 1.0005 * change)


LEAST = {"xor": 1 / 2, "symmetry of 4": 3 / 2, "parity of 3": 1, "and": 1 / 8, "or": 1 / 8}
"""Exclusive-or, parity and symmetry: no input tells anything, every output is the mean answer, so E is ½ n m (1 - m).

AND and OR: every output is ¼ off."""


@pytest.mark.parametrize("name", LEAST)
def test_delta_rule_ends_at_the_least_E(name):
    task = TASKS[name]
    found = delta_rule(task, floats(task, 4), even_epsilon(task), 1_000)
    assert least_error(task) == pytest.approx(LEAST[name], abs=1e-14)
    np.testing.assert_allclose(found.E, LEAST[name], atol=1e-13)
    inputs, d = (part.numpy() for part in (inputs_of(task).squeeze(2), task.desired))
    best = np.linalg.solve(inputs.T @ inputs, inputs.T @ d).T
    np.testing.assert_allclose(found.weights, np.broadcast_to(best[..., None], found.weights.shape), atol=1e-12)


def test_half_way_is_on_neither_side():
    """Where the delta rule leaves exclusive-or, rounding alone says above or below ½."""
    found = delta_rule(xor(), floats(xor(), 50), even_epsilon(xor()), 1_000)
    y = (inputs_of(xor()).unsqueeze(1) * found.weights).sum(2)
    assert (y - 0.5).abs().max() < 1e-12
    assert found.right.tolist() == [0] * 50
    assert (found.learned_at == NEVER).all()
    sides = torch.tensor([0.5 - 1e-16, 0.5 + 1e-16, 0.49, 0.51]).double().reshape(1, 1, 4)
    assert cases_right(sides, torch.ones(1, 1, 1)).tolist() == [0, 0, 0, 1]
    assert cases_right(sides, torch.zeros(1, 1, 1)).tolist() == [0, 0, 1, 0]


@each_task
def test_the_largest_epsilon_is_twice_the_even_one(name):
    task = TASKS[name]
    below, above = (delta_rule(task, floats(task, 2), factor * even_epsilon(task), 400) for factor in (1.9, 2.1))
    assert below.E.max() < least_error(task) + 1e-3
    assert above.E.min() > 1e6


# Whether there are any weights ---------------------------------------------------------------------------


@each_task
def test_separable(name):
    assert separable(TASKS[name]) == (name in SOLVABLE)


@pytest.mark.parametrize(("length", "can"), [(2, 14), (3, 104)])
def test_separable_functions_are_counted(length, can):
    """Of the 16 functions of two bits all but exclusive-or and its opposite; of the 256 of three bits, 104."""
    inputs, cases = parity(length).inputs, parity(length).cases
    tables = itertools.product((0.0, 1.0), repeat=2**length)
    functions = (Task("table", inputs, torch.tensor(table).double().unsqueeze(1), cases) for table in tables)
    assert sum(map(separable, functions)) == can


@pytest.mark.parametrize(
    ("task", "on", "off"),
    [(xor(), ("01", "10"), ("00", "11")), (symmetry(), ("000000", "111111"), ("000001", "111110"))],
    ids=["xor", "symmetry"],
)
def test_four_cases_prove_that_there_are_none(task, on, off):
    """Two that should be on have the same sum as two that should be off: so have their x, with any weights."""
    cases, d = lists(task)

    def total(names: tuple[str, str], wanted: int) -> list[int]:
        numbers = [task.cases.index(name) for name in names]
        assert [d[c] for c in numbers] == [[wanted], [wanted]]
        return [sum(values) for values in zip(*(cases[c] for c in numbers), strict=True)]

    assert total(on, 1) == total(off, 0)
    assert not separable(task)


def test_one_case_can_make_it_impossible():
    """Exclusive-or without the case 00 can be done; symmetry without its first case still cannot."""
    for task, c, possible in ((xor(), 0, True), (symmetry(), 0, False), (at_least(4, 6), 5, True)):
        kept = [n for n in range(len(task.cases)) if n != c]
        fewer = Task("fewer", {"input": task.inputs["input"][kept]}, task.desired[kept], tuple(task.cases[1:]))
        assert separable(fewer) == possible


def test_at_least():
    assert at_least(2, 2).desired.flatten().tolist() == [0, 0, 0, 1]
    assert at_least(1, 2).desired.flatten().tolist() == [0, 1, 1, 1]
    majority = at_least(4, 6)
    assert majority.desired.sum() == 22  # 15 + 6 + 1
    assert all((d == 1) == (name.count("1") >= 4) for name, d in zip(majority.cases, majority.desired, strict=True))


# Refused -------------------------------------------------------------------------------------------------

WHOLE, FRACTIONS = torch.zeros(1, 3, 2, dtype=torch.int64), torch.zeros(1, 3, 2)
SOFT = xor().with_targets(0.1, 0.9)


@pytest.mark.parametrize(
    ("refused", "message"),
    [
        (lambda: perceptron(xor(), FRACTIONS, 9), "weights are torch.float32: must be int64"),
        (lambda: perceptron(xor(), WHOLE[:, :2], 9), r"weights have shape \(1, 2, 2\), not \(1, 3\) \+ \(replicas,\)"),
        (lambda: perceptron(xor(), WHOLE[..., 0], 9), r"weights have shape \(1, 3\), not \(1, 3\) \+"),
        (lambda: perceptron(xor(), WHOLE, 0), "sweeps=0: must be at least 1"),
        (lambda: perceptron(SOFT, WHOLE, 9), "the task 'xor' wants outputs other than 0 and 1"),
        (lambda: delta_rule(xor(), WHOLE, 0.1, 9), "weights are torch.int64: the delta rule needs fractions"),
        (lambda: delta_rule(xor(), FRACTIONS, 0.0, 9), "epsilon=0.0: must be a number above 0"),
        (lambda: delta_rule(xor(), FRACTIONS, float("nan"), 9), "epsilon=nan"),
        (lambda: delta_rule(xor(), FRACTIONS[:, :2], 0.1, 9), "weights have shape"),
        (lambda: delta_rule(xor(), FRACTIONS, 0.1, 0), "sweeps=0"),
        (lambda: delta_rule(SOFT, FRACTIONS, 0.1, 9), "wants outputs other than 0 and 1"),
        (lambda: separable(SOFT), "wants outputs other than 0 and 1"),
        (lambda: integer_weights(xor(), range(2), -1), "largest=-1: must be at least 0"),
        (lambda: at_least(0, 2), "at least 0 of 2 units"),
        (lambda: at_least(3, 2), "at least 3 of 2 units"),
    ],
)
def test_refused(refused, message):
    with pytest.raises(ValueError, match=message):
        refused()
