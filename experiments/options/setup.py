"""From an experiment's options to the one object that training, recorders and pages work from: ``TrainingSetup``."""

import itertools
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from experiments.options.schema import Change, Config, ConfigError, shard_of
from experiments.options.tasks import TASKS
from repro import output_functions, printed_networks
from repro.errors import ErrorMeasure
from repro.learning import Phase
from repro.networks import ALWAYS_ON, Architecture, link_name
from repro.population import Population
from repro.tasks import Task
from repro.training_setup import Criterion, Learning, TrainingSetup


def training_setup(config: Config) -> TrainingSetup:
    """What is learned, by which network, how and until when: made once a run. Tasks are in float64, on the CPU.

    Raises ConfigError or SpecError for options that make no network, or not one for the task.
    """
    task, architecture = task_of(config), architecture_of(config)
    return TrainingSetup(
        architecture,
        task,
        learning_of(config),
        Criterion(config.criterion.tolerance, config.criterion.stop),
        error_measure_of(config),
        held_out_of(config, task),
        printed_networks.of(architecture, task.name),
    )


def first_population(config: Config, setup: TrainingSetup) -> Population:
    """The networks of this job before their first sweep. Raises ConfigError as ``start_of`` does."""
    return Population.start(
        setup.architecture,
        seeds_of(config),
        config.network.initial_range,
        dtype_of(config),
        config.device,
        config.network.output_bias,
        start_of(config, setup),
    )


def dtype_of(config: Config) -> torch.dtype:
    """The type of weights and activity."""
    dtype: torch.dtype = getattr(torch, config.precision.value)
    return dtype


def seeds_of(config: Config) -> range:
    """The seeds that this job trains: the population's, or its shard of them."""
    population = config.population
    number, of = shard_of(population)
    begin, end = (part * population.seeds // of for part in (number - 1, number))
    return range(population.first_seed + begin, population.first_seed + end)


def task_of(config: Config) -> Task:
    """The task with the desired outputs and the order of cases asked for. Raises ConfigError for an unknown one."""
    name = config.task.name
    if name not in TASKS:
        raise ConfigError(f"task.name={name}: there is no such task; there are {', '.join(TASKS)}")
    task = TASKS[name].make(config.task).with_targets(config.task.target_off, config.task.target_on)
    return task.in_order(config.task.order)


def held_out_of(config: Config, task: Task) -> Tensor | None:
    """The cases that each replica does not learn, ``[cases, replicas or 1]``, bool; None where it learns all.

    Raises ConfigError, naming the case or the number, where they cannot be held out.
    """
    held_out = TASKS[config.task.name].held_out
    return None if held_out is None else held_out(config.task, task, seeds_of(config))


def architecture_of(config: Config) -> Architecture:
    """The groups and links. Raises SpecError where they make no network; ConfigError for a bias that it has not."""
    network = config.network
    groups, links = stacked(network.groups, network.links, network.layers)
    hidden = [group for group in list(groups)[:-1] if links.get(group)]
    functions = dict.fromkeys(hidden, output_functions.BY_NAME[network.hidden_function])
    architecture = Architecture(groups, links, network.biases, network.shared, functions)
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


def learning_of(config: Config) -> Learning:
    """The phases and the decay."""
    learning = config.learning
    opening = [Phase(phase.epsilon, phase.alpha, phase.sweeps) for phase in learning.opening]
    return Learning(
        phases=(*opening, Phase(learning.epsilon, learning.alpha)),
        sweeps=learning.sweeps,
        decay=learning.decay,
        per_case=learning.change is Change.per_case,
        decay_biases=learning.decay_biases,
        decay_of=learning.decay_of,
        per_fan_in=learning.per_fan_in,
    )


def error_measure_of(config: Config) -> ErrorMeasure:
    """How the error of the outputs is counted."""
    error = config.error
    return ErrorMeasure(
        error.form,
        error.satisfied,
        error.measured_from,
        error.on_bound,
        error.off_bound,
        error.factor,
    )


def start_of(config: Config, setup: TrainingSetup) -> dict[str, Tensor] | None:
    """The printed weights that the first weights lie around, ``[to, from, 1]``; None: around 0.

    Raises ConfigError where there are none of that name, or they are those of another network.
    """
    start = config.network.start
    if start == "zero":
        return None
    if start not in printed_networks.BY_NAME:
        known = ", ".join(["zero", *printed_networks.BY_NAME])
        raise ConfigError(f"network.start={start}: there are no such weights; there are {known}")
    printed = printed_networks.BY_NAME[start]
    if not printed_networks.same_network(setup.architecture, printed.architecture):
        wanted = f"network.groups={dict(printed.groups)} network.links={dict(printed.links)}"
        raise ConfigError(f"network.start={start}: is of a network with {wanted}")
    return printed.replica()
