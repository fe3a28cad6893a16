"""The directory of a run: one process at a time writes to it, and never over another run."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from experiments.files import naming
from experiments.options.schema import ConfigError

CHECKPOINT, SEEDS, CURVES, WEIGHTS = "checkpoint.pt", "seeds.csv", "curves.csv", "weights.pt"
LOCK = ".lock"


@contextmanager
def locked_directory(directory: Path, unused: bool = True) -> Iterator[None]:
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
