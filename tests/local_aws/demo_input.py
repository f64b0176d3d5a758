"""The user's file for the demo: configuration items, with defaults for fields that AWS leaves out."""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from ecr_exposure import PolicyError
from ecr_exposure.parameters import RDKLIB_PARAMETERS
from ecr_exposure.policy.json_values import describe, read_json

ACCEPTED: Final = "a configuration item, a list of them, or an AWS Config event that holds one"
# Output of the AWS CLI: get-resource-config-history, batch-get-resource-config, select-resource-config.
LISTS: Final = ("configurationItems", "baseConfigurationItems", "Results")
CHANGE: Final = "ConfigurationItemChangeNotification"
DEFAULT_TIME: Final = "2026-01-01T00:00:00.000Z"


class InputError(Exception):
    """The file contains no configuration item, or is invalid."""


def read_messages(path: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return a change notification for each item of the file, with further fields of its event."""
    try:
        content = read_json(Path(path).read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: not text in UTF-8") from None
    except PolicyError as error:
        raise InputError(f"{path}: {error}") from None
    found = [_message(element, f"{path}: element {at}") for at, element in enumerate(_elements(content))]
    if not found:
        raise InputError(f"{path}: contains no configuration item (accepted: {ACCEPTED})")
    return found


def _elements(content: Any) -> Iterator[Any]:
    if isinstance(content, dict):
        lists = [content[name] for name in LISTS if isinstance(content.get(name), list)]
        yield from (lists[0] if lists else [content])
    elif isinstance(content, list):
        yield from content
    else:
        yield content


def _message(content: Any, place: str) -> tuple[dict[str, Any], dict[str, Any]]:
    content = _decoded(content, place)
    changes: dict[str, Any] = {"ruleParameters": "{}"}
    item = content
    if "invokingEvent" in content:
        invoking_event = _decoded(content["invokingEvent"], f"{place}: invokingEvent")
        item = invoking_event.get("configurationItem")
        if not isinstance(item, dict):
            kind = invoking_event.get("messageType")
            raise InputError(f"{place}: {kind} contains no configuration item (accepted: {ACCEPTED})")
        changes["ruleParameters"] = _parameters(content.get("ruleParameters"))
        changes["eventLeftScope"] = content.get("eventLeftScope", False)
    if not ("resourceId" in item or "configuration" in item):
        raise InputError(f"{place}: has neither resourceId nor configuration (accepted: {ACCEPTED})")
    message = {
        "messageType": CHANGE,
        "configurationItem": _completed(item),
        "notificationCreationTime": DEFAULT_TIME,
    }
    return message, changes


def _decoded(content: Any, place: str) -> dict[str, Any]:
    """Return an object; AWS nests objects as JSON text."""
    if isinstance(content, str):
        try:
            content = read_json(content)
        except PolicyError as error:
            raise InputError(f"{place}: {error}") from None
    if not isinstance(content, dict):
        raise InputError(f"{place}: {describe(content)} is not {ACCEPTED}")
    return content


def _parameters(text: Any) -> Any:
    """Return the rule parameters without those of rdklib: the demo has its own role."""
    try:
        parameters = json.loads(text)
        return json.dumps({name: parameters[name] for name in parameters if name not in RDKLIB_PARAMETERS})
    except (TypeError, ValueError):
        return text  # the handler reports what is wrong


def _completed(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return the item with the fields that AWS's queries and history leave out, from its ARN where possible."""
    known = item.get("configuration")
    if isinstance(known, str):
        with suppress(PolicyError):
            known = read_json(known)
    if not isinstance(known, dict):
        known = {}
    arn = str(item.get("ARN") or item.get("arn") or known.get("Arn") or "")
    _, _, _, region, account, *_ = [*arn.split(":"), *[""] * 5]
    captured = item.get("configurationItemCaptureTime")
    if isinstance(captured, (int, float)):  # from version 1 of the AWS CLI
        captured = datetime.fromtimestamp(captured, UTC).isoformat()
    name = item.get("resourceId") or known.get("RepositoryName") or "-"
    return {
        "resourceType": "AWS::ECR::Repository",
        "configurationItemStatus": "OK",
        **item,
        "configurationItemCaptureTime": captured or DEFAULT_TIME,
        "ARN": arn,
        "awsAccountId": str(item.get("awsAccountId") or item.get("accountId") or account),
        "awsRegion": str(item.get("awsRegion") or region),
        "resourceId": name,
        "resourceName": item.get("resourceName") or name,
    }
