"""docs/deploy.md has every parameter of the template, and the figures of its example add up."""

import json
import re
from typing import Any, Final

import pytest
from policy_sentry.querying.actions import get_action_data, get_actions_for_service

from ecr_exposure import Request, is_allowed
from ecr_exposure.parameters import PARAMETERS, RDKLIB_PARAMETERS
from tests.deployment.sam import SECURITY_HUB, TEMPLATE
from tests.documentation.pages import DEPLOY, ROOT, blocks, section, table, text_of, ticked
from tests.local_aws.templates import ResolvedTemplate, read_template

SHORT_LIST: Final = 4
WIDEST: Final = 120
LONGEST: Final = 660


def test_no_line_is_wider_than_120_characters() -> None:
    assert [line for line in text_of(DEPLOY).splitlines() if len(line) > WIDEST] == []


def test_length_is_readable() -> None:
    assert len(text_of(DEPLOY).splitlines()) <= LONGEST


def test_every_removal_names_its_region_and_asks_nothing() -> None:
    commands = re.findall(r"sam delete[^`\n]+", text_of(DEPLOY))
    assert len(commands) >= 3
    assert [each for each in commands if "--region" not in each or "--no-prompts" not in each] == []


def test_every_query_is_for_an_output_of_the_template() -> None:
    named = re.findall(r"OutputKey=='(\w+)'", text_of(DEPLOY))
    assert "ManagementAccountCommands" in named
    assert set(named) <= read_template(TEMPLATE)["Outputs"].keys()


class TestProbe:
    """The stack that shows whether AWS Config sends aws:SourceOrgID."""

    def parameters(self) -> dict[str, str]:
        """Return the parameters of its command."""
        (overrides,) = re.findall(r"--parameter-overrides (.*)$", section(DEPLOY, "First the probe"), re.MULTILINE)
        overrides = overrides.replace("ORGANIZATION_ID", "o-exampleorg1")
        return dict(override.split("=") for override in overrides.split())

    def test_its_permission_requires_the_organization(self) -> None:
        stack = ResolvedTemplate(read_template(TEMPLATE), self.parameters())
        assert stack.violations == []
        assert {"AccountRule", "OrganizationMayInvoke"} <= stack.resources.keys()
        assert "ConfigMayInvoke" not in stack.resources

    def test_without_the_organization_its_permission_is_for_the_account(self) -> None:
        parameters = {name: value for name, value in self.parameters().items() if name != "OrganizationId"}
        stack = ResolvedTemplate(read_template(TEMPLATE), parameters)
        assert "OrganizationMayInvoke" not in stack.resources
        assert stack.resources["ConfigMayInvoke"]["SourceAccount"] == "111122223333"


class TestParameterTable:
    """The table of the template's parameters."""

    def test_it_is_complete_and_has_the_defaults_of_the_template(self) -> None:
        parameters = read_template(TEMPLATE)["Parameters"]
        rows = table(section(DEPLOY, "Template parameters"))
        assert sorted(ticked(row[0])[0] for row in rows) == sorted(parameters)
        defaults = {ticked(name)[0]: "" if cell == "empty" else cell.strip("`") for name, cell, _ in rows}
        assert defaults == {name: str(each["Default"]) for name, each in parameters.items()}

    def test_it_names_every_accepted_value_of_a_short_list(self) -> None:
        parameters = read_template(TEMPLATE)["Parameters"]
        for name, default, meaning in table(section(DEPLOY, "Template parameters")):
            accepted = parameters[ticked(name)[0]].get("AllowedValues", ())
            if 0 < len(accepted) <= SHORT_LIST:
                assert set(accepted) <= {*ticked(default), *ticked(meaning)}, name

    def test_rule_parameters_come_first(self) -> None:
        names = [ticked(row[0])[0] for row in table(section(DEPLOY, "Template parameters"))]
        own = [name for name in PARAMETERS if name not in RDKLIB_PARAMETERS]
        assert names[: len(own)] == own


def policies() -> dict[str, Any]:
    """Return the page's policies and statements by Sid."""
    documents = [json.loads(text) for text in blocks(DEPLOY, "json")]
    return {each.get("Sid") or each["Statement"][0]["Sid"]: each for each in documents if "source" not in each}


class TestServiceControlPolicy:
    """The service control policy that guards the tag of exceptions."""

    KEY: Final = "dp:exclude:identity"
    ROLE: Final = "arn:aws:iam::444455556666:role/EcrExceptions"
    OTHER_ROLE: Final = "arn:aws:iam::444455556666:role/Developer"

    def statement(self) -> dict[str, Any]:
        """Return its one statement."""
        document = policies()["OnlyOneRoleExemptsRepositories"]
        (statement,) = document["Statement"]
        assert document.keys() == {"Version", "Statement"}
        assert document["Version"] == "2012-10-17"
        return dict(statement)

    def denies(self, action: str, role: str, *tag_keys: str) -> bool:
        """Return whether it denies an action on a repository that an identity-based policy would allow."""
        everything = {"Effect": "Allow", "Principal": "*", "Action": "ecr:*"}
        # A service control policy has no Principal and applies to every resource of the account.
        deny = {name: value for name, value in self.statement().items() if name != "Resource"} | {"Principal": "*"}
        context: dict[str, str | tuple[str, ...]] = {"aws:principalarn": role}
        if tag_keys:
            context["aws:tagkeys"] = tag_keys
        request = Request(principal=role, action=action, context=context)
        return not is_allowed({"Version": "2012-10-17", "Statement": [everything, deny]}, request)

    def test_it_is_a_valid_service_control_policy(self) -> None:
        """https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps_syntax.html."""
        statement = self.statement()
        assert statement.keys() == {"Sid", "Effect", "Action", "Resource", "Condition"}
        assert re.fullmatch("[A-Za-z0-9]+", statement["Sid"])
        assert (statement["Effect"], statement["Resource"]) == ("Deny", "*")

    def test_its_actions_are_all_that_set_or_remove_tags_and_have_the_condition_key(self) -> None:
        passes_tags = [
            name
            for name in get_actions_for_service("ecr")
            for row in get_action_data("ecr", name.removeprefix("ecr:"))["ecr"]
            if "aws:TagKeys" in row["condition_keys"] and row["access_level"] != "Read"
        ]
        assert set(self.statement()["Action"]) == set(passes_tags) >= {"ecr:TagResource"}

    @pytest.mark.parametrize("action", ["ecr:TagResource", "ecr:UntagResource", "ecr:CreateRepository"])
    def test_only_the_role_can_set_and_remove_the_tag(self, action: str) -> None:
        assert self.denies(action, self.OTHER_ROLE, self.KEY)
        assert self.denies(action, self.OTHER_ROLE, "team", self.KEY)
        assert not self.denies(action, self.ROLE, self.KEY)

    def test_other_tags_and_other_actions_are_not_denied(self) -> None:
        assert not self.denies("ecr:TagResource", self.OTHER_ROLE, "team")
        assert not self.denies("ecr:CreateRepository", self.OTHER_ROLE)
        assert not self.denies("ecr:PutImage", self.OTHER_ROLE)


def test_topic_policy_allows_eventbridge_to_publish_without_a_condition() -> None:
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-sns-permissions."""
    statement = policies()["EventsOfTheRule"]
    assert statement.keys() == {"Sid", "Effect", "Principal", "Action", "Resource"}
    assert (statement["Effect"], statement["Action"]) == ("Allow", "sns:Publish")
    assert statement["Principal"] == {"Service": "events.amazonaws.com"}


def test_message_for_a_chat_names_all_values_of_the_event() -> None:
    """https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html."""
    (message,) = [each for text in blocks(DEPLOY, "json") if "source" in (each := json.loads(text))]
    assert (message["version"], message["source"]) == ("1.0", "custom")
    rule = ResolvedTemplate(read_template(SECURITY_HUB), {"FindingsTopicName": "t"}).resources["FindingEvents"]
    paths = rule["Targets"][0]["InputTransformer"]["InputPathsMap"]
    assert set(re.findall("<(.*?)>", message["content"]["description"])) == paths.keys()


def test_variables_of_make_exist() -> None:
    commands = re.findall(r"(?:make|preflight) [^`\n]*", text_of(DEPLOY)) + re.findall(
        r"`([A-Z_]{3,}=[^`\n]*)`", text_of(DEPLOY)
    )
    named = {name for command in commands for name in re.findall(r"(?:^| )([A-Z_]{3,})=", command)}
    assert {"REGIONS", "HUB", "ROLE", "SET", "STACK", "REGION", "DRY_RUN", "MINUTES", "ARGS"} <= named
    assert named <= set(
        re.findall(r"\$\((?:(?:if |foreach \w+,)\$\()?(\w+)\)", (ROOT / "Makefile").read_text(encoding="utf-8"))
    )


def test_table_of_symptoms_explains_its_letters() -> None:
    text = section(DEPLOY, "When something fails")
    rows = table(text)
    assert len(rows) >= 15
    used = {letter for row in rows for letter in re.findall(r"\b([A-Z])\b(?!\w)", re.sub("`[^`]*`", "", " ".join(row)))}
    assert used == set(re.findall(r"^([A-Z])\. ", text, re.MULTILINE))


def test_shapes_are_those_of_the_template() -> None:
    shapes = [ticked(row[0])[0] for row in table(section(DEPLOY, "Shapes"))]
    assert shapes == read_template(TEMPLATE)["Parameters"]["DeployAs"]["AllowedValues"]


def test_outputs_exist() -> None:
    outputs = read_template(TEMPLATE)["Outputs"].keys()
    named = re.findall(r"output\s+`(\w+)`", text_of(DEPLOY))
    assert len(named) >= 5
    assert set(named) <= outputs


def test_severity_is_the_default_of_the_security_hub_template() -> None:
    (default,) = re.findall(r"`Severity` \(default `(\w+)`\)", section(DEPLOY, "Security Hub"))
    assert default == read_template(SECURITY_HUB)["Parameters"]["Severity"]["Default"]


def test_example_of_the_costs_follows_the_formulas() -> None:
    repositories, accounts, regions, changes = 1_000, 50, 2, 2
    daily = (repositories * (changes + 30), repositories * changes + accounts * regions * 30)
    text = " ".join(section(DEPLOY, "What it costs").split())
    assert f"For {repositories:,} repositories in {accounts} accounts and {regions} Regions" in text
    assert "these are {:,} evaluations and {:,} invocations".format(*daily) in text
    assert f"and {repositories * changes:,} of each without" in text
