"""Which files ``check`` reads, in which encodings, and what it takes them for."""

import gzip
import io
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.commands.check_command import CLOSED, PUBLIC, Check, Checked, policy, write


@pytest.fixture
def check(capsys: pytest.CaptureFixture[str]) -> Check:
    return Check(capsys)


class TestFolder:
    """What is read below a folder."""

    @pytest.mark.parametrize(
        "folder", [".git", ".terraform", ".terragrunt-cache", "node_modules", "cdk.out/asset.0123abcd"]
    )
    def test_folder_of_a_tool_is_read_only_if_it_is_named(self, folder: str, check: Check) -> None:
        write(f"app/{folder}/policy.json", PUBLIC)
        beside = check.json("app")
        assert (beside.code, beside.results, beside.document["files"]["ignored"]) == (0, {}, 1)
        assert check.json(f"app/{folder}").results == {f"app/{folder}/policy.json": "public"}

    def test_virtual_environment_is_not_read(self, check: Check) -> None:
        write("env/pyvenv.cfg", "home = /usr/bin\n")
        write("env/lib/policy.json", PUBLIC)
        assert check.json(".").results == {}

    def test_template_beside_the_assets_of_the_cdk_is_read(self, check: Check) -> None:
        write("cdk.out/policy.json", PUBLIC)
        write("asset.1/policy.json", PUBLIC)
        assert set(check.json(".").results) == {"cdk.out/policy.json", "asset.1/policy.json"}

    def test_link_to_a_folder_is_not_followed_unless_it_is_named(self, check: Check, tmp_path: Path) -> None:
        write("outside/policy.json", PUBLIC)
        Path("inside").mkdir()
        Path("inside/link").symlink_to(tmp_path / "outside")
        assert check.json("inside").results == {}
        assert check.json("inside/link").results == {"inside/link/policy.json": "public"}

    def test_link_to_the_folder_above_ends(self, check: Check) -> None:
        write("app/policy.json", PUBLIC)
        Path("app/again").symlink_to("..")
        assert check.json("app").results == {"app/policy.json": "public"}

    def test_link_that_leads_nowhere_is_ignored(self, check: Check) -> None:
        Path("nowhere.json").symlink_to("missing.json")
        Path("itself.json").symlink_to("itself.json")
        checked = check.json(".")
        assert (checked.code, checked.document["files"]["ignored"]) == (0, 2)

    def test_file_is_read_once_under_its_links_and_names(self, check: Check) -> None:
        write("app/policy.json", PUBLIC)
        Path("app/zlink.json").symlink_to("policy.json")
        checked = check.json("app", ".", "app/policy.json", "./app/policy.json")
        assert checked.results == {"app/policy.json": "public"}
        assert checked.document["files"]["read"] == 1

    def test_folders_that_are_nested_deeper_than_calls_of_python_are_read(self, check: Check) -> None:
        top, depth = Path.cwd(), 1100
        for _ in range(depth):
            Path("d").mkdir()
            os.chdir("d")
        try:
            Path("policy.json").write_text(PUBLIC)
            os.chdir(top)
            assert list(check.json("d").results.values()) == ["public"]
        finally:
            # pytest removes folders by calls that are nested as deep.
            subprocess.run(("/bin/rm", "-rf", top / "d"), check=True)  # noqa: S603 - our own folder

    def test_pipe_in_a_folder_is_not_opened(self, check: Check) -> None:
        os.mkfifo("pipe.json")
        assert check.json(".").document["files"] == {"read": 0, "recognized": 0, "not_recognized": 0, "ignored": 1}

    def test_files_are_read_in_the_order_of_their_names(self, check: Check) -> None:
        for name in ("b.json", "a.json", "c/a.json", "a/z.json"):
            write(name, PUBLIC)
        assert list(check.json(".").results) == ["a.json", "b.json", "a/z.json", "c/a.json"]


class TestIgnore:
    """--ignore."""

    @pytest.mark.parametrize(
        "pattern",
        [
            "tests",
            "tests/",
            "./tests/",
            "tests/*",
            "tests/data/*.json",
            "**/data/*.json",
            "open.json",
            "op?n.*",
            "**/data",
        ],
    )
    def test_matching_files_and_folders_are_left_out(self, pattern: str, check: Check) -> None:
        write("tests/data/open.json", PUBLIC)
        write("app/policy.json", PUBLIC)
        assert check.json(".", "--ignore", pattern).results == {"app/policy.json": "public"}

    def test_several_patterns_are_left_out(self, check: Check) -> None:
        write("a/1.json", PUBLIC)
        write("b/2.json", PUBLIC)
        assert check.json(".", "--ignore", "a", "--ignore", "b").code == 0

    def test_pattern_leaves_out_a_named_file_too(self, check: Check) -> None:
        """As a tool names every changed file."""
        write("tests/open.json", PUBLIC)
        checked = check.json("tests/open.json", "--ignore", "tests")
        assert (checked.code, checked.results, checked.document["files"]["ignored"]) == (0, {}, 1)

    def test_pattern_with_a_folder_is_read_from_the_working_folder(self, check: Check, tmp_path: Path) -> None:
        write("app/tests/open.json", PUBLIC)
        assert check.json(".", "--ignore", "tests/open.json").code == 1
        assert check.json(tmp_path / "app", "--ignore", "app/tests/*").code == 0


class TestEncoding:
    """How bytes become text."""

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
    def test_unicode_is_read_whatever_the_locale_is(self, encoding: str, check: Check) -> None:
        mark = "\ufeff" if encoding.endswith(("le", "be")) else ""
        text = json.dumps(policy(Sid="größe"), ensure_ascii=False)
        write("policy.json", (mark + text).encode(encoding))
        checked = check.json("policy.json")
        assert checked.results == {"policy.json": "public"}
        assert "größe" in checked.document["policies"][0]["findings"][0]["message"]

    def test_line_ends_of_windows_are_read(self, check: Check) -> None:
        text = json.dumps(policy(), indent=1).replace("\n", "\r\n")
        write("policy.json", text)
        (found,) = check.json("policy.json").document["policies"]
        expected = next(at for at, line in enumerate(text.splitlines(), 1) if "Principal" in line)
        assert found["findings"][0]["line"] == expected

    @pytest.mark.parametrize("name", ["policy.json", "template.yaml"])
    def test_another_encoding_is_told_with_its_line(self, name: str, check: Check) -> None:
        write(name, '{"Statement": [],\n "AWS::ECR::Repository": "größe"}'.encode("latin-1"))
        checked = check.json(".")
        assert checked.code == 2
        (error,) = checked.errors
        assert error.startswith(f"{name}:2: byte 47 is not encoded in UTF-8")

    def test_broken_utf_16_counts_only_if_it_may_have_a_policy(self, check: Check) -> None:
        half = b"\x00\xd8"  # of a surrogate pair
        write("unrelated.json", "\ufeff[1, 2]".encode("utf-16-le") + half)
        assert check(".").code == 0
        write("policy.json", f"\ufeff{PUBLIC}".encode("utf-16-le") + half)
        assert [each.partition(":")[0] for each in check.json(".").errors] == ["policy.json"]

    def test_program_that_names_the_type_is_none_of_the_files(self, check: Check) -> None:
        write("provider", b"\x7fELF\0\0aws_ecr_repository_policy\0\xff\xfe")
        write("page.md", "Größe: AWS::ECR::Repository\n".encode("latin-1"))
        checked = check.json(".")
        assert (checked.code, checked.document["files"]["not_recognized"]) == (0, 2)


class TestRecognition:
    """What a file is taken for."""

    @pytest.mark.parametrize(
        "content",
        [
            PUBLIC,
            json.dumps({"registryId": "111122223333", "repositoryName": "team/app", "policyText": PUBLIC}),
            f"{PUBLIC}\n{CLOSED}\n",
        ],
    )
    def test_policies_in_json_are_read_whatever_the_name_is(self, content: str, check: Check) -> None:
        write("policy", content)
        assert "public" in check.json(".").results.values()

    def test_text_of_a_policy_is_read_from_a_named_file(self, check: Check) -> None:
        """As ``aws ecr get-repository-policy --query policyText`` prints it."""
        write("text.json", json.dumps(PUBLIC))
        write("other.json", json.dumps('{"Statement'))
        checked = check.json("text.json", "other.json")
        assert checked.results == {"text.json": "public"}
        assert [each.partition(":")[0] for each in checked.errors] == ["other.json"]

    def test_text_of_a_policy_is_read_from_a_json_file_of_a_folder(self, check: Check) -> None:
        write("text.json", json.dumps(PUBLIC))
        write("other.json", json.dumps("No Statement"))
        checked = check.json(".")
        assert (checked.code, checked.results, checked.errors) == (1, {"text.json": "public"}, [])

    @pytest.mark.parametrize(
        "statement",
        [
            {"Effect": "Allow", "Action": "*", "Resource": "*"},
            {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"},
            {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"},
            {"Effect": "Permit", "Principal": "*", "Action": "kms:*"},
        ],
    )
    def test_policy_of_another_service_in_a_folder_is_none_of_a_repository(
        self, statement: dict[str, Any], check: Check
    ) -> None:
        write("policy.json", json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
        checked = check.json(".")
        assert (checked.code, checked.results, checked.document["files"]["recognized"]) == (0, {}, 0)
        assert check.json("policy.json").results.keys() == {"policy.json"}

    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("package.json", '{"name": "app"}'),
            ("tree.json", '{"version": "tree-0.1", "tree": {"id": "AWS::ECR::Repository"}}'),
            ("page.md", "# Policies\n\n    AWS::ECR::Repository\n\nResources: [ none\n"),
            ("page.html", "{% if x %} AWS::ECR::Repository"),
            ("main.py", 'TYPE = "aws_ecr_repository_policy"\n'),
            ("empty.json", ""),
        ],
    )
    def test_other_files_of_a_folder_are_not_recognized(self, name: str, content: str, check: Check) -> None:
        write(name, content)
        checked = check.json(".")
        assert (checked.code, checked.errors) == (0, [])
        assert checked.document["files"]["not_recognized"] == 1

    def test_compressed_file_is_read_as_a_snapshot(self, check: Check) -> None:
        item = {
            "resourceType": "AWS::ECR::Repository",
            "resourceId": "team/app",
            "awsAccountId": "111122223333",
            "awsRegion": "eu-west-1",
            "ARN": "arn:aws:ecr:eu-west-1:111122223333:repository/team/app",
            "configurationItemStatus": "OK",
            "configurationItemCaptureTime": "2026-11-01T00:00:00.000Z",
            "configuration": {"RepositoryName": "team/app", "RepositoryPolicyText": PUBLIC},
        }
        snapshot = {"fileVersion": "1.0", "configSnapshotId": "1", "configurationItems": [item]}
        write("snapshot.json.gz", gzip.compress(json.dumps(snapshot).encode()))
        write("archive.gz", gzip.compress(b"no JSON"))
        checked = check.json(".")
        assert (checked.code, list(checked.results.values())) == (1, ["public"])
        assert checked.document["files"]["not_recognized"] == 1


class TestStandardInput:
    """``-``."""

    def test_policy_is_read_and_named_as_wanted(self, check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
        stdin = io.TextIOWrapper(io.BufferedReader(io.BytesIO(PUBLIC.encode())))
        monkeypatch.setattr("sys.stdin", stdin)
        assert check.json("-", "--stdin-name", "infra/policy.json").results == {"infra/policy.json": "public"}

    def test_terraform_source_is_read_with_the_folder_of_its_name(
        self, check: Check, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As an editor sends it, before it is saved."""
        write("infra/variables.tf", 'variable "principal" {\n  default = "*"\n}\n')
        write("infra/main.tf", "earlier")
        write("main.tf", 'resource "aws_ecr_repository_policy" "other" {\n  policy = "{}"\n}\n')
        statement = 'Effect = "Allow", Principal = var.principal, Action = "ecr:BatchGetImage"'
        policy = f"policy = jsonencode({{ Statement = [{{ {statement} }}] }})"
        source = f'resource "aws_ecr_repository_policy" "app" {{\n  {policy}\n}}\n'

        def checked(*arguments: str) -> Checked:
            stdin = io.TextIOWrapper(io.BufferedReader(io.BytesIO(source.encode())))
            monkeypatch.setattr("sys.stdin", stdin)
            return check.json("-", *arguments)

        for name in ("infra/main.tf", "infra/new.tf"):
            results = checked("--stdin-name", name).results
            assert results == {f"{name} aws_ecr_repository_policy.app": "public"}
        assert checked().errors == ["-: is Terraform source: its name must end with .tf; see --stdin-name"]

    def test_named_twice_is_read_once(self, check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(PUBLIC.encode()))))
        checked = check.json("-", "-")
        assert (checked.code, checked.results, checked.document["files"]["read"]) == (1, {"-": "public"}, 1)

    def test_closed_is_told(self, check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sys.stdin", None)
        assert check.json("-").errors == ["-: cannot be read: standard input is closed"]

    def test_named_pipe_is_read(self, check: Check) -> None:
        """As of ``check <(aws ecr get-repository-policy …)``."""
        reading, writing = os.pipe()
        os.write(writing, PUBLIC.encode())
        os.close(writing)
        try:
            assert list(check.json(f"/dev/fd/{reading}").results.values()) == ["public"]
        finally:
            os.close(reading)
