"""``make``: its help is complete, and which environment it goes on with, makes anew, or leaves alone."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = re.search(r"^\.PHONY: (help .*)$", TEXT, re.MULTILINE)[1].split()

needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")


def asked(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["make", *arguments], cwd=cwd, capture_output=True, text=True)


def test_help_tells_every_target():
    told = re.findall(r"make ([a-z-]+)", "\n".join(re.findall(r'^\t@echo "(.*)"$', TEXT, re.MULTILINE)))
    assert sorted({*told, "help"}) == sorted(TARGETS)
    assert len(told) == len(set(told)) + told.count("setup") - 1


def test_every_target_needs_the_environment_or_none():
    """So that each can be the first command, and none leaves it half made."""
    rules = dict(re.findall(r"^([a-z-]+):(.*)$", TEXT, re.MULTILINE))
    assert {*TARGETS, "environment"} == {*rules}
    without = {"help", "clean", "environment"}
    assert {name for name, needs in rules.items() if needs.strip() != "$(VENV)/installed"} == without


def environment(at: Path, python: Path | str = sys.executable, knows: Path | None = None) -> Path:
    """What ``python -m venv`` leaves, as far as make looks at it. knows: the folder that its scripts have in them."""
    (at / "bin").mkdir(parents=True)
    (at / "bin" / "python").symlink_to(python)
    (at / "bin" / "activate").write_text(f"VIRTUAL_ENV='{knows or at}'\n")
    (at / "pyvenv.cfg").touch()
    return at


def made(venv: Path, *more: str) -> str | None:
    """The command by which make would make the environment; None: it goes on with the one that is there."""
    planned = asked("--dry-run", "setup", f"VENV={venv}", *more)
    assert planned.returncode == 0, planned.stderr
    lines = [line for line in planned.stdout.splitlines() if " -m venv " in line]
    assert f"{venv}/bin/python -m pip install --quiet -c constraints.txt -e '.[dev]'" in planned.stdout
    return " ".join(lines[0].split()) if lines else None


@needs_make
def test_an_environment_is_gone_on_with_where_it_can_be(tmp_path):
    """Half installed, or the user's own: pip goes on. In any folder but a moved one, and by any Python that will do."""
    assert made(environment(tmp_path / "half")) is None
    assert made(tmp_path / "new") == f"python3 -m venv {tmp_path}/new"


@needs_make
@pytest.mark.parametrize("why", ["its Python is gone", "its Python is too old", "it was moved", "it has no scripts"])
def test_an_environment_is_made_anew_where_it_cannot(why, tmp_path):
    venv = environment(tmp_path / "old")
    python = venv / "bin" / "python"
    if why == "its Python is gone":
        python.unlink()
        python.symlink_to(tmp_path / "no-such-python")
    elif why == "its Python is too old":
        python.unlink()
        python.write_text("#!/bin/sh\nexit 1\n")
        python.chmod(0o755)
    elif why == "it was moved":
        (venv / "bin" / "activate").write_text("VIRTUAL_ENV='/elsewhere/.venv'\n")
    else:
        (venv / "bin" / "activate").unlink()
    assert made(venv) == f"python3 -m venv --clear {venv}"


@needs_make
def test_a_folder_that_is_no_environment_is_never_cleared(tmp_path):
    (tmp_path / "kept").write_text("mine")
    assert made(tmp_path) == f"python3 -m venv {tmp_path}"


@needs_make
def test_another_python_is_taken_where_it_is_asked_for(tmp_path):
    venv = environment(tmp_path / "venv")
    assert made(venv, f"PYTHON={venv}/bin/python") is None
    other = tmp_path / "other-python"
    other.write_text(f'#!/bin/sh\n[ "$1" = -V ] && echo Python 3.10.99 || exec {sys.executable} "$@"\n')
    other.chmod(0o755)
    assert made(venv, f"PYTHON={other}") == f"{other} -m venv --clear {venv}"


@needs_make
@pytest.mark.parametrize("python", ["false", "no-such-python"])
def test_a_python_that_will_not_do_is_named_in_one_line(python, tmp_path):
    done = asked("setup", f"VENV={tmp_path}/new", f"PYTHON={python}")
    assert done.returncode == 2
    said = [line for line in done.stderr.splitlines() if not line.startswith("make")]
    assert said == [f"{python} is no Python 3.10 to 3.13: name one that is, such as make setup PYTHON=python3.12"]
    assert list(tmp_path.iterdir()) == []


@needs_make
def test_the_size_of_torch_is_said_before_it_is_fetched(tmp_path):
    planned = asked("--dry-run", "reproduce", f"VENV={tmp_path}/new").stdout
    assert planned.index("some gigabytes") < planned.index("-e '.[dev]'") < planned.index("experiments.reproduce")
    fetched = asked("--dry-run", "setup", f"VENV={tmp_path}/new", "TORCH_INDEX=INDEX").stdout
    assert "gigabytes" not in fetched
    assert fetched.index("torch --index-url INDEX") < fetched.index("-e '.[dev]'")
