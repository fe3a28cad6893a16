"""Estimates with their intervals, from arrays: shares, medians, ratios, times that no run was long enough to see.

Intervals are Wilson's for a share, Newcombe's from two of these for a difference, that of two order statistics for a
median, Kaplan & Meier's for times, the bootstrap's percentiles for a ratio, and Dvoretzky, Kiefer & Wolfowitz's for
Kolmogorov & Smirnov's distance. SciPy has the statistics; what it has not, or has slowly, is here by formula.

SciPy is imported where it is used: it takes a second, and most programs need the shares alone.

Times are until something happens; nan where it had not happened by ``limit``, when one stopped looking.
"""

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

LEVEL = 0.95

RESAMPLES, BATCH = 39_999, 500
"""Of a bootstrap: some ten of them lie beyond each end of the widest interval that is asked for. Drawn BATCH at a time,
as ``scipy.stats.bootstrap(..., batch=BATCH)`` draws them."""


@dataclass(frozen=True)
class Estimate:
    """A value with its interval, and how many observations it is of."""

    value: float
    low: float
    high: float
    n: int


def proportion(k: int, n: int, level: float = LEVEL) -> Estimate:
    """k of n, with Wilson's score interval of the underlying share. Raises ZeroDivisionError for none of none.

    Wilson 1927: between the P with (k / n - P)² = z² P (1 - P) / n. SciPy's ``binomtest`` has it too, after a p-value
    that takes most of its time.
    """
    value, z = k / n, NormalDist().inv_cdf((1 + level) / 2)
    middle = (value + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(value * (1 - value) / n + z * z / (4 * n * n))
    return Estimate(value, 0.0 if k == 0 else middle - half, 1.0 if k == n else middle + half, n)


def share(holds: ArrayLike, level: float = LEVEL) -> Estimate:
    """The share of observations for which something holds (1, else 0), ``[n]``, with Wilson's interval."""
    held = np.asarray(holds)
    return proportion(int(held.sum()), len(held), level)


def difference(holds: ArrayLike, others: ArrayLike, level: float = LEVEL) -> Estimate:
    """By how much the share is larger than among others, with Newcombe's hybrid score interval: 1998, method 10."""
    one, its = share(holds, level), share(others, level)
    value = one.value - its.value
    low = value - float(np.hypot(one.value - one.low, its.high - its.value))
    high = value + float(np.hypot(one.high - one.value, its.value - its.low))
    return Estimate(value, low, high, one.n + its.n)


def quartiles(values: ArrayLike) -> tuple[float, float, float]:
    """Lower quartile, median, upper quartile of ``[n]``; nan where there are none. Infinite values are the largest."""
    ordered = np.sort(np.asarray(values, dtype=float))
    if not len(ordered):
        return (np.nan, np.nan, np.nan)
    return _between(ordered, 0.25), _between(ordered, 0.5), _between(ordered, 0.75)


def _between(ordered: Array, part: float) -> float:
    """The value so far along, between two in proportion. Not NumPy's, which makes nan of a number beside infinity."""
    position = part * (len(ordered) - 1)
    below, above = float(ordered[math.floor(position)]), float(ordered[math.ceil(position)])
    return below if below == above else below + position % 1 * (above - below)


def median(values: ArrayLike, level: float = LEVEL) -> Estimate:
    """The median of ``[n]``, with the exact interval that two order statistics bound; infinite where n is too small.

    nan where there are no values. Infinite ones are the largest.
    """
    from scipy import stats

    found = np.asarray(values, dtype=float)
    if not len(found):
        return Estimate(np.nan, -np.inf, np.inf, 0)
    middle = float(np.median(found))
    bounds: Any = stats.quantile_test(found, q=middle, p=0.5).confidence_interval(level)
    low, high = (float(bound) for bound in bounds)  # nan: so few have no bound there
    return Estimate(middle, -np.inf if np.isnan(low) else low, np.inf if np.isnan(high) else high, len(found))


def maximum(values: ArrayLike) -> Estimate:
    """The largest of ``[n]``: what is exact, or proved, needs no interval."""
    found = np.asarray(values, dtype=float)
    value = float(found.max())
    return Estimate(value, value, value, len(found))


def log_log_slope(x: ArrayLike, y: ArrayLike) -> Estimate:
    """The power of x with which y grows: the slope of log y over log x, by least squares. Of counts, so no interval."""
    from scipy import stats

    across, up = np.log(np.asarray(x, dtype=float)), np.log(np.asarray(y, dtype=float))
    value = float(stats.linregress(across, up).slope)
    return Estimate(value, value, value, len(across))


def restricted(times: ArrayLike, limit: float) -> Array:
    """The times, with ``limit`` where it had not happened by then: those of survival analysis's restricted mean."""
    found = np.asarray(times, dtype=float)
    return np.where(np.isnan(found), limit, found)


def mean_ratio(times: ArrayLike, others: ArrayLike, limit: float, level: float = LEVEL) -> Estimate:
    """How many times longer the others take, on average over all: the ratio of the restricted means.

    What has not happened counts with ``limit``, so that nothing is left out. Bootstrap, percentiles.
    """
    one, its = restricted(times, limit), restricted(others, limit)
    return _ratio(float(its.mean() / one.mean()), _mean_ratios, one, its, limit, level)


def median_ratio(times: ArrayLike, others: ArrayLike, limit: float, level: float = LEVEL) -> Estimate:
    """How many times longer half of the others take than half of these: the ratio of the medians.

    Unlike ``mean_ratio`` it is of those that are early. Where half are not seen, their median is ``limit``. Bootstrap,
    percentiles.
    """
    one, its = restricted(times, limit), restricted(others, limit)
    return _ratio(float(np.median(its) / np.median(one)), _median_ratios, one, its, limit, level)


def _ratio(
    value: float, resampled: Callable[[bytes, bytes, int], Array], one: Array, its: Array, limit: float, level: float
) -> Estimate:
    n = len(one) + len(its)
    if min(one.min(), its.min()) >= limit or min(len(one), len(its)) < 2:  # nothing is known of the ratio
        return Estimate(value, 0.0, np.inf, n)
    low, high = np.quantile(resampled(its.tobytes(), one.tobytes(), RESAMPLES), [(1 - level) / 2, (1 + level) / 2])
    return Estimate(value, float(low), float(high), n)


@lru_cache(maxsize=4)
def _mean_ratios(first: bytes, second: bytes, times: int) -> Array:
    """The ratio of the means of two samples, float64, in so many bootstrap samples: for any level."""
    one, other = np.frombuffer(first), np.frombuffer(second)
    drawn, its = resamples(len(one), len(other), times)
    return _means(one, drawn) / _means(other, its)


@lru_cache(maxsize=4)
def _median_ratios(first: bytes, second: bytes, times: int) -> Array:
    """The same of the medians."""
    one, other = np.frombuffer(first), np.frombuffer(second)
    drawn, its = resamples(len(one), len(other), times)
    return _medians(one, drawn) / _medians(other, its)


@lru_cache(maxsize=4)
def resamples(first: int, second: int, times: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Bootstrap samples of two samples: how often each value is drawn, ``[times, first]`` and ``[times, second]``.

    The draws are those of ``scipy.stats.bootstrap`` with the generator of seed 0. They do not depend on the values, so
    that samples of the same sizes share them: that takes a quarter of the time, and a byte a value and resample, 80 MB
    for two samples of 1,000. No value of many is drawn 256 times.
    """
    rng = np.random.default_rng(0)
    drawn = tuple(np.empty((times, n), dtype=np.uint8) for n in (first, second))
    for start in range(0, times, BATCH):
        for counts in drawn:
            size, n = len(counts[start : start + BATCH]), counts.shape[1]
            places = rng.integers(0, n, (size, n)) + n * np.arange(size)[:, None]
            counts[start : start + BATCH] = np.bincount(places.ravel(), minlength=size * n).reshape(size, n)
    return drawn[0], drawn[1]


def _means(values: Array, counts: NDArray[np.uint8]) -> Array:
    """The mean of each bootstrap sample: values ``[n]``, counts ``[times, n]``."""
    blocks = (counts[start : start + BATCH].astype(float) for start in range(0, len(counts), BATCH))
    return np.concatenate([np.einsum("rn,n->r", block, values) for block in blocks]) / len(values)


def _medians(values: Array, counts: NDArray[np.uint8]) -> Array:
    """The median of each bootstrap sample: values ``[n]``, counts ``[times, n]``."""
    order, n, found = np.argsort(values), len(values), []
    for start in range(0, len(counts), BATCH):
        up_to = counts[start : start + BATCH].take(order, axis=1).cumsum(axis=1, dtype=np.int32)
        lower, upper = (values[order][(up_to <= place).sum(axis=1)] for place in ((n - 1) // 2, n // 2))
        found.append((lower + upper) / 2)
    return np.concatenate(found)


def survival(times: ArrayLike, limit: float) -> Any:
    """Kaplan & Meier's estimate from times ``[n]``, censored at ``limit``: SciPy's, with its ``cdf`` and ``sf``."""
    from scipy import stats

    seen, found = ~np.isnan(np.asarray(times, dtype=float)), np.maximum(restricted(times, limit), 1.0)
    return stats.ecdf(stats.CensoredData(uncensored=found[seen].tolist(), right=found[~seen].tolist()))


def survival_band(curve: Any, level: float = LEVEL) -> Any:
    """The band about a distribution function of ``survival``, by SciPy, log-log; None about a single step."""
    if curve.quantiles.size < 2:
        return None
    with warnings.catch_warnings():
        # where all have been seen, or none
        warnings.filterwarnings("ignore", "The confidence interval is undefined", RuntimeWarning)
        return curve.confidence_interval(level, method="log-log")


def survival_median(times: ArrayLike, limit: float, level: float = LEVEL) -> Estimate:
    """The time by which it has happened to half of all, by Kaplan & Meier; infinite where it has to less.

    The interval is where the band about the curve crosses one half.
    """
    curve = survival(times, limit)
    band = survival_band(curve.cdf, level)
    value = _crossing(curve.cdf)
    low, high = (_crossing(band.high), _crossing(band.low)) if band else (np.nan, np.nan)
    n = len(np.asarray(times))
    return Estimate(value, low if np.isfinite(low) else value, high if not np.isnan(high) else value, n)


def _crossing(curve: Any) -> float:
    """Where a distribution function reaches one half."""
    reached = np.flatnonzero(np.nan_to_num(curve.probabilities) >= 0.5 - 1e-12)  # a product, rounded
    return float(curve.quantiles[reached[0]]) if len(reached) else float("inf")


def place(values: ArrayLike, at: ArrayLike, level: float = LEVEL) -> Estimate:
    """How usual a printed value is among ``[n]`` of ours: twice the smaller part of them that is as far out, at most 1.

    1 is the median; below 0.05 it is outside of the middle 95 %. What has not happened, nan, lies beyond any value.
    at: the value, or what it may be, of which the most usual counts. Wilson's interval, of twice the share.
    """
    found = restricted(values, np.inf)
    ends = [share(side, level) for one in np.ravel(at) for side in (found <= one, found >= one)]
    pairs = zip(ends[::2], ends[1::2], strict=True)
    usual = max((min(pair, key=lambda end: end.value) for pair in pairs), key=lambda end: end.value)
    value, low, high = (min(1.0, 2 * x) for x in (usual.value, usual.low, usual.high))
    return Estimate(value, low, high, usual.n)


def mean_difference(values: ArrayLike, others: ArrayLike, level: float = LEVEL) -> Estimate:
    """By how much the mean of ``[n]`` is larger than that of others, with Welch's interval."""
    from scipy import stats

    one, its = np.asarray(values, dtype=float), np.asarray(others, dtype=float)
    value, n = float(one.mean() - its.mean()), len(one) + len(its)
    if min(len(one), len(its)) < 2:
        return Estimate(value, -np.inf, np.inf, n)
    if one.std() == its.std() == 0:
        return Estimate(value, value, value, n)
    bounds: Any = stats.ttest_ind(one, its, equal_var=False).confidence_interval(level)
    return Estimate(value, float(bounds.low), float(bounds.high), n)


def times_off(times: ArrayLike, printed: float, limit: float, level: float = LEVEL) -> Estimate:
    """By what factor the median of all times is from a printed number, above or below it: 1 is the number itself.

    The median, with its interval, is ``survival_median``'s; beyond ``limit`` it is infinite.
    """
    found = survival_median(times, limit, level)
    low, high = sorted((off(found.low, printed), off(found.high, printed)))
    if found.low <= printed <= found.high:
        low = 1.0
    return Estimate(off(found.value, printed), low, high, found.n)


def off(value: float, printed: float) -> float:
    """The larger over the smaller of two numbers above 0."""
    return max(value / printed, printed / value)


def ks_distance(values: ArrayLike, others: ArrayLike, level: float = LEVEL) -> Estimate:
    """Kolmogorov & Smirnov's distance between two distributions, from 0 to 1.

    The interval is by Dvoretzky, Kiefer & Wolfowitz: how far each sample may be from what it was drawn from, with
    Massart's constant, at half of what may go wrong.
    """
    from scipy import stats

    one, its = np.asarray(values, dtype=float), np.asarray(others, dtype=float)
    value = float(stats.ks_2samp(one, its, method="asymp" if min(len(one), len(its)) > 1 else "exact").statistic)
    half = sum(float(np.sqrt(np.log(4 / (1 - level)) / (2 * len(sample)))) for sample in (one, its))
    return Estimate(value, max(0.0, value - half), min(1.0, value + half), len(one) + len(its))
