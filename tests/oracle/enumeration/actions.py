"""The actions of ECR, and the ones that a policy makes up."""

from collections.abc import Iterable
from typing import Final

from tests.oracle.enumeration.policy import Statement
from tests.oracle.enumeration.text import Pattern, glob_matches

REPOSITORY_ACTIONS: Final = tuple(
    f"ecr:{name}"
    for name in [
        "SetRepositoryPolicy",
        "DeleteRepositoryPolicy",
        "BatchDeleteImage",
        "DeleteRepository",
        "PutLifecyclePolicy",
        "DeleteLifecyclePolicy",
        "PutImage",
        "InitiateLayerUpload",
        "UploadLayerPart",
        "CompleteLayerUpload",
        "ReplicateImage",
        "BatchImportUpstreamImage",
        "CreateRepository",
        "BatchGetImage",
        "GetDownloadUrlForLayer",
        "PutImageTagMutability",
        "PutImageScanningConfiguration",
        "StartImageScan",
        "StartLifecyclePolicyPreview",
        "TagResource",
        "UntagResource",
        "UpdateImageStorageClass",
        "BatchCheckLayerAvailability",
        "BatchGetRepositoryScanningConfiguration",
        "DescribeImageReplicationStatus",
        "DescribeImageScanFindings",
        "DescribeImageSigningStatus",
        "DescribeImages",
        "DescribeRepositories",
        "GetImageCopyStatus",
        "GetLifecyclePolicy",
        "GetLifecyclePolicyPreview",
        "GetRepositoryPolicy",
        "ListImages",
        "ListTagsForResource",
    ]
)
REGISTRY_ACTIONS: Final = tuple(
    f"ecr:{name}"
    for name in [
        "GetAuthorizationToken",
        "GetRegistryPolicy",
        "PutRegistryPolicy",
        "DeleteRegistryPolicy",
        "DescribeRegistry",
        "PutReplicationConfiguration",
        "GetRegistryScanningConfiguration",
        "PutRegistryScanningConfiguration",
        "GetAccountSetting",
        "PutAccountSetting",
        "CreatePullThroughCacheRule",
        "DeletePullThroughCacheRule",
        "UpdatePullThroughCacheRule",
        "ValidatePullThroughCacheRule",
        "DescribePullThroughCacheRules",
        "CreateRepositoryCreationTemplate",
        "DeleteRepositoryCreationTemplate",
        "UpdateRepositoryCreationTemplate",
        "DescribeRepositoryCreationTemplates",
        "GetSigningConfiguration",
        "PutSigningConfiguration",
        "DeleteSigningConfiguration",
        "RegisterPullTimeUpdateExclusion",
        "DeregisterPullTimeUpdateExclusion",
        "ListPullTimeUpdateExclusions",
    ]
)
TAGGING: Final = frozenset({"ecr:createrepository", "ecr:tagresource", "ecr:listtagsforresource"})
UNTAGGING: Final = "ecr:untagresource"


def _action_pattern(text: str) -> Pattern:
    """Actions take stars and question marks and ignore case."""
    return tuple((char not in "*?", char) for char in text)


def action_matches(pattern: str, action: str) -> bool:
    """Whether an action pattern covers the text of an action."""
    return glob_matches(_action_pattern(pattern), action, ignore_case=True)


def statement_covers_action(statement: Statement, action: str) -> bool:
    """Action lists what is meant, NotAction what is not."""
    return statement.not_action != any(action_matches(pattern, action) for pattern in statement.actions)


def every_action(statements: Iterable[Statement]) -> tuple[str, ...]:
    """The repository actions, and each ecr: pattern of an Allow that matches no known action."""
    unknown = {
        pattern.lower()
        for statement in statements
        if statement.allow and not statement.not_action
        for pattern in statement.actions
        if pattern.lower().startswith("ecr:")
        and not any(action_matches(pattern, action) for action in REPOSITORY_ACTIONS + REGISTRY_ACTIONS)
    }
    return tuple(action.lower() for action in REPOSITORY_ACTIONS) + tuple(sorted(unknown))
