"""Train a population of networks: ``python -m experiments.run experiment=symmetry``. ``--help`` tells the rest."""

import atexit
import gc
import itertools
import logging
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from experiments.files import naming, replacing
from experiments.options.schema import CONFIGS, Config, ConfigError, register
from experiments.running.command_line import check_arguments, in_order, register_resolvers, resumed_from, with_options
from experiments.running.directory import CHECKPOINT, CURVES, SEEDS, WEIGHTS, locked_directory

if TYPE_CHECKING:  # torch takes a second to import, and --help needs none of it
    from experiments.running.checkpoint import Checkpoint
    from experiments.running.curves import Curves
    from repro.population import Population
    from repro.training import Snapshot
    from repro.training_setup import TrainingSetup

SNAPSHOTS = 100
"""About how many points a curve has, unless ``record.every`` says otherwise."""


def run(config: Config, directory: Path, quiet: bool = False, resumed: "Checkpoint | None" = None) -> "Population":
    """One run: train the population and write seeds.csv, curves.csv, weights, figures and events to the directory.

    quiet: no progress bar, and nothing is printed at the end. resumed: where an earlier run there ended too soon; this
    one goes on from it, and leaves what that one would have left.
    Ctrl-C ends it at the next snapshot; everything up to there is written all the same, with a checkpoint to go on
    from, and the exit code is 130.

    Raises ConfigError where the directory is another run's; NotWritten where a file cannot be written.
    """
    with locked_directory(directory, unused=resumed is None):
        return train_and_write(config, directory, quiet, resumed)


def train_and_write(config: Config, directory: Path, quiet: bool, resumed: "Checkpoint | None") -> "Population":
    """What ``run`` does in a directory of its own."""
    import torch

    from experiments.options import machine
    from experiments.options.setup import first_population, training_setup
    from experiments.running.checkpoint import Checkpoints, command
    from experiments.running.curves import Curves
    from experiments.running.progress import ProgressBar
    from experiments.running.summary import metrics, print_summary
    from experiments.running.tensorboard import TensorBoard
    from repro.training import train

    threads = config.threads or (machine.cores() if config.device == "cpu" else 1)
    setup = training_setup(config)
    population = first_population(config, setup)
    compile = machine.compiles(config, setup)
    lacking = machine.compiler_lacking() if compile else None
    if lacking:
        print(f"compile={str(config.compile or 'null').lower()}: {lacking}; goes on uncompiled, many times slower.")
        compile = False
    torch.set_num_threads(1)  # the workers share the cores out, by replicas
    torch.set_float32_matmul_precision("highest")  # no TF32
    if config.device != "cpu":
        torch.use_deterministic_algorithms(True, warn_only=True)
    every = config.record.every or max(1, setup.learning.sweeps // SNAPSHOTS)
    curves, begin, state = Curves(), 0, None
    if resumed is not None:
        resumed.restore(population)
        curves, begin, state = resumed.curves, resumed.sweep, resumed.tensorboard
    recording = (
        TensorBoard(directory, config, setup, curves, begin, state) if config.record.tensorboard else nullcontext()
    )
    checkpoints = Checkpoints(directory, config, resumed)

    def snapshots_of(compile: bool) -> "Iterator[Snapshot]":
        return train(population, setup, every, config.backward_pass, compile, workers=threads)

    with checkpoints.kept(), recording as tensorboard, interruptible() as caught:
        with ProgressBar(config, config.record.progress and not quiet, begin) as bar:
            begun, snapshots = time.monotonic(), snapshots_of(compile)
            if compile and not quiet:
                print("Compiling, which takes some 5 to 20 seconds.", flush=True)
            try:
                first = next(snapshots)
            except (RuntimeError, OSError) as problem:
                if caught:  # Ctrl-C in a terminal ends the C++ compiler too
                    print("Interrupted before the first sweep: there is nothing to keep.")
                    sys.exit(128 + caught[0])
                if not compile:
                    raise
                print(f"compile: {str(problem).splitlines()[0]}; goes on uncompiled, many times slower.")
                compile, snapshots = False, snapshots_of(False)
                first = next(snapshots)
            if compile and not quiet:
                print(f"Compiled in {time.monotonic() - begun:.1f} s.")
            if resumed is not None:
                resumed.restore(population)  # E and learned_at as they were: in other company E is rounded otherwise
                resumed.forget()
            for snapshot in itertools.chain([first], snapshots):
                interrupted = bool(caught)
                checkpoints(population, curves, tensorboard, now=interrupted)
                for recorder in (curves, tensorboard, bar):
                    if recorder is not None:
                        recorder(snapshot)
                if interrupted:
                    break

        if tensorboard is not None:
            tensorboard.finish(snapshot, metrics(population), interrupted)
        write_results(directory, config, setup, curves, population)
        if not interrupted:
            checkpoints.remove()
    if not quiet:
        print_summary(config, population, directory)
    if interrupted and not quiet:
        left = setup.learning.sweeps - population.sweep
        print(f"Interrupted after {population.sweep:,} sweeps, {left:,} before the end; what was found is written.")
        print(f"To go on: {command(directory)}")
    if caught:
        sys.exit(128 + caught[0])
    return population


def write_results(
    directory: Path, config: Config, setup: "TrainingSetup", curves: "Curves", population: "Population"
) -> None:
    """Everything but the events. seeds.csv is the last: a run that has it, and no checkpoint, has finished."""
    from experiments.running.figures import figures, save
    from experiments.running.seeds import write_seeds, write_weights

    with replacing(directory / WEIGHTS) as path:
        write_weights(path, population)
    with replacing(directory / CURVES) as path:
        curves.write(path)
    if config.record.figures:
        with naming(directory / "figures"):
            (directory / "figures").mkdir(exist_ok=True)
        for name, figure in figures(config, setup, curves, population):
            with replacing(directory / "figures" / f"{name}.png") as path:
                save(figure, path)
    with replacing(directory / SEEDS) as path:
        write_seeds(path, setup, population)


@contextmanager
def interruptible() -> Iterator[list[int]]:
    """Collect the first SIGINT or SIGTERM in the list it gives, for the loop to end at a snapshot; a second kills."""
    caught: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        if caught:
            signal.signal(number, before[signal.Signals(number)])
            signal.raise_signal(number)
        caught.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@hydra.main(config_path=str(CONFIGS), config_name="config", version_base="1.3")
def launch(config: DictConfig) -> None:
    """What Hydra calls, once a job. The directory's .hydra is what Hydra itself would write, if it did not wait."""
    plain, hydra_config = OmegaConf.to_object(config), HydraConfig.get()
    assert isinstance(plain, Config)
    directory = Path(hydra_config.runtime.output_dir)
    if "SUBMITIT_EXECUTOR" in os.environ and (directory / CHECKPOINT).exists():
        with refusing():  # a job that has run out of time, or was preempted, is started again
            return resume(directory, [])
    saved = {"config": config, "hydra": HydraConfig.instance().cfg, "overrides": hydra_config.overrides.task}
    with refusing(), locked_directory(directory):
        with naming(directory / ".hydra"):
            (directory / ".hydra").mkdir(exist_ok=True)
        for name, options in saved.items():
            with replacing(directory / ".hydra" / f"{name}.yaml") as path:
                OmegaConf.save(options, path)
        run(plain, directory)


def resume(directory: Path, beside: list[str]) -> None:
    """Go on with a run from its checkpoint, with what else stands on the command line."""
    from experiments.running.checkpoint import check_resumable, read

    check_resumable(directory)
    with locked_directory(directory, unused=False):
        checkpoint = read(directory)
        run(with_options(checkpoint.config, beside), directory, resumed=checkpoint)


@contextmanager
def refusing() -> Iterator[None]:
    """A mistake of the user costs one line, and exit code 2."""
    try:
        yield
    except ConfigError as problem:
        print(f"experiments.run: {problem}", file=sys.stderr)
        sys.exit(2)


def main() -> None:
    """Check the whole command line first, so that a mistake costs one line and no directory; then launch."""
    register()
    register_resolvers()
    logging.raiseExceptions = False  # a log that finds no room ends without a traceback
    with refusing():
        resumed = resumed_from(sys.argv[1:])
        if resumed is not None:
            return resume(*resumed)
        sys.argv[1:] = in_order(sys.argv[1:])
        check_arguments(sys.argv[1:], CONFIGS)
    launch()


GARBAGE = 100_000
"""Objects that are made before Python looks for garbage among them: at its own 700, all that torch imports is looked
through many times over, which a short run waits for."""


def leave() -> None:
    """End the process, once all is written, as it stands: to take apart all that was imported takes a while too."""
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:  # whoever read it has gone: Python has its own way to say so
        return
    os._exit(0)


if __name__ == "__main__":
    gc.set_threshold(GARBAGE)
    main()
    leave()
