"""Options loaded with the files put together once are those that Hydra composes each time."""

import pytest
from hydra.errors import HydraException
from omegaconf import OmegaConf

from experiments.options import load as options
from experiments.options.load import _composed, load
from experiments.options.schema import ConfigError

LINES = [
    ("xor",),
    ("xor", "learning.epsilon=0.7", "population.seeds=9", "compile=true", "threads=1", "record.progress=false"),
    ("xor", "learning.epsilon=1e-9", "learning.epsilon=3", "criterion.stop=false", "record.every=null"),
    (
        "symmetry",
        "network.groups.hidden=4",
        "network.links.output=[hidden,input]",
        "network.biases=[]",
        "rule=per_case",
    ),
    ("symmetry", "learning.opening=[{sweeps:20,epsilon:0.5,alpha:0.5}]", "network.hidden_function=tanh"),
    ("family_trees", "task.held_out_cases=[Colin aunt,James father]", "reading=epsilon_10", "count=without_decay"),
    ("family_trees_rules", "rule=momentum_at_once", "learning.epsilon=0.25"),
    ("xor", "~network.links.hidden", "~network.groups.hidden", "network.links.output=[input]"),
    ("xor", "summary='a: b'", "error.form=cross_entropy", "learning.change=per_case", "precision=float64"),
]


@pytest.mark.parametrize("line", LINES, ids=" ".join)
def test_as_hydra_composes_them(line):
    name, *overrides = line
    assert load(*line) == OmegaConf.to_object(_composed(name, tuple(overrides)))


def test_each_has_objects_of_its_own():
    one, other = load("xor", "learning.epsilon=0.7"), load("xor", "learning.epsilon=0.7")
    one.network.groups["hidden"] = 5
    one.learning.epsilon = 0.1
    assert other == load("xor", "learning.epsilon=0.7")
    assert load("xor").learning.epsilon == 0.5


def test_another_value_composes_nothing(monkeypatch):
    load("xor", "rule=steepest")
    monkeypatch.setattr(options, "compose", lambda *arguments: pytest.fail("composed"))
    assert load("xor", "rule=steepest", "learning.epsilon=0.123").learning.epsilon == 0.123


@pytest.mark.parametrize(
    "bad", ["learning.epsilom=1", "learning.epsilon=fast", "learning.epsilon=1,2", "learning.epsilon=["]
)
def test_what_hydra_refuses_is_refused_by_it(bad):
    with pytest.raises(HydraException):
        load("xor", bad)
    with pytest.raises(ConfigError, match=r"learning\.epsilon=-1"):
        load("xor", "learning.epsilon=-1")
