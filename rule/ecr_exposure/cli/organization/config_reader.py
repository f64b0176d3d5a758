"""AWS Config in one account and Region: the configuration recorder and the delivery channel.

Without a name, these calls return the customer managed recorder; a service-linked one has a ``servicePrincipal`` and
evaluates no rules of the customer:
https://docs.aws.amazon.com/config/latest/APIReference/API_DescribeConfigurationRecorderStatus.html
https://docs.aws.amazon.com/config/latest/APIReference/API_DescribeConfigurationRecorders.html
https://docs.aws.amazon.com/config/latest/APIReference/API_DescribeDeliveryChannelStatus.html
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from ecr_exposure.cli.aws_calls import Unknown, printable, required
from ecr_exposure.cli.organization.inventory import DeliveryChannel, Recorder, Unread

if TYPE_CHECKING:
    from mypy_boto3_config import ConfigServiceClient

# AWS documents both "Failure" and "FAILURE"; the model of the API has the former.
_FAILURE: Final = "FAILURE"
# Members of a DeliveryChannelStatus, and what AWS Config delivers there.
_DELIVERIES: Final = {
    "configHistoryDeliveryInfo": "the configuration history",
    "configSnapshotDeliveryInfo": "the configuration snapshot",
    "configStreamDeliveryInfo": "the configuration stream",
}
_LONGEST_ERROR: Final = 200


def read_recorder_status(client: "ConfigServiceClient") -> Recorder | None:
    """Return the customer managed recorder; its settings are Unread."""
    response = client.describe_configuration_recorder_status()
    for status in _own(required(response, lambda found: found["ConfigurationRecordersStatus"])):
        last_status = str(status.get("lastStatus", "")).upper()
        return Recorder(
            name=required(status, lambda found: str(found["name"])),
            recording=bool(status.get("recording", False)),
            last_status=last_status,
            last_error=_last_error(status) if last_status == _FAILURE else "",
            settings=Unread.UNREAD,
        )
    return None


def read_recorder_settings(client: "ConfigServiceClient", name: str) -> Mapping[str, Any] | Unknown:
    """Return the settings of the customer managed recorder, which has this name."""
    response = client.describe_configuration_recorders()
    for settings in _own(required(response, lambda found: found["ConfigurationRecorders"])):
        if settings.get("name") == name:
            return settings
    return Unknown(f"DescribeConfigurationRecorders does not return the recorder {printable(name)}")


def read_delivery_channel(client: "ConfigServiceClient") -> DeliveryChannel | None:
    """Return the delivery channel, without its last error; AWS allows one in a Region."""
    for channel in required(client.describe_delivery_channels(), lambda response: response["DeliveryChannels"]):
        bucket = required(channel, lambda found: str(found["s3BucketName"]))
        return DeliveryChannel(bucket=bucket, last_error="")
    return None


def read_delivery_error(client: "ConfigServiceClient") -> str:
    """Return what the last deliveries failed at; empty if none failed."""
    response = client.describe_delivery_channel_status()
    failed = []
    for status in required(response, lambda found: found["DeliveryChannelsStatus"]):
        content: Mapping[str, Any] = status
        for member, what in _DELIVERIES.items():
            delivery = content.get(member) or {}
            if str(delivery.get("lastStatus", "")).upper() == _FAILURE:
                failed.append(f"{what}: {_last_error(delivery)}")
    return "; ".join(failed)


def _own(described: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the customer managed recorders, the running ones first; AWS allows one in a Region."""
    own = [each for each in described if not each.get("servicePrincipal")]
    return sorted(own, key=lambda each: not each.get("recording", False))


def _last_error(status: Mapping[str, Any]) -> str:
    """Return AWS's code and message in one line."""
    code, message = status.get("lastErrorCode") or "no error code", status.get("lastErrorMessage") or "no message"
    text = printable(f"{code}: {message}")
    return text if len(text) <= _LONGEST_ERROR else f"{text[: _LONGEST_ERROR - 1]}…"
