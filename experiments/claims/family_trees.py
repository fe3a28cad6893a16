"""The printed counts of the family trees, as questions to the rows of results."""

from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from experiments.statistics import Share, median
from experiments.tables import read_rows

SEARCH, READINGS_FILE = "family_trees_search.csv", "family_trees_readings.csv"

NEGLIGIBLE = 0.5
"""E, as H measures it, below which the error of a network that has every case right is called negligible: A22."""

MEETS = 0.5
"""A reading meets a printed count where at least this part of its networks does: A23."""

BY_CHANCE = 0.95
"""The part of networks that chance does not bring above the chance level."""

Row = dict[str, str]


def learned(row: Row) -> bool:
    """All 100 training cases right, after the last sweep: A7."""
    return row["train_right"] == "100"


def negligible(row: Row) -> bool:
    """All 100 right, and little error left by H's measure, whatever the error that was learned by: A22."""
    return learned(row) and float(row["E_H"]) < NEGLIGIBLE


def share(rows: list[Row], holds: Callable[[Row], bool]) -> Share:
    """How many rows hold."""
    return Share(sum(holds(row) for row in rows), len(rows))


def seven_of_eight(rows: list[Row]) -> float:
    """How likely two networks, each with cases of its own held out, have 7 or 8 of the 8 right."""
    right = Counter(int(row["held_out_right"]) for row in rows)
    return float(seven_or_eight(right[3] / len(rows), right[4] / len(rows)))


def seven_or_eight(three: Any, four: Any) -> Any:
    """The same from the parts of networks with 3 and with 4 of 4 right, numbers or arrays of them."""
    return four * four + 2 * four * three


def middle(rows: list[Row], column: str) -> float:
    """The median of a column."""
    return median([measured(row[column]) for row in rows])


def measured(cell: str) -> float:
    """A number of a table. What a network that has diverged has, ``nan``, counts as infinite."""
    return float(cell.replace("nan", "inf"))


def chance_level(rows: list[Row], feature: str) -> float:
    """What the best of a network's units tells about a feature by chance: the 95th percentile, the people shuffled.

    One of the values that occur, of which there are few: the least that at least 95 % of the networks do not exceed.
    """
    return float(np.quantile([float(row[f"{feature}_shuffled"]) for row in rows], BY_CHANCE, method="inverted_cdf"))


@cache
def study_rows(path: Path) -> list[Row]:
    """The study's table."""
    return read_rows(path)


def of_reading(results: Path, reading: str, count: str) -> list[Row]:
    """The networks of one reading under one printed count."""
    return [r for r in study_rows(results / READINGS_FILE) if (r["reading"], r["count"]) == (reading, count)]
