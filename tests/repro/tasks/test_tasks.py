"""Cases and desired outputs, counted and compared with their definitions."""

import pytest
import torch

from repro.tasks.encoder import encoder
from repro.tasks.parity import parity
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


def test_parity_by_hand():
    """P p.334: on for 1 or 3 of 4."""
    task = parity()
    odd = ["0001", "0010", "0100", "1000", "0111", "1011", "1101", "1110"]
    assert task.inputs["input"].shape == (16, 4)
    assert len(set(task.cases)) == 16
    assert [case for case, on in zip(task.cases, task.desired[:, 0].tolist(), strict=True) if on] == sorted(odd)
    assert set(task.desired.flatten().tolist()) == {0, 1}


@pytest.mark.parametrize("length", [2, 3, 5, 8])
def test_parity_changes_with_every_bit(length):
    task = parity(length)
    wanted = dict(zip(task.cases, task.desired[:, 0].tolist(), strict=True))
    assert len(wanted) == 2**length
    assert wanted["0" * length] == 0
    for case, on in wanted.items():
        for i, bit in enumerate(case):
            assert wanted[case[:i] + "10"[int(bit)] + case[i + 1 :]] == 1 - on


def test_parity_of_two_is_exclusive_or():
    assert parity(2).desired.equal(xor().desired)
    assert parity(2).cases == xor().cases


@pytest.mark.parametrize("length", [1, 0, -2])
def test_parity_of_fewer_than_two_is_refused(length):
    with pytest.raises(ValueError, match=f"parity of {length} units"):
        parity(length)


def test_encoder_by_hand():
    task = encoder(3)
    assert task.inputs["input"].tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    assert task.desired.tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    assert task.cases == ("1", "2", "3")


def test_encoder_of_eight():
    """P p.335."""
    task = encoder()
    assert task.inputs["input"].shape == task.desired.shape == (8, 8)
    assert task.desired.equal(task.inputs["input"])
    assert task.desired.sum() == 8


def test_the_inputs_of_an_encoder_keep_0_and_1():
    soft = encoder().with_targets(0.1, 0.9)
    assert soft.inputs["input"].unique().tolist() == [0, 1]
    assert soft.desired.unique().tolist() == pytest.approx([0.1, 0.9])


@pytest.mark.parametrize("units", [1, 0, -8])
def test_an_encoder_of_fewer_than_two_is_refused(units):
    with pytest.raises(ValueError, match=f"encoder of {units} units"):
        encoder(units)


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
