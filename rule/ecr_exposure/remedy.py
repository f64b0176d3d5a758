"""The smallest change that closes a policy and grants nothing new."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ecr_exposure.errors import RemedyError

MODES: Final = ("scope-to-organization", "scope-to-accounts", "remove-statements")


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedy:
    """A policy that grants no public access, and what is different.

    policy: the content of the closed policy; None: the policy is to be deleted. changes: a sentence for each change,
    none if the policy grants no public access. loses_access: who had access through the policy and loses it.
    """

    policy: dict[str, Any] | None
    changes: tuple[str, ...] = ()
    loses_access: tuple[str, ...] = ()


def remedy(  # noqa: PLR0913 - the keywords are the public interface
    policy: str | Mapping[str, object] | None,
    *,
    mode: str,
    organization: str | None = None,
    accounts: Iterable[str] = (),
    keep_services: Iterable[str] = (),
    owner: str | None = None,
    region: str | None = None,
    resource_tags: Mapping[str, str] | None = None,
) -> Remedy:
    """Return the smallest change of a policy after which it grants no public access."""
    raise RemedyError(f"not yet: {policy} {mode} {organization} {accounts} {keep_services} {owner} {region} {resource_tags}")
