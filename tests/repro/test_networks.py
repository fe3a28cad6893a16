"""Plans that are refused, weights that are counted, and derivatives found in three ways."""

import pytest
import torch

from repro.networks import Architecture, Network, SpecError, error
from repro.printed_networks import SYMMETRY, SYMMETRY_PDP, XOR, XOR_LOCAL_MINIMUM
from repro.tasks import Task
from repro.tasks.symmetry import symmetry
from repro.tasks.xor import xor
from tests import reference
from tests.gradients import assert_first_derivative, assert_second_derivative
from tests.plans import PLANS, cases_of, largest_gap, random_task, random_weights, to_reference

each_plan = pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS.keys())

LAYERS = {"input": 2, "hidden": 3, "output": 1}
UP = {"hidden": ["input"], "output": ["hidden"]}

REFUSED = {
    "no groups": ({}, UP, {}, "network.groups is empty"),
    "no units": ({**LAYERS, "hidden": 0}, UP, {}, "network.groups.hidden=0: a group needs at least 1 unit"),
    "fewer than no units": ({**LAYERS, "input": -1}, UP, {}, "network.groups.input=-1"),
    "a group called bias": ({**LAYERS, "bias": 1}, UP, {}, "network.groups.bias"),
    "a dot in a name": ({"in.put": 2, "output": 1}, {"output": ["in.put"]}, {}, "'in.put' may not contain"),
    "an arrow in a name": ({"a->b": 2, "output": 1}, {"output": ["a->b"]}, {}, "'a->b' may not contain"),
    "unknown source": (
        LAYERS,
        {"hidden": ["inptu"], "output": ["hidden"]},
        {},
        "links.hidden: there is no group 'inptu'",
    ),
    "unknown target": (LAYERS, {**UP, "hiden": ["input"]}, {}, "network.links.hiden: there is no group 'hiden'"),
    "a link twice": (LAYERS, {**UP, "hidden": ["input", "input"]}, {}, "network.links.hidden: .* names a group twice"),
    "a link within": (LAYERS, {**UP, "hidden": ["input", "hidden"]}, {}, "hidden->hidden is a cycle"),
    "a cycle": (
        {"input": 2, "low": 3, "high": 3, "output": 1},
        {"low": ["input", "high"], "high": ["low"], "output": ["high"]},
        {},
        "(low->high->low|high->low->high) is a cycle",
    ),
    "a link down": (
        {"input": 2, "high": 3, "low": 3, "output": 1},
        {"low": ["input"], "high": ["low"], "output": ["high"]},
        {},
        "network.links.high: the link low->high goes down",
    ),
    "no links": (LAYERS, {}, {}, "network.links is empty"),
    "links from nothing": (LAYERS, {"hidden": [], "output": []}, {}, "network.links is empty"),
    "a hidden group that feeds nothing": (LAYERS, {"hidden": ["input"], "output": ["input"]}, {}, "groups.hidden"),
    "an input that feeds nothing": ({"spare": 1, **LAYERS}, UP, {}, "network.groups.spare"),
    "an output that nothing feeds": (
        {"input": 2, "hidden": 3, "top": 2, "output": 1},
        {"hidden": ["input"], "top": ["hidden"]},
        {},
        "network.(links.output is missing|groups.top)",
    ),
    "a bias for an input": (LAYERS, UP, {"biases": ["input"]}, "network.biases: 'input' is not a group that receives"),
    "a bias for nobody": (LAYERS, UP, {"biases": ["hiddn"]}, "network.biases: 'hiddn'"),
    "shared, unknown": (LAYERS, UP, {"shared": [["input->hidden", "input->top"]]}, "there is no link 'input->top'"),
    "shared, twice": (
        {"a": 2, "b": 2, "c": 2},
        {"b": ["a"], "c": ["b"]},
        {"shared": [["a->b", "b->c"], ["b->c"]]},
        "the link 'b->c' is named twice",
    ),
    "shared, unlike": (
        LAYERS,
        UP,
        {"shared": [["input->hidden", "hidden->output"]]},
        "'hidden->output' has 1 x 3 weights and 'input->hidden' has 3 x 2",
    ),
    "shared, transposed": (
        {"a": 2, "b": 3, "c": 2},
        {"b": ["a"], "c": ["b"]},
        {"shared": [["a->b", "b->c"]]},
        "'b->c' has 2 x 3 weights and 'a->b' has 3 x 2",
    ),
}


@pytest.mark.parametrize(("groups", "links", "more", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_a_wrong_plan_is_refused_by_name(groups, links, more, message):
    with pytest.raises(SpecError, match=message):
        Architecture(groups, links, **more)


def test_the_plans_these_are_made_from_are_not_refused():
    Architecture(LAYERS, UP)
    Architecture(LAYERS, UP, biases=["hidden"], shared=[["input->hidden"]])


def test_a_task_that_does_not_fit_is_refused_by_name():
    plan = Architecture(LAYERS, UP)
    plan.check_task(xor())
    with pytest.raises(SpecError, match=r"network.groups.input=2: the task 'symmetry' has 6 units"):
        plan.check_task(symmetry())
    with pytest.raises(SpecError, match=r"network.groups.output=1: the task 'wide' has 2 output units"):
        plan.check_task(Task("wide", xor().inputs, torch.zeros(4, 2), xor().cases))
    with pytest.raises(SpecError, match=r"sets the input groups \['left'\], and the network's are \['input'\]"):
        plan.check_task(Task("left", {"left": torch.zeros(4, 2)}, torch.zeros(4, 1), xor().cases))


@pytest.mark.parametrize(
    ("published", "count"), [(SYMMETRY, 6 * 2 + 2 + 2 + 1), (SYMMETRY_PDP, 17), (XOR, 7), (XOR_LOCAL_MINIMUM, 9)]
)
def test_weights_of_published_networks_are_counted(published, count):
    assert published.architecture.weight_count == count
    assert sum(w.numel() for w in published.replica().values()) == count


def test_family_tree_network_of_the_paper_can_be_built():
    """N Figs 2-3: 24 + 12 inputs, 6 + 6, 12, 6, 24."""
    plan = Architecture(
        {"person": 24, "relation": 12, "person_code": 6, "relation_code": 6, "central": 12, "penult": 6, "answer": 24},
        {
            "person_code": ["person"],
            "relation_code": ["relation"],
            "central": ["person_code", "relation_code"],
            "penult": ["central"],
            "answer": ["penult"],
        },
    )
    assert plan.weight_count == 24 * 6 + 12 * 6 + 12 * 12 + 12 * 6 + 6 * 24 + (6 + 6 + 12 + 6 + 24)
    assert plan.inputs == ["person", "relation"]
    assert plan.output == "answer"


def test_shared_weights_are_counted_once():
    assert PLANS["shared"].architecture.weight_count == 4 + 2
    assert PLANS["shared into one group"].architecture.weight_count == 4 + 2 + (2 + 1)


@each_plan
def test_derivatives_three_ways(plan):
    """By the formulas, by backward() through the Functions, and by the loops of the reference."""
    replicas = 3
    weights, task = random_weights(plan.architecture, replicas), random_task(plan.architecture)
    network = Network(plan.architecture, weights)
    y, *_, dE_dw = network.derivatives(task.inputs, task.desired.unsqueeze(2))
    output = network(task.inputs)
    E = error(output, task.desired)
    E.sum().backward()
    assert network.replicas == replicas
    torch.testing.assert_close(y, output.detach(), rtol=0, atol=1e-14)
    for key, w in network.weights.items():
        torch.testing.assert_close(dE_dw[key], w.grad, rtol=0, atol=1e-12)
    cases, d = cases_of(task)
    for r in range(replicas):
        w = to_reference(weights, r)
        expected_y = reference.outputs(plan.net, w, cases)
        torch.testing.assert_close(y[..., r], torch.tensor(expected_y, dtype=torch.float64), rtol=0, atol=1e-12)
        assert E[r].item() == pytest.approx(reference.error(expected_y, d), abs=1e-12)
        assert largest_gap(to_reference(dE_dw, r), reference.derivatives(plan.net, w, cases, d)) < 1e-12


@each_plan
def test_activity_of_every_group(plan):
    weights, task = random_weights(plan.architecture, 2), random_task(plan.architecture)
    activity = Network(plan.architecture, weights).activity(task.inputs)
    cases, _ = cases_of(task)
    for c, case in enumerate(cases):
        for (group, unit), value in reference.forward(plan.net, to_reference(weights, 1), case).items():
            assert activity[group][c, unit, -1].item() == pytest.approx(value, abs=1e-14)


def test_a_whole_network_has_every_derivative():
    """E as a function of its weights: backward, forward mode, and both again for the second derivative."""
    plan = PLANS["shared"].architecture
    network, task = Network(plan, random_weights(plan, 2)), random_task(plan)

    def E(*weights):
        values = dict(zip((f"weights.{key}" for key in network.weights), weights, strict=True))
        return error(torch.func.functional_call(network, values, (task.inputs,)), task.desired)

    weights = [w.detach().requires_grad_() for w in network.weights.values()]
    assert_first_derivative(E, *weights)
    assert_second_derivative(E, *weights)


def test_error_is_differentiable_in_the_desired_outputs_too():
    y, d = (torch.rand(4, 2, 3, dtype=torch.float64, requires_grad=True) for _ in range(2))
    assert_first_derivative(error, y, d)


def test_reference_against_finite_differences():
    """The reference, too, is checked by something that is not the reference."""
    plan = PLANS["shared"]
    task = random_task(plan.architecture)
    cases, d = cases_of(task)
    w = to_reference(random_weights(plan.architecture, 1), 0)
    exact = reference.derivatives(plan.net, w, cases, d)
    for weight in plan.net.weights:
        up, down = ({**w, weight: w[weight] + step} for step in (1e-5, -1e-5))
        rise = [reference.error(reference.outputs(plan.net, moved, cases), d) for moved in (up, down)]
        assert (rise[0] - rise[1]) / 2e-5 == pytest.approx(exact[weight], abs=1e-8)


def test_wrong_weights_are_refused():
    plan = PLANS["symmetry 6-2-1"].architecture
    good = random_weights(plan, 3)
    Network(plan, good)
    name = "hidden->output"
    with pytest.raises(ValueError, match="the architecture has"):
        Network(plan, {key: w for key, w in good.items() if key != name})
    with pytest.raises(ValueError, match="the architecture has"):
        Network(plan, {**good, "input->output": good[name]})
    for bad in (good[name][..., 0], good[name].transpose(0, 1), good[name].unsqueeze(0)):
        with pytest.raises(ValueError, match=r"weights of hidden->output have shape"):
            Network(plan, {**good, name: bad})
    with pytest.raises(ValueError, match="same number of replicas"):
        Network(plan, {**good, name: good[name][..., :2]})
