"""Shares and quartiles against values known from elsewhere."""

import math

import numpy as np
import pytest
import torch

from experiments.options.load import load
from experiments.options.setup import first_population, training_setup
from experiments.running.summary import metrics
from experiments.statistics import Share, median, place, quartiles, quartiles_text


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [
        (0, 10, 0.0, 0.2775),  # the textbook table of Wilson's interval
        (1, 10, 0.0179, 0.4042),
        (5, 10, 0.2366, 0.7634),
        (10, 10, 0.7225, 1.0),
        (0, 1000, 0.0, 0.0038),
        (1, 1, 0.2065, 1.0),
    ],
)
def test_wilson_interval(k, n, low, high):
    assert Share(k, n).interval == pytest.approx((low, high), abs=5e-5)


def test_wilson_interval_by_its_formula():
    k, n, z = 638, 1000, 1.959964
    p = k / n
    middle, half = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    assert Share(k, n).interval == pytest.approx(((middle - half) / scale, (middle + half) / scale), abs=1e-6)


def test_share_in_words():
    assert str(Share(6379, 10_000)) == "63.8 % (6,379 of 10,000; 62.8 to 64.7)"


@pytest.mark.parametrize(
    ("values", "expected"),
    [([7], (7, 7, 7)), ([1, 2, 3, 4, 5], (2, 3, 4)), ([4, 1, 3, 2], (1.75, 2.5, 3.25))],
)
def test_quartiles(values, expected):
    assert quartiles(values) == expected
    assert median(values) == expected[1]


def test_quartiles_are_numpy_s():
    values = np.random.default_rng(0).exponential(size=37)
    assert quartiles(values.tolist()) == pytest.approx(np.quantile(values, [0.25, 0.5, 0.75]).tolist())
    assert quartiles(values) == quartiles(values.tolist())


def test_nothing_has_no_quartiles():
    assert all(math.isnan(value) for value in quartiles([]))
    assert quartiles_text([]) == "-"


def test_quartiles_in_words():
    assert quartiles_text([800, 1200, 2000]) == "1,200 (1,000 to 1,600)"


def test_an_infinite_value_is_larger_than_all_others():
    """As ``family_page`` counts networks that have diverged."""
    assert median([1.0, 2.0, math.inf]) == 2
    assert median([1.0, math.inf, math.inf]) == math.inf
    assert quartiles([1.0, 2.0, 3.0, math.inf]) == (1.75, 2.5, math.inf)
    assert quartiles([math.inf] * 4) == (math.inf, math.inf, math.inf)


def test_place():
    assert place([1000, 1400, 1500, 1600], 1425) == 0.5
    assert place([1, 2], 2) == 1
    assert place([3, 4], 2) == 0


def test_metrics_are_of_the_seeds_that_learned_and_the_share_is_of_all():
    population = first_population(load("xor", "population.seeds=4"), training_setup(load("xor", "population.seeds=4")))
    population.learned_at = torch.tensor([100, -1, 300, -1], dtype=torch.int32)
    population.E = torch.tensor([0.0, 1.0, 2.0, torch.nan])
    found = metrics(population)
    assert (found["final/learned"], found["final/sweeps_median"], found["final/E_median"]) == (0.5, 200, 1)
