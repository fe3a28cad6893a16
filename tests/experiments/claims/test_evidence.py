"""From rows of a table to the numbers of the ledger: expressions, the best setting, and which function is asked."""

import math

import pandas as pd
import pytest

from experiments import statistics
from experiments.claims import evidence, ledger
from experiments.claims.evidence import Evidence, best_on_even_judged_on_odd, estimator
from experiments.options.load import load

NEVER = math.nan


def frame(**columns) -> pd.DataFrame:
    return pd.DataFrame(columns)


# Tables and expressions --------------------------------------------------------------------------------------


def test_rows_and_values_are_what_pandas_finds():
    table = frame(rule=["a", "b", "a"], epsilon=[0.1, 0.1, 0.25], sweeps=[3.0, 4.0, NEVER])
    assert evidence.rows(table, "rule == 'a' and epsilon == 0.1").index.tolist() == [0]
    assert len(evidence.rows(table, "")) == 3
    assert evidence.values(table, "epsilon * 2").tolist() == [0.2, 0.2, 0.5]
    assert evidence.values(table, "sweeps < 10").tolist() == [1, 1, 0]  # what has no value is not below 10
    assert evidence.values(table, "sweeps > sweeps.quantile(0.5)").tolist() == [0, 1, 0]


def test_the_same_networks_in_two_tables_stand_side_by_side():
    one, other = frame(seed=[0, 1, 2], solved=[0, 1, 0]), frame(seed=[2, 0, 1], solved=[1, 0, 1], E=[7.0, 8.0, 9.0])
    both = evidence.joined(one, other)
    assert both["solved_then"].tolist() == [0, 1, 1]
    assert both["E"].tolist() == [8, 9, 7]
    with pytest.raises(pd.errors.MergeError):
        evidence.joined(one, frame(seed=[0, 0, 1], solved=[1, 1, 1]))


# Which estimate is asked for ---------------------------------------------------------------------------------

N = 40
SWEEPS = [seed % 9 + 5 if seed % 8 else NEVER for seed in range(2 * N)]
TABLE = frame(
    seed=[*range(N)] * 2, rule=["a"] * N + ["b"] * N, sweeps=SWEEPS,
    solved=[int(not math.isnan(s)) for s in SWEEPS], E=[1 + (7 * s) % 23 for s in range(2 * N)],
)  # fmt: skip
OWN, OTHER = TABLE[TABLE.rule == "a"], TABLE[TABLE.rule == "b"]

ASKED = {
    "share": (["solved == 1"], lambda: statistics.share(OWN.solved, 0.9)),
    "difference": (["solved == 1"], lambda: statistics.difference(OWN.solved, OTHER.solved, 0.9)),
    "median": (["E"], lambda: statistics.median(OWN.E, 0.9)),
    "maximum": (["E"], lambda: statistics.maximum(OWN.E)),
    "log_log_slope": (["seed + 1", "E"], lambda: statistics.log_log_slope(OWN.seed + 1, OWN.E)),
    "mean_ratio": (["sweeps"], lambda: statistics.mean_ratio(OWN.sweeps, OTHER.sweeps, 50, 0.9)),
    "median_ratio": (["sweeps"], lambda: statistics.median_ratio(OWN.sweeps, OTHER.sweeps, 50, 0.9)),
    "survival_median": (["sweeps"], lambda: statistics.survival_median(OWN.sweeps, 50, 0.9)),
    "ks_distance": (["E"], lambda: statistics.ks_distance(OWN.E, OTHER.E, 0.9)),
    "mean_difference": (["E"], lambda: statistics.mean_difference(OWN.E, OTHER.E, 0.9)),
    "place": (["sweeps"], lambda: statistics.place(OWN.sweeps, (9, 12), 0.9)),
    "times_off": (["sweeps"], lambda: statistics.times_off(OWN.sweeps, 9, 50, 0.9)),
}


def test_every_measure_is_tried():
    assert (*ASKED,) == ledger.MEASURES


@pytest.mark.parametrize("measure", ASKED)
def test_a_measure_is_the_estimate_of_that_name(monkeypatch, measure):
    """With the rows, the other rows, the level and the sweeps that were given."""
    monkeypatch.setattr(statistics, "RESAMPLES", 199)
    of, expected = ASKED[measure]
    found = Evidence(OWN, OTHER if measure in ledger.COMPARING else None, printed=(9, 12))
    assert estimator(measure, of, found, 50)(0.9) == expected()


def test_another_measure_is_refused():
    with pytest.raises(ValueError, match="no measure 'mode'"):
        estimator("mode", ["E"], Evidence(OWN), 50)


# The best setting --------------------------------------------------------------------------------------------


def grid(took) -> pd.DataFrame:
    """A row a setting and seed; took: setting -> the sweeps of seeds 0, 1, 2, ..."""
    rows = [(epsilon, seed, sweeps) for epsilon, each in took.items() for seed, sweeps in enumerate(each)]
    return pd.DataFrame(rows, columns=["epsilon", "seed", "sweeps"]).astype({"sweeps": float})


def test_even_seeds_choose_and_odd_seeds_are_judged():
    """At 0.2 even seeds are fast and odd ones slow; at 0.1 the other way round; 0.5 is slow for both."""
    table = grid({0.1: [90, 10, 90, 12], 0.2: [10, 90, 10, 80], 0.5: [95, 95, 95, 95]})
    best, at = best_on_even_judged_on_odd(table, ["epsilon"], 100)
    assert best["sweeps"].tolist() == [90, 80]
    assert best["seed"].tolist() == [1, 3]
    assert at == "epsilon 0.2"


def test_networks_that_do_not_learn_count_with_all_their_sweeps():
    """In the mean of those that learn 0.1 is best; in that of all it is not."""
    table = grid({0.1: [1, 1, NEVER, 1], 0.2: [20, 1, 20, 1], 0.5: [30, 1, 30, 1]})
    assert best_on_even_judged_on_odd(table, ["epsilon"], 100)[1] == "epsilon 0.2"
    assert best_on_even_judged_on_odd(table, ["epsilon"], 30)[1].startswith("epsilon 0.1")


def test_of_settings_that_are_as_good_the_smallest_is_taken():
    table = grid({0.5: [10, 1], 0.2: [10, 2], 0.1: [20, 3], 1.0: [20, 4]})
    best, at = best_on_even_judged_on_odd(table, ["epsilon"], 100)
    assert (best["sweeps"].tolist(), at) == ([2], "epsilon 0.2")


@pytest.mark.parametrize("edge", [0.1, 0.5])
def test_the_edge_of_the_grid_is_named(edge):
    table = grid({epsilon: [10 if epsilon == edge else 20, 1] for epsilon in (0.1, 0.2, 0.5)})
    assert best_on_even_judged_on_odd(table, ["epsilon"], 100)[1] == f"epsilon {edge:g} (at the edge of the grid)"


def test_two_values_are_both_edges_and_one_is_none():
    table = grid({0.1: [10, 1], 0.5: [20, 1]})
    assert best_on_even_judged_on_odd(table, ["epsilon"], 100)[1] == "epsilon 0.1 (at the edge of the grid)"
    assert best_on_even_judged_on_odd(grid({0.1: [10, 1]}), ["epsilon"], 100)[1] == "epsilon 0.1"


def test_what_is_to_hold_for_most_comes_before_speed():
    """At 0.1 one of two even seeds learns, at once; at 0.2 and 0.3 both do, at 0.3 the faster."""
    table = grid({0.1: [1, 9, NEVER, 9], 0.2: [60, 8, 70, 8], 0.3: [50, 7, 60, 7], 0.4: [NEVER] * 4})
    table["solved"] = table["sweeps"].notna().astype(int)
    assert best_on_even_judged_on_odd(table, ["epsilon"], 80)[1] == "epsilon 0.1 (at the edge of the grid)"
    assert best_on_even_judged_on_odd(table, ["epsilon"], 80, "solved == 1")[1] == "epsilon 0.3"


def test_no_setting_is_best_where_none_taught_a_network():
    table = grid({0.1: [NEVER] * 4, 0.2: [NEVER] * 4})
    table["solved"] = 0
    best, at = best_on_even_judged_on_odd(table, ["epsilon"], 80, "solved == 1")
    assert (len(best), at) == (2, "any, for none taught a network")


def test_several_columns_are_chosen_together():
    """The best pair, (0.2, 1), has neither the best epsilon nor the best range taken by itself."""
    took = {(0.1, 1): 50, (0.1, 2): 10, (0.2, 1): 8, (0.2, 2): 99, (0.5, 1): 90, (0.5, 2): 20}
    rows = [(e, r, seed, s + 100 * (seed % 2)) for (e, r), s in took.items() for seed in range(4)]
    table = pd.DataFrame(rows, columns=["epsilon", "initial_range", "seed", "sweeps"])
    assert table.groupby("epsilon")["sweeps"].mean().idxmin() == 0.1
    assert table.groupby("initial_range")["sweeps"].mean().idxmin() == 2
    best, at = best_on_even_judged_on_odd(table, ["epsilon", "initial_range"], 1000)
    assert (best["sweeps"].tolist(), at) == ([108, 108], "epsilon 0.2, initial_range 1 (at the edge of the grid)")


def test_of_no_rows_none_is_the_best():
    assert best_on_even_judged_on_odd(grid({}), ["epsilon"], 100)[0].empty


def test_the_sweeps_that_an_experiment_gives():
    assert evidence.limit_of("symmetry") == load("symmetry").learning.sweeps == 5000
