"""What a run was made with, beside its options: torch, processor, project; in environment.json in its directory."""

import json
import os
import platform
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import torch

from experiments.files import replacing
from experiments.options import machine
from experiments.options.schema import CONFIGS, Config

ENVIRONMENT = "environment.json"

CODE = ("configs", "experiments", "hydra_plugins", "repro")
"""Where in the project lies what a run depends on."""

GIT_MAY_TAKE = 10.0
"""Seconds."""

Environment = dict[str, Any]


def environment(config: Config, compiled: bool, threads: int, sweep: int) -> Environment:
    """Of a run that goes on from a sweep here. What the project has checked out is there where git can say it.

    vectors: the vector instructions that torch uses, and that machine code can use. compiled: whether it was used.
    """
    found: Environment = {
        "from_sweep": sweep,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "processor": machine.processor(),
        "vectors": machine.vectors()[0],
        "device": card(config.device),
        "threads": threads,
        "compiled": compiled,
    }
    checked_out = project()
    return found | ({} if checked_out is None else checked_out)


def card(device: str) -> str:
    """The name of a GPU; ``"cpu"``."""
    return device if device == "cpu" else f"{torch.cuda.get_device_name(device)} ({device})"


def write(directory: Path, now: Environment) -> None:
    """Put it into a run's directory, after those of the runs that it goes on with. Raises NotWritten."""
    before = [each for each in read(directory) if each["from_sweep"] < now["from_sweep"]]
    with replacing(directory / ENVIRONMENT) as path:
        path.write_text(json.dumps([*before, now], indent=1) + "\n", encoding="utf-8")


def read(directory: Path) -> list[Environment]:
    """One for each time that a run was begun or gone on with; none where there is no such file, or a damaged one."""
    try:
        found = json.loads((directory / ENVIRONMENT).read_text(encoding="utf-8"))
        return [each for each in found if isinstance(each["from_sweep"], int)]
    except (OSError, ValueError, TypeError, KeyError):
        return []


def in_words(now: Environment) -> str:
    """As TensorBoard shows it, in Markdown."""
    rows = [f"{name.replace('_', ' ')} | {value}" for name, value in now.items()]
    return "\n".join(["made with | ", "--- | ---", *rows])


@cache
def ask_git() -> "subprocess.Popen[str] | None":
    """git, which is asked once a process, and works while the run goes on; None where the project is no clone."""
    checkout = CONFIGS.parent
    if not (checkout / ".git").exists():
        return None
    command = ["git", "--no-optional-locks", "-C", str(checkout), "status", "--porcelain=v2", "--branch", "--", *CODE]
    own = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        return subprocess.Popen(
            command, env=own, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
    except OSError:
        return None


@cache
def project() -> Environment | None:
    """The commit that is checked out, and whether files of CODE differ from it; None where git cannot say."""
    asked = ask_git()
    if asked is None:
        return None
    try:
        said, _ = asked.communicate(timeout=GIT_MAY_TAKE)
    except subprocess.TimeoutExpired:
        asked.kill()
        return None
    lines = said.splitlines()
    commits = [line.split()[-1] for line in lines if line.startswith("# branch.oid ")]
    if asked.returncode or not commits:
        return None
    return {"commit": commits[0], "changed": any(not line.startswith("#") for line in lines)}
