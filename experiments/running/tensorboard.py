"""A run as TensorBoard shows it: curves beside the paper's, the figures over the sweeps, options, codes and claims."""

import gc
import re
import shutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from math import inf, isfinite
from pathlib import Path
from types import TracebackType
from typing import Any

import torch
from torch.utils.tensorboard.writer import SummaryWriter

from experiments.catalogue import RESULTS
from experiments.files import naming
from experiments.options.machine import PAYS_FROM, seconds_uncompiled
from experiments.options.schema import Config
from experiments.options.setup import seeds_of
from experiments.running.curves import Curves
from experiments.running.drawing import not_drawn
from experiments.running.tensorboard_text import claims_text, hparam_summaries, person_labels
from repro.equations import error
from repro.measures.family_trees import FEATURES, has_person_code, person_code
from repro.networks import Network
from repro.population import Population, finite
from repro.printed_networks import PrintedNetwork
from repro.training import Snapshot
from repro.training_setup import TrainingSetup

PARTS = 5
"""Into how many parts the histograms and codes, which cost little, divide a run."""

CODES, LAST_CODES = "person codes", "last person codes"
"""What the projector calls the codes. It opens on the first by the alphabet: the last are there once more for that."""

SHARE, DRAWING_TAKES = 0.04, 0.1
"""Which part of a run's time the figures may take together, and about the seconds that those of one sweep take."""

BEGIN_AND_END = 5.0
"""Seconds, roughly, that a run takes besides its sweeps: torch to begin with, files and figures at the end."""

COMPILED = 5
"""About how many times as fast compiled sweeps are, at least."""

FAMILY_DRAWING = 3
"""How many times as long Figs 3 and 4 of the family trees take."""

PAPER_POINTS = 200
"""About how many points draw the paper's step."""

INTERRUPTED = ".interrupted"
"""The end of the name of the events file with what an interrupted run knows at its end, for a resume to take back."""

DRAWN_NETWORKS = 10_000
"""Of how many networks, the first, the histograms are: of more they would look the same, and take memory."""

HISTOGRAM_LIMIT = 1e20
"""TensorBoard's bins end there; weights that have grown beyond, or are no numbers, are in no histogram."""

CLAIMS = RESULTS / "claims.csv"
"""The ledger as ``experiments.report`` writes it; there may be none yet."""


class TensorBoard:
    """A run as TensorBoard events in its directory, within a ``with``.

    Scalars begin with the experiment's name, so that each experiment has its own charts: NAME/E_median and quartiles,
    NAME/learned, NAME/E_replica (of one network). The run ``paper`` beside it has the paper's one run in the same
    charts: ``learned`` is a step at the sweep that it reports, ``E_replica`` that of the printed weights from there on.

    setup: what is trained. sweep, state: where a resumed run goes on, and what ``state`` gave there: what the directory
    has from that sweep on is shown no more. Everything here raises NotWritten.
    """

    def __init__(
        self,
        directory: Path,
        config: Config,
        setup: TrainingSetup,
        curves: Curves,
        sweep: int = 0,
        state: Mapping[str, Any] | None = None,
    ) -> None:
        self.directory, self.config, self.setup, self.curves, self.sweep = directory, config, setup, curves, sweep
        seeds, wanted = seeds_of(config), config.record.replica
        self.replica = 0 if wanted is None or wanted not in seeds else seeds.index(wanted)
        state = state or {}
        self.drawings = drawings(config, setup)
        self.next_weights: float = state.get("next_weights", 0.0)
        self.next_drawing: float = state.get("next_drawing", 0.0 if self.drawings > 1 else inf)
        self.written: int = state.get("written", -1)
        self.drawn: int = state.get("drawn", -1)
        self.projector: str = state.get("projector", "")
        self.cannot_draw = False
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
        for codes in self.directory.glob("[0-9]*/*person codes"):
            if int(codes.parent.name) >= self.sweep:
                shutil.rmtree(codes)
                with suppress(OSError):
                    codes.parent.rmdir()
        self.projector_file.unlink(missing_ok=True)
        if self.projector:
            self.projector_file.write_text(self.projector, encoding="utf-8")

    def open(self) -> None:
        """What is there before the first sweep: the charts' layout, the paper's run and the claims."""
        name, paper_sweeps = self.config.name, self.config.paper.sweeps
        self.writer.add_custom_scalars(layout(name))
        claims = claims_text(CLAIMS, name)
        if claims:
            self.writer.add_text("claims", claims, 0)
        if paper_sweeps is not None:
            with SummaryWriter(str(self.directory / "paper"), purge_step=0) as paper:
                self.write_paper(paper, paper_sweeps)

    def write_paper(self, paper: SummaryWriter, at: int) -> None:
        """What the paper reports of its one run, which had learned after so many sweeps."""
        name, end = self.config.name, max(at, self.config.learning.sweeps)
        # many points, or TensorBoard's smoothing makes a slope of the step
        for sweep in sorted({at - 1, at, *range(0, end, max(1, end // PAPER_POINTS)), end}):
            paper.add_scalar(f"{name}/learned", float(sweep >= at), sweep)
        printed = self.printed()
        if printed is None:
            return
        task = self.setup.task.to("cpu", torch.float64)
        with torch.no_grad():
            y = Network(printed.architecture, printed.replica())(task.inputs)
        for sweep in sorted({at, end}):
            paper.add_scalar(f"{name}/E_replica", float(error(y, task.desired.unsqueeze(2))), sweep)
        as_if_trained = Population.start(printed.architecture, [0], 0.0, torch.float64, around=printed.replica())
        label = f"{printed.source}: {at:,} sweeps"
        self.add_images(paper, as_if_trained, 0, label, at)

    def printed(self) -> PrintedNetwork | None:
        """The network that the paper prints after the sweeps that ``config.paper`` has; None: it prints no weights."""
        printed = self.setup.printed
        return printed if printed is not None and printed.sweeps == self.config.paper.sweeps else None

    def state(self) -> dict[str, Any]:
        """What a resumed run needs to know, besides the events: those are in their file by then."""
        with naming(self.directory):
            self.writer.flush()
        names = ("next_weights", "next_drawing", "written", "drawn")
        return {**{name: getattr(self, name) for name in names}, "projector": self.projected()}

    def projected(self) -> str:
        """The projector's list of codes."""
        return self.projector_file.read_text(encoding="utf-8") if self.projector_file.exists() else ""

    def __call__(self, snapshot: Snapshot) -> None:
        name, sweep = self.config.name, snapshot.sweep
        lower, median, upper = self.curves.E[-1]
        with naming(self.directory), no_collection():
            self.writer.add_scalar(f"{name}/E_median", median, sweep)
            self.writer.add_scalar(f"{name}/E_lower_quartile", lower, sweep)
            self.writer.add_scalar(f"{name}/E_upper_quartile", upper, sweep)
            self.writer.add_scalar(f"{name}/E_replica", float(snapshot.population.E[self.replica]), sweep)
            self.writer.add_scalar(f"{name}/learned", self.curves.learned[-1], sweep)
            if sweep >= self.next_weights:
                self.write_weights(snapshot)
                self.next_weights = sweep + self.config.learning.sweeps / PARTS
            if sweep >= self.next_drawing:
                self.draw(snapshot)
                self.next_drawing = sweep + self.config.learning.sweeps / (self.drawings - 1)

    def write_weights(self, snapshot: Snapshot) -> None:
        """The weights of the whole population as histograms, and the named replica's codes of the people."""
        population, self.written = snapshot.population, snapshot.sweep
        for key, w in population.weights.items():
            some = w[..., :DRAWN_NETWORKS]
            inside = some[some.abs() < HISTOGRAM_LIMIT]
            if len(inside):  # a histogram of nothing is an error
                self.writer.add_histogram(f"weights/{key}", inside, snapshot.sweep)
        self.project(snapshot, CODES)

    def draw(self, snapshot: Snapshot) -> None:
        """The named replica's figures."""
        self.drawn = snapshot.sweep
        population = snapshot.population
        label = f"seed {population.seeds[self.replica]} after {snapshot.sweep:,} sweeps"
        self.add_images(self.writer, population, self.replica, label, snapshot.sweep)

    def add_images(self, writer: SummaryWriter, population: Population, replica: int, label: str, sweep: int) -> None:
        """The figures of one network. What cannot be drawn costs a line, the first time, and is tried no more."""
        if self.cannot_draw:
            return
        images = []
        try:
            from experiments.running.figures import network_figures
            from repro.figures.drawing import own_settings, pixels

            with own_settings():
                for name, figure in network_figures(self.setup, population, replica, label):
                    images.append((tag_of(name), pixels(figure)))
        except Exception as problem:
            self.cannot_draw = True
            not_drawn("TensorBoard's images", problem)
        for tag, image in images:
            writer.add_image(tag, image, sweep, dataformats="HWC")

    def project(self, snapshot: Snapshot, tag: str) -> None:
        """The named replica's codes of the people, where it has any, for the embedding projector."""
        one = snapshot.population.take([self.replica]).cpu()
        if not has_person_code(one) or not finite(one.weights):
            return
        self.writer.add_embedding(
            person_code(Network(one.architecture, one.weights))[..., 0],
            person_labels(),
            global_step=snapshot.sweep,
            tag=tag,
            metadata_header=["person", *FEATURES],
        )
        if self.projector:  # add_embedding has listed those of this writer alone
            self.projector_file.write_text(self.projector + self.projected(), encoding="utf-8")

    def finish(self, snapshot: Snapshot, metrics: dict[str, float], words: str, interrupted: bool) -> None:
        """The last weights, what the run is and was made with, and its options and metrics for the HPARAMS tab."""
        with naming(self.directory), no_collection():
            if interrupted:
                self.writer.close()
                self.projector = self.projected()
                self.writer = SummaryWriter(str(self.directory), filename_suffix=INTERRUPTED)
            if self.written != snapshot.sweep:
                self.write_weights(snapshot)
            if self.drawn != snapshot.sweep:
                self.draw(snapshot)
            self.project(snapshot, LAST_CODES)
            self.writer.add_text("run", f"{self.config.summary}\n\n{words}", snapshot.sweep)
            events = self.writer.file_writer
            assert events is not None  # it is None after close() only
            # not add_hparams, which opens a run of its own
            for summary in hparam_summaries(self.config, self.setup, metrics):
                events.add_summary(summary)
            for name, value in metrics.items():
                if isfinite(value):  # where none has learned there is no number to sort by
                    self.writer.add_scalar(name, value, snapshot.sweep)
            self.writer.close()


def layout(name: str) -> dict[str, dict[str, list[Any]]]:
    """The charts of an experiment.

    The same for each of its runs, or TensorBoard, which puts the layouts of all runs together, shows a chart for each
    kind of run. Tags are patterns where there are curves alone, and names where there is a band.
    """
    band = [f"{name}/E_median", f"{name}/E_lower_quartile", f"{name}/E_upper_quartile"]
    return {
        name: {
            "part that has learned; in the run paper that of 1986": ["Multiline", [f"^{re.escape(name)}/learned$"]],
            "E: median and quartiles": ["Margin", band],
            "E of one network; in the run paper that of the printed weights": [
                "Multiline",
                [f"^{re.escape(name)}/E_replica$"],
            ],
        }
    }


@contextmanager
def no_collection() -> Iterator[None]:
    """Python's garbage collector off: a drawing has it go through all that torch has made, which takes longer."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def tag_of(figure: str) -> str:
    """What TensorBoard calls a figure: ``"Fig. 1"`` for ``"figure_1"``."""
    return "weights of one network" if figure == "weights" else figure.replace("figure_", "Fig. ")


def drawings(config: Config, setup: TrainingSetup) -> int:
    """How often a run's figures are drawn, the last time at its end; from twice on, the first time at its beginning.

    By what it takes, roughly, so that the options alone decide.
    """
    uncompiled = seconds_uncompiled(setup, config.population.seeds)
    seconds = BEGIN_AND_END + min(uncompiled, max(PAYS_FROM, uncompiled / COMPILED))
    takes = DRAWING_TAKES * (FAMILY_DRAWING if "person1" in setup.task.inputs else 1)
    return max(1, int(SHARE * seconds / takes))
