"""From overrides to options, as Hydra puts them together; but files are read once for each choice of them.

Most of what composing takes is reading the same files: a job of a multirun that differs from another one in values
alone is a copy of what the files give, into which Hydra's own last step puts the values.
"""

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields, is_dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from hydra import compose
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import MISSING, DictConfig, OmegaConf, open_dict, read_write
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from experiments.options import folders
from experiments.options.schema import CONFIGS, Config

REFUSALS = (
    *(HydraException, OmegaConfBaseException, YAMLError),
    *(ValueError, OSError, RecursionError),  # files that are no text, no file, or a circle
    *(TypeError, AttributeError, AssertionError),  # what is no text, list or group where Hydra takes it for one
)
"""What comes of options or files that cannot be used, where Hydra puts them together."""

ASKS, ASKS_HYDRA = "${", "${hydra:"
"""What begins a value that is said by another option, by the environment and so on; and by Hydra's own options."""

BESIDE = tuple(f"{group}=" for group in folders.GROUPS)


@dataclass(frozen=True)
class Files:
    """What a choice of files gives, before any value is put in. Not to be changed: others have the same.

    options: an experiment's. whole: with Hydra's own. choices: the file of each group of configs, ``None`` for none.
    text: the options as one text, with what stands in ``${}`` as it stands.
    """

    options: DictConfig
    whole: DictConfig
    choices: dict[str, Any]
    text: str


@dataclass(frozen=True)
class Job:
    """A run to be: its overrides, those of them that are no choice of files, and the options that come of it."""

    texts: tuple[str, ...]
    values: tuple[Override, ...]
    files: Files
    options: DictConfig


class Composer:
    """Composes jobs within ``folders.searching``, of which it keeps what several have in common."""

    def __init__(self, configs: Path = CONFIGS) -> None:
        self.stamp = folders.stamp(configs)
        self.loader = GlobalHydra.instance().config_loader()
        self.parser = OverridesParser.create(self.loader)
        self.known: dict[str, tuple[Override, bool]] = {}
        self.groups: dict[str, bool] = {}

    def parsed(self, text: str) -> Override:
        """An override, taken apart. Raises HydraException where it cannot be."""
        return self._parsed(text)[0]

    def chooses(self, text: str) -> bool:
        """Whether it says which files, or is of Hydra's own options: all else is a value that is put in at the end."""
        return self._parsed(text)[1]

    def _parsed(self, text: str) -> tuple[Override, bool]:
        if text not in self.known:
            (override,) = self.parser.parse_overrides([text])
            key = override.key_or_group
            if key not in self.groups:
                self.groups[key] = folders.is_group(key)
            file = self.groups[key] and not isinstance(override.value(), dict)
            self.known[text] = override, file or override.is_hydra_override()
        return self.known[text]

    def hydra(self, texts: Sequence[str]) -> DictConfig:
        """Hydra's own options, as Hydra has them before there are jobs. Raises one of REFUSALS."""
        chosen = tuple(text for text in texts if self.chooses(text))
        if any(self.parsed(text).is_sweep_override() for text in chosen):
            whole = self.loader.load_configuration(
                "config", [*chosen], RunMode.MULTIRUN, validate_sweep_overrides=False
            )
        else:
            whole = files_of(self.stamp, chosen).whole
        hydra = whole.hydra
        assert isinstance(hydra, DictConfig)
        return hydra

    def job(self, texts: Sequence[str]) -> Job:
        """The job of these overrides. Raises one of REFUSALS where Hydra would refuse it."""
        chosen = tuple(text for text in texts if self.chooses(text))
        values = tuple(self.parsed(text) for text in texts if not self.chooses(text))
        files = files_of(self.stamp, chosen)
        options = copy.deepcopy(files.options)
        ConfigLoaderImpl._apply_overrides_to_config(list(values), options)
        return Job(tuple(texts), values, files, options)


@lru_cache(maxsize=512)
def files_of(stamp: tuple[object, ...], texts: tuple[str, ...]) -> Files:
    """What these overrides, which choose files, give. stamp: that of the folders. Raises one of REFUSALS."""
    added = {text.partition("=")[0]: text for text in texts if text.startswith(BESIDE)}
    if added:
        with suppress(*REFUSALS):  # then Hydra says what is wrong
            files = files_of(stamp, tuple(text for text in texts if text not in added.values()))
            if ASKS_HYDRA not in files.text and all(files.choices.get(group) is None for group in added):
                return _with_files(
                    files, [added[group].replace("=", "/") for group in folders.GROUPS if group in added]
                )
    whole = compose("config", [*texts], return_hydra_config=True)
    options = copy.deepcopy(whole)
    with read_write(options), open_dict(options):
        del options["hydra"]
    choices = dict(whole.hydra.runtime.choices)
    return Files(options, whole, choices, str(OmegaConf.to_container(options)))


def _with_files(files: Files, configs: Sequence[str]) -> Files:
    """The same with files beside the experiment's, ``reading/gain``, which config.yaml puts on top of it in this order.

    Raises ValueError for one that is more than options, of which Hydra itself must make what it will.
    """
    options, choices = copy.deepcopy(files.options), dict(files.choices)
    OmegaConf.set_struct(options, None)
    for config in configs:
        source = next((source for source in folders.sources() if source.is_config(config)), None)
        if source is None:
            raise ValueError(f"there is no {config}")
        found = source.load_config(config)
        own = found.config
        if (
            found.header["package"] != "_global_"
            or not isinstance(own, DictConfig)
            or {"defaults", "hydra"} & own.keys()
        ):
            raise ValueError(f"{config} is more than options")
        options.merge_with(own)
        group, _, name = config.partition("/")
        choices[group] = name
    OmegaConf.set_struct(options, True)
    text = str(OmegaConf.to_container(options))
    if ASKS_HYDRA in text:
        raise ValueError("what Hydra says depends on the files")
    return Files(options, files.whole, choices, text)


def plain(job: Job, number: int | None = None) -> Config:
    """The options as plain objects, whatever stands in ``${}`` put in. number: the job's in its multirun, from 0.

    Raises one of REFUSALS, of which MissingMandatoryValue is for an option that has no value yet.
    """
    with _hydra_of(job, number):
        config = OmegaConf.to_object(job.options)
    if ASKS in job.files.text or any(ASKS in text for text in job.texts):
        OmegaConf.structured(config)  # raises where ${} is no group of options, or no list, in the place of one
    assert isinstance(config, Config)
    return config


@contextmanager
def _hydra_of(job: Job, number: int | None) -> Iterator[None]:
    """``${hydra:...}`` is what it will be in the job."""
    if ASKS_HYDRA not in job.files.text and not any(ASKS_HYDRA in text for text in job.texts):
        yield
        return
    hydra, whole = HydraConfig.instance(), job.files.whole
    before, directory = hydra.cfg, "${hydra.sweep.dir}/${hydra.sweep.subdir}"
    try:
        _set_job(whole, directory, number, str(number)) if number is not None else _set_job(whole, "${hydra.run.dir}")
        hydra.cfg = whole  # type: ignore[assignment]
        yield
    finally:
        hydra.cfg = before
        _set_job(whole)


def _set_job(whole: DictConfig, directory: str = MISSING, number: int | str = MISSING, identity: str = MISSING) -> None:
    with read_write(whole.hydra), open_dict(whole.hydra):
        whole.hydra.runtime.output_dir, whole.hydra.job.num, whole.hydra.job.id = directory, number, identity


def left_over(options: object, prefix: str = "") -> Iterator[tuple[str, list[str]]]:
    """The dotted names that there are beside the options, wherever they are, each with those that are options there."""
    if is_dataclass(options):
        known = [field.name for field in fields(options)]
        for name, value in vars(options).items():
            if name not in known:
                yield f"{prefix}{name}", [f"{prefix}{each}" for each in known]
            else:
                yield from left_over(value, f"{prefix}{name}.")
    elif isinstance(options, list | dict):
        for place, value in options.items() if isinstance(options, dict) else enumerate(options):
            yield from left_over(value, f"{prefix}{place}.")
