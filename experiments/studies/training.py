"""Networks trained within a script, without a run directory of their own."""

from collections.abc import Iterator

import torch

from experiments.options import build, machine
from experiments.options.machine import cores
from experiments.options.schema import Config
from repro.measures.family_trees import kinship
from repro.networks import Network
from repro.population import Population
from repro.training import train
from repro.training_setup import Criterion, Learning


def as_published(config: Config, every: int) -> Population:
    """An experiment's networks after their training, by one worker: the same on any machine. every: see ``train``."""
    population = build.build_population(config)
    for _ in train(
        population,
        build.build_task(config),
        build.build_learning(config),
        build.build_criterion(config),
        every=every,
        compile=machine.compiles(config) and not machine.compiler_lacking(),
    ):
        pass
    return population


def run_through(config: Config, population: Population, learning: Learning, compile: bool = True) -> None:
    """Train family-trees networks to the end, in place.

    compile: by ``torch.compile`` where this machine has what that needs.
    """
    torch.set_num_threads(1)  # the workers share the cores out
    task = build.build_task(config)
    looks = train(
        population,
        task,
        learning,
        Criterion(config.criterion.tolerance, stop=False),
        every=learning.sweeps,
        compile=compile and not machine.compiler_lacking(),
        workers=cores(),
        measure=build.build_measure(config),
        held_out=build.build_held_out(config, task),
    )
    for _ in looks:
        pass


def rows_of(config: Config, population: Population) -> Iterator[dict[str, object]]:
    """A row a network: cases right of those it learned and those held out, E_H (see ``kinship``), and Σw²."""
    task = build.build_task(config).to("cpu", population.E.dtype)
    held_out = build.build_held_out(config, task)
    assert held_out is not None
    with torch.no_grad():
        y = Network(population.architecture, population.weights)(task.inputs)
    found = kinship(y, task.desired, held_out)
    squares = torch.stack([(w * w).sum(dim=(0, 1)) for w in population.weights.values()]).sum(dim=0)
    for r, seed in enumerate(population.seeds):
        yield {
            "seed": seed,
            "train_right": int(found.train_right[r]),
            "held_out_right": int(found.held_out_right[r]),
            "E_H": f"{float(found.E_H[r]):.6g}",
            "sum_of_squares": f"{float(squares[r]):.6g}",
        }
