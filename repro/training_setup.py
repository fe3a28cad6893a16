"""What is learned, by which network, how and until when: made once, and handed on to whoever needs a part of it."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from repro.choices import DecayOf
from repro.errors import AS_PRINTED, ErrorMeasure, included_cases
from repro.learning import Phase
from repro.networks import ALWAYS_ON, Plan
from repro.printed_networks import PrintedNetwork
from repro.tasks import Task


@dataclass(frozen=True)
class Learning:
    """How the weights change, and for how long.

    phases: see ``LearningRule``. sweeps: how many in all. decay: the part of a weight taken off after each change.
    per_case: change the weights after every case, in the order of the task, in place of once a sweep.
    decay_biases: whether biases decay like other weights. decay_of: see ``DecayOf``.
    per_fan_in: divide each unit's ε by its number of inputs.
    """

    phases: tuple[Phase, ...]
    sweeps: int
    decay: float = 0.0
    per_case: bool = False
    decay_biases: bool = True
    decay_of: DecayOf = DecayOf.weight
    per_fan_in: bool = False

    def by_link(self, architecture: Plan) -> dict[str, tuple[float, float]]:
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
        if task is self.task and held_out is self.held_out:
            return self
        return replace(self, task=task, held_out=held_out)

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
