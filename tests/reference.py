"""The procedure once more, as slow obvious loops over cases c and units j and i, in Python's own floats.

It imports nothing from ``repro`` and no torch, and it is organised otherwise: there are no tensors, links or
layers here, only units and single connections. What the tests expect of ``repro`` comes from here.
"""

import math
from dataclasses import dataclass, field

Unit = tuple[str, int]
Weight = tuple[str, int, int]
ALWAYS_ON = "bias"


@dataclass
class Net:
    """Units from the bottom up, and the connections: (to, from, the weight it uses).

    symmetric: the groups whose outputs go from -1 to 1.
    """

    groups: dict[str, int]
    inputs: list[str]
    connections: list[tuple[Unit, Unit, Weight]]
    symmetric: tuple[str, ...] = ()
    into: dict[Unit, list[tuple[Unit, Weight]]] = field(default_factory=dict)
    out_of: dict[Unit, list[tuple[Unit, Weight]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """The connections once more, by the unit above and by the unit below."""
        for above, below, weight in self.connections:
            self.into.setdefault(above, []).append((below, weight))
            self.out_of.setdefault(below, []).append((above, weight))

    @property
    def output(self) -> str:
        return list(self.groups)[-1]

    @property
    def computing_units(self) -> list[Unit]:
        return [(g, n) for g, units in self.groups.items() if g not in self.inputs for n in range(units)]

    @property
    def weights(self) -> list[Weight]:
        return sorted({weight for _, _, weight in self.connections})


def net(
    groups: dict, links: dict, biases: list | None = None, shared: tuple = (), symmetric: tuple[str, ...] = ()
) -> Net:
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
    return Net(dict(groups), inputs, connections, symmetric)


def forward(net: Net, w: dict[Weight, float], case: dict[str, list[float]]) -> dict[Unit, float]:
    """The state of every unit: equations (1) and (2)."""
    y = {(ALWAYS_ON, 0): 1.0}
    for group in net.inputs:
        for i in range(net.groups[group]):
            y[group, i] = case[group][i]
    for j in net.computing_units:
        x = 0.0
        for i, weight in net.into.get(j, []):
            x += y[i] * w[weight]
        y[j] = 1 / (1 + math.exp(-x))
        if j[0] in net.symmetric:
            y[j] = (1 - math.exp(-x)) / (1 + math.exp(-x))
    return y


def outputs(net: Net, w: dict[Weight, float], cases: list) -> list[list[float]]:
    """The states of the output units in every case."""
    states = [forward(net, w, case) for case in cases]
    return [[y[net.output, j] for j in range(net.groups[net.output])] for y in states]


@dataclass(frozen=True)
class Rule:
    """How the error of an output unit is counted, in the words of ``repro.errors``. As it stands, (3) and (4)."""

    form: str = "squared"
    satisfied: str = "never"
    measured_from: str = "target"
    on: float = 0.8
    off: float = 0.2
    factor: float = 1.0


PRINTED = Rule()


def case_error(y: list[float], d: list[float], rule: Rule = PRINTED) -> tuple[float, list[float]]:
    """E of one case, and ∂E/∂y of each output unit: equations (3) and (4) unless the rule says otherwise."""
    E, dE_dy = 0.0, []
    high = [d[j] > (rule.on + rule.off) / 2 for j in range(len(d))]
    content = [y[j] > rule.on if high[j] else y[j] < rule.off for j in range(len(y))]
    for j in range(len(y)):
        wanted = d[j]
        if rule.measured_from == "bound":
            wanted = rule.on if high[j] else rule.off
        if (rule.satisfied == "unit" and content[j]) or (rule.satisfied == "case" and all(content)):
            dE_dy.append(0.0)
        elif rule.form == "squared":
            E += rule.factor * (y[j] - wanted) ** 2 / 2
            dE_dy.append(rule.factor * (y[j] - wanted))
        else:
            for p, q in ((wanted, y[j]), (1 - wanted, 1 - y[j])):
                if p > 0:
                    E += rule.factor * p * math.log(p / q)
            dE_dy.append(rule.factor * (y[j] - wanted) / (y[j] * (1 - y[j])))
    return E, dE_dy


def error(y: list[list[float]], d: list[list[float]], rule: Rule = PRINTED) -> float:
    """Equation (3), or as the rule has it."""
    E = 0.0
    for c in range(len(y)):
        E += case_error(y[c], d[c], rule)[0]
    return E


def derivatives(
    net: Net, w: dict[Weight, float], cases: list, d: list[list[float]], rule: Rule = PRINTED
) -> dict[Weight, float]:
    """∂E/∂w of every weight: equations (4) to (7), summed over the cases."""
    dE_dw = dict.fromkeys(net.weights, 0.0)
    for c in range(len(cases)):
        y = forward(net, w, cases[c])
        _, of_output = case_error([y[net.output, j] for j in range(net.groups[net.output])], d[c], rule)
        dE_dx: dict[Unit, float] = {}
        for j in reversed(net.computing_units):
            if j[0] == net.output:
                dE_dy = of_output[j[1]]
            else:
                dE_dy = 0.0
                for above, weight in net.out_of[j]:
                    dE_dy += dE_dx[above] * w[weight]
            dE_dx[j] = dE_dy * y[j] * (1 - y[j])
            if j[0] in net.symmetric:
                dE_dx[j] = dE_dy * (1 - y[j] ** 2) / 2
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
    rule: Rule = PRINTED,
    held_out: tuple[int, ...] = (),
    decay_biases: bool = True,
    decay_of: str = "weight",
    per_fan_in: bool = False,
) -> list[Moment]:
    """The whole learning by equation (9): the moments after 0, 1, ..., ``sweeps`` sweeps.

    phases: (sweeps, epsilon, alpha) in order; the last goes on for ever. held_out: numbers of cases not learned, which
    E leaves out too. per_fan_in: epsilon is divided by the number of connections into the unit above. decay_of: what
    the decay takes a part of, in the words of ``repro.learning``.
    """
    schedule = [(epsilon, alpha) for length, epsilon, alpha in phases for _ in range(length)]
    w, change = dict(w), dict.fromkeys(net.weights, 0.0)
    learned = [c for c in range(len(cases)) if c not in held_out]
    parts = {weight: (len(net.into[above]) if per_fan_in else 1) for above, _, weight in net.connections}
    spared = set() if decay_biases else {weight for _, below, weight in net.connections if below[0] == ALWAYS_ON}
    moments = []
    for t in range(sweeps + 1):
        y = outputs(net, w, cases)
        E = error([y[c] for c in learned], [d[c] for c in learned], rule)
        moments.append(Moment(dict(w), dict(change), y, E))
        if t == sweeps:
            return moments
        epsilon, alpha = schedule[t] if t < len(schedule) else schedule[-1]
        for some in [[c] for c in learned] if per_case else [learned]:
            dE_dw = derivatives(net, w, [cases[c] for c in some], [d[c] for c in some], rule)
            for weight in net.weights:
                change[weight] = -epsilon / parts[weight] * dE_dw[weight] + alpha * change[weight]
                off = 0.0 if weight in spared else decay
                if decay_of == "change":
                    change[weight] = change[weight] - off * change[weight]
                if decay_of == "carried":
                    change[weight] = change[weight] - off * w[weight]
                w[weight] = w[weight] + change[weight]
                if decay_of == "weight":
                    w[weight] = w[weight] - off * w[weight]
    raise AssertionError("not reached")


def first_met(moments: list[Moment], d: list[list[float]], tolerance: float) -> int | None:
    """The number of sweeps after which every output was first within the tolerance; None if it never was."""
    for t, moment in enumerate(moments):
        gaps = [abs(moment.y[c][j] - d[c][j]) for c in range(len(d)) for j in range(len(d[c]))]
        if max(gaps) <= tolerance:
            return t
    return None
