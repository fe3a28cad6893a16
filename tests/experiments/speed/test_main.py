"""``python -m experiments.speed``: what is measured, with which options, and what is refused."""

import sys

import pytest

from experiments.catalogue import RESULTS, SPEEDS
from experiments.options import machine
from experiments.speed import __main__ as speed
from experiments.speed.benchmark import file_name
from experiments.tables import read_rows

PROCESSOR = f"benchmark/{file_name()}.csv"


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
    assert (*experiments, *networks) == ("symmetry", "family_trees", "xor", 1, 8, 1024, 16384)
    assert both == [("benchmark", experiments, networks, seconds), ("logging_cost", 3)]
    assert seconds == 5.0
    assert {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.csv")} == {PROCESSOR, "logging_cost.csv"}
    assert read_rows(tmp_path / PROCESSOR) == [{"made": "up"}]


def test_another_processor_keeps_its_table(measured, tmp_path, monkeypatch):
    for name, vectors in (("AMD EPYC", "AVX2"), ("Intel(R) Xeon(R)", "AVX-512"), ("AMD EPYC", "AVX2")):
        monkeypatch.setattr(machine, "processor", lambda name=name: name)
        monkeypatch.setattr(machine, "vectors", lambda vectors=vectors: (vectors, None))
        measured("benchmark", "--results", str(tmp_path))
    found = sorted(path.name for path in (tmp_path / "benchmark").iterdir())
    assert found == ["amd_epyc_avx2.csv", "intel_r_xeon_r_avx_512.csv"]


@pytest.mark.parametrize("name", SPEEDS)
def test_one_by_name(measured, tmp_path, name):
    ((measure, *_),) = measured(name, "--results", str(tmp_path))
    assert measure == name
    written = [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.csv")]
    assert written == [PROCESSOR if name == "benchmark" else SPEEDS[name]]


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
    assert all(list(RESULTS.glob(SPEEDS[name].replace("PROCESSOR", "*"))) for name in speed.PUBLISHED)
