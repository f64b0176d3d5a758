"""The CSV of `ecr-exposure check`: its lines, and cells that a spreadsheet would evaluate."""

import csv
import io

import pytest

from ecr_exposure.cli.policy_report.checked_policy import Report, Result
from ecr_exposure.cli.policy_report.csv_format import COLUMNS, write_csv
from tests.commands.checked_policies import CLOSED, EACH_RESULT, PULL, checked, policy_of, report_of, written


def rows(report: Report) -> list[dict[str, str]]:
    """Return the lines as a spreadsheet reads them."""
    return list(csv.DictReader(io.StringIO(written(write_csv, report), newline="")))


class TestLines:
    """One for each finding, each other policy and each file that was not read."""

    def test_columns_are_those_of_the_page(self) -> None:
        assert written(write_csv, report_of()) == f"{','.join(COLUMNS)}\r\n"

    def test_each_finding_has_its_place_and_each_other_policy_a_line(self) -> None:
        shown = [(each["result"], each["file"], each["line"], each["address"]) for each in rows(EACH_RESULT)]
        assert shown == [
            ("public", "policy.json", "10", ""),
            ("public", "policy.json", "7", ""),
            ("unknown", "infra/app.yaml", "9", "Resources.Depends"),
            ("not public", "infra/app.yaml", "9", "Resources.Closed"),
            ("cannot be evaluated", "infra/app.yaml", "9", "Resources.Invalid"),
            ("public on purpose", "infra/main.tf", "1", "aws_ecr_repository_policy.base"),
            ("unknown", "infra/main.tf", "1", 'aws_ecr_repository_policy.each["a"]'),
            ("not read", "broken.yaml", "3", ""),
        ]

    def test_public_finding_says_who_can_do_what_and_what_to_do(self) -> None:
        (row,) = rows(report_of(checked(policy_of(PULL), notes=("one", "two"))))
        assert row == {
            "result": "public",
            "file": "policy.json",
            "line": "1",
            "column": "1",
            "address": "",
            "kind": "policy",
            "statement": "0",
            "sid": "AllowPull",
            "capabilities": "pull",
            "actions": "ecr:BatchGetImage; ecr:GetDownloadUrlForLayer",
            "message": 'Everyone can pull: statement "AllowPull" allows ecr:BatchGetImage and '
            "ecr:GetDownloadUrlForLayer to * with no Condition.",
            "excuse": "",
            "notes": "one; two",
            "what_to_do": 'statement "AllowPull": removed',
            **dict.fromkeys(("account", "region", "repository", "rule", "evaluated"), ""),
        }

    def test_excused_finding_names_what_excuses_it(self) -> None:
        row = rows(EACH_RESULT)[5]
        assert row["excuse"] == 'comment "base images", last day 2027-03-31'
        assert row["message"].startswith("Everyone can pull:")


class TestCells:
    """No cell is a formula, and none has a second line."""

    @pytest.mark.parametrize("start", ["=", "+", "-", "@", " =", "\uff1d", "\uff0b", "\uff0d", "\uff20"])
    def test_cell_that_would_be_a_formula_begins_with_an_apostrophe(self, start: str) -> None:
        policy = checked({"Statement": []}, Result.CLOSED, file=f"{start}cmd|x", address=f'{start}1","2')
        (row,) = rows(report_of(policy))
        assert (row["file"], row["address"]) == (f"'{start}cmd|x", f'\'{start}1","2')

    @pytest.mark.parametrize("start", ["\t=1", "\r=1", "\n=1"])
    def test_control_character_is_replaced(self, start: str) -> None:
        (row,) = rows(report_of(checked(policy_of(CLOSED), Result.CLOSED, file=start)))
        assert row["file"] == "\ufffd=1"
