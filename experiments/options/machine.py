"""What this machine has: cores and a compiler; and whether compiling a run pays on it."""

import os
import platform
from pathlib import Path

import torch

from experiments.options.schema import Config, check_device_name, require
from repro.choices import BackwardPass
from repro.training_setup import TrainingSetup

CHANGE_STARTS, CHANGE_TAKES, PRODUCT_TAKES = 1.5e-4, 5e-7, 1e-9
"""Seconds, roughly, uncompiled: what a weight change costs however few networks there are; what it costs for each, and
for each product of a case and a weight, where half of the networks have stopped, or on two cores."""

PAYS_FROM = 4.0
"""Seconds that a run must take uncompiled for compiling to pay, which takes 1 to 10 itself, once for a network."""


def check_device(device: str) -> None:
    """Raises ConfigError for what is no device, and for a GPU that this machine has not, or that torch cannot use."""
    check_device_name(device)
    kind, _, number = device.partition(":")
    if kind == "cuda":
        cards = torch.cuda.device_count() if torch.cuda.is_available() else 0
        require("device", device, cards > 0, "torch finds no CUDA GPU on this machine; use device=cpu")
        require("device", device, int(number or 0) < cards, f"the GPUs are cuda:0 to cuda:{cards - 1}")


def take_card(device: str, job: int | None) -> None:
    """For ``device=cuda`` in job number N of a multirun: card N of those that this process sees, counted round again.

    job: its number, from 0; None: no multirun, and the first card. ``device=cuda:N`` is card N in every job. Raises
    ConfigError as check_device does.
    """
    check_device(device)
    if device == "cuda" and job is not None:
        torch.cuda.set_device(job % torch.cuda.device_count())


def cores() -> int:
    """The CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def processor() -> str:
    """The name of the processor, as the system has it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def vectors() -> tuple[str, int | None]:
    """The vector instructions that torch uses here, ``("AVX-512", 512)``: their name, and how many bits they take."""
    known = {"AVX512": ("AVX-512", 512), "AVX2": ("AVX2", 256), "SVE256": ("SVE", 256), "NEON": ("NEON", 128)}
    name = torch.backends.cpu.get_cpu_capability()
    return known.get(name, (name, None))


def compiles(config: Config, setup: TrainingSetup) -> bool:
    """Whether to compile: as ``compile`` says, or where the run would take PAYS_FROM as it is written.

    By the size of the whole population, so that every shard of it does the same.
    """
    if config.compile is not None or config.backward_pass is BackwardPass.autograd:
        return bool(config.compile)
    return seconds_uncompiled(setup, config.population.seeds) >= PAYS_FROM


def seconds_uncompiled(setup: TrainingSetup, networks: int) -> float:
    """What the run would take as it is written, roughly."""
    cases, weights = len(setup.task.cases), setup.architecture.weight_count
    changes = cases if setup.learning.per_case else 1
    a_network = changes * CHANGE_TAKES + cases * weights * PRODUCT_TAKES
    a_sweep = changes * CHANGE_STARTS + networks * a_network
    return a_sweep * setup.learning.sweeps
