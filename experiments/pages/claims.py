"""results/report.html, the page of claims: for each its verdict, the numbers behind it, the doubt, and how to check it.

The page is one file: it asks for no other, and has no scripts. The same results give the same bytes. Its words are in
claims.html.j2; here is what they are filled with.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from experiments.catalogue import command
from experiments.claims import ledger, protocol, verdicts
from experiments.claims.ledger import Finding, Judged, Test, Under
from experiments.pages.claims_figures import Drawing, drawings
from experiments.pages.claims_numbers import interval, line_text, plain, with_unit
from experiments.pages.claims_recompute import PREAMBLE, check

PAGE = "report.html"
"""The page's file, in results/."""

TEMPLATE = Path(__file__).with_name("claims.html.j2")

SIGNS = {
    verdicts.HOLDS: "✓",
    verdicts.IN_PART: "◐",
    verdicts.FAILS: "✗",
    verdicts.UNDECIDED: "?",
    ledger.UNTESTABLE: "–",
    ledger.NOT_RUN: "○",
}
"""Beside each verdict's words, in the order in which verdicts are counted."""

COUNTED = {
    verdicts.HOLDS: ("holds", "hold"),
    verdicts.IN_PART: ("holds in part", "hold in part"),
    verdicts.FAILS: ("does not hold", "do not hold"),
    verdicts.UNDECIDED: ("is undecided", "are undecided"),
    ledger.UNTESTABLE: ("cannot be tested", "cannot be tested"),
    ledger.NOT_RUN: ("has not been run", "have not been run"),
}
"""What one claim or test does, and what several do."""

MEASURED = (verdicts.HOLDS, verdicts.IN_PART, verdicts.FAILS)
"""The verdicts that are counted also where there are none."""


@dataclass(frozen=True)
class Line:
    """A test of a claim, as it is written."""

    number: int
    finding: Finding
    paper: str
    ours: str
    at_95: str
    simultaneous: str
    n: str
    holds: str
    fails: str
    check: str
    command: str
    there: bool  # whether its table is
    under: tuple["UnderLine", ...]
    tells: str  # "± 1.3 points": what lies farther than that from a line, so many observations tell
    needs: str  # "about 8,000": how many it would take to tell; empty where it is decided
    turns_on: str  # "A4 and A5"; empty where the verdict does not hang on any
    fresh: str  # of the confirmation: the value with its interval and number, and the verdict
    fresh_verdict: str


@dataclass(frozen=True)
class UnderLine:
    """A test under one setting of other assumptions, as it is written."""

    setting: str
    ours: str
    interval: str
    allowed: str


@dataclass(frozen=True)
class Section:
    """A claim, as it is written. ``main`` is the first of the tests that decide."""

    judged: Judged
    lines: tuple[Line, ...]
    drawings: tuple[Drawing, ...]

    @property
    def main(self) -> Line | None:
        """None where the claim cannot be tested."""
        return next((line for line in self.lines if line.finding.test.decides), None)

    @property
    def counted(self) -> str:
        """``"2 hold, 1 does not hold"``: the tests that decide, by verdict."""
        return counted(finding.verdict for finding in self.judged.last.deciding)

    @property
    def turns_on(self) -> str:
        """``"A4 and A5"``: the assumptions on which one of the tests that decide turns."""
        return " and ".join(sorted({on for finding in self.judged.deciding for on in ledger.turns_on(finding.under)}))

    @property
    def makers(self) -> dict[str, str]:
        """The command that makes each of its tables again."""
        return {line.finding.test.table: line.command for line in self.lines}

    @property
    def tables(self) -> dict[str, bool]:
        """Its tables, and whether each is there."""
        return {line.finding.test.table: line.there for line in self.lines}


def page(judged: Sequence[Judged], results: Path) -> str:
    """The page's HTML. Raises FileNotFoundError, and what reading a table of ``results`` raises."""
    sections = [section(one, results) for one in judged]
    groups: dict[str, list[Section]] = {}
    for one in sections:
        groups.setdefault(one.judged.claim.about, []).append(one)
    testable = [one for one in judged if not one.claim.untestable]
    by_verdict = {verdict: [one for one in sections if one.judged.last.verdict == verdict] for verdict in SIGNS}
    environment = Environment(
        loader=FileSystemLoader(TEMPLATE.parent), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    return environment.get_template(TEMPLATE.name).render(
        sections=sections,
        groups=groups,
        by_verdict=by_verdict,
        papers=tally([one for one in judged if not one.claim.own]),
        own=tally([one for one in judged if one.claim.own]),
        signs=SIGNS,
        rules=rules(ledger.LEDGER.read_text(encoding="utf-8")),
        m=ledger.intervals([one.claim for one in judged]),
        family=ledger.FAMILY,
        level=f"{100 * (1 - 0.05 / ledger.FAMILY):.3f}",
        listed=verdicts.listed,
        confirmed=[one for one in sections if one.judged.confirmed],
        otherwise=[one for one in sections if one.judged.last.verdict != one.judged.verdict],
        changed=[one for one in sections if one.judged.verdict != one.judged.verdict_at_95],
        changed_tests=[
            (one, line) for one in sections for line in one.lines if line.finding.verdict != line.finding.verdict_at_95
        ],
        first_seed=protocol.FIRST_SEED,
        seen=sum(one.claim.known for one in testable),
        before=sum(not one.claim.known for one in testable),
        preamble=PREAMBLE,
    )


def section(one: Judged, results: Path) -> Section:
    """A claim as it is written."""
    fresh = one.confirmed.findings if one.confirmed else [None] * len(one.findings)
    pairs = zip(one.findings, fresh, strict=True)
    lines = tuple(line(number, finding, again, results) for number, (finding, again) in enumerate(pairs, 1))
    return Section(one, lines, tuple(drawings(one.claim.id, results)))


def line(number: int, finding: Finding, again: Finding | None, results: Path) -> Line:
    """A test as it is written. again: by the confirmation."""
    test, found = finding.test, finding.at_95
    return Line(
        number=number,
        finding=finding,
        paper=test.paper or printed_text(finding.printed),
        ours=with_unit(test, found.value) if found else "",
        at_95=interval(test, found),
        simultaneous=interval(test, finding.simultaneous),
        n=f"{found.n:,}" if found else "",
        holds=line_text(test, test.holds),
        fails=line_text(test, test.fails),
        check=check(test),
        command=command(test.table),
        under=tuple(under_line(test, each) for each in finding.under),
        tells=tells(finding),
        needs=needs(again or finding),
        turns_on=" and ".join(ledger.turns_on(finding.under)),
        fresh=fresh_text(again) if again else "",
        fresh_verdict=again.verdict if again else "",
        there=(results / f"{test.table}.csv").exists(),
    )


def printed_text(values: Sequence[float]) -> str:
    """``"1,425"``, or ``"2.54 to 3.33"`` where the print leaves open which; empty where nothing is printed."""
    ends = [plain(value) for value in (min(values), max(values))] if values else []
    return " to ".join(dict.fromkeys(ends))


def tells(finding: Finding) -> str:
    """``"± 1.3 points"``: half of the interval of all at once, the difference from a line that n could have seen."""
    found, measure = finding.simultaneous, finding.test.measure
    if found is None or measure in ledger.WITHOUT_INTERVAL or not math.isfinite(found.high - found.low):
        return ""
    half = (found.high - found.low) / 2
    return f"± {100 * half:.1f} points" if measure in ("share", "difference") else f"± {plain(half)}"


def needs(finding: Finding) -> str:
    """``"about 8,000"``: how many observations would tell, if the value stays: an interval goes with 1 / √n.

    Empty where the test is decided; "no number" where the value is on a line.
    """
    found, test = finding.simultaneous, finding.test
    if found is None or len(finding.allowed) < 2:
        return ""
    worst = 0.0  # how many times farther the interval goes than to a line
    for _, line in map(verdicts.parsed, (test.holds, test.fails)):
        if found.low <= line <= found.high:
            half, gap = abs((found.low if line < found.value else found.high) - found.value), abs(line - found.value)
            worst = max(worst, half / gap if gap else math.inf)
    if not 0 < worst < math.inf:
        return "no number"
    many = found.n * worst**2
    return f"about {float(f'{many:.2g}'):,.0f}"


def under_line(test: Test, each: Under) -> UnderLine:
    """A test under one setting."""
    return UnderLine(
        ", ".join(f"{axis} {plain_setting(value)}" for axis, value in each.setting.items()),
        with_unit(test, each.found.value),
        interval(test, each.found, unit=False),
        verdicts.listed(each.allowed),
    )


def plain_setting(value: object) -> str:
    """``"0.3"``, ``"momentum"``."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def fresh_text(finding: Finding) -> str:
    """``"64.1 % (60.2 to 67.9), n 5,000"``: the value with its interval of all at once."""
    found = finding.simultaneous
    if found is None:
        return ""
    between = interval(finding.test, found, unit=False)
    return f"{with_unit(finding.test, found.value)}{f' ({between})' if between else ''}, n {found.n:,}"


def tally(judged: Sequence[Judged]) -> list[str]:
    """``["22 hold", "3 do not hold"]``: claims by verdict, those of MEASURED also where there are none."""
    found = Counter(one.last.verdict for one in judged)
    return [several(found[verdict], verdict) for verdict in SIGNS if found[verdict] or verdict in MEASURED]


def verdict_text(one: Judged) -> str:
    """``"holds"``, or ``"undecided: holds or holds in part"``: of the confirmation, where there is one."""
    last = one.last
    return f"{last.verdict}: {verdicts.listed(last.allowed)}" if last.verdict == verdicts.UNDECIDED else last.verdict


def counted(each: Iterable[str]) -> str:
    """``"2 hold, 1 does not hold"``."""
    found = Counter(each)
    return ", ".join(several(found[verdict], verdict) for verdict in SIGNS if found[verdict])


def several(count: int, verdict: str) -> str:
    """``"2 hold in part"``, ``"1 holds in part"``."""
    one, more = COUNTED[verdict]
    return f"{count:,} {one if count == 1 else more}"


def measured_text(finding: Finding) -> str:
    """``"64.1 % (62.7 to 65.4)"``: the value with its interval of 95 %; empty where the test has not been run."""
    found = finding.at_95
    if found is None:
        return ""
    between = f" ({interval(finding.test, found, unit=False)})" if interval(finding.test, found) else ""
    return with_unit(finding.test, found.value) + between


def rules(text: str) -> list[tuple[str, str]]:
    """Where the lines are drawn: kind of claim and rule, from the comment that the ledger begins with."""
    comment = re.match(r"(?:#.*\n)*", text)
    found = re.findall(r"^#   (\S.*?)  +(\S.*)$", comment.group() if comment else "", re.MULTILINE)
    return [(kind, rule) for kind, rule in found]
