"""``ecr-exposure verify``: checks a deployed stack with one temporary repository, from public to deleted."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Final, Unpack

import boto3
import click

from ecr_exposure import identifiers
from ecr_exposure.cli.assumed_role import role_clients
from ecr_exposure.cli.aws_calls import Clients
from ecr_exposure.cli.caller import read_caller
from ecr_exposure.cli.command_line import (
    CannotRunError,
    CommonOptions,
    Environment,
    ExitCode,
    common_options,
    reference,
    stack_argument,
    yes_option,
)
from ecr_exposure.cli.organization.reader import DEFAULT_ROLES
from ecr_exposure.cli.output import Output, open_output
from ecr_exposure.cli.permissions import statement
from ecr_exposure.cli.region_options import one_region, region_option
from ecr_exposure.cli.rule_status import Question as StatusQuestion
from ecr_exposure.cli.rule_status import print_status
from ecr_exposure.cli.stack import find_rule, read_deployment
from ecr_exposure.cli.status import PERMISSIONS as STATUS_PERMISSIONS
from ecr_exposure.cli.terminal import Clock, Interrupts
from ecr_exposure.cli.verification.checked_account import open_account
from ecr_exposure.cli.verification.clean_up import CleanUp
from ecr_exposure.cli.verification.leftovers import find_leftovers
from ecr_exposure.cli.verification.plan import print_plan, print_steps, question
from ecr_exposure.cli.verification.rule_exceptions import why_not_flagged
from ecr_exposure.cli.verification.temporary_repository import LONGEST_RUN, PREFIX, SESSION_NAME, STARTED_TAG
from ecr_exposure.cli.verification.verify_run import INTERRUPTED, VerifyRun
from ecr_exposure.cli.verification.verify_steps import Verification
from ecr_exposure.errors import ParameterError

_LABELS: Final = ("INFORMATIONAL", "LOW", "MEDIUM", "HIGH", "CRITICAL")
_MOST_MINUTES: Final = LONGEST_RUN / timedelta(minutes=1)
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-using-tags.html (restrictions); nobody can set aws: tags.
_TAG_KEY: Final = re.compile(r"(?!(?i:aws):)[\w +=.:/@-]{1,128}")
_TAG_VALUE: Final = re.compile(r"[\w +=.:/@-]{0,256}")
_TAGS_ACCEPTED: Final = (
    "letters, digits, blanks and + - = . _ : / @; a key of 1 to 128, not aws: at its beginning, a value of at most 256"
)
_MOST_TAGS: Final = 49  # of 50: one is the run's own


class _Options(CommonOptions):
    stack: str
    region: str | None
    account: str | None
    role: str | None
    minutes: float
    expect_finding: str | None
    tags: Mapping[str, str]
    dry_run: bool
    clean: bool
    yes: bool


def _minutes(_context: click.Context, _parameter: click.Parameter, minutes: float) -> float:
    if not 0 < minutes <= _MOST_MINUTES:  # false for NaN, too
        raise click.BadParameter(f"{minutes:g} is not between 0 and {_MOST_MINUTES:.0f}")
    return minutes


def _account(_context: click.Context, _parameter: click.Parameter, text: str | None) -> str | None:
    if text is None:
        return None
    try:
        return identifiers.account_id("account", text)
    except ParameterError:
        raise click.BadParameter(f"{text!r} is not an account ID of 12 digits") from None


def _tags(_context: click.Context, _parameter: click.Parameter, text: str | None) -> Mapping[str, str]:
    """Return the tags of ``K=V,…``; the characters that Amazon ECR accepts include = and no comma."""
    tags: dict[str, str] = {}
    for part in text.split(",") if text else ():
        key, equals, value = (each.strip() for each in part.partition("="))
        if not equals or not _TAG_KEY.fullmatch(key) or not _TAG_VALUE.fullmatch(value):
            raise click.BadParameter(f"{part.strip()!r} is not KEY=VALUE ({_TAGS_ACCEPTED})")
        if key in tags:
            raise click.BadParameter(f"the key {key!r} is there twice")
        if key == STARTED_TAG:
            raise click.BadParameter(f"{key!r} is the tag that the command sets itself")
        tags[key] = value
    if len(tags) > _MOST_TAGS:
        raise click.BadParameter(f"{len(tags)} tags are more than {_MOST_TAGS}, which leave room for the command's own")
    return tags


@click.command(
    epilog=reference(
        (
            "ecr-exposure verify ecr-repository-no-public-access --dry-run",
            "ecr-exposure verify ecr-repository-no-public-access --account 444455556666 --expect-finding CRITICAL",
        ),
        {
            ExitCode.AS_WANTED: "Verified, and no repository is left.",
            ExitCode.NOT_AS_WANTED: "Not verified, no finding as expected, or a repository of another run is left.",
            ExitCode.NOT_DONE: "Not run, not completed, or the repository could not be deleted.",
            ExitCode.INTERRUPTED: "Interrupted; the repository is deleted.",
        },
    )
)
@stack_argument
@region_option
@click.option(
    "--account",
    metavar="ID",
    callback=_account,
    help="Check the rule in this member account; by default in the stack's own.",
)
@click.option(
    "--role",
    metavar="NAME",
    help=f"The role to assume there; by default {' or '.join(DEFAULT_ROLES)}, whichever can be assumed.",
)
@click.option(
    "--minutes",
    type=float,
    metavar="N",
    callback=_minutes,
    default=30,
    show_default=True,
    help="The time limit of the whole check.",
)
@click.option(
    "--expect-finding",
    type=click.Choice(_LABELS, case_sensitive=False),
    metavar="LABEL",
    help="Exit with 1 unless a FAILED finding with this severity arrives in Security Hub, such as CRITICAL; by default "
    "the finding is searched and reported only.",
)
@click.option(
    "--tags",
    metavar="KEY=VALUE,...",
    callback=_tags,
    help="Tags of the temporary repository, where a tag policy or a service control policy requires some.",
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Find stack, rule and repositories of earlier runs, print the steps, change nothing.",
)
@click.option(
    "--clean",
    is_flag=True,
    help=f"Delete repositories of runs that started more than {LONGEST_RUN.days * 24} hours ago.",
)
@yes_option
@common_options(
    statement("ReadTheStack", "cloudformation:DescribeStacks"),
    statement("ReadTheRule", "config:DescribeConfigRules", "config:GetComplianceDetailsByResource"),
    statement(
        "ChangeTheTemporaryRepository",
        "ecr:CreateRepository",
        "ecr:TagResource",
        "ecr:ListTagsForResource",
        "ecr:SetRepositoryPolicy",
        "ecr:GetRepositoryPolicy",
        "ecr:DeleteRepositoryPolicy",
        "ecr:DeleteRepository",
        resource=f"arn:*:ecr:*:*:repository/{PREFIX}*",
    ),
    statement("FindRepositoriesOfEarlierRuns", "ecr:DescribeRepositories"),
    statement("CheckAMember", "sts:AssumeRole", resource=[f"arn:*:iam::*:role/{role}" for role in DEFAULT_ROLES]),
    statement(
        "OptionalReadTheFinding",
        "securityhub:GetFindings",
        "securityhub:ListEnabledProductsForImport",
        "securityhub:ListAutomationRules",
    ),
    statement(
        "OptionalAnswerWhatIsUndocumented",
        "lambda:GetResourcePolicy",
        "logs:FilterLogEvents",
        "organizations:ListAccounts",
        "cloudformation:ListStackInstances",
    ),
    *STATUS_PERMISSIONS,
)
@click.pass_obj
def verify(environment: Environment, **options: Unpack[_Options]) -> ExitCode:
    """Check that a deployed stack flags a public repository.

    STACK is the name or ARN of a stack of template.yaml; use credentials of its account. The command creates an
    empty repository there or in --account, makes it public (everyone gets ecr:DescribeRepositories and nothing
    else), waits for NON_COMPLIANT and the finding in Security Hub, deletes the policy, waits for COMPLIANT, and
    deletes the repository, also after an error, at the time limit and on an interrupt. Before, it creates and deletes
    one that nobody can see, so that it makes none public that it may not delete.

    The finding is a real one: Security Hub may raise it to CRITICAL and notify whom it always notifies.

    It reports repositories that earlier runs left, for example because they were killed.

    At the end it prints what the run shows about AWS behavior that is undocumented, and the table of `status`, which
    does not change its exit code.
    """
    if options["role"] and not options["account"]:
        raise click.UsageError("--role is the role in the member account: name that by --account.")
    output = open_output("verify", environment, options)
    run: VerifyRun | None = None
    with Interrupts() as interrupts:
        try:
            run = _prepare(environment, options, output, interrupts)
            if options["dry_run"]:
                print_steps(run.verification, output)
                return run.end_dry_run()
            finished = run.finished if options["clean"] else ()
            print_plan(run.verification, finished, output)
            output.confirm(question(run.verification), yes=options["yes"])
            run.clean(finished)
            return run.run()
        except KeyboardInterrupt:
            if run is None:
                return output.end(ExitCode.INTERRUPTED, "interrupted", (INTERRUPTED, "bold red"))
            return run.end_interrupted()


def _prepare(environment: Environment, options: _Options, output: Output, interrupts: Interrupts) -> VerifyRun:
    """Find the stack, its rule, and what earlier runs left.

    Raises CannotRunError, also if the rule would not flag the repository, or one of AWS_ERRORS.
    """
    clock, profile = environment.clock, options["profile"]
    session = environment.open_session(profile)
    region = one_region(session, options["region"])
    verification = _find_rule(session, region, options, clock, output)
    checked = verification.checked
    leftovers = find_leftovers(checked.clients, checked.place, clock)
    for leftover in leftovers:
        leftover.report(output, clock.today())
    problem = why_not_flagged(checked.clients, verification.rule, verification.public, clock.today())
    if problem:
        raise CannotRunError(problem)

    def new_clients() -> Clients:
        renewed, role = environment.open_session(profile), checked.place.role_arn
        if role is None:
            return Clients(renewed, region)
        return role_clients(renewed, region, role, session_name=SESSION_NAME, profile=profile, clock=clock)

    def status() -> Mapping[str, object]:
        question = StatusQuestion(hub=verification.deployment.account, stack=options["stack"], regions=(region,))
        return print_status(output, session, question, clock.today(), profile)

    return VerifyRun(
        verification=verification,
        leftovers=leftovers,
        clean_up=CleanUp(new_clients, clock, output),
        output=output,
        interrupts=interrupts,
        print_status=status,
    )


def _find_rule(session: boto3.Session, region: str, options: _Options, clock: Clock, output: Output) -> Verification:
    """Find the stack and its rule in the account that is checked; raises CannotRunError or one of AWS_ERRORS."""
    clients = Clients(session, region)
    output.begin(read_caller(clients), (region,), f"checks {options['account']}" if options["account"] else "")
    deployment = read_deployment(clients, options["stack"])
    output.line(f"Stack {deployment.stack}: {deployment.rule_name} as {deployment.deployed_as}")
    roles = (options["role"],) if options["role"] else DEFAULT_ROLES
    account = options["account"] or deployment.account
    if account in deployment.excluded_accounts:
        raise CannotRunError(f"ExcludedAccounts of the stack names {account}, so the rule does not exist there")
    checked = open_account(session, deployment, account, roles, profile=options["profile"], clock=clock)
    rule = find_rule(checked.clients, deployment, account)
    output.line(f"Rule in {checked}: {rule}")
    return Verification(
        clients=clients,
        checked=checked,
        clock=clock,
        output=output,
        deployment=deployment,
        rule=rule,
        minutes=options["minutes"],
        expected_finding=options["expect_finding"],
        tags=options["tags"],
    )
