"""Rows of seeds, Markdown, and documents with places to fill in."""

import pytest

from experiments.files import NotWritten
from experiments.statistics import Share
from experiments.tables import Seeds, filled, markdown, read_rows, write_rows
from tests.experiments import published


@pytest.fixture
def xor(tmp_path) -> Seeds:
    write_rows(tmp_path / "xor.csv", published.xor())
    return Seeds.read(tmp_path, "xor")


def test_seeds_that_have_not_learned_stay_in_the_share(xor):
    assert xor.share() == Share(3, 5)
    assert xor.sweeps == [500, 600, 700]
    assert [row["seed"] for row in xor.solved.rows] == ["0", "1", "2"]


def test_shares_of_some_seeds(xor):
    stuck = xor.where(lambda row: row["solved"] == "0")
    assert stuck.share("stuck_as_printed") == Share(1, 2)
    assert stuck.name == "xor"


def test_config_is_that_of_the_experiment(xor):
    assert (xor.config.name, xor.config.paper.sweeps) == ("xor", 558)


def test_missing_results(tmp_path):
    with pytest.raises(FileNotFoundError, match="nosuch"):
        Seeds.read(tmp_path, "nosuch")


def test_rows_come_back_as_they_were_written(tmp_path):
    rows = [{"a": "1", "b": "±√½, ε"}, {"a": "", "b": 'say "x"'}]
    write_rows(tmp_path / "new" / "rows.csv", rows)
    assert read_rows(tmp_path / "new" / "rows.csv") == rows
    assert (tmp_path / "new" / "rows.csv").read_bytes().count(b"\r") == 0


@pytest.mark.parametrize("problem", [KeyboardInterrupt("by hand"), OSError(28, "No space left on device")])
def test_rows_before_an_interrupt_are_kept_beside_the_earlier_ones(tmp_path, problem):
    path, beside = tmp_path / "rows.csv", tmp_path / "rows.partial.csv"

    def interrupted():
        yield from ({"a": 1}, {"a": 2})
        assert len(read_rows(beside)) == 2  # as soon as they are there
        raise problem

    write_rows(path, [{"a": 0}])
    with pytest.raises(
        (KeyboardInterrupt, NotWritten), match=rf"by hand|{path}: No space left on device; kept: {beside}"
    ):
        write_rows(path, interrupted())
    assert read_rows(path) == [{"a": "0"}]
    assert read_rows(beside) == [{"a": "1"}, {"a": "2"}]
    write_rows(path, [{"a": 3}])
    assert [file.name for file in tmp_path.iterdir()] == ["rows.csv"]


def test_markdown():
    assert markdown(["a", "b"], [["1", "2"], ["3", ""]]) == "| a | b |\n| --- | --- |\n| 1 | 2 |\n| 3 |  |"


def test_filled_replaces_what_is_between_the_markers_only():
    text = "before\n<!-- x -->\nold\nolder\n<!-- /x -->\nafter <!-- y --><!-- /y -->\n"
    expected = "before\n<!-- x -->\nnew\n<!-- /x -->\nafter <!-- y -->\n1\n<!-- /y -->\n"
    assert filled(text, {"x": "new", "y": "1"}) == expected
    assert filled(expected, {"x": "new", "y": "1"}) == expected


@pytest.mark.parametrize("text", ["", "<!-- x -->", "<!-- /x -->", "<!-- /x --> <!-- x -->", "<!-- xx --><!-- /xx -->"])
def test_filled_without_markers(text):
    with pytest.raises(ValueError, match="no markers <!-- x --> and <!-- /x -->"):
        filled(text, {"x": "new"})
