"""Numbers that are one for all replicas, or one for each: a float, or a float64 tensor ``[replicas]``.

So a population can hold many settings of the learning rule side by side. A replica's numbers are worked out as they
would be if all had its setting: the float64 that it is given takes the precision of the weights once, where it meets
them, as a float does.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Number = float | Tensor


def checked(name: str, value: Number, holds: Callable[[Number], bool | Tensor], remedy: str) -> Number:
    """The same, in float64 where there is one for each replica.

    Raises ValueError, with the name, the value and the remedy, unless it holds for every one of them.
    """
    if not isinstance(value, Tensor):
        if not holds(value):
            raise ValueError(f"{name}={value}: {remedy}")
        return value
    if value.ndim != 1:
        shape = list(value.shape)
        raise ValueError(f"{name} has shape {shape}: give one number, or a tensor with one for each replica")
    value = value.double()
    wrong = torch.as_tensor(holds(value)).logical_not().nonzero()[:, 0].tolist()
    for replica in wrong[:1]:
        raise ValueError(f"{name}[{replica}]={float(value[replica])}: {remedy}")
    return value


def check_count(name: str, value: Number, replicas: int) -> None:
    """Raises ValueError where there is one for each of some other number of replicas."""
    if isinstance(value, Tensor) and len(value) != replicas:
        remedy = "give one number, or one for each of them"
        raise ValueError(f"{name} has {len(value)} numbers, and there are {replicas} replicas: {remedy}")


def of_some(value: Number, replicas: Tensor) -> Number:
    """For some replicas, by their numbers in the population, ``[some]``."""
    return value[replicas] if isinstance(value, Tensor) else value


def together(values: Sequence[Number], counts: Sequence[int]) -> Number:
    """Those of several populations, of so many replicas each, for all their replicas one after the other."""
    first = values[0]
    if not any(isinstance(value, Tensor) or value != first for value in values):
        return first
    each = [
        v if isinstance(v, Tensor) else torch.full((n,), v, dtype=torch.float64)
        for v, n in zip(values, counts, strict=True)
    ]
    return torch.cat(each)


def like(value: Number, w: Tensor) -> Number:
    """In the precision of w ``[to, from, replicas]``: float64 tensors would make float64 of a product with it."""
    return value.to(w.dtype) if isinstance(value, Tensor) else value
