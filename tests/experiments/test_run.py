"""A run as a whole: what it makes, it makes once."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
import torch

from experiments.options import setup
from experiments.options.load import load
from experiments.run import run
from repro import printed_networks
from repro.networks import Architecture
from tests.experiments.processes import start


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


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no NVIDIA GPU that it can use here")
@pytest.mark.parametrize("compile", ["true", "false"])
def test_a_run_on_a_gpu_finds_what_one_on_the_cpu_finds(tmp_path, compile):
    """From the command line, in float64: the same seeds learn, after as many sweeps, and have the same outputs."""
    options = ("experiment=xor", "population.seeds=64", "learning.sweeps=500", "precision=float64")
    found = {}
    for device in ("cpu", "cuda"):
        more = (f"device={device}", f"compile={compile if device == 'cuda' else 'false'}")
        process = start(tmp_path, "experiments.run", *options, *more, f"hydra.run.dir={device}")
        _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said
        found[device] = pd.read_csv(tmp_path / device / "seeds.csv")
    here, there = found["cpu"], found["cuda"]
    assert [*here] == [*there]
    assert 0 < here["solved"].sum() < 64
    for column in ("seed", "solved", "sweeps"):
        assert here[column].equals(there[column])
    np.testing.assert_allclose(there.to_numpy(float), here.to_numpy(float), rtol=1e-4, atol=1e-6)
