"""Policies in Terraform code: every public one is found, with its place, and nothing else is."""

import pytest

from ecr_exposure.cli.found_policies.found_policy import Span
from tests.commands.terraform_code import policy_with, read_code, read_files, result_of

THIS = "aws_ecr_repository_policy.this"
ROOT = '{ AWS = "arn:aws:iam::111122223333:root" }'
HEREDOC = """
variable "pull_accounts" {}
variable "org" {}
data "aws_caller_identity" "current" {}

resource "aws_ecr_repository_policy" "this" {
  repository = "app"
  policy     = <<-POLICY
    {
      "Version": "2012-10-17",
      "Statement": [
        {
          "Sid": "${var.org}",
          "Effect": "Allow",
          "Principal": PRINCIPAL,
          "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
        },
        {
          "Effect": "Deny",
          "Principal": {"AWS": "${var.pull_accounts}"},
          "Action": "ecr:DeleteRepository"
        }
      ]
    }
  POLICY
}
"""


def heredoc_with(principal: str) -> str:
    """Return a resource with a heredoc."""
    return HEREDOC.replace("PRINCIPAL", principal)


class TestPlaces:
    """The place of a statement and of its Principal."""

    def test_of_jsonencode_are_those_of_the_objects(self) -> None:
        read = read_code(policy_with('"*"'))
        assert (read.principal(), read.verdicts) == ('Principal = "*"', {THIS: "public"})
        assert read.only.span == Span(4, 3, 12, 5)
        assert read.only.statements[0].statement == Span(6, 18, 11, 6)
        assert read.only.resource == Span(2, 1, 13, 2)
        assert read.only.repository == "app"

    def test_of_a_heredoc_are_exact(self) -> None:
        read = read_code(heredoc_with('{\n            "AWS": "*"\n          }'))
        assert read.verdicts == {THIS: "public"}
        assert read.principal() == '"Principal": {\n            "AWS": "*"\n          }'
        assert read.only.statements[0].principal == Span(15, 11, 17, 12)
        assert read.only.statements[1].principal == Span(22, 11, 22, 55)

    def test_of_a_heredoc_with_carriage_returns(self) -> None:
        read = read_code(heredoc_with('"*"').replace("\n", "\r\n"))
        assert (read.principal(), read.verdicts) == ('"Principal": "*"', {THIS: "public"})

    def test_of_a_quoted_text_are_exact(self) -> None:
        text = '{\\"Statement\\": {\\"Effect\\": \\"Allow\\", \\"Principal\\": \\"*\\", \\"Action\\": \\"ecr:*\\"}}'
        read = read_code(f'resource "aws_ecr_repository_policy" "this" {{\n  policy = "{text}"\n}}\n')
        assert (read.principal(), read.verdicts) == ('\\"Principal\\": \\"*\\"', {THIS: "public"})

    def test_of_a_local_value_in_another_file(self) -> None:
        local = (
            'locals {\n  policy = { Statement = [{\n    Effect = "Allow", Principal = "*"\n  Action = "ecr:*" }] }\n}\n'
        )
        code = 'resource "aws_ecr_repository_policy" "this" {\n  policy = jsonencode(local.policy)\n}\n'
        read = read_files({"main.tf": code, "locals.tf": local})
        assert (read.only.file, read.only.address, read.principal()) == ("locals.tf", THIS, 'Principal = "*"')
        assert (read.only.resource, read.only.resource_file) == (Span(1, 1, 3, 2), "main.tf")

    @pytest.mark.parametrize("objects", ['STATEMENT, { Sid = "a" }', '{ Sid = "a" }, STATEMENT'])
    def test_of_merged_objects_are_those_of_the_principal(self, objects: str) -> None:
        merged = objects.replace("STATEMENT", '{ Effect = "Allow", Principal = "*", Action = "ecr:*" }')
        policy = f"jsonencode({{ Statement = [merge({merged})] }})"
        read = read_code(f'resource "aws_ecr_repository_policy" "this" {{\n  policy = {policy}\n}}\n')
        assert (read.principal(), read.verdicts) == ('Principal = "*"', {THIS: "public"})

    def test_of_an_unknown_text_are_those_of_the_attribute(self) -> None:
        read = read_code('resource "aws_ecr_repository_policy" "this" {\n  policy = var.policy\n}\n')
        assert (read.only.span, dict(read.only.statements)) == (Span(2, 3, 2, 22), {})
        assert read.verdicts == {THIS: "var.policy"}


class TestHeredoc:
    """A heredoc is JSON with unknown parts."""

    @pytest.mark.parametrize(
        ("principal", "result"),
        [
            ('"*"', "public"),
            ('{"AWS": ["*", "arn:aws:iam::111122223333:root"]}', "public"),
            ('{"AWS": "arn:aws:iam::${data.aws_caller_identity.current.account_id}:root"}', "closed"),
            ('{"AWS": ["arn:aws:iam::${var.pull_accounts}:root"]}', "closed"),
            ('{"AWS": ${jsonencode(var.pull_accounts)}}', "var.pull_accounts"),
            ('{"AWS": "${var.pull_accounts}"}', "var.pull_accounts"),
            ('{"AWS": ["${join("\\",\\"", var.pull_accounts)}"]}', "var.pull_accounts"),
            ('{"AWS": ${jsonencode(["*"])}}', "public"),
            ('{"AWS": [%{ for a in ["1"] ~}"11112222333${a}"%{ endfor ~}]}', "closed"),
            ('{"AWS": [%{ for a in var.pull_accounts ~}"${a}",%{ endfor ~}"*"]}', "var.org"),
        ],
    )
    def test_the_result_follows_from_the_principal(self, principal: str, result: str) -> None:
        assert read_code(heredoc_with(principal)).verdicts == {THIS: result}

    def test_text_that_is_no_json_is_said_so(self) -> None:
        read = read_code('resource "aws_ecr_repository_policy" "this" {\n  policy = <<EOT\nnone\nEOT\n}\n')
        assert "not JSON" in read.verdicts[THIS]

    def test_an_empty_heredoc_hides_no_resource(self) -> None:
        odd = 'resource "aws_ecr_repository_policy" "odd" {\n  policy = <<EOT\nEOT\n}\n'
        assert read_code(odd + policy_with('"*"')).verdicts == {THIS: "public"}


class TestUnknownValues:
    """An unknown value is a finding only where it decides."""

    @pytest.mark.parametrize(
        ("principal", "more", "result"),
        [
            ("{ AWS = var.x }", "", "var.x"),
            ("{ AWS = concat(var.x, [var.y]) }", "", "var.x, var.y"),
            ('{ AWS = formatlist("arn:aws:iam::%s:root", var.x) }', "", "closed"),
            ('{ AWS = [for a in var.x : "arn:aws:iam::${a}:root"] }', "", "closed"),
            ('{ AWS = "arn:aws:iam::${var.x}:root" }', "", "closed"),
            ("{ AWS = [aws_iam_role.a.arn, aws_iam_user.b[0].arn] }", "", "closed"),
            ('{ AWS = var.x ? "*" : "111122223333" }', "", "var.x"),
            ('{ Service = "lambda.amazonaws.com" }', "Sid = var.x", "closed"),
            ('"*"', "Sid = var.x", "public"),
            ('"*"', 'Condition = { StringEquals = { "aws:PrincipalOrgID" = var.x } }', "closed"),
            ('"*"', "Condition = var.x", "var.x"),
            ("module.roles.arns", "", "module.roles.arns"),
        ],
    )
    def test_the_result_names_what_decides(self, principal: str, more: str, result: str) -> None:
        variables = 'variable "x" {}\nvariable "y" {}\n'
        assert read_code(variables + policy_with(principal, more)).verdicts == {THIS: result}

    @pytest.mark.parametrize(
        ("statements", "result"),
        [
            (f'concat([{{ Effect = "Allow", Principal = {ROOT}, Action = "ecr:*" }}], var.x)', "var.x"),
            (f'[for a in var.x : {{ Effect = "Allow", Principal = {ROOT}, Action = a }}]', "closed"),
            ('[for a in var.x : { Effect = "Allow", Principal = "*", Action = "ecr:*" }]', "var.x"),
            ('var.x ? [{ Effect = "Allow", Principal = "*", Action = "ecr:*" }] : []', "var.x"),
            (f'var.x ? [{{ Effect = "Allow", Principal = {ROOT}, Action = "ecr:*" }}] : []', "closed"),
        ],
    )
    def test_statements_that_may_be_absent(self, statements: str, result: str) -> None:
        policy = f"jsonencode({{ Statement = {statements} }})"
        code = f'resource "aws_ecr_repository_policy" "this" {{\n  policy = {policy}\n}}\n'
        assert read_code(f'variable "x" {{}}\n{code}').verdicts == {THIS: result}

    def test_either_of_two_policies(self) -> None:
        policies = ", ".join(f'{{ Effect = "Allow", Principal = {each}, Action = "ecr:*" }}' for each in (ROOT, '"*"'))
        code = f"""
            variable "x" {{}}
            locals {{ s = [{policies}] }}
            resource "aws_ecr_repository_policy" "this" {{
              policy = var.x ? jsonencode({{ Statement = local.s[0] }}) : jsonencode({{ Statement = local.s[INDEX] }})
            }}
        """
        assert read_code(code.replace("INDEX", "1")).verdicts == {THIS: "var.x"}
        assert read_code(code.replace("INDEX", "0")).verdicts == {THIS: "closed"}
        assert read_code(code.replace("local.s[0]", "local.s[1]").replace("INDEX", "1")).verdicts == {THIS: "public"}

    def test_the_other_tests_of_the_rule_read_the_same_policy(self) -> None:
        condition = 'Condition = { "ForAllValues:StringEquals" = { "aws:PrincipalOrgID" = var.x } }'
        read = read_code('variable "x" {}\n' + policy_with('"*"', condition))
        assert result_of(read.only) == "closed"
        assert result_of(read.only, test="reachable") in ("public", "var.x")

    def test_a_policy_variable_is_text(self) -> None:
        condition = 'Condition = { StringEquals = { "aws:PrincipalTag/a" = "$${aws:ResourceTag/a}" } }'
        read = read_code(policy_with('"*"', condition))
        values = read.only.policy["Statement"][0]["Condition"]["StringEquals"]
        assert values == {"aws:PrincipalTag/a": "${aws:ResourceTag/a}"}


_EVERYONE = '\\"Effect\\": \\"Allow\\", \\"Principal\\": \\"*\\", \\"Action\\": \\"ecr:*\\"'


class TestCommonForms:
    """Other ways in which code has a policy."""

    @pytest.mark.parametrize(
        ("policy", "result"),
        [
            ("jsonencode(jsondecode(local.text))", "public"),
            ("local.text", "public"),
            ("trimspace(local.text)", "public"),
            ('replace(local.text, "\\"*\\"", "{ \\"AWS\\": \\"111122223333\\" }")', "closed"),
            ("try(local.text, null)", "public"),
            ("coalesce(null, local.text)", "public"),
            ('format(replace(local.text, "\\"*\\"", "{ \\"AWS\\": \\"%s\\" }"), "111122223333")', "closed"),
            ('format("{\\"Statement\\": {\\"Sid\\": \\"%s\\", REST}}", "a")', "public"),
            ('local.text == "" ? null : local.text', "public"),
            ('jsonencode([]) == "[]" ? local.text : null', "public"),
            ('"${local.text}"', "public"),
            ('"${jsonencode(local.object)}\\n"', "public"),
            ("jsonencode(merge(local.object, { Id = var.x }))", "public"),
            ('jsonencode({ Statement = [for s in local.object.Statement : s if s.Effect == "Deny"] })', "closed"),
            ("jsonencode({ Statement = [for s in local.object.Statement : merge(s, { Sid = var.x })] })", "public"),
            ("jsonencode({ Statement = flatten([[local.object.Statement], []]) })", "public"),
            ("jsonencode({ Statement = values({ a = local.object.Statement[0] }) })", "public"),
            ('templatefile("policy.json", {})', 'templatefile("policy.json", {})'),
            ("aws_ecr_repository_policy.other.policy", "aws_ecr_repository_policy.other.policy"),
            ("null", None),
        ],
    )
    def test_the_result_is_that_of_the_policy(self, policy: str, result: str | None) -> None:
        code = f"""
            variable "x" {{}}
            locals {{
              object = {{ Statement = [{{ Effect = "Allow", Principal = "*", Action = "ecr:*" }}] }}
              text   = <<-EOT
                {{"Statement": [{{"Effect": "Allow", "Principal": "*", "Action": "ecr:*"}}]}}
              EOT
            }}
            resource "aws_ecr_repository_policy" "this" {{
              policy = {policy.replace("REST", _EVERYONE)}
            }}
        """
        assert read_code(code).verdicts == ({THIS: result} if result else {})


class TestResources:
    """Four kinds of resources have a repository policy."""

    @pytest.mark.parametrize(
        ("kind", "policy", "name", "repository"),
        [
            ("aws_ecr_repository_policy", "policy", "repository", "app"),
            ("aws_ecr_repository_creation_template", "repository_policy", "prefix", None),
            ("awscc_ecr_repository", "repository_policy_text", "repository_name", "app"),
            ("awscc_ecr_repository_creation_template", "repository_policy", "prefix", None),
        ],
    )
    def test_the_policy_is_found(self, kind: str, policy: str, name: str, repository: str | None) -> None:
        code = policy_with('"*"').replace("aws_ecr_repository_policy", kind)
        code = code.replace("  policy =", f"  {policy} =").replace("  repository =", f"  {name} =")
        read = read_code(code)
        assert read.verdicts == {f"{kind}.this": "public"}
        assert read.only.repository == repository

    def test_other_resources_have_none(self) -> None:
        code = policy_with('"*"').replace("aws_ecr_repository_policy", "aws_ecrpublic_repository_policy")
        assert read_code(code).policies == []

    def test_a_repository_without_a_policy_has_none(self) -> None:
        assert read_code('resource "awscc_ecr_repository" "a" {\n  repository_name = "a"\n}\n').policies == []

    def test_code_in_json(self) -> None:
        text = '{"resource": {"aws_ecr_repository_policy": {"this": {"repository": "${var.n}", "policy": POLICY}}}}'
        policy = (
            '"${jsonencode({ Statement = [{ Effect = \\"Allow\\", Principal = \\"*\\", Action = \\"ecr:*\\" }] })}"'
        )
        plain = '"{\\"Statement\\": {\\"Effect\\": \\"Allow\\", \\"Principal\\": \\"*\\", \\"Action\\": \\"ecr:*\\"}}"'
        assert read_files({"main.tf.json": text.replace("POLICY", plain)}).verdicts == {THIS: "public"}
        assert read_files({"main.tofu.json": text.replace("POLICY", policy)}).verdicts == {THIS: "public"}

    def test_a_text_with_templates_in_json_has_the_place_of_its_property(self) -> None:
        policy = '{\\"Statement\\": {\\"Sid\\": \\"${var.x}\\", \\"Principal\\": \\"*\\"}}'
        text = f'{{"resource": {{"aws_ecr_repository_policy": {{"this": {{"policy": "{policy}"}}}}}}}}'
        read = read_files({"main.tf.json": text})
        assert dict(read.only.statements) == {}
        assert read.text_at(read.only.span, "main.tf.json") == f'"policy": "{policy}"'
        assert read.only.resource is None

    def test_code_of_opentofu(self) -> None:
        assert read_files({"main.tofu": policy_with('"*"')}).verdicts == {THIS: "public"}

    def test_an_override_replaces_the_policy(self) -> None:
        files = {"main.tf": policy_with('"*"'), "main_override.tf": policy_with(ROOT)}
        assert read_files(files).verdicts == {THIS: "closed"}

    def test_a_file_that_is_no_hcl_is_a_problem_and_the_others_are_read(self) -> None:
        read = read_files({"main.tf": policy_with('"*"'), "bad.tf": "resource {{"})
        assert read.verdicts == {THIS: "public"}
        assert read.problems == ["bad.tf:1: not HCL: '{' is not a block or attribute"]
