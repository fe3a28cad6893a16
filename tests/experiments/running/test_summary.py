"""A run in one table: what it counts, from the rows of its seeds."""

import pytest
import torch

from experiments.options.load import load
from experiments.options.setup import first_population, training_setup
from experiments.running.summary import metrics, print_table
from experiments.tables import write_rows
from tests.experiments import published


def test_metrics_are_of_the_seeds_that_learned_and_the_share_is_of_all():
    config = load("xor", "population.seeds=4")
    population = first_population(config, training_setup(config))
    population.learned_at = torch.tensor([100, -1, 300, -1], dtype=torch.int32)
    population.E = torch.tensor([0.0, 1.0, 2.0, torch.nan])
    found = metrics(population)
    assert (found["final/learned"], found["final/sweeps_median"], found["final/E_median"]) == (0.5, 200, 1)


@pytest.fixture
def wide(monkeypatch):
    """A terminal in which no cell is broken."""
    monkeypatch.setenv("COLUMNS", "200")


def table_of(capsys, path, rows) -> str:
    write_rows(path / "seeds.csv", rows)
    print_table(load("xor"), 10_000, path / "seeds.csv")
    return " ".join(capsys.readouterr().out.split())


def test_the_table_counts_all_seeds(wide, capsys, tmp_path):
    """Of five networks three learned, one of them by the paper's 558 sweeps."""
    words = table_of(capsys, tmp_path, published.xor())
    for part in ("60.0 % (3 of 5; 23.1 to 88.2)", "600 (550 to 650)", "20 % of all, 33 % of those that learned"):
        assert part in words
    assert "no longer finite" not in words


def test_seeds_that_diverged_are_counted_and_none_that_learned_is_no_mistake(wide, capsys, tmp_path):
    rows = [{"seed": seed, "solved": 0, "sweeps": "", "E": E} for seed, E in enumerate(("nan", "inf", "0.5"))]
    words = table_of(capsys, tmp_path, rows)
    assert "0.0 % (0 of 3; 0.0 to 56.1)" in words
    assert "E no longer finite │ │ 2 │" in words
    assert "by the paper's sweeps" not in words
