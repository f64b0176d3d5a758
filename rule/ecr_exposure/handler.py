"""The Lambda entry: one event of AWS Config in, its evaluations put, every failure raised.

rdklib returns errors instead of raising them. An invocation that returns has succeeded for Lambda:
nothing retries, and the old, maybe COMPLIANT, evaluation stays. So what rdklib returns is looked at.
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
"""

import json
import logging
import os
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import rdklib.evaluator

from ecr_exposure.aws import ClientFactory, kept_clients, refused_evaluations
from ecr_exposure.config_rule import EcrRepositoryNoPublicAccess
from ecr_exposure.errors import EvaluationError
from ecr_exposure.event import admit
from ecr_exposure.repository import RESOURCE_TYPE

# rdklib looks this name up for each event; it is the one place where clients can be supplied.
rdklib.evaluator.ClientFactory = ClientFactory

_logger: Final = logging.getLogger(__name__)
if not os.environ.get("AWS_LAMBDA_LOG_LEVEL"):
    # Lambda's root logger stands at WARNING unless somebody chose a level.
    logging.getLogger("ecr_exposure").setLevel(logging.INFO)
# On DEBUG botocore writes whole answers, credentials and result tokens among them.
logging.getLogger("botocore").setLevel(logging.INFO)
# Lambda limits an answer to 6 MB; nobody but a test reads it, so a long one is cut.
_MOST_RETURNED: Final = 1000


def lambda_handler(event: object, context: object) -> list[dict[str, object]]:
    """Evaluate what the event is about and put the evaluations.

    event: an AWS Config event, change, oversized or scheduled. Returns the first 1,000 evaluations
    as JSON values. Raises ParameterError, ItemError, EvaluationError or an error of botocore; then the
    invocation has failed, and AWS Lambda tries again.
    """
    try:
        return _evaluate(admit(event, os.environ, getattr(context, "invoked_function_arn", None)), context)
    except Exception:
        # Credentials that AWS refuses must not be kept for the next attempt.
        kept_clients.clear()
        raise


def _evaluate(admitted: dict[str, Any], context: object) -> list[dict[str, object]]:
    refused_evaluations.clear()
    remaining = getattr(context, "get_remaining_time_in_millis", None)
    rule = EcrRepositoryNoPublicAccess(remaining) if remaining else EcrRepositoryNoPublicAccess()
    answer = rdklib.evaluator.Evaluator(rule, [RESOURCE_TYPE]).handle(admitted, context)
    failures = list(rule.unfinished)
    if not isinstance(answer, list):
        failures.insert(0, _message(answer))
    elif not rule.asked:
        _log_not_applicable(admitted)
    if refused_evaluations:
        failures.append(f"AWS Config refused {len(refused_evaluations)} evaluations, first {refused_evaluations[0]}")
    if failures:
        # What could be done is done by now, so that one bad repository holds up no other.
        told = "; ".join(failures[:5])
        raise EvaluationError(f"not everything was evaluated ({len(failures)}): {told}")
    return [_as_json(evaluation) for evaluation in answer[:_MOST_RETURNED]]


def _log_not_applicable(admitted: Mapping[str, Any]) -> None:
    # rdklib answers for what is deleted, out of scope or of another type, without asking the rule.
    invoking_event = json.loads(admitted["invokingEvent"])
    item = invoking_event.get("configurationItem", invoking_event.get("configurationItemSummary", {}))
    reason = "left the scope" if admitted["eventLeftScope"] else item.get("configurationItemStatus")
    kind = item.get("resourceType")
    _logger.info(
        "%s is NOT_APPLICABLE",
        item.get("resourceId"),
        extra={
            "arn": item.get("ARN"),
            "account": item.get("awsAccountId"),
            "region": item.get("awsRegion"),
            "compliance": "NOT_APPLICABLE",
            "reasons": [reason if kind == RESOURCE_TYPE else f"{kind} is not in scope"],
        },
    )


def _message(answer: Mapping[str, Any]) -> str:
    known = ("customerErrorCode", "internalErrorMessage", "customerErrorMessage", "internalErrorDetails")
    parts = dict.fromkeys(str(answer[name]) for name in known if answer.get(name))
    return ": ".join(parts)


def _as_json(evaluation: Mapping[str, object]) -> dict[str, object]:
    # An oversized item comes with its capture time as a datetime, which Lambda cannot return.
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in evaluation.items()}
