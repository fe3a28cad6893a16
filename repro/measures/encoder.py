"""The codes that the hidden units of encoders give the cases (P p.335-339, Table 5), one value a replica."""

from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from repro.trained import Trained

INTERMEDIATE = (0.25, 0.75)
"""An encoder's hidden output strictly between is nearer to 0.5 than to 0 and to 1, which are what P Table 5 prints."""


@dataclass(frozen=True)
class Codes:
    """The codes that hidden units give the cases, each output taken to 0, 0.5 or 1 (P Table 5), ``[replicas]`` each.

    intermediate: outputs of 0.5, all cases together. intermediate_codes: cases with one. codes: different codes.
    corners: different codes without 0.5.
    """

    intermediate: Tensor
    intermediate_codes: Tensor
    codes: Tensor
    corners: Tensor


def codes(hidden: Tensor) -> Codes:
    """How the hidden units of encoders use intermediate values. hidden ``[cases, units, replicas]``."""
    low, high = INTERMEDIATE
    between = (hidden > low) & (hidden < high)
    level = torch.where(between, 1, 2 * (hidden >= high).long())
    seen = torch.stack([(level[:c] == level[c]).all(dim=1).any(dim=0) for c in range(len(level))])
    pure = ~between.any(dim=1)
    return Codes(
        intermediate=between.sum(dim=(0, 1)),
        intermediate_codes=(~pure).sum(dim=0),
        codes=(~seen).sum(dim=0),
        corners=(~seen & pure).sum(dim=0),
    )


def columns(trained: Trained) -> dict[str, Tensor]:
    """``Codes`` of the hidden units, ``[replicas]`` each; none where there are no hidden units."""
    return {} if trained.hidden is None else asdict(codes(trained.hidden))
