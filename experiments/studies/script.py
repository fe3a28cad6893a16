"""The command line of a module that makes tables by itself: ``write(results, seeds)`` is all that it has of its own."""

import argparse
from collections.abc import Callable
from pathlib import Path

import torch

from experiments.catalogue import RESULTS
from experiments.running.command_line import at_least_1


def parser_of(name: str, says: str | None, seeds: int, of: str) -> argparse.ArgumentParser:
    """Takes --seeds, so many ``of`` something unless given, and --results."""
    parser = argparse.ArgumentParser(prog=f"python -m experiments.{name}", description=says)
    parser.add_argument("--seeds", type=at_least_1, default=seeds, help=f"{of} (default: %(default)s)")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where the results go (default: %(default)s)")
    return parser


def make(arguments: argparse.Namespace, write: Callable[[Path, int | None], None], *files: str) -> None:
    """Write the tables, and say where they are. One thread: the same numbers on any machine."""
    torch.set_num_threads(1)
    write(arguments.results, arguments.seeds)
    print(f"Written: {', '.join(str(arguments.results / file) for file in files)}", flush=True)
