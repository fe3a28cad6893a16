"""The seconds that all ∂E/∂w of one network take, by the ways whose multiplications ``studies.chain_rule`` counts."""

import statistics
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial

if __name__ == "__main__":
    sys.exit("experiments.speed.chain_rule: run it by python -m experiments.speed chain_rule")

import torch
from rich.progress import track

from experiments.files import number
from experiments.studies.chain_rule import INITIAL_RANGE, about, architecture, cases, sizes
from repro.chain_rule import WAYS
from repro.population import initial_weights

REPEATS, LEAST_SECONDS = 5, 0.1
"""Each way is timed so many times, and again until so much time has gone by; the median counts."""


def rows() -> Iterator[dict[str, object]]:
    """The seconds that each way takes for one network: a row a network size and way."""
    for family, layers, width in track(sizes(), "seconds"):
        plan, (inputs, d) = architecture(layers, width), cases(width)
        weights = initial_weights(plan, [0], INITIAL_RANGE, torch.float64)
        for name, way in WAYS.items():
            took = seconds(partial(way, plan, weights, inputs, d))
            yield {**about(family, layers, width, name), "seconds": number(took)}


def seconds(work: Callable[[], object]) -> float:
    """The median time that some work takes."""
    times: list[float] = []
    while len(times) < REPEATS or sum(times) < LEAST_SECONDS:
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    return statistics.median(times)
