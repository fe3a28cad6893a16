"""Section 3 of results/family_trees.md: the growth away from the plateau, and what is left of a learned state."""

from pathlib import Path

from experiments.catalogue import GROWTH, KEPT
from experiments.claims.family_trees import Row, learned, middle, of_reading, share
from experiments.options.load import load
from experiments.statistics import median, quartiles
from experiments.studies.family_trees_plateau import FACTORS, RANGES, READINGS, SWEEPS
from experiments.tables import markdown, read_rows

Rows = list[Row]


def growth_tables(results: Path) -> str:
    """Growth per sweep over the decay, by reading and range, and how many networks then left the plateau."""
    rows, decay = read_rows(results / GROWTH), load("family_trees").learning.decay

    def cell(reading: str, size: float, sweeps: int) -> str:
        own = measured(rows, reading, size, sweeps)
        low, mid, high = quartiles([float(r["growth"]) / decay for r in own])
        return f"{short(mid)} ({short(low)} to {short(high)})"

    def left(reading: str, size: float) -> str:
        own = measured(rows, reading, size, 0)
        return f"{sum(r['train_right'] != '0' for r in own)} of {len(own)}"

    header = ["growth / decay", *(f"±{size:g}" for size in RANGES)]
    start = [[f"`{reading}`", *(cell(reading, size, 0) for size in RANGES)] for reading in READINGS]
    gone = [[f"`{reading}`, left", *(left(reading, size) for size in RANGES)] for reading in READINGS]
    first = markdown(
        [header[0] + ", at the start", *header[1:]], [row for pair in zip(start, gone, strict=True) for row in pair]
    )
    later = [[f"after {sweeps} sweeps", *(cell("literal", size, sweeps) for size in RANGES)] for sweeps in SWEEPS]
    second = markdown([header[0] + ", `literal`", *header[1:]], later)
    printed = load("family_trees").network.initial_range
    ratio = median([float(r["growth"]) / decay for r in measured(rows, "literal", printed, 0)])
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


def measured(rows: Rows, reading: str, size: float, sweeps: int) -> Rows:
    """The rows of one measurement of growth."""
    wanted = (reading, size, sweeps)
    return [r for r in rows if (r["reading"], float(r["initial_range"]), int(r["sweeps"])) == wanted]


def kept_table(results: Path) -> str:
    """What is left of the learned state as epsilon comes down to the printed one."""
    rows, learning = read_rows(results / KEPT), load("family_trees").learning
    table = []
    for factor in FACTORS:
        own = [row for row in rows if float(row["factor"]) == factor]
        penalty = penalty_of(own, factor)
        table.append(
            [
                f"{factor:g} x {learning.epsilon:g}",
                own[0]["sweeps"],
                share(own, learned).brief,
                f"{middle(own, 'train_right'):.0f}",
                f"{middle(own, 'E_H'):.2f}",
                f"{penalty:.2f}",
                f"{len(own):,}",
            ]
        )
    header = ["epsilon", "sweeps", "all 100 right", "right of 100, median", "E, median", "decay's penalty, median", "n"]
    last = [row for row in rows if float(row["factor"]) == FACTORS[-1]]
    part, E, penalty = share(last, learned), middle(last, "E_H"), penalty_of(last, FACTORS[-1])
    plateau = middle(of_reading(results, "literal", "with_decay"), "E_H")
    words = (
        f"Brought down to the printed epsilon, {part.k} of {part.n:,} networks have all 100 right, and half of them no "
        f"more than {middle(last, 'train_right'):.0f}. E and penalty there come to {E + penalty:.1f} together, against "
        f"{plateau:.1f} on the plateau: what the printed settings hold is part of what was learned, and small weights "
        "do not get there."
    )
    return f"{markdown(header, table)}\n\n{words}"


def penalty_of(rows: Rows, factor: float) -> float:
    """The decay's penalty ½ decay (1 - α) / ε Σw², the median over networks; factor: of the printed ε."""
    learning = load("family_trees").learning
    weight = learning.decay * (1 - learning.alpha) / (factor * learning.epsilon) / 2
    return weight * middle(rows, "sum_of_squares")
