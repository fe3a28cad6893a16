"""``experiments.reproduce`` with a few seeds, into a directory of its own."""

import csv
import importlib
import os
import pickle
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import pytest

from experiments import reproduce
from experiments.catalogue import EXPLORER, GRIDS, LONG, PUBLISHED, READINGS, REPRODUCED, RESULTS, STUDIES
from experiments.explorer import page
from experiments.options.load import load, settings
from experiments.options.machine import PAYS_FROM, compiles, seconds_uncompiled
from experiments.options.setup import training_setup
from experiments.reproduce import COMPILING, FASTER, FINISHED, QUICK, RUNS, Display, Job, each_done, finished, jobs_of
from experiments.running.side_by_side import in_common
from experiments.studies.grids import COLUMNS
from experiments.tables import read_rows, write_rows
from tests.experiments.processes import left_of_group, start

Setting = tuple[tuple[str, str], ...]


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nosuch"], ["nosuch", "symmetry", "xor_rules", "chain_rule", EXPLORER, *LONG]),
        (["xor", "nosuch", "other"], ["nosuch, other"]),
        (["xor", "--seeds", "0"], ["--seeds: 0", "at least 1"]),
        (["xor", "--seeds", "-4"], ["--seeds: -4", "at least 1"]),
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


def test_results_that_cannot_be_written_are_refused_before_anything_is_trained(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(sys, "argv", ["reproduce", "xor", "--seeds", "3", "--results", "file/results"])
    with pytest.raises(SystemExit) as end:
        reproduce.main()
    out, err = capsys.readouterr()
    assert (end.value.code, out) == (2, "")
    assert "--results file/results: Not a directory; name a directory" in err.splitlines()[-1]
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_few_seeds_do_not_replace_the_published_ones(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["reproduce", "xor", "--seeds", "3"])
    with pytest.raises(SystemExit) as end:
        reproduce.main()
    assert end.value.code == 2
    assert "--results" in capsys.readouterr().err


@pytest.mark.parametrize("more", [["xor"], ["--seeds", "3"], ["--results", "elsewhere"]], ids=" ".join)
def test_quick_takes_nothing_else(monkeypatch, capsys, tmp_path, more):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["reproduce", "--quick", *more])
    with pytest.raises(SystemExit) as end:
        reproduce.main()
    assert end.value.code == 2
    assert "--quick: takes no NAME, --seeds or --results" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_what_a_study_needs_is_said_where_it_is_not_there(monkeypatch, capsys):
    monkeypatch.setattr(reproduce.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SystemExit) as end:
        asked(monkeypatch, "family_trees_search")
    assert end.value.code == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert "family_trees_search: needs optuna, which is not installed: pip install -e '.[search]'" in said
    with pytest.raises(SystemExit) as end:
        asked(monkeypatch, "--help")
    assert end.value.code == 0
    assert asked(monkeypatch, "family_trees_plateau").names == ["family_trees_plateau"]


def asked(monkeypatch, *arguments: str):
    monkeypatch.setattr(sys, "argv", ["reproduce", *arguments])
    return reproduce.parsed()[1]


def test_quick_is_all_experiments_with_few_seeds_elsewhere(monkeypatch):
    quick = asked(monkeypatch, "--quick", "--resume")
    assert (quick.names, quick.seeds, quick.results, quick.resume) == ([*PUBLISHED], 50, QUICK, True)
    assert QUICK.resolve() != RESULTS.resolve()


def test_what_is_asked_for(monkeypatch):
    plain = asked(monkeypatch, "xor_rules", "chain_rule", READINGS)
    assert plain.names == ["xor_rules", "chain_rule", READINGS]
    assert (plain.seeds, plain.results, plain.resume, plain.quick) == (None, RESULTS, False, False)


@pytest.mark.parametrize(("arguments", "missing"), [([], LONG), (["--quick"], [*GRIDS, *STUDIES])])
def test_what_is_run_without_a_name(monkeypatch, tmp_path, arguments, missing):
    """All but what takes long, and the explorer last; of ``--quick`` the experiments alone."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["reproduce", *arguments])
    calls = []
    monkeypatch.setattr(reproduce, "reproduce", lambda *given: calls.append(given))
    monkeypatch.setattr(reproduce, "make_explorer", lambda *given: calls.append(given))
    monkeypatch.setattr(reproduce, "print_networks", lambda results: None)
    monkeypatch.setattr(reproduce.report, "update", lambda results: 0)
    noted = []
    monkeypatch.setattr(reproduce, "note_time", lambda results, seconds: noted.append(results))
    with pytest.raises(SystemExit) as end:
        reproduce.main()
    assert end.value.code == 0
    (names, seeds, results, resume, confirm), *explorer = calls
    assert not confirm
    assert explorer == ([] if arguments else [(RESULTS,)])
    assert noted == ([] if arguments else [RESULTS])
    assert {*names, *missing} == {*PUBLISHED, *GRIDS, *STUDIES}
    assert not {*names} & {*missing}
    assert (seeds, results, resume) == ((50, QUICK, False) if arguments else (None, RESULTS, False))


@pytest.mark.parametrize("arguments", [["--resume"], ["symmetry"], ["--seeds", "5", "--results", "here"]])
def test_only_the_time_of_all_is_noted(monkeypatch, tmp_path, arguments):
    monkeypatch.chdir(tmp_path)
    assert not asked(monkeypatch, *arguments).everything
    assert asked(monkeypatch, "--results", "here").everything


def test_the_time_of_all_is_kept_for_each_kind_of_processor(monkeypatch, tmp_path):
    for name, seconds in (("A", 100.4), ("B", 200), ("A", 90.6)):
        monkeypatch.setattr(reproduce, "processor", lambda name=name: name)
        reproduce.note_time(tmp_path, seconds)
    rows = read_rows(tmp_path / REPRODUCED)
    assert [(row["processor"], row["seconds"]) for row in rows] == [("B", "200"), ("A", "91")]


# Jobs --------------------------------------------------------------------------------------------------------


@pytest.fixture
def untimed(monkeypatch):
    """Jobs whose options are not composed to say how long they take, which takes as long as all else."""
    monkeypatch.setattr(reproduce, "timed", lambda job: job)


def test_an_experiment_is_one_run(untimed):
    for name, seeds in PUBLISHED.items():
        (job,) = jobs_of(name)
        assert (job.name, job.settings, job.seeds) == (name, ((),), range(seeds))
        assert (job.directory(()), job.overrides(())) == (RUNS / name, [f"population.seeds={seeds}"])
        assert job.label == name


@pytest.mark.parametrize("name", GRIDS)
def test_the_jobs_of_a_grid_are_its_settings_each_once(untimed, name):
    """In a job are those that can be trained side by side, in the file's order; in different jobs those that cannot."""
    jobs = jobs_of(name, 7)
    each = [setting for job in jobs for setting in job.settings]
    assert sorted(each) == sorted(settings(name))
    assert len({job.directory(setting) for job in jobs for setting in job.settings}) == len(each)
    common = [[str(in_common(load(name, *job.overrides(setting)))) for setting in job.settings] for job in jobs]
    assert [len({*of_job}) for of_job in common] == [1] * len(jobs)
    assert len({of_job[0] for of_job in common}) == len(jobs)
    for job in jobs:
        assert (job.name, job.seeds) == (name, range(7))
        assert list(job.settings) == [setting for setting in settings(name) if setting in job.settings]
        for setting in job.settings:
            options = [f"{option}={value}" for option, value in setting]
            assert job.overrides(setting) == ["population.seeds=7", *options]
            together = replace(job, compile=True)
            assert together.overrides(setting) == ["population.seeds=7", "compile=true", *options]


def test_the_seeds_of_a_grid_are_those_of_the_catalogue(untimed):
    """Tried on those with few settings: each is asked for with its published number, and with another."""
    for name in ("xor_rules", "symmetry_rules"):
        assert {job.seeds for job in jobs_of(name)} == {range(GRIDS[name])}
        assert {job.seeds for job in jobs_of(name, 3)} == {range(3)}
    assert {job.seeds for job in jobs_of("no_hidden")} == {range(STUDIES["no_hidden"].seeds)}


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_is_one_job_that_can_be_done(name):
    (job,) = jobs_of(name, 4)
    assert job == Job(name, seeds=range(4), seconds=STUDIES[name].seconds)
    assert (job.label, job.directory()) == (name, RUNS / name)
    assert callable(importlib.import_module(f"experiments.studies.{name}").write)


def test_the_label_of_a_job_is_what_its_settings_have_in_common(untimed):
    (job,) = (job for job in jobs_of("symmetry_depth", 2) if ("network.layers", "6") in job.settings[0])
    assert len(job.settings) > 1
    assert job.label == "symmetry_depth layers=6"
    assert [job.label for job in jobs_of("xor_rules", 2)] == [
        "xor_rules rule=steepest,momentum",
        "xor_rules rule=per_case",
    ]
    one = Job("xor_rules", ((("rule", "momentum"), ("learning.epsilon", "0.5")),))
    assert one.label == "xor_rules rule=momentum epsilon=0.5"
    assert one.directory(one.settings[0]) == RUNS / "xor_rules" / "rule=momentum,epsilon=0.5"


def test_a_job_compiles_where_that_pays_for_all_of_its_runs():
    """Runs of seconds each share what is compiled once; for one of them alone it would not pay."""
    for name, seeds in (("xor_rules", 1000), ("xor_rules", 1)):
        for job in jobs_of(name, seeds):
            config = load(name, *job.overrides(job.settings[0]))
            all_runs = len(job.settings) * seconds_uncompiled(training_setup(config), seeds)
            assert job.compile == (all_runs >= PAYS_FROM)
            assert job.seconds == pytest.approx(COMPILING + all_runs / FASTER if job.compile else all_runs)
    one = load("xor_rules", "population.seeds=100", "rule=momentum")
    (job,) = (job for job in jobs_of("xor_rules", 100) if ("rule", "steepest") in job.settings[0])
    assert (compiles(one, training_setup(one)), job.compile) == (False, True)


# What is finished --------------------------------------------------------------------------------------------


def test_only_a_run_with_the_same_options_counts_as_finished(tmp_path):
    options = ["population.seeds=3", "rule=momentum"]
    assert not finished(tmp_path, options)
    (tmp_path / FINISHED).write_text("\n".join(options))
    assert finished(tmp_path, options)
    assert not finished(tmp_path, ["population.seeds=4", "rule=momentum"])
    assert not finished(tmp_path, options[:1])


class Here:
    """In place of processes: what is handed over goes through pickle, and is done at once."""

    def __init__(self, workers: int, mp_context: object) -> None:
        assert workers >= 1

    def __enter__(self) -> "Here":
        return self

    def __exit__(self, *problem: object) -> None:
        pass

    def submit(self, *work) -> Future[Job]:
        do, *given = pickle.loads(pickle.dumps(work))
        future: Future[Job] = Future()
        future.set_result(do(*given))
        return future


def test_resume_runs_only_what_is_not_finished(monkeypatch, tmp_path):
    """A finished run is published as it stands: here one with a made-up table."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(reproduce, "ProcessPoolExecutor", Here)
    (job,) = jobs_of("xor", 3)
    directory = job.directory()
    (directory / "figures").mkdir(parents=True)
    for name in ("seeds.csv", "curves.csv"):
        (directory / name).write_text("made up\n")
    (directory / FINISHED).write_text("population.seeds=3")
    reproduce.reproduce(["xor"], 3, tmp_path / "results", resume=True)
    assert (tmp_path / "results" / "xor.csv").read_text() == "made up\n"


@pytest.fixture
def runs(untimed, monkeypatch, tmp_path):
    """The runs that a job does, in place of them: the options of each, which are its table of seeds too."""
    monkeypatch.chdir(tmp_path)
    done = []

    def train_runs(runs, quiet: bool):
        assert quiet
        for number, each in enumerate(runs):
            assert not each.directory.exists()  # nothing of an earlier run is left in it
            done.append(each.config)
            rows = [
                {"seed": s, "solved": 1, "sweeps": 5, "E": 0.1, "more": 1} for s in range(each.config.population.seeds)
            ]
            write_rows(each.directory / "seeds.csv", rows)
            yield number, None

    monkeypatch.setattr(reproduce, "train_runs", train_runs)
    return done


def test_a_job_runs_each_of_its_settings(runs):
    job = jobs_of("xor_rules", 2)[-1]
    assert reproduce.do(job, False) == job
    assert [config.learning.epsilon for config in runs] == [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20]
    for config, setting in zip(runs, job.settings, strict=True):
        assert (config.threads, config.population.seeds) == (1, 2)
        assert not any((config.record.progress, config.record.figures, config.record.tensorboard))
        assert config.record.every == config.learning.sweeps // 20
        assert finished(job.directory(setting), job.overrides(setting))


def test_a_job_that_fails_is_not_finished(untimed, monkeypatch, tmp_path):
    """But those of its runs are that have ended before."""
    monkeypatch.chdir(tmp_path)

    def train_runs(runs, quiet: bool):
        runs[4].directory.mkdir(parents=True)
        yield 4, None
        yield 2, ZeroDivisionError("a bug")

    monkeypatch.setattr(reproduce, "train_runs", train_runs)
    job = jobs_of("xor_rules", 2)[-1]
    with pytest.raises(ZeroDivisionError, match="a bug"):
        reproduce.do(job, False)
    assert [finished(job.directory(s), job.overrides(s)) for s in job.settings] == [n == 4 for n in range(9)]


def test_a_grid_that_was_ended_goes_on_where_it_was(runs):
    job = jobs_of("xor_rules", 2)[-1]
    for setting in job.settings[:5]:
        job.directory(setting).mkdir(parents=True)
        (job.directory(setting) / FINISHED).write_text("\n".join(job.overrides(setting)))
    job.directory(job.settings[5]).mkdir()  # begun and not finished
    reproduce.do(job, True)
    assert [config.learning.epsilon for config in runs] == [2, 5, 10, 20]
    reproduce.do(job, True)
    assert len(runs) == 4
    reproduce.do(job, False)
    assert len(runs) == 4 + 9


def test_an_experiment_of_its_own_draws_its_figures(runs):
    reproduce.do(jobs_of("xor", 2)[0], False)
    (config,) = runs
    assert config.record.figures
    assert config.record.tensorboard
    assert config.record.every is None


def test_a_study_writes_its_tables_and_is_quiet_beside_others(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    module, calls = importlib.import_module("experiments.studies.stuck"), []

    def write(directory: Path, seeds: range) -> None:
        calls.append(seeds)
        print("progress")
        for table in ("stuck.csv", "stuck_counts.csv", "other.csv"):
            write_rows(directory / table, [{"seed": 1}])

    monkeypatch.setattr(module, "write", write)
    (job,) = jobs_of("stuck", 4)
    for resume in (False, True):
        reproduce.do(job, resume)
    assert calls == [range(4)]
    reproduce.do(job, False)
    assert calls == [range(4), range(4)]
    assert capsys.readouterr().out == ""
    reproduce.do(job, False, quiet=False)
    assert capsys.readouterr().out == "progress\n"
    reproduce.publish("stuck", [job], tmp_path / "results")
    assert {path.name for path in (tmp_path / "results").iterdir()} == {*STUDIES["stuck"].tables}


def test_a_study_that_leaves_out_a_table_is_not_published(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (job,) = jobs_of("stuck", 4)
    write_rows(job.directory() / "stuck.csv", [{"seed": 1}])
    with pytest.raises(FileNotFoundError, match=r"stuck_counts\.csv"):
        reproduce.publish("stuck", [job], tmp_path / "results")


# Publishing --------------------------------------------------------------------------------------------------


@pytest.fixture
def job_in(monkeypatch):
    """``job_in(name, directory)``: a job whose one run is in that directory."""

    def job(name: str, directory: Path) -> Job:
        monkeypatch.setattr(Job, "directory", lambda self, setting=(): directory)
        return Job(name, ((),))

    return job


def test_a_run_is_published_whole(ran, tmp_path, job_in):
    directory = ran("xor")
    reproduce.publish("xor", [job_in("xor", directory)], tmp_path)
    assert (tmp_path / "xor.csv").read_bytes() == (directory / "seeds.csv").read_bytes()
    assert (tmp_path / "curves" / "xor.csv").read_bytes() == (directory / "curves.csv").read_bytes()
    figures = {file.name for file in (tmp_path / "figures" / "xor").iterdir()}
    assert figures == {file.name for file in (directory / "figures").iterdir()}


def test_figures_of_an_earlier_run_do_not_stay(ran, tmp_path, job_in):
    old = tmp_path / "figures" / "xor" / "old.png"
    old.parent.mkdir(parents=True)
    old.write_text("old")
    reproduce.publish("xor", [job_in("xor", ran("xor"))], tmp_path)
    assert not old.exists()


def test_a_grid_is_one_table_in_the_order_of_its_file(runs, tmp_path):
    """Whatever order its jobs are done in: here from the last to the first."""
    name, jobs = "xor_rules", jobs_of("xor_rules", 2)[::-1]
    for job in jobs:
        reproduce.do(job, False)
    reproduce.publish(name, jobs, tmp_path / "results")
    table = rows(tmp_path / "results" / f"{name}.csv")
    swept = [option.rpartition(".")[2] for option, _ in settings(name)[0]]
    assert [*table[0]] == [*swept, *COLUMNS]
    found = [tuple(row[column] for column in (*swept, "seed")) for row in table]
    assert found == [(*(value for _, value in setting), seed) for setting in settings(name) for seed in "01"]
    reproduce.publish(name, jobs[::-1], tmp_path / "again")
    names = (tmp_path / "results" / f"{name}.csv", tmp_path / "again" / f"{name}.csv")
    assert names[0].read_bytes() == names[1].read_bytes()


# Handing out, and what is shown ------------------------------------------------------------------------------


class Pool:
    """Does a job when it is handed over; given: those that were."""

    def __init__(self) -> None:
        self.given: list[Job] = []

    def submit(self, do, job: Job, resume: bool, quiet: bool) -> Future[Job]:
        self.given.append(job)
        future: Future[Job] = Future()
        future.set_result(job)
        return future


def some_jobs(many: int) -> list[Job]:
    return [Job(f"job {n}", ((),), seconds=10.0 * (n + 1)) for n in range(many)]


@pytest.mark.parametrize("workers", [1, 2, 3, 9])
def test_no_more_jobs_are_handed_out_than_there_are_workers(workers):
    jobs, pool = some_jobs(7), Pool()
    display = Display(jobs)
    done = []
    for job in each_done(pool, jobs, workers, False, display):
        done.append(job)
        assert len(pool.given) <= len(done) + workers
    assert sorted(done, key=jobs.index) == pool.given == jobs


def test_a_job_that_fails_ends_all():
    class Broken(Pool):
        def submit(self, do, job: Job, resume: bool, quiet: bool) -> Future[Job]:
            future: Future[Job] = Future()
            future.set_exception(OSError("disk full"))
            return future

    with pytest.raises(OSError, match="disk full"):
        list(each_done(Broken(), some_jobs(2), 1, False, Display(some_jobs(2))))


def test_what_is_done_and_how_long_the_rest_takes(monkeypatch, capsys):
    """10 + 20 + 30 estimated seconds; a second of them takes two here: 20 s after the first, 100 s are left."""
    jobs, now = some_jobs(3), [100.0]
    monkeypatch.setattr(reproduce.time, "monotonic", lambda: now[0])
    display = Display(jobs)
    for job, at in zip(jobs, (120.0, 160.0, 220.0), strict=True):
        now[0] = at
        display.done(job)
    assert capsys.readouterr().out.splitlines() == [
        "  1 of 3: job 0; about 100 s left",
        "  2 of 3: job 1; about 60 s left",
        "  3 of 3: job 2; about 0 s left",
    ]


def test_the_bar_names_what_runs():
    jobs = some_jobs(3)
    display = Display(jobs)
    display.running(job.label for job in jobs[:2])
    (task,) = display.bar.tasks
    assert (task.description, task.total, task.completed) == ("0 of 3 done; now job 0, job 1", 60, 0)
    display.done(jobs[0])
    display.running(["job 1"])
    (task,) = display.bar.tasks
    assert (task.description, task.completed) == ("1 of 3 done; now job 1", 10)


def test_one_study_alone_shows_its_own_progress():
    assert reproduce.alone(jobs_of("stuck"))
    assert not reproduce.alone(jobs_of("xor"))
    assert not reproduce.alone([*jobs_of("stuck"), *jobs_of("no_hidden")])


# The explorer ------------------------------------------------------------------------------------------------


def test_the_explorer_is_written_beside_the_results(monkeypatch, tmp_path):
    monkeypatch.setattr(reproduce, "all_data", lambda results: [{"name": str(results)}])
    reproduce.make_explorer(tmp_path)
    assert (tmp_path / page.FILE).read_text(encoding="utf-8") == page.page([{"name": str(tmp_path)}])
    assert [path.name for path in tmp_path.iterdir()] == [page.FILE]


def test_the_explorer_without_results_ends_in_one_line(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["reproduce", "explorer", "--results", str(tmp_path / "results")])
    with pytest.raises(SystemExit) as end:
        reproduce.main()
    assert end.value.code == 2
    assert re.search(r"xor_2_2_1\.csv is missing; make it: ", capsys.readouterr().err.splitlines()[-1])
    assert not (tmp_path / "results").exists()


# End to end ---------------------------------------------------------------------------------------------------


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
        pytest.param(signal.SIGHUP, True, id="SIGHUP to all"),
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
    assert process.returncode == 128 + number
    assert "about" not in out
    assert err == f"experiments.reproduce: interrupted; {reproduce.KEPT}\n"
    assert left == []
    assert not (tmp_path / "results").exists()
