"""A sweep through the cases (N p.533-535): forward pass, backward pass, weight change. And ways to run many.

``sweep`` is the procedure itself, on the replicas of one chunk. Four functions make an ``Advance`` of it, which does
many sweeps and then takes a look: ``explicit`` as it is written; ``by_autograd`` by PyTorch's usual loop; ``compiled``
with the whole loop as machine code; ``recorded`` with each sweep as a CUDA graph.
"""

from __future__ import annotations  # torch.compile takes no nested function whose annotations are made when it is

import functools
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from repro.learning import LearningRule, Phase, changed
from repro.networks import Network, activity, derivatives, error
from repro.population import NOT_YET
from repro.training_setup import Lesson, met_by

Tensors = dict[str, Tensor]

COMPILED_AT_MOST = 256
"""Lessons that differ in more than numbers (the error measure, the decay, a shape) and are compiled in one process.

torch's own limit is 8, after which it runs a sweep as it is written and says so in its log only: a search or a multirun
would slow down many times and go on.
"""


class State(NamedTuple):
    """Some replicas between two sweeps: w and the last Δw by key, met_at ``[replicas]``, the sweeps done ``[1]``."""

    w: Tensors
    change: Tensors
    met_at: Tensor
    done: Tensor


Advance = Callable[[State, int, int, Tensor | None], tuple[State, Tensor]]
"""From the state after so many sweeps to that after more: the new state with met_at up to date, and E there.

Arguments: the state, how many sweeps it has had, how many it shall have had, and the included cases.
"""

AfterCase = Callable[[Tensor, Tensors, Tensors], tuple[Tensors, Tensors]]
"""A weight change after one case: the number of the case ``[1]``, w and the last changes; the new two."""


def each_in_turn(cases: Tensor, after: AfterCase, w: Tensors, change: Tensors) -> tuple[Tensors, Tensors]:
    """A weight change after each of the cases, in a Python loop."""
    for case in cases.split(1):
        w, change = after(case, w, change)
    return w, change


def each_in_graph(cases: Tensor, after: AfterCase, w: Tensors, change: Tensors) -> tuple[Tensors, Tensors]:
    """The same in a loop that torch.compile can see, whole."""

    def more(case: Tensor, w: Tensors, change: Tensors) -> Tensor:
        return (case < len(cases)).squeeze(0)

    def body(case: Tensor, w: Tensors, change: Tensors) -> tuple[Tensor, Tensors, Tensors]:
        w, change = after(case, w, change)
        return case + 1, _contiguous(w), _contiguous(change)

    _, w, change = torch.while_loop(more, body, (cases[:1].clone(), w, change))
    return w, change


def sweep(
    lesson: Lesson,
    state: State,
    epsilon: float | Tensor,
    alpha: float | Tensor,
    included: Tensor | None,
    each: Callable[[Tensor, AfterCase, Tensors, Tensors], tuple[Tensors, Tensors]] = each_in_turn,
) -> State:
    """One sweep. epsilon, alpha: of this sweep, one number each. included ``[cases, 1, replicas]`` or None.

    each: how to go through the cases, where the weights change after every one.
    """
    architecture, inputs, d = lesson.architecture, lesson.task.inputs, lesson.desired
    if not lesson.learning.per_case:
        y, dE_dw = derivatives(architecture, state.w, inputs, d, lesson.measure, included)
        met_at = _first_met(lesson, y, state, included)
        w, change = _changed(lesson, state.w, state.change, dE_dw, epsilon, alpha, active(lesson, met_at))
        return State(w, change, met_at, state.done + 1)

    met_at = _first_met(lesson, activity(architecture, state.w, inputs)[architecture.output], state, included)

    def after(case: Tensor, w: Tensors, change: Tensors) -> tuple[Tensors, Tensors]:
        _, dE_dw = derivatives(architecture, w, *alone(lesson, case), lesson.measure)
        return _changed(lesson, w, change, dE_dw, epsilon, alpha, shown(lesson, met_at, included, case))

    w, change = each(torch.arange(len(d), device=d.device), after, state.w, state.change)
    return State(w, change, met_at, state.done + 1)


def alone(lesson: Lesson, case: Tensor) -> tuple[Tensors, Tensor]:
    """The inputs and the desired outputs of one case, as ``networks.derivatives`` takes them."""
    inputs = {name: values.index_select(0, case) for name, values in lesson.task.inputs.items()}
    return inputs, lesson.desired.index_select(0, case)


def active(lesson: Lesson, met_at: Tensor) -> Tensor | None:
    """Which replicas change their weights: those still learning; None: all."""
    return met_at == NOT_YET if lesson.criterion.stop else None


def shown(lesson: Lesson, met_at: Tensor, included: Tensor | None, case: Tensor) -> Tensor | None:
    """Which replicas change their weights after a case: those still learning, where the case counts; None: all."""
    learning = active(lesson, met_at)
    if included is None:
        return learning
    counts = included.index_select(0, case)[0, 0] > 0
    return counts if learning is None else learning & counts


def _contiguous(tensors: Tensors) -> Tensors:
    """One memory layout throughout: a loop in a graph must hand on what it was given."""
    return {key: value.contiguous() for key, value in tensors.items()}


def _first_met(lesson: Lesson, y: Tensor, state: State, included: Tensor | None) -> Tensor:
    """met_at, with the sweeps done for those that meet the criterion for the first time."""
    now = met_by(y, lesson.desired, lesson.criterion.tolerance, included)
    return torch.where((state.met_at == NOT_YET) & now, state.done, state.met_at)


def _changed(
    lesson: Lesson,
    w: Tensors,
    change: Tensors,
    dE_dw: Tensors,
    epsilon: float | Tensor,
    alpha: float | Tensor,
    active: Tensor | None,
) -> tuple[Tensors, Tensors]:
    """The new weights, and the last changes, by key."""
    both = {
        key: changed(w[key], dE_dw[key], change[key], epsilon * rate, alpha, decay, active, lesson.learning.decay_of)
        for key, (rate, decay) in lesson.learning.by_link(lesson.architecture).items()
    }
    return {key: new for key, (new, _) in both.items()}, {key: last for key, (_, last) in both.items()}


def look(lesson: Lesson, state: State, included: Tensor | None) -> tuple[State, Tensor]:
    """The state with met_at up to date, and E ``[replicas]``, by a forward pass."""
    architecture = lesson.architecture
    y = activity(architecture, state.w, lesson.task.inputs)[architecture.output]
    met_at = _first_met(lesson, y, state, included)
    return state._replace(met_at=met_at), lesson.measure.E(y, lesson.desired, included)


# Many sweeps ----------------------------------------------------------------------------------------------


def stretches(phases: Sequence[Phase], begin: int, until: int) -> list[tuple[int, Phase]]:
    """The sweeps after ``begin`` up to ``until``, divided where the phase changes: the last of each part, its phase."""
    found, end = [], 0
    for number, phase in enumerate(phases, 1):
        last = phase.sweeps is None or number == len(phases)
        end = until if last else min(until, end + (phase.sweeps or 0))
        if end > begin:
            found.append((end, phase))
        if end == until:
            break
    return found


def as_tensors(phase: Phase) -> tuple[Tensor, Tensor]:
    """ε and α as tensors: a compiled sweep would be compiled anew for another number.

    In float64: 0.1 in float32 is another ε, 1.5e-8 of it away. A tensor of one number takes on the other's precision.
    """
    return torch.tensor(phase.epsilon, dtype=torch.float64), torch.tensor(phase.alpha, dtype=torch.float64)


def explicit(lesson: Lesson) -> Advance:
    """``sweep`` as it is written, again and again."""

    def advance(state: State, begin: int, until: int, included: Tensor | None) -> tuple[State, Tensor]:
        for end, phase in stretches(lesson.learning.phases, begin, until):
            for _ in range(begin, end):
                state = sweep(lesson, state, phase.epsilon, phase.alpha, included)
            begin = end
        return look(lesson, state, included)

    return advance


def by_autograd(lesson: Lesson) -> Advance:
    """``backward`` through the Functions, and ``LearningRule.step``, of a Network: PyTorch's usual loop."""
    learning, task, d = lesson.learning, lesson.task, lesson.desired
    changes_per_sweep = len(task.cases) if learning.per_case else 1
    by_link = learning.by_link(lesson.architecture)

    @torch.enable_grad()
    def advance(state: State, begin: int, until: int, included: Tensor | None) -> tuple[State, Tensor]:
        network, met_at = Network(lesson.architecture, state.w), state.met_at
        groups = [
            {"params": [w], "rate": by_link[key][0], "decay": by_link[key][1], "changes": begin * changes_per_sweep}
            for key, w in network.weights.items()
        ]
        rule = LearningRule(groups, learning.phases, changes_per_sweep=changes_per_sweep, decay_of=learning.decay_of)
        for key, w in network.weights.items():
            rule.state[w]["change"] = state.change[key]

        for done in range(begin, until):
            y = network(task.inputs)
            now = state._replace(met_at=met_at, done=state.done + (done - begin))
            met_at = _first_met(lesson, y.detach(), now, included)
            if not learning.per_case:
                rule.zero_grad()
                error(y, d, lesson.measure, included).sum().backward()
                rule.step(active=active(lesson, met_at))
                continue
            for case in torch.arange(len(d), device=d.device).split(1):
                inputs, wanted = alone(lesson, case)
                rule.zero_grad()
                error(network(inputs), wanted, lesson.measure).sum().backward()
                rule.step(active=shown(lesson, met_at, included, case))

        weights = {key: w.detach() for key, w in network.weights.items()}
        change = {key: rule.state[w]["change"] for key, w in network.weights.items()}
        return look(lesson, State(weights, change, met_at, state.done + (until - begin)), included)

    return advance


def compiled(lesson: Lesson) -> Advance:
    """The whole loop over the sweeps as machine code, for a CPU: Python has no part in it, and does not wait for it.

    torch.compile makes C++ of the same ``sweep`` and ``look``. Sums run in the order of the formulas whatever the
    number of replicas, if that is a multiple of LANES, so a replica's numbers are the same to the last bit in any
    company. Compiled anew for another number of replicas; not for another ε, α, or number of sweeps, nor for another
    lesson that differs in these alone.
    """
    kind = _kind(lesson)
    fast = MACHINE_CODE[kind] = MACHINE_CODE.get(kind) or _machine_code(lesson)

    def advance(state: State, begin: int, until: int, included: Tensor | None) -> tuple[State, Tensor]:
        E = torch.empty(0)
        for end, phase in stretches(lesson.learning.phases, begin, until) or [(begin, lesson.learning.phases[0])]:
            state, E = fast(state, torch.full_like(state.done, end), *as_tensors(phase), included)
        return state, E

    return advance


Loop = Callable[[State, Tensor, Tensor, Tensor, Tensor | None], tuple[State, Tensor]]
"""Sweeps up to a number of them, with one ε and α, and a look. Arguments: the state, the number, ε, α, ``included``."""

MACHINE_CODE: dict[Hashable, Loop] = {}
"""What this process has compiled: a study trains one network at many ε, which is one piece of machine code."""


def _kind(lesson: Lesson) -> Hashable:
    """All that a compiled loop has in it: not the phases, nor the number of sweeps, nor which cases are held out."""
    architecture, task = lesson.architecture, lesson.task
    values = [*task.inputs.items(), ("", task.desired)]
    return (
        (*architecture.groups.items(), *architecture.all_links),
        tuple(architecture.function(group) for group in architecture.receiving),
        tuple((name, value.dtype, value.shape, value.numpy().tobytes()) for name, value in values),
        (replace(lesson.learning, phases=(), sweeps=0), lesson.criterion, lesson.measure),
    )


def _machine_code(lesson: Lesson) -> Loop:
    """The loop of one lesson, compiled when it is first called."""

    def run(state: State, end: Tensor, epsilon: Tensor, alpha: Tensor, included: Tensor | None) -> tuple[State, Tensor]:
        def more(state: State) -> Tensor:
            return (state.done < end).squeeze(0)

        def body(state: State) -> tuple[State]:
            w, change, met_at, done = sweep(lesson, state, epsilon, alpha, included, each_in_graph)
            return (State(_contiguous(w), _contiguous(change), met_at, done),)

        (state,) = torch.while_loop(more, body, (state,))
        return look(lesson, state, included)

    # cpp_wrapper: the code runs without Python's lock, so that several threads can each do a chunk
    options = {"cpp_wrapper": True, "cpp.threads": 1}
    # not fullgraph=True, which counts the frames of all threads in one place. torch's overloads lack recompile_limit
    fast: Loop = torch.compile(run, dynamic=False, options=options, recompile_limit=COMPILED_AT_MOST)  # type: ignore[call-overload]
    return fast


def recorded(lesson: Lesson, compile: bool) -> Advance:
    """Every sweep as one CUDA graph, recorded once for a number of replicas and then replayed.

    Between the sweeps the host waits for nothing and allocates nothing. compile: torch.compile makes fused kernels of
    the sweep first.
    """
    once = functools.partial(sweep, lesson)
    if compile and not lesson.learning.per_case:  # as many kernels as cases would have to be made
        once = torch.compile(once, dynamic=False, recompile_limit=COMPILED_AT_MOST)  # type: ignore[call-overload]
    kept: dict[int, Recording] = {}

    def advance(state: State, begin: int, until: int, included: Tensor | None) -> tuple[State, Tensor]:
        size = len(state.met_at)
        if size not in kept:
            kept[size] = Recording(once, state, included)
        recording = kept[size]
        recording.load(state, included)
        for end, phase in stretches(lesson.learning.phases, begin, until):
            recording.run(end - begin, phase)
            begin = end
        return look(lesson, recording.state, included)

    return advance


class Recording:
    """A sweep of so many replicas as a CUDA graph, with the tensors that it reads and writes."""

    def __init__(self, once: Callable[..., State], state: State, included: Tensor | None) -> None:
        self.once = once
        w, change = ({key: value.clone() for key, value in own.items()} for own in (state.w, state.change))
        self.state = State(w, change, state.met_at.clone(), state.done.clone())
        self.included = None if included is None else included.clone()
        self.epsilon, self.alpha = (torch.zeros((), dtype=torch.float64, device=state.met_at.device) for _ in "εα")
        self.replay = cuda_graph(self._sweep)

    def _sweep(self) -> None:
        new = self.once(self.state, self.epsilon, self.alpha, self.included)
        for own, its in zip(_tensors(self.state), _tensors(new), strict=True):
            own.copy_(its)

    def load(self, state: State, included: Tensor | None) -> None:
        """Put other replicas in place."""
        for own, its in zip(_tensors(self.state), _tensors(state), strict=True):
            own.copy_(its)
        if self.included is not None and included is not None:
            self.included.copy_(included)

    def run(self, sweeps: int, phase: Phase) -> None:
        """So many sweeps with one ε and α."""
        self.epsilon.fill_(phase.epsilon)
        self.alpha.fill_(phase.alpha)
        for _ in range(sweeps):
            self.replay()


def cuda_graph(work: Callable[[], None]) -> Callable[[], None]:
    """Record what ``work`` launches on the GPU; the result launches it all again, as one. Runs work three times."""
    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):  # kernels are loaded, and compiled, before anything is recorded
        for _ in range(3):
            work()
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        work()
    return graph.replay


def _tensors(state: State) -> list[Tensor]:
    return [*state.w.values(), *state.change.values(), state.met_at, state.done]
