"""Who may call: public callers for the test ``reachable``, external callers for ``external``.

A caller is an IAM principal of an account that the repository's policy does not name, or that is outside the zone
of trust. This module finds the ids that such a caller cannot have.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple, assert_never

from ecr_exposure.identifiers import ACCOUNT_ID, ORGANIZATION_ID, account_of, arn_fields, resource_of
from ecr_exposure.policy.addresses import IPV4, IPV6, public_size
from ecr_exposure.policy.condition_keys import TABLE, ConditionKey, Presence, ValueDomain
from ecr_exposure.policy.conditions import Condition
from ecr_exposure.policy.document import Document, Statement
from ecr_exposure.policy.operators import Comparison, SetOperator, ValueType
from ecr_exposure.policy.patterns import PLAIN, has_wildcard
from ecr_exposure.policy.variables import has_variable, references, substitute
from ecr_exposure.search.strings import Budget
from ecr_exposure.search.value_domains import DOMAINS, IdKind, Naming, pins_id

Ids = Mapping[IdKind, frozenset[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryFacts:
    """What `judge` knows about the repository: its owner, region and tags, the zone of trust, and the time.

    resource_tags: None if they are not known.
    """

    owner: str | None
    region: str | None
    trusted_accounts: frozenset[str]
    trusted_organizations: frozenset[str]
    now: datetime
    resource_tags: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerModel:
    """Which callers the search considers.

    excluded: the ids that a caller cannot have. trusts_networks: whether a small fixed network counts as trusted,
    so that no caller is in it. account: an account id that a caller can have. constants: the values of keys
    that are the same for every caller. now: seconds since 1970.
    """

    region: str | None
    now: float
    excluded: Ids
    trusts_networks: bool
    constants: Mapping[str, str]
    account: str

    def excluded_ids(self, kind: IdKind) -> frozenset[str]:
        """Return the ids of a kind that a caller cannot have."""
        return self.excluded.get(kind, frozenset())

    def is_constant(self, key: ConditionKey) -> bool:
        """Return whether a key is the same for every caller: it has one known value, or is always absent."""
        return key.name in self.constants or key.presence is Presence.NEVER

    def constant(self, key: ConditionKey) -> str | None:
        """Return the value of a key that is the same for every caller; None if it is absent or not known."""
        return self.constants.get(key.name)


_EXAMPLE_ACCOUNTS: Final = range(999_999_999_999, 0, -111)
# The keys that have the same value in the request of every caller.
_CONSTANTS: Final = {row.name: values[0] for row in TABLE if len(values := DOMAINS[row.domain].values) == 1}


def _caller_model(facts: RepositoryFacts, excluded: Ids, *, trusts_networks: bool) -> CallerModel:
    constants = dict(_CONSTANTS)
    if facts.owner:
        constants["aws:resourceaccount"] = facts.owner
    if facts.region:
        constants["aws:requestedregion"] = facts.region
    return CallerModel(
        region=facts.region,
        now=facts.now.timestamp(),
        excluded=excluded,
        trusts_networks=trusts_networks,
        constants=constants,
        account=next(each for each in map(str, _EXAMPLE_ACCOUNTS) if each not in excluded[IdKind.ACCOUNT]),
    )


def public_callers(document: Document, facts: RepositoryFacts, budget: Budget) -> CallerModel:
    """Return the callers that the policy does not name where it grants access. Raises TooComplexError."""
    found: dict[IdKind, set[str]] = {IdKind.ACCOUNT: {facts.owner} if facts.owner else set()}
    for statement in document.statements:
        for named in _named_in_statement(statement, variables=document.variables, budget=budget):
            found.setdefault(named.kind, set()).add(named.id)
    return _caller_model(facts, {kind: frozenset(ids) for kind, ids in found.items()}, trusts_networks=True)


def external_callers(facts: RepositoryFacts) -> CallerModel:
    """Return the callers outside the zone of trust, whatever the policy names."""
    accounts = facts.trusted_accounts
    if facts.owner and facts.owner not in accounts:
        accounts |= {facts.owner}  # a copy: an organization has thousands of accounts
    trusted = {IdKind.ACCOUNT: accounts, IdKind.ORGANIZATION: facts.trusted_organizations}
    return _caller_model(facts, trusted, trusts_networks=False)


# No larger than a /8, and than a /32 of IPv6.
_LARGEST_NETWORK: Final = {IPV4: 2**24, IPV6: 2**96}


def is_trusted_network(cidrs: Iterable[str]) -> bool:
    """Return whether the union of the ranges has few enough public addresses to be the network of one company."""
    return all(size <= _LARGEST_NETWORK[version] for version, size in public_size(cidrs).items())


def may_grant_public_access(statement: Statement) -> bool:
    """Fast path: return False if the statement is an Allow that grants access only to principals that it names."""
    principals = statement.principals
    if not statement.allows or not (principals.everyone or principals.malformed or statement.not_principal):
        return False
    return not any(map(_names_every_caller, statement.conditions))


_NETWORK: Final = re.compile(r"vpce?-[0-9a-f]+")
_WHOLE_IDS: Final[Mapping[Naming, re.Pattern[str]]] = {
    Naming.ACCOUNT: ACCOUNT_ID,
    Naming.ORGANIZATION: ORGANIZATION_ID,
    Naming.NETWORK: _NETWORK,
}


def _names_every_caller(condition: Condition) -> bool:
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
    # Another id may differ in case only.
    if operator.comparison is Comparison.TEXT_IGNORING_CASE and key.domain is ValueDomain.OWN_ID:
        return False
    return all(
        next(ids_named_by(condition, text, variables=True, budget=None), None) is not None for text in condition.values
    )


class NamedId(NamedTuple):
    """An id that a policy names."""

    kind: IdKind
    id: str


def _named_in_statement(statement: Statement, *, variables: bool, budget: Budget) -> Iterator[NamedId]:
    if statement.allows != statement.not_principal:
        for principal in statement.principals.named:
            if principal.account:
                yield NamedId(IdKind.ACCOUNT, principal.account)
    for condition in statement.conditions:
        if condition.operator.negated != statement.allows:
            for text in condition.values:
                yield from ids_named_by(condition, text, variables=variables, budget=budget)


_UNIQUE_ID: Final = re.compile(r"[A-Z0-9]{16,32}")
_ANY_ACCOUNT: Final = re.compile(rf"(?<![0-9]){ACCOUNT_ID.pattern}(?![0-9])")
_ANY_ORGANIZATION: Final = re.compile(rf"(?<![a-z0-9]){ORGANIZATION_ID.pattern}(?![a-z0-9])")


def ids_named_by(condition: Condition, text: str, *, variables: bool, budget: Budget | None) -> Iterator[NamedId]:
    """Yield the ids that a value of a condition names: those that it contains in full.

    variables: whether ``${…}`` is a policy variable. budget: with None, only the usual place of an id is read,
    and no pattern is searched. Raises TooComplexError.
    """
    naming = DOMAINS[condition.key.domain].naming
    text = _in_the_case_of_ids(text, naming, condition.operator.comparison)
    wildcards = condition.operator.wildcards
    if not wildcards or (variables and has_variable(text)):
        budget = None  # there is no pattern, or its variables have no value yet
    match naming:
        case Naming.NOTHING:
            pass
        case Naming.ACCOUNT:
            yield from _whole_id(IdKind.ACCOUNT, ACCOUNT_ID, text.rstrip("*") if wildcards else text)
        case Naming.ORGANIZATION:
            yield from _whole_id(IdKind.ORGANIZATION, ORGANIZATION_ID, text)
        case Naming.NETWORK:
            yield from _whole_id(IdKind.NETWORK, _NETWORK, text)
        case Naming.OWN_ID:
            yield from _own_id(text, variables=variables, wildcards=wildcards)
        case Naming.USERID:
            head = text.partition(":")[0]
            yield from _whole_id(IdKind.ACCOUNT, ACCOUNT_ID, head) or _whole_id(IdKind.UNIQUE_ID, _UNIQUE_ID, head)
        case Naming.ORGANIZATION_PATH:
            yield from _in_organization_path(text, budget)
        case Naming.ARN:
            yield from _in_arn(condition, text, budget)
        case _:
            assert_never(naming)


def _in_the_case_of_ids(text: str, naming: Naming, comparison: Comparison) -> str:
    """Return the text in the case that ids have, if the operator ignores case; own ids have either case."""
    if comparison is not Comparison.TEXT_IGNORING_CASE or naming is Naming.OWN_ID:
        return text
    return text.upper() if naming is Naming.USERID else text.lower()


def _whole_id(kind: IdKind, pattern: re.Pattern[str], text: str) -> list[NamedId]:
    return [NamedId(kind, text)] if pattern.fullmatch(text) else []


def _own_id(text: str, *, variables: bool, wildcards: bool) -> list[NamedId]:
    """Return an id of any form, unless a wildcard or a variable leaves it open; an escape does not."""
    if variables and has_variable(text):
        if references(text):
            return []
        text = substitute(text, lambda reference: reference.default) or ""
    return [] if wildcards and has_wildcard(text) else [NamedId(IdKind.OWN_ID, text.translate(PLAIN))]


def _in_organization_path(text: str, budget: Budget | None) -> Iterator[NamedId]:
    head, slash, _ = text.partition("/")
    if slash and ORGANIZATION_ID.fullmatch(head):
        yield NamedId(IdKind.ORGANIZATION, head)
    elif budget is not None:
        candidates = _ANY_ORGANIZATION.findall(text)
        yield from _pinned(ValueDomain.ORGANIZATION_PATH, IdKind.ORGANIZATION, candidates, text, budget)


def _in_arn(condition: Condition, text: str, budget: Budget | None) -> Iterator[NamedId]:
    operator, domain = condition.operator, condition.key.domain
    account = account_of(text).rstrip("*") if operator.wildcards else account_of(text)
    # StringLike compares the whole text: only without wildcards before it is the fifth field the account.
    in_place = (
        not operator.wildcards
        or operator.comparison is Comparison.ARN
        or not any(map(has_wildcard, arn_fields(text)[:4]))
    )
    if ACCOUNT_ID.fullmatch(account) and in_place:
        yield NamedId(IdKind.ACCOUNT, account)
    elif budget is not None:
        yield from _pinned(domain, IdKind.ACCOUNT, _ANY_ACCOUNT.findall(text), text, budget)
    if domain is ValueDomain.VPC_ARN:
        kind, _, vpc = resource_of(text).partition("/")
        if kind == "vpc":
            yield from _whole_id(IdKind.NETWORK, _NETWORK, vpc)


def _pinned(
    domain: ValueDomain, kind: IdKind, candidates: Iterable[str], text: str, budget: Budget
) -> Iterator[NamedId]:
    """Yield the id that every value contains which matches the pattern, although it is at no fixed place."""
    for candidate in dict.fromkeys(candidates):
        if pins_id(domain, text, kind, candidate, budget):
            yield NamedId(kind, candidate)
