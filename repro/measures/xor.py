"""Where exclusive-or networks end that have not learned (P p.332-333), one value a replica."""

import torch
from torch import Tensor

from repro.networks import Network
from repro.printed_networks import XOR_LOCAL_MINIMUM
from repro.trained import Trained

AS_PRINTED_WITHIN = 0.05
"""A stuck XOR network is stuck as printed where its outputs are this close to those of the printed weights."""


def stuck_as_printed(y: Tensor, printed: Tensor) -> Tensor:
    """Whether XOR outputs are those of the printed local minimum (P Fig. 5), the two inputs in either order.

    y ``[4, replicas]``, the outputs for 00, 01, 10, 11; printed ``[4]``. Returns ``[replicas]``, bool.
    """
    swapped = printed[[0, 2, 1, 3]]
    gaps = torch.stack([(y - p.unsqueeze(1)).abs().amax(dim=0) for p in (printed, swapped)])
    return gaps.amin(dim=0) <= AS_PRINTED_WITHIN


def undecided(y: Tensor, d: Tensor) -> Tensor:
    """Whether every output stands half way between off and on: a network that tells no two cases apart.

    y ``[cases, replicas]``, d ``[cases]``. Returns ``[replicas]``, bool.
    """
    half_way = (d.min() + d.max()) / 2
    return (y - half_way).abs().amax(dim=0) <= AS_PRINTED_WITHIN


def columns(trained: Trained) -> dict[str, Tensor]:
    """The outputs ``y_00`` to ``y_11``, and whether a network is stuck half way, or as printed, ``[replicas]`` each."""
    task = trained.setup.task
    listed = sorted(range(len(task.cases)), key=task.cases.__getitem__)  # 00, 01, 10, 11, in whatever order they came
    y = trained.y[listed, 0]
    found = {f"y_{task.cases[c]}": y[place] for place, c in enumerate(listed)}
    found["undecided"] = undecided(y, task.desired[listed, 0])
    printed = trained.setup.printed
    if printed is XOR_LOCAL_MINIMUM:
        exact = task.to("cpu", torch.float64).inputs
        there = Network(printed.architecture, printed.replica())(exact)[listed, 0, 0].detach()
        found["stuck_as_printed"] = ~trained.population.learned & stuck_as_printed(y, there.to(y))
    return found
