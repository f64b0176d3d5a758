"""Cases of the corpus through the handler, as the configuration item that AWS Config would send."""

from collections.abc import Iterator
from typing import Final

import pytest

from tests.corpus.each_case import each_case
from tests.corpus.loader import Case, all_cases
from tests.nightly import every
from tests.rule.member_account import MEMBER, REGION, MemberAccount, deployed

# `judge` alone is asked about each.
CASES: Final = every(3, [*all_cases()])


@pytest.fixture(scope="module")
def corpus_member() -> Iterator[MemberAccount]:
    with deployed() as member:
        yield member


@each_case(CASES)
def test_case_has_its_compliance(case: Case, corpus_member: MemberAccount) -> None:
    member, name = corpus_member, "team/app"
    if not member.organization.repositories(MEMBER, REGION):
        member.create(name, None)
    configuration = case.configuration
    owner = case.repository["account"]
    event = member.change_event(name, configuration=configuration, awsAccountId=owner)
    member.config.invoke(event, region=REGION)
    ((compliance, annotation),) = member.dashboard().values()
    assert compliance == case.expect["unconditional"]
    assert ((annotation or "").startswith("Cannot be evaluated: ")) == ("unconditional" in case.problems)
