"""``verify`` before its first change: exceptions of the rule, tags, the plan and its question."""

import json
import sys
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any, Final

import pytest

from ecr_exposure.cli.command_line import Environment
from ecr_exposure.cli.main import main
from tests.commands.deployed_rule import DeployedRule, deployed, readable
from tests.local_aws.faults import Fault
from tests.local_aws.organization import HUB, MEMBERS

TOMORROW: Final = f"{datetime.now(UTC) + timedelta(days=2):%Y-%m-%d}"
EXEMPT: Final = "Not run: the rule would not flag the temporary repository: it is public on purpose by "


class Terminal(StringIO):
    """A terminal, at which an operator types."""

    def isatty(self) -> bool:
        return True


class TestExceptions:
    """Parameters of the rule by which it would not flag the repository: nothing is created."""

    @pytest.mark.parametrize(
        ("parameters", "arguments", "source"),
        [
            ({"excludedPublicRepositories": "team/*,*verify*"}, (), 'excludedPublicRepositories: "*verify*"'),
            ({"excludedPublicRepositories": f"{HUB}:ecr-exposure-verify-????????????"}, (),
             f'excludedPublicRepositories: "{HUB}:ecr-exposure-verify-????????????"'),
            ({"excludedPublicTag": "public"}, ("--tags", "a=b,public=true"), 'tag "public"'),
            ({"excludedPublicTag": "public"}, ("--tags", f"public={TOMORROW}"), f'tag "public", last day {TOMORROW}'),
        ],
    )  # fmt: skip
    @pytest.mark.parametrize("dry_run", [(), ("--dry-run",)])
    def test_matching_exception_is_said_at_once(
        self, parameters: Mapping[str, str], arguments: tuple[str, ...], source: str, dry_run: tuple[str, ...]
    ) -> None:
        with deployed(parameters=parameters) as rule:
            status, output = rule.verify(*arguments, *dry_run)
            assert (status, rule.changes()) == (2, [])
        assert output.splitlines()[-1] == EXEMPT + source

    @pytest.mark.parametrize(
        ("parameters", "arguments"),
        [
            ({"excludedPublicRepositories": "team/*"}, ()),
            ({"excludedPublicRepositories": f"{MEMBERS[0]}:*"}, ()),
            ({"excludedPublicTag": "public"}, ()),
            ({"excludedPublicTag": "public"}, ("--tags", "public=no")),
            ({"excludedPublicTag": "public"}, ("--tags", "public=2026-01-31")),
            ({"excludedPublicTag": "ecr-exposure-verify-started"}, ()),
            ({"publicAccessTest": "reachable"}, ()),
        ],
    )
    def test_exception_for_other_repositories_is_none_for_this_one(
        self, parameters: Mapping[str, str], arguments: tuple[str, ...]
    ) -> None:
        with deployed(parameters=parameters) as rule:
            assert (rule.verify(*arguments)[0], rule.repositories()) == (0, ())

    def test_exception_of_the_members_rule_counts(self) -> None:
        with deployed(member=MEMBERS[0], parameters={"excludedPublicRepositories": f"{MEMBERS[0]}:*"}) as rule:
            status, output = rule.verify("--account", MEMBERS[0])
            assert (status, "CreateRepository" in rule.changes()) == (2, False)
        assert output.splitlines()[-1] == f'{EXEMPT}excludedPublicRepositories: "{MEMBERS[0]}:*"'

    def test_parameters_that_the_rule_refuses_are_said_at_once(self) -> None:
        with deployed(parameters={"publicAccessTest": "sometimes"}) as rule:
            status, output = rule.verify()
            assert (status, rule.changes()) == (2, [])
        assert "Not run: this version does not accept the rule's parameters, so no evaluation is expected: " in output
        assert "publicAccessTest: 'sometimes'" in output

    @pytest.mark.parametrize(
        ("body", "problem"),
        [
            ('{"ConfigRules": []}', "the response to DescribeConfigRules has no rule, so it did not come from AWS"),
            (
                '{"ConfigRules": [{"InputParameters": "{"}]}',
                "no evaluation is expected: InputParameters: '{' is not JSON",
            ),
        ],
    )
    def test_parameters_that_cannot_be_read_end_the_run(self, body: str, problem: str) -> None:
        named = Fault(
            "config", "DescribeConfigRules", status=200, body=body, request_id=True,
            when=lambda call: "ConfigRuleNames" in call.parameters,
        )  # fmt: skip
        with deployed() as rule, rule.organization.faults.inject(named):
            status, output = rule.verify()
            assert (status, rule.changes()) == (2, [])
        assert output.endswith(f"{problem}\n")


class TestTags:
    """``--tags``."""

    def test_repositories_have_the_tags_from_their_creation_on(self) -> None:
        """Both, since a tag policy applies to both."""
        with deployed() as rule:
            assert rule.verify("--tags", "CostCenter=42, Team = blue team ,Empty=,Sum=1+1=2")[0] == 0
            created = [call for call in rule.organization.calls if call.operation == "CreateRepository"]
        assert len(created) == 2
        for call in created:
            tags = {tag["Key"]: tag["Value"] for tag in call.parameters["tags"]}
            assert tags.pop("ecr-exposure-verify-started")
            assert tags == {"CostCenter": "42", "Team": "blue team", "Empty": "", "Sum": "1+1=2"}

    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            ("a", "'a' is not KEY=VALUE (letters, digits, blanks and "),
            ("a=b,", "'' is not KEY=VALUE (letters, digits, blanks and "),
            ("=b", "'=b' is not KEY=VALUE (letters, digits, blanks and "),
            ("a=b;c", "'a=b;c' is not KEY=VALUE (letters, digits, blanks and "),
            ("a\tb=c", "'a\\tb=c' is not KEY=VALUE (letters, digits, blanks and "),
            ("aws:a=b", "'aws:a=b' is not KEY=VALUE (letters, digits, blanks and "),
            (f"{'k' * 129}=b", "is not KEY=VALUE (letters, digits, blanks and "),
            (f"a={'v' * 257}", "is not KEY=VALUE (letters, digits, blanks and "),
            ("a=b,a=c", "the key 'a' is there twice"),
            ("ecr-exposure-verify-started=x", "'ecr-exposure-verify-started' is the tag that the command sets itself"),
            (
                ",".join(f"k{number}=v" for number in range(50)),
                "50 tags are more than 49, which leave room for the com",
            ),
        ],
    )
    def test_wrong_tag_is_named(self, text: str, problem: str, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(("verify", "stack", "--tags", text)) == 2
        error = capsys.readouterr().err
        assert error.startswith("Not run: Invalid value for '--tags': ")
        assert problem in error

    @pytest.mark.parametrize("code", ["AccessDeniedException", "InvalidTagParameterException"])
    def test_refused_creation_says_how_to_name_tags(self, code: str) -> None:
        """By a tag policy or a service control policy; it is the first call that changes anything."""
        refused = Fault("ecr", "CreateRepository", code=code, message="no", times=None)
        with deployed() as rule, rule.organization.faults.inject(refused):
            status, output = rule.verify()
            assert (status, rule.changes()) == (2, ["CreateRepository"])
        advice = "where a tag policy or a service control policy asks for tags, name them by --tags"
        assert output.splitlines()[-1] == f"Not verified: nothing was opened: {code}: no (CreateRepository); {advice}"


class TestQuestion:
    """Before the first change: what it does where, and the question on a terminal."""

    QUESTION = (
        "Open a temporary repository to everyone in account 111122223333, eu-west-1 for at most 30 minutes? [y/N]:"
    )

    @staticmethod
    def answered(
        rule: DeployedRule, monkeypatch: pytest.MonkeyPatch, answer: str, *arguments: str
    ) -> tuple[int, str, str]:
        """Run the command on a terminal; return exit code, standard output and standard error."""
        rule.organization.calls.clear()
        monkeypatch.setattr(sys, "stdin", Terminal(answer))
        monkeypatch.setenv("TERM", "dumb")
        with redirect_stdout(StringIO()) as output, redirect_stderr(Terminal()) as errors:
            status = main(("verify", "verify", *arguments), Environment(clock=rule.clock))
        return status, readable(output.getvalue()), readable(errors.getvalue())

    def test_yes_goes_on(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with deployed() as rule:
            status, output, errors = self.answered(rule, monkeypatch, "y\n")
            assert (status, rule.repositories()) == (0, ())
        assert errors.rstrip() == self.QUESTION
        plan, result = output.index("It makes a real finding: "), output.index("Creating and deleting NAME")
        assert plan < result

    @pytest.mark.parametrize("answer", ["n\n", "\n"])
    def test_no_changes_nothing(self, answer: str, monkeypatch: pytest.MonkeyPatch) -> None:
        with deployed() as rule:
            status, _, errors = self.answered(rule, monkeypatch, answer)
            assert (status, rule.changes()) == (2, [])
        assert errors == f"{self.QUESTION} Not run: you did not agree, so nothing was changed\n"

    @pytest.mark.parametrize("arguments", [("--yes",), ("--dry-run",)])
    def test_nothing_is_asked(self, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
        with deployed() as rule:
            status, _, errors = self.answered(rule, monkeypatch, "n\n", *arguments)
        # The progress of the status ends its line.
        assert (status, errors.strip()) == (0, "")

    def test_without_a_terminal_nothing_is_asked(self) -> None:
        with deployed() as rule:
            status, output = rule.verify()
        assert status == 0
        assert "[y/N]" not in output

    def test_end_of_the_input_interrupts(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """So does Ctrl-C at the question: click raises the same error."""
        with deployed() as rule:
            status, output, _ = self.answered(rule, monkeypatch, "")
            assert (status, rule.changes()) == (130, [])
        assert output.splitlines()[-1] == "Interrupted; this run leaves no repository."

    def test_leftovers_are_deleted_only_after_the_answer(self, monkeypatch: pytest.MonkeyPatch) -> None:
        name = "ecr-exposure-verify-0123456789ab"
        tags = {"ecr-exposure-verify-started": "2026-01-31T12:00:00Z"}
        with deployed() as rule:
            rule.organization.create_repository(HUB, rule.region, name, "{}", tags=tags)
            status, output, _ = self.answered(rule, monkeypatch, "n\n", "--clean")
            assert (status, rule.changes(), rule.repositories()) == (2, [], (name,))
        assert "This run first deletes in account 111122223333, eu-west-1: NAME\n" in output


class TestPermissions:
    """``--permissions`` names every call."""

    @staticmethod
    def allowed(command: str = "verify") -> dict[str, Any]:
        with redirect_stdout(StringIO()) as output:
            assert main((command, "--permissions")) == 0
        statements = json.loads(output.getvalue())["Statement"]
        return {action: each["Resource"] for each in statements for action in each["Action"]}

    def test_every_call_of_a_run_is_allowed(self) -> None:
        names = {"cloudwatch-logs": "logs"}
        outputs = {"MemberRolesStackSet": "roles", "DeployedFrom": "delegated-administrator"}
        with deployed(member=MEMBERS[0], outputs=outputs) as rule:
            tags = {"ecr-exposure-verify-started": "2026-01-31T12:00:00Z"}
            rule.organization.create_repository(MEMBERS[0], rule.region, f"ecr-exposure-verify-{0:012}", tags=tags)
            assert rule.verify("--clean", "--account", MEMBERS[0])[0] == 0
            calls = {
                f"{names.get(call.service, call.service)}:{call.operation}"
                for call in rule.organization.calls
                if call.operation != "PutEvaluations"  # the function's own
            }
        assert calls <= self.allowed().keys()
        # TagResource is a permission of CreateRepository with tags; the stack has nothing of which status reads more.
        assert self.allowed().keys() - calls - self.allowed("status").keys() == {"ecr:TagResource"}
        assert self.allowed("status").keys() <= self.allowed().keys()

    def test_only_temporary_repositories_may_be_changed(self) -> None:
        allowed = self.allowed()
        changing = [name for name in allowed if name.startswith("ecr:") and name != "ecr:DescribeRepositories"]
        assert len(changing) == 7
        assert {allowed[name] for name in changing} == {"arn:*:ecr:*:*:repository/ecr-exposure-verify-*"}
