"""Iterative nets (N Fig. 5, p.535; P p.354-356): any unit may feed any unit, and all are updated at once, step by step.

Run for T steps, such a net is a layered net with T layers of links, all T with the same weights: ``IterativeNet`` makes
that layered net too. The layered net's backward pass is the iterative net's, with N's two provisos: the outputs of
every step are kept for it, and the derivatives of a weight's T copies are combined into one.

Shapes: activity at one step ``[cases, units, replicas]``; weights ``[to, from, replicas]``, where "from" counts every
unit and then, last, the unit that is always 1. Steps are counted from 0, the state that the net starts in.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal

import torch
from torch import Tensor
from torch.autograd import Function

from repro import equations, networks
from repro.errors import AS_PRINTED, ErrorMeasure
from repro.learning import Phase, updated
from repro.networks import ALWAYS_ON, Architecture, link_name
from repro.population import NEVER, initial_weights, replicas_per_chunk
from repro.training_setup import Criterion, within_tolerance

CHUNK_BYTES = 4 * 2**20
"""Room for the largest product of a step: with less, the many small operations take longer than what they compute."""

Combine = Literal["average", "sum"]
"""What becomes of the derivatives of a weight's T copies: N p.535 takes their average, P p.355 their sum."""


@dataclass(frozen=True, eq=False)
class Course:
    """What an iterative net is shown, and what is wanted of it, at each step of its run.

    given ``[steps + 1, cases, units]``: outputs that are set from outside, where ``held``; elsewhere without meaning.
    held ``[steps + 1, units]``, bool: which units are set at which step. At step 0 all are: the state it starts in.
    desired ``[steps + 1, cases, units]``: outputs that are wanted, where ``wanted``; elsewhere without meaning.
    wanted ``[steps + 1, units]``, bool: which units' outputs are compared, at which steps.

    Raises ValueError where shapes disagree, no step is left to run, a unit has no state to start in, nothing is
    wanted, or something is wanted of a unit that is held.
    """

    given: Tensor
    held: Tensor
    desired: Tensor
    wanted: Tensor
    compared: dict[int, Tensor] = field(init=False)

    def __post_init__(self) -> None:
        shape = tuple(self.given.shape)
        if len(shape) != 3 or shape[0] < 2:
            raise ValueError(f"given has shape {shape}, not (steps + 1, cases, units) with at least 1 step")
        wrong = {"desired": shape, "held": shape[::2], "wanted": shape[::2]}
        for name, right in wrong.items():
            if tuple(getattr(self, name).shape) != right:
                raise ValueError(f"{name} has shape {tuple(getattr(self, name).shape)}, not {right}")
        if not self.held[0].all():
            raise ValueError("held: at step 0 every unit is held: it needs an output to start from")
        if not self.wanted.any():
            raise ValueError("wanted: no output is wanted of any unit at any step")
        if (self.held & self.wanted).any():
            raise ValueError("wanted: an output is wanted of a unit that is held at that step")
        units = {step: mask.nonzero().squeeze(1) for step, mask in enumerate(self.wanted) if mask.any()}
        object.__setattr__(self, "compared", units)

    @property
    def steps(self) -> int:
        """T: how often the units are updated."""
        return len(self.given) - 1

    def pairs(self, y: Sequence[Tensor]) -> Iterator[tuple[int, Tensor, Tensor]]:
        """Each step at which something is wanted: its number, the outputs compared, and the desired ones."""
        for step, units in self.compared.items():
            yield step, y[step].index_select(1, units), self.desired[step].index_select(1, units).unsqueeze(2)

    def to(self, dtype: torch.dtype) -> "Course":
        """The same course in another precision."""
        return Course(self.given.to(dtype), self.held, self.desired.to(dtype), self.wanted)


@dataclass(frozen=True, eq=False)
class IterativeNet:
    """Which links there are: ``links [units, units + 1]``, bool, from "from" to "to"; the last column is the biases.

    Raises ValueError for another shape, or without any link.
    """

    links: Tensor

    def __post_init__(self) -> None:
        shape = tuple(self.links.shape)
        if self.links.dtype != torch.bool or len(shape) != 2 or shape[1] != shape[0] + 1:
            raise ValueError(f"links are {self.links.dtype} of shape {shape}, not bool of (units, units + 1)")
        if not self.links.any():
            raise ValueError("links: there are none")

    @property
    def units(self) -> int:
        """How many units there are, without the one that is always 1."""
        return len(self.links)

    def existing(self, w: Tensor) -> Tensor:
        """w, with 0 where there is no link."""
        return w * self.links.unsqueeze(2)

    def start(self, seeds: Sequence[int], initial_range: float, dtype: torch.dtype = torch.float32) -> Tensor:
        """First weights, uniform in ±initial_range, ``[to, from, replicas]``; errors as in ``initial_weights``."""
        drawn = initial_weights(self.layered_equivalent(1), seeds, initial_range, dtype)
        return self.existing(torch.cat(list(drawn.values()), dim=1))

    def layered_equivalent(self, steps: int) -> Architecture:
        """The layered net of N Fig. 5: a group of all units for each step from 0, links from each step to the next.

        Corresponding links are shared. A link that does not exist is there too: its weight is 0 in ``layered_weights``,
        and its derivative is to be left out. Raises ValueError below 1 step.
        """
        if steps < 1:
            raise ValueError(f"steps={steps}: must be at least 1")
        names = [f"step {step}" for step in range(steps + 1)]
        return Architecture(
            groups=dict.fromkeys(names, self.units),
            links={above: [below] for below, above in pairwise(names)},
            shared=(
                [link_name(below, above) for below, above in pairwise(names)],
                [link_name(ALWAYS_ON, above) for above in names[1:]],
            ),
        )

    def layered_weights(self, w: Tensor) -> dict[str, Tensor]:
        """The weights as the layered equivalent takes them: each shared set once, by the name of its first link."""
        w = self.existing(w)
        return {link_name("step 0", "step 1"): w[:, :-1], link_name(ALWAYS_ON, "step 1"): w[:, -1:]}


def with_always_on(y: Tensor) -> Tensor:
    """The outputs of all units, and of one more that is always 1 (N p.533)."""
    return torch.cat([y, torch.ones_like(y[:, :1])], dim=1)


def forward_pass(net: IterativeNet, w: Tensor, course: Course) -> list[Tensor]:
    """(1) and (2), T times: the outputs of every step from 0 on, the history of N's first proviso.

    w ``[to, from, replicas]``. Returns T + 1 tensors ``[cases, units, replicas]``; the last axis of the first is 1.
    """
    w = net.existing(w)
    y = [course.given[0].unsqueeze(2)]
    for step in range(1, course.steps + 1):
        free = equations.logistic(equations.total_input(with_always_on(y[-1]), w))
        y.append(torch.where(course.held[step].unsqueeze(1), course.given[step].unsqueeze(2), free))
    return y


def backward_pass(
    net: IterativeNet, w: Tensor, course: Course, y: Sequence[Tensor], dE_dy: Sequence[Tensor | None]
) -> Iterator[Tensor]:
    """(5) to (7), from the last step back to the first: ∂E/∂w of each copy of the weights, the last step's first.

    y: the outputs of every step. dE_dy: for every step ∂E/∂y by the errors at that step alone, as (4) gives it, or None
    where there are none. Yields T tensors ``[to, from, replicas]``, 0 where there is no link.
    """
    w = net.existing(w)
    from_later: Tensor | None = None
    for step in range(course.steps, 0, -1):
        both = [part for part in (dE_dy[step], from_later) if part is not None]
        if not both:  # nothing is wanted this late
            yield torch.zeros_like(w)
            continue
        # a unit that is held has the output it was given, whatever its total input
        dE_dx = equations.dE_dx(sum(both[1:], both[0]), y[step]) * ~course.held[step].unsqueeze(1)
        yield net.existing(equations.dE_dw(dE_dx, with_always_on(y[step - 1])))
        if step > 1:  # the outputs at step 0 are given: no weight has a part in them
            from_later = equations.dE_dy(dE_dx, w[:, :-1])


def combined(copies: Iterator[Tensor] | Sequence[Tensor], combine: Combine) -> Tensor:
    """One derivative from those of a weight's copies: N's second proviso. Raises ValueError for no known way."""
    if combine not in ("average", "sum"):
        raise ValueError(f"combine={combine!r}: must be 'average' (N p.535) or 'sum' (P p.355)")
    first, *rest = copies
    total = sum(rest, first)
    return total / (1 + len(rest)) if combine == "average" else total


def error(course: Course, y: Sequence[Tensor], measure: ErrorMeasure = AS_PRINTED) -> Tensor:
    """(3), or another measure, summed over the steps too: E ``[replicas]``, differentiable."""
    first, *rest = (networks.error(actual, d, measure) for _, actual, d in course.pairs(y))
    return sum(rest, first)


def error_slopes(course: Course, y: Sequence[Tensor], measure: ErrorMeasure = AS_PRINTED) -> list[Tensor | None]:
    """(4), or another measure's: ∂E/∂y by the errors of each step, 0 for a unit of which nothing is wanted."""
    slopes: list[Tensor | None] = [None] * (course.steps + 1)
    for step, actual, d in course.pairs(y):
        slope = measure.dE_dy(actual, d)
        slopes[step] = torch.zeros_like(y[step]).index_copy(1, course.compared[step], slope)
    return slopes


def derivatives(
    net: IterativeNet, w: Tensor, course: Course, combine: Combine = "average", measure: ErrorMeasure = AS_PRINTED
) -> tuple[list[Tensor], Tensor]:
    """One forward and one backward pass: the outputs of every step, and ∂E/∂w, average or sum over the T copies.

    Every weight has T copies, one a step, whether or not the error of a copy can be other than 0. Shapes as above.
    """
    y = forward_pass(net, w, course)
    return y, combined(backward_pass(net, w, course, y, error_slopes(course, y, measure)), combine)


class Run(Function):
    """y = Run.apply(w, net, course): all steps forward, all steps backward, for ``E.sum().backward()``.

    y ``[steps + 1, cases, units, replicas]``. The derivative is the sum over the copies, as that of any weight used
    more than once is.
    """

    @staticmethod
    def forward(w: Tensor, net: IterativeNet, course: Course) -> Tensor:
        first, *rest = forward_pass(net, w, course)
        return torch.stack([first.expand_as(rest[0]), *rest])

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, IterativeNet, Course], output: Tensor) -> None:
        w, ctx.net, ctx.course = inputs
        ctx.save_for_backward(w, output)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        w, y = ctx.saved_tensors
        copies = backward_pass(ctx.net, w, ctx.course, y.unbind(), grad.unbind())
        return combined(copies, "sum"), None, None


# Training -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Trained:
    """R nets after training: w ``[to, from, replicas]``, and E and learned_at ``[replicas]``.

    learned_at: the number of weight changes after which a net first met the criterion, or NEVER.
    """

    w: Tensor
    E: Tensor
    learned_at: Tensor


@torch.no_grad()
def train(
    net: IterativeNet,
    w: Tensor,
    course: Course,
    phase: Phase,
    sweeps: int,
    criterion: Criterion,
    combine: Combine = "average",
    measure: ErrorMeasure = AS_PRINTED,
    highest: Tensor | None = None,
    every: int = 20,
) -> Trained:
    """Change the weights by (9) once a sweep through all cases, for so many sweeps; w itself stays as it is.

    phase: its ε and α. criterion: met by a net when every wanted output is within the tolerance; where it says stop,
    the net's weights then stay as they are, and it is left out of the work from the next ``every`` sweeps on.
    highest ``[to, from]``: no weight is ever above this: it is brought down to it at the start and after each delta_w,
        as P p.357 holds biases negative.

    Raises ValueError where w does not fit the net, the course has other units, or sweeps or every is below 1.
    """
    if w.ndim != 3 or tuple(w.shape[:2]) != tuple(net.links.shape):
        raise ValueError(f"w has shape {tuple(w.shape)}, not {tuple(net.links.shape)} + (replicas,)")
    if course.given.shape[2] != net.units:
        raise ValueError(f"the course is for {course.given.shape[2]} units, the net has {net.units}")
    for name, value in (("sweeps", sweeps), ("every", every)):
        if value < 1:
            raise ValueError(f"{name}={value}: must be at least 1")
    cases = course.given.shape[1]
    chunk = replicas_per_chunk(net.layered_equivalent(1), cases, w.dtype, CHUNK_BYTES)
    course = course.to(w.dtype)

    def some(w: Tensor) -> Trained:
        """Those of one chunk."""
        w = w.clone() if highest is None else torch.minimum(w, highest.unsqueeze(2))
        going = torch.arange(w.shape[2])
        delta_w, learned_at = torch.zeros_like(w), torch.full_like(going, NEVER)

        def first_learned(y: Sequence[Tensor], before: Tensor, done: int) -> Tensor:
            each = [within_tolerance(actual, d, criterion.tolerance) for _, actual, d in course.pairs(y)]
            now = torch.stack(each).all(dim=0)
            return torch.where((before == NEVER) & now, done, before)

        for begin in range(0, sweeps, every):
            if criterion.stop:
                going = (learned_at == NEVER).nonzero().squeeze(1)
            own, own_delta_w, own_learned_at = w[..., going], delta_w[..., going], learned_at[going]
            if not len(going):
                break
            for done in range(begin, min(begin + every, sweeps)):
                y, dE_dw = derivatives(net, own, course, combine, measure)
                own_learned_at = first_learned(y, own_learned_at, done)
                active = own_learned_at == NEVER if criterion.stop else None
                own, own_delta_w = updated(own, dE_dw, own_delta_w, phase.epsilon, phase.alpha, active=active)
                if highest is not None:
                    own = torch.minimum(own, highest.unsqueeze(2))
            w[..., going], delta_w[..., going], learned_at[going] = own, own_delta_w, own_learned_at
        y = forward_pass(net, w, course)
        return Trained(w, error(course, y, measure), first_learned(y, learned_at, sweeps))

    parts = [some(part) for part in w.split(chunk, dim=2)]
    return Trained(*(torch.cat([getattr(p, name) for p in parts], dim=-1) for name in ("w", "E", "learned_at")))
