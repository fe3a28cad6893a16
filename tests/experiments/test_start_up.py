"""From command to prompt: what a short run does not wait for."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from torch.utils.tensorboard._utils import figure_to_image

from experiments.options.schema import CONFIGS
from repro.figures.curves import learning_curves, sweeps_distribution
from repro.figures.drawing import DPI, pixels, save
from repro.figures.hinton import hinton_figure

NOT_NEEDED = {
    *("scipy", "pandas", "jinja2", "sympy", "optuna", "submitit", "joblib", "tensorflow", "IPython"),
    *("numpy.f2py", "numpy.testing", "matplotlib.pyplot", "tensorboard.program", "tensorboard.backend"),
    *("torch._dynamo", "torch._inductor", "torch.onnx", "torch.utils.cpp_extension"),
}
"""Each takes a tenth of a second or more, or brings others that do."""


def python(code: str, **options) -> subprocess.CompletedProcess[str]:
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    return subprocess.run([sys.executable, "-c", code], cwd=CONFIGS.parent, text=True, timeout=120, **pipes)


def test_a_short_run_imports_what_it_needs(tmp_path):
    code = (
        f"import sys\nsys.argv[1:] = ['experiment=xor', 'population.seeds=1', 'hydra.run.dir={tmp_path / 'run'}']\n"
        "from experiments.run import main\nmain()\nprint('imported:', *sys.modules)"
    )
    done = python(code)
    assert done.returncode == 0, done.stderr
    made = {path.relative_to(tmp_path / "run").as_posix() for path in (tmp_path / "run").rglob("*.*")}
    assert {"seeds.csv", "curves.csv", "weights.pt", "figures/curves.png", "figures/weights.png"} <= made
    imported = set(done.stdout.rpartition("imported:")[2].split())
    assert {"torch", "hydra", "matplotlib.figure", "torch.utils.tensorboard"} <= imported
    assert sorted(imported & NOT_NEEDED) == []


def test_the_process_ends_once_all_is_said():
    code = (
        "import atexit, sys\nfrom experiments.run import leave\natexit.register(print, 'asked for')\n"
        "print('said')\nsys.stderr.write('aside')\nleave()\nprint('after')"
    )
    done = python(code)
    assert (done.stdout, done.stderr, done.returncode) == ("said\nasked for\n", "aside", 0)


def test_who_reads_no_more_is_no_reason_to_stay():
    """What is left to say stays in the buffer, and Python ends as it does without us."""
    code = "import sys\nfrom experiments.run import leave\nprint('said')\nleave()\nprint('after', file=sys.stderr)"
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with open("/dev/full", "w") as full:
        done = python(code, stdout=full, env=buffered)
    assert done.stderr.startswith("after")
    assert "No space left" in done.stderr
    assert done.returncode == 120


def drawn() -> dict[str, Figure]:
    E = [[0.5, 0.51, 0.52], [0.3, 0.4, 0.5], [0.0, 0.01, 0.2]]
    weights = torch.linspace(-1, 1, 12).reshape(2, 6)
    return {
        "curves": learning_curves([0, 50, 100], E, [0.0, 0.2, 0.9], "Exclusive-or", 70, "P p.331"),
        "sweeps": sweeps_distribution([20, 30, 31, 80], 5, 100, "Exclusive-or", 70, "P p.331"),
        "weights": hinton_figure({"input->hidden": weights}, "seed 0"),
    }


@pytest.mark.parametrize("name", drawn())
def test_figures_are_those_of_matplotlib_and_torch(tmp_path, name):
    """To the byte, though they are laid out and drawn once less, and without pyplot."""
    save(drawn()[name], tmp_path / "ours.png")
    drawn()[name].savefig(tmp_path / "its.png", dpi=DPI)
    assert (tmp_path / "ours.png").read_bytes() == (tmp_path / "its.png").read_bytes()
    shown = pixels(drawn()[name])
    assert shown.dtype == np.uint8
    assert np.array_equal(shown, np.moveaxis(figure_to_image(drawn()[name]), 0, 2))
    assert shown.min() < 50
