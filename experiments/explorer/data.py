"""What the explorer shows: results/explorer.html, one page to see the procedure at work.

For each experiment a typical seed that learned and the first that did not, by results/NAME.csv, are trained in float64
and put into the page: w and the last Δw at some sweeps, E on the way, the cases, and how the weights change. The page
(experiments/explorer/web) has the nine equations once more, in JavaScript, and computes all else from them. It needs no
network; docs/explorer.md says what is on it.
"""

import base64
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from rich.progress import track

from experiments.claims.results import learned, seeds
from experiments.options.load import load
from experiments.options.schema import Change, Config, ConfigError
from experiments.options.setup import first_population, held_out_of, training_setup
from repro.choices import DecayOf, ErrorForm, Satisfied, UnitFunction
from repro.networks import Architecture
from repro.population import NEVER, flat
from repro.tasks.family_trees import PEOPLE, RELATIONS
from repro.training import train

Numbers = NDArray[np.float64]

SHOWN = {
    "xor_2_2_1": ("XOR, 2-2-1", 80),
    "xor": ("XOR, 2-1-1 with direct links", 80),
    "symmetry": ("Symmetry, 6-2-1", 80),
    "encoder": ("Encoder, 8-3-8", 60),
    "family_trees_learned": ("Family trees, a reading that learns", 50),
    "family_trees": ("Family trees, as printed", 30),
}
"""The experiments of the page, what it calls them, and at how many sweeps, at most, each run's weights are kept: the
page computes those between."""

CURVE_POINTS = 400
"""At how many sweeps, at most, E is kept."""

MORE_SEEDS = 8
"""How many other seeds that did not learn the page names at most, for the reader to train."""

SPLIT_SEEDS = 100
"""Where each seed holds out cases of its own, the page knows those of so many seeds, and can train no other."""

NAMES = {"person1": PEOPLE, "relation": RELATIONS, "person2": PEOPLE}
"""What units are called, by group; a group that is not named here has numbers."""


@dataclass(frozen=True)
class Run:
    """One network's training, sweep by sweep from 0: w and the last Δw ``[sweeps, weights]``, and E ``[sweeps]``.

    The weights are those of ``Architecture.weight_shapes``, one key after the other, each row by row. learned_after:
    the sweeps until the criterion was met; None: never.
    """

    seed: int
    held_out: list[int]
    learned_after: int | None
    weights: Numbers
    delta_w: Numbers
    E: Numbers


def train_recorded(config: Config) -> Run:
    """Train the first seed of the population and keep every sweep. Raises what ``repro.training.train`` does."""
    setup = training_setup(config)
    population = first_population(config, setup)
    weights, delta_w, E = [], [], []
    for snapshot in train(population, setup):
        weights.append(flat(setup.architecture, snapshot.population.weights)[:, 0].numpy())
        delta_w.append(flat(setup.architecture, snapshot.population.delta_w)[:, 0].numpy())
        E.append(snapshot.population.E.item())
    learned_at, held_out = int(population.learned_at), setup.held_out
    return Run(
        seed=config.population.first_seed,
        held_out=[] if held_out is None else torch.nonzero(held_out[:, 0])[:, 0].tolist(),
        learned_after=None if learned_at == NEVER else learned_at,
        weights=np.stack(weights),
        delta_w=np.stack(delta_w),
        E=np.array(E),
    )


def spaced(E: Numbers, count: int) -> list[int]:
    """At most ``count`` sweeps, the first and the last among them, evenly along the curve of E.

    Half by the sweeps themselves, half by how far E moves: where it falls fast they stand close.
    """
    if len(E) <= count:
        return list(range(len(E)))
    moved = np.abs(np.diff(E, prepend=E[0])).cumsum()
    along = np.arange(len(E)) / (len(E) - 1) + moved / max(moved[-1], np.finfo(np.float64).tiny)
    found = np.searchsorted(along, np.linspace(0, along[-1], count)).clip(max=len(E) - 1)
    return sorted({0, *found.tolist(), len(E) - 1})


def networks_of(name: str, results: Path) -> pd.DataFrame:
    """results/NAME.csv, a row a seed. Raises ConfigError where it is missing."""
    try:
        return seeds(results, name)
    except FileNotFoundError:
        raise ConfigError(f"{results / name}.csv is missing; make it: python -m experiments.reproduce {name}") from None


def typical_seeds(networks: pd.DataFrame) -> list[int]:
    """The seed that learned in the median number of sweeps, or nearest to it, and the first that did not learn."""
    solved = learned(networks)
    middle = sorted(solved["sweeps"])[(len(solved) - 1) // 2 :][:1]
    return [int(seed) for seed in solved.loc[solved["sweeps"].isin(middle), "seed"][:1]] + unsolved(networks)[:1]


def unsolved(networks: pd.DataFrame) -> list[int]:
    """The seeds that did not learn."""
    return [int(seed) for seed in networks.loc[networks["solved"] != 1, "seed"]]


def check_supported(config: Config) -> None:
    """Raises ConfigError for an option that the page's equations have no part for."""
    learning = config.learning
    for option, allowed in {
        "network.hidden_function": config.network.hidden_function is UnitFunction.logistic,
        "error.form": config.error.form is ErrorForm.squared,
        "error.satisfied": config.error.satisfied is not Satisfied.case,
        "learning.change": learning.change is Change.per_sweep,
        "learning.decay_of": learning.decay_of is DecayOf.weight,
        "learning.decay_biases": learning.decay_biases,
        "learning.per_fan_in": not learning.per_fan_in,
    }.items():
        if not allowed:
            raise ConfigError(f"{option}: the explorer does not show {config.name} with this value of it")


def experiment_data(name: str, results: Path, *overrides: str) -> dict[str, object]:
    """Everything that the page has to know of an experiment, with its runs trained here.

    overrides: options of the experiment, as on the command line. Raises ConfigError where results/NAME.csv is missing
    or the page cannot show the experiment.
    """
    networks = networks_of(name, results)
    title, snapshots = SHOWN[name]
    config = load(name, "precision=float64", *overrides)
    check_supported(config)
    setup = training_setup(config)
    architecture, task, learning = setup.architecture, setup.task, setup.learning
    assert isinstance(architecture, Architecture)
    splits = held_out_of(of_seeds(config, 0, SPLIT_SEEDS), task)
    runs = [train_recorded(of_seeds(config, seed, 1)) for seed in typical_seeds(networks)]
    return {
        "name": name,
        "title": title,
        "summary": config.summary,
        **architecture_data(architecture),
        "cases": list(task.cases),
        "inputs": {group: values.tolist() for group, values in task.inputs.items()},
        "desired": task.desired.tolist(),
        "measure": asdict(setup.error_measure),
        "phases": [asdict(phase) for phase in learning.phases],
        "decay": learning.decay,
        "sweeps": learning.sweeps,
        "criterion": asdict(setup.criterion),
        "initial_range": config.network.initial_range,
        "paper": {"sweeps": config.paper.sweeps, "source": config.paper.source},
        "unsolved": unsolved(networks)[:MORE_SEEDS],
        "splits": None if splits is None else [torch.nonzero(column)[:, 0].tolist() for column in splits.T],
        "runs": [run_data(run, snapshots) for run in runs],
    }


def of_seeds(config: Config, first: int, seeds: int) -> Config:
    """The same experiment with other seeds."""
    return replace(config, population=replace(config.population, first_seed=first, seeds=seeds))


def architecture_data(architecture: Architecture) -> dict[str, object]:
    """Groups from the bottom to the top, links, and the shape of each set of weights, in the order of the weights."""
    return {
        "groups": [
            {"name": name, "units": units, "names": list(NAMES.get(name, ()))}
            for name, units in architecture.groups.items()
        ],
        "links": [asdict(link) for link in architecture.all_links],
        "weights": [{"key": key, "to": to, "from": of} for key, (to, of) in architecture.weight_shapes.items()],
    }


def run_data(run: Run, snapshots: int) -> dict[str, object]:
    """A run as the page has it: some of its sweeps; doubles as base64."""
    kept, points = spaced(run.E, snapshots), spaced(run.E, CURVE_POINTS)
    return {
        "seed": run.seed,
        "held_out": run.held_out,
        "learned_after": run.learned_after,
        "sweeps": kept,
        "weights": encoded(run.weights[kept]),
        "changes": encoded(run.delta_w[kept]),
        "curve": {"sweeps": points, "E": encoded(run.E[points])},
    }


def encoded(numbers: Numbers) -> str:
    """Doubles, little end first, in base64: not a bit is lost."""
    return base64.b64encode(numbers.astype("<f8").tobytes()).decode("ascii")


def all_data(results: Path) -> list[dict[str, object]]:
    """The data of every experiment of the page. Raises ConfigError as ``experiment_data`` does: for a table at once."""
    for name in SHOWN:
        networks_of(name, results)
    return [experiment_data(name, results) for name in track(list(SHOWN), "explorer")]
