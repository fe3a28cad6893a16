"""Iterative nets (N Fig. 5, p.535; P p.354-356): any unit may feed any unit, and all are updated at once, step by step.

Run for T steps, such a net is a layered net with T layers of links, all T with the same weights: ``IterativeNet`` makes
that layered net too. The layered net's backward pass is the iterative net's, with N's two provisos: the outputs of
every step are kept for it, and the derivatives of a weight's T copies are combined into one.

Shapes: activity at one step ``[cases, units, replicas]``; weights ``[to, from, replicas]``, where "from" counts every
unit and then, last, the unit that is always 1. Steps are counted from 0, the state that the net starts in.
"""

import functools
import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor
from torch.autograd import Function

from repro import equations, networks
from repro.errors import AS_PRINTED, ErrorMeasure
from repro.learning import updated
from repro.networks import ALWAYS_ON, Architecture, link_name
from repro.per_replica import Number
from repro.population import NEVER, initial_weights
from repro.training_setup import Criterion, within_tolerance

Combine = Literal["average", "sum"]
"""What becomes of the derivatives of a weight's T copies: N p.535 takes their average, P p.355 their sum."""


@dataclass(frozen=True, eq=False)
class Course:
    """What an iterative net is shown, and what is wanted of it, at each step of its run.

    given ``[steps + 1, cases, units]``: outputs that are set from outside, where ``held``; elsewhere without meaning.
    held ``[steps + 1, units]``, bool: which units are set at which step. At step 0 all are: the state it starts in.
    desired ``[steps + 1, cases, units]``: outputs that are wanted, where ``wanted``; elsewhere without meaning.
    wanted ``[steps + 1, units]``, bool: which units' outputs are compared, at which steps.

    compared: by step, the numbers of the units whose outputs are wanted. targets: by step, which of all units these
    are, ``[units, 1]``, bool, and what is wanted of them, 0 of the others, ``[cases, units, 1]``. given_at: what is
    given, by step, ``[cases, units, 1]``.

    Raises ValueError where shapes disagree, no step is left to run, a unit has no state to start in, nothing is
    wanted, or something is wanted of a unit that is held.
    """

    given: Tensor
    held: Tensor
    desired: Tensor
    wanted: Tensor
    compared: dict[int, Tensor] = field(init=False)
    targets: dict[int, tuple[Tensor, Tensor]] = field(init=False)
    given_at: tuple[Tensor, ...] = field(init=False)

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
        masks = {step: self.wanted[step].unsqueeze(1) for step in units}
        targets = {step: (mask, torch.where(mask, self.desired[step].unsqueeze(2), 0)) for step, mask in masks.items()}
        object.__setattr__(self, "targets", targets)
        object.__setattr__(self, "given_at", tuple(each.unsqueeze(2) for each in self.given))

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


class Parts(NamedTuple):
    """The weights of links between units, ``[to, from, replicas]``, and those from the unit that is always 1."""

    links: Tensor
    biases: Tensor

    @classmethod
    def of(cls, w: Tensor) -> "Parts":
        """Of all weights, ``[to, from, replicas]``, biases last."""
        return cls(w[:, :-1], w[:, -1:])

    def joined(self) -> Tensor:
        """All weights once more."""
        return torch.cat(self, dim=1)


def always_on(y: Tensor) -> Tensor:
    """The output of the unit that is always 1 (N p.533), ``[cases, 1, replicas]``."""
    return torch.ones_like(y[:, :1])


def forward_pass(net: IterativeNet, w: Tensor, course: Course) -> list[Tensor]:
    """(1) and (2), T times: the outputs of every step from 0 on, the history of N's first proviso.

    w ``[to, from, replicas]``. Returns T + 1 tensors ``[cases, units, replicas]``; the last axis of the first is 1.
    """
    return outputs(Parts.of(net.existing(w)), course)


def outputs(w: Parts, course: Course) -> list[Tensor]:
    """The same, of weights that are 0 where there is no link."""
    y = [course.given_at[0]]
    for step in range(1, course.steps + 1):
        x = equations.total_input(y[-1], w.links) + equations.total_input(always_on(y[-1]), w.biases)
        y.append(torch.where(course.held[step].unsqueeze(1), course.given_at[step], equations.logistic(x)))
    return y


def backward_pass(
    net: IterativeNet, w: Tensor, course: Course, y: Sequence[Tensor], dE_dy: Sequence[Tensor | None]
) -> Iterator[Tensor]:
    """(5) to (7), from the last step back to the first: ∂E/∂w of each copy of the weights, the last step's first.

    y: the outputs of every step. dE_dy: for every step ∂E/∂y by the errors at that step alone, as (4) gives it, or None
    where there are none. Yields T tensors ``[to, from, replicas]``, 0 where there is no link.
    """
    for copy in copies(net, Parts.of(net.existing(w)), course, y, dE_dy):
        yield copy.joined()


def copies(
    net: IterativeNet, w: Parts, course: Course, y: Sequence[Tensor], dE_dy: Sequence[Tensor | None]
) -> Iterator[Parts]:
    """The same, of weights that are 0 where there is no link."""
    missing = Parts.of(~net.links.unsqueeze(2))
    from_later: Tensor | None = None
    for step in range(course.steps, 0, -1):
        both = [part for part in (dE_dy[step], from_later) if part is not None]
        if not both:  # nothing is wanted this late
            yield Parts(torch.zeros_like(w.links), torch.zeros_like(w.biases))
            continue
        # a unit that is held has the output it was given, whatever its total input
        dE_dx = equations.dE_dx(sum(both[1:], both[0]), y[step]).masked_fill(course.held[step].unsqueeze(1), 0)
        below = y[step - 1]
        dE_dw = Parts(equations.dE_dw(dE_dx, below), equations.dE_dw(dE_dx, always_on(below)))
        yield Parts(*(each.masked_fill(none, 0) for each, none in zip(dE_dw, missing, strict=True)))
        if step > 1:  # the outputs at step 0 are given: no weight has a part in them
            from_later = equations.dE_dy(dE_dx, w.links)


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
    for step, (wanted, d) in course.targets.items():
        slopes[step] = measure.dE_dy(y[step], d).masked_fill(~wanted, 0)
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


# The sweep ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Lesson:
    """What an iterative net learns, and how: all of a sweep but its ε and α.

    criterion: met by a net when every wanted output is within the tolerance; where it says stop, the net's weights then
    stay as they are. highest ``[to, from]``: no weight is ever above this: it is brought down to it after each change,
    as P p.357 holds biases negative; None: there is no such limit.
    """

    net: IterativeNet
    course: Course
    criterion: Criterion
    combine: Combine = "average"
    measure: ErrorMeasure = AS_PRINTED
    highest: Tensor | None = None


class State(NamedTuple):
    """Some nets between two sweeps: w and the last Δw, learned_at ``[replicas]``, sweeps done ``[1]``."""

    w: Parts
    delta_w: Parts
    learned_at: Tensor
    done: Tensor


def sweep(lesson: Lesson, state: State, epsilon: Number, alpha: Number) -> State:
    """One sweep through all cases: T steps forward, T steps back, and a weight change by (9)."""
    net, course = lesson.net, lesson.course
    y = outputs(state.w, course)
    each = list(copies(net, state.w, course, y, error_slopes(course, y, lesson.measure)))
    dE_dw = (combined([copy[part] for copy in each], lesson.combine) for part in range(2))
    learned_at = first_learned(lesson, y, state)
    active = learned_at == NEVER if lesson.criterion.stop else None
    both = [
        updated(w, slope, last, epsilon, alpha, active=active)
        for w, slope, last in zip(state.w, dE_dw, state.delta_w, strict=True)
    ]
    w = held_down(Parts(*(new for new, _ in both)), lesson.highest)
    return State(w, Parts(*(last for _, last in both)), learned_at, state.done + 1)


def held_down(w: Parts, highest: Tensor | None) -> Parts:
    """The weights, none above its limit ``[to, from]``."""
    if highest is None:
        return w
    limits = Parts.of(highest.unsqueeze(2))
    return Parts(*(torch.where(own > limit, limit, own) for own, limit in zip(w, limits, strict=True)))


def first_learned(lesson: Lesson, y: Sequence[Tensor], state: State) -> Tensor:
    """learned_at, with the sweeps done for those that meet the criterion for the first time."""
    each = (
        within_tolerance(torch.where(wanted, y[step], d), d, lesson.criterion.tolerance)
        for step, (wanted, d) in lesson.course.targets.items()
    )
    now = functools.reduce(operator.and_, each)
    return torch.where((state.learned_at == NEVER) & now, state.done, state.learned_at)


def evaluated(lesson: Lesson, state: State) -> tuple[State, Tensor]:
    """The state with learned_at up to date, and E ``[replicas]`` over all steps, by a forward pass."""
    y = outputs(state.w, lesson.course)
    first, *rest = (
        lesson.measure.E(torch.where(wanted, y[step], d), d) for step, (wanted, d) in lesson.course.targets.items()
    )
    return state._replace(learned_at=first_learned(lesson, y, state)), sum(rest, first)
