"""Keys that are linked by policy variables get values that fit each other."""

import itertools
import re
from collections.abc import Iterable, Iterator
from typing import Final

from tests.oracle.enumeration.automata import Inside, Token, globs
from tests.oracle.enumeration.conditions import Condition
from tests.oracle.enumeration.keys import (
    ARN,
    BOOL,
    DATE,
    IP,
    NUMERIC,
    STRING,
    Kind,
    doubtful_variable,
    key_info,
)
from tests.oracle.enumeration.named import tokens_of
from tests.oracle.enumeration.people import Candidate
from tests.oracle.enumeration.text import Template, Variable, has_wildcard, literal, variables_of
from tests.oracle.enumeration.typed import has_text_patterns
from tests.oracle.enumeration.universe import Universe, group_of

ROUNDS: Final = 3
MOST_LITERALS: Final = 60
MOST_COMBINATIONS: Final = 400

Link = tuple[Condition, Template]
"""A condition and one of its values that reads keys which differ from request to request."""


def links(universe: Universe, conditions: Iterable[Condition]) -> list[Link]:
    """The values with variables that are neither fixed nor in doubt."""
    return [
        (condition, template)
        for condition in conditions
        for template in universe.templates(condition)
        if any(_differs(universe, variable.key) for variable in variables_of(template))
        and not any(doubtful_variable(variable.key) for variable in variables_of(template))
    ]


def _differs(universe: Universe, key: str) -> bool:
    """Whether a key differs from request to request."""
    return not universe.fixed(key)


def groups_of(universe: Universe, condition: Condition) -> frozenset[str]:
    """The groups whose candidates decide a condition."""
    keys = {condition.key}
    for template in universe.templates(condition):
        keys |= {variable.key for variable in variables_of(template)}
    keys = {key for key in keys if _differs(universe, key) and (key == condition.key or not doubtful_variable(key))}
    return frozenset(group_of(key) for key in keys)


def is_inexact(universe: Universe, condition: Condition) -> bool:
    """Whether the candidates may miss a way to answer a condition."""
    if universe.fixed(condition.key) and condition.key not in universe.base:
        return False
    for template in universe.templates(condition):
        free = [each for each in variables_of(template) if _differs(universe, each.key)]
        if len(free) > 1 or (free and has_wildcard(template)):
            return True
    if universe.fixed(condition.key) or not has_text_patterns([condition]):
        return False
    info = key_info(condition.key)
    if condition.operator.family not in info.families:
        return False
    if info.kind is Kind.TIME:
        return True
    families = {each.operator.family for each in universe.conditions.get(condition.key, [])}
    return bool(families & info.families & {IP, NUMERIC, DATE})


def _tokens(template: Template, condition: Condition, fill: tuple[Token, ...]) -> tuple[Token, ...]:
    """A template with its variables replaced by a pattern."""
    marked = tuple((False, "*") if isinstance(part, Variable) else part for part in template)
    if condition.operator.family == ARN:
        return tokens_of(marked, ARN, "")[0]
    tokens: list[Token] = []
    for part in template:
        if isinstance(part, Variable):
            tokens += fill
        else:
            name = condition.operator.name
            tokens += tokens_of((part,), condition.operator.family, name)[0]
    return tuple(tokens)


def _share(universe: Universe, found: list[Link]) -> None:
    """What one of two linked keys is compared with matters for the other one too."""
    for condition, template in found:
        key = condition.key
        shared = universe.automata.setdefault(key, [])
        shared.append(globs(frozenset({_tokens(template, condition, (("star", ""),))})))
        free = [each.key for each in variables_of(template) if _differs(universe, each.key)]
        for other in free:
            for fill in _patterns_on(universe, other):
                shared.append(globs(frozenset({_tokens(template, condition, fill)})))
        if len(free) == 1 and not has_wildcard(template):
            before, after = _around(template)
            universe.automata.setdefault(free[0], []).extend(
                Inside(reader, before, after) for reader in universe.own_automata(key)
            )


def _patterns_on(universe: Universe, key: str) -> Iterator[tuple[Token, ...]]:
    """The patterns that a key is compared with."""
    for condition in universe.conditions.get(key, []):
        op = condition.operator
        if op.family not in (STRING, ARN, BOOL):
            continue
        for template in universe.templates(condition):
            pattern = tuple(part for part in template if not isinstance(part, Variable))
            if len(pattern) == len(template):
                yield tokens_of(pattern, op.family, op.name)[0]


def _around(template: Template) -> tuple[str, str]:
    """The fixed texts before and behind the only variable."""
    place = next(at for at, part in enumerate(template) if isinstance(part, Variable))
    texts = [
        "".join(p[1] for p in side if not isinstance(p, Variable)) for side in (template[:place], template[place + 1 :])
    ]
    return texts[0], texts[1]


def linked_candidates(
    universe: Universe, groups: Iterable[str], conditions: Iterable[Condition]
) -> list[list[Candidate]]:
    """Build the groups, then again with the values that they hand to each other."""
    names = sorted(groups)
    found = links(universe, conditions)
    if not found:
        return [universe.build(name) for name in names]
    _share(universe, found)
    built = [universe.build(name) for name in names]
    for _ in range(ROUNDS):
        if not _exchange(universe, found, _values(universe, built)):
            break
        built = [universe.build(name) for name in names]
    return built


def _values(universe: Universe, built: list[list[Candidate]]) -> dict[str, list[str]]:
    """The texts that each key has in the candidates so far."""
    texts: dict[str, dict[str, None]] = {key: {values[0]: None} for key, values in universe.base.items()}
    for candidate in itertools.chain.from_iterable(built):
        for key, values in candidate.items():
            texts.setdefault(key, {}).update(dict.fromkeys(values))
    return {key: list(each) for key, each in texts.items()}


def _exchange(universe: Universe, found: list[Link], values: dict[str, list[str]]) -> bool:
    """Add the texts that make a link hold; say whether there was a new one."""
    new = False
    for condition, template in found:
        wanted: list[tuple[str, str]] = []
        for text, tokens in _filled(template, condition, values):
            if tokens is None:
                wanted.append((condition.key, text))
            else:
                reader = globs(frozenset({tokens}))
                readers = universe.automata.setdefault(condition.key, [])
                if reader not in readers and len(readers) < MOST_LITERALS:
                    readers.append(reader)
                    new = True
        for text in values.get(condition.key, [])[:MOST_COMBINATIONS]:
            wanted += _captures(template, text)
        for key, text in wanted:
            have = universe.literals.setdefault(key, set())
            if text not in have and len(have) < MOST_LITERALS:
                have.add(text)
                new = True
    return new


def _filled(
    template: Template, condition: Condition, values: dict[str, list[str]]
) -> Iterator[tuple[str, tuple[Token, ...] | None]]:
    """The template for every choice of values: a text, or the tokens if it has wildcards."""
    variables = list(dict.fromkeys(variables_of(template)))
    choices = [[*values.get(each.key, []), *([] if each.default is None else [each.default])] for each in variables]
    for chosen in itertools.islice(itertools.product(*choices), MOST_COMBINATIONS):
        texts = dict(zip(variables, chosen, strict=True))
        pattern = tuple(
            glyph for part in template for glyph in (literal(texts[part]) if isinstance(part, Variable) else (part,))
        )
        if all(is_literal for is_literal, _ in pattern):
            yield "".join(char for _, char in pattern), None
        else:
            op = condition.operator
            yield "", tokens_of(pattern, op.family, op.name)[0]


def _captures(template: Template, text: str) -> list[tuple[str, str]]:
    """The values of the variables with which a template would match a text."""
    found: list[tuple[str, str]] = []
    for lazy in ("", "?"):
        pieces: list[str] = []
        keys: list[str] = []
        for part in template:
            if isinstance(part, Variable):
                pieces.append(f"(.*{lazy})")
                keys.append(part.key)
            elif part[0]:
                pieces.append(re.escape(part[1]))
            else:
                pieces.append(f".*{lazy}" if part[1] == "*" else ".")
        match = re.fullmatch("".join(pieces), text, re.DOTALL)
        if match:
            found += zip(keys, match.groups(), strict=True)
    return found
