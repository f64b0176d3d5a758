"""Why a statement lets a caller in: which statement, and why its conditions do not keep him out."""

from typing import Final

from ecr_exposure.policy.addresses import is_trusted_network
from ecr_exposure.policy.condition_keys import Content, Presence, key_of, spelled
from ecr_exposure.policy.conditions import Condition
from ecr_exposure.policy.document import Statement
from ecr_exposure.policy.evaluator import Context, Request, evaluate
from ecr_exposure.policy.json_values import describe, printable
from ecr_exposure.policy.operators import Operator, Quantifier, ValueType
from ecr_exposure.policy.patterns import has_wildcard
from ecr_exposure.policy.variables import has_variable

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
    return key_of(condition.key).content in _FREE


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
    return f"account {witness.principal.split(':')[4]}" if witness else "the named principals"


_ABSENCE: Final = {
    Presence.ORGANIZATION: "anyone outside an organization",
    Presence.ENDPOINT_ORGANIZATION: "anyone outside an organization",
    Presence.DIRECT: "anyone who comes through a VPC endpoint",
    Presence.ENDPOINT: "anyone who comes without a VPC endpoint",
    Presence.NEVER: "every direct caller",
    Presence.USER: "every role session",
    Presence.OWNER_ORGANIZATION: "an owner outside an organization",
}
_FREE: Final = {
    Content.TEXT: "is the caller's own to choose",
    Content.BOOL: "is the caller's own to choose",
    Content.PRINCIPAL_TYPE: "is the caller's own to choose",
    Content.USERNAME: "is the caller's own to choose",
    Content.AGE: "is the caller's own to choose",
    Content.PROVIDER: "is the caller's own to choose",
    Content.ADDRESS_IPV4: "is any address that the caller gives to his own network",
    Content.ADDRESS: "is any address that the caller gives to his own network",
    Content.TRUE: "is the same for every caller",
    Content.FALSE: "is the same for every caller",
    Content.TIME: "leaves a time in which everyone can call",
    Content.ISSUE_TIME: "is the caller's own to choose",
    Content.REGION: "says nothing about the caller",
    Content.OWNER_ACCOUNT: "says nothing about the caller",
    Content.OWNER_ORGANIZATION_ID: "says nothing about the caller",
    Content.OWNER_ORGANIZATION_PATH: "says nothing about the caller",
    Content.RESOURCE_TAG: "says nothing about the caller",
    Content.UNKNOWN: "is not a key that is known to limit callers",
}


def explain(condition: Condition, context: Context, *, variables: bool) -> str:
    """Tell why a condition that is met does not keep strangers out."""
    key, operation = spelled(condition.key), condition.operator
    if condition.key not in context:
        absence = _ABSENCE.get(key_of(condition.key).presence, "every caller who does not bring it")
        return f"{_when_absent(operation)} when {key} is absent: {absence}"
    if operation.value_type is ValueType.NULL:
        return f"{key} only has to be there, whatever its value"
    if evaluate(condition, context, variables) is None:
        return f"AWS does not say what {operator_name(operation)} means for {key} here, so it may fit anyone"
    if (told := _FREE.get(key_of(condition.key).content)) is not None:
        return f"{key} {told}"
    if operation.negated:
        return f"{operator_name(operation)} shuts out only what it lists, and {key} can be anything else"
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
    if has_wildcard(fitting) and not condition.operator.name.startswith("StringEquals"):
        return f"{describe(fitting)} also fits the {key} of callers from outside"
    if condition.key == "aws:sourceip":
        return f"{key} is compared as text, which makes no trusted network"
    return f"{key} {describe(fitting)} names nobody inside the trust zone"


def _when_absent(operation: Operator) -> str:
    name = operator_name(operation)
    if operation.value_type is ValueType.NULL:
        return f"{name} is true"
    if operation.quantifier is Quantifier.FOR_ALL:
        return "ForAllValues is also true"
    if operation.quantifier is Quantifier.FOR_ANY:
        return f"AWS does not say whether {name} is true"
    return "IfExists is also true" if operation.if_exists else f"{name} is also true"


def operator_name(operation: Operator) -> str:
    """Return the operator as a policy spells it."""
    prefix = f"{operation.quantifier.value}:" if operation.quantifier.value else ""
    return f"{prefix}{operation.name}{'IfExists' if operation.if_exists else ''}"


def explain_deny(deny: Statement, context: Context, *, variables: bool) -> str:
    """Tell why a Deny does not stop the caller."""
    if deny.resource:
        return f"{name_of(deny)} denies nothing for sure: ECR refuses its {deny.resource} element"
    for condition in deny.conditions:
        met = evaluate(condition, context, variables)
        if not met:
            key, name = spelled(condition.key), operator_name(condition.operator)
            if met is None:
                return f"{name_of(deny)} is not relied on: AWS does not say what {name} means for {key} here"
            if condition.key not in context:
                return f"{name_of(deny)} does not stop it: {name} is false when {key} is absent"
            return f"{name_of(deny)} does not stop it: {name} is false for some {key} that a caller can have"
    return f"{name_of(deny)} does not stop it: it does not deny every caller from outside"
