"""A sweep is one thing: named by what is swept, listed, told of at its end, and gone on with as a whole."""

import csv
import os
import signal
from pathlib import Path

import pytest
import yaml

from experiments import report, run
from experiments.options.schema import ConfigError
from experiments.running import side_by_side, sweep, sweep_composing
from experiments.running.curves import Curves
from experiments.running.directory import locked_directory
from experiments.running.recording import Recording
from experiments.running.sweep_plan import Plan
from tests.experiments.processes import start
from tests.experiments.running.sweeping import BESIDE, XOR, command, left

__all__ = ["command"]
EPSILONS = "learning.epsilon=0.3,0.5,0.9"
THERE = "hydra.sweep.dir=there"


# What it is called -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "sweep", "jobs"),
    [
        (["-m", "experiment=xor,symmetry"], "xor,symmetry", ["0_experiment=xor", "1_experiment=symmetry"]),
        (
            ["-m", "experiment=glob(xor_from*)"],
            "xor_from_minimum_and_3_more",
            ["0_experiment=xor_from_minimum", "1_experiment=xor_from_minimum_fast"],
        ),
        (["experiment=xor_rules"], "xor_rules", ["0_rule=steepest,epsilon=0.05", "1_rule=steepest,epsilon=0.1"]),
        (["experiment=xor_rules", "rule=steepest"], "xor_rules", ["0_epsilon=0.05", "1_epsilon=0.1"]),
        (["-m", "experiment=xor", "population.seeds=7"], "xor", ["0"]),
        (["-m", "experiment=xor", "name=mine", "threads=1,2"], "mine", ["0_threads=1", "1_threads=2"]),
        (["-m", "experiment=xor", "hydra.sweep.subdir=job${hydra.job.num}", EPSILONS], "xor", ["job0", "job1", "job2"]),
        (["-m", "experiment=family_trees", "reading=glob(range_*)"], "family_trees", ["0_reading=range_1"]),
    ],
    ids=str,
)
def test_a_sweep_and_its_jobs_are_called_by_what_is_swept(command, tmp_path, arguments, sweep, jobs):
    said = command(*arguments, "--dry-run")
    first, *listed, last = said.out.splitlines()
    assert (said.code, said.err, last) == (0, "", "Nothing was started.")
    assert f" jobs in runs/multirun/{sweep}/2" in first
    assert [line.split()[1] for line in listed][: len(jobs)] == jobs
    assert [line.split()[0] for line in listed] == [f"#{number}" for number in range(len(listed))]
    assert [*tmp_path.iterdir()] == []


def test_experiments_can_be_swept(command, tmp_path):
    """Whose names, on which the directory used to depend, are not known before a job."""
    said = command("-m", "experiment=xor,symmetry", *XOR[1:])
    assert (said.code, said.err) == (0, "")
    (sweep,) = (tmp_path / "runs" / "multirun" / "xor,symmetry").iterdir()
    assert sorted(path.parent.name for path in sweep.glob("*/seeds.csv")) == [
        "0_experiment=xor",
        "1_experiment=symmetry",
    ]
    assert (
        yaml.safe_load((sweep / "1_experiment=symmetry" / ".hydra" / "config.yaml").read_text())["name"] == "symmetry"
    )


def test_what_is_listed_is_what_is_made(command, tmp_path):
    command("-m", *XOR, "learning.epsilon=0.3", "network.initial_range=0.3,1", "rule=momentum,steepest", THERE)
    more = ["learning.epsilon=0.3", "network.initial_range=0.3,1", "rule=momentum,steepest"]
    listed = command("-m", *XOR, *more, "hydra.sweep.dir=elsewhere", "--dry-run").out
    names = [line.split()[1] for line in listed.splitlines()[1:-1]]
    assert sorted(names) == sorted(path.parent.name for path in (tmp_path / "there").glob("*/seeds.csv"))
    assert "  #1  1_initial_range=0.3,rule=steepest  network.initial_range=0.3 rule=steepest\n" in listed
    assert not (tmp_path / "elsewhere").exists()


def test_a_run_by_itself_is_listed_too(command, tmp_path):
    said = command(*XOR, "--dry-run", "hydra.run.dir=here")
    assert (said.code, said.out) == (0, "1 job, not a sweep: here\nNothing was started.\n")
    assert [*tmp_path.iterdir()] == []


# What it was started as --------------------------------------------------------------------------------------


def test_the_plan_is_there_before_the_first_job(command, tmp_path, monkeypatch):
    """And has each job's options as Hydra has them, however they were put together."""
    monkeypatch.setenv("MINE", "0.7")
    seen = []
    start = run.start
    monkeypatch.setattr(run, "start", lambda job: seen.append(Plan.read(Path("there"))) or start(job))
    given = ["learning.epsilon=${oc.env:MINE},0.2", "rule=steepest,momentum", "name=run${hydra:job.num}"]
    assert command("-m", *XOR, *given, THERE).code == 0
    assert len(seen) == 4
    assert seen[0] == seen[3] == Plan.read(Path("there"))
    assert seen[0].swept == ["learning.epsilon", "rule"]
    for number, job in enumerate(seen[0].jobs):
        (own,) = (tmp_path / "there").glob(f"{number}_*")
        assert own.name == job.directory
        planned = seen[0].config_of(number)
        assert planned.name == f"run{number}"
        assert planned.learning.epsilon == (0.7, 0.7, 0.2, 0.2)[number]
        assert planned.learning.alpha == (0.0, 0.9, 0.0, 0.9)[number]


@pytest.mark.parametrize(
    "values",
    [
        ["rule=steepest,per_case", "learning.alpha=0.3,4e-1", "record.checkpoint=null,0"],
        ["network.links.output=[hidden],[input,hidden]", "learning.opening=[{sweeps:3,epsilon:0.1,alpha:0}],[]"],
        ["experiment=family_trees_rules,xor", "learning.epsilon=0.2,0.4", "precision=float32,float64"],
    ],
    ids=str,
)
def test_the_quick_way_to_the_options_is_hydras(command, tmp_path, monkeypatch, values):
    """``Composing`` puts values into what it has; each job is composed by Hydra itself for comparison."""
    both = []
    quickly = sweep_composing.Composing.quickly

    def counting(self, overrides):
        both.append(quickly(self, overrides) is not None)
        return quickly(self, overrides)

    monkeypatch.setattr(sweep_composing.Composing, "quickly", counting)
    plans = []
    monkeypatch.setattr(Plan, "write", lambda self: plans.append(self) or (_ for _ in ()).throw(ConfigError("enough")))
    command("-m", *XOR, *values, THERE)
    assert all(both)
    monkeypatch.setattr(sweep_composing.Composing, "quickly", lambda self, overrides: None)
    command("-m", *XOR, *values, THERE)
    quick, thorough = plans
    assert quick == thorough
    assert len(quick.jobs) >= 2
    assert all(job.options for job in quick.jobs[1:])


def test_the_plan_is_small():
    """A job has in it what differs from the first."""
    plan = Plan(Path("there"), [], "hydra/sweeper=basic", ["learning.epsilon"])
    for epsilon in (0.1, 0.2):
        whole = {"name": "xor", "task.name": "xor", "criterion.tolerance": 0.1, "learning.sweeps": 9}
        plan.add([f"learning.epsilon={epsilon}"], f"epsilon={epsilon}", whole | {"learning.epsilon": epsilon})
    assert [job.options for job in plan.jobs] == [{}, {"learning.epsilon": 0.2}]
    assert [plan.config_of(number).learning.epsilon for number in (0, 1)] == [0.1, 0.2]
    assert [plan.config_of(number).name for number in (0, 1)] == ["xor", "xor"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text[:200], "is damaged"),
        (lambda text: "[]", "is damaged"),
        (lambda text: "{}", "is damaged"),
        (lambda text: text.replace('"jobs"', '"job"'), "is damaged"),
        (lambda text: text.replace('"version": 1', '"version": 99'), "another version"),
    ],
    ids=["cut off", "a list", "empty", "a key", "version"],
)
def test_a_plan_that_cannot_be_relied_on_is_refused(command, tmp_path, change, words):
    plan = Plan(Path("there"), ["-m", *XOR, EPSILONS, THERE], "hydra/sweeper=basic", ["learning.epsilon"], 1)
    plan.add(["learning.epsilon=0.3"], "0_epsilon=0.3", {"name": "xor", "learning.epsilon": 0.3})
    plan.write()
    assert Plan.read(Path("there")) == plan
    before = left(tmp_path / "there")
    path = tmp_path / "there" / "sweep.json"
    path.write_text(change(path.read_text()))
    said = command("resume=there")
    assert (said.code, said.out, len(said.err.splitlines())) == (2, "", 1)
    assert words in said.err
    assert left(tmp_path / "there") == before


# How it ends -------------------------------------------------------------------------------------------------


def failing(monkeypatch, problem: BaseException, epsilon: float = 0.5) -> None:
    """From now on the job of this epsilon ends so, at its third snapshot."""
    record = Recording.__call__

    def fail(self, snapshot, interrupted=False):
        if self.config.learning.epsilon == epsilon and snapshot.sweep == 40:
            raise problem
        record(self, snapshot, interrupted)

    monkeypatch.setattr(Recording, "__call__", fail)


@pytest.mark.parametrize(
    ("problem", "reason", "launcher"),
    [
        (ZeroDivisionError("a bug"), "ZeroDivisionError: a bug", ()),
        (ConfigError("no such card"), "no such card", (BESIDE,)),
        pytest.param(ZeroDivisionError("a bug"), "ZeroDivisionError: a bug", (BESIDE,), marks=pytest.mark.slow),
        pytest.param(ConfigError("no such card"), "no such card", (), marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_a_job_that_fails_ends_no_other(command, tmp_path, monkeypatch, problem, reason, launcher):
    with monkeypatch.context() as patched:
        failing(patched, problem)
        said = command("-m", *XOR, EPSILONS, THERE, *launcher)
    assert said.code == 1
    assert [path.parent.name for path in sorted((tmp_path / "there").glob("*/seeds.csv"))] == [
        "0_epsilon=0.3",
        "2_epsilon=0.9",
    ]
    assert said.last == [
        "2 of 3 jobs are done, 0 can go on from a checkpoint, 1 begin anew.",
        f"failed: there/1_epsilon=0.5: {reason}",
        "To go on: python -m experiments.run resume=there",
    ]
    assert ("Traceback" in said.err) == isinstance(problem, ZeroDivisionError)
    assert f"#1 failed: {reason}\n" in said.err
    again = command("resume=there")
    assert (again.code, again.last, again.err) == (0, [], "")
    assert len([*(tmp_path / "there").glob("*/seeds.csv")]) == 3
    assert not [*(tmp_path / "there").glob("*/failed.txt")]


@pytest.mark.parametrize("launcher", [(), pytest.param((BESIDE,), marks=pytest.mark.slow)], ids=str)
def test_a_file_that_cannot_be_written_ends_its_job(command, tmp_path, monkeypatch, launcher):
    write = Curves.write

    def refuse(self, path):
        if "epsilon=0.5" in str(path):
            raise OSError(28, os.strerror(28))
        write(self, path)

    with monkeypatch.context() as patched:
        patched.setattr(Curves, "write", refuse)
        said = command("-m", *XOR, EPSILONS, THERE, *launcher)
    assert said.code == 1
    assert said.last[-1] == "To go on: python -m experiments.run resume=there"
    assert said.last[1].startswith("failed: there/1_epsilon=0.5: ")
    assert "there/1_epsilon=0.5/curves.csv: No space left on device; " in said.last[1]
    assert command("resume=there").code == 0
    assert len([*(tmp_path / "there").glob("*/seeds.csv")]) == 3


def test_a_batch_at_a_time(command, tmp_path, monkeypatch):
    """A job that fails in the first does not keep the others from being run."""
    with monkeypatch.context() as patched:
        failing(patched, ConfigError("no such card"), 0.3)
        said = command("-m", *XOR, EPSILONS, THERE, "hydra.sweeper.max_batch_size=1")
    assert (said.code, said.out.count("Launching 1 jobs locally")) == (1, 3)
    assert len([*(tmp_path / "there").glob("*/seeds.csv")]) == 2


def interrupting(monkeypatch, count: int, number: int = signal.SIGINT) -> None:
    """A signal at so manieth a snapshot of the sweep, counted over its jobs."""
    seen, record = [], Recording.__call__

    def note(self, snapshot, interrupted=False):
        seen.append(snapshot.sweep)
        if len(seen) == count:
            signal.raise_signal(number)
        record(self, snapshot, interrupted)

    monkeypatch.setattr(Recording, "__call__", note)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ctrl_c_says_how_far_it_was(command, monkeypatch, number, code):
    with monkeypatch.context() as patched:
        interrupting(patched, 6, number)
        said = command("-m", *XOR, EPSILONS, THERE)
    assert said.code == code
    assert said.last == [
        "Interrupted: 1 of 3 jobs are done, 1 can go on from a checkpoint, 1 begin anew.",
        "To go on: python -m experiments.run resume=there",
    ]
    assert "Traceback" not in said.err


def test_a_signal_between_two_jobs(command, monkeypatch, tmp_path):
    """Where the process is ended as it stands: what it then says and clears away; and what is gone on with."""
    begin, told = run.start, []

    def cut_off(job):
        if job.number == 1:
            with locked_directory(job.directory):
                job.save_options()
                (job.directory / "curves.partial.csv").touch()
            told.append(sweep.broken_off())
            raise SystemExit(130)
        begin(job)

    with monkeypatch.context() as patched:
        patched.setattr(run, "start", cut_off)
        said = command("-m", *XOR, EPSILONS, THERE)
    progress = "1 of 3 jobs are done, 0 can go on from a checkpoint, 2 begin anew"
    assert told == [f"{progress}; to go on: python -m experiments.run resume=there"]
    assert (said.code, said.last[0]) == (130, f"Interrupted: {progress}.")
    assert sorted(path.name for path in Path("there").iterdir() if path.is_dir()) == ["0_epsilon=0.3"]
    assert command("resume=there").code == 0


def test_a_signal_before_the_first_job_leaves_nothing(command, monkeypatch, tmp_path):
    told = []

    def cut_off(job):
        told.append(sweep.broken_off())
        raise SystemExit(130)

    monkeypatch.setattr(run, "start", cut_off)
    command("-m", *XOR, EPSILONS, THERE)
    assert told == ["no job was begun"]


def test_before_there_is_a_plan_there_is_nothing_to_say(command, monkeypatch, tmp_path):
    def cut_off(self):
        assert sweep.broken_off() == ""
        raise SystemExit(130)

    monkeypatch.setattr(Plan, "write", cut_off)
    said = command("-m", *XOR, EPSILONS, THERE)
    assert (said.code, said.out, said.err) == (130, "", "")


# How it goes on ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "launcher"),
    [
        (2, (BESIDE,)),
        (9, ()),
        *(pytest.param(*each, marks=pytest.mark.slow) for each in ((2, ()), (5, ()), (9, (BESIDE,)))),
    ],
    ids=str,
)
def test_a_resumed_sweep_leaves_what_one_leaves_that_was_not_ended(command, tmp_path, monkeypatch, count, launcher):
    """Finished jobs are not touched, started ones go on, missing ones begin with the options they would have had."""
    monkeypatch.setenv("MINE", "0.7")
    jobs = ["learning.epsilon=0.3,${oc.env:MINE}", "rule=momentum,steepest"]
    command("-m", *XOR, *jobs, "hydra.sweep.dir=whole", *launcher)
    with monkeypatch.context() as patched:
        interrupting(patched, count)
        said = command("-m", *XOR, *jobs, THERE, *launcher)
    assert said.code == 130
    finished = [
        path.parent for path in (tmp_path / "there").glob("*/seeds.csv") if not (path.parent / "checkpoint.pt").exists()
    ]
    before = {path: path.stat().st_mtime_ns for run in finished for path in run.rglob("*") if path.name != ".lock"}
    monkeypatch.setenv("MINE", "0.1")
    again = command("resume=there")
    assert (again.code, again.err, again.last) == (0, "", [])
    assert {path: path.stat().st_mtime_ns for path in before} == before
    ours, whole = left(tmp_path / "there"), left(tmp_path / "whole")
    assert ours.keys() == whole.keys()
    for name in whole:
        if name.endswith(".csv"):
            assert ours[name] == whole[name]
    for number in range(4):
        (path,) = (tmp_path / "there").glob(f"{number}_*/.hydra/config.yaml")
        assert yaml.safe_load(path.read_text())["learning"]["alpha"] == (0.9, 0.0)[number % 2]


def test_side_by_side_goes_on_with_the_missing_side_by_side(command, tmp_path, monkeypatch):
    def two_of(configs):
        return [[0, 1], *([number] for number in range(2, len(configs)))]

    with monkeypatch.context() as patched:
        patched.setattr(side_by_side, "groups", two_of)
        interrupting(patched, 3)
        command("-m", *XOR, "learning.epsilon=0.3,0.5,0.7,0.9", THERE, BESIDE)
    assert len([*(tmp_path / "there").glob("*/checkpoint.pt")]) == 2
    said = command("resume=there", "record.progress=false")
    assert said.code == 0
    assert "\tside by side: #2, #3\n\tone after another: #0, #1; begun before\n" in said.out
    assert len([*(tmp_path / "there").glob("*/seeds.csv")]) == 4


def test_a_job_that_was_cut_short_begins_anew(command, tmp_path):
    """One that was killed before its first checkpoint has left something, and is no finished run."""
    command("-m", *XOR, EPSILONS, "hydra.sweep.dir=whole")
    command("-m", *XOR, EPSILONS, THERE)
    for name in ("seeds.csv", "curves.csv", "weights.pt"):
        (tmp_path / "there" / "1_epsilon=0.5" / name).unlink()
    (tmp_path / "there" / "1_epsilon=0.5" / "curves.partial.csv").write_text("E,")
    (tmp_path / "there" / "sweep.csv").unlink()
    assert command("resume=there").code == 0
    ours, whole = left(tmp_path / "there"), left(tmp_path / "whole")
    assert {name: ours[name] for name in whole} == whole
    assert len(whole) > 6


def test_a_sweep_that_is_done_is_only_told_of(command, tmp_path, monkeypatch):
    command("-m", *XOR, EPSILONS, THERE)
    before = left(tmp_path / "there")
    monkeypatch.setattr(run, "start", None)
    said = command("resume=there")
    assert (said.code, said.err, said.last) == (0, "", [])
    assert "Launching" not in said.out
    assert left(tmp_path / "there") == before


def test_a_moved_sweep_goes_on_where_it_is(command, tmp_path, monkeypatch):
    with monkeypatch.context() as patched:
        interrupting(patched, 6)
        command("-m", *XOR, EPSILONS, THERE)
    (tmp_path / "there").rename(tmp_path / "with a space, and 'quotes'")
    said = command("resume=with a space, and 'quotes'")
    assert (said.code, said.err) == (0, "")
    assert len([*(tmp_path / "with a space, and 'quotes'").glob("*/seeds.csv")]) == 3
    assert not (tmp_path / "there").exists()


def test_what_may_stand_beside_it(command, tmp_path, monkeypatch):
    """Goes to all that is left to do, and does not change what is swept: here the very same option."""
    with monkeypatch.context() as patched:
        interrupting(patched, 6)
        command("-m", *XOR, "threads=1,2,3", THERE)
    seen, resume = [], run.resume
    monkeypatch.setattr(run, "resume", lambda at, beside: seen.append((at.name, beside)) or resume(at, beside))
    assert command("resume=there", "threads=2", "record.progress=false").code == 0
    assert seen == [("1_threads=2", ["threads=2", "record.progress=false"])]
    made = {
        path.parts[-3]: yaml.safe_load(path.read_text())["threads"]
        for path in (tmp_path / "there").glob("*/.hydra/config.yaml")
    }
    assert made == {"0_threads=1": 1, "1_threads=2": 2, "2_threads=3": 2}
    for text in ("learning.epsilon=1", "-m", "hydra/launcher=joblib", "threads", "threads=0", "device=gpu"):
        said = command("resume=there", text)
        assert (said.code, said.out, len(said.err.splitlines())) == (2, "", 1)


def test_listing_what_is_left(command, tmp_path, monkeypatch):
    with monkeypatch.context() as patched:
        interrupting(patched, 6)
        command("-m", *XOR, EPSILONS, THERE)
    before = left(tmp_path / "there")
    said = command("resume=there", "--dry-run")
    assert said.code == 0
    assert [line.rpartition("; ")[2] for line in said.out.splitlines()[1:3]] == ["done", "goes on from its checkpoint"]
    assert said.out.splitlines()[3].endswith("learning.epsilon=0.9")
    assert left(tmp_path / "there") == before


def test_what_is_no_sweep_is_refused(command, tmp_path):
    for path, words in {
        "nothing": "there is no such directory",
        ".": "is not the directory of a run",
    }.items():
        said = command(f"resume={path}")
        assert (said.code, words in said.err) == (2, True)
    command(*XOR, "hydra.run.dir=old/0")
    said = command("resume=old")
    assert (said.code, "no sweep.json" in said.err, len(said.err.splitlines())) == (2, True, 1)


def test_a_sweep_is_not_begun_where_there_is_one(command, tmp_path, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(run, "start", lambda job: (_ for _ in ()).throw(ConfigError("not now")))
        command("-m", *XOR, EPSILONS, THERE)
    before = left(tmp_path / "there")
    said = command("-m", *XOR, EPSILONS, THERE)
    assert (said.code, said.out) == (2, "")
    assert said.err == (
        "experiments.run: hydra.sweep.dir=there: holds a sweep; name another directory, or go on with it: "
        "resume=there\n"
    )
    assert left(tmp_path / "there") == before


def test_a_file_in_the_way_of_a_job_is_seen_before_any_begins(command, tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "1_epsilon=0.5").touch()
    said = command("-m", *XOR, EPSILONS, THERE)
    assert (said.code, said.out, len(said.err.splitlines())) == (2, "", 1)
    assert "there/1_epsilon=0.5: is in the way" in said.err
    assert not (tmp_path / "there" / "sweep.json").exists()


# The table ---------------------------------------------------------------------------------------------------


def test_the_table_has_what_is_swept_and_what_came_out(command, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    more = ["learning.sweeps=600", "learning.epsilon=0.3,0.9", "population.seeds=20"]
    said = command("-m", *XOR, *more, "network.initial_range=0.3,1", THERE)
    with (tmp_path / "there" / "sweep.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0])[:5] == ["job", "learning.epsilon", "network.initial_range", "state", "networks"]
    for row in rows:
        with (tmp_path / "there" / row["job"] / "seeds.csv").open() as file:
            seeds = list(csv.DictReader(file))
        sweeps = sorted(int(seed["sweeps"]) for seed in seeds if seed["solved"] == "1")
        assert (row["networks"], row["state"]) == ("20", "done")
        assert float(row["learned"]) == len(sweeps) / 20
        assert float(row["learned_low"]) <= float(row["learned"]) <= float(row["learned_high"])
        if sweeps:
            middle = (sweeps[(len(sweeps) - 1) // 2] + sweeps[len(sweeps) // 2]) / 2
            assert float(row["sweeps_median"]) == middle
            assert f"{middle:,.0f} (" in said.out
        else:
            assert row["sweeps_median"] == ""
        assert f"{100 * len(sweeps) / 20:.1f} % (" in said.out
    assert any(float(row["learned"]) > 0 for row in rows)
    assert "Written to there/sweep.csv" in said.out
    made = (tmp_path / "there" / "sweep.csv").read_bytes()
    (tmp_path / "there" / "sweep.csv").unlink()
    assert report.sweep(Path("there")) == 0
    assert said.out.endswith(capsys.readouterr().out)
    assert (tmp_path / "there" / "sweep.csv").read_bytes() == made


def test_the_table_of_a_sweep_that_has_not_ended(command, tmp_path, monkeypatch, capsys):
    with monkeypatch.context() as patched:
        interrupting(patched, 6)
        command("-m", *XOR, EPSILONS, THERE)
    (tmp_path / "there" / "sweep.csv").unlink()
    assert report.sweep(Path("there")) == 0
    with (tmp_path / "there" / "sweep.csv").open() as file:
        states = [(row["learning.epsilon"], row["state"], row["learned"] != "") for row in csv.DictReader(file)]
    assert states == [("0.3", "done", True), ("0.5", "started", False), ("0.9", "not started", False)]
    (tmp_path / "there" / "sweep.json").unlink()  # as a sweep of an earlier version, or of another sweeper
    assert report.sweep(Path("there")) == 0
    with (tmp_path / "there" / "sweep.csv").open() as file:
        assert [row["job"] for row in csv.DictReader(file)] == ["0_epsilon=0.3", "1_epsilon=0.5"]
    capsys.readouterr()


@pytest.mark.parametrize("what", ["nothing", "empty", "."])
def test_no_table_of_what_is_no_sweep(command, tmp_path, capsys, what):
    (tmp_path / "empty").mkdir()
    assert report.sweep(Path(what)) == 2
    assert f"{what}: is not the directory of a sweep" in capsys.readouterr().err


def test_jobs_that_share_an_end_of_a_name_have_whole_names_in_the_table(command, tmp_path):
    said = command("-m", *XOR, "population.seeds=2,3", "population.first_seed=0,5", THERE)
    header = (tmp_path / "there" / "sweep.csv").read_text().partition("\n")[0]
    assert header.startswith("job,population.seeds,population.first_seed,state,")
    assert said.code == 0


# In processes of their own -----------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_sweep_that_is_killed_at_any_moment_goes_on(tmp_path):
    process = start(tmp_path, "tests.experiments.killing_sweeps", str(tmp_path), "40", "1")
    out, err = process.communicate(timeout=900)
    assert (process.returncode, "Traceback" in err) == (0, False), err
    ended, *left_behind = out.splitlines()
    assert int(ended.rpartition(" ")[2]) >= 1
    assert len(left_behind) >= 3


@pytest.mark.slow
def test_jobs_in_processes_of_their_own(tmp_path):
    """By joblib: one fails, for a file in the place of a directory of its own; then it goes on by joblib again."""
    in_the_way = tmp_path / "there" / "1_epsilon=0.5" / ".hydra"
    in_the_way.parent.mkdir(parents=True)
    in_the_way.write_text("")
    process = start(tmp_path, "experiments.run", "-m", *XOR, EPSILONS, THERE, "hydra/launcher=joblib")
    out, err = process.communicate(timeout=300)
    assert process.returncode == 1, err
    assert "\nfailed: there/1_epsilon=0.5: " in out
    assert "To go on: python -m experiments.run resume=there" in out
    in_the_way.unlink()
    process = start(tmp_path, "experiments.run", "resume=there")
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert "Joblib.Parallel" in out
    assert len([*(tmp_path / "there").glob("*/seeds.csv")]) == 3
