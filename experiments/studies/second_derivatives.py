"""Methods with second derivatives against (8) and (9), N p.535.

N says that they converge faster. From the same first weights, how many changes of the weights does it take until a
network has learned: by (8), by (9), and by Newton's method within a trust region (``trust_region_newton``)? A change
costs a sweep by the first two; by the third it costs all second derivatives, as many backward passes as there are
weights. All in float64.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

if __name__ == "__main__":
    sys.exit("experiments.studies.second_derivatives: run it by python -m experiments.reproduce second_derivatives")

from rich.progress import track

from experiments.options.load import load, of_seeds
from experiments.options.schema import Config
from experiments.options.setup import first_population, training_setup
from experiments.studies.training import as_published
from experiments.tables import write_rows
from repro.networks import Network
from repro.population import NEVER
from repro.trust_region import trust_region_newton

FILE = "second_derivatives.csv"

EXPERIMENTS = ("xor_2_2_1", "symmetry")
METHODS = {"steepest": (10, 0.0), "momentum": (1, 0.9)}
"""By (8) and by (9): the printed ε so many times, and α. In the long run ten times the ε by (8) comes to what α = 0.9
makes of it by (9)."""


def rows(seeds: range) -> Iterator[dict[str, object]]:
    """A row an experiment, method and seed. ``sweeps`` are changes of the weights; empty where it has not learned."""
    methods = (*METHODS, "newton")
    for name, method in track([(name, method) for name in EXPERIMENTS for method in methods], "by each method"):
        config, epsilon = load(name, *of_seeds(seeds), "precision=float64"), ""
        if method in METHODS:
            factor, config.learning.alpha = METHODS[method]
            config.learning.epsilon *= factor
            epsilon = f"{config.learning.epsilon:g}"
        found = by_gradient(config) if method in METHODS else newton(config)
        for seed, sweeps in zip(seeds, found, strict=True):
            about = {"experiment": name, "method": method, "epsilon": epsilon, "seed": seed}
            yield {**about, "solved": int(sweeps != NEVER), "sweeps": "" if sweeps == NEVER else sweeps}


def by_gradient(config: Config) -> list[int]:
    """The sweeps of each network by (8) or (9), or NEVER."""
    return [int(sweeps) for sweeps in as_published(config, every=config.learning.sweeps // 20).learned_at]


def newton(config: Config) -> list[int]:
    """The steps of each network by Newton's method, or NEVER."""
    setup = training_setup(config)
    network = Network(setup.architecture, first_population(config, setup).weights)
    way = trust_region_newton(network, setup.task, setup.criterion.tolerance)
    return [int(steps) if end == "solved" else NEVER for steps, end in zip(way.steps, way.end, strict=True)]


def write(results: Path, seeds: range) -> None:
    """Train a network a seed by each method, and write the table."""
    write_rows(results / FILE, rows(seeds))
