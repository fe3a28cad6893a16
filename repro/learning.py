"""The learning rule: equations (8) and (9), the phases of ε and α, and the decay of the weights.

``LearningRule`` is a ``torch.optim.Optimizer``; ``updated`` is the arithmetic of one weight change, which any
other way of running the sweeps calls too.
"""

import copy
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from repro import equations
from repro.choices import DecayOf
from repro.per_replica import Number, checked, like


@dataclass(frozen=True)
class Phase:
    """A stretch of learning with one ε and one α. ``sweeps`` None means until the end.

    ε and α may be one for each replica, ``[replicas]``: see ``repro.per_replica``.

    Raises ValueError for a negative ε, an α outside [0, 1), or fewer than 1 sweep. α = 0 is equation (8).
    """

    epsilon: Number
    alpha: Number = 0.0
    sweeps: int | None = None

    def __post_init__(self) -> None:
        remedy = "must be a number of at least 0"
        epsilon = checked("epsilon", self.epsilon, lambda e: (e >= 0) & (e < float("inf")), remedy)
        remedy = "must be at least 0 and below 1 (N p.535); 0 gives equation (8)"
        alpha = checked("alpha", self.alpha, lambda a: (a >= 0) & (a < 1), remedy)
        if self.sweeps is not None and self.sweeps < 1:
            raise ValueError(f"sweeps={self.sweeps}: a phase has at least 1 sweep")
        object.__setattr__(self, "epsilon", epsilon)
        object.__setattr__(self, "alpha", alpha)

    def each(self, change: Callable[[Number], Number]) -> "Phase":
        """The same with both numbers changed, or itself. They are not checked again, which would wait for a GPU."""
        epsilon, alpha = change(self.epsilon), change(self.alpha)
        if epsilon is self.epsilon and alpha is self.alpha:
            return self
        changed = copy.copy(self)
        object.__setattr__(changed, "epsilon", epsilon)
        object.__setattr__(changed, "alpha", alpha)
        return changed


def phase_of(phases: Sequence[Phase], sweep: int) -> Phase:
    """The phase in force at a sweep, counted from 1. The last phase goes on for ever."""
    for phase in phases:
        if phase.sweeps is None or sweep <= phase.sweeps:
            return phase
        sweep -= phase.sweeps
    return phases[-1]


def updated(
    w: Tensor,
    dE_dw: Tensor,
    previous: Tensor,
    epsilon: Number,
    alpha: Number,
    decay: Number = 0.0,
    active: Tensor | None = None,
    decay_of: DecayOf = DecayOf.weight,
) -> tuple[Tensor, Tensor]:
    """One weight change: the new w and Δw(t), both shaped like w ``[to, from, replicas]``.

    w + Δw, with Δw by (9), then less ``decay`` times itself: the decay of N Fig. 4 comes after each change.
    ``decay_of`` has other readings of it. epsilon, alpha, decay: a float, or a tensor ``[]`` or ``[replicas]``.
    ``active`` ``[replicas]``, bool: where False, the replica's weights and last change stay as they are.
    """
    epsilon, alpha, decay = like(epsilon, w), like(alpha, w), like(decay, w)
    delta_w = equations.momentum(dE_dw, previous, epsilon, alpha)
    decays = isinstance(decay, Tensor) or decay != 0
    if decays and decay_of == DecayOf.carried:
        delta_w = delta_w - decay * w
    elif decays and decay_of == DecayOf.change:
        delta_w = delta_w - decay * delta_w
    new = w + delta_w
    if decays and decay_of == DecayOf.weight:
        new = new - decay * new
    if active is None:
        return new, delta_w
    return torch.where(active, new, w), torch.where(active, delta_w, previous)


def checked_decay(decay: Number) -> Number:
    """The same. Raises ValueError outside [0, 1)."""
    remedy = "must be at least 0 and below 1; it is the part of a weight taken off"
    return checked("decay", decay, lambda d: (d >= 0) & (d < 1), remedy)


class LearningRule(torch.optim.Optimizer):
    """Equation (9), or (8) where α is 0, with phases and decay, as an optimizer.

    params: parameters ``[to, from, replicas]``, or the usual groups of them; a group may have its own ``decay``, and
        a ``rate`` that multiplies ε.
    phases: in order; each lasts its number of sweeps.
    decay: the part of every weight taken off after each change (0.002 for the family trees, N Fig. 4); one for all, or
        ``[replicas]`` as a phase's ε and α.
    changes_per_sweep: 1, or the number of cases where the weights change after every case (N p.535).
    decay_of: see ``DecayOf``.

    Not ``torch.optim.SGD``: see ``equations.momentum``. Δw(0), before the first sweep, is 0.

    Raises ValueError for no phases, a decay outside [0, 1), or changes_per_sweep below 1.
    """

    def __init__(
        self,
        params: Iterable[Any],
        phases: Sequence[Phase],
        decay: Number = 0.0,
        changes_per_sweep: int = 1,
        decay_of: DecayOf = DecayOf.weight,
    ) -> None:
        if not phases:
            raise ValueError("a learning rule needs at least one phase")
        decay = checked_decay(decay)
        if changes_per_sweep < 1:
            raise ValueError(f"changes_per_sweep={changes_per_sweep}: must be at least 1")
        self.phases = tuple(phases)
        self.changes_per_sweep = changes_per_sweep
        self.decay_of = decay_of
        super().__init__(params, {"decay": decay, "rate": 1.0, "changes": 0})

    def __getstate__(self) -> dict[str, Any]:
        """For copy and pickle: torch's own leaves out what a subclass adds."""
        own = {"phases": self.phases, "changes_per_sweep": self.changes_per_sweep, "decay_of": self.decay_of}
        return {**super().__getstate__(), **own}

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None, active: Tensor | None = None) -> Any:
        """Change every weight that has a gradient. ``active`` ``[replicas]``, bool: the others keep theirs."""
        result = None
        if closure is not None:
            with torch.enable_grad():
                result = closure()
        for group in self.param_groups:
            phase = phase_of(self.phases, group["changes"] // self.changes_per_sweep + 1)
            group["changes"] += 1
            epsilon = phase.epsilon * group["rate"]
            for w in group["params"]:
                if w.grad is not None:
                    previous = self.state[w].get("delta_w", torch.zeros_like(w))
                    new, delta_w = updated(
                        w, w.grad, previous, epsilon, phase.alpha, group["decay"], active, self.decay_of
                    )
                    self.state[w]["delta_w"] = delta_w
                    w.copy_(new)
        return result
