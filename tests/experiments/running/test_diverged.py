"""A network that has diverged is flagged, and is lost alone: the others are, to the last bit, as without it."""

import csv
import math
import re
from pathlib import Path

import pytest
import torch

from experiments import run
from experiments.options import setup
from experiments.options.load import load

LOST = 3
BARE = ("record.tensorboard=false", "record.figures=false")
RUNS = {
    "xor": ("xor", "population.seeds=6", "learning.sweeps=60", "record.every=20"),
    "xor, autograd": ("xor", "population.seeds=6", "learning.sweeps=60", "record.every=20", "backward_pass=autograd"),
    "symmetry": ("symmetry", "population.seeds=6", "learning.sweeps=20", "record.every=10"),
    "trees": ("family_trees", "population.seeds=6", "learning.sweeps=8", "record.every=4"),
}


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(pytest.param("xor", value, marks=pytest.mark.slow) for value in (math.inf, -math.inf)),
        *((name, math.nan) for name in RUNS),
    ],
)
def test_one_that_diverges_is_lost_alone(ran, monkeypatch, capsys, tmp_path, name, value):
    """Of 6, one has weights that are no numbers any more; it is the one that is drawn for TensorBoard."""
    options = (*RUNS[name], f"record.replica={LOST}", "criterion.stop=false", "compile=false", "threads=1")
    before = ran(*options, *BARE)

    def with_one_lost(config, made):
        population = sound(config, made)
        for w in population.weights.values():
            w[0, 0, LOST] = value
        return population

    sound = setup.first_population
    monkeypatch.setattr(setup, "first_population", with_one_lost)
    undrawn = BARE if value == -math.inf or name == "xor, autograd" else ()  # drawn as inf, and as nan, are
    run.run(load(*options, *undrawn), tmp_path)
    assert re.search(r"E no longer finite +│ +│ 1 ", capsys.readouterr().out)
    theirs, ours = rows(before / "seeds.csv"), rows(tmp_path / "seeds.csv")
    lost = ours.pop(LOST)
    del theirs[LOST]
    assert ours == theirs
    assert (lost["seed"], lost["solved"], lost["sweeps"], lost["E"]) == (str(LOST), "0", "", "nan")
    others = torch.arange(6) != LOST
    these, those = (torch.load(each / "weights.pt", weights_only=True)["weights"] for each in (before, tmp_path))
    for key, w in these.items():
        assert torch.equal(w[..., others], those[key][..., others])


def test_as_many_are_lost_as_the_summary_says(capsys, tmp_path):
    """With an epsilon at which the weights of some overflow: the others have an E."""
    large = ("population.seeds=40", "learning.sweeps=60", "learning.epsilon=3e38", "learning.alpha=0.97", "threads=1")
    run.run(load("xor", *large, *BARE), tmp_path)
    E = [row["E"] for row in rows(tmp_path / "seeds.csv")]
    assert 0 < E.count("nan") < 40
    assert all(value == "nan" or math.isfinite(float(value)) for value in E)
    assert re.search(rf"E no longer finite +│ +│ {E.count('nan')} ", capsys.readouterr().out)
