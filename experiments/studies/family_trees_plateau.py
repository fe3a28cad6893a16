"""Why the printed settings do not learn the family trees, measured.

Two things stand in the way. (i) Leaving the plateau: the growth of the first symmetry-breaking direction against the
decay, for first weights of several sizes, at the start and later in training. (ii) Staying learned: networks that a
reading has taught, trained on with an epsilon that is lowered step by step to the printed one. Then F7: whether the
decay balances ∂E/∂w in networks that have learned, and whether a weight is as large as it is useful. All go to
results/, from which ``experiments.report`` draws the figure.
"""

import itertools
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

if __name__ == "__main__":
    sys.exit("experiments.studies.family_trees_plateau: run it by python -m experiments.reproduce family_trees_plateau")

import torch
from rich.progress import track
from torch import Tensor

from experiments.catalogue import BALANCE, GROWTH, KEPT, LESIONS
from experiments.files import number
from experiments.options.load import load, of_seeds
from experiments.options.setup import first_population, training_setup
from experiments.studies.training import rows_of, run_through
from experiments.tables import write_rows
from repro.learning import updated
from repro.measures.family_trees import decay_balance
from repro.networks import Network
from repro.plateau import growth_rate, settle_output_biases
from repro.population import NEVER, Population
from repro.training_setup import TrainingSetup

RANGES = (0.1, 0.2, 0.3, 0.5, 1.0, 2.0)
READINGS = ("literal", "target_always", "cross_entropy_bound", "symmetric_units")
"""Whose growth is measured, at each of RANGES in place of the reading's own. Growth is in proportion to epsilon."""

SWEEPS = (0, 250, 500)
"""After how many sweeps it is measured: all of them for the literal reading, the first for the others."""

FACTORS = (10.0, 7.0, 5.0, 4.0, 3.0, 2.0, 1.0)
"""The steps by which epsilon comes down to the printed one, as multiples of it."""

AVERAGED = (1, 10, 100)
"""Over how many more sweeps ∂E/∂w is averaged, to be held against the decay."""

NETWORKS = 16
"""Whose growth is measured, at most: it varies little from one to another."""

STEP_SWEEPS = 2_000
"""Sweeps at each step of epsilon."""


def growth(seeds: range) -> Iterator[dict[str, object]]:
    """Growth per sweep at the plateau, and the cases right of 100 after all sweeps: a row a network and measurement."""
    pairs = [(reading, size) for reading in READINGS for size in RANGES]
    for reading, size in track(pairs, "leaving the plateau"):
        config = load(
            "family_trees",
            f"reading={reading}",
            f"network.initial_range={size}",
            *of_seeds(seeds),
            "precision=float64",
        )
        setup = training_setup(config)
        population, task, error_measure = first_population(config, setup), setup.task, setup.error_measure
        learning, rates = setup.learning, {}
        for sweeps in SWEEPS if reading == "literal" else SWEEPS[:1]:
            if sweeps:
                run_through(population, replace(setup, learning=replace(learning, sweeps=sweeps)), compile=False)
            network = Network(population.architecture, population.weights)
            settle_output_biases(network, task, error_measure)
            rates[sweeps] = growth_rate(network, task, error_measure, learning.phases[-1]).tolist()
        run_through(population, setup, compile=False)
        right = [row["train_right"] for row in rows_of(setup, population)]
        for sweeps, values in rates.items():
            for seed, rate, end in zip(population.seeds, values, right, strict=True):
                about = {"reading": reading, "initial_range": size, "sweeps": sweeps, "seed": seed}
                yield {**about, "growth": number(rate), "train_right": end}


def kept(seeds: range, step_sweeps: int = STEP_SWEEPS) -> Iterator[dict[str, object]]:
    """What is left of the learned state as epsilon comes down: a row a network and step, of so many sweeps each."""
    config = load("family_trees_learned", *of_seeds(seeds))
    taught = training_setup(config)
    population = first_population(config, taught)
    run_through(population, taught)
    printed = training_setup(load("family_trees", *of_seeds(seeds)))
    learning = printed.learning
    for factor in track(FACTORS, "staying learned"):
        sweeps = step_sweeps if factor < FACTORS[0] else 0  # as taught, to begin with
        if sweeps:
            population = restart(population)
            phase = replace(learning.phases[-1], epsilon=factor * learning.phases[-1].epsilon)
            run_through(population, replace(printed, learning=replace(learning, phases=(phase,), sweeps=sweeps)))
        for row in rows_of(printed, population):
            yield {"factor": f"{factor:g}", "sweeps": sweeps, **row}


def taught_networks(seeds: range) -> tuple[TrainingSetup, Population, list[bool]]:
    """The networks of ``family_trees_learned`` after their training; and which have all 100 cases right."""
    config = load("family_trees_learned", *of_seeds(seeds))
    setup = training_setup(config).to("cpu", torch.float32)
    population = first_population(config, setup)
    run_through(population, setup)
    return setup, population, [row["train_right"] == 100 for row in rows_of(setup, population)]


def balance(seeds: range) -> Iterator[dict[str, object]]:
    """F7, of networks that have learned all 100: the correlation of w with -∂E/∂w, its mean over further sweeps."""
    setup, population, learned = taught_networks(seeds)
    learning = setup.learning
    included, phase = setup.included(torch.arange(len(population.seeds))), learning.phases[-1]
    w, delta_w = population.weights, population.delta_w
    total = {key: torch.zeros_like(value) for key, value in w.items()}
    for sweep in range(1, max(AVERAGED) + 1):
        _, dE_dw = setup.architecture.derivatives(w, setup.task.inputs, setup.desired, setup.error_measure, included)
        total = {key: total[key] + value for key, value in dE_dw.items()}
        if sweep in AVERAGED:
            found = decay_balance(w, total)
            for r, seed in enumerate(population.seeds):
                if learned[r]:
                    yield {"seed": seed, "sweeps": sweep, "correlation": number(float(found[r]))}
        both = {key: updated(w[key], dE_dw[key], delta_w[key], phase.epsilon, phase.alpha, learning.decay) for key in w}
        w, delta_w = ({key: pair[n] for key, pair in both.items()} for n in (0, 1))


def lesions(seeds: range) -> Iterator[dict[str, object]]:
    """F7, of networks that have learned all 100: how the size of a weight goes with what it is good for.

    The rank correlation, over all weights, of the size of w with the error on the training cases that the network makes
    without that weight, above what it makes with it.
    """
    setup, population, learned = taught_networks(seeds)
    which = [r for r, all_right in enumerate(learned) if all_right]
    some = population.take(which)
    included, w = setup.included(torch.tensor(which)), some.weights
    plan, inputs, d = setup.architecture, setup.task.inputs, setup.desired

    def error_of(weights: dict[str, Tensor]) -> Tensor:
        return setup.error_measure.E(plan.activity(weights, inputs)[plan.output], d, included)

    whole, size, harm = error_of(w), [], []
    for key, values in track(list(w.items()), "lesions"):
        for to, source in itertools.product(*map(range, values.shape[:2])):
            cut = values.clone()
            cut[to, source] = 0
            size.append(values[to, source].abs())
            harm.append(error_of({**w, key: cut}) - whole)
    found = rank_correlation(torch.stack(size), torch.stack(harm))
    for r, seed in enumerate(some.seeds):
        yield {"seed": seed, "correlation": number(float(found[r]))}


def rank_correlation(x: Tensor, y: Tensor) -> Tensor:
    """Spearman's, of each column of ``[n, replicas]``; of equal values the ranks are in their order."""
    a, b = (each.argsort(dim=0).argsort(dim=0).double() for each in (x, y))
    a, b = a - a.mean(dim=0), b - b.mean(dim=0)
    return (a * b).sum(dim=0) / ((a * a).sum(dim=0) * (b * b).sum(dim=0)).sqrt()


def restart(taught: Population) -> Population:
    """The same networks, with their sweeps counted from 0 again."""
    copy = taught.take(range(len(taught.seeds)))
    return replace(
        copy, sweep=0, learned_at=torch.full_like(copy.learned_at, NEVER), E=torch.full_like(copy.E, torch.nan)
    )


def write(results: Path, seeds: range) -> None:
    """Measure, with these networks where they learn and the first of them at the plateau; write the tables."""
    write_rows(results / GROWTH, growth(seeds[:NETWORKS]))
    write_rows(results / KEPT, kept(seeds))
    write_rows(results / BALANCE, balance(seeds))
    write_rows(results / LESIONS, lesions(seeds))
