"""Titles say what differs from the experiment's own file; the paper's number is a reference of its network alone."""

import pytest

from experiments.options.load import load
from experiments.options.reference import as_told, deciding, own_options, plain, stating
from experiments.options.schema import choices
from experiments.run import run
from experiments.running.figures import figures
from tests.experiments.running.test_tensorboard import events

XOR = "Exclusive-or, 1 hidden unit and direct links (P Fig. 3, p.331)"


@pytest.mark.parametrize("name", choices("experiment"))
def test_the_own_options_are_those_that_hydra_puts_together(name):
    assert own_options(name) == deciding(plain(load(name)))
    assert as_told(load(name)).summary == load(name).summary


def test_who_states_a_number():
    """The grids, which inherit it, do not."""
    assert stating(558) == ("xor",)
    assert stating(1425) == ("symmetry", "symmetry_soft_targets")
    assert stating(2825) == ("parity", "parity_per_case")
    for name in ("xor", "symmetry", "symmetry_soft_targets", "parity", "parity_per_case"):
        assert as_told(load(name)).paper == load(name).paper


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["network.groups.hidden=3"], "network.groups.hidden=3"),
        (["task.target_off=0"], "task.target_off=0"),
        (["network.initial_range=1"], "network.initial_range=1"),
        (["network.links.output=[hidden]"], "network.links.output=[hidden]"),
        (["learning.alpha=0"], "learning.alpha=0"),
        (["rule=per_case"], "learning.alpha=0, learning.change=per_case"),
        (["criterion.tolerance=0.2", "error.form=cross_entropy"], "error.form=cross_entropy, criterion.tolerance=0.2"),
        (
            ["learning.opening=[{sweeps:20,epsilon:0.1,alpha:0}]"],
            "learning.opening=[{sweeps:20,epsilon:0.1,alpha:0}]",
        ),
    ],
    ids=str,
)
def test_another_network_has_no_reference_and_says_what_it_is(overrides, said):
    told = as_told(load("xor", *overrides))
    assert (told.summary, told.paper.sweeps) == (f"{XOR}; but with {said}", None)


def test_of_many_differences_some_are_named():
    told = as_told(load("xor", *(f"learning.{name}" for name in ("epsilon=1", "alpha=0", "decay=0.1"))))
    assert told.summary.endswith("; but with learning.epsilon=1, learning.alpha=0, learning.decay=0.1")
    more = ("learning.epsilon=1", "learning.alpha=0", "learning.decay=0.1", "task.target_on=1", "task.target_off=0")
    assert as_told(load("xor", *more)).summary.endswith(" and 1 more")


def test_what_does_not_decide_leaves_the_reference():
    others = ("population.seeds=7", "learning.sweeps=600", "precision=float64", "compile=false", "record.every=3")
    told = as_told(load("xor", *others, "threads=1", "backward_pass=autograd", "population.first_seed=9"))
    assert (told.summary, told.paper.sweeps) == (XOR, 558)


def test_a_setting_of_a_grid_that_is_the_paper_s_has_it():
    grid = load("symmetry_rules")
    assert as_told(grid).paper.sweeps == 1425
    grid.learning.epsilon = 0.05
    assert as_told(grid).paper.sweeps is None


def test_an_experiment_of_one_s_own():
    """It has a name of its own, which says nothing of what it inherits; a number of its own is its own."""
    own = load("xor", "network.groups.hidden=3", "name=mine")
    own.summary = "Mine"
    assert (as_told(own).summary, as_told(own).paper.sweeps) == ("Mine", None)
    own.paper.sweeps = 77
    assert as_told(own).paper.sweeps == 77


FEW = ("population.seeds=2", "learning.sweeps=8", "record.every=4", "record.progress=false", "threads=1")


def test_nothing_that_a_run_leaves_compares_it_with_another_network(tmp_path, capsys, monkeypatch):
    """Table, figures, TensorBoard. Its options are as they were."""
    drawn = {}

    def seen(config, setup, curves, population):
        drawn.update(title=config.summary, paper=config.paper.sweeps)
        return figures(config, setup, curves, population)

    monkeypatch.setattr("experiments.running.figures.figures", seen)
    run(load("xor", *FEW, "network.groups.hidden=3"), tmp_path / "run")
    said = capsys.readouterr().out
    assert "network.groups.hidden=3" in said
    assert "558" not in said
    assert drawn == {"title": f"{XOR}; but with network.groups.hidden=3", "paper": None}
    assert not (tmp_path / "run" / "paper").exists()
    (text,) = events(tmp_path / "run").Tensors("run/text_summary")
    assert text.tensor_proto.string_val[0].decode().startswith(f"{XOR}; but with network.groups.hidden=3\n")
