"""Checks a command line before Hydra acts on it, so that a mistake ends in one clear line and leaves nothing behind."""

import argparse
import math
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from hydra._internal.utils import get_args_parser
from hydra.core.override_parser.types import IntervalSweep, Override
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from experiments.options import folders
from experiments.options.compose import REFUSALS, Composer
from experiments.options.effects import without_effect
from experiments.options.folders import file_named
from experiments.options.load import check_form, checked, composed, jobs, parsed, values_of
from experiments.options.messages import no_experiment, one_line
from experiments.options.schema import CONFIGS, Config, ConfigError, check
from experiments.running.directory import check_unused
from experiments.running.sweep_names import check_lists, job_name

HELP = {"-h", "--help"}
WITH_VALUE = {
    flag for action in get_args_parser()._actions if action.nargs is None for flag in action.option_strings
}  # fmt: skip
"""Hydra's own flags after which a value stands, such as ``--config-dir``."""

RESUMED_WITH = ("threads", "device", "record.progress")
"""The options that a resumed run may have another value of: what it finds does not depend on them, but for rounding."""

ELSEWHERE = "hydra/launcher=submitit_slurm"
"""With this the jobs run on other machines, and each looks for its GPU there."""

ROOM = 2**16
"""Bytes that there must be room for: what Hydra and TensorBoard write before anything is trained."""

MANY = 200
"""So many jobs take long enough to check for a bar that says how many there are still."""


def register_resolvers() -> None:
    """``${directory_name:NUMBER,OVERRIDES,SWEPT}``: the directory of a job of a sweep, see ``job_name``."""
    OmegaConf.register_new_resolver("directory_name", job_name, replace=True)


def register_plugins() -> None:
    """Have Hydra find hydra_plugins/, which stands beside experiments/, wherever a command is started."""
    checkout = str(CONFIGS.parent)
    if checkout not in map(os.path.abspath, sys.path):
        sys.path.append(checkout)


def in_order(arguments: list[str]) -> list[str]:
    """The same command line as Hydra can take it apart: options first, then flags with what belongs to them.

    Help needs a whole configuration too, whichever: any experiment will do.
    """
    options: list[str] = []
    flags: list[str] = []
    for before, argument in zip(["", *arguments], arguments, strict=False):
        (options if _is_option(argument) and before not in WITH_VALUE else flags).append(argument)
    if HELP & set(arguments) and not any("experiment=" in option for option in options):
        options.append("experiment=symmetry")
    return options + flags


def _is_option(argument: str) -> bool:
    return not argument.startswith("-") and ("=" in argument or argument.startswith("~"))


def resumed_from(arguments: Sequence[str]) -> tuple[Path, list[str]] | None:
    """Of ``resume=DIR`` the directory, and what stands beside it; None: this is a new run. Raises ConfigError."""
    named = [argument for argument in arguments if argument.startswith("resume=")]
    if not named:
        return None
    beside = [argument for argument in arguments if argument not in named[:1]]
    for argument in beside:
        option, equals, _ = argument.partition("=")
        if option not in RESUMED_WITH or not equals:
            allowed = ", ".join(RESUMED_WITH)
            raise ConfigError(f"{argument}: a resumed run has the options it was started with, but for {allowed}")
    directory = named[0].partition("=")[2]
    if not directory:
        raise ConfigError("resume=: name the directory of a run or of a sweep, resume=runs/NAME/TIME")
    return Path(directory), beside


@contextmanager
def refusing() -> Iterator[None]:
    """A mistake of the user costs one line, and exit code 2."""
    try:
        yield
    except ConfigError as problem:
        print(f"experiments.run: {problem}", file=sys.stderr)
        sys.exit(2)


def with_options(config: Config, overrides: Sequence[str]) -> Config:
    """The same options but for some. Raises ConfigError for a value that cannot be used."""
    for text in overrides:
        try:
            changed = OmegaConf.merge(OmegaConf.structured(config), OmegaConf.from_dotlist([text]))
        except OmegaConfBaseException as problem:
            raise ConfigError(f"{text}: {one_line(problem)}") from None
        plain = OmegaConf.to_object(changed)
        assert isinstance(plain, Config)
        config = plain
    check(config)
    from experiments.options.machine import check_device

    check_device(config.device)
    return config


def check_arguments(arguments: list[str], configs: Path) -> None:
    """Raises ConfigError, with a message of one line, for a command line that could not be run.

    Every job of a multirun is checked, whether the command line or the experiment's own file makes it one. Left to
    Hydra: command lines that only ask it something, such as ``--help``.
    """
    flags = get_args_parser().parse_intermixed_args(arguments)
    _check_flags(flags)
    texts: list[str] = flags.overrides
    folders.name_folders(flags.config_dir, texts)
    with folders.searching(configs):
        if flags.help or flags.hydra_help or flags.shell_completion:
            return
        if all(text.lstrip("+~").partition("=")[0] != "experiment" for text in texts):
            raise ConfigError(no_experiment())
        if flags.cfg:
            composed(texts, Composer(configs))
        elif not flags.info:
            _check_runs(texts, flags.multirun, Composer(configs))


def _check_flags(flags: argparse.Namespace) -> None:
    """Raises ConfigError for flags of Hydra's that do not go together, or that leave no experiment of this project."""
    for flag, value in (("--config-path", flags.config_path), ("--config-name", flags.config_name)):
        if value is not None:
            remedy = "a folder with experiments of your own is named by --config-dir=FOLDER"
            raise ConfigError(f"{flag}={value}: the options of this project are in configs/config.yaml; {remedy}")
    if flags.experimental_rerun is not None:
        raise ConfigError(f"--experimental-rerun={flags.experimental_rerun}: resume=DIRECTORY goes on with a run")
    modes = {"--run": flags.run, "--multirun": flags.multirun, "--cfg": flags.cfg, "--info": flags.info}
    given = [flag for flag, value in modes.items() if value]
    if len(given) > 1:
        raise ConfigError(f"{' '.join(given)}: only one of them at a time")
    if flags.resolve and not flags.cfg and not flags.help:
        raise ConfigError("--resolve: is for --cfg job, which shows the options")


def _check_runs(texts: list[str], multirun: bool, composer: Composer) -> None:
    """Raises ConfigError for the first run that could not be. Imports torch only where all options are in order."""
    overrides = [parsed(text, composer) for text in texts]
    for override in overrides:
        check_form(override)
    try:
        hydra = composer.hydra(texts)
        multirun = multirun or hydra.mode is RunMode.MULTIRUN
        params = _params(hydra) if multirun else {}
    except REFUSALS as problem:
        checked(next(iter(jobs(overrides)), texts), composer)  # which says it in our words
        raise ConfigError(f"{getattr(problem, 'full_key', None) or 'hydra'}: {one_line(problem)}") from None
    runs: Iterable[list[str]] = [texts]
    many = 1
    if multirun:
        swept = [parsed(f"{option}={values}", composer) for option, values in params.items()]
        runs, many = _runs([*swept, *overrides], hydra)
    _check_directory(hydra, "sweep" if multirun else "run")
    numbers = range(many) if multirun else [None]

    def effects() -> Iterator[dict[str, str | None]]:
        check_job = None
        for number, run in zip(numbers, _with_bar(runs, many), strict=True):
            config, found = checked(run, composer, number)
            if check_job is None:
                from experiments.running.job_check import JobCheck

                check_job = JobCheck(elsewhere=ELSEWHERE in texts)
            check_job(config, run)
            yield found

    try:
        idle = without_effect(effects())
        if idle is not None:
            raise ConfigError(idle)
    except ConfigError as problem:
        of_file = {option for option in params if option not in {override.key_or_group for override in overrides}}
        if str(problem).partition("=")[0] not in of_file:
            raise
        file = file_named(f"experiment/{hydra.runtime.choices.experiment}")
        raise ConfigError(f"{file}: hydra.sweeper.params: {problem}") from None


def _params(hydra: DictConfig) -> dict[str, object]:
    """What the file of an experiment sweeps over."""
    params = OmegaConf.to_container(hydra.sweeper.get("params") or OmegaConf.create({}))
    assert isinstance(params, dict)
    return {str(option): values for option, values in params.items() if isinstance(values, str | int | float)}


def _runs(overrides: Sequence[Override], hydra: DictConfig) -> tuple[Iterable[list[str]], int]:
    """The overrides of each job of a multirun, and how many these are.

    Of a sweeper that chooses the values itself each that it may choose, and the ends of an interval, beside the first
    ones of the other options.
    """
    basic = hydra.runtime.choices.get("hydra/sweeper") == "basic"
    for override in (override for override in overrides if override.is_sweep_override()):
        text = override.input_line
        if override.is_hydra_override():
            raise ConfigError(f"{text}: an option of Hydra's has one value for all jobs")
        if isinstance(override.value(), IntervalSweep):
            if basic:
                check_lists([override])
        elif next(override.sweep_string_iterator(), None) is None:
            raise ConfigError(f"{text}: there is no such value to run")
    values = values_of(overrides)
    if basic:
        return jobs(overrides), math.prod(map(len, values))
    first = [each[0] for each in values]
    runs = [[*first[:place], value, *first[place + 1 :]] for place, each in enumerate(values) for value in each]
    return runs, len(runs)


def _with_bar(runs: Iterable[list[str]], many: int) -> Iterable[list[str]]:
    """The same, with a bar in a terminal where there are so many that it takes long."""
    if many < MANY or not sys.stderr.isatty():
        return runs
    from rich.console import Console
    from rich.progress import track

    return track(runs, "Checking jobs", many, console=Console(stderr=True), transient=True)


def _check_directory(hydra: DictConfig, of: str) -> None:
    """Raises ConfigError where the directory of the run holds a run, or cannot be made and written to.

    The latter by doing that for a moment, in another one beside it. of: "run", or "sweep" for a multirun.
    """
    option = f"hydra.{of}.dir"
    name, varies, _ = str(hydra[of]._get_node("dir")._value()).partition("${")
    path = Path(name)
    if not varies:
        for each in [path] if of == "run" else path.glob("*"):
            check_unused(each, f"{option}=")
    try:
        nearest = next(each for each in (path, *path.absolute().parents) if each.exists())
        with tempfile.TemporaryDirectory(dir=nearest) as made:
            (Path(made) / "file").write_bytes(bytes(ROOM))
    except OSError as problem:
        reason = problem.strerror or problem
        raise ConfigError(f"{option}={path}: {reason}; name a directory that can be written to") from None
