"""N Figs 2, 3 and 4 and a dendrogram of the person codes, drawn from the task and from trained weights."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Rectangle
from torch import Tensor

from repro.figures import hinton as hinton_figures
from repro.figures.hinton import hinton
from repro.measures.family_trees import feature_of, has_person_code, person_code, unit_accuracies
from repro.networks import Network, link_name
from repro.tasks.family_trees import ENGLISH, ITALIAN, PEOPLE, PLACES, RELATIONS, Couple
from repro.trained import Trained


def figure_2() -> Figure:
    """The two trees: "=" is married to, lines lead down to children."""
    figure = Figure(figsize=(7.5, 4.2), layout="constrained")
    for axes, couples in zip(figure.subplots(2, 1), (ENGLISH, ITALIAN), strict=True):
        _tree(axes, couples)
    figure.suptitle("The two family trees (N Fig. 2)", fontsize=10)
    return figure


def _tree(axes: Axes, couples: Sequence[Couple]) -> None:
    """Grandparents, their children with spouses, and the grandchildren, in the arrangement of the paper."""
    (g1, g2, first), (g3, g4, second), outer_left, middle, outer_right = couples
    assert first is not None
    assert second is not None
    assert middle[2] is not None

    def name(x: float, y: float, text: str) -> None:
        axes.text(x, y, text, ha="center", va="center", fontsize=9)

    name(2.5, 2, f"{g1} = {g2}")
    name(7.5, 2, f"{g3} = {g4}")
    name(1.2, 1, f"{outer_left[1]} = {outer_left[0]}")
    name(5.0, 1, f"{middle[1]} = {middle[0]}")
    name(8.8, 1, f"{outer_right[1]} = {outer_right[0]}")
    name(4.2, 0, middle[2][0])
    name(5.8, 0, middle[2][1])
    for parent, kids, height in ((2.5, (1.8, 4.3), 2), (7.5, (5.6, 8.3), 2), (5.0, (4.2, 5.8), 1)):
        axes.plot([parent, parent], [height - 0.2, height - 0.5], color="0.4", linewidth=1)
        axes.plot(kids, [height - 0.5] * 2, color="0.4", linewidth=1)
        for kid in kids:
            axes.plot([kid, kid], [height - 0.5, height - 0.78], color="0.4", linewidth=1)
    axes.set(xlim=(0, 10), ylim=(-0.4, 2.4))
    axes.axis("off")


def figure_3(activity: Mapping[str, Tensor], desired: Tensor, title: str) -> Figure:
    """Activity in every unit for one case, from the inputs at the bottom to the outputs on top (N Fig. 3).

    activity: by group, ``[units]``; white squares, side as the output. desired ``[24]``: black dots mark the answers.
    """
    figure = Figure(figsize=(7.5, 4.6))
    axes = figure.add_axes((0, 0, 1, 0.94))  # a layout to be found would draw all the names twice
    blocks = {  # left edge, height of the lowest row, units in a row
        "person1": (0, 0, PLACES),
        "relation": (15.5, 0, len(RELATIONS) // 2),
        "person_code": (3, 3, 6),
        "relation_code": (15.5, 3, 6),
        "central": (8.2, 5, 6),
        "penultimate": (8.2, 8, 6),
        "person2": (5.2, 10, PLACES),
    }
    squares, dots = [], []
    for group, (left, bottom, width) in blocks.items():
        values = activity[group].detach().double().cpu().numpy()
        rows = -(-len(values) // width)
        axes.add_patch(Rectangle((left, bottom), width, rows, facecolor="0.15"))
        for unit, value in enumerate(values):
            x, y, side = left + unit % width, bottom + rows - 1 - unit // width, 0.86 * float(np.clip(value, 0, 1))
            squares.append(Rectangle((x + (1 - side) / 2, y + (1 - side) / 2), side, side))
            if group == "person2" and desired[unit] > 0.5:
                dots.append(Circle((x + 0.5, y + 0.5), 0.13))
        axes.text(left - 0.2, bottom + rows / 2, group.replace("_", " "), fontsize=7, ha="right", va="center")
    axes.add_collection(PatchCollection(squares, facecolor="white", edgecolor="none"))
    axes.add_collection(PatchCollection(dots, facecolor="black", edgecolor="white", linewidth=0.6))
    for unit, (english, italian) in enumerate(zip(PEOPLE[:PLACES], PEOPLE[PLACES:], strict=True)):
        left, _, _ = blocks["person1"]
        axes.text(left + unit + 0.5, -0.1, f"{english}, {italian}", rotation=90, fontsize=4.5, ha="center", va="top")
        left, bottom, _ = blocks["person2"]
        where = (left + unit + 0.5, bottom + 2.1)
        axes.text(*where, f"{english}, {italian}", rotation=90, fontsize=4.5, ha="center", va="bottom")
    axes.text(15.5, -0.3, ", ".join(RELATIONS[:6]) + "\n" + ", ".join(RELATIONS[6:]), fontsize=4.5, va="top")
    axes.set(xlim=(-3, 22.5), ylim=(-3.2, 15), aspect="equal")
    axes.set_title(title, fontsize=10)
    axes.axis("off")
    return figure


def figure_4(w: Tensor, order: Sequence[int], titles: Sequence[str], title: str) -> Figure:
    """The weights from the 24 people to the 6 units of the person code, English over Italian (N Fig. 4).

    w ``[6, 24]``. order: which unit stands as the paper's 1 to 6; titles: what to say of each, in that order.
    """
    figure = Figure(figsize=(9, 3.9))
    axes = figure.add_axes((0, 0, 1, 0.93))
    largest = float(w.detach().abs().max())
    for position, unit in enumerate(order):
        row, column = position % 3, 1 - position // 3  # the paper has 1, 2, 3 on the right and 4, 5, 6 on the left
        left, top = column * (PLACES + 1.9), row * 3.2
        hinton(axes, w[unit].reshape(2, PLACES), largest, left, top)
        above = -2.2 if row == 0 else top - 0.3
        axes.text(left, above, f"{position + 1}: {titles[position]}", fontsize=8)
        for nation, name in enumerate(("English", "Italian")):
            axes.text(left - 0.15, top + nation + 0.5, name, fontsize=6, ha="right", va="center")
        if row == 0:
            for person, name in enumerate(PEOPLE[:PLACES]):
                axes.text(left + person + 0.5, top - 0.15, name, rotation=90, fontsize=6, ha="center", va="bottom")
    axes.set(xlim=(-1.7, 2 * PLACES + 2), ylim=(8.5, -2.9), aspect="equal")
    axes.axis("off")
    figure.suptitle(title, fontsize=9)
    return figure


def dendrogram_of_codes(code: Tensor, title: str) -> Figure:
    """Which people the network takes for alike: average-linkage clusters of their codes ``[24, units]``."""
    from scipy.cluster.hierarchy import dendrogram, linkage  # half a second, which a run of another task need not wait

    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.subplots()
    clusters = linkage(code.detach().double().cpu().numpy(), "average")
    dendrogram(
        clusters, labels=list(PEOPLE), orientation="left", ax=axes, color_threshold=0, above_threshold_color="0.3"
    )
    for label in axes.get_yticklabels():
        label.set_fontsize(7)
        label.set_color("#0060a8" if PEOPLE.index(label.get_text()) < PLACES else "#c04000")
    axes.set_xlabel("distance between codes")
    axes.set_title(title, fontsize=10)
    return figure


def figures(trained: Trained, label: str) -> Iterator[tuple[str, Figure]]:
    """N Figs 3 and 4 of one network, the first of ``trained``, by file name; of one without a code all the weights."""
    if not has_person_code(trained.population):
        yield from hinton_figures.figures(trained, label)
        return
    task = trained.setup.task
    case = task.cases.index("Colin aunt")
    units = {group: y[case, :, 0] for group, y in trained.activity.items()}
    yield "figure_3", figure_3(units, task.desired[case], f"Colin has-aunt (N Fig. 3): {label}")
    order, titles = as_in_the_paper(person_code(Network(trained.setup.architecture, trained.population.weights)))
    w = trained.population.weights[link_name("person1", "person_code")][..., 0]
    yield "figure_4", figure_4(w, order, titles, f"People to the 6 units of their code (N Fig. 4): {label}")


def last_figures(trained: Trained, label: str) -> Iterator[tuple[str, Figure]]:
    """The same, N Fig. 2 before them and the codes' dendrogram after."""
    if has_person_code(trained.population):
        yield "figure_2", figure_2()
    yield from figures(trained, label)
    if has_person_code(trained.population):
        code = person_code(Network(trained.setup.architecture, trained.population.weights))
        yield "dendrogram", dendrogram_of_codes(code[..., 0], f"Codes of the people: {label}")


def as_in_the_paper(code: Tensor) -> tuple[list[int], list[str]]:
    """The units of one replica in N Fig. 4's order: that which tells nationality best is 1, generation 2, branch 6.

    code ``[people, units, 1]``; returns the units' numbers, and what each tells with what accuracy.
    """
    accuracy = {name: unit_accuracies(code, feature_of(name))[:, 0] for name in ("nationality", "generation", "branch")}
    left = list(range(code.shape[1]))
    chosen: dict[str, int] = {}
    for name, values in accuracy.items():
        if left:  # a network may have fewer units than there are features
            chosen[name] = max(left, key=lambda unit, values=values: float(values[unit]))  # type: ignore[misc]
            left.remove(chosen[name])
    last = [chosen.pop("branch")] if "branch" in chosen else []
    order = [*chosen.values(), *left, *last]
    titles = [", ".join(f"{name} {float(values[unit]):.2f}" for name, values in accuracy.items()) for unit in order]
    return order, titles
