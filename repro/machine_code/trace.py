"""What a sweep does, written down: a program of nodes, one an operation, from a run of it with a few replicas.

torch tells a dispatch mode every operation; tensors that it has not seen before are inputs that were announced, or
constants. An axis of a node is a tuple of *atoms*: () where its size is 1, one for an axis of its own, several where
axes were flattened into one, so that they can be taken apart again. An atom knows whether it is the cases'.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

REPLICAS = 3
"""As many are in the run that is written down; it shows in no operation."""


class UnknownOperationError(RuntimeError):
    """An operation that the program has no form for."""


@dataclass(frozen=True)
class Atom:
    """An axis: its size, and whether it is that of the ``case`` or of the ``replica``; else of units."""

    size: int
    kind: str = "unit"


Dim = tuple[Atom, ...]
CASE, REPLICA = "case", "replica"


@dataclass(eq=False)
class Node:
    """One value. op: what makes it; args: nodes and numbers; dims: its axes; kind: "real", "mask", "index" or "f64"."""

    op: str
    args: tuple[Any, ...]
    dims: tuple[Dim, ...]
    kind: str
    extra: Any = None

    @property
    def atoms(self) -> list[Atom]:
        """All atoms, in order."""
        return [atom for dim in self.dims for atom in dim]

    def has(self, kind: str) -> bool:
        """Whether it has an axis of that kind."""
        return any(atom.kind == kind for atom in self.atoms)

    @property
    def rows(self) -> int:
        """Its numbers in one replica."""
        return math.prod(atom.size for atom in self.atoms if atom.kind != REPLICA)

    @property
    def operands(self) -> list[Node]:
        """The nodes that it is made of."""
        return [arg for arg in self.args if isinstance(arg, Node)]

    @property
    def leaf(self) -> bool:
        """Whether it is made of nothing."""
        return self.op in ("input", "table", "fill")

    @property
    def plain(self) -> Node:
        """What it is but for the way that it is looked at."""
        node = self
        while node.op in ("view", "same"):
            node = node.args[0]
        return node

    @property
    def over_cases(self) -> bool:
        """Whether it is a sum, or the like, over the cases."""
        return self.op == "reduce" and any(a.kind == CASE for axis in self.extra[1] for a in self.args[0].dims[axis])

    @property
    def times_1(self) -> bool:
        """Whether it is something times 1."""
        return self.op == "mul" and sum(is_1(arg) for arg in self.args) == 1


@dataclass
class Section:
    """Operations in their order, done ``times`` times, and what is then put in place: state by name."""

    nodes: list[Node] = field(default_factory=list)
    puts: dict[str, Node] = field(default_factory=dict)
    times: int = 1
    same: dict[Any, Node] = field(default_factory=dict)


POINTWISE = {
    **{name: name for name in ("mul", "add", "sub", "rsub", "div", "neg", "abs", "where", "masked_fill", "pow")},
    **{name: name for name in ("sigmoid", "tanh", "atan", "exp", "xlogy", "eq", "gt", "lt", "le")},
    **{"bitwise_and": "and", "bitwise_not": "not", "clamp_min": "maximum", "_to_copy": "to", "detach": "same"},
}
"""torch's names of what is done element by element, and ours."""

REDUCTIONS = ("sum", "amax", "all")


class Trace(TorchDispatchMode):
    """While it is on, every operation becomes a node of the last section. ``named`` announces a tensor as an input."""

    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        self.dtype = dtype
        self.sections = [Section()]
        self.known: dict[int, Node] = {}
        self.kept: list[Tensor] = []  # an id is a tensor's only as long as it lives

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """torch would load its own compiler, which takes longer than all else here, only to keep it off this class."""
        return False

    def named(self, name: str, tensor: Tensor, kinds: Sequence[str]) -> Tensor:
        """An input; kinds: of its axes, where their size is above 1."""
        return self._keep(tensor, self._leaf("input", name, tensor, kinds))

    def table(self, tensor: Tensor, kinds: Sequence[str]) -> Tensor:
        """A constant whose axes are of these kinds."""
        return self._keep(tensor, self._leaf("table", tensor, tensor, kinds))

    def node(self, tensor: Tensor) -> Node:
        """The node of a tensor; one that was not announced is a constant."""
        found = self.known.get(id(tensor))
        if found is None:
            self.table(tensor, ["unit"] * tensor.ndim)
        return self.known[id(tensor)]

    def _leaf(self, op: str, extra: Any, tensor: Tensor, kinds: Sequence[str]) -> Node:
        sizes = zip(tensor.shape, kinds, strict=True)
        dims = tuple((Atom(0 if kind == REPLICA else size, kind),) if size > 1 else () for size, kind in sizes)
        return Node(op, (), dims, self._kind(tensor), extra)

    def _kind(self, tensor: Tensor) -> str:
        if tensor.dtype == torch.bool:
            return "mask"
        if tensor.is_floating_point():
            return "real" if tensor.dtype == self.dtype else "f64"
        return "index"

    def _keep(self, tensor: Tensor, node: Node) -> Tensor:
        self.known[id(tensor)] = node
        self.kept.append(tensor)
        return tensor

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Do it, and write it down. Raises UnknownOperationError for an operation that has no form here."""
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        name = func.overloadpacket.__name__
        if not isinstance(result, Tensor):
            raise UnknownOperationError(name)
        args = (*args[0], *args[1:]) if name == "stack" else args
        nodes = tuple(self.node(a) if isinstance(a, Tensor) else a for a in args)
        if not _nodes(nodes):
            return result  # a constant: it becomes a table where something is done with it
        made = self._made(name, nodes, args, kwargs, result)
        if tuple(_size(dim) for dim in made.dims) != tuple(result.shape):
            raise UnknownOperationError(f"{name}: axes {made.dims} for a result of shape {tuple(result.shape)}")
        made = self._simplified(made, result)
        if made not in self.sections[-1].nodes:
            self.sections[-1].nodes.append(made)
        self._keep(result, made)
        return result

    def _softmax(self, x: Node, axis: int) -> Node:
        """exp(x - max) over its sum along an axis, each step a node of its own."""
        dims = _without(x.dims, axis)

        def step(op: str, args: tuple[Node, ...], dims: tuple[Dim, ...], extra: Any = None) -> Node:
            made = Node(op, args, dims, "real", extra)
            self.sections[-1].nodes.append(made)
            return made

        largest = step("reduce", (x,), dims, ("amax", (axis,), True))
        raised = step("exp", (step("sub", (x, largest), x.dims),), x.dims)
        total = step("reduce", (raised,), dims, ("sum", (axis,), True))
        return Node("div", (raised, total), x.dims, "real")

    def _simplified(self, made: Node, result: Tensor) -> Node:
        """A constant where it is made of constants alone, and the node that was there before where it is the same."""
        of = _nodes(made.args)
        if made.op == "view" and of[0].op == "fill":
            return Node("fill", (), made.dims, made.kind, of[0].extra)
        if of and not made.has(REPLICA) and all(node.op in ("table", "fill") for node in of):
            return Node("table", (), made.dims, made.kind, result)
        return self.sections[-1].same.setdefault((made.op, made.args, made.dims, made.kind, made.extra), made)

    def _made(self, name: str, nodes: Any, args: Any, kwargs: Any, result: Tensor) -> Node:
        kind = self._kind(result)
        first = nodes[0] if nodes and isinstance(nodes[0], Node) else None
        if name in POINTWISE:
            if name == "pow" and nodes[1] != 2:
                raise UnknownOperationError(f"pow with {nodes[1]}")
            if name in ("add", "sub", "rsub") and kwargs.get("alpha", 1) != 1:
                raise UnknownOperationError(f"{name} with alpha")
            used = tuple(node for node in nodes if isinstance(node, Node | int | float))
            return Node(POINTWISE[name], used, broadcast([node.dims for node in _nodes(nodes)]), kind)
        if name in ("ones_like", "zeros_like", "full_like"):
            value = {"ones_like": 1, "zeros_like": 0}.get(name)
            assert first is not None
            return Node("fill", (), first.dims, kind, args[1] if value is None else value)
        assert first is not None, name
        if name == "_softmax":
            return self._softmax(first, args[1] % len(first.dims))
        if name == "stack":
            of = _nodes(nodes)
            dims, axis = broadcast([node.dims for node in of]), args[len(of)] if len(args) > len(of) else 0
            axis %= len(dims) + 1
            return Node("stack", tuple(of), (*dims[:axis], (Atom(len(of)),), *dims[axis:]), kind, axis)
        if name in REDUCTIONS:
            axes = args[1] if len(args) > 1 else range(len(first.dims))
            axes = [axes] if isinstance(axes, int) else list(axes)
            axes = [axis % len(first.dims) for axis in axes or range(len(first.dims))]
            keep = bool(args[2]) if len(args) > 2 else kwargs.get("keepdim", False)
            dims = tuple(() if axis in axes else dim for axis, dim in enumerate(first.dims) if keep or axis not in axes)
            return Node("reduce", (first,), dims, kind, (name, tuple(axes), keep))
        if name == "unsqueeze":
            axis = args[1] % (len(first.dims) + 1)
            return Node("view", (first,), (*first.dims[:axis], (), *first.dims[axis:]), kind, ("unsqueeze", axis))
        if name == "select":
            axis, number = args[1] % len(first.dims), args[2] % max(1, _size(first.dims[args[1]]))
            dims = first.dims[:axis] + first.dims[axis + 1 :]
            return Node("view", (first,), dims, kind, ("select", axis, number))
        if name == "slice":
            axis, begin = (args[1] if len(args) > 1 else 0), (args[2] if len(args) > 2 else 0) or 0
            if len(args) > 4 and args[4] != 1:
                raise UnknownOperationError("slice with a step")
            return _slice(first, axis % len(first.dims), begin, result)
        if name == "expand":
            new = len(result.shape) - len(first.dims)
            dims = ((),) * new + first.dims
            grown = tuple(
                _grown(dim, size, at == len(dims) - 1)
                for at, (dim, size) in enumerate(zip(dims, result.shape, strict=True))
            )
            return Node("view", (first,), grown, kind, ("expand", new))
        if name == "view":
            return Node("view", (first,), regrouped(first.dims, tuple(result.shape)), kind, ("view",))
        if name == "index_select":
            return Node("view", (first, self.node(args[2])), _without(first.dims, args[1]), kind, ("at", args[1]))
        raise UnknownOperationError(name)


def is_1(value: Any) -> bool:
    """Whether an operand is 1 everywhere."""
    if isinstance(value, Node):
        return value.plain.op == "fill" and bool(value.plain.extra == 1)
    return isinstance(value, int | float) and value == 1


def _nodes(args: Sequence[Any]) -> list[Node]:
    return [arg for arg in args if isinstance(arg, Node)]


def _slice(base: Node, axis: int, begin: int, result: Tensor) -> Node:
    size, whole = result.shape[axis], _size(base.dims[axis])
    if size == whole:
        return Node("same", (base,), base.dims, base.kind)
    dims = (*base.dims[:axis], (Atom(size),) if size > 1 else (), *base.dims[axis + 1 :])
    return Node("view", (base,), dims, base.kind, ("slice", axis, begin))


def _without(dims: tuple[Dim, ...], axis: int) -> tuple[Dim, ...]:
    return (*dims[:axis], (), *dims[axis + 1 :])


def _grown(dim: Dim, size: int, last: bool) -> Dim:
    if dim or size == 1:
        return dim
    return (Atom(0, REPLICA),) if last and size == REPLICAS else (Atom(size),)


def _size(dim: Dim) -> int:
    size = 1
    for atom in dim:
        size *= REPLICAS if atom.kind == REPLICA else atom.size
    return size


def broadcast(several: Sequence[tuple[Dim, ...]]) -> tuple[Dim, ...]:
    """The axes of what is done element by element; of two ways of taking an axis apart, the finer."""
    longest = max(len(dims) for dims in several)
    padded = [((),) * (longest - len(dims)) + dims for dims in several]
    return tuple(max(column, key=len) for column in zip(*padded, strict=True))


def regrouped(dims: tuple[Dim, ...], shape: tuple[int, ...]) -> tuple[Dim, ...]:
    """The same atoms in a new shape; one of units may be cut in two. Raises UnknownOperationError for any other cut."""
    atoms, found = [atom for dim in dims for atom in dim], []
    for size in shape:
        group: list[Atom] = []
        while _size(tuple(group)) < size:
            if not atoms:
                raise UnknownOperationError(f"view of {dims} as {shape}")
            group.append(atoms.pop(0))
        if _size(tuple(group)) != size:  # an axis of units is cut in two
            whole = group.pop()
            outer = size // _size(tuple(group)) if size % _size(tuple(group)) == 0 else 0
            if whole.kind != "unit" or not outer or whole.size % outer:
                raise UnknownOperationError(f"view of {dims} as {shape}")
            group.append(Atom(outer))
            atoms.insert(0, Atom(whole.size // outer))
        found.append(tuple(group))
    return tuple(found)
