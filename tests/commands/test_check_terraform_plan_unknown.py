"""Policies of Terraform plans that are known only after apply: where they come from, and what still decides."""

import json
from typing import Any, Final

import pytest

from ecr_exposure.cli.found_policies.outcome import evaluate
from ecr_exposure.cli.found_policies.unknown_values import Unknown
from tests.commands.terraform_plans import EVERYONE, ONE_ACCOUNT, block, change, configuration, plan, read

ADDRESS: Final = "aws_ecr_repository_policy.app"
DOCUMENT: Final = "data.aws_iam_policy_document.pull"
JSON: Final = {"references": [f"{DOCUMENT}.json", DOCUMENT]}
ROLE: Final = {"references": ["aws_iam_role.ci.arn", "aws_iam_role.ci"]}
COMPUTED: Final = {"id": True, "json": True, "minified_json": True}


def policy_after_apply(address: str = ADDRESS, argument: str = "policy") -> dict[str, Any]:
    """Return the change of a resource whose policy is known only after apply."""
    return change(address, {"repository": "app"}, {argument: True, "id": True})


def statement(**arguments: Any) -> dict[str, Any]:
    """Return a statement block as the plan has it."""
    empty = dict.fromkeys(("effect", "sid", "not_actions", "resources", "not_resources"))
    blocks: dict[str, Any] = {"condition": [], "principals": [], "not_principals": []}
    return {**empty, **blocks, "actions": ["ecr:BatchGetImage"], **arguments}


def document(
    *statements: dict[str, Any], unknown: Any = None, address: str = DOCUMENT, **arguments: Any
) -> dict[str, Any]:
    """Return the change of a policy document that is read during apply; unknown: of its statements."""
    after = {"statement": list(statements), "version": None, "policy_id": None, **arguments}
    return change(address, after, {**COMPUTED, "statement": unknown or []}, actions=["read"])


def principals(*identifiers: str | None, kind: str = "AWS") -> dict[str, Any]:
    """Return a block of principals; None: known only after apply."""
    return {"type": kind, "identifiers": list(identifiers)}


def document_for_a_role(*, reference: object = ROLE) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a document whose only principal has this reference, and its configuration."""
    unknown = [{"principals": [{"identifiers": [True]}]}]
    written = {"type": {"constant_value": "AWS"}, "identifiers": reference}
    code = block(DOCUMENT, {"statement": [{"principals": [written]}]})
    return document(statement(principals=[principals(None)]), unknown=unknown), code


class TestReferences:
    """The configuration of a plan names what an unknown policy comes from."""

    def test_without_a_configuration_the_argument_is_named(self) -> None:
        assert read(plan(policy_after_apply())).policy == Unknown(f"{ADDRESS}.policy")

    def test_the_references_are_named_without_those_that_they_imply(self) -> None:
        code = configuration(block(ADDRESS, {"policy": {"references": [*ROLE["references"], "local.account"]}}))
        found = read(plan(policy_after_apply(), configuration=code))
        assert found.policy == Unknown("aws_iam_role.ci.arn, local.account")
        assert evaluate(found.policy).unknown == ("aws_iam_role.ci.arn, local.account",)

    def test_a_variable_of_a_module_is_followed_to_its_caller(self) -> None:
        address = 'module.a["x"].module.b.aws_ecr_repository_policy.app'
        own = block("aws_ecr_repository_policy.app", {"policy": {"references": ["var.policy"]}})
        b = {"expressions": {"policy": {"references": ["var.text"]}}, "module": {"resources": [own]}}
        a = {"expressions": {"text": ROLE}, "module": {"module_calls": {"b": b}}}
        code = configuration(module_calls={"a": a})
        assert read(plan(policy_after_apply(address), configuration=code)).policy == Unknown("aws_iam_role.ci.arn")

    def test_an_output_of_a_module_is_followed_into_it(self) -> None:
        call = {"module": {"outputs": {"policy": {"expression": ROLE}}}}
        expression = {"references": ["module.iam.policy", "module.iam"]}
        code = configuration(block(ADDRESS, {"policy": expression}), module_calls={"iam": call})
        found = read(plan(policy_after_apply(), configuration=code))
        assert found.policy == Unknown("module.iam.aws_iam_role.ci.arn")

    def test_a_constant_is_named_where_there_is_nothing_else(self) -> None:
        code = configuration(
            block(ADDRESS, {"policy": {"references": ["var.create"]}}), variables={"create": {"default": True}}
        )
        assert read(plan(policy_after_apply(), configuration=code)).policy == Unknown("var.create")
        code["root_module"]["resources"] = [block(ADDRESS, {"policy": {"references": ["var.create", "local.text"]}})]
        assert read(plan(policy_after_apply(), configuration=code)).policy == Unknown("local.text")

    def test_references_in_a_circle_come_to_an_end(self) -> None:
        call: dict[str, Any] = {"expressions": {"p": {"references": ["module.a.p"]}}}
        call["module"] = {"outputs": {"p": {"expression": {"references": ["var.p"]}}}}
        code = configuration(block(ADDRESS, {"policy": {"references": ["module.a.p"]}}), module_calls={"a": call})
        assert read(plan(policy_after_apply(), configuration=code)).policy == Unknown(f"{ADDRESS}.policy")


class TestArgumentsThatAreNotGiven:
    """The provider awscc says of an argument that is not given, too, that it is known after apply."""

    ADDRESS: Final = "awscc_ecr_repository.app"

    def read(self, expressions: dict[str, Any], **rest: Any) -> Any:
        code = configuration(block(self.ADDRESS, expressions))
        return read(plan(policy_after_apply(self.ADDRESS, "repository_policy_text"), configuration=code, **rest)).policy

    def test_a_repository_without_a_policy_in_the_code_has_none(self) -> None:
        assert self.read({"repository_name": {"constant_value": "app"}}) is None

    def test_null_is_no_policy(self) -> None:
        assert self.read({"repository_policy_text": {"constant_value": None}}) is None
        expression = {"repository_policy_text": {"references": ["var.policy"]}}
        assert self.read(expression, variables={"policy": {"value": None}}) is None

    def test_a_policy_in_the_code_is_unknown(self) -> None:
        assert self.read({"repository_policy_text": ROLE}) == Unknown("aws_iam_role.ci.arn")

    @pytest.mark.parametrize(
        ("actions", "policy"), [(["update"], EVERYONE), (["no-op"], EVERYONE), (["delete", "create"], None)]
    )
    def test_an_argument_that_is_not_given_keeps_its_value(self, actions: list[str], policy: object) -> None:
        updated = policy_after_apply(self.ADDRESS, "repository_policy_text")
        updated["change"] |= {"actions": actions, "before": {"repository_policy_text": json.dumps(EVERYONE)}}
        code = configuration(block(self.ADDRESS, {"repository_name": {"constant_value": "app"}}))
        assert read(plan(updated, configuration=code)).policy == policy

    def test_a_part_of_an_object_that_is_known_after_apply_is_unknown(self) -> None:
        policy = {"Statement": [{"Effect": "Allow", "Principal": {}, "Action": "ecr:*"}]}
        unknown = {"repository_policy_text": {"Statement": [{"Principal": {"AWS": True}}]}}
        found = read(plan(change(self.ADDRESS, {"repository_policy_text": policy}, unknown))).policy
        assert evaluate(found).unknown == (f"{self.ADDRESS}.repository_policy_text.Statement[0].Principal.AWS",)

    def test_without_a_configuration_it_is_unknown(self) -> None:
        found = read(plan(policy_after_apply(self.ADDRESS, "repository_policy_text")))
        assert found.policy == Unknown(f"{self.ADDRESS}.repository_policy_text")


class TestDocumentsThatAreReadDuringApply:
    """The known parts of a data source aws_iam_policy_document decide where they can."""

    def test_a_role_of_the_same_code_is_one_named_principal(self) -> None:
        data, code = document_for_a_role()
        content = plan(data, policy_after_apply(), configuration=configuration(block(ADDRESS, {"policy": JSON}), code))
        found = read(content, owner="111122223333", region="cn-north-1").policy
        assert found["Statement"] == [
            {
                "Effect": "Allow",
                "Principal": {"AWS": "arn:aws-cn:iam::111122223333:role/ci"},
                "Action": "ecr:BatchGetImage",
            }
        ]
        for test in ("unconditional", "reachable", "external"):
            outcome = evaluate(found, test=test, owner="111122223333")
            assert (outcome.verdict.compliance, outcome.unknown) == ("COMPLIANT", ())

    @pytest.mark.parametrize(
        "references",
        [
            ["aws_iam_user.ci[0].arn", "aws_iam_user.ci[0]", "aws_iam_user.ci"],
            ["aws_iam_role.ci", "each.key"],
            ["data.aws_iam_role.ci.arn", "data.aws_iam_role.ci"],
            ["data.aws_partition.this.partition", "data.aws_caller_identity.this.account_id"],
            ["aws_iam_service_linked_role.ci.arn"],
            ["aws_organizations_account.ci.id", "aws_organizations_account.ci"],
            ["data.aws_organizations_organization.this.accounts"],
            ["data.aws_iam_roles.ci.arns"],
        ],
    )
    def test_other_references_that_name_one_principal(self, references: list[str]) -> None:
        data, code = document_for_a_role(reference={"references": references})
        content = plan(data, policy_after_apply(), configuration=configuration(block(ADDRESS, {"policy": JSON}), code))
        assert evaluate(read(content).policy, test="reachable") == evaluate(ONE_ACCOUNT, test="reachable")

    @pytest.mark.parametrize(
        "references",
        [
            ["local.principals"],
            ["aws_iam_role.ci.arn", "local.more"],
            ['aws_iam_role.ci.tags["reader"]'],
            ["data.aws_ssm_parameter.readers.value"],
        ],
    )
    def test_other_principals_are_unknown_and_named(self, references: list[str]) -> None:
        data, code = document_for_a_role(reference={"references": references})
        content = plan(data, policy_after_apply(), configuration=configuration(block(ADDRESS, {"policy": JSON}), code))
        assert evaluate(read(content).policy).unknown == (", ".join(references),)

    def test_a_role_of_another_provider_is_one_of_another_account(self) -> None:
        data, code = document_for_a_role()
        role = {**block("aws_iam_role.ci"), "provider_config_key": "aws.other"}
        blocks = configuration(block(ADDRESS, {"policy": JSON}), code, role)
        found = read(plan(data, policy_after_apply(), configuration=blocks), owner="111122223333").policy
        assert evaluate(found, test="reachable").verdict.compliance == "COMPLIANT"
        assert evaluate(found, test="external", owner="111122223333").unknown == ("aws_iam_role.ci.arn",)

    def test_a_document_that_only_waits_for_another_resource_is_known(self) -> None:
        data = document(statement(principals=[principals("*")]), unknown=[{"actions": [False], "condition": []}])
        content = plan(data, policy_after_apply(), configuration=configuration(block(ADDRESS, {"policy": JSON})))
        outcome = evaluate(read(content).policy)
        assert (outcome.verdict.compliance, outcome.unknown) == ("NON_COMPLIANT", ())

    def test_another_data_source_of_the_same_name_is_no_document(self) -> None:
        data, code = document_for_a_role()
        other = change("data.aws_iam_session_document.pull", {"statement": []}, {"json": True}, actions=["read"])
        blocks = configuration(block(ADDRESS, {"policy": JSON}), code)
        assert "Statement" in read(plan(other, data, policy_after_apply(), configuration=blocks)).policy

    def test_a_public_statement_beside_an_unknown_one_is_public(self) -> None:
        everyone = statement(principals=[principals("*", kind="*")])
        unknown = [{}, {"principals": [{"identifiers": [True]}]}]
        data = document(everyone, statement(principals=[principals(None)]), unknown=unknown)
        content = plan(data, policy_after_apply(), configuration=configuration(block(ADDRESS, {"policy": JSON})))
        outcome = evaluate(read(content).policy)
        assert (outcome.verdict.compliance, outcome.unknown) == ("NON_COMPLIANT", ())

    def test_an_unknown_value_of_a_condition_does_not_matter_where_it_names_one_organization(self) -> None:
        condition = {"test": "StringEquals", "variable": "aws:PrincipalOrgID", "values": [None]}
        data = document(
            statement(principals=[principals("*")], condition=[condition]),
            unknown=[{"condition": [{"values": [True]}]}],
        )
        content = plan(data, policy_after_apply(), configuration=configuration(block(ADDRESS, {"policy": JSON})))
        outcome = evaluate(read(content).policy, test="reachable")
        assert (outcome.verdict.compliance, outcome.unknown) == ("COMPLIANT", ())

    def test_a_dynamic_block_is_not_in_the_configuration_so_the_place_is_named(self) -> None:
        data, _ = document_for_a_role()
        content = plan(
            data, policy_after_apply(), configuration=configuration(block(ADDRESS, {"policy": JSON}), block(DOCUMENT))
        )
        place = f"{DOCUMENT}.statement[0].principals[0].identifiers[0]"
        assert evaluate(read(content).policy).unknown == (place,)

    def test_blocks_that_terraform_has_in_another_order_are_told_apart_by_their_constants(self) -> None:
        written = [
            {"type": {"constant_value": "Service"}, "identifiers": {"references": ["local.services"]}},
            {"type": {"constant_value": "AWS"}, "identifiers": ROLE},
        ]
        data = document(
            statement(principals=[principals(None), principals(None, kind="Service")]),
            unknown=[{"principals": [{"identifiers": [True]}, {"identifiers": [True]}]}],
        )
        code = configuration(
            block(ADDRESS, {"policy": JSON}), block(DOCUMENT, {"statement": [{"principals": written}]})
        )
        (found,) = read(plan(data, policy_after_apply(), configuration=code)).policy["Statement"]
        role = "arn:aws:iam::000000000000:role/ci"
        assert found["Principal"] == {"AWS": role, "Service": Unknown("local.services")}

    def test_known_principals_stay_beside_a_role(self) -> None:
        written = {"type": {"constant_value": "AWS"}, "identifiers": {"references": ["var.account", "aws_iam_role.ci"]}}
        data = document(
            statement(principals=[principals("111122223333", None)]),
            unknown=[{"principals": [{"identifiers": [False, True]}]}],
        )
        code = block(DOCUMENT, {"statement": [{"principals": [written]}]})
        content = plan(
            data,
            policy_after_apply(),
            configuration=configuration(block(ADDRESS, {"policy": JSON}), code),
            variables={"account": {"value": "111122223333"}},
        )
        (found,) = read(content).policy["Statement"]
        assert found["Principal"] == {"AWS": ["111122223333", "arn:aws:iam::000000000000:role/ci"]}

    def test_a_set_of_principals_of_unknown_length_stays_unknown(self) -> None:
        written = {"type": {"constant_value": "AWS"}, "identifiers": ROLE}
        data = document(statement(principals=[{"type": "AWS"}]), unknown=[{"principals": [{"identifiers": True}]}])
        code = block(DOCUMENT, {"statement": [{"principals": [written]}]})
        content = plan(data, policy_after_apply(), configuration=configuration(block(ADDRESS, {"policy": JSON}), code))
        assert evaluate(read(content).policy).unknown == ("aws_iam_role.ci.arn",)

    def test_unknown_blocks_and_statements_stay_unknown(self) -> None:
        code = block(DOCUMENT, {"statement": [{"principals": [{}], "effect": {"references": ["local.effect"]}}, {}]})
        unknown = [{"principals": [True], "effect": True, "actions": [False, True]}, True]
        data = document(statement(actions=["ecr:BatchGetImage", None]), unknown=unknown)
        content = plan(data, policy_after_apply(), configuration=configuration(block(ADDRESS, {"policy": JSON}), code))
        first, second = read(content).policy["Statement"]
        assert first["Principal"] == Unknown(f"{DOCUMENT}.statement[0].principals[0]")
        assert first["Effect"] == Unknown("local.effect")
        assert first["Action"] == ["ecr:BatchGetImage", Unknown(f"{DOCUMENT}.statement[0].actions[1]")]
        assert second == Unknown(f"{DOCUMENT}.statement[1]")

    def test_a_block_that_the_configuration_lacks_can_be_any_of_them(self) -> None:
        written = {"type": {"constant_value": "AWS"}, "identifiers": ROLE}
        data = document(
            statement(principals=[principals(None), principals(None)]),
            unknown=[{"principals": [{"identifiers": [True]}, {"identifiers": [True]}]}],
        )
        code = block(DOCUMENT, {"statement": [{"principals": [written]}]})
        content = plan(data, policy_after_apply(), configuration=configuration(block(ADDRESS, {"policy": JSON}), code))
        places = [f"{DOCUMENT}.statement[0].principals[{each}].identifiers[0]" for each in (0, 1)]
        assert evaluate(read(content).policy).unknown == tuple(places)

    def test_statements_that_are_all_unknown_are_one_unknown(self) -> None:
        data = change(DOCUMENT, {}, {**COMPUTED, "statement": True}, actions=["read"])
        content = plan(data, policy_after_apply(), configuration=configuration(block(ADDRESS, {"policy": JSON})))
        assert evaluate(read(content).policy).unknown == (f"{DOCUMENT}.statement",)


class TestWhichDocument:
    """A policy is read from a document only if it can come from no other."""

    @staticmethod
    def read(expression: Any, *changes: dict[str, Any], address: str = ADDRESS, **rest: Any) -> Any:
        own = block(address.rpartition("[")[0] or address, {"policy": expression})
        return read(plan(*changes, policy_after_apply(address), configuration=configuration(own, **rest))).policy

    def test_a_flag_beside_it_is_no_policy(self) -> None:
        expression = {"references": ["var.create", *JSON["references"], "var.policy"]}
        variables = {"create": {"default": True}, "policy": {"default": None}}
        data, _ = document_for_a_role()
        assert "Statement" in self.read(expression, data, variables=variables)

    def test_a_text_beside_it_can_be_the_policy(self) -> None:
        expression = {"references": ["var.policy", *JSON["references"]]}
        data, _ = document_for_a_role()
        found = self.read(expression, data, variables={"policy": {"default": "{}"}})
        assert found == Unknown(f"var.policy, {DOCUMENT}.json")

    def test_two_unknown_documents_leave_the_policy_unknown(self) -> None:
        expression = {"references": [f"{DOCUMENT}.json", "data.aws_iam_policy_document.push.json"]}
        both = document(address=DOCUMENT), document(address="data.aws_iam_policy_document.push")
        assert self.read(expression, *both) == Unknown(", ".join(expression["references"]))

    def test_a_known_document_beside_it_is_not_the_unknown_value(self) -> None:
        expression = {"references": ["data.aws_iam_policy_document.push.json", *JSON["references"]]}
        data, _ = document_for_a_role()
        assert "Statement" in self.read(expression, data)

    @pytest.mark.parametrize(
        ("references", "index", "sid"),
        [
            ([f'{DOCUMENT}["b"].json', f'{DOCUMENT}["b"]', DOCUMENT], "", "b"),
            ([DOCUMENT, "each.key"], '["a"]', "a"),
        ],
    )
    def test_the_instance_is_that_of_the_reference_or_of_the_resource(
        self, references: list[str], index: str, sid: str
    ) -> None:
        data = [document(statement(sid=each), address=f'{DOCUMENT}["{each}"]') for each in ("a", "b")]
        found = self.read({"references": references}, *data, address=f"{ADDRESS}{index}")
        assert [each["Sid"] for each in found["Statement"]] == [sid]

    def test_several_instances_without_an_index_leave_the_policy_unknown(self) -> None:
        data = [document(statement(), address=f"{DOCUMENT}[{each}]") for each in (0, 1)]
        assert self.read({"references": [DOCUMENT]}, *data) == Unknown(DOCUMENT)

    def test_a_document_in_a_module_is_that_of_its_output(self) -> None:
        call = {"module": {"outputs": {"text": {"expression": JSON}}}}
        data = document(statement(sid="Inner"), address=f"module.iam.{DOCUMENT}")
        other = document(statement(sid="Outer"))
        found = self.read({"references": ["module.iam.text", "module.iam"]}, other, data, module_calls={"iam": call})
        assert found["Statement"][0]["Sid"] == "Inner"

    def test_a_document_of_the_caller_of_a_module_is_that_of_its_variable(self) -> None:
        address = 'module.a["x"].aws_ecr_repository_policy.app'
        own = block("aws_ecr_repository_policy.app", {"policy": {"references": ["var.policy"]}})
        call = {"expressions": {"policy": JSON}, "module": {"resources": [own]}}
        data = document(statement(sid="Caller"))
        code = configuration(module_calls={"a": call})
        found = read(plan(data, policy_after_apply(address), configuration=code)).policy
        assert found["Statement"][0]["Sid"] == "Caller"


class TestOtherDocumentsInside:
    """source_policy_documents and override_policy_documents."""

    BASE: Final = "data.aws_iam_policy_document.base"
    EXPRESSION: Final = {"references": [f"{BASE}.json", BASE]}

    def read(self, *changes: dict[str, Any], code: dict[str, Any]) -> Any:
        blocks = block(ADDRESS, {"policy": JSON}), block(DOCUMENT, code)
        return read(plan(*changes, policy_after_apply(), configuration=configuration(*blocks))).policy

    @staticmethod
    def document_with(argument: str) -> dict[str, Any]:
        found = document(statement(sid="Own"))
        found["change"]["after"][argument] = [None]
        found["change"]["after_unknown"][argument] = [True]
        return found

    def test_one_that_is_read_during_apply_is_read_too(self) -> None:
        base = document(statement(sid="Base"), address=self.BASE)
        code = {"source_policy_documents": self.EXPRESSION}
        found = self.read(base, self.document_with("source_policy_documents"), code=code)
        assert [each["Sid"] for each in found["Statement"]] == ["Base", "Own"]

    def test_an_unknown_source_is_an_unknown_statement(self) -> None:
        code = {"source_policy_documents": {"references": ["local.base"]}}
        found = self.read(self.document_with("source_policy_documents"), code=code)
        assert found["Statement"][0] == Unknown("local.base")
        assert found["Statement"][1]["Sid"] == "Own"

    def test_two_unknown_sources_are_unknown_statements(self) -> None:
        base = document(statement(sid="Base"), address=self.BASE)
        data = document(statement(sid="Own"))
        data["change"]["after"]["source_policy_documents"] = [None, None]
        data["change"]["after_unknown"]["source_policy_documents"] = [True, True]
        found = self.read(base, data, code={"source_policy_documents": self.EXPRESSION})
        place = f"{DOCUMENT}.source_policy_documents"
        assert found["Statement"][:2] == [Unknown(f"{place}[0]"), Unknown(f"{place}[1]")]

    def test_an_unknown_override_can_replace_every_statement(self) -> None:
        code = {"override_policy_documents": {"references": ["local.base"]}}
        assert self.read(self.document_with("override_policy_documents"), code=code) == Unknown("local.base")

    def test_a_document_inside_itself_is_unknown(self) -> None:
        code = {"source_policy_documents": JSON}
        found = self.read(self.document_with("source_policy_documents"), code=code)
        assert found["Statement"][0] == Unknown(f"{DOCUMENT}.json")

    def test_known_texts_are_merged_by_sid(self) -> None:
        text = json.dumps({"Statement": [{"Sid": "Own", "Effect": "Deny"}, {"Sid": "Other", "Effect": "Deny"}]})
        source = document(statement(sid="Own"), source_policy_documents=[text])
        override = document(statement(sid="Own"), override_policy_documents=[text])
        assert [each["Effect"] for each in self.read(source, code={})["Statement"]] == ["Allow", "Deny"]
        assert [each["Effect"] for each in self.read(override, code={})["Statement"]] == ["Deny", "Deny"]
