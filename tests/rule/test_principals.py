"""The values of a Principal element: principals, values that may stand for everyone, and malformed ones.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
"""

from typing import Any

import pytest

from ecr_exposure.policy.principals import EVERYONE, PrincipalKind, Principals, WrittenPrincipal, read_principals

ACCOUNT = "111122223333"


class TestPrincipals:
    """The values that are principals."""

    @pytest.mark.parametrize("value", ["*", {"AWS": "*"}, {"AWS": ["*"]}])
    def test_literal_star_is_everyone(self, value: Any) -> None:
        assert read_principals(value) == EVERYONE

    @pytest.mark.parametrize(
        ("kind", "text", "expected"),
        [
            ("AWS", ACCOUNT, PrincipalKind.ACCOUNT),
            ("AWS", f"arn:aws:iam::{ACCOUNT}:root", PrincipalKind.ACCOUNT),
            ("AWS", f"arn:aws-cn:iam::{ACCOUNT}:root", PrincipalKind.ACCOUNT),
            ("AWS", f"arn:aws-us-gov:iam::{ACCOUNT}:user/ci", PrincipalKind.ARN),
            ("AWS", f"arn:aws-eusc:iam::{ACCOUNT}:role/path/ci", PrincipalKind.ARN),
            ("AWS", f"arn:aws-iso-b:sts::{ACCOUNT}:assumed-role/ci/build", PrincipalKind.ARN),
            ("AWS", f"arn:aws:sts::{ACCOUNT}:federated-user/ci", PrincipalKind.ARN),
            ("AWS", "AIDAEXAMPLEEXAMP", PrincipalKind.UNIQUE_ID),
            ("AWS", "AROAEXAMPLEEXAMPLE12", PrincipalKind.UNIQUE_ID),
            ("AWS", "AROAEXAMPLEEXAMPLE12:build", PrincipalKind.UNIQUE_ID),
            ("Service", "lambda.amazonaws.com", PrincipalKind.SERVICE),
            ("Service", f"arn:aws:iam::{ACCOUNT}:root", PrincipalKind.SERVICE),
            ("Federated", f"arn:aws:iam::{ACCOUNT}:saml-provider/Okta", PrincipalKind.PROVIDER),
            ("Federated", f"arn:aws:iam::{ACCOUNT}:oidc-provider/id.example.com/a", PrincipalKind.PROVIDER),
        ],
    )
    def test_principal_of_a_type_is_named(self, kind: str, text: str, expected: PrincipalKind) -> None:
        (named,) = read_principals({kind: text}).named
        assert named.kind is expected

    @pytest.mark.parametrize("value", [{}, {"AWS": []}, {"Service": []}])
    def test_object_without_values_names_nobody(self, value: Any) -> None:
        assert read_principals(value) == Principals()


class TestWildcards:
    """Values that may stand for everyone."""

    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            ({"AWS": "arn:aws:iam::*:root"}, ("AWS", "arn:aws:iam::*:root")),
            ({"AWS": f"arn:aws:iam::{ACCOUNT}:role/*"}, ("AWS", f"arn:aws:iam::{ACCOUNT}:role/*")),
            ({"AWS": "11112222333?"}, ("AWS", "11112222333?")),
            ({"AWS": "AROAEXAMPLEEXAMPLE12:*"}, ("AWS", "AROAEXAMPLEEXAMPLE12:*")),
            ({"AWS": "**"}, ("AWS", "**")),
            ({"Service": "*"}, ("Service", "*")),
            ({"Service": "*.amazonaws.com"}, ("Service", "*.amazonaws.com")),
            ({"Federated": "*"}, ("Federated", "*")),
            ({"Federated": "cognito-identity.amazonaws.com"}, ("Federated", "cognito-identity.amazonaws.com")),
            ({"Federated": "www.amazon.com"}, ("Federated", "www.amazon.com")),
            ({"Federated": "graph.facebook.com"}, ("Federated", "graph.facebook.com")),
            ({"Federated": "accounts.google.com"}, ("Federated", "accounts.google.com")),
            ("arn:aws:iam::*:root", ("", "arn:aws:iam::*:root")),
            (["*"], ("", "*")),
        ],
    )
    def test_value_with_a_wildcard_or_web_identity_provider(self, value: Any, expected: tuple[str, str]) -> None:
        assert read_principals(value) == Principals(wildcards=(WrittenPrincipal(*expected),))


class TestMalformed:
    """Values that are no principal and have no wildcard."""

    @pytest.mark.parametrize(
        ("kind", "text"),
        [
            ("AWS", ""),
            ("AWS", "11112222333"),
            ("AWS", "1111222233334"),
            ("AWS", "１" * 12),
            ("AWS", "arn:aws:iam::987654321:root"),
            ("AWS", "arn:aws:iam::${AWS::AccountId}:root"),
            ("AWS", f"arn:moon:iam::{ACCOUNT}:root"),
            ("AWS", f"arn:aws-iso-z:iam::{ACCOUNT}:root"),
            ("AWS", f"arn:aws:iam::{ACCOUNT}:group/admins"),
            ("AWS", f"arn:aws:iam::{ACCOUNT}:assumed-role/ci/build"),
            ("AWS", f"arn:aws:sts::{ACCOUNT}:role/ci"),
            ("AWS", f"arn:aws:iam:eu-west-1:{ACCOUNT}:root"),
            ("AWS", f"arn:aws:iam::{ACCOUNT}:role/"),
            ("AWS", f"arn:aws:iam::{ACCOUNT}:root/x"),
            ("AWS", f"arn:aws:iam::{ACCOUNT}:saml-provider/Okta"),
            ("AWS", "arn:aws:cloudfront::cloudfront:user/CloudFront Origin Access Identity E1"),
            ("AWS", "lambda.amazonaws.com"),
            ("AWS", "accounts.google.com"),
            ("AWS", "AROAEXAMPLE"),
            ("AWS", "AIDAEXAMPLEEXAMP:build"),
            ("AWS", "AROAEXAMPLEEXAMPLE12:"),
            ("AWS", "AGPAEXAMPLEEXAMPLE12"),
            ("Service", ""),
            ("Federated", ""),
            ("Federated", f"arn:aws:iam::{ACCOUNT}:role/ci"),
            ("Federated", "token.actions.githubusercontent.com"),
        ],
    )
    def test_value_of_a_type_that_is_no_principal(self, kind: str, text: str) -> None:
        assert read_principals({kind: text}) == Principals(malformed=(WrittenPrincipal(kind, text),))

    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            ("", [""]),
            (ACCOUNT, [ACCOUNT]),
            ("aws:ecr", ["aws:ecr"]),
            ([ACCOUNT, "x"], [ACCOUNT, "x"]),
            ([], ["[]"]),
        ],
    )
    def test_text_or_list_directly_under_the_element(self, value: Any, expected: list[str]) -> None:
        """An empty list is one malformed value, too."""
        assert read_principals(value) == Principals(malformed=tuple(WrittenPrincipal("", text) for text in expected))


def test_each_value_of_an_element_is_read_by_itself() -> None:
    found = read_principals({"AWS": ["*", ACCOUNT, "1111", "a*"], "Service": ["x", ""]})
    assert found.everyone
    assert [principal.text for principal in found.named] == [ACCOUNT, "x"]
    assert found.wildcards == (WrittenPrincipal("AWS", "a*"),)
    assert found.malformed == (WrittenPrincipal("AWS", "1111"), WrittenPrincipal("Service", ""))
    assert read_principals(["*", ACCOUNT]) == Principals(
        wildcards=(WrittenPrincipal("", "*"),), malformed=(WrittenPrincipal("", ACCOUNT),)
    )
