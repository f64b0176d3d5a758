"""Whether a text of the request matches a pattern of the policy.

A request's text is a row of fixed characters and pieces.  A pattern is cut along those pieces, so that the solver only
ever asks whether one piece is in one regular language: that is exact, and it is what string solvers are good at.
"""

import functools
from collections.abc import Iterator

from tests.oracle.solver import logic
from tests.oracle.solver.logic import Bool, Regex
from tests.oracle.solver.patterns import Pattern, Token, Wild, exact_text, split_fields, takes
from tests.oracle.solver.pieces import Alternative, Doubts, Item, Items, Piece, TextPiece, pattern_regex
from tests.oracle.solver.shapes import NO_COLONS
from tests.oracle.solver.symbolic import match_symbolic


def match_texts(alternatives: tuple[Alternative, ...], pattern: Pattern, doubts: Doubts, *, fold: bool = False) -> Bool:
    """Whether the text of the request, whichever it is, matches the whole pattern."""
    return logic.either(
        *(
            logic.both(option.guard, match_items(option.items, pattern, doubts, fold=fold))
            for option in alternatives
            if not logic.is_false(option.guard)
        )
    )


def match_items(value: Items, pattern: Pattern, doubts: Doubts, *, fold: bool = False) -> Bool:
    """Whether a row of characters and pieces matches a pattern of characters, wildcards and pieces."""
    value, pattern = _without_common_ends(value, pattern)
    if _has_pieces(pattern):
        cut = _cut_at_delimiter(value, pattern)
        if cut is not None:
            left, right = cut
            return logic.both(match_items(*left, doubts, fold=fold), match_items(*right, doubts, fold=fold))
        return match_symbolic(value, pattern, doubts, fold)
    return _match_along_pieces(value, pattern)


def _has_pieces(pattern: Pattern) -> bool:
    return not all(isinstance(token, frozenset | Wild) for token in pattern)


def _same(item: Item, token: Token) -> bool:
    return takes(token, item) if isinstance(item, str) and token is not Wild.ONE else item is token


def _without_common_ends(value: Items, pattern: Pattern) -> tuple[Items, Pattern]:
    """What is alike at both ends matches; wildcards end the comparison."""
    while value and pattern and _same(value[0], pattern[0]):
        value, pattern = value[1:], pattern[1:]
    while value and pattern and _same(value[-1], pattern[-1]):
        value, pattern = value[:-1], pattern[:-1]
    return value, pattern


def _excludes(entry: "Item | Token", char: str) -> bool:
    """Whether the character cannot occur in this part of a value or pattern."""
    if isinstance(entry, str):
        return entry != char
    if isinstance(entry, frozenset):
        return char not in entry
    return not isinstance(entry, Wild) and not entry.has(char)  # type: ignore[union-attr]


def _cut_at_delimiter(value: Items, pattern: Pattern) -> tuple[tuple[Items, Pattern], tuple[Items, Pattern]] | None:
    """A fixed character that nothing before it can contain, on both sides, must fall on itself."""
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
    """The pattern read as an automaton whose states are its places, cut wherever a piece begins or ends."""

    @functools.cache
    def rest(item: int, state: int) -> Bool:
        if item == len(value):
            return logic.truth(all(token is Wild.RUN for token in pattern[state:]))
        entry = value[item]
        if isinstance(entry, str):
            return logic.either(*(rest(item + 1, after) for after in _step(pattern, state, entry)))
        found: list[Bool] = []
        for after, segment in _reach(pattern, state, entry):
            tail = rest(item + 1, after)
            if not logic.is_false(tail):
                found.append(logic.both(entry.member(segment), tail))
        return logic.either(*found)

    return rest(0, 0)


def _step(pattern: Pattern, state: int, char: str) -> Iterator[int]:
    """The places that one character leads to."""
    if state < len(pattern) and pattern[state] is Wild.RUN:
        yield state
        state += 1
    if state < len(pattern) and takes(pattern[state], char):
        yield state + 1


def _reach(pattern: Pattern, state: int, piece: Piece) -> Iterator[tuple[int, Pattern]]:
    """The places that a piece can lead to, each with what the piece must match on the way."""
    for after in range(state, len(pattern) + 1):
        walked = pattern[state:after]
        if not piece.may_grow(walked):
            return
        if walked and walked[-1] is Wild.RUN:
            continue  # the place before the run already says the same
        at_run = after < len(pattern) and pattern[after] is Wild.RUN
        segment = (*walked, Wild.RUN) if at_run else walked
        if piece.can_be(segment):
            yield after, segment


def match_arns(alternatives: tuple[Alternative, ...], pattern: Pattern, doubts: Doubts) -> tuple[Bool, bool]:
    """Each of the six fields matched on its own; whether missing fields of a short pattern were read as `*`."""
    fields = split_fields(pattern, 6)
    short = len(fields) < 6
    fields += [(Wild.RUN,)] * (6 - len(fields))
    found = [
        logic.both(option.guard, _match_fields(option.items, fields, doubts))
        for option in alternatives
        if not logic.is_false(option.guard)
    ]
    return logic.either(*found), short


def _match_fields(value: Items, fields: list[Pattern], doubts: Doubts) -> Bool:
    parts = _value_fields(value)
    if parts is not None:
        return logic.both(*(match_items(part, field, doubts) for part, field in zip(parts, fields, strict=True)))
    if len(value) == 1 and isinstance(value[0], TextPiece) and not any(_has_pieces(field) for field in fields):
        return logic.matches(value[0].text, _arn_regex(fields))
    return doubts.guess()


def _value_fields(value: Items) -> list[Items] | None:
    """The six fields of an ARN, when no piece can hide a colon in the first five."""
    out: list[list[Item]] = [[]]
    for entry in value:
        if entry == ":" and len(out) < 6:
            out.append([])
        else:
            out[-1].append(entry)
    hidden = any(not isinstance(entry, str) and entry.has(":") for part in out[:5] for entry in part)
    return None if hidden or len(out) < 6 else [tuple(part) for part in out]


def _arn_regex(fields: list[Pattern]) -> Regex:
    """All six fields as one expression over a free text."""
    parts: list[Regex] = []
    for field in fields[:5]:
        parts += [_without_colon(field), logic.re_text(":")]
    return logic.re_sequence(*parts, pattern_regex(fields[5]))


def _without_colon(field: Pattern) -> Regex:
    if exact_text(field) is not None:
        return pattern_regex(field)
    return logic.re_both(pattern_regex(field), NO_COLONS)
