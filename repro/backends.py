"""Ways to run many sweeps: as written, by autograd, as machine code, or as CUDA graphs.

Each makes a ``Backend`` of the same ``repro.sweeps.sweep``: ``explicit`` runs it as it is written; ``by_autograd`` does
the same by PyTorch's usual loop; ``compiled`` has the whole loop as machine code; ``recorded`` each sweep as one CUDA
graph.
"""

from __future__ import annotations  # torch.compile takes no nested function whose annotations are made when it is

import functools
import inspect
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from repro.learning import LearningRule, Phase
from repro.machine_code.run import MachineCode
from repro.networks import Network, error
from repro.per_replica import Number
from repro.sweeps import (
    State,
    evaluated,
    first_learned,
    learns_case,
    single_case,
    still_learning,
    sweep,
)
from repro.training_setup import Learning, TrainingSetup

COMPILED_AT_MOST = 256
"""Set-ups that differ in more than numbers (the error measure, the decay, a shape) and are compiled in one process.

torch's own limit is 8, after which it runs a sweep as it is written and says so in its log only: a search or a multirun
would slow down many times and go on.
"""

Backend = Callable[[State, int, Sequence[int], Tensor | None, Learning], tuple[State, Sequence[Tensor]]]
"""From the state after so many sweeps to that after more: the new state with learned_at up to date, and E on the way.

Arguments: the state, how many sweeps it has had, after how many E is wanted, of which the last ends it, the included
cases, and how these replicas learn: ``setup.learning`` with the numbers of these replicas, where each has its own. The
weights and last Δw of the state may be a slice of a population's: ``compiled`` changes them in place, all others leave
them as they are.
"""

Step = Callable[[State, int, int, Tensor | None, Learning], tuple[State, Tensor]]
"""The same with E at the end alone."""


def step_by_step(step: Step) -> Backend:
    """A backend that stops wherever E is wanted."""

    def run_on(
        state: State, begin: int, looks: Sequence[int], included: Tensor | None, learning: Learning
    ) -> tuple[State, Sequence[Tensor]]:
        errors = []
        for look in looks:
            state, E = step(state, begin, look, included, learning)
            errors.append(E)
            begin = look
        return state, errors

    return run_on


def phase_segments(phases: Sequence[Phase], begin: int, until: int) -> list[tuple[int, Phase]]:
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


class Numbers(NamedTuple):
    """ε, α and the decay of some sweeps, as tensors: a compiled sweep would be compiled anew for another number.

    All three ``[]``, or all ``[replicas]`` where one of them is one for each replica. decay: None where nothing decays.
    In float64: 0.1 in float32 is another ε, 1.5e-8 of it away. They take on the weights' precision as a float does.
    """

    epsilon: Tensor
    alpha: Tensor
    decay: Tensor | None

    @classmethod
    def of(cls, learning: Learning, phase: Phase, like: Tensor) -> Numbers:
        """Those of a phase. like ``[replicas]``: for so many, and on its device."""
        shape = like.shape if learning.per_replica else ()

        def tensor(number: Number) -> Tensor:
            if isinstance(number, Tensor):
                return number
            return torch.full(shape, number, dtype=torch.float64, device=like.device)

        decay = tensor(learning.decay) if learning.decays else None
        return cls(tensor(phase.epsilon), tensor(phase.alpha), decay)


def explicit(setup: TrainingSetup) -> Backend:
    """``sweep`` as it is written, again and again."""

    def run_on(
        state: State, begin: int, until: int, included: Tensor | None, learning: Learning
    ) -> tuple[State, Tensor]:
        for end, phase in phase_segments(learning.phases, begin, until):
            for _ in range(begin, end):
                state = sweep(setup, state, phase.epsilon, phase.alpha, learning.decay, included)
            begin = end
        return evaluated(setup, state, included)

    return step_by_step(run_on)


def by_autograd(setup: TrainingSetup) -> Backend:
    """``backward`` through the Functions, and ``LearningRule.step``, of a Network: PyTorch's usual loop."""
    task, d = setup.task, setup.desired
    changes_per_sweep = len(task.cases) if setup.learning.per_case else 1
    by_link = setup.learning.by_link(setup.architecture)

    @torch.enable_grad()
    def run_on(
        state: State, begin: int, until: int, included: Tensor | None, learning: Learning
    ) -> tuple[State, Tensor]:
        network, learned_at = Network(setup.architecture, state.w), state.learned_at
        groups = []
        for key, w in network.weights.items():
            rate, decays = by_link[key]
            decay = learning.decay if decays else 0.0
            groups.append({"params": [w], "rate": rate, "decay": decay, "changes": begin * changes_per_sweep})
        rule = LearningRule(groups, learning.phases, changes_per_sweep=changes_per_sweep, decay_of=learning.decay_of)
        for key, w in network.weights.items():
            rule.state[w]["delta_w"] = state.delta_w[key]

        for done in range(begin, until):
            y = network(task.inputs)
            now = state._replace(learned_at=learned_at, done=state.done + (done - begin))
            learned_at = first_learned(setup, y.detach(), now, included)
            if not learning.per_case:
                rule.zero_grad()
                error(y, d, setup.error_measure, included).sum().backward()
                rule.step(active=still_learning(setup, learned_at))
                continue
            for case in torch.arange(len(d), device=d.device).split(1):
                inputs, wanted = single_case(setup, case)
                rule.zero_grad()
                error(network(inputs), wanted, setup.error_measure).sum().backward()
                rule.step(active=learns_case(setup, learned_at, included, case))

        weights = {key: w.detach() for key, w in network.weights.items()}
        delta_w = {key: rule.state[w]["delta_w"] for key, w in network.weights.items()}
        return evaluated(setup, State(weights, delta_w, learned_at, state.done + (until - begin)), included)

    return step_by_step(run_on)


def compiled(setup: TrainingSetup) -> Backend:
    """The whole loop over the sweeps as machine code, for a CPU: Python has no part in it, and does not wait for it.

    Made of the same ``sweep`` by ``repro.machine_code``. Sums run in one order whatever the number of replicas is and
    whatever lies in the lanes of a vector, so a replica's numbers are the same to the last bit in any company, also
    among replicas with another ε, α and decay, and on any processor. Another number of replicas, ε, α, decay or number
    of sweeps needs no other code, nor does a set-up that differs in these alone.
    """
    kind = _kind(setup)
    code = MACHINE_CODE[kind] = MACHINE_CODE.get(kind) or MachineCode.of(setup)

    def run_on(
        state: State, begin: int, looks: Sequence[int], included: Tensor | None, learning: Learning
    ) -> tuple[State, Sequence[Tensor]]:
        errors: list[Tensor] = []
        for end, phase in phase_segments(learning.phases, begin, looks[-1]) or [(begin, learning.phases[0])]:
            numbers = [number for number in Numbers.of(learning, phase, state.learned_at) if number is not None]
            wanted = [look for look in looks[len(errors) :] if look <= end]
            ends = wanted if wanted and wanted[-1] == end else [*wanted, end]
            state, E = code(state, begin, ends, numbers, included)
            errors += E[: len(wanted)]
            begin = end
        return state, errors

    return run_on


MACHINE_CODE: dict[Hashable, MachineCode] = {}
"""What this process has compiled: a study trains one network at many ε, which is one piece of machine code."""


def _kind(setup: TrainingSetup) -> Hashable:
    """All that a compiled loop has in it: not ε, α, decay or the number of sweeps, nor which cases are held out."""
    values = [*setup.task.inputs.items(), ("", setup.task.desired)]
    return (
        setup.architecture.signature,
        tuple((name, value.dtype, value.shape, value.numpy().tobytes()) for name, value in values),
        (replace(setup.learning, phases=(), sweeps=0, decay=0.0), setup.learning.decays),
        (setup.criterion, setup.error_measure),
    )


def torch_compiled(work: Callable[..., Any]) -> Callable[..., Any]:
    """``torch.compile``, for up to COMPILED_AT_MOST set-ups in one process.

    Before torch 2.13 it takes no limit as an argument, and has one setting for all threads; from then on each thread
    has its own settings.
    """
    options: dict[str, Any] = {}
    if "recompile_limit" in inspect.signature(torch.compile).parameters:
        options["recompile_limit"] = COMPILED_AT_MOST
    else:
        torch._dynamo.config.recompile_limit = COMPILED_AT_MOST
    fast: Callable[..., Any] = torch.compile(work, dynamic=False, **options)
    return fast


def recorded(setup: TrainingSetup, compile: bool) -> Backend:
    """Every sweep as one CUDA graph, recorded once for a number of replicas and then replayed.

    Between the sweeps the host waits for nothing and allocates nothing. compile: torch.compile makes fused kernels of
    the sweep first.
    """
    once: Callable[..., State] = functools.partial(sweep, setup)
    if compile and not setup.learning.per_case:  # as many kernels as cases would have to be made
        once = torch_compiled(once)
    kept: dict[int, Recording] = {}

    def run_on(
        state: State, begin: int, until: int, included: Tensor | None, learning: Learning
    ) -> tuple[State, Tensor]:
        size = len(state.learned_at)
        if size not in kept:
            kept[size] = Recording(once, state, Numbers.of(learning, learning.phases[0], state.learned_at), included)
        recording = kept[size]
        recording.load(state, included)
        for end, phase in phase_segments(learning.phases, begin, until):
            recording.run(end - begin, Numbers.of(learning, phase, state.learned_at))
            begin = end
        return evaluated(setup, recording.state, included)

    return step_by_step(run_on)


class Recording:
    """A sweep of so many replicas as a CUDA graph, with the tensors that it reads and writes."""

    def __init__(self, once: Callable[..., State], state: State, numbers: Numbers, included: Tensor | None) -> None:
        self.once = once
        w, delta_w = ({key: value.clone() for key, value in own.items()} for own in (state.w, state.delta_w))
        self.state = State(w, delta_w, state.learned_at.clone(), state.done.clone())
        self.included = None if included is None else included.clone()
        self.numbers = Numbers(
            numbers.epsilon.clone(), numbers.alpha.clone(), None if numbers.decay is None else numbers.decay.clone()
        )
        self.replay = cuda_graph(self._sweep, state.done.device)

    def _sweep(self) -> None:
        epsilon, alpha, decay = self.numbers
        new = self.once(self.state, epsilon, alpha, 0.0 if decay is None else decay, self.included)
        for own, its in zip(_tensors(self.state), _tensors(new), strict=True):
            own.copy_(its)

    def load(self, state: State, included: Tensor | None) -> None:
        """Put other replicas in place."""
        for own, its in zip(_tensors(self.state), _tensors(state), strict=True):
            own.copy_(its)
        if self.included is not None and included is not None:
            self.included.copy_(included)

    def run(self, sweeps: int, numbers: Numbers) -> None:
        """So many sweeps with these ε, α and decay."""
        for own, its in zip(self.numbers, numbers, strict=True):
            if own is not None and its is not None:
                own.copy_(its)
        for _ in range(sweeps):
            self.replay()


def cuda_graph(work: Callable[[], None], device: torch.device) -> Callable[[], None]:
    """Record what ``work`` launches on a GPU; the result launches it all again, as one. Runs work three times.

    device: which GPU. Each thread begins with the first one as its own, whatever others have chosen.
    """
    with torch.cuda.device(device):
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
    return [*state.w.values(), *state.delta_w.values(), state.learned_at, state.done]
