"""Sweeps through the cases (N p.533-535): forward pass, backward pass, weight change.

``train`` is a generator. It prints, logs and saves nothing: it hands its caller a ``Look`` at the population
every so many sweeps, and in between it never waits for the device.
"""

import math
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from repro.learning import LearningRule, Phase
from repro.networks import Network, error
from repro.population import NOT_YET, Population, replicas_per_chunk
from repro.tasks import Task

CHUNK_BYTES = {"cpu": 2 * 2**20, "cuda": 2**30}
"""Room for the largest intermediate product of a sweep: about a core's cache; a small part of a GPU's memory."""

BackwardPass = Literal["explicit", "autograd"]


@dataclass(frozen=True)
class Learning:
    """How the weights change, and for how long.

    phases: see ``LearningRule``. sweeps: how many in all. decay: the part of a weight taken off after each change.
    per_case: change the weights after every case, in the order of the task, in place of once a sweep.
    """

    phases: tuple[Phase, ...]
    sweeps: int
    decay: float = 0.0
    per_case: bool = False


@dataclass(frozen=True)
class Criterion:
    """A replica has learned when every output is within ``tolerance`` of its desired value, in every case.

    stop: its weights then stay as they are. The paper states no criterion: each use is a numbered assumption.
    """

    tolerance: float
    stop: bool = True


@dataclass(frozen=True)
class Look:
    """What ``train`` hands out: the population after ``sweep`` sweeps, E and met_at up to date for that moment."""

    sweep: int
    population: Population


def met_by(y: Tensor, d: Tensor, tolerance: float) -> Tensor:
    """Which replicas have every output within the tolerance: y ``[cases, units, replicas]`` to ``[replicas]``, bool."""
    return (y - d).abs().amax(dim=(0, 1)) <= tolerance


def train(
    population: Population,
    task: Task,
    learning: Learning,
    criterion: Criterion,
    every: int = 1,
    backward_pass: BackwardPass = "explicit",
    chunk: int | None = None,
    workers: int = 1,
) -> Iterator[Look]:
    """Train the population, in place, and yield a Look before the first sweep and after each ``every`` sweeps.

    It ends after ``learning.sweeps`` sweeps, or sooner, at a look, where every replica has stopped. A replica
    that has stopped takes no part in later sweeps, so the work shrinks as the population learns.

    backward_pass: "explicit" runs ``Network.derivatives``; "autograd" runs ``backward`` through the Functions of
        ``equations``. The same formulas either way, and the same numbers.
    chunk: replicas swept at a time; by default as many as CHUNK_BYTES allows, or fewer so that every worker has some.
    workers: chunks swept at the same time, each in a thread of its own. On a CPU this uses the cores better than
        torch's threads within an operation (``torch.set_num_threads``), which small operations only wait for.

    Raises SpecError where the task does not fit the network, ValueError for ``every`` or ``workers`` below 1.
    """
    if every < 1:
        raise ValueError(f"every={every}: must be at least 1 sweep")
    if workers < 1:
        raise ValueError(f"workers={workers}: must be at least 1")
    population.architecture.check_task(task)
    some = next(iter(population.weights.values()))
    task = task.to(some.device, some.dtype)
    if chunk is None:
        budget = CHUNK_BYTES.get(some.device.type, CHUNK_BYTES["cuda"])
        chunk = replicas_per_chunk(population.architecture, len(task.cases), some.dtype, budget)
        chunk = min(chunk, math.ceil(len(population.seeds) / workers))

    everyone = torch.arange(len(population.seeds), device=some.device)
    with ThreadPoolExecutor(workers) as pool:

        def look(replicas: Tensor) -> Look:
            list(pool.map(lambda part: _look(population, part, task, criterion), replicas.split(chunk)))
            return Look(population.sweep, population)

        yield look(everyone)
        while population.sweep < learning.sweeps:
            going = everyone[~population.met] if criterion.stop else everyone
            if not len(going):
                return
            sweeps = min(every, learning.sweeps - population.sweep)

            def run(part: Tensor, sweeps: int = sweeps) -> None:
                _run(population, part, task, learning, criterion, sweeps, backward_pass)

            list(pool.map(run, going.split(chunk)))
            population.sweep += sweeps
            yield look(going)


def _run(
    population: Population,
    part: Tensor,
    task: Task,
    learning: Learning,
    criterion: Criterion,
    sweeps: int,
    backward_pass: BackwardPass,
) -> None:
    """Take some replicas through the sweeps: out of the population, into one Network, and back."""
    network = Network(population.architecture, {key: w[..., part] for key, w in population.weights.items()})
    changes_per_sweep = len(task.cases) if learning.per_case else 1
    rule = LearningRule(network.parameters(), learning.phases, learning.decay, changes_per_sweep)
    for group in rule.param_groups:
        group["changes"] = population.sweep * changes_per_sweep
    for key, w in network.weights.items():
        rule.state[w]["change"] = population.changes[key][..., part]
    met_at = population.met_at[part]

    d = task.desired.unsqueeze(2)
    for sweep in range(population.sweep, population.sweep + sweeps):
        if learning.per_case:
            with torch.no_grad():
                y = network(task.inputs)
        else:
            y = _accumulate(network, task.inputs, d, backward_pass)
        met_at = torch.where((met_at == NOT_YET) & met_by(y, d, criterion.tolerance), sweep, met_at)
        active = met_at == NOT_YET if criterion.stop else None
        if learning.per_case:
            for case in range(len(task.cases)):
                only = slice(case, case + 1)
                _accumulate(network, {name: v[only] for name, v in task.inputs.items()}, d[only], backward_pass)
                rule.step(active=active)
        else:
            rule.step(active=active)

    for key, w in network.weights.items():
        population.weights[key][..., part] = w.detach()
        population.changes[key][..., part] = rule.state[w]["change"]
    population.met_at[part] = met_at


def _accumulate(network: Network, inputs: Mapping[str, Tensor], d: Tensor, backward_pass: BackwardPass) -> Tensor:
    """Forward and backward pass over the given cases; leaves ∂E/∂w in each weight's ``grad`` and returns y."""
    if backward_pass == "autograd":
        for w in network.parameters():
            w.grad = None
        y: Tensor = network(inputs)
        error(y, d).sum().backward()
        return y.detach()
    y, _, dE_dw = network.derivatives(inputs, d)
    for key, w in network.weights.items():
        w.grad = dE_dw[key]
    return y


@torch.no_grad()
def _look(population: Population, part: Tensor, task: Task, criterion: Criterion) -> None:
    """Bring E and met_at of some replicas up to date, by a forward pass."""
    network = Network(population.architecture, {key: w[..., part] for key, w in population.weights.items()})
    y, d = network(task.inputs), task.desired.unsqueeze(2)
    population.E[part] = error(y, d)
    met_at = population.met_at[part]
    now_met = (met_at == NOT_YET) & met_by(y, d, criterion.tolerance)
    population.met_at[part] = torch.where(now_met, population.sweep, met_at)
