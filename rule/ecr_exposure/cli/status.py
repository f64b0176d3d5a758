"""``ecr-exposure status``: shows where a deployed rule evaluates all repositories, and where and why it does not."""

from typing import Final, Unpack

import click

from ecr_exposure.cli.account_options import accounts_option
from ecr_exposure.cli.aws_calls import Clients, CredentialsExpiredError
from ecr_exposure.cli.caller import read_caller
from ecr_exposure.cli.command_line import (
    CommonOptions,
    Environment,
    ExitCode,
    common_options,
    reference,
    stack_argument,
)
from ecr_exposure.cli.output import Output, open_output
from ecr_exposure.cli.permissions import statement
from ecr_exposure.cli.region_options import regions_option, resolve_regions
from ecr_exposure.cli.rule_status.conclusion import conclude
from ecr_exposure.cli.rule_status.evaluation_state import State
from ecr_exposure.cli.rule_status.status_document import document
from ecr_exposure.cli.rule_status.status_reading import Question, StatusReading
from ecr_exposure.cli.rule_status.status_report import print_conclusion, summary

_RESULTS: Final = {
    ExitCode.AS_WANTED: ("evaluated", "All evaluated: ", "bold green"),
    ExitCode.NOT_AS_WANTED: ("not evaluated", "Not all evaluated: ", "bold red"),
    ExitCode.NOT_DONE: ("not seen", "Not all seen: ", "bold red"),
}
PERMISSIONS: Final = (
    statement("ReadStack", "cloudformation:DescribeStacks", "cloudformation:ListStackInstances"),
    statement("ReadOrganization", "organizations:ListAccounts", "account:ListRegions"),
    statement(
        "ReadDeployment",
        "config:GetOrganizationConformancePackDetailedStatus",
        "config:GetOrganizationConfigRuleDetailedStatus",
    ),
    statement(
        "ReadAggregator",
        "config:DescribeAggregateComplianceByConfigRules",
        "config:DescribeConfigurationAggregators",
        "config:DescribeConfigurationAggregatorSourcesStatus",
        "config:GetAggregateDiscoveredResourceCounts",
        "config:GetAggregateComplianceDetailsByConfigRule",
        "config:SelectAggregateResourceConfig",
    ),
    statement(
        "ReadOwnAccountForAnAccountRule",
        "config:DescribeConfigurationRecorderStatus",
        "config:GetComplianceDetailsByConfigRule",
        "config:ListDiscoveredResources",
    ),
    statement("ReadQueue", "sqs:GetQueueAttributes", resource="arn:*:sqs:*:*:ecr-exposure-*"),
    statement("ReadAlarms", "cloudwatch:DescribeAlarms", "cloudwatch:GetMetricStatistics"),
)


class _Options(CommonOptions):
    stack: str
    regions: tuple[str, ...]
    accounts: tuple[str, ...]
    aggregator: str | None


@click.command(
    short_help="Show where a deployed rule is evaluated, and why not elsewhere.",
    epilog=reference(
        (
            "ecr-exposure status ecr-repository-no-public-access",
            "ecr-exposure status ecr-repository-no-public-access --regions eu-west-1,us-east-1 --json",
        ),
        {
            ExitCode.AS_WANTED: "Every account is evaluated, has no repositories, is excluded or is not active.",
            ExitCode.NOT_AS_WANTED: "An account is not evaluated, failed events wait, or an alarm is in ALARM.",
            ExitCode.NOT_DONE: "Something could not be seen.",
            ExitCode.INTERRUPTED: "Interrupted.",
        },
    ),
)
@stack_argument
@regions_option
@accounts_option
@click.option(
    "--aggregator",
    metavar="NAME",
    help="The AWS Config aggregator of this account to ask; by default one of the organization that covers a Region.",
)
@common_options(*PERMISSIONS)
@click.pass_obj
def status(environment: Environment, **options: Unpack[_Options]) -> ExitCode:
    """Show in which accounts and Regions a deployed rule evaluates all repositories.

    STACK is the name or ARN of a stack of template.yaml; use credentials of its account. The command only reads. It
    compares the repositories that AWS Config has recorded with the results of the rule, as an aggregator has them, and
    adds what AWS reports about role, conformance pack or organization rule in each account. A result that is older
    than two periods of the rule counts as missing. It also counts the failed events that wait in the queue, and shows
    alarms.
    """
    output = open_output("status", environment, options)
    session = environment.open_session(options["profile"])
    regions = resolve_regions(session, options["regions"])
    caller = read_caller(Clients(session, regions[0]))
    output.begin(caller, regions)
    question = Question(
        hub=caller.account,
        stack=options["stack"],
        regions=regions,
        accounts=frozenset(options["accounts"]),
        aggregator=options["aggregator"],
    )
    reading = StatusReading(session, question, output, environment.clock.today())
    try:
        reading.read()
    except KeyboardInterrupt:
        return _cut_short(output, reading, ExitCode.INTERRUPTED, options["profile"])
    except CredentialsExpiredError:
        return _cut_short(output, reading, ExitCode.NOT_DONE, options["profile"])
    conclusion = conclude(reading.evidence(), reading.operations)
    print_conclusion(output, conclusion, options["profile"])
    result, title, style = _RESULTS[conclusion.exit_code]
    return output.end(conclusion.exit_code, result, (title, style), summary(conclusion), **document(conclusion))


def _cut_short(output: Output, reading: StatusReading, exit_code: ExitCode, profile: str | None) -> ExitCode:
    """Print what was seen until the interrupt, or until the credentials expired."""
    interrupted = exit_code is ExitCode.INTERRUPTED
    result = "interrupted" if interrupted else "credentials expired"
    conclusion = conclude(reading.evidence(f"not read: {result}"), reading.operations)
    print_conclusion(output, conclusion, profile)
    seen = sum(1 for row in conclusion.rows if row.state is not State.NOT_SEEN)
    counted = f"{seen:,} of {len(conclusion.rows):,} accounts in Regions were seen"
    expired = f"Your credentials expired after {output.minutes} min; {counted}; renew them and run again"
    line = f"Interrupted; {counted}" if interrupted else expired
    return output.end(exit_code, result, (line, "bold red"), **document(conclusion))
