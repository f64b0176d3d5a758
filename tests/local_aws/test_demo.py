"""The demo: right about each repository, and clear about a file that it cannot use."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.local_aws.demo import dozen, main, own

OPEN = json.dumps({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "ecr:*"}]})
ITEM = {
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
    "ruleParameters": json.dumps({"ExecutionRoleName": "their-role"}),
    "resultToken": "theirs",
}


def test_the_dozen() -> None:
    shown = {row.repository: row.compliance for row in dozen()}
    assert shown == {
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


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (ITEM, ["NON_COMPLIANT"]),
        ([ITEM, {**ITEM, "configuration": {**ITEM["configuration"], "RepositoryPolicyText": {}}}],  # type: ignore[dict-item]  # a mapping
         ["NON_COMPLIANT", "COMPLIANT"]),
        (EVENT, ["NON_COMPLIANT"]),
        ({**EVENT, "eventLeftScope": True}, ["NOT_APPLICABLE"]),
        ({"configurationItems": [{**ITEM, "configuration": json.dumps(ITEM["configuration"])}]}, ["NON_COMPLIANT"]),
        ({"Results": [json.dumps(ITEM)]}, ["NON_COMPLIANT"]),
        ({**ITEM, "configurationItemStatus": "ResourceDeleted"}, ["NOT_APPLICABLE"]),
        ({**ITEM, "resourceType": "AWS::S3::Bucket"}, ["NOT_APPLICABLE"]),
        ({"configuration": ITEM["configuration"]}, ["NON_COMPLIANT"]),
        ({**ITEM, "configurationItemCaptureTime": 1577836800.123}, ["NON_COMPLIANT"]),
        ({"resourceId": "team/app", "configuration": None}, ["NON_COMPLIANT"]),
    ],
)  # fmt: skip
def test_own_items(tmp_path: Path, content: Any, expected: list[str]) -> None:
    file = tmp_path / "item.json"
    file.write_text(json.dumps(content), encoding="utf-8")
    rows = own(str(file))
    assert [row.compliance for row in rows] == expected


def test_a_place_comes_from_the_arn(tmp_path: Path) -> None:
    file = tmp_path / "item.json"
    file.write_text(json.dumps(ITEM), encoding="utf-8")
    (row,) = own(str(file))
    assert (row.account, row.region, row.repository) == ("444455556666", "eu-west-1", "team/app")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "item.json: not JSON: "),
        ("", "item.json: not JSON: "),
        ("[" * 100_000, "item.json: nested deeper than 100 levels"),
        ("[]", "item.json: there is no item (accepted: a configuration item, "),
        ("7", "item.json: element 0: 7 is not a configuration item, "),
        ('[{"resourceId": "a"}, {}]', "item.json: element 1: neither resourceId nor configuration is there"),
        ('{"invokingEvent": "{"}', "item.json: element 0: invokingEvent: not JSON"),
        ('{"invokingEvent": "{\\"messageType\\": \\"ScheduledNotification\\"}"}',
         "item.json: element 0: ScheduledNotification holds no configuration item"),
        (json.dumps({**EVENT, "ruleParameters": '{"x": "y"}'}), "item.json: element 0: 'x' is not a rule parameter"),
    ],
)  # fmt: skip
def test_an_unusable_file(
    tmp_path: Path, text: str, told: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("item.json").write_text(text, encoding="utf-8")
    assert main(["item.json"]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith(f"Not run: {told}")


def test_a_key_that_stands_twice_cannot_be_judged(tmp_path: Path) -> None:
    file = tmp_path / "item.json"
    twice = '{"RepositoryName": "a", "RepositoryPolicyText": "", "RepositoryPolicyText": {}}'
    file.write_text(f'{{"resourceId": "a", "configuration": {twice}}}', encoding="utf-8")
    (row,) = own(str(file))
    assert row.compliance == "NON_COMPLIANT"


def test_a_missing_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["nowhere.json"]) == 2
    assert capsys.readouterr().err == "Not run: nowhere.json: No such file or directory\n"


def test_account_and_region_head_their_repositories_in_a_table_of_three_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    assert main([]) == 0
    _, _, heading, _, *lines = capsys.readouterr().out.splitlines()
    assert [cell.strip() for cell in heading.strip("┃").split("┃")] == ["Repository", "Compliance", "Annotation"]
    rows = [line.strip("│").split("│") for line in lines if line.startswith("│")]
    names = [name.removeprefix(" ").rstrip() for name, *_ in rows if name.strip()]
    assert names[:3] == ["111122223333/eu-west-1", "  no-policy", "  org-only"]
    assert names[4:6] == ["111122223333/us-east-1", "  team/checkout/api"]
    assert len([name for name in names if name.startswith("  ")]) == 12
    assert lines[-1] == "12 evaluations: 5 COMPLIANT, 6 NON_COMPLIANT, 1 NOT_APPLICABLE"
