"""The attributes of Terraform resources and data sources that name one account, principal or organization.

Which one, the code does not say; that it is one, and not everyone, it does.
https://registry.terraform.io/providers/hashicorp/aws/latest/docs
"""

from collections.abc import Mapping
from typing import Final

from ecr_exposure.cli.found_policies.code_facts import NAMED_ACCOUNT
from ecr_exposure.cli.found_policies.unknown_values import Named, Value
from ecr_exposure.cli.policies_in_terraform.uncertain_values import AnyNumber

PRINCIPALS: Final[Mapping[str, str]] = {
    "aws_iam_role": "role",
    "aws_iam_user": "user",
    "awscc_iam_role": "role",
    "awscc_iam_user": "user",
    "aws_iam_service_linked_role": "role/aws-service-role",
    "awscc_iam_service_linked_role": "role/aws-service-role",
    "aws_iam_openid_connect_provider": "oidc-provider",
    "awscc_iam_oidc_provider": "oidc-provider",
    "aws_iam_saml_provider": "saml-provider",
    "awscc_iam_saml_provider": "saml-provider",
}
"""What stands in the ARN of a principal, in front of its name, by the type of resource; data sources too."""

# Values of the documented shapes, of nothing that exists.
_ORGANIZATION: Final = "o-unknown0000"
_ROOT: Final = "r-unknown0"
_UNIT: Final = "ou-unknown0-unknown0"
_ROLE_ID, _USER_ID = "AROAUNKNOWN0000000000", "AIDAUNKNOWN0000000000"
_ORGANIZATIONS: Final = ("aws_organizations_organization", "data aws_organizations_organization")
_NAMED: Final[Mapping[tuple[str, str], str]] = {
    **{(kind, "id"): _ORGANIZATION for kind in _ORGANIZATIONS},
    **{(kind, "master_account_id"): NAMED_ACCOUNT for kind in _ORGANIZATIONS},
    ("aws_organizations_account", "id"): NAMED_ACCOUNT,
    ("aws_organizations_organizational_unit", "id"): _UNIT,
    ("data aws_organizations_organizational_unit", "id"): _UNIT,
    ("data aws_caller_identity", "account_id"): NAMED_ACCOUNT,
    ("data aws_caller_identity", "id"): NAMED_ACCOUNT,
    ("aws_iam_role", "unique_id"): _ROLE_ID,
    ("data aws_iam_role", "unique_id"): _ROLE_ID,
    ("aws_iam_user", "unique_id"): _USER_ID,
    ("data aws_iam_user", "user_id"): _USER_ID,
}
_LISTS: Final[Mapping[str, str]] = {"accounts": NAMED_ACCOUNT, "non_master_accounts": NAMED_ACCOUNT, "roots": _ROOT}


def named_by_code(kind: str, label: str, attribute: str, partition: str) -> Value:
    """Return the value of an attribute that names somebody; None for another one.

    kind: the type of a resource, or `data` and that of a data source.
    """
    reference = f"{kind.replace(' ', '.')}.{label}.{attribute}"
    principals = f"arn:{partition}:iam::{NAMED_ACCOUNT}:"
    principal = PRINCIPALS.get(kind.removeprefix("data ")) if attribute == "arn" else None
    if principal:
        return Named(reference, f"{principals}{principal}/{label}")
    if (kind, attribute) in {("data aws_iam_session_context", "issuer_arn"), ("data aws_caller_identity", "arn")}:
        return Named(reference, f"{principals}role/{label}")
    if (kind, attribute) == ("data aws_iam_roles", "arns"):
        return [AnyNumber((f"arn:{partition}:iam::", Named(reference, NAMED_ACCOUNT), f":role/{label}"))]
    if kind in _ORGANIZATIONS and attribute in _LISTS:
        return [{"id": Named(f"{reference}[…].id", _LISTS[attribute])}]
    example = _NAMED.get((kind, attribute))
    return None if example is None else Named(reference, example)


def principals_of_code(kind: str, label: str, attribute: str, partition: str) -> list[Value] | None:
    """Return the principals that such an attribute names, accounts of a list too; None for another attribute."""
    value = named_by_code(kind, label, attribute, partition)
    if value is None:
        return None
    return [each["id"] if isinstance(each, dict) else each for each in (value if isinstance(value, list) else [value])]
