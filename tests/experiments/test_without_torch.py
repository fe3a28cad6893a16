"""What reads tables and judges claims starts without torch: that would take longer than to read them."""

import subprocess
import sys

import pytest

from experiments.catalogue import RESULTS

LIGHT = ["experiments.pages.markdown", "experiments.statistics"]
"""These know nothing of the experiments' options either."""

CLAIMS = ("results", "evidence", "family_trees", "verdicts", "ledger", "protocol", "confirmation")
WITH_OPTIONS = ["experiments.tables", *(f"experiments.claims.{of}" for of in CLAIMS)]


def test_every_module_of_the_claims_is_looked_at():
    claims = RESULTS.parent / "experiments" / "claims"
    names = {f"experiments.claims.{path.stem}" for path in claims.glob("*.py") if path.stem != "__init__"}
    assert names == {name for name in WITH_OPTIONS if name.startswith("experiments.claims.")}


@pytest.fixture(scope="module")
def imported() -> dict[str, set[str]]:
    """All modules that are there after each in turn has been imported, in one process."""
    code = f"import sys\nfor name in {[*LIGHT, *WITH_OPTIONS]}:\n    __import__(name)\n    print(name, *sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=RESULTS.parent, capture_output=True, text=True, check=True)
    return {name: set(modules) for name, *modules in (line.split(" ") for line in done.stdout.splitlines())}


def test_no_torch_comes_along(imported):
    for name in (*LIGHT, *WITH_OPTIONS):
        assert name in imported[name]
        assert "torch" not in imported[name], name


def test_estimates_and_markdown_know_nothing_of_options_and_tables(imported):
    for name in LIGHT:
        assert imported[name].isdisjoint({"hydra", "omegaconf", "pandas", "experiments.options", "experiments.tables"})
