"""What the tables are made of: the published rows of seeds, Markdown, and documents with places to fill in."""

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from experiments.files import naming, replacing
from experiments.options.load import load
from experiments.options.schema import Config
from experiments.statistics import Share


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


@dataclass(frozen=True)
class Seeds:
    """One experiment's results/NAME.csv: a row a seed."""

    name: str
    rows: list[dict[str, str]]

    @classmethod
    def read(cls, results: Path, name: str) -> "Seeds":
        """Raises FileNotFoundError where the experiment has not been run."""
        return cls(name, read_rows(results / f"{name}.csv"))

    @property
    def solved(self) -> "Seeds":
        """The seeds that met the criterion."""
        return self.where(lambda row: row["solved"] == "1")

    @property
    def sweeps(self) -> list[int]:
        """Sweeps until solved, of the seeds that did."""
        return [int(row["sweeps"]) for row in self.solved.rows]

    def where(self, holds: Callable[[dict[str, str]], bool]) -> "Seeds":
        """The seeds for which something holds."""
        return Seeds(self.name, [row for row in self.rows if holds(row)])

    def share(self, column: str = "solved") -> Share:
        """How many have a 1 in a column."""
        return Share(sum(row[column] == "1" for row in self.rows), len(self.rows))

    @property
    def config(self) -> Config:
        """The experiment's options."""
        return load(self.name)


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def filled(text: str, parts: dict[str, str]) -> str:
    """The text with each part between its markers, <!-- NAME --> and <!-- /NAME -->. Raises ValueError without them."""
    for name, part in parts.items():
        begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        before, opened, rest = text.partition(begin)
        _, closed, after = rest.partition(end)
        if not (opened and closed):
            raise ValueError(f"the document has no markers {begin} and {end}")
        text = f"{before}{begin}\n{part}\n{end}{after}"
    return text
