"""One run of ``scan --aggregator``: the repositories as AWS Config recorded them, evaluated now."""

from typing import TYPE_CHECKING

import ecr_exposure
from ecr_exposure.cli.aggregators import find_aggregator
from ecr_exposure.cli.aws_calls import Clients, CredentialsExpiredError
from ecr_exposure.cli.caller import caller_in
from ecr_exposure.cli.command_line import Environment, ExitCode
from ecr_exposure.cli.organization_accounts import accounts_inside
from ecr_exposure.cli.output import Output
from ecr_exposure.cli.policies_in_files.found_policy import FileError
from ecr_exposure.cli.policy_report.checked_policy import CheckedPolicy, Report
from ecr_exposure.cli.policy_report.report_scope import PlacesRead
from ecr_exposure.cli.publication import exit_code_of
from ecr_exposure.cli.recorded_reading import RecordedReading
from ecr_exposure.cli.region_options import check_region_names, session_region
from ecr_exposure.cli.report_options import judgement_of
from ecr_exposure.cli.workers import Workers
from ecr_exposure.findings.access_tests import EXTERNAL

if TYPE_CHECKING:
    from ecr_exposure.cli.scan_run import ScanOptions


class AggregatorScan:
    """One run."""

    def __init__(self, environment: Environment, options: "ScanOptions", name: str, output: Output) -> None:
        """Find the aggregator, and print the first line.

        Raises CannotRunError, click.BadParameter or one of AWS_ERRORS.
        """
        self._options, self._output = options, output
        self._started = environment.clock.today()
        session = environment.open_session(options["profile"])
        # Regions of the repositories; the aggregator may be in the configured one.
        regions = options["regions"] or (session_region(session, "--region"),)
        check_region_names(session, regions, "--region")
        self._caller = caller_in(session, regions)
        place = find_aggregator(session, regions, name)
        output.begin(self._caller, (place.region,), f"the aggregator {name}")
        clients = Clients(session, place.region)
        asks = options["test"] == EXTERNAL.name and options["members"] is None
        members = accounts_inside(clients.organizations) if asks else ()
        self._judgement = judgement_of(options, self._started, members=members)
        self._reading = RecordedReading(clients.config_reads, place, regions=options["regions"], with_policies=True)
        self._policies: list[CheckedPolicy] = []
        self._ended = ExitCode.AS_WANTED

    def read(self) -> None:
        """Read and evaluate everything; what there is after an interrupt, or once credentials expire, is reported."""
        try:
            with self._output.counting(len(self._reading.tasks), "lists read") as progress:
                workers = Workers(len(self._reading.tasks))
                for task in self._reading.tasks:
                    workers.add_last(task)
                workers.run()
                progress.advance(len(self._reading.tasks))
            for each in sorted(self._reading.recorded.values(), key=lambda found: found.file):
                self._policies.append(self._judgement.judged(each))
        except KeyboardInterrupt:
            self._ended = ExitCode.INTERRUPTED
        except CredentialsExpiredError:
            self._ended = ExitCode.NOT_DONE

    def report(self) -> Report:
        """Return the report."""
        place, errors = self._reading.aggregator, tuple(self._reading.errors())
        if self._ended is ExitCode.NOT_DONE:
            text = f"your credentials expired after {self._output.minutes} min; renew them and run again"
            errors = (FileError(self._caller.account, None, text), *errors)
        return Report(
            command="scan",
            policies=tuple(self._policies),
            errors=errors,
            notes=tuple(self._reading.notes()),
            scope=PlacesRead(
                source=f"AWS Config aggregator {place.name} in {place.region}",
                caller=self._caller.arn,
                accounts=tuple(sorted({str(each.found.account) for each in self._policies})),
                regions=tuple(sorted({str(each.found.region) for each in self._policies})),
                not_seen=len({each.file for each in errors if each.file.count("/") == 1}),
            ),
            exit_code=int(self._ended or exit_code_of(self._policies, errors, exit_zero=self._options["exit_zero"])),
            question=self._judgement.question,
            started=self._started,
            version=ecr_exposure.__version__,
            show_excused=self._options["show_excused"],
            no_color=self._options["no_color"],
        )

    def end(self, _exit_code: ExitCode | None) -> None:
        """Nothing is kept."""
