"""Every way of counting the error of an output unit: by hand, against the reference, and against finite differences."""

import itertools
import math

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck
from torch.autograd.gradcheck import GradcheckError

from repro import equations
from repro.errors import AS_PRINTED, ErrorMeasure, MeasuredError
from repro.networks import error
from tests import reference
from tests.gradients import TIGHT, wrong

FORMS, SATISFIED, FROM = ("squared", "cross_entropy"), ("never", "unit", "case"), ("target", "bound")
MEASURES = {
    f"{form}, {satisfied}, {start}": ErrorMeasure(form, satisfied, start)
    for form, satisfied, start in itertools.product(FORMS, SATISFIED, FROM)
}
MEASURES["other bounds, factor 2"] = ErrorMeasure("squared", "unit", "bound", on_bound=0.9, off_bound=0.3, factor=2.0)
each_measure = pytest.mark.parametrize("measure", MEASURES.values(), ids=MEASURES.keys())

H = ErrorMeasure(satisfied="unit", measured_from="bound")
"""H p.11: no error beyond 0.8 or 0.2, and the rest measured from there."""


def row(*values: float) -> Tensor:
    """One case, one replica, ``[1, units, 1]``."""
    return torch.tensor(values, dtype=torch.float64).reshape(1, -1, 1)


def by_hand(measure: ErrorMeasure, y: Tensor, d: Tensor) -> tuple[float, list[float]]:
    return measure.E(y, d).item(), measure.dE_dy(y, d).flatten().tolist()


def some_outputs(seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """y ``[6, 3, 5]`` away from every bound, d ``[6, 3, 1]``, included ``[6, 1, 5]``; whole cases are satisfied.

    The kinks stand at 0.2, 0.3, 0.8 and 0.9: y keeps 0.01 away from them.
    """
    generator = torch.Generator().manual_seed(seed)
    y = 0.04 + 0.92 * torch.rand(6, 3, 5, generator=generator, dtype=torch.float64)
    d = (torch.rand(6, 3, 1, generator=generator) > 0.5).double()
    y[:2] = (0.95 * d + 0.05 * (1 - d))[:2] + 0.02 * (torch.rand(2, 3, 5, generator=generator) - 0.5)
    y[1, 0, 2] = 0.5  # all but one unit of one case
    for kink in (0.2, 0.3, 0.8, 0.9):
        near = (y - kink).abs() < 0.01
        y[near] += 0.02
    included = (torch.rand(6, 1, 5, generator=generator) > 0.3).double()
    included[:2, :, 0] = 1
    return y, d, included


# By hand -------------------------------------------------------------------------------------------------


def test_a_unit_that_is_satisfied_counts_nothing():
    total, slope = by_hand(H, row(0.85, 0.15, 1.0, 0.0), row(1, 0, 1, 0))
    assert total == 0
    assert slope == [0, 0, 0, 0]


def test_the_other_way_round_it_counts():
    """On where it should be off is not satisfied, however far beyond."""
    total, slope = by_hand(H, row(0.9, 0.1), row(0, 1))
    assert total == pytest.approx((0.7**2 + 0.7**2) / 2, abs=1e-15)
    assert slope == pytest.approx([0.7, -0.7], abs=1e-15)


def test_H_measures_from_the_bound():
    total, slope = by_hand(H, row(0.5, 0.5, 0.85), row(1, 0, 1))
    assert total == pytest.approx((0.3**2 + 0.3**2) / 2, abs=1e-15)
    assert slope == pytest.approx([-0.3, 0.3, 0], abs=1e-15)  # in float64: float32 has 0.80000001 for 0.8


def test_N_alone_measures_from_the_target():
    total, slope = by_hand(ErrorMeasure(satisfied="unit"), row(0.5, 0.5, 0.85), row(1, 0, 1))
    assert total == 0.25
    assert slope == [-0.5, 0.5, 0]


def test_a_bound_without_satisfaction_is_a_target():
    """Beyond it, the unit is drawn back."""
    total, slope = by_hand(ErrorMeasure(measured_from="bound"), row(0.9, 0.1), row(1, 0))
    assert total == pytest.approx(0.01, abs=1e-15)
    assert slope == pytest.approx([0.1, -0.1], abs=1e-15)


def test_the_bound_itself_is_not_beyond():
    """N: above 0.8, below 0.2."""
    total, slope = by_hand(ErrorMeasure(satisfied="unit"), row(0.8, 0.2), row(1, 0))
    assert total == pytest.approx(0.04, abs=1e-15)
    assert slope == pytest.approx([-0.2, 0.2], abs=1e-15)


def test_cases_are_satisfied_whole():
    measure = ErrorMeasure(satisfied="case")
    y = torch.tensor([[0.9, 0.1], [0.9, 0.5]], dtype=torch.float64).unsqueeze(2)
    d = torch.tensor([[1.0, 0.0], [1.0, 0.0]], dtype=torch.float64).unsqueeze(2)
    total, slope = by_hand(measure, y, d)
    assert total == pytest.approx((0.1**2 + 0.5**2) / 2, abs=1e-15)  # the second case counts all its units
    assert slope == pytest.approx([0, 0, -0.1, 0.5], abs=1e-15)


def test_cross_entropy_by_hand():
    total, slope = by_hand(ErrorMeasure("cross_entropy"), row(0.5, 0.25), row(1, 0))
    assert total == pytest.approx(math.log(2) + math.log(4 / 3), abs=1e-15)
    assert slope == pytest.approx([-2, 4 / 3], abs=1e-14)


def test_cross_entropy_to_a_bound_by_hand():
    total, slope = by_hand(ErrorMeasure("cross_entropy", "unit", "bound"), row(0.5, 0.1), row(1, 0))
    assert total == pytest.approx(0.8 * math.log(1.6) + 0.2 * math.log(0.4), abs=1e-15)
    assert slope == pytest.approx([-0.3 * 4, 0], abs=1e-14)


@pytest.mark.parametrize("satisfied", SATISFIED)
@pytest.mark.parametrize("start", FROM)
def test_cross_entropy_gives_y_less_what_is_wanted(satisfied, start):
    """∂E/∂x = y - t: (5) takes out what the slope has divided by."""
    y, d, _ = some_outputs()
    measure = ErrorMeasure("cross_entropy", satisfied, start)
    found = equations.dE_dx(measure.dE_dy(y, d), y)
    torch.testing.assert_close(found, y - measure.wanted(y, d), rtol=0, atol=1e-14)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("satisfied", SATISFIED)
def test_a_factor_of_2_doubles_both(form, satisfied):
    y, d, included = some_outputs()
    one, two = (ErrorMeasure(form, satisfied, "bound", factor=factor) for factor in (1.0, 2.0))
    assert two.E(y, d, included).equal(2 * one.E(y, d, included))
    assert two.dE_dy(y, d, included).equal(2 * one.dE_dy(y, d, included))
    assert ErrorMeasure(factor=2.0).E(row(0.5), row(1)).item() == 0.25  # without the ½ of (3)


def test_defaults_are_3_and_4_exactly():
    for dtype in (torch.float64, torch.float32):
        y, d, included = (t.to(dtype) for t in some_outputs())
        assert AS_PRINTED.E(y, d).equal(equations.error(y, d))
        assert AS_PRINTED.dE_dy(y, d).equal(equations.dE_dy_output(y, d))
        ones = torch.ones_like(included)
        assert AS_PRINTED.E(y, d, ones).equal(equations.error(y, d))
        assert AS_PRINTED.dE_dy(y, d, ones).equal(equations.dE_dy_output(y, d))


def test_the_published_readings_are_the_defaults():
    assert ErrorMeasure("squared", "never", "target", 0.8, 0.2, 1.0) == AS_PRINTED


def test_a_replica_leaves_out_whole_cases():
    y = torch.full((2, 2, 3), 0.5, dtype=torch.float64)
    d = torch.tensor([[1.0, 0.0], [0.0, 0.0]], dtype=torch.float64).unsqueeze(2)
    included = torch.tensor([[1.0, 0.0, 0.0], [1.0, 1.0, 0.0]], dtype=torch.float64).unsqueeze(1)
    assert AS_PRINTED.E(y, d, included).tolist() == [0.5, 0.25, 0]
    slope = AS_PRINTED.dE_dy(y, d, included)
    assert slope[..., 0].tolist() == [[-0.5, 0.5], [0.5, 0.5]]
    assert slope[..., 1].tolist() == [[0, 0], [0.5, 0.5]]
    assert not slope[..., 2].any()


@each_measure
def test_left_out_is_as_if_not_there(measure):
    y, d, included = some_outputs()
    for r in range(5):
        kept = included[:, 0, r] > 0
        alone = measure.E(y[kept][..., r : r + 1], d[kept])
        torch.testing.assert_close(measure.E(y, d, included)[r : r + 1], alone, rtol=0, atol=1e-14)
        slope = measure.dE_dy(y, d, included)[..., r]
        assert not slope[~kept].any()
        assert slope[kept].equal(measure.dE_dy(y, d)[kept][..., r])


@each_measure
def test_measures_are_those_of_the_reference(measure):
    y, d, _ = some_outputs()
    rule = reference.Rule(
        measure.form, measure.satisfied, measure.measured_from, measure.on_bound, measure.off_bound, measure.factor
    )
    for r in range(5):
        E = 0.0
        for c in range(6):
            of_case, slope = reference.case_error(y[c, :, r].tolist(), d[c, :, 0].tolist(), rule)
            E += of_case
            assert measure.dE_dy(y, d)[c, :, r].tolist() == pytest.approx(slope, rel=1e-14, abs=1e-15)
        assert measure.E(y, d)[r].item() == pytest.approx(E, rel=1e-14)


# Derivatives ---------------------------------------------------------------------------------------------


def assert_backward(function, y: Tensor) -> None:
    """As ``assert_first_derivative``, without forward mode: ``MeasuredError`` does not offer it."""
    assert gradcheck(function, (y,), check_batched_grad=True, **TIGHT)


@each_measure
@pytest.mark.parametrize("some", [False, True], ids=["all cases", "some cases"])
def test_gradcheck(measure, some):
    y, d, included = some_outputs()
    y.requires_grad_()
    assert_backward(lambda y: MeasuredError.apply(y, d, measure, included if some else None), y)
    assert gradgradcheck(lambda y: MeasuredError.apply(y, d, measure, included if some else None), (y,), **TIGHT)


@pytest.mark.parametrize("factor", [1.0005, 0.9995, -1.0])
@each_measure
def test_gradcheck_rejects_a_wrong_derivative(measure, factor):
    y, d, included = some_outputs()
    bad = wrong(MeasuredError, factor)
    with pytest.raises(GradcheckError):
        assert_backward(lambda y: bad.apply(y, d, measure, included), y.requires_grad_())


@each_measure
def test_the_slope_is_what_autograd_finds_in_E(measure):
    """Through torch's own derivative of the formula of E: exact on either side of a kink."""
    y, d, included = some_outputs()
    y.requires_grad_()
    t = measure.wanted(y, d, included).detach()
    counted = ~torch.isclose(t, y.detach(), rtol=0, atol=1e-12)
    if measure.form == "squared":
        E = measure.factor * ((y - t).square() / 2)
    else:
        E = -measure.factor * (t * y.log() + (1 - t) * (1 - y).log())
    (slope,) = torch.autograd.grad((E * counted).sum(), y)
    torch.testing.assert_close(measure.dE_dy(y.detach(), d, included), slope, rtol=1e-13, atol=1e-14)


HUNDRED = 100.0


def eager(function, y, rest):
    (slope,) = torch.autograd.grad(function.apply(y, *rest).pow(2).sum(), y)
    return slope


def func_grad(function, y, rest):
    return torch.func.grad(lambda y: function.apply(y, *rest).pow(2).sum())(y.detach())


def vmap_grad(function, y, rest):
    members = torch.stack([y, y]).detach()
    return torch.func.vmap(torch.func.grad(lambda y: function.apply(y, *rest).pow(2).sum()))(members)[1]


def compile_then_backward(function, y, rest):
    """fullgraph: a backward pass that torch runs outside what it has compiled would show nothing."""
    torch._dynamo.reset()
    E = torch.compile(lambda y: function.apply(y, *rest).pow(2).sum(), backend="aot_eager", fullgraph=True)(y)
    (slope,) = torch.autograd.grad(E, y)
    return slope


# torch's own compiler makes an instance of the Function's class where it follows its setup_context.
@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")
@pytest.mark.parametrize("mode", [eager, func_grad, vmap_grad, compile_then_backward], ids=lambda f: f.__name__)
def test_canary_is_seen(mode):
    """Each mode runs the backward pass written by hand: one 100 times too large shows."""
    y, d, included = some_outputs()
    y.requires_grad_()
    rest = (d, H, included)
    right = 2 * H.E(y, d, included).detach() * H.dE_dy(y.detach(), d, included)
    torch.testing.assert_close(mode(MeasuredError, y, rest), right, rtol=1e-12, atol=1e-13)
    torch.testing.assert_close(mode(wrong(MeasuredError, HUNDRED), y, rest), HUNDRED * right, rtol=1e-12, atol=1e-13)


def test_func_vmap():
    y, d, included = some_outputs()
    found = torch.func.vmap(lambda y: MeasuredError.apply(y, d, H, included))(torch.stack([y, 1 - y]))
    assert found.equal(torch.stack([H.E(y, d, included), H.E(1 - y, d, included)]))


def test_double_backward():
    """jacrev twice: 1 for every output that counts in H's error, 0 elsewhere."""
    y, d, included = some_outputs()
    second = torch.func.jacrev(torch.func.jacrev(lambda y: MeasuredError.apply(y, d, H, included).sum()))(y)
    counts = (H.wanted(y, d, included) != y).double().flatten()
    torch.testing.assert_close(second.reshape(90, 90), counts.diag(), rtol=0, atol=0)


def test_forward_mode_is_refused():
    y, d, _ = some_outputs()
    with pytest.raises(NotImplementedError, match="jvp"):
        torch.func.jvp(lambda y: MeasuredError.apply(y, d, H, None), (y,), (y,))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_dtypes(dtype):
    y, d, included = (t.to(dtype) for t in some_outputs())
    E = MeasuredError.apply(y.requires_grad_(), d, H, included)
    E.sum().backward()
    assert E.dtype == y.grad.dtype == dtype
    exact = H.E(y.detach().double(), d.double(), included.double())
    torch.testing.assert_close(E.detach().double(), exact, rtol=1e-5, atol=1e-6)


def test_a_derivative_by_the_desired_outputs_is_refused():
    y, d, _ = some_outputs()
    with pytest.raises(ValueError, match=r"MeasuredError has no derivative by the desired outputs d; pass d.detach()"):
        MeasuredError.apply(y, d.requires_grad_(), H, None)
    with pytest.raises(ValueError, match=r"d.detach()"):
        torch.func.grad(lambda d: MeasuredError.apply(y, d, H, None).sum())(d.detach())
    MeasuredError.apply(y, d.detach(), H, None)


def test_as_printed_runs_the_function_of_equations():
    """So that a whole network has every derivative, d included, where nothing is measured otherwise."""
    y, d, included = some_outputs()
    y.requires_grad_()
    assert "SquaredError" in error(y, d).grad_fn.name()
    assert "MeasuredError" in error(y, d, H).grad_fn.name()
    assert "MeasuredError" in error(y, d, AS_PRINTED, included).grad_fn.name()
    assert error(y, d, H, included).equal(H.E(y, d, included))
    assert error(y, d[..., 0], H).equal(H.E(y, d))  # d with or without a last axis


# Outputs of exactly 0 and 1 ------------------------------------------------------------------------------

SATURATED = torch.tensor([0.0, 1.0, 1e-30, 1e-8, 1 - 2**-24, 0.5]).reshape(1, 6, 1)


@each_measure
@pytest.mark.parametrize("on", [0.0, 1.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_saturated_outputs_give_numbers(measure, on, dtype):
    y, d = SATURATED.to(dtype), torch.full((1, 6, 1), on, dtype=dtype)
    E, slope = measure.E(y, d), measure.dE_dy(y, d)
    assert E.isfinite().all()
    assert (E >= 0).all()
    assert slope.isfinite().all()
    assert equations.dE_dx(slope, y).isfinite().all()
    y = y.clone().requires_grad_()
    MeasuredError.apply(y, d, measure, None).sum().backward()
    assert y.grad.equal(slope)


@pytest.mark.parametrize("form", FORMS)
def test_saturated_outputs_that_are_right_count_nothing(form):
    y = torch.tensor([1.0, 0.0, 1e-30, 1e-8]).reshape(1, 4, 1)
    d = torch.tensor([1.0, 0.0, 0.0, 0.0]).reshape(1, 4, 1)
    for satisfied in ("unit", "case"):
        for start in FROM:
            measure = ErrorMeasure(form, satisfied, start)
            assert measure.E(y, d).item() == 0
            assert not measure.dE_dy(y, d).any()


def test_a_wrong_saturated_output_counts_much_but_finitely():
    """ln of the least slope that is divided by; what (5) makes of it is 0 there, as the logistic's slope is."""
    measure = ErrorMeasure("cross_entropy")
    y, d = torch.tensor([0.0, 1.0]).reshape(1, 2, 1), torch.tensor([1.0, 0.0]).reshape(1, 2, 1)
    assert measure.E(y, d).item() == pytest.approx(2 * math.log(1e7), rel=1e-6)
    assert not equations.dE_dx(measure.dE_dy(y, d), y).any()
