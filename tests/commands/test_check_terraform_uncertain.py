"""Terraform code with values of which only something is known: what they name, how many they are, what they can be."""

from typing import Final

import pytest

from tests.commands.terraform_code import policy_with, read_code, read_files, result_of

THIS: Final = "aws_ecr_repository_policy.this"
X: Final = 'variable "x" {}\n'
EVERYONE: Final = '{"Statement": [{"Effect": "Allow", "Principal": "%s", "Action": "ecr:*"}]}'
RESOURCE: Final = """
resource "aws_ecr_repository_policy" "this" {
  repository = "app"
  policy     = POLICY
}
"""
ORGANIZATION: Final = "data.aws_organizations_organization.x"


def document(identifiers: str, more: str = "") -> str:
    """Return a resource with a data document of one statement; more: blocks of the document."""
    data = f"""
data "aws_iam_policy_document" "this" {{
  statement {{
    principals {{
      type        = "AWS"
      identifiers = {identifiers}
    }}
    actions = ["ecr:BatchGetImage"]
  }}
  {more}
}}
"""
    return RESOURCE.replace("POLICY", "data.aws_iam_policy_document.this.json") + data


def document_with_condition(operator: str, key: str, value: str) -> str:
    """Return a resource with a data document of one statement for everyone, with a condition."""
    block = f'condition {{\ntest = "{operator}"\nvariable = "{key}"\nvalues = [{value}]\n}}'
    return document('["*"]').replace("    actions", f"    {block}\n    actions")


class TestListsThatCanBeEmpty:
    """A loop over an unknown list has no elements if the list has none."""

    LOOP: Final = '[for a in var.x : "arn:aws:iam::${a}:root"]'
    FORMATTED: Final = 'formatlist("arn:aws:iam::%s:root", var.x)'

    @pytest.mark.parametrize("arns", [LOOP, FORMATTED, "data.aws_iam_roles.x.arns"])
    @pytest.mark.parametrize(
        ("identifiers", "is_public_if_empty"),
        [
            ('coalescelist(ARNS, ["*"])', True),
            ('coalescelist(ARNS, ["111122223333"])', False),
            ('length(ARNS) > 0 ? ARNS : ["*"]', True),
            ('length(ARNS) == 0 ? ["111122223333"] : ARNS', False),
            ('[coalesce(one(ARNS), "*")]', True),
            ("distinct(concat(ARNS, ARNS))", False),
        ],
    )
    def test_what_counts_if_there_are_none_decides(
        self, arns: str, identifiers: str, *, is_public_if_empty: bool
    ) -> None:
        result = read_code(X + document(identifiers.replace("ARNS", arns))).verdicts[THIS]
        assert (result == "closed") is not is_public_if_empty
        assert result != "public"

    def test_a_statement_for_an_empty_list_may_be_there(self) -> None:
        more = """
          dynamic "statement" {
            for_each = length([for a in var.x : "a-${a}"]) == 0 ? [1] : []
            content {
              actions = ["ecr:*"]
              principals {
                type        = "*"
                identifiers = ["*"]
              }
            }
          }
        """
        assert read_code(X + document('["111122223333"]', more)).verdicts == {THIS: "var.x"}


class TestOneOfSeveral:
    """A condition that is not known leaves two values, and both count."""

    @pytest.mark.parametrize(
        ("principal", "result"),
        [
            ('{ AWS = var.x ? "*" : "111122223333" }', "var.x"),
            ('{ AWS = var.x ? ["arn:aws:iam::111122223333:root"] : [] }', "closed"),
            ('{ AWS = concat(["444455556666"], var.x ? [aws_iam_role.a.arn] : []) }', "closed"),
            ('{ AWS = var.x ? ["*"] : ["*", "111122223333"] }', "public"),
            ('{ AWS = concat(var.x ? ["*"] : [], var.x ? [] : ["*"]) }', "public"),
            ('{ AWS = toset(var.x ? ["*"] : ["111122223333"]) }', "var.x"),
            ('{ AWS = [for a in (var.x ? ["1"] : ["2"]) : "arn:aws:iam::11112222333${a}:root"] }', "closed"),
            ('{ AWS = "arn:aws:iam::${var.x ? "111122223333" : "444455556666"}:root" }', "closed"),
            ('var.x ? "*" : { AWS = "111122223333" }', "var.x"),
            ('(var.x ? { a = "*" } : { a = { AWS = "111122223333" } }).a', "var.x"),
            ('{ AWS = { dev = ["111122223333"], prod = [aws_iam_role.a.arn] }[var.x] }', "closed"),
            ('{ AWS = { dev = ["111122223333"], prod = ["*"] }[var.x] }', "var.x"),
            ('{ AWS = lookup({ dev = "111122223333" }, terraform.workspace, "*") }', "terraform.workspace"),
            ('{ AWS = lookup({ dev = "111122223333" }, "a-${var.x}", "444455556666") }', "closed"),
            ('{ AWS = ["111122223333", "*"][var.x] }', "var.x"),
            ('{ AWS = try({ dev = "111122223333" }[var.x], "*") }', "var.x"),
            ('{ AWS = try(lookup({ dev = "111122223333" }, var.x), "*") }', "var.x"),
            ('{ AWS = try({ dev = "111122223333" }[var.x], "444455556666") }', "closed"),
            ('{ AWS = [for k, v in { a = "111122223333", b = "444455556666" } : v if k != var.x] }', "closed"),
            ('{ AWS = [for k, v in { a = "111122223333", b = "*" } : v if k != var.x] }', "var.x"),
            ('{ AWS = coalescelist([for k, v in { a = "111122223333" } : v if k != var.x], ["*"]) }', "var.x"),
            ('[for n in [1, 2] : n > var.x ? "*" : { AWS = "111122223333" }][1]', "var.x"),
        ],
    )
    def test_the_result_is_unknown_only_if_they_differ(self, principal: str, result: str) -> None:
        assert read_code(X + policy_with(principal)).verdicts == {THIS: result}

    def test_a_statement_for_each_of_them_keeps_its_value(self) -> None:
        more = """
          dynamic "statement" {
            for_each = var.x ? [aws_iam_role.a.arn] : []
            content {
              actions = ["ecr:*"]
              principals {
                type        = "AWS"
                identifiers = [statement.value]
              }
            }
          }
        """
        assert read_code(X + document('["111122223333"]', more)).verdicts == {THIS: "closed"}
        assert read_code(X + document('["111122223333"]', more.replace("aws_iam_role.a.arn", '"*"'))).verdicts == {
            THIS: "var.x"
        }

    def test_in_a_loop_the_same_condition_is_another_one_each_time(self) -> None:
        statements = """[for a in [{ n = 1, s = "x" }, { n = 2, s = "y" }] : {
          Effect = "Allow", Action = "ecr:*", Sid = a.s, Principal = { AWS = [a.n > var.x ? "*" : "111122223333"] }
        }]"""
        policy = f"jsonencode({{ Statement = {statements} }})"
        assert read_code(X + RESOURCE.replace("POLICY", policy)).verdicts == {THIS: "var.x"}

    def test_more_of_them_than_anyone_reads_are_unknown(self) -> None:
        names = [f"v{number}" for number in range(8)]
        variables = "".join(f'variable "{name}" {{}}\n' for name in names)
        listed = ", ".join(f'var.{name} ? "11112222333{at}" : "44445555666{at}"' for at, name in enumerate(names))
        assert "var.v0" in read_code(variables + policy_with(f"{{ AWS = [{listed}] }}")).verdicts[THIS]


class TestInstancesThatMayBeMissing:
    """Where count or for_each is not known, what counts without the instance counts too."""

    OTHERS: Final = """
      resource "aws_iam_role" "one" {
        count = var.x ? 1 : 0
      }
      resource "aws_iam_role" "none" {
        count = var.x ? 0 : 1
      }
      resource "aws_iam_role" "each" {
        for_each = toset(var.x)
      }
      module "role" {
        source = "./role"
        count  = var.x
      }
    """
    ROLE: Final = 'resource "aws_iam_role" "a" {\n}\noutput "arn" {\n  value = aws_iam_role.a.arn\n}\n'

    @pytest.mark.parametrize(
        "principals",
        [
            "[try(aws_iam_role.one[0].arn, OTHER)]",
            "[try(module.role[0].arn, OTHER)]",
            '[can(aws_iam_role.one[0].arn) ? "111122223333" : OTHER]',
            "coalescelist(aws_iam_role.one[*].arn, [OTHER])",
            "length(aws_iam_role.one) > 0 ? aws_iam_role.one[*].arn : [OTHER]",
            "[coalesce(one(aws_iam_role.one[*].arn), OTHER)]",
            "[concat(aws_iam_role.one[*].arn, [OTHER])[0]]",
            "[element(concat(aws_iam_role.one.*.arn, [OTHER]), 0)]",
        ],
    )
    def test_what_is_there_instead_counts(self, principals: str) -> None:
        for other, expected in (('"*"', "var.x"), ('"444455556666"', "closed")):
            code = X + self.OTHERS + policy_with(f"{{ AWS = {principals.replace('OTHER', other)} }}")
            assert read_files({"main.tf": code, "role/main.tf": self.ROLE}).verdicts == {THIS: expected}

    def test_resources_by_unknown_keys_are_unknown(self) -> None:
        principals = 'coalescelist([for r in aws_iam_role.each : r.arn], ["*"])'
        code = X + self.OTHERS + policy_with(f"{{ AWS = {principals} }}")
        assert read_files({"main.tf": code}).verdicts == {THIS: "aws_iam_role.each"}

    def test_of_two_instances_that_exclude_each_other_one_is_there(self) -> None:
        principals = 'coalescelist(concat(aws_iam_role.one[*].arn, aws_iam_role.none[*].arn), ["*"])'
        assert read_code(X + self.OTHERS + policy_with(f"{{ AWS = {principals} }}")).verdicts == {THIS: "closed"}

    def test_an_instance_can_have_several_values(self) -> None:
        code = """
          locals { readers = var.x ? { a = "111122223333" } : { a = "*" } }
          data "aws_iam_policy_document" "this" {
            for_each = local.readers
            statement {
              actions = ["ecr:*"]
              principals {
                type        = "AWS"
                identifiers = [each.value]
              }
            }
          }
          resource "aws_ecr_repository_policy" "this" {
            for_each = local.readers
            policy   = data.aws_iam_policy_document.this[each.key].json
          }
        """
        assert read_code(X + code).verdicts == {f'{THIS}["a"]': "var.x"}

    def test_a_policy_that_may_not_be_there_counts(self) -> None:
        text = 'join("", data.aws_iam_policy_document.this[*].json)'
        code = document('["*"]').replace("data.aws_iam_policy_document.this.json", text)
        code = code.replace('"this" {\n  statement', '"this" {\n  count = var.x ? 1 : 0\n  statement')
        assert read_code(X + code).verdicts == {THIS: "public"}


class TestNamedByTheCode:
    """An attribute that names one account, principal or organization is not everyone, whichever it is."""

    @pytest.mark.parametrize(
        "identifiers",
        [
            "[aws_iam_role.other.arn]",
            "[aws_iam_role.other.unique_id]",
            "[data.aws_caller_identity.other.account_id]",
            "[data.aws_iam_session_context.x.issuer_arn]",
            "[aws_iam_service_linked_role.x.arn]",
            "data.aws_iam_roles.x.arns",
            "tolist(data.aws_iam_roles.x.arns)",
            "[aws_organizations_account.x.id]",
            f"{ORGANIZATION}.accounts[*].id",
            f'[for a in {ORGANIZATION}.accounts : "arn:aws:iam::${{a.id}}:root" if a.status == "ACTIVE"]',
            "[for r in aws_iam_role.each : r.arn]",
            "values(aws_iam_role.each)[*].arn",
            "[for r in aws_iam_role.two : r.arn]",
        ],
    )
    def test_a_principal(self, identifiers: str) -> None:
        others = """
          resource "aws_iam_role" "other" { provider = aws.other }
          data "aws_caller_identity" "other" { provider = aws.other }
          resource "aws_iam_role" "each" { for_each = toset(["a", "b"]) }
          resource "aws_iam_role" "two" { count = 2 }
        """.replace("{ ", "{\n").replace(" }", "\n}")
        assert read_code(document(identifiers) + others).verdicts == {THIS: "closed"}

    def test_a_federated_principal(self) -> None:
        assert read_code(policy_with("{ Federated = aws_iam_saml_provider.x.arn }")).verdicts == {THIS: "closed"}

    def test_an_attribute_that_the_code_does_not_say_is_not_missing(self) -> None:
        code = 'resource "aws_iam_role" "a" {\n  for_each = toset(["a"])\n}\n'
        read = read_code(code + policy_with('{ AWS = [for r in aws_iam_role.a : try(r.tags_all.p, "111122223333")] }'))
        assert read.verdicts == {THIS: 'aws_iam_role.a["a"].tags_all.p'}

    @pytest.mark.parametrize(
        ("operator", "key", "value", "result"),
        [
            ("StringLike", "aws:PrincipalOrgID", "${ORG.id}", "closed"),
            ("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", "${ORG.id}/*", "closed"),
            ("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", "${ORG.id}/${ORG.roots[0].id}/*", "closed"),
            ("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", "o-*/${ORG.roots[0].id}/*", "public"),
            ("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", "${var.x}/*", "var.x"),
            ("StringLike", "aws:userid", "${aws_iam_role.a.unique_id}:*", "closed"),
            ("StringNotEquals", "aws:PrincipalOrgID", "${ORG.id}", "public"),
        ],
    )
    def test_a_condition_under_reachable(self, operator: str, key: str, value: str, result: str) -> None:
        code = document_with_condition(operator, key, f'"{value.replace("ORG", ORGANIZATION)}"')
        assert result_of(read_code(X + code).only, test="reachable") == result

    def test_which_one_matters_under_external(self) -> None:
        code = document_with_condition("StringEquals", "aws:PrincipalOrgID", f"{ORGANIZATION}.id")
        question = {"test": "external", "owner": "111122223333", "trusted_organizations": ("o-abcdefghij",)}
        assert result_of(read_code(code).only, **question) == f"{ORGANIZATION}.id"


class TestTemplates:
    """Files and templates: only the variables that are passed have a value in them."""

    FILE: Final = "templates/policy.json.tftpl"

    @pytest.mark.parametrize(
        ("policy", "text", "result"),
        [
            ('templatefile("${path.module}/FILE", { who = "*" })', "${who}", "public"),
            ('templatefile("${path.module}/FILE", { who = "111122223333" })', "*", "public"),
            ('templatefile("FILE", { who = aws_iam_role.a.arn })', "${who}", "closed"),
            ('templatefile("FILE", { who = var.x })', "${who}", "var.x"),
            ('templatefile("FILE", {})', "%{ for a in [] }%{ endfor }*", "public"),
            ('templatefile("none.json", {})', "*", 'templatefile("none.json", {})'),
            ("data.template_file.this.rendered", "${who}", "public"),
            ('file("FILE")', "*", "public"),
            ('templatestring(file("FILE"), { who = "*" })', "${who}", "public"),
        ],
    )
    def test_the_policy_is_that_of_the_file(self, policy: str, text: str, result: str) -> None:
        data = f'data "template_file" "this" {{\n  template = file("{self.FILE}")\n  vars = {{ who = "*" }}\n}}\n'
        content = '{"Statement": [{"Effect": "Allow",\n "Principal": {"AWS": "WHO"},\n "Action": "ecr:*"}]}'
        code = X + data + RESOURCE.replace("POLICY", policy.replace("FILE", self.FILE))
        read = read_files({"main.tf": code, self.FILE: content.replace("WHO", text)})
        assert read.verdicts == {THIS: result}
        if not read.only.statements:
            assert (read.only.file, result) == ("main.tf", policy)
        else:
            principal = read.only.statements[0].principal
            assert principal is not None
            assert (read.only.file, principal.line) == (self.FILE, 2)

    def test_a_file_of_json_can_be_decoded(self) -> None:
        policy = 'jsonencode(merge(jsondecode(file("p.json")), { Id = "a" }))'
        read = read_files({"main.tf": RESOURCE.replace("POLICY", policy), "p.json": EVERYONE % "*"})
        assert read.verdicts == {THIS: "public"}


class TestInstancesAndFiles:
    """Count, keys in parentheses, overrides, and the files that each tool reads."""

    def test_count_is_a_policy_for_each_index(self) -> None:
        code = """
            locals { arns = ["111122223333", "*"] }
            resource "aws_ecr_repository_policy" "this" {
              count      = length(local.arns)
              repository = "app"
              policy     = jsonencode({
                Statement = [{ Effect = "Allow", Principal = { AWS = local.arns[count.index] }, Action = "ecr:*" }]
              })
            }
        """
        assert read_code(code).verdicts == {f"{THIS}[0]": "closed", f"{THIS}[1]": "public"}

    def test_a_key_in_parentheses_is_a_value(self) -> None:
        read = read_code(policy_with('[for k in ["AWS"] : { (k) = "*" }][0]'))
        assert read.verdicts == {THIS: "public"}

    def test_an_override_of_other_dynamic_blocks_keeps_the_statements(self) -> None:
        statement = document('["*"]').replace("  statement {", '  dynamic "statement" {\n for_each = [1]\n content {')
        statement = statement.replace('BatchGetImage"]\n  }', 'BatchGetImage"]\n  }\n}')
        override = (
            'data "aws_iam_policy_document" "this" {\n  dynamic "other" {\n    for_each = []\n    content {}\n  }\n}\n'
        )
        assert read_files({"main.tf": statement, "main_override.tf": override}).verdicts == {THIS: "public"}
        closed = document('["111122223333"]').partition("data ")
        assert read_files({"main.tf": statement, "a.b_override.tf": "data " + closed[2]}).verdicts == {THIS: "closed"}

    @pytest.mark.parametrize("override", ["main_override.tf", "main_override.tf.json"])
    def test_an_override_in_the_other_syntax_replaces_the_statements(self, override: str) -> None:
        in_json = (
            '{"data": {"aws_iam_policy_document": {"this": {"statement": {"actions": ["ecr:*"], '
            '"principals": {"type": "AWS", "identifiers": ["%s"]}}}}}}'
        )
        native = "data " + document('["*"]').partition("data ")[2]
        is_json = override.endswith(".json")
        files = {
            "main.tf": RESOURCE.replace("POLICY", "data.aws_iam_policy_document.this.json"),
            "data.tf" if is_json else "data.tf.json": native.replace("*", "111122223333") if is_json else in_json % "1",
            override: in_json % "*" if is_json else native,
        }
        assert read_files(files).verdicts == {THIS: "public"}

    @pytest.mark.parametrize("place", ["statement", "principals"])
    def test_dynamic_blocks_in_json(self, place: str) -> None:
        repeated = '"dynamic": {"%s": {"for_each": ["*"], "content": {%s}}}'
        is_inner = place == "principals"
        principals = f'"type": "AWS", "identifiers": ["${{{place}.value}}"]'
        principals = repeated % (place, principals) if is_inner else f'"principals": {{{principals}}}'
        statement = f'"actions": ["ecr:*"], {principals}'
        statement = f'"statement": [{{{statement}}}]' if is_inner else repeated % (place, statement)
        text = (
            '{"resource": {"aws_ecr_repository_policy": '
            '{"this": {"policy": "${data.aws_iam_policy_document.a.json}"}}},'
            f'"data": {{"aws_iam_policy_document": {{"a": {{{statement}}}}}}}}}'
        )
        assert read_files({"cdk.tf.json": text}).verdicts == {THIS: "public"}

    def test_where_opentofu_and_terraform_read_different_files_both_count(self) -> None:
        code = policy_with("{ AWS = local.reader }")
        files = {
            "main.tf": code,
            "values.tf": 'locals {\n  reader = "*"\n}\n',
            "values.tofu": 'locals {\n  reader = "111122223333"\n}\n',
        }
        assert read_files(files).verdicts == {THIS: "closed", f"{THIS} (Terraform)": "public"}
        assert read_files({**files, "values.tofu": files["values.tf"]}).verdicts == {THIS: "public"}

    def test_values_that_only_a_plan_has_are_told(self) -> None:
        files = {
            "main.tf": 'variable "x" {\n  default = "111122223333"\n}\n' + policy_with("{ AWS = var.x }"),
            "prod.tfvars": 'x = "*"\n',
            "dev.tfvars.json": '{"x": "*"}',
            "terraform.tfvars": "",
        }
        read = read_files(files)
        assert read.verdicts == {THIS: "closed"}
        assert read.notes == [
            ".: the values in dev.tfvars.json, prod.tfvars count only in a plan with -var-file: check that"
        ]
        assert read_files({**files, "prod.auto.tfvars": files["prod.tfvars"]}).verdicts == {THIS: "public"}
        assert read_files({"prod.tfvars": files["prod.tfvars"], "main.tf": policy_with('"*"')}).notes == []

    def test_the_region_of_a_resource_can_be_a_variable(self) -> None:
        code = policy_with('"*"').replace("  repository =", "  region = var.region\n  repository =")
        variable = 'variable "region" {\n  default = "eu-west-1"\n}\n'
        assert read_code(variable + code).only.region == "eu-west-1"
        assert read_code('variable "region" {}\n' + code).only.region is None
