"""What becomes of the snapshots of a population: the curves."""

from dataclasses import replace

import pytest
import torch

from experiments.files import number
from experiments.options.load import load
from experiments.options.setup import first_population, training_setup
from experiments.running.curves import KEY_BITS, QUANTILES, Curves, in_order, quartiles
from experiments.running.figures import typical
from experiments.running.summary import metrics
from repro.population import NEVER
from repro.training import Snapshot


def test_numbers_of_a_csv_file():
    assert [number(x) for x in (0.1234567, 1425.0, 1e-9, float("nan"), float("inf"))] == [
        *("0.123457", "1425", "1e-09"),
        *("nan", "inf"),
    ]


def test_curves_leave_a_replica_without_a_number_out():
    population = first_population(load("xor", "population.seeds=4"), training_setup(load("xor", "population.seeds=4")))
    population.E = torch.tensor([1.0, 2.0, 3.0, torch.nan])
    population.learned_at = torch.tensor([5, -1, -1, -1], dtype=torch.int32)
    curves = Curves()
    curves(Snapshot(7, population))
    assert (curves.sweeps, curves.E, curves.learned) == ([7], [[1.5, 2.0, 2.5]], [0.25])


def test_quartiles_are_torchs():
    generator = torch.Generator().manual_seed(0)
    for n in (1, 2, 3, 4, 5, 8, 1001, 9001):
        for lost in (0.0, 0.3):
            E = torch.rand(n, generator=generator)
            E[torch.rand(n, generator=generator) < lost] = torch.nan
            expected = torch.nanquantile(E.double(), torch.tensor(QUANTILES, dtype=torch.double))
            found = torch.tensor(quartiles(E), dtype=torch.double)
            torch.testing.assert_close(found, expected, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_numbers_of_a_rank_are_those_of_a_sort(dtype):
    """Among more than are sorted: of all sizes, below 0, alike, infinite."""
    generator = torch.Generator().manual_seed(0)
    drawn = torch.randn(3 * 2**KEY_BITS, generator=generator, dtype=dtype)
    lost = torch.rand(len(drawn), generator=generator) < 0.3
    for values in (
        drawn,
        drawn.abs(),
        drawn * 10.0 ** torch.randint(-30, 30, drawn.shape, generator=generator),
        1 + drawn * 1e-6,
        drawn.round(),
        drawn.masked_fill(lost, torch.inf),
        drawn.masked_fill(lost, -torch.inf),
        torch.zeros_like(drawn),
    ):
        ordered = values.double().sort().values.tolist()
        ranks = [0, 1, 4_000, len(drawn) // 2, len(drawn) // 2, len(drawn) - 1]
        assert in_order(values.numpy(), ranks) == [ordered[rank] for rank in ranks]


@pytest.mark.slow
def test_a_population_of_more_than_2_to_the_24_is_counted_to_the_last():
    """Where float32 ends, and torch's quantiles: one replica more than all others has learned, the last but one."""
    many = 2**24 + 3
    one = first_population(load("xor"), training_setup(load("xor", "population.seeds=1")))
    learned_at = torch.full((many,), 7, dtype=torch.int32)
    learned_at[-1], learned_at[-2] = NEVER, 9
    E = torch.full((many,), 0.25)
    E[-1] = 0.5
    population = replace(one, seeds=range(many), learned_at=learned_at, E=E)
    curves = Curves()
    curves(Snapshot(10, population))
    assert curves.E == [[0.25, 0.25, 0.25]]
    assert curves.learned == [(many - 1) / many]
    assert metrics(population)["final/learned"] == (many - 1) / many < 1
    assert metrics(population)["final/sweeps_median"] == 7
    assert typical(population, 9) == many - 2
    assert population.seed_numbers[-1] == many - 1


@pytest.mark.slow
def test_a_population_of_more_than_2_to_the_24_has_quartiles():
    """Where ``torch.nanquantile`` ends."""
    assert quartiles(torch.arange(2**24 + 1, dtype=torch.double)) == [2**22, 2**23, 3 * 2**22]
