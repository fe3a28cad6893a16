"""Compiled sweeps: the numbers of the explicit ones, whatever the company, compiled once a training and not again."""

import sys
from dataclasses import replace

import pytest
import torch

from repro import backends
from repro.errors import ErrorMeasure
from repro.learning import Phase
from repro.machine_code import build
from repro.output_functions import SOFTSIGN, TANH
from repro.population import LANES
from repro.tasks import Task
from repro.tasks.family_trees import family_trees, random_splits
from repro.tasks.symmetry import symmetry
from repro.tasks.xor import xor
from repro.training_setup import Criterion, Learning, TrainingSetup
from tests.plans import FAMILY_TREES, PLANS
from tests.repro.test_training import UNENDING, assert_same, finish, started
from tests.setups import train

XOR = PLANS["xor 2-1-1"]
PHASES = (Phase(0.05, 0.5, 20), Phase(0.1, 0.9))
H = ErrorMeasure(satisfied="unit", measured_from="bound")
TASKS = {
    "xor": (XOR, xor(), {}),
    "symmetry": (PLANS["symmetry 6-2-1"], symmetry(), {}),
    "family trees": (
        FAMILY_TREES,
        family_trees(),
        {"error_measure": H, "held_out": random_splits(family_trees(), range(40))},
    ),
}
LARGE = {"family trees"}
each_task = pytest.mark.parametrize(
    ("plan", "task", "more"),
    [pytest.param(*each, marks=pytest.mark.slow if name in LARGE else (), id=name) for name, each in TASKS.items()],
)


@pytest.fixture
def nothing_compiled(monkeypatch):
    """As in a process that has compiled nothing yet; what a test compiles is kept for no other."""
    monkeypatch.setattr(backends, "MACHINE_CODE", {})


@pytest.fixture
def programs(monkeypatch, nothing_compiled):
    """The C++ programs that are asked for, in order."""
    asked, library = [], build.library
    monkeypatch.setattr(build, "library", lambda source, real: asked.append(source) or library(source, real))
    return asked


def compiled_and_explicit(plan, task, learning, criterion=UNENDING, replicas=6, **options):
    pair = []
    for compile in (True, False):
        population = started(plan, range(replicas), initial_range=1.0)
        pair.append(finish(population, task, learning, criterion, compile=compile, **options))
    return pair


@each_task
def test_machine_code_is_explicit_and_compiled_once(plan, task, more, programs):
    """In float64, to 1e-12: 50 sweeps, a snapshot every 10, a switch of phases, two threads of several chunks each."""
    learning = Learning(PHASES, 50, 0.002)
    compiled, explicit = compiled_and_explicit(plan, task, learning, replicas=40, every=10, workers=2, chunk=16, **more)
    assert len(programs) == 1
    assert_same(compiled, explicit, 1e-12)


@each_task
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


def test_machine_code_changes_weights_after_every_case(programs):
    learning = Learning(PHASES, 40, 0.002, per_case=True)
    held_out = torch.tensor([[True], [False], [False], [False]])
    compiled, explicit = compiled_and_explicit(XOR, xor(), learning, Criterion(0.3), every=10, held_out=held_out)
    assert len(programs) == 1
    assert_same(compiled, explicit, 1e-12)


@pytest.mark.slow
@pytest.mark.usefixtures("nothing_compiled")
def test_threads_share_the_machine_code():
    """8,000 calls by 8 threads that take turns at every chance: what is kept for all must not get mixed up."""
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


def test_replicas_that_stop_need_no_new_compilation(programs):
    """They leave, and the code takes as many as there are."""
    learning, criterion = Learning((Phase(0.5, 0.9),), 200), Criterion(0.35)
    compiled, explicit = compiled_and_explicit(XOR, xor(), learning, criterion, replicas=100, every=20)
    assert int(compiled.learned.sum()) > 60
    assert len(set(compiled.learned_at.tolist())) > 3
    assert len(programs) == 1
    assert_same(compiled, explicit, 1e-12)


SETUP = TrainingSetup(XOR.architecture, xor(), Learning(PHASES, 5, 0.002), Criterion(0.3), ErrorMeasure(), None)


def other_learning(**options) -> TrainingSetup:
    return replace(SETUP, learning=replace(SETUP.learning, **options))


SAME_CODE = {
    "epsilon and alpha": other_learning(phases=(Phase(0.3, 0.1),)),
    "one phase more": other_learning(phases=(Phase(0.02, 0.0, 2), *PHASES)),
    "sweeps": other_learning(sweeps=9),
    "decay": other_learning(decay=0.003),
    "the same, made anew": replace(SETUP, architecture=XOR.architecture, task=xor(), error_measure=ErrorMeasure()),
}
OTHER_CODE = {
    "function": replace(SETUP, architecture=replace(SETUP.architecture, functions={"hidden": TANH})),
    "another function": replace(SETUP, architecture=replace(SETUP.architecture, functions={"hidden": SOFTSIGN})),
    "hidden units": replace(
        SETUP, architecture=replace(SETUP.architecture, groups={"input": 2, "hidden": 2, "output": 1})
    ),
    "links": replace(
        SETUP, architecture=replace(SETUP.architecture, links={"hidden": ["input"], "output": ["hidden"]})
    ),
    "biases": replace(SETUP, architecture=replace(SETUP.architecture, biases=["output"])),
    "desired outputs": replace(SETUP, task=xor().with_targets(0.1, 0.9)),
    "cases in another order": replace(
        SETUP, task=Task("xor", {"input": xor().inputs["input"].flip(0)}, xor().desired.flip(0), xor().cases[::-1])
    ),
    "tolerance": replace(SETUP, criterion=Criterion(0.4)),
    "going on after it": replace(SETUP, criterion=Criterion(0.3, stop=False)),
    "error measure": replace(SETUP, error_measure=ErrorMeasure(form="cross_entropy")),
    "bound": replace(SETUP, error_measure=ErrorMeasure(satisfied="unit", measured_from="bound", on_bound=0.9)),
    "no decay": other_learning(decay=0.0),
    "decay of what": other_learning(decay_of="carried"),
    "decay of biases": other_learning(decay_biases=False),
    "by fan-in": other_learning(per_fan_in=True),
    "after every case": other_learning(per_case=True),
}


@pytest.mark.parametrize("name", [*SAME_CODE, *OTHER_CODE])
def test_only_a_set_up_that_differs_in_more_than_numbers_is_compiled(monkeypatch, name):
    """How many pieces of machine code two set-ups need, and whether the second is handed the first one's."""
    monkeypatch.setattr(backends, "MACHINE_CODE", {})
    other = {**SAME_CODE, **OTHER_CODE}[name]
    for setup in (SETUP, other, SETUP, other):
        backends.compiled(setup)
    assert len(backends.MACHINE_CODE) == (1 if name in SAME_CODE else 2)


def trained_by(setup: TrainingSetup, compile: bool):
    population = started(XOR, range(6), initial_range=1.0)
    options = {"error_measure": setup.error_measure, "held_out": setup.held_out, "every": 5, "compile": compile}
    return finish(population, setup.task, setup.learning, setup.criterion, **options)


def test_code_that_was_kept_does_what_a_set_up_says(programs):
    """One after the other in one process: set-ups that share code, and set-ups that must not, each as it is written."""
    trainings = [
        (SETUP, 1),
        (SAME_CODE["epsilon and alpha"], 1),
        (SAME_CODE["one phase more"], 1),
        (SAME_CODE["sweeps"], 1),
        (OTHER_CODE["desired outputs"], 2),
        (OTHER_CODE["cases in another order"], 3),
        (SAME_CODE["decay"], 3),
        (OTHER_CODE["no decay"], 4),
        (OTHER_CODE["error measure"], 5),
        (SETUP, 5),
    ]
    for setup, count in trainings:
        assert_same(trained_by(setup, compile=True), trained_by(setup, compile=False), 1e-12)
        assert len(programs) == len(set(programs)) == count


def test_kept_code_takes_other_cases_held_out(programs):
    """Which cases a replica learns is no part of the code; whether some are held out is."""
    for out, count in (([0], 1), ([3], 1), ([], 2), ([1, 2], 2)):
        held_out = torch.tensor([[case in out] for case in range(4)]) if out else None
        setup = replace(SETUP, held_out=held_out)
        assert_same(trained_by(setup, compile=True), trained_by(setup, compile=False), 1e-12)
        assert len(programs) == count


def test_autograd_is_not_compiled():
    with pytest.raises(ValueError, match="compile=True"):
        next(train(started(XOR, [0]), xor(), Learning(PHASES, 5), UNENDING, backward_pass="autograd", compile=True))
