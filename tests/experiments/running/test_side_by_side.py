"""Runs side by side leave what each would have left alone; what can be so, and what becomes of one that fails."""

import csv
import errno
import os
import signal
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from experiments import run
from experiments.files import NotWritten
from experiments.options.load import load, settings
from experiments.options.machine import PAYS_FROM, seconds_uncompiled
from experiments.options.schema import ConfigError
from experiments.options.setup import training_setup
from experiments.running import side_by_side
from experiments.running.checkpoint import read
from experiments.running.curves import Curves
from experiments.running.recording import Recording
from experiments.running.side_by_side import Run, groups, in_common, pays, train_runs
from repro.choices import BackwardPass
from repro.machine_code import build
from repro.side_by_side import train_side_by_side

BARE = ("record.tensorboard=false", "record.figures=false")
FEW = ("population.seeds=7", "learning.sweeps=300", "record.every=50", "threads=1", "record.progress=false")
XOR = ("xor", *FEW, "precision=float64", "compile=false")
"""In float64 the tables' digits are the same in other company, uncompiled too."""

MIXED = {
    "epsilon": (*XOR, "learning.epsilon=0.3"),
    "first weights, seeds, momentum": (
        *XOR,
        *("network.initial_range=1", "population.seeds=4", "population.first_seed=9", "rule=steepest"),
    ),
    "snapshots and sweeps": (*XOR, "record.every=70", "learning.sweeps=200", "learning.epsilon=0.8"),
    "a shard of another name": (
        *XOR,
        "name=other",
        "population.shard=2/3",
        "learning.opening=[{sweeps:60,epsilon:1,alpha:0}]",
    ),
    "an output bias": (*XOR, "network.output_bias=-0.5", "learning.epsilon=2", "record.replica=5"),
}


def runs_of(options: dict[str, tuple[str, ...]], directory: Path, *more: str) -> list[Run]:
    return [Run(load(*each, *more), directory / str(number)) for number, each in enumerate(options.values())]


def together(runs: list[Run], **ways) -> dict[int, Exception | None]:
    return dict(train_runs(runs, **{"quiet": True, **ways}))


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.rglob("*") if not path.name.startswith("events")}


def test_each_leaves_what_it_would_have_left_alone(ran, tmp_path):
    runs = runs_of(MIXED, tmp_path, *BARE)
    assert together(runs) == dict.fromkeys(range(len(runs)))
    learned = []
    for each, options in zip(runs, MIXED.values(), strict=True):
        whole = ran(*options, *BARE)
        for name in ("seeds.csv", "curves.csv"):
            assert (each.directory / name).read_bytes() == (whole / name).read_bytes()
        assert names(each.directory) == names(whole)
        mine, its = (torch.load(where / "weights.pt", weights_only=True) for where in (each.directory, whole))
        assert (mine["sweep"], mine["seeds"].tolist()) == (its["sweep"], its["seeds"].tolist())
        for key, w in mine["weights"].items():
            torch.testing.assert_close(w, its["weights"][key], rtol=0, atol=1e-9)
        with (whole / "seeds.csv").open() as file:
            learned += [row["solved"] for row in csv.DictReader(file)]
    assert {"0", "1"} <= {*learned}


def scalars(directory: Path) -> dict[str, list[tuple[int, float]]]:
    events = EventAccumulator(str(directory)).Reload()
    return {tag: [(e.step, e.value) for e in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


def images(directory: Path) -> dict[str, list[tuple[int, bytes]]]:
    events = EventAccumulator(str(directory), {"images": 0}).Reload()
    return {tag: [(e.step, e.encoded_image_string) for e in events.Images(tag)] for tag in events.Tags()["images"]}


COMPILED = {
    "xor": {
        name: (*(option for option in options if option not in ("precision=float64", "compile=false")), "compile=true")
        for name, options in MIXED.items()
    },
    "family trees": {
        str(more): ("family_trees", *FEW, "learning.sweeps=40", "record.every=4", "compile=true", *more)
        for more in (
            (),
            ("learning.epsilon=0.3", "learning.decay=0.01", "task.held_out=2"),
            ("learning.alpha=0.5", "population.seeds=17", "learning.opening=[]"),
        )
    },
    "after every case": {
        str(more): ("xor", *FEW, "compile=true", "learning.sweeps=60", "learning.change=per_case", *more)
        for more in ((), ("learning.epsilon=1",), ("learning.alpha=0",))
    },
}


@pytest.mark.slow
@pytest.mark.parametrize("name", COMPILED)
def test_compiled_every_file_has_the_same_bytes(ran, tmp_path, name):
    """Tables, weights and figures; and TensorBoard shows the same."""
    runs = runs_of(COMPILED[name], tmp_path)
    assert together(runs) == dict.fromkeys(range(len(runs)))
    for each, options in zip(runs, COMPILED[name].values(), strict=True):
        whole = ran(*options)
        assert names(each.directory) == names(whole)
        for path in whole.rglob("*"):
            if path.suffix in (".csv", ".pt", ".png", ".pbtxt", ".tsv"):
                assert (each.directory / path.relative_to(whole)).read_bytes() == path.read_bytes(), path
        np.testing.assert_equal(scalars(each.directory), scalars(whole))
        assert images(each.directory) == images(whole)


def test_what_is_drawn_and_logged_is_of_each_its_own(ran, tmp_path):
    some = {name: (*MIXED[name], "learning.sweeps=100") for name in ("epsilon", "an output bias")}
    runs = runs_of(some, tmp_path)
    hook = threading.excepthook
    together(runs)
    assert threading.excepthook is hook
    for each, options in zip(runs, some.values(), strict=True):
        whole = ran(*options)
        assert names(each.directory) == names(whole)
        (mine, its), tags = (scalars(where) for where in (each.directory, whole)), scalars(whole).keys()
        for tag in tags:
            assert np.array(mine[tag]) == pytest.approx(np.array(its[tag]), rel=1e-6, nan_ok=True)


# What can be side by side ------------------------------------------------------------------------------------


def test_runs_that_differ_in_numbers_are_side_by_side(tmp_path):
    assert groups([each.config for each in runs_of(MIXED, tmp_path)]) == [[0, 1, 2, 3, 4]]


@pytest.mark.parametrize(
    "option",
    [
        *("network.groups.hidden=2", "learning.change=per_case", "criterion.tolerance=0.2", "task.target_on=0.8"),
        *("learning.decay=0.1", "learning.per_fan_in=true", "error.form=cross_entropy", "network.hidden_function=tanh"),
        *(
            "precision=float32",
            "threads=2",
            "compile=true",
            "backward_pass=autograd",
            "device=cuda",
            "criterion.stop=false",
        ),
    ],
)
def test_runs_that_differ_in_more_are_not(option):
    """Nor is one with decay beside one without; two with another decay are."""
    one, other = load(*XOR), load(*XOR, option)
    assert groups([one, other, one]) == [[0, 2], [1]]
    assert in_common(one) != in_common(other)
    assert groups([load(*XOR, "learning.decay=0.1"), load(*XOR, "learning.decay=0.2")]) == [[0, 1]]


def test_no_more_than_fit(monkeypatch):
    """5 weights a network, 7 networks a run."""
    configs = [load(*XOR, f"learning.epsilon={n}") for n in range(1, 8)]
    monkeypatch.setattr(side_by_side, "MOST_WEIGHTS", 3 * 7 * 7)
    assert groups(configs) == [[0, 1, 2], [3, 4, 5], [6]]
    monkeypatch.setattr(side_by_side, "MOST_WEIGHTS", 1)
    assert groups(configs[:2]) == [[0], [1]]
    monkeypatch.undo()
    monkeypatch.setattr(side_by_side, "MOST_RUNS", 4)
    assert groups(configs) == [[0, 1, 2, 3], [4, 5, 6]]


@pytest.mark.parametrize(
    ("grid", "count"),
    [("xor_learning_rate", 2), ("symmetry_rules", 2), ("symmetry_depth", 6), ("family_trees_rules", 2)],
)
def test_the_rules_of_a_grid_are_side_by_side(grid, count):
    """Those by which the weights change once a sweep, and those by which they do after every case."""
    configs = [load(grid, *(f"{option}={value}" for option, value in setting)) for setting in settings(grid)]
    found = groups(configs)
    assert len(found) == count
    assert sorted(number for group in found for number in group) == list(range(len(configs)))


@pytest.mark.parametrize(("compile", "share", "expected"), [(None, 0.5, True), (None, 0.05, False), (True, 0.05, True)])
def test_it_compiles_where_that_pays_for_all_together(compile, share, expected):
    """Nine of which each takes such a share of what pays: for one of them alone it would not."""
    configs = [load("xor", f"learning.epsilon={n}", "population.seeds=1") for n in range(1, 10)]
    seconds = seconds_uncompiled(training_setup(configs[0]), 1)
    for config in configs:
        config.compile = compile
        config.learning.sweeps = round(share * PAYS_FROM / seconds * config.learning.sweeps)
    parts = [SimpleNamespace(setup=training_setup(config)) for config in configs]
    assert pays(configs, parts) is expected
    assert pays(configs[:1], parts[:1]) is bool(compile)
    for config in configs:
        config.compile, config.backward_pass = None, BackwardPass.autograd
    assert not pays(configs, parts)


# What ends before its end --------------------------------------------------------------------------------------


def as_alone(ran, runs: list[Run], options: dict[str, tuple[str, ...]]) -> None:
    for each, own in zip(runs, options.values(), strict=True):
        whole = ran(*own, *BARE)
        assert names(each.directory) == names(whole)
        for name in ("seeds.csv", "curves.csv"):
            assert (each.directory / name).read_bytes() == (whole / name).read_bytes()


@pytest.mark.parametrize("at", [0, 7, 11])
def test_ctrl_c_leaves_each_to_go_on_from(ran, tmp_path, monkeypatch, capsys, at):
    """Each at its own next snapshot; those that have ended by then stay as they are."""

    def interrupted(*arguments, **options):
        for count, made in enumerate(train_side_by_side(*arguments, **options)):
            if count == at:
                signal.raise_signal(signal.SIGINT)
            yield made

    monkeypatch.setattr(side_by_side, "train_side_by_side", interrupted)
    runs = runs_of(MIXED, tmp_path, *BARE)
    with pytest.raises(SystemExit) as end:
        together(runs, quiet=False)
    assert end.value.code == 130
    said = capsys.readouterr().out
    for each in runs:
        assert f"resume={each.directory}" in said
        assert (each.directory / "seeds.csv").exists()
        assert 0 <= read(each.directory).sweep < 300
        run.resume(each.directory, [])
    as_alone(ran, runs, MIXED)


def test_where_a_file_cannot_be_written_the_others_can_go_on(ran, tmp_path, monkeypatch):
    """The curves of the second at its end, which comes first; and of one more that is interrupted by it."""
    write = Curves.write

    def refuse(self: Curves, path: Path) -> None:
        if path.parent in (runs[2].directory, runs[3].directory):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(self, path)

    runs = runs_of(MIXED, tmp_path, *BARE, "record.checkpoint=0")
    with monkeypatch.context() as full:
        full.setattr(Curves, "write", refuse)
        with pytest.raises(NotWritten) as end:
            together(runs)
    assert str(end.value).startswith(
        f"{runs[2].directory / 'curves.csv'}: No space left on device; kept: checkpoint.pt"
    )
    for each in runs:
        assert read(each.directory).sweep > 0
        run.resume(each.directory, [])
    as_alone(ran, runs, MIXED)


def test_one_that_fails_fails_alone(ran, tmp_path, monkeypatch):
    record = Recording.__call__

    def fail(self: Recording, snapshot, interrupted: bool) -> None:
        if self.directory == runs[1].directory and snapshot.sweep == 100:
            raise ZeroDivisionError("a bug")
        record(self, snapshot, interrupted)

    runs = runs_of(MIXED, tmp_path, *BARE)
    with monkeypatch.context() as broken:
        broken.setattr(Recording, "__call__", fail)
        ended = together(runs)
    assert isinstance(ended.pop(1), ZeroDivisionError)
    assert ended == dict.fromkeys([0, 2, 3, 4])
    assert not (runs[1].directory / "seeds.csv").exists()
    left = {name: options for number, (name, options) in enumerate(MIXED.items()) if number != 1}
    as_alone(ran, [each for number, each in enumerate(runs) if number != 1], left)


def test_nothing_is_trained_where_one_directory_is_another_runs(tmp_path):
    runs = runs_of(MIXED, tmp_path, *BARE)
    runs[3].directory.mkdir()
    (runs[3].directory / "seeds.csv").write_text("of another run")
    with pytest.raises(ConfigError, match=f"{runs[3].directory}: holds a run"):
        together(runs)
    assert [*tmp_path.rglob("*.csv")] == [runs[3].directory / "seeds.csv"]


def test_a_compiler_that_fails_is_told_once(ran, tmp_path, monkeypatch, capsys):
    def fails(parts, backward_pass, compile, workers):
        if compile:
            raise RuntimeError("no such instruction")
        return train_side_by_side(parts, backward_pass, False, workers=workers)

    def later(*arguments, **options):
        yield from fails(*arguments, **options)

    monkeypatch.setattr(side_by_side, "train_side_by_side", later)
    monkeypatch.setattr(build, "compiler_lacking", lambda: None)
    runs = runs_of(MIXED, tmp_path, *BARE)
    for each in runs:
        each.config.compile = True
    together(runs, quiet=False)
    said = capsys.readouterr().out
    assert said.count("compile: no such instruction; goes on uncompiled") == 1
    assert said.count("Written to ") == len(runs)
    as_alone(ran, runs, MIXED)
