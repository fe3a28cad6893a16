"""The command ``backprop-1986``: ``python -m experiments.run`` under a name of its own, which a shell can complete.

The experiments are not installed. The command runs those of the checkout that ``pip install -e`` has made it from, or
else of the one that it is started in.
"""

import runpy
import sys
from pathlib import Path

ELSEWHERE = (
    "backprop-1986: experiments run in a checkout of the repository, and this folder is none: go to one, or make the "
    "command from it, `pip install -e CHECKOUT`. What is installed is the library: `import repro`"
)


def checkout() -> Path | None:
    """The folder that has experiments/ and configs/; None where there is none."""
    files = "experiments/run.py", "configs/config.yaml"
    places = Path(__file__).resolve().parent, Path.cwd()
    return next((place for place in places if all((place / file).is_file() for file in files)), None)


def main() -> None:
    """Run what the command line asks for. Exits with one line where there is no checkout."""
    place = checkout()
    if place is None:
        sys.exit(ELSEWHERE)
    sys.path.insert(0, str(place))
    runpy.run_module("experiments.run", run_name="__main__")


if __name__ == "__main__":
    main()
