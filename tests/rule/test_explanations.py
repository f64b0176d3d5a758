"""The reason of a grant: which statement grants access, why its condition does not restrict it, why no Deny does."""

from datetime import UTC, datetime
from typing import Any, Final

import pytest

from ecr_exposure import judge

NOW = datetime(2026, 11, 24, tzinfo=UTC)
ORGANIZATION = "o-abcde12345"


def reason(condition: Any, *more: dict[str, Any], test: str = "reachable", tags: dict[str, str] | None = None) -> str:
    """Return the reason of an Allow for everyone with this Condition; tags: of the repository."""
    first = {"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage", "Condition": condition}
    policy = {"Version": "2012-10-17", "Statement": [first, *more]}
    facts: dict[str, Any] = {"owner": "111122223333", "region": "us-east-1", "resource_tags": tags, "now": NOW}
    (grant,) = judge(policy, test=test, **facts).grants
    return grant.reason


def cause(condition: Any, *, test: str = "reachable", tags: dict[str, str] | None = None) -> str:
    """Return why the only condition of an Allow does not restrict the callers."""
    text = reason(condition, test=test, tags=tags)
    start, end = "in Statement[0], ", "; it allows ecr:BatchGetImage to *"
    assert text.startswith(start)
    assert text.endswith(end)
    return text.removeprefix(start).removesuffix(end)


class TestAllow:
    """The condition comes before the actions, and the sentence names its key."""

    @pytest.mark.parametrize(
        ("operator", "key", "value", "text"),
        [
            ("ForAllValues:StringEquals", "aws:PrincipalOrgID", "o-abcde12345",
             "ForAllValues also matches when aws:PrincipalOrgID is absent, as for any account outside an organization"),
            ("StringEqualsIfExists", "aws:PrincipalOrgID", "o-abcde12345",
             "IfExists also matches when aws:PrincipalOrgID is absent, as for any account outside an organization"),
            ("StringNotEquals", "aws:PrincipalOrgID", "o-abcde12345",
             "StringNotEquals also matches when aws:PrincipalOrgID is absent,"
             " as for any account outside an organization"),
            ("Null", "aws:PrincipalOrgID", "true",
             "Null matches when aws:PrincipalOrgID is absent, as for any account outside an organization"),
            ("NotIpAddress", "aws:SourceIp", ["0.0.0.0/0", "::/0"],
             "NotIpAddress also matches when aws:SourceIp is absent, as for any request through a VPC endpoint"),
            ("StringEqualsIfExists", "aws:SourceVpc", "vpc-0a1b2c3d",
             "IfExists also matches when aws:SourceVpc is absent, as for any request that uses no VPC endpoint"),
            ("StringNotEquals", "aws:SourceAccount", "111122223333",
             "StringNotEquals also matches when aws:SourceAccount is absent, as for every request of an IAM principal"),
            ("StringNotEquals", "aws:username", "ci",
             "StringNotEquals also matches when aws:username is absent, as for any role session"),
            ("StringNotEquals", "aws:PrincipalTag/team", "blue",
             "StringNotEquals also matches when aws:PrincipalTag/team is absent"),
            ("StringNotEquals", "aws:ResourceTag/team", "blue",
             "StringNotEquals also matches when aws:ResourceTag/team is absent, as on a repository without this tag"),
        ],
    )  # fmt: skip
    def test_absent_key_is_explained_by_who_does_not_have_it(
        self, operator: str, key: str, value: Any, text: str
    ) -> None:
        assert cause({operator: {key: value}}) == text

    @pytest.mark.parametrize(
        ("operator", "key", "value", "text"),
        [
            ("Null", "aws:PrincipalOrgID", "false", "aws:PrincipalOrgID only has to be present; any value matches"),
            ("StringNotEquals", "aws:PrincipalAccount", ["111122223333", "444455556666"],
             'StringNotEquals excludes only aws:PrincipalAccount "111122223333" and 1 more'),
            ("StringLike", "aws:PrincipalOrgID", "o-a*", 'aws:PrincipalOrgID "o-a*" also matches other organizations'),
            ("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", "o-*/r-ab12/*",
             'aws:PrincipalOrgPaths "o-*/r-ab12/*" also matches other organizations'),
            ("StringLike", "aws:PrincipalAccount", "1111*", 'aws:PrincipalAccount "1111*" also matches other accounts'),
            ("ArnLike", "aws:PrincipalArn", ["arn:aws:iam::111122223333:role/ci", "arn:aws:iam::*:role/ci"],
             'aws:PrincipalArn "arn:aws:iam::*:role/ci" also matches other accounts'),
            ("StringLike", "aws:PrincipalArn", "arn:*:iam::444455556666:role/*",
             'aws:PrincipalArn "arn:*:iam::444455556666:role/*" also matches other accounts,'
             " for a wildcard of StringLike matches colons too"),
            ("StringLike", "aws:userid", "*:ci", 'aws:userid "*:ci" also matches principals of other accounts'),
            ("StringLike", "aws:SourceVpc", "vpc-*", 'aws:SourceVpc "vpc-*" also matches VPCs of other accounts'),
            ("StringLike", "aws:SourceVpce", "vpce-*",
             'aws:SourceVpce "vpce-*" also matches VPC endpoints of other accounts'),
            ("ArnLike", "lambda:SourceFunctionArn", "arn:aws:lambda:*:*:function:x",
             'lambda:SourceFunctionArn "arn:aws:lambda:*:*:function:x" also matches other accounts'),
            ("StringEquals", "aws:PrincipalAccount", "${aws:PrincipalAccount}",
             'aws:PrincipalAccount "${aws:PrincipalAccount}" is the caller\'s own value'),
        ],
    )  # fmt: skip
    def test_value_is_named_with_the_callers_that_it_does_not_exclude(
        self, operator: str, key: str, value: Any, text: str
    ) -> None:
        assert cause({operator: {key: value}}) == text

    @pytest.mark.parametrize(
        ("operator", "key", "value", "text"),
        [
            ("StringEquals", "aws:PrincipalTag/Team", "blue", "is a tag that any account can give its principals"),
            ("StringEquals", "aws:username", "ci", "can be the name of an IAM user in any account"),
            ("Bool", "aws:MultiFactorAuthPresent", "true", "restricts how the caller signed in and not its account"),
            ("NumericLessThan", "aws:MultiFactorAuthAge", "3600",
             "restricts how the caller signed in and not its account"),
            ("StringEquals", "aws:PrincipalType", "User", "restricts the type of the caller and not its account"),
            ("StringLike", "aws:UserAgent", "*docker*", "is set by the caller"),
            ("StringEquals", "aws:SourceIdentity", "x", "can be set in any account"),
            ("StringEquals", "aws:FederatedProvider", "accounts.google.com",
             "can be the identity provider of callers in any account"),
            ("StringEquals", "saml:aud", "x", "can have such a value for callers of any account"),
            ("ForAnyValue:StringEquals", "aws:CalledVia", "cloudformation.amazonaws.com",
             "restricts which service passes the request on and not for whom"),
            ("IpAddress", "aws:VpcSourceIp", "10.0.0.0/8",
             "can be any address: the caller chooses the CIDR range of its VPC"),
            ("NumericLessThan", "ec2:RoleDelivery", "2.0",
             "restricts how the caller got its credentials and not its account"),
            ("StringEquals", "glue:RoleAssumedBy", "glue.amazonaws.com",
             "can be glue.amazonaws.com for callers of any account"),
            ("Bool", "aws:SecureTransport", "true", "is true for every caller"),
            ("Bool", "aws:PrincipalIsAWSService", "false", "is false for every caller"),
            ("DateLessThan", "aws:CurrentTime", "2030-01-01", "restricts the time of the request and not the caller"),
            ("StringEquals", "aws:ResourceAccount", "111122223333",
             "is about the repository and does not restrict the caller"),
        ],
    )  # fmt: skip
    def test_key_that_does_not_tell_callers_apart_is_explained(
        self, operator: str, key: str, value: Any, text: str
    ) -> None:
        assert cause({operator: {key: value}}) == f"{key} {text}"

    @pytest.mark.parametrize(
        ("ranges", "text"),
        [
            (["0.0.0.0/1", "128.0.0.0/1"], "more IPv4 addresses than a trusted network (a /8)"),
            (["203.0.113.0/24", "2600::/20"], "more IPv6 addresses than a trusted network (a /32)"),
            (["52.0.0.0/6", "2001:db8::/48"], "more IPv4 addresses than a trusted network (a /8)"),
            (["0.0.0.0/0", "::/0"], "more IPv4 addresses than a trusted network (a /8) and"
             " more IPv6 addresses than a trusted network (a /32)"),
        ],
    )  # fmt: skip
    def test_wide_network_is_measured_in_its_ip_version(self, ranges: list[str], text: str) -> None:
        assert cause({"IpAddress": {"aws:SourceIp": ranges}}) == f"aws:SourceIp allows {text}"

    @pytest.mark.parametrize(
        ("condition", "text"),
        [
            ({"StringEquals": {"aws:PrincipalOrgID": ORGANIZATION}},
             'aws:PrincipalOrgID "o-abcde12345" is not in the zone of trust'),
            ({"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": f"{ORGANIZATION}/*"}},
             'aws:PrincipalOrgPaths "o-abcde12345/*" is not in the zone of trust'),
            ({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::444455556666:role/ci-*"}},
             'aws:PrincipalArn "arn:aws:iam::444455556666:role/ci-*" is not in the zone of trust'),
            ({"StringLike": {"aws:userid": "AROAEXAMPLEEXAMPLE12:*"}},
             'aws:userid "AROAEXAMPLEEXAMPLE12:*" is not in the zone of trust'),
            ({"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}},
             "aws:SourceIp restricts the network, and a network is not part of the zone of trust"),
        ],
    )  # fmt: skip
    def test_named_value_is_not_in_the_zone_of_trust(self, condition: Any, text: str) -> None:
        assert cause(condition, test="external") == text

    @pytest.mark.parametrize(
        ("condition", "text"),
        [
            ({"StringLike": {"aws:PrincipalOrgPaths": f"{ORGANIZATION}/*"}},
             "AWS does not document StringLike without ForAnyValue for aws:PrincipalOrgPaths,"
             " which can have several values"),
            ({"NumericEquals": {"aws:PrincipalAccount": "1"}},
             "AWS does not document NumericEquals for aws:PrincipalAccount, which is not a number"),
            ({"StringEquals": {"aws:PrincipalOrgID": []}},
             "AWS does not document what an empty list of values for aws:PrincipalOrgID matches"),
            ({"StringLike": {"aws:SourceIp": "203.0.113.*"}},
             "AWS does not document StringLike for aws:SourceIp, which is not text"),
            ({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam"}},
             'AWS does not document how ArnLike compares aws:PrincipalArn with "arn:aws:iam"'),
        ],
    )  # fmt: skip
    def test_undocumented_condition_says_what_is_not_documented(self, condition: Any, text: str) -> None:
        assert cause(condition) == f"{text}, so it may match any caller"

    def test_tag_of_the_repository_is_not_called_the_callers(self) -> None:
        assert cause({"StringEquals": {"aws:ResourceTag/public": "true"}}) == (
            'aws:ResourceTag/public does not restrict the caller if the repository has the tag public "true"'
        )

    def test_known_tag_is_a_fact_about_the_repository(self) -> None:
        tags = {"public": "true"}
        assert cause({"StringEquals": {"aws:ResourceTag/public": "true"}}, tags=tags) == (
            'aws:ResourceTag/public does not restrict the caller, and the repository has the tag public "true"'
        )
        assert cause({"StringNotEquals": {"aws:ResourceTag/internal": "true"}}, tags=tags) == (
            "StringNotEquals also matches when aws:ResourceTag/internal is absent, as on this repository"
        )

    def test_tags_whose_keys_differ_in_case_only_are_undocumented(self) -> None:
        tags = {"Public": "true", "public": "false"}
        assert cause({"StringEquals": {"aws:ResourceTag/public": "true"}}, tags=tags) == (
            "AWS does not document which tag aws:ResourceTag/public means if the keys of tags differ only in case,"
            " so it may match any caller"
        )

    def test_variable_of_another_tag_is_not_called_the_callers(self) -> None:
        text = cause({"StringEquals": {"aws:ResourceTag/a": "${aws:ResourceTag/b}"}}, tags={"a": "x", "b": "x"})
        assert text == 'aws:ResourceTag/a does not restrict the caller, and the repository has the tag a "x"'

    def test_tag_of_the_repository_that_is_compared_with_the_caller_is_explained_by_the_variable(self) -> None:
        assert cause({"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}}) == (
            'aws:ResourceTag/team is compared with "${aws:PrincipalTag/team}", which the caller chooses'
        )


class TestUnknownKeys:
    """An unknown key is quoted as the policy writes it, with the known key that was probably meant."""

    @pytest.mark.parametrize(
        ("key", "meant"),
        [
            ("aws:PrincipleOrgID", "aws:PrincipalOrgID"),
            ("aws:PrincipalOrgPath", "aws:PrincipalOrgPaths"),
            ("aws:PrincipalOrganizationId", "aws:PrincipalOrgID"),
            ("PrincipalOrgID", "aws:PrincipalOrgID"),
            ("iam:PrincipalOrgID", "aws:PrincipalOrgID"),
            ("aws:PrincipalAccountId", "aws:PrincipalAccount"),
            ("aws:SourceVpcEndpoint", "aws:SourceVpce"),
            ("aws:SourceIpAddress", "aws:SourceIp"),
            ("aws:PrincipalTags/Team", "aws:PrincipalTag/Team"),
        ],
    )
    def test_misspelled_key_is_named_with_the_similar_known_one(self, key: str, meant: str) -> None:
        assert cause({"StringEquals": {key: "x"}}) == (
            f'"{key}" (did you mean {meant}?) is not a known condition key, so any caller may have it'
        )

    @pytest.mark.parametrize("key", ["acme:Tenant", "kms:ViaService", "eks:cluster-name", "Team"])
    def test_key_that_resembles_no_known_one_is_named_alone(self, key: str) -> None:
        assert cause({"StringEquals": {key: "x"}}) == (
            f'"{key}" is not a known condition key, so any caller may have it'
        )

    def test_absent_misspelled_key_is_named_with_the_similar_known_one(self) -> None:
        assert cause({"StringNotEquals": {"aws:PrincipleOrgID": ORGANIZATION}}) == (
            'StringNotEquals also matches when "aws:PrincipleOrgID" (did you mean aws:PrincipalOrgID?) is absent'
        )


class TestTellingCondition:
    """Of several conditions, the sentence explains the one that the owner meant to restrict callers."""

    ORGANIZATION_IF_EXISTS: Final = {"StringEqualsIfExists": {"aws:PrincipalOrgID": ORGANIZATION}}
    WIDE: Final = {"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}

    @pytest.mark.parametrize(
        ("condition", "start"),
        [
            ({"Bool": {"aws:SecureTransport": "true"}, **ORGANIZATION_IF_EXISTS}, "IfExists also matches"),
            ({**WIDE, **ORGANIZATION_IF_EXISTS}, "IfExists also matches"),
            ({"StringEquals": {"aws:PrincipalTag/team": "x"}, **WIDE}, "aws:SourceIp allows"),
            ({"Bool": {"aws:SecureTransport": "true"}, "StringEquals": {"aws:PrincipleOrgID": ORGANIZATION}},
             '"aws:PrincipleOrgID" (did you mean'),
            ({"Bool": {"aws:SecureTransport": "true"}, "StringEquals": {"aws:PrincipalTag/team": "x"}},
             "aws:PrincipalTag/team is a tag"),
            ({"StringLike": {"aws:PrincipalArn": "*"}, "NumericEquals": {"aws:PrincipalAccount": "1"}},
             "AWS does not document NumericEquals"),
        ],
    )  # fmt: skip
    def test_condition_that_tells_most_is_explained(self, condition: Any, start: str) -> None:
        assert cause(condition).startswith(start)

    def test_trusted_network_is_not_blamed_for_a_weak_organization(self) -> None:
        network = {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}
        text = cause({**network, **self.ORGANIZATION_IF_EXISTS}, test="external")
        assert text.startswith("IfExists also matches when aws:PrincipalOrgID is absent")


def deny(condition: Any = None, **elements: Any) -> dict[str, Any]:
    """Return a Deny for everyone."""
    found = {"Sid": "Guard", "Effect": "Deny", "Principal": "*", "Action": "*"} | elements
    if "NotPrincipal" in elements:
        del found["Principal"]
    return found if condition is None else found | {"Condition": condition}


def about_deny(*denies: dict[str, Any], test: str = "reachable", tags: dict[str, str] | None = None) -> str:
    """Return why no Deny prevents what an Allow for everyone grants."""
    text = reason({}, *denies, test=test, tags=tags)
    start = "Statement[0] allows ecr:BatchGetImage to * with no Condition, and "
    assert text.startswith(start)
    return text.removeprefix(start)


class TestDeny:
    """Why a Deny does not prevent a grant."""

    @pytest.mark.parametrize(
        ("condition", "text"),
        [
            ({"StringEquals": {"aws:PrincipalOrgID": ORGANIZATION}},
             "does not deny requests without aws:PrincipalOrgID: StringEquals does not match an absent key"),
            ({"ForAnyValue:StringNotEquals": {"aws:PrincipalOrgPaths": "o-abcde12345/r-ab12/"}},
             "does not deny requests without aws:PrincipalOrgPaths:"
             " ForAnyValue:StringNotEquals does not match an absent key"),
            ({"Bool": {"aws:SecureTransport": "false"}}, 'denies only requests with aws:SecureTransport "false"'),
            ({"DateLessThan": {"aws:CurrentTime": "2027-01-01"}},
             'denies only requests with aws:CurrentTime below "2027-01-01"'),
            ({"Null": {"aws:PrincipalTag/team": "true"}}, "denies only requests without aws:PrincipalTag/team"),
            ({"Null": {"aws:PrincipalTag/team": "false"}}, "denies only requests with aws:PrincipalTag/team"),
            ({"ArnNotLike": {"aws:PrincipalArn": ["arn:aws:iam::111122223333:*", "arn:aws:iam::*:role/ci"]}},
             'exempts aws:PrincipalArn "arn:aws:iam::*:role/ci", such as "arn:aws:iam::999999999999:role/ci"'),
            ({"StringNotEquals": {"aws:PrincipalTag/team": "blue"}},
             'exempts aws:PrincipalTag/team "blue", which is a tag that any account can give its principals'),
            ({"StringNotEquals": {"aws:PrincipleOrgID": ORGANIZATION}},
             'exempts requests with "aws:PrincipleOrgID" (did you mean aws:PrincipalOrgID?),'
             " which any caller may have"),
            ({"StringNotEquals": {"aws:ResourceTag/public": "true"}},
             'does not deny it if the repository has the tag public "true"'),
            ({"StringEquals": {"aws:ResourceTag/internal": "true"}},
             "does not deny it if the repository has no tag internal"),
            ({"NumericEquals": {"aws:PrincipalAccount": "1"}},
             "may not deny it: AWS does not document NumericEquals for aws:PrincipalAccount, which is not a number"),
        ],
    )  # fmt: skip
    def test_condition_that_does_not_match_is_explained(self, condition: Any, text: str) -> None:
        assert about_deny(deny(condition)) == f'statement "Guard" {text}'

    @pytest.mark.parametrize(
        ("elements", "text"),
        [
            ({"Principal": {"AWS": "arn:aws:iam::*:root"}},
             'may deny nobody: its Principal is AWS "arn:aws:iam::*:root"'),
            ({"Principal": {"Service": "*"}}, 'may deny nobody: its Principal is Service "*"'),
            ({"Principal": {"AWS": []}}, "denies nobody"),
            ({"Principal": {"AWS": "111122223333"}}, "denies only account 111122223333"),
            ({"NotPrincipal": {"AWS": ["111122223333", "arn:aws:iam::111122223333:role/*"]}},
             'may deny nobody: its NotPrincipal has AWS "arn:aws:iam::111122223333:role/*"'),
            ({"NotPrincipal": "*"}, "denies nobody: its NotPrincipal is *"),
            ({"Principal": {"Federated": "arn:aws:iam::111122223333:saml-provider/x"}},
             "may deny nobody: its Principal is arn:aws:iam::111122223333:saml-provider/x"),
            ({"Action": "ecr:GetAuthorizationToken"}, "denies no action on repositories"),
            ({"Action": ["s3:*", "ecr:BatchGetImages"]},
             "denies only unknown actions: ecr:BatchGetImages (did you mean ecr:BatchGetImage?)"),
            ({"NotAction": "ecr:*", "Action": None}, "denies no action on repositories"),
            ({"Action": "ecr:PutImage"}, "denies other actions"),
            ({"Resource": "arn:aws:ecr:us-east-1:111122223333:repository/x"},
             "may deny nothing: ECR refuses its Resource element"),
        ],
    )  # fmt: skip
    def test_deny_without_effect_says_why(self, elements: dict[str, Any], text: str) -> None:
        found = {name: value for name, value in deny(**elements).items() if value is not None}
        assert about_deny(found) == f'statement "Guard" {text}'

    @pytest.mark.parametrize(
        ("elements", "text"),
        [
            ({"Condition": {"StringNotEquals": {"aws:PrincipalOrgID": ORGANIZATION}}},
             'exempts aws:PrincipalOrgID "o-abcde12345", which is not in the zone of trust'),
            ({"NotPrincipal": {"AWS": "444455556666"}}, "exempts its NotPrincipal account 444455556666"),
        ],
    )  # fmt: skip
    def test_exempted_external_caller_is_named(self, elements: dict[str, Any], text: str) -> None:
        assert about_deny(deny(**elements), test="external") == f'statement "Guard" {text}'

    def test_known_tag_that_avoids_a_deny_is_a_fact_about_the_repository(self) -> None:
        tags = {"public": "true"}
        exempts = deny({"StringNotEquals": {"aws:ResourceTag/public": "true"}})
        assert about_deny(exempts, tags=tags) == (
            'statement "Guard" does not deny it: the repository has the tag public "true"'
        )
        internal = deny({"StringEquals": {"aws:ResourceTag/internal": "true"}})
        assert about_deny(internal, tags=tags) == (
            'statement "Guard" does not deny it: the repository has no tag internal'
        )

    def test_trusted_network_is_not_blamed_for_another_condition(self) -> None:
        """No public caller is in the network, so the address of the example request is outside it."""
        network = {"NotIpAddress": {"aws:SourceIp": "198.51.100.0/24"}, "Bool": {"aws:ViaAWSService": "false"}}
        assert about_deny(deny(network)) == 'statement "Guard" denies only requests with aws:ViaAWSService "false"'

    def test_deny_that_only_undocumented_behavior_avoids_is_explained_before_others(self) -> None:
        documented = deny({"StringEquals": {"aws:PrincipalOrgID": ORGANIZATION}}, Sid="A")
        undocumented = deny({"NumericEquals": {"aws:PrincipalAccount": "1"}}, Sid="B")
        assert about_deny(documented, undocumented).startswith('statement "B" may not deny it')

    def test_deny_that_was_meant_to_tell_callers_apart_is_explained_before_others(self) -> None:
        transport = deny({"Bool": {"aws:SecureTransport": "false"}}, Sid="A")
        organization = deny({"StringEquals": {"aws:PrincipalOrgID": ORGANIZATION}}, Sid="B")
        assert about_deny(transport, organization).startswith('statement "B" does not deny requests without')

    def test_deny_that_covers_the_action_is_explained_before_one_that_does_not(self) -> None:
        other = deny({"StringNotEquals": {"aws:PrincipalOrgID": ORGANIZATION}}, Sid="A", Action="ecr:PutImage")
        covering = deny({"StringEquals": {"aws:PrincipalOrgID": ORGANIZATION}}, Sid="B")
        assert about_deny(other, covering).startswith('statement "B" does not deny requests without')

    def test_deny_with_a_documented_false_condition_is_explained_by_it(self) -> None:
        both = {"NumericEquals": {"aws:PrincipalAccount": "1"}, "Bool": {"aws:SecureTransport": "false"}}
        assert about_deny(deny(both)).endswith('denies only requests with aws:SecureTransport "false"')

    def test_deny_comes_after_the_condition_and_the_actions_of_the_allow(self) -> None:
        text = reason({"StringLike": {"aws:PrincipalOrgID": "o-*"}}, deny({"Bool": {"aws:SecureTransport": "false"}}))
        assert text == (
            'in Statement[0], aws:PrincipalOrgID "o-*" also matches other organizations; it allows ecr:BatchGetImage'
            ' to *, and statement "Guard" denies only requests with aws:SecureTransport "false"'
        )
