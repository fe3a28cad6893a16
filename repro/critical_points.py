"""What kind of place a network is stuck in, and where the way down from there ends.

N p.535 speaks of poor local minima, P p.332-333 of one of exclusive-or. A network that has stopped learning need not
be at a minimum: the gradient is also small on a plateau, and at a saddle, from which E falls to one side. The second
derivatives of E tell these apart (``repro.plateau.curvature``), and so does a way that leads nowhere but down.

Four kinds of place, by what the training itself could do in as many sweeps as it has had. A gradient that stays as it
is changes w by ε / (1 - α) of itself a sweep, by (9). So in S sweeps

- a gradient of size g lowers E by about S ε / (1 - α) g²: the network is "moving" where that is over STILL of E;
- along a direction of curvature λ a small distance becomes exp(-λ S ε / (1 - α)) times as large. λ is clearly negative,
  or clearly positive, where the exponent is beyond CLEARLY. One that moves not is at a "saddle" where a curvature is
  clearly negative, at a "minimum" where all are clearly positive, and elsewhere at a "flat" place.

A minimum that lies at infinity counts as flat: where E nears its lowest as exp(-k w), equation (8) makes w grow as the
logarithm of the sweeps t, and at t the curvature is (1 - α) / (ε t), a tenth of what is clear.

Shapes: ``[replicas]``, or ``[weights, replicas]`` for all weights of a network in the order of ``weight_shapes``.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from repro.errors import AS_PRINTED, ErrorMeasure
from repro.learning import Phase
from repro.networks import Architecture, Network, activity
from repro.plateau import curvature
from repro.tasks import Task
from repro.training_setup import met_by

STILL = 0.01
"""The part of E that a network which is not "moving" would lose at most, were it trained for as long again. So one that
comes ever nearer to E = 0 is moving, however little E there is left to lose."""

CLEARLY = 10.0
"""The exponent of what the training would have done along a direction: growth, or decay, to e^10, some 22,000 times."""

FIRST_STEP, LONGEST_STEP = 0.1, 1.0
"""How far, over all weights together, the first step down may go, and any: the way is to lead past no barrier."""

LOOKS = 4
"""At so many points of a step E has to be lower than at the one before."""

AS_FORETOLD = (0.1, 0.25, 0.75)
"""A step is made where E falls by at least the first part of what the derivatives say. Below the second the next may
go a quarter as far; from the third on it may go twice as far."""

FALLS = 1e-12
"""E has stopped falling where the next step would take off no more than this part of it. float64 tells 1e-16 of it.
At an end at infinity there may be a lower one behind it, where so little tells no slope: E is at most that."""

MOST_STEPS = 1_000
"""Where E has not stopped falling after so many, the way is left there."""

HALVINGS = 60
"""How often the interval is halved in which the length of a step is looked for."""


@dataclass(frozen=True)
class Place:
    """Where networks are, one value a replica.

    E by (3). gradient: the length of ∂E/∂w over all weights. size: that of w. lowest, highest: the extreme eigenvalues
    of the second derivatives of E by all weights. negative: how many are clearly negative. flat: how many are neither
    that nor clearly positive. escape_rate: the growth per sweep along the lowest one, -λ ε / (1 - α); 0 where none is
    negative. kind: "moving", "saddle", "flat" or "minimum", as the module says.
    """

    E: Tensor
    gradient: Tensor
    size: Tensor
    lowest: Tensor
    highest: Tensor
    negative: Tensor
    flat: Tensor
    escape_rate: Tensor
    kind: tuple[str, ...]


@dataclass(frozen=True)
class Way:
    """Where the way down has led: the weights by key ``[to, from, replicas]``, after how many steps, and to what end.

    end: "solved" where every output is within the tolerance, "stuck" where E has stopped falling, "falling" where
    neither has come about in MOST_STEPS.
    """

    weights: dict[str, Tensor]
    steps: Tensor
    end: tuple[str, ...]


def clear_curvature(phase: Phase, sweeps: int) -> float:
    """The least curvature that is clearly not 0 for such training: CLEARLY (1 - α) / (ε S).

    Raises ValueError where ε is 0 or ``sweeps`` below 1: training that changes nothing tells no slope from none.
    """
    if phase.epsilon == 0 or sweeps < 1:
        raise ValueError(f"epsilon={phase.epsilon}, sweeps={sweeps}: training that changes no weight has no scale")
    return CLEARLY * (1 - phase.alpha) / (phase.epsilon * sweeps)


def place(network: Network, task: Task, phase: Phase, sweeps: int, measure: ErrorMeasure = AS_PRINTED) -> Place:
    """What kind of place each replica is at, for training with this ε and α for so many sweeps.

    Raises ValueError for weights that are not float64, or not finite, and as ``clear_curvature``.
    """
    clear, w = clear_curvature(phase, sweeps), checked(network)
    dE_dw, d2E = slopes(network, task, measure), curvature(network, task, measure, keys_of(network))
    eigenvalues = torch.linalg.eigvalsh(d2E.permute(2, 0, 1)).T
    lowest, highest, gradient = eigenvalues[0], eigenvalues[-1], dE_dw.norm(dim=0)
    E = errors(network.architecture, w, task, measure)
    a_sweep = phase.epsilon / (1 - phase.alpha)
    moving = sweeps * a_sweep * gradient**2 > STILL * E
    return Place(
        E=E,
        gradient=gradient,
        size=w.norm(dim=0),
        lowest=lowest,
        highest=highest,
        negative=(eigenvalues < -clear).sum(dim=0),
        flat=(eigenvalues.abs() <= clear).sum(dim=0),
        escape_rate=(-lowest).clamp_min(0) * a_sweep,
        kind=tuple(
            "moving" if moves else "saddle" if low < -clear else "flat" if low <= clear else "minimum"
            for moves, low in zip(moving.tolist(), lowest.tolist(), strict=True)
        ),
    )


def downhill(network: Network, task: Task, tolerance: float, measure: ErrorMeasure = AS_PRINTED) -> Way:
    """Go down from where the networks are, never up, until they have learned or E has stopped falling.

    Newton's method within a trust region: each step goes to where E is lowest, by its first and second derivatives,
    among the points near enough for these to be believed (Nocedal & Wright, Numerical Optimization, 2nd ed. 2006,
    ch. 4). It leaves a saddle along the direction of lowest curvature even where the gradient is 0. What it cannot
    leave is a place from which E falls by its third or fourth derivatives only. It is one way down of many, and another
    may end elsewhere. Not a way to train: nothing in it is local to a link.

    Learned: every output within ``tolerance`` of its desired value, in every case. Raises ValueError as ``place``.
    """
    architecture, d = network.architecture, task.desired.unsqueeze(2)
    w = checked(network)
    steps = torch.zeros(network.replicas, dtype=torch.long)
    radius = torch.full_like(w[0], FIRST_STEP)
    falling = torch.ones_like(steps, dtype=torch.bool)
    solved = met_by(outputs(architecture, w, task), d, tolerance)
    for _ in range(MOST_STEPS):
        going = (falling & ~solved).nonzero()[:, 0]
        if not len(going):
            break
        here, far = w[:, going], radius[going]
        some = Network(architecture, by_key(architecture, here))
        step, foretold = trust_region_step(
            slopes(some, task, measure), curvature(some, task, measure, keys_of(some)), far
        )
        E = torch.stack([errors(architecture, here + step * (n / LOOKS), task, measure) for n in range(LOOKS + 1)])
        fallen = (E[0] - E[-1]) / foretold.clamp_min(torch.finfo(E.dtype).tiny)
        least, poor, good = AS_FORETOLD
        falling[going] = foretold > FALLS * E[0]
        made = (fallen > least) & (E.diff(dim=0) < 0).all(dim=0) & falling[going]
        w[:, going] = torch.where(made, here + step, here)
        steps[going] += made
        farther = torch.where((fallen > good) & made, far * 2, far).clamp_max(LONGEST_STEP)
        radius[going] = torch.where((fallen < poor) | ~made, far / 4, farther)
        solved[going] = met_by(outputs(architecture, w[:, going], task), d, tolerance)
    ends = zip(solved.tolist(), falling.tolist(), strict=True)
    end = tuple("solved" if has else "falling" if falls else "stuck" for has, falls in ends)
    return Way(by_key(architecture, w), steps, end)


def trust_region_step(dE_dw: Tensor, d2E: Tensor, radius: Tensor) -> tuple[Tensor, Tensor]:
    """The step to the lowest point of g·p + ½ p·Hp with |p| at most the radius, and by how much it is lower.

    dE_dw ``[weights, replicas]``, d2E ``[weights, weights, replicas]``, radius ``[replicas]``; returns p
    ``[weights, replicas]`` and the fall ``[replicas]``.

    p = -(H + μ)⁻¹ g, with the least μ from 0 on that leaves no curvature of H + μ negative and p no longer than the
    radius. Where g has no part along the lowest, negative curvature, that p may be too short: then it goes on that way.
    """
    curvatures, directions = torch.linalg.eigh(d2E.permute(2, 0, 1))
    along = (directions.mT @ dE_dw.T.unsqueeze(2))[..., 0]
    length, far = along.norm(dim=1, keepdim=True), radius.unsqueeze(1)

    def move(mu: Tensor) -> Tensor:
        """Along each direction; none where there is no slope."""
        return torch.where(along == 0, 0.0, -along / (curvatures + mu))

    least = (-curvatures[:, :1]).clamp_min(0)
    low, high = least, least + length / far
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        too_long = move(middle).norm(dim=1, keepdim=True) > far
        low, high = torch.where(too_long, middle, low), torch.where(too_long, high, middle)
    inside = (curvatures[:, :1] > 0) & (move(torch.zeros_like(low)).norm(dim=1, keepdim=True) <= far)
    p = move(torch.where(inside, 0.0, high))
    rest = (far[:, 0] ** 2 - (p[:, 1:] ** 2).sum(dim=1)).clamp_min(0).sqrt()
    downwards = torch.where(along[:, 0] > 0, -rest, rest)
    p[:, 0] = torch.where(curvatures[:, 0] < 0, downwards, p[:, 0])
    fall = -(along * p + curvatures * p**2 / 2).sum(dim=1)
    return (directions @ p.unsqueeze(2))[..., 0].T, fall


def keys_of(network: Network) -> list[str]:
    """The keys in the order of the plan: ``network.weights`` has them in that of the alphabet."""
    return list(network.architecture.weight_shapes)


def checked(network: Network) -> Tensor:
    """All weights ``[weights, replicas]``, a copy. Raises ValueError where they are not float64 or not finite."""
    for key, weights in network.weights.items():
        if weights.dtype != torch.float64:
            raise ValueError(f"weights of {key} are {weights.dtype}: second derivatives need float64")
        if not weights.isfinite().all():
            raise ValueError(f"weights of {key} are not all finite: such a network is nowhere")
    return torch.cat([network.weights[key].detach().flatten(0, 1) for key in keys_of(network)])


def by_key(architecture: Architecture, w: Tensor) -> dict[str, Tensor]:
    """Weights ``[weights, replicas]`` as ``Network`` takes them, ``[to, from, replicas]`` by key."""
    shapes = architecture.weight_shapes
    parts = w.split([to * source for to, source in shapes.values()])
    return {key: part.unflatten(0, shape) for (key, shape), part in zip(shapes.items(), parts, strict=True)}


def slopes(network: Network, task: Task, measure: ErrorMeasure) -> Tensor:
    """∂E/∂w of all weights, ``[weights, replicas]``, by (4) to (7)."""
    _, dE_dw = network.derivatives(task.inputs, task.desired.unsqueeze(2), measure)
    return torch.cat([dE_dw[key].flatten(0, 1) for key in keys_of(network)])


def outputs(architecture: Architecture, w: Tensor, task: Task) -> Tensor:
    """The outputs ``[cases, units, replicas]`` with weights ``[weights, replicas]``, by (1) and (2)."""
    weights: Mapping[str, Tensor] = by_key(architecture, w)
    return activity(architecture, weights, task.inputs)[architecture.output]


def errors(architecture: Architecture, w: Tensor, task: Task, measure: ErrorMeasure) -> Tensor:
    """E ``[replicas]`` with weights ``[weights, replicas]``, by (3) or as the measure has it."""
    return measure.E(outputs(architecture, w, task), task.desired.unsqueeze(2))
