"""Today's loop is the same: an attention layer whose backward pass is written by hand, trained as in 1986.

First scaled dot-product attention (Vaswani et al. 2017, eq. 1, one head) as plain formulas, then as a Function with its
backward pass beside its forward one, as in ``equations``; then a network with one such layer, which
``repro.training.train`` trains like any other. The links around the layer are (1), its upper units (2), its error (3),
its changes (9). New is one thing: the numbers that weigh the values, a, are no learned weights but are worked out anew
in every case, from what the tokens themselves hold.

Shapes: a *token* is one of the things attended to, such as person 1. Queries q, keys k and values v are ``[cases,
tokens, units, replicas]``; scores s and attention a are ``[cases, tokens that ask, tokens that answer, replicas]``.
"""

import math
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd import Function

from repro import equations
from repro.equations import Logistic, TotalInput
from repro.errors import AS_PRINTED, ErrorMeasure
from repro.networks import ALWAYS_ON, Link, SpecError, link_name
from repro.tasks import Task

# The formulas: token t asks, token u answers, unit n --------------------------------------------------------


def scores(q: Tensor, k: Tensor) -> Tensor:
    """s_tu = Σ_n q_tn k_un / √N, over the N units of a query: how well u's key fits t's query."""
    return (q.unsqueeze(2) * k.unsqueeze(1)).sum(dim=3) / math.sqrt(q.shape[2])


def softmax(s: Tensor) -> Tensor:
    """a_tu = exp(s_tu) / Σ_u exp(s_tu): from 0 to 1, and 1 in sum over the tokens u that answer."""
    return torch.softmax(s, dim=2)


def attended(a: Tensor, v: Tensor) -> Tensor:
    """z_tn = Σ_u a_tu v_un: what token t gets, ``[cases, tokens that ask, units, replicas]``."""
    return (a.unsqueeze(3) * v.unsqueeze(1)).sum(dim=2)


def dE_da(dE_dz: Tensor, v: Tensor) -> Tensor:
    """∂E/∂a_tu = Σ_n ∂E/∂z_tn v_un, shaped like a."""
    return (dE_dz.unsqueeze(2) * v.unsqueeze(1)).sum(dim=3)


def dE_dv(dE_dz: Tensor, a: Tensor) -> Tensor:
    """∂E/∂v_un = Σ_t a_tu ∂E/∂z_tn, shaped like v."""
    return (a.unsqueeze(3) * dE_dz.unsqueeze(2)).sum(dim=1)


def dE_ds(dE_da: Tensor, a: Tensor) -> Tensor:
    """∂E/∂s_tu = a_tu (∂E/∂a_tu - Σ_w a_tw ∂E/∂a_tw). As in (5) a suffices, and s is not needed; shaped like s."""
    return a * (dE_da - (a * dE_da).sum(dim=2, keepdim=True))


def dE_dq(dE_ds: Tensor, k: Tensor) -> Tensor:
    """∂E/∂q_tn = Σ_u ∂E/∂s_tu k_un / √N, shaped like q."""
    return attended(dE_ds, k) / math.sqrt(k.shape[2])


def dE_dk(dE_ds: Tensor, q: Tensor) -> Tensor:
    """∂E/∂k_un = Σ_t ∂E/∂s_tu q_tn / √N, shaped like k."""
    return dE_dv(q, dE_ds) / math.sqrt(q.shape[2])


def dE_dqkv(dE_dz: Tensor, q: Tensor, k: Tensor, v: Tensor, a: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """∂E/∂q, ∂E/∂k and ∂E/∂v from ∂E/∂z: the five formulas above in their order, the chain rule."""
    slope = dE_ds(dE_da(dE_dz, v), a)
    return dE_dq(slope, k), dE_dk(slope, q), dE_dv(dE_dz, a)


# The same as a differentiable function ---------------------------------------------------------------------


class Attention(Function):
    """z = Attention.apply(q, k, v), with the hand-written backward pass.

    Cases and replicas are the same for all three, units for q and k, tokens for k and v; the tokens that ask may be
    others than those that answer. a is worked out once more where it is needed: saved, it would be a constant to the
    second derivatives.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return attended(softmax(scores(q, k)), v)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        q, k, v = ctx.saved_tensors
        return dE_dqkv(grad, q, k, v, softmax(scores(q, k)))

    @staticmethod
    def jvp(ctx: Any, q_change: Tensor, k_change: Tensor, v_change: Tensor) -> Tensor:
        q, k, v = ctx.saved_tensors
        a = softmax(scores(q, k))
        a_change = dE_ds(scores(q_change, k) + scores(q, k_change), a)  # ∂a/∂s is symmetric: it serves both ways
        return attended(a_change, v) + attended(a, v_change)


# A network with one such layer -----------------------------------------------------------------------------

QUERY, KEY, VALUE = (link_name("token", part) for part in ("query", "key", "value"))
HIDDEN, HIDDEN_BIAS = link_name("attended", "hidden"), link_name(ALWAYS_ON, "hidden")
OUTPUT, OUTPUT_BIAS = link_name("hidden", "output"), link_name(ALWAYS_ON, "output")


def token_links(name: str) -> tuple[str, str]:
    """The weights from an input group to its token, and the token's biases."""
    return link_name(name, f"{name}_token"), link_name(ALWAYS_ON, f"{name}_token")


@dataclass(frozen=True)
class AttentionPlan:
    """The ``Plan`` of a network whose input groups are tokens.

    inputs: name to units. width: units in each token, query, key and value. Every token asks and answers; what they get
    feeds ``hidden`` logistic units, and those feed ``outputs`` logistic units.
    Tokens, queries, keys and values are linear units, x itself. q, k and v have no biases, as in Vaswani et al.

    Raises SpecError for no inputs, or fewer than 1 unit anywhere.
    """

    inputs: Mapping[str, int]
    width: int
    hidden: int
    outputs: int

    def __post_init__(self) -> None:
        if not self.inputs:
            raise SpecError("inputs is empty: there is nothing to attend to")
        sizes = {**{f"inputs {name}": units for name, units in self.inputs.items()}, "width": self.width}
        for name, units in {**sizes, "hidden": self.hidden, "outputs": self.outputs}.items():
            if units < 1:
                raise SpecError(f"{name}={units}: must be at least 1")

    @property
    def output(self) -> str:
        """The group whose outputs are compared with the desired ones."""
        return "output"

    @property
    def all_links(self) -> tuple[Link, ...]:
        """A link for each set of weights; those of queries, keys and values serve every token."""
        keys = ((key, *key.split("->")) for key in self.weight_shapes)
        return tuple(Link(source, target, key) for key, source, target in keys)

    @property
    def weight_shapes(self) -> dict[str, tuple[int, int]]:
        """(to, from) of each set of weights."""
        shapes: dict[str, tuple[int, int]] = {}
        for name, units in self.inputs.items():
            link, bias = token_links(name)
            shapes |= {link: (self.width, units), bias: (self.width, 1)}
        shapes |= dict.fromkeys((QUERY, KEY, VALUE), (self.width, self.width))
        shapes |= {HIDDEN: (self.hidden, len(self.inputs) * self.width), HIDDEN_BIAS: (self.hidden, 1)}
        return shapes | {OUTPUT: (self.outputs, self.hidden), OUTPUT_BIAS: (self.outputs, 1)}

    @property
    def weight_count(self) -> int:
        """Free weights of one network, biases included."""
        return sum(to * source for to, source in self.weight_shapes.values())

    @property
    def activity_size(self) -> int:
        """What is computed for one case: tokens, queries, keys, values and what they get; attention; logistic units."""
        tokens = len(self.inputs)
        return 5 * tokens * self.width + tokens * tokens + self.hidden + self.outputs

    @property
    def signature(self) -> Hashable:
        """See ``repro.networks.Plan``."""
        return "attention", *self.inputs.items(), self.width, self.hidden, self.outputs

    def fan_in(self, group: str) -> int:
        """How many weights lead into each unit of a group, its bias included."""
        return sum(self.weight_shapes[link.key][1] for link in self.all_links if link.target == group)

    def activity(
        self, w: Mapping[str, Tensor], inputs: Mapping[str, Tensor], differentiable: bool = False
    ) -> dict[str, Tensor]:
        """What every group holds in every case; see ``forward_pass``."""
        return forward_pass(self, w, inputs, FUNCTIONS if differentiable else FORMULAS)

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
        units = {name: values.shape[1] for name, values in task.inputs.items()}
        if units != dict(self.inputs) or task.desired.shape[1] != self.outputs:
            raise SpecError(
                f"the task '{task.name}' has inputs {units} and {task.desired.shape[1]} outputs, "
                f"and the network {dict(self.inputs)} and {self.outputs}"
            )


class Steps(NamedTuple):
    """What a forward pass is made of."""

    total_input: Callable[[Tensor, Tensor], Tensor]
    logistic: Callable[[Tensor], Tensor]
    attention: Callable[[Tensor, Tensor, Tensor], Tensor]


FORMULAS = Steps(equations.total_input, equations.logistic, Attention.forward)
FUNCTIONS = Steps(TotalInput.apply, Logistic.apply, Attention.apply)
"""With these ``E.sum().backward()`` runs the hand-written backward passes."""


def forward_pass(
    plan: AttentionPlan, w: Mapping[str, Tensor], inputs: Mapping[str, Tensor], by: Steps = FORMULAS
) -> dict[str, Tensor]:
    """What every group holds in every case, by name; ``"output"`` is ``[cases, units, replicas]``.

    w: by key of ``plan.weight_shapes``, ``[to, from, replicas]``. inputs: ``[cases, units]``, for all replicas.
    by: FORMULAS, or FUNCTIONS where it is to be differentiated.
    """
    y = {name: inputs[name].unsqueeze(2) for name in plan.inputs}
    y[ALWAYS_ON] = torch.ones_like(next(iter(y.values()))[:, :1])
    links = {name: token_links(name) for name in plan.inputs}
    tokens = [
        by.total_input(y[n], w[link]) + by.total_input(y[ALWAYS_ON], w[bias]) for n, (link, bias) in links.items()
    ]
    y["token"] = torch.stack(tokens, dim=1)
    for part, key in (("query", QUERY), ("key", KEY), ("value", VALUE)):
        y[part] = as_tokens(by.total_input(as_cases(y["token"]), w[key]), plan)
    y["attended"] = by.attention(y["query"], y["key"], y["value"]).flatten(1, 2)
    x = by.total_input(y["attended"], w[HIDDEN]) + by.total_input(y[ALWAYS_ON], w[HIDDEN_BIAS])
    y["hidden"] = by.logistic(x)
    x = by.total_input(y["hidden"], w[OUTPUT]) + by.total_input(y[ALWAYS_ON], w[OUTPUT_BIAS])
    y["output"] = by.logistic(x)
    return y


def as_cases(tokens: Tensor) -> Tensor:
    """``[cases · tokens, units, replicas]``: one link serves all tokens, and (6) sums over them as over the cases."""
    return tokens.flatten(0, 1)


def as_tokens(tokens: Tensor, plan: AttentionPlan) -> Tensor:
    """``[cases, tokens, units, replicas]`` again."""
    found: Tensor = tokens.unflatten(0, (-1, len(plan.inputs)))
    return found


def derivatives(
    plan: AttentionPlan,
    w: Mapping[str, Tensor],
    inputs: Mapping[str, Tensor],
    d: Tensor,
    error_measure: ErrorMeasure = AS_PRINTED,
    included: Tensor | None = None,
) -> tuple[Tensor, dict[str, Tensor]]:
    """One forward and one backward pass, written out: the outputs y, and ∂E/∂w by key.

    d, error_measure, included and what it returns: as in ``networks.derivatives``.
    """
    y = forward_pass(plan, w, inputs)
    dE_dw: dict[str, Tensor] = {}

    dE_dx = equations.dE_dx(error_measure.dE_dy(y["output"], d, included), y["output"])
    dE_dw[OUTPUT] = equations.dE_dw(dE_dx, y["hidden"])
    dE_dw[OUTPUT_BIAS] = equations.dE_dw(dE_dx, y[ALWAYS_ON])

    dE_dx = equations.dE_dx(equations.dE_dy(dE_dx, w[OUTPUT]), y["hidden"])
    dE_dw[HIDDEN] = equations.dE_dw(dE_dx, y["attended"])
    dE_dw[HIDDEN_BIAS] = equations.dE_dw(dE_dx, y[ALWAYS_ON])

    dE_dz = equations.dE_dy(dE_dx, w[HIDDEN]).unflatten(1, (len(plan.inputs), plan.width))
    q, k, v = y["query"], y["key"], y["value"]
    parts = dict(zip((QUERY, KEY, VALUE), dE_dqkv(dE_dz, q, k, v, softmax(scores(q, k))), strict=True))
    for key, part in parts.items():
        dE_dw[key] = equations.dE_dw(as_cases(part), as_cases(y["token"]))
    first, *rest = (equations.dE_dy(as_cases(part), w[key]) for key, part in parts.items())
    dE_dtoken = as_tokens(sum(rest, first), plan)
    for position, name in enumerate(plan.inputs):
        link, bias = token_links(name)
        dE_dw[link] = equations.dE_dw(dE_dtoken[:, position], y[name])
        dE_dw[bias] = equations.dE_dw(dE_dtoken[:, position], y[ALWAYS_ON])
    return y["output"], dE_dw
