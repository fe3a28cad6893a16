"""In what options differ from their experiment's own file, and whether the paper's number is one of their network."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from omegaconf import OmegaConf

from experiments.options.schema import CONFIGS, Config, choices, plain

DECIDE = ("task", "network", "error", "learning", "criterion")
"""The options on which it depends what is found. Others say how many networks there are, how long their training may
take at most, where it runs, and what is recorded."""

SAID_AT_MOST = 4
"""So many differences are named; of more there are how many."""


def as_told(config: Config) -> Config:
    """The same options as titles and tables have them.

    The summary says in what the options differ from those of the experiment of their name. ``paper.sweeps`` is there
    only where the network, task, rule and criterion are those of an experiment whose own file states that number.
    """
    ours, summary, sweeps = deciding(plain(config)), config.summary, config.paper.sweeps
    if config.name in choices("experiment"):
        differ = list(differences(ours, own_options(config.name)))
        said = ", ".join(differ[:SAID_AT_MOST])
        if len(differ) > SAID_AT_MOST:
            said = f"{said} and {len(differ) - SAID_AT_MOST} more"
        summary = f"{summary}; but with {said}" if differ else summary
    stated = () if sweeps is None else stating(sweeps)
    if stated and not any(own_options(name) == ours for name in stated):
        sweeps = None
    return replace(config, summary=summary, paper=replace(config.paper, sweeps=sweeps))


def stating(sweeps: int) -> tuple[str, ...]:
    """The experiments whose own file says that the paper reports so many sweeps, and does not only inherit it."""
    return tuple(name for name in choices("experiment") if own_file(name).get("paper", {}).get("sweeps") == sweeps)


def own_options(experiment: str) -> dict[str, Any]:
    """``deciding`` of an experiment as its file has it: what Hydra puts together, in a hundredth of the time."""
    options = plain(Config())
    for each in files(CONFIGS / "experiment" / f"{experiment}.yaml"):
        put(options, each)
    if "${" in str(options):
        options = OmegaConf.to_container(OmegaConf.create(options), resolve=True)
    return deciding(options)


def own_file(experiment: str) -> dict[str, Any]:
    """What stands in the file of an experiment itself."""
    return in_file(CONFIGS / "experiment" / f"{experiment}.yaml")


def files(path: Path) -> Iterator[dict[str, Any]]:
    """A file of options and those in its defaults list, in the order in which each overrules those before."""
    own = in_file(path)
    for each in own.get("defaults", ["_self_"]):
        if each == "_self_":
            yield {name: value for name, value in own.items() if name not in ("defaults", "hydra")}
        elif isinstance(each, str):
            yield from files(path.with_name(f"{each}.yaml"))
        else:
            ((group, name),) = each.items()
            yield from files(CONFIGS / group.strip("/").partition("@")[0] / f"{name}.yaml")


@cache
def in_file(path: Path) -> dict[str, Any]:
    """A YAML file; by the parser in C where PyYAML has it."""
    found = yaml.load(path.read_text(encoding="utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return found if isinstance(found, dict) else {}


def put(options: dict[str, Any], others: dict[str, Any]) -> None:
    """Put options in place of those that there are, groups of them one by one."""
    for name, value in others.items():
        if isinstance(value, dict) and isinstance(options.get(name), dict):
            put(options[name], value)
        else:
            options[name] = value


def deciding(options: dict[str, Any]) -> dict[str, Any]:
    """The options of DECIDE by their dotted names, groups and links one by one; learning.sweeps is none of them."""
    found = {name: value for group in DECIDE for name, value in flat(group, options[group])}
    del found["learning.sweeps"]
    return found


def flat(prefix: str, value: Any) -> Iterator[tuple[str, Any]]:
    """A value by its name; those that it is made of by theirs."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from flat(f"{prefix}.{name}", inner)
    else:
        yield prefix, value


def differences(ours: dict[str, Any], theirs: dict[str, Any]) -> Iterator[str]:
    """Where ours differ, as the command line has it: ``"network.groups.hidden=3"``; ``"~network.links.output"``."""
    for name in theirs | ours:
        if name not in ours:
            yield f"~{name}"
        elif name not in theirs or ours[name] != theirs[name]:
            yield f"{name}={in_words(ours[name])}"


def in_words(value: Any) -> str:
    """A value as an option has it."""
    if isinstance(value, list):
        return f"[{','.join(map(in_words, value))}]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{name}:{in_words(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, float):
        return f"{value:g}"
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
