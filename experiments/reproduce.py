"""Run every published experiment and write the tables: ``python -m experiments.reproduce``.

Each run goes to runs/reproduce/NAME; its table of seeds, its curves and its figures are then copied to results/,
where ``experiments.report`` makes the tables from them.
"""

import argparse
import shutil
import time
from pathlib import Path

from experiments import report
from experiments.build import load
from experiments.run import run

PUBLISHED: dict[str, int] = {
    "symmetry": 10_000,
    "symmetry_soft_targets": 10_000,
    "symmetry_no_hidden": 1_000,
    "xor": 10_000,
    "xor_2_2_1": 10_000,
    "xor_2_2_1_fast": 10_000,
}
"""How many seeds of each experiment the published tables count."""


def main() -> None:
    """Parse the command line, run the experiments, write the results."""
    parser = argparse.ArgumentParser(prog="python -m experiments.reproduce", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="experiments to run (default: all that are published)")
    parser.add_argument(
        "--results", type=Path, default=report.RESULTS, help="where the results go (default: %(default)s)"
    )
    parser.add_argument("--seeds", type=int, help="seeds of each experiment, in place of the published number")
    arguments = parser.parse_args()
    unknown = set(arguments.names) - set(PUBLISHED)
    if unknown:
        parser.error(f"{', '.join(sorted(unknown))}: not published; choose from {', '.join(PUBLISHED)}")
    if arguments.seeds is not None and arguments.seeds < 1:
        parser.error(f"--seeds {arguments.seeds}: must be at least 1")

    names = arguments.names or list(PUBLISHED)
    started = time.monotonic()
    for number, name in enumerate(names, 1):
        print(f"[{number}/{len(names)}] {name}", flush=True)
        reproduce(name, arguments.seeds or PUBLISHED[name], arguments.results)
    written = report.write(arguments.results)
    print(f"{len(names)} experiments in {time.monotonic() - started:.0f} s.")
    print("Where to look next: " + ", ".join(str(path) for path in written) + "; learning curves: make tensorboard")


def reproduce(name: str, seeds: int, results: Path) -> None:
    """Run one experiment and copy what it found to ``results``. A run that is interrupted publishes nothing."""
    config = load(name, f"population.seeds={seeds}")
    directory = Path("runs/reproduce") / name
    shutil.rmtree(directory, ignore_errors=True)
    run(config, directory)
    figures = results / "figures" / name
    shutil.rmtree(figures, ignore_errors=True)
    shutil.copytree(directory / "figures", figures)
    shutil.copy(directory / "seeds.csv", results / f"{name}.csv")
    (results / "curves").mkdir(exist_ok=True)
    shutil.copy(directory / "curves.csv", results / "curves" / f"{name}.csv")


if __name__ == "__main__":
    main()
