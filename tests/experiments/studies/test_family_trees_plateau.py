"""The measurements of why the printed settings do not learn, with few networks and sweeps."""

from dataclasses import replace

import pytest
import torch
from scipy.stats import spearmanr

from experiments.catalogue import STUDIES
from experiments.options.load import load
from experiments.options.setup import first_population, training_setup
from experiments.studies import family_trees_plateau as plateau
from experiments.studies.family_trees_plateau import FACTORS, RANGES, READINGS, SWEEPS, growth, kept, restart
from experiments.studies.training import rows_of, run_through
from tests.experiments import published


@pytest.fixture
def short(monkeypatch):
    """Two sweeps in place of hundreds."""

    def two(population, setup, compile=True):
        few = replace(setup.learning, sweeps=population.sweep + 2)
        run_through(population, replace(setup, learning=few), compile=False)

    monkeypatch.setattr(plateau, "run_through", two)


def test_growth_measures_every_reading_range_and_moment(short, monkeypatch):
    monkeypatch.setattr(plateau, "RANGES", (0.3, 1.0))
    monkeypatch.setattr(plateau, "READINGS", ("literal", "symmetric_units"))
    monkeypatch.setattr(plateau, "SWEEPS", (0, 1))
    monkeypatch.setattr(plateau, "growth_rate", lambda network, *given: torch.tensor([0.25]))
    rows = list(growth(range(1)))
    assert {row["growth"] for row in rows} == {"0.25"}
    found = {(row["reading"], row["initial_range"], row["sweeps"], row["seed"]) for row in rows}
    literal = {("literal", size, sweeps, 0) for size in (0.3, 1.0) for sweeps in (0, 1)}
    other = {("symmetric_units", size, 0, 0) for size in (0.3, 1.0)}
    assert found == literal | other
    assert len(rows) == len(found)


def test_the_larger_the_first_weights_the_more_growth(short, monkeypatch):
    monkeypatch.setattr(plateau, "RANGES", (0.3, 1.0))
    monkeypatch.setattr(plateau, "READINGS", ("literal",))
    monkeypatch.setattr(plateau, "SWEEPS", (0,))
    small, large = (float(str(row["growth"])) for row in growth(range(1)))
    assert small < 0.002 < large  # below the decay the network falls back


def test_kept_lowers_epsilon_step_by_step(short, monkeypatch):
    rows = list(kept(range(3), step_sweeps=2))
    assert [row["factor"] for row in rows[::3]] == [f"{factor:g}" for factor in FACTORS]
    assert FACTORS[-1] == 1  # down to the printed one
    assert list(FACTORS) == sorted(FACTORS, reverse=True)
    assert [row["seed"] for row in rows[:3]] == [0, 1, 2]
    assert all(float(str(row["sum_of_squares"])) > 0 for row in rows)


def test_a_restart_goes_on_from_the_same_weights_at_sweep_0():
    config = load("family_trees", "population.seeds=2", "learning.sweeps=3")
    setup = training_setup(config)
    population = first_population(config, setup)
    run_through(population, setup, compile=False)
    other = restart(population)
    assert (population.sweep, other.sweep) == (3, 0)
    for key, w in population.weights.items():
        assert other.weights[key].equal(w)
        assert other.delta_w[key].equal(population.delta_w[key])
        assert other.weights[key].data_ptr() != w.data_ptr()


def test_rows_of_networks_that_say_nothing():
    """All weights 0: every output is 0.5, beyond no bound and right in no case; Σw² is 0."""
    config = load("family_trees", "population.seeds=2", "network.initial_range=0")
    setup = training_setup(config)
    rows = list(rows_of(setup, first_population(config, setup)))
    assert [row["seed"] for row in rows] == [0, 1]
    for row in rows:
        assert (row["train_right"], row["held_out_right"], row["sum_of_squares"]) == (0, 0, "0")
        assert float(str(row["E_H"])) == pytest.approx(100 * 24 * 0.3**2 / 2)


def test_seeds_are_those_that_learn_and_no_more_are_measured_at_the_plateau(monkeypatch, tmp_path):
    asked = []

    def noted(name, rows):
        return lambda seeds: asked.append((name, len(seeds))) or rows()

    for name in ("growth", "kept", "balance", "lesions"):
        monkeypatch.setattr(plateau, name, noted(name, getattr(published, name)))
    for seeds in (500, 3):
        plateau.write(tmp_path, range(seeds))
    each = [("growth", 16), ("kept", 500), ("balance", 500), ("lesions", 500)]
    assert asked == [*each, *((name, 3) for name, _ in each)]
    assert {path.name for path in tmp_path.glob("*.csv")} == {*STUDIES["family_trees_plateau"].tables}
    assert not (tmp_path / "figures").exists()  # experiments.report draws it


def test_the_printed_range_and_reading_are_among_those_measured():
    assert load("family_trees").network.initial_range in RANGES
    assert "literal" in READINGS
    assert SWEEPS[0] == 0


def test_balance_is_of_those_that_learned(monkeypatch):
    """F7 after 1, 10 and 100 further sweeps; the correlation of the mean is that of a sum over the same sweeps."""
    monkeypatch.setattr(plateau, "run_through", lambda population, setup: None)
    monkeypatch.setattr(plateau, "rows_of", lambda setup, population: [{"train_right": n} for n in (100, 99, 100)])
    rows = list(plateau.balance(range(3)))
    assert [(row["seed"], row["sweeps"]) for row in rows] == [(s, n) for n in plateau.AVERAGED for s in (0, 2)]
    assert all(-1 <= float(str(row["correlation"])) <= 1 for row in rows)


def test_a_lesion_is_of_each_weight_and_those_that_learned_count(monkeypatch):
    """By hand, of one weight: the error without it, above the error with it; ranks of sizes against ranks of harm."""
    monkeypatch.setattr(plateau, "run_through", lambda population, setup: None)
    monkeypatch.setattr(plateau, "rows_of", lambda setup, population: [{"train_right": n} for n in (99, 100)])
    sizes_and_harms = []
    real = plateau.rank_correlation
    monkeypatch.setattr(plateau, "rank_correlation", lambda x, y: sizes_and_harms.append((x, y)) or real(x, y))
    (row,) = plateau.lesions(range(2))
    assert row["seed"] == 1
    ((size, harm),) = sizes_and_harms
    setup = plateau.training_setup(load("family_trees_learned", "population.seeds=2")).to("cpu", torch.float32)
    assert size.shape == harm.shape == (setup.architecture.weight_count, 1)
    population = plateau.first_population(load("family_trees_learned", "population.seeds=2"), setup).take([1])
    included, w = setup.included(torch.tensor([1])), population.weights

    def error_of(weights):
        y = setup.architecture.activity(weights, setup.task.inputs)[setup.architecture.output]
        return setup.error_measure.E(y, setup.desired, included)

    first = next(iter(w))
    cut = {**w, first: w[first].clone()}
    cut[first][0, 1] = 0
    assert size[1].equal(w[first][0, 1].abs())
    torch.testing.assert_close(harm[1], error_of(cut) - error_of(w))


def test_rank_correlation_is_spearman_s():
    x, y = torch.rand(50, 3, generator=torch.Generator().manual_seed(1)), torch.rand(50, 3)
    y[:, 0] = x[:, 0] ** 3
    found = plateau.rank_correlation(x, y)
    assert found[0] == pytest.approx(1)
    for column in range(3):
        assert float(found[column]) == pytest.approx(spearmanr(x[:, column], y[:, column]).statistic)
