"""The texts that a question depends on, as formulas: by combinations of answers, or as texts of the solver."""

import functools
from typing import Any

from tests.oracle.solver import logic
from tests.oracle.solver.caller import Caller
from tests.oracle.solver.languages import Texts, combinations
from tests.oracle.solver.logic import Bool, Text
from tests.oracle.solver.patterns import Pattern, exact_text
from tests.oracle.solver.pieces import Item, Items, TextPiece, pattern_regex
from tests.oracle.solver.shapes import Shape


@functools.lru_cache(maxsize=4096)
def _combinations(shape: Shape, patterns: tuple[Pattern, ...], forbidden: frozenset[str], want: int) -> Texts | None:
    return combinations(shape, patterns, forbidden, want)


def texts_of(piece: TextPiece, patterns: tuple[Pattern, ...], want: int = 1) -> Texts | None:
    """Every combination of answers that some allowed text of this part gives."""
    return _combinations(piece.shape, patterns, piece.forbidden, want)


def text_formulas(caller: Caller, names: frozenset[str]) -> list[Bool]:
    """What holds of the texts that are asked about; two texts are compared only when both are."""
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
    """The patterns whose answer matters."""
    return tuple(pattern for pattern, test in piece.tests.items() if logic.name(test) in names)


def _as_combination(piece: TextPiece, patterns: tuple[Pattern, ...], known: Texts) -> Bool:
    """One of the combinations of answers that there are."""
    return logic.either(*(logic.both(*agreement(piece, patterns, answers)) for answers in known))


def agreement(piece: TextPiece, patterns: tuple[Pattern, ...], answers: tuple[bool, ...]) -> list[Bool]:
    """The tests of the part with these answers."""
    pairs = zip(patterns, answers, strict=True)
    return [piece.tests[pattern] if answer else logic.no(piece.tests[pattern]) for pattern, answer in pairs]


def _as_text(piece: TextPiece, patterns: tuple[Pattern, ...]) -> list[Bool]:
    """A text of the solver's own choice, for comparisons with other texts."""
    formulas = [logic.matches(piece.text, piece.shape.regex)]
    formulas += [logic.no(piece.text == logic.text(word)) for word in sorted(piece.forbidden)]
    return formulas + [piece.tests[pattern] == _meets(piece.text, pattern) for pattern in patterns]


def _meets(value: Text, pattern: Pattern) -> Bool:
    exact = exact_text(pattern)
    return logic.matches(value, pattern_regex(pattern)) if exact is None else value == logic.text(exact)


class Spelling:
    """How a model spells texts, for a person to read."""

    def __init__(self, caller: Caller, model: Any, names: frozenset[str]) -> None:
        """Spell what a model says; the names are those of the texts that it chose itself."""
        self.caller = caller
        self.model = model
        self.names = names

    def items(self, value: Items) -> str:
        """A whole text."""
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
