"""From options to networks: what two readings have in common, and a start around printed weights."""

import math
from dataclasses import replace

import pytest
import torch

from experiments import build
from experiments.build import load
from experiments.schema import ConfigError, UnitFunction
from repro import output_functions, published
from repro.networks import Architecture
from repro.output_functions import OutputFunction
from repro.population import Population
from repro.training import train

GAIN = math.sqrt(10)


def trained(architecture: Architecture, *overrides: str, sweeps: int = 40) -> Population:
    config = load("family_trees", *overrides, "population.seeds=3", "precision=float64")
    population = Population.start(architecture, build.seeds_of(config), config.network.initial_range, torch.float64)
    task, learning = build.build_task(config), replace(build.build_learning(config), sweeps=sweeps)
    arguments = (population, task, learning, build.build_criterion(config))
    held_out = build.build_held_out(config, task)
    *_, _ = train(*arguments, every=sweeps, measure=build.build_measure(config), held_out=held_out)
    return population


def test_steeper_units_are_larger_first_weights_and_epsilon():
    """``gain`` is one departure: a network whose units are √10 times as steep, all else as printed, is the same net."""
    plain = build.build_architecture(load("family_trees"))

    def y(x: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(GAIN * x)

    steep = OutputFunction(y, lambda dE_dy, x, y: GAIN * dE_dy * y * (1 - y), y)
    inner = dict.fromkeys(plain.receiving, steep)
    literal = trained(Architecture(plain.groups, plain.links, functions=inner))
    gain = trained(plain, "reading=gain")
    for key, w in literal.weights.items():
        torch.testing.assert_close(GAIN * w, gain.weights[key], rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(literal.E, gain.E, rtol=1e-10, atol=0)
    without = trained(plain)
    assert (without.E - gain.E).abs().min() > 1e-3


@pytest.mark.parametrize("name", UnitFunction.__members__)
def test_hidden_units_take_the_function_and_output_units_keep_the_logistic(name):
    plan = build.build_architecture(load("family_trees", f"network.hidden_function={name}"))
    functions = [plan.function(group) for group in plan.receiving]
    assert functions == [getattr(output_functions, name.upper())] * 4 + [output_functions.LOGISTIC]


def test_a_start_around_printed_weights():
    config = load("xor_from_minimum", "population.seeds=50")
    population, printed = build.build_population(config), published.XOR_LOCAL_MINIMUM.replica()
    gaps = torch.cat([(w - printed[key]).flatten(0, 1) for key, w in population.weights.items()])
    assert 0.04 < gaps.abs().max() <= 0.05 + 1e-6
    assert gaps.std(dim=1).min() > 0.01  # every weight of every seed is moved


@pytest.mark.parametrize("start", ["symmetry", "symmetry_pdp"])
def test_printed_symmetry_weights_to_start_from(start):
    config = load("symmetry", f"network.start={start}", "network.initial_range=0", "population.seeds=2")
    printed = getattr(published, start.upper()).replica()
    for key, w in build.build_population(config).weights.items():
        torch.testing.assert_close(w, printed[key].float().expand_as(w), rtol=0, atol=0)


def test_printed_weights_of_another_network_are_refused():
    with pytest.raises(ConfigError, match=r"network.start=xor: is of a network with .*'hidden': 1"):
        build.build_population(load("symmetry", "network.start=xor"))


@pytest.mark.parametrize(
    ("experiment", "seeds", "pays"),
    [
        ("xor", 1, False),
        ("xor", 5_000, True),
        ("symmetry", 1, False),
        ("symmetry", 5_000, True),
        ("parity_per_case", 1, True),
        ("family_trees", 1, False),
        ("family_trees", 1_000, True),
    ],
)
def test_what_takes_long_is_compiled(experiment, seeds, pays):
    assert build.compiles(load(experiment, f"population.seeds={seeds}")) is pays
    assert build.compiles(load(experiment, f"population.seeds={seeds}", "compile=true"))
    assert not build.compiles(load(experiment, f"population.seeds={seeds}", "compile=false"))
    assert not build.compiles(load(experiment, f"population.seeds={seeds}", "backward_pass=autograd"))


def test_a_shard_is_compiled_where_the_whole_is():
    assert build.compiles(load("symmetry", "population.seeds=5000", "population.shard=1/5000"))
