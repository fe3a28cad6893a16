"""The options of an experiment from its YAML file and overrides, and the jobs of a multirun: without torch."""

import argparse
import copy
import itertools
import math
import re
from collections.abc import Iterator
from functools import lru_cache

from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from experiments.options.schema import CONFIGS, Config, check, register

PLAIN_VALUE = re.compile(r"(population|learning|record|task|network|criterion|error)\.[a-z_.]+=|(compile|threads)=")
"""An override that gives one option a value, whatever files are chosen."""


def load(experiment: str, *overrides: str) -> Config:
    """The options of an experiment, as the command line would have them. Raises ConfigError for a bad value.

    Each call gives objects of its own, which the caller may change; files are put together once a choice of them.
    """
    values = [text for text in overrides if PLAIN_VALUE.match(text)]  # which Hydra puts in last too
    composed = copy.deepcopy(_composed(experiment, tuple(text for text in overrides if text not in values)))
    try:
        for override in OverridesParser.create().parse_overrides(values):
            OmegaConf.update(composed, override.key_or_group, override.value(), merge=True)
        config = OmegaConf.to_object(composed)
    except (HydraException, OmegaConfBaseException):  # Hydra's own message says more
        config = OmegaConf.to_object(_composed(experiment, overrides))
    assert isinstance(config, Config)
    check(config)
    return config


@lru_cache(maxsize=512)
def _composed(experiment: str, overrides: tuple[str, ...]) -> DictConfig:
    register()
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        return compose("config", [f"experiment={experiment}", *overrides])


def jobs(overrides: list[Override]) -> Iterator[list[str]]:
    """The overrides of each job of a multirun; of the one job where nothing is swept. Of an interval its two ends."""
    values_of: list[list[str]] = []
    for override in overrides:
        if override.is_discrete_sweep():
            key = override.get_key_element()
            values_of.append([f"{key}={value}" for value in override.sweep_string_iterator()])
        elif isinstance(interval := override.value(), IntervalSweep):
            values_of.append([f"{override.get_key_element()}={end}" for end in (interval.start, interval.end)])
        else:
            values_of.append([override.input_line or ""])
    return (list(job) for job in itertools.product(*values_of))


def at_least_1(text: str) -> int:
    """A number on the command line. Raises argparse.ArgumentTypeError below 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text}: must be a whole number of at least 1")
    return int(text)


def above_0(text: str) -> float:
    """A number on the command line. Raises argparse.ArgumentTypeError unless it is above 0."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text}: must be a number above 0")
    return number
