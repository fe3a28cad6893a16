"""What is published: which experiments, grids and studies, over how many seeds, and which command makes which table.

The one place to add something to. ``experiments.reproduce`` runs what stands here, and the pages name commands by it.
"""

from dataclasses import dataclass
from pathlib import Path

from experiments.options.schema import CONFIGS

RESULTS: Path = CONFIGS.parent / "results"

READINGS = "family_trees_readings"
SEARCH = "family_trees_search.csv"
GROWTH, KEPT, BALANCE = "family_trees_growth.csv", "family_trees_kept.csv", "family_trees_balance.csv"
LESIONS = "family_trees_lesions.csv"

BENCHMARKS, LOGGING_COST = "benchmark", "logging_cost.csv"
"""In the folder of the first, a table for each kind of processor that ``make bench`` was run on."""
BENCHMARK_CUDA, CUDA_TESTS = "benchmark_cuda.csv", "tests that need a card"
"""The table that ``experiments.speed.device_check`` writes, and what it calls the row of the tests."""

PRECISION = "precision.csv"
"""How much of what is found is float32's."""

REPRODUCED = "reproduce.csv"
"""How long all that is published took, a row for each kind of processor: the one table that differs from run to run."""

SPEEDS: dict[str, str] = {
    "benchmark": f"{BENCHMARKS}/PROCESSOR.csv",
    "logging_cost": LOGGING_COST,
    "chain_rule": "chain_rule_seconds.csv",
}
"""What ``experiments.speed`` measures, and the table that it writes; the last is not published."""

EXPLORER = "explorer"
"""What ``experiments.reproduce`` calls results/explorer.html, which it makes from the other results."""

PUBLISHED: dict[str, int] = {
    "symmetry": 5_000,
    "symmetry_soft_targets": 5_000,
    "symmetry_no_hidden": 1_000,
    "symmetry_equal_start": 1,
    "xor": 5_000,
    "xor_2_2_1": 5_000,
    "xor_2_2_1_fast": 5_000,
    "xor_from_minimum": 1_000,
    "xor_from_minimum_fast": 1_000,
    "xor_from_minimum_per_case": 1_000,
    "parity": 1_000,
    "parity_per_case": 1_000,
    "encoder": 1_000,
    "encoder_slow": 1_000,
    "family_trees": 1_000,
    "family_trees_learned": 2_000,
    "family_trees_h_answers": 1_000,
    "family_trees_h_split": 1_000,
}
"""Experiments with one setting, each a file of configs/experiment, and how many seeds its table NAME.csv counts."""

GRIDS: dict[str, int] = {
    "symmetry_depth": 100,
    "family_trees_rules": 100,
    "symmetry_connections": 1_000,
    "symmetry_functions": 500,
    "symmetry_rules": 1_000,
    "xor_connections": 2_000,
    "xor_functions": 1_000,
    "xor_rules": 5_000,
    "xor_hidden_units": 500,
    "xor_learning_rate": 500,
    "xor_small_epsilon": 2_000,
    "xor_minima": 8_000,
    "xor_from_minimum_rates": 500,
    "xor_assumptions": 300,
    "xor_2_2_1_assumptions": 300,
    "symmetry_assumptions": 300,
    "parity_assumptions": 300,
    "encoder_assumptions": 300,
    READINGS: 1_000,
}
"""Experiments whose file sweeps over settings, and the seeds of each setting. One table, NAME.csv, has all settings."""


@dataclass(frozen=True)
class Study:
    """A file of experiments/studies: it measures what is no training of one population, by ``write(results, seeds)``.

    seeds: of what, its docstring says. seconds: that it takes, roughly. tables: the files that it writes. needs: a
    package that is installed only where it is asked for, by ``pip install -e '.[EXTRA]'``: its name and the extra's.
    """

    seeds: int
    seconds: float
    tables: tuple[str, ...]
    needs: tuple[str, str] | None = None


STUDIES: dict[str, Study] = {
    "iterative": Study(400, 60, ("unrolled.csv", "iterative.csv")),
    "attention": Study(64, 180, ("attention.csv",)),
    "stuck": Study(5_000, 100, ("stuck.csv", "stuck_counts.csv")),
    "second_derivatives": Study(500, 30, ("second_derivatives.csv",)),
    "no_hidden": Study(1_000, 5, ("no_hidden.csv",)),
    "chain_rule": Study(1, 40, ("chain_rule.csv",)),
    "printed_figures": Study(1, 1, ("printed_figures.csv",)),
    "precision": Study(1_000, 30, (PRECISION,)),
    "family_trees_search": Study(64, 700, (SEARCH,), needs=("optuna", "search")),
    "family_trees_plateau": Study(500, 250, (GROWTH, KEPT, BALANCE, LESIONS)),
}


def seeds_of(name: str) -> int:
    """How many seeds the table of an experiment, a grid or a study counts."""
    return STUDIES[name].seeds if name in STUDIES else {**PUBLISHED, **GRIDS}[name]


LONG = (READINGS, "family_trees_search", "family_trees_plateau")
"""What takes longer than all else together: run only where it is named."""


def command(table: str) -> str:
    """The command that makes a table of results/ again. table: its name without ``.csv``."""
    for speed, file in SPEEDS.items():
        if file == f"{table}.csv":
            return f"python -m experiments.speed {speed}"
    if table == REPRODUCED.removesuffix(".csv"):
        return "python -m experiments.reproduce"
    study = next((name for name, study in STUDIES.items() if f"{table}.csv" in study.tables), table)
    return f"python -m experiments.reproduce {study}"
