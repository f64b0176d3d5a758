"""How a policy is applied: what each text says is the corrected policy, whatever its strings are."""

import json
import re
import shlex
from collections.abc import Mapping
from typing import Any, Final

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from ecr_exposure import judge
from ecr_exposure.cli.remediation import how_to_apply as how_to_apply_module
from ecr_exposure.cli.remediation.how_to_apply import how_to_apply

OPEN: Final[Mapping[str, Any]] = {
    "Version": "2012-10-17",
    "Statement": [
        {"Sid": "AllowPull", "Effect": "Allow", "Principal": "*", "Action": ["ecr:BatchGetImage"]},
        {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "ecr:ListImages"},
    ],
}
CLOSED: Final[Mapping[str, Any]] = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "AllowPull",
            "Effect": "Allow",
            "Principal": {
                "AWS": ["111122223333", "arn:aws:iam::444455556666:root", "arn:aws:iam::111122223333:role/ci"],
                "Service": "lambda.amazonaws.com",
            },
            "Action": ["ecr:BatchGetImage", "ecr:ListImages"],
        },
        {"Effect": "Deny", "Principal": "*", "Action": "ecr:PutImage"},
    ],
}
LIMITED: Final[Mapping[str, Any]] = {
    "Statement": {
        "Sid": "Pull",
        "Effect": "Allow",
        "Principal": "*",
        "Action": "ecr:BatchGetImage",
        "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1234567890"}},
    }
}


def applied(
    policy: Mapping[str, Any] | None, repository: str = "team/app", region: str | None = "eu-west-1"
) -> Mapping[str, str]:
    """Return how to apply a policy in the place of the open one."""
    grants = [*judge(OPEN).grants, *judge(OPEN, test="reachable").grants]
    return how_to_apply(policy, repository=repository, region=region, statements=grants)


def read_shell(text: str) -> tuple[Any, list[str]]:
    """Return the content of the file that a shell writes, and the words of the command."""
    found = re.fullmatch(r"cat > (\S+) <<'EOF'\n(.*?)^EOF\n(aws .*)\n", text, re.DOTALL | re.MULTILINE)
    assert found
    words = shlex.split(found[3])
    assert words[-2:] == ["--policy-text", f"file://{found[1]}"]
    return json.loads(found[2]), words[:-2]


def read_hcl(text: str) -> tuple[str, str, Any]:
    """Return name, repository and policy of the resource.

    In a here document nothing is special but ${ and %{, which double characters make literal:
    https://developer.hashicorp.com/terraform/language/expressions/strings
    """
    found = re.fullmatch(
        r'resource "aws_ecr_repository_policy" "([a-z_][a-z0-9_-]*)" \{\n  repository = ("[^\n]*")\n'
        r"  policy     = <<EOT\n(.*?)^EOT\n\}\n",
        text,
        re.DOTALL | re.MULTILINE,
    )
    assert found
    assert not re.search(r"(?<!\$)\$\{|(?<!%)%\{|\$\$\$\{|%%%\{", found[3])
    return found[1], json.loads(found[2]), json.loads(found[3].replace("$${", "${").replace("%%{", "%{"))


def read_template(text: str) -> tuple[str, str, Any]:
    """Return logical ID, repository and policy of the template."""
    [(name, resource)] = yaml.safe_load(text)["Resources"].items()
    assert resource["Type"] == "AWS::ECR::Repository"
    return name, resource["Properties"]["RepositoryName"], resource["Properties"]["RepositoryPolicyText"]


def read_console(text: str) -> list[dict[str, Any]]:
    """Return what the statements of the steps say: the entries by field."""
    found: list[dict[str, Any]] = []
    for kind, rest in re.findall(r"^(   - |     )(.*)$", text, re.MULTILINE):
        if kind.strip():
            found.append({"name": rest})
        else:
            field, entries = rest.split(": ", 1)
            found[-1][field] = entries.split(", ")
    return found


class TestAwsCli:
    """https://docs.aws.amazon.com/cli/latest/reference/ecr/set-repository-policy.html."""

    def test_policy_is_written_to_a_file_and_set(self) -> None:
        policy, words = read_shell(applied(CLOSED)["cli"])
        assert policy == CLOSED
        assert shlex.join(words) == "aws ecr set-repository-policy --repository-name team/app --region eu-west-1"

    def test_text_that_would_be_too_long_is_on_one_line(self) -> None:
        """Amazon ECR counts the blanks, too: it accepts 10,240 characters.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_SetRepositoryPolicy.html
        """
        policy = {"Statement": [{**CLOSED["Statement"][1], "Sid": str(number)} for number in range(120)]}
        text = applied(policy)["cli"]
        assert read_shell(text)[0] == policy
        assert len(text) <= 10_240

    def test_policy_without_statements_is_deleted(self) -> None:
        assert (
            applied(None)["cli"] == "aws ecr delete-repository-policy --repository-name team/app --region eu-west-1\n"
        )

    @pytest.mark.parametrize("policy", [CLOSED, None])
    def test_region_that_is_not_known_is_left_out(self, policy: Mapping[str, Any] | None) -> None:
        assert "--region" not in applied(policy, region=None)["cli"]

    @pytest.mark.parametrize("policy", [CLOSED, None])
    def test_force_is_never_sent(self, policy: Mapping[str, Any] | None) -> None:
        assert "--force" not in applied(policy)["cli"]


class TestTerraform:
    """https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/ecr_repository_policy."""

    @pytest.mark.parametrize(
        ("repository", "name"),
        [("app", "app"), ("team/my-app.v2", "team_my_app_v2"), ("0app", "_0app")],
    )
    def test_resource_is_named_after_the_repository(self, repository: str, name: str) -> None:
        assert read_hcl(applied(CLOSED, repository)["terraform"]) == (name, repository, CLOSED)

    def test_policy_variable_stays_one(self) -> None:
        text = applied({"Statement": {"Sid": "${aws:username} %{if}"}})["terraform"]
        assert '"Sid": "$${aws:username} %%{if}"' in text

    def test_policy_without_statements_is_deleted(self) -> None:
        assert applied(None)["terraform"] == (
            '# Delete the resource aws_ecr_repository_policy of the repository "team/app".\n'
        )


class TestCloudFormation:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ecr-repository.html."""

    @pytest.mark.parametrize(
        ("repository", "name"), [("app", "App"), ("team/my-app.v2", "TeamMyAppV2"), ("0app", "0app")]
    )
    def test_resource_is_named_after_the_repository(self, repository: str, name: str) -> None:
        """A logical ID has letters and digits."""
        assert read_template(applied(CLOSED, repository)["cloudformation"]) == (name, repository, CLOSED)

    def test_values_that_look_like_others_are_quoted(self) -> None:
        text = applied(CLOSED)["cloudformation"]
        assert 'Version: "2012-10-17"' in text
        assert '- "111122223333"' in text
        assert 'Principal: "*"' in text

    def test_operator_null_stays_a_key(self) -> None:
        policy = {"Statement": {"Condition": {"Null": {"aws:PrincipalOrgID": "true"}}}}
        assert read_template(applied(policy)["cloudformation"])[2] == policy

    @pytest.mark.parametrize(
        "value", ["é", "\U0001f600", "\u202e", "\0", "\x85", "\ufeff", "a: b", "#", "\n", "1e3", "~"]
    )
    def test_text_is_the_same_without_libyaml(self, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
        policy = {"Id": value, "Statement": [{"Principal": {value: [value, None, True, -0.0, 1e22, []]}}]}
        text = applied(policy)["cloudformation"]
        monkeypatch.setattr(how_to_apply_module, "_FAST_DUMPER", vars(how_to_apply_module)["_DUMPER"])
        assert applied(policy)["cloudformation"] == text

    def test_lone_surrogate_is_an_escape(self) -> None:
        assert '"ecr:*\\uD800"' in applied({"Statement": [{"Action": "ecr:*\ud800"}]})["cloudformation"]

    def test_equal_values_are_written_each_time(self) -> None:
        actions = ["ecr:*"]
        policy = {"Statement": [{"Action": actions}, {"Action": actions}]}
        assert "&" not in applied(policy)["cloudformation"]

    def test_policy_without_statements_is_deleted(self) -> None:
        assert applied(None)["cloudformation"] == (
            '# Delete the property RepositoryPolicyText of the repository "team/app".\n'
        )


class TestConsole:
    """https://docs.aws.amazon.com/AmazonECR/latest/userguide/set-repository-policy.html."""

    def test_statements_are_those_of_the_policy_in_the_fields_of_the_console(self) -> None:
        assert read_console(applied(CLOSED)["console"]) == [
            {
                "name": 'statement "AllowPull"',
                "Effect": ["Allow"],
                "Service principal": ["lambda.amazonaws.com"],
                "AWS Account IDs": ["111122223333", "444455556666"],
                "IAM Entities": ["arn:aws:iam::111122223333:role/ci"],
                "Actions": ["ecr:BatchGetImage", "ecr:ListImages"],
            },
            {
                "name": "a statement without a Sid",
                "Effect": ["Deny"],
                "Everyone (*)": ["selected"],
                "Actions": ["ecr:PutImage"],
            },
        ]

    def test_steps_are_those_of_the_page(self) -> None:
        page, *steps = applied(CLOSED)["console"].splitlines()
        assert page == "Page: https://docs.aws.amazon.com/AmazonECR/latest/userguide/set-repository-policy.html"
        assert [step for step in steps if step[0].isdigit()] == [
            "1. Open the Amazon ECR console in the Region eu-west-1.",
            "2. Choose Repositories, team/app, Permissions, Edit.",
            '3. In statement "AllowPull", Statement[1] (Effect Allow), clear Everyone (*), and enter what this list '
            "has for it.",
            "4. Choose Save.",
        ]

    @pytest.mark.parametrize(
        "element",
        [
            {"Condition": {"Bool": {"aws:SecureTransport": "true"}}},
            {"Principal": {"Federated": "accounts.google.com"}},
            {"NotAction": "ecr:*"},
        ],
    )
    def test_policy_that_the_page_does_not_describe_is_for_the_cli(self, element: Mapping[str, Any]) -> None:
        text = applied({"Statement": [{**CLOSED["Statement"][0], **element}]})["console"]
        assert "set-repository-policy of the AWS CLI" in text
        assert "Save" not in text

    def test_policy_without_statements_is_deleted(self) -> None:
        page, *_, last = applied(None)["console"].splitlines()
        assert page == "Page: https://docs.aws.amazon.com/AmazonECR/latest/userguide/delete-repository-policy.html"
        assert last == "3. Choose Delete for every statement."

    def test_region_that_is_not_known_is_that_of_the_repository(self) -> None:
        assert "in the Region of the repository." in applied(CLOSED, region=None)["console"]

    def test_text_cannot_add_a_line(self) -> None:
        policy = {"Statement": [{"Sid": "a\n4. b", "Effect": "Allow", "Principal": {"AWS": "x\n5. y"}, "Action": "z"}]}
        assert re.findall(r"^[45]\. .*$", applied(policy)["console"], re.MULTILINE) == ["4. Choose Save."]


STRINGS: Final = (
    st.text(st.sampled_from(list("${}%~\\\"'`<>&:#-*!|@ \n\t\r\0é\u0301\u2028\x85\ufeff\U0001f600eE01")), max_size=8)
    | st.sampled_from(
        ["EOT", "EOF", "\nEOT\n", "${aws:username}", "null", "yes", "1e3", "2012-10-17", "0x1", "=", "<<"]
    )
    | st.text(max_size=6)
)
VALUES: Final = st.recursive(
    STRINGS | st.booleans() | st.none() | st.integers(-(10**20), 10**20) | st.floats(-1e30, 1e30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(STRINGS, inner, max_size=3),
    max_leaves=6,
)


@example(policy={"Statement": ["$${", "%%{", "$%{", "%${", "$$$$${{", "1e22"], "n": [1e22, 1e-7, -0.0]})
@given(policy=st.dictionaries(STRINGS, VALUES, max_size=3))
def test_every_policy_is_read_as_it_is(policy: dict[str, Any]) -> None:
    policy = {"Id": policy, "Statement": []}
    texts, expected = applied(policy), json.dumps(policy)
    assert json.dumps(read_shell(texts["cli"])[0]) == expected
    assert json.dumps(read_hcl(texts["terraform"])[2]) == expected
    assert json.dumps(read_template(texts["cloudformation"])[2]) == expected


@given(repository=STRINGS, region=STRINGS)
def test_every_name_is_one_word(repository: str, region: str) -> None:
    """Amazon ECR accepts no such name, but the name is not always Amazon ECR's."""
    texts = applied(CLOSED, repository, region or "x")
    assert read_shell(texts["cli"])[1][4:] == [repository, "--region", region or "x"]
    assert read_template(texts["cloudformation"])[1] == repository
