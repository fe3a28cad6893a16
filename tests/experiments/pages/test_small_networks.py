"""The tables of results/small_networks.md, from results that are counted by hand in ``published``."""

import re
from pathlib import Path

import pytest

from experiments.pages import small_networks
from tests.experiments import published


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Path:
    return published.write(tmp_path_factory.mktemp("results"))


def line_of(table: str, start: str) -> list[str]:
    (line,) = (line for line in table.splitlines() if line.startswith(f"| {start} |"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_networks_table(results):
    """1,425 is later than 2 of the 3 that learned, and than 2 of all 4."""
    table = small_networks.networks_table(results)
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
    table = small_networks.networks_table(tmp_path)
    assert "`xor_2_2_1`" in table
    assert "`xor`" not in table


def test_symmetry_table_counts_the_networks_that_learned(results):
    table = small_networks.symmetry_table(results)
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
    line = line_of(small_networks.targets_table(results), "`symmetry_soft_targets`: desired 0.1 and 0.9, within 0.07")
    assert line[1:] == ["2.0, 4.0, 8.0", "-1.5", "-10.0", "5.0"]
    assert line_of(small_networks.targets_table(results), "printed, N Fig. 1")[1:] == [
        "3.6, 7.2, 14.2",
        "-1.1",
        "-8.8",
        "6.4",
    ]


def test_xor_table(results):
    line = line_of(small_networks.xor_table(results), "`xor_2_2_1`")
    assert line[1:] == ["0.25", "40.0 % (2 of 5; 11.8 to 76.9)", "1", "1", "0"]


def test_escape_follows_the_seeds_that_are_stuck(results):
    """Seed 4 is; it is the same in the faster network, and three of five leave the printed minimum."""
    words = small_networks.escape(results)
    assert "the 1 networks that end there at 0.25, 0.0 % (0 of 1; 0.0 to 79.3) learn at 0.5" in words
    assert "`xor_from_minimum` 3 of 5" in words


def test_parity_counted_by_hand(results):
    """Of 8: 4 learned; of those 1, 2 and 3; then 2, 1 and 1 that have not."""
    row = [cell.strip() for cell in small_networks.counting_table(results).splitlines()[2].split("|")]
    assert [re.search(r"\(([\d,]+ of [\d,]+);", cell).group(1) for cell in row[2:6]] == [
        *("4 of 8", "1 of 4", "2 of 4", "3 of 4"),
    ]
    assert row[6:9] == ["2", "1", "1"]


def test_encoder_codes_counted_by_hand(results):
    """Of 5: 4 learned, and of those 3 use 0.5, 2 as often as printed, 1 uses the 8 corners."""
    printed, row = (
        [cell.strip() for cell in line.split("|")] for line in small_networks.encoder_table(results).splitlines()[2:4]
    )
    assert printed[4:6] == ["4", "4"]
    assert row[4:6] == ["4 (3 to 5)"] * 2
    found = [re.search(r"\(([\d,]+ of [\d,]+);", row[column]).group(1) for column in (3, 6, 7, 8)]
    assert found == ["4 of 5", "3 of 4", "2 of 4", "1 of 4"]


def test_a_terminal_has_the_networks_beside_the_paper_s(results, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    small_networks.print_networks(results)
    line = next(line for line in capsys.readouterr().out.splitlines() if "│ symmetry  " in line)
    assert [cell.strip() for cell in line.split("│")[1:-1]] == [
        *("symmetry", "75.0 % (30.1 to 95.4)", "1,400 (1,200 to 1,450)", "1,425"),
    ]


def test_what_precision_has_to_do_with_it(results):
    assert small_networks.precision_table(results).splitlines()[2] == (
        "| `xor` | 5 and 6 of 9 | 850 and 852 | 1 | 1 | 0 | 2 and 3 of 4 |"
    )
