"""The set-up of a training: where it is, and which cases count."""

import torch

from repro.learning import Phase
from repro.tasks.xor import xor
from repro.training_setup import Criterion, Learning, TrainingSetup
from tests.plans import PLANS

XOR = PLANS["xor 2-1-1"].architecture
LEARNING = Learning((Phase(0.5, 0.9),), 5)


def setup_with(task, held_out) -> TrainingSetup:
    return TrainingSetup(XOR, task, LEARNING, Criterion(0.1), held_out=held_out)


def test_a_setup_that_is_there_already_is_itself():
    for held_out in (None, torch.zeros(4, 3, dtype=torch.bool)):
        setup = setup_with(xor(), held_out)
        assert setup.to("cpu", torch.float64) is setup


def test_all_of_a_setup_goes_to_a_device():
    """Also where one part of it is there already."""
    here = setup_with(xor(), torch.zeros(4, 3, dtype=torch.bool))
    there = setup_with(xor().to("meta", torch.float32), torch.zeros(4, 3, dtype=torch.bool))
    for setup in (here, there):
        moved = setup.to("meta", torch.float32)
        tensors = [*moved.task.inputs.values(), moved.desired, moved.held_out, moved.included(torch.arange(3))]
        assert {tensor.device.type for tensor in tensors} == {"meta"}
        assert moved.included(torch.arange(2)).dtype == torch.float32


def test_each_replica_has_its_own_cases_or_all_have_the_same():
    """By its number in the population, in whatever company; as many columns as replicas."""
    own = setup_with(xor(), torch.eye(4, dtype=torch.bool))
    assert own.included(torch.tensor([3, 1, 1]))[:, 0].T.tolist() == [[1, 1, 1, 0], [1, 0, 1, 1], [1, 0, 1, 1]]
    one = setup_with(xor(), torch.tensor([[False], [False], [True], [False]]))
    assert one.included(torch.tensor([7, 5]))[:, 0].T.tolist() == [[1, 1, 0, 1]] * 2
    assert setup_with(xor(), None).included(torch.arange(2)) is None
