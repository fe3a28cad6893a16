"""The measures and claims on weights made to meet them, and to miss each of them alone."""

import pytest
import torch

from repro.measures.encoder import codes
from repro.measures.parity import counting
from repro.measures.symmetry import antisymmetry, opposite_units, symmetry_claims
from repro.measures.xor import stuck_as_printed, undecided
from repro.networks import Architecture, Network
from repro.printed_networks import SYMMETRY
from repro.tasks.parity import parity
from repro.tasks.symmetry import symmetry

CLAIMS = ("S3", "S4", "S5", "S6", "S7")


def of(*units: list[float]) -> torch.Tensor:
    """Weights ``[hidden, input, 1]``."""
    return torch.tensor(units, dtype=torch.float64).unsqueeze(2)


def test_antisymmetry_by_hand():
    assert antisymmetry(of([4, -1, 2, -2, 1, -4])).item() == 0
    assert antisymmetry(of([4, -1, 2, -2, 1, -3])).item() == 1 / 4
    assert antisymmetry(of([4, -1, 2, 2, 1, -4], [0, 0, 0, 0, 0, 8])).item() == 1
    assert antisymmetry(of([1, 1])).item() == 2


def test_opposite_units_by_hand():
    assert opposite_units(of([4, -1, 2], [-4, 1, -2])).item() == 0
    assert opposite_units(of([4, -1, 2], [-4, 1, -1])).item() == 1 / 4
    assert opposite_units(of([4, -1, 2], [4, -1, 2])).item() == 2


def test_measures_take_each_replica_by_itself():
    two = torch.cat([of([4, -1, 1, -4]), of([4, -1, 1, -3])], dim=2)
    assert antisymmetry(two).tolist() == [0, 1 / 4]


PERFECT = {
    "input->hidden": [[14.0, -3.5, 7.0, -7.0, 3.5, -14.0], [-14.0, 3.5, -7.0, 7.0, -3.5, 14.0]],
    "hidden->output": [[-9.0, -9.0]],
    "bias->hidden": [[-1.1], [-1.1]],
    "bias->output": [[6.4]],
}


def claims(**changes):
    """The claims of the perfect weights, with some changed: ``name=(row, column, new value)``."""
    weights = {key: torch.tensor(rows, dtype=torch.float64).unsqueeze(2) for key, rows in PERFECT.items()}
    for key, places in changes.items():
        for row, column, value in places:
            weights[
                {"low": "input->hidden", "high": "hidden->output", "hidden": "bias->hidden", "output": "bias->output"}[
                    key
                ]
            ][row, column, 0] = value
    return symmetry_claims(Network(SYMMETRY.architecture, weights), symmetry())


def failed(found) -> list[str]:
    return [name for name in CLAIMS if not getattr(found, name).item()]


def test_perfect_weights_meet_all():
    found = claims()
    assert failed(found) == []
    assert (found.ratio_middle.item(), found.ratio_largest.item(), found.smallest.item()) == (2, 4, 3.5)
    assert (found.hidden_bias.item(), found.hidden_to_output.item(), found.output_bias.item()) == (-1.1, -9.0, 6.4)


def test_sizes_in_another_order_on_the_sides_meet_all():
    """N's figure has 4:1:2 from the outside, P's 1:2:4."""
    for sizes in ((3.5, 7, 14), (7, 14, 3.5), (14, 7, 3.5)):
        left = [*sizes, *(-s for s in reversed(sizes))]
        places = [(u, i, (1 - 2 * u) * value) for u in (0, 1) for i, value in enumerate(left)]
        assert failed(claims(low=places)) == []


def test_one_weight_off_misses_antisymmetry_and_opposition():
    assert failed(claims(low=[(0, 0, 13.0)])) == ["S3", "S6"]
    assert failed(claims(low=[(0, 0, 13.5)])) == []  # by 0.5 / 14, within 5 %


def test_both_units_alike_off_miss_antisymmetry_only():
    assert failed(claims(low=[(0, 0, 13.0), (1, 0, -13.0)])) == ["S3"]


def test_sizes_not_1_2_4_miss_the_ratios():
    middle = [(0, 2, 8.0), (0, 3, -8.0), (1, 2, -8.0), (1, 3, 8.0)]
    assert failed(claims(low=middle)) == ["S4"]
    near = [(0, 2, 7.5), (0, 3, -7.5), (1, 2, -7.5), (1, 3, 7.5)]
    assert failed(claims(low=near)) == []


def test_a_unit_of_its_own_size_misses_opposition_only():
    """A second unit of 0.9 times the size is antisymmetric itself; the mean sizes keep 1:2:4."""
    places = [(1, i, 0.9 * value) for i, value in enumerate(PERFECT["input->hidden"][1])]
    assert failed(claims(low=places)) == ["S6"]


@pytest.mark.parametrize(
    "change",
    [
        {"hidden": [(0, 0, 0.5)]},  # a hidden bias above 0: that unit is on for symmetric patterns
        {"output": [(0, 0, -0.1)]},  # output off for symmetric patterns
    ],
)
def test_wrong_biases_miss_the_fifth(change):
    assert "S5" in failed(claims(**change))


def test_an_output_that_is_never_suppressed_misses_the_seventh():
    assert failed(claims(high=[(0, 0, -1.0), (0, 1, -1.0)])) == ["S7"]
    assert failed(claims(high=[(0, 0, -1.0)])) == ["S7"]


def test_no_hidden_unit_on_misses_the_seventh():
    """Weights too small against the bias: for some patterns that are not symmetric both hidden units stay off."""
    assert "S7" in failed(claims(hidden=[(0, 0, -5.0), (1, 0, -5.0)]))


def test_both_hidden_units_on_misses_the_seventh():
    """Biases so large that the smallest side, 3.5, turns on both units: the output is off, but not by one unit."""
    assert failed(claims(hidden=[(0, 0, 4.0), (1, 0, 4.0)])) == ["S5", "S7"]


def test_an_output_turned_on_by_the_hidden_units_misses_the_fifth():
    """On for every pattern, and not by its bias."""
    assert failed(claims(high=[(0, 0, 9.0), (0, 1, 9.0)])) == ["S7"]
    assert failed(claims(high=[(0, 0, 9.0), (0, 1, 9.0)], output=[(0, 0, -0.1)])) == ["S5", "S7"]


def test_undecided_by_hand():
    """Half way between 0.1 and 0.9; the second network tells one case apart, the third is off in all."""
    y = torch.tensor([[0.52, 0.5, 0.1], [0.46, 0.5, 0.1], [0.5, 0.9, 0.1], [0.5, 0.5, 0.1]])
    assert undecided(y, torch.tensor([0.1, 0.9, 0.9, 0.1])).tolist() == [True, False, False]


def test_stuck_as_printed_by_hand():
    printed = torch.tensor([0.1, 0.5, 0.9, 0.5])
    found = {
        "as printed": [0.1, 0.5, 0.9, 0.5],
        "inputs swapped": [0.1, 0.9, 0.5, 0.5],
        "near": [0.14, 0.46, 0.94, 0.46],
        "one off": [0.1, 0.5, 0.9, 0.56],
        "solved": [0.1, 0.9, 0.9, 0.1],
        "all half": [0.5, 0.5, 0.5, 0.5],
        "other half": [0.5, 0.1, 0.5, 0.9],
    }
    y = torch.tensor(list(found.values())).T
    assert dict(zip(found, stuck_as_printed(y, printed).tolist(), strict=True)) == {
        name: name in ("as printed", "inputs swapped", "near") for name in found
    }


# Counting the inputs -----------------------------------------------------------------------------------------

FOUR = Architecture({"input": 4, "hidden": 4, "output": 1}, {"hidden": ["input"], "output": ["hidden"]})
COUNTS_UP = [([1, 1, 1, 1], -0.5), ([1, 1, 1, 1], -1.5), ([1, 1, 1, 1], -2.5), ([1, 1, 1, 1], -3.5)]
"""Unit by unit, the weights and the bias: P Fig. 6, for threshold units, on where 1, 2, 3 and 4 inputs are."""


def negative(unit):
    w, bias = unit
    return [-value for value in w], -bias


def counted(units) -> dict[str, int]:
    """What ``counting`` finds of such hidden units, 20 times as steep, and whether the network solves parity."""
    weights = {
        "input->hidden": [w for w, _ in units],
        "bias->hidden": [[bias] for _, bias in units],
        "hidden->output": [[0.0] * 4],
        "bias->output": [[0.0]],
    }
    steep = {key: 20 * torch.tensor(rows, dtype=torch.float64).unsqueeze(2) for key, rows in weights.items()}
    inputs = parity().inputs
    with torch.no_grad():
        found = counting(Network(FOUR, steep).activity(inputs)["hidden"], inputs["input"])
    return {name: int(getattr(found, name)) for name in ("by_count", "inverted", "counts", "as_printed")}


def test_units_that_count_up():
    assert counted(COUNTS_UP) == {"by_count": 1, "inverted": 0, "counts": 1, "as_printed": 0}


def test_units_that_count_down_are_as_printed():
    """In any order."""
    down = [negative(unit) for unit in COUNTS_UP]
    assert counted(down) == counted(down[::-1]) == {"by_count": 1, "inverted": 4, "counts": 1, "as_printed": 1}


@pytest.mark.parametrize("unit", range(4))
def test_units_of_which_one_is_inverted_count(unit):
    mixed = [negative(each) if u == unit else each for u, each in enumerate(COUNTS_UP)]
    assert counted(mixed) == {"by_count": 1, "inverted": 1, "counts": 1, "as_printed": 0}


def test_units_that_pass_over_a_number_do_not_count():
    """None tells 1 from 2; two are on from 3 on."""
    units = [COUNTS_UP[0], COUNTS_UP[2], COUNTS_UP[2], COUNTS_UP[3]]
    assert counted(units) == {"by_count": 1, "inverted": 0, "counts": 0, "as_printed": 0}
    down = [negative(unit) for unit in units]
    assert counted(down) == {"by_count": 1, "inverted": 4, "counts": 0, "as_printed": 0}


def test_units_that_copy_the_inputs_count_but_not_by_the_number_alone():
    """As many are on as inputs are, and which ones tells more than how many; the other way round as printed."""
    copies = [([int(i == j) for i in range(4)], -0.5) for j in range(4)]
    assert counted(copies) == {"by_count": 0, "inverted": 0, "counts": 1, "as_printed": 0}
    assert counted([negative(unit) for unit in copies]) == {
        "by_count": 0,
        "inverted": 4,
        "counts": 1,
        "as_printed": 1,
    }


def test_a_unit_that_looks_at_one_input_spoils_counting():
    units = [*COUNTS_UP[:3], ([2, 0, 0, 0], -1)]
    assert counted(units) == {"by_count": 0, "inverted": 0, "counts": 0, "as_printed": 0}


def test_units_that_are_always_on_tell_nothing():
    assert counted([([0, 0, 0, 0], 1)] * 4) == {"by_count": 1, "inverted": 4, "counts": 0, "as_printed": 0}


def test_counting_takes_each_replica_by_itself():
    inputs = parity(2).inputs["input"]
    up = torch.tensor([[0, 0], [1, 0], [1, 0], [1, 1]])
    hidden = torch.stack([up, 1 - up, torch.ones_like(up), inputs.long()], dim=2) * 0.8 + 0.1
    found = counting(hidden, inputs)
    assert found.by_count.tolist() == [True, True, True, False]
    assert found.inverted.tolist() == [0, 2, 2, 0]
    assert found.counts.tolist() == [True, True, False, True]
    assert found.as_printed.tolist() == [False, True, False, False]


# Codes with intermediate values ------------------------------------------------------------------------------

CORNERS = [[0, 0, 0], [0, 0, 1], [0, 1, 0], [0, 1, 1], [1, 0, 0], [1, 0, 1], [1, 1, 0], [1, 1, 1]]


def coded(cases) -> tuple[int, int, int, int]:
    """Intermediate outputs, codes with one, different codes, corners, by ``codes``."""
    found = codes(torch.tensor(cases, dtype=torch.float64).unsqueeze(2))
    return tuple(int(value) for value in (found.intermediate, found.intermediate_codes, found.codes, found.corners))


def test_the_corners_of_the_cube_use_no_intermediate_value():
    assert coded(CORNERS) == (0, 0, 8, 8)
    near = [[0.25 + 0.5 * bit for bit in corner] for corner in CORNERS]
    assert coded(near) == (0, 0, 8, 8)


def test_codes_with_intermediate_values_are_no_corners():
    assert coded([[0.5, 0, 0], *CORNERS[1:]]) == (1, 1, 8, 7)
    assert coded([[0.5, 0.5, 0.5], *CORNERS[1:]]) == (3, 1, 8, 7)
    assert coded([[0.26, 0, 0], [0, 0.74, 1], *CORNERS[2:]]) == (2, 2, 8, 6)


def test_cases_with_the_same_code_count_once():
    assert coded([CORNERS[1], *CORNERS[1:]]) == (0, 0, 7, 7)
    assert coded([[0.1, 0.2, 0.9], *CORNERS[1:]]) == (0, 0, 7, 7)
    assert coded([[0.4, 0, 0], [0.6, 0, 0], *CORNERS[2:]]) == (2, 2, 7, 6)
    assert coded([[0.5, 0.5, 0.5]] * 8) == (24, 8, 1, 0)


def test_codes_take_each_replica_by_itself():
    both = torch.stack([torch.tensor(CORNERS), torch.zeros(8, 3)], dim=2)
    found = codes(both)
    assert found.codes.tolist() == found.corners.tolist() == [8, 1]
    assert found.intermediate.tolist() == found.intermediate_codes.tolist() == [0, 0]
