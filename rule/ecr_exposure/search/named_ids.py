"""Which ids a policy names: an id is named where every value that matches a text holds it.

Access for a caller that a policy names is cross-account access, and not public access.
"""

import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Final, NamedTuple, assert_never

from ecr_exposure.identifiers import ACCOUNT_ID, ORGANIZATION_ID, account_of, arn_fields, resource_of
from ecr_exposure.policy.condition_keys import ValueDomain
from ecr_exposure.policy.conditions import Condition
from ecr_exposure.policy.document import Document, Statement
from ecr_exposure.policy.operators import Comparison, SetOperator, ValueType
from ecr_exposure.policy.patterns import LITERAL, PLAIN, ascii_lower, has_wildcard
from ecr_exposure.policy.variables import VARIABLE, has_variable
from ecr_exposure.search.strings import Budget, PatternAutomaton
from ecr_exposure.search.value_domains import DOMAINS, IdKind, Naming, only_id


class NamedId(NamedTuple):
    """An id that a policy names."""

    kind: IdKind
    id: str


_NETWORK: Final = re.compile(r"vpce?-[0-9a-f]+")
_UNIQUE_ID: Final = re.compile(r"[A-Z0-9]{16,32}")


class _Pattern(NamedTuple):
    """How the values of a condition name ids: an id is named if every value that matches the text holds it."""

    domain: ValueDomain
    comparison: Comparison
    wildcards: bool
    variables: bool

    @classmethod
    def of(cls, condition: Condition, *, variables: bool) -> "_Pattern":
        operator = condition.operator
        return cls(
            condition.key.domain, operator.comparison, operator.wildcards, variables and operator.variables is True
        )

    def named(self, text: str) -> tuple[NamedId, ...]:  # noqa: PLR0911 - one return a case reads as a table
        """Return the ids that are at their usual place."""
        pattern = self.in_case(self.as_pattern(text))
        match DOMAINS[self.domain].naming:
            case Naming.NOTHING:
                return ()
            case Naming.ACCOUNT:
                # If a pattern writes out all 12 digits, its stars match nothing.
                return _whole_id(IdKind.ACCOUNT, ACCOUNT_ID, pattern.replace("*", ""))
            case Naming.ORGANIZATION:
                return _whole_id(IdKind.ORGANIZATION, ORGANIZATION_ID, pattern)
            case Naming.NETWORK:
                return _whole_id(IdKind.NETWORK, _NETWORK, pattern)
            case Naming.OWN_ID:
                return self._own_id(pattern)
            case Naming.USERID:
                head = pattern.partition(":")[0]
                return _whole_id(IdKind.ACCOUNT, ACCOUNT_ID, head) or _whole_id(IdKind.UNIQUE_ID, _UNIQUE_ID, head)
            case Naming.ORGANIZATION_PATH:
                head, slash, _ = pattern.partition("/")
                return _whole_id(IdKind.ORGANIZATION, ORGANIZATION_ID, head) if slash else ()
            case Naming.ARN:
                return self._in_arn(pattern, self.reads_fields(text))
            case _ as never:
                assert_never(never)

    def as_pattern(self, text: str) -> str:
        """Return the text as a wildcard pattern; a variable can be any text, also with colons."""
        if self.variables and has_variable(text):
            parts = VARIABLE.split(text)
            # Every second part is the content of a variable, or the escape of a wildcard.
            written = [part if self.wildcards else part.translate(LITERAL) for part in parts[::2]]
            filled = [part.translate(LITERAL) if part in ("*", "?", "$") else "*" for part in parts[1::2]]
            return "".join(part for pair in zip(written, [*filled, ""], strict=True) for part in pair)
        return text if self.wildcards else text.translate(LITERAL)

    def in_case(self, text: str) -> str:
        """Return the text in the case that ids have, if the operator ignores case."""
        if self.comparison is not Comparison.TEXT_IGNORING_CASE or self.domain is ValueDomain.OWN_ID:
            return text
        return text.upper() if self.domain is ValueDomain.USERID else ascii_lower(text)

    def reads_fields(self, text: str) -> bool:
        """Return whether the text is compared as an ARN field by field."""
        return self.comparison is Comparison.ARN and not (self.variables and has_variable(text))

    def automaton(self, text: str, tape: str) -> PatternAutomaton:
        """Return the automaton of the values that match the text."""
        ignore_case = self.comparison is Comparison.TEXT_IGNORING_CASE
        return PatternAutomaton(tape, [self.as_pattern(text)], ignore_case=ignore_case, arn=self.reads_fields(text))

    def _own_id(self, pattern: str) -> tuple[NamedId, ...]:
        text = pattern.translate(PLAIN)
        has_case = self.comparison is Comparison.TEXT_IGNORING_CASE and text.lower() != text.upper()
        return () if has_wildcard(pattern) or has_case else (NamedId(IdKind.OWN_ID, text),)

    def _in_arn(self, pattern: str, by_field: bool) -> tuple[NamedId, ...]:  # noqa: FBT001 - one caller
        account = account_of(pattern)
        account = account.replace("*", "") if by_field else account.rstrip("*")
        # Compared as text, the fifth field is the account only if no wildcard comes before it.
        in_place = by_field or not any(map(has_wildcard, arn_fields(pattern)[:4]))
        found = _whole_id(IdKind.ACCOUNT, ACCOUNT_ID, account) if in_place else ()
        if self.domain is not ValueDomain.VPC_ARN:
            return found
        kind, _, vpc = resource_of(pattern).partition("/")
        return found + (_whole_id(IdKind.NETWORK, _NETWORK, vpc) if kind == "vpc" and in_place else ())


def _whole_id(kind: IdKind, pattern: re.Pattern[str], text: str) -> tuple[NamedId, ...]:
    return (NamedId(kind, text),) if pattern.fullmatch(text) else ()


_WHOLE_IDS: Final[Mapping[Naming, re.Pattern[str]]] = {
    Naming.ACCOUNT: ACCOUNT_ID,
    Naming.ORGANIZATION: ORGANIZATION_ID,
    Naming.NETWORK: _NETWORK,
}


def names_every_caller(condition: Condition) -> bool:
    """Return whether only callers that the condition names can meet it."""
    operator, key = condition.operator, condition.key
    if (
        operator.negated
        or operator.if_exists
        or operator.set_operator is SetOperator.FOR_ALL_VALUES
        or not condition.values
    ):
        return False
    whole = _WHOLE_IDS.get(DOMAINS[key.domain].naming)
    if whole is not None and operator.value_type is ValueType.STRING and all(map(whole.fullmatch, condition.values)):
        return True  # the most usual condition
    if not key.fits(operator.value_type) or (key.multivalued and operator.set_operator is SetOperator.NONE):
        return False
    return all(map(_Pattern.of(condition, variables=True).named, condition.values))


# How many digits, or letters and digits, a pattern must write out to name an id of a kind.
_LEAST_DIGITS: Final = {IdKind.ACCOUNT: 12}
_LEAST_WRITTEN: Final = {IdKind.ORGANIZATION: 10, IdKind.UNIQUE_ID: 16, IdKind.NETWORK: 1}


def named_ids(document: Document, partitions: tuple[str, ...], budget: Budget) -> dict[IdKind, set[str]]:
    """Return the ids that a policy names where it grants access, by kind. Raises TooComplexError."""
    return _Names(document, partitions, budget).found


def ids_named_by(condition: Condition, text: str, *, variables: bool) -> tuple[NamedId, ...]:
    """Return the ids that a value of a condition names at their usual place."""
    return _Pattern.of(condition, variables=variables).named(text)


class _Names:
    def __init__(self, document: Document, partitions: tuple[str, ...], budget: Budget) -> None:
        self.found: dict[IdKind, set[str]] = {IdKind.ACCOUNT: set()}
        self._partitions = partitions
        self._budget = budget
        for statement in document.statements:
            self._read(statement, variables=document.variables)

    def _read(self, statement: Statement, *, variables: bool) -> None:
        if statement.allows != statement.not_principal:
            for principal in statement.principals.named:
                if principal.account:
                    self.found[IdKind.ACCOUNT].add(principal.account)
        for condition in statement.conditions:
            if condition.operator.negated != statement.allows:
                pattern = _Pattern.of(condition, variables=variables)
                for text in condition.values:
                    for each in pattern.named(text) or self._searched(pattern, text):
                        self.found.setdefault(each.kind, set()).add(each.id)

    def _searched(self, pattern: _Pattern, text: str) -> Iterator[NamedId]:
        """Yield the ids that every value holds which matches the text, although they are at no fixed place."""
        written = pattern.as_pattern(text)
        if not has_wildcard(written):
            return
        digits, letters = sum(map(str.isdigit, written)), sum(map(str.isalnum, written))
        for kind in DOMAINS[pattern.domain].held:
            if digits >= _LEAST_DIGITS.get(kind, 0) and letters >= _LEAST_WRITTEN.get(kind, 0):
                named = only_id(pattern.domain, kind, partial(pattern.automaton, text), self._partitions, self._budget)
                if named is not None:
                    yield NamedId(kind, named)
