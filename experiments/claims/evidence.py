"""From a table of results/ to a number with its interval: the measures that the ledger of claims names.

Conditions and quantities are expressions over the columns of the table, as ``pandas.DataFrame.query`` and ``eval`` take
them, so that a reader can type them in: ``pd.read_csv("results/symmetry.csv").query("solved == 1").eval("S4 == 1")``.
Intervals are SciPy's: Wilson's for a share, Newcombe's from two of these for a difference, order statistics for a
median, Kaplan & Meier's for sweeps that no run was long enough to see, the bootstrap for a ratio of means. One is by
hand: that of Kolmogorov & Smirnov's distance.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from experiments.options.load import load
from experiments.statistics import wilson

Array = NDArray[np.float64]

RESAMPLES = 39_999
"""Of a bootstrap: some ten of them lie beyond each end of the widest interval that is asked for."""


@dataclass(frozen=True)
class Measured:
    """A value with its interval, and how many networks (or other rows) it is of. at: the settings that were chosen."""

    value: float
    low: float
    high: float
    n: int
    at: str = ""


def table(path: Path) -> pd.DataFrame:
    """A file of results/, read once until it changes. Raises FileNotFoundError."""
    return _read(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=64)
def _read(path: Path, changed: int) -> pd.DataFrame:
    return pd.read_csv(path)


def rows(frame: pd.DataFrame, where: str) -> pd.DataFrame:
    """The rows for which an expression holds; all where it is empty."""
    return frame.query(where, engine="python") if where else frame


def values(frame: pd.DataFrame, expression: str) -> Array:
    """The expression for each row; what does not hold is 0, and what holds 1."""
    found = frame.eval(expression, engine="python")
    return np.asarray(found, dtype=float)


def share(frame: pd.DataFrame, expression: str, level: float) -> Measured:
    """The share of rows for which an expression holds, with Wilson's interval."""
    holds = values(frame, expression)
    k, n = int(holds.sum()), len(holds)
    low, high = wilson(k, n, level)
    return Measured(k / n, low, high, n)


def gain(frame: pd.DataFrame, other: pd.DataFrame, expression: str, level: float) -> Measured:
    """By how much the share is larger than among other rows, with Newcombe's hybrid score interval."""
    one, its = share(frame, expression, level), share(other, expression, level)
    value = one.value - its.value
    low = value - float(np.hypot(one.value - one.low, its.high - its.value))
    high = value + float(np.hypot(one.high - one.value, its.value - its.low))
    return Measured(value, low, high, one.n + its.n)


def median(frame: pd.DataFrame, expression: str, level: float) -> Measured:
    """The median, with the exact interval that two order statistics bound."""
    found = values(frame, expression)
    middle = float(np.median(found))
    bounds: Any = stats.quantile_test(found, q=middle, p=0.5).confidence_interval(level)
    low, high = (float(bound) for bound in bounds)  # nan: so few have no bound there
    return Measured(middle, -np.inf if np.isnan(low) else low, np.inf if np.isnan(high) else high, len(found))


def largest(frame: pd.DataFrame, expression: str) -> Measured:
    """The largest value of all rows: what is exact, or proved, needs no interval."""
    found = values(frame, expression)
    value = float(found.max())
    return Measured(value, value, value, len(found))


def slope(frame: pd.DataFrame, x: str, y: str) -> Measured:
    """The power of x with which y grows: the slope of log y over log x, by least squares. Of counts, so no interval."""
    across, up = np.log(values(frame, x)), np.log(values(frame, y))
    value = float(stats.linregress(across, up).slope)
    return Measured(value, value, value, len(across))


def sweeps(frame: pd.DataFrame, limit: int) -> Array:
    """Sweeps until learned; ``limit`` where a network has not learned by then."""
    return np.asarray(frame["sweeps"].fillna(limit), dtype=float)


def faster(frame: pd.DataFrame, other: pd.DataFrame, limit: int, level: float) -> Measured:
    """How many times fewer sweeps the rows take than the others, on average over all networks.

    A network that has not learned counts with the sweeps it was given (the restricted mean of survival analysis), so
    that no one is left out; how many learn at all has its part in the ratio. Bootstrap, percentiles.
    """
    return ratio("mean", frame, other, limit, level)


def sooner(frame: pd.DataFrame, other: pd.DataFrame, limit: int, level: float) -> Measured:
    """How many times sooner half of the rows have learned than half of the others: the ratio of the medians.

    Unlike ``faster`` it is of the networks that learn early. Where less than half learn, their median is ``limit``.
    Bootstrap, percentiles.
    """
    return ratio("median", frame, other, limit, level)


def ratio(of: str, frame: pd.DataFrame, other: pd.DataFrame, limit: int, level: float) -> Measured:
    """The mean or median of the others' sweeps over that of the rows'."""
    one, its = sweeps(frame, limit), sweeps(other, limit)
    middle = getattr(np, of)
    value, n = float(middle(its) / middle(one)), len(one) + len(its)
    if min(one.min(), its.min()) >= limit or min(len(one), len(its)) < 2:  # nothing is known of the ratio
        return Measured(value, 0.0, np.inf, n)
    low, high = np.quantile(ratios(of, its.tobytes(), one.tobytes()), [(1 - level) / 2, (1 + level) / 2])
    return Measured(value, float(low), float(high), n)


@lru_cache(maxsize=8)
def ratios(of: str, one: bytes, other: bytes) -> Array:
    """The same of two samples, both float64, in samples drawn from them anew: SciPy's bootstrap."""
    middle = getattr(np, of)

    def statistic(one: Array, other: Array, axis: int = -1) -> Any:
        return middle(one, axis=axis) / middle(other, axis=axis)

    samples = (np.frombuffer(one), np.frombuffer(other))
    found = stats.bootstrap(
        samples, statistic, n_resamples=RESAMPLES, batch=500, vectorized=True, paired=False, method="percentile",
        rng=np.random.default_rng(0),
    )  # fmt: skip
    return np.asarray(found.bootstrap_distribution, dtype=float)


def survival(frame: pd.DataFrame, limit: int) -> Any:
    """Kaplan & Meier's estimate of the share that has not learned by a sweep: SciPy's, censored at ``limit``."""
    learned = frame["sweeps"].notna()
    times = np.maximum(sweeps(frame, limit), 1.0)
    sample = stats.CensoredData(
        uncensored=times[learned.to_numpy()].tolist(), right=times[~learned.to_numpy()].tolist()
    )
    return stats.ecdf(sample)


def typical(frame: pd.DataFrame, limit: int, level: float) -> Measured:
    """Sweeps by which half of all networks have learned, by Kaplan & Meier; infinite where no half has.

    The interval is where the band about the curve crosses one half.
    """
    curve = survival(frame, limit)
    found = band(curve.cdf, level)
    points = [crossing(curve.cdf)] + ([crossing(found.high), crossing(found.low)] if found else [np.nan, np.nan])
    value, low, high = points
    return Measured(value, low if np.isfinite(low) else value, high if not np.isnan(high) else value, len(frame))


def band(curve: Any, level: float) -> Any:
    """The band about a distribution function that ``survival`` gives, by SciPy; None about a single step."""
    if curve.quantiles.size < 2:
        return None
    with warnings.catch_warnings():
        # where all have learned, or none
        warnings.filterwarnings("ignore", "The confidence interval is undefined", RuntimeWarning)
        return curve.confidence_interval(level, method="log-log")


def crossing(curve: Any) -> float:
    """Where a distribution function reaches one half."""
    reached = np.flatnonzero(np.nan_to_num(curve.probabilities) >= 0.5 - 1e-12)  # a product, rounded
    return float(curve.quantiles[reached[0]]) if len(reached) else float("inf")


def place(frame: pd.DataFrame, at: float, level: float) -> Measured:
    """How usual a number of sweeps is among all networks: twice the smaller part on either side of it, at most 1.

    1 is the median; below 0.05 it is outside of the middle 95 %. Those that have not learned lie beyond it.
    """
    one = share(frame.assign(_by=frame["sweeps"].fillna(np.inf) <= at), "_by", level)
    ends = sorted(2 * min(part, 1 - part) for part in (one.low, one.high))
    top = 1.0 if one.low <= 0.5 <= one.high else ends[1]
    return Measured(2 * min(one.value, 1 - one.value), ends[0], top, one.n)


def apart(frame: pd.DataFrame, other: pd.DataFrame, expression: str, level: float) -> Measured:
    """Kolmogorov & Smirnov's distance between two distributions, from 0 to 1.

    The interval is by Dvoretzky, Kiefer & Wolfowitz: how far each sample may be from what it was drawn from, with
    Massart's constant, at half of what may go wrong.
    """
    one, its = values(frame, expression), values(other, expression)
    value = float(stats.ks_2samp(one, its, method="asymp" if min(len(one), len(its)) > 1 else "exact").statistic)
    half = sum(float(np.sqrt(np.log(4 / (1 - level)) / (2 * len(sample)))) for sample in (one, its))
    return Measured(value, max(0.0, value - half), min(1.0, value + half), len(one) + len(its))


def tuned(frame: pd.DataFrame, by: Sequence[str], limit: int, most: str = "") -> tuple[pd.DataFrame, str]:
    """The rows at the best setting of some columns, and what that is.

    Best: the largest share of the even seeds for which ``most`` holds, and among equals, or without it, the fewest
    sweeps on average, as ``faster`` counts them. The rows are those of the odd seeds, which had no part in the choice.
    """
    even = frame[frame["seed"] % 2 == 0]
    if even.empty:
        return even, ""
    of = even.assign(_took=sweeps(even, limit), _holds=values(even, most) if most else 0.0).groupby(list(by))
    means = of[["_holds", "_took"]].mean()
    best = means.index[int(np.lexsort((means["_took"], -means["_holds"]))[0])]
    chosen = dict(zip(by, best if isinstance(best, tuple) else (best,), strict=True))
    odd = frame[frame["seed"] % 2 == 1]
    for column, value in chosen.items():
        odd = odd[odd[column] == value]
    if means["_took"].min() >= limit and not means["_holds"].any():
        return odd, "any, for none taught a network"
    edge = any(value in (min(frame[c]), max(frame[c])) for c, value in chosen.items() if len(set(frame[c])) > 1)
    words = ", ".join(f"{column} {value:g}" for column, value in chosen.items())
    return odd, words + (" (at the edge of the grid)" if edge else "")


@lru_cache(maxsize=64)
def limit_of(name: str) -> int:
    """The sweeps that an experiment gives its networks."""
    return load(name).learning.sweeps
