"""What a run makes of its snapshots, in its directory, and what it leaves there at its end."""

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from experiments.files import naming, replacing
from experiments.options.schema import Config
from experiments.running import seeds
from experiments.running.checkpoint import Checkpoint, Checkpoints, command
from experiments.running.curves import Curves
from experiments.running.directory import CURVES, SEEDS, WEIGHTS
from experiments.running.summary import metrics, print_summary
from experiments.running.tensorboard import TensorBoard
from repro.population import Population
from repro.training import Snapshot
from repro.training_setup import TrainingSetup


class Recording:
    """One run, as something that takes its snapshots one after the other: curves, events and checkpoints.

    Within a ``with``. setup: what is trained. resumed: where an earlier run there ended too soon; this one goes on from
    it. Whoever trains, alone or several side by side, hands it each snapshot, and then has it ``finish``.
    Everything here raises NotWritten, which says what is there to go on from.
    """

    def __init__(
        self, directory: Path, config: Config, setup: TrainingSetup, resumed: Checkpoint | None = None
    ) -> None:
        self.directory, self.config, self.setup = directory, config, setup
        self.curves, begin, state = Curves(), 0, None
        if resumed is not None:
            self.curves, begin, state = resumed.curves, resumed.sweep, resumed.tensorboard
        self.checkpoints, self.open = Checkpoints(directory, config, resumed), ExitStack()
        self.tensorboard = None
        if config.record.tensorboard:
            self.tensorboard = TensorBoard(directory, config, setup, self.curves, begin, state)

    def __enter__(self) -> "Recording":
        if self.tensorboard is not None:
            with self.checkpoints.kept():
                self.open.enter_context(self.tensorboard)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.open.__exit__(kind, error, trace)

    def __call__(self, snapshot: Snapshot, interrupted: bool = False) -> None:
        """Take the next snapshot. interrupted: it is the last for now, and there shall be a checkpoint of it."""
        with self.checkpoints.kept():
            self.checkpoints(snapshot.population, self.curves, self.tensorboard, now=interrupted)
            self.curves(snapshot)
            if self.tensorboard is not None:
                self.tensorboard(snapshot)

    def finish(self, snapshot: Snapshot, interrupted: bool = False) -> None:
        """After the last snapshot, or the last for now: write everything."""
        with self.checkpoints.kept():
            if self.tensorboard is not None:
                self.tensorboard.finish(snapshot, metrics(snapshot.population), interrupted)
            self.write_results(snapshot.population)
            if not interrupted:
                self.checkpoints.remove()

    def write_results(self, population: Population) -> None:
        """Everything but the events. seeds.csv is the last: a run that has it, and no checkpoint, has finished."""
        directory = self.directory
        with replacing(directory / WEIGHTS) as path:
            seeds.write_weights(path, population)
        with replacing(directory / CURVES) as path:
            self.curves.write(path)
        if self.config.record.figures:
            from experiments.running.figures import figures, save  # what draws takes a while to import

            with naming(directory / "figures"):
                (directory / "figures").mkdir(exist_ok=True)
            for name, figure in figures(self.config, self.setup, self.curves, population):
                with replacing(directory / "figures" / f"{name}.png") as path:
                    save(figure, path)
        with replacing(directory / SEEDS) as path:
            seeds.write_seeds(path, self.setup, population)

    def tell(self, population: Population, interrupted: bool = False) -> None:
        """Print what was found, and where it is; and how to go on."""
        print_summary(self.config, population, self.directory)
        if interrupted:
            left = self.setup.learning.sweeps - population.sweep
            print(f"Interrupted after {population.sweep:,} sweeps, {left:,} before the end; what was found is written.")
            print(f"To go on: {command(self.directory)}")
