"""What TensorBoard costs: both kinds of run take turns, medians are compared, and a run that fails is said."""

import pytest

from experiments.speed import logging_cost


def test_medians_of_runs_that_take_turns(monkeypatch):
    order, took = [], iter([13.0, 10.0, 10.0, 90.0, 12.0, 10.0])

    def seconds(experiment: str, networks: int, logged: bool) -> float:
        order.append(logged)
        return next(took)

    monkeypatch.setattr(logging_cost, "seconds", seconds)
    row = logging_cost.measure("xor", 4, 3)
    assert order == [True, False, False, True, True, False]  # neither kind is always first
    assert row == {
        **{"experiment": "xor", "networks": 4, "turns": 3},
        **{"seconds_without": "10.00", "seconds_with": "13.00", "more_percent": "30.0"},
    }


def test_a_run_that_fails_is_said():
    with pytest.raises(RuntimeError, match=r"experiment=xor population\.seeds=0(?s:.*)population\.seeds"):
        logging_cost.seconds("xor", 0, True)


@pytest.mark.slow
def test_real_runs_of_both_kinds(monkeypatch, capsys):
    monkeypatch.setattr(logging_cost, "RUNS", (("xor", 1),))
    (row,) = logging_cost.rows(turns=1)
    assert (row["experiment"], row["networks"]) == ("xor", 1)
    assert float(row["seconds_without"]) > 0 < float(row["seconds_with"])
    assert "experiment xor, networks 1" in capsys.readouterr().out
