"""Every program, however it is started: by name, by path, as a command, from elsewhere; and what is no program."""

import ast
import importlib.util
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from experiments.catalogue import SPEEDS, STUDIES
from tests.test_rooms import MODULES, ROOT, imports_in

PROGRAMS = ("run", "board", "merge", "report", "reproduce", "speed.__main__", "speed.device_check", "claims.protocol")
"""Those that the pages name, in experiments/."""

WORKER = "speed.cells"
"""What ``device_check`` starts for itself."""

NOT_ALONE = {f"studies.{name}": f"python -m experiments.reproduce {name}" for name in STUDIES} | {
    f"speed.{name}": f"python -m experiments.speed {name}" for name in SPEEDS
}
"""Files that measure something, each with the program that runs it."""


def path_of(program: str) -> Path:
    return ROOT / "experiments" / Path(*program.split(".")).with_suffix(".py")


AS_PROGRAM, BY_PATH = "__name__ == '__main__'", "not __package__"
"""What a file asks where it does something of its own, and where it puts Python's path right."""


def asks(path: Path, test: str, ahead: bool = False) -> ast.If | None:
    """Where it asks. ahead: only before it imports anything that does not come with Python."""
    imported: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.If) and ast.unparse(node.test) == test:
            own = {name.partition(".")[0] for name in imported} <= sys.stdlib_module_names
            return node if own or not ahead else None
        imported |= imports_in(ast.unparse(node))
    return None


def test_these_are_all_programs_and_all_that_are_none():
    modules = {name: path for name, path in MODULES.items() if name.startswith("experiments.")}
    asking = {name for name, path in modules.items() if asks(path, AS_PROGRAM)}
    assert asking == {f"experiments.{name}" for name in (*PROGRAMS, WORKER, *NOT_ALONE)}


@pytest.mark.parametrize("program", PROGRAMS)
def test_by_its_path_python_looks_where_it_looks_by_its_name(program, monkeypatch):
    path = path_of(program)
    monkeypatch.setattr(sys, "path", [str(path.parent), *sys.path[1:]])
    names = {"__package__": None, "__file__": str(path), "sys": sys, "os": os, "Path": Path}
    exec(compile(ast.Module([asks(path, BY_PATH, ahead=True)], []), str(path), "exec"), names)
    assert sys.path[0] == str(ROOT)


def started(*command, cwd: Path) -> subprocess.CompletedProcess[str]:
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [sys.executable, *command], cwd=cwd, env=variables, capture_output=True, text=True, timeout=120
    )


@pytest.mark.parametrize("file", ["experiments/run.py", "backprop_1986.py"])
def test_the_runs_program_from_elsewhere(file, tmp_path):
    """It lists the experiments where none is named, as ``python -m experiments.run`` does in the checkout."""
    done = started(ROOT / file, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("experiments.run: say which experiment to run, experiment=NAME")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("where", ["the checkout", "elsewhere"])
@pytest.mark.parametrize("program", PROGRAMS)
def test_every_program_helps_by_its_path(program, where, tmp_path):
    cwd = ROOT if where == "the checkout" else tmp_path
    path = path_of(program)
    done = started(os.path.relpath(path, cwd) if where == "the checkout" else path, "--help", cwd=cwd)
    assert done.returncode == 0, done.stderr
    assert "usage:" in done.stdout.lower()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_reproduce_by_its_path_starts_processes_that_find_everything(tmp_path):
    done = started(path_of("reproduce"), "no_hidden", "--seeds", "8", "--results", "found", cwd=tmp_path)
    assert (tmp_path / "found" / "no_hidden.csv").is_file(), done.stderr


@pytest.mark.parametrize("file", NOT_ALONE)
def test_what_is_no_program_names_the_one_that_runs_it(file):
    """At once: ahead of what it imports, which may not be installed."""
    assert asks(path_of(file), AS_PROGRAM, ahead=True)
    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(path_of(file)), run_name="__main__")
    assert end.value.code == f"experiments.{file}: run it by {NOT_ALONE[file]}"
    assert importlib.util.find_spec(NOT_ALONE[file].split()[2])


@pytest.mark.parametrize("program", ["run", "report", "speed"])
def test_another_python_than_the_environments_is_told_in_one_line(program):
    """Here the same one, without the packages that are installed for it."""
    done = started("-S", "-m", f"experiments.{program}", "--help", cwd=ROOT)
    assert done.returncode == 1
    assert done.stderr.startswith(f"experiments: what they need is not installed for {sys.executable}: `make setup`")
    assert len(done.stderr.splitlines()) == 1
