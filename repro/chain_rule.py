"""Three ways to all ∂E/∂w of a network, and what each costs: why the derivatives go backward.

The chain rule says what ∂E/∂w is, not in which order to multiply. Backward, as N p.534 has it, each (7) is computed
once and serves every weight below it: one pass for all weights. Forward, a change of one weight is followed up to E:
one pass for each weight. Differences need no chain rule: E is computed anew on both sides of each weight.

Shapes: activity ``[cases, units, replicas]``, weights ``[to, from, replicas]`` by key, inputs ``[cases, units]`` by
group, desired outputs d ``[cases, units, 1]``; derivatives are shaped like the weights.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from repro import equations
from repro.networks import Architecture, derivatives, forward_pass

Tensors = dict[str, Tensor]
Way = Callable[[Architecture, Tensors, Mapping[str, Tensor], Tensor], Tensors]
"""From an architecture, its weights, the inputs and d to ∂E/∂w by key."""

STEP = 1e-6
"""How far ``differences`` moves a weight to each side: the rounding of E, in float64, divided by this is left over."""


def backward(architecture: Architecture, weights: Tensors, inputs: Mapping[str, Tensor], d: Tensor) -> Tensors:
    """∂E/∂w by (4) to (7): one forward and one backward pass, ``networks.derivatives``."""
    _, dE_dw = derivatives(architecture, weights, inputs, d)
    return dE_dw


def forward(architecture: Architecture, weights: Tensors, inputs: Mapping[str, Tensor], d: Tensor) -> Tensors:
    """The same ∂E/∂w by forward accumulation: a pass from below for each weight, after one forward pass for all.

    It carries dx and dy, how fast each unit's x and y change with that one weight: by (1), dx_j is y_i at the unit j
    that the weight leads to and Σ_i dy_i w_ji above; by the slope of (5), dy_j = dx_j · y_j (1 - y_j); and at the top
    ∂E/∂w = Σ_c Σ_j ∂E/∂y_j · dy_j. Groups that the weight does not reach are passed over.
    """
    x, y = forward_pass(architecture, weights, inputs)
    dE_dy = equations.dE_dy_output(y[architecture.output], d)
    dE_dw = {key: torch.empty_like(w) for key, w in weights.items()}
    for key, j, i in each_weight(weights):
        dy: Tensors = {}
        for group in architecture.receiving:
            dx = []
            for link in architecture.into(group):
                if link.key == key:
                    of_this_weight = torch.zeros_like(x[group])
                    of_this_weight[:, j] = y[link.source][:, i]
                    dx.append(of_this_weight)
                if link.source in dy:
                    dx.append(equations.total_input(dy[link.source], weights[link.key]))
            if dx:
                first, *rest = dx
                dy[group] = architecture.function(group).dE_dx(sum(rest, first), x[group], y[group])
        dE_dw[key][j, i] = (dE_dy * dy[architecture.output]).sum(dim=(0, 1))
    return dE_dw


def differences(architecture: Architecture, weights: Tensors, inputs: Mapping[str, Tensor], d: Tensor) -> Tensors:
    """∂E/∂w nearly: (E(w + h) - E(w - h)) / 2h by (1), (2) and (3), two forward passes for each weight; h is STEP."""
    moved = {key: w.clone() for key, w in weights.items()}
    dE_dw = {key: torch.empty_like(w) for key, w in weights.items()}

    def E() -> Tensor:
        _, y = forward_pass(architecture, moved, inputs)
        return equations.error(y[architecture.output], d)

    for key, j, i in each_weight(weights):
        w = weights[key][j, i]
        moved[key][j, i] = w + STEP
        above = E()
        moved[key][j, i] = w - STEP
        dE_dw[key][j, i] = (above - E()) / (2 * STEP)
        moved[key][j, i] = w
    return dE_dw


WAYS: dict[str, Way] = {"backward": backward, "forward": forward, "differences": differences}


def each_weight(weights: Mapping[str, Tensor]) -> Iterator[tuple[str, int, int]]:
    """(key, j, i) of every weight; those that links share, once."""
    return ((key, j, i) for key, w in weights.items() for j in range(w.shape[0]) for i in range(w.shape[1]))


def farthest(found: Mapping[str, Tensor], dE_dw: Mapping[str, Tensor]) -> float:
    """The largest difference between two sets of derivatives, over the largest of the second.

    Raises ValueError where those are all 0: no difference is then small beside them.
    """
    largest = max(float(each.abs().max()) for each in dE_dw.values())
    if largest == 0:
        raise ValueError("every derivative is 0: there is none to measure a difference by")
    return max(float((found[key] - each).abs().max()) for key, each in dE_dw.items()) / largest


ONE_A_NUMBER = {"mul", "pow", "addcmul"}
"""Of torch's operations, those with one multiplication for each number they give; (3) squares by pow."""

ROWS_BY_COLUMNS = {"mm": 0, "bmm": 0, "addmm": 1, "baddbmm": 1}
"""Matrix products, and which of their arguments is the first factor."""


class Products(TorchDispatchMode):
    """Counts the multiplications that torch carries out within ``with Products() as products:``.

    ``products.count`` grows by the size of every product of tensors or numbers, broadcast, as it is executed: for (1),
    (6) and (7) one for each multiply-add. Not counted: sums, differences, quotients, and what the logistic is made of.
    """

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Carry out the operation, and count."""
        result = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__.rstrip("_")  # mul_ is mul in place
        if name in ONE_A_NUMBER:
            self.count += result.numel()
        elif name in ROWS_BY_COLUMNS:
            self.count += args[ROWS_BY_COLUMNS[name]].numel() * result.shape[-1]
        return result
