"""Directories of a sweep and its jobs: readable, short, no two the same, and no swept option lost."""

import itertools

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from experiments.running.sweep_names import LONGEST_NAME, job_name, short_names, sweep_name, swept_options


def parsed(*texts: str):
    return OverridesParser.create().parse_overrides([*texts])


def test_only_what_is_swept():
    """Of an option that is given twice the last counts, as it does for Hydra."""
    texts = (
        "learning.epsilon=0.1,0.2",
        "population.seeds=5",
        "rule=a,b",
        "learning.epsilon=0.3",
        "task.length=choice(4)",
    )
    assert swept_options(parsed(*texts)) == ["rule", "task.length"]
    assert swept_options(parsed("network.initial_range=interval(0,1)", "seed=range(3)", "experiment=glob(*)")) == [
        "network.initial_range",
        "seed",
        "experiment",
    ]


E, R, MORE, HIDDEN = "learning.epsilon", "rule", "+network.groups.more", "network.groups.hidden"


@pytest.mark.parametrize(
    ("overrides", "swept", "name"),
    [
        (["experiment=xor", f"{E}=0.1", f"{R}=steepest"], [E, R], "3_epsilon=0.1,rule=steepest"),
        ([f"{R}=steepest", f"{E}=0.1"], [E, R], "3_epsilon=0.1,rule=steepest"),
        (["experiment=xor", "population.seeds=5"], [], "3"),
        (["experiment=xor"], [R], "3"),
        (["population.shard=1/4"], ["population.shard"], "3_shard=1_4"),
        ([f"{MORE}=1", f"{HIDDEN}=2"], [MORE, HIDDEN], "3_more=1,hidden=2"),
        (["name=a", "task.name=b"], ["name", "task.name"], "3_name=a,task.name=b"),
        (["network.links.output=[hidden,input]"], ["network.links.output"], "3_output=hidden,input"),
        (["task.held_out_cases=[Colin aunt]"], ["task.held_out_cases"], "3_held_out_cases=Colin_aunt"),
        ([f"{E}="], [E], "3_epsilon=_"),
        (["name=größe"], ["name"], "3_name=größe"),
    ],
    ids=str,
)
def test_the_directory_of_a_job(overrides, swept, name):
    assert job_name(3, overrides, swept) == name


def test_two_options_with_the_same_last_part_have_their_whole_names():
    assert short_names(["a.x", "b.x", "c.y", "hydra/z"]) == {"a.x": "a.x", "b.x": "b.x", "c.y": "y", "hydra/z": "z"}


LONG = "[" + ",".join(f"person {number} aunt" for number in range(50)) + "]"


@pytest.mark.parametrize("count", [1, 2, 5, 9, 40])
@pytest.mark.parametrize("letter", ["a", "ü", "漢"])
def test_what_is_long_is_shortened_and_stays_apart(count, letter):
    """Values that differ at their ends only, in as many options: every name is another, and has every option."""
    swept = [f"task.option_{number}" for number in range(count)]
    names = set()
    for end in range(20):
        overrides = [f"{option}={letter * 60}{LONG}{end}" for option in swept]
        name = job_name(7, overrides, swept)
        assert len(name.encode()) <= LONGEST_NAME
        assert name.startswith("7_option_0=")
        if count <= 5:
            assert [part.partition("=")[0].removeprefix("7_") for part in name.split(",")] == [
                f"option_{number}" for number in range(count)
            ]
        names.add(name)
    assert len(names) == 20


def test_a_value_that_fits_is_whole():
    values = [str(0.1 + 0.2), "cross_entropy_range_2", "symmetric_cross_entropy_range_1"]
    for value in values:
        assert job_name(0, [f"reading={value}"], ["reading"]) == f"0_reading={value}"


@pytest.mark.parametrize(
    ("experiments", "name"),
    [
        (["xor"], "xor"),
        (["xor", "symmetry"], "xor,symmetry"),
        ([f"xor_{number}" for number in range(30)], "xor_0_and_29_more"),
        (["x" * 300], "x" * (LONGEST_NAME - 7) + "~f91fd8"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_the_directory_of_a_sweep(experiments, name):
    found = sweep_name(experiments)
    assert len(found.encode()) <= LONGEST_NAME
    assert found[:100] == name[:100]


def test_no_name_leads_elsewhere():
    for value, option in itertools.product(
        ("..", ".", "/", "../../x", "a/b", "\\", "", "\n", "~", "$HOME", "*", "'"), ("name", "a.b")
    ):
        for name in (job_name(0, [f"{option}={value}"], [option]), sweep_name([value])):
            assert not set(name) & set("/\\\n*$'\" ")
            assert name.startswith("0_") or name not in ("", ".", "..")
