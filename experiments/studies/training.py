"""Networks trained within a study, without a run directory of their own."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

import torch

from experiments.files import number
from experiments.options import machine
from experiments.options.schema import Config
from experiments.options.setup import first_population, training_setup
from repro.machine_code import build
from repro.measures.family_trees import Kinship, kinship
from repro.population import Population
from repro.side_by_side import Part, train_side_by_side
from repro.trained import Trained
from repro.training import train
from repro.training_setup import TrainingSetup


def as_published(config: Config, every: int) -> Population:
    """An experiment's networks after their training, by one worker: the same on any machine. every: see ``train``."""
    setup = training_setup(config)
    population = first_population(config, setup)
    train_as_published(population, config, setup, every)
    return population


def train_as_published(population: Population, config: Config, setup: TrainingSetup, every: int) -> None:
    """Train some of an experiment's networks, in place, up to its last sweep, by one worker."""
    compile = machine.compiles(config, setup) and not build.compiler_lacking()
    for _ in train(population, setup, every, compile=compile):
        pass


def run_through(population: Population, setup: TrainingSetup, compile: bool = True) -> None:
    """Train networks through all sweeps, in place: who has learned goes on.

    compile: as machine code, where this machine has a compiler.
    """
    torch.set_num_threads(1)  # the workers share the cores out
    compile = compile and not build.compiler_lacking()
    for _ in train(population, unending(setup), setup.learning.sweeps, compile=compile, workers=machine.cores()):
        pass


def run_all_through(trainings: Iterable[tuple[Population, TrainingSetup]]) -> None:
    """``run_through`` of several populations before their first sweep, which differ in numbers of the rule."""
    torch.set_num_threads(1)
    parts = [Part(population, unending(setup), setup.learning.sweeps) for population, setup in trainings]
    for _ in train_side_by_side(parts, compile=not build.compiler_lacking(), workers=machine.cores()):
        pass


def unending(setup: TrainingSetup) -> TrainingSetup:
    """The same for networks that go on once they have learned."""
    return replace(setup, criterion=replace(setup.criterion, stop=False))


def kinship_of(setup: TrainingSetup, population: Population) -> Kinship:
    """What family-trees networks know. Each must hold out cases, as those of configs/experiment do."""
    trained = Trained.of(setup, population)
    assert trained.held_out is not None
    return kinship(trained.y, trained.setup.task.desired, trained.held_out)


def rows_of(setup: TrainingSetup, population: Population) -> Iterator[dict[str, object]]:
    """A row a network: cases right of those it learned and those held out, E_H (see ``kinship``), and Σw²."""
    found = kinship_of(setup, population)
    squares = torch.stack([(w * w).sum(dim=(0, 1)) for w in population.weights.values()]).sum(dim=0)
    for r, seed in enumerate(population.seeds):
        yield {
            "seed": seed,
            "train_right": int(found.train_right[r]),
            "held_out_right": int(found.held_out_right[r]),
            "E_H": number(float(found.E_H[r])),
            "sum_of_squares": number(float(squares[r])),
        }
