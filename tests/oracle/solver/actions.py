"""Which actions a repository policy can grant, and which patterns cover them."""

import functools
from collections.abc import Iterable

REPOSITORY_ACTIONS = tuple(
    f"ecr:{name}".lower()
    for name in (
        "SetRepositoryPolicy DeleteRepositoryPolicy BatchDeleteImage DeleteRepository PutLifecyclePolicy "
        "DeleteLifecyclePolicy PutImage InitiateLayerUpload UploadLayerPart CompleteLayerUpload ReplicateImage "
        "BatchImportUpstreamImage CreateRepository BatchGetImage GetDownloadUrlForLayer PutImageTagMutability "
        "PutImageScanningConfiguration StartImageScan StartLifecyclePolicyPreview TagResource UntagResource "
        "UpdateImageStorageClass BatchCheckLayerAvailability BatchGetRepositoryScanningConfiguration "
        "DescribeImageReplicationStatus DescribeImageScanFindings DescribeImageSigningStatus DescribeImages "
        "DescribeRepositories GetImageCopyStatus GetLifecyclePolicy GetLifecyclePolicyPreview GetRepositoryPolicy "
        "ListImages ListTagsForResource"
    ).split()
)
REGISTRY_ACTIONS = tuple(
    f"ecr:{name}".lower()
    for name in (
        "GetAuthorizationToken GetRegistryPolicy PutRegistryPolicy DeleteRegistryPolicy DescribeRegistry "
        "PutReplicationConfiguration GetRegistryScanningConfiguration PutRegistryScanningConfiguration "
        "GetAccountSetting PutAccountSetting CreatePullThroughCacheRule DeletePullThroughCacheRule "
        "UpdatePullThroughCacheRule ValidatePullThroughCacheRule DescribePullThroughCacheRules "
        "CreateRepositoryCreationTemplate DeleteRepositoryCreationTemplate UpdateRepositoryCreationTemplate "
        "DescribeRepositoryCreationTemplates GetSigningConfiguration PutSigningConfiguration "
        "DeleteSigningConfiguration RegisterPullTimeUpdateExclusion DeregisterPullTimeUpdateExclusion "
        "ListPullTimeUpdateExclusions"
    ).split()
)
_WITH_REQUEST_TAGS = frozenset({"ecr:createrepository", "ecr:tagresource", "ecr:listtagsforresource"})
_WITH_TAG_KEYS = _WITH_REQUEST_TAGS | {"ecr:untagresource"}


@functools.lru_cache(maxsize=65536)
def glob(pattern: str, subject: str) -> bool:
    """`*` stands for any text, `?` for one character, upper and lower case are one."""
    pattern, subject = pattern.lower(), subject.lower()
    reached = {0}
    for char in (*subject, None):
        wave = set(reached)
        for start in reached:
            state = start
            while state < len(pattern) and pattern[state] == "*":
                state += 1
                wave.add(state)
        if char is None:
            return len(pattern) in wave
        reached = {state for state in wave if state < len(pattern) and pattern[state] == "*"}
        reached |= {state + 1 for state in wave if state < len(pattern) and pattern[state] in ("?", char)}
    return False


def unknown_actions(patterns: Iterable[str]) -> tuple[str, ...]:
    """A pattern that begins with `ecr:` and matches no known action is itself one unknown action."""
    known = REPOSITORY_ACTIONS + REGISTRY_ACTIONS
    return tuple(
        dict.fromkeys(
            pattern.lower()
            for pattern in patterns
            if pattern.lower().startswith("ecr:") and not any(glob(pattern, action) for action in known)
        )
    )


def carries_request_tags(action: str) -> bool:
    """aws:RequestTag exists only in the requests of three actions."""
    return action in _WITH_REQUEST_TAGS


def carries_tag_keys(action: str) -> bool:
    """aws:TagKeys exists only in the requests of four actions."""
    return action in _WITH_TAG_KEYS
