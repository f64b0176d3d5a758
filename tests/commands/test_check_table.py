"""The table of `ecr-exposure check`: what it says about each result, and what hostile text and terminals do to it."""

import io
from typing import Any, Final

import pytest

from ecr_exposure.cli.found_policies.found_policy import Kind, Span
from ecr_exposure.cli.found_policies.unknown_values import Unknown
from ecr_exposure.cli.policy_report.checked_policy import Question, Result
from ecr_exposure.cli.policy_report.table_format import write_table
from tests.commands.checked_policies import (
    ALL,
    CLOSED,
    DEPENDS,
    EACH_RESULT,
    IN_TEMPLATE,
    PULL,
    checked,
    policy_of,
    report_of,
    written,
)

ESCAPE: Final = "\x1b"
# Of everyone, as docs/verdicts.md defines a public caller: an account of its own, from any public address.
EXAMPLE: Final = "Example request: arn:aws:iam::999999999999:role/x from 198.51.100.7 may ecr:BatchGetImage"
DENY: Final = {"Effect": "Deny", "Principal": "*", "Action": "ecr:*"}


class Terminal(io.StringIO):
    """A stream that is a terminal."""

    def isatty(self) -> bool:
        return True


def table(*policies: Any, **members: Any) -> str:
    """Return the table of a report."""
    return written(write_table, report_of(*policies, **members))


class TestPublicPolicy:
    """Where it is, what is public for whom and why, an example, and what to do."""

    def test_everything_is_said_in_this_order(self) -> None:
        assert table(checked(policy_of(PULL), **IN_TEMPLATE, address="Resources.App", cdk_path="Stack/App")) == (
            "infra/app.yaml:9:7 Resources.App (Stack/App)\n"
            '  PUBLIC: Everyone can pull: statement "AllowPull" allows ecr:BatchGetImage and '
            "ecr:GetDownloadUrlForLayer to * with no Condition.\n"
            f"  {EXAMPLE}\n"
            '  What to do: statement "AllowPull": removed\n'
            '  Who loses access: every principal to which statement "AllowPull" grants access\n'
            "                    principals of the repository's own account whose identity-based policies do not grant "
            "this access\n"
            "                    AWS services that pull images because everyone can, such as lambda, codebuild, "
            "emr-serverless, omics\n"
            "\n"
        )

    def test_second_public_statement_has_a_line_of_its_own(self) -> None:
        lines = written(write_table, EACH_RESULT).splitlines()
        assert lines[0] == "policy.json:10:5"
        assert lines[1].startswith("  PUBLIC: Everyone can administer, delete, push and pull: Statement[1] allows")
        assert lines[2].startswith('  PUBLIC: line 7: Everyone can pull: statement "AllowPull" allows')

    def test_policy_file_gets_the_command_that_closes_it(self) -> None:
        assert "  Command: ecr-exposure fix policy.json --mode remove-statements\n" in table(checked(policy_of(PULL)))

    def test_trusted_organization_limits_the_statement_to_it(self) -> None:
        question = Question(trusted_organizations=("o-exampleorg1",))
        text = table(checked(policy_of(PULL)), question=question)
        assert '  What to do: statement "AllowPull": ' in text
        assert "o-exampleorg1" in text.partition("What to do")[2].partition("\n")[0]
        assert "  Command: ecr-exposure fix policy.json --organization o-exampleorg1\n" in text

    @pytest.mark.parametrize(
        "members",
        [
            {"file": "-"},
            {"address": "arn:aws:ecr:eu-west-1:111122223333:repository/app"},
            {"kind": Kind.CONFIG_ITEM},
            {"file": "policy\n.json"},
        ],
        ids=["standard input", "one of several", "no policy file", "name with a line end"],
    )
    def test_what_is_no_policy_file_gets_no_command(self, members: dict[str, Any]) -> None:
        assert "Command" not in table(checked(policy_of(PULL), **members))

    @pytest.mark.parametrize(
        ("file", "argument"),
        [("my policy.json", "'my policy.json'"), ("-x.json", "./-x.json"), ("$(id).json", "'$(id).json'")],
    )
    def test_command_is_safe_in_a_shell(self, file: str, argument: str) -> None:
        assert f"  Command: ecr-exposure fix {argument} --mode" in table(checked(policy_of(PULL), file=file))

    def test_statement_that_a_deny_closes_has_no_example(self) -> None:
        assert "  Example request: none: a Deny statement denies" in table(checked(policy_of(PULL, DENY)))

    def test_example_is_that_of_the_test_where_it_has_one(self) -> None:
        question = Question(test="reachable")
        assert f"  {EXAMPLE}\n" in table(checked(policy_of(PULL), question=question), question=question)

    def test_named_external_principal_is_to_be_removed_or_trusted(self) -> None:
        question = Question(test="external", owner="111122223333")
        text = table(checked(policy_of(CLOSED), question=question), question=question)
        assert "  PUBLIC: Principals outside the zone of trust can pull" in text
        assert "  Example request: arn:aws:iam::444455556666:" in text
        assert "  What to do: Remove the named principals that are outside, or name their accounts" in text

    def test_reason_why_it_cannot_be_closed_so_is_said(self) -> None:
        question = Question(trusted_organizations=("o-exampleorg1",))
        malformed = {**PULL, "Principal": {"AWS": ["*", "not-a-principal"]}}
        text = table(checked(policy_of(malformed)), question=question)
        assert "  What to do: Cannot be evaluated: Statement[0].Principal" in text
        assert "Command" not in text

    def test_unknown_values_that_do_not_matter_stay_out_of_example_and_change(self) -> None:
        policy = {**policy_of({**PULL, "Sid": "A"}, DEPENDS), "Version": Unknown("!Ref Version")}
        text = table(checked(policy, **IN_TEMPLATE, address="Resources.App"))
        assert f"  {EXAMPLE}\n" in text
        assert '  What to do: statement "A": removed\n' in text

    def test_notes_of_a_policy_stand_below_it(self) -> None:
        text = table(checked(policy_of(PULL), notes=("the exception in infra/app.yaml:4 ended on 2026-01-31",)))
        assert "  Note: the exception in infra/app.yaml:4 ended on 2026-01-31\n" in text

    def test_advisories_are_notes(self) -> None:
        deleted = {"Effect": "Allow", "Principal": {"AWS": "AIDAEXAMPLE1234567890"}, "Action": "ecr:BatchGetImage"}
        assert "  Note: Statement[1]" in table(checked(policy_of(PULL, deleted), question=Question(test="reachable")))


class TestOtherResults:
    """What is unknown, invalid, excused, closed or not read."""

    def test_unknown_policy_names_the_reference_and_how_to_give_the_value(self) -> None:
        text = written(write_table, EACH_RESULT)
        assert (
            "infra/app.yaml:9:7 Resources.Depends (App/Depends)\n"
            "  UNKNOWN: Whether everyone has access depends on !Ref Principals, whose value the file does not say.\n"
            "  What to do: Give the value with --parameter NAME=VALUE or --parameters FILE.\n"
        ) in text
        assert "  UNKNOWN (warning): Whether everyone has access depends on" in text

    def test_policy_that_cannot_be_evaluated_names_the_place(self) -> None:
        assert (
            '  CANNOT BE EVALUATED: Statement[0].Effect: "allow" is neither Allow nor Deny\n'
            "  What to do: Correct the policy; until then it counts as public.\n"
        ) in written(write_table, EACH_RESULT)

    def test_excused_policy_is_shown_on_demand_only(self) -> None:
        excused = checked(policy_of(PULL), Result.PUBLIC_ON_PURPOSE, excuse='"base images", last day 2027-03-31')
        assert table(excused) == ""
        assert '  PUBLIC ON PURPOSE: "base images", last day 2027-03-31. Everyone can pull:' in table(
            excused, show_excused=True
        )

    def test_closed_policy_is_not_shown(self) -> None:
        assert table(checked(policy_of(CLOSED), Result.CLOSED)) == ""

    def test_what_was_not_read_and_notes_stand_at_the_end(self) -> None:
        assert written(write_table, EACH_RESULT).endswith(
            "\n\nNot read: broken.yaml:3: a tab cannot begin a value\n"
            "Note: module.x (registry) is not followed: check the plan\n"
        )


class TestHostileText:
    """A file cannot rewrite the report about it."""

    def test_control_characters_are_replaced_and_markup_stays_text(self) -> None:
        evil = f"{ESCAPE}[2K\r\u202e[bold red]x\x07\x9b"
        statement = {**PULL, "Sid": evil}
        text = table(
            checked(
                policy_of(statement, ALL),
                Result.PUBLIC_ON_PURPOSE,
                excuse=evil,
                notes=(evil,),
                file=evil,
                address=evil,
                cdk_path=evil,
                span=Span(1, 1, 1, 2),
            ),
            notes=(evil,),
            show_excused=True,
        )
        assert all(each.isprintable() or each == "\n" for each in text)
        assert text.count("[bold red]x") >= 7


class TestColors:
    """Only people at a terminal get them."""

    def test_terminal_gets_colors(self) -> None:
        stream = Terminal()
        write_table(EACH_RESULT, stream)
        assert f"{ESCAPE}[31m{ESCAPE}[1mPUBLIC: {ESCAPE}[0m" in stream.getvalue()

    def test_file_gets_none(self) -> None:
        assert ESCAPE not in written(write_table, EACH_RESULT)

    def test_no_color_and_its_variable_switch_them_off(self, monkeypatch: pytest.MonkeyPatch) -> None:
        stream = Terminal()
        write_table(report_of(*EACH_RESULT.policies, no_color=True), stream)
        monkeypatch.setenv("NO_COLOR", "1")
        write_table(EACH_RESULT, stream)
        assert ESCAPE not in stream.getvalue()
