"""Hinton diagrams (N Fig. 4): area is the size of a weight, white excitatory, black inhibitory."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor


def hinton(axes: Axes, weights: Tensor, largest: float, title: str = "") -> None:
    """Draw ``weights [to, from]``, one row a receiving unit; a weight of size ``largest`` fills its cell."""
    values = weights.detach().double().cpu().numpy()
    side = np.sqrt(np.clip(np.abs(values) / max(largest, 1e-12), 0, 1)) * 0.9
    for sign, colour in ((1, "white"), (-1, "black")):
        squares = [
            Rectangle((column - s / 2, row - s / 2), s, s)
            for (row, column), s in np.ndenumerate(side)
            if np.sign(values[row, column]) == sign
        ]
        axes.add_collection(PatchCollection(squares, facecolor=colour, edgecolor="none"))
    axes.set(xlim=(-0.5, values.shape[1] - 0.5), ylim=(values.shape[0] - 0.5, -0.5), aspect="equal", facecolor="0.6")
    axes.set(xticks=[], yticks=[])
    axes.set_title(title, fontsize=8, loc="left")


def hinton_figure(weights: Mapping[str, Tensor], title: str, order: Sequence[str] | None = None) -> Figure:
    """One diagram a link, all to the same scale; ``weights`` by link key, ``[to, from]`` each."""
    keys = list(order or weights)
    rows = [weights[key].shape[0] for key in keys]
    figure = Figure(figsize=(5, 0.9 + sum(0.35 * r + 0.35 for r in rows)), layout="constrained")
    largest = max(float(w.detach().abs().max()) for w in weights.values())
    axes = figure.subplots(len(keys), 1, height_ratios=rows, squeeze=False)[:, 0]
    for axis, key in zip(axes, keys, strict=True):
        hinton(axis, weights[key], largest, key)
    figure.suptitle(f"{title}\nwhite +, black -; the largest is {largest:.2f}", fontsize=9)
    return figure
