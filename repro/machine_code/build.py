"""Machine code on disk: compiled by the C++ compiler of this machine, kept, and loaded again on any later day."""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

from filelock import FileLock

KEPT_AT_MOST = 500
"""Pieces of machine code that stay on disk; the ones used longest ago go first."""


class BuildError(RuntimeError):
    """There is no machine code, and why."""


def compiler() -> str:
    """The C++ compiler: CXX, or what the system has."""
    return os.environ.get("CXX") or ("c++" if sys.platform == "darwin" else "g++")


def compiler_lacking() -> str | None:
    """What is missing for machine code on this machine; None where there is all it needs."""
    return None if shutil.which(compiler()) else f"there is no C++ compiler ({compiler()})"


def flags() -> list[str]:
    """How it is compiled: for this processor, with numbers rounded where the formulas say so and nowhere else.

    -O1: the loops are written as they are to be; what -O3 adds takes four times as long and gains nothing.
    """
    own = "-mcpu=native" if platform.machine() in ("arm64", "aarch64") else "-march=native"
    return ["-std=c++17", "-O1", own, "-ffp-contract=off", "-fno-strict-aliasing", "-fPIC", "-shared"]


def folder() -> Path:
    """Where machine code is kept: BACKPROP_1986_CACHE, or backprop-1986 in the user's folder for caches."""
    own = os.environ.get("BACKPROP_1986_CACHE")
    return Path(own) if own else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "backprop-1986"


@functools.lru_cache(maxsize=1)
def machine() -> str:
    """What machine code is for: the processor with all that it can do, and the compiler."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        processor = "\n".join(sorted({x for x in lines if x.startswith(("flags", "Features", "model", "CPU part"))}))
    except OSError:
        processor = platform.processor()
    version = subprocess.run([compiler(), "--version"], capture_output=True, text=True, check=False).stdout
    return "\n".join([platform.machine(), processor, shutil.which(compiler()) or "", version])


def library(source: str, real: str) -> ctypes.CDLL:
    """The functions of a C++ program, compiled if they are not on disk.

    real: "float" or "double", what REAL is in it. What is damaged is compiled anew, and a folder that cannot be written
    to is done without; both with a warning. Raises BuildError where there is no compiler, or it fails.
    """
    if lacking := compiler_lacking():
        raise BuildError(lacking)
    command = [compiler(), *flags(), f"-DREAL={real}"]
    key = hashlib.sha256("\n".join([machine(), *command, source]).encode()).hexdigest()[:32]
    try:
        folder().mkdir(parents=True, exist_ok=True)
        with FileLock(folder() / f"{key}.lock"):
            return _kept(key) or ctypes.CDLL(str(_compiled(command, source, folder(), key)))
    except OSError as problem:
        warnings.warn(f"machine code is not kept in {folder()}: {problem}", stacklevel=2)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as instead:
        return ctypes.CDLL(str(_compiled(command, source, Path(instead), key)))


def _kept(key: str) -> ctypes.CDLL | None:
    """What was compiled before, if it is whole: its digest stands in its name."""
    for path in folder().glob(f"{key}-*.so"):
        if hashlib.sha256(path.read_bytes()).hexdigest()[:16] == path.stem.partition("-")[2]:
            os.utime(path)
            return ctypes.CDLL(str(path))
        warnings.warn(f"{path} is damaged: it is compiled anew", stacklevel=3)
        path.unlink()
    return None


def _compiled(command: list[str], source: str, into: Path, key: str) -> Path:
    """Compile into a file that is there whole or not at all."""
    with tempfile.TemporaryDirectory(prefix=f"{key}-", dir=into) as own:
        code, made = Path(own) / "code.cpp", Path(own) / "code.so"
        code.write_text(source, encoding="utf-8")
        done = subprocess.run([*command, "-o", str(made), str(code)], capture_output=True, text=True, check=False)
        if done.returncode:
            first = next((line for line in done.stderr.splitlines() if "error" in line), done.stderr[:300])
            raise BuildError(f"{compiler()} could not compile the sweep: {first}")
        digest = hashlib.sha256(made.read_bytes()).hexdigest()[:16]
        path = into / f"{key}-{digest}.so"
        os.replace(made, path)
    old = sorted(into.glob("*.so"), key=lambda kept: kept.stat().st_mtime)[:-KEPT_AT_MOST]
    for kept in old:
        kept.unlink(missing_ok=True)
        kept.with_name(f"{kept.stem.partition('-')[0]}.lock").unlink(missing_ok=True)
    return path
