"""Every estimate against a number found by hand or another way, and how often intervals cover."""

import math
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from scipy import stats

from experiments import statistics
from experiments.statistics import (
    Estimate,
    difference,
    ks_distance,
    log_log_slope,
    maximum,
    mean_difference,
    mean_ratio,
    median,
    median_ratio,
    place,
    proportion,
    quartiles,
    resamples,
    restricted,
    share,
    survival,
    survival_band,
    survival_median,
    times_off,
)

LEVELS = (0.95, 1 - 0.05 / 82)
NEVER = math.nan


def ends(found: Estimate) -> tuple[float, float]:
    return found.low, found.high


def wilson_by_scipy(k: int, n: int, level: float) -> tuple[float, float]:
    return tuple(stats.binomtest(k, n).proportion_ci(level, method="wilson"))


# Shares ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(("k", "n"), [(0, 7), (1, 7), (7, 7), (638, 1000), (1000, 1000), (1, 1)])
def test_a_share_has_wilson_s_interval(k, n, level):
    found = share([1] * k + [0] * (n - k), level)
    assert (found.value, found.n) == (k / n, n)
    assert ends(found) == pytest.approx(wilson_by_scipy(k, n, level), rel=1e-9, abs=1e-12)


def test_wilson_s_interval_is_that_of_the_textbook():
    assert ends(proportion(1, 10)) == pytest.approx((0.0179, 0.4042), abs=5e-5)


@pytest.mark.parametrize("level", LEVELS)
def test_a_difference_has_newcombe_s_interval(level):
    one, other = [1] * 56 + [0] * 14, [1] * 48 + [0] * 32
    (a, b), (c, d) = wilson_by_scipy(56, 70, level), wilson_by_scipy(48, 80, level)
    low = 0.2 - math.sqrt((0.8 - a) ** 2 + (d - 0.6) ** 2)
    high = 0.2 + math.sqrt((b - 0.8) ** 2 + (0.6 - c) ** 2)
    found = difference(one, other, level)
    assert (found.value, found.n) == (pytest.approx(0.2), 150)
    assert ends(found) == pytest.approx((low, high), rel=1e-9)
    back = difference(other, one, level)
    assert (back.value, *ends(back)) == pytest.approx((-found.value, -found.high, -found.low))


@pytest.mark.parametrize(
    ("a", "m", "b", "n", "low", "high"),
    [(56, 70, 48, 80, 0.0524, 0.3339), (10, 10, 0, 10, 0.6075, 1.0), (10, 10, 0, 20, 0.6791, 1.0)],
)
def test_a_difference_is_that_of_newcombe_s_own_table(a, m, b, n, low, high):
    """Newcombe 1998, Statistics in Medicine 17, 873-890, Table II, method 10."""
    one, other = ([1] * k + [0] * (of - k) for k, of in ((a, m), (b, n)))
    assert ends(difference(one, other, 0.95)) == pytest.approx((low, high), abs=5.1e-5)


def test_a_difference_of_nothing_has_an_interval_about_0():
    same = [1, 0, 1, 1]
    found = difference(same, same)
    assert found.value == 0
    assert found.low == pytest.approx(-found.high)


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [
        (0, 10, 0.0, 0.2775),  # the textbook table of Wilson's interval
        (1, 10, 0.0179, 0.4042),
        (5, 10, 0.2366, 0.7634),
        (10, 10, 0.7225, 1.0),
        (0, 1000, 0.0, 0.0038),
        (1, 1, 0.2065, 1.0),
    ],
)
def test_proportions_of_a_textbook(k, n, low, high):
    found = proportion(k, n)
    assert (found.value, found.n) == (k / n, n)
    assert ends(found) == pytest.approx((low, high), abs=5e-5)


def test_a_share_is_that_of_all_observations():
    assert share([True, False, True, True]) == share([1.0, 0.0, 1.0, 1.0]) == proportion(3, 4)
    with pytest.raises(ZeroDivisionError):
        share([])


# Quartiles ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "expected"),
    [([7], (7, 7, 7)), ([1, 2, 3, 4, 5], (2, 3, 4)), ([4, 1, 3, 2], (1.75, 2.5, 3.25))],
)
def test_quartiles(values, expected):
    assert quartiles(values) == expected
    assert median(values).value == expected[1]


def test_quartiles_are_numpy_s():
    values = np.random.default_rng(0).exponential(size=37)
    assert quartiles(values) == pytest.approx(np.quantile(values, [0.25, 0.5, 0.75]).tolist())
    assert quartiles(values) == quartiles(values.tolist())


def test_nothing_has_no_quartiles():
    assert all(math.isnan(value) for value in quartiles([]))


def test_an_infinite_value_is_larger_than_all_others():
    """As pages count networks that have diverged."""
    assert median([1.0, 2.0, math.inf]).value == 2
    assert median([1.0, math.inf, math.inf]).value == math.inf
    assert quartiles([1.0, 2.0, 3.0, math.inf]) == (1.75, 2.5, math.inf)
    assert quartiles([math.inf] * 4) == (math.inf, math.inf, math.inf)


# Medians, and what has no interval ---------------------------------------------------------------------------


def order_statistics(n: int, level: float) -> tuple[int, int] | None:
    """The places of the two values, from 1, that bound the median: none where the smallest and largest are too few."""
    below = [stats.binom.cdf(place - 1, n, 0.5) for place in range(1, n + 1)]
    lower = [place for place, chance in enumerate(below, 1) if chance <= (1 - level) / 2]
    return (lower[-1], n + 1 - lower[-1]) if lower else None


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("n", [12, 13, 50, 101, 1000])
def test_a_median_lies_between_two_order_statistics(n, level):
    values = np.random.default_rng(n).normal(size=n)
    found, places = median(values, level), order_statistics(n, level)
    assert (found.value, found.n) == (np.median(values), n)
    assert places is not None
    assert ends(found) == tuple(np.sort(values)[place - 1] for place in places)


def test_the_median_of_few_has_no_bound():
    """Five values, all on one side of the median: a chance of 1 in 16."""
    assert order_statistics(5, 0.95) is None
    assert order_statistics(6, 0.95) == (1, 6)
    for n in range(1, 6):
        found = median(np.arange(float(n)))
        assert ends(found) == (-math.inf, math.inf)


def test_the_median_of_ties_is_the_value():
    found = median([2.0] * 30)
    assert (found.value, *ends(found)) == (2, 2, 2)


def test_nothing_has_no_median():
    found = median([])
    assert math.isnan(found.value)
    assert (*ends(found), found.n) == (-math.inf, math.inf, 0)


def test_the_maximum_is_exact():
    assert maximum([1e-12, 3e-12, 2e-12]) == Estimate(3e-12, 3e-12, 3e-12, 3)
    assert maximum([0, 0]) == Estimate(0, 0, 0, 2)


# Slopes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("power", [1.0, 2.0, -0.5])
def test_the_slope_of_a_power_is_the_power(power):
    x = np.array([10, 20, 50, 100, 1000.0])
    found = log_log_slope(x, 7 * x**power)
    assert (found.value, *ends(found)) == pytest.approx([power] * 3, abs=1e-6)
    assert found.n == 5


def test_the_slope_is_that_of_a_line_through_the_logarithms():
    x = np.array([10, 20, 50, 100, 1000.0])
    y = x**1.5 * np.array([1.1, 0.8, 1.2, 1, 0.9])
    assert log_log_slope(x, y).value == pytest.approx(np.polyfit(np.log(x), np.log(y), 1)[0])


# Times ------------------------------------------------------------------------------------------------------


def test_mean_ratio_is_the_ratio_of_the_means_over_all_networks():
    """(100 + 100 + 400) / 3 over (50 + 50 + 100) / 3; the third of the slow ones has not learned in 400 sweeps."""
    fast, slow = [50, 50, 100], [100, 100, NEVER]
    found = mean_ratio(fast, slow, 400, 0.95)
    assert (found.value, found.n) == (3, 6)
    assert found.low < 3 < found.high
    assert found == mean_ratio(fast, slow, 400, 0.95)
    wider = mean_ratio(fast, slow, 400, 0.999)
    assert wider.low <= found.low
    assert wider.high >= found.high


def test_mean_ratio_of_tiny_samples_has_the_quantiles_of_all_resamples():
    """Two networks each: 16 resamples, all as likely; the ends of the middle 80 % found by listing them."""
    fast, slow = [10, 20], [40, 100]
    means = [(40, 1), (70, 2), (100, 1)], [(10, 1), (15, 2), (20, 1)]
    ratios = sorted(a / b for a, i in means[0] for b, j in means[1] for _ in range(i * j))
    found = mean_ratio(fast, slow, 400, 0.8)
    assert found.value == pytest.approx(70 / 15)
    assert ends(found) == pytest.approx((ratios[1], ratios[14]))


def test_median_ratio_is_the_ratio_of_the_medians():
    """Half of the slow have learned by 30, half of the fast by 10, whatever the others take."""
    fast, slow = [10] * 30 + [8] * 20 + [12] * 20, [30] * 30 + [20] * 20 + [NEVER] * 20
    found = median_ratio(fast, slow, 400, 0.95)
    assert (found.value, found.n) == (3, 140)
    assert found.low <= 3 <= found.high
    assert mean_ratio(fast, slow, 400, 0.95).value > 10


def test_a_half_that_never_learns_counts_with_the_last_sweep():
    found = median_ratio([10, 20, 10, 20], [NEVER] * 4, 400, 0.95)
    assert found.value == 400 / 15


def test_mean_ratio_needs_no_resampling_where_all_are_the_same():
    found = mean_ratio([NEVER] * 4, [100] * 3, 400, 0.95)
    assert (found.value, *ends(found), found.n) == (0.25, 0.25, 0.25, 7)


@pytest.mark.parametrize(("one", "other"), [([10], [20]), ([10], [20, 30]), ([10, 20], [20])])
def test_one_network_tells_nothing_of_others(one, other):
    """No interval can be had from one: it is without bounds."""
    found = mean_ratio(one, other, 400, 0.95)
    assert found.value == np.mean(other) / np.mean(one)
    assert ends(found) == (0, math.inf)


def by_scipy(middle, one, other, level) -> tuple[float, float]:
    """The same interval from SciPy's own bootstrap."""
    found = stats.bootstrap(
        (np.asarray(other, dtype=float), np.asarray(one, dtype=float)),
        lambda other, one, axis=-1: middle(other, axis=axis) / middle(one, axis=axis),
        n_resamples=statistics.RESAMPLES, batch=statistics.BATCH, paired=False, vectorized=True, method="percentile",
        confidence_level=level, rng=np.random.default_rng(0),
    )  # fmt: skip
    return tuple(found.confidence_interval)


@pytest.mark.parametrize("sizes", [(60, 60), (61, 60), (7, 300)])
@pytest.mark.parametrize(("estimate", "middle"), [(mean_ratio, np.mean), (median_ratio, np.median)])
def test_a_ratio_has_the_interval_of_scipy_s_bootstrap(monkeypatch, estimate, middle, sizes):
    """To the last draw: more than two batches of them, samples with ties and of odd and even sizes."""
    monkeypatch.setattr(statistics, "RESAMPLES", 1_201)
    rng = np.random.default_rng(sum(sizes))
    one, other = (rng.integers(10, 60, size) for size in sizes)
    for level in LEVELS:
        expected = by_scipy(middle, one, other, level)
        assert ends(estimate(one, other, 100, level)) == pytest.approx(expected, rel=1e-12)


def test_every_resample_has_as_many_values_as_the_sample():
    one, other = resamples(5, 300, 1_001)
    assert (one.shape, other.shape) == ((1_001, 5), (1_001, 300))
    assert set(one.sum(axis=1, dtype=int)) == {5}
    assert set(other.sum(axis=1, dtype=int)) == {300}
    assert one.mean(axis=0) == pytest.approx(np.ones(5), abs=0.15)


def test_what_was_not_seen_counts_with_the_limit():
    assert restricted([3, NEVER, 0], 10).tolist() == [3, 10, 0]


def product_limit(times: list[float], level: float) -> tuple[float, float, float]:
    """Kaplan & Meier 1958, one sweep after the other: where the curve, and its log-log band, come to one half."""
    z = stats.norm.ppf((1 + level) / 2)
    learned, at_risk, S, greenwood = Counter(t for t in times if not math.isnan(t)), len(times), Fraction(1), 0.0
    value = low = high = math.inf
    for t, d in sorted(learned.items()):
        S *= 1 - Fraction(d, at_risk)
        value = min(value, t) if 2 * S <= 1 else value
        if S == 0:
            break  # the band is not defined there
        greenwood += d / (at_risk * (at_risk - d))
        at_risk -= d
        half = z * math.sqrt(greenwood) / abs(math.log(S))
        low = min(low, t) if S ** math.exp(half) <= 0.5 else low
        high = min(high, t) if S ** math.exp(-half) <= 0.5 else high
    return value, low, high


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("unlearned", [0, 1, 30, 59, 61, 90])
def test_survival_median_is_kaplan_and_meier_s_median(unlearned, level):
    """120 networks, of which some have not learned by the limit, where all that have are before it; with ties."""
    times = np.random.default_rng(unlearned).integers(20, 400, size=120).astype(float)
    times[:unlearned] = NEVER
    value, low, high = product_limit(times.tolist(), level)
    found = survival_median(times, 400, level)
    assert (found.value, *ends(found), found.n) == (value, low, high, 120)
    assert low <= value <= high


def test_the_curve_of_survival_is_counted_by_hand():
    """Five networks, one of which has not learned: at 10 one of 5 has, at 20 two more, at 40 a fourth."""
    curve = survival([10, 20, 20, 40, NEVER], 100)
    assert curve.cdf.evaluate([9, 10, 19, 20, 39, 40, 99]) == pytest.approx([0, 0.2, 0.2, 0.6, 0.6, 0.8, 0.8])
    band = survival_band(curve.cdf)
    half = stats.norm.ppf(0.975) * math.sqrt(1 / (5 * 4)) / abs(math.log(0.8))
    assert 1 - band.low.evaluate(10) == pytest.approx(0.8 ** math.exp(-half))
    assert 1 - band.high.evaluate(10) == pytest.approx(0.8 ** math.exp(half))
    assert survival_band(survival([10, 10], 100).cdf) is None


def test_survival_median_without_half_of_the_networks_is_beyond_all():
    found = survival_median([5, 6, NEVER, NEVER, NEVER], 100, 0.95)
    assert (found.value, found.high) == (math.inf, math.inf)
    nobody = survival_median([NEVER, NEVER], 100, 0.95)
    assert (nobody.value, nobody.high) == (math.inf, math.inf)


def test_networks_that_have_learned_before_the_first_sweep_count():
    assert survival_median([0, 0, 0, 7, 8], 100, 0.95).value == 1


def test_half_of_the_networks_is_half_of_all():
    """Of 24 the 12th is the half, though 23/24 · 22/23 · ... is a little above it in a computer's numbers."""
    assert survival_median([*range(1, 19), *[NEVER] * 6], 100, 0.95).value == 12
    assert survival_median([1, 2, 3, NEVER, NEVER, NEVER], 100, 0.95).value == 3
    assert survival_median([10, 20, 30, 40], 100, 0.95).value == 20


# How usual a printed value is ------------------------------------------------------------------------------


@pytest.mark.parametrize(("at", "part"), [(9, 0.0), (10, 0.1), (25, 0.2), (50, 0.5), (80, 0.3), (85, 0.2), (1e9, 0.2)])
def test_place_is_twice_the_smaller_part_that_is_as_far_out(at, part):
    """Ten networks: eight learned after 10, 20, ... 80 sweeps, two not at all, which lie beyond any number."""
    times = [*range(10, 90, 10), NEVER, NEVER]
    low, high = wilson_by_scipy(round(10 * part), 10, 0.95)
    found = place(times, at)
    assert found.value == pytest.approx(2 * part)
    assert ends(found) == pytest.approx((2 * low, min(1, 2 * high)), abs=1e-12)


def test_of_equal_values_all_are_as_far_out():
    """A printed 1 of 1 is an ordinary value where most have 1, and not beyond all of them."""
    ones = [1] * 60 + [0] * 40
    assert place(ones, 1).value == 1
    assert place(ones, 0).value == pytest.approx(0.8)
    assert place(ones, 0.5).value == pytest.approx(0.8)


def test_of_what_a_printed_value_may_be_the_most_usual_counts():
    values = np.arange(1, 101)
    assert place(values, [1, 30, 100]) == place(values, 30)
    assert place(values, (2,)) == place(values, 2)


def test_place_outside_of_the_middle_95_in_100():
    times = np.arange(1, 10_001)
    inside, outside = place(times, 400, 0.95), place(times, 200, 0.95)
    assert (inside.value, outside.value) == pytest.approx((0.08, 0.04))
    assert inside.low > 0.05 > outside.high
    assert place(times, 9801, 0.95).value == pytest.approx(0.04)


# Times off, and means ---------------------------------------------------------------------------------------


def test_times_off_is_how_far_the_median_is_from_a_printed_number_on_either_side():
    times = [*range(50, 151)]
    at_100 = survival_median(times, 1000)
    assert at_100.value == 100
    assert times_off(times, 100, 1000) == Estimate(1, 1, max(at_100.high / 100, 100 / at_100.low), 101)
    above, below = times_off(times, 50, 1000), times_off(times, 300, 1000)
    assert ends(above) == (at_100.low / 50, at_100.high / 50)
    assert (above.value, below.value) == (2, 3)
    assert ends(below) == (300 / at_100.high, 300 / at_100.low)
    assert times_off([NEVER] * 9, 100, 1000).value == math.inf


def test_mean_difference_is_welch_s():
    rng = np.random.default_rng(2)
    one, other = rng.normal(3, 1, 80), rng.normal(1, 4, 50)
    found = mean_difference(one, other, 0.9)
    a, b = one.var(ddof=1) / 80, other.var(ddof=1) / 50
    freedom = (a + b) ** 2 / (a**2 / 79 + b**2 / 49)
    half = stats.t.ppf(0.95, freedom) * math.sqrt(a + b)
    middle = one.mean() - other.mean()
    assert (found.value, *ends(found)) == pytest.approx((middle, middle - half, middle + half))
    assert found.n == 130
    assert mean_difference([2, 2], [1, 1]) == Estimate(1, 1, 1, 4)
    assert ends(mean_difference([2], [1, 1])) == (-math.inf, math.inf)


# Two distributions -------------------------------------------------------------------------------------------


def test_ks_distance_is_the_largest_distance_of_two_distribution_functions():
    """And its interval is as wide as Dvoretzky, Kiefer & Wolfowitz have the two, each at 97.5 %."""
    rng = np.random.default_rng(5)
    one, other = rng.integers(0, 30, 400), rng.integers(5, 40, 600)
    points = np.union1d(one, other)
    distance = max(abs((one <= x).mean() - (other <= x).mean()) for x in points)
    found = ks_distance(one, other)
    assert (found.value, found.n) == (pytest.approx(distance), 1000)
    half = math.sqrt(math.log(2 / 0.025) / 800) + math.sqrt(math.log(2 / 0.025) / 1200)
    assert ends(found) == pytest.approx((distance - half, distance + half))


def test_equal_samples_are_not_apart_and_disjoint_ones_wholly():
    some = np.arange(30.0)
    same, other = ks_distance(some, some), ks_distance(some, some + 30)
    assert (same.value, same.low) == (0, 0)
    assert (other.value, other.high) == (1, 1)
    assert other.low > 0.3


def test_the_interval_of_ks_distance_is_as_wide_as_it_is_asked_for():
    """All intervals together hold with 95 % only if each has the level of its own that this takes."""
    rng = np.random.default_rng(6)
    one, other = rng.normal(size=500), rng.normal(0.9, 1, size=500)
    at_99, wide = ks_distance(one, other, 0.99), ks_distance(one, other, LEVELS[1])
    assert wide.low < at_99.low
    assert wide.high > at_99.high


def test_one_network_is_no_distribution():
    found = ks_distance([1.0], [1.0, 2.0])
    assert (found.value, *ends(found)) == (0.5, 0, 1)


# How often the intervals cover -------------------------------------------------------------------------------

TIMES = 400
LATE = 12.0
"""A time after which 1 - exp(-0.1 · 12) = 70 % of an exponential of mean 10 has come."""


def late(rng, mean, n):
    times = rng.exponential(mean, n)
    return np.where(times > LATE, NEVER, times + 1.0)


def restricted_mean(mean):
    """Of 1 + an exponential time, where what is later than LATE counts as LATE + 1."""
    return mean * (1 - math.exp(-LATE / mean)) + 1


DRAWS = {
    "share": (0.3, lambda rng, level: share(rng.random(100) < 0.3, level)),
    "difference": (
        0.2,
        lambda rng, level: difference(rng.random(80) < 0.6, rng.random(90) < 0.4, level),
    ),
    "median": (math.log(2), lambda rng, level: median(rng.exponential(size=101), level)),
    "mean_ratio": (
        restricted_mean(10) / restricted_mean(5),
        lambda rng, level: mean_ratio(late(rng, 5, 80), late(rng, 10, 80), int(LATE) + 1, level),
    ),
    "survival_median": (
        10 * math.log(2) + 1,
        lambda rng, level: survival_median(late(rng, 10, 150), int(LATE) + 1, level),
    ),
    "place": (0.4, lambda rng, level: place(rng.random(150), 0.2, level)),
    "mean_difference": (
        -1.0,
        lambda rng, level: mean_difference(rng.exponential(1, 60), rng.exponential(2, 90), level),
    ),
}


def covered(name: str, level: float, times: int = TIMES) -> int:
    """In how many of so many simulated data sets the interval has the true value in it."""
    truth, draw = DRAWS[name]
    rng = np.random.default_rng(12)
    found = [draw(rng, level) for _ in range(times)]
    return sum(one.low <= truth <= one.high for one in found)


@pytest.mark.parametrize("name", DRAWS)
@pytest.mark.parametrize(("level", "as_claimed"), [(0.95, True), (0.8, False)])
def test_intervals_cover_as_often_as_they_say(monkeypatch, name, level, as_claimed):
    """Within what chance allows of 95 % (1 in 10,000), and an interval of 80 % is found out."""
    monkeypatch.setattr(statistics, "RESAMPLES", 599)
    least, most = stats.binom.ppf([5e-5, 1 - 5e-5], TIMES, [0.935, 0.97])
    assert bool(least <= covered(name, level) <= most) is as_claimed


def test_the_interval_of_ks_distance_covers_more_often_than_it_says():
    """Uniform on 0 to 1 and on 0.3 to 1.3 are 0.3 apart. The inequality is not sharp, so that nearly all cover."""
    rng = np.random.default_rng(3)
    found = [ks_distance(rng.random(80), 0.3 + rng.random(90), 0.8) for _ in range(TIMES)]
    assert sum(one.low <= 0.3 <= one.high for one in found) > 0.95 * TIMES
