"""Run the published experiments and write the tables: ``python -m experiments.reproduce``.

Each run goes to runs/reproduce/NAME, as many at a time as there are cores; its table of seeds, its curves and its
figures are then copied to results/, where ``experiments.report`` makes the tables from them.
"""

import argparse
import csv
import multiprocessing
import os
import shutil
import sys
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from experiments import report
from experiments.build import CONFIGS, load
from experiments.catalogue import PUBLISHED, RESULTS, STUDY, STUDY_SEEDS
from experiments.run import cores, run

STUDY_COLUMNS = ("seed", "E", "train_right", "train_satisfied", "held_out_right", "spread")
STUDY_FEATURES = ("nationality", "generation", "branch")
"""Of these the study's table has what the best of the six units tells."""


@dataclass(frozen=True)
class Job:
    """One run: an experiment with its overrides, and where it goes."""

    experiment: str
    overrides: tuple[str, ...]
    directory: Path


def jobs_of(name: str, seeds: int) -> list[Job]:
    """The runs of a published experiment: one, or for the study one for each reading and printed count."""
    directory, count = Path("runs/reproduce") / name, f"population.seeds={seeds}"
    if name != STUDY:
        return [Job(name, (count,), directory)]
    return [
        Job(name, (count, f"reading={reading}", f"count={printed}"), directory / f"{reading}.{printed}")
        for reading in choices("reading")
        for printed in choices("count")
    ]


def choices(group: str) -> list[str]:
    """The names in a config group."""
    return sorted(file.stem for file in (CONFIGS / group).glob("*.yaml"))


def do(job: Job) -> Job:
    """Run one job, in a process of its own."""
    config = load(job.experiment, *job.overrides, "threads=1", "record.progress=false")
    shutil.rmtree(job.directory, ignore_errors=True)
    if job.experiment == STUDY:
        config.record.figures = config.record.tensorboard = False
        config.record.every = max(1, config.learning.sweeps // 20)
    run(config, job.directory, quiet=True)
    return job


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
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["reading", "count", *STUDY_COLUMNS, *STUDY_FEATURES])
        for job in jobs:
            reading, _, count = job.directory.name.partition(".")
            with (job.directory / "seeds.csv").open(newline="") as seeds:
                for row in csv.DictReader(seeds):
                    units = ([row[f"{name}_unit{u}"] for u in range(1, 7)] for name in STUDY_FEATURES)
                    best = [max(values, key=float) for values in units]
                    writer.writerow([reading, count, *(row[column] for column in STUDY_COLUMNS), *best])


def reproduce(names: Sequence[str], seeds: int | None, results: Path) -> None:
    """Run and publish. An experiment is published when all its runs are done; an interrupt publishes no half of one."""
    plan = {name: jobs_of(name, seeds or PUBLISHED.get(name, STUDY_SEEDS)) for name in names}
    waiting = {name: len(jobs) for name, jobs in plan.items()}
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    context = multiprocessing.get_context("spawn")
    with (
        Progress(*columns, console=console, disable=not console.is_terminal) as bar,
        ProcessPoolExecutor(min(cores(), sum(waiting.values())), mp_context=context) as pool,
    ):
        shown = bar.add_task("runs", total=sum(waiting.values()))
        futures: list[Future[Job]] = [pool.submit(do, job) for jobs in plan.values() for job in jobs]
        try:
            for future in as_completed(futures):
                job = future.result()
                bar.advance(shown)
                waiting[job.experiment] -= 1
                print(f"  done: {job.directory}", flush=True)
                if not waiting[job.experiment]:
                    publish(job.experiment, plan[job.experiment], results)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
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
    parser.add_argument("--seeds", type=int, help="seeds of each experiment, in place of the published number")
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.names) - set(everything))
    if unknown:
        parser.error(f"{', '.join(unknown)}: not published; choose from {', '.join(everything)}")
    if arguments.seeds is not None and arguments.seeds < 1:
        parser.error(f"--seeds {arguments.seeds}: must be at least 1")

    os.environ.setdefault("OMP_NUM_THREADS", "1")  # the processes share the cores out
    started, names = time.monotonic(), arguments.names or list(PUBLISHED)
    print(f"Running {', '.join(names)}", flush=True)
    try:
        reproduce(names, arguments.seeds, arguments.results)
    except KeyboardInterrupt:
        print("\nInterrupted: experiments that had all their runs done are published, the others as before.")
        sys.exit(130)
    report.print_networks(arguments.results)
    print(f"{len(names)} experiments in {time.monotonic() - started:.0f} s.")
    if arguments.results == RESULTS:
        print("Written: " + ", ".join(str(path) for path in report.write()))
    print(f"Figures: {arguments.results}/figures. Learning curves: make tensorboard")


if __name__ == "__main__":
    main()
