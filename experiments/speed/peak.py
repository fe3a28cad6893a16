"""The most multiply-adds that this machine's cores can do in a second: what a share of the peak is a share of."""

import ctypes
import shutil
import time

from experiments.options.machine import cores
from experiments.speed.contenders import C_COMPILER, c_library

TURNS, TIMES = 200, 1_000_000
"""The fastest of so many turns counts, of some thousandths of a second each: others may use the cores meanwhile."""


def peak(turns: int = TURNS, times: int = TIMES) -> float | None:
    """Multiply-adds per second of all cores together, in float32, by ``peak.c``; None without a C compiler."""
    if shutil.which(C_COMPILER) is None:
        return None
    library, result, fastest = c_library("peak.c"), ctypes.c_float(0), 0.0
    library.multiply_adds.restype = ctypes.c_double
    for _ in range(turns):
        begun = time.perf_counter()
        done = library.multiply_adds(ctypes.c_long(times), cores(), ctypes.byref(result))
        fastest = max(fastest, done / (time.perf_counter() - begun))
        result.value = 0
    return fastest
