"""TensorBoard's events, read back: they say what curves.csv and seeds.csv say."""

import csv
import gc
import io
import itertools
import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.image import imread
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.custom_scalar.layout_pb2 import Layout
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from experiments.options.load import load
from experiments.options.setup import first_population, training_setup
from experiments.run import run
from experiments.running import tensorboard
from experiments.running.tensorboard import drawings, no_collection
from experiments.running.tensorboard_text import SHOWN_FIRST, claims_text, flat
from repro.tasks.family_trees import PEOPLE


def flat_of(config):
    return flat(config, training_setup(config))


def drawings_of(config):
    return drawings(config, training_setup(config))


XOR = ("xor", "population.seeds=30", "learning.sweeps=600", "record.every=100", "record.replica=4", "threads=2")
"""By then some have learned and some have not."""


@cache
def events(directory: Path) -> EventAccumulator:
    everything = {"scalars": 0, "images": 0, "histograms": 0, "tensors": 0}
    return EventAccumulator(str(directory), everything).Reload()


@pytest.fixture
def xor(ran) -> Path:
    return ran(*XOR)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def scalars(directory: Path, tag: str) -> tuple[list[int], list[float]]:
    found = events(directory).Scalars(tag)
    return [event.step for event in found], [event.value for event in found]


@pytest.mark.parametrize(
    ("tag", "column"),
    [
        ("xor/E_median", "E_median"),
        ("xor/E_lower_quartile", "E_lower_quartile"),
        ("xor/E_upper_quartile", "E_upper_quartile"),
        ("xor/learned", "learned"),
    ],
)
def test_curves_of_the_population_are_those_of_the_file(xor, tag, column):
    curves = rows(xor / "curves.csv")
    sweeps, values = scalars(xor, tag)
    assert sweeps == [int(row["sweep"]) for row in curves] == list(range(0, 601, 100))
    assert values == pytest.approx([float(row[column]) for row in curves], rel=1e-5)


def test_the_last_of_the_curves_is_that_of_the_seeds(xor):
    seeds, last = rows(xor / "seeds.csv"), rows(xor / "curves.csv")[-1]
    quartiles = np.quantile([float(row["E"]) for row in seeds], [0.25, 0.5, 0.75])
    ours = [float(last[f"E_{name}"]) for name in ("lower_quartile", "median", "upper_quartile")]
    assert ours == pytest.approx(quartiles.tolist(), rel=1e-5)
    solved = [row["solved"] == "1" for row in seeds]
    assert 0 < sum(solved) < 30
    assert float(last["learned"]) == pytest.approx(sum(solved) / 30, rel=1e-5)


def test_the_part_learned_never_falls_and_counts_seeds_by_their_sweeps(xor):
    at = [int(row["sweeps"]) for row in rows(xor / "seeds.csv") if row["sweeps"]]
    for row in rows(xor / "curves.csv"):
        learned = sum(sweeps <= int(row["sweep"]) for sweeps in at) / 30
        assert float(row["learned"]) == pytest.approx(learned, rel=1e-5)


def test_the_named_replica_is_the_seed_that_was_named(xor):
    _, values = scalars(xor, "xor/E_replica")
    assert values[-1] == pytest.approx(float(rows(xor / "seeds.csv")[4]["E"]), rel=1e-5)


def test_the_paper_s_run_is_a_step_at_the_sweep_it_reports(xor):
    sweeps, part = scalars(xor / "paper", "xor/learned")
    assert {0, 557, 558, 600} <= set(sweeps)
    assert part == [float(sweep >= 558) for sweep in sweeps]
    assert max(later - sooner for sooner, later in itertools.pairwise(sweeps)) < 10  # smoothing leaves it a step


def test_no_paper_s_run_where_none_is_reported(ran):
    assert not (ran("xor_2_2_1") / "paper").exists()


def test_histograms_have_every_weight_of_every_replica(xor):
    for tag, weights in (("input->hidden", 2), ("hidden->output", 1), ("input->output", 2), ("bias->output", 1)):
        for event in events(xor).Histograms(f"weights/{tag}"):
            assert event.histogram_value.num == 30 * weights


def test_the_first_histogram_is_that_of_the_first_weights(xor):
    first = events(xor).Histograms("weights/input->output")[0]
    w = first_population(
        load("xor", "population.seeds=30"), training_setup(load("xor", "population.seeds=30"))
    ).weights["input->output"]
    assert first.step == 0
    assert (first.histogram_value.min, first.histogram_value.max) == pytest.approx((w.min().item(), w.max().item()))


def test_histograms_at_each_fifth_of_a_run_and_at_its_end_once(xor, ran):
    steps = [event.step for event in events(xor).Histograms("weights/bias->output")]
    assert steps == [0, 200, 400, 600]
    many = ran("xor", "learning.sweeps=40", "record.every=1")
    assert [event.step for event in events(many).Histograms("weights/bias->output")] == list(range(0, 41, 8))


def test_the_hinton_diagram_is_a_picture(xor):
    images = events(xor).Images("weights of one network")
    assert [image.step for image in images] == [0, 600]
    first, last = (imread(io.BytesIO(images[k].encoded_image_string), "png") for k in (0, -1))
    assert first.shape[0] > 100
    assert not np.array_equal(first, last)  # the weights have changed


def hparams(directory: Path, kind: str) -> HParamsPluginData:
    return HParamsPluginData.FromString(events(directory).PluginTagToContent("hparams")[f"_hparams_/{kind}"])


def test_hparams_are_the_options_with_the_final_metrics(xor):
    options = hparams(xor, "session_start_info").session_start_info.hparams
    assert options["learning.epsilon"].number_value == 0.5
    assert options["population.seeds"].number_value == 30
    assert options["task.name"].string_value == "xor"
    assert options["criterion.stop"].number_value == 1
    assert options["network.groups"].string_value == "input 2; hidden 1; output 1"
    assert (options["hidden units"].number_value, options["weights of a network"].number_value) == (1, 7)
    infos = hparams(xor, "experiment").experiment.hparam_infos
    assert {info.name for info in infos} == set(options)
    assert {info.name for info in infos if info.differs} == set(SHOWN_FIRST)
    named = {info.name.tag for info in hparams(xor, "experiment").experiment.metric_infos}
    assert named == {tag for tag in events(xor).Tags()["scalars"] if tag.startswith("final/")}


def test_final_metrics_are_those_of_the_seeds(xor):
    seeds = rows(xor / "seeds.csv")
    quartiles = np.quantile([int(row["sweeps"]) for row in seeds if row["sweeps"]], [0.25, 0.5, 0.75]).tolist()
    names = ("sweeps_lower_quartile", "sweeps_median", "sweeps_upper_quartile")
    assert [scalars(xor, f"final/{name}")[1] for name in names] == [[pytest.approx(value)] for value in quartiles]
    assert scalars(xor, "final/learned") == ([600], [pytest.approx(sum(r["solved"] == "1" for r in seeds) / 30)])
    assert scalars(xor, "final/E_median")[1] == [
        pytest.approx(float(rows(xor / "curves.csv")[-1]["E_median"]), rel=0.1)
    ]


def test_the_charts_are_those_of_one_name(tmp_path):
    """A dot in it stands for itself; and for all runs of a name there is one chart of each kind."""
    found = {}
    for name, hidden in (("a.b", 1), ("a.b", 3), ("axb", 1)):
        config = load("xor", "population.seeds=1", "learning.sweeps=2", "record.progress=false", f"name={name}")
        config.network.groups["hidden"], config.record.figures = hidden, False
        run(config, tmp_path / f"{name}{hidden}", quiet=True)
        (event,) = events(tmp_path / f"{name}{hidden}").Tensors("custom_scalars__config__")
        found[name, hidden] = Layout.FromString(event.tensor_proto.string_val[0]).category[0]
    assert found["a.b", 1] == found["a.b", 3]
    patterns = [tag for chart in found["a.b", 1].chart for tag in chart.multiline.tag]
    for pattern, kind in zip(patterns, ("learned", "E_replica"), strict=True):
        assert re.match(pattern, f"a.b/{kind}")
        assert not re.match(pattern, f"axb/{kind}")
        assert not re.match(pattern, f"a.b/{kind}_too")


def test_custom_scalars_lay_the_curves_out(xor):
    (event,) = events(xor).Tensors("custom_scalars__config__")
    (category,) = Layout.FromString(event.tensor_proto.string_val[0]).category
    assert category.title == "xor"
    learned, spread, one = category.chart
    (margin,) = spread.margin.series
    names = [f"xor/E_{quartile}" for quartile in ("median", "lower_quartile", "upper_quartile")]
    assert [margin.value, margin.lower, margin.upper] == names
    tags = {tag for chart in (learned, one) for tag in chart.multiline.tag}
    assert tags == {"^xor/learned$", "^xor/E_replica$"}
    assert ("paper" in learned.title, "printed" in one.title) == (True, True)
    assert {tag.strip("^$") for tag in tags} <= set(events(xor).Tags()["scalars"])


def test_the_projector_has_the_people_with_what_is_known_of_them(ran):
    directory = ran("family_trees")
    config = (directory / "projector_config.pbtxt").read_text()
    names = re.findall('tensor_name: "(.*)"', config)
    assert min(names) == "last person codes:00004"  # on which it opens
    last, same = (directory / "00004" / tag / "tensors.tsv" for tag in ("last person codes", "person codes"))
    assert last.read_bytes() == same.read_bytes()
    for step in ("00000", "00004"):  # the first sweep and the last
        assert f'"person codes:{step}"' in config
        header, *people = (directory / step / "person codes" / "metadata.tsv").read_text().splitlines()
        assert header.split("\t") == ["person", "nationality", "generation", "branch", "sex"]
        assert [line.split("\t")[0] for line in people] == list(PEOPLE)
        codes = np.loadtxt(directory / step / "person codes" / "tensors.tsv")
        assert codes.shape == (24, 6)
        assert (codes > 0).all()
        assert (codes < 1).all()
    colin = people[PEOPLE.index("Colin")].split("\t")
    assert colin == ["Colin", "English", "youngest", "both", "male"]
    assert people[-1].split("\t") == [PEOPLE[-1], "Italian", "youngest", "both", "female"]
    andrew = people[PEOPLE.index("Andrew")].split("\t")
    assert andrew == ["Andrew", "English", "oldest", "right", "male"]  # N Fig. 2


def test_the_projected_codes_are_those_of_the_first_weights(ran):
    """Logistic of weight plus bias: a person's one input unit is on."""
    codes = np.loadtxt(ran("family_trees") / "00000" / "person codes" / "tensors.tsv")
    weights = first_population(
        load("family_trees", "population.seeds=1"), training_setup(load("family_trees", "population.seeds=1"))
    ).weights
    x = weights["person1->person_code"][..., 0] + weights["bias->person_code"][..., 0]
    assert torch.allclose(torch.sigmoid(x).T.double(), torch.tensor(codes), atol=1e-5)


def test_events_and_figures_can_be_left_out(ran):
    directory = ran("xor_2_2_1", "record.tensorboard=false", "record.figures=false")
    assert {"seeds.csv", "curves.csv"} <= {path.name for path in directory.iterdir()}
    assert not list(directory.rglob("events.*"))
    assert not (directory / "figures").exists()


def test_options_by_their_dotted_names():
    options = flat_of(load("xor"))
    assert (options["learning.epsilon"], options["hidden units"]) == (0.5, 1)
    assert (options["task.name"], options["network.output_bias"]) == ("xor", "None")
    assert options["network.links"] == "hidden ['input']; output ['hidden', 'input']"
    assert all(isinstance(value, bool | int | float | str) for value in options.values())
    changed = flat_of(load("xor", "learning.alpha=0"))
    assert {key for key in options if options[key] != changed[key]} == {"learning.alpha"}


@pytest.mark.parametrize("experiment", ["symmetry", "family_trees", "encoder", "xor"])
def test_every_experiment_has_the_same_columns(experiment):
    """TensorBoard takes the columns, and what type each is of, from any one run."""
    wide = ("network.output_bias=1.5", "compile=false", "network.biases=[output]")
    ours, theirs = flat_of(load("xor", *wide)), flat_of(load(experiment))
    assert {name: type(value) for name, value in ours.items()} == {name: type(value) for name, value in theirs.items()}


def test_where_none_has_learned_a_metric_is_left_out(ran):
    """A column of numbers with a nan among them has no order."""
    directory = ran("xor_2_2_1")
    tags = [tag for tag in events(directory).Tags()["scalars"] if tag.startswith("final/")]
    assert sorted(tags) == ["final/E_median", "final/learned"]
    assert scalars(directory, "final/learned")[1] == [0.0]


# The paper's own numbers and figures ---------------------------------------------------------------------------


def test_the_paper_s_run_of_another_network_has_the_printed_weights(xor):
    found = events(xor / "paper")
    assert [image.step for image in found.Images("weights of one network")] == [558]
    assert "Fig. 1" not in found.Tags()["images"]


@pytest.mark.parametrize(("experiment", "at", "E"), [("symmetry", 1425, 0.346), ("xor", 558, None)])
def test_the_printed_weights_have_their_error_from_the_paper_s_sweep_on(ran, experiment, at, E):
    directory = ran(experiment, "learning.sweeps=2000", "record.every=2000", "record.figures=false")
    sweeps, values = scalars(directory / "paper", f"{experiment}/E_replica")
    assert sweeps == [at, 2000]
    if E is None:  # outputs of the printed weights by hand: DETAILS B1, against 0.1 and 0.9 or 0 and 1
        off, on = load(experiment).task.target_off, load(experiment).task.target_on
        E = 0.5 * ((0.103 - off) ** 2 + 2 * (0.877 - on) ** 2 + (0.109 - off) ** 2)
    assert values == pytest.approx([E, E], abs=1e-3)


def test_fig_1_over_the_sweeps_and_as_printed(ran):
    directory = ran("symmetry", "learning.sweeps=2000", "record.every=500", "record.figures=false")
    found = events(directory).Images("Fig. 1")
    assert (found[0].step, found[-1].step) == (0, 2000)
    assert [image.step for image in events(directory / "paper").Images("Fig. 1")] == [1425]
    assert "weights of one network" not in events(directory).Tags()["images"]


def test_figs_3_and_4_over_the_sweeps(ran, monkeypatch):
    directory = ran("family_trees")
    assert events(directory).Tags()["images"] == ["Fig. 3", "Fig. 4"]
    for tag in ("Fig. 3", "Fig. 4"):
        assert [image.step for image in events(directory).Images(tag)] == [4]  # a short run has time for one
    assert [event.step for event in events(directory).Histograms("weights/person1->person_code")] == [0, 4]
    monkeypatch.setattr(tensorboard, "SHARE", 0.2)  # time for three
    directory = ran("family_trees", "learning.sweeps=4", "record.every=1", "record.figures=false")
    for tag in ("Fig. 3", "Fig. 4"):
        assert [image.step for image in events(directory).Images(tag)] == [0, 2, 4]


def test_the_collector_is_as_it_was():
    assert gc.isenabled()
    with no_collection():
        assert not gc.isenabled()
        with no_collection():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()
    with pytest.raises(KeyError), no_collection():
        raise KeyError
    assert gc.isenabled()


def test_longer_runs_are_drawn_more_often():
    few, more, most = (drawings_of(load("symmetry", f"population.seeds={seeds}")) for seeds in (1, 600, 10_000))
    assert 2 <= few < more < most <= 10
    assert drawings_of(load("family_trees", "population.seeds=1")) == 1
    assert drawings_of(load("family_trees", "population.seeds=1000")) > 1


# The claims ----------------------------------------------------------------------------------------------------

LEDGER = """claim,claim_says,place,verdict,table
F1,"It learns, all 100.",N p.535,fails,family_trees.csv
S2,Two suffice.,N p.535,holds,symmetry.csv
S2,Two suffice.,N p.535,holds,parity.csv
S3,Opposite | in sign.,N Fig. 1,holds in part,symmetry.csv
"""


def test_a_row_a_claim_those_of_the_experiment_first(tmp_path):
    (tmp_path / "claims.csv").write_text(LEDGER)
    lines = claims_text(tmp_path / "claims.csv", "symmetry").splitlines()
    assert lines[lines.index("--- | ---") + 1 :] == [
        "**S2** Two suffice. (N p.535) | holds",
        "**S3** Opposite \\| in sign. (N Fig. 1) | holds in part",
        "F1 It learns, all 100. (N p.535) | fails",
    ]
    assert "https://doi.org/10.1038/323533a0" in lines[0]
    assert str(tmp_path / "claims.csv") in "".join(lines)


@pytest.mark.parametrize("content", [None, b"", b"seed,solved\n0,1\n", b"\xff\xfe\x00", LEDGER[:40].encode()])
def test_no_ledger_no_text(tmp_path, content):
    """Of a file that is missing, empty, another one, or cut off while it is being written."""
    path = tmp_path / "claims.csv"
    if content is not None:
        path.write_bytes(content)
    assert claims_text(path, "symmetry") == ""


@pytest.mark.parametrize("there", [True, False])
def test_a_run_has_the_claims_where_there_are_any(tmp_path, monkeypatch, there):
    monkeypatch.setattr(tensorboard, "CLAIMS", tmp_path / "claims.csv")
    if there:
        (tmp_path / "claims.csv").write_text(LEDGER)
    bare = ("record.figures=false", "record.progress=false", "threads=1")
    run(load("xor", "population.seeds=2", "learning.sweeps=2", *bare), tmp_path / "run", quiet=True)
    found = events(tmp_path / "run")
    assert ("claims/text_summary" in found.Tags()["tensors"]) == there
    if there:
        (event,) = found.Tensors("claims/text_summary")
        assert event.tensor_proto.string_val[0].decode() == claims_text(tmp_path / "claims.csv", "xor")
