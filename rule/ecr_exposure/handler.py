"""The Lambda entry: one event of AWS Config in, its evaluations reported, every failure raised.

rdklib returns errors instead of raising them. For Lambda an invocation that returns has succeeded: nothing is
retried, and the previous, maybe COMPLIANT, evaluation stays. So the handler checks what rdklib returns.
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
"""

import gc

# What the imports create lives as long as the process: looking for garbage in it takes a tenth of a cold start.
gc.disable()

import logging
import os
from collections.abc import Mapping
from datetime import datetime
from typing import Final

import rdklib.evaluator
from botocore.exceptions import BotoCoreError

from ecr_exposure.aws import ClientFactory, kept
from ecr_exposure.config_rule import EcrRepositoryNoPublicAccess
from ecr_exposure.errors import EvaluationError
from ecr_exposure.event import ValidatedEvent, validate_event
from ecr_exposure.history import with_recorded_item
from ecr_exposure.invocation import Invocation
from ecr_exposure.repository import RESOURCE_TYPE

# Later collections need not look through it either.
gc.freeze()
gc.enable()

# rdklib looks this name up for each event; it is the only place where clients can be supplied.
rdklib.evaluator.ClientFactory = ClientFactory

_logger: Final = logging.getLogger(__name__)
if not os.environ.get("AWS_LAMBDA_LOG_LEVEL"):
    # Unless a level is set, Lambda's root logger logs WARNING and above.
    logging.getLogger("ecr_exposure").setLevel(logging.INFO)
# At DEBUG botocore logs whole responses, with credentials and result tokens.
logging.getLogger("botocore").setLevel(logging.INFO)


def lambda_handler(event: object, context: object) -> list[dict[str, object]]:
    """Evaluate what the event is about, and report the evaluations.

    event: an AWS Config event: change, oversized or scheduled notification. Returns the evaluations that rdklib
    reported, as JSON values: at most one, as a periodic evaluation reports all but the last by itself.
    Raises ParameterError, ItemError, EvaluationError or an error of botocore; then the invocation has failed, and AWS
    Lambda retries it.
    """
    try:
        validated = validate_event(event, os.environ, getattr(context, "invoked_function_arn", None))
        return _evaluate(with_recorded_item(validated), context)
    except Exception:
        # Credentials that AWS refuses must not be used again in the next attempt.
        kept.forget(event.get("accountId") if isinstance(event, Mapping) else None)
        raise


def _evaluate(event: ValidatedEvent, context: object) -> list[dict[str, object]]:
    invocation = Invocation(getattr(context, "get_remaining_time_in_millis", None))
    rule = EcrRepositoryNoPublicAccess(event.parameters, invocation)
    result: list[dict[str, object]] = []
    try:
        result = _result(rdklib.evaluator.Evaluator(rule, [RESOURCE_TYPE]).handle(event.for_rdklib, context))
        if not rule.was_asked:
            _log_not_applicable(event)
    except (BotoCoreError, EvaluationError) as error:
        invocation.fail(error)
    # Everything that could be evaluated is reported by now: one repository does not block the others.
    invocation.raise_failures()
    return result


def _log_not_applicable(event: ValidatedEvent) -> None:
    # rdklib reports NOT_APPLICABLE for deleted, out-of-scope and other resources without asking the rule.
    item, resource_type = event.item, event.item.get("resourceType")
    reason = "left the scope" if event.for_rdklib["eventLeftScope"] else item.get("configurationItemStatus")
    _logger.info(
        "%s is NOT_APPLICABLE",
        item.get("resourceId"),
        extra={
            "arn": item.get("ARN"),
            "account": item.get("awsAccountId"),
            "region": item.get("awsRegion"),
            "compliance": "NOT_APPLICABLE",
            "reasons": [reason if resource_type == RESOURCE_TYPE else f"{resource_type} is not in scope"],
        },
    )


def _result(returned: list[dict[str, object]] | Mapping[str, object]) -> list[dict[str, object]]:
    """Return the evaluations that rdklib reported, as JSON values; raise EvaluationError if it returned an error."""
    if isinstance(returned, Mapping):
        known = ("customerErrorCode", "internalErrorMessage", "customerErrorMessage", "internalErrorDetails")
        raise EvaluationError(": ".join(dict.fromkeys(str(returned[name]) for name in known if returned.get(name))))
    # The evaluation of an oversized item has its capture time as a datetime, which Lambda cannot return.
    return [
        {name: value.isoformat() if isinstance(value, datetime) else value for name, value in evaluation.items()}
        for evaluation in returned
    ]
