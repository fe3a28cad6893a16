"""Machine code against the formulas as they are written, for every kind of network; and its bits, which are the same
whatever lies in the lanes of a vector, how wide it is, and who else is in it."""

import platform
from dataclasses import replace

import pytest
import torch

from repro.attention import AttentionPlan
from repro.backends import explicit
from repro.choices import DecayOf, ErrorForm, MeasuredFrom, Satisfied
from repro.errors import ErrorMeasure
from repro.learning import Phase
from repro.machine_code import build, run
from repro.machine_code.program import Layout, of_setup, source
from repro.machine_code.run import MachineCode
from repro.machine_code.trace import UnknownOperationError
from repro.networks import Architecture
from repro.output_functions import BY_NAME
from repro.population import Population
from repro.sweeps import State
from repro.tasks import Task
from repro.tasks.family_trees import family_trees, random_splits
from repro.tasks.symmetry import symmetry
from repro.tasks.xor import xor
from repro.training_setup import Criterion, Learning, TrainingSetup
from tests.plans import FAMILY_TREES, PLANS

PHASE = Phase(0.3, 0.8)
UNENDING = Criterion(1e-9, stop=False)
SWEEPS = 12
XOR = PLANS["xor 2-1-1"].architecture


def setup_of(plan, task, criterion=UNENDING, error_measure=None, held_out=None, **learning) -> TrainingSetup:
    rules = Learning((PHASE,), SWEEPS, **{"decay": 0.002, **learning})
    return TrainingSetup(plan, task, rules, criterion, error_measure or ErrorMeasure(), held_out)


def cases_of(architecture: Architecture, count: int) -> Task:
    """Some cases of random numbers."""
    generator = torch.Generator().manual_seed(count)
    inputs = {name: torch.rand(count, architecture.groups[name], generator=generator) for name in architecture.inputs}
    desired = torch.rand(count, architecture.groups[architecture.output], generator=generator)
    return Task("random", inputs, desired, [str(case) for case in range(count)])


def started(setup: TrainingSetup, replicas: int, dtype=torch.float64) -> tuple[TrainingSetup, State]:
    population = Population.start(setup.architecture, range(replicas), 1.0, dtype)
    done = torch.zeros(1, dtype=torch.int32)
    state = State(population.weights, population.delta_w, population.learned_at, done)
    return setup.to("cpu", dtype), state


def numbers_of(setup: TrainingSetup) -> list[torch.Tensor]:
    numbers = [PHASE.epsilon, PHASE.alpha, setup.learning.decay][: 3 if setup.learning.decays else 2]
    return [torch.tensor(number, dtype=torch.float64) for number in numbers]


def by_machine_code(setup, state, layout=None, sweeps=SWEEPS, numbers=None):
    code = MachineCode.of(setup)
    if layout is not None:
        code._layout = lambda *_: layout
    included = setup.included(torch.arange(len(state.learned_at)))
    state, (E,) = code(copied(state), 0, [sweeps], numbers or numbers_of(setup), included)
    return state, E


def copied(state: State) -> State:
    """The same replicas with weights of their own, which may be changed in place."""
    w, delta_w = ({key: value.clone() for key, value in own.items()} for own in (state.w, state.delta_w))
    return state._replace(w=w, delta_w=delta_w)


def assert_is_explicit(setup: TrainingSetup, layout=None, replicas=5, sweeps=SWEEPS) -> None:
    """Weights, last changes, E and when each learned, in float64 to 1e-11."""
    setup, state = started(setup, replicas)
    included = setup.included(torch.arange(replicas))
    with torch.no_grad():
        expected, (E,) = explicit(setup)(state, 0, [sweeps], included, setup.learning)
    found, own_E = by_machine_code(setup, state, layout, sweeps)
    for key in state.w:
        torch.testing.assert_close(found.w[key], expected.w[key], rtol=0, atol=1e-11)
        torch.testing.assert_close(found.delta_w[key], expected.delta_w[key], rtol=0, atol=1e-11)
        assert not torch.equal(found.w[key], state.w[key])
    torch.testing.assert_close(own_E, E, rtol=1e-12, atol=1e-11)
    assert found.learned_at.equal(expected.learned_at)
    assert found.done.equal(expected.done)


def each(name: str, values, quick):
    """For each value; slow but for some, since each is compiled."""
    return pytest.mark.parametrize(
        name, [value if value in quick else pytest.param(value, marks=pytest.mark.slow) for value in values]
    )


layouts = pytest.mark.parametrize("layout", Layout)


@layouts
@each("name", PLANS, ("shared", "one input above a hidden group"))
def test_every_plan_is_as_it_is_written(name, layout):
    architecture = PLANS[name].architecture
    assert_is_explicit(setup_of(architecture, cases_of(architecture, 7)), layout)


@layouts
@each("count", (1, 2, 3, 8, 9, 16, 17, 37, 130), (1, 3, 17))
def test_any_number_of_cases(count, layout):
    assert_is_explicit(setup_of(XOR, cases_of(XOR, count)), layout)


@each("layout", Layout, (Layout.replicas,))
@each("name", BY_NAME, ("softsign", "tanh"))
def test_every_output_function(name, layout):
    plan = replace(XOR, functions={"hidden": BY_NAME[name]})
    if name == "threshold":  # no derivative reaches the weights below
        plan = replace(plan, functions={"output": BY_NAME["logistic"]})
    assert_is_explicit(setup_of(plan, xor()), layout)


@layouts
@pytest.mark.parametrize("form", ErrorForm)
@each("satisfied", Satisfied, (Satisfied.unit,))
@each("measured_from", MeasuredFrom, (MeasuredFrom.bound,))
def test_every_error_measure(form, satisfied, measured_from, layout):
    """With other cases held out for each replica; bounds that some outputs are beyond."""
    measure = ErrorMeasure(form, satisfied, measured_from, on_bound=0.6, off_bound=0.45, factor=2.0)
    held_out = torch.tensor([[True, False, False], [False] * 3, [False] * 3, [False, True, False]])
    assert_is_explicit(setup_of(XOR, xor(), Criterion(0.55), measure, held_out), layout, replicas=3)


@each("layout", Layout, (Layout.replicas,))
@pytest.mark.parametrize("decay_of", DecayOf)
def test_every_decay(decay_of, layout):
    setup = setup_of(XOR, xor(), decay=0.01, decay_of=decay_of, decay_biases=False, per_fan_in=True)
    assert_is_explicit(setup, layout)


def test_weights_that_change_after_every_case():
    held_out = torch.tensor([[True], [False], [False], [False]])
    assert_is_explicit(setup_of(XOR, xor(), Criterion(0.45), held_out=held_out, per_case=True))


@layouts
@pytest.mark.slow
def test_family_trees_with_look_ups(layout):
    held_out = random_splits(family_trees(), range(5))
    measure = ErrorMeasure(satisfied="unit", measured_from="bound")
    assert_is_explicit(setup_of(FAMILY_TREES.architecture, family_trees(), Criterion(0.5), measure, held_out), layout)


@layouts
@pytest.mark.slow
def test_attention(layout):
    plan = AttentionPlan({"person1": 24, "relation": 12}, width=5, hidden=6, outputs=24)
    assert_is_explicit(setup_of(plan, family_trees()), layout)


@layouts
def test_replicas_that_learn_stop(layout):
    """At their own sweep; the others go on."""
    setup = setup_of(XOR, xor(), Criterion(0.6), decay=0.0)
    _, state = started(setup, 20)
    learned_at = by_machine_code(setup, state, layout, 60)[0].learned_at
    assert len(set(learned_at.tolist())) > 10
    assert_is_explicit(setup, layout, replicas=20, sweeps=60)


# Bits ----------------------------------------------------------------------------------------------------------


def bits(found) -> list[bytes]:
    state, E = found
    tensors = [*state.w.values(), *state.delta_w.values(), state.learned_at, E]
    return [tensor.contiguous().numpy().tobytes() for tensor in tensors]


def some(found, which) -> list[bytes]:
    state, E = found
    tensors = [*state.w.values(), *state.delta_w.values(), state.learned_at, E]
    return [tensor[..., which].contiguous().numpy().tobytes() for tensor in tensors]


SETUPS = {
    "xor": setup_of(XOR, xor(), Criterion(0.4)),
    "symmetry": setup_of(PLANS["symmetry 6-2-1"].architecture, symmetry(), Criterion(0.4)),
    "cases that do not fill the lanes": setup_of(XOR, cases_of(XOR, 17)),
    "family trees": setup_of(FAMILY_TREES.architecture, family_trees()),
}
each_setup = pytest.mark.parametrize(
    "setup", [pytest.param(s, id=n, marks=[pytest.mark.slow] * (n == "family trees")) for n, s in SETUPS.items()]
)
each_dtype = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)


@each_setup
@each_dtype
def test_the_same_bits_with_replicas_and_with_cases_in_the_lanes(setup, dtype):
    setup, state = started(setup, 19, dtype)
    assert bits(by_machine_code(setup, state, Layout.replicas)) == bits(by_machine_code(setup, state, Layout.cases))


@each_setup
def test_the_same_bits_in_any_company(setup):
    """By itself, and in a vector with others that have another ε, α and decay."""
    setup, state = started(setup, 21, torch.float32)
    numbers = [
        torch.linspace(low, high, 21, dtype=torch.float64) for low, high in ((0.1, 0.4), (0.5, 0.9), (0.0, 0.01))
    ]
    together = by_machine_code(setup, state, Layout.replicas, numbers=numbers)
    for replica in (0, 3, 20):
        own = State(
            *({key: w[..., replica : replica + 1] for key, w in tensors.items()} for tensors in state[:2]),
            state.learned_at[replica : replica + 1],
            state.done,
        )
        alone = by_machine_code(setup, own, Layout.replicas, numbers=[number[replica] for number in numbers])
        assert bits(alone) == some(together, slice(replica, replica + 1))


WIDTHS = ["-march=x86-64-v3", "-march=x86-64-v2"]
"""Of 8 lanes, and of 4 without fused multiply-adds in the processor: those are then worked out by the C library."""


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="these are flags for x86-64")
@layouts
@each("width", WIDTHS, WIDTHS[:1])
@each_setup
def test_the_same_bits_in_vectors_of_another_width(setup, width, layout, monkeypatch):
    """What differs between processors is how many numbers lie side by side: not what is done to each."""
    setup, state = started(setup, 19, torch.float32)
    own = bits(by_machine_code(setup, state, layout))
    flags = [flag if not flag.startswith("-march") else width for flag in build.flags()]
    monkeypatch.setattr(build, "flags", lambda: flags)
    monkeypatch.setattr(run, "widest_vector", lambda dtype: 32 // dtype.itemsize)
    assert bits(by_machine_code(setup, state, layout)) == own


# In place ---------------------------------------------------------------------------------------------------------


def part_of(state: State, replicas: slice) -> State:
    """Some of the replicas, whose weights stay where they are."""
    w, delta_w = ({key: value[..., replicas] for key, value in own.items()} for own in (state.w, state.delta_w))
    return State(w, delta_w, state.learned_at[replicas], state.done)


@layouts
def test_a_part_of_the_replicas_is_changed_in_place_and_nothing_beside_it(layout):
    setup, before = started(SETUPS["symmetry"], 40, torch.float32)
    whole, part = copied(before), slice(7, 29)
    code = MachineCode.of(setup)
    code._layout = lambda *_: layout
    state, (E,) = code(part_of(whole, part), 0, [SWEEPS], numbers_of(setup), None)
    found = state, E
    assert bits(found) == bits(by_machine_code(setup, part_of(before, part), layout))
    for key, w in whole.w.items():
        assert w[..., part].equal(found[0].w[key])
        assert not w[..., part].equal(before.w[key][..., part])
        for beside in (slice(0, 7), slice(29, 40)):
            assert w[..., beside].equal(before.w[key][..., beside])
            assert whole.delta_w[key][..., beside].equal(before.delta_w[key][..., beside])


def test_weights_that_lie_otherwise_are_refused():
    setup, state = started(SETUPS["symmetry"], 4, torch.float32)
    turned = {key: w.mT.contiguous().mT for key, w in state.w.items()}
    with pytest.raises(ValueError, match="not a slice of the last axis"):
        MachineCode.of(setup)(state._replace(w=turned), 0, [SWEEPS], numbers_of(setup), None)


@layouts
def test_errors_on_the_way_are_those_of_sweeps_that_end_there(layout):
    """And the weights after them do not hang on who looked."""
    setup, before = started(SETUPS["xor"], 20, torch.float32)
    code = MachineCode.of(setup)
    code._layout = lambda *_: layout
    included = setup.included(torch.arange(20))
    state, errors = code(copied(before), 0, [0, 1, 5, SWEEPS], numbers_of(setup), included)
    for sweeps, E in zip((0, 1, 5, SWEEPS), errors, strict=True):
        assert E.equal(by_machine_code(setup, before, layout, sweeps)[1])
    assert bits((state, errors[-1])) == bits(by_machine_code(setup, before, layout))


# Which code -------------------------------------------------------------------------------------------------------


def test_a_few_replicas_have_their_cases_in_the_lanes():
    for setup, few in ((SETUPS["symmetry"], 8), (SETUPS["family trees"], 8), (SETUPS["xor"], 1)):
        setup = setup.to("cpu", torch.float32)
        assert MachineCode.of(setup)._layout(few, 100, False) == Layout.cases
        assert MachineCode.of(setup)._layout(1024, 100, False) == Layout.replicas


def test_another_layout_is_compiled_where_that_pays_only():
    setup = SETUPS["family trees"].to("cpu", torch.float32)
    code = MachineCode.of(setup)
    code.made[Layout.replicas, False] = lambda *_: 0
    assert code._layout(1, 10, False) == Layout.replicas
    assert code._layout(1, 1_000_000, False) == Layout.cases
    code.made[Layout.cases, False] = lambda *_: 0
    assert code._layout(1, 10, False) == Layout.cases


def test_an_operation_without_a_form_is_named():
    unknown = replace(BY_NAME["logistic"], y=lambda x: torch.cumsum(x, 0))
    setup = setup_of(replace(XOR, functions={"hidden": unknown}), xor())
    with pytest.raises(UnknownOperationError, match="cumsum"):
        source(of_setup(setup, False), Layout.replicas, 32)
