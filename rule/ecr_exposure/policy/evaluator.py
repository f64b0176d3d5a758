"""The plain evaluator: does this policy allow this request? It reads, it derives nothing.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
A condition whose outcome AWS does not document is doubtful, here None: it counts as true in an Allow
and as false in a Deny.
"""

import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from ecr_exposure.policy.actions import is_repository_action
from ecr_exposure.policy.condition_keys import fits, key_of
from ecr_exposure.policy.conditions import Condition
from ecr_exposure.policy.document import Document, Statement, read_policy
from ecr_exposure.policy.operators import NUMBER, Operator, Quantifier, ValueType, read_cidr, read_date
from ecr_exposure.policy.patterns import LITERAL, PLAIN, matches
from ecr_exposure.policy.principals import Principal, PrincipalKind
from ecr_exposure.policy.variables import Doubtful, Reference, has_variable, substitute

Context = Mapping[str, str | tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Request:
    """One request to ECR.

    principal: the caller's ARN, an iam user or root, or an sts assumed-role or federated-user.
    action: such as ``ecr:BatchGetImage``.
    context: every condition key that the request carries, in lower case; nothing is derived.
    """

    principal: str
    action: str
    context: Mapping[str, str | tuple[str, ...]]

    def __str__(self) -> str:
        """Return the request in one line: who may do what, and from where."""
        caller = self.context.get("aws:principalarn", self.principal)
        address, endpoint = self.context.get("aws:sourceip"), self.context.get("aws:sourcevpce")
        origin = f" from {address}" if address else f" through {endpoint}" if endpoint else ""
        return f"{caller}{origin} may {self.action}"


def is_allowed(policy: object, request: Request) -> bool:
    """Tell whether the policy of a repository, as `judge` takes it, allows a request.

    Raises PolicyError exactly where `judge` reports a problem with the document.
    """
    document = read_policy(policy)
    if document is None or not is_repository_action(request.action):
        return False
    matching = [each for each in document.statements if matches_request(each, document, request)]
    return bool(matching) and all(statement.allows for statement in matching)


def matches_request(statement: Statement, document: Document, request: Request) -> bool:
    """Tell whether the statement speaks about the request; doubtful conditions open."""
    return (
        covers(statement, request.action)
        and matches_principal(statement, request)
        and all(
            statement.allows if met is None else met
            for met in (evaluate(each, request.context, document.variables) for each in statement.conditions)
        )
    )


def covers(statement: Statement, action: str) -> bool:
    """Tell whether the statement's Action or NotAction covers an action."""
    lower = action.lower()
    return any(matches(pattern.lower(), lower) for pattern in statement.actions) != statement.not_action


def matches_principal(statement: Statement, request: Request) -> bool:
    """Tell whether the statement's Principal or NotPrincipal covers the caller.

    What is malformed covers everyone in an Allow and nobody in a Deny. Whom an identity provider vouches
    for cannot be told from a request: in an Allow it may be anybody of its account, and nobody is kept
    out because of it.
    """
    principals = statement.principals
    if statement.allows and principals.malformed:
        return True
    if not statement.allows and is_not_relied_on(statement):
        return False
    named = principals.named if statement.allows != statement.not_principal else certain(principals.named)
    listed = principals.everyone or any(_is(each, request) for each in named)
    return listed != statement.not_principal


def is_not_relied_on(deny: Statement) -> bool:
    """Tell whether it cannot be told whom a Deny with NotPrincipal, or with a Resource that ECR refuses, spares."""
    unclear = deny.principals.malformed or len(certain(deny.principals.named)) < len(deny.principals.named)
    return bool(deny.resource) or (deny.not_principal and bool(unclear))


def certain(named: tuple[Principal, ...]) -> tuple[Principal, ...]:
    """Return the principals that a request tells apart: all but identity providers."""
    return tuple([each for each in named if each.kind is not PrincipalKind.PROVIDER])


def _is(principal: Principal, request: Request) -> bool:
    if principal.kind is PrincipalKind.ARN:
        return principal.text in (request.principal, request.context.get("aws:principalarn"))
    if principal.kind in (PrincipalKind.ACCOUNT, PrincipalKind.PROVIDER):
        fields = request.principal.split(":")
        return fields[4:5] == [principal.account] and principal.partition in ("", fields[1])
    return False  # a service calls as itself, and a unique id stands for somebody deleted


def evaluate(condition: Condition, context: Context, variables: bool) -> bool | None:  # noqa: FBT001 - the policy's version
    """Evaluate one condition on the context of a request; None where AWS does not document it."""
    operation = condition.operator
    values = _values(context.get(condition.key, ()))
    if operation.value_type is ValueType.NULL:
        return ("false" if values else "true") in [v.lower() for v in condition.values] if condition.values else None
    if not values:
        return when_absent(operation)
    key = key_of(condition.key)
    several_are_read_as_one = operation.quantifier is Quantifier.PLAIN and (key.multivalued or len(values) > 1)
    if several_are_read_as_one or not condition.values or not fits(key, operation.value_type):
        return None
    met = [_meets(condition, value, context, variables) for value in values]
    return _any(met) if operation.quantifier is Quantifier.FOR_ANY else _not(_any(map(_not, met)))


def when_absent(operation: Operator) -> bool | None:
    """Return what an operator answers where the request does not carry the key."""
    if operation.quantifier is Quantifier.FOR_ALL:
        return True
    if operation.quantifier is Quantifier.FOR_ANY:
        return None if operation.if_exists else False
    return operation.if_exists or operation.negated


def _values(value: str | tuple[str, ...]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else value


def _meets(condition: Condition, value: str, context: Context, variables: bool) -> bool | None:  # noqa: FBT001
    found = _any(_fits(condition.operator, text, value, context, variables) for text in condition.values)
    return _not(found) if condition.operator.negated else found


def _fits(operation: Operator, text: str, value: str, context: Context, variables: bool) -> bool | None:  # noqa: FBT001
    if variables and operation.value_type in TAKE_VARIABLES and has_variable(text):
        try:
            filled = substitute(text, lambda reference: _of_request(reference, context))
        except Doubtful:
            return None
        if filled is None:
            return False
        text, value = filled, value.translate(LITERAL)
    return MATCHERS[operation.name](text, value)


TAKE_VARIABLES: Final = (ValueType.STRING, ValueType.ARN, ValueType.BOOL)


def _of_request(reference: Reference, context: Context) -> str | None:
    if is_doubtful(reference):
        raise Doubtful
    value = context.get(reference.key, reference.default)
    return value if isinstance(value, str) else reference.default


def is_doubtful(reference: Reference) -> bool:
    """Tell whether AWS does not say what the variable stands for: an unknown or multivalued key."""
    key = key_of(reference.key)
    return key.multivalued or key.content.name == "UNKNOWN"


def _any(answers: Iterable[bool | None]) -> bool | None:
    found: bool | None = False
    for answer in answers:
        if answer:
            return True
        if answer is None:
            found = None
    return found


def _not(answer: bool | None) -> bool | None:  # noqa: FBT001 - three values
    return None if answer is None else not answer


def _equals(text: str, value: str) -> bool:
    return text.translate(PLAIN) == value.translate(PLAIN)


def matches_arn(pattern: str, value: str) -> bool | None:
    """Match an ARN field by field; None where the pattern is too short and what it has fits.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_ARN
    """
    wanted, fields = pattern.split(":", 5), value.split(":", 5)
    if len(fields) < ARN_FIELDS:
        return False
    if not all(map(matches, wanted, fields)):
        return False
    return True if len(wanted) == ARN_FIELDS else None


ARN_FIELDS: Final = 6


def compares(name: str) -> Callable[[Any, Any], bool]:
    """Return the comparison of a Numeric or Date operator, the request's value first."""
    return {
        "Equals": operator.eq,
        "NotEquals": operator.eq,
        "LessThan": operator.lt,
        "LessThanEquals": operator.le,
        "GreaterThan": operator.gt,
        "GreaterThanEquals": operator.ge,
    }[name]


def _numeric(name: str) -> Callable[[str, str], bool]:
    compare = compares(name)
    return lambda text, value: NUMBER.fullmatch(value) is not None and compare(Decimal(value), Decimal(text))


def _date(name: str) -> Callable[[str, str], bool]:
    compare = compares(name)

    def fit(text: str, value: str) -> bool:
        moment = read_date(value)
        return moment is not None and compare(moment, read_date(text))

    return fit


def in_network(text: str, value: str) -> bool:
    """Tell whether an address lies in a CIDR range."""
    network, address = read_cidr(text), read_cidr(value)
    if network is None or address is None or network[0] != address[0]:
        return False
    shift = (32 if network[0] == 4 else 128) - network[2]  # noqa: PLR2004 - the versions of IP
    return network[1] >> shift == address[1] >> shift


_COMPARISONS: Final = ("Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals")
MATCHERS: Final[Mapping[str, Callable[[str, str], bool | None]]] = (
    {
        "StringEquals": _equals,
        "StringNotEquals": _equals,
        "StringEqualsIgnoreCase": lambda text, value: _equals(text.lower(), value.lower()),
        "StringNotEqualsIgnoreCase": lambda text, value: _equals(text.lower(), value.lower()),
        "StringLike": matches,
        "StringNotLike": matches,
        "ArnEquals": matches_arn,
        "ArnLike": matches_arn,
        "ArnNotEquals": matches_arn,
        "ArnNotLike": matches_arn,
        "Bool": lambda text, value: _equals(text.lower(), value.lower()),
        "BinaryEquals": _equals,
        "IpAddress": in_network,
        "NotIpAddress": in_network,
    }
    | {f"Numeric{n}": _numeric(n) for n in _COMPARISONS}
    | {f"Date{n}": _date(n) for n in _COMPARISONS}
)
"""Whether one value of a request fits one value of a condition, by operator; negated ones ask the same."""
