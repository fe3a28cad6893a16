"""Hydra looks into folders of one's own wherever it starts: it finds this because it stands beside experiments/."""

from experiments.options.folders import OwnFolders

__all__ = ["OwnFolders"]
