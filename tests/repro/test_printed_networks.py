"""The printed networks, loaded into ours, do what the papers say of them.

The expected outputs were computed apart from this project, from the printed numbers (FACTS.md), and by the reference.
"""

import pytest
import torch

from repro.measures.encoder import codes
from repro.measures.parity import counting
from repro.measures.symmetry import symmetry_claims
from repro.measures.xor import stuck_as_printed
from repro.networks import Network, error
from repro.printed_networks import ENCODER_CODES, PARITY_CODES, SYMMETRY, SYMMETRY_PDP, XOR, XOR_LOCAL_MINIMUM
from repro.tasks.parity import parity
from repro.tasks.symmetry import symmetry
from repro.tasks.xor import xor
from tests import reference
from tests.plans import cases_of, to_reference

ALL = {"symmetry": SYMMETRY, "symmetry PDP": SYMMETRY_PDP, "XOR": XOR, "XOR local minimum": XOR_LOCAL_MINIMUM}


def run(published, task):
    network = Network(published.architecture, published.replica())
    with torch.no_grad():
        return network, network(task.inputs)[:, 0, 0]


@pytest.mark.parametrize(
    ("published", "symmetric", "others"),
    [(SYMMETRY, (0.881, 0.881), (0.083, 0.156)), (SYMMETRY_PDP, (0.857, 0.872), (0.072, 0.169))],
    ids=["Nature", "PDP"],
)
def test_symmetry_outputs(published, symmetric, others):
    task = symmetry()
    _, y = run(published, task)
    on = task.desired[:, 0] == 1
    assert (round(y[on].min().item(), 3), round(y[on].max().item(), 3)) == symmetric
    assert (round(y[~on].min().item(), 3), round(y[~on].max().item(), 3)) == others


def test_symmetry_error():
    """E = 0.346 against 0 and 1, with every output within 0.2 of its target (N Fig. 1)."""
    task = symmetry()
    network, y = run(SYMMETRY, task)
    assert round(error(network(task.inputs), task.desired).item(), 3) == 0.346
    assert (y - task.desired[:, 0]).abs().max() < 0.2


def test_xor_outputs():
    """P Fig. 3: .103 for 00, .877 for 01 and 10, .109 for 11."""
    assert run(XOR, xor())[1].tolist() == pytest.approx([0.103, 0.877, 0.877, 0.109], abs=5e-4)


def test_xor_hidden_unit_is_on_only_when_no_input_is():
    network, _ = run(XOR, xor())
    assert (network.activity(xor().inputs)["hidden"][:, 0, 0] > 0.5).tolist() == [True, False, False, False]


def test_xor_local_minimum_outputs():
    """P Fig. 5: right for 00 and 10, and 0.5 for 01 and 11."""
    y = run(XOR_LOCAL_MINIMUM, xor())[1]
    assert y.tolist() == pytest.approx([0.096, 0.500, 0.898, 0.500], abs=5e-4)


def test_xor_local_minimum_is_stuck_as_printed():
    y = run(XOR_LOCAL_MINIMUM, xor())[1]
    assert stuck_as_printed(y.unsqueeze(1), y).tolist() == [True]


@pytest.mark.parametrize("published", [SYMMETRY, SYMMETRY_PDP], ids=["Nature", "PDP"])
def test_claims_hold_on_the_printed_weights(published):
    network, _ = run(published, symmetry())
    claims = symmetry_claims(network, symmetry())
    assert [getattr(claims, name).tolist() for name in ("S3", "S4", "S5", "S6", "S7")] == [[True]] * 5


def test_measures_of_the_printed_weights():
    """By hand from N Fig. 1: 0.1 / 14.2 off; sides of 14.2, 3.6 and (7.2 + 7.1) / 2."""
    claims = symmetry_claims(run(SYMMETRY, symmetry())[0], symmetry())
    assert claims.antisymmetry.item() == pytest.approx(0.0)
    assert claims.opposite_units.item() == pytest.approx(0.1 / 14.2)
    assert claims.ratio_middle.item() == pytest.approx(7.15 / 3.6)
    assert claims.ratio_largest.item() == pytest.approx(14.2 / 3.6)


@pytest.mark.parametrize("name", ALL)
def test_printed_networks_are_those_of_the_reference(name):
    published, task = ALL[name], symmetry() if "symmetry" in name else xor()
    net = reference.net(dict(published.groups), dict(published.links))
    w = to_reference(published.replica(), 0)
    expected = reference.outputs(net, w, cases_of(task)[0])
    torch.testing.assert_close(run(published, task)[1], torch.tensor(expected, dtype=torch.float64)[:, 0])


def test_the_printed_parity_units_count():
    """P Table 3: as many units on as inputs are off, and every further input turns off one."""
    assert [sum(code) for code in PARITY_CODES] == [4, 3, 2, 1, 0]
    inputs = parity().inputs["input"]
    hidden = torch.tensor([PARITY_CODES[int(ones)] for ones in inputs.sum(dim=1)]).unsqueeze(2)
    found = counting(hidden, inputs)
    assert (found.by_count.item(), found.inverted.item()) == (True, 4)
    assert (found.counts.item(), found.as_printed.item()) == (True, True)


def test_the_printed_encoder_codes_use_intermediate_values():
    """P Table 5: 8 different codes, 4 of them corners and 4 with one value of 0.5, on edges between the other 4."""
    found = codes(torch.tensor(ENCODER_CODES).unsqueeze(2))
    assert (found.codes.item(), found.corners.item()) == (8, 4)
    assert (found.intermediate.item(), found.intermediate_codes.item()) == (4, 4)
    assert {code[1] for code in ENCODER_CODES if 0.5 in code} == {0}
    assert {code[1] for code in ENCODER_CODES if 0.5 not in code} == {1}


PRINTED = {  # copied once more from the figures: unit by unit, the weights from below, then the bias
    "symmetry": [
        (14.2, -3.6, 7.2, -7.2, 3.6, -14.2, -1.1),
        (-14.2, 3.6, -7.1, 7.1, -3.6, 14.2, -1.1),
        (-8.8, -8.8, 6.4),
    ],
    "symmetry PDP": [
        (-3.18, 6.32, -12.56, 12.56, -6.33, 3.17, -1.0),
        (3.16, -6.34, 12.52, -12.51, 6.31, -3.17, -1.0),
        (-9.44, -9.44, 6.89),
    ],
    "XOR": [(-6.4, -6.4, 2.2), (-9.4, -4.2, -4.2, 6.3)],
    "XOR local minimum": [(-2.0, 9.2, 2.0), (4.3, 8.8, -0.1), (-4.5, 5.3, -0.8)],
}


@pytest.mark.parametrize("name", ALL)
def test_weights_are_the_printed_numbers(name):
    published, units = ALL[name], []
    rows = published.replica()
    for group in published.architecture.receiving:
        for j in range(published.groups[group]):
            below = [rows[f"{source}->{group}"][j].flatten().tolist() for source in (*published.links[group], "bias")]
            units.append(tuple(value for values in below for value in values))
    assert units == PRINTED[name]


def test_what_the_papers_say_of_the_learning():
    said = [(p.source, p.sweeps, p.epsilon) for p in ALL.values()]
    assert said == [
        ("N Fig. 1", 1425, 0.1),
        ("P Fig. 9, p.340", 1208, 0.1),
        ("P Fig. 3, p.331", 558, 0.5),
        ("P Fig. 5, p.333", 6587, 0.25),
    ]
