"""Patterns with policy variables in them, for which the solver has to compare texts that it chooses itself."""

import string
from collections.abc import Iterator

from tests.oracle.solver import logic
from tests.oracle.solver.logic import Bool, Text
from tests.oracle.solver.patterns import Pattern, Token, Wild, without_double_runs
from tests.oracle.solver.pieces import Doubts, Items, Piece, TextPiece, items_text
from tests.oracle.solver.shapes import NO_CAPITALS, PRINTABLE


def match_symbolic(value: Items, pattern: Pattern, doubts: Doubts, fold: bool) -> Bool:
    """A pattern with policy variables: its fixed stretches are looked for from left to right."""
    if fold and doubts.loose:
        return doubts.guess()
    if fold:
        value, pattern = _small(value, doubts), _small_pattern(pattern, doubts)
    subject = items_text(value)
    doubts.hints += _hints(value, pattern)
    stretches = _stretches(pattern)
    first, *middle, last = stretches if len(stretches) > 1 else (stretches[0], [])
    if len(stretches) == 1:
        if Wild.ONE not in first:
            return subject == _joined(first)
        return logic.both(logic.length(subject) == _width(first), _stands_at(subject, first, logic.number(0)))
    parts = [_begins(subject, first)]
    place = _width(first)
    for stretch in middle:
        if Wild.ONE in stretch:
            return doubts.guess()
        found = logic.index_of(subject, _joined(stretch), place)
        parts.append(found >= 0)
        place = found + _width(stretch)
    if last:
        parts += [place + _width(last) <= logic.length(subject), _ends(subject, last)]
    return logic.both(*parts)


def _hints(value: Items, pattern: Pattern) -> Iterator[list[Bool]]:
    """A free text is first looked for among those that fit the other side piece by piece, or are empty."""
    if len(value) == 1 and isinstance(value[0], TextPiece) and value[0].letters is PRINTABLE:
        filled: list[Token] = [
            frozenset("x") if token is Wild.ONE else token for token in pattern if token is not Wild.RUN
        ]
        yield [value[0].text == _joined(filled), value[0].text == logic.text("")]
    for entry in value:
        if isinstance(entry, TextPiece) and entry.closing is not None and entry.shortest == 0:
            yield [entry.text == logic.text("")]
    edges = [0, *(place for place in range(1, len(value)) if not _both_characters(value, place)), len(value)]
    for token in pattern:
        if isinstance(token, TextPiece) and token.letters is PRINTABLE:
            spans = [value[begin:end] for begin in edges for end in edges if begin < end]
            yield [token.text == items_text(span) for span in ((), *spans)]


def _both_characters(value: Items, place: int) -> bool:
    """Whether there is no edge here: pieces and colons have one on each side."""
    around = value[place - 1 : place + 1]
    return all(isinstance(entry, str) for entry in around) and ":" not in around


def _begins(subject: Text, stretch: list[Token]) -> Bool:
    if Wild.ONE not in stretch:
        return logic.starts_with(_joined(stretch), subject)
    return _stands_at(subject, stretch, logic.number(0))


def _ends(subject: Text, stretch: list[Token]) -> Bool:
    if Wild.ONE not in stretch:
        return logic.ends_with(_joined(stretch), subject)
    return _stands_at(subject, stretch, logic.length(subject) - _width(stretch))


def _joined(stretch: list[Token]) -> Text:
    return logic.joined(_token_text(token) for token in stretch)


def _stretches(pattern: Pattern) -> list[list[Token]]:
    out: list[list[Token]] = [[]]
    for token in without_double_runs(pattern):
        if token is Wild.RUN:
            out.append([])
        else:
            out[-1].append(token)
    return out


def _token_text(token: Token) -> Text:
    if isinstance(token, frozenset):
        return logic.text(next(iter(token)))
    return token.text  # type: ignore[union-attr]


def _width(stretch: list[Token]) -> Text:
    widths = [logic.number(1) if token is Wild.ONE else logic.length(_token_text(token)) for token in stretch]
    return sum(widths, logic.number(0))


def _stands_at(subject: Text, stretch: list[Token], place: Text) -> Bool:
    """Whether the stretch stands in the subject at this place; `?` is skipped."""
    parts: list[Bool] = [place + _width(stretch) <= logic.length(subject)]
    for begin, token in enumerate(stretch):
        if token is not Wild.ONE:
            start = place + _width(stretch[:begin])
            wanted = _token_text(token)
            parts.append(logic.part_of(subject, start, logic.length(wanted)) == wanted)
    return logic.both(*parts)


def _small(value: Items, doubts: Doubts) -> Items:
    """Case-folded comparison with variables is searched among texts without capitals only."""
    for entry in value:
        if not isinstance(entry, str):
            _forbid_capitals(entry, doubts)
    return tuple(entry.lower() if isinstance(entry, str) else entry for entry in value)


def _small_pattern(pattern: Pattern, doubts: Doubts) -> Pattern:
    out: list[Token] = []
    for token in pattern:
        if isinstance(token, frozenset):
            out.append(frozenset(sorted(char.lower() for char in token)[:1]))
        else:
            if not isinstance(token, Wild):
                _forbid_capitals(token, doubts)  # type: ignore[arg-type]
            out.append(token)
    return tuple(out)


def _forbid_capitals(piece: Piece, doubts: Doubts) -> None:
    if isinstance(piece, TextPiece) and any(piece.has(char) for char in string.ascii_uppercase):
        doubts.cuts.append(logic.matches(piece.text, NO_CAPITALS))
