"""The options of an experiment: their names, types, defaults and limits.

``Config`` is what Hydra checks names and types against; ``check`` checks the values. An experiment's YAML file
states only what differs from the defaults here. The classes are not frozen: Hydra writes into them.
"""

import math
import re
from dataclasses import dataclass, field, is_dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING

from repro.choices import BackwardPass, DecayOf, ErrorForm, MeasuredFrom, Satisfied, UnitFunction

CONFIGS = Path(__file__).parents[2] / "configs"


def choices(group: str, configs: Path = CONFIGS) -> list[str]:
    """The names in a config group."""
    return sorted(file.stem for file in (configs / group).glob("*.yaml"))


class ConfigError(ValueError):
    """An option whose value cannot be used: the message names the option, the value and the remedy."""


class Precision(Enum):
    """The floating-point type of weights and activity."""

    float32 = "float32"
    float64 = "float64"


class Change(Enum):
    """When the weights change: once a sweep, or after every case (N p.535)."""

    per_sweep = "per_sweep"
    per_case = "per_case"


class Answers(Enum):
    """Family trees: the desired outputs of a case with two correct answers."""

    both = "both"
    first = "first"


class Metric(Enum):
    """What a run hands back to Hydra, for a sweeper that seeks the best settings: a number made of its seeds.csv."""

    learned = "learned"  # the part of the networks that learned; the more the better
    median_sweeps = "median_sweeps"  # the median over all, with learning.sweeps for one that has not learned
    E = "E"  # the median over all


@dataclass
class TaskConfig:
    """What is learned."""

    name: str = MISSING  # one of experiments.options.tasks.TASKS
    target_off: float = 0.0  # the desired output of a unit that should be off
    target_on: float = 1.0  # and of one that should be on
    order: int = 0  # of the cases: 0 as they are listed, else an order drawn by this number
    length: int = 6  # symmetry, parity: input units
    units: int = 8  # encoder: input units, and as many output units
    held_out: int = 4  # family trees: cases kept back, drawn by each seed
    held_out_cases: list[str] = field(default_factory=list)  # or these, as "Colin aunt", for every seed
    held_out_answers: list[str] = field(default_factory=list)  # or, drawn by each seed, a case with each answer
    answers: Answers = Answers.both  # family trees: what is wanted where there are two answers


@dataclass
class NetworkConfig:
    """Groups of units and the links between them; see ``repro.networks.Architecture``."""

    groups: dict[str, int] = field(default_factory=dict)  # name: units, bottom to top
    links: dict[str, list[str]] = field(default_factory=dict)  # group: the groups that feed it
    layers: int = 1  # put the group 'hidden' in this many times, each fed by the one below
    biases: list[str] | None = None  # groups with biases; null: all that receive
    shared: list[list[str]] = field(default_factory=list)  # sets of links "from->to" with the same weights
    initial_range: float = 0.3  # first weights uniform in [-initial_range, initial_range]
    start: str = "zero"  # around which weights: 0, or those of one of repro.printed_networks.BY_NAME
    output_bias: float | None = None  # what the output biases start from; null: like other weights
    hidden_function: UnitFunction = UnitFunction.logistic


@dataclass
class ErrorConfig:
    """How the error of an output unit is counted; see ``repro.errors.ErrorMeasure``."""

    form: ErrorForm = ErrorForm.squared
    satisfied: Satisfied = Satisfied.never
    measured_from: MeasuredFrom = MeasuredFrom.target
    on_bound: float = 0.8  # the bound of a unit that should be on
    off_bound: float = 0.2  # and of one that should be off
    factor: float = 1.0  # E is this many times as large


@dataclass
class PhaseConfig:
    """A stretch of learning with its own epsilon and alpha."""

    sweeps: int = MISSING
    epsilon: float = MISSING
    alpha: float = MISSING


@dataclass
class LearningConfig:
    """How the weights change: equations (8) and (9)."""

    epsilon: float = MISSING
    alpha: float = 0.9
    sweeps: int = MISSING  # in all; the run ends sooner where every replica has stopped
    opening: list[PhaseConfig] = field(default_factory=list)  # phases before epsilon and alpha above
    decay: float = 0.0  # part of each weight taken off after each change
    decay_biases: bool = True  # whether biases decay too
    decay_of: DecayOf = DecayOf.weight  # of the weight; of the weight, carried on by alpha; of the change alone
    per_fan_in: bool = False  # divide each unit's epsilon by its number of inputs
    change: Change = Change.per_sweep


@dataclass
class CriterionConfig:
    """When a replica has learned."""

    tolerance: float = MISSING  # learned: every output this close to its desired value
    stop: bool = True  # and then the replica's weights stay as they are


@dataclass
class PopulationConfig:
    """Which networks are trained: one a seed, from ``first_seed`` on."""

    seeds: int = 1000  # how many networks, one a seed
    first_seed: int = 0
    shard: str = "1/1"  # "i/n": this job trains the i-th of n contiguous parts of them


@dataclass
class RecordConfig:
    """What is logged on the way."""

    every: int | None = None  # sweeps between snapshots; null: a 100th of learning.sweeps
    replica: int | None = None  # the seed whose own curve and weights are logged; null: the first
    metric: Metric | None = None  # learned, median_sweeps or E: what a sweeper such as hydra/sweeper=search goes by
    checkpoint: float | None = 60.0  # seconds between checkpoints; 0: at every snapshot; null: when interrupted only
    tensorboard: bool = True
    figures: bool = True
    progress: bool = True


@dataclass
class ReadingConfig:
    """Family trees: a reading of what the text leaves open, by its difference from the literal one."""

    name: str = "literal"
    assumption: str = ""  # its number among the assumptions
    question: str = ""
    departures: int = 0  # from what the text says, or from the least that it suggests
    text: str = ""


@dataclass
class PaperConfig:
    """What the paper reports, drawn as a reference beside our curves."""

    sweeps: int | None = None  # what the paper reports, drawn as a reference beside our curves
    source: str = ""


@dataclass
class Config:
    """All options of an experiment."""

    name: str = MISSING  # the experiment's name
    summary: str = ""
    task: TaskConfig = field(default_factory=TaskConfig)
    network: NetworkConfig = field(default_factory=NetworkConfig)
    error: ErrorConfig = field(default_factory=ErrorConfig)
    learning: LearningConfig = field(default_factory=LearningConfig)
    criterion: CriterionConfig = field(default_factory=CriterionConfig)
    population: PopulationConfig = field(default_factory=PopulationConfig)
    record: RecordConfig = field(default_factory=RecordConfig)
    reading: ReadingConfig = field(default_factory=ReadingConfig)
    count: str = ""  # which printed count a reading is held against; see configs/count
    paper: PaperConfig = field(default_factory=PaperConfig)
    device: str = "cpu"  # cpu, cuda or cuda:N
    precision: Precision = Precision.float32
    threads: int | None = None  # CPU cores to use; null: all that there are
    backward_pass: BackwardPass = BackwardPass.explicit
    compile: bool | None = None  # run the explicit one as machine code; null: where that saves time


def plain(options: Any) -> Any:
    """Options, or a value of one, without the types of this schema: dicts, lists, and choices by their names."""
    if is_dataclass(options):
        options = vars(options)
    if isinstance(options, dict):
        return {name: plain(value) for name, value in options.items()}
    if isinstance(options, list):
        return [plain(value) for value in options]
    return options.value if isinstance(options, Enum) else options


@cache
def register() -> None:
    """Make the schema known to Hydra as ``base_config``."""
    ConfigStore.instance().store(name="base_config", node=Config)


def shard_of(population: PopulationConfig) -> tuple[int, int]:
    """i and n of ``population.shard``. Raises ConfigError where it is not "i/n" with i from 1 to n."""
    parts = re.fullmatch(r"([1-9]\d{0,9})/([1-9]\d{0,9})", population.shard, re.ASCII)
    number, of = (int(parts[1]), int(parts[2])) if parts else (0, 0)
    require("population.shard", population.shard, 1 <= number <= of, "must be I/N, with I from 1 to N, such as 2/4")
    return number, of


def check(config: Config) -> None:
    """Raises ConfigError for the first option whose value cannot be used."""
    name = re.fullmatch(r"[\w.-]*\w[\w.-]*", config.name)
    require("name", config.name, name is not None, "it names a directory: write letters, digits, '_', '-' and '.'")
    off, on = config.task.target_off, config.task.target_on
    require("task.target_on", on, math.isfinite(on), "must be a number")
    require("task.target_off", off, -math.inf < off < on, f"must be a number below task.target_on={on}")
    length = config.task.length
    require("task.length", length, 2 <= length <= 20, "must be from 2 to 20; there are 2^length cases")
    halves = length % 2 == 0 or config.task.name != "symmetry"
    require("task.length", length, halves, "must be even: a symmetric vector has two halves")
    require("task.order", config.task.order, 0 <= config.task.order < 2**32, "must be from 0 to 2^32 - 1")
    units = config.task.units
    require("task.units", units, 2 <= units <= 1024, "must be from 2 to 1024; there are as many cases")
    reading, trees = config.reading, config.task.name == "family_trees"
    require("reading", reading.name, not reading.text or trees, "is of the family trees; take experiment=family_trees")
    require("count", config.count, not config.count or trees, "is of the family trees; take experiment=family_trees")
    answers, cases = config.task.held_out_answers, config.task.held_out_cases
    require("task.held_out_answers", answers, not (answers and cases), f"task.held_out_cases={cases} too; give one")
    layers, stack = config.network.layers, "hidden" in config.network.groups
    require("network.layers", layers, 1 <= layers <= 100, "must be from 1 to 100")
    require("network.layers", layers, layers == 1 or stack, "network.groups has no group 'hidden' to put in so often")
    named = [(f"network.links.{group}", sources) for group, sources in config.network.links.items()]
    for option, names in [*named, *(("network.shared", links) for links in config.network.shared)]:
        listed = isinstance(names, list) and all(isinstance(name, str) for name in names)
        require(option, names, listed, "must be a list of names")
    _number("network.initial_range", config.network.initial_range)
    bias = config.network.output_bias
    require("network.output_bias", bias, bias is None or math.isfinite(bias), "must be a number, or null")
    error = config.error
    bounds = 0 <= error.off_bound < error.on_bound <= 1
    require("error.off_bound", error.off_bound, bounds, f"must be from 0 to error.on_bound={error.on_bound}")
    _above_0("error.factor", error.factor)
    learning = config.learning
    _above_0("learning.epsilon", learning.epsilon)
    _part("learning.alpha", learning.alpha, "0 gives equation (8)")
    _at_least_1("learning.sweeps", learning.sweeps)
    _part("learning.decay", learning.decay, "it is the part of each weight taken off after each change")
    for i, phase in enumerate(learning.opening):
        _at_least_1(f"learning.opening.{i}.sweeps", phase.sweeps)
        _above_0(f"learning.opening.{i}.epsilon", phase.epsilon)
        _part(f"learning.opening.{i}.alpha", phase.alpha, "0 gives equation (8)")
    tolerance = config.criterion.tolerance
    half = (on - off) / 2
    remedy = f"must be above 0 and at most {half:g}, half way from task.target_off={off} to task.target_on={on}"
    require("criterion.tolerance", tolerance, 0 < tolerance <= half + 1e-9, remedy)
    population = config.population
    _at_least_1("population.seeds", population.seeds)
    last = population.first_seed + population.seeds - 1
    inside = 0 <= population.first_seed < 2**32
    require("population.first_seed", population.first_seed, inside, "seeds run from 0 to 2^32 - 1")
    remedy = f"from population.first_seed={population.first_seed} on there are {2**32 - population.first_seed}"
    require("population.seeds", population.seeds, last < 2**32, remedy)
    _, of = shard_of(population)
    remedy = f"population.seeds={population.seeds} can be split into {population.seeds} shards at most"
    require("population.shard", population.shard, of <= population.seeds, remedy)
    record = config.record
    if record.every is not None:
        _at_least_1("record.every", record.every)
    if record.replica is not None:
        inside = population.first_seed <= record.replica <= last
        require("record.replica", record.replica, inside, f"must be one of the seeds {population.first_seed} to {last}")
    if record.checkpoint is not None:
        _number("record.checkpoint", record.checkpoint)
    if config.threads is not None:
        _at_least_1("threads", config.threads)
    able = not (config.compile and config.backward_pass is BackwardPass.autograd)
    require("compile", config.compile, able, "is for backward_pass=explicit; leave compile=null")
    check_device_name(config.device)


def check_device_name(device: str) -> None:
    """Raises ConfigError unless it is a device's name, whether or not this machine has it."""
    kind, _, number = device.partition(":")
    known = kind in ("cpu", "cuda") and (number.isdecimal() or device == kind) and not (kind == "cpu" and number)
    require("device", device, known, "must be cpu, cuda or cuda:N")


def _number(option: str, value: float) -> None:
    require(option, value, 0 <= value < math.inf, "must be a number of at least 0")


def _above_0(option: str, value: float) -> None:
    require(option, value, 0 < value < math.inf, "must be a number above 0")


def _part(option: str, value: float, meaning: str) -> None:
    require(option, value, 0 <= value < 1, f"must be at least 0 and below 1; {meaning}")


def _at_least_1(option: str, value: int) -> None:
    require(option, value, value >= 1, "must be at least 1")


def require(option: str, value: object, holds: bool, remedy: str) -> None:
    """Raises ConfigError, with the option, its value and the remedy, unless it holds."""
    if not holds:
        raise ConfigError(f"{option}={value}: {remedy}")
