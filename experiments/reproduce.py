"""Run the published experiments and write the tables: ``python -m experiments.reproduce``.

Each run goes to runs/reproduce/NAME, as many at a time as there are cores; its table of seeds, its curves and its
figures are then copied to results/, where ``experiments.report`` makes the tables from them.
"""

import argparse
import itertools
import multiprocessing
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from experiments import report
from experiments.build import load
from experiments.catalogue import PUBLISHED, RESULTS, STUDY, STUDY_SEEDS
from experiments.files import alone_in
from experiments.run import cores, run
from experiments.schema import ConfigError, choices
from experiments.tables import read_rows, write_rows

STUDY_COLUMNS = ("seed", "E", "E_H", "train_right", "train_satisfied", "held_out_right", "spread")
STUDY_FEATURES = ("nationality", "generation", "branch")
"""Of these the study's table has how well the best of the units tells them, and how well with the people shuffled."""

RUNS = Path("runs/reproduce")

FINISHED = "finished"
"""The file that a run leaves in its directory at its end, with its overrides."""


@dataclass(frozen=True)
class Job:
    """One run: an experiment with its overrides, and where it goes."""

    experiment: str
    overrides: tuple[str, ...]
    directory: Path


def jobs_of(name: str, seeds: int) -> list[Job]:
    """The runs of a published experiment: one, or for the study one for each reading and printed count."""
    directory, count = RUNS / name, f"population.seeds={seeds}"
    if name != STUDY:
        return [Job(name, (count,), directory)]
    return [
        Job(name, (count, f"reading={reading}", f"count={printed}"), directory / f"{reading}.{printed}")
        for reading in choices("reading")
        for printed in choices("count")
    ]


def do(job: Job) -> Job:
    """Run one job, in a process of its own."""
    config = load(job.experiment, *job.overrides, "threads=1", "record.progress=false")
    shutil.rmtree(job.directory, ignore_errors=True)
    if job.experiment == STUDY:
        config.record.figures = config.record.tensorboard = False
        config.record.every = max(1, config.learning.sweeps // 20)
    run(config, job.directory, quiet=True)
    (job.directory / FINISHED).write_text("\n".join(job.overrides), encoding="utf-8")
    return job


def finished(job: Job) -> bool:
    """Whether an earlier call has run a job to its end."""
    mark = job.directory / FINISHED
    return mark.exists() and mark.read_text(encoding="utf-8").splitlines() == list(job.overrides)


def publish(name: str, jobs: Sequence[Job], results: Path) -> None:
    """Copy what the runs of one experiment found to ``results``."""
    results.mkdir(parents=True, exist_ok=True)
    if name == STUDY:
        publish_study(jobs, results / f"{name}.csv")
        return
    (job,) = jobs
    figures = results / "figures" / name
    shutil.rmtree(figures, ignore_errors=True)
    shutil.copytree(job.directory / "figures", figures)
    shutil.copy(job.directory / "seeds.csv", results / f"{name}.csv")
    (results / "curves").mkdir(exist_ok=True)
    shutil.copy(job.directory / "curves.csv", results / "curves" / f"{name}.csv")


def publish_study(jobs: Iterable[Job], path: Path) -> None:
    """One table for all readings: reading, count, and the columns of a seed that the comparison needs."""

    def rows() -> Iterator[dict[str, str]]:
        for job in jobs:
            reading, _, count = job.directory.name.partition(".")
            for row in read_rows(job.directory / "seeds.csv"):
                found = {column: row[column] for column in STUDY_COLUMNS}
                for feature in STUDY_FEATURES:
                    units = [value for column, value in row.items() if column.startswith(f"{feature}_unit")]
                    found |= {feature: max(units, key=float), f"{feature}_shuffled": row[f"{feature}_shuffled"]}
                yield {"reading": reading, "count": count, **found}

    write_rows(path, rows())


def reproduce(names: Sequence[str], seeds: int | None, results: Path, resume: bool = False) -> None:
    """Run and publish. An experiment is published when all its runs are done; an interrupt publishes no half of one.

    resume: leave out the runs that an earlier call has finished.
    """
    plan = {name: jobs_of(name, seeds or PUBLISHED.get(name, STUDY_SEEDS)) for name in names}
    waiting = {name: len(jobs) for name, jobs in plan.items()}
    done = {job for jobs in plan.values() for job in jobs if resume and finished(job)}
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    context = multiprocessing.get_context("spawn")
    with (
        Progress(*columns, console=console, disable=not console.is_terminal) as bar,
        ProcessPoolExecutor(min(cores(), sum(waiting.values())), mp_context=context) as pool,
    ):
        shown = bar.add_task("runs", total=sum(waiting.values()))
        try:
            futures = [pool.submit(do, job) for jobs in plan.values() for job in jobs if job not in done]
            for job in itertools.chain(done, (future.result() for future in as_completed(futures))):
                bar.advance(shown)
                waiting[job.experiment] -= 1
                print(f"  done: {job.directory}", flush=True)
                if not waiting[job.experiment]:
                    publish(job.experiment, plan[job.experiment], results)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for child in multiprocessing.active_children():
                child.terminate()  # or it would run on to its end, alone
            raise


def main() -> None:
    """Parse the command line, run the experiments, write the results."""
    parser = argparse.ArgumentParser(prog="python -m experiments.reproduce", description=__doc__)
    everything = [*PUBLISHED, STUDY]
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"experiments to run (default: all but {STUDY}, which takes much longer)",
    )
    parser.add_argument("--results", type=Path, default=RESULTS, help="where the results go (default: %(default)s)")
    parser.add_argument("--resume", action="store_true", help="leave out the runs that an earlier call has finished")
    parser.add_argument("--seeds", type=int, help="seeds of each experiment, in place of the published number")
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.names) - set(everything))
    if unknown:
        parser.error(f"{', '.join(unknown)}: not published; choose from {', '.join(everything)}")
    if arguments.seeds is not None and arguments.seeds < 1:
        parser.error(f"--seeds {arguments.seeds}: must be at least 1")
    published = arguments.results.resolve() == RESULTS.resolve()
    if arguments.seeds is not None and published:
        parser.error(f"--seeds {arguments.seeds}: would replace the published results; add --results DIRECTORY")

    os.environ.setdefault("OMP_NUM_THREADS", "1")  # the processes share the cores out
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends the runs too, as Ctrl-C does
    started, names = time.monotonic(), arguments.names or list(PUBLISHED)
    print(f"Running {', '.join(names)}", flush=True)
    try:
        with alone_in(RUNS, unused=False):
            reproduce(names, arguments.seeds, arguments.results, arguments.resume)
    except ConfigError as problem:
        parser.error(str(problem))
    except KeyboardInterrupt:
        print("\nInterrupted: what had all its runs done is published, the rest is as before. --resume goes on.")
        sys.exit(130)
    report.print_networks(arguments.results)
    print(f"{len(names)} experiments in {time.monotonic() - started:.0f} s.")
    print(f"Figures: {arguments.results}/figures. Learning curves: make tensorboard")
    if published:
        sys.exit(report.update())


if __name__ == "__main__":
    main()
