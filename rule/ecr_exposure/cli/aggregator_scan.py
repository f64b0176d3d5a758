"""One run of ``scan --aggregator``: the repositories as AWS Config recorded them, evaluated now."""

from typing import TYPE_CHECKING

import boto3

from ecr_exposure.cli.aggregators import find_aggregator
from ecr_exposure.cli.aws_calls import Clients, CredentialsExpiredError
from ecr_exposure.cli.caller import caller_in
from ecr_exposure.cli.command_line import CannotRunError, Environment, ExitCode
from ecr_exposure.cli.output import Output
from ecr_exposure.cli.policy_report.checked_policy import CheckedPolicy, Report
from ecr_exposure.cli.policy_report.report_scope import PlacesRead
from ecr_exposure.cli.recorded_reading import RecordedReading
from ecr_exposure.cli.region_options import check_region_names, session_region
from ecr_exposure.cli.repositories_report import credentials_expired, judgement_in_organization, repositories_report
from ecr_exposure.cli.workers import Workers

if TYPE_CHECKING:
    from ecr_exposure.cli.scan_run import ScanOptions


class AggregatorScan:
    """One run."""

    def __init__(self, environment: Environment, options: "ScanOptions", name: str, output: Output) -> None:
        """Find the aggregator, and print the first line.

        Raises CannotRunError, click.BadParameter or one of AWS_ERRORS.
        """
        self._options, self._output = options, output
        session = environment.open_session(options["profile"])
        regions = _regions_of_aggregator(session, options["regions"])
        check_region_names(session, regions, "--region")
        self._caller = caller_in(session, regions)
        place = find_aggregator(session, regions, name)
        output.begin(self._caller, (place.region,), f"the aggregator {name}")
        clients = Clients(session, place.region)
        self._judgement = judgement_in_organization(options, environment.clock.today(), clients)
        self._reading = RecordedReading(clients.config_reads, place, regions=options["regions"], with_policies=True)
        self._policies: list[CheckedPolicy] = []
        self._ended = ExitCode.AS_WANTED

    def read(self) -> None:
        """Read and evaluate everything; what there is after an interrupt, or once credentials expire, is reported."""
        try:
            with self._output.counting(None, "repositories") as progress:
                self._reading.count = progress.advance
                workers = Workers(len(self._reading.tasks))
                for task in self._reading.tasks:
                    workers.add_last(task)
                workers.run()
        except KeyboardInterrupt:
            self._ended = ExitCode.INTERRUPTED
        except CredentialsExpiredError:
            self._ended = ExitCode.NOT_DONE
        try:
            for each in sorted(self._reading.recorded.values(), key=lambda found: found.file):
                self._policies.append(self._judgement.judged(each))
        except KeyboardInterrupt:
            self._ended = ExitCode.INTERRUPTED

    def report(self) -> Report:
        """Return the report."""
        place, errors = self._reading.aggregator, tuple(self._reading.errors())
        if self._ended is ExitCode.NOT_DONE:
            errors = (credentials_expired(self._caller.account, self._output.minutes), *errors)
        return repositories_report(
            "scan",
            self._options,
            self._judgement,
            policies=self._policies,
            errors=errors,
            notes=self._reading.notes(),
            scope=PlacesRead(
                source=f"AWS Config aggregator {place.name} in {place.region}",
                caller=self._caller.arn,
                accounts=tuple(sorted({str(each.found.account) for each in self._policies})),
                regions=tuple(sorted({str(each.found.region) for each in self._policies})),
                not_seen=len({each.place for each in errors if each.place.count("/") == 1}),
            ),
            ended=self._ended,
        )

    def end(self, _exit_code: ExitCode | None) -> None:
        """Nothing is kept."""


def _regions_of_aggregator(session: boto3.Session, named: tuple[str, ...]) -> tuple[str, ...]:
    """Return where the aggregator may be: in the configured Region, or in one of those whose repositories are read."""
    try:
        configured = session_region(session, "--region")
    except CannotRunError:
        if not named:
            raise
        return named
    return tuple(dict.fromkeys((*named, configured)))
