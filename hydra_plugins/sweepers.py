"""The sweepers of this project: ``hydra/sweeper=basic``, every combination, and ``search``, which seeks the best.

Both plan their jobs before these begin, so that a sweep can be listed and gone on with: experiments/running/sweep.py.
``basic`` takes the place of Hydra's own of that name, and has its options. ``search`` is TPE by the installed Optuna,
because hydra-optuna-sweeper (1.3.0) needs an Optuna below 3, and this project one from 4 on.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from experiments.running import sweep
from experiments.running.command_line import refusing
from experiments.running.sweep_composing import Composing
from experiments.running.sweep_names import check_lists
from experiments.running.sweep_plan import Plan, is_finished
from experiments.running.sweep_search import Space


class Planned(Sweeper):
    """What the two have in common: setting up, and launching jobs of a plan.

    max_batch_size: so many jobs are handed to the launcher at a time. params: what is swept unless the command line
    says otherwise.
    """

    config: DictConfig
    hydra_context: HydraContext

    def __init__(self, max_batch_size: int | None, params: dict[str, str] | None) -> None:
        super().__init__()
        self.max_batch_size, self.params = max_batch_size, params or {}

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """What Hydra hands over before the sweep."""
        self.hydra_context, self.config = hydra_context, config
        self.launcher: Launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def parsed(self, arguments: Sequence[str]) -> list[Override]:
        """What the sweeper's own options and the command line say of each option: of one said twice the last counts."""
        texts = [*(f"{option}={value}" for option, value in self.params.items()), *arguments]
        found = OverridesParser.create(self.hydra_context.config_loader).parse_overrides(texts)
        return list({override.get_key_element(): override for override in found}.values())

    def composing(self, plan: Plan) -> Composing:
        """What adds jobs to the plan."""
        return Composing(self.hydra_context.config_loader, self.config, plan)

    def launch(self, plan: Plan, numbers: range) -> list[JobReturn]:
        """Run these jobs of the plan, or what is left to do of them."""
        overrides = []
        for number in numbers:
            job = plan.jobs[number]
            overrides.append([*job.overrides, f"hydra.sweep.subdir={sweep.quoted(job.directory)}"])
        returned = list(self.launcher.launch(overrides, initial_job_idx=numbers.start))
        for number, result in zip(numbers, returned, strict=True):
            if result.status is JobStatus.FAILED:  # before or after what ``sweep.do`` does of it
                sweep.failed(plan.directory / plan.jobs[number].directory, number, result._return_value)
                result.status, result.return_value = JobStatus.COMPLETED, None
        return returned


class Grid(Planned):
    """Every combination of the values, as Hydra's basic sweeper has them; it does not compose each job once more."""

    def sweep(self, arguments: list[str]) -> list[list[JobReturn]]:
        """All jobs. Exits where the sweep is refused."""
        with refusing(), sweep.leading(self.config) as plan:
            new = not plan.jobs
            if new:
                composing = self.composing(plan)
                for overrides in combinations(self.parsed(arguments)):
                    composing.add(overrides)
                plan.expected = len(plan.jobs)
            if self.config.hydra.callbacks.sweep.dry_run:
                sweep.show(sweep.listing(plan))
                return []
            if new:
                sweep.write(plan, self.config)
            sweep.begin(plan)
            return [self.launch(plan, batch) for batch in self.batches(plan)]

    def batches(self, plan: Plan) -> Iterator[range]:
        """The numbers of the jobs that are handed to the launcher together, but for those finished at either end."""
        most = self.max_batch_size or len(plan.jobs)
        left = [number for number, directory in enumerate(plan.directories()) if not is_finished(directory)]
        while left:
            batch = [number for number in left if number < left[0] + most]
            yield range(batch[0], batch[-1] + 1)
            left = left[len(batch) :]


def combinations(overrides: list[Override]) -> list[list[str]]:
    """The overrides of each job. Raises ConfigError where one option has an interval."""
    check_lists(overrides)
    return BasicSweeper.split_arguments(overrides, None)[0]


class Search(Planned):
    """Seeks the settings with the best ``record.metric``: each job goes by what those before it found.

    trials: jobs in all. seed: of the sampler.
    """

    def __init__(self, trials: int, max_batch_size: int, seed: int, params: dict[str, str] | None) -> None:
        super().__init__(max_batch_size, params)
        self.trials, self.at_a_time, self.seed = trials, max_batch_size, seed

    def sweep(self, arguments: list[str]) -> list[list[JobReturn]]:
        """All jobs. Exits where the sweep is refused."""
        with refusing():
            space = Space(self.parsed(arguments), sweep.metric_of(self.config))
            with sweep.leading(self.config) as plan:
                plan.expected = self.trials
                if self.config.hydra.callbacks.sweep.dry_run:
                    what = f"{self.trials} jobs in {plan.directory}, each chosen by what those before it found, of:"
                    sweep.show([what, *(f"  {each}" for each in space.described())])
                    return []
                return self.search(plan, space)

    def search(self, plan: Plan, space: Space) -> list[list[JobReturn]]:
        """First what is planned already, where the sweep goes on; then one batch after the other."""
        known, composing = len(plan.jobs), self.composing(plan)
        study, returned = space.study(self.seed + known), []
        sweep.begin(plan)
        if known:
            returned.append(self.launch(plan, range(known)))
            for job, result in zip(plan.jobs, returned[-1], strict=True):
                space.remember(study, job.overrides, result.return_value)
        while len(plan.jobs) < self.trials:
            first = len(plan.jobs)
            trials = [study.ask(space.distributions) for _ in range(min(self.at_a_time, self.trials - first))]
            for trial in trials:
                composing.add(space.overrides(trial.params))
            sweep.write(plan, self.config, first)
            returned.append(self.launch(plan, range(first, len(plan.jobs))))
            for trial, result in zip(trials, returned[-1], strict=True):
                space.tell(study, trial, result.return_value)
        best = space.best(study)
        if best is not None:
            print(f"Best: #{best[0]}, {space.metric.value} {best[1]:.6g}")
        return returned


@dataclass
class GridOptions:
    """Of ``hydra/sweeper=basic``: those of Hydra's own."""

    _target_: str = f"{__name__}.{Grid.__name__}"
    max_batch_size: int | None = None
    params: dict[str, str] | None = None


@dataclass
class SearchOptions:
    """Of ``hydra/sweeper=search``."""

    _target_: str = f"{__name__}.{Search.__name__}"
    trials: int = 30
    max_batch_size: int = 1
    seed: int = 0
    params: dict[str, str] = field(default_factory=dict)


for name, options in {"basic": GridOptions, "search": SearchOptions}.items():
    ConfigStore.instance().store(group="hydra/sweeper", name=name, node=options, provider="backprop-1986")
