"""The encoder (P p.335): the output is the input, through fewer hidden units than inputs."""

import torch

from repro.tasks.task import Task


def encoder(units: int = 8) -> Task:
    """One case for each unit of the group ``input``, in which it alone is on; as many output units, the same on.

    Cases are named by the unit, from 1. P has log2(units) hidden units, which are the network's, not the task's.
    Raises ValueError for fewer than 2 units.
    """
    if units < 2:
        raise ValueError(f"an encoder of {units} units: there must be at least 2")
    vectors = torch.eye(units, dtype=torch.float64)
    return Task("encoder", {"input": vectors}, vectors.clone(), tuple(str(unit + 1) for unit in range(units)))
