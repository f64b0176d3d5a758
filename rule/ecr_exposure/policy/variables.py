"""Policy variables: ``${aws:username}`` stands for a value of the request itself.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
"""

import re
from collections.abc import Callable
from typing import Final, NamedTuple

from ecr_exposure.policy.patterns import LITERAL

VARIABLE: Final = re.compile(r"\$\{([^{}]*)\}")
_ESCAPES: Final = {"*": "*", "?": "?", "$": "$"}
_REFERENCE: Final = re.compile(r"([^,'\s]+)(?:\s*,\s*'([^']*)')?")


class Reference(NamedTuple):
    """One variable: its key in lower case (empty where it is no key) and its default."""

    key: str
    default: str | None


class Doubtful(Exception):  # noqa: N818 - it is an answer, not an error
    """AWS does not say what a variable stands for."""


Resolve = Callable[[Reference], str | None]


def has_variable(text: str) -> bool:
    """Tell whether anything in the text is a variable or an escape."""
    return "${" in text and VARIABLE.search(text) is not None


def references(text: str) -> tuple[Reference, ...]:
    """Return the variables of a text, escapes left out."""
    return tuple(_reference(found[1]) for found in VARIABLE.finditer(text) if found[1] not in _ESCAPES)


def substitute(text: str, resolve: Resolve) -> str | None:
    """Return the pattern with its variables filled in; what is filled in has no wildcards.

    resolve: the value of a variable, None for none. Returns None where a variable has no value.
    Raises what resolve raises.
    """
    parts: list[str] = []
    at = 0
    for found in VARIABLE.finditer(text):
        parts.append(text[at : found.start()])
        at = found.end()
        escape = _ESCAPES.get(found[1])
        value = escape if escape is not None else resolve(_reference(found[1]))
        if value is None:
            return None
        parts.append(value.translate(LITERAL))
    return "".join([*parts, text[at:]])


def _reference(content: str) -> Reference:
    found = _REFERENCE.fullmatch(content.strip())
    return Reference(found[1].lower(), found[2]) if found else Reference("", None)
