"""Populations of one network and task that learn by other numbers, trained side by side as one population.

A grid of ε, α and the like is so one population: its machine code is made once, and replicas of all settings fill the
places of those that have learned.
"""

import itertools
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch

from repro.choices import BackwardPass
from repro.learning import Phase, phase_of
from repro.per_replica import together
from repro.population import Population
from repro.tasks import Task
from repro.training import Snapshot, train
from repro.training_setup import Learning, TrainingSetup


@dataclass(frozen=True)
class Part:
    """One of the populations, before its first sweep; what it learns and how; and the sweeps between two snapshots."""

    population: Population
    setup: TrainingSetup
    every: int

    @property
    def sweeps(self) -> int:
        """After how many it ends, if not all its replicas have stopped before."""
        return self.setup.learning.sweeps

    @property
    def stopped(self) -> bool:
        """Whether all its replicas have learned, and keep their weights."""
        return self.setup.criterion.stop and bool(self.population.learned.all())

    @property
    def ended(self) -> bool:
        """Whether nothing is left to train."""
        return self.stopped or self.population.sweep >= self.sweeps

    def shows(self, sweep: int) -> bool:
        """Whether it has a snapshot then, if it has not ended."""
        return sweep % self.every == 0 or sweep == self.sweeps


def train_side_by_side(
    parts: Sequence[Part],
    backward_pass: BackwardPass = BackwardPass.explicit,
    compile: bool = False,
    chunk: int | None = None,
    workers: int = 1,
) -> Iterator[tuple[int, Snapshot]]:
    """Train one or more populations, each in place, and yield the snapshots of each with its number among them.

    They are those that ``train`` would yield of it alone: after its own sweeps, up to its own last one or until all its
    replicas have stopped; where compiled, on a CPU, to the last bit. The weights of a snapshot are there until the
    sweep of a later one is asked for, those of the last one for good. The other options are those of ``train``.

    Raises ValueError for parts that differ in more than phases, ε, α, the decay, the number of sweeps and which cases
    are held out; for a population that has begun; and as ``train`` does.
    """
    check(parts)
    running, shown = dict(enumerate(parts)), -1
    whole = Population.joined([part.population for part in parts])
    while running:
        some = [*running.values()]
        counts = [len(part.population.seeds) for part in some]
        ends = itertools.accumulate(counts)
        places = {n: range(end - count, end) for n, count, end in zip(running, counts, ends, strict=True)}
        at = sorted({sweep for part in some for sweep in (*range(0, part.sweeps, part.every), part.sweeps)})
        setup = joined([part.setup for part in some], counts)
        snapshots = train(whole, setup, at, backward_pass, compile, chunk, workers)
        # where all have stopped, the training ends before some have shown it
        for sweep in itertools.chain((snapshot.sweep for snapshot in snapshots), at):
            if sweep <= shown:
                continue
            shown, some_left = sweep, False
            for part in running.values():
                part.population.catch_up = None  # the others have gone on
            for number, part in [*running.items()]:
                if not part.shows(sweep):
                    continue
                part.population.become(whole, places[number].start, sweep)
                if part.ended:
                    del running[number]
                    some_left |= not part.stopped
                    if part.population.catch_up is not None:
                        part.population.catch_up()
                yield number, Snapshot(sweep, part.population)
            if not running:
                return
            if some_left:  # which the training would go on with
                whole = whole.take(itertools.chain.from_iterable(places[number] for number in running))
                break


def joined(setups: Sequence[TrainingSetup], counts: Sequence[int]) -> TrainingSetup:
    """One set-up for the replicas of several populations, of so many each, one after the other."""
    out = [
        setup.held_out.expand(-1, count) if setup.held_out.shape[1] == 1 else setup.held_out
        for setup, count in zip(setups, counts, strict=True)
        if setup.held_out is not None
    ]
    learning = joined_learning([setup.learning for setup in setups], counts)
    return replace(setups[0], learning=learning, held_out=torch.cat(out, dim=1) if out else None)


def joined_learning(learnings: Sequence[Learning], counts: Sequence[int]) -> Learning:
    """The same of how they learn: a phase for each stretch in which none changes ε or α; as many sweeps as any has."""
    begins = sorted({0, *(end for learning in learnings for end in ends_of(learning.phases))})
    lengths = [*(end - begin for begin, end in itertools.pairwise(begins)), None]
    phases = []
    for begin, length in zip(begins, lengths, strict=True):
        now = [phase_of(learning.phases, begin + 1) for learning in learnings]
        epsilon, alpha = together([p.epsilon for p in now], counts), together([p.alpha for p in now], counts)
        phases.append(Phase(epsilon, alpha, length))
    decay = together([learning.decay for learning in learnings], counts)
    sweeps = max(learning.sweeps for learning in learnings)
    return replace(learnings[0], phases=tuple(phases), sweeps=sweeps, decay=decay)


def ends_of(phases: Sequence[Phase]) -> list[int]:
    """The last sweep of each phase that another one follows."""
    ends = [0]
    for phase in phases[:-1]:
        if phase.sweeps is None:
            break
        ends.append(ends[-1] + phase.sweeps)
    return ends[1:]


SAME: dict[str, Callable[[Part], Hashable]] = {
    "the network": lambda part: part.setup.architecture.signature,
    "the task": lambda part: values_of(part.setup.task),
    "the criterion": lambda part: part.setup.criterion,
    "the error measure": lambda part: part.setup.error_measure,
    "whether cases are held out": lambda part: part.setup.held_out is None,
    "whether weights decay": lambda part: part.setup.learning.decays,
    "how weights change": lambda part: replace(part.setup.learning, phases=(), sweeps=0, decay=0.0),
    "the precision or device": lambda part: (part.population.E.dtype, part.population.E.device),
    "the sweeps done": lambda part: part.population.sweep == 0,
}
"""What populations side by side have in common, by its name in a message."""


def check(parts: Sequence[Part]) -> None:
    """Raises ValueError where they cannot be trained side by side."""
    for name, of in SAME.items():
        if any(of(part) != of(parts[0]) for part in parts):
            raise ValueError(f"{name}: not the same for all populations, which can then not be trained side by side")
    if parts[0].population.sweep:
        raise ValueError("populations that have begun cannot be trained side by side")


def values_of(task: Task) -> Hashable:
    """The cases of a task as they are computed with."""
    values = [*task.inputs.items(), ("", task.desired)]
    return tuple((name, value.shape, value.cpu().numpy().tobytes()) for name, value in values)
