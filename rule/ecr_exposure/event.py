"""The event that AWS Config sends, checked and completed before rdklib and any AWS call see it.

https://docs.aws.amazon.com/config/latest/developerguide/evaluate-config_develop-rules_example-events.html

An event's parameters belong to whoever owns the rule that invokes the function. Where the function's
environment says which role it takes and whether it takes one, no event can say otherwise.
"""

import json
import re
from collections.abc import Mapping
from typing import Final

from ecr_exposure.errors import EvaluationError, ItemError, ParameterError, PolicyError
from ecr_exposure.parameters import read_parameters
from ecr_exposure.policy.json_values import an_object, describe, read_json
from ecr_exposure.repository import RECORDED, STATUSES

CHANGE: Final = "ConfigurationItemChangeNotification"
OVERSIZED: Final = "OversizedConfigurationItemChangeNotification"
SCHEDULED: Final = "ScheduledNotification"

_ITEM_TEXTS: Final = (
    "resourceType",
    "resourceId",
    "configurationItemStatus",
    "configurationItemCaptureTime",
)
_ROLE: Final = re.compile(r"arn:[a-z-]+:iam::([0-9]{12}):role/[\x21-\x7e]+")
_LOCKS: Final = {"ExecutionRoleName": "EXECUTION_ROLE_NAME", "AssumeRoleMode": "ASSUME_ROLE_MODE"}


def admit(event: object, environment: Mapping[str, str], function_arn: object = None) -> dict[str, object]:
    """Return the event as rdklib needs it.

    function_arn: of the invoked function; one that takes no role serves its own account only.
    Raises ParameterError for a wrong rule parameter, ItemError for an item that says not what it is
    about, and EvaluationError for what no AWS Config rule of ours sends.
    """
    if not isinstance(event, Mapping):
        raise EvaluationError(f"event: {describe(event)} is not an object")
    if not isinstance(event.get("resultToken"), str):
        raise EvaluationError("event.resultToken: missing")
    _refuse_foreign_role(event)
    parameters = _parameters(event.get("ruleParameters"))
    _lock(parameters, environment)
    if str(parameters.get("AssumeRoleMode")).lower() == "false":
        _refuse_foreign_account(event, function_arn)
    read_parameters(parameters)
    if not event.get("executionRoleArn") and str(parameters.get("AssumeRoleMode")).lower() != "false":
        raise EvaluationError("event.executionRoleArn: missing, and AssumeRoleMode is not false")
    invoking_event = _json_object("invokingEvent", event.get("invokingEvent"))
    return {
        "executionRoleArn": "",
        **event,
        "eventLeftScope": event.get("eventLeftScope") in (True, "true"),
        "ruleParameters": json.dumps(parameters),
        # A key that stands twice becomes a text that says so, which is no configuration and no policy.
        "invokingEvent": json.dumps(_invoking_event(event, invoking_event), default=str),
    }


def _refuse_foreign_role(event: Mapping[str, object]) -> None:
    role, account = event.get("executionRoleArn"), event.get("accountId")
    if role in (None, ""):
        return
    found = _ROLE.fullmatch(role) if isinstance(role, str) else None
    if found is None:
        raise EvaluationError(f"event.executionRoleArn: {role!r:.160} is not the ARN of a role")
    if found[1] != account:
        raise EvaluationError(f"event.executionRoleArn: {role!r:.160} is not of the account {account!r:.40}")


def _refuse_foreign_account(event: Mapping[str, object], function_arn: object) -> None:
    # With its own credentials it would read its own repositories and answer somebody else.
    own = str(function_arn).split(":")[4:5]
    if own and own != [event.get("accountId")]:
        raise EvaluationError(f"event.accountId: {event.get('accountId')!r:.40} is not the function's own account")


def _parameters(value: object) -> dict[str, object]:
    if value in (None, ""):
        return {}
    try:
        given = dict(an_object(read_json(value) if isinstance(value, str) else value))
        # rdklib reads some of them too, and does not strip.
        return {name: text.strip() if isinstance(text, str) else text for name, text in given.items()}
    except PolicyError as error:
        raise ParameterError(f"ruleParameters: {error}") from None


def _lock(parameters: dict[str, object], environment: Mapping[str, str]) -> None:
    locks = {name: environment.get(variable) for name, variable in _LOCKS.items()}
    if locks["ExecutionRoleName"] and not locks["AssumeRoleMode"]:
        locks["AssumeRoleMode"] = "true"
    if any(locks.values()):
        # rdklib would make every client for the region that an event names.
        locks["ExecutionRoleRegion"] = environment.get("AWS_REGION")
    for name, fixed in locks.items():
        if fixed:
            given = fixed if parameters.get(name) in (None, "") else parameters[name]
            if str(given).lower() != fixed.lower():
                raise ParameterError(f"{name}: {given!r:.80} is refused (the function is deployed with {fixed!r})")
            parameters[name] = fixed


def _json_object(name: str, value: object) -> dict[str, object]:
    if not isinstance(value, str):
        raise EvaluationError(f"event.{name}: {describe(value)} is not JSON text")
    try:
        return dict(an_object(read_json(value)))
    except PolicyError as error:
        raise EvaluationError(f"event.{name}: {error}") from None


def _invoking_event(event: Mapping[str, object], invoking_event: dict[str, object]) -> dict[str, object]:
    kind = invoking_event.get("messageType")
    if kind == SCHEDULED:
        _need_texts("event", event, ("configRuleName",), EvaluationError)
        _need_texts("invokingEvent", invoking_event, ("notificationCreationTime",), EvaluationError)
        return invoking_event
    if kind == CHANGE:
        _item(invoking_event, "configurationItem")
        return invoking_event
    if kind == OVERSIZED:
        summary = _item(invoking_event, "configurationItemSummary")
        if summary["configurationItemStatus"] in RECORDED:
            return {"notificationCreationTime": None, "recordVersion": None, **invoking_event}
        # A resource that is gone has no configuration to fetch; the summary says all that matters.
        return {**invoking_event, "messageType": CHANGE, "configurationItem": summary}
    accepted = f"{CHANGE}, {OVERSIZED}, {SCHEDULED}"
    raise EvaluationError(f"invokingEvent.messageType: {describe(kind)} is unknown (accepted: {accepted})")


def _item(invoking_event: Mapping[str, object], name: str) -> Mapping[str, object]:
    value = invoking_event.get(name)
    if not isinstance(value, Mapping):
        raise ItemError(f"invokingEvent.{name}: {describe(value)} is not an object")
    _need_texts(name, value, _ITEM_TEXTS, ItemError)
    if value["configurationItemStatus"] not in STATUSES:
        status = describe(value["configurationItemStatus"])
        raise ItemError(f"{name}.configurationItemStatus: {status} is unknown (accepted: {', '.join(STATUSES)})")
    return value


def _need_texts(place: str, content: Mapping[str, object], names: tuple[str, ...], error: type[Exception]) -> None:
    for name in names:
        if not isinstance(content.get(name), str) or not content[name]:
            raise error(f"{place}.{name}: {describe(content.get(name))} is not a text that says something")
