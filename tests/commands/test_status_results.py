"""``status`` compares results with repositories by name, and never takes the one for the other."""

from datetime import timedelta
from typing import Final

import pytest

from tests.commands.deployed_organization import (
    ACCOUNT_RULE,
    HOME,
    ONE,
    ORGANIZATION_RULE,
    PACK,
    RULE,
    deployed_organization,
)
from tests.local_aws.organization import HUB

LACKS_ONE: Final = "partly evaluated | 1 of 2 | some repositories have no compliance result"


class TestByName:
    """As many results as repositories do not mean that each repository has one."""

    @pytest.mark.parametrize(("deployed_as", "account"), [(PACK, ONE), (ORGANIZATION_RULE, ONE), (ACCOUNT_RULE, HUB)])
    def test_result_of_a_deleted_repository_is_none_of_a_new_one(self, deployed_as: str, account: str) -> None:
        with deployed_organization(deployed_as) as deployed:
            deployed.create_repositories("old", account=account)
            deployed.evaluate()
            deployed.organization.delete_repository(account, HOME, "old")
            deployed.config.record(account, HOME, "old")
            deployed.create_repositories("new", account=account)
            run = deployed.status(regions=HOME)
        assert run.rows[account, HOME] == LACKS_ONE
        assert run.status == 1

    def test_repository_that_is_counted_but_not_listed_needs_a_result(self) -> None:
        """A list that is cut, or behind."""
        with deployed_organization() as deployed:
            deployed.create_repositories("team/app", account=ONE)
            deployed.evaluate()
            deployed.create_repositories("team/api", account=ONE)
            deployed.data.unlisted.add("team/api")
            run = deployed.status(regions=HOME)
        assert run.rows[ONE, HOME] == LACKS_ONE

    def test_old_result_of_a_repository_that_is_not_recorded_counts(self) -> None:
        """The recorder was stopped before the repository was created, and the rule has stopped since."""
        with deployed_organization() as deployed:
            deployed.organization.create_repository(ONE, HOME, "team/api")
            deployed.evaluate()
            deployed.organization.config_store.age(timedelta(hours=49))
            deployed.create_repositories("team/app", account=ONE)
            deployed.report("team/app", account=ONE)
            run = deployed.status(regions=HOME)
        reason = "some results are older than two periods (48 hours)"
        assert run.rows[ONE, HOME] == f"partly evaluated | 1 of 2 | {reason}"


class TestOfWhichRule:
    """A rule that is named like that of the stack may be another one."""

    def test_results_of_two_rules_cannot_be_told_apart(self) -> None:
        """As after a move from one hub to another, before the first deployment is deleted."""
        names = f"{RULE}-conformance-pack-abc12xyz9", f"{RULE}-conformance-pack-def34uvw8"
        with deployed_organization() as deployed:
            deployed.config.put_rule(ONE, HOME, names[1])
            deployed.create_repositories("team/app", account=ONE)
            deployed.evaluate()
            run = deployed.status(regions=HOME)
        reason = f"results of 2 rules, of which one is not this stack's: {', '.join(names)}"
        assert run.rows[ONE, HOME] == f"evaluated | 1 of 1 | {reason}"
        assert run.status == 1

    def test_rule_without_results_does_not_matter(self) -> None:
        with deployed_organization() as deployed:
            deployed.create_repositories("team/app", account=ONE)
            deployed.evaluate()
            deployed.config.put_rule(ONE, HOME, f"{RULE}-conformance-pack-def34uvw8")
            run = deployed.status(regions=HOME)
        assert (run.rows[ONE, HOME], run.status) == ("evaluated | 1 of 1", 0)
