"""A run as a whole: what it makes, it makes once."""

from collections import Counter

import pytest

from experiments.options import setup
from experiments.options.load import load
from experiments.run import run
from repro import printed_networks
from repro.networks import Architecture


@pytest.mark.parametrize("experiment", ["symmetry", pytest.param("family_trees", marks=pytest.mark.slow)])
def test_a_run_makes_its_setup_once(monkeypatch, tmp_path, experiment):
    """Task, network and printed network: for training, tables, figures, TensorBoard and checkpoints together."""
    counted = Counter()

    def count(where, name):
        made = getattr(where, name)

        def counting(*arguments, **options):
            counted[name] += 1
            return made(*arguments, **options)

        monkeypatch.setattr(where, name, counting)

    for name in ("training_setup", "task_of", "architecture_of", "learning_of", "error_measure_of", "held_out_of"):
        count(setup, name)
    count(printed_networks, "of")
    count(Architecture, "__post_init__")
    config = load(experiment, "population.seeds=3", "learning.sweeps=4", "record.checkpoint=0", "threads=1")
    for printed in printed_networks.BY_NAME.values():
        assert printed.architecture.groups  # each is made once a process
    counted.clear()
    run(config, tmp_path / "run", quiet=True)
    assert len(counted) == 8
    assert set(counted.values()) == {1}, counted
