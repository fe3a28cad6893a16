"""What becomes of a drawing that fails: a warning of one line, and nothing else. The results are written before it."""

import shlex
import sys
from pathlib import Path

from experiments.files import NotWritten


def not_drawn(what: object, problem: BaseException, directory: Path | None = None) -> None:
    """The line. what: the figure's file, or what else was to be drawn. directory: of a run that can be drawn again."""
    reason = next(iter(str(problem).strip().splitlines()), "") or type(problem).__name__
    if isinstance(problem, NotWritten):  # which begins with the file
        reason = reason.removeprefix(f"{what}: ")
    again = f"; to draw it again: python -m experiments.report {shlex.quote(str(directory))}" if directory else ""
    print(f"{what}: not drawn, {reason}{again}", file=sys.stderr)
