"""What a condition asks of the request, with every doubt resolved for the effect of its statement."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from tests.oracle.solver import logic
from tests.oracle.solver.circumstances import Address, within
from tests.oracle.solver.keys import Key, Kind, Slot
from tests.oracle.solver.logic import FALSE, TRUE, Bool, Int
from tests.oracle.solver.matching import match_arns, match_items, match_texts
from tests.oracle.solver.operators import Family, Operator, Order, Over
from tests.oracle.solver.patterns import Pattern, Reference, Token, Wild, literal, read_pattern
from tests.oracle.solver.pieces import Items, Piece
from tests.oracle.solver.policy import Condition
from tests.oracle.solver.readings import ABSENCE_BEFORE_DOUBT, SEVERAL_VALUES_OF_AN_UNKNOWN_KEY_ARE_A_DOUBT
from tests.oracle.solver.request import Request
from tests.oracle.solver.values import Network, is_trusted_network, read_moment, read_network, read_number, span_of


@dataclass(frozen=True)
class Test:
    """A condition in the statement it belongs to."""

    request: Request
    condition: Condition
    allow: bool

    @property
    def operator(self) -> Operator:
        """The operator of the condition."""
        return self.condition.operator

    @property
    def doubt(self) -> Bool:
        """A doubtful condition is true in an Allow and false in a Deny."""
        return logic.truth(self.allow)

    @property
    def value_doubt(self) -> Bool:
        """A doubtful comparison is what makes the condition true in an Allow and false in a Deny."""
        return logic.truth(self.allow != self.operator.negated)


def condition_formula(request: Request, condition: Condition, *, allow: bool) -> Bool:
    """Presence decides first; only a value that is there can be compared, or be doubtful."""
    test = Test(request, condition, allow)
    key = request.key(condition.key)
    if test.operator.family is Family.NULL:
        return _null(test, key)
    if _is_doubtful(test, key) and not ABSENCE_BEFORE_DOUBT:
        return test.doubt
    if logic.is_false(key.present):
        return _when_absent(test)
    return logic.choose(key.present, _when_present(test, key), _when_absent(test))


def _null(test: Test, key: Key) -> Bool:
    if not test.condition.values:
        return test.doubt
    asked = {value.lower() for value in test.condition.values}
    absent = logic.no(key.present)
    return logic.either(absent if "true" in asked else FALSE, key.present if "false" in asked else FALSE)


def _when_absent(test: Test) -> Bool:
    match test.operator.over:
        case Over.ALL:
            return TRUE
        case Over.ANY:
            return test.doubt if test.operator.if_exists else FALSE
        case Over.PLAIN:
            return logic.truth(test.operator.if_exists or test.operator.negated)


def _is_doubtful(test: Test, key: Key) -> bool:
    """No values, an operator of another type, or a plain operator on a multivalued key: AWS does not say."""
    plain = test.operator.over is Over.PLAIN
    fits = test.operator.family in key.kind.value
    return not test.condition.values or not fits or (plain and key.multivalued)


def _when_present(test: Test, key: Key) -> Bool:
    operator = test.operator
    plain = operator.over is Over.PLAIN
    if _is_doubtful(test, key):
        return test.doubt
    if plain and key.unknown and SEVERAL_VALUES_OF_AN_UNKNOWN_KEY_ARE_A_DOUBT:
        return logic.choose(key.slots[1].present, test.doubt, _value_meets(test, key, key.slots[0]))
    met = [(slot.present, _value_meets(test, key, slot)) for slot in (key.slots[:1] if plain else key.slots)]
    if operator.over is Over.ALL:
        return logic.both(*(logic.either(logic.no(present), meets) for present, meets in met))
    return logic.either(*(logic.both(present, meets) for present, meets in met))


def _value_meets(test: Test, key: Key, slot: Slot) -> Bool:
    """One value of the request against all of the policy: any of them, or none when negated."""
    if _is_trusted_network(test):
        found = FALSE
    else:
        found = logic.either(*(_matches(test, key, slot, value) for value in test.condition.values))
    return logic.no(found) if test.operator.negated else found


def _is_trusted_network(test: Test) -> bool:
    """What one IpAddress of an Allow accepts, or one NotIpAddress of a Deny spares, when it is small enough."""
    if not test.request.caller.rules.trusts_networks or test.allow == test.operator.negated:
        return False
    return (
        test.condition.key == "aws:sourceip"
        and test.operator.family is Family.ADDRESS
        and is_trusted_network([_network(value) for value in test.condition.values])
    )


def _network(written: str) -> Network:
    network = read_network(written)
    assert network is not None
    return network


def _matches(test: Test, key: Key, slot: Slot, value: str) -> Bool:
    """One value of the request against one of the policy."""
    order = test.operator.order
    match test.operator.family:
        case Family.TEXT | Family.ARN | Family.FLAG | Family.BINARY:
            return _matches_written(test, key, slot, value)
        case Family.NUMBER:
            return _compares(slot.number, order, read_number(value))
        case Family.MOMENT:
            return _compares(slot.moment, order, read_moment(value))
        case Family.ADDRESS:
            assert slot.address is not None
            return in_network(slot.address, _network(value))
        case Family.NULL:
            raise AssertionError


def _compares(subject: Int, order: Order, bound: Fraction | None) -> Bool:
    assert bound is not None
    limit = logic.number(bound)
    match order:
        case Order.EQUAL:
            return subject == limit
        case Order.LESS:
            return subject < limit
        case Order.LESS_OR_EQUAL:
            return subject <= limit
        case Order.GREATER:
            return subject > limit
        case Order.GREATER_OR_EQUAL:
            return subject >= limit


def in_network(address: Address, network: Network) -> Bool:
    """Whether an address lies in a network of its own kind."""
    if network.version == 4:
        return logic.both(address.is_short, within(address.short, span_of(network)))
    return logic.both(logic.no(address.is_short), within(address.long, span_of(network)))


def _matches_written(test: Test, key: Key, slot: Slot, value: str) -> Bool:
    """A text value, its variables put in; an unknown or multivalued variable is a doubt."""
    operator = test.operator
    variables = test.condition.variables and operator.family is not Family.BINARY
    pattern = read_pattern(value, wildcards=operator.wildcards, variables=variables, fold_case=operator.fold_case)
    references = {token for token in pattern if isinstance(token, Reference)}
    keys = {token: test.request.key(token.key) for token in references}
    if any(known.multivalued or known.unknown for known in keys.values()):
        return test.value_doubt
    if pattern == (Reference(key.name, None),) and not key.unknown and operator.family is not Family.FLAG:
        return TRUE
    found: list[Bool] = []
    for guard, filled in _filled(test, pattern, keys):
        found.append(logic.both(guard, _matches_filled(test, key, slot, filled)))
    return logic.either(*found)


def _filled(test: Test, pattern: Pattern, keys: dict[Reference, Key]) -> Iterator[tuple[Bool, Pattern]]:
    """Every way in which the variables can have values; where one has none, nothing is yielded."""
    choices = [[(reference, *option) for option in _texts_of(test, reference, key)] for reference, key in keys.items()]
    for combination in itertools.product(*choices):
        chosen = {reference: tokens for reference, _, tokens in combination}
        guard = logic.both(*(condition for _, condition, _ in combination))
        out: list[Token] = []
        for token in pattern:
            out += chosen[token] if isinstance(token, Reference) else (token,)
        if not logic.is_false(guard):
            yield guard, tuple(out)


def _texts_of(test: Test, reference: Reference, key: Key) -> Iterator[tuple[Bool, Pattern]]:
    """The texts of a variable: those of its key, or its default when the key is absent."""
    fold = test.operator.fold_case
    if not logic.is_false(key.present):
        for option in key.slots[0].texts():
            value = test.request.caller.as_variable(option.items)
            yield logic.both(key.present, option.guard), _as_pattern(value, fold)
    if reference.default is not None:
        yield logic.no(key.present), literal(reference.default, fold)


def _as_pattern(value: Items, fold: bool) -> Pattern:
    out: list[Token] = []
    for entry in value:
        out += literal(entry, fold) if isinstance(entry, str) else (entry,)
    return tuple(out)


def _matches_filled(test: Test, key: Key, slot: Slot, pattern: Pattern) -> Bool:
    doubts = test.request.caller.doubts
    match test.operator.family:
        case Family.FLAG:
            return _matches_flag(test, key, slot, pattern)
        case Family.ARN:
            found, short = match_arns(slot.texts(), pattern, doubts)
            return logic.both(found, test.value_doubt) if short else found
        case _:
            return match_texts(slot.texts(), pattern, doubts, fold=test.operator.fold_case)


def _matches_flag(test: Test, key: Key, slot: Slot, pattern: Pattern) -> Bool:
    """True and false in any case, on both sides."""
    doubts = test.request.caller.doubts
    asked = _as_items(pattern)
    found: list[Bool] = []
    for word in ("true", "false"):
        spelled = literal(word, fold_case=True)
        if key.kind is Kind.OPEN:
            holds = match_texts(slot.texts(), spelled, doubts)
        else:
            holds = slot.flag if word == "true" else logic.no(slot.flag)
        found.append(logic.both(holds, match_items(asked, spelled, doubts)))
    return logic.either(*found)


def _as_items(pattern: Pattern) -> Items:
    """A pattern without wildcards as a text."""
    out: list[str | Piece] = []
    for token in pattern:
        assert not isinstance(token, Wild | Reference)
        out.append(min(token) if isinstance(token, frozenset) else token)
    return tuple(out)
