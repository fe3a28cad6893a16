"""Layered networks as the paper allows them (N p.533): groups of units, links from lower groups to higher ones.

``Architecture`` is the plan: which groups there are and what feeds what. It is checked when it is made, before
any weight exists. ``Network`` is a population of R networks with one plan, their weights side by side.

Shapes: activity ``[cases, units, replicas]``, weights ``[to, from, replicas]``.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Protocol

import torch
from torch import Tensor, nn

from repro import equations
from repro.equations import SquaredError, TotalInput
from repro.errors import AS_PRINTED, ErrorMeasure, MeasuredError
from repro.output_functions import LOGISTIC, OutputFunction
from repro.tasks import Task

ALWAYS_ON = "bias"
"""The group of the one unit that is always 1; the weight from it is the unit's bias (N p.533)."""


class SpecError(ValueError):
    """A network that cannot be built, or that does not fit its task; the message names the culprit."""


@dataclass(frozen=True)
class Link:
    """All the weights from one group to another; ``key`` names the tensor, which several links may share."""

    source: str
    target: str
    key: str


def link_name(source: str, target: str) -> str:
    """The name of a link, and of its weights where they are not shared: ``"input->hidden"``."""
    return f"{source}->{target}"


class Plan(Protocol):
    """A network as training needs it: an ``Architecture`` of layers, or one with a layer of another kind.

    w: weights ``[to, from, replicas]`` by key. inputs: ``[cases, units]`` by input group, the same for every replica.
    d, error_measure, included: as in ``derivatives``.
    """

    @property
    def output(self) -> str:
        """The group whose outputs are compared with the desired ones."""

    @property
    def all_links(self) -> tuple[Link, ...]:
        """Every link, biases included."""

    @property
    def weight_shapes(self) -> dict[str, tuple[int, int]]:
        """(to, from) of each set of weights, by key: the order in which first weights are drawn."""

    @property
    def weight_count(self) -> int:
        """Free weights of one network, biases included."""

    @property
    def activity_size(self) -> int:
        """The numbers that a forward pass computes for one case: the room that a network takes."""

    @property
    def signature(self) -> Hashable:
        """Equal where two plans compute the same by the same operations, so that machine code serves both."""

    def fan_in(self, group: str) -> int:
        """How many weights lead into each unit of a group, its bias included."""

    def check_task(self, task: Task) -> None:
        """Raises SpecError where the task's input or desired-output units are not the network's."""

    def activity(
        self, w: Mapping[str, Tensor], inputs: Mapping[str, Tensor], differentiable: bool = False
    ) -> dict[str, Tensor]:
        """The outputs of every group, ``[cases, units, replicas]``; differentiable: through the autograd Functions."""

    def derivatives(
        self,
        w: Mapping[str, Tensor],
        inputs: Mapping[str, Tensor],
        d: Tensor,
        error_measure: ErrorMeasure = AS_PRINTED,
        included: Tensor | None = None,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The outputs y, and ∂E/∂w by key, by one forward and one backward pass written out."""


@dataclass(frozen=True)
class Architecture:
    """Groups of units and the links between them.

    groups: name to number of units, from the bottom (input) to the top (output): a link may go up in this
        order, past any number of groups, but never down, and never within a group (N p.533).
    links: for each group that receives, the groups that feed it. A group that nothing feeds is an input.
    biases: the groups whose units have a bias; None means every group that is not an input.
    shared: sets of links, each written ``"from->to"``, that have one set of weights. Their derivatives are
        added, as for any weight that is used more than once (P p.355; N Fig. 5 takes their average).
    functions: the output function of a group's units, where it is not the logistic of (2).

    Raises SpecError, naming the culprit, for an unknown group, a group without units, a link that goes down,
    within a group or in a cycle, a hidden or output group cut off from the rest, or shared links of unlike size.
    """

    groups: Mapping[str, int]
    links: Mapping[str, Sequence[str]]
    biases: Iterable[str] | None = None
    shared: Sequence[Sequence[str]] = ()
    functions: Mapping[str, OutputFunction] = field(default_factory=dict)
    all_links: tuple[Link, ...] = field(init=False)

    def __post_init__(self) -> None:
        self._check_groups()
        self._check_links()
        object.__setattr__(self, "all_links", self._resolve_links())

    def _check_groups(self) -> None:
        if not self.groups:
            raise SpecError("network.groups is empty: name at least an input and an output group")
        for name, units in self.groups.items():
            if units < 1:
                raise SpecError(f"network.groups.{name}={units}: a group needs at least 1 unit")
            if name == ALWAYS_ON:
                raise SpecError(f"network.groups.{name}: '{ALWAYS_ON}' is the unit that is always 1; use another name")
            if "." in name or "->" in name:
                raise SpecError(f"network.groups: '{name}' may not contain '.' or '->'")

    def _check_links(self) -> None:
        known = f"the groups are {', '.join(self.groups)}"
        for target, sources in self.links.items():
            if target not in self.groups:
                raise SpecError(f"network.links.{target}: there is no group '{target}'; {known}")
            for source in sources:
                if source not in self.groups:
                    raise SpecError(f"network.links.{target}: there is no group '{source}'; {known}")
            if len(set(sources)) < len(sources):
                raise SpecError(f"network.links.{target}: {list(sources)} names a group twice")
        try:
            TopologicalSorter(self.links).prepare()
        except CycleError as cycle:
            path = "->".join(reversed(cycle.args[1]))
            raise SpecError(f"network.links: {path} is a cycle; links go up only (N p.533)") from None
        rank = {name: position for position, name in enumerate(self.groups)}
        for target, sources in self.links.items():
            for source in sources:
                if rank[source] > rank[target]:
                    raise SpecError(
                        f"network.links.{target}: the link {link_name(source, target)} goes down: network.groups "
                        f"lists the groups from the bottom to the top, and links go up only (N p.533)"
                    )
        if not any(self.links.values()):
            raise SpecError("network.links is empty: nothing feeds the output")
        for name in self.groups:
            if name != self.output and name not in self._sources():
                raise SpecError(f"network.groups.{name}: nothing is fed by '{name}'; link it or leave it out")
        if self.output in self.inputs:
            raise SpecError(f"network.links.{self.output} is missing: nothing feeds the output group '{self.output}'")

    def _resolve_links(self) -> tuple[Link, ...]:
        biased = [g for g in self.groups if g not in self.inputs] if self.biases is None else list(self.biases)
        for name in biased:
            if name not in self.groups or name in self.inputs:
                raise SpecError(f"network.biases: '{name}' is not a group that receives; those are {self.receiving}")
        names = [(source, g) for g in self.receiving for source in self.links[g]]
        names += [(ALWAYS_ON, g) for g in self.receiving if g in biased]
        key = {link_name(*name): link_name(*name) for name in names}
        size = {link_name(s, t): (self.groups[t], self.groups.get(s, 1)) for s, t in names}
        taken: set[str] = set()
        for twins in self.shared:
            for twin in twins:
                if twin not in key:
                    raise SpecError(f"network.shared: there is no link '{twin}'; the links are {', '.join(key)}")
                if twin in taken:
                    raise SpecError(f"network.shared: the link '{twin}' is named twice")
                if size[twin] != size[twins[0]]:
                    raise SpecError(
                        f"network.shared: '{twin}' has {size[twin][0]} x {size[twin][1]} weights and "
                        f"'{twins[0]}' has {size[twins[0]][0]} x {size[twins[0]][1]}: they cannot be the same"
                    )
                taken.add(twin)
                key[twin] = twins[0]
        return tuple(Link(source, target, key[link_name(source, target)]) for source, target in names)

    def _sources(self) -> set[str]:
        return {source for sources in self.links.values() for source in sources}

    @property
    def output(self) -> str:
        """The top group, whose outputs are compared with the desired ones."""
        return list(self.groups)[-1]

    @property
    def inputs(self) -> list[str]:
        """The groups that nothing feeds: the task sets their units."""
        return [g for g in self.groups if not self.links.get(g)]

    @property
    def receiving(self) -> list[str]:
        """The groups whose units compute, from the bottom to the top: the order of the forward pass."""
        return [g for g in self.groups if self.links.get(g)]

    @property
    def weight_shapes(self) -> dict[str, tuple[int, int]]:
        """(to, from) of each set of weights; links that share weights count once."""
        return {link.key: (self.groups[link.target], self.groups.get(link.source, 1)) for link in self.all_links}

    @property
    def weight_count(self) -> int:
        """Free weights of one network, biases included."""
        return sum(to * source for to, source in self.weight_shapes.values())

    def into(self, group: str) -> list[Link]:
        """The links that feed a group, its bias last."""
        return [link for link in self.all_links if link.target == group]

    def out_of(self, group: str) -> list[Link]:
        """The links that a group feeds."""
        return [link for link in self.all_links if link.source == group]

    def function(self, group: str) -> OutputFunction:
        """The output function of a group's units."""
        return self.functions.get(group, LOGISTIC)

    def fan_in(self, group: str) -> int:
        """How many weights lead into each unit of a group, its bias included."""
        return sum(self.groups.get(link.source, 1) for link in self.into(group))

    @property
    def activity_size(self) -> int:
        """Units that compute, each an output a case."""
        return sum(self.groups[group] for group in self.receiving)

    @property
    def signature(self) -> Hashable:
        """See ``Plan``."""
        functions = tuple(self.function(group) for group in self.receiving)
        return (*self.groups.items(), *self.all_links), functions

    def activity(
        self, w: Mapping[str, Tensor], inputs: Mapping[str, Tensor], differentiable: bool = False
    ) -> dict[str, Tensor]:
        """The outputs of every group, by (1) and (2), ``[cases, units, replicas]``; of an input the last axis is 1."""
        return forward_pass(self, w, inputs, differentiable)[1]

    def derivatives(
        self,
        w: Mapping[str, Tensor],
        inputs: Mapping[str, Tensor],
        d: Tensor,
        error_measure: ErrorMeasure = AS_PRINTED,
        included: Tensor | None = None,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """See ``derivatives`` of this module."""
        return derivatives(self, w, inputs, d, error_measure, included)

    def check_task(self, task: Task) -> None:
        """Raises SpecError where the task's input or desired-output units are not the network's."""
        if set(task.inputs) != set(self.inputs):
            raise SpecError(
                f"network.groups: the task '{task.name}' sets the input groups {sorted(task.inputs)}, "
                f"and the network's are {sorted(self.inputs)}"
            )
        for name, values in task.inputs.items():
            if values.shape[1] != self.groups[name]:
                raise SpecError(
                    f"network.groups.{name}={self.groups[name]}: the task '{task.name}' has "
                    f"{values.shape[1]} units there"
                )
        if task.desired.shape[1] != self.groups[self.output]:
            raise SpecError(
                f"network.groups.{self.output}={self.groups[self.output]}: the task '{task.name}' has "
                f"{task.desired.shape[1]} output units"
            )


class Network(nn.Module):
    """R networks of one plan, each with its own weights: ``network(inputs)`` is the forward pass.

    weights: for each key of ``architecture.weight_shapes`` a tensor ``[to, from, replicas]``, kept as a Parameter.
    inputs: for each input group a tensor ``[cases, units]``, the same for every replica.

    The forward pass goes through the autograd Functions of ``equations``, so ``E.sum().backward()`` runs their
    hand-written backward passes. ``derivatives`` is the same backward pass written out, without autograd.

    Raises ValueError where a weight is missing, left over or of another shape.
    """

    def __init__(self, architecture: Plan, weights: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.architecture = architecture
        shapes = architecture.weight_shapes
        if set(weights) != set(shapes):
            raise ValueError(f"weights are for {sorted(weights)}, the architecture has {sorted(shapes)}")
        for key, value in weights.items():
            if tuple(value.shape[:2]) != shapes[key] or value.ndim != 3:
                raise ValueError(f"weights of {key} have shape {tuple(value.shape)}, not {shapes[key]} + (replicas,)")
        if len({value.shape[2] for value in weights.values()}) > 1:
            raise ValueError("the weights are not all of the same number of replicas")
        self.weights = nn.ParameterDict({key: nn.Parameter(weights[key]) for key in shapes})

    @property
    def replicas(self) -> int:
        """How many networks there are."""
        return int(next(iter(self.weights.values())).shape[2])

    def forward(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """Outputs ``[cases, units, replicas]`` of the top group."""
        return self.activity(inputs)[self.architecture.output]

    def activity(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The outputs of every group, ``[cases, units, replicas]``; those of an input have a last axis of 1."""
        return self.architecture.activity(dict(self.weights.items()), inputs, differentiable=True)

    def derivatives(
        self,
        inputs: Mapping[str, Tensor],
        d: Tensor,
        error_measure: ErrorMeasure = AS_PRINTED,
        included: Tensor | None = None,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Outputs and ∂E/∂w by the formulas alone, without autograd."""
        weights = {key: value.detach() for key, value in self.weights.items()}
        return self.architecture.derivatives(weights, inputs, d, error_measure, included)


def derivatives(
    architecture: Architecture,
    weights: Mapping[str, Tensor],
    inputs: Mapping[str, Tensor],
    d: Tensor,
    error_measure: ErrorMeasure = AS_PRINTED,
    included: Tensor | None = None,
) -> tuple[Tensor, dict[str, Tensor]]:
    """One forward and one backward pass, written out: the outputs y of the top group, and ∂E/∂w by key.

    d: desired outputs ``[cases, units, 1]``. error_measure: E, as printed unless given. included
    ``[cases, 1, replicas]``: 1 where the case counts for the replica and 0 where it does not; None: all count.
    Returns y ``[cases, units, replicas]`` and derivatives shaped like the weights.
    """
    x, y = forward_pass(architecture, weights, inputs)
    dE_dx: dict[str, Tensor] = {}
    dE_dw: dict[str, Tensor] = {}
    for group in reversed(architecture.receiving):
        if group == architecture.output:
            dE_dy = error_measure.dE_dy(y[group], d, included)
        else:
            first, *rest = (equations.dE_dy(dE_dx[k.target], weights[k.key]) for k in architecture.out_of(group))
            dE_dy = sum(rest, first)
        dE_dx[group] = architecture.function(group).dE_dx(dE_dy, x[group], y[group])
        for link in architecture.into(group):
            term = equations.dE_dw(dE_dx[group], y[link.source])
            dE_dw[link.key] = dE_dw[link.key] + term if link.key in dE_dw else term
    return y[architecture.output], dE_dw


def forward_pass(
    architecture: Architecture, w: Mapping[str, Tensor], inputs: Mapping[str, Tensor], differentiable: bool = False
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """(1) and (2): the total inputs x of the groups that receive, and the outputs y of every group.

    differentiable: through the autograd Functions of the same formulas, whose backward passes are (5) to (7).
    """
    total_input = TotalInput.apply if differentiable else equations.total_input
    x: dict[str, Tensor] = {}
    y = input_activity(architecture, inputs)
    for group in architecture.receiving:
        function = architecture.function(group)
        first, *rest = (total_input(y[link.source], w[link.key]) for link in architecture.into(group))
        x[group] = sum(rest, first)
        y[group] = (function.apply if differentiable else function.y)(x[group])
    return x, y


def input_activity(architecture: Architecture, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The outputs that no equation gives: those of the input units, ``[cases, units, 1]``, and the one always 1."""
    y = {name: inputs[name].unsqueeze(2) for name in architecture.inputs}
    some = next(iter(y.values()))
    y[ALWAYS_ON] = torch.ones_like(some[:, :1])
    return y


def error(y: Tensor, d: Tensor, error_measure: ErrorMeasure = AS_PRINTED, included: Tensor | None = None) -> Tensor:
    """Equation (3), or another measure, with its hand-written backward pass: E ``[replicas]``, differentiable.

    y ``[cases, units, replicas]``, d ``[cases, units]`` or ``[cases, units, 1]``, included as in ``derivatives``.
    """
    d = d if d.ndim == 3 else d.unsqueeze(2)
    result: Tensor
    if error_measure == AS_PRINTED and included is None:
        result = SquaredError.apply(y, d)
    else:
        result = MeasuredError.apply(y, d, error_measure, included)
    return result
