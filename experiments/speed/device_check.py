"""Check a GPU in one go: ``python -m experiments.speed.device_check``, or ``make device-check``.

First the tests that need a card; then what a sweep costs there for each network, number of networks and way of
training, weights checked against the CPU's before any is timed. A row is written as soon as it is there. What does not
fit into the card's memory or into the time has a row that says so. The exit code is 1 where a test fails, or a
contender does, or its weights are others.
"""

import argparse
import contextlib
import importlib.metadata
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

if not __package__:  # started by its path: as by python -m
    sys.path[0] = str(Path(__file__).resolve().parents[2])

import torch

from experiments.catalogue import BENCHMARK_CUDA, CUDA_TESTS, RESULTS
from experiments.options.load import above_0, at_least_1
from experiments.options.machine import check_device, processor
from experiments.options.schema import ConfigError
from experiments.speed.benchmark import EXPERIMENTS, JAX, contenders
from experiments.speed.cells import FAILED, MEASURED, NO_MEMORY, OK, SKIPPED, WRONG
from experiments.tables import write_rows

ROOT = Path(__file__).parents[2]
NETWORKS = (1, 1_024, 16_384, 262_144, 1_048_576)

TIERS: tuple[tuple[float, tuple[str, ...]], ...] = (
    (0.2, ("ours, explicit",)),
    (0.35, ("torch.func: vmap of grad", "one by one: nn.Linear and torch.optim.SGD")),
    (0.6, (JAX,)),
    (0.95, ("ours, compiled",)),
    (1.0, ("ours, autograd",)),
)
"""Who is measured when, and the part of the time by which they have to be done: what has to be compiled, later."""

TESTS_AT_MOST = 0.4
"""The part of all the time that the tests may take."""

LEAST_SECONDS = 1.0
"""With less time than this left, no cell is begun."""


@dataclass(frozen=True)
class Cell:
    """What one row is of."""

    experiment: str
    networks: int
    contender: str


class Worker:
    """A process that measures one cell after the other, ``experiments.speed.cells``; log: where its words go."""

    def __init__(self, device: str, log: Path) -> None:
        environment = os.environ | {"XLA_PYTHON_CLIENT_PREALLOCATE": "false", "PYTHONPATH": python_path()}
        with log.open("a", encoding="utf-8") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "experiments.speed.cells", device],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
                text=True,
                env=environment,
                cwd=ROOT,
            )
        self.lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put("")

    def measured(self, cell: Cell, seconds: float) -> dict[str, Any]:
        """The cell's figures. Raises TimeoutError where they take longer, EOFError where the process ended."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps(vars(cell)) + "\n")
            self.process.stdin.flush()
            line = self.lines.get(timeout=seconds)
        except queue.Empty:
            raise TimeoutError from None
        except BrokenPipeError:
            line = ""
        if not line:
            raise EOFError(f"the process ended with {self.process.wait()}")
        found: dict[str, Any] = json.loads(line)
        return found

    def close(self) -> None:
        """End the process, whatever it is at."""
        self.process.kill()
        self.reader.join()
        with self.process, contextlib.suppress(BrokenPipeError):
            assert self.process.stdin is not None
            self.process.stdin.close()


def python_path() -> str:
    """This checkout first, then what Python's path was."""
    return os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])


def cells(
    experiments: Sequence[str], networks: Sequence[int], there: Sequence[str]
) -> Iterator[tuple[float, list[Cell]]]:
    """The cells of each tier, few networks first, and the part of the time that it ends with. there: contenders."""
    for end, names in TIERS:
        yield (
            end,
            [
                Cell(experiment, many, name)
                for many in sorted(networks)
                for name in names
                if name in there
                for experiment in experiments
            ],
        )


def timings(
    experiments: Sequence[str], networks: Sequence[int], device: str, until: float, log: Path
) -> Iterator[tuple[Cell, dict[str, Any]]]:
    """Every cell with its figures, by MEASURED. until: when all have to be done, by ``time.monotonic``."""
    begun, workers = time.monotonic(), dict[bool, Worker]()
    took, no_room = dict[tuple[str, str], float](), dict[tuple[str, str], int]()
    try:
        for part, tier in cells(experiments, networks, list(contenders(device))):
            end = begun + part * (until - begun)
            for cell in tier:
                of, left = (cell.experiment, cell.contender), end - time.monotonic()
                if of in no_room:
                    yield cell, only(f"{SKIPPED}: {NO_MEMORY} with {no_room[of]:,} networks")
                    continue
                if left < max(LEAST_SECONDS, took.get(of, 0.0)):
                    yield cell, only(f"{SKIPPED}: time")
                    continue
                jax = cell.contender == JAX
                if jax not in workers:
                    workers[jax] = Worker(device, log)
                try:
                    found = workers[jax].measured(cell, left)
                except TimeoutError:
                    workers.pop(jax).close()
                    found, took[of] = only(f"{SKIPPED}: time"), left
                except EOFError as problem:
                    workers.pop(jax).close()
                    found = only(f"{FAILED}: {problem}")
                else:
                    took[of] = found.pop("took")
                if found["status"] == NO_MEMORY:
                    no_room[of] = cell.networks
                yield cell, found
            if True in workers:  # JAX keeps the memory that it has had
                workers.pop(True).close()
    finally:
        for worker in workers.values():
            worker.close()


def only(status: str) -> dict[str, Any]:
    """The figures of a cell that has none."""
    return {**dict.fromkeys(MEASURED, ""), "status": status}


def files_with_cuda_tests() -> list[str]:
    """Those of tests/: to look for them in all files takes longer than they do."""
    return sorted(str(path) for path in (ROOT / "tests").rglob("test_*.py") if "mark.cuda" in path.read_text("utf-8"))


def run_cuda_tests(seconds: float, log: Path, *paths: str) -> tuple[str, bool]:
    """Run the tests marked ``cuda``: how many passed, failed and were skipped, in words; and whether none failed.

    paths: where they stand; by default files_with_cuda_tests().
    """
    with tempfile.TemporaryDirectory() as directory:
        report = Path(directory) / "report.xml"
        options = ["-q", "-n", "0", "-m", "cuda", "-p", "no:cacheprovider", "--continue-on-collection-errors"]
        with log.open("a", encoding="utf-8") as file:
            try:
                subprocess.run(
                    [
                        sys.executable,
                        "-m",
                        "pytest",
                        *options,
                        f"--junitxml={report}",
                        *(paths or files_with_cuda_tests()),
                    ],
                    stdout=file,
                    stderr=subprocess.STDOUT,
                    timeout=seconds,
                    env=os.environ | {"PYTHONPATH": python_path()},
                    cwd=ROOT,
                )
            except subprocess.TimeoutExpired:
                return f"not done after {seconds:.0f} seconds", False
        if not report.exists():
            return "not run", False
        suite = ElementTree.parse(report).getroot()[0]
    ran, failures, errors, skipped = (int(suite.get(name, 0)) for name in ("tests", "failures", "errors", "skipped"))
    failed = failures + errors
    return f"{ran - failed - skipped} passed, {failed} failed, {skipped} skipped", not failed


def versions(device: str) -> dict[str, str]:
    """What is measured: the card's name, or the processor's, the driver, and the releases of torch and JAX."""
    card, driver = processor(), ""
    if device != "cpu":
        card = torch.cuda.get_device_name()
        asked = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
        try:
            driver = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split()[0]
        except (OSError, subprocess.CalledProcessError, IndexError):
            driver = "unknown"
    try:
        jax = importlib.metadata.version("jax")
    except importlib.metadata.PackageNotFoundError:
        jax = ""
    return {"card": card, "driver": driver, "torch": torch.__version__, "jax": jax}


def parsed() -> argparse.Namespace:
    """The command line. Exits with one line where it names what there is not."""
    parser = argparse.ArgumentParser(prog="python -m experiments.speed.device_check", description=__doc__)
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"), help="cpu: to try this program out")
    parser.add_argument("--minutes", type=above_0, default=5.0, help="for all of it (default: %(default)s)")
    parser.add_argument("--experiments", nargs="+", choices=EXPERIMENTS, default=EXPERIMENTS, help="which networks")
    parser.add_argument(
        "--networks", nargs="+", type=at_least_1, default=NETWORKS, help="populations (default: %(default)s)"
    )
    parser.add_argument(
        "--results", type=Path, help=f"where {BENCHMARK_CUDA} goes (default: {RESULTS}; of a CPU: runs/device_check)"
    )
    arguments = parser.parse_args()
    try:
        check_device(arguments.device)
    except ConfigError as problem:
        parser.error(str(problem))
    arguments.results = arguments.results or (RESULTS if arguments.device == "cuda" else ROOT / "runs" / "device_check")
    return arguments


def name_of(device: str) -> str:
    """The table's: what a CPU gave must not pass for a card's."""
    return BENCHMARK_CUDA if device == "cuda" else "benchmark_cpu.csv"


def rows(arguments: argparse.Namespace, until: float, log: Path, problems: list[str]) -> Iterator[dict[str, object]]:
    """The rows of the table, each printed as it comes. problems: collects what makes the check fail."""
    machine = versions(arguments.device)
    print(", ".join(f"{name} {value}" for name, value in machine.items() if value), flush=True)
    of: Mapping[str, object]
    if arguments.device == "cuda":
        said, fine = run_cuda_tests(TESTS_AT_MOST * (until - time.monotonic()), log)
        print(f"{CUDA_TESTS}: {said}", flush=True)
        if not fine:
            problems.append(f"{CUDA_TESTS}: {said}")
        of = {"experiment": "", "networks": "", "contender": CUDA_TESTS}
        yield {**machine, **of, **only(said)}
    for cell, found in timings(arguments.experiments, arguments.networks, arguments.device, until, log):
        print(f"{cell.experiment:12} {cell.networks:9,} {cell.contender[:32]:32} {in_words(found)}", flush=True)
        if str(found["status"]).startswith((FAILED, WRONG)):
            problems.append(f"{cell.experiment}, {cell.networks:,} networks, {cell.contender}: {found['status']}")
        yield {**machine, **vars(cell), **{name: found[name] for name in MEASURED}}


def in_words(found: Mapping[str, Any]) -> str:
    """The figures of a cell, or why there are none."""
    if not str(found["status"]).startswith(OK):
        return str(found["status"])
    units = {"microseconds": "µs", "peak_mib": "MiB", "waits": "waits"}
    return ", ".join(f"{found[name]} {unit}" for name, unit in units.items() if found[name] != "")


def main() -> int:
    """Test, measure and write as it comes. The exit code."""
    begun, arguments, problems = time.monotonic(), parsed(), list[str]()
    arguments.results.mkdir(parents=True, exist_ok=True)
    log = arguments.results / "device_check.log"
    log.write_text("", encoding="utf-8")
    path = arguments.results / name_of(arguments.device)
    write_rows(path, rows(arguments, begun + 60 * arguments.minutes, log, problems))
    print(f"Written in {time.monotonic() - begun:.0f} s: {path}; what the tests and libraries said: {log}", flush=True)
    for problem in problems:
        print(f"experiments.speed.device_check: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
