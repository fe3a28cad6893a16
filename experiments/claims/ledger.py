"""The ledger of claims (claims.yaml beside this file), and what results/ says of each.

A claim has tests. A test names a table of results/, a measure (see ``experiments.claims.evidence``) and two lines,
drawn before the runs: beyond the one the claim holds there, beyond the other it fails, and between the two it holds in
part. The whole interval has to lie there; where it crosses a line, the networks are too few to decide. A claim holds
where all its tests do, fails where all fail, is undecided where some are and the others do not exclude either, and else
holds in part.

The intervals that decide are simultaneous: at 1 - 0.05 / m for m intervals, by Bonferroni's inequality, so that with a
chance of 95 % all of them hold what they should at once. Those of 95 % each are given beside them.
"""

import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from experiments.claims import evidence
from experiments.claims.evidence import Measured

LEDGER = Path(__file__).with_name("claims.yaml")

FILE = "claims.csv"

HOLDS, IN_PART, FAILS, UNDECIDED = "holds", "holds in part", "does not hold", "undecided"
UNTESTABLE, NOT_RUN = "cannot be tested", "not run"
VERDICTS = (HOLDS, IN_PART, FAILS, UNDECIDED, UNTESTABLE, NOT_RUN)

MEASURES = ("share", "gain", "median", "largest", "slope", "faster", "sooner", "typical", "place", "apart")

WITHOUT_INTERVAL = ("largest", "slope")
"""Of what is exact: proved, or counted."""

OPERATORS = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}


@dataclass
class Test:
    """What is measured for a claim, and where the lines are. Exactly one of the measures is given."""

    says: str  # what is counted, in words
    table: str  # results/TABLE.csv
    among: str = ""  # which of its rows; all where empty
    versus: str = ""  # gain, faster, sooner, apart: the rows that those are compared with
    tuned: list[str] = field(default_factory=list)  # columns whose best setting is chosen first, on the even seeds
    share: str | None = None
    gain: str | None = None
    median: str | None = None
    largest: str | None = None
    slope: list[str] | None = None  # x, y
    faster: str | None = None  # "sweeps"
    sooner: str | None = None  # "sweeps"
    typical: str | None = None  # "sweeps"
    place: float | None = None  # the paper's sweeps
    apart: str | None = None
    within: int = 0  # sweeps that each network was given; 0: as many as the experiment of that name has
    paper: str = ""  # the paper's value
    holds: str = ""  # ">= 0.9"; a test without lines informs and does not decide
    fails: str = ""

    @property
    def measure(self) -> str:
        """The name of its measure. Raises ValueError unless there is one."""
        given = [name for name in MEASURES if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"{self.says!r}: give one of {', '.join(MEASURES)}; it has {given or 'none'}")
        return given[0]

    @property
    def limit(self) -> int:
        """The sweeps that its networks were given."""
        return self.within or evidence.limit_of(self.table)

    @property
    def decides(self) -> bool:
        """Whether the verdict depends on it."""
        return bool(self.holds)


@dataclass
class Claim:
    """One claim of the papers."""

    id: str
    about: str  # what part of the papers
    says: str
    place: str
    tests: list[Test] = field(default_factory=list)
    known: bool = False  # whether its results had been seen when the lines were drawn
    doubt: str = ""
    untestable: str = ""  # why, where it cannot be tested

    @property
    def lines_drawn(self) -> str:
        """When, in words; empty where there are none."""
        if self.untestable:
            return ""
        return "after the results were seen" if self.known else "before the runs"


@dataclass
class Ledger:
    """What claims.yaml holds."""

    claims: list[Claim] = field(default_factory=list)


@dataclass(frozen=True)
class Finding:
    """A test with what results/ has of it: at 95 %, and at the level of all intervals together. None: not run."""

    test: Test
    at_95: Measured | None
    simultaneous: Measured | None

    @property
    def verdict(self) -> str:
        """Of this test alone, by the simultaneous interval; empty where it only informs."""
        return verdict_of(self.test, self.simultaneous)

    @property
    def verdict_at_95(self) -> str:
        """The same by its own interval of 95 %."""
        return verdict_of(self.test, self.at_95)


@dataclass(frozen=True)
class Judged:
    """A claim with its findings."""

    claim: Claim
    findings: tuple[Finding, ...]

    @property
    def verdict(self) -> str:
        """Of the claim: see the module."""
        return together(self.claim, [finding.verdict for finding in self.findings if finding.test.decides])

    @property
    def verdict_at_95(self) -> str:
        """The same by intervals of 95 % each."""
        return together(self.claim, [finding.verdict_at_95 for finding in self.findings if finding.test.decides])


def read_ledger(path: Path = LEDGER) -> list[Claim]:
    """The claims, in the order of the file. Raises ValueError, naming the claim, for an entry that cannot be used."""
    try:
        merged = OmegaConf.merge(OmegaConf.structured(Ledger), OmegaConf.load(path))
        ledger = OmegaConf.to_object(merged)
    except OmegaConfBaseException as problem:
        raise ValueError(f"{path.name}: {problem.full_key}: {str(problem).splitlines()[0]}") from None
    assert isinstance(ledger, Ledger)
    seen: set[str] = set()
    for claim in ledger.claims:
        if claim.id in seen:
            raise ValueError(f"{path.name}: claim {claim.id} is there twice")
        seen.add(claim.id)
        if bool(claim.untestable) == any(test.decides for test in claim.tests):
            raise ValueError(f"{path.name}: claim {claim.id} needs tests that decide, or why it cannot be tested")
        for test in claim.tests:
            try:
                check(test)
            except ValueError as problem:
                raise ValueError(f"{path.name}: claim {claim.id}: {problem}") from None
    return ledger.claims


def check(test: Test) -> None:
    """Raises ValueError for a test whose measure or lines cannot be used."""
    compared = test.measure in ("gain", "faster", "sooner", "apart")
    if compared != bool(test.versus):
        raise ValueError(f"{test.says!r}: versus is for gain, faster, sooner and apart, and they need it")
    if bool(test.holds) != bool(test.fails):
        raise ValueError(f"{test.says!r}: give both holds and fails, or neither")
    for line in filter(None, (test.holds, test.fails)):
        parsed(line)


def parsed(line: str) -> tuple[str, float]:
    """Operator and number of a line such as ``">= 0.9"``. Raises ValueError."""
    sign, _, number = line.partition(" ")
    if sign not in OPERATORS:
        raise ValueError(f"{line!r}: write one of {' '.join(OPERATORS)}, a space and a number")
    return sign, float(number)


def beyond(found: Measured, line: str) -> bool:
    """Whether the whole interval is beyond a line."""
    sign, number = parsed(line)
    return bool(OPERATORS[sign](found.low if sign in (">=", ">") else found.high, number))


def verdict_of(test: Test, found: Measured | None) -> str:
    """Of one test; empty where it only informs."""
    if found is None:
        return NOT_RUN
    if not test.decides:
        return ""
    if beyond(found, test.holds):
        return HOLDS
    if beyond(found, test.fails):
        return FAILS
    low, high = sorted(parsed(line)[1] for line in (test.holds, test.fails))
    return IN_PART if low <= found.low and found.high <= high else UNDECIDED


def together(claim: Claim, verdicts: Sequence[str]) -> str:
    """Of a claim, from those of its tests."""
    if claim.untestable:
        return UNTESTABLE
    if NOT_RUN in verdicts:
        return NOT_RUN
    found = set(verdicts)
    if len(found) == 1:
        return verdicts[0]
    if found in ({HOLDS, UNDECIDED}, {FAILS, UNDECIDED}):  # all may hold, or all fail, for what is known
        return UNDECIDED
    return IN_PART


def measured(test: Test, results: Path, level: float) -> Measured | None:
    """What results/ says of a test, with an interval of that level; None where its table is not there."""
    path = results / f"{test.table}.csv"
    if not path.exists():
        return None
    frame = evidence.table(path)
    own, other = evidence.rows(frame, test.among), evidence.rows(frame, test.versus) if test.versus else None
    at = ""
    if test.tuned:
        most = test.share or test.gain or ""
        own, at = evidence.tuned(own, test.tuned, test.limit, most)
        if other is not None:
            other, its = evidence.tuned(other, test.tuned, test.limit, most)
            at = f"{at} against {its}"
    if own.empty or (other is not None and other.empty):
        return None
    return replace(_measured(test, own, other, level), at=at)


def _measured(test: Test, own: pd.DataFrame, other: Any, level: float) -> Measured:
    match test.measure:
        case "share":
            return evidence.share(own, str(test.share), level)
        case "gain":
            return evidence.gain(own, other, str(test.gain), level)
        case "median":
            return evidence.median(own, str(test.median), level)
        case "largest":
            return evidence.largest(own, str(test.largest))
        case "slope":
            x, y = test.slope or ("", "")
            return evidence.slope(own, x, y)
        case "faster":
            return evidence.faster(own, other, test.limit, level)
        case "sooner":
            return evidence.sooner(own, other, test.limit, level)
        case "typical":
            return evidence.typical(own, test.limit, level)
        case "place":
            return evidence.place(own, test.place or 0.0, level)
        case _:
            return evidence.apart(own, other, str(test.apart), level)


def judge(results: Path, ledger: Path = LEDGER) -> list[Judged]:
    """Every claim with what ``results`` says of it."""
    claims = read_ledger(ledger)
    level = 1 - 0.05 / intervals(claims)
    return [
        Judged(claim, tuple(Finding(t, measured(t, results, 0.95), measured(t, results, level)) for t in claim.tests))
        for claim in claims
    ]


def intervals(claims: Sequence[Claim]) -> int:
    """How many intervals decide: the m of Bonferroni's inequality."""
    deciding = (test for claim in claims for test in claim.tests if test.decides)
    return max(1, sum(test.measure not in WITHOUT_INTERVAL for test in deciding))


def csv_rows(judged: Sequence[Judged]) -> Iterator[dict[str, object]]:
    """results/claims.csv: a row a test, and one for a claim that cannot be tested."""
    for one in judged:
        claim = one.claim
        about: dict[str, object] = {
            "claim": claim.id,
            "place": claim.place,
            "verdict": one.verdict,
            "verdict_at_95": one.verdict_at_95,
        }
        for finding in one.findings or (Finding(Test("", ""), None, None),):
            test, found, wide = finding.test, finding.at_95, finding.simultaneous
            named = bool(test.table)
            yield about | {
                "test": test.says,
                "table": f"{test.table}.csv" if named else "",
                "among": test.among,
                "versus": test.versus,
                "tuned": " ".join(test.tuned),
                "measure": test.measure if named else "",
                "of": expression(test) if named else "",
                "paper": test.paper,
                "ours": number(found.value) if found else "",
                "low": number(found.low) if found else "",
                "high": number(found.high) if found else "",
                "low_simultaneous": number(wide.low) if wide else "",
                "high_simultaneous": number(wide.high) if wide else "",
                "n": str(found.n) if found else "",
                "at": found.at if found else "",
                "holds": test.holds,
                "fails": test.fails,
                "test_verdict": finding.verdict if named else "",
                "lines_drawn": claim.lines_drawn,
                "claim_says": claim.says,
            }


def expression(test: Test) -> str:
    """What the measure is of."""
    given = getattr(test, test.measure)
    return " ".join(given) if isinstance(given, list) else str(given)


def number(value: float) -> str:
    """As it stands in the table."""
    return f"{value:.6g}"
