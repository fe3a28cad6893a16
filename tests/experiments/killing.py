"""Kills runs of ``experiments.run`` at random moments, and looks at what is left: ``test_checkpoint`` starts it.

``python -m tests.experiments.killing DIRECTORY KILLS SEED`` runs a few networks of xor in DIRECTORY, again and again.
Each run is a copy of this process, which has torch imported already, and is killed somewhere between its start and its
end. It is resumed, and killed once more, until it comes to its end; then the next begins. Prints what the kills left.
"""

import os
import random
import signal
import sys
import time
from collections import Counter
from pathlib import Path

import torch
from matplotlib.figure import Figure

from experiments import run
from experiments.options.load import load
from experiments.options.schema import ConfigError
from experiments.running import tensorboard
from experiments.running.checkpoint import read
from experiments.running.directory import CHECKPOINT, CURVES, SEEDS, WEIGHTS

OPTIONS = ["experiment=xor", "population.seeds=5", "learning.sweeps=200", "record.every=20", "record.checkpoint=0"]
OPTIONS += ["backward_pass=explicit", "threads=1"]
FINAL = (SEEDS, CURVES, WEIGHTS)


def launch(*arguments: str) -> int:
    """``python -m experiments.run ARGUMENTS`` in a copy of this process: its id."""
    child = os.fork()
    if child:
        return child
    try:
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        sys.argv = ["run.py", *arguments]
        run.main()
        os._exit(0)
    except SystemExit as end:
        os._exit(end.code if isinstance(end.code, int) else 1)


def whole(directory: Path) -> tuple[dict[str, bytes], float]:
    """What a run that is not killed leaves, and how long it takes."""
    begin = time.monotonic()
    _, status = os.waitpid(launch(*OPTIONS, f"hydra.run.dir={directory}"), 0)
    assert status == 0
    return {name: (directory / name).read_bytes() for name in FINAL}, time.monotonic() - begin


def left(directory: Path, final: dict[str, bytes]) -> str:
    """What a kill has left. What is there is whole."""
    for name, content in final.items():
        assert not (directory / name).exists() or (directory / name).read_bytes() == content, name
    try:
        read(directory)
        return "a checkpoint"
    except ConfigError as problem:
        return str(problem).removeprefix(f"resume={directory}: ").partition(":")[0]


def main() -> None:
    """Kill, look, resume."""
    runs, kills, chance, found = Path(sys.argv[1]), int(sys.argv[2]), random.Random(sys.argv[3]), Counter[str]()
    tensorboard.SHARE = 0
    load("xor")
    Figure().savefig(os.devnull, format="png")
    torch.set_num_threads(1)
    final, seconds = whole(runs / "whole")
    number = 0
    while found.total() < kills:
        directory = runs / str(number)
        resumes = (directory / CHECKPOINT).exists()
        child = launch(*([f"resume={directory}"] if resumes else [*OPTIONS, f"hydra.run.dir={directory}"]))
        time.sleep(chance.uniform(0, 1.05 * seconds))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        assert status in (0, signal.SIGKILL), f"{directory}: {status}"
        what = left(directory, final)
        found[what] += status == signal.SIGKILL
        if what == "the run has finished":
            assert {name: (directory / name).read_bytes() for name in FINAL} == final
            number += 1
    for what, count in found.items():
        print(f"{what}: {count}")


if __name__ == "__main__":
    main()
