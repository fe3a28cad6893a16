"""A population: R networks of one architecture, one per seed, and how far each has come.

Replica r of the population is the network of ``seeds[r]``. Its first weights depend on its seed and the
architecture alone, so it starts, and in exact arithmetic ends, as it would if it were trained by itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from repro.networks import ALWAYS_ON, Architecture, link_name

NOT_YET = -1
"""``met_at`` of a replica that has not met the criterion."""

LANES = 16
"""float32 numbers in the widest vector of today's CPUs: a number of replicas in between leaves the last vector to be
done one by one, which takes a compiled sweep of 35 half as long again as one of 32."""

DRAWN_AT_ONCE = 10_000
"""Seeds whose first weights are drawn in float64 before they take on the precision of the others."""


class HasWeights(Protocol):
    """A plan of a network, as far as its weights go: an ``Architecture``, or another."""

    @property
    def weight_shapes(self) -> dict[str, tuple[int, int]]:
        """(to, from) of each set of weights, by key."""

    @property
    def weight_count(self) -> int:
        """All weights of one network."""


def initial_weights(
    architecture: HasWeights,
    seeds: Sequence[int],
    initial_range: float,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> dict[str, Tensor]:
    """Weights uniform in [-initial_range, initial_range] (N Fig. 1), biases included, ``[to, from, replicas]`` each.

    Every seed has its own generator and is drawn in float64 on the CPU: the same start in any precision, on any
    device, in any company. The order of drawing is that of ``architecture.weight_shapes``, row by row.

    Raises ValueError for a negative range, or a seed outside 0 to 2^32 - 1: torch's CPU generator looks at the last
    32 bits only, so 2^32 would be seed 0 once more.
    """
    if initial_range < 0:
        raise ValueError(f"initial_range={initial_range}: must be at least 0")
    for seed in seeds:
        if not 0 <= seed < 2**32:
            raise ValueError(f"seed {seed}: must be at least 0 and below 2^32 = {2**32}")
    generator, count = torch.Generator(), architecture.weight_count
    weights = torch.empty(count, len(seeds), dtype=dtype, device=device)
    for begin in range(0, len(seeds), DRAWN_AT_ONCE):
        some = seeds[begin : begin + DRAWN_AT_ONCE]
        drawn = torch.empty(len(some), count, dtype=torch.float64)
        for row, seed in enumerate(some):
            torch.rand(count, generator=generator.manual_seed(seed), dtype=torch.float64, out=drawn[row])
        weights[:, begin : begin + len(some)] = ((2 * drawn - 1) * initial_range).T.to(device, dtype)
    shapes = architecture.weight_shapes
    parts = weights.split([to * source for to, source in shapes.values()])
    return {key: part.reshape(*shape, len(seeds)) for (key, shape), part in zip(shapes.items(), parts, strict=True)}


@dataclass
class Population:
    """The state of R networks between two sweeps.

    weights, changes: by key, ``[to, from, replicas]``: w and the last Δw.
    met_at ``[replicas]``: the number of weight changes after which the replica first met the criterion, or NOT_YET.
    E ``[replicas]``: the error at the last look.
    """

    architecture: Architecture
    seeds: Sequence[int]
    weights: dict[str, Tensor]
    changes: dict[str, Tensor]
    met_at: Tensor
    E: Tensor
    sweep: int = 0

    @classmethod
    def start(
        cls,
        architecture: Architecture,
        seeds: Sequence[int],
        initial_range: float,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
        output_bias: float | None = None,
        around: Mapping[str, Tensor] | None = None,
    ) -> "Population":
        """A population before its first sweep; every last change is 0. Shapes and errors as in initial_weights.

        output_bias: what the output units' biases start from, in place of a random number.
        around: weights ``[to, from, 1]`` by key that the random numbers are added to, such as a printed network's.
        """
        weights = initial_weights(architecture, seeds, initial_range, dtype, device)
        if around is not None:
            weights = {key: around[key].to(w) + w for key, w in weights.items()}
        if output_bias is not None:
            weights[link_name(ALWAYS_ON, architecture.output)].fill_(output_bias)
        return cls(
            architecture=architecture,
            seeds=seeds if isinstance(seeds, range) else tuple(seeds),
            weights=weights,
            changes={key: torch.zeros_like(w) for key, w in weights.items()},
            met_at=torch.full((len(seeds),), NOT_YET, dtype=torch.int32, device=device),
            E=torch.full((len(seeds),), torch.nan, dtype=dtype, device=device),
        )

    @property
    def met(self) -> Tensor:
        """Which replicas have met the criterion, ``[replicas]``, bool."""
        return self.met_at != NOT_YET

    def replica(self, index: int) -> dict[str, Tensor]:
        """The weights of one replica, ``[to, from]`` each."""
        return {key: w[..., index] for key, w in self.weights.items()}


def replicas_per_chunk(architecture: Architecture, cases: int, dtype: torch.dtype, budget: int) -> int:
    """How many replicas to sweep at a time so that the largest product of (1), (6), (7) fits ``budget`` bytes.

    Those products have cases x to x from numbers a replica. At least 1; a multiple of LANES where it is as many. What
    it saves is cache misses on a CPU, memory on a GPU; results are the same for any chunk up to rounding.
    """
    widest = max(to * source for to, source in architecture.weight_shapes.values())
    many = max(1, budget // (cases * widest * dtype.itemsize))
    return many if many < LANES else many - many % LANES
