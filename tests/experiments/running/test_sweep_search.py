"""Sweepers that go by what a run hands back: ours, ``hydra/sweeper=search``, and those of others."""

import csv
import importlib
import json
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper

from experiments import run
from experiments.options.load import load
from experiments.options.schema import CONFIGS, ConfigError, Metric
from experiments.running import command_line
from experiments.running.sweep_plan import Plan
from experiments.running.sweep_search import Space
from experiments.running.sweep_table import metric
from tests.experiments.running.sweeping import XOR, Command, command

__all__ = ["command"]
THERE = "hydra.sweep.dir=there"
SEARCH = ("-m", *XOR, "learning.sweeps=300", "hydra/sweeper=search", "record.metric=median_sweeps", THERE)
SPACE = ("learning.epsilon=tag(log,interval(0.1,2))", "network.groups.hidden=1,2", "hydra.sweeper.trials=4")


def rows(directory: Path) -> list[dict[str, str]]:
    with (directory / "sweep.csv").open() as file:
        return list(csv.DictReader(file))


# What a run hands back -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seeds", "found"),
    [
        ("0,1,40,0.1\n1,1,60,0.2\n2,0,,0.9\n3,0,,0.8\n", {"learned": 0.5, "median_sweeps": 80.0, "E": 0.5}),
        ("0,1,40,0.1\n1,1,60,0.2\n2,0,,nan\n", {"learned": 2 / 3, "median_sweeps": 60.0, "E": 0.2}),
        ("0,0,,nan\n1,0,,inf\n2,0,,0.5\n", {"learned": 0.0, "median_sweeps": 100.0, "E": np.inf}),
    ],
    ids=["half learned", "one diverged", "most diverged"],
)
def test_each_metric_by_hand(tmp_path, seeds, found):
    """One that has not learned counts with all the sweeps there were; E of one that has diverged is infinite."""
    (tmp_path / "seeds.csv").write_text("seed,solved,sweeps,E\n" + seeds)
    config = load("xor", "learning.sweeps=100")
    assert metric(config, tmp_path) is None
    for name in Metric:
        config.record.metric = name
        assert metric(config, tmp_path) == pytest.approx(found[name.value])


def test_a_run_by_itself_hands_it_back_too(command, monkeypatch):
    found, start = [], run.sweep.metric_found
    monkeypatch.setattr(run.sweep, "metric_found", lambda job: found.append(start(job)) or found[-1])
    command(*XOR, "record.metric=E", "hydra.run.dir=here")
    with Path("here/seeds.csv").open() as file:
        E = [float(row["E"]) for row in csv.DictReader(file)]
    assert found == [pytest.approx(np.median(E))]


# Ours ----------------------------------------------------------------------------------------------------------


def test_a_search_goes_by_what_was_found(command, tmp_path):
    said = command(*SEARCH, *SPACE)
    assert (said.code, said.err, said.last) == (0, "", [])
    found = rows(tmp_path / "there")
    assert len(found) == 4
    assert list(found[0])[:3] == ["job", "learning.epsilon", "network.groups.hidden"]
    for row in found:
        assert 0.1 <= float(row["learning.epsilon"]) <= 2
        assert row["job"] == f"{row['job'][0]}_epsilon={row['learning.epsilon']},hidden={row['network.groups.hidden']}"
        assert len(row["learning.epsilon"]) <= 8
    assert len({row["learning.epsilon"] for row in found}) == 4
    values = []
    for row in found:
        config = load("xor", "record.metric=median_sweeps", "learning.sweeps=300")
        values.append(metric(config, tmp_path / "there" / row["job"]))
    assert f"Best: #{int(np.argmin(values))}, median_sweeps {min(values):.6g}\n" in said.out


@pytest.mark.parametrize(("name", "sign"), [(Metric.learned, -1), (Metric.E, 1)])
def test_a_search_prefers_what_is_better(name, sign):
    """With what is sought worked out from the setting: after a while nearer the best of it, which is at 0.7."""
    space, tried = Space(OverridesParser.create().parse_overrides(["a=interval(0.1,5.0)", "b=1"]), name), []
    study = space.study(1)
    for _ in range(30):
        trial = study.ask(space.distributions)
        fixed, chosen = space.overrides(trial.params)
        tried.append(float(chosen.removeprefix("a=")))
        assert fixed == "b=1"
        space.tell(study, trial, sign * abs(tried[-1] - 0.7))
    first, later = np.abs(np.array(tried[:10]) - 0.7), np.abs(np.array(tried[10:]) - 0.7)
    assert np.quantile(later, 0.25) < np.quantile(first, 0.25) / 2
    assert space.best(study) == (int(np.argmin(np.abs(np.array(tried) - 0.7))), pytest.approx(0, abs=0.1))


def test_a_search_goes_on(command, tmp_path, monkeypatch):
    """With the jobs that were planned, of which it is told what they found; then with new ones."""
    start, told = run.start, []

    def interrupt(job):
        if job.number == 2:
            raise SystemExit(130)
        start(job)

    with monkeypatch.context() as patched:
        patched.setattr(run, "start", interrupt)
        said = command(*SEARCH, *SPACE)
    assert said.code == 130
    assert said.last == [
        "Interrupted: 2 of 4 jobs are done, 0 can go on from a checkpoint, 2 begin anew.",
        "To go on: python -m experiments.run resume=there",
    ]
    before = Plan.read(Path("there"))
    remember = Space.remember
    monkeypatch.setattr(Space, "remember", lambda *given: told.append(given[-1]) or remember(*given))
    again = command("resume=there")
    assert (again.code, again.err) == (0, "")
    after = Plan.read(Path("there"))
    assert after.jobs[:3] == before.jobs
    assert (len(after.jobs), len(told), len(rows(tmp_path / "there"))) == (4, 3, 4)
    assert len({job.directory.partition("_")[2] for job in after.jobs}) == 4


def test_a_job_that_fails_ends_no_search(command, tmp_path, monkeypatch):
    start = run.start

    def refuse(job):
        if job.number == 1:
            raise ConfigError("no such card")
        start(job)

    monkeypatch.setattr(run, "start", refuse)
    said = command(*SEARCH, *SPACE)
    assert (said.code, [row["state"] for row in rows(tmp_path / "there")]) == (1, ["done", "failed", "done", "done"])
    assert said.last[1].startswith("failed: there/1_")
    assert said.last[1].endswith(": no such card")


def test_some_at_a_time_side_by_side(command, tmp_path):
    more = ("hydra.sweeper.max_batch_size=3", "hydra/launcher=side_by_side", "network.initial_range=interval(0.1,1)")
    said = command(*SEARCH, *more, "hydra.sweeper.trials=4")
    assert (said.code, len(rows(tmp_path / "there"))) == (0, 4)
    assert "side by side: #0, #1, #2" in said.out


def test_a_search_that_is_only_listed(command, tmp_path):
    said = command(*SEARCH, *SPACE, "--dry-run")
    assert said.out == (
        "4 jobs in there, each chosen by what those before it found, of:\n  learning.epsilon=tag(log,interval(0.1,2))\n"
        "  network.groups.hidden=1,2\nNothing was started.\n"
    )
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["learning.epsilon=interval(0.1,1)", "record.metric=null"], "record.metric=learned, median_sweeps, E"),
        (["learning.epsilon=0.1"], "nothing is swept"),
        (["learning.epsilon=interval(2,1)"], "learning.epsilon=interval(2,1): "),
        (["learning.epsilon=tag(log,interval(0,1))"], "learning.epsilon=tag(log,interval(0,1)): "),
    ],
    ids=str,
)
def test_what_cannot_be_sought_is_refused(command, tmp_path, arguments, words):
    said = command(*SEARCH, *arguments)
    assert (said.code, said.out, len(said.err.splitlines())) == (2, "", 1)
    assert words in said.err
    assert [*tmp_path.iterdir()] == []


def test_without_optuna_it_says_what_to_install(command, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    said = command(*SEARCH, *SPACE)
    assert (said.code, said.out) == (2, "")
    assert said.err.endswith("needs optuna, which is not installed: pip install -e '.[search]'\n")
    assert [*tmp_path.iterdir()] == []


# What stands on a command line -----------------------------------------------------------------------------------

CHECKED = ["-m", "experiment=xor", "population.seeds=3"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["learning.epsilon=interval(0.1,1)"], "hydra/sweeper=search record.metric=learned"),
        (["learning.epsilon=interval(0.1,1)", "hydra/sweeper=basic"], "hydra/sweeper=search record.metric=learned"),
        (["experiment=xor,symmetry", "learning.epsilon=interval(0.1,1)"], "is no list of values"),
        (["learning.epsilon=interval(-1,1)", "hydra/sweeper=search"], "learning.epsilon=-1"),
        (["learning.epsilon=interval(0.1,1)", "learning.alpha=interval(0,1)", "hydra/sweeper=search"], "alpha=1"),
        (["learning.epsilon=0.1,1", "hydra/sweeper=optuna"], "pip install hydra-optuna-sweeper brings optuna"),
        (["learning.epsilon=0.1,1", "hydra/sweeper=ax"], "hydra-ax-sweeper ax"),
        (["hydra/sweeper=search", "hydra.sweeper.trails=3"], "hydra.sweeper.trails=3"),
        (["record.metric=speed"], "learned, median_sweeps, E"),
    ],
    ids=str,
)
def test_a_command_line_that_no_sweeper_takes(monkeypatch, tmp_path, arguments, words):
    monkeypatch.chdir(tmp_path)
    run.register()
    command_line.register_resolvers()
    command_line.register_plugins()
    with pytest.raises(ConfigError) as refused:
        command_line.check_arguments([*CHECKED, *arguments], CONFIGS)
    assert words in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.parametrize("value", ["interval(0.1,1)", "tag(log,interval(0.1,1))", "choice(0.1,1)", "range(1,3)"])
def test_a_command_line_that_one_takes(monkeypatch, tmp_path, value):
    monkeypatch.chdir(tmp_path)
    run.register()
    command_line.register_resolvers()
    command_line.register_plugins()
    more = ["hydra/sweeper=search", "record.metric=learned", "hydra.sweeper.trials=3"]
    command_line.check_arguments([*CHECKED, f"learning.epsilon={value}", *more], CONFIGS)


@pytest.mark.parametrize(
    ("text", "kind", "values"),
    [
        ("a=interval(0.1,1)", "FloatDistribution", {"low": 0.1, "high": 1.0, "log": False}),
        ("a=tag(log,interval(0.1,1))", "FloatDistribution", {"log": True}),
        ("a=int(interval(1,5))", "IntDistribution", {"low": 1, "high": 5}),
        ("a=range(1,8,3)", "IntDistribution", {"low": 1, "high": 7, "step": 3}),
        ("a=range(0.5,2,0.5)", "CategoricalDistribution", {"choices": ("0.5", "1.0", "1.5")}),
        ("a=x,y", "CategoricalDistribution", {"choices": ("x", "y")}),
        ("a=choice(1,x,[2,3])", "CategoricalDistribution", {"choices": ("1", "x", "[2,3]")}),
    ],
    ids=str,
)
def test_what_a_search_chooses_from(text, kind, values):
    space = Space(OverridesParser.create().parse_overrides([text]), Metric.E)
    found = space.distributions["a"]
    assert type(found).__name__ == kind
    assert {name: getattr(found, name) for name in values} == values


# Those of others -------------------------------------------------------------------------------------------------


class Foreign(Sweeper):
    """As the plugins are: it plans nothing, and is handed what each job found before it chooses the next."""

    def __init__(self, direction: str) -> None:
        self.found: list[float | None] = []

    def setup(self, *, hydra_context, task_function, config) -> None:
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments) -> None:
        fixed = [text for text in arguments if "interval" not in text]
        for number, epsilon in enumerate((0.25, 0.5)):
            (result,) = self.launcher.launch([[f"learning.epsilon={epsilon}", *fixed]], initial_job_idx=number)
            print("found", result.return_value)


@pytest.fixture
def foreign(monkeypatch):
    command_line.register_plugins()
    module = types.ModuleType("hydra_plugins.foreign")
    module.Foreign = Foreign
    monkeypatch.setitem(sys.modules, "hydra_plugins.foreign", module)
    monkeypatch.setattr(importlib.import_module("hydra_plugins"), "foreign", module, raising=False)
    monkeypatch.setattr(Foreign, "__module__", "hydra_plugins.foreign")
    Plugins.instance().register(Foreign)
    node = {"_target_": "hydra_plugins.foreign.Foreign", "direction": "minimize"}
    ConfigStore.instance().store(group="hydra/sweeper", name="foreign", node=node)
    yield ("-m", *XOR, "learning.epsilon=interval(0.1,1)", "hydra/sweeper=foreign", THERE)
    del ConfigStore.instance().repo["hydra"]["sweeper"]["foreign.yaml"]


def test_a_sweeper_of_others_goes_by_the_metric(command: Command, tmp_path, foreign):
    said = command(*foreign, "record.metric=E")
    assert (said.code, said.err, said.last) == (0, "", [])
    config = load("xor", "record.metric=E")
    for name in ("0_epsilon=0.25", "1_epsilon=0.5"):
        assert f"found {metric(config, tmp_path / 'there' / name)}\n" in said.out
    assert [(row["job"], row["learning.epsilon"]) for row in rows(tmp_path / "there")] == [
        ("0_epsilon=0.25", "0.25"),
        ("1_epsilon=0.5", "0.5"),
    ]
    assert json.loads((tmp_path / "there" / "sweep.json").read_text())["jobs"] == []


def test_a_sweeper_of_others_does_not_go_on(command, tmp_path, foreign, monkeypatch):
    start = run.start

    def refuse(job):
        if job.number == 0:
            raise ConfigError("no such card")
        start(job)

    monkeypatch.setattr(run, "start", refuse)
    said = command(*foreign, "record.metric=E")
    assert (said.code, "found None\n" in said.out) == (1, True)
    assert said.last == [
        "1 of 2 jobs are done, 0 can go on from a checkpoint, 1 begin anew.",
        "failed: there/0_epsilon=0.25: no such card",
        "hydra/sweeper=foreign does not go on with a sweep. Jobs that can go on, each by resume=: none",
    ]
    again = command("resume=there")
    assert (again.code, again.out, len(again.err.splitlines())) == (2, "", 1)
    assert "does not go on with a sweep (hydra/sweeper=search does)" in again.err


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["record.metric=learned"], "add hydra.sweeper.direction=maximize"),
        (["record.metric=E", "hydra.sweeper.direction=maximize"], "add hydra.sweeper.direction=minimize"),
        ([], "say what it shall go by, record.metric=learned, median_sweeps, E"),
    ],
    ids=str,
)
def test_a_sweeper_of_others_is_not_sent_the_wrong_way(command, tmp_path, foreign, more, words):
    said = command(*foreign, *more)
    assert (said.code, said.out, len(said.err.splitlines())) == (2, "", 1)
    assert words in said.err
    assert [*tmp_path.iterdir()] == []


def test_a_sweeper_of_others_that_is_only_listed(command, tmp_path, foreign):
    said = command(*foreign, "record.metric=E", "--dry-run")
    assert (said.code, "of: learning.epsilon\nNothing was started.\n" in said.out) == (0, True)
    assert [*tmp_path.iterdir()] == []


@pytest.mark.slow
def test_optunas_own_sweeper(command, tmp_path):
    """Where it is installed, which it cannot be beside the Optuna of ``.[search]``: see docs/running.md."""
    pytest.importorskip("hydra_plugins.hydra_optuna_sweeper")
    more = ["hydra/sweeper=optuna", "hydra.sweeper.n_trials=3", "hydra.sweeper.n_jobs=1", "record.metric=E"]
    said = command("-m", *XOR, "learning.epsilon=interval(0.1,1)", *more, THERE)
    assert (said.code, len(rows(tmp_path / "there"))) == (0, 3)
    assert (tmp_path / "there" / "optimization_results.yaml").exists()
