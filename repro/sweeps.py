"""The sweep of 1986 through the cases (N p.533-535): forward pass, backward pass, weight change.

Ways to run many of them stand in ``repro.backends``, and the training of a population in ``repro.training``.
"""

from __future__ import annotations  # torch.compile takes no nested function whose annotations are made when it is

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from repro.learning import updated
from repro.per_replica import Number
from repro.population import NEVER
from repro.training_setup import TrainingSetup

Tensors = dict[str, Tensor]


class State(NamedTuple):
    """Some replicas between two sweeps: w and the last Δw by key, learned_at ``[replicas]``, sweeps done ``[1]``."""

    w: Tensors
    delta_w: Tensors
    learned_at: Tensor
    done: Tensor


UpdateAfter = Callable[[Tensor, Tensors, Tensors], tuple[Tensors, Tensors]]
"""The weight change after one case: the number of the case ``[1]``, w and the last Δw; the new two."""


def each_in_turn(cases: Tensor, update: UpdateAfter, w: Tensors, delta_w: Tensors) -> tuple[Tensors, Tensors]:
    """A weight change after each of the cases, in a Python loop."""
    for case in cases.split(1):
        w, delta_w = update(case, w, delta_w)
    return w, delta_w


def sweep(
    setup: TrainingSetup,
    state: State,
    epsilon: Number,
    alpha: Number,
    decay: Number,
    included: Tensor | None,
    each: Callable[[Tensor, UpdateAfter, Tensors, Tensors], tuple[Tensors, Tensors]] = each_in_turn,
) -> State:
    """One sweep. included ``[cases, 1, replicas]`` or None.

    epsilon, alpha, decay: of this sweep, each a float or a float64 tensor, ``[]`` or ``[replicas]``. Where
    ``setup.learning`` decays nothing, decay is 0.0.
    each: how to go through the cases, where the weights change after every one.
    """
    plan, inputs, d = setup.architecture, setup.task.inputs, setup.desired
    if not setup.learning.per_case:
        y, dE_dw = plan.derivatives(state.w, inputs, d, setup.error_measure, included)
        learned_at = first_learned(setup, y, state, included)
        learning = still_learning(setup, learned_at)
        w, delta_w = updated_weights(setup, state.w, state.delta_w, dE_dw, epsilon, alpha, decay, learning)
        return State(w, delta_w, learned_at, state.done + 1)

    learned_at = first_learned(setup, plan.activity(state.w, inputs)[plan.output], state, included)

    def update(case: Tensor, w: Tensors, delta_w: Tensors) -> tuple[Tensors, Tensors]:
        _, dE_dw = plan.derivatives(w, *single_case(setup, case), setup.error_measure)
        learning = learns_case(setup, learned_at, included, case)
        return updated_weights(setup, w, delta_w, dE_dw, epsilon, alpha, decay, learning)

    w, delta_w = each(torch.arange(len(d), device=d.device), update, state.w, state.delta_w)
    return State(w, delta_w, learned_at, state.done + 1)


def single_case(setup: TrainingSetup, case: Tensor) -> tuple[Tensors, Tensor]:
    """The inputs and the desired outputs of one case, as ``Plan.derivatives`` takes them."""
    inputs = {name: values.index_select(0, case) for name, values in setup.task.inputs.items()}
    return inputs, setup.desired.index_select(0, case)


def still_learning(setup: TrainingSetup, learned_at: Tensor) -> Tensor | None:
    """Which replicas change their weights: those that have not learned; None: all."""
    return learned_at == NEVER if setup.criterion.stop else None


def learns_case(setup: TrainingSetup, learned_at: Tensor, included: Tensor | None, case: Tensor) -> Tensor | None:
    """Which replicas change their weights after a case: those still learning, where the case counts; None: all."""
    learning = still_learning(setup, learned_at)
    if included is None:
        return learning
    counts = included.index_select(0, case)[0, 0] > 0
    return counts if learning is None else learning & counts


def first_learned(setup: TrainingSetup, y: Tensor, state: State, included: Tensor | None) -> Tensor:
    """learned_at, with the sweeps done for those that meet the criterion for the first time."""
    now = setup.is_learned(y, included)
    return torch.where((state.learned_at == NEVER) & now, state.done, state.learned_at)


def updated_weights(
    setup: TrainingSetup,
    w: Tensors,
    delta_w: Tensors,
    dE_dw: Tensors,
    epsilon: Number,
    alpha: Number,
    decay: Number,
    learning: Tensor | None,
) -> tuple[Tensors, Tensors]:
    """The new weights, and the last Δw, by key."""
    decay_of = setup.learning.decay_of
    both = {
        key: updated(
            w[key], dE_dw[key], delta_w[key], epsilon * rate, alpha, decay if decays else 0.0, learning, decay_of
        )
        for key, (rate, decays) in setup.learning.by_link(setup.architecture).items()
    }
    return {key: new for key, (new, _) in both.items()}, {key: last for key, (_, last) in both.items()}


def evaluated(setup: TrainingSetup, state: State, included: Tensor | None) -> tuple[State, Tensor]:
    """The state with learned_at up to date, and E ``[replicas]``, by a forward pass."""
    plan = setup.architecture
    y = plan.activity(state.w, setup.task.inputs)[plan.output]
    learned_at = first_learned(setup, y, state, included)
    return state._replace(learned_at=learned_at), setup.error_measure.E(y, setup.desired, included)
