"""Every experiment, on devices without values and without a GPU: what can be known of CUDA where there is none."""

from contextlib import nullcontext

import pytest
from torch._subclasses.fake_tensor import FakeTensorMode

from experiments.options.load import load
from experiments.options.schema import choices
from experiments.options.setup import training_setup
from repro.training import train
from tests.devices import ByOperators, on


@pytest.mark.parametrize("experiment", choices("experiment"))
@pytest.mark.parametrize("device", ["meta", "cuda"])
@pytest.mark.usefixtures("same_thread", "no_graph")
def test_sweeps_of_every_experiment_need_no_value_and_no_tensor_elsewhere(experiment, device):
    """The meta device has no values to read; among fake CUDA tensors one of the CPU is refused, as on a GPU."""
    setup = training_setup(load(experiment, "population.seeds=5", "learning.sweeps=3"))
    with FakeTensorMode(allow_non_fake_inputs=True) if device == "cuda" else nullcontext(), ByOperators():
        population = on(device, setup.architecture, 5)
        for _ in train(population, setup, every=2):
            pass
        assert {w.device.type for w in population.weights.values()} == {device}
    assert population.sweep == 3
