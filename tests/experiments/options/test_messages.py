"""What is meant by an option that there is not, and how an override is written that cannot be taken apart."""

import shlex

import pytest
from hydra.errors import HydraException
from omegaconf import OmegaConf

from experiments.options import folders
from experiments.options.compose import Composer
from experiments.options.folders import GROUPS
from experiments.options.load import load
from experiments.options.messages import MEANT, SYNONYMS, group_recipe, nearest, not_parsed, options_of
from experiments.options.schema import ConfigError


@pytest.fixture(scope="module")
def options() -> list[str]:
    return [*options_of(OmegaConf.structured(load("xor"))), *GROUPS]


def test_what_others_call_it_is_an_option(options):
    """Each word for one option alone, and none that is an option of that place itself."""
    assert {*SYNONYMS} - {*options} == {"hydra.run.dir"}
    assert len(MEANT) == sum(map(len, SYNONYMS.values()))
    assert not {*MEANT} & {*options}


MEANINGS = {
    "learning.lr": "learning.epsilon",
    "lr": "learning.epsilon",
    "learning.epsilom": "learning.epsilon",
    "learning.momentum": "learning.alpha",
    "momentum": "learning.alpha",
    "alpha": "learning.alpha",
    "hidden": "network.groups.hidden",
    "network.hidden": "network.groups.hidden",
    "network.groups.hiden": "network.groups.hidden",
    "seed": "population.first_seed",
    "seeds": "population.seeds",
    "population.seed": "population.seeds",
    "epochs": "learning.sweeps",
    "learning.epochs": "learning.sweeps",
    "train.epochs": "learning.sweeps",
    "batch_size": "learning.change",
    "weight_decay": "learning.decay",
    "optimizer": "rule",
    "loss": "error.form",
    "tolerance": "criterion.tolerance",
    "dtype": "precision",
    "gpu": "device",
    "output_dir": "hydra.run.dir",
    "raeding": "reading",
    "rul": "rule",
    "learnin": "learning",
    "netwrk.groups.hidden": "network.groups.hidden",
    "task.target": "task.target_on",
    "summry": "summary",
    "flavour": None,
    "zzz.zzz": None,
}


@pytest.mark.parametrize("word", MEANINGS)
def test_what_is_meant(options, word):
    assert nearest(word, options) == MEANINGS[word]


def test_a_group_that_is_not_there_is_not_meant():
    with pytest.raises(ConfigError, match="--cfg job"):
        load("family_trees", "hidden=3")


@pytest.mark.parametrize(
    "text",
    ["summary=Übung", "summary=a=b", "summary=a (b)", "summary=it's (so)", 'summary="', "summary=(a\\", "name=é"],
)
def test_the_quoted_form_says_what_was_meant(text):
    """What a shell makes of it is taken apart, and gives the very text."""
    with folders.searching():
        composer = Composer()
        with pytest.raises(HydraException) as refusal:
            composer.parsed(text)
        message = not_parsed(text, refusal.value, composer)
        (written,) = shlex.split(message.partition(" of the shell: ")[2])
        key, _, value = text.partition("=")
        override = composer.parsed(written)
        assert (override.key_or_group, override.value()) == (key, value)


@pytest.mark.parametrize("text", ["fast", "a b=3", "[3]", "=[", "learning.epsilon=[", "x={a"])
def test_without_a_form_that_could_be_meant(text):
    with folders.searching():
        composer = Composer()
        with pytest.raises(HydraException) as refusal:
            composer.parsed(text)
        assert "options are written OPTION=VALUE" in not_parsed(text, refusal.value, composer)


@pytest.mark.parametrize("experiment", ["xor", "symmetry", "encoder", "family_trees"])
def test_the_recipe_puts_a_group_in(experiment):
    network = load(experiment).network
    recipe = shlex.split(group_recipe("second", "3", network.groups, network.links))
    found, output = load(experiment, *recipe).network, list(network.groups)[-1]
    assert list(found.groups)[-2:] == ["second", output]
    assert found.groups == network.groups | {"second": 3}
    assert found.links == network.links | {"second": network.links[output], output: ["second"]}
