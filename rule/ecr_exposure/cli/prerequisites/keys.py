"""Whether the KMS key of KmsKeyArn can encrypt in each Region, and what its key policy needs. Pure.

The log group needs a statement of the key policy:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
The function's role has an IAM policy, which takes effect if the key policy gives the account access:
https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html
"""

from collections.abc import Iterator, Sequence
from itertools import chain

from ecr_exposure.cli.aws_calls import Unknown
from ecr_exposure.cli.organization.encryption_key import KeyArn, key_arn
from ecr_exposure.cli.organization.inventory import Inventory, Key
from ecr_exposure.cli.prerequisites.finding import RUN_AGAIN, Finding, Level, Place, unchecked
from ecr_exposure.cli.prerequisites.recorder_settings import aws_command, compact_json


def key_problems(inventory: Inventory, text: str) -> Iterator[Finding]:
    """Return what the key lacks; ``text`` is the value of KmsKeyArn, if any."""
    arn = key_arn(text)
    if not text:
        return
    if arn is None:
        yield Finding(
            level=Level.MISSING,
            problem=f"KmsKeyArn is {text}, which is not the ARN of a KMS key, arn:…:kms:REGION:ACCOUNT:key/ID "
            "(an alias is not accepted)",
            where="parameters.yaml",
        )
        return
    yield from chain.from_iterable(_in_region(inventory, arn, region) for region in inventory.regions)
    yield from _missing(inventory, arn, [each for each in inventory.regions if inventory.keys.get(each) is None])
    if any(isinstance(each, Key) for each in inventory.keys.values()):
        yield _policy(inventory, arn)


def _in_region(inventory: Inventory, arn: KeyArn, region: str) -> Iterator[Finding]:
    key = inventory.keys.get(region)
    places = (Place(arn.account, region),)
    if isinstance(key, Unknown):
        yield unchecked(f"the key {arn.name} of KmsKeyArn", key, places[0])
    elif key and not key.encrypts:
        yield Finding(
            level=Level.MISSING,
            problem=f"the key {arn.name} of KmsKeyArn is no symmetric encryption key, which CloudWatch Logs needs",
            places=places,
            commands=(_create(arn),),
            note="Then set KmsKeyArn to the ARN of the new key.",
        )
    elif key and key.state != "Enabled":
        disabled = key.state == "Disabled"
        enable = aws_command("kms", "enable-key", "--region", region, "--key-id", arn.name)
        yield Finding(
            level=Level.MISSING,
            problem=f"the key {arn.name} of KmsKeyArn is in the state {key.state}, in which it encrypts nothing",
            places=places,
            commands=(enable,) if disabled else (),
            note="" if disabled else f"It must be in the state Enabled. {RUN_AGAIN}",
        )


def _missing(inventory: Inventory, arn: KeyArn, regions: Sequence[str]) -> Iterator[Finding]:
    """Return how to create the key in the Regions where it does not exist."""
    known = [each for each in inventory.keys.values() if isinstance(each, Key)]
    primary = next((each.primary_region for each in known if each.multi_region), None)
    where = f"account {arn.account}"
    if primary:
        for region in regions:
            replicate = ("kms", "replicate-key", "--region", primary, "--key-id", arn.name, "--replica-region", region)
            yield Finding(
                level=Level.MISSING,
                problem=f"the multi-Region key {arn.name} of KmsKeyArn has no replica in this Region",
                places=(Place(arn.account, region),),
                commands=(aws_command(*replicate),),
                note="The replica has a key policy of its own: see the hint about the key policy.",
            )
    elif regions:
        why = "is a single-Region key of another Region" if known else "does not exist"
        yield Finding(
            level=Level.MISSING,
            problem=f"the key {arn.name} of KmsKeyArn {why}, so it encrypts nothing in {', '.join(regions)}",
            where=where,
            commands=(_create(arn),),
            note="The command creates a multi-Region key. Then set KmsKeyArn to its ARN, and run preflight again.",
        )


def _create(arn: KeyArn) -> str:
    return aws_command("kms", "create-key", "--region", arn.region, "--multi-region")


def _policy(inventory: Inventory, arn: KeyArn) -> Finding:
    """Return the statement that CloudWatch Logs needs in the key policy, which is not read."""
    suffix = "amazonaws.com.cn" if arn.partition == "aws-cn" else "amazonaws.com"
    hub = inventory.hub
    logs = [f"arn:{arn.partition}:logs:{region}:{hub}:log-group:/ecr-exposure/*" for region in inventory.regions]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": [f"logs.{region}.{suffix}" for region in inventory.regions]},
        "Action": ["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"],
        "Resource": "*",
        "Condition": {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": logs}},
    }
    return Finding(
        level=Level.HINT,
        problem="the key policy of KmsKeyArn is not read; in each Region it must allow CloudWatch Logs, and give the "
        f"account {hub} access, so that the IAM policy of the function's role takes effect",
        where=f"account {arn.account}",
        note=f"The statement for CloudWatch Logs: {compact_json(statement)}",
    )
