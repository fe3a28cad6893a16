"""Machine code on disk: kept, made anew where it is damaged, done without a folder; one clear line where it fails."""

import multiprocessing
import subprocess

import pytest

from repro.machine_code import build

CODE = 'extern "C" int answer() { return sizeof(REAL) + %d; }'


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("BACKPROP_1986_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def compiled(monkeypatch):
    """The commands that compile."""
    commands, run = [], subprocess.run
    monkeypatch.setattr(subprocess, "run", lambda command, **more: commands.append(command) or run(command, **more))
    build.machine()
    commands.clear()
    return commands


def test_compiled_once_and_kept(folder, compiled):
    for _ in range(2):
        assert build.library(CODE % 1, "float").answer() == 5
    assert len(compiled) == 1
    assert build.library(CODE % 1, "double").answer() == 9
    assert build.library(CODE % 2, "float").answer() == 6
    assert len(compiled) == 3
    assert len([*folder.glob("*.so")]) == 3


@pytest.mark.parametrize("damage", [b"", b"no machine code", None])
def test_what_is_damaged_is_made_anew_with_a_word(folder, compiled, damage):
    build.library(CODE % 1, "float")
    (kept,) = folder.glob("*.so")
    whole = kept.read_bytes()
    kept.unlink()  # it is loaded: what is written into it would be run
    kept.write_bytes(whole[:-1] if damage is None else damage)
    with pytest.warns(UserWarning, match=r"is damaged: it is compiled anew"):
        assert build.library(CODE % 1, "float").answer() == 5
    assert len(compiled) == 2


def test_code_of_another_processor_is_not_taken(folder, compiled, monkeypatch):
    build.library(CODE % 1, "float")
    monkeypatch.setattr(build, "machine", lambda: "another one")
    assert build.library(CODE % 1, "float").answer() == 5
    assert len(compiled) == 2


def test_without_a_folder_that_can_be_written_to(tmp_path, monkeypatch, compiled):
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("BACKPROP_1986_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.warns(UserWarning, match=r"machine code is not kept in .*file.cache: "):
        assert build.library(CODE % 1, "float").answer() == 5


def test_a_disk_that_is_full(folder, monkeypatch):
    """While the code is written: said, and done elsewhere."""
    into = []
    compile_into = build._compiled

    def full(command, source, folder_, key):
        into.append(folder_)
        if folder_ == folder:
            raise OSError(28, "No space left on device")
        return compile_into(command, source, folder_, key)

    monkeypatch.setattr(build, "_compiled", full)
    with pytest.warns(UserWarning, match=r"not kept in .*No space left on device"):
        assert build.library(CODE % 1, "float").answer() == 5
    assert len(into) == 2


def test_without_a_compiler(folder, monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    assert build.compiler_lacking() == "there is no C++ compiler (no-such-compiler)"
    with pytest.raises(build.BuildError, match=r"^there is no C\+\+ compiler \(no-such-compiler\)$"):
        build.library(CODE % 1, "float")


def test_a_compiler_that_fails(folder):
    with pytest.raises(build.BuildError, match=r"could not compile the sweep: .*error"):
        build.library("no C++ at all", "float")
    assert [*folder.glob("*.so")] == []
    assert build.library(CODE % 1, "float").answer() == 5


def test_the_oldest_go(folder, monkeypatch):
    monkeypatch.setattr(build, "KEPT_AT_MOST", 2)
    for n in range(4):
        build.library(CODE % n, "float")
    assert len([*folder.glob("*.so")]) == 2
    assert len([*folder.glob("*.lock")]) <= 3


def answer(_: int) -> int:
    return int(build.library(CODE % 7, "float").answer())


@pytest.mark.slow
def test_processes_that_start_at_once_compile_once(folder):
    with multiprocessing.get_context("fork").Pool(4) as pool:
        assert pool.map(answer, range(4)) == [11] * 4
    assert len([*folder.glob("*.so")]) == 1


def test_the_flags_let_nothing_be_rounded_otherwise(folder):
    """Nothing is fused, put in another order or left out but where the code says so."""
    assert "-ffp-contract=off" in build.flags()
    assert not {"-ffast-math", "-Ofast"} & set(build.flags())
