"""What TensorBoard shows in words: a run's options, by which runs are compared, the claims, and who the people are."""

import csv
from collections.abc import Iterator
from dataclasses import asdict
from enum import Enum
from pathlib import Path
from typing import Any

from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData
from torch.utils.tensorboard.summary import hparams

from experiments.options.schema import Config
from repro.measures.family_trees import FEATURES
from repro.networks import Architecture
from repro.tasks.family_trees import PEOPLE
from repro.training_setup import TrainingSetup

PAPER = "https://doi.org/10.1038/323533a0"

SHOWN_FIRST = ("name", "network.groups", "learning.epsilon", "learning.alpha", "population.seeds")
"""The options that are columns of the HPARAMS tab before anything is clicked: as many as it shows."""

IN_WORDS = {
    "nationality": ("English", "Italian"),
    "generation": ("oldest", "middle", "youngest"),
    "branch": ("left", "right"),
    "sex": ("male", "female"),
}
"""What the numbers of ``FEATURES`` stand for; the branches as N Fig. 2 draws them."""


def claims_text(path: Path, experiment: str) -> str:
    """The ledger of claims in Markdown, a row a claim, first those tested on this experiment; "" where there is none.

    A file that is just being written, or is no ledger, is no reason for a run to fail: it is then left out.
    """
    verdicts: dict[tuple[str, ...], bool] = {}
    try:
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                claim = (row["claim"], row["claim_says"], row["place"], row["verdict"])
                if None in claim:
                    return ""
                verdicts[claim] = verdicts.get(claim, False) or row["table"] == f"{experiment}.csv"
    except (OSError, ValueError, KeyError, csv.Error):
        return ""
    if not verdicts:
        return ""
    lines = [
        f"{f'**{claim}**' if own else claim} {says} ({place})".replace("|", "\\|") + f" | {verdict}"
        for (claim, says, place, verdict), own in sorted(verdicts.items(), key=lambda item: not item[1])
    ]
    head = (
        f"Claims of [the paper (N)]({PAPER}), of P and of H; in bold those tested on `{experiment}`. Tests, intervals\n"
    )
    head += f"and doubts: `{path.with_name('report.html')}` and `{path}`.\n\n"
    return head + "\n".join(["claim | verdict", "--- | ---", *lines])


def hparam_summaries(config: Config, setup: TrainingSetup, metrics: dict[str, float]) -> Iterator[Any]:
    """The options and the names of the metrics, as the HPARAMS tab reads them: three summaries."""
    experiment, *session = hparams(flat(config, setup), metrics)
    plugin = experiment.value[0].metadata.plugin_data
    data = HParamsPluginData.FromString(plugin.content)
    for option in data.experiment.hparam_infos:
        option.differs = option.name in SHOWN_FIRST
    plugin.content = data.SerializeToString()
    yield from (experiment, *session)


def flat(config: Config, setup: TrainingSetup) -> dict[str, bool | str | float | int]:
    """The options that can tell two runs apart, by their dotted names.

    Every run has the same names, each with values of one type: TensorBoard takes the columns of its table from any one
    run, so groups and links are a text each, and what may be null is a text too.
    """
    result: dict[str, bool | str | float | int] = {}

    def visit(prefix: str, value: Any) -> None:
        if isinstance(value, dict) and prefix not in ("network.groups", "network.links"):
            for key, inner in value.items():
                visit(f"{prefix}.{key}" if prefix else key, inner)
        elif isinstance(value, Enum):
            result[prefix] = value.value
        elif isinstance(value, dict):
            result[prefix] = "; ".join(f"{key} {inner}" for key, inner in value.items())
        elif isinstance(value, bool | int | float | str) and prefix not in ("network.output_bias", "compile"):
            result[prefix] = value
        else:
            result[prefix] = str(value)

    plain = asdict(config)
    for left_out in ("summary", "paper", "record", "threads"):
        del plain[left_out]
    visit("", plain)
    plan = setup.architecture
    assert isinstance(plan, Architecture)
    hidden = set(plan.receiving) - {plan.output}
    result["weights of a network"] = plan.weight_count
    result["hidden units"] = sum(plan.groups[group] for group in hidden)
    return result


def person_labels() -> list[list[str]]:
    """For each person the name, then the features in words, "both" for one of both branches."""
    features = [
        ["both" if value is None else IN_WORDS[name][value] for value in values] for name, values in FEATURES.items()
    ]
    return [list(row) for row in zip(PEOPLE, *features, strict=True)]
