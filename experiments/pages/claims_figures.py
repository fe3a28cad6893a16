"""The figures of the page of claims, as SVG that takes its colours from the page; one without its table is left out."""

import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import escape

from experiments import statistics
from experiments.claims.evidence import best_on_even_judged_on_odd, limit_of
from experiments.claims.results import table
from experiments.options.load import load
from repro.figures.drawing import own_settings
from repro.figures.panels import COLOURS, INK, MARK, Curve, Panel, number, panel

OFF_TIES = 0.0017
"""Points added to every length before it is rounded: many are whole quarters or eighths, and whether 0.125 becomes 0.12
or 0.13 would hang on the last bit, which two processors round differently."""

POINTS = 300
"""In how many points a curve over the sweeps is drawn."""

LEARNED = "learned, % of networks"

RULES = {
    "steepest": "(8), a change a sweep",
    "momentum": "(9), a change a sweep",
    "momentum_at_once": "(9) without a gentle opening",
    "per_case": "(8), after every case",
    "per_case_momentum": "(9), after every case",
}
LINKS = {"layered": "layered", "direct": "with direct links"}
WAYS = {"backward": "backward", "forward": "forward", "differences": "central differences"}

HIDDEN = (2, 4, 8, 16, 32)
PRINTED = {
    "xor_hidden_units": [Curve("P p.334: presentations", HIDDEN, [280 - 33 * np.log2(hidden) for hidden in HIDDEN])],
    "xor_learning_rate": [Curve("P p.334: presentations", (0.1, 0.75), (450.0, 68.0))],
}
"""What P reports of its own networks; it does not say whether of one pattern or of all four."""


TITLES = {"xor": "XOR 2-1-1", "xor_2_2_1": "XOR 2-2-1", "chain_rule": "Cost"}
FUNCTION_NAMES = {"symmetric": "tanh(x / 2)", "gaussian": "Gaussian"}


def titled(name: str) -> str:
    """What a table is called in the title of a panel."""
    stem = name
    for ending in ("_rules", "_connections", "_functions", "_depth", "_hidden_units", "_learning_rate"):
        stem = stem.removesuffix(ending)
    return TITLES.get(name) or {"xor": "XOR"}.get(stem) or stem.replace("_", " ").capitalize()


@dataclass(frozen=True)
class Drawing:
    """A figure of the page: panels as SVG, one caption. Every panel's words for those who cannot see it are in it."""

    caption: str
    panels: tuple[str, ...]


def drawings(claim: str, results: Path) -> list[Drawing]:
    """The figures of a claim, as far as their tables are there."""
    made = []
    for place, (caption, tables, draw) in enumerate(FIGURES.get(claim, ()), 1):
        there = [name for name in tables if (results / f"{name}.csv").exists()]
        panels = [drawn for name in there for drawn in draw(name, table(results / f"{name}.csv"))]
        if panels:
            ids = (f"{claim}-{place}-{n}" for n in range(len(panels)))
            made.append(Drawing(caption, tuple(map(svg, panels, ids))))
    return made


def survival(name: str, frame: pd.DataFrame) -> Iterator[Panel]:
    """How many networks have learned by a sweep: one less Kaplan & Meier's estimate, with its band of 95 % each."""
    config = load(name)
    limit, paper = config.learning.sweeps, config.paper.sweeps
    estimate = statistics.survival(frame["sweeps"], limit).cdf
    x = np.linspace(0, limit, POINTS + 1)
    low = high = None
    band = statistics.survival_band(estimate)
    if band is not None:
        low, high = (np.nan_to_num(100 * side.evaluate(x)).tolist() for side in (band.low, band.high))
    curve = Curve(f"{len(frame):,} networks", x.tolist(), (100 * estimate.evaluate(x)).tolist(), low or (), high or ())
    yield Panel(
        titled(name), "sweeps", LEARNED, [curve], steps=True, y_limits=(0, 101),
        mark=(paper, f"{config.paper.source}: {paper:,} sweeps") if paper else None,
    )  # fmt: skip


def by_rule(name: str, frame: pd.DataFrame) -> Iterator[Panel]:
    """Share learned, and sweeps, against epsilon: a curve a rule."""
    rules = [(label, frame[frame["rule"] == rule]) for rule, label in RULES.items()]
    yield against("epsilon", f"{titled(name)}: how many", LEARNED, rules, shares)
    yield against(
        "epsilon", f"{titled(name)}: how fast", "sweeps, mean", rules, means(name), True, PRINTED.get(name, ())
    )


def by_size(name: str, frame: pd.DataFrame) -> Iterator[Panel]:
    """Share learned against hidden units: at the epsilon of the paper's network, and at the best of each size."""
    printed = load(name).learning.epsilon
    fixed = frame[frame["epsilon"] == printed]
    best = best_of(name, frame, ["hidden", "links"], ["epsilon"])
    for words, rows in ((f"epsilon {printed:g}", fixed), ("each at its best epsilon", best)):
        by = [(label, rows[rows["links"] == links]) for links, label in LINKS.items()]
        yield against("hidden", f"{titled(name)}: {words}", LEARNED, by, shares)


def by_function(name: str, frame: pd.DataFrame) -> Iterator[Panel]:
    """Share learned against epsilon: a curve an output function."""
    functions = [
        (FUNCTION_NAMES.get(str(f), str(f)), frame[frame["hidden_function"] == f])
        for f in frame["hidden_function"].unique()
    ]
    yield against("epsilon", titled(name), LEARNED, functions, shares)


def by_depth(name: str, frame: pd.DataFrame) -> Iterator[Panel]:
    """Share learned against layers: a curve a range of first weights."""
    ranges = [
        (f"first weights in ±{r:g}", frame[frame["initial_range"] == r]) for r in sorted(set(frame["initial_range"]))
    ]
    yield against("layers", titled(name), LEARNED, ranges, shares)


def by_hidden_units(name: str, frame: pd.DataFrame) -> Iterator[Panel]:
    """Sweeps against hidden units: a curve a rule."""
    rules = [(label, frame[frame["rule"] == rule]) for rule, label in RULES.items()]
    yield against(
        "hidden", f"{titled(name)}: how fast", "sweeps, mean", rules, means(name), True, PRINTED.get(name, ())
    )
    yield against("hidden", f"{titled(name)}: how many", LEARNED, rules, shares)


def cost(name: str, frame: pd.DataFrame) -> Iterator[Panel]:
    """Multiplications against weights, both on logarithmic axes."""
    for family, words in (("wide", "wider and wider"), ("deep", "deeper and deeper")):
        of = [(label, frame[(frame.family == family) & (frame.way == way)]) for way, label in WAYS.items()]
        curves = [Curve(label, r.weights.tolist(), r.multiply_adds.tolist()) for label, r in of if len(r)]
        if curves:
            title, across, up = f"{titled(name)}: {words}", "weights", "multiplications"
            yield Panel(title, across, up, curves, log_x=True, log_y=True)


Summary = Callable[[pd.DataFrame], tuple[float, float, float]]


def against(
    column: str, title: str, y_label: str, groups: Sequence[tuple[str, pd.DataFrame]], summary: Summary,
    log_y: bool = False, printed: Sequence[Curve] = (),
) -> Panel:  # fmt: skip
    """A panel of a summary of the networks at each value of a column: a curve a group that has rows."""
    curves = []
    for label, rows in groups:
        values = sorted(set(rows[column]))
        if values:
            found = [summary(rows[rows[column] == value]) for value in values]
            y, low, high = (list(part) for part in zip(*found, strict=True))
            curves.append(Curve(label, values, y, low, high))
    words = {"hidden": "hidden units", "layers": "layers of hidden units"}.get(column, column)
    limits = None if log_y else (-3.0, 103.0)
    return Panel(title, words, y_label, curves, log_x=True, log_y=log_y, y_limits=limits, printed=printed)


def shares(rows: pd.DataFrame) -> tuple[float, float, float]:
    """Per cent learned, with Wilson's interval."""
    found = statistics.share(rows["solved"] == 1)
    return 100 * found.value, 100 * found.low, 100 * found.high


def means(name: str) -> Summary:
    """Sweeps on average over all networks, as ``statistics.restricted`` counts them, with 1.96 standard errors."""

    def summary(rows: pd.DataFrame) -> tuple[float, float, float]:
        took = statistics.restricted(rows["sweeps"], limit_of(name))
        half = 1.96 * float(took.std(ddof=1)) / len(took) ** 0.5 if len(took) > 1 else 0.0
        return float(took.mean()), float(took.mean()) - half, float(took.mean()) + half

    return summary


def best_of(name: str, frame: pd.DataFrame, each: list[str], by: list[str]) -> pd.DataFrame:
    """The rows at the best setting, chosen apart for each group: see ``best_on_even_judged_on_odd``."""
    limit = limit_of(name)
    groups = (rows for _, rows in frame.groupby(each))
    return pd.concat([best_on_even_judged_on_odd(rows, by, limit, "solved == 1")[0] for rows in groups])


CENSORED = "A network that has not learned counts with all the sweeps it was given."
BARS = "Bars: 95 % each."
PRESENTATION = "P does not say whether a presentation is of one pattern or of all four."
BAND = "One less Kaplan and Meier's estimate, with its band of 95 %."

FIGURES: dict[str, Sequence[tuple[str, Sequence[str], Callable[[str, pd.DataFrame], Iterator[Panel]]]]] = {
    "E2": [("Multiplications for all derivatives of one network, by the number of its weights.", ["chain_rule"], cost)],
    "S2b": [(f"Symmetry networks that have learned, by sweep. {BAND}", ["symmetry"], survival)],
    "X2": [(f"XOR networks with direct links that have learned, by sweep. {BAND}", ["xor"], survival)],
    "X3": [(f"XOR networks without direct links that have learned, by sweep. {BAND}", ["xor_2_2_1"], survival)],
    "Q1": [(f"Parity networks that have learned, by sweep. {BAND}", ["parity", "parity_per_case"], survival)],
    "C1": [(f"Encoders that have learned, by sweep. {BAND}", ["encoder"], survival)],
    "G1": [
        (
            f"How many networks learn by each rule, and in how many sweeps, by epsilon. {CENSORED} {BARS}",
            ["xor_rules", "symmetry_rules", "family_trees_rules"],
            by_rule,
        )
    ],
    "G3": [
        (
            f"How many networks learn, by the number of hidden units. {BARS} The best epsilon is chosen on the even "
            "seeds; the odd ones are shown.",
            ["xor_connections", "symmetry_connections"],
            by_size,
        )
    ],
    "G4": [
        (
            f"How many networks learn with each output function of the hidden units, by epsilon. {BARS}",
            ["xor_functions", "symmetry_functions"],
            by_function,
        )
    ],
    "G5b": [
        (
            f"How many networks learn, by the number of layers. {BARS}",
            ["symmetry_depth"],
            by_depth,
        )
    ],
    "X6": [
        (
            f"Sweeps until learned, by hidden units. {CENSORED} {BARS} {PRESENTATION}",
            ["xor_hidden_units"],
            by_hidden_units,
        )
    ],
    "X7": [(f"Sweeps until learned, by epsilon. {CENSORED} {BARS} {PRESENTATION}", ["xor_learning_rate"], by_rule)],
}
"""By claim: caption, tables, and what draws the panels of a table."""


def svg(of: Panel, name: str) -> str:
    """A panel as an SVG element: words as words, colours by the page's variables, ids of its own: see ``renamed``."""
    file = io.StringIO()
    plain: Any = {"svg.fonttype": "none", "font.family": "sans-serif"}
    with own_settings(plain):
        panel(of).savefig(file, format="svg", transparent=True, metadata={"Date": None})
    drawn = file.getvalue()
    drawn = drawn[drawn.index("<svg") :]
    drawn = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", drawn, flags=re.DOTALL)
    drawn = re.sub(r'<g id="[^"]*">', "<g>", drawn)
    drawn = re.sub(r"-?\d+\.\d{3,}", lambda found: rounded(float(found[0])), renamed(drawn, name))
    drawn = re.sub(r"(font: [^']*?px) [^;\"]*", r"\1 var(--sans)", drawn)
    for place, colour in enumerate(COLOURS):
        drawn = drawn.replace(colour, f"var(--curve{place})")
    drawn = drawn.replace(INK, "currentColor").replace(MARK, "var(--mark)")
    view = re.search(r'viewBox="[^"]*"', drawn)
    assert view is not None
    opening = f'<svg {view.group()} role="img" aria-label="{escape(words(of))}">'
    return opening + drawn[drawn.index(">") + 1 :].strip()


def rounded(length: float) -> str:
    """A length to a hundredth of a point, which is as fine as anyone can see."""
    return f"{length + OFF_TIES:.2f}"


def renamed(drawn: str, name: str) -> str:
    """The same SVG with each id, and what refers to it, called NAME-1, NAME-2, ..., in their order.

    matplotlib's own are hashes of where things lie, to the last bit: two processors round that differently.
    """
    new = {old: f"{name}-{place}" for place, old in enumerate(dict.fromkeys(re.findall(r' id="([^"]*)"', drawn)), 1)}
    return re.sub(r'( id="|url\(#|href="#)([^")]*)', lambda found: found[1] + new[found[2]], drawn)


def words(of: Panel) -> str:
    """What a panel shows, for those who do not see it: every curve from its first point to its last."""
    told = [
        f"{curve.label}: {y_text(curve, 0)} at {number(curve.x[0])}, {y_text(curve, -1)} at {number(curve.x[-1])}"
        for curve in (*of.curves, *of.printed)
    ]
    marked = [f"Marked: {of.mark[1]}"] if of.mark else []
    return ". ".join([f"{of.title}. {of.y_label}, by {of.x_label}", *told, *marked]) + "."


def y_text(curve: Curve, place: int) -> str:
    """y at one point, with three digits that count."""
    return number(float(f"{curve.y[place]:.3g}"))
