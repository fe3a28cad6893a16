"""From options to networks: what two readings have in common, and a start around printed weights."""

import math
from dataclasses import replace

import pytest
import torch

from experiments.options import machine
from experiments.options.load import load
from experiments.options.schema import Config, ConfigError
from experiments.options.setup import (
    architecture_of,
    first_population,
    stacked,
    training_setup,
)
from repro import output_functions
from repro import printed_networks as published
from repro.choices import BackwardPass, UnitFunction
from repro.networks import Architecture
from repro.output_functions import OutputFunction
from repro.population import Population
from repro.training import train

GAIN = math.sqrt(10)


def seconds(config: Config) -> float:
    return machine.seconds_uncompiled(training_setup(config), config.population.seeds)


def compiles(config: Config) -> bool:
    return machine.compiles(config, training_setup(config))


def trained(architecture: Architecture, *overrides: str, sweeps: int = 40) -> Population:
    config = load("family_trees", *overrides, "population.seeds=3", "precision=float64")
    setup = training_setup(config)
    setup = replace(setup, architecture=architecture, learning=replace(setup.learning, sweeps=sweeps))
    population = first_population(config, setup)
    *_, _ = train(population, setup, every=sweeps)
    return population


def test_steeper_units_are_larger_first_weights_and_epsilon():
    """``gain`` is one departure: a network whose units are √10 times as steep, all else as printed, is the same net."""
    plain = architecture_of(load("family_trees"))

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
    plan = architecture_of(load("family_trees", f"network.hidden_function={name}"))
    functions = [plan.function(group) for group in plan.receiving]
    assert functions == [getattr(output_functions, name.upper())] * 4 + [output_functions.LOGISTIC]


def test_a_start_around_printed_weights():
    config = load("xor_from_minimum", "population.seeds=50")
    population, printed = first_population(config, training_setup(config)), published.XOR_LOCAL_MINIMUM.replica()
    gaps = torch.cat([(w - printed[key]).flatten(0, 1) for key, w in population.weights.items()])
    assert 0.04 < gaps.abs().max() <= 0.05 + 1e-6
    assert gaps.std(dim=1).min() > 0.01  # every weight of every seed is moved


@pytest.mark.parametrize("start", ["symmetry", "symmetry_pdp"])
def test_printed_symmetry_weights_to_start_from(start):
    config = load("symmetry", f"network.start={start}", "network.initial_range=0", "population.seeds=2")
    printed = getattr(published, start.upper()).replica()
    for key, w in first_population(config, training_setup(config)).weights.items():
        torch.testing.assert_close(w, printed[key].float().expand_as(w), rtol=0, atol=0)


def test_printed_weights_of_another_network_are_refused():
    config = load("symmetry", "network.start=xor")
    setup = training_setup(config)
    with pytest.raises(ConfigError, match=r"network.start=xor: is of a network with .*'hidden': 1"):
        first_population(config, setup)


# Layers ------------------------------------------------------------------------------------------------------


def test_one_layer_is_the_network_as_it_is_written():
    for name in ("symmetry", "xor", "family_trees", "symmetry_no_hidden"):
        network = load(name).network
        assert stacked(network.groups, network.links, 1) == (network.groups, network.links)


def test_layers_are_each_fed_by_the_one_below():
    """What was fed by the hidden units is fed by the topmost; what is beside them stays."""
    groups = {"input": 6, "hidden": 4, "aside": 2, "output": 1}
    links = {"hidden": ["input"], "aside": ["input"], "output": ["aside", "hidden", "input"]}
    tall, wired = stacked(groups, links, 3)
    assert list(tall.items()) == [
        ("input", 6),
        ("hidden", 4),
        ("hidden2", 4),
        ("hidden3", 4),
        ("aside", 2),
        ("output", 1),
    ]
    assert wired == {
        "hidden": ["input"],
        "hidden2": ["hidden"],
        "hidden3": ["hidden2"],
        "aside": ["input"],
        "output": ["aside", "hidden3", "input"],
    }
    assert (groups["hidden"], links["output"]) == (4, ["aside", "hidden", "input"])  # the options stay as they are


@pytest.mark.parametrize("layers", [1, 2, 5, 20])
def test_a_tall_network_has_the_weights_of_its_layers(layers):
    plan = architecture_of(load("symmetry", f"network.layers={layers}", "network.groups.hidden=3"))
    assert plan.weight_count == 3 * 7 + (layers - 1) * 3 * 4 + 4
    assert [plan.function(group) for group in plan.receiving] == [output_functions.LOGISTIC] * (layers + 1)


@pytest.mark.parametrize("layers", [2, 4])
def test_every_layer_has_the_hidden_function(layers):
    plan = architecture_of(load("symmetry", f"network.layers={layers}", "network.hidden_function=tanh"))
    functions = [plan.function(group) for group in plan.receiving]
    assert functions == [output_functions.TANH] * layers + [output_functions.LOGISTIC]


def test_layers_are_the_same_network_as_groups_written_out():
    """From the same first weights, the same E after some sweeps, to the last bit."""
    E = []
    for written_out in (False, True):
        config = load("symmetry", "network.layers=2", "population.seeds=4")
        if written_out:
            config.network.layers = 1
            config.network.groups = {"input": 6, "hidden": 2, "second": 2, "output": 1}
            config.network.links = {"hidden": ["input"], "second": ["hidden"], "output": ["second"]}
        setup = training_setup(config)
        setup = replace(setup, learning=replace(setup.learning, sweeps=30))
        population = first_population(config, setup)
        *_, _ = train(population, setup, every=30)
        E.append(population.E)
    assert torch.equal(*E)


def test_layers_count_in_the_time_that_a_run_takes():
    one, many = (seconds(load("symmetry", f"network.layers={n}")) for n in (1, 20))
    assert many > one


# Compiling ---------------------------------------------------------------------------------------------------


def test_seconds_are_those_of_the_changes_and_the_products():
    """XOR 2-2-1: 9 weights, 4 cases; a change a sweep costs one start, a change a case four."""
    config = load("xor_2_2_1", "population.seeds=100", "learning.sweeps=10")
    products = 4 * 9 * machine.PRODUCT_TAKES
    once = 10 * (machine.CHANGE_STARTS + 100 * (machine.CHANGE_TAKES + products))
    assert seconds(config) == pytest.approx(once)
    each = load("xor_2_2_1", "population.seeds=100", "learning.sweeps=10", "rule=per_case")
    assert seconds(each) == pytest.approx(
        10 * (4 * machine.CHANGE_STARTS + 100 * (4 * machine.CHANGE_TAKES + products))
    )


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
    config = load(experiment)
    config.population.seeds = seeds
    assert compiles(config) is pays
    assert compiles(replace(config, compile=True))
    assert not compiles(replace(config, compile=False))
    assert not compiles(replace(config, backward_pass=BackwardPass.autograd))


def test_a_shard_is_compiled_where_the_whole_is():
    assert compiles(load("symmetry", "population.seeds=5000", "population.shard=1/5000"))
