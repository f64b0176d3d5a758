"""One caller who meets all demands at once: what is tied together stays one person."""

from collections.abc import Iterable
from typing import Final

from ecr_exposure.exposure.budget import Budget
from ecr_exposure.exposure.demands import Demand
from ecr_exposure.exposure.group import ALWAYS, IDENTITY, TAGGING, TIMES, WAYS, Grouped, GroupSolver, Values
from ecr_exposure.exposure.keys import key_of
from ecr_exposure.exposure.outsider import Outsider


def group(demands: Iterable[Demand]) -> dict[str, list[Demand]]:
    """Return the demands by key."""
    grouped: dict[str, list[Demand]] = {}
    for demand in demands:
        grouped.setdefault(demand.key, []).append(demand)
    return grouped


class Callers:
    """Finds callers for one policy; what was found for a group of keys serves again."""

    def __init__(self, outsider: Outsider, budget: Budget) -> None:
        """Start with nothing found."""
        self.outsider = outsider
        self._budget = budget
        self._found: dict[object, Values | None] = {}

    def find(self, grouped: Grouped, action: str) -> Values | None:
        """Return the context of a request for the action that meets all demands; None where there is none.

        grouped: demands by key, none of them linked. The context holds "principal" too, the ARN that
        calls. Raises TooComplexError.
        """
        ways = [key for key in grouped if key_of(key).presence in WAYS]
        rest = [key for key in grouped if key not in _GROUPED and key not in ways]
        values: Values = {}
        for name, keys in (*_GROUPS, ("way", ways), *((key, (key,)) for key in dict.fromkeys((*rest, *ALWAYS)))):
            found = self._group(name, keys, grouped, action, values)
            if found is None:
                return None
            values |= found
        return values

    def _group(self, name: str, keys: Iterable[str], grouped: Grouped, action: str, values: Values) -> Values | None:
        relevant = {key: tuple(grouped[key]) for key in keys if key in grouped}
        owner = (values.get("aws:resourceaccount"), values.get("aws:resourceorgid")) if name in _BESIDE_OWNER else ()
        tagging = tuple(action in actions for actions in TAGGING.values()) if relevant else ()
        same = (name, *relevant.items(), owner, tagging)
        if same not in self._found:
            solver = GroupSolver(relevant, action, self.outsider, self._budget, values)
            self._found[same] = solver.solve(name)
        return self._found[same]


_GROUPS: Final = (
    ("owner", ("aws:resourceaccount", "aws:requestedregion", "aws:resourceorgid", "aws:resourceorgpaths")),
    ("identity", IDENTITY),
    ("organization", ("aws:principalorgid", "aws:principalorgpaths")),
    ("time", TIMES),
)
_GROUPED: Final = frozenset(key for _, keys in _GROUPS for key in keys)
_BESIDE_OWNER: Final = ("identity", "organization", "way")
