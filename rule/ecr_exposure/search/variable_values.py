"""Request contexts where policy variables make one key depend on another.

First every variable may stand for any text: if no context meets that, none meets the variables. Then values are
tried that the policy or that first context suggests. If none is right and others are possible, the answer is unknown.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations, islice, product
from math import prod
from typing import Final

from ecr_exposure.policy.condition_keys import ConditionKey, Presence, ValueDomain
from ecr_exposure.policy.operators import Comparison
from ecr_exposure.policy.variables import VARIABLE, Reference, references, substitute
from ecr_exposure.search.callers import CallerModel
from ecr_exposure.search.constraints import Constraint, complete_arns, equal_to
from ecr_exposure.search.request_context import ByKey, RequestContexts, Values, by_key
from ecr_exposure.search.strings import TooComplexError

_MOST_TRIES: Final = 256


def find_context(constraints: Sequence[Constraint], action: str, contexts: RequestContexts) -> Values | None:
    """Return the context of a request that meets all constraints; None if there is none.

    Raises TooComplexError.
    """
    with_variables = [constraint for constraint in constraints if constraint.has_variables]
    fixed = by_key(constraint for constraint in constraints if not constraint.has_variables)
    if not with_variables:
        return contexts.find(fixed, action)
    if any(_contradict(one, other) for one, other in combinations(with_variables, 2)):
        return None
    return _find_with_variables(fixed, with_variables, action, contexts)


def _find_with_variables(
    fixed: ByKey, with_variables: Sequence[Constraint], action: str, contexts: RequestContexts
) -> Values | None:
    callers = contexts.callers
    relaxed = contexts.find(_more(fixed, [each for one in with_variables for each in _relaxed(one)]), action)
    if relaxed is None:
        return None
    keys = list(dict.fromkeys(key for one in with_variables for key in _open_keys(one, callers)))
    complete = [_all_values(fixed.get(key.name, ())) for key in keys]
    tries: list[list[str | None]] = [
        [*values] or list(_suggested_values(key, fixed, with_variables, relaxed, callers))
        for key, values in zip(keys, complete, strict=True)
    ]
    for values in islice(product(*tries), _MOST_TRIES):
        known = dict(zip(keys, values, strict=True))
        assigned = [_assigned(key, value) for key, value in known.items()]
        filled = [_filled(each, known, callers) for each in with_variables]
        found = contexts.find(_more(fixed, [*assigned, *filled]), action)
        if found is not None:
            return found
    if all(complete) and prod(map(len, tries)) <= _MOST_TRIES:
        return None
    raise TooComplexError("policy variables tie several keys together")


def _contradict(one: Constraint, other: Constraint) -> bool:
    """Return whether one constraint requires what the other excludes, whatever the variables stand for."""
    same = (one.key, one.comparison, one.texts) == (other.key, other.comparison, other.texts)
    # Several values under an operator without a set operator: AWS does not document the result.
    undocumented = one.key.domain is ValueDomain.UNKNOWN and (one.single_valued or other.single_valued)
    both = (one.may_be_absent and other.may_be_absent) or (one.any_value and other.any_value)
    return same and one.negated != other.negated and not undocumented and not both


def _all_values(constraints: Sequence[Constraint]) -> list[str]:
    """Return every value that a key can have, if its constraints leave only few; empty if they do not."""
    listed = (each.only_values() for each in constraints if not each.may_be_absent)
    complete = next((values for values in listed if values is not None), ())
    return [value for value in complete if all(constraint.accepts(value) for constraint in constraints)]


def _more(constraints: ByKey, others: Iterable[Constraint]) -> ByKey:
    found = {name: list(each) for name, each in constraints.items()}
    for constraint in others:
        found.setdefault(constraint.key.name, []).append(constraint)
    return found


def _open_keys(constraint: Constraint, callers: CallerModel) -> Iterator[ConditionKey]:
    """Yield the keys of a constraint's variables whose values depend on the caller."""
    for text in constraint.texts:
        yield from (reference.key for reference in references(text) if not callers.is_constant(reference.key))


def _relaxed(constraint: Constraint) -> Iterator[Constraint]:
    """Yield constraints that every context meets which meets this one, whatever its variables stand for."""
    if constraint.negated:
        yield constraint._replace(comparison=Comparison.ANY, texts=(), has_variables=False)
        return
    # As text a star also crosses the colons of an ARN, as the value of a variable may.
    is_arn = constraint.comparison is Comparison.ARN
    comparison = Comparison.TEXT if is_arn else constraint.comparison
    texts = [VARIABLE.sub("*", text) + ("*" if is_arn else "") for text in constraint.texts]
    yield constraint._replace(comparison=comparison, texts=tuple(texts), has_variables=False)
    if len(constraint.texts) == 1 and not constraint.may_be_absent:
        # A variable without a value matches nothing, so its key must be present.
        yield from (Constraint(each.key) for each in references(constraint.texts[0]) if each.default is None)


def _assigned(key: ConditionKey, value: str | None) -> Constraint:
    if value is None:
        return Constraint(key, may_be_absent=True, may_be_present=False)
    return equal_to(key, value)


def _filled(constraint: Constraint, known: Mapping[ConditionKey, str | None], callers: CallerModel) -> Constraint:
    """Return the constraint with its variables replaced."""

    def value_of(reference: Reference) -> str | None:
        value = known.get(reference.key, callers.constant(reference.key))
        return reference.default if value is None else value

    texts = tuple(text for each in constraint.texts if (text := substitute(each, value_of)) is not None)
    if constraint.comparison is Comparison.ARN:
        texts = complete_arns(texts, negated=constraint.negated)
    if texts:
        return constraint._replace(texts=texts, has_variables=False)
    may_be_present = constraint.may_be_present and constraint.negated
    return constraint._replace(may_be_present=may_be_present, comparison=Comparison.ANY, texts=(), has_variables=False)


def _suggested_values(
    key: ConditionKey, fixed: ByKey, with_variables: Sequence[Constraint], relaxed: Values, callers: CallerModel
) -> Iterator[str | None]:
    """Yield values of a variable that may meet its constraints, each once, and None for no value."""
    values = [value for name in _related(key, with_variables, callers) for value in _alone(relaxed.get(name))]
    for constraint in with_variables:
        name = constraint.key.name
        for value in (*_listed(fixed.get(name, ())), *_strings(relaxed.get(name))):
            values += _values_of_variable(constraint, value)
    values += _listed(fixed.get(key.name, ()))
    yield from dict.fromkeys(values if key.presence is Presence.ALWAYS else (*values, None, "x"))


def _related(key: ConditionKey, with_variables: Sequence[Constraint], callers: CallerModel) -> Iterator[str]:
    """Yield the names of the key itself, of those that it is a variable of, and of its own variables."""
    yield key.name
    yield from (each.key.name for each in with_variables if key in _open_keys(each, callers))
    yield from (other.name for each in with_variables if each.key == key for other in _open_keys(each, callers))


def _listed(constraints: Iterable[Constraint]) -> Iterator[str]:
    yield from (text for constraint in constraints for text in constraint.only_values() or ())


def _alone(value: str | tuple[str, ...] | None) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else ()


def _strings(value: str | tuple[str, ...] | None) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else (value,) if value else ()


def _values_of_variable(constraint: Constraint, value: str) -> Iterator[str]:
    """Yield what the only variable of a text may stand for, so that the text matches the value."""
    yield value
    for text in constraint.texts:
        before, *after = VARIABLE.split(text)
        if len(after) == 2:  # noqa: PLR2004 - one variable: its content and what follows
            pattern = f"{_as_expression(before)}(.+?){_as_expression(after[1])}"
            if (fit := re.fullmatch(pattern, value)) is not None:
                yield fit[1]


def _as_expression(part: str) -> str:
    """Return a regular expression for a part of a pattern; it only serves to guess."""
    return "[^:]*".join(".".join(map(re.escape, piece.split("?"))) for piece in part.split("*"))
