"""Why a statement grants access: which statement it is, and why its conditions do not restrict the callers."""

from typing import Final, assert_never

from ecr_exposure.identifiers import account_of
from ecr_exposure.policy.condition_keys import Presence, ValueDomain
from ecr_exposure.policy.conditions import Condition
from ecr_exposure.policy.document import Statement
from ecr_exposure.policy.evaluator import Context, Request, evaluate
from ecr_exposure.policy.json_values import describe, printable
from ecr_exposure.policy.operators import Operator, SetOperator, ValueType
from ecr_exposure.policy.patterns import has_wildcard
from ecr_exposure.policy.variables import has_variable
from ecr_exposure.search import is_trusted_network

_MOST_NAMED: Final = 2


def reason_of(statement: Statement, witness: Request | None = None, *, variables: bool = False) -> str:
    """Return one sentence without a full stop; witness: the request that is allowed, if one was searched for."""
    start = printable(f"{name_of(statement)} allows {_actions(statement)} to {_whom(statement, witness)}")
    if not statement.conditions or witness is None:
        return f"{start} with no Condition"
    return f"{start}: {printable(explain(_telling(statement, witness.context, variables), witness.context, variables))}"


def _telling(statement: Statement, context: Context, variables: bool) -> Condition:  # noqa: FBT001 - the policy's version
    """Return the condition that tells most: an undocumented one, or one that was meant to restrict the callers."""
    undocumented = [each for each in statement.conditions if evaluate(each, context, variables) is None]
    restricting = [each for each in statement.conditions if not _is_free(each)]
    return (undocumented or restricting or statement.conditions)[0]


def _is_free(condition: Condition) -> bool:
    return _why_free(condition.key.domain) is not None


def name_of(statement: Statement) -> str:
    """Name a statement by its Sid, or by its position."""
    return f"statement {describe(statement.sid)}" if statement.sid else f"Statement[{statement.position}]"


def _actions(statement: Statement) -> str:
    shown = [describe(action)[1:-1] for action in statement.actions[:_MOST_NAMED]]
    if more := len(statement.actions) - len(shown):
        shown.append(f"{more} more")
    listed = " and ".join(filter(None, [", ".join(shown[:-1]), *shown[-1:]])) or "no action"
    return f"all actions except {listed}" if statement.not_action else listed


def _whom(statement: Statement, witness: Request | None) -> str:
    principals = statement.principals
    if principals.everyone and not statement.not_principal:
        return "*"
    if statement.not_principal:
        return "everyone except the NotPrincipal"
    if principals.wildcards:
        written = principals.wildcards[0]
        return f"{written.type or 'Principal'} {describe(written.text)}"
    return f"account {account_of(witness.principal)}" if witness else "the named principals"


_D, _P = ValueDomain, Presence


def _absence(presence: Presence) -> str:  # noqa: PLR0911 - one return a case reads as a table
    """Say which callers do not have a key."""
    match presence:
        case _P.ORGANIZATION | _P.ENDPOINT_ORGANIZATION:
            return "any account outside an organization"
        case _P.DIRECT:
            return "any request through a VPC endpoint"
        case _P.ENDPOINT:
            return "any request that uses no VPC endpoint"
        case _P.NEVER:
            return "every request of an IAM principal"
        case _P.USER:
            return "any role session"
        case _P.OWNER_ORGANIZATION:
            return "an owner outside an organization"
        case _P.ALWAYS | _P.OPTIONAL | _P.TAGS | _P.TAG_KEYS:
            return "any request without it"
        case _:
            assert_never(presence)


def _why_free(domain: ValueDomain) -> str | None:  # noqa: PLR0911 - the same
    """Say why a key does not distinguish callers; None if its values can."""
    match domain:
        case _D.TEXT | _D.BOOL | _D.PRINCIPAL_TYPE | _D.USERNAME | _D.AGE | _D.NUMBER | _D.PROVIDER | _D.ISSUE_TIME:
            return "can be set by the caller"
        case _D.ADDRESS | _D.ADDRESS_IPV4:
            return "can be any address: the caller chooses the CIDR range of its VPC"
        case _D.TRUE | _D.FALSE | _D.GLUE_SERVICE:
            return "is the same for every caller"
        case _D.TIME:
            return "restricts the time of the request and not the caller"
        case _D.REGION | _D.OWNER_ACCOUNT | _D.OWNER_ORGANIZATION_ID | _D.OWNER_ORGANIZATION_PATH | _D.RESOURCE_TAG:
            return "is about the repository and does not restrict the caller"
        case _D.UNKNOWN:
            return "is not a condition key that is known to restrict callers"
        case _D.PRINCIPAL_ARN | _D.PRINCIPAL_ACCOUNT | _D.USERID | _D.ORGANIZATION_ID | _D.ORGANIZATION_PATH:
            return None
        case _D.ACCOUNT | _D.VPC | _D.ENDPOINT | _D.VPC_ARN | _D.ARN | _D.OWN_ID | _D.PUBLIC_ADDRESS:
            return None
        case _:
            assert_never(domain)


def explain(condition: Condition, context: Context, variables: bool) -> str:  # noqa: FBT001 - the same
    """Say why a condition that the request meets does not restrict the callers."""
    key, operator = condition.key.spelling, condition.operator
    if condition.key.name not in context:
        return f"{_when_absent(operator, key)}, as for {_absence(condition.key.presence)}"
    if operator.value_type is ValueType.NULL:
        return f"{key} only has to be present; any value matches"
    if evaluate(condition, context, variables) is None:
        return f"AWS does not document how {operator.spelling} evaluates {key} here, so it may match any caller"
    if (free := _why_free(condition.key.domain)) is not None:
        return f"{key} {free}"
    if operator.negated:
        return f"{operator.spelling} excludes only the listed values, and {key} can have any other"
    return _explain_match(condition, key, context, variables=variables)


def _explain_match(condition: Condition, key: str, context: Context, *, variables: bool) -> str:
    if condition.operator.value_type is ValueType.IP:
        if is_trusted_network(condition.values):
            return "a fixed network is not part of the zone of trust"
        return "its address ranges are wider than a trusted network can be (a /8, or a /32 of IPv6)"
    if variables and any(map(has_variable, condition.values)):
        return f"the policy variable matches the caller's own {key}"
    single = [condition._replace(values=(value,)) for value in condition.values]
    matching = next((each for each in single if evaluate(each, context, variables)), condition).values[0]
    if has_wildcard(matching) and condition.operator.wildcards:
        return f"{describe(matching)} also matches the {key} of callers in other accounts"
    if condition.key.domain is ValueDomain.PUBLIC_ADDRESS:
        return f"{key} is compared as text, which does not make a network trusted"
    return f"{key} {describe(matching)} is not in the zone of trust"


def _when_absent(operator: Operator, key: str) -> str:
    if operator.value_type is ValueType.NULL:
        return f"Null matches when {key} is absent"
    if operator.set_operator is SetOperator.FOR_ANY_VALUE:
        return f"AWS does not document whether {operator.spelling} matches when {key} is absent"
    name = operator.set_operator.value or ("IfExists" if operator.if_exists else operator.name)
    return f"{name} also matches when {key} is absent"


def is_undocumented(deny: Statement, context: Context, *, variables: bool) -> bool:
    """Return whether only undocumented behavior lets the request avoid a Deny."""
    results = [evaluate(condition, context, variables) for condition in deny.conditions]
    return not deny.every_resource or (None in results and False not in results)


def explain_deny(deny: Statement, context: Context, *, variables: bool) -> str:
    """Say why a Deny does not match the request."""
    if not deny.every_resource:
        return f"{name_of(deny)} may deny nothing: ECR refuses its {deny.resource} element"
    results = [(condition, evaluate(condition, context, variables)) for condition in deny.conditions]
    for condition, met in sorted(results, key=lambda result: result[1] is None):
        if not met:
            key, name = condition.key.spelling, condition.operator.spelling
            if met is None:
                return f"{name_of(deny)} may not deny it: AWS does not document how {name} evaluates {key} here"
            if condition.key.name not in context:
                return f"{name_of(deny)} does not deny it: {name} does not match when {key} is absent"
            return f"{name_of(deny)} does not deny it: {name} does not match the {key} of the request"
    return f"{name_of(deny)} does not deny it: it does not apply to every caller"
