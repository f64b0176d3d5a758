"""``ecr-exposure fix``: closes the policy of a file or of a repository, with the smallest change."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Unpack

import boto3
import click

from ecr_exposure.cli.account_options import account_ids, matching, one_account, role_arn
from ecr_exposure.cli.assumed_role import role_clients
from ecr_exposure.cli.aws_calls import Clients
from ecr_exposure.cli.caller import read_caller
from ecr_exposure.cli.command_line import (
    CommonOptions,
    Environment,
    ExitCode,
    common_options,
    reference,
)
from ecr_exposure.cli.output import Output, open_output
from ecr_exposure.cli.permissions import statement
from ecr_exposure.cli.region_options import check_region_names, one_region, region_option_of
from ecr_exposure.cli.remediation.chosen_mode import Wanted
from ecr_exposure.cli.remediation.file_fix import FileFix
from ecr_exposure.cli.remediation.policy_file import STANDARD_INPUT
from ecr_exposure.cli.remediation.proposal import MEANS
from ecr_exposure.cli.remediation.repository_fix import RepositoryFix, Undoing, check_saved
from ecr_exposure.cli.remediation.repository_policy import find_repository
from ecr_exposure.cli.remediation.repository_run import Access, RepositoryRun
from ecr_exposure.cli.remediation.saved_policy import SavedPolicy, read_saved_policy
from ecr_exposure.cli.terminal import Interrupts
from ecr_exposure.identifiers import ORGANIZATION_ID, REPOSITORY_NAME, account_of
from ecr_exposure.pulling_services import PULLING_SERVICES
from ecr_exposure.remedy import MODES

_SESSION_NAME: Final = "ecr-exposure-fix"


class _Options(CommonOptions):
    policy_file: str | None
    repository: str | None
    role: str | None
    region: str | None
    undo: Path | None
    mode: str | None
    organization: str | None
    accounts: tuple[str, ...]
    keep_service: tuple[str, ...]
    owner: str | None
    in_place: bool
    diff: bool
    show: str | None
    save_to: Path
    even_if_excluded: bool
    yes: bool


@click.command(
    epilog=reference(
        (
            "ecr-exposure fix --repository team/app --diff",
            "ecr-exposure fix policy.json --organization o-exampleorg1 --in-place",
        ),
        {
            ExitCode.AS_WANTED: "Closed, restored, or nothing to close.",
            ExitCode.NOT_AS_WANTED: "Not changed: you declined, only looked, or there is a reason against it.",
            ExitCode.NOT_DONE: "It could not be done; the last line says what is in place.",
            ExitCode.INTERRUPTED: "Interrupted; the last line says what is in place.",
        },
    )
)
@click.argument("policy_file", required=False)
@click.option(
    "--repository",
    metavar="NAME",
    help="Close the policy of this repository.",
    callback=matching(REPOSITORY_NAME, "the name of a repository, such as team/app"),
)
@click.option(
    "--role",
    metavar="ARN",
    help="Assume this role first, in the account of the repository; by default it is in your own account.",
    callback=role_arn,
)
@region_option_of("The repository's")
@click.option(
    "--undo",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Restore the policy that an earlier run kept in this file.",
)
@click.option(
    "--mode",
    type=click.Choice(MODES),
    help="How to close it; by default scope-to-organization where the organization is known, otherwise it asks.",
)
@click.option(
    "--organization",
    metavar="ID",
    help="The organization that keeps access; by default that of the account.",
    callback=matching(ORGANIZATION_ID, "an organization ID such as o-exampleorg1"),
)
@click.option(
    "--accounts", metavar="ID,...", multiple=True, callback=account_ids, help="The accounts that keep access."
)
@click.option(
    "--keep-service",
    type=click.Choice(tuple(PULLING_SERVICES)),
    multiple=True,
    help="An AWS service that goes on pulling for the owner's account, such as lambda; repeat it for several.",
)
@click.option(
    "--owner",
    metavar="ID",
    callback=one_account,
    help="The account of the repository of POLICY_FILE; --keep-service needs it.",
)
@click.option("--in-place", is_flag=True, help="Write POLICY_FILE, after a question.")
@click.option("--diff", is_flag=True, help="Print the change, and change nothing.")
@click.option(
    "--show",
    type=click.Choice(MEANS),
    help="Print how to close it in the console, by the AWS CLI, Terraform or AWS CloudFormation, and change nothing.",
)
@click.option(
    "--save-to",
    metavar="DIR",
    type=click.Path(path_type=Path),
    default=Path(),
    help="Where the previous policy is kept; by default the working folder.",
)
@click.option("--even-if-excluded", is_flag=True, help="Also close a repository that is public on purpose.")
@click.option("--yes", is_flag=True, help="Do not ask before the change.")
@common_options(
    statement("ReadTheRepository", "ecr:DescribeRepositories", "ecr:GetRepositoryPolicy", "ecr:ListTagsForResource"),
    statement("ChangeThePolicy", "ecr:SetRepositoryPolicy", "ecr:DeleteRepositoryPolicy"),
    statement("OptionalReadTheRules", "config:DescribeConfigRules"),
    statement("OptionalFindTheOrganization", "organizations:DescribeOrganization"),
    statement("OptionalAssumeARole", "sts:AssumeRole", resource="arn:*:iam::*:role/*"),
)
@click.pass_obj
def fix(environment: Environment, **options: Unpack[_Options]) -> ExitCode:
    """Close a repository policy that grants public access.

    The policy is that of POLICY_FILE (- for standard input) or of --repository. The change is the smallest one: only
    what grants public access leaves a statement or gets a condition. It is printed with those who lose access.

    Nothing is changed without a question. Before a repository's policy is changed, the previous one is kept in a file,
    from which --undo restores it; afterwards the policy is read again and evaluated.
    """
    _check(options)
    is_patch = options["diff"] and options["policy_file"] is not None
    output = open_output("fix", environment, options, on_errors=is_patch)
    with Interrupts() as interrupts:
        if options["policy_file"] is not None:
            return _fix_file(environment, options, output, interrupts)
        access = Access(profile=options["profile"], role=options["role"], folder=options["save_to"], yes=options["yes"])
        run = RepositoryRun(
            access=access,
            output=output,
            interrupts=interrupts,
            clock=environment.clock,
            closes=options["undo"] is None,
        )
        try:
            if options["undo"] is not None:
                return _undo(environment, options, read_saved_policy(options["undo"]), run)
            return _fix_repository(environment, options, run)
        except KeyboardInterrupt:
            return run.end_interrupted()


_WHOSE: Final = "Name one of POLICY_FILE, --repository and --undo"


def _check(options: _Options) -> None:
    """Raise click.UsageError for options that exclude each other."""
    chosen = [each for each in ("--in-place", "--diff", "--show") if _is_given(options, each)]
    if len(chosen) > 1:
        raise click.UsageError(f"{' and '.join(chosen)} exclude each other.")
    if options["show"] and options["quiet"]:
        raise click.UsageError("--show and --quiet exclude each other: --quiet prints no steps.")
    if options["policy_file"] is not None:
        _check_file(options)
    elif options["undo"] is not None:
        _refuse(options, _OF_FILE, "with POLICY_FILE only")
        _refuse(options, _OF_CHOICE, "not with --undo, which restores a policy as it was")
    elif options["repository"] is not None:
        _refuse(options, _OF_FILE, "with POLICY_FILE only")
    else:
        raise click.UsageError(f"{_WHOSE}.")
    _wanted(options).check()


def _check_file(options: _Options) -> None:
    if options["undo"] is not None or options["repository"] is not None:
        raise click.UsageError(f"{_WHOSE}; only --repository beside --undo is accepted, to make sure.")
    _refuse(options, _OF_REPOSITORY, "not with POLICY_FILE")
    if options["keep_service"] and not options["owner"]:
        raise click.UsageError("--keep-service needs --owner: the service gets access for this account only.")
    if options["policy_file"] == STANDARD_INPUT and options["in_place"]:
        raise click.UsageError("--in-place needs a file: standard input cannot be written.")


_OF_FILE: Final = ("--in-place", "--owner")
_OF_REPOSITORY: Final = ("--role", "--even-if-excluded")
_OF_CHOICE: Final = ("--mode", "--organization", "--accounts", "--keep-service", "--show", "--even-if-excluded")


def _refuse(options: _Options, names: Sequence[str], reason: str) -> None:
    given = [name for name in names if _is_given(options, name)]
    if given:
        raise click.UsageError(f"{', '.join(given)}: {reason}.")


def _is_given(options: _Options, name: str) -> bool:
    values: Mapping[str, object] = {**options}
    return bool(values[name.removeprefix("--").replace("-", "_")])


def _wanted(options: _Options) -> Wanted:
    return Wanted(
        mode=options["mode"],
        organization=options["organization"],
        accounts=options["accounts"],
        keep_services=options["keep_service"],
    )


def _fix_file(environment: Environment, options: _Options, output: Output, interrupts: Interrupts) -> ExitCode:
    region, profile = options["region"], options["profile"]
    if region is not None:
        check_region_names(environment.open_session(profile), (region,), "--region")

    def ask_for() -> tuple[Clients, str]:
        session = environment.open_session(profile)
        clients = Clients(session, one_region(session, region))
        return clients, f"your credentials' account {read_caller(clients).account}"

    file_fix = FileFix(
        path=str(options["policy_file"]),
        wanted=_wanted(options),
        ask_for=ask_for,
        output=output,
        interrupts=interrupts,
        owner=options["owner"],
        region=region,
        in_place=options["in_place"],
        only_diff=options["diff"],
        yes=options["yes"],
        show=options["show"],
    )
    try:
        return file_fix.run()
    except KeyboardInterrupt:
        return file_fix.end_interrupted()


def _fix_repository(environment: Environment, options: _Options, run: RepositoryRun) -> ExitCode:
    session = environment.open_session(options["profile"])
    region = one_region(session, options["region"])
    name = str(options["repository"])
    clients, account = _open_account(session, region, environment, options, run.output, note=f"repository {name}")
    advice = ": name its Region by --region, and a role of its account by --role"
    repository = find_repository(clients, name, account, region, advice=advice)

    def ask_for() -> tuple[Clients, str]:
        return clients, f"the repository's account {account}"

    repository_fix = RepositoryFix(
        repository=repository,
        wanted=_wanted(options),
        ask_for=ask_for,
        run=run,
        even_if_excluded=options["even_if_excluded"],
        only_diff=options["diff"],
        show=options["show"],
    )
    return repository_fix.close()


def _undo(environment: Environment, options: _Options, saved: SavedPolicy, run: RepositoryRun) -> ExitCode:
    session = environment.open_session(options["profile"])
    check_region_names(session, (saved.region,))
    note = f"repository {saved.name}"
    clients, account = _open_account(session, saved.region, environment, options, run.output, note=note)
    check_saved(saved, repository=options["repository"], region=options["region"], account=account)
    repository = find_repository(clients, saved.name, account, saved.region)
    return Undoing(repository=repository, saved=saved, run=run, only_diff=options["diff"]).restore()


def _open_account(  # noqa: PLR0913 - each argument is one fact about the run
    session: boto3.Session, region: str, environment: Environment, options: _Options, output: Output, *, note: str
) -> tuple[Clients, str]:
    """Print the first line, and return the clients of the repository's account; raises one of AWS_ERRORS."""
    clients, role = Clients(session, region), options["role"]
    caller = read_caller(clients)
    account = account_of(role) if role else caller.account
    output.begin(caller, (region,), f"{note} in account {account} by the role {role}" if role else note)
    if role is None:
        return clients, account
    assumed = role_clients(
        session, region, role, session_name=_SESSION_NAME, profile=options["profile"], clock=environment.clock
    )
    return assumed, account
