"""Checks a command line before Hydra acts on it, so that a mistake ends in one clear line and leaves nothing behind."""

import difflib
import itertools
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from pathlib import Path

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from experiments.options.load import jobs
from experiments.options.schema import CONFIGS, Config, ConfigError, Precision, check, choices
from experiments.running.directory import check_unused

MULTIRUN = {"-m", "--multirun"}
HELP = {"-h", "--help"}
COMPOSES = {"-c", "--cfg", "-i", "--info", "-p", "--package", "--resolve"}
"""Flags with which Hydra shows an experiment's options in place of running it."""
MOST_JOBS_CHECKED = 200
GROUPS = ("reading", "count", "links", "rule")
"""What may stand beside an experiment: the names of groups of configs."""

RESUMED_WITH = ("threads", "device", "record.progress")
"""The options that a resumed run may have another value of: what it finds does not depend on them, but for rounding."""

ELSEWHERE = "hydra/launcher=submitit_slurm"
"""With this the jobs run on other machines, and each looks for its GPU there."""

ROOM = 2**16
"""Bytes that there must be room for: what Hydra and TensorBoard write before anything is trained."""


def register_resolvers() -> None:
    """``${directory_name:TEXT}``: the text as the name of one directory, for the runs of a sweep."""
    OmegaConf.register_new_resolver(
        "directory_name", lambda text: re.sub(r"[^\w.,=+-]", "_", str(text))[:120], replace=True
    )


def register_plugins() -> None:
    """Have Hydra find hydra_plugins/, which stands beside experiments/, wherever a command is started."""
    checkout = str(CONFIGS.parent)
    if checkout not in map(os.path.abspath, sys.path):
        sys.path.append(checkout)


def in_order(arguments: list[str]) -> list[str]:
    """The same command line as Hydra can take it apart: options first, then flags with what belongs to them.

    Help needs a whole configuration too, whichever: any experiment will do.
    """
    options = [argument for argument in arguments if _is_option(argument)]
    if HELP & set(arguments) and not any("experiment=" in option for option in options):
        options.append("experiment=symmetry")
    return options + [argument for argument in arguments if not _is_option(argument)]


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
        raise ConfigError("resume=: name the directory of a run, resume=runs/NAME/TIME")
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
            raise ConfigError(f"{text}: {_one_line(problem)}") from None
        assert isinstance(changed, DictConfig)
        config = _typed(changed)
    check(config)
    from experiments.options.machine import check_device

    check_device(config.device)
    return config


def check_arguments(arguments: list[str], configs: Path) -> None:
    """Raises ConfigError, with a message of one line, for a command line that could not be run.

    Every job of a multirun is checked. Left to Hydra: command lines with options of its own, such as ``--help``.
    """
    flags = {argument for argument in arguments if argument.startswith("-")}
    if flags - MULTIRUN and not flags & COMPOSES:
        return
    texts = [argument for argument in arguments if argument not in flags]
    if flags & COMPOSES:
        if not any(text.lstrip("+").startswith("experiment=") for text in texts):
            raise ConfigError(_no_experiment(configs))
        return
    with initialize_config_dir(str(configs), version_base="1.3"):
        overrides = [_parsed(text) for text in texts]
        chosen = [override for override in overrides if override.key_or_group == "experiment"]
        if not chosen:
            raise ConfigError(_no_experiment(configs))
        for override in overrides:
            _check_form(override)
        swept = [override for override in overrides if override.is_sweep_override()]
        if swept and not flags:
            option = swept[0]
            raise ConfigError(f"{option.input_line}: more than one value needs a multirun; add -m")
        _check_directory(overrides, bool(flags))
        for job in itertools.islice(jobs(overrides), MOST_JOBS_CHECKED):
            _check_job(job, configs)


def _parsed(text: str) -> Override:
    try:
        (override,) = OverridesParser.create(GlobalHydra.instance().config_loader()).parse_overrides([text])
    except HydraException as problem:
        raise ConfigError(f"{text}: {_one_line(problem)}; options are written OPTION=VALUE") from None
    if not override.key_or_group:
        raise ConfigError(f"{text}: names no option; options are written OPTION=VALUE")
    return override


def _check_form(override: Override) -> None:
    """Raises ConfigError for what the grammar allows and no experiment can use."""
    text, key = override.input_line, override.key_or_group
    if key == "experiment" and (override.is_add() or override.is_force_add() or override.is_delete()):
        raise ConfigError(f"{text}: write experiment=NAME")
    if override.is_delete() and not key.startswith(("network.groups.", "network.links.")):
        raise ConfigError(f"{text}: only groups and links of the network can be taken away; give the option a value")
    if override.is_sweep_override():
        if not override.is_discrete_sweep():
            raise ConfigError(f"{text}: an interval is no list of values; write A,B,C or range(FROM,TO,STEP)")
        if not list(override.sweep_string_iterator()):
            raise ConfigError(f"{text}: there is no such value to run")


def _check_directory(overrides: list[Override], multirun: bool) -> None:
    """Raises ConfigError where the directory of the run holds a run, or cannot be made and written to.

    The latter by doing that for a moment, in another one beside it. Of a multirun it is that of all, else the run's; an
    experiment may be a multirun by itself, and then both are looked at unless one of them is named.
    """
    given = {override.key_or_group: str(override.value()) for override in overrides if override.value_type}
    either = [option for option in ("hydra.run.dir", "hydra.sweep.dir") if option in given]
    for option in ["hydra.sweep.dir"] if multirun else either or ["hydra.run.dir", "hydra.sweep.dir"]:
        name, varies, _ = given.get(option, "runs").partition("${")
        path = Path(name)
        if option in given and not varies:
            for each in [path] if option == "hydra.run.dir" else path.glob("*"):
                check_unused(each, f"{option}=")
        try:
            nearest = next(each for each in (path, *path.absolute().parents) if each.exists())
            with tempfile.TemporaryDirectory(dir=nearest) as made:
                (Path(made) / "file").write_bytes(bytes(ROOM))
        except OSError as problem:
            reason = problem.strerror or problem
            raise ConfigError(f"{option}={path}: {reason}; name a directory that can be written to") from None


def _check_job(texts: list[str], configs: Path) -> None:
    name = [text for text in texts if text.startswith("experiment=")][-1].partition("=")[2]
    if name not in choices("experiment", configs):
        raise ConfigError(f"experiment={name}: there is no such experiment. There are:\n{_listing(configs)}")
    try:
        config = compose("config", texts)
        plain = _typed(config)
    except (HydraException, OmegaConfBaseException) as problem:
        raise ConfigError(_explain(problem, texts, configs)) from None
    check(plain)
    from experiments.options.machine import check_device
    from experiments.options.setup import start_of, training_setup
    from repro.networks import SpecError

    if ELSEWHERE not in texts:
        check_device(plain.device)
    seeds, shard = plain.population.seeds, plain.population.shard
    try:
        # whether there is such a network, and cases can be held out, does not depend on how many seeds there are
        plain.population.seeds, plain.population.shard = 1, "1/1"
        setup = training_setup(plain)
        start_of(plain, setup)
        plain.population.seeds, plain.population.shard = seeds, shard
        _check_memory(plain, setup.architecture.weight_count)
    except SpecError as problem:
        raise ConfigError(str(problem)) from None


def _check_memory(config: Config, weights: int) -> None:
    """Raises ConfigError for a population whose weights and last changes alone do not fit this machine."""
    if not hasattr(os, "sysconf"):
        return
    from experiments.options.setup import seeds_of

    there_is, seeds = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"), len(seeds_of(config))
    needed = 2 * (4 if config.precision is Precision.float32 else 8) * weights * seeds
    if needed > there_is:
        raise ConfigError(
            f"population.seeds={config.population.seeds}: {seeds} at a time, with {weights:,} weights each, need "
            f"{needed / 2**30:,.0f} GiB of memory, and this machine has {there_is / 2**30:,.0f}; take fewer, or more "
            f"shards than population.shard={config.population.shard}"
        )


def _typed(config: DictConfig) -> Config:
    """The options as plain objects. Raises ConfigError for one that has no value yet, or that there is not."""
    for key in sorted(OmegaConf.missing_keys(config)):
        raise ConfigError(f"{key}=???: the experiment gives it no value; give one, {key}=VALUE")
    plain = OmegaConf.to_object(config)
    assert isinstance(plain, Config)
    for key in _left_over(plain):
        raise ConfigError(_no_option(f"+{key}", key, list(_options(config))))
    return plain


def _left_over(options: object, prefix: str = "") -> Iterator[str]:
    """The dotted names that ``+`` has added to options which have no such field."""
    if is_dataclass(options):
        known = {field.name for field in fields(options)}
        for name, value in vars(options).items():
            if name not in known:
                yield f"{prefix}{name}"
            yield from _left_over(value, f"{prefix}{name}.")


def _explain(problem: Exception, texts: list[str], configs: Path) -> str:
    """The one override at fault, found by trying each by itself, and what is wrong with it."""
    chosen = [text for text in texts if text.startswith("experiment=")]
    launcher = [text for text in texts if text.startswith("hydra/launcher=")]
    for text in launcher + [text for text in texts if text not in launcher]:
        if text in chosen:
            continue
        try:
            OmegaConf.to_object(compose("config", [*chosen, text]))
        except (HydraException, OmegaConfBaseException) as own:
            key = text.partition("=")[0].lstrip("+~")
            if key in GROUPS:
                return f"{text}: there is no such {key}; choose from {', '.join(choices(key, configs))}"
            if key == "hydra/launcher":
                more = "`pip install -e '.[cluster]'` brings joblib, submitit_local and submitit_slurm"
                return f"{text}: there is no such launcher; there are basic and side_by_side, and {more}"
            options = [*_options(compose("config", chosen)), *GROUPS]
            cause = own.__cause__
            if key in options or key.startswith("hydra."):
                return f"{text}: {_one_line(cause if isinstance(cause, OmegaConfBaseException) else own)}"
            return _no_option(text, key, options)
        if text in launcher:
            chosen.append(text)  # which options hydra.launcher has depends on it
    return _one_line(problem)


def _no_option(text: str, key: str, options: list[str]) -> str:
    near = difflib.get_close_matches(key, [option for option in options if option != key], n=1)
    hint = f"did you mean {near[0]}?" if near else "`--cfg job` lists them all"
    return f"{text}: there is no option {key}; {hint}"


def _options(config: DictConfig, prefix: str = "") -> Iterator[str]:
    """The dotted names of all options."""
    for key in map(str, config):
        yield f"{prefix}{key}"
        if not OmegaConf.is_missing(config, key) and isinstance(config[key], DictConfig):
            yield from _options(config[key], f"{prefix}{key}.")


def _no_experiment(configs: Path) -> str:
    return "say which experiment to run, experiment=NAME. There are:\n" + _listing(configs)


def _listing(configs: Path) -> str:
    files = sorted((configs / "experiment").glob("*.yaml"))
    width = max(len(file.stem) for file in files)
    return "\n".join(f"  {file.stem:{width}}  {OmegaConf.select(OmegaConf.load(file), 'summary')}" for file in files)


def _one_line(problem: BaseException) -> str:
    """The first line of a message; Hydra and OmegaConf put the particulars below it."""
    return next(iter(str(problem).strip().splitlines()), type(problem).__name__).strip()
