"""What is saved of a run's options is what they were when it began, and is what it goes on with."""

import sys
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from experiments import run
from experiments.options.load import load
from experiments.options.schema import Config
from experiments.running.checkpoint import OPTIONS, as_config, check_options
from tests.experiments.running.test_checkpoint import interrupted

FEW = ("experiment=xor", "learning.sweeps=4", "record.every=2", "threads=1", "compile=false")
BARE = ("record.figures=false", "record.tensorboard=false", "record.progress=false")
ASKING = (
    "population.seeds=3",
    "learning.epsilon=${oc.env:BACKPROP_1986_EPSILON}",
    "learning.opening=[{sweeps:2,epsilon:${learning.epsilon},alpha:0.5}]",
    "population.first_seed=${population.seeds}",
    "summary=${name}_${now:%f}_in_${hydra:runtime.output_dir}",
)


@pytest.fixture
def start(monkeypatch, tmp_path):
    """``start(*arguments)`` is a command, in a directory of its own; it may end by an interrupt."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BACKPROP_1986_EPSILON", "0.375")

    def do(*arguments: str, at: int | None = None) -> None:
        monkeypatch.setattr(sys, "argv", ["run.py", *arguments])
        if at is None:
            run.main()
        else:
            assert interrupted(run.main, at) == 130

    return do


def saved(directory: Path) -> Config:
    text = (directory / OPTIONS).read_text(encoding="utf-8")
    assert "$" not in text
    return as_config(OmegaConf.create(text))


def test_what_was_asked_of_others_is_saved_as_it_was(start, tmp_path, monkeypatch):
    """The time, the environment, another option and the job: and the run goes on where they are others, or gone."""
    start(*FEW, *BARE, *ASKING, "hydra.run.dir=cut", at=1)
    config = saved(tmp_path / "cut")
    assert (config.learning.epsilon, config.learning.opening[0].epsilon) == (0.375, 0.375)
    assert config.population.first_seed == 3
    assert config.summary.startswith("xor_")
    assert config.summary.endswith(f"_in_{tmp_path / 'cut'}")
    monkeypatch.delenv("BACKPROP_1986_EPSILON")
    check_options(tmp_path / "cut", config)
    start("resume=cut")
    assert saved(tmp_path / "cut") == config
    assert (tmp_path / "cut" / "seeds.csv").exists()


@pytest.mark.parametrize("launcher", ["basic", "side_by_side"])
def test_each_job_has_its_own(start, tmp_path, launcher):
    asking = ("population.seeds=2", "population.first_seed=${hydra:job.num}", "learning.alpha=0,0.5")
    start("-m", *FEW, *BARE, *asking, f"hydra/launcher={launcher}", "hydra.sweep.dir=both")
    found = [saved(directory) for directory in sorted((tmp_path / "both").iterdir()) if directory.is_dir()]
    assert [(config.population.first_seed, config.learning.alpha) for config in found] == [(0, 0.0), (1, 0.5)]


def test_where_nothing_is_asked_it_is_what_is_loaded(start, tmp_path):
    start(*FEW, *BARE, "population.seeds=2", "rule=steepest", "hydra.run.dir=plain")
    given = (*FEW[1:], *BARE, "population.seeds=2", "rule=steepest")
    assert saved(tmp_path / "plain") == load("xor", *given)


def test_a_value_that_a_sweeper_has_chosen_is_checked_in_the_job(start, tmp_path, monkeypatch, capsys):
    """As where the command line could not say what it would be."""
    monkeypatch.setattr(run, "check_arguments", lambda *given: None)
    with pytest.raises(SystemExit) as end:
        start(*FEW, *BARE, "population.seeds=2", "learning.epsilon=-1", "hydra.run.dir=refused")
    assert end.value.code == 2
    assert capsys.readouterr().err.startswith("experiments.run: learning.epsilon=-1.0: must be a number above 0")
    assert not list((tmp_path / "refused").rglob("*.csv"))
