"""Terraform code as people write it: no false alarm where nothing is public, and no public policy that is not found."""

from typing import Final

import pytest

from tests.commands.terraform_code import read_files

MODULE: Final = """
locals {
  is_private = var.create && var.repository_type == "private"
}

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

data "aws_iam_policy_document" "repository" {
  count = var.create && var.create_repository_policy ? 1 : 0

  dynamic "statement" {
    for_each = var.repository_type == "public" ? [1] : []

    content {
      sid = "PublicReadOnly"
      principals {
        type        = "AWS"
        identifiers = coalescelist(var.read_access_arns, ["*"], )
      }
      actions = ["ecr-public:BatchGetImage"]
    }
  }

  dynamic "statement" {
    for_each = var.repository_type == "private" ? [1] : []

    content {
      sid = "PrivateReadOnly"
      principals {
        type = "AWS"
        identifiers = coalescelist(
          concat(var.read_access_arns, var.read_write_access_arns),
          ["arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:root"],
        )
      }
      actions = [
        "ecr:BatchGetImage",
        "ecr:GetDownloadUrlForLayer",
      ]
    }
  }

  dynamic "statement" {
    for_each = length(var.read_write_access_arns) > 0 && local.is_private ? [var.read_write_access_arns] : []

    content {
      sid = "ReadWrite"
      principals {
        type        = "AWS"
        identifiers = statement.value
      }
      actions = ["ecr:PutImage"]
    }
  }

  dynamic "statement" {
    for_each = var.policy_statements

    content {
      sid     = try(statement.value.sid, null)
      effect  = try(statement.value.effect, null)
      actions = try(statement.value.actions, null)

      dynamic "principals" {
        for_each = try(statement.value.principals, [])
        content {
          type        = principals.value.type
          identifiers = principals.value.identifiers
        }
      }

      dynamic "condition" {
        for_each = try(statement.value.conditions, [])
        content {
          test     = condition.value.test
          variable = condition.value.variable
          values   = condition.value.values
        }
      }
    }
  }
}

resource "aws_ecr_repository" "this" {
  count = local.is_private ? 1 : 0
  name  = var.repository_name

  image_scanning_configuration { scan_on_push = true }
}

resource "aws_ecr_repository_policy" "this" {
  count = local.is_private && var.attach_repository_policy ? 1 : 0

  repository = aws_ecr_repository.this[0].name
  policy     = var.create_repository_policy ? data.aws_iam_policy_document.repository[0].json : var.repository_policy
}
"""
VARIABLES: Final = """
variable "create" {
  description = "Whether resources are created; \\"false\\" for none"
  type        = bool
  default     = true
}
variable "create_repository_policy" { default = true }
variable "attach_repository_policy" { default = true }
variable "repository_type" {
  type    = string
  default = "private"
  validation {
    condition     = contains(["private", "public"], var.repository_type)
    error_message = "Accepted: private, public."
  }
}
variable "repository_name" { type = string }
variable "repository_policy" { default = null }
variable "read_access_arns" {
  type    = list(string)
  default = []
}
variable "read_write_access_arns" {
  type    = list(string)
  default = []
}
variable "policy_statements" {
  type    = any
  default = {}
}
"""
ADDRESS: Final = "module.ecr.aws_ecr_repository_policy.this"
CALLER = """
data "aws_caller_identity" "this" {{}}
resource "aws_iam_role" "ci" {{
  name               = "ci"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}}
variable "accounts" {{ type = set(string) }}
variable "arns" {{ type = list(string) }}

module "ecr" {{
  source          = "./modules/ecr"
  repository_name = "team/app"
  {arguments}
}}
"""
PUBLIC_STATEMENT = """
  policy_statements = {
    all = {
      actions    = ["ecr:BatchGetImage"]
      principals = [{ type = "*", identifiers = ["*"] }]
      conditions = CONDITIONS
    }
  }
"""
ORGANIZATION = '[{ test = "StringEquals", variable = "aws:PrincipalOrgID", values = ["o-abcdefghij"] }]'


@pytest.mark.parametrize(
    ("arguments", "result"),
    [
        ("", "closed"),
        ('read_access_arns = ["arn:aws:iam::111122223333:root"]', "closed"),
        ("read_access_arns = [aws_iam_role.ci.arn]", "closed"),
        ('read_access_arns = ["*"]', "public"),
        ('read_access_arns = [for a in var.accounts : "arn:aws:iam::${a}:root"]', "closed"),
        ('read_access_arns = formatlist("arn:aws:iam::%s:role/pull", var.accounts)', "closed"),
        ("read_access_arns = var.arns", "var.arns"),
        ("read_write_access_arns = concat(var.arns, [aws_iam_role.ci.arn])", "var.arns"),
        ('repository_type = "public"', None),
        ("create = false", None),
        ("create_repository_policy = false\n  repository_policy = jsonencode({ Statement = [] })", "closed"),
        (PUBLIC_STATEMENT.replace("CONDITIONS", "[]"), "public"),
        (PUBLIC_STATEMENT.replace("CONDITIONS", ORGANIZATION), "closed"),
        (PUBLIC_STATEMENT.replace("CONDITIONS", "null"), "public"),
    ],
)
def test_a_module_for_repositories(arguments: str, result: str | None) -> None:
    files = {
        "main.tf": CALLER.format(arguments=arguments),
        "modules/ecr/main.tf": MODULE,
        "modules/ecr/variables.tf": VARIABLES,
    }
    read = read_files(files)
    assert read.problems == []
    assert read.verdicts == ({ADDRESS: result} if result else {})


def test_a_public_statement_in_a_module_is_where_it_is_written() -> None:
    files = {
        "main.tf": CALLER.format(arguments='read_access_arns = ["*"]'),
        "modules/ecr/main.tf": MODULE,
        "modules/ecr/variables.tf": VARIABLES,
    }
    found = read_files(files).only
    lines = MODULE.splitlines()
    assert (found.file, found.repository) == ("modules/ecr/main.tf", "team/app")
    principal = found.statements[0].principal
    assert principal is not None
    assert lines[principal.line - 1].strip() == "principals {"
    assert "coalescelist" in lines[principal.line + 1]
    assert principal.line > lines.index('      sid = "PrivateReadOnly"')


MERGED_MODULE: Final = """
variable "readers" { default = [] }
variable "writers" { default = [] }
variable "organizations" { default = [] }
variable "names" { default = ["team/app"] }

module "label" {
  source = "example/label/null"
}

data "aws_iam_policy_document" "empty" {
  count = module.label.enabled ? 1 : 0
}

data "aws_iam_policy_document" "readers" {
  count = module.label.enabled ? 1 : 0
  statement {
    sid     = "Readers"
    actions = ["ecr:BatchGetImage"]
    principals {
      type        = "AWS"
      identifiers = var.readers
    }
  }
}

data "aws_iam_policy_document" "writers" {
  count = module.label.enabled ? 1 : 0
  statement {
    sid     = "Writers"
    actions = ["ecr:*"]
    principals {
      type        = "AWS"
      identifiers = var.writers
    }
  }
}

data "aws_iam_policy_document" "organizations" {
  count = module.label.enabled ? 1 : 0
  statement {
    sid     = "Organizations"
    actions = ["ecr:BatchGetImage"]
    principals {
      type        = "*"
      identifiers = ["*"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:PrincipalOrgID"
      values   = var.organizations
    }
  }
}

data "aws_iam_policy_document" "merged" {
  count = module.label.enabled ? 1 : 0
  source_policy_documents = length(var.readers) > 0 ? [
    data.aws_iam_policy_document.readers[0].json
  ] : [data.aws_iam_policy_document.empty[0].json]
  override_policy_documents = distinct([
    length(var.writers) > 0 ? data.aws_iam_policy_document.writers[0].json : data.aws_iam_policy_document.empty[0].json,
    length(var.organizations) > 0 ? one(data.aws_iam_policy_document.organizations[*].json) : "",
  ])
}

resource "aws_ecr_repository_policy" "this" {
  for_each   = toset(module.label.enabled && length(concat(var.readers, var.writers)) > 0 ? var.names : [])
  repository = each.value
  policy     = join("", data.aws_iam_policy_document.merged[*].json)
}
"""


@pytest.mark.parametrize(
    ("arguments", "result"),
    [
        ("", None),
        ('readers = ["arn:aws:iam::111122223333:root"]', "closed"),
        ('readers = ["*"]', "public"),
        ("writers = var.arns", "var.arns"),
        ('readers = formatlist("arn:aws:iam::%s:root", var.accounts)\n  writers = [aws_iam_role.ci.arn]', "closed"),
        ('readers = [aws_iam_role.ci.arn]\n  organizations = ["o-abcdefghij"]', "closed"),
        ('readers = [aws_iam_role.ci.arn]\n  organizations = [for a in var.accounts : "o-${a}"]', "closed"),
        ('readers = [for a in var.accounts : "arn:aws:iam::${a}:root"]\n  writers = ["*"]', "public"),
        ('readers = var.accounts == [] ? ["*"] : [aws_iam_role.ci.arn]', "var.accounts"),
    ],
)
def test_a_module_that_merges_documents(arguments: str, result: str | None) -> None:
    caller = CALLER.format(arguments=arguments).replace('  repository_name = "team/app"\n', "")
    read = read_files(
        {"main.tf": caller, "modules/ecr/main.tf": MERGED_MODULE.replace("{ d", "{\nd").replace("] }", "]\n}")}
    )
    assert read.problems == []
    assert read.verdicts == ({f'{ADDRESS}["team/app"]': result} if result else {})
