"""How much of what is found is float32's: networks that are stuck in it, run on in float64; and all of them in float64.

An output of 1 exactly has y (1 - y) = 0, from a total input of 16.64 up in float32 and of 36.74 in float64: a unit that
is saturated there has no derivative, and never learns again.
"""

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

if __name__ == "__main__":
    sys.exit("experiments.studies.precision: run it by python -m experiments.reproduce precision")

import torch
from torch import Tensor

from experiments.files import number
from experiments.options.load import load, of_seeds
from experiments.options.schema import Config
from experiments.options.setup import training_setup
from experiments.studies.training import as_published, train_as_published
from experiments.tables import write_rows
from repro.population import Population
from repro.trained import Trained

FILE = "precision.csv"

EXPERIMENTS = ("symmetry", "xor", "xor_2_2_1", "parity", "parity_per_case", "encoder", "encoder_slow")
"""Of one network each, which stops when it has learned; the family trees' have no output near 1 to be stuck at."""

EVERY = 500
"""Sweeps between two looks at who has stopped."""


def rows(seeds: range) -> Iterator[dict[str, object]]:
    """A row an experiment: how many are stuck, how many of these cannot move, and how many learn when run on."""
    for name in EXPERIMENTS:
        config = load(name, *of_seeds(seeds))
        single = as_published(config, EVERY)
        double = as_published(load(name, *of_seeds(seeds), "precision=float64"), EVERY)
        stuck = (~single.learned).nonzero()[:, 0]
        left = single.take(stuck.tolist())
        yield {
            "experiment": name,
            "seeds": len(seeds),
            "learned": int(single.learned.sum()),
            "learned_float64": int(double.learned.sum()),
            "learned_in_one_only": int((single.learned != double.learned).sum()),
            "median": median_of(single),
            "median_float64": median_of(double),
            "stuck": len(stuck),
            "saturated": int(saturated(config, left).sum()),
            "still": int(still(config, left).sum()),
            "run_on_float32": on(config, left, torch.float32),
            "run_on_float64": on(config, left, torch.float64),
        }


def median_of(population: Population) -> str:
    """The median sweeps of those that learned."""
    took = population.learned_at[population.learned].double()
    return number(float(took.median())) if len(took) else ""


@torch.no_grad()
def saturated(config: Config, population: Population) -> Tensor:
    """Which have an output unit that is wrong, by more than the tolerance, and whose y (1 - y) is 0, ``[replicas]``."""
    trained = Trained.of(training_setup(config), population)
    wrong = (trained.y - trained.setup.task.desired.unsqueeze(2)).abs() > config.criterion.tolerance
    return (wrong & (trained.y * (1 - trained.y) == 0)).any(dim=0).any(dim=0)


@torch.no_grad()
def still(config: Config, population: Population) -> Tensor:
    """Which have no derivative other than 0 for any weight: they never learn again, ``[replicas]``."""
    setup = training_setup(config).to("cpu", population.E.dtype)
    weights, inputs = population.weights, setup.task.inputs
    _, dE_dw = setup.architecture.derivatives(weights, inputs, setup.desired, setup.error_measure, None)
    return torch.stack([(each == 0).all(dim=0).all(dim=0) for each in dE_dw.values()]).all(dim=0)


def on(config: Config, population: Population, dtype: torch.dtype) -> int:
    """How many learn when they are trained for as many sweeps again, from where they are, in this precision."""
    if not len(population.seeds):
        return 0
    copy = population.take(range(len(population.seeds)))
    copy = replace(
        copy,
        sweep=0,
        weights={key: w.to(dtype) for key, w in copy.weights.items()},
        delta_w={key: last.to(dtype) for key, last in copy.delta_w.items()},
        E=copy.E.to(dtype),
    )
    train_as_published(copy, config, training_setup(config), EVERY)
    return int(copy.learned.sum())


def write(results: Path, seeds: range) -> None:
    """Train these networks of each experiment in both precisions, and write the table."""
    write_rows(results / FILE, rows(seeds))
