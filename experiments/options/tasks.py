"""Every task that an experiment can name, with what is measured of its networks and drawn of them.

A new task is a function in a file of ``repro/tasks/`` and an entry of ``TASKS`` here. What else there is about it goes
into files of the same name in ``repro/measures/`` and ``repro/figures/``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor

from experiments.options.schema import Answers, ConfigError, TaskConfig
from repro.measures import encoder as encoder_measures
from repro.measures import family_trees as family_trees_measures
from repro.measures import parity as parity_measures
from repro.measures import symmetry as symmetry_measures
from repro.measures import xor as xor_measures
from repro.tasks import Task
from repro.tasks.encoder import encoder
from repro.tasks.family_trees import family_trees, named_split, random_splits, splits_by_answer
from repro.tasks.parity import parity
from repro.tasks.symmetry import symmetry
from repro.tasks.xor import xor
from repro.trained import Trained


def no_columns(trained: Trained) -> dict[str, Tensor]:
    """A task of which nothing is measured but who learned, when, and E."""
    return {}


@dataclass(frozen=True)
class TaskKind:
    """What there is about a task.

    make: the task, from its options. columns: the measures of trained networks, ``[replicas]`` each, by their names in
    seeds.csv. figures: the module of ``repro.figures`` whose ``figures`` draws one network, and whose ``last_figures``,
    where it has them, draws it at a run's end; imported when something is drawn. held_out: the cases that each seed
    does not learn, ``[cases, replicas or 1]``, bool.
    """

    make: Callable[[TaskConfig], Task]
    columns: Callable[[Trained], dict[str, Tensor]] = no_columns
    figures: str = "hinton"
    held_out: Callable[[TaskConfig, Task, Sequence[int]], Tensor] | None = None


def family_trees_held_out(options: TaskConfig, task: Task, seeds: Sequence[int]) -> Tensor:
    """By the answers, by the names or at random. Raises ConfigError, naming the case or the number."""
    option, value = "held_out", str(options.held_out)
    try:
        if options.held_out_answers:
            option, value = "held_out_answers", str(options.held_out_answers)
            return splits_by_answer(task, seeds, options.held_out_answers)
        if options.held_out_cases:
            option, value = "held_out_cases", str(options.held_out_cases)
            return named_split(task, options.held_out_cases)
        return random_splits(task, seeds, options.held_out)
    except ValueError as problem:
        raise ConfigError(f"task.{option}={value}: {problem}") from None


TASKS = {
    "xor": TaskKind(lambda options: xor(), xor_measures.columns),
    "symmetry": TaskKind(lambda options: symmetry(options.length), symmetry_measures.columns, "symmetry"),
    "parity": TaskKind(lambda options: parity(options.length), parity_measures.columns),
    "encoder": TaskKind(lambda options: encoder(options.units), encoder_measures.columns),
    "family_trees": TaskKind(
        lambda options: family_trees(both_answers=options.answers is Answers.both),
        family_trees_measures.columns,
        "family_trees",
        family_trees_held_out,
    ),
}
