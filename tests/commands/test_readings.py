"""Which unknown values decide an evaluation, element by element; labels follow from IAM's documentation.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html
"""

from typing import Any

import pytest

from ecr_exposure.cli.found_policies.outcome import Outcome, evaluate
from ecr_exposure.cli.found_policies.unknown_values import Unknown, Unreadable, joined

U, V, W = Unknown("!Ref U"), Unknown("!Ref V"), Unknown("!Ref W")
PUBLIC, CLOSED = "public", "closed"
ALLOW = {"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}
NAMED = {**ALLOW, "Principal": {"AWS": "111122223333"}}
DENY_ALL = {"Effect": "Deny", "Principal": "*", "Action": "*"}
ACCOUNT_ARN = joined(("arn:aws:iam::", U, ":root"))


def outcome(*statements: Any, test: str = "reachable") -> Outcome:
    """Evaluate a policy of these statements."""
    policy = {"Version": "2012-10-17", "Statement": list(statements)}
    return evaluate(policy, test=test, owner="999988887777", region="eu-central-1")


def answer(*statements: Any, test: str = "reachable") -> str | tuple[str, ...]:
    """Return ``public`` or ``closed`` for a certain outcome, else the references that are named."""
    found = outcome(*statements, test=test)
    if found.unknown:
        assert found.verdict.compliance == "NON_COMPLIANT"
        return found.unknown
    return CLOSED if found.verdict.compliance == "COMPLIANT" else PUBLIC


def allowed_if(**condition: Any) -> dict[str, Any]:
    """Return a statement that allows everyone under conditions; ``__`` is a colon, of which a key has one."""
    return {**ALLOW, "Condition": {operator.replace("__", ":"): block for operator, block in condition.items()}}


def denied_if(**condition: Any) -> dict[str, Any]:
    """Return a statement that denies everyone everything under conditions."""
    return {**allowed_if(**condition), "Effect": "Deny", "Action": "*"}


SIDE = [
    ({**ALLOW, "Sid": U}, PUBLIC),
    ({**NAMED, "Sid": U}, CLOSED),
    ({**ALLOW, "Sid": joined(("a", U))}, PUBLIC),
    ({**ALLOW, "Effect": U}, (U.reference,)),
    ({**NAMED, "Effect": U}, CLOSED),
    # Amazon ECR refuses a Resource; an Allow is read without it, and a Deny with "*" alone counts.
    ({**ALLOW, "Resource": U}, PUBLIC),
    ({**NAMED, "Resource": U}, CLOSED),
    ({**ALLOW, "NotResource": [U, "x"]}, PUBLIC),
]


class TestSideElements:
    """Elements that grant access to nobody."""

    @pytest.mark.parametrize(("statement", "expected"), SIDE)
    def test_value_counts_only_where_it_changes_the_answer(self, statement: Any, expected: object) -> None:
        assert answer(statement) == expected

    @pytest.mark.parametrize("element", ["Id", "Version"])
    def test_id_and_version_are_silent(self, element: str) -> None:
        for statement, flagged in ((ALLOW, "NON_COMPLIANT"), (NAMED, "COMPLIANT")):
            found = evaluate({element: U, "Statement": statement}, test="reachable")
            assert (found.verdict.compliance, found.unknown) == (flagged, ())

    def test_version_decides_whether_a_policy_variable_is_one(self) -> None:
        """Only in version 2012-10-17 is the caller's ARN compared with itself."""
        statement = allowed_if(StringEquals={"aws:PrincipalArn": "${aws:PrincipalArn}"})
        assert evaluate({"Version": U, "Statement": statement}, test="reachable").unknown == (U.reference,)

    def test_unknown_version_hides_no_other_value(self) -> None:
        found = evaluate({"Version": U, "Statement": {**ALLOW, "Principal": V}}, test="reachable")
        assert found.unknown == (V.reference,)


PRINCIPALS = [
    (U, (U.reference,)),
    ({"AWS": U}, (U.reference,)),
    ({"AWS": ["111122223333", U]}, (U.reference,)),
    ({"AWS": "111122223333", "Service": U}, (U.reference,)),
    ({"Federated": U}, (U.reference,)),
    ({"AWS": ["*", U]}, PUBLIC),
    ({"AWS": "*", "Service": U}, PUBLIC),
    # One principal, whatever the unknown part is: Amazon ECR accepts no wildcard in an ARN.
    ({"AWS": ACCOUNT_ARN}, CLOSED),
    ({"AWS": [ACCOUNT_ARN, joined(("arn:aws:iam::", V, ":role/app"))]}, CLOSED),
    ({"AWS": joined(("arn:", U, ":iam::111122223333:user/app"))}, CLOSED),
    ({"AWS": joined(("arn:aws:iam::1111", U, ":root"))}, CLOSED),
    ({"AWS": joined(("arn:aws:iam::111122223333:role/", U))}, CLOSED),
    ({"AWS": joined(("arn:aws:iam::111122223333:role/a", U, "/", V))}, CLOSED),
    ({"AWS": joined(("arn:aws:iam::111122223333:", U))}, CLOSED),
    ({"AWS": joined(("arn:aws:iam::111122223333:ro", U))}, CLOSED),
    ({"AWS": joined(("arn:aws:", U, "::111122223333:root"))}, CLOSED),
    ({"AWS": joined(("arn:aws:", U, "::111122223333:assumed-role/app/session"))}, CLOSED),
    ({"AWS": joined(("arn:aws:sts::", U, ":federated-user/app"))}, CLOSED),
    ({"Federated": joined(("arn:aws:iam::", U, ":saml-provider/idp"))}, CLOSED),
    ({"Federated": joined(("arn:aws:iam::", U, ":", V))}, CLOSED),
    ({"AWS": joined(("arn:aws:sts::", U, ":", V))}, CLOSED),
    ({"Service": joined(("lambda.", U))}, CLOSED),
    ({"Service": joined((U, ".amazonaws.com"))}, CLOSED),
    # The rest of the ARN is not known, such as *:root.
    ({"AWS": joined(("arn:aws:iam::", U))}, (U.reference,)),
    ({"AWS": joined((U, ":root"))}, (U.reference,)),
    ({"AWS": joined(("arn:aws:iam::*:role/", U))}, PUBLIC),
    ({"Service": joined(("*.", U))}, PUBLIC),
    # Values directly under the element are everyone or malformed.
    (["*", U], PUBLIC),
]


class TestPrincipals:
    """Principal and NotPrincipal."""

    @pytest.mark.parametrize(("principal", "expected"), PRINCIPALS)
    def test_principal_of_an_allow(self, principal: Any, expected: object) -> None:
        assert answer({**ALLOW, "Principal": principal}) == expected

    @pytest.mark.parametrize("principal", [[U], ["111122223333", U], ACCOUNT_ARN])
    def test_value_directly_under_the_element_is_malformed(self, principal: Any) -> None:
        found = outcome({**NAMED, "Principal": principal}, NAMED)
        assert ((found.verdict.problem or "")[:22], found.unknown) == ("Statement[0].Principal", ())

    def test_unknown_type_of_principal_is_a_problem(self) -> None:
        assert outcome({**ALLOW, "Principal": {"CanonicalUser": U}}).unknown == ()

    @pytest.mark.parametrize(
        ("excluded", "expected"),
        [
            # NotPrincipal "*" leaves nobody.
            (U, (U.reference,)),
            ({"AWS": U}, (U.reference,)),
            ({"AWS": ["111122223333", U]}, (U.reference,)),
            ({"AWS": ACCOUNT_ARN}, PUBLIC),
            ({"AWS": ["*", U]}, CLOSED),
        ],
    )
    def test_notprincipal_of_an_allow(self, excluded: Any, expected: object) -> None:
        assert answer({"Effect": "Allow", "NotPrincipal": excluded, "Action": "ecr:*"}) == expected

    @pytest.mark.parametrize(
        ("principal", "expected"),
        [
            (U, (U.reference,)),
            # One of the two can be "*", and the other one empty.
            (joined((U, V)), (U.reference, V.reference)),
            ({"AWS": U}, (U.reference,)),
            ({"AWS": ACCOUNT_ARN}, PUBLIC),
            ({"AWS": ["*", U]}, CLOSED),
        ],
    )
    def test_principal_of_a_deny(self, principal: Any, expected: object) -> None:
        assert answer(ALLOW, {**DENY_ALL, "Principal": principal}) == expected

    @pytest.mark.parametrize(("spared", "expected"), [({"AWS": U}, (U.reference,)), ({"AWS": ACCOUNT_ARN}, CLOSED)])
    def test_notprincipal_of_a_deny(self, spared: Any, expected: object) -> None:
        assert answer(ALLOW, {"Effect": "Deny", "NotPrincipal": spared, "Action": "*"}) == expected


ACTIONS = [
    # A registry action is granted by no repository policy.
    (U, (U.reference,)),
    (joined(("ecr:", U)), (U.reference,)),
    (["ecr:GetAuthorizationToken", U], (U.reference,)),
    (["ecr:BatchGetImage", U], PUBLIC),
    (joined(("s3:", U)), CLOSED),
]
DENIED_ACTIONS = [
    ({"Action": U}, (U.reference,)),
    ({"Action": joined(("ecr:Batch", U))}, (U.reference,)),
    ({"Action": joined(("ecr:Put", U))}, PUBLIC),
    ({"Action": ["ecr:*", U]}, CLOSED),
    ({"NotAction": U}, (U.reference,)),
    ({"NotAction": joined(("ecr:Put", U))}, CLOSED),
    ({"NotAction": ["ecr:BatchGetImage", U]}, PUBLIC),
]


class TestActions:
    """Action and NotAction."""

    @pytest.mark.parametrize(("action", "expected"), ACTIONS)
    def test_action_of_an_allow(self, action: Any, expected: object) -> None:
        assert answer({**ALLOW, "Action": action}) == expected

    @pytest.mark.parametrize(
        ("excluded", "expected"),
        [(U, (U.reference,)), (joined(("ecr:", U)), (U.reference,)), (joined(("s3:", U)), PUBLIC), (["*", U], CLOSED)],
    )
    def test_notaction_of_an_allow(self, excluded: Any, expected: object) -> None:
        assert answer({"Effect": "Allow", "Principal": "*", "NotAction": excluded}) == expected

    @pytest.mark.parametrize(("denied", "expected"), DENIED_ACTIONS)
    def test_actions_of_a_deny(self, denied: dict[str, Any], expected: object) -> None:
        assert answer(ALLOW, {"Effect": "Deny", "Principal": "*", **denied}) == expected


class TestResources:
    """Resource and NotResource of a Deny: it counts if its Resource is or lists "*"."""

    @pytest.mark.parametrize(
        ("resource", "expected"),
        [
            ({"Resource": U}, (U.reference,)),
            ({"Resource": ["*", U]}, CLOSED),
            ({"Resource": ["x", U]}, (U.reference,)),
            ({"NotResource": U}, PUBLIC),
        ],
    )
    def test_resource_of_a_deny(self, resource: dict[str, Any], expected: object) -> None:
        assert answer(ALLOW, {**DENY_ALL, **resource}) == expected


ORG, ACCOUNT, ARN, IP = "aws:PrincipalOrgID", "aws:PrincipalAccount", "aws:PrincipalArn", "aws:SourceIp"
NAME = (U.reference,)
ALLOWED: list[tuple[Any, object]] = [
    # A text names one organization, account, network or id, whatever it is.
    ({"StringEquals": {ORG: U}}, CLOSED),
    ({"StringEquals": {ORG: [U, V]}}, CLOSED),
    ({"StringEquals": {ORG: ["o-exampleorg1", U]}}, CLOSED),
    ({"stringequals": {"AWS:principalorgid": joined(("o-", U))}}, CLOSED),
    ({"StringEqualsIgnoreCase": {ACCOUNT: U}}, CLOSED),
    ({"StringEquals": {ARN: joined(("arn:aws:iam::", U, ":role/app"))}}, CLOSED),
    ({"StringEquals": {"aws:userid": U}}, CLOSED),
    ({"StringEquals": {"aws:SourceVpc": U}}, CLOSED),
    ({"StringEquals": {"aws:SourceVpce": U}}, CLOSED),
    ({"StringEquals": {"aws:VpceAccount": U}}, CLOSED),
    ({"StringEquals": {"aws:VpceOrgID": U}}, CLOSED),
    ({"ForAnyValue:StringEquals": {ORG: U}}, CLOSED),
    # An account outside of organizations has no such key; every request has the account.
    ({"StringEqualsIfExists": {ORG: U}}, PUBLIC),
    ({"ForAllValues:StringEquals": {ORG: U}}, PUBLIC),
    ({"StringNotEquals": {ORG: U}}, PUBLIC),
    ({"StringEqualsIfExists": {ACCOUNT: U}}, CLOSED),
    ({"ForAllValues:StringEquals": {ACCOUNT: U}}, CLOSED),
    ({"StringNotEquals": {ACCOUNT: U}}, PUBLIC),
    # Which variable it is decides: that of the caller's own organization is always equal.
    ({"StringEquals": {ORG: joined(("${aws:", U, "}"))}}, NAME),
    ({"StringEquals": {ORG: joined(("${aws:PrincipalTag/", U, "}"))}}, NAME),
    # With wildcards it can be everyone.
    ({"StringLike": {ORG: U}}, NAME),
    ({"StringLike": {ORG: joined(("o-example", U))}}, NAME),
    ({"StringLike": {ORG: ["o-exampleorg1", U]}}, NAME),
    ({"ArnLike": {ARN: joined(("arn:aws:iam::", U, ":role/app"))}}, NAME),
    ({"ArnEquals": {ARN: U}}, NAME),
    ({"StringLike": {"aws:userid": U}}, NAME),
    ({"StringLike": {ORG: ["o-*", U]}}, PUBLIC),
    # Callers without the key meet these, whatever the value is.
    ({"StringLikeIfExists": {ORG: U}}, PUBLIC),
    ({"ForAllValues:StringLike": {"aws:PrincipalOrgPaths": U}}, PUBLIC),
    ({"StringNotLike": {ORG: ["o-exampleorg1", U]}}, PUBLIC),
    ({"NotIpAddress": {IP: U}}, PUBLIC),
    ({"ArnLikeIfExists": {"aws:SourceArn": U}}, PUBLIC),
    ({"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": U}}, NAME),
    # No caller has the key, whatever the value is.
    ({"ArnLike": {"aws:SourceArn": U}}, CLOSED),
    ({"StringEquals": {"aws:SourceAccount": U}}, CLOSED),
    ({"StringLike": {"aws:SourceOrgID": [U, "o-exampleorg1"]}}, CLOSED),
    # The value decides which callers have it.
    ({"IpAddress": {IP: U}}, NAME),
    ({"IpAddress": {IP: ["203.0.113.0/24", U]}}, NAME),
    ({"IpAddress": {IP: ["0.0.0.0/0", U]}}, PUBLIC),
    ({"Bool": {"aws:SecureTransport": U}}, NAME),
    ({"Bool": {"aws:PrincipalIsAWSService": U}}, NAME),
    ({"NumericLessThan": {"aws:MultiFactorAuthAge": U}}, NAME),
    ({"DateGreaterThan": {"aws:CurrentTime": U}}, NAME),
    ({"Null": {"aws:PrincipalArn": U}}, NAME),
    ({"StringEquals": {"aws:PrincipalTag/team": U}}, NAME),
    # Beside a condition that keeps everyone out, and beside one that does not.
    ({"StringEquals": {ORG: "o-exampleorg1"}, "StringLike": {ARN: U}}, CLOSED),
    ({"StringEquals": {ORG: "o-exampleorg1", "aws:PrincipalTag/team": U}}, CLOSED),
    ({"StringLike": {ORG: "o-*"}, "StringEquals": {ACCOUNT: U}}, CLOSED),
    ({"Null": {ORG: "true"}, "StringLike": {ORG: U}}, CLOSED),
    ({"Null": {ORG: "false"}, "StringNotLike": {ORG: U}}, NAME),
    ({"Null": {ORG: ["false"]}, "StringNotLike": {ORG: U}}, NAME),
    ({"Null": {ARN.lower(): "false"}, "IpAddress": {IP: U}}, NAME),
    ({"null": {ORG.lower(): True}, "StringLike": {ORG: U}}, CLOSED),
    ({"Null": {ARN: "true"}, "IpAddress": {IP: U}}, CLOSED),
    ({"Null": {ARN: "false"}, "IpAddress": {IP: U}}, NAME),
    # A whole operator.
    ({"StringEquals": U}, NAME),
    ({"StringEquals": U, "StringLike": {ORG: "o-exampleorg1"}}, CLOSED),
    ({"Null": U}, NAME),
    (U, NAME),
]
DENIED: list[tuple[Any, object]] = [
    ({"StringNotEquals": {ORG: U}}, CLOSED),
    ({"StringNotEqualsIfExists": {ORG: [U, "o-exampleorg1"]}}, CLOSED),
    ({"StringNotEquals": {ACCOUNT: U}}, CLOSED),
    ({"StringEquals": {ORG: U}}, PUBLIC),
    ({"StringEquals": {ACCOUNT: U}}, PUBLIC),
    ({"StringNotEquals": {"aws:SourceVpce": U}}, CLOSED),
    ({"StringNotEquals": {ORG: joined(("${aws:", U, "}"))}}, NAME),
    ({"StringNotLike": {ORG: U}}, NAME),
    ({"ArnNotLike": {ARN: ["arn:aws:iam::111122223333:role/*", U]}}, NAME),
    ({"ArnNotLike": {ARN: ["arn:aws:iam::*:role/ci", U]}}, PUBLIC),
    ({"NotIpAddress": {IP: U}}, NAME),
    ({"Bool": {"aws:SecureTransport": U}}, NAME),
    # No caller has the key.
    ({"ArnLike": {"aws:SourceArn": U}}, PUBLIC),
    ({"ArnNotLike": {"aws:SourceArn": U}}, CLOSED),
    ({"StringNotLikeIfExists": {"aws:SourceAccount": U}}, CLOSED),
    ({"StringEquals": U}, NAME),
    (U, NAME),
]


class TestConditions:
    """Condition: all of it, an operator, a value, one of several."""

    @pytest.mark.parametrize(("condition", "expected"), ALLOWED)
    def test_condition_of_an_allow(self, condition: Any, expected: object) -> None:
        assert answer({**ALLOW, "Condition": condition}) == expected

    @pytest.mark.parametrize(("condition", "expected"), DENIED)
    def test_condition_of_a_deny(self, condition: Any, expected: object) -> None:
        assert answer(ALLOW, {**DENY_ALL, "Condition": condition}) == expected

    @pytest.mark.parametrize("condition", [*ALLOWED, *DENIED])
    def test_condition_of_a_named_principal_is_silent(self, condition: tuple[Any, object]) -> None:
        service = {**ALLOW, "Principal": {"Service": "lambda.amazonaws.com"}}
        assert answer({**NAMED, "Condition": condition[0]}, {**service, "Condition": condition[0]}) == CLOSED

    @pytest.mark.parametrize("condition", [*ALLOWED, *DENIED])
    def test_condition_of_a_deny_of_other_actions_is_silent(self, condition: tuple[Any, object]) -> None:
        assert answer(ALLOW, {**DENY_ALL, "Action": "ecr:PutImage", "Condition": condition[0]}) == PUBLIC

    @pytest.mark.parametrize(
        "condition",
        [
            {"StringEqual": {ORG: U}},
            {"StringLike": {ORG: U}, "StringEqual": {"a": "b"}},
            {"StringLike": {ORG: U}, "Null": None},
            {"StringLike": {ORG: U, ORG.lower(): "x"}, "Bool": {"aws:SecureTransport": "yes"}},
            {"NullIfExists": U},
        ],
    )
    def test_problem_beside_an_unknown_value_is_certain(self, condition: Any) -> None:
        for statement in (ALLOW, DENY_ALL):
            found = outcome({**statement, "Condition": condition}, ALLOW)
            assert ((found.verdict.problem or "")[:22], found.unknown) == ("Statement[0].Condition", ())


class TestStatements:
    """Whole statements, the list of them, the whole policy."""

    @pytest.mark.parametrize(
        "policy", [U, joined(("{", U)), {"Statement": U}, {"Statement": [U]}, {"Statement": [NAMED, U]}]
    )
    @pytest.mark.parametrize("test", ["unconditional", "reachable", "external"])
    def test_unknown_statement_can_grant_everything(self, policy: Any, test: str) -> None:
        assert evaluate(policy, test=test, owner="111122223333").unknown == (U.reference,)

    def test_unknown_statement_beside_a_public_one_can_deny_everything(self) -> None:
        assert answer(ALLOW, U) == NAME
        assert answer(ALLOW, U, test="unconditional") == PUBLIC

    def test_statement_that_is_public_anyway_makes_the_others_silent(self) -> None:
        assert answer(ALLOW, {**ALLOW, "Principal": U}, allowed_if(StringLike={ORG: V})) == PUBLIC

    def test_closed_policy_without_unknown_values_is_as_judged(self) -> None:
        assert answer(NAMED) == CLOSED
        assert evaluate(None, test="reachable").verdict.annotation == "The repository has no policy."

    def test_certain_grant_keeps_the_position_of_its_statement(self) -> None:
        for first in (allowed_if(StringLike={ORG: U}), {**ALLOW, "Condition": U}, denied_if(StringEquals={"a": "b"})):
            found = outcome(first, NAMED, ALLOW)
            assert ([grant.statement for grant in found.verdict.grants], found.unknown) == ([2], ())

    def test_unknown_grant_has_the_position_of_its_statement(self) -> None:
        found = outcome(NAMED, {**ALLOW, "Principal": U})
        assert [grant.statement for grant in found.verdict.grants] == [1]

    def test_policy_in_an_undocumented_form_is_a_problem(self) -> None:
        found = evaluate(Unreadable("configuration: null is not an object"), test="unconditional")
        assert (found.verdict.compliance, found.verdict.problem) == (
            "NON_COMPLIANT",
            "configuration: null is not an object",
        )


class TestReferences:
    """Which values are named: those that decide, in the order of the policy."""

    def test_each_value_that_decides_alone_is_named(self) -> None:
        first, second = {**ALLOW, "Principal": U}, allowed_if(IpAddress={IP: V})
        assert answer({**first, "Sid": W}, second) == (U.reference, V.reference)

    def test_values_that_decide_only_together_are_named_and_no_other(self) -> None:
        statement = {**allowed_if(StringLike={ORG: V}), "Principal": U}
        assert answer({**statement, "Sid": W}, {**NAMED, "Action": W}) == (U.reference, V.reference)

    def test_value_in_two_places_is_named_once(self) -> None:
        assert answer({**ALLOW, "Principal": U}, {**ALLOW, "Principal": {"AWS": ["*", U]}, "Action": U}) == NAME

    def test_value_of_a_deny_is_named_where_it_may_not_deny(self) -> None:
        assert answer(ALLOW, denied_if(StringNotLike={ORG: U}), {**NAMED, "Sid": V}) == NAME


class TestUnconditional:
    """Everyone without a Condition: actions, conditions and Deny statements are not weighed."""

    @pytest.mark.parametrize(
        ("statement", "expected"),
        [
            (ALLOW, PUBLIC),
            ({**ALLOW, "Action": U}, PUBLIC),
            ({**ALLOW, "Principal": U}, NAME),
            ({**ALLOW, "Effect": U}, NAME),
            ({**ALLOW, "Principal": {"AWS": ACCOUNT_ARN}}, CLOSED),
            ({"Effect": "Allow", "NotPrincipal": U, "Action": "ecr:*"}, CLOSED),
            # It may be no Condition at all.
            ({**ALLOW, "Condition": U}, NAME),
        ],
    )
    def test_elements(self, statement: Any, expected: object) -> None:
        assert answer(statement, {**DENY_ALL, "Condition": V, "Sid": W}, test="unconditional") == expected

    @pytest.mark.parametrize(
        "condition",
        [condition for condition, _ in (*ALLOWED, *DENIED) if condition is not U and U not in condition.values()],
    )
    def test_values_in_a_condition_are_silent(self, condition: Any) -> None:
        assert answer({**ALLOW, "Condition": condition}, test="unconditional") == CLOSED

    def test_operator_without_a_key_is_no_condition(self) -> None:
        assert answer(allowed_if(StringEquals=U, Bool={}), test="unconditional") == NAME
        assert answer(allowed_if(StringEquals=U, StringLike={ORG: V}), test="unconditional") == CLOSED


class TestExternal:
    """It matters which account or organization a value names: it can be inside the zone of trust."""

    @pytest.mark.parametrize(
        ("statement", "expected"),
        [
            ({**ALLOW, "Principal": {"AWS": "999988887777"}, "Sid": U}, CLOSED),
            ({**ALLOW, "Principal": {"AWS": ACCOUNT_ARN}}, NAME),
            ({**ALLOW, "Principal": {"AWS": ["444455556666", U]}}, PUBLIC),
            ({**ALLOW, "Principal": {"Service": joined(("lambda.", U))}}, CLOSED),
            (allowed_if(StringEquals={ORG: U}), NAME),
            (allowed_if(StringEquals={ACCOUNT: ["444455556666", U]}), PUBLIC),
            (allowed_if(StringEqualsIfExists={ORG: U}), PUBLIC),
            (allowed_if(ArnLike={"aws:SourceArn": U}), CLOSED),
        ],
    )
    def test_named_account_and_organization(self, statement: Any, expected: object) -> None:
        assert answer(statement, test="external") == expected

    @pytest.mark.parametrize(
        ("principal", "condition"),
        [
            ({"AWS": ACCOUNT_ARN}, {"StringEquals": {ACCOUNT: "444455556666"}}),
            ({"AWS": ACCOUNT_ARN}, {"ArnLike": {ARN: "arn:aws:iam::444455556666:role/ci-*"}}),
            ({"AWS": joined(("arn:aws:iam::444455556666:role/", U))}, {"ArnLike": {ARN: "arn:aws:iam::*:role/ci-*"}}),
            ({"AWS": joined(("arn:aws:iam::444455556666:user/", U))}, {"StringEquals": {"aws:PrincipalType": "User"}}),
            ({"AWS": joined(("arn:", U, ":iam::444455556666:role/ci"))}, {"StringLike": {"aws:userid": "AROA*:a"}}),
        ],
    )
    def test_part_of_a_principal_can_be_what_a_condition_asks_for(self, principal: Any, condition: Any) -> None:
        assert answer({**ALLOW, "Principal": principal, "Condition": condition}, test="external") == NAME

    @pytest.mark.parametrize("type_", ["role", "user", "assumed-role"])
    def test_principal_of_an_account_inside_is_silent(self, type_: str) -> None:
        service = "sts" if type_ == "assumed-role" else "iam"
        principal = joined((f"arn:aws:{service}::999988887777:{type_}/", U, "/", V))
        assert answer({**ALLOW, "Principal": {"AWS": principal}}, test="external") == CLOSED

    def test_deny_of_a_provider_can_be_that_of_the_allowed_one(self) -> None:
        allow = {**ALLOW, "Principal": {"Federated": "arn:aws:iam::444455556666:saml-provider/idp"}}
        assert answer(allow, test="external") == PUBLIC
        assert answer(allow, {**DENY_ALL, "Principal": {"Federated": U}}, test="external") == NAME

    def test_deny_of_one_account_can_be_that_of_the_named_one(self) -> None:
        allow = {**ALLOW, "Principal": {"AWS": "444455556666"}}
        assert answer(allow, {**DENY_ALL, "Principal": {"AWS": ACCOUNT_ARN}}, test="external") == NAME
