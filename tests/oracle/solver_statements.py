"""Which requests a statement matches: the actions and the principals that it lists, and its conditions.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html
"""

import functools

from tests.oracle import solver_logic as logic
from tests.oracle.solver_caller import ROLE
from tests.oracle.solver_condition_keys import RequestContext
from tests.oracle.solver_conditions import condition_formula
from tests.oracle.solver_logic import FALSE, TRUE, Bool
from tests.oracle.solver_matching import match_items, match_texts
from tests.oracle.solver_patterns import accepts, folded, literal, read_pattern
from tests.oracle.solver_policy import Statement
from tests.oracle.solver_principals import ListedPrincipal, PrincipalForm
from tests.oracle.solver_values import items

CAPABILITIES = tuple(
    tuple(f"ecr:{name}".lower() for name in names.split())
    for names in (
        "SetRepositoryPolicy DeleteRepositoryPolicy",
        "BatchDeleteImage DeleteRepository PutLifecyclePolicy DeleteLifecyclePolicy",
        "PutImage InitiateLayerUpload UploadLayerPart CompleteLayerUpload ReplicateImage BatchImportUpstreamImage "
        "CreateRepository",
        "BatchGetImage GetDownloadUrlForLayer",
        "PutImageTagMutability PutImageScanningConfiguration StartImageScan StartLifecyclePolicyPreview TagResource "
        "UntagResource UpdateImageStorageClass",
        "BatchCheckLayerAvailability BatchGetRepositoryScanningConfiguration DescribeImageReplicationStatus "
        "DescribeImageScanFindings DescribeImageSigningStatus DescribeImages DescribeRepositories GetImageCopyStatus "
        "GetLifecyclePolicy GetLifecyclePolicyPreview GetRepositoryPolicy ListImages ListTagsForResource",
    )
)
"""The repository actions that administer, delete, push, pull, configure and discover, most dangerous first."""
REPOSITORY_ACTIONS = tuple(action for actions in CAPABILITIES for action in actions)
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
    """Whether an action pattern covers an action; `*` and `?` are wildcards over the whole text, colon included."""
    return accepts(read_pattern(folded(pattern), wildcards=True, variables=False), folded(subject))


def unknown_actions(statement: Statement) -> tuple[str, ...]:
    """Each pattern of an Action element that begins with `ecr:` and covers no known action, as one unknown action."""
    known = REPOSITORY_ACTIONS + REGISTRY_ACTIONS
    patterns = () if statement.not_actions else map(folded, statement.actions)
    return tuple(
        dict.fromkeys(
            pattern
            for pattern in patterns
            if pattern.startswith("ecr:") and not any(matches_action(pattern, action) for action in known)
        )
    )


def covered_actions(statement: Statement) -> list[str]:
    """The repository actions that an Allow covers, most dangerous first, and its unknown actions by their text."""
    known = [action for action in REPOSITORY_ACTIONS if covers(statement, action)]
    return known + sorted(unknown_actions(statement))


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

    An unreliable value matches everyone in an Allow and nobody elsewhere, an invalid one matches nobody, and a Deny
    with either in NotPrincipal does not count. A request does not say which identity provider federates its caller, so
    all callers of the provider's account count where that grants access, and none where it denies access.
    """
    principals, allow = statement.principals, statement.allow
    if not allow and principals.negated and (principals.unreliable or principals.invalid):
        return FALSE
    if allow and not principals.negated and principals.unreliable:
        return TRUE
    listed = [
        _is_caller(request, principal)
        for principal in principals.listed
        if principal.form is not PrincipalForm.PROVIDER or allow != principals.negated
    ]
    found = logic.either(logic.truth(principals.everyone), *listed)
    return logic.no(found) if principals.negated else found


def _is_caller(request: RequestContext, principal: ListedPrincipal) -> Bool:
    """Whether the caller is the listed principal."""
    caller = request.caller
    account = caller.account.member(literal(principal.account))
    partition = TRUE
    if principal.partition is not None:
        partition = match_items(items(caller.partition), literal(principal.partition), caller.encoding)
    match principal.form:
        case PrincipalForm.ACCOUNT | PrincipalForm.PROVIDER:
            return logic.both(account, partition)
        case PrincipalForm.EXACT:
            return match_texts(caller.principal_arn, literal(principal.arn), caller.encoding)
        case PrincipalForm.SESSION:
            role, session = (
                caller.name.member(literal(principal.role)),
                caller.session.member(literal(principal.session)),
            )
            return logic.both(caller.is_kind(ROLE), account, partition, role, session)
