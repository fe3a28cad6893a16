"""Tab completion in a shell, which is Hydra's: what it can do for this program, and the rest refused in one line.

``eval "$(backprop-1986 -sc install=bash)"`` has a shell ask ``backprop-1986 -sc query=bash`` at each TAB. What starts
with ``python -m`` Hydra cannot complete (its issue 1957).
"""

import os
import sys
from collections.abc import Sequence

from experiments.options.schema import ConfigError

FLAGS = {"-sc", "--shell-completion"}
SHELLS = ("bash", "zsh", "fish")
COMMANDS = ("install", "uninstall", "query")
NAME = "backprop-1986"
"""What the program is called where a shell can complete it."""


def prepare(arguments: Sequence[str]) -> None:
    """Before Hydra completes: raises ConfigError for what it cannot do. Nothing is done of another command line."""
    if not FLAGS & set(arguments):
        return
    asked = [argument.partition("=") for argument in arguments if not argument.startswith("-")]
    if len(asked) != 1 or asked[0][0] not in COMMANDS or asked[0][2] not in SHELLS:
        raise ConfigError(f"-sc: write -sc install=SHELL, or uninstall=SHELL; SHELL is {', '.join(SHELLS)}")
    ((command, _, shell),) = asked
    if command == "query":
        if "COMP_LINE" not in os.environ:
            raise ConfigError(f"-sc query={shell}: a shell asks this, with its line in COMP_LINE")
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115  of what is half typed Hydra may say what is wrong with it
    elif by_module():
        raise ConfigError(
            f"-sc {command}={shell}: no shell can complete what starts with python -m; "
            f'the same program as a command can be completed: eval "$({NAME} -sc {command}={shell})"'
        )


def by_module() -> bool:
    """Whether this program was started by ``python -m``."""
    return sys.modules["__main__"].__spec__ is not None
