"""A run that was ended, and resumed, leaves what it would have left; what cannot be relied on is refused."""

import fcntl
import itertools
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.summary.writer import event_file_writer

import repro.backends
import repro.training
from experiments import run
from experiments.options.load import load
from experiments.options.schema import CONFIGS, ConfigError, check
from experiments.options.setup import first_population, training_setup
from experiments.running.checkpoint import NAME, VERSION, read, write
from experiments.running.directory import LOCK
from tests.experiments.processes import interrupt, left_of_group, start

PLAIN = ("record.figures=false", "record.tensorboard=false", "threads=1", "record.progress=false")
FILES = ("seeds.csv", "curves.csv", "weights.pt")

XOR = ("xor", *PLAIN, "population.seeds=31", "learning.sweeps=600", "record.every=50", "backward_pass=explicit")
"""By then some have learned and stopped."""

TREES = ("family_trees", *PLAIN, "population.seeds=5", "learning.sweeps=40", "record.every=4", "backward_pass=explicit")
"""With decay, another epsilon and alpha from half way on, and cases held out."""

RUNS = {
    "xor": XOR,
    "xor, float64": (*XOR, "precision=float64", "population.first_seed=7"),
    "xor, autograd": (*XOR, "backward_pass=autograd", "population.seeds=9", "learning.sweeps=100", "record.every=10"),
    "xor, two threads": (*XOR, "threads=2"),
    "symmetry": ("symmetry", *XOR[1:], "learning.sweeps=90", "record.every=7"),
    "trees": TREES,
    "trees, autograd": (*TREES, "backward_pass=autograd", "population.seeds=3", "learning.sweeps=30"),
    "trees, compiled": (*TREES, "compile=true", "population.seeds=35"),
    "trees, per case": (*TREES, "learning.change=per_case", "learning.sweeps=8", "record.every=1"),
}
SLOW = {"xor, float64", "xor, two threads", "trees, compiled", "trees, per case"}


def interrupted(go: Callable[[], object], snapshot: int, number: int = signal.SIGINT) -> object:
    """``go()``, with Ctrl-C before a snapshot, counted from 0: the exit code, None where it came to its end."""

    def train(*arguments, **options):
        for count, made in enumerate(real(*arguments, **options)):
            if count == snapshot:
                signal.raise_signal(number)
            yield made

    real = repro.training.train
    repro.training.train = train
    try:
        go()
    except SystemExit as end:
        return end.code
    finally:
        repro.training.train = real
    return None


@pytest.fixture
def cut(tmp_path, capsys) -> Path:
    """The directory of a run that was interrupted after 100 sweeps of xor."""
    assert interrupted(partial(run.run, load(*XOR), tmp_path / "cut", quiet=True), 2) == 130
    capsys.readouterr()
    return tmp_path / "cut"


def snapshots(directory: Path) -> list[int]:
    return [int(row.partition(",")[0]) for row in (directory / "curves.csv").read_text().splitlines()[1:]]


# As if nothing had happened ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in RUNS])
def test_resumed_is_uninterrupted_byte_for_byte(ran, tmp_path, name):
    """Interrupted at a random snapshot, then at the last one, and both again as they go on."""
    whole, chance = ran(*RUNS[name]), random.Random(name)
    for last in (False, True):
        directory = tmp_path / f"{last}{chance.random()}"
        at = len(snapshots(whole)) - 1 if last else chance.randrange(len(snapshots(whole)) - 1)
        assert interrupted(partial(run.run, load(*RUNS[name]), directory, quiet=True), at) == 130
        assert snapshots(directory) == snapshots(whole)[: at + 1]
        while (directory / "checkpoint.pt").exists():
            left = snapshots(whole)[len(read(directory).curves.sweeps) :]
            assert interrupted(partial(run.resume, directory, []), chance.randrange(len(left) + 1)) in (130, None)
        assert [(directory / file).read_bytes() for file in FILES] == [(whole / file).read_bytes() for file in FILES]
        assert {path.name for path in directory.iterdir()} == {path.name for path in whole.iterdir()}


@pytest.mark.parametrize("name", ["xor", "symmetry"])
def test_a_run_whose_training_is_ahead_leaves_the_same(tmp_path, monkeypatch, name):
    """What TensorBoard shows; and the files, also where it was interrupted in what is trained in one go."""
    options = (*PLAIN[:1], *PLAIN[2:], "population.seeds=32", "record.every=1", "compile=true", "learning.sweeps=120")
    config = load(name, *options, "learning.epsilon=1.5", "criterion.tolerance=0.4")
    looks, go = [], repro.training.Stretch.go
    monkeypatch.setattr(
        repro.training.Stretch, "go", lambda stretch, pool: looks.append(len(stretch.looks)) or go(stretch, pool)
    )
    with monkeypatch.context() as never:
        never.setattr(repro.training, "AHEAD_AFTER", 10**9)
        run.run(config, tmp_path / "whole", quiet=True)
    assert set(looks) == {1}
    run.run(config, tmp_path / "ahead", quiet=True)
    assert interrupted(partial(run.run, config, tmp_path / "cut", quiet=True), 67) == 130
    assert interrupted(partial(run.resume, tmp_path / "cut", []), 30) == 130
    run.resume(tmp_path / "cut", [])
    assert max(looks) > 2
    whole = tmp_path / "whole"
    assert {"weights/bias->output", f"{name}/E_median", f"{name}/E_replica"} <= shown(whole).keys()
    assert shown(tmp_path / "ahead") == shown(whole)
    for directory in (tmp_path / "ahead", tmp_path / "cut"):
        assert [(directory / file).read_bytes() for file in FILES] == [(whole / file).read_bytes() for file in FILES]


def shown(directory: Path) -> dict[str, list[tuple[int, object]]]:
    """The scalars and histograms of a run, by tag: sweep and value."""
    read = events(directory)
    scalars = {tag: [(event.step, event.value) for event in read.Scalars(tag)] for tag in read.Tags()["scalars"]}
    return scalars | {
        tag: [(event.step, event.histogram_value) for event in read.Histograms(tag)]
        for tag in read.Tags()["histograms"]
    }


def test_a_run_that_could_not_write_goes_on_from_its_last_checkpoint(ran, tmp_path, monkeypatch):
    """Not from its end: here the first of every three snapshots has one, as if they were seconds apart."""
    clock = itertools.count()
    monkeypatch.setattr("experiments.running.checkpoint.time", SimpleNamespace(monotonic=lambda: next(clock)))
    monkeypatch.setattr("experiments.running.seeds.write_seeds", lambda *arguments: os.stat("/nowhere"))
    with pytest.raises(SystemExit, match="No such file"):
        run.run(load(*XOR, "record.checkpoint=3"), tmp_path, quiet=True)
    assert 0 < read(tmp_path).sweep < 600
    monkeypatch.undo()
    run.resume(tmp_path, [])
    assert [(tmp_path / file).read_bytes() for file in FILES] == [(ran(*XOR) / file).read_bytes() for file in FILES]


@pytest.mark.parametrize(("seconds", "count"), [("0", 13), ("null", 0), ("3600", 0), ("1e-9", 13)])
def test_checkpoints_are_so_many_seconds_apart(monkeypatch, tmp_path, seconds, count):
    written = []
    monkeypatch.setattr(
        "experiments.running.checkpoint.write", lambda directory, checkpoint: written.append(checkpoint.sweep)
    )
    run.run(load(*XOR, f"record.checkpoint={seconds}"), tmp_path, quiet=True)
    assert written == list(range(0, 601, 50))[:count]


@pytest.mark.parametrize("value", ["-0.5", "nan", "inf"])
def test_seconds_that_cannot_be(value):
    config = load("xor")
    config.record.checkpoint = float(value)
    with pytest.raises(ConfigError, match=f"record.checkpoint={value}: must be a number of at least 0"):
        check(config)


def test_threads_device_and_progress_can_be_others_for_the_rest(cut, monkeypatch):
    """The checkpoint keeps what the run was started with."""
    given = []
    monkeypatch.setattr(run, "run", lambda config, directory, resumed: given.append((config, resumed.config)))
    run.resume(cut, ["threads=2", "device=cpu", "record.progress=true"])
    ((config, at_first),) = given
    assert at_first == load(*XOR)
    assert config == load(*XOR, "threads=2", "record.progress=true")
    monkeypatch.undo()
    assert interrupted(partial(run.resume, cut, ["threads=2"]), 2) == 130
    assert read(cut).config == load(*XOR)


# TensorBoard -------------------------------------------------------------------------------------------------


def events(directory: Path) -> EventAccumulator:
    everything = {"scalars": 0, "images": 0, "histograms": 0, "tensors": 0}
    return EventAccumulator(str(directory), everything).Reload()


def steps(found: EventAccumulator) -> dict[str, list[int]]:
    """Of all that TensorBoard shows the sweeps, in the order of the files."""
    kinds = {"scalars": found.Scalars, "images": found.Images, "histograms": found.Histograms}
    return {tag: [event.step for event in of(tag)] for kind, of in kinds.items() for tag in found.Tags()[kind]}


def texts(directory: Path) -> dict[Path, str]:
    """What the embedding projector shows."""
    files = [directory / "projector_config.pbtxt", *directory.glob("*/*person codes/*")]
    return {file.relative_to(directory): file.read_text() for file in files if file.exists()}


@pytest.mark.parametrize("experiment", ["xor", pytest.param("family_trees", marks=pytest.mark.slow)])
def test_tensorboard_shows_one_curve(ran, tmp_path, monkeypatch, experiment):
    """Of a run that was interrupted, then killed after its next checkpoint, and then came to its end."""
    options = ("population.seeds=4", "learning.sweeps=20", "record.every=2", "record.tensorboard=true")
    options = (experiment, *PLAIN, *options, "backward_pass=explicit")
    whole, directory = ran(*options), tmp_path / "run"
    clock = itertools.count(int(time.time()))  # each process writes its events in another second
    monkeypatch.setattr(event_file_writer, "time", SimpleNamespace(time=lambda: next(clock)))
    assert interrupted(partial(run.run, load(*options), directory, quiet=True), 4) == 130
    assert steps(events(directory))["final/learned"] == [8]
    shutil.copy(directory / "checkpoint.pt", tmp_path)
    assert interrupted(partial(run.resume, directory, []), 4) == 130
    shutil.copy(tmp_path / "checkpoint.pt", directory)  # that after 8 sweeps, where the events go up to 16
    run.resume(directory, [])

    ours, theirs = events(directory), events(whole)
    assert steps(ours) == steps(theirs)
    for tag in theirs.Tags()["scalars"]:
        np.testing.assert_array_equal(*([event.value for event in each.Scalars(tag)] for each in (ours, theirs)))
    assert len(ours.Tensors("custom_scalars__config__")) == 1
    assert len(list(directory.glob("paper/events.*"))) == (experiment == "xor")
    assert not list(directory.glob("*.interrupted"))
    assert texts(directory) == texts(whole)


# Refused -----------------------------------------------------------------------------------------------------


def refusal(directory: Path) -> str:
    with pytest.raises(ConfigError) as end:
        read(directory)
    (line,) = str(end.value).splitlines()
    assert line.startswith(f"resume={directory}: ")
    return line


@pytest.fixture
def small(tmp_path) -> Path:
    """The directory of a run of one network, whose checkpoint is as small as they are."""
    one = ("xor", *PLAIN, "population.seeds=1", "learning.sweeps=4", "record.every=2", "backward_pass=explicit")
    assert interrupted(partial(run.run, load(*one), tmp_path / "small", quiet=True), 1) == 130
    return tmp_path / "small"


def test_a_checkpoint_cut_short_anywhere_is_refused(small):
    path = small / "checkpoint.pt"
    for length in reversed(range(path.stat().st_size)):
        os.truncate(path, length)
        assert "is damaged" in refusal(small) or length < len(NAME + VERSION)


def test_a_checkpoint_with_any_byte_changed_is_refused(small):
    path, chance = small / "checkpoint.pt", random.Random(0)
    with path.open("rb+", buffering=0) as file:
        for at, byte in enumerate(path.read_bytes()):
            os.pwrite(file.fileno(), bytes([byte ^ chance.randrange(1, 256)]), at)
            assert "is damaged" in refusal(small) or at < len(NAME + VERSION)
            os.pwrite(file.fileno(), bytes([byte]), at)
        assert read(small).sweep == 2
        os.pwrite(file.fileno(), b"more", path.stat().st_size)
    assert "is damaged" in refusal(small)


def test_files_that_are_no_checkpoint_are_refused(small):
    for other in (small / "weights.pt", small / "seeds.csv", "/dev/null"):
        shutil.copy(other, small / "checkpoint.pt")
        assert refusal(small).endswith("checkpoint.pt is no checkpoint of a run")
    (small / "checkpoint.pt").unlink()
    (small / "checkpoint.pt").mkdir()
    assert refusal(small).endswith("checkpoint.pt: Is a directory")


def test_another_version_of_the_format_is_refused(small):
    path = small / "checkpoint.pt"
    path.write_bytes(path.read_bytes().replace(NAME + VERSION, NAME + b"1\n", 1))
    assert refusal(small).endswith("checkpoint.pt is in the format of another version of this project")


def test_what_another_version_of_the_project_wrote_is_refused(small):
    """In the same format, with an option that there is no more; or with other networks made of the same options."""
    checkpoint = read(small)
    write(small, replace(checkpoint, options="learning: {rate: 1}"))
    assert refusal(small).endswith("checkpoint.pt is not as this version of the project writes it")
    for changed in ({"seeds": torch.tensor([5])}, {"weights": {"a->b": torch.zeros(1)}}):
        with pytest.raises(ConfigError, match=r"checkpoint.pt is of other networks than its options make"):
            replace(checkpoint, **changed).restore(
                first_population(checkpoint.config, training_setup(checkpoint.config))
            )


def test_a_checkpoint_is_data_alone(small, tmp_path):
    """One that would run code, with the right SHA-256, runs none."""

    class Harmful:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "harm"),)

    write(small, replace(read(small), tensorboard={"next_drawing": Harmful()}))
    assert refusal(small).endswith("checkpoint.pt is not as this version of the project writes it")
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (OmegaConf.to_yaml(OmegaConf.structured(load(*XOR, "learning.alpha=0"))), "checkpoint.pt is of another run"),
        ("learning: {rate: 1}", ".hydra/config.yaml is damaged"),
        ("a: [", ".hydra/config.yaml is damaged"),
        (OmegaConf.to_yaml(OmegaConf.structured(load(*XOR))), ""),
    ],
)
def test_a_checkpoint_of_another_run_is_refused(cut, text, words):
    (cut / ".hydra").mkdir()
    (cut / ".hydra" / "config.yaml").write_text(text)
    assert words in refusal(cut) if words else read(cut).sweep == 100


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (None, "there is no such directory"),
        ([], "is not the directory of a run"),
        (["README.md"], "is not the directory of a run"),
        ([".hydra/config.yaml"], "the run has no checkpoint yet"),
        (["weights.pt", "curves.csv"], "the run has no checkpoint yet"),
        (["weights.pt", "curves.csv", "seeds.csv"], "the run has finished: there is nothing to resume"),
    ],
    ids=str,
)
def test_a_directory_that_holds_no_checkpoint(tmp_path, monkeypatch, capsys, files, words):
    directory = tmp_path / "run"
    for file in [] if files is None else ["", *files]:
        (directory / file).parent.mkdir(parents=True, exist_ok=True)
        (directory / file).touch() if file else directory.mkdir()
    before = sorted(tmp_path.rglob("*"))
    monkeypatch.setattr(sys, "argv", ["run.py", f"resume={directory}"])
    with pytest.raises(SystemExit) as end:
        run.main()
    out, err = capsys.readouterr()
    assert (end.value.code, out) == (2, "")
    assert err.startswith(f"experiments.run: resume={directory}: {words}")
    assert len(err.splitlines()) == 1
    assert [path for path in sorted(tmp_path.rglob("*")) if path.name != LOCK] == before


@pytest.mark.parametrize(
    ("beside", "words"),
    [
        (["learning.sweeps=9000"], "learning.sweeps=9000: a resumed run has the options it was started with, but for"),
        (["experiment=xor"], "experiment=xor: a resumed run"),
        (["-m"], "-m: a resumed run"),
        (["--help"], "--help: a resumed run"),
        (["threads"], "threads: a resumed run"),
        (["resume=elsewhere"], "resume=elsewhere: a resumed run"),
        (["threads=0"], "threads=0: must be at least 1"),
        (["threads=many"], "threads=many: Value 'many'"),
        (["device=gpu"], "device=gpu: must be cpu, cuda or cuda:N"),
        (["record.progress=maybe"], "record.progress=maybe: Value 'maybe'"),
    ],
    ids=str,
)
def test_other_options_beside_resume_are_refused(cut, monkeypatch, capsys, beside, words):
    monkeypatch.setattr(sys, "argv", ["run.py", f"resume={cut}", *beside])
    before = {path.name: path.read_bytes() for path in cut.iterdir()}
    with pytest.raises(SystemExit) as end:
        run.main()
    out, err = capsys.readouterr()
    assert (end.value.code, out) == (2, "")
    assert err.startswith(f"experiments.run: {words}")
    assert len(err.splitlines()) == 1
    assert {path.name: path.read_bytes() for path in cut.iterdir()} == before


def test_two_do_not_resume_the_same_run(cut, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["run.py", f"resume={cut}"])
    with (cut / LOCK).open() as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with pytest.raises(SystemExit) as end:
            run.main()
    assert end.value.code == 2
    said = f"experiments.run: {cut}: another process is writing there; wait for it or end it\n"
    assert capsys.readouterr() == ("", said)


# In processes of their own -----------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_command_that_an_interrupt_names_goes_on(ran, tmp_path, number):
    """And comes to the end that it would have come to."""
    whole = ("xor", *XOR[1:], "learning.sweeps=12000", "criterion.stop=false", "record.tensorboard=true")
    process = start(tmp_path, "experiments.run", "experiment=xor", *whole[1:], "hydra.run.dir=a run")
    out, err = interrupt(process, tmp_path / "a run", number)
    assert (process.returncode, err) == (128 + number, "")
    assert left_of_group(process.pid) == []
    command = out.splitlines()[-1].removeprefix("To go on: ")
    assert command == f"python -m experiments.run resume='{tmp_path}/a run'"
    environment = os.environ | {"PYTHONPATH": str(CONFIGS.parent), "PATH": f"{Path(sys.executable).parent}:/bin"}
    done = subprocess.run(command, shell=True, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    for file in FILES:
        assert (tmp_path / "a run" / file).read_bytes() == (ran(*whole) / file).read_bytes()


@pytest.mark.slow
def test_killed_at_any_moment_nothing_is_lost(tmp_path):
    """At 200 random ones, from the launch to the end: see ``tests.experiments.killing``."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.experiments.killing", str(tmp_path / "runs"), "200", "1986"],
        cwd=CONFIGS.parent,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=1200,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    left = dict(line.split(": ") for line in done.stdout.splitlines())
    assert sum(map(int, left.values())) >= 200
    assert {"a checkpoint", "the run has finished"} <= set(left)
