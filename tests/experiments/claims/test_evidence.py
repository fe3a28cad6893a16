"""The measures of the ledger, each against a number found by hand or another way, and how often intervals cover."""

import math
from collections import Counter
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from experiments.claims import evidence
from experiments.claims.evidence import Measured
from experiments.options.load import load

LEVELS = (0.95, 1 - 0.05 / 82)
NEVER = math.nan


def frame(**columns) -> pd.DataFrame:
    return pd.DataFrame(columns)


def networks(sweeps, **columns) -> pd.DataFrame:
    """Networks by the sweeps that they took; NEVER: not learned."""
    return frame(sweeps=np.asarray(sweeps, dtype=float), **columns)


def ends(found: Measured) -> tuple[float, float]:
    return found.low, found.high


def wilson_by_hand(k: int, n: int, level: float) -> tuple[float, float]:
    """Wilson 1927: where (p - P)² = z² P (1 - P) / n."""
    z, p = stats.norm.ppf((1 + level) / 2), k / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return middle - half, middle + half


# Tables and expressions --------------------------------------------------------------------------------------


def test_a_table_is_the_file(tmp_path):
    (tmp_path / "t.csv").write_text("seed,solved,sweeps\n0,1,5\n1,0,\n")
    found = evidence.table(tmp_path / "t.csv")
    assert found["seed"].tolist() == [0, 1]
    assert found["sweeps"].isna().tolist() == [False, True]
    with pytest.raises(FileNotFoundError):
        evidence.table(tmp_path / "other.csv")


def test_rows_and_values_are_what_pandas_finds():
    table = frame(rule=["a", "b", "a"], epsilon=[0.1, 0.1, 0.25], sweeps=[3.0, 4.0, NEVER])
    assert evidence.rows(table, "rule == 'a' and epsilon == 0.1").index.tolist() == [0]
    assert len(evidence.rows(table, "")) == 3
    assert evidence.values(table, "epsilon * 2").tolist() == [0.2, 0.2, 0.5]
    assert evidence.values(table, "sweeps < 10").tolist() == [1, 1, 0]  # what has no value is not below 10
    assert evidence.values(table, "sweeps > sweeps.quantile(0.5)").tolist() == [0, 1, 0]


# Shares ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(("k", "n"), [(0, 7), (1, 7), (7, 7), (638, 1000), (1000, 1000), (1, 1)])
def test_a_share_has_wilson_s_interval(k, n, level):
    found = evidence.share(frame(solved=[1] * k + [0] * (n - k)), "solved == 1", level)
    assert (found.value, found.n) == (k / n, n)
    assert ends(found) == pytest.approx(wilson_by_hand(k, n, level), rel=1e-9, abs=1e-12)


def test_wilson_s_interval_is_that_of_the_textbook():
    assert evidence.wilson(1, 10, 0.95) == pytest.approx((0.0179, 0.4042), abs=5e-5)


@pytest.mark.parametrize("level", LEVELS)
def test_a_gain_has_newcombe_s_interval(level):
    one, other = frame(solved=[1] * 56 + [0] * 14), frame(solved=[1] * 48 + [0] * 32)
    (a, b), (c, d) = wilson_by_hand(56, 70, level), wilson_by_hand(48, 80, level)
    low = 0.2 - math.sqrt((0.8 - a) ** 2 + (d - 0.6) ** 2)
    high = 0.2 + math.sqrt((b - 0.8) ** 2 + (0.6 - c) ** 2)
    found = evidence.gain(one, other, "solved == 1", level)
    assert (found.value, found.n) == (pytest.approx(0.2), 150)
    assert ends(found) == pytest.approx((low, high), rel=1e-9)
    back = evidence.gain(other, one, "solved == 1", level)
    assert (back.value, *ends(back)) == pytest.approx((-found.value, -found.high, -found.low))


@pytest.mark.parametrize(
    ("a", "m", "b", "n", "low", "high"),
    [(56, 70, 48, 80, 0.0524, 0.3339), (10, 10, 0, 10, 0.6075, 1.0), (10, 10, 0, 20, 0.6791, 1.0)],
)
def test_a_gain_is_that_of_newcombe_s_own_table(a, m, b, n, low, high):
    """Newcombe 1998, Statistics in Medicine 17, 873-890, Table II, method 10."""
    one, other = (frame(solved=[1] * k + [0] * (of - k)) for k, of in ((a, m), (b, n)))
    assert ends(evidence.gain(one, other, "solved == 1", 0.95)) == pytest.approx((low, high), abs=5.1e-5)


def test_a_gain_of_nothing_has_an_interval_about_0():
    same = frame(solved=[1, 0, 1, 1])
    found = evidence.gain(same, same, "solved == 1", 0.95)
    assert found.value == 0
    assert found.low == pytest.approx(-found.high)


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
    found, places = evidence.median(frame(E=values), "E", level), order_statistics(n, level)
    assert (found.value, found.n) == (np.median(values), n)
    assert places is not None
    assert ends(found) == tuple(np.sort(values)[place - 1] for place in places)


def test_the_median_of_few_has_no_bound():
    """Five values, all on one side of the median: a chance of 1 in 16."""
    assert order_statistics(5, 0.95) is None
    assert order_statistics(6, 0.95) == (1, 6)
    for n in range(1, 6):
        found = evidence.median(frame(E=np.arange(float(n))), "E", 0.95)
        assert ends(found) == (-math.inf, math.inf)


def test_the_median_of_ties_is_the_value():
    found = evidence.median(frame(E=[2.0] * 30), "E", 0.95)
    assert (found.value, *ends(found)) == (2, 2, 2)


def test_the_largest_is_exact():
    assert evidence.largest(frame(off=[1e-12, 3e-12, 2e-12]), "off") == Measured(3e-12, 3e-12, 3e-12, 3)
    assert evidence.largest(frame(separable=[0, 0]), "separable") == Measured(0, 0, 0, 2)


# Slopes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("power", [1.0, 2.0, -0.5])
def test_the_slope_of_a_power_is_the_power(power):
    x = np.array([10, 20, 50, 100, 1000.0])
    found = evidence.slope(frame(x=x, y=7 * x**power), "x", "y")
    assert (found.value, *ends(found)) == pytest.approx([power] * 3, abs=1e-6)
    assert found.n == 5


# Sweeps ------------------------------------------------------------------------------------------------------


def test_faster_is_the_ratio_of_the_means_over_all_networks():
    """(100 + 100 + 400) / 3 over (50 + 50 + 100) / 3; the third of the slow ones has not learned in 400 sweeps."""
    fast, slow = networks([50, 50, 100]), networks([100, 100, NEVER])
    found = evidence.faster(fast, slow, 400, 0.95)
    assert (found.value, found.n) == (3, 6)
    assert found.low < 3 < found.high
    assert found == evidence.faster(fast, slow, 400, 0.95)
    wider = evidence.faster(fast, slow, 400, 0.999)
    assert wider.low <= found.low
    assert wider.high >= found.high


def test_faster_of_tiny_samples_has_the_quantiles_of_all_resamples():
    """Two networks each: 16 resamples, all as likely; the ends of the middle 80 % found by listing them."""
    fast, slow = networks([10, 20]), networks([40, 100])
    means = [(40, 1), (70, 2), (100, 1)], [(10, 1), (15, 2), (20, 1)]
    ratios = sorted(a / b for a, i in means[0] for b, j in means[1] for _ in range(i * j))
    found = evidence.faster(fast, slow, 400, 0.8)
    assert found.value == pytest.approx(70 / 15)
    assert ends(found) == pytest.approx((ratios[1], ratios[14]))


def test_sooner_is_the_ratio_of_the_medians():
    """Half of the slow have learned by 30, half of the fast by 10, whatever the others take."""
    fast, slow = networks([10] * 30 + [8] * 20 + [12] * 20), networks([30] * 30 + [20] * 20 + [NEVER] * 20)
    found = evidence.sooner(fast, slow, 400, 0.95)
    assert (found.value, found.n) == (3, 140)
    assert found.low <= 3 <= found.high
    assert evidence.faster(fast, slow, 400, 0.95).value > 10


def test_a_half_that_never_learns_counts_with_the_last_sweep():
    found = evidence.sooner(networks([10, 20, 10, 20]), networks([NEVER] * 4), 400, 0.95)
    assert found.value == 400 / 15


def test_faster_needs_no_resampling_where_all_are_the_same():
    found = evidence.faster(networks([NEVER] * 4), networks([100] * 3), 400, 0.95)
    assert (found.value, *ends(found), found.n) == (0.25, 0.25, 0.25, 7)


@pytest.mark.parametrize(("one", "other"), [([10], [20]), ([10], [20, 30]), ([10, 20], [20])])
def test_one_network_tells_nothing_of_others(one, other):
    """No interval can be had from one: it is without bounds."""
    found = evidence.faster(networks(one), networks(other), 400, 0.95)
    assert found.value == np.mean(other) / np.mean(one)
    assert ends(found) == (0, math.inf)


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
def test_typical_is_kaplan_and_meier_s_median(unlearned, level):
    """120 networks, of which some have not learned by the limit, where all that have are before it; with ties."""
    times = np.random.default_rng(unlearned).integers(20, 400, size=120).astype(float)
    times[:unlearned] = NEVER
    value, low, high = product_limit(times.tolist(), level)
    found = evidence.typical(networks(times), 400, level)
    assert (found.value, *ends(found), found.n) == (value, low, high, 120)
    assert low <= value <= high


def test_typical_without_half_of_the_networks_is_beyond_all():
    found = evidence.typical(networks([5, 6, NEVER, NEVER, NEVER]), 100, 0.95)
    assert (found.value, found.high) == (math.inf, math.inf)
    nobody = evidence.typical(networks([NEVER, NEVER]), 100, 0.95)
    assert (nobody.value, nobody.high) == (math.inf, math.inf)


def test_networks_that_have_learned_before_the_first_sweep_count():
    assert evidence.typical(networks([0, 0, 0, 7, 8]), 100, 0.95).value == 1


def test_half_of_the_networks_is_half_of_all():
    """Of 24 the 12th is the half, though 23/24 · 22/23 · ... is a little above it in a computer's numbers."""
    assert evidence.typical(networks([*range(1, 19), *[NEVER] * 6]), 100, 0.95).value == 12
    assert evidence.typical(networks([1, 2, 3, NEVER, NEVER, NEVER]), 100, 0.95).value == 3
    assert evidence.typical(networks([10, 20, 30, 40]), 100, 0.95).value == 20


# How usual a number of sweeps is -----------------------------------------------------------------------------


@pytest.mark.parametrize(("at", "share"), [(9, 0.0), (10, 0.1), (25, 0.2), (50, 0.5), (80, 0.8), (1e9, 0.8)])
def test_place_is_twice_the_smaller_part(at, share):
    """Ten networks: eight learned after 10, 20, ... 80 sweeps, two not at all, which lie beyond any number."""
    table = networks([*range(10, 90, 10), NEVER, NEVER])
    low, high = wilson_by_hand(round(10 * share), 10, 0.95)
    parts = sorted(2 * min(part, 1 - part) for part in (low, high))
    found = evidence.place(table, at, 0.95)
    assert found.value == pytest.approx(2 * min(share, 1 - share))
    assert ends(found) == pytest.approx((parts[0], 1 if low <= 0.5 <= high else parts[1]), abs=1e-12)
    assert found.low <= found.value + 1e-12
    assert found.value <= found.high + 1e-12


def test_place_outside_of_the_middle_95_in_100():
    table = networks(np.arange(1, 10_001))
    inside, outside = evidence.place(table, 400, 0.95), evidence.place(table, 200, 0.95)
    assert (inside.value, outside.value) == pytest.approx((0.08, 0.04))
    assert inside.low > 0.05 > outside.high
    assert evidence.place(table, 9800, 0.95).value == pytest.approx(0.04)


# Two distributions -------------------------------------------------------------------------------------------


def test_apart_is_the_largest_distance_of_two_distribution_functions():
    """And its interval is as wide as Dvoretzky, Kiefer & Wolfowitz have the two, each at 97.5 %."""
    rng = np.random.default_rng(5)
    one, other = rng.integers(0, 30, 400), rng.integers(5, 40, 600)
    points = np.union1d(one, other)
    distance = max(abs((one <= x).mean() - (other <= x).mean()) for x in points)
    found = evidence.apart(frame(sweeps=one), frame(sweeps=other), "sweeps", 0.95)
    assert (found.value, found.n) == (pytest.approx(distance), 1000)
    half = math.sqrt(math.log(2 / 0.025) / 800) + math.sqrt(math.log(2 / 0.025) / 1200)
    assert ends(found) == pytest.approx((distance - half, distance + half))


def test_equal_samples_are_not_apart_and_disjoint_ones_wholly():
    some = frame(sweeps=np.arange(30.0))
    same, other = evidence.apart(some, some, "sweeps", 0.95), evidence.apart(some, some + 30, "sweeps", 0.95)
    assert (same.value, same.low) == (0, 0)
    assert (other.value, other.high) == (1, 1)
    assert other.low > 0.3


def test_the_interval_of_apart_is_as_wide_as_it_is_asked_for():
    """All intervals together hold with 95 % only if each has the level of its own that this takes."""
    rng = np.random.default_rng(6)
    one, other = frame(E=rng.normal(size=500)), frame(E=rng.normal(0.9, 1, size=500))
    at_99, wide = evidence.apart(one, other, "E", 0.99), evidence.apart(one, other, "E", LEVELS[1])
    assert wide.low < at_99.low
    assert wide.high > at_99.high


def test_one_network_is_no_distribution():
    found = evidence.apart(frame(E=[1.0]), frame(E=[1.0, 2.0]), "E", 0.95)
    assert (found.value, *ends(found)) == (0.5, 0, 1)


# The best setting --------------------------------------------------------------------------------------------


def grid(took) -> pd.DataFrame:
    """A row a setting and seed; took: setting -> the sweeps of seeds 0, 1, 2, ..."""
    rows = [(epsilon, seed, sweeps) for epsilon, each in took.items() for seed, sweeps in enumerate(each)]
    return pd.DataFrame(rows, columns=["epsilon", "seed", "sweeps"]).astype({"sweeps": float})


def test_even_seeds_choose_and_odd_seeds_are_judged():
    """At 0.2 even seeds are fast and odd ones slow; at 0.1 the other way round; 0.5 is slow for both."""
    table = grid({0.1: [90, 10, 90, 12], 0.2: [10, 90, 10, 80], 0.5: [95, 95, 95, 95]})
    best, at = evidence.tuned(table, ["epsilon"], 100)
    assert best["sweeps"].tolist() == [90, 80]
    assert best["seed"].tolist() == [1, 3]
    assert at == "epsilon 0.2"


def test_networks_that_do_not_learn_count_with_all_their_sweeps():
    """In the mean of those that learn 0.1 is best; in that of all it is not."""
    table = grid({0.1: [1, 1, NEVER, 1], 0.2: [20, 1, 20, 1], 0.5: [30, 1, 30, 1]})
    assert evidence.tuned(table, ["epsilon"], 100)[1] == "epsilon 0.2"
    assert evidence.tuned(table, ["epsilon"], 30)[1].startswith("epsilon 0.1")


def test_of_settings_that_are_as_good_the_smallest_is_taken():
    table = grid({0.5: [10, 1], 0.2: [10, 2], 0.1: [20, 3], 1.0: [20, 4]})
    best, at = evidence.tuned(table, ["epsilon"], 100)
    assert (best["sweeps"].tolist(), at) == ([2], "epsilon 0.2")


@pytest.mark.parametrize("edge", [0.1, 0.5])
def test_the_edge_of_the_grid_is_named(edge):
    table = grid({epsilon: [10 if epsilon == edge else 20, 1] for epsilon in (0.1, 0.2, 0.5)})
    assert evidence.tuned(table, ["epsilon"], 100)[1] == f"epsilon {edge:g} (at the edge of the grid)"


def test_two_values_are_both_edges_and_one_is_none():
    table = grid({0.1: [10, 1], 0.5: [20, 1]})
    assert evidence.tuned(table, ["epsilon"], 100)[1] == "epsilon 0.1 (at the edge of the grid)"
    assert evidence.tuned(grid({0.1: [10, 1]}), ["epsilon"], 100)[1] == "epsilon 0.1"


def test_what_is_to_hold_for_most_comes_before_speed():
    """At 0.1 one of two even seeds learns, at once; at 0.2 and 0.3 both do, at 0.3 the faster."""
    table = grid({0.1: [1, 9, NEVER, 9], 0.2: [60, 8, 70, 8], 0.3: [50, 7, 60, 7], 0.4: [NEVER] * 4})
    table["solved"] = table["sweeps"].notna().astype(int)
    assert evidence.tuned(table, ["epsilon"], 80)[1] == "epsilon 0.1 (at the edge of the grid)"
    assert evidence.tuned(table, ["epsilon"], 80, "solved == 1")[1] == "epsilon 0.3"


def test_no_setting_is_best_where_none_taught_a_network():
    table = grid({0.1: [NEVER] * 4, 0.2: [NEVER] * 4})
    table["solved"] = 0
    best, at = evidence.tuned(table, ["epsilon"], 80, "solved == 1")
    assert (len(best), at) == (2, "any, for none taught a network")


def test_several_columns_are_chosen_together():
    """The best pair, (0.2, 1), has neither the best epsilon nor the best range taken by itself."""
    took = {(0.1, 1): 50, (0.1, 2): 10, (0.2, 1): 8, (0.2, 2): 99, (0.5, 1): 90, (0.5, 2): 20}
    rows = [(e, r, seed, s + 100 * (seed % 2)) for (e, r), s in took.items() for seed in range(4)]
    table = pd.DataFrame(rows, columns=["epsilon", "initial_range", "seed", "sweeps"])
    assert table.groupby("epsilon")["sweeps"].mean().idxmin() == 0.1
    assert table.groupby("initial_range")["sweeps"].mean().idxmin() == 2
    best, at = evidence.tuned(table, ["epsilon", "initial_range"], 1000)
    assert (best["sweeps"].tolist(), at) == ([108, 108], "epsilon 0.2, initial_range 1 (at the edge of the grid)")


def test_of_no_rows_none_is_the_best():
    assert evidence.tuned(grid({}), ["epsilon"], 100)[0].empty


def test_the_sweeps_that_an_experiment_gives():
    assert evidence.limit_of("symmetry") == load("symmetry").learning.sweeps == 5000


# How often the intervals cover -------------------------------------------------------------------------------

TIMES = 400
LATE = 12.0
"""A time after which 1 - exp(-0.1 · 12) = 70 % of an exponential of mean 10 has come."""


def late(rng, mean, n):
    times = rng.exponential(mean, n)
    return networks(np.where(times > LATE, NEVER, times + 1.0))


def restricted_mean(mean):
    """Of 1 + an exponential time, where what is later than LATE counts as LATE + 1."""
    return mean * (1 - math.exp(-LATE / mean)) + 1


DRAWS = {
    "share": (0.3, lambda rng, level: evidence.share(frame(a=rng.random(100) < 0.3), "a", level)),
    "gain": (
        0.2,
        lambda rng, level: evidence.gain(frame(a=rng.random(80) < 0.6), frame(a=rng.random(90) < 0.4), "a", level),
    ),
    "median": (math.log(2), lambda rng, level: evidence.median(frame(a=rng.exponential(size=101)), "a", level)),
    "faster": (
        restricted_mean(10) / restricted_mean(5),
        lambda rng, level: evidence.faster(late(rng, 5, 80), late(rng, 10, 80), int(LATE) + 1, level),
    ),
    "typical": (10 * math.log(2) + 1, lambda rng, level: evidence.typical(late(rng, 10, 150), int(LATE) + 1, level)),
    "place": (0.4, lambda rng, level: evidence.place(networks(rng.random(150)), 0.2, level)),
}


def covered(name: str, level: float, times: int = TIMES) -> int:
    """In how many of so many simulated data sets the interval has the true value in it."""
    truth, draw = DRAWS[name]
    rng = np.random.default_rng(12)
    found = [draw(rng, level) for _ in range(times)]
    return sum(one.low <= truth <= one.high for one in found)


@pytest.mark.slow
@pytest.mark.parametrize("name", DRAWS)
@pytest.mark.parametrize(("level", "as_claimed"), [(0.95, True), (0.8, False)])
def test_intervals_cover_as_often_as_they_say(monkeypatch, name, level, as_claimed):
    """Within what chance allows of 95 % (1 in 10,000), and an interval of 80 % is found out."""
    monkeypatch.setattr(evidence, "RESAMPLES", 599)
    least, most = stats.binom.ppf([5e-5, 1 - 5e-5], TIMES, [0.935, 0.97])
    assert bool(least <= covered(name, level) <= most) is as_claimed
