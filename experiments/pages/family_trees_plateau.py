"""Section 3 of results/family_trees.md: the growth away from the plateau, and what is left of a learned state."""

from pathlib import Path

import pandas as pd

from experiments.catalogue import GROWTH, KEPT
from experiments.claims.family_trees import learned, middle, readings
from experiments.claims.results import table
from experiments.options.load import load
from experiments.pages.markdown import markdown
from experiments.statistics import quartiles, share
from experiments.tables import share_brief
from repro.figures.drawing import DPI, own_settings
from repro.figures.mechanism import mechanism_figure

FIGURE = "figures/family_trees_mechanism.png"
"""In results/."""


def growth_tables(results: Path) -> str:
    """Growth per sweep over the decay, by reading and range, and how many networks then left the plateau."""
    rows, decay = table(results / GROWTH), load("family_trees").learning.decay
    ranges, names = sorted(rows["initial_range"].unique()), rows["reading"].unique()

    def cell(reading: str, size: float, sweeps: int) -> str:
        low, mid, high = quartiles(measured(rows, reading, size, sweeps)["growth"] / decay)
        return f"{short(mid)} ({short(low)} to {short(high)})"

    def left(reading: str, size: float) -> str:
        own = measured(rows, reading, size, 0)
        return f"{(own['train_right'] != 0).sum()} of {len(own)}"

    header = ["growth / decay", *(f"±{size:g}" for size in ranges)]
    start = [[f"`{reading}`", *(cell(reading, size, 0) for size in ranges)] for reading in names]
    gone = [[f"`{reading}`, left", *(left(reading, size) for size in ranges)] for reading in names]
    first = markdown(
        [header[0] + ", at the start", *header[1:]], [row for pair in zip(start, gone, strict=True) for row in pair]
    )
    after = sorted(rows.loc[rows["reading"] == "literal", "sweeps"].unique())
    later = [[f"after {sweeps} sweeps", *(cell("literal", size, sweeps) for size in ranges)] for sweeps in after]
    second = markdown([header[0] + ", `literal`", *header[1:]], later)
    printed = load("family_trees").network.initial_range
    ratio = middle(measured(rows, "literal", printed, 0), "growth") / decay
    words = (
        f"With the printed range the growth is {ratio:.2g} {'of' if ratio < 1 else 'times'} the decay. A ratio above 1 "
        "is needed, and is not enough. "
        f"It is slow: at a ratio of 2 the direction takes {1 / decay:,.0f} sweeps to grow by a factor of e. And decay "
        "shrinks all weights meanwhile, and the growth with them, as the second table shows."
    )
    return f"{first}\n\n{words}\n\n{second}"


def short(value: float) -> str:
    """Two figures, and no exponent."""
    return f"{value:.2g}" if value < 99.5 else f"{value:.0f}"


def measured(rows: pd.DataFrame, reading: str, size: float, sweeps: int) -> pd.DataFrame:
    """The rows of one measurement of growth."""
    wanted = (rows["reading"] == reading) & (rows["initial_range"] == size) & (rows["sweeps"] == sweeps)
    found: pd.DataFrame = rows[wanted]
    return found


def steps_of(results: Path) -> dict[float, pd.DataFrame]:
    """The networks after each step of epsilon, by its multiple of the printed one, from the largest down."""
    by_factor = {float(str(factor)): step for factor, step in table(results / KEPT).groupby("factor")}
    return dict(sorted(by_factor.items(), reverse=True))


def kept_table(results: Path) -> str:
    """What is left of the learned state as epsilon comes down to the printed one."""
    steps, learning = steps_of(results), load("family_trees").learning
    lines = []
    for factor, own in steps.items():
        lines.append(
            [
                f"{factor:g} x {learning.epsilon:g}",
                str(own["sweeps"].iloc[0]),
                share_brief(share(learned(own))),
                f"{middle(own, 'train_right'):.0f}",
                f"{middle(own, 'E_H'):.2f}",
                f"{penalty_of(own, factor):.2f}",
                f"{len(own):,}",
            ]
        )
    header = ["epsilon", "sweeps", "all 100 right", "right of 100, median", "E, median", "decay's penalty, median", "n"]
    factor, last = min(steps.items())
    E, penalty = middle(last, "E_H"), penalty_of(last, factor)
    plateau = middle(readings(results)["literal", "with_decay"], "E_H")
    words = (
        f"Brought down to the printed epsilon, {learned(last).sum()} of {len(last):,} networks have all 100 right, and "
        f"half of them no more than {middle(last, 'train_right'):.0f}. E and penalty there come to {E + penalty:.1f} "
        f"together, against {plateau:.1f} on the plateau: what the printed settings hold is part of what was learned, "
        "and small weights do not get there."
    )
    return f"{markdown(header, lines)}\n\n{words}"


def penalty_of(networks: pd.DataFrame, factor: float) -> float:
    """The decay's penalty ½ decay (1 - α) / ε Σw², the median over networks; factor: of the printed ε."""
    learning = load("family_trees").learning
    weight = learning.decay * (1 - learning.alpha) / (factor * learning.epsilon) / 2
    return weight * middle(networks, "sum_of_squares")


def draw(results: Path) -> Path:
    """The figure of both, from the tables in ``results``. Raises FileNotFoundError without them."""
    rows, steps, printed = table(results / GROWTH), steps_of(results), load("family_trees")
    ranges = sorted(rows["initial_range"].unique())
    rates = {
        str(reading).replace("_", " "): [middle(measured(rows, reading, size, 0), "growth") for size in ranges]
        for reading in rows["reading"].unique()
    }
    path = results / FIGURE
    path.parent.mkdir(parents=True, exist_ok=True)
    with own_settings():
        figure = mechanism_figure(
            ranges,
            rates,
            printed.learning.decay,
            printed.network.initial_range,
            [*steps],
            [share(learned(step)).value for step in steps.values()],
            [middle(step, "train_right") for step in steps.values()],
        )
        figure.savefig(path, dpi=DPI)
    return path
