"""What becomes of each look at the population: the curves kept for files and figures, TensorBoard, a progress bar.

A recorder is called with each ``Look`` that ``repro.training.train`` yields.
"""

import csv
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Any

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from torch import Tensor
from torch.utils.tensorboard.summary import hparams
from torch.utils.tensorboard.writer import SummaryWriter

from experiments.schema import Config, TaskName
from repro.figures.hinton import hinton_figure
from repro.kinship_measures import FEATURES, person_code
from repro.networks import Network, link_name
from repro.population import Population
from repro.tasks.family_trees import PEOPLE
from repro.training import Look

QUANTILES = (0.25, 0.5, 0.75)
DRAWN_LOOKS = 5
"""At how many looks the weights go to TensorBoard, as histograms and as a Hinton diagram."""

PAPER_POINTS = 200
"""About how many points draw the paper's step."""

HISTOGRAM_LIMIT = 1e20
"""TensorBoard's bins end there; weights that have grown beyond, or are no numbers, are in no histogram."""


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


class TensorBoard:
    """Learning curves and weights as TensorBoard events in a run's directory.

    Scalars: ``E/median`` and quartiles, ``learned/part``, ``E/replica``. The run ``paper`` beside it has the
    paper's figure as a step of ``learned/part`` at the sweep the paper reports, in the same chart.
    """

    def __init__(self, directory: Path, config: Config, curves: Curves) -> None:
        self.writer = SummaryWriter(str(directory))
        self.config, self.curves = config, curves
        first = config.population.first_seed
        self.replica = (first if config.record.replica is None else config.record.replica) - first
        self.next_drawing, self.drawn = 0.0, -1
        self.writer.add_custom_scalars(
            {
                config.name: {
                    "E: median and quartiles": ["Margin", ["E/median", "E/lower_quartile", "E/upper_quartile"]],
                    "part that has learned": ["Multiline", ["learned/part"]],
                    "E of one replica": ["Multiline", ["E/replica"]],
                }
            }
        )
        if config.paper.sweeps is not None:
            with SummaryWriter(str(directory / "paper")) as paper:
                at, end = config.paper.sweeps, max(config.paper.sweeps, config.learning.sweeps)
                # many points, or TensorBoard's smoothing makes a slope of the step
                for sweep in sorted({at - 1, at, *range(0, end, max(1, end // PAPER_POINTS)), end}):
                    paper.add_scalar("learned/part", float(sweep >= at), sweep)

    def __call__(self, look: Look) -> None:
        population, sweep = look.population, look.sweep
        lower, median, upper = self.curves.E[-1]
        self.writer.add_scalar("E/median", median, sweep)
        self.writer.add_scalar("E/lower_quartile", lower, sweep)
        self.writer.add_scalar("E/upper_quartile", upper, sweep)
        self.writer.add_scalar("E/replica", float(population.E[self.replica]), sweep)
        self.writer.add_scalar("learned/part", self.curves.met[-1], sweep)
        if sweep >= self.next_drawing:
            self.draw(look)
            self.next_drawing = sweep + self.config.learning.sweeps / DRAWN_LOOKS

    def draw(self, look: Look) -> None:
        """The weights of the whole population as histograms, and of the named replica as a Hinton diagram."""
        population, self.drawn = look.population, look.sweep
        for key, w in population.weights.items():
            inside = w[w.abs() < HISTOGRAM_LIMIT]
            if len(inside):  # a histogram of nothing is an error
                self.writer.add_histogram(f"weights/{key}", inside, look.sweep)
        seed, weights = population.seeds[self.replica], population.replica(self.replica)
        if not finite(weights):
            return
        figure = hinton_figure(weights, f"seed {seed} after {look.sweep:,} sweeps")
        self.writer.add_figure("weights of one replica", figure, look.sweep, close=False)
        if self.config.task.name is TaskName.family_trees and has_person_code(population):
            self.project(look)

    def project(self, look: Look) -> None:
        """The named replica's codes of the people, for the embedding projector."""
        weights = {key: w[..., self.replica : self.replica + 1] for key, w in look.population.weights.items()}
        code = person_code(Network(look.population.architecture, weights))[..., 0]
        rows = [
            [person, *("?" if f[i] is None else str(f[i]) for f in FEATURES.values())]
            for i, person in enumerate(PEOPLE)
        ]
        self.writer.add_embedding(
            code, rows, global_step=look.sweep, tag="person codes", metadata_header=["person", *FEATURES]
        )

    def finish(self, look: Look, metrics: dict[str, float]) -> None:
        """The last weights, and the options with the final metrics for the HPARAMS tab."""
        if self.drawn != look.sweep:
            self.draw(look)
        events = self.writer.file_writer
        assert events is not None  # it is None after close() only
        for summary in hparams(flat(self.config), metrics):
            events.add_summary(summary)
        for name, value in metrics.items():
            self.writer.add_scalar(name, value, look.sweep)
        self.writer.close()


def finite(weights: Mapping[str, Tensor]) -> bool:
    """Whether all the weights are numbers: those of a network that has diverged cannot be drawn."""
    return all(bool(w.isfinite().all()) for w in weights.values())


def has_person_code(population: Population) -> bool:
    """Whether there is a group, as in N Fig. 3, whose units encode person 1."""
    return link_name("person1", "person_code") in population.weights


def flat(config: Config) -> dict[str, bool | str | float | int]:
    """The options that can tell two runs apart, by their dotted names."""
    result: dict[str, bool | str | float | int] = {}

    def visit(prefix: str, value: Any) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                visit(f"{prefix}.{key}" if prefix else key, inner)
        elif isinstance(value, Enum):
            result[prefix] = value.value
        elif isinstance(value, bool | int | float | str):
            result[prefix] = value
        elif value is not None:
            result[prefix] = str(value)

    plain = asdict(config)
    for left_out in ("summary", "paper", "record", "threads"):
        del plain[left_out]
    visit("", plain)
    return result


class ProgressBar:
    """A bar in sweeps, with the count of replicas that have learned; nothing where the output is no terminal."""

    def __init__(self, config: Config, shown: bool) -> None:
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
        self.task = self.progress.add_task(config.name, total=config.learning.sweeps)
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


def number(value: float) -> str:
    """A float for a CSV file: 6 significant digits, empty where there is none."""
    return "" if math.isnan(value) else f"{value:.6g}"
