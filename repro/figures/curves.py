"""Learning curves of a population, and how long its replicas took."""

from collections.abc import Sequence
from textwrap import fill

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

OURS, PAPER = "#0060a8", "#c04000"
TITLE_WIDTH = 75
"""Characters in a line of a title."""


def learning_curves(
    sweeps: Sequence[int],
    E: Sequence[Sequence[float]],
    met: Sequence[float],
    title: str,
    paper_sweeps: int | None = None,
    paper: str = "",
) -> Figure:
    """E (median, and the band between the quartiles) and the part of the population that has learned, by sweep.

    E: for each sweep its lower quartile, median and upper quartile over the replicas. met: parts from 0 to 1.
    """
    figure = Figure(figsize=(6, 5), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    lower, median, upper = np.asarray(E, dtype=float).T
    above.fill_between(sweeps, lower, upper, color=OURS, alpha=0.25, linewidth=0, label="quartiles")
    above.plot(sweeps, median, color=OURS, label="median")
    above.set_yscale("symlog", linthresh=0.01)  # a plateau and the last per cent of E; E may be 0
    above.set(ylabel="E", ylim=(0, None))
    above.set_title(fill(title, TITLE_WIDTH), fontsize=10)
    below.plot(sweeps, met, color=OURS, label="learned")
    below.set(xlabel="sweeps through the cases", ylabel="part that has learned", ylim=(0, 1.02))
    if paper_sweeps is not None:
        for axes in (above, below):
            axes.axvline(paper_sweeps, color=PAPER, linestyle="--", label=f"{paper}: {paper_sweeps:,} sweeps")
    for axes in (above, below):
        axes.margins(x=0)
        axes.legend(fontsize=8, frameon=False)
    return figure


def sweeps_distribution(
    sweeps: ArrayLike, replicas: int, limit: int, title: str, paper_sweeps: int | None = None, paper: str = ""
) -> Figure:
    """How many sweeps the replicas that learned took; the others are counted in the label, not drawn.

    sweeps: one number for each replica that learned, of ``replicas`` in all, given at most ``limit``.
    """
    figure = Figure(figsize=(6, 3), layout="constrained")
    axes = figure.subplots()
    took = np.asarray(sweeps)  # of a list matplotlib makes an array for each number
    left = replicas - len(took)
    label = f"{len(took):,} of {replicas:,} learned\n{left:,} not by {limit:,} sweeps"
    end = max(1, limit)  # a run may be interrupted before its first sweep
    axes.hist(took, bins=np.linspace(0, end, 61).tolist(), color=OURS, label=label)
    if paper_sweeps is not None:
        axes.axvline(paper_sweeps, color=PAPER, linestyle="--", label=f"{paper}: {paper_sweeps:,} sweeps")
    axes.set(xlabel="sweeps until learned", ylabel="networks", xlim=(0, end))
    axes.set_title(fill(title, TITLE_WIDTH), fontsize=10)
    axes.legend(fontsize=8, frameon=False)
    return figure
