"""From results/*.csv to tables: ``python -m experiments.report`` writes them, ``--check`` only compares.

Nothing is trained here, and no number is typed here: ours come from results/, the paper's from ``repro.published``
and the experiments' configs.
"""

import argparse
import inspect
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from torch import Tensor

from experiments import family_page
from experiments.catalogue import PUBLISHED, RESULTS
from experiments.statistics import Share, median, place, quartiles_text
from experiments.tables import Seeds, filled, markdown
from repro import equations, published
from repro.measures import symmetry_claims
from repro.networks import Network
from repro.tasks.symmetry import symmetry

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"


SIGNATURE = ("smallest", "ratio_middle", "ratio_largest", "hidden_bias", "hidden_to_output", "output_bias")
"""The columns of a symmetry network that tell its weights apart from those of other desired outputs."""


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
        return f"{seeds_median(of, column):.2f}"

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
            f"median {seeds_median(solved, 'antisymmetry'):.4f}",
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
            f"median {seeds_median(solved, 'opposite_units'):.4f}",
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
        numbers = [seeds_median(like_printed, column) for column in SIGNATURE]
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
        "literal": family_page.literal_table(results),
        "verdict": family_page.verdict(results),
        "equations": equations_table(),
    }


def documents(results: Path) -> dict[Path, str]:
    """Each document with tables in it, as it should read."""
    page = results / family_page.PAGE
    return {
        README: filled(README.read_text(), blocks(results)),
        page: filled(page.read_text(), family_page.parts(results)),
    }


def write(results: Path = RESULTS) -> list[Path]:
    """Write the tables into the documents; the paths written to."""
    texts = documents(results)
    for path, text in texts.items():
        path.write_text(text)
    return list(texts)


def experiments(results: Path) -> list[str]:
    """The experiments that have results, in the order in which they are published."""
    return [name for name in PUBLISHED if (results / f"{name}.csv").exists()]


def seeds_median(seeds: Seeds, column: str) -> float:
    """The median of a column."""
    return median([float(row[column]) for row in seeds.rows])


def _held(claim: object) -> str:
    return "holds" if bool(claim) else "does not hold"


def main() -> int:
    """Write the tables, or compare."""
    parser = argparse.ArgumentParser(prog="python -m experiments.report", description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 where a document differs from results/"
    )
    if not parser.parse_args().check:
        print("Written: " + ", ".join(str(path) for path in write()))
        return 0
    stale = [path.name for path, text in documents(RESULTS).items() if path.read_text() != text]
    if stale:
        print(f"{', '.join(stale)} differ from results/: run `python -m experiments.report`", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
