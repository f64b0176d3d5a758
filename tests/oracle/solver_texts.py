"""The texts of a request context: as formulas for the solver, and as the request of its model.

A text that is compared with another text is one that the solver chooses itself. Of any other text the solver only
chooses which patterns it matches. If no text of the value domain matches just these, the solver is told so and chooses
again.
"""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tests.oracle import solver_logic as logic
from tests.oracle.solver_caller import ROLE, Caller
from tests.oracle.solver_condition_keys import RequestContext, tags_of_key
from tests.oracle.solver_key_types import ContextValue, Doubt, KeyType
from tests.oracle.solver_logic import Bool, Budget, Text, Verdict
from tests.oracle.solver_operators import moment_text
from tests.oracle.solver_patterns import Pattern, exact_text
from tests.oracle.solver_text_search import FoundText, find_text
from tests.oracle.solver_values import Item, Items, Piece, pattern_regex


def tested(piece: Piece, names: frozenset[str]) -> list[Pattern]:
    """The patterns that the formulas with these variables test the piece with."""
    return [pattern for pattern, test in piece.tests.items() if logic.name(test) in names]


@dataclass(frozen=True, slots=True)
class Texts:
    """The formulas of a question, with the facts about the texts in them.

    `chosen`: the texts of which the solver chooses the patterns that they match; `names`: the variables.
    """

    formulas: list[Bool]
    chosen: list[Piece]
    names: frozenset[str]

    def of_model(self, model: Any, solver: logic.Solver) -> dict[Piece, str] | Piece | None:
        """A text for each chosen piece; None if there is none and the solver was told; a piece that is too complex."""
        found: dict[Piece, str] = {}
        needed = logic.Reasons(model).of(self.formulas)
        for piece in self.chosen:
            answer = _text_of_model(piece, model, tested(piece, needed))
            solver.spend(answer.steps)
            if answer.text is None and answer.core is None:
                return piece
            if answer.text is None:
                solver.add(_contradiction(piece, answer))
                return None
            found[piece] = answer.text
        return found


def _text_of_model(piece: Piece, model: Any, patterns: list[Pattern]) -> FoundText:
    matching = frozenset(pattern for pattern in patterns if logic.shown_truth(model, piece.tests[pattern]))
    return find_text(piece.domain, matching, frozenset(patterns) - matching, piece.excluded)


def _contradiction(piece: Piece, answer: FoundText) -> Bool:
    """Not all of these patterns are matched, and all of those not matched, by one text."""
    assert answer.core is not None
    matching, failing = answer.core
    return logic.either(
        *(logic.no(piece.tests[pattern]) for pattern in piece.tests if pattern in matching),
        *(piece.tests[pattern] for pattern in piece.tests if pattern in failing),
    )


def with_texts(caller: Caller, formulas: list[Bool], complex_pieces: Iterable[Piece] = ()) -> Texts:
    """The formulas with what they need to know about texts; the solver chooses complex texts itself."""
    names = logic.all_variables(formulas)
    used = [piece for piece in caller.pieces if piece.name in names or tested(piece, names)]
    facts = [
        logic.no(logic.both(guard, own.text == other.text))
        for own, other, guard in caller.unequal
        if own in used and other in used
    ]
    compared = names | logic.all_variables(facts) | {piece.name for piece in complex_pieces}
    chosen = [piece for piece in used if piece.name not in compared]
    for piece in used:
        if piece.name in compared:
            facts += _as_text(piece, tested(piece, names))
    known = [*formulas, *facts]
    return Texts(known, chosen, names | logic.all_variables(known))


def _as_text(piece: Piece, patterns: list[Pattern]) -> list[Bool]:
    """A text that the solver chooses, for comparisons with other texts."""
    formulas = [logic.matches(piece.text, piece.domain.regex)]
    formulas += [logic.no(piece.text == logic.text(word)) for word in sorted(piece.excluded)]
    return formulas + [piece.tests[pattern] == _meets(piece.text, pattern) for pattern in patterns]


def _meets(value: Text, pattern: Pattern) -> Bool:
    exact = exact_text(pattern)
    return logic.matches(value, pattern_regex(pattern)) if exact is None else value == logic.text(exact)


@dataclass(frozen=True, slots=True)
class Solution:
    """The solver's verdict, with the texts of its model if it found one."""

    verdict: Verdict
    texts: "ModelTexts | None" = None


def solve(
    caller: Caller, formulas: list[Bool], budget: Budget, hints: Iterable[Bool] = (), most: int | None = None
) -> Solution:
    """Find one assignment, in at most `most` steps, that makes every formula and the hints true."""
    solver, complex_pieces = None, list[Piece]()
    while True:
        texts = with_texts(caller, formulas, complex_pieces)
        left = most if solver is None else solver.left
        solver = logic.Solver([*texts.formulas, *hints], budget, left)
        found = _solve(texts, solver)
        if not isinstance(found, Piece):
            return found
        complex_pieces.append(found)


def is_refuted(caller: Caller, formulas: list[Bool], budget: Budget) -> bool:
    """Whether no assignment makes every formula true, whatever texts that are compared with each other are."""
    known = logic.without_texts(formulas)
    names = logic.all_variables(known)
    used = [piece for piece in caller.pieces if tested(piece, names)]
    solution = _solve(Texts(known, used, names), logic.Solver(known, budget))
    return isinstance(solution, Solution) and solution.verdict == "unsat"


def _solve(texts: Texts, solver: logic.Solver) -> Solution | Piece:
    """An assignment with its texts; a piece if its texts are too complex."""
    while (verdict := solver.check()) == "sat":
        model = solver.model()
        found = texts.of_model(model, solver)
        if isinstance(found, dict):
            return Solution("sat", ModelTexts(model, texts.names, found))
        if found is not None:
            return found
    return Solution(verdict)


@dataclass(frozen=True, slots=True)
class ModelTexts:
    """The texts of a model: `found` has those of which the solver chose only the patterns that they match."""

    model: Any
    names: frozenset[str]
    found: dict[Piece, str]

    def items(self, value: Items) -> str:
        """The text of a value."""
        return "".join(self._item(entry) for entry in value)

    def _item(self, entry: Item) -> str:
        if isinstance(entry, str):
            return entry
        if entry in self.found:
            return self.found[entry]
        if entry.name in self.names:
            return logic.shown_text(self.model, entry.text)
        return find_text(entry.domain, frozenset(), frozenset(), entry.excluded).text or ""


_ALWAYS = ("aws:principalarn", "aws:principalaccount", "aws:principaltype", "aws:userid")


def request_of_model(request: RequestContext, action: str, statement: int, texts: ModelTexts) -> dict[str, Any]:
    """The request of a model: principal, account, action, context (the keys that the policy tests) and statement."""
    context: dict[str, Any] = {}
    caller = request.caller
    arn, *_ = (_text(request.key(name).values[0], texts) for name in _ALWAYS)
    for name, key in request.keys.items():
        if key.doubt is not Doubt.NOTHING:
            found = tags_of_key(caller.rules.resource_tags or {}, name)
            context |= {f"{name.partition('/')[0]}/{tag}": value for tag, value in found.items()}
            continue
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
        return moment_text(Decimal(logic.shown_number(model, held.moment)))
    if key_type in (KeyType.NUMBER, KeyType.EPOCH):
        return logic.shown_number(model, held.number)
    for read in (held.number, held.moment) if any_type and held.address is not None else ():
        if logic.variables(read) <= names:
            return logic.shown_number(model, read)
    return _text(held, texts)


def _text(held: ContextValue, texts: ModelTexts) -> str:
    options = [option for option in held.texts() if logic.shown_truth(texts.model, option.guard)]
    return texts.items(options[0].items) if options else ""
