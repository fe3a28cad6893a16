"""C++ of a program, with its replicas or its cases in the lanes of a vector.

Values that are used more than once are kept in memory; all else is worked out where it is used. A sum over units is a
loop of fused multiply-adds over several results at a time, whose numbers stay in registers. What is worked out for each
case is done for a few cases at a time, and sums over the cases are kept in PARTS partial sums of neighbouring cases,
which are added up two by two. So a sum over cases has one order, whether the parts come one after the other, each in
all replicas, or all at once in the lanes, for one replica; and a network's numbers are the same both ways.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch

from repro.machine_code.index import BLANK, At, Index, Lin, aligned, linear, of_base, variable
from repro.machine_code.parts import JOIN, START, TILE_CASES, Block, Cases, folded
from repro.machine_code.schedule import Phase, Schedule
from repro.machine_code.trace import CASE, REPLICA, Atom, Node, Section, UnknownOperationError, is_1

CHAINS = 4
"""Largest or smallest values that are looked for side by side."""


@dataclass
class Scope:
    """Lines of C, and the names of what has been worked out in them."""

    lines: list[str] = field(default_factory=list)
    above: Scope | None = None
    names: dict[object, str] = field(default_factory=dict)
    counter: Iterator[int] = field(default_factory=itertools.count)

    def inner(self) -> Scope:
        """The body of a loop."""
        return Scope(self.lines, self, {}, self.counter)

    def known(self, key: object) -> str | None:
        """The name of what has been worked out here or further out."""
        return self.names.get(key) or (self.above.known(key) if self.above else None)

    def fresh(self) -> str:
        """A name not used before."""
        return f"t{next(self.counter)}"

    def temp(self, type: str, text: str) -> str:
        """The name of a value."""
        name = self.known(text)
        if name is None:
            name = self.names[text] = self.fresh()
            self.lines.append(f"const {type} {name} = {text};")
        return name


class Function:
    """The C++ of one pass through the sections: ``table_lines``, ``declarations`` of arrays, and the lines of scopes.

    layout: "replicas" or "cases", what lies in the lanes. cases: how many. registers: how many vectors the processor
    holds. prefix: of the names of its constants.
    preparation: what is worked out once, before the first sweep. scope: what is worked out in each.
    """

    def __init__(self, sections: list[Section], layout: str, cases: int, registers: int, prefix: str) -> None:
        self.layout, self.cases, self.registers, self.prefix = layout, Cases(cases), registers, prefix
        self.schedule = Schedule(sections, look_ups=layout == "replicas")
        self.lanes_of = REPLICA if layout == "replicas" else CASE
        self.kept = self.schedule.kept
        self.names: dict[Node, str] = {}
        self.tables: dict[object, str] = {}
        self.table_lines: list[str] = []
        self.contents: dict[tuple[str, tuple[float, ...]], str] = {}
        self.declarations: list[str] = []
        self.arrays: list[str] = []
        self.slots: dict[Node, int] = {}
        self.scope = self.preparation = Scope()
        self._groups(self.schedule.prepared, None)
        self.scope = Scope()
        for section, phases in zip(sections, self.schedule.phases, strict=True):
            self._section(section, phases)

    def _section(self, section: Section, phases: list[Phase]) -> None:
        lines = self.scope.lines
        if section.times > 1:
            lines.append(f"for (int k = 0; k < {section.times}; k++) {{")
        for phase in phases:
            self._groups(phase.plain, None)
            if phase.by_case:
                self._blocks(phase.by_case)
            for node in phase.looked_up:
                self._sum_of_looked_up(node)
        for name, node in section.puts.items():
            self._put(name, node.plain)
        if section.times > 1:
            lines.append("}")

    # Blocks of cases ---------------------------------------------------------------------------------------

    def _blocks(self, nodes: list[Node]) -> None:
        """What is worked out for each case, and the sums over the cases, block by block."""
        sums = [node for node in nodes if node.over_cases]
        lines, blocks = self.scope.lines, self.cases.blocks()
        levels = len(blocks).bit_length() - 1
        for node in sums:
            self._declare(node, slots=self.cases.parts if self.layout == "cases" else levels)
        if self.layout == "cases":
            lines.append("for (int h = 0; h < P / L; h++) {")
            self._groups(nodes, Block((self.cases.most,)))
            lines.append("}")
            for node in sums:
                self._fold(node)
            return
        first = at = 0
        for block, run in itertools.groupby(blocks):
            many = len(list(run))
            if block.cases:
                lines.append(f"for (int t = {at}; t < {at + many}; t++) {{")
                lines.append(f"const int c0 = {first} + {block.cases} * (t - {at}), up = __builtin_ctz(t + 1);")
                lines.append("(void)c0, (void)up;")
                for node in sums:
                    if node in self.slots:
                        name, lanes = self.names[node], "L" if self._vector(node) else "1"
                        there = f"{name}_parts + up * {node.rows} * {lanes}"
                        lines.append(f"auto *const to_{name} = up == {levels} ? {name} : {there};")
                self._groups(nodes, block)
                lines.append("}")
            first, at = first + many * block.cases, at + many

    def _fold(self, node: Node) -> None:
        """The parts in the lanes as one number; neighbours meet first."""
        how, name, rows = node.extra[0], self.names[node], node.rows
        vector = self._type_of(node.kind, True)
        self.scope.lines += [
            f"for (int n = 0; n < {rows}; n++) {{",
            f"{vector} x[P / L];",
            f"for (int h = 0; h < P / L; h++) x[h] = load<{vector}>({name}_parts + n * P + h * L);",
            "for (int half = P / L / 2; half; half /= 2)",
            f"    for (int h = 0; h < half; h++) x[h] = {JOIN[how].format('x[h]', 'x[h + half]')};",
            f"{name}[n] = folded_{how}(x[0]);",
            "}",
        ]

    # Loops ---------------------------------------------------------------------------------------------------

    def _groups(self, nodes: list[Node], block: Block | None) -> None:
        """Loops for some kept values, those of one shape that follow each other in the same one."""
        groups: list[list[Node]] = []
        for node in nodes:
            last = groups[-1] if groups else []
            if last and self._fits(last, node):
                last.append(node)
            else:
                groups.append([node])
        for group in groups:
            self._loops(group, block)

    def _fits(self, group: list[Node], node: Node) -> bool:
        """Whether a value can be worked out in the loops of others: where it is made of theirs at its own index."""
        if node.over_cases or group[0].over_cases or node.op == "stack" or group[0].op == "stack":
            return False
        if [a for a in node.atoms if a.kind != REPLICA] != [a for a in group[0].atoms if a.kind != REPLICA]:
            return False
        if self._vector(node) != self._vector(group[0]):
            return False

        def fine(inner: Node, straight: bool) -> bool:
            for operand in inner.operands:
                base = operand.plain
                if base in group:
                    if not straight or base.dims != node.dims:
                        return False
                elif base not in self.kept and not base.leaf:
                    straight_on = straight and base.op not in ("reduce", "view", "stack")
                    if not fine(base, straight_on):
                        return False
            return True

        return fine(node, node.op not in ("reduce", "view", "stack"))

    def _loops(self, group: list[Node], block: Block | None) -> None:
        root = group[0]
        for node in group:
            if node not in self.names:
                self._declare(node)
        atoms = [atom for dim in root.dims for atom in dim if atom.kind != REPLICA]
        sizes = [(block.cases if block else 1) if atom.kind == CASE else atom.size for atom in atoms]
        tiles = self._tiles(group, atoms, sizes)
        lines = self.scope.lines

        def nest(depth: int, fixed: list[tuple[Lin, int]]) -> None:
            if depth == len(atoms):
                self._tile(group, atoms, fixed, block)
                return
            size, tile = sizes[depth], tiles[depth]
            whole = size - size % tile
            name = f"n{depth}"
            if whole == tile:
                nest(depth + 1, [*fixed, (Lin(), tile)])
            elif whole:
                lines.append(f"for (int {name} = 0; {name} < {whole}; {name} += {tile}) {{")
                nest(depth + 1, [*fixed, (variable(name), tile)])
                lines.append("}")
            if size % tile:
                nest(depth + 1, [*fixed, (Lin((), whole), size % tile)])

        nest(0, [])

    def _tiles(self, group: list[Node], atoms: list[Atom], sizes: list[int]) -> list[int]:
        """How many results of each axis are worked out together."""
        reduces = any(self._reductions(node) for node in group)
        most = self.registers * 3 // 4
        tiles = [1] * len(atoms)
        if not atoms:
            return tiles
        if group[0].op == "stack":  # each of what is stacked in its own way
            tiles[sum(len(dim) for dim in group[0].dims[: group[0].extra])] = len(group[0].args)
            return tiles
        cases = [at for at, atom in enumerate(atoms) if atom.kind == CASE]
        if cases:
            tiles[cases[0]] = _share(sizes[cases[0]], min(TILE_CASES, most))
        elif not reduces:
            tiles[-1] = 2 if sizes[-1] % 2 == 0 else 1
            return tiles
        else:
            tiles[-1] = _share(sizes[-1], 4)
        others = [at for at in range(len(atoms) - 1, -1, -1) if tiles[at] == 1]
        if others and reduces:
            tiles[others[0]] = _share(sizes[others[0]], max(1, most // math.prod(tiles)), at_most=4 if not cases else 8)
        return tiles

    def _tile(self, group: list[Node], atoms: list[Atom], fixed: list[tuple[Lin, int]], block: Block | None) -> None:
        """The code of some results."""
        lines, scope = self.scope.lines, self.scope.inner()
        lines.append("{")
        ranges = [range(count) for _, count in fixed]
        places = []
        for offsets in itertools.product(*ranges):
            places.append([base.plus(Lin((), offset)) for (base, _), offset in zip(fixed, offsets, strict=True)])
        for root in group:
            indices = [self._index(root, place) for place in places]
            if root.over_cases:
                assert block is not None
                self._over_cases(root, indices, scope, block)
                continue
            wanted: dict[Node, list[Index]] = {}
            for index in indices:
                self._collect(root, index, wanted, root)
            for node, some in wanted.items():
                self._reduced(node, some, scope)
            for index in indices:
                value = self._value(root, index, scope, top=True)
                scope.names["load", root, index] = value
                if self._stored(root, group):
                    scope.lines.append(self._store(root, index, value))
        lines.append("}")

    def _stored(self, root: Node, group: list[Node]) -> bool:
        """Whether anything outside this loop looks at it."""
        if any(root is node.plain for section in self.schedule.sections for node in section.puts.values()):
            return True
        return any(self.schedule.owners(user) - set(group) for user in self.schedule.users.get(root, ()))

    def _index(self, root: Node, place: list[Lin]) -> Index:
        places = iter(place)
        return tuple(
            tuple(BLANK if a.kind == REPLICA else At(next(places), a.size, a.kind) for a in dim) for dim in root.dims
        )

    # Reductions --------------------------------------------------------------------------------------------

    def _reductions(self, root: Node) -> bool:
        wanted: dict[Node, list[Index]] = {}
        if root.over_cases:
            return True
        place = [Lin() for atom in root.atoms if atom.kind != REPLICA]
        self._collect(root, self._index(root, place), wanted, root)
        return any(node.args[0].dims[axis] for node in wanted for axis in node.extra[1])

    def _collect(self, node: Node, index: Index, wanted: dict[Node, list[Index]], root: Node) -> None:
        """The sums over units that are worked out on the way, and where."""
        if node.op == "same":
            return self._collect(node.args[0], index, wanted, root)
        if node.leaf or (node in self.kept and node is not root):
            return None
        if node.op == "view":
            return self._collect(node.args[0], of_base(node, index), wanted, root)
        if node.op == "reduce":
            wanted.setdefault(node, []).append(index)
            return None
        if node.op == "stack":
            (at,), part = index[node.extra], (*index[: node.extra], *index[node.extra + 1 :])
            chosen = node.args[at.where.number]
            return self._collect(chosen, aligned(chosen, part), wanted, root)
        for operand in node.args:
            if isinstance(operand, Node):
                self._collect(operand, aligned(operand, index), wanted, root)
        return None

    def _body_index(self, node: Node, index: Index, reduced: Sequence[At]) -> Index:
        """Where the body of a reduction is looked at."""
        _, axes, keep = node.extra
        places, own = iter(reduced), iter(index)
        found = []
        for axis, dim in enumerate(node.args[0].dims):
            if axis in axes:
                found.append(tuple(BLANK if a.kind == REPLICA else next(places) for a in dim))
                if keep:
                    next(own)
            else:
                found.append(next(own))
        return tuple(found)

    def _reduced(self, node: Node, indices: list[Index], scope: Scope) -> None:
        """The loop of a sum over units, for several results."""
        body = node.args[0]
        axes = node.extra[1]
        atoms = [atom for axis in axes for atom in body.dims[axis]]
        if not atoms:
            for index in indices:
                value = self._value(body, self._body_index(node, index, []), scope)
                scope.names["acc", node, index] = value
            return
        looked_up = self.schedule.looked_up(node)
        if looked_up is not None:
            table, other, axis = looked_up
            for index in indices:
                hot = self._hot_at(table, node, index, axis)
                at = [At(hot, atoms[0].size)]
                place = aligned(other, self._body_index(node, index, at))
                scope.names["acc", node, index] = self._value(other, place, scope)
            return
        accs = []
        for index in dict.fromkeys(indices):
            name = scope.fresh()
            accs.append((index, name))
            scope.lines.append(f"{self._type(node)} {name} = {self._constant(START[node.extra[0]], node)};")
        inner = scope.inner()
        loops = [(f"k{depth}_{name}", atom) for depth, atom in enumerate(atoms)]
        for var, atom in loops:
            scope.lines.append(f"for (int {var} = 0; {var} < {atom.size}; {var}++) {{")
        reduced = [At(variable(var), atom.size) for var, atom in loops]
        for index, acc in accs:
            self._accumulate(node, body, self._body_index(node, index, reduced), acc, inner, None)
        scope.lines.append("}" * len(loops))
        for index, acc in accs:
            scope.names["acc", node, index] = acc

    def _accumulate(self, node: Node, body: Node, index: Index, acc: str, scope: Scope, valid: str | None) -> None:
        how = node.extra[0]
        product = body
        while product.op == "same":
            product = product.args[0]
        vector = self._vector(node) or (node.over_cases and self.layout == "cases")
        if how == "sum" and product.op == "mul" and product not in self.kept and not product.times_1:
            a, b = (self._operand(arg, product, index, scope, vector) for arg in product.args)
            if valid:
                a = scope.temp("V", f"where({valid}, {a}, {self._everywhere('0', node.kind, True)})")
            scope.lines.append(f"{acc} = fma({a}, {b}, {acc});")
            return
        value = self._operand(body, body, index, scope, vector)
        if valid:
            value = f"where({valid}, {value}, {self._everywhere(START[how], node.kind, True)})"
        scope.lines.append(f"{acc} = {JOIN[how].format(acc, value)};")

    def _over_cases(self, root: Node, indices: list[Index], scope: Scope, block: Block) -> None:
        """What a block of cases adds to a sum over cases: its parts' sums, and those before that they complete."""
        join, kind, name = JOIN[root.extra[0]], self._type_over_cases(root), self.names[root]
        begin = 0
        parts: list[list[str | None]] = [[] for _ in indices]
        for size in block.parts:
            for own, acc in zip(parts, self._part(root, indices, scope, begin, size), strict=True):
                own.append(acc)
            begin += size
        values = []
        for own in parts:
            values.append(scope.fresh())
            scope.lines.append(f"{kind} {values[-1]} = {folded(own, join)};")
        places = [f"({linear([at for own in index for at in own]).text()})" for index in indices]
        if self.layout == "cases":
            stores = [f"{name}_parts + {at} * P + h * L" for at in places]
        else:
            lanes = "L" if self._vector(root) else "1"
            stores = [f"{name if root not in self.slots else f'to_{name}'} + {at} * {lanes}" for at in places]
            if root in self.slots:
                scope.lines.append("for (int u = 0; u < up; u++) {")
                earlier = f"{name}_parts + u * {root.rows} * {lanes}"
                for value, at in zip(values, places, strict=True):
                    scope.lines.append(f"{value} = {join.format(f'load<{kind}>({earlier} + {at} * {lanes})', value)};")
                scope.lines.append("}")
        scope.lines += [f"store<{kind}>({to}, {value});" for to, value in zip(stores, values, strict=True)]

    def _part(self, root: Node, indices: list[Index], scope: Scope, begin: int, size: int) -> list[str | None]:
        """The sums over the cases of one part, from the block's ``begin`` on; None: it has no cases.

        Where the order is no matter, CHAINS of them that do not wait for each other.
        """
        how, axes, _ = root.extra
        body, kind = root.args[0], self._type_over_cases(root)
        if not size:
            return [None] * len(indices)
        atoms = [atom for axis in axes for atom in body.dims[axis] if atom.kind != REPLICA]
        counts = [size if atom.kind == CASE else atom.size for atom in atoms]
        chains = CHAINS if how != "sum" and len(indices) == 1 and counts[-1] % CHAINS == 0 else 1
        accs = [[scope.fresh() for _ in range(chains)] for _ in indices]
        start = self._everywhere(START[how], root.kind, self._vector(root) or self.layout == "cases")
        scope.lines += [f"{kind} {acc} = {start};" for own in accs for acc in own]
        inner, reduced, opened = scope.inner(), [], 0
        for depth, (atom, count) in enumerate(zip(atoms, counts, strict=True)):
            first, step = begin if atom.kind == CASE else 0, chains if depth == len(atoms) - 1 else 1
            var = Lin((), first)
            if count > step:
                name = f"r{depth}_{accs[0][0]}"
                scope.lines.append(f"for (int {name} = {first}; {name} < {first + count}; {name} += {step}) {{")
                var, opened = variable(name), opened + 1
            reduced.append(At(var, atom.size, atom.kind))
        for chain in range(chains):
            last = At(reduced[-1].where.plus(Lin((), chain)), reduced[-1].size, reduced[-1].kind)
            places = [*reduced[:-1], last]
            valid = self._valid(places, inner)
            for index, own in zip(indices, accs, strict=True):
                self._accumulate(root, body, self._body_index(root, index, places), own[chain], inner, valid)
        scope.lines.append("}" * opened)
        return [folded(own, JOIN[how]) for own in accs]

    def _type_over_cases(self, root: Node) -> str:
        return self._type_of(root.kind, self._vector(root) or self.layout == "cases")

    def _valid(self, reduced: Sequence[At], scope: Scope) -> str | None:
        """Which lanes have a case, where not all do."""
        if self.layout != "cases" or len(set(self.cases.sizes)) == 1:
            return None
        where = next(at.where for at in reduced if at.kind == CASE)
        return scope.temp("M", f"load<M>(valid + ({where.text()}) * P + h * L)")

    # Inputs of one active unit -----------------------------------------------------------------------------

    def _hot_at(self, table: Node, node: Node, index: Index, axis: int) -> Lin:
        """Which unit is active, as an index."""
        name = self.tables.get(("hot", table, axis))
        hot = table.extra.argmax(dim=axis)
        if name is None:
            name = self.tables["hot", table, axis] = f"{self.prefix}_hot{len(self.tables)}"
            self.table_lines.append(_array("int", name, hot.flatten().tolist()))
        reduced = [At(Lin(), a.size, a.kind) for at in node.extra[1] for a in node.args[0].dims[at]]
        whole = aligned(table, self._body_index(node, index, reduced))
        places = [at for number, own in enumerate(whole) if number != axis for at in own]
        return variable(f"{name}[{self._absolute(places).text()}]")

    def _sum_of_looked_up(self, root: Node) -> None:
        """A sum over the cases in which a unit is active, for each unit."""
        found = self.schedule.units_of_cases(root)
        assert found is not None
        table, other, axis = found
        body = root.args[0]
        body_axis = axis + len(body.dims) - len(table.dims)
        case_axis = root.extra[1][0]
        hot = table.extra.argmax(dim=axis).flatten().tolist()
        self._declare(root)
        kept = [at for at in range(len(body.dims)) if at != case_axis]
        atoms = [(at, a) for at in kept for a in body.dims[at] if a.kind != REPLICA and at != body_axis]
        lines, scope = self.scope.lines, self.scope.inner()
        lines.append("{")
        for depth, (_, atom) in enumerate(atoms):
            lines.append(f"for (int n{depth} = 0; n{depth} < {atom.size}; n{depth}++) {{")
        for unit in range(table.extra.shape[axis]):
            parts: list[str | None] = []
            for part in range(self.cases.parts):
                mine = [c for n in range(self.cases.sizes[part]) if hot[c := self.cases.case(part, n) or 0] == unit]
                terms = []
                for case in mine:
                    index = self._with(body, atoms, body_axis, unit, case_axis, At(Lin((), case), self.cases.count))
                    terms.append(self._load(other.plain, self._through(other, aligned(other, index)), scope))
                text = terms[0] if terms else None
                for term in terms[1:]:
                    text = f"({text} + {term})"
                parts.append(text)
            total = folded(parts, JOIN["sum"])
            index = self._with(body, atoms, body_axis, unit, case_axis, None)
            index = tuple(own for at, own in enumerate(index) if at != case_axis)
            value = f"({total} + 0)" if total else self._constant("0", root)
            scope.lines.append(self._store(root, index, value))
        lines.append("}" * len(atoms) + "}")

    def _with(
        self, body: Node, atoms: list[tuple[int, Atom]], axis: int, unit: int, case_axis: int, case: At | None
    ) -> Index:
        names = {id(pair): variable(f"n{depth}") for depth, pair in enumerate(atoms)}
        found: list[tuple[At, ...]] = []
        for at, dim in enumerate(body.dims):
            if at == case_axis:
                found.append((case,) if case else ())
            elif at == axis:
                found.append((At(Lin((), unit), dim[0].size),))
            else:
                own = [pair for pair in atoms if pair[0] == at]
                places = iter(own)
                found.append(tuple(BLANK if a.kind == REPLICA else At(names[id(next(places))], a.size) for a in dim))
        return tuple(found)

    def _through(self, node: Node, index: Index) -> Index:
        """Where what a view looks at is looked at."""
        while node.op in ("view", "same"):
            index = of_base(node, index) if node.op == "view" else index
            node = node.args[0]
        return index

    # Values ----------------------------------------------------------------------------------------------------

    def _vector(self, node: Node) -> bool:
        return node.has(self.lanes_of)

    def _type(self, node: Node) -> str:
        return self._type_of(node.kind, self._vector(node))

    def _type_of(self, kind: str, vector: bool) -> str:
        """The C++ type: of lanes or of one number."""
        lanes, single = {"real": ("V", "T"), "f64": ("D", "double")}.get(kind, ("M", "I"))
        return lanes if vector else single

    def _constant(self, text: str, node: Node) -> str:
        return self._everywhere(text, node.kind, self._vector(node))

    def _everywhere(self, number: str, kind: str, vector: bool) -> str:
        """A number as a value of that kind, in every lane of a vector."""
        type = self._type_of(kind, vector)
        if kind == "f64":
            return f"splat<{type}>(double({number}))"
        return f"splat<{type}>({self._type_of(kind, False)}({number}))"

    def _operand(self, operand: object, result: Node, index: Index, scope: Scope, vector: bool, kind: str = "") -> str:
        """An operand as its operation needs it: in lanes where the result is, and of the same precision."""
        kind = kind or (operand.kind if isinstance(operand, Node) else "real")
        real = kind in ("real", "f64")
        if not isinstance(operand, Node):
            assert isinstance(operand, int | float)
            return self._everywhere(_number(operand), kind, vector)
        value = self._value(operand, aligned(operand, index), scope)
        if kind == "f64":
            return value
        if operand.kind == "f64":
            value = f"__builtin_convertvector({value}, V)" if self._vector(operand) else f"T({value})"
        elif real and operand.kind in ("mask", "index"):
            raise UnknownOperationError(f"{result.op} of {operand.kind} and numbers")
        if vector and not self._vector(operand):
            type = self._type_of(kind, True)
            return scope.temp(type, f"splat<{type}>({value})")
        return value

    def _value(self, node: Node, index: Index, scope: Scope, top: bool = False) -> str:
        """The name of a value, worked out here if it is not."""
        if node.op == "same":
            return self._value(node.args[0], index, scope, top)
        if node.op == "fill":
            return self._constant(_number(node.extra), node)
        if (node in self.kept and not top) or node.op in ("input", "table"):
            return scope.known(("load", node, index)) or self._load(node, index, scope)
        if node.op == "view":
            return self._value(node.args[0], of_base(node, index), scope)
        if node.op == "reduce":
            found = scope.known(("acc", node, index))
            if found is None:
                raise UnknownOperationError(f"a reduction {node.extra} inside another")
            return found
        return self._worked_out(node, index, scope)

    def _worked_out(self, node: Node, index: Index, scope: Scope) -> str:
        op, args, vector = node.op, node.args, self._vector(node)
        kinds, kind = [arg.kind for arg in node.operands], node.kind
        if op in ("eq", "gt", "lt", "le"):
            kind = "index" if "index" in kinds else "mask" if set(kinds) == {"mask"} else "real"
        if op == "stack":
            (at,) = index[node.extra]
            rest = (*index[: node.extra], *index[node.extra + 1 :])
            return self._operand(args[at.where.number], node, rest, scope, vector, kind)
        if node.times_1:
            rest = next(arg for arg in args if not is_1(arg))
            return self._operand(rest, node, index, scope, vector, kind)
        if op in ("where", "masked_fill"):
            test = self._operand(args[0 if op == "where" else 1], node, index, scope, vector, "mask")
            a, b = (args[1], args[2]) if op == "where" else (args[2], args[0])
            yes, no = (self._operand(arg, node, index, scope, vector, kind) for arg in (a, b))
            return scope.temp(self._type(node), f"where({test}, {yes}, {no})")
        if op == "to":
            if node.kind == "real" and kinds[0] == "mask":
                test = self._operand(args[0], node, index, scope, vector, "mask")
                yes, no = self._constant("1", node), self._constant("0", node)
                return scope.temp(self._type(node), f"where({test}, {yes}, {no})")
            return self._operand(args[0], node, index, scope, vector, kind)
        values = [self._operand(arg, node, index, scope, vector, kind) for arg in args]
        text = {
            "mul": "{0} * {1}", "add": "{0} + {1}", "sub": "{0} - {1}", "rsub": "{1} - {0}", "div": "{0} / {1}",
            "neg": "-{0}", "abs": "magnitude({0})", "pow": "{0} * {0}", "and": "{0} & {1}", "not": "~{0}",
            "sigmoid": "sigmoid({0})", "tanh": "tangens({0})", "atan": "arcus({0})", "exp": "exponential({0})",
            "xlogy": "x_log_y({0}, {1})", "maximum": "larger({0}, {1})",
            **{name: f"{name}({{0}}, {{1}})" for name in ("eq", "gt", "lt", "le")},
        }[op]  # fmt: skip
        return scope.temp(self._type(node), text.format(*values))

    # Memory ----------------------------------------------------------------------------------------------------

    def _absolute(self, places: Sequence[At]) -> Lin:
        """A linear index with cases counted from the first of all."""
        found = Lin()
        for at in places:
            if at.kind == REPLICA:
                continue
            where = at.where.plus(variable("c0")) if at.kind == CASE else at.where
            found = where.plus(found, at.size)
        return found

    def _declare(self, node: Node, slots: int = 0) -> None:
        if node in self.schedule.in_place:
            self.names[node] = self.schedule.in_place[node]
            return
        name = self.names[node] = f"v{len(self.names)}"
        rows = 1
        for atom in node.atoms:
            if atom.kind == CASE:
                local = node not in self.schedule.whole or self.layout == "cases"
                cap = self.cases.most if self.layout == "cases" else max(block.cases for block in self.cases.blocks())
                rows *= cap if local else self.cases.count
            elif atom.kind != REPLICA:
                rows *= atom.size
        type = self._type_of(node.kind, False)
        lanes = ("P" if self.layout == "cases" else "L") if self._vector(node) else "1"
        self._array(type, name, f"{rows} * {lanes}" if self.layout == "replicas" or not slots else f"{rows}")
        if slots:
            self.slots[node] = slots
            self._array(
                type, f"{name}_parts", f"{rows} * P" if self.layout == "cases" else f"{slots} * {rows} * {lanes}"
            )

    def _array(self, type: str, name: str, size: str) -> None:
        self.arrays.append(name)
        self.declarations.append(f"alignas(64) {type} {name}[{size}];")

    def _address(self, node: Node, index: Index) -> str:
        places = [at for own in index for at in own]
        if node.op == "input":
            name = str(node.extra)
        elif node.op == "table":
            name = self._table(node)
        else:
            name = self.names[node]
        if not self._vector(node):
            if node.has(CASE) and (node.op in ("table", "input") or node in self.schedule.whole):
                return f"{name}[{self._absolute(places).text()}]"
            return f"{name}[{linear(places).text()}]"
        if self.layout == "cases":
            return f"{name} + ({linear(places).text()}) * P + h * L"
        whole = node.op in ("table", "input") or node in self.schedule.whole
        return f"{name} + ({(self._absolute(places) if whole else linear(places)).text()}) * L"

    def _load(self, node: Node, index: Index, scope: Scope) -> str:
        address = self._address(node, index)
        type = self._type(node)
        return scope.temp(type, f"load<{type}>({address})" if self._vector(node) else address)

    def _store(self, node: Node, index: Index, value: str) -> str:
        address = self._address(node, index)
        if not self._vector(node):
            return f"{address} = {value};"
        return f"store<{self._type(node)}>({address}, {value});"

    def _table(self, node: Node) -> str:
        name = self.tables.get(node)
        if name is not None:
            return name
        values = node.extra.detach().cpu()
        if self._vector(node):  # cases in the lanes
            if not node.dims[0] or node.dims[0][0].kind != CASE:
                raise UnknownOperationError("a table whose cases are not its first axis")
            rows = []
            for number in range(self.cases.most):
                lanes = [self.cases.case(self.cases.of_lane(lane), number) or 0 for lane in range(self.cases.parts)]
                rows.append(values[lanes].flatten(1).T)  # [other, lane]
            values = torch.stack(rows)
        type = "T" if node.kind in ("real", "f64") else "I"
        numbers = tuple(-int(v) if node.kind == "mask" else v for v in values.flatten().tolist())
        if (type, numbers) not in self.contents:
            name = self.contents[type, numbers] = f"{self.prefix}_table{len(self.contents)}"
            self.table_lines.append(_array(type, name, numbers))
        self.tables[node] = self.contents[type, numbers]
        return self.tables[node]

    def _put(self, name: str, node: Node) -> None:
        """New state in place of the old."""
        if self.schedule.in_place.get(node) == name:
            return
        source = self.names[node] if node in self.names else str(node.extra)
        if source != name:
            count = f"{node.rows} * L" if self.layout == "replicas" else str(node.rows)
            self.scope.lines.append(f"for (int n = 0; n < {count}; n++) {name}[n] = {source}[n];")


def _share(size: int, most: int, at_most: int | None = None) -> int:
    """A number of results to take together: the largest that divides the size, or else that leaves little over."""
    most = max(1, min(size, most, at_most or most))
    divides = max(n for n in range(1, most + 1) if size % n == 0)
    return divides if divides * 2 > most else math.ceil(size / math.ceil(size / most))


def _number(value: float) -> str:
    if isinstance(value, bool):
        return "-1" if value else "0"
    if isinstance(value, int):
        return str(value)
    if math.isinf(value):
        return ("-" if value < 0 else "") + "std::numeric_limits<double>::infinity()"
    return repr(float(value))


def _array(type: str, name: str, values: Sequence[float]) -> str:
    text = ", ".join(_number(v) for v in values)
    return f"alignas(64) static const {type} {name}[] = {{{text}}};"
