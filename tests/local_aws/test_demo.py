"""`make demo`: its verdicts on the example repositories, and its errors for a file that it cannot use."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.commands.html_pages import Page
from tests.local_aws.demo import evaluate_examples, evaluate_file, main

OPEN = json.dumps({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "ecr:*"}]})
ITEM: dict[str, Any] = {
    "resourceId": "team/app",
    "configuration": {
        "RepositoryName": "team/app",
        "Arn": "arn:aws:ecr:eu-west-1:444455556666:repository/team/app",
        "RepositoryPolicyText": OPEN,
    },
}
EVENT = {
    "invokingEvent": json.dumps(
        {
            "messageType": "ConfigurationItemChangeNotification",
            "configurationItem": {
                **ITEM,
                "resourceType": "AWS::ECR::Repository",
                "configurationItemStatus": "OK",
                "configurationItemCaptureTime": "2026-11-24T12:00:00.000Z",
            },
        }
    ),
    "ruleParameters": json.dumps({"ExecutionRoleName": "role-of-the-user"}),
    "resultToken": "token-of-the-user",
}
WITHOUT_POLICY = {**ITEM, "configuration": {**ITEM["configuration"], "RepositoryPolicyText": {}}}


class TestExamples:
    """The demo without a file."""

    def test_each_example_repository_has_its_compliance(self) -> None:
        compliances = {row.repository: row.compliance for row in evaluate_examples()}
        assert compliances == {
            "no-policy": "COMPLIANT",
            "org-only": "COMPLIANT",
            "cross-account": "COMPLIANT",
            "team/checkout/api": "NON_COMPLIANT",
            "public-pull": "NON_COMPLIANT",
            "public-everything": "NON_COMPLIANT",
            "second-statement": "NON_COMPLIANT",
            "public/base-image": "COMPLIANT",
            "condition-that-fails": "COMPLIANT",
            "malformed": "NON_COMPLIANT",
            "deleted": "NOT_APPLICABLE",
            "oversized": "NON_COMPLIANT",
        }


class TestPage:
    """The page that the demo writes."""

    def test_page_shows_each_repository_that_exists(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        file = tmp_path / "build" / "page.html"
        assert main([], file) == 0
        assert capsys.readouterr().out.endswith(f"The same as a page of `ecr-exposure report`: {file}\n")
        data = Page(file.read_text("utf-8")).data()
        rows = data.head["rows"]
        found = zip(rows["repository"], (data.head["results"][each] for each in rows["result"]), strict=True)
        assert dict(found) == {
            "no-policy": "not public",
            "org-only": "not public",
            "cross-account": "not public",
            "team/checkout/api": "public",
            "public-pull": "public",
            "public-everything": "public",
            "second-statement": "public",
            "public/base-image": "public on purpose",
            "condition-that-fails": "not public",
            "malformed": "cannot be evaluated",
            "oversized": "public",
        }
        assert all("rule" in data.more(row)["recorded"] for row in range(len(data)))

    def test_page_that_cannot_be_written_exits_with_2(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main([], Path("/dev/full")) == 2
        assert "/dev/full cannot be written: No space left on device" in capsys.readouterr().err


class TestFile:
    """The demo with the user's own file."""

    @pytest.mark.parametrize(
        ("content", "expected"),
        [
            pytest.param(ITEM, ["NON_COMPLIANT"], id="item"),
            pytest.param([ITEM, WITHOUT_POLICY], ["NON_COMPLIANT", "COMPLIANT"], id="list of items"),
            pytest.param(EVENT, ["NON_COMPLIANT"], id="event"),
            pytest.param({**EVENT, "eventLeftScope": True}, ["NOT_APPLICABLE"], id="event that left scope"),
            pytest.param(
                {"configurationItems": [{**ITEM, "configuration": json.dumps(ITEM["configuration"])}]},
                ["NON_COMPLIANT"],
                id="get-resource-config-history",
            ),
            pytest.param({"Results": [json.dumps(ITEM)]}, ["NON_COMPLIANT"], id="select-resource-config"),
            pytest.param(
                {**ITEM, "configurationItemStatus": "ResourceDeleted"}, ["NOT_APPLICABLE"], id="deleted repository"
            ),
            pytest.param({**ITEM, "resourceType": "AWS::S3::Bucket"}, ["NOT_APPLICABLE"], id="other resource type"),
            pytest.param({"configuration": ITEM["configuration"]}, ["NON_COMPLIANT"], id="configuration only"),
            pytest.param({**ITEM, "configurationItemCaptureTime": 1577836800.123}, ["NON_COMPLIANT"], id="epoch time"),
            pytest.param({"resourceId": "team/app", "configuration": None}, ["NON_COMPLIANT"], id="no configuration"),
        ],
    )
    def test_every_form_of_an_item_is_evaluated(self, tmp_path: Path, content: Any, expected: list[str]) -> None:
        file = tmp_path / "item.json"
        file.write_text(json.dumps(content), encoding="utf-8")
        assert [row.compliance for row in evaluate_file(str(file))] == expected

    def test_missing_account_and_region_come_from_the_arn(self, tmp_path: Path) -> None:
        file = tmp_path / "item.json"
        file.write_text(json.dumps(ITEM), encoding="utf-8")
        (row,) = evaluate_file(str(file))
        assert (row.account, row.region, row.repository) == ("444455556666", "eu-west-1", "team/app")

    def test_duplicate_key_is_non_compliant(self, tmp_path: Path) -> None:
        file = tmp_path / "item.json"
        duplicate = '{"RepositoryName": "a", "RepositoryPolicyText": "", "RepositoryPolicyText": {}}'
        file.write_text(f'{{"resourceId": "a", "configuration": {duplicate}}}', encoding="utf-8")
        (row,) = evaluate_file(str(file))
        assert row.compliance == "NON_COMPLIANT"

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("{", "item.json: not JSON: "),
            ("", "item.json: not JSON: "),
            ("[" * 100_000, "item.json: nested deeper than 100 levels"),
            ("[]", "item.json: contains no configuration item (accepted: a configuration item, "),
            ("7", "item.json: element 0: 7 is not a configuration item, "),
            ('[{"resourceId": "a"}, {}]', "item.json: element 1: has neither resourceId nor configuration"),
            ('{"invokingEvent": "{"}', "item.json: element 0: invokingEvent: not JSON"),
            (
                '{"invokingEvent": "{\\"messageType\\": \\"ScheduledNotification\\"}"}',
                "item.json: element 0: ScheduledNotification contains no configuration item",
            ),
            (
                json.dumps({**EVENT, "ruleParameters": '{"x": "y"}'}),
                "item.json: element 0: 'x' is not a rule parameter",
            ),
        ],
        ids=[
            "truncated",
            "empty file",
            "deep nesting",
            "empty list",
            "number",
            "empty element",
            "truncated event",
            "scheduled event",
            "unknown parameter",
        ],
    )
    def test_unusable_file_exits_with_2_and_names_the_element(
        self,
        tmp_path: Path,
        text: str,
        message: str,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.chdir(tmp_path)
        Path("item.json").write_text(text, encoding="utf-8")
        assert main(["item.json"]) == 2
        output = capsys.readouterr()
        assert output.out == ""
        assert output.err.startswith(f"Not run: {message}")

    def test_missing_file_exits_with_2(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["nowhere.json"]) == 2
        assert capsys.readouterr().err == "Not run: nowhere.json: No such file or directory\n"
