"""What becomes of each look at the population: the curves kept for files and figures, a progress bar.

A recorder is called with each ``Look`` that ``repro.training.train`` yields; ``TensorBoard`` is one more.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from torch import Tensor

from experiments.options.schema import Config
from repro.networks import link_name
from repro.population import Population
from repro.training import Look

QUANTILES = (0.25, 0.5, 0.75)


@dataclass
class Curves:
    """The population's learning curves: at each look E's quartiles, and the part that has met the criterion."""

    sweeps: list[int] = field(default_factory=list)
    E: list[list[float]] = field(default_factory=list)
    met: list[float] = field(default_factory=list)

    def __call__(self, look: Look) -> None:
        E = look.population.E
        self.sweeps.append(look.sweep)
        self.E.append(
            torch.nanquantile(E.double(), torch.tensor(QUANTILES, dtype=torch.double, device=E.device)).tolist()
        )
        self.met.append(float(look.population.met.double().mean()))

    def write(self, path: Path) -> None:
        """A row a look: sweep, E at its quartiles, part learned."""
        with path.open("w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["sweep", "E_lower_quartile", "E_median", "E_upper_quartile", "learned"])
            for sweep, E, met in zip(self.sweeps, self.E, self.met, strict=True):
                writer.writerow([sweep, *(f"{value:.6g}" for value in E), f"{met:.6g}"])


class ProgressBar:
    """A bar in sweeps, with the count of replicas that have learned; nothing where the output is no terminal."""

    def __init__(self, config: Config, shown: bool, sweep: int = 0) -> None:
        console = Console(stderr=True)
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("sweeps"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=not (shown and console.is_terminal),
        )
        self.task = self.progress.add_task(
            f"{config.name}: getting ready", total=config.learning.sweeps, completed=sweep
        )
        self.name = config.name

    def __call__(self, look: Look) -> None:
        met = int(look.population.met.sum())
        text = f"{self.name}: {met:,} of {len(look.population.seeds):,} learned"
        self.progress.update(self.task, completed=look.sweep, description=text)

    def __enter__(self) -> "ProgressBar":
        self.progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.progress.stop()


def finite(weights: Mapping[str, Tensor]) -> bool:
    """Whether all the weights are numbers: those of a network that has diverged cannot be drawn."""
    return all(bool(w.isfinite().all()) for w in weights.values())


def has_person_code(population: Population) -> bool:
    """Whether there is a group, as in N Fig. 3, whose units encode person 1."""
    return link_name("person1", "person_code") in population.weights


def number(value: float) -> str:
    """A float for a CSV file: 6 significant digits; ``nan`` where a network has diverged."""
    return f"{value:.6g}"
