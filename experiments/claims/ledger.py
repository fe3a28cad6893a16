"""The ledger of claims (claims.yaml beside this file), and what results/ says of each.

A claim has tests. A test names a table of results/, a measure (a function of ``experiments.statistics``) and two lines,
drawn before the runs: beyond the one the claim holds there, beyond the other it fails, and between the two it holds in
part. The whole interval has to lie there; where it crosses a line, the networks are too few to decide. A claim holds
where all its tests do, fails where all fail, is undecided where some are and the others do not exclude either, and else
holds in part.

The intervals that decide are simultaneous: at 1 - 0.05 / m for m intervals, by Bonferroni's inequality, so that with a
chance of 95 % all of them hold what they should at once. Those of 95 % each are given beside them.
"""

import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from experiments.claims import evidence
from experiments.claims.evidence import Evidence
from experiments.claims.results import table
from experiments.files import number
from experiments.statistics import Estimate

LEDGER = Path(__file__).with_name("claims.yaml")

FILE = "claims.csv"

HOLDS, IN_PART, FAILS, UNDECIDED = "holds", "holds in part", "does not hold", "undecided"
UNTESTABLE, NOT_RUN = "cannot be tested", "not run"

MEASURES = (
    *("share", "difference", "median", "maximum", "log_log_slope", "mean_ratio", "median_ratio", "survival_median"),
    *("two_sided_rank", "ks_distance"),
)

COMPARING = ("difference", "mean_ratio", "median_ratio", "ks_distance")
"""Those of two groups of rows."""

OF_TIMES = ("mean_ratio", "median_ratio", "survival_median")
"""Those of sweeps until learned, which have to know how many sweeps there were."""

WITHOUT_INTERVAL = ("maximum", "log_log_slope")
"""Of what is exact: proved, or counted."""

OPERATORS = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}


@dataclass
class Test:
    """What is measured for a claim, and where the lines are. Exactly one of the measures is given."""

    says: str  # what is counted, in words
    table: str  # results/TABLE.csv
    among: str = ""  # which of its rows; all where empty
    versus: str = ""  # the rows that those are compared with, where the measure is one of COMPARING
    best: list[str] = field(default_factory=list)  # columns whose best setting the even seeds choose; odd ones count
    share: str | None = None
    difference: str | None = None
    median: str | None = None
    maximum: str | None = None
    log_log_slope: list[str] | None = None  # x, y
    mean_ratio: str | None = None  # "sweeps", and so in the next two
    median_ratio: str | None = None
    survival_median: str | None = None
    two_sided_rank: float | None = None  # the paper's sweeps
    ks_distance: str | None = None
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
    def of(self) -> list[str]:
        """What the measure is of: an expression, two for a slope, a number for a rank."""
        given = getattr(self, self.measure)
        return list(given) if isinstance(given, list) else [str(given)]

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
    """A test with what results/ has of it: at 95 %, and at the level of all intervals together. None: not run.

    at: the settings that were chosen.
    """

    test: Test
    at_95: Estimate | None
    simultaneous: Estimate | None
    at: str = ""

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
    if (test.measure in COMPARING) != bool(test.versus):
        raise ValueError(f"{test.says!r}: versus is for {', '.join(COMPARING)}, and they need it")
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


def beyond(found: Estimate, line: str) -> bool:
    """Whether the whole interval is beyond a line."""
    sign, number = parsed(line)
    return bool(OPERATORS[sign](found.low if sign in (">=", ">") else found.high, number))


def verdict_of(test: Test, found: Estimate | None) -> str:
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


def rows_of(test: Test, results: Path) -> Evidence | None:
    """What a test is about, at the best setting where it asks for one; None where its table or rows are not there."""
    path = results / f"{test.table}.csv"
    if not path.exists():
        return None
    frame = table(path)
    found = Evidence(evidence.rows(frame, test.among), evidence.rows(frame, test.versus) if test.versus else None)
    if test.best:
        most = test.share or test.difference or ""
        own, at = evidence.best_on_even_judged_on_odd(found.own, test.best, test.limit, most)
        other = None
        if found.other is not None:
            other, its = evidence.best_on_even_judged_on_odd(found.other, test.best, test.limit, most)
            at = f"{at} against {its}"
        found = Evidence(own, other, at)
    return None if any(group.empty for group in found.groups) else found


def measured(test: Test, results: Path, level: float) -> Finding:
    """What results/ says of a test: at 95 %, and at another level."""
    found = rows_of(test, results)
    if found is None:
        return Finding(test, None, None)
    at_level = evidence.estimator(test.measure, test.of, found, test.limit if test.measure in OF_TIMES else 0)
    return Finding(test, at_level(0.95), at_level(level), found.at)


def judge(results: Path, ledger: Path = LEDGER) -> list[Judged]:
    """Every claim with what ``results`` says of it."""
    claims = read_ledger(ledger)
    level = 1 - 0.05 / intervals(claims)
    return [Judged(claim, tuple(measured(test, results, level) for test in claim.tests)) for claim in claims]


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
                "best": " ".join(test.best),
                "measure": test.measure if named else "",
                "of": " ".join(test.of) if named else "",
                "paper": test.paper,
                "ours": number(found.value) if found else "",
                "low": number(found.low) if found else "",
                "high": number(found.high) if found else "",
                "low_simultaneous": number(wide.low) if wide else "",
                "high_simultaneous": number(wide.high) if wide else "",
                "n": str(found.n) if found else "",
                "at": finding.at,
                "holds": test.holds,
                "fails": test.fails,
                "test_verdict": finding.verdict if named else "",
                "lines_drawn": claim.lines_drawn,
                "claim_says": claim.says,
            }
