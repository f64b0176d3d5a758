"""Long lists of names, as real policies have them: roles that some may use, alone and beside an organization."""

from collections.abc import Mapping
from typing import Any, Final

from tests.benchmarks.worst_policies import Policy, allow, deny, policy

_TEAMS: Final = "payments search billing identity data platform mobile web ops security".split()
_DUTIES: Final = "deploy build read audit release scan".split()
_NAMES: Final = [f"{team}-{duty}" for team in _TEAMS for duty in _DUTIES]
_ROLES: Final = [f"arn:aws:iam::*:role/*{name}*" for name in _NAMES]
_SSO_ROLES: Final = [f"arn:aws:iam::*:role/aws-reserved/sso.amazonaws.com/*AWSReservedSSO_{name}_*" for name in _NAMES]
_ORGANIZATION: Final = {"StringNotEquals": {"aws:PrincipalOrgID": "o-abcde12345"}}


def _spared(names: list[str]) -> dict[str, Any]:
    return {"ArnNotLike": {"aws:PrincipalArn": names}}


LISTS: Final[Mapping[str, Policy]] = {
    "60 role names, StringLike": policy(allow({"StringLike": {"aws:PrincipalArn": _ROLES}})),
    "60 role names, ArnLike": policy(allow({"ArnLike": {"aws:PrincipalArn": _ROLES}})),
    "60 SSO roles": policy(allow({"ArnLike": {"aws:PrincipalArn": _SSO_ROLES}})),
    "60 role names behind an organization": policy(
        allow({"StringLike": {"aws:PrincipalArn": _ROLES}}), deny(_ORGANIZATION)
    ),
    "60 role names that a Deny spares": policy(allow(), deny(_spared(_ROLES))),
    "60 SSO roles that a Deny spares, behind an organization": policy(
        allow(), deny(_spared(_SSO_ROLES)), deny(_ORGANIZATION)
    ),
    "60 user names": policy(allow({"StringLike": {"aws:username": [f"*{name}*" for name in _NAMES]}})),
    "60 role sessions": policy(allow({"StringLike": {"aws:userid": [f"AROA*:*{name}*" for name in _NAMES]}})),
    "60 role names of both lists": policy(
        allow({"StringLike": {"aws:PrincipalArn": _ROLES}}), deny(_spared(_ROLES[::2])), deny(_ORGANIZATION)
    ),
}
