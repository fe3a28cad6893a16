"""From results/*.csv to tables: ``python -m experiments.report`` writes them, ``--check`` only compares.

``python -m experiments.report RUN_DIR... --to DIR`` puts together the shards of one population (``population.shard``).
Nothing is trained here, and no number is typed here: ours come from results/, the paper's from
``repro.printed_networks`` and the experiments' configs.
"""

import argparse
import inspect
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from torch import Tensor

from experiments.catalogue import BENCHMARK, LOGGING_COST, RESULTS
from experiments.claims import ledger as claims
from experiments.claims.ledger import Judged
from experiments.explorer import page as explorer
from experiments.options.schema import ConfigError
from experiments.pages import family_trees as family_page
from experiments.pages import small_networks as small_page
from experiments.pages.claims import counted, measured_text, page
from experiments.pages.small_networks import with_results
from experiments.running import shards
from experiments.running.directory import SEEDS, WEIGHTS
from experiments.running.summary import print_table
from experiments.statistics import quartiles_text
from experiments.tables import Seeds, csv_text, filled, markdown, read_rows
from repro import equations

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"

PAGE = "report.html"
"""The page of claims, in results/."""

SPEED_OF = ("1", "1024")
"""The numbers of networks whose speed is shown; results/benchmark.csv has others."""


def claims_table(judged: Sequence[Judged]) -> str:
    """Each claim with its verdict and those of its tests, and the first of these that decides."""
    rows = []
    for one in judged:
        deciding = [finding for finding in one.findings if finding.test.decides]
        each = counted(finding.verdict for finding in deciding) if len(deciding) > 1 else ""
        first = (deciding[0].test.says, measured_text(deciding[0])) if deciding else (one.claim.untestable, "")
        link = f"[{one.claim.id}](results/{PAGE}#{one.claim.id})"
        rows.append([link, one.claim.says, f"**{one.verdict}**", each, *first])
    header = ["", "claim", "verdict", "its tests", "the first of them", "here, 95 % interval"]
    return f"Of {len(judged)} claims {counted(one.verdict for one in judged)}.\n\n" + markdown(header, rows)


def learned_table(results: Path) -> str:
    """How many of each small network learned, and how fast."""
    rows = []
    for name in with_results(results):
        seeds = Seeds.read(results, name)
        config = seeds.config
        if config.task.name != "family_trees":
            paper = f"{config.paper.sweeps:,}" if config.paper.sweeps else ""
            rows.append([f"`{name}`", config.summary, str(seeds.share()), quartiles_text(seeds.sweeps), paper])
    header = ["experiment", "what", "learned, 95 % interval", "sweeps of those: median (quartiles)", "paper"]
    return markdown(header, rows)


def print_networks(results: Path) -> None:
    """Paper against ours in a terminal: the shares, and the sweeps of those that learned."""
    table = Table("", "learned here, 95 %", "sweeps here: median (quartiles)", "paper", title="Networks that learned")
    for name in with_results(results):
        seeds = Seeds.read(results, name)
        paper = seeds.config.paper.sweeps
        table.add_row(name, seeds.share().brief, quartiles_text(seeds.sweeps), f"{paper:,}" if paper else "")
    Console().print(table)


def speed_table(results: Path) -> str:
    """Microseconds per network and sweep of each way of training, as ``experiments.speed.benchmark`` found them."""
    rows = [row for row in read_rows(results / BENCHMARK) if row["networks"] in SPEED_OF]
    columns = list(dict.fromkeys((row["experiment"], row["networks"]) for row in rows))
    found = {(row["contender"], row["experiment"], row["networks"]): row["microseconds"] for row in rows}
    lines = []
    for contender in dict.fromkeys(row["contender"] for row in rows):
        values = (found.get((contender, *column)) for column in columns)
        lines.append([contender, *(f"{float(value):.3g}" if value else "-" for value in values)])
    header = [f"`{experiment}`, {int(networks):,}" for experiment, networks in columns]
    return markdown(["µs per network and sweep", *header], lines)


def logging_table(results: Path) -> str:
    """How much longer a run takes with TensorBoard, as ``experiments.speed.logging_cost`` found it."""
    rows = []
    for row in read_rows(results / LOGGING_COST):
        run, more = f"`{row['experiment']}`, {int(row['networks']):,}", f"{float(row['more_percent']):+.1f} %"
        rows.append([run, row["seconds_without"], row["seconds_with"], more, row["turns"]])
    return markdown(["experiment, networks", "seconds without", "seconds with", "cost", "runs of each"], rows)


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
        says = (function.__doc__ or "").splitlines()[0].partition(": ")[2].partition(",")[0].partition(". ")[0]
        rows.append([label, says.rstrip("."), f"[`{function.__name__}`](repro/equations.py#L{line})"])
    return markdown(["equation", "the paper's", "here"], rows)


def blocks(results: Path, judged: Sequence[Judged]) -> dict[str, str]:
    """The generated parts of the README, by the name of their markers."""
    return {
        "claims": claims_table(judged),
        "learned": learned_table(results),
        "literal": family_page.literal_table(results),
        "verdict": family_page.verdict(results),
        "speed": speed_table(results),
        "logging": logging_table(results),
        "equations": equations_table(),
    }


def documents(results: Path) -> dict[Path, str]:
    """Each document that is made from ``results``, as it should read: of the published ones the README too."""
    judged = claims.judge(results)
    found = {results / claims.FILE: csv_text(claims.csv_rows(judged)), results / PAGE: page(judged, results)}
    interactive = results / explorer.FILE
    if interactive.exists():
        found[interactive] = explorer.refreshed(interactive.read_text(encoding="utf-8"))
    if results == RESULTS:
        family, small = results / family_page.PAGE, results / small_page.PAGE
        found |= {
            README: filled(README.read_text(encoding="utf-8"), blocks(results, judged)),
            family: filled(family.read_text(encoding="utf-8"), family_page.parts(results)),
            small: filled(small.read_text(encoding="utf-8"), small_page.parts(results)),
        }
    return found


def update(check: bool = False, results: Path | None = None) -> int:
    """Write the documents, or only compare; the exit code, after one line that says what is wrong."""
    try:
        texts = documents(results or RESULTS)
    except FileNotFoundError as missing:
        print(f"{missing.filename} is missing: run `make reproduce`, and `make study`", file=sys.stderr)
        return 1
    except ValueError as problem:
        print(f"experiments.report: {problem}", file=sys.stderr)
        return 1
    if not check:
        for path, text in texts.items():
            path.write_text(text, encoding="utf-8")
        print("Written: " + ", ".join(map(str, texts)))
        return 0
    stale = [path.name for path, text in texts.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    if stale:
        print(f"{', '.join(stale)} differ from results/: run `python -m experiments.report`", file=sys.stderr)
    return 1 if stale else 0


def merged(directories: Sequence[Path], to: Path) -> int:
    """Put the shards of a population together, and print what they found; the exit code, as ``update`` has it."""
    try:
        population = shards.merge(directories, to)
    except (shards.ShardError, ConfigError) as problem:
        print(f"experiments.report: {problem}", file=sys.stderr)
        return 1
    print_table(population.config, population.sweep, to / SEEDS)
    print(f"Written to {to}/, from {population.shards} shards: {SEEDS}, {WEIGHTS}")
    return 0


def main() -> int:
    """Write the tables, or compare; or put shards together."""
    parser = argparse.ArgumentParser(prog="python -m experiments.report", description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 where a document differs from results/"
    )
    parser.add_argument(
        "runs", nargs="*", type=Path, metavar="RUN_DIR", help="put these runs, or those in a multirun, together"
    )
    parser.add_argument("--to", type=Path, metavar="DIR", help="where the seeds.csv and weights.pt of all runs go")
    arguments = parser.parse_args()
    if not arguments.runs and arguments.to is None:
        return update(arguments.check)
    if not arguments.runs or arguments.to is None or arguments.check:
        parser.error("to put shards together, write RUN_DIR... --to DIR")
    return merged(arguments.runs, arguments.to)


if __name__ == "__main__":
    sys.exit(main())
