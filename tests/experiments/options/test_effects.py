"""An option that would have no effect is refused; one that has an effect, or the value it has anyway, is not."""

from dataclasses import replace

import pytest

from experiments.options import effects
from experiments.options.effects import TASKS_WITH, without_effect
from experiments.options.load import load
from experiments.options.schema import Answers, ConfigError, TaskConfig
from experiments.options.setup import held_out_of, task_of
from experiments.options.tasks import TASKS

OF_TASK = {
    "xor": "xor",
    "symmetry": "symmetry",
    "parity": "parity",
    "encoder": "encoder",
    "family_trees": "family_trees",
}
OTHERWISE = {
    "length": (4, "4"),
    "units": (4, "4"),
    "held_out": (7, "7"),
    "held_out_cases": (["Colin aunt"], "[Colin aunt]"),
    "held_out_answers": (["Colin"], "[Colin]"),
    "answers": (Answers.first, "first"),
}


def made(name: str, **options: object) -> list[object]:
    """What is learned, and what of it is held out by three seeds."""
    config = load(OF_TASK[name], "population.seeds=3")
    config.task = replace(TaskConfig(name), **options)
    task = task_of(config)
    held_out = held_out_of(config, task)
    return [task.cases, task.desired.tolist(), None if held_out is None else held_out.tolist()]


@pytest.mark.parametrize("name", TASKS)
def test_a_task_heeds_the_options_that_are_said_to_be_of_it(name):
    """All of ``TaskConfig`` but name, targets and order of cases, which are of every task: measured, task by task."""
    assert {f"task.{option}" for option in OTHERWISE} == set(TASKS_WITH)
    assert {*OTHERWISE, "name", "target_on", "target_off", "order"} == {*vars(TaskConfig())}
    plain = made(name)
    heeded = {option for option, (value, _) in OTHERWISE.items() if made(name, **{option: value}) != plain}
    assert heeded == {option.removeprefix("task.") for option, tasks in TASKS_WITH.items() if name in tasks}


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize("option", OTHERWISE)
def test_an_option_of_another_task_is_refused(name, option):
    text = f"task.{option}={OTHERWISE[option][1]}"
    if name in TASKS_WITH[f"task.{option}"]:
        load(OF_TASK[name], text)
        return
    with pytest.raises(ConfigError, match=f"^task.{option}=.*: has no effect: is of the task .*, not of {name}$"):
        load(OF_TASK[name], text)


REFUSED = [
    ("xor", "task={length:8}", "task.length=8: has no effect"),
    ("xor", "task.held_out=-1", "task.held_out=-1: has no effect"),
    ("xor", "++task.units=3", "task.units=3: has no effect"),
    ("symmetry_no_hidden", "network.hidden_function=tanh", "network.hidden_function=tanh: .* no hidden units"),
    ("family_trees", "reading.name=gain", "choose one by reading=NAME"),
    ("xor", "reading.departures=3", "only describes a reading"),
    ("xor", "network.groups={}", "changes nothing: .* ~network.groups.NAME"),
    ("xor", "network.links={}", "changes nothing: .* ~network.links.NAME"),
    ("xor", "++network.links={}", "changes nothing"),
    ("xor", "network.groups={input:2,output:1}", "changes nothing"),
    ("xor", "task={}", "changes nothing"),
    ("xor", "+record={}", "changes nothing"),
    ("xor", "learning={}", "changes nothing"),
]


@pytest.mark.parametrize(("experiment", "text", "message"), REFUSED)
def test_refused_wherever_it_is_given(experiment, text, message):
    with pytest.raises(ConfigError, match=message):
        load(experiment, text)


ALLOWED = [
    ("xor", "task.length=6"),  # what it is anyway
    ("xor", "task={units:8,held_out:4}"),
    ("xor", "network.hidden_function=tanh"),
    ("xor", "network.groups={hidden:3}"),
    ("xor", "network.groups={hidden:1}"),
    ("xor", "network.groups={input:2,hidden:1,output:1}"),
    ("xor", "network.links={output:[hidden]}"),
    ("xor", "network.shared=[]"),
    ("family_trees", "reading=gain"),
    ("family_trees", "count=without_decay"),
    ("family_trees_h_split", "population.seeds=2"),
]


@pytest.mark.parametrize(("experiment", "text"), ALLOWED)
def test_what_has_an_effect_or_is_so_anyway_is_not_refused(experiment, text):
    load(experiment, text)


BY_VALUES = [
    (["family_trees_h_split", "task.held_out=8"], ["task.held_out_cases=[]"], "task.held_out"),
    (["family_trees_h_answers", "task.held_out=8"], ["task.held_out_answers=[]"], "task.held_out"),
    (["xor", "error.on_bound=0.9"], ["error.satisfied=unit"], "error.on_bound"),
    (["xor", "error.off_bound=0.1"], ["error.measured_from=bound"], "error.off_bound"),
    (["xor", "error.off_bound=0.1"], ["error.satisfied=case"], "error.off_bound"),
    (["xor", "learning.decay_of=change"], ["learning.decay=0.01"], "learning.decay_of"),
    (["xor", "learning.decay_biases=false"], ["learning.decay=0.01"], "learning.decay_biases"),
    (
        ["xor", "learning.decay_biases=false", "learning.decay=0.01", "network.biases=[]"],
        ["network.biases=null"],
        "learning.decay_biases",
    ),
    (["family_trees", "learning.epsilon=0.5", "learning.sweeps=20"], ["learning.sweeps=21"], "learning.epsilon"),
    (["family_trees", "learning.alpha=0.5", "learning.sweeps=20"], ["learning.opening=[]"], "learning.alpha"),
    (["xor", "record.replica=3", "record.tensorboard=false"], ["record.tensorboard=true"], "record.replica"),
]


def found(*given: str) -> dict[str, str | None]:
    from experiments.options import folders
    from experiments.options.compose import Composer
    from experiments.options.load import checked

    experiment, *overrides = given
    with folders.searching():
        return checked([f"experiment={experiment}", *overrides], Composer())[1]


@pytest.mark.parametrize(("given", "more", "option"), BY_VALUES, ids=str)
def test_what_hangs_on_other_values_is_told(given, more, option):
    line = found(*given)[option]
    assert line is not None
    assert line.startswith(f"{option}=")
    assert ": has no effect: " in line
    assert found(*given, *more)[option] is None


def test_a_value_that_another_option_asks_for_has_an_effect():
    """Its opening takes all sweeps, and says learning.epsilon."""
    assert found("family_trees_rules", "learning.epsilon=0.5", "learning.sweeps=10") == {"learning.epsilon": None}


def test_what_is_nowhere_yet_is_no_matter(tmp_path, monkeypatch):
    """The file asks for a variable that is not set; the command line gives the value."""
    monkeypatch.delenv("BACKPROP_1986_NOSUCH", raising=False)
    file = tmp_path / "experiment" / "mine.yaml"
    file.parent.mkdir()
    asked = (
        "{epsilon: '${oc.env:BACKPROP_1986_NOSUCH}', opening: [{sweeps: 1, alpha: 0, epsilon: '${learning.epsilon}'}]}"
    )
    file.write_text(f"# @package _global_\nname: mine\ndefaults: [xor, _self_]\nlearning: {asked}\n")
    at = f"hydra.searchpath=[{tmp_path}]"
    assert load("mine", at, "learning.epsilon=1").learning.epsilon == 1
    with pytest.raises(ConfigError, match=r"learning=\{\}: changes nothing"):
        load("mine", at, "learning.epsilon=1", "learning={}")
    with pytest.raises(ConfigError, match="NOSUCH' not found"):
        load("mine", at)


def test_of_several_jobs_one_with_an_effect_is_enough():
    line = "learning.decay_of=change: has no effect"
    assert without_effect([{"a": line}, {}, {"a": line}]) == line
    assert without_effect([{"a": line}, {"a": None}, {"a": line}]) is None
    assert without_effect([{"a": None}, {"a": line, "b": line}]) == line
    assert without_effect([{}, {}]) is None
    assert without_effect([]) is None


def test_every_option_that_may_be_idle_is_an_option():
    for idle in effects.IDLE:
        for option in idle.options:
            group, _, name = option.partition(".")
            assert hasattr(getattr(load("xor"), group), name)
