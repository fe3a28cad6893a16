"""seeds.csv and weights.pt: one row and one set of weights for each network of a run."""

import csv
from pathlib import Path

import torch
from torch import Tensor

from experiments.files import number
from experiments.options.tasks import TASKS
from repro.errors import included_cases
from repro.population import Population
from repro.trained import Trained
from repro.training_setup import TrainingSetup

CHUNK = 1_024
"""Replicas measured and written at a time, so that memory does not grow with the population."""

ALIKE = 64
"""torch sums so many numbers side by side (4 vectors of 16 float32), and what is left over in another way, with another
last digit. Chunks are filled up to a multiple, so that a replica comes out the same in any chunk, in any company."""


def write_weights(path: Path, population: Population) -> None:
    """The seeds of a population and their weights: see ``save_weights``."""
    weights = {key: w.cpu() for key, w in population.weights.items()}
    save_weights(path, population.seed_numbers, population.sweep, weights)


def save_weights(path: Path, seeds: Tensor, sweep: int, weights: dict[str, Tensor]) -> None:
    """Seeds and weights, by link, ``[to, from, replicas]``: for ``torch.load(path, weights_only=True)``."""
    with path.open("wb") as file:  # given a path, torch hides why it cannot be written to
        torch.save({"seeds": seeds, "sweep": sweep, "weights": weights}, file)


def write_seeds(path: Path, setup: TrainingSetup, population: Population) -> None:
    """One row a seed: seed, solved (1 or 0), sweeps (empty where not solved), E, then the experiment's measures.

    Solved: the criterion is met after the last sweep. sweeps: when it was first met. A row depends on its seed alone.
    """
    everyone, count = Trained.of(setup, population), len(population.seeds)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        for first in range(0, count, CHUNK):
            replicas = range(first, min(first + CHUNK, count))
            filled_up = [*replicas, *[replicas[-1]] * (-len(replicas) % ALIKE)]
            columns = columns_of(everyone.take(filled_up))
            if first == 0:
                writer.writerow(columns)
            writer.writerows(zip(*(cells[: len(replicas)] for cells in columns.values()), strict=True))


def columns_of(trained: Trained) -> dict[str, list[str]]:
    """The cells of seeds.csv, by column."""
    population, learned = trained.population, learned_at_end(trained)
    took = zip(population.learned_at.tolist(), learned.tolist(), strict=True)
    measured = TASKS[trained.setup.task.name].columns(trained)
    return {
        "seed": list(map(str, population.seeds)),
        "solved": _cells(learned),
        "sweeps": [str(sweeps) if has else "" for sweeps, has in took],
        "E": _cells(population.E),
        **{name: _cells(values) for name, values in measured.items()},
        **held_out_names(trained),
    }


def learned_at_end(trained: Trained) -> Tensor:
    """Which replicas meet the criterion after the last sweep, ``[replicas]``, bool."""
    if trained.setup.criterion.stop:
        return trained.population.learned
    included = None if trained.held_out is None else included_cases(trained.held_out, trained.y)
    return trained.setup.is_learned(trained.y, included)


def _cells(values: Tensor) -> list[str]:
    whole = values.int() if values.dtype is torch.bool else values
    return list(map(number, whole.tolist()))


def held_out_names(trained: Trained) -> dict[str, list[str]]:
    """For each replica which cases it held out, and which of them it has right, names joined by ";"."""
    if trained.held_out is None:
        return {}
    right = (trained.right & trained.held_out).T.tolist()
    out = trained.held_out.expand(-1, len(trained.population.seeds)).T.tolist()

    def names(rows: list[list[bool]]) -> list[str]:
        cases = trained.setup.task.cases
        return [";".join(case for case, has in zip(cases, row, strict=True) if has) for row in rows]

    return {"held_out": names(out), "held_out_right_cases": names(right)}
