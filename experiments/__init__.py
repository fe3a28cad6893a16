"""Launching experiments and reporting what they found. Start with ``run``."""

import importlib.util
import sys

if sys.argv[:1] == ["-m"] and importlib.util.find_spec("hydra") is None:  # python -m, which looks here first
    sys.exit(
        f"experiments: what they need is not installed for {sys.executable}: `make setup` makes an environment, "
        "and `. .venv/bin/activate` chooses it"
    )
