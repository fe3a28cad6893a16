"""TensorBoard that opens on paper against ours, the layout of each experiment: ``python -m experiments.board``.

Takes TensorBoard's own options; where none says what to show, it is ``--logdir runs``.
"""

# ruff: noqa: E402
import os
import sys

if not __package__:  # started by its path: as by python -m
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

from experiments.running import interrupts

interrupts.heed(__name__, "experiments.board")  # before anything that takes a while to import

from argparse import Namespace

from absl import app
from tensorboard import default, main_lib, manager, program
from tensorboard.plugins.base_plugin import FlagsError, TBLoader
from tensorboard.plugins.custom_scalar.custom_scalars_plugin import CustomScalarsPlugin

LOGDIR = "runs"
SOURCES = ("logdir", "logdir_spec", "db", "grpc_data_provider", "event_file", "version_tb")
"""TensorBoard's options that say what to show, or that nothing is."""


class Defaults(TBLoader):  # type: ignore[misc]  # TensorBoard has no types
    """No plugin: the place where TensorBoard lets options be filled in once they are taken apart."""

    def fix_flags(self, flags: Namespace) -> None:
        """The runs of this project, where nothing else is asked for."""
        if not any(getattr(flags, source, None) for source in SOURCES):
            flags.logdir = LOGDIR
        if not (flags.host or flags.bind_all):
            flags.host = "localhost"  # as TensorBoard has it too, with a line about it

    def load(self, context: object) -> None:
        """There is nothing to load."""


class Board(program.TensorBoard):  # type: ignore[misc]
    """TensorBoard that leaves signals to ``interrupts``."""

    def _install_signal_handler(self, signal_number: int, signal_name: str) -> None:
        """Of TensorBoard's own there would be another line, and exit code 0."""


def opened_on_the_layout() -> program.TensorBoard:
    """TensorBoard shows first the tab of the first plugin that has something to show."""
    plugins = default.get_plugins()
    plugins.remove(CustomScalarsPlugin)
    return Board(plugins=[Defaults, CustomScalarsPlugin, *plugins])


def tidy() -> str:
    """What TensorBoard does at its end, by itself: other programs know of it no more."""
    manager.remove_info_file()
    return ""


def main() -> None:
    """Serve until Ctrl-C."""
    main_lib.global_init()
    board = opened_on_the_layout()
    print("Curves as they are, without smoothing: the address below with #custom_scalars&_smoothingWeight=0 at its end")
    try:
        with interrupts.undone_by(tidy):
            app.run(board.main, argv=sys.argv, flags_parser=board.configure)
    except FlagsError as problem:
        sys.exit(f"experiments.board: {problem}")


if __name__ == "__main__":
    main()
