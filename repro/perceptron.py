"""Networks without hidden units, taught by the rules there were before: what they can learn, and what they cannot.

The perceptron convergence procedure (Rosenblatt 1962; Minsky & Papert 1969) has threshold units and changes the weights
after each case; the delta rule (Widrow & Hoff 1960) has linear units, y = x, and changes them once a sweep. Both are
(4), (6) and (8) with the slope of the unit left out: ∂E/∂x = ∂E/∂y = y - d, so that Δw_ji = ε Σ_c (d_j - y_j) y_i.
Neither gives ∂E/∂y of a unit further below a threshold, so neither can teach a hidden unit.

Whether *any* weights do what a task wants is another question, which ``separable`` answers without learning.

Shapes: inputs ``[cases, from, 1]``, the last of the ``from`` units always 1 and its weight the bias; weights
``[to, from, replicas]``; outputs ``[cases, to, replicas]``.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import linprog
from torch import Tensor

from repro import equations
from repro.output_functions import threshold
from repro.population import NEVER
from repro.tasks import Task

CLEAR = 1e-9
"""How far from ½ a linear unit has to be to be on one side of it. Where the best answer is ½, as for exclusive-or, the
delta rule ends there but for rounding, and which side that falls on says nothing."""


def inputs_of(task: Task) -> Tensor:
    """The states of all input units and, last, of the unit that is always 1, ``[cases, from, 1]`` (N p.533)."""
    groups = [*task.inputs.values(), torch.ones_like(task.desired[:, :1])]
    return torch.cat(groups, dim=1).unsqueeze(2)


def integer_weights(task: Task, seeds: Sequence[int], largest: int) -> Tensor:
    """Whole numbers from -largest to largest, each as likely, int64 ``[to, from, replicas]``: one network a seed.

    A replica's weights depend on its seed and the task's size alone. Raises ValueError for a negative ``largest``.
    """
    if largest < 0:
        raise ValueError(f"largest={largest}: must be at least 0")
    shape, generator = (task.desired.shape[1], inputs_of(task).shape[1]), torch.Generator()
    drawn = [torch.randint(-largest, largest + 1, shape, generator=generator.manual_seed(seed)) for seed in seeds]
    return torch.stack(drawn, dim=2)


def weight_change(y: Tensor, d: Tensor, inputs: Tensor, epsilon: float) -> Tensor:
    """Δw_ji = ε Σ_c (d_j - y_j) y_i by (4), (6) and (8): the change of both rules, shaped like the weights.

    y ``[cases, to, replicas]``, d ``[cases, to, 1]``, inputs ``[cases, from, 1]``: all cases, or one.
    """
    return equations.steepest_descent(equations.dE_dw(equations.dE_dy_output(y, d), inputs), epsilon)


def cases_right(y: Tensor, d: Tensor) -> Tensor:
    """How many cases have every output on the right side of ½, and clear of it, ``[replicas]``."""
    return ((y - 0.5) * (2 * d - 1) > CLEAR).all(dim=1).sum(dim=0)


@dataclass(frozen=True)
class Perceptrons:
    """What the perceptron convergence procedure came to; all ``[replicas]`` but the weights. Sweeps count from 0.

    weights: int64 ``[to, from, replicas]``, where each replica stopped.
    most_right: the most cases that were right at once, before the first sweep or after any.
    learned_at: the sweeps after which all cases were right; the procedure then changes nothing. NEVER: never.
    enters: the sweeps after which the weights first were what they came back to, where not all cases were right.
    period: how many sweeps later they came back; NEVER both where they did not.
    """

    weights: Tensor
    most_right: Tensor
    learned_at: Tensor
    enters: Tensor
    period: Tensor


def perceptron(task: Task, weights: Tensor, sweeps: int) -> Perceptrons:
    """The perceptron convergence procedure, the cases in their order: after each, w_ji += (d_j - y_j) y_i.

    weights: int64 ``[to, from, replicas]``, left as they are. A replica stops where all cases are right, where its
    weights after a sweep are those after an earlier one, or after ``sweeps``. If some weights do the task, all replicas
    solve it (the convergence theorem). If none do, the weights stay bounded all the same (the cycling theorem, Minsky &
    Papert 1969); whole numbers then have to come back, and what comes back once does so for ever.

    Raises ValueError for weights that are not whole numbers or of another size, a desired output other than 0 and 1,
    or sweeps below 1.
    """
    if weights.dtype != torch.int64:
        raise ValueError(f"weights are {weights.dtype}: must be int64, so that they can come back exactly")
    _check(task, weights, sweeps)
    inputs, d, w = inputs_of(task).long(), task.desired.long().unsqueeze(2), weights.clone()
    replicas = w.shape[2]
    learned_at, enters, period = (torch.full((replicas,), NEVER) for _ in range(3))
    most_right = torch.zeros(replicas, dtype=torch.int64)
    seen: list[dict[tuple[int, ...], int]] = [{} for _ in range(replicas)]
    going = torch.arange(replicas)
    for sweep in range(sweeps + 1):
        right = cases_right(threshold(equations.total_input(inputs, w[..., going])), d)
        most_right[going] = torch.maximum(most_right[going], right)
        learned_at[going[right == len(d)]] = sweep
        for replica, state in zip(going.tolist(), w[..., going].flatten(0, 1).T.tolist(), strict=True):
            before = seen[replica].setdefault(tuple(state), sweep)
            if before < sweep:
                enters[replica], period[replica] = before, sweep - before
        going = going[(learned_at[going] == NEVER) & (period[going] == NEVER)]
        if not len(going) or sweep == sweeps:
            break
        w[..., going] = _after_each_case(inputs, d, w[..., going])
    return Perceptrons(w, most_right, learned_at, enters, period)


def _after_each_case(inputs: Tensor, d: Tensor, w: Tensor) -> Tensor:
    """The weights after one sweep of the perceptron convergence procedure."""
    for y, wanted in zip(inputs.split(1), d.split(1), strict=True):
        w = w + weight_change(threshold(equations.total_input(y, w)), wanted, y, epsilon=1)
    return w


@dataclass(frozen=True)
class LinearUnits:
    """What the delta rule came to; all ``[replicas]`` but the weights, ``[to, from, replicas]``.

    right: the cases on the right side of ½ at the end. E: (3) at the end.
    learned_at: the sweeps after which all cases were first on the right side of ½. NEVER: never.
    """

    weights: Tensor
    right: Tensor
    learned_at: Tensor
    E: Tensor


def delta_rule(task: Task, weights: Tensor, epsilon: float, sweeps: int) -> LinearUnits:
    """The delta rule: linear units, y = x, and after each sweep Δw_ji = ε Σ_c (d_j - y_j) y_i, which is (8).

    weights: floats ``[to, from, replicas]``, left as they are. All replicas do all the sweeps. E by (3) is a bowl in
    the weights, without a local minimum: where ε is below twice ``even_epsilon`` they end at the bottom of it.

    Raises ValueError for weights of whole numbers or of another size, a desired output other than 0 and 1, an ε of 0 or
    less, or sweeps below 1.
    """
    if not weights.is_floating_point():
        raise ValueError(f"weights are {weights.dtype}: the delta rule needs fractions")
    if not 0 < epsilon < float("inf"):
        raise ValueError(f"epsilon={epsilon}: must be a number above 0")
    _check(task, weights, sweeps)
    inputs, d, w = inputs_of(task).to(weights), task.desired.to(weights).unsqueeze(2), weights
    learned_at = torch.full((w.shape[2],), NEVER)
    for sweep in range(sweeps + 1):
        y = equations.total_input(inputs, w)
        right = cases_right(y, d)
        learned_at = torch.where((learned_at == NEVER) & (right == len(d)), sweep, learned_at)
        if sweep < sweeps:
            w = w + weight_change(y, d, inputs, epsilon)
    return LinearUnits(w, right, learned_at, equations.error(y, d))


def even_epsilon(task: Task) -> float:
    """The ε with which the delta rule reaches the bottom of E's steepest direction in one sweep: 1 over its curvature.

    The second derivatives of E, (3) with y = x, are Σ_c y_i y_k whatever the weights. From twice this ε on it diverges.
    """
    inputs = inputs_of(task).squeeze(2)
    return 1 / float(torch.linalg.eigvalsh(inputs.T @ inputs)[-1])


def least_error(task: Task) -> float:
    """The least E, by (3), of any linear units without hidden ones: by least squares, not by learning."""
    inputs = inputs_of(task).squeeze(2)
    best = torch.linalg.lstsq(inputs, task.desired).solution
    return float(equations.error((inputs @ best).unsqueeze(2), task.desired.unsqueeze(2)))


def separable(task: Task) -> bool:
    """Whether any weights of threshold units without hidden ones do what the task wants in every case.

    By linear programming, for each output unit: are there weights with x ≥ 1 where it should be on and x ≤ -1 where it
    should be off? Any that do the task do this too, once the bias is moved between the two sides and all are made large
    enough. So True means that there are such weights and False that there are none, whatever rule might look for them.

    Raises ValueError for a desired output other than 0 and 1.
    """
    _check_desired(task)
    inputs = inputs_of(task).squeeze(2).double().numpy()
    return all(_margins_met(inputs * side[:, None]) for side in (2 * task.desired.double() - 1).T.numpy())


def _margins_met(signed: np.ndarray) -> bool:
    """Whether there are weights w with signed @ w ≥ 1 in every row."""
    found = linprog(np.zeros(signed.shape[1]), A_ub=-signed, b_ub=-np.ones(len(signed)), bounds=(None, None))
    if found.status not in (0, 2):
        raise RuntimeError(f"the linear programme was not decided: {found.message}")
    return bool(found.status == 0)


def _check(task: Task, weights: Tensor, sweeps: int) -> None:
    _check_desired(task)
    shape = (task.desired.shape[1], inputs_of(task).shape[1])
    if weights.ndim != 3 or tuple(weights.shape[:2]) != shape:
        raise ValueError(f"weights have shape {tuple(weights.shape)}, not {shape} + (replicas,)")
    if sweeps < 1:
        raise ValueError(f"sweeps={sweeps}: must be at least 1")


def _check_desired(task: Task) -> None:
    if not ((task.desired == 0) | (task.desired == 1)).all():
        raise ValueError(f"the task '{task.name}' wants outputs other than 0 and 1")
