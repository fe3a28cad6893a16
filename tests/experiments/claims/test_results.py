"""The tables of results/, read once, and the experiments that have some."""

import os

import pytest

from experiments.claims.results import learned, seeds, small_networks, table, with_results
from experiments.tables import write_rows
from tests.experiments import published


def test_a_table_is_the_file(tmp_path):
    (tmp_path / "t.csv").write_text("seed,solved,sweeps\n0,1,5\n1,0,\n")
    found = table(tmp_path / "t.csv")
    assert found["seed"].tolist() == [0, 1]
    assert found["sweeps"].isna().tolist() == [False, True]
    with pytest.raises(FileNotFoundError) as missing:
        table(tmp_path / "other.csv")
    assert missing.value.filename == str(tmp_path / "other.csv")


def test_a_table_is_read_once_until_it_changes(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("seed\n0\n")
    first = table(path)
    assert table(path) is first
    path.write_text("seed\n1\n")
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1))
    assert table(path)["seed"].tolist() == [1]


def test_networks_that_have_not_learned_are_left_out_of_those_that_have(tmp_path):
    write_rows(tmp_path / "xor.csv", published.xor())
    networks = seeds(tmp_path, "xor")
    assert len(networks) == 5
    assert learned(networks)["sweeps"].tolist() == [500, 600, 700]
    with pytest.raises(FileNotFoundError):
        seeds(tmp_path, "nosuch")


def test_experiments_stand_in_the_order_of_their_publication(tmp_path):
    for name, rows in (("family_trees", published.learned), ("xor", published.xor), ("symmetry", published.symmetry)):
        write_rows(tmp_path / f"{name}.csv", rows())
    assert with_results(tmp_path) == ["symmetry", "xor", "family_trees"]
    assert small_networks(tmp_path) == ["symmetry", "xor"]
