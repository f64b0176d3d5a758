"""The KMS key of the parameter KmsKeyArn in each Region.

template.yaml builds the key's ARN with the Region of its stack, so one multi-Region key serves all Regions:
https://docs.aws.amazon.com/kms/latest/developerguide/multi-region-keys-overview.html
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import boto3

from ecr_exposure.cli.aws_calls import Clients, Unknown, attempt, required
from ecr_exposure.cli.organization.inventory import Key
from ecr_exposure.cli.workers import in_regions

_ARN: Final = re.compile(r"arn:(?P<partition>[\w-]+):kms:(?P<region>[\w-]+):(?P<account>\d{12}):key/(?P<name>[\w-]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyArn:
    """The ARN of a KMS key, not of an alias."""

    partition: str
    region: str
    account: str
    name: str

    def in_region(self, region: str) -> str:
        """Return the ARN of the same multi-Region key in another Region."""
        return f"arn:{self.partition}:kms:{region}:{self.account}:key/{self.name}"


def key_arn(text: str) -> KeyArn | None:
    """Return the parts of an ARN, or None if it is not the ARN of a key."""
    match = _ARN.fullmatch(text)
    return KeyArn(**match.groupdict()) if match else None


def read_keys(
    session: boto3.Session, regions: Sequence[str], text: str, credentials: Mapping[str, str] | Unknown
) -> dict[str, Key | Unknown | None]:
    """Read the key in each Region and in that of its ARN; return an empty map if the text is not the ARN of a key."""
    arn = key_arn(text)
    if arn is None:
        return {}
    all_regions = dict.fromkeys((*regions, arn.region))
    return in_regions(all_regions, lambda region: _read(session, region, arn, credentials))


def _read(
    session: boto3.Session, region: str, arn: KeyArn, credentials: Mapping[str, str] | Unknown
) -> Key | Unknown | None:
    if isinstance(credentials, Unknown):
        return credentials
    return attempt(lambda: _described(Clients(session, region, credentials), region, arn.in_region(region)))


def _described(clients: Clients, region: str, arn: str) -> Key | None:
    try:
        response = clients.kms.describe_key(KeyId=arn)
    except clients.kms.exceptions.NotFoundException:
        return None
    metadata = required(response, lambda found: found["KeyMetadata"])
    primary = (metadata.get("MultiRegionConfiguration") or {}).get("PrimaryKey") or {}
    return Key(
        state=required(metadata, lambda found: found["KeyState"]),
        encrypts=metadata.get("KeySpec") == "SYMMETRIC_DEFAULT" and metadata.get("KeyUsage") == "ENCRYPT_DECRYPT",
        multi_region=bool(metadata.get("MultiRegion")),
        primary_region=primary.get("Region", region),
    )
