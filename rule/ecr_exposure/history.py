"""The configuration history of AWS Config.

https://docs.aws.amazon.com/config/latest/APIReference/API_GetResourceConfigHistory.html
"""

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from ecr_exposure.errors import ItemError

if TYPE_CHECKING:
    from mypy_boto3_config import ConfigServiceClient

# The history spells these elements in another way than an event.
_SPELLINGS: Final = {"accountId": "awsAccountId", "arn": "ARN"}


def latest_item(config: "ConfigServiceClient", resource_type: str, resource_id: str) -> dict[str, Any] | None:
    """Return the latest configuration item of a resource, in the form of an event; None if there is none.

    Raises ItemError for an item of another resource, EvaluationError or an error of botocore.
    """
    try:
        # Without chronologicalOrder the latest item is the first.
        answer = config.get_resource_config_history(
            resourceType=resource_type,  # type: ignore[arg-type]  # a Literal of all types
            resourceId=resource_id,
            limit=1,
        )
    except config.exceptions.ResourceNotDiscoveredException:
        return None
    if not answer["configurationItems"]:
        return None
    item: dict[str, Any] = dict(answer["configurationItems"][0])
    if (item["resourceType"], item["resourceId"]) != (resource_type, resource_id):
        raise ItemError(
            f"the history of {resource_id} has an item of {item['resourceType']} {item['resourceId']!r:.160}"
        )
    captured = item["configurationItemCaptureTime"].astimezone(UTC).isoformat(timespec="milliseconds")
    as_json = {name: value for name, value in item.items() if not isinstance(value, datetime)}
    renamed = {_SPELLINGS.get(name, name): value for name, value in as_json.items()}
    # The client has encoded it for rdklib, which decodes it once.
    renamed["configuration"] = json.loads(item["configuration"])
    return renamed | {"configurationItemCaptureTime": captured}
