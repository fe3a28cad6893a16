"""From an experiment's options to the plain objects of ``repro``."""

from pathlib import Path

import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from experiments.schema import Change, Config, TaskName, check, register
from repro.learning import Phase
from repro.networks import Architecture
from repro.population import Population
from repro.tasks import Task
from repro.tasks.symmetry import symmetry
from repro.tasks.xor import xor
from repro.training import Criterion, Learning

CONFIGS = Path(__file__).parent.parent / "configs"


def load(experiment: str, *overrides: str) -> Config:
    """The options of an experiment, as the command line would have them. Raises ConfigError for a bad value."""
    register()
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        config = OmegaConf.to_object(compose("config", [f"experiment={experiment}", *overrides]))
    assert isinstance(config, Config)
    check(config)
    return config


def build_task(config: Config) -> Task:
    """The task with the desired outputs asked for."""
    match config.task.name:
        case TaskName.xor:
            task = xor()
        case TaskName.symmetry:
            task = symmetry(config.task.length)
    return task.with_targets(config.task.target_off, config.task.target_on)


def build_architecture(config: Config) -> Architecture:
    """The groups and links. Raises SpecError where they do not make a network, or not one for the task."""
    network = config.network
    architecture = Architecture(network.groups, network.links, network.biases, network.shared)
    architecture.check_task(build_task(config))
    return architecture


def build_learning(config: Config) -> Learning:
    """The phases and the decay."""
    learning = config.learning
    opening = [Phase(phase.epsilon, phase.alpha, phase.sweeps) for phase in learning.opening]
    return Learning(
        phases=(*opening, Phase(learning.epsilon, learning.alpha)),
        sweeps=learning.sweeps,
        decay=learning.decay,
        per_case=learning.change is Change.per_case,
    )


def build_criterion(config: Config) -> Criterion:
    """When a replica has learned."""
    return Criterion(config.criterion.tolerance, config.criterion.stop)


def build_population(config: Config) -> Population:
    """The replicas before their first sweep."""
    first = config.population.first_seed
    return Population.start(
        build_architecture(config),
        range(first, first + config.population.seeds),
        config.network.initial_range,
        getattr(torch, config.precision.value),
        config.device,
    )
