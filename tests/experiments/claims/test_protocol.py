"""The protocol: what is frozen, that nothing of it moves unseen, and what stands beside exploration once confirmed."""

import sys
from pathlib import Path

import pytest
import yaml

from experiments import reproduce
from experiments.catalogue import seeds_of
from experiments.claims import confirmation, ledger, protocol
from experiments.claims.ledger import Claim
from experiments.options.schema import ConfigError
from experiments.tables import write_rows

TESTS = "{says: a share, table: xor, share: solved == 1, holds: '>= 0.5', fails: '< 0.1'}"


@pytest.fixture
def few(monkeypatch, tmp_path) -> Path:
    """A ledger of one claim in place of the project's, which names many experiments."""
    path = tmp_path / "claims.yaml"
    path.write_text(f"claims:\n- {{id: T1, about: a, says: b, place: N p.1, tests: [{TESTS}]}}\n")
    read = ledger.read_ledger
    monkeypatch.setattr(protocol, "read_ledger", lambda: read(path))
    monkeypatch.setattr(ledger, "read_ledger", lambda _: read(path))
    return path


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_what_is_frozen_is_read_again(few, tmp_path):
    path = tmp_path / "protocol.yaml"
    protocol.freeze(path, tmp_path / "none")
    frozen = protocol.check(path)
    assert frozen == protocol.current()
    assert (frozen["first_seed"], frozen["family"]) == (10_000_000, ledger.FAMILY)
    assert frozen["seeds"] == {"xor": seeds_of("xor")}
    assert set(frozen["lines"]) == {"T1"}


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ("'>= 0.5'", "'>= 0.4'", "claim T1"),
        ("solved == 1", "solved == 0", "claim T1"),
        ("table: xor", "table: parity", "claim T1, experiment parity, seeds of parity"),
    ],
)
def test_a_line_or_a_measure_that_moves_is_named(few, tmp_path, old, new, changed):
    path = tmp_path / "protocol.yaml"
    protocol.freeze(path, tmp_path / "none")
    change(few, old, new)
    with pytest.raises(ConfigError) as refused:
        protocol.check(path)
    for part in changed.split(", "):
        assert part in str(refused.value)
    assert "--freeze" in str(refused.value)


def test_words_may_change(few, tmp_path):
    path = tmp_path / "protocol.yaml"
    protocol.freeze(path, tmp_path / "none")
    change(few, "says: a share", "says: a part")
    assert protocol.check(path)


def test_an_option_or_a_number_of_seeds_that_changes_is_named(few, tmp_path, monkeypatch):
    path = tmp_path / "protocol.yaml"
    protocol.freeze(path, tmp_path / "none")
    load = protocol.load

    def other(name):
        config = load(name)
        config.learning.alpha = 0.5
        return config

    monkeypatch.setattr(protocol, "load", other)
    with pytest.raises(ConfigError, match="experiment xor"):
        protocol.check(path)
    monkeypatch.setattr(protocol, "load", load)
    monkeypatch.setattr(protocol, "seeds_of", lambda name: 7)
    with pytest.raises(ConfigError, match="seeds of xor"):
        protocol.check(path)


def test_what_results_do_not_hang_on_is_no_part_of_it(few, monkeypatch):
    before = protocol.options("xor")
    load = protocol.load

    def other(name):
        config = load(name)
        config.summary, config.record.every, config.population.seeds = "another", 7, 3
        return config

    monkeypatch.setattr(protocol, "load", other)
    assert protocol.options("xor") == before


@pytest.mark.parametrize("text", ["", "lines: {}\n", "digest: 1\nlines: {T1: a}\n", "[1, 2]\n", "{"])
def test_a_protocol_that_was_changed_by_hand_is_refused(tmp_path, text):
    path = tmp_path / "protocol.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match="does not fit its digest"):
        protocol.read(path)


def test_without_one_it_says_how_to_freeze(tmp_path):
    with pytest.raises(ConfigError, match=r"nothing is frozen; .*--freeze"):
        protocol.read(tmp_path / "none.yaml")


def test_nothing_that_was_confirmed_is_frozen_anew_and_more_may_be(few, tmp_path):
    path, confirmed = tmp_path / "protocol.yaml", tmp_path / "confirmed.yaml"
    protocol.freeze(confirmed, tmp_path / "none")
    few.write_text(few.read_text() + f"- {{id: T2, about: a, says: c, place: N p.2, tests: [{TESTS}]}}\n")
    protocol.freeze(path, confirmed)
    assert set(protocol.check(path)["lines"]) == {"T1", "T2"}
    change(
        few,
        "id: T1, about: a, says: b, place: N p.1, tests: [{says: a share, table: xor",
        "id: T1, about: a, says: b, place: N p.1, tests: [{says: a share, among: seed > 3, table: xor",
    )
    with pytest.raises(ConfigError, match="claim T1: changed after the confirmation"):
        protocol.freeze(path, confirmed)


# Beside exploration ------------------------------------------------------------------------------------------


def shares(directory: Path, learned: int) -> None:
    write_rows(directory / "xor.csv", ({"seed": seed, "solved": int(seed < learned)} for seed in range(100)))


def test_the_confirmation_stands_beside_what_was_explored(few, tmp_path):
    results = tmp_path / "results"
    shares(results, 90)
    (alone,) = confirmation.judged(results)
    assert (alone.confirmed, alone.last) == (None, alone)
    shares(results / "confirmatory", 2)
    (still,) = confirmation.judged(results)
    assert still.confirmed is None  # no protocol says what it was run by
    protocol.freeze(results / "confirmatory" / protocol.FILE, tmp_path / "none")
    (both,) = confirmation.judged(results)
    assert (both.verdict, both.last.verdict) == ("holds", "undecided")
    assert both.last.allowed == {"holds in part", "does not hold"}
    change(few, "'< 0.1'", "'< 0.2'")
    (moved,) = confirmation.judged(results)
    assert moved.confirmed is None


def test_a_damaged_protocol_is_said(few, tmp_path):
    shares(tmp_path, 90)
    shares(tmp_path / "confirmatory", 2)
    (tmp_path / "confirmatory" / protocol.FILE).write_text(yaml.safe_dump({"digest": "no"}))
    with pytest.raises(ConfigError, match="does not fit its digest"):
        confirmation.judged(tmp_path)


# The command -------------------------------------------------------------------------------------------------


def confirm(monkeypatch, *arguments: str):
    monkeypatch.setattr(sys, "argv", ["reproduce", "--confirm", *arguments])
    return reproduce.parsed()[1]


def test_confirm_runs_what_the_protocol_names_on_fresh_seeds(few, monkeypatch, tmp_path):
    frozen = tmp_path / "protocol.yaml"
    protocol.freeze(frozen, tmp_path / "none")
    monkeypatch.setattr(protocol, "check", lambda: protocol.read(frozen))
    asked = confirm(monkeypatch, "--results", str(tmp_path / "here"))
    assert (asked.names, asked.everything) == (["xor"], False)
    (job,) = reproduce.jobs_of("xor", 5, confirm=True)
    assert job.seeds == range(10_000_000, 10_000_005)
    assert not job.figures
    assert job.directory().parts[:2] == reproduce.CONFIRM.parts
    assert "population.first_seed=10000000" in job.overrides(())


@pytest.mark.parametrize("more", [["xor"], ["--seeds", "5"], ["--quick"]])
def test_confirm_takes_nothing_that_the_protocol_has(monkeypatch, capsys, more):
    with pytest.raises(SystemExit):
        confirm(monkeypatch, *more)
    assert "--confirm: takes no NAME, --seeds or --quick" in capsys.readouterr().err


def test_confirm_is_refused_where_something_moved_and_where_it_was_run(few, monkeypatch, tmp_path, capsys):
    frozen = tmp_path / "protocol.yaml"
    protocol.freeze(frozen, tmp_path / "none")
    monkeypatch.setattr(protocol, "PROTOCOL", frozen)
    check = protocol.check
    monkeypatch.setattr(protocol, "check", lambda: check(frozen))
    change(few, "'>= 0.5'", "'>= 0.6'")
    with pytest.raises(SystemExit):
        confirm(monkeypatch, "--results", str(tmp_path / "here"))
    assert "claim T1" in capsys.readouterr().err
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / protocol.FILE).write_text("")
    with pytest.raises(SystemExit):
        confirm(monkeypatch, "--results", str(tmp_path / "here"))
    assert "has been confirmed" in capsys.readouterr().err


def test_the_digest_of_a_claim_is_of_all_that_decides():
    test = ledger.Test("x", "xor", share="E", holds="> 0", fails="< 0")
    one = protocol.digest(protocol.lines(Claim("T1", "a", "b", "c", [test])))
    for option, value in (
        ("table", "parity"),
        ("among", "seed > 1"),
        ("holds", "> 1"),
        ("printed", "3"),
        ("within", 9),
    ):
        other = ledger.Test(**{**vars(test), option: value})
        assert protocol.digest(protocol.lines(Claim("T1", "a", "b", "c", [other]))) != one
