"""``hydra/launcher=side_by_side``: jobs of a multirun that differ in numbers of the rule are trained side by side.

Hydra looks for plugins in folders of this name, and finds this one because it stands beside experiments/.
"""

import copy
import logging
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn, configure_log, filter_overrides, run_job, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from experiments.running import sweep
from experiments.running.directory import holds_run, locked_directory
from experiments.running.hydra_job import HydraJob

log = logging.getLogger(__name__)


class SideBySide(Launcher):
    """Leaves the directories that Hydra's basic launcher leaves, and hands back the same.

    Jobs that cannot be side by side are run one after another, by the function that Hydra calls for every job.
    """

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """What Hydra hands over before the first launch."""
        self.context, self.task_function, self.config = hydra_context, task_function, config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run the jobs of these overrides, numbered from ``initial_job_idx`` on; what became of each."""
        from experiments.running.side_by_side import groups, told

        setup_globals()
        self.log_as_configured()
        Path(str(self.config.hydra.sweep.dir)).mkdir(parents=True, exist_ok=True)
        log.info(f"Launching {len(job_overrides)} jobs locally")
        numbers = range(initial_job_idx, initial_job_idx + len(job_overrides))
        options = [self.options_of(*each) for each in zip(numbers, job_overrides, strict=True)]
        jobs = [sweep.as_planned(job_of(each), each) for each in options]
        new = [place for place, job in enumerate(jobs) if not holds_run(job.directory)]
        found = [[new[place] for place in group] for group in groups([jobs[place].config for place in new])]
        for line in told(found, [job.config for job in jobs], initial_job_idx):
            log.info(f"\t{line}")
        begun = [place for place in range(len(jobs)) if place not in new]
        if begun:
            log.info(f"\tone after another: {', '.join(f'#{numbers[place]}' for place in begun)}; begun before")
        returned: dict[int, JobReturn] = {}
        for group in [*([place] for place in begun), *found]:
            together = Together([jobs[place] for place in group])
            for position, place in enumerate(group):
                task = self.task_function if len(group) == 1 else together.task(position)
                returned[place] = run_job(
                    task, options[place], "hydra.sweep.dir", "hydra.sweep.subdir", hydra_context=self.context
                )
                self.log_as_configured()
        return [returned[place] for place in range(len(jobs))]

    def options_of(self, number: int, overrides: Sequence[str]) -> DictConfig:
        """All options of a job, Hydra's own too."""
        log.info(f"\t#{number} : {' '.join(filter_overrides(overrides))}")
        options = self.context.config_loader.load_sweep_config(self.config, list(overrides))
        with open_dict(options):
            options.hydra.job.id = options.hydra.job.num = number
        return options

    def log_as_configured(self) -> None:
        """Hydra's own messages go where they belong, after those of a job went to its file."""
        configure_log(self.config.hydra.hydra_logging, self.config.hydra.verbose)


@dataclass
class Together:
    """Jobs that are trained side by side, when the first of them is called for."""

    jobs: Sequence[HydraJob]
    ended: dict[int, BaseException | None] | None = None

    def task(self, position: int) -> Callable[[Any], float | None]:
        """What Hydra calls for one of them: as for a job alone, but that it is trained with the others."""

        def start(job: HydraJob) -> None:
            if self.ended is None:
                self.ended = self.trained()
            failure = self.ended[position]
            if failure is not None:
                raise failure

        def call(config: Any) -> float | None:
            return sweep.do(self.jobs[position], start, lambda directory, beside: None)

        return call

    def trained(self) -> dict[int, BaseException | None]:
        """Train them all: which has failed, and how."""
        from experiments.running.side_by_side import Run, train_to_the_end

        with ExitStack() as stack:
            for job in self.jobs:
                stack.enter_context(locked_directory(job.directory))
            for job in self.jobs:
                job.save_options()
            return train_to_the_end([Run(job.config, job.directory) for job in self.jobs])


def job_of(options: DictConfig) -> HydraJob:
    """A job of a multirun as Hydra's ``run_job`` will hand it over."""
    hydra = HydraConfig.instance()
    before = hydra.cfg
    hydra.set_config(options)
    try:
        parts = [str(OmegaConf.select(options, f"hydra.sweep.{part}")) for part in ("dir", "subdir")]
        with read_write(options.hydra.runtime), open_dict(options.hydra.runtime):
            options.hydra.runtime.output_dir = str(Path(*parts).absolute())
        hydra.set_config(options)
        own = copy.deepcopy(options)
        with read_write(own), open_dict(own):
            del own["hydra"]
        return HydraJob.of(own)
    finally:
        hydra.cfg = before


@dataclass
class Options:
    """Of the launcher: it has none of its own."""

    _target_: str = f"{__name__}.{SideBySide.__name__}"


ConfigStore.instance().store(group="hydra/launcher", name="side_by_side", node=Options)
