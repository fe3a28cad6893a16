"""The options of an experiment from its YAML file and overrides, and the jobs of a multirun: without torch."""

import argparse
import itertools
import math
from collections.abc import Iterator, Sequence

from hydra.core.override_parser.types import IntervalSweep, Override
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import MissingMandatoryValue

from experiments.options import folders, messages
from experiments.options.compose import REFUSALS, Composer, Job, left_over, plain
from experiments.options.effects import check_effects
from experiments.options.schema import CONFIGS, Config, ConfigError, check

Setting = tuple[tuple[str, str], ...]
"""Each swept option with its value, in the order of the file."""


def load(experiment: str, *overrides: str) -> Config:
    """The options of an experiment, as the command line would have them. Raises ConfigError for a bad one.

    One of your own is found where BACKPROP_1986_CONFIGS or an override, ``"hydra.searchpath=[file://FOLDER]"``, says.
    Each call gives objects of its own, which the caller may change; files are put together once a choice of them.
    """
    with folders.naming([text for text in overrides if text.startswith(folders.SEARCHPATH)]), folders.searching():
        return checked([f"experiment={experiment}", *overrides], Composer())[0]


def checked(
    texts: Sequence[str], composer: Composer, number: int | None = None
) -> tuple[Config, dict[str, str | None]]:
    """The options of one run, and which of those given have no effect for want of others, each with a line about it.

    This is what is asked of every job of every way in. texts: its overrides, of which ``experiment=NAME`` is one.
    number: the job's in its multirun, from 0; None: it is no job of one. Within ``folders.searching``.

    Raises ConfigError, with one line that says what is wrong and the remedy.
    """
    job = composed(texts, composer)
    try:
        config = plain(job, number)
    except MissingMandatoryValue:
        raise ConfigError(messages.no_value(job)) from None
    except REFUSALS as problem:
        raise ConfigError(messages.explained(problem, texts, composer)) from None
    for key, known in left_over(config):
        raise ConfigError(messages.no_option(f"+{key}", key, [*known, *messages.options_of(job.files.options)]))
    _check_one_reading(job)
    check(config)
    return config, check_effects(job.values, job.files.options, job.options, config)


def of_seeds(seeds: range) -> list[str]:
    """The overrides for a population of these seeds."""
    return [f"population.seeds={len(seeds)}", *([f"population.first_seed={seeds.start}"] if seeds.start else [])]


def composed(texts: Sequence[str], composer: Composer) -> Job:
    """The options of one run as Hydra has them, some of which may have no value yet. Raises ConfigError."""
    for text in texts:
        override = parsed(text, composer)
        check_form(override)
        if override.is_sweep_override():
            raise ConfigError(f"{text}: more than one value needs a multirun; add -m")
    try:
        return composer.job(texts)
    except REFUSALS as problem:
        raise ConfigError(messages.explained(problem, texts, composer)) from None


def parsed(text: str, composer: Composer) -> Override:
    """An override, taken apart. Raises ConfigError where it cannot be, or names no option."""
    try:
        override = composer.parsed(text)
    except HydraException as problem:
        raise ConfigError(messages.not_parsed(text, problem, composer)) from None
    if not override.key_or_group:
        raise ConfigError(f"{text}: names no option; options are written OPTION=VALUE")
    return override


def check_form(override: Override) -> None:
    """Raises ConfigError for what the grammar of overrides allows and no run can use. Within ``folders.searching``."""
    text, key = override.input_line or "", override.key_or_group
    value = None if override.is_sweep_override() else override.value()
    if key in ("experiment", *folders.GROUPS):
        if override.is_add() or override.is_force_add() or override.is_delete() or override.package is not None:
            raise ConfigError(f"{text}: write {key}={'NAME' if value is None else value}")
        if isinstance(value, list):
            each = f"{key}={','.join(map(str, value))}"
            raise ConfigError(f"{text}: one {key} at a time; write {each}, with -m for a run of each")
        if key == "experiment" and not override.is_sweep_override() and not _is_experiment(value):
            raise ConfigError(messages.no_experiment(text))
    if override.is_delete() and not key.startswith(("network.groups.", "network.links.")):
        raise ConfigError(f"{text}: only groups and links of the network can be taken away; give the option a value")


def _is_experiment(name: object) -> bool:
    """Whether there is an experiment of that name, which may be in a folder below others."""
    usual = isinstance(name, str) and not name.endswith(".yaml") and ".." not in name.split("/") and name[:1] != "/"
    return usual and any(source.is_config(f"experiment/{name}") for source in folders.sources())


def _check_one_reading(job: Job) -> None:
    """Raises ConfigError for a reading, or a count, of an experiment that is one already: it would be half of each."""
    choices = job.files.choices
    for group in ("reading", "count"):
        its = [name for key, name in choices.items() if key.startswith(f"{group}@")]
        chosen = choices.get(group)
        if chosen is not None and any(name != chosen for name in its):
            problem = f"{group}={chosen}: experiment={choices['experiment']} is of the {group} {its[0]} itself"
            raise ConfigError(f"{problem}; take one that is of none, such as experiment=family_trees")


def jobs(overrides: Sequence[Override]) -> Iterator[list[str]]:
    """The overrides of each job of a multirun; of the one job where nothing is swept."""
    return (list(job) for job in itertools.product(*values_of(overrides)))


def values_of(overrides: Sequence[Override]) -> list[list[str]]:
    """What a multirun may give each option, each as an override; of an interval its two ends.

    Of two overrides of one option the later holds, as in Hydra.
    """
    values: dict[str, list[str]] = {}
    for override in overrides:
        key = override.get_key_element()
        if override.is_discrete_sweep():
            values[key] = [f"{key}={value}" for value in override.sweep_string_iterator()]
        elif isinstance(interval := override.value(), IntervalSweep):
            values[key] = [f"{key}={end}" for end in (interval.start, interval.end)]
        else:
            values[key] = [override.input_line or ""]
    return list(values.values())


def settings(name: str) -> list[Setting]:
    """The settings of an experiment whose file sweeps over some; one that is empty where it does not.

    Those of ``hydra.sweeper.params`` in the file, so that ``python -m experiments.run experiment=NAME`` runs the same.
    """
    swept = OmegaConf.select(OmegaConf.load(CONFIGS / "experiment" / f"{name}.yaml"), "hydra.sweeper.params") or {}
    with folders.searching():
        composer = Composer()
        overrides = [composer.parsed(f"{option}={values}") for option, values in swept.items()]
        jobs_ = list(jobs(overrides))
    return [tuple((key, value) for key, _, value in (text.partition("=") for text in job)) for job in jobs_]


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
