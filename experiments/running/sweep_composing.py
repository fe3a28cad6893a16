"""The options and the directory of each job of a sweep before it begins, as Hydra composes them when it does."""

import copy
import re

from hydra.core.config_loader import ConfigLoader
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf, open_dict, read_write
from omegaconf.errors import OmegaConfBaseException

from experiments.options.schema import ConfigError
from experiments.running.sweep_names import job_name
from experiments.running.sweep_plan import Plan, flat

PLAIN_VALUE = re.compile(r"(population|learning|record|task|network|criterion|error)\.[\w.]+=")
"""An override that gives one option a value, whatever files are chosen."""

OWN_NAME = "${directory_name:"
"""What ``hydra.sweep.subdir`` begins with where the user has not given it."""


class Composing:
    """Adds jobs to the plan of a sweep. The files are put together once for each choice of them.

    master: the options that Hydra hands a sweeper.
    """

    def __init__(self, loader: ConfigLoader, master: DictConfig, plan: Plan) -> None:
        self.loader, self.master, self.plan = loader, master, plan
        self.bases: dict[tuple[str, ...], DictConfig | None] = {}
        sweep = OmegaConf.to_container(master.hydra.sweep, resolve=False)
        assert isinstance(sweep, dict)
        self.named_here = str(sweep["subdir"]).startswith(OWN_NAME)

    def add(self, overrides: list[str]) -> None:
        """One more job of these overrides. Raises ConfigError where they cannot be put together."""
        number = len(self.plan.jobs)
        try:
            config = self.quickly(overrides) if self.named_here else None
            if config is not None:
                self.plan.add(overrides, job_name(number, overrides, self.plan.swept), flat(config))
            else:
                self.thoroughly(number, overrides)
        except (HydraException, OmegaConfBaseException) as problem:
            raise ConfigError(f"job {number}, {' '.join(overrides)}: {str(problem).strip().splitlines()[0]}") from None

    def quickly(self, overrides: list[str]) -> DictConfig | None:
        """The options of a job; None where they depend on more than the overrides and the files."""
        values = [text for text in overrides if PLAIN_VALUE.match(text)]  # which Hydra puts in last too
        chosen = tuple(text for text in overrides if text not in values)
        if any("$" in text for text in values):  # ${hydra:job.num}, which Hydra's own sweeper writes with backslashes
            return None
        if chosen not in self.bases:
            self.bases[chosen] = self.base(chosen)
        config = copy.deepcopy(self.bases[chosen])
        if config is not None:
            for override in OverridesParser.create().parse_overrides(values):
                OmegaConf.update(config, override.key_or_group, override.value(), merge=True)
        return config

    def base(self, chosen: tuple[str, ...]) -> DictConfig | None:
        """The options without those that are given a value; None where they depend on the job, or on the time."""
        config = self.loader.load_sweep_config(self.master, list(chosen))
        with read_write(config), open_dict(config):
            del config["hydra"]
        own = OmegaConf.to_yaml(config)
        return None if any(resolver in own for resolver in ("${hydra", "${now", "${oc.")) else config

    def thoroughly(self, number: int, overrides: list[str]) -> None:
        """Add the job as Hydra's launchers compose it."""
        options = self.loader.load_sweep_config(self.master, overrides)
        with open_dict(options):
            options.hydra.job.id = options.hydra.job.num = number
        hydra = HydraConfig.instance()
        before = hydra.cfg
        hydra.set_config(options)
        try:
            directory = str(OmegaConf.select(options, "hydra.sweep.subdir"))
            own = copy.deepcopy(options)
            with read_write(own), open_dict(own):
                del own["hydra"]
            self.plan.add(overrides, directory, flat(own))
        finally:
            hydra.cfg = before
