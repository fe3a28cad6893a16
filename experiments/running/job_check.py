"""Whether a run could be trained: what its options by themselves do not say, and takes torch to find out."""

import os
from collections.abc import Sequence
from dataclasses import replace

from experiments.options.machine import check_device
from experiments.options.messages import group_recipe
from experiments.options.schema import Config, ConfigError, Precision
from experiments.options.setup import seeds_of, start_of, training_setup
from repro.networks import SpecError

ADDED = "+network.groups."


class JobCheck:
    """Checks the runs of a command line: of those with one task and one network the first, and of each its memory.

    elsewhere: they run on other machines, each of which looks for its GPU itself.
    """

    def __init__(self, elsewhere: bool = False) -> None:
        self.elsewhere = elsewhere
        self.devices: set[str] = set()
        self.weights: dict[str, int] = {}

    def __call__(self, config: Config, texts: Sequence[str]) -> None:
        """Raises ConfigError where there is no such device or network, or not enough memory. texts: the overrides."""
        if config.device not in self.devices and not self.elsewhere:
            check_device(config.device)
            self.devices.add(config.device)
        network = repr((config.task, config.network))
        if network not in self.weights:
            self.weights[network] = weights_of(config, texts)
        check_memory(config, self.weights[network])


def weights_of(config: Config, texts: Sequence[str]) -> int:
    """The weights of one network. Raises ConfigError where there can be none, or no such cases can be held out."""
    one = replace(config, population=replace(config.population, seeds=1, shard="1/1"))  # how many does not matter
    try:
        setup = training_setup(one)
        start_of(one, setup)
    except SpecError as problem:
        raise ConfigError(f"{problem}{_put_in(config, texts)}") from None
    return setup.architecture.weight_count


def _put_in(config: Config, texts: Sequence[str]) -> str:
    """Where a group was put in above the output: how it is put in below."""
    *below, top = config.network.groups
    if not below or not any(text.startswith(f"{ADDED}{top}=") for text in texts):
        return ""
    groups = {group: config.network.groups[group] for group in below}
    recipe = group_recipe(top, str(config.network.groups[top]), groups, config.network.links)
    return f". A group that is put in comes last, where the output is; below that one: {recipe}"


def check_memory(config: Config, weights: int) -> None:
    """Raises ConfigError for a population whose weights and last changes alone do not fit this machine."""
    if not hasattr(os, "sysconf"):
        return
    there_is, seeds = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"), len(seeds_of(config))
    needed = 2 * (4 if config.precision is Precision.float32 else 8) * weights * seeds
    if needed > there_is:
        raise ConfigError(
            f"population.seeds={config.population.seeds}: {seeds} at a time, with {weights:,} weights each, need "
            f"{needed / 2**30:,.0f} GiB of memory, and this machine has {there_is / 2**30:,.0f}; take fewer, or more "
            f"shards than population.shard={config.population.shard}"
        )
