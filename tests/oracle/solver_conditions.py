"""Conditions as formulas about the request context.

Where AWS does not document the outcome, a condition is true in an Allow and false in a Deny.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from tests.oracle import solver_logic as logic
from tests.oracle.solver_caller import Address, within
from tests.oracle.solver_condition_keys import RequestContext
from tests.oracle.solver_key_types import ContextKey, ContextValue, Doubt, KeyType
from tests.oracle.solver_logic import FALSE, TRUE, Bool, Int
from tests.oracle.solver_matching import match_arns, match_texts
from tests.oracle.solver_operators import (
    Comparison,
    Network,
    Operator,
    OperatorType,
    SetOperator,
    is_trusted_network,
    read_moment,
    read_network,
    read_number,
    span_of,
)
from tests.oracle.solver_patterns import Pattern, PolicyVariable, Token, folded, literal, read_pattern
from tests.oracle.solver_policy import Condition
from tests.oracle.solver_values import Items


@dataclass(frozen=True)
class ConditionTest:
    """A condition of an Allow or a Deny on one request."""

    request: RequestContext
    condition: Condition
    allow: bool

    @property
    def operator(self) -> Operator:
        """The operator of the condition."""
        return self.condition.operator

    @property
    def undocumented(self) -> Bool:
        """The outcome of the condition where AWS does not document it."""
        return logic.truth(self.allow)

    @property
    def undocumented_value(self) -> Bool:
        """The outcome of one comparison where AWS does not document it."""
        return logic.truth(self.allow != self.operator.negated)


def condition_formula(request: RequestContext, condition: Condition, *, allow: bool) -> Bool:
    """Whether the condition is true. An absent key has a documented outcome under every operator but one."""
    test = ConditionTest(request, condition, allow)
    key = request.key(condition.key)
    if key.doubt is Doubt.PRESENCE or (key.doubt is Doubt.VALUE and test.operator.type is not OperatorType.NULL):
        return test.undocumented
    if test.operator.type is OperatorType.NULL:
        return _null(test, key)
    if logic.is_false(key.present):
        return _when_absent(test)
    return logic.choose(key.present, _when_present(test, key), _when_absent(test))


def _null(test: ConditionTest, key: ContextKey) -> Bool:
    if not test.condition.values:
        return test.undocumented
    asked = {folded(value) for value in test.condition.values}
    absent = logic.no(key.present)
    return logic.either(absent if "true" in asked else FALSE, key.present if "false" in asked else FALSE)


def _when_absent(test: ConditionTest) -> Bool:
    match test.operator.set_operator:
        case SetOperator.FOR_ALL_VALUES:
            return TRUE
        case SetOperator.FOR_ANY_VALUE:
            return test.undocumented if test.operator.if_exists else FALSE
        case SetOperator.NONE:
            return logic.truth(test.operator.if_exists or test.operator.negated)


def _is_undocumented(test: ConditionTest, key: ContextKey) -> bool:
    """No values, an operator of another type, or a multivalued key without a set operator: AWS documents no outcome."""
    plain = test.operator.set_operator is SetOperator.NONE
    fits = test.operator.type in key.key_type.value or test.operator.type is OperatorType.TEXT
    return not test.condition.values or not fits or (plain and key.multivalued)


def _when_present(test: ConditionTest, key: ContextKey) -> Bool:
    operator = test.operator
    plain = operator.set_operator is SetOperator.NONE
    if _is_undocumented(test, key):
        return test.undocumented
    if plain and key.unknown:
        return logic.choose(key.values[1].present, test.undocumented, _value_meets(test, key, key.values[0]))
    met = [(held.present, _value_meets(test, key, held)) for held in (key.values[:1] if plain else key.values)]
    if operator.set_operator is SetOperator.FOR_ALL_VALUES:
        return logic.both(*(logic.either(logic.no(present), meets) for present, meets in met))
    return logic.either(*(logic.both(present, meets) for present, meets in met))


def _value_meets(test: ConditionTest, key: ContextKey, held: ContextValue) -> Bool:
    """Whether a value of the request matches any value of the condition or, negated, none."""
    if _is_trusted_network(test):
        found = FALSE
    else:
        found = logic.either(*(_matches(test, key, held, value) for value in test.condition.values))
    return logic.no(found) if test.operator.negated else found


def _is_trusted_network(test: ConditionTest) -> bool:
    """Whether the condition limits an Allow to a trusted network, or a Deny to addresses outside one."""
    if not test.request.caller.rules.trusts_networks or test.allow == test.operator.negated:
        return False
    return (
        test.condition.key == "aws:sourceip"
        and test.operator.type is OperatorType.ADDRESS
        and is_trusted_network([_network(value) for value in test.condition.values])
    )


def _network(written: str) -> Network:
    network = read_network(written)
    assert network is not None
    return network


def _matches(test: ConditionTest, key: ContextKey, held: ContextValue, value: str) -> Bool:
    """Whether a value of the request matches one value of the condition, negation aside."""
    order = test.operator.comparison
    match test.operator.type:
        case OperatorType.TEXT if not key.is_text:
            return _equals_variable(test, held, value)
        case OperatorType.TEXT | OperatorType.ARN | OperatorType.BINARY:
            return _matches_written(test, key, held, value)
        case OperatorType.BOOL:
            return _matches_bool(test, key, held, value)
        case OperatorType.NUMBER:
            return _compares(held.number, order, read_number(value))
        case OperatorType.DATE:
            return _compares(held.moment, order, read_moment(value))
        case OperatorType.ADDRESS:
            assert held.address is not None
            return in_network(held.address, _network(value))
        case OperatorType.NULL:
            raise AssertionError


def _compares(subject: Int, order: Comparison, bound: Fraction | None) -> Bool:
    assert bound is not None
    limit = logic.number(bound)
    match order:
        case Comparison.EQUAL:
            return subject == limit
        case Comparison.LESS:
            return subject < limit
        case Comparison.LESS_OR_EQUAL:
            return subject <= limit
        case Comparison.GREATER:
            return subject > limit
        case Comparison.GREATER_OR_EQUAL:
            return subject >= limit


def in_network(address: Address, network: Network) -> Bool:
    """Whether the address is in the network, which is of its IP version."""
    if network.version == 4:
        return logic.both(address.is_v4, within(address.v4, span_of(network)))
    return logic.both(logic.no(address.is_v4), within(address.v6, span_of(network)))


def _equals_variable(test: ConditionTest, held: ContextValue, value: str) -> Bool:
    """Whether an address, moment or number equals the one of a policy variable; no text is compared with it.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-ec2instancesourceprivateipv4
    """
    pattern = read_pattern(value, wildcards=test.operator.wildcards, variables=test.condition.variables)
    if len(pattern) != 1 or not isinstance(pattern[0], PolicyVariable):
        return test.undocumented_value
    other = test.request.key(pattern[0].key)
    equal = _equal(held, other.values[0])
    if equal is None or other.unknown:
        return test.undocumented_value
    default = FALSE if pattern[0].default is None else test.undocumented_value
    return logic.choose(other.present, equal, default)


def _equal(one: ContextValue, other: ContextValue) -> Bool | None:
    """Whether two addresses, moments or numbers are equal; None if they are not of one type."""
    if one.address is not None and other.address is not None:
        v4, v6 = one.address.v4 == other.address.v4, one.address.v6 == other.address.v6
        return logic.both(one.address.is_v4 == other.address.is_v4, logic.choose(one.address.is_v4, v4, v6))
    if one.moment is not None and other.moment is not None:
        return one.moment == other.moment
    return one.number == other.number if one.number is not None and other.number is not None else None


def _matches_written(test: ConditionTest, key: ContextKey, held: ContextValue, value: str) -> Bool:
    """Whether a text matches, with policy variables replaced; unknown and multivalued ones are undocumented."""
    operator = test.operator
    variables = test.condition.variables and operator.type is not OperatorType.BINARY
    pattern = read_pattern(value, wildcards=operator.wildcards, variables=variables, ignore_case=operator.ignore_case)
    keys = {token: test.request.key(token.key) for token in pattern if isinstance(token, PolicyVariable)}
    if any(used.multivalued or used.unknown or used.doubt is not Doubt.NOTHING for used in keys.values()):
        return test.undocumented_value
    if pattern == (PolicyVariable(key.name, None),) and not key.unknown:
        return TRUE
    found: list[Bool] = []
    for guard, filled in _filled(test, pattern, keys):
        found.append(logic.both(guard, _matches_filled(test, held, filled)))
    return logic.either(*found)


def _filled(
    test: ConditionTest, pattern: Pattern, keys: dict[PolicyVariable, ContextKey]
) -> Iterator[tuple[Bool, "Pattern | None"]]:
    """The pattern for every combination of values of its variables, none where a variable has no value.

    A pattern is None where AWS does not document it.
    """
    choices = [[(reference, *option) for option in _texts_of(test, reference, key)] for reference, key in keys.items()]
    for combination in itertools.product(*choices):
        chosen = {reference: tokens for reference, _, tokens in combination}
        guard = logic.both(*(condition for _, condition, _ in combination))
        out: list[Token] = []
        for token in pattern:
            out += (chosen[token] or ()) if isinstance(token, PolicyVariable) else (token,)
        if not logic.is_false(guard):
            yield guard, None if None in chosen.values() else tuple(out)


def _texts_of(
    test: ConditionTest, reference: PolicyVariable, key: ContextKey
) -> Iterator[tuple[Bool, "Pattern | None"]]:
    """The texts of a variable: those of its key, or its default value if the key is absent.

    A default value with a wildcard is undocumented under an operator with wildcards.
    """
    fold = test.operator.ignore_case
    if not logic.is_false(key.present):
        for option in key.values[0].texts():
            value = test.request.caller.as_variable(option.items)
            yield logic.both(key.present, option.guard), _as_pattern(value, fold)
    if reference.default is not None:
        doubtful = test.operator.wildcards and not {"*", "?"}.isdisjoint(reference.default)
        yield logic.no(key.present), None if doubtful else literal(reference.default, fold)


def _as_pattern(value: Items, fold: bool) -> Pattern:
    out: list[Token] = []
    for entry in value:
        out += literal(entry, fold) if isinstance(entry, str) else (entry,)
    return tuple(out)


def _matches_filled(test: ConditionTest, held: ContextValue, pattern: "Pattern | None") -> Bool:
    encoding = test.request.caller.encoding
    if pattern is None:
        return test.undocumented_value
    if test.operator.type is OperatorType.ARN:
        found, short = match_arns(held.texts(), pattern, encoding)
        return logic.both(found, test.undocumented_value) if short else found
    return match_texts(held.texts(), pattern, encoding, ignore_case=test.operator.ignore_case)


def _matches_bool(test: ConditionTest, key: ContextKey, held: ContextValue, value: str) -> Bool:
    """Whether both sides are the same truth value, in any letter case; policy variables are undocumented."""
    if test.condition.variables and "${" in value:
        return test.undocumented_value
    if key.key_type is KeyType.ANY:
        return match_texts(held.texts(), literal(value, ignore_case=True), test.request.caller.encoding)
    return held.truth if folded(value) == "true" else logic.no(held.truth)
