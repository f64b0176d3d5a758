"""The rule parameters: read from the strings of AWS Config into one frozen value."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from ecr_exposure.errors import ParameterError
from ecr_exposure.findings.access_tests import UNCONDITIONAL, AccessTest, access_test
from ecr_exposure.identifiers import (
    AccountId,
    OrganizationId,
    account_id,
    account_ids,
    organization_ids,
    region_name,
)
from ecr_exposure.policy.patterns import matches


class PublicRepository(NamedTuple):
    """One entry of excludedPublicRepositories: a pattern of names, in one account or (None) in any."""

    account: AccountId | None
    pattern: str

    def covers(self, account: str, name: str) -> bool:
        """Return whether the repository of this account and name is public on purpose."""
        return self.account in (None, account) and matches(self.pattern, name)

    def __str__(self) -> str:
        """Return the entry as it is written in the parameter."""
        return f"{self.account}:{self.pattern}" if self.account else self.pattern


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleParameters:
    """The rule parameters that the owner of the rule chose; the defaults are those of the rule.

    public_tag: the key of the tag that says that a repository is public on purpose; None for no such tag.
    trusted_accounts: for `external`, the rule adds the accounts of the organization.
    """

    test: AccessTest = UNCONDITIONAL
    public_repositories: tuple[PublicRepository, ...] = ()
    public_tag: str | None = None
    trusted_accounts: frozenset[AccountId] = frozenset()
    trusted_organizations: frozenset[OrganizationId] = frozenset()


RDKLIB_PARAMETERS: Final = ("ExecutionRoleName", "ExecutionRoleRegion", "AssumeRoleMode")
"""Parameters that rdklib reads itself; they are checked here, because rdklib does not check them."""

PARAMETERS: Final = (
    "publicAccessTest",
    "excludedPublicRepositories",
    "excludedPublicTag",
    "trustedAccounts",
    "trustedOrganizations",
    *RDKLIB_PARAMETERS,
)

# A role's name, after its path without the first slash:
# https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html
_ROLE: Final = re.compile(r"(?!/)([\x21-\x7e]{1,510}/)?[A-Za-z0-9_+=,.@-]{1,64}")
# A repository's name, with the two wildcards added:
# https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html
_PATTERN: Final = re.compile(r"[a-z0-9._/*?-]{1,256}")
# A tag key, without the blanks and the letters beyond ASCII that some services accept: AWS Config rejects blanks in
# rule parameters. Nobody can set a tag whose key begins with aws:.
# https://docs.aws.amazon.com/tag-editor/latest/userguide/reference.html
_TAG_KEY: Final = re.compile(r"(?!(?i:aws):)[A-Za-z0-9+=._:/@-]{1,128}")


def read_parameters(raw: object) -> RuleParameters:
    """Read the rule parameters of an event, a mapping of names to strings.

    An empty parameter counts as missing. Raises ParameterError, which names the parameter, its value and what is
    accepted.
    """
    texts = _texts(raw)
    test = access_test("publicAccessTest", texts.get("publicAccessTest", UNCONDITIONAL.name))
    _check_rdklib_parameters(texts)
    return RuleParameters(
        test=test,
        public_repositories=tuple(map(_public_repository, _list(texts, "excludedPublicRepositories"))),
        public_tag=_tag_key(texts.get("excludedPublicTag")),
        trusted_accounts=account_ids("trustedAccounts", _list(texts, "trustedAccounts")),
        trusted_organizations=organization_ids("trustedOrganizations", _list(texts, "trustedOrganizations")),
    )


def _texts(raw: object) -> dict[str, str]:
    if not isinstance(raw, Mapping):
        raise ParameterError(f"ruleParameters: {raw!r:.80} is not an object")
    for name, value in raw.items():
        if name not in PARAMETERS:
            raise ParameterError(f"{name!r:.80} is not a rule parameter (accepted: {', '.join(PARAMETERS)})")
        if not isinstance(value, str):
            raise ParameterError(f"{name}: {value!r:.80} is not a string")
    return {name: value.strip() for name, value in raw.items() if value.strip()}


def _list(texts: Mapping[str, str], name: str) -> list[str]:
    return [entry.strip() for entry in texts[name].split(",")] if name in texts else []


def _public_repository(entry: str) -> PublicRepository:
    account, colon, pattern = entry.rpartition(":")
    if not _PATTERN.fullmatch(pattern):
        raise ParameterError(
            f"excludedPublicRepositories: {entry!r:.80} is not [account:]pattern"
            " (a repository name, in which * is any text and ? any one character)"
        )
    return PublicRepository(
        account=account_id("excludedPublicRepositories", account) if colon else None, pattern=pattern
    )


def _tag_key(text: str | None) -> str | None:
    if text is None or _TAG_KEY.fullmatch(text):
        return text
    raise ParameterError(
        f"excludedPublicTag: {text!r:.80} is not a tag key"
        " (1 to 128 ASCII letters, digits or + - = . _ : / @, and not aws: at the beginning)"
    )


def _check_rdklib_parameters(texts: Mapping[str, str]) -> None:
    role = texts.get("ExecutionRoleName")
    if role is not None and not _ROLE.fullmatch(role):
        raise ParameterError(
            f"ExecutionRoleName: {role!r:.80} is not the name of a role"
            " (1 to 64 letters, digits or _ + = , . @ -; with a path: path/name, without a slash at the beginning)"
        )
    if "ExecutionRoleRegion" in texts:
        region_name("ExecutionRoleRegion", texts["ExecutionRoleRegion"])
    mode = texts.get("AssumeRoleMode", "true")
    if mode.lower() not in ("true", "false"):
        raise ParameterError(f"AssumeRoleMode: {mode!r:.80} is neither true nor false")
