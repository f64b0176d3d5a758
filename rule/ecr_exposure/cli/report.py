"""``ecr-exposure report``: what AWS Config recorded of every repository of the organization."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, timedelta
from typing import Final, Unpack

import click

from ecr_exposure.cli.aggregators import find_aggregator
from ecr_exposure.cli.aws_calls import Clients, CredentialsExpiredError
from ecr_exposure.cli.caller import read_caller
from ecr_exposure.cli.command_line import Environment, ExitCode, named, profile_option, reference
from ecr_exposure.cli.found_policies.found_policy import Kind, NotReadError
from ecr_exposure.cli.output import Output
from ecr_exposure.cli.permissions import permissions_option, statement
from ecr_exposure.cli.policy_report.checked_policy import CheckedPolicy, Report
from ecr_exposure.cli.policy_report.report_scope import PlacesRead, counted
from ecr_exposure.cli.publication import Publication
from ecr_exposure.cli.recorded_reading import RecordedReading
from ecr_exposure.cli.recorded_results.recorded_policy import row_of, row_without_evaluation
from ecr_exposure.cli.recorded_results.report_reading import ReportReading
from ecr_exposure.cli.region_options import one_region, region_option_of
from ecr_exposure.cli.report_options import (
    JudgementOptions,
    OrderedCommand,
    ReportOptions,
    destinations,
    judgement_of,
    judgement_options,
    report_options,
)
from ecr_exposure.cli.repositories_report import (
    credentials_expired,
    judgement_in_organization,
    open_report_output,
    repositories_report,
)
from ecr_exposure.cli.terminal import Interrupts

RULE: Final = "ecr-repository-no-public-access"
_OLD: Final = timedelta(hours=48)
_NOT_RECORDED: Final = (
    "AWS Config has no record of this repository any more: it was deleted, or is not recorded and its policy may have "
    "changed since the evaluation"
)
PERMISSIONS: Final = (
    statement(
        "ReadAggregator",
        "config:DescribeAggregateComplianceByConfigRules",
        "config:DescribeConfigurationAggregators",
        "config:DescribeConfigurationAggregatorSourcesStatus",
        "config:GetAggregateComplianceDetailsByConfigRule",
        "config:SelectAggregateResourceConfig",
    ),
    statement("OptionalListAccounts", "organizations:ListAccounts"),
)


class _Options(JudgementOptions, ReportOptions):
    aggregator: str
    region: str | None
    rule: str
    policies: bool
    profile: str | None


@click.command(
    cls=OrderedCommand,
    short_help="Report what AWS Config recorded in the whole organization.",
    epilog=reference(
        (
            "ecr-exposure report --aggregator organization --format csv --output evaluations.csv",
            "ecr-exposure report --aggregator organization --policies --format html --output report.html",
        ),
        {
            ExitCode.AS_WANTED: "No repository is public, or those that are, are so on purpose.",
            ExitCode.NOT_AS_WANTED: "A repository is public, cannot be evaluated, or has no evaluation.",
            ExitCode.NOT_DONE: "Something could not be read; the rest is reported.",
            ExitCode.INTERRUPTED: "Interrupted; what was read so far is reported.",
        },
    ),
)
@click.option("--aggregator", metavar="NAME", required=True, help="The AWS Config aggregator of this account to read.")
@region_option_of("The aggregator's")
@click.option(
    "--rule",
    metavar="NAME",
    default=RULE,
    callback=named,
    show_default=True,
    help="The name of the rule, as in the stack's RuleName.",
)
@click.option(
    "--policies",
    is_flag=True,
    help="Also read the recorded policies, evaluate them now, and say where the answers differ.",
)
@judgement_options
@report_options
@profile_option
@permissions_option(PERMISSIONS)
@click.pass_context
def report(context: click.Context, **options: Unpack[_Options]) -> ExitCode:
    """Report what AWS Config recorded of every repository of the organization.

    Reads the evaluations of the rule from an AWS Config aggregator, with annotation, time and rule name: no role in the
    member accounts, no call of Amazon ECR. With --policies, the recorded policies are evaluated anew, by the options
    below; without it, these options have no effect. The command changes nothing.

    A repository that AWS Config recorded and the rule did not evaluate is in the report, too.
    """
    environment: Environment = context.obj
    places = destinations(context, options["format"], options["output"])
    output = open_report_output("report", environment, options)
    with Interrupts():
        run = _Run(environment, options, output)
        run.read()
        publication = Publication(report=run.report(), is_stream=options["stream"], quiet=options["quiet"])
        return publication.publish(places)


class _Run:
    """One run."""

    def __init__(self, environment: Environment, options: _Options, output: Output) -> None:
        """Find the aggregator, and print the first line; raises CannotRunError or one of AWS_ERRORS."""
        self._options, self._output = options, output
        session = environment.open_session(options["profile"])
        region = one_region(session, options["region"])
        clients = Clients(session, region)
        self._caller = read_caller(clients)
        output.begin(self._caller, (region,))
        place = find_aggregator(session, (region,), options["aggregator"])
        started = environment.clock.today()
        if options["policies"]:
            self._judgement = judgement_in_organization(options, started, clients)
        else:
            self._judgement = judgement_of(options, started)
        self._recorded = RecordedReading(clients.config_reads, place, with_policies=options["policies"])
        self._reading = ReportReading(clients.config_reads, self._recorded, options["rule"])
        self._policies: list[CheckedPolicy] = []
        self._ended = ExitCode.AS_WANTED
        self._has_expired = False

    def read(self) -> None:
        """Read everything; what there is after an interrupt, or once credentials expire, is reported."""
        try:
            self._reading.read(self._output.counting)
        except KeyboardInterrupt:
            self._ended = ExitCode.INTERRUPTED
        except CredentialsExpiredError:
            self._ended, self._has_expired = ExitCode.NOT_DONE, True
        try:
            self._policies.extend(self._rows())
        except KeyboardInterrupt:
            self._ended = ExitCode.INTERRUPTED

    def report(self) -> Report:
        """Return the report."""
        place, policies, errors = self._recorded.aggregator, self._policies, tuple(self._errors())
        not_seen = {f"{account}/{region}" for account, region in self._reading.unread_places}
        return repositories_report(
            "report",
            self._options,
            self._judgement,
            policies=policies,
            errors=errors,
            notes=(*self._recorded.notes(), *self._old_evaluations()),
            scope=PlacesRead(
                source=f"AWS Config aggregator {place.name} in {place.region}",
                caller=self._caller.arn,
                accounts=tuple(sorted({each.found.account or "" for each in policies})),
                regions=tuple(sorted({each.found.region or "" for each in policies})),
                not_seen=len(not_seen | {each.place for each in errors if each.place.count("/") == 1}),
                rules=self._reading.rules,
            ),
            ended=self._ended,
        )

    def _rows(self) -> Iterator[CheckedPolicy]:
        is_complete = self._recorded.is_complete  # before the repositories: threads of an interrupted run go on
        evaluations, recorded = self._reading.evaluations, self._recorded.recorded
        for name in sorted({*evaluations, *recorded}):
            found = recorded.get(name)
            anew = None if found is None or found.kind is Kind.EVALUATION else self._judgement.judged(found)
            if name in evaluations:
                row = row_of(evaluations[name], anew, self._judgement.now.astimezone(UTC).date())
                is_gone = found is None and is_complete
                yield replace(row, notes=(*row.notes, _NOT_RECORDED)) if is_gone else row
            elif found and not self._reading.may_have_evaluation(found.account, found.region):
                yield row_without_evaluation(found, self._options["rule"], anew)
            elif anew is not None:
                yield anew

    def _old_evaluations(self) -> Iterator[str]:
        """Say how many evaluations are so old that the rule has probably stopped."""
        times = (each.recorded.evaluated for each in self._policies if each.recorded)
        number = sum(self._judgement.now - time > _OLD for time in times)
        if number:
            are = f"{counted(number, 'evaluation')} {'is' if number == 1 else 'are'} older than"
            hours = _OLD // timedelta(hours=1)
            yield f"{are} {hours} hours, twice the longest period of the rule; see: ecr-exposure status STACK"

    def _errors(self) -> Iterator[NotReadError]:
        if self._has_expired:
            yield credentials_expired(self._caller.account, self._output.minutes)
        yield from self._reading.errors()
