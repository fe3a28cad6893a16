"""Put together the shards of one population (``population.shard``), as one run would have left it.

``python -m experiments.merge RUN_DIR... --to DIR`` writes seeds.csv and weights.pt of all, and prints what they found.
"""

# ruff: noqa: E402
import os
import sys

if not __package__:  # started by its path: as by python -m
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

from experiments.running import interrupts

interrupts.heed(__name__, "experiments.merge")  # before anything that takes a while to import

import argparse
from collections.abc import Sequence
from pathlib import Path

from experiments.options.reference import as_told
from experiments.options.schema import ConfigError
from experiments.running import shards
from experiments.running.directory import SEEDS, WEIGHTS
from experiments.running.summary import print_table


def merge(directories: Sequence[Path], to: Path) -> int:
    """Put runs together; the exit code, after one line that says what is wrong."""
    try:
        population = shards.merge(directories, to)
    except (shards.ShardError, ConfigError) as problem:
        print(f"experiments.merge: {problem}", file=sys.stderr)
        return 1
    print_table(as_told(population.config), population.sweep, to / SEEDS)
    print(f"Written to {to}/, from {population.shards} shards: {SEEDS}, {WEIGHTS}")
    if population.unlike:
        print(population.unlike)
    return 0


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m experiments.merge", description=__doc__)
    parser.add_argument(
        "runs", nargs="+", type=Path, metavar="RUN_DIR", help="put these runs, or those in a multirun, together"
    )
    parser.add_argument(
        "--to", type=Path, metavar="DIR", required=True, help="where the seeds.csv and weights.pt of all runs go"
    )
    arguments = parser.parse_args()
    return merge(arguments.runs, arguments.to)


if __name__ == "__main__":
    sys.exit(main())
