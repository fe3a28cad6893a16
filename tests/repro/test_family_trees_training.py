"""The whole network of N Fig. 3 against the loops of the reference, under every reading; and cases held out."""

import functools
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from repro.errors import ErrorMeasure
from repro.learning import Phase
from repro.measures.family_trees import cases_satisfied
from repro.networks import Network
from repro.population import NEVER, Population
from repro.tasks import Task
from repro.tasks.family_trees import family_trees, named_split, random_splits
from repro.tasks.xor import xor
from repro.training_setup import Criterion, Learning
from tests import reference
from tests.plans import FAMILY_TREES, PLANS, Plan, cases_of, largest_gap, to_reference
from tests.repro.test_training import FAST, UNENDING, assert_same, finish, fixed_start, ours, reference_of, started
from tests.setups import train

TASK = family_trees()
ONE_ANSWER = replace(family_trees(both_answers=False), name="one answer")
H = reference.Rule(satisfied="unit", measured_from="bound")
SMALL = ((2, 0.005, 0.5), (1, 0.01, 0.9))
"""The printed phases, the switch after 2 sweeps in place of 20."""

SYMMETRIC_UNITS = Plan(
    FAMILY_TREES.groups,
    FAMILY_TREES.links,
    symmetric=["person_code", "relation_code", "central", "penultimate"],
)

LITERAL = {"rule": H, "decay": 0.002}
READINGS = {
    "literal": LITERAL,
    "biases keep": {**LITERAL, "decay_biases": False},
    "no decay": {"rule": H},
    "decay carried": {**LITERAL, "decay_of": "carried"},
    "decay carried, biases keep": {**LITERAL, "decay_of": "carried", "decay_biases": False},
    "decay of the change": {**LITERAL, "decay_of": "change"},
    "N alone": {**LITERAL, "rule": reference.Rule(satisfied="unit")},
    "whole cases": {**LITERAL, "rule": reference.Rule(satisfied="case")},
    "(3) and (4)": {**LITERAL, "rule": reference.Rule()},
    "cross-entropy": {**LITERAL, "rule": reference.Rule("cross_entropy", "unit")},
    "cross-entropy from the bound": {**LITERAL, "rule": reference.Rule("cross_entropy", "unit", "bound")},
    "no half": {**LITERAL, "rule": replace(H, factor=2.0)},
    "by fan-in": {**LITERAL, "per_fan_in": True},
    "after every case": {**LITERAL, "per_case": True},
    "after every case, by fan-in, biases keep": {
        **LITERAL,
        "per_case": True,
        "per_fan_in": True,
        "decay_biases": False,
    },
}


def measure_of(rule: reference.Rule) -> ErrorMeasure:
    return ErrorMeasure(rule.form, rule.satisfied, rule.measured_from, rule.on, rule.off, rule.factor)


def learning_of(phases, sweeps: int, rule: reference.Rule, **more) -> tuple[Learning, ErrorMeasure]:
    return Learning(ours(phases), sweeps, **more), measure_of(rule)


@functools.cache
def learned() -> dict[str, Tensor]:
    """Weights of one network, half way through learning: some cases are satisfied, some are not."""
    population = started(FAMILY_TREES, [0], initial_range=1.0)
    phases = (Phase(0.05, 0.5, 20), Phase(0.1, 0.9))
    finish(population, TASK, Learning(phases, 400, 0.002), every=400, error_measure=measure_of(H))
    return population.weights


def half_way(replicas: int = 1, plan: Plan = FAMILY_TREES) -> Population:
    population = started(plan, range(replicas))
    population.weights = {key: w.clone().expand(-1, -1, replicas).contiguous() for key, w in learned().items()}
    return population


def follow(plan, population, task, sweeps, backward_pass, held_out=None, out=((),), **reading) -> list:
    """Train, and compare weights, last changes and E with the reference at every sweep. Gives its moments."""
    moments = [
        reference_of(plan, population, r, task, SMALL, sweeps, held_out=cases, **reading) for r, cases in enumerate(out)
    ]
    learning, measure = learning_of(SMALL, sweeps, **reading)
    snapshots = train(
        population, task, learning, UNENDING, backward_pass=backward_pass, error_measure=measure, held_out=held_out
    )
    for snapshot in snapshots:
        for r, expected in enumerate(moments):
            assert largest_gap(to_reference(population.weights, r), expected[snapshot.sweep].w) < 1e-11
            assert largest_gap(to_reference(population.delta_w, r), expected[snapshot.sweep].change) < 1e-11
            assert population.E[r].item() == pytest.approx(expected[snapshot.sweep].E, rel=1e-11)
    assert population.sweep == sweeps
    return moments


each_pass = pytest.mark.parametrize("backward_pass", ["explicit", "autograd"])


# Against the reference -----------------------------------------------------------------------------------


def test_half_way_some_cases_are_satisfied():
    with torch.no_grad():
        y = Network(FAMILY_TREES.architecture, learned())(TASK.inputs)
    assert 3 <= cases_satisfied(y, TASK.desired).sum() < 100
    beyond = torch.where(TASK.desired.unsqueeze(2) > 0.5, y > 0.8, y < 0.2)
    assert 1000 < beyond.sum() < 104 * 24


@each_pass
def test_golden_trajectory_of_the_settings_as_printed(backward_pass):
    """From the printed initial range, with the printed phases (their first cut to 3 sweeps), 4 cases held out."""
    population = started(FAMILY_TREES, [5, 6], initial_range=0.3)
    splits = random_splits(TASK, [5, 6])
    out = [tuple(split.nonzero()[:, 0].tolist()) for split in splits.T]
    assert out[0] != out[1]
    phases, sweeps = ((3, 0.005, 0.5), (1, 0.01, 0.9)), 6
    moments = [
        reference_of(FAMILY_TREES, population, r, TASK, phases, sweeps, held_out=out[r], **LITERAL) for r in (0, 1)
    ]
    learning, measure = learning_of(phases, sweeps, **LITERAL)
    snapshots = train(
        population, TASK, learning, UNENDING, backward_pass=backward_pass, error_measure=measure, held_out=splits
    )
    for snapshot in snapshots:
        for r in (0, 1):
            expected = moments[r][snapshot.sweep]
            assert largest_gap(to_reference(population.weights, r), expected.w) < 1e-12
            assert largest_gap(to_reference(population.delta_w, r), expected.change) < 1e-12
            assert population.E[r].item() == pytest.approx(expected.E, rel=1e-12)
    assert moments[0][-1].E < moments[0][0].E / 1.5


@pytest.mark.parametrize("backward_pass", ["explicit", pytest.param("autograd", marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", READINGS)
def test_each_reading_follows_the_reference(name, backward_pass):
    """4 sweeps from half way, so that every condition is met by some units and cases and not by others."""
    follow(FAMILY_TREES, half_way(), TASK, 4, backward_pass, out=((7, 50),), held_out=out_of(7, 50), **READINGS[name])


GOLDEN = {0: 114.77673182282585, 1: 100.48196713012238, 3: 51.75718297574845, 8: 27.470596313864533}


def test_golden_literals():
    """E of the reference at some sweeps from a start that needs no generator, so that both cannot drift together."""
    population = fixed_start(FAMILY_TREES)
    moments = reference_of(FAMILY_TREES, population, 0, TASK, SMALL, 8, held_out=(3,), **LITERAL)
    assert [moments[t].E for t in GOLDEN] == pytest.approx(list(GOLDEN.values()), rel=1e-12)
    learning, measure = learning_of(SMALL, 8, **LITERAL)
    snapshots = train(population, TASK, learning, UNENDING, error_measure=measure, held_out=out_of(3))
    found = {snapshot.sweep: snapshot.population.E.item() for snapshot in snapshots}
    assert [found[t] for t in GOLDEN] == pytest.approx(list(GOLDEN.values()), rel=1e-11)


def out_of(*cases: int) -> Tensor:
    out = torch.zeros(104, 1, dtype=torch.bool)
    out[list(cases)] = True
    return out


def test_each_reading_is_another_procedure():
    """What the comparison could miss: by the reference alone, no two of them end with the same weights."""
    ends = {
        name: reference_of(FAMILY_TREES, half_way(), 0, TASK, SMALL, 4, held_out=(7, 50), **reading)[-1].w
        for name, reading in READINGS.items()
    }
    names = list(ends)
    for n, one in enumerate(names):
        for other in names[n + 1 :]:
            assert largest_gap(ends[one], ends[other]) > 1e-6, (one, other)


@each_pass
def test_only_one_of_two_answers(backward_pass):
    moments = follow(FAMILY_TREES, half_way(), ONE_ANSWER, 3, backward_pass, **LITERAL)
    both = reference_of(FAMILY_TREES, half_way(), 0, TASK, SMALL, 3, held_out=(), **LITERAL)
    assert largest_gap(moments[0][-1].w, both[-1].w) > 1e-3


@each_pass
def test_hidden_units_from_minus_1_to_1(backward_pass):
    follow(SYMMETRIC_UNITS, half_way(plan=SYMMETRIC_UNITS), TASK, 3, backward_pass, **LITERAL)


def test_explicit_and_autograd_agree_for_many():
    """20 networks, each with its own split, 30 sweeps; chunks and threads do not matter either."""
    splits = random_splits(TASK, range(20))
    learning, measure = learning_of(((10, 0.05, 0.5), (1, 0.1, 0.9)), 30, **LITERAL)
    explicit, autograd, in_parts = (started(FAMILY_TREES, range(20), initial_range=1.0) for _ in range(3))
    options = {"every": 30, "error_measure": measure, "held_out": splits}
    finish(explicit, TASK, learning, **options)
    finish(autograd, TASK, learning, backward_pass="autograd", **options)
    finish(in_parts, TASK, learning, chunk=3, workers=2, **options)
    assert_same(explicit, autograd, 1e-11)
    assert_same(explicit, in_parts, 1e-11)


# Held out ------------------------------------------------------------------------------------------------


def spoiled(task: Task, case: int) -> Task:
    """The same task with other desired outputs, and another person, in one case."""
    desired, person = task.desired.clone(), task.inputs["person1"].clone()
    desired[case], person[case] = 1 - desired[case], person[case].flip(0)
    return replace(task, desired=desired, inputs={**task.inputs, "person1": person})


@pytest.mark.parametrize("per_case", [False, True], ids=["per sweep", "per case"])
@each_pass
def test_held_out_cases_have_no_influence(backward_pass, per_case):
    """Replica 0 does not learn case 11, replica 1 does not learn case 12: case 11 is spoiled for both."""
    held_out = torch.zeros(104, 2, dtype=torch.bool)
    held_out[11, 0] = held_out[12, 1] = True
    learning, measure = learning_of(SMALL, 2 if per_case else 10, **LITERAL, per_case=per_case)
    plain, other = half_way(2), half_way(2)
    for population, task in ((plain, TASK), (other, spoiled(TASK, 11))):
        finish(population, task, learning, backward_pass=backward_pass, error_measure=measure, held_out=held_out)
    for key, w in plain.weights.items():
        assert w[..., 0].equal(other.weights[key][..., 0])
    assert plain.E[0].equal(other.E[0])
    gaps = [(w[..., 1] - other.weights[key][..., 1]).abs().max() for key, w in plain.weights.items()]
    assert min(gaps) > 1e-4
    assert not plain.E[1].equal(other.E[1])


def test_one_split_for_all_is_that_split_for_each():
    split = named_split(TASK, ["Colin aunt", "James father"])
    learning, measure = learning_of(SMALL, 5, **LITERAL)
    one, each = half_way(3), half_way(3)
    finish(one, TASK, learning, error_measure=measure, held_out=split, chunk=2)
    finish(each, TASK, learning, error_measure=measure, held_out=split.expand(-1, 3), chunk=2)
    assert_same(one, each, 0.0)


def test_holding_out_nothing_is_learning_all():
    learning, measure = learning_of(SMALL, 5, **LITERAL)
    all_cases, none_out = half_way(), half_way()
    finish(all_cases, TASK, learning, error_measure=measure)
    finish(none_out, TASK, learning, error_measure=measure, held_out=torch.zeros(104, 1, dtype=torch.bool))
    assert_same(all_cases, none_out, 1e-13)


@pytest.mark.parametrize("backward_pass", ["explicit", "autograd"])
def test_the_criterion_asks_for_the_learned_cases_only(backward_pass):
    """Exclusive-or without the case 11 is or: it is met by three cases, and 11 stays wrong."""
    population, held_out = started(PLANS["xor 2-1-1"], [0, 1]), torch.tensor([[0], [0], [0], [1]], dtype=torch.bool)
    cases, d = cases_of(xor())
    for r in (0, 1):
        assert reference_of(PLANS["xor 2-1-1"], population, r, xor(), FAST, 150, held_out=(3,))
    counts = []
    for r in (0, 1):
        moments = reference_of(PLANS["xor 2-1-1"], population, r, xor(), FAST, 150, held_out=(3,))
        three = [replace(moment, y=moment.y[:3]) for moment in moments]
        counts.append(reference.first_met(three, d[:3], 0.3))
        assert reference.first_met(moments, d, 0.3) is None
    assert len(cases) == 4
    assert None not in counts
    learning = Learning(ours(FAST), 150)
    finish(population, xor(), learning, Criterion(0.3), every=10, backward_pass=backward_pass, held_out=held_out)
    assert population.learned_at.tolist() == counts
    everything = finish(started(PLANS["xor 2-1-1"], [0, 1]), xor(), learning, Criterion(0.01), every=50)
    assert everything.learned_at.tolist() == [NEVER] * 2
