"""How fast a sweep is, against other ways of doing the same work.

Every contender trains the same networks from the same first weights by (9) with the error (3); before any is timed, its
weights after some sweeps have to be those of the others. They take turns, so that what else the machine does hits all
alike, and of each the median turn counts.
"""

import importlib.util
import re
import shutil
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

if __name__ == "__main__":
    sys.exit("experiments.speed.benchmark: run it by python -m experiments.speed benchmark")

import torch
from rich.console import Console
from rich.table import Table

from experiments.options import machine
from experiments.speed.contenders import (
    C_COMPILER,
    ByHand,
    Jax,
    NumPy,
    OneByOne,
    Ours,
    TorchFunc,
    Weights,
    Work,
    work_of,
)
from experiments.speed.peak import peak
from repro.choices import BackwardPass
from repro.machine_code import build

EXPERIMENTS, NETWORKS = ("symmetry", "family_trees", "xor"), (1, 8, 1024, 16384)
TURNS = 5
CHECKED_SWEEPS, WITHIN = 5, 1e-4
"""After so many sweeps the weights of all contenders may differ by this much: float32 rounds in another order."""


JAX = "JAX: vmap, lax.scan"


def contenders(device: str) -> dict[str, Callable[[Work], Any]]:
    """What is compared, by name. Said, and left out: what this machine lacks."""
    found: dict[str, Callable[[Work], Any]] = {
        "one by one: nn.Linear and torch.optim.SGD": OneByOne,
        "torch.func: vmap of grad": TorchFunc,
    }
    if device == "cpu":
        found["NumPy"] = NumPy
    if importlib.util.find_spec("jax"):
        found[JAX] = Jax
    else:
        print("JAX is left out: it is not installed (pip install -e '.[bench]')")
    if device == "cpu":
        if shutil.which(C_COMPILER):
            found["C, by hand"] = ByHand
        else:
            print(f"C is left out: there is no C compiler ({C_COMPILER})")
    found["ours, autograd"] = lambda work: Ours(work, BackwardPass.autograd)
    found["ours, explicit"] = lambda work: Ours(work, BackwardPass.explicit)
    if lacking := build.compiler_lacking():
        print(f"ours, compiled, is left out: {lacking}")
    else:
        found["ours, compiled"] = lambda work: Ours(work, BackwardPass.explicit, compile=True)
    return found


ONE_BY_ONE_AT_MOST = 8
"""Networks that are trained one by one: the cost of each is the same."""


def measure(work: Work, seconds: float) -> Iterator[dict[str, object]]:
    """A row a contender: microseconds per network and sweep, the median of its turns."""
    few = work_of(work.experiment, min(work.replicas, ONE_BY_ONE_AT_MOST), work.device)
    entered = {
        name: (make(few if make is OneByOne else work), few.replicas if make is OneByOne else work.replicas)
        for name, make in contenders(work.device).items()
    }
    reference: Weights | None = None
    for name, (contender, _) in entered.items():
        contender.sweep(CHECKED_SWEEPS)
        found = contender.weights(few.replicas)
        reference = reference or found
        gap = max(float((found[key] - w).abs().max()) for key, w in reference.items())
        if not gap < WITHIN:
            raise RuntimeError(
                f"{name}: its weights are {gap:.2g} from those of the others after {CHECKED_SWEEPS} sweeps"
            )
    counts, turns = {}, {name: [] for name in entered}  # type: ignore[var-annotated]
    for name, (contender, _) in entered.items():
        counts[name] = CHECKED_SWEEPS
        for _ in range(2):  # of a few sweeps, most of the time is what a call costs
            took = timed(contender, counts[name], work.device)
            counts[name] = max(1, round(seconds / TURNS / took * counts[name]))
            timed(contender, counts[name], work.device)  # JAX compiles for this number
    for _ in range(TURNS):
        for name, (contender, replicas) in entered.items():
            turns[name].append(timed(contender, counts[name], work.device) / counts[name] / replicas)
    for name, values in turns.items():
        about = {"experiment": work.experiment, "networks": work.replicas, "contender": name}
        yield {**about, "microseconds": f"{1e6 * statistics.median(values):.4g}"}


def timed(contender: Any, count: int, device: str) -> float:
    """Seconds for ``count`` sweeps."""
    if device != "cpu":
        torch.cuda.synchronize()
    begun = time.perf_counter()
    contender.sweep(count)
    if device != "cpu":
        torch.cuda.synchronize()
    return time.perf_counter() - begun


def processor() -> dict[str, object]:
    """The columns that say what was measured on: the processor, its vectors and their bits, the cores, the peak.

    peak: billions of multiply-adds per second, of all cores; empty without a C compiler.
    """
    (vector, bits), most = machine.vectors(), peak()
    found: dict[str, object] = {"processor": machine.processor(), "vector": vector, "bits": bits or ""}
    return found | {"cores": machine.cores(), "peak": "" if most is None else f"{most / 1e9:.4g}"}


def file_name() -> str:
    """Of the table of this kind of processor: its name and its vectors, such as ``amd_epyc_avx_512``."""
    return re.sub(r"[^a-z0-9]+", "_", f"{machine.processor()} {machine.vectors()[0]}".lower()).strip("_")


def rows(experiments: Sequence[str], networks: Sequence[int], seconds: float) -> Iterator[dict[str, object]]:
    """A row an experiment, number of networks and contender, each printed as it comes. seconds: for each contender."""
    console, about = Console(), processor()
    bits = f" ({about['bits']} bits)" if about["bits"] else ""
    most = f", at most {about['peak']} billion multiply-adds a second" if about["peak"] else ""
    print(f"{about['cores']} cores of {about['processor']}, {about['vector']}{bits}{most}", flush=True)
    for experiment in experiments:
        for many in networks:
            found = list(measure(work_of(experiment, many, "cpu"), seconds))
            slowest = float(str(found[0]["microseconds"]))
            table = Table("", "µs per network and sweep", "times as fast as one by one")
            table.title = f"{experiment}, {many:,} networks"
            for row in found:
                own = float(str(row["microseconds"]))
                table.add_row(str(row["contender"]), f"{own:.3g}", f"{slowest / own:.3g}")
            console.print(table)
            yield from (about | row for row in found)
