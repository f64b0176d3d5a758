"""What says, beside the code, that a policy is public on purpose: metadata, comments and .ecr-exposure.yaml."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

from tests.commands.check_command import PUBLIC, Check, policy, write

TEMPLATE: Final = """\
Resources:
  App:
    Type: AWS::ECR::Repository
    Metadata: METADATA
    Properties:
      RepositoryName: team/app
      # COMMENT
      RepositoryPolicyText:
        Version: 2012-10-17
        Statement:
          - {Effect: Allow, Principal: "*", Action: ACTION}
  Other:
    Type: AWS::ECR::Repository
"""
SOURCE: Final = """\
resource "aws_ecr_repository_policy" "app" {
  # COMMENT
  repository = "team/app"
  policy     = jsonencode({ Statement = [{ Effect = "Allow", Principal = "*", Action = "ACTION" }] })
}
"""
APP: Final = "stack.yaml Resources.App"
ON_PURPOSE: Final = 'ecr-exposure: public-on-purpose "base images"'


@pytest.fixture
def check(capsys: pytest.CaptureFixture[str]) -> Check:
    return Check(capsys)


def template(comment: str = "none", metadata: str = "{}", action: str = "ecr:BatchGetImage") -> str:
    """Return a template with a public repository."""
    return TEMPLATE.replace("COMMENT", comment).replace("METADATA", metadata).replace("ACTION", action)


def source(comment: str, action: str = "ecr:BatchGetImage") -> str:
    """Return Terraform source with a public repository."""
    return SOURCE.replace("COMMENT", comment).replace("ACTION", action)


class TestComment:
    """In YAML and HCL."""

    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("stack.yaml", template(ON_PURPOSE)),
            ("stack.yaml", template(f"{ON_PURPOSE} until=2026-11-27").replace("\n", "\r\n")),
            ("stack.yaml", template().replace("RepositoryName: team/app", f"RepositoryName: team/app  # {ON_PURPOSE}")),
            ("main.tf", source(ON_PURPOSE)),
            ("main.tf", source(ON_PURPOSE).replace("# ecr", "// ecr")),
            ("main.tf", source("x").replace('"team/app"', f'"team/app" # {ON_PURPOSE}')),
        ],
    )
    def test_inside_the_resource_excuses_it(self, name: str, content: str, check: Check) -> None:
        write(name, content)
        checked = check.json(name)
        assert checked.code == 0
        (found,) = (each for each in checked.document["policies"] if each["result"] != "not public")
        assert found["result"] == "public on purpose"
        assert found["excuse"].startswith("base images")
        assert checked.document["notes"] == []
        assert check(name, "--no-suppressions").code == 1

    def test_excuse_has_reason_last_day_and_place(self, check: Check) -> None:
        write("stack.yaml", template(f"{ON_PURPOSE} until=2027-03-31"))
        found = check.json("stack.yaml").document["policies"][0]
        assert found["excuse"] == "base images, last day 2027-03-31 (stack.yaml:7)"

    @pytest.mark.parametrize(
        ("name", "content", "line"),
        [
            ("stack.yaml", f"# {ON_PURPOSE}\n{template()}", 1),
            ("stack.yaml", template().replace("  Other:\n", f"  Other:\n    # {ON_PURPOSE}\n"), 13),
            ("main.tf", f"# {ON_PURPOSE}\n{source('x')}", 1),
        ],
    )
    def test_outside_the_resource_excuses_nothing(self, name: str, content: str, line: int, check: Check) -> None:
        write(name, content)
        checked = check.json(name)
        assert checked.code == 1
        is_about_another = "Other" in content.partition(ON_PURPOSE)[0]
        expected = [] if is_about_another else [f"{name}:{line}: this suppression matches no policy"]
        assert checked.document["notes"] == expected

    @pytest.mark.parametrize(
        "comment",
        [
            "ecr-exposure: public-on-purpose",
            'ecr-exposure: public-on-purpose ""',
            "ecr-exposure: public-on-purpose 'reason'",
            'ecr-exposure: public "reason"',
            'ecr-exposure public-on-purpose "reason"',
            'ecr-exposure: public-on-purpose "reason" until 2027-03-31',
            'ecr-exposure: public-on-purpose "reason" forever',
            'ecr-exposure: public-on-purpose "reason" until=2027-02-30',
            'ecr-exposure: public-on-purpose "reason" until=31.3.2027',
        ],
    )
    @pytest.mark.parametrize("make", [template, source])
    def test_malformed_one_is_an_error_with_its_line(self, make: Any, comment: str, check: Check) -> None:
        name = "stack.yaml" if make is template else "main.tf"
        write(name, make(comment))
        checked = check.json(name)
        assert checked.code == 2
        assert "public" in checked.results.values()
        (error,) = checked.errors
        assert error.startswith(f"{name}:{7 if make is template else 2}: ")

    def test_example_on_a_page_of_documentation_is_none(self, check: Check) -> None:
        write("page.md", f"# Example\n\nResources: [\n  AWS::ECR::Repository\n\n# {ON_PURPOSE}\n")
        assert check.json(".").document["notes"] == []

    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("stack.yaml", template(metadata=f"\n      Ünicöde: |\n        As documented:\n        # {ON_PURPOSE}")),
            ("stack.yaml", template(metadata=f"{{Note: 'write\n      # {ON_PURPOSE}'}}")),
            ("main.tf", source("x").replace("  repo", f"  note = <<-TEXT\n    # {ON_PURPOSE}\n  TEXT\n  repo")),
            ("main.tf", source("x").replace("  repo", '  note = "write # ecr-exposure: public-on-purpose"\n  repo')),
        ],
    )
    def test_text_of_a_string_is_none(self, name: str, content: str, check: Check) -> None:
        write(name, content)
        checked = check.json(name)
        assert (checked.code, checked.errors, checked.document["notes"]) == (1, [], [])

    def test_behind_a_string_excuses(self, check: Check) -> None:
        """Offsets of libyaml and of HCL tokens count characters, also those outside ASCII."""
        write("stack.yaml", template(metadata=f"\n      Note: |\n        Ünicöde €\n      # {ON_PURPOSE}\n      A: b"))
        write("main.tf", source("x").replace("  repo", f'  note = "Ü€ #" # {ON_PURPOSE}\n  repo'))
        assert check("stack.yaml").code == 0
        assert check("main.tf").code == 0

    def test_other_comments_are_none(self, check: Check) -> None:
        write("stack.yaml", template("see ecr-exposure check, and https://example.com/ecr-exposure:public"))
        assert check.json("stack.yaml").errors == []


class TestLimits:
    """What no suppression excuses."""

    @pytest.mark.parametrize("action", ["ecr:PutImage", "ecr:*", "ecr:DeleteRepository"])
    @pytest.mark.parametrize(
        "metadata", ["{EcrExposure: {PublicOnPurpose: {Reason: base images}}}", "{}"], ids=["metadata", "comment"]
    )
    def test_more_than_pull_and_discover_stays_public(self, metadata: str, action: str, check: Check) -> None:
        comment = "none" if "Reason" in metadata else ON_PURPOSE
        write("stack.yaml", template(comment, metadata, f'"{action}"'))
        checked = check.json("stack.yaml")
        assert (checked.code, checked.results[APP]) == (1, "public")
        (note,) = checked.document["policies"][0]["notes"]
        assert note.startswith("not excused, because more than pull and discover is allowed: base images")

    def test_what_cannot_be_evaluated_stays_so(self, check: Check) -> None:
        write("stack.yaml", template(ON_PURPOSE).replace("Effect: Allow", "Effect: Permit"))
        assert check.json("stack.yaml").results[APP] == "cannot be evaluated"

    @pytest.mark.parametrize(
        ("other", "result"),
        [
            ("ecr:PutImage", "public"),
            ("no-action", "cannot be evaluated"),
            ("ecr:GetDownloadUrlForLayer", "public on purpose"),
        ],
    )
    def test_alternative_of_fewer_actions_decides_if_it_is_more_than_pull(
        self, other: str, result: str, check: Check
    ) -> None:
        """Which branch is deployed is unknown: the one that no suppression excuses counts."""
        head = "Parameters: {Env: {Type: String}}\nConditions: {IsProd: !Equals [!Ref Env, prod]}\n"
        action = f"!If [IsProd, ['{other}'], ['ecr:BatchGetImage', 'ecr:DescribeImages', 'ecr:ListImages']]"
        write("stack.yaml", head + template(ON_PURPOSE, action=action))
        assert check.json("stack.yaml").results[APP] == result

    def test_unknown_action_beside_a_public_pull_is_not_excused(self, check: Check) -> None:
        """The pull is public whatever the parameter is, and its value may be a push."""
        parameters = "Parameters: {More: {Type: String}}\n"
        write("stack.yaml", parameters + template(ON_PURPOSE, action="[ecr:BatchGetImage, !Ref More]"))
        assert check.json("stack.yaml").results[APP] == "public"

    def test_unknown_principal_who_can_pull_at_most_is_excused(self, check: Check) -> None:
        parameters = "Parameters: {Who: {Type: String}}\n"
        for action, result in (("ecr:BatchGetImage", "public on purpose"), ("ecr:PutImage", "unknown")):
            content = template(ON_PURPOSE, action=action).replace('Principal: "*"', "Principal: {AWS: !Ref Who}")
            write("stack.yaml", parameters + content)
            assert check.json("stack.yaml").results[APP] == result

    def test_last_day_is_included_and_the_next_is_past(self, check: Check) -> None:
        write("stack.yaml", template(f"{ON_PURPOSE} until=2026-11-27"))
        assert check("stack.yaml", now=datetime(2026, 11, 27, 23, 59, tzinfo=UTC)).code == 0
        past = check.json("stack.yaml", now=datetime(2026, 11, 28, 0, 0, tzinfo=UTC))
        assert past.code == 1
        assert past.document["policies"][0]["notes"] == ["stack.yaml:7 is no suppression: its last day was 2026-11-27"]


class TestMetadata:
    """EcrExposure of a CloudFormation resource."""

    @pytest.mark.parametrize(
        ("until", "today", "result"),
        [
            ("", 1, "public on purpose"),
            (", Until: 2026-12-31", 31, "public on purpose"),
            (", Until: 2026-12-30", 31, "public"),
        ],
    )
    def test_excuses_until_its_last_day(self, until: str, today: int, result: str, check: Check) -> None:
        write("stack.yaml", template(metadata=f"{{EcrExposure: {{PublicOnPurpose: {{Reason: base images{until}}}}}}}"))
        assert check.json("stack.yaml", now=datetime(2026, 12, today, tzinfo=UTC)).results[APP] == result
        assert check.json("stack.yaml", "--no-suppressions").results[APP] == "public"

    def test_json_has_it_too(self, check: Check) -> None:
        metadata = {"EcrExposure": {"PublicOnPurpose": {"Reason": "base images"}}}
        properties = {"RepositoryPolicyText": policy()}
        resource = {"Type": "AWS::ECR::Repository", "Metadata": metadata, "Properties": properties}
        write("stack.json", json.dumps({"Resources": {"App": resource}}))
        assert check.json("stack.json").results == {"stack.json Resources.App": "public on purpose"}

    @pytest.mark.parametrize(
        "metadata",
        [
            "{EcrExposure: {PublicOnPurpose: {Because: x}}}",
            "{EcrExposure: {PublicOnPurpose: {Reason: true}}}",
            "{EcrExposure: {PublicOnPurpose: {Reason: ~}}}",
            "{EcrExposure: {PublicOnPurpose: {Reason: !Ref Why}}}",
            "{EcrExposure: {PublicOnPurpose: {Until: 2027-03-31}}}",
            "{EcrExposure: {PublicOnPurpose: {Reason: x, Until: soon}}}",
            "{EcrExposure: {PublicOnPurpose: true}}",
            "{EcrExposure: {Public: {Reason: x}}}",
        ],
    )
    def test_malformed_one_is_an_error_with_its_line(self, metadata: str, check: Check) -> None:
        write("stack.yaml", template(metadata=metadata))
        checked = check.json("stack.yaml")
        assert checked.code == 2
        assert checked.results[APP] == "public"
        (error,) = checked.errors
        assert error.startswith("stack.yaml:4: ")


class TestFile:
    """.ecr-exposure.yaml."""

    @pytest.mark.parametrize(
        "entry",
        [
            "file: stack.yaml",
            "file: ./stack.yaml",
            'file: "*.yaml"',
            "address: Resources.App",
            'address: "Resources.*"',
            "repository: team/app",
            'repository: "111122223333:team/*"',
            "file: stack.yaml\n  address: Resources.A?p\n  repository: team/app",
        ],
    )
    def test_entry_excuses_what_it_names(self, entry: str, check: Check) -> None:
        write("stack.yaml", template())
        write(".ecr-exposure.yaml", f"- {entry}\n  reason: base images\n  until: 2027-03-31\n")
        checked = check.json(".", "--owner", "111122223333")
        assert (checked.code, checked.document["notes"]) == (0, [])
        excuses = {each["excuse"] for each in checked.document["policies"] if each["result"] == "public on purpose"}
        assert excuses == {"base images, last day 2027-03-31 (.ecr-exposure.yaml:1)"}
        assert check(".", "--no-suppressions").code == 1

    @pytest.mark.parametrize(
        "entry",
        [
            "file: other.yaml",
            "file: stack",
            "address: resources.app",
            "repository: team",
            'repository: "444455556666:team/app"',
            "file: stack.yaml\n  address: Resources.Wrong",
        ],
    )
    def test_entry_that_matches_nothing_is_told(self, entry: str, check: Check) -> None:
        write("stack.yaml", template())
        write(".ecr-exposure.yaml", f"# first\n- {entry}\n  reason: base images\n")
        checked = check.json(".", "--owner", "111122223333")
        assert checked.code == 1
        assert checked.document["notes"] == [".ecr-exposure.yaml:2: this suppression matches no policy"]
        assert "Note: .ecr-exposure.yaml:2: this suppression matches no policy" in check(".").out

    def test_each_entry_that_matches_is_one_that_matches(self, check: Check) -> None:
        write("stack.yaml", template())
        entry = "- {}\n  reason: base images\n"
        entries = ("file: stack.yaml", "address: Resources.App", "address: Resources.Wrong")
        write(".ecr-exposure.yaml", "".join(map(entry.format, entries)))
        checked = check.json(".")
        assert (checked.code, checked.document["notes"]) == (
            0,
            [".ecr-exposure.yaml:5: this suppression matches no policy"],
        )

    def test_address_of_a_plan_has_brackets_and_wildcards(self, check: Check) -> None:
        address = 'module.app.aws_ecr_repository_policy.this["a"]'
        resource = {
            "address": address,
            "mode": "managed",
            "type": "aws_ecr_repository_policy",
            "name": "this",
            "index": "a",
            "values": {"repository": "team/app", "policy": PUBLIC},
        }
        change = {
            **resource,
            "module_address": "module.app",
            "change": {"actions": ["create"], "after": resource["values"]},
        }
        module = {"address": "module.app", "resources": [resource]}
        plan = {
            "format_version": "1.2",
            "terraform_version": "1.9.8",
            "planned_values": {"root_module": {"child_modules": [module]}},
            "resource_changes": [change],
        }
        write("plan.json", json.dumps(plan))
        assert check.json("plan.json").results == {f"plan.json {address}": "public"}
        for pattern in (address, 'module.*.this["?"]', "module.app.*"):
            write(".ecr-exposure.yaml", f"- address: '{pattern}'\n  reason: base images\n")
            assert check("plan.json").code == 0

    def test_entry_names_files_from_its_own_folder(self, check: Check) -> None:
        write("infra/app/stack.yaml", template())
        write("infra/.ecr-exposure.yaml", "- file: app/*.yaml\n  reason: base images\n")
        assert check("infra").code == 1
        assert check("infra", "--root", "infra").code == 0

    @pytest.mark.parametrize(
        ("content", "line", "problem"),
        [
            ("- address: a\n  reason: x\n  unti: 2027-03-31\n", 3, "'unti' is not a key"),
            ("- address: a\n", 1, "reason is missing"),
            ("- address: a\n  reason: ''\n", 2, "reason is empty"),
            ("- address: a\n  reason: ~\n", 2, "reason is empty"),
            ("- address: a\n  reason: true\n", 2, "reason is empty"),
            ("- address:\n  reason: x\n", 1, "address is empty"),
            ("- address: a\n  reason: x\n  until: 2027-03-31T00:00:00Z\n", 1, "until: '2027-03-31T00:00:00Z'"),
            ("- reason: x\n", 1, "the entry names none of file, address, repository"),
            ("- address: a\n  reason: x\n  until: 2027-13-01\n", 1, "until: '2027-13-01' is not a day (YYYY-MM-DD)"),
            ("- address: a\n  address: b\n  reason: x\n", 2, "duplicate key 'address'"),
            ("- address: [a]\n  reason: x\n", 1, "address is empty, or not a text"),
            ("- repository: Team\n  reason: x\n", 1, "repository: 'Team' is not [account:]pattern"),
            ("- just text\n", 1, "not an entry"),
            ("address: a\n", 1, "not a list"),
            ("- address: a\n reason: [\n", 2, "not YAML: "),
            ("- address: *a\n  reason: x\n", 1, "not YAML: found undefined alias"),
        ],
    )
    def test_malformed_entry_is_an_error_with_its_line(
        self, content: str, line: int, problem: str, check: Check
    ) -> None:
        write("stack.yaml", template())
        write(".ecr-exposure.yaml", content)
        checked = check.json(".")
        assert (checked.code, checked.results[APP]) == (2, "public")
        (error,) = checked.errors
        assert error.startswith(f".ecr-exposure.yaml:{line}: {problem}")

    def test_other_entries_count_beside_a_malformed_one(self, check: Check) -> None:
        write("stack.yaml", template())
        write(".ecr-exposure.yaml", "- address: a\n- address: Resources.App\n  reason: base images\n")
        checked = check.json(".")
        assert (checked.code, checked.results[APP]) == (2, "public on purpose")

    @pytest.mark.parametrize("content", [b"", b"# nothing\n", b"[]\n", "\ufeff[]".encode("utf-16")])
    def test_empty_one_excuses_nothing(self, content: bytes, check: Check) -> None:
        write("stack.yaml", template())
        write(".ecr-exposure.yaml", content)
        checked = check.json(".")
        assert (checked.code, checked.errors) == (1, [])

    def test_one_that_cannot_be_read_is_an_error(self, check: Check) -> None:
        Path(".ecr-exposure.yaml").mkdir()
        checked = check.json(".")
        assert checked.code == 2
        assert checked.errors == [".ecr-exposure.yaml: cannot be read: Is a directory"]
