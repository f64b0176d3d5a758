"""What an exposure is made of: the grant, the request that proves it, the advisory beside it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from ecr_exposure.policy.actions import Capability


@dataclass(frozen=True, slots=True)
class Request:
    """One request to ECR.

    principal: the caller's ARN, an iam user or root, or an sts assumed-role or federated-user.
    action: such as ``ecr:BatchGetImage``.
    context: every condition key that the request carries, in lower case; nothing is derived.
    """

    principal: str
    action: str
    context: Mapping[str, str | tuple[str, ...]]

    def __str__(self) -> str:
        """Return the request in one line: who may do what, and from where."""
        caller = self.context.get("aws:principalarn", self.principal)
        address, endpoint = self.context.get("aws:sourceip"), self.context.get("aws:sourcevpce")
        origin = f" from {address}" if address else f" through {endpoint}" if endpoint else ""
        return f"{caller}{origin} may {self.action}"


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


class AdvisoryKind(Enum):
    """What an owner should know although it does not change the verdict."""

    CONFUSED_DEPUTY = "confused-deputy"
    DELETED_PRINCIPAL = "deleted-principal"
    LITERAL_STAR = "literal-star"
    PRIVATE_SOURCE_IP = "private-source-ip"
    PASSED_WINDOW = "passed-window"
    RESOURCE_ELEMENT = "resource-element"


@dataclass(frozen=True, slots=True, kw_only=True)
class Advisory:
    """One thing to know about one statement, given by its 0-based index."""

    kind: AdvisoryKind
    statement: int
    text: str
