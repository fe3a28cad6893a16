"""How sums over the cases are divided, so that they have one order however they are worked out.

Neighbouring cases make a part; the parts' sums are added up two by two. Where replicas lie in the lanes of a vector,
the parts come one after the other, a block of them at a time; where cases do, each lane has a part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

PARTS = 16
"""Partial sums over the cases, at most: as many float32 numbers as the widest vector has."""

TILE_CASES = 8
"""Cases whose results are in registers at the same time, at most."""


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


JOIN = {"sum": "({0} + {1})", "amax": "larger({0}, {1})", "all": "({0} & {1})"}
START = {"sum": "0", "amax": "-std::numeric_limits<T>::infinity()", "all": "-1"}
