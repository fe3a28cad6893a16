"""Claims S3 to S7 of N p.534 and Fig. 1 about the symmetry network, one value a replica.

Weights are ``[to, from, replicas]``, outputs ``[cases, units, replicas]``; hidden units come in no particular order.
"""

from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from repro.networks import ALWAYS_ON, Network, link_name
from repro.tasks import Task
from repro.trained import Trained

ANTISYMMETRY_WITHIN = 0.05
"""S3 and S6 hold where weights agree to this part of the largest one (the printed ones: 0.007)."""

RATIO_WITHIN = 0.1
"""S4 holds where the ratios are within this part of 2 and 4 (the printed ones: 1.99 and 3.94)."""


def antisymmetry(w: Tensor) -> Tensor:
    """How far weights symmetric about the middle are from equal size and opposite sign (S3).

    w ``[hidden, input, replicas]``; returns max |w_i + w_(n+1-i)| over max |w|, ``[replicas]``; 0 is exact.
    """
    return (w + w.flip(1)).abs().amax(dim=(0, 1)) / w.abs().amax(dim=(0, 1))


def side_sizes(w: Tensor) -> Tensor:
    """The sizes of the weights on one side of the middle, in increasing order (S4: as 1 to 2 to 4).

    w ``[hidden, input, replicas]``; the size of a place is the mean over both sides and all hidden units.
    Returns ``[input / 2, replicas]``.
    """
    half = w.shape[1] // 2
    return ((w.abs() + w.flip(1).abs()) / 2).mean(dim=0)[:half].sort(dim=0).values


def opposite_units(w: Tensor) -> Tensor:
    """How far two hidden units are from the same weights with opposite signs (S6).

    w ``[2, input, replicas]``; returns max |w_1i + w_2i| over max |w|, ``[replicas]``; 0 is exact.
    """
    return (w[0] + w[1]).abs().amax(dim=0) / w.abs().amax(dim=(0, 1))


@torch.no_grad()
def units_apart(network: Network) -> Tensor:
    """How far the two hidden units are from having the same weights, in and out (E4), ``[replicas]``; 0 is the same."""
    weights = network.weights
    parts = [weights[link_name("input", "hidden")], weights[link_name(ALWAYS_ON, "hidden")]]
    of_units = torch.cat([*parts, weights[link_name("hidden", "output")].transpose(0, 1)], dim=1)
    return (of_units[0] - of_units[1]).abs().amax(dim=0)


@dataclass(frozen=True)
class SymmetryClaims:
    """Claims S3 to S7 for each replica, ``[replicas]`` each: measures, and whether each claim holds.

    smallest, ratio_middle, ratio_largest: the sizes on a side, see ``side_sizes``. hidden_bias, hidden_to_output:
    the mean over the two hidden units. units_apart: see there.
    """

    antisymmetry: Tensor
    smallest: Tensor
    ratio_middle: Tensor
    ratio_largest: Tensor
    opposite_units: Tensor
    hidden_bias: Tensor
    hidden_to_output: Tensor
    output_bias: Tensor
    units_apart: Tensor
    S3: Tensor
    S4: Tensor
    S5: Tensor
    S6: Tensor
    S7: Tensor


@torch.no_grad()
def symmetry_claims(network: Network, task: Task) -> SymmetryClaims:
    """Claims S3 to S7 (N Fig. 1) of 6-2-1 networks; "on" is an output above 0.5.

    S5: hidden biases negative, output bias positive, and for each symmetric vector both hidden units off and the
    output on. S7: for each vector that is not symmetric exactly one hidden unit on, and the output off.
    """
    w = network.weights[link_name("input", "hidden")].detach()
    hidden_bias = network.weights[link_name(ALWAYS_ON, "hidden")]
    output_bias = network.weights[link_name(ALWAYS_ON, "output")]
    on = {group: y > 0.5 for group, y in network.activity(task.inputs).items()}
    hidden_on, output_on = on["hidden"].sum(dim=1), on["output"][:, 0]
    symmetric = task.desired[:, 0] > task.desired.mean()
    sizes = side_sizes(w)
    ratios = sizes / sizes[0]
    exact = torch.tensor([1.0, 2.0, 4.0], dtype=w.dtype, device=w.device).unsqueeze(1)
    return SymmetryClaims(
        antisymmetry=antisymmetry(w),
        smallest=sizes[0],
        ratio_middle=ratios[1],
        ratio_largest=ratios[2],
        opposite_units=opposite_units(w),
        hidden_bias=hidden_bias.mean(dim=(0, 1)),
        hidden_to_output=network.weights[link_name("hidden", "output")].detach().mean(dim=(0, 1)),
        output_bias=output_bias[0, 0].detach(),
        units_apart=units_apart(network),
        S3=antisymmetry(w) <= ANTISYMMETRY_WITHIN,
        S4=((ratios / exact - 1).abs() <= RATIO_WITHIN).all(dim=0),
        S5=(hidden_bias < 0).all(dim=0)[0]
        & (output_bias > 0)[0, 0]
        & (hidden_on[symmetric] == 0).all(dim=0)
        & output_on[symmetric].all(dim=0),
        S6=opposite_units(w) <= ANTISYMMETRY_WITHIN,
        S7=(hidden_on[~symmetric] == 1).all(dim=0) & ~output_on[~symmetric].any(dim=0),
    )


def columns(trained: Trained) -> dict[str, Tensor]:
    """Claims S3 to S7 by name, ``[replicas]`` each; none of a network that is not that of N Fig. 1."""
    if trained.setup.printed is None:
        return {}
    plan, weights = trained.setup.architecture, trained.population.weights
    return asdict(symmetry_claims(Network(plan, weights), trained.setup.task))
