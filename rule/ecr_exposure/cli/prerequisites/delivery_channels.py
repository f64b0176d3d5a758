"""Delivery channels: without one no recorder starts; one that fails delivers nothing to its bucket. Pure.

https://docs.aws.amazon.com/config/latest/APIReference/API_StartConfigurationRecorder.html
https://docs.aws.amazon.com/config/latest/APIReference/API_DescribeDeliveryChannelStatus.html
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Final

from ecr_exposure.cli.aws_calls import Unknown
from ecr_exposure.cli.organization.inventory import AccountRegion, DeliveryChannel, Inventory, Unread
from ecr_exposure.cli.prerequisites.finding import Finding, Level, Place, unchecked
from ecr_exposure.cli.prerequisites.recorder_settings import aws_command, delivery_channel_command

UNKNOWN_BUCKET: Final = "NAME-OF-YOUR-BUCKET"
_POLICY: Final = "https://docs.aws.amazon.com/config/latest/developerguide/s3-bucket-policy.html"


class ChannelCommands:
    """How to create the delivery channels that are missing, in the bucket that most accounts use."""

    def __init__(self, inventory: Inventory) -> None:
        """Find that bucket, and the one that most accounts use in each Region."""
        used: Counter[str] = Counter()
        self._used_in: dict[str, Counter[str]] = defaultdict(Counter)
        for each in inventory.account_regions:
            if isinstance(each.channel, DeliveryChannel):
                used[each.channel.bucket] += 1
                self._used_in[each.region][each.channel.bucket] += 1
        self._most_used = _most_common(used)

    def commands(self, each: AccountRegion) -> tuple[str, ...]:
        """Return the command that creates a missing delivery channel, or lists one that was not read."""
        match each.channel:
            case None:
                return (self._create(each),)
            case Unread():
                return (aws_command("configservice", "describe-delivery-channels", "--region", each.region),)
            case DeliveryChannel() | Unknown():
                return ()

    def note(self, each: AccountRegion) -> str:
        """Return what to know before the recorder is started."""
        match each.channel:
            case Unknown(reason):
                return f"Whether there is a delivery channel could not be checked: {reason}"
            case Unread():
                return (
                    "Whether there is a delivery channel, without which no recorder starts, was not read. If "
                    "describe-delivery-channels lists none, create one before the last command."
                )
            case DeliveryChannel():
                return ""
        bucket = self._bucket(each.region)
        if bucket == UNKNOWN_BUCKET:
            return (
                f"Replace {UNKNOWN_BUCKET} by the name of a bucket that AWS Config of the account may write to "
                f"({_POLICY})."
            )
        return f"The policy of the bucket {bucket}, which other accounts use, must allow AWS Config of the account."

    def _create(self, each: AccountRegion) -> str:
        return delivery_channel_command(self._bucket(each.region), each.region)

    def _bucket(self, region: str) -> str:
        """Return the bucket that most accounts use, unless none uses it in this Region, and some use another one."""
        used = self._used_in[region]
        return self._most_used if not used or self._most_used in used else _most_common(used)


def _most_common(used: Counter[str]) -> str:
    return min(used, key=lambda bucket: (-used[bucket], bucket), default=UNKNOWN_BUCKET)


def delivery_problems(each: AccountRegion) -> Iterator[Finding]:
    """Return what a running recorder cannot deliver; AWS documents no effect of that on evaluations, so a hint."""
    place = Place(each.account, each.region)
    channel = each.channel
    if isinstance(channel, Unknown):
        yield unchecked("the delivery channel", channel, place, level=Level.HINT)
    if not isinstance(channel, DeliveryChannel):
        return
    if isinstance(channel.last_error, Unknown):
        what = "whether AWS Config can deliver to the bucket of the delivery channel"
        yield unchecked(what, channel.last_error, place, level=Level.HINT)
    elif channel.last_error:
        yield Finding(
            level=Level.HINT,
            problem=f"AWS Config could not deliver: to the bucket {channel.bucket}, {channel.last_error}",
            places=(place,),
            note=f"AWS documents no effect on evaluations; the history in the bucket is incomplete. See {_POLICY}",
        )
