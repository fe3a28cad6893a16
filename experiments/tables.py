"""Tables: CSV files, and how a share, a part and the spread of some values are written in a cell."""

import csv
import io
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TextIO

from numpy.typing import ArrayLike

from experiments.files import naming, replacing
from experiments.statistics import Estimate, quartiles


def read_rows(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file. Raises FileNotFoundError."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def csv_text(rows: Iterable[Mapping[str, object]]) -> str:
    """The rows as a CSV file has them."""
    text = io.StringIO()
    write_csv(text, rows)
    return text.getvalue()


def write_rows(path: Path, rows: Iterable[Mapping[str, object]]) -> None:
    """A CSV file of the rows, in place of an earlier one when all are there.

    Until then each is in the file beside it as soon as it is there: an interrupt keeps those before it.
    """
    with naming(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path, keep=True) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        write_csv(file, rows)


def write_csv(file: TextIO, rows: Iterable[Mapping[str, object]]) -> None:
    """The rows, each as soon as it is there, under the names of the first one's columns."""
    writer: csv.DictWriter[str] | None = None
    for row in rows:
        if writer is None:
            writer = csv.DictWriter(file, list(row), lineterminator="\n")
            writer.writeheader()
        writer.writerow(row)
        file.flush()


def share_text(share: Estimate) -> str:
    """``"86.7 % (867 of 1,000; 84.5 to 88.7)"``."""
    k = round(share.value * share.n)
    return f"{100 * share.value:.1f} % ({k:,} of {share.n:,}; {100 * share.low:.1f} to {100 * share.high:.1f})"


def share_brief(share: Estimate) -> str:
    """``"86.7 % (84.5 to 88.7)"``: a share and its interval."""
    return f"{100 * share.value:.1f} % ({100 * share.low:.1f} to {100 * share.high:.1f})"


def percent(part: float) -> str:
    """``"12 %"``; one digit more below a tenth."""
    return f"{100 * part:.0f} %" if part >= 0.1 or part == 0 else f"{100 * part:.1f} %"


def quartiles_text(values: ArrayLike, limit: float = math.inf) -> str:
    """``"1,297 (834 to 2,181)"``: median and quartiles of ``[n]``; a dash where there are no values.

    Beyond the limit a value is only known to be there: ``"2,880 (1,175 to >5,000)"``.
    """
    found = quartiles(values)
    if math.isnan(found[1]):
        return "-"
    low, middle, high = (f"{value:,.0f}" if value <= limit else f">{limit:,}" for value in found)
    return f"{middle} ({low} to {high})"
