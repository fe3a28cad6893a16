"""The plateau and the growth away from it: by hand on a network small enough, and against torch's own Hessian."""

import math

import pytest
import torch
from torch import Tensor

from repro.errors import AS_PRINTED, ErrorMeasure
from repro.hessian import hessian
from repro.learning import Phase
from repro.networks import Network, error
from repro.output_functions import SYMMETRIC
from repro.plateau import growth_rate, settle_output_biases
from repro.population import NEVER, Population
from repro.tasks import Task
from repro.tasks.family_trees import family_trees
from repro.tasks.xor import xor
from repro.training_setup import Criterion, Learning
from tests.plans import FAMILY_TREES, PLANS, Plan, random_task, random_weights
from tests.setups import train

H = ErrorMeasure(satisfied="unit", measured_from="bound")
MEASURES = {
    "as printed": AS_PRINTED,
    "H": H,
    "N alone": ErrorMeasure(satisfied="unit"),
    "cross-entropy": ErrorMeasure("cross_entropy"),
    "cross-entropy beyond 0.8 and 0.2": ErrorMeasure("cross_entropy", satisfied="unit"),
}
STEPPED = (MEASURES["N alone"], MEASURES["cross-entropy beyond 0.8 and 0.2"])
"""No error beyond 0.2, and that from 0 before it: E has a step there."""

each_measure = pytest.mark.parametrize("measure", MEASURES.values(), ids=MEASURES.keys())


def slopes_of(network: Network, task: Task, measure: ErrorMeasure) -> dict[str, Tensor]:
    _, dE_dw = network.derivatives(task.inputs, task.desired.unsqueeze(2), measure)
    return dE_dw


# Settled -------------------------------------------------------------------------------------------------


@each_measure
def test_settled_output_biases_are_at_a_minimum(measure):
    """Family trees, small weights as at the start: E falls up to there and rises from there, by a step for some."""
    task = family_trees()
    before = {key: 0.3 * w for key, w in random_weights(FAMILY_TREES.architecture, 3).items()}
    network = Network(FAMILY_TREES.architecture, {key: w.clone() for key, w in before.items()})
    settle_output_biases(network, task, measure)
    for key, w in network.weights.items():
        assert w.equal(before[key]) == (key != "bias->person2")
        assert w.grad is None
    at_rest = slopes_of(network, task, measure)["bias->person2"].abs().amax()
    assert (at_rest < 1e-10) == (measure not in STEPPED)
    for by, sign in ((-1e-7, -1), (1e-7, 1)):
        moved = Network(network.architecture, {key: w.detach().clone() for key, w in network.weights.items()})
        with torch.no_grad():
            moved.weights["bias->person2"] += by
        assert (slopes_of(moved, task, measure)["bias->person2"] * sign > 0).all()


def test_settled_on_the_mean_answer():
    """Where no weight says anything, an output is the mean of what is wanted of it, and E its variance."""
    task = family_trees()
    zeros = {key: torch.zeros(*shape, 1).double() for key, shape in FAMILY_TREES.architecture.weight_shapes.items()}
    network = Network(FAMILY_TREES.architecture, zeros)
    settle_output_biases(network, task, AS_PRINTED)
    mean = task.desired.mean(dim=0)
    with torch.no_grad():
        y = network(task.inputs)
    torch.testing.assert_close(y[..., 0], mean.expand(104, 24), rtol=0, atol=1e-12)
    E = (104 * mean * (1 - mean) / 2).sum()  # 112 of 2,496 outputs are on: about 53
    assert error(y, task.desired).item() == pytest.approx(E.item(), abs=1e-10)
    assert 50 < E < 56


def test_settled_by_H_is_where_few_cases_pull_as_much_as_many():
    """One case in ten wants the unit on. By (4) it settles on 0.1; by H at 0.26: 9 (y - 0.2) = 1 (0.8 - y).

    By N alone it is drawn up as long as nine are satisfied, and down as soon as they are not.
    """
    task = Task("one in ten", {"input": torch.ones(10, 1).double()}, torch.eye(10)[:, :1].double(), ("",) * 10)
    plan = Plan({"input": 1, "output": 1}, {"output": ["input"]}).architecture
    for measure, y in ((AS_PRINTED, 0.1), (H, 0.26), *((stepped, 0.2) for stepped in STEPPED)):
        network = Network(plan, {key: torch.zeros(1, 1, 1).double() for key in plan.weight_shapes})
        settle_output_biases(network, task, measure)
        assert network(task.inputs)[0, 0, 0].item() == pytest.approx(y, abs=1e-12)


# Second derivatives --------------------------------------------------------------------------------------


def hessian_by_torch(network: Network, task: Task, keys: list[str], replica: int) -> Tensor:
    """torch's own second derivatives of the formulas written in its own operations, ``[weights, weights]``."""
    weights = {key: w.detach()[..., replica] for key, w in network.weights.items()}
    architecture = network.architecture

    def E(flat: Tensor) -> Tensor:
        parts = flat.split([weights[key].numel() for key in keys])
        w = weights | {key: part.reshape(weights[key].shape) for key, part in zip(keys, parts, strict=True)}
        y = dict(task.inputs)
        for group in architecture.receiving:
            x = sum(y[k.source] @ w[k.key].T if k.source != "bias" else w[k.key].T for k in architecture.into(group))
            y[group] = torch.tanh(x / 2) if architecture.function(group) is SYMMETRIC else 1 / (1 + torch.exp(-x))
        return ((y[architecture.output] - task.desired) ** 2).sum() / 2

    return torch.autograd.functional.hessian(E, torch.cat([weights[key].flatten() for key in keys]), vectorize=True)


@pytest.mark.parametrize("name", ["xor 2-1-1", "two inputs, every link", "symmetric hidden units"])
def test_curvature_is_torchs_hessian(name):
    architecture = PLANS[name].architecture
    network, task = Network(architecture, random_weights(architecture, 3)), random_task(architecture)
    keys = list(architecture.weight_shapes)
    found = hessian(network, task, AS_PRINTED, keys)
    assert found.shape == (architecture.weight_count, architecture.weight_count, 3)
    torch.testing.assert_close(found, found.transpose(0, 1), rtol=0, atol=1e-13)
    for r in range(3):
        torch.testing.assert_close(found[..., r], hessian_by_torch(network, task, keys, r), rtol=0, atol=1e-12)


@each_measure
def test_curvature_against_finite_differences(measure):
    """Of the derivatives of E: no second derivative of anyone's."""
    architecture = PLANS["symmetry 6-2-1"].architecture
    task, step = random_task(architecture).with_targets(0.0, 1.0), 1e-6
    task = Task("hard", task.inputs, task.desired.round(), task.cases)
    weights = random_weights(architecture, 2)
    keys = ["input->hidden", "bias->output"]
    found = hessian(Network(architecture, weights), task, measure, keys)

    def slopes(key: str, place: tuple[int, int], by: float) -> Tensor:
        moved = {k: w.clone() for k, w in weights.items()}
        moved[key][place] += by
        dE_dw = slopes_of(Network(architecture, moved), task, measure)
        return torch.cat([dE_dw[k].flatten(0, 1) for k in keys])

    places = [(key, (j, i)) for key in keys for j in range(weights[key].shape[0]) for i in range(weights[key].shape[1])]
    for row, (key, place) in enumerate(places):
        rise = (slopes(key, place, step) - slopes(key, place, -step)) / (2 * step)
        torch.testing.assert_close(found[row], rise, rtol=0, atol=1e-8)


# Growth --------------------------------------------------------------------------------------------------

PHASE = Phase(epsilon=0.01, alpha=0.9)


@pytest.mark.parametrize("name", ["symmetry 6-2-1", "two inputs, every link", "symmetric hidden units"])
def test_growth_is_the_most_negative_eigenvalue(name):
    """Of torch's Hessian, by the weights between units, times ε / (1 - α) = 0.1."""
    architecture = PLANS[name].architecture
    network, task = Network(architecture, random_weights(architecture, 3)), random_task(architecture)
    settle_output_biases(network, task, AS_PRINTED)
    keys = [key for key in architecture.weight_shapes if not key.startswith("bias")]
    found = growth_rate(network, task, AS_PRINTED, PHASE)
    assert found.shape == (3,)
    assert (found > 0).any()
    for r in range(3):
        smallest = torch.linalg.eigvalsh(hessian_by_torch(network, task, keys, r)).min().item()
        assert found[r].item() == pytest.approx(0.1 * max(0.0, -smallest), abs=1e-12)


AND = Task("and", xor().inputs, torch.tensor([[0.0], [0.0], [0.0], [1.0]], dtype=torch.float64), xor().cases)
ONE_UNIT = Plan(
    {"input": 2, "hidden": 1, "output": 1}, {"hidden": ["input"], "output": ["hidden"]}, symmetric=["hidden"]
)
LEAVING = math.sqrt(1 / 2) * 3 / 32
"""-λ of AND with one hidden unit from -1 to 1, all weights 0 and the output settled at 1/4, the mean answer.

Of the second derivatives only those by v, from hidden to output, and by w, from an input to the hidden unit, are not 0:
½ y (1 - y) Σ_c (y - d_c) x_c, for either input ½ · 3/16 · (1/4 - 3/4). The eigenvalues are ± their length.
"""


def at_the_plateau(task: Task = AND) -> Network:
    network = Network(
        ONE_UNIT.architecture,
        {key: torch.zeros(*shape, 1).double() for key, shape in ONE_UNIT.architecture.weight_shapes.items()},
    )
    settle_output_biases(network, task, AS_PRINTED)
    return network


def test_growth_by_hand():
    network = at_the_plateau()
    assert network(AND.inputs).flatten().tolist() == pytest.approx([1 / 4] * 4, abs=1e-13)
    second = hessian(network, AND, AS_PRINTED, ["input->hidden", "hidden->output"])[..., 0]
    mixed = -3 / 64
    expected = torch.tensor([[0, 0, mixed], [0, 0, mixed], [mixed, mixed, 0]], dtype=torch.float64)
    torch.testing.assert_close(second, expected, rtol=0, atol=1e-13)
    assert growth_rate(network, AND, AS_PRINTED, PHASE).item() == pytest.approx(LEAVING * 0.1, abs=1e-13)
    assert growth_rate(network, AND, AS_PRINTED, Phase(0.02, 0.5)).item() == pytest.approx(LEAVING * 0.04, abs=1e-13)


def test_no_growth_where_no_direction_leads_down():
    """For exclusive-or the sums are 0: to second order nothing breaks the symmetry. And at a minimum nothing can."""
    assert growth_rate(at_the_plateau(xor()), xor(), AS_PRINTED, PHASE).item() == pytest.approx(0, abs=1e-15)
    easy = PLANS["no hidden"].architecture
    network = Network(easy, {key: torch.zeros(*shape, 2).double() for key, shape in easy.weight_shapes.items()})
    with torch.no_grad():
        task = Task("its own", random_task(easy).inputs, network(random_task(easy).inputs)[..., 0], ("",) * 5)
    assert growth_rate(network, task, AS_PRINTED, PHASE).tolist() == [0, 0]


def test_replicas_grow_by_themselves():
    architecture = PLANS["two inputs, every link"].architecture
    weights, task = random_weights(architecture, 3), random_task(architecture)
    together = growth_rate(Network(architecture, weights), task, AS_PRINTED, PHASE)
    for r in range(3):
        alone = Network(architecture, {key: w[..., r : r + 1] for key, w in weights.items()})
        torch.testing.assert_close(growth_rate(alone, task, AS_PRINTED, PHASE)[0], together[r], rtol=0, atol=1e-14)


@pytest.mark.parametrize(("decay", "leaves"), [(0.0, True), (0.002, True), (0.02, False)])
def test_training_leaves_the_plateau_at_that_rate(decay, leaves):
    """From 1e-6 along the direction that leaves: growth by the rate, less the decay, sweep by sweep.

    By (9), with g = -ε λ, the step from one sweep to the next is the larger root of r² - (1 + g + α) r + α = 0; with
    decay the weights are taken off beside it, which to first order is the rate less the decay over 1 - α of nothing.
    """
    network = at_the_plateau()
    rate = growth_rate(network, AND, AS_PRINTED, PHASE).item()
    w = {key: value.detach().clone() for key, value in network.weights.items()}
    w["input->hidden"] += 1e-6 / 2
    w["hidden->output"] += 1e-6 / math.sqrt(2)
    zero = {key: torch.zeros_like(value) for key, value in w.items()}
    population = Population(ONE_UNIT.architecture, (0,), w, zero, torch.full((1,), NEVER), torch.zeros(1).double())
    sizes = []
    learning = Learning((PHASE,), 400, decay, decay_biases=False)
    for snapshot in train(population, AND, learning, Criterion(0.0, stop=False), every=200):
        sizes.append(snapshot.population.weights["hidden->output"].item())
    found = (sizes[2] / sizes[1]) ** (1 / 200) - 1
    assert found == pytest.approx(rate - decay, rel=0.1)
    assert (found > 0) == leaves
    if not decay:
        total = 1 + 0.1 * rate + 0.9
        exact = (total + math.sqrt(total**2 - 4 * 0.9)) / 2
        assert found == pytest.approx(exact - 1, rel=1e-4)


def test_growth_of_the_family_trees_is_torchs():
    """The whole network of N Fig. 3, 576 weights between units."""
    architecture, task = FAMILY_TREES.architecture, family_trees()
    network = Network(architecture, {key: 0.3 * w for key, w in random_weights(architecture, 1).items()})
    settle_output_biases(network, task, AS_PRINTED)
    keys = [key for key in architecture.weight_shapes if not key.startswith("bias")]
    smallest = torch.linalg.eigvalsh(hessian_by_torch(network, task, keys, 0)).min().item()
    assert growth_rate(network, task, AS_PRINTED, PHASE).item() == pytest.approx(-0.1 * smallest, abs=1e-10)
