"""Runs that each trained a shard of one population (``population.shard``), put together as one run would have left it.

Nothing is worked out here: rows and weights are copied, in the order of their seeds.
"""

import itertools
import pickle
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from experiments.files import replacing
from experiments.options.schema import Config, ConfigError, shard_of
from experiments.options.setup import architecture_of, seeds_of
from experiments.running import environment
from experiments.running.checkpoint import OPTIONS, as_config
from experiments.running.directory import CHECKPOINT, SEEDS, WEIGHTS, check_unused, command, locked_directory
from experiments.running.seeds import save_weights

OWN = ("record", "threads", "device")
"""Options that the shards of one population need not share, as they need not share population.shard."""


class ShardError(ValueError):
    """Runs that cannot be put together: the message names the directories and the seeds."""


@dataclass(frozen=True)
class Shard:
    """A finished run of some seeds. common: the options that all shards of a population share, as plain values."""

    directory: Path
    config: Config
    common: dict[str, Any]

    @classmethod
    def read(cls, directory: Path) -> "Shard":
        """From what the run left. Raises ShardError where it has not finished, or its options cannot be read."""
        try:
            config = as_config(OmegaConf.load(directory / OPTIONS))
            shard_of(config.population)
        except (OSError, OmegaConfBaseException, YAMLError, ConfigError) as problem:
            raise ShardError(f"{directory / OPTIONS}: {str(problem).splitlines()[0]}") from None
        options = OmegaConf.to_container(OmegaConf.structured(config), enum_to_str=True)
        assert isinstance(options, dict)
        shard = cls(directory, config, {str(option): value for option, value in options.items() if option not in OWN})
        del shard.common["population"]["shard"]
        if (directory / CHECKPOINT).exists():
            raise ShardError(f"{shard} has not finished; to go on with it: {command(directory)}")
        if not (directory / SEEDS).exists():
            raise ShardError(f"{shard} has not finished: there is no {SEEDS} in it")
        return shard

    @property
    def seeds(self) -> range:
        """The seeds that it trained."""
        return seeds_of(self.config)

    def header(self) -> str:
        """The first line of its table."""
        with (self.directory / SEEDS).open(newline="", encoding="utf-8") as file:
            return file.readline()

    def check_rows(self) -> None:
        """Raises ShardError unless its table has a row for each of its seeds, in their order."""
        found = 0
        with (self.directory / SEEDS).open(newline="", encoding="utf-8") as file:
            next(file, None)
            for line in file:
                if not line.endswith("\n"):  # a row that was cut off is none
                    break
                if found == len(self.seeds) or not line.startswith(f"{self.seeds[found]},"):
                    raise ShardError(f"{self}: row {found + 1} of {SEEDS} is of seed {line.partition(',')[0]}")
                found += 1
        if found < len(self.seeds):
            raise ShardError(f"{self}: {SEEDS} has {found} rows, and should have {len(self.seeds)}")

    def saved(self) -> dict[str, Any]:
        """Its weights, as ``seeds.save_weights`` has them. Raises ShardError where they are those of other seeds."""
        try:
            saved: dict[str, Any] = torch.load(self.directory / WEIGHTS, weights_only=True, mmap=True)
        except (OSError, RuntimeError, pickle.UnpicklingError) as problem:
            raise ShardError(f"{self}: {WEIGHTS} cannot be read: {str(problem).splitlines()[0]}") from None
        shapes = architecture_of(self.config).weight_shapes
        wanted = {key: (*shape, len(self.seeds)) for key, shape in shapes.items()}
        try:
            found = {key: tuple(w.shape) for key, w in saved["weights"].items()}
            fits = saved["seeds"].tolist() == list(self.seeds) and found == wanted and isinstance(saved["sweep"], int)
        except (KeyError, TypeError, AttributeError):
            fits = False
        if not fits:
            raise ShardError(f"{self}: {WEIGHTS} is not of its seeds")
        return saved

    def __str__(self) -> str:
        return f"{self.directory} (shard {self.config.population.shard}, {in_words(self.seeds)})"


@dataclass(frozen=True)
class Merged:
    """A population put together: its options, the last sweep of any shard, and how many shards there were.

    unlike: a line that says in what the shards were not made alike, so that last digits may differ; "": in nothing.
    """

    config: Config
    sweep: int
    shards: int
    unlike: str


def merge(directories: Iterable[Path], to: Path) -> Merged:
    """Put shards together, and write their seeds.csv and weights.pt to a directory.

    directories: of runs, or of multiruns. Raises ShardError, with nothing written, unless each seed of one population
    has its row in one of them; ConfigError where the directory holds a run; NotWritten.
    """
    check_unused(to)
    shards = arranged([Shard.read(directory) for directory in runs_in(directories)])
    header = common_header(shards)
    for shard in shards:
        shard.check_rows()
    saved = [shard.saved() for shard in shards]
    sweep = max(each["sweep"] for each in saved)
    weights = {key: torch.cat([each["weights"][key] for each in saved], dim=2) for key in saved[0]["weights"]}
    with locked_directory(to):
        with replacing(to / WEIGHTS) as path:
            save_weights(path, torch.cat([each["seeds"] for each in saved]), sweep, weights)
        with replacing(to / SEEDS) as path, path.open("w", newline="", encoding="utf-8") as file:
            file.write(header)
            for shard in shards:
                with (shard.directory / SEEDS).open(newline="", encoding="utf-8") as part:
                    part.readline()
                    shutil.copyfileobj(part, file)
    return Merged(shards[0].config, sweep, len(shards), unlike([shard.directory for shard in shards]))


def unlike(directories: Sequence[Path]) -> str:
    """What shards do not have in common of that on which the last digits of their numbers may depend, in one line.

    Machine code gives the same on any processor, what torch works out need not. "" where it is all in common, or is not
    known of them.
    """
    made = [(directory, each) for directory in directories for each in environment.read(directory)]
    depends = ["torch", "device", "compiled"]
    if not all(each.get("compiled") for _, each in made):
        depends += ["vectors", "processor"]
    found = []
    for name in depends:
        values = {str(each[name]): directory for directory, each in reversed(made) if name in each}
        if len(values) > 1:
            found.append(f"{name}: " + ", ".join(f"{value} ({at})" for value, at in sorted(values.items())))
    return f"Not made alike, so that last digits may differ from those of one run: {'; '.join(found)}" if found else ""


def runs_in(directories: Iterable[Path]) -> Iterator[Path]:
    """The directories that are runs, and the runs in those that are not. Raises ShardError where there are none."""
    for directory in directories:
        if (directory / OPTIONS).exists():
            yield directory
            continue
        inside = sorted(options.parents[1] for options in directory.glob(f"*/{OPTIONS}"))
        if not inside:
            raise ShardError(f"{directory} is no run and holds none: no {OPTIONS} in it, or one directory below")
        yield from inside


def arranged(shards: Iterable[Shard]) -> list[Shard]:
    """The shards by their seeds. Raises ShardError where they are not of one population, overlap or leave seeds out."""
    ordered = sorted(shards, key=lambda shard: shard.seeds.start)
    for one, other in itertools.pairwise(ordered):
        for difference in differences(one.common, other.common):
            raise ShardError(f"{one.directory} and {other.directory} are not of one population: {difference}")
        both = range(other.seeds.start, min(one.seeds.stop, other.seeds.stop))
        if both:
            raise ShardError(f"{one.directory} and {other.directory} both have {in_words(both)}")
    population = ordered[0].config.population
    ends = [population.first_seed, *(shard.seeds.stop for shard in ordered)]
    starts = [*(shard.seeds.start for shard in ordered), population.first_seed + population.seeds]
    gaps = [range(end, start) for end, start in zip(ends, starts, strict=True) if end < start]
    if gaps:
        where = ", ".join(sorted({str(shard.directory.parent) for shard in ordered}))
        raise ShardError(f"{missing(ordered)}, {', '.join(map(in_words, gaps))}: {len(ordered)} runs found in {where}")
    return ordered


def missing(shards: Sequence[Shard]) -> str:
    """Which shards are not there, in words; that seeds are not, where a population is split in more than one way."""
    there = {shard_of(shard.config.population) for shard in shards}
    of, *others = {of for _, of in there}
    if others:
        return "seeds are missing"
    lacking = [f"{number}/{of}" for number in range(1, of + 1) if (number, of) not in there]
    return f"shard {lacking[0]} is missing" if len(lacking) == 1 else f"shards {','.join(lacking)} are missing"


def differences(one: dict[str, Any], other: dict[str, Any], group: str = "") -> Iterator[str]:
    """The options in which two runs differ, ``"learning.epsilon=0.1 and 0.5"``."""
    for option in one | other:
        mine, theirs = one.get(option), other.get(option)
        if isinstance(mine, dict) and isinstance(theirs, dict):
            yield from differences(mine, theirs, f"{group}{option}.")
        elif mine != theirs:
            yield f"{group}{option}={mine} and {theirs}"


def in_words(seeds: range) -> str:
    """``"seeds 10 to 19"``, or ``"seed 10"``."""
    return f"seed {seeds[0]}" if len(seeds) == 1 else f"seeds {seeds[0]} to {seeds[-1]}"


def common_header(shards: Sequence[Shard]) -> str:
    """The first line of the shards' tables. Raises ShardError where they differ."""
    first, *others = shards
    header = first.header()
    for shard in others:
        if shard.header() != header:
            apart = sorted(set(shard.header().strip().split(",")) ^ set(header.strip().split(","))) or ["their order"]
            raise ShardError(f"{first.directory} and {shard.directory}: columns of {SEEDS} differ: {', '.join(apart)}")
    return header
