"""TensorBoard that opens on paper against ours, the layout of each experiment: ``python -m experiments.board``.

Takes TensorBoard's own options; unless given, those are ``--logdir runs --host localhost``.
"""

import sys
from pathlib import Path

if not __package__:  # started by its path: as by python -m
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from absl import app
from tensorboard import default, main_lib, program
from tensorboard.plugins.base_plugin import FlagsError
from tensorboard.plugins.custom_scalar.custom_scalars_plugin import CustomScalarsPlugin

DEFAULTS = ("--logdir", "runs", "--host", "localhost")


def opened_on_the_layout() -> program.TensorBoard:
    """TensorBoard shows first the tab of the first plugin that has something to show."""
    plugins = default.get_plugins()
    plugins.remove(CustomScalarsPlugin)
    return program.TensorBoard(plugins=[CustomScalarsPlugin, *plugins])


def main() -> None:
    """Serve until Ctrl-C."""
    main_lib.global_init()
    board = opened_on_the_layout()
    print("Curves as they are, without smoothing: the address below with #custom_scalars&_smoothingWeight=0 at its end")
    try:
        app.run(board.main, argv=[sys.argv[0], *DEFAULTS, *sys.argv[1:]], flags_parser=board.configure)
    except FlagsError as problem:
        sys.exit(f"experiments.board: {problem}")


if __name__ == "__main__":
    main()
