"""The figures of a run: its curves, and those of the paper for one of its networks."""

import importlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from experiments.files import NotWritten, naming, replacing
from experiments.options.schema import Config
from experiments.options.tasks import TASKS
from experiments.running.curves import Curves
from experiments.running.drawing import not_drawn
from repro.figures.curves import learning_curves, sweeps_distribution
from repro.figures.drawing import own_settings, save
from repro.population import Population, finite
from repro.trained import Trained
from repro.training_setup import TrainingSetup

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FOLDER = "figures"

Drawings = Iterator[tuple[str, "Figure"]]


def draw(directory: Path, config: Config, setup: TrainingSetup, curves: Curves, population: Population) -> None:
    """Write the figures of a run to its directory. What cannot be drawn, or written, costs a warning of one line."""
    folder = directory / FOLDER
    for name, drawings in figures(config, setup, curves, population).items():
        path = folder / f"{name}.png"
        try:
            with naming(folder):
                folder.mkdir(exist_ok=True)
            with own_settings():
                for its_name, figure in drawings():
                    path = folder / f"{its_name}.png"
                    with replacing(path) as beside:
                        save(figure, beside)
        except (Exception, NotWritten) as problem:
            not_drawn(path, problem, directory)


def figures(
    config: Config, setup: TrainingSetup, curves: Curves, population: Population
) -> dict[str, Callable[[], Drawings]]:
    """What draws the figures that a run leaves, by the name of the first: each gives names of files and figures."""
    title = (config.summary or config.name).replace("$", r"\$")  # which opens a formula
    paper, source = config.paper.sweeps, config.paper.source

    def of_curves() -> Drawings:
        yield "curves", learning_curves(curves.sweeps, curves.E, curves.learned, title, paper, source)

    def of_sweeps() -> Drawings:
        sweeps = population.learned_at[population.learned].cpu().numpy()
        yield "sweeps", sweeps_distribution(sweeps, len(population.seeds), population.sweep, title, paper, source)

    shown = typical(population, paper)
    label = f"seed {population.seeds[shown]}, " + (
        f"{int(population.learned_at[shown]):,} sweeps"
        if population.learned[shown]
        else f"not learned by {population.sweep:,}"
    )
    of_network = partial(network_figures, setup, population, shown, label, last=True)
    return {"curves": of_curves, "sweeps": of_sweeps, "weights": of_network}


def network_figures(
    setup: TrainingSetup, population: Population, shown: int, label: str, last: bool = False
) -> Drawings:
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
