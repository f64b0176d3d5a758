"""The variables of a serverless.yml, which the Serverless Framework replaces before AWS CloudFormation reads it.

https://www.serverless.com/framework/docs/guides/variables
"""

import re
from collections.abc import Callable, Iterator
from typing import Final

VARIABLE: Final = re.compile(r"\$\{((?:[A-Za-z]+(?:\([^(){}]*\))?:(?!:)|file\()[^${}]*)\}")
"""A variable without another one inside it; ``${AWS::Region}`` is none."""
_OF_THE_FRAMEWORK: Final = re.compile(r"\$\{(?:(?:self|opt|env|param|sls|cf):(?!:)|(?:file|cf)\()")
"""The beginning of a variable that is none of a policy, in a file that a serverless.yml includes."""
_INNER: Final = re.compile(r"[\w.*/:@+= -]*")
"""A text that can be a part of a variable."""
_SOURCE: Final = re.compile(r"""[ \t]*("[^"]*"|'[^']*'|(?:\([^()]*\)|[^,'"()])+)[ \t]*(?:,|\Z)""")
# Their names: https://www.serverless.com/framework/docs/providers/aws/guide/variables
_PSEUDO_PARAMETERS: Final = {"aws:accountId": "AWS::AccountId", "aws:region": "AWS::Region"}
_STAGE: Final = "opt:stage, self:provider.stage, 'dev'"
"""What sls:stage stands for: https://www.serverless.com/framework/docs/guides/variables"""
_OF_THE_COMMAND: Final = ("opt:", "env:", "param:")
"""Values that are given from outside; without them the next source is the default."""


class Path(tuple[str, ...]):
    """The keys that lead to a value of the same file."""

    __slots__ = ()


class Pseudo(str):
    """The name of a pseudo parameter."""

    __slots__ = ()


def sources_of(variable: str) -> Iterator[Path | Pseudo | str | None]:
    """Yield what a variable can be, the first that is there: a place of the file, a text; None for the unknown."""
    sources = [found[1].strip() for found in _SOURCE.finditer(variable)]
    for number, source in enumerate(sources):
        if source.startswith("self:"):
            yield Path(source.removeprefix("self:").split("."))
        elif source == "sls:stage":
            yield from sources_of(_STAGE)
        elif source in _PSEUDO_PARAMETERS:
            yield Pseudo(_PSEUDO_PARAMETERS[source])
        elif source[0] in "'\"":
            yield source[1:-1]
        elif ":" not in source and "(" not in source:
            yield source
        elif not source.startswith(_OF_THE_COMMAND) or number == len(sources) - 1:
            yield None


def is_policy_variable(variable: str) -> bool:
    """Return whether IAM replaces it, and the framework does not: ``aws:ResourceOrgID``."""
    return variable.startswith(("aws:", "ecr:", "saml:", "sts:")) and variable not in _PSEUDO_PARAMETERS


def has_variable(text: str, *, is_serverless: bool) -> bool:
    """Return whether a text has a variable; is_serverless: it is in a serverless.yml."""
    return VARIABLE.search(text) is not None and (is_serverless or _OF_THE_FRAMEWORK.search(text) is not None)


def without_inner(text: str, value_of: Callable[[str], object]) -> str | None:
    """Return a text in which the variables inside others are replaced by their values, None if one is not known."""
    while (inner := next(filter(_is_inside_another, VARIABLE.finditer(text)), None)) is not None:
        value = value_of(inner[1])
        if not isinstance(value, str) or _INNER.fullmatch(value) is None:
            return None
        text = text[: inner.start()] + value + text[inner.end() :]
    return text


def _is_inside_another(found: re.Match[str]) -> bool:
    before = VARIABLE.sub("", found.string[: found.start()])
    return before.rfind("${") > before.rfind("}")
