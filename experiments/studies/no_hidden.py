"""Without hidden units neither exclusive-or nor symmetry is learned.

N p.535 says of symmetry, and P p.319 of exclusive-or, that hidden units are needed. Here the rules from before there
was one for hidden units try without, from many first weights: the perceptron convergence procedure and the delta rule.
As a control they try AND and a majority of 6 bits too, which need no hidden units. A linear programme says for each
task whether there are any weights that do it.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

if __name__ == "__main__":
    sys.exit("experiments.studies.no_hidden: run it by python -m experiments.reproduce no_hidden")

import torch
from rich.progress import track

from experiments.files import number
from experiments.tables import write_rows
from repro.networks import ALWAYS_ON, Architecture, link_name
from repro.perceptron import delta_rule, even_epsilon, integer_weights, least_error, perceptron, separable
from repro.population import NEVER, initial_weights
from repro.tasks import Task
from repro.tasks.at_least import at_least
from repro.tasks.symmetry import symmetry
from repro.tasks.xor import xor

FILE = "no_hidden.csv"

TASKS = {"xor": xor(), "symmetry": symmetry(), "and": at_least(2, 2), "majority": at_least(4, 6)}
RULES = ("perceptron", "delta")

LARGEST = 3
"""The perceptron's first weights are whole numbers from minus this to this."""

INITIAL_RANGE = 0.3
"""The delta rule's first weights are uniform in minus this to this, as N Fig. 1 has them."""

SWEEPS = 1_000
"""Given to each rule. Many perceptrons need 10; of the delta rule's distance to the least E, e^-36 is left or less."""

SAME = 9
"""Decimals to which E is compared with the least E: what differs further down is rounding."""


def rows(seeds: range) -> Iterator[dict[str, object]]:
    """A row a task, rule and seed."""
    for name, rule in track([(name, rule) for name in TASKS for rule in RULES], "without hidden units"):
        task = TASKS[name]
        found = perceptron_rows(task, seeds) if rule == "perceptron" else delta_rows(task, seeds)
        possible = int(separable(task))
        for seed, row in enumerate(found):
            yield {"task": name, "rule": rule, "seed": seed, **row, "separable": possible}


def perceptron_rows(task: Task, seeds: range) -> Iterator[dict[str, object]]:
    """What the perceptron convergence procedure came to: a row a seed."""
    course = perceptron(task, integer_weights(task, seeds, LARGEST), SWEEPS)
    columns = (course.learned_at, course.most_right, course.enters, course.period)
    for learned_at, right, enters, period in zip(*(column.tolist() for column in columns), strict=True):
        cycles = period != NEVER
        yield {
            "solved": int(learned_at != NEVER),
            "right": right,
            "cases": len(task.cases),
            "cycles": int(cycles),
            "enters": enters if cycles else "",
            "period": period if cycles else "",
            "E_excess": "",
        }


def delta_rows(task: Task, seeds: range) -> Iterator[dict[str, object]]:
    """What the delta rule came to: a row a seed."""
    groups = {name: values.shape[1] for name, values in task.inputs.items()} | {"output": task.desired.shape[1]}
    architecture = Architecture(groups, {"output": [*task.inputs]})
    drawn = initial_weights(architecture, seeds, INITIAL_RANGE, torch.float64)
    weights = torch.cat([drawn[link_name(source, "output")] for source in (*task.inputs, ALWAYS_ON)], dim=1)
    course, least = delta_rule(task, weights, even_epsilon(task), SWEEPS), least_error(task)
    columns = (course.learned_at, course.right, course.E)
    for learned_at, right, E in zip(*(column.tolist() for column in columns), strict=True):
        yield {
            "solved": int(learned_at != NEVER),
            "right": right,
            "cases": len(task.cases),
            "cycles": "",
            "enters": "",
            "period": "",
            "E_excess": number(round(E - least, SAME) + 0.0),  # + 0.0: no "-0"
        }


def write(results: Path, seeds: range) -> None:
    """Let both rules try every task from the first weights of these seeds, and write the table."""
    write_rows(results / FILE, rows(seeds))
