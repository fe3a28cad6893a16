"""Grids: their settings are those of their files, and one table has all of them."""

import itertools
from collections.abc import Sequence

import pytest
from hydra import compose, initialize_config_dir
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from experiments.catalogue import GRIDS, PUBLISHED, READINGS
from experiments.options.load import jobs, load, settings
from experiments.options.schema import CONFIGS, choices, register
from experiments.studies.grids import COLUMNS, FEATURES, READINGS_COLUMNS, column, rows_of
from experiments.tables import read_rows, write_rows

NAMES = tuple(GRIDS)
BARE = ("record.figures=false", "record.tensorboard=false")


def params(name: str) -> dict[str, object]:
    """hydra.sweeper.params of an experiment's own file."""
    file = OmegaConf.to_container(OmegaConf.load(CONFIGS / "experiment" / f"{name}.yaml"), resolve=False)
    assert isinstance(file, dict)
    found = file["hydra"]["sweeper"]["params"]
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_settings_are_those_of_the_file(name):
    """Every value with every other, the last option's fastest; a glob is all names of its group."""
    values = [
        choices(option) if text == "glob(*)" else [value.strip() for value in str(text).split(",")]
        for option, text in params(name).items()
    ]
    expected = [tuple(zip(params(name), each, strict=True)) for each in itertools.product(*values)]
    assert settings(name) == expected
    assert len(set(expected)) == len(expected) > 5


def by_hydra_s_sweeper(name: str) -> list[Sequence[str]]:
    """What ``python -m experiments.run experiment=NAME`` hands out, by Hydra's own sweeper."""
    register()
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        config = compose("config", [f"experiment={name}"], return_hydra_config=True)
        assert config.hydra.mode.name == "MULTIRUN"
        assert config.hydra.sweeper._target_ == "hydra_plugins.sweepers.Grid"  # it does the same, and plans it first
        own = OmegaConf.to_container(config.hydra.sweeper.params)
        assert isinstance(own, dict)
        texts = [f"{option}={values}" for option, values in own.items()]
        overrides = OverridesParser.create(GlobalHydra.instance().config_loader()).parse_overrides(texts)
        (batch,) = BasicSweeper.split_arguments(overrides, None)
    return batch


def by_the_command_line(name: str) -> list[Sequence[str]]:
    """What the checks of a command line take a multirun to be."""
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        parser = OverridesParser.create(GlobalHydra.instance().config_loader())
        overrides = parser.parse_overrides([f"{option}={values}" for option, values in params(name).items()])
        return list(jobs(overrides))


@pytest.mark.parametrize("name", ["symmetry_depth", "xor_hidden_units", "xor_connections", READINGS])
@pytest.mark.parametrize("run_by", [by_hydra_s_sweeper, by_the_command_line])
def test_a_grid_is_what_a_multirun_would_run(name, run_by):
    assert [tuple(tuple(text.split("=", 1)) for text in job) for job in run_by(name)] == settings(name)


@pytest.mark.parametrize("name", ["xor", "symmetry", "family_trees"])
def test_an_experiment_that_is_no_grid_has_one_empty_setting(name):
    assert settings(name) == [()]


def test_grids_are_the_experiments_that_sweep():
    swept = {name for name in choices("experiment") if settings(name) != [()]}
    assert swept == set(NAMES)
    assert not swept & set(PUBLISHED)


@pytest.mark.parametrize("name", NAMES)
def test_an_option_has_a_column_of_its_own(name):
    """No two options of a grid share one, and none is that of a seed's row."""
    columns = [column(option) for option in params(name)]
    assert len({*columns, *COLUMNS, "n"}) == len(columns) + len(COLUMNS) + 1
    assert all(value.isidentifier() for value in columns)


def test_the_column_of_an_option_is_the_last_part_of_its_name():
    assert [column(option) for option in ("learning.epsilon", "network.groups.hidden", "rule")] == [
        *("epsilon", "hidden", "rule")
    ]


@pytest.mark.parametrize("name", [name for name in GRIDS if name != READINGS])
def test_settings_set_what_they_name(name):
    """The first and the last of each grid, as the run has them."""
    for setting in (settings(name)[0], settings(name)[-1]):
        config = load(name, *(f"{option}={value}" for option, value in setting), "population.seeds=1")
        for option, value in setting:
            if option not in ("rule", "links"):
                found = OmegaConf.select(OmegaConf.structured(config), option)
                found = getattr(found, "value", found)
                assert type(found)(value) == found


RULES = {
    "steepest": (0.0, "per_sweep"),
    "momentum": (0.9, "per_sweep"),
    "per_case": (0.0, "per_case"),
    "per_case_momentum": (0.9, "per_case"),
    "momentum_at_once": (0.9, "per_sweep"),
}


@pytest.mark.parametrize("rule", choices("rule"))
@pytest.mark.parametrize("experiment", ["xor_rules", "symmetry_rules", "family_trees_rules"])
def test_a_rule_is_alpha_and_when_the_weights_change(experiment, rule):
    config, plain = load(experiment, f"rule={rule}"), load(experiment)
    assert (config.learning.alpha, config.learning.change.value) == RULES[rule]
    if rule == "momentum_at_once":
        assert config.learning.opening == []
        config.learning.opening = plain.learning.opening
    config.learning.alpha, config.learning.change = plain.learning.alpha, plain.learning.change
    assert config == plain


@pytest.mark.parametrize("links", choices("links"))
def test_direct_links_go_from_the_input_to_the_output(links):
    config, plain = load("xor_connections", f"links={links}"), load("xor_connections")
    output = ["hidden", "input"] if links == "direct" else ["hidden"]
    assert config.network.links == {"hidden": ["input"], "output": output}
    config.network.links = plain.network.links
    assert config == plain


def test_a_row_is_a_setting_and_a_seed(tmp_path):
    """The setting's columns first, then what COLUMNS names, in the order in which the runs are given."""
    runs = []
    for place, (rule, epsilon) in enumerate((("b", "0.5"), ("a", "0.1"))):
        seeds = tmp_path / f"{place}.csv"
        rows = ({"seed": s, "solved": s % 2, "sweeps": "" if s else 7, "E": 0.5, "other": 3} for s in range(3))
        write_rows(seeds, rows)
        runs.append(((("rule", rule), ("learning.epsilon", epsilon)), seeds))
    rows = list(rows_of(runs))
    assert all(list(row) == ["rule", "epsilon", *COLUMNS] for row in rows)
    assert [(row["rule"], row["epsilon"], row["seed"]) for row in rows] == [
        (rule, epsilon, str(seed)) for rule, epsilon in (("b", "0.5"), ("a", "0.1")) for seed in range(3)
    ]
    assert [row["sweeps"] for row in rows] == ["7", "", ""] * 2
    assert list(rows_of([])) == []


def test_a_grid_of_real_runs(ran):
    """What a run writes has the columns that the table takes."""
    seeds = ran("xor_rules", "rule=per_case", *BARE) / "seeds.csv"
    rows = list(rows_of([((("rule", "per_case"),), seeds)]))
    for row, own in zip(rows, read_rows(seeds), strict=True):
        assert row == {"rule": "per_case", **{key: own[key] for key in COLUMNS}}


def test_the_readings_have_their_best_units(ran):
    seeds = ran("family_trees", *BARE) / "seeds.csv"
    rows = list(rows_of([((("reading", "gain"), ("count", "with_decay")), seeds)]))
    for row, own in zip(rows, read_rows(seeds), strict=True):
        assert [*row] == [
            *("reading", "count", *READINGS_COLUMNS),
            *(name for feature in FEATURES for name in (feature, f"{feature}_shuffled")),
        ]
        assert all(row[key] == own[key] for key in READINGS_COLUMNS)
        for feature in FEATURES:
            assert float(row[feature]) == max(float(own[f"{feature}_unit{unit}"]) for unit in range(1, 7))
            assert row[f"{feature}_shuffled"] == own[f"{feature}_shuffled"]


def test_seeds_that_are_not_there_are_told(tmp_path):
    with pytest.raises(FileNotFoundError):
        list(rows_of([((), tmp_path / "seeds.csv")]))
