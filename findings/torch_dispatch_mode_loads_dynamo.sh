#!/usr/bin/env bash
# The first operation under a TorchDispatchMode, and what it imports.
#
# One would guess: a dispatch mode only hands each operation to Python, so the first one costs microseconds, as the second.
# What happens: a class derived from TorchDispatchMode has its __torch_dispatch__ wrapped so that torch's compiler leaves it
# alone, and the wrapper imports torch._dynamo, with hundreds of modules, at the first operation: more than a second, in a
# program that compiles nothing. A class that answers False to _should_skip_dynamo imports none of it.
# Versions: torch 2.13.0 (CPU), Python 3.11, x86-64.
# Seen, on an AMD EPYC: "first operation 1.4 s, torch._dynamo loaded: True; second 0.0 ms", and, with the answer False,
# "first operation 0.0 s, torch._dynamo loaded: False; second 0.0 ms".
# Why it matters: a mode is the usual way to count, log or write down operations; a tool made of one pays this at each start.
# Here: repro/machine_code/trace.py, where it was ten times all else that a second launch does.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6
cat > "$folder/program.py" <<'PYTHON'
import sys
import time

import torch
from torch.utils._python_dispatch import TorchDispatchMode


class Passing(TorchDispatchMode):
    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return func(*args, **(kwargs or {}))


if sys.argv[1] == "answers":

    class Passing(TorchDispatchMode):  # noqa: F811
        @classmethod
        def _should_skip_dynamo(cls):
            return False

        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            return func(*args, **(kwargs or {}))


x = torch.ones(3)
took = []
with Passing():
    for _ in range(2):
        begun = time.perf_counter()
        x + x
        took.append(time.perf_counter() - begun)
loaded = "torch._dynamo" in sys.modules
print(f"first operation {took[0]:.1f} s, torch._dynamo loaded: {loaded}; second {1e3 * took[1]:.1f} ms")
sys.exit(0 if loaded == (sys.argv[1] == "usual") else "no longer so")
PYTHON
"$folder/venv/bin/python" "$folder/program.py" usual
"$folder/venv/bin/python" "$folder/program.py" answers
