"""The options of ``check``, its exit codes, where the report goes, and the last line."""

import json
import sys
from pathlib import Path
from typing import Any

import boto3
import click
import pytest

from ecr_exposure.cli import check_options
from tests.commands.check_command import CLOSED, PUBLIC, Check, policy, write

ROLE = "arn:aws:iam::444455556666:role/Deploy"


@pytest.fixture
def check(capsys: pytest.CaptureFixture[str]) -> Check:
    return Check(capsys)


def template(principal: Any, **properties: Any) -> str:
    """Return a template with a repository that this principal can pull from."""
    own = {"RepositoryName": "team/app", "RepositoryPolicyText": policy(principal), **properties}
    parameters = {"Principal": {"Type": "String"}}
    resources = {"App": {"Type": "AWS::ECR::Repository", "Properties": own}}
    return json.dumps({"Parameters": parameters, "Resources": resources})


UNKNOWN = template({"AWS": {"Ref": "Principal"}})
SOURCE = """
variable "principal" {}
resource "aws_ecr_repository_policy" "app" {
  repository = "team/app"
  policy     = jsonencode({
    Statement = [{ Effect = "Allow", Principal = var.principal, Action = "ecr:BatchGetImage" }]
  })
}
"""


class TestExitCode:
    """What the command returns."""

    @pytest.mark.parametrize(
        ("files", "code"),
        [
            ({}, 0),
            ({"a.json": CLOSED}, 0),
            ({"a.json": CLOSED, "b.json": PUBLIC}, 1),
            ({"a.json": json.dumps({"Statement": [{"Effect": "Alow", "Principal": "*", "Action": "ecr:*"}]})}, 1),
            ({"a.json": UNKNOWN}, 1),
            ({"main.tf": SOURCE}, 0),
            ({"a.json": PUBLIC, "b.json": '{"Statement": ['}, 2),
        ],
        ids=["empty", "closed", "public", "cannot be evaluated", "unknown", "unknown in source", "unreadable"],
    )
    def test_follows_from_what_is_in_the_folder(self, files: dict[str, str], code: int, check: Check) -> None:
        for name, content in files.items():
            write(name, content)
        assert check(".").code == code

    def test_exit_zero_is_for_findings_and_not_for_errors(self, check: Check) -> None:
        write("a.json", PUBLIC)
        assert check(".", "--exit-zero").code == 0
        write("b.json", '{"Statement": [')
        assert check(".", "--exit-zero").code == 2

    @pytest.mark.parametrize("name", ["app.py", "stack.yaml", "main.tf", "policy.json"])
    def test_named_file_with_nothing_to_check_is_an_error(self, name: str, check: Check) -> None:
        write(name, "Resources: {}\n")
        checked = check.json(name)
        assert (checked.code, checked.results) == (2, {})
        assert checked.errors[0].startswith(f"{name}: nothing to check in it (accepted: a repository policy, ")
        assert (check(".").code, check(name, "--skip-unrecognized").code) == (0, 0)

    @pytest.mark.parametrize("path", ["missing.json", ""])
    def test_path_that_is_not_there_is_an_error_and_the_others_are_checked(self, path: str, check: Check) -> None:
        write("a.json", PUBLIC)
        checked = check.json(path, "a.json")
        assert (checked.code, checked.results) == (2, {"a.json": "public"})
        assert "cannot be read: " in checked.errors[0]

    @pytest.mark.parametrize(
        ("name", "option", "code"),
        [
            ("a.json", "fail", 1),
            ("a.json", "warn", 0),
            ("main.tf", "fail", 1),
            ("main.tf", "warn", 0),
        ],
    )
    def test_option_says_what_an_unknown_value_is(self, name: str, option: str, code: int, check: Check) -> None:
        write(name, SOURCE if name == "main.tf" else UNKNOWN)
        checked = check(name, "--unknown", option)
        assert checked.code == code
        assert ("(1 as a warning)" in checked.last_line) == (option == "warn")


class TestLastLine:
    """The last line, on standard error in every format."""

    @pytest.mark.parametrize("format_name", ["table", "json", "sarif", "junit", "csv"])
    def test_counts_what_was_read(self, format_name: str, check: Check) -> None:
        write("a.json", PUBLIC)
        write("b.json", CLOSED)
        write("c.txt", "nothing")
        write("d.json", PUBLIC)
        checked = check(".", "--ignore", "d.json", "--format", format_name)
        counts = "1 public; 3 files read, 2 policies evaluated, 1 not recognized, 1 ignored"
        assert checked.err == f"Not as wanted: {counts}\n"

    def test_nothing_found_is_said(self, check: Check) -> None:
        assert check(".").err == (
            "No public access found: 0 files read, 0 policies evaluated, 0 not recognized, 0 ignored\n"
        )

    def test_errors_are_above_it_if_the_report_is_no_table(self, check: Check) -> None:
        table, document = check("missing.json"), check.json("missing.json")
        assert table.out.startswith("Not read: missing.json: cannot be read: ")
        assert len(table.err.splitlines()) == 1
        assert document.err.startswith("Not read: missing.json: cannot be read: ")
        assert document.last_line.startswith("Not complete: 1 problem; 0 files read")

    def test_quiet_prints_it_alone(self, check: Check) -> None:
        write("a.json", PUBLIC)
        checked = check(".", "-q")
        assert (checked.out, len(checked.err.splitlines())) == ("", 1)
        assert check("missing.json", "-q").err.startswith("Not read: ")

    def test_has_no_color_without_a_terminal(self, check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
        assert "\x1b" not in check(".").err
        monkeypatch.setattr("click._compat.isatty", lambda _: True)
        assert check(".").err.startswith("\x1b[32m")
        assert check(".", "--no-color").err.startswith("No public access found")


class TestDestinations:
    """--format and --output."""

    def test_each_format_goes_to_the_output_behind_it(self, check: Check) -> None:
        write("a.json", PUBLIC)
        checked = check(
            "a.json", "--format", "sarif", "--output", "a.sarif", "--format", "table", "--format=csv", "--output=a.csv"
        )
        assert checked.out.startswith("a.json:1:")
        assert json.loads(Path("a.sarif").read_text())["version"] == "2.1.0"
        assert Path("a.csv").read_text().count("\n") == 2

    def test_output_before_its_format_is_for_it(self, check: Check) -> None:
        write("a.json", PUBLIC)
        assert check("--output", "report.json", "a.json", "--format", "json").out == ""
        assert json.loads(Path("report.json").read_text())["command"] == "check"

    def test_hyphen_is_standard_output(self, check: Check) -> None:
        write("a.json", PUBLIC)
        assert check("a.json", "--format", "json", "--output", "-").document["command"] == "check"
        assert not Path("-").exists()

    def test_json_is_the_same_as_the_format(self, check: Check) -> None:
        write("a.json", PUBLIC)
        assert check("a.json", "--json").document == check("a.json", "--format", "json").document

    def test_stream_is_a_line_for_each_policy(self, check: Check) -> None:
        write("a.json", PUBLIC)
        write("b.json", CLOSED)
        lines = [json.loads(line) for line in check(".", "--json", "--stream").out.splitlines()]
        assert [each["type"] for each in lines] == ["run", "policy", "policy", "end"]

    @pytest.mark.parametrize(
        "arguments",
        [("--stream",), ("--stream", "--output", "x"), ("--output", "x", "--stream", "--format", "json")],
    )
    def test_stream_without_a_format_is_json(self, arguments: tuple[str, ...], check: Check) -> None:
        write("a.json", PUBLIC)
        out = check("a.json", *arguments).out
        assert (out or Path("x").read_text()).count("\n") == 3

    @pytest.mark.parametrize(
        ("arguments", "problem"),
        [
            (("--output", "x"), "--output x: name its --format (table, json, sarif, junit, csv, html)."),
            (("--format", "json", "--format", "csv"), "two formats go to standard output"),
            (("--json", "--format", "table"), "two formats go to standard output"),
            (("--format", "json", "--output", "x", "--format", "csv", "--output", "x"), "two formats go to x"),
            (("--format", "csv", "--output", "x", "--output", "y"), "--output y: name its --format"),
            (("--format", "csv", "--output", "x", "--json", "--output", "link"), "two formats go to x"),
            (("--json", "--output", "./a.json", "a.json"), "--output a.json is one of the files to check."),
            (("--stream", "--format", "csv"), "two formats go to standard output"),
        ],
    )
    def test_pairs_that_do_not_fit_are_refused(self, arguments: tuple[str, ...], problem: str, check: Check) -> None:
        Path("link").symlink_to("x")
        checked = check(".", *arguments)
        assert checked.code == 2
        assert problem in checked.err
        assert not Path("x").exists()

    def test_page_is_refused_on_a_terminal_only(self, check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
        write("a.json", PUBLIC)
        assert check("a.json", "--format", "html").out.startswith("<!DOCTYPE html>")
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
        checked = check("a.json", "--format", "html")
        assert (checked.code, checked.out) == (2, "")
        assert "a terminal cannot show the page of --format html: add --output FILE." in checked.err
        assert check("a.json", "--format", "html", "--output", "a.html").code == 1

    def test_report_is_utf_8_whatever_the_locale_is(self, check: Check) -> None:
        write("größe.json", PUBLIC)
        check("größe.json", "--format", "csv", "--output", "a.csv")
        assert "größe.json" in Path("a.csv").read_text(encoding="utf-8")


class TestJudgement:
    """The options about the verdict."""

    def test_test_is_that_of_the_rule(self, check: Check) -> None:
        condition = {"StringEquals": {"aws:PrincipalOrgID": "o-abcde12345"}}
        write("scoped.json", json.dumps(policy(Condition=condition)))
        write("wide.json", json.dumps(policy(Condition={"StringLike": {"aws:PrincipalOrgID": "o-*"}})))
        write("named.json", json.dumps(policy({"AWS": ROLE})))
        files = ("scoped.json", "wide.json", "named.json")

        def public(*options: str) -> set[str]:
            return {name for name, result in check.json(*files, *options).results.items() if result == "public"}

        assert public() == set()
        assert public("--test", "reachable") == {"wide.json"}
        external = ("--test", "external", "--owner", "111122223333")
        assert public(*external) == set(files)
        assert public(*external, "--trusted-organization", "o-abcde12345") == {"wide.json", "named.json"}
        assert public(*external, "--trusted-account", "444455556666") == {"scoped.json", "wide.json"}
        assert public(*external, "--trusted-account", "123456789012,444455556666") == {"scoped.json", "wide.json"}

    @pytest.mark.parametrize("name", ["a.json", "notes.txt"])
    def test_external_needs_the_owner_of_a_policy_that_does_not_name_it(self, name: str, check: Check) -> None:
        write(name, CLOSED)
        checked = check.json(".", "--test", "external")
        assert checked.code == 2
        assert checked.errors[0].startswith(f"{name}:1: owner: None is not an account id")
        assert checked.errors[0].endswith(": add --owner")

    def test_account_of_a_template_is_its_own_without_the_owner(self, check: Check) -> None:
        """What AWS::AccountId stands for is inside the zone of trust, and another account is not."""
        own = {"AWS": {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:root"}}
        write("own.json", template(own))
        write("other.json", template({"AWS": ROLE}))
        write("either.json", template({"AWS": {"Fn::Sub": "arn:aws:iam::${Team}:root"}}))
        results = check.json(".", "--test", "external").results
        assert results == {
            "either.json Resources.App": "unknown",
            "other.json Resources.App": "public",
            "own.json Resources.App": "not public",
        }

    @pytest.mark.parametrize("account", [{"Ref": "AWS::AccountId"}, "111122223333"])
    @pytest.mark.parametrize("test", ["reachable", "external"])
    def test_owner_with_which_a_condition_compares_can_be_a_principal_too(
        self, account: Any, test: str, check: Check
    ) -> None:
        """As with --owner 111122223333: the condition is met by every caller."""
        everyone = policy("*", Condition={"StringEquals": {"AWS:resourceaccount": [account]}})["Statement"]
        named = policy({"AWS": account})["Statement"]
        document = {"Version": "2012-10-17", "Statement": [*named, *everyone]}
        write("a.json", template("*", RepositoryPolicyText=document))
        assert check.json("a.json", "--test", test).results == {"a.json Resources.App": "public"}

    @pytest.mark.parametrize(
        "content",
        [
            "444455556666\n# others\n123456789012 # prod\n",
            json.dumps({"Accounts": [{"Id": "444455556666", "Name": "x"}]}),
        ],
    )
    def test_members_are_inside_the_zone_of_trust(self, content: str, check: Check) -> None:
        write("members", content)
        write("a.json", json.dumps(policy({"AWS": ROLE})))
        external = ("a.json", "--test", "external", "--owner", "111122223333")
        assert (check(*external).code, check(*external, "--members", "members").code) == (1, 0)

    @pytest.mark.parametrize("content", ["", "44445555666\n", '{"Accounts": {}}', '{"Accounts": [{"Name": "x"}]}', "{"])
    def test_members_that_are_none_are_refused(self, content: str, check: Check) -> None:
        write("members", content)
        checked = check(".", "--members", "members")
        assert checked.code == 2
        assert checked.err.startswith("Not run: --members: members")

    @pytest.mark.parametrize(
        ("option", "value", "problem"),
        [
            ("--owner", "1111", "is not an account ID of 12 digits"),
            ("--region", "Ireland", "'Ireland' is not a Region such as eu-west-1"),
            ("--region", "eu-wset-1", "'eu-wset-1' is not a Region such as eu-west-1"),
            ("--region", "eu-west-1a", "'eu-west-1a' is not a Region such as eu-west-1"),
            ("--trusted-account", "444455556666,x", "'x' is not an account ID"),
            ("--trusted-organization", "o-1", "'o-1' is not an organization ID"),
            ("--public-repository", "Team", "'Team' is not [account:]pattern"),
            ("--parameter", "Name", "'Name' is not NAME=VALUE"),
            ("--parameters", "missing", "--parameters: missing cannot be read"),
            ("--members", "missing", "--members: missing cannot be read"),
            ("--root", "missing", "'missing' does not exist"),
        ],
    )
    def test_wrong_value_is_refused_before_anything_is_read(
        self, option: str, value: str, problem: str, check: Check
    ) -> None:
        checked = check(".", option, value)
        assert (checked.code, checked.out) == (2, "")
        assert problem in checked.err
        assert checked.err.count("\n") == 1

    def test_every_region_of_aws_is_accepted(self) -> None:
        session = boto3.Session()
        option = click.Option(["--region"])
        partitions = session.get_available_partitions()
        names = [name for each in partitions for name in session.get_available_regions("ecr", each)]
        assert len(names) > 30
        assert [check_options.region(click.Context(click.Command("check")), option, name) for name in names] == names

    @pytest.mark.parametrize(("pattern", "code"), [("team/*", 0), ("111122223333:team/app", 0), ("other", 1)])
    def test_public_repository_is_excused_as_by_the_rule(self, pattern: str, code: int, check: Check) -> None:
        write("a.json", template("*"))
        checked = check.json("a.json", "--public-repository", pattern, "--owner", "111122223333")
        assert checked.code == code
        if code == 0:
            assert checked.results == {"a.json Resources.App": "public on purpose"}
            assert checked.document["policies"][0]["excuse"] == f'--public-repository "{pattern}"'

    @pytest.mark.parametrize(("value", "result"), [("'true'", "public on purpose"), ("2020-01-01", "public")])
    def test_tag_excuses_a_repository_without_a_name(self, value: str, result: str, check: Check) -> None:
        properties = f"Tags: [{{Key: open, Value: {value}}}], RepositoryPolicyText: {PUBLIC}"
        write("app.yaml", f"Resources: {{App: {{Type: AWS::ECR::Repository, Properties: {{{properties}}}}}}}\n")
        checked = check.json("app.yaml", "--public-tag", "open")
        assert checked.results == {"app.yaml Resources.App": result}
        notes = checked.document["policies"][0]["notes"]
        assert bool(notes) == (result == "public")

    def test_public_repository_excuses_no_push(self, check: Check) -> None:
        write("a.json", template("*", RepositoryPolicyText=policy("*", "ecr:PutImage")))
        checked = check.json("a.json", "--public-repository", "*")
        assert checked.results == {"a.json Resources.App": "public"}
        assert checked.document["policies"][0]["notes"] == [
            'not excused, because more than pull and discover is allowed: --public-repository "*"'
        ]


class TestParameters:
    """--parameter and --parameters."""

    def test_value_decides(self, check: Check) -> None:
        write("a.json", UNKNOWN)
        assert check("a.json", "--parameter", "Principal=*").code == 1
        assert check("a.json", "--parameter", "Principal=111122223333").code == 0

    @pytest.mark.parametrize(
        "content",
        [
            '[{"ParameterKey": "Principal", "ParameterValue": "011122223333"}, {"ParameterKey": "Other"}]',
            '{"Parameters": {"Principal": "011122223333"}}',
            '{"Principal": "011122223333"}',
            '["Principal=011122223333"]',
            "Principal: 011122223333\nOther: [a, b]\n",
        ],
    )
    def test_file_has_the_values_with_their_zeros(self, content: str, check: Check) -> None:
        write("values", content)
        write("a.json", UNKNOWN)
        assert check("a.json", "--parameters", "values").code == 0
        assert check("a.json", "--parameters", "values", "--parameter", "Principal=*").code == 1

    @pytest.mark.parametrize("content", ["[1]", '{"A": {"B": "c"}}', "A: [", "just text", "{"])
    def test_file_without_values_is_refused(self, content: str, check: Check) -> None:
        write("values", content)
        checked = check(".", "--parameters", "values")
        assert checked.code == 2
        assert checked.err.startswith("Not run: --parameters: values")
