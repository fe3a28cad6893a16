"""What the figures show, read back from the marks in them: squares, bars, lines, names and numbers."""

import io
from itertools import pairwise

import numpy as np
import pytest
import torch
from matplotlib import colors
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.collections import Collection, FillBetweenPolyCollection, PolyCollection
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Rectangle
from torch import Tensor

from repro import printed_networks as published
from repro.figures.curves import OURS, PAPER, learning_curves, sweeps_distribution
from repro.figures.family_trees import dendrogram_of_codes, figure_2, figure_3, figure_4
from repro.figures.hinton import hinton, hinton_figure
from repro.figures.symmetry import LEFT, MIDDLE, RIGHT, figure_1
from repro.networks import Network
from repro.tasks.family_trees import PEOPLE, PLACES, family_trees
from tests.plans import FAMILY_TREES, random_weights


@pytest.fixture(autouse=True)
def no_figure_stays_open():
    """A figure of pyplot stays in memory until it is closed; these belong to whoever asked for them."""
    yield
    assert plt.get_fignums() == []


def drawn(figure: Figure) -> Figure:
    """The figure, once drawn: a warning on the way fails the test."""
    figure.savefig(io.BytesIO(), format="png")
    return figure


def texts(axes: Axes) -> dict[str, tuple[float, float]]:
    return {text.get_text(): text.get_position() for text in axes.texts}


def labels(axes: Axes) -> list[str]:
    legend = axes.get_legend()
    return [] if legend is None else [text.get_text() for text in legend.get_texts()]


# Hinton diagrams -----------------------------------------------------------------------------------------


def boxes(collection: Collection) -> list[tuple[float, float, float]]:
    """The middle of each square of a collection, and its side."""
    found = []
    for path in collection.get_paths():
        (left, top), (right, bottom) = path.vertices.min(axis=0), path.vertices.max(axis=0)
        assert right - left == pytest.approx(bottom - top, abs=1e-12)
        found.append(((left + right) / 2, (top + bottom) / 2, right - left))
    return found


def colour_of(collection: Collection) -> str:
    return {"#ffffff": "white", "#000000": "black"}[colors.to_hex(collection.get_facecolor()[0])]


def squares(axes: Axes, left: float = 0, top: float = 0) -> dict[tuple[float, float], tuple[str, float]]:
    """(row, column) of each square, counted from (left, top), to its colour and side."""
    found = {}
    for collection in axes.collections:
        assert isinstance(collection, PolyCollection)
        for x, y, side in boxes(collection):
            place = (round(y - top - 0.5, 9), round(x - left - 0.5, 9))
            assert place not in found
            found[place] = (colour_of(collection), side)
    return found


WEIGHTS = torch.tensor([[4.0, -1.0, 0.0], [-2.0, 0.25, 8.0]])


def test_hinton_squares():
    """Area is the size of the weight, white is positive, a weight of 0 has no square."""
    axes = Figure().subplots()
    hinton(axes, WEIGHTS, 4.0, 5, 7)
    found = squares(axes, 5, 7)
    signs = {place: colour for place, (colour, _) in found.items()}
    assert signs == {(0, 0): "white", (0, 1): "black", (1, 0): "black", (1, 1): "white", (1, 2): "white"}
    area = {place: side**2 for place, (_, side) in found.items()}
    largest = 0.9**2
    expected = {(0, 0): 1, (0, 1): 1 / 4, (1, 0): 1 / 2, (1, 1): 1 / 16, (1, 2): 1}  # 8 is cut to what fills a cell
    assert area == pytest.approx({place: part * largest for place, part in expected.items()})
    (back,) = axes.patches
    assert (back.get_bbox().p0.tolist(), back.get_bbox().p1.tolist()) == ([5, 7], [8, 9])
    grey = colors.to_rgb(back.get_facecolor())
    assert 0.3 < grey[0] == grey[1] == grey[2] < 0.8


def test_hinton_of_nothing_has_no_squares():
    axes = Figure().subplots()
    hinton(axes, torch.zeros(2, 3), 0.0)
    assert squares(axes) == {}


def test_hinton_figure_has_one_scale_for_all_links():
    weights = {"a->b": torch.tensor([[1.0, -2.0]]), "b->c": torch.tensor([[8.0], [4.0]], requires_grad=True)}
    figure = drawn(hinton_figure(weights, "some weights"))
    (axes,) = figure.axes
    assert axes.yaxis_inverted()  # the first unit on top
    area = [side**2 / 0.9**2 for _, side in squares(axes).values()]
    assert sorted(area) == pytest.approx([1 / 8, 2 / 8, 4 / 8, 8 / 8])
    assert figure.get_suptitle() == "some weights\nwhite +, black -; the largest is 8.00"
    turned = hinton_figure(weights, "", order=["b->c", "a->b"]).axes[0]
    for where, above, below in ((axes, "a->b", "b->c"), (turned, "b->c", "a->b")):
        named = texts(where)
        assert named[above][1] < named[below][1]
        tops = [patch.get_y() for patch in where.patches]
        assert named[above][1] < tops[0] < named[below][1] < tops[1]
        assert all(patch.get_y() + patch.get_height() <= where.get_ylim()[0] for patch in where.patches)


def test_links_into_one_group_stand_side_by_side():
    weights = {
        "a->c": torch.ones(2, 3),
        "c->d": torch.ones(1, 2),
        "b->c": torch.ones(2, 1),
        "bias->d": torch.ones(1, 1),
    }
    (axes,) = drawn(hinton_figure(weights, "")).axes
    blocks = [(p.get_x(), p.get_y(), p.get_width(), p.get_height()) for p in axes.patches]
    (x_a, y_a, *_), (x_b, y_b, *_), (x_c, y_c, *_), (x_bias, y_bias, *_) = blocks
    assert [size for *_, size in blocks] == [2, 2, 1, 1]
    assert y_a == y_b < y_c - 2
    assert y_c == y_bias
    assert x_a + 3 < x_b
    assert x_a == x_c < x_bias - 2
    assert {name: texts(axes)[name][0] for name in weights} == {
        "a->c": x_a,
        "b->c": x_b,
        "c->d": x_c,
        "bias->d": x_bias,
    }


def test_hinton_figure_is_as_wide_as_its_widest_link():
    axes = drawn(hinton_figure({"a->b": torch.ones(2, 40)}, "")).axes[0]
    assert axes.get_xlim()[0] <= 0 < 40 <= axes.get_xlim()[1]


# Curves --------------------------------------------------------------------------------------------------

SWEEPS = [0, 10, 20]
E = [[5.0, 6.0, 7.0], [2.0, 3.0, 5.0], [0.5, 1.0, 1.5]]


def test_learning_curves():
    figure = drawn(learning_curves(SWEEPS, E, [0.0, 0.25, 0.5], "title", 15, "N Fig. 1"))
    above, below = figure.axes
    median, at = above.lines
    assert median.get_xydata().tolist() == [[0, 6], [10, 3], [20, 1]]
    assert below.lines[0].get_xydata().tolist() == [[0, 0], [10, 0.25], [20, 0.5]]
    for axes in (above, below):
        assert set(axes.lines[1].get_xdata()) == {15}
        assert axes.lines[1].get_color() == PAPER
        assert axes.lines[0].get_color() == OURS
        assert "N Fig. 1: 15 sweeps" in labels(axes)
    assert at.get_label() == "N Fig. 1: 15 sweeps"
    (band,) = above.collections
    assert isinstance(band, FillBetweenPolyCollection)
    corners = {tuple(corner) for path in band.get_paths() for corner in path.vertices.tolist()}
    assert corners == {(0, 5), (0, 7), (10, 2), (10, 5), (20, 0.5), (20, 1.5)}
    assert (above.get_title(), above.get_ylabel()) == ("title", "E")
    assert (below.get_xlabel(), below.get_ylabel()) == ("sweeps through the cases", "part that has learned")
    assert above.get_ylim()[0] == 0


def test_learning_curves_without_a_run_of_the_papers():
    for axes in drawn(learning_curves(SWEEPS, E, [0, 0, 0], "title")).axes:
        assert len(axes.lines) == 1
        assert not any("sweeps" in label for label in labels(axes))


def test_sweeps_distribution():
    """60 bars up to the limit: 3 networks in the third, 1 in the last; 6 of 10 have not learned."""
    figure = drawn(sweeps_distribution([250, 260, 299, 6000], 10, 6000, "title", 1425, "N Fig. 1"))
    (axes,) = figure.axes
    bars = {bar.get_x(): bar.get_height() for bar in axes.patches}
    assert len(bars) == 60
    assert {round(x): height for x, height in bars.items() if height} == {200: 3, 5900: 1}
    assert labels(axes) == ["4 of 10 learned\n6 not by 6,000 sweeps", "N Fig. 1: 1,425 sweeps"]
    assert set(axes.lines[0].get_xdata()) == {1425}
    assert axes.get_xlim() == (0, 6000)
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_title()) == ("sweeps until learned", "networks", "title")


def test_sweeps_distribution_of_nobody():
    (axes,) = drawn(sweeps_distribution([], 10, 100, "title")).axes
    assert not any(bar.get_height() for bar in axes.patches)
    assert labels(axes) == ["0 of 10 learned\n10 not by 100 sweeps"]


# N Fig. 1 ------------------------------------------------------------------------------------------------


def numbers_by_side(axes: Axes) -> dict[str, list[float]]:
    """The numbers left and right of the middle, and in it, from top to bottom."""
    found: dict[str, list[tuple[float, float]]] = {"left": [], "middle": [], "right": []}
    for text in axes.texts:
        (x, y), side = text.get_position(), "middle"
        try:
            number = float(text.get_text())
        except ValueError:
            continue
        if x != MIDDLE:
            side = "left" if x < MIDDLE else "right"
        found[side].append((-y, number))
    return {side: [number for _, number in sorted(values)] for side, values in found.items()}


PRINTED = {key: w[..., 0] for key, w in published.SYMMETRY.replica().items()}
# from the top: to the output, then from the inputs 1 to 6
PRINTED_NUMBERS = {
    "left": [-8.8, 14.2, -3.6, 7.2, -7.2, 3.6, -14.2],
    "right": [-8.8, -14.2, 3.6, -7.1, 7.1, -3.6, 14.2],
}


@pytest.mark.parametrize("swapped", [False, True])
def test_figure_1_is_that_of_the_paper(swapped):
    """Whichever unit comes first, that with the larger weight from the first input stands on the left."""
    weights = PRINTED
    if swapped:
        weights = {key: w.flip(1 if key == "hidden->output" else 0) for key, w in PRINTED.items()}
    (axes,) = drawn(figure_1({"N Fig. 1": weights})).axes
    found = numbers_by_side(axes)
    for side, x in (("left", LEFT), ("right", RIGHT)):
        found[side].remove(-1.1)
        assert found[side] == PRINTED_NUMBERS[side]
        assert [t.get_position()[0] for t in axes.texts if t.get_text() == "-1.1"].count(x) == 1
    assert found["middle"] == [6.4]
    assert axes.get_title() == "N Fig. 1"
    assert len([patch for patch in axes.patches if isinstance(patch, Circle)]) == 6 + 2 + 1
    assert {"Output unit", "Input units", "hidden unit"} <= texts(axes).keys()


def test_figure_1_beside_another():
    ours = {key: 2 * w for key, w in PRINTED.items()}
    one, other = drawn(figure_1({"printed": PRINTED, "ours": ours})).axes
    assert (one.get_title(), other.get_title()) == ("printed", "ours")
    assert numbers_by_side(other)["middle"] == [12.8]


# N Figs 2 to 4 -------------------------------------------------------------------------------------------


def test_figure_2_names_every_couple_and_child():
    figure = drawn(figure_2())
    english, italian = (list(texts(axes)) for axes in figure.axes)
    assert english == [
        *("Christopher = Penelope", "Andrew = Christine", "Margaret = Arthur", "Victoria = James"),
        *("Jennifer = Charles", "Colin", "Charlotte"),
    ]
    assert italian[2:5] == ["Gina = Emilio", "Lucia = Marco", "Angela = Tomaso"]
    names = [name for text in (*english, *italian) for name in text.split(" = ")]
    assert sorted(names) == sorted(PEOPLE)
    where = texts(figure.axes[0])
    assert where["Colin"][1] < where["Victoria = James"][1] < where["Andrew = Christine"][1]


def activity_of(case: str) -> tuple[dict[str, Tensor], Tensor]:
    task = family_trees()
    network = Network(FAMILY_TREES.architecture, random_weights(FAMILY_TREES.architecture, 1))
    at = task.cases.index(case)
    with torch.no_grad():
        activity = network.activity({name: values[at : at + 1] for name, values in task.inputs.items()})
    return {group: y[0, :, 0] for group, y in activity.items()}, task.desired[at]


def test_figure_3_shows_every_unit():
    """A square of side 0.86 y in the middle of each unit's cell, on a block for each of the seven groups."""
    activity, desired = activity_of("Colin aunt")
    (axes,) = drawn(figure_3(activity, desired, "Colin has-aunt")).axes
    blocks = [(p.get_x(), p.get_y(), p.get_width(), p.get_height()) for p in axes.patches if isinstance(p, Rectangle)]
    white = boxes(axes.collections[0])
    assert colour_of(axes.collections[0]) == "white"
    groups = ("person1", "relation", "person_code", "relation_code", "central", "penultimate", "person2")
    assert len(blocks) == 7
    assert len(white) == 24 + 12 + 6 + 6 + 12 + 6 + 24
    at = 0
    for group, (left, bottom, width, height) in zip(groups, blocks, strict=True):
        units = FAMILY_TREES.groups[group]
        of_group = white[at : at + units]
        assert [side for _, _, side in of_group] == pytest.approx((0.86 * activity[group]).tolist(), abs=1e-12)
        cells = {(left + unit % width + 0.5, bottom + height - 0.5 - unit // width) for unit in range(units)}
        assert {(round(x, 6), round(y, 6)) for x, y, _ in of_group} == cells
        at += units
    assert {group.replace("_", " ") for group in groups} < set(texts(axes))
    assert axes.get_title() == "Colin has-aunt"


def test_figure_3_marks_the_answers_under_their_names():
    """Two dots, in the upper row of the output: Jennifer and Margaret. The input that is on stands over Colin."""
    activity, desired = activity_of("Colin aunt")
    (axes,) = figure_3(activity, desired, "").axes
    named = {(round(x, 6), y > 0): text.get_text() for text in axes.texts for x, y in [text.get_position()]}
    units, answers = axes.collections
    assert colour_of(answers) == "black"
    white, dots = boxes(units), [(x, y) for x, y, _ in boxes(answers)]
    assert [named[round(x, 6), True] for x, _ in dots] == ["Jennifer, Angela", "Margaret, Gina"]
    outputs = [(x, y) for x, y, _ in white[-24:]]
    assert [outputs.index(pytest.approx(dot)) for dot in dots] == [9, 10]
    for (x, y), (below_x, below_y) in zip(outputs[:12], outputs[12:], strict=True):  # English above Italian
        assert (x, y - 1) == pytest.approx((below_x, below_y))
    (colin,) = [x for x, _, side in white[:24] if side > 0.5]
    assert named[round(colin, 6), False] == "Colin, Alfonso"


def test_figure_4_is_english_over_italian_in_the_papers_order():
    generator = torch.Generator().manual_seed(0)
    w = torch.randn(6, 24, generator=generator)
    order = [3, 1, 0, 2, 5, 4]
    figure = drawn(figure_4(w, order, [f"unit {unit}" for unit in order], "title"))
    (axes,) = figure.axes
    assert axes.yaxis_inverted()
    everything = squares(axes)
    assert len(everything) == 6 * 24
    named = texts(axes)
    blocks = [(patch.get_x(), patch.get_y()) for patch in axes.patches]
    for position, (unit, (left, top)) in enumerate(zip(order, blocks, strict=True)):
        found = squares(axes, left, top)
        for person in range(24):
            colour, side = found[divmod(person, PLACES)]
            assert colour == ("white" if w[unit, person] > 0 else "black")
            assert side**2 == pytest.approx(0.81 * abs(w[unit, person].item()) / w.abs().max().item())
        x, y = named[f"{position + 1}: unit {unit}"]
        assert x == left
        assert top - 3 < y < top
    x, y = zip(*blocks, strict=True)
    assert x[0] == x[1] == x[2] > x[3] == x[4] == x[5]  # 1 to 3 on the right
    assert y[:3] == y[3:]
    assert y[0] < y[1] < y[2]
    rows = [
        (text.get_text(), text.get_position()[1]) for text in axes.texts if text.get_text() in ("English", "Italian")
    ]
    assert sorted(rows) == sorted([(name, top + at) for top in y for name, at in (("English", 0.5), ("Italian", 1.5))])
    people = [(text.get_position()[0], text.get_text()) for text in axes.texts if text.get_text() in PEOPLE[:PLACES]]
    assert sorted(people) == [(left + p + 0.5, PEOPLE[p]) for left in (x[3], x[0]) for p in range(PLACES)]
    assert figure.get_suptitle() == "title"


def test_dendrogram_joins_twins_first():
    """Twins 0.5 apart, places 10 apart: twelve pairs are joined at 0.5, and nothing else below 9."""
    place = torch.arange(12.0)
    code = torch.cat([10 * place, 10 * place + 0.5]).unsqueeze(1)
    (axes,) = drawn(dendrogram_of_codes(code, "title")).axes
    heights = sorted(segment[:, 0].max() for c in axes.collections for segment in c.get_segments())
    assert heights[:12] == pytest.approx([0.5] * 12)
    assert len(heights) == 23
    assert heights[12] > 9
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert sorted(names) == sorted(PEOPLE)
    pairs = [{names[n], names[n + 1]} for n in range(0, 24, 2)]
    assert all({PEOPLE[p], PEOPLE[p + 12]} in pairs for p in range(12))
    for label in axes.get_yticklabels():
        assert label.get_color() == (OURS if label.get_text() in PEOPLE[:12] else PAPER)
    assert (axes.get_title(), axes.get_xlabel()) == ("title", "distance between codes")


def test_dendrogram_heights_are_mean_distances():
    """Three bunches at 0, 1 and 5: the first two join at 1, the third at the mean of 5 and 4, weighed by size."""
    code = torch.cat([torch.zeros(8), torch.ones(8), torch.full((8,), 5.0)]).unsqueeze(1)
    (axes,) = dendrogram_of_codes(code, "").axes
    heights = sorted(segment[:, 0].max() for c in axes.collections for segment in c.get_segments())
    assert heights[-2:] == pytest.approx([1, 4.5])
    assert np.allclose(heights[:-2], 0)
    assert all(one <= other for one, other in pairwise(heights))
