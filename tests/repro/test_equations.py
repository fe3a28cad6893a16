"""Equations (1)-(9): by hand, against loops, and their derivatives.

That the hand-written backward passes are the ones that run, in each mode, is test_transforms.py.
"""

import math
import random

import pytest
import torch
from torch import Tensor
from torch.autograd.gradcheck import GradcheckError

from repro import equations
from repro.equations import Logistic, SquaredError, TotalInput
from tests import reference
from tests.gradients import (
    assert_first_derivative,
    assert_second_derivative,
    each_function,
    inputs_of,
    plain,
    wrong,
)


def column(*values: float) -> Tensor:
    """Activity of one case and one replica, ``[1, units, 1]``."""
    return torch.tensor(values, dtype=torch.float64).reshape(1, -1, 1)


# By hand ---------------------------------------------------------------------------------------------------


def test_1_total_input_by_hand():
    y, w = column(0.5, 1.0), torch.tensor([[[2.0], [-3.0]], [[4.0], [0.25]]], dtype=torch.float64)
    assert equations.total_input(y, w).flatten().tolist() == [0.5 * 2 - 3, 0.5 * 4 + 0.25]  # not w's transpose


def test_2_logistic_by_hand():
    x = column(0.0, math.log(3), -math.log(3), math.log(9))
    assert equations.logistic(x).flatten().tolist() == pytest.approx([0.5, 0.75, 0.25, 0.9], abs=1e-15)


def test_3_error_by_hand():
    y = torch.tensor([[[0.75], [0.5]], [[0.25], [1.0]]], dtype=torch.float64)  # 2 cases, 2 units
    d = torch.tensor([[[1.0], [0.0]], [[0.0], [1.0]]], dtype=torch.float64)
    assert equations.error(y, d).tolist() == [(0.0625 + 0.25 + 0.0625 + 0) / 2]  # a sum, and half of it


def test_4_derivative_of_the_error_by_hand():
    assert equations.dE_dy_output(column(0.75, 0.5), column(1.0, 0.0)).flatten().tolist() == [-0.25, 0.5]


def test_5_through_the_logistic_by_hand():
    assert equations.dE_dx(column(-0.25, 2.0), column(0.75, 0.5)).flatten().tolist() == [-0.25 * 3 / 16, 2.0 / 4]


def test_6_derivative_of_a_weight_by_hand():
    dE_dx = torch.tensor([[[2.0], [3.0]], [[-1.0], [0.5]]], dtype=torch.float64)  # 2 cases, 2 units above
    y = torch.tensor([[[0.5]], [[0.25]]], dtype=torch.float64)  # 2 cases, 1 unit below
    assert equations.dE_dw(dE_dx, y).flatten().tolist() == [2 * 0.5 - 1 * 0.25, 3 * 0.5 + 0.5 * 0.25]


def test_7_derivative_of_a_unit_below_by_hand():
    dE_dx = column(2.0, -1.0)
    w = torch.tensor([[[3.0], [0.5]], [[4.0], [1.0]]], dtype=torch.float64)
    assert equations.dE_dy(dE_dx, w).flatten().tolist() == [2 * 3 - 4, 2 * 0.5 - 1]


def test_8_change_of_a_weight_by_hand():
    assert equations.steepest_descent(torch.tensor([2.0, -4.0]), 0.25).tolist() == [-0.5, 1.0]


def test_9_change_with_momentum_by_hand():
    change = equations.momentum(torch.tensor([2.0]), torch.tensor([0.5]), epsilon=0.25, alpha=0.5)
    assert change.tolist() == [-0.25 * 2 + 0.5 * 0.5]


def test_8_is_9_without_momentum():
    g, previous = torch.tensor([2.0]), torch.tensor([5.0])
    assert equations.momentum(g, previous, 0.25, 0.0).equal(equations.steepest_descent(g, 0.25))


def test_epsilon_and_alpha_may_be_tensors():
    g, previous = torch.ones(2, 3, 4), torch.full((2, 3, 4), 0.5)
    epsilon, alpha = torch.arange(4.0), torch.full((4,), 0.5)
    assert equations.momentum(g, previous, epsilon, alpha)[0, 0].tolist() == [0.25, -0.75, -1.75, -2.75]


# Against loops ---------------------------------------------------------------------------------------------


def test_formulas_are_the_loops_of_the_reference():
    net = reference.net({"input": 3, "hidden": 2, "output": 2}, {"hidden": ["input"], "output": ["hidden"]}, biases=[])
    draw = random.Random(3)
    w = {weight: draw.uniform(-1, 1) for weight in net.weights}
    cases = [{"input": [draw.uniform(0, 1) for _ in range(3)]} for _ in range(4)]
    desired = [[draw.uniform(0, 1) for _ in range(2)] for _ in cases]

    def matrix(link: str, to: int, source: int) -> Tensor:
        rows = [[w[link, j, i] for i in range(source)] for j in range(to)]
        return torch.tensor(rows, dtype=torch.float64).unsqueeze(2)

    to_hidden, to_output = matrix("input->hidden", 2, 3), matrix("hidden->output", 2, 2)
    below = torch.tensor([case["input"] for case in cases], dtype=torch.float64).unsqueeze(2)
    d = torch.tensor(desired, dtype=torch.float64).unsqueeze(2)

    y_hidden = equations.logistic(equations.total_input(below, to_hidden))
    y = equations.logistic(equations.total_input(y_hidden, to_output))
    dE_dx = equations.dE_dx(equations.dE_dy_output(y, d), y)
    dE_dx_hidden = equations.dE_dx(equations.dE_dy(dE_dx, to_output), y_hidden)

    expected_y = reference.outputs(net, w, cases)
    expected = reference.derivatives(net, w, cases, desired)
    torch.testing.assert_close(y[..., 0], torch.tensor(expected_y, dtype=torch.float64), rtol=0, atol=1e-14)
    assert equations.error(y, d).item() == pytest.approx(reference.error(expected_y, desired), abs=1e-14)
    found = {"hidden->output": equations.dE_dw(dE_dx, y_hidden), "input->hidden": equations.dE_dw(dE_dx_hidden, below)}
    for link, j, i in net.weights:
        assert found[link][j, i, 0].item() == pytest.approx(expected[link, j, i], abs=1e-14)


@pytest.mark.parametrize("shared", [False, True], ids=["a value a replica", "one value for all"])
def test_replicas_do_not_touch_each_other(shared):
    y, w = (t.detach() for t in inputs_of(TotalInput))
    y = y[..., :1] if shared else y
    x, together = equations.total_input(y, w), equations.dE_dw(equations.total_input(y, w), y)
    for r in range(5):
        own = y if shared else y[..., r : r + 1]
        alone = equations.total_input(own, w[..., r : r + 1])
        torch.testing.assert_close(x[..., r : r + 1], alone, rtol=0, atol=1e-14)
        torch.testing.assert_close(together[..., r : r + 1], equations.dE_dw(alone, own), rtol=0, atol=1e-14)


@pytest.mark.parametrize("shape", [(3, 2, 5), (3, 2, 1)], ids=["replicas last", "shared"])
def test_both_paths_of_the_products_are_the_plain_sums(shape):
    y, w, grad = (torch.randn(*s, dtype=torch.float64) for s in (shape, (4, 2, 5), (3, 4, 5)))
    full = y.expand(3, 2, 5)
    for c, j, i, r in ((0, 0, 0, 0), (1, 2, 1, 3), (2, 3, 0, 4)):
        x = sum(full[c, i_, r] * w[j, i_, r] for i_ in range(2))
        torch.testing.assert_close(equations.total_input(y, w)[c, j, r], x, rtol=0, atol=1e-14)
        dE_dw = sum(grad[c_, j, r] * full[c_, i, r] for c_ in range(3))
        torch.testing.assert_close(equations.dE_dw(grad, y)[j, i, r], dE_dw, rtol=0, atol=1e-14)
        dE_dy = sum(grad[c, j_, r] * w[j_, i, r] for j_ in range(4))
        torch.testing.assert_close(equations.dE_dy(grad, w)[c, i, r], dE_dy, rtol=0, atol=1e-14)


# Derivatives -----------------------------------------------------------------------------------------------


@each_function
def test_eager_backward(function):
    inputs, twins = inputs_of(function), inputs_of(function)
    result, expected = function.apply(*inputs), plain(function)(*twins)
    torch.testing.assert_close(result, expected, rtol=0, atol=1e-14)
    incoming = torch.randn(result.shape, dtype=torch.float64)
    result.backward(incoming)
    expected.backward(incoming)
    for found, twin in zip(inputs, twins, strict=True):
        torch.testing.assert_close(found.grad, twin.grad, rtol=1e-13, atol=1e-14)


@each_function
def test_gradcheck(function):
    assert_first_derivative(function.apply, *inputs_of(function))


@each_function
def test_double_backward(function):
    assert_second_derivative(function.apply, *inputs_of(function))


@each_function
@pytest.mark.parametrize("factor", [1.0005, 0.9995, -1.0])
def test_gradcheck_rejects_a_wrong_first_derivative(function, factor):
    with pytest.raises(GradcheckError):
        assert_first_derivative(wrong(function, factor).apply, *inputs_of(function))


@each_function
def test_gradcheck_rejects_one_wrong_argument(function):
    for argument in range(len(inputs_of(function))):
        with pytest.raises(GradcheckError):
            assert_first_derivative(wrong(function, 1.0005, argument).apply, *inputs_of(function))


@each_function
def test_gradcheck_rejects_a_wrong_forward_mode(function):
    """The backward pass is right here and forward mode is not."""
    methods = {"jvp": staticmethod(lambda ctx, *changes: 1.0005 * function.jvp(ctx, *changes))}
    bad = type(function)("WrongJvp", (function,), methods)
    with pytest.raises(GradcheckError):
        assert_first_derivative(bad.apply, *inputs_of(function))


@each_function
def test_gradgradcheck_rejects_a_wrong_second_derivative(function):
    """The backward pass gives the right numbers; only 0.05 % of its own derivative is left out."""

    def leaky(t):
        return 0.9995 * t + 0.0005 * t.detach() if isinstance(t, Tensor) else t

    def backward(ctx, grad):
        right = function.backward(ctx, grad)
        return tuple(map(leaky, right)) if isinstance(right, tuple) else leaky(right)

    bad = type(function)("WrongSecond", (function,), {"backward": staticmethod(backward)})
    with pytest.raises(GradcheckError):
        assert_second_derivative(bad.apply, *inputs_of(function))


@pytest.mark.parametrize("function", [TotalInput, SquaredError], ids=lambda f: f.__name__)
@pytest.mark.parametrize("argument", [0, 1])
def test_an_argument_that_needs_no_gradient(function, argument):
    inputs = list(inputs_of(function))
    inputs[argument] = inputs[argument].detach()
    assert_first_derivative(function.apply, *inputs)
    assert_second_derivative(function.apply, *inputs)
    function.apply(*inputs).sum().backward()
    assert inputs[argument].grad is None


@pytest.mark.parametrize(("function", "argument"), [(TotalInput, 0), (SquaredError, 0), (SquaredError, 1)])
def test_an_argument_shared_by_all_replicas(function, argument):
    inputs = list(inputs_of(function))
    inputs[argument] = inputs[argument].detach()[..., :1].requires_grad_()
    assert_first_derivative(function.apply, *inputs)
    assert_second_derivative(function.apply, *inputs)
    twins = [t.detach().requires_grad_() for t in inputs]
    function.apply(*inputs).sum().backward()
    plain(function)(*twins).sum().backward()
    for found, twin in zip(inputs, twins, strict=True):
        assert found.grad.shape == found.shape
        torch.testing.assert_close(found.grad, twin.grad, rtol=1e-13, atol=1e-14)


@each_function
def test_expanded_gradient(function):
    """``.sum()`` sends back one number with strides 0."""
    inputs, twins = inputs_of(function), inputs_of(function)
    result = function.apply(*inputs)
    incoming = torch.tensor(0.7, dtype=torch.float64).expand(result.shape)
    assert set(incoming.stride()) == {0}
    result.backward(incoming)
    plain(function)(*twins).backward(incoming.clone())
    for found, twin in zip(inputs, twins, strict=True):
        torch.testing.assert_close(found.grad, twin.grad, rtol=1e-13, atol=1e-14)


@each_function
def test_noncontiguous_gradient(function):
    inputs, twins = inputs_of(function), inputs_of(function)
    result = function.apply(*inputs)
    reversed_shape = tuple(reversed(result.shape))
    incoming = torch.randn(*reversed_shape, 2, dtype=torch.float64)[..., 0].permute(*range(result.ndim - 1, -1, -1))
    assert not incoming.is_contiguous()
    result.backward(incoming)
    plain(function)(*twins).backward(incoming.contiguous())
    for found, twin in zip(inputs, twins, strict=True):
        torch.testing.assert_close(found.grad, twin.grad, rtol=1e-13, atol=1e-14)


@each_function
def test_noncontiguous_arguments(function):
    inputs = [t.detach().transpose(0, 2).contiguous().transpose(0, 2).requires_grad_() for t in inputs_of(function)]
    assert not any(t.is_contiguous() for t in inputs)
    assert_first_derivative(function.apply, *inputs)


@each_function
def test_same_tensor_twice(function):
    """Both contributions count: y and w views of one tensor, E of y against itself, one x used in two places."""
    one = torch.randn(3, 3, 4, dtype=torch.float64, requires_grad=True)
    twin = one.detach().clone().requires_grad_()
    uses = {
        TotalInput: lambda f, t: f(t, t),
        SquaredError: lambda f, t: f(t, 2 * t) + f(t, t),
        Logistic: lambda f, t: f(t) * f(t.transpose(0, 1)),
    }
    uses[function](function.apply, one).pow(2).sum().backward()
    uses[function](plain(function), twin).pow(2).sum().backward()
    torch.testing.assert_close(one.grad, twin.grad, rtol=1e-12, atol=1e-13)


def test_views_of_one_tensor():
    store = torch.randn(5, 3, 4, dtype=torch.float64, requires_grad=True)
    assert_first_derivative(lambda t: TotalInput.apply(t[:3], t[1:]), store)
    assert_second_derivative(lambda t: TotalInput.apply(t[:3], t[1:]), store)


def test_a_tensor_compared_with_itself():
    y = torch.randn(3, 2, 4, dtype=torch.float64, requires_grad=True)
    E = SquaredError.apply(y, y)
    E.sum().backward()
    assert E.tolist() == [0.0] * 4
    assert not y.grad.any()


@each_function
@pytest.mark.parametrize(("dtype", "within"), [(torch.float64, 1e-13), (torch.float32, 1e-5), (torch.bfloat16, 0.06)])
def test_dtypes(function, dtype, within):
    """Results and derivatives keep the precision of the arguments, and are those of float64 up to its rounding."""
    inputs = inputs_of(function, dtype)
    twins = [t.detach().double().requires_grad_() for t in inputs]
    result, expected = function.apply(*inputs), plain(function)(*twins)
    assert result.dtype == dtype
    torch.testing.assert_close(result.double(), expected, rtol=within, atol=within)
    result.sum().backward()
    expected.sum().backward()
    for found, twin in zip(inputs, twins, strict=True):
        assert found.grad.dtype == dtype
        torch.testing.assert_close(found.grad.double(), twin.grad, rtol=within, atol=within)


@pytest.mark.parametrize("replicas", [0, 1])
@each_function
def test_no_replicas_and_one(function, replicas):
    inputs = [t.detach()[..., :replicas].requires_grad_() for t in inputs_of(function)]
    twins = [t.detach().requires_grad_() for t in inputs]
    result, expected = function.apply(*inputs), plain(function)(*twins)
    assert result.shape == expected.shape
    result.sum().backward()
    expected.sum().backward()
    for found, twin in zip(inputs, twins, strict=True):
        assert found.grad.shape == found.shape
        torch.testing.assert_close(found.grad, twin.grad, rtol=1e-13, atol=1e-14)


@each_function
def test_no_cases(function):
    """The error of no cases is 0, and no case changes no weight."""
    inputs = list(inputs_of(function))
    for position in (0,) if function is TotalInput else range(len(inputs)):
        inputs[position] = inputs[position].detach()[:0].requires_grad_()
    result = function.apply(*inputs)
    result.sum().backward()
    assert not result.any()
    for t in inputs:
        assert t.grad.shape == t.shape
        assert not t.grad.any()


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_extreme_total_inputs(dtype):
    x = torch.tensor([-1000.0, -100.0, 0.0, 100.0, 1000.0], dtype=dtype).reshape(1, 5, 1).requires_grad_()
    y = Logistic.apply(x)
    y.sum().backward()
    assert y.flatten()[[0, 2, 3, 4]].tolist() == [0.0, 0.5, 1.0, 1.0]
    assert 0 <= y.flatten()[1] < 1e-40
    assert x.grad.flatten()[[0, 2, 3, 4]].tolist() == [0.0, 0.25, 0.0, 0.0]
    assert x.grad.isfinite().all()
