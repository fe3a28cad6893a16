"""From results/*.csv to tables: ``python -m experiments.report`` writes them, ``--check`` only compares.

Nothing is trained here, and no number is typed here: ours come from results/, the paper's from ``repro.published``
and the experiments' configs.
"""

import argparse
import csv
import inspect
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table
from torch import Tensor

from experiments.build import load
from experiments.catalogue import PUBLISHED, RESULTS
from experiments.schema import Config
from experiments.statistics import Share, place, quartiles_text
from repro import equations, published
from repro.measures import symmetry_claims
from repro.networks import Network
from repro.tasks.symmetry import symmetry

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"


SIGNATURE = ("smallest", "ratio_middle", "ratio_largest", "hidden_bias", "hidden_to_output", "output_bias")
"""The columns of a symmetry network that tell its weights apart from those of other desired outputs."""


@dataclass(frozen=True)
class Seeds:
    """One experiment's results/NAME.csv: a row a seed."""

    name: str
    rows: list[dict[str, str]]

    @classmethod
    def read(cls, results: Path, name: str) -> "Seeds":
        """Raises FileNotFoundError where the experiment has not been run."""
        with (results / f"{name}.csv").open(newline="") as file:
            return cls(name, list(csv.DictReader(file)))

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


NETWORKS = (
    "experiment",
    "what",
    "sweeps, paper",
    "learned here (95 %)",
    "sweeps here: median (quartiles)",
    "paper among ours",
)


def networks_table(results: Path) -> str:
    """How many learned, how fast, and where the paper's run falls."""
    return markdown(NETWORKS, networks_rows(results))


def print_networks(results: Path) -> None:
    """The same in a terminal."""
    table = Table(*NETWORKS)
    for row in networks_rows(results):
        table.add_row(*row)
    Console().print(table)


def networks_rows(results: Path) -> list[list[str]]:
    """A row an experiment that has results."""
    rows = []
    for name in experiments(results):
        seeds = Seeds.read(results, name)
        paper, sweeps = seeds.config.paper.sweeps, seeds.sweeps
        fell = f"{100 * place(sweeps, paper):.0f} % were faster" if paper and sweeps else ""
        what = seeds.config.summary
        share, took = str(seeds.share()), quartiles_text(sweeps)
        rows.append([f"`{name}`", what, f"{paper:,}" if paper else "", share, took, fell])
    return rows


def symmetry_table(results: Path) -> str:
    """Claims S1 to S7 about the symmetry network, the printed weights' own values beside ours."""
    seeds, without = Seeds.read(results, "symmetry"), Seeds.read(results, "symmetry_no_hidden")
    solved = seeds.solved
    printed = published.SYMMETRY
    theirs = symmetry_claims(Network(printed.architecture, printed.replica()), symmetry())
    other = solved.where(lambda row: row["S4"] == "0")

    def middle(of: Seeds, column: str) -> str:
        return f"{_median(of, column):.2f}"

    sizes = f"1 : {middle(solved, 'ratio_middle')} : {middle(solved, 'ratio_largest')}"
    rest = f"; the others 1 : {middle(other, 'ratio_middle')} : {middle(other, 'ratio_largest')}" if other.rows else ""
    rows = [
        ["S1", "no solution without hidden units", "", f"solved: {without.share()}", ""],
        ["S2", "two hidden units suffice", "", f"solved: {seeds.share()}", ""],
        [
            "S3",
            "weights symmetric about the middle: same size, opposite sign",
            f"off by {float(theirs.antisymmetry):.4f} of the largest",
            str(solved.share("S3")),
            f"median {_median(solved, 'antisymmetry'):.4f}",
        ],
        [
            "S4",
            "sizes on a side stand 1 : 2 : 4",
            f"1 : {float(theirs.ratio_middle):.2f} : {float(theirs.ratio_largest):.2f}",
            str(solved.share("S4")),
            f"median {sizes}{rest}",
        ],
        [
            "S5",
            "biases: both hidden units off and output on for a symmetric vector",
            _held(theirs.S5),
            str(solved.share("S5")),
            "",
        ],
        [
            "S6",
            "the two hidden units: same weights, opposite signs",
            f"off by {float(theirs.opposite_units):.4f} of the largest",
            str(solved.share("S6")),
            f"median {_median(solved, 'opposite_units'):.4f}",
        ],
        [
            "S7",
            "every other vector turns one hidden unit on and the output off",
            _held(theirs.S7),
            str(solved.share("S7")),
            "",
        ],
    ]
    return markdown(["claim", "N p.534, Fig. 1", "the printed weights", "here, 95 % interval", "here, measured"], rows)


def targets_table(results: Path) -> str:
    """Which desired outputs the printed symmetry weights come from: their sizes beside ours for 0/1 and 0.1/0.9."""
    rows = []
    for printed in (published.SYMMETRY, published.SYMMETRY_PDP):
        claims = symmetry_claims(Network(printed.architecture, printed.replica()), symmetry())
        numbers = [float(getattr(claims, column)) for column in SIGNATURE]
        rows.append([f"printed, {printed.source}", *_sizes(numbers[:3]), *(f"{n:.1f}" for n in numbers[3:])])
    for name in ("symmetry", "symmetry_soft_targets"):
        seeds = Seeds.read(results, name)
        like_printed = seeds.solved.where(lambda row: row["S4"] == "1")
        numbers = [_median(like_printed, column) for column in SIGNATURE]
        task, within = seeds.config.task, seeds.config.criterion.tolerance
        label = f"`{name}`: desired {task.target_off:g} and {task.target_on:g}, within {within:g}"
        rows.append([label, *_sizes(numbers[:3]), *(f"{n:.1f}" for n in numbers[3:])])
    header = ["weights", "input to hidden, one side", "hidden bias", "hidden to output", "output bias"]
    return markdown(header, rows)


def _sizes(numbers: Sequence[float]) -> list[str]:
    smallest, middle, largest = numbers
    return [f"{smallest:.1f}, {smallest * middle:.1f}, {smallest * largest:.1f}"]


def xor_table(results: Path) -> str:
    """How many 2-2-1 networks stay unsolved, and how many of those are in the printed local minimum."""
    rows = []
    for name in ("xor_2_2_1", "xor_2_2_1_fast"):
        seeds = Seeds.read(results, name)
        stuck = seeds.where(lambda row: row["solved"] == "0")
        rows.append(
            [
                f"`{name}`",
                str(seeds.config.learning.epsilon),
                str(Share(len(stuck.rows), len(seeds.rows))),
                str(stuck.share("stuck_as_printed")) if stuck.rows else "-",
            ]
        )
    return markdown(["experiment", "epsilon", "not solved", "of those, outputs as in P Fig. 5"], rows)


def equations_table() -> str:
    """Where each equation stands."""
    functions: list[tuple[str, Callable[..., Tensor]]] = [
        ("(1)", equations.total_input),
        ("(2)", equations.logistic),
        ("(3)", equations.error),
        ("(4)", equations.dE_dy_output),
        ("(5)", equations.dE_dx),
        ("(6)", equations.dE_dw),
        ("(7)", equations.dE_dy),
        ("(8)", equations.steepest_descent),
        ("(9)", equations.momentum),
    ]
    rows = []
    for label, function in functions:
        line = inspect.getsourcelines(function)[1]
        says = (function.__doc__ or "").splitlines()[0].partition(": ")[2].partition(",")[0].rstrip(".")
        rows.append([label, says, f"[`{function.__name__}`](repro/equations.py#L{line})"])
    return markdown(["equation", "the paper's", "here"], rows)


def blocks(results: Path) -> dict[str, str]:
    """The generated parts of the README, by the name of their markers."""
    return {
        "networks": networks_table(results),
        "symmetry": symmetry_table(results),
        "targets": targets_table(results),
        "xor": xor_table(results),
        "equations": equations_table(),
    }


def filled(text: str, parts: dict[str, str]) -> str:
    """The text with each part between its markers. Raises ValueError where a marker is missing."""
    for name, part in parts.items():
        begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        before, opened, rest = text.partition(begin)
        _, closed, after = rest.partition(end)
        if not (opened and closed):
            raise ValueError(f"README.md has no markers {begin} and {end}")
        text = f"{before}{begin}\n{part}\n{end}{after}"
    return text


def write(results: Path = RESULTS, readme: Path = README) -> list[Path]:
    """Write the tables into the README; the paths written to."""
    readme.write_text(filled(readme.read_text(), blocks(results)))
    return [readme, results]


def experiments(results: Path) -> list[str]:
    """The experiments that have results, in the order in which they are published."""
    return [name for name in PUBLISHED if (results / f"{name}.csv").exists()]


def _median(seeds: Seeds, column: str) -> float:
    values = sorted(float(row[column]) for row in seeds.rows)
    return (values[(len(values) - 1) // 2] + values[len(values) // 2]) / 2


def _held(claim: object) -> str:
    return "holds" if bool(claim) else "does not hold"


def main() -> int:
    """Write the tables, or compare."""
    parser = argparse.ArgumentParser(prog="python -m experiments.report", description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 where README.md differs from results/"
    )
    if not parser.parse_args().check:
        print("Written: " + ", ".join(str(path) for path in write()))
        return 0
    text = README.read_text()
    if filled(text, blocks(RESULTS)) == text:
        return 0
    print("README.md differs from results/: run `python -m experiments.report`", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
