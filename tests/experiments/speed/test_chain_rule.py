"""The seconds of the derivatives: of the networks and ways whose multiplications are counted, and the median."""

import pytest

from experiments.speed import chain_rule
from experiments.speed.chain_rule import rows, seconds
from experiments.studies import chain_rule as counted


def test_seconds_are_of_the_same_sizes(monkeypatch):
    monkeypatch.setattr(counted, "WIDTHS", (2, 4))
    monkeypatch.setattr(counted, "DEPTHS", (1,))
    monkeypatch.setattr(chain_rule, "LEAST_SECONDS", 0.0)
    monkeypatch.setattr(chain_rule, "REPEATS", 1)
    timed = list(rows())
    assert [list(row.values())[:5] for row in timed] == [list(row.values())[:5] for row in counted.rows(range(1))]
    assert all(list(row) == ["family", "layers", "width", "weights", "way", "seconds"] for row in timed)
    assert all(float(str(row["seconds"])) > 0 for row in timed)


def test_seconds_are_the_median(monkeypatch):
    """Of at least REPEATS times, and of so many that they make LEAST_SECONDS."""
    clock = [0.0]
    durations = iter([9.0, 1.0, 2.0, 3.0, 4.0, 100.0])

    def work() -> None:
        clock[0] += next(durations)

    monkeypatch.setattr(chain_rule.time, "perf_counter", lambda: clock[0])
    assert seconds(work) == 3.0
    durations = iter([0.001] * 300)
    assert seconds(work) == pytest.approx(0.001)
    assert 190 <= len(list(durations)) <= 201
