"""Policies that people write, which the search must decide, and the example requests that it gives for them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from ecr_exposure import Request, is_allowed, judge

NOW = datetime(2026, 11, 26, tzinfo=UTC)
ORGANIZATION = {"StringNotEquals": {"aws:PrincipalOrgID": "o-abcdefghij"}}
NAMES = [
    f"{name}{number}" for number in range(5) for name in "admin dev ci deploy audit data ml web db qa ops sec".split()
]
ROLES = [f"arn:aws:iam::*:role/*{name}*" for name in NAMES]
SSO_ROLES = [f"arn:aws:iam::*:role/aws-reserved/sso.amazonaws.com/*AWSReservedSSO_{name}_*" for name in NAMES]


def allow(condition: Mapping[str, Any] | None = None) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}
    return statement if condition is None else {**statement, "Condition": condition}


def deny(condition: Mapping[str, Any]) -> dict[str, Any]:
    return {"Effect": "Deny", "Principal": "*", "Action": "*", "Condition": condition}


def policy(*statements: Mapping[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def example_of(*statements: Mapping[str, Any], **question: Any) -> Request:
    """Return the example request of a policy that grants public access."""
    found = judge(policy(*statements), test="reachable", now=NOW, **question)
    assert found.problem is None
    request = found.grants[0].witness
    assert request is not None
    assert is_allowed(policy(*statements), request)
    return request


@pytest.mark.parametrize("names", [ROLES, SSO_ROLES], ids=["roles", "sso"])
@pytest.mark.parametrize("operator", ["StringLike", "ArnLike"])
@pytest.mark.parametrize("count", [10, 60])
class TestListsOfRoleNames:
    """Values are ORed, so each pattern is searched for by itself."""

    def test_list_grants_public_access(self, names: list[str], operator: str, count: int) -> None:
        request = example_of(allow({operator: {"aws:PrincipalArn": names[:count]}}))
        assert request.context["aws:principaltype"] == "AssumedRole"

    def test_list_behind_an_organization_deny_grants_none(self, names: list[str], operator: str, count: int) -> None:
        condition = {operator: {"aws:PrincipalArn": names[:count]}}
        found = judge(policy(allow(condition), deny(ORGANIZATION)), test="reachable", now=NOW)
        assert (found.compliance, found.problem) == ("COMPLIANT", None)

    def test_list_that_a_deny_spares_grants_public_access(self, names: list[str], operator: str, count: int) -> None:
        example_of(allow(), deny({operator.replace("Like", "NotLike"): {"aws:PrincipalArn": names[:count]}}))


class TestOneListOfTwo:
    """One role must match a pattern of each of two lists."""

    def test_a_role_that_two_lists_name_is_found(self) -> None:
        allowed, spared = {"aws:PrincipalArn": ROLES}, {"aws:PrincipalArn": SSO_ROLES}
        request = example_of(allow({"ArnLike": allowed}), deny({"ArnNotLike": spared}))
        assert "/aws-reserved/sso.amazonaws.com/" in str(request.context["aws:principalarn"])


class TestEqualKeys:
    """Policy variables that make keys equal, or different."""

    def test_tags_that_must_be_equal_and_differ_grant_no_access(self) -> None:
        equal = allow(
            {
                "StringEquals": {"aws:PrincipalTag/team": "${aws:ResourceTag/team}"},
                "StringLike": {"aws:ResourceTag/team": "prod-*"},
            }
        )
        found = judge(
            policy(equal, deny({"StringLike": {"aws:PrincipalTag/team": "prod*"}})), test="reachable", now=NOW
        )
        assert (found.compliance, found.problem) == ("COMPLIANT", None)

    def test_thirty_tags_that_equal_tags_and_differ_from_others_are_found(self) -> None:
        tags = range(30)
        request = example_of(
            allow(
                {
                    "StringEquals": {f"aws:PrincipalTag/a{n}": f"${{aws:PrincipalTag/b{n}}}" for n in tags},
                    "StringNotEquals": {f"aws:PrincipalTag/a{n}": f"${{aws:PrincipalTag/b{n + 1}}}" for n in tags},
                }
            )
        )
        assert request.context["aws:principaltag/a1"] == request.context["aws:principaltag/b1"]
        assert request.context["aws:principaltag/a1"] != request.context["aws:principaltag/b2"]

    def test_chain_of_denies_gives_every_tag_one_value(self) -> None:
        chain = [
            deny({"StringNotEquals": {f"aws:PrincipalTag/{n}": f"${{aws:PrincipalTag/{n + 1}}}"}}) for n in range(78)
        ]
        request = example_of(allow(), *chain)
        assert len({request.context[f"aws:principaltag/{n}"] for n in range(79)}) == 1

    def test_denies_with_a_variable_inside_are_avoided_together(self) -> None:
        denies = [deny({"StringNotLike": {"aws:PrincipalArn": f"*${{aws:PrincipalTag/{n}}}*"}}) for n in range(81)]
        request = example_of(allow(), *denies)
        assert all(
            str(request.context[f"aws:principaltag/{n}"]) in str(request.context["aws:principalarn"]) for n in range(81)
        )


class TestOrganizationPaths:
    """A path has as many organizational units as a pattern needs, also where it writes out no slash."""

    @pytest.mark.parametrize("pattern", ["*" + 70 * "a*", "*" + 10 * "-*"], ids=["letters", "hyphens"])
    def test_path_long_enough_for_the_pattern_is_found(self, pattern: str) -> None:
        example_of(allow({"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": pattern}}))


class TestExampleAddress:
    """No other statement explains the address of an example request."""

    @pytest.mark.parametrize(
        "network", ["198.51.100.0/24", "203.0.113.0/24", "192.0.2.0/24"], ids=lambda network: network.split("/")[0]
    )
    def test_address_is_outside_every_trusted_network(self, network: str) -> None:
        trusting = allow({"IpAddress": {"aws:SourceIp": network}})
        request = example_of(trusting, allow({"StringLike": {"aws:UserAgent": "*"}}))
        assert not str(request.context["aws:sourceip"]).startswith(network.rpartition(".")[0])


class TestKnownTags:
    """The repository's tags, where `judge` is told them."""

    def test_context_holds_the_tag_that_the_policy_asks_for(self) -> None:
        condition = {"StringEquals": {"aws:ResourceTag/Team": "blue"}}
        request = example_of(allow(condition), resource_tags={"team": "blue", "other": "x"})
        assert request.context["aws:resourcetag/team"] == "blue"
        assert "aws:resourcetag/other" not in request.context

    def test_context_holds_the_tag_that_a_variable_asks_for(self) -> None:
        condition = {"StringEquals": {"aws:PrincipalTag/team": "${ecr:ResourceTag/Team}"}}
        request = example_of(allow(condition), resource_tags={"team": "blue"})
        assert request.context["ecr:resourcetag/team"] == request.context["aws:principaltag/team"] == "blue"

    @pytest.mark.parametrize("wanted", ["true", "false"])
    def test_tag_that_is_the_same_only_beyond_ascii_may_be_present_or_absent(self, wanted: str) -> None:
        # U+212A, the sign of the unit kelvin, becomes a k when the case of all letters is ignored.
        example_of(allow(), deny({"Null": {"aws:ResourceTag/key": wanted}}), resource_tags={"\u212aey": "x"})

    def test_similar_tag_beside_the_right_one_leaves_the_value_open(self) -> None:
        tags = {"key": "x", "\u212aey": "y"}
        example_of(allow({"StringEquals": {"aws:ResourceTag/key": "z"}}), resource_tags=tags)
        example_of(allow(), deny({"StringNotEquals": {"aws:ResourceTag/key": "z"}}), resource_tags=tags)

    @pytest.mark.parametrize("tags", [5, {"team": 1}, [("team", "blue")]], ids=["number", "value", "list"])
    def test_tags_that_are_no_mapping_of_strings_are_refused(self, tags: Any) -> None:
        with pytest.raises(ValueError, match=r"resource_tags: .* is not a mapping of tag keys to tag values"):
            judge(policy(allow()), test="reachable", resource_tags=tags)
