"""N Fig. 1: the symmetry network, weights on the arcs and biases in the units, in the paper's arrangement."""

from collections.abc import Iterator, Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from torch import Tensor

from repro.figures import hinton
from repro.networks import ALWAYS_ON, link_name
from repro.trained import Trained

LEFT, MIDDLE, RIGHT = 0.0, 3.0, 6.0
OUTPUT_HEIGHT, TOP_INPUT, HIDDEN_HEIGHT, GAP = 9.0, 7.0, 3.5, 1.3
BACK = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}


def figure_1(networks: Mapping[str, Mapping[str, Tensor]]) -> Figure:
    """The networks side by side, by title. Weights by link key, ``[to, from]`` each, of a 6-2-1 network.

    The hidden unit whose weight from the first input is larger stands on the left, as in the paper.
    """
    figure = Figure(figsize=(4.2 * len(networks), 5))
    figure.subplots_adjust(left=0, right=1, bottom=0, top=0.95, wspace=0)
    for axes, (title, weights) in zip(
        figure.subplots(1, len(networks), squeeze=False)[0], networks.items(), strict=True
    ):
        _draw(axes, weights)
        axes.set_title(title, fontsize=10)
    return figure


def _draw(axes: Axes, weights: Mapping[str, Tensor]) -> None:
    from_input, to_output = weights[link_name("input", "hidden")], weights[link_name("hidden", "output")]
    left = int(from_input[:, 0].argmax())
    _unit(axes, MIDDLE, OUTPUT_HEIGHT, float(weights[link_name(ALWAYS_ON, "output")][0, 0]))
    axes.text(MIDDLE, OUTPUT_HEIGHT + 0.75, "Output unit", ha="center", fontsize=8, bbox=BACK)
    axes.text(MIDDLE, TOP_INPUT - 5 * GAP - 0.95, "Input units", ha="center", fontsize=8, bbox=BACK)
    middle = TOP_INPUT - 2.5 * GAP
    axes.plot([MIDDLE - 1, MIDDLE + 1], [middle, middle], "--", color="0.4", linewidth=1)
    inputs = from_input.shape[1]
    for unit, x, side in ((left, LEFT, 1), (1 - left, RIGHT, -1)):
        outside = x - side * 0.9
        axes.plot(
            [x, outside, outside, MIDDLE - side * 0.5],
            [HIDDEN_HEIGHT] + [HIDDEN_HEIGHT] + [OUTPUT_HEIGHT] * 2,
            color="0.3",
            linewidth=1,
        )
        axes.annotate(
            "",
            (MIDDLE - side * 0.45, OUTPUT_HEIGHT),
            (MIDDLE - side * 0.9, OUTPUT_HEIGHT),
            arrowprops={"arrowstyle": "->"},
        )
        axes.text(
            (x + MIDDLE) / 2,
            OUTPUT_HEIGHT + 0.2,
            f"{float(to_output[0, unit]):.1f}",
            ha="center",
            fontsize=8,
            bbox=BACK,
        )
        for i in range(inputs):
            height = TOP_INPUT - i * GAP
            axes.annotate(
                "",
                (x + side * 0.32, HIDDEN_HEIGHT + 0.25 * (2.5 - i) / 2.5),
                (MIDDLE - side * 0.45, height),
                arrowprops={"arrowstyle": "->", "color": "0.3", "linewidth": 0.8},
            )
            axes.text(
                MIDDLE - side * 1.05,
                height + 0.13,
                f"{float(from_input[unit, i]):.1f}",
                ha="center",
                fontsize=8,
                bbox=BACK,
            )
        _unit(axes, x, HIDDEN_HEIGHT, float(weights[link_name(ALWAYS_ON, "hidden")][unit, 0]))
        axes.text(x, HIDDEN_HEIGHT - 0.95, "hidden unit", ha="center", fontsize=8, bbox=BACK)
    for i in range(inputs):
        _unit(axes, MIDDLE, TOP_INPUT - i * GAP, None)
    axes.set(xlim=(-1.6, 7.6), ylim=(TOP_INPUT - 5 * GAP - 1.3, OUTPUT_HEIGHT + 1.3), aspect="equal")
    axes.axis("off")


def _unit(axes: Axes, x: float, y: float, bias: float | None) -> None:
    axes.add_patch(Circle((x, y), 0.42, facecolor="white", edgecolor="black", zorder=3))
    if bias is not None:
        axes.text(x, y, f"{bias:.1f}", ha="center", va="center", fontsize=8, zorder=4)


def figures(trained: Trained, label: str) -> Iterator[tuple[str, Figure]]:
    """Fig. 1 of one network, the first of ``trained``, by the name of its file; of another network all the weights."""
    if trained.setup.printed is None:
        yield from hinton.figures(trained, label)
    else:
        yield "figure_1", figure_1({label: trained.population.replica(0)})


def last_figures(trained: Trained, label: str) -> Iterator[tuple[str, Figure]]:
    """The same beside the printed network, and all the weights."""
    printed = trained.setup.printed
    if printed is not None:
        theirs = {key: w[..., 0] for key, w in printed.replica().items()}
        ours = trained.population.replica(0)
        yield "figure_1", figure_1({f"{printed.source}: {printed.sweeps:,} sweeps": theirs, f"Here: {label}": ours})
    yield from hinton.figures(trained, label)
