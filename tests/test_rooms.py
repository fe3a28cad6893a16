"""Who may import whom, read off the source: the rooms of experiments/, and the floors of the whole house."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("repro", "experiments", "hydra_plugins", "tests")


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


ALLOWED = {
    "files": (),
    "statistics": (),
    "tables": ("files", "statistics"),
    "options": ("files",),
    "catalogue": ("files", "tables", "options"),
    "claims": ("files", "statistics", "tables", "options", "catalogue"),
    "running": ("files", "statistics", "tables", "options", "catalogue"),
    "studies": ("files", "statistics", "tables", "options", "catalogue"),
    "speed": ("files", "statistics", "tables", "options", "catalogue", "studies", "running"),
    "pages": ("files", "statistics", "tables", "options", "catalogue", "claims"),
    "explorer": ("files", "tables", "options", "catalogue", "claims"),
    "board": ("running",),
    "run": ("files", "options", "running"),
    "merge": ("files", "statistics", "tables", "options", "running"),
    "report": ("files", "statistics", "tables", "options", "catalogue", "claims", "pages", "explorer", "running"),
    "reproduce": (
        "files",
        "tables",
        "options",
        "catalogue",
        "claims",
        "running",
        "studies",
        "explorer",
        "pages",
        "run",
        "report",
    ),
}
"""A room of experiments/, a folder or a file at its top: the rooms that it may import from, besides repro."""

FLOORS = 7
"""The longest chain of rooms, each importing from the next, repro being one of them."""

WITHOUT_TORCH = ("experiments.claims", "experiments.tables", "experiments.statistics", "experiments.pages.markdown")


def room_of(name: str) -> str:
    """The room of a module: its folder or file under experiments/, or ``"repro"``; ``""`` for experiments itself."""
    top, _, rest = name.partition(".")
    return top if top == "repro" else rest.partition(".")[0]


def own_imports(name: str) -> set[str]:
    """The modules of this project that a module imports."""
    return {imported for imported in imports_of(name) if imported in MODULES and imported != name}


def test_every_room_of_experiments_imports_from_those_that_it_may():
    found = {}
    for name in MODULES:
        if within(name, "experiments") and room_of(name):
            others = {room_of(imported) for imported in own_imports(name)} - {room_of(name), "", "repro"}
            found.setdefault(room_of(name), set()).update(others)
    assert found.keys() == ALLOWED.keys()
    offending = {room: others - set(ALLOWED[room]) for room, others in found.items()}
    assert {room: others for room, others in offending.items() if others} == {}


def test_the_house_has_few_floors():
    rooms = {}
    for name in MODULES:
        if not within(name, "tests") and room_of(name):
            others = {room_of(imported) for imported in own_imports(name)} - {room_of(name), ""}
            rooms.setdefault(room_of(name), set()).update(others)
    floor = {}
    for room in TopologicalSorter(rooms).static_order():  # raises CycleError
        floor[room] = 1 + max((floor[below] for below in rooms[room]), default=0)
    assert max(floor.values()) <= FLOORS
    assert floor["repro"] == 1
    assert max(floor, key=lambda room: floor[room]) == "reproduce"


def test_the_top_of_experiments_is_a_handful():
    top = [path for path in (ROOT / "experiments").iterdir() if path.name != "__pycache__"]
    assert len([path for path in top if path.is_file()]) <= 10
    folders = [path for path in top if path.is_dir()]
    assert len(folders) <= 7
    for folder in folders:
        sentence = ast.get_docstring(ast.parse((folder / "__init__.py").read_text()))
        assert sentence is not None
        assert "\n" not in sentence
        assert len(ast.parse((folder / "__init__.py").read_text()).body) == 1


def test_a_task_has_the_same_name_everywhere():
    """A measure, or a figure of one, is of a task; what is drawn for any network has another name."""
    names = {kind: {path.stem for path in (ROOT / "repro" / kind).glob("[a-z]*.py")} for kind in ("tasks", "measures")}
    assert names["measures"] <= names["tasks"]


def reached(start: str) -> set[str]:
    """All modules of this project that a module imports, and those that these import, and so on."""
    found, left = set(), [start]
    while left:
        for imported in own_imports(left.pop()) - found:
            found.add(imported)
            left.append(imported)
    return found


def test_the_ledger_and_the_tables_need_no_torch():
    rooms = [name for name in MODULES if any(within(name, room) for room in WITHOUT_TORCH)]
    assert len(rooms) > len(WITHOUT_TORCH)
    for name in rooms:
        for each in {name, *reached(name)}:
            assert not any(within(imported, "torch") for imported in imports_of(each)), f"{name} reaches {each}"


def test_what_hydra_finds_imports_from_running_or_options_and_nobody_imports_it():
    """It is imported whenever Hydra starts: what needs torch waits for a launch."""
    plugins = [name for name in MODULES if within(name, "hydra_plugins")]
    for name in plugins:
        assert {room_of(imported) for imported in own_imports(name)} in ({"running"}, {"options"})
        assert not any(within(imported, "torch") for imported in imports_of(name))
    assert plugins
    assert offenders("experiments", ("hydra_plugins",)) == offenders("repro", ("hydra_plugins",)) == []


def test_only_reproduce_imports_another_program():
    doors = [f"experiments.{name}" for name in ("run", "report", "merge", "board", "reproduce")]
    found = {name for name in MODULES if within(name, "experiments") and own_imports(name) & set(doors)}
    assert found == {"experiments.reproduce"}


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
    assert [o for o in offenders("repro", ("matplotlib",)) if not o.startswith("repro.figures")] == []


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
        ("repro.networks", ("repro.training", "repro.population", "repro.learning", "repro.measures")),
        ("repro.population", ("repro.training", "repro.measures")),
        ("repro.training", ("repro.measures", "repro.figures")),
        ("repro.measures", ("repro.figures",)),
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
