"""A way down the error surface that never goes up: Newton's method within a trust region.

Shapes: ``[replicas]``, or ``[weights, replicas]`` for all weights of a network in the order of ``weight_shapes``.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from repro.errors import AS_PRINTED, ErrorMeasure
from repro.hessian import checked, errors, hessian, outputs, slopes
from repro.networks import Network
from repro.population import by_key
from repro.tasks import Task
from repro.training_setup import within_tolerance

FIRST_STEP, LONGEST_STEP = 0.1, 1.0
"""How far, over all weights together, the first step down may go, and any: the way is to lead past no barrier."""

POINTS = 4
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
class Descent:
    """Where the way down has led: the weights by key ``[to, from, replicas]``, after how many steps, and to what end.

    end: "solved" where every output is within the tolerance, "stuck" where E has stopped falling, "falling" where
    neither has come about in MOST_STEPS.
    """

    weights: dict[str, Tensor]
    steps: Tensor
    end: tuple[str, ...]


def trust_region_newton(
    network: Network, task: Task, tolerance: float, error_measure: ErrorMeasure = AS_PRINTED
) -> Descent:
    """Go down from where the networks are, never up, until they have learned or E has stopped falling.

    Newton's method within a trust region: each step goes to where E is lowest, by its first and second derivatives,
    among the points near enough for these to be believed (Nocedal & Wright, Numerical Optimization, 2nd ed. 2006,
    ch. 4). It leaves a saddle along the direction of lowest curvature even where the gradient is 0. What it cannot
    leave is a place from which E falls by its third or fourth derivatives only. It is one way down of many, and another
    may end elsewhere. Not a way to train: nothing in it is local to a link.

    Learned: every output within ``tolerance`` of its desired value, in every case. Raises ValueError as
    ``critical_points.classify``.
    """
    architecture, d = network.architecture, task.desired.unsqueeze(2)
    w = checked(network)
    steps = torch.zeros(network.replicas, dtype=torch.long)
    radius = torch.full_like(w[0], FIRST_STEP)
    falling = torch.ones_like(steps, dtype=torch.bool)
    learned = within_tolerance(outputs(architecture, w, task), d, tolerance)
    for _ in range(MOST_STEPS):
        going = (falling & ~learned).nonzero()[:, 0]
        if not len(going):
            break
        here, far = w[:, going], radius[going]
        some = Network(architecture, by_key(architecture, here))
        step, foretold = trust_region_step(slopes(some, task, error_measure), hessian(some, task, error_measure), far)
        E = torch.stack(
            [errors(architecture, here + step * (n / POINTS), task, error_measure) for n in range(POINTS + 1)]
        )
        fallen = (E[0] - E[-1]) / foretold.clamp_min(torch.finfo(E.dtype).tiny)
        least, poor, good = AS_FORETOLD
        falling[going] = foretold > FALLS * E[0]
        made = (fallen > least) & (E.diff(dim=0) < 0).all(dim=0) & falling[going]
        w[:, going] = torch.where(made, here + step, here)
        steps[going] += made
        farther = torch.where((fallen > good) & made, far * 2, far).clamp_max(LONGEST_STEP)
        radius[going] = torch.where((fallen < poor) | ~made, far / 4, farther)
        learned[going] = within_tolerance(outputs(architecture, w[:, going], task), d, tolerance)
    ends = zip(learned.tolist(), falling.tolist(), strict=True)
    end = tuple("solved" if has else "falling" if falls else "stuck" for has, falls in ends)
    return Descent(by_key(architecture, w), steps, end)


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
