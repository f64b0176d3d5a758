"""``status`` of an organization's rule: evaluated, not evaluated with AWS's reason, and nothing in between."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from tests.commands.deployed_organization import (
    ABROAD,
    HOME,
    ONE,
    ORGANIZATION_RULE,
    PACK,
    ROLE,
    RULE,
    TWO,
    DeployedOrganization,
    deployed_organization,
)
from tests.local_aws.moto_organization_rules import Instance, MemberDeployment
from tests.local_aws.organization import HUB

NO_REPOSITORIES = "no repositories"
NO_RESULT = "missing | 0 of 1 | no compliance result"


class TestEvaluated:
    """Every recorded repository has a current result."""

    @pytest.mark.parametrize("deployed_as", [PACK, ORGANIZATION_RULE])
    def test_repositories_with_results_and_accounts_without_repositories_exit_with_0(self, deployed_as: str) -> None:
        with deployed_organization(deployed_as) as deployed:
            deployed.create_repositories("team/app", "team/api", account=ONE)
            deployed.create_repositories("base", account=HUB, region=ABROAD)
            deployed.evaluate()
            run = deployed.status()
        assert run.rows == {
            (ONE, HOME): "evaluated | 2 of 2",
            (HUB, ABROAD): "evaluated | 1 of 1",
            (HUB, HOME): NO_REPOSITORIES,
            (TWO, HOME): NO_REPOSITORIES,
            (ONE, ABROAD): NO_REPOSITORIES,
            (TWO, ABROAD): NO_REPOSITORIES,
        }
        assert (run.status, run.errors) == (0, "")
        assert run.last == "All evaluated: 2 evaluated, 4 without repositories (3 accounts, 2 Regions)"

    def test_result_of_another_rule_is_none_of_this_rule(self) -> None:
        with deployed_organization() as deployed:
            deployed.config.delete_rule(ONE, HOME, f"{RULE}-conformance-pack-abc12xyz9")
            deployed.config.put_rule(ONE, HOME, f"{RULE}-conformance-pack-of-tests-abc12xyz9")
            deployed.create_repositories("team/app", account=ONE)
            deployed.evaluate()
            run = deployed.status()
        assert run.rows[ONE, HOME] == NO_RESULT
        assert run.status == 1

    def test_result_of_a_repository_that_is_not_recorded_counts(self) -> None:
        """The periodic evaluation reads ECR itself, also where the recorder is stopped or does not record repositories.

        Such a recorder records no AWS::Config::ResourceCompliance either, so only AWS Config's results show it.
        """
        with deployed_organization() as deployed:
            deployed.organization.create_repository(ONE, HOME, "team/app")
            deployed.evaluate()
            run = deployed.status()
        assert run.rows[ONE, HOME] == "evaluated | 1 of 1"

    def test_deleted_repository_is_not_expected_to_have_a_result(self) -> None:
        with deployed_organization() as deployed:
            deployed.create_repositories("team/app", "team/api", account=ONE)
            deployed.evaluate()
            deployed.organization.delete_repository(ONE, HOME, "team/api")
            deployed.config.record(ONE, HOME, "team/api")
            run = deployed.status()
        assert run.rows[ONE, HOME] == "evaluated | 2 of 2"


class TestMissing:
    """A repository without a current result, with what AWS reports about it."""

    def test_missing_role_is_no_compliance_result(self) -> None:
        """The stack instance is current, but somebody deleted the role: the function cannot report anything."""
        with deployed_organization() as deployed:
            deployed.organization.accounts_without_role.add(ONE)
            deployed.create_repositories("team/app", account=ONE)
            deployed.evaluate()
            run = deployed.status()
        assert run.rows[ONE, HOME] == NO_RESULT
        assert run.status == 1
        assert run.last == "Not all evaluated: 1 missing, 5 without repositories (3 accounts, 2 Regions)"

    def test_account_without_a_stack_instance_has_no_role_in_any_region(self) -> None:
        with deployed_organization() as deployed:
            del deployed.deployments.instances[ONE]
            run = deployed.status()
        reason = f"missing | no stack instance of the StackSet {ROLE}-{HUB}, so no role"
        assert (run.rows[ONE, HOME], run.rows[ONE, ABROAD]) == (reason, reason)
        assert run.rows[TWO, HOME] == NO_REPOSITORIES

    def test_failed_stack_instance_shows_the_reason_of_cloudformation(self) -> None:
        with deployed_organization() as deployed:
            deployed.deployments.instances[ONE] = Instance("OUTDATED", "FAILED", "Role already\nexists")
            run = deployed.status(regions=ABROAD)
        assert run.rows[ONE, ABROAD] == "missing | stack instance OUTDATED (FAILED): Role already exists"

    def test_missing_stack_set_leaves_every_member_without_the_role(self) -> None:
        with deployed_organization() as deployed:
            deployed.deployments.stack_set = "another"
            run = deployed.status(regions=HOME)
        absent = f"the StackSet {ROLE}-{HUB}, which creates the role, does not exist in {HOME} (CallAs=SELF)"
        assert run.rows[ONE, HOME] == f"missing | {absent}"
        assert run.rows[HUB, HOME] == NO_REPOSITORIES

    def test_account_without_a_recorder_shows_the_error_of_the_pack(self) -> None:
        with deployed_organization() as deployed:
            code = "NoAvailableConfigurationRecorder"
            deployed.deployments.packs[HOME, ONE] = MemberDeployment("CREATE_FAILED", code, "no recorder there")
            run = deployed.status()
        reason = f"conformance pack CREATE_FAILED: {code}: no recorder there"
        assert run.rows[ONE, HOME] == f"missing | {reason}"
        assert run.rows[ONE, ABROAD] == NO_REPOSITORIES

    def test_failed_organization_rule_shows_its_error(self) -> None:
        with deployed_organization(ORGANIZATION_RULE) as deployed:
            deployed.deployments.rules[HOME, ONE] = MemberDeployment("UPDATE_FAILED", "AccessDenied", "not allowed")
            run = deployed.status()
        assert run.rows[ONE, HOME] == "missing | organization rule UPDATE_FAILED: AccessDenied: not allowed"

    def test_deployment_in_progress_is_not_evaluated_yet(self) -> None:
        with deployed_organization() as deployed:
            deployed.deployments.packs[HOME, ONE] = MemberDeployment("CREATE_IN_PROGRESS")
            run = deployed.status()
        reason = "conformance pack CREATE_IN_PROGRESS: AWS Config gives no reason"
        assert run.rows[ONE, HOME] == f"missing | {reason}"

    @pytest.mark.parametrize(
        ("deployed_as", "reason"),
        [
            (PACK, f"the organization has no conformance pack {RULE}"),
            (ORGANIZATION_RULE, f"the organization has no rule {RULE}"),
        ],
    )
    def test_pack_or_rule_that_was_deleted_is_missing_in_every_account(self, deployed_as: str, reason: str) -> None:
        with deployed_organization(deployed_as) as deployed:
            deployed.deployments.packs.clear()
            deployed.deployments.rules.clear()
            run = deployed.status()
        assert set(run.rows.values()) == {f"missing | {reason}"}

    def test_account_that_joined_and_is_not_listed_yet_is_missing(self) -> None:
        with deployed_organization() as deployed:
            deployed.organization.join("123456789012")
            deployed.deployments.instances["123456789012"] = Instance()
            run = deployed.status()
        assert run.rows["123456789012", HOME] == "missing | AWS Config lists no conformance pack for this account"

    def test_source_of_the_aggregator_without_current_data_is_never_no_repositories(self) -> None:
        """A stopped recorder: AWS Config sends nothing to the aggregator any more."""
        with deployed_organization() as deployed:
            deployed.data.sources = [
                _source(ONE, "OUTDATED", LastErrorCode="ConfigurationRecorderStopped", LastErrorMessage="stopped"),
                _source(TWO, "SUCCEEDED"),
            ]
            run = deployed.status()
        reason = "missing | aggregator source OUTDATED: ConfigurationRecorderStopped: stopped"
        assert run.rows[ONE, HOME] == reason
        assert (run.rows[ONE, ABROAD], run.rows[TWO, HOME]) == (NO_REPOSITORIES, NO_REPOSITORIES)

    def test_aggregator_that_has_read_nothing_yet_shows_no_account_without_repositories(self) -> None:
        with deployed_organization() as deployed:
            deployed.data.is_new = True
            run = deployed.status(regions=HOME)
        assert run.rows[ONE, HOME] == "not seen | the aggregator organization has read no source yet"
        assert run.status == 2

    def test_source_that_is_the_organization_concerns_every_account(self) -> None:
        with deployed_organization() as deployed:
            source = {"SourceId": "o-exampleorg1", "SourceType": "ORGANIZATION", "LastUpdateStatus": "FAILED"}
            deployed.data.sources = [source]
            run = deployed.status(regions=HOME)
        assert set(run.rows.values()) == {"missing | aggregator source FAILED: AWS Config gives no reason"}

    def test_partly_evaluated_account_shows_how_many(self) -> None:
        with deployed_organization() as deployed:
            deployed.create_repositories("team/app", account=ONE)
            deployed.evaluate()
            deployed.create_repositories("team/api", "team/web", account=ONE)
            run = deployed.status()
        assert run.rows[ONE, HOME] == "partly evaluated | 1 of 3 | some repositories have no compliance result"
        assert run.status == 1

    def test_problem_that_aws_reports_is_told_although_all_is_evaluated(self) -> None:
        with deployed_organization() as deployed:
            deployed.create_repositories("team/app", account=ONE)
            deployed.evaluate()
            deployed.deployments.instances[ONE] = Instance("OUTDATED", "FAILED", "cancelled")
            run = deployed.status(regions=HOME)
        assert run.rows[ONE, HOME] == "evaluated | 1 of 1 | stack instance OUTDATED (FAILED): cancelled"
        assert run.status == 1
        expected = "1 evaluated, 2 without repositories, 1 of the evaluated with a problem (3 accounts, 1 Region)"
        assert run.last == f"Not all evaluated: {expected}"


class TestAge:
    """A result that is older than two periods counts as missing."""

    def test_result_of_two_periods_is_current(self) -> None:
        with _evaluated() as deployed:
            deployed.clock.later = timedelta(hours=47)
            assert deployed.status().rows[ONE, HOME] == "evaluated | 1 of 1"

    def test_older_result_is_missing(self) -> None:
        """A stopped recorder or a function without periodic events: nothing evaluates any more."""
        with _evaluated() as deployed:
            deployed.clock.later = timedelta(hours=49)
            run = deployed.status()
        assert run.rows[ONE, HOME] == "missing | 0 of 1 | results are older than two periods (48 hours)"
        assert run.status == 1

    def test_period_is_that_of_the_stack(self) -> None:
        with _evaluated(MaximumExecutionFrequency="One_Hour") as deployed:
            deployed.clock.later = timedelta(hours=3)
            run = deployed.status()
        assert run.rows[ONE, HOME] == "missing | 0 of 1 | results are older than two periods (2 hours)"

    def test_some_old_results_are_partly_evaluated(self) -> None:
        with _evaluated(MaximumExecutionFrequency="One_Hour") as deployed:
            deployed.organization.config_store.age(timedelta(hours=3))
            deployed.create_repositories("team/api", account=ONE)
            deployed.config.deliver_change(ONE, HOME, "team/api")
            run = deployed.status()
        reason = "some results are older than two periods (2 hours)"
        assert run.rows[ONE, HOME] == f"partly evaluated | 1 of 2 | {reason}"

    def test_results_without_periodic_evaluations_do_not_become_old(self) -> None:
        with _evaluated(MaximumExecutionFrequency="Off") as deployed:
            deployed.clock.later = timedelta(days=400)
            run = deployed.status()
        assert run.rows[ONE, HOME] == "evaluated | 1 of 1"
        assert "without periodic evaluations" in run.lines[1]
        assert any(line.startswith("Without periodic evaluations a result does not become old") for line in run.lines)


class TestLeftOut:
    """Accounts that the rule does not evaluate on purpose."""

    def test_excluded_account_is_told_and_exits_with_0(self) -> None:
        with deployed_organization(parameters={"ExcludedAccounts": ONE}) as deployed:
            deployed.create_repositories("team/app", account=ONE)
            run = deployed.status()
        assert run.rows[ONE, HOME] == "excluded | ExcludedAccounts of the stack"
        assert run.last == "All evaluated: 4 without repositories, 2 excluded (3 accounts, 2 Regions)"
        assert run.status == 0

    def test_suspended_account_is_told_and_exits_with_0(self) -> None:
        with deployed_organization() as deployed:
            deployed.suspend(ONE)
            del deployed.deployments.instances[ONE]
            run = deployed.status(regions=HOME)
        assert run.rows[ONE, HOME] == "account not active | its state in AWS Organizations is SUSPENDED"
        assert run.status == 0


class TestDelegatedAdministrator:
    """The stack is in a member account."""

    @pytest.mark.parametrize(
        ("included", "management"),
        [
            ("false", "excluded | the management account (IncludeManagementAccount is false)"),
            ("true", "missing | AWS Config lists no conformance pack for this account"),
        ],
    )
    def test_management_account_is_excluded_unless_the_stack_includes_it(self, included: str, management: str) -> None:
        with deployed_organization(hub=ONE, parameters={"IncludeManagementAccount": included}) as deployed:
            deployed.create_repositories("team/app", account=ONE)
            deployed.evaluate()
            del deployed.deployments.packs[HOME, HUB]
            run = deployed.status(regions=HOME)
        assert run.rows == {
            (ONE, HOME): "evaluated | 1 of 1",
            (TWO, HOME): NO_REPOSITORIES,
            (HUB, HOME): management,
        }


@contextmanager
def _evaluated(**parameters: str) -> Iterator[DeployedOrganization]:
    """One repository, which was evaluated just now."""
    with deployed_organization(parameters=parameters) as deployed:
        deployed.create_repositories("team/app", account=ONE)
        deployed.evaluate()
        yield deployed


def _source(account: str, status: str, **error: str) -> dict[str, str]:
    source = {"SourceId": account, "SourceType": "ACCOUNT", "AwsRegion": HOME, "LastUpdateStatus": status}
    return source | error
