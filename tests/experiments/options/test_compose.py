"""Options composed with the files put together once are those that Hydra composes each time, and its refusals too."""

import pytest
from hydra import compose as by_hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from experiments.options import compose, folders
from experiments.options.compose import Composer, left_over, plain
from experiments.options.schema import Config, PhaseConfig, choices
from experiments.running.command_line import register_resolvers

S, F, X = "experiment=symmetry", "experiment=family_trees", "experiment=xor"

LINES = [
    [S],
    [S, "learning.epsilon=0.7", "network.groups.hidden=4", "+network.groups.more=1", "~network.links.hidden"],
    [S, "network.links.output=[hidden,input]", "network.biases=[]", "rule=per_case", "links=direct"],
    [F, "reading=epsilon_10", "task.held_out_cases=[Colin aunt]", "count=without_decay"],
    [F, "count=without_decay", "reading=sweeps_6000", "rule=momentum_at_once"],
    ["experiment=family_trees_learned", "count=with_decay"],
    ["experiment=family_trees_learned", "reading=gain"],
    ["experiment=family_trees_rules", "rule=momentum_at_once", "learning.epsilon=0.25"],
    [X, "learning.epsilon=0.7", "population.seeds=9", "compile=true", "threads=1", "record.progress=false"],
    [X, "learning.epsilon=1e-9", "learning.epsilon=3", "criterion.stop=false", "record.every=null"],
    [X, "~network.links.hidden", "~network.groups.hidden", "network.links.output=[input]"],
    [X, "summary='a: b'", "error.form=cross_entropy", "learning.change=per_case", "precision=float64"],
    [X, "learning.opening=[{sweeps:20,epsilon:0.5,alpha:0.5}]", "learning.opening.0.alpha=0.25"],
    [X, "task={length:8}", "++network.groups={hidden:3}", "network={layers:2}"],
    [X, "hydra.run.dir=elsewhere", "hydra/launcher=side_by_side", "hydra.mode=RUN"],
    [X, "learning.epsilon=${learning.alpha}", "summary=${name}", "name=${oc.env:HOME}"],
    [S, "learning.epsilom=1"],
    [S, "+flavour=1"],
    [S, "+learning.flavour=1"],
    [S, "learning.epsilon=fast"],
    [S, "learning=3"],
    [S, "rule=nosuch"],
    [S, "rule=null"],
    [S, "rule=[steepest,per_case]"],
    [S, "++rule=steepest"],
    [S, "rule@here=steepest"],
    [X, "learning.epsilon=${nosuch}"],
    [S, "~learning.nosuch"],
    [S, "hydra.nosuch=3"],
]


def outcome(composing):
    try:
        return OmegaConf.to_container(composing(), resolve=True, enum_to_str=True)
    except compose.REFUSALS as problem:
        if not isinstance(problem, HydraException | OmegaConfBaseException):
            return str(problem)
        return type(problem), str(problem), str(problem.__cause__)


@pytest.mark.parametrize("texts", LINES, ids=" ".join)
def test_as_hydra_composes_them(texts):
    with folders.searching():
        assert outcome(lambda: Composer().job(texts).options) == outcome(lambda: by_hydra("config", texts))


@pytest.mark.slow
@pytest.mark.parametrize("experiment", choices("experiment"))
def test_every_file_beside_every_experiment(experiment):
    with folders.searching():
        composer = Composer()
        for group in folders.GROUPS:
            for name in choices(group):
                texts = [f"experiment={experiment}", f"{group}={name}", "count=with_decay"]
                assert outcome(lambda texts=texts: composer.job(texts).options) == outcome(
                    lambda texts=texts: by_hydra("config", texts)
                )


def test_what_two_jobs_have_in_common_is_composed_once(monkeypatch):
    """Neither sees what the other is given."""
    composed = []
    monkeypatch.setattr(compose, "compose", lambda *given, **more: composed.append(given) or by_hydra(*given, **more))
    with folders.searching():
        compose.files_of.cache_clear()
        composer = Composer()
        jobs = [composer.job([F, f"reading={reading}", f"learning.alpha={alpha}"])
                for reading in ("gain", "range_1", "literal") for alpha in (0.1, 0.2)]  # fmt: skip
    assert len(composed) == 1
    assert [job.options.learning.alpha for job in jobs] == [0.1, 0.2] * 3
    assert [job.options.reading.name for job in jobs] == ["gain"] * 2 + ["range_1"] * 2 + ["literal"] * 2
    assert [job.options.network.initial_range for job in jobs[::2]] == [0.9486832980505138, 1.0, 0.3]
    assert [job.files.choices["reading"] for job in jobs[::2]] == ["gain", "range_1", "literal"]


def test_what_hydra_says_of_a_job_is_what_it_says_of_that_one():
    """And nothing of it is left for the next."""
    register_resolvers()
    before = HydraConfig.instance().cfg
    with folders.searching():
        composer = Composer()
        texts = [X, "population.first_seed=${hydra:job.num}", "summary=${hydra:runtime.output_dir}"]
        found = [plain(composer.job(texts), number) for number in (0, 7)]
        assert [config.population.first_seed for config in found] == [0, 7]
        assert [config.summary.rpartition("/")[2].split("_")[0] for config in found] == ["0", "7"]
        with pytest.raises(compose.REFUSALS):
            plain(composer.job(texts))
        assert plain(composer.job([X, "summary=${hydra:runtime.output_dir}"])).summary.startswith("runs/xor/")
    assert HydraConfig.instance().cfg is before


def test_names_that_are_no_options_are_found_wherever_they_are():
    config = Config(name="mine")
    config.learning.opening = [PhaseConfig(1, 1.0, 0.0), PhaseConfig(1, 1.0, 0.0)]
    assert list(left_over(config)) == []
    config.learning.opening[1].speed = 3
    config.colour = "red"
    config.network.groups = {"hidden": PhaseConfig(1, 1.0, 0.0)}
    config.network.groups["hidden"].size = 3
    found = dict(left_over(config))
    assert set(found) == {"learning.opening.1.speed", "colour", "network.groups.hidden.size"}
    assert found["learning.opening.1.speed"] == [
        f"learning.opening.1.{name}" for name in ("sweeps", "epsilon", "alpha")
    ]
    assert "learning" in found["colour"]
