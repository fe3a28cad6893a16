"""The figures of a run that has finished, drawn again from what it has written."""

import csv
import pickle
from pathlib import Path

import torch
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from experiments.options.reference import as_told
from experiments.options.schema import ConfigError
from experiments.options.setup import first_population, training_setup
from experiments.running.checkpoint import OPTIONS, as_config
from experiments.running.curves import Curves
from experiments.running.directory import CHECKPOINT, CURVES, SEEDS, WEIGHTS, command
from experiments.running.figures import draw
from repro.population import NEVER


def redraw(directory: Path) -> None:
    """Write the figures anew, with the numbers as its tables have them.

    Of networks that go on once they have learned the tables know only those that have at the end. Raises ConfigError
    where there is no finished run, or what it has left cannot be read.
    """
    if (directory / CHECKPOINT).exists():
        raise ConfigError(f"{directory}: the run has not finished; go on with it: {command(directory)}")
    try:
        config = as_config(OmegaConf.load(directory / OPTIONS))
        saved = torch.load(directory / WEIGHTS, weights_only=True)
        with (directory / CURVES).open(newline="", encoding="utf-8") as file:
            points = [[float(cell) for cell in row] for row in list(csv.reader(file))[1:]]
        with (directory / SEEDS).open(newline="", encoding="utf-8") as file:
            rows = [(row["sweeps"], float(row["E"])) for row in csv.DictReader(file)]
    except OSError as problem:
        raise ConfigError(f"{directory}: is no finished run; {problem.filename}: {problem.strerror}") from None
    except (OmegaConfBaseException, YAMLError, RuntimeError, ValueError, KeyError, pickle.UnpicklingError) as problem:
        raise ConfigError(f"{directory}: cannot be read; {str(problem).splitlines()[0]}") from None
    config.device = "cpu"
    setup = training_setup(config)
    population = first_population(config, setup)
    if len(rows) != len(population.seeds) or saved["weights"].keys() != population.weights.keys():
        raise ConfigError(f"{directory}: {SEEDS} and {WEIGHTS} are not those of its options")
    for key, w in population.weights.items():
        w.copy_(saved["weights"][key])
    population.learned_at.copy_(torch.tensor([int(sweeps) if sweeps else NEVER for sweeps, _ in rows]))
    population.E.copy_(torch.tensor([E for _, E in rows], dtype=torch.double))
    population.sweep = saved["sweep"]
    curves = Curves([int(point[0]) for point in points], [point[1:4] for point in points], [p[4] for p in points])
    draw(directory, as_told(config), setup, curves, population)
