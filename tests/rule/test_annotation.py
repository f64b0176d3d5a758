"""The line in the dashboard: whole words, printable, never longer than AWS Config takes."""

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_exposure import judge
from ecr_exposure.findings.sentences import Part, fitted
from ecr_exposure.policy.actions import Capability


def statement(**elements: object) -> dict[str, object]:
    """Return an Allow for everyone, with these elements."""
    return {"Effect": "Allow", "Principal": "*", "Action": "ecr:*"} | elements


def annotation(*statements: dict[str, object]) -> str:
    """Return the annotation of a policy of these statements."""
    return judge({"Version": "2012-10-17", "Statement": list(statements)}).annotation


def test_annotation_names_capabilities_statement_and_the_number_of_further_grants() -> None:
    assert annotation(statement(Sid="AllowAll"), statement(Action="ecr:ListImages")) == (
        "Everyone can administer, delete, push and pull: "
        'statement "AllowAll" allows ecr:* to * with no Condition. +1 more'
    )


def test_most_dangerous_grant_is_named() -> None:
    text = annotation(statement(Action="ecr:BatchGetImage"), statement(Action="ecr:PutImage"))
    assert text == "Everyone can push: Statement[1] allows ecr:PutImage to * with no Condition. +1 more"


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        ({"Action": ["ecr:BatchGetImage", "ecr:ListImages"]}, "Everyone can pull: Statement[0] allows "
         "ecr:BatchGetImage and ecr:ListImages to * with no Condition."),
        ({"Action": "ecr:GetAuthorizationToken"}, "Everyone is named, but no repository action is granted: "
         "Statement[0] allows ecr:GetAuthorizationToken to * with no Condition."),
        ({"Action": "ecr:FlyToTheMoon"}, "Everyone is allowed an unknown action: "
         "Statement[0] allows ecr:FlyToTheMoon to * with no Condition."),
        ({"Action": []}, "Everyone is named, but no repository action is granted: "
         "Statement[0] allows no action to * with no Condition."),
        ({"Sid": ""}, "Everyone can administer, delete, push and pull: "
         "Statement[0] allows ecr:* to * with no Condition."),
    ],
)  # fmt: skip
def test_annotation_says_who_can_do_what(elements: dict[str, object], expected: str) -> None:
    assert annotation(statement(**elements)) == expected


class TestActions:
    """Which actions are named, and how."""

    @staticmethod
    def named(*actions: str, **elements: object) -> str:
        """Return how the annotation of a statement names these actions."""
        text = annotation(statement(Action=list(actions)) | elements)
        return text.partition(" allows ")[2].removesuffix(" to * with no Condition.")

    def test_most_dangerous_actions_come_first(self) -> None:
        actions = ("ecr:ListImages", "ecr:BatchGetImage", "ecr:SetRepositoryPolicy", "ecr:PutImage")
        assert self.named(*actions) == "ecr:SetRepositoryPolicy, ecr:PutImage and 2 more"

    def test_actions_of_other_services_and_of_the_registry_are_not_counted(self) -> None:
        actions = ("s3:*", "ecr:GetAuthorizationToken", "ecr:ListImages", "logs:*", "ecr:SetRepositoryPolicy", "kms:*")
        assert self.named(*actions) == "ecr:SetRepositoryPolicy and ecr:ListImages"

    def test_pattern_is_named_as_the_policy_writes_it(self) -> None:
        assert self.named("ecr:PutImage", "ECR:*") == "ECR:*"
        assert self.named("ecr:batchgetimage") == "ecr:batchgetimage"

    def test_pattern_that_does_not_tell_is_named_with_its_most_dangerous_action(self) -> None:
        assert self.named("ecr:Describe*", "ecr:Put*") == "ecr:Put* (such as ecr:PutLifecyclePolicy) and ecr:Describe*"

    def test_every_action_after_a_deny_is_named_with_the_most_dangerous_one_that_is_left(self) -> None:
        deny = {"Effect": "Deny", "Principal": "*", "NotAction": ["ecr:BatchGetImage", "ecr:ListImages"]}
        text = judge({"Statement": [statement(), deny]}, test="reachable").annotation
        assert text.startswith("Everyone can pull: Statement[0] allows ecr:* (such as ecr:BatchGetImage) to *")

    def test_denied_actions_are_not_named(self) -> None:
        actions = ["ecr:SetRepositoryPolicy", "ecr:BatchGetImage"]
        deny = {"Effect": "Deny", "Principal": "*", "Action": "ecr:SetRepositoryPolicy"}
        text = judge({"Statement": [statement(Action=actions), deny]}, test="reachable").annotation
        assert text.startswith("Everyone can pull: Statement[0] allows ecr:BatchGetImage to *")

    def test_unknown_action_is_named_with_the_similar_known_one(self) -> None:
        assert self.named("ecr:BatchGetImages") == "ecr:BatchGetImages (did you mean ecr:BatchGetImage?)"

    @pytest.mark.parametrize(
        ("exceptions", "expected"),
        [
            (["ecr:PutImage"], "all actions except ecr:PutImage"),
            (["s3:*", "ecr:PutImage", "ecr:BatchGetImage", "ecr:ListImages"],
             "all actions except ecr:PutImage, ecr:BatchGetImage and 1 more"),
            (["s3:*"], "all actions"),
        ],
    )  # fmt: skip
    def test_not_action_is_named_by_its_exceptions(self, exceptions: list[str], expected: str) -> None:
        elements = statement(NotAction=exceptions)
        del elements["Action"]
        assert f": Statement[0] allows {expected} to * with no Condition." in annotation(elements)


@pytest.mark.parametrize(
    ("actions", "expected"),
    [
        (["ecr:PutImage", "ecr:UploadLayerPart"], "push"),
        (["ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload"], "upload layers"),
        (["ecr:BatchDeleteImage", "ecr:UploadLayerPart"], "delete and upload layers"),
        (["ecr:ReplicateImage", "ecr:CreateRepository"], "replicate images and create the repository"),
        (["ecr:BatchImportUpstreamImage", "ecr:BatchGetImage"], "import upstream images and pull"),
    ],
)
def test_only_putimage_is_called_push(actions: list[str], expected: str) -> None:
    policy = {"Statement": statement(Action=actions)}
    assert judge(policy).annotation.startswith(f"Everyone can {expected}: ")
    assert Capability.PUSH in judge(policy).grants[0].capabilities


class TestRecipients:
    """To whom a statement grants access: type and value of what is no plain ``*``."""

    @pytest.mark.parametrize(
        ("principal", "expected"),
        [
            ({"AWS": "arn:aws:iam::*:root"}, 'AWS "arn:aws:iam::*:root" (counts as everyone)'),
            ({"Service": "*"}, 'Service "*" (counts as everyone)'),
            (["*"], 'Principal ["*"] (counts as everyone)'),
            ({"Federated": "accounts.google.com"}, 'Federated "accounts.google.com" (counts as everyone)'),
            ({"AWS": ["444455556666", "arn:aws:iam::*:role/ci"], "Service": "*.amazonaws.com"},
             'AWS "arn:aws:iam::*:role/ci" (counts as everyone) and Service "*.amazonaws.com" (counts as everyone)'),
        ],
    )  # fmt: skip
    def test_value_with_a_wildcard_is_named_with_its_type(self, principal: object, expected: str) -> None:
        text = annotation(statement(Principal=principal, Action="ecr:PutImage"))
        assert text == f"Everyone can push: Statement[0] allows ecr:PutImage to {expected} with no Condition."

    @staticmethod
    def external(**elements: object) -> str:
        """Return the annotation of a policy of one statement under the test `external`."""
        return judge({"Statement": statement(**elements)}, test="external", owner="111122223333").annotation

    def test_external_principals_are_named_and_those_of_the_owner_are_not(self) -> None:
        principals = ["111122223333", "arn:aws:iam::444455556666:role/ci", "777788889999", "222233334444"]
        assert self.external(Principal={"AWS": principals}, Action="ecr:PutImage") == (
            "Principals outside the zone of trust can push: Statement[0] allows ecr:PutImage to "
            "arn:aws:iam::444455556666:role/ci, account 777788889999 and 1 more with no Condition."
        )

    def test_long_principals_are_named_by_their_accounts(self) -> None:
        roles = [f"arn:aws:iam::{account}:role/{'long-' * 20}" for account in ("444455556666", "777788889999")]
        text = self.external(Principal={"AWS": roles}, Sid="x" * 60)
        assert text.endswith("allows ecr:* to account 444455556666 and 1 more with no Condition.")

    @pytest.mark.parametrize(
        ("excepted", "expected"),
        [
            ({"AWS": "444455556666"}, "everyone except account 444455556666"),
            ({"AWS": "arn:aws:iam::*:role/x"},
             'everyone (its NotPrincipal AWS "arn:aws:iam::*:role/x" excludes nobody)'),
            ({}, "everyone"),
        ],
    )  # fmt: skip
    def test_not_principal_is_named_by_its_exceptions(self, excepted: object, expected: str) -> None:
        elements = statement(NotPrincipal=excepted)
        del elements["Principal"]
        text = judge({"Statement": elements}, test="reachable").annotation
        assert text.endswith(f"Statement[0] allows ecr:* to {expected} with no Condition.")


class TestShortening:
    """What gives way if a sentence is longer than AWS Config takes: actions and Sids first."""

    SID = "AllowPullFromAllAccountsOfThePlatformTeamAsRequestedInTicket12345"
    ACTIONS = ("ecr:SetRepositoryPolicy", "ecr:DeleteRepositoryPolicy", "ecr:BatchDeleteImage", "ecr:PutImage")
    CONDITION: Final = {"ForAllValues:StringEquals": {"aws:PrincipalOrgID": "o-abcde12345"}}
    START = "Everyone can administer, delete and push: "

    @staticmethod
    def shortened(*statements: dict[str, object]) -> str:
        """Return the annotation of a policy of these statements under the test `reachable`."""
        text = judge({"Version": "2012-10-17", "Statement": list(statements)}, test="reachable").annotation
        assert len(text) <= 256
        assert "…" not in text.replace('…"', "")
        return text

    def test_sid_and_actions_give_way_to_the_cause(self) -> None:
        first = statement(Sid=self.SID, Action=[*self.ACTIONS], Condition=self.CONDITION)
        assert self.shortened(first) == (
            f'{self.START}in statement "AllowPullFromAllAccounts…", ForAllValues also matches when aws:PrincipalOrgID '
            "is absent, as for any account outside an organization; it allows ecr:SetRepositoryPolicy and 3 more to *."
        )

    def test_sid_and_actions_give_way_to_the_reason_of_a_deny(self) -> None:
        deny: dict[str, object] = {
            "Sid": f"Deny{self.SID}", "Effect": "Deny", "Principal": "*", "Action": "*",
            "Condition": {"ForAnyValue:StringNotLike": {"aws:PrincipalOrgPaths": "o-abcde12345/r-ab12/*"}},
        }  # fmt: skip
        assert self.shortened(statement(Sid=self.SID, Action=[*self.ACTIONS]), deny) == (
            f'{self.START}statement "AllowPullFromAllAccounts…" allows ecr:SetRepositoryPolicy and 3 more to * with no '
            'Condition, and statement "DenyAllowPullFromAllAcco…" does not deny requests without aws:PrincipalOrgPaths.'
        )

    def test_number_of_further_grants_stays(self) -> None:
        long = statement(Sid=self.SID, Action=[*self.ACTIONS], Condition=self.CONDITION)
        assert self.shortened(long, *[statement(Action="ecr:ListImages")] * 12).endswith(" +12 more")

    def test_text_without_shorter_parts_is_cut_at_a_word(self) -> None:
        assert fitted((Part("Some words"), Part(", and some more")), 20) == "Some words, and…"
        assert fitted((Part("x" * 30),), 20) == f"{'x' * 19}…"


class TestAdvisories:
    """An advisory that matters is at the end if there is room."""

    LAMBDA: Final = statement(Sid="Lambda", Principal={"Service": "lambda.amazonaws.com"})
    NOTE = (
        ' Note: statement "Lambda" allows lambda.amazonaws.com to act for any customer (confused deputy): '
        "fix aws:SourceAccount, aws:SourceArn or aws:SourceOrgID."
    )

    @staticmethod
    def reachable(*statements: dict[str, object]) -> str:
        """Return the annotation of a policy of these statements under the test `reachable`."""
        return judge({"Statement": list(statements)}, test="reachable").annotation

    def test_service_without_a_source_is_named_in_a_compliant_annotation(self) -> None:
        assert self.reachable(self.LAMBDA) == f"The repository policy grants no public access.{self.NOTE}"

    def test_service_without_a_source_is_named_after_a_grant_whose_actions_give_way(self) -> None:
        actions = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
        first = "Everyone can pull: Statement[0] allows ecr:BatchGetImage and 1 more to * with no Condition."
        assert self.reachable(statement(Action=actions), self.LAMBDA) == f"{first}{self.NOTE}"

    def test_number_of_further_grants_ends_with_a_full_stop_before_it(self) -> None:
        pull = statement(Action="ecr:BatchGetImage")
        assert self.reachable(pull, pull, self.LAMBDA).endswith(f" with no Condition. +1 more.{self.NOTE}")

    def test_advisory_is_left_out_if_there_is_no_room(self) -> None:
        condition = {"ForAnyValue:StringEqualsIfExists": {"aws:PrincipalOrgPaths": "o-abcde12345/r-ab12/"}}
        text = self.reachable(statement(Sid="Paths", Condition=condition), self.LAMBDA)
        assert text.startswith("Everyone can administer, delete, push and pull: ")
        assert "Note" not in text

    def test_malformed_principal_comes_before_a_service(self) -> None:
        malformed = statement(Principal={"AWS": "arn:aws:iam::987654321:root"})
        assert self.reachable(statement(), malformed, self.LAMBDA).endswith(
            ' Note: Statement[1].Principal.AWS: "arn:aws:iam::987654321:root" has no account id of 12 digits.'
        )

    def test_deny_without_effect_is_named_in_a_compliant_annotation(self) -> None:
        deny: dict[str, object] = {"Sid": "Guard", "Effect": "Deny", "Principal": "*", "Action": "s3:*"}
        assert self.reachable(statement(Principal={"AWS": "444455556666"}), deny).endswith(
            ' Note: statement "Guard" denies no action on repositories.'
        )


@pytest.mark.parametrize("evil", ["\n", "\u202e", "\x00", "\x1b[2J", "\U0001f600", "\ud800", "\x7f", "\u2028"])
def test_unprintable_characters_of_a_policy_are_replaced(evil: str) -> None:
    """A Sid cannot break the line, turn its direction or smuggle in an escape sequence."""
    text = annotation(statement(Sid=f"a{evil}b"))
    assert text.isprintable()
    assert evil not in text
    problem = judge({"Statement": [{evil: 1}]})
    assert problem.annotation.isprintable()
    assert (problem.problem or "").isprintable()


@given(st.text(max_size=400), st.lists(st.text(max_size=300), max_size=4))
def test_annotation_has_1_to_256_printable_characters(sid: str, actions: list[str]) -> None:
    text = annotation(statement(Sid=sid, Action=actions), statement())
    assert 1 <= len(text) <= 256
    assert text.isprintable()
    text.encode("utf-8")
