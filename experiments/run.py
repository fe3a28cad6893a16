"""Train a population of networks: ``python -m experiments.run experiment=symmetry``. ``--help`` tells the rest."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from experiments.command_line import check_arguments, in_order, register_resolvers
from experiments.schema import CONFIGS, Config, ConfigError, register

if TYPE_CHECKING:  # torch takes a second to import, and --help needs none of it
    from repro.population import Population

LOOKS = 100
"""About how many points a curve has, unless ``record.every`` says otherwise."""


def run(config: Config, directory: Path, quiet: bool = False) -> "Population":
    """One run: train the population and write seeds.csv, curves.csv, weights, figures and events to the directory.

    quiet: no progress bar, and no summary at the end.
    Ctrl-C ends it at the next look; everything up to there is written all the same, and the exit code is 130.
    """
    import torch

    from experiments import build
    from experiments.outcome import figures, write_seeds, write_weights
    from experiments.recorders import Curves, ProgressBar, TensorBoard
    from experiments.summary import metrics, print_summary
    from repro.population import LANES
    from repro.training import BackwardPass, train

    threads = config.threads or (cores() if config.device == "cpu" else 1)
    directory.mkdir(parents=True, exist_ok=True)
    task, population = build.build_task(config), build.build_population(config)
    task = task.to(population.E.device, population.E.dtype)
    learning, criterion = build.build_learning(config), build.build_criterion(config)
    path: BackwardPass = config.backward_pass.value
    lacking = build.compiler_lacking() if path == "compiled" else None
    if lacking:
        print(f"backward_pass=compiled: {lacking}; goes on with backward_pass=explicit, some 5 times slower.")
        path = "explicit"
    if path == "compiled" and config.population.seeds < LANES:
        path = "explicit"  # compiling costs more than so few can save
    compiled = path == "compiled" and not learning.per_case
    torch.set_num_threads(threads if compiled else 1)  # else the workers share the cores out, by replicas
    held_out, measure = build.build_held_out(config, task), build.build_measure(config)
    every = config.record.every or max(1, learning.sweeps // LOOKS)
    curves = Curves()
    tensorboard = TensorBoard(directory, config, curves) if config.record.tensorboard else None

    with ProgressBar(config, config.record.progress and not quiet) as bar, interruptible() as interrupted:
        looks = train(
            population,
            task,
            learning,
            criterion,
            every,
            path,
            workers=1 if compiled else threads,
            measure=measure,
            held_out=held_out,
        )
        for look in looks:
            for recorder in (curves, tensorboard, bar):
                if recorder is not None:
                    recorder(look)
            if interrupted:
                break

    write_weights(directory / "weights.pt", population)
    curves.write(directory / "curves.csv")
    write_seeds(directory / "seeds.csv", config, population, task, held_out)
    if tensorboard is not None:
        tensorboard.finish(look, metrics(population))
    if config.record.figures:
        (directory / "figures").mkdir(exist_ok=True)
        for name, figure in figures(config, curves, population, task):
            figure.savefig(directory / "figures" / f"{name}.png", dpi=130)
    if not quiet:
        print_summary(config, population, directory)
    if interrupted:
        left = learning.sweeps - population.sweep
        print(f"Interrupted after {population.sweep:,} sweeps, {left:,} before the end; what was found is written.")
        sys.exit(128 + interrupted[0])
    return population


def cores() -> int:
    """The CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def interruptible() -> Iterator[list[int]]:
    """Collect the first SIGINT or SIGTERM in the list it gives, for the loop to end at a look; a second one kills."""
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
    """What Hydra calls, once a job."""
    plain = OmegaConf.to_object(config)
    assert isinstance(plain, Config)
    run(plain, Path(HydraConfig.get().runtime.output_dir))


def main() -> None:
    """Check the whole command line first, so that a mistake costs one line and no directory; then launch."""
    register()
    register_resolvers()
    sys.argv[1:] = in_order(sys.argv[1:])
    try:
        check_arguments(sys.argv[1:], CONFIGS)
    except ConfigError as problem:
        print(f"experiments.run: {problem}", file=sys.stderr)
        sys.exit(2)
    launch()


if __name__ == "__main__":
    main()
