"""Grids: experiments whose file sweeps over settings, a run for each, and one table for all of them.

The settings are those of ``hydra.sweeper.params`` in the experiment's own file, so that
``python -m experiments.run experiment=NAME`` runs the same.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from experiments.options.load import jobs
from experiments.options.schema import CONFIGS
from experiments.tables import read_rows

Setting = tuple[tuple[str, str], ...]
"""Each swept option with its value, in the order of the file."""

COLUMNS = ("seed", "solved", "sweeps", "E")
"""What a grid's table has of each seed, beside the setting."""

READINGS_COLUMNS = ("seed", "E", "E_H", "train_right", "train_satisfied", "held_out_right", "spread")
FEATURES = ("nationality", "generation", "branch")
"""Of these the table of readings has how well the best of the units tells them, and how well with people shuffled."""


def settings(name: str) -> list[Setting]:
    """The settings of a grid; one that is empty where the experiment is no grid."""
    swept = OmegaConf.select(OmegaConf.load(CONFIGS / "experiment" / f"{name}.yaml"), "hydra.sweeper.params") or {}
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        parser = OverridesParser.create(GlobalHydra.instance().config_loader())
        parsed = parser.parse_overrides([f"{option}={values}" for option, values in swept.items()])
        return [tuple((key, value) for key, _, value in (text.partition("=") for text in job)) for job in jobs(parsed)]


def column(option: str) -> str:
    """The column of an option: the last part of its name."""
    return option.rpartition(".")[2]


def rows_of(runs: Iterable[tuple[Setting, Path]]) -> Iterator[dict[str, str]]:
    """A row a setting and seed, from the table of seeds of each run."""
    for setting, seeds in runs:
        at = {column(option): value for option, value in setting}
        for row in read_rows(seeds):
            yield at | (best_units(row) if "reading" in at else {key: row[key] for key in COLUMNS})


def best_units(row: dict[str, str]) -> dict[str, str]:
    """Of a family-trees network what the comparison of readings needs."""
    found = {key: row[key] for key in READINGS_COLUMNS}
    for feature in FEATURES:
        units = [value for key, value in row.items() if key.startswith(f"{feature}_unit")]
        found |= {feature: max(units, key=float), f"{feature}_shuffled": row[f"{feature}_shuffled"]}
    return found
