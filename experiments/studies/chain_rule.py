"""What all ∂E/∂w of one network cost, backward, forward and by differences.

Multiplications are counted as torch carries them out (``repro.chain_rule.Products``), in networks of growing width with
one layer of hidden units, and of growing depth. The seconds that the same work takes, which are not the same each time,
are measured by ``experiments.speed``.
"""

import itertools
import sys
from collections.abc import Iterator
from pathlib import Path

if __name__ == "__main__":
    sys.exit("experiments.studies.chain_rule: run it by python -m experiments.reproduce chain_rule")

import torch
from rich.progress import track
from torch import Tensor

from experiments.files import number
from experiments.tables import write_rows
from repro.chain_rule import WAYS, Products, farthest
from repro.networks import Architecture
from repro.population import initial_weights

FILE = "chain_rule.csv"

WIDTHS = (2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
"""Units in each of the three layers of a wide network."""

DEPTHS, DEEP_WIDTH = tuple(range(1, 21)), 6
"""Layers of links in a deep network, and units in each of its layers of units. With 1 there are no hidden ones."""

CASES, DRAWN_FROM = 4, 1986
"""The cases of every network, and the seed of their inputs and desired outputs, uniform in 0 to 1."""

INITIAL_RANGE = 0.3
"""Weights are uniform in minus this to this, as N Fig. 1 has them."""


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


def rows(seeds: range) -> Iterator[dict[str, object]]:
    """The multiplications, and how far from the backward pass the derivatives are: a row a network size and way."""
    for family, layers, width in track(sizes(), "multiplications"):
        plan, (inputs, d) = architecture(layers, width), cases(width)
        drawn = [initial_weights(plan, [seed], INITIAL_RANGE, torch.float64) for seed in seeds]
        expected = [WAYS["backward"](plan, weights, inputs, d) for weights in drawn]
        for name, way in WAYS.items():
            off = 0.0
            with Products() as products:
                found = [way(plan, weights, inputs, d) for weights in drawn]
            for one, dE_dw in zip(found, expected, strict=True):
                off = max(off, farthest(one, dE_dw))
            yield {
                **about(family, layers, width, name),
                "multiply_adds": products.count // len(seeds),
                "off": number(off),
            }


def about(family: str, layers: int, width: int, way: str) -> dict[str, object]:
    """Which network and way: the first columns, here and where seconds are measured."""
    weights = architecture(layers, width).weight_count
    return {"family": family, "layers": layers, "width": width, "weights": weights, "way": way}


def write(results: Path, seeds: range) -> None:
    """Count, and write the table.

    seeds: of the networks of each size. What they cost is the same; of how far the ways are apart, the largest counts.
    """
    write_rows(results / FILE, rows(seeds))
