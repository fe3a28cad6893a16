"""Seeds to first weights: the same in any company, uniform, and different for different seeds."""

import pytest
import torch
from scipy import stats

from repro.networks import Architecture
from repro.population import NEVER, Population, initial_weights, replicas_per_chunk
from tests.plans import PLANS

SYMMETRY = PLANS["symmetry 6-2-1"].architecture


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("plan", [PLANS["xor 2-1-1"], PLANS["symmetry 6-2-1"]], ids=["xor", "symmetry"])
def test_replica_17_of_10000_starts_as_seed_17_alone(plan, dtype):
    together = initial_weights(plan.architecture, range(10_000), 0.3, dtype)
    alone = initial_weights(plan.architecture, [17], 0.3, dtype)
    for key, w in alone.items():
        assert w.dtype == dtype
        assert together[key][..., 17:18].equal(w)


def test_more_seeds_than_are_drawn_at_once(monkeypatch):
    whole = initial_weights(SYMMETRY, range(10), 0.3)
    monkeypatch.setattr("repro.population.DRAWN_AT_ONCE", 4)
    for key, w in initial_weights(SYMMETRY, range(10), 0.3).items():
        assert w.equal(whole[key])


def test_a_start_does_not_depend_on_the_order_of_the_seeds():
    one, other = (initial_weights(SYMMETRY, seeds, 0.3) for seeds in ([5, 17, 99], [17, 99, 5]))
    for key in one:
        assert one[key].equal(other[key][..., [2, 0, 1]])


def test_float32_is_float64_rounded():
    single, double = (initial_weights(SYMMETRY, range(5), 0.3, dtype) for dtype in (torch.float32, torch.float64))
    for key in single:
        assert single[key].equal(double[key].float())


def test_weights_are_uniform_in_the_range():
    drawn = torch.cat([w.flatten() for w in initial_weights(SYMMETRY, range(10_000), 0.3, torch.float64).values()])
    assert len(drawn) == 170_000
    assert -0.3 <= drawn.min() < -0.299
    assert 0.299 < drawn.max() <= 0.3
    assert stats.kstest(drawn.numpy(), stats.uniform(-0.3, 0.6).cdf).pvalue > 0.01


def test_each_weight_is_uniform_over_the_seeds_and_independent_of_the_others():
    weights = initial_weights(SYMMETRY, range(4_000), 1.0, torch.float64)
    rows = torch.cat([w.reshape(-1, 4_000) for w in weights.values()])
    assert min(stats.kstest(row.numpy(), stats.uniform(-1, 2).cdf).pvalue for row in rows) > 0.01 / len(rows)
    correlation = rows.corrcoef() - torch.eye(len(rows))
    assert correlation.abs().max() < 0.08  # 5 standard errors


def test_the_range_scales_the_weights():
    one, three = (initial_weights(SYMMETRY, [4], scale, torch.float64) for scale in (1.0, 3.0))
    for key in one:
        torch.testing.assert_close(three[key], 3 * one[key])
    assert not any(w.any() for w in initial_weights(SYMMETRY, [4], 0.0).values())


def test_a_negative_range_is_refused():
    with pytest.raises(ValueError, match=r"initial_range=-0\.3"):
        initial_weights(SYMMETRY, [0], -0.3)


def test_different_seeds_differ():
    seeds = [0, 1, 2, 3, 2**31 - 1, 2**31, 2**31 + 1, 2**32 - 1]
    weights = initial_weights(SYMMETRY, seeds, 0.3)["input->hidden"].reshape(12, -1)
    assert len({tuple(column) for column in weights.T.tolist()}) == len(seeds)


@pytest.mark.parametrize("seed", [-1, 2**32, 2**64 - 1])
def test_a_seed_that_would_repeat_another_is_refused(seed):
    """torch's CPU generator looks at the last 32 bits: 2^32 starts as 0 does, and -1 as 2^32 - 1 does."""
    with pytest.raises(ValueError, match=f"seed {seed}: must be at least 0 and below"):
        initial_weights(SYMMETRY, [0, seed], 0.3)


def test_seeds_do_not_touch_the_global_generator():
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    initial_weights(SYMMETRY, range(3), 0.3)
    assert torch.rand(1).equal(expected)


def test_the_order_of_drawing_is_that_of_the_shapes_row_by_row():
    weights = initial_weights(SYMMETRY, [3], 1.0, torch.float64)
    drawn = torch.rand(17, generator=torch.Generator().manual_seed(3), dtype=torch.float64) * 2 - 1
    assert list(weights) == list(SYMMETRY.weight_shapes)
    assert torch.cat([w.flatten() for w in weights.values()]).equal(drawn)


def test_shared_weights_are_drawn_once():
    weights = initial_weights(PLANS["shared"].architecture, [0, 1], 0.3)
    assert {key: tuple(w.shape) for key, w in weights.items()} == {
        "step0->step1": (2, 2, 2),
        "bias->step1": (2, 1, 2),
    }


def test_a_population_before_its_first_sweep():
    population = Population.start(SYMMETRY, [7, 3], 0.3, torch.float64)
    assert population.seeds == (7, 3)
    assert population.sweep == 0
    assert population.learned_at.tolist() == [NEVER, NEVER]
    assert population.learned.tolist() == [False, False]
    assert population.E.isnan().all()
    assert population.E.dtype == torch.float64
    for key, w in population.weights.items():
        assert population.delta_w[key].shape == w.shape
        assert not population.delta_w[key].any()
        assert population.replica(1)[key].equal(w[..., 1])


def test_replicas_taken_are_those_asked_for_in_their_order():
    population = Population.start(SYMMETRY, [7, 3, 5], 0.3, torch.float64)
    population.delta_w = {key: 2 * w for key, w in population.weights.items()}
    population.learned_at, population.E = torch.tensor([70, 30, 50]), torch.tensor([0.7, 0.3, 0.5])
    population.sweep = 80
    taken = population.take([2, 0, 2])
    assert (taken.seeds, taken.sweep, taken.architecture) == ((5, 7, 5), 80, SYMMETRY)
    assert taken.learned_at.tolist() == [50, 70, 50]
    assert taken.E.equal(torch.tensor([0.5, 0.7, 0.5]))
    for key, w in population.weights.items():
        assert taken.weights[key].equal(torch.stack([w[..., 2], w[..., 0], w[..., 2]], dim=2))
        assert taken.delta_w[key].equal(2 * taken.weights[key])
        taken.weights[key].zero_()
        assert w.any()


@pytest.mark.parametrize("seeds", [range(5), range(7, 12), range(0, 9, 3), [4], [9, 2, 5]])
def test_seeds_as_a_tensor(seeds):
    found = Population.start(PLANS["xor 2-1-1"].architecture, seeds, 0.3).seed_numbers
    assert found.dtype == torch.int64
    assert found.tolist() == list(seeds)


def test_output_biases_may_start_elsewhere():
    """The others start as they would."""
    plain, moved = (Population.start(SYMMETRY, [7, 3], 0.3, output_bias=bias) for bias in (None, -3.0))
    assert moved.weights["bias->output"].eq(-3).all()
    assert all(moved.weights[key].equal(w) for key, w in plain.weights.items() if key != "bias->output")


def test_replicas_per_chunk_by_hand():
    """64 cases, the widest product from 6 units to 2, 8 bytes: 6,144 bytes a replica."""
    assert replicas_per_chunk(SYMMETRY, 64, torch.float64, 61_440) == 10
    assert replicas_per_chunk(SYMMETRY, 64, torch.float32, 61_440) == 16  # of 20, whole vectors only
    assert replicas_per_chunk(SYMMETRY, 64, torch.float64, 1) == 1
    wide = Architecture(
        {"input": 6, "low": 5, "high": 4, "output": 1}, {"low": ["input"], "high": ["low"], "output": ["high"]}
    )
    assert replicas_per_chunk(wide, 10, torch.float64, 10 * 30 * 8 * 3 + 1) == 3
