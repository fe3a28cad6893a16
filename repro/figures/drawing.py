"""A figure becomes a file or pixels: by settings of our own, whatever matplotlibrc, style or backend its user has."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

DPI = 130
"""Pixels of a file, to an inch."""


@contextmanager
def own_settings(others: Mapping[str, Any] | None = None) -> Iterator[None]:
    """Matplotlib's own defaults, for what is made and drawn within. others: settings that differ from them."""
    settings: Any = {name: value for name, value in matplotlib.rcParamsDefault.items() if name != "backend"}
    with matplotlib.rc_context(settings | dict(others or {})):
        yield


def save(figure: Figure, path: Path) -> None:
    """A figure as a PNG file: that of ``Figure.savefig``, which lays it out in a drawing of its own before."""
    figure.set_dpi(DPI)
    FigureCanvasAgg(figure).print_png(path)


def pixels(figure: Figure) -> NDArray[np.uint8]:
    """A figure as ``[rows, columns, 3]``: what ``SummaryWriter.add_figure`` makes of it, by way of all of pyplot."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3]
