"""What an interval allows: the verdicts of a test between its lines, and from those of its tests the ones of a claim.

A claim holds where all its tests do, does not hold where all fail, and else holds in part. As long as a test may still
come out in more than one way, so may the claim: its verdicts are all that come of one choice for each test.
"""

import math
import operator
from collections.abc import Iterable, Sequence

HOLDS, IN_PART, FAILS = "holds", "holds in part", "does not hold"
UNDECIDED = "undecided"
"""Several of the three are possible."""

Allowed = frozenset[str]
"""Which of HOLDS, IN_PART and FAILS are possible for what is known."""

ALL: Allowed = frozenset({HOLDS, IN_PART, FAILS})

OPERATORS = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}


def parsed(line: str) -> tuple[str, float]:
    """Operator and number of a line such as ``">= 0.9"``. Raises ValueError."""
    sign, _, number = line.partition(" ")
    if sign not in OPERATORS:
        raise ValueError(f"{line!r}: write one of {' '.join(OPERATORS)}, a space and a number")
    return sign, float(number)


def of_value(value: float, holds: str, fails: str) -> str:
    """The verdict where a value is known exactly: it is beyond the one line, beyond the other, or between them."""
    for line, verdict in ((holds, HOLDS), (fails, FAILS)):
        sign, at = parsed(line)
        if OPERATORS[sign](value, at):
            return verdict
    return IN_PART


def of_interval(low: float, high: float, holds: str, fails: str) -> Allowed:
    """Those of all values of an interval, its ends among them; all where there is no interval, which is nan."""
    if math.isnan(low) or math.isnan(high):
        return ALL
    found = {of_value(low, holds, fails), of_value(high, holds, fails)}
    if found == {HOLDS, FAILS} and between(holds, fails):
        found.add(IN_PART)
    return frozenset(found)


def between(holds: str, fails: str) -> bool:
    """Whether there are values at which a test neither holds nor fails."""
    at = {parsed(holds)[1], parsed(fails)[1]}
    return len(at) == 2 or of_value(at.pop(), holds, fails) == IN_PART


def of_claim(tests: Sequence[Allowed]) -> Allowed:
    """Those of a claim with these tests, one at least."""
    whole = {verdict for verdict in (HOLDS, FAILS) if all(verdict in allowed for allowed in tests)}
    one_way = all(len(allowed) == 1 for allowed in tests)
    parted = IN_PART in tests[0] if len(tests) == 1 else not (one_way and whole)
    return frozenset(whole | ({IN_PART} if parted else set()))


def named(allowed: Allowed) -> str:
    """The one verdict, or UNDECIDED."""
    return next(iter(allowed)) if len(allowed) == 1 else UNDECIDED


def listed(allowed: Iterable[str]) -> str:
    """``"holds or holds in part"``, in the order of HOLDS, IN_PART, FAILS."""
    found = set(allowed)
    return " or ".join(verdict for verdict in (HOLDS, IN_PART, FAILS) if verdict in found)
