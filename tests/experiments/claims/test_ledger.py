"""The ledger of claims: that it can be used, and that each verdict follows from its table and its lines."""

import ast
import csv
import io
import itertools
import math
import re
from pathlib import Path

import pandas as pd
import pytest

from experiments import statistics
from experiments.catalogue import GRIDS, PUBLISHED, READINGS, RESULTS, STUDIES
from experiments.claims import ledger
from experiments.claims.ledger import (
    FAMILY,
    NOT_RUN,
    UNTESTABLE,
    Claim,
    Finding,
    Judged,
)
from experiments.claims.results import table as table_of
from experiments.claims.verdicts import FAILS, HOLDS, IN_PART, UNDECIDED
from experiments.files import number
from experiments.options.load import load, settings
from experiments.statistics import Estimate, proportion
from experiments.studies import grids
from experiments.tables import csv_text, write_rows

CLAIMS = ledger.read_ledger()
TESTS = [(claim, test) for claim in CLAIMS for test in claim.tests]
DECIDING = [(claim, test) for claim, test in TESTS if test.decides]
ENOUGH = 5
"""Seeds of a made-up study: two odd ones, and three even ones."""


@pytest.fixture(scope="module")
def judged() -> list[Judged]:
    """What the published results say, with fewer resamples: what these tests look at does not hang on them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(statistics, "RESAMPLES", 599)
        return ledger.judge(RESULTS)


@pytest.fixture(scope="module")
def written(judged) -> list[dict[str, str]]:
    """results/claims.csv as a reader has it."""
    return list(csv.DictReader(io.StringIO(csv_text(ledger.csv_rows(judged)))))


def of(items) -> list[str]:
    return [f"{claim.id} {test.says[:40]}" for claim, test in items]


# The ledger --------------------------------------------------------------------------------------------------


def test_every_claim_is_named_once_and_says_where_it_stands():
    assert len({claim.id for claim in CLAIMS}) == len(CLAIMS) > 20
    for claim in CLAIMS:
        assert claim.id
        assert claim.about
        assert claim.says
        assert claim.place


def test_every_file_that_is_named_is_there():
    root = RESULTS.parent
    words = ledger.LEDGER.read_text(encoding="utf-8")
    named = re.findall(r"\b(?:repro|experiments|tests|configs|docs)/[\w/.]*\w", words)
    assert named
    assert [path for path in named if not (root / path).exists()] == []


def test_every_table_is_one_that_is_written():
    there = {*PUBLISHED, *GRIDS} | {Path(table).stem for study in STUDIES.values() for table in study.tables}
    assert {test.table for _, test in TESTS} <= there


@pytest.mark.parametrize(("claim", "test"), DECIDING, ids=of(DECIDING))
def test_the_lines_are_in_order_and_apart(claim, test):
    """To hold is to be on the far side of the line where it fails, and no number does both."""
    (sign, holds), (other, fails) = (line.split(" ") for line in (test.holds, test.fails))
    assert {sign[0], other[0]} == {"<", ">"}
    assert float(holds) >= float(fails) if sign[0] == ">" else float(holds) <= float(fails)
    assert float(holds) != float(fails) or not (sign.endswith("=") and other.endswith("="))
    assert math.isfinite(float(holds))
    assert math.isfinite(float(fails))


@pytest.mark.parametrize(("claim", "test"), TESTS, ids=of(TESTS))
def test_an_experiment_s_sweeps_are_those_that_its_networks_had(claim, test):
    """Only an experiment's own table has a limit; another one's is given by the test."""
    limited = test.best or test.measure in ledger.OF_TIMES
    assert not limited or bool(test.within) != (test.table in {*PUBLISHED, *GRIDS})


@pytest.mark.slow
def test_every_test_of_a_published_table_finds_its_rows(judged):
    """A name or a value that the table does not have would find none."""
    there = {path.stem for path in RESULTS.glob("*.csv")}
    for one in judged:
        for finding in one.findings:
            if finding.test.table in there:
                assert finding.at_95 is not None, (one.claim.id, finding.test.says)
                assert finding.simultaneous is not None
                assert not math.isnan(finding.at_95.value)


def made_up(name: str) -> list[dict[str, object]]:
    """A study's table, of a few seeds: the larger the setting's place and the seed, the more sweeps."""
    limit, rows = load(name).learning.sweeps, []
    for place, setting in enumerate(settings(name)):
        at = {grids.column(option): value for option, value in setting}
        for seed in range(ENOUGH):
            late = seed == ENOUGH - 1
            sweeps = "" if late else limit // 200 + 3 * place + seed
            rows.append(at | {"seed": seed, "solved": int(not late), "sweeps": sweeps, "E": 0.1 * seed})
    return rows


@pytest.mark.parametrize("name", sorted({test.table for _, test in TESTS} & {*GRIDS} - {READINGS}))
def test_every_test_of_a_study_finds_settings_of_it(name, tmp_path, monkeypatch):
    """In a made-up table with the settings of the file: every name and every value is one of it."""
    monkeypatch.setattr(statistics, "RESAMPLES", 99)
    write_rows(tmp_path / f"{name}.csv", made_up(name))
    for claim, test in TESTS:
        if test.table != name:
            continue
        found = ledger.measured(test, tmp_path, 0.95)
        assert found.at_95 is not None, (claim.id, test.says)
        assert bool(found.at) == bool(test.best)
        assert found.at.count(" against ") == bool(test.best and test.versus)
        for column in test.best:
            assert f"{column} " in found.at
        settings = [set(frame_of(tmp_path, name, where)) for where in (test.among, test.versus) if where]
        assert len(settings) < 2 or not settings[0] & settings[1]  # two groups of networks are two


def frame_of(results: Path, name: str, where: str) -> list[int]:
    return pd.read_csv(results / f"{name}.csv").query(where, engine="python").index.tolist()


def test_what_is_compared_differs_in_one_thing():
    """In all but one column two groups are of the same setting: else two things would be compared at once."""

    def wanted(where: str) -> dict[str, str]:
        nodes = [node for node in ast.walk(ast.parse(where, mode="eval")) if isinstance(node, ast.Compare)]
        return {ast.unparse(node.left): ast.unparse(node.comparators[0]) for node in nodes}

    for claim, test in TESTS:
        if test.versus:
            one, other = wanted(test.among), wanted(test.versus)
            assert one.keys() == other.keys(), claim.id
            apart = sum(one[column] != other[column] for column in one) + bool(test.versus_table)
            assert apart == 1, (claim.id, test.says)


# Refusals ----------------------------------------------------------------------------------------------------

SHARE = "{says: a share, table: xor, share: solved == 1, holds: '>= 0.5', fails: '< 0.1'}"

REFUSED = {
    "no measure": ("{says: nothing, table: xor}", ["'nothing': give one of share, difference", "it has none"]),
    "two measures": (
        "{says: both, table: xor, share: solved == 1, median: E}",
        ["'both': give one of", "it has ['share', 'median']"],
    ),
    "difference to nothing": (
        "{says: more, table: xor, difference: solved == 1}",
        ["'more': versus is for difference, mean"],
    ),
    "mean_ratio likewise": ("{says: fast, table: xor, mean_ratio: sweeps}", ["'fast': versus is for", "they need it"]),
    "ks_distance likewise": ("{says: far, table: xor, ks_distance: sweeps}", ["'far': versus is for"]),
    "a share of two": ("{says: one, table: xor, share: a, versus: b == 1}", ["'one': versus is for difference"]),
    "holds without fails": (
        "{says: half, table: xor, share: a, holds: '>= 1'}",
        ["'half': give both holds and fails, or neither"],
    ),
    "fails without holds": ("{says: half, table: xor, share: a, fails: '< 1'}", ["'half': give both holds and fails"]),
    "operator": (
        "{says: eq, table: xor, share: a, holds: '== 1', fails: '< 1'}",
        ["'== 1': write one of >= <= > <, a space and a number"],
    ),
    "operator without a space": (
        "{says: eq, table: xor, share: a, holds: '>=1', fails: '< 1'}",
        ["'>=1': write one of >="],
    ),
    "line of no number": ("{says: eq, table: xor, share: a, holds: '>= some', fails: '< 1'}", ["'some'"]),
    "unknown field": ("{says: a, table: xor, shar: a}", ["'shar'"]),
    "no table": ("{says: a, share: a}", ["table"]),
    "place without what is printed": ("{says: a, table: xor, place: sweeps}", ["printed is for place, times_off"]),
    "printed for a share": ("{says: a, table: xor, share: E, printed: '5'}", ["printed is for place, times_off"]),
    "another table of no others": ("{says: a, table: xor, share: E, versus_table: parity}", ["versus_table is where"]),
    "a comparison under a grid": (
        "{says: a, table: xor, difference: E, versus: seed == 1, under: xor_assumptions}",
        ["under is for one group of rows, and difference compares two"],
    ),
    "rows of no grid": ("{says: a, table: xor, share: E, under_among: solved == 1}", ["under_among is of the rows"]),
}


def ledger_in(directory: Path, tests: str, more: str = "") -> Path:
    path = directory / "ledger.yaml"
    path.write_text(f"claims:\n- {{id: T1, about: a, says: b, place: N p.1, tests: [{tests}]}}\n{more}")
    return path


def refusal(path: Path) -> str:
    with pytest.raises(ValueError, match=r"^ledger.yaml: ") as refused:
        ledger.read_ledger(path)
    assert "\n" not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize("name", REFUSED)
def test_a_test_that_cannot_be_used_is_refused(tmp_path, name):
    test, words = REFUSED[name]
    message = refusal(ledger_in(tmp_path, f"{SHARE}, {test}"))
    for word in words:
        assert word in message
    if name not in ("unknown field", "no table"):
        assert "claim T1" in message


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("id: T1, tests: [TEST]", "claim T1 is there twice"),
        ("id: T2", "claim T2 needs tests that decide, or why it cannot be tested"),
        ("id: T2, tests: [{says: a, table: xor, share: a}]", "claim T2 needs tests that decide"),
        ("id: T2, untestable: no way, tests: [TEST]", "claim T2 needs tests that decide, or why"),
        ("id: T2, tests: [TEST], sure: true", "'sure'"),
        ("id: T2, tests: [TEST], known: perhaps", "perhaps"),
    ],
)
def test_a_claim_that_cannot_be_used_is_refused(tmp_path, more, words):
    entry = "- {about: a, says: b, place: N p.1, " + more.replace("TEST", SHARE) + "}\n"
    assert words in refusal(ledger_in(tmp_path, SHARE, entry))


def test_what_is_no_mistake_is_read(tmp_path):
    more = "- {id: T2, about: a, says: b, place: c, untestable: why, tests: [{says: a, table: xor, share: a}]}\n"
    first, second = ledger.read_ledger(ledger_in(tmp_path, SHARE, more))
    assert (first.tests[0].measure, first.tests[0].decides, first.known) == ("share", True, False)
    assert (second.untestable, second.tests[0].decides) == ("why", False)


# Verdicts ----------------------------------------------------------------------------------------------------


def share(holds: str = ">= 0.9", fails: str = "< 0.5") -> ledger.Test:
    return ledger.Test("a share", "xor", share="solved == 1", holds=holds, fails=fails)


def between(low: float, high: float) -> Estimate:
    return Estimate((low + high) / 2, low, high, 10)


def test_a_test_without_lines_does_not_decide():
    assert ledger.verdict_of(share("", ""), between(0, 1)) == ""
    assert ledger.verdict_of(share(), None) == NOT_RUN


def claim(*, untestable: str = "") -> Claim:
    return Claim("T1", "a", "b", "c", untestable=untestable)


def test_a_claim_whose_tests_were_not_all_run_has_not_been_run():
    found, none = Finding(share(), between(0.91, 0.99), between(0.91, 0.99)), Finding(share(), None, None)
    assert Judged(claim(), (found, found)).verdict == HOLDS
    assert Judged(claim(), (found, none)).verdict == NOT_RUN
    assert Judged(claim(), (found, none)).allowed == frozenset()
    assert Judged(claim(untestable="why"), (found,)).verdict == UNTESTABLE


def test_only_tests_with_lines_decide_and_each_level_by_itself():
    found = Finding(share(), between(0.91, 0.99), between(0.89, 0.99))
    informs = Finding(share("", ""), None, None)
    one = Judged(claim(), (found, informs))
    assert (found.verdict, found.verdict_at_95) == (UNDECIDED, HOLDS)
    assert (one.verdict, one.verdict_at_95) == (UNDECIDED, HOLDS)
    assert one.allowed == {HOLDS, IN_PART}
    assert Judged(claim(untestable="why"), ()).verdict == UNTESTABLE


def table(directory: Path, name: str, **columns: list[object]) -> None:
    rows = zip(*columns.values(), strict=True)
    write_rows(directory / f"{name}.csv", (dict(zip(columns, row, strict=True)) for row in rows))


def test_a_table_that_is_not_there_has_not_been_run(tmp_path):
    assert ledger.measured(share(), tmp_path, 0.95).at_95 is None
    (one,) = ledger.judge(tmp_path, ledger_in(tmp_path, SHARE))
    assert (one.verdict, one.verdict_at_95, one.findings[0].verdict) == (NOT_RUN,) * 3


def test_one_network_of_each_is_judged_without_a_word(tmp_path):
    """As after ``reproduce --seeds 1``: nothing can be said, and nothing breaks."""
    table(tmp_path, "xor_rules", rule=["a", "b"], epsilon=[1, 1], seed=[0, 0], solved=[1, 1], sweeps=[10, 20])
    for measure in ("ks_distance", "mean_ratio"):
        test = ledger.Test("x", "xor_rules", among="rule == 'a'", versus="rule == 'b'", holds="<= 0.2", fails="> 0.5")
        setattr(test, measure, "sweeps")
        assert ledger.measured(test, tmp_path, 0.95).verdict == UNDECIDED
        test.best = ["epsilon"]
        assert ledger.measured(test, tmp_path, 0.95).verdict == NOT_RUN  # no odd seed


def test_rows_that_are_not_there_are_not_chosen_from(tmp_path):
    table(tmp_path, "xor_rules", rule=["a"] * 4, epsilon=[1] * 4, seed=[0, 1, 2, 3], solved=[1] * 4, sweeps=[9] * 4)
    test = ledger.Test("x", "xor_rules", among="rule == 'b'", best=["epsilon"], share="solved == 1")
    assert ledger.measured(test, tmp_path, 0.95).at_95 is None


def test_sweeps_are_those_of_the_experiment_where_a_test_does_not_give_them(tmp_path):
    table(tmp_path, "xor_2_2_1", seed=[0, 1, 2, 3], kind=[0, 0, 1, 1], solved=[1, 1, 0, 0], sweeps=[10, 10, "", ""])
    test = ledger.Test("x", "xor_2_2_1", among="kind == 0", versus="kind == 1", mean_ratio="sweeps")
    found = ledger.measured(test, tmp_path, 0.95).at_95
    assert found is not None
    assert found.value == load("xor_2_2_1").learning.sweeps / 10
    test.within = 40
    found = ledger.measured(test, tmp_path, 0.95).at_95
    assert found is not None
    assert found.value == 4


# Simultaneous intervals, and the table -----------------------------------------------------------------------


def test_the_intervals_that_decide_share_the_5_in_100(tmp_path):
    """However few they are, each has the level for FAMILY of them: one more test changes none of the others."""
    tests = f"{SHARE}, {SHARE}, {{says: a, table: xor, share: solved == 0}}"
    exact = "{says: e, table: xor, maximum: E, holds: <= 1, fails: '> 2'}"
    path = ledger_in(tmp_path, f"{tests}, {exact}")
    table(tmp_path, "xor", seed=[*range(40)], solved=[1, 0, 1, 1] * 10, E=[0.5] * 40)
    assert ledger.intervals(ledger.read_ledger(path)) == 2
    (one,) = ledger.judge(tmp_path, path)
    for finding in one.findings[:2]:
        assert finding.at_95 is not None
        assert finding.simultaneous is not None
        assert finding.at_95 == proportion(30, 40)
        assert finding.simultaneous == proportion(30, 40, 1 - 0.05 / FAMILY)


def test_the_level_of_the_ledger():
    deciding = sum(test.decides and test.measure not in ("maximum", "log_log_slope") for _, test in TESTS)
    assert FAMILY >= ledger.intervals(CLAIMS) == deciding > 50


def test_more_tests_than_the_level_is_for_are_refused(tmp_path, monkeypatch):
    path = ledger_in(tmp_path, f"{SHARE}, {SHARE}")
    monkeypatch.setattr(ledger, "FAMILY", 2)
    assert len(ledger.read_ledger(path)) == 1
    monkeypatch.setattr(ledger, "FAMILY", 1)
    assert "2 intervals decide, and their level is for 1" in refusal(path)


@pytest.mark.slow
def test_the_simultaneous_interval_is_the_wider_one(judged):
    for one in judged:
        for finding in one.findings:
            if finding.at_95 is not None and finding.simultaneous is not None:
                assert finding.simultaneous.low <= finding.at_95.low
                assert finding.simultaneous.high >= finding.at_95.high
                assert finding.simultaneous.value == finding.at_95.value


def allowed_by_hand(row: dict[str, str]) -> list[str]:
    """From the two ends of the interval and the two lines alone: of the two ends, and of numbers between them."""
    if not row["low_simultaneous"] or not row["holds"]:
        return []
    low, high = float(row["low_simultaneous"]), float(row["high_simultaneous"])
    (sign, at), (other, end) = (line.split(" ") for line in (row["holds"], row["fails"]))
    inside = [x for x in (low, high, float(at), float(end), (float(at) + float(end)) / 2) if low <= x <= high]
    compare = {">=": float.__ge__, ">": float.__gt__, "<=": float.__le__, "<": float.__lt__}
    found = {
        HOLDS if compare[sign](x, float(at)) else FAILS if compare[other](x, float(end)) else IN_PART for x in inside
    }
    return [verdict for verdict in (HOLDS, IN_PART, FAILS) if verdict in found]


def test_a_reader_can_find_every_verdict_from_the_row(written):
    rows = [row for row in written if row["table"]]
    assert len(rows) == len(TESTS)
    for row in rows:
        by_hand = allowed_by_hand(row)
        assert row["test_allowed"] == " or ".join(by_hand)
        not_run = "not run" if not row["low_simultaneous"] else ""
        assert row["test_verdict"] == (not_run or (by_hand[0] if len(by_hand) == 1 else UNDECIDED if by_hand else ""))
    assert {row["test_verdict"] for row in rows} > {HOLDS, IN_PART, FAILS, UNDECIDED}


def test_a_reader_can_find_every_claim_s_verdict_from_its_rows(written):
    """By every way in which its tests may come out."""
    for claim in CLAIMS:
        rows = [row for row in written if row["claim"] == claim.id]
        each = [row["test_allowed"].split(" or ") for row in rows if row["holds"]]
        ways = {way[0] if len(set(way)) == 1 else IN_PART for way in itertools.product(*each)} if each else set()
        by_hand = UNDECIDED if len(ways) > 1 else next(iter(ways), "")
        if claim.untestable:
            by_hand = UNTESTABLE
        elif any(row["holds"] and row["test_verdict"] == NOT_RUN for row in rows):
            by_hand = NOT_RUN
        assert {row["verdict"] for row in rows} == {by_hand}
        assert {row["whose"] for row in rows} == {"ours" if claim.own else "the papers'"}


def test_a_reader_can_find_every_share_and_median_from_the_table(written):
    tried = 0
    for row in written:
        if row["measure"] in ("share", "median") and row["ours"] and not row["best"]:
            rows = table_of(RESULTS / row["table"])
            if row["then"]:
                rows = rows.merge(table_of(RESULTS / row["then"]), on="seed", suffixes=("", "_then"))
            rows = rows.query(row["among"]) if row["among"] else rows
            found = rows.eval(row["of"])
            assert row["n"] == str(len(rows))
            assert row["ours"] == f"{found.mean() if row['measure'] == 'share' else found.median():.6g}"
            tried += 1
    assert tried > 30


def test_a_row_for_a_claim_that_cannot_be_tested(written):
    for claim in CLAIMS:
        if claim.untestable and not claim.tests:
            (row,) = [row for row in written if row["claim"] == claim.id]
            assert row["verdict"] == row["verdict_at_95"] == "cannot be tested"
            assert (row["table"], row["measure"], row["ours"], row["test_verdict"]) == ("",) * 4
            assert row["claim_says"] == claim.says


def test_the_table_says_when_the_lines_were_drawn(written):
    known = {claim.id for claim in CLAIMS if claim.known}
    assert {row["claim"] for row in written if row["lines_drawn"] == "after the results were seen"} == known
    untestable = {claim.id for claim in CLAIMS if claim.untestable}
    assert {row["claim"] for row in written if not row["lines_drawn"]} == untestable
    assert {row["lines_drawn"] for row in written} == {"after the results were seen", "before the runs", ""}


def test_numbers_as_they_stand_in_the_table():
    assert [number(x) for x in (1 / 3, 1425.0, 1e-12, math.inf)] == ["0.333333", "1425", "1e-12", "inf"]


def test_what_a_measure_is_of_stands_in_words(tmp_path):
    slope = "{says: a, table: t, log_log_slope: [weights, n], holds: '> 1', fails: < 1}"
    tests = f"{slope}, {{says: b, table: t, place: sweeps, printed: '12'}}"
    rows = ledger.csv_rows(ledger.judge(tmp_path, ledger_in(tmp_path, tests)))
    assert [(row["measure"], row["of"]) for row in rows] == [("log_log_slope", "weights n"), ("place", "sweeps")]


# Under other assumptions ---------------------------------------------------------------------------------------


def grid_of(directory: Path, learned) -> None:
    """400 networks a setting of two assumptions, of which a part learns, after 100 sweeps."""
    settings_ = itertools.product((0.1, 0.3), ("momentum", "per_case_momentum"))
    rows = [
        {"initial_range": size, "rule": rule, "seed": seed, "solved": int(seed < many), "sweeps": 100}
        for size, rule in settings_
        for many in [learned(size, rule)]
        for seed in range(400)
    ]
    write_rows(directory / "xor_assumptions.csv", rows)


UNDER = SHARE.replace("table: xor,", "table: xor, under: xor_assumptions,")


@pytest.mark.parametrize(
    ("learned", "turns"),
    [
        (lambda size, rule: 400 if size == 0.3 else 10, ["A4"]),
        (lambda size, rule: 400 if rule == "momentum" else 10, ["A5"]),
        (lambda size, rule: 400 if (size, rule) == (0.3, "momentum") else 10, ["A4", "A5"]),
        (lambda size, rule: 390, []),
        (lambda size, rule: 200 if size == 0.3 else 195, []),  # both undecided: neither excludes the other
    ],
)
def test_a_verdict_turns_on_an_assumption_that_alone_excludes_it(tmp_path, learned, turns):
    grid_of(tmp_path, learned)
    table(tmp_path, "xor", seed=[*range(40)], solved=[1] * 40)
    (one,) = ledger.judge(tmp_path, ledger_in(tmp_path, UNDER))
    (finding,) = one.findings
    assert [each.setting for each in finding.under] == [
        {"initial_range": size, "rule": rule}
        for size, rule in itertools.product((0.1, 0.3), ("momentum", "per_case_momentum"))
    ]
    assert finding.under[0].found == proportion(learned(0.1, "momentum"), 400, 1 - 0.05 / FAMILY)
    assert ledger.turns_on(finding.under) == turns
    rows = list(ledger.under_rows([one]))
    assert [row["n"] for row in rows] == [400] * 4
    assert {row["tolerance"] for row in rows} == {""}  # which this grid does not vary


def test_a_place_under_other_assumptions_is_among_those_that_learned(tmp_path):
    grid_of(tmp_path, lambda size, rule: 200)
    table(tmp_path, "xor", seed=[0, 1], solved=[1, 1], sweeps=[90, 110])
    test = "{says: usual, table: xor, place: sweeps, printed: '100', under: xor_assumptions, under_among: solved == 1, "
    (one,) = ledger.judge(tmp_path, ledger_in(tmp_path, test + "holds: '>= 0.05', fails: '< 0.05'}"))
    assert [each.found.n for each in one.findings[0].under] == [200] * 4
    assert one.findings[0].printed == (100,)


def test_a_grid_that_has_not_been_run_says_nothing(tmp_path):
    table(tmp_path, "xor", seed=[0, 1], solved=[1, 1])
    (one,) = ledger.judge(tmp_path, ledger_in(tmp_path, UNDER))
    assert one.findings[0].under == ()
    assert one.findings[0].at_95 is not None


def test_every_grid_of_assumptions_varies_some():
    for _, test in TESTS:
        if test.under:
            columns = {grids.column(option) for setting in settings(test.under) for option, _ in setting}
            assert len(columns & set(ledger.ASSUMPTIONS)) >= 2, test.says


def test_a_printed_figure_that_is_not_measured_is_said(tmp_path):
    table(tmp_path, "xor", seed=[0, 1], solved=[1, 1], sweeps=[90, 110])
    write_rows(tmp_path / "printed_figures.csv", [{"figure": "N Fig. 9", "measure": "E", "value": 1}])
    test = ledger.Test("usual", "xor", place="sweeps", printed="N Fig. 9", holds=">= 0.05", fails="< 0.05")
    with pytest.raises(ValueError, match=r"printed_figures.csv: has no sweeps of N Fig. 9"):
        ledger.measured(test, tmp_path, 0.95)
