"""Attention: by hand, against torch's own; a network with it, and its training, against loops in complex numbers."""

import cmath
import dataclasses
import math

import pytest
import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.gradcheck import GradcheckError
from torch.nn.functional import scaled_dot_product_attention

from repro import attention
from repro.attention import FUNCTIONS, KEY, QUERY, VALUE, Attention, AttentionPlan, derivatives, forward_pass
from repro.errors import AS_PRINTED, ErrorMeasure, included_cases
from repro.learning import Phase
from repro.networks import SpecError, error
from repro.population import NEVER, Population, initial_weights
from repro.tasks import Task
from repro.tasks.family_trees import family_trees
from repro.training_setup import Criterion, Learning
from tests import setups
from tests.gradients import assert_first_derivative, assert_second_derivative, wrong
from tests.repro.test_transforms import HUNDRED, assert_times, loss, modes

H = ErrorMeasure(satisfied="unit", measured_from="bound")
SMALL = AttentionPlan({"left": 2, "right": 3, "third": 2}, width=2, hidden=3, outputs=2)
PHASES = (Phase(0.5, 0.5, 2), Phase(0.25, 0.9))

each_measure = pytest.mark.parametrize("measure", [AS_PRINTED, H], ids=["as printed", "H"])


def train(plan, weights, task, learning, tolerance, error_measure=AS_PRINTED, held_out=None, **options) -> Population:
    """A population with these weights after its training; who has learned goes on, and the weights given stay."""
    some = next(iter(weights.values()))
    population = Population.start(plan, range(some.shape[2]), 0.0, some.dtype)
    population.weights = {key: w.clone() for key, w in weights.items()}
    criterion = Criterion(tolerance, stop=False)
    snapshots = setups.train(
        population,
        task,
        learning,
        criterion,
        learning.sweeps,
        error_measure=error_measure,
        held_out=held_out,
        **options,
    )
    *_, last = snapshots
    return last.population


def some(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def arguments() -> list[Tensor]:
    """2 cases, 3 tokens ask and 4 answer, 2 units in q and k and 5 in v, 3 replicas."""
    shapes = ((2, 3, 2, 3), (2, 4, 2, 3), (2, 4, 5, 3))
    return [some(*shape, seed=seed).requires_grad_() for seed, shape in enumerate(shapes)]


def plain(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """In other torch operations, for torch's own autograd to differentiate."""
    raised = torch.exp(torch.einsum("ctnr,cunr->ctur", q, k) / q.shape[2] ** 0.5)
    return torch.einsum("ctur,cunr->ctnr", raised, v) / raised.sum(dim=2).unsqueeze(2)


def random_task(plan: AttentionPlan, cases: int = 4) -> Task:
    """Inputs between 0 and 1, desired outputs 0 and 1."""
    inputs = {name: some(cases, units, seed=units).sigmoid() for name, units in plan.inputs.items()}
    return Task("random", inputs, (some(cases, plan.outputs, seed=9) > 0).double(), ("",) * cases)


def random_weights(plan: AttentionPlan, replicas: int = 3) -> dict[str, Tensor]:
    return {key: some(*shape, replicas, seed=n) for n, (key, shape) in enumerate(plan.weight_shapes.items())}


# By hand -------------------------------------------------------------------------------------------------

LN_3 = math.log(3)


def test_scores_by_hand():
    """4 units, so that the root is 2; token 0 asks with 1, 2, 3, 4."""
    q = torch.tensor([[1.0, 2, 3, 4], [0, 0, 0, 2]]).reshape(1, 2, 4, 1)
    k = torch.tensor([[1.0, 1, 1, 1], [0, 0, 0, -1]]).reshape(1, 2, 4, 1)
    assert attention.scores(q, k).flatten().tolist() == [5, -2, 1, -1]


def test_attention_by_hand():
    """exp(ln 3) is 3: token 0 listens to the other three times as much as to itself, token 1 to both alike."""
    a = attention.softmax(torch.tensor([[0.0, LN_3], [7, 7]], dtype=torch.float64).reshape(1, 2, 2, 1))
    assert a.flatten().tolist() == pytest.approx([1 / 4, 3 / 4, 1 / 2, 1 / 2], abs=1e-15)
    v = torch.tensor([[4.0, 0], [8, 1]], dtype=torch.float64).reshape(1, 2, 2, 1)
    assert attention.attended(a, v).flatten().tolist() == pytest.approx([7, 3 / 4, 6, 1 / 2], abs=1e-15)


def test_derivatives_by_hand():
    a = torch.tensor([[1 / 4, 3 / 4], [1 / 2, 1 / 2]]).reshape(1, 2, 2, 1)
    v = torch.tensor([[4.0, 0], [8, 1]]).reshape(1, 2, 2, 1)
    dE_dz = torch.tensor([[1.0, 0], [0, 2]]).reshape(1, 2, 2, 1)
    dE_da = attention.dE_da(dE_dz, v)
    assert dE_da.flatten().tolist() == [4, 8, 0, 2]
    assert attention.dE_dv(dE_dz, a).flatten().tolist() == [1 / 4, 1, 3 / 4, 1]
    dE_ds = attention.dE_ds(dE_da, a)
    assert dE_ds.flatten().tolist() == [(4 - 7) / 4, 3 * (8 - 7) / 4, (0 - 1) / 2, (2 - 1) / 2]
    k = torch.tensor([[1.0, 0, 0, 0], [0, 0, 0, 4]]).reshape(1, 2, 4, 1)
    assert attention.dE_dq(dE_ds, k).flatten().tolist() == [-3 / 8, 0, 0, 3 / 2, -1 / 4, 0, 0, 1]
    q = torch.tensor([[8.0, 0, 0, 0], [0, 4, 0, 0]]).reshape(1, 2, 4, 1)
    assert attention.dE_dk(dE_ds, q).flatten().tolist() == [-3, -1, 0, 0, 3, 1, 0, 0]


def test_extreme_scores():
    """exp(2,000) is beyond any float: a is 0 and 1 all the same, and no derivative is nan."""
    q = torch.tensor([1000.0, -1000.0]).reshape(1, 2, 1, 1).requires_grad_()
    z = Attention.apply(q, 2 * q, q)
    z.sum().backward()
    assert z.flatten().tolist() == [1000, -1000]
    assert q.grad.isfinite().all()


# The Function against torch's own ------------------------------------------------------------------------


def test_forward_and_backward_are_torchs():
    q, k, v = arguments()
    z = Attention.apply(q, k, v)
    own = scaled_dot_product_attention(*(t.permute(0, 3, 1, 2) for t in (q, k, v))).permute(0, 2, 3, 1)
    torch.testing.assert_close(z, own, rtol=0, atol=1e-14)
    incoming = some(*z.shape, seed=7)
    found, expected = (torch.autograd.grad(result, (q, k, v), incoming) for result in (z, own))
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-14)


def test_gradcheck():
    assert_first_derivative(Attention.apply, *arguments())


def test_double_backward():
    assert_second_derivative(Attention.apply, *arguments())


@pytest.mark.parametrize("factor", [1.0005, 0.9995, -1.0])
@pytest.mark.parametrize("argument", [None, 0, 1, 2])
def test_gradcheck_rejects_a_wrong_backward(factor, argument):
    with pytest.raises(GradcheckError):
        assert_first_derivative(wrong(Attention, factor, argument).apply, *arguments())


@pytest.mark.parametrize("name", ["dE_da", "dE_dv", "dE_ds", "dE_dq", "dE_dk"])
def test_gradcheck_rejects_one_wrong_formula(monkeypatch, name):
    right = getattr(attention, name)
    monkeypatch.setattr(attention, name, lambda *args: 1.0005 * right(*args))
    with pytest.raises(GradcheckError):
        assert_first_derivative(Attention.apply, *arguments())


def test_gradcheck_rejects_a_softmax_of_single_units(monkeypatch):
    """As if a were 1 / (1 + exp(-s)), with the slope of (5)."""
    monkeypatch.setattr(attention, "dE_ds", lambda dE_da, a: dE_da * a * (1 - a))
    with pytest.raises(GradcheckError):
        assert_first_derivative(Attention.apply, *arguments())


def test_gradgradcheck_rejects_a_saved_softmax():
    """What the docstring warns of: with a saved as a constant the first derivatives are right, the second are not."""

    class Saved(Function):
        @staticmethod
        def forward(ctx, q, k, v):
            ctx.save_for_backward(q, k, v, attention.softmax(attention.scores(q, k)))
            return Attention.forward(q, k, v)

        @staticmethod
        def backward(ctx, grad):
            return attention.dE_dqkv(grad, *ctx.saved_tensors)

    found = torch.autograd.grad(Saved.apply(*(twins := arguments())).sum(), twins)
    right = torch.autograd.grad(plain(*(twins := arguments())).sum(), twins)
    assert_times(found[2:], right[2:], 1.0)
    with pytest.raises(GradcheckError):
        assert_second_derivative(Saved.apply, *arguments())


@modes
def test_the_backward_pass_that_runs_is_this_one(mode):
    """One that is 100 times too large is seen in every mode."""
    right = torch.autograd.grad(loss(plain)(*(twins := arguments())), twins)
    assert_times(mode(Attention, arguments()), right, 1.0)
    assert_times(mode(wrong(Attention, HUNDRED), arguments()), right, HUNDRED)


def test_vmap():
    members = [torch.stack([t, t / 2]).detach() for t in arguments()]
    found = torch.func.vmap(Attention.apply)(*members)
    for n in range(2):
        torch.testing.assert_close(found[n], plain(*(t[n] for t in members)), rtol=0, atol=1e-14)


@pytest.mark.parametrize("form", ["expanded", "non-contiguous"])
def test_gradients_of_any_layout(form):
    inputs, twins = arguments(), arguments()
    z = Attention.apply(*inputs)
    incoming = torch.tensor(0.7, dtype=torch.float64).expand(z.shape)
    if form == "non-contiguous":
        incoming = some(*reversed(z.shape)).permute(3, 2, 1, 0)
    assert not incoming.is_contiguous()
    z.backward(incoming)
    plain(*twins).backward(incoming.clone())
    for one, other in zip(inputs, twins, strict=True):
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-12, atol=1e-14)


def test_the_same_tensor_three_times():
    one, twin = (some(2, 3, 4, 2).requires_grad_() for _ in range(2))
    Attention.apply(one, one, one).pow(2).sum().backward()
    plain(twin, twin, twin).pow(2).sum().backward()
    torch.testing.assert_close(one.grad, twin.grad, rtol=1e-12, atol=1e-13)


def test_an_argument_that_needs_no_gradient():
    q, k, v = arguments()
    assert_first_derivative(lambda q, v: Attention.apply(q, k.detach(), v), q, v)


@pytest.mark.parametrize("replicas", [0, 1])
def test_no_replicas_and_one(replicas):
    inputs = [t.detach()[..., :replicas].requires_grad_() for t in arguments()]
    z = Attention.apply(*inputs)
    z.sum().backward()
    torch.testing.assert_close(z, plain(*inputs), rtol=0, atol=1e-14)
    assert all(t.grad.shape == t.shape for t in inputs)


# A network by loops, in complex numbers ------------------------------------------------------------------
#
# No backward pass is needed for its derivatives: E(w + ih) = E(w) + ih ∂E/∂w for an h so small that h² is nothing.

STEP = 1e-30
Weights = dict[str, list[list[complex]]]


def reference_outputs(plan: AttentionPlan, w: Weights, case: dict[str, list[float]]) -> list[complex]:
    def linear(y, rows):
        return [sum(row[i] * y[i] for i in range(len(y))) for row in rows]

    def logistic(y, link, bias):
        return [1 / (1 + cmath.exp(-x - w[bias][j][0])) for j, x in enumerate(linear(y, w[link]))]

    tokens = []
    for name in plan.inputs:
        x = linear(case[name], w[f"{name}->{name}_token"])
        tokens.append([x[j] + w[f"bias->{name}_token"][j][0] for j in range(plan.width)])
    q, k, v = ([linear(token, w[key]) for token in tokens] for key in (QUERY, KEY, VALUE))
    got = []
    for t in range(len(tokens)):
        raised = [
            cmath.exp(sum(q[t][n] * k[u][n] for n in range(plan.width)) / math.sqrt(plan.width)) for u in range(len(k))
        ]
        got += [sum(r * v[u][n] for u, r in enumerate(raised)) / sum(raised) for n in range(plan.width)]
    return logistic(logistic(got, "attended->hidden", "bias->hidden"), "hidden->output", "bias->output")


def reference_E(plan: AttentionPlan, w: Weights, cases: list, d: list[list[float]], of_H: bool) -> complex:
    E = 0j
    for case, wanted in zip(cases, d, strict=True):
        for y, t in zip(reference_outputs(plan, w, case), wanted, strict=True):
            if not of_H:
                E += (y - t) ** 2 / 2
            elif (y.real <= 0.8) if t == 1 else (y.real >= 0.2):
                E += (y - (0.8 if t == 1 else 0.2)) ** 2 / 2
    return E


def reference_derivatives(
    plan: AttentionPlan, w: Weights, cases: list, d: list, of_H: bool
) -> dict[tuple[str, int, int], float]:
    found = {}
    for key, rows in w.items():
        for j, row in enumerate(rows):
            for i, value in enumerate(row):
                row[i] = value + STEP * 1j
                found[key, j, i] = reference_E(plan, w, cases, d, of_H).imag / STEP
                row[i] = value
    return found


def of_replica(weights: dict[str, Tensor], replica: int) -> Weights:
    return {key: value[..., replica].to(torch.complex128).tolist() for key, value in weights.items()}


def listed(task: Task) -> tuple[list[dict[str, list[float]]], list[list[float]]]:
    cases = [{name: values[c].tolist() for name, values in task.inputs.items()} for c in range(len(task.cases))]
    return cases, task.desired.tolist()


@each_measure
def test_derivatives_are_those_of_the_loops(measure):
    task, weights = random_task(SMALL), random_weights(SMALL)
    y, dE_dw = derivatives(SMALL, weights, task.inputs, task.desired.unsqueeze(2), measure)
    cases, d = listed(task)
    for r in range(3):
        w = of_replica(weights, r)
        expected_y = [[value.real for value in reference_outputs(SMALL, w, case)] for case in cases]
        torch.testing.assert_close(y[..., r], torch.tensor(expected_y, dtype=torch.float64), rtol=0, atol=1e-14)
        assert measure.E(y, task.desired.unsqueeze(2))[r].item() == pytest.approx(
            reference_E(SMALL, w, cases, d, measure == H).real, rel=1e-13
        )
        for (key, j, i), value in reference_derivatives(SMALL, w, cases, d, measure == H).items():
            assert dE_dw[key][j, i, r].item() == pytest.approx(value, rel=1e-11, abs=1e-14)


@each_measure
def test_autograd_through_the_functions_gives_the_same(measure):
    task = random_task(SMALL)
    weights = {key: w.requires_grad_() for key, w in random_weights(SMALL).items()}
    error(forward_pass(SMALL, weights, task.inputs, FUNCTIONS)["output"], task.desired, measure).sum().backward()
    plain_weights = {key: w.detach() for key, w in weights.items()}
    _, dE_dw = derivatives(SMALL, plain_weights, task.inputs, task.desired.unsqueeze(2), measure)
    assert dE_dw.keys() == weights.keys()
    for key, w in weights.items():
        torch.testing.assert_close(dE_dw[key], w.grad, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", ["dE_da", "dE_dv", "dE_ds", "dE_dq", "dE_dk"])
def test_a_wrong_formula_is_seen_by_the_loops(monkeypatch, name):
    """The comparison above can fail."""
    right = getattr(attention, name)
    monkeypatch.setattr(attention, name, lambda *args: 1.0005 * right(*args))
    with pytest.raises(AssertionError):
        test_derivatives_are_those_of_the_loops(AS_PRINTED)


@pytest.mark.parametrize("decay_of", ["weight", "change"])
@each_measure
def test_training_is_that_of_the_loops(measure, decay_of):
    """Five sweeps over two phases with momentum and decay, another case held out by each replica."""
    task, weights, decay = random_task(SMALL), random_weights(SMALL, 2), 0.01
    held_out = torch.tensor([[True, False], [False, False], [False, True], [False, False]])
    before = {key: w.clone() for key, w in weights.items()}
    learning = Learning(PHASES, sweeps=5, decay=decay, decay_of=decay_of)
    state = train(SMALL, weights, task, learning, 0.5, measure, held_out)
    assert all(w.equal(before[key]) for key, w in weights.items())
    assert state.sweep == 5
    for r in range(2):
        w, change = of_replica(weights, r), {}
        cases, d = ([x for c, x in enumerate(part) if not held_out[c, r]] for part in listed(task))
        learned_at = NEVER
        for t in range(6):
            y = [reference_outputs(SMALL, w, case) for case in cases]
            gaps = [abs(y[c][j].real - d[c][j]) for c in range(len(d)) for j in range(len(d[c]))]
            learned_at = t if learned_at == NEVER and max(gaps) <= 0.5 else learned_at
            if t == 5:
                break
            epsilon, alpha = (0.5, 0.5) if t < 2 else (0.25, 0.9)
            for (key, j, i), slope in reference_derivatives(SMALL, w, cases, d, measure == H).items():
                change[key, j, i] = -epsilon * slope + alpha * change.get((key, j, i), 0.0)
                if decay_of == "change":
                    change[key, j, i] *= 1 - decay
                w[key][j][i] += change[key, j, i]
                if decay_of == "weight":
                    w[key][j][i] *= 1 - decay
        assert state.learned_at[r].item() == learned_at
        for (key, j, i), value in change.items():
            assert state.weights[key][j, i, r].item() == pytest.approx(w[key][j][i].real, rel=1e-10, abs=1e-13)
            assert state.delta_w[key][j, i, r].item() == pytest.approx(value, rel=1e-9, abs=1e-13)


# What else must hold -------------------------------------------------------------------------------------


def test_replicas_do_not_touch_each_other():
    task, weights = random_task(SMALL), random_weights(SMALL)
    together = train(SMALL, weights, task, Learning(PHASES, 4), 0.5)
    for r in range(3):
        alone = train(SMALL, {key: w[..., r : r + 1] for key, w in weights.items()}, task, Learning(PHASES, 4), 0.5)
        for key, w in alone.weights.items():
            torch.testing.assert_close(together.weights[key][..., r : r + 1], w, rtol=1e-12, atol=1e-14)


def test_a_held_out_case_does_not_matter():
    """Whatever is wanted in it."""
    task, weights = random_task(SMALL), random_weights(SMALL)
    other = dataclasses.replace(task, desired=task.desired.clone())
    other.desired[1] = 1 - other.desired[1]
    held_out = torch.tensor([[False], [True], [False], [False]])
    one, two = (train(SMALL, weights, t, Learning(PHASES, 3), 0.5, AS_PRINTED, held_out) for t in (task, other))
    assert all(w.equal(two.weights[key]) for key, w in one.weights.items())
    assert one.learned_at.equal(two.learned_at)
    learned = train(SMALL, weights, other, Learning(PHASES, 3), 0.5, AS_PRINTED)
    assert not any(w.equal(learned.weights[key]) for key, w in one.weights.items())


def test_who_meets_the_criterion_at_once_and_who_never():
    task, weights = random_task(SMALL), random_weights(SMALL)
    assert train(SMALL, weights, task, Learning(PHASES, 2), tolerance=1.0).learned_at.tolist() == [0, 0, 0]
    assert train(SMALL, weights, task, Learning(PHASES, 2), tolerance=0.0).learned_at.tolist() == [NEVER] * 3


def test_met_after_the_last_sweep():
    """The snapshot after the last change counts."""
    task, weights = random_task(SMALL), random_weights(SMALL)
    learned_at = train(SMALL, weights, task, Learning(PHASES, 200), 0.5).learned_at
    first = int(learned_at[learned_at > 0].min())
    assert first > 1
    assert int(train(SMALL, weights, task, Learning(PHASES, first), 0.5).learned_at[learned_at == first].min()) == first
    assert (
        int(train(SMALL, weights, task, Learning(PHASES, first - 1), 0.5).learned_at[learned_at == first].max())
        == NEVER
    )


def test_tokens_alike_get_alike():
    """Where both tokens hold the same, each attends half to either and gets the value itself."""
    plan = AttentionPlan({"left": 2, "right": 2}, width=3, hidden=2, outputs=1)
    weights = random_weights(plan, 2)
    for kind in ("left->left_token", "bias->left_token"):
        weights[kind.replace("left", "right")] = weights[kind]
    same = some(5, 2)
    y = forward_pass(plan, weights, {"left": same, "right": same})
    torch.testing.assert_close(y["attended"], y["value"].flatten(1, 2), rtol=0, atol=1e-14)


def test_family_trees_plan_learns_some():
    """E falls over 200 sweeps; and by a small step against the gradient by as much as the gradient says."""
    plan, task = AttentionPlan({"person1": 24, "relation": 12}, width=6, hidden=6, outputs=24), family_trees()
    assert plan.weight_count == 582
    weights = initial_weights(plan, range(2), 1.0, torch.float64)
    d, out = task.desired.unsqueeze(2), torch.zeros(104, 1, dtype=torch.bool)
    out[:4] = True
    included = included_cases(out, d)

    def E_of(w: dict[str, Tensor]) -> Tensor:
        return H.E(forward_pass(plan, w, task.inputs)["output"], d, included)

    state = train(plan, weights, task, Learning((Phase(0.03, 0.9),), 200), 0.5, H, out)
    assert (E_of(state.weights) < 0.9 * E_of(weights)).all()
    _, dE_dw = derivatives(plan, weights, task.inputs, d, H, included)
    step = {key: weights[key] - 1e-6 * slope for key, slope in dE_dw.items()}
    squares = sum((slope * slope).sum(dim=(0, 1)) for slope in dE_dw.values())
    torch.testing.assert_close(E_of(weights) - E_of(step), 1e-6 * squares, rtol=1e-3, atol=0)


@pytest.mark.slow
def test_compiled_gives_the_same():
    task, weights, learning = random_task(SMALL), random_weights(SMALL, 16), Learning(PHASES, 30, 0.002)
    held_out = some(4, 16) > 1
    one, two = (train(SMALL, weights, task, learning, 0.5, H, held_out, compile=c) for c in (False, True))
    assert one.learned_at.equal(two.learned_at)
    for key, w in one.weights.items():
        torch.testing.assert_close(two.weights[key], w, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("way", [{}, {"per_case": True}, {"per_fan_in": True}, {"decay_biases": False}])
def test_explicit_and_autograd_train_alike(way):
    task, weights, learning = random_task(SMALL), random_weights(SMALL, 2), Learning(PHASES, 6, 0.01, **way)
    held_out = torch.tensor([[True, False], [False, False], [False, True], [False, False]])
    one, two = (
        train(SMALL, weights, task, learning, 0.5, H, held_out, backward_pass=backward)
        for backward in ("explicit", "autograd")
    )
    plain = train(SMALL, weights, task, Learning(PHASES, 6, 0.01), 0.5, H, held_out)
    for key, w in one.weights.items():
        torch.testing.assert_close(two.weights[key], w, rtol=1e-12, atol=1e-14)
        if way:  # and it is another way
            assert not plain.weights[key].equal(w) or (key.startswith("bias") and "decay_biases" not in way)


# Refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change", [{"inputs": {}}, {"inputs": {"left": 0}}, {"width": 0}, {"hidden": 0}, {"outputs": -1}]
)
def test_a_plan_without_units_is_refused(change):
    with pytest.raises(SpecError, match=r"nothing to attend to|(left|width|hidden|outputs)=.*at least 1"):
        dataclasses.replace(SMALL, **change)


def test_another_task_is_refused():
    with pytest.raises(SpecError, match=r"family_trees.*24.*left"):
        train(SMALL, random_weights(SMALL), family_trees(), Learning(PHASES, 1), 0.5)
    task = random_task(SMALL)
    wide = dataclasses.replace(task, desired=torch.zeros(4, 3).double())
    with pytest.raises(SpecError, match="3 outputs"):
        SMALL.check_task(wide)
