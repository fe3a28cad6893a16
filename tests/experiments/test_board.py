"""TensorBoard as `make tensorboard` starts it, asked over HTTP: it opens on the layout and has what the files have."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest

from tests.experiments.conftest import Ran
from tests.experiments.running.test_seeds import rows

pytestmark = pytest.mark.slow

ONE = ("symmetry", "population.seeds=1", "learning.sweeps=200", "record.every=20")
MANY = ("symmetry", "population.seeds=10000", "learning.sweeps=20", "record.every=10")
FAMILY = ("family_trees",)


class Board:
    """A TensorBoard at an address."""

    def __init__(self, address: str) -> None:
        self.address = address

    def text(self, path: str, **query: str) -> str:
        with urlopen(f"{self.address}data/{path}?{urlencode(query)}") as answer:
            return answer.read().decode()

    def __call__(self, path: str, **query: str):
        return json.loads(self.text(path, **query))


@pytest.fixture(scope="module")
def board(ran: Ran, tmp_path_factory) -> Iterator[Board]:
    """It serves three runs: of one network, of 10,000, and of family trees."""
    runs = tmp_path_factory.mktemp("runs")
    for name, options in (("one", ONE), ("many", MANY), ("family", FAMILY)):
        (runs / name).symlink_to(ran(*options), target_is_directory=True)
    command = [sys.executable, "-m", "experiments.board", "--logdir", str(runs), "--port", "0", "--load_fast", "false"]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        said = ""
        for line in server.stderr:
            said += line
            if found := re.search(r"http://localhost:\d+/", line):
                break
        else:
            pytest.fail(said)
        yield Board(found.group())
    finally:
        server.terminate()
        server.communicate()


def loaded(board: Board) -> Board:
    """Once it has read all runs."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if {"one", "one/paper", "many", "many/paper", "family"} <= set(board("runs")):
            return board
        time.sleep(0.1)
    pytest.fail(f"only {board('runs')}")


def test_it_opens_on_the_layout(board):
    plugins = {name: each["enabled"] for name, each in loaded(board)("plugins_listing").items()}
    assert next(name for name, enabled in plugins.items() if enabled) == "custom_scalars"
    for tab in ("timeseries", "scalars", "images", "histograms", "text", "hparams"):
        assert plugins[tab], tab


def test_the_layout_has_paper_and_ours_in_one_chart(board):
    layout = loaded(board)("plugin/custom_scalars/layout")
    charts = {category["title"]: category["chart"] for category in layout["category"]}
    assert set(charts) == {"symmetry", "family_trees"}
    learned = next(chart for chart in charts["symmetry"] if "learned" in chart["title"])
    (tag,) = learned["multiline"]["tag"]
    tags = board("plugin/scalars/tags")
    for run in ("one", "one/paper", "many", "many/paper"):
        assert [name for name in tags[run] if re.match(tag, name)] == ["symmetry/learned"]


@pytest.mark.parametrize(("run", "options"), [("one", ONE), ("many", MANY), ("family", FAMILY)])
def test_curves_are_those_of_the_file(board, ran, run, options):
    curves = rows(ran(*options) / "curves.csv")
    for name in ("E_median", "learned"):
        found = loaded(board)("plugin/scalars/scalars", run=run, tag=f"{options[0]}/{name}")
        assert [sweep for _, sweep, _ in found] == [int(row["sweep"]) for row in curves]
        assert [value for *_, value in found] == pytest.approx([float(row[name]) for row in curves], rel=1e-5)


def test_figures_over_the_sweeps(board):
    tags = loaded(board)("plugin/images/tags")
    assert (set(tags["one"]), set(tags["many"]), set(tags["family"])) == ({"Fig. 1"}, {"Fig. 1"}, {"Fig. 3", "Fig. 4"})
    steps = [image["step"] for image in board("plugin/images/images", run="one", tag="Fig. 1", sample="0")]
    assert (steps[0], steps[-1]) == (0, 200)
    (paper,) = board("plugin/images/images", run="one/paper", tag="Fig. 1", sample="0")
    assert paper["step"] == 1425


def test_hparams_with_metrics_that_sort(board):
    request = {"colParams": [{"metric": {"tag": "final/E_median"}, "order": "ORDER_ASC"}], "sliceSize": 9}
    request |= {"allowedStatuses": [f"STATUS_{status}" for status in ("UNKNOWN", "SUCCESS", "FAILURE", "RUNNING")]}
    body = json.dumps({"experimentName": "", **request}).encode()
    url = f"{loaded(board).address}data/plugin/hparams/session_groups"
    with urlopen(Request(url, body, {"Content-Type": "application/json"})) as answer:
        groups = json.loads(answer.read())["sessionGroups"]
    E = [next(m["value"] for m in group["metricValues"] if m["name"]["tag"] == "final/E_median") for group in groups]
    assert len(E) == 3
    assert sorted(E) == E
    assert sorted(group["hparams"]["population.seeds"] for group in groups) == [1, 3, 10_000]


def test_the_projector_opens_on_the_last_codes_with_who_the_people_are(board):
    assert loaded(board)("plugin/projector/runs") == ["family"]
    first = min(each["tensorName"] for each in board("plugin/projector/info", run="family")["embeddings"])
    assert first == "last person codes:00004"
    header, *people = board.text("plugin/projector/metadata", run="family", name=first).splitlines()
    assert header.split("\t") == ["person", "nationality", "generation", "branch", "sex"]
    assert len(people) == 24


def test_the_claims_are_a_table(board):
    assert "claims/text_summary" in loaded(board)("plugin/text/tags")["one"]
    (entry,) = board("plugin/text/text", run="one", tag="claims/text_summary")
    assert entry["text"].count("<tr>") > 40


def test_an_unknown_option_is_named():
    done = subprocess.run([sys.executable, "-m", "experiments.board", "--nope"], capture_output=True, text=True)
    assert done.returncode != 0
    assert "--nope" in done.stderr
