"""The benchmark times the same work: contenders that train other networks are found out."""

import importlib.util
import platform
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import torch

from experiments.options import machine
from experiments.speed import benchmark, contenders
from experiments.speed.contenders import C_COMPILER, ByHand, Jax, NumPy, OneByOne, Ours, TorchFunc, work_of
from experiments.speed.peak import peak
from repro.machine_code import build

JAX = pytest.param(
    Jax,
    marks=pytest.mark.skipif(
        importlib.util.find_spec("jax") is None, reason="JAX is not installed: pip install -e '.[bench]'"
    ),
)
C = pytest.param(ByHand, marks=pytest.mark.skipif(shutil.which(C_COMPILER) is None, reason="there is no C compiler"))


@pytest.mark.parametrize("experiment", ["symmetry", "family_trees", "xor"])
@pytest.mark.parametrize("contender", [OneByOne, TorchFunc, NumPy, C, JAX])
def test_all_train_the_same_networks(experiment, contender):
    """After 5 and another 5 sweeps the weights are ours, to float32's rounding; and they have moved."""
    work = work_of(experiment, 3, "cpu")
    theirs, ours = contender(work), Ours(work, "explicit")
    for each in (theirs, ours):
        each.sweep(5)
        each.sweep(5)
    start, found = work.population.weights, theirs.weights(3)
    for key, w in ours.weights(3).items():
        torch.testing.assert_close(found[key], w, rtol=1e-4, atol=1e-5)
    assert max(float((w - start[key]).abs().max()) for key, w in ours.weights(3).items()) > 1e-3


@pytest.mark.skipif(shutil.which(C_COMPILER) is None, reason="there is no C compiler")
@pytest.mark.parametrize("processor", ["haswell", "x86-64"])
def test_c_for_other_processors_trains_the_same_networks(monkeypatch, processor):
    """Fewer lanes and registers than this processor may have: AVX2, and neither AVX nor fused multiply-adds."""
    if platform.machine() != "x86_64" or (processor == "haswell" and "avx2" not in flags()):
        pytest.skip("this processor cannot run that")
    others = tuple(flag for flag in contenders.C_FLAGS if not flag.startswith("-march"))
    monkeypatch.setattr(contenders, "C_FLAGS", (*others, f"-march={processor}"))
    work = work_of("family_trees", 19, "cpu")
    theirs, ours = ByHand(work), Ours(work, "explicit")
    assert theirs.lanes == {"haswell": 8, "x86-64": 4}[processor]
    for each in (theirs, ours):
        each.sweep(5)
    found = theirs.weights(19)
    for key, w in ours.weights(19).items():
        torch.testing.assert_close(found[key], w, rtol=1e-4, atol=1e-5)


@pytest.mark.skipif(shutil.which(C_COMPILER) is None, reason="there is no C compiler")
@pytest.mark.parametrize("source", ["by_hand.c", "peak.c"])
def test_c_has_fused_multiply_adds(tmp_path, source):
    """Where the processor has them: the assembly names them."""
    if platform.machine() == "x86_64" and "fma" not in flags():
        pytest.skip("this processor has none")
    path, options = Path(contenders.__file__).with_name(source), [f for f in contenders.C_FLAGS if f != "-shared"]
    subprocess.run([C_COMPILER, *options, "-S", "-o", tmp_path / "code.s", path], check=True)
    assert re.search(r"vfn?m(add|sub)|fmla|fmadd", (tmp_path / "code.s").read_text())


def flags() -> list[str]:
    return Path("/proc/cpuinfo").read_text().split() if Path("/proc/cpuinfo").exists() else []


@pytest.mark.skipif(shutil.which(C_COMPILER) is None, reason="there is no C compiler")
def test_c_leaves_the_smallest_numbers_alone():
    """Linked with -ffast-math it would change every other contender's arithmetic."""
    smallest = torch.tensor([1e-40])
    ByHand(work_of("xor", 1, "cpu")).sweep(1)
    assert (smallest * 1).item() > 0


class Wrong(NumPy):
    def sweep(self, count: int) -> None:
        super().sweep(count + 1)


def test_other_work_is_found_out(monkeypatch):
    monkeypatch.setattr(benchmark, "contenders", lambda device: {"right": NumPy, "one sweep too many": Wrong})
    with pytest.raises(RuntimeError, match="one sweep too many: its weights are"):
        list(benchmark.measure(work_of("symmetry", 2, "cpu"), 0.01))


def test_a_row_a_contender(monkeypatch, capsys):
    monkeypatch.setattr(benchmark, "peak", lambda: 1.5e9)
    monkeypatch.setattr(build, "compiler_lacking", lambda: "there is no C++ compiler")
    found = list(benchmark.rows(["xor"], [1, 2], 0.01))
    said = capsys.readouterr().out
    assert "compiled, is left out: there is no C++ compiler" in said
    assert "xor, 2 networks" in said
    name, bits = machine.vectors()
    assert said.startswith(f"{machine.cores()} cores of {machine.processor()}, {name}")
    assert bits is None or f"({bits} bits)" in said.splitlines()[0]
    assert {row["networks"] for row in found} == {1, 2}
    assert len({row["contender"] for row in found}) == len(found) / 2 >= 4
    assert all(float(str(row["microseconds"])) > 0 for row in found)
    assert {row["processor"] for row in found} == {machine.processor()}
    assert {row["cores"] for row in found} == {machine.cores()}


@pytest.mark.skipif(shutil.which(C_COMPILER) is None, reason="there is no C compiler")
def test_the_peak_is_that_of_a_processor():
    """One core's clock is at least 0.5 GHz, with at least one lane of one unit; and nobody has a terahertz."""
    found = peak(turns=2, times=200_000)
    assert 5e8 < found / machine.cores() < 1e13


def test_no_peak_without_a_compiler(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert peak() is None
    assert benchmark.processor()["peak"] == ""
