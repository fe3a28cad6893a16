"""The README and the page beside results/: ``experiments.report`` on a copy of both."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

from experiments import report
from experiments.catalogue import BALANCE, BENCHMARKS, GROWTH, KEPT, PUBLISHED, READINGS, RESULTS, SEARCH
from experiments.claims import ledger, verdicts
from experiments.claims.ledger import Claim, Finding, Judged
from experiments.pages import claims, readme
from experiments.statistics import Estimate
from tests.experiments import published

FILES = [*(f"{name}.csv" for name in (*PUBLISHED, READINGS)), f"{BENCHMARKS}/one.csv", SEARCH, GROWTH, KEPT, BALANCE]

COUNTED = ledger.Test("some that count", "xor", share="solved == 1", paper="1 of 1", holds=">= 0.5", fails="< 0.1")
FOUND = {
    verdict: Estimate(0.6, *ends, 99)
    for verdict, ends in ((verdicts.HOLDS, (0.55, 0.65)), (verdicts.UNDECIDED, (0.45, 0.7)))
}
JUDGED = [
    Judged(Claim("A1", "Things", "It is so.", "N p.1", [COUNTED]), (Finding(COUNTED, *[FOUND[verdicts.HOLDS]] * 2),)),
    Judged(
        Claim("A2", "Things", "It is not.", "N p.2", [COUNTED] * 2),
        tuple(Finding(COUNTED, found, found) for found in FOUND.values()),
    ),
    Judged(Claim("A3", "Things", "It may be.", "N p.3", untestable="It is about brains."), ()),
]
"""A ledger in place of the one that takes seconds to judge."""


@pytest.fixture(scope="module", autouse=True)
def judged_at_once():
    """The ledger and the page of claims have tests of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ledger, "judge", lambda results: JUDGED)
        patch.setattr(readme, "FIRST_SEEN", ("A1", "A2"))
        patch.setattr(claims, "page", lambda judged, results: f"{[one.verdict for one in judged]}\n")
        yield


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Path:
    return published.write(tmp_path_factory.mktemp("results"))


@pytest.fixture(scope="module")
def up_to_date(tmp_path_factory, results) -> Path:
    """A README and results/ with the hand-counted numbers."""
    directory = tmp_path_factory.mktemp("project")
    shutil.copytree(results, directory / "results")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report, "README", directory / "README.md")
        patch.setattr(report, "DOCS", directory / "docs")
        patch.setattr(report, "RESULTS", directory / "results")
        (directory / "docs").mkdir()
        for document, parts in report.parts(directory / "results", JUDGED).items():
            document.write_text("# Title\n" + "".join(f"\n<!-- {name} -->\n<!-- /{name} -->\n" for name in parts))
        assert report.update() == 0
    return directory


@pytest.fixture
def copy(tmp_path, monkeypatch, up_to_date) -> Path:
    """The same, to be changed."""
    shutil.copytree(up_to_date, tmp_path / "project")
    monkeypatch.setattr(report, "README", tmp_path / "project" / "README.md")
    monkeypatch.setattr(report, "DOCS", tmp_path / "project" / "docs")
    monkeypatch.setattr(report, "RESULTS", tmp_path / "project" / "results")
    return tmp_path / "project"


@pytest.fixture
def check(monkeypatch, capsys):
    """``check()`` is ``report --check`` as a user meets it: the exit code and what stands on stderr."""

    def do() -> tuple[int, str]:
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["report", "--check"])
        code = report.main()
        out, err = capsys.readouterr()
        assert out == ""
        return code, err

    return do


def test_check_passes_where_they_agree(copy, check):
    assert check() == (0, "")


def test_the_figure_is_drawn_where_the_documents_are_written(up_to_date):
    assert (up_to_date / "results" / "figures" / "family_trees_mechanism.png").read_bytes().startswith(b"\x89PNG")


def test_other_results_have_no_documents_with_words_of_their_own(tmp_path):
    """As after ``reproduce --quick``: the claims and their page, whatever else there is."""
    published.write(tmp_path)
    assert [path.name for path in report.documents(tmp_path)] == ["claims.csv", "claims_under.csv", "report.html"]


@pytest.mark.parametrize(
    "document", ["README.md", *(f"results/{name}.md" for name in ("claims", "family_trees", "small_networks"))]
)
def test_check_fails_where_a_number_differs(copy, check, document):
    path = copy / document
    text = path.read_text()
    number = re.search(r"\d\d\.\d %", text)
    path.write_text(text[: number.start()] + "12.3 %" + text[number.end() :])
    code, err = check()
    assert code == 1
    assert err == f"{path.name} differ from results/: run `python -m experiments.report`\n"
    assert "12.3 %" in path.read_text()  # it only compares


def test_check_fails_where_a_result_differs(copy, check):
    path = copy / "results" / "xor.csv"
    path.write_text(path.read_text().replace("0,1,500,", "0,1,550,"))
    assert check()[0] == 1


def test_words_beside_the_tables_are_the_writer_s(copy, check):
    path = copy / "README.md"
    path.write_text("Other words.\n" + path.read_text() + "More words.\n")
    assert check() == (0, "")


def test_writing_mends_what_check_complains_of(copy, check, monkeypatch):
    path = copy / "README.md"
    before = path.read_text()
    path.write_text(before.replace(" % (", " % [", 1))
    assert check()[0] == 1
    monkeypatch.setattr(sys, "argv", ["report"])
    assert report.main() == 0
    assert path.read_text() == before


NEEDED = (
    *("symmetry.csv", "symmetry_no_hidden.csv", "symmetry_soft_targets.csv", "xor_2_2_1.csv", "xor_2_2_1_fast.csv"),
    *("family_trees_learned.csv", "family_trees_h_answers.csv", "family_trees_h_split.csv", "family_trees.md"),
    *(f"{READINGS}.csv", SEARCH, GROWTH, KEPT, BALANCE),
)


@pytest.mark.parametrize("file", NEEDED)
def test_a_missing_file_is_named(copy, check, file):
    (copy / "results" / file).unlink()
    code, err = check()
    assert code == 1
    assert f"{file} is missing: run" in err
    assert len(err.splitlines()) == 1


def test_missing_markers_are_named(copy, check):
    path = copy / "README.md"
    path.write_text(path.read_text().replace("<!-- /holds -->", ""))
    code, err = check()
    assert code == 1
    assert "no markers <!-- holds --> and <!-- /holds -->" in err
    assert len(err.splitlines()) == 1


COMPLETE = all((RESULTS / file).exists() for file in FILES)


AS_IT_IS: dict[str, str] = {}
WITHOUT_VECTORS = {
    "ATEN_CPU_CAPABILITY": "default",
    "NPY_DISABLE_CPU_FEATURES": " ".join(feature for feature in __cpu_dispatch__ if __cpu_features__[feature]),
}
"""torch and NumPy on this processor as on one without AVX: the last digits of what they add up are others."""


@pytest.mark.slow  # as `make check` does
@pytest.mark.skipif(not COMPLETE, reason="the study's results are not in results/ yet")
@pytest.mark.parametrize("processor", [AS_IT_IS, WITHOUT_VECTORS], ids=["as it is", "without vectors"])
def test_the_published_documents_agree_with_results(processor):
    """In a process of its own, with the ledger and the page as they are."""
    command = [sys.executable, "-m", "experiments.report", "--check"]
    environment = os.environ | processor
    done = subprocess.run(command, cwd=RESULTS.parent, env=environment, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
