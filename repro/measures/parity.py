"""Whether the hidden units of parity networks count the inputs (P p.334-335, Table 3), one value a replica."""

from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from repro.measures.xor import undecided
from repro.trained import Trained


@dataclass(frozen=True)
class Counting:
    """How the hidden units of parity networks stand to the number of inputs that are on, ``[replicas]`` each.

    by_count: which hidden units are on depends on that number alone. inverted: how many are on where no input is.
    counts: with those inverted, as many hidden units are on as inputs. as_printed: as many are on as inputs are off
    (P Table 3); so all are inverted, and it counts.
    """

    by_count: Tensor
    inverted: Tensor
    counts: Tensor
    as_printed: Tensor


def counting(hidden: Tensor, inputs: Tensor) -> Counting:
    """Whether hidden units count the inputs; "on" is an output above 0.5.

    hidden ``[cases, units, replicas]``, inputs ``[cases, units]``, 0 or 1, every number of ones among them.

    With as many hidden units as inputs nothing else is counting: a number of (possibly inverted) units that rises or
    falls with every further input runs from 0 to all, so the units on at 0 are those that are inverted, or all others.
    """
    on, ones = hidden > 0.5, inputs.sum(dim=1).long()
    first = torch.stack([(ones == count).int().argmax() for count in range(inputs.shape[1] + 1)])
    at_0, number = on[first[0]], ones.unsqueeze(1)
    return Counting(
        by_count=(on == on[first[ones]]).all(dim=(0, 1)),
        inverted=at_0.sum(dim=0),
        counts=((on ^ at_0).sum(dim=1) == number).all(dim=0),
        as_printed=(on.sum(dim=1) == inputs.shape[1] - number).all(dim=0),
    )


def columns(trained: Trained) -> dict[str, Tensor]:
    """``Counting`` of the hidden units, whether all outputs stand half way, the cases right: ``[replicas]`` each."""
    task, hidden = trained.setup.task, trained.hidden
    found = {} if hidden is None else asdict(counting(hidden, task.inputs["input"]))
    found["undecided"] = undecided(trained.y[:, 0], task.desired[:, 0])
    return found | {"right": trained.right.sum(dim=0)}
