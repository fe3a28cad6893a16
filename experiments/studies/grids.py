"""Grids: experiments whose file sweeps over settings, a run for each, and one table for all of them.

``experiments.options.load.settings`` has the settings.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from experiments.options.load import Setting
from experiments.tables import read_rows

COLUMNS = ("seed", "solved", "sweeps", "E")
"""What a grid's table has of each seed, beside the setting."""

READINGS_COLUMNS = ("seed", "E", "E_H", "train_right", "train_satisfied", "held_out_right", "spread")
FEATURES = ("nationality", "generation", "branch")
"""Of these the table of readings has how well the best of the units tells them, and how well with people shuffled."""


def column(option: str) -> str:
    """The column of an option: the last part of its name."""
    return option.rpartition(".")[2]


def rows_of(runs: Iterable[tuple[Setting, Path]]) -> Iterator[dict[str, str]]:
    """A row a setting and seed, from the table of seeds of each run."""
    for setting, seeds in runs:
        at = {column(option): value for option, value in setting}
        for row in read_rows(seeds):
            yield at | (best_units(row) if "reading" in at else {key: row[key] for key in COLUMNS})


def best_units(row: dict[str, str]) -> dict[str, str]:
    """Of a family-trees network what the comparison of readings needs."""
    found = {key: row[key] for key in READINGS_COLUMNS}
    for feature in FEATURES:
        found |= {feature: row[f"{feature}_best"], f"{feature}_shuffled": row[f"{feature}_shuffled"]}
    return found
