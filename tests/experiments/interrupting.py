"""Sends Ctrl-C, SIGTERM or SIGHUP to programs at random moments of their lives, and looks at what is left.

``python -m tests.experiments.interrupting DIRECTORY MOMENTS SEED PROGRAM...`` starts each program anew for each moment:
one of PROGRAMS. How long it lives is measured first, undisturbed, from its first line on. Prints what was left, and how
often. What Python does before a program's first line is its own: it is not interrupted there.
"""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from experiments import run
from experiments.running.directory import CHECKPOINT, CURVES, SEEDS, WEIGHTS
from experiments.running.sweep_plan import PLAN
from tests.experiments.processes import left_of_group, start

FINAL = (SEEDS, CURVES, WEIGHTS)
FEW = ("experiment=xor", "population.seeds=5", "learning.sweeps=2000", "record.every=100", "threads=1")
SWEPT = ("-m", *FEW, "learning.epsilon=0.3,0.6", "hydra.sweep.dir=runs/swept")


@dataclass(frozen=True)
class Program:
    """A command line. compiles: with nothing compiled yet. whole_group: as a terminal does it; else one process.

    signals: what it is sent, in turn.
    in_company: what goes on is trained alone, and not among others as before: the weights' last bits differ.
    """

    arguments: tuple[str, ...]
    module: str = "experiments.run"
    compiles: bool = False
    whole_group: bool = True
    in_company: bool = False
    signals: tuple[signal.Signals, ...] = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


BUT_HUP = (signal.SIGINT, signal.SIGTERM)
"""What joblib lives through: its tracker of resources does not heed SIGHUP, and the one that follows prints KeyErrors
(joblib 1.6.0)."""

PROGRAMS = {
    "run": Program((*FEW, "compile=false", "hydra.run.dir=runs/one")),
    "run, alone": Program((*FEW, "compile=false", "hydra.run.dir=runs/one"), whole_group=False),
    "run, compiled": Program((*FEW, "compile=true", "hydra.run.dir=runs/one"), compiles=True),
    "run, compiled, alone": Program((*FEW, "compile=true", "hydra.run.dir=runs/one"), compiles=True, whole_group=False),
    "sweep": Program((*SWEPT, "compile=false")),
    "sweep, side by side": Program(
        (*SWEPT, "compile=false", "precision=float64", "hydra/launcher=side_by_side"), in_company=True
    ),
    "sweep, joblib": Program((*SWEPT, "compile=false", "hydra/launcher=joblib"), signals=BUT_HUP),
    "sweep, joblib, alone": Program((*SWEPT, "compile=false", "hydra/launcher=joblib"), whole_group=False),
    "reproduce": Program(("xor", "--seeds", "5", "--results", "results"), "experiments.reproduce"),
    "reproduce, alone": Program(
        ("xor", "--seeds", "5", "--results", "results"), "experiments.reproduce", whole_group=False
    ),
}


def begun(program: Program, directory: Path) -> subprocess.Popen[str]:
    """The program, at its first line: from there on SIGTERM has a handler."""
    directory.mkdir(parents=True)
    cache = directory / "cache" if program.compiles else directory.parent / "cache"
    process = start(directory, program.module, *program.arguments, BACKPROP_1986_CACHE=str(cache), OMP_NUM_THREADS="1")
    while process.poll() is None and not heeds(process.pid):
        time.sleep(0.001)
    return process


def heeds(process: int) -> bool:
    """Whether it has a handler for SIGTERM."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return False
    caught = int(status.partition("SigCgt:")[2].split()[0], 16)
    return bool(caught >> (signal.SIGTERM - 1) & 1)


def files(directory: Path) -> dict[str, bytes]:
    """What runs have found, by the paths in the directory."""
    return {str(p.relative_to(directory)): p.read_bytes() for name in FINAL for p in directory.rglob(name)}


def left(directory: Path, whole: dict[str, bytes], in_company: bool) -> str:
    """What an interrupt has left, in words. It is all there, or can be gone on with: which is done."""
    assert not list(directory.rglob("*.partial.*")), directory
    assert not [path for path in directory.glob("cache/*") if path.is_dir()], f"{directory}: half of machine code"
    for name in (".hydra", ".lock", "events.*"):
        for path in directory.glob(f"runs/**/{name}"):
            its_run = path.parent if path.parent.name != "paper" else path.parent.parent
            whole_or_begun = any((its_run / there).exists() for there in (SEEDS, CHECKPOINT, PLAN))
            assert whole_or_begun or "reproduce" in path.parts, f"{its_run}: neither whole nor to go on with"
    begun_runs = [path.parent for path in directory.rglob(CHECKPOINT)]
    for each in begun_runs:
        run.resume(each, [])
    for name, content in files(directory).items():
        if "reproduce" not in name and not (in_company and name.endswith(WEIGHTS)):
            assert content == whole[name], f"{directory / name}: not that of an undisturbed run"
    if not (directory / "runs").exists():
        return "nothing"
    return "checkpoints" if begun_runs else "whole runs"


def disturbed(program: Program, directory: Path, after: float, number: int, whole: dict[str, bytes]) -> str:
    """What is left of a program that was sent a signal so many seconds after its first line."""
    process = begun(program, directory)
    try:
        time.sleep(after)
        over = process.poll() is not None
        if not over:
            (os.killpg if program.whole_group else os.kill)(process.pid, number)
        out, err = process.communicate(timeout=60)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    said = f"{directory}, {signal.Signals(number).name} after {after:.3f} s: {process.returncode}\n{out}\n{err}"
    # killed by the signal itself: at Python's own end, when all has been said
    assert process.returncode in ((0,) if over else (0, 128 + number, -number)), said
    assert err == "" or process.returncode != -number, said
    assert not {"Traceback", "Exception"} & {*(out + err).split()}, said
    assert len(err.splitlines()) <= 1, said
    until = time.monotonic() + 5
    while (still := left_of_group(process.pid)) and time.monotonic() < until:
        time.sleep(0.1)
    assert still == [], said
    return f"{'interrupted' if process.returncode > 0 else 'at its end'}, {left(directory, whole, program.in_company)}"


def main() -> None:
    """Measure, disturb, look."""
    place, moments, chance = Path(sys.argv[1]), int(sys.argv[2]), random.Random(sys.argv[3])
    quiet = open(os.devnull, "w")  # noqa: SIM115
    for name in sys.argv[4:]:
        program, found = PROGRAMS[name], Counter[str]()
        undisturbed = begun(program, place / name / "whole")
        begin = time.monotonic()
        _, err = undisturbed.communicate()
        seconds = time.monotonic() - begin
        assert undisturbed.returncode == 0, err
        whole = files(place / name / "whole")
        for moment in range(moments):
            number = program.signals[moment % len(program.signals)]
            after = chance.uniform(moment, moment + 1) / moments * 1.02 * seconds
            sys.stdout, told = quiet, sys.stdout
            try:
                found[disturbed(program, place / name / str(moment), after, number, whole)] += 1
            finally:
                sys.stdout = told
        print(f"{name}, {seconds:.1f} s: " + ", ".join(f"{what}: {count}" for what, count in sorted(found.items())))


if __name__ == "__main__":
    main()
