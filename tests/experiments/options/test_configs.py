"""The files in configs/: all run, every number cites its source, and the published constants are as published."""

import csv
import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from experiments.catalogue import GRIDS, PUBLISHED
from experiments.options.load import load
from experiments.options.schema import CONFIGS, Change, Config, choices
from experiments.options.setup import architecture_of, held_out_of, learning_of, task_of
from experiments.pages import family_trees as family_page
from repro.choices import MeasuredFrom, Satisfied
from repro.learning import Phase, phase_of

EXPERIMENTS, READINGS, COUNTS = choices("experiment"), choices("reading"), choices("count")
FILES = sorted(CONFIGS.rglob("*/*.yaml"))
ASSUMPTIONS, PAGE = CONFIGS.parent / "docs" / "assumptions.md", CONFIGS.parent / "results" / "family_trees.md"
BARE = ("record.figures=false", "record.tensorboard=false")


@cache
def printed() -> Config:
    return load("family_trees")


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


# They run ----------------------------------------------------------------------------------------------------


DRAWN = ("encoder", "family_trees", "parity", "symmetry", "symmetry_no_hidden", "xor")
"""One for each task and kind of network: the others draw the same figures."""


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_runs(ran, name):
    """Figures, and what TensorBoard shows, are drawn for each kind of network once."""
    directory = ran(name) if name in DRAWN else ran(name, *BARE)
    assert [row["seed"] for row in rows(directory / "seeds.csv")] == ["0", "1", "2"]
    assert [row["sweep"] for row in rows(directory / "curves.csv")] == ["0", "4"]
    assert "$" not in load(name).summary  # it is the title of figures, where $ opens a formula
    if name in DRAWN:
        assert {"curves.png", "sweeps.png"} <= {file.name for file in (directory / "figures").iterdir()}
        assert [file.stat().st_size > 0 for file in directory.glob("events.out.tfevents.*")] == [True]


def test_each_kind_of_network_is_drawn_once():
    def kinds(names):
        return [(config.task.name, tuple(config.network.groups)) for config in map(load, names)]

    assert sorted(kinds(DRAWN)) == sorted(set(kinds(EXPERIMENTS)))


@pytest.mark.slow
def test_family_trees_run_compiled_as_they_say(ran):
    """What a run of all their seeds does, and those above do not."""
    explicit, compiled = ran("family_trees"), ran("family_trees", "compile=true")
    for one, other in zip(rows(explicit / "seeds.csv"), rows(compiled / "seeds.csv"), strict=True):
        assert float(one["E"]) == pytest.approx(float(other["E"]), rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("reading", READINGS)
def test_every_reading_composes_with_every_count(reading):
    for count in ("without_decay", "with_decay"):
        as_said = () if count == "with_decay" else (f"count={count}",)
        config = load("family_trees", f"reading={reading}", *as_said)
        config.population.seeds = 1
        assert (config.reading.name, config.count) == (reading, count if as_said else "")
        assert config.reading.text
        assert config.reading.question
        architecture_of(config)
        assert held_out_of(config, task_of(config)).sum() == 4
        bare = count == "without_decay"
        assert (config.learning.decay == 0) == bare
        assert config.learning.sweeps == (573 if bare else 6000 if reading == "sweeps_6000" else 1500)
    assert (config.reading.departures >= 1) == (reading != "literal")
    config.reading, config.count, config.population = printed().reading, printed().count, printed().population
    assert (config == printed()) == (reading == "literal")


FROM_THE_START = ("cross_entropy", "no_half", "one_answer", "per_case", "symmetric_units")


@pytest.mark.parametrize("reading", FROM_THE_START)
def test_a_reading_changes_what_is_learned(ran, reading):
    """From the same first weights, another E after a few sweeps."""
    literal, other = (
        rows(ran("family_trees", *BARE, f"reading={name}") / "seeds.csv") for name in ("literal", reading)
    )
    assert all(one["E"] != its["E"] for one, its in zip(literal, other, strict=True))


def test_literal_with_decay_is_the_default():
    assert sorted(COUNTS) == ["with_decay", "without_decay"]
    assert replace(load("family_trees", "count=with_decay"), count=printed().count) == printed()
    literal = load("family_trees", "reading=literal")
    assert literal.reading.name == printed().reading.name
    literal.reading = printed().reading
    assert literal == printed()


def test_every_experiment_is_published():
    assert {*PUBLISHED, *GRIDS} == set(EXPERIMENTS)
    assert len(PUBLISHED) + len(GRIDS) == len(EXPERIMENTS)


# Citations ---------------------------------------------------------------------------------------------------

SOURCE = re.compile(r"\b[NPH] (p|Figs?)\.? ?\d+|\bA[1-9]\d*\b")
NUMBER = re.compile(r"(?<![\w.])-?\d+(\.\d+)?")
WORDS = ("summary", "text", "question", "source", "name", "departures")
"""Keys whose values are words, or count something of ours."""


def uncited(text: str) -> list[str]:
    """The lines with a number whose source is not beside it, on the line that opens its block, or the file's own."""
    lines = text.splitlines()
    head = next((line for line in lines[1:] if line.startswith("#") or line.strip().startswith("assumption:")), "")
    missing = []
    for above, line, below in zip(["", *lines], lines, [*lines[1:], ""], strict=False):
        value, _, comment = line.partition("#")
        if value.strip().partition(":")[0] in WORDS or not NUMBER.search(value):
            continue
        opening = above.partition("#")[2] if above.partition("#")[0].rstrip().endswith(":") else ""
        source = below if below.strip().startswith("source:") else ""
        if not any(SOURCE.search(place) for place in (comment, opening, source, head)):
            missing.append(line.strip())
    return missing


def test_a_number_without_a_source_is_seen():
    text = "# @package _global_\nname: x\nlearning:\n  epsilon: 0.1   # N Fig. 1\n  alpha: 0.9  # usual\n  sweeps: 7\n"
    assert uncited(text) == ["alpha: 0.9  # usual", "sweeps: 7"]
    assert uncited("# @package _global_\n# H p.12\nnetwork:\n  initial_range: 2.0\n") == []
    assert uncited("# @package _global_\nreading:\n  assumption: A8\nnetwork:\n  initial_range: 2.0\n") == []
    assert uncited("paper:\n  sweeps: 1425\n  source: N Fig. 1\n") == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_every_number_cites_the_paper_or_an_assumption(file):
    assert uncited(file.read_text()) == []


def assumptions(text: str) -> set[int]:
    """The numbers of the assumptions a text has; ``A8 to A23`` is all of them."""
    found = {int(number) for number in re.findall(r"\bA(\d+)\b", text)}
    for first, last in re.findall(r"\bA(\d+) to A(\d+)\b", text):
        found |= set(range(int(first), int(last) + 1))
    return found


def test_every_assumption_that_is_cited_is_in_the_list():
    table = "\n".join(line for line in ASSUMPTIONS.read_text().splitlines() if re.match(r"\| A\d", line))
    listed = assumptions(table)
    assert assumptions("| A2 | | A8 to A11 |") == {2, 8, 9, 10, 11}
    assert {1, 2, 3, 4, 5, 6, 7} <= listed
    for file in FILES:
        assert assumptions(file.read_text()) <= listed, file.name


def test_every_assumption_that_is_cited_is_told_somewhere():
    """The table has some as a range only: those are on the page, or in its table of questions."""
    told = ASSUMPTIONS.read_text() + PAGE.read_text().partition("## Assumptions")[2] + family_page.questions_table()
    one_by_one = {int(number) for number in re.findall(r"\bA(\d+)\b", re.sub(r"A\d+ to A\d+", "", told))}
    for file in FILES:
        assert assumptions(file.read_text()) <= one_by_one, file.name


# Published constants, from FACTS.md --------------------------------------------------------------------------


def groups(config: Config) -> list[int]:
    return list(config.network.groups.values())


def test_symmetry_is_that_of_the_paper():
    """N Fig. 1."""
    config = load("symmetry")
    assert groups(config) == [6, 2, 1]
    assert config.network.links == {"hidden": ["input"], "output": ["hidden"]}
    assert (config.learning.epsilon, config.learning.alpha, config.learning.opening) == (0.1, 0.9, [])
    assert config.network.initial_range == 0.3
    assert (config.learning.decay, config.paper.sweeps) == (0, 1425)
    assert len(task_of(config).cases) == 64
    assert architecture_of(config).weight_count == 6 * 2 + 2 + 2 + 1


def test_symmetry_without_hidden_units_differs_in_the_network_alone():
    with_hidden, without = load("symmetry"), load("symmetry_no_hidden")
    assert groups(without) == [6, 1]
    assert without.learning == with_hidden.learning
    assert without.criterion == with_hidden.criterion
    assert without.network.initial_range == with_hidden.network.initial_range


def test_soft_targets_differ_in_the_targets_alone():
    hard, soft = load("symmetry"), load("symmetry_soft_targets")
    assert (soft.task.target_off, soft.task.target_on) == (0.1, 0.9)
    assert (soft.network, soft.learning, soft.paper) == (hard.network, hard.learning, hard.paper)


@pytest.mark.parametrize(
    ("name", "units", "into_output", "epsilon", "sweeps"),
    [
        ("xor", [2, 1, 1], ["hidden", "input"], 0.5, 558),
        ("xor_2_2_1", [2, 2, 1], ["hidden"], 0.25, None),
        ("xor_2_2_1_fast", [2, 2, 1], ["hidden"], 0.5, None),
    ],
)
def test_xor_is_that_of_the_book(name, units, into_output, epsilon, sweeps):
    """P p.330 to 333."""
    config = load(name)
    assert groups(config) == units
    assert config.network.links["output"] == into_output
    assert (config.learning.epsilon, config.learning.alpha) == (epsilon, 0.9)
    assert (config.task.target_off, config.task.target_on) == (0.1, 0.9)
    assert config.paper.sweeps == sweeps


def test_parity_is_that_of_the_book():
    """P p.334."""
    config, per_case = load("parity"), load("parity_per_case")
    assert groups(config) == [4, 4, 1]
    assert config.network.links == {"hidden": ["input"], "output": ["hidden"]}
    assert (config.learning.epsilon, config.learning.alpha, config.paper.sweeps) == (0.5, 0.9, 2825)
    assert (config.task.target_off, config.task.target_on) == (0.1, 0.9)
    assert len(task_of(config).cases) == 16
    assert architecture_of(config).weight_count == 4 * 4 + 4 + 4 + 1
    assert (config.learning.change, per_case.learning.change) == (Change.per_sweep, Change.per_case)
    per_case.learning.change = Change.per_sweep
    assert (per_case.learning, per_case.network, per_case.task) == (config.learning, config.network, config.task)


def test_the_encoder_is_that_of_the_book():
    """P p.335; footnote 3 on p.339 for the smaller epsilon."""
    config, slow = load("encoder"), load("encoder_slow")
    assert groups(config) == groups(slow) == [8, 3, 8]
    assert config.network.links == slow.network.links == {"hidden": ["input"], "output": ["hidden"]}
    assert (config.task.target_off, config.task.target_on) == (0.1, 0.9)
    assert (config.learning.alpha, config.paper.sweeps) == (0.9, None)
    assert slow.learning.epsilon == 0.05
    assert len(task_of(config).cases) == 8


def test_family_trees_are_those_of_the_paper():
    """N Figs 3 and 4, and what H adds: p.11 on the error, p.12 on the first weights."""
    config = load("family_trees")
    assert groups(config) == [24, 12, 6, 6, 12, 6, 24]
    assert config.network.links == {
        "person_code": ["person1"],
        "relation_code": ["relation"],
        "central": ["person_code", "relation_code"],
        "penultimate": ["central"],
        "person2": ["penultimate"],
    }
    assert config.network.initial_range == 0.3
    assert (config.learning.decay, config.learning.sweeps) == (0.002, 1500)
    assert (config.error.on_bound, config.error.off_bound) == (0.8, 0.2)
    assert (config.error.satisfied, config.error.measured_from) == (Satisfied.unit, MeasuredFrom.bound)
    task = task_of(config)
    assert len(task.cases) == 104
    assert held_out_of(config, task).sum(dim=0).unique().tolist() == [4]


def test_family_trees_learn_in_two_phases():
    """N Fig. 4: 0.005 and 0.5 for the first 20 sweeps, then 0.01 and 0.9."""
    phases = learning_of(load("family_trees")).phases
    assert [phase_of(phases, sweep) for sweep in (1, 20)] == [Phase(0.005, 0.5, 20)] * 2
    assert [phase_of(phases, sweep) for sweep in (21, 1500)] == [Phase(0.01, 0.9)] * 2


def test_the_learned_reading_has_ten_times_the_epsilon_in_both_phases():
    learned, once = load("family_trees_learned").learning, printed().learning
    assert learned.epsilon == pytest.approx(10 * once.epsilon)
    assert learned.opening[0].epsilon == pytest.approx(10 * once.opening[0].epsilon)
    assert learned.decay == once.decay


@pytest.mark.parametrize("factor", [5, 10, 20])
def test_readings_of_epsilon_multiply_both_phases(factor):
    once, reading = printed().learning, load("family_trees", f"reading=epsilon_{factor}").learning
    assert reading.epsilon == pytest.approx(factor * once.epsilon)
    assert reading.opening[0].epsilon == pytest.approx(factor * once.opening[0].epsilon)
    assert (reading.opening[0].sweeps, reading.opening[0].alpha) == (20, 0.5)


@pytest.mark.parametrize("reading", [name for name in READINGS if name.startswith("gain")])
def test_a_gain_is_one_departure_in_the_weights_and_its_square_in_epsilon(reading):
    other, once = load("family_trees", f"reading={reading}"), printed().learning
    g = other.network.initial_range / printed().network.initial_range
    assert other.learning.epsilon == pytest.approx(g**2 * once.epsilon)
    assert other.learning.opening[0].epsilon == pytest.approx(g**2 * once.opening[0].epsilon)


@pytest.mark.parametrize("name", ["xor_rules", "xor_connections", "xor_functions", "symmetry_rules"])
def test_a_study_is_its_experiment_but_for_what_it_sweeps(name):
    """Without its settings it has the options of the experiment that it is named after."""
    study, plain = load(name), load("xor_2_2_1" if name.startswith("xor") else "symmetry")
    study.name, study.summary = plain.name, plain.summary
    assert study == plain


def test_chauvin_s_criterion_is_an_error_of_one_hundredth():
    """P p.332: half of the square of the largest difference that counts as learned."""
    for name in ("xor_hidden_units", "xor_learning_rate"):
        config = load(name)
        assert 0.5 * config.criterion.tolerance**2 == pytest.approx(0.01, rel=1e-3)
        assert config.task == load("xor_2_2_1").task
    assert groups(load("xor_learning_rate")) == [2, 8, 1]


def test_family_trees_by_every_rule_start_alike_and_have_no_decay():
    config = load("family_trees_rules")
    assert (config.network.initial_range, config.learning.decay) == (1, 0)
    (opening,) = config.learning.opening
    assert (opening.sweeps, opening.epsilon, opening.alpha) == (20, config.learning.epsilon, 0)
    assert config.criterion.stop
    assert config.task == printed().task
    assert config.error == printed().error


def test_depth_is_of_layers_of_six():
    config = load("symmetry_depth", "network.layers=3")
    assert groups(config) == [6, 6, 1]
    assert architecture_of(config).weight_count == 3 * 6 * 7 + 7


def test_hinton_s_held_out_answers():
    """H Fig. 8: Andrew, Victoria, Lucia and Lucia, in the split that every seed draws and in the one for all."""
    for name in ("family_trees_h_answers", "family_trees_h_split"):
        config = load(name, "population.seeds=5")
        task = task_of(config)
        held_out = held_out_of(config, task)
        for column in held_out.T:
            answers = task.desired[column].sum(dim=0)
            assert answers.sum() == 4
            assert sorted(answers[answers > 0].tolist()) == [1, 1, 2]
