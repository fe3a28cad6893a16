"""From a table of results/ to a number with its interval: what the ledger of claims asks ``experiments.statistics``.

Conditions and quantities are expressions over the columns of the table, as ``pandas.DataFrame.query`` and ``eval`` take
them, so that a reader can type them in: ``pd.read_csv("results/symmetry.csv").query("solved == 1").eval("S4 == 1")``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
import pandas as pd

from experiments import statistics
from experiments.options.load import load
from experiments.statistics import Array, Estimate


@dataclass(frozen=True)
class Evidence:
    """The rows of a table that a test is about, and those that it compares them with.

    at: the settings chosen. printed: what the papers print of it; several numbers where the print leaves that open.
    """

    own: pd.DataFrame
    other: pd.DataFrame | None = None
    at: str = ""
    printed: tuple[float, ...] = ()

    @property
    def groups(self) -> tuple[pd.DataFrame, ...]:
        """One group of rows, or the two that are compared."""
        return (self.own,) if self.other is None else (self.own, self.other)


def rows(frame: pd.DataFrame, where: str) -> pd.DataFrame:
    """The rows for which an expression holds; all where it is empty."""
    return frame.query(where, engine="python") if where else frame


def joined(frame: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """The same networks in two tables, side by side: by seed, and what the second has under names that end in _then."""
    both: pd.DataFrame = frame.merge(other, on="seed", suffixes=("", "_then"), validate="one_to_one")
    return both


def values(frame: pd.DataFrame, expression: str) -> Array:
    """The expression for each row; what does not hold is 0, and what holds 1."""
    found = frame[expression] if expression in frame else frame.eval(expression, engine="python")
    return np.asarray(found, dtype=float)


def estimator(measure: str, of: Sequence[str], found: Evidence, limit: int) -> Callable[[float], Estimate]:
    """A measure of the rows by the level of its interval: the function of ``experiments.statistics`` of that name.

    of: the expression that is measured, two of them for a slope. limit: sweeps that each network was given, for what is
    about times. Raises ValueError for another name.
    """
    samples = [values(group, expression) for group in found.groups for expression in of]
    own, other = samples[0], samples[-1]
    match measure:
        case "share":
            return partial(statistics.share, own)
        case "difference":
            return partial(statistics.difference, own, other)
        case "median":
            return partial(statistics.median, own)
        case "maximum":
            return lambda level: statistics.maximum(own)
        case "log_log_slope":
            return lambda level: statistics.log_log_slope(own, other)
        case "mean_ratio":
            return partial(statistics.mean_ratio, own, other, limit)
        case "median_ratio":
            return partial(statistics.median_ratio, own, other, limit)
        case "survival_median":
            return partial(statistics.survival_median, own, limit)
        case "ks_distance":
            return partial(statistics.ks_distance, own, other)
        case "mean_difference":
            return partial(statistics.mean_difference, own, other)
        case "place":
            return partial(statistics.place, own, found.printed)
        case "times_off":
            return partial(statistics.times_off, own, found.printed[0], limit)
    raise ValueError(f"there is no measure {measure!r}")


def best_on_even_judged_on_odd(
    frame: pd.DataFrame, by: Sequence[str], limit: int, most: str = ""
) -> tuple[pd.DataFrame, str]:
    """The rows at the best setting of some columns, and what that is.

    Best: the largest share of the even seeds for which ``most`` holds, and among equals, or without it, the smallest
    restricted mean of the sweeps. The rows are those of the odd seeds, which had no part in the choice.
    """
    even = frame[frame["seed"] % 2 == 0]
    if even.empty:
        return even, ""
    took = statistics.restricted(even["sweeps"], limit)
    of = even.assign(_took=took, _holds=values(even, most) if most else 0.0).groupby(list(by))
    means = of[["_holds", "_took"]].mean()
    best = means.index[int(np.lexsort((means["_took"], -means["_holds"]))[0])]
    chosen = dict(zip(by, best if isinstance(best, tuple) else (best,), strict=True))
    odd = frame[frame["seed"] % 2 == 1]
    for column, value in chosen.items():
        odd = odd[odd[column] == value]
    if means["_took"].min() >= limit and not means["_holds"].any():
        return odd, "any, for none taught a network"
    edge = any(value in (frame[c].min(), frame[c].max()) for c, value in chosen.items() if frame[c].nunique() > 1)
    words = ", ".join(f"{column} {value:g}" for column, value in chosen.items())
    return odd, words + (" (at the edge of the grid)" if edge else "")


@lru_cache(maxsize=64)
def limit_of(name: str) -> int:
    """The sweeps that an experiment gives its networks."""
    return load(name).learning.sweeps
