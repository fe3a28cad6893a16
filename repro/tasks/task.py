"""A task: a set of input-output cases (N p.533)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True)
class Task:
    """Cases and what is wanted in each.

    inputs: for each input group its units' states, ``[cases, units]``.
    desired: the outputs wanted, ``[cases, units]``; a task's own function gives 0 for off and 1 for on.
    cases: a name for each case, for tables and figures.
    """

    name: str
    inputs: Mapping[str, Tensor]
    desired: Tensor
    cases: tuple[str, ...]

    def with_targets(self, off: float, on: float) -> "Task":
        """The same task with ``off`` and ``on`` wanted in place of 0 and 1 (P p.329 has 0.1 and 0.9)."""
        return replace(self, desired=off + (on - off) * self.desired)

    def in_order(self, number: int) -> "Task":
        """The same cases in another order, drawn by a number; 0: as they are. Weights may change after every case."""
        if not number:
            return self
        order = torch.randperm(len(self.cases), generator=torch.Generator().manual_seed(number))
        inputs = {name: values[order] for name, values in self.inputs.items()}
        return replace(
            self, inputs=inputs, desired=self.desired[order], cases=tuple(self.cases[case] for case in order.tolist())
        )

    def to(self, device: torch.device | str, dtype: torch.dtype) -> "Task":
        """The same task on another device, in another precision; itself where it is there already."""
        if self.desired.device == torch.device(device) and self.desired.dtype == dtype:
            return self
        inputs = {name: values.to(device, dtype) for name, values in self.inputs.items()}
        return replace(self, inputs=inputs, desired=self.desired.to(device, dtype))


def binary_vectors(length: int) -> Tensor:
    """All 2^length binary vectors, ``[2^length, length]``, counting up with the first unit the highest bit."""
    bits = torch.arange(length - 1, -1, -1)
    return ((torch.arange(2**length).unsqueeze(1) >> bits) & 1).to(torch.float64)


def bit_names(vectors: Tensor) -> tuple[str, ...]:
    """``"011"`` for the vector 0, 1, 1."""
    return tuple("".join(str(int(bit)) for bit in vector) for vector in vectors)
