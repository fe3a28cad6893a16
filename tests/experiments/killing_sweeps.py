"""Kills sweeps at random moments, as a power cut would, and goes on with them: ``test_sweep`` starts it.

``python -m tests.experiments.killing_sweeps DIRECTORY KILLS SEED`` runs a sweep of three jobs in DIRECTORY again and
again, each time in a copy of this process, which has torch imported already. It is killed somewhere between its start
and its end and resumed, and killed once more, until it comes to its end; then the next begins. Each has left at its end
what one has left that was not killed. Prints what the kills left.
"""

import os
import random
import signal
import sys
import time
from collections import Counter
from pathlib import Path

import torch

from experiments import run
from experiments.options.load import load
from experiments.running.sweep_plan import PLAN, Plan, is_finished, is_started
from tests.experiments.killing import FINAL, launch

OPTIONS = ["-m", "experiment=xor", "population.seeds=5", "learning.sweeps=200", "record.every=20", "threads=1"]
OPTIONS += ["record.checkpoint=0", "record.figures=false", "record.tensorboard=false", "compile=false"]
OPTIONS += ["precision=float64", "learning.epsilon=0.3,0.5,0.9"]


def found(directory: Path) -> dict[str, bytes]:
    """What a sweep has found, by job and file."""
    paths = [directory / job.directory / name for job in Plan.read(directory).jobs for name in FINAL]
    return {str(path.relative_to(directory)): path.read_bytes() for path in paths}


def main() -> None:
    """Kill, look, go on."""
    sweeps, kills, chance, left = Path(sys.argv[1]), int(sys.argv[2]), random.Random(sys.argv[3]), Counter[str]()
    run.check_arguments = lambda *arguments: None
    load("xor")
    torch.set_num_threads(1)
    begun = time.monotonic()
    _, status = os.waitpid(launch(*OPTIONS, f"hydra.sweep.dir={sweeps / 'whole'}"), 0)
    assert status == 0
    whole, seconds, number = found(sweeps / "whole"), time.monotonic() - begun, 0
    while left.total() < kills:
        directory = sweeps / str(number)
        planned = (directory / PLAN).exists()
        child = launch(*([f"resume={directory}"] if planned else [*OPTIONS, f"hydra.sweep.dir={directory}"]))
        time.sleep(chance.uniform(0, 1.05 * seconds))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        assert status in (0, signal.SIGKILL), f"{directory}: {status}"
        if status == signal.SIGKILL:
            jobs = Plan.read(directory).directories() if (directory / PLAN).exists() else []
            left[f"{sum(map(is_finished, jobs))} done, {sum(map(is_started, jobs))} started of {len(jobs)}"] += 1
        else:
            assert found(directory) == whole
            number += 1
    print(f"sweeps that came to their end: {number}")
    for what, count in left.items():
        print(f"{what}: {count}")


if __name__ == "__main__":
    main()
