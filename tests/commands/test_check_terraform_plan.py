"""Repository policies in Terraform plans and states: which resources count, and where they are."""

import json
from pathlib import Path
from typing import Any, Final

import pytest

from ecr_exposure.cli.found_policies.found_policy import Kind, NotReadError, Span
from ecr_exposure.cli.found_policies.outcome import evaluate
from ecr_exposure.cli.found_policies.unknown_values import Unknown
from ecr_exposure.cli.main import main
from tests.commands.terraform_plans import EVERYONE, ONE_ACCOUNT, block, change, configuration, plan, read, resource

ADDRESS: Final = "aws_ecr_repository_policy.app"
AFTER: Final = {"repository": "app", "policy": json.dumps(EVERYONE)}


class TestResourcesWithAPolicy:
    """The types of the AWS and the AWS Cloud Control provider."""

    @pytest.mark.parametrize(
        ("kind", "argument"),
        [
            ("aws_ecr_repository_policy", "policy"),
            ("aws_ecr_repository_creation_template", "repository_policy"),
            ("awscc_ecr_repository", "repository_policy_text"),
            ("awscc_ecr_repository_creation_template", "repository_policy"),
        ],
    )
    def test_each_type_has_its_argument(self, kind: str, argument: str) -> None:
        (found,) = read(plan(change(f"{kind}.app", {argument: json.dumps(EVERYONE)}))).policies
        assert (found.kind, found.file, found.address) == (Kind.TERRAFORM_PLAN, "plan.json", f"{kind}.app")
        assert found.policy == EVERYONE

    @pytest.mark.parametrize(
        ("kind", "argument"),
        [
            ("aws_ecr_repository_creation_template", "repository_policy"),
            ("awscc_ecr_repository", "repository_policy_text"),
            ("awscc_ecr_repository_creation_template", "repository_policy"),
        ],
    )
    def test_a_resource_without_its_optional_policy_has_none(self, kind: str, argument: str) -> None:
        assert read(plan(change(f"{kind}.app", {argument: None}))).policy is None

    def test_other_resources_are_not_reported(self) -> None:
        others = (
            change("aws_ecr_repository.app", {"name": "app"}),
            change("aws_ecr_registry_policy.this", {"policy": json.dumps(EVERYONE)}),
            change("aws_ecrpublic_repository_policy.this", {"policy": json.dumps(EVERYONE)}),
            change("data.aws_ecr_repository_policy.app", AFTER, actions=["read"]),
        )
        assert read(plan(*others)).policies == []

    def test_a_policy_that_is_not_json_stays_text(self) -> None:
        found = read(plan(change(ADDRESS, {"repository": "app", "policy": "{oops"})))
        assert found.policy == "{oops"
        assert evaluate(found.policy).verdict.problem is not None

    def test_the_name_of_the_repository_is_given(self) -> None:
        both = change(ADDRESS, AFTER), change("awscc_ecr_repository.web", {"repository_name": "web"})
        template = change("aws_ecr_repository_creation_template.all", {"prefix": "ROOT"})
        assert [each.repository for each in read(plan(*both, template)).policies] == ["app", "web", None]

    def test_a_name_that_is_known_after_apply_is_unknown(self) -> None:
        content = plan(change(ADDRESS, {"policy": json.dumps(EVERYONE)}, {"repository": True}))
        assert read(content).policies[0].repository == Unknown("aws_ecr_repository_policy.app.repository")


class TestWhatThePlanLeavesInPlace:
    """Each value of actions, https://developer.hashicorp.com/terraform/internals/json-format#change-representation."""

    @pytest.mark.parametrize(
        "actions", [["create"], ["update"], ["no-op"], ["delete", "create"], ["create", "delete"], ["create", "forget"]]
    )
    def test_a_resource_that_is_there_after_apply_counts(self, actions: list[str]) -> None:
        assert read(plan(change(ADDRESS, AFTER, actions=actions))).addresses == [ADDRESS]

    def test_a_resource_that_is_deleted_does_not_count(self) -> None:
        removed = change(ADDRESS, None, actions=["delete"])
        removed["change"]["before"] = AFTER
        assert read(plan(removed)).policies == []

    def test_a_resource_that_terraform_only_forgets_stays_and_counts(self) -> None:
        """It is no longer in the state, but still in AWS."""
        forgotten = change(ADDRESS, None, actions=["forget"])
        forgotten["change"]["before"] = AFTER
        assert read(plan(forgotten)).policy == EVERYONE

    def test_a_plan_with_its_prior_state_alone_leaves_that(self) -> None:
        root = {"resources": [{**resource(ADDRESS), "values": AFTER}]}
        prior = {"format_version": "1.0", "values": {"root_module": root}}
        only = {"format_version": "1.2", "prior_state": prior}
        assert read(json.dumps(only)).policy == EVERYONE
        assert read(json.dumps({**only, "planned_values": {"root_module": {}}})).policies == []

    def test_the_policy_after_an_update_counts(self) -> None:
        updated = change(ADDRESS, {"repository": "app", "policy": json.dumps(ONE_ACCOUNT)}, actions=["update"])
        updated["change"]["before"] = AFTER
        assert read(plan(updated)).policy == ONE_ACCOUNT

    def test_the_old_object_of_a_replacement_does_not_count(self) -> None:
        deposed = {**change(ADDRESS, AFTER, actions=["delete"]), "deposed": "0123abcd"}
        assert read(plan(change(ADDRESS, AFTER, actions=["no-op"]), deposed)).addresses == [ADDRESS]

    def test_a_change_that_is_deferred_to_a_later_run_counts(self) -> None:
        deferred = {"reason": "provider_config_unknown", "resource_change": change(ADDRESS, AFTER)}
        found = read(plan(deferred_changes=[deferred], complete=False))
        assert found.addresses == [ADDRESS]
        assert found.notes == ["plan.json: this plan is partial (complete: false): check the next plan, too"]

    def test_a_plan_that_terraform_could_not_complete_is_a_problem(self) -> None:
        found = read(plan(change(ADDRESS, AFTER), errored=True, complete=False))
        assert found.addresses == [ADDRESS]
        assert [str(each.message) for each in found.problems] == [
            "plan.json: errored: Terraform could not complete this plan, so parts can be missing"
        ]


class TestModulesAndInstances:
    """Addresses of modules, count and for_each stay as Terraform writes them."""

    def test_each_instance_is_a_policy_of_its_own(self) -> None:
        addresses = [
            "aws_ecr_repository_policy.app[0]",
            'aws_ecr_repository_policy.web["blue"]',
            'module.images["eu"].module.repository[0].aws_ecr_repository_policy.this["a.b"]',
        ]
        assert read(plan(*(change(each, AFTER) for each in addresses))).addresses == addresses

    def test_planned_values_are_read_where_a_filter_kept_nothing_else(self) -> None:
        inner = {**resource("module.a.module.b.aws_ecr_repository_policy.app"), "values": AFTER}
        b = {"address": "module.a.module.b", "resources": [inner]}
        root = {"resources": [], "child_modules": [{"address": "module.a", "child_modules": [b]}]}
        content = json.dumps({"format_version": "1.0", "planned_values": {"root_module": root}})
        assert read(content).addresses == ["module.a.module.b.aws_ecr_repository_policy.app"]

    def test_planned_values_without_the_policy_are_unknown(self) -> None:
        root = {"resources": [{**resource(ADDRESS), "values": {"repository": "app"}}]}
        content = json.dumps({"format_version": "1.0", "planned_values": {"root_module": root}})
        assert read(content).policy == Unknown("aws_ecr_repository_policy.app.policy")

    @pytest.mark.parametrize("is_null", [True, False])
    def test_planned_values_have_null_for_no_policy_and_leave_out_an_unknown_one(self, *, is_null: bool) -> None:
        address = "aws_ecr_repository_creation_template.all"
        values = {"prefix": "app", "repository_policy": None} if is_null else {"prefix": "app"}
        root = {"resources": [{**resource(address), "values": values}]}
        content = json.dumps({"format_version": "1.0", "planned_values": {"root_module": root}})
        assert read(content).policy == (None if is_null else Unknown(f"{address}.repository_policy"))


class TestSensitiveValues:
    """A mark of sensitivity hides a value from people, and not from this check."""

    def test_a_sensitive_policy_is_read(self) -> None:
        marked = change(ADDRESS, AFTER)
        marked["change"]["after_sensitive"] = {"policy": True}
        assert read(plan(marked)).policy == EVERYONE

    def test_a_sensitive_policy_that_was_removed_from_the_plan_is_unknown(self) -> None:
        address = "aws_ecr_repository_creation_template.all"
        marked = change(address, {"prefix": "ROOT", "repository_policy": None})
        marked["change"]["after_sensitive"] = {"repository_policy": True}
        assert read(plan(marked)).policy == Unknown(f"{address}.repository_policy")


class TestState:
    """The output of terraform show -json without a plan."""

    @staticmethod
    def state(**rest: Any) -> str:
        inner = {**resource("module.a.aws_ecr_repository_policy.app"), "values": AFTER}
        root = {
            "resources": [{**resource(ADDRESS), "values": {**AFTER, "registry_id": "111122223333"}, **rest}],
            "child_modules": [{"address": "module.a", "resources": [inner]}],
        }
        return json.dumps({"format_version": "1.0", "terraform_version": "1.13.5", "values": {"root_module": root}})

    def test_resources_of_all_modules_are_read(self) -> None:
        found = read(self.state())
        assert found.addresses == [ADDRESS, "module.a.aws_ecr_repository_policy.app"]
        assert [each.account for each in found.policies] == ["111122223333", None]

    def test_an_object_that_terraform_has_yet_to_delete_has_an_address_of_its_own(self) -> None:
        found = read(self.state(deposed_key="0123abcd")).policies[0]
        assert (found.address, found.span) == (f"{ADDRESS} (deposed 0123abcd)", Span(1, 1, 1, 1))

    def test_an_empty_state_has_no_policies(self) -> None:
        assert read('{"format_version":"1.0"}').policies == []
        assert read('{"format_version":"1.0","values":{}}').policies == []


class TestAccountRegionAndTags:
    """What a plan says of the repository."""

    def test_registry_id_is_the_account_and_region_the_region(self) -> None:
        content = plan(change(ADDRESS, {**AFTER, "registry_id": "111122223333", "region": "eu-central-1"}))
        (found,) = read(content).policies
        assert (found.account, found.region) == ("111122223333", "eu-central-1")

    def test_the_arn_has_both_for_the_cloud_control_provider(self) -> None:
        arn = "arn:aws:ecr:eu-west-1:111122223333:repository/app"
        (found,) = read(plan(change("awscc_ecr_repository.app", {"repository_name": "app", "arn": arn}))).policies
        assert (found.account, found.region) == ("111122223333", "eu-west-1")

    def test_the_region_of_the_provider_can_be_a_variable(self) -> None:
        code = configuration(block(ADDRESS, {"policy": {}}))
        code["provider_config"]["aws"]["expressions"] = {"region": {"references": ["var.region"]}}
        content = plan(change(ADDRESS, AFTER), configuration=code, variables={"region": {"value": "eu-north-1"}})
        assert read(content).policies[0].region == "eu-north-1"

    def test_the_caller_identity_of_the_same_provider_is_the_account(self) -> None:
        address = "data.aws_caller_identity.current"
        identity = {**resource(address), "values": {"account_id": "111122223333"}}
        other_data = {**resource("data.aws_region.current"), "values": {"name": "eu-west-1"}}
        prior = {"format_version": "1.0", "values": {"root_module": {"resources": [identity, other_data]}}}
        blocks = block(ADDRESS, {"policy": {}}), block(address), block("data.aws_region.current")
        content = plan(change(ADDRESS, AFTER), configuration=configuration(*blocks), prior_state=prior)
        assert read(content).policies[0].account == "111122223333"
        other = block(ADDRESS, {"policy": {}}, provider_config_key="aws.other"), block(address)
        content = plan(change(ADDRESS, AFTER), configuration=configuration(*other), prior_state=prior)
        assert read(content).policies[0].account is None

    def test_tags_are_those_of_the_repository_of_that_name(self) -> None:
        repository = change("aws_ecr_repository.app", {"name": "app", "tags_all": {"team": "images"}})
        untagged = change("aws_ecr_repository.app", {"name": "app", "tags_all": None})
        unknown = change("aws_ecr_repository.app", {"name": "app"}, {"tags_all": True})
        policy = change(ADDRESS, AFTER)
        assert read(plan(repository, policy)).policies[0].tags == {"team": "images"}
        assert read(plan(untagged, policy)).policies[0].tags == {}
        assert read(plan(unknown, policy)).policies[0].tags is None
        assert read(plan(policy)).policies[0].tags is None

    def test_the_cloud_control_provider_has_tags_as_a_list(self) -> None:
        after = {"repository_name": "app", "tags": [{"key": "team", "value": "images"}]}
        assert read(plan(change("awscc_ecr_repository.app", after))).policies[0].tags == {"team": "images"}
        unknown = change("awscc_ecr_repository.app", {"repository_name": "app"}, {"tags": True})
        assert read(plan(unknown)).policies[0].tags is None

    def test_tags_of_two_repositories_of_one_name_are_not_known(self) -> None:
        two = [change(f"aws_ecr_repository.{name}", {"name": "app", "tags_all": None}) for name in ("eu", "us")]
        assert read(plan(*two, change(ADDRESS, AFTER))).policies[0].tags is None


class TestPlaces:
    """A plan has no lines of source code: the place is that of the resource's address."""

    def test_in_one_line_the_column_tells_the_address_in_resource_changes(self) -> None:
        values = {"root_module": {"resources": [{**resource(ADDRESS), "values": AFTER}]}}
        start = '{"format_version":"1.2","planned_values":' + json.dumps(values) + ',"resource_changes":[{"address":'
        content = start + json.dumps(change(ADDRESS, AFTER))[len('{"address": ') :] + "]}"
        column = len(start) + 1
        assert read(content).policies[0].span == Span(1, column, 1, column + len(f'"{ADDRESS}"'))

    def test_in_a_formatted_plan_the_line_is_told(self) -> None:
        address = 'aws_ecr_repository_policy.app["a"]'
        content = json.dumps(json.loads(plan(change(address, AFTER))), indent=2)
        line = next(at for at, text in enumerate(content.splitlines(), 1) if '"address"' in text)
        written = json.dumps(address)
        column = content.splitlines()[line - 1].index(written) + 1
        assert read(content).policies[0].span == Span(line, column, line, column + len(written))


class TestContentThatIsNoPlan:
    """Each error names the file and what is accepted."""

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ("{\n,}", "plan.json:2: not JSON: Expecting property name enclosed in double quotes at column 1"),
            ("[1]", "plan.json: a list is not the output of terraform show -json, an object"),
            ('{"format_version":"2.0"}', 'format_version: "2.0" is not supported; accepted: "1.0" and every other 1.x'),
            ('{"format_version":"0.2"}', '"0.2" is not supported'),
            ('{"format_version":1.0}', "1.0 is not supported"),
            ('{"planned_values":{}}', 'format_version: missing; accepted: "1.0" and every other 1.x'),
            ('{"version":4,"lineage":"x","resources":[]}', "check the output of terraform show -json"),
            (plan(resource_changes={}), "resource_changes: an object is not a list"),
            (plan(resource_changes=[7]), "resource_changes[0]: 7 is not an object"),
            (plan(resource_changes=[{"change": None}]), "resource_changes[0].change: null is not an object"),
            (plan(resource_changes=[{"change": {}}]), "resource_changes[0].change.actions: null is not a list"),
            (plan(deferred_changes=["x"]), 'deferred_changes[0]: "x" is not an object'),
            ('{"format_version":"1.0","values":{"root_module":[]}}', "values.root_module: a list is not an object"),
            (
                '{"format_version":"1.0","values":{"root_module":{"child_modules":[{"resources":[1]}]}}}',
                "values.root_module.child_modules[0].resources[0]: 1 is not an object",
            ),
        ],
    )
    def test_the_error_names_the_place(self, content: str, message: str) -> None:
        with pytest.raises(NotReadError) as error:
            read(content)
        assert message in error.value.message
        assert error.value.message.startswith("plan.json:")

    @pytest.mark.parametrize("lines", [1, 2])
    def test_messages_of_a_run_are_not_the_plan(self, lines: int) -> None:
        message = {"@level": "info", "@message": "Terraform 1.13.5", "@module": "terraform.ui", "type": "version"}
        with pytest.raises(NotReadError, match=r"the JSON Lines of terraform plan -json .* terraform show -json FILE"):
            read("\n".join([json.dumps(message)] * lines))

    def test_nesting_without_end_is_an_error(self) -> None:
        with pytest.raises(NotReadError, match="nested too deeply"):
            read('{"a":' + "[" * 200_000)


def test_the_command_says_what_to_do_with_messages_of_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    message = {"@level": "info", "@module": "terraform.ui", "change": {"resource": {"addr": ADDRESS}}}
    Path("run.json").write_text(f"{json.dumps(message)}\n{json.dumps(message)}\n", encoding="utf-8")
    content = plan(change(ADDRESS, AFTER))
    Path("plan.json").write_text(content, encoding="utf-8")
    assert main(["check", "run.json", "plan.json"]) == 2
    output = capsys.readouterr()
    column = content.index(f'"{ADDRESS}"') + 1
    assert f"plan.json:1:{column} {ADDRESS}" in output.out
    assert "check the output of terraform show -json FILE" in " ".join((output.out + output.err).split())
