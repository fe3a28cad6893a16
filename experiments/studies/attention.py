"""Attention beside the network of 1986, on the family trees, by one loop.

The same for both: the 104 cases and the 4 that each seed holds out; the loop, once a sweep: forward pass, error,
backward pass by hand, change; the error (H p.11); the changes (9), their phases and decay; how first weights are
drawn; 24 outputs fed by one group of logistic units; nearly the number of weights.

What differs is how person 1 and the relation meet. In 1986 each has 6 logistic units, and 12 more logistic units
combine them by weights of their own. Here each is a few linear units, a token, which attends to both tokens by its
queries, keys and values (``repro.attention``). As many weights can be shared out in several ways. Two are tried: 6
units a token and 6 below the outputs, as in 1986; and 5 and 9. The second was added after a trial with other seeds,
in which the first seemed held up by its 6 below the outputs. One layer over two tokens is a small change, without what
large networks have beside it (more heads and layers, paths around them, normalizing): nothing is said here about those.

Each is trained as printed, and over one grid of epsilon and first weights. By the even seeds the best point is chosen,
the odd seeds judge it.
"""

import itertools
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

if __name__ == "__main__":
    sys.exit("experiments.studies.attention: run it by python -m experiments.reproduce attention")

from rich.progress import track

from experiments.files import number
from experiments.options.load import load, of_seeds
from experiments.options.schema import Config
from experiments.options.setup import first_population, training_setup
from experiments.studies.training import kinship_of, run_all_through
from experiments.tables import write_rows
from repro.attention import AttentionPlan
from repro.population import NEVER, Population
from repro.training_setup import TrainingSetup

FILE = "attention.csv"

PLANS = {
    "attention": AttentionPlan({"person1": 24, "relation": 12}, width=6, hidden=6, outputs=24),
    "attention_9_hidden": AttentionPlan({"person1": 24, "relation": 12}, width=5, hidden=9, outputs=24),
}
MODELS = ("1986", *PLANS)

PRINTED = (0.01, 0.3)
"""Epsilon after the first 20 sweeps (N Fig. 4), half as large in them; and the range of the first weights (H p.12)."""

EPSILONS, RANGES = (0.01, 0.03, 0.1, 0.3), (0.3, 0.5, 1.0, 2.0, 3.0)
"""The grid: all pairs, the printed one among them. So wide that the best of either model is not at its edge."""


def rows(seeds: range) -> Iterator[dict[str, object]]:
    """A row a model, grid point and seed. The points of a model are trained side by side."""
    points = list(itertools.product(EPSILONS, RANGES))
    for model in track(MODELS, "attention and 1986"):
        trainings = [start_of(model, *point, seeds) for point in points]
        run_all_through(trainings)
        for (epsilon, size), (population, setup) in zip(points, trainings, strict=True):
            found = kinship_of(setup, population)
            for r, seed in enumerate(population.seeds):
                learned_at = int(population.learned_at[r])
                yield {
                    "model": model,
                    "setting": "printed" if (epsilon, size) == PRINTED else "grid",
                    "epsilon": f"{epsilon:g}",
                    "initial_range": f"{size:g}",
                    "weights": setup.architecture.weight_count,
                    "seed": seed,
                    "solved": int(learned_at != NEVER),
                    "sweeps": "" if learned_at == NEVER else learned_at,
                    "E": number(float(found.E_H[r])),
                    "train_right": int(found.train_right[r]),
                    "held_out_right": int(found.held_out_right[r]),
                }


def start_of(model: str, epsilon: float, initial_range: float, seeds: range) -> tuple[Population, TrainingSetup]:
    """The networks of one grid point before their first sweep, and how they learn."""
    config = settings(epsilon, initial_range, seeds)
    setup = training_setup(config)
    if model in PLANS:
        setup = replace(setup, architecture=PLANS[model])
    return first_population(config, setup), setup


def settings(epsilon: float, initial_range: float, seeds: range) -> Config:
    """The printed settings (N Fig. 4, H) with another epsilon and range."""
    return load(
        "family_trees",
        *of_seeds(seeds),
        f"network.initial_range={initial_range}",
        f"learning.opening=[{{sweeps:20,epsilon:{epsilon / 2},alpha:0.5}}]",
        f"learning.epsilon={epsilon}",
    )


def write(results: Path, seeds: range) -> None:
    """Train all over the grid, a network a seed, model and point, and write the table."""
    write_rows(results / FILE, rows(seeds))
