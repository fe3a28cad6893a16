"""Equations (8) and (9) as an optimizer: by hand, and against torch.optim.SGD where the two agree and where not."""

import copy
import pickle

import pytest
import torch
from torch import nn

from repro.learning import LearningRule, Phase, phase_of, updated


def parameter(*values: float) -> nn.Parameter:
    """Weights ``[1, 1, replicas]``."""
    return nn.Parameter(torch.tensor(values, dtype=torch.float64).reshape(1, 1, -1))


def take(rule: torch.optim.Optimizer, w: nn.Parameter, *gradients: float, **more: object) -> list[float]:
    """Step once for each gradient, the same in every replica; gives the weight of replica 0 after each."""
    trace = []
    for g in gradients:
        w.grad = torch.full_like(w, g)
        rule.step(**more)
        trace.append(w[0, 0, 0].item())
    return trace


def test_momentum_by_hand():
    w = parameter(1.0)
    rule = LearningRule([w], [Phase(epsilon=0.5, alpha=0.5)])
    # Δw: -0.5 · 2 = -1; -0.5 · 1 + 0.5 · (-1) = -1; 0 + 0.5 · (-1) = -0.5
    assert take(rule, w, 2.0, 1.0, 0.0) == [0.0, -1.0, -1.5]


def test_steepest_descent_by_hand():
    w = parameter(1.0)
    assert take(LearningRule([w], [Phase(epsilon=0.5)]), w, 2.0, 1.0, 0.0) == [0.0, -0.5, -0.5]


def test_decay_after_the_change_by_hand():
    w = parameter(1.0)
    rule = LearningRule([w], [Phase(epsilon=0.5, alpha=0.5)], decay=0.25)
    # (1 - 1) · 3/4 = 0; Δw = -1: (0 - 1) · 3/4; Δw = -0.5, not touched by the decay: (-0.75 - 0.5) · 3/4
    assert take(rule, w, 2.0, 1.0, 0.0) == [0.0, -0.75, -0.9375]


def test_decay_carried_on_by_hand():
    w = parameter(1.0)
    rule = LearningRule([w], [Phase(epsilon=0.5, alpha=0.5)], decay=0.25, decay_of="carried")
    # Δw: -1 - 1/4; -0.5 - 0.625 + 0.25/4 = -1.0625; -0.53125 + 1.3125/4 = -0.203125
    assert take(rule, w, 2.0, 1.0, 0.0) == [-0.25, -1.3125, -1.515625]


def test_decay_of_the_change_by_hand():
    w = parameter(1.0)
    rule = LearningRule([w], [Phase(epsilon=0.5, alpha=0.5)], decay=0.25, decay_of="change")
    # Δw: -1 · 3/4; (-0.5 - 0.375) · 3/4 = -0.65625; -0.328125 · 3/4
    assert take(rule, w, 2.0, 1.0, 0.0) == [0.25, -0.40625, -0.65234375]


def test_epsilon_switch_by_hand():
    w = parameter(0.0)
    rule = LearningRule([w], [Phase(epsilon=1.0, alpha=0.5, sweeps=2), Phase(epsilon=2.0, alpha=0.25)])
    # Δw: -1; -1 - 0.5 = -1.5; then -2 - 0.25 · 1.5 = -2.375: the old change is carried as it was
    assert take(rule, w, 1.0, 1.0, 1.0) == [-1.0, -2.5, -4.875]


GRADIENTS = [1.0, -0.5, 0.25, 2.0, 0.125, -1.0]


def test_is_sgd_at_constant_epsilon():
    ours, theirs = parameter(0.3), parameter(0.3)
    rule = LearningRule([ours], [Phase(epsilon=0.1, alpha=0.9)])
    sgd = torch.optim.SGD([theirs], lr=0.1, momentum=0.9)
    assert take(rule, ours, *GRADIENTS) == pytest.approx(take(sgd, theirs, *GRADIENTS), abs=1e-14)


def test_is_not_sgd_where_epsilon_changes():
    ours, theirs = parameter(0.0), parameter(0.0)
    rule = LearningRule([ours], [Phase(0.1, 0.5, sweeps=1), Phase(0.2, 0.5)])
    sgd = torch.optim.SGD([theirs], lr=0.1, momentum=0.5)
    assert take(rule, ours, 1.0) == take(sgd, theirs, 1.0) == [-0.1]
    sgd.param_groups[0]["lr"] = 0.2
    # Ours: -0.2 · 1 + 0.5 · (-0.1) = -0.25. SGD: -0.2 · (1 + 0.5 · 1) = -0.3.
    assert take(rule, ours, 1.0) == pytest.approx([-0.35], abs=1e-15)
    assert take(sgd, theirs, 1.0) == pytest.approx([-0.4], abs=1e-15)


def test_phases_begin_and_end_where_they_should():
    first, second, third = phases = [Phase(0.1, sweeps=20), Phase(0.2, sweeps=1), Phase(0.3, sweeps=5)]
    in_force = [phase_of(phases, sweep) for sweep in range(1, 100)]
    assert in_force[:20] == [first] * 20
    assert in_force[20] is second
    assert in_force[21:] == [third] * 78  # the last goes on


def test_a_phase_without_a_length_is_the_last():
    phases = [Phase(0.1, sweeps=2), Phase(0.2), Phase(0.3)]
    assert [phase_of(phases, sweep).epsilon for sweep in (1, 2, 3, 1000)] == [0.1, 0.1, 0.2, 0.2]


def test_phases_count_sweeps_and_not_cases():
    w = parameter(0.0)
    rule = LearningRule([w], [Phase(1.0, sweeps=2), Phase(10.0)], changes_per_sweep=3)
    assert take(rule, w, *[1.0] * 8) == [-1, -2, -3, -4, -5, -6, -16, -26]


def test_inactive_replicas_keep_their_weights():
    w = parameter(1.0, 1.0, 1.0)
    rule = LearningRule([w], [Phase(0.5, 0.5)], decay=0.25)
    take(rule, w, 1.0, 1.0, active=torch.tensor([True, False, True]))
    alone = parameter(1.0)
    expected = take(LearningRule([alone], [Phase(0.5, 0.5)], decay=0.25), alone, 1.0, 1.0)[-1]
    assert w.flatten().tolist() == [expected, 1.0, expected]
    assert expected != 1.0
    assert rule.state[w]["delta_w"].flatten().tolist() == [-0.75, 0.0, -0.75]  # nor does their last change move on


def test_an_inactive_replica_may_be_broken():
    """What a stopped replica's derivative is does not matter, even where it is not a number."""
    w = parameter(1.0, 1.0)
    w.grad = torch.tensor([[[1.0, torch.nan]]], dtype=torch.float64)
    LearningRule([w], [Phase(0.5)]).step(active=torch.tensor([True, False]))
    assert w.flatten().tolist() == [0.5, 1.0]


def test_state_dict_round_trip():
    phases = [Phase(0.1, 0.9, sweeps=3), Phase(0.2, 0.5)]
    whole, half = parameter(0.3, -0.3), parameter(0.3, -0.3)
    expected = take(LearningRule([whole], phases, decay=0.01), whole, *GRADIENTS)
    first = LearningRule([half], phases, decay=0.01)
    take(first, half, *GRADIENTS[:2])
    saved = copy.deepcopy(first.state_dict())
    resumed = nn.Parameter(half.detach().clone())
    second = LearningRule([resumed], phases, decay=0.5)
    second.load_state_dict(saved)
    assert take(second, resumed, *GRADIENTS[2:]) == expected[2:]


def test_a_copy_goes_on_as_the_original_does():
    w = parameter(0.3)
    rule = LearningRule([w], [Phase(0.1, 0.9, sweeps=2), Phase(0.2, 0.5)], decay=0.01, changes_per_sweep=2)
    take(rule, w, *GRADIENTS[:3])
    for twin in (copy.deepcopy(rule), pickle.loads(pickle.dumps(rule))):
        (its_w,) = twin.param_groups[0]["params"]
        values = take(twin, its_w, *GRADIENTS[3:])
        assert w.item() != values[0]
    assert take(rule, w, *GRADIENTS[3:]) == values


def test_groups_have_their_own_decay():
    weight, bias = parameter(1.0), parameter(1.0)
    rule = LearningRule([{"params": [weight]}, {"params": [bias], "decay": 0.0}], [Phase(0.0)], decay=0.25)
    for w in (weight, bias):
        w.grad = torch.zeros_like(w)
    rule.step()
    assert (weight.item(), bias.item()) == (0.75, 1.0)


def test_groups_have_their_own_rate():
    one, half = parameter(0.0), parameter(0.0)
    rule = LearningRule([{"params": [one]}, {"params": [half], "rate": 0.5}], [Phase(1.0, 0.5)])
    for _ in range(2):
        for w in (one, half):
            w.grad = torch.ones_like(w)
        rule.step()
    assert (one.item(), half.item()) == (-2.5, -1.25)


def test_groups_share_the_phases():
    one, other = parameter(0.0), parameter(0.0)
    rule = LearningRule([{"params": [one]}, {"params": [other]}], [Phase(1.0, sweeps=1), Phase(10.0)])
    for _ in range(2):
        for w in (one, other):
            w.grad = torch.ones_like(w)
        rule.step()
    assert (one.item(), other.item()) == (-11.0, -11.0)


def test_a_weight_without_a_gradient_is_left_alone():
    w, idle = parameter(1.0), parameter(1.0)
    assert take(LearningRule([w, idle], [Phase(0.5)], decay=0.5), w, 1.0) == [0.25]
    assert idle.item() == 1.0


def test_closure_is_called_with_gradients():
    w = parameter(2.0)

    def closure():
        w.grad = None
        E = (w**2).sum()
        E.backward()
        return E.detach()

    assert LearningRule([w], [Phase(0.25)]).step(closure).item() == 4.0
    assert w.item() == 1.0


def test_updated_leaves_its_arguments_alone():
    w, g, previous = (torch.ones(2, 3, 4) for _ in range(3))
    new, change = updated(w, g, previous, 0.5, 0.25, decay=0.5)
    assert (w == 1).all()
    assert (previous == 1).all()
    assert (change == -0.25).all()
    assert (new == 0.375).all()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"epsilon": -0.1}, "epsilon=-0.1"),
        ({"epsilon": float("nan")}, "epsilon=nan"),
        ({"epsilon": float("inf")}, "epsilon=inf"),
        ({"epsilon": 0.1, "alpha": -0.1}, "alpha=-0.1"),
        ({"epsilon": 0.1, "alpha": 1.0}, "alpha=1.0"),
        ({"epsilon": 0.1, "alpha": float("nan")}, "alpha=nan"),
        ({"epsilon": 0.1, "sweeps": 0}, "sweeps=0"),
    ],
)
def test_a_wrong_phase_is_refused(values, message):
    with pytest.raises(ValueError, match=message):
        Phase(**values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"phases": []}, "at least one phase"),
        ({"decay": -0.1}, "decay=-0.1"),
        ({"decay": 1.0}, "decay=1.0"),
        ({"decay": float("nan")}, "decay=nan"),
        ({"changes_per_sweep": 0}, "changes_per_sweep=0"),
    ],
)
def test_a_wrong_rule_is_refused(values, message):
    with pytest.raises(ValueError, match=message):
        LearningRule([parameter(1.0)], **{"phases": [Phase(0.1)], **values})
