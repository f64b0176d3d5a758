"""Who counts as coming from outside: what a caller may not be, and what is the same for every caller."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ecr_exposure.policy.condition_keys import Content, Presence, fits, key_of
from ecr_exposure.policy.conditions import Condition
from ecr_exposure.policy.document import Document, Statement
from ecr_exposure.policy.operators import Quantifier, ValueType
from ecr_exposure.policy.patterns import PLAIN, has_wildcard
from ecr_exposure.policy.variables import has_variable, references, substitute
from ecr_exposure.search.strings import Budget
from ecr_exposure.search.value_domains import pins

Names = Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """What `judge` was told: who owns the repository, where it is, who is trusted, and what time it is."""

    owner: str | None
    region: str | None
    accounts: frozenset[str]
    organizations: frozenset[str]
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Outsider:
    """A caller from outside. names: the ids that he cannot have, by kind: account, organization, id, network.

    trusts_networks: whether a small fixed network keeps him out. account: one that he can have.
    constants: the keys that are the same for every caller.
    """

    owner: str | None
    region: str | None
    now: float
    names: Names
    trusts_networks: bool
    constants: Mapping[str, str]
    account: str

    def knows(self, key: str) -> bool:
        """Tell whether a key is the same for every caller: it has this value, or is never there."""
        return key in self.constants or key_of(key).presence is Presence.NEVER

    def constant(self, key: str) -> str | None:
        """Return the value of a key that is the same for every caller."""
        return self.constants.get(key)


def outsider_of(zone: Zone, names: Names, *, trusts_networks: bool) -> Outsider:
    """Return the caller from outside the zone who has none of these names."""
    constants = {"aws:securetransport": "true", "aws:principalisawsservice": "false"}
    if zone.owner:
        constants["aws:resourceaccount"] = zone.owner
    if zone.region:
        constants["aws:requestedregion"] = zone.region
    return Outsider(
        owner=zone.owner,
        region=zone.region,
        now=zone.now.timestamp(),
        names=names,
        trusts_networks=trusts_networks,
        constants=constants,
        account=next(each for each in map(str, range(999_999_999_999, 0, -111)) if each not in names["account"]),
    )


def stranger(document: Document, zone: Zone, budget: Budget) -> Outsider:
    """Return the caller whom the policy does not name where it lets somebody in."""
    found: dict[str, set[str]] = {"account": {zone.owner} if zone.owner else set()}
    for statement in document.statements:
        for kind, name in _named(statement, variables=document.variables, budget=budget):
            found.setdefault(kind, set()).add(name)
    return outsider_of(zone, {kind: frozenset(names) for kind, names in found.items()}, trusts_networks=True)


def foreigner(zone: Zone) -> Outsider:
    """Return the caller who is outside the trust zone, whatever the policy names."""
    accounts = zone.accounts | ({zone.owner} if zone.owner else set())
    return outsider_of(zone, {"account": accounts, "organization": zone.organizations}, trusts_networks=False)


def may_admit_strangers(statement: Statement) -> bool:
    """Tell whether an Allow is not plainly for those alone whom it names; most are, and this is quick."""
    principals = statement.principals
    if not statement.allows or not (principals.everyone or principals.malformed or statement.not_principal):
        return False
    return not any(map(_fixes_the_caller, statement.conditions))


def _fixes_the_caller(condition: Condition) -> bool:
    operation = condition.operator
    if operation.negated or operation.if_exists or operation.quantifier is Quantifier.FOR_ALL or not condition.values:
        return False
    plain = _PLAIN_IDS.get(condition.key)
    if plain is not None and operation.value_type is ValueType.STRING and all(map(plain, condition.values)):
        return True  # the usual condition, seen without a look at the key's row
    key = key_of(condition.key)
    if not fits(key, operation.value_type) or (key.multivalued and operation.quantifier is Quantifier.PLAIN):
        return False
    own = condition.operator.name.endswith("Case") and key.content is Content.OWN_ID
    return not own and all(
        next(names_in(condition, text, variables=True, budget=None), None) is not None for text in condition.values
    )


def _named(statement: Statement, *, variables: bool, budget: Budget) -> Iterator[tuple[str, str]]:
    if statement.allows != statement.not_principal:
        for principal in statement.principals.named:
            if principal.account:
                yield "account", principal.account
    for condition in statement.conditions:
        if condition.operator.negated != statement.allows:
            for text in condition.values:
                yield from names_in(condition, text, variables=variables, budget=budget)


_ACCOUNT: Final = re.compile(r"[0-9]{12}")
_ORGANIZATION: Final = re.compile(r"o-[a-z0-9]{10,32}")
_UNIQUE_ID: Final = re.compile(r"[A-Z0-9]{16,32}")
_NETWORK: Final = re.compile(r"vpce?-[0-9a-f]+")
_ANY_ACCOUNT: Final = re.compile(r"(?<![0-9])[0-9]{12}(?![0-9])")
_ANY_ORGANIZATION: Final = re.compile(r"(?<![a-z0-9])o-[a-z0-9]{10,32}(?![a-z0-9])")
_KINDS: Final = {
    Content.PRINCIPAL_ACCOUNT: "account",
    Content.ACCOUNT: "account",
    Content.ORGANIZATION_ID: "organization",
    Content.VPC: "network",
    Content.ENDPOINT: "network",
}
_SHAPES: Final = {"account": _ACCOUNT, "organization": _ORGANIZATION, "network": _NETWORK}
_PLAIN_IDS: Final = {
    "aws:principalaccount": _ACCOUNT.fullmatch,
    "aws:principalorgid": _ORGANIZATION.fullmatch,
    "aws:sourcevpc": _NETWORK.fullmatch,
    "aws:sourcevpce": _NETWORK.fullmatch,
}
_ARNS: Final = (Content.PRINCIPAL_ARN, Content.ARN, Content.PROVIDER, Content.VPC_ARN)


def names_in(condition: Condition, text: str, *, variables: bool, budget: Budget | None) -> Iterator[tuple[str, str]]:
    """Yield what a value of a condition names: the ids that it writes out in full.

    budget: None looks only where an id usually stands.
    """
    content = key_of(condition.key).content
    wildcards = condition.operator.name in ("StringLike", "StringNotLike") or condition.operator.name.startswith("Arn")
    if condition.operator.name.endswith("IgnoreCase") and content is not Content.OWN_ID:
        text = text.upper() if content is Content.USERID else text.lower()
    if content is Content.OWN_ID:
        yield from _named_in_full(text, variables=variables, wildcards=wildcards)
        return
    if content in _KINDS:
        shape = _SHAPES[_KINDS[content]]
        whole = text.rstrip("*") if wildcards and shape is _ACCOUNT else text
        if shape.fullmatch(whole):
            yield _KINDS[content], whole
        return
    if content is Content.ORGANIZATION_PATH:
        head, slash, _ = text.partition("/")
        if slash and _ORGANIZATION.fullmatch(head):
            yield "organization", head
        elif wildcards and not (variables and has_variable(text)):
            yield from _pinned(content, "organization", _ANY_ORGANIZATION.findall(text), text, budget)
    elif content is Content.USERID:
        yield from _named_by_userid(text)
    elif content in _ARNS:
        yield from _named_by_arn(condition, content, text, variables=variables, wildcards=wildcards, budget=budget)


def _named_in_full(text: str, *, variables: bool, wildcards: bool) -> Iterator[tuple[str, str]]:
    """Yield an id of any shape, unless a wildcard or a variable leaves it open; an escape does not."""
    if variables and has_variable(text):
        if references(text):
            return
        text = substitute(text, lambda reference: reference.default) or ""
    if not (wildcards and has_wildcard(text)):
        yield "own id", text.translate(PLAIN)


def _named_by_userid(text: str) -> Iterator[tuple[str, str]]:
    head = text.partition(":")[0]
    if _ACCOUNT.fullmatch(head):
        yield "account", head
    elif _UNIQUE_ID.fullmatch(head):
        yield "id", head


def _named_by_arn(  # noqa: PLR0913 - what a value is read with
    condition: Condition, content: Content, text: str, *, variables: bool, wildcards: bool, budget: Budget | None
) -> Iterator[tuple[str, str]]:
    fields = text.split(":", 5)
    account = fields[4].rstrip("*") if len(fields) > 4 and wildcards else "".join(fields[4:5])  # noqa: PLR2004 - an ARN's fields
    in_place = not wildcards or condition.operator.name.startswith("Arn") or not any(map(has_wildcard, fields[:4]))
    if _ACCOUNT.fullmatch(account) and in_place:
        yield "account", account
    elif wildcards and not (variables and has_variable(text)):
        yield from _pinned(content, "account", _ANY_ACCOUNT.findall(text), text, budget)
    if content is Content.VPC_ARN and len(fields) == 6:  # noqa: PLR2004
        kind, _, vpc = fields[5].partition("/")
        if kind == "vpc" and _NETWORK.fullmatch(vpc):
            yield "network", vpc


def _pinned(
    content: Content, kind: str, candidates: Iterable[str], text: str, budget: Budget | None
) -> Iterator[tuple[str, str]]:
    """Yield the id that every value which fits the pattern holds, although it stands at no fixed place."""
    if budget is not None:
        yield from ((kind, each) for each in dict.fromkeys(candidates) if pins(content, text, each, budget))
