"""Options are loaded as the command line has them, and what cannot be used is refused in one line, whatever it is."""

import random

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from experiments.options import compose
from experiments.options.load import jobs, load, values_of
from experiments.options.messages import options_of
from experiments.options.schema import ConfigError


def test_each_has_objects_of_its_own():
    one, other = load("xor", "learning.epsilon=0.7"), load("xor", "learning.epsilon=0.7")
    one.network.groups["hidden"] = 5
    one.learning.epsilon = 0.1
    assert other == load("xor", "learning.epsilon=0.7")
    assert load("xor").learning.epsilon == 0.5


def test_another_value_composes_nothing(monkeypatch):
    load("xor", "rule=steepest")
    monkeypatch.setattr(compose, "compose", lambda *arguments: pytest.fail("composed"))
    assert load("xor", "rule=steepest", "learning.epsilon=0.123").learning.epsilon == 0.123


REFUSED = {
    "learning.epsilom=1": "did you mean learning.epsilon",
    "+learning.epsilom=1": "did you mean learning.epsilon",
    "+learning.opening=[{sweep:1}]": "did you mean 'sweeps'",
    "learning.epsilon=fast": "Float",
    "learning.epsilon=-1": "above 0",
    "learning.epsilon=1,2": "add -m",
    "learning.epsilon=interval(0,1)": "add -m",
    "learning.epsilon=[": "options are written OPTION=VALUE",
    "learning.epsilon=???": "has no value|gives no value",
    "learning.epsilon=${nosuch}": "not found",
    "learning=3": "several options",
    "~learning.alpha": "give the option a value",
    "rule=nosuch": "choose from",
    "rule=[steepest,per_case]": "one rule at a time",
    "reading=gain": "is of the family trees",
    "task.length=8": "has no effect",
    "network.links={}": "changes nothing",
    "experiment=nosuch": "there is no such experiment",
    "hydra.searchpath=[/nosuch]": "there is no such folder",
    "hydra.searchpath=nosuch": "must be a list",
    "hydra.nosuch=1": "nosuch",
    "": "names no option|OPTION=VALUE",
    "=": "names no option",
}


@pytest.mark.parametrize("text", REFUSED)
def test_whatever_is_wrong_is_a_config_error_of_one_line(text):
    with pytest.raises(ConfigError, match=REFUSED[text]) as refusal:
        load("xor", text)
    if "there is no such experiment" not in str(refusal.value):  # which lists them all
        assert "\n" not in str(refusal.value)


TOGETHER = [
    ["record.every=${name}", "record.tensorboard={}"],
    ["reading.name=${.name}", "task.held_out_cases.0=1"],
    ["error.off_bound=${eval:1}", "network.links.person2=''"],
    ["learning.epsilon=${nosuch}", "learning.opening.3.epsilon=1"],
    ["++network.links=${oc.decode:x}", "network.links.second=[input]"],
    ["++network.groups.second=${.name}", "network.groups.third=3"],
    ["paper.sweeps=${hydra:nosuch}", "network.links.output=???"],
    ["++paper=???", "+paper.sweeps=3"],
    ["network=${population.seeds}", "+network.links.central=a"],
    ["population=${name}"],
    ["++task=${now:%H}"],
    ["task.held_out_answers=${population.seeds}"],
    ["network.links.output=[{}]"],
    ["network.shared=[[{}]]"],
    ["hydra/launcher=[1]"],
    ["+task.length=3"],
]
"""What is wrong with one must be said whatever is wrong with another, and where Hydra itself stumbles."""


@pytest.mark.parametrize("texts", TOGETHER, ids=" ".join)
def test_several_mistakes_are_one_line_too(texts):
    with pytest.raises(ConfigError) as refusal:
        load("xor", *texts)
    assert "\n" not in str(refusal.value)


PREFIXES = ("", "", "", "+", "++", "~")
VALUES = r"""1 0 -1 nan inf 1e400 1e3 null true '' [] {} [1] [a,b] {a:1} {a:{b:1}} [{}] [{sweeps:1}] xor ${name}
    ${oc.env:HOME} ${hydra:job.num} ${hydra:nosuch} ${now:%H} ${oc.decode:x} ${learning} ${learning.opening} ${..name}
    range(1,3) interval(0,1) glob(*) sort(3,1) int(3.5) a=b ü ( / ../x gain steepest 99999999999999999999 cuda:99 [null]
    [[a,b]] {1:2} {null:1} \ tag(a,interval(0,1)) [{sweeps:1,epsilon:1,alpha:0}] 1,2 ??? ${nosuch}"""


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_whatever_is_given_is_loaded_or_refused_by_a_config_error(seed):
    """300 lines of one to three overrides: any option or group, any way to write one, any value."""
    chance = random.Random(seed)
    options = [
        *options_of(OmegaConf.structured(load("family_trees"))),
        *("reading", "count", "rule", "links", "experiment", "hydra", "config", "hydra/launcher", "hydra.run.dir"),
        *("learning.opening.0", "learning.opening.0.x", "task.held_out_cases.0", "network.groups.new", "hydra.mode"),
    ]
    values, refused = VALUES.split(), []
    for _ in range(300):
        texts = [
            f"{chance.choice(PREFIXES)}{chance.choice(options)}={chance.choice(values)}"
            for _ in range(chance.choice((1, 1, 2, 3)))
        ]
        try:
            load(chance.choice(("xor", "symmetry", "family_trees", "xor_rules")), *texts)
        except ConfigError as problem:
            refused.append(str(problem))
    assert [message for message in refused if "\n" in message and "There are" not in message] == []
    assert len(refused) > 200


@pytest.mark.parametrize(
    "name", ["nosuch", "", "../count/with_decay", "/etc/passwd", "xor.yaml", "xor,parity", "[xor]"]
)
def test_no_such_experiment(name):
    with pytest.raises(ConfigError, match=r"there is no such experiment|add -m|one experiment at a time"):
        load(name)


def test_the_jobs_of_a_multirun():
    """As Hydra has them: the last option varies fastest, and of two overrides of one the later holds."""
    texts = ["experiment=xor", "a=1,2", "b=5", "~c", "d=range(0,2)", "b=3,4", "e=interval(0,1)"]
    overrides = OverridesParser.create().parse_overrides(texts)
    found = list(jobs(overrides))
    assert values_of(overrides)[2] == ["b=3", "b=4"]
    assert len(found) == 16
    assert found[:3] == [["experiment=xor", "a=1", f"b={b}", "~c", f"d={d}", f"e={e}"] for b, d, e in
                         [(3, 0, 0.0), (3, 0, 1.0), (3, 1, 0.0)]]  # fmt: skip
