"""The learning curves of a population, kept for files and figures.

A recorder, called with each ``Snapshot`` that ``repro.training.train`` yields; ``ProgressBar`` and ``TensorBoard`` are
two more.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from experiments.files import number
from repro.training import Snapshot

QUANTILES = (0.25, 0.5, 0.75)

KEY_BITS = 12
"""Of a number's bits, how many are looked at first where one of some rank is looked for among many."""


def quartiles(E: Tensor) -> list[float]:
    """The quartiles of ``[replicas]``, those that are not numbers left out; nan where none is one.

    ``torch.nanquantile`` gives the same, refuses more than 2^24 values (torch 2.13), and sorts them all, for which a
    short training would wait at every snapshot.
    """
    values = E.cpu().numpy()
    if np.isnan(values.min()):
        values = values[~np.isnan(values)]
    if not len(values):
        return [np.nan] * len(QUANTILES)
    at = torch.tensor(QUANTILES, dtype=torch.double) * (len(values) - 1)
    ranks = torch.stack([at.floor(), at.ceil()])
    below, above = torch.tensor(in_order(values, ranks.flatten().long().tolist()), dtype=torch.double).view_as(ranks)
    found: list[float] = torch.lerp(below, above, at - at.floor()).tolist()
    return found


def in_order(values: np.ndarray, ranks: Sequence[int]) -> list[float]:
    """Those of some ranks, from 0, among numbers in ascending order; none of them is nan.

    Only the few that have their highest bits in common with the one looked for are sorted.
    """
    if len(values) <= 2**KEY_BITS:
        return [float(value) for value in np.sort(values)[[*ranks]]]
    bits = values.itemsize * 8
    unsigned, signed = values.view(f"u{values.itemsize}"), values.view(f"i{values.itemsize}")
    sign = unsigned.dtype.type(1 << bits - 1)
    keys = unsigned ^ ((signed >> (bits - 1)).view(unsigned.dtype) | sign)  # in the order of the numbers
    keys -= keys.min()
    keys >>= unsigned.dtype.type(max(0, int(keys.max()).bit_length() - KEY_BITS))
    up_to = np.bincount(keys.astype(np.intp)).cumsum()
    key_of = np.searchsorted(up_to, ranks, side="right")
    alike = {key: np.sort(values[keys == key]) for key in set(key_of)}
    # from the end of those alike, whom up_to counts too
    return [float(alike[key][rank - up_to[key]]) for rank, key in zip(ranks, key_of, strict=True)]


@dataclass
class Curves:
    """The population's learning curves: at each snapshot E's quartiles, and the part that has met the criterion."""

    sweeps: list[int] = field(default_factory=list)
    E: list[list[float]] = field(default_factory=list)
    learned: list[float] = field(default_factory=list)

    def __call__(self, snapshot: Snapshot) -> None:
        self.sweeps.append(snapshot.sweep)
        self.E.append(quartiles(snapshot.population.E))
        self.learned.append(int(snapshot.population.learned.count_nonzero()) / len(snapshot.population.seeds))

    def write(self, path: Path) -> None:
        """A row a snapshot: sweep, E at its quartiles, part learned."""
        with path.open("w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["sweep", "E_lower_quartile", "E_median", "E_upper_quartile", "learned"])
            for sweep, E, learned in zip(self.sweeps, self.E, self.learned, strict=True):
                writer.writerow([sweep, *map(number, E), number(learned)])
