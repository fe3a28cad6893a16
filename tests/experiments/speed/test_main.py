"""``python -m experiments.speed``: what is measured, with which options, and what is refused."""

import sys

import pytest

from experiments.catalogue import RESULTS, SPEEDS
from experiments.speed import __main__ as speed
from experiments.tables import read_rows


@pytest.fixture
def measured(monkeypatch):
    """``measured("--turns", "3")``: what is asked for, with nothing measured."""
    asked = []

    def rows(of):
        return lambda *given: asked.append((of, *given)) or iter([{"made": "up"}])

    for name in SPEEDS:
        monkeypatch.setattr(getattr(speed, name), "rows", rows(name))

    def main(*arguments):
        monkeypatch.setattr(sys, "argv", ["speed", *arguments])
        speed.main()
        return asked

    return main


def test_both_that_are_published_unless_one_is_named(measured, tmp_path):
    both = measured("--results", str(tmp_path), "--turns", "3")
    experiments, networks, seconds = both[0][1:]
    assert (*experiments, *networks) == ("symmetry", "family_trees", "xor", 1, 32, 1024, 16384)
    assert both == [("benchmark", experiments, networks, seconds), ("logging_cost", 3)]
    assert seconds == 5.0
    assert {path.name for path in tmp_path.iterdir()} == {"benchmark.csv", "logging_cost.csv"}
    assert read_rows(tmp_path / "benchmark.csv") == [{"made": "up"}]


@pytest.mark.parametrize("name", SPEEDS)
def test_one_by_name(measured, tmp_path, name):
    ((measure, *_),) = measured(name, "--results", str(tmp_path))
    assert measure == name
    assert [path.name for path in tmp_path.iterdir()] == [SPEEDS[name]]


def test_the_options_of_the_benchmark(measured, tmp_path):
    options = ["--experiments", "xor", "--networks", "1", "2", "--seconds", "0.5", "--results", str(tmp_path)]
    assert measured("benchmark", *options) == [("benchmark", ["xor"], [1, 2], 0.5)]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nosuch"], ["nosuch", "choose from", *SPEEDS]),
        (["--turns", "0"], ["--turns: 0", "at least 1"]),
        (["--networks", "1", "none"], ["--networks: none", "at least 1"]),
        (["--experiments", "parity"], ["--experiments", "parity"]),
        *((["--seconds", value], [f"--seconds: {value}", "above 0"]) for value in ("-1", "0", "nan", "inf", "few")),
    ],
    ids=" ".join,
)
def test_refused(measured, capsys, arguments, words):
    with pytest.raises(SystemExit) as end:
        measured(*arguments)
    assert end.value.code == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert all(word in said for word in words)


def test_the_published_tables_are_there():
    assert all((RESULTS / SPEEDS[name]).exists() for name in speed.PUBLISHED)
