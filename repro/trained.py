"""Networks after their training, for whatever measures them: outputs that are worked out once, however many ask."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from repro.population import Population
from repro.training_setup import TrainingSetup


@dataclass(frozen=True)
class Trained:
    """Some replicas after the last sweep.

    held_out ``[cases, replicas or 1]``, bool: the cases that these replicas did not learn; None: they learned all.
    setup: on the device of the population, in its precision; ``of`` brings it there.
    """

    setup: TrainingSetup
    population: Population
    held_out: Tensor | None = None

    @classmethod
    def of(cls, setup: TrainingSetup, population: Population) -> "Trained":
        """A whole population, after it was trained by this set-up."""
        setup = setup.to(population.E.device, population.E.dtype)
        return cls(setup, population, setup.held_out)

    @cached_property
    @torch.no_grad()
    def activity(self) -> dict[str, Tensor]:
        """The outputs of every group, ``[cases, units, replicas]``."""
        return self.setup.architecture.activity(self.population.weights, self.setup.task.inputs)

    @property
    def y(self) -> Tensor:
        """The outputs that are compared with the desired ones, ``[cases, units, replicas]``."""
        return self.activity[self.setup.architecture.output]

    @property
    def hidden(self) -> Tensor | None:
        """The outputs of the group of that name, ``[cases, units, replicas]``; None where there is none."""
        return self.activity.get("hidden")

    @property
    def right(self) -> Tensor:
        """Which cases each replica has right, ``[cases, replicas]``, bool: see ``cases_right``."""
        return cases_right(self.y, self.setup.task.desired)

    def take(self, indices: Iterable[int]) -> "Trained":
        """Some of them, in the order given; one may be taken twice."""
        which = [*indices]
        out = self.held_out
        if out is not None and out.shape[1] > 1:
            out = out[:, torch.tensor(which, dtype=torch.long, device=out.device)]
        return Trained(self.setup, self.population.take(which), out)


def cases_right(y: Tensor, d: Tensor) -> Tensor:
    """H p.9: a case is right when all its outputs are on the right side of 0.5.

    y ``[cases, units, replicas]``, d ``[cases, units]``; returns ``[cases, replicas]``, bool.
    """
    return ((y > 0.5) == (d > 0.5).unsqueeze(2)).all(dim=1)
