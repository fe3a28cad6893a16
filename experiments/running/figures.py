"""The figures of a run: its curves, and those of the paper for one of its networks."""

import importlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from experiments.options.schema import Config
from experiments.options.tasks import TASKS
from experiments.running.curves import Curves
from repro.figures.curves import learning_curves, sweeps_distribution
from repro.population import Population, finite
from repro.trained import Trained
from repro.training_setup import TrainingSetup

DPI = 130
"""Pixels of a file, to an inch."""


def save(figure: Figure, path: Path) -> None:
    """A figure as a PNG file: that of ``Figure.savefig``, which lays it out in a drawing of its own before."""
    figure.set_dpi(DPI)
    FigureCanvasAgg(figure).print_png(path)


def pixels(figure: Figure) -> NDArray[np.uint8]:
    """A figure as ``[rows, columns, 3]``: what ``SummaryWriter.add_figure`` makes of it, by way of all of pyplot."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3]


def figures(
    config: Config, setup: TrainingSetup, curves: Curves, population: Population
) -> Iterator[tuple[str, Figure]]:
    """The figures that a run leaves, by file name."""
    title, paper, source = config.summary or config.name, config.paper.sweeps, config.paper.source
    yield "curves", learning_curves(curves.sweeps, curves.E, curves.learned, title, paper, source)
    sweeps = population.learned_at[population.learned].cpu().numpy()
    yield "sweeps", sweeps_distribution(sweeps, len(population.seeds), population.sweep, title, paper, source)
    shown = typical(population, paper)
    label = f"seed {population.seeds[shown]}, " + (
        f"{int(population.learned_at[shown]):,} sweeps"
        if population.learned[shown]
        else f"not learned by {population.sweep:,}"
    )
    yield from network_figures(setup, population, shown, label, last=True)


def network_figures(
    setup: TrainingSetup, population: Population, shown: int, label: str, last: bool = False
) -> Iterator[tuple[str, Figure]]:
    """The figures of one network, by name; none of one that has diverged. last: with those that only its end has."""
    one = population.take([shown]).cpu()
    if not finite(one.weights):
        return
    module = importlib.import_module(f"repro.figures.{TASKS[setup.task.name].figures}")
    draw = getattr(module, "last_figures", module.figures) if last else module.figures
    yield from draw(Trained(setup.to("cpu", one.E.dtype), one), label)


def typical(population: Population, paper_sweeps: int | None) -> int:
    """The replica that learned in the number of sweeps nearest the paper's, or nearest the median of those that did.

    The first replica where none learned.
    """
    if not population.learned.any():
        return 0
    sweeps = population.learned_at.double()
    wanted = sweeps[population.learned].median() if paper_sweeps is None else torch.tensor(float(paper_sweeps))
    return int(torch.where(population.learned, (sweeps - wanted.to(sweeps)).abs(), torch.inf).argmin())
