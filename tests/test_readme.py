"""The README and the pages behind it: short, without a dead link, and what it shows is what one sees."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
PAGES = [
    README,
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "results").glob("*.md")),
]
MOST_LINES = 220


def blocks() -> list[str]:
    """What stands between ``` and ```."""
    return re.findall(r"^```\n(.*?)^```$", README.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def test_it_is_short():
    assert len(README.read_text(encoding="utf-8").splitlines()) < MOST_LINES


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page):
    links = re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8"))
    assert links or page != README
    for link in links:
        path, _, anchor = link.partition("#")
        if path.startswith("https://"):
            continue
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if anchor and target.suffix == ".html":
            assert f'id="{anchor}"' in target.read_text(encoding="utf-8"), link
        if re.fullmatch(r"L\d+", anchor):
            line = target.read_text(encoding="utf-8").splitlines()[int(anchor[1:]) - 1]
            assert line.startswith("def "), link


def test_every_module_and_file_that_is_named_is_there():
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for module in re.findall(r"python -m (experiments(?:\.\w+)+)", text):
            path = ROOT / Path(*module.split("."))
            assert path.with_suffix(".py").exists() or (path / "__main__.py").exists(), (page.name, module)
        for path in re.findall(r"`((?:repro|experiments|tests|configs|docs)/[\w/.]+?)/?`", text):
            assert (ROOT / path).exists() or "NAME" in path, (page.name, path)


@pytest.mark.slow
def test_the_first_command_prints_what_is_shown(tmp_path):
    setup, output, *_ = blocks()
    command = shlex.split(next(line for line in setup.splitlines() if "experiments.run" in line))
    assert command[0] == ".venv/bin/python"
    options = [*command[1:], f"hydra.run.dir={tmp_path / 'run'}"]
    done = subprocess.run([sys.executable, *options], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    said = [line.rstrip().replace(str(tmp_path / "run"), "runs/xor/TIME") for line in done.stdout.splitlines()]
    assert said == output.splitlines()
