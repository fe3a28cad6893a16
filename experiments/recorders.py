"""What becomes of each look at the population: the curves kept for files and figures, TensorBoard, a progress bar.

A recorder is called with each ``Look`` that ``repro.training.train`` yields.
"""

import csv
import shutil
import threading
from collections.abc import Mapping
from contextlib import suppress
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

from experiments.build import seeds_of
from experiments.files import naming
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

INTERRUPTED = ".interrupted"
"""The end of the name of the events file with what an interrupted run knows at its end, for a resume to take back."""

DRAWN_NETWORKS = 10_000
"""Of how many networks, the first, the histograms are: of more they would look the same, and take memory."""

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
    """Learning curves and weights as TensorBoard events in a run's directory, within a ``with``.

    Scalars: ``E/median`` and quartiles, ``learned/part``, ``E/replica``. The run ``paper`` beside it has the
    paper's figure as a step of ``learned/part`` at the sweep the paper reports, in the same chart.

    sweep, state: where a resumed run goes on, and what ``state`` gave there: what the directory has from that sweep on
    is shown no more. Everything here raises NotWritten.
    """

    def __init__(
        self, directory: Path, config: Config, curves: Curves, sweep: int = 0, state: Mapping[str, Any] | None = None
    ) -> None:
        self.directory, self.config, self.curves, self.sweep = directory, config, curves, sweep
        seeds, wanted = seeds_of(config), config.record.replica
        self.replica = 0 if wanted is None or wanted not in seeds else seeds.index(wanted)
        state = state or {}
        self.next_drawing: float = state.get("next_drawing", 0.0)
        self.drawn: int = state.get("drawn", -1)
        self.projector: str = state.get("projector", "")
        self.projector_file = directory / "projector_config.pbtxt"

    def __enter__(self) -> "TensorBoard":
        self.hook = hook = threading.excepthook

        def hear(failure: threading.ExceptHookArgs) -> None:
            if not issubclass(failure.exc_type, OSError):  # which the writer's thread passes on to this one
                hook(failure)

        threading.excepthook = hear
        with naming(self.directory):
            self.take_back()
            self.writer = SummaryWriter(str(self.directory), purge_step=self.sweep)
            if self.sweep == 0:
                self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):
            self.writer.close()
        if kind is None:  # else the writer's thread may still be about to fail
            threading.excepthook = self.hook

    def take_back(self) -> None:
        """Remove what is in the directory from the sweep on, but for events, which the new writer overrules."""
        for path in self.directory.glob(f"events.*{INTERRUPTED}"):
            path.unlink()
        for codes in self.directory.glob("[0-9]*/person codes"):
            if int(codes.parent.name) >= self.sweep:
                shutil.rmtree(codes)
                with suppress(OSError):
                    codes.parent.rmdir()
        self.projector_file.unlink(missing_ok=True)
        if self.projector:
            self.projector_file.write_text(self.projector, encoding="utf-8")

    def open(self) -> None:
        """The charts' layout, and the paper's run."""
        self.writer.add_custom_scalars(
            {
                self.config.name: {
                    "E: median and quartiles": ["Margin", ["E/median", "E/lower_quartile", "E/upper_quartile"]],
                    "part that has learned": ["Multiline", ["learned/part"]],
                    "E of one replica": ["Multiline", ["E/replica"]],
                }
            }
        )
        if self.config.paper.sweeps is not None:
            with SummaryWriter(str(self.directory / "paper"), purge_step=0) as paper:
                at, end = self.config.paper.sweeps, max(self.config.paper.sweeps, self.config.learning.sweeps)
                # many points, or TensorBoard's smoothing makes a slope of the step
                for sweep in sorted({at - 1, at, *range(0, end, max(1, end // PAPER_POINTS)), end}):
                    paper.add_scalar("learned/part", float(sweep >= at), sweep)

    def state(self) -> dict[str, Any]:
        """What a resumed run needs to know, besides the events: those are in their file by then."""
        with naming(self.directory):
            self.writer.flush()
        return {"next_drawing": self.next_drawing, "drawn": self.drawn, "projector": self.projected()}

    def projected(self) -> str:
        """The projector's list of codes."""
        return self.projector_file.read_text(encoding="utf-8") if self.projector_file.exists() else ""

    def __call__(self, look: Look) -> None:
        sweep = look.sweep
        lower, median, upper = self.curves.E[-1]
        with naming(self.directory):
            self.writer.add_scalar("E/median", median, sweep)
            self.writer.add_scalar("E/lower_quartile", lower, sweep)
            self.writer.add_scalar("E/upper_quartile", upper, sweep)
            self.writer.add_scalar("E/replica", float(look.population.E[self.replica]), sweep)
            self.writer.add_scalar("learned/part", self.curves.met[-1], sweep)
            if sweep >= self.next_drawing:
                self.draw(look)
                self.next_drawing = sweep + self.config.learning.sweeps / DRAWN_LOOKS

    def draw(self, look: Look) -> None:
        """The weights of the whole population as histograms, and of the named replica as a Hinton diagram."""
        population, self.drawn = look.population, look.sweep
        for key, w in population.weights.items():
            some = w[..., :DRAWN_NETWORKS]
            inside = some[some.abs() < HISTOGRAM_LIMIT]
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
        if self.projector:  # add_embedding has listed those of this writer alone
            self.projector_file.write_text(self.projector + self.projected(), encoding="utf-8")

    def finish(self, look: Look, metrics: dict[str, float], interrupted: bool) -> None:
        """The last weights, and the options with the final metrics for the HPARAMS tab."""
        with naming(self.directory):
            if interrupted:
                self.writer.close()
                self.projector = self.projected()
                self.writer = SummaryWriter(str(self.directory), filename_suffix=INTERRUPTED)
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


def number(value: float) -> str:
    """A float for a CSV file: 6 significant digits; ``nan`` where a network has diverged."""
    return f"{value:.6g}"
