"""How the error of an output unit is counted where it is not simply (3) and (4).

For the family trees N and H count no error for a unit that is on or off clearly enough: N Fig. 4 says so, and H
p.11 adds that what remains is measured from the bound, 0.8 or 0.2, and not from 1 or 0. ``ErrorMeasure`` holds
these readings, and those that the text leaves room for, each with its derivative written by hand.

Shapes: y ``[cases, units, replicas]``, d ``[cases, units, 1]``, included ``[cases, 1, replicas]`` or None.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from repro import equations
from repro.choices import ErrorForm, MeasuredFrom, Satisfied

SMALLEST_SLOPE = 1e-7
"""Least y (1 - y) that cross-entropy divides by: an output of exactly 0 or 1 in float32 has none left."""


@dataclass(frozen=True)
class ErrorMeasure:
    """E and ∂E/∂y of the output units. The defaults are (3) and (4) as printed.

    form: "squared", or "cross_entropy", Σ t ln (t / y) + (1 - t) ln ((1 - t) / (1 - y)) with t what is wanted, which
        makes ∂E/∂x = y - t.
    satisfied: whether an output beyond its bound counts no error: "never", by "unit" (N Fig. 4, H p.11), or only
        once every unit of the "case" is beyond its bound.
    measured_from: where the error of the others starts: the "target" d, or the "bound" (H p.11).
    on_bound, off_bound: the bounds, for units whose d is above and below the middle.
    factor: E is this many times as large; 2 leaves out the ½ of (3).
    """

    form: ErrorForm = ErrorForm.squared
    satisfied: Satisfied = Satisfied.never
    measured_from: MeasuredFrom = MeasuredFrom.target
    on_bound: float = 0.8
    off_bound: float = 0.2
    factor: float = 1.0

    def wanted(self, y: Tensor, d: Tensor, included: Tensor | None = None) -> Tensor:
        """What each output is compared with: d or the bound, and y itself where no error counts."""
        if self.satisfied == Satisfied.never and self.measured_from == MeasuredFrom.target and included is None:
            return d
        should_be_on = d > (self.on_bound + self.off_bound) / 2
        # not torch.where of two numbers: in float64 that has 0.8 of float32
        bound = torch.full_like(d, self.off_bound, dtype=y.dtype).masked_fill(should_be_on, self.on_bound)
        counts = torch.ones_like(y, dtype=torch.bool) if included is None else (included > 0).expand_as(y)
        if self.satisfied != Satisfied.never:
            beyond = torch.where(should_be_on, y > bound, y < bound)
            if self.satisfied == Satisfied.case:
                beyond = beyond.all(dim=1, keepdim=True)
            counts = counts & ~beyond
        return torch.where(counts, d if self.measured_from == MeasuredFrom.target else bound, y)

    def E(self, y: Tensor, d: Tensor, included: Tensor | None = None) -> Tensor:
        """The error summed over the included cases and the units, ``[replicas]``; (3) by default."""
        t = self.wanted(y, d, included)
        if self.form == ErrorForm.squared:
            return self.factor * equations.error(y, t)
        high, low = y.clamp_min(SMALLEST_SLOPE), (1 - y).clamp_min(SMALLEST_SLOPE)
        on, off = t.clamp_min(SMALLEST_SLOPE) / high, (1 - t).clamp_min(SMALLEST_SLOPE) / low  # 1 where t is y
        return self.factor * (torch.xlogy(t, on) + torch.xlogy(1 - t, off)).sum(dim=(0, 1))

    def dE_dy(self, y: Tensor, d: Tensor, included: Tensor | None = None) -> Tensor:
        """The derivative of E by each output, shaped like y; (4) by default."""
        slope = equations.dE_dy_output(y, self.wanted(y, d, included))
        if self.form == ErrorForm.cross_entropy:
            slope = slope / (y * (1 - y)).clamp_min(SMALLEST_SLOPE)
        return slope if self.factor == 1 else self.factor * slope


def included_cases(held_out: Tensor, like: Tensor) -> Tensor:
    """``included`` from the cases held out: 1 where a case counts for a replica, 0 where it does not.

    held_out ``[cases, replicas or 1]``, bool; returns ``[cases, 1, replicas or 1]``, with like's type and device.
    """
    return (~held_out).to(like).unsqueeze(1)


AS_PRINTED = ErrorMeasure()
"""(3) and (4)."""


class MeasuredError(Function):
    """E = MeasuredError.apply(y, d, error_measure, included): any ErrorMeasure, with its hand-written backward pass."""

    generate_vmap_rule = True

    @staticmethod
    def forward(y: Tensor, d: Tensor, error_measure: ErrorMeasure, included: Tensor | None) -> Tensor:
        return error_measure.E(y, d, included)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, ErrorMeasure, Tensor | None], output: Tensor) -> None:
        y, d, ctx.error_measure, included = inputs
        if d.requires_grad:
            raise ValueError("MeasuredError has no derivative by the desired outputs d; pass d.detach()")
        ctx.save_for_backward(y, d, included)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None]:
        y, d, included = ctx.saved_tensors
        return grad * ctx.error_measure.dE_dy(y, d, included), None, None, None
