"""What a sweep was started as, in its directory's ``sweep.json``, and how far each of its jobs is.

The file is written whole before the first job begins: the command line, and each job's directory and resolved options.
A job that is started later, by ``resume=``, has these, whatever has become of the files that they came from.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from experiments.files import naming, replacing
from experiments.options.schema import Config, ConfigError
from experiments.running.directory import CHECKPOINT, SEEDS

PLAN, VERSION = "sweep.json", 1

FAILURE = "failed.txt"
"""In a job's directory: why it has failed. The first line says it; below it is the traceback of a mistake of ours."""


@dataclass(frozen=True)
class Job:
    """A job of a sweep: its overrides, the name of its directory, and in which options it differs from the first."""

    overrides: list[str]
    directory: str
    options: dict[str, Any]


@dataclass
class Plan:
    """What a sweep was started as.

    arguments: the command line. sweeper: its name in Hydra. swept: the options that are swept. expected: how many jobs
    there will be. options: those of the first job, ``"learning.epsilon"`` and its value. jobs: by their numbers; none
    where the sweeper is not one of ours, which do not tell: such a sweep cannot go on.
    """

    directory: Path
    arguments: list[str]
    sweeper: str
    swept: list[str]
    expected: int | None = None
    options: dict[str, Any] = field(default_factory=dict)
    jobs: list[Job] = field(default_factory=list)

    @classmethod
    def read(cls, directory: Path) -> "Plan":
        """That of a sweep's directory. Raises ConfigError where there is none, or none that can be relied on."""
        path = directory / PLAN
        try:
            saved = json.loads(path.read_text(encoding="utf-8"))
            version = saved.pop("version")
            jobs = [Job(**job) for job in saved["jobs"]]
            plan = cls(directory, **saved | {"jobs": jobs}) if version == VERSION else None
        except OSError as refusal:
            raise ConfigError(f"{path}: {refusal.strerror}") from None
        except (ValueError, KeyError, TypeError, AttributeError):
            raise ConfigError(f"{path} is damaged: it is not as this project writes it") from None
        if plan is None:
            raise ConfigError(f"{path} is in the format of another version of this project")
        return plan

    def write(self) -> None:
        """Put it in the sweep's directory, whole or not at all. Raises NotWritten."""
        saved = {name: value for name, value in vars(self).items() if name != "directory"}
        saved["jobs"] = [vars(job) for job in self.jobs]
        with naming(self.directory):
            self.directory.mkdir(parents=True, exist_ok=True)
        with replacing(self.directory / PLAN) as path:
            path.write_text(json.dumps({"version": VERSION} | saved, indent=1) + "\n", encoding="utf-8")

    def add(self, overrides: Sequence[str], directory: str, options: Mapping[str, Any]) -> None:
        """One more job, with all its options."""
        if not self.jobs:
            self.options = dict(options)
        apart = {option: value for option, value in options.items() if value != self.options[option]}
        self.jobs.append(Job(list(overrides), directory, apart))

    def config_of(self, number: int) -> Config:
        """The options of a job as they were when it was planned. Raises ConfigError."""
        nested: dict[str, Any] = {}
        for option, value in (self.options | self.jobs[number].options).items():
            group, _, name = option.rpartition(".")
            (nested.setdefault(group, {}) if group else nested)[name] = value
        plain = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(Config), nested))
        assert isinstance(plain, Config)
        return plain

    def directories(self) -> list[Path]:
        """Those of the jobs, by their numbers: of all that are known, or of those that have begun."""
        return [self.directory / job.directory for job in self.jobs] or runs_in(self.directory)


def flat(config: DictConfig) -> dict[str, Any]:
    """Resolved options as plain values, ``"learning.epsilon"`` and its value: one for each field of the schema."""
    values = OmegaConf.to_container(config, resolve=True, enum_to_str=True)
    assert isinstance(values, dict)
    found: dict[str, Any] = {}
    for group, value in values.items():
        if isinstance(value, dict):
            found |= {f"{group!s}.{name!s}": each for name, each in value.items()}
        else:
            found[str(group)] = value
    return found


def is_finished(directory: Path) -> bool:
    """Whether a run has come to its end there."""
    return (directory / SEEDS).exists() and not is_started(directory)


def is_started(directory: Path) -> bool:
    """Whether there is a checkpoint to go on from."""
    return (directory / CHECKPOINT).exists()


def failure_of(directory: Path) -> str | None:
    """Why a job has failed, in a line; None where it has not."""
    try:
        return (directory / FAILURE).read_text(encoding="utf-8").partition("\n")[0]
    except OSError:
        return None


def runs_in(directory: Path) -> list[Path]:
    """The directories of runs in a sweep's, by their numbers: also of those that have failed at once."""

    def number(path: Path) -> tuple[int, str]:
        first = path.name.partition("_")[0]
        return (int(first) if first.isdecimal() else sys.maxsize), path.name

    runs = (path for path in directory.iterdir() if (path / ".hydra").is_dir() or failure_of(path) is not None)
    return sorted(runs, key=number)


def is_sweep(directory: Path) -> bool:
    """Whether a directory is that of a sweep, which this or an earlier version of the project has begun."""
    return (
        directory.is_dir()
        and not (directory / ".hydra").exists()
        and ((directory / PLAN).exists() or bool(runs_in(directory)))
    )
