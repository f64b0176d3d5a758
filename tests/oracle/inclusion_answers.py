"""Asks the oracle which of two policies allows more, about one repository, and confirms what it finds."""

from typing import Any, Final

from ecr_exposure import Request, is_allowed
from tests.oracle.policy_builder import NOW, ORG, OWNER, REGION, Json, policy, when
from tests.oracle.solver_inclusion import more_allowed
from tests.oracle.solver_search import Answer

QUESTION: Final[dict[str, Any]] = {"owner": OWNER, "region": REGION, "resource_tags": None, "now": NOW}
OF_ORG: Final = when("StringEquals", "aws:PrincipalOrgID", ORG)
NETWORK: Final = when("IpAddress", "aws:SourceIp", "203.0.113.0/24")


def document(statements: list[Json] | Json | None) -> str | None:
    """The policy with these statements, or with this one; None for no policy."""
    if statements is None:
        return None
    return policy(*(statements if isinstance(statements, list) else [statements]))


def arns(operator: str, value: Any) -> Json:
    """A condition on the caller's ARN."""
    return when(operator, "aws:PrincipalArn", value)


def accounts(operator: str, value: Any) -> Json:
    """A condition on the caller's account."""
    return when(operator, "aws:PrincipalAccount", value)


def request_of(found: dict[str, Any]) -> Request:
    """The request that the oracle found."""
    return Request(principal=found["principal"], action=found["action"], context=found["context"])


def check_inclusion(new: Any, old: Any, question: dict[str, Any] = QUESTION) -> Answer:
    """Whether `new` allows a request that `old` denies; `is_allowed` confirms the request that the oracle finds."""
    answer, found = more_allowed(new, old, **question)
    if found is not None:
        request = request_of(found())
        assert is_allowed(new, request), request
        assert not is_allowed(old, request), request
    return answer
