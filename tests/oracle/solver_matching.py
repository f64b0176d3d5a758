"""Whether a value of the request matches a pattern of the policy.

A value is a row of fixed characters and pieces. A pattern is cut where the pieces begin and end, so that the solver
only has to decide whether one piece is in one regular language, which string solvers do well. Only a pattern with
policy variables makes it compare texts that it chooses itself (`_match_with_variables`).
"""

import functools
import string
from collections.abc import Iterator
from typing import TypeGuard

from tests.oracle import solver_logic as logic
from tests.oracle.solver_logic import FALSE, Bool, Regex, Text
from tests.oracle.solver_patterns import (
    Pattern,
    Token,
    Wildcard,
    exact_text,
    folded,
    split_fields,
    takes,
    without_repeated_stars,
)
from tests.oracle.solver_value_domains import NO_CAPITALS, NO_COLONS, PRINTABLE
from tests.oracle.solver_values import Alternative, Encoding, Item, Items, Piece, items_text, pattern_regex


def match_texts(
    alternatives: tuple[Alternative, ...], pattern: Pattern, encoding: Encoding, *, ignore_case: bool = False
) -> Bool:
    """Whether the value, whichever form it has, matches the whole pattern."""
    return logic.either(
        *(
            logic.both(option.guard, match_items(option.items, pattern, encoding, ignore_case=ignore_case))
            for option in alternatives
            if not logic.is_false(option.guard)
        )
    )


def match_items(value: Items, pattern: Pattern, encoding: Encoding, *, ignore_case: bool = False) -> Bool:
    """Whether a value matches a pattern of characters, wildcards and pieces."""
    value, pattern = _without_common_ends(value, pattern)
    if _has_pieces(pattern):
        cut = _cut_at_delimiter(value, pattern)
        if cut is not None:
            left, right = cut
            return logic.both(
                match_items(*left, encoding, ignore_case=ignore_case),
                match_items(*right, encoding, ignore_case=ignore_case),
            )
        return _match_with_variables(value, pattern, encoding, ignore_case)
    return _match_along_pieces(value, pattern)


def _has_pieces(pattern: Pattern) -> bool:
    return not all(isinstance(token, frozenset | Wildcard) for token in pattern)


def _same(item: Item, token: Token) -> bool:
    return takes(token, item) if isinstance(item, str) and token is not Wildcard.ONE_CHARACTER else item is token


def _without_common_ends(value: Items, pattern: Pattern) -> tuple[Items, Pattern]:
    """Value and pattern without what is equal at their ends, up to a wildcard."""
    while value and pattern and _same(value[0], pattern[0]):
        value, pattern = value[1:], pattern[1:]
    while value and pattern and _same(value[-1], pattern[-1]):
        value, pattern = value[:-1], pattern[:-1]
    return value, pattern


def _excludes(entry: "Item | Token", char: str) -> bool:
    """Whether this part of a value or pattern cannot contain the character."""
    if isinstance(entry, str):
        return entry != char
    if isinstance(entry, frozenset):
        return char not in entry
    return not isinstance(entry, Wildcard) and not entry.has(char)  # type: ignore[union-attr]  # no variable is left in the pattern


def _cut_at_delimiter(value: Items, pattern: Pattern) -> tuple[tuple[Items, Pattern], tuple[Items, Pattern]] | None:
    """Value and pattern cut at a fixed character that nothing before it can contain; None if there is none."""
    for place, char in enumerate(value):
        if not isinstance(char, str) or not all(_excludes(entry, char) for entry in value[:place]):
            continue
        for other, token in enumerate(pattern):
            if token == frozenset(char):
                return (value[:place], pattern[:other]), (value[place + 1 :], pattern[other + 1 :])
            if not _excludes(token, char):
                break
    return None


def _match_along_pieces(value: Items, pattern: Pattern) -> Bool:
    """Match with the places of the pattern as states of an automaton, cut wherever a piece begins or ends."""

    @functools.cache
    def rest(item: int, state: int) -> Bool:
        if item == len(value):
            return logic.truth(all(token is Wildcard.ANY_TEXT for token in pattern[state:]))
        entry = value[item]
        if isinstance(entry, str):
            return logic.either(*(rest(item + 1, after) for after in _step(pattern, state, entry)))
        if item == len(value) - 1:
            return entry.member(pattern[state:]) if entry.can_be(pattern[state:]) else FALSE
        found: list[Bool] = []
        for after, segment in _reach(pattern, state, entry):
            tail = rest(item + 1, after)
            if not logic.is_false(tail):
                found.append(logic.both(entry.member(segment), tail))
        return logic.either(*found)

    return rest(0, 0)


def _step(pattern: Pattern, state: int, char: str) -> Iterator[int]:
    """The places that one character leads to."""
    if state < len(pattern) and pattern[state] is Wildcard.ANY_TEXT:
        yield state
        state += 1
    if state < len(pattern) and takes(pattern[state], char):
        yield state + 1


def _reach(pattern: Pattern, state: int, piece: Piece) -> Iterator[tuple[int, Pattern]]:
    """The places that a piece can lead to, each with the pattern that the piece must match."""
    for after in range(state, len(pattern) + 1):
        walked = pattern[state:after]
        if not piece.may_grow(walked):
            return
        if walked and walked[-1] is Wildcard.ANY_TEXT:
            continue  # the place before the `*` gives the same
        at_star = after < len(pattern) and pattern[after] is Wildcard.ANY_TEXT
        segment = (*walked, Wildcard.ANY_TEXT) if at_star else walked
        if piece.can_be(segment):
            yield after, segment


def match_arns(alternatives: tuple[Alternative, ...], pattern: Pattern, encoding: Encoding) -> tuple[Bool, bool]:
    """Whether each field of the ARN matches its own; and whether missing fields of a short pattern were read as `*`."""
    fields = split_fields(pattern, 6)
    short = len(fields) < 6
    fields += [(Wildcard.ANY_TEXT,)] * (6 - len(fields))
    found = [
        logic.both(option.guard, _match_fields(option.items, fields, encoding))
        for option in alternatives
        if not logic.is_false(option.guard)
    ]
    return logic.either(*found), short


def _match_fields(value: Items, fields: list[Pattern], encoding: Encoding) -> Bool:
    parts = _value_fields(value)
    if parts is not None:
        return logic.both(*(match_items(part, field, encoding) for part, field in zip(parts, fields, strict=True)))
    if len(value) == 1 and isinstance(value[0], Piece) and not any(_has_pieces(field) for field in fields):
        return logic.matches(value[0].text, _arn_regex(fields))
    return encoding.guess()


def _value_fields(value: Items) -> list[Items] | None:
    """The six fields of an ARN; None if a piece in the first five can contain a colon."""
    out: list[list[Item]] = [[]]
    for entry in value:
        if entry == ":" and len(out) < 6:
            out.append([])
        else:
            out[-1].append(entry)
    hidden = any(not isinstance(entry, str) and entry.has(":") for part in out[:5] for entry in part)
    return None if hidden or len(out) < 6 else [tuple(part) for part in out]


def _arn_regex(fields: list[Pattern]) -> Regex:
    """All six fields as one regular expression."""
    parts: list[Regex] = []
    for field in fields[:5]:
        parts += [_without_colon(field), logic.re_text(":")]
    return logic.re_sequence(*parts, pattern_regex(fields[5]))


def _without_colon(field: Pattern) -> Regex:
    if exact_text(field) is not None:
        return pattern_regex(field)
    return logic.re_both(pattern_regex(field), NO_COLONS)


def _match_with_variables(value: Items, pattern: Pattern, encoding: Encoding, ignore_case: bool) -> Bool:
    """Match a pattern with policy variables: find what is between its stars from left to right."""
    if ignore_case and encoding.loose:
        return encoding.guess()
    if ignore_case:
        value, pattern = _small(value, encoding), _small_pattern(pattern, encoding)
    subject = items_text(value)
    encoding.hints += _hints(value, pattern)
    stretches = _stretches(pattern)
    first, *middle, last = stretches if len(stretches) > 1 else (stretches[0], [])
    if len(stretches) == 1:
        if Wildcard.ONE_CHARACTER not in first:
            return subject == _joined(first)
        return logic.both(logic.length(subject) == _width(first), _is_at(subject, first, logic.number(0)))
    parts = [_begins(subject, first)]
    place = _width(first)
    for stretch in middle:
        if Wildcard.ONE_CHARACTER in stretch:
            return encoding.guess()
        found = logic.index_of(subject, _joined(stretch), place)
        parts.append(found >= 0)
        place = found + _width(stretch)
    if last:
        parts += [place + _width(last) <= logic.length(subject), _ends(subject, last)]
    return logic.both(*parts)


def _hints(value: Items, pattern: Pattern) -> Iterator[list[Bool]]:
    """Try for a free text first what the other side has piece by piece, and the empty text."""
    empty = logic.text("")
    if len(value) == 1 and _is_free(value[0]):
        filled: list[Token] = [
            frozenset("x") if token is Wildcard.ONE_CHARACTER else token
            for token in pattern
            if token is not Wildcard.ANY_TEXT
        ]
        yield [items_text(value) == _joined(filled), items_text(value) == empty]
    yield from ([entry.text == empty] for entry in value if _may_be_empty(entry))
    for token in pattern:
        if _is_free(token):
            yield [token.text == items_text(span) for span in ((), *_spans(value))]


def _spans(value: Items) -> list[Items]:
    """The parts of the value that begin and end at a piece, a colon or an end."""
    edges = [0, *(place for place in range(1, len(value)) if not _both_characters(value, place)), len(value)]
    return [value[begin:end] for begin in edges for end in edges if begin < end]


def _is_free(entry: "Item | Token") -> TypeGuard[Piece]:
    """Whether this part of a value or pattern is a text that the caller chooses."""
    return isinstance(entry, Piece) and entry.letters is PRINTABLE


def _may_be_empty(entry: Item) -> TypeGuard[Piece]:
    """Whether this part of a value is a path, which may be empty."""
    return isinstance(entry, Piece) and entry.closing is not None and entry.shortest == 0


def _both_characters(value: Items, place: int) -> bool:
    """Whether characters other than a colon are on both sides."""
    around = value[place - 1 : place + 1]
    return all(isinstance(entry, str) for entry in around) and ":" not in around


def _begins(subject: Text, stretch: list[Token]) -> Bool:
    if Wildcard.ONE_CHARACTER not in stretch:
        return logic.starts_with(_joined(stretch), subject)
    return _is_at(subject, stretch, logic.number(0))


def _ends(subject: Text, stretch: list[Token]) -> Bool:
    if Wildcard.ONE_CHARACTER not in stretch:
        return logic.ends_with(_joined(stretch), subject)
    return _is_at(subject, stretch, logic.length(subject) - _width(stretch))


def _joined(stretch: list[Token]) -> Text:
    return logic.joined(_token_text(token) for token in stretch)


def _stretches(pattern: Pattern) -> list[list[Token]]:
    out: list[list[Token]] = [[]]
    for token in without_repeated_stars(pattern):
        if token is Wildcard.ANY_TEXT:
            out.append([])
        else:
            out[-1].append(token)
    return out


def _token_text(token: Token) -> Text:
    if isinstance(token, frozenset):
        return logic.text(next(iter(token)))
    return token.text  # type: ignore[union-attr]  # no variable is left in the pattern


def _width(stretch: list[Token]) -> Text:
    widths = [
        logic.number(1) if token is Wildcard.ONE_CHARACTER else logic.length(_token_text(token)) for token in stretch
    ]
    return sum(widths, logic.number(0))


def _is_at(subject: Text, stretch: list[Token], place: Text) -> Bool:
    """Whether the subject has the stretch at this place; `?` is any character."""
    parts: list[Bool] = [place + _width(stretch) <= logic.length(subject)]
    for begin, token in enumerate(stretch):
        if token is not Wildcard.ONE_CHARACTER:
            start = place + _width(stretch[:begin])
            wanted = _token_text(token)
            parts.append(logic.part_of(subject, start, logic.length(wanted)) == wanted)
    return logic.both(*parts)


def _small(value: Items, encoding: Encoding) -> Items:
    """Restrict a comparison that ignores case, with variables, to texts without capitals."""
    for entry in value:
        if not isinstance(entry, str):
            _forbid_capitals(entry, encoding)
    return tuple(folded(entry) if isinstance(entry, str) else entry for entry in value)


def _small_pattern(pattern: Pattern, encoding: Encoding) -> Pattern:
    out: list[Token] = []
    for token in pattern:
        if isinstance(token, frozenset):
            out.append(frozenset(sorted(folded(char) for char in token)[:1]))
        else:
            if not isinstance(token, Wildcard):
                _forbid_capitals(token, encoding)  # type: ignore[arg-type]  # no variable is left in the pattern
            out.append(token)
    return tuple(out)


def _forbid_capitals(piece: Piece, encoding: Encoding) -> None:
    if any(piece.has(char) for char in string.ascii_uppercase):
        encoding.restrictions.append(logic.matches(piece.text, NO_CAPITALS))
