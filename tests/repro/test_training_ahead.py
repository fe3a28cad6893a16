"""Snapshots that are trained in one go: the same to the last byte, also where weights are asked for in between.

What stands for machine code is the sweep as it is written: in whole vectors, which are all that there is here, its
numbers do not depend on the company either.
"""

import functools
import itertools
import time

import pytest
import torch

from repro import backends, training
from repro.learning import Phase
from repro.population import LANES, NEVER, Population
from repro.tasks.symmetry import symmetry
from repro.tasks.xor import xor
from repro.training_setup import Criterion, Learning
from tests.plans import PLANS
from tests.setups import train

XOR, SYMMETRY = PLANS["xor 2-1-1"], PLANS["symmetry 6-2-1"]
SWITCH = (Phase(0.5, 0.5, 31), Phase(1.5, 0.9))
STOPS, GOES_ON = Criterion(0.35), Criterion(0.35, stop=False)
WORLD = 1e9
"""Seconds that no training here takes."""


class Work:
    """What the backend was asked to do: begin, end and number of replicas of each call."""

    def __init__(self):
        self.calls = []

    def sweeps(self):
        return sum(until - begin for begin, until, _ in self.calls)


@pytest.fixture
def work(monkeypatch) -> Work:
    done = Work()

    machine_code = backends.compiled

    def compiled(setup):
        run = machine_code(setup)

        def run_on(state, begin, looks, included, learning):
            done.calls.append((begin, looks[-1], len(state.learned_at)))
            return run(state, begin, looks, included, learning)

        return run_on

    monkeypatch.setattr(backends, "compiled", compiled)
    return done


@pytest.fixture
def stretches(monkeypatch) -> list[int]:
    """How many looks each stretch has."""
    found, go = [], training.Stretch.go

    def counting(stretch, pool):
        found.append(len(stretch.looks))
        go(stretch, pool)

    monkeypatch.setattr(training.Stretch, "go", counting)
    return found


def started(plan=XOR, replicas=LANES) -> Population:
    return Population.start(plan.architecture, range(replicas), 0.5)


def bits(population: Population) -> dict[str, bytes]:
    tensors = {f"w {key}": w for key, w in population.weights.items()}
    tensors |= {f"change {key}": last for key, last in population.delta_w.items()}
    return {name: values.numpy().tobytes() for name, values in tensors.items()}


def told(population: Population, asked, learning, criterion=STOPS, task=None, **options):
    """Of every snapshot its sweep, E and learned_at, and all weights if they are asked for; then those of the end."""
    found = []
    for number, snapshot in enumerate(train(population, task or xor(), learning, criterion, compile=True, **options)):
        assert snapshot.population is population
        assert snapshot.sweep == population.sweep
        found.append((snapshot.sweep, population.E.tolist(), population.learned_at.tolist()))
        if asked(number):
            found.append(bits(population))
    return [*found, bits(population)]


ASKED = {
    "never": lambda number: False,
    "always": lambda number: True,
    "now and then": lambda number: number % 13 == 5,
    "in the midst of much": lambda number: number == 70,
    "twice in a row": lambda number: number in (31, 32, 60),
}
TRAININGS = {
    "some stop": {"learning": Learning(SWITCH, 110), "every": 1},
    "all stop": {"learning": Learning(SWITCH, 2_000), "every": 3},
    "none stops": {"learning": Learning(SWITCH, 110, decay=1e-4), "every": 1, "criterion": GOES_ON},
    "cases held out": {
        "learning": Learning((Phase(0.05, 0.9),), 100),
        "every": 1,
        "held_out": torch.arange(LANES) % 3 == torch.arange(4).unsqueeze(1),
    },
    "weights changed after every case": {"learning": Learning(SWITCH, 90, per_case=True), "every": 1},
    "chunks and workers": {"learning": Learning(SWITCH, 110), "every": 1, "replicas": 70, "chunk": 16, "workers": 2},
}


@functools.cache
def by_itself(name):
    """What is told of each snapshot, and its weights, where none is trained together with another; and the end."""
    options = dict(TRAININGS[name])
    *rows, end = told(started(replicas=options.pop("replicas", LANES)), ASKED["always"], ahead=0, **options)
    return list(zip(rows[::2], rows[1::2], strict=True)), end


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("name", TRAININGS)
@pytest.mark.usefixtures("work")
def test_each_snapshot_is_what_it_would_be_by_itself(stretches, name, asked):
    rows, end = by_itself(name)
    expected = [part for number, row in enumerate(rows) for part in (row if ASKED[asked](number) else row[:1])]
    options = dict(TRAININGS[name])
    stretches.clear()
    found = told(started(replicas=options.pop("replicas", LANES)), ASKED[asked], ahead=WORLD, **options)
    assert found == [*expected, end]
    assert (max(stretches) > 3) == (asked != "always")
    assert len(rows) > 70


@pytest.mark.parametrize("name", TRAININGS)
@pytest.mark.usefixtures("work")
def test_what_these_trainings_are(name):
    rows, _ = by_itself(name)
    sweep, _, learned_at = rows[-1][0]
    assert len({sweeps for sweeps in learned_at if sweeps != NEVER}) > 4
    assert (NEVER in learned_at) == (name != "all stop")
    assert (sweep == TRAININGS[name]["learning"].sweeps) == (name != "all stop")


@pytest.mark.parametrize("name", ["some stop", "chunks and workers"])
def test_who_always_asks_has_nothing_worked_out_twice(work, name):
    options = dict(TRAININGS[name])
    population = started(replicas=options.pop("replicas", LANES))
    told(population, ASKED["always"], ahead=WORLD, **options)
    chunks = sum(call[:2] == (0, 0) for call in work.calls)
    assert chunks == -(-len(population.seeds) // LANES)
    assert 0 < work.sweeps() <= 110 * chunks
    done = [call[:2] for call in work.calls]
    assert max(done.count(call) for call in done) == chunks


def test_who_asks_now_and_then_has_little_worked_out_twice(work):
    for asked, most in (("never", 1), ("now and then", 2), ("in the midst of much", 2)):
        work.calls.clear()
        told(started(), ASKED[asked], Learning(SWITCH, 110), ahead=WORLD)
        assert 110 <= work.sweeps() <= 110 * most


@pytest.mark.usefixtures("work")
@pytest.mark.parametrize("at", [3, 40, 41, 60])
@pytest.mark.parametrize("closed", [False, True])
def test_a_training_that_is_broken_off(at, closed):
    """The weights are those of the snapshot, whenever they are asked for, and a later training goes on from there."""
    learning = Learning(SWITCH, 110)
    whole = started()
    moments = told(whole, ASKED["always"], learning, ahead=0)
    population = started()
    snapshots = train(population, xor(), learning, STOPS, compile=True, ahead=WORLD)
    for snapshot in snapshots:
        if snapshot.sweep == at:
            break
    if closed:
        snapshots.close()
    if at != 41:
        assert bits(population) == moments[2 * at + 1]
    rest = told(population, ASKED["never"], learning, ahead=WORLD)
    assert [row[0] for row in rest[:-1]] == list(range(at, 111))
    assert rest[-1] == moments[-1]
    assert population.E.equal(whole.E)
    assert population.learned_at.equal(whole.learned_at)


@pytest.mark.usefixtures("work")
@pytest.mark.parametrize(
    "ask",
    [
        lambda population: population.replica(3)["input->hidden"],
        lambda population: population.take([3]).weights["input->hidden"][..., 0],
        lambda population: population.cpu().weights["input->hidden"][..., 3],
    ],
)
def test_whatever_asks_has_the_weights_of_that_moment(ask):
    found = []
    for ahead in (0, WORLD):
        population = started()
        for snapshot in train(population, xor(), Learning(SWITCH, 60), STOPS, compile=True, ahead=ahead):
            if snapshot.sweep == 42:
                found.append(ask(population).clone())
    assert found[0].equal(found[1])


@pytest.mark.usefixtures("work")
def test_what_was_put_in_place_at_a_snapshot_is_gone_on_from():
    """As a resumed run does at the first, and here in the midst of a stretch: the weights of others."""
    ends = []
    for ahead in (0, WORLD):
        population, other = started(), Population.start(XOR.architecture, range(50, 50 + LANES), 0.5)
        for snapshot in train(population, xor(), Learning(SWITCH, 80), STOPS, compile=True, ahead=ahead):
            if snapshot.sweep in (0, 41):
                for key, w in population.weights.items():
                    w.copy_(other.weights[key])
                population.learned_at.fill_(NEVER)
        ends.append((bits(population), population.E.tolist(), population.learned_at.tolist()))
    assert ends[0] == ends[1]


@pytest.mark.usefixtures("work")
def test_an_interrupt_waits_for_no_more_than_so_many_seconds(monkeypatch, stretches):
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    go = training.Stretch.go

    def slow(stretch, pool):
        now[0] += 0.25 * len(stretch.looks)
        go(stretch, pool)

    monkeypatch.setattr(training.Stretch, "go", slow)
    for ahead, most in ((0.2, 1), (0.5, 2), (1.1, 4)):
        stretches.clear()
        told(started(), ASKED["never"], Learning(SWITCH, 100), GOES_ON, ahead=ahead)
        assert max(stretches) == most
        assert sum(stretches) == 101


@pytest.mark.usefixtures("work")
def test_memory_has_a_bound(monkeypatch, stretches):
    monkeypatch.setattr(training, "AHEAD_ERRORS", 7 * LANES)
    told(started(), ASKED["never"], Learning(SWITCH, 100), GOES_ON, ahead=WORLD)
    assert max(stretches) == 7
    stretches.clear()
    monkeypatch.setattr(training, "AHEAD_BYTES", 2 * 7 * LANES * 4 - 1)  # of XOR's 7 weights, in float32
    told(started(), ASKED["never"], Learning(SWITCH, 100), GOES_ON, ahead=WORLD)
    assert set(stretches) == {1}


def test_what_is_not_compiled_is_never_ahead(stretches):
    """Its last digits depend on the company, and that on who has stopped by each snapshot."""
    for _ in train(started(), xor(), Learning(SWITCH, 60), STOPS, ahead=WORLD):
        pass
    assert set(stretches) == {1}


def test_replicas_that_have_stopped_leave_once_they_are_many(work):
    """Of 24 chunks: the work shrinks by a sixteenth at a time, no sooner."""
    population = started(replicas=24 * LANES)
    numbers = []
    for _ in train(population, xor(), Learning(SWITCH, 300), STOPS, 10, compile=True, chunk=LANES, ahead=0):
        numbers.append((sum(replicas for *_, replicas in work.calls), int((~population.learned).sum())))
        work.calls.clear()
    swept = [number for number, _ in numbers]
    assert swept[0] == 24 * LANES
    assert swept == sorted(swept, reverse=True)
    assert len(set(swept)) > 3
    for (before, going), (after, _) in itertools.pairwise(numbers):
        assert after in (before, going)
        assert (after == before) == (going > before * 15 / 16)


@pytest.mark.usefixtures("work")
def test_the_weights_of_symmetry_too():
    options = {"learning": Learning((Phase(0.1, 0.9),), 60), "task": symmetry(), "replicas": 100}
    replicas = options.pop("replicas")
    one, other = (told(started(SYMMETRY, replicas), ASKED["never"], ahead=ahead, **options) for ahead in (0, WORLD))
    assert one == other


@pytest.mark.slow
def test_machine_code_ahead():
    """The real one: some stop on the way, and weights are asked for now and then."""
    for asked in ("never", "now and then"):
        one, other = (
            told(started(replicas=70), ASKED[asked], Learning(SWITCH, 150), chunk=32, workers=2, ahead=ahead)
            for ahead in (0, WORLD)
        )
        assert one == other
