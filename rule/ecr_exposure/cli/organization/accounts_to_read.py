"""Which accounts are read: those that get the rule, and of them those that the operator named."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ecr_exposure.cli.aws_calls import AWS_ERRORS, Clients, CredentialsExpiredError, Unknown, error_text, has_expired
from ecr_exposure.cli.caller import Caller
from ecr_exposure.cli.command_line import CannotRunError
from ecr_exposure.cli.organization.organization_reader import OrganizationFacts, accounts_of_units
from ecr_exposure.cli.stack import DeployedAs

_ACTIVE: Final = "ACTIVE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What the operator named to be read."""

    accounts: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    """Organizational units, with all below them; together with the accounts."""
    thorough: bool = False
    """Whether settings and delivery channels are read everywhere, however large the organization is."""

    @property
    def is_limited(self) -> bool:
        """Whether anything was named."""
        return bool(self.accounts or self.units)


def chosen_hub(named: str | None, caller: Caller, facts: OrganizationFacts) -> str:
    """Return the hub; CannotRunError if it is not the caller and no active account of the organization."""
    hub = named or caller.account
    state = _states(facts).get(hub)
    if hub == caller.account or isinstance(facts.accounts, Unknown) or state == _ACTIVE:
        return hub
    raise CannotRunError(f"--hub: account {hub} is {state or 'not in the organization'}")


def accounts_to_read(
    clients: Clients, selection: Selection, hub: str, facts: OrganizationFacts, values: Mapping[str, str]
) -> tuple[str, ...]:
    """Return the accounts that get the rule: ACTIVE ones, and the management account where the template includes it.

    Deployed from a delegated administrator, the template excludes it unless IncludeManagementAccount is true.
    Raises CannotRunError for a named account that does not get the rule, and for a unit that cannot be listed.
    """
    if values.get("DeployAs") == DeployedAs.ACCOUNT_RULE:
        served = {hub}
    else:
        management = facts.management_account
        served = {account for account, state in _states(facts).items() if state == _ACTIVE}
        if values.get("IncludeManagementAccount") != "true":
            served.discard(management or "")
        elif management:
            served.add(management)
        served.add(hub)
    if not selection.is_limited:
        return tuple(sorted(served))
    if not isinstance(facts.accounts, Unknown):
        _check_accounts(selection, served, facts)
    named = frozenset(selection.accounts) | (_of_units(clients, selection) & served)
    if not named:
        raise CannotRunError(f"--ou: no account in {', '.join(selection.units)} gets the rule")
    return tuple(sorted(named))


def _check_accounts(selection: Selection, served: set[str], facts: OrganizationFacts) -> None:
    states = _states(facts)
    for account in selection.accounts:
        if account not in served:
            state = states.get(account, "not in the organization")
            if state == _ACTIVE:
                state = "the management account, which does not get the rule unless IncludeManagementAccount is true"
            raise CannotRunError(f"--accounts: account {account} is {state}")


def _of_units(clients: Clients, selection: Selection) -> frozenset[str]:
    try:
        return accounts_of_units(clients, selection.units)
    except AWS_ERRORS as error:
        if has_expired(error):
            raise CredentialsExpiredError(error_text(error)) from None
        raise CannotRunError(f"--ou: {error_text(error)}") from None


def _states(facts: OrganizationFacts) -> dict[str, str]:
    accounts = () if isinstance(facts.accounts, Unknown) else facts.accounts
    return {account.identifier: account.state for account in accounts}
