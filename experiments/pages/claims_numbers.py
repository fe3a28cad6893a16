"""The numbers of the page of claims, as they are written there: per cent, powers of ten, and beyond the last sweep."""

import math

from experiments.claims import ledger, verdicts
from experiments.claims.ledger import Test
from experiments.statistics import Estimate

OPERATORS = {">=": "≥", "<=": "≤", ">": ">", "<": "<"}

UNITS = {"share": " %", "difference": " points", "mean_ratio": " times", "median_ratio": " times"}
"""After the number, by measure."""

SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

MOST_DIGITS = 8
"""No number is written with more than so many digits beyond the usual ones."""


def with_unit(test: Test, value: float) -> str:
    """A value of a test, as it is written."""
    return number_text(test, value) + UNITS.get(test.measure, "")


def interval(test: Test, found: Estimate | None, unit: bool = True) -> str:
    """``"62.7 to 65.4 %"``; empty where the measure has no interval."""
    if found is None or test.measure in ledger.WITHOUT_INTERVAL:
        return ""
    between = f"{number_text(test, found.low)} to {number_text(test, found.high)}"
    return between + (UNITS.get(test.measure, "") if unit else "")


def number_text(test: Test, value: float) -> str:
    """A value without its unit: with more digits where rounding would take it across a line."""
    lines = [verdicts.parsed(line) for line in (test.holds, test.fails) if line]
    for more in range(MOST_DIGITS):
        text, rounded = rounded_text(test, value, more)
        if all(verdicts.OPERATORS[sign](rounded, at) == verdicts.OPERATORS[sign](value, at) for sign, at in lines):
            break
    return text


def rounded_text(test: Test, value: float, more: int) -> tuple[str, float]:
    """A value as it is written with so many more digits than usual, and what it then is."""
    if test.measure in ("share", "difference"):
        text = f"{100 * value:.{1 + more}f}"
        signed = f"{100 * value:+.{1 + more}f}" if test.measure == "difference" else text
        return signed.replace("-", "−"), round(float(text) / 100, 12)
    if test.measure == "survival_median":
        return (f"{value:,.0f}" if value <= test.limit else f">{test.limit:,}"), value
    digits = 3 + more
    return plain(value, digits), float(f"{value:.{digits}g}") if abs(value) < 1000 else value


def plain(value: float, digits: int = 3) -> str:
    """``"0.210"``, ``"12"``, ``"1,425"``, ``"3.92 × 10⁻⁴"``, ``"∞"``: so many digits unless it is a whole number."""
    if not math.isfinite(value):
        return "∞" if value > 0 else "−∞"
    if value and abs(value) < 1e-3:
        mantissa, _, exponent = f"{value:.{digits - 1}e}".partition("e")
        return f"{mantissa} × {ten_to(int(exponent))}".replace("-", "−")
    if abs(value) >= 1000 or value == int(value):
        return f"{value:,.0f}".replace("-", "−")
    return f"{value:#.{digits}g}".rstrip(".").replace("-", "−")


def ten_to(power: int) -> str:
    """``"10⁻⁴"``."""
    return f"10{str(power).translate(SUPERSCRIPTS)}"


def line_text(test: Test, line: str) -> str:
    """``"≥ 90 %"``; empty where there is none."""
    if not line:
        return ""
    sign, at = verdicts.parsed(line)
    of = 100 * at if test.measure in ("share", "difference") else at
    scaled = f"{of:,g}"
    if 0 < of < 1e-3:
        mantissa, _, exponent = f"{of:.6e}".partition("e")
        factor = f"{float(mantissa):g} × " if float(mantissa) != 1 else ""
        scaled = factor + ten_to(int(exponent))
    scaled = scaled.replace("-", "−")
    return f"{OPERATORS[sign]} {scaled}{UNITS.get(test.measure, '')}"
