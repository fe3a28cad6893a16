"""Sweeps as a user starts them, in the process of the tests."""

import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from hydra.core.hydra_config import HydraConfig

from experiments import run

FEW = ("population.seeds=4", "learning.sweeps=60", "record.every=20", "threads=1", "compile=false")
BARE = ("record.figures=false", "record.tensorboard=false", "record.progress=false", "precision=float64")
XOR = ("experiment=xor", *FEW, *BARE)
BESIDE = "hydra/launcher=side_by_side"


class Said(NamedTuple):
    """What a user sees: exit code, stdout, stderr."""

    code: object
    out: str
    err: str

    @property
    def last(self) -> list[str]:
        """The lines below the table."""
        return self.out.rpartition("Written to ")[2].splitlines()[1:]


Command = Callable[..., Said]


@pytest.fixture
def command(monkeypatch, tmp_path, capsys) -> Command:
    """``command(*arguments)`` is ``python -m experiments.run ARGUMENTS`` in an empty directory.

    The check of the command line is left out, which takes longer than some sweeps, and has tests of its own.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(run, "check_arguments", lambda *arguments: None)
    root = logging.getLogger()
    handlers, level, config, raises = [*root.handlers], root.level, HydraConfig.instance().cfg, logging.raiseExceptions

    def do(*arguments: str) -> Said:
        monkeypatch.setattr(sys, "argv", ["run.py", *arguments])
        capsys.readouterr()
        code: object = 0
        try:
            run.main()
        except SystemExit as end:
            code = end.code
        return Said(code, *capsys.readouterr())

    yield do
    root.handlers[:], root.level, HydraConfig.instance().cfg = handlers, level, config
    logging.raiseExceptions = raises


def left(directory: Path) -> dict[str, bytes]:
    """Every file of a sweep but locks and what has directories, times or launchers in it."""
    others = ("hydra.yaml", "multirun.yaml", "sweep.json", ".lock")
    paths = [path for path in directory.rglob("*") if path.is_file() and path.name not in others]
    return {str(path.relative_to(directory)): path.read_bytes() for path in paths if path.suffix != ".pt"}
