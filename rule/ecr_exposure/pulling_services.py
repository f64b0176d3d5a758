"""The AWS services that pull images as themselves, and the statement that AWS documents for each of them.

Such a service calls Amazon ECR as a service principal, so the repository policy must name it. Services that pull with
a role, as Amazon ECS does, are not in this table: they have the access of the role.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_execution_IAM_role.html
"""

from collections.abc import Container, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from ecr_exposure.identifiers import AccountId, partitions_of_region


@dataclass(frozen=True, slots=True, kw_only=True)
class PullingService:
    """A service principal that pulls images, and what the service's page documents about it.

    name: for users of this rule, such as ``lambda``. sid: of the documented statement, without its blanks. actions:
    what the page has the policy allow, in the page's order. operator, key, value: the condition that restricts the
    service to requests on behalf of the owner's account; {partition}, {region} and {owner} are placeholders. page: the
    address of the page.
    """

    name: str
    principal: str
    sid: str
    actions: tuple[str, ...]
    operator: str
    key: str
    value: str
    page: str


# ArnLike compares the account field by itself, also with a wildcard before it; StringLike would not:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
_SERVICES: Final = (
    PullingService(
        name="lambda",
        principal="lambda.amazonaws.com",
        sid="LambdaECRImageRetrievalPolicy",
        actions=("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"),
        operator="ArnLike",
        key="aws:sourceARN",
        value="arn:{partition}:lambda:{region}:{owner}:function:*",
        page="https://docs.aws.amazon.com/lambda/latest/dg/images-create.html#configuration-images-xaccount-permissions",
    ),
    # For projects whose imagePullCredentialsType is CODEBUILD. The page also fixes one project by aws:SourceArn; a
    # policy that allows everyone does not say which projects pull.
    PullingService(
        name="codebuild",
        principal="codebuild.amazonaws.com",
        sid="CodeBuildAccessPrincipal",
        actions=("ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage", "ecr:BatchCheckLayerAvailability"),
        operator="StringEquals",
        key="aws:SourceAccount",
        value="{owner}",
        page="https://docs.aws.amazon.com/codebuild/latest/userguide/sample-ecr.html",
    ),
    # The page fixes one application, here it is any of the owner's.
    PullingService(
        name="emr-serverless",
        principal="emr-serverless.amazonaws.com",
        sid="EmrServerlessCustomImageSupport",
        actions=("ecr:BatchGetImage", "ecr:DescribeImages", "ecr:GetDownloadUrlForLayer"),
        operator="ArnLike",
        key="aws:SourceArn",
        value="arn:{partition}:emr-serverless:{region}:{owner}:/applications/*",
        page="https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/application-custom-image.html#access-repo",
    ),
    # The page's section "Restrict access to specific accounts".
    PullingService(
        name="omics",
        principal="omics.amazonaws.com",
        sid="OmicsAccessPrincipal",
        actions=("ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage", "ecr:BatchCheckLayerAvailability"),
        operator="StringEquals",
        key="aws:SourceAccount",
        value="{owner}",
        page="https://docs.aws.amazon.com/omics/latest/dev/permissions-ecr.html",
    ),
)
PULLING_SERVICES: Final[Mapping[str, PullingService]] = MappingProxyType({each.name: each for each in _SERVICES})


def statement_for(
    service: PullingService, *, actions: Container[str], owner: AccountId, region: str | None
) -> dict[str, object]:
    """Return the statement that allows a service to pull for the owner's account.

    actions: the concrete actions that it may allow, spelled as in the table; those of the service are taken.
    region: of the repository; None if it is not known: then the value has a wildcard for region and partition.
    """
    partition, *others = partitions_of_region(region)
    value = service.value.format(partition="*" if others else partition, region=region or "*", owner=owner)
    return {
        "Sid": service.sid,
        "Effect": "Allow",
        "Principal": {"Service": service.principal},
        "Action": [action for action in service.actions if action in actions],
        "Condition": {service.operator: {service.key: value}},
    }
