"""Condition keys of one request, whatever their names: the type of a key, and its values."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from tests.oracle import solver_logic as logic
from tests.oracle.solver_caller import Address
from tests.oracle.solver_logic import FALSE, TRUE, Bool, Int
from tests.oracle.solver_operators import OperatorType
from tests.oracle.solver_values import Alternative, Items, items

Texts = Callable[[], tuple[Alternative, ...]]


class KeyType(Enum):
    """The type of a key, with the operator types that fit it."""

    TEXT = frozenset({OperatorType.TEXT})
    ARN = frozenset({OperatorType.TEXT, OperatorType.ARN})
    BOOL = frozenset({OperatorType.TEXT, OperatorType.BOOL})
    NUMBER = frozenset({OperatorType.NUMBER})
    DATE = frozenset({OperatorType.DATE})
    EPOCH = frozenset({OperatorType.DATE, OperatorType.NUMBER})
    ADDRESS = frozenset({OperatorType.ADDRESS})
    ANY = frozenset(OperatorType) - {OperatorType.NULL}


class Doubt(Enum):
    """What AWS does not document about a key of a request."""

    NOTHING = "nothing"
    VALUE = "which value the key has"
    PRESENCE = "whether the request has the key"


@dataclass(frozen=True, slots=True)
class ContextValue:
    """One value of a key, as each type that an operator can read it as."""

    present: Bool
    texts: Texts
    truth: Bool = FALSE
    number: Int = None
    moment: Int = None
    address: Address | None = None


@dataclass(frozen=True, slots=True)
class ContextKey:
    """A condition key of one request; an `unknown` key has one value or several."""

    name: str
    key_type: KeyType
    values: tuple[ContextValue, ...]
    multivalued: bool = False
    unknown: bool = False
    doubt: Doubt = Doubt.NOTHING

    @property
    def present(self) -> Bool:
        """Whether the request context has the key; a first value is present before a second one."""
        return self.values[0].present

    @property
    def is_text(self) -> bool:
        """Whether its values are texts, and not addresses, moments or numbers."""
        return OperatorType.TEXT in self.key_type.value


def single(name: str, key_type: KeyType, present: Bool, value: Items, *, multivalued: bool = False) -> ContextKey:
    """A key whose value has one form."""
    return ContextKey(
        name, key_type, (ContextValue(present, lambda: (Alternative(TRUE, value),)),), multivalued=multivalued
    )


def formed(name: str, key_type: KeyType, present: Bool, texts: Texts) -> ContextKey:
    """A key whose value has several forms."""
    return ContextKey(name, key_type, (ContextValue(present, texts),))


def bool_key(name: str, present: Bool, value: Bool) -> ContextKey:
    """A key that is true or false."""

    def texts() -> tuple[Alternative, ...]:
        return Alternative(value, items("true")), Alternative(logic.no(value), items("false"))

    return ContextKey(name, KeyType.BOOL, (ContextValue(present, texts, truth=value),))
