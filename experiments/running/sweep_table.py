"""A sweep in one table, from the files of its jobs: what is swept and what came out, on the screen and as sweep.csv."""

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from rich.console import Console
from rich.table import Table
from yaml import YAMLError

from experiments.files import number
from experiments.options.schema import Config, ConfigError, Metric
from experiments.running.directory import SEEDS
from experiments.running.sweep_names import short_names, values_of
from experiments.running.sweep_plan import PLAN, Plan, failure_of, is_finished, is_started, runs_in
from experiments.statistics import Array, proportion, quartiles, restricted
from experiments.tables import quartiles_text, share_brief, write_rows

TABLE = "sweep.csv"

OVERRIDES = Path(".hydra") / "overrides.yaml"


@dataclass(frozen=True)
class Row:
    """A job: its directory, the values of what is swept, how far it is, and of each network E and when it learned.

    sweeps: ``[networks]``, nan where it has not learned. E: ``[networks]``. Both are empty where the job is not done.
    """

    directory: Path
    values: Mapping[str, str]
    state: str
    sweeps: Array
    E: Array

    @property
    def learned(self) -> Array:
        """The sweeps of those that learned."""
        return self.sweeps[~np.isnan(self.sweeps)]


def rows_of(directory: Path) -> list[Row]:
    """A row for each job of a sweep, also of one that has not ended. Raises ConfigError where it is no sweep."""
    if (directory / PLAN).exists():
        plan = Plan.read(directory)
        swept, runs = plan.swept, plan.directories()
        given = [values_of(job.overrides) for job in plan.jobs] or list(map(_given, runs))
    else:
        runs = runs_in(directory) if directory.is_dir() else []
        if not runs:
            raise ConfigError(f"{directory}: is not the directory of a sweep: there is no {PLAN} in it, and no run")
        given = list(map(_given, runs))
        every = dict.fromkeys(option for values in given for option in values)
        swept = [option for option in every if len({values.get(option) for values in given}) > 1]
    return [
        Row(run, {option: values.get(option, "") for option in swept}, _state(run), *_measured(run))
        for run, values in zip(runs, given, strict=True)
    ]


def _given(run: Path) -> dict[str, str]:
    """The overrides that a run was started with."""
    try:
        return values_of(map(str, OmegaConf.load(run / OVERRIDES)))
    except (OSError, OmegaConfBaseException, YAMLError):
        return {}


def _state(run: Path) -> str:
    if is_finished(run):
        return "done"
    if failure_of(run) is not None:
        return "failed"
    return "started" if is_started(run) else "not started"


def _measured(run: Path) -> tuple[Array, Array]:
    """Of each network of a finished run when it learned, and E; of none otherwise."""
    return _seeds(run) if is_finished(run) else (np.array([]), np.array([]))


def _seeds(run: Path) -> tuple[Array, Array]:
    """Of each network in a run's table of seeds: when it learned, nan where it has not; and E."""
    with (run / SEEDS).open(newline="", encoding="utf-8") as file:  # not by pandas, for which a short run would wait
        rows = [(row["sweeps"] if row["solved"] == "1" else "nan", row["E"]) for row in csv.DictReader(file)]
    found = np.array(rows, dtype=float).reshape(-1, 2)
    return found[:, 0], found[:, 1]


def metric(config: Config, run: Path) -> float | None:
    """``record.metric`` of a finished run, from its table of seeds; None where none is asked for."""
    if config.record.metric is None:
        return None
    sweeps, E = _seeds(run)
    if config.record.metric is Metric.learned:
        return proportion(int(np.isfinite(sweeps).sum()), len(sweeps)).value
    values = E if config.record.metric is Metric.E else restricted(sweeps, config.learning.sweeps)
    return quartiles(np.where(np.isnan(values), math.inf, values))[1]


def write_table(directory: Path, rows: Sequence[Row]) -> None:
    """sweep.csv: a row a job. Raises NotWritten."""
    write_rows(directory / TABLE, map(cells, rows))


def cells(row: Row) -> dict[str, str]:
    """A job in the file: empty what is not known yet."""
    found = dict.fromkeys(("learned", "learned_low", "learned_high"), "")
    if row.state == "done":
        share = proportion(len(row.learned), len(row.sweeps))
        found = {"learned": number(share.value), "learned_low": number(share.low), "learned_high": number(share.high)}
    spread = dict(zip(("lower_quartile", "median", "upper_quartile"), quartiles(row.learned), strict=True))
    return {
        "job": row.directory.name,
        **row.values,
        "state": row.state,
        "networks": str(len(row.sweeps) or ""),
        **found,
        **{f"sweeps_{name}": "" if math.isnan(value) else number(value) for name, value in spread.items()},
        "E_median": number(float(np.nanmedian(row.E))) if np.isfinite(row.E).any() else "",
    }


def print_table(directory: Path, rows: Sequence[Row]) -> None:
    """The same on the screen."""
    names = short_names(list(rows[0].values)) if rows else {}
    columns = ("learned (95 % interval)", "sweeps of those that learned: median (quartiles)")
    table = Table("#", *names.values(), *columns, title=str(directory), title_justify="left")
    for row in rows:
        found = (row.state, "")
        if row.state == "done":
            found = share_brief(proportion(len(row.learned), len(row.sweeps))), quartiles_text(row.learned)
        table.add_row(row.directory.name.partition("_")[0], *map(row.values.__getitem__, names), *found)
    Console().print(table)


def tell(directory: Path) -> list[Row]:
    """Make both again, if a job is done: what ``experiments.report`` does too. Raises ConfigError; NotWritten."""
    rows = rows_of(directory)
    if any(row.state == "done" for row in rows):
        print_table(directory, rows)
        write_table(directory, rows)
        print(f"Written to {directory / TABLE}")
    return rows
