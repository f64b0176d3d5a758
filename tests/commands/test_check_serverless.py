"""Resources in a serverless.yml, whose variables the Serverless Framework replaces.

https://www.serverless.com/framework/docs/guides/variables
"""

from textwrap import dedent
from typing import Any

import pytest

from ecr_exposure.cli.policies_in_files.unknown_values import Joined, Unknown
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
            ("'${self:custom.names.${opt:stage, ''dev''}}'", "${self:custom.names.${opt:stage, 'dev'}}"),
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

    def test_template_of_cloudformation_has_no_such_variables(self) -> None:
        found = found_in(
            "Resources: {A: {Type: AWS::ECR::Repository, Properties: {RepositoryName: '${self:service}'}}}"
        )
        assert found.repository == "${self:service}"
