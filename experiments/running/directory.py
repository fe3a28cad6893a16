"""The directory of a run: one process at a time writes to it, and never over another run."""

import shlex
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from filelock import FileLock, Timeout

from experiments.files import naming
from experiments.options.schema import ConfigError
from experiments.running import interrupts

CHECKPOINT, SEEDS, CURVES, WEIGHTS = "checkpoint.pt", "seeds.csv", "curves.csv", "weights.pt"
LOCK = ".lock"


@contextmanager
def locked_directory(directory: Path, unused: bool = True) -> Iterator[None]:
    """The directory, made where there is none, is this process's alone until it lets go of it or ends, in any way.

    unused: there must be no run in it; and if a signal ends the process before there is anything to keep, what it has
    put there goes. Within a process it can be taken again. Raises ConfigError; NotWritten.
    """
    with naming(directory):
        before = set(directory.iterdir()) if unused and directory.is_dir() else set()
        directory.mkdir(parents=True, exist_ok=True)
        try:
            held = FileLock(directory / LOCK, blocking=False, is_singleton=True).acquire()
        except Timeout:
            raise ConfigError(f"{directory}: another process is writing there; wait for it or end it") from None
    with held, interrupts.undone_by(partial(abandon, directory, before if unused else None)):
        if unused:
            check_unused(directory)
        yield


def abandon(directory: Path, before: set[Path] | None) -> str:
    """What is there of a run that is broken off, and how to go on; where it is nothing, nothing stays.

    before: what was in the directory before the run; None: all stays, but for a lock with nothing beside it.
    """
    if (directory / CHECKPOINT).exists():
        return f"to go on: {command(directory)}"
    if (directory / SEEDS).exists():
        return f"its results are in {directory}"
    if before is None:
        if [*directory.iterdir()] == [directory / LOCK]:
            (directory / LOCK).unlink(missing_ok=True)
        return ""
    for path in set(directory.iterdir()) - before:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with suppress(OSError):
                path.unlink()
    return "there was nothing to keep"


def command(directory: Path) -> str:
    """What goes on with a run."""
    return f"python -m experiments.run resume={shlex.quote(str(directory))}"


def check_unused(directory: Path, option: str = "") -> None:
    """Raises ConfigError where something of a run is there, which another one would overwrite."""
    if holds_run(directory):
        remedy = f", or go on with it: resume={directory}" if (directory / CHECKPOINT).exists() else ""
        raise ConfigError(f"{option}{directory}: holds a run; name another directory{remedy}")


def holds_run(directory: Path) -> bool:
    """Whether a run has finished there, or can be gone on with. What else one has left was cut short."""
    return (directory / CHECKPOINT).exists() or (directory / SEEDS).exists()
