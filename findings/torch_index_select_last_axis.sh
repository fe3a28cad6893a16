#!/usr/bin/env bash
# torch.index_select along the last of three axes, against the same numbers taken by way of two axes.
#
# One would guess: w.index_select(2, which) of a contiguous w [a, b, n] and the same of its view [a * b, n] along axis 1
# read and write the same bytes in the same order, so they take about the same time.
# What happens: along the last of three axes it takes many times as long, on a CPU, with one thread; the results are equal.
# Versions: torch 2.13.0 (CPU), numpy 2.4.6, Python 3.11, x86-64.
# Seen, on an AMD EPYC with AVX-512: "[2, 2, 65536], 52534 taken: 4.8 ms along the last of three axes, 0.2 ms by way of two"
# and "[12, 6, 65536], 52534 taken: 25.0 ms along the last of three axes, 2.8 ms by way of two", equal both times.
# Why it matters: whoever keeps many small networks side by side, replicas last, and takes out those that still learn, pays
# more for that than for a sweep. Here: repro/population.py, some_replicas.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import sys
import time

import torch

torch.set_num_threads(1)


def milliseconds(work):
    took = []
    for _ in range(7):
        begun = time.process_time()
        work()
        took.append(1e3 * (time.process_time() - begun))
    return sorted(took)[3]


ratios = []
for a, b in ((2, 2), (12, 6)):
    n = 65_536
    w = torch.randn(a, b, n)
    which = torch.arange(n)[torch.rand(n, generator=torch.Generator().manual_seed(0)) < 0.8]
    slow = milliseconds(lambda: w.index_select(2, which))
    fast = milliseconds(lambda: w.flatten(0, 1).index_select(1, which).unflatten(0, (a, b)))
    same = w.index_select(2, which).equal(w.flatten(0, 1).index_select(1, which).unflatten(0, (a, b)))
    print(
        f"[{a}, {b}, {n}], {len(which)} taken: {slow:.1f} ms along the last of three axes, {fast:.1f} ms by way of two,"
        f" equal: {same}"
    )
    ratios.append(slow / fast)
    if not same:
        sys.exit("the results differ")
sys.exit(0 if min(ratios) > 2 else "no longer so: the two take about the same time")
PYTHON
