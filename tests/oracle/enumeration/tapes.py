"""Tapes: the shape of one or several texts that are written together, character by character."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, Self


@dataclass(frozen=True)
class CharClass:
    """A class of characters; an open one holds every printable character."""

    chars: str
    open: bool = False

    def __contains__(self, char: str) -> bool:
        """Membership."""
        return char in self.chars or (self.open and char.isprintable())


LOWER: Final = "abcdefghijklmnopqrstuvwxyz"
DIGITS: Final = CharClass("9876543210")
HEXADECIMAL: Final = CharClass("0123456789abcdef")
ORGANIZATION: Final = CharClass("0123456789" + LOWER)
UNIQUE: Final = CharClass(LOWER.upper() + "0123456789")
NAME: Final = CharClass(LOWER + LOWER.upper() + "0123456789_-+=,.@")
PATH: Final = CharClass(LOWER + "".join(chr(code) for code in range(ord("!"), ord("~") + 1) if chr(code) not in LOWER))
LABEL: Final = CharClass(LOWER + "0123456789-")
PRINTABLE: Final = CharClass(
    LOWER + LOWER.upper() + "0123456789" + "".join(map(chr, range(32, 48))) + ":;<=>?@[\\]^_`{|}~",
    open=True,
)
MORE: Final = "éßøñç"


@dataclass(frozen=True, eq=False)
class Edge:
    """Write one character of a class into some texts, go on."""

    chars: CharClass | None
    target: int
    views: tuple[str, ...] = ()


@dataclass(eq=False)
class Tape:
    """A shape: nodes, edges, one end."""

    edges: list[list[Edge]] = field(default_factory=lambda: [[]])

    @property
    def end(self) -> int:
        """The last node is the end."""
        return len(self.edges) - 1

    def _node(self) -> int:
        """One more node."""
        self.edges.append([])
        return self.end

    def text(self, text: str, *views: str) -> Self:
        """A fixed text."""
        for char in text:
            self.once(CharClass(char), *views)
        return self

    def once(self, chars: CharClass, *views: str) -> Self:
        """One character of a class."""
        here = self.end
        self.edges[here].append(Edge(chars, self._node(), views))
        return self

    def run(self, chars: CharClass, least: int, most: int | None, *views: str) -> Self:
        """A run of characters of a class."""
        for _ in range(least):
            self.once(chars, *views)
        if most is None:
            here = self.end
            self.edges[here].append(Edge(chars, here, views))
            return self
        stops = [self.end]
        stops += [self.once(chars, *views).end for _ in range(most - least)]
        self._join(stops)
        return self

    def branch(self, forms: Sequence[Sequence[CharClass]], *views: str) -> Self:
        """One of several sequences of characters."""
        here, stops = self.end, []
        for form in forms:
            node = here
            for chars in form:
                before, node = node, self._node()
                self.edges[before].append(Edge(chars, node, views))
            stops.append(node)
        self._join(stops)
        return self

    def _join(self, nodes: Sequence[int]) -> None:
        """Go from several nodes to one new one."""
        target = self._node()
        for node in nodes:
            self.edges[node].append(Edge(None, target))

    def back(
        self,
        target: int,
        char: str,
        *views: str,
        leave: int | None = None,
    ) -> Self:
        """A character that leads back; the tape goes on from the node to leave by."""
        here = self.end
        self.edges[here].append(Edge(CharClass(char), target, views))
        self._join([here if leave is None else leave])
        return self

    def skip(self, start: int) -> Self:
        """What was written since a node may be left out."""
        self._join([start, self.end])
        return self

    @cached_property
    def views(self) -> frozenset[str]:
        """The texts that the tape writes."""
        return frozenset(view for edges in self.edges for edge in edges for view in edge.views)
