"""A panel: some curves over one axis, small enough to stand beside others on a page."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle

from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter, NullLocator

COLOURS = ("#0060a8", "#b34700", "#00734c", "#8a3a8a", "#0b7285", "#6b6b00", "#5a5a5a", "#a01040")
"""Of the curves, in their order. A page may put others in their place; markers and dashes tell them apart as well."""

INK, MARK = "#010203", "#c04001"
"""Of axes and words, and of the paper's number."""

MARKERS, DASHES = "osD^vPX*", ("-", "--", "-.", ":")
SIZE = (4.2, 3.3)
"""Inches: at 72 points to the inch the words are readable on a phone's whole width."""

MOST_TICKS = 9
"""Up to so many values of x each has a tick of its own, where the axis is logarithmic."""


@dataclass(frozen=True)
class Curve:
    """y over x, ``[points]`` each. low, high: the ends of an interval about each y, where there is one."""

    label: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()


@dataclass(frozen=True)
class Panel:
    """What is drawn. steps: curves are step functions with bands; else points with bars. mark: an x, with its label."""

    title: str
    x_label: str
    y_label: str
    curves: Sequence[Curve]
    steps: bool = False
    log_x: bool = False
    log_y: bool = False
    y_limits: tuple[float, float] | None = None
    mark: tuple[float, str] | None = None
    printed: Sequence[Curve] = ()  # the paper's own


def panel(of: Panel) -> Figure:
    """The figure of a panel."""
    figure = Figure(figsize=SIZE, layout="constrained")
    axes = figure.subplots()
    for curve, colour, marker, dash in zip(of.curves, cycle(COLOURS), cycle(MARKERS), cycle(DASHES), strict=False):
        if of.steps:
            axes.step(curve.x, curve.y, dash, where="post", color=colour, label=curve.label, linewidth=1.6)
            if curve.low:
                axes.fill_between(curve.x, curve.low, curve.high, step="post", color=colour, alpha=0.22, linewidth=0)
        else:
            axes.plot(
                curve.x, curve.y, dash, marker=marker, color=colour, label=curve.label, linewidth=1.3, markersize=4.5
            )
            if curve.low:
                axes.vlines(curve.x, curve.low, curve.high, color=colour, linewidth=1.1)
    for curve in of.printed:
        axes.plot(curve.x, curve.y, "x:", color=INK, label=curve.label, linewidth=1.4, markersize=6)
    if of.mark is not None:
        axes.axvline(of.mark[0], color=MARK, linestyle=(0, (1, 1.5)), linewidth=1.6, label=of.mark[1])
    axes.set_title(of.title, fontsize=10, color=INK)
    axes.set_xlabel(of.x_label, fontsize=9, color=INK)
    axes.set_ylabel(of.y_label, fontsize=9, color=INK)
    for axis, logarithmic in ((axes.xaxis, of.log_x), (axes.yaxis, of.log_y)):
        if logarithmic:
            axis.axes.set(**{f"{axis.axis_name}scale": "log"})
            low, high = axis.get_view_interval()
            axis.set_major_locator(LogLocator(subs=(1.0,) if high > 1e3 * low else (1.0, 2.0, 5.0)))
            axis.set_minor_formatter(NullFormatter())
        axis.set_major_formatter(FuncFormatter(number))
    settings = sorted({x for curve in of.curves for x in curve.x})
    if of.log_x and len(settings) <= MOST_TICKS:
        axes.xaxis.set_major_locator(FixedLocator(settings))
        axes.xaxis.set_minor_locator(NullLocator())
    axes.set(ylim=of.y_limits)
    axes.tick_params(colors=INK, which="both", labelsize=8.5)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(INK)
    figure.legend(loc="outside lower center", ncols=1 if of.mark else 2, fontsize=8.5, frameon=False, labelcolor=INK)
    return figure


def number(value: float, place: object = None) -> str:
    """The words at a tick: separators, and no power of ten."""
    return f"{value:,.0f}" if abs(value) >= 1 and value == round(value) else f"{value:g}"
