"""Reports of `ecr-exposure check` for the tests of its formats: one policy of each result, and what was not read."""

import io
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TextIO

from ecr_exposure.cli.found_policies.found_policy import FoundPolicy, Kind, NotReadError, Span, StatementSpan
from ecr_exposure.cli.found_policies.outcome import evaluate
from ecr_exposure.cli.found_policies.unknown_values import Unknown
from ecr_exposure.cli.policy_report.checked_policy import CheckedPolicy, Question, Report, Result
from ecr_exposure.cli.policy_report.report_scope import FilesRead

STARTED: Final = datetime(2026, 11, 27, 8, 30, tzinfo=UTC)
PULL: Final[Mapping[str, Any]] = {
    "Sid": "AllowPull",
    "Effect": "Allow",
    "Principal": "*",
    "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
}
ALL: Final[Mapping[str, Any]] = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "ecr:*"}
CLOSED: Final[Mapping[str, Any]] = {**PULL, "Principal": {"AWS": "444455556666"}}
DEPENDS: Final[Mapping[str, Any]] = {**PULL, "Principal": {"AWS": Unknown("!Ref Principals")}}
INVALID: Final[Mapping[str, Any]] = {**PULL, "Effect": "allow"}


def policy_of(*statements: Mapping[str, Any]) -> dict[str, Any]:
    """Return a policy with these statements."""
    return {"Version": "2012-10-17", "Statement": list(map(dict, statements))}


def found(policy: Any, **members: Any) -> FoundPolicy:
    """Return a policy that is the whole of policy.json, unless `members` say something else."""
    known: dict[str, Any] = {"kind": Kind.POLICY, "file": "policy.json", "address": "", "span": Span(1, 1, 12, 2)}
    return FoundPolicy(policy=policy, **{**known, **members})


def checked(  # noqa: PLR0913 - the keywords are the members of a CheckedPolicy
    policy: Any,
    result: Result = Result.PUBLIC,
    *,
    question: Question | None = None,
    excuse: str | None = None,
    notes: tuple[str, ...] = (),
    is_warning: bool = False,
    **members: Any,
) -> CheckedPolicy:
    """Return a policy with its evaluation; the members are those of `found`."""
    asked = question or Question()
    outcome = evaluate(policy, test=asked.test, owner=asked.owner, region=asked.region)
    policy_found = found(policy, **members)
    return CheckedPolicy(
        found=policy_found, outcome=outcome, result=result, excuse=excuse, notes=notes, is_warning=is_warning
    )


def report_of(*policies: CheckedPolicy, **members: Any) -> Report:
    """Return a report on these policies."""
    known: dict[str, Any] = {"started": STARTED, "version": "1.2.3", "root": Path()}
    return Report(policies=policies, **{**known, **members})


def written(write: Callable[[Report, TextIO], None], report: Report) -> str:
    """Return what a format writes."""
    stream = io.StringIO(newline="")
    write(report, stream)
    return stream.getvalue()


IN_TEMPLATE: Final[Mapping[str, Any]] = {
    "kind": Kind.CLOUDFORMATION,
    "file": "infra/app.yaml",
    "span": Span(9, 7, 9, 27),
}
IN_SOURCE: Final[Mapping[str, Any]] = {"kind": Kind.TERRAFORM_SOURCE, "file": "infra/main.tf"}
EACH_RESULT: Final = report_of(
    checked(
        policy_of(PULL, ALL),
        statements={0: StatementSpan(Span(4, 5, 9, 6), Span(7, 7, 7, 23)), 1: StatementSpan(Span(10, 5, 11, 6))},
    ),
    checked(policy_of(DEPENDS), Result.UNKNOWN, **IN_TEMPLATE, address="Resources.Depends", cdk_path="App/Depends"),
    checked(policy_of(CLOSED), Result.CLOSED, **IN_TEMPLATE, address="Resources.Closed"),
    checked(policy_of(INVALID), Result.CANNOT_BE_EVALUATED, **IN_TEMPLATE, address="Resources.Invalid"),
    checked(
        policy_of(PULL),
        Result.PUBLIC_ON_PURPOSE,
        excuse='comment "base images", last day 2027-03-31',
        **IN_SOURCE,
        address="aws_ecr_repository_policy.base",
    ),
    checked(
        policy_of(DEPENDS), Result.UNKNOWN, is_warning=True, **IN_SOURCE, address='aws_ecr_repository_policy.each["a"]'
    ),
    errors=(NotReadError("broken.yaml", 3, "a tab cannot begin a value"),),
    notes=("module.x (registry) is not followed: check the plan",),
    scope=FilesRead(read=5, recognized=4, ignored=1),
    exit_code=2,
)
"""A report with each result; the first policy has two findings."""
