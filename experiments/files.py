"""Files that are there whole or not at all, and how numbers are written in them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

unfinished: set[Path] = set()
"""What is being written and goes if the process ends meanwhile: see ``replacing``."""


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
        if not keep:
            unfinished.add(partial)
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
        finally:
            unfinished.discard(partial)


def partial_of(path: Path) -> Path:
    """What ``path`` is called until it is whole: a process that is killed leaves it behind."""
    return path.with_name(f"{path.stem}.partial{path.suffix}")


def number(value: float) -> str:
    """A number as a CSV file has it: 6 significant digits; ``nan`` where a network has diverged."""
    return f"{value:.6g}"
