"""What kind of place a network is stuck in.

N p.535 speaks of poor local minima, P p.332-333 of one of exclusive-or. A network that has stopped learning need not
be at a minimum: the gradient is also small on a plateau, and at a saddle, from which E falls to one side. The second
derivatives of E tell these apart, and so does a way that leads nowhere but down (``repro.trust_region``).

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

from dataclasses import dataclass

import torch
from torch import Tensor

from repro.errors import AS_PRINTED, ErrorMeasure
from repro.hessian import checked, errors, hessian, slopes
from repro.learning import Phase
from repro.networks import Network
from repro.per_replica import Number
from repro.tasks import Task

STILL = 0.01
"""The part of E that a network which is not "moving" would lose at most, were it trained for as long again. So one that
comes ever nearer to E = 0 is moving, however little E there is left to lose."""

CLEARLY = 10.0
"""The exponent of what the training would have done along a direction: growth, or decay, to e^10, some 22,000 times."""


@dataclass(frozen=True)
class CriticalPoint:
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


def clear_curvature(phase: Phase, sweeps: int) -> Number:
    """The least curvature that is clearly not 0 for such training: CLEARLY (1 - α) / (ε S), of each replica.

    Raises ValueError where ε is 0 or ``sweeps`` below 1: training that changes nothing tells no slope from none.
    """
    if bool(torch.as_tensor(phase.epsilon == 0).any()) or sweeps < 1:
        raise ValueError(f"epsilon={phase.epsilon}, sweeps={sweeps}: training that changes no weight has no scale")
    return CLEARLY * (1 - phase.alpha) / (phase.epsilon * sweeps)


def classify(
    network: Network, task: Task, phase: Phase, sweeps: int, error_measure: ErrorMeasure = AS_PRINTED
) -> CriticalPoint:
    """What kind of place each replica is at, for training with this ε and α for so many sweeps.

    Raises ValueError for weights that are not float64, or not finite, and as ``clear_curvature``.
    """
    clear, w = clear_curvature(phase, sweeps), checked(network)
    dE_dw, d2E = slopes(network, task, error_measure), hessian(network, task, error_measure)
    eigenvalues = torch.linalg.eigvalsh(d2E.permute(2, 0, 1)).T
    lowest, highest, gradient = eigenvalues[0], eigenvalues[-1], dE_dw.norm(dim=0)
    E = errors(network.architecture, w, task, error_measure)
    a_sweep = phase.epsilon / (1 - phase.alpha)
    moving = sweeps * a_sweep * gradient**2 > STILL * E
    return CriticalPoint(
        E=E,
        gradient=gradient,
        size=w.norm(dim=0),
        lowest=lowest,
        highest=highest,
        negative=(eigenvalues < -clear).sum(dim=0),
        flat=(eigenvalues.abs() <= clear).sum(dim=0),
        escape_rate=(-lowest).clamp_min(0) * a_sweep,
        kind=tuple(
            "moving" if moves else "saddle" if falls else "flat" if level else "minimum"
            for moves, falls, level in torch.stack([moving, lowest < -clear, lowest <= clear], dim=1).tolist()
        ),
    )
