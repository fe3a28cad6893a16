"""Training iterative nets (``repro.iterative``): as the sweep is written, or as machine code made of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from repro.iterative import Course, IterativeNet, Lesson, Parts, State, evaluated, held_down, sweep
from repro.learning import Phase
from repro.machine_code.program import Program, announced_rest, announced_weights
from repro.machine_code.run import MachineCode
from repro.machine_code.trace import CASE, Trace
from repro.population import NEVER, replicas_per_chunk, some_replicas
from repro.sweeps import State as PlainState

CHUNK_BYTES = 4 * 2**20
"""Room for the largest product of a step: with less, the many small operations take longer than what they compute."""


@dataclass(frozen=True)
class Trained:
    """R nets after training: w ``[to, from, replicas]``, and E and learned_at ``[replicas]``.

    learned_at: the number of weight changes after which a net first met the criterion, or NEVER.
    """

    w: Tensor
    E: Tensor
    learned_at: Tensor


@torch.no_grad()
def train(lesson: Lesson, w: Tensor, phase: Phase, sweeps: int, every: int = 20, compile: bool = False) -> Trained:
    """Change the weights by (9) once a sweep through all cases, for so many sweeps; w itself stays as it is.

    phase: its ε and α. compile: as machine code, which needs a C++ compiler. Where it does not, a net that has stopped
    is left out of the work from the next ``every`` sweeps on.

    Raises ValueError where w does not fit the net, the course has other units, or sweeps or every is below 1.
    """
    net, course = lesson.net, lesson.course
    if w.ndim != 3 or tuple(w.shape[:2]) != tuple(net.links.shape):
        raise ValueError(f"w has shape {tuple(w.shape)}, not {tuple(net.links.shape)} + (replicas,)")
    if course.given.shape[2] != net.units:
        raise ValueError(f"the course is for {course.given.shape[2]} units, the net has {net.units}")
    for name, value in (("sweeps", sweeps), ("every", every)):
        if value < 1:
            raise ValueError(f"{name}={value}: must be at least 1")
    lesson = replace(lesson, course=course.to(w.dtype))
    if lesson.highest is not None:
        lesson = replace(lesson, highest=lesson.highest.to(w.dtype))
    start = Parts(*(part.contiguous() for part in held_down(Parts.of(net.existing(w)), lesson.highest)))
    if compile:
        return by_machine_code(lesson, started(start), phase, sweeps)
    chunk = replicas_per_chunk(net.layered_equivalent(1), course.given.shape[1], w.dtype, CHUNK_BYTES)
    parts = [
        as_written(lesson, started(Parts(*some)), phase, sweeps, every)
        for some in zip(*(part.split(chunk, dim=2) for part in start), strict=True)
    ]
    return Trained(*(torch.cat([getattr(p, name) for p in parts], dim=-1) for name in ("w", "E", "learned_at")))


def started(w: Parts) -> State:
    """Nets before their first sweep."""
    learned_at = torch.full((w.links.shape[2],), NEVER, dtype=torch.int32)
    return State(w, Parts(*map(torch.zeros_like, w)), learned_at, torch.zeros(1, dtype=torch.int32))


def as_written(lesson: Lesson, state: State, phase: Phase, sweeps: int, every: int) -> Trained:
    """``repro.iterative.sweep`` again and again."""
    w, delta_w = (Parts(*(each.clone() for each in part)) for part in (state.w, state.delta_w))
    learned_at = state.learned_at.clone()
    going = torch.arange(len(learned_at))
    for begin in range(0, sweeps, every):
        if lesson.criterion.stop:
            going = (learned_at == NEVER).nonzero().squeeze(1)
        if not len(going):
            break
        now = State(
            Parts(*(some_replicas(each, going) for each in w)),
            Parts(*(some_replicas(each, going) for each in delta_w)),
            learned_at[going],
            torch.full_like(state.done, begin),
        )
        for _ in range(begin, min(begin + every, sweeps)):
            now = sweep(lesson, now, phase.epsilon, phase.alpha)
        for own, new in ((w, now.w), (delta_w, now.delta_w)):
            for each, its in zip(own, new, strict=True):
                each[..., going] = its
        learned_at[going] = now.learned_at
    last, E = evaluated(lesson, State(w, delta_w, learned_at, torch.full_like(state.done, sweeps)))
    return Trained(w.joined(), E, last.learned_at)


# As machine code ------------------------------------------------------------------------------------------


def by_machine_code(lesson: Lesson, state: State, phase: Phase, sweeps: int) -> Trained:
    """The whole loop over the sweeps as machine code, made of ``repro.iterative.sweep``."""
    course = lesson.course
    cases = course.given.shape[1]
    products = 3 * course.steps * cases * lesson.net.links.numel()
    code = MachineCode(lambda included: program_of(lesson), state.w.links.dtype, cases, products)
    plain = PlainState(state.w._asdict(), state.delta_w._asdict(), state.learned_at, state.done)
    numbers = [torch.as_tensor(number, dtype=torch.float64) for number in (phase.epsilon, phase.alpha)]
    plain, (E,) = code(plain, 0, [sweeps], numbers, None)
    return Trained(Parts(**plain.w).joined(), E, plain.learned_at)


@torch.no_grad()
def program_of(lesson: Lesson) -> Program:
    """The sweep, and what is asked after the last one, written down."""
    net, course = lesson.net, lesson.course
    turn, state, numbers = announced(net, course)
    with turn:
        new = sweep(lesson, state, *numbers)
    for letter, parts in (("w", new.w), ("d", new.delta_w)):
        turn.sections[0].puts |= {f"{letter}{n}": turn.node(part) for n, part in enumerate(parts)}
    turn.sections[0].puts["learned"] = turn.node(new.learned_at)
    look, state, _ = announced(net, course)
    with look:
        last, E = evaluated(lesson, state)
    look.sections[0].puts |= {"learned": look.node(last.learned_at), "E": look.node(E)}
    rows = [net.units * net.units, net.units]
    return Program(
        turn.sections, look.sections, rows, len(numbers), course.given.shape[1], False, lesson.criterion.stop
    )


def announced(net: IterativeNet, course: Course) -> tuple[Trace, State, Sequence[Tensor]]:
    """A trace that knows some nets, whose values are no matter, by name; and the numbers of the rule."""
    trace = Trace(course.given.dtype)
    for table in (*course.given_at, *(d for _, d in course.targets.values())):
        trace.table(table, [CASE, "unit", "unit"])
    w, delta_w = (Parts(*tensors) for tensors in announced_weights(trace, [(net.units, net.units), (net.units, 1)]))
    learned_at, done, numbers = announced_rest(trace, 2)
    return trace, State(w, delta_w, learned_at, done), numbers
