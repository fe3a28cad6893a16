"""Compiled sweeps: the numbers of the explicit ones, whatever the company, compiled once a training and not again.

What torch compiles is seen by a backend that counts and otherwise leaves the operations as they are; those marked
slow go through the real one, which writes C++.
"""

import sys

import pytest
import torch
from torch._dynamo.testing import CompileCounter
from torch._dynamo.utils import counters

from repro.errors import ErrorMeasure
from repro.learning import Phase
from repro.lesson import Criterion, Learning
from repro.population import LANES
from repro.tasks.family_trees import family_trees, random_splits
from repro.tasks.symmetry import symmetry
from repro.tasks.xor import xor
from repro.training import train
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
        {"measure": H, "held_out": random_splits(family_trees(), range(40))},
    ),
}
each_task = pytest.mark.parametrize(("plan", "task", "more"), TASKS.values(), ids=TASKS.keys())


@pytest.fixture
def counted(monkeypatch):
    """Counts how often a graph is compiled."""
    counter, compile = CompileCounter(), torch.compile

    def counting(f, options, **others):
        return compile(f, backend=counter, **others)

    monkeypatch.setattr(torch, "compile", counting)
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
    for compile in (True, False):
        population = started(plan, range(replicas), initial_range=1.0)
        pair.append(finish(population, task, learning, criterion, compile=compile, **options))
    return pair


@each_task
def test_compiled_is_explicit_and_compiled_once(plan, task, more, counted):
    """50 sweeps, a look every 10, a switch of phases between."""
    compiled, explicit = compiled_and_explicit(plan, task, Learning(PHASES, 50, 0.002), replicas=40, every=10, **more)
    assert counted.frame_count == 1
    assert_same(compiled, explicit, 1e-10)


@pytest.mark.slow
@each_task
@pytest.mark.usefixtures("fresh_compiler")
def test_machine_code_is_explicit_and_compiled_once(plan, task, more):
    """In float64, to 1e-10: 50 sweeps, in two threads of several chunks each."""
    learning = Learning(PHASES, 50, 0.002)
    compiled, explicit = compiled_and_explicit(plan, task, learning, replicas=40, every=10, workers=2, chunk=16, **more)
    assert counters["stats"]["unique_graphs"] == 1
    assert_same(compiled, explicit, 1e-10)


@pytest.mark.slow
@each_task
@pytest.mark.usefixtures("fresh_compiler")
def test_machine_code_gives_a_replica_the_same_bits_in_any_company(plan, task, more):
    """In float32: by itself, among 40, in chunks of 16 or of 64, in one thread or in two."""
    rules, held_out = (task, Learning(PHASES, 60, 0.002), Criterion(0.4)), more.get("held_out")
    whole, chunked = (
        finish(started(plan, range(40), torch.float32), *rules, every=15, compile=True, **size, **more)
        for size in ({"chunk": 64}, {"chunk": LANES, "workers": 2})
    )
    assert_same(whole, chunked, 0.0)
    own = more if held_out is None else {**more, "held_out": held_out[:, 37:38]}
    alone = finish(started(plan, [37], torch.float32), *rules, every=60, compile=True, **own)
    assert_same(whole, alone, 0.0, slice(37, 38))


@pytest.mark.slow
@pytest.mark.usefixtures("fresh_compiler")
def test_machine_code_changes_weights_after_every_case():
    learning = Learning(PHASES, 40, 0.002, per_case=True)
    held_out = torch.tensor([[True], [False], [False], [False]])
    compiled, explicit = compiled_and_explicit(XOR, xor(), learning, Criterion(0.3), every=10, held_out=held_out)
    assert counters["stats"]["unique_graphs"] == 1
    assert_same(compiled, explicit, 1e-10)


@pytest.mark.slow
@pytest.mark.usefixtures("fresh_compiler")
def test_threads_share_the_machine_code():
    """8,000 calls by 8 threads that take turns at every chance: what torch keeps for all must not get mixed up."""
    learning = Learning((Phase(0.25, 0.9),), 200)
    shared, alone = (started(XOR, range(640), torch.float32) for _ in range(2))
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        finish(shared, xor(), learning, compile=True, chunk=LANES, workers=8)
    finally:
        sys.setswitchinterval(usual)
    finish(alone, xor(), learning, every=200, compile=True, chunk=1024)
    assert_same(shared, alone, 0.0)


def test_replicas_that_stop_need_no_new_compilation(counted):
    """They leave; the chunk, here of the usual size, is filled up with copies, so that it keeps its shape."""
    learning, criterion = Learning((Phase(0.5, 0.9),), 200), Criterion(0.35)
    compiled, explicit = compiled_and_explicit(XOR, xor(), learning, criterion, replicas=100, every=20)
    assert int(compiled.met.sum()) > 60
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


@pytest.mark.slow
def test_many_settings_in_one_process_are_all_compiled(counted):
    """As in a search or a multirun: torch by itself stops compiling after 8, and does not say so to anyone."""
    for n in range(1, 11):
        assert_same(*compiled_and_explicit(XOR, xor(), Learning(PHASES, 2, decay=n / 1000)), 1e-12)
    assert counted.frame_count == 10


def test_autograd_is_not_compiled():
    with pytest.raises(ValueError, match="compile=True"):
        next(train(started(XOR, [0]), xor(), Learning(PHASES, 5), NEVER, backward_pass="autograd", compile=True))
