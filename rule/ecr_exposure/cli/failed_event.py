"""An event on which the function failed three times, in the invocation record that Lambda sends to the queue. Pure.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ecr_exposure.cli.aws_calls import printable

_LONGEST_ERROR: Final = 200
_FUNCTION: Final = 6
"""The function's name in an ARN: arn:aws:lambda:region:account:function:name:qualifier."""


class NotARecordError(Exception):
    """A message is not an invocation record of this function; the error quotes nothing of the message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedEvent:
    """What may be printed of a failed event, and the event itself."""

    account: str
    rule: str
    message_type: str
    resource: str
    """Empty for a scheduled notification."""
    error: str
    payload: bytes = field(repr=False)
    """The event as JSON, no longer than AWS Config sent it; it holds a result token, so it is never printed."""


def read_record(body: str, function_name: str) -> FailedEvent:
    """Return the event of an invocation record; raises NotARecordError for any other message."""
    record = _mapping(_parsed(body, "the message"), "the message")
    context = _mapping(record.get("requestContext"), "requestContext")
    name = str(context.get("functionArn")).split(":")[_FUNCTION : _FUNCTION + 1]
    if name != [function_name]:
        raise NotARecordError("requestContext.functionArn is not this function")
    event = _mapping(record.get("requestPayload"), "requestPayload")
    token = event.get("resultToken")
    if not (isinstance(token, str) and token and isinstance(event.get("invokingEvent"), str)):
        raise NotARecordError("requestPayload is not an event of AWS Config")
    invoking = _mapping(_parsed(event["invokingEvent"], "invokingEvent"), "invokingEvent")
    item = invoking.get("configurationItem") or invoking.get("configurationItemSummary")
    return FailedEvent(
        account=_shown(event.get("accountId")),
        rule=_shown(event.get("configRuleName")),
        message_type=_shown(invoking.get("messageType")),
        resource=_shown(item.get("resourceId")) if isinstance(item, Mapping) else "",
        error=_error(record, context, token),
        payload=_compact(event),
    )


def _error(record: Mapping[str, Any], context: Mapping[str, Any], token: str) -> str:
    """Return the function's last error; an event that was never processed has only the reason why."""
    response = record.get("responsePayload")
    message = response.get("errorMessage") if isinstance(response, Mapping) else None
    text = printable(str(message or context.get("condition") or "no error recorded").replace(token, "…"))
    return text if len(text) <= _LONGEST_ERROR else text[: _LONGEST_ERROR - 1] + "…"


def _compact(event: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:  # half of a surrogate pair can only be escaped
        return json.dumps(event, separators=(",", ":")).encode()


def _parsed(text: str, name: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise NotARecordError(f"{name} is not JSON") from None


def _mapping(value: object, name: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise NotARecordError(f"{name} is not a JSON object")
    return value


def _shown(value: object) -> str:
    return printable(value) if isinstance(value, str) and value else "-"
