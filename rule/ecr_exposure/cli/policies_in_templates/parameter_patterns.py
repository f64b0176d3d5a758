"""Whether the value of a template parameter can hold a wildcard, where only its type and AllowedPattern are known.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ecr_exposure.cli.found_policies.unknown_values import Unknown

_NUMBERS: Final = ("Number", "List<Number>")
# AllowedPattern is a regular expression of Java, which has to match the whole text, or each text of a list. Of what
# is below, Java says what its characters are: none is a wildcard. Anything else, such as a point, a class that is
# negated, a flag or \Q, proves nothing.
# https://docs.oracle.com/javase/8/docs/api/java/util/regex/Pattern.html
_CHARACTER: Final = r"[A-Za-z0-9_/:=,@%~ ]|\\[dw]|\\[-+./:_@]"
_OF_CLASS: Final = rf"(?:[a-z]-[a-z]|[A-Z]-[A-Z]|[0-9]-[0-9]|[+.]|{_CHARACTER})"
_PLAIN: Final = re.compile(
    rf"(?:{_CHARACTER}|-|\[-?+{_OF_CLASS}++-?\]|\((?:\?:)?+(?!\?)|[)|^$*+?]|\{{[0-9]++(?:,[0-9]*+)?\}})*+"
)

# Of wildcards, policy variables and dynamic references.
_SPECIAL: Final = frozenset("*?${")


@dataclass(frozen=True, slots=True)
class WithoutWildcard(Unknown):
    """An unknown value whose text, or each text of a list, holds neither a wildcard nor a policy variable."""


def unknown_parameter(name: str, kind: str, pattern: str | None, allowed: Sequence[str]) -> Unknown:
    """Return the value of a parameter.

    kind: its type, which is no name of a stored value. pattern, allowed: AllowedPattern, and AllowedValues if any.
    """
    is_plain = (
        kind in _NUMBERS
        or (pattern is not None and _PLAIN.fullmatch(pattern) is not None)
        or (bool(allowed) and not any(_SPECIAL.intersection(each) for each in allowed))
    )
    return (WithoutWildcard if is_plain else Unknown)(f"!Ref {name}")
