"""The README and the page beside results/: ``experiments.report`` on a copy of both."""

import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from experiments import report, tables
from experiments.catalogue import BALANCE, BENCHMARK, GROWTH, KEPT, PUBLISHED, RESULTS
from experiments.claims import ledger as claims
from experiments.claims.evidence import Measured
from experiments.claims.family_trees import READINGS_FILE, SEARCH
from experiments.claims.ledger import Claim, Finding, Judged
from experiments.options.load import load
from experiments.pages import small_networks as small_page
from tests.experiments import published

FILES = [*(f"{name}.csv" for name in PUBLISHED), BENCHMARK, READINGS_FILE, SEARCH, GROWTH, KEPT, BALANCE]


COUNTED = claims.Test("some that count", "xor", share="solved == 1", paper="1 of 1", holds=">= 0.5", fails="< 0.1")
FOUND = {
    verdict: Measured(0.6, *ends, 99)
    for verdict, ends in ((claims.HOLDS, (0.55, 0.65)), (claims.UNDECIDED, (0.45, 0.7)))
}
JUDGED = [
    Judged(Claim("A1", "Things", "It is so.", "N p.1", [COUNTED]), (Finding(COUNTED, *[FOUND[claims.HOLDS]] * 2),)),
    Judged(
        Claim("A2", "Things", "It is not.", "N p.2", [COUNTED] * 2),
        tuple(Finding(COUNTED, found, found) for found in FOUND.values()),
    ),
    Judged(Claim("A3", "Things", "It may be.", "N p.3", untestable="It is about brains."), ()),
]
"""A ledger in place of the one that takes seconds to judge."""


@pytest.fixture(scope="module", autouse=True)
def loaded_once():
    """The tables ask for the same few options again and again."""
    once = cache(load)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "load", once)
        patch.setattr(report.family_page, "load", once)
        patch.setattr(claims, "judge", lambda results: JUDGED)
        patch.setattr(report, "page", lambda judged, results: f"{[one.verdict for one in judged]}\n")  # see test_page
        yield


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Path:
    return published.write(tmp_path_factory.mktemp("results"))


@pytest.fixture(scope="module")
def up_to_date(tmp_path_factory, results) -> Path:
    """A README and results/ with the hand-counted numbers."""
    directory = tmp_path_factory.mktemp("project")
    shutil.copytree(results, directory / "results")
    documents = {
        "README.md": report.blocks(results, claims.judge(results)),
        "results/family_trees.md": report.family_page.parts(results),
        "results/small_networks.md": small_page.parts(results),
    }
    for document, parts in documents.items():
        empty = "# Title\n" + "".join(f"\n<!-- {name} -->\n<!-- /{name} -->\n" for name in parts)
        (directory / document).write_text(empty)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report, "README", directory / "README.md")
        patch.setattr(report, "RESULTS", directory / "results")
        assert report.update() == 0
    return directory


@pytest.fixture
def copy(tmp_path, monkeypatch, up_to_date) -> Path:
    """The same, to be changed."""
    shutil.copytree(up_to_date, tmp_path / "project")
    monkeypatch.setattr(report, "README", tmp_path / "project" / "README.md")
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


@pytest.mark.parametrize("document", ["README.md", "results/family_trees.md", "results/small_networks.md"])
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
    *(READINGS_FILE, SEARCH, GROWTH, KEPT, BALANCE),
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
    path.write_text(path.read_text().replace("<!-- /literal -->", ""))
    code, err = check()
    assert code == 1
    assert "no markers <!-- literal --> and <!-- /literal -->" in err
    assert len(err.splitlines()) == 1


# What the tables say -----------------------------------------------------------------------------------------


def line_of(table: str, start: str) -> list[str]:
    (line,) = (line for line in table.splitlines() if line.startswith(f"| {start} |"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_claims_table_has_each_with_the_verdicts_of_its_tests():
    """Two tests that do not agree are counted; a single one speaks for itself."""
    lines = report.claims_table(JUDGED).splitlines()
    assert lines[0] == "Of 3 claims 1 holds, 1 is undecided, 1 cannot be tested."
    assert [line.split(" | ")[2:4] for line in lines[4:]] == [
        ["**holds**", ""],
        ["**undecided**", "1 holds, 1 is undecided"],
        ["**cannot be tested**", ""],
    ]
    assert lines[4].endswith("| some that count | 60.0 % (55.0 to 65.0) |")
    assert lines[6].endswith("| It is about brains. |  |")


def test_networks_table(results):
    """1,425 is later than 2 of the 3 that learned, and than 2 of all 4."""
    table = small_page.networks_table(results)
    symmetry = line_of(table, "`symmetry`")
    for cell in ("1,425", "75.0 % (3 of 4; 30.1 to 95.4)", "1,400 (1,200 to 1,450)", "67 %", "50 %"):
        assert cell in symmetry
    none = line_of(table, "`symmetry_no_hidden`")
    assert "0.0 % (0 of 5; 0.0 to 43.4)" in none
    assert none[-3:] == ["", "", ""]
    assert "558" in line_of(table, "`xor`")


def test_networks_table_lists_what_has_results(tmp_path):
    published.write(tmp_path)
    (tmp_path / "xor.csv").unlink()
    table = small_page.networks_table(tmp_path)
    assert "`xor_2_2_1`" in table
    assert "`xor`" not in table


def test_symmetry_table_counts_the_networks_that_learned(results):
    table = small_page.symmetry_table(results)
    assert line_of(table, "S1")[3] == "solved: 0.0 % (0 of 5; 0.0 to 43.4)"
    assert line_of(table, "S2")[3] == "solved: 75.0 % (3 of 4; 30.1 to 95.4)"
    assert line_of(table, "S3")[2:] == [
        "off by 0.0000 of the largest",
        "100.0 % (3 of 3; 43.9 to 100.0)",
        "median 0.2500",
    ]
    assert line_of(table, "S4")[2:] == [
        *("1 : 1.99 : 3.94", "66.7 % (2 of 3; 20.8 to 93.9)"),
        "median 1 : 2.00 : 4.00; the others 1 : 1.50 : 3.00",
    ]
    assert line_of(table, "S7")[2:4] == ["holds", "0.0 % (0 of 3; 0.0 to 56.1)"]


def test_targets_table_has_the_usual_sizes(results):
    """Twice and four times 2.0."""
    line = line_of(small_page.targets_table(results), "`symmetry_soft_targets`: desired 0.1 and 0.9, within 0.07")
    assert line[1:] == ["2.0, 4.0, 8.0", "-1.5", "-10.0", "5.0"]
    assert line_of(small_page.targets_table(results), "printed, N Fig. 1")[1:] == [
        "3.6, 7.2, 14.2",
        "-1.1",
        "-8.8",
        "6.4",
    ]


def test_xor_table(results):
    line = line_of(small_page.xor_table(results), "`xor_2_2_1`")
    assert line[1:] == ["0.25", "40.0 % (2 of 5; 11.8 to 76.9)", "1", "1", "0"]


def test_escape_follows_the_seeds_that_are_stuck(results):
    """Seed 4 is; it is the same in the faster network, and three of five leave the printed minimum."""
    words = small_page.escape(results)
    assert "the 1 networks that end there at 0.25, 0.0 % (0 of 1; 0.0 to 79.3) learn at 0.5" in words
    assert "`xor_from_minimum` 3 of 5" in words


def test_equations_point_at_their_lines():
    lines = (report.ROOT / "repro" / "equations.py").read_text().splitlines()
    rows = report.equations_table().splitlines()[2:]
    assert len(rows) == 9
    for number, row in enumerate(rows, 1):
        name, line = re.search(r"\[`(\w+)`\]\(repro/equations.py#L(\d+)\)", row).groups()
        assert lines[int(line) - 1].startswith(f"def {name}(")
        assert row.startswith(f"| ({number}) |")


COMPLETE = all((RESULTS / file).exists() for file in FILES)


@pytest.mark.slow  # as `make check` does
@pytest.mark.skipif(not COMPLETE, reason="the study's results are not in results/ yet")
def test_the_published_documents_agree_with_results():
    """In a process of its own, with the ledger and the page as they are."""
    command = [sys.executable, "-m", "experiments.report", "--check"]
    done = subprocess.run(command, cwd=report.ROOT, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_parity_counted_by_hand(results):
    """Of 8: 4 learned; of those 1, 2 and 3; then 2, 1 and 1 that have not."""
    row = [cell.strip() for cell in small_page.counting_table(results).splitlines()[2].split("|")]
    assert [re.search(r"\(([\d,]+ of [\d,]+);", cell).group(1) for cell in row[2:6]] == [
        *("4 of 8", "1 of 4", "2 of 4", "3 of 4"),
    ]
    assert row[6:9] == ["2", "1", "1"]


def test_encoder_codes_counted_by_hand(results):
    """Of 5: 4 learned, and of those 3 use 0.5, 2 as often as printed, 1 uses the 8 corners."""
    printed, row = (
        [cell.strip() for cell in line.split("|")] for line in small_page.encoder_table(results).splitlines()[2:4]
    )
    assert printed[4:6] == ["4", "4"]
    assert row[4:6] == ["4 (3 to 5)"] * 2
    found = [re.search(r"\(([\d,]+ of [\d,]+);", row[column]).group(1) for column in (3, 6, 7, 8)]
    assert found == ["4 of 5", "3 of 4", "2 of 4", "1 of 4"]


def test_speeds_stand_by_contender_and_a_dash_where_one_was_not_measured(results):
    assert report.speed_table(results).splitlines() == [
        "| µs per network and sweep | `xor`, 1 | `xor`, 1,024 |",
        "| --- | --- | --- |",
        "| slow | 123 | - |",
        "| fast | 2.5 | 0.012 |",
    ]


def test_what_logging_costs_has_its_sign(results):
    assert report.logging_table(results).splitlines()[2:] == [
        "| `symmetry`, 1 | 4.00 | 5.00 | +25.0 % | 3 |",
        "| `symmetry`, 10,000 | 10.00 | 9.95 | -0.5 % | 3 |",
    ]
