"""What the papers' printed figures come to, measured by the functions that measure our networks: printed_figures.csv.

A row a figure and measure. Networks that are printed with numbers are run forward; weights that are printed as blocks
are known up to their scale, so that what hangs on it has a row for each of SCALES.
"""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path

if __name__ == "__main__":
    sys.exit("experiments.studies.printed_figures: run it by python -m experiments.reproduce printed_figures")

import torch
from torch import Tensor

from experiments.files import number
from experiments.options.load import load
from experiments.options.setup import training_setup
from experiments.options.tasks import TASKS
from experiments.tables import write_rows
from repro.measures.encoder import codes
from repro.measures.family_trees import code_columns, counterparts
from repro.measures.parity import counting
from repro.output_functions import LOGISTIC
from repro.population import Population
from repro.printed_figures import FIGURE_4, H_FIGURE_8, H_FIGURE_8_ANSWERS
from repro.printed_networks import (
    ENCODER_CODES,
    PARITY_CODES,
    SYMMETRY,
    SYMMETRY_PDP,
    XOR,
    XOR_LOCAL_MINIMUM,
    PrintedNetwork,
)
from repro.tasks.family_trees import PEOPLE
from repro.tasks.parity import parity
from repro.trained import Trained

FILE = "printed_figures.csv"

SCALES = (1.0, 2.0, 4.0, 8.0, 16.0)
"""What the largest block of N Fig. 4 may stand for: units of the person code that are hardly bent, to all but steps."""

NETWORKS: dict[str, tuple[PrintedNetwork, str]] = {
    "N Fig. 1": (SYMMETRY, "symmetry"),
    "P Fig. 9": (SYMMETRY_PDP, "symmetry"),
    "P Fig. 3": (XOR, "xor"),
    "P Fig. 5": (XOR_LOCAL_MINIMUM, "xor_2_2_1"),
}
"""The networks that are printed with their weights, and the experiment that trains such networks."""


def rows() -> Iterator[dict[str, object]]:
    """Every figure."""
    for figure, (network, experiment) in NETWORKS.items():
        yield from written(figure, of_network(network, experiment))
    weights = torch.tensor(FIGURE_4, dtype=torch.float64).unsqueeze(2)
    for scale in SCALES:
        yield from written("N Fig. 4", code_columns(LOGISTIC.y(scale * weights)), scale)
    yield from written("H Fig. 8", of_held_out_cases())
    yield from written("P Table 3", asdict(counting(*parity_units())))
    hidden = torch.tensor(ENCODER_CODES, dtype=torch.float64).unsqueeze(2)
    yield from written("P Table 5", asdict(codes(hidden)))


def written(figure: str, measured: Mapping[str, Tensor], scale: float | None = None) -> Iterator[dict[str, object]]:
    """A row a measure, of ``[1]`` each."""
    for measure, value in measured.items():
        about: dict[str, object] = {
            "figure": figure,
            "scale": "" if scale is None else number(scale),
            "measure": measure,
        }
        yield about | {"value": number(float(value))}


def of_network(network: PrintedNetwork, experiment: str) -> dict[str, Tensor]:
    """What is measured of the experiment's networks, of the printed one; how many cases are right, and its sweeps."""
    setup = replace(training_setup(load(experiment)), printed=network)
    population = Population.start(setup.architecture, [0], 0.0, torch.float64)
    population.weights = dict(network.replica())
    trained = Trained.of(setup, population)
    wanted = torch.tensor([float(len(setup.task.cases))])
    measured = TASKS[setup.task.name].columns(trained)
    return {"sweeps": torch.tensor([network.sweeps]), "right": trained.right.sum(dim=0), "cases": wanted, **measured}


def of_held_out_cases() -> dict[str, Tensor]:
    """The counterparts of the four answers of H Fig. 8, as means over the cases."""
    y = torch.tensor(H_FIGURE_8, dtype=torch.float64).T.unsqueeze(2)
    answers = torch.tensor([PEOPLE.index(name) for name in H_FIGURE_8_ANSWERS])
    ratio, top = counterparts(y, answers)
    return {"counterpart_ratio": ratio.mean(dim=0), "counterpart_top": top.double().mean(dim=0)}


def parity_units() -> tuple[Tensor, Tensor]:
    """P Table 3 for each of the 16 cases: hidden outputs ``[cases, units, 1]`` and inputs."""
    inputs = parity(4).inputs["input"]
    hidden = torch.tensor([PARITY_CODES[int(on)] for on in inputs.sum(dim=1)], dtype=torch.float64)
    return hidden.unsqueeze(2), inputs


def write(results: Path, seeds: range) -> None:
    """Measure, and write the table. seeds: there is one of each figure, whatever is asked for."""
    write_rows(results / FILE, rows())
