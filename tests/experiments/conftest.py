"""Runs that several files look at: each is made once."""

import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from experiments.options.folders import VARIABLE
from experiments.options.load import load
from experiments.run import run

Ran = Callable[..., Path]


@pytest.fixture(scope="session", autouse=True)
def no_folder_of_ones_own():
    """Whoever runs the tests may have experiments of their own."""
    with pytest.MonkeyPatch.context() as patched:
        patched.delenv(VARIABLE, raising=False)
        yield


@pytest.fixture(scope="session")
def ran(tmp_path_factory) -> Ran:
    """``ran("xor", "learning.sweeps=9")`` is the directory of such a run: 3 seeds and 4 sweeps unless it says more."""
    kept: dict[tuple[str, ...], Path] = {}

    def do(experiment: str, *overrides: str) -> Path:
        key = (experiment, *overrides)
        if key not in kept:
            few = ("population.seeds=3", "learning.sweeps=4", "record.every=4", "backward_pass=explicit")
            config = load(experiment, *few, "threads=1", "record.progress=false", *overrides)
            kept[key] = tmp_path_factory.mktemp(experiment)
            run(config, kept[key], quiet=True)
        return kept[key]

    return do


@pytest.fixture(autouse=True)
def no_open_log():
    """Hydra's log of a job that was run in this process is closed: it would be found open in a later test."""
    yield
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, logging.FileHandler)]:
        handler.close()
        root.removeHandler(handler)
