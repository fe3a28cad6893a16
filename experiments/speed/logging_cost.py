"""What TensorBoard costs a run: the same command with it and without, in turn.

Whole processes are timed, from the command to its end, since the drawings of a run that takes a few seconds weigh most.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

if __name__ == "__main__":
    sys.exit("experiments.speed.logging_cost: run it by python -m experiments.speed logging_cost")

RUNS = (
    ("xor", 1),
    ("symmetry", 1),
    ("symmetry", 10_000),
    ("family_trees_learned", 1),
    ("family_trees_learned", 100),
)
"""Experiments, each with a number of networks."""

TURNS = 5


def seconds(experiment: str, networks: int, logged: bool) -> float:
    """How long one run takes, in a directory that is then removed. Raises RuntimeError where it fails."""
    with tempfile.TemporaryDirectory() as directory:
        options = [f"experiment={experiment}", f"population.seeds={networks}", f"hydra.run.dir={directory}/run"]
        options += ["record.progress=false", f"record.tensorboard={str(logged).lower()}"]
        begun = time.perf_counter()
        done = subprocess.run([sys.executable, "-m", "experiments.run", *options], capture_output=True, text=True)
        took = time.perf_counter() - begun
    if done.returncode:
        raise RuntimeError(f"{' '.join(options)}: {done.stderr}")
    return took


def measure(experiment: str, networks: int, turns: int) -> dict[str, object]:
    """The medians of the turns, and by how many per cent that of the logged runs is longer."""
    took: dict[bool, list[float]] = {False: [], True: []}
    for turn in range(turns):
        for logged in (False, True) if turn % 2 else (True, False):
            took[logged].append(seconds(experiment, networks, logged))
    without, with_it = (statistics.median(took[logged]) for logged in (False, True))
    return {
        **{"experiment": experiment, "networks": networks, "turns": turns},
        **{"seconds_without": f"{without:.2f}", "seconds_with": f"{with_it:.2f}"},
        "more_percent": f"{100 * (with_it / without - 1):.1f}",
    }


def rows(turns: int) -> Iterator[dict[str, object]]:
    """A row a run of ``RUNS``, printed as it comes."""
    for experiment, networks in RUNS:
        row = measure(experiment, networks, turns)
        print(", ".join(f"{name} {value}" for name, value in row.items()), flush=True)
        yield row
