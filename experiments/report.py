"""From results/*.csv to pages and tables: ``python -m experiments.report`` writes them, ``--check`` only compares.

Nothing is trained here, and no number is typed here: ours come from results/, the paper's from
``repro.printed_networks`` and the experiments' configs.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

if not __package__:  # started by its path: as by python -m
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from experiments.catalogue import GROWTH, KEPT, RESULTS
from experiments.claims import ledger
from experiments.claims.ledger import Judged
from experiments.explorer import page as explorer
from experiments.pages import claims, family_trees, family_trees_plateau, readme, small_networks, speed
from experiments.pages.markdown import filled
from experiments.tables import csv_text

README, DOCS = RESULTS.parent / "README.md", RESULTS.parent / "docs"


def parts(results: Path, judged: Sequence[Judged]) -> dict[Path, dict[str, str]]:
    """The generated parts of each document that has words of its own, by the name of their markers in it."""
    family = family_trees.parts(results)
    return {
        README: {
            "holds": readme.holds_table(judged, "results/report.html"),
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
    judged = ledger.judge(results)
    found = {
        results / ledger.FILE: csv_text(ledger.csv_rows(judged)),
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
        for path, text in texts.items():
            path.write_text(text, encoding="utf-8")
        drawn = [family_trees_plateau.draw(results)] if all((results / of).exists() for of in (GROWTH, KEPT)) else []
        print("Written: " + ", ".join(map(str, [*texts, *drawn])))
        return 0
    stale = [path.name for path, text in texts.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    if stale:
        print(f"{', '.join(stale)} differ from results/: run `python -m experiments.report`", file=sys.stderr)
    return 1 if stale else 0


def main() -> int:
    """Write, or compare."""
    parser = argparse.ArgumentParser(prog="python -m experiments.report", description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 where a document differs from results/"
    )
    return update(parser.parse_args().check)


if __name__ == "__main__":
    sys.exit(main())
