"""The values of Terraform expressions: as Terraform has them, or Unknown with the name of what is not known."""

import pytest

from ecr_exposure.cli.found_policies.unknown_values import Joined, Named, Unknown
from ecr_exposure.cli.policies_in_terraform.located_values import first_unknown
from tests.commands.terraform_code import policy_with, read_code, read_files, value_of

# Expressions of the pages of https://developer.hashicorp.com/terraform/language/functions and …/expressions, and what
# they are by these pages.
KNOWN = [
    ('"a"', "a"),
    ('"a\\n\\t\\"\\\\\\u00e9"', 'a\n\t"\\é'),
    ('"$${aws:username} %%{ if }"', "${aws:username} %{ if }"),
    ('"${"a"}b${1}${true}"', "ab1true"),
    ("<<EOT\nhello\n  world\nEOT\n", "hello\n  world\n"),
    ("<<-EOT\n    hello\n      world\n    EOT\n", "hello\n  world\n"),
    ("<<EOT\nEOT\n", ""),
    ('"%{ if true }a%{ else }b%{ endif }"', "a"),
    ('"%{ if 1 == 2 }a%{ else }b%{ endif }c"', "bc"),
    ('"%{ for x in ["a", "b"] }${x},%{ endfor }"', "a,b,"),
    ('"%{ for i, x in ["a", "b"] }${i}${x}%{ endfor }"', "0a1b"),
    ('{ a = 1, "b" = "x", "c" : null\n d = true }["b"]', "x"),
    ('["a", "b",][1]', "b"),
    ('true ? "a" : "b"', "a"),
    ('1 + 2 * 3 == 7 && !(2 > 3) || false ? "a" : "b"', "a"),
    ('-1 < 0 ? "a" : "b"', "a"),
    ('"1" == 1 ? "a" : "b"', "b"),
    ('true == 1 ? "a" : "b"', "b"),
    ('[for x in ["a", "b"] : upper(x)][1]', "B"),
    ('[for i, x in ["a", "b"] : "${i}${x}" if x != "a"][0]', "1b"),
    ('{for k, v in { a = "x" } : v => k}["x"]', "a"),
    ('{for x in ["a", "b"] : "k" => x...}["k"][1]', "b"),
    ('[{ a = ["x", "y"] }][*].a[1] == ["y"] ? "x" : "y"', "x"),
    ('[{ a = "x" }].*.a[0]', "x"),
    ('concat(["a"], [], ["b"])[1]', "b"),
    ('join("-", ["a", "b"])', "a-b"),
    ('join("-", [])', ""),
    ('format("%s is %d%%", "a", 5)', "a is 5%"),
    ('formatlist("arn:aws:iam::%s:root", ["1", "2"])[1]', "arn:aws:iam::2:root"),
    ('merge({ a = "x", b = "y" }, { a = "z" }, null).a', "z"),
    ('merge([{ a = "x" }, { a = "y" }]...).a', "y"),
    ('tolist(toset(["a", "a"]))[0]', "a"),
    ('length(distinct(["a", "a", "b"])) == 2 ? "a" : "b"', "a"),
    ('flatten([["a"], [["b"], []]])[1]', "b"),
    ('one(["a"])', "a"),
    ('one([]) == null ? "a" : "b"', "a"),
    ('element(["a", "b"], 3)', "b"),
    ('lookup({ a = "x" }, "a", "y")', "x"),
    ('lookup({}, "a", "y")', "y"),
    ('coalesce(null, "", "a")', "a"),
    ('coalescelist([], ["a"])[0]', "a"),
    ('compact(["", null, "a"])[0]', "a"),
    ('contains(["a"], "a") ? "a" : "b"', "a"),
    ("keys({ b = 1, a = 2 })[0]", "a"),
    ('values({ b = "x", a = "y" })[0]', "y"),
    ('zipmap(["a"], ["x"]).a', "x"),
    ('sort(["b", "a"])[0]', "a"),
    ('setunion(["a"], ["b"])[1]', "b"),
    ('split(",", "a,b")[1]', "b"),
    ('replace("a-b", "-", "_")', "a_b"),
    ('lower("A")', "a"),
    ('trimspace("  a\\n")', "a"),
    ('trimprefix("a-b", "a-")', "b"),
    ('trimsuffix("a-b", "-b")', "a"),
    ('substr("hello", 1, 3)', "ell"),
    ("tostring(5)", "5"),
    ('jsondecode("{\\"a\\": \\"x\\"}").a', "x"),
    ('jsondecode(jsonencode({ a = ["x"] })).a[0]', "x"),
    ('jsonencode({ a = [1, "x", null] })', '{"a":[1,"x",null]}'),
    ('try({}.a, ["x"][5], "y")', "y"),
    ('can({}.a) ? "a" : "b"', "b"),
    ('slice(["a", "b", "c"], 1, 2)[0]', "b"),
    ('reverse(["a", "b"])[0]', "b"),
    ('setsubtract(["a", "b"], ["a"])[0]', "b"),
    ('setintersection(["a", "b"], ["b"])[0]', "b"),
    ('setproduct(["a"], ["b", "c"])[1][1]', "c"),
    ('[for i in range(2) : "a${i}"][1]', "a1"),
    ('alltrue([true, "true"]) && !anytrue([false]) ? "a" : "b"', "a"),
    ('startswith("ecr-a", "ecr") ? "a" : "b"', "a"),
]


class TestKnownValues:
    """What the code says is a value."""

    @pytest.mark.parametrize(("expression", "value"), KNOWN, ids=[expression for expression, _ in KNOWN])
    def test_the_value_is_that_of_terraform(self, expression: str, value: str) -> None:
        assert value_of(expression) == value


LIST = 'variable "list" { type = list(string) }'
TEXT = 'variable "text" {}'
UNKNOWN = [
    ("var.text", Unknown("var.text")),
    ('"${var.text}"', Unknown("var.text")),
    ('"a${var.text}b"', Joined(("a", Unknown("var.text"), "b"))),
    ("upper(var.text)", Unknown("var.text")),
    ('var.text == "a" ? "x" : "x"', "x"),
    ('var.text == "a" && false ? "x" : "y"', "y"),
    ('false && var.text == "a" ? "x" : "y"', "y"),
    ('var.text == "a" || true ? "x" : "y"', "x"),
    ('"a${var.text}" == "" ? "x" : "y"', "y"),
    ("var.list[0]", Unknown("var.list[0]")),
    ('concat(["a"], var.list)[0]', Unknown("var.list")),
    ('join(",", concat(["a"], var.list))', Joined(("a,", Unknown("var.list")))),
    ("length(var.list)", Unknown("var.list")),
    ('length(formatlist("a%s", var.list))', Unknown("var.list")),
    ('format("%s:%s", "a", var.text)', Joined(("a:", Unknown("var.text")))),
    ('lookup({ a = "x" }, var.text, "x")', "x"),
    ('{ a = "x", b = "x" }[var.text]', "x"),
    ("{}[var.text]", Unknown("var.text")),
    ('merge({ a = "x" }, var.text).a', Unknown("var.text.a")),
    ('templatefile("p.json", {})', Unknown('templatefile("p.json", {})')),
    ('file("p.json")', Unknown('file("p.json")')),
    ("each.key", Unknown("each.key")),
    ("terraform.workspace", Unknown("terraform.workspace")),
    ("aws_kms_key.a.arn", Unknown("aws_kms_key.a.arn")),
    ('module.a["b"].c', Unknown('module.a["b"].c')),
    ("local.none", Unknown("local.none")),
    ("1 / 0", Unknown("1 / 0")),
    ('{}["a"]', Unknown('{}["a"]')),
    ('"%{ if var.text == "a" }x%{ endif }"', Unknown("var.text")),
    ('"%{ for x in var.list }${x}%{ endfor }"', Unknown("var.list")),
    ('"%{ endif }"', Unknown('"%{ endif }"')),
    ('"%{ if true }"', Unknown('"%{ if true }"')),
]


class TestUnknownValues:
    """What the code does not say is an Unknown that names it."""

    @pytest.mark.parametrize(("expression", "value"), UNKNOWN, ids=[expression for expression, _ in UNKNOWN])
    def test_the_reference_is_the_name_in_the_code(self, expression: str, value: object) -> None:
        assert value_of(expression, f"{LIST}\n{TEXT}") == value

    def test_locals_that_need_each_other_are_unknown(self) -> None:
        assert isinstance(value_of("local.a", "locals {\n a = local.b\n b = local.a\n}"), Unknown)

    def test_a_value_that_doubles_is_unknown(self) -> None:
        texts = "\n".join(f'a{n} = "${{local.a{n - 1}}}${{local.a{n - 1}}}"' for n in range(1, 60))
        assert first_unknown(value_of("local.a59", f'locals {{\na0 = "x"\n{texts}\n}}'))

    def test_lists_that_double_are_unknown(self) -> None:
        lists = "\n".join(f"a{n} = [local.a{n - 1}, local.a{n - 1}]" for n in range(1, 60))
        assert first_unknown(value_of("jsonencode(local.a59)", f"locals {{\na0 = []\n{lists}\n}}"))

    def test_loops_in_loops_end(self) -> None:
        many = f"[{', '.join('0' for _ in range(100))}]"
        loops = "[for a in local.l : [for b in local.l : [for c in local.l : [for d in local.l : d]]]]"
        read = read_code(f"locals {{\nl = {many}\n}}\n{policy_with(loops)}")
        assert isinstance(read.only.policy, Unknown)


class TestVariables:
    """A default, a file of variables, an option: the last one counts."""

    CODE = f'variable "who" {{ default = "*" }}\n{policy_with("{ AWS = var.who }")}'
    NAMED = "111122223333"

    def test_the_default_counts(self) -> None:
        assert read_code(self.CODE).verdicts == {"aws_ecr_repository_policy.this": "public"}

    @pytest.mark.parametrize("name", ["terraform.tfvars", "a.auto.tfvars"])
    def test_a_file_of_variables_replaces_the_default(self, name: str) -> None:
        read = read_files({"main.tf": self.CODE, name: f'who = "{self.NAMED}"\n'})
        assert read.verdicts == {"aws_ecr_repository_policy.this": "closed"}

    def test_a_file_in_json(self) -> None:
        read = read_files({"main.tf": self.CODE, "terraform.tfvars.json": f'{{"who": "{self.NAMED}"}}'})
        assert read.verdicts == {"aws_ecr_repository_policy.this": "closed"}

    def test_a_file_that_terraform_does_not_read_by_itself_does_not_count(self) -> None:
        read = read_files({"main.tf": self.CODE, "production.tfvars": f'who = "{self.NAMED}"\n'})
        assert read.verdicts == {"aws_ecr_repository_policy.this": "public"}

    def test_auto_files_come_after_terraform_tfvars_in_the_order_of_their_names(self) -> None:
        files = {"b.auto.tfvars": f'who = "{self.NAMED}"\n', "a.auto.tfvars": 'who = "*"\n'}
        read = read_files({"main.tf": self.CODE, "terraform.tfvars": 'who = "*"\n', **files})
        assert read.verdicts == {"aws_ecr_repository_policy.this": "closed"}

    def test_an_option_replaces_all(self) -> None:
        read = read_files({"main.tf": self.CODE, "terraform.tfvars": 'who = "*"\n'})
        assert read.verdicts == {"aws_ecr_repository_policy.this": "public"}
        read = read_code(self.CODE, parameters={"who": self.NAMED, "other": "x"})
        assert read.verdicts == {"aws_ecr_repository_policy.this": "closed"}

    def test_the_option_of_a_list_is_an_expression(self) -> None:
        code = f"{LIST}\n{policy_with('{ AWS = var.list }')}"
        assert read_code(code).verdicts == {"aws_ecr_repository_policy.this": "var.list"}
        read = read_code(code, parameters={"list": f'["{self.NAMED}"]'})
        assert read.verdicts == {"aws_ecr_repository_policy.this": "closed"}

    def test_a_broken_file_of_variables_is_a_problem(self) -> None:
        read = read_files({"main.tf": self.CODE, "terraform.tfvars": "who = [\n"})
        assert read.problems == ["terraform.tfvars:1: not HCL: a bracket is not closed"]

    def test_optional_attributes_have_their_defaults(self) -> None:
        kind = 'map(object({ who = optional(string, "*"), more = optional(list(object({ a = optional(string) }))) }))'
        code = f'variable "x" {{\n type = {kind}\n default = {{ a = {{}} }}\n}}\n'
        assert value_of("var.x.a.who", code) == "*"
        assert value_of('var.x["a"].more == null ? "x" : "y"', code) == "x"

    def test_null_takes_the_default_of_a_variable_that_is_not_nullable(self) -> None:
        child = 'variable "who" {\n default = "*"\n nullable = false\n}\n' + policy_with("{ AWS = var.who }")
        read = read_files({"main.tf": 'module "m" {\n source = "./m"\n who = null\n}\n', "m/main.tf": child})
        assert read.verdicts == {"module.m.aws_ecr_repository_policy.this": "public"}


class TestNamedByTheCode:
    """Account, partition and Region of the code, and its roles and users, stand for one named principal."""

    DATA = 'data "aws_caller_identity" "me" {}\ndata "aws_partition" "p" {}\ndata "aws_region" "r" {}\n'

    @pytest.mark.parametrize(
        ("expression", "value"),
        [
            ("data.aws_caller_identity.me.account_id", "000000000000"),
            ("data.aws_caller_identity.me.id", "000000000000"),
            ("data.aws_caller_identity.me.arn", "arn:aws:iam::000000000000:role/me"),
            ("data.aws_partition.p.partition", "aws"),
            ("data.aws_partition.p.dns_suffix", "amazonaws.com"),
            ("data.aws_region.r.name", "us-east-1"),
            ("data.aws_region.r.region", "us-east-1"),
            ("aws_iam_role.ci.arn", "arn:aws:iam::000000000000:role/ci"),
            ("aws_iam_role.ci[0].arn", "arn:aws:iam::000000000000:role/ci"),
            ('aws_iam_user.ci["a"].arn', "arn:aws:iam::000000000000:user/ci"),
            ("data.aws_iam_role.ci.arn", "arn:aws:iam::000000000000:role/ci"),
            ("aws_iam_role.ci.*.arn[0]", "arn:aws:iam::000000000000:role/ci"),
        ],
    )
    def test_the_value_without_an_owner(self, expression: str, value: str) -> None:
        assert value_of(expression, self.DATA) == value

    def test_the_account_is_the_owner(self) -> None:
        read = read_code(
            self.DATA + policy_with('"arn:aws:iam::${data.aws_caller_identity.me.account_id}:root"'),
            owner="111122223333",
        )
        principal = read.only.policy["Statement"][0]["Principal"]
        assert principal == "arn:aws:iam::111122223333:root"

    def test_the_account_of_another_provider_is_unknown_and_named(self) -> None:
        data = 'data "aws_caller_identity" "me" {\n  provider = aws.other\n}\n'
        read = read_code(data + policy_with('{ AWS = "arn:aws:iam::${data.aws_caller_identity.me.account_id}:root" }'))
        assert read.verdicts == {"aws_ecr_repository_policy.this": "closed"}
        found = value_of("data.aws_caller_identity.me.id", data)
        assert found == Named("data.aws_caller_identity.me.id", "000000000000")

    def test_the_name_of_a_repository_in_the_same_code(self) -> None:
        repository = 'resource "aws_ecr_repository" "app" {\n  for_each = toset(["a"])\n  name = "x/${each.key}"\n}\n'
        assert value_of('aws_ecr_repository.app["a"].name', repository) == "x/a"
        assert value_of('aws_ecr_repository.app["a"].id', repository) == "x/a"
