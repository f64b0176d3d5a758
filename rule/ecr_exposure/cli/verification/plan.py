"""What a run of ``verify`` changes and where: the question before its first change, and the steps of a dry run."""

from collections.abc import Sequence

from ecr_exposure.cli.output import Output
from ecr_exposure.cli.verification.leftovers import Leftover
from ecr_exposure.cli.verification.temporary_repository import PREFIX, STARTED_TAG
from ecr_exposure.cli.verification.verify_steps import Verification

_FINDING = (
    "AWS Config reports NON_COMPLIANT, and Security Hub may get a FAILED finding, which an automation rule may make "
    "CRITICAL"
)


def print_plan(verification: Verification, finished: Sequence[Leftover], output: Output) -> None:
    """Print what the run changes, before it is confirmed; ``finished`` are the leftovers that it deletes."""
    where, minutes = verification.checked, verification.minutes
    if finished:
        output.line(f"This run first deletes in {where}: {', '.join(each.repository.name for each in finished)}")
    output.line(
        f"This run creates an empty repository in {where}, opens it to everyone (ecr:DescribeRepositories and nothing "
        f"else) for at most {minutes:g} minutes, closes and deletes it"
    )
    output.line(f"It makes a real finding: {_FINDING}; everyone whom you notify of findings is notified")


def question(verification: Verification) -> str:
    """Return the question before the first change."""
    minutes = f"at most {verification.minutes:g} minutes"
    return f"Open a temporary repository to everyone in {verification.checked} for {minutes}?"


def print_steps(verification: Verification, output: Output) -> None:
    """Print what a run and its clean-up would do."""
    where, name = verification.checked, f"{PREFIX}<12 random characters>"
    tags = ", ".join((STARTED_TAG, *verification.tags))
    expected = verification.expected_finding
    finding = f"; the check fails unless it is FAILED and has severity {expected}" if expected else ""
    for step in (
        f"create an empty repository {name} in {where} and delete it, to prove the permission to clean up",
        f"create another one with the tag{'s' if verification.tags else ''} {tags}",
        "set a policy that grants everyone ecr:DescribeRepositories and nothing else",
        f"wait for NON_COMPLIANT (time limit of all steps: {verification.minutes:g} minutes)",
        f"search Security Hub for its finding, a real one: {_FINDING}{finding}",
        "delete its policy and wait for COMPLIANT",
        "delete the repository (after an error, at the time limit and on an interrupt: first its policy)",
        "print what the run shows about AWS behavior that is undocumented, and the status of the stack",
    ):
        output.step(f"Would {step}")
