"""A job as Hydra hands it over: its options, its directory, and what Hydra would write there if it did not wait."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from experiments.files import naming, replacing
from experiments.options.schema import Config


@dataclass(frozen=True)
class HydraJob:
    """saved: what Hydra would write to .hydra/NAME.yaml, by name. number: in its multirun, from 0; None: alone."""

    config: Config
    directory: Path
    saved: dict[str, Any]
    number: int | None

    @classmethod
    def of(cls, config: DictConfig) -> "HydraJob":
        """The one that HydraConfig is set to. config: the options that Hydra hands over.

        What stands in ``${}`` is what it is now: that is what the run has, and what is saved to go on with it.
        """
        plain, hydra = OmegaConf.to_object(config), HydraConfig.get()
        assert isinstance(plain, Config)
        resolved = OmegaConf.structured(plain)
        saved = {"config": resolved, "hydra": HydraConfig.instance().cfg, "overrides": hydra.overrides.task}
        number = None if OmegaConf.is_missing(hydra.job, "num") else hydra.job.num
        return cls(plain, Path(hydra.runtime.output_dir), saved, number)

    def save_options(self) -> None:
        """Write .hydra, once the directory is this process's own. Raises NotWritten."""
        with naming(self.directory / ".hydra"):
            (self.directory / ".hydra").mkdir(exist_ok=True)
        for name, options in self.saved.items():
            with replacing(self.directory / ".hydra" / f"{name}.yaml") as path:
                OmegaConf.save(options, path)
