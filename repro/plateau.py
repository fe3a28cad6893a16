"""Why the family trees stay at their average answer: growth away from a plateau against the decay that holds it there.

At the plateau every case gets the same outputs. What can break that symmetry is a product of four layers of weights,
so that near small weights its growth is small too, and decay pulls each layer back meanwhile. ``growth_rate`` measures
the growth on a network's own weights, from second derivatives of E through the hand-written backward passes.
"""

import torch
from torch import Tensor

from repro.errors import ErrorMeasure
from repro.hessian import hessian
from repro.learning import Phase
from repro.networks import ALWAYS_ON, Network, link_name
from repro.tasks import Task

FARTHEST = 40.0
"""The output biases are looked for between minus this and this: beyond, a logistic unit says nothing but 0 or 1."""


@torch.no_grad()
def settle_output_biases(network: Network, task: Task, error_measure: ErrorMeasure, steps: int = 64) -> None:
    """Move the output biases, and nothing else, to where E is least: the plateau of these weights. In place.

    By halving an interval, one an output unit and replica, to where ∂E/∂b turns from negative to positive. It need not
    be 0 there: where no error counts beyond 0.2 but what counts is measured from 0, E has a step at 0.2, and the bias
    rests at its foot.
    """
    key = link_name(ALWAYS_ON, network.architecture.output)
    b = network.weights[key]
    low, high = torch.full_like(b, -FARTHEST), torch.full_like(b, FARTHEST)
    for _ in range(steps):
        b.copy_((low + high) / 2)
        _, dE_dw = network.derivatives(task.inputs, task.desired.unsqueeze(2), error_measure)
        low, high = torch.where(dE_dw[key] < 0, b, low), torch.where(dE_dw[key] < 0, high, b)
    b.copy_(low)


def growth_rate(network: Network, task: Task, error_measure: ErrorMeasure, phase: Phase) -> Tensor:
    """The growth per sweep of the direction that leaves the plateau fastest, ``[replicas]``.

    -λ ε / (1 - α), with λ the most negative eigenvalue of the second derivatives of E by the weights between units
    (biases left out: they move the plateau, they do not break it); 0 where none is negative. It has to exceed the
    decay for the network to leave. 1 / (1 - α) is what (9) makes of a gradient that stays as it is.
    """
    keys = [key for key in network.weights if not key.startswith(f"{ALWAYS_ON}->")]
    eigenvalues = torch.linalg.eigvalsh(hessian(network, task, error_measure, keys).permute(2, 0, 1))
    growth: Tensor = (-eigenvalues[:, 0]).clamp_min(0) * phase.epsilon / (1 - phase.alpha)
    return growth
