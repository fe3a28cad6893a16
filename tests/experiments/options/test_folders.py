"""Experiments of one's own, in folders outside the repository: found by every way, and checked as ours are."""

import os
import shlex
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from experiments import run
from experiments.options import folders
from experiments.options.folders import VARIABLE
from experiments.options.load import load
from experiments.options.schema import CONFIGS, ConfigError

PAGE = CONFIGS.parent / "docs" / "own_experiments.md"

MINE = """# @package _global_
name: mine
summary: Exclusive-or, slowly

defaults:
  - xor
  - _self_

learning:
  epsilon: 0.3
"""


def write(folder: Path, config: str, text: str = MINE) -> Path:
    file = folder / f"{config}.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """``mine`` in a folder beside the one in which commands are started."""
    monkeypatch.delenv(VARIABLE, raising=False)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    write(tmp_path / "configs", "experiment/mine")
    return tmp_path / "configs"


@pytest.fixture
def launch(monkeypatch, capsys):
    """``launch(*arguments)`` is what a user sees of a command line: the message, or ``"launched"``."""
    monkeypatch.setattr(run, "launch", lambda: sys.exit("launched"))

    def start(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["run.py", *arguments])
        with pytest.raises(SystemExit) as end:
            run.main()
        assert list(Path().iterdir()) == []
        out, err = capsys.readouterr()
        assert out == ""
        if end.value.code == "launched":
            return "launched"
        assert end.value.code == 2
        assert err.startswith("experiments.run: ")
        return err.removeprefix("experiments.run: ").rstrip("\n")

    yield start
    folders.name_folders(None, [])


def ways(folder: Path) -> dict[str, tuple[list[str], dict[str, str]]]:
    near = os.path.relpath(folder)
    return {
        "config-dir": (["--config-dir", str(folder)], {}),
        "config-dir=": ([f"--config-dir={folder}"], {}),
        "cd": (["-cd", str(folder)], {}),
        "relative": ([f"--config-dir={near}"], {}),
        "searchpath": ([f"hydra.searchpath=[file://{folder}]"], {}),
        "searchpath, no scheme": ([f"hydra.searchpath=[{folder}]"], {}),
        "searchpath, relative": ([f"hydra.searchpath=[file://{near}]"], {}),
        "added searchpath": ([f"+hydra.searchpath=[file://{folder}]"], {}),
        "variable": ([], {VARIABLE: str(folder)}),
        "variable, relative": ([], {VARIABLE: near}),
        "variable of several": ([], {VARIABLE: os.pathsep.join(["", str(CONFIGS), str(folder)])}),
        "twice": ([f"--config-dir={folder}", f"hydra.searchpath=[file://{folder}]"], {VARIABLE: str(folder)}),
    }


@pytest.fixture(params=sorted(ways(CONFIGS)))
def way(request, folder, monkeypatch) -> list[str]:
    arguments, variables = ways(folder)[request.param]
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return arguments


BAD = {
    "criterion.tolerance=5": "above 0 and at most 0.4",
    "learning.epsilon=-1": "must be a number above 0",
    "learning.epsilon=nan": "must be a number above 0",
    "population.seeds=0": "must be at least 1",
    "name=../../evil": "it names a directory",
    "learning.epsilom=1": "did you mean learning.epsilon?",
    "network.groups.input=3": "the task 'xor' has 2 units there",
    "task.length=8": "has no effect",
}


@pytest.mark.parametrize("flags", [[], ["-m", "learning.alpha=0.1,0.2"]], ids=["run", "multirun"])
@pytest.mark.parametrize("text", BAD)
def test_it_is_checked_as_ours_are(launch, folder, text, flags):
    message = launch("experiment=mine", text, *flags, "-cd", str(folder))
    assert BAD[text] in message
    assert "\n" not in message


def test_it_is_found_and_checked_by_every_way(launch, way):
    assert launch("experiment=mine", *way) == "launched"
    assert launch("-m", "experiment=glob(min*)", "learning.alpha=0,0.5", *way) == "launched"
    assert launch("experiment=mine", "name=../../evil", *way).startswith("name=../../evil: it names a directory")
    listed = launch("experiment=nosuch", *way).splitlines()
    assert len(listed) == 1 + 1 + len(list((CONFIGS / "experiment").glob("*.yaml")))
    (line,) = (line for line in listed if line.split()[0] == "mine")
    assert "Exclusive-or, slowly" in line


@pytest.mark.parametrize("way", ["cd", "searchpath", "variable"], indirect=True)
def test_help_lists_it_by_every_way(way, folder, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["run.py", "--help", *way])
    with pytest.raises(SystemExit) as end:
        run.main()
    assert end.value.code == 0
    (line,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith("experiment: "))
    assert {"mine", "xor"} <= set(line.removeprefix("experiment: ").split(", "))


def test_without_a_way_it_is_not_found_and_ways_are_told(launch, folder):
    message = launch("experiment=mine").splitlines()[0]
    assert "there is no such experiment" in message
    assert "--config-dir=FOLDER" in message
    assert VARIABLE in message


def test_a_run_of_it_has_its_options(folder, monkeypatch):
    found = []
    monkeypatch.setattr(run, "run", lambda config, directory: found.append((config, directory)))
    monkeypatch.setattr(
        sys, "argv", ["run.py", f"--config-dir={folder}", "-m", "experiment=mine", "learning.alpha=0,0.5"]
    )
    with pytest.raises(SystemExit):  # as none of the jobs is finished
        run.main()
    folders.name_folders(None, [])
    assert [(config.learning.epsilon, config.learning.alpha) for config, _ in found] == [(0.3, 0.0), (0.3, 0.5)]
    assert all(directory.is_relative_to(Path("runs/multirun/mine").absolute()) for _, directory in found)


# From Python -------------------------------------------------------------------------------------------------


def test_it_is_loaded(folder, monkeypatch):
    with pytest.raises(ConfigError, match="there is no such experiment"):
        load("mine")
    at = f"hydra.searchpath=[file://{folder}]"
    assert load("mine", at, "learning.alpha=0").learning.epsilon == 0.3
    with pytest.raises(ConfigError, match="there is no such experiment"):
        load("mine")  # it was named for the one call
    monkeypatch.setenv(VARIABLE, str(folder))
    assert load("mine").learning.epsilon == 0.3
    with pytest.raises(ConfigError, match="tolerance"):
        load("mine", "criterion.tolerance=5")


def test_a_file_that_has_changed_is_read_again(folder, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(folder))
    assert load("mine").learning.epsilon == 0.3
    write(folder, "experiment/mine", MINE.replace("0.3", "0.45"))
    assert load("mine").learning.epsilon == 0.45


# Groups of one's own -----------------------------------------------------------------------------------------


def test_readings_rules_and_whole_groups_of_ones_own(launch, folder):
    reading = "reading: {name: steep, question: slope, text: steeper units}\nlearning: {epsilon: 0.09}\n"
    write(folder, "reading/steep", f"# @package _global_\n{reading}")
    write(folder, "rule/half", "# @package _global_\nlearning: {alpha: 0.5}\n")
    write(folder, "colour/red", "# @package _global_\nlearning: {alpha: 0.25}\n")
    at, where = f"hydra.searchpath=[{folder}]", f"--config-dir={folder}"
    assert load("family_trees", "reading=steep", at).reading.text == "steeper units"
    assert load("xor", "rule=half", at).learning.alpha == 0.5
    assert load("mine", "+colour=red", at).learning.alpha == 0.25
    assert "choose from half, momentum" in launch("experiment=xor", "rule=nosuch", where)
    assert launch("experiment=xor", "colour=red", where).endswith("write +colour=red")
    assert "choose from red" in launch("experiment=xor", "+colour=blue", where)
    assert launch("experiment=family_trees", "reading=steep", "rule=half", where) == "launched"
    write(folder, "rule/wrong", "# @package _global_\nlearning: {alfa: 0.5}\n")
    assert launch("experiment=xor", "rule=wrong", where).endswith(
        "rule/wrong.yaml: there is no option learning.alfa; did you mean learning.alpha?"
    )


def test_an_experiment_in_a_folder_below(folder):
    write(folder, "experiment/slow/deep", MINE.replace("- xor", "- /experiment/xor"))
    assert load("slow/deep", f"hydra.searchpath=[{folder}]").learning.epsilon == 0.3


# What is wrong with a folder or a file -----------------------------------------------------------------------


def test_folders_that_cannot_be(launch, folder, monkeypatch):
    assert launch("experiment=xor", "--config-dir=nowhere") == "--config-dir=nowhere: there is no such folder"
    assert launch("experiment=xor", "hydra.searchpath=[nowhere]").endswith("there is no such folder")
    assert launch("experiment=xor", "hydra.searchpath=[pkg://no.such]").endswith("there is no such folder")
    assert "must be a list" in launch("experiment=xor", "hydra.searchpath=nowhere")
    message = launch("experiment=mine", f"--config-dir={folder / 'experiment'}")
    assert "there is no folder experiment" in message
    assert message.endswith("the file of an experiment is FOLDER/experiment/NAME.yaml")
    monkeypatch.setenv(VARIABLE, "nowhere")
    assert launch("experiment=xor") == f"{VARIABLE}=nowhere: there is no such folder"


def test_a_name_of_ours_is_taken(launch, folder):
    ours = (CONFIGS / "experiment" / "xor.yaml").read_text(encoding="utf-8")
    file = write(folder, "experiment/xor", ours)
    assert launch("experiment=mine", f"-cd={folder}") == "launched"  # a copy is no harm
    write(folder, "experiment/xor", ours.replace("0.5", "0.4"))
    message = launch("experiment=mine", f"--config-dir={folder}")
    assert message.startswith(f"{file}: Hydra would take configs/experiment/xor.yaml in its place")


def test_yml_is_told(launch, folder):
    write(folder, "experiment/other").rename(folder / "experiment" / "other.yml")
    assert launch("experiment=other", f"--config-dir={folder}").endswith("other.yml must be called other.yaml")


WRONG = {
    "no package": (MINE.replace("# @package _global_\n", ""), "its first line must be # @package _global_"),
    "a byte order mark": ("\ufeff" + MINE, "its first line must be # @package _global_"),
    "nothing": ("", "its first line must be # @package _global_"),
    "typo": (MINE.replace("epsilon", "epsilom"), "no option learning.epsilom; did you mean learning.epsilon?"),
    "what others call it": (MINE.replace("epsilon", "lr"), "no option learning.lr; did you mean learning.epsilon?"),
    "typo of a group": (MINE.replace("learning:", "learnin:"), "no option learnin; did you mean learning?"),
    "typo in a list": (
        MINE + "  opening: [{sweep: 1, epsilon: 1, alpha: 0}]\n",
        "there is no option sweep; did you mean sweeps?",
    ),
    "type": (
        MINE.replace("0.3", "fast"),
        "learning.epsilon: Value 'fast' of type 'str' could not be converted to Float",
    ),
    "number for options": ("# @package _global_\nlearning: 3\n", "learning is several options"),
    "list": ("# @package _global_\n- 3\n", "holds a list"),
    "parent": (
        MINE.replace("- xor", "- xorr"),
        "its defaults name experiment/xorr, which there is not; did you mean xor",
    ),
    "circle": (MINE.replace("- xor", "- mine"), "its defaults lead back to itself"),
    "defaults": (MINE.replace("  - xor\n  - _self_\n", "  xor: true\n"), "defaults must be a list"),
    "reading": (
        MINE.replace("- _self_", "- override /reading: gain\n  - _self_"),
        "a reading is chosen by '- /reading@_global_: NAME' in its defaults",
    ),
    "reading in its place": (
        MINE.replace("- _self_", "- /reading: gain\n  - _self_"),
        "a reading is chosen by '- /reading@_global_: NAME' in its defaults",
    ),
    "key twice": (MINE + "learning:\n  alpha: 0\n", "line 11: found duplicate key learning"),
    "no YAML": (MINE + " alpha: [\n", "line 11: "),
    "header": (MINE.replace("_global_", "_global_ please"), "Too many components"),
    "no sweeps": (
        "# @package _global_\nname: mine\ntask: {name: xor}\nlearning: {epsilon: 1}\ncriterion: {tolerance: 0.1}\n"
        "network: {groups: {input: 2, output: 1}, links: {output: [input]}}\n",
        "gives no value to learning.sweeps; give it there, or here: learning.sweeps=VALUE",
    ),
    "no name": (
        "# @package _global_\ntask: {name: xor}\nlearning: {epsilon: 1, sweeps: 1}\ncriterion: {tolerance: 0.1}\n",
        "gives no value to name",
    ),
    "values of its own sweep": (
        MINE + "hydra: {mode: MULTIRUN, sweeper: {params: {learning.alpha: '0.5,1'}}}\n",
        "hydra.sweeper.params: learning.alpha=1.0: must be at least 0 and below 1",
    ),
    "typo in its own sweep": (
        MINE + "hydra: {mode: MULTIRUN, sweeper: {params: {learning.alfa: '0.5,1'}}}\n",
        "hydra.sweeper.params: learning.alfa=0.5: there is no option learning.alfa; did you mean learning.alpha?",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_with_a_file_is_one_line_that_names_it(launch, folder, name):
    text, words = WRONG[name]
    file = write(folder, "experiment/mine", text)
    shown = ["--cfg", "job"] if "gives no value" not in words and "hydra:" not in text else []
    for more in ([], shown):
        message = launch("experiment=mine", f"--config-dir={folder}", *more)
        assert words in message
        assert str(file) in message
        assert "\n" not in message
    if "hydra:" not in text:
        with pytest.raises(ConfigError) as refusal:
            load("mine", f"hydra.searchpath=[{folder}]")
        assert words in str(refusal.value)


VALUES = {
    "criterion: {tolerance: 5}": "criterion.tolerance=5.0: must be above 0",
    "population: {seeds: 0}": "population.seeds=0: must be at least 1",
    "population: {seeds: 4000000000}": "GiB of memory",
    "device: gpu": "device=gpu: must be cpu, cuda or cuda:N",
    "network: {groups: {input: 3}}": "the task 'xor' has 2 units there",
    "network: {links: {output: [nosuch]}}": "there is no group 'nosuch'",
    "hydra: {run: {dir: /dev/null/here}}": "hydra.run.dir=/dev/null/here: Not a directory",
}


@pytest.mark.parametrize("text", VALUES)
def test_values_of_a_file_are_checked_as_those_of_the_command_line(launch, folder, text):
    write(folder, "experiment/mine", MINE + text + "\n")
    message = launch("experiment=mine", f"--config-dir={folder}")
    assert VALUES[text] in message
    assert "\n" not in message


def test_a_name_in_a_file_leads_nowhere_else(launch, folder):
    write(folder, "experiment/mine", MINE.replace("name: mine", "name: ../../evil"))
    assert "it names a directory" in launch("experiment=mine", f"--config-dir={folder}")
    assert sorted(path.name for path in folder.parent.iterdir()) == ["configs", "here"]


def test_a_file_that_is_no_text(launch, folder):
    write(folder, "experiment/mine").write_bytes(MINE.replace("mine", "m\xfcne").encode("latin-1"))
    message = launch("experiment=mine", f"--config-dir={folder}")
    assert message == f"{folder}/experiment/mine.yaml: is no text in UTF-8"
    assert "(cannot be read)" in launch("experiment=nosuch", f"--config-dir={folder}")


# The page ----------------------------------------------------------------------------------------------------


def blocks() -> list[tuple[str, str]]:
    """The name of the file that the line above names, where it does, and the text of each block of the page."""
    lines = PAGE.read_text(encoding="utf-8").split("\n")
    fences = [place for place, line in enumerate(lines) if line.startswith("```")]
    found = []
    for first, last in zip(fences[::2], fences[1::2], strict=True):
        named = lines[first - 2].rpartition("in `")[2].removesuffix("`:")
        name = named if lines[first - 2].endswith(f"in `{named}`:") else ""
        found.append((name, "\n".join(lines[first + 1 : last]) + "\n"))
    return found


def test_the_page_does_what_it_says(monkeypatch, tmp_path):
    """Its files are written, and its commands run, with a few seeds and sweeps."""
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)
    files = {name: text for name, text in blocks() if name.endswith(".yaml")}
    for name, text in files.items():
        write(tmp_path, name.removesuffix(".yaml"), text)
    assert sorted(files) == [
        "mine/experiment/xor_narrow.yaml",
        "mine/experiment/xor_narrow_rates.yaml",
        "mine/rule/gentle.yaml",
    ]
    trained = []
    monkeypatch.setattr(run, "run", lambda config, directory: trained.append(config))
    commands = [line for name, text in blocks() if not name for line in text.splitlines() if "experiments.run" in line]
    assert len(commands) == 9
    for line in commands:
        words = shlex.split(line, comments=True)
        while "=" in words[0]:
            variable, _, value = words.pop(0).partition("=")
            monkeypatch.setenv(variable, value)
        assert words[:3] == ["python", "-m", "experiments.run"]
        monkeypatch.setattr(sys, "argv", ["run.py", *words[3:]])
        with suppress(SystemExit):  # of a sweep, none of whose jobs is finished
            run.main()
        monkeypatch.delenv(VARIABLE, raising=False)
    folders.name_folders(None, [])
    assert {config.name for config in trained} == {"xor_narrow", "xor_narrow_rates"}
    assert {config.learning.alpha for config in trained} >= {0.9, 0.5}
    assert [config.learning.epsilon for config in trained[-3:]] == [0.1, 0.2, 0.4]
