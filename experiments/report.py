"""From results/*.csv to pages and tables: ``python -m experiments.report`` writes them, ``--check`` only compares.

``python -m experiments.report DIR`` draws the figures of a run again, or makes the table of a sweep again, on the
screen and as its sweep.csv, from the files of its jobs.

Nothing is trained here, and no number is typed here: ours come from results/, the paper's from
``repro.printed_networks`` and the experiments' configs.
"""

# ruff: noqa: E402
import os
import sys

if not __package__:  # started by its path: as by python -m
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

from experiments.running import interrupts

interrupts.heed(__name__, "experiments.report")  # before anything that takes a while to import

import argparse
from collections.abc import Sequence
from pathlib import Path

from experiments.catalogue import GROWTH, KEPT, RESULTS
from experiments.claims import confirmation, ledger
from experiments.claims.ledger import Judged
from experiments.explorer import page as explorer
from experiments.options.schema import ConfigError
from experiments.pages import claims, family_trees, family_trees_plateau, readme, small_networks, speed
from experiments.pages.markdown import filled
from experiments.running.sweep_plan import is_sweep
from experiments.running.sweep_table import tell
from experiments.tables import csv_text

README, DOCS = RESULTS.parent / "README.md", RESULTS.parent / "docs"


def parts(results: Path, judged: Sequence[Judged]) -> dict[Path, dict[str, str]]:
    """The generated parts of each document that has words of its own, by the name of their markers in it."""
    family = family_trees.parts(results)
    return {
        README: {
            "holds": readme.holds_table(judged, "results/report.html"),
            "reproduce": speed.reproduce_said(results),
            "speed": speed.comparisons(results),
            "equations": readme.equations_table("repro/equations.py"),
            "gpu": speed.gpu_said(results, "docs/speed.md"),
        },
        DOCS / "running.md": {"gpu": speed.gpu_said(results, "speed.md")},
        DOCS / "speed.md": {
            "speed": speed.speed_tables(results),
            "arithmetic": speed.arithmetic_table(results),
            "gpu": speed.gpu_section(results),
            "logging": speed.logging_table(results),
        },
        results / "claims.md": {"claims": readme.claims_table(judged, "report.html")},
        results / "family_trees.md": family,
        results / "small_networks.md": small_networks.parts(results),
    }


def documents(results: Path) -> dict[Path, str]:
    """Each document that is made from ``results``, as it should read: of the published ones those with words too.

    Raises FileNotFoundError where a table or a document is missing, ValueError where one has no place for a part.
    """
    judged = confirmation.judged(results)
    found = {
        results / ledger.FILE: csv_text(ledger.csv_rows(judged)),
        results / ledger.UNDER_FILE: csv_text(ledger.under_rows(judged)),
        results / claims.PAGE: claims.page(judged, results),
    }
    interactive = results / explorer.FILE
    if interactive.exists():
        found[interactive] = explorer.refreshed(interactive.read_text(encoding="utf-8"))
    if results == RESULTS:
        for path, generated in parts(results, judged).items():
            found[path] = filled(path.read_text(encoding="utf-8"), generated)
    return found


def update(check: bool = False, results: Path | None = None) -> int:
    """Write the documents and the figure, or only compare the documents.

    The exit code, after one line that says what is wrong.
    """
    results = results or RESULTS
    try:
        texts = documents(results)
    except FileNotFoundError as missing:
        print(f"{missing.filename} is missing: run `make reproduce`, and `make study`", file=sys.stderr)
        return 1
    except ValueError as problem:
        print(f"experiments.report: {problem}", file=sys.stderr)
        return 1
    if not check:
        with interrupts.noting() as caught:  # all of one state of results/, or none
            for path, text in texts.items():
                path.write_text(text, encoding="utf-8")
            whole = all((results / of).exists() for of in (GROWTH, KEPT))
            drawn = [family_trees_plateau.draw(results)] if whole else []
        if caught:
            interrupts.end(caught[0])
        print("Written: " + ", ".join(map(str, [*texts, *drawn])))
        return 0
    stale = [path.name for path, text in texts.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    if stale:
        print(f"{', '.join(stale)} differ from results/: run `python -m experiments.report`", file=sys.stderr)
    return 1 if stale else 0


def sweep(directory: Path) -> int:
    """The table of a sweep, also of one that has not ended: the exit code, after one line where there is none."""
    try:
        if not any(row.state == "done" for row in tell(directory)):
            print(f"{directory}: no job is done yet", file=sys.stderr)
            return 1
    except ConfigError as problem:
        print(f"experiments.report: {problem}", file=sys.stderr)
        return 2
    return 0


def main() -> int:
    """Write, or compare."""
    parser = argparse.ArgumentParser(prog="python -m experiments.report", description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 where a document differs from results/"
    )
    parser.add_argument(
        "directories",
        nargs="*",
        type=Path,
        metavar="DIR",
        help="of a run: draw its figures again; of a sweep: make its table again",
    )
    arguments = parser.parse_args()
    if not arguments.directories:
        return update(arguments.check)
    if arguments.check:
        parser.error("--check: is for results/, not for a run or a sweep")
    return max(sweep(each) if is_sweep(each) else redrawn([each]) for each in arguments.directories)


def redrawn(runs: Sequence[Path]) -> int:
    """Draw the figures of finished runs again; the exit code, after one line that says what is wrong."""
    from experiments.running.redraw import redraw  # which imports torch

    for directory in runs:
        try:
            redraw(directory)
        except ConfigError as problem:
            print(f"experiments.report: {problem}", file=sys.stderr)
            return 1
        print(f"Drawn: {directory / 'figures'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
