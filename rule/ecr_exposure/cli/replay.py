"""``ecr-exposure replay``: invokes the function again with the events on which it failed.

Lambda sends an event that failed three times to the stack's queue. The command receives all of them, because only then
is it known which event about a repository is the newest. The newest ones are given to the function again,
asynchronously as AWS Config does it, and are deleted from the queue when Lambda has accepted them; so are the older
ones. What fails again, for example because AWS Config no longer accepts the event's result token, comes back as a new
message.
"""

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Unpack

import click

from ecr_exposure.cli.account_options import account_ids
from ecr_exposure.cli.aws_calls import AWS_ERRORS, Clients, error_text
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
from ecr_exposure.cli.failed_events.failed_events_queue import Counts, FailedEventsQueue, is_without_key
from ecr_exposure.cli.failed_events.invocations import FailedEventsFunction
from ecr_exposure.cli.failed_events.replay_report import (
    counted,
    members,
    print_each,
    print_groups,
    print_stays,
)
from ecr_exposure.cli.failed_events.replay_run import Outcome, ReplayRun
from ecr_exposure.cli.failed_events.selection import Filters, Kind, Selection, of_kinds, select
from ecr_exposure.cli.output import Output, open_output
from ecr_exposure.cli.permissions import statement
from ecr_exposure.cli.region_options import one_region, region_option
from ecr_exposure.cli.stack import read_stack
from ecr_exposure.cli.terminal import Clock, Interrupts, print_line

_PERMISSIONS: Final = (
    statement("ReadTheStack", "cloudformation:DescribeStacks"),
    statement(
        "ReceiveAndDeleteFailedEvents",
        "sqs:ReceiveMessage",
        "sqs:ChangeMessageVisibility",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
        resource="arn:*:sqs:*:*:ecr-exposure-*",
    ),
    statement(
        "InvokeTheFunction",
        "lambda:InvokeFunction",
        "lambda:GetFunctionConcurrency",
        resource="arn:*:lambda:*:*:function:*",
    ),
    # Only where the stack has a KmsKeyArn:
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
    statement("DecryptFailedEvents", "kms:Decrypt", resource="arn:*:kms:*:*:key/*"),
)
# The output of the stack that says so, from the template that introduced it on.
_REPLAYED_EVENTS: Final = "ReplayedEvents"
_AS_IT_IS_NOW: Final = "repository-as-it-is-now"
_OLDER_TEMPLATE: Final = (
    f"The stack has no output {_REPLAYED_EVENTS}, so an older template made it: deploy the current one first. The "
    "function of an older one evaluates repositories as they were when an event was created, and AWS Config may have "
    "newer evaluations"
)
_AGE: Final = re.compile(r"(?P<number>[1-9]\d{0,4})(?P<unit>[mhd])")
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days"}
# Amazon SQS's counts are right a minute after the last change:
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html
_MOST_LOOKS: Final = 13
_SECONDS_BETWEEN_LOOKS: Final = 5.0


class _Options(CommonOptions):
    stack: str
    region: str | None
    most: int | None
    account: frozenset[str]
    rule: str
    older_than: timedelta | None
    dry_run: bool
    discard: tuple[str, ...]
    verbose: bool
    yes: bool


def _accounts(context: click.Context, parameter: click.Parameter, texts: Sequence[str]) -> frozenset[str]:
    return frozenset(account_ids(context, parameter, texts))


def _age(_context: click.Context, _parameter: click.Parameter, text: str | None) -> timedelta | None:
    if text is None:
        return None
    found = _AGE.fullmatch(text)
    if found is None:
        raise click.BadParameter(f"{text!r} is not a number of minutes, hours or days, such as 30m, 6h or 2d")
    return timedelta(**{_UNITS[found["unit"]]: int(found["number"])})


@click.command(
    epilog=reference(
        (
            "ecr-exposure replay ecr-repository-no-public-access --dry-run",
            "ecr-exposure replay ecr-repository-no-public-access --account 111122223333 --older-than 6h",
        ),
        {
            ExitCode.AS_WANTED: "Lambda accepted every event (dry run: every message is an event to replay).",
            ExitCode.NOT_AS_WANTED: "Some messages stay in the queue.",
            ExitCode.NOT_DONE: "Not run, not all messages were handled, or an invocation had no answer.",
            ExitCode.INTERRUPTED: "Interrupted; what Lambda accepted by then is deleted from the queue.",
        },
    )
)
@stack_argument
@region_option
@click.option("--most", type=click.IntRange(min=1), metavar="N", help="Replay N events at most.")
@click.option(
    "--account",
    multiple=True,
    metavar="ID,...",
    callback=_accounts,
    help="Only events of these accounts.",
)
@click.option("--rule", default="", metavar="NAME", help="Only events of this rule; * and ? match any characters.")
@click.option("--older-than", metavar="AGE", callback=_age, help="Only messages that are older, such as 30m, 6h or 2d.")
@click.option("--dry-run", is_flag=True, help="Print the events by error and account, and leave them in the queue.")
@click.option(
    "--discard",
    multiple=True,
    type=click.Choice([str(kind) for kind in Kind]),
    help="Delete instead of replaying: foreign messages, hopeless events, or all events that a filter selects.",
)
@click.option("--verbose", is_flag=True, help="Print one line for each event.")
@yes_option
@common_options(*_PERMISSIONS)
@click.pass_obj
def replay(environment: Environment, **options: Unpack[_Options]) -> ExitCode:
    """Invoke the function again with the events on which it failed.

    STACK is the name or ARN of a stack of template.yaml; use credentials of its account. Lambda sends an event that
    failed three times to the stack's queue. The command receives all messages, invokes the function with the newest
    event of each repository, and deletes it and the older ones when Lambda has accepted it. A scheduled event replaces
    all older events of its account and rule. The function then evaluates the repository as it is now. An event that
    fails again returns to the queue some minutes later. Periodic evaluation, unless it is off, evaluates every
    repository anyway.

    Messages that are not failed events of this function (foreign) stay, and so do events with which it cannot succeed
    any more (hopeless) and events that Lambda does not accept. Result tokens and whole events are never printed. A dry
    run increases the receive count of each message, too.
    """
    filters = Filters(accounts=options["account"], rule=options["rule"], older_than=options["older_than"])
    _check_discard(options["discard"], filters, options["most"])
    output = open_output("replay", environment, options)
    session = environment.open_session(options["profile"])
    clients = Clients(session, one_region(session, options["region"]))
    caller = read_caller(clients)
    output.begin(caller, [clients.sqs.meta.region_name])
    stack, outputs = read_stack(clients.cloudformation, options["stack"], ("FunctionName", "FailedEventsQueueUrl"))
    _, partition, _, region, account, _ = stack["StackId"].split(":", 5)
    with Interrupts() as interrupts:
        interrupts.shield()  # a signal is recorded, and the run ends between two calls
        name, clock = outputs["FunctionName"], environment.clock
        arn = f"arn:{partition}:lambda:{region}:{account}:function:{name}"
        url = outputs["FailedEventsQueueUrl"]

        def stopped() -> bool:
            return interrupts.caught

        queue = FailedEventsQueue(clients.sqs, url, arn, clock=clock, stopped=stopped)
        function = FailedEventsFunction(clients.invocations, name, clock=clock, stopped=stopped)
        run = ReplayRun(queue=queue, function=function, interrupted=stopped)
        is_current = outputs.get(_REPLAYED_EVENTS) == _AS_IT_IS_NOW
        return _Command(output, clock, run, interrupts, options, filters, is_current).run_and_report()


def _check_discard(kinds: Sequence[str], filters: Filters, most: int | None) -> None:
    if kinds and most is not None:
        raise click.UsageError("--most limits a replay, and --discard deletes all that it names: use one of them")
    if Kind.EVENTS in kinds and not filters.any:
        raise click.UsageError("--discard events needs --account, --rule or --older-than")
    if Kind.FOREIGN in kinds and (filters.accounts or filters.rule):
        raise click.UsageError("--discard foreign: a foreign message has neither an account nor a rule")


@dataclass(slots=True)
class _Command:
    """One run of the command, from the first call to the queue to the last line."""

    output: Output
    clock: Clock
    run: ReplayRun
    interrupts: Interrupts
    options: _Options
    filters: Filters
    is_current: bool
    """Whether the stack's function evaluates the repository as it is now, not the old item of a replayed event."""
    start: Counts | None = None
    selection: Selection = field(default_factory=Selection)
    in_flight: str = ""

    def run_and_report(self) -> ExitCode:
        """Do it; whatever happens, what stays in the queue becomes visible again."""
        try:
            self._run()
        except BaseException:
            self._release()
            if self.in_flight:  # there will be no report
                with suppress(OSError, SystemExit):
                    print_line(self.output.errors, (self.in_flight, "yellow"))
            raise
        self._release()
        return self._report()

    def _run(self) -> None:
        queue, function = self.run.queue, self.run.function
        only_reads = self.options["dry_run"] or self.options["discard"]
        if not only_reads and function.is_stopped_by_concurrency():
            raise CannotRunError(
                "the function's reserved concurrency is 0: Lambda would send every event back to the queue at once. "
                "Set another one first"
            )
        self.start = start = self._alone(0)
        if self.run.interrupted():
            return
        self.output.step(f"Receive about {start.visible:,} messages from {queue.name}")
        try:
            queue.receive_all(start)
        except AWS_ERRORS as error:
            if is_without_key(error):
                reason = f"{error_text(error)}; the queue is encrypted with a KMS key: allow kms:Decrypt on it"
                raise CannotRunError(reason) from None
            raise
        self._receive_the_rest(start)
        self._plan_and_act(start)

    def _receive_the_rest(self, start: Counts) -> None:
        """Receive what others have made visible again meanwhile, until nothing more comes."""
        queue = self.run.queue
        received = -1
        while received < queue.held and not (self.run.interrupted() or queue.failure):
            received = queue.held
            counts = self._alone(start.visible)
            if received < start.visible and not self.run.interrupted():
                queue.receive_all(start)
                if counts.visible and not queue.held:
                    raise CannotRunError(
                        f"Amazon SQS counts about {counts.visible:,} messages, and none could be received: run again"
                    )

    def _plan_and_act(self, start: Counts) -> None:
        queue = self.run.queue
        self.selection = select(queue.messages.values(), self.filters, now=start.now, most=self.options["most"])
        self.run.plan(self.selection)
        if self.run.interrupted() or queue.failure:
            self.run.ended = queue.failure
        elif self.options["discard"]:
            self._discard(start)
        elif self.options["dry_run"]:
            self.run.rehearse()
            print_groups(self.output, (event for _, event in self.selection.chosen))
        elif self.selection.chosen:
            self._replay()

    def _alone(self, expected: int) -> Counts:
        """Return the counts of the queue; CannotRunError if others hold messages of it.

        expected: how many messages this run should hold. A count that is wrong may only be outdated.
        """
        counts = self.run.queue.counts()
        for look in range(_MOST_LOOKS):
            others = counts.in_flight - self.run.queue.held
            if self.run.interrupted() or (others <= 0 and self.run.queue.held >= expected):
                return counts
            if look == 0:
                self.output.step(
                    "Wait for up to 60 s: others may have received messages, or Amazon SQS's counts are old"
                )
            self.clock.sleep(_SECONDS_BETWEEN_LOOKS)
            counts = self.run.queue.counts()
        others = counts.in_flight - self.run.queue.held
        if others > 0:
            raise CannotRunError(
                f"about {others:,} messages are in flight: another run has received them, or one that was killed. "
                "Without them nobody knows which events are the newest. Run again in 15 minutes"
            )
        return counts

    def _replay(self) -> None:
        chosen, superseded = self.selection.chosen, self.selection.superseded_number
        stay = len(self.selection.stay) + len(self.run.queue.new)
        note = f"{superseded:,} superseded, {stay:,} stay"
        name, left = self.run.function.name, len(self.selection.left)
        more = f", {left:,} not asked for" if left else ""
        self.output.line(f"Invoke {name} with {len(chosen):,} of {len(self.run.results):,} messages; {note}{more}")
        if not self.is_current:
            self.output.line((_OLDER_TEMPLATE, "bold yellow"))
        deleted = f"delete {len(chosen) + superseded:,} messages from {self.run.queue.name}"
        self._confirm(f"Invoke {name} with {len(chosen):,} events and {deleted}?")
        with self.output.counting(len(chosen), f"events, {note}") as counter:
            self.run.advance = counter.advance
            self.run.replay(chosen)

    def _discard(self, start: Counts) -> None:
        kinds = [Kind(each) for each in self.options["discard"]]
        messages = of_kinds(self.run.queue.messages.values(), kinds, self.filters, start.now)
        self.run.plan_discard(messages)
        total = len(self.run.results)
        self.output.line(f"{len(messages):,} of {total:,} messages to delete without a replay: {', '.join(kinds)}")
        if messages and not self.options["dry_run"]:
            self._confirm(f"Delete {len(messages):,} messages from {self.run.queue.name} for good?", required=True)
            self.run.discard(messages)

    def _confirm(self, question: str, *, required: bool = False) -> None:
        """Ask; nothing has changed yet, so that a signal may end the question."""
        self.interrupts.release()
        try:
            self.output.confirm(question, yes=self.options["yes"], required=required)
        except KeyboardInterrupt:  # also the end of the input
            if not self.run.interrupted():
                raise CannotRunError("you did not agree, so nothing was changed") from None
        finally:
            self.interrupts.shield()
        self.run.queue.extend_if_due()

    def _release(self) -> None:
        failures = self.run.queue.release()
        if failures:
            reasons = ", ".join(sorted({failure.reason for failure in failures}))
            self.in_flight = f"{len(failures):,} messages are in flight for up to 15 minutes: {reasons}"

    def _report(self) -> ExitCode:
        queue, results, ended = self.run.queue, self.run.results, self.run.ended
        if self.options["verbose"] and self.start:
            waits = f"to {self._verb()}" if self.options["dry_run"] else "not done"
            print_each(self.output, queue.messages.values(), results, now=self.start.now, waits=waits)
        print_stays(self.output, results)
        if not self.options["discard"]:
            for kind, number in self.selection.discardable.items():
                self.output.line(f"--discard {kind} deletes {number:,} of those that stay")
        if self.in_flight:
            self.output.line((self.in_flight, "yellow"))
        reason = ended.reason if ended else ""
        document = members(queue.messages, results, reason, self.in_flight)
        code, result = self._result()
        line = self._counted()
        if self.run.interrupted() or (ended and ended.expired):
            self.output.line(line)
        if self.run.interrupted():
            return self.output.end(code, result, ("Interrupted", "bold red"), **document)
        if ended and ended.expired:
            minutes = f"your credentials expired after {self.output.minutes} min"
            return self.output.end(code, result, f"{minutes}; {line}; renew them and run again", **document)
        if ended:
            line = f"{line}; ended early: {reason}"
        return self.output.end(code, result, line, **document)

    def _verb(self) -> str:
        return "discard" if self.options["discard"] else "replay"

    def _counted(self) -> str:
        if self.options["dry_run"]:
            return counted(self.run.results, Outcome.WAITS, f"to {self._verb()}")
        done = Outcome.DISCARDED if self.options["discard"] else Outcome.REPLAYED
        return counted(self.run.results, done, done)

    def _result(self) -> tuple[ExitCode, str]:
        results = self.run.results.values()
        if self.run.interrupted():
            return ExitCode.INTERRUPTED, "interrupted"
        if self.run.ended:
            return ExitCode.NOT_DONE, "credentials expired" if self.run.ended.expired else "ended early"
        if any(result.outcome is Outcome.UNSURE for result in results):
            return ExitCode.NOT_DONE, "unsure"
        wanted = "dry run" if self.options["dry_run"] else "discarded" if self.options["discard"] else "replayed"
        if any(result.reason for result in results):
            return ExitCode.NOT_AS_WANTED, "some stay"
        return ExitCode.AS_WANTED, wanted
