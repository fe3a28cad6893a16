"""The tables of results/ as pandas has them, each read once until it changes."""

from functools import lru_cache
from pathlib import Path

import pandas as pd

from experiments.catalogue import PUBLISHED


def table(path: Path) -> pd.DataFrame:
    """A file of results/, not to be changed: who asks again is given the same. Raises FileNotFoundError."""
    return _read(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=64)
def _read(path: Path, changed: int) -> pd.DataFrame:
    return pd.read_csv(path)


def with_results(results: Path) -> list[str]:
    """The experiments that have results, in the order in which they are published."""
    return [name for name in PUBLISHED if (results / f"{name}.csv").exists()]


def small_networks(results: Path) -> list[str]:
    """Those that are not of the family trees, whose tables alone say how many of the 100 training cases are right."""
    return [name for name in with_results(results) if "train_right" not in seeds(results, name)]


def seeds(results: Path, name: str) -> pd.DataFrame:
    """An experiment's networks, a row a seed. Raises FileNotFoundError where it has not been run."""
    return table(results / f"{name}.csv")


def learned(networks: pd.DataFrame) -> pd.DataFrame:
    """Those of the networks that met the criterion."""
    met: pd.DataFrame = networks[networks["solved"] == 1]
    return met
