"""``hydra/launcher=side_by_side``: what a multirun leaves by it is what it leaves by Hydra's basic launcher."""

import logging
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn, JobStatus
from omegaconf import OmegaConf

from experiments import run
from experiments.options.load import load
from experiments.options.schema import CONFIGS, register
from experiments.running import side_by_side
from experiments.running.command_line import register_plugins, register_resolvers
from experiments.running.curves import Curves
from experiments.running.recording import Recording
from repro.side_by_side import train_side_by_side
from tests.experiments.processes import interrupt, start

FEW = ("experiment=xor", "population.seeds=5", "learning.sweeps=150", "record.every=30", "threads=1")
BARE = ("record.figures=false", "record.tensorboard=false", "record.progress=false")
PLAIN = (*FEW, *BARE, "precision=float64", "compile=false", "hydra.sweep.dir=DIRECTORY")
MIXED = (*PLAIN, "learning.epsilon=0.3,0.9", "learning.change=per_sweep,per_case", "network.initial_range=1")
"""Four jobs: every other one changes its weights after every case."""
BESIDE = "hydra/launcher=side_by_side"
Multirun = Callable[..., list[JobReturn]]


@pytest.fixture
def multirun(monkeypatch, tmp_path, capsys) -> Multirun:
    """``multirun("there", *arguments)`` is ``python -m experiments.run -m ARGUMENTS``, its directory ``there``."""
    monkeypatch.chdir(tmp_path)
    register()
    register_resolvers()
    root = logging.getLogger()
    handlers, level, config = [*root.handlers], root.level, HydraConfig.instance().cfg

    def do(directory: str, *arguments: str) -> list[JobReturn]:
        texts = [argument.replace("DIRECTORY", directory) for argument in arguments]
        with initialize_config_dir(str(CONFIGS), version_base="1.3"):
            hydra = GlobalHydra.instance().hydra
            assert hydra is not None
            (batch,) = hydra.multirun("config", run.launch.__wrapped__, texts, with_log_configuration=True)
        return batch

    yield do
    root.handlers[:], root.level, HydraConfig.instance().cfg = handlers, level, config


def left(directory: Path) -> dict[str, bytes]:
    """Every file but locks, events and what has directories or times of its own in it."""
    others = ("hydra.yaml", "multirun.yaml", "sweep.json", ".lock")
    paths = [path for path in directory.rglob("*") if path.is_file() and path.name not in others]
    return {str(path.relative_to(directory)): path.read_bytes() for path in paths if "tfevents" not in path.name}


def hydras(directory: Path) -> list[object]:
    """What Hydra itself is told of each job, but for the launcher and the directory's name."""
    texts = [path.read_text().replace(directory.name, "THERE") for path in sorted(directory.rglob(".hydra/hydra.yaml"))]
    found = [OmegaConf.to_container(OmegaConf.create(text)) for text in texts]
    for each in found:
        del each["hydra"]["launcher"], each["hydra"]["runtime"]["choices"]["hydra/launcher"]
        each["hydra"]["overrides"]["hydra"] = [o for o in each["hydra"]["overrides"]["hydra"] if "launcher" not in o]
    return found


def assert_same_multirun(one: list[JobReturn], other: list[JobReturn]) -> None:
    assert [r.overrides for r in one] == [r.overrides for r in other]
    assert [r.cfg for r in one] == [r.cfg for r in other]
    assert [(r.status, r.return_value, r.task_name, r.working_dir) for r in one] == [
        (r.status, r.return_value, r.task_name, r.working_dir) for r in other
    ]


def test_it_leaves_what_the_basic_launcher_leaves(multirun, tmp_path, capsys):
    """The same directories with the same tables and options; and hands the same back to the sweeper."""
    basic = multirun("theirs_here", *MIXED)
    capsys.readouterr()
    beside = multirun("ours_here", *MIXED, BESIDE)
    said = capsys.readouterr().out
    ours, theirs = left(tmp_path / "ours_here"), left(tmp_path / "theirs_here")
    assert ours.keys() == theirs.keys()
    assert sum(name.endswith("seeds.csv") for name in ours) == 4
    assert len({theirs[name] for name in theirs if name.endswith("seeds.csv")}) == 4
    assert {name: ours[name] for name in ours if not name.endswith(".pt")} == {
        name: theirs[name] for name in theirs if not name.endswith(".pt")
    }
    assert hydras(tmp_path / "ours_here") == hydras(tmp_path / "theirs_here")
    assert len(hydras(tmp_path / "ours_here")) == 4
    assert_same_multirun(beside, basic)
    assert said.splitlines()[0] == "Launching 4 jobs locally"
    assert "\tside by side: #0, #2\n\tside by side: #1, #3; #0 and #1: learning.change=per_sweep and per_case\n" in said
    assert said.count("Written to ") == 4


def test_jobs_that_cannot_be_side_by_side_are_run_one_after_another(multirun, tmp_path, capsys, monkeypatch):
    """With a line that says for which option."""
    own, ran = run.run, []
    monkeypatch.setattr(run, "run", lambda config, directory: ran.append(config) or own(config, directory))
    returned = multirun("there", *PLAIN, "network.groups.hidden=1,2,3", BESIDE)
    said = capsys.readouterr().out
    assert [config.network.groups["hidden"] for config in ran] == [1, 2, 3]
    assert [r.status for r in returned] == [JobStatus.COMPLETED] * 3
    assert "\tby itself: #0\n\tby itself: #1; #0 and #1: network.groups.hidden=1 and 2\n" in said
    assert sum(name.endswith("seeds.csv") for name in left(tmp_path / "there")) == 3


def test_no_more_than_fit_are_side_by_side(multirun, capsys, monkeypatch):
    monkeypatch.setattr(side_by_side, "MOST_RUNS", 2)
    multirun("there", *PLAIN, "learning.epsilon=0.1,0.2,0.3", BESIDE)
    assert "\tside by side: #0, #1\n\tby itself: #2; #0 and #2: no room beside it\n" in capsys.readouterr().out


def test_a_job_that_fails_is_told_of_as_the_basic_launcher_does(multirun, tmp_path, monkeypatch, capsys):
    """The others end as they would."""
    record = Recording.__call__

    def fail(self: Recording, snapshot, interrupted: bool = False) -> None:
        if self.config.learning.epsilon == 0.9 and snapshot.sweep == 60:
            raise ZeroDivisionError("a bug")
        record(self, snapshot, interrupted)

    multirun("sound", *PLAIN, "learning.epsilon=0.3,0.9,0.5")
    monkeypatch.setattr(Recording, "__call__", fail)
    ended = {}
    for name, more in (("theirs_here", ()), ("ours_here", (BESIDE,))):
        capsys.readouterr()
        assert [result.status for result in multirun(name, *PLAIN, "learning.epsilon=0.3,0.9,0.5", *more)] == [
            JobStatus.COMPLETED
        ] * 3
        ended[name] = capsys.readouterr().err
        assert ended[name].startswith("Traceback")
    assert ended["ours_here"].splitlines()[-1] == ended["theirs_here"].splitlines()[-1]
    assert ended["ours_here"].endswith("\n#1 failed: ZeroDivisionError: a bug\n")
    ours, theirs = left(tmp_path / "ours_here"), left(tmp_path / "theirs_here")
    assert ours.keys() == theirs.keys()
    assert "1_epsilon=0.9/failed.txt" in ours
    for name, content in left(tmp_path / "sound").items():
        if name.endswith("seeds.csv"):
            assert (ours.get(name) == content) != ("epsilon=0.9" in name)


def test_ctrl_c_ends_the_multirun_with_checkpoints(multirun, tmp_path, monkeypatch, capsys):
    def interrupted(*arguments, **options):
        for count, made in enumerate(train_side_by_side(*arguments, **options)):
            if count == 3:
                signal.raise_signal(signal.SIGINT)
            yield made

    multirun("whole", *MIXED)
    monkeypatch.setattr(side_by_side, "train_side_by_side", interrupted)
    with pytest.raises(SystemExit) as end:
        multirun("cut", *MIXED, BESIDE)
    assert end.value.code == 130
    begun = sorted(path.parent for path in (tmp_path / "cut").rglob("checkpoint.pt"))
    assert [path.name[:1] for path in begun] == ["0", "2"]  # the other two had not begun
    for directory in begun:
        run.resume(directory, [])
        for name in ("seeds.csv", "curves.csv", ".hydra/config.yaml"):
            assert (directory / name).read_bytes() == (tmp_path / "whole" / directory.name / name).read_bytes()


def test_a_directory_that_holds_a_run_costs_a_line(multirun, tmp_path, capsys):
    done = tmp_path / "there" / "0_epsilon=0.5"
    run.run(load("xor", *[text for text in PLAIN if "=xor" not in text and "hydra" not in text]), done)
    before = (done / "seeds.csv").read_bytes()
    capsys.readouterr()
    with pytest.raises(SystemExit) as end:
        multirun("there", *PLAIN, "learning.epsilon=0.5,0.7", BESIDE)
    assert end.value.code == 2
    assert capsys.readouterr().err == "experiments.run: there/0_epsilon=0.5: holds a run; name another directory\n"
    assert (done / "seeds.csv").read_bytes() == before
    assert [path.parent for path in (tmp_path / "there").rglob("seeds.csv")] == [done]


def test_a_full_disk_ends_those_beside_it_with_a_line(multirun, tmp_path, monkeypatch, capsys):
    """Each with a checkpoint, where it could write one: what fills the disk for one does for all."""

    def refuse(self: Curves, path: Path) -> None:
        if "epsilon=0.7" in str(path):
            raise OSError(28, os.strerror(28))
        write(self, path)

    write = Curves.write
    monkeypatch.setattr(Curves, "write", refuse)
    multirun("there", *PLAIN, "learning.epsilon=0.7,0.5", BESIDE)
    lines = capsys.readouterr().err.splitlines()
    assert [line[:10] for line in lines] == ["#0 failed:", "#1 failed:"]
    assert all("curves.csv: No space left on device; " in line for line in lines)
    assert len([*(tmp_path / "there").rglob("seeds.csv")]) == 1


def test_a_job_whose_options_make_no_network_fails_by_itself(multirun, tmp_path, capsys):
    """As one could that is not among the jobs that are checked before."""
    multirun("there", *PLAIN, "network.links.output=[hidden],[hidden,nosuch],[hidden,input]", BESIDE)
    assert capsys.readouterr().err.startswith("#1 failed: network.links.output: there is no group 'nosuch'")
    assert len([*(tmp_path / "there").rglob("seeds.csv")]) == 2


@pytest.mark.parametrize("path", [[], ["elsewhere"], ["there"], ["relative"]])
def test_hydra_looks_beside_experiments_once(monkeypatch, path):
    """Wherever experiments was imported from: also where the checkout is not on Python's path."""
    checkout = CONFIGS.parent
    monkeypatch.chdir(checkout)
    names = {"elsewhere": "/elsewhere", "there": str(checkout), "relative": ""}
    monkeypatch.setattr(sys, "path", [names[each] for each in path])
    for _ in range(2):
        register_plugins()
        assert [os.path.abspath(each) for each in sys.path].count(str(checkout)) == 1


# In processes of their own -----------------------------------------------------------------------------------


@pytest.mark.slow
def test_compiled_the_bytes_are_those_of_each_job_alone(tmp_path):
    """Every file: tables, weights, figures. Of another epsilon, other first weights, and both."""
    options = [
        "-m",
        *FEW,
        "record.progress=false",
        "compile=true",
        "learning.epsilon=0.3,0.9",
        "network.initial_range=0.3,1",
    ]
    for name, more in (("theirs_here", []), ("ours_here", [BESIDE])):
        process = start(tmp_path, "experiments.run", *options, *more, f"hydra.sweep.dir={name}")
        out, err = process.communicate(timeout=300)
        assert (process.returncode, err) == (0, "")
        assert ("side by side: #0, #1, #2, #3" in out) == (name == "ours_here")
    ours, theirs = left(tmp_path / "ours_here"), left(tmp_path / "theirs_here")
    assert sum(name.endswith((".pt", ".png")) for name in ours) > 8
    assert ours == theirs
    assert hydras(tmp_path / "ours_here") == hydras(tmp_path / "theirs_here")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_ctrl_c_in_a_terminal(tmp_path, number):
    options = [
        "experiment=xor",
        "population.seeds=300",
        "learning.sweeps=1000000",
        "compile=false",
        "criterion.stop=false",
    ]
    more = ["record.every=20", "record.figures=false", "learning.epsilon=0.1,0.2", BESIDE, "hydra.sweep.dir=there"]
    process = start(tmp_path, "experiments.run", "-m", *options, *more)
    out, err = interrupt(process, SimpleNamespace(glob=(tmp_path / "there").rglob), number)
    assert (process.returncode, "Traceback" in out + err) == (128 + number, False)
    assert out.count("To go on: python -m experiments.run resume=") == 3  # with each job, and with the sweep
    assert len([*(tmp_path / "there").rglob("checkpoint.pt")]) == 2
