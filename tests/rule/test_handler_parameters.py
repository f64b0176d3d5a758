"""The rule parameters, end to end."""

import json
from dataclasses import replace
from typing import Final

import pytest

from ecr_exposure import EvaluationError, ParameterError
from tests.local_aws.calls import Call
from tests.local_aws.faults import Fault
from tests.rule.member_account import (
    CLOSED,
    EXPLICIT_DENY,
    EXTERNAL_ACCOUNT,
    FOR_ALL_VALUES,
    MEMBER,
    OPEN,
    ORGANIZATION_ACCOUNT,
    PULL,
    REGION,
    deployed,
)

FIRST_PAGE: Final = json.dumps({"Accounts": [{"Id": MEMBER}], "NextToken": "t1"})


def has_token(call: Call) -> bool:
    """Return whether the call asks for a page after the first."""
    return "NextToken" in call.parameters


class TestPublicAccessTest:
    """publicAccessTest."""

    @pytest.mark.parametrize(
        ("test", "policy", "compliance", "annotation"),
        [
            pytest.param(
                "reachable",
                FOR_ALL_VALUES,
                "NON_COMPLIANT",
                'Everyone can pull: in statement "Org", ForAllValues also matches when aws:PrincipalOrgID is absent, '
                "as for any account outside an organization; it allows ecr:BatchGetImage to *. "
                "Fix: ecr-exposure fix --repository team/app",
                id="reachable, ForAllValues",
            ),
            pytest.param(
                "reachable",
                EXPLICIT_DENY,
                "COMPLIANT",
                "The repository policy grants no public access.",
                id="reachable, explicit deny",
            ),
            pytest.param(
                "reachable",
                EXTERNAL_ACCOUNT,
                "COMPLIANT",
                "The repository policy grants no public access.",
                id="reachable, external account",
            ),
            pytest.param(
                "external",
                EXTERNAL_ACCOUNT,
                "NON_COMPLIANT",
                "Principals outside the zone of trust can pull: "
                "Statement[0] allows ecr:BatchGetImage to account 999988887777 with no Condition.",
                id="external, external account",
            ),
            pytest.param(
                "external",
                EXPLICIT_DENY,
                "NON_COMPLIANT",
                "Principals outside the zone of trust can pull: "
                "Statement[0] allows ecr:BatchGetImage to * with no Condition, and Statement[1] exempts "
                'aws:PrincipalOrgID "o-abcde12345", which is not in the zone of trust. '
                "Fix: ecr-exposure fix --repository team/app",
                id="external, explicit deny",
            ),
            pytest.param(
                "unconditional",
                FOR_ALL_VALUES,
                "COMPLIANT",
                "No statement grants access to everyone without a "
                'Condition. publicAccessTest=reachable finds public access: in statement "Org", '
                "ForAllValues also matches when aws:PrincipalOrgID is absent; it allows ecr:BatchGetImage to *.",
                id="unconditional, ForAllValues",
            ),
            pytest.param(
                "unconditional",
                EXPLICIT_DENY,
                "NON_COMPLIANT",
                "Everyone can pull: Statement[0] allows ecr:BatchGetImage to * "
                "with no Condition. publicAccessTest=reachable, which evaluates actions and Deny statements, finds "
                "no public access. Fix: ecr-exposure fix --repository team/app",
                id="unconditional, explicit deny",
            ),
        ],
    )
    def test_each_test_has_its_compliance_and_annotation(
        self, test: str, policy: str, compliance: str, annotation: str
    ) -> None:
        with deployed({"publicAccessTest": test}) as member:
            member.create("team/app", policy)
            member.config.deliver_change(MEMBER, REGION, "team/app")
            assert member.dashboard() == {"team/app": (compliance, annotation)}

    def test_trusted_account_is_in_the_zone_of_trust(self) -> None:
        with deployed({"publicAccessTest": "external", "trustedAccounts": "999988887777"}) as member:
            member.create("team/app", EXTERNAL_ACCOUNT)
            member.config.deliver_change(MEMBER, REGION, "team/app")
            assert member.compliances() == {"team/app": "COMPLIANT"}


class TestOrganizationAccounts:
    """Member accounts of the organization are in the zone of trust of `external`."""

    @pytest.mark.parametrize(("lists_accounts", "compliance"), [("true", "COMPLIANT"), ("", "NON_COMPLIANT")])
    def test_member_account_is_trusted_if_the_function_lists_accounts(
        self, lists_accounts: str, compliance: str
    ) -> None:
        with deployed({"publicAccessTest": "external"}, list_organization_accounts=lists_accounts) as member:
            member.create("team/app", ORGANIZATION_ACCOUNT)
            member.config.deliver_change(MEMBER, REGION, "team/app")
            member.config.deliver_scheduled(MEMBER, REGION)
            assert member.compliances() == {"team/app": compliance}
            calls = [call for call in member.organization.calls if call.operation == "ListAccounts"]
            assert len(calls) == (1 if lists_accounts else 0)

    @pytest.mark.parametrize("body", ["{}", '{"Accounts": []}', '{"Accounts": [{}]}'])
    def test_invalid_list_of_accounts_fails_and_is_not_cached(self, body: str) -> None:
        with deployed({"publicAccessTest": "external"}, list_organization_accounts="true") as member:
            member.create("team/app", ORGANIZATION_ACCOUNT)
            response = Fault("organizations", "ListAccounts", status=200, body=body)
            with member.organization.faults.inject(response), pytest.raises((EvaluationError, ParameterError)):
                member.config.deliver_change(MEMBER, REGION, "team/app")
            member.config.deliver_change(MEMBER, REGION, "team/app")
            assert member.compliances() == {"team/app": "COMPLIANT"}

    @pytest.mark.parametrize(
        "body", ["{}", '{"Accounts": [', "[]", '{"Accounts": {}}', '{"Accounts": [], "NextToken": []}']
    )
    def test_second_page_that_is_none_fails_and_is_not_cached(self, body: str) -> None:
        """Half an organization would make the other half external callers, for an hour."""
        with deployed({"publicAccessTest": "external"}, list_organization_accounts="true") as member:
            member.create("team/app", ORGANIZATION_ACCOUNT)
            first = Fault("organizations", "ListAccounts", status=200, body=FIRST_PAGE)
            second = Fault("organizations", "ListAccounts", status=200, body=body, when=has_token)
            faults = member.organization.faults
            with faults.inject(first), faults.inject(second), pytest.raises(EvaluationError, match="ListAccounts"):
                member.config.deliver_change(MEMBER, REGION, "team/app")
            member.config.deliver_change(MEMBER, REGION, "team/app")
            assert member.compliances() == {"team/app": "COMPLIANT"}

    def test_page_tokens_that_alternate_fail(self) -> None:
        with deployed({"publicAccessTest": "external"}, list_organization_accounts="true") as member:
            member.create("team/app", ORGANIZATION_ACCOUNT)
            odd = Fault("organizations", "ListAccounts", status=200, body=FIRST_PAGE, times=9)
            even = replace(
                odd, body=FIRST_PAGE.replace("t1", "t2"), when=lambda call: call.parameters.get("NextToken") == "t1"
            )
            faults = member.organization.faults
            with (
                faults.inject(odd) as injected,
                faults.inject(even),
                pytest.raises(EvaluationError, match="a page token came twice"),
            ):
                member.config.deliver_change(MEMBER, REGION, "team/app")
            assert len(injected.calls) == 2

    def test_invalid_environment_variable_fails(self) -> None:
        with deployed({"publicAccessTest": "external"}, list_organization_accounts="yes") as member:
            member.create("team/app", ORGANIZATION_ACCOUNT)
            with pytest.raises(EvaluationError, match="LIST_ORGANIZATION_ACCOUNTS: 'yes' is neither true nor false"):
                member.config.deliver_change(MEMBER, REGION, "team/app")

    def test_denied_list_of_accounts_fails(self) -> None:
        with deployed({"publicAccessTest": "external"}, list_organization_accounts="true") as member:
            member.create("team/app", ORGANIZATION_ACCOUNT)
            fault = Fault("organizations", "ListAccounts", code="AccessDeniedException")
            with member.organization.faults.inject(fault), pytest.raises(EvaluationError, match="AccessDenied"):
                member.config.deliver_change(MEMBER, REGION, "team/app")
            assert member.dashboard() == {}


class TestExcludedPublicRepositories:
    """excludedPublicRepositories: public on purpose, for pull and discover only."""

    @pytest.mark.parametrize(
        ("policy", "compliance", "message"),
        [
            (PULL, "COMPLIANT", 'Public on purpose (excludedPublicRepositories: "444455556666:public/*"). Everyone'),
            (OPEN, "NON_COMPLIANT", "Everyone can administer, delete, push and pull"),
            (PULL.replace("BatchGetImage", "UnknownAction"), "NON_COMPLIANT", "Everyone is allowed an unknown action"),
            (PULL.replace("BatchGetImage", "TagResource"), "NON_COMPLIANT", "Everyone can configure"),
            (PULL.replace("BatchGetImage", "List*"), "COMPLIANT", "Public on purpose"),
            ("{", "NON_COMPLIANT", "Cannot be evaluated"),
            (CLOSED, "COMPLIANT", "No statement"),
            (None, "COMPLIANT", "The repository has no policy"),
        ],
    )
    def test_only_pull_and_discover_are_excluded(self, policy: str | None, compliance: str, message: str) -> None:
        with deployed({"excludedPublicRepositories": "444455556666:public/*"}) as member:
            member.create("public/app", policy)
            member.config.deliver_change(MEMBER, REGION, "public/app")
            ((actual, annotation),) = member.dashboard().values()
            assert (actual, (annotation or "")[: len(message)]) == (compliance, message)

    def test_annotation_names_access_that_reachable_would_not_exclude(self) -> None:
        everything = json.loads(FOR_ALL_VALUES)["Statement"] | {"Action": "ecr:*"}
        pull = {"Sid": "Pull", "Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}
        with deployed({"excludedPublicRepositories": "public/*"}) as member:
            member.create("public/app", json.dumps({"Version": "2012-10-17", "Statement": [pull, everything]}))
            member.config.deliver_change(MEMBER, REGION, "public/app")
            ((compliance, annotation),) = member.dashboard().values()
            assert compliance == "COMPLIANT"
            assert (annotation or "").endswith(
                ' publicAccessTest=reachable finds public access: in statement "Org"; it allows ecr:* to *.'
            )

    def test_periodic_evaluation_excludes_the_same(self) -> None:
        with deployed({"excludedPublicRepositories": "public/*"}) as member:
            member.create("public/app", PULL)
            member.create("private/app", PULL)
            member.config.deliver_scheduled(MEMBER, REGION)
            assert member.compliances() == {"public/app": "COMPLIANT", "private/app": "NON_COMPLIANT"}


class TestWrongParameters:
    """Missing and wrong rule parameters."""

    @pytest.mark.parametrize(
        "parameters",
        [{"publicAccessTest": "strict"}, {"trustedAccounts": "1"}, {"unknownName": "x"}],
        ids=lambda parameters: next(iter(parameters)),
    )
    @pytest.mark.parametrize("kind", ["change", "oversized", "scheduled"])
    def test_wrong_parameter_fails_before_any_call(self, parameters: dict[str, str], kind: str) -> None:
        with deployed(parameters) as member:
            member.create("aa", OPEN)
            member.organization.calls.clear()
            deliver = getattr(member.config, f"deliver_{kind}")
            with pytest.raises(ParameterError):
                deliver(*((MEMBER, REGION) if kind == "scheduled" else (MEMBER, REGION, "aa")))
            assert member.organization.calls == []

    @pytest.mark.parametrize("text", [None, "", "{}"], ids=["absent", "empty text", "empty object"])
    def test_missing_parameters_have_their_defaults(self, text: str | None) -> None:
        with deployed() as member:
            member.create("aa", OPEN)
            event = member.change_event("aa")
            if text is None:
                del event["ruleParameters"]
            else:
                event["ruleParameters"] = text
            member.config.invoke(event, region=REGION)
            assert member.compliances() == {"aa": "NON_COMPLIANT"}
