"""``ecr-exposure scan``: shows which repositories are public now, as Amazon ECR returns their policies."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, Unpack

import click

from ecr_exposure.cli.account_options import accounts_option, role_arn, role_name
from ecr_exposure.cli.aggregator_scan import AggregatorScan
from ecr_exposure.cli.command_line import Environment, ExitCode, profile_option, reference
from ecr_exposure.cli.permissions import permissions_option, statement
from ecr_exposure.cli.publication import Publication
from ecr_exposure.cli.region_options import all_regions_option, repeatable_region_option
from ecr_exposure.cli.report_options import Destination, OrderedCommand, destinations, judgement_options, report_options
from ecr_exposure.cli.repositories_report import open_report_output
from ecr_exposure.cli.scan_run import ScanOptions, ScanRun
from ecr_exposure.cli.terminal import Interrupts

_LIVE: Final = ("all_regions", "role", "member_role", "accounts", "resume")
"""Options of a scan of Amazon ECR."""
PERMISSIONS: Final = (
    statement("ReadRepositories", "ecr:DescribeRepositories", "ecr:GetRepositoryPolicy", "ecr:ListTagsForResource"),
    statement("OptionalAssumeARole", "sts:AssumeRole", resource="arn:*:iam::*:role/*"),
    statement("OptionalListAccounts", "organizations:ListAccounts"),
    statement("OptionalListRegions", "account:ListRegions"),
    statement(
        "OptionalReadAggregator",
        "config:DescribeConfigurationAggregators",
        "config:DescribeConfigurationAggregatorSourcesStatus",
        "config:SelectAggregateResourceConfig",
    ),
)


@click.command(
    cls=OrderedCommand,
    short_help="Show which repositories are public now.",
    epilog=reference(
        (
            "ecr-exposure scan --region eu-west-1 --region us-east-1",
            "ecr-exposure scan --all-regions --member-role Audit --resume scan.jsonl --format csv --output scan.csv",
        ),
        {
            ExitCode.AS_WANTED: "No repository is public, or those that are, are so on purpose.",
            ExitCode.NOT_AS_WANTED: "A repository is public, or its policy cannot be evaluated.",
            ExitCode.NOT_DONE: "Something could not be read; the rest is reported.",
            ExitCode.INTERRUPTED: "Interrupted; what was read so far is reported.",
        },
    ),
)
@repeatable_region_option
@all_regions_option
@click.option(
    "--role",
    metavar="ARN",
    callback=role_arn,
    help="Assume this role first, and read the account of this role; by default your own account.",
)
@click.option(
    "--member-role",
    metavar="NAME",
    callback=role_name,
    help="Read each active account of the organization, by the role of this name there; your own without it.",
)
@accounts_option
@click.option(
    "--aggregator",
    metavar="NAME",
    help="Read what this AWS Config aggregator of your account has, without a call of Amazon ECR. It is in the "
    "configured Region or one of --region; --region also limits which Regions are read, by default all.",
)
@click.option(
    "--resume",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Keep in this file what is read, and go on where a run with it ended early; after a complete run, a new scan "
    "replaces the file.",
)
@judgement_options
@report_options
@profile_option
@permissions_option(PERMISSIONS)
@click.pass_context
def scan(context: click.Context, **options: Unpack[ScanOptions]) -> ExitCode:
    """Show which repositories are public now.

    Reads the policies of all repositories in Amazon ECR: of your account, of the account of --role, or with
    --member-role of each account of the organization. With --aggregator, it reads the policies as AWS Config recorded
    them. It evaluates them as the rule will, and needs no deployed rule. The command changes nothing.

    The report is on standard output; the last line, on standard error, says how much was read. What could not be read
    is named by account and Region, and is never counted as not public.
    """
    environment: Environment = context.obj
    places = destinations(context, options["format"], options["output"])
    _check(options, places)
    output = open_report_output("scan", environment, options)
    with Interrupts():
        name = options["aggregator"]
        run = AggregatorScan(environment, options, name, output) if name else ScanRun(environment, options, output)
        exit_code = None
        try:
            run.read()
            publication = Publication(report=run.report(), is_stream=options["stream"], quiet=options["quiet"])
            exit_code = publication.publish(places)
        finally:
            run.end(exit_code)
        return exit_code


def _check(options: ScanOptions, places: Sequence[Destination]) -> None:
    """Raise click.UsageError for options that exclude each other."""
    if options["regions"] and options["all_regions"]:
        raise click.UsageError("--region and --all-regions exclude each other.")
    if options["accounts"] and not options["member_role"]:
        raise click.UsageError("--accounts needs --member-role, the name of the role in these accounts.")
    if options["aggregator"] == "":
        raise click.UsageError("--aggregator: the name is empty.")
    if options["aggregator"] and (others := [each for each in _LIVE if options.get(each)]):
        named = ", ".join(f"--{each.replace('_', '-')}" for each in others)
        raise click.UsageError(f"--aggregator reads what AWS Config recorded; it excludes {named}.")
    resume = options["resume"]
    if resume is not None and any(each.file and each.file.resolve() == resume.resolve() for each in places):
        raise click.UsageError(f"--resume and --output name the same file, {resume}.")
