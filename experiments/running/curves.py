"""The learning curves of a population, kept for files and figures.

A recorder, called with each ``Snapshot`` that ``repro.training.train`` yields; ``ProgressBar`` and ``TensorBoard`` are
two more.
"""

import csv
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from experiments.files import number
from repro.training import Snapshot

QUANTILES = (0.25, 0.5, 0.75)


def quartiles(E: Tensor) -> list[float]:
    """The quartiles of ``[replicas]``, those that are not numbers left out; nan where none is one.

    ``torch.nanquantile`` gives the same, and refuses more than 2^24 values (torch 2.13).
    """
    ordered = E.double().sort().values  # nan comes last
    count = len(ordered) - int(ordered.isnan().sum())
    if not count:
        return [torch.nan] * len(QUANTILES)
    at = torch.tensor(QUANTILES, dtype=torch.double, device=E.device) * (count - 1)
    below, above = ordered[at.floor().long()], ordered[at.ceil().long()]
    found: list[float] = torch.lerp(below, above, at - at.floor()).tolist()
    return found


@dataclass
class Curves:
    """The population's learning curves: at each snapshot E's quartiles, and the part that has met the criterion."""

    sweeps: list[int] = field(default_factory=list)
    E: list[list[float]] = field(default_factory=list)
    learned: list[float] = field(default_factory=list)

    def __call__(self, snapshot: Snapshot) -> None:
        self.sweeps.append(snapshot.sweep)
        self.E.append(quartiles(snapshot.population.E))
        self.learned.append(float(snapshot.population.learned.double().mean()))

    def write(self, path: Path) -> None:
        """A row a snapshot: sweep, E at its quartiles, part learned."""
        with path.open("w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["sweep", "E_lower_quartile", "E_median", "E_upper_quartile", "learned"])
            for sweep, E, learned in zip(self.sweeps, self.E, self.learned, strict=True):
                writer.writerow([sweep, *map(number, E), number(learned)])
