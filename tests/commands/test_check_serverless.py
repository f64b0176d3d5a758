"""Resources in a serverless.yml, whose variables the Serverless Framework replaces.

https://www.serverless.com/framework/docs/guides/variables
"""

import json
from textwrap import dedent, indent
from typing import Any

import pytest

from ecr_exposure.cli.found_policies.outcome import evaluate
from ecr_exposure.cli.found_policies.unknown_values import Joined, Unknown
from tests.commands.check_command import Check, policy, write
from tests.commands.read_templates import Reading, found_in

SERVICE = """
    service: app
    custom:
      stage: ${{opt:stage, 'dev'}}
      names: {{dev: '111122223333'}}
      principals: ['111122223333', '${{self:custom.names.dev}}']
      circular: ${{self:custom.circular}}
    resources:
      Resources:
        App:
          Type: AWS::ECR::Repository
          Properties:
            RepositoryPolicyText:
              Statement: [{{Effect: Allow, Principal: {{AWS: {value}}}, Action: 'ecr:*'}}]
"""


def value_of(value: str, **options: Any) -> Any:
    """Return what the reader makes of a value under AWS of the Principal."""
    return found_in(SERVICE.format(value=value), **options).policy["Statement"][0]["Principal"]["AWS"]


class TestVariables:
    """They are replaced before functions."""

    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("'${self:service}'", "app"),
            ("'${self:service}-${self:custom.stage}'", "app-dev"),
            ("'${self:custom.principals}'", ["111122223333", "111122223333"]),
            ("'${self:custom.none, ''x''}'", "x"),
            ("'${opt:account, ''111122223333''}'", "111122223333"),
            ("'${env:ACCOUNT, self:custom.names.dev}'", "111122223333"),
            ("'${opt:n, 5}'", "5"),
            ("'arn:aws:iam::${aws:accountId}:root'", "arn:aws:iam::000000000000:root"),
            ("'${aws:region}'", "us-east-1"),
            ("!Sub 'arn:aws:iam::${AWS::AccountId}:role/${self:service}'", "arn:aws:iam::000000000000:role/app"),
            ("'${self:custom.names.${opt:stage, ''dev''}}'", "111122223333"),
            ("'${self:custom.names.${sls:stage}}'", "111122223333"),
            ("'${opt:account, ${self:custom.names.${self:custom.stage}}}'", "111122223333"),
            ("!Sub 'arn:aws:iam::${self:custom.names.${self:custom.stage}}:root'", "arn:aws:iam::111122223333:root"),
            ("!GetAtt IamRoleLambdaExecution.Arn", "arn:aws:iam::000000000000:role/IamRoleLambdaExecution"),
        ],
    )
    def test_value_of_the_file_and_defaults_are_known(self, text: str, value: object) -> None:
        assert value_of(text) == value

    @pytest.mark.parametrize(
        ("text", "reference"),
        [
            ("'${opt:account}'", "${opt:account}"),
            ("'${self:custom.none}'", "${self:custom.none}"),
            ("'${ssm:/account}'", "${ssm:/account}"),
            ("'${ssm:/account, ''111122223333''}'", "${ssm:/account, '111122223333'}"),
            ("'${file(./accounts.yml):dev}'", "${file(./accounts.yml):dev}"),
            ("'${file(./accounts.yml)}'", "${file(./accounts.yml)}"),
            ("'${self:custom.names.${opt:stage}}'", "${self:custom.names.${opt:stage}}"),
            ("'${self:custom.${self:custom.principals}}'", "${self:custom.${self:custom.principals}}"),
            ("!Sub 'a${self:custom.names.${opt:stage}}'", "a${self:custom.names.${opt:stage}}"),
        ],
    )
    def test_other_variable_is_unknown(self, text: str, reference: str) -> None:
        assert value_of(text) == Unknown(reference)

    def test_unknown_variable_in_a_text_is_a_part_of_it(self) -> None:
        assert value_of("'arn:aws:iam::${env:ID}:root'") == Joined(("arn:aws:iam::", Unknown("${env:ID}"), ":root"))

    @pytest.mark.parametrize("text", ["'${aws:PrincipalAccount}'", "'${AWS::AccountId}'"])
    def test_text_that_is_no_variable_of_the_framework_stays(self, text: str) -> None:
        assert value_of(text) == text.strip("'")

    def test_variable_that_depends_on_itself_is_a_problem(self) -> None:
        read = Reading(dedent(SERVICE.format(value="'${self:custom.circular}'")))
        assert read.problems == ["app.yaml:7: nested deeper than 100 levels"]

    def test_policy_variable_of_a_template_is_none_of_the_framework(self) -> None:
        found = found_in(
            "Resources: {A: {Type: AWS::ECR::Repository, Properties: {RepositoryName: '${aws:accountId}'}}}"
        )
        assert found.repository == "${aws:accountId}"


class TestExtensions:
    """Properties that are merged into those of a resource.

    https://www.serverless.com/framework/docs/providers/aws/guide/resources
    """

    EXTENSIONS = """
      extensions:
        App:
          Properties: {{{0}: {{Statement: [{{Effect: Allow, Principal: '*', Action: 'ecr:*'}}]}}}}
    """

    @pytest.mark.parametrize(
        ("name", "compliance"), [("RepositoryPolicyText", "NON_COMPLIANT"), ("LifecyclePolicy", "COMPLIANT")]
    )
    def test_policy_of_an_extension_replaces_that_of_the_resource(self, name: str, compliance: str) -> None:
        service = dedent(SERVICE.format(value="'111122223333'")).rstrip()
        found = found_in(service + indent(dedent(self.EXTENSIONS.format(name)), "  "))
        assert evaluate(found.policy).verdict.compliance == compliance


class TestIncludedFiles:
    """A file that a serverless.yml or a template includes: https://www.serverless.com/framework/docs/guides/variables."""

    RESOURCE = """{
        Type: AWS::ECR::Repository,
        Properties: {RepositoryPolicyText: {Statement: [
            {Effect: Allow, Principal: {AWS: '${self:custom.readers}'}, Action: 'ecr:*'}]}}}"""

    @pytest.mark.parametrize(
        ("text", "address"),
        [
            (f"Resources: {{App: {RESOURCE}}}", "Resources.App"),
            (f"App: {RESOURCE}", "Resources.App"),
            (RESOURCE, "Resources.images"),
        ],
    )
    def test_resources_alone_are_read_and_their_variables_are_unknown(self, text: str, address: str) -> None:
        read = Reading(text, file="resources/images.yml")
        assert read.addresses == [address]
        assert evaluate(read.only.policy).unknown == ("${self:custom.readers}",)

    def test_role_beside_the_repository_is_a_role(self) -> None:
        text = "Role: {Type: AWS::IAM::Role}\nApp: " + self.RESOURCE.replace(
            "'${self:custom.readers}'", "!GetAtt Role.Arn"
        )
        assert evaluate(found_in(text).policy).verdict.compliance == "COMPLIANT"

    @pytest.mark.parametrize("name", ["images.yml", "images.json"])
    def test_public_policy_of_a_part_is_found_in_a_folder(self, capsys: pytest.CaptureFixture[str], name: str) -> None:
        write(
            f"resources/{name}",
            json.dumps({"App": {"Type": "AWS::ECR::Repository", "Properties": {"RepositoryPolicyText": policy()}}}),
        )
        assert Check(capsys).json("resources").results == {f"resources/{name} Resources.App": "public"}
