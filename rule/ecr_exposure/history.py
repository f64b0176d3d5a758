"""The configuration history of AWS Config, for items that an event does not hold.

An oversized notification has a summary of the item only. rdklib would evaluate whatever the history returns; here the
item must be that of the notification, or a later one of the same resource.
https://docs.aws.amazon.com/config/latest/developerguide/oversized-notification-example.html
https://docs.aws.amazon.com/config/latest/APIReference/API_GetResourceConfigHistory.html
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from rdklib import ConfigRule

from ecr_exposure.aws import ClientFactory
from ecr_exposure.errors import ItemError
from ecr_exposure.event import ValidatedEvent
from ecr_exposure.repository import RESOURCE_TYPE

if TYPE_CHECKING:
    from mypy_boto3_config import ConfigServiceClient

# The two times may be rounded differently.
_ROUNDING: Final = timedelta(seconds=1)
# The history spells these elements in another way than an event.
_SPELLINGS: Final = {"accountId": "awsAccountId", "arn": "ARN"}
_IDENTITY: Final = ("awsAccountId", "awsRegion", "ARN")


def with_recorded_item(event: ValidatedEvent) -> ValidatedEvent:
    """Return the event with the item of the history in place of the summary; any other event as it is.

    Raises ItemError if the history does not hold the item, and EvaluationError or an error of botocore.
    """
    if not event.lacks_item:
        return event
    summary, rule = event.item, ConfigRule()
    factory = ClientFactory(
        rule.get_execution_role_arn(event.for_rdklib),
        rule.get_assume_role_region(event.for_rdklib),
        rule.get_assume_role_mode(event.for_rdklib),
    )
    item = latest_item(factory.build_client("config"), str(summary["resourceId"]))
    if item is None:
        raise ItemError("AWS Config has no configuration item for the resource of the oversized notification")
    _check_same(item, summary)
    # In the history every element is optional.
    return event.with_item({name: summary[name] for name in _IDENTITY if name in summary} | item)


def latest_item(config: "ConfigServiceClient", repository: str) -> dict[str, Any] | None:
    """Return the latest configuration item of a repository, in the form of an event; None if there is none.

    Raises ItemError for an item of another resource, and EvaluationError or an error of botocore.
    """
    try:
        # Without chronologicalOrder the latest item is the first.
        answer = config.get_resource_config_history(resourceType=RESOURCE_TYPE, resourceId=repository, limit=1)
    except config.exceptions.ResourceNotDiscoveredException:
        return None
    if not answer["configurationItems"]:
        return None
    item = answer["configurationItems"][0]
    if (item["resourceType"], item["resourceId"]) != (RESOURCE_TYPE, repository):
        raise ItemError(f"configurationItem: {item['resourceType']} {item['resourceId']!r:.160} is not {repository!r}")
    captured = item["configurationItemCaptureTime"].astimezone(UTC).isoformat(timespec="milliseconds")
    as_json = {name: value for name, value in item.items() if not isinstance(value, datetime)}
    renamed = {_SPELLINGS.get(name, name): value for name, value in as_json.items()}
    return renamed | {"configurationItemCaptureTime": captured}


def _check_same(item: Mapping[str, object], summary: Mapping[str, object]) -> None:
    """Raise ItemError unless the item is of the account and region of the summary, and not older."""
    for name in _IDENTITY:
        if name in summary and item.get(name, summary[name]) != summary[name]:
            raise ItemError(f"configurationItem.{name}: {item[name]!r:.160} is not that of the notification")
    noted = str(summary["configurationItemCaptureTime"])
    captured = str(item["configurationItemCaptureTime"])
    if _time(captured) + _ROUNDING <= _time(noted):
        raise ItemError(
            f"configurationItem.configurationItemCaptureTime: {captured} is before that of the notification, {noted}"
        )


def _time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise ItemError(f"configurationItemSummary.configurationItemCaptureTime: {text!r:.80} is not a time") from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)
