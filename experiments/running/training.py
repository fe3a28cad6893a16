"""What stands around a training: cores, compiler, interrupts."""

import itertools
import sys
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

import torch

from experiments.options import machine
from experiments.options.schema import Config
from experiments.running import interrupts
from repro.machine_code import build

SNAPSHOTS = 100
"""About how many points a curve has, unless ``record.every`` says otherwise."""

T = TypeVar("T")


def every_of(config: Config) -> int:
    """The sweeps between two snapshots."""
    return config.record.every or max(1, config.learning.sweeps // SNAPSHOTS)


def threads_of(config: Config) -> int:
    """The cores to use."""
    return config.threads or (machine.cores() if config.device == "cpu" else 1)


def prepare(config: Config) -> None:
    """Set torch as the training has it: one thread an operation, no TF32, the same numbers each time on a GPU."""
    torch.set_num_threads(1)  # the workers share the cores out, by replicas
    torch.set_float32_matmul_precision("highest")
    if config.device != "cpu":
        torch.use_deterministic_algorithms(True, warn_only=True)


def can_compile(config: Config, wanted: bool) -> bool:
    """Whether to compile where that is wanted; a line where this machine cannot."""
    lacking = build.compiler_lacking() if wanted else None
    if lacking:
        print(f"compile={str(config.compile or 'null').lower()}: {lacking}; goes on uncompiled, many times slower.")
    return wanted and not lacking


def started(
    training: Callable[[bool], Iterator[T]], compile: bool, quiet: bool, caught: list[int]
) -> tuple[Iterator[T], bool]:
    """A training once it has made its first snapshot, and whether it is compiled: it is not where the compiler fails.

    caught: what ``interrupts.noting`` gives. A program that is interrupted in the meantime ends at once.
    """
    begun, snapshots = time.monotonic(), training(compile)
    if compile and not quiet:
        print("Compiling, which takes 1 to 10 seconds, once.", flush=True)
    try:
        with interrupts.at_once():
            first = next(snapshots)
    except (RuntimeError, OSError) as problem:
        if caught:  # Ctrl-C in a terminal ends the C++ compiler too
            print("Interrupted before the first sweep: there is nothing to keep.")
            sys.exit(128 + caught[0])
        if not compile:
            raise
        print(f"compile: {str(problem).splitlines()[0]}; goes on uncompiled, many times slower.")
        compile, snapshots = False, training(False)
        with interrupts.at_once():
            first = next(snapshots)
    if compile and not quiet:
        print(f"Compiled in {time.monotonic() - begun:.1f} s.")
    return itertools.chain([first], snapshots), compile
