"""Drawing never costs results: our own settings whatever the user's, and a drawing that fails costs one line."""

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import matplotlib
import pytest
from matplotlib.figure import Figure

from experiments import report
from experiments.options.load import load
from experiments.options.schema import CONFIGS, ConfigError
from experiments.pages.claims_figures import svg
from experiments.run import run
from experiments.running import figures as run_figures
from experiments.running.redraw import redraw
from repro.figures import drawing
from repro.figures.curves import learning_curves
from repro.figures.drawing import own_settings, save
from repro.figures.panels import Curve, Panel
from tests.experiments.running.test_checkpoint import interrupted
from tests.experiments.running.test_tensorboard import events

FEW = ("population.seeds=3", "learning.sweeps=8", "record.every=2", "backward_pass=explicit", "threads=1")
HOSTILE = {
    "text.usetex": True,
    "axes.facecolor": "black",
    "figure.facecolor": "red",
    "font.family": "No Such Font",
    "savefig.facecolor": "green",
    "savefig.dpi": 7,
    "figure.dpi": 11,
    "lines.linewidth": 9.0,
    "axes.unicode_minus": False,
    "svg.fonttype": "path",
    "path.sketch": (3.0, 100.0, 2.0),
    "axes.formatter.use_locale": True,
}


def config(*more: str):
    return load("xor", *FEW, "record.progress=false", *more)


def png(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (directory / "figures").iterdir()}


def test_a_run_draws_the_same_whatever_its_user_likes(tmp_path):
    """Its files and TensorBoard's images."""
    run(config(), tmp_path / "plain", quiet=True)
    with matplotlib.rc_context(HOSTILE):
        run(config(), tmp_path / "hostile", quiet=True)
        assert matplotlib.rcParams["axes.facecolor"] == "black"  # it is the user's again
    assert png(tmp_path / "plain") == png(tmp_path / "hostile")
    assert {*png(tmp_path / "plain")} == {"curves.png", "sweeps.png", "weights.png"}
    for where in ("", "paper"):
        ours, theirs = (events(tmp_path / name / where) for name in ("plain", "hostile"))
        (tag,) = ours.Tags()["images"]
        assert [image.encoded_image_string for image in ours.Images(tag)] == [
            image.encoded_image_string for image in theirs.Images(tag)
        ]


def test_so_does_the_report():
    of = Panel("A title", "x", "y", [Curve("ours", [1, 2, 3], [1, 4, 9])])
    plain = svg(of, "panel")
    with matplotlib.rc_context(HOSTILE):
        assert svg(of, "panel") == plain


def test_every_figure_goes_through_the_one_place():
    """Whoever makes a file or pixels of a figure does so within ``own_settings``."""
    makers = ("savefig(", "print_png(", "save(figure", "pixels(figure")
    for path in [*CONFIGS.parent.glob("experiments/**/*.py"), *CONFIGS.parent.glob("repro/**/*.py")]:
        text = path.read_text(encoding="utf-8")
        if any(maker in text for maker in makers) and path != Path(drawing.__file__):
            assert "with own_settings(" in text, path


def test_settings_of_ones_own_come_on_top():
    with matplotlib.rc_context({"axes.facecolor": "black"}), own_settings({"svg.fonttype": "none"}):
        assert (matplotlib.rcParams["axes.facecolor"], matplotlib.rcParams["svg.fonttype"]) == ("white", "none")


SURROUNDINGS = {
    "unknown backend": {"MPLBACKEND": "nosuch"},
    "interactive backend": {"MPLBACKEND": "TkAgg"},
    "LaTeX": {"matplotlibrc": "text.usetex: True\n"},
    "black": {"matplotlibrc": "axes.facecolor: black\nfont.family: No Such Font\nbackend: TkAgg\n"},
    "nonsense": {"matplotlibrc": "axes.facecolour: 3\nlines.linewidth: wide\n"},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", [*SURROUNDINGS, "undecodable"])
def test_whatever_matplotlib_finds_there_are_results(tmp_path, name):
    """And figures; but where matplotlib itself cannot be imported, there is a line for each."""
    variables = {key: value for key, value in SURROUNDINGS.get(name, {}).items() if key.isupper()}
    (tmp_path / "matplotlibrc").write_bytes(
        b"\xff\xfe\xfa" if name == "undecodable" else SURROUNDINGS[name].get("matplotlibrc", "").encode()
    )
    done = subprocess.run(
        [sys.executable, "-m", "experiments.run", "experiment=xor", *FEW, "hydra.run.dir=run"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(CONFIGS.parent)} | variables,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    there = {path.name for path in (tmp_path / "run").iterdir()}
    assert {"seeds.csv", "curves.csv", "weights.pt"} <= there
    if name == "undecodable":
        assert "run/figures: not drawn, " in done.stderr
        assert "python -m experiments.report " in done.stderr
    else:
        run(config(), tmp_path / "plain", quiet=True)
        assert png(tmp_path / "run") == png(tmp_path / "plain")


# What fails ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("failing", ["learning_curves", "sweeps_distribution", "save"])
def test_a_drawing_that_fails_costs_a_line(tmp_path, monkeypatch, capsys, failing):
    def fail(*arguments, **options):
        raise ValueError("cannot be drawn\nfor many reasons")

    with monkeypatch.context() as broken:
        broken.setattr(run_figures, failing, fail)
        run(config("record.tensorboard=false"), tmp_path / "run", quiet=True)
    names = {"learning_curves": ["curves"], "sweeps_distribution": ["sweeps"]}.get(
        failing, ["curves", "sweeps", "weights"]
    )
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == [
        f"{tmp_path}/run/figures/{name}.png: not drawn, cannot be drawn; to draw it again: "
        f"python -m experiments.report {tmp_path}/run"
        for name in names
    ]
    assert {"seeds.csv", "curves.csv", "weights.pt"} <= {path.name for path in (tmp_path / "run").iterdir()}
    assert {f"{name}.png" for name in names}.isdisjoint(png(tmp_path / "run"))


def test_so_do_tensorboard_s_images(tmp_path, monkeypatch, capsys):
    """One line, however many there are; all else is there."""

    def fail(*arguments, **options):
        raise ValueError("cannot be drawn")

    monkeypatch.setattr("repro.figures.drawing.pixels", fail)
    run(config(), tmp_path / "run", quiet=True)
    assert capsys.readouterr().err == "TensorBoard's images: not drawn, cannot be drawn\n"
    tags = events(tmp_path / "run").Tags()
    assert tags["images"] == []
    assert "final/E_median" in tags["scalars"]


def test_a_run_that_ends_while_it_draws_has_its_results(tmp_path, monkeypatch):
    def interrupt(*arguments, **options):
        assert {"seeds.csv", "weights.pt", "curves.csv"} <= {path.name for path in (tmp_path / "run").iterdir()}
        raise KeyboardInterrupt

    monkeypatch.setattr(run_figures, "save", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run(config("record.checkpoint=0"), tmp_path / "run", quiet=True)
    assert not (tmp_path / "run" / "checkpoint.pt").exists()


def test_a_run_that_is_interrupted_before_its_first_sweep_is_drawn_without_a_word(tmp_path, capsys):
    """Warnings are errors here, and would be a line."""
    assert interrupted(partial(run, config(), tmp_path / "run", quiet=True), 0) == 130
    assert {*png(tmp_path / "run")} == {"curves.png", "sweeps.png", "weights.png"}
    assert capsys.readouterr().err == ""


# Again --------------------------------------------------------------------------------------------------------


@pytest.fixture
def finished(tmp_path, monkeypatch) -> Path:
    """A run as the command line leaves it, of which some have learned."""
    from experiments import run as program

    directory = tmp_path / "run"
    more = ("population.seeds=20", "learning.sweeps=600", "record.every=100", "compile=false", "threads=1")
    arguments = ["experiment=xor", *more, "record.tensorboard=false", f"hydra.run.dir={directory}"]
    monkeypatch.setattr(sys, "argv", ["run.py", *arguments])
    program.main()
    return directory


def test_the_figures_of_a_finished_run_can_be_drawn_again(finished, monkeypatch, capsys):
    before = png(finished)
    for path in (finished / "figures").iterdir():
        path.unlink()
    monkeypatch.setattr(sys, "argv", ["report.py", str(finished)])
    assert report.main() == 0
    assert png(finished).keys() == before.keys()
    assert png(finished)["weights.png"] == before["weights.png"]
    assert png(finished)["sweeps.png"] == before["sweeps.png"]
    assert capsys.readouterr().out.endswith(f"Drawn: {finished}/figures\n")


def test_what_cannot_be_drawn_again_says_why(tmp_path, finished, monkeypatch, capsys):
    with pytest.raises(ConfigError, match=r"nowhere: is no finished run; .*config\.yaml: No such file"):
        redraw(tmp_path / "nowhere")
    (finished / "checkpoint.pt").touch()
    with pytest.raises(ConfigError, match=r"has not finished; go on with it: python -m experiments\.run resume="):
        redraw(finished)
    (finished / "checkpoint.pt").unlink()
    (finished / "weights.pt").write_bytes(b"nothing")
    monkeypatch.setattr(sys, "argv", ["report.py", str(finished)])
    assert report.main() == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_title_is_no_formula(tmp_path):
    with own_settings():
        save(learning_curves([0, 1], [[1, 2, 3]] * 2, [0, 1], r"\$x and \$y_{"), tmp_path / "curves.png")
    assert isinstance(learning_curves([0, 1], [[1, 2, 3]] * 2, [0, 1], "x"), Figure)
    plain = config()
    plain.summary = "$x and $y_{"
    run(plain, tmp_path / "run", quiet=True)
    assert {*png(tmp_path / "run")} == {"curves.png", "sweeps.png", "weights.png"}
