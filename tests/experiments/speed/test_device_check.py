"""The device check, without a card: what is measured in which order, what is skipped, and what ends it."""

import json
import subprocess
import sys
import textwrap

import pytest
import torch

from experiments.catalogue import BENCHMARK_CUDA, CUDA_TESTS
from experiments.speed import device_check
from experiments.speed.cells import MEASURED
from experiments.speed.device_check import ROOT, TIERS, Cell, Worker, cells, name_of, only, run_cuda_tests, timings
from experiments.tables import read_rows

EVERYONE = [name for _, names in TIERS for name in names]


def test_each_contender_has_its_turn_once_and_few_networks_come_first():
    found = list(cells(("xor", "symmetry"), (16, 1), EVERYONE))
    every = [cell for _, tier in found for cell in tier]
    assert len(set(every)) == len(every) == 2 * 2 * len(EVERYONE)
    assert {cell.contender for cell in every} == set(EVERYONE)
    for _, tier in found:
        assert [cell.networks for cell in tier] == sorted(cell.networks for cell in tier)
    ends = [end for end, _ in found]
    assert ends == sorted(ends)
    assert ends[-1] == 1
    assert [cell for _, tier in cells(("xor",), (1,), []) for cell in tier] == []


def test_the_tiers_are_the_contenders_of_a_card(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: True)
    monkeypatch.setattr("repro.machine_code.build.compiler_lacking", lambda: None)
    assert set(EVERYONE) == set(device_check.contenders("cuda"))


class Scripted:
    """In place of a worker: answers or raises what the test says, and moves the clock."""

    made = 0

    def __init__(self, device, log):
        type(self).made += 1

    def measured(self, cell, seconds):
        took, found = self.script(cell)
        self.clock[0] += min(took, seconds)
        if took > seconds:
            raise TimeoutError
        if isinstance(found, Exception):
            raise found
        return {**only(found), "took": took}

    def close(self):
        self.closed.append(self)


@pytest.fixture
def scripted(monkeypatch, tmp_path):
    """``scripted(script, until)``: the statuses, by cell, of xor with three numbers of networks."""

    def run(script, until):
        clock = [0.0]
        monkeypatch.setattr(device_check.time, "monotonic", lambda: clock[0])
        kind = type("Kind", (Scripted,), {"script": staticmethod(script), "clock": clock, "made": 0, "closed": []})
        monkeypatch.setattr(device_check, "Worker", kind)
        monkeypatch.setattr(device_check, "contenders", lambda device: dict.fromkeys(EVERYONE))
        found = {cell: str(row["status"]) for cell, row in timings(("xor",), (1, 2, 3), "cpu", until, tmp_path / "log")}
        assert len(kind.closed) == kind.made
        return found, kind.made

    return run


def test_everything_fits(scripted):
    found, processes = scripted(lambda cell: (1.0, "ok"), 1000.0)
    assert set(found.values()) == {"ok"}
    assert len(found) == 3 * len(EVERYONE)
    assert processes == 2  # torch and JAX


def test_a_process_that_ends_is_started_again(scripted):
    broken = Cell("xor", 2, "ours, explicit")
    found, processes = scripted(lambda cell: (1.0, EOFError("ended with -9") if cell == broken else "ok"), 1000.0)
    assert found.pop(broken) == "failed: ended with -9"
    assert set(found.values()) == {"ok"}
    assert processes == 3


def test_what_has_no_room_is_not_tried_with_more(scripted):
    def script(cell):
        return 1.0, "out of memory" if cell.contender == "ours, autograd" and cell.networks > 1 else "ok"

    found, _ = scripted(script, 1000.0)
    assert found[Cell("xor", 2, "ours, autograd")] == "out of memory"
    assert found[Cell("xor", 3, "ours, autograd")] == "skipped: out of memory with 2 networks"


def test_the_time_is_shared(scripted):
    """A contender that takes for ever uses up its own part; those of later parts are measured all the same."""
    slow = TIERS[0][1][0]
    found, _ = scripted(lambda cell: (10_000.0 if cell.contender == slow else 1.0, "ok"), 100.0)
    assert found[Cell("xor", 1, slow)] == "skipped: time"
    for name in (name for _, names in TIERS[1:] for name in names):
        assert found[Cell("xor", 3, name)] == "ok"


def test_no_time_at_all(scripted):
    found, processes = scripted(lambda cell: (1.0, "ok"), 0.5)
    assert set(found.values()) == {"skipped: time"}
    assert processes == 0


TESTS = """
    import pytest
    @pytest.mark.cuda
    def test_good(): pass
    @pytest.mark.cuda
    @pytest.mark.skip(reason="no")
    def test_skipped(): pass
    def test_other(): assert False
"""


@pytest.mark.parametrize(
    ("more", "said", "fine"),
    [
        ("", "1 passed, 0 failed, 1 skipped", True),
        ("    @pytest.mark.cuda\n    def test_bad(): assert False\n", "1 passed, 1 failed, 1 skipped", False),
        ("    import nosuch\n", "0 passed, 1 failed, 0 skipped", False),
    ],
)
def test_the_marked_tests_are_counted(tmp_path, more, said, fine):
    (tmp_path / "test_these.py").write_text(textwrap.dedent(TESTS + more))
    assert run_cuda_tests(60, tmp_path / "log", str(tmp_path)) == (said, fine)
    assert "passed" in (tmp_path / "log").read_text() or "error" in (tmp_path / "log").read_text()


def test_tests_that_take_too_long_are_ended(tmp_path):
    sleeping = "import time, pytest\n@pytest.mark.cuda\ndef test_long(): time.sleep(60)\n"
    (tmp_path / "test_long.py").write_text(sleeping)
    said, fine = run_cuda_tests(2, tmp_path / "log", str(tmp_path))
    assert (said, fine) == ("not done after 2 seconds", False)


def test_a_worker_answers_and_can_be_ended(tmp_path):
    worker = Worker("cpu", tmp_path / "log")
    try:
        found = worker.measured(Cell("xor", 2, "ours, explicit"), 120)
        assert found["status"] == "ok"
        assert found["took"] > 0
        assert {*MEASURED, "took"} == set(found)
        with pytest.raises(TimeoutError):
            worker.measured(Cell("xor", 2, "ours, autograd"), 0.001)
        while worker.lines.get(timeout=60):
            worker.process.kill()
        worker.process.wait()
        with pytest.raises(EOFError, match="ended with -9"):
            worker.measured(Cell("xor", 2, "ours, explicit"), 20)
    finally:
        worker.close()
    assert worker.process.poll() == -9


@pytest.fixture
def main(monkeypatch, tmp_path):
    """``main("--device", "cpu")``: the exit code; cells are answered at once, by ``main.statuses`` or with ok."""

    def measured(experiments, networks, device, until, log):
        for _, tier in cells(experiments, networks, EVERYONE):
            for cell in tier:
                yield cell, {**only(run.statuses.get(cell, "ok")), "microseconds": "1.5"}

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["device_check", "--results", str(tmp_path), *arguments])
        return device_check.main()

    run.statuses = {}
    monkeypatch.setattr(device_check, "timings", measured)
    return run


def test_a_cpu_s_table_is_no_card_s(main, tmp_path):
    assert main("--device", "cpu", "--experiments", "xor", "--networks", "1") == 0
    assert not (tmp_path / BENCHMARK_CUDA).exists()
    rows = read_rows(tmp_path / name_of("cpu"))
    assert [row["contender"] for row in rows] == EVERYONE
    assert all(row["card"] and row["torch"] == torch.__version__ for row in rows)
    assert name_of("cpu") != name_of("cuda") == BENCHMARK_CUDA


def test_a_card_s_table_begins_with_the_tests(main, tmp_path, monkeypatch, capsys):
    """Made up: there is no card here. A failure of a test or a contender is in the exit code, and the rest goes on."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "A Card")
    monkeypatch.setattr(device_check, "run_cuda_tests", lambda *given: ("7 passed, 2 failed, 0 skipped", False))
    main.statuses = {
        Cell("xor", 1, "ours, autograd"): "wrong: weights",
        Cell("xor", 1, "ours, explicit"): "skipped: time",
    }
    assert main("--experiments", "xor", "--networks", "1") == 1
    first, *others = read_rows(tmp_path / BENCHMARK_CUDA)
    assert (first["card"], first["contender"], first["status"]) == (
        "A Card",
        CUDA_TESTS,
        "7 passed, 2 failed, 0 skipped",
    )
    assert [row["contender"] for row in others] == EVERYONE
    said = capsys.readouterr().err
    assert "2 failed" in said
    assert "xor, 1 networks, ours, autograd: wrong" in said
    assert "explicit" not in said


def test_without_a_card_one_line(main, monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    assert "torch finds no CUDA GPU on this machine" in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.slow
def test_for_real_on_a_cpu(tmp_path):
    """From the command line, in time, with every cell in the table."""
    options = ["--device", "cpu", "--minutes", "0.2", "--networks", "1", "64", "--results", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-m", "experiments.speed.device_check", *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    rows = read_rows(tmp_path / name_of("cpu"))
    cells_there = {(row["experiment"], row["networks"], row["contender"]) for row in rows}
    assert len(cells_there) == len(rows) >= 3 * 2 * 5
    assert sum(row["status"] == "ok" for row in rows) >= 3, done.stderr
    assert all(float(row["microseconds"]) > 0 for row in rows if row["status"] == "ok")
    assert "failed" not in json.dumps([row["status"] for row in rows]), done.stderr
