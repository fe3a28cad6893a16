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

from repro.machine_code.trace import CASE, REPLICA, Atom, Node, NotKnown, Section

PARTS = 16
"""Partial sums over the cases, at most: as many float32 numbers as the widest vector has."""

TILE_CASES = 8
"""Cases whose results are in registers at the same time, at most."""


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
        own = (At(Lin((), how[2]), _length(base.dims[axis])),) if base.dims[axis] else ()
        return index[:axis] + (own,) + index[axis:]
    if what == "slice":
        at = _linear(index[axis]).plus(Lin((), how[2]))
        return (*index[:axis], (At(at, _length(base.dims[axis])),), *index[axis + 1 :])
    if what == "at":
        return (*index[:axis], (At(variable("k"), _length(base.dims[axis])),), *index[axis + 1 :])
    if what == "expand":
        return tuple(own if dim else () for dim, own in zip(base.dims, index[axis:], strict=True))
    if what == "permute":
        own = dict(zip(how[1], index, strict=True))
        return tuple(own[at] for at in range(len(index)))
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
                raise NotKnown(f"a view of {base.dims}")
            own.append(places.pop(0))
        found.append(tuple(own))
    return tuple(found)


def _length(dim: Sequence[Atom]) -> int:
    return math.prod(atom.size for atom in dim if atom.kind != REPLICA)


def _linear(places: Sequence[At]) -> Lin:
    found = Lin()
    for at in places:
        if at.kind != REPLICA:
            found = at.where.plus(found, at.size)
    return found


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


@dataclass(frozen=True)
class Block:
    """Cases that are done together: how many in each of its parts."""

    parts: tuple[int, ...]

    @property
    def cases(self) -> int:
        """How many in all."""
        return sum(self.parts)


@dataclass(frozen=True)
class Cases:
    """How the cases fall into parts, and the parts into blocks."""

    count: int

    @property
    def parts(self) -> int:
        """A power of 2."""
        return min(PARTS, 1 << max(0, self.count - 1).bit_length())

    @property
    def sizes(self) -> list[int]:
        """Cases of each part; the first ones have one more where they are not all alike."""
        each, more = divmod(self.count, self.parts)
        return [each + (part < more) for part in range(self.parts)]

    @property
    def most(self) -> int:
        """Cases of the largest part."""
        return self.sizes[0]

    @property
    def parts_in_block(self) -> int:
        """A power of 2."""
        together = 1
        while together < self.parts and 2 * together * self.most <= TILE_CASES:
            together *= 2
        return together

    def blocks(self) -> list[Block]:
        """All blocks, in order."""
        q = self.parts_in_block
        return [Block(tuple(self.sizes[at : at + q])) for at in range(0, self.parts, q)]

    def case(self, part: int, number: int) -> int | None:
        """The number-th case of a part; None where it has fewer."""
        return sum(self.sizes[:part]) + number if number < self.sizes[part] else None

    def of_lane(self, lane: int) -> int:
        """The part in a lane: neighbours meet first when the lanes are folded, halves upon halves."""
        bits = self.parts.bit_length() - 1
        return int(f"{lane:0{bits}b}"[::-1], 2) if bits else 0


def folded(parts: Sequence[str | None], join: str) -> str | None:
    """Some partial sums, two by two; None: nothing there."""
    parts = list(parts)
    while len(parts) > 1:
        pairs = [(parts[at], parts[at + 1] if at + 1 < len(parts) else None) for at in range(0, len(parts), 2)]
        parts = [join.format(a, b) if a and b else a or b for a, b in pairs]
    return parts[0]


JOIN = {"sum": "({0} + {1})", "amax": "larger({0}, {1})", "all": "({0} & {1})", "any": "({0} | {1})"}
START = {"sum": "0", "amax": "-std::numeric_limits<T>::infinity()", "all": "-1", "any": "0"}


class Function:
    """The C++ of one pass through the sections, in one layout: ``declarations``, ``body``; ``tables`` are for all.

    layout: "replicas" or "cases", what is in the lanes. inputs: the sizes of what comes from outside, by name: [rows]
    for what each replica has, and None for one number for all. cases: how many. registers: of vectors.
    """

    def __init__(self, sections: list[Section], layout: str, cases: int, registers: int, prefix: str) -> None:
        self.prefix = prefix
        self.sections, self.layout, self.cases, self.registers = sections, layout, Cases(cases), registers
        self.lanes_of = REPLICA if layout == "replicas" else CASE
        self.names: dict[Node, str] = {}
        self.kept: set[Node] = set()
        self.users: dict[Node, list[Node]] = {}
        self.tables: dict[Node, str] = {}
        self.table_lines: list[str] = []
        self.contents: dict[str, str] = {}
        self.declarations: list[str] = []
        self.arrays: list[str] = []
        self.scope, self.preparation = Scope(), Scope()
        self.whole: set[Node] = set()
        self.slots: dict[Node, tuple[int, int]] = {}
        self.now: list[Node] = []
        self.alias: dict[Node, str] = {}
        self._find_kept()
        self._prepare()
        for section in sections:
            self._section(section)

    def state_names(self) -> list[str]:
        """The inputs that it reads or puts."""
        found = {str(node.extra) for node in self.seen if node.op == "input"}
        found |= {name for section in self.sections for name in section.puts}
        return sorted(found - {"k"})

    # What is kept in memory --------------------------------------------------------------------------------

    def _find_kept(self) -> None:
        puts = [node for section in self.sections for node in section.puts.values()]
        seen: set[Node] = set()
        home: dict[Node, int] = {}

        def visit(node: Node, at: int) -> None:
            node = _plain(node)
            home.setdefault(node, at)
            if home[node] != at and not _leaf(node):
                self.kept.add(node)
            if node in seen:
                return
            seen.add(node)
            for operand in operands(node):
                base = _plain(operand)
                self.users.setdefault(base, []).append(node)
                if not _leaf(base) and _size(node) > _size(base) and node.op not in ("reduce", "view"):
                    self.kept.add(base)  # it would be worked out again and again
                visit(operand, at)

        for at, section in enumerate(self.sections):
            for node in section.nodes:
                home.setdefault(node, at)
        for at, section in enumerate(self.sections):
            for node in section.puts.values():
                visit(node, at)
        for node, users in self.users.items():
            if len(set(users)) > 1 and not _leaf(node):
                self.kept.add(node)
        self.kept |= {_plain(node) for node in puts if not _leaf(_plain(node))}
        self.kept |= {node for node in seen if over_cases(node) or node.op == "stack"}
        self.seen = seen
        for node in seen:  # a sum is no part of what another sums up
            if node.op == "reduce":
                self._keep_reductions(node)

    def _keep_reductions(self, node: Node) -> None:
        for operand in operands(node):
            base = _plain(operand)
            if base.op == "reduce":
                self.kept.add(base)
            elif base not in self.kept:
                self._keep_reductions(base)

    def _prepare(self) -> None:
        """What depends on the numbers of the rule alone is worked out once, before the first sweep."""

        def before(node: Node) -> bool:
            if node.op == "input":
                return str(node.extra).startswith("number")
            return node.op not in ("table", "fill") and bool(operands(node)) and all(map(before, operands(node)))

        ours = [n for section in self.sections for n in section.nodes if n in self.seen and before(n)]
        roots = [n for n in ours if any(not before(user) for user in self.users.get(n, []))]
        self.kept |= {_plain(node) for node in roots}
        self.prepared = [node for node in ours if node in self.kept]
        sweeping, self.scope = self.scope, self.preparation
        self._groups(self.prepared, None)
        self.scope = sweeping

    # Order ---------------------------------------------------------------------------------------------------

    def _needs(self, root: Node) -> list[Node]:
        """The kept values that a kept value is made of."""
        found: list[Node] = []

        def visit(node: Node) -> None:
            for operand in operands(node):
                base = _plain(operand)
                if base in self.kept:
                    found.append(base)
                elif not _leaf(base):
                    visit(base)

        visit(root)
        return found

    def _section(self, section: Section) -> None:
        order = [n for n in section.nodes if n in self.kept and n in self.seen and n not in self.prepared]
        inside = set(order)
        ready: dict[Node, int] = {}
        runs: dict[Node, int] = {}
        for node in order:
            runs[node] = max([ready[need] for need in self._needs(node) if need in inside], default=0)
            ready[node] = runs[node] + over_cases(node)
        for node in order:
            needs_whole = self._one_hot_over_cases(node) is not None
            for need in self._needs(node):
                if need.has(CASE) and need in inside and (needs_whole or runs[node] > runs[need]):
                    self.whole.add(need)
        self._alias(section, order)
        lines = self.scope.lines
        if section.times > 1:
            lines.append(f"for (int k = 0; k < {section.times}; k++) {{")
        for phase in range(max(runs.values(), default=0) + 1):
            now = [node for node in order if runs[node] == phase]
            self._groups([n for n in now if not n.has(CASE) and not over_cases(n)], None)
            in_blocks = [n for n in now if n.has(CASE) or (over_cases(n) and self._one_hot_over_cases(n) is None)]
            if in_blocks:
                self._blocks(in_blocks)
            for node in now:
                if over_cases(node) and self._one_hot_over_cases(node) is not None:
                    self._sum_of_looked_up(node)
        for name, node in section.puts.items():
            self._put(name, _plain(node))
        if section.times > 1:
            lines.append("}")

    def _alias(self, section: Section, order: list[Node]) -> None:
        """Which new state can take the place of the old at once: where nothing later reads the old."""
        position = {node: at for at, node in enumerate(order)}
        for name, node in section.puts.items():
            new = _plain(node)
            if new not in position or new in self.alias or new.has(CASE) or over_cases(new):
                continue
            readers = [root for root in order if name in self._inputs_of(root)]
            if all(position[root] <= position[new] for root in readers) and self._only_pointwise(new, name):
                self.alias[new] = name

    def _inputs_of(self, root: Node) -> set[str]:
        found: set[str] = set()

        def visit(node: Node) -> None:
            for operand in operands(node):
                base = _plain(operand)
                if base.op == "input":
                    found.add(base.extra)
                elif base not in self.kept:
                    visit(base)

        visit(root)
        return found

    def _only_pointwise(self, root: Node, name: str) -> bool:
        """Whether it reads an input at its own index alone."""

        def fine(node: Node) -> bool:
            if node.op == "input":
                return node.extra != name or node.dims == root.dims
            if (node in self.kept and node is not root) or _leaf(node):
                return True
            if node.op in ("view", "reduce", "stack"):
                return name not in self._inputs_of(node)
            return all(fine(operand) for operand in operands(node))

        return fine(root)

    # Blocks of cases ---------------------------------------------------------------------------------------

    def _blocks(self, nodes: list[Node]) -> None:
        lines = self.scope.lines
        if self.layout == "cases":
            for node in nodes:
                if over_cases(node):
                    self._declare(node, slots=self.cases.parts)
            lines.append("for (int h = 0; h < P / L; h++) {")
            self._groups(nodes, Block((self.cases.most,)))
            lines.append("}")
            for node in nodes:
                if over_cases(node):
                    self._fold(node)
            return
        blocks = self.cases.blocks()
        levels = len(blocks).bit_length()
        for node in nodes:
            if over_cases(node):
                self._declare(node, slots=levels if levels > 1 else 0)
        first = 0
        at = 0
        for block, run in itertools.groupby(blocks):
            many = len(list(run))
            if block.cases:
                lines.append(f"for (int t = {at}; t < {at + many}; t++) {{")
                lines.append(f"const int c0 = {first} + {block.cases} * (t - {at});")
                lines.append("const int up = __builtin_ctz(t + 1); (void)c0; (void)up;")
                self._groups(nodes, block)
                lines.append("}")
            first, at = first + many * block.cases, at + many

    def _fold(self, node: Node) -> None:
        """The partial results in the lanes as one."""
        how, name, rows = node.extra[0], self.names[node], _size(node)
        load = "load<V>" if node.kind == "real" else "load<M>"
        self.scope.lines.append(f"for (int n = 0; n < {rows}; n++) {{")
        text = f"{load}({name}_parts + n * P)"
        self.scope.lines.append(f"auto x = {text};")
        join = JOIN[how]
        self.scope.lines.append(
            "if constexpr (P / L == 2) x = " + join.format("x", f"{load}({name}_parts + n * P + L)") + ";"
        )
        four = join.format(
            join.format("x", f"{load}({name}_parts + n * P + 2 * L)"),
            join.format(f"{load}({name}_parts + n * P + L)", f"{load}({name}_parts + n * P + 3 * L)"),
        )
        self.scope.lines.append(f"if constexpr (P / L == 4) x = {four};")
        fold = {"sum": "folded_sum", "amax": "folded_max", "all": "folded_all", "any": "folded_any"}[how]
        self.scope.lines.append(f"{name}[n] = {fold}(x);")
        self.scope.lines.append("}")

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
        if over_cases(node) or over_cases(group[0]) or node.op == "stack" or group[0].op == "stack":
            return False
        if [a for a in node.atoms if a.kind != REPLICA] != [a for a in group[0].atoms if a.kind != REPLICA]:
            return False
        if self._vector(node) != self._vector(group[0]):
            return False

        def fine(inner: Node, straight: bool) -> bool:
            for operand in operands(inner):
                base = _plain(operand)
                if base in group:
                    if not straight or base.dims != node.dims:
                        return False
                elif base not in self.kept and not _leaf(base):
                    if not fine(base, straight and base.op not in ("reduce", "view", "stack")):
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
            if over_cases(root):
                self._over_cases(root, indices, scope, block)
                continue
            self.now = [root]
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
        puts = {_plain(node) for section in self.sections for node in section.puts.values()}
        return root in puts or any(self._owner(user) - set(group) for user in self.users.get(root, []))

    def _owner(self, node: Node) -> set[Node]:
        """The kept values that a node is worked out for."""
        if node in self.kept:
            return {node}
        return set().union(*(self._owner(user) for user in self.users.get(node, [])))

    def _index(self, root: Node, place: list[Lin]) -> Index:
        places = iter(place)
        return tuple(
            tuple(BLANK if a.kind == REPLICA else At(next(places), a.size, a.kind) for a in dim) for dim in root.dims
        )

    # Reductions --------------------------------------------------------------------------------------------

    def _reductions(self, root: Node) -> bool:
        wanted: dict[Node, list[Index]] = {}
        if over_cases(root):
            return True
        place = [Lin() for atom in root.atoms if atom.kind != REPLICA]
        self._collect(root, self._index(root, place), wanted, root)
        return any(node.args[0].dims[axis] for node in wanted for axis in node.extra[1])

    def _collect(self, node: Node, index: Index, wanted: dict[Node, list[Index]], root: Node) -> None:
        """The sums over units that are worked out on the way, and where."""
        if node.op == "same":
            return self._collect(node.args[0], index, wanted, root)
        if _leaf(node) or (node in self.kept and node is not root):
            return None
        if node.op == "view":
            return self._collect(node.args[0], of_base(node, index), wanted, root)
        if node.op == "reduce":
            wanted.setdefault(node, []).append(index)
            return None
        if node.op == "stack":
            (at,), part = index[node.extra], (*index[: node.extra], *index[node.extra + 1 :])
            chosen = node.args[at.where.number]
            return self._collect(chosen, _aligned(chosen, part), wanted, root)
        for operand in node.args:
            if isinstance(operand, Node):
                self._collect(operand, _aligned(operand, index), wanted, root)
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
        looked_up = self._looked_up(node)
        if looked_up is not None and self.layout == "replicas":
            table, other, axis = looked_up
            for index in indices:
                hot = self._hot_at(table, node, index, axis)
                at = [At(hot, atoms[0].size)]
                place = _aligned(other, self._body_index(node, index, at))
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
        vector = self._vector(node) or (over_cases(node) and self.layout == "cases")
        if how == "sum" and product.op == "mul" and product not in self.kept and not _ones(product):
            a, b = (self._operand(arg, product, index, scope, vector) for arg in product.args)
            if valid:
                a = scope.temp("V", f"where({valid}, {a}, splat<V>(0))")
            scope.lines.append(f"{acc} = fma({a}, {b}, {acc});")
            return
        value = self._operand(body, body, index, scope, vector)
        if valid:
            start = START[how]
            if node.kind == "real":
                value = f"where({valid}, {value}, splat<V>({start}))"
            else:
                value = f"where_i({valid}, {value}, every<M>({start}))"
        scope.lines.append(f"{acc} = {JOIN[how].format(acc, value)};")

    def _over_cases(self, root: Node, indices: list[Index], scope: Scope, block: Block | None) -> None:
        """The part of a sum over cases that comes from a block of them."""
        assert block is not None
        how, axes, _ = root.extra
        body = root.args[0]
        atoms = [atom for axis in axes for atom in body.dims[axis] if atom.kind != REPLICA]
        vector = self._vector(root) or self.layout == "cases"
        kind = ("V" if root.kind == "real" else "M") if vector else ("T" if root.kind == "real" else "I")
        subs: dict[Index, list[str | None]] = {index: [] for index in indices}
        begin = 0
        for size in block.parts:
            if not size:
                for index in indices:
                    subs[index].append(None)
                continue
            accs = []
            for index in indices:
                name = scope.fresh()
                accs.append((index, name))
                subs[index].append(name)
                start = f"splat<{kind}>({START[how]})" if root.kind == "real" else f"every<{kind}>({START[how]})"
                scope.lines.append(f"{kind} {name} = {start};")
            inner = scope.inner()
            reduced = []
            opened = 0
            for depth, atom in enumerate(atoms):
                first, count = (begin, size) if atom.kind == CASE else (0, atom.size)
                if count == 1:
                    reduced.append(At(Lin((), first), atom.size, atom.kind))
                    continue
                var = f"r{depth}_{name}"
                scope.lines.append(f"for (int {var} = {first}; {var} < {first + count}; {var}++) {{")
                reduced.append(At(variable(var), atom.size, atom.kind))
                opened += 1
            valid = self._valid(reduced, inner)
            for index, acc in accs:
                self._accumulate(root, body, self._body_index(root, index, reduced), acc, inner, valid)
            scope.lines.append("}" * opened)
            begin += size
        name = self.names[root]
        lanes = "L" if vector else "1"
        for index in indices:
            value = folded(subs[index], JOIN[how])
            at = f"({_linear([a for own in index for a in own]).text()})"
            if self.layout == "cases":
                scope.lines.append(f"store<{kind}>({name}_parts + {at} * P + h * L, {value});")
                continue
            levels, rows = self.slots.get(root, (1, 0))
            if levels == 1:
                scope.lines.append(f"store<{kind}>({name} + {at} * {lanes}, {value});")
                continue
            sum_name = scope.fresh()
            scope.lines.append(f"{kind} {sum_name} = {value};")
            earlier = f"load<{kind}>({name}_parts + (u * {rows} + {at}) * {lanes})"
            scope.lines.append(f"for (int u = 0; u < up; u++) {sum_name} = {JOIN[how].format(earlier, sum_name)};")
            place = f"up == {levels - 1} ? {name} + {at} * {lanes} : {name}_parts + (up * {rows} + {at}) * {lanes}"
            scope.lines.append(f"store<{kind}>({place}, {sum_name});")

    def _valid(self, reduced: Sequence[At], scope: Scope) -> str | None:
        """Which lanes have a case, where not all do."""
        if self.layout != "cases" or len(set(self.cases.sizes)) == 1:
            return None
        where = next(at.where for at in reduced if at.kind == CASE)
        return scope.temp("M", f"load<M>(valid + ({where.text()}) * P + h * L)")

    # Inputs of one active unit -----------------------------------------------------------------------------

    def _looked_up(self, node: Node) -> tuple[Node, Node, int] | None:
        """For a sum of a table times something: the table, the other, and the axis, if along it one value is 1 and the
        others are 0."""
        body = node.args[0]
        while body.op == "same":
            body = body.args[0]
        how, axes, _ = node.extra
        if how != "sum" or body.op != "mul" or body in self.kept or len(axes) != 1:
            return None
        for table, other in (body.args, body.args[::-1]):
            if not isinstance(table, Node) or table.op != "table" or not isinstance(other, Node):
                continue
            axis = axes[0] - (len(body.dims) - len(table.dims))
            if axis < 0 or len(table.dims[axis]) != 1:
                continue
            values = table.extra
            if values.shape[axis] > 1 and bool(((values == 0) | (values == 1)).all()):
                if bool((values.sum(dim=axis) == 1).all()):
                    return table, other, axis
        return None

    def _hot_at(self, table: Node, node: Node, index: Index, axis: int) -> Lin:
        """Which unit is active, as an index."""
        name = self.tables.get(("hot", table, axis))  # type: ignore[call-overload]
        hot = table.extra.argmax(dim=axis)
        if name is None:
            name = self.tables["hot", table, axis] = f"{self.prefix}_hot{len(self.tables)}"  # type: ignore[index]
            self.table_lines.append(_array("int", name, hot.flatten().tolist()))
        reduced = [At(Lin(), a.size, a.kind) for at in node.extra[1] for a in node.args[0].dims[at]]
        whole = _aligned(table, self._body_index(node, index, reduced))
        places = [at for number, own in enumerate(whole) if number != axis for at in own]
        return variable(f"{name}[{self._absolute(places).text()}]")

    def _one_hot_over_cases(self, node: Node) -> tuple[Node, Node, int] | None:
        """For a sum over cases of a table times something: the table, the other and the table's axis of units, if in
        each case one unit is 1."""
        if not over_cases(node) or self.layout == "cases" or len(node.extra[1]) != 1 or node.extra[0] != "sum":
            return None
        body = node.args[0]
        while body.op == "same":
            body = body.args[0]
        if body.op != "mul" or body in self.kept:
            return None
        for table, other in (body.args, body.args[::-1]):
            if not isinstance(table, Node) or table.op != "table" or not isinstance(other, Node):
                continue
            own = [at for at, dim in enumerate(table.dims) if dim and dim[0].kind != CASE]
            case = [at for at, dim in enumerate(table.dims) if [a.kind for a in dim] == [CASE]]
            if len(own) != 1 or len(case) != 1 or table.extra.shape[own[0]] < 2:
                continue
            if _plain(other) not in self.kept or not _same_place(other):
                continue
            values = table.extra
            if bool(((values == 0) | (values == 1)).all()) and bool((values.sum(dim=own[0]) == 1).all()):
                return table, other, own[0]
        return None

    def _sum_of_looked_up(self, root: Node) -> None:
        """A sum over the cases in which a unit is active, for each unit."""
        found = self._one_hot_over_cases(root)
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
                    terms.append(self._load(_plain(other), self._through(other, _aligned(other, index)), scope))
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
        found = []
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
        type = self._type(node)
        if node.kind == "f64":
            return f"{type}{{}} + {text}"
        return f"splat<{type}>(T({text}))" if node.kind == "real" else f"every<{type}>(I({text}))"

    def _operand(self, operand: object, result: Node, index: Index, scope: Scope, vector: bool, kind: str = "") -> str:
        """An operand as its operation needs it: in lanes where the result is, and of the same precision."""
        kind = kind or (operand.kind if isinstance(operand, Node) else "real")
        real = kind in ("real", "f64")
        if not isinstance(operand, Node):
            assert isinstance(operand, int | float)
            text, type = _number(operand), self._type_of(kind, vector)
            if kind == "f64":
                return text
            return f"splat<{type}>(T({text}))" if real else f"every<{type}>(I({text}))"
        value = self._value(operand, _aligned(operand, index), scope)
        if kind == "f64":
            return value
        if operand.kind == "f64":
            value = f"__builtin_convertvector({value}, V)" if self._vector(operand) else f"T({value})"
        elif real and operand.kind in ("mask", "index"):
            raise NotKnown(f"{result.op} of {operand.kind} and numbers")
        if vector and not self._vector(operand):
            return scope.temp("V" if real else "M", f"splat<V>({value})" if real else f"every<M>({value})")
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
                raise NotKnown(f"a reduction {node.extra} inside another")
            return found
        return self._worked_out(node, index, scope)

    def _worked_out(self, node: Node, index: Index, scope: Scope) -> str:
        op, args, vector = node.op, node.args, self._vector(node)
        operands_ = [arg for arg in args if isinstance(arg, Node)]
        kinds = [arg.kind for arg in operands_]
        kind = node.kind
        if op in ("eq", "ne", "gt", "ge", "lt", "le"):
            kind = "index" if "index" in kinds else "mask" if set(kinds) == {"mask"} else "real"
        if op == "stack":
            (at,) = index[node.extra]
            rest = (*index[: node.extra], *index[node.extra + 1 :])
            return self._operand(args[at.where.number], node, rest, scope, vector, kind)
        if _ones(node):
            rest = next(arg for arg in args if not _is_one(arg))
            return self._operand(rest, node, index, scope, vector, kind)
        if op in ("where", "masked_fill"):
            test = self._operand(args[0 if op == "where" else 1], node, index, scope, vector, "mask")
            a, b = (args[1], args[2]) if op == "where" else (args[2], args[0])
            pick = "where" if kind == "real" else "where_i"
            yes, no = (self._operand(arg, node, index, scope, vector, kind) for arg in (a, b))
            return scope.temp(self._type(node), f"{pick}({test}, {yes}, {no})")
        if op == "to":
            if node.kind == "real" and kinds[0] == "mask":
                test = self._operand(args[0], node, index, scope, vector, "mask")
                yes, no = self._constant("1", node), self._constant("0", node)
                return scope.temp(self._type(node), f"where({test}, {yes}, {no})")
            return self._operand(args[0], node, index, scope, vector, kind)
        values = [self._operand(arg, node, index, scope, vector, kind) for arg in args]
        suffix = "_i" if kind in ("index", "mask") else ""
        text = {
            "mul": "{0} * {1}", "add": "{0} + {1}", "sub": "{0} - {1}", "rsub": "{1} - {0}", "div": "{0} / {1}",
            "neg": "-{0}", "abs": "magnitude({0})", "sigmoid": "sigmoid({0})", "tanh": "tangens({0})",
            "atan": "arcus({0})", "exp": "exponential({0})", "log": "logarithm({0})", "xlogy": "x_log_y({0}, {1})",
            "maximum": "larger({0}, {1})", "pow": "{0} * {0}", "and": "{0} & {1}", "or": "{0} | {1}", "not": "~{0}",
            "reciprocal": "1 / {0}", "sqrt": "root({0})",
            **{name: f"{name}{suffix}({{0}}, {{1}})" for name in ("eq", "ne", "gt", "ge", "lt", "le")},
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
        if node in self.alias:
            self.names[node] = self.alias[node]
            return
        name = self.names[node] = f"v{len(self.names)}"
        rows = 1
        for atom in node.atoms:
            if atom.kind == CASE:
                local = node not in self.whole or self.layout == "cases"
                cap = self.cases.most if self.layout == "cases" else max(block.cases for block in self.cases.blocks())
                rows *= cap if local else self.cases.count
            elif atom.kind != REPLICA:
                rows *= atom.size
        type = self._type_of(node.kind, False)
        lanes = ("P" if self.layout == "cases" else "L") if self._vector(node) else "1"
        self._array(type, name, f"{rows} * {lanes}" if self.layout == "replicas" or not slots else f"{rows}")
        if slots:
            self.slots[node] = slots, rows
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
            if node.has(CASE) and (node.op in ("table", "input") or node in self.whole):
                return f"{name}[{self._absolute(places).text()}]"
            return f"{name}[{_linear(places).text()}]"
        if self.layout == "cases":
            return f"{name} + ({_linear(places).text()}) * P + h * L"
        whole = node.op in ("table", "input") or node in self.whole
        return f"{name} + ({(self._absolute(places) if whole else _linear(places)).text()}) * L"

    def _load(self, node: Node, index: Index, scope: Scope) -> str:
        address = self._address(node, index)
        if not self._vector(node):
            return scope.temp(self._type(node), address)
        type = self._type(node)
        return scope.temp(type, f"load<{type}>({address})")

    def _store(self, node: Node, index: Index, value: str) -> str:
        address = self._address(node, index)
        if not self._vector(node):
            return f"{address} = {value};"
        return f"store<{self._type(node)}>({address}, {value});"

    def _table(self, node: Node) -> str:
        name = self.tables.get(node)
        if name is not None:
            return name
        name = self.tables[node] = f"{self.prefix}_table{len(self.tables)}"
        values = node.extra.detach().cpu()
        type = "T" if node.kind in ("real", "f64") else "I"
        if self._vector(node):  # cases in the lanes
            if not node.dims[0] or node.dims[0][0].kind != CASE:
                raise NotKnown("a table whose cases are not its first axis")
            rows = []
            for number in range(self.cases.most):
                lanes = [self.cases.case(self.cases.of_lane(lane), number) or 0 for lane in range(self.cases.parts)]
                rows.append(values[lanes].flatten(1).T)  # [other, lane]
            values = torch.stack(rows)
        flat = values.flatten().tolist()
        values_in_c = _array(type, "", [-int(v) if node.kind == "mask" else v for v in flat])
        name = self.tables[node] = self.contents.setdefault(values_in_c, name)
        if name == f"{self.prefix}_table{len(self.tables) - 1}":
            self.table_lines.append(values_in_c.replace("[]", f"{name}[]", 1))
        return name

    def _put(self, name: str, node: Node) -> None:
        """New state in place of the old."""
        if self.alias.get(node) == name:
            return
        rows = _size(node)
        scope = self.scope
        lanes = "L" if self.lanes_of == REPLICA else "1"
        source = self.names[node] if node in self.names else str(node.extra)
        if source != name:
            scope.lines.append(f"for (int n = 0; n < {rows} * {lanes}; n++) {name}[n] = {source}[n];")


# Nodes -----------------------------------------------------------------------------------------------------------


def _plain(node: Node) -> Node:
    """What a node is but for the way it is looked at."""
    while node.op in ("view", "same"):
        node = node.args[0]
    return node


def _leaf(node: Node) -> bool:
    return node.op in ("input", "table", "fill")


def operands(node: Node) -> list[Node]:
    """The nodes that a node is made of."""
    return [arg for arg in node.args if isinstance(arg, Node)]


def over_cases(node: Node) -> bool:
    """Whether it is a sum, or the like, over the cases."""
    return node.op == "reduce" and any(a.kind == CASE for axis in node.extra[1] for a in node.args[0].dims[axis])


def _size(node: Node) -> int:
    return math.prod(atom.size for atom in node.atoms if atom.kind != REPLICA)


def _is_one(value: object) -> bool:
    if isinstance(value, Node):
        plain = _plain(value)
        return plain.op == "fill" and plain.extra == 1
    return isinstance(value, int | float) and value == 1


def _ones(node: Node) -> bool:
    """Whether it is something times 1."""
    return node.op == "mul" and sum(_is_one(arg) for arg in node.args) == 1


def _same_place(node: Node) -> bool:
    """Whether it is looked at as it is, but for axes of size 1."""
    while node.op in ("view", "same"):
        if node.op == "view" and node.extra[0] != "unsqueeze":
            return False
        node = node.args[0]
    return True


def _aligned(operand: Node, index: Index) -> Index:
    """Where an operand is looked at when its operation's result is worked out at an index."""
    own = index[len(index) - len(operand.dims) :]
    return tuple(at if dim else () for dim, at in zip(operand.dims, own, strict=True))


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
