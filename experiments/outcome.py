"""What one run found: one row a seed with the experiment's own measures, and the figures."""

import csv
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import torch
from matplotlib.figure import Figure
from torch import Tensor

from experiments.build import build_measure
from experiments.recorders import Curves, number
from experiments.schema import Config, TaskName
from repro import published
from repro.figures.curves import learning_curves, sweeps_distribution
from repro.figures.hinton import hinton_figure
from repro.figures.symmetry import figure_1
from repro.kinship_measures import (
    FEATURES,
    decay_balance,
    decoding_accuracy,
    feature_of,
    kinship,
    person_code,
    twin_rank,
    unit_accuracies,
)
from repro.measures import stuck_as_printed, symmetry_claims
from repro.networks import Network
from repro.population import Population
from repro.tasks import Task


def write_seeds(path: Path, config: Config, population: Population, task: Task, held_out: Tensor | None) -> None:
    """One row a seed: seed, solved (1 or 0), sweeps (empty where not solved), E, then the experiment's measures."""
    measures = {name: values.tolist() for name, values in measure(config, population, task, held_out).items()}
    met, met_at, E = population.met.tolist(), population.met_at.tolist(), population.E.tolist()
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["seed", "solved", "sweeps", "E", *measures])
        for r, seed in enumerate(population.seeds):
            row = [seed, int(met[r]), met_at[r] if met[r] else "", number(E[r])]
            writer.writerow(row + [_cell(values[r]) for values in measures.values()])


def _cell(value: bool | float) -> str:
    return str(int(value)) if isinstance(value, bool) else number(value)


def measure(config: Config, population: Population, task: Task, held_out: Tensor | None) -> dict[str, Tensor]:
    """The measures of an experiment by column name, ``[replicas]`` each; none where its network has no such units."""
    network = Network(population.architecture, population.weights)
    match config.task.name:
        case TaskName.symmetry if is_network_of(population, published.SYMMETRY):
            return asdict(symmetry_claims(network, task))
        case TaskName.xor:
            with torch.no_grad():
                y = network(task.inputs)[:, 0]
            columns = {f"y_{case}": y[c] for c, case in enumerate(task.cases)}
            printed = published.XOR_LOCAL_MINIMUM
            if is_network_of(population, printed):
                exact = task.to("cpu", torch.float64).inputs
                there = Network(printed.architecture, printed.replica())(exact)[:, 0, 0].detach()
                columns["stuck_as_printed"] = ~population.met & stuck_as_printed(y, there.to(y))
            return columns
        case TaskName.family_trees if held_out is not None:
            with torch.no_grad():
                y = network(task.inputs)
            columns = asdict(kinship(y, task.desired, held_out.to(y.device)))
            code = person_code(network)
            for name in FEATURES:
                accuracies = unit_accuracies(code, feature_of(name).to(code.device))
                columns |= {f"{name}_unit{u + 1}": accuracy for u, accuracy in enumerate(accuracies)}
                columns[f"{name}_code"] = decoding_accuracy(code, feature_of(name).to(code.device))
            ranks = twin_rank(code).double()
            columns |= {"twin_nearest": (ranks == 1).double().mean(dim=0), "twin_rank": ranks.mean(dim=0)}
            included = (~held_out.to(y.device)).to(y.dtype).unsqueeze(1)
            d = task.desired.unsqueeze(2)
            _, dE_dw = network.derivatives(task.inputs, d, build_measure(config), included)
            columns["decay_balance"] = decay_balance(population.weights, dE_dw)
            return columns
    return {}


def is_network_of(population: Population, printed: published.PublishedNetwork) -> bool:
    """Whether a population has the groups and links of a printed network."""
    own, theirs = population.architecture, printed.architecture
    return dict(own.groups) == dict(theirs.groups) and own.all_links == theirs.all_links


def figures(config: Config, curves: Curves, population: Population) -> Iterator[tuple[str, Figure]]:
    """The figures of a run, by file name."""
    title, paper, source = config.summary or config.name, config.paper.sweeps, config.paper.source
    yield "curves", learning_curves(curves.sweeps, curves.E, curves.met, title, paper, source)
    sweeps = population.met_at[population.met].tolist()
    yield "sweeps", sweeps_distribution(sweeps, len(population.seeds), population.sweep, title, paper, source)
    shown = typical(population, paper)
    label = f"seed {population.seeds[shown]}, " + (
        f"{int(population.met_at[shown]):,} sweeps" if population.met[shown] else f"not learned by {population.sweep:,}"
    )
    weights = {key: w.cpu() for key, w in population.replica(shown).items()}
    yield "weights", hinton_figure(weights, label)
    printed = published.SYMMETRY
    if config.task.name is TaskName.symmetry and is_network_of(population, printed):
        theirs = {key: w[..., 0] for key, w in printed.replica().items()}
        title = f"{printed.source}: {printed.sweeps:,} sweeps"
        yield "figure_1", figure_1({title: theirs, f"Here: {label}": weights})


def typical(population: Population, paper_sweeps: int | None) -> int:
    """The replica that learned in the number of sweeps nearest the paper's, or nearest the median of those that did.

    The first replica where none learned.
    """
    if not population.met.any():
        return 0
    sweeps = population.met_at.double()
    wanted = sweeps[population.met].median() if paper_sweeps is None else torch.tensor(float(paper_sweeps))
    return int(torch.where(population.met, (sweeps - wanted.to(sweeps)).abs(), torch.inf).argmin())
