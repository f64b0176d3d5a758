"""Validates and completes the event that AWS Config sends, before rdklib and any AWS call use it.

https://docs.aws.amazon.com/config/latest/developerguide/evaluate-config_develop-rules_example-events.html

The parameters of an event belong to the owner of the rule that invokes the function. If the environment of the
function sets the execution role and the mode, no event can change them.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from ecr_exposure.errors import EvaluationError, ItemError, ParameterError, PolicyError
from ecr_exposure.identifiers import ACCOUNT_ID, account_of
from ecr_exposure.parameters import RuleParameters, read_parameters
from ecr_exposure.policy.json_values import an_object, describe, read_json
from ecr_exposure.repository import RECORDED, check_item

CHANGE: Final = "ConfigurationItemChangeNotification"
OVERSIZED: Final = "OversizedConfigurationItemChangeNotification"
SCHEDULED: Final = "ScheduledNotification"

_ROLE_ARN: Final = re.compile(rf"arn:[a-z-]+:iam::{ACCOUNT_ID.pattern}:role/[\x21-\x7e]+")
_SET_BY_ENVIRONMENT: Final = {"ExecutionRoleName": "EXECUTION_ROLE_NAME", "AssumeRoleMode": "ASSUME_ROLE_MODE"}


class ValidatedEvent(NamedTuple):
    """An event that rdklib can handle.

    for_rdklib: the event, completed. parameters: its rule parameters. item: the configuration item or its summary;
    empty for a scheduled notification.
    """

    for_rdklib: dict[str, Any]
    parameters: RuleParameters
    item: Mapping[str, object]


def validate_event(event: object, environment: Mapping[str, str], function_arn: object = None) -> ValidatedEvent:
    """Return the event as rdklib needs it.

    function_arn: of the invoked function; one that assumes no role serves its own account only.
    Raises ParameterError for an invalid rule parameter, ItemError for an item without identity or status, and
    EvaluationError for an event that no rule of this stack sends.
    """
    if not isinstance(event, Mapping):
        raise EvaluationError(f"event: {describe(event)} is not an object")
    if not isinstance(event.get("resultToken"), str):
        raise EvaluationError("event.resultToken: missing")
    _check_role(event)
    given = _with_environment(_given_parameters(event.get("ruleParameters")), environment)
    assumes_role = str(given.get("AssumeRoleMode")).lower() != "false"
    if not assumes_role:
        _check_own_account(event, function_arn)
    parameters = read_parameters(given)
    if assumes_role and not event.get("executionRoleArn"):
        raise EvaluationError("event.executionRoleArn: missing, and AssumeRoleMode is not false")
    invoking_event, item = _completed(event, _json_object("invokingEvent", event.get("invokingEvent")))
    for_rdklib = {
        "executionRoleArn": "",
        **event,
        "eventLeftScope": event.get("eventLeftScope") in (True, "true"),
        "ruleParameters": json.dumps(given),
        # A duplicate key becomes a text that names it, which is neither a configuration nor a policy.
        "invokingEvent": json.dumps(invoking_event, default=str),
    }
    return ValidatedEvent(for_rdklib, parameters, item)


def _check_role(event: Mapping[str, object]) -> None:
    role, account = event.get("executionRoleArn"), event.get("accountId")
    if role in (None, ""):
        return
    if not isinstance(role, str) or not _ROLE_ARN.fullmatch(role):
        raise EvaluationError(f"event.executionRoleArn: {role!r:.160} is not the ARN of a role")
    if account_of(role) != account:
        raise EvaluationError(f"event.executionRoleArn: {role!r:.160} is not a role of the account {account!r:.40}")


def _check_own_account(event: Mapping[str, object], function_arn: object) -> None:
    # With its own credentials the function would evaluate its own repositories and report to another account.
    own, account = account_of(str(function_arn)), event.get("accountId")
    if own and own != account:
        raise EvaluationError(f"event.accountId: {account!r:.40} is not the account of the function")


def _given_parameters(value: object) -> dict[str, object]:
    if value in (None, ""):
        return {}
    try:
        given = dict(an_object(read_json(value) if isinstance(value, str) else value))
    except PolicyError as error:
        raise ParameterError(f"ruleParameters: {error}") from None
    # rdklib reads some of them too, and does not strip.
    return {name: text.strip() if isinstance(text, str) else text for name, text in given.items()}


def _with_environment(given: dict[str, object], environment: Mapping[str, str]) -> dict[str, object]:
    """Return the parameters with those that the environment sets; raise ParameterError if one differs."""
    fixed = {name: environment.get(variable) for name, variable in _SET_BY_ENVIRONMENT.items()}
    if fixed["ExecutionRoleName"] and not fixed["AssumeRoleMode"]:
        fixed["AssumeRoleMode"] = "true"
    if any(fixed.values()):
        # rdklib would build every client for the region that an event names.
        fixed["ExecutionRoleRegion"] = environment.get("AWS_REGION")
    parameters = dict(given)
    for name, value in fixed.items():
        if not value:
            continue
        asked = value if given.get(name) in (None, "") else given[name]
        if str(asked).lower() != value.lower():
            raise ParameterError(f"{name}: {asked!r:.80} is refused (the function is deployed with {value!r})")
        parameters[name] = value
    return parameters


def _json_object(name: str, value: object) -> dict[str, object]:
    if not isinstance(value, str):
        raise EvaluationError(f"event.{name}: {describe(value)} is not JSON text")
    try:
        return dict(an_object(read_json(value)))
    except PolicyError as error:
        raise EvaluationError(f"event.{name}: {error}") from None


def _completed(
    event: Mapping[str, object], invoking_event: dict[str, object]
) -> tuple[dict[str, object], Mapping[str, object]]:
    """Return the invoking event as rdklib needs it, and its configuration item."""
    kind = invoking_event.get("messageType")
    if kind == SCHEDULED:
        _require_string("event", event, "configRuleName")
        _require_string("invokingEvent", invoking_event, "notificationCreationTime")
        return invoking_event, {}
    if kind == CHANGE:
        return invoking_event, _item(invoking_event, "configurationItem")
    if kind == OVERSIZED:
        summary = _item(invoking_event, "configurationItemSummary")
        if summary["configurationItemStatus"] in RECORDED:
            return {"notificationCreationTime": None, "recordVersion": None, **invoking_event}, summary
        # A deleted resource has no configuration to fetch: its summary is enough.
        return {**invoking_event, "messageType": CHANGE, "configurationItem": summary}, summary
    accepted = f"{CHANGE}, {OVERSIZED}, {SCHEDULED}"
    raise EvaluationError(f"invokingEvent.messageType: {describe(kind)} is unknown (accepted: {accepted})")


def _item(invoking_event: Mapping[str, object], name: str) -> Mapping[str, object]:
    value = invoking_event.get(name)
    if not isinstance(value, Mapping):
        raise ItemError(f"invokingEvent.{name}: {describe(value)} is not an object")
    check_item(name, value)
    return value


def _require_string(place: str, content: Mapping[str, object], name: str) -> None:
    if not isinstance(content.get(name), str) or not content[name]:
        raise EvaluationError(f"{place}.{name}: {describe(content.get(name))} is not a non-empty string")
