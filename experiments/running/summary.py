"""A run in one table: the paper's value beside ours."""

import csv
import math
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from experiments.options.schema import Config
from experiments.running.directory import CURVES, SEEDS, WEIGHTS
from experiments.statistics import proportion, quartiles
from experiments.tables import percent, quartiles_text, share_text
from repro.population import Population


def metrics(population: Population) -> dict[str, float]:
    """The numbers by which runs are compared."""
    low, middle, high = quartiles(population.learned_at[population.learned].cpu().numpy())
    return {
        "final/learned": float(population.learned.double().mean()),
        "final/sweeps_lower_quartile": low,
        "final/sweeps_median": middle,
        "final/sweeps_upper_quartile": high,
        "final/E_median": float(population.E.double().nanmedian()),
    }


def print_summary(config: Config, population: Population, directory: Path) -> None:
    """What was found, and where it is written."""
    print_table(config, population.sweep, directory / SEEDS)
    written = ", ".join(name for name in (SEEDS, CURVES, WEIGHTS, "figures") if (directory / name).exists())
    curves = " Curves: python -m experiments.board" if config.record.tensorboard else ""
    Console().print(f"Written to {directory}/: {written}.{curves}", soft_wrap=True)


def print_table(config: Config, sweep: int, seeds: Path) -> None:
    """The paper's values beside those of the rows of a table of seeds, after so many sweeps."""
    count, lost, sweeps_of = 0, 0, []
    with seeds.open(newline="", encoding="utf-8") as file:  # not by pandas, for which a short run would wait
        for row in csv.DictReader(file):
            count += 1
            lost += not math.isfinite(float(row["E"]))
            if row["solved"] == "1":
                sweeps_of.append(int(row["sweeps"]))
    took = np.array(sweeps_of)
    table = Table("", "paper", "here", title=f"{config.name}: {config.summary}", title_justify="left")
    table.add_row(
        f"learned within {sweep:,} sweeps (95 % interval)",
        "1 run" if config.paper.sweeps else "",
        share_text(proportion(len(took), count)),
    )
    printed = "" if config.paper.sweeps is None else f"{config.paper.sweeps:,} ({config.paper.source})"
    table.add_row("sweeps of those that learned: median (quartiles)", printed, quartiles_text(took))
    if config.paper.sweeps is not None and len(took):
        by_then = int((took <= config.paper.sweeps).sum())
        of_all, of_those = by_then / count, by_then / len(took)
        words = f"{percent(of_all)} of all, {percent(of_those)} of those that learned"
        table.add_row("learned by the paper's sweeps", "", words)
    if lost:
        table.add_row("E no longer finite", "", f"{lost:,}")
    Console().print(table)
