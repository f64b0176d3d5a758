"""Folders of Terraform source: which of them ``check`` evaluates, with which files, and whose errors count."""

from pathlib import Path

import pytest

from tests.commands.check_command import Check, write

POLICY = """
variable "principal" { default = "111122223333" }
resource "aws_ecr_repository_policy" "app" {
  repository = "team/app"
  policy     = jsonencode({
    Statement = [{ Effect = "Allow", Principal = { AWS = var.principal }, Action = "ecr:BatchGetImage" }]
  })
}
"""
ADDRESS = "aws_ecr_repository_policy.app"


def call(source: str, principal: str = "*") -> str:
    """Return a call of a module."""
    return f'module "app" {{\n  source    = "{source}"\n  principal = "{principal}"\n}}\n'


@pytest.fixture
def check(capsys: pytest.CaptureFixture[str]) -> Check:
    return Check(capsys)


class TestModules:
    """Local modules."""

    def test_module_is_evaluated_where_it_is_called_and_not_on_its_own(self, check: Check) -> None:
        write("modules/ecr/main.tf", POLICY)
        write("prod/main.tf", call("../modules/ecr"))
        write("test/main.tf", call("../modules/ecr", "444455556666"))
        checked = check.json(".")
        assert [(each["file"], each["address"], each["result"]) for each in checked.document["policies"]] == [
            ("modules/ecr/main.tf", f"module.app.{ADDRESS}", "public"),
            ("modules/ecr/main.tf", f"module.app.{ADDRESS}", "not public"),
        ]
        assert checked.document["files"]["not_recognized"] == 0

    def test_module_that_nothing_calls_is_evaluated_on_its_own(self, check: Check) -> None:
        write("modules/ecr/main.tf", POLICY)
        write("modules/other/main.tf", 'module "x" {\n  source = "./nothing"\n}\n')
        assert check.json(".").results == {f"modules/ecr/main.tf {ADDRESS}": "not public"}

    def test_label_of_a_module_needs_no_quotes(self, check: Check) -> None:
        write("modules/ecr/main.tf", POLICY)
        write("prod/main.tf", call("../modules/ecr").replace('"app"', "app", 1))
        assert check.json(".").results == {f"modules/ecr/main.tf module.app.{ADDRESS}": "public"}

    def test_named_file_that_calls_a_module_has_its_policies(self, check: Check) -> None:
        write("modules/ecr/main.tf", POLICY)
        write("prod/main.tf", call("../modules/ecr"))
        checked = check.json("prod/main.tf")
        assert (checked.code, checked.results) == (1, {f"modules/ecr/main.tf module.app.{ADDRESS}": "public"})

    @pytest.mark.parametrize("principal", ['"${reader}"', "${jsonencode(reader)}"])
    def test_template_is_evaluated_where_code_fills_it_in_and_not_on_its_own(
        self, check: Check, principal: str
    ) -> None:
        call_template = 'templatefile("${path.module}/policy.json", { reader = "111122223333" })'
        write("main.tf", f'resource "aws_ecr_repository_policy" "app" {{\n  policy = {call_template}\n}}\n')
        statement = f'{{"Effect": "Allow", "Principal": {{"AWS": {principal}}}, "Action": "ecr:BatchGetImage"}}'
        write("policy.json", f'{{"Statement": [{statement}]}}')
        checked = check.json(".")
        assert (checked.code, checked.results) == (0, {f"policy.json {ADDRESS}": "not public"})
        assert checked.document["errors"] == []

    def test_modules_that_call_each_other_end(self, check: Check) -> None:
        write("a/main.tf", POLICY + call("../b"))
        write("b/main.tf", POLICY + call("../a"))
        assert f"a/main.tf {ADDRESS}" in check.json(".").results

    def test_comment_in_a_module_excuses_every_call(self, check: Check) -> None:
        comment = '  # ecr-exposure: public-on-purpose "base images"\n  repository'
        write("modules/ecr/main.tf", POLICY.replace("  repository", comment))
        write("main.tf", call("./modules/ecr"))
        checked = check.json(".")
        assert (checked.code, list(checked.results.values())) == (0, ["public on purpose"])
        assert checked.document["notes"] == []

    def test_ignored_module_is_left_out(self, check: Check) -> None:
        write("modules/ecr/main.tf", POLICY)
        write("main.tf", call("./modules/ecr"))
        assert check.json(".", "--ignore", "modules").results == {}


class TestFolder:
    """The files of a folder are one module."""

    def test_values_of_other_files_count_also_for_a_named_one(self, check: Check) -> None:
        policy, variable = POLICY.split("\n", 2)[2], POLICY.split("\n", 2)[1]
        write("ecr.tf", policy)
        write("variables.tf", variable)
        write("prod.auto.tfvars", 'principal = "*"\n')
        assert check.json("ecr.tf").results == {f"ecr.tf {ADDRESS}": "public"}
        write("prod.auto.tfvars", 'principal = "444455556666"\n')
        assert check.json("ecr.tf").results == {f"ecr.tf {ADDRESS}": "not public"}

    def test_named_file_stands_for_its_folder(self, check: Check) -> None:
        write("ecr.tf", POLICY)
        write("main.tf", 'module "vpc" {\n  source = "terraform-aws-modules/vpc/aws"\n}\n')
        assert check.json("main.tf").results == {f"ecr.tf {ADDRESS}": "not public"}

    def test_syntax_error_counts_only_where_there_is_a_repository(self, check: Check) -> None:
        write("network/main.tf", 'module "vpc" {\n  source = \n')
        assert (check.json(".").code, check.json(".").errors) == (0, [])
        write("ecr/main.tf", POLICY)
        write("ecr/locals.tf", "locals {\n  a = [\n")
        checked = check.json(".")
        assert (checked.code, checked.results) == (2, {f"ecr/main.tf {ADDRESS}": "not public"})
        (error,) = checked.errors
        assert error.startswith("ecr/locals.tf:")

    def test_file_in_another_encoding_is_told(self, check: Check) -> None:
        write("main.tf", POLICY)
        write("locals.tf", 'locals { a = "größe" }\n'.encode("latin-1"))
        checked = check.json("main.tf")
        assert checked.code == 2
        assert checked.errors[0].startswith("locals.tf:1: byte 17 is not encoded in UTF-8")

    def test_absolute_path_is_shown_as_it_is_given(self, check: Check, tmp_path: Path) -> None:
        write("modules/ecr/main.tf", POLICY)
        write("main.tf", call("./modules/ecr"))
        assert check.json(tmp_path).results == {f"{tmp_path}/modules/ecr/main.tf module.app.{ADDRESS}": "public"}

    def test_json_syntax_is_read(self, check: Check) -> None:
        text = '{"resource": {"aws_ecr_repository_policy": {"app": {"repository": "a", "policy": "POLICY"}}}}'
        policy = r"{\"Statement\": [{\"Effect\": \"Allow\", \"Principal\": \"*\", \"Action\": \"ecr:BatchGetImage\"}]}"
        write("main.tf.json", text.replace("POLICY", policy))
        assert check.json(".").results == {f"main.tf.json {ADDRESS}": "public"}
