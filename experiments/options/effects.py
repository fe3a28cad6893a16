"""Options that would have no effect: an override of one is refused, because who gives it expects that it has."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf

from experiments.options.schema import Config, ConfigError
from repro.choices import MeasuredFrom, Satisfied

TASKS_WITH: dict[str, tuple[str, ...]] = {
    "task.length": ("symmetry", "parity"),
    "task.units": ("encoder",),
    "task.held_out": ("family_trees",),
    "task.held_out_cases": ("family_trees",),
    "task.held_out_answers": ("family_trees",),
    "task.answers": ("family_trees",),
}
"""Options of some tasks: those that heed them. The other options of a task are heeded by all."""

READING = tuple(f"reading.{of}" for of in ("name", "assumption", "question", "departures", "text"))


@dataclass(frozen=True)
class Idle:
    """Options that may have no effect. why: the reason where they have none; None where they have one.

    by_values: it depends on other values of the same run, so that a multirun may well have both kinds: refused only
    where it has no effect in any of its jobs.
    """

    options: tuple[str, ...]
    why: Callable[[Config], str | None]
    by_values: bool = False


def _of_other_task(option: str) -> Callable[[Config], str | None]:
    tasks = TASKS_WITH[option]

    def why(config: Config) -> str | None:
        return None if config.task.name in tasks else f"is of the task {' or '.join(tasks)}, not of {config.task.name}"

    return why


def _held_out_by_name(config: Config) -> str | None:
    for option, named in (("cases", config.task.held_out_cases), ("answers", config.task.held_out_answers)):
        if named:
            return f"task.held_out_{option}={named} says which are held out; give task.held_out_{option}=[] too"
    return None


def _no_hidden_units(config: Config) -> str | None:
    network = config.network
    hidden = [group for group in list(network.groups)[:-1] if network.links.get(group)]
    return None if hidden else "the network has no hidden units"


def _bounds_unused(config: Config) -> str | None:
    used = config.error.satisfied is not Satisfied.never or config.error.measured_from is MeasuredFrom.bound
    return None if used else "is used with error.satisfied=unit or case, or error.measured_from=bound; give one too"


def _no_decay(config: Config) -> str | None:
    return "there is no decay; give learning.decay too" if config.learning.decay == 0 else None


def _no_biases(config: Config) -> str | None:
    return "network.biases=[]: there are none to decay" if config.network.biases == [] else _no_decay(config)


def _opening_takes_all(config: Config) -> str | None:
    opening = sum(phase.sweeps for phase in config.learning.opening)
    if opening < config.learning.sweeps:
        return None
    return f"learning.opening takes {opening} sweeps, and learning.sweeps={config.learning.sweeps} are all there are"


def _no_tensorboard(config: Config) -> str | None:
    return None if config.record.tensorboard else "is the one shown in TensorBoard; leave record.tensorboard=true"


IDLE = (
    *(Idle((option,), _of_other_task(option)) for option in TASKS_WITH),
    Idle(("task.held_out",), _held_out_by_name, by_values=True),
    Idle(("network.hidden_function",), _no_hidden_units),
    Idle(("error.on_bound", "error.off_bound"), _bounds_unused, by_values=True),
    Idle(("learning.epsilon", "learning.alpha"), _opening_takes_all, by_values=True),
    Idle(("learning.decay_of",), _no_decay, by_values=True),
    Idle(("learning.decay_biases",), _no_biases, by_values=True),
    Idle(("record.replica",), _no_tensorboard, by_values=True),
    Idle(READING, lambda config: "only describes a reading; choose one by reading=NAME"),
)
"""Of each option that is not here, any value but the one that it has changes what is trained, recorded or shown."""


def check_effects(
    values: Sequence[Override], before: DictConfig, after: DictConfig, config: Config
) -> dict[str, str | None]:
    """Of the options given whose effect hangs on other values: None where one has an effect, else a line that says why.

    values: the overrides that are no choice of files. before, after: the options without and with them. config: the
    latter as plain objects. A value that the files give already is none that was given.

    Raises ConfigError for an option that has no effect whatever the others are.
    """
    for override in values:
        _check_dict(override, before)
    found: dict[str, str | None] = {}
    for idle in IDLE:
        for option in idle.options:
            if not _given(option, values, before, after):
                continue
            why = idle.why(config)
            if why is not None and _named_elsewhere(option, after):
                why = None
            line = f"{option}={_value(option, config)}: has no effect: {why}"
            if why is not None and not idle.by_values:
                raise ConfigError(line)
            if idle.by_values:
                found[option] = None if why is None else line
    return found


def without_effect(jobs: Iterable[dict[str, str | None]]) -> str | None:
    """The line of an option that has no effect in any of several jobs, from what ``check_effects`` says of each."""
    lines: dict[str, str | None] = {}
    for found in jobs:
        lines |= {option: line for option, line in found.items() if lines.get(option, line) is not None}
        lines |= {option: None for option, line in found.items() if line is None}
    return next((line for line in lines.values() if line is not None), None)


def _check_dict(override: Override, before: DictConfig) -> None:
    """Raises ConfigError for a dict that Hydra puts together with what is there, and that so changes nothing."""
    value, key = override.value(), override.key_or_group
    if not isinstance(value, dict) or (value and not (key.startswith("network.") and len(value) > 1)):
        return  # of several options of a kind each has the value that is given; of one group or link it may be meant so
    there = _as_it_stands(key, before)
    if isinstance(there, dict) and there != value and there == there | value:
        taken = f"; one is taken away by ~{key}.NAME" if key.startswith("network.") else ""
        raise ConfigError(f"{override.input_line}: changes nothing: Hydra adds it to what is there{taken}")


def _given(option: str, values: Sequence[Override], before: DictConfig, after: DictConfig) -> bool:
    """Whether an override gives it, or a part of it, or a whole that it is part of, another value."""
    parts = f"{option}."
    if not any(
        f"{each.key_or_group}.".startswith(parts) or parts.startswith(f"{each.key_or_group}.") for each in values
    ):
        return False
    return _as_it_stands(option, before) != _as_it_stands(option, after)


def _as_it_stands(option: str, options: DictConfig) -> object:
    """A value before what stands in ``${}`` is put in, which may be nowhere yet; None where there is no such option."""
    node: Any = options
    for name in option.split("."):
        node = node._get_node(name) if isinstance(node, DictConfig) and isinstance(node._value(), dict) else None
    return OmegaConf.to_container(node) if OmegaConf.is_config(node) else None if node is None else node._value()


def _named_elsewhere(option: str, options: DictConfig) -> bool:
    """Whether the value of another option asks for this one's."""
    return f"${{{option}}}" in str(OmegaConf.to_container(options))


def _value(option: str, config: Config) -> object:
    value = attrgetter(option)(config)
    return getattr(value, "value", value)
