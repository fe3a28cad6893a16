"""Every experiment, on devices without values and without a GPU: what can be known of CUDA where there is none."""

from contextlib import nullcontext

import pytest
from torch._subclasses.fake_tensor import FakeTensorMode

from experiments.options.load import load
from experiments.options.schema import choices
from experiments.options.setup import training_setup
from repro.training import train
from tests.devices import ByOperators, on

LOOPS = (
    *("encoder", "parity", "parity_per_case", "symmetry", "symmetry_no_hidden", "xor", "xor_2_2_1"),
    *("xor_from_minimum_per_case", "family_trees", "family_trees_h_split", "family_trees_rules"),
)
"""One for each set-up that takes another way through the code: the others have other numbers alone."""


def way(experiment: str) -> tuple[object, ...]:
    """What of a set-up the loop asks for."""
    config = load(experiment)
    config.population.seeds = 5
    setup = training_setup(config)
    learning, held_out = setup.learning, setup.held_out
    return (
        *(config.task.name, str(setup.architecture.links), str(setup.architecture.functions), setup.error_measure),
        *(None if held_out is None else held_out.shape, learning.per_case, len(learning.phases), learning.decay > 0),
        *(learning.decay_of, learning.decay_biases, learning.per_fan_in, setup.criterion.stop),
    )


def test_every_way_through_the_loop_has_one_experiment():
    assert sorted(map(repr, map(way, LOOPS))) == sorted({repr(way(name)) for name in choices("experiment")})


@pytest.mark.parametrize("experiment", LOOPS)
@pytest.mark.parametrize("device", ["meta", "cuda"])
@pytest.mark.usefixtures("no_graph")
def test_sweeps_need_no_value_and_no_tensor_elsewhere(experiment, device):
    """The meta device has no values to read; among fake CUDA tensors one of the CPU is refused, as on a GPU."""
    config = load(experiment)
    config.population.seeds, config.learning.sweeps = 5, 3
    setup = training_setup(config)
    with FakeTensorMode(allow_non_fake_inputs=True) if device == "cuda" else nullcontext(), ByOperators():
        population = on(device, setup.architecture, 5)
        for _ in train(population, setup, every=2):
            pass
        assert {w.device.type for w in population.weights.values()} == {device}
    assert population.sweep == 3
