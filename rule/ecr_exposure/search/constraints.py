"""What one condition requires of one key of the request context, so that it evaluates as wanted.

The conditions of an Allow must be true and one condition of each Deny must be false, so each condition is wanted
true or wanted false. A condition whose result AWS does not document evaluates as wanted.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from typing import Final, NamedTuple, assert_never

from ecr_exposure.identifiers import ARN_FIELDS, account_of, arn_fields
from ecr_exposure.policy.condition_keys import ConditionKey, ValueDomain
from ecr_exposure.policy.conditions import Condition
from ecr_exposure.policy.operators import (
    EQUAL_VALUES,
    Comparison,
    Matches,
    Operator,
    SetOperator,
    ValueType,
    matches_arn,
)
from ecr_exposure.policy.patterns import LITERAL, PLAIN, ascii_lower, has_wildcard, matches, simplified
from ecr_exposure.policy.variables import (
    VARIABLE,
    Reference,
    Resolve,
    UndocumentedError,
    has_variable,
    only_reference,
    references,
    substitute,
)
from ecr_exposure.search.callers import CallerModel, exempts_a_network, names_excluded_id
from ecr_exposure.search.value_domains import DOMAINS, Naming


class Constraint(NamedTuple):
    """What one key of the request context must be like.

    may_be_absent, may_be_present: whether the context may lack the key, may have it.
    texts, comparison, matches: a value must match at least one of the texts or, negated, none of them.
    Compared as text or as ARNs they are wildcard patterns. With Comparison.ANY every value is right.
    any_value: of several values one is enough. has_variables: a text holds policy variables that depend on the
    caller. wildcards: the operator has wildcards. single_valued: the operator has no set operator, so it compares a
    single value.
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
    wildcards: bool = False
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
                return matches(ascii_lower(text), ascii_lower(value).translate(LITERAL))
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
        # A tag that is the same only if the case of other letters than ASCII is ignored may be the key's, or not.
        similar = isinstance(tag := callers.tag(key), tuple) and len(tag) == 1
        return Constraint(key) if similar else _presence(condition, outcome=outcome)
    when_absent = operator.when_absent
    # Several values: ForAnyValue is true if one matches, and false if none does; all others the other way round.
    constraint = Constraint(
        key,
        may_be_absent=when_absent is None or when_absent == outcome,
        negated=operator.negated == outcome,
        any_value=(operator.set_operator is SetOperator.FOR_ANY_VALUE) == outcome,
        single_valued=operator.set_operator is SetOperator.NONE,
    )
    undocumented = not condition.values or (constraint.single_valued and key.multivalued)
    if undocumented or isinstance(callers.tag(key), tuple):
        return constraint
    if not key.fits(operator.value_type):
        is_string = operator.value_type is ValueType.STRING
        return _with_equal_values(constraint, condition, variables=variables) if is_string else constraint
    if callers.is_public and exempts_a_network(condition, allows=outcome):
        # An Allow for a small network, or a Deny for all but one: no public caller is in it.
        return constraint._replace(may_be_present=False)
    if operator.comparison in AS_TEXT:
        return _with_patterns(constraint, condition, variables=variables, callers=callers)
    return constraint._replace(comparison=operator.comparison, matches=operator.matches, texts=condition.values)


_COMPARISON: Final = {
    ValueType.IP: Comparison.ADDRESS,
    ValueType.DATE: Comparison.DATE,
    ValueType.NUMERIC: Comparison.NUMBER,
}


def _with_equal_values(constraint: Constraint, condition: Condition, *, variables: bool) -> Constraint:
    """Return the constraint of a String operator on an address, a point in time or a number.

    A variable of a key of the same type, and nothing else, compares equal values, as in AWS's example
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-ec2instancesourceprivateip4
    For any other text AWS does not document the result.
    """
    found: dict[str, ValueType] = {}
    compares_itself = False
    for text in condition.values:
        reference = only_reference(text) if variables else None
        if reference is not None and reference.default is None:
            compares_itself = compares_itself or _same_value(condition.key, reference.key)
            if (common := condition.key.common_type(reference.key)) is not None:
                found[text] = common
    value_type = next(iter(found.values()), None)
    texts = tuple(text for text, each in found.items() if each is value_type)
    all_documented = len(texts) == len(set(condition.values))
    if compares_itself:
        return constraint._replace(may_be_present=not constraint.negated)
    if value_type is None or not (all_documented or constraint.negated):
        return constraint
    return constraint._replace(
        comparison=_COMPARISON[value_type], matches=EQUAL_VALUES[value_type], texts=texts, has_variables=True
    )


def _same_value(key: ConditionKey, other: ConditionKey) -> bool:
    """Return whether two keys are one, or both the time of the request."""
    return key.name == other.name or key.domain is other.domain is ValueDomain.TIME


def _presence(condition: Condition, *, outcome: bool) -> Constraint:
    wanted = {value.lower() for value in condition.values}
    undocumented = not wanted
    return Constraint(
        condition.key,
        may_be_absent=undocumented or ("true" in wanted) == outcome,
        may_be_present=undocumented or ("false" in wanted) == outcome,
    )


def _with_patterns(
    constraint: Constraint, condition: Condition, *, variables: bool, callers: CallerModel
) -> Constraint:
    operator = condition.operator
    patterns = _Patterns(constraint, operator, callers)
    for text in condition.values:
        if not constraint.negated and names_excluded_id(condition, text, callers, variables=variables):
            continue
        if variables and operator.variables is None and "${" in text:
            patterns.add_undocumented()
        else:
            patterns.add(text, variables=variables and operator.variables is True and has_variable(text))
    if patterns.match_everything:
        return constraint._replace(may_be_present=not constraint.negated)
    texts = tuple(dict.fromkeys(patterns.texts))
    if operator.comparison is Comparison.ARN and not patterns.has_variables:
        texts = complete_arns(texts, negated=constraint.negated)
    if not texts:
        return constraint._replace(may_be_present=constraint.negated)
    return constraint._replace(
        comparison=operator.comparison,
        texts=texts,
        has_variables=patterns.has_variables,
        wildcards=operator.wildcards,
    )


def complete_arns(patterns: Iterable[str], *, negated: bool) -> tuple[str, ...]:
    """Return ARN patterns with all six fields.

    AWS does not document how it reads missing fields. They are read as stars, and where a match is not wanted
    the pattern is left out.
    """
    missing = {pattern: ARN_FIELDS - len(arn_fields(pattern)) for pattern in patterns}
    return tuple(pattern + ":*" * fields for pattern, fields in missing.items() if not negated or not fields)


class _Patterns:
    """The texts of a condition as wildcard patterns; variables that are the same for every caller are replaced."""

    def __init__(self, constraint: Constraint, operator: Operator, callers: CallerModel) -> None:
        self.texts: list[str] = []
        self.has_variables = False
        self.match_everything = False
        self._constraint = constraint
        self._wildcards = operator.wildcards
        self._comparison = operator.comparison
        self._callers = callers

    def add(self, text: str, *, variables: bool) -> None:
        if not variables:
            self._add_text(text if self._wildcards else text.translate(LITERAL))
            return
        found = references(text)
        if any(each.is_undocumented or isinstance(self._callers.tag(each.key), tuple) for each in found):
            self.add_undocumented()
        elif (lone := only_reference(text)) is not None and lone.key.name == self._constraint.key.name:
            self.match_everything = True  # a key compared with itself
        elif lone is not None and _have_no_common_value(self._constraint.key, lone):
            pass
        elif not _compares_caller_with_owner(text, self._constraint.key, self._callers):
            self._add_pattern(text if self._wildcards else _without_wildcards(text), found)

    def add_undocumented(self) -> None:
        self.match_everything = self.match_everything or not self._constraint.negated

    def _add_pattern(self, text: str, found: Iterable[Reference]) -> None:
        if not all(self._callers.is_constant(reference.key) for reference in found):
            self.has_variables = True
            self.texts.append(text)
            return
        try:
            filled = substitute(text, value_of({}, self._callers, wildcards=self._wildcards))
        except UndocumentedError:
            self.add_undocumented()
            return
        if filled is not None:
            self._add_text(filled)

    def _add_text(self, text: str) -> None:
        self.texts.append(text)
        # AWS does not document how it reads an ARN pattern that is one star.
        is_arn = self._comparison is Comparison.ARN
        self.match_everything = self.match_everything or (simplified(text) == "*" and not is_arn)


def value_of(known: Mapping[ConditionKey, str | None], callers: CallerModel, *, wildcards: bool) -> Resolve:
    """Return what finds the value of a variable: among the known values, among the constants, or its default.

    What it returns raises UndocumentedError for a default that an operator with wildcards would read as a pattern.
    """

    def resolve(reference: Reference) -> str | None:
        value = known.get(reference.key, callers.constant(reference.key))
        if value is not None:
            return value
        if wildcards and reference.default is not None and has_wildcard(reference.default):
            raise UndocumentedError
        return reference.default

    return resolve


_VARIABLES: Final = re.compile(r"(\$\{[^{}]*\})")


def _without_wildcards(text: str) -> str:
    """Return the text with the wildcards outside of variables made literal, for an operator that has none."""
    parts = _VARIABLES.split(text)
    return "".join(part if part.startswith("${") else part.translate(LITERAL) for part in parts)


_FORMS: Final = {
    ValueDomain.PRINCIPAL_ACCOUNT: "account",
    ValueDomain.ACCOUNT: "account",
    ValueDomain.OWNER_ACCOUNT: "account",
    ValueDomain.ORGANIZATION_ID: "organization",
    ValueDomain.OWNER_ORGANIZATION_ID: "organization",
    ValueDomain.ORGANIZATION_PATH: "organization path",
    ValueDomain.OWNER_ORGANIZATION_PATH: "organization path",
    ValueDomain.PRINCIPAL_ARN: "ARN",
    ValueDomain.ARN: "ARN",
    ValueDomain.VPC_ARN: "ARN",
    ValueDomain.VPC: "VPC",
    ValueDomain.ENDPOINT: "VPC endpoint",
    ValueDomain.PRINCIPAL_TYPE: "type of principal",
    ValueDomain.USERID: "unique ID",
}
"""Domains whose values have a form of their own: no value has two of these forms, but for the unique ID of a root
user, which is its account."""


def _have_no_common_value(key: ConditionKey, reference: Reference) -> bool:
    """Return whether no value of a key can equal a variable, such as an organization and an account."""
    forms = {_FORMS.get(key.domain), _FORMS.get(reference.key.domain)}
    differ = len(forms) == 2 and forms != {"account", "unique ID"}  # noqa: PLR2004 - of two keys
    return reference.default is None and None not in forms and differ


_OWNER_ORGANIZATION: Final = (ValueDomain.OWNER_ORGANIZATION_ID, ValueDomain.OWNER_ORGANIZATION_PATH)


def _compares_caller_with_owner(text: str, key: ConditionKey, callers: CallerModel) -> bool:
    """Return whether a value that matches must hold the same account or organization of the caller and of the owner.

    No caller is of the owner's account or organization.
    """
    leading = VARIABLE.match(text)
    reference = only_reference(leading[0]) if leading else None
    if leading is None or reference is None or reference.default is not None:
        return key.domain is not ValueDomain.PROVIDER and _holds_owner_account(text, key, callers)
    rest = text[leading.end() :]
    pair = {key.domain, reference.key.domain}
    of_caller = callers.has_own_ids(key) and callers.has_own_ids(reference.key)
    names = {_naming(key), _naming(reference.key)}
    if pair & set(_OWNER_ORGANIZATION):
        is_path = Naming.ORGANIZATION_PATH in names or ValueDomain.OWNER_ORGANIZATION_PATH in pair
        return of_caller and bool(names & _ORGANIZATIONS) and (rest.startswith("/") if is_path else not rest)
    return of_caller and ValueDomain.OWNER_ACCOUNT in pair and bool(names & _ACCOUNTS) and not rest


# The unique ID of a root user is its account.
_ACCOUNTS: Final = {Naming.ACCOUNT, Naming.USERID}
_ORGANIZATIONS: Final = {Naming.ORGANIZATION, Naming.ORGANIZATION_PATH}


def _naming(key: ConditionKey) -> Naming:
    return DOMAINS[key.domain].naming


def _holds_owner_account(text: str, key: ConditionKey, callers: CallerModel) -> bool:
    """Return whether the account in an ARN is the variable of the owner's account."""
    # A colon inside a variable separates no fields.
    hidden = _VARIABLES.sub(lambda variable: variable[0].replace(":", "\x00"), ascii_lower(text))
    of_caller = _naming(key) is Naming.ARN and callers.has_own_ids(key)
    return of_caller and account_of(hidden) == "${aws\x00resourceaccount}"


# Values are ORed: one text that matches is enough.


def one_text_each(constraints: Sequence[Constraint]) -> Iterator[tuple[Constraint, ...]]:
    """Yield the constraints with one wildcard pattern in place of several, so that each search is small.

    Whatever meets the constraints meets one of these. Patterns that are easily met come first.
    """
    return product(*map(_by_text, constraints))


def _by_text(constraint: Constraint) -> list[Constraint]:
    several_values = constraint.key.multivalued and not constraint.any_value
    if constraint.negated or several_values or not constraint.compares_text or len(constraint.texts) == 1:
        return [constraint]
    tied, patterns, exact = _sorted_out(constraint)
    fixed = [exact] * bool(exact) + [[text] for text in patterns]
    return [
        *(constraint._replace(texts=tuple(texts), has_variables=False) for texts in fixed),
        *(constraint._replace(texts=(text,)) for text in tied),
    ]


def _sorted_out(constraint: Constraint) -> tuple[list[str], list[str], list[str]]:
    """Return the texts with variables, those with wildcards only (fewest stars first), and the exact ones."""
    tied: list[str] = []
    patterns: list[str] = []
    exact: list[str] = []
    for text in constraint.texts:
        if constraint.has_variables and has_variable(text):
            tied.append(text)
        else:
            (patterns if has_wildcard(text) else exact).append(text)
    return tied, sorted(patterns, key=lambda text: (text.count("*"), len(text))), exact
