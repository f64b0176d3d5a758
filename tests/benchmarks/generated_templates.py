"""Folders of CloudFormation templates as teams have them: services with functions, roles, buckets and queues.

Most have a repository of Amazon ECR, whose policy names accounts, an organization or a service of AWS.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from typing import Any, Final

import yaml

Template = dict[str, Any]

_PULL: Final = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
_PUSH: Final = ["ecr:CompleteLayerUpload", "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart"]
_TEAMS: Final = "billing catalog checkout fraud identity invoices ledger media orders payments pricing search".split()
_PARTS: Final = "api archive batch cache export gateway import loader notifier proxy reports worker".split()
# Two of ten repositories have no policy, but a public one.
_OF_TEN: Final = (*("accounts",) * 3, *("organization",) * 3, "service", "roles", None, None)
_SHORT: Final = {"Ref": "!Ref", "Fn::Sub": "!Sub", "Fn::GetAtt": "!GetAtt", "Fn::ImportValue": "!ImportValue"}
_CODE: Final = """\
import json
import logging
import os

import boto3

logger = logging.getLogger()
logger.setLevel(os.environ.get("LOG_LEVEL", "INFO"))
table = boto3.resource("dynamodb").Table(os.environ["TABLE_NAME"])


def handler(event, context):
    for record in event["Records"]:
        message = json.loads(record["body"])
        logger.info("received %s", message["id"])
        table.put_item(Item={"id": message["id"], "state": "{STATE}", "detail": record["body"]})
    return {"statusCode": 200}
"""


def write_templates(folder: Path, count: int, *, public: Callable[[int], bool], seed: int = 13) -> set[str]:
    """Write so many templates, the same for the same seed; return the names of the files with public access.

    public: whether the template of a number has a repository with public access.
    """
    random = Random(seed)
    flagged = set()
    for number in range(count):
        is_public = public(number)
        template = _template(random, is_public=is_public)
        is_json = random.random() < 0.15
        path = folder / f"{random.choice(_TEAMS)}-{number:04d}.{'json' if is_json else 'yaml'}"
        path.write_text(json.dumps(template, indent=2) if is_json else _yaml(template), encoding="utf-8")
        if is_public:
            flagged.add(path.name)
    return flagged


def _template(random: Random, *, is_public: bool) -> Template:
    """Return a template; without public access, one of five has no repository."""
    team, part = random.choice(_TEAMS), random.choice(_PARTS)
    resources: Template = {}
    if is_public or random.random() < 0.8:
        for suffix in ("", "Base")[: random.choice((1, 1, 1, 2))]:
            opens = is_public and not suffix
            resources[f"{part.title()}{suffix}Repository"] = _repository(random, f"{team}/{part}{suffix}", opens)
    for number in range(random.randint(2, 6)):
        resources |= random.choice(_OTHERS)(random, f"{random.choice(_PARTS).title()}{number}")
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"The {part} of {team}: images, functions, queues and what they may do.",
        "Parameters": {
            "Environment": {"Type": "String", "Default": "dev", "AllowedValues": ["dev", "test", "prod"]},
            "OrganizationId": {"Type": "String", "Description": "The organization whose accounts pull images."},
            "LogRetentionDays": {"Type": "Number", "Default": 30},
            "DeploymentAccountId": {"Type": "String", "AllowedPattern": "^[0-9]{12}$"},
        },
        "Resources": resources,
        "Outputs": {
            f"{name}Name": {
                "Description": f"Of {team}, for the stacks that use it.",
                "Value": {"Ref": name},
                "Export": {"Name": {"Fn::Sub": "${AWS::StackName}-" + name}},
            }
            for name in resources
        },
    }


def _repository(random: Random, name: str, is_public: bool) -> Template:  # noqa: FBT001 - one of two kinds
    properties: Template = {
        "RepositoryName": name,
        "ImageTagMutability": "IMMUTABLE",
        "ImageScanningConfiguration": {"ScanOnPush": True},
        "LifecyclePolicy": {"LifecyclePolicyText": json.dumps(_EXPIRE, indent=2)},
        "Tags": [{"Key": "team", "Value": name.partition("/")[0]}, {"Key": "stage", "Value": {"Ref": "Environment"}}],
    }
    kind = random.choice(_OF_TEN)
    if is_public or kind is not None:
        statements = [_STATEMENTS[kind](random)] if kind else []
        if is_public:
            statements.insert(random.randint(0, len(statements)), _public(random))
        properties["RepositoryPolicyText"] = {"Version": "2012-10-17", "Statement": statements}
    return {"Type": "AWS::ECR::Repository", "DeletionPolicy": "Retain", "Properties": properties}


_EXPIRE: Final = {
    "rules": [
        {
            "rulePriority": 1,
            "description": "Keep the newest images",
            "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 50},
            "action": {"type": "expire"},
        }
    ]
}


def _account(random: Random) -> str:
    return f"{random.randrange(10**12):012d}"


def _public(random: Random) -> Template:
    principal = random.choice(("*", {"AWS": "*"}))
    actions = random.choice((_PULL, [*_PULL, *_PUSH], ["ecr:*"], ["ecr:BatchGetImage", "ecr:ListImages"]))
    return {
        "Sid": random.choice(("AllowPull", "Everyone")),
        "Effect": "Allow",
        "Principal": principal,
        "Action": actions,
    }


def _to_accounts(random: Random) -> Template:
    accounts = [f"arn:aws:iam::{_account(random)}:root" for _ in range(random.randint(1, 4))]
    own = {"Fn::Sub": "arn:${AWS::Partition}:iam::${DeploymentAccountId}:root"}
    return {"Sid": "PullByAccounts", "Effect": "Allow", "Principal": {"AWS": [*accounts, own]}, "Action": _PULL}


def _to_organization(random: Random) -> Template:
    organization = random.choice(({"Ref": "OrganizationId"}, f"o-{_account(random)}"))
    return {
        "Sid": "PullByOrganization",
        "Effect": "Allow",
        "Principal": "*",
        "Action": _PULL,
        "Condition": {"StringEquals": {"aws:PrincipalOrgID": organization}},
    }


def _to_service(_: Random) -> Template:
    functions = {"Fn::Sub": "arn:${AWS::Partition}:lambda:${AWS::Region}:${DeploymentAccountId}:function:*"}
    return {
        "Sid": "PullByLambda",
        "Effect": "Allow",
        "Principal": {"Service": "lambda.amazonaws.com"},
        "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
        "Condition": {"StringLike": {"aws:SourceArn": functions}},
    }


def _to_roles(random: Random) -> Template:
    role = {"Fn::Sub": "arn:${AWS::Partition}:iam::${DeploymentAccountId}:role/deployment-${Environment}"}
    build = f"arn:aws:iam::{_account(random)}:role/build"
    return {
        "Sid": "PushByPipeline",
        "Effect": "Allow",
        "Principal": {"AWS": [role, build]},
        "Action": [*_PULL, *_PUSH],
    }


_STATEMENTS: Final[Mapping[str, Callable[[Random], Template]]] = {
    "accounts": _to_accounts,
    "organization": _to_organization,
    "service": _to_service,
    "roles": _to_roles,
}


def _function(random: Random, name: str) -> Template:
    return {
        f"{name}Function": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Handler": "index.handler",
                "Runtime": "python3.13",
                "MemorySize": random.choice((128, 256, 512, 1024)),
                "Timeout": random.choice((10, 30, 60)),
                "Role": {"Fn::GetAtt": f"{name}Role.Arn"},
                "Environment": {
                    "Variables": {"LOG_LEVEL": "INFO", "TABLE_NAME": {"Fn::ImportValue": "shared-table"}},
                },
                "Code": {"ZipFile": _CODE.replace("{STATE}", random.choice(_PARTS))},
            },
        },
        **_role(random, name),
        f"{name}LogGroup": {
            "Type": "AWS::Logs::LogGroup",
            "Properties": {
                "LogGroupName": {"Fn::Sub": f"/aws/lambda/${{{name}Function}}"},
                "RetentionInDays": {"Ref": "LogRetentionDays"},
            },
        },
    }


def _role(random: Random, name: str) -> Template:
    statements = [
        {
            "Effect": "Allow",
            "Action": [f"{service}:{each}" for each in actions.split()],
            "Resource": {"Fn::Sub": f"arn:${{AWS::Partition}}:{service}:${{AWS::Region}}:${{AWS::AccountId}}:*"},
        }
        for service, actions in random.sample(
            (
                ("dynamodb", "GetItem PutItem Query UpdateItem"),
                ("sqs", "ReceiveMessage DeleteMessage GetQueueAttributes"),
                ("logs", "CreateLogStream PutLogEvents"),
                ("secretsmanager", "GetSecretValue"),
                ("ecr", "BatchGetImage GetDownloadUrlForLayer"),
            ),
            k=3,
        )
    ]
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    return {
        f"{name}Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
                "Policies": [
                    {"PolicyName": "work", "PolicyDocument": {"Version": "2012-10-17", "Statement": statements}}
                ],
            },
        }
    }


def _bucket(random: Random, name: str) -> Template:
    denied = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [{"Fn::GetAtt": f"{name}Bucket.Arn"}, {"Fn::Sub": f"${{{name}Bucket.Arn}}/*"}],
        "Condition": {"Bool": {"aws:SecureTransport": False}},
    }
    blocked = "BlockPublicAcls BlockPublicPolicy IgnorePublicAcls RestrictPublicBuckets".split()
    return {
        f"{name}Bucket": {
            "Type": "AWS::S3::Bucket",
            "Properties": {
                "PublicAccessBlockConfiguration": dict.fromkeys(blocked, True),
                "VersioningConfiguration": {"Status": "Enabled"},
                "LifecycleConfiguration": {
                    "Rules": [{"Id": "expire", "Status": "Enabled", "ExpirationInDays": random.randint(30, 400)}]
                },
            },
        },
        f"{name}BucketPolicy": {
            "Type": "AWS::S3::BucketPolicy",
            "Properties": {
                "Bucket": {"Ref": f"{name}Bucket"},
                "PolicyDocument": {"Version": "2012-10-17", "Statement": [denied]},
            },
        },
    }


def _queue(random: Random, name: str) -> Template:
    dimensions = [{"Name": "QueueName", "Value": {"Fn::GetAtt": f"{name}DeadLetters.QueueName"}}]
    return {
        f"{name}Queue": {
            "Type": "AWS::SQS::Queue",
            "Properties": {
                "VisibilityTimeout": random.choice((60, 180, 360)),
                "RedrivePolicy": {
                    "deadLetterTargetArn": {"Fn::GetAtt": f"{name}DeadLetters.Arn"},
                    "maxReceiveCount": 5,
                },
            },
        },
        f"{name}DeadLetters": {"Type": "AWS::SQS::Queue", "Properties": {"MessageRetentionPeriod": 1209600}},
        f"{name}Alarm": {
            "Type": "AWS::CloudWatch::Alarm",
            "Properties": {
                "Namespace": "AWS/SQS",
                "MetricName": "ApproximateNumberOfMessagesVisible",
                "Dimensions": dimensions,
                "Statistic": "Maximum",
                "Period": 300,
                "EvaluationPeriods": random.randint(1, 3),
                "Threshold": 0,
                "ComparisonOperator": "GreaterThanThreshold",
            },
        },
    }


_OTHERS: Final = (_function, _role, _bucket, _queue)


def _yaml(template: Template) -> str:
    sections = yaml.dump(template, Dumper=_Dumper, sort_keys=False, width=110)
    return f"# Deployed by the pipeline: change it in a pull request.\n{sections}"


class _Dumper(yaml.SafeDumper):
    """Writes templates as people do: functions in their short form, texts of several lines as blocks, no aliases."""

    def ignore_aliases(self, data: object) -> bool:
        """Write everything out."""
        del data
        return True

    def object(self, data: Template) -> yaml.Node:
        """Return the node of an object or of a function."""
        if len(data) == 1:
            ((name, argument),) = data.items()
            if name in _SHORT:
                return self.represent_scalar(_SHORT[name], argument)
        return self.represent_mapping("tag:yaml.org,2002:map", data.items())

    def text(self, data: str) -> yaml.Node:
        """Return the node of a text."""
        return self.represent_scalar("tag:yaml.org,2002:str", data, style="|" if "\n" in data else None)


_Dumper.add_representer(dict, _Dumper.object)
_Dumper.add_representer(str, _Dumper.text)
