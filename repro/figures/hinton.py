"""Hinton diagrams (N Fig. 4): area is the size of a weight, white excitatory, black inhibitory."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from repro.trained import Trained

CELL = 0.35
"""Inches: the side of the cell of a weight in ``hinton_figure``."""

LETTER = 0.2
"""Cells: the width of a letter of a link's name, roughly."""

CORNERS = np.array([[-0.5, -0.5], [-0.5, 0.5], [0.5, 0.5], [0.5, -0.5]])


def hinton(axes: Axes, weights: Tensor, largest: float, left: float = 0, top: float = 0) -> None:
    """Draw ``weights [to, from]`` on grey, one row a receiving unit, downwards from (left, top), each in a cell of 1.

    A weight of size ``largest`` fills its cell, but for a margin. The axes' y must run downwards.
    """
    values = weights.detach().double().cpu().numpy()
    rows, columns = values.shape
    axes.add_patch(Rectangle((left, top), columns, rows, facecolor="0.6"))
    side = np.sqrt(np.clip(np.abs(values) / max(largest, 1e-12), 0, 1)) * 0.9
    for colour, chosen in (("white", values > 0), ("black", values < 0)):
        row, column = np.nonzero(chosen)
        middle = np.stack([left + column + 0.5, top + row + 0.5], axis=1)
        axes.add_collection(
            PolyCollection(middle[:, None] + side[chosen][:, None, None] * CORNERS, facecolor=colour, edgecolor="none"),
            autolim=False,
        )


def hinton_figure(weights: Mapping[str, Tensor], title: str, order: Sequence[str] | None = None) -> Figure:
    """One diagram a link, all to the same scale; those into one group stand side by side, a unit of it to a row.

    weights by link key, ``[to, from]`` each.
    """
    into: dict[str, list[str]] = {}
    for key in order or weights:
        into.setdefault(key.partition("->")[2] or key, []).append(key)
    places, width, top = {}, 5 / CELL - 1, 0.0
    for keys in into.values():
        left = 0.0
        for key in keys:
            places[key] = (left, top)
            left += max(weights[key].shape[1], LETTER * len(key)) + 0.8
        width, top = max(width, left), top + max(weights[key].shape[0] for key in keys) + 1.2
    figure = Figure(figsize=(CELL * (width + 1), CELL * (top + 2)))
    axes = figure.add_axes((0, 0, 1, top / (top + 2)))
    axes.set(xlim=(-0.5, width + 0.5), ylim=(top, 0))
    axes.axis("off")
    largest = max(float(w.detach().abs().max()) for w in weights.values())
    for key, (left, above) in places.items():
        axes.text(left, above + 0.7, key, fontsize=8)
        hinton(axes, weights[key], largest, left, above + 1)
    figure.suptitle(f"{title}\nwhite +, black -; the largest is {largest:.2f}", fontsize=9, y=1 - 0.3 / (top + 2))
    return figure


def figures(trained: Trained, label: str) -> Iterator[tuple[str, Figure]]:
    """All the weights of one network, the first of ``trained``, by the name of the figure's file."""
    yield "weights", hinton_figure(trained.population.replica(0), label)
