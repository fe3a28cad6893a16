"""What a population is to learn, how its weights change and when it has learned: what stays as it is in training."""

from dataclasses import dataclass

from torch import Tensor

from repro.errors import ErrorMeasure, included_cases
from repro.learning import DecayOf, Phase
from repro.networks import ALWAYS_ON, Architecture
from repro.tasks import Task


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
class Lesson:
    """The network's plan, the task and the rules, together. held_out ``[cases, replicas or 1]``, bool, or None."""

    architecture: Architecture
    task: Task
    learning: Learning
    criterion: Criterion
    measure: ErrorMeasure
    held_out: Tensor | None

    @property
    def desired(self) -> Tensor:
        """The desired outputs, ``[cases, units, 1]``."""
        return self.task.desired.unsqueeze(2)

    def included(self, part: Tensor) -> Tensor | None:
        """1 where a case counts for a replica of ``part`` and 0 where not, ``[cases, 1, replicas]``; None: all 1."""
        if self.held_out is None:
            return None
        out = self.held_out.expand(-1, len(part)) if self.held_out.shape[1] == 1 else self.held_out[:, part]
        return included_cases(out, self.task.desired)


def met_by(y: Tensor, d: Tensor, tolerance: float, included: Tensor | None = None) -> Tensor:
    """Which replicas have every output within the tolerance, in the cases that count for them.

    y ``[cases, units, replicas]``, d ``[cases, units, 1]``, included ``[cases, 1, replicas]``; ``[replicas]``, bool.
    """
    gap = (y - d).abs()
    return (gap if included is None else gap * included).amax(dim=(0, 1)) <= tolerance
