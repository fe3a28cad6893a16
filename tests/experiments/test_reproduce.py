"""``experiments.reproduce`` with a few seeds, into a directory of its own."""

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from experiments import reproduce
from experiments.build import CONFIGS
from experiments.catalogue import PUBLISHED, STUDY
from experiments.reproduce import FINISHED, STUDY_COLUMNS, STUDY_FEATURES, Job, finished, jobs_of, publish
from tests.experiments.processes import left_of_group, start


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nosuch"], ["nosuch", "symmetry", STUDY]),
        (["xor", "nosuch", "other"], ["nosuch, other"]),
        (["xor", "--seeds", "0"], ["--seeds 0", "at least 1"]),
        (["xor", "--seeds", "-4"], ["--seeds -4", "at least 1"]),
        (["xor", "--seeds", "many"], ["--seeds", "many"]),
        (["xor", "--sedes", "3"], ["--sedes"]),
    ],
    ids=str,
)
def test_refused(monkeypatch, capsys, tmp_path, arguments, words):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["reproduce", *arguments, "--results", str(tmp_path / "results")])
    with pytest.raises(SystemExit) as end:
        reproduce.main()
    out, err = capsys.readouterr()
    assert (end.value.code, out) == (2, "")
    assert all(word in err.splitlines()[-1] for word in words)
    assert list(tmp_path.iterdir()) == []


def test_few_seeds_do_not_replace_the_published_ones(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["reproduce", "xor", "--seeds", "3"])
    with pytest.raises(SystemExit) as end:
        reproduce.main()
    assert end.value.code == 2
    assert "--results" in capsys.readouterr().err


def test_only_a_run_with_the_same_options_counts_as_finished(tmp_path):
    job = Job("xor", ("population.seeds=3",), tmp_path)
    assert not finished(job)
    (tmp_path / FINISHED).write_text("population.seeds=3")
    assert finished(job)
    assert not finished(Job("xor", ("population.seeds=4",), tmp_path))


def test_resume_runs_only_what_is_not_finished(monkeypatch, tmp_path):
    """A finished run is published as it stands: here one with a made-up table."""
    monkeypatch.chdir(tmp_path)
    (job,) = jobs_of("xor", 3)
    (job.directory / "figures").mkdir(parents=True)
    for name in ("seeds.csv", "curves.csv"):
        (job.directory / name).write_text("made up\n")
    (job.directory / FINISHED).write_text("population.seeds=3")
    reproduce.reproduce(["xor"], 3, tmp_path / "results", resume=True)
    assert (tmp_path / "results" / "xor.csv").read_text() == "made up\n"


def test_an_experiment_is_one_run():
    for name, seeds in PUBLISHED.items():
        (job,) = jobs_of(name, seeds)
        assert job == Job(name, (f"population.seeds={seeds}",), Path("runs/reproduce") / name)


def test_the_study_is_a_run_for_each_reading_and_count():
    jobs = jobs_of(STUDY, 7)
    readings = len(list((CONFIGS / "reading").glob("*.yaml")))
    assert len(jobs) == len({job.directory for job in jobs}) == 2 * readings
    assert all("population.seeds=7" in job.overrides for job in jobs)
    assert any(job.overrides[1:] == ("reading=gain", "count=without_decay") for job in jobs)


def test_a_run_is_published_whole(ran, tmp_path):
    directory = ran("xor")
    publish("xor", [Job("xor", (), directory)], tmp_path)
    assert (tmp_path / "xor.csv").read_bytes() == (directory / "seeds.csv").read_bytes()
    assert (tmp_path / "curves" / "xor.csv").read_bytes() == (directory / "curves.csv").read_bytes()
    figures = {file.name for file in (tmp_path / "figures" / "xor").iterdir()}
    assert figures == {file.name for file in (directory / "figures").iterdir()}


def test_figures_of_an_earlier_run_do_not_stay(ran, tmp_path):
    old = tmp_path / "figures" / "xor" / "old.png"
    old.parent.mkdir(parents=True)
    old.write_text("old")
    publish("xor", [Job("xor", (), ran("xor"))], tmp_path)
    assert not old.exists()


def test_the_study_is_one_table(ran, tmp_path):
    """With what the best unit of each network tells."""
    seeds = (ran("family_trees") / "seeds.csv").read_text()
    jobs = [Job(STUDY, (), tmp_path / f"{name}.{count}") for name in ("a", "b") for count in ("with", "without")]
    for job in jobs:
        job.directory.mkdir()
        (job.directory / "seeds.csv").write_text(seeds)
    publish(STUDY, jobs, tmp_path / "results")
    table, one = rows(tmp_path / "results" / f"{STUDY}.csv"), rows(ran("family_trees") / "seeds.csv")
    assert [(row["reading"], row["count"]) for row in table[::3]] == [
        *(("a", "with"), ("a", "without"), ("b", "with"), ("b", "without"))
    ]
    for row, seed in zip(table, 4 * one, strict=True):
        assert all(row[column] == seed[column] for column in STUDY_COLUMNS)
        for feature in STUDY_FEATURES:
            assert float(row[feature]) == max(float(seed[f"{feature}_unit{u}"]) for u in range(1, 7))
            assert row[f"{feature}_shuffled"] == seed[f"{feature}_shuffled"]


def started(directory: Path, seeds: int) -> subprocess.Popen[str]:
    options = ["--seeds", str(seeds), "--results", str(directory / "results")]
    return start(directory, "experiments.reproduce", "symmetry_no_hidden", *options)


@pytest.mark.slow
def test_few_seeds_end_to_end(tmp_path):
    process = started(tmp_path, seeds=3)
    out, err = process.communicate(timeout=300)
    assert (process.returncode, err) == (0, "")
    assert "0.0 % (0.0 to 56.1)" in out
    assert len(rows(tmp_path / "results" / "symmetry_no_hidden.csv")) == 3
    assert left_of_group(process.pid) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "whole_group"),
    [
        pytest.param(signal.SIGINT, True, id="Ctrl-C"),
        pytest.param(signal.SIGINT, False, id="SIGINT to the parent alone"),
        pytest.param(signal.SIGTERM, False, id="SIGTERM to the parent alone"),
        pytest.param(signal.SIGTERM, True, id="SIGTERM to all"),
    ],
)
def test_an_interrupt_leaves_no_process_and_publishes_no_half(tmp_path, number, whole_group):
    process = started(tmp_path, seeds=60000)
    try:
        deadline = time.monotonic() + 60
        while not list((tmp_path / "runs").rglob("events.out.*")) and time.monotonic() < deadline:
            time.sleep(0.05)
        (os.killpg if whole_group else os.kill)(process.pid, number)
        out, err = process.communicate(timeout=40)
        left = left_of_group(process.pid)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 130
    assert "Interrupted" in out
    assert "Traceback" not in err
    assert left == []
    assert not (tmp_path / "results").exists()
