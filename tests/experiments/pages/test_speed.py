"""What the pages say of speed, from made-up tables: of processors, and of a card where there is a table of one."""

from pathlib import Path

import pytest

from experiments.catalogue import BENCHMARK_CUDA, BENCHMARKS, CUDA_TESTS, RESULTS
from experiments.pages import speed
from experiments.tables import read_rows, write_rows
from tests.experiments import published


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Path:
    return published.write(tmp_path_factory.mktemp("results"))


@pytest.fixture
def two(tmp_path) -> Path:
    """Two processors; the peak of the second was not measured, nor the name of its vectors' bits."""
    rows = list(published.speeds())
    write_rows(tmp_path / BENCHMARKS / "a.csv", rows)
    other = {"processor": "Another", "vector": "DEFAULT", "bits": "", "cores": 8, "peak": ""}
    write_rows(tmp_path / BENCHMARKS / "b.csv", [row | other for row in rows])
    return tmp_path


def test_speeds_stand_by_contender_and_a_dash_where_one_was_not_measured(results):
    assert speed.speed_tables(results).splitlines() == [
        "**2 cores of Made up with AVX9, vectors of 1024 bits**:",
        "",
        "| µs per network and sweep | `xor`, 1 | `xor`, 1,024 |",
        "| --- | --- | --- |",
        "| slow: by hand | 123 | - |",
        "| ours, compiled | 2.5 | 0.012 |",
        "| fast | - | 0.018 |",
    ]


def test_a_table_for_each_processor(two):
    found = speed.speed_tables(two)
    assert found.count("| slow: by hand | 123 | - |") == 2
    assert "**8 cores of Another with DEFAULT**:" in found


def test_ours_is_compared_with_the_best_other_way(two):
    first, second = speed.comparisons(two).splitlines()[2:]
    assert first == "- 2 cores of Made up with AVX9, vectors of 1024 bits: `xor` 0.012 µs, 1.5 times (fast)"
    assert second.startswith("- 8 cores of Another with DEFAULT: ")


def test_how_long_all_that_is_published_took(results):
    assert speed.reproduce_said(results) == "It took 5.5 minutes on 2 cores of Made up with AVX9."


def test_the_share_of_the_peak(two):
    """XOR's 109 multiply-adds in 0.012 µs are 9.08 billion a second, of 50; its 93 without zeros 7.75."""
    header, _, row = speed.arithmetic_table(two).splitlines()
    assert header.endswith(
        "| 2 cores of Made up with AVX9, vectors of 1024 bits: share of the peak, 50 billion a second "
        "| 8 cores of Another with DEFAULT: share of the peak |"
    )
    assert row == "| `xor` | 109 | 93 | 8 | 18 %; 16 % without | - |"


def test_no_processor_at_all_is_said(tmp_path):
    with pytest.raises(FileNotFoundError) as problem:
        speed.speed_tables(tmp_path)
    assert problem.value.filename == str(tmp_path / BENCHMARKS / "PROCESSOR.csv")


def card_rows():
    machine = {"card": "A Card 80GB", "driver": "580.1", "torch": "2.11.0", "jax": "0.11.2"}
    nothing = dict.fromkeys(("sweeps", "turns", "microseconds", "peak_mib", "waits", "status"), "")
    tests = {"experiment": "", "networks": "", "contender": CUDA_TESTS}
    yield {**machine, **tests, **nothing, "status": "11 passed, 0 failed, 0 skipped"}
    for networks, contender, more in (
        (1, "ours, explicit", {"microseconds": 12.345, "peak_mib": 3.2, "waits": 0, "status": "ok"}),
        (1048576, "ours, explicit", {"microseconds": 0.0012345, "peak_mib": 12345, "waits": 2, "status": "ok"}),
        (1, "JAX", {"microseconds": 4, "peak_mib": 1, "status": "ok"}),
        (1048576, "JAX", {"status": "out of memory"}),
        (1, "slow", {"microseconds": 400, "waits": 7, "status": "ok, with 1 network"}),
        (1048576, "slow", {"status": "skipped: time"}),
    ):
        yield {**machine, "experiment": "xor", "networks": networks, "contender": contender, **nothing, **more}


def test_a_card_has_a_section(tmp_path):
    write_rows(tmp_path / BENCHMARK_CUDA, card_rows())
    lines = speed.gpu_section(tmp_path).splitlines()
    assert lines[0] == "## On a GPU"
    assert (
        "one A Card 80GB (driver 580.1, torch 2.11.0, JAX 0.11.2), float32; tests that need a card: 11 passed"
        in lines[2]
    )
    assert lines[4:9] == [
        "| `xor` | 1 | 1,048,576 |",
        "| --- | --- | --- |",
        "| ours, explicit | 12.3 (3 MiB) | 0.00123 (12,345 MiB) |",
        "| JAX | 4 (1 MiB) | out of memory |",
        "| slow | 400 | time |",
    ]
    assert lines[-1].endswith(": ours, explicit 2, slow 7.")
    said = speed.gpu_said(tmp_path, "docs/speed.md")
    assert "one A Card 80GB (tests that need a card: 11 passed, 0 failed, 0 skipped)" in said
    assert "(docs/speed.md#on-a-gpu)" in said


def test_a_card_s_table_without_jax_and_without_the_tests(tmp_path):
    write_rows(tmp_path / BENCHMARK_CUDA, [row | {"jax": ""} for row in card_rows() if row["contender"] != CUDA_TESTS])
    found = speed.gpu_section(tmp_path)
    assert "(driver 580.1, torch 2.11.0), float32; without the tests that need a card." in found


def test_without_a_card_there_is_no_section(tmp_path):
    assert speed.gpu_section(tmp_path) == ""
    assert speed.gpu_said(tmp_path, "docs/speed.md") == "It has not been run on a GPU yet."


def test_the_pages_say_what_was_run():
    """Of this checkout's results, whether or not somebody has run it on a card."""
    for page in (RESULTS.parent / "README.md", RESULTS.parent / "docs" / "running.md"):
        text = page.read_text()
        assert ("has not been run on a GPU" in text) != (RESULTS / BENCHMARK_CUDA).exists(), page
    there = (RESULTS / BENCHMARK_CUDA).exists()
    assert ("## On a GPU" in (RESULTS.parent / "docs" / "speed.md").read_text()) == there


def test_every_published_processor_has_its_columns():
    paths = list((RESULTS / BENCHMARKS).glob("*.csv"))
    assert paths
    for path in paths:
        assert {"processor", "vector", "bits", "cores", "peak", "microseconds"} <= read_rows(path)[0].keys()


def test_what_logging_costs_has_its_sign(results):
    assert speed.logging_table(results).splitlines()[2:] == [
        "| `symmetry`, 1 | 4.00 | 5.00 | +25.0 % | 3 |",
        "| `symmetry`, 10,000 | 10.00 | 9.95 | -0.5 % | 3 |",
    ]
