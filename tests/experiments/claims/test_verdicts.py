"""Verdicts by sets: what an interval allows, what a claim's tests allow together; more data only narrow both."""

import itertools
import math

import numpy as np
import pytest

from experiments.claims import verdicts
from experiments.claims.verdicts import ALL, FAILS, HOLDS, IN_PART, UNDECIDED

ABOVE, BELOW, MARGIN, AT_0 = (">= 0.9", "< 0.5"), ("<= 0.02", "> 0.1"), ("> 0", "<= 0"), ("> 0", "< 0")


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.95, 0.99, {HOLDS}),
        (0.9, 1.0, {HOLDS}),  # on the line, which is >=
        (0.8999, 1.0, {HOLDS, IN_PART}),
        (0.6, 0.8, {IN_PART}),
        (0.4, 0.95, ALL),
        (0.5, 0.6, {IN_PART}),
        (0.4, 0.5, {IN_PART, FAILS}),  # on the line, which is <
        (0.4, 0.4999, {FAILS}),
        (0.0, 0.0, {FAILS}),
        (-math.inf, math.inf, ALL),
        (math.nan, math.nan, ALL),
        (0.95, math.nan, ALL),
    ],
)
def test_what_an_interval_allows(low, high, expected):
    assert verdicts.of_interval(low, high, *ABOVE) == expected


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 0.02, {HOLDS}),
        (0, 0.0201, {HOLDS, IN_PART}),
        (0.1, 0.2, {IN_PART, FAILS}),
        (0.1001, 0.2, {FAILS}),
        (0.01, 0.3, ALL),
        (0.03, 0.1, {IN_PART}),
    ],
)
def test_lines_below_which_a_claim_holds(low, high, expected):
    assert verdicts.of_interval(low, high, *BELOW) == expected


def test_lines_with_nothing_between_them_allow_no_part():
    """``> 0`` and ``<= 0`` are all numbers; ``> 0`` and ``< 0`` leave 0 itself."""
    assert verdicts.of_interval(-1, 1, *MARGIN) == {HOLDS, FAILS}
    assert verdicts.of_interval(-1, 1, *AT_0) == ALL
    assert verdicts.of_interval(0, 0, *AT_0) == {IN_PART}
    assert verdicts.of_interval(0, 1, *MARGIN) == {HOLDS, FAILS}


@pytest.mark.parametrize(
    ("tests", "expected"),
    [
        ([{HOLDS}, {HOLDS}], {HOLDS}),
        ([{FAILS}], {FAILS}),
        ([{HOLDS}, {FAILS}], {IN_PART}),
        ([{IN_PART}, {HOLDS, FAILS}], {IN_PART}),
        ([{HOLDS, IN_PART}], {HOLDS, IN_PART}),
        ([{HOLDS, IN_PART}, {HOLDS}], {HOLDS, IN_PART}),
        ([{HOLDS, IN_PART}, {FAILS}], {IN_PART}),
        ([{FAILS, IN_PART}, {HOLDS, IN_PART}], {IN_PART}),  # undecided both, and the claim is not
        ([{FAILS, HOLDS}, {HOLDS}], {HOLDS, IN_PART}),
        ([{FAILS, HOLDS}], {FAILS, HOLDS}),
        ([ALL, ALL], ALL),
    ],
)
def test_what_the_tests_of_a_claim_allow_together(tests, expected):
    for order in itertools.permutations(map(frozenset, tests)):
        assert verdicts.of_claim(order) == expected


def by_every_choice(tests) -> set[str]:
    """The claim's verdict for each way in which its tests may come out."""
    found = set()
    for choice in itertools.product(*tests):
        found.add(choice[0] if len(set(choice)) == 1 else IN_PART)
    return found


def test_those_are_what_each_way_for_the_tests_to_come_out_gives():
    sets = [frozenset(some) for n in (1, 2, 3) for some in itertools.combinations((HOLDS, IN_PART, FAILS), n)]
    for count in (1, 2, 3):
        for tests in itertools.product(sets, repeat=count):
            assert verdicts.of_claim(tests) == by_every_choice(tests), tests


def test_a_narrower_interval_only_takes_verdicts_away():
    """Random lines of every form, random intervals within one another, claims of one to four tests."""
    random = np.random.default_rng(0)
    narrowed = 0
    for _ in range(2_000):
        wide, narrow = [], []
        for _ in range(random.integers(1, 5)):
            lines = [ABOVE, BELOW, MARGIN, AT_0][random.integers(4)]
            ends = np.sort(np.append(random.normal(0.4, 0.5, 4), random.choice([0.0, 0.02, 0.1, 0.5, 0.9])).round(2))
            low, *_, high = ends
            inner_low, inner_high = ends[1], ends[3]
            wide.append(verdicts.of_interval(low, high, *lines))
            narrow.append(verdicts.of_interval(inner_low, inner_high, *lines))
            for inside in (inner_low, inner_high):
                assert verdicts.of_value(inside, *lines) in narrow[-1]
            assert narrow[-1] <= wide[-1]
        before, after = verdicts.of_claim(wide), verdicts.of_claim(narrow)
        assert after
        assert after <= before
        narrowed += after < before
    assert narrowed > 200


@pytest.mark.parametrize("line", ["== 1", ">=1", ">= some", "", "1"])
def test_what_is_no_line_is_refused(line):
    with pytest.raises(ValueError, match=r"some|write one of >= <= > <"):
        verdicts.parsed(line)


def test_in_words():
    assert verdicts.named(frozenset({FAILS})) == FAILS
    assert verdicts.named(frozenset({FAILS, IN_PART})) == UNDECIDED
    assert verdicts.listed({FAILS, HOLDS}) == "holds or does not hold"
