"""What is learned, by which network, how and until when: made once, and handed on to whoever needs a part of it."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from repro.choices import DecayOf
from repro.errors import AS_PRINTED, ErrorMeasure, included_cases
from repro.learning import Phase, checked_decay
from repro.networks import ALWAYS_ON, Plan
from repro.per_replica import Number, check_count, of_some
from repro.printed_networks import PrintedNetwork
from repro.tasks import Task


@dataclass(frozen=True)
class Learning:
    """How the weights change, and for how long.

    phases: see ``LearningRule``. sweeps: how many in all. decay: the part of a weight taken off after each change.
    It may be one for each replica, ``[replicas]``, as ε and α of a phase may: a 0 there takes off a part of 0.
    per_case: change the weights after every case, in the order of the task, in place of once a sweep.
    decay_biases: whether biases decay like other weights. decay_of: see ``DecayOf``.
    per_fan_in: divide each unit's ε by its number of inputs.

    Raises ValueError for a decay outside [0, 1).
    """

    phases: tuple[Phase, ...]
    sweeps: int
    decay: Number = 0.0
    per_case: bool = False
    decay_biases: bool = True
    decay_of: DecayOf = DecayOf.weight
    per_fan_in: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "decay", checked_decay(self.decay))

    @property
    def decays(self) -> bool:
        """Whether anything is taken off the weights."""
        return isinstance(self.decay, Tensor) or self.decay != 0

    @property
    def per_replica(self) -> bool:
        """Whether any number is one for each replica."""
        numbers = [self.decay, *(number for phase in self.phases for number in (phase.epsilon, phase.alpha))]
        return any(isinstance(number, Tensor) for number in numbers)

    def check_count(self, replicas: int) -> None:
        """Raises ValueError where there are numbers for each replica, and not so many."""
        for phase in self.phases:
            check_count("epsilon", phase.epsilon, replicas)
            check_count("alpha", phase.alpha, replicas)
        check_count("decay", self.decay, replicas)

    def each(self, change: Callable[[Number], Number]) -> "Learning":
        """The same with every ε, α and decay changed, or itself; as ``Phase.each``."""
        phases, decay = tuple(phase.each(change) for phase in self.phases), change(self.decay)
        if decay is self.decay and all(new is old for new, old in zip(phases, self.phases, strict=True)):
            return self
        changed = copy.copy(self)
        object.__setattr__(changed, "phases", phases)
        object.__setattr__(changed, "decay", decay)
        return changed

    def by_link(self, architecture: Plan) -> dict[str, tuple[float, bool]]:
        """The factor of ε, and whether the decay is of them, for each set of weights."""
        return {
            link.key: (
                1 / architecture.fan_in(link.target) if self.per_fan_in else 1.0,
                self.decays and (self.decay_biases or link.source != ALWAYS_ON),
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
class TrainingSetup:
    """A network's plan, its task, and the rules by which it learns: all that stays as it is while a population trains.

    error_measure: how the error of the outputs is counted; (3) unless given. held_out ``[cases, replicas or 1]``, bool:
    cases that a replica does not learn; None: it learns all. printed: the network with the same groups and links whose
    weights the papers print for this task, if they do: measures and figures of that network ask for it.

    Raises SpecError where the task does not fit the network.
    """

    architecture: Plan
    task: Task
    learning: Learning
    criterion: Criterion
    error_measure: ErrorMeasure = AS_PRINTED
    held_out: Tensor | None = None
    printed: PrintedNetwork | None = None

    def __post_init__(self) -> None:
        self.architecture.check_task(self.task)

    @property
    def desired(self) -> Tensor:
        """The desired outputs, ``[cases, units, 1]``."""
        return self.task.desired.unsqueeze(2)

    def to(self, device: torch.device | str, dtype: torch.dtype) -> "TrainingSetup":
        """The same on another device, in another precision; itself where it is there already."""
        task = self.task.to(device, dtype)
        held_out = None if self.held_out is None else self.held_out.to(device)
        learning = self.learning.each(lambda number: number.to(device) if isinstance(number, Tensor) else number)
        if task is self.task and held_out is self.held_out and learning is self.learning:
            return self
        return replace(self, task=task, held_out=held_out, learning=learning)

    def learning_of(self, replicas: Tensor) -> Learning:
        """How some replicas learn, each by its own ε, α and decay. replicas: as in ``included``."""
        return self.learning.each(lambda number: of_some(number, replicas))

    def included(self, replicas: Tensor) -> Tensor | None:
        """1 where a case counts for each of some replicas and 0 where not, ``[cases, 1, replicas]``; None: all 1.

        replicas: their numbers in the population, ``[replicas]``.
        """
        if self.held_out is None:
            return None
        each = self.held_out.expand(-1, len(replicas)) if self.held_out.shape[1] == 1 else self.held_out[:, replicas]
        return included_cases(each, self.task.desired)

    def is_learned(self, y: Tensor, included: Tensor | None = None) -> Tensor:
        """Which replicas have every output within the tolerance in the cases that count for them, ``[replicas]``, bool.

        y ``[cases, units, replicas]``, included ``[cases, 1, replicas]`` or None: all count.
        """
        return within_tolerance(y, self.desired, self.criterion.tolerance, included)


def within_tolerance(y: Tensor, d: Tensor, tolerance: float, included: Tensor | None = None) -> Tensor:
    """Which replicas have every output within the tolerance, in the cases that count for them.

    y ``[cases, units, replicas]``, d ``[cases, units, 1]``, included ``[cases, 1, replicas]``; ``[replicas]``, bool.
    """
    gap = (y - d).abs()
    return (gap if included is None else gap * included).amax(dim=(0, 1)) <= tolerance
