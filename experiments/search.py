"""Search combinations of readings of the family trees with Optuna: ``python -m experiments.search``.

What is sought: settings under which as many networks as possible learn all 100 cases in 1,500 sweeps with decay, and
as many as possible have negligible error after 573 sweeps without it (the smaller of the two shares is maximised).
The trials, and the best of them again over many seeds, go to results/family_trees_search.csv.
"""

import argparse
import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import optuna
import torch

from experiments import build
from experiments.build import load
from experiments.catalogue import RESULTS
from experiments.family_page import NEGLIGIBLE, SEARCH
from experiments.mechanism import rows_of, run_through


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
        population = build.build_population(config)
        run_through(config, population, build.build_learning(config))
        rows = list(rows_of(config, population))
        if count == "with_decay":
            found["learned"] = sum(row["train_right"] == 100 for row in rows) / seeds
            found["held_out_right"] = sum(int(str(row["held_out_right"])) for row in rows) / seeds
        else:
            found["negligible"] = sum(float(str(row["E"])) < NEGLIGIBLE for row in rows) / seeds
    return found


def main() -> None:
    """Search, then run the best again."""
    parser = argparse.ArgumentParser(prog="python -m experiments.search", description=__doc__)
    parser.add_argument("--trials", type=int, default=100, help="combinations tried (default: %(default)s)")
    parser.add_argument("--seeds", type=int, default=64, help="networks a combination (default: %(default)s)")
    parser.add_argument("--best", type=int, default=5, help="how many of the best are run again (default: %(default)s)")
    parser.add_argument("--again", type=int, default=1_000, help="with how many new networks (default: %(default)s)")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where the results go (default: %(default)s)")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows: list[dict[str, Any]] = []

    def objective(trial: optuna.Trial) -> float:
        settings = suggest(trial)
        found = shares(settings, arguments.seeds)
        rows.append({"trial": trial.number, "seeds": arguments.seeds, **settings, **found})
        return min(found["learned"], found["negligible"])

    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=0, multivariate=False))
    study.optimize(objective, n_trials=arguments.trials, show_progress_bar=True)
    best = sorted(rows, key=lambda row: -min(row["learned"], row["negligible"]))[: arguments.best]
    for row in best:
        found = shares(row, arguments.again, first_seed=10**6)  # seeds that the search has not seen
        rows.append({**row, "seeds": arguments.again, **found})
    arguments.results.mkdir(parents=True, exist_ok=True)
    with (arguments.results / SEARCH).open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({key: f"{value:.4g}" if isinstance(value, float) else value for key, value in row.items()})
    print(f"Written: {arguments.results / SEARCH}")


if __name__ == "__main__":
    main()
