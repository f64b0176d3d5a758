"""What one condition requires of one key of the request context, so that it evaluates as wanted.

The conditions of an Allow must be true and one condition of each Deny must be false, so each condition is wanted
true or wanted false. A condition whose result AWS does not document evaluates as wanted.
"""

import re
from collections.abc import Iterable
from typing import Final, NamedTuple, assert_never

from ecr_exposure.identifiers import ARN_FIELDS, account_of, arn_fields
from ecr_exposure.policy.condition_keys import ConditionKey, ValueDomain
from ecr_exposure.policy.conditions import Condition
from ecr_exposure.policy.operators import Comparison, Matches, SetOperator, ValueType, matches_arn
from ecr_exposure.policy.patterns import LITERAL, PLAIN, has_wildcard, matches
from ecr_exposure.policy.variables import Reference, has_variable, references, substitute
from ecr_exposure.search.callers import CallerModel, ids_named_by, is_trusted_network
from ecr_exposure.search.value_domains import DOMAINS, Naming


class Constraint(NamedTuple):
    """What one key of the request context must be like.

    may_be_absent, may_be_present: whether the context may lack the key, may have it.
    texts, comparison, matches: a value must match at least one of the texts or, negated, none of them.
    Compared as text or as ARNs they are wildcard patterns. With Comparison.ANY every value is right.
    any_value: of several values one is enough. has_variables: a text holds policy variables that depend on the
    caller. single_valued: the operator has no set operator, so it compares a single value.
    """

    key: ConditionKey
    may_be_absent: bool = False
    may_be_present: bool = True
    negated: bool = False
    any_value: bool = False
    comparison: Comparison = Comparison.ANY
    matches: Matches | None = None
    texts: tuple[str, ...] = ()
    has_variables: bool = False
    single_valued: bool = False

    @property
    def compares_text(self) -> bool:
        """Whether the texts are compared as text or as ARNs."""
        return self.comparison in AS_TEXT

    def accepts(self, value: str) -> bool:
        """Return whether a value is right."""
        if self.comparison is Comparison.ANY:
            return True
        return any(self._matches(text, value) for text in self.texts) != self.negated

    def _matches(self, text: str, value: str) -> bool:
        match self.comparison:
            case Comparison.TEXT:
                return matches(text, value.translate(LITERAL))
            case Comparison.TEXT_IGNORING_CASE:
                return matches(text.lower(), value.lower().translate(LITERAL))
            case Comparison.ARN:
                return bool(matches_arn(text, value.translate(LITERAL)))
            case Comparison.NUMBER | Comparison.DATE | Comparison.ADDRESS:
                return self.matches is not None and bool(self.matches(text, value))
            case Comparison.ANY:
                return True
            case _:
                assert_never(self.comparison)

    def only_values(self) -> tuple[str, ...] | None:
        """Return the only values that are right; None if there are too many to list."""
        if self.negated or self.has_variables or self.comparison not in (Comparison.TEXT, Comparison.ARN):
            return None
        if any(has_wildcard(text) for text in self.texts):
            return None
        return tuple(text.translate(PLAIN) for text in self.texts)


AS_TEXT: Final = (Comparison.TEXT, Comparison.TEXT_IGNORING_CASE, Comparison.ARN)


def equal_to(key: ConditionKey, text: str) -> Constraint:
    """Return the constraint that a key has this one value."""
    return Constraint(key, comparison=Comparison.TEXT, texts=(text.translate(LITERAL),), single_valued=True)


def constraint_of(condition: Condition, *, outcome: bool, variables: bool, callers: CallerModel) -> Constraint:
    """Return the constraint under which the condition evaluates to ``outcome``.

    variables: whether ``${…}`` is a policy variable.
    """
    operator, key = condition.operator, condition.key
    if operator.value_type is ValueType.NULL:
        return _presence(condition, outcome=outcome)
    when_absent = operator.when_absent
    # Several values: ForAnyValue is true if one matches, and false if none does; all others the other way round.
    constraint = Constraint(
        key,
        may_be_absent=when_absent is None or when_absent == outcome,
        negated=operator.negated == outcome,
        any_value=(operator.set_operator is SetOperator.FOR_ANY_VALUE) == outcome,
        single_valued=operator.set_operator is SetOperator.NONE,
    )
    undocumented = (
        not condition.values or (constraint.single_valued and key.multivalued) or not key.fits(operator.value_type)
    )
    if undocumented:
        return constraint
    if _is_for_a_trusted_network(condition, outcome=outcome, callers=callers):
        return constraint._replace(may_be_present=False)
    if operator.comparison in AS_TEXT:
        return _with_patterns(constraint, condition, variables=variables, callers=callers)
    return constraint._replace(comparison=operator.comparison, matches=operator.matches, texts=condition.values)


def _presence(condition: Condition, *, outcome: bool) -> Constraint:
    wanted = {value.lower() for value in condition.values}
    undocumented = not wanted
    return Constraint(
        condition.key,
        may_be_absent=undocumented or ("true" in wanted) == outcome,
        may_be_present=undocumented or ("false" in wanted) == outcome,
    )


def _is_for_a_trusted_network(condition: Condition, *, outcome: bool, callers: CallerModel) -> bool:
    # An Allow for a small network, or a Deny for all but one: no public caller is in it.
    return (
        callers.trusts_networks
        and condition.key.domain is ValueDomain.PUBLIC_ADDRESS
        and condition.operator.value_type is ValueType.IP
        and condition.operator.negated != outcome
        and is_trusted_network(condition.values)
    )


def _with_patterns(
    constraint: Constraint, condition: Condition, *, variables: bool, callers: CallerModel
) -> Constraint:
    operator = condition.operator
    patterns = _Patterns(constraint, wildcards=operator.wildcards, callers=callers)
    for text in condition.values:
        if not constraint.negated and _names_a_caller(condition, text, callers, variables=variables):
            continue
        if variables and operator.variables is None and "${" in text:
            patterns.match_everything = patterns.match_everything or not constraint.negated  # not documented
            continue
        patterns.add(text, variables=variables and operator.variables is True and has_variable(text))
    if patterns.match_everything:
        return constraint._replace(may_be_present=not constraint.negated)
    texts = tuple(patterns.texts)
    if operator.comparison is Comparison.ARN and not patterns.has_variables:
        texts = complete_arns(texts, negated=constraint.negated)
    if not texts:
        return constraint._replace(may_be_present=constraint.negated)
    return constraint._replace(comparison=operator.comparison, texts=texts, has_variables=patterns.has_variables)


def _names_a_caller(condition: Condition, text: str, callers: CallerModel, *, variables: bool) -> bool:
    """Return whether only a caller that is named can have a value that matches the text."""
    ignore_case = condition.operator.comparison is Comparison.TEXT_IGNORING_CASE
    if ignore_case and condition.key.domain is ValueDomain.OWN_ID:
        return False
    named = ids_named_by(condition, text, variables=variables, budget=None)
    return any(each.id in callers.excluded_ids(each.kind) for each in named)


def complete_arns(patterns: Iterable[str], *, negated: bool) -> tuple[str, ...]:
    """Return ARN patterns with all six fields.

    AWS does not document how it reads missing fields. They are read as stars, and where a match is not wanted
    the pattern is left out.
    """
    missing = {pattern: ARN_FIELDS - len(arn_fields(pattern)) for pattern in patterns}
    return tuple(pattern + ":*" * fields for pattern, fields in missing.items() if not negated or not fields)


class _Patterns:
    """The texts of a condition as wildcard patterns; variables that are the same for every caller are replaced."""

    def __init__(self, constraint: Constraint, *, wildcards: bool, callers: CallerModel) -> None:
        self.texts: list[str] = []
        self.has_variables = False
        self.match_everything = False
        self._constraint = constraint
        self._wildcards = wildcards
        self._callers = callers

    def add(self, text: str, *, variables: bool) -> None:
        if not variables:
            self.texts.append(text if self._wildcards else text.translate(LITERAL))
            return
        found = references(text)
        key = self._constraint.key
        if any(reference.is_undocumented for reference in found):
            self.match_everything = self.match_everything or not self._constraint.negated
        elif len(found) == 1 and _ALONE.fullmatch(text) and found[0].key.name == key.name:
            self.match_everything = True  # a key compared with itself
        elif not _names_the_owner(text, found, key):  # no caller is of the owner's account or organization
            self._add_pattern(text if self._wildcards else _without_wildcards(text), found)

    def _add_pattern(self, text: str, found: Iterable[Reference]) -> None:
        if not all(self._callers.is_constant(reference.key) for reference in found):
            self.has_variables = True
            self.texts.append(text)
        elif (filled := substitute(text, self._value)) is not None:
            self.texts.append(filled)

    def _value(self, reference: Reference) -> str | None:
        value = self._callers.constant(reference.key)
        return reference.default if value is None else value


_ALONE: Final = re.compile(r"\$\{[^{}]*\}")
_VARIABLES: Final = re.compile(r"(\$\{[^{}]*\})")


def _without_wildcards(text: str) -> str:
    """Return the text with the wildcards outside of variables made literal, for an operator that has none."""
    parts = _VARIABLES.split(text)
    return "".join(part if part.startswith("${") else part.translate(LITERAL) for part in parts)


def _names_the_owner(text: str, found: Iterable[Reference], key: ConditionKey) -> bool:
    """Return whether a value that matches must hold the account or organization of the repository's owner."""
    naming = DOMAINS[key.domain].naming
    names = {reference.key.name for reference in found}
    lower = text.lower()
    if "aws:resourceorgid" in names:
        of_organization = naming in (Naming.ORGANIZATION, Naming.ORGANIZATION_PATH)
        return of_organization and lower.partition("/")[0] == "${aws:resourceorgid}"
    if "aws:resourceaccount" in names:
        if naming is Naming.ACCOUNT:
            return lower == "${aws:resourceaccount}"
        # A provider can be something other than an ARN. A colon inside a variable separates no fields.
        of_account = naming is Naming.ARN and key.domain is not ValueDomain.PROVIDER
        hidden = _VARIABLES.sub(lambda variable: variable[0].replace(":", "\x00"), lower)
        return of_account and account_of(hidden) == "${aws\x00resourceaccount}"
    return False
