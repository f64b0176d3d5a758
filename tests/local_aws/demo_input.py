"""What a user gives the demo to run on: read strictly, completed where AWS leaves something out."""

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
# What the AWS CLI prints: get-resource-config-history, batch-get-resource-config, select-resource-config.
LISTS: Final = ("configurationItems", "baseConfigurationItems", "Results")
CHANGE: Final = "ConfigurationItemChangeNotification"
SOME_TIME: Final = "2026-01-01T00:00:00.000Z"


class InputError(Exception):
    """The file does not hold what the demo can run the handler on."""


def read_messages(path: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return a change notification for each item of the file, with what its event says beside it."""
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
        raise InputError(f"{path}: there is no item (accepted: {ACCEPTED})")
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
            raise InputError(f"{place}: {kind} holds no configuration item (accepted: {ACCEPTED})")
        changes["ruleParameters"] = _parameters(content.get("ruleParameters"))
        changes["eventLeftScope"] = content.get("eventLeftScope", False)
    if not ("resourceId" in item or "configuration" in item):
        raise InputError(f"{place}: neither resourceId nor configuration is there (accepted: {ACCEPTED})")
    message = {
        "messageType": CHANGE,
        "configurationItem": _completed(item),
        "notificationCreationTime": SOME_TIME,
    }
    return message, changes


def _decoded(content: Any, place: str) -> dict[str, Any]:
    """Return an object, from JSON text too, for that is how AWS nests one in another."""
    if isinstance(content, str):
        try:
            content = read_json(content)
        except PolicyError as error:
            raise InputError(f"{place}: {error}") from None
    if not isinstance(content, dict):
        raise InputError(f"{place}: {describe(content)} is not {ACCEPTED}")
    return content


def _parameters(text: Any) -> Any:
    """Return the rule parameters without those of the role: the demo takes its own."""
    try:
        parameters = json.loads(text)
        return json.dumps({name: parameters[name] for name in parameters if name not in RDKLIB_PARAMETERS})
    except (TypeError, ValueError):
        return text  # the handler says what is wrong with it


def _completed(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return the item with what queries and the history leave out, taken from its ARN where possible."""
    known = item.get("configuration")
    if isinstance(known, str):
        with suppress(PolicyError):
            known = read_json(known)
    if not isinstance(known, dict):
        known = {}
    arn = str(item.get("ARN") or item.get("arn") or known.get("Arn") or "")
    _, _, _, region, account, *_ = [*arn.split(":"), *[""] * 5]
    captured = item.get("configurationItemCaptureTime")
    if isinstance(captured, (int, float)):  # as version 1 of the AWS CLI prints it
        captured = datetime.fromtimestamp(captured, UTC).isoformat()
    name = item.get("resourceId") or known.get("RepositoryName") or "-"
    return {
        "resourceType": "AWS::ECR::Repository",
        "configurationItemStatus": "OK",
        **item,
        "configurationItemCaptureTime": captured or SOME_TIME,
        "ARN": arn,
        "awsAccountId": str(item.get("awsAccountId") or item.get("accountId") or account),
        "awsRegion": str(item.get("awsRegion") or region),
        "resourceId": name,
        "resourceName": item.get("resourceName") or name,
    }
