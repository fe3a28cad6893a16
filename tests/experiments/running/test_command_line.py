"""A mistake on the command line ends in one line with the option, the value and the remedy, and leaves nothing."""

import io
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf

from experiments import run
from experiments.options import compose, folders
from experiments.options.compose import Composer
from experiments.options.schema import CONFIGS, ConfigError
from experiments.running import command_line, job_check

ROOT = Path(__file__).parents[3]
S, F = "experiment=symmetry", "experiment=family_trees"
SHARDS = ["-m", "experiment=xor", "population.shard=1/2,2/2"]


@pytest.fixture
def launch(monkeypatch, capsys, tmp_path):
    """``launch(*arguments)`` is what a user sees of a command line that is refused: exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)

    def started() -> None:
        raise AssertionError("the experiment was launched")

    def start(*arguments: str) -> tuple[object, str, str]:
        monkeypatch.setattr(sys, "argv", ["run.py", *arguments])
        monkeypatch.setattr(run, "launch", started)
        with pytest.raises(SystemExit) as end:
            run.main()
        assert list(tmp_path.iterdir()) == []
        return end.value.code, *capsys.readouterr()

    return start


def assert_refused(outcome: tuple[object, str, str], *words: str, lines: int = 1) -> None:
    code, out, err = outcome
    assert code == 2
    assert out == ""
    assert err.startswith("experiments.run: ")
    assert len(err.splitlines()) == lines
    for word in words:
        assert word in err


BAD: dict[str, tuple[list[str], list[str]]] = {
    "typo in an option": ([S, "learning.epsilom=1"], ["learning.epsilom=1", "did you mean learning.epsilon?"]),
    "typo in a group": (
        [S, "netwrk.groups.hidden=4"],
        ["netwrk.groups.hidden=4", "did you mean network.groups.hidden"],
    ),
    "typo in a config group": ([F, "raeding=literal"], ["raeding=literal", "did you mean reading?"]),
    "no such option": ([S, "flavour=1"], ["there is no option flavour", "--cfg job"]),
    "added option": ([S, "+learning.epsilom=1"], ["+learning.epsilom", "did you mean learning.epsilon?"]),
    "added option at the top": ([S, "+flavour=1"], ["there is no option flavour"]),
    "deleted option": ([S, "~learning.alpha"], ["~learning.alpha", "give the option a value"]),
    "deleted options": ([S, "~learning"], ["~learning", "give the option a value"]),
    "not a number": ([S, "learning.epsilon=fast"], ["learning.epsilon=fast", "Float"]),
    "no value": ([S, "learning.epsilon="], ["learning.epsilon=", "Float"]),
    "null": ([S, "learning.epsilon=null"], ["learning.epsilon=null", "not Optional"]),
    "not a whole number": ([S, "population.seeds=1.5"], ["population.seeds=1.5", "Integer"]),
    "1e3 is no whole number": ([S, "population.seeds=1e3"], ["population.seeds=1e3", "Integer"]),
    "not a bool": ([S, "record.tensorboard=maybe"], ["record.tensorboard=maybe", "bool"]),
    "value for a group of options": ([S, "learning=3"], ["learning=3", "several options", "learning.epsilon=VALUE"]),
    "negative epsilon": ([S, "learning.epsilon=-1"], ["learning.epsilon=-1", "above 0"]),
    "zero epsilon": ([S, "learning.epsilon=0"], ["learning.epsilon=0", "above 0"]),
    "epsilon nan": ([S, "learning.epsilon=nan"], ["learning.epsilon=nan", "above 0"]),
    "epsilon inf": ([S, "learning.epsilon=inf"], ["learning.epsilon=inf", "above 0"]),
    "alpha 1": ([S, "learning.alpha=1"], ["learning.alpha=1", "below 1"]),
    "negative alpha": ([S, "learning.alpha=-0.1"], ["learning.alpha=-0.1", "at least 0"]),
    "alpha nan": ([S, "learning.alpha=nan"], ["learning.alpha=nan", "at least 0"]),
    "decay 1": ([S, "learning.decay=1"], ["learning.decay=1", "below 1"]),
    "no sweeps": ([S, "learning.sweeps=0"], ["learning.sweeps=0", "at least 1"]),
    "opening of no sweeps": (
        [S, "learning.opening=[{sweeps:0,epsilon:1,alpha:0}]"],
        ["learning.opening.0.sweeps=0", "at least 1"],
    ),
    "opening without epsilon": (
        [S, "learning.opening=[{sweeps:1,alpha:0}]"],
        ["learning.opening.0.epsilon=???", "give it one, learning.opening.0.epsilon=VALUE"],
    ),
    "typo in an opening": (
        [S, "learning.opening=[{sweep:1,epsilon:1,alpha:0}]"],
        ["learning.opening=", "no option 'sweep'", "did you mean 'sweeps'?"],
    ),
    "typo added to an opening": (
        [F, "+learning.opening.0.epsilom=1"],
        ["no option learning.opening.0.epsilom", "did you mean learning.opening.0.epsilon?"],
    ),
    "typo in an opening that is there": (
        [F, "learning.opening.0.epsilom=1"],
        ["learning.opening.0.epsilom=1", "did you mean learning.opening.0.epsilon?"],
    ),
    "opening that is not there": (
        [F, "learning.opening.1.epsilon=1"],
        ["learning.opening has no element 1", "learning.opening=[...]"],
    ),
    "opening of none": (
        [S, "learning.opening.0.epsilon=1"],
        ["learning.opening has no element 0", "learning.opening=[...]"],
    ),
    "opening in brackets": ([F, "learning.opening[0].epsilon=1"], ["a dot, learning.opening.0.epsilon=1"]),
    "dict in a number": ([S, "+learning.epsilon.x=1"], ["there is no option learning.epsilon.x"]),
    "option added to a group of options": ([S, "+record={colour:red}"], ["there is no option 'colour' in it"]),
    "what others call it": ([S, "learning.lr=3"], ["learning.lr=3", "did you mean learning.epsilon?"]),
    "what others call it, by itself": ([S, "hidden=4"], ["hidden=4", "did you mean network.groups.hidden?"]),
    "right name, wrong place": ([S, "task.epsilon=4"], ["task.epsilon=4", "did you mean learning.epsilon?"]),
    "letters": ([S, "summary=Übung"], ["""'summary="Übung"'"""]),
    "equals sign": ([S, "summary=a=b"], ["""'summary="a=b"'"""]),
    "bracket": ([S, "summary=a (b)"], ["""'summary="a (b)"'"""]),
    "bracket in a list": ([F, "task.held_out_cases=[Colin (x)]"], ["quotes of its own"]),
    "list of readings": ([F, "reading=[gain,range_1]"], ["reading=[gain,range_1]", "one reading at a time", "-m"]),
    "list of readings in a multirun": (["-m", F, "reading=[gain,range_1],gain"], ["one reading at a time"]),
    "list of one": ([S, "rule=[steepest]"], ["rule=[steepest]", "write rule=steepest"]),
    "list of experiments": (["experiment=[xor,symmetry]"], ["one experiment at a time"]),
    "reading of a reading": (
        ["experiment=family_trees_learned", "reading=range_1"],
        ["reading=range_1", "of the reading gain itself", "experiment=family_trees"],
    ),
    "group with a plus": ([F, "+reading=gain"], ["write reading=gain"]),
    "group in a package": ([F, "reading@network=gain"], ["write reading=gain"]),
    "group of null": ([S, "rule=null"], ["rule=null", "choose from momentum"]),
    "no group of that name": (
        [S, "network.groups.second=3"],
        ["no group 'second'", "a new one goes in below the output by", "+network.groups.second=3"],
    ),
    "typo in the name of a group": (
        [S, "network.groups.hiden=3"],
        ["no group 'hiden'", "did you mean network.groups.hidden?"],
    ),
    "links of no group": ([S, "network.links.second=[input]"], ["no group 'second'", "+network.links.second=[hidden]"]),
    "group above the output": (
        [S, "+network.groups.second=3"],
        ["nothing is fed by 'output'", "comes last, where the output is", "'~network.groups.output'"],
    ),
    "sweep over Hydra's own": (
        ["-m", "experiment=xor", "hydra.sweep.dir=a,b"],
        ["hydra.sweep.dir=a,b", "one value for all jobs"],
    ),
    "sweeper": ([S, "hydra/sweeper=nosuch"], ["hydra/sweeper=nosuch", "there is no such sweeper", "basic"]),
    "other options altogether": ([S, "--config-name=other"], ["--config-name=other", "--config-dir=FOLDER"]),
    "other folder altogether": ([S, "--config-path", "/tmp"], ["--config-path=/tmp", "--config-dir=FOLDER"]),
    "what was pickled": ([S, "--experimental-rerun", "x.pickle"], ["--experimental-rerun=x.pickle", "resume="]),
    "two things at once": ([S, "-m", "--cfg", "job"], ["--multirun --cfg", "one of them"]),
    "resolve what is not shown": ([S, "--resolve"], ["--resolve", "--cfg job"]),
    "several values in short": (["--multi", S, "learning.epsilon=1,-2"], ["learning.epsilon=-2", "above 0"]),
    "number of a run by itself": ([S, "population.first_seed=${hydra:job.num}"], ["${hydra:job.num}", "add -m"]),
    "variable that is not set": ([S, "learning.epsilon=${oc.env:BACKPROP_1986_NOSUCH}"], ["NOSUCH' not found"]),
    "interpolation of another type": ([S, "learning.epsilon=${name}"], ["learning.epsilon=${name}", "Float"]),
    "opening is no list": ([S, "learning.opening=5"], ["learning.opening=5", "list"]),
    "no seeds": ([S, "population.seeds=0"], ["population.seeds=0", "at least 1"]),
    "negative seeds": ([S, "population.seeds=-3"], ["population.seeds=-3", "at least 1"]),
    "more seeds than there are": ([S, f"population.seeds={2**32 + 1}"], ["population.seeds=", str(2**32)]),
    "seeds past the last": ([S, f"population.first_seed={2**32 - 5}"], ["population.seeds=1000", "there are 5"]),
    "first seed past the last": ([S, f"population.first_seed={2**32}"], ["population.first_seed=", "2^32 - 1"]),
    "negative first seed": ([S, "population.first_seed=-1"], ["population.first_seed=-1", "from 0"]),
    "more seeds than memory": ([S, "population.seeds=4000000000"], ["population.seeds=4000000000", "GiB of memory"]),
    "more weights than memory": ([S, "network.groups.hidden=1000000000"], ["8,000,000,001 weights", "GiB of memory"]),
    "unknown device": ([S, "device=gpu"], ["device=gpu", "cpu, cuda or cuda:N"]),
    "no device": ([S, "device="], ["device=", "cpu, cuda or cuda:N"]),
    "device number": ([S, "device='cuda:²'"], ["device=cuda:²", "cpu, cuda or cuda:N"]),
    "device cpu:0": ([S, "device=cpu:0"], ["device=cpu:0", "cpu, cuda or cuda:N"]),
    "compiled autograd": ([S, "compile=true", "backward_pass=autograd"], ["compile=True", "backward_pass=explicit"]),
    "shard": ([S, "population.shard=5/4"], ["population.shard=5/4", "I from 1 to N"]),
    "too many": ([S, "population.seeds=4000000000", "population.shard=1/2"], ["2000000000 at a time", "more shards"]),
    "launcher": (
        [*SHARDS, "hydra/launcher=slurm"],
        ["hydra/launcher=slurm", "basic and side_by_side", "pip install -e '.[cluster]'"],
    ),
    "launcher's option": (
        [*SHARDS, "hydra/launcher=submitit_local", "hydra.launcher.timeout_mn=3"],
        ["hydra.launcher.timeout_mn=3", "'timeout_mn' not in"],
    ),
    "beside a launcher's option": (
        [*SHARDS, "hydra/launcher=submitit_local", "hydra.launcher.timeout_min=3", "learning.epsilom=1"],
        ["learning.epsilom=1", "did you mean learning.epsilon"],
    ),
    "precision": ([S, "precision=float16"], ["precision=float16", "float32, float64"]),
    "backward pass": ([S, "backward_pass=eager"], ["backward_pass=eager", "explicit, autograd"]),
    "when weights change": ([S, "learning.change=per_swep"], ["learning.change=per_swep", "per_sweep, per_case"]),
    "unknown function": ([S, "network.hidden_function=relu"], ["network.hidden_function=relu", "logistic, symmetric"]),
    "form of E": ([S, "error.form=absolute"], ["error.form=absolute", "squared, cross_entropy"]),
    "bounds": ([F, "error.on_bound=0.1"], ["error.off_bound=0.2", "error.on_bound=0.1"]),
    "factor in E": ([F, "error.factor=0"], ["error.factor=0", "above 0"]),
    "no threads": ([S, "threads=0"], ["threads=0", "at least 1"]),
    "snapshot never": ([S, "record.every=0"], ["record.every=0", "at least 1"]),
    "replica that is not trained": ([S, "record.replica=5000"], ["record.replica=5000", "0 to 999"]),
    "unknown reading": ([F, "reading=nosuch"], ["reading=nosuch", "choose from", "epsilon_10", "literal"]),
    "unknown count": ([F, "count=nosuch"], ["count=nosuch", "with_decay, without_decay"]),
    "unknown links": ([S, "links=nosuch"], ["links=nosuch", "there is no such links; choose from direct, layered"]),
    "unknown rule": (
        [S, "rule=nosuch"],
        ["rule=nosuch", "choose from momentum, momentum_at_once, per_case, per_case_momentum, steepest"],
    ),
    "one bad rule of several": (["-m", S, "rule=steepest,nosuch"], ["rule=nosuch", "choose from momentum"]),
    "typo in rule": ([S, "rul=steepest"], ["rul=steepest", "did you mean rule?"]),
    "no layers": ([S, "network.layers=0"], ["network.layers=0", "from 1 to 100"]),
    "negative layers": ([S, "network.layers=-2"], ["network.layers=-2", "from 1 to 100"]),
    "more layers than there may be": ([S, "network.layers=101"], ["network.layers=101", "from 1 to 100"]),
    "half a layer": ([S, "network.layers=1.5"], ["network.layers=1.5", "Integer"]),
    "layers of what is not there": (
        ["experiment=symmetry_no_hidden", "network.layers=2"],
        ["network.layers=2", "no group 'hidden'"],
    ),
    "layers of other hidden groups": ([F, "network.layers=2"], ["network.layers=2", "no group 'hidden'"]),
    "one bad number of layers": (["-m", S, "network.layers=1,2,0"], ["network.layers=0", "from 1 to 100"]),
    "links of what is not there": (
        ["experiment=symmetry_no_hidden", "links=layered"],
        ["network.links", "no group 'hidden'"],
    ),
    "tolerance 0": ([S, "criterion.tolerance=0"], ["criterion.tolerance=0", "above 0"]),
    "negative tolerance": ([S, "criterion.tolerance=-1"], ["criterion.tolerance=-1", "above 0"]),
    "tolerance nan": ([S, "criterion.tolerance=nan"], ["criterion.tolerance=nan", "above 0"]),
    "tolerance that any network meets": ([S, "criterion.tolerance=1"], ["criterion.tolerance=1", "at most 0.5"]),
    "targets the wrong way round": ([S, "task.target_off=1"], ["task.target_off=1", "below task.target_on=1"]),
    "infinite target": ([S, "task.target_on=inf"], ["task.target_on=inf", "must be a number"]),
    "odd length": ([S, "task.length=5"], ["task.length=5", "even"]),
    "2^60 cases": ([S, "task.length=60"], ["task.length=60", "from 2 to 20"]),
    "parity of one": (["experiment=parity", "task.length=1"], ["task.length=1", "from 2 to 20"]),
    "parity of more units than there are": (
        ["experiment=parity", "task.length=5"],
        ["network.groups.input=4", "5 units"],
    ),
    "encoder of one": (["experiment=encoder", "task.units=1"], ["task.units=1", "from 2 to 1024"]),
    "unknown task": ([S, "task.name=addition"], ["task.name=addition", "xor, symmetry, parity, encoder, family_trees"]),
    "initial range": ([S, "network.initial_range=-1"], ["network.initial_range=-1", "at least 0"]),
    "unknown group in a link": (
        [S, "network.links.output=[hiden]"],
        ["network.links.output", "no group 'hiden'", "input, hidden, output"],
    ),
    "link within a group": ([S, "network.links.hidden=[input,hidden]"], ["network.links", "hidden->hidden is a cycle"]),
    "cycle": (
        [S, "network.links.hidden=[input,output]"],
        ["network.links", "is a cycle", "links go up only"],
    ),
    "link downward": (
        [S, "network.links.hidden=[output]", "network.links.output=[input]"],
        ["network.links.hidden", "output->hidden goes down"],
    ),
    "input units the task does not have": ([S, "network.groups.input=5"], ["network.groups.input=5", "has 6 units"]),
    "output units likewise": ([S, "network.groups.output=2"], ["network.groups.output=2", "has 1 output units"]),
    "group of no units": ([S, "network.groups.hidden=0"], ["network.groups.hidden=0", "at least 1 unit"]),
    "no link into the output": (
        [S, "network.links.output=[]"],
        ["network.groups.hidden", "nothing is fed by 'hidden'; link it or leave it out"],
    ),
    "no link at all": ([S, "network.links.output=[]", "network.links.hidden=[]"], ["network.links is empty"]),
    "biases of an unknown group": ([S, "network.biases=[nosuch]"], ["network.biases", "'nosuch'"]),
    "output bias without output biases": (
        [S, "network.biases=[hidden]", "network.output_bias=-3"],
        ["network.output_bias=-3", "name it in network.biases"],
    ),
    "unknown shared link": ([S, "network.shared=[[a,b]]"], ["network.shared", "no link 'a'", "input->hidden"]),
    "unknown person": ([F, "task.held_out_cases=[Bob aunt]"], ["Bob aunt", "no person 'Bob'", "Christopher"]),
    "unknown relationship": ([F, "task.held_out_cases=[Colin cousin]"], ["Colin cousin", "'cousin'", "husband"]),
    "relation the person does not have": (
        [F, "task.held_out_cases=[Colin wife]"],
        ["Colin has no wife; Colin has father, mother, sister, uncle, aunt"],
    ),
    "case held out twice": ([F, "task.held_out_cases=[Colin aunt,Colin aunt]"], ["'Colin aunt' is named twice"]),
    "case without relationship": ([F, "task.held_out_cases=[Colin]"], ["task.held_out_cases", "'Colin'", "husband"]),
    "case that is no list": ([F, "task.held_out_cases=Colin aunt"], ["task.held_out_cases=Colin aunt", "list"]),
    "all cases held out": ([F, "task.held_out=104"], ["task.held_out=104", "all but one"]),
    "fewer than none held out": ([F, "task.held_out=-1"], ["task.held_out=-1", "from none"]),
    "answer of nobody": ([F, "task.held_out_answers=[Bob]"], ["task.held_out_answers", "'Bob'", "Christopher"]),
    "answer held out too often": ([F, f"task.held_out_answers=[{','.join(['Colin'] * 9)}]"], ["7 cases only"]),
    "two kinds of split": (
        [F, "task.held_out_cases=[Colin aunt]", "task.held_out_answers=[Colin]"],
        ["task.held_out_answers=['Colin']", "task.held_out_cases=['Colin aunt']", "give one"],
    ),
    "no name and no value": ([S, "="], ["=: ", "OPTION=VALUE"]),
    "open bracket": ([S, "a=["], ["a=[", "OPTION=VALUE"]),
    "a word": ([S, "fast"], ["fast", "OPTION=VALUE"]),
    "unknown interpolation": ([S, "learning.epsilon=${nosuch}"], ["learning.epsilon=${nosuch}", "not found"]),
    "name with a slash": ([S, "name=../../elsewhere"], ["name=../../elsewhere", "letters"]),
    "no name": ([S, "name="], ["name=", "letters"]),
    "directory that cannot be": ([S, "hydra.run.dir=/dev/null/here"], ["hydra.run.dir=/dev/null", "written to"]),
    "sweep directory likewise": (
        ["-m", S, "learning.alpha=0,0.9", "hydra.sweep.dir=/dev/null/here"],
        ["hydra.sweep.dir=/dev/null", "written to"],
    ),
    "several values without -m": ([S, "learning.epsilon=0.1,0.2"], ["learning.epsilon=0.1,0.2", "add -m"]),
    "one bad value of several": (["-m", S, "learning.epsilon=0.1,-2"], ["learning.epsilon=-2", "above 0"]),
    "one bad type of several": (["-m", S, "learning.epsilon=0.1,fast"], ["learning.epsilon=fast", "Float"]),
    "one bad pair of several": (
        ["-m", S, "network.groups.hidden=2,4", "network.links.output=[hidden],[hiden]"],
        ["no group 'hiden'"],
    ),
    "bad value in a range": (["-m", S, "learning.epsilon=range(-1,2)"], ["learning.epsilon=-1", "above 0"]),
    "interval": (
        ["-m", S, "learning.epsilon=interval(0,1)"],
        ["learning.epsilon=interval(0,1)", "range(FROM,TO,STEP)", "hydra/sweeper="],
    ),
    "glob that matches nothing": (["-m", F, "reading=glob(zz*)"], ["reading=glob(zz*)", "no such value"]),
    "bad value before -m": ([S, "-m", "learning.epsilon=-2,1"], ["learning.epsilon=-2", "above 0"]),
    "experiment with a plus": ([f"+{S}"], [f"+{S}", f"write {S}"]),
    "experiment taken away": (["~experiment"], ["~experiment", "write experiment=NAME"]),
}


@pytest.mark.parametrize("name", BAD)
def test_a_mistake_ends_in_one_line(launch, name):
    arguments, words = BAD[name]
    assert_refused(launch(*arguments), *words)


EXPERIMENTS = sorted(file.stem for file in (ROOT / "configs" / "experiment").glob("*.yaml"))


def test_a_group_is_put_in_as_the_message_says(launch):
    """What is printed is for a shell, and what a shell makes of it is launched; by ``-m`` too."""
    _, _, message = launch("experiment=xor", "network.groups.second=3")
    recipe = shlex.split(message.partition(" below the output by ")[2])
    assert len(recipe) == 5
    for flags in ([], ["-m", "learning.epsilon=1,2"]):
        with pytest.raises(AssertionError, match="was launched"):
            launch("experiment=xor", *recipe, *flags)


NO_EFFECT = {
    "length": (["experiment=xor", "task.length=8"], ["task.length=8: has no effect", "symmetry or parity, not of xor"]),
    "held out": (["experiment=xor", "task.held_out=-1"], ["task.held_out=-1: has no effect"]),
    "in one job of two": (["-m", "experiment=symmetry,xor", "task.length=8"], ["network.groups.input=6", "8 units"]),
    "in the other": (["-m", "experiment=xor,symmetry", "task.length=8"], ["task.length=8: has no effect"]),
    "in all jobs": (
        ["-m", "experiment=xor", "learning.decay_of=weight,change", "learning.alpha=0,0.9"],
        ["learning.decay_of=change: has no effect: there is no decay"],
    ),
    "empty groups": (
        ["experiment=xor", "network.groups={}"],
        ["network.groups={}: changes nothing", "~network.groups.NAME"],
    ),
}


@pytest.mark.parametrize("name", NO_EFFECT)
def test_what_has_no_effect_is_refused(launch, name):
    """Which options that are: tests/experiments/options/test_effects.py."""
    arguments, words = NO_EFFECT[name]
    assert_refused(launch(*arguments), *words)


def test_every_job_is_checked_however_many(launch):
    """The last of 500."""
    values = ",".join([*(f"{number / 1000:.3f}" for number in range(1, 500)), "-1"])
    assert_refused(launch("-m", "experiment=xor", f"learning.epsilon={values}"), "learning.epsilon=-1", "above 0")


def test_jobs_are_checked_in_milliseconds(monkeypatch, tmp_path):
    """400 in two seconds on an idle machine: composing, which takes 20 times as long as all else, is done once."""
    monkeypatch.chdir(tmp_path)
    composed = []
    whole = compose.compose
    monkeypatch.setattr(compose, "compose", lambda *given, **more: composed.append(given) or whole(*given, **more))
    rules = "steepest,momentum,per_case,per_case_momentum"
    jobs = ["experiment=xor", f"rule={rules}", "network.groups.hidden=1,2", "learning.epsilon=range(1,51)"]
    before = time.process_time()
    command_line.check_arguments(["-m", *jobs], CONFIGS)
    assert time.process_time() - before < 12
    assert len(composed) <= 1


def test_a_network_is_built_once_for_all_its_jobs(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    built = []
    monkeypatch.setattr(job_check, "weights_of", lambda config, texts: built.append(texts) or 9)
    grid = ["-m", "experiment=xor", "network.groups.hidden=1,2", "learning.epsilon=1,2,3", "learning.alpha=0,0.5"]
    command_line.check_arguments(grid, CONFIGS)
    assert len(built) == 2


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_bar_shows_where_there_are_many(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setattr(command_line, "MANY", 5)
    command_line.check_arguments(["-m", "experiment=xor", "learning.epsilon=1,2,3,4"], CONFIGS)
    assert sys.stderr.getvalue() == ""
    command_line.check_arguments(["-m", "experiment=xor", "learning.epsilon=1,2,3,4,5"], CONFIGS)
    assert "Checking jobs" in sys.stderr.getvalue()


def test_a_sweeper_of_another_kind_is_checked_value_by_value(monkeypatch, tmp_path):
    """It chooses from the product itself, which may be larger than could be looked through."""
    monkeypatch.chdir(tmp_path)
    choices = {"hydra/sweeper": "seeker"}
    hydra = OmegaConf.create({"runtime": {"choices": choices}})
    with folders.searching():
        composer = Composer()
        texts = [
            "experiment=xor",
            "learning.epsilon=interval(0.1,1)",
            *(f"learning.alpha={value}" for value in ["0,0.5"]),
        ]
        runs, many = command_line._runs([composer.parsed(text) for text in texts], hydra)
        tried = [run[1:] for run in runs]
    assert many == len(tried) == 5
    assert tried[2::2] == [["learning.epsilon=1.0", "learning.alpha=0"], ["learning.epsilon=0.1", "learning.alpha=0.5"]]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], ["say which experiment to run, experiment=NAME"]),
        (["learning.epsilon=1"], ["say which experiment to run, experiment=NAME"]),
        (["--cfg", "job"], ["say which experiment to run, experiment=NAME"]),
        (["experiment=symetry"], ["experiment=symetry: there is no such experiment"]),
        (["experiment="], ["experiment=: there is no such experiment"]),
        (["experiment=null"], ["experiment=null: there is no such experiment"]),
        (["experiment=../count/with_decay"], ["there is no such experiment"]),
        (["-m", "experiment=symmetry,symetry"], ["experiment=symetry: there is no such experiment"]),
    ],
    ids=str,
)
def test_a_missing_or_unknown_experiment_lists_those_there_are(launch, arguments, words):
    assert_refused(launch(*arguments), *words, *EXPERIMENTS, lines=1 + len(EXPERIMENTS))


@pytest.mark.parametrize("device", ["cuda", "cuda:0", "cuda:99"])
def test_cuda_without_a_gpu(launch, monkeypatch, device):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert_refused(launch(S, f"device={device}"), f"device={device}", "use device=cpu")


def test_jobs_of_a_cluster_look_for_their_gpu_there(monkeypatch, tmp_path):
    """The machine that hands them in need not have one; a mistake is found all the same."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    jobs = [*SHARDS, "device=cuda"]
    command_line.check_arguments([*jobs, "hydra/launcher=submitit_slurm"], CONFIGS)
    with pytest.raises(ConfigError, match="use device=cpu"):
        command_line.check_arguments([*jobs, "hydra/launcher=submitit_local"], CONFIGS)
    with pytest.raises(ConfigError, match="cpu, cuda or cuda:N"):
        command_line.check_arguments([*SHARDS, "device=gpu", "hydra/launcher=submitit_slurm"], CONFIGS)


@pytest.fixture
def cards(monkeypatch):
    """``cards(3)``: a machine with so many GPUs, and the list of those that are chosen."""

    def there(many):
        chosen = []
        monkeypatch.setattr(torch.cuda, "is_available", lambda: many > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: many)
        monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
        return chosen

    return there


@pytest.mark.parametrize(
    ("device", "many", "chosen"),
    [("cuda", 3, [0, 1, 2, 0, 1]), ("cuda", 1, [0] * 5), ("cuda:1", 3, []), ("cpu", 3, [])],
)
def test_each_job_of_a_multirun_takes_the_next_card(monkeypatch, tmp_path, cards, device, many, chosen):
    """As the launcher numbers them; with nothing trained."""
    monkeypatch.chdir(tmp_path)
    found, trained = cards(many), []
    monkeypatch.setattr(run, "run", lambda config, directory: trained.append(config.population.shard))
    shards = ",".join(f"{number}/5" for number in range(1, 6))
    arguments = ["run.py", "-m", "experiment=xor", f"population.shard={shards}", f"device={device}"]
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(SystemExit):  # as none is finished
        run.main()
    assert trained == shards.split(",")
    assert found == chosen


def test_a_run_by_itself_has_the_first_card(monkeypatch, tmp_path, cards):
    monkeypatch.chdir(tmp_path)
    found = cards(3)
    monkeypatch.setattr(run, "run", lambda config, directory: None)
    monkeypatch.setattr(sys, "argv", ["run.py", "experiment=xor", "device=cuda"])
    run.main()
    assert found == []


def test_a_job_on_a_machine_without_a_gpu_is_refused(monkeypatch, tmp_path, cards, capsys):
    monkeypatch.chdir(tmp_path)
    cards(0)
    monkeypatch.setattr(run, "check_arguments", lambda *given: None)
    monkeypatch.setattr(sys, "argv", ["run.py", "experiment=xor", "device=cuda"])
    with pytest.raises(SystemExit) as end:
        run.main()
    assert end.value.code == 2
    assert capsys.readouterr().err.startswith("experiments.run: device=cuda: torch finds no CUDA GPU")


def test_a_gpu_that_is_not_there(launch, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert_refused(launch(S, "device=cuda:2"), "device=cuda:2", "cuda:0 to cuda:1")


@pytest.mark.parametrize(
    "arguments",
    [
        [S],
        [S, "learning.alpha=0", "criterion.tolerance=0.5"],
        [S, "learning.opening=[{sweeps:1,epsilon:1,alpha:0}]"],
        [S, "network.biases=[]"],
        [S, "~network.groups.hidden", "~network.links.hidden", "network.links.output=[input]"],
        ["experiment=xor", "network.links.output=[hidden]"],
        ["-m", "experiment=xor", "learning.epsilon=0.1,0.25,0.5"],
        ["experiment=xor", "-m", "learning.epsilon=range(1,3)"],
        ["-m", "experiment=xor,symmetry"],
        ["-m", "experiment=xor", "learning.epsilon=0.1,0.25", "hydra/launcher=side_by_side"],
        ["-m", F, "reading=glob(epsilon*)", "count=glob(*)"],
        [S, "rule=per_case", "links=direct"],
        ["-m", S, "rule=glob(*)", "network.layers=1,20"],
        ["experiment=xor_hidden_units"],
        [F, "task.held_out_cases=[Colin aunt,James father]"],
        [F, "task.held_out=0"],
        [S, "task.length=6", "task.units=8", "task.held_out=4"],
        [S, "learning.opening=[{sweeps:20,alpha:0}]", "learning.opening.0.epsilon=0.1"],
        [S, 'summary="a (b) = ü"', "name=a_${now:%H}", "learning.sweeps=${population.seeds}"],
        [
            "-m",
            S,
            "learning.epsilon=1,2",
            "population.first_seed=${hydra:job.num}",
            "summary=${hydra:runtime.output_dir}",
        ],
        ["-m", S, "learning.epsilon=-1", "learning.epsilon=1,2"],
        ["-m", S, "learning.decay=0,0.01", "learning.decay_of=weight,change"],
        ["experiment=xor_rules", "learning.alpha=0,0.5"],
        ["experiment=xor_rules", "hydra.mode=RUN"],
        ["experiment=family_trees_learned", "reading=gain"],
        [S, "population.seeds=1", f"population.first_seed={2**32 - 1}"],
    ],
    ids=str,
)
def test_what_is_no_mistake_is_launched(launch, arguments):
    with pytest.raises(AssertionError, match="was launched"):
        launch(*arguments)


# In processes of their own -----------------------------------------------------------------------------------


def command(directory: Path, *arguments: str, code: str = "") -> subprocess.CompletedProcess[str]:
    start = ["-c", code] if code else ["-m", "experiments.run"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, *start, *arguments],
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


WITHOUT_TORCH = """
import sys
from experiments.run import (main)
try:
    main()
finally:
    assert "torch" not in sys.modules
"""


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["--help"], ["Usage: python -m experiments.run experiment=NAME", "symmetry_no_hidden", "epsilon_10"]),
        ([S, "--cfg", "job"], ["name: symmetry", "epsilon: 0.1", "tolerance: 0.2"]),
        ([S, "--cfg", "job", "learning.epsilon=0.7"], ["epsilon: 0.7"]),
        (["--hydra-help"], ["--multirun"]),
        (["--version"], ["Hydra 1."]),
    ],
    ids=str,
)
def test_help_needs_no_torch(tmp_path, arguments, shown):
    done = command(tmp_path, *arguments, code=WITHOUT_TORCH)
    assert (done.returncode, done.stderr) == (0, "")
    assert all(word in done.stdout for word in shown)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ([S, "learning.epsilom=1"], 2),
        ([S, "learning.epsilom=1", "--cfg", "job"], 2),
        (["--helpp"], 2),
    ],
    ids=str,
)
def test_refused_for_real(tmp_path, arguments, code):
    done = command(tmp_path, *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert "Traceback" not in done.stderr
    assert next(argument for argument in arguments if "epsil" in argument or "help" in argument)[:12] in done.stderr
    assert list(tmp_path.iterdir()) == []
