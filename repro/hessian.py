"""First and second derivatives of E by all weights of a network, and E itself, for weights as one column.

Shapes: ``[weights, replicas]`` for all weights in the order of ``weight_shapes``; ``[weights, weights, replicas]`` for
the second derivatives.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from repro.errors import ErrorMeasure
from repro.networks import Network, Plan, error
from repro.population import by_key, finite, flat
from repro.tasks import Task


def hessian(network: Network, task: Task, error_measure: ErrorMeasure, keys: Sequence[str] | None = None) -> Tensor:
    """The second derivatives of E by the weights of ``keys``, or all, ``[weights, weights, replicas]``.

    Each row is one more backward pass, for all replicas at once, since no replica's E depends on another's weights.
    """
    weights = [network.weights[key] for key in keys or network.architecture.weight_shapes]
    E = error(network(task.inputs), task.desired, error_measure)
    slopes = torch.autograd.grad(E.sum(), weights, create_graph=True)
    rows = []
    for slope in slopes:
        for one in slope.flatten(0, 1):
            row = torch.autograd.grad(one.sum(), weights, retain_graph=True, materialize_grads=True)
            rows.append(torch.cat([part.flatten(0, 1) for part in row]))
    return torch.stack(rows)


def checked(network: Network) -> Tensor:
    """All weights ``[weights, replicas]``, a copy. Raises ValueError where they are not float64 or not finite."""
    for key, weights in network.weights.items():
        if weights.dtype != torch.float64:
            raise ValueError(f"weights of {key} are {weights.dtype}: second derivatives need float64")
        if not finite({key: weights}):
            raise ValueError(f"weights of {key} are not all finite: such a network is nowhere")
    return flat(network.architecture, dict(network.weights.items())).detach()


def slopes(network: Network, task: Task, error_measure: ErrorMeasure) -> Tensor:
    """∂E/∂w of all weights, ``[weights, replicas]``, by (4) to (7)."""
    _, dE_dw = network.derivatives(task.inputs, task.desired.unsqueeze(2), error_measure)
    return flat(network.architecture, dE_dw)


def outputs(architecture: Plan, w: Tensor, task: Task) -> Tensor:
    """The outputs ``[cases, units, replicas]`` with weights ``[weights, replicas]``, by (1) and (2)."""
    return architecture.activity(by_key(architecture, w), task.inputs)[architecture.output]


def errors(architecture: Plan, w: Tensor, task: Task, error_measure: ErrorMeasure) -> Tensor:
    """E ``[replicas]`` with weights ``[weights, replicas]``, by (3) or as the error_measure has it."""
    return error_measure.E(outputs(architecture, w, task), task.desired.unsqueeze(2))
