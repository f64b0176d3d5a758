"""Which requests a statement matches: the actions and the principals that it lists, and its conditions.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html
"""

import functools
from collections.abc import Iterable

from tests.oracle import solver_logic as logic
from tests.oracle.solver_caller import ROLE
from tests.oracle.solver_condition_keys import RequestContext
from tests.oracle.solver_conditions import condition_formula
from tests.oracle.solver_logic import FALSE, TRUE, Bool
from tests.oracle.solver_matching import match_items, match_texts
from tests.oracle.solver_patterns import literal
from tests.oracle.solver_policy import ListedPrincipal, PrincipalForm, Statement
from tests.oracle.solver_values import items

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
def matches_action(pattern: str, subject: str) -> bool:
    """Whether an action pattern covers an action; `*` and `?` are wildcards, letter case does not matter."""
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
    """Each pattern that begins with `ecr:` and covers no known action, as one unknown action."""
    known = REPOSITORY_ACTIONS + REGISTRY_ACTIONS
    return tuple(
        dict.fromkeys(
            pattern.lower()
            for pattern in patterns
            if pattern.lower().startswith("ecr:") and not any(matches_action(pattern, action) for action in known)
        )
    )


def carries_request_tags(action: str) -> bool:
    """Whether requests of the action can have aws:RequestTag keys."""
    return action in _WITH_REQUEST_TAGS


def carries_tag_keys(action: str) -> bool:
    """Whether requests of the action can have aws:TagKeys."""
    return action in _WITH_TAG_KEYS


def covers(statement: Statement, action: str) -> bool:
    """Whether the statement covers the action on the repository."""
    listed = any(matches_action(pattern, action) for pattern in statement.actions)
    return statement.covers_repository and listed != statement.not_actions


def statement_formula(request: RequestContext, statement: Statement) -> Bool:
    """Whether principal and conditions of the statement match the request, whatever its action."""
    parts = [principal_formula(request, statement)]
    for condition in statement.conditions:
        if logic.is_false(parts[-1]):
            return FALSE
        parts.append(condition_formula(request, condition, allow=statement.allow))
    return logic.both(*parts)


def principal_formula(request: RequestContext, statement: Statement) -> Bool:
    """Whether the Principal or NotPrincipal element matches the caller.

    A malformed value matches everyone in an Allow and nobody in a Deny. A request does not say which users an identity
    provider federates, so no provider in a Deny denies access, and a Deny with one in NotPrincipal matches nobody.
    """
    principals = statement.principals
    providers = [principal for principal in principals.listed if principal.form is PrincipalForm.PROVIDER]
    if not statement.allow and principals.negated and (principals.malformed or providers):
        return FALSE
    if statement.allow and not principals.negated and principals.malformed:
        return TRUE
    listed = [
        _is_caller(request, principal, f"{place} of statement {statement.index}")
        for place, principal in enumerate(principals.listed)
        if statement.allow or principal.form is not PrincipalForm.PROVIDER
    ]
    found = logic.either(logic.truth(principals.everyone), *listed)
    return logic.no(found) if principals.negated else found


def _is_caller(request: RequestContext, principal: ListedPrincipal, place: str) -> Bool:
    """Whether the caller is the listed principal."""
    caller = request.caller
    account = caller.account.member(literal(principal.account))
    partition = TRUE
    if principal.partition is not None:
        partition = match_items(items(caller.partition), literal(principal.partition), caller.encoding)
    match principal.form:
        case PrincipalForm.ACCOUNT:
            return logic.both(account, partition)
        case PrincipalForm.EXACT:
            return match_texts(caller.principal_arn, literal(principal.arn), caller.encoding)
        case PrincipalForm.SESSION:
            role, session = (
                caller.name.member(literal(principal.role)),
                caller.session.member(literal(principal.session)),
            )
            return logic.both(caller.is_kind(ROLE), account, partition, role, session)
        case PrincipalForm.PROVIDER:
            return logic.both(account, partition, logic.bool_var(f"is principal {place}"))
