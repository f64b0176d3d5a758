"""The JUnit XML of `ecr-exposure check`: a test case for each policy, and text that XML forbids."""

import xml.etree.ElementTree as ET
from typing import Any

import pytest

from ecr_exposure.cli.policy_report.checked_policy import Report, Result
from ecr_exposure.cli.policy_report.junit_format import write_junit
from tests.commands.checked_policies import CLOSED, EACH_RESULT, PULL, checked, policy_of, report_of, written


def document(report: Report) -> ET.Element:
    """Return the root of the document; raises an error for text that is no XML."""
    return ET.fromstring(written(write_junit, report))  # noqa: S314 - our own output


def outcomes(report: Report) -> list[tuple[str, str, str]]:
    """Return file, name and outcome of each case."""
    return [
        (str(case.get("classname")), str(case.get("name")), case[0].tag if len(case) else "passed")
        for case in document(report).iter("testcase")
    ]


class TestCases:
    """Each policy is one, whatever its result."""

    def test_each_policy_and_each_file_that_was_not_read_is_a_case(self) -> None:
        assert outcomes(EACH_RESULT) == [
            ("policy.json", "the policy", "failure"),
            ("infra/app.yaml", "Resources.Depends", "error"),
            ("infra/app.yaml", "Resources.Closed", "passed"),
            ("infra/app.yaml", "Resources.Invalid", "failure"),
            ("infra/main.tf", "aws_ecr_repository_policy.base", "skipped"),
            ("infra/main.tf", 'aws_ecr_repository_policy.each["a"]', "skipped"),
            ("broken.yaml", "cannot be read", "error"),
        ]

    def test_root_is_testsuites_and_both_levels_count(self) -> None:
        root = document(EACH_RESULT)
        expected = {"tests": "7", "failures": "2", "errors": "2", "skipped": "2"}
        assert (root.tag, [each.tag for each in root]) == ("testsuites", ["testsuite"])
        for element in (root, root[0]):
            assert {name: element.get(name) for name in expected} == expected
        assert root[0].get("timestamp") == "2026-11-27T08:30:00"

    def test_failure_names_each_finding_with_its_place_and_what_to_do(self) -> None:
        failure = next(document(EACH_RESULT).iter("failure"))
        first, second, *rest = str(failure.text).splitlines()
        assert first.startswith("policy.json:10:5: Everyone can administer, delete, push and pull: Statement[1]")
        assert second.startswith('policy.json:7:7: Everyone can pull: statement "AllowPull"')
        assert rest == ['statement "AllowPull": removed', "Statement[1]: removed"]
        assert failure.get("type") == "public"
        assert str(failure.get("message")).endswith("+1 more")

    def test_skipped_case_says_what_excuses_it(self) -> None:
        skipped = next(document(EACH_RESULT).iter("skipped"))
        assert str(skipped.get("message")).startswith(
            'Public on purpose (comment "base images", last day 2027-03-31). Everyone can pull:'
        )

    def test_nothing_found_is_an_empty_suite(self) -> None:
        assert [each.get("tests") for each in document(report_of()).iter()] == ["0", "0"]

    def test_names_in_one_file_are_unique(self) -> None:
        policy = checked(policy_of(CLOSED), Result.CLOSED)
        other = checked(policy_of(CLOSED), Result.CLOSED, file="other.json")
        assert [name for _, name, _ in outcomes(report_of(policy, other, policy))] == [
            "the policy",
            "the policy",
            "the policy (2)",
        ]

    def test_names_are_unique_as_they_are_written(self) -> None:
        """A name can end with a number already, and characters are removed."""
        addresses = ("a", "a", "a (2)", "a\x00", "a (2)")
        policies = [checked(policy_of(CLOSED), Result.CLOSED, address=each) for each in addresses]
        names = [name for _, name, _ in outcomes(report_of(*policies))]
        assert len(set(names)) == len(addresses)


class TestText:
    """Whatever a file has in it, the document is XML."""

    @pytest.mark.parametrize("forbidden", ["\x00", "\x1b", "\x0b", "\ud800\udfff", "\ufffe", "\uffff"])
    def test_character_that_xml_forbids_is_removed(self, forbidden: str) -> None:
        members: dict[str, Any] = {"file": f"a{forbidden}b", "address": f"c{forbidden}d"}
        policy = checked(policy_of(PULL), notes=(f"e{forbidden}f",), **members)
        failure = next(document(report_of(policy)).iter("failure"))
        assert "ef" in str(failure.text).splitlines()
        assert outcomes(report_of(policy)) == [("ab", "cd", "failure")]

    def test_blanks_in_a_name_are_read_as_they_are(self) -> None:
        name = "a\n b\tc\rd"
        assert outcomes(report_of(checked(policy_of(PULL), file=name, address=name))) == [(name, name, "failure")]

    def test_markup_stays_text(self) -> None:
        evil = "\"/><!-- & ]]> '"
        policy = checked(policy_of({**PULL, "Sid": evil}), file=evil, address=evil, notes=(evil,))
        assert outcomes(report_of(policy)) == [(evil, evil, "failure")]
        assert evil in str(next(document(report_of(policy)).iter("failure")).text)
