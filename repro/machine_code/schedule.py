"""What of a program is kept in memory, and in which order it is worked out."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

from repro.machine_code.trace import CASE, Node, Section


@dataclass
class Phase:
    """Kept values that can be worked out together: first those of no case; then, case by case, those of each case and
    sums over the cases; then sums over the cases in which one unit is active."""

    plain: list[Node] = field(default_factory=list)
    by_case: list[Node] = field(default_factory=list)
    looked_up: list[Node] = field(default_factory=list)


class Schedule:
    """What is kept and when it is worked out.

    kept: values in memory; all else is worked out where it is used. used: all values that anything is made of.
    prepared: kept values that depend on the numbers of the rule alone, worked out before the first sweep.
    phases: of each section, in order. whole: values of each case that are kept for all cases, not for a block of them.
    in_place: new state that can take the place of the old as soon as it is worked out, by name.
    look_ups: whether a sum with an input of one active unit is a look-up, which it is not where cases lie in the lanes.
    """

    def __init__(self, sections: list[Section], look_ups: bool) -> None:
        self.sections, self.look_ups = sections, look_ups
        self.kept: set[Node] = set()
        self.users: dict[Node, set[Node]] = {}
        self.used = self._find_used()
        self._find_kept()
        self.prepared = self._find_prepared()
        self.whole: set[Node] = set()
        self.in_place: dict[Node, str] = {}
        self.phases = [self._phases(section) for section in sections]

    @property
    def names(self) -> list[str]:
        """What it reads from outside or puts there."""
        read = {str(node.extra) for node in self.used if node.op == "input"}
        return sorted(read.union(*(section.puts for section in self.sections)) - {"k"})

    # What is kept ----------------------------------------------------------------------------------------------

    def _find_used(self) -> set[Node]:
        used: set[Node] = set()

        def visit(node: Node) -> None:
            if node not in used:
                used.add(node)
                for operand in node.operands:
                    self.users.setdefault(operand.plain, set()).add(node)
                    visit(operand.plain)

        for section in self.sections:
            for node in section.puts.values():
                visit(node.plain)
        return used

    def _find_kept(self) -> None:
        """What is used more than once, by more numbers than it has, in another section, or to be put in place."""
        home = {node: at for at, section in reversed([*enumerate(self.sections)]) for node in section.nodes}
        for node in self.used:
            users = self.users.get(node, set())
            again = any(user.rows > node.rows for user in users if user.op != "reduce")
            elsewhere = any(home.get(user) != home.get(node) for user in users)
            if len(users) > 1 or again or elsewhere or node.over_cases or node.op == "stack":
                self.kept.add(node)
        for section in self.sections:
            self.kept |= {node.plain for node in section.puts.values()}
        self.kept = {node for node in self.kept if not node.leaf}
        for node in self.used:
            if node.op == "reduce":
                self._keep_reductions_of(node)

    def _keep_reductions_of(self, node: Node) -> None:
        """A sum is no part of what another sums up."""
        for operand in node.operands:
            base = operand.plain
            if base.op == "reduce":
                self.kept.add(base)
            elif base not in self.kept:
                self._keep_reductions_of(base)

    def _find_prepared(self) -> list[Node]:
        def of_numbers(node: Node) -> bool:
            if node.op == "input":
                return str(node.extra).startswith("number")
            return bool(node.operands) and all(map(of_numbers, node.operands))

        ours = [n for section in self.sections for n in section.nodes if n in self.used and of_numbers(n)]
        self.kept |= {node for node in ours if any(not of_numbers(user) for user in self.users.get(node, ()))}
        return [node for node in ours if node in self.kept]

    # Order -----------------------------------------------------------------------------------------------------

    def needs(self, root: Node) -> list[Node]:
        """The kept values, and the inputs, that a kept value is made of."""
        found: list[Node] = []

        def visit(node: Node) -> None:
            for operand in node.operands:
                base = operand.plain
                if base in self.kept or base.op == "input":
                    found.append(base)
                else:
                    visit(base)

        visit(root)
        return found

    def owners(self, node: Node) -> set[Node]:
        """The kept values that a value is worked out for."""
        if node in self.kept:
            return {node}
        return set().union(*(self.owners(user) for user in self.users.get(node, ())))

    def _phases(self, section: Section) -> list[Phase]:
        order = [n for n in section.nodes if n in self.kept and n in self.used and n not in self.prepared]
        phase: dict[Node, int] = {}
        ready: dict[Node, int] = {}
        for node in order:
            phase[node] = max((ready.get(need, 0) for need in self.needs(node)), default=0)
            ready[node] = phase[node] + node.over_cases
        phases = [Phase() for _ in range(max(phase.values(), default=-1) + 1)]
        for node in order:
            own, looked_up = phases[phase[node]], self.units_of_cases(node) is not None
            kind = own.looked_up if looked_up else own.by_case if node.has(CASE) or node.over_cases else own.plain
            kind.append(node)
            later = {need for need in self.needs(node) if need in phase and (looked_up or phase[need] < phase[node])}
            self.whole |= {need for need in later if need.has(CASE)}
        done = [node for own in phases for node in (*own.plain, *own.by_case, *own.looked_up)]
        for name, node in section.puts.items():
            new, readers = node.plain, [n for n in done if any(need.extra == name for need in self.needs(n))]
            if new in done and new not in self.in_place and not new.has(CASE) and not new.over_cases:
                last = all(done.index(reader) <= done.index(new) for reader in readers)
                if last and self._reads_in_place(new, new, name):
                    self.in_place[new] = name
        return phases

    def _reads_in_place(self, root: Node, node: Node, name: str) -> bool:
        """Whether a value is made of the old state at its own index alone."""
        if node.op == "input":
            return node.extra != name or node.dims == root.dims
        if (node in self.kept and node is not root) or node.leaf:
            return True
        if node.op in ("view", "reduce", "stack"):
            return all(need.extra != name for need in self.needs(node))
        return all(self._reads_in_place(root, operand, name) for operand in node.operands)

    # Inputs of one active unit -----------------------------------------------------------------------------------

    def looked_up(self, node: Node) -> tuple[Node, Node, int] | None:
        """For a sum over units of a table times something, if one of the units is 1 and the others are 0: the table,
        the other, and the table's axis of units."""
        for table, other, axis in self._products(node):
            if table.dims[axis] and not node.over_cases and _one_hot(table.extra, axis):
                return table, other, axis
        return None

    def units_of_cases(self, node: Node) -> tuple[Node, Node, int] | None:
        """For a sum over cases of a table times something, if in each case one unit is 1 and the others are 0: the
        table, the other, and the table's axis of units."""
        if not node.over_cases:
            return None
        for table, other, axis in self._products(node):
            units = [at for at, dim in enumerate(table.dims) if dim and at != axis]
            if [atom.kind for atom in table.dims[axis]] != [CASE] or len(units) != 1:
                continue
            if other.plain in self.kept and _only_unsqueezed(other) and _one_hot(table.extra, units[0]):
                return table, other, units[0]
        return None

    def _products(self, node: Node) -> list[tuple[Node, Node, int]]:
        """For a sum along one axis of a table times something: the table, the other, and the table's axis."""
        body = node.args[0] if node.op == "reduce" else node
        while body.op == "same":
            body = body.args[0]
        if not self.look_ups or body.op != "mul" or body in self.kept or node.extra[0] != "sum":
            return []
        if len(node.extra[1]) != 1:
            return []
        found = []
        for table, other in (body.args, body.args[::-1]):
            if isinstance(table, Node) and isinstance(other, Node) and table.op == "table":
                axis = node.extra[1][0] - (len(body.dims) - len(table.dims))
                if axis >= 0:
                    found.append((table, other, axis))
        return found


def _one_hot(values: torch.Tensor, axis: int) -> bool:
    """Whether along an axis one value is 1 and the others are 0."""
    if values.shape[axis] < 2 or not bool(((values == 0) | (values == 1)).all()):
        return False
    return bool((values.sum(dim=axis) == 1).all())


def _only_unsqueezed(node: Node) -> bool:
    """Whether it is looked at as it is, but for axes of size 1."""
    while node.op in ("view", "same"):
        if node.op == "view" and node.extra[0] != "unsqueeze":
            return False
        node = node.args[0]
    return True
