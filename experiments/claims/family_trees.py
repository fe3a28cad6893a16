"""The printed counts of the family trees, as questions to the rows of results."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from experiments.catalogue import READINGS
from experiments.claims.results import seeds
from experiments.statistics import median

NEGLIGIBLE = 0.5
"""E, as H measures it, below which the error of a network that has every case right is called negligible: A22."""

MEETS = 0.5
"""A reading meets a printed count where at least this part of its networks does: A23."""

BY_CHANCE = 0.95
"""The part of networks that chance does not bring above the chance level."""


def learned(networks: pd.DataFrame) -> "pd.Series[bool]":
    """Which have all 100 training cases right, after the last sweep: A7."""
    return networks["train_right"] == 100


def negligible(networks: pd.DataFrame) -> "pd.Series[bool]":
    """Which have all 100 right, and little error left by H's measure, whatever the error that was learned by: A22."""
    return learned(networks) & (networks["E_H"] < NEGLIGIBLE)


def finite_or_last(values: "pd.Series[float]") -> "pd.Series[float]":
    """The same, but that what a network that has diverged has, nan, counts as infinite."""
    return values.fillna(np.inf)


def middle(networks: pd.DataFrame, column: str) -> float:
    """The median of a column, of all networks: see ``finite_or_last``."""
    return median(finite_or_last(networks[column])).value


def seven_of_eight(networks: pd.DataFrame) -> float:
    """How likely two networks, each with cases of its own held out, have 7 or 8 of the 8 right."""
    right = networks["held_out_right"]
    return float(seven_or_eight((right == 3).sum() / len(right), (right == 4).sum() / len(right)))


def seven_or_eight(three: Any, four: Any) -> Any:
    """The same from the parts of networks with 3 and with 4 of 4 right, numbers or arrays of them."""
    return four * four + 2 * four * three


def chance_level(networks: pd.DataFrame, feature: str) -> float:
    """What the best of a network's units tells about a feature by chance: the 95th percentile, the people shuffled.

    One of the values that occur, of which there are few: the least that at least 95 % of the networks do not exceed.
    """
    return float(np.quantile(networks[f"{feature}_shuffled"], BY_CHANCE, method="inverted_cdf"))


def readings(results: Path) -> dict[tuple[str, str], pd.DataFrame]:
    """The study's networks, by reading and printed count: ``("literal", "with_decay")``."""
    groups = seeds(results, READINGS).groupby(["reading", "count"])
    return {(str(reading), str(count)): networks for (reading, count), networks in groups}
