"""An event that the function failed on three times, as Lambda keeps it in the stack's queue. Pure.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tests.live.errors import printable

_LONGEST_ERROR: Final = 200
_FUNCTION: Final = 6
"""Where an ARN has the function's name: arn:aws:lambda:region:account:function:name:qualifier."""


class NotARecordError(Exception):
    """A message is no record of this function; the message of the error quotes nothing of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedEvent:
    """What may be shown of a failed event, and the event itself."""

    account: str
    rule: str
    message_type: str
    resource: str
    """Empty for a scheduled run."""
    error: str
    payload: bytes = field(repr=False)
    """The event as JSON, as short as AWS Config sent it; it holds a result token, so it is sent and never shown."""


def read_record(body: str, function_name: str) -> FailedEvent:
    """Return the event of an invocation record; raises NotARecordError for any other message."""
    record = _mapping(_parsed(body, "the message"), "the message")
    context = _mapping(record.get("requestContext"), "requestContext")
    name = str(context.get("functionArn")).split(":")[_FUNCTION : _FUNCTION + 1]
    if name != [function_name]:
        raise NotARecordError("it is no record of this function (requestContext.functionArn)")
    event = _mapping(record.get("requestPayload"), "requestPayload")
    token = event.get("resultToken")
    if not (isinstance(token, str) and token and isinstance(event.get("invokingEvent"), str)):
        raise NotARecordError("requestPayload is no event of AWS Config")
    told = _mapping(_parsed(event["invokingEvent"], "invokingEvent"), "invokingEvent")
    item = told.get("configurationItem") or told.get("configurationItemSummary")
    return FailedEvent(
        account=_shown(event.get("accountId")),
        rule=_shown(event.get("configRuleName")),
        message_type=_shown(told.get("messageType")),
        resource=_shown(item.get("resourceId")) if isinstance(item, Mapping) else "",
        error=_error(record, context, token),
        payload=_compact(event),
    )


def _error(record: Mapping[str, Any], context: Mapping[str, Any], token: str) -> str:
    """Return the function's last error; an event that was never run has only the reason why it was given up."""
    response = record.get("responsePayload")
    message = response.get("errorMessage") if isinstance(response, Mapping) else None
    text = printable(str(message or context.get("condition") or "no error is told").replace(token, "…"))
    return text if len(text) <= _LONGEST_ERROR else text[: _LONGEST_ERROR - 1] + "…"


def _compact(event: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:  # half a character can only be escaped
        return json.dumps(event, separators=(",", ":")).encode()


def _parsed(text: str, name: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise NotARecordError(f"{name} is not JSON") from None


def _mapping(value: object, name: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise NotARecordError(f"{name} is no JSON object")
    return value


def _shown(value: object) -> str:
    return printable(value) if isinstance(value, str) and value else "-"
