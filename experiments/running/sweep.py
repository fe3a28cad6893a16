"""A sweep, Hydra's multirun, as one thing: it is planned, listed, begun, ended and gone on with as a whole."""

import os
import shlex
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, Quote, QuotedString
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, ListConfig, OmegaConf

from experiments.files import NotWritten, naming, replacing
from experiments.options.schema import CONFIGS, ConfigError, Metric
from experiments.running import interrupts
from experiments.running.command_line import with_options
from experiments.running.directory import LOCK, abandon, check_unused, holds_run, locked_directory
from experiments.running.hydra_job import HydraJob
from experiments.running.sweep_names import sweep_name, swept_options
from experiments.running.sweep_plan import FAILURE, PLAN, Plan, failure_of, is_finished, is_started

OPTIONS = "hydra.callbacks.sweep"
"""Where the options of a sweep as a whole are, which its jobs need to know too: see configs/config.yaml."""

OURS = "hydra_plugins.sweepers."
"""Where the sweepers are that plan their jobs, and can go on."""

MULTIRUN = "multirun.yaml"
"""What Hydra leaves in the directory of a sweep, and we do too."""

SIGNALLED = 128
"""Exit codes above this are those of a signal: 130 of Ctrl-C."""


def option(name: str, value: object) -> str:
    """An option of the sweep as a whole, as an override."""
    if isinstance(value, (list, tuple)):
        return f"{OPTIONS}.{name}=[{','.join(map(quoted, value))}]"
    return f"{OPTIONS}.{name}={str(value).lower() if isinstance(value, bool) else quoted(str(value))}"


def quoted(text: str) -> str:
    """A text as Hydra's grammar takes any."""
    return QuotedString(text, Quote.single).with_quotes()


class Sweeps(Callback):
    """What Hydra calls before anything begins: names the sweep and its jobs, and refuses what cannot be swept."""

    def __init__(self, dry_run: bool = False, resumed: bool = False, **others: object) -> None:
        self.dry_run, self.resumed = dry_run, resumed

    def on_run_start(self, config: DictConfig, **others: Any) -> None:
        """A run by itself. Exits where it shall only be listed."""
        if self.dry_run:
            show([f"1 job, not a sweep: {config.hydra.run.dir}"])
            sys.exit(0)

    def on_multirun_start(self, config: DictConfig, **others: Any) -> None:
        """Give the sweep its name, in the options that the sweeper and its jobs have. Exits where it is refused."""
        try:
            self.prepare(config)
        except ConfigError as problem:
            print(f"experiments.run: {problem}", file=sys.stderr)
            sys.exit(2)
        except Exception:  # which Hydra would make a warning of
            traceback.print_exc()
            sys.exit(1)

    def prepare(self, config: DictConfig) -> None:
        """The same. Raises ConfigError; NotWritten."""
        arguments = arguments_of(config)
        overrides = stated(config)
        _set(config, "name", name_of(config, overrides))
        _set(config, "swept", [*swept_options(overrides), *further_swept(config)])
        if config.hydra.sweeper._target_.startswith(OURS):
            _set(config, "arguments", arguments)
            return
        plan = plan_of(config, arguments)
        metric_of(config)
        if self.dry_run:
            show([f"{plan.sweeper} chooses each job by what those before it found, of: {', '.join(plan.swept)}"])
            sys.exit(0)
        check_new(plan.directory)
        plan.write()
        begin(plan)


def _set(config: DictConfig, name: str, value: Any) -> None:
    """An option of the sweep as a whole, in the sweep's options and those of its jobs."""
    config.hydra.callbacks.sweep[name] = value
    if name != "arguments":
        config.hydra.overrides.hydra.append(option(name, value))


def stated(config: DictConfig) -> list[Override]:
    """What the sweeper's own options and the command line say of each option, in this order."""
    params = OmegaConf.select(config, "hydra.sweeper.params") or {}
    texts = [f"{key}={value}" for key, value in params.items()]
    parser = OverridesParser.create(GlobalHydra.instance().config_loader())
    return parser.parse_overrides([*texts, *as_written(config.hydra.overrides.task)])


def as_written(overrides: ListConfig) -> list[str]:
    """Overrides with their interpolations."""
    texts = OmegaConf.to_container(overrides, resolve=False)
    assert isinstance(texts, list)
    return texts


def further_swept(config: DictConfig) -> list[str]:
    """What the sweepers of Optuna and Ax sweep by options of their own."""
    places = ("hydra.sweeper.search_space", "hydra.sweeper.ax_config.params")
    return [str(key) for place in places for key in OmegaConf.select(config, place) or {}]


def name_of(config: DictConfig, overrides: Sequence[Override]) -> str:
    """What the sweep is called: as its experiment, or its experiments, unless it is given one name."""
    swept = any(override.is_sweep_override() for override in overrides if override.key_or_group == "name")
    if not (swept or OmegaConf.is_interpolation(config, "name") or OmegaConf.is_missing(config, "name")):
        return sweep_name([config.name])
    experiments = [override for override in overrides if override.key_or_group == "experiment"][-1:]
    return sweep_name(
        [
            name
            for override in experiments
            for name in (override.sweep_string_iterator() if override.is_discrete_sweep() else [str(override.value())])
        ]
    )


def arguments_of(config: DictConfig) -> list[str]:
    """The command line that Hydra has taken apart, but for the options of a sweep as a whole."""
    hydra = [text for text in as_written(config.hydra.overrides.hydra) if not text.startswith(OPTIONS)]
    found = ["-m", *hydra, *as_written(config.hydra.overrides.task)]
    flags = {"command-line": "--config-dir", "main": "--config-path"}
    for source in config.hydra.runtime.config_sources:
        path = source.path.removeprefix("file://")
        if source.provider in flags and path not in ("", str(CONFIGS)):
            found.append(f"{flags[source.provider]}={path}")
    if config.hydra.job.config_name not in (None, "config"):
        found.append(f"--config-name={config.hydra.job.config_name}")
    return found


def plan_of(config: DictConfig, arguments: Sequence[str]) -> Plan:
    """The plan of a sweep, without jobs as yet."""
    swept = list(config.hydra.callbacks.sweep.swept)
    return Plan(Path(config.hydra.sweep.dir), list(arguments), sweeper_of(config), swept)


def sweeper_of(config: DictConfig) -> str:
    """The override that chooses the sweeper."""
    return f"hydra/sweeper={config.hydra.runtime.choices['hydra/sweeper']}"


def check_new(directory: Path) -> None:
    """Raises ConfigError where a directory is that of a sweep already."""
    if (directory / PLAN).exists():
        raise ConfigError(
            f"hydra.sweep.dir={directory}: holds a sweep; name another directory, or go on with it: resume={directory}"
        )


def metric_of(config: DictConfig) -> Metric:
    """What the sweeper goes by. Raises ConfigError unless it is told, and does not seek the worst of it."""
    sweeper = sweeper_of(config)
    metric: Metric | None = OmegaConf.select(config, "record.metric")
    if metric is None:
        raise ConfigError(
            f"{sweeper}: say what it shall go by, record.metric={', '.join(each.value for each in Metric)}; "
            f"see experiments/options/schema.py"
        )
    maximize = metric is Metric.learned
    for place, wanted in {
        "direction": "maximize" if maximize else "minimize",
        "ax_config.experiment.minimize": not maximize,
        "optim.maximize": maximize,
    }.items():
        found = OmegaConf.select(config, f"hydra.sweeper.{place}")
        if found is not None and getattr(found, "name", found) != wanted:
            wanted = str(wanted).lower()
            raise ConfigError(
                f"record.metric={metric.value}: {sweeper} would seek the worst; add hydra.sweeper.{place}={wanted}"
            )
    return metric


DRY_RUN = "--dry-run"


def without_dry_run(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """A command line without ``--dry-run``, and the option that stands for it."""
    others = [argument for argument in arguments if argument != DRY_RUN]
    return others, [option("dry_run", True)] if len(others) < len(arguments) else []


# How it begins ---------------------------------------------------------------------------------------------------


@contextmanager
def leading(config: DictConfig) -> Iterator[Plan]:
    """The plan of a sweep by one of our sweepers, as far as it is made. Within, its directory is this process's alone.

    Raises ConfigError where there is another's sweep; NotWritten.
    """
    own = config.hydra.callbacks.sweep
    plan = plan_of(config, as_written(own.arguments))
    if own.resumed:
        plan = Plan.read(plan.directory)
    elif not own.dry_run:
        check_new(plan.directory)
    if own.dry_run:
        yield plan
        return
    with locked_directory(plan.directory, unused=False):
        yield plan


def write(plan: Plan, config: DictConfig, first: int = 0) -> None:
    """Write down what the sweep is, before its next jobs begin; and multirun.yaml, as Hydra does.

    first: the number of the first new job. Raises ConfigError where one's directory is another run's; NotWritten.
    """
    for directory in plan.directories()[first:]:
        if directory.exists() and not directory.is_dir():
            raise ConfigError(
                f"{directory}: is in the way, it is no directory; move it, or name another hydra.sweep.dir"
            )
        check_unused(directory)
    plan.write()
    with replacing(plan.directory / MULTIRUN) as path:
        OmegaConf.save(config, path)


def begin(plan: Plan) -> None:
    """From now on this process leads the sweep, and tells at its end how it went."""
    _begun[:] = [plan]


_begun: list[Plan] = []
"""The sweep that this process leads."""


def listing(plan: Plan) -> Iterator[str]:
    """The jobs of a plan, a line each."""
    yield f"{len(plan.jobs)} jobs in {plan.directory}:"
    for number, job in enumerate(plan.jobs):
        given = {text.partition("=")[0]: text for text in job.overrides}
        swept = " ".join(given[option] for option in plan.swept if option in given)
        directory = plan.directory / job.directory
        state = ""
        if is_finished(directory):
            state = "; done"
        elif is_started(directory):
            state = "; goes on from its checkpoint"
        yield f"  #{number}  {job.directory}  {swept}{state}"


def show(lines: Iterable[str]) -> None:
    """What a dry run has to say."""
    try:
        print(*lines, "Nothing was started.", sep="\n", flush=True)
    except BrokenPipeError:  # whoever reads has seen enough, and what Python still has to say goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


# One of its jobs -------------------------------------------------------------------------------------------------


def is_resumed() -> bool:
    """Whether the job that HydraConfig is set to belongs to a sweep that goes on."""
    return bool(HydraConfig.get().callbacks["sweep"].resumed)


def as_planned(job: HydraJob, options: DictConfig | None = None) -> HydraJob:
    """The same job, with the options that it was planned with, where it was, and what stands beside ``resume=``.

    options: those that Hydra has for it, where HydraConfig is not set to them. Raises ConfigError.
    """
    hydra = HydraConfig.get() if options is None else options.hydra
    plan = Plan.read(Path(hydra.sweep.dir))
    if job.number is None or not plan.jobs:
        return job
    config, beside = plan.config_of(job.number), list(hydra.callbacks["sweep"].beside)
    if beside:
        config = with_options(config, beside)
    return replace(job, config=config, saved=job.saved | {"config": OmegaConf.structured(config)})


def do(job: HydraJob, start: Callable[[HydraJob], object], go_on: Callable[[Path, list[str]], object]) -> float | None:
    """Do what is left to do of a job of a sweep: all, what comes after its checkpoint, or nothing.

    Returns its ``record.metric``; None where none is asked for, or where it has failed: that ends no other job, is
    printed, and stands in failed.txt in its directory.
    """
    again = (
        is_resumed() or "SUBMITIT_EXECUTOR" in os.environ
    )  # which starts a job again that was out of time, or preempted
    try:
        if not (again and is_finished(job.directory)):
            with naming(job.directory / FAILURE):
                (job.directory / FAILURE).unlink(missing_ok=True)
            if again and is_started(job.directory):
                go_on(job.directory, list(HydraConfig.get().callbacks["sweep"].beside))
            else:
                start(as_planned(job))
        return metric_found(job)
    except (Exception, NotWritten) as problem:
        failed(job.directory, job.number, problem)
        return None


def metric_found(job: HydraJob) -> float | None:
    """``record.metric`` of a job that is done; None where none is asked for."""
    if job.config.record.metric is None:
        return None
    from experiments.running.sweep_table import metric

    return metric(job.config, job.directory)


def failed(directory: Path, number: int | None, problem: BaseException) -> None:
    """Say that a job has failed, and write it down where that can be; with the traceback of a mistake of ours."""
    from repro.networks import SpecError

    expected = isinstance(problem, (ConfigError, SpecError, NotWritten))
    reason = " ".join(str(problem).split())
    if not expected:
        reason = f"{type(problem).__name__}: {reason}"
    told = "" if expected else "".join(traceback.format_exception(problem))
    print(f"{told}#{number} failed: {reason}", file=sys.stderr, flush=True)
    try:
        with naming(directory):
            directory.mkdir(parents=True, exist_ok=True)
        with replacing(directory / FAILURE) as path:
            path.write_text(f"{reason}\n{told}", encoding="utf-8")
    except NotWritten:
        _unwritten[directory] = reason


_unwritten: dict[Path, str] = {}
"""Why jobs have failed where that could not be written down."""


# How it ends -----------------------------------------------------------------------------------------------------


@contextmanager
def ending() -> Iterator[None]:
    """Around a call of Hydra: however a sweep ends, say what came out, what did not, and how to go on.

    Exits with 1 where a job has failed or is missing, with 130 after Ctrl-C. Says nothing where no sweep has begun.
    """
    _begun.clear()
    code: str | int | None = 0
    try:
        with interrupts.undone_by(broken_off):
            yield
    except NotWritten as problem:
        if not _begun:
            raise
        print(problem, file=sys.stderr)
        code = 1
    except SystemExit as end:
        if not _begun:
            raise
        code = end.code
    if _begun:
        code = conclude(_begun[0], code)
        if code:
            sys.exit(code)


def broken_off() -> str:
    """Of a sweep that a signal ends where it stands, how far it was, and how to go on.

    What jobs in processes of their own have left goes: half of a file; all of it where there is nothing to keep. So
    does the plan where there is no job.
    """
    if not _begun:
        return ""
    plan = _begun[0]
    for directory in filter(Path.is_dir, plan.directories()):
        for half in directory.rglob("*.partial.*"):
            half.unlink()
        if (directory / LOCK).exists() and not holds_run(directory) and failure_of(directory) is None:
            abandon(directory, set())
        interrupts.remove_empty(str(directory))
    if not any(map(Path.is_dir, plan.directories())):
        for name in (PLAN, MULTIRUN, LOCK):
            (plan.directory / name).unlink(missing_ok=True)
        return "no job was begun"
    return f"{progress(plan)}; to go on: {command(plan.directory)}" if plan.jobs else progress(plan)


def progress(plan: Plan) -> str:
    """How many jobs are done, and what is to be done of the others."""
    directories = plan.directories()
    expected, finished = plan.expected or len(directories), sum(map(is_finished, directories))
    started = sum(map(is_started, directories))
    return (
        f"{finished} of {expected} jobs are done, {started} can go on from a checkpoint, "
        f"{expected - finished - started} begin anew"
    )


def conclude(plan: Plan, code: str | int | None) -> str | int | None:
    """Print and write the table of a sweep that has ended with such an exit code, and its last lines.

    Returns the exit code of the whole.
    """
    from experiments.running.sweep_table import tell

    directories = plan.directories()
    finished = sum(map(is_finished, directories))
    try:
        tell(plan.directory)
    except (ConfigError, NotWritten) as problem:  # as where somebody has removed it in the meantime
        print(problem, file=sys.stderr)
        code = code or 1
    if finished == (plan.expected or len(directories)) and not code:
        return 0
    interrupted = isinstance(code, int) and code > SIGNALLED
    print(f"{'Interrupted: ' if interrupted else ''}{progress(plan)}.")
    for directory in directories:
        reason = _unwritten.get(directory) or failure_of(directory)
        if reason is not None and not is_finished(directory):
            print(f"failed: {directory}: {reason}")
    if plan.jobs:
        print(f"To go on: {command(plan.directory)}")
    else:
        jobs = ", ".join(str(directory) for directory in directories if is_started(directory))
        print(f"{plan.sweeper} does not go on with a sweep. Jobs that can go on, each by resume=: {jobs or 'none'}")
    sys.stdout.flush()
    return code or 1


def command(directory: Path) -> str:
    """What goes on with a sweep."""
    return f"python -m experiments.run resume={shlex.quote(str(directory))}"


# How it goes on --------------------------------------------------------------------------------------------------


def arguments_to_go_on(directory: Path, beside: Sequence[str]) -> list[str]:
    """The command line that goes on with a sweep, with the options that stand beside ``resume=``.

    Raises ConfigError where there is no plan of it, or its sweeper does not go on.
    """
    if not (directory / PLAN).exists():
        raise ConfigError(
            f"resume={directory}: holds runs, but no {PLAN}, which says what is missing; name one of its runs"
        )
    plan = Plan.read(directory)
    if not plan.jobs:
        raise ConfigError(
            f"resume={directory}: {plan.sweeper} chooses each job by what it remembers of those before, and does not "
            f"go on with a sweep (hydra/sweeper=search does); name one of its runs"
        )
    with_options(plan.config_of(0), beside)  # a mistake in them would be every job's
    where = f"hydra.sweep.dir={quoted(str(directory))}"
    return [*plan.arguments, where, option("resumed", True), option("beside", list(beside))]
