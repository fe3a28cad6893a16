"""Train a population of networks: ``python -m experiments.run experiment=symmetry``. ``--help`` tells the rest."""

# ruff: noqa: E402
import os
import sys

if not __package__:  # started by its path: as by python -m
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

from experiments.running import interrupts

interrupts.heed(__name__, "experiments.run")  # before anything that takes a while to import

import atexit
import gc
import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hydra
from omegaconf import DictConfig

from experiments.options.schema import CONFIGS, Config, check, register
from experiments.running import completion, sweep
from experiments.running.command_line import (
    check_arguments,
    in_order,
    refusing,
    register_plugins,
    register_resolvers,
    resumed_from,
    with_options,
)
from experiments.running.directory import locked_directory
from experiments.running.hydra_job import HydraJob
from experiments.running.sweep_plan import is_sweep

if TYPE_CHECKING:  # torch takes a second to import, and --help needs none of it
    from experiments.running.checkpoint import Checkpoint
    from repro.population import Population
    from repro.training import Snapshot


def run(config: Config, directory: Path, quiet: bool = False, resumed: "Checkpoint | None" = None) -> "Population":
    """One run: train the population and write seeds.csv, curves.csv, weights, figures and events to the directory.

    quiet: no progress bar, and nothing is printed at the end. resumed: where an earlier run there ended too soon; this
    one goes on from it, and leaves what that one would have left.
    Ctrl-C ends it at the next snapshot; everything up to there is written all the same, with a checkpoint to go on
    from, and the exit code is 130. So do SIGTERM and SIGHUP, with 143 and 129.

    Raises ConfigError where the directory is another run's; NotWritten where a file cannot be written.
    """
    with locked_directory(directory, unused=resumed is None):
        return train_and_write(config, directory, quiet, resumed)


def train_and_write(config: Config, directory: Path, quiet: bool, resumed: "Checkpoint | None") -> "Population":
    """What ``run`` does in a directory of its own."""
    from experiments.options import machine
    from experiments.options.setup import first_population, training_setup
    from experiments.running.progress import ProgressBar
    from experiments.running.recording import Recording
    from experiments.running.training import can_compile, every_of, prepare, started, threads_of
    from repro.training import train

    setup = training_setup(config)
    population = first_population(config, setup)
    compile = can_compile(config, machine.compiles(config, setup))
    prepare(config)
    if resumed is not None:
        resumed.restore(population)
    recording, sweep, interrupted = Recording(directory, config, setup, resumed), population.sweep, False

    def training(compile: bool) -> "Iterator[Snapshot]":
        return train(population, setup, every_of(config), config.backward_pass, compile, workers=threads_of(config))

    with recording, interrupts.noting() as caught:
        with ProgressBar(config, config.record.progress and not quiet, sweep) as bar:
            snapshots, compiled = started(training, compile, quiet, caught)
            recording.begin(compiled, sweep)
            if resumed is not None:
                resumed.restore(population)  # E and learned_at as they were: in other company E is rounded otherwise
                resumed.forget()
            for snapshot in snapshots:
                interrupted = bool(caught)
                recording(snapshot, interrupted)
                bar(snapshot)
                if interrupted:
                    break
        recording.finish(snapshot, interrupted)
    if not quiet:
        recording.tell(population, interrupted)
    if caught:
        if not interrupted and not quiet:
            print("Interrupted at the end: everything is written.")
        sys.exit(128 + caught[0])
    return population


@hydra.main(config_path=str(CONFIGS), config_name="config", version_base="1.3")
def launch(config: DictConfig) -> float | None:
    """What Hydra calls, once a job: returns ``record.metric`` of it, which a sweeper may go by."""
    job = HydraJob.of(config)
    if job.number is not None:
        return sweep.do(job, start, resume)
    with refusing():
        start(job)
    return sweep.metric_found(job)


def start(job: HydraJob) -> None:
    """A job from its beginning. The directory's .hydra is what Hydra itself would write, if it did not wait."""
    from experiments.options.machine import take_card

    check(job.config)  # where a sweeper has chosen the values itself, nobody has seen these before
    take_card(job.config.device, job.number)
    with locked_directory(job.directory):
        job.save_options()
        run(job.config, job.directory)


def resume(directory: Path, beside: list[str]) -> None:
    """Go on with a run from its checkpoint, with what else stands on the command line."""
    from experiments.running.checkpoint import check_resumable, read

    check_resumable(directory)
    with locked_directory(directory, unused=False):
        checkpoint = read(directory)
        run(with_options(checkpoint.config, beside), directory, resumed=checkpoint)


def main() -> None:
    """Check the whole command line first, so that a mistake costs one line and no directory; then launch."""
    register()
    register_resolvers()
    register_plugins()
    logging.raiseExceptions = False  # a log that finds no room ends without a traceback
    with refusing():
        arguments, listed = sweep.without_dry_run(sys.argv[1:])
        resumed = resumed_from(arguments)
        if resumed is not None and not is_sweep(resumed[0]):
            return resume(*resumed)
        completion.prepare(arguments)
        if resumed is not None:
            arguments = sweep.arguments_to_go_on(*resumed)
        else:
            arguments = in_order(arguments)
            check_arguments(arguments, CONFIGS)
        sys.argv[1:] = in_order([*arguments, *listed])
    interrupts.watch_directories()
    with sweep.ending():
        launch()


GARBAGE = 100_000
"""Objects that are made before Python looks for garbage among them: at its own 700, all that torch imports is looked
through many times over, which a short run waits for."""


def leave() -> None:
    """End the process, once all is written, as it stands: to take apart all that was imported takes a while too.

    Not where a launcher has threads of its own, which wait for Python to end as usual.
    """
    if threading.active_count() > 1:
        return
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
