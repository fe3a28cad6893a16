"""From an experiment's options to the plain objects of ``repro``."""

import itertools
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from experiments.options.schema import (
    Answers,
    Change,
    Config,
    ConfigError,
    Start,
    TaskName,
    shard_of,
)
from repro import output_functions
from repro import printed_networks as published
from repro.errors import ErrorMeasure
from repro.learning import Phase
from repro.networks import ALWAYS_ON, Architecture, link_name
from repro.output_functions import OutputFunction
from repro.population import Population
from repro.tasks import Task
from repro.tasks.encoder import encoder
from repro.tasks.family_trees import family_trees, named_split, random_splits, splits_by_answer
from repro.tasks.parity import parity
from repro.tasks.symmetry import symmetry
from repro.tasks.xor import xor
from repro.training_setup import Criterion, Learning


def build_task(config: Config) -> Task:
    """The task with the desired outputs asked for."""
    match config.task.name:
        case TaskName.xor:
            task = xor()
        case TaskName.symmetry:
            task = symmetry(config.task.length)
        case TaskName.parity:
            task = parity(config.task.length)
        case TaskName.encoder:
            task = encoder(config.task.units)
        case TaskName.family_trees:
            task = family_trees(both_answers=config.task.answers is Answers.both)
    return task.with_targets(config.task.target_off, config.task.target_on)


def build_architecture(config: Config) -> Architecture:
    """The groups and links. Raises SpecError where they make no network, or not one for the task."""
    network = config.network
    groups, links = stacked(network.groups, network.links, network.layers)
    hidden = [group for group in list(groups)[:-1] if links.get(group)]
    function: OutputFunction = getattr(output_functions, network.hidden_function.value.upper())
    functions = dict.fromkeys(hidden, function)
    architecture = Architecture(groups, links, network.biases, network.shared, functions)
    architecture.check_task(build_task(config))
    bias = link_name(ALWAYS_ON, architecture.output)
    if network.output_bias is not None and bias not in architecture.weight_shapes:
        raise ConfigError(
            f"network.output_bias={network.output_bias}: '{architecture.output}' has no biases of its own; "
            f"name it in network.biases, or leave network.output_bias=null"
        )
    return architecture


def stacked(
    groups: Mapping[str, int], links: Mapping[str, Sequence[str]], layers: int
) -> tuple[dict[str, int], dict[str, list[str]]]:
    """Groups and links with the group 'hidden' so many times: hidden, hidden2, ..., each fed by the one below.

    What 'hidden' feeds is fed by the topmost.
    """
    names = ["hidden", *(f"hidden{layer}" for layer in range(2, layers + 1))]
    tall: dict[str, int] = {}
    for group, units in groups.items():
        tall |= dict.fromkeys(names, units) if group == "hidden" else {group: units}
    wired = {target: [names[-1] if s == "hidden" else s for s in sources] for target, sources in links.items()}
    return tall, wired | {above: [below] for below, above in itertools.pairwise(names)}


def build_learning(config: Config) -> Learning:
    """The phases and the decay."""
    learning = config.learning
    opening = [Phase(phase.epsilon, phase.alpha, phase.sweeps) for phase in learning.opening]
    return Learning(
        phases=(*opening, Phase(learning.epsilon, learning.alpha)),
        sweeps=learning.sweeps,
        decay=learning.decay,
        per_case=learning.change is Change.per_case,
        decay_biases=learning.decay_biases,
        decay_of=learning.decay_of.value,
        per_fan_in=learning.per_fan_in,
    )


def build_measure(config: Config) -> ErrorMeasure:
    """How the error of the outputs is counted."""
    error = config.error
    return ErrorMeasure(
        error.form.value,
        error.satisfied.value,
        error.measured_from.value,
        error.on_bound,
        error.off_bound,
        error.factor,
    )


def build_held_out(config: Config, task: Task) -> Tensor | None:
    """The cases that each replica does not learn, ``[cases, replicas or 1]``; None where it learns all.

    Raises ConfigError, naming the case or the number, where they cannot be held out.
    """
    if config.task.name is not TaskName.family_trees:
        return None
    wanted = config.task
    option = "task.held_out"
    try:
        if wanted.held_out_answers:
            option = "task.held_out_answers"
            return splits_by_answer(task, seeds_of(config), wanted.held_out_answers)
        if wanted.held_out_cases:
            option = "task.held_out_cases"
            return named_split(task, wanted.held_out_cases)
        return random_splits(task, seeds_of(config), wanted.held_out)
    except ValueError as problem:
        value = getattr(wanted, option.removeprefix("task."))
        raise ConfigError(f"{option}={value}: {problem}") from None


def seeds_of(config: Config) -> range:
    """The seeds that this job trains: the population's, or its shard of them."""
    population = config.population
    number, of = shard_of(population)
    begin, end = (part * population.seeds // of for part in (number - 1, number))
    return range(population.first_seed + begin, population.first_seed + end)


def build_criterion(config: Config) -> Criterion:
    """When a replica has learned."""
    return Criterion(config.criterion.tolerance, config.criterion.stop)


def build_population(config: Config) -> Population:
    """The replicas before their first sweep."""
    architecture = build_architecture(config)
    return Population.start(
        architecture,
        seeds_of(config),
        config.network.initial_range,
        getattr(torch, config.precision.value),
        config.device,
        config.network.output_bias,
        printed_start(config, architecture),
    )


def printed_start(config: Config, architecture: Architecture) -> dict[str, Tensor] | None:
    """The printed weights that the first weights lie around, ``[to, from, 1]``; None: around 0.

    Raises ConfigError where they are those of another network.
    """
    start = config.network.start
    if start is Start.zero:
        return None
    printed: published.PublishedNetwork = getattr(published, start.value.upper())
    if not same_network(architecture, printed.architecture):
        wanted = f"network.groups={dict(printed.groups)} network.links={dict(printed.links)}"
        raise ConfigError(f"network.start={start.value}: is of a network with {wanted}")
    return printed.replica()


def same_network(one: Architecture, other: Architecture) -> bool:
    """Whether two networks have the same groups and links."""
    return dict(one.groups) == dict(other.groups) and one.all_links == other.all_links
