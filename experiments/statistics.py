"""Shares with their intervals, and sweeps to solve: SciPy's statistics in the form the tables need."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest


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
        low, high = binomtest(self.k, self.n).proportion_ci(method="wilson")
        return float(low), float(high)

    def __str__(self) -> str:
        low, high = self.interval
        return f"{100 * self.value:.1f} % ({self.k:,} of {self.n:,}; {100 * low:.1f} to {100 * high:.1f})"


def quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    """Lower quartile, median, upper quartile; nan where there are no values."""
    if not len(values):
        return (np.nan, np.nan, np.nan)
    low, middle, high = np.quantile(np.asarray(values, dtype=float), [0.25, 0.5, 0.75])
    return float(low), float(middle), float(high)


def median(values: Sequence[float]) -> float:
    """The middle value; nan where there are none."""
    return quartiles(values)[1]


def quartiles_text(values: Sequence[float]) -> str:
    """``"1,297 (834 to 2,181)"``: median and quartiles; a dash where there are no values."""
    low, middle, high = quartiles(values)
    return "-" if np.isnan(middle) else f"{middle:,.0f} ({low:,.0f} to {high:,.0f})"


def place(values: Sequence[float], of: float) -> float:
    """The part of the values that are at most ``of``: where one run falls among many."""
    return float((np.asarray(values, dtype=float) <= of).mean())
