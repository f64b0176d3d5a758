"""One group of keys that are tied together: values that meet every demand on them, on one person.

The groups: the repository's owner, who calls, his organization, the way in, the time. Every other key
stands alone.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from ecr_exposure.policy.condition_keys import Content, Presence, key_of
from ecr_exposure.policy.patterns import LITERAL
from ecr_exposure.search.callers import Outsider
from ecr_exposure.search.candidates import choose, choose_times, not_named, pattern_of
from ecr_exposure.search.constraints import Demand, holds
from ecr_exposure.search.strings import Budget, NotIn, Pattern, spell
from ecr_exposure.search.value_domains import CALLER_TYPES, caller_shapes, partitions_of, shapes_of, usual_caller

Values = dict[str, str | tuple[str, ...]]
Grouped = Mapping[str, Sequence[Demand]]

IDENTITY: Final = (
    "aws:principalarn",
    "aws:principalaccount",
    "aws:principaltype",
    "aws:userid",
    "aws:username",
    "principal",
)
TIMES: Final = ("aws:currenttime", "aws:epochtime", "aws:tokenissuetime")
WAYS: Final = (Presence.DIRECT, Presence.ENDPOINT, Presence.ENDPOINT_ORGANIZATION)
TAGGING: Final = {
    Presence.TAGS: ("ecr:CreateRepository", "ecr:TagResource", "ecr:ListTagsForResource"),
    Presence.TAG_KEYS: ("ecr:CreateRepository", "ecr:TagResource", "ecr:ListTagsForResource", "ecr:UntagResource"),
}
"""The actions whose requests pass tags:
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html
"""


class GroupSolver:
    """Solves one group; grouped: its demands by key. values: what is known of the owner."""

    def __init__(self, grouped: Grouped, action: str, outsider: Outsider, budget: Budget, values: Values) -> None:
        """Keep all of it."""
        self._grouped = grouped
        self._action = action
        self._outsider = outsider
        self._budget = budget
        self._values_before = values

    def solve(self, name: str) -> Values | None:
        """Return the values of a group, or of a key of that name; None where nothing meets the demands."""
        groups = {
            "owner": self._owner,
            "identity": self._identity,
            "organization": self._organization,
            "way": self._way,
            "time": self._time,
        }
        return groups[name]() if name in groups else self._alone(name)

    def _demands(self, key: str) -> Sequence[Demand]:
        return self._grouped.get(key, ())

    def _absent(self, key: str) -> bool:
        return all(demand.absent for demand in self._demands(key))

    def _owner(self) -> Values | None:
        found: Values = {}
        for key in ("aws:resourceaccount", "aws:requestedregion"):
            constant = self._outsider.constant(key)
            if constant is not None and not self._holds(key, constant):
                return None
            if constant is None:
                constant = self._present(key)
            if constant is None:
                return None
            found[key] = constant
        if not self._grouped.keys() & {"aws:resourceorgid", "aws:resourceorgpaths"}:
            return found
        organization = self._joined("aws:resourceorgid", "aws:resourceorgpaths")
        return None if organization is None else found | organization

    def _holds(self, key: str, value: str) -> bool:
        return all(demand.present and holds(demand, value) for demand in self._demands(key))

    def _identity(self) -> Values | None:
        for kind in CALLER_TYPES:
            if not self._holds("aws:principaltype", kind):
                continue
            if not (self._absent("aws:username") if kind != "User" else self._may_be_there("aws:username")):
                continue
            if not all(map(self._may_be_there, ("aws:principalarn", "aws:principalaccount", "aws:userid"))):
                continue
            found = self._usual(kind) or self._spelled(kind)
            if found is not None:
                return {**{k: v for k, v in found.items() if k in IDENTITY}, "aws:principaltype": kind}
        return None

    def _usual(self, kind: str) -> dict[str, str] | None:
        """Return the caller whom nobody would notice, if he meets the demands."""
        owner = self._values_before.get("aws:resourceaccount")
        account = self._outsider.account
        usual = usual_caller(kind, partitions_of(self._outsider.region)[0], account)
        fits = account != owner and all(
            holds(demand, usual[key]) for key in self._grouped if key in usual for demand in self._demands(key)
        )
        return usual if fits else None

    def _spelled(self, kind: str) -> dict[str, str] | None:
        patterns = [*self._patterns(kind)]
        for partition in partitions_of(self._outsider.region):
            for shape in caller_shapes(kind, partition):
                if (found := spell(shape, patterns, self._budget)) is not None:
                    return found
        return None

    def _patterns(self, kind: str) -> Iterator[Pattern]:
        for key in IDENTITY:
            nowhere = key == "aws:principaltype" or (key == "aws:username" and kind != "User")
            for demand in () if nowhere else self._demands(key):
                if demand.reading != "any":
                    yield pattern_of(demand, key)
        yield from not_named(self._outsider, ("account", "id"))
        yield from self._not_owners("account", "aws:resourceaccount")

    def _not_owners(self, tape: str, key: str) -> Iterator[Pattern]:
        """Yield what keeps a caller's id from being the owner's."""
        owner = self._values_before.get(key)
        if isinstance(owner, str):
            yield NotIn(tape, frozenset({owner}))

    def _may_be_there(self, key: str) -> bool:
        return all(demand.present for demand in self._demands(key))

    def _organization(self) -> Values | None:
        return self._joined("aws:principalorgid", "aws:principalorgpaths")

    def _joined(self, id_key: str, paths_key: str) -> Values | None:
        """Return the organization of somebody: none, or an id and one path in it."""
        if self._absent(id_key) and self._absent(paths_key):
            return {}
        if not (self._may_be_there(id_key) and self._may_be_there(paths_key)):
            return None
        patterns: list[Pattern] = [
            pattern_of(demand, tape)
            for key, tape in ((id_key, "organization"), (paths_key, "value"))
            for demand in self._demands(key)
            if demand.reading != "any"
        ]
        if key_of(id_key).content is Content.ORGANIZATION_ID:
            patterns += not_named(self._outsider, ("organization",))
            patterns += self._not_owners("organization", "aws:resourceorgid")
        for shape in shapes_of(Content.ORGANIZATION_PATH, ()):
            found = spell(shape, patterns, self._budget)
            if found is not None:
                return {id_key: found["organization"], paths_key: (found["value"],)}
        return None

    def _way(self) -> Values | None:
        keys = [key for key in self._grouped if key_of(key).presence in WAYS]
        endpoint = [key for key in keys if key_of(key).presence is not Presence.DIRECT]
        if all(map(self._absent, endpoint)) and (address := self._present("aws:sourceip")) is not None:
            return {"aws:sourceip": address}
        if not self._absent("aws:sourceip"):
            return None
        found: Values = {"aws:sourcevpce": "", "aws:sourcevpc": "", "aws:vpcsourceip": ""}
        joined = self._joined("aws:vpceorgid", "aws:vpceorgpaths")
        if joined is None:
            return None
        for key in dict.fromkeys([*found, *endpoint]):
            if key_of(key).presence is Presence.ENDPOINT:
                value = self._present(key)
                if value is None:
                    return None
                found[key] = value
        return found | joined

    def _time(self) -> Values | None:
        now, epoch, token = map(self._demands, TIMES)
        if not all(map(self._may_be_there, TIMES[:2])):
            return None
        variants = ([None] if self._absent(TIMES[2]) else []) + ([token] if self._may_be_there(TIMES[2]) else [])
        for variant in variants:
            found = choose_times(now, epoch, variant, self._outsider, self._budget)
            if found is not None:
                times: Values = {TIMES[0]: found[0], TIMES[1]: found[1]}
                return times if found[2] is None else times | {TIMES[2]: found[2]}
        return None

    def _alone(self, key: str) -> Values | None:
        if not self._can_be_there(key):
            return {} if self._absent(key) else None
        if key not in ALWAYS and self._absent(key):
            return {}
        value = self._values(key)
        return None if value is None else {key: value}

    def _can_be_there(self, key: str) -> bool:
        presence = key_of(key).presence
        if presence in TAGGING:
            return self._action in TAGGING[presence]
        return presence is not Presence.NEVER

    def _present(self, key: str) -> str | None:
        """Return a value of a key that is there; None where there is none."""
        if not self._may_be_there(key):
            return None
        return choose(key_of(key).content, self._demands(key), self._outsider, self._budget)

    def _values(self, key: str) -> str | tuple[str, ...] | None:
        demands = self._demands(key)
        if not self._may_be_there(key):
            return None
        unknown = key_of(key).content is Content.UNKNOWN
        if not key_of(key).multivalued and (not unknown or any(demand.plain for demand in demands)):
            value = self._present(key)
            if value is not None or not unknown:
                return value
            # Several values under an operator that reads one: what comes out of it is not documented.
            return self._several(key, [demand for demand in demands if not demand.plain], least=2)
        return self._several(key, demands)

    def _several(self, key: str, demands: Sequence[Demand], *, least: int = 1) -> tuple[str, ...] | None:
        """Return values of a key that together meet the demands; None where there are none."""
        for_all = [demand for demand in demands if not demand.some]
        values: list[str] = []
        wanted_each = [[*for_all, demand] for demand in demands if demand.some] or [for_all]
        while len(wanted_each) < least:
            wanted_each.append(for_all)
        for wanted in wanted_each:
            others = [_other_than(key, value) for value in values] if len(values) < least else []
            value = choose(key_of(key).content, [*wanted, *others], self._outsider, self._budget)
            if value is None:
                return None
            values.append(value)
        return tuple(dict.fromkeys(values))


def _other_than(key: str, value: str) -> Demand:
    return Demand(key, member=False, reading="text", texts=(value.translate(LITERAL),))


ALWAYS: Final = ("aws:securetransport", "aws:viaawsservice", "aws:principalisawsservice", "aws:useragent")
"""Keys that every request carries and that no group holds."""


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
