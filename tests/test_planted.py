"""The faults of ``tests.planted`` are found, and the tool sees a fault that is not, and one that cannot be planted."""

from dataclasses import replace

import pytest

from tests import planted
from tests.planted import FAULTS, UnplantableError, check, problems

XOR = FAULTS["xor the other way round"]


def test_every_fault_can_be_planted():
    """Its text is in its file once, and its tests are there. Run when a text has changed: only the slow test plants."""
    check(FAULTS.values())
    assert len(FAULTS) >= 25
    for each in FAULTS.values():
        assert each.text != each.planted
        for test in each.tests:
            file, _, name = test.partition("::")
            source = (planted.ROOT / file).read_text()
            assert f"def {name.partition('[')[0]}(" in source if name else source


@pytest.mark.parametrize(
    ("each", "times"), [(replace(XOR, text="no such text"), 0), (replace(XOR, text="vectors"), 7)], ids=["none", "many"]
)
def test_a_text_that_is_not_there_once_is_refused(each, times):
    with pytest.raises(UnplantableError, match=f"repro/tasks/xor.py has '{each.text}' {times} times, and not once"):
        check([each])


def test_a_name_that_is_none(capsys):
    with pytest.raises(SystemExit) as end:
        planted.main(["no such fault"])
    assert end.value.code == 2
    assert "there is no such fault: no such fault" in capsys.readouterr().err


def test_the_faults_and_their_tests_can_be_listed(capsys):
    assert planted.main(["--list", "xor the other way round"]) == 0
    assert capsys.readouterr().out == "xor the other way round: tests/repro/tasks/test_tasks.py::test_xor\n"


@pytest.mark.slow
def test_all_faults_are_found(capsys):
    """Each in a copy of the project, in some 5 seconds of a core."""
    assert planted.main([]) == 0, capsys.readouterr().out
    assert capsys.readouterr().out.endswith(f"{len(FAULTS)} of {len(FAULTS)} found\n")


@pytest.mark.slow
def test_a_fault_that_is_not_found_is_told():
    """By tests that pass; by tests that fail without it; by a file that cannot be read; by tests that are not there."""
    unseen = replace(XOR, text="two inputs;", planted="2 inputs;")
    broken = replace(XOR, planted="keepdim=True) != 1))")
    found = dict(problems({"unseen": unseen, "broken": broken, "seen": XOR}))
    assert found["unseen"] == "not found"
    assert found["broken"].startswith("its tests could not be run (pytest ended with ")
    assert found["seen"] == ""
    lost = replace(XOR, tests=(*XOR.tests, "tests/repro/tasks/test_tasks.py::test_nothing"))
    with pytest.raises(ValueError, match="without a fault the tests have to pass"):
        list(problems({"lost": lost}))
