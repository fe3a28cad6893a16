"""A population split over jobs: which seeds a job has, what is put together from the jobs, and what is refused."""

import shutil
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf

from experiments import merge as door
from experiments.options.load import load
from experiments.options.schema import ConfigError, check
from experiments.options.setup import seeds_of
from experiments.run import run
from experiments.running.checkpoint import OPTIONS
from experiments.running.directory import LOCK
from experiments.tables import quartiles_text
from tests.experiments.processes import start

SPLIT = ("xor", "population.seeds=41", "learning.sweeps=300", "record.every=100", "precision=float64")
BARE = ("record.figures=false", "record.tensorboard=false")
Change = Callable[[Path], object]


# Which seeds a job has ---------------------------------------------------------------------------------------


def test_parts_of_seeds():
    config = load("xor", "population.seeds=10", "population.first_seed=90")
    parts = []
    for number in (1, 2, 3, 4):
        config.population.shard = f"{number}/4"
        parts.append(seeds_of(config))
    assert parts == [range(90, 92), range(92, 95), range(95, 97), range(97, 100)]


def test_each_seed_is_in_one_shard():
    config, splits = load("xor", "population.first_seed=7"), 0
    for config.population.seeds in (*range(1, 41), 1_000, 99_991):
        for of in {1, 2, 3, 7, 16, 40, config.population.seeds - 1, config.population.seeds}:
            if not 1 <= of <= min(config.population.seeds, 1_000):
                continue
            shards = []
            for number in range(1, of + 1):
                config.population.shard = f"{number}/{of}"
                shards.append(seeds_of(config))
            assert [seed for shard in shards for seed in shard] == list(range(7, 7 + config.population.seeds))
            assert max(map(len, shards)) - min(map(len, shards)) <= 1
            splits += 1
    assert splits > 200


@pytest.mark.parametrize(
    "shard", ["0/4", "5/4", "-1/4", "1/0", "1", "/4", "1/", "1/4/4", "a/b", "1.5/4", "01/4", "٢/4"]
)
def test_what_is_no_shard(shard):
    config = load("xor")
    config.population.shard = shard
    with pytest.raises(ConfigError, match=r"^population.shard=.*: must be I/N, with I from 1 to N, such as 2/4$"):
        check(config)


def test_more_shards_than_seeds():
    with pytest.raises(ConfigError, match=r"^population.shard=2/5: population.seeds=4 can be split into 4 shards at"):
        load("xor", "population.seeds=4", "population.shard=2/5")
    assert seeds_of(load("xor", "population.seeds=4", "population.shard=4/4")) == range(3, 4)


def test_the_named_replica_may_be_in_another_shard():
    load("xor", "population.seeds=4", "population.shard=2/2", "record.replica=0")
    with pytest.raises(ConfigError, match=r"record.replica=4: must be one of the seeds 0 to 3"):
        load("xor", "population.seeds=4", "population.shard=2/2", "record.replica=4")


# What is put together ----------------------------------------------------------------------------------------


@cache
def options_of(*run: str) -> str:
    return OmegaConf.to_yaml(OmegaConf.structured(load(*run)))


def tell(directory: Path, *run: str) -> None:
    """Put the options of a run where a launch has them."""
    (directory / OPTIONS).parent.mkdir(exist_ok=True)
    (directory / OPTIONS).write_text(options_of(*run))


@pytest.fixture
def shard_in(ran, tmp_path) -> Callable[..., Path]:
    """``shard_in("2/4")`` is the directory of that run, to be changed: multirun/2_4, or another name there."""

    def do(shard: str, population: tuple[str, ...] = SPLIT, name: str = "") -> Path:
        directory, part = tmp_path / "multirun" / (name or shard.replace("/", "_")), f"population.shard={shard}"
        shutil.copytree(ran(*population, *BARE, part), directory)
        tell(directory, *population, *BARE, part)
        return directory

    return do


@pytest.fixture
def multirun(shard_in) -> Path:
    """The directory of four shards."""
    first, *_ = [shard_in(f"{number}/4") for number in (1, 2, 3, 4)]
    return first.parent


@pytest.fixture
def merge(monkeypatch, capsys):
    """``merge(*arguments)`` is ``experiments.merge`` as a user meets it: the exit code, stdout, stderr."""

    def do(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["merge", *map(str, arguments)])
        return door.main(), *capsys.readouterr()

    return do


def weights_in(directory: Path) -> dict[str, Any]:
    return torch.load(directory / "weights.pt", weights_only=True)


def bits(saved: dict[str, Any]) -> dict[str, bytes]:
    return {key: w.numpy().tobytes() for key, w in saved["weights"].items()}


def counts(directory: Path) -> list[tuple[str, ...]]:
    return [tuple(row.split(",")[1:3]) for row in (directory / "seeds.csv").read_text().splitlines()]


def test_shards_make_what_one_run_would_have_made(ran, multirun, merge, tmp_path):
    """The weights but for the last digits: uncompiled, other replicas beside it round a sum in another way."""
    whole, to = ran(*SPLIT, *BARE), tmp_path / "new" / "merged"
    assert merge(multirun, "--to", to)[0] == 0
    assert (to / "seeds.csv").read_bytes() == (whole / "seeds.csv").read_bytes()
    merged, one = weights_in(to), weights_in(whole)
    assert merged["seeds"].tolist() == one["seeds"].tolist() == list(range(41))
    assert merged["sweep"] == one["sweep"] == 300
    assert [*merged["weights"]] == [*one["weights"]]
    for key, w in one["weights"].items():
        torch.testing.assert_close(merged["weights"][key], w, rtol=0, atol=1e-12)
    assert sorted(path.name for path in to.iterdir()) == [LOCK, "seeds.csv", "weights.pt"]


def test_weights_are_copied_to_the_last_bit(multirun, merge, tmp_path):
    merge(multirun, "--to", tmp_path / "merged")
    parts = [weights_in(directory)["weights"] for directory in sorted(multirun.iterdir())]
    joined = {key: torch.cat([part[key] for part in parts], dim=2) for key in parts[0]}
    assert bits(weights_in(tmp_path / "merged")) == bits({"weights": joined})


@pytest.mark.parametrize("experiment", ["symmetry", "xor_2_2_1", "family_trees", "family_trees_h_answers"])
def test_a_row_is_the_same_in_a_shard(ran, shard_in, merge, tmp_path, experiment):
    """Whatever an experiment measures, of a seed it does not depend on the others."""
    population = (experiment, "population.seeds=5", "population.first_seed=3", "precision=float64")
    runs = [shard_in(shard, population) for shard in ("1/2", "2/2")]
    assert merge(*runs, "--to", tmp_path / "merged")[0] == 0
    assert (tmp_path / "merged" / "seeds.csv").read_bytes() == (ran(*population, *BARE) / "seeds.csv").read_bytes()


def test_shards_find_in_float32_what_one_run_finds(ran, shard_in, merge, tmp_path):
    """Whether and when each seed learned; six digits of the rest show how the last ones were rounded."""
    single = (*SPLIT, "precision=float32")
    whole, runs = ran(*single, *BARE), [shard_in(f"{number}/4", single) for number in (1, 2, 3, 4)]
    assert merge(*runs, "--to", tmp_path / "merged")[0] == 0
    assert counts(tmp_path / "merged") == counts(whole)
    assert len(set(counts(whole))) > 3
    assert {w.dtype for w in weights_in(tmp_path / "merged")["weights"].values()} == {torch.float32}


def test_runs_may_be_named_in_any_order_and_split_in_more_than_one_way(ran, shard_in, merge, tmp_path):
    runs = [shard_in(shard) for shard in ("4/4", "3/4", "1/2")]
    assert merge(*runs, "--to", tmp_path / "merged")[0] == 0
    assert (tmp_path / "merged" / "seeds.csv").read_bytes() == (ran(*SPLIT, *BARE) / "seeds.csv").read_bytes()


def test_the_table_printed_is_that_of_one_run(multirun, merge, tmp_path, capsys):
    run(load(*SPLIT, *BARE, "threads=1", "record.progress=false"), tmp_path / "whole")
    table, written, _ = capsys.readouterr().out.partition("Written to")
    rows = [row.split(",") for row in (tmp_path / "whole" / "seeds.csv").read_text().splitlines()[1:]]
    sweeps = [int(row[2]) for row in rows if row[1] == "1"]
    assert written
    assert f"({len(sweeps)} of 41;" in table
    assert f" {quartiles_text(sweeps)} " in table
    code, out, err = merge(multirun, "--to", tmp_path / "merged")
    assert (code, err) == (0, "")
    assert out == f"{table}Written to {tmp_path}/merged/, from 4 shards: seeds.csv, weights.pt\n"


def test_a_shard_that_has_learned_sooner(shard_in, multirun, merge, tmp_path):
    """The population had as many sweeps as that of its shards which went on longest."""
    path = multirun / "2_4" / "weights.pt"
    torch.save(torch.load(path, weights_only=True) | {"sweep": 200}, path)
    assert merge(multirun, "--to", tmp_path / "merged")[0] == 0
    assert weights_in(tmp_path / "merged")["sweep"] == 300


def test_shards_need_not_share_how_they_were_run_and_recorded(multirun, merge, tmp_path):
    tell(multirun / "2_4", *SPLIT, "population.shard=2/4", "threads=7", "record.every=3", "record.replica=40")
    path = multirun / "3_4" / OPTIONS
    path.write_text(path.read_text().replace("device: cpu", "device: cuda"))
    assert merge(multirun, "--to", tmp_path / "merged")[0] == 0


# What is refused ---------------------------------------------------------------------------------------------


def rewrite(name: str, change: Callable[[str], str], file: str = "seeds.csv") -> Change:
    def do(multirun: Path) -> None:
        path = multirun / name / file
        path.write_text(change(path.read_text()))

    return do


def remove(*names: str) -> Change:
    def do(multirun: Path) -> None:
        for name in names:
            path = multirun / name
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    return do


def resave(name: str, **changed: object) -> Change:
    def do(multirun: Path) -> None:
        path = multirun / name / "weights.pt"
        torch.save(torch.load(path, weights_only=True) | changed, path)

    return do


def option(text: str) -> Change:
    return lambda multirun: tell(multirun / "2_4", *SPLIT, "population.shard=2/4", text)


def swapped(text: str) -> str:
    header, *rows = text.splitlines(keepends=True)
    return "".join([header, *rows[3:5], *rows[:3], *rows[5:]])


FIRST = "multirun/1_4 and multirun/2_4"
SECOND = "multirun/2_4 (shard 2/4, seeds 10 to 19)"
REFUSED: dict[str, tuple[Change, list[str]]] = {
    "shard missing": (remove("3_4"), ["shard 3/4 is missing, seeds 20 to 29: 3 runs found in multirun"]),
    "first missing": (remove("1_4"), ["shard 1/4 is missing, seeds 0 to 9:"]),
    "last missing": (remove("4_4"), ["shard 4/4 is missing, seeds 30 to 40:"]),
    "several missing": (
        remove("1_4", "2_4", "4_4"),
        ["shards 1/4,2/4,4/4 are missing, seeds 0 to 19, seeds 30 to 40:"],
    ),
    "other value": (option("learning.epsilon=0.25"), [FIRST, "not of one population: learning.epsilon=0.5 and 0.25"]),
    "other precision": (option("precision=float32"), [FIRST, "precision=float64 and float32"]),
    "other list": (option("network.links.output=[hidden]"), [FIRST, "network.links.output=['hidden', 'input'] and"]),
    "other group": (option("+network.groups.more=1"), [FIRST, "network.groups.more=None and 1"]),
    "other population": (option("population.first_seed=1"), [FIRST, "population.first_seed=0 and 1"]),
    "other size": (option("population.seeds=42"), [FIRST, "population.seeds=41 and 42"]),
    "other experiment": (option("name=mine"), [FIRST, "name=xor and mine"]),
    "no table": (remove("2_4/seeds.csv"), [SECOND, "has not finished: there is no seeds.csv in it"]),
    "interrupted": (
        lambda multirun: (multirun / "2_4" / "checkpoint.pt").touch(),
        [SECOND, "has not finished; to go on with it: python -m experiments.run resume=multirun/2_4"],
    ),
    "other column": (rewrite("2_4", lambda text: text.replace("E,", "F,", 1)), [FIRST, "seeds.csv differ: E, F"]),
    "other order of columns": (
        rewrite("2_4", lambda text: text.replace("solved,sweeps", "sweeps,solved")),
        [FIRST, "seeds.csv differ: their order"],
    ),
    "row missing": (
        rewrite("2_4", lambda text: text[: text.index("\n19,") + 1]),
        [SECOND, "seeds.csv has 9 rows, and should have 10"],
    ),
    "row cut off": (rewrite("2_4", lambda text: text[:-1]), [SECOND, "seeds.csv has 9 rows, and should have 10"]),
    "row too many": (rewrite("2_4", lambda text: f"{text}20,0,,0,0,0,0,0,0\n"), [SECOND, "row 11", "is of seed 20"]),
    "rows in another order": (rewrite("2_4", swapped), [SECOND, "row 1 of seeds.csv is of seed 13"]),
    "no weights": (remove("2_4/weights.pt"), [SECOND, "weights.pt cannot be read", "No such file"]),
    "weights that are none": (
        lambda multirun: (multirun / "2_4" / "weights.pt").write_bytes(b"weights"),
        [SECOND, "weights.pt cannot be read"],
    ),
    "weights of others": (resave("2_4", seeds=torch.arange(10)), [SECOND, "weights.pt is not of its seeds"]),
    "options damaged": (rewrite("2_4", lambda text: f"{{{text}", OPTIONS), ["multirun/2_4/.hydra/config.yaml: "]),
    "options of another program": (rewrite("2_4", lambda text: "a: 1\n", OPTIONS), ["/config.yaml: Key 'a' not in"]),
    "shard that is none": (
        rewrite("2_4", lambda text: text.replace("shard: 2/4", "shard: 6/4"), OPTIONS),
        ["multirun/2_4/.hydra/config.yaml: population.shard=6/4: must be I/N"],
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_is_one_line_and_writes_nothing(multirun, merge, tmp_path, monkeypatch, name):
    change, words = REFUSED[name]
    change(multirun)
    monkeypatch.chdir(tmp_path)
    code, out, err = merge("multirun", "--to", "merged")
    assert (code, out) == (1, "")
    assert err.startswith("experiments.merge: ")
    assert len(err.splitlines()) == 1
    for word in words:
        assert word in err
    assert [path.name for path in tmp_path.iterdir()] == ["multirun"]


def test_seeds_that_two_runs_have_are_refused(multirun, shard_in, merge, tmp_path):
    again, half = shard_in("2/4", name="again"), shard_in("1/2", name="half")
    both = f"{multirun}/2_4 and {again} both have seeds 10 to 19\n"
    assert merge(multirun / "1_4", multirun / "2_4", again, "--to", tmp_path / "merged")[::2] == (
        1,
        f"experiments.merge: {both}",
    )
    for number, seeds in (1, "0 to 9"), (2, "10 to 19"):
        err = merge(half, multirun / f"{number}_4", "--to", tmp_path / "merged")[2]
        assert err.endswith(f": {half} and {multirun}/{number}_4 both have seeds {seeds}\n")
    assert "both have seeds 10 to 19" in merge(again, again, "--to", tmp_path / "merged")[2]
    assert not (tmp_path / "merged").exists()


def test_seeds_missing_of_a_population_split_in_two_ways(shard_in, merge, tmp_path):
    _, err = merge(shard_in("1/2"), shard_in("4/4"), "--to", tmp_path / "merged")[1:]
    assert "seeds are missing, seeds 20 to 29: 2 runs found in" in err


@pytest.mark.parametrize("there", ["seeds.csv", "checkpoint.pt"])
def test_a_directory_in_use_is_refused(multirun, merge, tmp_path, there):
    (tmp_path / there).write_text("kept")
    code, _, err = merge(multirun, "--to", tmp_path)
    assert code == 1
    assert err.startswith(f"experiments.merge: {tmp_path}: holds a run; name another directory")
    assert (tmp_path / there).read_text() == "kept"


def test_no_run_is_refused(merge, tmp_path):
    for directory in (tmp_path, tmp_path / "nowhere"):
        code, _, err = merge(directory, "--to", tmp_path / "merged")
        assert code == 1
        assert f"{directory} is no run and holds none: no .hydra/config.yaml in it, or one directory below" in err


@pytest.mark.parametrize("arguments", [["runs"], ["--to", "merged"], ["--check", "runs", "--to", "merged"]], ids=str)
def test_half_a_command_line(merge, arguments):
    with pytest.raises(SystemExit) as end:
        merge(*arguments)
    assert end.value.code == 2


def test_a_full_disk_leaves_no_half_of_a_file(multirun, merge, tmp_path, monkeypatch):
    def full(source: object, target: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfileobj", full)
    with pytest.raises(SystemExit, match=r"merged/seeds.csv: No space left on device"):
        merge(multirun, "--to", tmp_path / "merged")
    assert [path.name for path in (tmp_path / "merged").iterdir() if path.name != LOCK] == ["weights.pt"]


# On several processes ----------------------------------------------------------------------------------------


JOBS = ["population.seeds=40", "learning.sweeps=300", "record.every=100", "threads=1", *BARE]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("launcher", "option", "exact"),
    [
        ("joblib", "precision=float64", False),
        ("submitit_local", "precision=float64", False),
        ("joblib", "compile=true", True),
    ],
)
def test_a_launcher_trains_the_shards(ran, merge, tmp_path, launcher, option, exact):
    """exact: the weights are those of one run to the last bit, in float32."""
    shards = ["population.shard=1/4,2/4,3/4,4/4", f"hydra/launcher={launcher}", "hydra.sweep.dir=jobs"]
    process = start(tmp_path, "experiments.run", "-m", "experiment=xor", *JOBS, option, *shards)
    _, err = process.communicate(timeout=300)
    assert (process.returncode, err) == (0, "")
    jobs, to, whole = tmp_path / "jobs", tmp_path / "merged", ran("xor", *JOBS, option)
    assert len(list(jobs.glob("*/seeds.csv"))) == 4
    assert merge(jobs, "--to", to)[::2] == (0, "")
    assert (to / "seeds.csv").read_bytes() == (whole / "seeds.csv").read_bytes()
    for key, w in weights_in(whole)["weights"].items():
        torch.testing.assert_close(weights_in(to)["weights"][key], w, rtol=0, atol=0 if exact else 1e-12)
