"""A mistake on the command line ends in one line with the option, the value and the remedy, and leaves nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from experiments import run
from experiments.options.schema import CONFIGS, ConfigError, register
from experiments.running import command_line
from tests.experiments.composing import compose_once

ROOT = Path(__file__).parents[3]
S, F = "experiment=symmetry", "experiment=family_trees"
SHARDS = ["-m", "experiment=xor", "population.shard=1/2,2/2"]


@pytest.fixture
def launch(monkeypatch, capsys, tmp_path):
    """``launch(*arguments)`` is what a user sees of a command line that is refused: exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command_line, "compose", compose_once)

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


@pytest.mark.parametrize(
    "texts",
    [
        [S],
        [S, "learning.epsilon=0.7", "network.groups.hidden=4", "+network.groups.more=1", "~network.links.hidden"],
        [F, "reading=epsilon_10", "task.held_out_cases=[Colin aunt]", "count=without_decay"],
        [S, "learning.epsilom=1"],
        [S, "+flavour=1"],
        [S, "learning.epsilon=fast"],
        [S, "learning=3"],
        [S, "rule=nosuch"],
        ["experiment=xor", "learning.epsilon=${nosuch}"],
        [S, "~learning.nosuch"],
    ],
    ids=str,
)
def test_what_is_composed_here_is_what_hydra_composes(texts):
    def of(how):
        try:
            return OmegaConf.to_container(how("config", texts), resolve=True, enum_to_str=True)
        except (HydraException, OmegaConfBaseException) as problem:
            return type(problem), str(problem), str(problem.__cause__)

    register()
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        assert of(compose_once) == of(compose)


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
    "value for a group of options": ([S, "learning=3"], ["learning=3", "LearningConfig"]),
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
        ["learning.opening[0].sweeps=0", "at least 1"],
    ),
    "opening without epsilon": (
        [S, "learning.opening=[{sweeps:1,alpha:0}]"],
        ["learning.opening[0].epsilon", "give one"],
    ),
    "typo in an opening": ([S, "learning.opening=[{sweep:1,epsilon:1,alpha:0}]"], ["learning.opening", "'sweep'"]),
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
        ["learning.epsilon=interval(0,1)", "range(FROM,TO,STEP)"],
    ),
    "glob that matches nothing": (["-m", F, "reading=glob(zz*)"], ["reading=glob(zz*)", "no such value"]),
    "bad value before -m": ([S, "-m", "learning.epsilon=-2,1"], ["learning.epsilon=-2", "above 0"]),
    "experiment with a plus": ([f"+{S}"], [f"+{S}", "write experiment=NAME"]),
    "experiment taken away": (["~experiment"], ["~experiment", "write experiment=NAME"]),
}


@pytest.mark.parametrize("name", BAD)
def test_a_mistake_ends_in_one_line(launch, name):
    arguments, words = BAD[name]
    assert_refused(launch(*arguments), *words)


EXPERIMENTS = sorted(file.stem for file in (ROOT / "configs" / "experiment").glob("*.yaml"))


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
        ([S, "learning.epsilom=1", "--cfg", "job"], 1),
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
