"""A run's progress on the screen."""

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from experiments.options.schema import Config
from repro.training import Snapshot


class ProgressBar:
    """A bar in sweeps, with the count of replicas that have learned; nothing where the output is no terminal."""

    def __init__(self, config: Config, shown: bool, sweep: int = 0) -> None:
        console = Console(stderr=True)
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("sweeps"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=not (shown and console.is_terminal),
        )
        self.task = self.progress.add_task(
            f"{config.name}: getting ready", total=config.learning.sweeps, completed=sweep
        )
        self.name = config.name

    def __call__(self, snapshot: Snapshot) -> None:
        if self.progress.disable:
            return
        self.show(snapshot.sweep, int(snapshot.population.learned.count_nonzero()), len(snapshot.population.seeds))

    def show(self, sweep: int, learned: int, of: int) -> None:
        """How far it is: after so many sweeps so many of the replicas have learned."""
        self.progress.update(self.task, completed=sweep, description=f"{self.name}: {learned:,} of {of:,} learned")

    def __enter__(self) -> "ProgressBar":
        self.progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.progress.stop()
