"""The status of a deployed rule: where it evaluates all repositories, where not, and why; ``status`` and ``verify``."""

from collections.abc import Mapping
from datetime import datetime

import boto3

from ecr_exposure.cli.aws_calls import AWS_ERRORS, CredentialsExpiredError, error_text
from ecr_exposure.cli.command_line import CannotRunError
from ecr_exposure.cli.output import Output
from ecr_exposure.cli.rule_status.conclusion import conclude
from ecr_exposure.cli.rule_status.status_document import document
from ecr_exposure.cli.rule_status.status_reading import Question, StatusReading
from ecr_exposure.cli.rule_status.status_report import print_conclusion, summary

__all__ = ["Question", "print_status"]


def print_status(
    output: Output, session: boto3.Session, question: Question, now: datetime, profile: str | None
) -> Mapping[str, object]:
    """Print the status of a stack and return it as JSON values; what cannot be read is one line and an "error".

    Raises KeyboardInterrupt.
    """
    reading = StatusReading(session, question, output, now)
    try:
        reading.read()
    except (CannotRunError, CredentialsExpiredError, *AWS_ERRORS) as error:
        reason = error.message if isinstance(error, CannotRunError) else error_text(error)
        output.line(("Status not seen: ", "yellow"), reason)
        return {"error": reason}
    conclusion = conclude(reading.evidence(), reading.operations)
    print_conclusion(output, conclusion, profile)
    output.line(f"Status: {summary(conclusion)}")
    return document(conclusion)
