"""``verify`` before its first change: the stack, its rule, the arguments and the credentials."""

import json
from collections.abc import Mapping

import pytest

from ecr_exposure.cli.main import main
from tests.commands.deployed_rule import ACCOUNT_RULE, NAMES, ORGANIZATION_RULE, PACK, RULE, deployed
from tests.local_aws.faults import Fault


class TestRule:
    """The one rule of the deployment in this account."""

    @pytest.mark.parametrize(
        ("deployed_as", "rules", "problem"),
        [
            pytest.param(
                PACK,
                (),
                "no rule in 111122223333, eu-west-1 is named 'ecr-repository-no-public-access-conformance-pack-…'; "
                "none of the 0 rules there contains this name",
                id="no rule at all",
            ),
            pytest.param(
                PACK,
                (NAMES[ORGANIZATION_RULE],),
                "no rule in 111122223333, eu-west-1 is named 'ecr-repository-no-public-access-conformance-pack-…'; "
                "similar: OrgConfigRule-ecr-repository-no-public-access-abcd1234",
                id="another shape",
            ),
            pytest.param(
                ACCOUNT_RULE,
                (f"{RULE}-2",),
                "no rule in 111122223333, eu-west-1 is named 'ecr-repository-no-public-access'; "
                "similar: ecr-repository-no-public-access-2",
                id="an account rule matches exactly",
            ),
            pytest.param(
                ORGANIZATION_RULE,
                (f"OrgConfigRule-{RULE}-1", f"OrgConfigRule-{RULE}-2"),
                "2 rules in 111122223333, eu-west-1 are named 'OrgConfigRule-ecr-repository-no-public-access-…': "
                "OrgConfigRule-ecr-repository-no-public-access-1, OrgConfigRule-ecr-repository-no-public-access-2",
                id="several",
            ),
            pytest.param(
                PACK,
                tuple(f"{RULE}-conformance-pack-{number}" for number in range(7)),
                "7 rules in 111122223333, eu-west-1 are named 'ecr-repository-no-public-access-conformance-pack-…': "
                "ecr-repository-no-public-access-conformance-pack-0, "
                "ecr-repository-no-public-access-conformance-pack-1, "
                "ecr-repository-no-public-access-conformance-pack-2, "
                "ecr-repository-no-public-access-conformance-pack-3, "
                "ecr-repository-no-public-access-conformance-pack-4 and 2 more",
                id="many",
            ),
        ],
    )
    def test_no_single_rule_exits_with_an_error(self, deployed_as: str, rules: tuple[str, ...], problem: str) -> None:
        with deployed(deployed_as, rules=rules) as rule:
            status, output = rule.verify()
            assert (status, rule.changes()) == (2, [])
        assert output.splitlines()[-1] == f"Not run: {problem}"

    def test_rule_on_a_later_page_is_found(self) -> None:
        others = tuple(f"another-rule-{number}" for number in range(5))
        with deployed(rules=(*others, NAMES[PACK])) as rule:
            rule.services.rules_per_page = 2
            status, output = rule.verify("--dry-run")
        assert status == 0
        assert f"Rule in account 111122223333, eu-west-1: {NAMES[PACK]}\n" in output

    def test_longer_name_of_another_deployment_is_not_taken(self) -> None:
        other = "OrgConfigRule-ecr-repository-no-public-access-two-abcd1234"
        with deployed(ORGANIZATION_RULE, rules=(other, NAMES[ORGANIZATION_RULE])) as rule:
            status, output = rule.verify("--dry-run")
        assert status == 0
        assert f"Rule in account 111122223333, eu-west-1: {NAMES[ORGANIZATION_RULE]}\n" in output

    @pytest.mark.parametrize(
        ("state", "status", "last_line"),
        [
            ("DELETING_RESULTS", 0, "Dry run: nothing was created or deleted."),
            ("EVALUATING", 0, "Dry run: nothing was created or deleted."),
            (
                "DELETING",
                2,
                f"Not run: no rule in 111122223333, eu-west-1 is named '{RULE}-conformance-pack-…' but {NAMES[PACK]}, "
                "which AWS Config is deleting",
            ),
        ],
    )
    def test_rule_that_is_being_deleted_is_not_taken(self, state: str, status: int, last_line: str) -> None:
        body = json.dumps({"ConfigRules": [{"ConfigRuleName": NAMES[PACK], "ConfigRuleState": state}]})
        listing = Fault("config", "DescribeConfigRules", status=200, body=body, request_id=True)
        with deployed() as rule, rule.organization.faults.inject(listing):
            got, output = rule.verify("--dry-run")
        assert (got, output.splitlines()[-1]) == (status, last_line)


class TestStack:
    """The stack that STACK names."""

    def test_missing_stack_exits_with_an_error(self) -> None:
        with deployed() as rule:
            status, output = rule.verify(stack="nowhere")
            assert (status, rule.changes()) == (2, [])
        assert output.splitlines()[1:] == ["Not run: stack 'nowhere' does not exist in eu-west-1 of this account"]

    @pytest.mark.parametrize(
        ("outputs", "problem"),
        [
            ({"RuleName": ""}, "stack 'verify' (CREATE_COMPLETE) has no output RuleName: was it deployed from "
             "template.yaml?"),
            ({"DeployedAs": "", "LogGroupName": ""}, "has no output DeployedAs, LogGroupName: was it deployed from "
             "template.yaml?"),
            ({"DeployedAs": "moon"}, "output DeployedAs: 'moon' is unknown (accepted: organization-conformance-pack, "
             "organization-rule, account-rule)"),
        ],
    )  # fmt: skip
    def test_stack_of_another_template_exits_with_an_error(self, outputs: Mapping[str, str], problem: str) -> None:
        with deployed(outputs=outputs) as rule:
            status, output = rule.verify()
            assert (status, rule.changes()) == (2, [])
        assert output.splitlines()[1].startswith("Not run: ")
        assert output.endswith(f"{problem}\n")


class TestArguments:
    """What the operator typed, and the environment."""

    @pytest.mark.parametrize(
        ("arguments", "problem"),
        [
            ((), "Missing argument 'STACK'."),
            (("",), "Invalid value for 'STACK': the name is empty."),
            (("a", "--minutes", "0"), "Invalid value for '--minutes': 0 is not between 0 and 1440."),
            (("a", "--minutes", "nan"), "Invalid value for '--minutes': nan is not between 0 and 1440."),
            (("a", "--minutes", "x"), "Invalid value for '--minutes': 'x' is not a valid float."),
            (("a", "--expect-finding", "HUGE"), "Invalid value for '--expect-finding': 'HUGE' is not one of "),
            (
                ("a", "--region", "Ireland"),
                "Invalid value for '--region': 'Ireland' is not a Region such as eu-west-1.",
            ),
            (("a", "b"), "Got unexpected extra argument (b)."),
        ],
    )
    def test_wrong_argument_exits_with_one_line(
        self, arguments: tuple[str, ...], problem: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(("verify", *arguments)) == 2
        output = capsys.readouterr()
        assert output.out == ""
        assert output.err.startswith(f"Not run: {problem}")
        assert output.err.endswith(" See: ecr-exposure verify --help\n")
        assert output.err.count("\n") == 1

    def test_missing_credentials_exit_with_an_error(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with deployed() as rule:
            for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
                monkeypatch.delenv(name)
            status, output = rule.verify()
        assert (status, output) == (2, "Not run: no usable AWS credentials: Unable to locate credentials\n")

    @pytest.mark.parametrize("arguments", [(), ("--region", "")])
    def test_missing_region_exits_with_an_error(
        self, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with deployed() as rule:
            monkeypatch.delenv("AWS_DEFAULT_REGION")
            status, output = rule.verify(*arguments)
        assert status == 2
        assert output == "Not run: no Region: none is configured; set --region, AWS_REGION or AWS_DEFAULT_REGION\n"
