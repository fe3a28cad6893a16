"""What a run makes of its snapshots, in its directory, and what it leaves there at its end."""

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from experiments.files import replacing
from experiments.options.reference import as_told
from experiments.options.schema import Config
from experiments.running import environment, seeds
from experiments.running.checkpoint import Checkpoint, Checkpoints
from experiments.running.curves import Curves
from experiments.running.directory import CURVES, SEEDS, WEIGHTS, command
from experiments.running.drawing import not_drawn
from experiments.running.summary import metrics, print_summary
from experiments.running.tensorboard import TensorBoard
from experiments.running.training import threads_of
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
        self.directory, self.config, self.setup = directory, as_told(config), setup
        self.curves, begin, state = Curves(), 0, None
        if resumed is not None:
            self.curves, begin, state = resumed.curves, resumed.sweep, resumed.tensorboard
        self.checkpoints, self.open = Checkpoints(directory, config, resumed), ExitStack()
        self.environment: environment.Environment = {}
        environment.ask_git()
        self.tensorboard = None
        if config.record.tensorboard:
            self.tensorboard = TensorBoard(directory, self.config, setup, self.curves, begin, state)

    def __enter__(self) -> "Recording":
        if self.tensorboard is not None:
            with self.checkpoints.kept():
                self.open.enter_context(self.tensorboard)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.open.__exit__(kind, error, trace)

    def begin(self, compiled: bool, sweep: int = 0) -> None:
        """Once training has begun: write what it is made with. sweep: from which it goes on."""
        self.environment = environment.environment(self.config, compiled, threads_of(self.config), sweep)
        with self.checkpoints.kept():
            environment.write(self.directory, self.environment)

    def __call__(self, snapshot: Snapshot, interrupted: bool = False) -> None:
        """Take the next snapshot. interrupted: it is the last for now, and there shall be a checkpoint of it."""
        with self.checkpoints.kept():
            self.checkpoints(snapshot.population, self.curves, self.tensorboard, now=interrupted)
            self.curves(snapshot)
            if self.tensorboard is not None:
                self.tensorboard(snapshot)

    def finish(self, snapshot: Snapshot, interrupted: bool = False) -> None:
        """After the last snapshot, or the last for now: write everything, first what was found, last what is drawn."""
        with self.checkpoints.kept():
            self.write_results(snapshot.population)
            if not interrupted:
                self.checkpoints.remove()
        with self.checkpoints.kept():
            if self.tensorboard is not None:
                words = environment.in_words(self.environment)
                self.tensorboard.finish(snapshot, metrics(snapshot.population), words, interrupted)
        if self.config.record.figures:
            self.draw(snapshot.population)

    def write_results(self, population: Population) -> None:
        """What was found. seeds.csv is the last: a run that has it, and no checkpoint, has finished, drawn or not."""
        directory = self.directory
        with replacing(directory / WEIGHTS) as path:
            seeds.write_weights(path, population)
        with replacing(directory / CURVES) as path:
            self.curves.write(path)
        with replacing(directory / SEEDS) as path:
            seeds.write_seeds(path, self.setup, population)

    def draw(self, population: Population) -> None:
        """The figures. Whatever becomes of them, the run has ended well."""
        try:
            from experiments.running.figures import draw  # what draws takes a while to import, if it can be

            draw(self.directory, self.config, self.setup, self.curves, population)
        except Exception as problem:
            not_drawn(self.directory / "figures", problem, self.directory)

    def tell(self, population: Population, interrupted: bool = False) -> None:
        """Print what was found, and where it is; and how to go on."""
        print_summary(self.config, population, self.directory)
        if interrupted:
            left = self.setup.learning.sweeps - population.sweep
            print(f"Interrupted after {population.sweep:,} sweeps, {left:,} before the end; what was found is written.")
            print(f"To go on: {command(self.directory)}")
