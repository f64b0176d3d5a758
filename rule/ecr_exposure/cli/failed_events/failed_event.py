"""An event on which the function failed three times, in the invocation record that Lambda sends to the queue. Pure.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from ecr_exposure.cli.aws_calls import message_text, printable

CHANGE: Final = "ConfigurationItemChangeNotification"
OVERSIZED: Final = "OversizedConfigurationItemChangeNotification"
SCHEDULED: Final = "ScheduledNotification"
_ITEMS: Final[Mapping[str, str]] = {CHANGE: "configurationItem", OVERSIZED: "configurationItemSummary"}
_QUALIFIER: Final = 7
"""Where an ARN has it: arn:aws:lambda:region:account:function:name:qualifier."""
_PARTS: Final = {3: "Region", 4: "account", 6: "function"}
# https://docs.aws.amazon.com/config/latest/APIReference/API_PutEvaluations.html
_INVALID_TOKEN: Final = "InvalidResultTokenException"  # noqa: S105 - the name of an error
_REQUEST_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class NotARecordError(Exception):
    """A message is not an invocation record of this function; the error quotes nothing of the message."""


class Subject(NamedTuple):
    """What an event is about, with the values exactly as it has them."""

    rule: tuple[str, ...]
    """Account, Region and name."""
    resource: tuple[str, ...]
    """Type and id; empty for a scheduled notification, which is about all repositories."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedEvent:
    """What may be printed of a failed event, and the event itself."""

    account: str
    region: str
    """Of the rule."""
    rule: str
    message_type: str
    resource: str
    """The repository; empty for a scheduled notification."""
    at: datetime | None
    """When the repository was recorded, or the scheduled notification created; None if that is not known."""
    error: str
    cause: str
    """The error without what differs between events: account, repository, request id."""
    hopeless: str
    """Why the function cannot succeed with this event, now or later; empty if it can."""
    subject: Subject | None
    """None if the event does not say it completely: then no other event replaces it, and it replaces no other."""
    payload: bytes = field(repr=False)
    """The event as JSON; it holds a result token, so it is never printed."""


def read_record(body: str, function_arn: str) -> FailedEvent:
    """Return the event of an invocation record; raises NotARecordError for any other message.

    function_arn: of the stack's function, without a qualifier.
    """
    record = _mapping(_parsed(body, "the message"), "the message")
    context = _mapping(record.get("requestContext"), "requestContext")
    _check_function(context.get("functionArn"), function_arn)
    event = _mapping(record.get("requestPayload"), "requestPayload")
    token = event.get("resultToken")
    if not (isinstance(token, str) and token and isinstance(event.get("invokingEvent"), str)):
        raise NotARecordError("requestPayload is not an event of AWS Config")
    invoking = _mapping(_parsed(event["invokingEvent"], "invokingEvent"), "invokingEvent")
    kind = _text(invoking.get("messageType"))
    item = invoking.get(_ITEMS.get(kind, ""))
    item = item if isinstance(item, Mapping) else {}
    at = invoking.get("notificationCreationTime") if kind == SCHEDULED else item.get("configurationItemCaptureTime")
    error = _error(record, context, token)
    account, resource = _text(event.get("accountId")), _text(item.get("resourceId"))
    return FailedEvent(
        subject=_subject(event, () if kind == SCHEDULED else (item.get("resourceType"), item.get("resourceId"))),
        account=account or "-",
        region=_region(event) or "-",
        rule=_text(event.get("configRuleName")) or "-",
        message_type=kind or "-",
        resource=resource,
        at=_time(at),
        error=message_text(error),
        cause=message_text(_general(error, account, resource)),
        hopeless=_hopeless(kind, resource, at, error),
        payload=_compact(event, is_change=kind in _ITEMS),
    )


def _check_function(value: object, function_arn: str) -> None:
    """Refuse the record of another function: the queue's own policy allows the stack's function only."""
    given, expected = str(value).split(":")[:_QUALIFIER], function_arn.split(":")
    if given == expected:
        return
    different = [name for at, name in _PARTS.items() if given[at : at + 1] != expected[at : at + 1]]
    what = f" (another {' and '.join(different)})" if len(given) == len(expected) and different else ""
    raise NotARecordError(f"requestContext.functionArn is not this function{what}")


def _hopeless(kind: str, resource: str, at: object, error: str) -> str:
    if _INVALID_TOKEN in error:
        return "AWS Config does not accept its result token any more"
    if kind not in {SCHEDULED, *_ITEMS}:
        return "the function does not evaluate events of its messageType"
    if kind != SCHEDULED and not resource:
        return "it names no resource"
    return "" if isinstance(at, str) and at else "it has no time, which the function requires"


def _subject(event: Mapping[str, Any], resource: tuple[object, ...]) -> Subject | None:
    rule = (event.get("accountId"), _region(event), event.get("configRuleName"))
    if not all(isinstance(each, str) and each for each in (*rule, *resource)):
        return None
    return Subject(tuple(map(str, rule)), tuple(map(str, resource)))


def _region(event: Mapping[str, Any]) -> str:
    """Return the Region of the rule's ARN, arn:aws:config:region:account:config-rule/id."""
    parts = _text(event.get("configRuleArn")).split(":")
    return parts[3] if len(parts) > 3 else ""  # noqa: PLR2004 - the Region's place


def _time(value: object) -> datetime | None:
    try:
        time = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return time.replace(tzinfo=UTC) if time and not time.tzinfo else time


def _error(record: Mapping[str, Any], context: Mapping[str, Any], token: str) -> str:
    """Return the function's last error; an event that was never processed has only the reason why."""
    response = record.get("responsePayload")
    message = response.get("errorMessage") if isinstance(response, Mapping) else None
    return printable(str(message or context.get("condition") or "no error recorded").replace(token, "…"))


def _general(error: str, account: str, resource: str) -> str:
    general = _REQUEST_ID.sub("…", error)
    for value, name in ((resource, "REPOSITORY"), (account, "ACCOUNT")):
        general = re.sub(rf"(?<![\w-]){re.escape(value)}(?![\w-])", name, general) if value else general
    return general


def _compact(event: Mapping[str, Any], *, is_change: bool) -> bytes:
    """Return the event for a new invocation; the function then evaluates the repository as it is at that time.

    The event's own item is old, and AWS Config may have received a newer evaluation since.
    """
    content = {**event, "replayed": True} if is_change else event
    try:
        return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:  # half of a surrogate pair can only be escaped
        return json.dumps(content, separators=(",", ":")).encode()


def _parsed(text: str, name: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise NotARecordError(f"{name} is not JSON") from None


def _mapping(value: object, name: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise NotARecordError(f"{name} is not a JSON object")
    return value


def _text(value: object) -> str:
    return printable(value) if isinstance(value, str) else ""
