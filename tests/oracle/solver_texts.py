"""The texts of a request context: as formulas for the solver, and as the request of its model.

A text is one of the combinations of pattern matches that its value domain allows, or, where it is compared with
another text, a text that the solver chooses itself.
"""

import functools
import ipaddress
from typing import Any

from tests.oracle import solver_logic as logic
from tests.oracle.solver_caller import ROLE, Caller
from tests.oracle.solver_condition_keys import ContextValue, KeyType, RequestContext
from tests.oracle.solver_logic import Bool, Text
from tests.oracle.solver_operators import moment_text
from tests.oracle.solver_patterns import Pattern, exact_text
from tests.oracle.solver_value_domains import Texts, ValueDomain, combinations
from tests.oracle.solver_values import Item, Items, TextPiece, pattern_regex


@functools.lru_cache(maxsize=4096)
def _combinations(
    domain: ValueDomain, patterns: tuple[Pattern, ...], excluded: frozenset[str], want: int
) -> Texts | None:
    return combinations(domain, patterns, excluded, want)


def texts_of(piece: TextPiece, patterns: tuple[Pattern, ...], want: int = 1) -> Texts | None:
    """Every combination of outcomes that some text of the piece gives."""
    return _combinations(piece.domain, patterns, piece.excluded, want)


def text_formulas(caller: Caller, names: frozenset[str]) -> list[Bool]:
    """The facts about the texts that the formulas with these variables ask about."""
    used = [piece for piece in caller.pieces if piece.name in names or asked(piece, names)]
    formulas = []
    for own, other, guard in caller.unequal:
        if own in used and other in used:
            formulas.append(logic.no(logic.both(guard, own.text == other.text)))
    symbolic = names.union(*(logic.variables(formula) for formula in formulas))
    for piece in used:
        patterns = asked(piece, names)
        known = None if piece.name in symbolic else texts_of(piece, patterns)
        formulas += _as_text(piece, patterns) if known is None else [_as_combination(piece, patterns, known)]
    return formulas


def asked(piece: TextPiece, names: frozenset[str]) -> tuple[Pattern, ...]:
    """The patterns that the formulas test the piece with."""
    return tuple(pattern for pattern, test in piece.tests.items() if logic.name(test) in names)


def _as_combination(piece: TextPiece, patterns: tuple[Pattern, ...], known: Texts) -> Bool:
    """One of the possible combinations of outcomes."""
    return logic.either(*(logic.both(*agreement(piece, patterns, answers)) for answers in known))


def agreement(piece: TextPiece, patterns: tuple[Pattern, ...], answers: tuple[bool, ...]) -> list[Bool]:
    """The tests of the piece with these outcomes."""
    pairs = zip(patterns, answers, strict=True)
    return [piece.tests[pattern] if answer else logic.no(piece.tests[pattern]) for pattern, answer in pairs]


def _as_text(piece: TextPiece, patterns: tuple[Pattern, ...]) -> list[Bool]:
    """A text that the solver chooses, for comparisons with other texts."""
    formulas = [logic.matches(piece.text, piece.domain.regex)]
    formulas += [logic.no(piece.text == logic.text(word)) for word in sorted(piece.excluded)]
    return formulas + [piece.tests[pattern] == _meets(piece.text, pattern) for pattern in patterns]


def _meets(value: Text, pattern: Pattern) -> Bool:
    exact = exact_text(pattern)
    return logic.matches(value, pattern_regex(pattern)) if exact is None else value == logic.text(exact)


class ModelTexts:
    """The texts of a model."""

    def __init__(self, caller: Caller, model: Any, names: frozenset[str]) -> None:
        """`names`: the variables of the formulas, with those of the texts that the solver chose itself."""
        self.caller = caller
        self.model = model
        self.names = names

    def items(self, value: Items) -> str:
        """The text of a value."""
        return "".join(self._item(entry) for entry in value)

    def _item(self, entry: Item) -> str:
        if isinstance(entry, str):
            return entry
        if not isinstance(entry, TextPiece) or entry.name in self.names:
            return logic.shown_text(self.model, entry.text)
        patterns = asked(entry, self.names)
        known = texts_of(entry, patterns) or {}
        wanted = tuple(logic.shown_truth(self.model, entry.tests[pattern]) for pattern in patterns)
        return known[wanted][0] if wanted in known else logic.shown_text(self.model, entry.text)


def request_of_model(request: RequestContext, action: str, statement: int, texts: ModelTexts) -> dict[str, Any]:
    """The request of a model: principal, account, action, context (the keys that the policy tests) and statement."""
    context: dict[str, Any] = {}
    caller = request.caller
    arn = _text(request.key("aws:principalarn").values[0], texts)
    for name, key in request.keys.items():
        present = [held for held in key.values if logic.shown_truth(texts.model, held.present)]
        values = tuple(_value(key.key_type, held, texts) for held in present)
        if values:
            context[name] = values if len(values) > 1 else values[0]
    account, principal = texts.items((caller.account,)), arn
    if logic.shown_truth(texts.model, caller.is_kind(ROLE)):
        role, session = arn.rpartition("/")[2], texts.items((caller.session,))
        principal = f"arn:{arn.split(':')[1]}:sts::{account}:assumed-role/{role}/{session}"
    return {
        "principal": principal,
        "account": account,
        "action": action,
        "context": context,
        "statement": statement,
    }


def _value(key_type: KeyType, held: ContextValue, texts: ModelTexts) -> str:
    """A value as text, in the form of its type; an unknown key has the type that the policy reads it as."""
    model, names = texts.model, texts.names
    any_type = key_type is KeyType.ANY
    if held.address is not None and (not any_type or logic.variables(held.address.v4) <= names):
        v4 = logic.shown_truth(model, held.address.is_v4)
        number = int(logic.shown_number(model, held.address.v4 if v4 else held.address.v6))
        return str(ipaddress.IPv4Address(number) if v4 else ipaddress.IPv6Address(number))
    if key_type is KeyType.DATE:
        return moment_text(int(logic.shown_number(model, held.moment)))
    if key_type in (KeyType.NUMBER, KeyType.EPOCH):
        return logic.shown_number(model, held.number)
    for read in (held.number, held.moment) if any_type and held.address is not None else ():
        if logic.variables(read) <= names:
            return logic.shown_number(model, read)
    return _text(held, texts)


def _text(held: ContextValue, texts: ModelTexts) -> str:
    options = [option for option in held.texts() if logic.shown_truth(texts.model, option.guard)]
    return texts.items(options[0].items) if options else ""
