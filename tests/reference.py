"""The procedure once more, as slow obvious loops over cases c and units j and i, in Python's own floats.

It imports nothing from ``repro`` and no torch, and it is organised otherwise: there are no tensors, links or
layers here, only units and single connections. What the tests expect of ``repro`` comes from here.
"""

import math
from dataclasses import dataclass

Unit = tuple[str, int]
Weight = tuple[str, int, int]
ALWAYS_ON = "bias"


@dataclass
class Net:
    """Units from the bottom up, and the connections: (to, from, the weight it uses)."""

    groups: dict[str, int]
    inputs: list[str]
    connections: list[tuple[Unit, Unit, Weight]]

    @property
    def output(self) -> str:
        return list(self.groups)[-1]

    @property
    def computing_units(self) -> list[Unit]:
        return [(g, n) for g, units in self.groups.items() if g not in self.inputs for n in range(units)]

    @property
    def weights(self) -> list[Weight]:
        return sorted({weight for _, _, weight in self.connections})


def net(groups: dict, links: dict, biases: list | None = None, shared: tuple = ()) -> Net:
    """A net from its plan. A weight is named (link, unit above, unit below); shared links take the first one's name."""
    inputs = [g for g in groups if not links.get(g)]
    biased = [g for g in groups if g not in inputs] if biases is None else biases
    connections = []
    for target, units in groups.items():
        sources = list(links.get(target, [])) + ([ALWAYS_ON] if target in biased else [])
        for source in sources:
            name = f"{source}->{target}"
            for twins in shared:
                if name in twins:
                    name = twins[0]
            for j in range(units):
                for i in range(groups.get(source, 1)):
                    connections.append(((target, j), (source, i), (name, j, i)))
    return Net(dict(groups), inputs, connections)


def forward(net: Net, w: dict[Weight, float], case: dict[str, list[float]]) -> dict[Unit, float]:
    """The state of every unit: equations (1) and (2)."""
    y = {(ALWAYS_ON, 0): 1.0}
    for group in net.inputs:
        for i in range(net.groups[group]):
            y[group, i] = case[group][i]
    for j in net.computing_units:
        x = 0.0
        for above, i, weight in net.connections:
            if above == j:
                x += y[i] * w[weight]
        y[j] = 1 / (1 + math.exp(-x))
    return y


def outputs(net: Net, w: dict[Weight, float], cases: list) -> list[list[float]]:
    """The states of the output units in every case."""
    states = [forward(net, w, case) for case in cases]
    return [[y[net.output, j] for j in range(net.groups[net.output])] for y in states]


def error(y: list[list[float]], d: list[list[float]]) -> float:
    """Equation (3)."""
    E = 0.0
    for c in range(len(y)):
        for j in range(len(y[c])):
            E += (y[c][j] - d[c][j]) ** 2 / 2
    return E


def derivatives(net: Net, w: dict[Weight, float], cases: list, d: list[list[float]]) -> dict[Weight, float]:
    """∂E/∂w of every weight: equations (4) to (7), summed over the cases."""
    dE_dw = dict.fromkeys(net.weights, 0.0)
    for c in range(len(cases)):
        y = forward(net, w, cases[c])
        dE_dx: dict[Unit, float] = {}
        for j in reversed(net.computing_units):
            if j[0] == net.output:
                dE_dy = y[j] - d[c][j[1]]
            else:
                dE_dy = 0.0
                for above, below, weight in net.connections:
                    if below == j:
                        dE_dy += dE_dx[above] * w[weight]
            dE_dx[j] = dE_dy * y[j] * (1 - y[j])
        for above, below, weight in net.connections:
            dE_dw[weight] += dE_dx[above] * y[below]
    return dE_dw


@dataclass
class Moment:
    """Where a net stands after some number of sweeps."""

    w: dict[Weight, float]
    change: dict[Weight, float]
    y: list[list[float]]
    E: float


def train(
    net: Net,
    w: dict[Weight, float],
    cases: list,
    d: list[list[float]],
    phases: list[tuple[int, float, float]],
    sweeps: int,
    decay: float = 0.0,
    per_case: bool = False,
) -> list[Moment]:
    """The whole learning by equation (9): the moments after 0, 1, ..., ``sweeps`` sweeps.

    phases: (sweeps, epsilon, alpha) in order; the last goes on for ever.
    """
    schedule = [(epsilon, alpha) for length, epsilon, alpha in phases for _ in range(length)]
    w, change = dict(w), dict.fromkeys(net.weights, 0.0)
    moments = []
    for t in range(sweeps + 1):
        y = outputs(net, w, cases)
        moments.append(Moment(dict(w), dict(change), y, error(y, d)))
        if t == sweeps:
            return moments
        epsilon, alpha = schedule[t] if t < len(schedule) else schedule[-1]
        for some in [[c] for c in range(len(cases))] if per_case else [range(len(cases))]:
            dE_dw = derivatives(net, w, [cases[c] for c in some], [d[c] for c in some])
            for weight in net.weights:
                change[weight] = -epsilon * dE_dw[weight] + alpha * change[weight]
                w[weight] = w[weight] + change[weight]
                w[weight] = w[weight] - decay * w[weight]
    raise AssertionError("not reached")


def first_met(moments: list[Moment], d: list[list[float]], tolerance: float) -> int | None:
    """The number of sweeps after which every output was first within the tolerance; None if it never was."""
    for t, moment in enumerate(moments):
        gaps = [abs(moment.y[c][j] - d[c][j]) for c in range(len(d)) for j in range(len(d[c]))]
        if max(gaps) <= tolerance:
            return t
    return None
