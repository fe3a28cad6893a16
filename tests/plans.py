"""The same network in both worlds: as ``repro`` has it, in tensors, and as the reference has it, in single weights."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from repro.networks import Architecture
from repro.output_functions import SYMMETRIC
from repro.tasks import Task
from tests import reference


@dataclass(frozen=True)
class Plan:
    """Groups and links, from which both are made."""

    groups: Mapping[str, int]
    links: Mapping[str, Sequence[str]]
    biases: Sequence[str] | None = None
    shared: Sequence[Sequence[str]] = ()
    symmetric: Sequence[str] = ()

    @property
    def architecture(self) -> Architecture:
        functions = dict.fromkeys(self.symmetric, SYMMETRIC)
        return Architecture(self.groups, self.links, self.biases, self.shared, functions)

    @property
    def net(self) -> reference.Net:
        return reference.net(self.groups, self.links, self.biases, tuple(self.shared), tuple(self.symmetric))


PLANS = {
    "xor 2-1-1": Plan({"input": 2, "hidden": 1, "output": 1}, {"hidden": ["input"], "output": ["hidden", "input"]}),
    "symmetry 6-2-1": Plan({"input": 6, "hidden": 2, "output": 1}, {"hidden": ["input"], "output": ["hidden"]}),
    "no hidden": Plan({"input": 3, "output": 2}, {"output": ["input"]}),
    "two inputs, every link": Plan(
        {"left": 2, "right": 3, "low": 2, "high": 3, "output": 2},
        {"low": ["left", "right"], "high": ["low", "right"], "output": ["high", "low", "left"]},
    ),
    "one input above a hidden group": Plan(
        {"left": 2, "low": 2, "right": 3, "output": 2}, {"low": ["left"], "output": ["low", "right"]}
    ),
    "few biases": Plan(
        {"input": 3, "hidden": 2, "output": 2}, {"hidden": ["input"], "output": ["hidden"]}, biases=["hidden"]
    ),
    "no biases": Plan({"input": 3, "hidden": 2, "output": 2}, {"hidden": ["input"], "output": ["hidden"]}, biases=[]),
    "shared": Plan(  # an iterative net of two units run for three steps, N Fig. 5
        {"step0": 2, "step1": 2, "step2": 2, "step3": 2},
        {"step1": ["step0"], "step2": ["step1"], "step3": ["step2"]},
        shared=[
            ["step0->step1", "step1->step2", "step2->step3"],
            ["bias->step1", "bias->step2", "bias->step3"],
        ],
    ),
    "shared into one group": Plan(
        {"left": 2, "right": 2, "low": 2, "output": 1},
        {"low": ["left", "right"], "output": ["low"]},
        shared=[["left->low", "right->low"]],
    ),
    "symmetric hidden units": Plan(
        {"left": 2, "right": 3, "low": 2, "high": 3, "output": 2},
        {"low": ["left", "right"], "high": ["low", "right"], "output": ["high", "low"]},
        symmetric=["low", "high"],
    ),
}

FAMILY_TREES = Plan(  # N Fig. 3
    {
        "person1": 24,
        "relation": 12,
        "person_code": 6,
        "relation_code": 6,
        "central": 12,
        "penultimate": 6,
        "person2": 24,
    },
    {
        "person_code": ["person1"],
        "relation_code": ["relation"],
        "central": ["person_code", "relation_code"],
        "penultimate": ["central"],
        "person2": ["penultimate"],
    },
)


def random_task(architecture: Architecture, cases: int = 5, seed: int = 0) -> Task:
    """Cases and desired outputs uniform in [0, 1]."""
    generator = torch.Generator().manual_seed(seed)

    def some(units: int) -> Tensor:
        return torch.rand(cases, units, generator=generator, dtype=torch.float64)

    inputs = {name: some(architecture.groups[name]) for name in architecture.inputs}
    names = tuple(f"case {c}" for c in range(cases))
    return Task("random", inputs, some(architecture.groups[architecture.output]), names)


def random_weights(architecture: Architecture, replicas: int, seed: int = 0) -> dict[str, Tensor]:
    """Normal weights, ``[to, from, replicas]`` by key, float64."""
    generator = torch.Generator().manual_seed(seed)
    shapes = architecture.weight_shapes.items()
    return {key: torch.randn(*shape, replicas, generator=generator, dtype=torch.float64) for key, shape in shapes}


def to_reference(weights: Mapping[str, Tensor], replica: int) -> dict[reference.Weight, float]:
    """One replica's weights, one by one."""
    return {
        (key, j, i): w[j, i, replica].item()
        for key, w in weights.items()
        for j in range(w.shape[0])
        for i in range(w.shape[1])
    }


def cases_of(task: Task) -> tuple[list[dict[str, list[float]]], list[list[float]]]:
    """Its cases and desired outputs as lists."""
    cases = [{name: values[c].tolist() for name, values in task.inputs.items()} for c in range(len(task.cases))]
    return cases, task.desired.tolist()


def largest_gap(one: Mapping[reference.Weight, float], other: Mapping[reference.Weight, float]) -> float:
    """The largest difference between two sets of weights with the same names."""
    assert one.keys() == other.keys()
    return max(abs(one[weight] - other[weight]) for weight in one)
