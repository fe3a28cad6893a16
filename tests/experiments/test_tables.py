"""CSV files, and how numbers stand in a cell."""

import math

import pytest

from experiments.files import NotWritten
from experiments.statistics import proportion
from experiments.tables import percent, quartiles_text, read_rows, share_brief, share_text, write_rows


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


def test_a_share_in_words():
    assert share_text(proportion(6379, 10_000)) == "63.8 % (6,379 of 10,000; 62.8 to 64.7)"
    assert share_brief(proportion(6379, 10_000)) == "63.8 % (62.8 to 64.7)"


@pytest.mark.parametrize("n", [1, 3, 49, 999, 4_999])
def test_a_share_says_how_many_they_were(n):
    """A quotient times n is not always a whole number in a computer."""
    for k in range(0, n + 1, max(1, n // 50)):
        assert f"({k:,} of {n:,};" in share_text(proportion(k, n))


@pytest.mark.parametrize(
    ("value", "words"), [(0, "0 %"), (0.0004, "0.0 %"), (0.021, "2.1 %"), (0.1, "10 %"), (0.996, "100 %")]
)
def test_percent(value, words):
    assert percent(value) == words


def test_quartiles_in_words():
    assert quartiles_text([800, 1200, 2000]) == "1,200 (1,000 to 1,600)"
    assert quartiles_text([]) == "-"
    assert quartiles_text([100, 1200, math.inf, math.inf], 5_000) == ">5,000 (925 to >5,000)"
