"""Hydra's composition of an experiment's options, with the files put together once for each choice of them."""

import copy
from collections.abc import Sequence
from functools import cache

from hydra import compose
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig

from experiments.running.command_line import GROUPS


@cache
def composed(*chosen: str) -> DictConfig:
    return compose("config", [*chosen])


def compose_once(name: str, texts: Sequence[str]) -> DictConfig:
    """What ``compose(name, texts)`` gives, or raises: values are put in by Hydra's own last step."""
    if any(text.startswith("hydra") for text in texts):
        return compose(name, [*texts])
    chosen = [text for text in texts if text.partition("=")[0] in ("experiment", *GROUPS)]
    config = copy.deepcopy(composed(*chosen))
    values = OverridesParser.create().parse_overrides([text for text in texts if text not in chosen])
    ConfigLoaderImpl._apply_overrides_to_config(values, config)
    return config
