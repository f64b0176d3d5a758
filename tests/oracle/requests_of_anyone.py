"""Random requests of every kind of caller, made from the keys, values and principals of some policies.

Unlike a public caller, the caller can be a principal that a policy names, one of the repository's own account or
organization, or inside a trusted network. AWS services that call as themselves are not among them.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from random import Random
from typing import Any, Final

from ecr_exposure import Request
from tests.oracle.random_requests import Context, RequestMaker
from tests.oracle.solver_policy import Statement, read_policy
from tests.oracle.solver_principals import PrincipalForm
from tests.oracle.solver_values import Identity

_OWN: Final = {"aws:principalorgid": "aws:resourceorgid", "aws:principalorgpaths": "aws:resourceorgpaths"}
"""The keys that a caller of the repository's account has in common with the repository."""


def requests_of_anyone(
    policies: Iterable[Any], question: dict[str, Any], random: Random, count: int
) -> Iterator[Request]:
    """So many requests for actions that one of the policies allows; none if they allow no action.

    `question`: owner, region, resource_tags and now, as `judge` takes them.
    """
    statements = tuple(each for policy in policies for each in read_policy(policy) or ())
    maker = _AnyRequestMaker(statements, question, random)
    for _ in range(count if maker.actions else 0):
        yield maker.request()


class _AnyRequestMaker(RequestMaker):
    """Makes requests of every kind of caller."""

    def __init__(self, statements: tuple[Statement, ...], question: dict[str, Any], random: Random) -> None:
        nobody: dict[str, Any] = {"members": (), "trusted_accounts": (), "trusted_organizations": ()}
        super().__init__(statements, {}, {**question, "test": "external", **nobody}, random)
        self.principals = [principal for statement in statements for principal in statement.principals.listed]

    def request(self) -> Request:
        """Make one request; a caller of the repository's account is in its organization."""
        request = super().request()
        context = dict(request.context)
        if context["aws:principalaccount"] == context["aws:resourceaccount"]:
            own = {key: context[same] for key, same in _OWN.items() if same in context}
            context = {key: value for key, value in context.items() if key not in _OWN} | own
        return replace(request, context=context)

    def _identity(self, partition: str, account: str) -> tuple[str, Context]:
        """Half of the callers are principals that a policy lists, if it does."""
        if not self.principals or self.random.random() < 0.5:
            return super()._identity(partition, account)
        listed = self.random.choice(self.principals)
        match listed.form:
            case PrincipalForm.ACCOUNT | PrincipalForm.PROVIDER:
                return super()._identity(partition, listed.account)
            case PrincipalForm.EXACT:
                kind, _, name = listed.arn.split(":", 5)[5].partition("/")
                return self.identity(partition, listed.account, kind, name)
            case PrincipalForm.SESSION:
                return self.identity(partition, listed.account, "role", listed.role, listed.session)

    def _id(self, identity: Identity, *, but: str = "", prefix: str = "") -> str:
        """Any id, seldom the repository's account; `but` is only for public and external callers."""
        del but
        owner = self.question["owner"]
        own = identity is Identity.ACCOUNT and owner is not None and self.random.random() < 0.15
        return owner if own else super()._id(identity, prefix=prefix)
