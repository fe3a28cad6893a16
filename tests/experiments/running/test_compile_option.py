"""``compile``: what a run does without a compiler, or without one that works, and where it need not compile."""

import os
import signal
import subprocess
import sys
import time

import pytest

from experiments import run
from experiments.options import machine
from experiments.options.load import load
from tests.experiments.processes import start

FEW = ("population.seeds=20", "learning.sweeps=40", "record.tensorboard=false", "record.figures=false", "threads=1")


@pytest.fixture
def uncompiled(tmp_path):
    run.run(load("xor", *FEW, "compile=false"), tmp_path / "uncompiled", quiet=True)
    return (tmp_path / "uncompiled" / "seeds.csv").read_bytes()


def test_without_a_compiler_a_run_says_so_and_goes_on(tmp_path, monkeypatch, capsys, uncompiled):
    monkeypatch.setattr(machine, "compiler_lacking", lambda: "there is no C++ compiler (g++)")
    run.run(load("xor", *FEW, "compile=true"), tmp_path / "run")
    first = capsys.readouterr().out.splitlines()[0]
    assert first == "compile=true: there is no C++ compiler (g++); goes on uncompiled, many times slower."
    assert (tmp_path / "run" / "seeds.csv").read_bytes() == uncompiled


@pytest.mark.slow
@pytest.mark.parametrize("lacking", ["a compiler that works", "a directory for what it makes"])
def test_with_a_compiler_that_fails_too(tmp_path, uncompiled, lacking):
    """In a process of its own: torch keeps what it has found out about the compiler."""
    broken = tmp_path / "c++"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    (tmp_path / "file").touch()
    own = {"TORCHINDUCTOR_CACHE_DIR": str(tmp_path / "cache"), "CXX": str(broken)}
    if lacking != "a compiler that works":
        own = {"TORCHINDUCTOR_CACHE_DIR": str(tmp_path / "file" / "cache")}
    command = ["-m", "experiments.run", "experiment=xor", *FEW, "compile=true", f"hydra.run.dir={tmp_path / 'run'}"]
    ended = subprocess.run([sys.executable, *command], env=os.environ | own, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert "goes on uncompiled, many times slower." in ended.stdout
    assert "Traceback" not in ended.stdout + ended.stderr
    assert (tmp_path / "run" / "seeds.csv").read_bytes() == uncompiled


@pytest.mark.slow
def test_a_run_that_is_not_compiled_does_not_load_the_compiler(tmp_path):
    """Which takes longer than a run of one network."""
    code = (
        "import sys; from pathlib import Path\n"
        "from experiments.options.load import load; from experiments.run import run\n"
        f"run(load('xor', *{FEW}, 'compile=null'), Path({str(tmp_path / 'run')!r}), quiet=True)\n"
        "print([name for name in sys.modules if name.startswith(('torch._inductor', 'torch._dynamo'))])"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout == "[]\n"


@pytest.mark.slow
def test_ctrl_c_in_a_terminal_while_compiling(tmp_path):
    """It goes to the C++ compiler as well."""
    options = ["experiment=xor", *FEW, "compile=true", "hydra.run.dir=run"]
    process = start(tmp_path, "experiments.run", *options, TORCHINDUCTOR_CACHE_DIR=str(tmp_path / "cache"))
    assert process.stdout is not None
    assert process.stdout.readline() == "Compiling, which takes some 5 to 20 seconds.\n"
    time.sleep(3)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert "Traceback" not in out + err
    assert "Interrupted" in out
