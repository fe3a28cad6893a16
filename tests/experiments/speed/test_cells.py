"""A cell of the device check: the figures are of the work, and what comes in the way is said in the row."""

import pytest
import torch

from experiments.speed import cells
from experiments.speed.benchmark import JAX
from experiments.speed.cells import MEASURED, answer, sweeps_at_once, waits_counted
from experiments.speed.contenders import NumPy, Ours, work_of
from repro.choices import BackwardPass


def test_a_cell_of_a_cpu():
    found = answer("xor", 3, "ours, explicit", "cpu")
    assert tuple(found) == MEASURED
    assert (found["status"], found["turns"], found["sweeps"]) == ("ok", 3, 100)
    assert float(str(found["microseconds"])) > 0
    assert found["peak_mib"] == found["waits"] == ""


def test_one_network_stands_for_all_that_are_trained_one_by_one():
    found = answer("xor", 50, "one by one: nn.Linear and torch.optim.SGD", "cpu")
    assert found["status"] == "ok, with 1 network"


def test_more_networks_take_fewer_sweeps_at_once():
    counts = [sweeps_at_once(work_of("family_trees", many, "cpu")) for many in (1, 16_384, 1_048_576)]
    assert counts == sorted(counts, reverse=True)
    assert (counts[0], counts[-1]) == cells.SWEEPS_AT_ONCE[::-1]


class TooFast(NumPy):
    def sweep(self, count: int) -> None:
        super().sweep(1)


class NoRoom(NumPy):
    def sweep(self, count: int) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 90 GiB")


class NoRoomInJax(NumPy):
    def sweep(self, count: int) -> None:
        raise RuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 9 bytes.")


class Broken(NumPy):
    def sweep(self, count: int) -> None:
        raise ValueError("no such thing\nand more")


@pytest.mark.parametrize(
    ("contender", "status"),
    [
        (TooFast, "wrong: weights"),
        (NoRoom, "out of memory"),
        (NoRoomInJax, "out of memory"),
        (Broken, "failed: ValueError: no such thing"),
    ],
)
def test_what_comes_in_the_way_is_said(monkeypatch, contender, status):
    monkeypatch.setattr(cells, "contenders", lambda device: {"one": contender})
    found = answer("xor", 2, "one", "cpu")
    assert str(found["status"]).startswith(status)
    assert "\n" not in str(found["status"])
    assert found["microseconds"] == ""


def test_a_larger_population_repeats_the_first_networks(monkeypatch):
    monkeypatch.setattr("experiments.speed.contenders.DISTINCT", 3)
    work = work_of("xor", 8, "cpu")
    assert len(work.population.seeds) == 3
    for key, w in work.first_weights().items():
        assert w.is_contiguous()
        assert w.equal(work.population.weights[key][..., [0, 1, 2, 0, 1, 2, 0, 1]])
    ours = Ours(work, BackwardPass.explicit)
    ours.sweep(5)
    for w in ours.weights(8).values():
        assert w[..., 3:6].equal(w[..., :3])


def test_jax_repeats_them_too(monkeypatch):
    pytest.importorskip("jax", reason="JAX is not installed: pip install -e '.[bench]'")
    monkeypatch.setattr("experiments.speed.contenders.DISTINCT", 3)
    assert answer("xor", 8, JAX, "cpu")["status"] == "ok"


def test_jax_on_a_card_that_is_not_there_fails():
    """Not on the CPU instead, with a card's name in the row."""
    if torch.cuda.is_available():
        pytest.skip("there is a card")
    pytest.importorskip("jax", reason="JAX is not installed: pip install -e '.[bench]'")
    assert answer("xor", 2, JAX, "cpu")["status"] == "ok"
    found = answer("xor", 2, JAX, "cuda")
    assert str(found["status"]).startswith("failed: ")


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no NVIDIA GPU that it can use here")
def test_waits_are_counted():
    value = torch.ones(3, device="cuda")
    with waits_counted(True) as waits:
        (value + 1).sum()
    assert len(waits) == 0
    with waits_counted(True) as waits:
        value.sum().item()
        value[value > 0]
    assert len(waits) == 2
