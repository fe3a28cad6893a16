"""ε, α, decay and the first weights' range for each replica: the numbers of a population that has one setting alone."""

import pickle
from dataclasses import replace

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

import repro.training
from repro import backends, training
from repro.errors import ErrorMeasure
from repro.learning import LearningRule, Phase, updated
from repro.per_replica import like
from repro.population import Population, initial_weights
from repro.tasks import Task
from repro.tasks.family_trees import family_trees, random_splits
from repro.tasks.symmetry import symmetry
from repro.tasks.xor import xor
from repro.training_setup import Criterion, Learning, TrainingSetup
from tests.devices import ByOperators, HostReads, on
from tests.plans import FAMILY_TREES, PLANS
from tests.repro.test_backends_compiled import nothing_compiled, programs  # noqa: F401
from tests.repro.test_training import assert_same

XOR, SYMMETRY = PLANS["xor 2-1-1"], PLANS["symmetry 6-2-1"]
UNENDING = Criterion(0.0, stop=False)
REPLICAS = 40
SETTINGS = ((0.05, 0.9, 0.002), (0.1, 0.0, 0.001), (0.7, 0.83, 0.013))
"""ε, α and decay of three settings; none but 0 is a float32, and their products with 1 / fan-in are not either."""
OWN = torch.arange(REPLICAS) % len(SETTINGS)
"""The setting of each replica."""
H = ErrorMeasure(satisfied="unit", measured_from="bound")


def learning_of(epsilon, alpha, decay, **options) -> Learning:
    """Two phases, the first with half of ε and an α for all."""
    options = {"sweeps": 60, **options}
    return Learning((Phase(epsilon / 2, 0.5, 20), Phase(epsilon, alpha)), decay=decay, **options)


def mixed(**options) -> Learning:
    return learning_of(
        *(torch.tensor(values, dtype=torch.float64)[OWN] for values in zip(*SETTINGS, strict=True)), **options
    )


TRAININGS = {
    "xor": (XOR, xor(), {}, {}),
    "xor, without decay": (XOR, xor(), {"decay": None}, {}),
    "xor, for long": (XOR, xor(), {"decay": None, "sweeps": 300}, {}),
    "symmetry by fan-in, biases keep": (SYMMETRY, symmetry(), {"per_fan_in": True, "decay_biases": False}, {}),
    "xor, decay carried": (XOR, xor(), {"decay_of": "carried"}, {}),
    "xor, decay of the change": (XOR, xor(), {"decay_of": "change"}, {}),
    "xor after every case": (
        XOR,
        xor(),
        {"per_case": True, "sweeps": 30, "per_fan_in": True},
        {"held_out": torch.arange(REPLICAS) % 5 == torch.arange(4).unsqueeze(1)},
    ),
    "family trees": (
        FAMILY_TREES,
        family_trees(),
        {"sweeps": 30},
        {"error_measure": H, "held_out": random_splits(family_trees(), range(REPLICAS))},
    ),
}
each_training = pytest.mark.parametrize("name", [name for name in TRAININGS if name != "xor, for long"])


def trained(name: str, setting: int | None, dtype=torch.float32, criterion=UNENDING, **ways) -> Population:
    """By one setting for all, or each replica by its own."""
    plan, task, options, more = TRAININGS[name]
    options, without = {**options}, options.get("decay", 0) is None
    options.pop("decay", None)
    learning = mixed(**options) if setting is None else learning_of(*SETTINGS[setting], **options)
    setup = TrainingSetup(
        plan.architecture, task, replace(learning, decay=0.0) if without else learning, criterion, **more
    )
    population = Population.start(plan.architecture, range(REPLICAS), 1.0, dtype)
    for _ in repro.training.train(population, setup, **{"every": 15, **ways}):
        pass
    return population


def assert_each_is_of_its_setting(name: str, within: float = 0.0, **ways) -> Population:
    """To the last bit, or within so much; and the settings do differ."""
    together = trained(name, None, **ways)
    apart = []
    for setting in range(len(SETTINGS)):
        own = torch.arange(setting, REPLICAS, len(SETTINGS))
        apart.append(trained(name, setting, **ways))
        assert_same(together, apart[-1], within, own, own)
    key = next(iter(together.weights))
    assert not any(apart[0].weights[key].equal(other.weights[key]) for other in apart[1:])
    return together


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("backward_pass", ["explicit", "autograd"])
@each_training
def test_each_replica_learns_by_its_own_numbers(name, backward_pass, dtype):
    """In chunks of 16, of which the last is not full."""
    assert_each_is_of_its_setting(name, backward_pass=backward_pass, dtype=dtype, chunk=16)


@pytest.mark.parametrize("backward_pass", ["explicit", "autograd"])
def test_those_that_go_on_keep_their_own_numbers(backward_pass):
    """Replicas that have learned leave, and the others move up in the chunks."""
    together = assert_each_is_of_its_setting(
        "xor, for long", 1e-9, dtype=torch.float64, backward_pass=backward_pass, criterion=Criterion(0.45), chunk=16
    )
    assert 3 < int(together.learned.sum()) < REPLICAS


@each_training
@pytest.mark.usefixtures("no_graph")
def test_a_recorded_sweep_has_the_numbers_of_its_chunk(monkeypatch, name):
    explicit = trained(name, None, chunk=16)
    monkeypatch.setattr(training, "_backend", lambda setup, *_: backends.recorded(setup, compile=False))
    assert_same(explicit, trained(name, None, chunk=16), 0.0)


def test_compiled_is_explicit_and_compiled_once(programs):  # noqa: F811
    """Though one phase has an α for all, and the other one for each."""
    compiled, explicit = (trained("xor", None, torch.float64, compile=compile, chunk=16) for compile in (True, False))
    assert_same(compiled, explicit, 1e-12)
    assert len(programs) == 1


@pytest.mark.slow
@each_training
@pytest.mark.usefixtures("nothing_compiled")
def test_machine_code_gives_each_replica_the_bits_of_its_setting_alone(name):
    assert_each_is_of_its_setting(name, compile=True, chunk=16)


def test_first_weights_in_a_range_for_each_seed():
    sizes, seeds = torch.tensor([0.3, 1.0, 0.1, 0.3], dtype=torch.float64), [5, 5, 9, 7]
    for dtype in (torch.float32, torch.float64):
        together = initial_weights(XOR.architecture, seeds, sizes, dtype)
        for r, (seed, size) in enumerate(zip(seeds, sizes.tolist(), strict=True)):
            alone = initial_weights(XOR.architecture, [seed], size, dtype)
            assert all(together[key][..., r : r + 1].equal(w) for key, w in alone.items())


def test_ranges_of_more_seeds_than_are_drawn_at_once(monkeypatch):
    sizes = torch.linspace(0.1, 1.0, 10, dtype=torch.float64)
    expected = Population.start(XOR.architecture, range(10), sizes).weights
    monkeypatch.setattr("repro.population.DRAWN_AT_ONCE", 3)
    found = Population.start(XOR.architecture, range(10), sizes).weights
    assert all(found[key].equal(w) for key, w in expected.items())


# By hand -----------------------------------------------------------------------------------------------------


def test_a_change_by_hand():
    w, previous, slope = (torch.tensor([[values]], dtype=torch.float64) for values in ([1, 1], [4, 4], [2, 2]))
    epsilon, alpha, decay = (torch.tensor(v, dtype=torch.float64) for v in ([0.5, 0.25], [0.25, 0.5], [0.0, 0.5]))
    new, delta_w = updated(w, slope, previous, epsilon, alpha, decay)
    assert delta_w.tolist() == [[[0.0, 1.5]]]  # -0.5 · 2 + 0.25 · 4; -0.25 · 2 + 0.5 · 4
    assert new.tolist() == [[[1.0, 1.25]]]  # (1 + 1.5) · ½


def test_the_optimizer_takes_them_too():
    w = torch.nn.Parameter(torch.ones(1, 1, 2, dtype=torch.float64))
    rule = LearningRule([w], [Phase(torch.tensor([0.5, 0.25]))], decay=torch.tensor([0.5, 0.0]))
    w.grad = torch.full_like(w, 2.0)
    pickle.loads(pickle.dumps(rule)).step()
    rule.step()
    assert w.tolist() == [[[0.0, 0.5]]]


def test_a_number_takes_the_precision_of_the_weights_once():
    """0.1 in float64 times a float32 weight would be a float64, of other digits."""
    w = torch.tensor([3.0])
    assert like(torch.tensor([0.1], dtype=torch.float64), w).dtype == torch.float32
    assert (like(torch.tensor([0.1], dtype=torch.float64), w) * w).equal(0.1 * w)
    assert like(0.1, w) == 0.1


def test_numbers_are_kept_in_float64():
    assert Phase(torch.tensor([0.1], dtype=torch.float64)).epsilon.item() == 0.1
    assert Phase(torch.tensor([0.5])).epsilon.dtype == torch.float64
    assert Phase(torch.tensor([1, 2])).epsilon.dtype == torch.float64


# What cannot be ------------------------------------------------------------------------------------------------

FIVE = torch.full((5,), 0.5)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Phase(torch.tensor([0.5, -0.25])), r"^epsilon\[1\]=-0.25: must be a number of at least 0$"),
        (lambda: Phase(torch.tensor([0.5, torch.nan, -1])), r"^epsilon\[1\]=nan: must be a number of at least 0$"),
        (lambda: Phase(torch.tensor([torch.inf])), r"^epsilon\[0\]=inf"),
        (lambda: Phase(0.1, torch.tensor([0.0, 1.0])), r"^alpha\[1\]=1.0: must be at least 0 and below 1"),
        (lambda: Phase(torch.tensor(0.5)), r"^epsilon has shape \[\]: give one number, or a tensor with one for each"),
        (lambda: Phase(torch.ones(2, 3)), r"^epsilon has shape \[2, 3\]"),
        (lambda: Learning((Phase(0.1),), 5, decay=torch.tensor([0.5, 1.0])), r"^decay\[1\]=1.0: must be at least 0"),
        (lambda: Learning((Phase(0.1),), 5, decay=1.5), r"^decay=1.5: must be at least 0 and below 1"),
        (
            lambda: initial_weights(XOR.architecture, range(2), torch.tensor([0.5, -1])),
            r"^initial_range\[1\]=-1.0: must",
        ),
        (
            lambda: initial_weights(XOR.architecture, range(3), FIVE),
            "^initial_range has 5 numbers, and there are 3 replicas: give one number, or one for each of them$",
        ),
    ],
)
def test_a_wrong_number_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("learning", "name"),
    [
        (Learning((Phase(FIVE),), 5), "epsilon"),
        (Learning((Phase(0.1, sweeps=1), Phase(0.1, FIVE)), 5), "alpha"),
        (Learning((Phase(0.1),), 5, decay=FIVE), "decay"),
    ],
)
def test_numbers_of_another_population_are_refused_before_anything_changes(learning, name):
    population = Population.start(XOR.architecture, range(3), 0.5)
    setup = TrainingSetup(XOR.architecture, xor(), learning, UNENDING)
    with pytest.raises(ValueError, match=f"^{name} has 5 numbers, and there are 3 replicas: give one number, or one"):
        next(repro.training.train(population, setup))
    assert population.E.isnan().all()


# Nobody waits for a device ---------------------------------------------------------------------------------


def small(task: Task, **options) -> TrainingSetup:
    five = torch.linspace(0.1, 0.5, 5)
    learning = Learning((Phase(five, 0.9, 1), Phase(0.3, five)), 3, decay=five / 100, **options)
    return TrainingSetup(XOR.architecture, task, learning, Criterion(0.1))


@pytest.mark.parametrize("per_case", [False, True])
@pytest.mark.parametrize("backward_pass", ["explicit", "autograd"])
def test_sweeps_run_without_values(backward_pass, per_case):
    population = on("meta", XOR.architecture, 5)
    for _ in repro.training.train(population, small(xor(), per_case=per_case), 2, backward_pass):
        pass
    assert population.sweep == 3


@pytest.mark.parametrize("per_case", [False, True])
@pytest.mark.usefixtures("no_graph")
def test_sweeps_make_no_tensor_elsewhere(per_case):
    """As on a GPU, with fake tensors: the numbers are on the CPU until the training brings them there."""
    setup = small(xor(), per_case=per_case)
    with FakeTensorMode(allow_non_fake_inputs=True), ByOperators():
        population = on("cuda", XOR.architecture, 5)
        for _ in repro.training.train(population, setup, 2):
            pass
        assert {w.device.type for w in population.weights.values()} == {"cuda"}


@pytest.mark.parametrize("backward_pass", ["explicit", "autograd"])
def test_sweeps_read_nothing(backward_pass):
    population = Population.start(XOR.architecture, range(5), 0.5)
    setup = small(xor())
    with HostReads() as reads:
        for _ in repro.training.train(population, setup, 100, backward_pass):
            pass
    assert reads.count == 1  # which replicas go on
