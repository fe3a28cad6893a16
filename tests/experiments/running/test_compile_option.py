"""``compile``: what a run does without a compiler, or without one that works, and where it need not compile."""

import os
import signal
import subprocess
import sys
import time

import pytest

from experiments import run
from experiments.options.load import load
from repro.machine_code import build
from tests.experiments.processes import start

FEW = ("population.seeds=20", "learning.sweeps=40", "record.tensorboard=false", "record.figures=false", "threads=1")


@pytest.fixture
def uncompiled(tmp_path):
    run.run(load("xor", *FEW, "compile=false"), tmp_path / "uncompiled", quiet=True)
    return (tmp_path / "uncompiled" / "seeds.csv").read_bytes()


def test_without_a_compiler_a_run_says_so_and_goes_on(tmp_path, monkeypatch, capsys, uncompiled):
    monkeypatch.setattr(build, "compiler_lacking", lambda: "there is no C++ compiler (g++)")
    run.run(load("xor", *FEW, "compile=true"), tmp_path / "run")
    first = capsys.readouterr().out.splitlines()[0]
    assert first == "compile=true: there is no C++ compiler (g++); goes on uncompiled, many times slower."
    assert (tmp_path / "run" / "seeds.csv").read_bytes() == uncompiled


def run_with(tmp_path, *more: str, **environment: str):
    command = ["-m", "experiments.run", "experiment=xor", *FEW, *more, f"hydra.run.dir={tmp_path / 'run'}"]
    return subprocess.run([sys.executable, *command], env=os.environ | environment, capture_output=True, text=True)


@pytest.mark.slow
def test_with_a_compiler_that_fails_too(tmp_path, uncompiled):
    broken = tmp_path / "c++"
    broken.write_text("#!/bin/sh\necho an error >&2\nexit 1\n")
    broken.chmod(0o755)
    ended = run_with(tmp_path, "compile=true", CXX=str(broken), BACKPROP_1986_CACHE=str(tmp_path / "cache"))
    assert ended.returncode == 0, ended.stderr
    assert f"compile: {broken} could not compile the sweep: an error; goes on uncompiled, many times" in ended.stdout
    assert "Traceback" not in ended.stdout + ended.stderr
    assert (tmp_path / "run" / "seeds.csv").read_bytes() == uncompiled


@pytest.mark.slow
def test_without_a_directory_for_what_is_compiled(tmp_path):
    """It is said, and compiled all the same."""
    (tmp_path / "file").touch()
    ended = run_with(tmp_path, "compile=true", BACKPROP_1986_CACHE=str(tmp_path / "file" / "cache"))
    assert ended.returncode == 0, ended.stderr
    assert "machine code is not kept in" in ended.stderr
    assert "Compiled in" in ended.stdout
    assert "uncompiled" not in ended.stdout


@pytest.mark.slow
@pytest.mark.parametrize("compile", ["null", "true"])
def test_no_run_on_a_cpu_loads_the_compiler_of_torch(tmp_path, compile):
    """Which takes longer than a run of one network."""
    code = (
        "import sys; from pathlib import Path\n"
        "from experiments.options.load import load; from experiments.run import run\n"
        f"run(load('xor', *{FEW}, 'compile={compile}'), Path({str(tmp_path / 'run')!r}), quiet=True)\n"
        "print([name for name in sys.modules if name.startswith(('torch._inductor', 'torch._dynamo'))])"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout == "[]\n"


@pytest.mark.slow
def test_ctrl_c_in_a_terminal_while_compiling(tmp_path):
    """It goes to the C++ compiler as well."""
    options = ["experiment=family_trees_learned", *FEW, "compile=true", "hydra.run.dir=run"]
    process = start(tmp_path, "experiments.run", *options, BACKPROP_1986_CACHE=str(tmp_path / "cache"))
    assert process.stdout is not None
    assert process.stdout.readline() == "Compiling, which takes 1 to 10 seconds, once.\n"
    time.sleep(0.5)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert (process.returncode, out) == (130, "")
    assert err == "experiments.run: interrupted; there was nothing to keep\n"
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]
