"""What kind of place stuck networks are in, and where the way down from there ends.

N p.535 says that poor local minima are very rare, and that a few more connections make paths around them; P p.332-333
prints one of exclusive-or. Here networks are trained as in the published experiments, with and without more
connections, and those that have not learned by then are looked at with second derivatives (``repro.critical_points``).
"""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

if __name__ == "__main__":
    sys.exit("experiments.studies.stuck: run it by python -m experiments.reproduce stuck")

from rich.progress import track
from torch import Tensor

from experiments.files import number
from experiments.options.load import load, of_seeds
from experiments.options.schema import Config
from experiments.options.setup import training_setup
from experiments.studies.training import as_published
from experiments.tables import write_rows
from repro.critical_points import classify
from repro.networks import Network
from repro.trust_region import trust_region_newton

FILE, COUNTS = "stuck.csv", "stuck_counts.csv"

MOST = 300
"""Stuck networks of each plan whose place is looked at: the first by seed."""

EVERY = 500
"""Sweeps between two snapshots, at which networks that have learned leave the others to go on."""

PLANS = (
    ("xor",),
    ("xor_2_2_1",),
    ("symmetry",),
    ("symmetry", "network.groups.hidden=4"),
    ("symmetry", "network.links.output=[hidden,input]"),
)
"""An experiment, and what is other than in its file: two more hidden units, or links past them."""

SELDOM = {"xor": 4, "xor_2_2_1": 2}
"""Experiments whose networks are seldom stuck: so many times as many are trained."""


@dataclass(frozen=True)
class Stuck:
    """The networks of a plan that have not learned by the last sweep: their seeds, and weights by key in float64."""

    config: Config
    seeds: list[int]
    weights: dict[str, Tensor]

    @property
    def about(self) -> dict[str, object]:
        """The columns that say which plan it is. skip: 1 where links go past the hidden units."""
        network, learning = self.config.network, self.config.learning
        return {
            "experiment": self.config.name,
            "hidden": network.groups["hidden"],
            "skip": int("input" in network.links["output"]),
            "epsilon": number(learning.epsilon),
        }


def trained(seeds: range) -> Iterator[Stuck]:
    """Every plan's networks that these seeds, or from the first on SELDOM times as many, have left to look at."""
    for plan in track(PLANS, "training"):
        many = len(seeds) * SELDOM.get(plan[0], 1)
        config = load(*plan, *of_seeds(range(seeds.start, seeds.start + many)))
        population = as_published(config, EVERY)
        left = (~population.learned).nonzero()[:, 0]
        weights = {key: w[..., left].double() for key, w in population.weights.items()}
        yield Stuck(config, [population.seeds[r] for r in left.tolist()], weights)


def counts(plans: Iterable[Stuck]) -> Iterator[dict[str, object]]:
    """How many networks were trained, how many were stuck, and how many of these were looked at: a row a plan."""
    for stuck in plans:
        many = len(stuck.seeds)
        yield {**stuck.about, "seeds": stuck.config.population.seeds, "stuck": many, "looked_at": min(many, MOST)}


def rows(plans: Iterable[Stuck]) -> Iterator[dict[str, object]]:
    """Where each stuck network is (``CriticalPoint``), and where the way down ends (``Descent``): a row a network."""
    for stuck in track(list(plans), "going down"):
        seeds = stuck.seeds[:MOST]
        if not seeds:
            continue
        setup = training_setup(stuck.config)
        architecture, task = setup.architecture, setup.task
        phase, sweeps = setup.learning.phases[-1], setup.learning.sweeps
        network = Network(architecture, {key: w[..., : len(seeds)] for key, w in stuck.weights.items()})
        start = classify(network, task, phase, sweeps)
        way = trust_region_newton(network, task, setup.criterion.tolerance)
        end = classify(Network(architecture, way.weights), task, phase, sweeps)
        for r, seed in enumerate(seeds):
            yield {
                **stuck.about,
                "seed": seed,
                "E": number(float(start.E[r])),
                "gradient": number(float(start.gradient[r])),
                "lowest": number(float(start.lowest[r])),
                "highest": number(float(start.highest[r])),
                "negative": int(start.negative[r]),
                "flat": int(start.flat[r]),
                "escape_rate": number(float(start.escape_rate[r])),
                "kind": start.kind[r],
                "E_end": number(float(end.E[r])),
                "gradient_end": number(float(end.gradient[r])),
                "lowest_end": number(float(end.lowest[r])),
                "end": way.end[r],
                "size": number(float(start.size[r])),
                "size_end": number(float(end.size[r])),
            }


def write(results: Path, seeds: range) -> None:
    """Train these networks of each plan, those of the experiments' own tables; go down; write both tables."""
    plans = list(trained(seeds))
    write_rows(results / COUNTS, counts(plans))
    write_rows(results / FILE, rows(plans))
