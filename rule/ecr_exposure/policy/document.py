"""The policy document: its text is read into one normalised form, or refused with a PolicyError.

Statements are named tuples: frozen like the dataclasses elsewhere, and created in a third of the time, and reading
the policy takes most of the time of a verdict. A named tuple is also defined in a fifth of the time, which counts in a
cold start.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from ecr_exposure.errors import PolicyError
from ecr_exposure.policy.actions import read_actions
from ecr_exposure.policy.condition_keys import ConditionKey
from ecr_exposure.policy.conditions import Condition, read_conditions
from ecr_exposure.policy.json_values import an_object, describe, elements, read_json, texts
from ecr_exposure.policy.principals import Principals, read_principals
from ecr_exposure.policy.variables import references


class Statement(NamedTuple):
    """One statement, with its 0-based position in the document.

    not_principal, not_action: the element was NotPrincipal or NotAction.
    resource: the name of its Resource or NotResource element, if it has one; ECR refuses both. every_resource: there
    is none, or it is a Resource that is or lists ``*``.
    """

    position: int
    sid: str | None
    allows: bool
    principals: Principals
    not_principal: bool
    actions: tuple[str, ...]
    not_action: bool
    conditions: tuple[Condition, ...]
    resource: str | None
    every_resource: bool


class Document(NamedTuple):
    """A whole policy; variables: whether ``${…}`` is a policy variable, as in version 2012-10-17."""

    statements: tuple[Statement, ...]
    variables: bool


_VERSIONS: Final = ("2012-10-17", "2008-10-17")
_DOCUMENT: Final = frozenset(("Version", "Id", "Statement"))
_STATEMENT: Final = frozenset(
    "Sid Effect Principal NotPrincipal Action NotAction Resource NotResource Condition".split()
)


def read_policy(policy: object) -> Document | None:
    """Read a policy given as text, as a Mapping, or as None; return None if there is no policy.

    For a repository without a policy, AWS Config reports an empty object: null, "", white space, {} and the texts
    "{}" and "null" are no policy. A long text is never refused: AWS Config delivers texts that are longer than
    those that ECR accepts.
    Raises PolicyError, with the place, for whatever cannot be evaluated.
    """
    if isinstance(policy, str):
        if not policy.strip():
            return None
        policy = read_json(policy)
    if policy is None or policy == {}:
        return None
    return _read_document(an_object(policy))


def compared_keys(document: Document) -> Iterator[ConditionKey]:
    """Yield the key of every condition, and of every policy variable in its values."""
    for statement in document.statements:
        for condition in statement.conditions:
            yield condition.key
            if document.variables and condition.operator.variables:
                for text in condition.values:
                    yield from (reference.key for reference in references(text))


def _read_document(content: Mapping[str, object]) -> Document:
    if not _DOCUMENT.issuperset(content):
        raise _unknown_element(content, _DOCUMENT, "a policy")
    version = content.get("Version", "2008-10-17")
    if version not in _VERSIONS:
        raise PolicyError("Version", f"{describe(version)} is neither {' nor '.join(_VERSIONS)}")
    _optional_text(content, "Id")
    if "Statement" not in content:
        raise PolicyError("", "Statement is missing")
    variables = version == _VERSIONS[0]
    statements: list[Statement] = []
    for index, statement in enumerate(elements(content["Statement"])):
        try:
            statements.append(_read_statement(index, an_object(statement), variables=variables))
        except PolicyError as error:
            raise error.within(f"Statement[{index}]") from None
    return Document(tuple(statements), variables)


def _read_statement(index: int, content: Mapping[str, object], *, variables: bool) -> Statement:
    if not _STATEMENT.issuperset(content):
        raise _unknown_element(content, _STATEMENT, "a statement")
    effect = content.get("Effect")
    if effect != "Allow" and effect != "Deny":  # noqa: PLR1714 - half the time of a membership test
        raise PolicyError("Effect", _wrong_effect(content))
    # Fast path: old policies alone have a NotPrincipal, and few have a NotAction.
    usual = "Principal" in content and "NotPrincipal" not in content
    principal = "Principal" if usual else _one_of(content, "Principal", "NotPrincipal")
    usual = "Action" in content and "NotAction" not in content
    action = "Action" if usual else _one_of(content, "Action", "NotAction")
    resource, every_resource = _resource(content) if "Resource" in content or "NotResource" in content else (None, True)
    place = principal
    try:
        principals = read_principals(content[principal])
        place = action
        actions = read_actions(content[action])
        place = "Condition"
        conditions = read_conditions(content["Condition"], variables=variables) if "Condition" in content else ()
    except PolicyError as error:
        raise error.within(place) from None
    sid = content.get("Sid")
    # Half the time of Statement(…).
    return tuple.__new__(
        Statement,
        (
            index,
            sid if type(sid) is str else _optional_text(content, "Sid"),
            effect == "Allow",
            principals,
            principal == "NotPrincipal",
            actions,
            action == "NotAction",
            conditions,
            resource,
            every_resource,
        ),
    )


def _resource(content: Mapping[str, object]) -> tuple[str | None, bool]:
    """Return the name of the Resource or NotResource element, and whether the statement is about every resource."""
    found: tuple[str | None, bool] = (None, True)
    for element in ("Resource", "NotResource"):
        if element in content:
            try:
                values = texts(content[element])
            except PolicyError as error:
                raise error.within(element) from None
            found = (element, element == "Resource" and "*" in values)
    return found


def _unknown_element(content: Mapping[str, object], known: frozenset[str], what: str) -> PolicyError:
    unknown = next(key for key in content if key not in known)
    return PolicyError("", f"{describe(unknown)} is not an element of {what} (accepted: {', '.join(sorted(known))})")


def _one_of(content: Mapping[str, object], element: str, negated: str) -> str:
    if element in content:
        if negated in content:
            raise PolicyError("", f"{element} and {negated} cannot be used together")
        return element
    if negated in content:
        return negated
    raise PolicyError("", f"{element} and {negated} are both missing")


def _optional_text(content: Mapping[str, object], element: str) -> str | None:
    value = content.get(element)
    if isinstance(value, str) or element not in content:
        return value  # type: ignore[return-value]  # a string, or None for a missing element
    raise PolicyError(element, f"{describe(value)} is not a string")


def _wrong_effect(content: Mapping[str, object]) -> str:
    return f"{describe(content['Effect'])} is neither Allow nor Deny" if "Effect" in content else "missing"
