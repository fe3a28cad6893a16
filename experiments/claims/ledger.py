"""The ledger of claims (claims.yaml beside this file), and what results/ says of each.

A claim has tests. A test names a table of results/, a measure (a function of ``experiments.statistics``) and two lines:
beyond the one the claim holds there, beyond the other it fails, and between the two it holds in part. Which of the
three its interval still allows, and what follows for the claim, is in ``verdicts``.

The intervals that decide are simultaneous: each at 1 - 0.05 / FAMILY, by Bonferroni's inequality, so that with a chance
of at least 95 % all of them hold what they should at once. Those of 95 % each are given beside them.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from experiments.claims import evidence
from experiments.claims.evidence import Evidence
from experiments.claims.results import table
from experiments.claims.verdicts import Allowed, listed, named, of_claim, of_interval, parsed
from experiments.files import number
from experiments.statistics import Estimate

LEDGER = Path(__file__).with_name("claims.yaml")

FILE, UNDER_FILE = "claims.csv", "claims_under.csv"
"""What results/ says of each test; and of each test under other assumptions."""

UNTESTABLE, NOT_RUN = "cannot be tested", "not run"

FAMILY = 200
"""For how many intervals the level of each is chosen. There are fewer: one more test changes no interval of the others.
"""

MEASURES = (
    *("share", "difference", "median", "maximum", "log_log_slope", "mean_ratio", "median_ratio", "survival_median"),
    *("ks_distance", "mean_difference", "place", "times_off"),
)

COMPARING = ("difference", "mean_ratio", "median_ratio", "ks_distance", "mean_difference")
"""Those of two groups of rows."""

OF_TIMES = ("mean_ratio", "median_ratio", "survival_median", "times_off")
"""Those of sweeps until learned, which have to know how many sweeps there were."""

WITH_PRINTED = ("place", "times_off")
"""Those that hold a printed number against ours."""

PRINTED = "printed_figures"
"""The table of what the papers' figures come to, measured as ours are: figure, measure, value."""

ASSUMPTIONS = {"initial_range": "A4", "tolerance": "A1", "rule": "A5", "order": "A5"}
"""Of the columns of a table that a test is judged under: the assumption that each varies."""

WITHOUT_INTERVAL = ("maximum", "log_log_slope")
"""Of what is exact: proved, or counted."""


@dataclass
class Test:
    """What is measured for a claim, and where the lines are. Exactly one of the measures is given."""

    says: str  # what is counted, in words
    table: str  # results/TABLE.csv
    among: str = ""  # which of its rows; all where empty
    versus: str = ""  # the rows that those are compared with, where the measure is one of COMPARING
    versus_table: str = ""  # where these are, if in another table
    then: str = ""  # another table of the same networks: its columns stand beside, under names that end in _then
    under: str = ""  # a grid: the test is asked again under each of its settings
    under_among: str = ""  # of which of its rows
    best: list[str] = field(default_factory=list)  # columns whose best setting the even seeds choose; odd ones count
    share: str | None = None
    difference: str | None = None
    median: str | None = None
    maximum: str | None = None
    log_log_slope: list[str] | None = None  # x, y
    mean_ratio: str | None = None  # "sweeps", and so in the next two
    median_ratio: str | None = None
    survival_median: str | None = None
    ks_distance: str | None = None
    mean_difference: str | None = None
    place: str | None = None
    times_off: str | None = None  # "sweeps"
    printed: str = ""  # the number that is held against ours, or a figure in PRINTED
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
        """What the measure is of: an expression, or two for a slope."""
        given = getattr(self, self.measure)
        return given if isinstance(given, list) else [given]

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
    identity: bool = False  # whether it is algebra: what its tests check is the code
    own: bool = False  # whether it is ours: no sentence of the papers, but what one of them comes to
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

    at: the settings that were chosen. printed: what ours are held against. under: the test under other assumptions.
    """

    test: Test
    at_95: Estimate | None
    simultaneous: Estimate | None
    at: str = ""
    printed: tuple[float, ...] = ()
    under: "tuple[Under, ...]" = ()

    @property
    def allowed(self) -> Allowed:
        """The verdicts that the simultaneous interval allows; none where it only informs, or has not been run."""
        return allowed(self.test, self.simultaneous)

    @property
    def verdict(self) -> str:
        """Of this test alone, by the simultaneous interval; empty where it only informs."""
        return verdict_of(self.test, self.simultaneous)

    @property
    def verdict_at_95(self) -> str:
        """The same by its own interval of 95 %."""
        return verdict_of(self.test, self.at_95)


@dataclass(frozen=True)
class Under:
    """A test under one setting of a grid: the columns of the grid with their values."""

    setting: dict[str, object]
    found: Estimate
    allowed: Allowed


@dataclass(frozen=True)
class Judged:
    """A claim with its findings, and the same of fresh seeds where the confirmation has run."""

    claim: Claim
    findings: tuple[Finding, ...]
    confirmed: "Judged | None" = None

    @property
    def last(self) -> "Judged":
        """The confirmation, or what there is without one."""
        return self.confirmed or self

    @property
    def deciding(self) -> list[Finding]:
        """Those of tests that decide."""
        return [finding for finding in self.findings if finding.test.decides]

    @property
    def allowed(self) -> Allowed:
        """The verdicts of the claim that its tests allow together; none where it cannot be tested, or is not run."""
        return together([finding.allowed for finding in self.deciding])

    @property
    def verdict(self) -> str:
        """Of the claim, by simultaneous intervals."""
        return self._named(self.allowed)

    @property
    def verdict_at_95(self) -> str:
        """The same by intervals of 95 % each."""
        return self._named(together([allowed(finding.test, finding.at_95) for finding in self.deciding]))

    def _named(self, found: Allowed) -> str:
        return UNTESTABLE if self.claim.untestable else named(found) if found else NOT_RUN


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
    if intervals(ledger.claims) > FAMILY:
        raise ValueError(f"{path.name}: {intervals(ledger.claims)} intervals decide, and their level is for {FAMILY}")
    return ledger.claims


def check(test: Test) -> None:
    """Raises ValueError for a test whose measure or lines cannot be used."""
    if (test.measure in COMPARING) != bool(test.versus):
        raise ValueError(f"{test.says!r}: versus is for {', '.join(COMPARING)}, and they need it")
    if bool(test.holds) != bool(test.fails):
        raise ValueError(f"{test.says!r}: give both holds and fails, or neither")
    if (test.measure in WITH_PRINTED) != bool(test.printed):
        raise ValueError(f"{test.says!r}: printed is for {', '.join(WITH_PRINTED)}, and they need it")
    if test.under and test.measure in COMPARING:
        raise ValueError(f"{test.says!r}: under is for one group of rows, and {test.measure} compares two")
    if test.under_among and not test.under:
        raise ValueError(f"{test.says!r}: under_among is of the rows of under")
    if test.versus_table and not test.versus:
        raise ValueError(f"{test.says!r}: versus_table is where the rows of versus are")
    for line in filter(None, (test.holds, test.fails)):
        parsed(line)


def allowed(test: Test, found: Estimate | None) -> Allowed:
    """The verdicts of one test that an interval allows; none where it only informs, or has not been run."""
    if found is None or not test.decides:
        return frozenset()
    return of_interval(found.low, found.high, test.holds, test.fails)


def verdict_of(test: Test, found: Estimate | None) -> str:
    """Of one test; empty where it only informs."""
    if found is None:
        return NOT_RUN
    return named(allowed(test, found)) if test.decides else ""


def together(tests: Sequence[Allowed]) -> Allowed:
    """Of a claim, from those of its tests; none where one of them has not been run."""
    return of_claim(tests) if tests and all(tests) else frozenset()


def rows_of(test: Test, results: Path) -> Evidence | None:
    """What a test is about, at the best setting where it asks for one; None where its table or rows are not there."""
    paths = {name: results / f"{name}.csv" for name in tables_of(test)}
    if not all(path.exists() for path in paths.values()):
        return None
    frame = table(paths[test.table])
    if test.then:
        frame = evidence.joined(frame, table(paths[test.then]))
    other = table(paths[test.versus_table]) if test.versus_table else frame
    found = Evidence(
        evidence.rows(frame, test.among),
        evidence.rows(other, test.versus) if test.versus else None,
        printed=printed_of(test, results),
    )
    if test.best:
        most = test.share or test.difference or ""
        own, at = evidence.best_on_even_judged_on_odd(found.own, test.best, test.limit, most)
        chosen = None
        if found.other is not None:
            chosen, its = evidence.best_on_even_judged_on_odd(found.other, test.best, test.limit, most)
            at = f"{at} against {its}"
        found = Evidence(own, chosen, at)
    return None if any(group.empty for group in found.groups) else found


def measured(test: Test, results: Path, level: float) -> Finding:
    """What results/ says of a test: at 95 %, and at another level."""
    found = rows_of(test, results)
    if found is None:
        return Finding(test, None, None)
    at_level = estimator_of(test, found)
    return Finding(test, at_level(0.95), at_level(level), found.at, found.printed, tuple(under(test, results, level)))


def estimator_of(test: Test, found: Evidence) -> Callable[[float], Estimate]:
    """The measure of a test by the level of its interval."""
    return evidence.estimator(test.measure, test.of, found, test.limit if test.measure in OF_TIMES else 0)


def under(test: Test, results: Path, level: float) -> Iterator[Under]:
    """The test under each setting of the grid that it names; nothing where that has not been run."""
    path = results / f"{test.under}.csv"
    if not test.under or not path.exists():
        return
    frame, asked, printed = table(path), replace(test, table=test.under), printed_of(test, results)
    axes = [column for column in frame if column in ASSUMPTIONS]
    for values, of in frame.groupby(axes, sort=False):
        rows = evidence.rows(of, test.under_among)
        if rows.empty:
            continue
        found = estimator_of(asked, Evidence(rows, printed=printed))(level)
        yield Under(dict(zip(axes, values, strict=True)), found, allowed(test, found))


def turns_on(found: Sequence[Under]) -> list[str]:
    """The assumptions on which a verdict turns: two settings that differ in one alone exclude each other's verdicts."""
    turning = set()
    for one, other in itertools.combinations(found, 2):
        apart = [axis for axis in one.setting if one.setting[axis] != other.setting[axis]]
        if len(apart) == 1 and not one.allowed & other.allowed:
            turning.add(ASSUMPTIONS[apart[0]])
    return sorted(turning)


def tables_of(test: Test) -> list[str]:
    """The tables that a test is measured in."""
    figure = PRINTED if test.printed and not is_number(test.printed) else ""
    return [name for name in (test.table, test.versus_table, test.then, figure) if name]


def printed_of(test: Test, results: Path) -> tuple[float, ...]:
    """The printed number that a test holds against ours; of a figure what it may be. Empty where it needs none."""
    if not test.printed or is_number(test.printed):
        return (float(test.printed),) if test.printed else ()
    rows = table(results / f"{PRINTED}.csv")
    found = rows[(rows["figure"] == test.printed) & (rows["measure"] == test.of[0])]["value"]
    if found.empty:
        raise ValueError(f"{PRINTED}.csv: has no {test.of[0]} of {test.printed}")
    return tuple(float(value) for value in found)


def is_number(text: str) -> bool:
    """Whether a text is one number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def judge(results: Path, ledger: Path = LEDGER) -> list[Judged]:
    """Every claim with what ``results`` says of it."""
    claims = read_ledger(ledger)
    level = 1 - 0.05 / FAMILY
    return [Judged(claim, tuple(measured(test, results, level) for test in claim.tests)) for claim in claims]


def intervals(claims: Sequence[Claim]) -> int:
    """How many intervals decide."""
    deciding = (test for claim in claims for test in claim.tests if test.decides)
    return sum(test.measure not in WITHOUT_INTERVAL for test in deciding)


def under_rows(judged: Sequence[Judged]) -> Iterator[dict[str, object]]:
    """results/claims_under.csv: a row a test and setting, by simultaneous intervals."""
    for one in judged:
        for finding in one.findings:
            for each in finding.under:
                axes = {axis: each.setting.get(axis, "") for axis in ASSUMPTIONS}
                yield {
                    "claim": one.claim.id,
                    "test": finding.test.says,
                    **axes,
                    "ours": number(each.found.value),
                    "low_simultaneous": number(each.found.low),
                    "high_simultaneous": number(each.found.high),
                    "n": each.found.n,
                    "allowed": listed(each.allowed),
                }


def csv_rows(judged: Sequence[Judged]) -> Iterator[dict[str, object]]:
    """results/claims.csv: a row a test, and one for a claim that cannot be tested."""
    for one in judged:
        claim = one.claim
        about: dict[str, object] = {
            "claim": claim.id,
            "place": claim.place,
            "whose": "ours" if claim.own else "the papers'",
            "verdict": one.verdict,
            "allowed": listed(one.allowed),
            "verdict_at_95": one.verdict_at_95,
            "confirmed": one.confirmed.verdict if one.confirmed else "",
            "confirmed_allowed": listed(one.confirmed.allowed) if one.confirmed else "",
        }
        fresh = one.confirmed.findings if one.confirmed else ()
        pairs = itertools.zip_longest(one.findings or (Finding(Test("", ""), None, None),), fresh)
        for finding, again in pairs:
            test, found, wide = finding.test, finding.at_95, finding.simultaneous
            new = again.simultaneous if again else None
            yield about | {
                "test": test.says,
                "table": f"{test.table}.csv" if test.table else "",
                "then": f"{test.then}.csv" if test.then else "",
                "among": test.among,
                "versus_table": f"{test.versus_table}.csv" if test.versus_table else "",
                "versus": test.versus,
                "best": " ".join(test.best),
                "measure": test.measure if test.table else "",
                "of": " ".join(test.of) if test.table else "",
                "printed": test.printed,
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
                "test_verdict": finding.verdict if test.table else "",
                "test_allowed": listed(finding.allowed),
                "confirmed_ours": number(new.value) if new else "",
                "confirmed_low_simultaneous": number(new.low) if new else "",
                "confirmed_high_simultaneous": number(new.high) if new else "",
                "confirmed_n": str(new.n) if new else "",
                "test_confirmed": again.verdict if again else "",
                "lines_drawn": claim.lines_drawn,
                "claim_says": claim.says,
            }
