"""Why the family trees stay at their average answer: growth away from a plateau against the decay that holds it there.

At the plateau every case gets the same outputs. What can break that symmetry is a product of four layers of weights,
so that near small weights its growth is small too, and decay pulls each layer back meanwhile. ``growth_rate`` measures
the growth on a network's own weights, from second derivatives of E through the hand-written backward passes.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from repro.errors import ErrorMeasure
from repro.learning import Phase
from repro.networks import ALWAYS_ON, Network, error, link_name
from repro.tasks import Task


def settle_output_biases(network: Network, task: Task, measure: ErrorMeasure, steps: int = 50) -> None:
    """Move the output biases, and nothing else, to where E is least: the plateau of these weights. In place.

    Newton's method, one number an output unit and replica at a time, by autograd's second derivatives.
    """
    b = network.weights[link_name(ALWAYS_ON, network.architecture.output)]
    for _ in range(steps):
        E = error(network(task.inputs), task.desired, measure)
        (slope,) = torch.autograd.grad(E.sum(), b, create_graph=True)
        (curvature,) = torch.autograd.grad(slope.sum(), b)
        with torch.no_grad():
            b -= (slope / curvature.abs().clamp_min(1e-3)).clamp(-0.5, 0.5)


def curvature(network: Network, task: Task, measure: ErrorMeasure, keys: Sequence[str]) -> Tensor:
    """The second derivatives of E by the weights of ``keys``, ``[weights, weights, replicas]``.

    Each row is one more backward pass, for all replicas at once, since no replica's E depends on another's weights.
    """
    weights = [network.weights[key] for key in keys]
    E = error(network(task.inputs), task.desired, measure)
    slopes = torch.autograd.grad(E.sum(), weights, create_graph=True)
    rows = []
    for slope in slopes:
        for one in slope.flatten(0, 1):
            row = torch.autograd.grad(one.sum(), weights, retain_graph=True, materialize_grads=True)
            rows.append(torch.cat([part.flatten(0, 1) for part in row]))
    return torch.stack(rows)


def growth_rate(network: Network, task: Task, measure: ErrorMeasure, phase: Phase) -> Tensor:
    """The growth per sweep of the direction that leaves the plateau fastest, ``[replicas]``.

    -λ ε / (1 - α), with λ the most negative eigenvalue of the second derivatives of E by the weights between units
    (biases left out: they move the plateau, they do not break it); 0 where none is negative. It has to exceed the
    decay for the network to leave. 1 / (1 - α) is what (9) makes of a gradient that stays as it is.
    """
    keys = [key for key in network.weights if not key.startswith(f"{ALWAYS_ON}->")]
    eigenvalues = torch.linalg.eigvalsh(curvature(network, task, measure, keys).permute(2, 0, 1))
    growth: Tensor = (-eigenvalues[:, 0]).clamp_min(0) * phase.epsilon / (1 - phase.alpha)
    return growth
