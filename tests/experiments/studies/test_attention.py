"""Attention beside the network of 1986: which runs there are, and that both learn by the same; few and short ones."""

import pytest
import torch

from experiments.catalogue import STUDIES
from experiments.options.load import load
from experiments.options.setup import training_setup
from experiments.studies import attention
from experiments.studies.attention import EPSILONS, MODELS, PLANS, PRINTED, RANGES, rows, settings, write
from experiments.tables import read_rows
from repro.machine_code import build
from repro.measures.family_trees import Kinship
from repro.population import NEVER

COLUMNS = ["model", "setting", "epsilon", "initial_range", "weights", "seed", "solved", "sweeps", "E"]


@pytest.fixture
def short(monkeypatch):
    """A small grid and 3 sweeps, as they are written."""

    def three(epsilon, initial_range, seeds):
        config = settings(epsilon, initial_range, seeds)
        config.learning.sweeps = 3
        return config

    monkeypatch.setattr(attention, "settings", three)
    monkeypatch.setattr(attention, "EPSILONS", (0.01, 0.1))
    monkeypatch.setattr(attention, "RANGES", (0.3,))
    monkeypatch.setattr(build, "compiler_lacking", lambda: "none for this test")


def test_a_row_a_model_point_and_seed(short, tmp_path):
    found = list(rows(range(2)))
    assert [(r["model"], r["epsilon"], r["initial_range"], r["seed"]) for r in found] == [
        (model, epsilon, "0.3", seed) for model in MODELS for epsilon in ("0.01", "0.1") for seed in (0, 1)
    ]
    assert [r["setting"] for r in found] == ["printed", "printed", "grid", "grid"] * 3
    assert {r["model"]: r["weights"] for r in found} == {"1986": 630, "attention": 582, "attention_9_hidden": 604}
    assert all(list(r) == [*COLUMNS, "train_right", "held_out_right"] for r in found)
    assert all((r["solved"], r["sweeps"]) == (0, "") for r in found)  # nothing is learned in 3 sweeps
    assert len({r["E"] for r in found}) == len(found)
    write(tmp_path, range(2))
    assert [path.name for path in tmp_path.iterdir()] == [*STUDIES["attention"].tables]
    assert read_rows(tmp_path / attention.FILE) == [{key: str(value) for key, value in r.items()} for r in found]


def test_all_models_learn_the_same_cases_by_the_same_rules(short, monkeypatch):
    given, plans = [], []

    def run_all_through(trainings):
        for population, setup in trainings:
            rules = setup.learning, setup.criterion, setup.error_measure, setup.held_out.tolist()
            given.append((*rules, [*setup.task.cases], population.seeds))
            plans.append(setup.architecture)
            assert population.architecture is setup.architecture

    monkeypatch.setattr(attention, "run_all_through", run_all_through)
    list(rows(range(3)))
    points = len(given) // len(MODELS)
    assert points == 2
    for model in range(1, len(MODELS)):
        assert given[:points] == given[model * points : (model + 1) * points]
        assert plans[model * points : (model + 1) * points] == [PLANS[MODELS[model]]] * points
    assert given[0][0] != given[1][0]
    assert all(sum(case[seed] for case in held_out) == 4 for *_, held_out, _, seeds in given for seed in seeds)


def test_a_solved_network_says_when(short, monkeypatch):
    """Networks that learned after 0 and 7 sweeps, and one that never did."""

    def run_all_through(trainings):
        for population, _ in trainings:
            population.learned_at = torch.tensor([0, 7, NEVER])

    right, rest = torch.tensor([100, 100, 41]), torch.tensor([0.0, 0.25, 18.5])
    found = Kinship(right, right, torch.tensor([3, 4, 0]), rest, rest)
    monkeypatch.setattr(attention, "run_all_through", run_all_through)
    monkeypatch.setattr(attention, "kinship_of", lambda setup, population: found)
    three = list(rows(range(3)))[:3]
    assert [(r["solved"], r["sweeps"]) for r in three] == [(1, 0), (1, 7), (0, "")]
    assert [r["train_right"] for r in three] == [100, 100, 41]
    assert [r["held_out_right"] for r in three] == [3, 4, 0]
    assert [r["E"] for r in three] == ["0", "0.25", "18.5"]


def test_the_grid_has_the_printed_point_and_the_printed_numbers():
    printed = load("family_trees")
    assert (printed.learning.epsilon, printed.network.initial_range) == PRINTED
    assert PRINTED in [(epsilon, size) for epsilon in EPSILONS for size in RANGES]
    config = settings(*PRINTED, range(printed.population.seeds))
    assert (config.learning, config.error, config.network) == (printed.learning, printed.error, printed.network)
    other = settings(0.1, 1.0, range(7))
    assert [(p.sweeps, p.epsilon, p.alpha) for p in other.learning.opening] == [(20, 0.05, 0.5)]
    assert (other.learning.epsilon, other.network.initial_range, other.population.seeds) == (0.1, 1.0, 7)


def test_about_as_many_weights_as_in_1986():
    of_1986 = training_setup(load("family_trees", "population.seeds=1"))
    assert of_1986.architecture.weight_count == 630
    for plan in PLANS.values():
        assert abs(plan.weight_count / 630 - 1) < 0.1
        plan.check_task(of_1986.task)


@pytest.mark.slow
def test_both_learn_where_they_learn_best(monkeypatch):
    """Few networks, for all sweeps: the network of 1986 learns the 100 cases, the others most of them."""
    monkeypatch.setattr(attention, "EPSILONS", (0.03, 0.1))
    monkeypatch.setattr(attention, "RANGES", (1.0,))
    found = list(rows(range(16)))

    def mean(model: str, epsilon: str) -> float:
        right = [int(str(r["train_right"])) for r in found if (r["model"], r["epsilon"]) == (model, epsilon)]
        return sum(right) / len(right)

    assert mean("1986", "0.1") > 98
    assert mean("attention", "0.03") > 70
    assert mean("attention_9_hidden", "0.03") > 70
