"""Checks a command line before Hydra acts on it, so that a mistake ends in one clear line and leaves nothing behind."""

import difflib
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from experiments.schema import Config, ConfigError, check

MULTIRUN = {"-m", "--multirun", "--multirun=True"}
MOST_JOBS_CHECKED = 200


def register_resolvers() -> None:
    """``${directory_name:TEXT}``: the text as the name of one directory, for the runs of a sweep."""
    OmegaConf.register_new_resolver(
        "directory_name", lambda text: re.sub(r"[^\w.,=+-]", "_", str(text))[:120], replace=True
    )


def check_arguments(arguments: list[str], configs: Path) -> None:
    """Raises ConfigError, with a message of one line, for a command line that could not be run.

    Every job of a multirun is checked. Left to Hydra: command lines with options of its own, such as ``--help``.
    """
    flags = {argument for argument in arguments if argument.startswith("-")}
    if flags - MULTIRUN:
        return
    texts = [argument for argument in arguments if argument not in flags]
    with initialize_config_dir(str(configs), version_base="1.3"):
        try:
            overrides = OverridesParser.create().parse_overrides(texts)
        except HydraException as problem:
            raise ConfigError(_one_line(problem)) from None
        if not any(override.key_or_group == "experiment" for override in overrides):
            raise ConfigError("say which experiment to run, experiment=NAME. There are:\n" + _listing(configs))
        swept = [override for override in overrides if override.is_sweep_override()]
        if swept and not flags:
            option = swept[0]
            raise ConfigError(f"{option.input_line}: more than one value needs a multirun; add -m")
        for job in itertools.islice(_jobs(overrides), MOST_JOBS_CHECKED):
            _check_job(job, configs)


def _jobs(overrides: list[Override]) -> Iterator[list[str]]:
    """The overrides of each job of a multirun; of the one job where nothing is swept."""
    choices: list[list[str]] = []
    for override in overrides:
        if override.is_discrete_sweep():
            key = override.get_key_element()
            choices.append([f"{key}={value}" for value in override.sweep_string_iterator()])
        elif not override.is_sweep_override():
            choices.append([override.input_line or ""])
    return (list(job) for job in itertools.product(*choices))


def _check_job(texts: list[str], configs: Path) -> None:
    try:
        config = compose("config", texts)
    except (HydraException, OmegaConfBaseException) as problem:
        raise ConfigError(_explain(problem, texts, configs)) from None
    plain = _typed(config)
    check(plain)
    from experiments.build import build_architecture, build_held_out, build_task
    from repro.networks import SpecError

    try:
        build_architecture(plain)
        plain.population.seeds = 1  # whether cases can be held out does not depend on how many seeds there are
        build_held_out(plain, build_task(plain))
    except SpecError as problem:
        raise ConfigError(str(problem)) from None


def _typed(config: DictConfig) -> Config:
    """The options as plain objects. Raises ConfigError for one that has no value yet."""
    for key in sorted(OmegaConf.missing_keys(config)):
        raise ConfigError(f"{key}=???: the experiment gives it no value; give one, {key}=VALUE")
    plain = OmegaConf.to_object(config)
    assert isinstance(plain, Config)
    return plain


def _explain(problem: Exception, texts: list[str], configs: Path) -> str:
    """The one override at fault, found by trying each by itself, and what is wrong with it."""
    chosen = [text for text in texts if text.startswith("experiment=")]
    name = chosen[-1].partition("=")[2]
    if not (configs / "experiment" / f"{name}.yaml").exists():
        return f"experiment={name}: there is no such experiment. There are:\n{_listing(configs)}"
    for text in texts:
        if text in chosen:
            continue
        try:
            compose("config", [*chosen, text])
        except (HydraException, OmegaConfBaseException) as own:
            key = text.partition("=")[0].lstrip("+~")
            options = list(_options(compose("config", chosen)))
            cause = own.__cause__
            reason = _one_line(cause if isinstance(cause, OmegaConfBaseException) else own)
            if key in options:
                return f"{text}: {reason}"
            near = difflib.get_close_matches(key, options, n=1)
            hint = f"did you mean {near[0]}?" if near else "`--cfg job` lists them all"
            return f"{text}: there is no option {key}; {hint}"
    return _one_line(problem)


def _options(config: DictConfig, prefix: str = "") -> Iterator[str]:
    """The dotted names of all options."""
    for key in map(str, config):
        yield f"{prefix}{key}"
        if not OmegaConf.is_missing(config, key) and isinstance(config[key], DictConfig):
            yield from _options(config[key], f"{prefix}{key}.")


def _listing(configs: Path) -> str:
    files = sorted((configs / "experiment").glob("*.yaml"))
    width = max(len(file.stem) for file in files)
    return "\n".join(f"  {file.stem:{width}}  {OmegaConf.select(OmegaConf.load(file), 'summary')}" for file in files)


def _one_line(problem: BaseException) -> str:
    """The first line of a message; Hydra and OmegaConf put the particulars below it."""
    return next(iter(str(problem).strip().splitlines()), type(problem).__name__).strip()
