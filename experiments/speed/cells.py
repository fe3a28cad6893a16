"""One figure of the device check after another: what the process does that ``device_check`` starts, and may end.

It reads a line of JSON for each cell, ``{"experiment": ..., "networks": ..., "contender": ...}``, and answers with one:
what was measured, or what came in the way.
"""

import gc
import json
import os
import statistics
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from experiments.speed.benchmark import contenders, timed
from experiments.speed.contenders import Jax, OneByOne, Ours, Weights, Work, work_of
from repro.choices import BackwardPass

TURNS, LONG = 3, 1.0
"""Each is timed so many times, or once where that takes more seconds than LONG."""

SWEEPS_AT_ONCE = (5, 100)
"""The fewest and the most sweeps between two moments at which the host waits for all that it asked for."""

STARTS, PRODUCT_TAKES, AIM = 3e-4, 3e-12, 0.2
"""Seconds, roughly: what starting a sweep takes, what it takes for each product of a case and a weight, and what the
sweeps at once should take."""

CHECKED_NETWORKS, WITHIN = 8, 1e-3
"""The weights of so many networks after the first sweeps may be so far from those of the CPU: float32 rounds in another
order."""

OK, NO_MEMORY, SKIPPED, FAILED, WRONG = "ok", "out of memory", "skipped", "failed", "wrong"
"""How the status of a cell begins."""

MEASURED = ("sweeps", "turns", "microseconds", "peak_mib", "waits", "status")
"""What a cell is answered with: sweeps a turn, turns, the median turn's microseconds per network and sweep, the peak of
device memory, how often the host waited in all turns (of torch alone; between the sweeps, not at a turn's end)."""


def sweeps_at_once(work: Work) -> int:
    """How many sweeps a turn has: the same for all contenders."""
    products = 3 * len(work.setup.task.cases) * work.architecture.weight_count
    fewest, most = SWEEPS_AT_ONCE
    return min(most, max(fewest, round(AIM / (STARTS + work.replicas * products * PRODUCT_TAKES))))


def on_the_cpu(experiment: str, networks: int, sweeps: int) -> Weights:
    """The weights that the first networks should have after so many sweeps: by the explicit pass, as it is written."""
    reference = Ours(work_of(experiment, networks, "cpu"), BackwardPass.explicit)
    reference.sweep(sweeps)
    return reference.weights(networks)


def measure(experiment: str, networks: int, contender: str, device: str) -> dict[str, object]:
    """A cell, by MEASURED. Raises whatever the contender raises."""
    make = contenders(device)[contender]
    many = 1 if make is OneByOne else networks  # each costs the same
    work = work_of(experiment, many, device)
    sweeps, few = sweeps_at_once(work_of(experiment, networks, device)), min(many, CHECKED_NETWORKS)
    on_card, by_torch = device != "cpu", device != "cpu" and make is not Jax
    if by_torch:
        torch.cuda.init()
        torch.cuda.reset_peak_memory_stats()
    waits_for = device if by_torch else "cpu"  # JAX waits by itself, and torch is to leave the card alone then
    trained = make(work)
    timed(trained, sweeps, waits_for)
    wanted = on_the_cpu(experiment, few, sweeps)
    found = {key: w.cpu() for key, w in trained.weights(few).items()}
    gap = max(float((found[key] - w).abs().max()) for key, w in wanted.items())
    if not gap < WITHIN:
        return {"sweeps": sweeps, "status": f"{WRONG}: weights {gap:.2g} from those of the CPU after {sweeps} sweeps"}
    turns: list[float] = []
    with waits_counted(by_torch) as waits:
        while len(turns) < TURNS and (not turns or turns[0] < LONG):
            turns.append(timed(trained, sweeps, waits_for))
    peak: float | None = None
    if on_card:
        peak = torch.cuda.max_memory_allocated() if by_torch else trained.planned_bytes()
    return {
        "sweeps": sweeps,
        "turns": len(turns),
        "microseconds": f"{1e6 * statistics.median(turns) / sweeps / many:.4g}",
        "peak_mib": "" if peak is None or many < networks else f"{peak / 2**20:.4g}",
        "waits": len(waits) if by_torch else "",
        "status": OK if many == networks else f"{OK}, with {many} network",
    }


@contextmanager
def waits_counted(wanted: bool) -> Iterator[list[object]]:
    """Collects a note for each operation within that makes the host wait for the card."""
    found: list[object] = []
    if not wanted:
        yield found
        return
    with warnings.catch_warnings(record=True) as noted:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            yield found
        finally:
            torch.cuda.set_sync_debug_mode("default")
    found += [note for note in noted if "synchronizing CUDA operation" in str(note.message)]


def answer(experiment: str, networks: int, contender: str, device: str) -> dict[str, object]:
    """A cell, whatever happens, by MEASURED: where it does not fit or fails, the status says so."""
    try:
        measured = measure(experiment, networks, contender, device)
    except Exception as problem:
        print(f"{experiment}, {networks:,} networks, {contender}: {problem!r}", file=sys.stderr, flush=True)
        said = str(problem).strip().splitlines() or [""]
        no_room = isinstance(problem, MemoryError | torch.OutOfMemoryError) or "RESOURCE_EXHAUSTED" in str(problem)
        measured = {"status": NO_MEMORY if no_room else f"{FAILED}: {type(problem).__name__}: {said[0][:200]}"}
    gc.collect()
    if device != "cpu":
        torch.compiler.reset()
        torch.cuda.empty_cache()
    return {name: measured.get(name, "") for name in MEASURED}


def serve(device: str) -> None:
    """Answer the cells on standard input. What the libraries print goes to standard error."""
    with os.fdopen(os.dup(sys.stdout.fileno()), "w") as answers:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        for line in sys.stdin:
            cell: dict[str, Any] = json.loads(line)
            begun = time.monotonic()
            answers.write(json.dumps(answer(**cell, device=device) | {"took": time.monotonic() - begun}) + "\n")
            answers.flush()


if __name__ == "__main__":
    serve(sys.argv[1])
