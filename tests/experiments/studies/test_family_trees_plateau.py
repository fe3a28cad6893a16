"""The measurements of why the printed settings do not learn, with few networks and sweeps."""

import sys
from dataclasses import replace

import pytest

from experiments.options import build
from experiments.options.load import load
from experiments.options.setup import first_population, learning_of, training_setup
from experiments.studies import family_trees_plateau as mechanism
from experiments.studies.family_trees_plateau import FACTORS, RANGES, READINGS, SWEEPS, further, growth, kept
from experiments.studies.training import rows_of, run_through


@pytest.fixture
def short(monkeypatch):
    """Two sweeps in place of hundreds."""

    def two(config, population, learning, compile=True):
        run_through(config, population, replace(learning, sweeps=population.sweep + 2), compile=False)

    monkeypatch.setattr(mechanism, "run_through", two)


def test_growth_measures_every_reading_range_and_moment(short, monkeypatch):
    monkeypatch.setattr(mechanism, "RANGES", (0.3, 1.0))
    monkeypatch.setattr(mechanism, "READINGS", ("literal", "symmetric_units"))
    monkeypatch.setattr(mechanism, "SWEEPS", (0, 1))
    rows = list(growth(networks=1))
    found = {(row["reading"], row["initial_range"], row["sweeps"], row["seed"]) for row in rows}
    literal = {("literal", size, sweeps, 0) for size in (0.3, 1.0) for sweeps in (0, 1)}
    other = {("symmetric_units", size, 0, 0) for size in (0.3, 1.0)}
    assert found == literal | other
    assert len(rows) == len(found)

    def first(reading, size):
        return [
            float(r["growth"]) for r in rows if (r["reading"], r["initial_range"], r["sweeps"]) == (reading, size, 0)
        ]

    assert all(small < large for small, large in zip(first("literal", 0.3), first("literal", 1.0), strict=True))
    assert all(rate < 0.002 for rate in first("literal", 0.3))  # below the decay: the network falls back


def test_kept_lowers_epsilon_step_by_step(short, monkeypatch):
    rows = list(kept(networks=3, sweeps=2))
    assert [row["factor"] for row in rows[::3]] == [f"{factor:g}" for factor in FACTORS]
    assert FACTORS[-1] == 1  # down to the printed one
    assert list(FACTORS) == sorted(FACTORS, reverse=True)
    assert [row["seed"] for row in rows[:3]] == [0, 1, 2]
    assert all(float(str(row["sum_of_squares"])) > 0 for row in rows)


def test_further_goes_on_from_the_same_weights_at_sweep_0():
    config = load("family_trees", "population.seeds=2")
    population = first_population(config, training_setup(config))
    run_through(config, population, build.Learning(learning_of(config).phases, 3), compile=False)
    other = further(population)
    assert (population.sweep, other.sweep) == (3, 0)
    for key, w in population.weights.items():
        assert other.weights[key].equal(w)
        assert other.delta_w[key].equal(population.delta_w[key])
        assert other.weights[key].data_ptr() != w.data_ptr()


def test_rows_of_networks_that_say_nothing():
    """All weights 0: every output is 0.5, beyond no bound and right in no case; Σw² is 0."""
    config = load("family_trees", "population.seeds=2", "network.initial_range=0")
    rows = list(rows_of(config, first_population(config, training_setup(config))))
    assert [row["seed"] for row in rows] == [0, 1]
    for row in rows:
        assert (row["train_right"], row["held_out_right"], row["sum_of_squares"]) == (0, 0, "0")
        assert float(str(row["E_H"])) == pytest.approx(100 * 24 * 0.3**2 / 2)


def test_the_printed_range_and_reading_are_among_those_measured():
    assert load("family_trees").network.initial_range in RANGES
    assert "literal" in READINGS
    assert SWEEPS[0] == 0


@pytest.mark.parametrize("option", ["--networks", "--learned", "--sweeps"])
def test_refused(monkeypatch, capsys, tmp_path, option):
    monkeypatch.setattr(sys, "argv", ["mechanism", option, "0", "--results", str(tmp_path / "results")])
    with pytest.raises(SystemExit) as end:
        mechanism.main()
    assert end.value.code == 2
    assert f"{option}: 0: must be a whole number of at least 1" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_balance_is_of_those_that_learned(monkeypatch):
    """F7 after 1, 10 and 100 further sweeps; the correlation of the mean is that of a sum over the same sweeps."""
    monkeypatch.setattr(mechanism, "run_through", lambda config, population, learning: None)
    monkeypatch.setattr(mechanism, "rows_of", lambda config, population: [{"train_right": n} for n in (100, 99, 100)])
    rows = list(mechanism.balance(3))
    assert [(row["seed"], row["sweeps"]) for row in rows] == [(s, n) for n in mechanism.AVERAGED for s in (0, 2)]
    assert all(-1 <= float(str(row["correlation"])) <= 1 for row in rows)
