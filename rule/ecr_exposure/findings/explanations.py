"""Why a statement lets a caller in: which statement, and why its conditions do not keep him out."""

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
from ecr_exposure.search.callers import is_trusted_network

_MOST_NAMED: Final = 2


def reason_of(statement: Statement, witness: Request | None = None, *, variables: bool = False) -> str:
    """Return one sentence without a stop; witness: the request that is let in, where one was looked for."""
    start = printable(f"{name_of(statement)} allows {_actions(statement)} to {_whom(statement, witness)}")
    if not statement.conditions or witness is None:
        return f"{start} with no Condition"
    told = [explain(each, witness.context, variables=variables) for each in statement.conditions]
    # What was meant to tell callers apart says more than what everybody can bring.
    weak = [text for each, text in zip(statement.conditions, told, strict=True) if not _is_free(each)]
    return f"{start}: {printable((weak or told)[0])}"


def _is_free(condition: Condition) -> bool:
    return _why_free(condition.key.domain) is not None


def name_of(statement: Statement) -> str:
    """Name a statement by its Sid, or by its place."""
    return f"statement {describe(statement.sid)}" if statement.sid else f"Statement[{statement.position}]"


def _actions(statement: Statement) -> str:
    shown = [describe(action)[1:-1] for action in statement.actions[:_MOST_NAMED]]
    if more := len(statement.actions) - len(shown):
        shown.append(f"{more} more")
    listed = " and ".join(filter(None, [", ".join(shown[:-1]), *shown[-1:]])) or "no action"
    return f"all but {listed}" if statement.not_action else listed


def _whom(statement: Statement, witness: Request | None) -> str:
    principals = statement.principals
    if principals.everyone and not statement.not_principal:
        return "*"
    if principals.malformed:
        element = "NotPrincipal" if statement.not_principal else "Principal"
        return f"the malformed {element} {describe(principals.malformed[0])}"
    if statement.not_principal:
        return "everyone but the NotPrincipal"
    return f"account {account_of(witness.principal)}" if witness else "the named principals"


_D, _P = ValueDomain, Presence


def _absence(presence: Presence) -> str:  # noqa: PLR0911 - one return a case reads as a table
    """Say which callers do not have a key."""
    match presence:
        case _P.ORGANIZATION | _P.ENDPOINT_ORGANIZATION:
            return "anyone outside an organization"
        case _P.DIRECT:
            return "anyone who comes through a VPC endpoint"
        case _P.ENDPOINT:
            return "anyone who comes without a VPC endpoint"
        case _P.NEVER:
            return "every direct caller"
        case _P.USER:
            return "every role session"
        case _P.OWNER_ORGANIZATION:
            return "an owner outside an organization"
        case _P.ALWAYS | _P.OPTIONAL | _P.TAGS | _P.TAG_KEYS:
            return "every caller who does not bring it"
        case _:
            assert_never(presence)


def _why_free(domain: ValueDomain) -> str | None:  # noqa: PLR0911 - the same
    """Say why a key does not distinguish callers; None if its values can."""
    match domain:
        case _D.TEXT | _D.BOOL | _D.PRINCIPAL_TYPE | _D.USERNAME | _D.AGE | _D.PROVIDER | _D.ISSUE_TIME:
            return "is the caller's own to choose"
        case _D.ADDRESS | _D.ADDRESS_IPV4:
            return "is any address that the caller gives to his own network"
        case _D.TRUE | _D.FALSE:
            return "is the same for every caller"
        case _D.TIME:
            return "leaves a time in which everyone can call"
        case _D.REGION | _D.OWNER_ACCOUNT | _D.OWNER_ORGANIZATION_ID | _D.OWNER_ORGANIZATION_PATH | _D.RESOURCE_TAG:
            return "says nothing about the caller"
        case _D.UNKNOWN:
            return "is not a key that is known to limit callers"
        case _D.PRINCIPAL_ARN | _D.PRINCIPAL_ACCOUNT | _D.USERID | _D.ORGANIZATION_ID | _D.ORGANIZATION_PATH:
            return None
        case _D.ACCOUNT | _D.VPC | _D.ENDPOINT | _D.VPC_ARN | _D.ARN | _D.OWN_ID | _D.PUBLIC_ADDRESS:
            return None
        case _:
            assert_never(domain)


def explain(condition: Condition, context: Context, *, variables: bool) -> str:
    """Tell why a condition that is met does not keep strangers out."""
    key, operation = condition.key.spelling, condition.operator
    if condition.key.name not in context:
        return f"{_when_absent(operation)} when {key} is absent: {_absence(condition.key.presence)}"
    if operation.value_type is ValueType.NULL:
        return f"{key} only has to be there, whatever its value"
    if evaluate(condition, context, variables) is None:
        return f"AWS does not say what {operation.spelling} means for {key} here, so it may fit anyone"
    if (free := _why_free(condition.key.domain)) is not None:
        return f"{key} {free}"
    if operation.negated:
        return f"{operation.spelling} shuts out only what it lists, and {key} can be anything else"
    return _explain_fit(condition, key, context, variables=variables)


def _explain_fit(condition: Condition, key: str, context: Context, *, variables: bool) -> str:
    if condition.operator.value_type is ValueType.IP:
        if is_trusted_network(condition.values):
            return "a fixed network does not make a caller trusted"
        return "its addresses are more than one trusted network (a /8) can be"
    if variables and any(map(has_variable, condition.values)):
        return f"the policy variable lets a caller's own {key} fit"
    single = [condition._replace(values=(value,)) for value in condition.values]
    fitting = next((each for each in single if evaluate(each, context, variables)), condition).values[0]
    if has_wildcard(fitting) and condition.operator.wildcards:
        return f"{describe(fitting)} also fits the {key} of callers from outside"
    if condition.key.domain is ValueDomain.PUBLIC_ADDRESS:
        return f"{key} is compared as text, which makes no trusted network"
    return f"{key} {describe(fitting)} names nobody inside the trust zone"


def _when_absent(operation: Operator) -> str:
    name = operation.spelling
    if operation.value_type is ValueType.NULL:
        return f"{name} is true"
    if operation.set_operator is SetOperator.FOR_ALL_VALUES:
        return "ForAllValues is also true"
    if operation.set_operator is SetOperator.FOR_ANY_VALUE:
        return f"AWS does not say whether {name} is true"
    return "IfExists is also true" if operation.if_exists else f"{name} is also true"


def explain_deny(deny: Statement, context: Context, *, variables: bool) -> str:
    """Tell why a Deny does not stop the caller."""
    if deny.resource:
        return f"{name_of(deny)} denies nothing for sure: ECR refuses its {deny.resource} element"
    for condition in deny.conditions:
        met = evaluate(condition, context, variables)
        if not met:
            key, name = condition.key.spelling, condition.operator.spelling
            if met is None:
                return f"{name_of(deny)} is not relied on: AWS does not say what {name} means for {key} here"
            if condition.key.name not in context:
                return f"{name_of(deny)} does not stop it: {name} is false when {key} is absent"
            return f"{name_of(deny)} does not stop it: {name} is false for some {key} that a caller can have"
    return f"{name_of(deny)} does not stop it: it does not deny every caller from outside"
