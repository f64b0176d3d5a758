"""Whether AWS could make a request: the forms of its values, and the keys that must agree with each other."""

import ipaddress
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from ecr_exposure import Request

_NAME: Final = r"[\w+=,.@-]+"
_ARN: Final = re.compile(
    rf"arn:aws[a-z-]*:(iam::\d{{12}}:(root|(user|role)/([!-~]+/)?{_NAME})|sts::\d{{12}}:federated-user/{_NAME})",
    re.ASCII,
)
_ORGANIZATION_PATH: Final = re.compile(
    r"(o-[a-z0-9]{10,32})/r-[a-z0-9]{4,32}/(ou-[a-z0-9]{4,32}-[a-z0-9]{8,32}/)*", re.ASCII
)
_USER_IDS: Final = {
    "User": r"AIDA[A-Z0-9]{12,28}",
    "AssumedRole": rf"AROA[A-Z0-9]{{12,28}}:{_NAME}",
    "FederatedUser": rf"\d{{12}}:{_NAME}",
    "Account": r"\d{12}",
}
_ENDPOINT_KEYS: Final = frozenset(
    "aws:sourcevpc aws:sourcevpce aws:sourcevpcarn aws:vpcsourceip "
    "aws:vpceaccount aws:vpceorgid aws:vpceorgpaths".split()
)
_NOT_PUBLIC: Final = tuple(
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.168.0.0/16 224.0.0.0/4 "
        "240.0.0.0/4"
    ).split()
)
_PUBLIC_V6: Final = ipaddress.ip_network("2000::/3")
_LONGEST_SESSION: Final = 36 * 3600


def check_consistency(request: Request, question: Mapping[str, Any]) -> None:
    """Assert that a caller from another account could make the request, by its principal and its context keys."""
    context = request.context
    _check_identity(request.principal, context)
    _check_organizations(context, question)
    _check_network(context)
    _check_times(context, question["now"])
    _check_tags(context, question.get("resource_tags"))
    account = context["aws:principalaccount"]
    assert account not in {question["owner"], *question["members"], *question["trusted_accounts"]}
    assert account != context.get("aws:resourceaccount")


def _check_identity(principal: str, context: Mapping[str, Any]) -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#principaltable."""
    arn, account, kind = (context[f"aws:principal{key}"] for key in ("arn", "account", "type"))
    user_id, name = context["aws:userid"], arn.rpartition("/")[2]
    assert _ARN.fullmatch(arn)
    assert arn.split(":")[4] == account
    assert re.fullmatch(_USER_IDS[kind], user_id, re.ASCII)
    assert context.get("aws:username") == (name if kind == "User" else None)
    if kind == "AssumedRole":
        partition, session = arn.split(":")[1], user_id.partition(":")[2]
        assert principal == f"arn:{partition}:sts::{account}:assumed-role/{name}/{session}"
    else:
        assert principal == arn
    if kind in ("Account", "FederatedUser"):
        assert user_id.partition(":")[0] == account
    if kind == "FederatedUser":
        assert user_id.partition(":")[2] == name


def _check_organizations(context: Mapping[str, Any], question: Mapping[str, Any]) -> None:
    """An organization comes with one path, and the owner's is another one than the caller's."""
    for whose in ("principal", "vpce", "resource"):
        organization, paths = context.get(f"aws:{whose}orgid"), context.get(f"aws:{whose}orgpaths")
        if paths is not None:
            (path,) = paths
            found = _ORGANIZATION_PATH.fullmatch(path)
            assert found
            assert organization in (None, found[1])
    own = context.get("aws:principalorgid")
    assert own is None or own != context.get("aws:resourceorgid")
    assert own not in question["trusted_organizations"]


def _check_network(context: Mapping[str, Any]) -> None:
    """A request has a public address or comes through a VPC endpoint."""
    if "aws:sourceip" in context:
        assert not _ENDPOINT_KEYS & context.keys()
        address = ipaddress.ip_address(context["aws:sourceip"])
        if address.version == 6:
            assert address in _PUBLIC_V6
        else:
            assert not any(address in network for network in _NOT_PUBLIC)


def _check_times(context: Mapping[str, Any], now: datetime) -> None:
    """The request is made now or later, with credentials of the last 36 hours."""
    moment = datetime.fromisoformat(context["aws:currenttime"])
    assert moment >= now.replace(microsecond=0)
    assert int(context["aws:epochtime"]) == moment.timestamp()
    if "aws:tokenissuetime" in context:
        age = (moment - datetime.fromisoformat(context["aws:tokenissuetime"])).total_seconds()
        assert 0 <= age <= _LONGEST_SESSION


def _check_tags(context: Mapping[str, Any], tags: Mapping[str, str] | None) -> None:
    """Known tags of the repository are constants; which of two counts whose keys differ only in case is not known."""
    for key, value in context.items() if tags is not None else ():
        prefix, _, tag = key.partition("/")
        if prefix.lower() in ("aws:resourcetag", "ecr:resourcetag"):
            found = [own for name, own in (tags or {}).items() if name.casefold() == tag.casefold()]
            assert found
            assert len(found) > 1 or not tag.isascii() or value == found[0]
