"""What the rules from before back-propagation come to, with few first weights."""

import pytest

from experiments.catalogue import STUDIES
from experiments.studies import no_hidden
from experiments.studies.no_hidden import FILE, RULES, TASKS, rows, write
from experiments.tables import read_rows
from repro.perceptron import least_error, separable
from repro.tasks import Task

COLUMNS = ["task", "rule", "seed", "solved", "right", "cases", "cycles", "enters", "period", "E_excess", "separable"]


@pytest.fixture(scope="module")
def found() -> list[dict[str, object]]:
    return list(rows(range(8)))


def of(found: list[dict[str, object]], **wanted: object) -> list[dict[str, object]]:
    return [row for row in found if all(row[column] == value for column, value in wanted.items())]


def test_every_task_rule_and_seed_has_its_row(found):
    assert [(row["task"], row["rule"], row["seed"]) for row in found] == [
        (task, rule, seed) for task in TASKS for rule in RULES for seed in range(8)
    ]
    assert all(list(row) == COLUMNS for row in found)
    assert all(row["cases"] == len(TASKS[str(row["task"])].cases) for row in found)


@pytest.mark.parametrize(("task", "can"), [("xor", 0), ("symmetry", 0), ("and", 1), ("majority", 1)])
def test_solved_where_there_are_weights(found, task, can):
    own = of(found, task=task)
    assert {row["separable"] for row in own} == {can}
    assert {row["solved"] for row in own} == {can}
    assert all((row["right"] == row["cases"]) == bool(can) for row in own)


@pytest.mark.parametrize("task", TASKS)
def test_columns_of_the_other_rule_are_empty(found, task):
    for row in of(found, task=task, rule="perceptron"):
        assert row["E_excess"] == ""
        assert row["cycles"] == 1 - int(str(row["solved"]))
        assert ("" in (row["enters"], row["period"])) == (not row["cycles"])
    for row in of(found, task=task, rule="delta"):
        assert (row["cycles"], row["enters"], row["period"]) == ("", "", "")
        assert row["E_excess"] == "0"


def test_delta_rule_says_the_mean_answer(found):
    """½ for exclusive-or, which is on no side; 1/8 for symmetry, which is right where the answer is no."""
    assert {row["right"] for row in of(found, task="xor", rule="delta")} == {0}
    assert {row["right"] for row in of(found, task="symmetry", rule="delta")} == {56}
    assert least_error(TASKS["symmetry"]) == pytest.approx(3.5)


def test_stopped_early_both_rules_say_so(monkeypatch):
    """What would be seen if a rule had not arrived: no cycle yet, and an E above the least."""
    monkeypatch.setattr(no_hidden, "SWEEPS", 1)
    early = list(rows(range(8)))
    assert all(row["cycles"] == 0 for row in of(early, task="symmetry", rule="perceptron"))
    assert all(float(str(row["E_excess"])) > 1e-3 for row in of(early, task="symmetry", rule="delta"))


def test_a_task_that_can_be_learned_under_the_name_of_one_that_cannot(monkeypatch):
    """Nothing is written down because of a task's name."""
    easy = TASKS["and"]
    monkeypatch.setattr(no_hidden, "TASKS", {"xor": Task("xor", easy.inputs, easy.desired, easy.cases)})
    assert separable(no_hidden.TASKS["xor"])
    assert {(row["solved"], row["separable"], row["right"]) for row in rows(range(3))} == {(1, 1, 4)}


def test_the_table_is_the_same_each_time(tmp_path, found):
    for directory in ("one", "two"):
        write(tmp_path / directory, range(8))
    assert [path.name for path in (tmp_path / "one").iterdir()] == [*STUDIES["no_hidden"].tables]
    one, two = (tmp_path / directory / FILE for directory in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()
    assert read_rows(one) == [{column: str(value) for column, value in row.items()} for row in found]
