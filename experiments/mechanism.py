"""Why the printed settings do not learn the family trees, measured: ``python -m experiments.mechanism``.

Two things stand in the way. (i) Leaving the plateau: the growth of the first symmetry-breaking direction, against the
decay, for first weights of several sizes. (ii) Staying learned: networks that a reading has taught, trained on with
the printed settings and with a larger epsilon. Both go to results/, with a figure; takes some minutes.
"""

import argparse
import csv
from collections.abc import Iterator
from pathlib import Path

import torch
from matplotlib.figure import Figure

from experiments import build
from experiments.build import load
from experiments.catalogue import RESULTS
from experiments.schema import Config
from repro.kinship_measures import cases_right
from repro.networks import Network
from repro.plateau import growth_rate, settle_output_biases
from repro.population import Population
from repro.training import Criterion, Learning, train

RANGES = (0.1, 0.2, 0.3, 0.5, 1.0, 2.0)
READINGS = ("literal", "target_always", "cross_entropy", "epsilon_10", "symmetric_units")
"""Whose growth is measured, at each of RANGES in place of the reading's own."""

FACTORS = (1.0, 2.0, 3.0, 5.0, 10.0)
"""How many times the printed epsilon the learned networks are trained on with."""

GROWTH, KEPT = "family_trees_growth.csv", "family_trees_kept.csv"


def growth(networks: int) -> Iterator[dict[str, object]]:
    """Growth per sweep at the plateau, by reading and range: a row a network."""
    for reading in READINGS:
        for size in RANGES:
            config = load(
                "family_trees",
                f"reading={reading}",
                f"network.initial_range={size}",
                f"population.seeds={networks}",
                "precision=float64",
            )
            population, task, measure = (
                build.build_population(config),
                build.build_task(config),
                build.build_measure(config),
            )
            network = Network(population.architecture, population.weights)
            settle_output_biases(network, task, measure)
            rates = growth_rate(network, task, measure, build.build_learning(config).phases[-1])
            for seed, rate in zip(population.seeds, rates.tolist(), strict=True):
                yield {"reading": reading, "initial_range": size, "seed": seed, "growth": f"{rate:.6g}"}


def kept(networks: int, sweeps: int) -> Iterator[dict[str, object]]:
    """Cases right after so many more sweeps from the learned state, by the factor of epsilon: a row a network."""
    config = load("family_trees_learned", f"population.seeds={networks}")
    taught = build.build_population(config)
    run_through(config, taught, build.build_learning(config))
    for factor in FACTORS:
        config = load("family_trees", f"population.seeds={networks}", f"learning.epsilon={0.01 * factor}")
        population = Population.start(taught.architecture, taught.seeds, 0.0, taught.E.dtype)
        population.weights = {key: w.clone() for key, w in taught.weights.items()}
        learning = build.build_learning(config)
        run_through(config, population, Learning(learning.phases[-1:], sweeps, learning.decay))
        for row in rows_of(config, population):
            yield {"factor": f"{factor:g}", **row}


def run_through(config: Config, population: Population, learning: Learning) -> None:
    """Train to the end."""
    task = build.build_task(config)
    looks = train(
        population,
        task,
        learning,
        Criterion(config.criterion.tolerance, stop=False),
        every=learning.sweeps,
        backward_pass="explicit" if build.compiler_lacking() else "compiled",
        measure=build.build_measure(config),
        held_out=build.build_held_out(config, task),
    )
    for _ in looks:
        pass


def rows_of(config: Config, population: Population) -> Iterator[dict[str, object]]:
    """What each network has after it: cases right of those it learned and those held out, E, and the sum of squares."""
    task = build.build_task(config).to("cpu", population.E.dtype)
    held_out = build.build_held_out(config, task)
    assert held_out is not None
    with torch.no_grad():
        y = Network(population.architecture, population.weights)(task.inputs)
    right = cases_right(y, task.desired)
    train, held = (right & ~held_out).sum(dim=0), (right & held_out).sum(dim=0)
    squares = torch.stack([(w * w).sum(dim=(0, 1)) for w in population.weights.values()]).sum(dim=0)
    for r, seed in enumerate(population.seeds):
        E = f"{float(population.E[r]):.6g}"
        counts = {"train_right": int(train[r]), "held_out_right": int(held[r])}
        yield {"seed": seed, **counts, "E": E, "sum_of_squares": f"{float(squares[r]):.6g}"}


def write(path: Path, rows: Iterator[dict[str, object]]) -> None:
    """A CSV file of the rows."""
    everything = list(rows)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, everything[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(everything)


def read(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def mechanism_figure(results: Path) -> Figure:
    """Growth at the plateau against the decay, and what is left of the learned state."""
    decay = load("family_trees").learning.decay
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    rows = read(results / GROWTH)
    for reading in READINGS:
        own = {
            size: [float(r["growth"]) for r in rows if r["reading"] == reading and float(r["initial_range"]) == size]
            for size in RANGES
        }
        means = [sum(values) / len(values) for values in own.values()]
        left.plot(RANGES, means, "o-", markersize=4, label=reading.replace("_", " "))
    left.axhline(decay, color="0.3", linestyle="--", label="decay per sweep")
    left.axvline(0.3, color="0.7", linestyle=":", label="printed range")
    left.set(
        xscale="log", yscale="log", xlabel="first weights in ±", ylabel="growth per sweep", title="Leaving the plateau"
    )
    left.legend(fontsize=7, frameon=False)
    rows = read(results / KEPT)
    shares, errors = [], []
    for factor in FACTORS:
        own_rows = [row for row in rows if float(row["factor"]) == factor]
        shares.append(sum(row["train_right"] == "100" for row in own_rows) / len(own_rows))
        errors.append(sum(float(row["E"]) for row in own_rows) / len(own_rows))
    right.plot(FACTORS, shares, "o-", color="#0060a8", label="networks with all 100 right")
    right.set(
        xlabel="epsilon, as a multiple of the printed",
        ylabel="part of the networks",
        ylim=(-0.03, 1.03),
        title="Staying learned",
    )
    twin = right.twinx()
    twin.plot(FACTORS, errors, "s--", color="#c04000", label="E (right axis)")
    twin.set(ylim=(0, None))
    lines = [*right.get_lines(), *twin.get_lines()]
    right.legend(lines, [str(line.get_label()) for line in lines], fontsize=7, frameon=False, loc="center right")
    return figure


def main() -> None:
    """Measure both, write both tables and the figure."""
    parser = argparse.ArgumentParser(prog="python -m experiments.mechanism", description=__doc__)
    parser.add_argument("--networks", type=int, default=12, help="networks for the growth (default: %(default)s)")
    parser.add_argument("--learned", type=int, default=256, help="learned networks to train on (default: %(default)s)")
    parser.add_argument("--sweeps", type=int, default=5_000, help="for how many sweeps (default: %(default)s)")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where the results go (default: %(default)s)")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    (arguments.results / "figures").mkdir(parents=True, exist_ok=True)
    write(arguments.results / GROWTH, growth(arguments.networks))
    print(f"Written: {arguments.results / GROWTH}", flush=True)
    write(arguments.results / KEPT, kept(arguments.learned, arguments.sweeps))
    print(f"Written: {arguments.results / KEPT}")
    path = arguments.results / "figures" / "family_trees_mechanism.png"
    mechanism_figure(arguments.results).savefig(path, dpi=130)
    print(f"Written: {path}")


if __name__ == "__main__":
    main()
