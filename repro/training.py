"""Training a population: which replicas are swept together, how many sweeps at a time, and what is handed out.

``train`` is a generator. It prints, logs and saves nothing: it hands its caller a ``Snapshot`` of the population
every so many sweeps, and in between it never waits for the device.

Snapshots that follow each other closely are trained in one go where a replica's numbers do not depend on its company:
E and learned_at of each are kept, and the weights in between are worked out again if the caller asks for them.
"""

import functools
import itertools
import math
import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor

from repro import backends
from repro.backends import Backend
from repro.choices import BackwardPass
from repro.population import LANES, NEVER, Population, put_replicas, replicas_per_chunk, some_replicas
from repro.sweeps import State
from repro.training_setup import TrainingSetup

CHUNK_BYTES = {"cpu": 2 * 2**20, "cuda": 2**30}
"""Room for the largest intermediate product of a sweep: about a core's cache; a small part of a GPU's memory."""

COMPILED_CHUNK, COMPILED_SWEEPS = 1024, 2**17
"""Replicas that compiled code is called for, at most: it takes as many as fill a vector at a time by itself. More where
they have few sweeps, up to so many replicas' sweeps, beside which a call costs nothing."""

CHUNKS_A_WORKER = 4
"""So that no worker waits long for another whose replicas take longer to learn."""

AHEAD = 0.05
"""Seconds of training that may go into snapshots which have not been handed out yet: an interrupt waits no longer."""

AHEAD_AFTER, AHEAD_PART = 8, 2
"""Training goes ahead once so many snapshots were handed out and no one asked for their weights, and then by at most
one part of as many as that were: who asks now and then has little worked out twice."""

AHEAD_AT_ONCE = 0.002
"""Seconds of training that may do so before anyone has asked for any weights: who then asks has little to wait for."""

AHEAD_BYTES, AHEAD_ERRORS = 2**28, 2**22
"""Of w and the last Δw, which are there twice while training is ahead; and how many E are kept, of all snapshots."""

STOPPED_PART = 16
"""Compiled, stopped replicas stay among those that are swept until a part of the work, one of so many, is for nothing:
replicas that follow one another are taken out and put back many times as fast as those that are picked out."""


@dataclass(frozen=True)
class Snapshot:
    """What ``train`` hands out: the population after ``sweep`` sweeps, all of it as it is at that moment.

    It is the population itself, which training goes on to change: whoever needs it later copies it. E and learned_at
    cost nothing to look at; ``weights`` and ``delta_w`` may have to be worked out when they are asked for.
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
    ahead: float = AHEAD,
) -> Iterator[Snapshot]:
    """Train the population, in place, and yield a Snapshot of it as it is and after each ``every`` sweeps.

    every: so many sweeps, or after which sweeps, in their order.
    It ends after ``setup.learning.sweeps`` sweeps, or sooner, at a snapshot, where every replica has stopped. A replica
    that has stopped takes no part in later sweeps, so the work shrinks as the population learns.

    backward_pass: explicit runs ``Plan.derivatives``; autograd runs ``backward`` through the Functions of
        ``equations``. The same formulas each time, and the same numbers up to rounding.
    compile: run the explicit one as machine code, which needs a C++ compiler on a CPU, and Triton on a GPU. On a CPU a
        replica's numbers are then the same to the last bit whatever the other replicas, ``chunk`` and ``workers`` are.
    chunk: replicas swept at a time; by default as many as CHUNK_BYTES allows, or COMPILED_CHUNK where compiled, or
        fewer so that every worker has some, or more where a snapshot follows soon.
    workers: chunks swept at the same time, each in a thread of its own; one worker is the caller's thread. On a CPU
        this uses the cores better than torch's threads within an operation (``torch.set_num_threads``), which small
        operations only wait for. A GPU does one chunk at a time.
    ahead: seconds that a compiled training on a CPU may be ahead of the snapshot that it hands out; 0: whoever takes
        the time between two snapshots has that of the sweeps between them.

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
    most_at_once = functools.partial(_chunk, population, setup, compile, workers)
    backend = _backend(setup, backward_pass, compile, device)
    alone = compile and device.type == "cpu"  # a replica's numbers are then those that it has by itself
    most = _most_ahead(population) if alone else 1
    if population.catch_up is not None:  # an earlier training of it was broken off
        population.catch_up()

    def in_chunks(replicas: Tensor, sweeps: int) -> list[Chunk]:
        """On a GPU of one size, to which copies of the last replica fill the last chunk up."""
        width = _width(chunk or most_at_once(sweeps), len(replicas), workers, compile, device)
        return _chunks(replicas, width, device.type == "cuda", len(population.seeds))

    with ThreadPoolExecutor(workers) if workers > 1 else nullcontext() as pool:
        everyone = torch.arange(len(population.seeds), device=device)
        going, looks, unread, asked = everyone, [population.sweep], 0, False
        ends = iter(_until(population.sweep, every, setup.learning.sweeps))
        while True:
            begun = time.monotonic()
            chunks = in_chunks(going, looks[-1] - population.sweep)
            stretch = Stretch(population, setup, backend, workers, chunks, looks, in_place=alone and len(looks) == 1)
            stretch.go(pool.map if pool else map)
            seconds = (time.monotonic() - begun) / len(looks)
            for snapshot in stretch.snapshots():
                yield snapshot
                unread, asked = (0, True) if stretch.read else (unread + 1, asked)
            if population.sweep >= setup.learning.sweeps:
                return
            if setup.criterion.stop:
                fewer = everyone[~population.learned]
                if not len(fewer):
                    return
                if not alone or len(fewer) * STOPPED_PART <= len(going) * (STOPPED_PART - 1):
                    going = fewer
            many = unread // AHEAD_PART if unread >= AHEAD_AFTER else 1
            if not asked and looks != [0]:  # the first look may have compiled
                many = max(many, int(AHEAD_AT_ONCE / max(seconds, 1e-9)))
            many = min(many, most, int(ahead / max(seconds, 1e-9)))
            looks = [look for look in looks if look > population.sweep]  # a stretch may end before its last
            looks += itertools.islice(ends, max(0, max(1, many) - len(looks)))


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


def _chunk(population: Population, setup: TrainingSetup, compile: bool, workers: int, sweeps: int) -> int:
    """How many replicas to sweep at a time, for so many sweeps."""
    plan, share = setup.architecture, math.ceil(len(population.seeds) / workers)
    cases, dtype, kind = len(setup.task.cases), population.E.dtype, population.E.device.type
    if compile and kind == "cpu":
        parts = 1 if share * sweeps <= COMPILED_SWEEPS else CHUNKS_A_WORKER
        most = max(COMPILED_CHUNK, COMPILED_SWEEPS // max(1, sweeps))
        return min(most, whole_vectors(math.ceil(share / parts)))
    at_once = 1 if setup.learning.per_case else cases
    budget = CHUNK_BYTES.get(kind, CHUNK_BYTES["cuda"])
    return min(replicas_per_chunk(plan, at_once, dtype, budget), share)


def _width(chunk: int, going: int, workers: int, compile: bool, device: torch.device) -> int:
    """How many replicas to sweep at a time when so many go on. To record another size takes a GPU a moment."""
    if device.type == "cuda":
        return min(chunk, max(LANES, power_of_2(going)))
    share = math.ceil(going / workers)
    return min(chunk, whole_vectors(share) if compile else share)


def power_of_2(least: int) -> int:
    """The smallest power of 2 that is no smaller: few sizes to record."""
    return 1 << max(0, least - 1).bit_length()


def whole_vectors(replicas: int) -> int:
    """So many replicas, or as many more as fill the last vector."""
    return -(-replicas // LANES) * LANES


@dataclass(frozen=True)
class Chunk:
    """Replicas that are swept together: their numbers in the population, ``[replicas]``.

    at: the same, or a slice where they follow one another.
    """

    replicas: Tensor
    at: Tensor | slice


def _chunks(replicas: Tensor, width: int, fill: bool, everyone: int) -> list[Chunk]:
    """Replicas in chunks of a width. fill: the last one too, with copies of the last replica."""
    parts = [*replicas.split(width)]
    whole = len(replicas) == everyone
    found = [
        Chunk(part, slice(begin, begin + len(part)) if whole else part)
        for part, begin in zip(parts, itertools.count(0, width))
    ]
    lacking = -len(replicas) % width
    if fill and lacking:
        last = torch.cat([parts[-1], replicas[-1:].expand(lacking)])
        found[-1] = Chunk(last, last)
    return found


def _most_ahead(population: Population) -> int:
    """How many snapshots may be trained in one go, by the memory that it takes."""
    a_copy = 2 * sum(w.nbytes for w in population.weights.values())
    return max(1, AHEAD_ERRORS // max(1, len(population.seeds))) if a_copy <= AHEAD_BYTES else 1


class Stretch:
    """The sweeps of a population up to one look, or up to several, and the snapshots there.

    looks: the numbers of sweeps after which there is one. Of several, all but the last are snapshots whose weights are
    not kept: the population has those before the stretch until it is asked for them (``Population.catch_up``), which
    ends the stretch there.
    in_place: the backend gets the population's own weights, of replicas that follow one another, and changes them.
    """

    def __init__(
        self,
        population: Population,
        setup: TrainingSetup,
        backend: Backend,
        workers: int,
        chunks: Sequence[Chunk],
        looks: Sequence[int],
        in_place: bool,
    ) -> None:
        self.population, self.setup, self.backend, self.workers = population, setup, backend, workers
        self.chunks, self.looks, self.in_place = chunks, looks, in_place
        self.begin, self.learned_before = population.sweep, population.learned_at
        self.E = [population.E.clone() for _ in looks]
        self.learned_at = population.learned_at.clone()
        self.states: list[State] = []
        self.read = False

    def go(self, each: Callable[..., Iterable[State | None]]) -> None:
        """Chunk by chunk."""
        self.states = [state for state in each(self._go_on, self.chunks) if state is not None]

    def _go_on(self, chunk: Chunk) -> State | None:
        """To all the looks. Of one, the state goes to the population at once."""
        state = self._through(chunk, self.looks, self.E)
        put_replicas(self.learned_at, chunk.at, state.learned_at)
        if len(self.looks) > 1:
            return state
        self._put(chunk, state)
        return None

    @torch.no_grad()
    def _through(self, chunk: Chunk, looks: Sequence[int], errors: Sequence[Tensor]) -> State:
        """From before the stretch to some looks: the state after the last; E at each into its place."""
        w, delta_w = (
            {key: self._taken(value, chunk.at) for key, value in tensors.items()}
            for tensors in (self.population.weights, self.population.delta_w)
        )
        learned_at = some_replicas(self.learned_before, chunk.at)
        state = State(w, delta_w, learned_at, torch.full_like(learned_at[:1], self.begin))
        included, learning = self.setup.included(chunk.replicas), self.setup.learning_of(chunk.replicas)
        state, found = self.backend(state, self.begin, looks, included, learning)
        for its_place, E in zip(errors, found, strict=True):
            put_replicas(its_place, chunk.at, E)
        return state

    def _taken(self, values: Tensor, at: Tensor | slice) -> Tensor:
        return values[..., at] if self.in_place and isinstance(at, slice) else some_replicas(values, at)

    def _put(self, chunk: Chunk, state: State) -> None:
        """The weights and last Δw, but for those that were changed in place."""
        if self.in_place and isinstance(chunk.at, slice):
            return
        for key in state.w:
            put_replicas(self.population.weights[key], chunk.at, state.w[key])
            put_replicas(self.population.delta_w[key], chunk.at, state.delta_w[key])

    def snapshots(self) -> Iterator[Snapshot]:
        """The population at each of the looks, up to one whose weights are asked for or where every replica stopped."""
        population, looks = self.population, self.looks
        if len(looks) > 1 and self.setup.criterion.stop and bool((self.learned_at != NEVER).all()):
            looks = looks[: bisect_left(looks, int(self.learned_at.max())) + 1]
        for look, E in zip(looks, self.E, strict=False):
            population.sweep, population.E = look, E
            if look < looks[-1]:
                population.learned_at = torch.where(self.learned_at > look, NEVER, self.learned_at)
                population.catch_up = self._catch_up
            else:
                population.learned_at = self.learned_at
                for chunk, state in zip(self.chunks, self.states, strict=False):
                    self._put(chunk, state)
                self.states.clear()
                population.catch_up = self._note
            yield Snapshot(look, population)
            population.catch_up = None
            if self.read:
                return

    def _note(self) -> None:
        """The weights are asked for, and are there."""
        self.population.catch_up, self.read = None, True

    def _catch_up(self) -> None:
        """The weights of a snapshot before the last: by the same sweeps once more."""
        self._note()
        self.states.clear()

        def again(chunk: Chunk) -> None:
            self._put(chunk, self._through(chunk, [self.population.sweep], [self.population.E]))

        with ThreadPoolExecutor(self.workers) if self.workers > 1 else nullcontext() as pool:
            list((pool.map if pool else map)(again, self.chunks))
