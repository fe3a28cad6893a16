"""A population: R networks of one architecture, one per seed, and how far each has come.

Replica r of the population is the network of ``seeds[r]``. Its first weights depend on its seed and the
architecture alone, so it starts, and in exact arithmetic ends, as it would if it were trained by itself.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from repro.networks import ALWAYS_ON, Plan, link_name
from repro.per_replica import Number, check_count, checked

NEVER = -1
"""``learned_at`` of a replica that has not learned."""

LANES = 16
"""float32 numbers in the widest vector of today's CPUs: a number of replicas in between leaves the last vector to be
done one by one, which takes a compiled sweep of 35 half as long again as one of 32."""

DRAWN_AT_ONCE = 10_000
"""Seeds whose first weights are drawn in float64 before they take on the precision of the others."""


def initial_weights(
    architecture: Plan,
    seeds: Sequence[int],
    initial_range: Number,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> dict[str, Tensor]:
    """Weights uniform in [-initial_range, initial_range] (N Fig. 1), biases included, ``[to, from, replicas]`` each.

    initial_range: one for all seeds, or one for each, ``[replicas]``.
    Every seed has its own generator and is drawn in float64 on the CPU: the same start in any precision, on any
    device, in any company. The order of drawing is that of ``architecture.weight_shapes``, row by row.

    Raises ValueError for a negative range, ranges for another number of seeds, or a seed outside 0 to 2^32 - 1: torch's
    CPU generator looks at the last 32 bits only, so 2^32 would be seed 0 once more.
    """
    initial_range = checked("initial_range", initial_range, lambda size: size >= 0, "must be at least 0")
    check_count("initial_range", initial_range, len(seeds))
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
        size = initial_range[begin : begin + len(some), None] if isinstance(initial_range, Tensor) else initial_range
        weights[:, begin : begin + len(some)] = ((2 * drawn - 1) * size).T.to(device, dtype)
    return by_key(architecture, weights)


def by_key(architecture: Plan, flat: Tensor) -> dict[str, Tensor]:
    """All weights of each network in one column, ``[weights, replicas]``, taken apart: ``[to, from, replicas]`` by key.

    In the order of ``architecture.weight_shapes``, each set row by row.
    """
    shapes = architecture.weight_shapes
    parts = flat.split([to * source for to, source in shapes.values()])
    return {key: part.unflatten(0, shape) for (key, shape), part in zip(shapes.items(), parts, strict=True)}


def flat(architecture: Plan, weights: Mapping[str, Tensor]) -> Tensor:
    """The reverse of ``by_key``: ``[weights, replicas]``. A ParameterDict has its keys in the alphabet's order."""
    return torch.cat([weights[key].flatten(0, 1) for key in architecture.weight_shapes])


def some_replicas(values: Tensor, which: Tensor | slice) -> Tensor:
    """What some replicas have of ``[..., replicas]``, a copy. which: their numbers, ``[some]``, or a slice of them.

    By way of two axes: along the last of three, index_select takes ten times as long (torch 2.13 on a CPU).
    """
    if isinstance(which, slice):
        return values[..., which].clone(memory_format=torch.contiguous_format)
    taken = values.reshape(-1, values.shape[-1]).index_select(1, which)
    return taken.view(*values.shape[:-1], len(which))


def put_replicas(values: Tensor, which: Tensor | slice, new: Tensor) -> None:
    """Put what some replicas have in place, ``[..., some]``. One that is named twice must have the same twice."""
    if isinstance(which, slice):
        values[..., which].copy_(new)
    else:
        values.view(-1, values.shape[-1]).index_copy_(1, which, new.reshape(-1, len(which)))


def finite(weights: Mapping[str, Tensor]) -> bool:
    """Whether all the weights are numbers, which those of a network that has diverged are not."""
    return all(bool(w.isfinite().all()) for w in weights.values())


class Weights:
    """A field of ``Population`` that is brought up to date before it is read, where training is ahead of it."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, population: "Population | None", owner: type | None = None) -> dict[str, Tensor]:
        if population is None:
            raise AttributeError(self.name)  # dataclasses asks for a default, and there is none
        if population.catch_up is not None:
            population.catch_up()
        found: dict[str, Tensor] = vars(population)[self.name]
        return found

    def __set__(self, population: "Population", value: dict[str, Tensor]) -> None:
        vars(population)[self.name] = value


@dataclass
class Population:
    """The state of R networks between two sweeps.

    weights, delta_w: by key, ``[to, from, replicas]``, contiguous: w and the last Δw.
    learned_at ``[replicas]``: the number of weight changes after which the replica first met the criterion, or NEVER.
    E ``[replicas]``: the error at the last snapshot.
    catch_up: what brings weights and delta_w up to date; None: they are. See ``repro.training.train``.
    """

    architecture: Plan
    seeds: Sequence[int]
    weights: Weights = Weights()
    delta_w: Weights = Weights()
    learned_at: Tensor  # type: ignore[misc]  # mypy takes a descriptor for a default
    E: Tensor  # type: ignore[misc]
    sweep: int = 0
    catch_up: Callable[[], None] | None = field(default=None, init=False, repr=False, compare=False)

    @classmethod
    def start(
        cls,
        architecture: Plan,
        seeds: Sequence[int],
        initial_range: Number,
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
            delta_w={key: torch.zeros_like(w) for key, w in weights.items()},
            learned_at=torch.full((len(seeds),), NEVER, dtype=torch.int32, device=device),
            E=torch.full((len(seeds),), torch.nan, dtype=dtype, device=device),
        )

    @property
    def learned(self) -> Tensor:
        """Which replicas have met the criterion, ``[replicas]``, bool."""
        return self.learned_at != NEVER

    @property
    def seed_numbers(self) -> Tensor:
        """The seeds, ``[replicas]``, on the CPU."""
        if isinstance(self.seeds, range):  # of which torch would make a list of Python's numbers first
            return torch.arange(self.seeds.start, self.seeds.stop, self.seeds.step)
        return torch.tensor(self.seeds)

    def replica(self, index: int) -> dict[str, Tensor]:
        """The weights of one replica, ``[to, from]`` each."""
        return {key: w[..., index] for key, w in self.weights.items()}

    def take(self, indices: Iterable[int]) -> "Population":
        """Some replicas as a population of their own, a copy, in the order given; one may be taken twice."""
        which = [*indices]
        taken = torch.tensor(which, dtype=torch.long, device=self.E.device)
        return replace(
            self,
            seeds=tuple(self.seeds[r] for r in which),
            weights={key: some_replicas(w, taken) for key, w in self.weights.items()},
            delta_w={key: some_replicas(last, taken) for key, last in self.delta_w.items()},
            learned_at=self.learned_at[taken],
            E=self.E[taken],
        )

    @classmethod
    def joined(cls, populations: Sequence["Population"]) -> "Population":
        """Several populations after the same sweep, one after the other, a copy. Its seeds are their places in it."""
        first = populations[0]
        return cls(
            first.architecture,
            range(sum(len(each.seeds) for each in populations)),
            {key: torch.cat([each.weights[key] for each in populations], dim=2) for key in first.weights},
            {key: torch.cat([each.delta_w[key] for each in populations], dim=2) for key in first.delta_w},
            torch.cat([each.learned_at for each in populations]),
            torch.cat([each.E for each in populations]),
            first.sweep,
        )

    def become(self, of: "Population", begin: int, sweep: int) -> None:
        """Stand, in place, where as many replicas of another population stand after some sweep, from ``begin`` on.

        weights and delta_w follow when they are asked for: until then the other must not go on.
        """
        some = slice(begin, begin + len(self.seeds))
        self.learned_at.copy_(of.learned_at[some])
        self.E.copy_(of.E[some])
        self.sweep = sweep

        def catch_up() -> None:
            self.catch_up = None
            for own, its in ((self.weights, of.weights), (self.delta_w, of.delta_w)):
                for key, values in own.items():
                    values.copy_(its[key][..., some])

        self.catch_up = catch_up

    def cpu(self) -> "Population":
        """The same population in the CPU's memory."""
        return replace(
            self,
            weights={key: w.cpu() for key, w in self.weights.items()},
            delta_w={key: last.cpu() for key, last in self.delta_w.items()},
            learned_at=self.learned_at.cpu(),
            E=self.E.cpu(),
        )


def replicas_per_chunk(architecture: Plan, cases: int, dtype: torch.dtype, budget: int) -> int:
    """How many replicas to sweep at a time so that the largest product of (1), (6), (7) fits ``budget`` bytes.

    Those products have cases x to x from numbers a replica. At least 1; a multiple of LANES where it is as many. What
    it saves is cache misses on a CPU, memory on a GPU; results are the same for any chunk up to rounding.
    """
    widest = max(to * source for to, source in architecture.weight_shapes.values())
    many = max(1, budget // (cases * widest * dtype.itemsize))
    return many if many < LANES else many - many % LANES
