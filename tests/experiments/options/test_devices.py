"""Every experiment, on devices without values and without a GPU: what can be known of CUDA where there is none."""

from contextlib import nullcontext

import pytest
from torch._subclasses.fake_tensor import FakeTensorMode

from experiments.options import build
from experiments.options.load import load
from experiments.options.schema import choices
from tests.devices import ByOperators, on
from tests.test_training import finish


@pytest.mark.parametrize("experiment", choices("experiment"))
@pytest.mark.parametrize("device", ["meta", "cuda"])
@pytest.mark.usefixtures("same_thread", "no_graph")
def test_sweeps_of_every_experiment_need_no_value_and_no_tensor_elsewhere(experiment, device):
    """The meta device has no values to read; among fake CUDA tensors one of the CPU is refused, as on a GPU."""
    config = load(experiment, "population.seeds=5", "learning.sweeps=3")
    architecture, task = build.build_architecture(config), build.build_task(config)
    held_out = build.build_held_out(config, task)
    with FakeTensorMode(allow_non_fake_inputs=True) if device == "cuda" else nullcontext(), ByOperators():
        population = on(device, architecture, 5)
        finish(
            population,
            task,
            build.build_learning(config),
            build.build_criterion(config),
            every=2,
            measure=build.build_measure(config),
            held_out=held_out,
        )
        assert {w.device.type for w in population.weights.values()} == {device}
    assert population.sweep == 3
