"""Training a population: which replicas are swept together, how many sweeps at a time, and what is handed out.

``train`` is a generator. It prints, logs and saves nothing: it hands its caller a ``Snapshot`` of the population
every so many sweeps, and in between it never waits for the device.
"""

import itertools
import math
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor

from repro import backends
from repro.backends import Backend
from repro.choices import BackwardPass
from repro.population import LANES, Population, put_replicas, replicas_per_chunk, some_replicas
from repro.sweeps import State
from repro.training_setup import TrainingSetup

CHUNK_BYTES = {"cpu": 2 * 2**20, "cuda": 2**30}
"""Room for the largest intermediate product of a sweep: about a core's cache; a small part of a GPU's memory."""

COMPILED_CHUNK_BYTES, COMPILED_CHUNK = 2**17, (32, 1024)
"""Room for the outputs of a chunk's units in a compiled sweep, where nothing else is kept; the fewest and the most
replicas, by what the loop itself costs."""


@dataclass(frozen=True)
class Snapshot:
    """What ``train`` hands out: the population after ``sweep`` sweeps, E and learned_at up to date for that moment.

    It is the population itself, which training goes on to change: whoever needs it later copies it.
    """

    sweep: int
    population: Population


def train(
    population: Population,
    setup: TrainingSetup,
    every: int | Iterable[int] = 1,
    backward_pass: BackwardPass = BackwardPass.explicit,
    compile: bool = False,
    chunk: int | None = None,
    workers: int = 1,
) -> Iterator[Snapshot]:
    """Train the population, in place, and yield a Snapshot of it as it is and after each ``every`` sweeps.

    every: so many sweeps, or after which sweeps, in their order.
    It ends after ``setup.learning.sweeps`` sweeps, or sooner, at a snapshot, where every replica has stopped. A replica
    that has stopped takes no part in later sweeps, so the work shrinks as the population learns.

    backward_pass: explicit runs ``Plan.derivatives``; autograd runs ``backward`` through the Functions of
        ``equations``. The same formulas each time, and the same numbers up to rounding.
    compile: run the explicit one through ``torch.compile``, which needs a C++ compiler. On a CPU a replica's numbers
        are then the same to the last bit whatever the other replicas, ``chunk`` and ``workers`` are.
    chunk: replicas swept at a time; by default as many as CHUNK_BYTES allows, or about as many as COMPILED_CHUNK_BYTES
        does where compiled, or fewer so that every worker has some.
    workers: chunks swept at the same time, each in a thread of its own; one worker is the caller's thread. On a CPU
        this uses the cores better than torch's threads within an operation (``torch.set_num_threads``), which small
        operations only wait for. A GPU does one chunk at a time.

    Raises ValueError for ``every`` or ``workers`` below 1, for compile with autograd, for a population of another
    network than the set-up's, and for numbers of the rule that are one for each of another number of replicas.
    """
    for name, value in (("every", every), ("workers", workers)):
        if isinstance(value, int) and value < 1:
            raise ValueError(f"{name}={value}: must be at least 1")
    if compile and backward_pass == BackwardPass.autograd:
        raise ValueError("compile=True: is for the explicit backward pass")
    if population.architecture.signature != setup.architecture.signature:
        raise ValueError("the population is of another network than setup.architecture")
    setup.learning.check_count(len(population.seeds))
    device, dtype = population.E.device, population.E.dtype
    setup = setup.to(device, dtype)
    workers = workers if device.type == "cpu" else 1
    chunk = chunk or _chunk(population, setup, compile, workers)
    backend = _backend(setup, backward_pass, compile, device)

    def go_on(replicas: Tensor, until: int) -> None:
        """All of them, chunk by chunk. The first alone, at the start: what has to be compiled is compiled once."""
        width = _width(chunk, len(replicas), workers, compile, device)
        if compile or device.type == "cuda":  # of one size, to which copies of the last replica fill the last chunk up
            replicas = torch.cat([replicas, replicas[-1:].expand(-len(replicas) % width)])
        first, *rest = replicas.split(width)
        if population.sweep == until:
            _go_on(population, setup, backend, until, first)
        else:
            rest = [first, *rest]
        list(each(lambda part: _go_on(population, setup, backend, until, part), rest))
        population.sweep = until

    with ThreadPoolExecutor(workers) if workers > 1 else nullcontext() as pool:
        each = pool.map if pool else map
        everyone = going = torch.arange(len(population.seeds), device=device)
        go_on(going, population.sweep)
        yield Snapshot(population.sweep, population)
        for until in _until(population.sweep, every, setup.learning.sweeps):
            if setup.criterion.stop:
                going = everyone[~population.learned]
            if not len(going):
                return
            go_on(going, until)
            yield Snapshot(population.sweep, population)


def _until(begin: int, every: int | Iterable[int], last: int) -> Iterable[int]:
    """The sweeps of the snapshots after the first, up to the last sweep."""
    if begin >= last:
        return ()
    at = range(begin + every, last, every) if isinstance(every, int) else (s for s in every if begin < s < last)
    return itertools.chain(at, (last,))


def _backend(setup: TrainingSetup, backward_pass: BackwardPass, compile: bool, device: torch.device) -> Backend:
    """The way to run many sweeps."""
    if backward_pass == BackwardPass.autograd:
        return backends.by_autograd(setup)
    if device.type == "cuda":
        return backends.recorded(setup, compile)
    return backends.compiled(setup) if compile else backends.explicit(setup)


def _chunk(population: Population, setup: TrainingSetup, compile: bool, workers: int) -> int:
    """How many replicas to sweep at a time."""
    plan, share = setup.architecture, math.ceil(len(population.seeds) / workers)
    cases, dtype, kind = len(setup.task.cases), population.E.dtype, population.E.device.type
    if compile and kind == "cpu":
        fewest, most = COMPILED_CHUNK
        fit = COMPILED_CHUNK_BYTES // (cases * plan.activity_size * dtype.itemsize)
        return min(max(fewest, power_of_2(fit)), most, max(LANES, power_of_2(share)))
    at_once = 1 if setup.learning.per_case else cases
    budget = CHUNK_BYTES.get(kind, CHUNK_BYTES["cuda"])
    return min(replicas_per_chunk(plan, at_once, dtype, budget), share)


def _width(chunk: int, going: int, workers: int, compile: bool, device: torch.device) -> int:
    """How many replicas to sweep at a time when so many go on.

    Another size would be compiled anew, which takes longer than the few that are left; to record it takes a moment.
    """
    if device.type == "cuda":
        return min(chunk, max(LANES, power_of_2(going)))
    return chunk if compile else min(chunk, math.ceil(going / workers))


def power_of_2(least: int) -> int:
    """The smallest power of 2 that is no smaller: few sizes to compile for."""
    return 1 << max(0, least - 1).bit_length()


@torch.no_grad()
def _go_on(population: Population, setup: TrainingSetup, backend: Backend, until: int, part: Tensor) -> None:
    """Take some replicas out of the population, through the sweeps up to ``until``, and back, with E and learned_at."""
    w, delta_w = (
        {key: some_replicas(value, part) for key, value in tensors.items()}
        for tensors in (population.weights, population.delta_w)
    )
    learned_at = population.learned_at[part]
    state = State(w, delta_w, learned_at, torch.full_like(learned_at[:1], population.sweep))
    state, E = backend(state, population.sweep, until, setup.included(part), setup.learning_of(part))
    for key in w:
        put_replicas(population.weights[key], part, state.w[key])
        put_replicas(population.delta_w[key], part, state.delta_w[key])
    population.learned_at[part], population.E[part] = state.learned_at, E
