"""What a trained network shows: pure functions of its weights or outputs, one value a replica.

The claims S1 to S7 are those of N p.534 and Fig. 1 about the symmetry network. Weights are ``[to, from, replicas]``,
outputs ``[cases, units, replicas]``; hidden units come in no particular order.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from repro.networks import ALWAYS_ON, Network, link_name
from repro.tasks import Task

ANTISYMMETRY_WITHIN = 0.05
"""S3 and S6 hold where weights agree to this part of the largest one (the printed ones: 0.007)."""

RATIO_WITHIN = 0.1
"""S4 holds where the ratios are within this part of 2 and 4 (the printed ones: 1.99 and 3.94)."""

AS_PRINTED_WITHIN = 0.05
"""A stuck XOR network is stuck as printed where its outputs are this close to those of the printed weights."""

INTERMEDIATE = (0.25, 0.75)
"""An encoder's hidden output strictly between is nearer to 0.5 than to 0 and to 1, which are what P Table 5 prints."""


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


@dataclass(frozen=True)
class SymmetryClaims:
    """Claims S3 to S7 for each replica, ``[replicas]`` each: measures, and whether each claim holds.

    smallest, ratio_middle, ratio_largest: the sizes on a side, see ``side_sizes``. hidden_bias, hidden_to_output:
    the mean over the two hidden units.
    """

    antisymmetry: Tensor
    smallest: Tensor
    ratio_middle: Tensor
    ratio_largest: Tensor
    opposite_units: Tensor
    hidden_bias: Tensor
    hidden_to_output: Tensor
    output_bias: Tensor
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
        S3=antisymmetry(w) <= ANTISYMMETRY_WITHIN,
        S4=((ratios / exact - 1).abs() <= RATIO_WITHIN).all(dim=0),
        S5=(hidden_bias < 0).all(dim=0)[0]
        & (output_bias > 0)[0, 0]
        & (hidden_on[symmetric] == 0).all(dim=0)
        & output_on[symmetric].all(dim=0),
        S6=opposite_units(w) <= ANTISYMMETRY_WITHIN,
        S7=(hidden_on[~symmetric] == 1).all(dim=0) & ~output_on[~symmetric].any(dim=0),
    )


def stuck_as_printed(y: Tensor, printed: Tensor) -> Tensor:
    """Whether XOR outputs are those of the printed local minimum (P Fig. 5), the two inputs in either order.

    y ``[4, replicas]``, the outputs for 00, 01, 10, 11; printed ``[4]``. Returns ``[replicas]``, bool.
    """
    swapped = printed[[0, 2, 1, 3]]
    gaps = torch.stack([(y - p.unsqueeze(1)).abs().amax(dim=0) for p in (printed, swapped)])
    return gaps.amin(dim=0) <= AS_PRINTED_WITHIN


def undecided(y: Tensor, d: Tensor) -> Tensor:
    """Whether every output stands half way between off and on: a network that tells no two cases apart.

    y ``[cases, replicas]``, d ``[cases]``. Returns ``[replicas]``, bool.
    """
    half_way = (d.min() + d.max()) / 2
    return (y - half_way).abs().amax(dim=0) <= AS_PRINTED_WITHIN


@dataclass(frozen=True)
class Counting:
    """How the hidden units of parity networks stand to the number of inputs that are on, ``[replicas]`` each.

    by_count: which hidden units are on depends on that number alone. inverted: how many are on where no input is.
    counts: with those inverted, as many hidden units are on as inputs. as_printed: as many are on as inputs are off
    (P Table 3); so all are inverted, and it counts.
    """

    by_count: Tensor
    inverted: Tensor
    counts: Tensor
    as_printed: Tensor


def counting(hidden: Tensor, inputs: Tensor) -> Counting:
    """Whether hidden units count the inputs; "on" is an output above 0.5.

    hidden ``[cases, units, replicas]``, inputs ``[cases, units]``, 0 or 1, every number of ones among them.

    With as many hidden units as inputs nothing else is counting: a number of (possibly inverted) units that rises or
    falls with every further input runs from 0 to all, so the units on at 0 are those that are inverted, or all others.
    """
    on, ones = hidden > 0.5, inputs.sum(dim=1).long()
    first = torch.stack([(ones == count).int().argmax() for count in range(inputs.shape[1] + 1)])
    at_0, number = on[first[0]], ones.unsqueeze(1)
    return Counting(
        by_count=(on == on[first[ones]]).all(dim=(0, 1)),
        inverted=at_0.sum(dim=0),
        counts=((on ^ at_0).sum(dim=1) == number).all(dim=0),
        as_printed=(on.sum(dim=1) == inputs.shape[1] - number).all(dim=0),
    )


@dataclass(frozen=True)
class Codes:
    """The codes that hidden units give the cases, each output taken to 0, 0.5 or 1 (P Table 5), ``[replicas]`` each.

    intermediate: outputs of 0.5, all cases together. intermediate_codes: cases with one. codes: different codes.
    corners: different codes without 0.5.
    """

    intermediate: Tensor
    intermediate_codes: Tensor
    codes: Tensor
    corners: Tensor


def codes(hidden: Tensor) -> Codes:
    """How the hidden units of encoders use intermediate values. hidden ``[cases, units, replicas]``."""
    low, high = INTERMEDIATE
    between = (hidden > low) & (hidden < high)
    level = torch.where(between, 1, 2 * (hidden >= high).long())
    seen = torch.stack([(level[:c] == level[c]).all(dim=1).any(dim=0) for c in range(len(level))])
    pure = ~between.any(dim=1)
    return Codes(
        intermediate=between.sum(dim=(0, 1)),
        intermediate_codes=(~pure).sum(dim=0),
        codes=(~seen).sum(dim=0),
        corners=(~seen & pure).sum(dim=0),
    )
