"""The runbook that AWS Config starts: what it closes and how, and what it leaves.

Its script is that of deploy/runbook.yaml. It must close a policy exactly as `remedy` does, or leave it.
"""

import ast
import json
from collections.abc import Iterator
from typing import Any, Final
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto.iam.policy_validation import IAMPolicyDocumentValidator

from ecr_exposure import RemedyError, judge, remedy
from tests.corpus.loader import Case, all_cases
from tests.deployment.runbook_execution import FIX, NOTHING, REPOSITORY, OneRepository, content, one_repository, script
from tests.local_aws.automation import Automation
from tests.local_aws.organization import HUB, MEMBERS, ORGANIZATION_ID
from tests.nightly import every
from tests.oracle.generator.invalid_policies import InvalidPolicy
from tests.oracle.generator.policies import invalid_policies, policy_texts

EVERYONE: Final = ("*", {"AWS": "*"}, {"AWS": ["*"]})
NO_CONDITION: Final[tuple[dict[str, Any], ...]] = (
    {},
    {"Condition": {}},
    {"Condition": {"StringEquals": {}}},
    {"Condition": {"StringLike": {}}},
)
PULL: Final = "ecr:BatchGetImage"
OPEN: Final = {"Sid": "Open", "Effect": "Allow", "Principal": "*", "Action": PULL}
SCOPED: Final = OPEN | {"Condition": {"StringEquals": {"aws:PrincipalOrgID": ORGANIZATION_ID}}}
NAMED: Final = {"Sid": "Named", "Effect": "Allow", "Principal": {"AWS": MEMBERS[0]}, "Action": "ecr:*"}
# The policy that AWS Lambda adds:
# https://docs.aws.amazon.com/lambda/latest/dg/images-create.html#gettingstarted-images-permissions
LAMBDA: Final = {
    "Sid": "LambdaECRImageRetrievalPolicy",
    "Effect": "Allow",
    "Principal": {"Service": "lambda.amazonaws.com"},
    "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
    "Condition": {"StringLike": {"aws:sourceArn": f"arn:aws:lambda:eu-west-1:{HUB}:function:*"}},
}
DENY: Final = {
    "Effect": "Deny",
    "Principal": "*",
    "Action": "ecr:*",
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}
# They deny access, or allow it for named principals only, whatever their conditions are.
KEPT: Final[dict[str, dict[str, Any]]] = {
    "an account": NAMED,
    "a service": LAMBDA,
    "a role, a session and a federated user": NAMED
    | {
        "Principal": {
            "AWS": [
                f"arn:aws:iam::{HUB}:role/ci/Deploy",
                f"arn:aws:sts::{HUB}:assumed-role/Deploy/build",
                f"arn:aws:sts::{HUB}:federated-user/ann",
            ]
        }
    },
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
    "a deleted role and a deleted user": NAMED
    | {"Principal": {"AWS": ["AROADBQP57FF2AEXAMPLE", "AIDACKCEVSQ6C2EXAMPLE"]}},
    "an address": NAMED | {"Condition": {"IpAddress": {"aws:SourceIp": "198.51.100.0/24"}}},
    "a date": NAMED | {"Condition": {"DateLessThan": {"aws:CurrentTime": "2030-01-01T00:00:00Z"}}},
    "a variable": NAMED | {"Condition": {"StringLike": {"aws:PrincipalArn": "${aws:username}"}}},
    "a Deny": DENY,
    "a Deny with an address": DENY | {"Condition": {"NotIpAddress": {"aws:SourceIp": "198.51.100.0/24"}}},
    "a Deny with NotPrincipal": {"Effect": "Deny", "NotPrincipal": {"AWS": MEMBERS[0]}, "Action": PULL},
}
# Public, but not for exactly everyone without a condition, and what only the engine can evaluate.
DOUBTFUL: Final[dict[str, dict[str, Any]]] = {
    "everyone directly in a list": OPEN | {"Principal": ["*"]},
    "everyone beside an account": OPEN | {"Principal": {"AWS": ["*", MEMBERS[0]]}},
    "everyone beside a service": OPEN | {"Principal": {"AWS": "*", "Service": "lambda.amazonaws.com"}},
    "everyone twice": OPEN | {"Principal": {"AWS": ["*", "*"]}},
    "every service": OPEN | {"Principal": {"Service": "*"}},
    "a provider": OPEN | {"Principal": {"Federated": "cognito-identity.amazonaws.com"}},
    "a wildcard in an ARN": OPEN | {"Principal": {"AWS": "arn:aws:iam::*:role/Deploy"}},
    "a wildcard in an account id": OPEN | {"Principal": {"AWS": "1111222233*"}},
    "an account without a type": OPEN | {"Principal": MEMBERS[0]},
    "NotPrincipal": {"Effect": "Allow", "NotPrincipal": {"AWS": MEMBERS[0]}, "Action": PULL},
    "a condition that everyone meets": OPEN | {"Condition": {"StringLike": {"aws:PrincipalOrgID": "*"}}},
    "another condition": OPEN | {"Condition": {"IpAddress": {"aws:SourceIp": "198.51.100.0/24"}}},
    "an excluded organization": OPEN | {"Condition": {"StringNotEquals": {"aws:PrincipalOrgID": ORGANIZATION_ID}}},
    "an organization or none": OPEN | {"Condition": {"StringEqualsIfExists": {"aws:PrincipalOrgID": ORGANIZATION_ID}}},
    "no complete organization": OPEN | {"Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-*"}}},
    "Resource": OPEN | {"Resource": "*"},
    "an unknown element": OPEN | {"Principals": "*"},
    "a variable in a principal": NAMED | {"Principal": {"AWS": f"arn:aws:iam::{HUB}:user/${{aws:username}}"}},
    "an effect in lower case": OPEN | {"Effect": "allow"},
}
NOT_EVALUATED: Final = {
    "not JSON": '{"Statement": [',
    "a duplicate key": '{"Statement": [{"Effect": "Allow", "Effect": "Deny", "Principal": "*", "Action": "ecr:*"}]}',
    "a list": "[]",
    "no Statement": '{"Version": "2012-10-17"}',
    "a statement that is no object": json.dumps({"Statement": [OPEN, "Allow"]}),
    "a condition that is no object": json.dumps({"Statement": [OPEN | {"Condition": "none"}]}),
    "a statement without Effect": json.dumps({"Statement": [{"Principal": "*", "Action": "ecr:*"}]}),
    "nested very deeply": '{"Statement": ' + 100_000 * "[" + 100_000 * "]" + "}",
}


@pytest.fixture(scope="module")
def repository() -> Iterator[OneRepository]:
    """Return one repository for all tests of this module."""
    with one_repository() as repository:
        yield repository


def policy_of(*statements: object) -> dict[str, Any]:
    """Return a policy of these statements."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


def text_of(*statements: object) -> str:
    """Return the text of a policy of these statements."""
    return json.dumps(policy_of(*statements))


def is_public(text: str | None) -> bool:
    """Return whether the rule flags the policy under one of the two tests for public access."""
    return any(judge(text, test=test).compliance != "COMPLIANT" for test in ("unconditional", "reachable"))


def by_hand(policy: dict[str, Any], organization: str) -> dict[str, Any] | None:
    """Return the policy without statements for exactly everyone without a condition."""
    is_list = isinstance(policy["Statement"], list)
    statements = policy["Statement"] if is_list else [policy["Statement"]]
    limit = {"Condition": {"StringEquals": {"aws:PrincipalOrgID": organization}}}
    left = [{**each, **limit} if is_exact(each) else each for each in statements if organization or not is_exact(each)]
    if statements and not left:
        return None
    return {**policy, "Statement": left if is_list else left[0]}


def is_exact(statement: dict[str, Any]) -> bool:
    """Return whether a statement allows access for exactly everyone without a condition."""
    allows = statement["Effect"] == "Allow" and statement.get("Principal") in EVERYONE
    return allows and not any(statement.get("Condition", {}).values())


def is_invalid(text: str) -> bool:
    """Return whether `remedy` says that a policy cannot be evaluated."""
    try:
        remedy(text, mode="scope-to-organization", organization=ORGANIZATION_ID)
    except RemedyError as error:
        return str(error).startswith("Cannot be evaluated")
    return False


def without_empty_blocks(policy: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return the policy without the operators of a Condition that have no key: `remedy` leaves them."""
    text = json.dumps(policy)
    for operator in ("StringEquals", "StringLike"):
        text = text.replace(f'"{operator}": {{}}, ', "").replace(f', "{operator}": {{}}', "")
    content: dict[str, Any] | None = json.loads(text)
    return content


class TestClosed:
    """Statements that allow access for exactly everyone without a condition."""

    @pytest.mark.parametrize("condition", NO_CONDITION, ids=json.dumps)
    @pytest.mark.parametrize("principal", EVERYONE, ids=json.dumps)
    def test_with_an_organization_they_are_limited_to_it(
        self, repository: OneRepository, principal: object, condition: dict[str, Any]
    ) -> None:
        before = text_of(NAMED, OPEN | {"Principal": principal} | condition, LAMBDA)
        execution = repository.close(before)
        assert execution.failure == ""
        assert execution.result == f"{REPOSITORY}: Statement[1] limited to {ORGANIZATION_ID}."
        after = json.loads(str(repository.policy))
        blocks = after["Statement"][1].pop("Condition")
        assert {name: block for name, block in blocks.items() if block} == {
            "StringEquals": {"aws:PrincipalOrgID": ORGANIZATION_ID}
        }
        unchanged = OPEN | {"Principal": principal}
        assert after == policy_of(NAMED, unchanged, LAMBDA)
        assert not is_public(repository.policy)

    def test_empty_condition_with_an_operator_in_another_case_is_replaced(self) -> None:
        policy, kinds = script()["understood"](text_of(OPEN | {"Condition": {"stringequals": {}}}))
        text = script()["closed"](policy, kinds, ORGANIZATION_ID)
        assert json.loads(text) == policy_of(SCOPED)
        assert not is_public(text)

    @pytest.mark.parametrize("principal", EVERYONE, ids=json.dumps)
    def test_without_an_organization_they_are_removed(self, repository: OneRepository, principal: object) -> None:
        execution = repository.close(text_of(NAMED, OPEN | {"Principal": principal}, LAMBDA), organization="")
        assert execution.result == f"{REPOSITORY}: Statement[1] removed."
        assert json.loads(str(repository.policy)) == policy_of(NAMED, LAMBDA)

    @pytest.mark.parametrize("organization", [ORGANIZATION_ID, ""])
    def test_deny_statement_stays_as_it_is(self, repository: OneRepository, organization: str) -> None:
        """The usual one for requests without TLS, and one for callers outside the organization."""
        guard = DENY | {"Condition": {"StringNotEqualsIfExists": {"aws:PrincipalOrgID": ORGANIZATION_ID}}}
        assert repository.close(text_of(DENY, OPEN, guard), organization=organization).failure == ""
        left = [DENY, SCOPED, guard] if organization else [DENY, guard]
        assert json.loads(str(repository.policy)) == policy_of(*left)

    @pytest.mark.parametrize("kept", KEPT.values(), ids=KEPT)
    def test_statement_that_grants_no_public_access_stays_as_it_is(
        self, repository: OneRepository, kept: dict[str, Any]
    ) -> None:
        assert repository.close(text_of(kept, OPEN)).failure == ""
        assert json.loads(str(repository.policy)) == policy_of(kept, SCOPED)
        assert repository.close(text_of(OPEN, kept), organization="").failure == ""
        assert json.loads(str(repository.policy)) == policy_of(kept)

    @pytest.mark.parametrize("head", [{}, {"Version": "2008-10-17"}, {"Version": "2012-10-17", "Id": "app"}])
    def test_version_and_id_stay_as_they_are(self, repository: OneRepository, head: dict[str, str]) -> None:
        assert repository.close(json.dumps({**head, "Statement": OPEN})).failure == ""
        assert json.loads(str(repository.policy)) == {**head, "Statement": SCOPED}

    def test_policy_without_a_statement_left_is_deleted(self, repository: OneRepository) -> None:
        execution = repository.close(text_of(OPEN, OPEN), organization="")
        assert execution.result == f"{REPOSITORY}: Statement[0], Statement[1] removed."
        assert repository.policy is None

    def test_output_has_the_exact_previous_policy_and_the_new_one(self, repository: OneRepository) -> None:
        before = json.dumps(policy_of(OPEN), indent=4) + "\n"
        outputs = repository.close(before).outputs
        assert outputs["SavePolicy.PreviousPolicy"] == outputs["ClosePolicy.PreviousPolicy"] == before
        assert json.loads(outputs["ClosePolicy.NewPolicy"]) == policy_of(SCOPED)
        assert repository.close(before, organization="").outputs["ClosePolicy.NewPolicy"] == ""

    def test_all_outputs_of_the_document_exist(self, repository: OneRepository) -> None:
        for text in (text_of(OPEN), text_of(NAMED)):
            assert list(repository.close(text).outputs) == content()["outputs"]

    def test_force_is_never_sent(self, repository: OneRepository) -> None:
        repository.organization.calls.clear()
        repository.close(text_of(OPEN))
        (sent,) = (each for each in repository.organization.calls if each.operation == "SetRepositoryPolicy")
        assert sent.parameters.keys() == {"repositoryName", "policyText"}

    def test_policy_is_read_directly_before_it_is_written_and_again_after_it(self, repository: OneRepository) -> None:
        repository.organization.calls.clear()
        repository.close(text_of(OPEN))
        read = "GetRepositoryPolicy"
        assert repository.operations() == [read, read, read, "SetRepositoryPolicy", read]
        repository.organization.calls.clear()
        repository.close(text_of(OPEN), organization="")
        assert repository.operations() == [read, read, read, "DeleteRepositoryPolicy", read]


class TestNothingToDo:
    """AWS Config can start the runbook for a repository that is compliant by now."""

    @pytest.mark.parametrize(
        "text",
        [text_of(NAMED, LAMBDA), text_of(SCOPED), text_of(SCOPED, NAMED), text_of()],
        ids=["named principals", "the organization", "both", "no statement"],
    )
    def test_policy_without_public_access_is_a_success_and_stays(self, repository: OneRepository, text: str) -> None:
        execution = repository.close(text)
        assert execution.failure == ""
        assert execution.result == NOTHING
        assert repository.policy == text

    def test_no_policy_is_a_success(self, repository: OneRepository) -> None:
        execution = repository.close(None)
        assert (execution.failure, execution.result) == ("", NOTHING)
        assert execution.outputs["ClosePolicy.PreviousPolicy"] == ""

    @pytest.mark.parametrize("organization", [ORGANIZATION_ID, ""])
    def test_second_execution_changes_nothing(self, repository: OneRepository, organization: str) -> None:
        repository.close(text_of(OPEN, NAMED), organization=organization)
        first = repository.policy
        assert repository.execute(organization=organization).result.startswith("Nothing to do")
        assert repository.policy == first


class TestLeft:
    """What the runbook leaves to `ecr-exposure fix`."""

    @pytest.mark.parametrize("statement", DOUBTFUL.values(), ids=DOUBTFUL)
    def test_doubtful_statement_leaves_the_whole_policy_as_it_is(
        self, repository: OneRepository, statement: dict[str, Any]
    ) -> None:
        for text, index in ((text_of(statement), 0), (text_of(OPEN, statement, NAMED), 1)):
            execution = repository.close(text)
            assert execution.failure == (
                f"This runbook does not handle Statement[{index}] of {REPOSITORY}, so its policy stays as it is: {FIX}"
            )
            assert repository.policy == text

    @pytest.mark.parametrize("text", NOT_EVALUATED.values(), ids=NOT_EVALUATED)
    def test_text_that_cannot_be_evaluated_stays_as_it_is(self, repository: OneRepository, text: str) -> None:
        failure = repository.close(text).failure
        assert failure.startswith(f"The policy of {REPOSITORY} cannot be evaluated (")
        assert failure.endswith(f"so its policy stays as it is: {FIX}")
        assert repository.policy == text

    def test_character_that_is_not_ascii_counts_once(self, repository: OneRepository) -> None:
        tag = {"Condition": {"StringLike": {"aws:PrincipalTag/team": 5000 * "é"}}}
        text = json.dumps(policy_of(OPEN, NAMED | tag), ensure_ascii=False)
        assert repository.close(text).failure == ""
        assert repository.policy == json.dumps(policy_of(SCOPED, NAMED | tag), ensure_ascii=False).replace(
            ": ", ":"
        ).replace(", ", ",")

    @pytest.mark.parametrize("surplus", [0, 1])
    def test_policy_that_would_be_too_long_stays_as_it_is(self, repository: OneRepository, surplus: int) -> None:
        room = 10_240 + surplus - len(json.dumps(policy_of(SCOPED), separators=(",", ":")))
        text = text_of(OPEN | {"Sid": "Open" + room * "a"})
        failure = repository.close(text).failure
        if surplus:
            assert failure.startswith(f"The policy of {REPOSITORY} would have more than 10,240 characters")
            assert failure.endswith(FIX)
            assert repository.policy == text
        else:
            assert failure == ""


class TestAgreement:
    """The runbook closes exactly as `remedy`, or not at all.

    Amazon ECR stores no invalid policy, so the script does not validate what it keeps. Where it closes an invalid one,
    it changes nothing but the public statements.
    """

    def check(self, repository: OneRepository, text: str, organization: str) -> bool:
        """Check one policy; return whether the runbook has closed it as `remedy` does."""
        execution = repository.close(text, organization=organization)
        after = repository.policy
        if execution.failure:
            assert FIX in execution.failure
            assert after == text
            return False
        if execution.result == NOTHING:
            assert after == text
            assert is_invalid(text) or not is_public(text)
            return False
        return self.check_result(text, after, organization)

    def check_result(self, text: str, after: str | None, organization: str) -> bool:
        """Check the policy after an execution that succeeds; return whether it is closed as by `remedy`."""
        before, result = json.loads(text), None if after is None else json.loads(after)
        assert result == by_hand(before, organization)
        if is_invalid(text):
            return False
        mode = "scope-to-organization" if organization else "remove-statements"
        expected = remedy(text, mode=mode, organization=organization or None).policy
        assert without_empty_blocks(result) == without_empty_blocks(expected)
        assert not is_public(after)
        return bool(result != before)

    def cases(self) -> list[Case]:
        """Return the cases of the corpus that have a policy in the form in which Amazon ECR returns it: text."""
        return [case for case in all_cases() if not case.is_about_the_item and isinstance(case.policy, str)]

    def test_every_policy_of_the_corpus_is_closed_as_by_remedy_or_stays(self, repository: OneRepository) -> None:
        # moto accepts fewer actions than IAM: none with a wildcard in its service.
        with patch.object(IAMPolicyDocumentValidator, "validate"):
            self.check_corpus(repository)

    def check_corpus(self, repository: OneRepository) -> None:
        """Check every case, or every fifth by default."""
        closed = [case for case in every(5, self.cases()) if self.check(repository, case.policy, ORGANIZATION_ID)]
        assert len(closed) >= 40
        for case in closed:
            assert self.check(repository, case.policy, ""), case.name

    @given(data=st.data())
    def test_every_mixture_of_statements_is_closed_as_by_remedy_or_stays(self, data: st.DataObject) -> None:
        exact = [OPEN | {"Principal": principal} | condition for principal in EVERYONE for condition in NO_CONDITION]
        doubtful = list(DOUBTFUL.values())
        statements = data.draw(
            st.lists(st.sampled_from([*exact, SCOPED, *KEPT.values(), *doubtful]), min_size=1, max_size=4)
        )
        text = text_of(*statements)
        _, kinds = script()["understood"](text)
        assert kinds == ["public" if each in exact else "other" if each in doubtful else "kept" for each in statements]
        self.check_text(text, data.draw(st.sampled_from([ORGANIZATION_ID, ""])))

    @given(text=policy_texts(), organization=st.sampled_from([ORGANIZATION_ID, ""]))
    def test_every_random_policy_is_closed_as_by_remedy_or_stays(self, text: str, organization: str) -> None:
        self.check_text(text, organization)

    @given(invalid=invalid_policies(), organization=st.sampled_from([ORGANIZATION_ID, ""]))
    def test_nothing_but_public_statements_is_changed_in_an_invalid_policy(
        self, invalid: InvalidPolicy, organization: str
    ) -> None:
        self.check_text(invalid.policy if isinstance(invalid.policy, str) else json.dumps(invalid.policy), organization)

    def check_text(self, text: str, organization: str) -> None:
        """Check what the script makes of one policy, without any call."""
        try:
            policy, kinds = script()["understood"](text)
        except (AttributeError, KeyError, TypeError, ValueError):
            return
        if "public" in kinds and "other" not in kinds:
            self.check_result(text, script()["closed"](policy, kinds, organization), organization)
        elif "other" not in kinds:
            self.check_result(text, text, organization)


class TestScript:
    """The script in the document."""

    def test_automation_substitutes_nothing_in_it(self) -> None:
        # Automation replaces what is in double braces.
        # https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-variables.html
        source = Automation(content()).script
        assert "{{" not in source
        assert "}}" not in source

    def test_it_is_python_of_its_runtime_and_imports_only_what_the_runtime_has(self) -> None:
        # https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-action-executeScript.html
        tree = ast.parse(Automation(content()).script, feature_version=(3, 11))
        imported = {
            name.name if isinstance(node, ast.Import) else str(node.module)
            for node in ast.walk(tree)
            if isinstance(node, ast.Import | ast.ImportFrom)
            for name in node.names
        }
        assert imported == {"boto3", "datetime", "fnmatch", "json", "re"}
        (step,) = (each for each in content()["mainSteps"] if each["action"] == "aws:executeScript")
        assert step["inputs"]["Runtime"] == "python3.11"

    def test_it_is_short_enough_for_a_document(self) -> None:
        # https://docs.aws.amazon.com/general/latest/gr/ssm.html#limits_ssm
        assert len(json.dumps(content())) < 64 * 1024 / 2
