"""Ctrl-C, SIGTERM and SIGHUP from a program's first line to its last: one line, exit code 128 + n, no half of a file.

A program calls ``heed`` before it imports what takes a while; from then on a signal ends it where it stands. What
should be undone then, or be told, stands in ``undone_by``; what must come to its own end first is done ``noting``.
Nothing is raised: an exception out of a signal's handler would be lost, or be shown, wherever an import, a finalizer or
a library catches it. This module imports nothing that takes a while.
"""

import atexit
import os
import signal
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from experiments.files import unfinished

SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]

ALWAYS = SIGNALS[:2]
"""Heeded also where they were ignored, as Ctrl-C is in a shell's background."""

CHILDREN_MAY_TAKE = 2.0
"""Seconds for the processes that were started to end by themselves, which most do at once."""

TIDYING_MAY_TAKE = 2.0
"""Seconds, where all goes as it should."""

NEW_LINE = "\x1b[?25h\r\x1b[K"
"""In a terminal, where a progress bar may stand, and have hidden the cursor."""


@dataclass
class State:
    """Of this process.

    program: what the line begins with; "": none is printed. heeds: a signal ends it in order. left: to the process that
    has started this one. noted: what each ``noting`` that is under way has caught, the outermost first. at_once: how
    many ``at_once`` are under way. before: what a ``noting`` has found of each signal. undo: what stands in
    ``undone_by``. made: the directories that it has made.
    """

    program: str = ""
    heeds: bool = False
    left: bool = False
    noted: list[list[int]] = field(default_factory=list)
    at_once: int = 0
    before: dict[int, Any] = field(default_factory=dict)
    undo: list[Callable[[], str]] = field(default_factory=list)
    made: dict[str, None] = field(default_factory=dict)
    watches: bool = False


STATE = State()


def heed(module: str, program: str) -> None:
    """From here on a signal ends the process, in order: see ``end``. SIGHUP stays ignored where nohup has it so.

    module: the caller's ``__name__``. Imported by another, it leaves signals alone. In a process that multiprocessing
    has started for it Ctrl-C is left to the process that did so, which ends it by SIGTERM, without a line.
    """
    if module == "__main__":
        STATE.program, STATE.heeds = program, True
        for number in SIGNALS:
            if number == signal.SIGINT or signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, _heard)
    elif module == "__mp_main__":
        STATE.heeds = STATE.left = True
        for number in SIGNALS:
            signal.signal(number, _heard if number == signal.SIGTERM else signal.SIG_IGN)
        _mask(signal.SIG_UNBLOCK)
        watch_directories()


def _heard(number: int, frame: FrameType | None) -> None:
    now = STATE.left or (STATE.heeds and STATE.at_once)
    if STATE.noted and not STATE.noted[0] and not now:
        STATE.noted[0].append(number)
    elif STATE.heeds:
        end(number)
    else:
        signal.signal(number, STATE.before[number])
        signal.raise_signal(number)


def end(number: int) -> NoReturn:
    """End the process at once, with one line and exit code 128 + number.

    Before that: the processes that it has started end, files that are not whole yet go, what stands in ``undone_by`` is
    undone, and directories go that it has made and that are empty.
    """
    for each in SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    with suppress(Exception):
        end_children()
    for path in list(unfinished):
        with suppress(OSError):
            path.unlink()
    told, stderr = [], 2
    for undo in reversed(STATE.undo):
        with suppress(Exception):
            told.append(undo())
    with suppress(OSError):  # what is said from here on, but for the line, here and in what tidies up
        stderr = os.dup(stderr)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    tidying = threading.Thread(target=tidy_up, daemon=True)
    tidying.start()
    tidying.join(TIDYING_MAY_TAKE)
    for directory in reversed(STATE.made):
        with suppress(OSError):
            os.rmdir(directory)
    if STATE.program:
        line = "; ".join(dict.fromkeys([f"{STATE.program}: interrupted", *filter(None, told)])) + "\n"
        with suppress(OSError):
            os.write(stderr, ((NEW_LINE if os.isatty(stderr) else "") + line).encode())
    os._exit(128 + number)


def tidy_up() -> None:
    """What Python does at its end: temporary directories, what is shared with other processes, output not yet written.

    In a thread of its own: what was going on when the signal came may hold what this waits for.
    """
    with suppress(Exception):
        if STATE.left:  # what is shared is the parent's to take away
            weakref.finalize._exitfunc()  # type: ignore[attr-defined]
        else:
            atexit._run_exitfuncs()
    with suppress(Exception):
        sys.stdout.flush()


def remove_empty(directory: str) -> None:
    """Remove a directory with those in it, as far as nothing is in them."""
    for path, _, _ in os.walk(directory, topdown=False):
        with suppress(OSError):
            os.rmdir(path)


@contextmanager
def undone_by(undo: Callable[[], str]) -> Iterator[None]:
    """If the process is ended within, call ``undo``: it takes back what should not stay, and says what there is."""
    STATE.undo.append(undo)
    try:
        yield
    finally:
        STATE.undo.remove(undo)


@contextmanager
def noting() -> Iterator[list[int]]:
    """Within, the first signal only goes into the list that it gives, for the caller to end in order; a second ends it.

    It works in a program that does not ``heed`` signals too, and within another ``noting``, whose list it shares.
    """
    before = {number: signal.getsignal(number) for number in SIGNALS}
    ours = [number for number, handler in before.items() if number in ALWAYS or handler in (signal.SIG_DFL, _heard)]
    if not STATE.noted:
        STATE.before = before
    STATE.noted.append(STATE.noted[0] if STATE.noted else [])
    if not STATE.left:
        for number in ours:
            signal.signal(number, _heard)
    try:
        yield STATE.noted[0]
    finally:
        STATE.noted.pop()
        if not STATE.left:
            for number in ours:
                signal.signal(number, before[number])


@contextmanager
def at_once() -> Iterator[None]:
    """Within a ``noting``, a stretch that a program which heeds signals need not wait for: there is nothing to keep."""
    STATE.at_once += 1
    try:
        yield
    finally:
        STATE.at_once -= 1


@contextmanager
def starting_processes() -> Iterator[None]:
    """Processes that multiprocessing starts within know of no signal before they ``heed``: it waits until then."""
    _mask(signal.SIG_BLOCK)
    try:
        yield
    finally:
        _mask(signal.SIG_UNBLOCK)


def _mask(how: int) -> None:
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(how, SIGNALS)


def watch_directories() -> None:
    """From here on it is known which directories this process makes: those still empty go when it is ended."""

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "os.mkdir":
            path = os.path.abspath(os.fsdecode(arguments[0]))
            if not os.path.exists(path):
                STATE.made.pop(path, None)
                STATE.made[path] = None

    if not STATE.watches:
        STATE.watches = True
        sys.addaudithook(watch)


def end_children() -> None:
    """End the processes that this one has started, and those that they have; not multiprocessing's, which tidy up."""
    for number, seconds in ((signal.SIGTERM, CHILDREN_MAY_TAKE), (signal.SIGKILL, CHILDREN_MAY_TAKE)):
        children = descendants(os.getpid())
        for child in children:
            with suppress(OSError):
                os.kill(child, number)
        until = time.monotonic() + seconds
        while children and time.monotonic() < until:
            time.sleep(0.01)
            with suppress(OSError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            children = descendants(os.getpid())
        if not children:
            return


def descendants(process: int) -> list[int]:
    """The processes below one, but for those that tidy up after it; none where the system has no /proc."""
    found = []
    for path in Path("/proc").glob(f"{process}/task/*/children"):
        with suppress(OSError):
            for child in map(int, path.read_text().split()):
                found += [child, *descendants(child)]
    return [child for child in found if not _tidies_up(child)]


def _tidies_up(process: int) -> bool:
    with suppress(OSError):
        return b"resource_tracker" in Path(f"/proc/{process}/cmdline").read_bytes()
    return False
