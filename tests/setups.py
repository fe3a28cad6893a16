"""A training from its parts, lined up as a set-up."""

from collections.abc import Iterator

import repro.training
from repro.errors import AS_PRINTED, ErrorMeasure
from repro.population import Population
from repro.tasks import Task
from repro.training import Snapshot
from repro.training_setup import Criterion, Learning, TrainingSetup


def train(
    population: Population,
    task: Task,
    learning: Learning,
    criterion: Criterion,
    every: int = 1,
    *,
    error_measure: ErrorMeasure = AS_PRINTED,
    held_out=None,
    **options,
) -> Iterator[Snapshot]:
    """``repro.training.train`` of the population's own plan; options: those of that."""
    setup = TrainingSetup(population.architecture, task, learning, criterion, error_measure, held_out)
    return repro.training.train(population, setup, every, **options)
