"""The measurements of iterative nets, with few nets and sweeps, and the tasks against what the papers print."""

from dataclasses import replace
from itertools import combinations

import pytest
import torch

from experiments.catalogue import STUDIES
from experiments.studies import iterative
from experiments.studies.iterative import (
    COLUMNS,
    LEARNED,
    STORED,
    TRAINING,
    UNSEEN,
    damaged,
    each_way,
    of_search,
    of_sequences,
    of_shifting,
    problems,
    right,
    rows,
    search,
    sequence_net,
    sequences,
    shift,
    unrolled,
    write,
)
from experiments.tables import read_rows
from repro.iterative import IterativeNet, forward_pass

# Iterative and layered --------------------------------------------------------------------------------------


@pytest.fixture
def few_nets(monkeypatch):
    monkeypatch.setattr(iterative, "UNITS", (2, 5))
    monkeypatch.setattr(iterative, "STEPS", (1, 4))


def test_the_layered_net_agrees_and_the_history_is_needed(few_nets):
    table = list(unrolled(nets=3))
    assert [(row["units"], row["steps"], row["seed"]) for row in table] == [
        (units, steps, seed) for units in (2, 5) for steps in (1, 4) for seed in range(3)
    ]
    assert max(float(str(row["y_off"])) for row in table) < 1e-14
    assert max(float(str(row["dE_dw_off"])) for row in table) < 1e-13
    assert sum(float(str(row["dE_dw_off_without_history"])) > 1e-3 for row in table) >= 9
    assert table == list(unrolled(nets=3))


def test_a_derivative_wrong_by_a_twentieth_of_a_percent_shows(few_nets, monkeypatch):
    true = iterative.derivatives

    def wrong(net, w, course):
        y, dE_dw = true(net, w, course)
        return y, 1.0005 * dE_dw

    monkeypatch.setattr(iterative, "derivatives", wrong)
    assert min(float(str(row["dE_dw_off"])) for row in unrolled(nets=1)) == pytest.approx(0.0005, rel=1e-6)


# The tasks --------------------------------------------------------------------------------------------------


def test_sequences_are_those_printed():
    """P Tables 10 and 11: a few of the 25, which 5 are not learned, and when what is shown and wanted."""
    assert len(TRAINING) == 20
    assert set(TRAINING) | set(UNSEEN) == {a + b for a in "ABCDE" for b in "ABCDE"}
    for name, wanted in {"AA": "1212", "BD": "2321", "EB": "1323", "DC": "2131", "CE": "3113"}.items():
        course = sequences((name,), off_at_2=True)
        assert course.steps == 5
        for step, digit in enumerate(wanted, 2):
            assert course.desired[step, 0, 35:].tolist() == [float(unit == digit) for unit in "123"]
        assert course.desired[1, 0, 35:].tolist() == [0, 0, 0]
        shown = course.given[:, 0, :5]
        assert shown.sum(dim=1).tolist() == [1, 1, 0, 0, 0, 0]
        assert ["ABCDE"[int(letter)] for letter in shown[:2].argmax(dim=1)] == list(name)
        assert course.given[0, 0, 5:].tolist() == pytest.approx([0.2] * 33)
        assert course.held[1:, :5].all()
        assert not course.held[1:, 5:].any()
        assert course.wanted.sum(dim=1).tolist() == [0, 3, 3, 3, 3, 3]
    assert sequences(TRAINING, off_at_2=False).wanted.sum(dim=1).tolist() == [0, 0, 3, 3, 3, 3]


def test_the_links_of_the_sequence_net():
    """P p.358: inputs to hidden, hidden to outputs, each of the two groups all to all with self-links; biases."""
    links = sequence_net().links
    assert links.sum() == 5 * 30 + 30 * 30 + 30 * 3 + 3 * 3 + 33
    assert not links[:5].any()
    assert links[5:35, :35].all()
    assert links[35:, 5:].all()
    assert not links[5:35, 35:38].any()


def test_what_is_shown_second_reaches_no_output_before_time_4():
    """One step to hidden, one to output: outputs at time 2 are the same in every sequence, as in P Table 11."""
    y = forward_pass(sequence_net(), sequence_net().start((1, 2), 2.0), sequences(("AB", "AC", "DB"), True))
    outputs = [states[:, 35:] for states in y[1:]]
    assert outputs[0][0].equal(outputs[0][2])  # at time 2
    assert outputs[1][0].equal(outputs[1][1])  # at time 3
    assert not torch.isclose(outputs[1][0], outputs[1][2]).any()
    assert not torch.isclose(outputs[2][0], outputs[2][1]).any()


def test_shifting_two_to_the_left():
    course = shift(5)
    assert course.given[0].unique(dim=0).shape == (32, 5)
    one = course.given[0].tolist().index([1, 1, 0, 1, 0])
    assert course.desired[2, one].tolist() == pytest.approx([0.1, 0.9, 0.1, 0.9, 0.9])
    assert course.desired[1, one].tolist() == pytest.approx([0.9, 0.1, 0.9, 0.1, 0.9])
    assert course.wanted.sum(dim=1).tolist() == [0, 0, 5]


def test_stored_patterns_stay_the_nearest():
    def apart(a, b):
        return sum(x != y for x, y in zip(a, b, strict=True))

    assert min(apart(a, b) for a, b in combinations(STORED, 2)) == 5
    assert (len(LEARNED), len(damaged(2))) == (36, 112)
    for bits in (0, 1, 2):
        for start, stored in damaged(bits):
            assert apart(start, stored) == bits
            assert sorted(STORED, key=lambda other: apart(start, other))[0] == stored
    assert len(set(LEARNED + damaged(2))) == 148
    course = search(LEARNED)
    assert course.wanted.sum(dim=1).tolist() == [0, 0, 0, 8, 8]
    assert course.given[0, 4].tolist() == pytest.approx([1, 0, 0, 0, 0, 0, 0, 0, 0.2, 0.2, 0.2, 0.2])
    assert course.desired[-1, 4, :8].tolist() == [0] * 8


# Measures ---------------------------------------------------------------------------------------------------


def shift_register(size: float) -> torch.Tensor:
    """Each of 5 units copies the one to its right, or its complement where size is negative; ``[5, 6, 1]``."""
    w = torch.zeros(5, 6, 1)
    for unit in range(5):
        w[unit, (unit + 1) % 5], w[unit, 5] = size, -size / 2
    return w


def test_a_shift_register_is_seen_as_one():
    net = IterativeNet(torch.ones(5, 6, dtype=torch.bool))
    register, inverse, nothing = shift_register(10.0), shift_register(-10.0), torch.zeros(5, 6, 1)
    busy = register.clone()
    busy[0, 0] = -2.0
    for w, one_step, complement, others, ends_right in (
        (register, 1, 0, 0.0, 32),
        (inverse, 0, 1, 0.0, 32),
        (busy, 1, 0, 0.2, 32),
    ):
        found = of_shifting(net, w)
        assert (found["one_step"].item(), found["complement"].item()) == (one_step, complement)
        assert found["other_weights"].item() == pytest.approx(others)
        assert right(net, w, shift(5)).item() == ends_right
    assert of_shifting(net, nothing)["one_step"].item() == 0


def test_search_is_measured_at_later_steps_and_on_more_damage():
    """Units that each keep their own state: patterns that are not damaged stay, and nothing is repaired."""
    net = IterativeNet(torch.ones(12, 13, dtype=torch.bool))
    keeping = (20 * torch.eye(12, 13)).unsqueeze(2)
    keeping[:, 12] = -10
    found = of_search(net, keeping)
    assert right(net, keeping, search(LEARNED)).item() == 4
    assert {key: value.item() for key, value in found.items()} == {"unseen_right": 0, "right_2T": 4, "right_10T": 4}
    off = torch.zeros(12, 13, 1)
    off[:, 12] = -1.0
    assert of_search(net, off)["unseen_right"].item() == 28  # those nearest to the pattern that is all off


def test_unseen_sequences_and_time_2():
    net, w = sequence_net(), torch.zeros(38, 39, 1)
    w[35:, 38] = torch.tensor([[-1.0], [-2.0], [-3.0]])
    found = of_sequences(net, w)
    assert found["unseen_right"].item() == 0
    assert found["y_at_2"].item() == pytest.approx(1 / (1 + 2.718281828459045))


# The rows ---------------------------------------------------------------------------------------------------


def test_every_task_is_run_with_sum_and_average():
    assert each_way(0.1, 4) == (("sum", 0.1), ("average", 0.1), ("average", 0.4))
    listed = list(problems())
    for task in ("shift_3", "shift_5", "sequence", "search"):
        assert (ways := [problem.ways for problem in listed if problem.task == task])
        assert max(len(some) for some in ways) == 3
    assert len({(problem.task, problem.reading) for problem in listed}) == len(listed)


def test_the_printed_settings():
    """P p.357: eta 0.25. P p.359: epsilon 0.02, 260 sweeps, errors from 0.8 and 0.2."""
    listed = list(problems())
    assert {problem.ways[0] for problem in listed if problem.task.startswith("shift")} == {("sum", 0.25)}
    sequence = [problem for problem in listed if problem.task == "sequence"]
    assert {problem.ways[0] for problem in sequence} == {("sum", 0.02)}
    assert [problem.sweeps for problem in sequence][:2] == [260, 260]
    measures = [problem.error_measure for problem in sequence]
    assert {(measure.satisfied, measure.measured_from) for measure in measures} == {("unit", "bound")}


@pytest.fixture
def short(monkeypatch):
    """A few sweeps of each."""
    listed = [replace(problem, sweeps=3) for problem in problems()]
    monkeypatch.setattr(iterative, "problems", lambda: iter(listed))


def test_rows(short):
    table = list(rows(range(2)))
    runs = [(problem, way) for problem in iterative.problems() for way in problem.ways]
    assert [
        (row["task"], row["reading"], row["combine"], float(str(row["epsilon"])), row["seed"]) for row in table
    ] == [(problem.task, problem.reading, *way, seed) for problem, way in runs for seed in range(2)]
    assert len({tuple(row) for row in table}) == 1
    own = {
        "shift_3": {"one_step", "complement", "other_weights"},
        "shift_5": {"one_step", "complement", "other_weights"},
        "sequence": {"unseen_right", "y_at_2"},
        "search": {"unseen_right", "right_2T", "right_10T"},
    }
    for row in table:
        assert {column for column in COLUMNS if row[column] != ""} == own[str(row["task"])]
        assert (row["solved"], row["sweeps"]) == (0, "")
        copies = {"shift_3": 2, "shift_5": 2, "sequence": 5, "search": 4}[str(row["task"])]
        ratio = float(str(row["epsilon"])) / float(str(row["epsilon_of_sum"]))
        assert ratio == pytest.approx(copies if row["combine"] == "average" else 1)
    same = {way: [r for r in table if r["task"] == "search" and (r["combine"], r["epsilon"]) == way] for way in WAYS}
    for total, average in zip(*same.values(), strict=True):
        assert float(str(total["E"])) == pytest.approx(float(str(average["E"])), rel=1e-4)
        assert (total["as_sum"], average["as_sum"]) == ("", 1)
    at_0_1 = [r["as_sum"] for r in table if (r["task"], r["combine"], r["epsilon"]) == ("search", "average", "0.1")]
    assert set(at_0_1) == {""}


WAYS = (("sum", "0.1"), ("average", "0.4"))


def test_the_same_bytes_twice(short, few_nets, tmp_path):
    written = []
    for name in ("first", "second"):
        write(tmp_path / name, range(2))
        written.append([(tmp_path / name / file).read_bytes() for file in (iterative.UNROLLED, iterative.FILE)])
    assert written[0] == written[1]
    assert {path.name for path in (tmp_path / "first").iterdir()} == {*STUDIES["iterative"].tables}
    assert len(read_rows(tmp_path / "first" / iterative.FILE)) == 2 * sum(len(s.ways) for s in iterative.problems())


def test_clearly_negative_biases_make_three_units_a_shift_register():
    """P p.357, of nets without self-links; and footnote 10: with free biases some pass through the complement."""
    for problem in problems():
        if problem.reading in ("biases at most -1", "biases free") and problem.task == "shift_3":
            net = problem.net
            lesson = iterative.Lesson(net, problem.course, problem.criterion, "sum", highest=problem.highest)
            found = iterative.train(lesson, net.start(range(12), 0.3), iterative.Phase(0.25, 0.9), problem.sweeps)
            passes = of_shifting(net, found.w)
            assert (found.learned_at >= 0).all()
            assert (passes["complement"].sum() > 0) == (problem.reading == "biases free")
            if problem.reading != "biases free":
                assert passes["one_step"].all()
