"""The sentences and numbers of results/family_trees.md, from results that are counted by hand in ``published``."""

import math
import shutil
from pathlib import Path

import pandas as pd
import pytest

from experiments.claims import family_trees as counts
from experiments.claims.family_trees import chance_level, learned, negligible, seven_of_eight
from experiments.claims.results import seeds
from experiments.options.load import load
from experiments.options.schema import CONFIGS
from experiments.pages import family_trees, family_trees_plateau
from experiments.pages.family_trees import names, two_runs
from experiments.tables import write_rows
from tests.experiments import published


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Path:
    return published.write(tmp_path_factory.mktemp("results"))


def line_of(table: str, *words: str) -> str:
    (line,) = (line for line in table.splitlines() if all(word in line for word in words))
    return line


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_literal_reading(results):
    table = family_trees.literal_table(results)
    with_decay = cells(line_of(table, "literal", "1,500 sweeps", "decay 0.002"))
    assert with_decay[1:3] == ["0.0 % (0 of 10; 0.0 to 27.8)", "18.50 (18.50 to 18.50)"]
    assert "decay 0" in line_of(table, "literal", "573 sweeps")
    assert "80.0 % (8 of 10; 49.0 to 94.3)" in line_of(table, "gain", "1,500 sweeps")


def test_readings_stand_from_the_text_outwards_and_by_success(results):
    assert family_trees.in_order(counts.readings(results)) == ["literal", "gain", "range_2", "cross_entropy_range_2"]


def test_a_reading_against_the_printed_counts(results):
    line = line_of(family_trees.readings_table(results), "`gain`")
    for number in ("80.0 % (49.0 to 94.3)", "60.0 % (31.3 to 83.2)", "2.30", "20.0 % (5.7 to 51.0)", "16.0 % ("):
        assert number in line
    assert (
        "100 % / 0 % / 62 %" in line
    )  # of the 8 that learned: nationality, generation, branch above the chance of 0.8


def test_the_verdict_names_the_readings_that_meet_both_counts(results):
    words = family_trees.verdict(results)
    assert "0 of 10 networks learn the 100 cases" in words
    assert "2 single departures" in words
    assert "`gain` alone meets both counts" in words
    assert "`range_2`, with all 100 right in 30.0 % (10.8 to 60.3)" in words
    assert "met by `cross_entropy_range_2`." in words
    assert "16 % to 100 %" in words


def without(rows: list[dict[str, str]], *readings: str) -> list[dict[str, str]]:
    """The same study with the networks of some readings back at 40 cases right."""
    return [row | ({"train_right": "40"} if row["reading"] in readings else {}) for row in rows]


def test_the_verdict_follows_the_numbers(tmp_path):
    rows = [{key: str(value) for key, value in row.items()} for row in published.readings()]
    write_rows(tmp_path / "family_trees_readings.csv", without(rows, "gain", "cross_entropy_range_2"))
    words = family_trees.verdict(tmp_path)
    assert "None alone meets both counts" in words
    assert "gain" not in words
    assert "cross_entropy_range_2" not in words
    assert "third count" not in words


def test_both_counts_must_be_met_by_half(tmp_path):
    """Half is enough, less is not, and one count does not make up for the other."""
    for with_decay, without_decay, meets in ((5, 5, True), (4, 10, False), (10, 4, False)):
        rows = []
        for row in published.readings():
            if row["reading"] == "gain":
                have = with_decay if row["count"] == "with_decay" else without_decay
                row |= {"train_right": 100, "E_H": 0.1} if int(str(row["seed"])) < have else {"train_right": 99}
            rows.append(row)
        directory = tmp_path / f"{with_decay}.{without_decay}"
        write_rows(directory / "family_trees_readings.csv", rows)
        assert ("`gain` alone meets" in family_trees.verdict(directory)) == meets


@pytest.mark.parametrize(
    ("right", "E_H", "has_learned", "is_negligible"),
    [(100, 0.49, True, True), (100, 0.5, True, False), (99, 0.1, False, False), (100, math.nan, True, False)],
)
def test_the_printed_counts(right, E_H, has_learned, is_negligible):
    row = pd.DataFrame({"train_right": [right], "E_H": [E_H]})
    assert (learned(row).tolist(), negligible(row).tolist()) == ([has_learned], [is_negligible])


def test_seven_of_eight(results):
    assert seven_of_eight(counts.readings(results)["gain", "with_decay"]) == pytest.approx(0.2 * 0.2 + 2 * 0.2 * 0.3)
    assert seven_of_eight(counts.readings(results)["literal", "with_decay"]) == 0
    assert two_runs(pd.DataFrame({"held_out_right": [4] * 5})) == "100.0 % (100.0 to 100.0)"


def test_the_chance_level_is_what_95_percent_of_the_networks_do_not_exceed():
    def level(values: list[float]) -> float:
        return chance_level(pd.DataFrame({"sex_shuffled": values}), "sex")

    assert [level(list(range(1, n + 1))) for n in (1, 10, 19, 20, 21, 100)] == [1, 10, 19, 19, 20, 95]
    assert level([0.75, *[0.5] * 18, 1.0]) == 0.75
    assert level([*[0.5] * 19, 1.0]) == 0.5


def test_the_chance_level_is_that_of_all_networks(results):
    """By those that learned alone it would be 0.6."""
    assert chance_level(seeds(results, "family_trees_learned"), "branch") == 0.8


def test_growth_over_the_decay(results):
    tables = family_trees_plateau.growth_tables(results)
    assert cells(line_of(tables, "| `literal` |"))[1:] == ["0.5 (0.5 to 0.5)"] * len(published.RANGES)
    assert cells(line_of(tables, "`literal`, left"))[1:] == ["0 of 1"] * len(published.RANGES)
    assert cells(line_of(tables, "`symmetric_units`, left"))[1:] == ["1 of 1"] * len(published.RANGES)
    assert "the growth is 0.5 of the decay" in tables


def test_growth_above_the_decay_is_not_called_below(tmp_path):
    rows = [row | {"growth": 0.006} for row in published.growth()]
    write_rows(tmp_path / "family_trees_growth.csv", rows)
    tables = family_trees_plateau.growth_tables(tmp_path)
    assert "the growth is 3 times the decay" in tables
    assert "of the decay. A ratio" not in tables


def test_what_is_kept_and_the_penalty(results):
    """½ 0.002 (1 - 0.9) / 0.01 x 300 = 3, and a tenth of it with ten times the epsilon."""
    table = family_trees_plateau.kept_table(results)
    printed, first = cells(line_of(table, "1 x 0.01")), cells(line_of(table, "10 x 0.01"))
    assert printed[2:] == ["50.0 % (15.0 to 85.0)", "80", "2.00", "3.00", "4"]
    assert (first[2], first[5]) == ("100.0 % (51.0 to 100.0)", "0.30")
    assert len([line for line in table.splitlines() if " x 0.01" in line]) == len(published.FACTORS)
    for words in ("2 of 4 networks", "more than 80", "come to 5.0 together", "18.5 on the plateau"):
        assert words in table


def test_the_search_shows_what_was_run_again(results):
    table = family_trees.search_table(results)
    assert "3 combinations of 64 networks" in table
    (row,) = (line for line in table.splitlines() if "squared" in line)
    assert cells(row)[0] == "1.7"
    assert "45.0 % (41.9 to 48.1)" in row


def test_held_out_cases(results):
    line = line_of(family_trees.held_out_table(results), "`family_trees_learned`")
    assert cells(line)[1:7] == ["2.30", "10 %", "20 %", "20 %", "30 %", "20.0 % (5.7 to 51.0)"]
    assert cells(line)[-1] == "10"


def test_hard_and_easy_cases(results):
    table = family_trees.hard_table(results)
    assert "100.0 % (10 of 10; 72.2 to 100.0)" in line_of(table, "| aunt |")
    assert "0.0 % (0 of 10; 0.0 to 27.8)" in line_of(table, "| uncle |")
    assert "Hardest cases: Colin uncle (0 of 10)" in table
    assert "Easiest: Colin aunt (10 of 10)" in table


def test_what_the_units_mean_counts_the_networks_that_learned(results):
    """Eight of ten have; four of them have one unit above the chance of 0.8."""
    table = family_trees.meaning_table(results)
    line = cells(line_of(table, "| nationality |"))
    assert line[2:4] == ["0.80", "0.70"]  # the median of four times 0.9 and four times 0.5
    assert line[4] == "50.0 % (21.5 to 78.5)"
    assert cells(line_of(table, "rank of the twin among the other 23 |"))[2:] == ["12", "3.0 (3.0 to 3.0)", "8"]
    assert cells(line_of(table, "the mean of 100 more sweeps"))[3:] == ["0.99 (0.99 to 1.00)", "3"]


def test_every_question_has_its_readings():
    table = family_trees.questions_table()
    for file in (CONFIGS / "reading").glob("*.yaml"):
        about = family_trees.reading_of(file.stem)
        if about.assumption:
            assert f"`{file.stem}`" in line_of(table, f"| {about.assumption} |", f"| {about.question} |")


@pytest.mark.parametrize(
    ("given", "words"), [(["a"], "`a`"), (["a", "b"], "`a` and `b`"), (["a", "b", "c"], "`a`, `b` and `c`")]
)
def test_names(given, words):
    assert names(given) == words


def test_the_page_has_a_place_for_every_part(results):
    page = (Path(family_trees.__file__).parents[2] / "results" / family_trees.PAGE).read_text()
    for name in family_trees.parts(results):
        assert f"<!-- {name} -->" in page
        assert f"<!-- /{name} -->" in page


def test_what_a_network_that_diverged_has_is_larger_than_all_others():
    networks = pd.DataFrame({"E_H": [1.0, math.nan, 3.0]})
    assert counts.middle(networks, "E_H") == 3
    assert counts.middle(networks[1:2], "E_H") == math.inf


def test_what_a_reading_says_of_itself_is_in_its_options():
    for name in ("literal", "gain"):
        assert family_trees.reading_of(name) == load("family_trees", f"reading={name}").reading


def test_the_figure_is_drawn_from_the_tables(results, monkeypatch, tmp_path):
    """Of its own: what is drawn is a median, or a share, of each measurement."""
    given = []

    def figure(*arguments):
        given.extend(arguments)
        return drawn(*arguments)

    drawn = family_trees_plateau.mechanism_figure
    monkeypatch.setattr(family_trees_plateau, "mechanism_figure", figure)
    for table in ("growth", "kept"):
        shutil.copy(results / f"family_trees_{table}.csv", tmp_path)
    path = family_trees_plateau.draw(tmp_path)
    assert path == tmp_path / family_trees_plateau.FIGURE
    assert path.read_bytes().startswith(b"\x89PNG")
    ranges, rates, decay, printed, factors, all_right, right = given
    assert (ranges, factors) == ([*published.RANGES], [*published.FACTORS])
    assert rates["literal"] == [0.001] * 3
    assert rates["target always"] == [0.004] * 3
    assert (decay, printed) == (0.002, 0.3)
    assert (all_right, right) == ([1, 1, 0.5], [100, 100, 80])
