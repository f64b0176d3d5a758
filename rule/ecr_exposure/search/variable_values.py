"""Request contexts where policy variables make one key depend on another.

A text that is one variable makes two keys equal: where either of them can have any text, both are found as one. For
the other texts every variable may first stand for any text: if no context meets that, none meets the variables. Then
values are tried that the policy or that first context suggests. If none is right and others are possible, the answer
is unknown.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations, islice, product
from math import prod
from typing import Final, NamedTuple

from ecr_exposure.identifiers import ARN_FIELDS
from ecr_exposure.policy.condition_keys import ConditionKey, Presence, ValueDomain
from ecr_exposure.policy.operators import Comparison
from ecr_exposure.policy.patterns import LITERAL
from ecr_exposure.policy.variables import VARIABLE, UndocumentedError, only_reference, references, substitute
from ecr_exposure.search.callers import CallerModel
from ecr_exposure.search.constraints import (
    Constraint,
    complete_arns,
    equal_to,
    one_text_each,
    value_of,
)
from ecr_exposure.search.request_context import ByKey, RequestContexts, Values, by_key
from ecr_exposure.search.strings import TooComplexError
from ecr_exposure.search.value_domains import DOMAINS, Selection

_MOST_TRIES: Final = 256


def find_context(constraints: Sequence[Constraint], action: str, contexts: RequestContexts) -> Values | None:
    """Return the context of a request that meets all constraints; None if there is none.

    Raises TooComplexError.
    """
    with_variables = [constraint for constraint in constraints if constraint.has_variables]
    fixed = [constraint for constraint in constraints if not constraint.has_variables]
    if not with_variables:
        return contexts.find(by_key(fixed), action)
    contexts.budget.spend(len(with_variables) ** 2 // 4)
    if any(_contradict(one, other) for one, other in combinations(with_variables, 2)):
        return None
    undecided: TooComplexError | None = None
    for chosen in one_text_each(with_variables):
        contexts.budget.spend(5 * len(fixed) + 40 * len(chosen))
        merged = _merged([*fixed, *(_of_variable(each, contexts.callers) for each in chosen)], contexts.callers)
        if merged is None:
            continue
        try:
            found = _find(merged, action, contexts)
        except _UndecidedError as error:
            undecided = error
            continue
        if found is not None:
            return found
    if undecided is not None:
        raise undecided
    return None


def _of_variable(constraint: Constraint, callers: CallerModel) -> Constraint:
    """Return the constraint of the variable if a key with a known value is compared with it, and with nothing else."""
    value = callers.constant(constraint.key)
    lone = only_reference(constraint.texts[0]) if constraint.has_variables and len(constraint.texts) == 1 else None
    if value is None or lone is None or lone.default is not None or not constraint.compares_text:
        return constraint
    texts = (value.translate(LITERAL),)
    # A variable without a value matches nothing.
    return constraint._replace(key=lone.key, texts=texts, has_variables=False, may_be_absent=constraint.negated)


class _UndecidedError(TooComplexError):
    """The values that were tried are wrong, and others are possible."""


def _contradict(one: Constraint, other: Constraint) -> bool:
    """Return whether one constraint requires what the other excludes, whatever the variables stand for."""
    same = (one.key, one.comparison, one.texts) == (other.key, other.comparison, other.texts)
    # Several values under an operator without a set operator: AWS does not document the result.
    undocumented = one.key.domain is ValueDomain.UNKNOWN and (one.single_valued or other.single_valued)
    both = (one.may_be_absent and other.may_be_absent) or (one.any_value and other.any_value)
    return same and one.negated != other.negated and not undocumented and not both


# Keys that are equal.


class _Merged(NamedTuple):
    """Constraints in which one key stands for all that are equal to it; equal: the name of each such key, and of it."""

    constraints: list[Constraint]
    equal: dict[str, str]


def _merged(constraints: list[Constraint], callers: CallerModel) -> _Merged | None:
    """Return the constraints with equal keys replaced; None if they require a key to differ from itself."""
    classes = _EqualKeys(constraints, callers)
    if not classes.other:
        return _Merged(constraints, {})
    found: list[Constraint] = []
    for constraint in map(classes.renamed, constraints):
        lone = only_reference(constraint.texts[0]) if constraint.has_variables and len(constraint.texts) == 1 else None
        if lone is None or lone.key.name != constraint.key.name:
            found.append(constraint)
        elif not constraint.negated or constraint.may_be_absent:
            is_absent = constraint.negated
            found.append(Constraint(constraint.key, may_be_absent=is_absent, may_be_present=not is_absent))
        else:
            return None
    return _Merged(found, {name: classes.root(key).name for name, key in classes.other.items()})


class _EqualKeys:
    """Keys that constraints require to be equal; other: by name, a key that stands for a key."""

    def __init__(self, constraints: Iterable[Constraint], callers: CallerModel) -> None:
        self.other: dict[str, ConditionKey] = {}
        for constraint in constraints:
            pair = _equal_keys(constraint)
            if pair is not None:
                one, other = map(self.root, pair)
                if one.name != other.name and _can_replace(other, one, callers):
                    self.other[one.name] = other
                elif one.name != other.name and _can_replace(one, other, callers):
                    self.other[other.name] = one

    def root(self, key: ConditionKey) -> ConditionKey:
        while key.name in self.other:
            key = self.other[key.name]
        return key

    def renamed(self, constraint: Constraint) -> Constraint:
        if not constraint.has_variables:
            return constraint._replace(key=self.root(constraint.key))
        texts = tuple(VARIABLE.sub(self._renamed_variable, text) for text in constraint.texts)
        return constraint._replace(key=self.root(constraint.key), texts=texts)

    def _renamed_variable(self, found: re.Match[str]) -> str:
        reference = only_reference(found[0])
        if reference is None or reference.key.name not in self.other:
            return found[0]
        return f"${{{self.root(reference.key).name}}}"


def _equal_keys(constraint: Constraint) -> tuple[ConditionKey, ConditionKey] | None:
    """Return the two keys whose values a constraint requires to be the same text; None if it does not."""
    is_equality = constraint.has_variables and not constraint.negated and constraint.comparison is Comparison.TEXT
    if not is_equality or constraint.may_be_absent or constraint.key.multivalued or len(constraint.texts) != 1:
        return None
    reference = only_reference(constraint.texts[0])
    return None if reference is None or reference.default is not None else (constraint.key, reference.key)


_STRINGS: Final = (Selection.PATTERN, Selection.LISTED, Selection.CORRELATED)
_MOMENTS: Final = (ValueDomain.TIME, ValueDomain.ISSUE_TIME)


def _can_replace(key: ConditionKey, other: ConditionKey, callers: CallerModel) -> bool:
    """Return whether every text that a caller can have in a key can be in the other key too."""
    is_text = DOMAINS[key.domain].selection in _STRINGS and key.domain not in _MOMENTS and not callers.is_constant(key)
    any_text = other.domain in (ValueDomain.TEXT, ValueDomain.RESOURCE_TAG) and not callers.is_constant(other)
    independent = other.presence in (Presence.OPTIONAL, Presence.ALWAYS) and not other.multivalued
    return is_text and any_text and independent and key.presence not in (Presence.TAGS, Presence.TAG_KEYS)


# Other texts with variables.


def _find(merged: _Merged, action: str, contexts: RequestContexts) -> Values | None:
    fixed = by_key(each for each in merged.constraints if not each.has_variables)
    with_variables = [each for each in merged.constraints if each.has_variables]
    if with_variables:
        found = _find_with_variables(fixed, with_variables, action, contexts)
    else:
        found = contexts.find(fixed, action)
    return None if found is None else found | {name: found[key] for name, key in merged.equal.items()}


def _find_with_variables(
    fixed: ByKey, with_variables: Sequence[Constraint], action: str, contexts: RequestContexts
) -> Values | None:
    callers = contexts.callers
    weaker = _more(fixed, [each for one in with_variables for each in _relaxed(one)])
    relaxed = contexts.find(weaker, action)
    if relaxed is None:
        return None
    related = _by_variable(with_variables, callers)
    # A key that the context may lack has a value in another one.
    relaxed = (contexts.find(_more(weaker, map(Constraint, related)), action) or {}) | relaxed
    complete = {key: _all_values(key, fixed.get(key.name, ())) for key in related}
    tries = {
        key: values or list(dict.fromkeys(_suggested_values(key, at, fixed, related[key], relaxed)))
        for at, (key, values) in enumerate(complete.items())
    }
    found = _first_right(tries, fixed, with_variables, action, contexts)
    if found is not None:
        return found
    # It is certain that there is none if one of the constraints has none.
    for some in ([*with_variables], *([one] for one in with_variables)):
        every = {key: complete[key] for one in some for key in _open_keys(one, callers)}
        if _are_few(every) and _first_right(every, fixed, some, action, contexts) is None:
            return None
    raise _UndecidedError("policy variables tie several keys together")


def _by_variable(constraints: Sequence[Constraint], callers: CallerModel) -> dict[ConditionKey, list[Constraint]]:
    """Return the keys whose values depend on the caller, each with the constraints that have it as a variable."""
    found: dict[ConditionKey, list[Constraint]] = {}
    for constraint in constraints:
        for key in dict.fromkeys(_open_keys(constraint, callers)):
            found.setdefault(key, []).append(constraint)
    return found


def _are_few(values: Mapping[ConditionKey, Sequence[str | None]]) -> bool:
    """Return whether these are all values that the variables can have together."""
    return all(values.values()) and prod(map(len, values.values())) <= _MOST_TRIES


def _first_right(
    tries: Mapping[ConditionKey, Sequence[str | None]],
    fixed: ByKey,
    with_variables: Sequence[Constraint],
    action: str,
    contexts: RequestContexts,
) -> Values | None:
    """Return a context for the first values of the variables that meet the constraints."""
    for values in islice(product(*tries.values()), _MOST_TRIES):
        contexts.budget.spend(20 * (len(tries) + len(with_variables)))
        known = dict(zip(tries, values, strict=True))
        assigned = [_assigned(key, value) for key, value in known.items()]
        filled = [_filled(each, known, contexts.callers) for each in with_variables]
        found = contexts.find(_more(fixed, [*assigned, *filled]), action)
        if found is not None:
            return found
    return None


def _all_values(key: ConditionKey, constraints: Sequence[Constraint]) -> list[str | None]:
    """Return every value that a key can have, None for no value, if there are only few; empty if there are many."""
    required = [each for each in constraints if not each.may_be_absent]
    written = (values for each in required if (values := each.only_values()) is not None)
    listed = next(written, None) or DOMAINS[key.domain].values
    found: list[str | None] = [
        value for value in listed if all(each.may_be_present and each.accepts(value) for each in constraints)
    ]
    may_be_absent = bool(listed) and not required and key.presence is not Presence.ALWAYS
    return [*found, None] if may_be_absent else found


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
    if len(constraint.texts) == 1 and not constraint.may_be_absent and not constraint.negated:
        # A variable without a value matches nothing, so its key must be present.
        yield from (Constraint(each.key) for each in references(constraint.texts[0]) if each.default is None)
    if constraint.negated or not constraint.compares_text:
        yield constraint._replace(comparison=Comparison.ANY, texts=(), has_variables=False)
        return
    # The value of a variable may hold colons. Only in the sixth field they do not separate the fields of an ARN.
    in_resource = all(_before_variable(text).count(":") >= ARN_FIELDS - 1 for text in constraint.texts)
    is_text = constraint.comparison is Comparison.ARN and not in_resource
    comparison = Comparison.TEXT if is_text else constraint.comparison
    texts = [VARIABLE.sub("*", text) + ("*" if is_text else "") for text in constraint.texts]
    yield constraint._replace(comparison=comparison, texts=tuple(texts), has_variables=False)


def _before_variable(text: str) -> str:
    return VARIABLE.split(text, maxsplit=1)[0]


def _assigned(key: ConditionKey, value: str | None) -> Constraint:
    if value is None:
        return Constraint(key, may_be_absent=True, may_be_present=False)
    return equal_to(key, value)


def _filled(constraint: Constraint, known: Mapping[ConditionKey, str | None], callers: CallerModel) -> Constraint:
    """Return the constraint with its variables replaced."""
    resolve = value_of(known, callers, wildcards=constraint.wildcards)
    found: list[str] = []
    for each in constraint.texts:
        try:
            text = substitute(each, resolve)
        except UndocumentedError:
            if constraint.negated:
                continue
            return constraint._replace(comparison=Comparison.ANY, texts=(), has_variables=False)
        if text is not None:
            found.append(text)
    texts = tuple(found)
    if constraint.comparison is Comparison.ARN:
        texts = complete_arns(texts, negated=constraint.negated)
    if texts:
        return constraint._replace(texts=texts, has_variables=False)
    may_be_present = constraint.may_be_present and constraint.negated
    return constraint._replace(may_be_present=may_be_present, comparison=Comparison.ANY, texts=(), has_variables=False)


def _suggested_values(
    key: ConditionKey, at: int, fixed: ByKey, with_variables: Sequence[Constraint], relaxed: Values
) -> Iterator[str | None]:
    """Yield values of a variable that may meet the constraints which have it, and None for no value.

    at: the position of the variable among all.
    """
    if all(each.negated for each in with_variables) and DOMAINS[key.domain].example == "x":
        yield f"x{at}"  # other than the value of every other variable
    yield from _alone(relaxed.get(key.name))
    for constraint in with_variables:
        name = constraint.key.name
        yield from _alone(relaxed.get(name))
        for value in (*_listed(fixed.get(name, ())), *_strings(relaxed.get(name))):
            yield value
            if not constraint.negated:
                yield from _values_of_variable(key, constraint, value)
    yield from _listed(fixed.get(key.name, ()))
    if key.presence is not Presence.ALWAYS:
        yield from (None, "x")


def _listed(constraints: Iterable[Constraint]) -> Iterator[str]:
    yield from (text for constraint in constraints for text in constraint.only_values() or ())


def _alone(value: str | tuple[str, ...] | None) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else ()


def _strings(value: str | tuple[str, ...] | None) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else (value,) if value else ()


def _values_of_variable(key: ConditionKey, constraint: Constraint, value: str) -> Iterator[str]:
    """Yield what a variable may stand for, so that the text in which it is the only one matches the value."""
    for text in constraint.texts:
        before, *after = VARIABLE.split(text)
        if len(after) == 2 and [each.key for each in references(text)] == [key]:  # noqa: PLR2004 - the variable and what follows
            pattern = f"{_as_expression(before)}(.+?){_as_expression(after[1])}"
            if (fit := re.fullmatch(pattern, value)) is not None:
                yield fit[1]


def _as_expression(part: str) -> str:
    """Return a regular expression for a part of a pattern; it only serves to guess."""
    return "[^:]*".join(".".join(map(re.escape, piece.split("?"))) for piece in part.split("*"))
