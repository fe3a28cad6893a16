"""Attention beside the network of 1986: which runs there are, what is chosen and what is judged; few and short ones."""

import sys

import pytest
import torch

from experiments.options import build
from experiments.options.load import load
from experiments.options.setup import architecture_of, error_measure_of, held_out_of, task_of
from experiments.studies import attention
from experiments.studies.attention import (
    EPSILONS,
    FILE,
    LIMIT,
    MODELS,
    PLANS,
    PRINTED,
    RANGES,
    chosen,
    rows,
    settings,
    summary,
)
from experiments.tables import read_rows

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


def made_up(**changes: object) -> dict[str, object]:
    row = {"model": "1986", "epsilon": "0.1", "initial_range": "1", "weights": 630, "seed": 0, "solved": 1}
    return {**row, "sweeps": 500, "train_right": 100, "held_out_right": 2, **changes}


def test_a_row_a_model_point_and_seed(short):
    found = list(rows(2))
    assert [(r["model"], r["epsilon"], r["initial_range"], r["seed"]) for r in found] == [
        (model, epsilon, "0.3", seed) for model in MODELS for epsilon in ("0.01", "0.1") for seed in (0, 1)
    ]
    assert [r["setting"] for r in found] == ["printed", "printed", "grid", "grid"] * 3
    assert {r["model"]: r["weights"] for r in found} == {"1986": 630, "attention": 582, "attention_9_hidden": 604}
    assert all(list(r) == [*COLUMNS, "train_right", "held_out_right"] for r in found)
    assert all((r["solved"], r["sweeps"]) == (0, "") for r in found)  # nothing is learned in 3 sweeps
    assert len({r["E"] for r in found}) == len(found)
    assert found == list(rows(2))


def test_all_models_learn_the_same_cases_by_the_same_rules(short, monkeypatch):
    given = []
    train = attention.attention.train

    def run_through(config, population, learning):
        measure, held_out = error_measure_of(config), held_out_of(config, task_of(config))
        given.append((learning, config.criterion.tolerance, measure, held_out.tolist(), population.seeds))

    def noted(plan, weights, task, learning, tolerance, measure, held_out, compile):
        given.append((learning, tolerance, measure, held_out.tolist(), range(weights["bias->output"].shape[2])))
        return train(plan, weights, task, learning, tolerance, measure, held_out, compile)

    monkeypatch.setattr(attention, "run_through", run_through)
    monkeypatch.setattr(attention.attention, "train", noted)
    list(rows(3))
    points = len(given) // len(MODELS)
    assert points == 2
    for model in range(1, len(MODELS)):
        assert given[:points] == given[model * points : (model + 1) * points]
    assert given[0][0] != given[1][0]
    assert all(sum(case[seed] for case in held_out) == 4 for *_, held_out, seeds in given for seed in seeds)


def test_a_solved_network_says_when(short, monkeypatch):
    """Networks that answer right but for one held-out case, met after 0 and 7 sweeps, and one that never was."""

    def right(config, task):
        held_out = held_out_of(config, task)
        y = task.desired.unsqueeze(2).repeat(1, 1, 3) * 0.8 + 0.1
        first = int(held_out[:, 0].nonzero()[0])
        y[first, :, 0] = 0.5
        return y, torch.tensor([0, 7, -1]), 1

    monkeypatch.setattr(attention, "as_in_1986", right)
    found = list(rows(3))[:3]
    assert [(r["solved"], r["sweeps"]) for r in found] == [(1, 0), (1, 7), (0, "")]
    assert [r["train_right"] for r in found] == [100] * 3
    assert [r["held_out_right"] for r in found] == [3, 4, 4]
    assert [r["E"] for r in found] == ["0"] * 3  # beyond 0.8 and 0.2 in every case that counts


def test_the_grid_has_the_printed_point_and_the_printed_numbers():
    printed = load("family_trees")
    assert (printed.learning.epsilon, printed.network.initial_range) == PRINTED
    assert PRINTED in [(epsilon, size) for epsilon in EPSILONS for size in RANGES]
    assert printed.learning.sweeps == LIMIT
    config = settings(*PRINTED, printed.population.seeds)
    assert (config.learning, config.error, config.network) == (printed.learning, printed.error, printed.network)
    other = settings(0.1, 1.0, 7)
    assert [(p.sweeps, p.epsilon, p.alpha) for p in other.learning.opening] == [(20, 0.05, 0.5)]
    assert (other.learning.epsilon, other.network.initial_range, other.population.seeds) == (0.1, 1.0, 7)


def test_about_as_many_weights_as_in_1986():
    of_1986 = architecture_of(load("family_trees")).weight_count
    assert of_1986 == 630
    for plan in PLANS.values():
        assert abs(plan.weight_count / of_1986 - 1) < 0.1
        plan.check_task(task_of(load("family_trees")))


def test_chosen_by_the_mean_of_the_even_seeds():
    quick = {"epsilon": "0.1"}
    slow = {"epsilon": "0.2"}
    made = [
        *(made_up(**quick, seed=seed, sweeps=sweeps) for seed, sweeps in ((0, 400), (1, 1400), (2, 600))),
        *(made_up(**slow, seed=seed, sweeps=sweeps) for seed, sweeps in ((0, 501), (1, 100), (2, 500))),
        made_up(epsilon="0.3", model="attention", sweeps=1),
    ]
    assert chosen(made, "1986") == ("0.1", "1")
    made[0]["sweeps"] = ""  # not solved: all 1,500
    assert chosen(made, "1986") == ("0.2", "1")
    assert chosen([{key: str(value) for key, value in row.items()} for row in made], "1986") == ("0.2", "1")


def test_where_nothing_is_solved_the_cases_right_choose():
    made = [
        made_up(epsilon=epsilon, sweeps="", solved=0, train_right=right, seed=seed)
        for epsilon, seed, right in (("0.1", 0, 40), ("0.1", 1, 99), ("0.2", 0, 50), ("0.2", 1, 0))
    ]
    assert chosen(made, "1986") == ("0.2", "1")
    with pytest.raises(ValueError, match="even seeds of the model 'attention'"):
        chosen(made, "attention")


def test_the_odd_seeds_judge():
    made = []
    others = [(model, "0.01", "0.3") for model in PLANS]
    for model, epsilon, size in (("1986", "0.01", "0.3"), ("1986", "0.1", "1"), *others):
        point = {"model": model, "epsilon": epsilon, "initial_range": size}
        for seed, sweeps in ((0, 200), (1, 900), (2, 200), (3, "")) if epsilon == "0.1" else ((0, ""), (1, "")):
            made.append(made_up(**point, seed=seed, sweeps=sweeps, solved=int(bool(sweeps)), held_out_right=seed))
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in summary(made).splitlines()[2:]]
    assert [line[:1] + line[2:5] for line in lines] == [
        ["1986", "printed", "0.01", "0.3"],
        ["1986", "best", "0.1", "1"],
        ["attention", "printed", "0.01", "0.3"],
        ["attention", "best", "0.01", "0.3"],
        ["attention_9_hidden", "printed", "0.01", "0.3"],
        ["attention_9_hidden", "best", "0.01", "0.3"],
    ]
    assert lines[1][5].startswith("50.0 % (1 of 2;")
    assert lines[1][6:] == [">1,500 (>1,500 to >1,500)", "100.0", "2.00"]
    assert lines[0][5].startswith("0.0 % (0 of 1;")


def test_main_writes_the_table_and_says_what_is_chosen(short, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(sys, "argv", ["attention", "--seeds", "2", "--results", str(tmp_path)])
    attention.main()
    found = read_rows(tmp_path / FILE)
    assert len(found) == 3 * 2 * 2
    assert summary(found) in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


@pytest.mark.parametrize("value", ["0", "1", "-1", "few", "1.5"])
def test_refused(monkeypatch, capsys, tmp_path, value):
    monkeypatch.setattr(sys, "argv", ["attention", f"--seeds={value}", "--results", str(tmp_path / "results")])
    with pytest.raises(SystemExit) as end:
        attention.main()
    assert end.value.code == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert all(word in last for word in ("--seeds", value, "at least"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_both_learn_where_they_learn_best(monkeypatch):
    """Few networks, for all sweeps: the network of 1986 learns the 100 cases, the others most of them."""
    monkeypatch.setattr(attention, "EPSILONS", (0.03, 0.1))
    monkeypatch.setattr(attention, "RANGES", (1.0,))
    found = list(rows(16))

    def mean(model: str, epsilon: str) -> float:
        return attention.mean([r for r in found if (r["model"], r["epsilon"]) == (model, epsilon)], "train_right")

    assert mean("1986", "0.1") > 98
    assert mean("attention", "0.03") > 70
    assert mean("attention_9_hidden", "0.03") > 70
