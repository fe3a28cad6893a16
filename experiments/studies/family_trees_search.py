"""Search combinations of readings of the family trees with Optuna.

What is sought: settings under which as many networks as possible learn all 100 cases in 1,500 sweeps with decay, and
as many as possible have negligible error after 573 sweeps without it (the smaller of the two shares is maximised).
The trials, and the best of them again over many new seeds, go to results/family_trees_search.csv; until all are done
they are in family_trees_search.partial.csv beside it.
"""

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import optuna
import pandas as pd
import torch
from rich.progress import track

from experiments.catalogue import RESULTS, SEARCH
from experiments.claims.family_trees import learned, negligible
from experiments.options.load import load
from experiments.options.setup import first_population, training_setup
from experiments.running.command_line import at_least_1
from experiments.studies.training import rows_of, run_through
from experiments.tables import write_rows


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


def shares(settings: Mapping[str, Any], seeds: int, first_seed: int = 0) -> dict[str, float]:
    """The two shares, and the cases right of 4 held out, under one combination."""
    factor = settings["epsilon_factor"]
    overrides = [
        f"population.seeds={seeds}",
        f"population.first_seed={first_seed}",
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
        rows = pd.DataFrame(rows_of(setup, population)).astype({"E_H": float})
        if count == "with_decay":
            found["learned"] = float(learned(rows).mean())
            found["held_out_right"] = float(rows["held_out_right"].mean())
        else:
            found["negligible"] = float(negligible(rows).mean())
    return found


def search(trials: int, seeds: int, best: int, again: int) -> Iterator[dict[str, Any]]:
    """A row a trial, over the first ``seeds`` seeds; then the best again, over seeds that the search has not seen."""
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=0, multivariate=False))
    rows = []
    for number in track(range(trials), "searching"):
        trial = study.ask()
        settings = suggest(trial)
        found = shares(settings, seeds)
        study.tell(trial, weaker(found))
        rows.append({"trial": number, "seeds": seeds, **settings, **found})
        yield written(rows[-1])
    rows.sort(key=weaker, reverse=True)
    for row in track(rows[:best], "the best again"):
        yield written({**row, "seeds": again, **shares(row, again, first_seed=10**6)})


def weaker(found: Mapping[str, float]) -> float:
    """The smaller of the two shares."""
    return min(found["learned"], found["negligible"])


def written(row: Mapping[str, Any]) -> dict[str, Any]:
    """As it stands in the file."""
    return {key: f"{value:.4g}" if isinstance(value, float) else value for key, value in row.items()}


def main() -> None:
    """Search, then run the best again."""
    parser = argparse.ArgumentParser(prog="python -m experiments.studies.family_trees_search", description=__doc__)
    parser.add_argument("--trials", type=at_least_1, default=100, help="combinations tried (default: %(default)s)")
    parser.add_argument("--seeds", type=at_least_1, default=64, help="networks a combination (default: %(default)s)")
    parser.add_argument(
        "--best", type=at_least_1, default=5, help="how many of the best are run again (default: %(default)s)"
    )
    parser.add_argument(
        "--again", type=at_least_1, default=2_000, help="with how many new networks (default: %(default)s)"
    )
    parser.add_argument("--results", type=Path, default=RESULTS, help="where the results go (default: %(default)s)")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    write_rows(arguments.results / SEARCH, search(arguments.trials, arguments.seeds, arguments.best, arguments.again))
    print(f"Written: {arguments.results / SEARCH}")


if __name__ == "__main__":
    main()
