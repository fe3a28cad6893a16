"""Sweeps through the cases (N p.533-535): forward pass, backward pass, weight change.

``train`` is a generator. It prints, logs and saves nothing: it hands its caller a ``Look`` at the population
every so many sweeps, and in between it never waits for the device.
"""

import functools
import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from repro.errors import AS_PRINTED, ErrorMeasure, included_cases
from repro.learning import DecayOf, LearningRule, Phase, changed, phase_of
from repro.networks import ALWAYS_ON, Architecture, Network, derivatives, error
from repro.population import NOT_YET, Population, replicas_per_chunk
from repro.tasks import Task

CHUNK_BYTES = {"cpu": 2 * 2**20, "cuda": 2**30}
"""Room for the largest intermediate product of a sweep: about a core's cache; a small part of a GPU's memory."""

COMPILED_AT_MOST = 256
"""Sweeps that differ in more than numbers (the error measure, the decay, a shape) and are compiled in one process.

torch's own limit is 8, after which it runs a sweep as it is written and says so in its log only: a search or a multirun
would slow down 4 times and go on.
"""

COMPILED_CHUNK = 128
"""Replicas that a compiled sweep takes at a time for each thread: enough that its start costs little."""

BackwardPass = Literal["explicit", "autograd", "compiled"]
Tensors = dict[str, Tensor]


@dataclass(frozen=True)
class Learning:
    """How the weights change, and for how long.

    phases: see ``LearningRule``. sweeps: how many in all. decay: the part of a weight taken off after each change.
    per_case: change the weights after every case, in the order of the task, in place of once a sweep.
    decay_biases: whether biases decay like other weights. decay_of: see ``learning.DecayOf``.
    per_fan_in: divide each unit's ε by its number of inputs.
    """

    phases: tuple[Phase, ...]
    sweeps: int
    decay: float = 0.0
    per_case: bool = False
    decay_biases: bool = True
    decay_of: DecayOf = "weight"
    per_fan_in: bool = False

    def by_link(self, architecture: Architecture) -> dict[str, tuple[float, float]]:
        """The factor of ε, and the decay, for each set of weights."""
        return {
            link.key: (
                1 / architecture.fan_in(link.target) if self.per_fan_in else 1.0,
                self.decay if self.decay_biases or link.source != ALWAYS_ON else 0.0,
            )
            for link in architecture.all_links
        }


@dataclass(frozen=True)
class Criterion:
    """A replica has learned when every output is within ``tolerance`` of its desired value, in every case it learns.

    stop: its weights then stay as they are. The paper states no criterion: each use is a numbered assumption.
    """

    tolerance: float
    stop: bool = True


@dataclass(frozen=True)
class Look:
    """What ``train`` hands out: the population after ``sweep`` sweeps, E and met_at up to date for that moment."""

    sweep: int
    population: Population


@dataclass(frozen=True)
class Lesson:
    """All that stays the same while a population trains, and the sums that need it."""

    task: Task
    learning: Learning
    criterion: Criterion
    measure: ErrorMeasure
    held_out: Tensor | None

    def included(self, part: Tensor) -> Tensor | None:
        """1 where a case counts for a replica of ``part`` and 0 where not, ``[cases, 1, replicas]``; None: all 1."""
        if self.held_out is None:
            return None
        out = self.held_out if self.held_out.shape[1] == 1 else self.held_out[:, part]
        return included_cases(out, self.task.desired)


def met_by(y: Tensor, d: Tensor, tolerance: float, included: Tensor | None = None) -> Tensor:
    """Which replicas have every output within the tolerance, in the cases that count for them.

    y ``[cases, units, replicas]``, d ``[cases, units, 1]``, included ``[cases, 1, replicas]``; ``[replicas]``, bool.
    """
    gap = (y - d).abs()
    return (gap if included is None else gap * included).amax(dim=(0, 1)) <= tolerance


def train(
    population: Population,
    task: Task,
    learning: Learning,
    criterion: Criterion,
    every: int = 1,
    backward_pass: BackwardPass = "explicit",
    chunk: int | None = None,
    workers: int = 1,
    measure: ErrorMeasure = AS_PRINTED,
    held_out: Tensor | None = None,
) -> Iterator[Look]:
    """Train the population, in place, and yield a Look before the first sweep and after each ``every`` sweeps.

    It ends after ``learning.sweeps`` sweeps, or sooner, at a look, where every replica has stopped. A replica
    that has stopped takes no part in later sweeps, so the work shrinks as the population learns.

    backward_pass: "explicit" runs ``networks.derivatives``; "autograd" runs ``backward`` through the Functions of
        ``equations``; "compiled" is the explicit one through ``torch.compile``, which needs a C++ compiler. The same
        formulas each time, and the same numbers up to rounding.
    chunk: replicas swept at a time; by default as many as CHUNK_BYTES allows, or fewer so that every worker has some;
        COMPILED_CHUNK for each of torch's threads where the sweep is compiled.
    workers: chunks swept at the same time, each in a thread of its own. On a CPU this uses the cores better than
        torch's threads within an operation (``torch.set_num_threads``), which small operations only wait for. Compiled
        sweeps are the other way round: few large operations, which Python lets run one at a time only.
    measure: how the error of the outputs is counted; (3) unless given.
    held_out: ``[cases, replicas or 1]``, bool: cases that a replica does not learn; None: it learns all.

    Raises SpecError where the task does not fit the network, ValueError for ``every`` or ``workers`` below 1.
    """
    for name, value in (("every", every), ("workers", workers)):
        if value < 1:
            raise ValueError(f"{name}={value}: must be at least 1")
    population.architecture.check_task(task)
    device, dtype = population.E.device, population.E.dtype
    held_out = None if held_out is None else held_out.to(device)
    lesson = Lesson(task.to(device, dtype), learning, criterion, measure, held_out)
    compiled = backward_pass == "compiled" and not learning.per_case
    if chunk is None and compiled and device.type == "cpu":
        chunk = min(COMPILED_CHUNK * torch.get_num_threads(), len(population.seeds))
    elif chunk is None:
        budget = CHUNK_BYTES.get(device.type, CHUNK_BYTES["cuda"])
        at_once = 1 if learning.per_case else len(task.cases)
        chunk = replicas_per_chunk(population.architecture, at_once, dtype, budget)
        chunk = min(chunk, math.ceil(len(population.seeds) / workers))
    if backward_pass == "autograd":
        run: Callable[..., None] = _run_by_autograd
    else:
        sweep = functools.partial(_sweep, population.architecture, lesson)
        if compiled:
            # torch's overloads do not know recompile_limit yet
            sweep = torch.compile(sweep, dynamic=False, recompile_limit=COMPILED_AT_MOST)  # type: ignore[call-overload]
        run = functools.partial(_run, sweep)

    everyone = torch.arange(len(population.seeds), device=device)
    with ThreadPoolExecutor(workers) as pool:

        def each(replicas: Tensor, do: Callable[[Tensor], None]) -> Look:
            if backward_pass == "compiled":  # one shape only: fill the last chunk up with copies of its last replica
                extra = -len(replicas) % chunk
                replicas = torch.cat([replicas, replicas[-1:].expand(extra)])
            list(pool.map(do, replicas.split(chunk)))
            return Look(population.sweep, population)

        yield each(everyone, lambda part: _look(population, part, lesson))
        while population.sweep < learning.sweeps:
            going = everyone[~population.met] if criterion.stop else everyone
            if not len(going):
                return
            count = min(every, learning.sweeps - population.sweep)
            each(going, functools.partial(run, population, lesson, count))
            population.sweep += count
            yield each(going, lambda part: _look(population, part, lesson))


def _run(sweep: Callable[..., Any], population: Population, lesson: Lesson, count: int, part: Tensor) -> None:
    """Take some replicas out of the population, through ``count`` sweeps, and back."""
    w = {key: value.index_select(2, part) for key, value in population.weights.items()}
    change = {key: value.index_select(2, part) for key, value in population.changes.items()}
    met_at, included = population.met_at[part], lesson.included(part)
    done = torch.full_like(met_at[:1], population.sweep)
    for number in range(population.sweep + 1, population.sweep + count + 1):
        epsilon, alpha = _as_tensors(phase_of(lesson.learning.phases, number))
        w, change, met_at, done = sweep(w, change, met_at, done, epsilon, alpha, included)
    for key in w:
        population.weights[key][..., part] = w[key]
        population.changes[key][..., part] = change[key]
    population.met_at[part] = met_at


def _as_tensors(phase: Phase) -> tuple[Tensor, Tensor]:
    """ε and α as tensors: a compiled sweep would be compiled anew for another number.

    In float64: 0.1 in float32 is another ε, 1.5e-8 of it away. A tensor of one number takes on the other's precision.
    """
    return torch.tensor(phase.epsilon, dtype=torch.float64), torch.tensor(phase.alpha, dtype=torch.float64)


def _sweep(
    architecture: Architecture,
    lesson: Lesson,
    w: Tensors,
    change: Tensors,
    met_at: Tensor,
    done: Tensor,
    epsilon: Tensor,
    alpha: Tensor,
    included: Tensor | None,
) -> tuple[Tensors, Tensors, Tensor, Tensor]:
    """One sweep with the backward pass written out: the new weights, changes, met_at, and number of sweeps done."""
    learning, inputs, d = lesson.learning, lesson.task.inputs, lesson.task.desired.unsqueeze(2)
    by_link = learning.by_link(architecture)
    y, dE_dw = derivatives(architecture, w, inputs, d, lesson.measure, included)
    now = met_by(y, d, lesson.criterion.tolerance, included)
    met_at = torch.where((met_at == NOT_YET) & now, done, met_at)
    active = met_at == NOT_YET if lesson.criterion.stop else None

    if not learning.per_case:
        w, change = _changed(learning, by_link, w, change, dE_dw, epsilon, alpha, active)
        return w, change, met_at, done + 1
    for case in range(len(lesson.task.cases)):
        only = slice(case, case + 1)
        _, dE_dw = derivatives(architecture, w, {k: v[only] for k, v in inputs.items()}, d[only], lesson.measure)
        shown = _shown(active, included, case)
        w, change = _changed(learning, by_link, w, change, dE_dw, epsilon, alpha, shown)
    return w, change, met_at, done + 1


def _changed(
    learning: Learning,
    by_link: dict[str, tuple[float, float]],
    w: Tensors,
    change: Tensors,
    dE_dw: Tensors,
    epsilon: Tensor,
    alpha: Tensor,
    active: Tensor | None,
) -> tuple[Tensors, Tensors]:
    """The new weights, and the last changes, by key. Not a function within ``_sweep``: torch.compile stops at those."""
    both = {
        key: changed(w[key], dE_dw[key], change[key], epsilon * rate, alpha, decay, active, learning.decay_of)
        for key, (rate, decay) in by_link.items()
    }
    # one memory layout throughout, or a compiled sweep is compiled again for the layout of its own results
    new = {key: value.contiguous() for key, (value, _) in both.items()}
    return new, {key: value.contiguous() for key, (_, value) in both.items()}


def _shown(active: Tensor | None, included: Tensor | None, case: int) -> Tensor | None:
    """Which replicas change their weights after a case: those still learning, where the case counts for them."""
    if included is None:
        return active
    counts = included[case, 0] > 0
    return counts if active is None else active & counts


def _run_by_autograd(population: Population, lesson: Lesson, count: int, part: Tensor) -> None:
    """The same as ``_run``, by ``backward`` and ``LearningRule.step`` of a Network: PyTorch's usual loop."""
    learning, task, d = lesson.learning, lesson.task, lesson.task.desired.unsqueeze(2)
    network = Network(population.architecture, {key: w[..., part] for key, w in population.weights.items()})
    changes_per_sweep = len(task.cases) if learning.per_case else 1
    by_link = learning.by_link(population.architecture)
    groups = [
        {
            "params": [w],
            "rate": by_link[key][0],
            "decay": by_link[key][1],
            "changes": population.sweep * changes_per_sweep,
        }
        for key, w in network.weights.items()
    ]
    rule = LearningRule(groups, learning.phases, changes_per_sweep=changes_per_sweep, decay_of=learning.decay_of)
    for key, w in network.weights.items():
        rule.state[w]["change"] = population.changes[key][..., part]
    met_at, included = population.met_at[part], lesson.included(part)

    for done in range(population.sweep, population.sweep + count):
        y = network(task.inputs)
        now = met_by(y.detach(), d, lesson.criterion.tolerance, included)
        met_at = torch.where((met_at == NOT_YET) & now, done, met_at)
        active = met_at == NOT_YET if lesson.criterion.stop else None
        if not learning.per_case:
            rule.zero_grad()
            error(y, d, lesson.measure, included).sum().backward()
            rule.step(active=active)
            continue
        for case in range(len(task.cases)):
            only = slice(case, case + 1)
            rule.zero_grad()
            error(network({k: v[only] for k, v in task.inputs.items()}), d[only], lesson.measure).sum().backward()
            rule.step(active=_shown(active, included, case))

    for key, w in network.weights.items():
        population.weights[key][..., part] = w.detach()
        population.changes[key][..., part] = rule.state[w]["change"]
    population.met_at[part] = met_at


@torch.no_grad()
def _look(population: Population, part: Tensor, lesson: Lesson) -> None:
    """Bring E and met_at of some replicas up to date, by a forward pass."""
    network = Network(population.architecture, {key: w[..., part] for key, w in population.weights.items()})
    y, d, included = network(lesson.task.inputs), lesson.task.desired.unsqueeze(2), lesson.included(part)
    population.E[part] = lesson.measure.E(y, d, included)
    met_at = population.met_at[part]
    now = (met_at == NOT_YET) & met_by(y, d, lesson.criterion.tolerance, included)
    population.met_at[part] = torch.where(now, population.sweep, met_at)
