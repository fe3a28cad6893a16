"""Cases and desired outputs, counted and compared with their definitions."""

import pytest
import torch

from repro.tasks.symmetry import symmetry
from repro.tasks.xor import xor


def test_symmetry_has_64_vectors_and_8_are_symmetric():
    task = symmetry()
    assert task.inputs["input"].shape == (64, 6)
    assert task.desired.shape == (64, 1)
    assert len(set(task.cases)) == 64
    assert task.desired.sum() == 8


def test_symmetry_is_reading_the_same_backwards():
    task = symmetry()
    for name, bits, desired in zip(task.cases, task.inputs["input"].tolist(), task.desired.tolist(), strict=True):
        assert name == "".join("01"[int(bit)] for bit in bits)
        assert desired == [float(name == name[::-1])]


@pytest.mark.parametrize(("length", "count"), [(2, 2), (4, 4), (8, 16)])
def test_symmetry_of_other_lengths(length, count):
    task = symmetry(length)
    assert task.inputs["input"].shape == (2**length, length)
    assert task.desired.sum() == count


@pytest.mark.parametrize("length", [0, 1, 5, -2])
def test_symmetry_of_an_odd_length_is_refused(length):
    with pytest.raises(ValueError, match=f"symmetry of {length} units"):
        symmetry(length)


def test_xor():
    task = xor()
    assert task.cases == ("00", "01", "10", "11")
    assert task.inputs["input"].tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert task.desired.tolist() == [[0], [1], [1], [0]]


def test_other_targets():
    soft = xor().with_targets(0.1, 0.9)
    torch.testing.assert_close(soft.desired.flatten(), torch.tensor([0.1, 0.9, 0.9, 0.1], dtype=torch.float64))
    assert soft.inputs["input"].equal(xor().inputs["input"])
    assert xor().desired.flatten().tolist() == [0, 1, 1, 0]


def test_to_another_precision():
    task = xor().to("cpu", torch.float32)
    assert task.desired.dtype == torch.float32
    assert {values.dtype for values in task.inputs.values()} == {torch.float32}
    assert task.cases == xor().cases
    assert xor().to("meta", torch.float32).inputs["input"].is_meta
