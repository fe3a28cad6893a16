"""What a run was made with stands beside its options; shards that were not made alike are named."""

import json
import platform
import subprocess
import sys
from functools import partial

import pytest
import torch

from experiments import merge, run
from experiments.options.load import load
from experiments.options.schema import CONFIGS
from experiments.running import environment
from experiments.running.shards import unlike
from tests.experiments.running.test_checkpoint import interrupted
from tests.experiments.running.test_tensorboard import events

FEW = ("population.seeds=4", "learning.sweeps=8", "record.every=2", "record.progress=false", "threads=1")
BARE = ("record.figures=false", "record.tensorboard=false")


@pytest.fixture
def asked_anew():
    """git, which is asked once a process."""
    environment.ask_git.cache_clear()
    environment.project.cache_clear()
    yield
    environment.ask_git.cache_clear()
    environment.project.cache_clear()


def test_it_says_what_the_run_was_made_with(tmp_path):
    run.run(load("xor", *FEW), tmp_path / "run", quiet=True)
    (made,) = json.loads((tmp_path / "run" / "environment.json").read_text())
    assert (made["torch"], made["python"]) == (torch.__version__, platform.python_version())
    assert (made["from_sweep"], made["device"], made["threads"], made["compiled"]) == (0, "cpu", 1, False)
    assert made["vectors"]
    assert made["processor"]
    (text,) = events(tmp_path / "run").Tensors("run/text_summary")
    words = text.tensor_proto.string_val[0].decode()
    assert f"torch | {torch.__version__}\n" in words
    assert f"vectors | {made['vectors']}\n" in words


def test_a_run_that_goes_on_says_it_again(tmp_path, monkeypatch):
    """Each stretch of it with what it was made with; one that was broken off before it came further is none."""
    directory = tmp_path / "run"
    assert interrupted(partial(run.run, load("xor", *FEW, *BARE), directory, quiet=True), 2) == 130
    monkeypatch.setattr(torch, "__version__", "9.9")
    assert interrupted(partial(run.resume, directory, []), 0) == 130
    monkeypatch.setattr(torch, "__version__", "9.10")
    run.resume(directory, [])
    first, second = environment.read(directory)
    assert (first["from_sweep"], second["from_sweep"], second["torch"]) == (0, 4, "9.10")


@pytest.mark.parametrize("content", [None, "", "[3]", "{", '[{"torch": "2"}]'])
def test_none_is_known_of_a_damaged_file(tmp_path, content):
    if content is not None:
        (tmp_path / "environment.json").write_text(content)
    assert environment.read(tmp_path) == []


# The project --------------------------------------------------------------------------------------------------


def git(directory, *arguments):
    own = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main")
    done = subprocess.run(["git", *own, "-C", str(directory), *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def clone(tmp_path, monkeypatch, asked_anew):
    """A clone that has configs and experiments, and results beside them."""
    for name in ("configs", "experiments", "results"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("1")
    git(tmp_path, "init")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "first")
    monkeypatch.setattr(environment, "CONFIGS", tmp_path / "configs")
    return tmp_path


@pytest.mark.parametrize(("changed", "counts"), [(None, False), ("results", False), ("experiments", True)])
def test_the_commit_and_whether_code_differs_from_it(clone, changed, counts, monkeypatch):
    """Also where git itself is told of another repository, as in a hook of it."""
    monkeypatch.setenv("GIT_DIR", str(CONFIGS.parent / ".git"))
    if changed:
        (clone / changed / "file").write_text("2")
    monkeypatch.delenv("GIT_DIR")
    commit = git(clone, "rev-parse", "HEAD")
    monkeypatch.setenv("GIT_DIR", str(CONFIGS.parent / ".git"))
    assert environment.project() == {"commit": commit, "changed": counts}


def test_a_new_file_of_code_counts(clone):
    (clone / "configs" / "mine.yaml").touch()
    found = environment.project()
    assert found is not None
    assert found["changed"] is True


def test_without_a_clone_or_git_there_is_none(tmp_path, monkeypatch, asked_anew):
    monkeypatch.setattr(environment, "CONFIGS", tmp_path / "configs")
    assert environment.project() is None
    assert "commit" not in environment.environment(load("xor"), False, 1, 0)
    (tmp_path / ".git").mkdir()
    environment.ask_git.cache_clear()
    environment.project.cache_clear()
    assert environment.project() is None  # git says that this is no repository
    monkeypatch.setenv("PATH", str(tmp_path))
    environment.ask_git.cache_clear()
    environment.project.cache_clear()
    assert environment.project() is None


# Shards -------------------------------------------------------------------------------------------------------

ALIKE = {"torch": "2.13.0", "device": "cpu", "compiled": True, "vectors": "AVX2", "processor": "A"}


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({}, ""),
        ({"torch": "2.12.0"}, "torch: 2.12.0 (DIR/1), 2.13.0 (DIR/0)"),
        ({"vectors": "AVX-512", "processor": "B"}, ""),
        ({"compiled": False}, "compiled: False (DIR/1), True (DIR/0)"),
        (
            {"compiled": False, "vectors": "AVX-512"},
            "compiled: False (DIR/1), True (DIR/0); vectors: AVX-512 (DIR/1), AVX2 (DIR/0)",
        ),
        ({"device": "H200 (cuda:0)"}, "device: H200 (cuda:0) (DIR/1), cpu (DIR/0)"),
    ],
    ids=str,
)
def test_shards_that_were_not_made_alike_are_named(tmp_path, other, said):
    """Machine code gives the same bits on any processor."""
    for number, more in enumerate(({}, other)):
        (tmp_path / str(number)).mkdir()
        made = [{"from_sweep": 0, **ALIKE, **more}]
        (tmp_path / str(number) / "environment.json").write_text(json.dumps(made))
    begin = "Not made alike, so that last digits may differ from those of one run: "
    assert unlike([tmp_path / "0", tmp_path / "1"]) == (begin + said.replace("DIR", str(tmp_path)) if said else "")


def test_merging_says_it(tmp_path, monkeypatch, capsys):
    for number, version in ((1, "2.12.0"), (2, torch.__version__)):
        monkeypatch.setattr(torch, "__version__", version)
        directory = tmp_path / "shards" / str(number)
        options = ["experiment=xor", *FEW, *BARE, f"population.shard={number}/2", f"hydra.run.dir={directory}"]
        monkeypatch.setattr(sys, "argv", ["run.py", *options])
        run.main()
    capsys.readouterr()
    assert merge.merge([tmp_path / "shards"], tmp_path / "merged") == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("Not made alike, so that last digits may differ from those of one run: torch: 2.12.0 (")
