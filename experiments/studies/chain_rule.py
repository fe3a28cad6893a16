"""What all ∂E/∂w of one network cost, backward, forward and by differences.

Multiplications are counted as torch carries them out (``repro.chain_rule.Products``), in networks of growing width with
one layer of hidden units, and of growing depth. They go to results/chain_rule.csv, which is the same each time; the
seconds that the same work takes go to results/chain_rule_seconds.csv, which is not. Takes about two minutes.
"""

import itertools
import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import torch
from rich.progress import track
from torch import Tensor

from experiments.studies.script import make, parser_of
from experiments.tables import write_rows
from repro.chain_rule import WAYS, Products, farthest
from repro.networks import Architecture
from repro.population import initial_weights

FILE, SECONDS_FILE = "chain_rule.csv", "chain_rule_seconds.csv"
SEEDS = 1
"""Networks of each size. What they cost is the same; of how far the ways are apart, the largest counts."""

WIDTHS = (2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
"""Units in each of the three layers of a wide network."""

DEPTHS, DEEP_WIDTH = tuple(range(1, 21)), 6
"""Layers of links in a deep network, and units in each of its layers of units. With 1 there are no hidden ones."""

CASES, DRAWN_FROM = 4, 1986
"""The cases of every network, and the seed of their inputs and desired outputs, uniform in 0 to 1."""

INITIAL_RANGE = 0.3
"""Weights are uniform in minus this to this, as N Fig. 1 has them."""

REPEATS, LEAST_SECONDS = 5, 0.1
"""Each way is timed so many times, and again until so much time has gone by; the median counts."""


def architecture(layers: int, width: int) -> Architecture:
    """So many layers of links, from ``width`` units to ``width`` units each."""
    names = [f"layer{n}" for n in range(layers + 1)]
    return Architecture(dict.fromkeys(names, width), {above: [below] for below, above in itertools.pairwise(names)})


def cases(width: int) -> tuple[dict[str, Tensor], Tensor]:
    """Inputs ``[cases, units]`` by group, and desired outputs ``[cases, units, 1]``."""
    drawn = torch.rand(2, CASES, width, generator=torch.Generator().manual_seed(DRAWN_FROM), dtype=torch.float64)
    return {"layer0": drawn[0]}, drawn[1].unsqueeze(2)


def sizes() -> list[tuple[str, int, int]]:
    """(family, layers of links, width) of every network."""
    return [("wide", 2, width) for width in WIDTHS] + [("deep", depth, DEEP_WIDTH) for depth in DEPTHS]


def rows(seeds: int) -> Iterator[dict[str, object]]:
    """The multiplications, and how far from the backward pass the derivatives are: a row a network size and way."""
    for family, layers, width in track(sizes(), "multiplications"):
        plan, (inputs, d) = architecture(layers, width), cases(width)
        drawn = [initial_weights(plan, [seed], INITIAL_RANGE, torch.float64) for seed in range(seeds)]
        expected = [WAYS["backward"](plan, weights, inputs, d) for weights in drawn]
        for name, way in WAYS.items():
            off = 0.0
            with Products() as products:
                found = [way(plan, weights, inputs, d) for weights in drawn]
            for one, dE_dw in zip(found, expected, strict=True):
                off = max(off, farthest(one, dE_dw))
            yield {
                **about(family, layers, width, name),
                "multiply_adds": products.count // seeds,
                "off": f"{off:.6g}",
            }


def seconds_rows() -> Iterator[dict[str, object]]:
    """The seconds that each way takes for one network: a row a network size and way."""
    for family, layers, width in track(sizes(), "seconds"):
        plan, (inputs, d) = architecture(layers, width), cases(width)
        weights = initial_weights(plan, [0], INITIAL_RANGE, torch.float64)
        for name, way in WAYS.items():
            took = seconds(partial(way, plan, weights, inputs, d))
            yield {**about(family, layers, width, name), "seconds": f"{took:.6g}"}


def about(family: str, layers: int, width: int, way: str) -> dict[str, object]:
    """The columns that both tables have."""
    weights = architecture(layers, width).weight_count
    return {"family": family, "layers": layers, "width": width, "weights": weights, "way": way}


def seconds(work: Callable[[], object]) -> float:
    """The median time that some work takes."""
    times: list[float] = []
    while len(times) < REPEATS or sum(times) < LEAST_SECONDS:
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def write(results: Path, seeds: int | None = None) -> None:
    """Count, and write the table that is the same each time."""
    write_rows(results / FILE, rows(seeds or SEEDS))


def main() -> None:
    """Count, then time, and write both tables."""
    arguments = parser_of("chain_rule", __doc__, SEEDS, "networks of each size").parse_args()
    make(arguments, write, FILE)
    write_rows(arguments.results / SECONDS_FILE, seconds_rows())
    print(f"Written: {arguments.results / SECONDS_FILE}")


if __name__ == "__main__":
    main()
