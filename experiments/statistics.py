"""Shares with their intervals, and sweeps to solve: SciPy's statistics in the form the tables need."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

Values = Sequence[float] | NDArray[np.number]


@dataclass(frozen=True)
class Share:
    """k of n, with the 95 % Wilson interval of the underlying share."""

    k: int
    n: int

    @property
    def value(self) -> float:
        """k / n."""
        return self.k / self.n

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % Wilson score interval."""
        return wilson(self.k, self.n, 0.95)

    @property
    def brief(self) -> str:
        """``"86.7 % (84.5 to 88.7)"``: the share and its interval."""
        low, high = self.interval
        return f"{100 * self.value:.1f} % ({100 * low:.1f} to {100 * high:.1f})"

    def __str__(self) -> str:
        low, high = self.interval
        return f"{100 * self.value:.1f} % ({self.k:,} of {self.n:,}; {100 * low:.1f} to {100 * high:.1f})"


def wilson(k: int, n: int, level: float) -> tuple[float, float]:
    """Wilson's score interval for k of n."""
    low, high = binomtest(k, n).proportion_ci(level, method="wilson")
    return float(low), float(high)


def percent(value: float) -> str:
    """``"12 %"``."""
    return f"{100 * value:.0f} %" if value >= 0.1 or value == 0 else f"{100 * value:.1f} %"


def quartiles(values: Values) -> tuple[float, float, float]:
    """Lower quartile, median, upper quartile; nan where there are no values."""
    if not len(values):
        return (np.nan, np.nan, np.nan)
    ordered = np.sort(np.asarray(values, dtype=float))
    return _at(ordered, 0.25), _at(ordered, 0.5), _at(ordered, 0.75)


def _at(ordered: NDArray[np.float64], part: float) -> float:
    """The value so far along, between two in proportion. Not NumPy's, which makes nan of a number beside infinity."""
    position = part * (len(ordered) - 1)
    below, above = float(ordered[math.floor(position)]), float(ordered[math.ceil(position)])
    return below if below == above else below + position % 1 * (above - below)


def median(values: Sequence[float]) -> float:
    """The middle value; nan where there are none."""
    return quartiles(values)[1]


def quartiles_text(values: Values, limit: float = np.inf) -> str:
    """``"1,297 (834 to 2,181)"``: median and quartiles; a dash where there are no values.

    Beyond the limit a value is only known to be there: ``"2,880 (1,175 to >5,000)"``.
    """
    if not len(values):
        return "-"
    low, middle, high = (f"{value:,.0f}" if value <= limit else f">{limit:,}" for value in quartiles(values))
    return f"{middle} ({low} to {high})"


def place(values: Values, of: float) -> float:
    """The part of the values that are at most ``of``: where one run falls among many."""
    return float((np.asarray(values, dtype=float) <= of).mean())
