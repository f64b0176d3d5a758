"""Advisories: what an owner should know about a policy although it changes no verdict."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

from ecr_exposure.identifiers import account_of
from ecr_exposure.policy.addresses import is_partly_public
from ecr_exposure.policy.condition_keys import Presence, ValueDomain
from ecr_exposure.policy.conditions import Condition
from ecr_exposure.policy.document import Document, Statement
from ecr_exposure.policy.json_values import printable
from ecr_exposure.policy.malformed_principals import problems_of
from ecr_exposure.policy.operators import Relation, SetOperator, ValueType, read_date
from ecr_exposure.policy.patterns import has_wildcard
from ecr_exposure.policy.principals import PrincipalKind
from ecr_exposure.search import RepositoryFacts


class AdvisoryKind(Enum):
    """The kinds of advisories.

    CONFUSED_DEPUTY: a service can access the repository on behalf of any customer. DELETED_PRINCIPAL: a principal is
    the unique id of a deleted user or role. LITERAL_STAR: an operator without wildcards compares an asterisk.
    PRIVATE_SOURCE_IP: aws:SourceIp is compared with private addresses only. PASSED_WINDOW: a time window has passed.
    RESOURCE_ELEMENT: the statement has an element that ECR refuses. MALFORMED_PRINCIPAL: it has a value that is no
    principal, which ECR refuses, too.
    """

    CONFUSED_DEPUTY = "confused-deputy"
    DELETED_PRINCIPAL = "deleted-principal"
    LITERAL_STAR = "literal-star"
    PRIVATE_SOURCE_IP = "private-source-ip"
    PASSED_WINDOW = "passed-window"
    RESOURCE_ELEMENT = "resource-element"
    MALFORMED_PRINCIPAL = "malformed-principal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Advisory:
    """An advisory about one statement, given by its 0-based index; text: printable."""

    kind: AdvisoryKind
    statement: int
    text: str


def advisories_of(document: Document, facts: RepositoryFacts) -> tuple[Advisory, ...]:
    """Return the advisories of all statements, in their order."""
    found: list[Advisory] = []
    for statement in document.statements:
        if statement.resource or _has_notable_principal(statement) or _has_notable_condition(statement):
            advice = _advisories(statement, facts)
            found += [Advisory(kind=kind, statement=statement.position, text=printable(text)) for kind, text in advice]
    return tuple(found)


# Fast path: most statements need no advisory.


def _has_notable_principal(statement: Statement) -> bool:
    if statement.principals.malformed:
        return True
    if statement.allows:
        for principal in statement.principals.named:
            if principal.kind is PrincipalKind.SERVICE or principal.kind is PrincipalKind.UNIQUE_ID:
                return True
    return False


def _has_notable_condition(statement: Statement) -> bool:
    for condition in statement.conditions:
        if condition.key.name in _KEYS:
            return True
        for value in condition.values:
            if "*" in value:
                return True
    return False


_DEPUTY: Final = (
    "AWS services act on behalf of any customer: without a fixed aws:SourceAccount, aws:SourceArn, aws:SourceOrgID"
    " or aws:SourceOrgPaths any customer may access the repository through the service (confused deputy)"
)


def _advisories(statement: Statement, facts: RepositoryFacts) -> Iterator[tuple[AdvisoryKind, str]]:
    if statement.resource:
        yield AdvisoryKind.RESOURCE_ELEMENT, f"ECR refuses a policy with a {statement.resource} element"
    for problem in problems_of(statement):
        yield AdvisoryKind.MALFORMED_PRINCIPAL, problem
    if _is_confused_deputy(statement):
        yield AdvisoryKind.CONFUSED_DEPUTY, _DEPUTY
    if not statement.allows:
        return
    kinds = [principal.kind for principal in statement.principals.named]
    if PrincipalKind.UNIQUE_ID in kinds and not statement.not_principal:
        text = "a unique id is what remains of a deleted user or role; it matches no principal"
        yield AdvisoryKind.DELETED_PRINCIPAL, text
    for condition in statement.conditions:
        yield from _about(condition, facts)


def _about(condition: Condition, facts: RepositoryFacts) -> Iterator[tuple[AdvisoryKind, str]]:
    operator, key = condition.operator, condition.key
    if operator.negated or not condition.values:
        return
    if (
        operator.value_type is ValueType.STRING
        and not operator.wildcards
        and any("*" in value and "${" not in value for value in condition.values)
    ):
        text = f"{operator.name} compares the asterisk in {key.spelling} literally; in StringLike it is a wildcard"
        yield AdvisoryKind.LITERAL_STAR, text
    if (
        key.domain is ValueDomain.PUBLIC_ADDRESS
        and operator.value_type is ValueType.IP
        and not any(map(is_partly_public, condition.values))
    ):
        yield AdvisoryKind.PRIVATE_SOURCE_IP, "aws:SourceIp is never a private address: use aws:VpcSourceIp"
    if key.domain is ValueDomain.TIME and operator.relation in _UPPER_BOUNDS and _ended(condition, facts):
        yield AdvisoryKind.PASSED_WINDOW, "the time window has passed: the statement no longer grants access"


_UPPER_BOUNDS: Final = (Relation.LESS_THAN, Relation.LESS_THAN_EQUALS, Relation.EQUALS)


def _ended(condition: Condition, facts: RepositoryFacts) -> bool:
    now = facts.now.timestamp()
    ends = [read_date(value) for value in condition.values]
    exclusive = condition.operator.relation is Relation.LESS_THAN
    return all(end is not None and (end <= now if exclusive else end < now) for end in ends)


_SERVICE_KEYS: Final = ("aws:principalservicename", "aws:principalservicenameslist")
_SOURCES: Final = ("aws:sourceaccount", "aws:sourceowner", "aws:sourcearn", "aws:sourceorgid", "aws:sourceorgpaths")


def _is_confused_deputy(statement: Statement) -> bool:
    """Return whether a service can access the repository on behalf of any customer."""
    if not statement.allows:
        return _excepts_services(statement)
    kinds = [principal.kind for principal in statement.principals.named]
    services = PrincipalKind.SERVICE in kinds and not statement.not_principal
    as_service = services or any(map(_requires_a_service, statement.conditions))
    return as_service and not any(map(_fixes_the_source, statement.conditions))


def _requires_a_service(condition: Condition) -> bool:
    operator = condition.operator
    if condition.key.name == "aws:principalisawsservice":
        wanted = "true" in [value.lower() for value in condition.values]
        return operator.value_type is ValueType.BOOL and wanted and not operator.if_exists
    certain = (
        not operator.negated and not operator.if_exists and operator.set_operator is not SetOperator.FOR_ALL_VALUES
    )
    if operator.value_type is ValueType.NULL:
        return False
    return certain and condition.key.presence is Presence.NEVER and condition.key.name in (*_SERVICE_KEYS, *_SOURCES)


def _fixes_the_source(condition: Condition) -> bool:
    operator = condition.operator
    if operator.negated or operator.if_exists or operator.set_operator is SetOperator.FOR_ALL_VALUES:
        return False
    if operator.value_type is ValueType.NULL or not condition.values:
        return False
    if condition.key.name == "aws:sourcearn":
        return all(_has_fixed_account(value) for value in condition.values)
    if condition.key.name in _SOURCES or condition.key.name in ("aws:principalorgid", "aws:principalorgpaths"):
        return not operator.wildcards or not any(has_wildcard(value.partition("/")[0]) for value in condition.values)
    return False


def _has_fixed_account(arn: str) -> bool:
    return bool(account_of(arn)) and not has_wildcard(account_of(arn))


def _excepts_services(deny: Statement) -> bool:
    """Return whether a Deny for everyone does not apply to AWS services."""
    return deny.principals.everyone and any(
        condition.key.name == "aws:principalisawsservice"
        and condition.operator.value_type is ValueType.BOOL
        and [value.lower() for value in condition.values] == ["false"]
        for condition in deny.conditions
    )


_KEYS: Final = frozenset(_SERVICE_KEYS + _SOURCES) | {
    "aws:principalisawsservice",
    "aws:sourceip",
    "aws:currenttime",
    "aws:epochtime",
}
