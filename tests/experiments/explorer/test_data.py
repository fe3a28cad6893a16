"""What the explorer's page is made of: which networks, which of their sweeps, and what it cannot show."""

import base64

import numpy as np
import pandas as pd
import pytest

from experiments.catalogue import RESULTS
from experiments.explorer.data import encoded, experiment_data, spaced, typical_seeds
from experiments.explorer.page import D3, SCRIPTS, SOURCE
from experiments.options.schema import ConfigError


def test_every_script_is_in_the_page():
    assert sorted(SCRIPTS) == sorted(path.name for path in SOURCE.glob("*.js") if path.name != D3)


def test_doubles_keep_every_bit():
    numbers = np.array([0.1, -1e-300, 3.5, 2 / 3])
    assert np.frombuffer(base64.b64decode(encoded(numbers)), "<f8").tolist() == numbers.tolist()


def test_kept_sweeps_follow_the_curve():
    E = np.concatenate([np.full(500, 4.0), np.linspace(4, 0, 20), np.zeros(480)])
    kept = spaced(E, 50)
    assert (kept[0], kept[-1]) == (0, 999)
    assert len(kept) <= 50
    assert sum(500 <= sweep < 520 for sweep in kept) >= 10
    assert max(np.diff(kept)) < 60
    assert spaced(np.array([1.0, 0.5]), 50) == [0, 1]
    assert len(spaced(np.ones(900), 10)) == 10  # a curve that does not move


def test_typical_seeds_are_the_median_and_the_first_that_failed():
    rows = [(0, 1, 90), (1, 0, np.nan), (2, 1, 50), (3, 1, 70), (4, 0, np.nan)]
    networks = pd.DataFrame(rows, columns=["seed", "solved", "sweeps"])
    assert typical_seeds(networks) == [3, 1]
    assert typical_seeds(networks[1:2]) == [1]
    assert typical_seeds(networks[:1]) == [0]
    assert typical_seeds(networks.assign(solved=1, sweeps=70)) == [0]  # the first of equals


def test_what_the_page_cannot_show_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"xor\.csv is missing"):
        experiment_data("xor", tmp_path)
    for option in ("error.form=cross_entropy", "network.hidden_function=tanh", "learning.change=per_case"):
        with pytest.raises(ConfigError, match=option.split("=")[0]):
            experiment_data("xor", RESULTS, option)
