"""Where on the axes of a node a value is looked at, as C has it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from repro.machine_code.trace import REPLICA, Atom, Node, UnknownOperationError


@dataclass(frozen=True)
class Lin:
    """An index: a sum of C variables with whole factors, and a number."""

    terms: tuple[tuple[str, int], ...] = ()
    number: int = 0

    def plus(self, other: Lin, times: int = 1) -> Lin:
        """self + times * other."""
        terms = dict(self.terms)
        for name, factor in other.terms:
            terms[name] = terms.get(name, 0) + times * factor
        return Lin(tuple(sorted((n, f) for n, f in terms.items() if f)), self.number + times * other.number)

    def text(self) -> str:
        """As C has it."""
        parts = [name if factor == 1 else f"{factor} * {name}" for name, factor in self.terms]
        return " + ".join(parts + ([str(self.number)] if self.number or not parts else []))


@dataclass(frozen=True)
class At:
    """Where on an atom: an index below ``size``. kind "case": counted from the first case of the block."""

    where: Lin
    size: int
    kind: str = "unit"


Index = tuple[tuple[At, ...], ...]
"""For each axis, where on it; several where it is taken apart."""

BLANK = At(Lin(), 1, REPLICA)


def variable(name: str) -> Lin:
    """A C variable as an index."""
    return Lin(((name, 1),))


def of_base(view: Node, index: Index) -> Index:
    """Where a view's base is looked at."""
    base, how = view.args[0], view.extra
    what, axis = how[0], how[1] if len(how) > 1 else 0
    if what == "unsqueeze":
        return index[:axis] + index[axis + 1 :]
    if what == "select":
        own = (At(Lin((), how[2]), length(base.dims[axis])),) if base.dims[axis] else ()
        return (*index[:axis], own, *index[axis:])
    if what == "slice":
        at = linear(index[axis]).plus(Lin((), how[2]))
        return (*index[:axis], (At(at, length(base.dims[axis])),), *index[axis + 1 :])
    if what == "at":
        return (*index[:axis], (At(variable("k"), length(base.dims[axis])),), *index[axis + 1 :])
    if what == "expand":
        return tuple(own if dim else () for dim, own in zip(base.dims, index[axis:], strict=True))
    return _regrouped(base, [at for own in index for at in own])


def _regrouped(base: Node, places: list[At]) -> Index:
    found = []
    for dim in base.dims:
        own: list[At] = []
        wanted = len([a for a in dim if a.kind == REPLICA]), math.prod(a.size for a in dim if a.kind != REPLICA)
        while (
            len([a for a in own if a.kind == REPLICA]),
            math.prod(a.size for a in own if a.kind != REPLICA),
        ) != wanted:
            if not places:
                raise UnknownOperationError(f"a view of {base.dims}")
            own.append(places.pop(0))
        found.append(tuple(own))
    return tuple(found)


def length(dim: Sequence[Atom]) -> int:
    """How many places an axis has in one replica."""
    return math.prod(atom.size for atom in dim if atom.kind != REPLICA)


def linear(places: Sequence[At]) -> Lin:
    """One index for several axes, the last of them the fastest."""
    found = Lin()
    for at in places:
        if at.kind != REPLICA:
            found = at.where.plus(found, at.size)
    return found


def aligned(operand: Node, index: Index) -> Index:
    """Where an operand is looked at when its operation's result is worked out at an index."""
    own = index[len(index) - len(operand.dims) :]
    return tuple(at if dim else () for dim, at in zip(operand.dims, own, strict=True))
