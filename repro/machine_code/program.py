"""The C++ of a set-up: its sweep and its ``evaluated``, written down and put into a function that can be called."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import torch
from torch import Tensor

from repro.machine_code.emit import Function
from repro.machine_code.trace import CASE, REPLICA, REPLICAS, Section, Trace
from repro.population import NEVER
from repro.sweeps import State, Tensors, UpdateAfter, evaluated, sweep
from repro.training_setup import TrainingSetup

LANES_HPP = Path(__file__).with_name("lanes.hpp")


class Layout(str, Enum):
    """What lies side by side in the lanes of a vector: replicas, or the cases of one."""

    replicas = "replicas"
    cases = "cases"


@dataclass(frozen=True)
class Program:
    """What is made into C++: what a sweep does, and what is asked where E is wanted.

    rows: how many weights each tensor of weights has, in the order of their names, w0 and d0 on. numbers: of the rule.
    cases: how many. included: whether the cases that count are told for each replica. stop: whether a replica that has
    learned stops.
    """

    turn: list[Section]
    look: list[Section]
    rows: list[int]
    numbers: int
    cases: int
    included: bool
    stop: bool


def of_setup(setup: TrainingSetup, included: bool) -> Program:
    """The program of a training. Raises UnknownOperationError for an operation that has no form in C++ here."""
    return Program(
        sweep_sections(setup, included),
        evaluated_sections(setup, included),
        [to * source for to, source in setup.architecture.weight_shapes.values()],
        numbers_of(setup),
        len(setup.desired),
        included,
        setup.criterion.stop,
    )


def source(program: Program, layout: Layout, registers: int) -> str:
    """The whole of the C++: ``train``, which takes replicas through some sweeps, with E on the way.

    registers: vectors that the processor can hold. Raises UnknownOperationError as above.
    """
    functions = {
        name: Function(some, layout, program.cases, registers, name)
        for name, some in (("turn", program.turn), ("look", program.look))
    }
    return "\n".join(
        [
            LANES_HPP.read_text(encoding="utf-8"),
            *_types(functions["turn"], layout),
            *_state(program, functions["turn"], layout),
            *(line for name, function in functions.items() for line in _function(name, function)),
            _train(program, layout),
        ]
    )


def numbers_of(setup: TrainingSetup) -> int:
    """How many numbers of the rule the sweep takes: ε, α, and the decay where there is any."""
    return 3 if setup.learning.decays else 2


# Written down ------------------------------------------------------------------------------------------------


@torch.no_grad()
def sweep_sections(setup: TrainingSetup, has_included: bool) -> list[Section]:
    """What a sweep does. Where the weights change after each case, the second of three sections is done for each."""
    trace = Trace(setup.task.desired.dtype)
    state, (epsilon, alpha, *decay), included = _announced(trace, setup, has_included)

    def put(w: Tensors, delta_w: Tensors) -> None:
        for letter, tensors in (("w", w), ("d", delta_w)):
            for n, key in enumerate(setup.architecture.weight_shapes):
                trace.sections[-1].puts[f"{letter}{n}"] = trace.node(tensors[key])

    def each(cases: Tensor, update: UpdateAfter, w: Tensors, delta_w: Tensors) -> tuple[Tensors, Tensors]:
        """One turn of the loop over the cases stands for all."""
        trace.sections.append(Section(times=len(cases)))
        put(*update(trace.named("k", torch.zeros(1, dtype=torch.long), ["unit"]), w, delta_w))
        trace.sections.append(Section())
        return w, delta_w

    with trace:
        new = sweep(setup, state, epsilon, alpha, decay[0] if decay else 0.0, included, each)
    if not setup.learning.per_case:
        put(new.w, new.delta_w)
    trace.sections[0].puts["learned"] = trace.node(new.learned_at)
    return trace.sections


@torch.no_grad()
def evaluated_sections(setup: TrainingSetup, has_included: bool) -> list[Section]:
    """What ``repro.sweeps.evaluated`` does."""
    trace = Trace(setup.task.desired.dtype)
    state, _, included = _announced(trace, setup, has_included)
    with trace:
        new, E = evaluated(setup, state, included)
    trace.sections[0].puts |= {"learned": trace.node(new.learned_at), "E": trace.node(E)}
    return trace.sections


def _announced(trace: Trace, setup: TrainingSetup, has_included: bool) -> tuple[State, list[Tensor], Tensor | None]:
    """Some replicas, whose values are no matter, and the numbers of the rule; all known to the trace by name."""
    dtype, cases = setup.task.desired.dtype, len(setup.task.desired)
    for values in (*setup.task.inputs.values(), setup.task.desired):
        trace.table(values, [CASE, "unit"])
    shapes = setup.architecture.weight_shapes
    w, delta_w = (dict(zip(shapes, tensors, strict=True)) for tensors in announced_weights(trace, shapes.values()))
    learned_at, done, numbers = announced_rest(trace, numbers_of(setup))
    included = None
    if has_included:
        included = trace.named("included", torch.ones(cases, 1, REPLICAS, dtype=dtype), [CASE, "unit", REPLICA])
    return State(w, delta_w, learned_at, done), numbers, included


def announced_weights(trace: Trace, shapes: Iterable[tuple[int, int]]) -> list[list[Tensor]]:
    """w and the last Δw of some replicas, by the names that ``train`` has for them: w0, w1, ... and d0, d1, ...

    shapes: of each tensor of weights, ``(to, from)``.
    """
    sizes = list(shapes)
    return [
        [
            trace.named(f"{letter}{n}", torch.zeros(*size, REPLICAS, dtype=trace.dtype), ["unit", "unit", REPLICA])
            for n, size in enumerate(sizes)
        ]
        for letter in "wd"
    ]


def announced_rest(trace: Trace, numbers: int) -> tuple[Tensor, Tensor, list[Tensor]]:
    """learned_at, the sweeps done, and so many numbers of the rule, by their names in ``train``."""
    return (
        trace.named("learned", torch.full((REPLICAS,), NEVER, dtype=torch.int32), [REPLICA]),
        trace.named("done", torch.zeros(1, dtype=torch.int32), ["unit"]),
        [trace.named(f"number{n}", torch.zeros(REPLICAS, dtype=torch.float64), [REPLICA]) for n in range(numbers)],
    )


# Put together ------------------------------------------------------------------------------------------------


def _types(function: Function, layout: Layout) -> list[str]:
    parts = function.cases.parts
    lanes = "WIDEST" if layout == Layout.replicas else "(P < WIDEST ? P : WIDEST)"
    lines = [f"constexpr int P = {parts}, L = {lanes};"]
    lines.append("typedef lanes<L>::V V; typedef lanes<L>::M M; typedef lanes<L>::D D;")
    if layout == Layout.cases:
        cases = function.cases
        found = [cases.case(cases.of_lane(lane), n) for n in range(cases.most) for lane in range(parts)]
        valid, case = (
            ", ".join(str(value) for value in some)
            for some in zip(*((-(c is not None), c or 0) for c in found), strict=True)
        )
        lines.append(f"alignas(64) static const I valid[] = {{{valid}}};")
        lines.append(f"static const int case_at[] = {{{case}}};")
    return lines


def _state(program: Program, function: Function, layout: Layout) -> list[str]:
    own = "L" if layout == Layout.replicas else "1"
    lines = ["struct State {"]
    for n, count in enumerate(program.rows):
        lines.append(f"alignas(64) T w{n}[{count} * {own}]; alignas(64) T d{n}[{count} * {own}];")
    lines.append(f"alignas(64) I learned[{own}]; alignas(64) T E[{own}]; I done[1];")
    lines += [f"alignas(64) double number{n}[{own}];" for n in range(program.numbers)]
    if program.included:
        cases = f"{function.cases.count} * L" if layout == Layout.replicas else "sizeof case_at / sizeof *case_at"
        lines.append(f"alignas(64) T included[{cases}];")
    return [*lines, "};"]


def _function(name: str, function: Function) -> list[str]:
    arrays = [f"auto &{n} = room.{n};" for n in function.arrays]
    state = [f"auto &{n} = state.{n};" for n in function.schedule.names]
    return [
        *function.table_lines,
        f"struct Room_{name} {{",
        *function.declarations,
        "};",
        *(
            line
            for what, scope in ((f"prepare_{name}", function.preparation), (name, function.scope))
            for line in (
                f"static void {what}(State &state, Room_{name} &room)",
                "{",
                *state,
                *arrays,
                *scope.lines,
                "}",
            )
        ),
    ]


def _train(program: Program, layout: Layout) -> str:
    """The loop over the replicas, and over the sweeps of those in the lanes. A lane left over repeats the last one."""
    lanes = layout == Layout.replicas
    each, at, own = (
        ("for (int l = 0; l < L; l++) ", "from + (l < many ? l : many - 1)", "[l]") if lanes else ("", "from", "[0]")
    )
    back, to, slot = ("for (int l = 0; l < many; l++) ", "from + l", "n * L + l") if lanes else ("", "from", "n")
    take = [f"{each}state.learned{own} = learned_in[{at}];"]
    give = [f"{back}learned_out[{to}] = state.learned{own};"]
    for n, count in enumerate(program.rows):
        for index, name in ((n, f"w{n}"), (len(program.rows) + n, f"d{n}")):
            loop = f"for (long n = 0; n < {count}; n++) "
            take.append(f"{loop}{each}state.{name}[{slot}] = values[{index}][n * stride[{index}] + {at}];")
            give.append(f"{loop}{back}values[{index}][n * stride[{index}] + {to}] = state.{name}[{slot}];")
    take += [f"{each}state.number{n}{own} = numbers[{n}][{at}];" for n in range(program.numbers)]
    if program.included and lanes:
        take.append(
            f"for (long c = 0; c < {program.cases}; c++) {each}state.included[c * L + l] = included[c * R + {at}];"
        )
    elif program.included:
        take.append("for (unsigned n = 0; n < sizeof case_at / sizeof *case_at; n++)")
        take.append("    state.included[n] = included[case_at[n] * R + from];")
    stopped = ""
    if program.stop:
        all_learned = f"none_is(load<M>(state.learned), I({NEVER}))" if lanes else f"state.learned[0] != {NEVER}"
        stopped = f"if ({all_learned}) break;"
    text = "\n        ".join
    return f"""
struct Room {{
    State state;
    Room_turn turn;
    Room_look look;
}};

/* values: the weights and their last changes, changed in place; [rows][R] each, its rows so many numbers apart;
   numbers: [R] each; included: [cases][R], or none. ends: after how many sweeps E is wanted, E: [looks][R]. */
extern "C" int train(T *const *values, const long *stride, const int32_t *learned_in, int32_t *learned_out, T *E,
                     const double *const *numbers, const T *included, long R, long begin, const long *ends, long looks)
{{
    Room *room = (Room *)std::aligned_alloc(64, (sizeof(Room) + 63) / 64 * 64);
    if (!room) return 1;
    State &state = room->state;
    (void)included;
    for (long from = 0; from < R; from += {"L" if lanes else "1"}) {{
        {"const int many = R - from < L ? int(R - from) : L;" if lanes else ""}
        {text(take)}
        prepare_turn(state, room->turn);
        long sweep = begin;
        for (long n = 0; n < looks; n++) {{
            for (; sweep < ends[n]; sweep++) {{
                {stopped}
                state.done[0] = I(sweep);
                turn(state, room->turn);
            }}
            sweep = ends[n];
            state.done[0] = I(sweep);
            look(state, room->look);
            {back}E[n * R + {to}] = state.E{own};
        }}
        {text(give)}
    }}
    std::free(room);
    return 0;
}}
"""
