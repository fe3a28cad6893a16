"""The measures and claims on weights made to meet them, and to miss each of them alone."""

import pytest
import torch

from repro.measures import antisymmetry, opposite_units, stuck_as_printed, symmetry_claims, undecided
from repro.networks import Network
from repro.published import SYMMETRY
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
