"""Policy variables: ``${aws:username}`` is replaced with a value of the request context.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final, NamedTuple

from ecr_exposure.policy.condition_keys import ConditionKey, ValueDomain, condition_key
from ecr_exposure.policy.patterns import LITERAL

VARIABLE: Final = re.compile(r"\$\{([^{}]*)\}")
_ESCAPES: Final = {"*": "*", "?": "?", "$": "$"}
_REFERENCE: Final = re.compile(r"([^,']+?)(?:\s*,\s*'([^']*)')?")


class Reference(NamedTuple):
    """One variable: its key, and its default if it has one."""

    key: ConditionKey
    default: str | None

    @property
    def is_undocumented(self) -> bool:
        """Whether AWS does not document what the variable is replaced with: an unknown or multivalued key."""
        return self.key.multivalued or self.key.domain is ValueDomain.UNKNOWN


class UndocumentedError(Exception):
    """AWS does not document what a variable is replaced with."""


Resolve = Callable[[Reference], str | None]


def has_variable(text: str) -> bool:
    """Return whether the text holds a variable or an escape."""
    return "${" in text and VARIABLE.search(text) is not None


def references(text: str) -> tuple[Reference, ...]:
    """Return the variables of a text, without escapes."""
    return tuple(_reference(found[1]) for found in VARIABLE.finditer(text) if found[1] not in _ESCAPES)


def only_reference(text: str) -> Reference | None:
    """Return the variable that is the whole text; None if it is an escape, or the text is something else."""
    found = VARIABLE.fullmatch(text)
    return None if found is None or found[1] in _ESCAPES else _reference(found[1])


def substitute(text: str, resolve: Resolve) -> str | None:
    """Return the pattern with its variables replaced; a replaced value has no wildcards.

    resolve: returns the value of a variable, None for none. Returns None if a variable has no value.
    Raises what resolve raises; it is called for every variable.
    """
    parts: list[str] = []
    complete = True
    at = 0
    for found in VARIABLE.finditer(text):
        parts.append(text[at : found.start()])
        at = found.end()
        escape = _ESCAPES.get(found[1])
        value = escape if escape is not None else resolve(_reference(found[1]))
        complete = complete and value is not None
        parts.append((value or "").translate(LITERAL))
    return "".join([*parts, text[at:]]) if complete else None


# The search reads the same variables again and again.
@lru_cache(maxsize=1024)
def _reference(content: str) -> Reference:
    found = _REFERENCE.fullmatch(content.strip())
    return Reference(condition_key(found[1]), found[2]) if found else Reference(condition_key(""), None)
