"""Periodic evaluation where ECR denies access to repository policies.

A repository policy can deny ecr:GetRepositoryPolicy to everyone, and so can the policies of the role.
https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
"""

from typing import Any, Final

import pytest

from ecr_exposure import EvaluationError, periodic
from tests.local_aws.faults import Fault
from tests.rule.member_account import CLOSED, MEMBER, OPEN, REGION, deployed

UNKNOWN: Final = Fault("config", "GetResourceConfigHistory", code="ResourceNotDiscoveredException", times=None)
CAUSE: Final = "User: arn:aws:sts::444455556666:assumed-role/x is not authorized to perform: ecr:GetRepositoryPolicy"
BY_REPOSITORY: Final = (
    "with an explicit deny in a resource-based policy",
    "because no resource-based policy allows the ecr:GetRepositoryPolicy action",
)
BY_OTHERS: Final = (
    "with an explicit deny in an identity-based policy",
    "because no identity-based policy allows the ecr:GetRepositoryPolicy action",
    "with an explicit deny in a service control policy",
    "because no VPC endpoint policy allows the ecr:GetRepositoryPolicy action",
    "",
)


def denied(context: str = "", **which: Any) -> Fault:
    """Return the fault of a denied GetRepositoryPolicy."""
    message = f"{CAUSE} on resource: arn:aws:ecr:{REGION}:{MEMBER}:repository/x {context}"
    return Fault("ecr", "GetRepositoryPolicy", code="AccessDeniedException", message=message, times=None, **which)


class TestOneRepositoryIsDenied:
    """Another policy was read in the same run, so the role may read policies."""

    @pytest.mark.parametrize("name", ["aa-before", "zz-after"])
    @pytest.mark.parametrize(
        ("policy", "compliance"), [(OPEN, "NON_COMPLIANT"), (CLOSED, "COMPLIANT"), (None, "COMPLIANT")]
    )
    def test_its_latest_item_is_evaluated(self, name: str, policy: str | None, compliance: str) -> None:
        """The periodic evaluation does not overturn what the change trigger found."""
        with deployed() as member:
            member.create(name, policy)
            member.create("other", OPEN)
            member.config.deliver_change(MEMBER, REGION, name)
            before = member.dashboard()
            assert before[name][0] == compliance
            with member.organization.faults.inject(denied(repository=name)):
                member.evaluate_all()
            assert member.dashboard() == before | {"other": member.dashboard()["other"]}

    def test_without_an_item_it_cannot_be_evaluated(self) -> None:
        """The invocation succeeds, so that Lambda does not repeat it."""
        with deployed(asynchronous=True) as member:
            member.create("aa", OPEN)
            member.create("forbidden", CLOSED)
            faults = member.organization.faults
            with faults.inject(denied(repository="forbidden")), faults.inject(UNKNOWN):
                (invocation,) = member.config.deliver_scheduled(MEMBER, REGION)
            assert (invocation.attempts, invocation.error) == (1, None)
            compliance, annotation = member.dashboard()["forbidden"]
            assert compliance == "NON_COMPLIANT"
            assert str(annotation).startswith("Cannot be evaluated: access to its policy is denied")

    def test_item_of_a_deleted_repository_does_not_count(self) -> None:
        with deployed() as member:
            member.create("aa", OPEN)
            member.create("forbidden", CLOSED)
            member.config.record(MEMBER, REGION, "forbidden")
            member.config.record(MEMBER, REGION, "forbidden", status="ResourceDeleted")
            with member.organization.faults.inject(denied(repository="forbidden")):
                member.evaluate_all()
            assert str(member.dashboard()["forbidden"][1]).startswith("Cannot be evaluated: access to its policy")

    def test_it_is_logged_with_its_arn(self, caplog: pytest.LogCaptureFixture) -> None:
        with deployed() as member:
            member.create("aa", OPEN)
            member.create("forbidden", CLOSED)
            faults = member.organization.faults
            with faults.inject(denied(repository="forbidden")), faults.inject(UNKNOWN):
                member.evaluate_all()
            (line,) = [vars(record) for record in caplog.records if str(vars(record).get("arn")).endswith("forbidden")]
            assert line["arn"] == f"arn:aws:ecr:{REGION}:{MEMBER}:repository/forbidden"
            assert (line["account"], line["region"], line["compliance"]) == (MEMBER, REGION, "NON_COMPLIANT")

    def test_evaluations_of_deleted_repositories_are_deleted(self) -> None:
        with deployed() as member:
            for name in ("aa", "deleted", "forbidden"):
                member.create(name, OPEN)
            member.evaluate_all()
            member.organization.delete_repository(MEMBER, REGION, "deleted")
            with member.organization.faults.inject(denied(repository="forbidden")):
                member.evaluate_all()
            assert set(member.compliances()) == {"aa", "forbidden"}

    def test_hidden_and_denied_repository_keeps_its_evaluation(self) -> None:
        """Its policy also hides it from the list of repositories."""
        with deployed() as member:
            for name in ("aa", "forbidden"):
                member.create(name, OPEN)
                member.config.deliver_change(MEMBER, REGION, name)
            nothing = Fault("ecr", "DescribeRepositories", status=200, body='{"repositories": []}', request_id=True)
            faults = member.organization.faults
            with faults.inject(nothing), faults.inject(denied(repository="forbidden")):
                member.evaluate_all()
            assert member.compliances() == {"aa": "NON_COMPLIANT", "forbidden": "NON_COMPLIANT"}


class TestManyRepositoriesAreDenied:
    """One owner can deny access to any number of repositories, and must not affect those of others."""

    def test_repositories_after_them_are_evaluated(self) -> None:
        with deployed() as member:
            for number in range(50):
                member.create(f"aa{number}", OPEN)
            member.create("zz", CLOSED)
            with member.organization.faults.inject(denied(when=lambda call: call.repository != "zz")):
                member.evaluate_all()
            assert len(member.compliances()) == 51
            assert member.compliances()["zz"] == "COMPLIANT"

    def test_unreadable_items_fail_the_run_and_do_not_stop_it(self) -> None:
        with deployed() as member:
            for name in ("aa", "zz"):
                member.create(name, OPEN)
            for number in range(50):
                member.create(f"mm{number}", OPEN)
            forbidden = denied(when=lambda call: str(call.repository).startswith("mm"))
            history = Fault("config", "GetResourceConfigHistory", code="AccessDeniedException", times=None)
            faults = member.organization.faults
            with (
                faults.inject(forbidden),
                faults.inject(history) as injected,
                pytest.raises(EvaluationError, match=r"\(50\): mm\d+: access to its policy is denied; its item: "),
            ):
                member.evaluate_all()
            assert member.compliances() == {"aa": "NON_COMPLIANT", "zz": "NON_COMPLIANT"}
            # 20, and those that have begun by then.
            assert 20 <= len(injected.calls) < 40

    def test_item_that_can_be_read_starts_the_count_again(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(periodic, "WORKERS", 1)
        with deployed() as member:
            member.create("aa", OPEN)
            for number in range(50):
                member.create(f"mm{number}", OPEN)
            history = Fault(
                "config",
                "GetResourceConfigHistory",
                code="X",
                times=None,
                when=lambda call: not str(call.repository).endswith("5"),
            )
            faults = member.organization.faults
            with (
                faults.inject(denied(when=lambda call: str(call.repository).startswith("mm"))),
                faults.inject(history) as injected,
                pytest.raises(EvaluationError, match=r"\(45\): "),
            ):
                member.evaluate_all()
            assert len(injected.calls) == 45
            assert len(member.compliances()) == 6


class TestAllRepositoriesAreDenied:
    """Whether the role or the repositories are the cause depends on the message."""

    @pytest.mark.parametrize("context", BY_REPOSITORY)
    def test_resource_based_policy_is_the_cause(self, context: str) -> None:
        with deployed() as member:
            member.create("aa", OPEN)
            member.config.deliver_change(MEMBER, REGION, "aa")
            member.organization.set_policy(MEMBER, REGION, "aa", CLOSED)
            member.config.put_evaluations.clear()
            with member.organization.faults.inject(denied(context)):
                member.evaluate_all()
            assert [len(call.evaluations) for call in member.config.put_evaluations] == [1]
            assert member.compliances() == {"aa": "NON_COMPLIANT"}

    @pytest.mark.parametrize("context", BY_OTHERS)
    def test_role_is_the_cause(self, context: str) -> None:
        """Nothing is reported, no evaluation is deleted, and the invocation fails."""
        with deployed() as member:
            for name in ("aa", "bb", "deleted"):
                member.create(name, OPEN)
            member.evaluate_all()
            member.organization.delete_repository(MEMBER, REGION, "deleted")
            for name in ("aa", "bb"):
                member.organization.set_policy(MEMBER, REGION, name, CLOSED)
            member.config.put_evaluations.clear()
            with (
                member.organization.faults.inject(denied(context, when=lambda call: call.repository != "deleted")),
                pytest.raises(EvaluationError, match=r"the role may not read 2 policies: .*AccessDenied"),
            ):
                member.evaluate_all()
            assert [call.evaluations for call in member.config.put_evaluations] == [()]
            assert member.compliances() == dict.fromkeys(("aa", "bb", "deleted"), "NON_COMPLIANT")
