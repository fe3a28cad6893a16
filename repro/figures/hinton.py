"""Hinton diagrams (N Fig. 4): area is the size of a weight, white excitatory, black inhibitory."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

CELL = 0.35
"""Inches: the side of the cell of a weight in ``hinton_figure``."""

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
    """One diagram a link, one below the other, all to the same scale; ``weights`` by link key, ``[to, from]`` each."""
    keys = list(order or weights)
    height = sum(weights[key].shape[0] + 1.2 for key in keys)
    width = max(5 / CELL, 1 + max(weights[key].shape[1] for key in keys))
    figure = Figure(figsize=(CELL * width, CELL * (height + 2)))
    axes = figure.add_axes((0, 0, 1, height / (height + 2)))
    axes.set(xlim=(-0.5, width - 0.5), ylim=(height, 0))
    axes.axis("off")
    largest, top = max(float(w.detach().abs().max()) for w in weights.values()), 0.0
    for key in keys:
        axes.text(0, top + 0.7, key, fontsize=8)
        hinton(axes, weights[key], largest, 0, top + 1)
        top += weights[key].shape[0] + 1.2
    figure.suptitle(f"{title}\nwhite +, black -; the largest is {largest:.2f}", fontsize=9, y=1 - 0.3 / (height + 2))
    return figure
