"""The values of a Principal element: principals, values that may stand for everyone, and malformed ones.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
"""

from typing import Any

import pytest

from ecr_exposure import Advisory, AdvisoryKind, Request, is_allowed, judge
from ecr_exposure.policy.principals import EVERYONE, PrincipalKind, Principals, WrittenPrincipal, read_principals

ACCOUNT = "111122223333"
OWNER: Any = {"owner": ACCOUNT}


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


def test_list_directly_under_the_element_is_malformed_only_without_a_wildcard() -> None:
    assert read_principals(["*", ACCOUNT]) == Principals(wildcards=(WrittenPrincipal("", "*"),))


OPEN = {"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}


def problem_of(principal: Any, element: str = "Principal") -> str | None:
    """Return the problem of a policy of one Allow with this element."""
    return judge({"Statement": {"Effect": "Allow", element: principal, "Action": "ecr:*"}}).problem


class TestProblems:
    """A malformed value is a problem unless the chosen test finds a grant."""

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("", "an empty string is not a principal"),
            ("98765432101", '"98765432101" is not an account id of 12 digits'),
            ("1111-2222-3333", '"1111-2222-3333" is not an account id of 12 digits'),
            ("arn:aws:iam::987654321:root", '"arn:aws:iam::987654321:root" has no account id of 12 digits'),
            ("arn:aws:iam::987654321:group/x", '"arn:aws:iam::987654321:group/x" has no account id of 12 digits'),
            ("arn:aws:iam::<account>:root", '"arn:aws:iam::<account>:root" holds a placeholder that was not replaced'),
            ("${AWS::AccountId}", '"${AWS::AccountId}" holds a placeholder that was not replaced'),
            (f" {ACCOUNT}", f'" {ACCOUNT}" begins or ends with white space'),
            (f"arn:aws:iam:{ACCOUNT}:root", f'"arn:aws:iam:{ACCOUNT}:root" is not an ARN of six fields'),
            (
                f"arn:moon:iam::{ACCOUNT}:root",
                f'"arn:moon:iam::{ACCOUNT}:root" has no known partition (aws, aws-cn, aws-us-gov, aws-eusc, aws-iso,'
                " aws-iso-b, aws-iso-e, aws-iso-f)",
            ),
            (f"arn:aws:s3:::{ACCOUNT}", f'"arn:aws:s3:::{ACCOUNT}" is not an ARN of IAM or STS'),
            (
                f"arn:aws:iam:us-east-1:{ACCOUNT}:root",
                f'"arn:aws:iam:us-east-1:{ACCOUNT}:root" has a Region, which ARNs of IAM and STS do not have',
            ),
            (
                f"arn:aws:iam::{ACCOUNT}:group/admins",
                f'"arn:aws:iam::{ACCOUNT}:group/admins" is a group, which cannot be a principal',
            ),
            (
                f"arn:aws:iam::{ACCOUNT}:saml-provider/Okta",
                f'"arn:aws:iam::{ACCOUNT}:saml-provider/Okta" is an identity provider, which must stand under'
                ' "Federated"',
            ),
            (
                f"arn:aws:iam::{ACCOUNT}:assumed-role/ci/1",
                f'"arn:aws:iam::{ACCOUNT}:assumed-role/ci/1" is the ARN of a session, whose service is sts and not iam',
            ),
            (
                f"arn:aws:sts::{ACCOUNT}:role/ci",
                f'"arn:aws:sts::{ACCOUNT}:role/ci" is not the ARN of a session: the service of an account, a user or a'
                " role is iam",
            ),
            (
                f"arn:aws:iam::{ACCOUNT}:role/",
                f'"arn:aws:iam::{ACCOUNT}:role/" names no account, user, role or session',
            ),
            ("lambda.amazonaws.com", '"lambda.amazonaws.com" is a service, which must stand under "Service"'),
            ("AGPAEXAMPLEEXAMPLE12", '"AGPAEXAMPLEEXAMPLE12" is not the unique id of a user or role'),
            ("AROA12:x", '"AROA12:x" is not the unique id of a user or role'),
            (
                "everyone",
                '"everyone" is neither an account id nor the ARN of an account, a user, a role or a session',
            ),
        ],
    )
    def test_value_under_aws(self, text: str, expected: str) -> None:
        assert problem_of({"AWS": ["111122223333", text]}) == f"Statement[0].Principal.AWS: {expected}"

    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            (f"arn:aws:iam::{ACCOUNT}:root", 'an ARN must stand under "AWS"'),
            ([f"arn:aws:iam::{ACCOUNT}:root"], 'an ARN must stand under "AWS"'),
            (f"arn:aws:iam::{ACCOUNT}:oidc-provider/x", 'an ARN must stand under "Federated"'),
            (ACCOUNT, 'an account id must stand under "AWS"'),
            ("ecs-tasks.amazonaws.com", 'a service must stand under "Service"'),
            ("aws:ecr", '"aws:ecr" must stand under a type of principal: "AWS", "Service" or "Federated"'),
            ([], "an empty list names no principal"),
            ("", "an empty string is not a principal"),
        ],
    )
    def test_value_directly_under_the_element(self, value: Any, expected: str) -> None:
        assert problem_of(value) == f"Statement[0].Principal: {expected}"
        not_principal = {"Effect": "Deny", "NotPrincipal": value, "Action": "ecr:*"}
        assert judge({"Statement": not_principal}).problem == f"Statement[0].NotPrincipal: {expected}"

    @pytest.mark.parametrize(
        ("kind", "text", "expected"),
        [
            ("Service", "", "an empty string is not a principal"),
            ("Federated", "id.example.com", '"id.example.com" is not the ARN of a SAML or OIDC provider'),
            (
                "Federated",
                f"arn:aws:iam::{ACCOUNT}:role/x",
                f'"arn:aws:iam::{ACCOUNT}:role/x" is not the ARN of a SAML or OIDC provider',
            ),
            (
                "Federated",
                "arn:aws:iam::1234:saml-provider/x",
                '"arn:aws:iam::1234:saml-provider/x" has no account id of 12 digits',
            ),
        ],
    )
    def test_value_under_service_and_federated(self, kind: str, text: str, expected: str) -> None:
        assert problem_of({kind: text}) == f"Statement[0].Principal.{kind}: {expected}"

    @pytest.mark.parametrize("test", ["unconditional", "reachable", "external"])
    @pytest.mark.parametrize(
        "statement",
        [
            {"Effect": "Deny", "Principal": {"AWS": "1234"}, "Action": "ecr:*"},
            {"Effect": "Deny", "NotPrincipal": {"AWS": "1234"}, "Action": "ecr:*"},
            {"Effect": "Allow", "Principal": {"AWS": "1234"}, "Action": "ecr:GetAuthorizationToken"},
            {"Effect": "Allow", "Principal": {"AWS": ["1234", "111122223333"]}, "Action": "ecr:*"},
        ],
    )
    def test_it_counts_wherever_it_is_in_a_policy_without_a_grant(self, statement: dict[str, Any], test: str) -> None:
        verdict = judge(
            {"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "*"}, statement]}, **OWNER, test=test
        )
        assert (verdict.compliance, verdict.grants, verdict.advisories) == ("NON_COMPLIANT", (), ())
        assert (verdict.problem or "").startswith("Statement[1].")
        assert verdict.annotation == f"Cannot be evaluated: {verdict.problem}"

    def test_first_one_of_a_policy_is_named(self) -> None:
        statements = [{**OPEN, "Principal": {"AWS": ["111122223333", "1", "2"]}}, {**OPEN, "Principal": "x"}]
        expected = 'Statement[0].Principal.AWS: "1" is not an account id of 12 digits'
        assert judge({"Statement": statements}).problem == expected

    @pytest.mark.parametrize("test", ["unconditional", "reachable", "external"])
    def test_it_is_an_advisory_beside_a_grant(self, test: str) -> None:
        deny = {"Effect": "Deny", "NotPrincipal": {"AWS": "1234"}, "Action": "ecr:*"}
        verdict = judge({"Statement": [OPEN, deny]}, **OWNER, test=test)
        assert len(verdict.grants) == 1
        assert verdict.problem is None
        malformed = [each for each in verdict.advisories if each.kind is AdvisoryKind.MALFORMED_PRINCIPAL]
        text = 'Statement[1].NotPrincipal.AWS: "1234" is not an account id of 12 digits'
        expected = Advisory(kind=AdvisoryKind.MALFORMED_PRINCIPAL, statement=1, text=text)
        assert malformed == ([] if test == "unconditional" else [expected])

    def test_request_is_answered_and_the_document_has_no_problem(self) -> None:
        statements = [{**OPEN, "Principal": {"AWS": "1234"}}, {**OPEN, "Principal": {"AWS": ACCOUNT}}]
        request = Request(f"arn:aws:iam::{ACCOUNT}:user/x", "ecr:BatchGetImage", {})
        assert not is_allowed({"Statement": statements[:1]}, request)
        assert is_allowed({"Statement": statements}, request)
