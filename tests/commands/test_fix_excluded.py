"""``fix`` and repositories that are public on purpose, by the AWS Config rules of the account."""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from types import MappingProxyType
from typing import Final

import pytest

from ecr_exposure.handler import lambda_handler
from tests.commands.repository_to_fix import (
    CLOSED,
    HOME,
    NAME,
    ONLY_PUBLIC_TEXT,
    PUBLIC_TEXT,
    REMOVE,
    RepositoryToFix,
    repository_to_fix,
)
from tests.local_aws.config_service import ConfigService
from tests.local_aws.faults import Fault
from tests.local_aws.moto_stack_services import stack_services
from tests.local_aws.organization import HUB, MEMBERS

RULE: Final = "ecr-repository-no-public-access-conformance-pack-abc12xyz9"
TAG: Final = "dp:exclude:identity"
PUSH_TEXT: Final = json.dumps(
    {"Statement": [{"Sid": "Push", "Effect": "Allow", "Principal": "*", "Action": "ecr:PutImage"}]}
)
# Each leaves a public pull to one of the two tests.
CONDITION: Final = {"Condition": {"StringEqualsIfExists": {"aws:PrincipalOrgID": "o-exampleorg1"}}}
DENY: Final = {
    "Effect": "Deny",
    "Principal": "*",
    "Action": "ecr:*",
    "Condition": {"StringNotEquals": {"aws:PrincipalOrgID": "o-exampleorg1"}},
}
NONE: Final[Mapping[str, str]] = MappingProxyType({})


@contextmanager
def with_rules(
    *rules: Mapping[str, str], text: str = PUBLIC_TEXT, tags: Mapping[str, str] = NONE
) -> Iterator[RepositoryToFix]:
    """Create a repository, and rules with these parameters in its account; the first one is RULE."""
    with ExitStack() as stack:
        repository = stack.enter_context(repository_to_fix(text, tags=tags))
        organization = repository.organization
        stack.enter_context(stack_services(organization.config_store))
        config = ConfigService(organization, lambda_handler)
        for number, parameters in enumerate(rules):
            config.put_rule(HUB, HOME, f"{RULE}{number or ''}", parameters)
        yield repository


class TestExcluded:
    """A rule says that the repository is public on purpose."""

    @pytest.mark.parametrize("test", ["unconditional", "reachable", "external"])
    @pytest.mark.parametrize("pattern", [NAME, "team/*", f"{HUB}:team/ap?", f"other,{NAME}"])
    def test_repository_that_a_rule_names_is_not_changed(self, test: str, pattern: str) -> None:
        rule = {"publicAccessTest": test, "excludedPublicRepositories": pattern}
        with with_rules(rule) as repository:
            status, output = repository.fix("--yes")
            assert (status, repository.text, repository.changes()) == (1, PUBLIC_TEXT, [])
            assert "DescribeOrganization" not in repository.calls()
        entry = pattern.removeprefix("other,")
        assert output.splitlines()[-1] == (
            f'Not changed: the repository is public on purpose (rule {RULE}: excludedPublicRepositories: "{entry}"); '
            "--even-if-excluded closes it nevertheless"
        )
        assert "\nFinding: Everyone can pull: " in output

    @pytest.mark.parametrize(
        ("value", "what"),
        [("true", ""), ("2026-01-31", ", last day 2026-01-31"), ("2099-12-31", ", last day 2099-12-31")],
    )
    def test_repository_with_the_tag_is_not_changed(self, value: str, what: str) -> None:
        """The clock stands on 2026-01-31: the last day is inclusive."""
        rule = {"publicAccessTest": "reachable", "excludedPublicTag": TAG}
        with with_rules(rule, tags={TAG: value}) as repository:
            status, output = repository.fix("--yes")
            assert (status, repository.text) == (1, PUBLIC_TEXT)
        assert f'the repository is public on purpose (rule {RULE}: tag "{TAG}"{what}); --even' in output

    def test_push_of_a_named_account_does_not_count(self) -> None:
        """Under `external` the rule may flag it, but what the command would close is public on purpose."""
        push = {"Effect": "Allow", "Principal": {"AWS": MEMBERS[0]}, "Action": "ecr:PutImage"}
        text = json.dumps({"Statement": [*json.loads(ONLY_PUBLIC_TEXT)["Statement"], push]})
        with with_rules({"publicAccessTest": "external", "excludedPublicRepositories": NAME}, text=text) as repository:
            status, _ = repository.fix("--yes")
            assert (status, repository.text) == (1, text)

    @pytest.mark.parametrize("test", ["unconditional", "reachable", "external"])
    @pytest.mark.parametrize("closed_by", [CONDITION, DENY], ids=["condition", "deny"])
    def test_the_test_of_the_rule_does_not_matter(self, test: str, closed_by: Mapping[str, object]) -> None:
        """The command closes what `unconditional` or `reachable` finds; each policy is found by one of them."""
        pull = json.loads(ONLY_PUBLIC_TEXT)["Statement"][0]
        statements = [pull, closed_by] if "Effect" in closed_by else [pull | closed_by]
        rule = {"publicAccessTest": test, "excludedPublicRepositories": NAME}
        text = json.dumps({"Statement": statements})
        with with_rules(rule, text=text) as repository:
            status, _ = repository.fix(*REMOVE, "--yes")
            assert (status, repository.text) == (1, text)

    def test_any_of_several_rules_is_enough(self) -> None:
        rules = ({"publicAccessTest": "unconditional"}, {"excludedPublicRepositories": NAME})
        with with_rules(*rules) as repository:
            status, output = repository.fix("--yes")
            assert (status, repository.text) == (1, PUBLIC_TEXT)
        assert f"(rule {RULE}1: excluded" in output

    def test_diff_of_it_is_not_shown(self) -> None:
        with with_rules({"excludedPublicRepositories": NAME}) as repository:
            status, document = repository.document("--diff")
        assert (status, document["result"], document["diff"]) == (1, "excluded", "")
        assert document["problem"].startswith("the repository is public on purpose (rule ")

    def test_option_closes_it_nevertheless(self) -> None:
        with with_rules({"excludedPublicRepositories": NAME}) as repository:
            status, _ = repository.fix(*REMOVE, "--yes", "--even-if-excluded")
            assert (status, repository.policy) == (0, CLOSED)
            assert "DescribeConfigRules" not in repository.calls()


class TestNotExcluded:
    """The exception is not about these grants, or is none."""

    @pytest.mark.parametrize(
        "rule",
        [
            {"publicAccessTest": "unconditional"},
            {"excludedPublicRepositories": "team/other"},
            {"excludedPublicRepositories": f"444455556666:{NAME}"},
            {"excludedPublicRepositories": f"444455556666:*,222233334444:{NAME},{HUB}:team"},
            {"excludedPublicTag": TAG},
        ],
    )
    def test_other_repository_is_closed(self, rule: Mapping[str, str]) -> None:
        with with_rules(rule) as repository:
            status, _ = repository.fix(*REMOVE, "--yes")
            assert (status, repository.policy) == (0, CLOSED)

    @pytest.mark.parametrize("value", ["2026-01-30", "yes", "TRUE", ""])
    def test_tag_that_is_no_exception_is_closed(self, value: str) -> None:
        with with_rules({"excludedPublicTag": TAG}, tags={TAG: value}) as repository:
            status, _ = repository.fix(*REMOVE, "--yes")
            assert (status, repository.policy) == (0, CLOSED)

    @pytest.mark.parametrize("rule", [{"excludedPublicRepositories": NAME}, {"excludedPublicTag": TAG}])
    def test_push_is_never_excused(self, rule: Mapping[str, str]) -> None:
        with with_rules(rule, text=PUSH_TEXT, tags={TAG: "true"}) as repository:
            status, _ = repository.fix(*REMOVE, "--yes")
            assert (status, repository.text) == (0, None)

    def test_policy_that_cannot_be_evaluated_is_never_excused(self) -> None:
        text = PUSH_TEXT.replace('"Allow"', '"allow"')
        with with_rules({"excludedPublicRepositories": NAME}, text=text) as repository:
            status, document = repository.document("--yes")
            assert (status, document["result"], repository.text) == (1, "refused", text)
        assert document["problem"].startswith("Cannot be evaluated: Statement[0].Effect: ")

    def test_tags_are_not_read_where_no_rule_names_one(self) -> None:
        with with_rules({"excludedPublicRepositories": "team/other"}, tags={TAG: "true"}) as repository:
            repository.fix(*REMOVE, "--yes")
            assert "ListTagsForResource" not in repository.calls()

    def test_tags_are_not_read_where_no_tag_could_excuse_the_grants(self) -> None:
        with with_rules({"excludedPublicTag": TAG}, text=PUSH_TEXT, tags={TAG: "true"}) as repository:
            repository.fix(*REMOVE, "--yes")
            assert "ListTagsForResource" not in repository.calls()


class TestNotKnown:
    """What cannot be read is said in one line, and the command goes on."""

    def test_rules_that_cannot_be_read(self) -> None:
        refused = Fault("config", "DescribeConfigRules", code="AccessDeniedException", message="no", times=None)
        with (
            with_rules({"excludedPublicRepositories": NAME}) as repository,
            repository.organization.faults.inject(refused),
        ):
            status, output = repository.fix(*REMOVE, "--yes")
            assert (status, repository.policy) == (0, CLOSED)
        line = (
            "Whether the repository is public on purpose is not known: AccessDeniedException: no (DescribeConfigRules)"
        )
        assert line in output.splitlines()

    def test_tags_that_cannot_be_read(self) -> None:
        refused = Fault("ecr", "ListTagsForResource", code="AccessDeniedException", message="no", times=None)
        rule = {"excludedPublicTag": TAG}
        with with_rules(rule, tags={TAG: "true"}) as repository, repository.organization.faults.inject(refused):
            status, output = repository.fix(*REMOVE, "--yes")
            assert (status, repository.policy) == (0, CLOSED)
        line = "The tags of the repository could not be read: AccessDeniedException: no (ListTagsForResource)"
        assert line in output.splitlines()

    def test_tags_in_another_form(self) -> None:
        tags = json.dumps({"tags": [{"Key": TAG, "Value": "true"}, {"Key": TAG, "Value": "false"}]})
        wrong = Fault("ecr", "ListTagsForResource", status=200, body=tags, request_id=True)
        with with_rules({"excludedPublicTag": TAG}) as repository, repository.organization.faults.inject(wrong):
            status, output = repository.fix(*REMOVE, "--yes")
        assert status == 0
        assert "The tags of the repository could not be read: Amazon ECR returned another form of tags\n" in output

    @pytest.mark.parametrize(
        ("parameters", "reason"),
        [
            ({"excludedPublicRepositories": "Team"}, "excludedPublicRepositories: 'Team' is not [account:]pattern"),
            ({"excludedPublicTag": TAG, "more": "1"}, "'more' is not a rule parameter (accepted: "),
        ],
    )
    def test_rule_whose_parameters_are_invalid(self, parameters: Mapping[str, str], reason: str) -> None:
        with with_rules(parameters, {"excludedPublicRepositories": NAME}) as repository:
            status, output = repository.fix(*REMOVE, "--yes")
            assert (status, repository.text) == (1, PUBLIC_TEXT)
        assert f"Whether rule {RULE} excludes the repository is not known: {reason}" in output

    @pytest.mark.parametrize("text", ["no JSON with excludedPublicTag", '["excludedPublicTag"]'])
    def test_rule_of_somebody_else_whose_parameters_are_in_another_form(self, text: str) -> None:
        body = json.dumps({"ConfigRules": [{"ConfigRuleName": "other", "InputParameters": text}]})
        answer = Fault("config", "DescribeConfigRules", status=200, body=body, request_id=True)
        with repository_to_fix(ONLY_PUBLIC_TEXT) as repository, repository.organization.faults.inject(answer):
            status, output = repository.fix(*REMOVE, "--yes")
            assert (status, repository.text) == (0, None)
        assert "\nWhether rule other excludes the repository is not known: " in output

    def test_rule_on_the_last_of_many_pages_counts(self) -> None:
        """https://docs.aws.amazon.com/config/latest/APIReference/API_DescribeConfigRules.html: 25 rules a page."""
        others = [{"ConfigRuleName": f"other{number}", "InputParameters": "{}"} for number in range(25)]
        rule = {"ConfigRuleName": RULE, "InputParameters": json.dumps({"excludedPublicRepositories": NAME})}
        pages = [{"ConfigRules": others, "NextToken": str(number)} for number in range(9)]
        with ExitStack() as stack:
            repository = stack.enter_context(repository_to_fix(ONLY_PUBLIC_TEXT))
            for page in ({"ConfigRules": [rule]}, *pages):  # the fault that is injected last is the first response
                answer = Fault("config", "DescribeConfigRules", status=200, body=json.dumps(page), request_id=True)
                stack.enter_context(repository.organization.faults.inject(answer))
            status, output = repository.fix(*REMOVE, "--yes")
            assert (status, repository.text) == (1, ONLY_PUBLIC_TEXT)
        assert f"(rule {RULE}: excluded" in output

    def test_rule_that_is_being_deleted_does_not_count(self) -> None:
        rule = {"ConfigRuleName": RULE, "InputParameters": json.dumps({"excludedPublicRepositories": NAME})}
        body = json.dumps({"ConfigRules": [rule | {"ConfigRuleState": "DELETING"}]})
        answer = Fault("config", "DescribeConfigRules", status=200, body=body, request_id=True)
        with repository_to_fix(ONLY_PUBLIC_TEXT) as repository, repository.organization.faults.inject(answer):
            status, _ = repository.fix(*REMOVE, "--yes")
            assert (status, repository.text) == (0, None)
