"""The smallest change that closes a policy and grants nothing new.

Only the values that grant public access leave a statement, or get a further condition; everything else stays as it is
written. The result is evaluated like every other policy before it is returned.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, count
from typing import Any, Final, NamedTuple

from ecr_exposure.errors import ParameterError, PolicyError, RemedyError
from ecr_exposure.findings.sentences import enumerated, written_principal
from ecr_exposure.identifiers import AccountId, account_id, organization_id
from ecr_exposure.policy.actions import CAPABILITY_OF, Capability, covered_actions
from ecr_exposure.policy.document import Document, Statement, read_policy
from ecr_exposure.policy.json_values import an_object, describe, elements, is_list, read_json
from ecr_exposure.policy.malformed_principals import malformed_principal
from ecr_exposure.policy.principals import Principal, PrincipalKind, WrittenPrincipal
from ecr_exposure.pulling_services import PULLING_SERVICES, PullingService, statement_for
from ecr_exposure.search import RepositoryFacts
from ecr_exposure.statement_changes import (
    Content,
    Limit,
    is_for_everyone,
    limited,
    may_grant_access,
    without_malformed_values,
    without_public_values,
)
from ecr_exposure.verdict import judge, repository_facts

MODES: Final = ("scope-to-organization", "scope-to-accounts", "remove-statements")
_ORGANIZATION, _ACCOUNTS, _REMOVE = MODES
CLOSED_TESTS: Final = ("unconditional", "reachable")
"""The tests that find no grant afterwards: both are about everyone."""
# https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_SetRepositoryPolicy.html
LONGEST_POLICY: Final = 10_240


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedy:
    """A policy that grants no public access, and what is different.

    policy: the content of the closed policy; None: the policy is to be deleted, or there is none. changes: a sentence
    for each change; none if the policy grants no public access. loses_access: a sentence for each group of callers to
    whom the policy granted access and no longer does.
    """

    policy: dict[str, Any] | None
    changes: tuple[str, ...] = ()
    loses_access: tuple[str, ...] = ()


def remedy(  # noqa: PLR0913 - the keywords are the public interface
    policy: str | Mapping[str, object] | None,
    *,
    mode: str,
    organization: str | None = None,
    accounts: Iterable[str] = (),
    keep_services: Iterable[str] = (),
    owner: str | None = None,
    region: str | None = None,
    resource_tags: Mapping[str, str] | None = None,
) -> Remedy:
    """Return the smallest change after which a policy grants no public access under `unconditional` and `reachable`.

    policy: as for `judge`. mode: scope-to-organization limits public statements to the principals of `organization`,
    scope-to-accounts to those of `accounts`, and remove-statements removes the public values, and a statement that
    names nobody else. keep_services: AWS services, such as lambda, that get a statement of their own, which is limited
    to the owner's account. owner, region, resource_tags: of the repository, as for `judge`.
    Raises RemedyError, with the reason, where this does not close the policy, and ParameterError for a malformed value.
    """
    limit = _limit(mode, organization, accounts)
    facts = repository_facts(owner=owner, region=region, resource_tags=resource_tags)
    services = _services(keep_services, facts.owner)
    try:
        content = _content(policy)
        document = read_policy(content)
    except PolicyError as error:
        raise RemedyError(f"Cannot be evaluated: {error}") from None
    if content is None or document is None:
        return Remedy(policy=None)
    return _Closing(content, limit, facts).remedy(services)


def _limit(mode: object, organization: str | None, accounts: Iterable[str]) -> Limit | None:
    """Return to whom public statements are limited, None to remove them.

    Raises RemedyError for a missing argument, ParameterError for a malformed one.
    """
    if not isinstance(mode, str) or mode not in MODES:
        raise ParameterError(f"mode: {mode!r:.80} is not a mode (accepted: {', '.join(MODES)})")
    ids = _in_order(accounts)
    named = None if organization is None else organization_id("organization", organization)
    if mode == _REMOVE:
        return None
    if mode == _ACCOUNTS:
        if not ids:
            raise RemedyError(f"accounts: mode {mode} needs the id of at least one account")
        return Limit(accounts=ids, suffix="Accounts")
    if named is None:
        raise RemedyError(f"organization: mode {mode} needs the id of an organization, such as o-abcdefghij")
    return Limit(organization=named, suffix="Organization")


def _in_order(accounts: object) -> tuple[AccountId, ...]:
    if not isinstance(accounts, Iterable) or isinstance(accounts, (str, bytes)):
        raise ParameterError(f"accounts: {accounts!r:.80} is not a sequence of ids")
    return tuple(dict.fromkeys(account_id("accounts", each) for each in accounts))


def _services(names: object, owner: str | None) -> tuple[PullingService, ...]:
    if not isinstance(names, Iterable) or isinstance(names, (str, bytes)):
        raise ParameterError(f"keep_services: {names!r:.80} is not a sequence of names")
    services = tuple(names)
    for name in services:
        if not isinstance(name, str) or name not in PULLING_SERVICES:
            raise RemedyError(f"keep_services: {name!r:.80} is not a service (accepted: {', '.join(PULLING_SERVICES)})")
    if services and owner is None:
        raise RemedyError("owner: keep_services needs the account of the repository, to which it limits the services")
    return tuple(PULLING_SERVICES[name] for name in dict.fromkeys(services))


def _content(policy: object) -> dict[str, Any] | None:
    """Return the policy as JSON values of its own, or None for no policy. Raises PolicyError."""
    if isinstance(policy, str):
        policy = read_json(policy) if policy.strip() else None
    if policy is None or policy == {}:
        return None
    read_policy(policy)
    content: dict[str, Any] = _copied(policy)
    return content


def _copied(value: object) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, Mapping):
        return {str(key): _copied(each) for key, each in value.items()}
    return [_copied(each) for each in value] if is_list(value) else value


class _Entry(NamedTuple):
    """A statement on the way to the closed policy: its index in the given policy, and its content.

    is_limited: it was public, and is limited.
    """

    at: int
    content: Content
    is_limited: bool = False

    def __str__(self) -> str:
        """Name the statement by its Sid, or by its index."""
        sid = self.content.get("Sid")
        return f"statement {describe(sid)}" if sid else f"Statement[{self.at}]"


_PULL: Final = frozenset(action for action, capability in CAPABILITY_OF.items() if capability is Capability.PULL)


def _includes_services(statement: Statement) -> bool:
    """Return whether a public statement can also grant access to AWS services that call as themselves."""
    services = any(each.type == "Service" for each in statement.principals.wildcards)
    return statement.not_principal or is_for_everyone(statement.principals) or services


def _named(values: Sequence[WrittenPrincipal]) -> str:
    return enumerated(list(map(written_principal, values)), 3)


def _public_values(statement: Statement) -> str:
    """Name the values of a Principal that grant public access."""
    if statement.not_principal:
        return "everyone except its NotPrincipal"
    principals = statement.principals
    others = map(written_principal, (*principals.wildcards, *principals.malformed))
    return enumerated([*(["*"] if principals.everyone else []), *others], 3)


class _Closing:
    """The closing of one policy."""

    def __init__(self, content: dict[str, Any], limit: Limit | None, facts: RepositoryFacts) -> None:
        self._content, self._limit, self._facts = content, limit, facts
        self._is_list = is_list(content["Statement"])
        self._entries = [_Entry(at, dict(an_object(each))) for at, each in enumerate(elements(content["Statement"]))]
        self._sids = {each.content.get("Sid") for each in self._entries}
        self._covered: set[str] = set()
        """The actions that public statements grant to AWS services, too."""
        self._changes: list[str] = []
        self._lost: list[str] = []

    def remedy(self, services: Sequence[PullingService]) -> Remedy:
        """Return the remedy; raises RemedyError."""
        public = self._public()
        if not public:
            return Remedy(policy=self._content)
        if self._limit and (problem := malformed_principal(self._document())):
            raise RemedyError(f"Cannot be evaluated: {problem}; correct it, or mode {_REMOVE} removes the value")
        given, self._entries = self._entries, [self._without_resource(each) for each in self._entries]
        if self._entries != given:
            public = self._public()
        while public:
            statements = self._document().statements
            closed = [self._closed(each, statements[at], public) for at, each in enumerate(self._entries)]
            self._entries = [entry for entries in closed for entry in entries]
            # A value that leaves the policy may have named an account, which makes another statement public.
            public = self._public()
        if self._limit:
            self._check_that_somebody_is_left(self._limit)
        self._lost += (*self._own_principals(), *self._services_without_access(services))
        for service in services:
            self._keep(service, AccountId(str(self._facts.owner)))
        policy = self._policy()
        length = len(json.dumps(policy, ensure_ascii=False, separators=(",", ":")))
        if length > LONGEST_POLICY:
            advice = f"; mode {_REMOVE} makes it shorter" if self._limit else ""
            reason = f"the closed policy has {length:,} characters, and ECR accepts at most {LONGEST_POLICY:,}"
            raise RemedyError(f"{reason}{advice}")
        return Remedy(policy=policy, changes=tuple(self._changes), loses_access=tuple(dict.fromkeys(self._lost)))

    # The policy as it is now.

    def _policy(self) -> dict[str, Any] | None:
        statements = [each.content for each in self._entries]
        if not statements:
            return None
        return {**self._content, "Statement": statements if self._is_list or len(statements) > 1 else statements[0]}

    def _document(self, statements: Sequence[Content] | None = None) -> Document:
        """Return the policy as it is read, or with other statements."""
        chosen = [each.content for each in self._entries] if statements is None else statements
        document = read_policy({**self._content, "Statement": chosen})
        assert document is not None  # noqa: S101 - it has the element Statement
        return document

    def _public(self) -> set[int]:
        """Return the positions of the statements to close; raise RemedyError if there is only a problem."""
        facts = self._facts
        verdicts = [
            judge(
                self._policy(),
                test=test,
                owner=facts.owner,
                region=facts.region,
                resource_tags=facts.resource_tags,
                now=facts.now,
            )
            for test in CLOSED_TESTS
        ]
        public = {grant.statement for verdict in verdicts for grant in verdict.grants}
        problem = next((verdict.problem for verdict in verdicts if verdict.problem), None)
        if problem and not public:
            raise RemedyError(f"Cannot be evaluated: {problem}")
        return public

    # Changes.

    def _without_resource(self, entry: _Entry) -> _Entry:
        refused = [element for element in ("Resource", "NotResource") if element in entry.content]
        if not refused:
            return entry
        self._changes.append(f"{entry}: {' and '.join(refused)} removed, because ECR does not accept it")
        return entry._replace(content={key: value for key, value in entry.content.items() if key not in refused})

    def _closed(self, entry: _Entry, statement: Statement, public: set[int]) -> Iterable[_Entry]:
        """Return the entry, or what it becomes if it is public."""
        if statement.position not in public:
            return self._without_malformed_values(entry, statement) if self._limit is None else (entry,)
        if entry.is_limited:
            raise RemedyError(f"{entry} still grants public access with this limit; mode {_REMOVE} closes it")
        if _includes_services(statement):
            self._covered |= covered_actions(statement.actions, negated=statement.not_action)
        if self._limit is None:
            return self._without_public_values(entry, statement)
        return self._limited(entry, statement, self._limit)

    def _without_public_values(self, entry: _Entry, statement: Statement) -> Iterator[_Entry]:
        contents = without_public_values(statement, entry.content)
        malformed = statement.principals.malformed
        gone = f"removed, with {_named(malformed)}, which ECR does not accept" if malformed else "removed"
        change = f"{_public_values(statement)} removed from its Principal" if contents else gone
        self._changes.append(f"{entry}: {change}")
        named = ", except those that it names" if contents else ""
        self._lose(statement, f"every principal to which {entry} grants access{named}")
        return (entry._replace(content=each) for each in contents)

    def _without_malformed_values(self, entry: _Entry, statement: Statement) -> Iterable[_Entry]:
        """Remove values that ECR does not accept: they grant access to nobody, and deny it to nobody."""
        if not statement.principals.malformed:
            return (entry,)
        contents = without_malformed_values(statement, entry.content)
        values = _named(statement.principals.malformed)
        self._changes.append(
            f"{entry}: {values} removed, because ECR does not accept it"
            if contents
            else f"{entry}: removed, because it names only {values}, which ECR does not accept"
        )
        return (entry._replace(content=each) for each in contents)

    def _limited(self, entry: _Entry, statement: Statement, limit: Limit) -> Iterator[_Entry]:
        sid = entry.content.get("Sid")
        try:
            *kept, public = limited(statement, entry.content, limit)
        except PolicyError as error:
            raise RemedyError(f"{error.within(f'Statement[{entry.at}]')}; mode {_REMOVE} closes it") from None
        new = "a new statement"
        if kept and sid:
            public["Sid"] = self._new_sid(f"{sid}{limit.suffix}")
            new = f"the new statement {describe(public['Sid'])}"
        where = f", in {new}" if kept else ""
        self._changes.append(f"{entry}: the access of {_public_values(statement)} is limited to {limit}{where}")
        named = ", except those that it names" if statement.principals.named and not statement.not_principal else ""
        self._lose(statement, f"every principal outside {limit} to which {entry} grants access{named}")
        if not (statement.not_principal or is_for_everyone(statement.principals)):
            patterns = _named(statement.principals.wildcards)
            self._lose(statement, f"every principal whose aws:PrincipalArn does not match {patterns}")
        yield from (entry._replace(content=each) for each in kept)
        yield _Entry(entry.at, public, is_limited=True)

    def _new_sid(self, wanted: str) -> str:
        """Return a Sid that no statement has, with a number if the wanted one is taken."""
        numbered = (f"{wanted}{number}" for number in count(2))
        sid = next(sid for sid in chain((wanted,), numbered) if sid not in self._sids)
        self._sids.add(sid)
        return sid

    def _lose(self, statement: Statement, who: str) -> None:
        """Say who loses access; nobody has any by registry actions, which a repository policy never grants."""
        if covered_actions(statement.actions, negated=statement.not_action):
            self._lost.append(who)

    # Who is left.

    def _check_that_somebody_is_left(self, limit: Limit) -> None:
        """Raise RemedyError for a statement that excludes the organization; say that one excludes the accounts."""
        for entry in self._entries:
            if not entry.is_limited or self._may_grant_access(entry, limit):
                continue
            if limit.organization:
                reason = f"no principal of {limit} matches {entry}, so limiting it to them would leave nobody"
                raise RemedyError(f"{reason}; remove the statement: mode {_REMOVE}")
            self._lost.append(f"principals of {limit} get no access by {entry}, because none of them matches it")

    def _may_grant_access(self, entry: _Entry, limit: Limit) -> bool:
        content = {**entry.content, "Principal": limit.principal} if limit.accounts else entry.content
        return may_grant_access(self._document([content]), self._facts)

    # Who else loses access.

    def _own_principals(self) -> Iterator[str]:
        """Say that principals of the repository's account may lose access: the organization includes this account."""
        limit = self._limit
        if self._lost and (limit is None or (limit.accounts and self._facts.owner not in limit.accounts)):
            yield "principals of the repository's own account whose identity-based policies do not grant this access"

    def _services_without_access(self, kept: Sequence[PullingService]) -> Iterator[str]:
        """Say that services lose access that they have by a public statement."""
        if self._covered & _PULL:
            others = [each.name for each in PULLING_SERVICES.values() if each not in kept and self._lost_by(each)]
            such_as = f", such as {', '.join(others)}" if others else ""
            yield f"AWS services that pull images because everyone can{such_as}"

    def _lost_by(self, service: PullingService) -> list[str]:
        """Return the actions that public statements allowed a service, and no statement that names it allows."""
        named = Principal(PrincipalKind.SERVICE, service.principal)
        allows = (each for each in self._document().statements if each.allows and not each.not_principal)
        naming = (each for each in allows if named in each.principals.named)
        lost = self._covered.difference(*(covered_actions(each.actions, negated=each.not_action) for each in naming))
        return [action for action in service.actions if action in lost]

    def _keep(self, service: PullingService, owner: AccountId) -> None:
        """Add the documented statement of a service, for the actions that it lost."""
        actions = self._lost_by(service)
        if not actions:
            is_named = self._covered & {*service.actions}
            why = f"another one names it, maybe not for account {owner}" if is_named else "it could not pull"
            self._changes.append(f"no statement added for {service.name}: {why}")
            return
        content = statement_for(service, actions=actions, owner=owner, region=self._facts.region)
        content["Sid"] = self._new_sid(service.sid)
        self._entries.append(_Entry(len(self._entries), content))
        self._changes.append(f"{self._entries[-1]}: added, so that {service.name} keeps its access for account {owner}")
