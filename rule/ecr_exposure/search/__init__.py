"""The search for a request that gets access. Other packages import only the names below.

In reading order: ``witness`` looks for a request that an Allow matches and no Deny. ``callers`` says who may call, and
``constraints`` what a condition requires of one key. ``request_context`` finds one consistent context, with
``variable_values`` where policy variables make keys depend on each other. ``candidates`` picks the value of one key,
``value_domains`` has the values that a key can have, and ``strings`` finds strings that match patterns.
"""

from ecr_exposure.search.callers import (
    CallerModel,
    RepositoryFacts,
    external_callers,
    is_trusted_network,
    may_grant_public_access,
    public_callers,
)
from ecr_exposure.search.strings import Budget, TooComplexError
from ecr_exposure.search.witness import Opening, find_openings

__all__ = [
    "Budget",
    "CallerModel",
    "Opening",
    "RepositoryFacts",
    "TooComplexError",
    "external_callers",
    "find_openings",
    "is_trusted_network",
    "may_grant_public_access",
    "public_callers",
]
