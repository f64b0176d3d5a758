"""Validates and completes the event that AWS Config sends, before rdklib and any AWS call use it.

https://docs.aws.amazon.com/config/latest/developerguide/evaluate-config_develop-rules_example-events.html

The parameters of an event belong to the owner of the rule that invokes the function. If the environment of the
function sets the execution role and the mode, no event can change them.

``ecr-exposure replay`` adds an element of its own to a change event: ``"replayed": true``. The item of such an event is
old, and AWS Config may have a newer evaluation, so the function evaluates the repository as Amazon ECR has it now.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from ecr_exposure.errors import EvaluationError, ItemError, ParameterError, PolicyError
from ecr_exposure.identifiers import ACCOUNT_ID, account_of
from ecr_exposure.parameters import RuleParameters, read_parameters
from ecr_exposure.policy.json_values import an_object, describe, read_json
from ecr_exposure.repository import RECORDED, RESOURCE_TYPE, check_item

CHANGE: Final = "ConfigurationItemChangeNotification"
OVERSIZED: Final = "OversizedConfigurationItemChangeNotification"
SCHEDULED: Final = "ScheduledNotification"

_ROLE_ARN: Final = re.compile(rf"arn:[a-z-]+:iam::{ACCOUNT_ID.pattern}:role/[\x21-\x7e]+")
_SERVICE_LINKED: Final = ":role/aws-service-role/"
_SET_BY_ENVIRONMENT: Final = {"ExecutionRoleName": "EXECUTION_ROLE_NAME", "AssumeRoleMode": "ASSUME_ROLE_MODE"}


class ValidatedEvent(NamedTuple):
    """An event that rdklib can handle.

    for_rdklib: the event, completed. parameters: its rule parameters. item: the configuration item or its summary;
    empty for a scheduled notification. lacks_item: whether the item is a summary that `with_item` must replace first.
    """

    for_rdklib: dict[str, Any]
    parameters: RuleParameters
    item: Mapping[str, object]
    lacks_item: bool

    def with_item(self, item: Mapping[str, object]) -> "ValidatedEvent":
        """Return the event of an oversized item as one that holds the whole item.

        Raises ItemError for an item without identity or status.
        """
        check_item("configurationItem", item)
        invoking_event = json.loads(self.for_rdklib["invokingEvent"])
        invoking_event |= {"messageType": CHANGE, "configurationItem": item}
        for_rdklib = self.for_rdklib | {"invokingEvent": json.dumps(invoking_event)}
        return self._replace(for_rdklib=for_rdklib, item=item, lacks_item=False)


def is_replayed(event: Mapping[str, object]) -> bool:
    """Return whether the event comes from ``ecr-exposure replay``, so that its item may be outdated."""
    return event.get("replayed") is True


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
    if assumes_role:
        _check_assumable(event.get("executionRoleArn"), given)
    invoking_event, item = _completed(event, _json_object("invokingEvent", event.get("invokingEvent")))
    for_rdklib = {
        "executionRoleArn": "",
        **event,
        # A replayed event does not say whether the repository is in scope now.
        "eventLeftScope": event.get("eventLeftScope") in (True, "true") and not is_replayed(event),
        "ruleParameters": json.dumps(given),
        # A duplicate key becomes a text that names it, which is neither a configuration nor a policy.
        "invokingEvent": json.dumps(invoking_event, default=str),
    }
    return ValidatedEvent(for_rdklib, parameters, item, invoking_event["messageType"] == OVERSIZED)


def _check_role(event: Mapping[str, object]) -> None:
    role, account = event.get("executionRoleArn"), event.get("accountId")
    if role in (None, ""):
        return
    if not isinstance(role, str) or not _ROLE_ARN.fullmatch(role):
        raise EvaluationError(f"event.executionRoleArn: {role!r:.160} is not the ARN of a role")
    if account_of(role) != account:
        raise EvaluationError(f"event.executionRoleArn: {role!r:.160} is not a role of the account {account!r:.40}")


def _check_assumable(role: object, given: Mapping[str, object]) -> None:
    if not role:
        raise EvaluationError("event.executionRoleArn: missing, and AssumeRoleMode is not false")
    # Only its service can assume a service-linked role:
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create-service-linked-role.html
    if _SERVICE_LINKED in str(role) and not given.get("ExecutionRoleName"):
        raise ParameterError(
            "ExecutionRoleName: missing, and the recorder's role is the service-linked role "
            f"{str(role).rpartition('/')[2]}, which no function can assume (set ExecutionRoleName to a role that the "
            "function can assume, or AssumeRoleMode to false if the function evaluates its own account only)"
        )


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
    if kind in (CHANGE, OVERSIZED):
        item = _item(invoking_event, "configurationItem" if kind == CHANGE else "configurationItemSummary")
        if is_replayed(event):
            # rdklib only asks the rule about a resource that exists, and a repository that was deleted may exist again.
            item = {**item, "configurationItemStatus": "OK"}
        elif kind == CHANGE or (item["configurationItemStatus"] in RECORDED and item["resourceType"] == RESOURCE_TYPE):
            return invoking_event, item
        # The rule needs no configuration: NOT_APPLICABLE follows from the summary, or the rule reads the repository.
        return {**invoking_event, "messageType": CHANGE, "configurationItem": item}, item
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
