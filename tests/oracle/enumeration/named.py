"""Whom a policy names: ids written in full where the policy lets someone in."""

from collections.abc import Iterable
from typing import Final

from tests.oracle.enumeration.automata import Token, Words, arn_tokens, globs, string_tokens
from tests.oracle.enumeration.cells import Budget, Probe, first_cell
from tests.oracle.enumeration.conditions import Condition, Value
from tests.oracle.enumeration.keys import ARN, STRING, Kind, key_info
from tests.oracle.enumeration.policy import Entry, Statement
from tests.oracle.enumeration.shapes import ACCOUNT, UNIQUE_ID, Shape, own_arn_tape, shapes
from tests.oracle.enumeration.text import Pattern, Variable, literal

Barred = dict[str, frozenset[str]]
"""For each kind of id the ids that a caller cannot have."""

_IDENTITY_KINDS: Final = frozenset(
    {
        Kind.PERSON,
        Kind.ORGANIZATION,
        Kind.ENDPOINT,
        Kind.INSTANCE,
        Kind.OWN_ARN,
        Kind.OWN_ID,
        Kind.PROVIDER,
    }
)
_STEPS: Final = 400_000


def identity_shapes(key: str, partition: str) -> tuple[Shape, ...]:
    """The shapes of a key, those of resources in an account included."""
    kind = key_info(key).kind
    if kind in (Kind.OWN_ARN, Kind.PROVIDER):
        return (Shape(own_arn_tape(partition), "text", (("account", ACCOUNT),)),)
    return shapes(key, partition)


def tokens_of(pattern: Pattern, family: str, name: str) -> tuple[tuple[Token, ...], bool]:
    """A pattern as its operator reads it, and whether it is a short ARN."""
    if family == ARN:
        return arn_tokens(pattern)
    return string_tokens(pattern, ignore_case="ignorecase" in name or family != STRING), False


def _open_pattern(value: Value) -> Pattern:
    """A variable can be any text."""
    return tuple((False, "*") if isinstance(part, Variable) else part for part in value.template)


def _only_id(candidates: Iterable[Shape], probe_of: Probe, identity: str) -> str | None:
    """The one id of this kind in everything that the pattern matches, if there is just one."""
    automaton = probe_of[1]
    budget = Budget(_STEPS)
    matched: list[tuple[Shape, str | None]] = []
    candidates = tuple(candidates)
    for shape in candidates:
        found = first_cell(shape.tape, ((shape.view, automaton),), (), budget)
        if found is not None:
            views = [view for view, what in shape.identities if what == identity]
            matched.append((shape, found[views[0]] if views else None))
    ids = {one for _, one in matched}
    if len(ids) != 1:
        return None
    only = ids.pop()
    if only is None:
        return None
    for shape, _ in matched:
        view = next(view for view, what in shape.identities if what == identity)
        other = ((view, Words([only])),)
        if first_cell(shape.tape, ((shape.view, automaton),), other, budget) is not None:
            return None
    return only


def _condition_names(condition: Condition, partitions: tuple[str, ...]) -> set[tuple[str, str]]:
    """The ids that the values of a condition write in full."""
    op = condition.operator
    if op.family not in (STRING, ARN) or key_info(condition.key).kind not in _IDENTITY_KINDS:
        return set()
    candidates = tuple(
        dict.fromkeys(shape for partition in partitions for shape in identity_shapes(condition.key, partition))
    )
    identities = {what for shape in candidates for _, what in shape.identities}
    named: set[tuple[str, str]] = set()
    for value in condition.values:
        tokens, _ = tokens_of(_open_pattern(value), op.family, op.name)
        automaton = globs(frozenset({tokens}))
        for identity in identities:
            only = _only_id(candidates, ("", automaton), identity)
            if only is not None:
                named.add((identity, only))
    return named


def named_ids(statements: Iterable[Statement], partitions: tuple[str, ...]) -> Barred:
    """A Principal and positive conditions of an Allow, a NotPrincipal and negated ones of a Deny."""
    found: set[tuple[str, str]] = set()
    for statement in statements:
        if statement.allow != statement.not_principal:
            for value in statement.principals:
                if value.account:
                    found.add((ACCOUNT, value.account))
                if value.entry is Entry.DELETED:
                    found.add((UNIQUE_ID, value.text))
        for condition in statement.conditions:
            if statement.allow != condition.operator.negated:
                found |= _condition_names(condition, partitions)
    kinds = {kind for kind, _ in found}
    return {kind: frozenset(one for what, one in found if what == kind) for kind in kinds}


def literal_tokens(text: str) -> tuple[Token, ...]:
    """A text as a pattern that matches just this text."""
    return string_tokens(literal(text))
