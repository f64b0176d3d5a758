"""Terraform modules: count, for_each and dynamic blocks, data documents, and the modules that code calls."""

from datetime import date
from pathlib import Path

import pytest

from ecr_exposure.cli.files_to_check.suppressions import Suppressions
from ecr_exposure.cli.found_policies.outcome import evaluate
from ecr_exposure.cli.found_policies.unknown_values import Unknown
from ecr_exposure.cli.policies_in_terraform.terraform_source import local_modules
from tests.commands.terraform_code import ReadCode, policy_with, read_code, read_files

THIS = "aws_ecr_repository_policy.this"
ROOT = '{ AWS = "arn:aws:iam::111122223333:root" }'
RESOURCE = """
resource "aws_ecr_repository_policy" "this" {
  repository = "app"
  policy     = data.aws_iam_policy_document.this.json
}
"""


def document(content: str, more: str = "") -> ReadCode:
    """Read a resource with a data document."""
    return read_code(f'{RESOURCE}\ndata "aws_iam_policy_document" "this" {{\n{content}\n}}\n{more}')


def statement(kind: str, identifiers: str, more: str = "") -> str:
    """Return a statement block."""
    return f"""
  statement {{
    {more}
    principals {{
      type        = "{kind}"
      identifiers = {identifiers}
    }}
    actions = ["ecr:BatchGetImage"]
  }}
"""


class TestPolicyDocument:
    """The data source aws_iam_policy_document."""

    @pytest.mark.parametrize(
        ("kind", "identifiers", "principal"),
        [
            ("*", '["*"]', "*"),
            ("AWS", '["*"]', {"AWS": ["*"]}),
            ("AWS", '["111122223333", "444455556666"]', {"AWS": ["111122223333", "444455556666"]}),
            ("Service", '["lambda.amazonaws.com"]', {"Service": ["lambda.amazonaws.com"]}),
            ("AWS", "var.x", {"AWS": [Unknown("var.x")]}),
        ],
    )
    def test_the_principal(self, kind: str, identifiers: str, principal: object) -> None:
        read = document(statement(kind, identifiers))
        assert read.only.policy["Version"] == "2012-10-17"
        (found,) = read.only.policy["Statement"]
        assert found == {"Effect": "Allow", "Principal": principal, "Action": ["ecr:BatchGetImage"]}

    def test_the_place_is_that_of_the_blocks(self) -> None:
        read = document(statement("*", '["*"]'))
        assert read.principal() == 'principals {\n      type        = "*"\n      identifiers = ["*"]\n    }'
        assert read.only.span.line == 4
        assert read.only.statements[0].statement.line == 9

    def test_a_document_in_another_file_is_where_the_policy_is(self) -> None:
        data = f'data "aws_iam_policy_document" "this" {{{statement("*", chr(91) + chr(34) + "*" + chr(34) + "]")}}}\n'
        read = read_files({"main.tf": RESOURCE, "data.tf": data})
        assert (read.only.file, read.only.resource_file) == ("data.tf", "main.tf")
        assert read.principal().startswith("principals {")

    def test_a_comment_in_the_resource_counts_for_a_document_in_another_file(self, tmp_path: Path) -> None:
        comment = '# ecr-exposure: public-on-purpose "base images"'
        data = 'data "aws_iam_policy_document" "this" {' + statement("*", '["*"]') + "}\n"
        read = read_files({"main.tf": RESOURCE.replace("  policy", f"  {comment}\n  policy"), "data.tf": data})
        suppressions = Suppressions(tmp_path, date(2026, 11, 27), None, lambda error: pytest.fail(error.message))
        suppressions.read_comments("main.tf", read.files["main.tf"])
        assert suppressions.excuse_of(read.only).text == "base images (main.tf:4)"

    def test_all_elements_of_a_statement(self) -> None:
        more = """
    sid         = "A"
    effect      = "Deny"
    not_actions = ["ecr:GetAuthorizationToken"]
    not_principals {
      type        = "AWS"
      identifiers = ["111122223333"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:PrincipalTag/a"
      values   = ["&{aws:ResourceTag/a}"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:PrincipalTag/a"
      values   = ["b"]
    }
"""
        read = document(f'version = "2008-10-17"\nstatement {{\n{more}\n}}')
        assert read.only.policy == {
            "Version": "2008-10-17",
            "Statement": [
                {
                    "Sid": "A",
                    "Effect": "Deny",
                    "NotPrincipal": {"AWS": ["111122223333"]},
                    "NotAction": ["ecr:GetAuthorizationToken"],
                    "Condition": {"StringEquals": {"aws:PrincipalTag/a": ["${aws:ResourceTag/a}", "b"]}},
                }
            ],
        }

    def test_statements_with_the_sid_of_an_earlier_one_replace_it(self) -> None:
        one = statement("AWS", '["*"]', 'sid = "A"')
        other = statement("AWS", '["111122223333"]', 'sid = "A"')
        source = f'data "aws_iam_policy_document" "source" {{{one}}}\n'
        lists = {"source": "data.aws_iam_policy_document.source.json"}
        assert document(f"source_policy_documents = [{lists['source']}]{other}", source).verdicts == {THIS: "closed"}
        assert document(f"override_policy_documents = [{lists['source']}]{other}", source).verdicts == {THIS: "public"}
        assert document(f"source_policy_documents = [{lists['source']}]", source).verdicts == {THIS: "public"}

    def test_a_document_that_is_not_known_decides(self) -> None:
        closed = statement("AWS", '["111122223333"]', 'sid = "A"')
        assert document(f"source_policy_documents = var.docs{closed}").verdicts == {THIS: "var.docs"}
        public = statement("*", '["*"]', 'sid = "A"')
        assert document(f"source_policy_documents = var.docs{public}").verdicts == {THIS: "public"}
        assert document(f"override_policy_documents = var.docs{public}").verdicts == {THIS: "var.docs"}

    @pytest.mark.parametrize(
        ("for_each", "result"),
        [
            ("[1]", "public"),
            ("[]", "closed"),
            ("var.x", "var.x"),
            ("toset(var.x)", "var.x"),
            # Terraform refuses it, so that the policy is not known.
            ('"[1]"', "for_each of dynamic statement"),
        ],
    )
    def test_dynamic_statements(self, for_each: str, result: str) -> None:
        content = statement("*", '["*"]').replace("statement {", "content {")
        dynamic = f'dynamic "statement" {{\n for_each = {for_each}\n{content}\n}}'
        assert document(f"{statement('AWS', chr(91) + chr(93))}\n{dynamic}").verdicts == {THIS: result}

    @pytest.mark.parametrize(("who", "result"), [('["*"]', "public"), ('["111122223333"]', "closed")])
    def test_the_iterator_of_a_dynamic_block(self, who: str, result: str) -> None:
        content = statement("AWS", "it.value.who").replace("statement {", "content {")
        dynamic = f'dynamic "statement" {{\n for_each = {{ a = {{ who = {who} }} }}\n iterator = it\n{content}\n}}'
        assert document(dynamic).verdicts == {THIS: result}

    def test_a_condition_that_may_be_absent(self) -> None:
        condition = """
    dynamic "condition" {
      for_each = var.org == null ? [] : [var.org]
      content {
        test     = "StringEquals"
        variable = "aws:PrincipalOrgID"
        values   = [condition.value]
      }
    }
"""
        content = statement("*", '["*"]', condition)
        assert document(content).verdicts == {THIS: "var.org"}
        assert document(content, 'variable "org" { default = null }').verdicts == {THIS: "public"}
        assert document(content, 'variable "org" { default = "o-abcdefghij" }').verdicts == {THIS: "closed"}

    @pytest.mark.parametrize(
        ("test", "variable", "unknown"),
        [
            ('"StringLike"', '"aws:PrincipalOrgID"', ("var.more",)),
            ("var.test", '"aws:PrincipalOrgID"', ("var.more",)),
            ('"StringLike"', "var.key", ("var.more",)),
            ('"StringLike"', '"aws:PrincipalArn"', ()),
            ('"StringEquals"', '"aws:PrincipalOrgID"', ()),
        ],
    )
    def test_condition_that_may_add_values_to_another_one(
        self, test: str, variable: str, unknown: tuple[str, ...]
    ) -> None:
        """The provider joins the values of blocks with the same test and variable."""
        known = 'condition {\n test = "StringLike"\n variable = "aws:PrincipalOrgID"\n values = ["o-abcdefghij"]\n}'
        content = f'content {{\n test = {test}\n variable = {variable}\n values = ["o-*"]\n}}'
        dynamic = f'dynamic "condition" {{\n for_each = var.more ? [1] : []\n {content}\n}}'
        read = document(statement("*", '["*"]', f"{known}\n{dynamic}"))
        found = evaluate(read.only.policy, test="reachable")
        assert (found.unknown, found.verdict.compliance) == (unknown, "NON_COMPLIANT" if unknown else "COMPLIANT")


class TestInstances:
    """count and for_each."""

    @pytest.mark.parametrize(("count", "found"), [("1", 1), ("0", 0), ("var.x ? 1 : 0", 1), ("false ? 1 : 0", 0)])
    def test_count(self, count: str, found: int) -> None:
        code = policy_with('"*"').replace('"this" {', f'"this" {{\n  count = {count}')
        read = read_code(code)
        assert len(read.policies) == found
        note = "main.tf:2: aws_ecr_repository_policy.this is not deployed: its count is 0, or its for_each is empty"
        assert read.notes == ([] if found else [note])

    def test_each_instance_of_a_known_for_each(self) -> None:
        more = 'for_each = { a = "*", b = "111122223333" }\n'
        code = policy_with("{ AWS = each.value }").replace('"this" {', f'"this" {{\n  {more}')
        assert read_code(code).verdicts == {f'{THIS}["a"]': "public", f'{THIS}["b"]': "closed"}

    def test_an_unknown_for_each_is_read_once(self) -> None:
        code = policy_with("{ AWS = each.value.arns }").replace('"this" {', '"this" {\n  for_each = var.x')
        assert read_code(code).verdicts == {THIS: "var.x[…].arns"}
        code = policy_with('"*"').replace('"this" {', '"this" {\n  for_each = var.x')
        assert read_code(code).verdicts == {THIS: "public"}

    def test_instances_with_the_same_policy_and_repository_are_one(self) -> None:
        code = policy_with('"*"').replace('"this" {', '"this" {\n  for_each = toset(["a", "b"])')
        assert list(read_code(code).verdicts) == [f'{THIS}["a"]']

    def test_the_document_of_an_instance(self) -> None:
        code = f"""
            locals {{ who = {{ a = ["*"], b = ["111122223333"] }} }}
            data "aws_iam_policy_document" "this" {{
              for_each = local.who
              {statement("AWS", "each.value")}
            }}
            resource "aws_ecr_repository_policy" "this" {{
              for_each = local.who
              policy   = data.aws_iam_policy_document.this[each.key].json
            }}
        """
        assert read_code(code).verdicts == {f'{THIS}["a"]': "public", f'{THIS}["b"]': "closed"}


CHILD = """
variable "pull_arns" {
  type    = list(string)
  default = ["*"]
}
""" + policy_with("{ AWS = var.pull_arns }")


class TestCalledModules:
    """Local modules are read where they are called; others are named."""

    def test_the_arguments_count(self) -> None:
        root = """
            module "a" {
              source    = "../modules/ecr"
              pull_arns = ["arn:aws:iam::111122223333:root"]
            }
            module "b" { source = "../modules/ecr" }
        """
        read = read_files({"live/main.tf": root, "modules/ecr/main.tf": CHILD}, "live")
        assert read.verdicts == {f"module.a.{THIS}": "closed", f"module.b.{THIS}": "public"}
        assert {found.file for found in read.policies} == {"modules/ecr/main.tf"}
        assert list(local_modules({"live/main.tf": root})) == ["modules/ecr", "modules/ecr"]

    def test_outputs_of_a_local_module(self) -> None:
        statement = '{ Effect = "Allow", Principal = "*", Action = "ecr:*" }'
        child = f'output "json" {{\n  value = jsonencode({{ Statement = {statement} }})\n}}\n'
        policy = RESOURCE.replace("data.aws_iam_policy_document.this.json", "module.p.json")
        root = f'module "p" {{ source = "./p" }}\n{policy}'
        read = read_files({"main.tf": root, "p/main.tf": child})
        assert read.verdicts == {THIS: "public"}
        assert (read.only.file, read.principal()) == ("p/main.tf", 'Principal = "*"')

    def test_a_module_that_calls_itself_ends(self) -> None:
        read = read_files({"main.tf": 'module "m" { source = "./" }\n' + policy_with('"*"')})
        assert read.verdicts[THIS] == "public"
        assert any("too deep" in note for note in read.notes)

    def test_a_registry_module_with_a_policy_is_named(self) -> None:
        root = 'module "ecr" {\n  source = "terraform-aws-modules/ecr/aws"\n  repository_policy = "x"\n}\n'
        read = read_code(root + 'module "vpc" {\n  source = "terraform-aws-modules/vpc/aws"\n  policy = "x"\n}\n')
        note = "main.tf:1: module.ecr (terraform-aws-modules/ecr/aws) is not followed: check the plan"
        assert (read.policies, read.notes) == ([], [note])

    def test_a_local_module_that_is_not_there_is_named(self) -> None:
        read = read_code('module "m" { source = "./m" }\n')
        assert read.notes == ["main.tf:1: module.m (./m) is not there or too deep, and is not followed: check the plan"]

    def test_a_policy_in_a_file_of_the_folder(self) -> None:
        policy = '{"Statement": {"Effect": "Allow", "Principal": "*", "Action": "ecr:*"}}'
        path = 'file("${path.module}/policy.json")'
        root = RESOURCE.replace("data.aws_iam_policy_document.this.json", path)
        assert read_files({"a/main.tf": root, "a/policy.json": policy}, "a").verdicts == {THIS: "public"}
        assert read_files({"a/main.tf": root}, "a").verdicts == {THIS: path}
