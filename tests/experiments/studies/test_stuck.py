"""Stuck networks of short training, and what the tables say of them."""

import pytest
import torch

from experiments.catalogue import STUDIES
from experiments.options.load import load
from experiments.options.setup import architecture_of, learning_of, task_of
from experiments.studies import stuck
from experiments.studies.stuck import PLANS, counts, rows, trained, write
from experiments.tables import read_rows
from repro.networks import Network, error
from repro.tasks.symmetry import symmetry

SHORT = (("symmetry", "learning.sweeps=300"), ("symmetry", "network.groups.hidden=4", "learning.sweeps=300"))
COLUMNS = (
    "experiment hidden skip epsilon seed E gradient lowest highest negative flat escape_rate kind "
    "E_end gradient_end lowest_end end size size_end"
)


@pytest.fixture
def short(monkeypatch):
    """One plan, of few sweeps."""
    monkeypatch.setattr(stuck, "PLANS", SHORT[:1])


def test_the_plans_are_the_published_experiments_and_more_links():
    configs = [load(*plan) for plan in PLANS]
    about = [tuple(stuck.Stuck(config, [], {}).about.values()) for config in configs]
    assert about == [
        ("xor", 1, 1, "0.5"),
        ("xor_2_2_1", 2, 0, "0.25"),
        ("symmetry", 2, 0, "0.1"),
        ("symmetry", 4, 0, "0.1"),
        ("symmetry", 2, 1, "0.1"),
    ]
    assert [config.learning.sweeps for config in configs] == [10_000] * 2 + [5_000] * 3
    assert all(config.criterion.stop for config in configs)


def test_more_are_trained_of_those_that_are_seldom_stuck(monkeypatch):
    monkeypatch.setattr(stuck, "PLANS", (("xor", "learning.sweeps=5"), ("symmetry", "learning.sweeps=5")))
    assert [plan.config.population.seeds for plan in trained(range(3))] == [12, 3]


def test_rows(monkeypatch):
    monkeypatch.setattr(stuck, "PLANS", SHORT)
    plans = list(trained(range(4)))
    table = list(rows(plans))
    assert [row["seed"] for row in table] == [seed for plan in plans for seed in plan.seeds]
    assert {len(plan.seeds) for plan in plans} == {4}  # too few sweeps to learn in
    task = symmetry()
    E = torch.cat(
        [error(Network(architecture_of(plan.config), plan.weights)(task.inputs), task.desired) for plan in plans]
    )
    a_sweep = 0.1 / (1 - 0.9)
    for row, exact in zip(table, E.tolist(), strict=True):
        assert list(row) == COLUMNS.split()
        assert row["E"] == f"{exact:.6g}"
        assert row["kind"] in ("moving", "saddle", "flat", "minimum")
        assert row["end"] in ("solved", "stuck", "falling")
        assert float(str(row["E_end"])) < float(str(row["E"]))
        assert float(str(row["lowest"])) <= float(str(row["highest"]))
        assert float(str(row["escape_rate"])) == pytest.approx(a_sweep * max(0, -float(str(row["lowest"]))), rel=1e-5)
    assert any(row["end"] == "solved" for row in table)


def test_only_those_that_have_not_learned(monkeypatch):
    """About half of 12 have by 800 sweeps, the others have an output that is off; of 3 all have by 10,000: no row."""
    monkeypatch.setattr(stuck, "SELDOM", {})
    monkeypatch.setattr(stuck, "PLANS", (("xor", "learning.sweeps=800"),))
    (half,) = trained(range(12))
    assert 0 < len(half.seeds) < 12
    task = task_of(half.config)
    y = Network(architecture_of(half.config), half.weights)(task.inputs)
    assert ((y - task.desired.unsqueeze(2)).abs().amax(dim=(0, 1)) > 0.1).all()
    monkeypatch.setattr(stuck, "PLANS", (("xor",),))
    plans = list(trained(range(3)))
    assert list(rows(plans)) == []
    assert [(row["seeds"], row["stuck"], row["looked_at"]) for row in counts(plans)] == [(3, 0, 0)]


def test_the_first_by_seed_are_looked_at(short, monkeypatch):
    monkeypatch.setattr(stuck, "MOST", 2)
    plans = list(trained(range(3)))
    assert [(row["seeds"], row["stuck"], row["looked_at"]) for row in counts(plans)] == [(3, 3, 2)]
    assert [(row["hidden"], row["seed"]) for row in rows(plans)] == [(2, 0), (2, 1)]


def test_twice_the_same_bytes(short, tmp_path):
    for name in ("one", "two"):
        write(tmp_path / name, range(2))
    assert {path.name for path in (tmp_path / "one").iterdir()} == {*STUDIES["stuck"].tables}
    for file in (stuck.FILE, stuck.COUNTS):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
        assert read_rows(tmp_path / "one" / file)


def test_places_are_judged_by_the_training_that_led_there(short, monkeypatch):
    asked = []

    def noted(network, task, phase, sweeps):
        asked.append((phase, sweeps, network.weights["input->hidden"].dtype))
        return classify(network, task, phase, sweeps)

    classify = stuck.classify
    monkeypatch.setattr(stuck, "classify", noted)
    list(rows(trained(range(1))))
    assert set(asked) == {(learning_of(load("symmetry")).phases[-1], 300, torch.float64)}
