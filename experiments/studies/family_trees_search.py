"""Search combinations of readings of the family trees with Optuna.

What is sought: settings under which as many networks as possible learn all 100 cases in 1,500 sweeps with decay, and
as many as possible have negligible error after 573 sweeps without it (the smaller of the two shares is maximised).
The best of the trials are run again over many new seeds. Until all are done, those that are stand in
family_trees_search.partial.csv in the study's directory in runs/.
"""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.exit("experiments.studies.family_trees_search: run it by python -m experiments.reproduce family_trees_search")

import optuna
from rich.progress import track

from experiments.catalogue import SEARCH
from experiments.options.load import load, of_seeds
from experiments.options.setup import first_population, training_setup
from experiments.studies.training import kinship_of, run_through
from experiments.tables import write_rows
from repro.measures.family_trees import all_right, negligible

TRIALS = 100
"""Combinations that are tried."""

BEST, AGAIN, AGAIN_FROM = 5, 2_000, 10**6
"""So many of the best are run again, with so many networks, from this seed on: far from those of the trials."""


def suggest(trial: optuna.Trial) -> dict[str, Any]:
    """One combination: the axes that move anything when they are varied one at a time."""
    return {
        "initial_range": trial.suggest_float("initial_range", 0.1, 3.0, log=True),
        "epsilon_factor": trial.suggest_float("epsilon_factor", 1.0, 30.0, log=True),
        "form": trial.suggest_categorical("form", ["squared", "cross_entropy"]),
        "measured_from": trial.suggest_categorical("measured_from", ["bound", "target"]),
        "hidden_function": trial.suggest_categorical("hidden_function", ["logistic", "symmetric"]),
        "decay_biases": trial.suggest_categorical("decay_biases", [True, False]),
    }


def shares(settings: Mapping[str, Any], seeds: range) -> dict[str, float]:
    """The two shares, and the cases right of 4 held out, under one combination."""
    factor = settings["epsilon_factor"]
    overrides = [
        *of_seeds(seeds),
        f"network.initial_range={settings['initial_range']}",
        f"network.hidden_function={settings['hidden_function']}",
        f"error.form={settings['form']}",
        f"error.measured_from={settings['measured_from']}",
        f"learning.decay_biases={settings['decay_biases']}",
        f"learning.opening=[{{sweeps:20,epsilon:{0.005 * factor},alpha:0.5}}]",
        f"learning.epsilon={0.01 * factor}",
    ]
    found = {}
    for count in ("with_decay", "without_decay"):
        config = load("family_trees", f"count={count}", *overrides)
        setup = training_setup(config)
        population = first_population(config, setup)
        run_through(population, setup)
        kinship = kinship_of(setup, population)
        assert setup.held_out is not None
        if count == "with_decay":
            found["learned"] = int(all_right(kinship, setup.held_out).sum()) / len(seeds)
            found["held_out_right"] = int(kinship.held_out_right.sum()) / len(seeds)
        else:
            found["negligible"] = int(negligible(kinship, setup.held_out).sum()) / len(seeds)
    return found


def search(seeds: range, trials: int = TRIALS, best: int = BEST, again: int = AGAIN) -> Iterator[dict[str, Any]]:
    """A row a trial, over these seeds; then the best again, over seeds that the search has not seen."""
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=0, multivariate=False))
    rows = []
    for number in track(range(trials), "searching"):
        trial = study.ask()
        settings = suggest(trial)
        found = shares(settings, seeds)
        study.tell(trial, weaker(found))
        rows.append({"trial": number, "seeds": len(seeds), **settings, **found})
        yield as_text(rows[-1])
    rows.sort(key=weaker, reverse=True)
    for row in track(rows[:best], "the best again"):
        yield as_text({**row, "seeds": again, **shares(row, range(AGAIN_FROM, AGAIN_FROM + again))})


def weaker(found: Mapping[str, float]) -> float:
    """The smaller of the two shares."""
    return min(found["learned"], found["negligible"])


def as_text(row: Mapping[str, Any]) -> dict[str, Any]:
    """As it stands in the file."""
    return {key: f"{value:.4g}" if isinstance(value, float) else value for key, value in row.items()}


def write(results: Path, seeds: range) -> None:
    """Search with these networks a combination, run the best again, and write the table."""
    write_rows(results / SEARCH, search(seeds))
