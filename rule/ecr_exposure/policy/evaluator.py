"""Whether a policy allows one request, evaluated as IAM does.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
Nothing is derived: the request context holds every key that the request has. A condition whose result AWS
does not document is None here; it counts as true in an Allow and as false in a Deny.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, assert_never

from ecr_exposure.identifiers import account_of, partition_of
from ecr_exposure.policy.actions import is_repository_action
from ecr_exposure.policy.condition_keys import ConditionKey, ValueDomain
from ecr_exposure.policy.conditions import Condition
from ecr_exposure.policy.document import Document, Statement, read_policy
from ecr_exposure.policy.json_values import describe, is_list, printable
from ecr_exposure.policy.operators import EQUAL_VALUES, Operator, SetOperator, ValueType
from ecr_exposure.policy.patterns import LITERAL, ascii_lower, has_wildcard, matches
from ecr_exposure.policy.principals import Principal, PrincipalKind
from ecr_exposure.policy.variables import Reference, UndocumentedError, has_variable, only_reference, substitute

Context = Mapping[str, str | tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Request:
    """One request to Amazon ECR.

    principal: the ARN of the caller, an iam user or root, or an sts assumed-role or federated-user.
    action: such as ``ecr:BatchGetImage``.
    context: every condition key of the request context; nothing is derived. `judge` gives keys in lower case;
    `is_allowed` takes them in any case, and numbers and booleans as values.
    compared: the keys that the policy compares; str(request) names those that say something about the request.
    """

    principal: str
    action: str
    context: Context
    compared: tuple[ConditionKey, ...] = field(default=(), compare=False, repr=False)

    def __str__(self) -> str:
        """Return the request in one printable line: who may do what, from where, and what else the policy compares."""
        caller = self.context.get("aws:principalarn", self.principal)
        address, endpoint = self.context.get("aws:sourceip"), self.context.get("aws:sourcevpce")
        origin = f" from {address}" if address else f" through {endpoint}" if endpoint else ""
        found, tags = self._compared_values(of_repository=False), self._compared_values(of_repository=True)
        having = f" with {found}" if found else ""
        where = f" on a repository with {tags}" if tags else ""
        return printable(f"{caller}{origin}{having} may {self.action}{where}")

    def _compared_values(self, *, of_repository: bool) -> str:
        keys = {key.name: key for key in self.compared if key.name in self.context and key.name not in _TOLD}
        return ", ".join(
            f"{key.spelling} {' and '.join(map(describe, _values(self.context[name])))}"
            for name, key in sorted(keys.items())
            if key.domain not in _SAME_FOR_ALL and (key.domain in _OF_REPOSITORY) is of_repository
        )


_TOLD: Final = frozenset(
    "aws:principalarn aws:principalaccount aws:principaltype aws:username aws:sourceip aws:sourcevpce".split()
)
"""The keys that str(request) names in any case."""
_SAME_FOR_ALL: Final = (ValueDomain.TRUE, ValueDomain.FALSE, ValueDomain.REGION, ValueDomain.OWNER_ACCOUNT)
_OF_REPOSITORY: Final = (
    ValueDomain.RESOURCE_TAG,
    ValueDomain.OWNER_ORGANIZATION_ID,
    ValueDomain.OWNER_ORGANIZATION_PATH,
)


def is_allowed(policy: object, request: Request) -> bool:
    """Return whether the policy of a repository, as `judge` takes it, allows a request.

    Raises PolicyError exactly where `judge` reports a problem with the document.
    """
    document = read_policy(policy)
    if document is None or not is_repository_action(request.action):
        return False
    request = replace(request, context=_as_texts(request.context))
    matching = [each for each in document.statements if matches_request(each, document, request)]
    return bool(matching) and all(statement.allows for statement in matching)


def _as_texts(context: Mapping[str, object]) -> Context:
    return {
        ascii_lower(key): tuple(map(_as_text, value)) if is_list(value) else _as_text(value)
        for key, value in context.items()
    }


def _as_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def matches_request(statement: Statement, document: Document, request: Request) -> bool:
    """Return whether the statement applies to the request.

    An undocumented condition counts as true in an Allow and as false in a Deny.
    """
    return (
        covers(statement, request.action)
        and matches_principal(statement, request)
        and all(
            statement.allows if met is None else met
            for met in (evaluate(each, request.context, document.variables) for each in statement.conditions)
        )
    )


def covers(statement: Statement, action: str) -> bool:
    """Return whether the statement's Action or NotAction covers an action."""
    lower = ascii_lower(action)
    return any(matches(ascii_lower(pattern), lower) for pattern in statement.actions) != statement.not_action


def matches_principal(statement: Statement, request: Request) -> bool:
    """Return whether the statement's Principal or NotPrincipal covers the caller.

    A value with a wildcard covers every caller in the Principal of an Allow, and none elsewhere; a malformed value
    covers none. A request does not show which identity provider authenticated its caller: a provider stands for every
    caller of its account in the Principal of an Allow and in the NotPrincipal of a Deny, and for none elsewhere.
    """
    principals = statement.principals
    if statement.allows and principals.wildcards and not statement.not_principal:
        return True
    if not statement.allows and is_ineffective(statement):
        return False
    named = principals.named if statement.allows != statement.not_principal else identifiable(principals.named)
    listed = principals.everyone or any(_is(each, request) for each in named)
    return listed != statement.not_principal


def is_ineffective(deny: Statement) -> bool:
    """Return whether a Deny cannot be relied on.

    It has a Resource element other than ``*``, or its NotPrincipal has a value that is no principal.
    """
    unclear = deny.principals.wildcards or deny.principals.malformed
    return not deny.every_resource or (deny.not_principal and bool(unclear))


def identifiable(named: tuple[Principal, ...]) -> tuple[Principal, ...]:
    """Return the principals that a request shows: all but identity providers."""
    return tuple([each for each in named if each.kind is not PrincipalKind.PROVIDER])


def _is(principal: Principal, request: Request) -> bool:
    match principal.kind:
        case PrincipalKind.ARN:
            return principal.text in (request.principal, request.context.get("aws:principalarn"))
        case PrincipalKind.ACCOUNT | PrincipalKind.PROVIDER:
            caller = request.principal
            return account_of(caller) == principal.account and principal.partition in ("", partition_of(caller))
        case PrincipalKind.SERVICE | PrincipalKind.UNIQUE_ID:
            return False  # a service calls as itself, and a unique id belongs to a deleted principal
        case _:
            assert_never(principal.kind)


def evaluate(condition: Condition, context: Context, variables: bool) -> bool | None:  # noqa: FBT001 - the policy's version
    """Evaluate one condition on a request context; None where AWS does not document the result."""
    operator, key = condition.operator, condition.key
    values = _values(context.get(key.name, ()))
    tags = _tags(key, context)
    if operator.value_type is ValueType.NULL:
        return _is_present(condition, present=None if len(tags) == 1 else bool(values))
    if not values:
        return operator.when_absent
    # Several values under an operator without a set operator.
    several_as_one = operator.set_operator is SetOperator.NONE and (key.multivalued or len(values) > 1)
    if several_as_one or tags or not condition.values or not _may_fit(operator, key):
        return None
    met = [_meets(condition, value, context, variables) for value in values]
    return _any(met) if operator.set_operator is SetOperator.FOR_ANY_VALUE else _not(_any(map(_not, met)))


def _tags(key: ConditionKey, context: Context) -> tuple[str, ...]:
    """Return the values of a resource tag if AWS does not document which of them the key has.

    The keys of several tags differ in case only; a single one differs in letters other than ASCII.
    """
    held = context.get(key.name, ())
    return held if key.domain is ValueDomain.RESOURCE_TAG and not isinstance(held, str) else ()


def _is_present(condition: Condition, *, present: bool | None) -> bool | None:
    """Evaluate the operator Null; present: whether the request has the key, None if AWS does not document it."""
    if present is None or not condition.values:
        return None
    return ("false" if present else "true") in [ascii_lower(value) for value in condition.values]


def _may_fit(operator: Operator, key: ConditionKey) -> bool:
    # Whether a String operator fits an address, a date or a number depends on each value of the policy.
    return operator.value_type is ValueType.STRING or key.fits(operator.value_type)


def _values(value: str | tuple[str, ...]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else value


def _meets(condition: Condition, value: str, context: Context, variables: bool) -> bool | None:  # noqa: FBT001 - the same
    operator, key = condition.operator, condition.key
    if key.fits(operator.value_type):
        found = _any(_matches(operator, text, value, context, variables) for text in condition.values)
    else:
        found = _any(_equals_variable(key, text, value, context, variables) for text in condition.values)
    return _not(found) if condition.operator.negated else found


def _matches(operator: Operator, text: str, value: str, context: Context, variables: bool) -> bool | None:  # noqa: FBT001 - the same
    if not variables or "${" not in text or operator.variables is False:
        return operator.matches(text, value)
    if operator.variables is None:
        return None
    if not has_variable(text):
        return operator.matches(text, value)
    try:
        filled = substitute(text, lambda reference: _filled_in(operator, reference, context))
    except UndocumentedError:
        return None
    return False if filled is None else operator.matches(filled, value.translate(LITERAL))


def _filled_in(operator: Operator, reference: Reference, context: Context) -> str | None:
    value, default = _value_of(reference, context), reference.default
    if value is None and default is not None and operator.wildcards and has_wildcard(default):
        raise UndocumentedError
    return default if value is None else value


def _equals_variable(key: ConditionKey, text: str, value: str, context: Context, variables: bool) -> bool | None:  # noqa: FBT001 - the same
    """Compare an address, a date or a number with a variable of the same type; all other text is undocumented."""
    reference = only_reference(text) if variables else None
    value_type = key.common_type(reference.key) if reference is not None else None
    if reference is None or value_type is None:
        return None
    try:
        other = _value_of(reference, context)
    except UndocumentedError:
        return None
    if other is None:
        return False if reference.default is None else None
    return EQUAL_VALUES[value_type](other, value)


def _value_of(reference: Reference, context: Context) -> str | None:
    """Return the value of a variable's key, None if it is absent; raise UndocumentedError if it may be another."""
    values = _values(context.get(reference.key.name, ()))
    if reference.is_undocumented or len(values) > 1 or _tags(reference.key, context):
        raise UndocumentedError
    return values[0] if values else None


def _any(answers: Iterable[bool | None]) -> bool | None:
    found: bool | None = False
    for answer in answers:
        if answer:
            return True
        if answer is None:
            found = None
    return found


def _not(answer: bool | None) -> bool | None:  # noqa: FBT001 - true, false, or not documented
    return None if answer is None else not answer
