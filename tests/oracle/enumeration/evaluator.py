"""A plain request evaluator: whether a policy allows one request."""

import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Final

from tests.oracle.enumeration.actions import statement_covers_action
from tests.oracle.enumeration.conditions import NULL, Condition, Value
from tests.oracle.enumeration.keys import ARN, BOOL, DATE, IP, NUMERIC, STRING, Kind, doubtful_variable, key_info
from tests.oracle.enumeration.policy import Entry, PrincipalValue, Statement
from tests.oracle.enumeration.text import (
    DOUBT,
    Context,
    Doubt,
    arn_matches,
    glob_matches,
    resolve,
    text_of,
)
from tests.oracle.enumeration.values import (
    parse_address,
    parse_date,
    parse_number,
    public_size,
)

Truth = bool | Doubt

CALLER: Final = "the caller's own ARN"
ACTION: Final = "the action"
TRUSTED_IPV4: Final = 2**24
TRUSTED_IPV6: Final = 2**96

_COMPARISONS: Final[dict[str, Callable[[Fraction, Fraction], bool]]] = {
    "equals": operator.eq,
    "notequals": operator.eq,
    "lessthan": operator.lt,
    "lessthanequals": operator.le,
    "greaterthan": operator.gt,
    "greaterthanequals": operator.ge,
}


@dataclass(frozen=True, slots=True)
class Readings:
    """Points that the rules leave open, each with the side that is taken by default."""

    doubt_without_value: bool = False
    """A doubtful form (plain operator on several values, misfit, empty list) outweighs absence."""
    short_arn_doubtful: bool = True
    """The missing fields of a short ARN pattern are in doubt, not simply stars."""
    several_values_doubtful: bool = True
    """A plain operator on an unknown key that carries several values is in doubt."""
    trust_by_version: bool = False
    """IPv4 and IPv6 networks of one condition are trusted each on its own."""
    star_is_text: bool = True
    """A value "*" of an exact string operator is a text that free keys can carry."""
    malformed_opens: bool = True
    """A malformed NotPrincipal opens its statement, too, and does not turn into its opposite."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How requests are judged: are trusted networks weighed, and which readings hold."""

    trusting: bool
    readings: Readings = Readings()


def _negation(truth: Truth) -> Truth:
    """The opposite of doubt is doubt."""
    return DOUBT if truth == DOUBT else not truth


def _some(truths: Iterable[Truth]) -> Truth:
    """One true is enough; otherwise one doubt leaves doubt."""
    seen: Truth = False
    for truth in truths:
        if truth is True:
            return True
        if truth == DOUBT:
            seen = DOUBT
    return seen


@lru_cache(maxsize=20000)
def trusted_versions(condition: Condition, allow: bool, by_version: bool) -> frozenset[int]:
    """The IP versions in which what an Allow accepts, or a Deny spares, is a small network."""
    op = condition.operator
    if op.family != IP or condition.key != "aws:sourceip" or op.negated == allow:
        return frozenset()
    networks = frozenset(value.network for value in condition.values if value.network is not None)
    small = {
        version for version, most in ((4, TRUSTED_IPV4), (6, TRUSTED_IPV6)) if public_size(networks, version) <= most
    }
    if by_version:
        return frozenset(small)
    return frozenset({4, 6}) if small == {4, 6} else frozenset()


def _value_matches(condition: Condition, value: Value, text: str, context: Context, rules: Rules) -> Truth:
    """Compare one value of the policy with one value of the request, as if positive."""
    family = condition.operator.family
    if family in (STRING, ARN, BOOL):
        return _template_matches(condition, value, text, context, rules)
    if family in (NUMERIC, DATE):
        number = parse_number(text) if family == NUMERIC else parse_date(text)
        compare = _COMPARISONS[condition.operator.name.removeprefix(family)]
        return number is not None and compare(number, value.number)
    if family == IP:
        address = parse_address(text)
        return address is not None and value.network is not None and address in value.network
    return text == value.text


def _template_matches(condition: Condition, value: Value, text: str, context: Context, rules: Rules) -> Truth:
    """A variable without a text matches nothing."""
    exact = condition.operator.family == STRING and not condition.operator.name.endswith("like")
    if exact and value.text == "*" and not rules.readings.star_is_text:
        return False
    pattern = resolve(value.template, context, doubtful_variable)
    if pattern is None:
        return False
    if pattern == DOUBT:
        return DOUBT
    family = condition.operator.family
    if family == STRING:
        return glob_matches(pattern, text, ignore_case="ignorecase" in condition.operator.name)
    if family == BOOL:
        return text_of(pattern).lower() == text.lower()
    matched = arn_matches(pattern, text)
    return matched if rules.readings.short_arn_doubtful else bool(matched)


def _meets(condition: Condition, text: str, context: Context, allow: bool, rules: Rules) -> Truth:
    """A positive operator wants one value of the list, a negated one none of them."""
    address = parse_address(text) if condition.operator.family == IP else None
    if rules.trusting and address is not None:
        by_version = rules.readings.trust_by_version
        if address.version in trusted_versions(condition, allow, by_version):
            return condition.operator.negated
    truth = _some(_value_matches(condition, value, text, context, rules) for value in condition.values)
    return _negation(truth) if condition.operator.negated else truth


def _form_is_doubtful(condition: Condition, count: int, rules: Rules) -> bool:
    """No values, a family that does not fit the key, a plain operator on several values."""
    info = key_info(condition.key)
    op = condition.operator
    if not condition.values:
        return True
    if op.family == NULL:
        return False
    if op.family not in info.families:
        return True
    if op.prefix:
        return False
    unknown = info.kind is Kind.UNKNOWN and count > 1
    return info.several or (unknown and rules.readings.several_values_doubtful)


def _absent(condition: Condition) -> Truth:
    """What a condition says when the request does not carry its key."""
    op = condition.operator
    if op.family == NULL:
        return any(value.text.lower() == "true" for value in condition.values)
    if op.prefix == "foranyvalue":
        return DOUBT if op.if_exists else False
    return bool(op.prefix) or op.if_exists or op.negated


def condition_truth(condition: Condition, context: Context, allow: bool, rules: Rules) -> Truth:
    """A condition is true, false or in doubt on a request."""
    values = context.get(condition.key, ())
    op = condition.operator
    doubtful = _form_is_doubtful(condition, len(values), rules)
    if not values:
        outweighs = rules.readings.doubt_without_value or op.family == NULL
        return DOUBT if doubtful and outweighs else _absent(condition)
    if doubtful:
        return DOUBT
    if op.family == NULL:
        return any(value.text.lower() == "false" for value in condition.values)
    truths = (_meets(condition, text, context, allow, rules) for text in values)
    if op.prefix == "forallvalues" or (not op.prefix and len(values) > 1):
        return _negation(_some(_negation(truth) for truth in truths))
    return _some(truths)


def condition_holds(condition: Condition, context: Context, allow: bool, rules: Rules) -> bool:
    """Doubt counts as true in an Allow and as false in a Deny."""
    truth = condition_truth(condition, context, allow, rules)
    return allow if truth == DOUBT else truth


def _covers(value: PrincipalValue, context: Context) -> bool:
    """Whether a well-formed principal value means this caller."""
    account = context["aws:principalaccount"][0]
    arn = context["aws:principalarn"][0]
    if value.entry is Entry.EVERYONE:
        return True
    if value.entry is Entry.ACCOUNT:
        return value.account == account
    if value.entry in (Entry.ROOT, Entry.PROVIDER):  # from the provider comes some caller of its account
        return (value.partition, value.account) == (arn.split(":")[1], account)
    if value.entry is Entry.CALLER:
        return value.text in (arn, context[CALLER][0])
    return False


def principals_match(statement: Statement, context: Context, rules: Rules) -> bool:
    """A malformed principal matches everyone in an Allow and nobody in a Deny; a provider keeps nobody out."""
    turned = statement.not_principal and rules.readings.malformed_opens
    malformed = statement.allow != turned
    if statement.bare_list:
        return malformed != statement.not_principal
    provider = any(value.entry is Entry.PROVIDER for value in statement.principals)
    if provider and statement.not_principal and not statement.allow:
        return False  # it cannot be told whom such a Deny spares
    hit = any(
        malformed if value.entry is Entry.MALFORMED else _covers(value, context)
        for value in statement.principals
        if value.entry is not Entry.PROVIDER or (statement.allow and not statement.not_principal)
    )
    return hit != statement.not_principal


def statement_matches(statement: Statement, context: Context, rules: Rules) -> bool:
    """Caller, action and every condition must fit; a Deny with a resource never does."""
    if statement.resource and not statement.allow:
        return False
    return (
        principals_match(statement, context, rules)
        and statement_covers_action(statement, context[ACTION][0])
        and all(condition_holds(condition, context, statement.allow, rules) for condition in statement.conditions)
    )


def allowed(statements: Iterable[Statement], context: Context, rules: Rules) -> bool:
    """Some Allow matches and no Deny does."""
    granted = False
    for statement in statements:
        if statement_matches(statement, context, rules):
            if not statement.allow:
                return False
            granted = True
    return granted
