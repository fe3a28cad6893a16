"""Commands run as a user runs them, each in a process group of its own."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from experiments.options.schema import CONFIGS


def start(directory: Path, module: str, *arguments: str, **variables: str) -> subprocess.Popen[str]:
    """``python -m MODULE ARGUMENTS`` in a directory, with more variables in its environment.

    It heeds Ctrl-C, also where these tests, run in a shell's background, do not: an ignored signal is ignored by the
    children too, a handled one is not.
    """
    path = os.pathsep.join(filter(None, [str(CONFIGS.parent), os.environ.get("PYTHONPATH")]))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=directory,
            env=os.environ | {"PYTHONPATH": path} | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
    finally:
        signal.signal(signal.SIGINT, before)


def interrupt(process: subprocess.Popen[str], run: Path, number: int) -> tuple[str, str]:
    """Send a signal to the whole group, as a terminal does, once a run has begun to record; what it has printed."""
    try:
        deadline = time.monotonic() + 60
        while not list(run.glob("events.*")) and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.3)
        os.killpg(process.pid, number)
        return process.communicate(timeout=60)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


def left_of_group(group: int) -> list[str]:
    """The processes that a command has started and that still run; one that only waits to be reaped has ended."""
    listing = subprocess.run(["ps", "-eo", "pgid,stat,args"], capture_output=True, text=True, check=True).stdout
    lines = [line.split(maxsplit=2) for line in listing.splitlines()[1:]]
    return [args for pgid, stat, args in lines if int(pgid) == group and not stat.startswith("Z")]
