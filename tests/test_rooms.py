"""Who may import whom, read off the source: equations <- networks, learning <- training <- experiments <- tests."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("repro", "experiments", "tests")


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))}


def imports_in(source: str, package: str = "") -> set[str]:
    """Every module that the source imports anywhere in it, also inside a function."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package.split(".")[: len(package.split(".")) - node.level + 1]) if node.level else ""
            origin = ".".join(part for part in (base, node.module) if part)
            found |= {origin} | {f"{origin}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in (
            "import_module",
            "__import__",
        ):
            found |= {arg.value for arg in node.args if isinstance(arg, ast.Constant)}
    return found


def imports_of(name: str) -> set[str]:
    path = MODULES[name]
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    return imports_in(path.read_text(), package)


def within(name: str, room: str) -> bool:
    return name == room or name.startswith(room + ".")


def offenders(room: str, forbidden: tuple[str, ...]) -> list[str]:
    return [
        f"{name} imports {imported}"
        for name in MODULES
        if within(name, room)
        for imported in imports_of(name)
        if any(within(imported, f) for f in forbidden)
    ]


def test_imports_are_seen():
    source = """
import a.b as c
from d import e
from . import f
from ..g import h
def late():
    import i
    importlib.import_module("j")
"""
    assert imports_in(source, "p.q") == {"a.b", "d", "d.e", "p.q", "p.q.f", "p.g", "p.g.h", "i", "j"}
    assert {"repro.equations", "repro.training", "experiments.run", "tests.test_rooms"} <= MODULES.keys()
    assert "repro.equations" in imports_of("repro.networks")
    assert offenders("tests", ("repro.equations",))


def test_repro_knows_no_launcher():
    forbidden = ("hydra", "omegaconf", "experiments", "tests", "tensorboard", "torch.utils.tensorboard", "rich")
    assert offenders("repro", forbidden) == []


def test_only_figures_draw():
    assert [o for o in offenders("repro", ("matplotlib",)) if not o.startswith("repro.figures.")] == []


def test_nothing_imports_experiments_but_experiments_and_tests():
    assert offenders("repro", ("experiments",)) == []
    assert offenders("experiments", ("tests",)) == []


def test_the_equations_stand_by_themselves():
    assert offenders("repro.equations", ("repro", "experiments")) == []


@pytest.mark.parametrize(
    ("lower", "higher"),
    [
        ("repro.tasks", ("repro.networks", "repro.training", "repro.population", "repro.learning")),
        ("repro.learning", ("repro.networks", "repro.training", "repro.population")),
        ("repro.networks", ("repro.training", "repro.population", "repro.learning", "repro.measures.symmetry")),
        ("repro.population", ("repro.training", "repro.measures.symmetry")),
        ("repro.training", ("repro.measures.symmetry", "repro.figures")),
        ("repro.measures.symmetry", ("repro.figures",)),
    ],
)
def test_arrows_point_one_way(lower, higher):
    assert offenders(lower, higher) == []


def test_the_reference_stands_apart():
    assert offenders("tests.reference", ("repro", "torch", "numpy", "experiments")) == []


@pytest.mark.parametrize("room", ["repro", "experiments", "tests"])
def test_no_cycles(room):
    """An import inside a function counts too: it hides a cycle and does not mend it."""
    graph = {
        name: {m for m in imports_of(name) if m in MODULES and m != name} for name in MODULES if within(name, room)
    }
    for name, imported in graph.items():  # a package's own __init__ may import what is inside it
        imported -= {m for m in imported if name.startswith(m + ".")}
    TopologicalSorter(graph).prepare()  # raises CycleError
