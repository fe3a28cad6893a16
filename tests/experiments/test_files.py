"""Files are there whole or not at all; what the system refuses ends in one line; a directory has one process."""

import contextlib
import errno
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import pytest
import torch
from tensorboard.summary.writer.event_file_writer import _AsyncWriterThread
from tensorboard.summary.writer.record_writer import RecordWriter

import repro.training
from experiments import run
from experiments.files import NotWritten, naming, replacing
from experiments.options.load import load
from experiments.options.schema import CONFIGS, ConfigError
from experiments.running.curves import Curves
from experiments.running.directory import LOCK, locked_directory

FEW = ("population.seeds=3", "learning.sweeps=8", "record.every=2", "record.checkpoint=0", "backward_pass=explicit")
BARE = ("record.figures=false", "record.tensorboard=false", "threads=1", "record.progress=false")


@pytest.fixture
def full_disk(tmp_path):
    """A disk of 1 MiB, and how to make it larger. Only root can make one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if not sys.platform.startswith("linux") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("cannot mount a small disk here")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def enlarge(disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)


def fill(disk: Path, leave: int = 0) -> None:
    free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
    with contextlib.suppress(OSError):  # a writer beside it may have taken some of what was free: then it is full too
        (disk / "filler").write_bytes(bytes(max(0, free - leave)))


# One file ----------------------------------------------------------------------------------------------------


def test_what_was_written_takes_the_place_of_what_was_there(tmp_path):
    path = tmp_path / "weights.pt"
    path.write_text("old")
    with replacing(path) as beside:
        beside.write_text("new")
        assert path.read_text() == "old"
        assert (beside.parent, beside.suffix) == (tmp_path, ".pt")
    assert path.read_text() == "new"
    assert [file.name for file in tmp_path.iterdir()] == ["weights.pt"]


def test_a_file_is_on_the_disk_before_it_takes_its_place(tmp_path, monkeypatch):
    """All of it: a machine that loses its power has the old file or the new one."""
    path, done, sync, replace = tmp_path / "weights.pt", [], os.fsync, Path.replace

    def synced(descriptor: int) -> None:
        done.append(("synced", os.readlink(f"/proc/self/fd/{descriptor}"), os.fstat(descriptor).st_size))
        sync(descriptor)

    def replaced(source: Path, target: Path) -> Path:
        done.append(("replaced", str(source), source.stat().st_size))
        return replace(source, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", replaced)
    with replacing(path) as beside:
        beside.write_text("whole")
        assert done == []
    assert done == [("synced", str(beside), 5), ("replaced", str(beside), 5)]


def write_over(path: Path, problem: BaseException) -> None:
    path.write_text("old")
    with replacing(path) as beside:
        beside.write_text("new")
        raise problem


@pytest.mark.parametrize("problem", [KeyboardInterrupt(), ValueError(), OSError(errno.ENOSPC, "")])
def test_what_was_there_stays_after_an_error_or_an_interrupt(tmp_path, problem):
    with pytest.raises((type(problem), NotWritten)):
        write_over(tmp_path / "seeds.csv", problem)
    assert (tmp_path / "seeds.csv").read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["seeds.csv"]


def test_what_the_system_refuses_is_one_line_with_path_and_reason(tmp_path):
    with pytest.raises(NotWritten) as end:
        write_over(tmp_path / "seeds.csv", OSError(errno.EROFS, os.strerror(errno.EROFS)))
    assert str(end.value) == f"{tmp_path}/seeds.csv: Read-only file system"


def test_a_bug_is_not_what_the_system_refuses(tmp_path):
    with pytest.raises(RuntimeError, match="shapes"), naming(tmp_path):
        raise RuntimeError("shapes differ")


def test_a_full_disk_keeps_what_was_there(full_disk):
    """torch.save has an error of its own for it."""
    path = full_disk / "weights.pt"

    def save(count: int) -> None:
        with replacing(path) as beside, beside.open("wb") as file:
            torch.save(torch.zeros(count), file)

    save(10)
    with pytest.raises(NotWritten, match=f"{path}: No space left on device"):
        save(10**6)
    assert len(torch.load(path, weights_only=True)) == 10
    assert [file.name for file in full_disk.iterdir()] == ["weights.pt"]


# A run's files -----------------------------------------------------------------------------------------------


OUTPUTS = {
    "weights.pt": ("experiments.running.seeds.write_weights", None),
    "seeds.csv": ("experiments.running.seeds.write_seeds", None),
    "curves.csv": (Curves, "write"),
    "checkpoint.pt": ("experiments.running.checkpoint.sha256", None),
}


@pytest.mark.parametrize("name", OUTPUTS)
def test_whatever_cannot_be_written_what_is_kept_is_told(monkeypatch, tmp_path, name):
    """The first time and, over the files of an interrupted run, the second."""

    def full(*arguments, **options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    what, attribute = OUTPUTS[name]
    with monkeypatch.context() as refused:
        refused.setattr(*((what, full) if attribute is None else (what, attribute, full)))
        with pytest.raises(NotWritten) as end:
            run.run(load("xor", *FEW, *BARE[1:], "record.figures=true"), tmp_path / "run")
    said = str(end.value)
    assert said.startswith(f"{tmp_path / 'run' / name}: No space left on device; ")
    assert len(said.splitlines()) == 1
    assert not (tmp_path / "run" / name).exists()
    assert not list((tmp_path / "run").rglob("*.partial.*"))
    if name == "checkpoint.pt":
        assert said.endswith("no checkpoint was written yet")
        return
    assert "kept: checkpoint.pt after 8 sweeps" in said
    assert said.endswith(f"python -m experiments.run resume={tmp_path / 'run'}")
    run.resume(tmp_path / "run", [])
    assert (tmp_path / "run" / name).exists()
    assert not (tmp_path / "run" / "checkpoint.pt").exists()


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "experiments.run", *arguments],
        env=os.environ | {"PYTHONPATH": str(CONFIGS.parent)},
        cwd=CONFIGS.parent,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_a_full_disk_is_seen_before_anything_is_done(full_disk):
    fill(full_disk, leave=8192)
    done = command("experiment=xor", *FEW, *BARE, f"hydra.run.dir={full_disk}/run")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        f"experiments.run: hydra.run.dir={full_disk}/run: No space left on device; name a directory that can be "
        "written to"
    ]
    assert [file.name for file in full_disk.iterdir()] == ["filler"]


MANY = ("experiment=symmetry", "network.groups.hidden=200", "population.seeds=50", *FEW[1:], *BARE)
"""Of these a checkpoint takes more than half of a small disk: a second one has no room beside it."""


def test_a_disk_that_fills_up_ends_the_run_and_keeps_the_last_checkpoint(full_disk, tmp_path):
    directory = full_disk / "run"
    done = command(*MANY, f"hydra.run.dir={directory}")
    assert (done.returncode, done.stdout) == (1, "")
    (said,) = done.stderr.splitlines()
    assert said.startswith(f"{directory}/checkpoint.pt: No space left on device; kept: checkpoint.pt after 0 sweeps")
    enlarge(full_disk)
    config = load(MANY[0].partition("=")[2], *MANY[1:])
    run.resume(directory, [])
    run.run(config, tmp_path / "whole", quiet=True)
    for name in ("seeds.csv", "curves.csv", "weights.pt"):
        assert (directory / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_events_that_find_no_room_end_the_run_too(tmp_path, monkeypatch, capfd):
    """TensorBoard writes them in a thread of its own, which has failed before the next snapshot."""
    full, write = [], RecordWriter.write

    def refuse(self: RecordWriter, data: bytes) -> None:
        if full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(self, data)

    def train(*arguments, **options):
        for snapshot in real(*arguments, **options):
            if snapshot.sweep == 4:
                full.append(True)
            if snapshot.sweep == 6:
                for thread in threading.enumerate():
                    if isinstance(thread, _AsyncWriterThread):
                        thread.join(60)
            yield snapshot

    real = repro.training.train
    monkeypatch.setattr(RecordWriter, "write", refuse)
    monkeypatch.setattr("repro.training.train", train)
    config = load("symmetry_equal_start", *FEW, *BARE[:1], *BARE[2:], "record.checkpoint=3600", "compile=false")
    with pytest.raises(NotWritten) as end:
        run.run(config, tmp_path / "run")
    assert str(end.value) == f"{tmp_path / 'run'}: No space left on device; no checkpoint was written yet"
    assert capfd.readouterr() == ("", "")


def test_events_that_find_no_room_at_the_end_leave_the_results(tmp_path, monkeypatch, capfd):
    """They are written before."""

    def refuse(*arguments, **options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("experiments.running.tensorboard.hparam_summaries", refuse)
    with pytest.raises(NotWritten) as end:
        run.run(load("symmetry_equal_start", *FEW, *BARE[:1], *BARE[2:]), tmp_path / "run")
    assert str(end.value) == f"{tmp_path / 'run'}: No space left on device; the results are written"
    assert {"seeds.csv", "curves.csv", "weights.pt"} <= {path.name for path in (tmp_path / "run").iterdir()}


@pytest.mark.slow
def test_wherever_the_disk_fills_up_it_is_told(full_disk, monkeypatch, capfd):
    """At the last snapshot, with some more room each time, until there is enough: also for the figures.

    Without events, for which TensorBoard's thread takes some of the room at a moment of its own.
    """

    def train(room, *arguments, **options):
        for snapshot in real(*arguments, **options):
            if snapshot.sweep == 60:
                fill(full_disk, leave=room)
            yield snapshot

    real = repro.training.train
    enlarge(full_disk)
    config = load("xor", *FEW, "population.seeds=500", "learning.sweeps=60", "record.every=20", *BARE[1:])
    told, directory, files = set(), full_disk / "run", {"/checkpoint.pt", "/weights.pt", "/curves.csv", "/seeds.csv"}
    figures = {f"/figures/{name}.png" for name in ("curves", "sweeps", "weights")}
    for room in range(0, 2**20, 2**12):
        monkeypatch.setattr("repro.training.train", partial(train, room))
        said = []
        try:
            run.run(config, directory, quiet=True)
            said = capfd.readouterr().err.splitlines()
        except NotWritten as problem:
            said = [str(problem)]
        told |= {line.partition(": ")[0].removeprefix(str(directory)) for line in said}
        assert all(": No space left" in line or ": not drawn, No space left" in line for line in said)
        if not said:
            break
        assert not list(directory.rglob("*.partial.*"))
        (full_disk / "filler").unlink()
        shutil.rmtree(directory)
    assert {f"/figures/{path.name}" for path in (directory / "figures").iterdir()} == figures
    # weights and curves take less than the checkpoint before this one has made room for
    assert {"/checkpoint.pt", "/seeds.csv"} <= told <= files | figures
    assert capfd.readouterr() == ("", "")


# A directory -------------------------------------------------------------------------------------------------


def test_a_directory_is_one_process_s_at_a_time(tmp_path):
    directory = tmp_path / "run"
    with locked_directory(directory):
        with locked_directory(directory):  # it is this process's already
            pass
        with (directory / LOCK).open() as file, pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with (directory / LOCK).open() as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with (
            pytest.raises(ConfigError, match=f"{directory}: another process is writing there"),
            locked_directory(directory),
        ):
            pass
    with locked_directory(directory):
        pass


def test_a_killed_process_lets_go_of_its_directory(tmp_path):
    code = "import sys; from pathlib import Path; from experiments.running.directory import locked_directory\n"
    code += f"with locked_directory(Path({str(tmp_path)!r})):\n    print('in', flush=True)\n    sys.stdin.read()\n"
    holder = subprocess.Popen(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(CONFIGS.parent)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with holder:
        assert holder.stdout.readline() == "in\n"
        with pytest.raises(ConfigError, match="another process"), locked_directory(tmp_path):
            pass
        holder.send_signal(signal.SIGKILL)
    with locked_directory(tmp_path):
        pass


@pytest.mark.parametrize("name", ["seeds.csv", "checkpoint.pt"])
def test_a_run_does_not_overwrite_another(tmp_path, name):
    (tmp_path / name).write_text("theirs")
    with pytest.raises(ConfigError, match=f"{tmp_path}: holds a run; name another directory"):
        run.run(load("xor", *FEW, *BARE), tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == {name, LOCK}
    assert (tmp_path / name).read_text() == "theirs"


@pytest.mark.parametrize(
    ("arguments", "place"),
    [
        (["hydra.run.dir=runs", "learning.epsilon=0.1"], "hydra.run.dir=runs"),
        (["-m", "hydra.sweep.dir=runs", "learning.epsilon=0.1,0.2"], "hydra.sweep.dir=runs/0_learning.epsilon=0.1"),
    ],
    ids=str,
)
def test_nor_is_one_launched_over_another(tmp_path, monkeypatch, capsys, arguments, place):
    monkeypatch.chdir(tmp_path)
    directory = Path(place.partition("=")[2])
    directory.mkdir(parents=True)
    (directory / "seeds.csv").write_text("theirs")
    monkeypatch.setattr(sys, "argv", ["run.py", "experiment=xor", *arguments])
    with pytest.raises(SystemExit) as end:
        run.main()
    assert end.value.code == 2
    assert capsys.readouterr() == ("", f"experiments.run: {place}: holds a run; name another directory\n")
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["seeds.csv"]


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="there is no directory that nobody can write to")
@pytest.mark.parametrize("more", [["hydra.run.dir=DIRECTORY"], ["-m", "hydra.sweep.dir=DIRECTORY"]], ids=str)
def test_only_the_run_s_directory_must_be_one_that_can_be_written_to(tmp_path, monkeypatch, more):
    """Not the one that it is started in."""
    monkeypatch.chdir("/proc/self")
    options = [each.replace("DIRECTORY", str(tmp_path / "there")) for each in more]
    monkeypatch.setattr(sys, "argv", ["run.py", "experiment=xor", *FEW, *BARE, *options])
    run.main()
    assert len([*(tmp_path / "there").rglob("seeds.csv")]) == 1


def test_two_launches_at_the_same_moment_do_not_share_a_directory(tmp_path):
    """Whatever the clock says: the second finds the first there, before it has written anything of its own."""
    with (tmp_path / LOCK).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        done = command("experiment=xor", *FEW, *BARE, f"hydra.run.dir={tmp_path}")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"experiments.run: {tmp_path}: another process is writing there; wait for it or end it\n"
    assert [file.name for file in tmp_path.iterdir()] == [LOCK]
