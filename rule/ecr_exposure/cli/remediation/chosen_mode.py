"""How a policy is closed: the mode and what it needs, from the options, from AWS Organizations, or by asking."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import click

from ecr_exposure.cli.account_options import listed
from ecr_exposure.cli.aws_calls import AWS_ERRORS, Clients, error_code, error_text, has_expired, required
from ecr_exposure.cli.command_line import CannotRunError
from ecr_exposure.cli.output import Output, can_ask
from ecr_exposure.cli.terminal import print_line
from ecr_exposure.errors import ParameterError, RemedyError
from ecr_exposure.identifiers import ACCOUNT_ID, organization_id
from ecr_exposure.remedy import MODES
from ecr_exposure.verdict import Verdict

TO_ORGANIZATION, TO_ACCOUNTS, REMOVE = MODES
_MEANINGS: Final = {
    TO_ORGANIZATION: "your organization keeps the access that everyone has",
    TO_ACCOUNTS: "the accounts that you name keep it",
    REMOVE: "only principals that the policy names keep access",
}
_NO_ORGANIZATION: Final = "AWSOrganizationsNotInUseException"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The mode, and what it needs."""

    mode: str
    organization: str | None = None
    accounts: tuple[str, ...] = ()
    keep_services: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the options that choose it."""
        words = [f"--mode {self.mode}"]
        words += [f"--organization {self.organization}"] if self.organization else []
        words += [f"--accounts {','.join(self.accounts)}"] if self.accounts else []
        return " ".join((*words, *(f"--keep-service {name}" for name in self.keep_services)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The options."""

    mode: str | None
    organization: str | None
    accounts: tuple[str, ...]
    keep_services: tuple[str, ...]

    @property
    def stated_mode(self) -> str | None:
        """The mode that the options name, or that one of them belongs to; None for neither."""
        return self.mode or (TO_ORGANIZATION if self.organization else TO_ACCOUNTS if self.accounts else None)

    def check(self) -> None:
        """Raise click.UsageError for options that exclude each other."""
        if self.mode not in (None, TO_ORGANIZATION) and self.organization:
            raise click.UsageError(f"--organization goes with --mode {TO_ORGANIZATION} only.")
        if self.mode not in (None, TO_ACCOUNTS) and self.accounts:
            raise click.UsageError(f"--accounts goes with --mode {TO_ACCOUNTS} only.")
        if self.organization and self.accounts:
            raise click.UsageError("--organization and --accounts exclude each other: they are two modes.")
        if self.mode == TO_ACCOUNTS and not self.accounts:
            raise click.UsageError(f"--mode {TO_ACCOUNTS} needs --accounts.")


Organization = Callable[[], tuple[Clients, str]]
"""Returns the clients that ask for the organization, and whose it is; raises CannotRunError without credentials."""


def choose(wanted: Wanted, findings: Sequence[Verdict], ask_for: Organization, output: Output) -> Choice:
    """Return the mode of the options; else the organization's if there is one; else what the operator answers.

    Raises RemedyError without asking for a policy that cannot be evaluated, CannotRunError where nobody can be asked,
    one of AWS_ERRORS for expired credentials, and KeyboardInterrupt.
    """
    if wanted.mode is None and not any(finding.grants for finding in findings):
        raise RemedyError(findings[0].annotation)
    mode, organization, accounts = wanted.stated_mode, wanted.organization, wanted.accounts
    reason = ""
    if organization is None and mode in (None, TO_ORGANIZATION):
        organization, reason = _organization(ask_for, output)
        mode = TO_ORGANIZATION if organization else mode
    if mode is None:
        mode = _ask_for_mode(reason, output)
    if mode == TO_ORGANIZATION and organization is None:
        if not can_ask():
            raise CannotRunError(f"the organization is not known ({reason}): name it by --organization")
        organization = output.ask("The organization's ID", _organization_id)
    if mode == TO_ACCOUNTS and not accounts:
        accounts = output.ask("The IDs of the accounts, separated by commas", _accounts)
    return Choice(mode=mode, organization=organization, accounts=accounts, keep_services=wanted.keep_services)


def _organization(ask_for: Organization, output: Output) -> tuple[str | None, str]:
    """Return the organization, or None and why it is not known.

    Every account of an organization may ask for it:
    https://docs.aws.amazon.com/organizations/latest/APIReference/API_DescribeOrganization.html
    """
    try:
        clients, whose = ask_for()
        response = clients.organizations.describe_organization()
        found = required(response, lambda each: each["Organization"])
        identifier = organization_id("Organization.Id", required(found, lambda each: each["Id"]))
    except (CannotRunError, ParameterError) as error:
        return None, str(error)
    except AWS_ERRORS as error:
        if has_expired(error):
            raise
        in_none = error_code(error) == _NO_ORGANIZATION
        return None, "the account is in no organization" if in_none else error_text(error)
    output.line(("Organization: ", "bold"), f"{identifier}, that of {whose}")
    return identifier, ""


def _ask_for_mode(reason: str, output: Output) -> str:
    if not can_ask():
        accepted = f"--organization ID, --accounts ID,... or --mode {REMOVE}"
        raise CannotRunError(f"the organization is not known ({reason}), so say how to close it: {accepted}")
    print_line(output.errors, f"The organization is not known: {reason}")
    for number, (mode, meaning) in enumerate(_MEANINGS.items(), start=1):
        print_line(output.errors, f"{number}  {mode}: {meaning}", indent=2)
    return output.ask("How to close it (1, 2 or 3)", _mode)


def _mode(text: str) -> str:
    numbered = {str(number): mode for number, mode in enumerate(MODES, start=1)}
    mode = numbered.get(text.strip(), text.strip())
    if mode not in MODES:
        raise click.BadParameter(f"{text!r} is none of 1, 2, 3, {', '.join(MODES)}")
    return mode


def _organization_id(text: str) -> str:
    try:
        return organization_id("organization", text.strip())
    except ParameterError as error:
        raise click.BadParameter(str(error)) from None


def _accounts(text: str) -> tuple[str, ...]:
    return listed(text, ACCOUNT_ID, "an account ID of 12 digits")
