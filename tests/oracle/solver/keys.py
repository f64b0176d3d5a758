"""Condition keys: of what type they are, when a request has them and what their values are."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from tests.oracle.solver import logic
from tests.oracle.solver.circumstances import Address
from tests.oracle.solver.logic import FALSE, TRUE, Bool, Int
from tests.oracle.solver.operators import Family
from tests.oracle.solver.pieces import Alternative, Items, items

Texts = Callable[[], tuple[Alternative, ...]]


class Kind(Enum):
    """The type of a key, with the operator families that fit it (String operators fit all)."""

    TEXT = frozenset({Family.TEXT})
    ARN = frozenset({Family.TEXT, Family.ARN})
    FLAG = frozenset({Family.TEXT, Family.FLAG})
    NUMBER = frozenset({Family.TEXT, Family.NUMBER})
    MOMENT = frozenset({Family.TEXT, Family.MOMENT})
    EPOCH = frozenset({Family.TEXT, Family.MOMENT, Family.NUMBER})
    ADDRESS = frozenset({Family.TEXT, Family.ADDRESS})
    OPEN = frozenset(Family) - {Family.NULL}


@dataclass(frozen=True, slots=True)
class Slot:
    """One value of a key, in each type that the key can be read as."""

    present: Bool
    texts: Texts
    flag: Bool = FALSE
    number: Int = None
    moment: Int = None
    address: Address | None = None


@dataclass(frozen=True, slots=True)
class Key:
    """A condition key; `unknown` ones may have one value or several."""

    name: str
    kind: Kind
    slots: tuple[Slot, ...]
    multivalued: bool = False
    unknown: bool = False

    @property
    def present(self) -> Bool:
        """Whether the request has the key; the slots are filled from the first."""
        return self.slots[0].present


def single(name: str, kind: Kind, present: Bool, value: Items, *, multivalued: bool = False) -> Key:
    """A key whose value has one form."""
    return Key(name, kind, (Slot(present, lambda: (Alternative(TRUE, value),)),), multivalued=multivalued)


def formed(name: str, kind: Kind, present: Bool, texts: Texts) -> Key:
    """A key whose value has several forms."""
    return Key(name, kind, (Slot(present, texts),))


def flag(name: str, present: Bool, value: Bool) -> Key:
    """A key that is true or false."""

    def texts() -> tuple[Alternative, ...]:
        return Alternative(value, items("true")), Alternative(logic.no(value), items("false"))

    return Key(name, Kind.FLAG, (Slot(present, texts, flag=value),))
