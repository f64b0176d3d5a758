"""The accounts of the organization, as AWS Organizations lists them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from ecr_exposure.cli.aws_calls import AWS_ERRORS, NotAwsError, entries, error_code, error_text, has_expired, required
from ecr_exposure.cli.command_line import CannotRunError

if TYPE_CHECKING:
    from mypy_boto3_organizations import OrganizationsClient

ACTIVE: Final = "ACTIVE"
_NO_ORGANIZATION: Final = "AWSOrganizationsNotInUseException"


class ListedAccounts(NamedTuple):
    """The accounts of the organization: those to scan, and those that are closed or not yet open."""

    active: tuple[str, ...]
    inactive: tuple[str, ...]


def accounts_to_scan(client: "OrganizationsClient") -> ListedAccounts:
    """Return the accounts; raises CannotRunError if they cannot be listed, or one of AWS_ERRORS."""
    try:
        states = sorted(_states(client).items())
        return ListedAccounts(
            active=tuple(account for account, state in states if state == ACTIVE),
            inactive=tuple(account for account, state in states if state != ACTIVE),
        )
    except AWS_ERRORS as error:
        raise _not_listed(error, "--member-role", "--accounts ID,...") from None


def accounts_inside(client: "OrganizationsClient") -> tuple[str, ...]:
    """Return all accounts, which `external` trusts as the rule does; none without an organization.

    Raises CannotRunError if they cannot be listed, or one of AWS_ERRORS.
    """
    try:
        return tuple(sorted(_states(client)))
    except AWS_ERRORS as error:
        if error_code(error) == _NO_ORGANIZATION:
            return ()
        raise _not_listed(error, "--test external", "--members FILE") from None


def _states(client: "OrganizationsClient") -> Mapping[str, str]:
    """Return the state of each account, of which an organization has one at least; Status is its older name.

    https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAccounts.html
    """
    pages = client.get_paginator("list_accounts").paginate()
    states = {
        required(each, lambda found: found["Id"]): each.get("State") or each.get("Status", ACTIVE)
        for each in entries(pages, lambda page: page["Accounts"])
    }
    if not states:
        raise NotAwsError("the response to ListAccounts has no account, so it did not come from AWS")
    return states


def _not_listed(error: Exception, option: str, instead: str) -> Exception:
    if has_expired(error):
        return error
    reason = f"the accounts of the organization could not be listed: {error_text(error)}"
    return CannotRunError(f"{option}: {reason}; name them by {instead}")
