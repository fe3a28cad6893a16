"""Populations trained side by side: each as it would be trained alone, snapshot for snapshot."""

from dataclasses import replace

import pytest
import torch

from repro.choices import DecayOf
from repro.errors import ErrorMeasure
from repro.learning import Phase, phase_of
from repro.output_functions import TANH
from repro.population import Population
from repro.side_by_side import Part, joined_learning, train_side_by_side
from repro.tasks.family_trees import family_trees, random_splits
from repro.tasks.xor import xor
from repro.training import train
from repro.training_setup import Criterion, Learning, TrainingSetup
from tests.plans import FAMILY_TREES, PLANS
from tests.repro.test_backends_compiled import nothing_compiled  # noqa: F401
from tests.repro.test_training import assert_same

XOR = PLANS["xor 2-1-1"].architecture
FIRST, SECOND = torch.eye(4, dtype=torch.bool)[:, :2], torch.tensor([[False], [False], [True], [False]])
H = ErrorMeasure(satisfied="unit", measured_from="bound")


def xor_part(seeds, epsilon, alpha=0.9, sweeps=120, every=20, opening=(), stop=True, held_out=None, **more) -> Part:
    learning = Learning((*opening, Phase(epsilon, alpha)), sweeps, **{"decay": 0.0, **more})
    setup = TrainingSetup(XOR, xor(), learning, Criterion(0.35, stop), held_out=held_out)
    return Part(Population.start(XOR, seeds, 0.5, torch.float64), setup, every)


def family_part(seeds, epsilon, dtype=torch.float32) -> Part:
    architecture, task = FAMILY_TREES.architecture, family_trees()
    learning = Learning((Phase(epsilon / 2, 0.5, 20), Phase(epsilon, 0.9)), 40, 0.002)
    setup = TrainingSetup(architecture, task, learning, Criterion(0.2), H, random_splits(task, seeds))
    return Part(Population.start(architecture, seeds, 0.3, dtype), setup, 20)


GROUPS = {
    "one alone": lambda: [xor_part(range(5), 0.5)],
    "epsilon, alpha, seeds and how many": lambda: [
        xor_part(range(7), 0.5),
        xor_part(range(3, 5), 0.3, 0.0),
        xor_part(range(20), 1.5, 0.8),
    ],
    "phases": lambda: [
        xor_part(range(5), 0.5, opening=(Phase(0.1, 0.0, 30), Phase(0.2, 0.5, 17))),
        xor_part(range(5), 0.5),
        xor_part(range(5), 0.5, opening=(Phase(0.7, 0.1, 30),)),
    ],
    "decay": lambda: [xor_part(range(5), 0.5, decay=decay) for decay in (0.001, 0.0001)],
    "when one ends": lambda: [
        xor_part(range(9), 0.5, sweeps=90, every=7),
        xor_part(range(9), 0.6, sweeps=150, every=60),
        xor_part(range(9), 0.1, sweeps=60, every=60),
        xor_part(range(9), 0.7, sweeps=150, every=50),
        xor_part(range(2), 0.7, sweeps=0),
    ],
    "all stop, and some show it later": lambda: [
        xor_part([2, 6], 0.9, sweeps=2000, every=5),
        xor_part([2, 6], 0.95, sweeps=2000, every=333),
    ],
    "without stopping": lambda: [
        xor_part(range(5), 0.5, sweeps=100, stop=False),
        xor_part(range(5), 0.9, sweeps=130, stop=False),
    ],
    "cases held out": lambda: [
        xor_part([0, 1], 0.5, held_out=FIRST),
        xor_part(range(3), 0.6, held_out=SECOND),
    ],
    "after every case": lambda: [xor_part(range(4), epsilon, 0.0, per_case=True) for epsilon in (0.5, 0.7)],
}
each_group = pytest.mark.parametrize("name", GROUPS)


def kept(population: Population) -> Population:
    return population.take(range(len(population.seeds)))


def assert_as_alone(parts: list[Part], alone: list[Part], within: float, **ways) -> None:
    found: list[list[tuple[int, Population]]] = [[] for _ in parts]
    for number, snapshot in train_side_by_side(parts, **ways):
        assert snapshot.population is parts[number].population
        found[number].append((snapshot.sweep, kept(snapshot.population)))
    for mine, part in zip(found, alone, strict=True):
        theirs = [(s.sweep, kept(s.population)) for s in train(part.population, part.setup, part.every, **ways)]
        assert [sweep for sweep, _ in mine] == [sweep for sweep, _ in theirs]
        for (sweep, one), (_, other) in zip(mine, theirs, strict=True):
            assert one.sweep == other.sweep == sweep
            assert one.seeds == other.seeds
            assert_same(one, other, within)


@pytest.mark.parametrize(
    ("name", "backward_pass"), [*((name, "explicit") for name in GROUPS), ("phases", "autograd"), ("decay", "autograd")]
)
def test_each_is_trained_as_it_would_be_alone(name, backward_pass):
    assert_as_alone(GROUPS[name](), GROUPS[name](), 1e-9, backward_pass=backward_pass, chunk=64, workers=2)


def test_the_groups_are_what_they_are_called():
    """Some stop and some do not; in one all stop, at sweeps that are no snapshots of the other."""
    stopped = {}
    for name in ("epsilon, alpha, seeds and how many", "when one ends", "all stop, and some show it later"):
        parts = GROUPS[name]()
        ends = dict(train_side_by_side(parts))
        stopped[name] = [part.stopped for part in parts]
        if all(stopped[name]):
            assert [ends[0].sweep % 333, ends[1].sweep % 333] == [ends[0].sweep, 0]
            assert parts[1].population.learned_at.max() + 5 < ends[1].sweep
    assert [all(each) for each in stopped.values()] == [False, False, True]


def finished(population: Population) -> dict[str, torch.Tensor]:
    return {
        **{f"w {k}": w for k, w in population.weights.items()},
        **{f"d {k}": d for k, d in population.delta_w.items()},
    }


@pytest.mark.parametrize("reads", [0, 1, 3])
@pytest.mark.parametrize(
    "name", ["epsilon, alpha, seeds and how many", "when one ends", "all stop, and some show it later"]
)
def test_weights_are_there_when_they_are_asked_for(name, reads):
    """By machine code, which may be ahead of the snapshots: asked for never, at each, at each third; and at the end."""
    parts, alone = (
        [replace(part, population=Population.start(XOR, part.population.seeds, 0.5)) for part in GROUPS[name]()]
        for _ in range(2)
    )
    seen: dict[tuple[int, int], dict[str, torch.Tensor]] = {}
    for count, (number, snapshot) in enumerate(train_side_by_side(parts, compile=True)):
        if reads and count % reads == 0:
            seen[number, snapshot.sweep] = finished(kept(snapshot.population))
    for number, (mine, part) in enumerate(zip(parts, alone, strict=True)):
        for snapshot in train(part.population, part.setup, part.every, compile=True):
            if (number, snapshot.sweep) in seen:
                now = finished(snapshot.population)
                assert all(w.equal(now[key]) for key, w in seen[number, snapshot.sweep].items())
        assert_same(mine.population, part.population, 0.0)
    assert bool(seen) == bool(reads)


def test_looks_are_cheap(monkeypatch):
    """Where nobody asks for the weights, none are brought up to date but the last of each."""
    asked, become = [], Population.become

    def noting(population: Population, of: Population, begin: int, sweep: int) -> None:
        become(population, of, begin, sweep)
        own = population.catch_up

        def catch_up() -> None:
            asked.append((id(population), sweep))
            own()

        population.catch_up = catch_up

    monkeypatch.setattr(Population, "become", noting)
    parts = [xor_part(range(3), 0.1, every=1), xor_part(range(3), 0.2, every=1)]
    assert sum(1 for _ in train_side_by_side(parts)) == 2 * 121
    assert asked == [(id(part.population), 120) for part in parts]


@pytest.mark.slow
@pytest.mark.usefixtures("nothing_compiled")
@each_group
def test_machine_code_gives_each_the_bits_that_it_has_alone(name):
    parts, alone = (
        [replace(part, population=Population.start(XOR, part.population.seeds, 0.5)) for part in GROUPS[name]()]
        for _ in range(2)
    )
    assert_as_alone(parts, alone, 0.0, compile=True, workers=2)


@pytest.mark.slow
@pytest.mark.usefixtures("nothing_compiled")
def test_machine_code_gives_family_trees_the_bits_that_they_have_alone():
    parts, alone = ([family_part(range(6), 0.01), family_part(range(4, 40), 0.2)] for _ in range(2))
    assert_as_alone(parts, alone, 0.0, compile=True)


def test_phases_side_by_side_by_hand():
    one = Learning((Phase(1.0, 0.5, 10), Phase(2.0, 0.5, 5), Phase(3.0, 0.5)), 100, 0.25)
    other = Learning((Phase(4.0, 0.5, 12), Phase(2.0, 0.5)), 200, 0.25)
    both = joined_learning([one, other], [1, 2])
    assert [phase.sweeps for phase in both.phases] == [10, 2, 3, None]
    assert [phase.epsilon.tolist() for phase in both.phases if not isinstance(phase.epsilon, float)] == [
        [1, 4, 4],
        [2, 4, 4],
        [3, 2, 2],
    ]
    assert both.phases[2].epsilon == 2.0  # all have it
    assert (both.phases[0].alpha, both.decay, both.sweeps) == (0.5, 0.25, 200)
    for sweep in (1, 10, 11, 12, 13, 15, 16, 1000):
        now = torch.as_tensor(phase_of(both.phases, sweep).epsilon).expand(3).tolist()
        assert now == [phase_of(learning.phases, sweep).epsilon for learning in (one, other, other)]


def test_a_phase_without_an_end_has_none_after_it():
    endless = Learning((Phase(1.0, sweeps=5), Phase(2.0), Phase(3.0, sweeps=7), Phase(4.0)), 9)
    both = joined_learning([endless, Learning((Phase(5.0),), 9)], [1, 1])
    assert [phase.sweeps for phase in both.phases] == [5, None]


def other(part: Part, **changes) -> Part:
    return replace(part, setup=replace(part.setup, **changes))


PART = xor_part(range(3), 0.5)
APART = {
    "the network": other(PART, architecture=replace(XOR, functions={"hidden": TANH})),
    "the task": other(PART, task=xor().with_targets(0.1, 0.9)),
    "the criterion": xor_part(range(3), 0.5, stop=False),
    "the error measure": other(PART, error_measure=H),
    "whether cases are held out": other(PART, held_out=SECOND),
    "whether weights decay": xor_part(range(3), 0.5, decay=0.1),
    "how weights change": other(PART, learning=replace(PART.setup.learning, decay_of=DecayOf.carried)),
    "the precision or device": replace(PART, population=Population.start(XOR, range(3), 0.5)),
    "the sweeps done": replace(PART, population=replace(PART.population, sweep=5)),
}


@pytest.mark.parametrize("name", APART)
def test_others_cannot_be_side_by_side(name):
    with pytest.raises(ValueError, match=f"^{name}: not the same for all populations, which can then not be trained"):
        next(train_side_by_side([PART, APART[name]]))


def test_none_may_have_begun():
    with pytest.raises(ValueError, match="populations that have begun cannot be"):
        next(train_side_by_side([APART["the sweeps done"]]))


def test_what_is_wrong_alone_is_wrong_side_by_side():
    with pytest.raises(ValueError, match="workers=0"):
        next(train_side_by_side([PART], workers=0))
