"""What is installed and handed on: the metadata, the wheel's and the source distribution's files, the one command."""

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tarfile
import venv
from functools import cache
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

import backprop_1986
from experiments.catalogue import STUDIES
from tests.planted import copied, tracked
from tests.test_rooms import MODULES, imports_of

tomllib = pytest.importorskip("tomllib" if sys.version_info >= (3, 11) else "tomli")

ROOT = Path(__file__).parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
EXTRAS = PROJECT["optional-dependencies"]
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))

COME_WITH = {"yaml": "omegaconf", "absl": "tensorboard", "markupsafe": "jinja2"}
"""What is imported and not asked for by name, and the dependency that it belongs to."""

IN_AN_EXTRA = {"optuna": "search", "jax": "bench"}
"""What few modules import: the other programs do without."""

SETUPTOOLS = "needs setuptools of today: pip install -e '.[dev]'"


def test_the_metadata_is_that_of_the_citation():
    assert PROJECT["version"] == CITATION["version"]
    assert [author["name"] for author in PROJECT["authors"]] == [author["name"] for author in CITATION["authors"]]
    assert PROJECT["license"] == CITATION["license"] == "MIT"
    (paper,) = CITATION["references"]
    assert PROJECT["urls"]["Paper"] == f"https://doi.org/{paper['doi']}"
    assert PROJECT["authors"][0]["name"] in (ROOT / "LICENSE").read_text(encoding="utf-8")


def test_each_python_that_is_told_is_one_that_it_installs_on():
    told = {name.rpartition(" ")[2] for name in PROJECT["classifiers"] if re.search(r"Python :: \d\.", name)}
    wanted = SpecifierSet(PROJECT["requires-python"])
    assert told == {f"3.{minor}" for minor in range(30) if f"3.{minor}" in wanted}
    oldest = min(told, key=lambda text: int(text[2:]))
    assert PYPROJECT["tool"]["mypy"]["python_version"] == oldest
    assert PYPROJECT["tool"]["ruff"]["target-version"] == f"py{oldest.replace('.', '')}"
    assert f"Python {oldest} to " in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_releases_that_are_held_fit_what_is_asked_for():
    """On each Python that it installs on, each is held once, by ``==``."""
    asked = {}
    for requirement in map(
        Requirement, [*PROJECT["dependencies"], *(each for extra in EXTRAS.values() for each in extra)]
    ):
        asked[canonicalize_name(requirement.name)] = requirement.specifier
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line and not line.startswith("#")]
    held = list(map(Requirement, lines))
    for minor in range(10, 14):
        there = [each for each in held if each.marker is None or each.marker.evaluate({"python_version": f"3.{minor}"})]
        names = [canonicalize_name(each.name) for each in there]
        assert len(names) == len(set(names)), minor
        assert {canonicalize_name(each.name) for each in held} == set(names), minor
    for each in held:
        ((comparison, version),) = [(of.operator, of.version) for of in each.specifier]
        assert comparison == "=="
        assert version in asked[canonicalize_name(each.name)], each


@cache
def distributions() -> dict[str, set[str]]:
    return {name: set(map(canonicalize_name, of)) for name, of in importlib.metadata.packages_distributions().items()}


def test_whatever_is_imported_is_asked_for():
    """And what an extra brings is imported by modules that say so where it is not there."""
    asked = {canonicalize_name(Requirement(text).name) for text in PROJECT["dependencies"]}
    own = {"repro", "experiments", "hydra_plugins"}
    users: dict[str, set[str]] = {}
    for module in MODULES:
        for imported in imports_of(module) if module.partition(".")[0] in own else ():
            top = imported.partition(".")[0]
            if top not in own and top not in sys.stdlib_module_names:
                users.setdefault(top, set()).add(module)
    assert len(users) > 8
    extra = {top for top in users if top in IN_AN_EXTRA}
    for top in users.keys() - extra:
        brought = {COME_WITH[top]} if top in COME_WITH else distributions().get(top, {top})
        assert brought & asked, f"{top}, which {sorted(users[top])} import, is of {brought}"
    assert users["optuna"] == {"experiments.studies.family_trees_search", "experiments.running.sweep_search"}
    assert STUDIES["family_trees_search"].needs == ("optuna", IN_AN_EXTRA["optuna"])
    assert users["jax"] == {"experiments.speed.contenders"}
    assert extra == set(IN_AN_EXTRA)
    for top in extra:
        assert any(Requirement(text).name == top for text in EXTRAS[IN_AN_EXTRA[top]])


def test_every_extra_is_told():
    text = (ROOT / "docs" / "running.md").read_text(encoding="utf-8")
    assert [extra for extra in EXTRAS if f"`{extra}`" not in text] == []


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> dict[str, set[str]]:
    """The files of a source distribution and of a wheel, as setuptools lists them."""
    pytest.importorskip("setuptools", minversion="77", reason=SETUPTOOLS)
    if not (ROOT / ".git").exists() or not shutil.which("git"):
        pytest.skip("needs git, and a checkout, to know which files there are")
    copy, built = copied(tmp_path_factory.mktemp("copy")), tmp_path_factory.mktemp("built")
    (copy / "repro" / "__pycache__").mkdir()
    (copy / "repro" / "__pycache__" / "equations.cpython-311.pyc").write_bytes(b"")
    code = "from setuptools import setup; setup()"
    subprocess.run(
        [sys.executable, "-c", code, "-q", "egg_info", "build_py", "--build-lib", built], cwd=copy, check=True,
        capture_output=True,
    )  # fmt: skip
    (sources,) = copy.glob("*.egg-info/SOURCES.txt")
    files = {path.relative_to(built).as_posix() for path in built.rglob("*") if path.is_file()}
    return {"sdist": set(sources.read_text(encoding="utf-8").splitlines()), "wheel": files}


def test_the_source_distribution_is_the_checkout(made):
    own = {name for name in made["sdist"] if not name.startswith("backprop_1986.egg-info/")}
    assert own == set(tracked())
    assert {"constraints.txt", "tests/reference.py", "configs/config.yaml", "examples/first_look.ipynb"} <= own


def test_the_wheel_is_the_library_and_the_command(made):
    library = {name for name in tracked() if re.fullmatch(r"repro/.*\.(py|hpp)|backprop_1986\.py", name)}
    assert made["wheel"] == library
    assert "repro/machine_code/lanes.hpp" in library


def test_elsewhere_the_command_says_in_one_line_where_experiments_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(backprop_1986, "__file__", str(tmp_path / "site-packages" / "backprop_1986.py"))
    assert backprop_1986.checkout() is None
    with pytest.raises(SystemExit) as end:
        backprop_1986.main()
    assert str(end.value.code).startswith(ELSEWHERE)
    assert "\n" not in str(end.value.code)


def test_the_command_runs_the_checkout_that_it_is_of_or_is_started_in(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert backprop_1986.checkout() == ROOT
    monkeypatch.setattr(backprop_1986, "__file__", str(tmp_path / "backprop_1986.py"))
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "run.py").touch()
    assert backprop_1986.checkout() is None
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "config.yaml").touch()
    assert backprop_1986.checkout() == tmp_path


def test_the_command_is_that_of_the_metadata():
    assert PROJECT["scripts"] == {"backprop-1986": f"backprop_1986:{backprop_1986.main.__name__}"}


TRAINS = """
import repro
import torch
from repro.learning import Phase
from repro.machine_code import build
from repro.population import Population
from repro.printed_networks import SYMMETRY
from repro.tasks.symmetry import symmetry
from repro.training import train
from repro.training_setup import Criterion, Learning, TrainingSetup

population = Population.start(SYMMETRY.architecture, range(4), 0.3, torch.float64)
learning = Learning((Phase(SYMMETRY.epsilon, 0.9),), 50)
setup = TrainingSetup(SYMMETRY.architecture, symmetry(), learning, Criterion(0.2, stop=False))
*_, snapshot = train(population, setup, every=50, compile=build.compiler_lacking() is None)
print(repro.__file__, snapshot.population.sweep, bool(snapshot.population.E.isfinite().all()))
"""

ELSEWHERE = "backprop-1986: experiments run in a checkout of the repository"


@pytest.mark.slow
def test_a_wheel_of_the_source_distribution_trains_from_anywhere(tmp_path):
    """Built by the setuptools that is here, and installed alone; the packages that it needs are those that are here."""
    pytest.importorskip("setuptools", minversion="77", reason=SETUPTOOLS)
    built, clean, elsewhere = (tmp_path / name for name in ("built", "clean", "else where"))
    elsewhere.mkdir()

    def build(kind: str, source: Path) -> Path:
        code = f"from setuptools import build_meta; print(build_meta.build_{kind}({str(built)!r}))"
        done = subprocess.run([sys.executable, "-c", code], cwd=source, capture_output=True, text=True, check=True)
        return built / done.stdout.splitlines()[-1]

    with tarfile.open(build("sdist", copied(tmp_path / "copy"))) as archive:
        archive.extractall(tmp_path / "unpacked")
    (source,) = (tmp_path / "unpacked").iterdir()
    venv.create(clean, with_pip=True)
    install = [clean / "bin" / "pip", "install", "--quiet", "--no-deps", "--no-index", build("wheel", source)]
    subprocess.run(install, check=True)
    (packages,) = (clean / "lib").glob("python*/site-packages")
    installed = {path.name.partition("-")[0] for path in packages.iterdir()}
    assert installed - {"pip", "setuptools", "pkg_resources", "_distutils_hack", "distutils", "__pycache__"} == {
        "repro", "backprop_1986.py", "backprop_1986"
    }  # fmt: skip
    (packages / "here.pth").write_text("\n".join(path for path in sys.path if path.endswith("site-packages")))
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    variables["BACKPROP_1986_CACHE"] = str(tmp_path / "machine code")

    def ran(*command) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, cwd=elsewhere, capture_output=True, text=True, env=variables)

    trained = ran(clean / "bin" / "python", "-c", TRAINS)
    assert trained.stdout.split() == [str(packages / "repro" / "__init__.py"), "50", "True"], trained.stderr
    refused = ran(clean / "bin" / "backprop-1986", "experiment=xor")
    assert refused.returncode == 1
    assert refused.stderr.startswith(ELSEWHERE)
    assert len(refused.stderr.splitlines()) == 1
    assert list(elsewhere.iterdir()) == []
