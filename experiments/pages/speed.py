"""The generated parts of docs/speed.md, and what other pages say of speed: on each processor, and on a GPU."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from experiments.catalogue import BENCHMARK_CUDA, BENCHMARKS, CUDA_TESTS, LOGGING_COST, REPRODUCED
from experiments.claims.results import table
from experiments.options.load import load
from experiments.options.setup import architecture_of, task_of
from experiments.pages.markdown import markdown
from experiments.tables import percent
from repro.arithmetic import Arithmetic, of_a_sweep

SHOWN, MANY = (1, 8, 1024), 1024
"""The numbers of networks whose speed is shown, and the one that is compared; the tables have others."""

OURS, FASTEST = "ours, ", "ours, compiled"
"""How the names of our own ways of training begin, and the fastest of them."""


def processors(results: Path) -> Iterator[tuple[str, pd.DataFrame]]:
    """Each processor that was measured, in words, with its table. Raises FileNotFoundError where there is none."""
    paths = sorted((results / BENCHMARKS).glob("*.csv"))
    if not paths:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(results / BENCHMARKS / "PROCESSOR.csv"))
    for path in paths:
        rows = table(path)
        first = rows.iloc[0]
        bits = "" if pd.isna(first["bits"]) else f", vectors of {first['bits']:.0f} bits"
        yield f"{first['cores']} cores of {first['processor']} with {first['vector']}{bits}", rows


def speed_tables(results: Path) -> str:
    """Microseconds per network and sweep of each way of training, as ``experiments.speed.benchmark`` found them."""
    return "\n\n".join(f"**{said}**:\n\n{_speeds(rows)}" for said, rows in processors(results))


def _speeds(rows: pd.DataFrame) -> str:
    shown = rows[rows["networks"].isin(SHOWN)]
    columns = list(dict.fromkeys(zip(shown["experiment"], shown["networks"], strict=True)))
    found = shown.set_index(["contender", "experiment", "networks"])["microseconds"].to_dict()
    lines = []
    for contender in shown["contender"].unique():
        values = (found.get((contender, *column)) for column in columns)
        lines.append([contender, *("-" if value is None else f"{value:.3g}" for value in values)])
    header = [f"`{experiment}`, {networks:,}" for experiment, networks in columns]
    return markdown(["µs per network and sweep", *header], lines)


def comparisons(results: Path) -> str:
    """For each processor a line: how many times as fast as the fastest of the others ours is, with MANY networks."""
    lines = []
    for said, rows in processors(results):
        parts = []
        for experiment, own in rows[rows["networks"] == MANY].groupby("experiment", sort=False):
            took = own.set_index("contender")["microseconds"]
            others = took[[name for name in took.index if not name.startswith(OURS)]]
            if FASTEST in took and len(others):
                who = str(others.idxmin()).partition(":")[0]
                parts.append(f"`{experiment}` {took[FASTEST]:.3g} µs, {others.min() / took[FASTEST]:.2g} times ({who})")
        if parts:
            lines.append(f"- {said}: {'; '.join(parts)}")
    intro = (
        f"Time for each network and sweep, {MANY:,} networks at once, and how many times as fast as the best other way:"
    )
    return "\n".join([intro, "", *lines])


def reproduce_said(results: Path) -> str:
    """How long ``make reproduce`` took, on each processor it was noted for. Raises FileNotFoundError."""
    rows = table(results / REPRODUCED).to_dict("records")
    took = (
        f"{r['seconds'] / 60:.1f} minutes on {r['cores']} cores of {r['processor']} with {r['vector']}" for r in rows
    )
    return f"It took {'; '.join(took)}."


def arithmetic_table(results: Path) -> str:
    """What a sweep has to reckon, and the share of each processor's peak that ours reaches with MANY networks."""
    measured = list(processors(results))
    experiments = list(dict.fromkeys(name for _, rows in measured for name in rows["experiment"]))
    lines = []
    for experiment in experiments:
        counts = arithmetic_of(experiment)
        shares = [_shares(rows, experiment, counts) for _, rows in measured]
        numbers = (counts.multiply_adds, counts.without_zeros, counts.exponentials)
        lines.append([f"`{experiment}`", *(f"{number:,}" for number in numbers), *shares])
    header = ["for each network and sweep", "multiply-adds", "without inputs that are 0", "exponentials"]
    return markdown([*header, *(f"{said}: share of the peak{_peak(rows)}" for said, rows in measured)], lines)


def arithmetic_of(experiment: str) -> Arithmetic:
    """Of a sweep of one of its networks."""
    config = load(experiment)
    return of_a_sweep(architecture_of(config), task_of(config))


def _peak(rows: pd.DataFrame) -> str:
    most = rows["peak"].iloc[0]
    return "" if pd.isna(most) else f", {most:.3g} billion a second"


def _shares(rows: pd.DataFrame, experiment: str, counts: Arithmetic) -> str:
    """``"30 %; 24 % without"``, or a dash where the peak or ours was not measured."""
    own = rows[(rows["experiment"] == experiment) & (rows["networks"] == MANY) & (rows["contender"] == FASTEST)]
    if own.empty or pd.isna(own["peak"].iloc[0]):
        return "-"
    possible = own["peak"].iloc[0] * 1e9 * own["microseconds"].iloc[0] * 1e-6
    return f"{percent(counts.multiply_adds / possible)}; {percent(counts.without_zeros / possible)} without"


def gpu_said(results: Path, page: str) -> str:
    """Whether this was ever run on a GPU. page: the link to docs/speed.md, from the document that this is for."""
    if not (results / BENCHMARK_CUDA).exists():
        return "It has not been run on a GPU yet."
    rows = table(results / BENCHMARK_CUDA)
    return f"It was run on {_card(rows)} ({_tests(rows)}); [how fast it is there]({page}#on-a-gpu)."


def gpu_section(results: Path) -> str:
    """What ``experiments.speed.device_check`` found on a card; empty where it was not run on one."""
    if not (results / BENCHMARK_CUDA).exists():
        return ""
    rows = table(results / BENCHMARK_CUDA)
    first, cells = rows.iloc[0], rows[rows["contender"] != CUDA_TESTS]
    software = f"driver {first['driver']}, torch {first['torch']}"
    if not pd.isna(first["jax"]):
        software += f", JAX {first['jax']}"
    networks = [int(many) for many in dict.fromkeys(cells["networks"])]
    found = {(row["experiment"], row["contender"], row["networks"]): row for row in cells.to_dict("records")}
    tables = []
    for experiment in dict.fromkeys(cells["experiment"]):
        lines = [
            [name, *(_cell(found.get((experiment, name, many))) for many in networks)]
            for name in dict.fromkeys(cells["contender"])
        ]
        tables.append(markdown([f"`{experiment}`", *(f"{many:,}" for many in networks)], lines))
    waits = cells.groupby("contender", sort=False)["waits"].sum(min_count=1).dropna()
    return "\n\n".join(
        [
            "## On a GPU",
            f"`make device-check` on {_card(rows)} ({software}), float32; {_tests(rows)}. Microseconds per network and "
            "sweep by the number of networks, and the peak of device memory; JAX's is what its compiler planned:",
            *tables,
            f"How often the host waited for the card in all the sweeps that were timed: "
            f"{', '.join(f'{name} {count:.0f}' for name, count in waits.items())}.",
        ]
    )


def _card(rows: pd.DataFrame) -> str:
    return f"one {rows['card'].iloc[0]}"


def _tests(rows: pd.DataFrame) -> str:
    said = rows.loc[rows["contender"] == CUDA_TESTS, "status"]
    return f"{CUDA_TESTS}: {said.iloc[0]}" if len(said) else f"without the {CUDA_TESTS}"


def _cell(row: dict[Any, Any] | None) -> str:
    """``"0.012 (340 MiB)"``, or why there is nothing."""
    if row is None:
        return "-"
    if pd.isna(row["microseconds"]):
        return str(row["status"]).removeprefix("skipped: ").partition(":")[0]
    peak = "" if pd.isna(row["peak_mib"]) else f" ({row['peak_mib']:,.0f} MiB)"
    return f"{row['microseconds']:.3g}{peak}"


def logging_table(results: Path) -> str:
    """How much longer a run takes with TensorBoard, as ``experiments.speed.logging_cost`` found it."""
    rows = []
    for row in table(results / LOGGING_COST).to_dict("records"):
        run, more = f"`{row['experiment']}`, {row['networks']:,}", f"{row['more_percent']:+.1f} %"
        rows.append([run, f"{row['seconds_without']:.2f}", f"{row['seconds_with']:.2f}", more, str(row["turns"])])
    return markdown(["experiment, networks", "seconds without", "seconds with", "cost", "runs of each"], rows)
