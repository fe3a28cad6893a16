"""Compiled sweeps: the numbers of the explicit ones, compiled once a training and not again.

What torch compiles is seen by a backend that counts and otherwise leaves the operations as they are; those marked
slow go through the real one, which writes C++.
"""

import functools

import pytest
import torch
from torch._dynamo.testing import CompileCounter
from torch._dynamo.utils import counters

from repro.errors import ErrorMeasure
from repro.learning import Phase
from repro.tasks.family_trees import family_trees, random_splits
from repro.tasks.symmetry import symmetry
from repro.tasks.xor import xor
from repro.training import Criterion, Learning
from tests.plans import FAMILY_TREES, PLANS
from tests.test_training import NEVER, assert_same, finish, started

XOR = PLANS["xor 2-1-1"]
PHASES = (Phase(0.05, 0.5, 20), Phase(0.1, 0.9))
H = ErrorMeasure(satisfied="unit", measured_from="bound")
TASKS = {
    "xor": (XOR, xor(), {}),
    "symmetry": (PLANS["symmetry 6-2-1"], symmetry(), {}),
    "family trees": (
        FAMILY_TREES,
        family_trees(),
        {"measure": H, "held_out": random_splits(family_trees(), range(6))},
    ),
}
each_task = pytest.mark.parametrize(("plan", "task", "more"), TASKS.values(), ids=TASKS.keys())


@pytest.fixture
def counted(monkeypatch):
    """Counts how often a graph is compiled."""
    counter = CompileCounter()
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend=counter))
    torch._dynamo.reset()
    yield counter
    torch._dynamo.reset()


@pytest.fixture
def fresh_compiler():
    torch._dynamo.reset()
    counters.clear()
    yield
    torch._dynamo.reset()


def compiled_and_explicit(plan, task, learning, criterion=NEVER, replicas=6, **options):
    pair = []
    for backward_pass in ("compiled", "explicit"):
        population = started(plan, range(replicas), initial_range=1.0)
        pair.append(finish(population, task, learning, criterion, backward_pass=backward_pass, **options))
    return pair


@each_task
def test_compiled_is_explicit_and_compiled_once(plan, task, more, counted):
    """50 sweeps, a look every 10, a switch of phases between."""
    compiled, explicit = compiled_and_explicit(plan, task, Learning(PHASES, 50, 0.002), every=10, **more)
    assert counted.frame_count == 1
    assert_same(compiled, explicit, 1e-10)


@pytest.mark.slow
# torch's own compiler calls what torch itself has deprecated
@each_task
@pytest.mark.usefixtures("fresh_compiler")
def test_compiled_to_machine_code_is_explicit_and_compiled_once(plan, task, more):
    """Where the results come back in a layout of the compiler's choice, the next sweep must not mind."""
    compiled, explicit = compiled_and_explicit(plan, task, Learning(PHASES, 50, 0.002), every=10, **more)
    assert counters["stats"]["unique_graphs"] == 1
    assert_same(compiled, explicit, 1e-10)


def test_replicas_that_stop_need_no_new_compilation(counted):
    """They leave; the chunk is filled up with copies, so that it keeps its shape."""
    learning, criterion = Learning((Phase(0.5, 0.9),), 200), Criterion(0.35)
    compiled, explicit = compiled_and_explicit(XOR, xor(), learning, criterion, replicas=8, every=20, chunk=3)
    assert len(set(compiled.met_at.tolist())) > 3
    assert counted.frame_count == 1
    assert_same(compiled, explicit, 1e-10)


def test_the_same_sweep_with_other_numbers_is_compiled_once(counted):
    """Another epsilon, alpha, or desired output is a number in a tensor; another decay is a number in the code."""
    trainings = [
        (xor(), Learning(PHASES, 5, 0.002), 1),
        (xor(), Learning((Phase(0.3, 0.1),), 7, 0.002), 1),
        (xor().with_targets(0.1, 0.9), Learning(PHASES, 5, 0.002), 1),
        (xor(), Learning(PHASES, 5, 0.003), 2),
    ]
    for task, learning, graphs in trainings:
        assert_same(*compiled_and_explicit(XOR, task, learning, every=5), 1e-12)
        assert counted.frame_count == graphs


def test_many_settings_in_one_process_are_all_compiled(counted):
    """As in a search or a multirun: torch by itself stops compiling after 8, and does not say so to anyone."""
    for n in range(1, 11):
        assert_same(*compiled_and_explicit(XOR, xor(), Learning(PHASES, 2, decay=n / 1000)), 1e-12)
    assert counted.frame_count == 10


def test_weights_changed_after_every_case_are_not_compiled(counted):
    learning = Learning(PHASES, 5, per_case=True)
    compiled, explicit = compiled_and_explicit(XOR, xor(), learning)
    assert counted.frame_count == 0
    assert_same(compiled, explicit, 0.0)
