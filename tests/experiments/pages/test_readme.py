"""The README's generated tables, from results that are counted by hand in ``published``."""

import re
from pathlib import Path

import pytest

from experiments.catalogue import RESULTS
from experiments.pages import readme
from tests.experiments import published
from tests.experiments.test_report import JUDGED


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Path:
    return published.write(tmp_path_factory.mktemp("results"))


def test_claims_table_has_each_with_the_verdicts_of_its_tests():
    """Two tests that do not agree are counted; a single one speaks for itself."""
    lines = readme.claims_table(JUDGED, "results/report.html").splitlines()
    assert lines[0] == (
        "Of the papers' 3 claims 1 holds, 0 hold in part, 0 do not hold, 1 is undecided, 1 cannot be tested."
    )
    assert [line.split(" | ")[2:4] for line in lines[4:]] == [
        ["**holds**", ""],
        ["**undecided: holds or holds in part**", "1 holds, 1 is undecided"],
        ["**cannot be tested**", ""],
    ]
    assert lines[4].endswith("| some that count | 60.0 % (55.0 to 65.0) |")
    assert lines[6].endswith("| It is about brains. |  |")


def test_equations_point_at_their_lines():
    lines = (RESULTS.parent / "repro" / "equations.py").read_text().splitlines()
    rows = readme.equations_table("repro/equations.py").splitlines()[2:]
    assert len(rows) == 9
    for number, row in enumerate(rows, 1):
        name, line = re.search(r"\[`(\w+)`\]\(repro/equations.py#L(\d+)\)", row).groups()
        assert lines[int(line) - 1].startswith(f"def {name}(")
        assert row.startswith(f"| ({number}) |")


def test_a_claim_s_id_leads_to_its_section(results):
    """From wherever the table stands."""
    assert "| [A1](report.html#A1) |" in readme.claims_table(JUDGED, "report.html")
    assert "| [A1](../results/report.html#A1) |" in readme.claims_table(JUDGED, "../results/report.html")
