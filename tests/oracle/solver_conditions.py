"""Conditions as formulas about the request context.

Where AWS does not document the outcome, a condition is true in an Allow and false in a Deny.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from tests.oracle import solver_logic as logic
from tests.oracle.solver_caller import Address, within
from tests.oracle.solver_condition_keys import ContextKey, ContextValue, KeyType, RequestContext
from tests.oracle.solver_logic import FALSE, TRUE, Bool, Int
from tests.oracle.solver_matching import match_arns, match_items, match_texts
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
from tests.oracle.solver_patterns import Pattern, PolicyVariable, Token, Wildcard, literal, read_pattern
from tests.oracle.solver_policy import Condition
from tests.oracle.solver_values import Items, Piece


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
    if test.operator.type is OperatorType.NULL:
        return _null(test, key)
    if logic.is_false(key.present):
        return _when_absent(test)
    return logic.choose(key.present, _when_present(test, key), _when_absent(test))


def _null(test: ConditionTest, key: ContextKey) -> Bool:
    if not test.condition.values:
        return test.undocumented
    asked = {value.lower() for value in test.condition.values}
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
    fits = test.operator.type in key.key_type.value
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
        case OperatorType.TEXT | OperatorType.ARN | OperatorType.BOOL | OperatorType.BINARY:
            return _matches_written(test, key, held, value)
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


def _matches_written(test: ConditionTest, key: ContextKey, held: ContextValue, value: str) -> Bool:
    """Whether a text matches, with policy variables replaced; unknown or multivalued ones are undocumented."""
    operator = test.operator
    variables = test.condition.variables and operator.type is not OperatorType.BINARY
    pattern = read_pattern(value, wildcards=operator.wildcards, variables=variables, ignore_case=operator.ignore_case)
    keys = {token: test.request.key(token.key) for token in pattern if isinstance(token, PolicyVariable)}
    if any(known.multivalued or known.unknown for known in keys.values()):
        return test.undocumented_value
    if pattern == (PolicyVariable(key.name, None),) and not key.unknown and operator.type is not OperatorType.BOOL:
        return TRUE
    found: list[Bool] = []
    for guard, filled in _filled(test, pattern, keys):
        found.append(logic.both(guard, _matches_filled(test, key, held, filled)))
    return logic.either(*found)


def _filled(
    test: ConditionTest, pattern: Pattern, keys: dict[PolicyVariable, ContextKey]
) -> Iterator[tuple[Bool, Pattern]]:
    """The pattern for every combination of values of its variables; none where a variable has no value."""
    choices = [[(reference, *option) for option in _texts_of(test, reference, key)] for reference, key in keys.items()]
    for combination in itertools.product(*choices):
        chosen = {reference: tokens for reference, _, tokens in combination}
        guard = logic.both(*(condition for _, condition, _ in combination))
        out: list[Token] = []
        for token in pattern:
            out += chosen[token] if isinstance(token, PolicyVariable) else (token,)
        if not logic.is_false(guard):
            yield guard, tuple(out)


def _texts_of(test: ConditionTest, reference: PolicyVariable, key: ContextKey) -> Iterator[tuple[Bool, Pattern]]:
    """The texts of a variable: those of its key, or its default value if the key is absent."""
    fold = test.operator.ignore_case
    if not logic.is_false(key.present):
        for option in key.values[0].texts():
            value = test.request.caller.as_variable(option.items)
            yield logic.both(key.present, option.guard), _as_pattern(value, fold)
    if reference.default is not None:
        yield logic.no(key.present), literal(reference.default, fold)


def _as_pattern(value: Items, fold: bool) -> Pattern:
    out: list[Token] = []
    for entry in value:
        out += literal(entry, fold) if isinstance(entry, str) else (entry,)
    return tuple(out)


def _matches_filled(test: ConditionTest, key: ContextKey, held: ContextValue, pattern: Pattern) -> Bool:
    encoding = test.request.caller.encoding
    match test.operator.type:
        case OperatorType.BOOL:
            return _matches_bool(test, key, held, pattern)
        case OperatorType.ARN:
            found, short = match_arns(held.texts(), pattern, encoding)
            return logic.both(found, test.undocumented_value) if short else found
        case _:
            return match_texts(held.texts(), pattern, encoding, ignore_case=test.operator.ignore_case)


def _matches_bool(test: ConditionTest, key: ContextKey, held: ContextValue, pattern: Pattern) -> Bool:
    """Whether both sides are the same truth value, in any letter case."""
    encoding = test.request.caller.encoding
    asked = _as_items(pattern)
    found: list[Bool] = []
    for word in ("true", "false"):
        spelled = literal(word, ignore_case=True)
        if key.key_type is KeyType.ANY:
            holds = match_texts(held.texts(), spelled, encoding)
        else:
            holds = held.truth if word == "true" else logic.no(held.truth)
        found.append(logic.both(holds, match_items(asked, spelled, encoding)))
    return logic.either(*found)


def _as_items(pattern: Pattern) -> Items:
    """A pattern without wildcards as a value."""
    out: list[str | Piece] = []
    for token in pattern:
        assert not isinstance(token, Wildcard | PolicyVariable)
        out.append(min(token) if isinstance(token, frozenset) else token)
    return tuple(out)
