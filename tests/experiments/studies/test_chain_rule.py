"""Three ways to all ∂E/∂w against slow loops, and what is counted of them against sums worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from experiments.catalogue import STUDIES
from experiments.studies import chain_rule
from experiments.studies.chain_rule import DEPTHS, FILE, WIDTHS, architecture, cases, rows, write
from experiments.tables import read_rows
from repro.chain_rule import WAYS, Products, backward, farthest, forward
from repro.networks import Architecture
from repro.output_functions import LOGISTIC
from tests import reference
from tests.plans import PLANS, Plan, cases_of, random_task, random_weights, to_reference

each_plan = pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS.keys())
each_way = pytest.mark.parametrize("name", WAYS)

# The derivatives -----------------------------------------------------------------------------------------


def agree(found: dict[str, Tensor], plan: Plan, weights: dict[str, Tensor], rtol: float, atol: float) -> bool:
    """Whether every derivative of every replica is that of the slow loops."""
    task = random_task(plan.architecture)
    for r in range(2):
        expected = reference.derivatives(plan.net, to_reference(weights, r), *cases_of(task))
        ours = to_reference(found, r)
        assert ours.keys() == expected.keys()
        if not np.allclose([ours[w] for w in expected], list(expected.values()), rtol=rtol, atol=atol):
            return False
    return True


def found_by(name: str, plan: Plan, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    task = random_task(plan.architecture)
    return WAYS[name](plan.architecture, weights, task.inputs, task.desired.unsqueeze(2))


TOLERANCE = {"backward": (1e-11, 1e-14), "forward": (1e-11, 1e-14), "differences": (1e-6, 1e-8)}


@each_plan
@each_way
def test_every_way_leads_to_the_slow_derivatives(plan, name):
    """And leaves the weights as they were; wrong by 0.05 %, all or one by one, they are not taken for those."""
    weights = random_weights(plan.architecture, 2)
    untouched = {key: w.clone() for key, w in weights.items()}
    found = found_by(name, plan, weights)
    assert all(w.equal(untouched[key]) for key, w in weights.items())
    rtol, atol = TOLERANCE[name]
    assert agree(found, plan, weights, rtol, atol)
    assert not agree({key: 1.0005 * dE_dw for key, dE_dw in found.items()}, plan, weights, rtol, atol)
    for key in found:
        assert not agree(found | {key: 1.0005 * found[key]}, plan, weights, rtol, atol)


@each_way
def test_a_slope_wrong_by_a_little_shows(monkeypatch, name):
    """Of the hidden units' (5). The differences do not use it: they stay right."""
    plan = PLANS["two inputs, every link"]
    steep = replace(LOGISTIC, dE_dx=lambda dE_dy, x, y: 1.0005 * LOGISTIC.dE_dx(dE_dy, x, y))
    monkeypatch.setattr(Architecture, "function", lambda self, group: steep if group == "low" else LOGISTIC)
    weights = random_weights(plan.architecture, 2)
    right = agree(found_by(name, plan, weights), plan, weights, *TOLERANCE[name])
    assert right == (name == "differences")


@pytest.mark.parametrize("layers", [1, 5, 20])
def test_forward_and_backward_agree_weight_by_weight_at_any_depth(layers):
    """Also at the bottom of 20 layers, where the derivatives are small."""
    plan, (inputs, d) = architecture(layers, 6), cases(6)
    weights = random_weights(plan, 1)
    one, other = (way(plan, weights, inputs, d) for way in (forward, backward))
    for key in one:
        torch.testing.assert_close(one[key], other[key], rtol=1e-9, atol=0)


def test_farthest():
    dE_dw = {"a": torch.tensor([4.0, -8.0]), "b": torch.tensor([1.0])}
    assert farthest(dE_dw, dE_dw) == 0
    assert farthest({"a": torch.tensor([4.0, -8.0]), "b": torch.tensor([-1.0])}, dE_dw) == 2 / 8
    with pytest.raises(ValueError, match="every derivative is 0"):
        farthest(dE_dw, {key: 0 * each for key, each in dE_dw.items()})


# What they cost ------------------------------------------------------------------------------------------


def by_hand(bottom: int, hidden: int, top: int, cases: int) -> dict[str, int]:
    """Multiplications for a net with one layer of hidden units, summed up unit by unit.

    (5) takes two a unit and case, (3) a square an output and case and one for the ½.
    """
    below, above = hidden * (bottom + 1), top * (hidden + 1)
    weights = below + above
    passed = cases * weights
    back = cases * (2 * top + above + top * hidden + 2 * hidden + below)  # (5), (6), (7), (5), (6)
    from_below = cases * (2 * hidden + hidden * top + 2 * top + top)
    from_above = cases * (2 * top + top)
    return {
        "backward": passed + back,
        "forward": passed + below * from_below + above * from_above,
        "differences": 2 * weights * (passed + cases * top + 1),
    }


def count_of(name: str, plan: Architecture, replicas: int = 1) -> int:
    task = random_task(plan)
    with Products() as products:
        WAYS[name](plan, random_weights(plan, replicas), task.inputs, task.desired.unsqueeze(2))
    return products.count


@pytest.mark.parametrize("units", [(1, 1, 1), (2, 2, 2), (3, 5, 2), (6, 2, 1)])
@each_way
def test_counted_as_by_hand(units, name):
    bottom, hidden, top = units
    plan = Plan(
        {"input": bottom, "hidden": hidden, "output": top}, {"hidden": ["input"], "output": ["hidden"]}
    ).architecture
    expected = by_hand(*units, cases=len(random_task(plan).cases))
    assert count_of(name, plan) == expected[name]


def test_the_smallest_net_in_numbers():
    """1-1-1, one case. Forward pass: 2 links and 2 biases, 4. Backward beside it: (5) 2, (6) 2, (7) 1, (5) 2, (6) 2."""
    expected = by_hand(1, 1, 1, cases=1)
    assert expected == {"backward": 4 + 9, "forward": 4 + 2 * 6 + 2 * 3, "differences": 2 * 4 * (4 + 2)}


@each_way
def test_each_replica_costs_the_same(name):
    plan = PLANS["two inputs, every link"].architecture
    one, three = count_of(name, plan), count_of(name, plan, replicas=3)
    assert one < three <= 3 * one


def test_what_is_counted():
    a, b = torch.ones(3, 1), torch.ones(1, 5)
    expected = {
        "a product, broadcast": (lambda: a * b, 15),
        "by a number": (lambda: 2.0 * a, 3),
        "in place": (lambda: torch.ones(4).mul_(2), 4),
        "a square": (lambda: b**2, 5),
        "product and sum": (lambda: torch.addcmul(a, a, a), 3),
        "matrices": (lambda: torch.ones(2, 3) @ torch.ones(3, 4), 24),
        "matrices and sum": (lambda: torch.addmm(torch.ones(4), torch.ones(2, 3), torch.ones(3, 4)), 24),
        "many matrices": (lambda: torch.bmm(torch.ones(5, 2, 3), torch.ones(5, 3, 4)), 120),
        "many matrices and sum": (
            lambda: torch.baddbmm(torch.ones(5, 2, 4), torch.ones(5, 2, 3), torch.ones(5, 3, 4)),
            120,
        ),
        "einsum": (lambda: torch.einsum("ij,jk->ik", torch.ones(2, 3), torch.ones(3, 4)), 24),
        "sums and quotients": (lambda: (a + b - 1).sum() / 3, 0),
        "the logistic": (lambda: torch.sigmoid(a), 0),
    }
    for name, (work, size) in expected.items():
        with Products() as products:
            work()
        work()  # outside: not counted
        assert products.count == size, name


# The tables ----------------------------------------------------------------------------------------------


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(chain_rule, "WIDTHS", (2, 4, 8))
    monkeypatch.setattr(chain_rule, "DEPTHS", (1, 3))


def test_every_size_and_way_has_its_row(small):
    found = list(rows(range(2)))
    sizes = [("wide", 2, 2), ("wide", 2, 4), ("wide", 2, 8), ("deep", 1, 6), ("deep", 3, 6)]
    assert [(row["family"], row["layers"], row["width"], row["way"]) for row in found] == [
        (*size, way) for size in sizes for way in WAYS
    ]
    for row in found:
        assert row["weights"] == row["layers"] * row["width"] * (row["width"] + 1)
        assert float(row["off"]) <= {"backward": 0, "forward": 1e-14, "differences": 1e-7}[row["way"]]
        assert (float(row["off"]) > 0) == (row["way"] != "backward")
        if row["family"] == "wide":
            assert row["multiply_adds"] == by_hand(*[row["width"]] * 3, cases=chain_rule.CASES)[row["way"]]


def test_how_the_cost_grows(small):
    """Per weight: about the same backward, whatever the size; forward and by differences more the larger the net."""
    each = {(r["family"], r["layers"], r["width"], r["way"]): r["multiply_adds"] / r["weights"] for r in rows(range(1))}
    for way, grows in (("backward", False), ("forward", True), ("differences", True)):
        assert (each["wide", 2, 8, way] > 2 * each["wide", 2, 2, way]) == grows
        assert (each["deep", 3, 6, way] > 2 * each["deep", 1, 6, way]) == grows


def test_seeds_change_off_and_nothing_else(monkeypatch):
    monkeypatch.setattr(chain_rule, "WIDTHS", (2, 4))
    monkeypatch.setattr(chain_rule, "DEPTHS", (1,))
    one, three = list(rows(range(1))), list(rows(range(3)))
    assert all(r["multiply_adds"] == s["multiply_adds"] for r, s in zip(one, three, strict=True))
    assert all(float(str(r["off"])) <= float(str(s["off"])) for r, s in zip(one, three, strict=True))
    assert any(r["off"] != s["off"] for r, s in zip(one, three, strict=True))


def test_the_table_is_the_same_each_time(small, tmp_path):
    for directory in ("one", "two"):
        write(tmp_path / directory, range(1))
    assert [path.name for path in (tmp_path / "one").iterdir()] == [*STUDIES["chain_rule"].tables]
    assert (tmp_path / "one" / FILE).read_bytes() == (tmp_path / "two" / FILE).read_bytes()
    columns = ["family", "layers", "width", "weights", "way"]
    assert list(read_rows(tmp_path / "one" / FILE)[0]) == [*columns, "multiply_adds", "off"]


def test_published_sizes():
    assert (WIDTHS[0], WIDTHS[-1], len(WIDTHS)) == (2, 64, 11)
    assert [*DEPTHS] == list(range(1, 21))
    assert architecture(1, 6).weight_count == 42
