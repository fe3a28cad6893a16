"""What becomes of the looks at a population: the curves."""

import torch

from experiments.options.build import build_population
from experiments.options.load import load
from experiments.running.curves import Curves, number
from repro.training import Look


def test_numbers_of_a_csv_file():
    assert [number(x) for x in (0.1234567, 1425.0, 1e-9, float("nan"), float("inf"))] == [
        *("0.123457", "1425", "1e-09"),
        *("nan", "inf"),
    ]


def test_curves_leave_a_replica_without_a_number_out():
    population = build_population(load("xor", "population.seeds=4"))
    population.E = torch.tensor([1.0, 2.0, 3.0, torch.nan])
    population.met_at = torch.tensor([5, -1, -1, -1], dtype=torch.int32)
    curves = Curves()
    curves(Look(7, population))
    assert (curves.sweeps, curves.E, curves.met) == ([7], [[1.5, 2.0, 2.5]], [0.25])
