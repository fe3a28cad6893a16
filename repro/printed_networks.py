"""Networks whose weights the papers print, as data. Every number is read off the figure named beside it.

N is the Nature paper, P the PDP chapter. Weights are by link, rows the units they go to, columns the units they
come from, as in ``[to, from]``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from repro.networks import ALWAYS_ON, Architecture, Plan, link_name


@dataclass(frozen=True)
class PrintedNetwork:
    """A network as printed, with the task that it has learned. ``sweeps`` is what the learning took."""

    source: str
    task: str
    groups: Mapping[str, int]
    links: Mapping[str, Sequence[str]]
    weights: Mapping[str, Sequence[Sequence[float]]]
    biases: Mapping[str, Sequence[float]]
    sweeps: int
    epsilon: float

    @cached_property
    def architecture(self) -> Architecture:
        """Its groups and links."""
        return Architecture(self.groups, self.links)

    def replica(self) -> dict[str, Tensor]:
        """Its weights as ``Network`` takes them: ``[to, from, 1]`` by key, float64, biases included."""
        rows = dict(self.weights)
        rows |= {link_name(ALWAYS_ON, group): [[b] for b in values] for group, values in self.biases.items()}
        return {key: torch.tensor(value, dtype=torch.float64).unsqueeze(2) for key, value in rows.items()}


SYMMETRY = PrintedNetwork(
    source="N Fig. 1",
    task="symmetry",
    groups={"input": 6, "hidden": 2, "output": 1},
    links={"hidden": ["input"], "output": ["hidden"]},
    weights={
        "input->hidden": [[14.2, -3.6, 7.2, -7.2, 3.6, -14.2], [-14.2, 3.6, -7.1, 7.1, -3.6, 14.2]],
        "hidden->output": [[-8.8, -8.8]],
    },
    biases={"hidden": [-1.1, -1.1], "output": [6.4]},
    sweeps=1425,
    epsilon=0.1,
)

SYMMETRY_PDP = PrintedNetwork(
    source="P Fig. 9, p.340",
    task="symmetry",
    groups={"input": 6, "hidden": 2, "output": 1},
    links={"hidden": ["input"], "output": ["hidden"]},
    weights={
        "input->hidden": [[-3.18, 6.32, -12.56, 12.56, -6.33, 3.17], [3.16, -6.34, 12.52, -12.51, 6.31, -3.17]],
        "hidden->output": [[-9.44, -9.44]],
    },
    biases={"hidden": [-1.0, -1.0], "output": [6.89]},
    sweeps=1208,
    epsilon=0.1,
)

XOR = PrintedNetwork(
    source="P Fig. 3, p.331",
    task="xor",
    groups={"input": 2, "hidden": 1, "output": 1},
    links={"hidden": ["input"], "output": ["hidden", "input"]},
    weights={
        "input->hidden": [[-6.4, -6.4]],
        "hidden->output": [[-9.4]],
        "input->output": [[-4.2, -4.2]],
    },
    biases={"hidden": [2.2], "output": [6.3]},
    sweeps=558,
    epsilon=0.5,
)

PARITY_CODES = ((1, 1, 1, 1), (1, 0, 1, 1), (1, 0, 1, 0), (0, 0, 1, 0), (0, 0, 0, 0))
"""Which of parity's 4 hidden units are on where 0, 1, 2, 3 and 4 inputs are (P Table 3, p.334-335)."""

ENCODER_CODES = (
    (0.5, 0.0, 0.0),
    (0.0, 1.0, 0.0),
    (1.0, 1.0, 0.0),
    (1.0, 1.0, 1.0),
    (0.0, 1.0, 1.0),
    (0.5, 0.0, 1.0),
    (1.0, 0.0, 0.5),
    (0.0, 0.0, 0.5),
)
"""The encoder's 3 hidden units for each of its 8 cases (P Table 5, p.335-339)."""

XOR_LOCAL_MINIMUM = PrintedNetwork(
    source="P Fig. 5, p.333",
    task="xor",
    groups={"input": 2, "hidden": 2, "output": 1},
    links={"hidden": ["input"], "output": ["hidden"]},
    weights={"input->hidden": [[-2.0, 9.2], [4.3, 8.8]], "hidden->output": [[-4.5, 5.3]]},
    biases={"hidden": [2.0, -0.1], "output": [-0.8]},
    sweeps=6587,
    epsilon=0.25,
)

BY_NAME = {
    "symmetry": SYMMETRY,
    "symmetry_pdp": SYMMETRY_PDP,
    "xor": XOR,
    "xor_local_minimum": XOR_LOCAL_MINIMUM,
}
"""Each by the name that an experiment's options have for it. Of two of one network that of N comes first."""


def of(architecture: Plan, task: str) -> PrintedNetwork | None:
    """The first printed network with the same groups and links that has learned the same task; None: there is none."""
    return next((p for p in BY_NAME.values() if p.task == task and same_network(architecture, p.architecture)), None)


def same_network(one: Plan, other: Plan) -> bool:
    """Whether two networks have the same groups and links. Of what function their units are is left out of account."""
    if not (isinstance(one, Architecture) and isinstance(other, Architecture)):
        return one == other
    return dict(one.groups) == dict(other.groups) and one.all_links == other.all_links
