"""PutEvaluations, GetComplianceDetailsByConfigRule and GetComplianceDetailsByResource of the local AWS Config."""

from typing import TYPE_CHECKING, Any, cast

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.local_aws.config_service import ConfigService
from tests.local_aws.example_rule import ABROAD, HOME, NOON, ONE, RULE, TWO, code_of, compliances
from tests.local_aws.organization import LocalOrganization

if TYPE_CHECKING:
    from mypy_boto3_config.type_defs import EvaluationTypeDef


def evaluation(name: str = "app", **changes: object) -> "EvaluationTypeDef":
    """Return an evaluation for PutEvaluations, invalid if ``changes`` say so; None removes a field."""
    item = {
        "ComplianceResourceType": "AWS::ECR::Repository",
        "ComplianceResourceId": name,
        "ComplianceType": "COMPLIANT",
        "OrderingTimestamp": NOON,
    }
    return cast("EvaluationTypeDef", {key: value for key, value in (item | changes).items() if value is not None})


class TestPutEvaluations:
    """What is stored, and what is an error."""

    @pytest.mark.parametrize(
        ("account", "region"), [pytest.param(TWO, HOME, id="account"), pytest.param(ONE, ABROAD, id="region")]
    )
    def test_result_token_is_valid_in_its_account_and_region_only(
        self, organization: LocalOrganization, config: ConfigService, account: str, region: str
    ) -> None:
        rule, *_ = config.rules(ONE, HOME)
        token = config.event(rule, "{}")["resultToken"]
        client = organization.session(account, region).client("config")
        with pytest.raises(client.exceptions.InvalidResultTokenException):
            client.put_evaluations(Evaluations=[evaluation()], ResultToken=token)
        assert config.put_evaluations[-1].refused == "InvalidResultTokenException"
        client = organization.session(ONE, HOME).client("config")
        assert client.put_evaluations(Evaluations=[evaluation()], ResultToken=token)["FailedEvaluations"] == []
        assert compliances(config) == {"app": "COMPLIANT"}
        config.delete_rule(ONE, HOME, RULE)
        with pytest.raises(client.exceptions.NoSuchConfigRuleException):
            client.put_evaluations(Evaluations=[evaluation()], ResultToken=token)

    @pytest.mark.parametrize(
        ("evaluations", "code"),
        [
            pytest.param([evaluation()] * 101, "ValidationException", id="101 evaluations"),
            pytest.param([evaluation(Annotation="x" * 257)], "ValidationException", id="257 characters"),
            pytest.param([evaluation(Annotation="")], "ValidationException", id="no character"),
            pytest.param([evaluation(ComplianceType="FINE")], "ValidationException", id="unknown type"),
            pytest.param(
                [evaluation(ComplianceType="INSUFFICIENT_DATA")],
                "InvalidParameterValueException",
                id="insufficient data",
            ),
            pytest.param([evaluation(ComplianceResourceId=None)], "ValidationException", id="no resource"),
            pytest.param([evaluation(OrderingTimestamp=None)], "ValidationException", id="no timestamp"),
        ],
    )
    def test_invalid_evaluation_fails_the_whole_call(
        self, organization: LocalOrganization, config: ConfigService, evaluations: list["EvaluationTypeDef"], code: str
    ) -> None:
        rule, *_ = config.rules(ONE, HOME)
        token = config.event(rule, "{}")["resultToken"]
        unchecked = Config(parameter_validation=False)
        client = organization.session(ONE, HOME).client("config", config=unchecked)
        with pytest.raises(ClientError) as error:
            client.put_evaluations(Evaluations=[evaluation("other"), *evaluations][-101:], ResultToken=token)
        assert code_of(error) == code
        assert compliances(config) == {}

    def test_empty_list_and_test_mode_store_nothing(
        self, organization: LocalOrganization, config: ConfigService
    ) -> None:
        rule, *_ = config.rules(ONE, HOME)
        client = organization.session(ONE, HOME).client("config")
        client.put_evaluations(Evaluations=[], ResultToken=config.event(rule, "{}")["resultToken"])
        client.put_evaluations(Evaluations=[evaluation()], ResultToken="TESTMODE", TestMode=True)
        assert [call.test_mode for call in config.put_evaluations] == [False, True]
        assert compliances(config) == {}

    def test_failed_evaluations_are_returned_and_not_stored(
        self, organization: LocalOrganization, config: ConfigService
    ) -> None:
        rule, *_ = config.rules(ONE, HOME)
        client = organization.session(ONE, HOME).client("config")
        batch = [evaluation("a"), evaluation("b", Annotation="x" * 256)]
        with organization.failing_evaluations(lambda item: item["ComplianceResourceId"] == "a"):
            for expected in (["a"], []):
                token = config.event(rule, "{}")["resultToken"]
                failed = client.put_evaluations(Evaluations=batch, ResultToken=token)["FailedEvaluations"]
                assert [item["ComplianceResourceId"] for item in failed] == expected
                assert ("a" in compliances(config)) is (not expected)
        assert len(config.put_evaluations[0].failed) == 1


class TestComplianceDetails:
    """GetComplianceDetailsByConfigRule."""

    def test_details_are_returned_in_pages(self, organization: LocalOrganization, config: ConfigService) -> None:
        rule, *_ = config.rules(ONE, HOME)
        client = organization.session(ONE, HOME).client("config")
        batch = [
            evaluation(
                f"app-{number:02}",
                ComplianceType="NON_COMPLIANT" if number % 4 else "COMPLIANT",
                Annotation="why",
            )
            for number in range(24)
        ]
        client.put_evaluations(Evaluations=batch, ResultToken=config.event(rule, "{}")["resultToken"])
        first = client.get_compliance_details_by_config_rule(ConfigRuleName=RULE, NextToken="")
        assert len(first["EvaluationResults"]) == 10
        result = first["EvaluationResults"][0]
        assert (result["ComplianceType"], result["Annotation"]) == ("COMPLIANT", "why")
        assert result["EvaluationResultIdentifier"]["OrderingTimestamp"] == NOON
        paginator = client.get_paginator("get_compliance_details_by_config_rule")
        pages = paginator.paginate(
            ConfigRuleName=RULE, ComplianceTypes=["NON_COMPLIANT"], PaginationConfig={"PageSize": 7}
        )
        assert [len(page["EvaluationResults"]) for page in pages] == [7, 7, 4]

    @pytest.mark.parametrize(
        ("query", "code"),
        [
            ({"ConfigRuleName": "unknown"}, "NoSuchConfigRuleException"),
            ({"ConfigRuleName": RULE, "NextToken": "%%%"}, "InvalidNextTokenException"),
            ({"ConfigRuleName": RULE, "Limit": 101}, "ValidationException"),
            ({"ConfigRuleName": "x" * 65}, "ValidationException"),
            (
                {"ConfigRuleName": RULE, "ComplianceTypes": ["INSUFFICIENT_DATA"]},
                "InvalidParameterValueException",
            ),
        ],
    )
    @pytest.mark.usefixtures("config")
    def test_invalid_request_is_an_error(
        self, organization: LocalOrganization, query: dict[str, Any], code: str
    ) -> None:
        client = organization.session(ONE, HOME).client("config")
        with pytest.raises(ClientError) as error:
            client.get_compliance_details_by_config_rule(**query)
        assert code_of(error) == code


class TestComplianceOfResource:
    """GetComplianceDetailsByResource."""

    def test_every_rule_has_its_evaluation_of_the_one_resource(
        self, organization: LocalOrganization, config: ConfigService
    ) -> None:
        names = [RULE, *(f"rule-{number:02}" for number in range(11))]
        for name in names[1:]:
            config.put_rule(ONE, HOME, name)
        client = organization.session(ONE, HOME).client("config")
        for rule in config.rules(ONE, HOME):
            batch = [evaluation("app"), evaluation("other")]
            client.put_evaluations(Evaluations=batch, ResultToken=config.event(rule, "{}")["resultToken"])
        paginator = client.get_paginator("get_compliance_details_by_resource")
        pages = list(paginator.paginate(ResourceType="AWS::ECR::Repository", ResourceId="app"))
        assert [len(page["EvaluationResults"]) for page in pages] == [10, 2]
        identifiers = [
            result["EvaluationResultIdentifier"]["EvaluationResultQualifier"]
            for page in pages
            for result in page["EvaluationResults"]
        ]
        assert sorted(each["ConfigRuleName"] for each in identifiers) == sorted(names)
        assert {each["ResourceId"] for each in identifiers} == {"app"}

    @pytest.mark.usefixtures("config")
    def test_unknown_resource_has_no_evaluation(self, organization: LocalOrganization) -> None:
        """AWS does not document its answer; the tests of the command inject the documented error as well."""
        client = organization.session(ONE, HOME).client("config")
        response = client.get_compliance_details_by_resource(ResourceType="AWS::ECR::Repository", ResourceId="app")
        assert response["EvaluationResults"] == []
