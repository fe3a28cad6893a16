"""Ctrl-C, SIGTERM and SIGHUP from a program's first line to its last."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from experiments.options.schema import CONFIGS
from experiments.running import interrupts
from experiments.running.directory import LOCK, abandon
from tests.experiments.interrupting import PROGRAMS, heeds
from tests.experiments.processes import left_of_group, start

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


BEGIN = """
import os, pathlib, signal, subprocess, sys, tempfile, time
from experiments.running import interrupts
interrupts.heed('__main__', 'the program')
"""


def program(code: str, directory: Path) -> subprocess.Popen[str]:
    """A program that heeds signals, does something, and waits; once it has said that it does."""
    process = subprocess.Popen(
        [sys.executable, "-c", f"{BEGIN}{code}\nprint('ready', flush=True)\ntime.sleep(60)"],
        cwd=directory,
        env=os.environ | {"PYTHONPATH": str(CONFIGS.parent)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout.readline() == "ready\n"
    return process


def done(code: str) -> tuple[int, str, str]:
    """Exit code, output and errors of one that ends by itself."""
    ran = subprocess.run([sys.executable, "-c", BEGIN + code], cwd=CONFIGS.parent, capture_output=True, text=True)
    return ran.returncode, ran.stdout, ran.stderr


def ended(process: subprocess.Popen[str], number: int = signal.SIGINT) -> tuple[int, str, str]:
    """Exit code, output and errors after a signal."""
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    return process.returncode, out, err


@pytest.mark.parametrize("number", SIGNALS)
def test_a_line_and_128_more_than_the_signal(tmp_path, number):
    assert ended(program("", tmp_path), number) == (128 + number, "", "the program: interrupted\n")


def test_with_nohup_hanging_up_is_ignored(tmp_path):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        process = program("with interrupts.noting() as caught: os.kill(os.getpid(), signal.SIGHUP)", tmp_path)
    finally:
        signal.signal(signal.SIGHUP, before)
    process.send_signal(signal.SIGHUP)
    time.sleep(0.1)
    assert process.poll() is None
    assert ended(process, signal.SIGTERM)[0] == 143


def test_ctrl_c_is_heeded_in_a_shell_s_background_too(tmp_path):
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        process = program("", tmp_path)
    finally:
        signal.signal(signal.SIGINT, before)
    assert ended(process)[0] == 130


def test_what_it_has_begun_goes(tmp_path):
    """Files that are not whole, temporary and empty directories, children; not what was there, or is not empty."""
    (tmp_path / "before" / "empty").mkdir(parents=True)
    code = """
interrupts.watch_directories()
from experiments.files import replacing
pathlib.Path('before/empty/new/newer').mkdir(parents=True)
pathlib.Path('kept').mkdir()
pathlib.Path('kept/file').touch()
pathlib.Path('before/empty').mkdir(exist_ok=True)
half, gone = replacing(pathlib.Path('kept/table.csv')), tempfile.TemporaryDirectory(dir='kept')
half.__enter__().write_text('half')
pathlib.Path(gone.name, 'file').touch()
told = interrupts.undone_by(lambda: 'all is well')
told.__enter__()
subprocess.Popen(['sh', '-c', 'trap "" INT; sleep 60 & sleep 60'])
time.sleep(0.2)
"""
    process = program(code, tmp_path)
    assert len(left_of_group(process.pid)) > 2
    assert ended(process) == (130, "", "the program: interrupted; all is well\n")
    assert left_of_group(process.pid) == []
    left = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")}
    assert left == {"before", "before/empty", "kept", "kept/file"}


def test_the_first_is_noted_and_the_second_ends_it():
    code = """
with interrupts.noting() as outer:
    with interrupts.noting() as inner:
        os.kill(os.getpid(), signal.SIGTERM)
    print(outer, inner, flush=True)
    os.kill(os.getpid(), signal.SIGHUP)
print('not reached')
"""
    assert done(code) == (129, "[15] [15]\n", "the program: interrupted\n")


def test_what_need_not_be_waited_for_is_not(tmp_path):
    code = "noted = interrupts.noting()\nnoted.__enter__()\nnow = interrupts.at_once()\nnow.__enter__()"
    assert ended(program(code, tmp_path))[0] == 130


def test_a_library_leaves_signals_as_they_were():
    """In a notebook, too, Ctrl-C ends a run at a snapshot; a second is the notebook's own."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    interrupts.heed("experiments.somewhere", "p")
    assert {number: signal.getsignal(number) for number in SIGNALS} == before
    with interrupts.noting() as caught:
        signal.raise_signal(signal.SIGTERM)
    assert caught == [signal.SIGTERM]
    assert {number: signal.getsignal(number) for number in SIGNALS} == before
    theirs = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with interrupts.noting():
            signal.raise_signal(signal.SIGINT)
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, theirs)


def test_a_process_of_multiprocessing_leaves_ctrl_c_to_its_parent(tmp_path):
    process = program("interrupts.STATE.program = ''\ninterrupts.heed('__mp_main__', 'p')", tmp_path)
    for number in (signal.SIGINT, signal.SIGHUP):
        process.send_signal(number)
    time.sleep(0.1)
    assert process.poll() is None
    assert ended(process, signal.SIGTERM) == (143, "", "")


def test_no_signal_is_lost_while_a_process_is_started():
    code = "with interrupts.starting_processes():\n  os.kill(os.getpid(), signal.SIGINT)\n  print('still')\nprint('on')"
    assert done(code) == (130, "still\n", "the program: interrupted\n")


def test_what_is_shared_with_other_processes_goes():
    """Without a word of it by the process that multiprocessing has for that."""
    code = """
import multiprocessing
queue = multiprocessing.get_context("spawn").Queue()
os.kill(os.getpid(), signal.SIGINT)
"""
    assert done(code) == (130, "", "the program: interrupted\n")


# Programs ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("name", ["run", "reproduce", "report", "merge", "board", "speed"])
def test_every_program_heeds_them_before_it_imports(tmp_path, name, number):
    process = start(tmp_path, f"experiments.{name}")
    while process.poll() is None and not heeds(process.pid):
        time.sleep(0.001)
    assert ended(process, number) == (128 + number, "", f"experiments.{name}: interrupted\n")
    assert list(tmp_path.iterdir()) == []


def disturb(directory: Path, moments: int, name: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "tests.experiments.interrupting", str(directory), str(moments), "1986", name],
        cwd=CONFIGS.parent,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    return done.stdout


@pytest.mark.slow
def test_a_run_at_a_few_moments(tmp_path):
    assert "interrupted, " in disturb(tmp_path, 3, "run")


@pytest.mark.slow
@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_at_many_moments(tmp_path, name):
    """From the first line to the end, each signal in its turn; the script that it calls takes any number of moments."""
    found = disturb(tmp_path, 25 if name in ("run", "sweep") else 8, name)
    assert "interrupted, nothing" in found


def test_a_lock_with_nothing_beside_it_does_not_stay(tmp_path):
    """Of a sweep that is ended before it has written what it is; beside anything else the lock stays."""
    for beside, stays in ((False, False), (True, True)):
        directory = tmp_path / str(beside)
        directory.mkdir()
        (directory / LOCK).touch()
        if beside:
            (directory / "sweep.json").touch()
        assert abandon(directory, None) == ""
        assert (directory / LOCK).exists() == stays
