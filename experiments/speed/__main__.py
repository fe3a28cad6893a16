"""Measure speeds on this machine: ``python -m experiments.speed``.

benchmark: a sweep, against other ways of doing the same work; each kind of processor has a table of its own, which a
later run on such a processor replaces. logging_cost: what TensorBoard costs a run. chain_rule: the seconds of the
derivatives whose multiplications results/chain_rule.csv counts. A GPU has a program of its own,
``experiments.speed.device_check``. What was measured is not the same each time; of the tables, the first two are
published.
"""

# ruff: noqa: E402
import os
import sys

if not __package__:  # started by its path: as by python -m
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from experiments.running import interrupts

interrupts.heed(__name__, "experiments.speed")  # before anything that takes a while to import

import argparse
from collections.abc import Iterator
from pathlib import Path

from experiments.catalogue import RESULTS, SPEEDS
from experiments.options.load import above_0, at_least_1
from experiments.speed import benchmark, chain_rule, logging_cost
from experiments.tables import write_rows

PUBLISHED = ("benchmark", "logging_cost")


def parsed() -> argparse.Namespace:
    """The command line. Exits with one line where it names what there is not."""
    parser = argparse.ArgumentParser(prog="python -m experiments.speed", description=__doc__)
    what = f"what to measure: {', '.join(SPEEDS)} (default: {' and '.join(PUBLISHED)})"
    parser.add_argument("names", nargs="*", metavar="NAME", help=what)
    parser.add_argument("--results", type=Path, default=RESULTS, help="where the tables go (default: %(default)s)")
    of_benchmark = parser.add_argument_group("of benchmark")
    of_benchmark.add_argument(
        "--experiments", nargs="+", choices=benchmark.EXPERIMENTS, default=benchmark.EXPERIMENTS, help="which networks"
    )
    of_benchmark.add_argument(
        "--networks", nargs="+", type=at_least_1, default=benchmark.NETWORKS, help="populations (default: %(default)s)"
    )
    of_benchmark.add_argument("--seconds", type=above_0, default=5.0, help="for each contender (default: %(default)s)")
    of_logging = parser.add_argument_group("of logging_cost")
    of_logging.add_argument(
        "--turns", type=at_least_1, default=logging_cost.TURNS, help="runs of each (default: %(default)s)"
    )
    arguments = parser.parse_args()
    arguments.names = arguments.names or [*PUBLISHED]
    if unknown := sorted(set(arguments.names) - set(SPEEDS)):
        parser.error(f"{', '.join(unknown)}: not measured; choose from {', '.join(SPEEDS)}")
    return arguments


def rows_of(name: str, arguments: argparse.Namespace) -> Iterator[dict[str, object]]:
    """The rows of one table, as they are measured."""
    if name == "benchmark":
        return benchmark.rows(arguments.experiments, arguments.networks, arguments.seconds)
    return logging_cost.rows(arguments.turns) if name == "logging_cost" else chain_rule.rows()


def main() -> None:
    """Measure, print as it comes, write the tables."""
    arguments = parsed()
    for name in dict.fromkeys(arguments.names):
        path = arguments.results / SPEEDS[name].replace("PROCESSOR", benchmark.file_name())
        write_rows(path, rows_of(name, arguments))
        print(f"Written: {path}", flush=True)


if __name__ == "__main__":
    main()
