"""Advisories: what an owner should know about a policy although it changes no verdict."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

from ecr_exposure.findings.explanations import tells_callers_apart
from ecr_exposure.findings.reasons import why_ignored
from ecr_exposure.findings.sentences import enumerated, name_of, shown_key, unquoted
from ecr_exposure.identifiers import account_of
from ecr_exposure.policy.actions import CAPABILITY_OF, covered_actions
from ecr_exposure.policy.addresses import is_partly_public
from ecr_exposure.policy.condition_keys import ValueDomain
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
    principal, which ECR refuses, too. IGNORED_DENY: it is a Deny that denies no request to the repository.
    """

    CONFUSED_DEPUTY = "confused-deputy"
    DELETED_PRINCIPAL = "deleted-principal"
    LITERAL_STAR = "literal-star"
    PRIVATE_SOURCE_IP = "private-source-ip"
    PASSED_WINDOW = "passed-window"
    RESOURCE_ELEMENT = "resource-element"
    MALFORMED_PRINCIPAL = "malformed-principal"
    IGNORED_DENY = "ignored-deny"


@dataclass(frozen=True, slots=True, kw_only=True)
class Advisory:
    """An advisory about one statement, given by its 0-based index; text: printable, and names the statement, too."""

    kind: AdvisoryKind
    statement: int
    text: str


def advisories_of(document: Document, facts: RepositoryFacts) -> tuple[Advisory, ...]:
    """Return the advisories of all statements, in their order."""
    found: list[Advisory] = []
    for statement in document.statements:
        if _is_notable(statement):
            advice = _advisories(statement, document, facts)
            found += [Advisory(kind=kind, statement=statement.position, text=printable(text)) for kind, text in advice]
    return tuple(found)


_IS_SERVICE: Final = "aws:principalisawsservice"
_SERVICES: Final = ("aws:principalservicename", "aws:principalservicenameslist")
_SOURCES: Final = ("aws:sourceaccount", "aws:sourceowner", "aws:sourcearn", "aws:sourceorgid", "aws:sourceorgpaths")
_SERVICE_KEYS: Final = (_IS_SERVICE, *_SERVICES, *_SOURCES)
"""The keys that tell whether, and for whom, a service calls as itself."""
_ORGANIZATION: Final = ("aws:principalorgid", "aws:principalorgpaths")
_NOTABLE_KEYS: Final = frozenset((*_SERVICE_KEYS, "aws:sourceip", "aws:currenttime", "aws:epochtime"))


def _is_notable(statement: Statement) -> bool:
    """Fast path: most statements need no advisory."""
    if statement.resource or statement.principals.malformed:
        return True
    if not statement.allows and not _plainly_denies(statement):
        return True
    for principal in statement.principals.named:
        if principal.kind is PrincipalKind.SERVICE or principal.kind is PrincipalKind.UNIQUE_ID:
            return True
    for condition in statement.conditions:
        if condition.key.name in _NOTABLE_KEYS:
            return True
        for value in condition.values:
            if "*" in value:
                return True
    return False


def _plainly_denies(deny: Statement) -> bool:
    """Fast path: return True only if a Deny has a principal, and an action that it spells as the table does."""
    if deny.not_principal or deny.not_action or _SPELLED_ACTIONS.isdisjoint(deny.actions):
        return False
    named = deny.principals.named
    return deny.principals.everyone or (bool(named) and named[0].kind is not PrincipalKind.PROVIDER)


_SPELLED_ACTIONS: Final = frozenset((*CAPABILITY_OF, "*", "ecr:*"))
_LONGEST_SID: Final = 40


def _advisories(statement: Statement, document: Document, facts: RepositoryFacts) -> Iterator[tuple[AdvisoryKind, str]]:
    if statement.resource:
        yield AdvisoryKind.RESOURCE_ELEMENT, f"ECR refuses the {statement.resource} element of {_name(statement)}"
    if statement.principals.malformed:
        for problem in problems_of(statement):
            yield AdvisoryKind.MALFORMED_PRINCIPAL, f"Statement[{statement.position}].{problem}"
    if (text := _confused_deputy(statement, document)) is not None:
        yield AdvisoryKind.CONFUSED_DEPUTY, f"{_name(statement)} {text}"
    if statement.allows:
        yield from _about_allow(statement, facts)
    elif (text := why_ignored(statement, document)) is not None:
        yield AdvisoryKind.IGNORED_DENY, f"{_name(statement)} {text}"


def _name(statement: Statement) -> str:
    return name_of(statement, _LONGEST_SID)


def _about_allow(allow: Statement, facts: RepositoryFacts) -> Iterator[tuple[AdvisoryKind, str]]:
    ids = [each.text for each in allow.principals.named if each.kind is PrincipalKind.UNIQUE_ID]
    if ids and not allow.not_principal:
        text = f"{unquoted(ids[0])} is a deleted principal, or one that AWS will show by its ARN"
        yield AdvisoryKind.DELETED_PRINCIPAL, f"{_name(allow)} has an id in place of an ARN: {text}"
    for condition in allow.conditions:
        for kind, text in _about(condition, facts):
            yield kind, f"in {_name(allow)}, {text}"


def _about(condition: Condition, facts: RepositoryFacts) -> Iterator[tuple[AdvisoryKind, str]]:
    operator, key = condition.operator, condition.key
    if operator.negated or not condition.values:
        return
    if (
        operator.value_type is ValueType.STRING
        and not operator.wildcards
        and any("*" in value and "${" not in value for value in condition.values)
    ):
        text = f"{operator.name} compares the asterisk in {shown_key(key)} literally; in StringLike it is a wildcard"
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


# Whether an AWS service can access the repository on behalf of any customer:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html


def _confused_deputy(statement: Statement, document: Document) -> str | None:
    """Say how a statement, the subject, allows services to act for any customer; None if it does not."""
    if not statement.allows:
        return _EXEMPTS if _exempts_services(statement, document) and _some_allow_needs_it(document) else None
    services = [each.text for each in statement.principals.named if each.kind is PrincipalKind.SERVICE]
    if statement.not_principal:
        services = []
    if not services and not any(map(_requires_a_service, statement.conditions)):
        return None
    if _is_tied(statement, document) or not _grants_an_action(statement):
        return None
    unknown = [shown_key(each.key) for each in statement.conditions if each.key.domain is ValueDomain.UNKNOWN]
    remedy = f"{unknown[0]} is not a known condition key" if unknown else _FIX
    whom = enumerated(list(map(unquoted, services)), 1) if services else "AWS services"
    return f"allows {whom} to act for any customer (confused deputy): {remedy}"


def _grants_an_action(allow: Statement) -> bool:
    if not allow.not_action and not _SPELLED_ACTIONS.isdisjoint(allow.actions):
        return True  # as below, in less time
    return bool(covered_actions(allow.actions, negated=allow.not_action))


_FIX: Final = "fix aws:SourceAccount, aws:SourceArn or aws:SourceOrgID"
_EXEMPTS: Final = f"exempts AWS services, which act for any customer (confused deputy): {_FIX}"


def _is_tied(allow: Statement, document: Document) -> bool:
    """Return whether a condition of the Allow, or a Deny, fixes for whom services may act."""
    if any(map(_fixes_the_source, allow.conditions)):
        return True
    denies = [each for each in document.statements if not each.allows and _denies_other_sources(each)]
    actions = covered_actions(allow.actions, negated=allow.not_action) if denies else frozenset()
    return any(actions <= covered_actions(deny.actions, negated=deny.not_action) for deny in denies)


def _is_certain(condition: Condition) -> bool:
    """Return whether a condition needs its key to be present, with one of the values."""
    operator = condition.operator
    return bool(condition.values) and not (
        operator.negated
        or operator.if_exists
        or operator.set_operator is SetOperator.FOR_ALL_VALUES
        or operator.value_type is ValueType.NULL
    )


def _requires_a_service(condition: Condition) -> bool:
    if condition.key.name == _IS_SERVICE:
        return _says(condition, "true")
    return condition.key.name in (*_SERVICES, *_SOURCES) and _is_certain(condition)


def _says(condition: Condition, wanted: str) -> bool:
    """Return whether a condition needs aws:PrincipalIsAWSService, which every request has, to be true or false."""
    positive = condition.operator.value_type in (ValueType.BOOL, ValueType.STRING) and not condition.operator.negated
    return positive and {value.lower() for value in condition.values} == {wanted}


def _fixes_the_source(condition: Condition) -> bool:
    return (
        condition.key.name in (*_SOURCES, *_ORGANIZATION)
        and _is_certain(condition)
        and all(_is_fixed(condition, value) for value in condition.values)
    )


def _is_fixed(condition: Condition, value: str) -> bool:
    if condition.key.name == "aws:sourcearn":
        return bool(account_of(value)) and not has_wildcard(account_of(value))
    return not condition.operator.wildcards or not has_wildcard(value.partition("/")[0])


def _denies_other_sources(deny: Statement) -> bool:
    """Return whether a Deny denies what services do for others, as AWS writes it in a resource control policy.

    https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps_examples.html
    """
    if not (deny.conditions and _is_for_everyone(deny) and deny.every_resource):
        return False
    fixing: list[Condition] = []
    others: list[Condition] = []
    for condition in deny.conditions:
        fixes = condition.operator.negated and condition.key.name in _SOURCES
        (fixing if fixes else others).append(condition)
    is_fixed = all(_is_fixed(condition, value) for condition in fixing for value in condition.values)
    is_met = all(condition.key.name in _SOURCES or _requires_a_service(condition) for condition in others)
    return bool(fixing) and is_fixed and is_met


def _is_for_everyone(statement: Statement) -> bool:
    return statement.principals.everyone and not statement.not_principal


def _exempts_services(deny: Statement, document: Document) -> bool:
    """Return whether a Deny for everyone does not apply to AWS services."""
    is_guard = _is_for_everyone(deny) and why_ignored(deny, document) is None
    return is_guard and any(
        condition.key.name == _IS_SERVICE and _says(condition, "false") for condition in deny.conditions
    )


def _some_allow_needs_it(document: Document) -> bool:
    """Return whether an Allow for everyone also allows services, for any customer."""
    return any(
        statement.allows
        and (statement.principals.everyone or bool(statement.principals.wildcards) or statement.not_principal)
        and not any(map(_excludes_services, statement.conditions))
        and not _is_tied(statement, document)
        for statement in document.statements
    )


def _excludes_services(condition: Condition) -> bool:
    """Return whether the request of a service that acts for a customer cannot meet the condition."""
    if condition.key.name == _IS_SERVICE:
        return _says(condition, "false")
    return tells_callers_apart(condition) and condition.key.domain is not ValueDomain.UNKNOWN and _is_certain(condition)
