"""A run in one table: the paper's value beside ours."""

from pathlib import Path

from rich.console import Console
from rich.table import Table

from experiments.schema import Config
from experiments.statistics import Share, percent, place, quartiles, quartiles_text
from repro.population import Population


def metrics(population: Population) -> dict[str, float]:
    """The numbers by which runs are compared."""
    low, middle, high = quartiles(population.met_at[population.met].tolist())
    return {
        "final/learned": float(population.met.double().mean()),
        "final/sweeps_lower_quartile": low,
        "final/sweeps_median": middle,
        "final/sweeps_upper_quartile": high,
        "final/E_median": float(population.E.double().nanmedian()),
    }


def print_summary(config: Config, population: Population, directory: Path) -> None:
    """What was found, and where it is written."""
    sweeps = population.met_at[population.met].tolist()
    table = Table("", "paper", "here", title=f"{config.name}: {config.summary}", title_justify="left")
    table.add_row(
        f"learned within {population.sweep:,} sweeps (95 % interval)",
        "1 run" if config.paper.sweeps else "",
        str(Share(len(sweeps), len(population.seeds))),
    )
    printed = "" if config.paper.sweeps is None else f"{config.paper.sweeps:,} ({config.paper.source})"
    table.add_row("sweeps of those that learned: median (quartiles)", printed, quartiles_text(sweeps))
    if config.paper.sweeps is not None and sweeps:
        of_those = place(sweeps, config.paper.sweeps)
        of_all = of_those * len(sweeps) / len(population.seeds)
        by_then = f"{percent(of_all)} of all, {percent(of_those)} of those that learned"
        table.add_row("learned by the paper's sweeps", "", by_then)
    lost = int((~population.E.isfinite()).sum())
    if lost:
        table.add_row("E no longer finite", "", f"{lost:,}")
    console = Console()
    console.print(table)
    written = ", ".join(
        name for name in ("seeds.csv", "curves.csv", "weights.pt", "figures") if (directory / name).exists()
    )
    curves = " Curves: tensorboard --logdir runs" if config.record.tensorboard else ""
    console.print(f"Written to {directory}/: {written}.{curves}", soft_wrap=True)
