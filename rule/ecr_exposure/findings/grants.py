"""What an exposure is made of: the grant, the request that proves it, the advisory beside it."""

from dataclasses import dataclass

from ecr_exposure.policy.actions import Capability
from ecr_exposure.policy.evaluator import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What one statement gives to everyone.

    statement: its 0-based index. actions: the repository actions, each as ``ecr:Name``, sorted.
    capabilities: the most dangerous first; none for registry actions alone, which a repository
    policy cannot grant. reason: one sentence without a stop. witness: a request that is allowed;
    None only under the test ``unconditional``, which weighs no request.
    """

    statement: int
    sid: str | None
    actions: tuple[str, ...]
    capabilities: tuple[Capability, ...]
    reason: str
    witness: Request | None = None
