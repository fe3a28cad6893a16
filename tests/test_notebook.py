"""The notebook examples/first_look.ipynb: its code runs, is short, and gives what the committed file shows."""

import ast
import base64
import contextlib
import io
import json
from functools import cache
from pathlib import Path

import matplotlib
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from matplotlib.image import imread

from repro.learning import Phase
from repro.population import Population
from repro.printed_networks import SYMMETRY
from repro.tasks.symmetry import symmetry
from repro.training_setup import Criterion, Learning
from tests.setups import train

PATH = Path(__file__).parent.parent / "examples" / "first_look.ipynb"
CELLS = [cell for cell in json.loads(PATH.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]


def source(cell) -> str:
    return "".join(cell["source"])


def shown(kind: str) -> list[str]:
    """What the committed file has below its cells: "text" that was printed, or "image/png"."""
    outputs = [output for cell in CELLS for output in cell["outputs"]]
    return ["".join(o.get("text", "") if kind == "text" else o.get("data", {}).get(kind, "")) for o in outputs]


@cache
def executed() -> tuple[dict, str, list]:
    """The code cells one after the other: their names, what they printed, and what the last line of each gave."""
    matplotlib.use("Agg")
    names, printed, last = {}, io.StringIO(), []
    with contextlib.redirect_stdout(printed):
        for cell in CELLS:
            *body, end = ast.parse(source(cell)).body
            value = None
            if isinstance(end, ast.Expr):
                exec(compile(ast.Module(body, []), str(PATH), "exec"), names)
                value = eval(compile(ast.Expression(end.value), str(PATH), "eval"), names)
            else:
                exec(compile(ast.Module([*body, end], []), str(PATH), "exec"), names)
            last.append(value)
    return names, printed.getvalue(), last


def test_it_prints_what_the_file_shows():
    _, printed, _ = executed()
    assert printed == "".join(shown("text"))
    assert len(printed.splitlines()) == 3


def test_it_ends_with_fig_1_of_the_paper_and_of_one_that_has_learned():
    names, _, last = executed()
    figure = last[-1]
    assert isinstance(figure, Figure)
    theirs, ours = figure.axes
    assert theirs.get_title() == "N Fig. 1"
    assert ours.get_title() == f"ours: seed {names['learned'][0]}"
    drawn = {text.get_text() for text in ours.texts}
    assert {f"{float(w):.1f}" for w in names["w"]["input->hidden"][..., names["learned"][0]].flatten()} <= drawn
    figure.canvas.draw()


def test_the_file_has_both_figures_in_it():
    pictures = [imread(io.BytesIO(base64.b64decode(data)), "png") for data in shown("image/png") if data]
    assert len(pictures) == 2
    assert all(np.ptp(picture[..., :3]) > 0.5 for picture in pictures)  # not blank
    assert PATH.stat().st_size < 200_000


def test_it_is_short():
    lines = [line for cell in CELLS for line in source(cell).splitlines() if line.strip()]
    assert len(lines) < 40
    assert max(map(len, lines)) <= 120


def test_it_uses_every_equation():
    text = "\n".join(map(source, CELLS))
    for number in range(1, 10):
        assert f"({number})" in text


def test_the_library_trains_the_same_networks():
    names, _, _ = executed()
    population = Population.start(SYMMETRY.architecture, range(20), 0.3, torch.float64)
    learning = Learning((Phase(SYMMETRY.epsilon, 0.9),), SYMMETRY.sweeps)
    *_, snapshot = train(population, symmetry(), learning, Criterion(0.2, stop=False), every=SYMMETRY.sweeps)
    for link, w in snapshot.population.weights.items():
        torch.testing.assert_close(names["w"][link], w, rtol=1e-6, atol=1e-6)
    by_then = [seed for seed, E in zip(snapshot.population.seeds, snapshot.population.E, strict=True) if E < 1]
    assert names["learned"] == by_then


def test_those_that_have_not_learned_rest_where_the_text_says():
    """E of a network that answers 0 in every case: half of the 8 that want a 1."""
    names, _, _ = executed()
    E = torch.stack(names["E"])
    assert E.shape == (1425, 20)
    assert float(E[100].median()) == pytest.approx(4, abs=0.01)
    assert float(E[-1].median()) == pytest.approx(4, abs=0.01)
    assert (E[-1, names["learned"]] < 1).all()
