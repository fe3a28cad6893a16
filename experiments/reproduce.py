"""Run what is published and write the tables: ``python -m experiments.reproduce``.

Each run or study goes to runs/reproduce/NAME, as many at a time as there are cores; its tables and figures are then
copied to results/. The explorer comes last, from these; then ``experiments.report`` makes the tables and pages.
"""

# ruff: noqa: E402
import os
import sys

if not __package__:  # started by its path: as by python -m
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

from experiments.running import interrupts

interrupts.heed(__name__, "experiments.reproduce")  # before anything that takes a while to import

import argparse
import importlib
import importlib.util
import itertools
import multiprocessing
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import nullcontext, redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from experiments import report
from experiments.catalogue import EXPLORER, GRIDS, LONG, PUBLISHED, REPRODUCED, RESULTS, STUDIES, seeds_of
from experiments.claims import protocol
from experiments.claims.protocol import CONFIRMATORY, FIRST_SEED
from experiments.explorer import page
from experiments.explorer.data import all_data
from experiments.files import replacing
from experiments.options.load import Setting, at_least_1, load, of_seeds, settings
from experiments.options.machine import PAYS_FROM, compiles, cores, processor, seconds_uncompiled, vectors
from experiments.options.schema import ConfigError
from experiments.options.setup import training_setup
from experiments.pages.small_networks import print_networks
from experiments.running.directory import locked_directory
from experiments.running.side_by_side import MAY_DIFFER, Run, groups, in_common, train_runs
from experiments.studies.grids import column, rows_of
from experiments.tables import read_rows, write_rows

RUNS = Path("runs/reproduce")

CONFIRM = Path("runs/confirm")
"""Where the runs of ``--confirm`` go."""

QUICK, QUICK_SEEDS = Path("runs/quick"), 50
"""Where ``--quick`` writes what it finds, and with how many seeds."""

FINISHED = "finished"
"""The file that a run leaves in its directory at its end, with its overrides."""

KEPT = "what had all its runs done is published, the rest is as before; --resume goes on"
"""Of an interrupt."""

FASTER, COMPILING = 20.0, 2.0
"""How many times faster a compiled run is, and the seconds that compiling takes: for the time left, roughly."""


@dataclass(frozen=True)
class Job:
    """Work for one process: a study, or runs of one experiment that are trained side by side.

    compile: whether that pays for them together, where it does not for one; None: as each has it. seconds: roughly.
    runs: where its runs go. figures: whether a run that is no part of a grid draws them.
    """

    name: str
    settings: tuple[Setting, ...] = ()
    seeds: range = range(0)
    compile: bool | None = None
    seconds: float = 0.0
    runs: Path = RUNS
    figures: bool = True

    @property
    def label(self) -> str:
        """What it is called on the screen."""
        values: dict[str, list[str]] = {}
        for option, value in (pair for setting in self.settings for pair in setting):
            values.setdefault(option, []).append(value)
        kept = {option: list(dict.fromkeys(each)) for option, each in values.items()}
        told = [f"{column(o)}={','.join(each)}" for o, each in kept.items() if len(each) == 1 or o not in MAY_DIFFER]
        return " ".join([self.name, *told])

    def directory(self, setting: Setting = ()) -> Path:
        """Where one of its runs goes."""
        parts = [f"{column(option)}={value}" for option, value in setting]
        return self.runs / self.name / ",".join(parts) if parts else self.runs / self.name

    def overrides(self, setting: Setting) -> list[str]:
        """The options of one of its runs."""
        compiled = ["compile=true"] if self.compile else []
        return [*of_seeds(self.seeds), *compiled, *(f"{option}={value}" for option, value in setting)]


def jobs_of(name: str, many: int | None = None, confirm: bool = False) -> list[Job]:
    """The work for a study or an experiment: one job, or for a grid one for what can be trained side by side.

    many: seeds, in place of the published number. confirm: the tables alone, of the seeds of the confirmation.
    """
    first_seed = FIRST_SEED if confirm else 0
    plain = Job(name, seeds=range(first_seed, first_seed + (many or seeds_of(name))), figures=not confirm)
    if confirm:
        plain = replace(plain, runs=CONFIRM)
    if name in STUDIES:
        return [replace(plain, seconds=STUDIES[name].seconds)]
    alike: dict[str, list[Setting]] = {}
    for setting in settings(name):
        common = in_common(load(name, *plain.overrides(setting)))
        alike.setdefault(str(common), []).append(setting)
    return [timed(replace(plain, settings=tuple(some))) for some in alike.values()]


def timed(job: Job) -> Job:
    """The same with whether to compile, and the seconds that it takes, roughly: as many runs as long as the first."""
    config, one = (load(job.name, *job.overrides(job.settings[0])) for _ in range(2))
    one.population.seeds = 1
    setup = training_setup(one)  # which cases each holds out is no matter
    total = seconds_uncompiled(setup, config.population.seeds) * len(job.settings)
    if len(job.settings) > 1:
        job = replace(job, compile=total >= PAYS_FROM)
    return replace(job, seconds=COMPILING + total / FASTER if job.compile or compiles(config, setup) else total)


def do(job: Job, resume: bool, quiet: bool = True) -> Job:
    """All of a job, in a process of its own. resume: leave out the runs that an earlier call has finished.

    quiet: a study does not show its own progress, which would run into that of other jobs.
    """
    if job.name in STUDIES:
        directory = job.directory()
        if not (resume and finished(directory, job.overrides(()))):
            shutil.rmtree(directory, ignore_errors=True)
            torch.set_num_threads(1)  # the same numbers on any machine
            with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere) if quiet else nullcontext():
                importlib.import_module(f"experiments.studies.{job.name}").write(directory, job.seeds)
            (directory / FINISHED).write_text("\n".join(job.overrides(())), encoding="utf-8")
    runs, marks = [], []
    for setting in job.settings:
        directory, overrides = job.directory(setting), job.overrides(setting)
        if resume and finished(directory, overrides):
            continue
        config = load(job.name, *overrides, "threads=1", "record.progress=false")
        shutil.rmtree(directory, ignore_errors=True)
        if setting or not job.figures:
            config.record.figures = config.record.tensorboard = False
            config.record.every = max(1, config.learning.sweeps // 20)
        runs.append(Run(config, directory))
        marks.append("\n".join(overrides))
    for group in groups([run.config for run in runs]):
        for number, failure in train_runs([runs[number] for number in group], quiet=True):
            if failure is not None:
                raise failure
            (runs[group[number]].directory / FINISHED).write_text(marks[group[number]], encoding="utf-8")
    return job


def finished(directory: Path, overrides: Sequence[str]) -> bool:
    """Whether an earlier call has run this to its end."""
    mark = directory / FINISHED
    return mark.exists() and mark.read_text(encoding="utf-8").splitlines() == list(overrides)


def publish(name: str, jobs: Sequence[Job], results: Path) -> None:
    """Copy what the jobs of one name found to ``results``."""
    results.mkdir(parents=True, exist_ok=True)
    if name in STUDIES:
        directory = jobs[0].directory()
        for table in STUDIES[name].tables:
            shutil.copy(directory / table, results)
        return
    runs = [(setting, job.directory(setting)) for job in jobs for setting in job.settings]
    if len(runs) > 1:
        order = {setting: place for place, setting in enumerate(settings(name))}
        runs.sort(key=lambda pair: order[pair[0]])
        write_rows(results / f"{name}.csv", rows_of((setting, at / "seeds.csv") for setting, at in runs))
        return
    ((_, directory),) = runs
    shutil.copy(directory / "seeds.csv", results / f"{name}.csv")
    if not jobs[0].figures:
        return
    figures = results / "figures" / name
    shutil.rmtree(figures, ignore_errors=True)
    shutil.copytree(directory / "figures", figures)
    (results / "curves").mkdir(exist_ok=True)
    shutil.copy(directory / "curves.csv", results / "curves" / f"{name}.csv")


class Display:
    """What runs, how much is done, and how long the rest will take: a bar in a terminal, else a line a job.

    One study alone has a bar of its own.
    """

    def __init__(self, jobs: Sequence[Job]) -> None:
        self.console = Console(stderr=True)
        self.columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        self.bar = Progress(
            *self.columns, TextColumn("left, about"), TimeRemainingColumn(), console=self.console,
            disable=not self.console.is_terminal or alone(jobs),
        )  # fmt: skip
        self.left, self.count, self.jobs = sum(job.seconds for job in jobs), 0, len(jobs)
        self.shown = self.bar.add_task("starting", total=self.left)
        self.begun, self.total = time.monotonic(), self.left

    def running(self, labels: Iterable[str]) -> None:
        """What runs now."""
        self.bar.update(self.shown, description=f"{self.count} of {self.jobs} done; now {', '.join(labels)}")

    def done(self, job: Job) -> None:
        """One more is done."""
        self.count, self.left = self.count + 1, self.left - job.seconds
        self.bar.advance(self.shown, job.seconds)
        taken, share = time.monotonic() - self.begun, 1 - self.left / self.total
        print(f"  {self.count} of {self.jobs}: {job.label}; about {taken / share - taken:.0f} s left", flush=True)


def alone(jobs: Sequence[Job]) -> bool:
    """Whether these are one study and nothing else."""
    return len(jobs) == 1 and jobs[0].name in STUDIES


def reproduce(
    names: Sequence[str],
    seeds: int | None,
    results: Path,
    resume: bool = False,
    confirm: bool = False,
) -> None:
    """Run and publish. An experiment is published when all its runs are done; an interrupt publishes no half of one.

    seeds: of each, in place of the published number. resume: leave out the runs that an earlier call has finished.
    confirm: the tables alone, of the seeds of the confirmation.
    """
    plan = {name: jobs_of(name, seeds, confirm) for name in names}
    jobs = sorted((job for jobs in plan.values() for job in jobs), key=lambda job: -job.seconds)
    waiting = {name: len(jobs) for name, jobs in plan.items()}
    display, workers = Display(jobs), min(cores(), len(jobs))
    context = multiprocessing.get_context("spawn")
    with display.bar, ProcessPoolExecutor(workers, mp_context=context) as pool:
        try:
            for job in each_done(pool, jobs, workers, resume, display, quiet=not alone(jobs)):
                display.done(job)
                waiting[job.name] -= 1
                if not waiting[job.name]:
                    with interrupts.noting() as caught:
                        publish(job.name, plan[job.name], results)
                    if caught:
                        interrupts.end(caught[0])
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for child in multiprocessing.active_children():
                child.terminate()  # or it would run on to its end, alone
            raise


def each_done(
    pool: ProcessPoolExecutor, jobs: Iterable[Job], workers: int, resume: bool, display: Display, quiet: bool = True
) -> Iterator[Job]:
    """Each job when it is done. No more are handed out than there are workers, so that it is known what runs.

    resume, quiet: as in ``do``.
    """
    ahead = iter(jobs)
    running: dict[Future[Job], Job] = {}
    while True:
        for job in itertools.islice(ahead, workers - len(running)):
            with interrupts.starting_processes():
                running[pool.submit(do, job, resume, quiet)] = job
        if not running:
            return
        display.running(job.label for job in running.values())
        done = wait(running, return_when=FIRST_COMPLETED).done
        for future in done:
            del running[future]
            yield future.result()


def make_explorer(results: Path) -> None:
    """Train what the explorer shows, and write its page. Raises ConfigError where a table is missing; NotWritten."""
    torch.set_num_threads(1)
    text = page.page(all_data(results))
    with replacing(results / page.FILE) as partial:
        partial.write_text(text, encoding="utf-8")


def note_time(results: Path, seconds: float) -> None:
    """Say in REPRODUCED how long all that is published took on this kind of processor, in place of an earlier time."""
    about = {"processor": processor(), "vector": vectors()[0], "cores": str(cores())}
    path = results / REPRODUCED
    others = [row for row in read_rows(path) if about.items() - row.items()] if path.exists() else []
    write_rows(path, [*others, {**about, "seconds": f"{seconds:.0f}"}])


def parsed() -> tuple[argparse.ArgumentParser, argparse.Namespace]:
    """The command line. Exits with one line where it names what there is not."""
    parser = argparse.ArgumentParser(prog="python -m experiments.reproduce", description=__doc__)
    everything = [*PUBLISHED, *GRIDS, *STUDIES, EXPLORER]
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"{', '.join(everything)} (default: all but {', '.join(LONG)}, which take much longer)",
    )
    parser.add_argument("--results", type=Path, default=RESULTS, help="where the results go (default: %(default)s)")
    parser.add_argument("--resume", action="store_true", help="leave out the runs that an earlier call has finished")
    parser.add_argument("--seeds", type=at_least_1, help="seeds of each experiment, in place of the published number")
    parser.add_argument(
        "--quick",
        action="store_true",
        help=f"about a minute: {QUICK_SEEDS} seeds, no grids, studies or explorer; the results go to {QUICK}",
    )
    parser.add_argument(
        "--confirm",
        action="store_true",
        help="judge the claims again, once, by the frozen lines and fresh seeds: see experiments/claims/protocol.py; "
        f"the results go to {CONFIRMATORY.relative_to(RESULTS.parent)}",
    )
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.names) - set(everything))
    if unknown:
        parser.error(f"{', '.join(unknown)}: not published; choose from {', '.join(everything)}")
    for name in arguments.names:
        needs = STUDIES[name].needs if name in STUDIES else None
        if needs and importlib.util.find_spec(needs[0]) is None:
            parser.error(f"{name}: needs {needs[0]}, which is not installed: pip install -e '.[{needs[1]}]'")
    if arguments.confirm:
        to_confirm(parser, arguments)
    if arguments.quick:
        if arguments.names or arguments.seeds is not None or arguments.results != RESULTS:
            parser.error("--quick: takes no NAME, --seeds or --results")
        arguments.names, arguments.seeds, arguments.results = list(PUBLISHED), QUICK_SEEDS, QUICK
    if arguments.seeds is not None and arguments.results.resolve() == RESULTS.resolve():
        parser.error(f"--seeds {arguments.seeds}: would replace the published results; add --results DIRECTORY")
    arguments.everything = not (arguments.names or arguments.resume or arguments.seeds)
    arguments.names = arguments.names or [name for name in everything if name not in LONG]
    try:
        nearest = next(each for each in (arguments.results, *arguments.results.absolute().parents) if each.exists())
        with tempfile.TemporaryDirectory(dir=nearest):  # nothing is left there before there is something to publish
            pass
    except OSError as refusal:
        parser.error(f"--results {arguments.results}: {refusal.strerror}; name a directory that can be written to")
    return parser, arguments


def to_confirm(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> None:
    """Have ``--confirm`` run what the protocol names. Exits with one line where it cannot."""
    if arguments.names or arguments.seeds is not None or arguments.quick:
        parser.error("--confirm: takes no NAME, --seeds or --quick: the protocol has them")
    if arguments.results == RESULTS:
        arguments.results = CONFIRMATORY
    if (arguments.results / protocol.FILE).exists():
        parser.error(f"--confirm: {arguments.results} has been confirmed; --results DIRECTORY runs the same once more")
    try:
        arguments.names = [*protocol.check()["seeds"]]
    except ConfigError as problem:
        parser.error(f"--confirm: {problem}")


def main() -> None:
    """Parse the command line, run the experiments, write the results."""
    parser, arguments = parsed()
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # the processes share the cores out
    started, trained = time.monotonic(), [name for name in arguments.names if name != EXPLORER]
    print(f"Running {', '.join(arguments.names)}", flush=True)
    try:
        with (
            locked_directory(CONFIRM if arguments.confirm else RUNS, unused=False),
            interrupts.undone_by(lambda: KEPT),
        ):
            if trained:
                reproduce(trained, arguments.seeds, arguments.results, arguments.resume, arguments.confirm)
            if arguments.confirm:
                shutil.copy(protocol.PROTOCOL, arguments.results)
            if EXPLORER in arguments.names:
                make_explorer(arguments.results)
    except ConfigError as problem:
        parser.error(str(problem))
    if set(trained) & {*PUBLISHED} and not arguments.confirm:
        print_networks(arguments.results)
        print(f"Figures: {arguments.results}/figures. Learning curves: make tensorboard")
    seconds = time.monotonic() - started
    if arguments.everything:
        note_time(arguments.results, seconds)
    print(f"Done in {seconds:.0f} s.")
    sys.exit(report.update(results=RESULTS if arguments.results == CONFIRMATORY else arguments.results))


if __name__ == "__main__":
    main()
