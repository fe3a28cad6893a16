"""A run's files: each is there whole or not at all, in a directory that one process at a time writes to."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from experiments.options.schema import ConfigError

CHECKPOINT, SEEDS, CURVES, WEIGHTS = "checkpoint.pt", "seeds.csv", "curves.csv", "weights.pt"
LOCK = ".lock"


class NotWritten(SystemExit):
    """A file could not be written. Where nothing catches it, the program ends with its one line and exit code 1."""


@contextmanager
def naming(path: Path, kept: str = "") -> Iterator[None]:
    """What the system refuses within is NotWritten, with the path, the reason and what is kept."""
    try:
        yield
    except (OSError, RuntimeError) as problem:
        # torch.save raises a RuntimeError of its own in place of the OSError
        refusal = problem if isinstance(problem, OSError) else problem.__context__
        if not isinstance(refusal, OSError):
            raise
        raise NotWritten(f"{path}: {refusal.strerror or refusal}{kept}") from None


@contextmanager
def replacing(path: Path, keep: bool = False) -> Iterator[Path]:
    """Gives a path beside ``path`` to write to. What is there at the end takes the place of ``path``, all at once.

    After an error or an interrupt ``path`` is as it was before. keep: what was written until then stays beside it.
    Raises NotWritten.
    """
    partial = partial_of(path)
    with naming(path, f"; kept: {partial}" if keep else ""):
        try:
            yield partial
            with partial.open("rb+") as file:
                os.fsync(file.fileno())
            partial.replace(path)
        except BaseException:
            if not keep:
                with suppress(OSError):
                    partial.unlink()
            raise


def partial_of(path: Path) -> Path:
    """What ``path`` is called until it is whole: a process that is killed leaves it behind."""
    return path.with_name(f"{path.stem}.partial{path.suffix}")


@contextmanager
def alone_in(directory: Path, unused: bool = True) -> Iterator[None]:
    """The directory, made where there is none, is this process's alone until it lets go of it or ends, in any way.

    unused: there must be no run in it. Within a process it can be taken again. Raises ConfigError; NotWritten.
    """
    with naming(directory):
        directory.mkdir(parents=True, exist_ok=True)
        try:
            held = FileLock(directory / LOCK, blocking=False, is_singleton=True).acquire()
        except Timeout:
            raise ConfigError(f"{directory}: another process is writing there; wait for it or end it") from None
    with held:
        if unused:
            check_unused(directory)
        yield


def check_unused(directory: Path, option: str = "") -> None:
    """Raises ConfigError where something of a run is there, which another one would overwrite."""
    if holds_run(directory):
        remedy = f", or go on with it: resume={directory}" if (directory / CHECKPOINT).exists() else ""
        raise ConfigError(f"{option}{directory}: holds a run; name another directory{remedy}")


def holds_run(directory: Path) -> bool:
    """Whether a run has finished there, or can be gone on with. What else one has left was cut short."""
    return (directory / CHECKPOINT).exists() or (directory / SEEDS).exists()
