"""Where a run stands, in its directory's checkpoint.pt: to go on from after Ctrl-C, a crash or a full disk.

The file is a line with the format's name, one with the SHA-256 of what follows, and a dict as ``torch.save`` writes it.
"""

import hashlib
import pickle
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

import torch
from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from torch import Tensor
from yaml import YAMLError

from experiments.files import NotWritten, naming, partial_of, replacing
from experiments.options.schema import Config, ConfigError
from experiments.running.curves import Curves
from experiments.running.directory import CHECKPOINT, CURVES, SEEDS, WEIGHTS, command
from experiments.running.tensorboard import TensorBoard
from repro.population import Population

NAME, VERSION = b"backprop-1986 checkpoint ", b"2\n"
OPTIONS = Path(".hydra") / "config.yaml"


@dataclass(frozen=True)
class Checkpoint:
    """A run at a snapshot, before anything is recorded of it. The tensors are those of ``Population``, on the CPU.

    options: those that the run was started with, as YAML. tensorboard: see ``TensorBoard.state``.
    """

    options: str
    sweep: int
    seeds: Tensor
    weights: dict[str, Tensor]
    delta_w: dict[str, Tensor]
    learned_at: Tensor
    E: Tensor
    curves: Curves
    tensorboard: dict[str, Any]

    @property
    def config(self) -> Config:
        """The options as plain objects."""
        return as_config(OmegaConf.create(self.options))

    def restore(self, population: Population) -> None:
        """Put the same networks, before their first sweep, where these are. Raises ConfigError for other networks.

        In place: on the memory layout depends the last digit of what is worked out.
        """
        sizes = [
            {key: values.shape for key, values in tensors.items()}
            for tensors in (population.weights, self.weights, self.delta_w)
        ]
        if not self.seeds.equal(population.seed_numbers) or not sizes[0] == sizes[1] == sizes[2]:
            raise ConfigError(f"{CHECKPOINT} is of other networks than its options make in this version of the project")
        for own, saved in ((population.weights, self.weights), (population.delta_w, self.delta_w)):
            for key, values in own.items():
                values.copy_(saved[key])
        population.learned_at.copy_(self.learned_at)
        population.E.copy_(self.E)
        population.sweep = self.sweep

    def forget(self) -> None:
        """Let go of the weights and last Δw, once they are where they belong."""
        self.weights.clear()
        self.delta_w.clear()


def write(directory: Path, checkpoint: Checkpoint) -> None:
    """Put it in the directory, in place of an earlier one. Raises NotWritten, and leaves the earlier one."""
    with replacing(directory / CHECKPOINT) as path, path.open("wb+") as file:
        file.write(NAME + VERSION + sha256(file) + b"\n")  # of nothing, for its length
        begin = file.tell()
        torch.save(vars(checkpoint) | {"curves": asdict(checkpoint.curves)}, file)
        file.seek(begin)
        digest = sha256(file)
        file.seek(len(NAME + VERSION))
        file.write(digest)


def sha256(file: BinaryIO) -> bytes:
    """Of what is left of a file, in hexadecimal."""
    digest = hashlib.sha256()
    while block := file.read(2**20):
        digest.update(block)
    return digest.hexdigest().encode()


def read(directory: Path) -> Checkpoint:
    """The checkpoint of a run. Raises ConfigError where there is none, or none that can be relied on."""
    check_resumable(directory)
    problem = f"resume={directory}: {CHECKPOINT}"
    try:
        with (directory / CHECKPOINT).open("rb") as file:
            if file.read(len(NAME)) != NAME:
                raise ConfigError(f"{problem} is no checkpoint of a run")
            if file.readline() != VERSION:
                raise ConfigError(f"{problem} is in the format of another version of this project")
            digest, begin = file.readline(), file.tell()
            if sha256(file) + b"\n" != digest:
                raise ConfigError(f"{problem} is damaged: what it holds has another SHA-256 than it says")
            file.seek(begin)
            state = torch.load(file, weights_only=True)
            checkpoint = Checkpoint(**state | {"curves": Curves(**state["curves"])})
            config = checkpoint.config
    except OSError as refusal:
        raise ConfigError(f"{problem}: {refusal.strerror}") from None
    except (RuntimeError, KeyError, TypeError, pickle.UnpicklingError, OmegaConfBaseException):
        raise ConfigError(f"{problem} is not as this version of the project writes it") from None
    check_options(directory, config)
    return checkpoint


def check_resumable(directory: Path) -> None:
    """Raises ConfigError where there is no checkpoint, and says why there may be none."""
    if (directory / CHECKPOINT).exists():
        return
    if not directory.is_dir():
        reason = "there is no such directory"
    elif (directory / SEEDS).exists():
        reason = "the run has finished: there is nothing to resume"
    elif any((directory / name).exists() for name in (WEIGHTS, CURVES, OPTIONS)):
        reason = "the run has no checkpoint yet, see record.checkpoint: start it again"
    else:
        reason = "is not the directory of a run"
    raise ConfigError(f"resume={directory}: {reason}")


def check_options(directory: Path, config: Config) -> None:
    """Raises ConfigError where a directory has the options of another run than its checkpoint."""
    try:
        same = as_config(OmegaConf.load(directory / OPTIONS)) == config
    except FileNotFoundError:  # of a run that was not launched by Hydra
        return
    except (OSError, OmegaConfBaseException, YAMLError):
        raise ConfigError(f"resume={directory}: {OPTIONS} is damaged") from None
    if not same:
        raise ConfigError(f"resume={directory}: {CHECKPOINT} is of another run, its options are not those of {OPTIONS}")


def as_config(options: DictConfig | ListConfig) -> Config:
    """The options of a YAML file as plain objects. Raises OmegaConfBaseException where they are not an experiment's."""
    plain = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(Config), options))
    assert isinstance(plain, Config)
    return plain


class Checkpoints:
    """Writes a checkpoint at the first snapshot after every ``record.checkpoint`` seconds, and when it is told to."""

    def __init__(self, directory: Path, config: Config, resumed: Checkpoint | None) -> None:
        self.directory, self.config, self.resumed = directory, config, resumed
        self.seconds = config.record.checkpoint
        self.sweep = None if resumed is None else resumed.sweep
        self.written, self.removed = time.monotonic(), False

    @cached_property
    def options(self) -> str:
        """Those that the run was started with, as YAML, which takes longer than some trainings."""
        return OmegaConf.to_yaml(OmegaConf.structured(self.config)) if self.resumed is None else self.resumed.options

    def __call__(self, population: Population, curves: Curves, tensorboard: TensorBoard | None, now: bool) -> None:
        if not now and (self.seconds is None or time.monotonic() - self.written < self.seconds):
            return
        checkpoint = Checkpoint(
            self.options,
            population.sweep,
            population.seed_numbers,
            {key: w.cpu() for key, w in population.weights.items()},
            {key: last.cpu() for key, last in population.delta_w.items()},
            population.learned_at.cpu(),
            population.E.cpu(),
            curves,
            {} if tensorboard is None else tensorboard.state(),
        )
        write(self.directory, checkpoint)
        self.sweep, self.written = population.sweep, time.monotonic()

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Where something cannot be written within, say what is there to go on from."""
        try:
            yield
        except NotWritten as problem:
            kept = "no checkpoint was written yet"
            if self.removed:
                kept = "the results are written"
            elif self.sweep is not None:
                after = f"kept: {CHECKPOINT} after {self.sweep:,} sweeps"
                kept = f"{after}. Once that is mended, go on with: {command(self.directory)}"
            raise NotWritten(f"{problem}; {kept}") from None

    def remove(self) -> None:
        """A run that has finished has nothing to go on with."""
        path = self.directory / CHECKPOINT
        with naming(path):
            path.unlink(missing_ok=True)
            partial_of(path).unlink(missing_ok=True)
        self.removed = True
