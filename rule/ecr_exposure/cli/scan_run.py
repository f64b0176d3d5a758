"""One run of ``scan``: whose credentials these are, what is read with them, and the report of it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import boto3

import ecr_exposure
from ecr_exposure.cli.assumed_role import role_session
from ecr_exposure.cli.aws_calls import Clients, CredentialsExpiredError
from ecr_exposure.cli.caller import Caller, caller_in
from ecr_exposure.cli.command_line import Environment, ExitCode
from ecr_exposure.cli.found_policies.found_policy import Kind, NotReadError
from ecr_exposure.cli.live_repositories.account_access import SESSION_NAME, AccountAccess, OwnAccess, RoleAccess
from ecr_exposure.cli.live_repositories.live_scan import EarlierScan, LiveScan, Target
from ecr_exposure.cli.live_repositories.place_reader import Reading
from ecr_exposure.cli.live_repositories.scan_file import ScanFile
from ecr_exposure.cli.live_repositories.scanned import Record, Scanned
from ecr_exposure.cli.organization_accounts import accounts_to_scan
from ecr_exposure.cli.output import Output
from ecr_exposure.cli.policy_report.checked_policy import CheckedPolicy, Report
from ecr_exposure.cli.policy_report.judgement import Judgement
from ecr_exposure.cli.policy_report.report_scope import PlacesRead, counted
from ecr_exposure.cli.recorded_repositories import found_in
from ecr_exposure.cli.region_options import check_region_names, enabled_regions, session_region
from ecr_exposure.cli.report_options import JudgementOptions, ReportOptions
from ecr_exposure.cli.repositories_report import credentials_expired, judgement_in_organization, repositories_report
from ecr_exposure.findings.access_tests import access_test
from ecr_exposure.findings.sentences import enumerated
from ecr_exposure.identifiers import account_ids, account_of, organization_ids
from ecr_exposure.parameters import RuleParameters
from ecr_exposure.repository import Repository
from ecr_exposure.verdict import needs_tags

_MOST_NAMED: Final = 10


class ScanOptions(JudgementOptions, ReportOptions):
    """The options of the command."""

    regions: tuple[str, ...]
    all_regions: bool
    role: str | None
    member_role: str | None
    aggregator: str | None
    accounts: tuple[str, ...]
    resume: Path | None
    profile: str | None


class ScanRun:
    """One run."""

    def __init__(self, environment: Environment, options: ScanOptions, output: Output) -> None:
        """Find out what is to be read, and print the first line.

        Raises CannotRunError, click.BadParameter or one of AWS_ERRORS.
        """
        self._options, self._output, self._clock = options, output, environment.clock
        session = environment.open_session(options["profile"])
        instead = "the profile's region" if options["all_regions"] else "--region"
        named = options["regions"] or (session_region(session, instead),)
        check_region_names(session, named, "--region")
        self._caller = caller_in(session, named)
        self._session = self._opened(session, named[0])
        clients = Clients(self._session, named[0])
        self._account = account_of(options["role"]) if options["role"] else self._caller.account
        regions = enabled_regions(clients.account) if options["all_regions"] else named
        output.begin(self._caller, regions, self._what())
        self._inactive: Sequence[str] = ()
        self._target = Target(
            accounts=self._accounts(clients, self._caller),
            regions=regions,
            asks_regions=options["all_regions"],
            own_account=self._account,
        )
        self._judgement = judgement_in_organization(options, self._clock.today(), clients)
        self._file = self._opened_file()
        self._scanned = Scanned(self._file.keep if self._file else _keep_nothing)
        self._scan = self._prepared_scan()
        self._policies: list[CheckedPolicy] = []
        self._ended = ExitCode.AS_WANTED

    def read(self) -> None:
        """Read and evaluate everything; what there is after an interrupt, or once credentials expire, is reported."""
        try:
            with self._output.counting(None, "repositories") as progress:
                self._scan.run(progress)
        except KeyboardInterrupt:
            self._ended = ExitCode.INTERRUPTED
        except CredentialsExpiredError:
            self._ended = ExitCode.NOT_DONE
        try:
            for each in self._scanned.repositories:
                self._policies.append(self._judgement.judged(found_in(each, Kind.REPOSITORY)))
        except KeyboardInterrupt:
            self._ended = ExitCode.INTERRUPTED

    def report(self) -> Report:
        """Return the report."""
        scanned = self._scanned
        not_seen = len(self._scan.places - scanned.complete)
        return repositories_report(
            "scan",
            self._options,
            self._judgement,
            policies=self._policies,
            errors=self._errors(not_seen),
            notes=self._notes(not_seen),
            scope=PlacesRead(
                source="Amazon ECR",
                caller=self._caller.arn,
                accounts=tuple(sorted({each.account for each in scanned.listed})),
                regions=tuple(sorted({each.region for each in scanned.listed})),
                not_seen=not_seen,
            ),
            ended=self._ended,
        )

    def _prepared_scan(self) -> LiveScan:
        reading = Reading(session=self._session, needs_tags=_tags_matter(self._judgement), scanned=self._scanned)
        earlier = EarlierScan()
        if self._file is not None:
            earlier = EarlierScan(complete=frozenset(self._file.complete), repositories=self._file.repositories)
        return LiveScan(self._target, reading, earlier)

    def end(self, exit_code: ExitCode | None) -> None:
        """Close the file of --resume, which ends with a complete run; None: the report was not published."""
        if self._file is None:
            return
        if exit_code in (ExitCode.AS_WANTED, ExitCode.NOT_AS_WANTED):
            self._file.end()
        else:
            self._file.close()

    def _opened(self, session: boto3.Session, region: str) -> boto3.Session:
        role, profile = self._options["role"], self._options["profile"]
        if role is None:
            return session
        return role_session(session, region, role, session_name=SESSION_NAME, profile=profile, clock=self._clock)

    def _what(self) -> str:
        """Return what the first line says of the accounts that are read."""
        named, role, member_role = self._options["accounts"], self._options["role"], self._options["member_role"]
        texts = [f"account {self._account} by the role {role}"] if role else []
        if member_role:
            accounts = counted(len(named), "account") if named else "the accounts of the organization"
            texts.append(f"{accounts} by the role {member_role}")
        return ", ".join(texts)

    def _accounts(self, clients: Clients, caller: Caller) -> Sequence[AccountAccess]:
        role = self._options["member_role"]
        if role is None:
            return (OwnAccess(self._account),)
        accounts = self._options["accounts"]
        if not accounts:
            accounts, self._inactive = accounts_to_scan(clients.organizations)
        return tuple(
            OwnAccess(account)
            if account == self._account
            else RoleAccess(
                account, f"arn:{caller.partition}:iam::{account}:role/{role}", clients.sts, self._clock.today
            )
            for account in accounts
        )

    def _opened_file(self) -> ScanFile | None:
        chosen = self._options
        if chosen["resume"] is None:
            return None
        options: Mapping[str, Any] = {
            "account": self._account,
            "regions": "all" if chosen["all_regions"] else sorted(self._target.regions),
            "member role": chosen["member_role"],
            "accounts": sorted(chosen["accounts"]),
            "test": chosen["test"],
            "trusted accounts": sorted(chosen["trusted_account"]),
            "trusted organizations": sorted(chosen["trusted_organization"]),
            "members": sorted(self._judgement.members) if chosen["members"] else [],
            "public repositories": [str(each) for each in chosen["public_repository"]],
            "public tag": chosen["public_tag"],
        }
        return ScanFile(chosen["resume"], options, ecr_exposure.__version__, self._judgement.now)

    def _errors(self, not_seen: int) -> Iterator[NotReadError]:
        for each in sorted(self._scanned.not_read, key=lambda found: found.where):
            yield NotReadError(each.where, None, each.reason)
        if self._ended is ExitCode.NOT_DONE:
            total = len(self._scan.places)
            seen = f"{total - not_seen:,} of {total:,} accounts × Regions were read"  # noqa: RUF001 - a product
            yield credentials_expired(self._account, self._output.minutes, seen)
        if self._file is not None and self._file.failure is not None:
            yield NotReadError(str(self._file.path), None, self._file.failure)

    def _notes(self, not_seen: int) -> Iterator[str]:
        file, deleted = self._file, self._scanned.deleted
        if file is not None and file.is_resumed:
            number = counted(sum(map(len, file.repositories.values())), "repository")
            yield f"{number} in {file.path} were read by the scan that began {file.started:%Y-%m-%d %H:%M %Z}"
        if self._inactive:
            yield f"accounts that are not active were left out: {enumerated(self._inactive, _MOST_NAMED)}"
        if file is not None and file.is_new_scan:
            began = f"{file.started:%Y-%m-%d %H:%M %Z}"
            yield f"the scan in {file.path} that began {began} was complete, so this is a new one"
        if deleted:
            yield f"{counted(deleted, 'repository')} did not exist any more when the policy was to be read"
        if not_seen:
            is_kept = file is not None and file.has_records
            where = f"what was read is in {file.path}" if file and is_kept else "nothing is kept of this run"
            option = f"--resume {file.path}" if file else "--resume FILE"
            yield f"{where}; with {option}, the next run goes on where this one ended"


def _keep_nothing(_record: Record) -> None:
    """Without --resume."""


def _tags_matter(judgement: Judgement) -> Callable[[Repository], bool]:
    """Return whether the tags of a repository matter to its verdict, as in the rule."""
    question = judgement.question
    parameters = RuleParameters(
        test=access_test("test", question.test),
        public_repositories=judgement.public_repositories,
        public_tag=judgement.public_tag,
        trusted_accounts=account_ids("accounts", (*judgement.members, *question.trusted_accounts)),
        trusted_organizations=organization_ids("organizations", question.trusted_organizations),
    )
    return lambda repository: needs_tags(repository, parameters, judgement.now)
