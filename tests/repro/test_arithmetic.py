"""What a sweep reckons: XOR's by hand, any network's by going through its weights one at a time."""

import pytest
import torch

from repro.arithmetic import Arithmetic, of_a_sweep
from repro.networks import ALWAYS_ON
from repro.tasks import Task
from repro.tasks.xor import xor
from tests.plans import PLANS


def test_xor_by_hand():
    """7 weights, 4 cases, 2 units: (1) 28, (2) 8, (4) 4, (5) 16, (6) 28, (7) 4, (9) 21; half of the inputs are 0."""
    assert of_a_sweep(PLANS["xor 2-1-1"].architecture, xor()) == Arithmetic(109, 109 - 2 * 8, 8)


@pytest.mark.parametrize(
    "name", ["symmetry 6-2-1", "two inputs, every link", "one input above a hidden group", "few biases"]
)
def test_weight_by_weight(name):
    plan = PLANS[name].architecture
    generator = torch.Generator().manual_seed(3)
    cases = 5
    inputs = {group: torch.rand(cases, plan.groups[group], generator=generator).round() * 0.7 for group in plan.inputs}
    task = Task("random", inputs, torch.zeros(cases, plan.groups[plan.output]), tuple("abcde"))
    dense = sparse = 0
    for link in plan.all_links:
        for _ in range(plan.groups[link.target]):
            for i in range(plan.groups.get(link.source, 1)):
                for case in range(cases):
                    is_input = link.source in plan.inputs
                    on = not is_input or inputs[link.source][case, i] != 0
                    below = not is_input and link.source != ALWAYS_ON
                    dense += 2 + below
                    sparse += 2 * on + below
    units = cases * sum(plan.groups[group] for group in plan.receiving)
    rest = 3 * units + cases * plan.groups[plan.output] + 3 * plan.weight_count
    found = of_a_sweep(plan, task)
    assert (found.multiply_adds, found.without_zeros, found.exponentials) == (dense + rest, sparse + rest, units)
    assert found.without_zeros < found.multiply_adds


def test_other_functions_have_no_exponential_of_the_logistic():
    plan = next(plan for plan in PLANS.values() if plan.symmetric).architecture
    task = Task("zeros", {g: torch.zeros(2, plan.groups[g]) for g in plan.inputs}, torch.zeros(2, 1), ("a", "b"))
    assert of_a_sweep(plan, task).exponentials < 2 * sum(plan.groups[group] for group in plan.receiving)
