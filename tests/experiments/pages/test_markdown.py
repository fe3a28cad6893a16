"""Markdown, and documents with places to fill in."""

import pytest

from experiments.pages.markdown import filled, markdown


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
