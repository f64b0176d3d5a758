"""Several templates in a folder: exports, nested stacks, and the output of the AWS CDK (2.276, shortened).

https://docs.aws.amazon.com/cdk/v2/guide/deploy.html#deploy-how-synth-assemblies
"""

import json
from typing import Any, Final

import pytest

from tests.commands.check_command import Check, write

PULL: Final = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
EXPORTED: Final = "Main:ExportsOutputFnGetAttRole1ABCC5F0ArnB4C0B73E"
ROLE: Final = {"Type": "AWS::IAM::Role", "Properties": {}}
ROLE_ARN: Final = {"Fn::GetAtt": ["Role1ABCC5F0", "Arn"]}
SSM: Final = "SsmParameterValueteamaccountC96584B6F00A464EAD1953AFF4B05118Parameter"


def repository(path: str, principal: Any, **condition: Any) -> dict[str, Any]:
    """Return a repository as `cdk synth` writes it; path: of the construct."""
    statement = {"Action": PULL, **condition, "Effect": "Allow", "Principal": principal}
    return {
        "Type": "AWS::ECR::Repository",
        "Properties": {"RepositoryPolicyText": {"Statement": [statement], "Version": "2012-10-17"}},
        "UpdateReplacePolicy": "Retain",
        "DeletionPolicy": "Retain",
        "Metadata": {"aws:cdk:path": f"{path}/Resource"},
    }


def creation_template(*principals: Any) -> dict[str, Any]:
    """Return a creation template whose policy is the text of `stack.toJsonString`."""
    before = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["'
    after = f'"]}},"Action":{json.dumps(PULL)}}}]}}'
    parts = [part for each in principals for part in ('","', each)][1:]
    policy = {"Fn::Join": ["", [before, *parts, after]]}
    return {"Type": "AWS::ECR::RepositoryCreationTemplate", "Properties": {"Prefix": "y", "RepositoryPolicy": policy}}


def account_arn(account: Any) -> dict[str, Any]:
    """Return the ARN of an AccountPrincipal."""
    return {"Fn::Join": ["", ["arn:", {"Ref": "AWS::Partition"}, ":iam::", account, ":root"]]}


MAIN: Final = {
    "Resources": {
        "NoPolicyFE7B8F62": {"Type": "AWS::ECR::Repository"},
        "PublicAnyBC397E50": repository("Main/PublicAny", {"AWS": "*"}),
        "PublicStarF678B6A7": repository("Main/PublicStar", "*"),
        "CompositeA": repository("Main/Composite", {"AWS": ["*", account_arn("111122223333")]}),
        "OrgPull1D939EE1": repository(
            "Main/OrgPull", {"AWS": "*"}, Condition={"StringEquals": {"aws:PrincipalOrgID": "o-exampleorg1"}}
        ),
        "OrgParameter1B79EB38": repository(
            "Main/OrgParameter", {"AWS": "*"}, Condition={"StringEquals": {"aws:PrincipalOrgID": {"Ref": "OrgId"}}}
        ),
        "OwnAccountBF49658B": repository("Main/OwnAccount", {"AWS": account_arn({"Ref": "AWS::AccountId"})}),
        "StoredAccount20522387": repository("Main/StoredAccount", {"AWS": account_arn({"Ref": SSM})}),
        "ReaderAccount75A003CA": repository("Main/ReaderAccount", {"AWS": {"Ref": "ReaderAccount"}}),
        "ReaderArnA2B083BD": repository("Main/ReaderArn", {"AWS": {"Ref": "ReaderArn"}}),
        "Import643B42C2": repository("Main/Import", {"AWS": {"Fn::ImportValue": "SomeRoleArn"}}),
        "Service21410C9A": repository("Main/Service", {"Service": "codebuild.amazonaws.com"}),
        "RolePull19FFD1C6": repository("Main/RolePull", {"AWS": ROLE_ARN}),
        "Template": creation_template(ROLE_ARN, account_arn({"Ref": "AWS::AccountId"})),
        "TemplatePublic": creation_template(ROLE_ARN, "*"),
        "Role1ABCC5F0": ROLE,
        "NestedResource3DD143BF": {
            "Type": "AWS::CloudFormation::Stack",
            "Properties": {
                "Parameters": {"Who": "*", "referencetoMainRole7304D03BArn": ROLE_ARN},
                "TemplateURL": {"Fn::Join": ["", ["https://s3.", {"Ref": "AWS::Region"}, "/80f7.json"]]},
            },
            "Metadata": {"aws:asset:path": "MainNested3F44D81B.nested.template.json"},
        },
    },
    "Outputs": {"ExportsOutputFnGetAtt": {"Value": ROLE_ARN, "Export": {"Name": EXPORTED}}},
    "Parameters": {
        "ReaderArn": {"Type": "String"},
        "OrgId": {"Type": "String"},
        "ReaderAccount": {"Type": "String", "AllowedPattern": "^\\d{12}$"},
        SSM: {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/team/account"},
    },
}
NESTED: Final = {
    "Resources": {
        "InNested6B37C741": repository("Main/Nested/InNested", {"AWS": {"Ref": "Who"}}),
        "Cross2": repository("Main/Nested/Cross", {"AWS": {"Ref": "referencetoMainRole7304D03BArn"}}),
    },
    "Parameters": {"Who": {"Type": "String"}, "referencetoMainRole7304D03BArn": {"Type": "String"}},
}
OTHER: Final = {"Resources": {"Cross489C626C": repository("Other/Cross", {"AWS": {"Fn::ImportValue": EXPORTED}})}}


@pytest.fixture
def check(capsys: pytest.CaptureFixture[str]) -> Check:
    """Return the command."""
    return Check(capsys)


class TestOutputOfTheCDK:
    """`cdk synth` of two stacks, one of which has a nested one."""

    @pytest.fixture(autouse=True)
    def _synthesized(self) -> None:
        write("cdk.out/Main.template.json", json.dumps(MAIN, indent=1))
        write("cdk.out/MainNested3F44D81B.nested.template.json", json.dumps(NESTED, indent=1))
        write("cdk.out/Other.template.json", json.dumps(OTHER, indent=1))
        write(
            "cdk.out/manifest.json",
            '{"version": "48.0.0", "artifacts": {"Main": {"type": "aws:cloudformation:stack"}}}',
        )
        tree = {"attributes": {"aws:cdk:cloudformation:type": "AWS::ECR::Repository", "Statement": [{}]}}
        write("cdk.out/tree.json", json.dumps({"version": "tree-0.1", "tree": tree}))
        write("cdk.out/asset.d73d/app.template.json", json.dumps(OTHER))

    def test_each_repository_has_its_result(self, check: Check) -> None:
        checked = check.json("cdk.out")
        results: dict[str, list[str]] = {}
        for place, result in checked.results.items():
            results.setdefault(result, []).append(place.rpartition("Resources.")[2])
        assert {result: sorted(names) for result, names in results.items()} == {
            "public": ["CompositeA", "InNested6B37C741", "PublicAnyBC397E50", "PublicStarF678B6A7", "TemplatePublic"],
            "unknown": ["Import643B42C2", "ReaderArnA2B083BD"],
            "not public": [
                "Cross2",
                "Cross489C626C",
                "NoPolicyFE7B8F62",
                "OrgParameter1B79EB38",
                "OrgPull1D939EE1",
                "OwnAccountBF49658B",
                "ReaderAccount75A003CA",
                "RolePull19FFD1C6",
                "Service21410C9A",
                "StoredAccount20522387",
                "Template",
            ],
        }
        assert (checked.errors, checked.document["notes"]) == ([], [])

    def test_finding_has_its_line_and_the_path_of_the_construct(self, check: Check) -> None:
        lines = write("cdk.out/Main.template.json", json.dumps(MAIN, indent=1)).read_text(encoding="utf-8").splitlines()
        found = {each["address"]: each for each in check.json("cdk.out").document["policies"]}
        public = found["Resources.PublicStarF678B6A7"]
        assert public["cdk_path"] == "Main/PublicStar/Resource"
        assert lines[public["findings"][0]["line"] - 1].strip() == '"Principal": "*"'


def nested(parameters: str, *, location: str = "nested/images.yaml") -> str:
    """Return a template that makes a nested stack with these parameters."""
    return (
        "Parameters: {Reader: {Type: String}}\n"
        "Resources:\n"
        "  Images: {Type: AWS::CloudFormation::Stack,"
        f" Properties: {{TemplateURL: {location}, Parameters: {parameters}}}}}\n"
        "  Own: {Type: AWS::ECR::Repository}\n"
    )


IMAGES: Final = """
Parameters: {Readers: {Type: CommaDelimitedList, Default: '111122223333'}}
Resources:
  Images:
    Type: AWS::ECR::Repository
    Properties:
      RepositoryPolicyText: {Statement: [{Effect: Allow, Principal: {AWS: !Ref Readers}, Action: ecr:BatchGetImage}]}
"""


class TestNestedStacks:
    """A template in a local file has the parameters that the stack around it gives it."""

    @pytest.mark.parametrize(
        ("parameters", "result"),
        [
            ("{}", "not public"),
            ("{Readers: '444455556666,*'}", "public"),
            ("{Readers: !Join [',', ['111122223333', '444455556666']]}", "not public"),
            ("{Readers: !Ref AWS::NoValue}", "not public"),
            ("{Readers: !Ref Reader}", "unknown"),
            ("{Readers: !Ref Missing}", "unknown"),
        ],
    )
    def test_parameter_has_the_value_that_it_is_given(self, check: Check, parameters: str, result: str) -> None:
        write("app.yaml", nested(parameters))
        write("nested/images.yaml", IMAGES)
        assert check.json(".").results["nested/images.yaml Resources.Images"] == result
        assert check.json("nested/images.yaml").results == {"nested/images.yaml Resources.Images": result}

    def test_two_stacks_of_one_template_are_two_alternatives(self, check: Check) -> None:
        write("a.yaml", nested("{Readers: '111122223333'}"))
        write("b.yaml", nested("{Readers: '*'}"))
        write("nested/images.yaml", IMAGES)
        assert check.json(".").results["nested/images.yaml Resources.Images"] == "unknown"

    def test_value_of_the_command_line_is_that_of_the_outer_template(self, check: Check) -> None:
        write("app.yaml", nested("{Readers: !Ref Reader}"))
        write("nested/images.yaml", IMAGES)
        results = check.json(".", "--parameter", "Reader=*").results
        assert results["nested/images.yaml Resources.Images"] == "public"

    def test_stack_that_nests_itself_is_unknown(self, check: Check) -> None:
        write(
            "images.yaml",
            IMAGES + "  Self: " + nested("{Readers: !Ref Readers}", location="images.yaml").split("Images: ")[1],
        )
        assert check.json("images.yaml").results["images.yaml Resources.Images"] == "unknown"

    def test_templates_are_found_from_the_folder_of_the_nested_one(
        self, check: Check, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write("app.yaml", nested("{Readers: '*'}"))
        monkeypatch.chdir(write("nested/images.yaml", IMAGES).parent)
        assert check.json("images.yaml").results == {"images.yaml Resources.Images": "public"}

    @pytest.mark.parametrize(
        ("kind", "properties"),
        [
            ("Stack", "TemplateURL: 'https://s3.amazonaws.com/bucket/ecr.yaml', Parameters: {Readers: '*'}"),
            ("Stack", "TemplateURL: !Sub 'https://${Host}/x', Parameters: {RepositoryPolicy: '*'}"),
            ("StackSet", "TemplateURL: 'https://x/ecr', Parameters: [{ParameterKey: Readers, ParameterValue: '*'}]"),
            ("StackSet", "TemplateBody: 'Resources: {Images: {Type: AWS::ECR::Repository}}'"),
        ],
    )
    def test_template_that_is_not_read_is_noted(self, check: Check, kind: str, properties: str) -> None:
        write(
            "app/a.yaml", f"Resources: {{Images: {{Type: AWS::CloudFormation::{kind}, Properties: {{{properties}}}}}}}"
        )
        expected = "the template of Images is not followed: check it with the parameters that it is given"
        assert check.json("app").document["notes"] == [f"app/a.yaml: {expected}"]

    def test_broken_template_without_a_repository_is_no_error(self, check: Check) -> None:
        write("app/a.yaml", "Resources:\n  Net: {Type: AWS::CloudFormation::Stack}\n{% if x %}\n")
        assert (check.json("app").code, check.json("app").errors) == (0, [])

    @pytest.mark.parametrize("parameters", ["{VpcCidr: 10.0.0.0/8}", "{Roles: '*'}"])
    def test_template_about_something_else_is_not_noted(self, check: Check, parameters: str) -> None:
        stack = f"{{TemplateURL: 'https://s3.amazonaws.com/network.yaml', Parameters: {parameters}}}"
        write("app/a.yaml", f"Resources: {{Net: {{Type: AWS::CloudFormation::Stack, Properties: {stack}}}}}")
        assert check.json("app").document["notes"] == []


EXPORTS: Final = (
    "Resources: {{Role: {{Type: AWS::IAM::Role}}}}\nOutputs: {{Out: {{Value: {0}, Export: {{Name: {1}}}}}}}\n"
)
IMPORTS: Final = IMAGES.replace("!Ref Readers", "!ImportValue base-reader")


class TestExports:
    """A value that a template of the same folder exports."""

    @pytest.mark.parametrize(
        ("value", "name", "result"),
        [
            ("!GetAtt Role.Arn", "base-reader", "not public"),
            ("'*'", "!Sub 'base-reader'", "public"),
            ("!Ref Somebody", "base-reader", "unknown"),
            ("!GetAtt Role.Arn", "other-reader", "unknown"),
            ("!GetAtt Role.Arn", "!Sub '${AWS::StackName}-reader'", "unknown"),
            ("&a [*a]", "base-reader", "unknown"),
        ],
    )
    def test_import_has_the_exported_value(self, check: Check, value: str, name: str, result: str) -> None:
        write("base.yaml", EXPORTS.format(value, name))
        write("images.yaml", IMPORTS)
        assert check.json("images.yaml").results == {"images.yaml Resources.Images": result}

    def test_two_exports_with_one_name_are_two_alternatives(self, check: Check) -> None:
        write("dev.yaml", EXPORTS.format("!GetAtt Role.Arn", "base-reader"))
        write("prod.yaml", EXPORTS.format("'*'", "base-reader"))
        write("images.yaml", IMPORTS)
        assert check.json("images.yaml").results == {"images.yaml Resources.Images": "unknown"}

    def test_broken_template_beside_it_is_no_error_of_the_file(self, check: Check) -> None:
        write("broken.yaml", "Export: [\n")
        write("images.yaml", IMPORTS)
        checked = check.json("images.yaml")
        assert (checked.results, checked.errors) == ({"images.yaml Resources.Images": "unknown"}, [])

    def test_exports_that_stand_for_far_too_much_are_an_error(self, check: Check) -> None:
        for number in range(40):
            before = f"!ImportValue e{number - 1}" if number else "x"
            write(f"{number}.yaml", EXPORTS.format(f"!Join ['', [{before}, {before}]]", f"e{number}"))
        write("images.yaml", IMPORTS.replace("base-reader", "e39"))
        (error,) = check.json("images.yaml").errors
        assert "more than 20000 values" in error


class TestOutputs:
    """An output of a nested stack whose template is a local file."""

    @pytest.mark.parametrize("form", ["!GetAtt Roles.Outputs.Reader", "!Sub '${Roles.Outputs.Reader}'"])
    @pytest.mark.parametrize(
        ("output", "result"),
        [
            ("Reader: {Value: !GetAtt Role.Arn}", "not public"),
            ("Reader: {Value: !Ref Given}", "public"),
            ("Reader: {Value: !Ref Missing}", "unknown"),
            ("Other: {Value: !GetAtt Role.Arn}", "unknown"),
        ],
    )
    def test_output_has_the_value_of_the_nested_template(
        self, check: Check, form: str, output: str, result: str
    ) -> None:
        role = "Parameters: {Given: {Type: String}}\nResources: {Role: {Type: AWS::IAM::Role}}\n"
        write("nested/roles.yaml", f"{role}Outputs: {{{output}}}\n")
        stack = (
            "{Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: nested/roles.yaml, Parameters: {Given: '*'}}}"
        )
        write("app.yaml", f"{IMAGES.replace('!Ref Readers', form)}  Roles: {stack}\n")
        assert check.json("app.yaml").results == {"app.yaml Resources.Images": result}


class TestAdvice:
    """What to do about a value that is not known."""

    @pytest.mark.parametrize(
        ("principal", "advice"),
        [
            ("!Ref Reader", "Give the value with --parameter NAME=VALUE or --parameters FILE."),
            ("!If [Here, '*', '111122223333']", "Give the account and the Region of the deployment with --owner and"),
            ("!ImportValue x", "No option gives this value: check the packaged template, or the repository policy"),
            (
                "'{{resolve:ssm:/x}}'",
                "No option gives this value: check the packaged template, or the repository policy",
            ),
        ],
    )
    def test_names_the_option_that_gives_the_value_if_there_is_one(
        self, check: Check, principal: str, advice: str
    ) -> None:
        conditions = "Conditions: {Here: !Equals [!Ref AWS::Region, us-east-1]}\n"
        write("app.yaml", conditions + IMAGES.replace("!Ref Readers", principal))
        assert f"What to do: {advice}" in check("app.yaml").out
