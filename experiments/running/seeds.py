"""What one run found: one row a seed with the experiment's own measures, and the figures."""

import csv
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path

import torch
from matplotlib.figure import Figure
from torch import Tensor

from experiments.options.build import same_network
from experiments.options.schema import Config, TaskName
from experiments.running.curves import Curves, finite, has_person_code, number
from repro import printed_networks as published
from repro.errors import included_cases
from repro.figures import family_trees
from repro.figures.curves import learning_curves, sweeps_distribution
from repro.figures.hinton import hinton_figure
from repro.figures.symmetry import figure_1
from repro.measures.family_trees import (
    FEATURES,
    cases_right,
    decoding_accuracy,
    feature_of,
    kinship,
    people_shuffled,
    person_code,
    shuffled_accuracy,
    twin_rank,
    unit_accuracies,
    without,
)
from repro.measures.symmetry import codes, counting, stuck_as_printed, symmetry_claims, undecided
from repro.networks import Network, link_name
from repro.population import Population
from repro.tasks import Task
from repro.training_setup import met_by

CHUNK = 1_024
"""Replicas measured and written at a time, so that memory does not grow with the population."""

ALIKE = 64
"""torch sums so many numbers side by side (4 vectors of 16 float32), and what is left over in another way, with another
last digit. Chunks are filled up to a multiple, so that a replica comes out the same in any chunk, in any company."""


@dataclass(frozen=True)
class Trained:
    """Some replicas after the last sweep. held_out ``[cases, replicas or 1]``, bool; None: they learned all cases."""

    population: Population
    task: Task
    held_out: Tensor | None

    @cached_property
    @torch.no_grad()
    def y(self) -> Tensor:
        """Their outputs, ``[cases, units, replicas]``: one forward pass, however many ask for it."""
        y: Tensor = Network(self.population.architecture, self.population.weights)(self.task.inputs)
        return y

    @cached_property
    @torch.no_grad()
    def hidden(self) -> Tensor | None:
        """The outputs of the group of that name, ``[cases, units, replicas]``; None where there is none."""
        network = Network(self.population.architecture, self.population.weights)
        return network.activity(self.task.inputs).get("hidden")

    def part(self, replicas: range) -> "Trained":
        """A few of them, filled up with copies of the last to a multiple of ALIKE; without their last changes."""
        of = self.population
        indices = [*replicas, *[replicas[-1]] * (-len(replicas) % ALIKE)]
        taken = torch.tensor(indices, device=of.E.device)
        few = replace(
            of,
            seeds=tuple(of.seeds[r] for r in indices),
            weights={key: w.index_select(2, taken) for key, w in of.weights.items()},
            changes={},
            met_at=of.met_at[taken],
            E=of.E[taken],
        )
        out = self.held_out
        return Trained(few, self.task, out if out is None or out.shape[1] == 1 else out[:, taken])


def write_weights(path: Path, population: Population) -> None:
    """The seeds of a population and their weights: see ``save_weights``."""
    weights = {key: w.cpu() for key, w in population.weights.items()}
    save_weights(path, torch.tensor(population.seeds), population.sweep, weights)


def save_weights(path: Path, seeds: Tensor, sweep: int, weights: dict[str, Tensor]) -> None:
    """Seeds and weights, by link, ``[to, from, replicas]``: for ``torch.load(path, weights_only=True)``."""
    with path.open("wb") as file:  # given a path, torch hides why it cannot be written to
        torch.save({"seeds": seeds, "sweep": sweep, "weights": weights}, file)


def write_seeds(path: Path, config: Config, population: Population, task: Task, held_out: Tensor | None) -> None:
    """One row a seed: seed, solved (1 or 0), sweeps (empty where not solved), E, then the experiment's measures.

    Solved: the criterion is met after the last sweep. sweeps: when it was first met. A row depends on its seed alone.
    """
    everyone = Trained(population, task, None if held_out is None else held_out.to(population.E.device))
    count = len(population.seeds)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        for first in range(0, count, CHUNK):
            replicas = range(first, min(first + CHUNK, count))
            columns = columns_of(config, everyone.part(replicas))
            if first == 0:
                writer.writerow(columns)
            writer.writerows(zip(*(cells[: len(replicas)] for cells in columns.values()), strict=True))


def columns_of(config: Config, trained: Trained) -> dict[str, list[str]]:
    """The cells of seeds.csv, by column."""
    population, solved = trained.population, learned_at_end(config, trained)
    took = zip(population.met_at.tolist(), solved.tolist(), strict=True)
    return {
        "seed": list(map(str, population.seeds)),
        "solved": _cells(solved),
        "sweeps": [str(sweeps) if has else "" for sweeps, has in took],
        "E": _cells(population.E),
        **{name: _cells(values) for name, values in measure(config, trained).items()},
        **held_out_names(trained),
    }


def learned_at_end(config: Config, trained: Trained) -> Tensor:
    """Which replicas meet the criterion after the last sweep, ``[replicas]``, bool."""
    if config.criterion.stop:
        return trained.population.met
    included = None if trained.held_out is None else included_cases(trained.held_out, trained.y)
    return met_by(trained.y, trained.task.desired.unsqueeze(2), config.criterion.tolerance, included)


def _cells(values: Tensor) -> list[str]:
    whole = values.int() if values.dtype is torch.bool else values
    return list(map(number, whole.tolist()))


def held_out_names(trained: Trained) -> dict[str, list[str]]:
    """For each replica which cases it held out, and which of them it has right, names joined by ";"."""
    if trained.held_out is None:
        return {}
    right = (cases_right(trained.y, trained.task.desired) & trained.held_out).T.tolist()
    out = trained.held_out.expand(-1, len(trained.population.seeds)).T.tolist()

    def names(rows: list[list[bool]]) -> list[str]:
        return [";".join(case for case, has in zip(trained.task.cases, row, strict=True) if has) for row in rows]

    return {"held_out": names(out), "held_out_right_cases": names(right)}


def measure(config: Config, trained: Trained) -> dict[str, Tensor]:
    """The measures of an experiment by column name, ``[replicas]`` each; none where its network has no such units."""
    population, task = trained.population, trained.task
    network = Network(population.architecture, population.weights)
    match config.task.name:
        case TaskName.symmetry if is_network_of(population, published.SYMMETRY):
            return asdict(symmetry_claims(network, task))
        case TaskName.xor:
            y = trained.y[:, 0]
            columns = {f"y_{case}": y[c] for c, case in enumerate(task.cases)}
            columns["undecided"] = undecided(y, task.desired[:, 0])
            printed = published.XOR_LOCAL_MINIMUM
            if is_network_of(population, printed):
                exact = task.to("cpu", torch.float64).inputs
                there = Network(printed.architecture, printed.replica())(exact)[:, 0, 0].detach()
                columns["stuck_as_printed"] = ~population.met & stuck_as_printed(y, there.to(y))
            return columns
        case TaskName.parity:
            columns = {} if trained.hidden is None else asdict(counting(trained.hidden, task.inputs["input"]))
            columns["undecided"] = undecided(trained.y[:, 0], task.desired[:, 0])
            return columns | {"right": cases_right(trained.y, task.desired).sum(dim=0)}
        case TaskName.encoder if trained.hidden is not None:
            return asdict(codes(trained.hidden))
        case TaskName.family_trees if trained.held_out is not None:
            columns = asdict(kinship(trained.y, task.desired, trained.held_out))
            if not has_person_code(population):
                return columns
            code, best = person_code(network), {}
            shuffled = people_shuffled(population.seeds).to(code.device)
            for name in FEATURES:
                feature = feature_of(name).to(code.device)
                accuracies = unit_accuracies(code, feature)
                columns |= {f"{name}_unit{u + 1}": accuracy for u, accuracy in enumerate(accuracies)}
                best[name] = accuracies.argmax(dim=0)
                columns[f"{name}_code"] = decoding_accuracy(code, feature)
                columns[f"{name}_shuffled"] = shuffled_accuracy(code, feature, shuffled)
            for name, part in (("twin", code), ("twin_by_others", without(code, best["nationality"]))):
                ranks = twin_rank(part).double()
                columns |= {f"{name}_nearest": (ranks == 1).double().mean(dim=0), f"{name}_rank": ranks.mean(dim=0)}
            return columns
    return {}


def is_network_of(population: Population, printed: published.PublishedNetwork) -> bool:
    """Whether a population has the groups and links of a printed network."""
    return same_network(population.architecture, printed.architecture)


def figures(config: Config, curves: Curves, population: Population, task: Task) -> Iterator[tuple[str, Figure]]:
    """The figures of a run, by file name."""
    title, paper, source = config.summary or config.name, config.paper.sweeps, config.paper.source
    yield "curves", learning_curves(curves.sweeps, curves.E, curves.met, title, paper, source)
    sweeps = population.met_at[population.met].cpu().numpy()
    yield "sweeps", sweeps_distribution(sweeps, len(population.seeds), population.sweep, title, paper, source)
    shown = typical(population, paper)
    label = f"seed {population.seeds[shown]}, " + (
        f"{int(population.met_at[shown]):,} sweeps" if population.met[shown] else f"not learned by {population.sweep:,}"
    )
    weights = {key: w.cpu() for key, w in population.replica(shown).items()}
    if not finite(weights):
        return
    match config.task.name:
        case TaskName.family_trees if has_person_code(population):
            yield from family_figures(population, task, shown, label)
            return
        case TaskName.symmetry if is_network_of(population, published.SYMMETRY):
            printed = published.SYMMETRY
            theirs = {key: w[..., 0] for key, w in printed.replica().items()}
            yield (
                "figure_1",
                figure_1({f"{printed.source}: {printed.sweeps:,} sweeps": theirs, f"Here: {label}": weights}),
            )
    yield "weights", hinton_figure(weights, label)


def family_figures(population: Population, task: Task, shown: int, label: str) -> Iterator[tuple[str, Figure]]:
    """N Figs 2 to 4 and the dendrogram of one replica."""
    yield "figure_2", family_trees.figure_2()
    yield from figures_3_and_4(population, task, shown, label)
    code = person_code(alone(population, shown))
    yield "dendrogram", family_trees.dendrogram_of_codes(code[..., 0], f"Codes of the people: {label}")


def figures_3_and_4(population: Population, task: Task, shown: int, label: str) -> Iterator[tuple[str, Figure]]:
    """N Figs 3 and 4 of one replica."""
    network, task = alone(population, shown), task.to("cpu", population.E.dtype)
    case = task.cases.index("Colin aunt")
    with torch.no_grad():
        activity = network.activity({name: values[case : case + 1] for name, values in task.inputs.items()})
    units = {group: y[0, :, 0] for group, y in activity.items()}
    yield "figure_3", family_trees.figure_3(units, task.desired[case], f"Colin has-aunt (N Fig. 3): {label}")
    order, titles = as_in_the_paper(person_code(network))
    w = network.weights[link_name("person1", "person_code")][..., 0]
    yield (
        "figure_4",
        family_trees.figure_4(w, order, titles, f"People to the 6 units of their code (N Fig. 4): {label}"),
    )


def alone(population: Population, shown: int) -> Network:
    """One replica of a population as a network of its own, on the CPU."""
    weights = {key: w[..., shown : shown + 1].cpu() for key, w in population.weights.items()}
    return Network(population.architecture, weights)


def as_in_the_paper(code: Tensor) -> tuple[list[int], list[str]]:
    """The units of one replica in N Fig. 4's order: that which tells nationality best is 1, generation 2, branch 6.

    code ``[people, units, 1]``; returns the units' numbers, and what each tells with what accuracy.
    """
    accuracy = {name: unit_accuracies(code, feature_of(name))[:, 0] for name in ("nationality", "generation", "branch")}
    left = list(range(code.shape[1]))
    chosen: dict[str, int] = {}
    for name, values in accuracy.items():
        if left:  # a network may have fewer units than there are features
            chosen[name] = max(left, key=lambda unit, values=values: float(values[unit]))  # type: ignore[misc]
            left.remove(chosen[name])
    last = [chosen.pop("branch")] if "branch" in chosen else []
    order = [*chosen.values(), *left, *last]
    titles = [", ".join(f"{name} {float(values[unit]):.2f}" for name, values in accuracy.items()) for unit in order]
    return order, titles


def typical(population: Population, paper_sweeps: int | None) -> int:
    """The replica that learned in the number of sweeps nearest the paper's, or nearest the median of those that did.

    The first replica where none learned.
    """
    if not population.met.any():
        return 0
    sweeps = population.met_at.double()
    wanted = sweeps[population.met].median() if paper_sweeps is None else torch.tensor(float(paper_sweeps))
    return int(torch.where(population.met, (sweeps - wanted.to(sweeps)).abs(), torch.inf).argmin())
