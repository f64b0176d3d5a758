"""Who may call: public callers for the test ``reachable``, external callers for ``external``.

A caller is an IAM principal of an account that the repository's policy does not name, or that is outside the zone
of trust. This module finds the ids that such a caller cannot have.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Final, NamedTuple

from ecr_exposure.identifiers import partitions_of_region
from ecr_exposure.policy.addresses import IPV4, IPV6, public_size
from ecr_exposure.policy.condition_keys import TABLE, ConditionKey, Presence, ValueDomain
from ecr_exposure.policy.conditions import Condition
from ecr_exposure.policy.document import Document, Statement, compared_keys
from ecr_exposure.policy.operators import ValueType
from ecr_exposure.policy.patterns import ascii_lower
from ecr_exposure.search.named_ids import ids_named_by, named_ids, names_every_caller
from ecr_exposure.search.strings import Budget
from ecr_exposure.search.value_domains import DOMAINS, IdKind

Ids = Mapping[IdKind, frozenset[str]]
Tag = str | tuple[str, ...] | None
"""The value of a resource tag: None if the repository has no such tag, and a tuple where AWS does not document whether
a condition key means this tag."""


class RepositoryFacts(NamedTuple):
    """What `judge` knows about the repository: its owner, region and tags, the zone of trust, and the time.

    resource_tags: None if they are not known.
    """

    owner: str | None
    region: str | None
    trusted_accounts: frozenset[str]
    trusted_organizations: frozenset[str]
    now: datetime
    resource_tags: Mapping[str, str] | None = None


class CallerModel(NamedTuple):
    """Which callers the search considers.

    excluded: the ids that a caller cannot have. is_public: whether the networks that the policy names are not the
    caller's: no caller is in a small fixed network, and the keys of a VPC endpoint hold only ids that are not
    excluded. account: an account id that a caller can have. constants: the values of keys that are the same for every
    caller. tags: the resource tags that the policy asks for, by the name of their key; None if the repository's tags
    are not known. networks: the CIDR ranges of trusted networks. now: seconds since 1970.
    """

    region: str | None
    now: float
    excluded: Ids
    is_public: bool
    constants: Mapping[str, str]
    account: str
    tags: Mapping[str, Tag] | None = None
    networks: tuple[str, ...] = ()

    def excluded_ids(self, kind: IdKind) -> frozenset[str]:
        """Return the ids of a kind that a caller cannot have."""
        return self.excluded.get(kind, frozenset())

    def has_own_ids(self, key: ConditionKey) -> bool:
        """Return whether an id in a key is the caller's own.

        An external caller may use a VPC or a VPC endpoint of the owner: it is external all the same.
        """
        is_of_network = key.presence in _OF_ENDPOINT or key.domain is ValueDomain.VPC
        return self.is_public or not is_of_network

    def excluded_kinds(self, key: ConditionKey) -> tuple[IdKind, ...]:
        """Return the kinds of ids that no value of a key may hold if they are excluded."""
        return DOMAINS[key.domain].excluded if self.has_own_ids(key) else ()

    def is_constant(self, key: ConditionKey) -> bool:
        """Return whether a key is the same for every caller: it has one known value, or is always absent."""
        is_known_tag = self.tags is not None and key.domain is ValueDomain.RESOURCE_TAG
        return is_known_tag or key.name in self.constants or key.presence is Presence.NEVER

    def constant(self, key: ConditionKey) -> str | None:
        """Return the value of a key that is the same for every caller; None if it is absent or not known."""
        tag = self.tag(key)
        return tag if isinstance(tag, str) else self.constants.get(key.name)

    def tag(self, key: ConditionKey) -> Tag:
        """Return the value of the resource tag that a key means; None also for other keys and for unknown tags."""
        return None if self.tags is None else self.tags.get(key.name)


_OF_ENDPOINT: Final = (Presence.ENDPOINT, Presence.ENDPOINT_ORGANIZATION)
_EXAMPLE_ACCOUNTS: Final = range(999_999_999_999, 0, -111)
# The keys that have the same value in the request of every caller.
_CONSTANTS: Final = {
    row.name: values[0]
    for row in TABLE
    if row.presence is Presence.ALWAYS and len(values := DOMAINS[row.domain].values) == 1
}


def _caller_model(
    document: Document, facts: RepositoryFacts, excluded: Ids, *, is_public: bool, networks: Iterable[str] = ()
) -> CallerModel:
    constants = dict(_CONSTANTS)
    if facts.owner:
        constants["aws:resourceaccount"] = facts.owner
    if facts.region:
        constants["aws:requestedregion"] = facts.region
    return CallerModel(
        region=facts.region,
        now=facts.now.timestamp(),
        excluded=excluded,
        is_public=is_public,
        constants=constants,
        account=next(each for each in map(str, _EXAMPLE_ACCOUNTS) if each not in excluded[IdKind.ACCOUNT]),
        tags=None if facts.resource_tags is None else _tags(document, facts.resource_tags),
        networks=tuple(networks),
    )


def public_callers(document: Document, facts: RepositoryFacts, budget: Budget) -> CallerModel:
    """Return the callers that the policy does not name where it grants access. Raises TooComplexError."""
    named = named_ids(document, partitions_of_region(facts.region), budget)
    if facts.owner:
        named[IdKind.ACCOUNT].add(facts.owner)
    excluded = {kind: frozenset(ids) for kind, ids in named.items()}
    return _caller_model(document, facts, excluded, is_public=True, networks=_trusted_networks(document))


def external_callers(document: Document, facts: RepositoryFacts) -> CallerModel:
    """Return the callers outside the zone of trust, whatever the policy names."""
    accounts = facts.trusted_accounts
    if facts.owner and facts.owner not in accounts:
        accounts |= {facts.owner}  # a copy: an organization has thousands of accounts
    trusted = {IdKind.ACCOUNT: accounts, IdKind.ORGANIZATION: facts.trusted_organizations}
    return _caller_model(document, facts, trusted, is_public=False)


# Resource tags.


def _tags(document: Document, tags: Mapping[str, str]) -> dict[str, Tag]:
    """Return the resource tags that the conditions and the variables of a policy ask for."""
    return {key.name: _tag(key, tags) for key in compared_keys(document) if key.domain is ValueDomain.RESOURCE_TAG}


def _tag(key: ConditionKey, tags: Mapping[str, str]) -> Tag:
    """Return the value of the tag that a key means: the case of ASCII letters is ignored.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-resourcetag
    """
    asked = key.name.partition("/")[2]
    same = [value for name, value in tags.items() if ascii_lower(name) == asked]
    similar = [value for name, value in tags.items() if name.casefold() == asked.casefold()]
    if len(similar) == 1 == len(same):
        return same[0]
    # AWS documents neither which of two tags is meant, nor whether other letters are the same in both cases.
    return tuple(similar) if same else tuple(similar[:1]) or None


# Trusted networks.

# No larger than a /8, and than a /32 of IPv6.
_LARGEST_NETWORK: Final = {IPV4: 2**24, IPV6: 2**96}


def is_trusted_network(cidrs: Iterable[str]) -> bool:
    """Return whether the union of the ranges has few enough public addresses to be the network of one company."""
    return all(size <= _LARGEST_NETWORK[version] for version, size in public_size(cidrs).items())


def exempts_a_network(condition: Condition, *, allows: bool) -> bool:
    """Return whether a condition of an Allow accepts, or one of a Deny spares, a trusted network only."""
    return (
        condition.key.domain is ValueDomain.PUBLIC_ADDRESS
        and condition.operator.value_type is ValueType.IP
        and condition.operator.negated != allows
        and is_trusted_network(condition.values)
    )


def _trusted_networks(document: Document) -> Iterator[str]:
    for statement in document.statements:
        for condition in statement.conditions:
            if exempts_a_network(condition, allows=statement.allows):
                yield from condition.values


# Named callers.


def may_grant_public_access(statement: Statement) -> bool:
    """Fast path: return False if the statement is an Allow that grants access only to principals that it names."""
    principals = statement.principals
    if not statement.allows or not (principals.everyone or principals.wildcards or statement.not_principal):
        return False
    return not any(map(names_every_caller, statement.conditions))


def names_excluded_id(condition: Condition, text: str, callers: CallerModel, *, variables: bool) -> bool:
    """Return whether only a value with an id that callers cannot have matches a text of a condition."""
    kinds = callers.excluded_kinds(condition.key)
    named = ids_named_by(condition, text, variables=variables)
    return any(each.id in callers.excluded_ids(each.kind) for each in named if each.kind in kinds)
